#ifndef CUA_BENCH_RFB_H
#define CUA_BENCH_RFB_H

/* A viewer of RFB: the same for whatever server it is connected to. libvncclient, with the
 * encodings CopyRect and Tight, without JPEG: pixels are exact. */

#include <stdint.h>

#include "cua/bench/bench.h"

struct bench_rfb;

/* fd: a connection that is there already; owned from here on, whatever the outcome. server: its
 * name, for messages. */
CUA_NODISCARD enum cua_status bench_rfb_start(struct bench *bench, int fd, const char *server,
		int width_px, int height_px, struct bench_rfb **ret_rfb, struct cua_error *err);
void bench_rfb_stop(struct bench_rfb *rfb);

/* Until it shows these pixels, B8G8R8X8 of the whole screen; CUA_ERR_TIMEOUT. */
CUA_NODISCARD enum cua_status bench_rfb_wait(
		struct bench_rfb *rfb, const uint8_t *pixels, struct cua_error *err);
/* Until nothing has come for so long. */
CUA_NODISCARD enum cua_status bench_rfb_rest(struct bench_rfb *rfb, int ms, struct cua_error *err);
/* What comes for so long; *ret_updates of the whole. */
CUA_NODISCARD enum cua_status bench_rfb_watch(
		struct bench_rfb *rfb, int ms, int *ret_updates, struct cua_error *err);

/* From here on changes count. */
void bench_rfb_remember(struct bench_rfb *rfb);
/* Until every pixel of the area is another than it was; NULL: until any pixel of the screen is. */
CUA_NODISCARD enum cua_status bench_rfb_wait_changed(
		struct bench_rfb *rfb, const struct cua_region *area, struct cua_error *err);

CUA_NODISCARD enum cua_status bench_rfb_key(
		struct bench_rfb *rfb, uint32_t keysym, bool down, struct cua_error *err);

#endif
