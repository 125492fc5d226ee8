/* context_management: what the server clears from its own view of the conversation. */

#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire/anthropic_internal.h"

#define TRIGGER_DEFAULT 100000
#define KEEP_DEFAULT 3

static const struct check_member context_members[] = {
	{ "edits", CHECK_LIST, false, NULL },
	{ 0 },
};

static const struct check_member clear_tool_uses_members[] = {
	{ "type", CHECK_TEXT, true, NULL },
	{ "trigger", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ "keep", CHECK_OBJECT, false, NULL },
	{ "clear_at_least", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ "exclude_tools", CHECK_LIST | CHECK_NULL, false, NULL },
	{ "clear_tool_inputs", CHECK_BOOL | CHECK_LIST | CHECK_NULL, false, NULL },
	{ 0 },
};

static const struct check_member clear_thinking_members[] = {
	{ "type", CHECK_TEXT, true, NULL },
	{ "keep", CHECK_OBJECT | CHECK_TEXT, false, NULL },
	{ 0 },
};

static const struct check_member compact_members[] = {
	{ "type", CHECK_TEXT, true, NULL },
	{ "trigger", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ "instructions", CHECK_TEXT | CHECK_NULL, false, NULL },
	{ "pause_after_compaction", CHECK_BOOL, false, NULL },
	{ 0 },
};

static const struct check_member amount_members[] = {
	{ "type", CHECK_TEXT, true,
			(const char *const[]){
					"input_tokens", "tool_uses", "thinking_turns", NULL } },
	{ "value", CHECK_NUMBER, true, NULL },
	{ 0 },
};

static const struct edit_type {
	const char *type;
	const struct check_member *members;
	const char *beta;
} edit_types[] = {
	{ "clear_tool_uses_20250919", clear_tool_uses_members, "context-management-2025-06-27" },
	{ "clear_thinking_20251015", clear_thinking_members, "context-management-2025-06-27" },
	{ "compact_20260112", compact_members, "compact-2026-01-12" },
};

static bool check_amounts(struct wire_request *request, const cJSON *edit, const char *place)
{
	static const char *const names[] = { "trigger", "keep", "clear_at_least" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		const cJSON *amount = check_get(edit, names[i]);
		const struct check_place at = check_member_of(request, place, names[i]);
		if (!cJSON_IsObject(amount)) {
			continue;
		}
		if (!check_members(request, at.text, amount, amount_members)) {
			return false;
		}
		if (check_get(amount, "value")->valuedouble < 0) {
			return wire_refuse(request, 400, NULL, "",
					"%s.value: Input should be greater than or equal to 0",
					at.text);
		}
	}
	return true;
}

static bool check_edit(struct wire_request *request, const cJSON *edit, int index)
{
	struct check_place place = check_index(request, "context_management.edits", index);
	const struct edit_type *type = NULL;
	for (size_t i = 0; i < CUA_ARRAY_LEN(edit_types); i++) {
		if (check_is(check_text(edit, "type"), edit_types[i].type) &&
				anthropic_beta(request, edit_types[i].beta)) {
			type = &edit_types[i];
		}
	}
	if (!type) {
		return wire_refuse(request, 400, NULL, "",
				"%s: Input tag found using 'type' does not match any of the "
				"expected tags",
				place.text);
	}
	if (index > 0 && strncmp(type->type, "clear_thinking", 14) == 0) {
		return wire_refuse(request, 400, NULL, "",
				"context_management.edits: `%s` must be the first edit",
				type->type);
	}
	return check_members(request, place.text, edit, type->members) &&
			check_amounts(request, edit, place.text);
}

bool anthropic_read_context(struct wire_request *request)
{
	const cJSON *context = check_get(request->root, "context_management");
	int index = 0;
	const cJSON *edit;
	if (!cJSON_IsObject(context)) {
		return true;
	}
	if (!anthropic_beta(request, "context-management-2025-06-27") &&
			!anthropic_beta(request, "compact-2026-01-12")) {
		return request->api->bad_member(
				request, "", "context_management", CHECK_UNKNOWN, 0);
	}
	if (!check_members(request, "context_management", context, context_members)) {
		return false;
	}
	cJSON_ArrayForEach (edit, check_get(context, "edits")) {
		if (!check_edit(request, edit, index++)) {
			return false;
		}
	}
	return true;
}

static int amount_of(const cJSON *edit, const char *name, int otherwise)
{
	const cJSON *value = check_get(check_get(edit, name), "value");
	return value ? value->valueint : otherwise;
}

static int count_tool_uses(const struct wire_request *request)
{
	int count = 0;
	for (int i = 0; i < request->play->turn_count - 1; i++) {
		count += request->play->turns[i].acts.count;
	}
	return count;
}

cJSON *anthropic_applied_edits(const struct wire_request *request, double input_tokens)
{
	cJSON *applied = cJSON_CreateArray();
	const cJSON *context = check_get(request->root, "context_management");
	int uses = count_tool_uses(request);
	const cJSON *edit;
	cJSON_ArrayForEach (edit, check_get(context, "edits")) {
		int keep = amount_of(edit, "keep", KEEP_DEFAULT);
		if (!check_is(check_text(edit, "type"), "clear_tool_uses_20250919") ||
				input_tokens < amount_of(edit, "trigger", TRIGGER_DEFAULT) ||
				uses <= keep) {
			continue;
		}
		cJSON *one = cJSON_CreateObject();
		cJSON_AddStringToObject(one, "type", "clear_tool_uses_20250919");
		cJSON_AddNumberToObject(one, "cleared_tool_uses", uses - keep);
		cJSON_AddNumberToObject(one, "cleared_input_tokens",
				(uses - keep) * (double)ANTHROPIC_PICTURE_TOKENS);
		cJSON_AddItemToArray(applied, one);
	}
	return applied;
}
