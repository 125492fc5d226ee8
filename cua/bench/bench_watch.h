#ifndef CUA_BENCH_WATCH_H
#define CUA_BENCH_WATCH_H

/* What a screen shows and when it changes, seen by an X client beside the desktop's host, on a
 * thread of its own: the truth that settling is compared with. */

#include "cua/bench/bench.h"

#define BENCH_CHANGES_MAX 4096

struct bench_change {
	uint64_t at_us;         /* as cua_now_us() */
	struct cua_region area; /* around the pixels that differ */
};

struct bench_watch;

CUA_NODISCARD enum cua_status bench_watch_start(const struct desktop_record *record,
		struct bench_watch **ret_watch, struct cua_error *err);
void bench_watch_stop(struct bench_watch *watch);

/* Forgets all changes so far. */
void bench_watch_mark(struct bench_watch *watch);
/* Changes since the mark, at most max of them, the oldest left out; returns how many. */
int bench_watch_changes(struct bench_watch *watch, struct bench_change *changes, int max);
/* Around the pixels that differ from these, B8G8R8X8 and of the same size, outside of the areas;
 * false if none do. */
bool bench_watch_differs(struct bench_watch *watch, const uint8_t *pixels,
		const struct cua_region *areas, int area_count, struct cua_region *ret_area);
/* The watched screen as PNG. */
CUA_NODISCARD enum cua_status bench_watch_png(
		struct bench_watch *watch, struct cua_buffer *png, struct cua_error *err);

#endif
