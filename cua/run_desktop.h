#ifndef CUA_RUN_DESKTOP_H
#define CUA_RUN_DESKTOP_H

/* The desktop of `cua run`: named, started for it, or found again when a run goes on. */

#include <limits.h>
#include <stdbool.h>

#include "agent/agent.h"
#include "cua/desktops.h"

struct run_desktop {
	struct desktop_record record;
	char socket_path[CUA_PATH_MAX + 16]; /* its API */
	bool is_own;                         /* started for this run, and so its to stop */
	bool is_new;                         /* to the run that goes on */
};

/**
 * run_desktop_open() - the desktop to run on; one that lost its host gets another.
 * @wanted:  its name; NULL: that of the run that goes on if it lives, else a new one.
 * @options: of one that is started for a new run; that of a run that goes on is started as its
 *           last one was.
 * @resumed: the run that goes on; NULL for a new one.
 */
CUA_NODISCARD enum cua_status run_desktop_open(const char *wanted,
		const struct cua_desktop_options *options,
		const struct cua_agent_resumable *resumed, struct run_desktop *ret_desktop,
		struct cua_error *err);

/* Stops it if that is the run's to do. One whose host died meanwhile stays: its applications live,
 * and the run can go on there. */
void run_desktop_close(const struct run_desktop *desktop, bool keep,
		const struct cua_agent_result *result);

#endif
