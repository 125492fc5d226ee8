#include <ctype.h>
#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire/anthropic_internal.h"

#define OLDEST_BETA "computer-use-2024-10-22"

static const char *const members[] = { "screenshot", "zoom", "left_click", "right_click",
	"middle_click", "double_click", "triple_click", "left_click_drag", "mouse_move",
	"left_mouse_down", "left_mouse_up", "cursor_position", "scroll", "type", "key", "hold_key",
	"wait", NULL };

static const struct check_member toolset_members[] = {
	{ "type", CHECK_TEXT, true, NULL },
	{ "configs", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ "cache_control", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ "allowed_callers", CHECK_LIST, false, NULL },
	{ 0 },
};

static const struct check_member config_members[] = {
	{ "enabled", CHECK_BOOL, false, NULL },
	{ "defer_loading", CHECK_BOOL, false, NULL },
	{ 0 },
};

#define COMPUTER_MEMBERS \
	{ "type", CHECK_TEXT, true, NULL }, \
			{ "name", CHECK_TEXT, true, (const char *const[]){ "computer", NULL } }, \
			{ "display_width_px", CHECK_NUMBER, true, NULL }, \
			{ "display_height_px", CHECK_NUMBER, true, NULL }, \
			{ "display_number", CHECK_NUMBER | CHECK_NULL, false, NULL }, \
			{ "cache_control", CHECK_OBJECT | CHECK_NULL, false, NULL }, \
			{ "allowed_callers", CHECK_LIST, false, NULL }, \
			{ "defer_loading", CHECK_BOOL, false, NULL }, \
			{ "strict", CHECK_BOOL, false, NULL }, \
	{ \
		"input_examples", CHECK_LIST, false, NULL \
	}

static const struct check_member computer_members[] = { COMPUTER_MEMBERS, { 0 } };

static const struct check_member computer_zoom_members[] = { COMPUTER_MEMBERS,
	{ "enable_zoom", CHECK_BOOL, false, NULL }, { 0 } };

static const struct check_member bash_members[] = {
	{ "type", CHECK_TEXT, true, NULL },
	{ "name", CHECK_TEXT, true, (const char *const[]){ "bash", NULL } },
	{ "cache_control", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ "allowed_callers", CHECK_LIST, false, NULL },
	{ "defer_loading", CHECK_BOOL, false, NULL },
	{ 0 },
};

static const struct check_member editor_members[] = {
	{ "type", CHECK_TEXT, true, NULL },
	{ "name", CHECK_TEXT, true, (const char *const[]){ "str_replace_based_edit_tool", NULL } },
	{ "max_characters", CHECK_NUMBER | CHECK_NULL, false, NULL },
	{ "cache_control", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ "allowed_callers", CHECK_LIST, false, NULL },
	{ 0 },
};

static const struct check_member editor_20250429_members[] = {
	{ "type", CHECK_TEXT, true, NULL },
	{ "name", CHECK_TEXT, true, (const char *const[]){ "str_replace_based_edit_tool", NULL } },
	{ "cache_control", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ 0 },
};

static const struct check_member old_editor_members[] = {
	{ "type", CHECK_TEXT, true, NULL },
	{ "name", CHECK_TEXT, true, (const char *const[]){ "str_replace_editor", NULL } },
	{ "cache_control", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ 0 },
};

static const struct check_member custom_members[] = {
	{ "type", CHECK_TEXT | CHECK_NULL, false, NULL },
	{ "name", CHECK_TEXT, true, NULL },
	{ "description", CHECK_TEXT, false, NULL },
	{ "input_schema", CHECK_OBJECT, true, NULL },
	{ "cache_control", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ "allowed_callers", CHECK_LIST, false, NULL },
	{ "defer_loading", CHECK_BOOL, false, NULL },
	{ "eager_input_streaming", CHECK_BOOL | CHECK_NULL, false, NULL },
	{ "input_examples", CHECK_LIST, false, NULL },
	{ "strict", CHECK_BOOL, false, NULL },
	{ 0 },
};

static const struct tool_type {
	const char *type;
	const struct check_member *members;
	unsigned trait;   /* that a model must have; 0: none */
	const char *beta; /* that the header must name; NULL: none */
} types[] = {
	{ ANTHROPIC_TOOLSET, toolset_members, ANTHROPIC_TAKES_TOOLSET, NULL },
	{ "computer_20251124", computer_zoom_members, ANTHROPIC_TAKES_20251124,
			"computer-use-2025-11-24" },
	{ "computer_20250124", computer_members, ANTHROPIC_TAKES_20250124,
			"computer-use-2025-01-24" },
	{ ANTHROPIC_OLDEST_TOOL, computer_members, ANTHROPIC_TAKES_20241022, OLDEST_BETA },
	{ "bash_20250124", bash_members, 0, NULL },
	{ "bash_20241022", bash_members, ANTHROPIC_TAKES_20241022, OLDEST_BETA },
	{ "text_editor_20250728", editor_members, 0, NULL },
	{ "text_editor_20250429", editor_20250429_members, 0, NULL },
	{ "text_editor_20250124", old_editor_members, ANTHROPIC_TAKES_20250124, NULL },
	{ "text_editor_20241022", old_editor_members, ANTHROPIC_TAKES_20241022, OLDEST_BETA },
	{ "custom", custom_members, 0, NULL },
};

