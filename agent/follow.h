#ifndef CUA_AGENT_FOLLOW_H
#define CUA_AGENT_FOLLOW_H

/* Watching a run of another process by its journal. */

#include <cjson/cJSON.h>

#include "cua/base/error.h"

/**
 * agent_follow() - every event of a run, those that are there first, as they are written.
 * @run_dir:   the folder of the run.
 * @cancel_fd: readable: stop; -1 for none.
 *
 * Return: CUA_OK after run_end, when nobody goes on with the run; CUA_ERR_CLOSED if its process is
 *         gone without one; CUA_ERR_CANCELLED; CUA_ERR_NOT_FOUND; CUA_ERR_IO; CUA_ERR_NOMEM.
 */
CUA_NODISCARD enum cua_status agent_follow(const char *run_dir, int cancel_fd,
		void (*on_event)(const cJSON *event, void *user_data), void *user_data,
		struct cua_error *err);

#endif
