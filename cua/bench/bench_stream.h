#ifndef CUA_BENCH_STREAM_H
#define CUA_BENCH_STREAM_H

/* A viewer of ours: follows a desktop's stream of changed rectangles over its WebSocket and keeps
 * what they show. */

#include "cua/bench/bench.h"

struct bench_stream;

/* With the first frame, which is the whole screen, shown. */
CUA_NODISCARD enum cua_status bench_stream_start(struct bench_desktop *desktop,
		struct bench_stream **ret_stream, struct cua_error *err);
void bench_stream_stop(struct bench_stream *stream);

/* Until these pixels are shown, B8G8R8X8 of the whole screen; CUA_ERR_TIMEOUT. */
CUA_NODISCARD enum cua_status bench_stream_wait(
		struct bench_stream *stream, const uint8_t *pixels, struct cua_error *err);
/* Until one more update is shown. */
CUA_NODISCARD enum cua_status bench_stream_next(struct bench_stream *stream, struct cua_error *err);

/* Bytes of the pictures of all updates so far. */
size_t bench_stream_bytes(const struct bench_stream *stream);

#endif
