/* Names in rows, held against the tables that tools and actions are made from. */

#include "agent/policy/names.h"

#include <fnmatch.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "agent/tools/tool.h"
#include "cua/base/json.h"
#include "cua/base/nearest.h"
#include "cua/base/util.h"
#include "cua/contract/action.h"

/* --- patterns --- */

/* Behind a set that begins here; NULL if nothing ends it. */
static const char *skip_set(const char *at)
{
	at += at[1] == '!' || at[1] == '^' ? 2 : 1;
	at += *at == ']';
	while (*at && *at != ']') {
		const bool is_class = at[0] == '[' && strchr(":.=", at[1]) && at[1];
		const char end[] = { is_class ? at[1] : '\0', ']', '\0' };
		const char *class_end = is_class ? strstr(at + 2, end) : NULL;
		at = class_end ? class_end + 2 : at + 1 + (at[0] == '\\' && at[1]);
	}
	return *at ? at + 1 : NULL;
}

enum cua_status policy_check_glob(
		const struct cua_yaml *yaml, const cJSON *text, struct cua_error *err)
{
	for (const char *at = text->valuestring; at && *at;) {
		if (*at == '\\' && !at[1]) {
			return cua_yaml_fail(yaml, text, err,
					"'%.80s' ends in a '\\', which takes the meaning from the "
					"sign behind it; '\\\\' is the sign itself",
					text->valuestring);
		}
		const char *next = *at == '[' ? skip_set(at) : at + (*at == '\\' ? 2 : 1);
		if (!next) {
			return cua_yaml_fail(yaml, text, err,
					"in '%.80s' a '[' has no ']'; '\\[' is the sign itself",
					text->valuestring);
		}
		at = next;
	}
	return CUA_OK;
}

/* --- tools --- */

/* A set of tools; bit i is that of tool_name(i). */
typedef uint32_t tool_set;

#define ALL_TOOLS UINT32_MAX

/* What is judged and no tool of tool_table: where they stand in tool_name(). */
enum { COMPUTER, MCP, MCP_TOOLS, SAFETY_CHECK, OWN_COUNT };
static const char *const own_tools[OWN_COUNT] = { "computer", "mcp", "mcp_tools", "safety_check" };

/* NULL behind the last. */
static const char *tool_name(size_t i)
{
	if (i < OWN_COUNT) {
		return own_tools[i];
	}
	const struct tool *tool = tool_table[i - OWN_COUNT];
	return tool ? tool->name : NULL;
}

static const cJSON *first_of(const cJSON *value)
{
	return cJSON_IsArray(value) ? value->child : value;
}

static const cJSON *next_of(const cJSON *value, const cJSON *text)
{
	return cJSON_IsArray(value) ? text->next : NULL;
}

static bool any_matches(const cJSON *patterns, const char *name)
{
	for (const cJSON *at = first_of(patterns); at; at = next_of(patterns, at)) {
		if (fnmatch(at->valuestring, name, 0) == 0) {
			return true;
		}
	}
	return false;
}

static tool_set tools_that_match(const cJSON *patterns)
{
	tool_set set = 0;
	for (size_t i = 0; tool_name(i); i++) {
		set |= any_matches(patterns, tool_name(i)) ? 1U << i : 0;
	}
	return set;
}

static enum cua_status no_such_tool(
		const struct cua_yaml *yaml, const cJSON *text, struct cua_error *err)
{
	const char *word = text->valuestring;
	char names[CUA_NEAREST_HINT_SIZE + 64] = "; it may be", hint[CUA_NEAREST_HINT_SIZE];
	struct cua_nearest nearest = { .word = word };
	if (cua_action_find(word)) {
		return cua_yaml_fail(yaml, text, err,
				"'%.40s' is an action of the computer: write {action: %.40s}", word,
				word);
	}
	if (strncmp(word, "mcp_", 4) == 0 || strncmp(word, "mcp:", 4) == 0) {
		return cua_yaml_fail(yaml, text, err,
				"there is no tool '%.40s'; those of MCP servers are written "
				"{server: NAME, server_tool: NAME}",
				word);
	}
	for (size_t i = 0; tool_name(i); i++) {
		const size_t used = strlen(names);
		cua_nearest_try(&nearest, tool_name(i));
		snprintf(names + used, sizeof(names) - used, "%s %s", i ? "," : "", tool_name(i));
	}
	return cua_yaml_fail(yaml, text, err, "there is no tool '%.40s'%s", word,
			cua_nearest_hint(&nearest, names, hint));
}

