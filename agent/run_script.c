/* What scripts of tools do on the desktop, judged as if the model did it itself. */

#include <stdio.h>
#include <stdlib.h>

#include "agent/run_internal.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

/* A script that goes on after so many refusals is not listened to any more. */
#define REFUSED_MAX 32

struct script {
	struct agent_run *run;
	const struct agent_call *call;
	int refused;
	char *note; /* owned; what a person did meanwhile; NULL: nothing */
};

static bool may_act(const cJSON *actions, char *problem, size_t size, void *user_data)
{
	struct script *script = user_data;
	struct agent_run *run = script->run;
	const struct run_request request = { .call = script->call,
		.tool = "computer",
		.arguments = actions,
		.network = agent_desktop_network(run->desktop),
		.is_script = true };
	if (run_is_cancelled(run)) {
		run_end(run, CUA_AGENT_INTERRUPTED, NULL);
		return false;
	}
	if (run_is_interrupted(run)) {
		return false; /* the script ends; the run hears of it */
	}
	if (cua_now_us() >= run->deadline_us) {
		run_end_limit(run, AGENT_LIMIT_TIME, NULL);
		return false;
	}
	if (script->refused >= REFUSED_MAX) {
		snprintf(problem, size,
				"Not run: %d actions of this script were refused. It gets no more.",
				REFUSED_MAX);
		return true;
	}
	agent_desktop_glance(run->desktop);
	switch (run_policy_pass(run, &request, problem, size, &script->note)) {
	case RUN_PASS_GO:
		/* What it sees now, it has read. */
		return run_policy_read(run, &request, NULL);
	case RUN_PASS_REFUSED:
		script->refused++;
		return true;
	case RUN_PASS_OVER:
		break;
	}
	return false;
}

enum cua_status run_script(struct agent_run *run, const struct agent_call *call,
		struct agent_outcome *ret_outcome, struct cua_error *err)
{
	struct script script = { .run = run, .call = call };
	enum cua_status status = agent_desktop_tool(run->desktop, call->tool, call->tool_arguments,
			may_act, &script, ret_outcome, err);
	if (script.note && !ret_outcome->person_note &&
			cJSON_AddStringToObject(ret_outcome->answer, "person_note", script.note)) {
		ret_outcome->person_note = cua_json_string(ret_outcome->answer, "person_note");
	}
	free(script.note);
	return status;
}
