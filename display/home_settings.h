#ifndef CUA_DISPLAY_HOME_SETTINGS_H
#define CUA_DISPLAY_HOME_SETTINGS_H

/* What a desktop's applications find in their settings. */

#include "display/display_internal.h"

/* Of a longer time it is not worth waiting for the end; KDE lets people choose up to 2 s. */
#define HOME_SETTINGS_CLICK_MAX_MS 3000U

/* The text of a file in the home; NULL without one, or one of more than max_bytes or no plain file.
 * The caller frees. */
char *home_settings_read(const struct display *display, const char *leaf, size_t max_bytes);

/* The longest time in which an application here may take presses for one click of more, as far as
 * a settings manager and files of settings tell it; at least the longest that is usual, at most
 * HOME_SETTINGS_CLICK_MAX_MS. */
unsigned int home_settings_click_ms(struct display *display);

#endif