static const struct tool_type *find_type(const char *name)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(types); i++) {
		if (strcmp(types[i].type, name) == 0) {
			return &types[i];
		}
	}
	return NULL;
}

bool anthropic_is_member(const char *name)
{
	return name && check_any_of(name, members);
}

bool anthropic_uses_toolset(const struct wire_request *request)
{
	return check_is(request->tool, ANTHROPIC_TOOLSET);
}

bool anthropic_offers(const struct wire_request *request, const char *name)
{
	const cJSON *tool;
	cJSON_ArrayForEach (tool, check_get(request->root, "tools")) {
		if (check_is(check_text(tool, "name"), name)) {
			return true;
		}
	}
	return false;
}

static bool check_configs(struct wire_request *request, const cJSON *tool, const char *place)
{
	const cJSON *config;
	cJSON_ArrayForEach (config, check_get(tool, "configs")) {
		struct check_place at = check_member_of(request, place, "configs");
		if (!anthropic_is_member(config->string)) {
			return request->api->bad_member(
					request, at.text, config->string, CHECK_UNKNOWN, 0);
		}
		at = check_member_of(request, at.text, config->string);
		if (!cJSON_IsNull(config) &&
				!check_members(request, at.text, config, config_members)) {
			return false;
		}
	}
	return true;
}

static bool check_name(struct wire_request *request, const char *name, const char *place)
{
	size_t len = strlen(name);
	bool good = len > 0 && len <= 128;
	for (size_t i = 0; i < len; i++) {
		good = good && (isalnum((unsigned char)name[i]) || strchr("_-", name[i]));
	}
	return good ||
			wire_refuse(request, 400, NULL, "",
					"%s.name: String should match pattern "
					"'^[a-zA-Z0-9_-]{1,128}$'",
					place);
}

static bool find_other(const cJSON *tools, const cJSON *tool, const char *name)
{
	const cJSON *other;
	cJSON_ArrayForEach (other, tools) {
		if (other != tool && check_is(check_text(other, "name"), name)) {
			return true;
		}
	}
	return false;
}

/* A type that this model does not take, or that a header should have announced. */
static bool check_type(struct wire_request *request, const struct tool_type *type, const char *name,
		const char *place)
{
	if (!type || (type->beta && !anthropic_beta(request, type->beta))) {
		return wire_refuse(request, 400, NULL, "",
				"%s: Input tag '%.60s' found using 'type' does not match any of "
				"the "
				"expected tags: 'bash_20250124', '" ANTHROPIC_TOOLSET
				"', 'custom', "
				"'text_editor_20250124', 'text_editor_20250429', "
				"'text_editor_20250728'",
				place, name);
	}
	if (type->trait && !anthropic_has(request, (enum anthropic_trait)type->trait)) {
		return wire_refuse(request, 400, NULL, "", "'%s' does not support tool types: %s.",
				request->model, type->type);
	}
	return true;
}

static bool check_tool(
		struct wire_request *request, const cJSON *tools, const cJSON *tool, int index)
{
	char place[96];
	const char *name = check_text(tool, "type");
	name = name ? name : "custom";
	const struct tool_type *type = find_type(name);
	snprintf(place, sizeof(place), "tools.%d", index);
	if (!check_type(request, type, name, place)) {
		return false;
	}
	snprintf(place, sizeof(place), "tools.%d.%s", index, type->type);
	if (!check_members(request, place, tool, type->members)) {
		return false;
	}
	const char *its_name = check_text(tool, "name");
	if (strncmp(type->type, "computer", 8) == 0) {
		request->tool = type->type;
		its_name = "computer";
	}
	if (find_other(tools, tool, its_name)) {
		return wire_refuse(request, 400, NULL, "", "tools: Tool names must be unique.");
	}
	const cJSON *cache = check_get(tool, "cache_control");
	struct check_place at = check_member_of(request, place, "cache_control");
	return check_name(request, its_name, place) && check_configs(request, tool, place) &&
			(type->members != custom_members ||
					wire_check_function(request, place, tool,
							check_get(tool, "input_schema"))) &&
			(!cJSON_IsObject(cache) ||
					check_members(request, at.text, cache,
							anthropic_cache_control));
}

bool anthropic_read_tools(struct wire_request *request, const cJSON *tools)
{
	int index = 0;
	const cJSON *tool;
	cJSON_ArrayForEach (tool, tools) {
		if (!check_tool(request, tools, tool, index++)) {
			return false;
		}
	}
	request->input.no_computer = !request->tool;
	return true;
}
