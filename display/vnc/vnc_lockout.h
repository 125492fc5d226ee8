#ifndef CUA_DISPLAY_VNC_VNC_LOCKOUT_H
#define CUA_DISPLAY_VNC_VNC_LOCKOUT_H

/* Slows down guessing: VNC passwords have eight characters, and libvncserver would take ten
 * tries a second. After five failures a source is refused for 1 s, then 2 s, up to a minute;
 * after twenty from anywhere, everybody is. Not thread-safe: the owner locks. */

#include <stdbool.h>
#include <stdint.h>

#define VNC_LOCKOUT_SOURCES 16

struct vnc_lockout_entry {
	uint32_t source;
	uint32_t failures;
	uint64_t last_us, refused_until_us; /* in the terms of cua_now_us() */
};

struct vnc_lockout {
	struct vnc_lockout_entry sources[VNC_LOCKOUT_SOURCES];
	struct vnc_lockout_entry all;
};

/* True while source may not try, whatever its password. */
bool vnc_lockout_refuses(const struct vnc_lockout *lockout, uint32_t source, uint64_t now_us);
/* True while there are failures that still count. */
bool vnc_lockout_remembers(const struct vnc_lockout *lockout, uint64_t now_us);
void vnc_lockout_failed(struct vnc_lockout *lockout, uint32_t source, uint64_t now_us);
/* Forgets the failures of source. For the control password only: who knows the view password
 * must not buy new guesses with it. */
void vnc_lockout_succeeded(struct vnc_lockout *lockout, uint32_t source);

#endif
