#include "cua/policy_call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/model/json_span.h"
#include "agent/tools/tool.h"
#include "cua/base/json.h"
#include "cua/base/nearest.h"
#include "cua/base/util.h"
#include "cua/contract/action.h"
#include "cua/contract/action_text.h"

/* --- the tool --- */

static enum cua_status no_such_tool(const char *name, struct cua_error *err)
{
	struct cua_nearest nearest = { .word = name };
	char hint[CUA_NEAREST_HINT_SIZE];
	for (size_t i = 0; tool_table[i]; i++) {
		cua_nearest_try(&nearest, tool_table[i]->name);
	}
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		cua_nearest_try(&nearest, cua_action_table[i].name);
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0, "there is no tool or action '%.64s'%s", name,
			cua_nearest_hint(&nearest,
					"; cua tools and cua --help list them; a tool of an MCP "
					"server is mcp:SERVER:TOOL",
					hint));
}

/* "mcp:SERVER:TOOL", an action of the computer, or a tool. */
static enum cua_status take_tool(
		char *name, cJSON *arguments, struct agent_policy_call *call, struct cua_error *err)
{
	static const char *const others[] = { "computer", "mcp_tools", "safety_check" };
	call->tool = name;
	if (strncmp(name, "mcp:", 4) == 0 || strcmp(name, "mcp") == 0) {
		char *tool = name[3] ? strchr(name + 4, ':') : NULL;
		if (!tool || tool == name + 4 || !tool[1]) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"a tool of an MCP server is mcp:SERVER:TOOL");
		}
		*tool = '\0';
		call->tool = "mcp";
		call->server = name + 4;
		call->server_tool = tool + 1;
		return CUA_OK;
	}
	if (cua_action_find(name)) {
		call->tool = "computer";
		cJSON_DeleteItemFromObjectCaseSensitive(arguments, "action");
		return cJSON_AddStringToObject(arguments, "action", name)
				? CUA_OK
				: CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "action");
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(others); i++) {
		if (strcmp(others[i], name) == 0) {
			return CUA_OK;
		}
	}
	return tool_find(name) ? CUA_OK : no_such_tool(name, err);
}

/* --- its arguments --- */

static const struct cua_arg_spec *action_argument(const cJSON *arguments, const char *name)
{
	const struct cua_action_spec *spec = cua_action_find(cua_json_text(arguments, "action"));
	for (const struct cua_arg_spec *arg = spec ? spec->args : NULL; arg && arg->name; arg++) {
		if (strcmp(arg->name, name) == 0) {
			return arg;
		}
	}
	return NULL;
}

static const struct tool_arg *tool_argument(const char *tool_name, const char *name)
{
	const struct tool *tool = tool_find(tool_name);
	for (const struct tool_arg *arg = tool ? tool->args : NULL; arg && arg->name; arg++) {
		if (strcmp(arg->name, name) == 0) {
			return arg;
		}
	}
	return NULL;
}

/* A list gets one more of what is given again. */
static void add_tool_value(cJSON *arguments, const struct tool_arg *arg, const char *text)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(arguments, arg->name);
	switch (arg->type) {
	case TOOL_ARG_STRING:
		cJSON_AddStringToObject(arguments, arg->name, text);
		break;
	case TOOL_ARG_INTEGER:
		cJSON_AddItemToObject(arguments, arg->name, cua_number_or_text(text));
		break;
	case TOOL_ARG_BOOLEAN:
		cJSON_AddItemToObject(arguments, arg->name, cua_boolean_or_text(text));
		break;
	case TOOL_ARG_STRINGS:
	case TOOL_ARG_INTEGERS:
		list = list ? list : cJSON_AddArrayToObject(arguments, arg->name);
		cJSON_AddItemToArray(list,
				arg->type == TOOL_ARG_STRINGS ? cJSON_CreateString(text)
							      : cua_number_or_text(text));
		break;
	}
}

/* "NAME=VALUE" or "NAME:=JSON". */
static enum cua_status add_argument(
		const char *tool, cJSON *arguments, char *word, struct cua_error *err)
{
	char *equals = strchr(word, '=');
	const bool is_json = equals && equals > word && equals[-1] == ':';
	const size_t name_len = equals ? (size_t)(equals - word) - is_json : 0;
	if (name_len == 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"'%.80s' is not NAME=VALUE, or NAME:=VALUE with JSON", word);
	}
	cJSON *json = is_json ? cJSON_Parse(equals + 1) : NULL;
	if (is_json && !json) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "'%.80s' is no JSON", equals + 1);
	}
	word[name_len] = '\0';
	const struct cua_arg_spec *of_action = action_argument(arguments, word);
	const struct tool_arg *of_tool = tool_argument(tool, word);
	if (json) {
		cJSON_AddItemToObject(arguments, word, json);
	} else if (strcmp(tool, "computer") == 0 && of_action) {
		cua_action_add_text(arguments, of_action, equals + 1);
	} else if (of_tool) {
		add_tool_value(arguments, of_tool, equals + 1);
	} else {
		cJSON_AddStringToObject(arguments, word, equals + 1);
	}
	return CUA_OK;
}

static enum cua_status check_names(const char *tool, const cJSON *arguments,
		const char *const *names, struct cua_error *err)
{
	const cJSON *argument = NULL;
	cJSON_ArrayForEach (argument, arguments) {
		struct cua_nearest nearest = { .word = argument->string };
		char hint[CUA_NEAREST_HINT_SIZE];
		bool is_known = false;
		for (size_t i = 0; names[i]; i++) {
			is_known = is_known || strcmp(names[i], argument->string) == 0;
			cua_nearest_try(&nearest, names[i]);
		}
		if (!is_known) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s takes no \"%.40s\"%s", tool,
					argument->string, cua_nearest_hint(&nearest, "", hint));
		}
	}
	return CUA_OK;
}

/* Could a run make it? What a server takes, it alone knows. */
static enum cua_status check_call(const char *name, const cJSON *arguments, struct cua_error *err)
{
	static const char *const look_up[] = { "query", "server", "tool", NULL };
	static const char *const check[] = { "id", "code", "message", NULL };
	const struct tool *tool = tool_find(name);
	if (strcmp(name, "computer") == 0) {
		struct cua_action action;
		enum cua_status status = cua_action_parse(arguments, NULL, &action, err);
		if (status == CUA_OK) {
			cua_action_finish(&action);
		}
		return status;
	}
	return tool ? tool_check(tool, arguments, err)
			: strcmp(name, "mcp_tools") == 0
			? check_names(name, arguments, look_up, err)
			: strcmp(name, "safety_check") == 0
			? check_names(name, arguments, check, err)
			: CUA_OK;
}

enum cua_status policy_call_read(char **words, int count, const char *json_arguments,
		struct agent_policy_call *call, cJSON **ret_arguments, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *arguments =
			json_arguments ? cJSON_Parse(json_arguments) : cJSON_CreateObject();
	if (!cJSON_IsObject(arguments)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "--arguments is not a JSON object");
	}
	if (count < 1) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "name a tool");
	}
	enum cua_status status = take_tool(words[0], arguments, call, err);
	for (int i = 1; status == CUA_OK && i < count; i++) {
		status = add_argument(call->tool, arguments, words[i], err);
	}
	if (status == CUA_OK) {
		status = agent_json_check_names(arguments, "arguments", err);
	}
	if (status == CUA_OK) {
		status = check_call(call->tool, arguments, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	call->arguments = arguments;
	*ret_arguments = CUA_STEAL(arguments);
	return CUA_OK;
}
