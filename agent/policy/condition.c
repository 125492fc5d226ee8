/* The conditions of "when": one row of the table for each, which checks what stands behind it in a
 * file, and matches it with a call. Each is yes, no, or, where the fact is not known, maybe. */

#include <ctype.h>
#include <fnmatch.h>
#include <math.h>
#include <string.h>

#include "agent/policy/form.h"
#include "agent/policy/glob.h"
#include "agent/policy/names.h"
#include "agent/policy/origin.h"
#include "agent/policy/path.h"
#include "agent/policy/policy_internal.h"
#include "cua/base/json.h"
#include "cua/base/nearest.h"
#include "cua/base/util.h"

#define PATTERN_MAX 256
#define TEXT_MAX 65536 /* of an argument that patterns look at */

static const char *const places[] = { "inside", "outside", NULL };
static const char *const networks[] = { "none", "allow", "open", NULL };

/* --- lists of texts --- */

/* A text, or each of a list of them; NULL behind the last. */
static const cJSON *first_text(const cJSON *value)
{
	return cJSON_IsArray(value) ? value->child : value;
}

static const cJSON *next_text(const cJSON *value, const cJSON *text)
{
	return cJSON_IsArray(value) ? text->next : NULL;
}

static enum policy_match either(enum policy_match one, enum policy_match other)
{
	return one > other ? one : other;
}

static bool matches(const cJSON *patterns, const char *text, int flags)
{
	for (const cJSON *at = first_text(patterns); at; at = next_text(patterns, at)) {
		if (fnmatch(at->valuestring, text, flags) == 0) {
			return true;
		}
	}
	return false;
}

/* text NULL: not known. */
static enum policy_match match_known(const cJSON *patterns, const char *text, int flags)
{
	return !text ? POLICY_MAYBE : matches(patterns, text, flags) ? POLICY_YES : POLICY_NO;
}

typedef enum cua_status (*text_check_fn)(
		const struct cua_yaml *yaml, const cJSON *text, struct cua_error *err);

