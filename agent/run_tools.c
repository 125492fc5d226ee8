/* Tools in a run: which are offered, and one call. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run_internal.h"
#include "agent/tools/tool.h"
#include "cua/base/json.h"
#include "cua/base/names.h"
#include "cua/base/util.h"

/* --- what is offered --- */

enum cua_status cua_agent_check_tools(const char *names, struct cua_error *err)
{
	char name[64];
	if (strcmp(names, "all") == 0 || strcmp(names, "none") == 0) {
		return CUA_OK;
	}
	const char *at = names, *one = NULL;
	size_t len = 0;
	while (cua_names_next(&at, &one, &len)) {
		snprintf(name, sizeof(name), "%.*s", (int)(len < 60 ? len : 60), one);
		if (!tool_find(name)) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"there is no tool \"%s\"; cua tools lists them", name);
		}
	}
	return CUA_OK;
}

/* A person who can be asked is needed for one of them. */
static bool is_offered(const struct agent_run *run, const struct tool *tool)
{
	const char *names = run->options->tools;
	return names && strcmp(names, "none") != 0 &&
			(strcmp(names, "all") == 0 || cua_names_have(names, tool->name));
}

bool run_tools_open(struct agent_run *run)
{
	run->functions = cJSON_CreateArray();
	for (size_t i = 0; tool_table[i]; i++) {
		if (!is_offered(run, tool_table[i])) {
			continue;
		}
		cJSON *function = cJSON_CreateObject();
		cJSON_AddStringToObject(function, "name", tool_table[i]->name);
		cJSON_AddStringToObject(function, "description", tool_table[i]->help);
		cJSON_AddItemToObject(function, "parameters", tool_schema(tool_table[i]));
		cJSON_AddItemToArray(run->functions, function);
	}
	if (!run->functions) {
		struct cua_error why;
		cua_error_set(&why, CUA_ERR_NOMEM, ENOMEM, "tools");
		run_end_desktop(run, &why);
	}
	return run->functions != NULL;
}

/* --- a call --- */

struct run_request run_tool_request(struct agent_run *run, const struct agent_call *call)
{
	return (struct run_request){ .call = call,
		.tool = call->tool,
		.arguments = call->tool_arguments,
		.workspace = agent_desktop_workspace(run->desktop),
		.network = agent_desktop_network(run->desktop) };
}

/* What the person says; the words of an answer are the model's to read. */
static enum cua_status ask_person(struct agent_run *run, const struct agent_call *call,
		struct agent_outcome *ret_outcome, struct cua_error *err)
{
	const struct cua_agent_options *options = run->options;
	const char *question = cua_json_text(call->tool_arguments, "question");
	CUA_AUTO_FREE char *said = options->ask
			? options->ask("The model", question, run->deadline_us, options->user_data)
			: NULL;
	const char *words = said ? said
			: run_is_interrupted(run)
			? "The person interrupted the run instead of answering."
			: "Nobody is there to answer. Decide by what you know, or give up and say "
			  "what you would need.";
	ret_outcome->answer = cJSON_CreateObject();
	return cJSON_AddStringToObject(ret_outcome->answer, "words", words)
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer of a person");
}

/* In one that another run has left, names that the policy knows may mean something else: functions,
 * aliases, a folder. A run that is resumed goes on with its own. */
static enum cua_status renew(struct agent_run *run, const char *tool,
		struct agent_outcome *ret_outcome, struct cua_error *err)
{
	static const char *const names[CUA_ARRAY_LEN(run->has_own)] = { "bash", "python" };
	const bool goes_on = run->options->resume && !run->options->desktop_is_new;
	size_t i = 0;
	while (i < CUA_ARRAY_LEN(names) && strcmp(names[i], tool) != 0) {
		i++;
	}
	if (goes_on || i == CUA_ARRAY_LEN(names) || run->has_own[i]) {
		return CUA_OK;
	}
	CUA_AUTO_JSON cJSON *restart = cJSON_CreateObject();
	cJSON_AddBoolToObject(restart, "restart", true);
	enum cua_status status = agent_desktop_tool(
			run->desktop, tool, restart, NULL, NULL, ret_outcome, err);
	run->has_own[i] = status == CUA_OK && ret_outcome->status == CUA_OK;
	return status;
}

/* In the desktop's sandbox. */
static enum cua_status run_on_desktop(struct agent_run *run, const struct agent_call *call,
		struct agent_outcome *ret_outcome, struct cua_error *err)
{
	enum cua_status status = renew(run, call->tool, ret_outcome, err);
	if (status != CUA_OK || ret_outcome->status != CUA_OK) {
		return status; /* what stands in the way is the answer of the call */
	}
	agent_outcome_finish(ret_outcome);
	return run_script(run, call, ret_outcome, err);
}

enum cua_status run_tool(struct agent_run *run, const struct agent_call *call,
		struct agent_outcome *ret_outcome, struct cua_error *err)
{
	struct cua_error why = { 0 };
	const struct tool *tool = tool_find(call->tool);
	*ret_outcome = (struct agent_outcome){ .failed_action = -1 };
	if (!tool || tool_check(tool, call->tool_arguments, &why) != CUA_OK) {
		ret_outcome->status = CUA_ERR_INVAL;
		snprintf(ret_outcome->message, sizeof(ret_outcome->message), "%s", why.msg);
		return CUA_OK;
	}
	if (strcmp(call->tool, "done") == 0) {
		/* A turn of done alone has ended the run. */
		ret_outcome->status = CUA_ERR_INVAL;
		snprintf(ret_outcome->message, sizeof(ret_outcome->message),
				"call done alone, when everything else is finished");
		return CUA_OK;
	}
	return tool->place == TOOL_IN_SANDBOX ? run_on_desktop(run, call, ret_outcome, err)
					      : ask_person(run, call, ret_outcome, err);
}

const char *run_find_done(const struct agent_turn *turn)
{
	for (size_t i = 0; i < turn->call_count; i++) {
		const struct agent_call *call = &turn->calls[i];
		if (call->kind == AGENT_CALL_TOOL && strcmp(call->tool, "done") == 0) {
			const char *answer = cua_json_text(call->tool_arguments, "answer");
			return i == 0 && turn->call_count == 1 && answer[0] ? answer : NULL;
		}
	}
	return NULL;
}
