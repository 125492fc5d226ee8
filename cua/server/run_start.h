#ifndef CUA_SERVER_RUN_START_H
#define CUA_SERVER_RUN_START_H

/* Starting the agent of a run: `cua run`, as a person would, which goes on without us. */

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"
#include "cua/server/fields.h"

/* Of a request for a run, beside task and project; of the defaults of a project, too. */
extern const struct fields run_settings;

/* Where a model is, what an agent may do, and files of this machine are an admin's to say: a key
 * goes with a request to a model, and a policy decides who is asked. CUA_ERR_POLICY. */
CUA_NODISCARD enum cua_status run_settings_check(
		const cJSON *settings, bool is_admin, struct cua_error *err);

struct run_wish {
	const char *task;
	const char *workspace; /* NULL: none of its own */
	const cJSON *settings; /* as run_settings says, checked */
	int spares;            /* desktops that are kept ready for those that follow */
};

/**
 * run_start() - until it has begun, or could not; some hundred milliseconds, on a thread.
 * @id: the name of the run.
 *
 * Return: CUA_OK; CUA_ERR_EXISTS if it has begun before; CUA_ERR_INVAL for settings that `cua run`
 *         does not take and CUA_ERR_UNAVAILABLE for what this machine lacks, with what it said.
 */
CUA_NODISCARD enum cua_status run_start(
		const char *id, const struct run_wish *wish, struct cua_error *err);
/* The same for one that broke off. */
CUA_NODISCARD enum cua_status run_start_again(const char *id, struct cua_error *err);

#endif
