#ifndef CUA_BENCH_PROCESSES_H
#define CUA_BENCH_PROCESSES_H

/* What the processes of one desktop use. */

#include "cua/bench/bench.h"

struct bench_usage {
	int processes;
	double pss_mb;  /* memory, what is shared divided by those who share it */
	double cpu_ms;  /* since they started */
	double wakeups; /* voluntary context switches since they started */
};

/* own: only cua's own processes and bubblewrap; otherwise the X server and applications, too. */
void bench_usage_read(const struct desktop_record *record, bool own, struct bench_usage *ret_usage);

/* MemAvailable of the machine. */
double bench_memory_available_mb(void);

#endif
