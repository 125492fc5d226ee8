/* Conditions about the call: tool, action, arguments, commands, server, amounts. */

#include <ctype.h>
#include <fnmatch.h>
#include <math.h>
#include <string.h>

#include "agent/policy/condition.h"
#include "agent/policy/form.h"
#include "agent/policy/names.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

#define TEXT_MAX 65536 /* of an argument that patterns look at */

/* --- the call --- */

enum cua_status policy_check_tools(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	enum cua_status status = policy_check_patterns(yaml, value, err);
	return status == CUA_OK ? policy_check_texts(yaml, value, policy_check_tool, err) : status;
}

enum cua_status policy_check_actions(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	enum cua_status status = policy_check_patterns(yaml, value, err);
	return status == CUA_OK ? policy_check_texts(yaml, value, policy_check_action, err)
				: status;
}

enum policy_match policy_match_tool(const cJSON *value, struct policy_view *view)
{
	return policy_match_known(value, view->call->tool, 0);
}

bool policy_is_computer(const struct policy_view *view)
{
	return strcmp(view->call->tool, "computer") == 0;
}

enum policy_match policy_match_action(const cJSON *value, struct policy_view *view)
{
	return policy_is_computer(view)
			? policy_match_known(
					  value, cua_json_text(view->call->arguments, "action"), 0)
			: POLICY_NO;
}

/* Who gets the arguments may take names for the same that differ in case: then, it is not certain
 * what the argument is. */
static bool is_certain(const cJSON *arguments, const char *name)
{
	const cJSON *argument = NULL;
	cJSON_ArrayForEach (argument, arguments) {
		if (argument->string && strcasecmp(argument->string, name) == 0 &&
				strcmp(argument->string, name) != 0) {
			return false;
		}
	}
	return true;
}

/* As text, whatever it is. */
static enum policy_match match_value(const cJSON *patterns, const cJSON *argument)
{
	CUA_AUTO_FREE char *printed = NULL;
	const char *text = cJSON_GetStringValue(argument);
	if (!text) {
		text = printed = cJSON_PrintUnformatted(argument);
	}
	return text && strlen(text) <= TEXT_MAX ? policy_match_known(patterns, text, 0)
						: POLICY_MAYBE;
}

enum policy_match policy_match_argument(const cJSON *value, struct policy_view *view)
{
	enum policy_match match = POLICY_YES;
	const cJSON *wanted = NULL;
	cJSON_ArrayForEach (wanted, value) {
		const cJSON *argument = cua_json_member(view->call->arguments, wanted->string);
		const enum policy_match one = !is_certain(view->call->arguments, wanted->string)
				? POLICY_MAYBE
				: argument ? match_value(wanted, argument)
					   : POLICY_NO;
		match = one < match ? one : match;
	}
	return match;
}

enum cua_status policy_check_arguments(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	const cJSON *wanted = NULL;
	enum cua_status status = cJSON_IsObject(value) && value->child
			? CUA_OK
			: cua_yaml_fail(yaml, value, err, "needs {NAME: pattern, ...}");
	cJSON_ArrayForEach (wanted, value) {
		status = status == CUA_OK ? policy_check_patterns(yaml, wanted, err) : status;
	}
	return status;
}

enum policy_match policy_match_command(const cJSON *value, struct policy_view *view)
{
	if (!view->command) {
		return view->is_opaque ? POLICY_MAYBE : POLICY_NO;
	}
	/* By its path it may be another program than the one of that name. */
	return policy_matches(value, cua_json_text(view->command, "text"), 0) ? POLICY_YES
			: policy_matches(value, cua_json_text(view->command, "by_name"), 0)
			? POLICY_MAYBE
			: POLICY_NO;
}

