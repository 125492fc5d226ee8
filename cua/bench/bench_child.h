#ifndef CUA_BENCH_CHILD_H
#define CUA_BENCH_CHILD_H

/* A program of ours at work, and what it prints, as it comes. */

#include <sys/types.h>

#include "cua/bench/bench.h"

struct bench_child {
	const struct bench *bench;
	pid_t pid;
	int out_fd;             /* of its standard output, ours */
	struct cua_buffer text; /* printed and not taken yet */
	size_t taken;           /* bytes of the line that was returned last */
};

/* argv[0] is a path. on_terminal: its standard output is a terminal, else a pipe. End it with
 * bench_child_end() on CUA_OK. */
CUA_NODISCARD enum cua_status bench_child_start(const struct bench *bench, const char *const *argv,
		bool on_terminal, struct bench_child *ret_child, struct cua_error *err);
/* Waits until it has printed more. CUA_ERR_CLOSED when it prints no more, CUA_ERR_TIMEOUT when it
 * is silent for minutes, CUA_ERR_CANCELLED when the person stops the run. */
CUA_NODISCARD enum cua_status bench_child_read(struct bench_child *child, struct cua_error *err);
/* The next line without its end; valid until the next call. Status as of bench_child_read(). */
CUA_NODISCARD enum cua_status bench_child_line(
		struct bench_child *child, const char **ret_line, struct cua_error *err);
/* Sends the signal, 0 for none, and waits for its end. Its exit status; -1 after a signal. */
int bench_child_end(struct bench_child *child, int signal);

#endif
