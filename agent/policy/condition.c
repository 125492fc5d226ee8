/* The conditions of "when": one row of the table for each, which checks what stands behind it in a
 * file, and matches it with a call. Each is yes, no, or, where the fact is not known, maybe. */

#include "agent/policy/condition.h"

#include <string.h>

#include "agent/policy/names.h"
#include "cua/base/json.h"
#include "cua/base/nearest.h"
#include "cua/base/util.h"

static const struct condition {
	const char *name;
	policy_check_fn *check;
	policy_match_fn *match;
	const char *help;
} conditions[] = {
	{ "tool", policy_check_tools, policy_match_tool,
			"computer, bash, python, text_editor, read_file, write_file, search, git, "
			"environment_setup, ask_person, done, mcp, mcp_tools, safety_check" },
	{ "action", policy_check_actions, policy_match_action,
			"of the computer: click, open_url, ..." },
	{ "argument", policy_check_arguments, policy_match_argument,
			"{NAME: pattern}: what the call gives" },
	{ "command", policy_check_patterns, policy_match_command,
			"of bash: each simple command of the line, its words with single spaces" },
	{ "form", policy_check_forms, policy_match_form,
			"of bash: as a usage line, 'sort -[nru] -[kt]: --key= ARG...', with no "
			"other "
			"option and operand" },
	{ "writes", policy_check_patterns, policy_match_writes,
			"files that a redirection of bash writes" },
	{ "told", policy_check_patterns, policy_match_told,
			"of taints: all that the call brought, as text" },
	{ "opaque", policy_check_flag, policy_match_opaque,
			"true: a command line that cannot be taken apart" },
	{ "path", policy_check_patterns, policy_match_path,
			"files that it names; * goes over / as well" },
	{ "where", policy_check_place, policy_match_place,
			"inside or outside the workspace: the same files" },
	{ "app", policy_check_patterns, policy_match_app,
			"of open_app and switch_app; case does not matter" },
	{ "window", policy_check_window, policy_match_window,
			"{class: pattern, title: pattern} of the active window; pages and "
			"documents choose their titles" },
	{ "origin", policy_check_origins, policy_match_origin,
			"of the URL that is given, else where the browser is: "
			"https://example.org, https://*.example.org, local" },
	{ "server", policy_check_patterns, policy_match_server, "MCP server" },
	{ "server_tool", policy_check_patterns, policy_match_server_tool, "tool of an MCP server" },
	{ "network", policy_check_networks, policy_match_network,
			"that the tool has: none, allow, open" },
	{ "class", policy_check_risks, policy_match_risk,
			"read, write, external, irreversible, credential: what classes says" },
	{ "tainted", policy_check_flag, policy_match_tainted,
			"true: what a stranger may have written was read before" },
	{ "amount", policy_check_amount, policy_match_amount,
			"{of: ARGUMENT, over: 50} or {of: ARGUMENT, at_most: 50}" },
};

static const struct condition *find_condition(const char *name)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(conditions); i++) {
		if (strcmp(conditions[i].name, name) == 0) {
			return &conditions[i];
		}
	}
	return NULL;
}

static enum cua_status no_such_condition(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	const char *names[CUA_ARRAY_LEN(conditions) + 1] = { NULL };
	char all[320] = "; it must be ", hint[CUA_NEAREST_HINT_SIZE];
	struct cua_nearest nearest = { .word = value->string };
	for (size_t i = 0; i < CUA_ARRAY_LEN(conditions); i++) {
		names[i] = conditions[i].name;
		cua_nearest_try(&nearest, names[i]);
	}
	cua_yaml_list_names(names, all + strlen(all), sizeof(all) - strlen(all));
	return cua_yaml_fail(yaml, value, err, "there is no condition '%.40s'%s", value->string,
			cua_nearest_hint(&nearest, all, hint));
}

enum cua_status policy_when_check(
		const struct cua_yaml *yaml, const cJSON *when, struct cua_error *err)
{
	const cJSON *value = NULL;
	if (!cJSON_IsObject(when)) {
		return cua_yaml_fail(yaml, when, err, "when needs {CONDITION: VALUE, ...}");
	}
	cJSON_ArrayForEach (value, when) {
		const struct condition *condition = find_condition(value->string);
		if (!condition) {
			return no_such_condition(yaml, value, err);
		}
		enum cua_status status = condition->check(yaml, value, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	return policy_check_together(yaml, when, err);
}

enum policy_match policy_when_match(const cJSON *when, struct policy_view *view)
{
	enum policy_match match = POLICY_YES;
	const bool lacked_url = view->lacks_url;
	const cJSON *value = NULL;
	cJSON_ArrayForEach (value, when) {
		const struct condition *condition = find_condition(value->string);
		const enum policy_match one =
				condition ? condition->match(value, view) : POLICY_MAYBE;
		match = one < match ? one : match;
	}
	if (match == POLICY_NO) {
		view->lacks_url = lacked_url;
	}
	return match;
}

bool policy_writes_beside(const cJSON *when, const struct policy_view *view)
{
	return cJSON_GetArraySize(cua_json_member(view->command, "writes")) > 0 &&
			(policy_when_has(when, "command") || policy_when_has(when, "form")) &&
			!policy_when_has(when, "writes");
}

bool policy_when_has(const cJSON *when, const char *condition)
{
	return cua_json_member(when, condition) != NULL;
}

void agent_policy_print_conditions(FILE *out)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(conditions); i++) {
		fprintf(out, "  %-12s %s\n", conditions[i].name, conditions[i].help);
	}
}
