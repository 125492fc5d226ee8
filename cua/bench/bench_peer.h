#ifndef CUA_BENCH_PEER_H
#define CUA_BENCH_PEER_H

/* Other programs, started and timed beside ours. They run inside the sandbox, where shared memory
 * with the X server works for them as it would for any program on an ordinary desktop. A process of
 * ours in there, the runner, starts them and holds the watch, so that no more than fork to exit is
 * counted. */

#include "cua/bench/bench.h"

struct bench_runner;

CUA_NODISCARD enum cua_status bench_runner_start(struct bench_desktop *desktop,
		struct bench_runner **ret_runner, struct cua_error *err);
void bench_runner_stop(struct bench_runner *runner);

/**
 * bench_runner_run() - one program from start to end.
 * @argv: array of strings; "$DISPLAY", "$SIZE" and "$HOME" in them are replaced.
 *
 * Return: CUA_OK with *ret_ms; CUA_ERR_NOT_FOUND if it is not installed; CUA_ERR_APP if it failed.
 */
CUA_NODISCARD enum cua_status bench_runner_run(struct bench_runner *runner, const cJSON *argv,
		double *ret_ms, struct cua_error *err);

/* The other end: requests on standard input, answers on standard output, until it is closed. */
int bench_runner_main(void);

/* Starts argv and waits for its end; *ret_exit is -1 after a signal. */
CUA_NODISCARD enum cua_status bench_run_timed(
		char *const *argv, double *ret_ms, int *ret_exit, struct cua_error *err);

/* Says of a figure that its program is not there, and what installs it. */
void bench_figure_missing(struct bench_figure *figure);

#endif
