#ifndef CUA_DISPLAY_SESSION_H
#define CUA_DISPLAY_SESSION_H

/* The process at the root of a desktop's sandbox: it starts the X server, the window manager and
 * the session bus, and starts applications for whoever asks on its socket. It knows nothing of
 * the host, so applications live on when a host dies. */

#include <stdbool.h>
#include <stdint.h>

struct display_session_options {
	const char *dir; /* writable: Xauthority, session.sock, log/, bin/ */
	int width_px, height_px;
	int dpi;
	bool owns_displays;     /* /tmp/.X11-unix is this desktop's alone: its display is :0 */
	bool opengl;            /* the X server offers GLX */
	int64_t x_server_bytes; /* that the X server may hold; 0: no bound */
	int processes; /* that all of it may have, with threads; 0: somebody else sees to it */
	const char *egress_dir; /* where the egress proxy's socket and token are; NULL: no network
				 */
	int ready_fd;           /* gets one line: {"display": N} or {"error": "..."} */
};

/* The descriptor of a relay (cua/egress/relay.h) that the session starts. */
#define SESSION_RELAY_FD 3

/* Runs until the X server ends or SIGTERM; returns the exit status of the process. */
int display_session_run(const struct display_session_options *options);

#endif