enum cua_status policy_check_tool(
		const struct cua_yaml *yaml, const cJSON *text, struct cua_error *err)
{
	enum cua_status status = policy_check_glob(yaml, text, err);
	return status == CUA_OK && tools_that_match(text) == 0 ? no_such_tool(yaml, text, err)
							       : status;
}

enum cua_status policy_check_action(
		const struct cua_yaml *yaml, const cJSON *text, struct cua_error *err)
{
	struct cua_nearest nearest = { .word = text->valuestring };
	char hint[CUA_NEAREST_HINT_SIZE];
	enum cua_status status = policy_check_glob(yaml, text, err);
	if (status != CUA_OK) {
		return status;
	}
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		if (fnmatch(text->valuestring, cua_action_table[i].name, 0) == 0) {
			return CUA_OK;
		}
		cua_nearest_try(&nearest, cua_action_table[i].name);
	}
	return cua_yaml_fail(yaml, text, err, "the computer has no action '%.40s'%s",
			text->valuestring,
			cua_nearest_hint(&nearest, "; 'cua --help' lists them", hint));
}

/* --- which tools a row is about --- */

/* Conditions that one tool alone has. */
static const struct {
	const char *condition, *tool;
} only_of[] = { { "action", "computer" }, { "app", "computer" }, { "window", "computer" },
	{ "command", "bash" }, { "form", "bash" }, { "writes", "bash" }, { "server", "mcp" },
	{ "server_tool", "mcp" } };

static tool_set tool_alone(const char *name)
{
	tool_set set = 0;
	for (size_t i = 0; tool_name(i); i++) {
		set |= strcmp(tool_name(i), name) == 0 ? 1U << i : 0;
	}
	return set;
}

/* ret_wrong: the condition that leaves no tool over, and whose it is; may be NULL. */
static tool_set tools_meant(const cJSON *when, size_t *ret_wrong)
{
	const cJSON *tool = cua_json_member(when, "tool");
	tool_set set = tool ? tools_that_match(tool) : ALL_TOOLS;
	for (size_t i = 0; set && i < CUA_ARRAY_LEN(only_of); i++) {
		if (cua_json_member(when, only_of[i].condition)) {
			set &= tool_alone(only_of[i].tool);
			if (!set && ret_wrong) {
				*ret_wrong = i;
			}
		}
	}
	return set;
}

/* --- arguments --- */

static const char *const booleans[] = { "true", "false", NULL };

/* What is looked for among the arguments of tools. */
struct search {
	const char *name;
	const cJSON *pattern; /* of the value; NULL: any */
	bool is_taken;
	bool may_be;                /* what the pattern says, of one that takes it */
	struct cua_nearest nearest; /* to the name, or, where that is taken, to the value */
};

/* values: all that it may be, NULL: any. */
static void look_at(struct search *search, const char *name, const char *const *values)
{
	if (strcmp(search->name, name) != 0) {
		if (!search->pattern) {
			cua_nearest_try(&search->nearest, name);
		}
		return;
	}
	search->is_taken = true;
	if (!search->pattern || !values) {
		search->may_be = true;
		return;
	}
	for (size_t i = 0; values[i]; i++) {
		search->may_be = search->may_be ||
				fnmatch(search->pattern->valuestring, values[i], 0) == 0;
		cua_nearest_try(&search->nearest, values[i]);
	}
}

static void look_at_tool(struct search *search, const struct tool *tool)
{
	for (const struct tool_arg *arg = tool->args; arg->name; arg++) {
		look_at(search, arg->name, arg->type == TOOL_ARG_BOOLEAN ? booleans : arg->choices);
	}
}

static void look_at_actions(struct search *search, const cJSON *actions)
{
	look_at(search, "action", NULL);
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		const struct cua_action_spec *spec = &cua_action_table[i];
		const bool is_meant = !actions || any_matches(actions, spec->name);
		for (const struct cua_arg_spec *arg = spec->args; is_meant && arg->name; arg++) {
			look_at(search, arg->name,
					arg->type == CUA_ARG_BOOLEAN ? booleans : arg->choices);
		}
	}
}

static void look_at_names(struct search *search, const char *const *names)
{
	for (size_t i = 0; names[i]; i++) {
		look_at(search, names[i], NULL);
	}
}

