#ifndef CUA_DISPLAY_SESSION_SLOW_H
#define CUA_DISPLAY_SESSION_SLOW_H

/* A process that gets the processor for a fraction of the time only: it is stopped and continued in
 * turn, for a while. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <uv.h>

#include "cua/base/error.h"

struct session_slow {
	uv_timer_t timer;
	int fd; /* of the process; -1 while none is slowed down */
	bool stopped;
	uint64_t until_ms; /* uv_now() */
};

void session_slow_init(struct session_slow *slow, uv_loop_t *loop);
/* One at a time: whoever was slowed down before goes on. pid 0: nobody is from here on.
 * CUA_ERR_NOT_FOUND: no such process. */
CUA_NODISCARD enum cua_status session_slow_down(
		struct session_slow *slow, pid_t pid, struct cua_error *err);

#endif
