#ifndef CUA_DISPLAY_LOAD_H
#define CUA_DISPLAY_LOAD_H

/* Whether the applications of a desktop still compute, and when they mean to go on: from outside,
 * by the processor time of their processes and by what their first threads sleep in. All of it is
 * a hint: where /proc tells nothing, nothing is computing and no timer is known. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct load;

/* session: the first process of the desktop, as seen from here. NULL when memory runs out. */
struct load *load_create(pid_t session);
void load_destroy(struct load *load);

/* Before an input: whoever computes already does so for another reason. */
void load_begin(struct load *load);
/* What was computed up to now, an answer to us for one, does not count as used before the input. */
void load_disregard(struct load *load);
/* Nobody waits for it any longer: who has computed since load_begin() does so for another reason.
 */
void load_give_up(struct load *load);
/* While waiting; costs a microsecond or two for each process. */
void load_sample(struct load *load);

/* Looks at every thread: is one of them running, or waiting for a processor or a disk? Then it
 * counts as computing now. If none is, those of processes that have begun since are looked at, too.
 */
bool load_is_running(struct load *load);
/* How long that took the last time nobody ran: 30 microseconds for each thread, a browser has
 * more than a hundred. */
uint64_t load_look_us(const struct load *load);

/* A deadline that moves on while others keep the desktop's processes from computing. */
struct load_deadline {
	uint64_t us; /* as it stands, in the terms of cua_now_us() */
	uint64_t bound_us, delay_us;
};
/* Looks at every process, as load_deadline_is_over() does after bound_us: about ten microseconds
 * each. */
void load_deadline_set(const struct load *load, struct load_deadline *deadline, uint64_t bound_us);
/* How long the first thread of a process has waited for a processor in all; 0 if it is not known.
 * From any thread. */
uint64_t load_delay_ns(pid_t pid);
/* How long they have waited for a processor since it was set, at most 20 s; 0 on a desktop where
 * somebody computed before the input already. */
uint64_t load_held_back_us(const struct load *load, const struct load_deadline *deadline);
bool load_deadline_is_over(const struct load *load, struct load_deadline *deadline);

/* Processor time can be read at all. */
bool load_is_known(const struct load *load);
/* When an application was last seen computing, in the terms of cua_now_us(); 0: not since
 * load_begin(), or it did so before. */
uint64_t load_busy_us(const struct load *load);
/* The first time at which a sleeping application wakes by itself, between the two; 0 for none. */
uint64_t load_timer_us(const struct load *load, uint64_t from_us, uint64_t until_us);

#endif