/* Among what is taken by these tools. */
static void look_for(struct search *search, tool_set set, const cJSON *when)
{
	static const char *const look_up[] = { "query", "server", "tool", NULL };
	static const char *const check[] = { "id", "code", "message", NULL };
	if (set & 1U << COMPUTER) {
		look_at_actions(search, cua_json_member(when, "action"));
	}
	if (set & 1U << MCP_TOOLS) {
		look_at_names(search, look_up);
	}
	if (set & 1U << SAFETY_CHECK) {
		look_at_names(search, check);
	}
	for (size_t i = 0; tool_table[i]; i++) {
		if (set & 1U << (i + OWN_COUNT)) {
			look_at_tool(search, tool_table[i]);
		}
	}
}

/* For a message: the tool or the action, if there is one alone; else NULL. */
static const char *only_one(tool_set set, const cJSON *when)
{
	const char *action = cua_json_string(when, "action");
	for (size_t i = 0; tool_name(i); i++) {
		if (set == 1U << i) {
			return i == COMPUTER && action && cua_action_find(action) ? action
										  : tool_name(i);
		}
	}
	return NULL;
}

static enum cua_status not_taken(const struct cua_yaml *yaml, const cJSON *node, const char *who,
		const struct cua_nearest *nearest, struct cua_error *err)
{
	char text[CUA_NEAREST_HINT_SIZE];
	const char *hint = cua_nearest_hint(nearest, "", text);
	return who ? cua_yaml_fail(yaml, node, err, "%.40s takes no '%.40s'%s", who, nearest->word,
				     hint)
		   : cua_yaml_fail(yaml, node, err, "no tool that is meant takes '%.40s'%s",
				     nearest->word, hint);
}

enum cua_status policy_check_argument(const struct cua_yaml *yaml, const cJSON *when,
		const char *name, const cJSON *node, struct cua_error *err)
{
	const tool_set set = tools_meant(when, NULL);
	struct search search = { .name = name, .nearest = { .word = name } };
	if (set & 1U << MCP) {
		return CUA_OK;
	}
	look_for(&search, set, when);
	return search.is_taken ? CUA_OK
			       : not_taken(yaml, node, only_one(set, when), &search.nearest, err);
}

bool policy_argument_is_foreign(const cJSON *when, const char *name)
{
	struct search search = { .name = name, .nearest = { .word = name } };
	if (cua_json_member(when, "tool") || tools_meant(when, NULL) != ALL_TOOLS) {
		return false;
	}
	look_for(&search, ALL_TOOLS, when);
	return !search.is_taken;
}

/* A pattern for the value of an argument that has only some values. */
static enum cua_status check_value(const struct cua_yaml *yaml, const cJSON *when, tool_set set,
		const char *name, const cJSON *pattern, struct cua_error *err)
{
	struct search search = {
		.name = name, .pattern = pattern, .nearest = { .word = pattern->valuestring }
	};
	const char *who = only_one(set, when);
	char hint[CUA_NEAREST_HINT_SIZE];
	look_for(&search, set, when);
	return search.may_be || set & 1U << MCP
			? CUA_OK
			: cua_yaml_fail(yaml, pattern, err, "%.40s of %.40s is never '%.40s'%s",
					  name, who ? who : "these tools", pattern->valuestring,
					  cua_nearest_hint(&search.nearest, "", hint));
}

enum cua_status policy_check_together(
		const struct cua_yaml *yaml, const cJSON *when, struct cua_error *err)
{
	size_t wrong = 0;
	const tool_set set = tools_meant(when, &wrong);
	const cJSON *amount = cua_json_member(when, "amount"), *argument = NULL;
	if (!set) {
		return cua_yaml_fail(yaml, cua_json_member(when, only_of[wrong].condition), err,
				"'%s' is of %s alone, and what else stands here is of another "
				"tool: it would never apply",
				only_of[wrong].condition, only_of[wrong].tool);
	}
	enum cua_status status = amount ? policy_check_argument(yaml, when,
							  cua_json_text(amount, "of"), amount, err)
					: CUA_OK;
	cJSON_ArrayForEach (argument, cua_json_member(when, "argument")) {
		if (status == CUA_OK) {
			status = policy_check_argument(yaml, when, argument->string, argument, err);
		}
		for (const cJSON *at = first_of(argument); status == CUA_OK && at;
				at = next_of(argument, at)) {
			status = check_value(yaml, when, set, argument->string, at, err);
		}
	}
	return status;
}