enum policy_match policy_match_form(const cJSON *value, struct policy_view *view)
{
	const cJSON *command = view->command;
	if (!command) {
		return view->is_opaque ? POLICY_MAYBE : POLICY_NO;
	}
	const bool is_by_name = strcmp(cua_json_text(command, "text"),
						cua_json_text(command, "by_name")) == 0;
	for (const cJSON *at = policy_first_text(value); at; at = policy_next_text(value, at)) {
		if (agent_form_matches(at->valuestring, cua_json_member(command, "words"))) {
			return is_by_name ? POLICY_YES : POLICY_MAYBE;
		}
	}
	return POLICY_NO;
}

static enum cua_status check_form(
		const struct cua_yaml *yaml, const cJSON *text, struct cua_error *err)
{
	struct cua_error why = { 0 };
	return agent_form_check(text->valuestring, &why) == CUA_OK
			? CUA_OK
			: cua_yaml_fail(yaml, text, err, "%s", why.msg);
}

enum cua_status policy_check_forms(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	return policy_check_texts(yaml, value, check_form, err);
}

enum policy_match policy_match_told(const cJSON *value, struct policy_view *view)
{
	const char *told = view->call->told;
	return policy_match_known(value, told && strlen(told) <= TEXT_MAX ? told : NULL, 0);
}

enum policy_match policy_match_opaque(const cJSON *value, struct policy_view *view)
{
	return view->is_opaque == cJSON_IsTrue(value) ? POLICY_YES : POLICY_NO;
}

enum policy_match policy_match_app(const cJSON *value, struct policy_view *view)
{
	const char *action = cua_json_text(view->call->arguments, "action");
	return policy_is_computer(view) &&
					(strcmp(action, "open_app") == 0 ||
							strcmp(action, "switch_app") == 0)
			? policy_match_known(value, cua_json_text(view->call->arguments, "name"),
					  FNM_CASEFOLD)
			: POLICY_NO;
}

enum policy_match policy_match_server(const cJSON *value, struct policy_view *view)
{
	return view->call->server ? policy_match_known(value, view->call->server, 0) : POLICY_NO;
}

enum policy_match policy_match_server_tool(const cJSON *value, struct policy_view *view)
{
	return view->call->server_tool ? policy_match_known(value, view->call->server_tool, 0)
				       : POLICY_NO;
}

/* --- amounts --- */

bool policy_amount(const cJSON *arguments, const char *name, double *ret_amount)
{
	const cJSON *argument = cua_json_member(arguments, name);
	const char *text = cJSON_GetStringValue(argument);
	CUA_AUTO_JSON cJSON *number = text && (isdigit((unsigned char)text[0]) || text[0] == '-')
			? cJSON_ParseWithOpts(text, NULL, true)
			: NULL;
	argument = number ? number : argument;
	if (!cJSON_IsNumber(argument) || !isfinite(argument->valuedouble) ||
			!is_certain(arguments, name)) {
		return false;
	}
	*ret_amount = argument->valuedouble;
	return true;
}

enum policy_match policy_match_amount(const cJSON *value, struct policy_view *view)
{
	const char *name = cua_json_text(value, "of");
	const cJSON *over = cua_json_member(value, "over");
	double amount = 0;
	if (!cua_json_member(view->call->arguments, name) &&
			is_certain(view->call->arguments, name)) {
		return POLICY_NO;
	}
	if (!policy_amount(view->call->arguments, name, &amount)) {
		return POLICY_MAYBE;
	}
	const bool holds = over ? amount > over->valuedouble
				: amount <= cua_json_number(value, "at_most");
	return holds ? POLICY_YES : POLICY_NO;
}

enum cua_status policy_check_amount(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	const bool is_over = cJSON_IsNumber(cua_json_member(value, "over"));
	const bool is_at_most = cJSON_IsNumber(cua_json_member(value, "at_most"));
	return cJSON_GetArraySize(value) == 2 && cua_json_text(value, "of")[0] &&
					is_over != is_at_most
			? CUA_OK
			: cua_yaml_fail(yaml, value, err,
					  "needs {of: ARGUMENT, over: NUMBER} or {of: ARGUMENT, "
					  "at_most: NUMBER}");
}
