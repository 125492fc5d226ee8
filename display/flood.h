#ifndef CUA_DISPLAY_FLOOD_H
#define CUA_DISPLAY_FLOOD_H

/* Clients that drown the window manager in events. */

#include "display/display_internal.h"

/* Every event of the display; costs next to nothing while no sample is taken. */
void flood_event(struct display *display, const XEvent *event);
/* At the beginning of an action: slows down who floods the root window, which keeps everybody busy
 * who listens to it, if not late. */
CUA_NODISCARD enum cua_status flood_check(struct display *display, struct cua_error *err);
/* Takes a tenth of a second, and at most 5 s more where programs have to be tried. *ret_found:
 * clients made more events than the window manager can bear, and their processes get the processor
 * for a fraction of the time from now on, for a while. */
CUA_NODISCARD enum cua_status flood_slow_down(
		struct display *display, bool *ret_found, struct cua_error *err);

/* For the search: these are slowed down, stopped at first, and nobody else; never those that the
 * desktop stands on. False if the session does not answer. */
bool flood_slow_only(struct display *display, const pid_t *pids, int count);
/* Whether its properties change all the time; takes 0.2 s. */
CUA_NODISCARD enum cua_status flood_look_at_root(
		struct display *display, bool *ret_flooded, struct cua_error *err);

/* flood_search.c: who floods the root window; 0 if it is not found out, or over. Those found are
 * not slowed down yet. */
CUA_NODISCARD enum cua_status flood_search(struct display *display, pid_t pids[FLOOD_SLOWED_MAX],
		int *ret_count, struct cua_error *err);

#endif
