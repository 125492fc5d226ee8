#include "cua/bench/bench.h"

#include "cua/base/util.h"
#include "cua/bench/bench_peer.h"

struct cua_point bench_usual_size(const struct bench *bench)
{
	for (int i = 0; i < bench->size_count; i++) {
		if (bench->sizes[i].x == 1280 && bench->sizes[i].y == 800) {
			return bench->sizes[i];
		}
	}
	return bench->sizes[0];
}

/* Others may be absent or fail; ours may not. */
static enum cua_status drop(struct bench_turn *turn, enum cua_status status,
		const struct cua_error *error, struct cua_error *err)
{
	if (status == CUA_ERR_CANCELLED || !turn->may_fail) {
		*err = *error;
		cua_error_prefix(err, "%s", turn->by);
		return status;
	}
	turn->gone = true;
	if (status == CUA_ERR_NOT_FOUND) {
		bench_figure_missing(turn->figure);
	} else {
		bench_figure_note(turn->figure, "failed: %.200s", error->msg);
	}
	return CUA_OK;
}

static enum cua_status take_turn(
		struct bench *bench, struct bench_turn *turn, bool counts, struct cua_error *err)
{
	struct cua_error error = { 0 };
	enum cua_status status = bench_check(bench, err);
	if (status != CUA_OK) {
		return status;
	}
	double ms = -1;
	const uint64_t started_us = cua_now_us();
	status = turn->take(turn, &ms, &error);
	ms = ms < 0 ? bench_ms_since(started_us) : ms;
	if (status != CUA_OK) {
		return drop(turn, status, &error, err);
	}
	return counts ? bench_figure_sample(turn->figure, ms, err) : CUA_OK;
}

enum cua_status bench_take_turns(struct bench *bench, const struct bench_key *key,
		struct bench_turn *turns, int count, struct cua_error *err)
{
	bench_progress(bench, "%s: %s%s%s", key->topic, key->name,
			key->screen && key->screen[0] ? ", " : "", key->screen ? key->screen : "");
	for (int i = 0; i < count; i++) {
		struct bench_key own = *key;
		own.by = turns[i].by;
		turns[i].gone = false;
		turns[i].figure = bench_figure_add(bench, &own, err);
		if (!turns[i].figure) {
			return CUA_ERR_NOMEM;
		}
	}
	enum cua_status status = CUA_OK;
	bool more = true;
	for (int round = 0; status == CUA_OK && more; round++) {
		more = false;
		for (int i = 0; status == CUA_OK && i < count; i++) {
			if (!turns[i].gone && bench_figure_wants_more(bench, turns[i].figure)) {
				status = take_turn(bench, &turns[i], round > 0, err);
				more = true;
			}
		}
	}
	return status;
}
