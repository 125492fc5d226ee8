#ifndef CUA_BENCH_ECHO_H
#define CUA_BENCH_ECHO_H

/* A process that sleeps until it is asked for so many bytes over a unix socket: what passing them
 * on costs on this machine, whoever makes them. */

#include "cua/bench/bench.h"

struct bench_echo;

CUA_NODISCARD enum cua_status bench_echo_start(struct bench_echo **ret_echo, struct cua_error *err);
void bench_echo_stop(struct bench_echo *echo);

/* Asks, and returns when all of them are here. */
CUA_NODISCARD enum cua_status bench_echo_ask(
		struct bench_echo *echo, size_t bytes, struct cua_error *err);

#endif
