#ifndef CUA_DISPLAY_GUARD_H
#define CUA_DISPLAY_GUARD_H

/* A process that sleeps until the host is gone, however it went, and then releases every key and
 * button of the X server. */

#include <sys/types.h>

#include "cua/base/error.h"
#include "display/desktop_record.h"

struct display_guard {
	pid_t pid;
	int life_fd; /* the guard wakes when nobody has it open */
};

/* Before the host has threads or a connection to the X server. */
CUA_NODISCARD enum cua_status display_guard_start(const struct desktop_record *record,
		struct display_guard *ret_guard, struct cua_error *err);
/* The host has released what it held. */
void display_guard_stop(struct display_guard *guard);

#endif
