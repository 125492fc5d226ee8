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
/* While waiting; costs a microsecond or two for each process. */
void load_sample(struct load *load);

/* Looks at every thread once: is one of them running, or waiting for a processor or a disk? Then it
 * counts as computing now. About a millisecond. */
bool load_is_running(struct load *load);

/* Processor time can be read at all. */
bool load_is_known(const struct load *load);
/* When an application was last seen computing, in the terms of cua_now_us(); 0: not since
 * load_begin(), or it did so before. */
uint64_t load_busy_us(const struct load *load);
/* The first time at which a sleeping application wakes by itself, between the two; 0 for none. */
uint64_t load_timer_us(const struct load *load, uint64_t from_us, uint64_t until_us);

#endif
