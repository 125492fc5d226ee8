#ifndef CUA_DISPLAY_FLOOD_H
#define CUA_DISPLAY_FLOOD_H

/* Clients that drown the window manager in events. */

#include "display/display_internal.h"

/* Every event of the display; costs next to nothing while no sample is taken. */
void flood_event(struct display *display, const XEvent *event);
/* At the beginning of an action: slows down who floods the root window, which keeps everybody busy
 * who listens to it, if not late. */
CUA_NODISCARD enum cua_status flood_check(struct display *display, struct cua_error *err);
/* Takes a tenth of a second, and up to 3 s more where programs have to be tried. *ret_found: a
 * client made more events than the window manager can bear, and its process gets the processor for
 * a fraction of the time from now on, for a while. */
CUA_NODISCARD enum cua_status flood_slow_down(
		struct display *display, bool *ret_found, struct cua_error *err);

#endif
