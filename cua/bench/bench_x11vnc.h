#ifndef CUA_BENCH_X11VNC_H
#define CUA_BENCH_X11VNC_H

/* x11vnc inside the sandbox and a viewer of ours outside: another way to see a desktop. */

#include <stdint.h>

#include "cua/bench/bench_peer.h"
#include "cua/bench/bench_rfb.h"

struct bench_x11vnc {
	struct bench_desktop *desktop;
	int session_fd, pid; /* pid: inside */
	struct bench_rfb *viewer;
};

/* CUA_ERR_NOT_FOUND if x11vnc is not installed. */
CUA_NODISCARD enum cua_status bench_x11vnc_start(struct bench_desktop *desktop,
		struct bench_x11vnc **ret_x11vnc, struct cua_error *err);
void bench_x11vnc_stop(struct bench_x11vnc *x11vnc);

/* Stops the server, or lets it go on. */
CUA_NODISCARD enum cua_status bench_x11vnc_pause(struct bench_x11vnc *x11vnc,
		struct bench_runner *runner, bool pause, struct cua_error *err);

#endif
