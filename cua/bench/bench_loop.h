#ifndef CUA_BENCH_LOOP_H
#define CUA_BENCH_LOOP_H

/* `cua run` on a desktop of the bench's, with a model on loopback. */

#include "cua/bench/bench_child.h"

/* As a person starts it, but for limits: there are none. json: on a pipe, else on a terminal. */
CUA_NODISCARD enum cua_status bench_loop_start(struct bench_desktop *desktop, const char *api,
		int port, bool json, struct bench_child *ret_child, struct cua_error *err);

/* bench_loop_word.c: a run against a server of the bench's own. *ret_ms: from the moment when the
 * first words of the model are sent until they are on the terminal. */
CUA_NODISCARD enum cua_status bench_loop_word(
		struct bench_desktop *desktop, double *ret_ms, struct cua_error *err);

#endif
