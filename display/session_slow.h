#ifndef CUA_DISPLAY_SESSION_SLOW_H
#define CUA_DISPLAY_SESSION_SLOW_H

/* Processes that get the processor for a fraction of the time only: they are stopped and continued
 * in turn, for a while. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <uv.h>

#include "cua/base/error.h"
#include "display/session_client.h"

struct session_slow {
	uv_timer_t timer;
	struct session_slow_process {
		pid_t pid;
		int fd;
	} processes[SESSION_SLOW_MAX];
	int count;
	bool stopped;
	uint64_t until_ms; /* uv_now() */
};

void session_slow_init(struct session_slow *slow, uv_loop_t *loop);
/* From here on these and nobody else, at first stopped; whoever was slowed down before and is not
 * among them goes on. Those that have ended do not count. At most SESSION_SLOW_MAX. */
CUA_NODISCARD enum cua_status session_slow_down(
		struct session_slow *slow, const pid_t *pids, int count, struct cua_error *err);

#endif