static enum cua_status check_texts(const struct cua_yaml *yaml, const cJSON *value,
		text_check_fn check, struct cua_error *err)
{
	if (!first_text(value)) {
		return cua_yaml_fail(yaml, value, err, "the list is empty");
	}
	for (const cJSON *at = first_text(value); at; at = next_text(value, at)) {
		if (!cJSON_IsString(at)) {
			return cua_yaml_fail(yaml, at, err,
					"needs a text or a list of texts; put what looks like a "
					"number, true or null in quotes");
		}
		enum cua_status status = check(yaml, at, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	return CUA_OK;
}

static enum cua_status check_pattern(
		const struct cua_yaml *yaml, const cJSON *text, struct cua_error *err)
{
	const size_t len = strlen(text->valuestring);
	if (len == 0 || len > PATTERN_MAX) {
		return cua_yaml_fail(yaml, text, err, "a pattern has 1 to %d bytes", PATTERN_MAX);
	}
	return policy_check_glob(yaml, text, err);
}

static enum cua_status check_patterns(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	return check_texts(yaml, value, check_pattern, err);
}

static enum cua_status check_choice(const struct cua_yaml *yaml, const cJSON *text,
		const char *const *names, struct cua_error *err)
{
	char allowed[128];
	cua_yaml_list_names(names, allowed, sizeof(allowed));
	return cua_yaml_name_index(names, text->valuestring) >= 0
			? CUA_OK
			: cua_yaml_fail(yaml, text, err, "'%.40s' is not %s", text->valuestring,
					  allowed);
}

static enum cua_status check_flag(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	return cJSON_IsBool(value) ? CUA_OK
				   : cua_yaml_fail(yaml, value, err, "needs true or false");
}

/* --- the call --- */

static enum cua_status check_tools(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	enum cua_status status = check_patterns(yaml, value, err);
	return status == CUA_OK ? check_texts(yaml, value, policy_check_tool, err) : status;
}

static enum cua_status check_actions(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	enum cua_status status = check_patterns(yaml, value, err);
	return status == CUA_OK ? check_texts(yaml, value, policy_check_action, err) : status;
}

static enum policy_match match_tool(const cJSON *value, struct policy_view *view)
{
	return match_known(value, view->call->tool, 0);
}

static bool is_computer(const struct policy_view *view)
{
	return strcmp(view->call->tool, "computer") == 0;
}

static enum policy_match match_action(const cJSON *value, struct policy_view *view)
{
	return is_computer(view)
			? match_known(value, cua_json_text(view->call->arguments, "action"), 0)
			: POLICY_NO;
}

/* As text, whatever it is. */
static enum policy_match match_value(const cJSON *patterns, const cJSON *argument)
{
	CUA_AUTO_FREE char *printed = NULL;
	const char *text = cJSON_GetStringValue(argument);
	if (!text) {
		text = printed = cJSON_PrintUnformatted(argument);
	}
	return text && strlen(text) <= TEXT_MAX ? match_known(patterns, text, 0) : POLICY_MAYBE;
}

static enum policy_match match_argument(const cJSON *value, struct policy_view *view)
{
	enum policy_match match = POLICY_YES;
	const cJSON *wanted = NULL;
	cJSON_ArrayForEach (wanted, value) {
		const cJSON *argument = cua_json_member(view->call->arguments, wanted->string);
		const enum policy_match one = argument ? match_value(wanted, argument) : POLICY_NO;
		match = one < match ? one : match;
	}
	return match;
}

static enum cua_status check_argument(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	const cJSON *wanted = NULL;
	enum cua_status status = cJSON_IsObject(value) && value->child
			? CUA_OK
			: cua_yaml_fail(yaml, value, err, "needs {NAME: pattern, ...}");
	cJSON_ArrayForEach (wanted, value) {
		status = status == CUA_OK ? check_patterns(yaml, wanted, err) : status;
	}
	return status;
}

static enum policy_match match_command(const cJSON *value, struct policy_view *view)
{
	if (!view->command) {
		return view->is_opaque ? POLICY_MAYBE : POLICY_NO;
	}
	/* By its path it may be another program than the one of that name. */
	return matches(value, cua_json_text(view->command, "text"), 0)               ? POLICY_YES
			: matches(value, cua_json_text(view->command, "by_name"), 0) ? POLICY_MAYBE
										     : POLICY_NO;
}

static enum policy_match match_form(const cJSON *value, struct policy_view *view)
{
	const cJSON *command = view->command;
	if (!command) {
		return view->is_opaque ? POLICY_MAYBE : POLICY_NO;
	}
	const bool is_by_name = strcmp(cua_json_text(command, "text"),
						cua_json_text(command, "by_name")) == 0;
	for (const cJSON *at = first_text(value); at; at = next_text(value, at)) {
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

static enum cua_status check_forms(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	return check_texts(yaml, value, check_form, err);
}

static enum policy_match match_told(const cJSON *value, struct policy_view *view)
{
	const char *told = view->call->told;
	return match_known(value, told && strlen(told) <= TEXT_MAX ? told : NULL, 0);
}

static enum policy_match match_opaque(const cJSON *value, struct policy_view *view)
{
	return view->is_opaque == cJSON_IsTrue(value) ? POLICY_YES : POLICY_NO;
}

static enum policy_match match_app(const cJSON *value, struct policy_view *view)
{
	const char *action = cua_json_text(view->call->arguments, "action");
	return is_computer(view) &&
					(strcmp(action, "open_app") == 0 ||
							strcmp(action, "switch_app") == 0)
			? match_known(value, cua_json_text(view->call->arguments, "name"),
					  FNM_CASEFOLD)
			: POLICY_NO;
}

static enum policy_match match_server(const cJSON *value, struct policy_view *view)
{
	return view->call->server ? match_known(value, view->call->server, 0) : POLICY_NO;
}

static enum policy_match match_server_tool(const cJSON *value, struct policy_view *view)
{
	return view->call->server_tool ? match_known(value, view->call->server_tool, 0) : POLICY_NO;
}

/* --- paths --- */

typedef enum policy_match (*path_match_fn)(
		const cJSON *value, const char *path, const struct policy_view *view);

/* One path of several that is meant: it may be meant. */
static enum policy_match match_paths(
		const cJSON *value, struct policy_view *view, path_match_fn match)
{
	const cJSON *arguments = view->call->arguments;
	/* A tool's path is a name as it is written, and so is a pattern in quotes. */
	struct policy_view as_written = *view;
	as_written.command = NULL;
	const cJSON *lists[] = { cua_json_member(view->command, "paths"),
		cua_json_member(view->command, "names"), cua_json_member(arguments, "path"),
		cua_json_member(arguments, "paths"), cua_json_member(arguments, "repository") };
	int count = 0, yes = 0, maybe = 0;
	for (size_t i = 0; i < CUA_ARRAY_LEN(lists); i++) {
		for (const cJSON *at = lists[i] ? first_text(lists[i]) : NULL; at;
				at = next_text(lists[i], at)) {
			const char *path = cJSON_GetStringValue(at);
			const enum policy_match one = path
					? match(value, path, i == 0 ? view : &as_written)
					: POLICY_MAYBE;
			yes += one == POLICY_YES;
			maybe += one == POLICY_MAYBE;
			count++;
		}
	}
	if (count == 0) {
		return view->is_opaque ? POLICY_MAYBE : POLICY_NO;
	}
	return yes == count ? POLICY_YES : yes + maybe > 0 ? POLICY_MAYBE : POLICY_NO;
}

/* The folder that relative paths count from; NULL: not known. */
static const char *folder_of(const struct policy_view *view)
{
	return view->directory ? view->directory : view->call->workspace;
}

/* A pattern of file names: what may be meant by it, or all of it. */
static enum policy_match match_glob(const cJSON *value, const char *whole)
{
	for (const cJSON *at = first_text(value); at; at = next_text(value, at)) {
		if (fnmatch(at->valuestring, whole, 0) == 0) {
			return strpbrk(at->valuestring, "?[") ? POLICY_MAYBE : POLICY_YES;
		}
		if (agent_glob_may_mean(whole, at->valuestring)) {
			return POLICY_MAYBE;
		}
	}
	return POLICY_NO;
}

/* As it is written, and where it leads. */
static enum policy_match match_one_path(
		const cJSON *value, const char *path, const struct policy_view *view)
{
	char whole[AGENT_PATH_MAX];
	const char *folder = folder_of(view);
	const bool is_known = agent_path_resolve(folder ? folder : "/", path, whole);
	if (is_known && view->command && agent_glob_is(whole)) {
		return match_glob(value, whole);
	}
	return matches(value, path, 0) ? POLICY_YES
				       : match_known(value, is_known ? whole : NULL, 0);
}

static enum policy_match match_path(const cJSON *value, struct policy_view *view)
{
	return match_paths(value, view, match_one_path);
}

/* One of them is enough. */
static enum policy_match match_writes(const cJSON *value, struct policy_view *view)
{
	enum policy_match match = view->is_opaque ? POLICY_MAYBE : POLICY_NO;
	const cJSON *path = NULL;
	cJSON_ArrayForEach (path, cua_json_member(view->command, "writes")) {
		match = either(match, match_one_path(value, path->valuestring, view));
	}
	return match;
}

static enum policy_match match_one_place(
		const cJSON *value, const char *path, const struct policy_view *view)
{
	char whole[AGENT_PATH_MAX];
	if (!view->call->workspace || !agent_path_resolve(folder_of(view), path, whole)) {
		return POLICY_MAYBE;
	}
	const bool is_inside = agent_path_is_under(whole, view->call->workspace);
	return is_inside == (strcmp(value->valuestring, "inside") == 0) ? POLICY_YES : POLICY_NO;
}

static enum policy_match match_place(const cJSON *value, struct policy_view *view)
{
	return match_paths(value, view, match_one_place);
}

static enum cua_status check_place(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	return cJSON_IsString(value) ? check_choice(yaml, value, places, err)
				     : cua_yaml_fail(yaml, value, err, "needs inside or outside");
}

/* --- what is around it --- */

static enum policy_match match_window(const cJSON *value, struct policy_view *view)
{
	const cJSON *class = cua_json_member(value, "class");
	const cJSON *title = cua_json_member(value, "title");
	if (!is_computer(view)) {
		return POLICY_NO;
	}
	const enum policy_match by_class =
			class ? match_known(class, view->call->window_class, FNM_CASEFOLD)
			      : POLICY_YES;
	const enum policy_match by_title = title
			? match_known(title, view->call->window_title, FNM_CASEFOLD)
			: POLICY_YES;
	return by_class < by_title ? by_class : by_title;
}

static enum cua_status check_window(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	static const char *const members[] = { "class", "title", NULL };
	const cJSON *member = NULL;
	enum cua_status status = cJSON_IsObject(value) && value->child
			? CUA_OK
			: cua_yaml_fail(yaml, value, err,
					  "needs {class: pattern, title: pattern}, or one of them");
	cJSON_ArrayForEach (member, value) {
		if (status == CUA_OK && cua_yaml_name_index(members, member->string) < 0) {
			status = cua_yaml_fail(yaml, member, err, "'%.40s' is not class or title",
					member->string);
		}
		status = status == CUA_OK ? check_patterns(yaml, member, err) : status;
	}
	return status;
}

/* A URL that is given goes before the one that the browser is at. */
static enum policy_match match_origin(const cJSON *value, struct policy_view *view)
{
	struct agent_origin origin;
	const char *given = cua_json_string(view->call->arguments, "url");
	const char *url = given ? given : is_computer(view) ? view->call->url : NULL;
	if (!given && !is_computer(view)) {
		return POLICY_NO;
	}
	view->lacks_url = view->lacks_url || !url;
	if (!url || !agent_origin_read(url, &origin)) {
		return POLICY_MAYBE;
	}
	enum policy_match match = POLICY_NO;
	for (const cJSON *at = first_text(value); at; at = next_text(value, at)) {
		match = either(match,
				agent_origin_matches(&origin, at->valuestring) ? POLICY_YES
									       : POLICY_NO);
	}
	return match;
}

static enum cua_status check_origin(
		const struct cua_yaml *yaml, const cJSON *text, struct cua_error *err)
{
	struct cua_error why = { 0 };
	return agent_origin_check(text->valuestring, &why) == CUA_OK
			? CUA_OK
			: cua_yaml_fail(yaml, text, err, "%s", why.msg);
}

static enum cua_status check_origins(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	return check_texts(yaml, value, check_origin, err);
}

static enum policy_match match_network(const cJSON *value, struct policy_view *view)
{
	return match_known(value, view->call->network, 0);
}

static enum cua_status check_network(
		const struct cua_yaml *yaml, const cJSON *text, struct cua_error *err)
{
	return check_choice(yaml, text, networks, err);
}

static enum cua_status check_networks(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	return check_texts(yaml, value, check_network, err);
}

static enum policy_match match_risk(const cJSON *value, struct policy_view *view)
{
	return view->has_risk ? match_known(value, agent_risk_names[view->risk], 0) : POLICY_NO;
}

static enum cua_status check_risk(
		const struct cua_yaml *yaml, const cJSON *text, struct cua_error *err)
{
	return check_choice(yaml, text, agent_risk_names, err);
}

static enum cua_status check_risks(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	return check_texts(yaml, value, check_risk, err);
}

static enum policy_match match_tainted(const cJSON *value, struct policy_view *view)
{
	return view->call->is_tainted == cJSON_IsTrue(value) ? POLICY_YES : POLICY_NO;
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
	if (!cJSON_IsNumber(argument) || !isfinite(argument->valuedouble)) {
		return false;
	}
	*ret_amount = argument->valuedouble;
	return true;
}

static enum policy_match match_amount(const cJSON *value, struct policy_view *view)
{
	const char *name = cua_json_text(value, "of");
	const cJSON *over = cua_json_member(value, "over");
	double amount = 0;
	if (!cua_json_member(view->call->arguments, name)) {
		return POLICY_NO;
	}
	if (!policy_amount(view->call->arguments, name, &amount)) {
		return POLICY_MAYBE;
	}
	const bool holds = over ? amount > over->valuedouble
				: amount <= cua_json_number(value, "at_most");
	return holds ? POLICY_YES : POLICY_NO;
}

static enum cua_status check_amount(
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

/* --- the table --- */

static const struct condition {
	const char *name;
	enum cua_status (*check)(
			const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err);
	enum policy_match (*match)(const cJSON *value, struct policy_view *view);
	const char *help;
} conditions[] = {
	{ "tool", check_tools, match_tool,
			"computer, bash, python, text_editor, read_file, write_file, search, git, "
			"environment_setup, ask_person, done, mcp, mcp_tools, safety_check" },
	{ "action", check_actions, match_action, "of the computer: click, open_url, ..." },
	{ "argument", check_argument, match_argument, "{NAME: pattern}: what the call gives" },
	{ "command", check_patterns, match_command,
			"of bash: each simple command of the line, its words with single spaces" },
	{ "form", check_forms, match_form,
			"of bash: as a usage line, 'sort -[nru] -[kt]: --key= ARG...', with no "
			"other "
			"option and operand" },
	{ "writes", check_patterns, match_writes, "files that a redirection of bash writes" },
	{ "told", check_patterns, match_told, "of taints: all that the call brought, as text" },
	{ "opaque", check_flag, match_opaque, "true: a command line that cannot be taken apart" },
	{ "path", check_patterns, match_path, "files that it names; * goes over / as well" },
	{ "where", check_place, match_place, "inside or outside the workspace: the same files" },
	{ "app", check_patterns, match_app, "of open_app and switch_app; case does not matter" },
	{ "window", check_window, match_window,
			"{class: pattern, title: pattern} of the active window; pages and "
			"documents choose their titles" },
	{ "origin", check_origins, match_origin,
			"of the URL that is given, else where the browser is: "
			"https://example.org, https://*.example.org, local" },
	{ "server", check_patterns, match_server, "MCP server" },
	{ "server_tool", check_patterns, match_server_tool, "tool of an MCP server" },
	{ "network", check_networks, match_network, "that the tool has: none, allow, open" },
	{ "class", check_risks, match_risk,
			"read, write, external, irreversible, credential: what classes says" },
	{ "tainted", check_flag, match_tainted,
			"true: what a stranger may have written was read before" },
	{ "amount", check_amount, match_amount,
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
