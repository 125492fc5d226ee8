#ifndef CUA_DISPLAY_HOME_SETTINGS_H
#define CUA_DISPLAY_HOME_SETTINGS_H

/* What a desktop's applications find in their settings, read from outside. */

#include "display/display_internal.h"

/* The text of a file in the home; NULL without one, or one that is too large or no plain file. The
 * caller frees. */
char *home_settings_read(const struct display *display, const char *leaf);

/* The longest time in which an application here may take presses for one click of more, as far as
 * files of settings tell it; at least the longest that is usual. */
unsigned int home_settings_click_ms(const struct display *display);

#endif
