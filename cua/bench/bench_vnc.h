#ifndef CUA_BENCH_VNC_H
#define CUA_BENCH_VNC_H

/* x11vnc inside the sandbox and a viewer of ours outside: another way to see a desktop. */

#include <stdint.h>

#include "cua/bench/bench_peer.h"

struct bench_vnc;

/* CUA_ERR_NOT_FOUND if x11vnc is not installed. */
CUA_NODISCARD enum cua_status bench_vnc_start(
		struct bench_desktop *desktop, struct bench_vnc **ret_vnc, struct cua_error *err);
void bench_vnc_stop(struct bench_vnc *vnc);

/* Stops the server, or lets it go on. */
CUA_NODISCARD enum cua_status bench_vnc_pause(struct bench_vnc *vnc, struct bench_runner *runner,
		bool pause, struct cua_error *err);

/* Until the viewer shows these pixels, B8G8R8X8 of the whole screen; CUA_ERR_TIMEOUT. */
CUA_NODISCARD enum cua_status bench_vnc_wait(
		struct bench_vnc *vnc, const uint8_t *pixels, struct cua_error *err);

#endif
