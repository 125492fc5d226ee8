#ifndef CUA_BENCH_PROCESSES_H
#define CUA_BENCH_PROCESSES_H

/* What processes use: those of one desktop, or one alone. */

#include "cua/bench/bench.h"

struct bench_usage {
	int processes;
	double pss_mb;  /* memory, what is shared divided by those who share it */
	double cpu_ms;  /* since they started */
	double wakeups; /* voluntary context switches since they started */
};

/* own: only cua's own processes and bubblewrap; otherwise the X server and applications, too. */
void bench_usage_read(const struct desktop_record *record, bool own, struct bench_usage *ret_usage);

/* What can be told of any process: those that hold keys keep how their memory is shared to
 * themselves. */
struct bench_process {
	double resident_mb, peak_mb; /* now; the most it was */
	double cpu_ms, wakeups;      /* since it started */
};

/* All 0 if it is gone. */
void bench_process_read(pid_t pid, struct bench_process *ret_process);

/* A process of the desktop's by the name of its program, of several that with the highest number:
 * one before it may still be ending. 0: none. */
pid_t bench_process_find(const struct desktop_record *record, const char *program);

/* MemAvailable of the machine. */
double bench_memory_available_mb(void);

#endif
