/* What may stand for an argument of a prompt, or in the address of a resource, where that is known.
 */

#include <string.h>

#include "agent/runs.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_internal.h"

#define VALUES_MAX 100 /* of the protocol */

struct values {
	cJSON *list;
	int total;
	const char *begin; /* what was typed of it so far */
};

static void add_value(struct values *values, const char *value, size_t len)
{
	char text[128];
	if (len >= sizeof(text) || strncmp(value, values->begin, strlen(values->begin)) != 0 ||
			strlen(values->begin) > len) {
		return;
	}
	memcpy(text, value, len);
	text[len] = '\0';
	if (values->total++ < VALUES_MAX) {
		cJSON_AddItemToArray(values->list, cJSON_CreateString(text));
	}
}

static void add_choices(struct values *values, const char *choices)
{
	for (const char *at = choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL) {
		add_value(values, at, strcspn(at, "|"));
	}
}

/* The newest first. */
static enum cua_status add_runs(struct values *values, struct cua_error *err)
{
	struct agent_run_summary *runs = NULL;
	size_t count = 0;
	enum cua_status status = agent_runs_list(&runs, &count, err);
	for (size_t i = count; i > 0; i--) {
		add_value(values, runs[i - 1].id, strlen(runs[i - 1].id));
	}
	agent_runs_free(runs, count);
	return status;
}

static enum cua_status complete_prompt(const struct mcp_serve *serve, const char *name,
		const char *argument, struct values *values, struct cua_error *err)
{
	const struct mcp_serve_prompt_argument *arguments = mcp_serve_prompt_arguments(serve, name);
	if (!arguments) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "there is no prompt \"%.80s\" here", name);
	}
	for (size_t i = 0; i < MCP_SERVE_PROMPT_ARGUMENTS && arguments[i].name; i++) {
		if (strcmp(arguments[i].name, argument) == 0) {
			add_choices(values, arguments[i].choices);
			return CUA_OK;
		}
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0, "the prompt %.80s has no argument \"%.80s\"", name,
			argument);
}

static enum cua_status complete_uri(const struct mcp_serve *serve, const char *uri,
		struct values *values, struct cua_error *err)
{
	for (size_t i = 0; i < serve->resource_count; i++) {
		if (strcmp(serve->resources[i]->uri, uri) == 0) {
			return serve->resources[i]->is_of_runs ? add_runs(values, err) : CUA_OK;
		}
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0, "there is no template \"%.200s\" here", uri);
}

static enum cua_status complete(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	const struct mcp_serve *serve = call->session->serve;
	const cJSON *ref = cua_json_member(call->arguments, "ref");
	const cJSON *argument = cua_json_member(call->arguments, "argument");
	const char *type = cua_json_text(ref, "type");
	cJSON *whole = cJSON_CreateObject();
	cJSON *completion = cJSON_AddObjectToObject(whole, "completion");
	struct values values = { .list = cJSON_AddArrayToObject(completion, "values"),
		.begin = cua_json_text(argument, "value") };
	enum cua_status status = strcmp(type, "ref/prompt") == 0
			? complete_prompt(serve, cua_json_text(ref, "name"),
					  cua_json_text(argument, "name"), &values, err)
			: strcmp(type, "ref/resource") == 0
			? complete_uri(serve, cua_json_text(ref, "uri"), &values, err)
			: CUA_FAIL(err, CUA_ERR_INVAL, 0,
					  "ref.type must be \"ref/prompt\" or \"ref/resource\"");
	if (status != CUA_OK) {
		cJSON_Delete(whole);
		return status;
	}
	cJSON_AddNumberToObject(completion, "total", values.total);
	cJSON_AddBoolToObject(completion, "hasMore", values.total > VALUES_MAX);
	result->whole = whole;
	return CUA_OK;
}

int mcp_serve_complete(struct mcp_serve_asked *asked)
{
	static const struct mcp_serve_tool method = {
		.name = "completion/complete", .run = complete, .is_method = true
	};
	const cJSON *argument = cua_json_member(asked->message->params, "argument");
	if (!cua_json_string(argument, "name") || !cua_json_string(argument, "value")) {
		return mcp_serve_wrong_params(
				asked, "argument must have a name and a value, two strings");
	}
	return mcp_serve_begin(asked, &method);
}
