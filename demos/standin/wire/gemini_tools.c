/* The tools that a request offers: computer use, and functions. */

#include <string.h>
#include <strings.h>

#include "cua/base/util.h"
#include "demos/standin/wire/gemini_internal.h"

static const struct check_member tool_members[] = {
	{ "computerUse", CHECK_OBJECT, false, NULL },
	{ "functionDeclarations", CHECK_LIST, false, NULL },
	{ 0 },
};

static const struct check_member computer_members[] = {
	{ "environment", CHECK_TEXT, true,
			(const char *const[]){ "ENVIRONMENT_DESKTOP", "ENVIRONMENT_BROWSER",
					"ENVIRONMENT_MOBILE", NULL } },
	{ "excludedPredefinedFunctions", CHECK_LIST, false, NULL },
	{ "disabledSafetyPolicies", CHECK_LIST, false, NULL },
	{ "enablePromptInjectionDetection", CHECK_BOOL, false, NULL },
	{ 0 },
};

static const struct check_member declaration_members[] = {
	{ "name", CHECK_TEXT, true, NULL },
	{ "description", CHECK_TEXT, false, NULL },
	{ "parameters", CHECK_OBJECT, false, NULL },
	{ "parametersJsonSchema", CHECK_OBJECT, false, NULL },
	{ "response", CHECK_OBJECT, false, NULL },
	{ "responseJsonSchema", CHECK_OBJECT, false, NULL },
	{ "behavior", CHECK_TEXT, false, NULL },
	{ 0 },
};

/* --- the functions that computer use brings along --- */

enum environment { DESKTOP = 1 << 0, BROWSER = 1 << 1, MOBILE = 1 << 2 };

struct predefined {
	const char *name;
	unsigned environments;
};

/* A list of these ends with a name that is NULL. */
static const struct predefined current[] = {
	{ "click", DESKTOP | BROWSER | MOBILE },
	{ "double_click", DESKTOP | BROWSER },
	{ "triple_click", DESKTOP | BROWSER },
	{ "middle_click", DESKTOP | BROWSER },
	{ "right_click", DESKTOP | BROWSER },
	{ "mouse_down", DESKTOP | BROWSER },
	{ "mouse_up", DESKTOP | BROWSER },
	{ "move", DESKTOP | BROWSER },
	{ "type", DESKTOP | BROWSER | MOBILE },
	{ "drag_and_drop", DESKTOP | BROWSER | MOBILE },
	{ "wait", DESKTOP | BROWSER | MOBILE },
	{ "press_key", DESKTOP | BROWSER | MOBILE },
	{ "key_down", DESKTOP | BROWSER },
	{ "key_up", DESKTOP | BROWSER },
	{ "hotkey", DESKTOP | BROWSER },
	{ "take_screenshot", DESKTOP | BROWSER | MOBILE },
	{ "scroll", DESKTOP | BROWSER },
	{ "go_back", BROWSER | MOBILE },
	{ "go_forward", BROWSER },
	{ "navigate", BROWSER },
	{ "open_app", MOBILE },
	{ "list_apps", MOBILE },
	{ "long_press", MOBILE },
	{ 0 },
};

/* The first vocabulary is that of a browser, wherever it is used. */
#define ANYWHERE (DESKTOP | BROWSER | MOBILE)
static const struct predefined legacy[] = {
	{ "open_web_browser", ANYWHERE },
	{ "wait_5_seconds", ANYWHERE },
	{ "go_back", ANYWHERE },
	{ "go_forward", ANYWHERE },
	{ "search", ANYWHERE },
	{ "navigate", ANYWHERE },
	{ "click_at", ANYWHERE },
	{ "hover_at", ANYWHERE },
	{ "type_text_at", ANYWHERE },
	{ "key_combination", ANYWHERE },
	{ "scroll_document", ANYWHERE },
	{ "scroll_at", ANYWHERE },
	{ "drag_and_drop", ANYWHERE },
	{ 0 },
};

static const struct predefined *find_predefined(
		const struct wire_request *request, const char *name)
{
	const struct gemini_model *model = request->profile;
	const struct predefined *one = model->legacy ? legacy : current;
	while (one->name && !check_is(name, one->name)) {
		one++;
	}
	return one->name ? one : NULL;
}

static unsigned environment_of(const cJSON *computer)
{
	const char *name = check_text(computer, "environment");
	return check_is(name, "ENVIRONMENT_DESKTOP")            ? DESKTOP
			: check_is(name, "ENVIRONMENT_BROWSER") ? BROWSER
			: check_is(name, "ENVIRONMENT_MOBILE")  ? MOBILE
								: 0;
}

static bool excludes(const cJSON *computer, const char *name)
{
	const cJSON *one;
	cJSON_ArrayForEach (one, check_get(computer, "excludedPredefinedFunctions")) {
		if (check_is(cJSON_GetStringValue(one), name)) {
			return true;
		}
	}
	return false;
}

static bool check_computer(struct wire_request *request, const cJSON *computer, const char *place)
{
	const struct check_place list =
			check_member_of(request, place, "excluded_predefined_functions");
	int index = 0;
	const cJSON *one;
	if (!check_members(request, place, computer, computer_members)) {
		return false;
	}
	cJSON_ArrayForEach (one, check_get(computer, "excludedPredefinedFunctions")) {
		const struct check_place at = check_index(request, list.text, index++);
		const char *name = cJSON_GetStringValue(one);
		if (!name || !find_predefined(request, name)) {
			return wire_refuse(request, 400, NULL, "",
					"* GenerateContentRequest.%s: '%.60s' is no predefined "
					"function of computer use of this model.\n",
					at.text, name ? name : "");
		}
	}
	return true;
}

/* --- functions of the client --- */

/* A function of a name that computer use brings along, unless that one is excluded. */
static bool clashes(const struct wire_request *request, const char *name)
{
	const struct predefined *same = find_predefined(request, name);
	const cJSON *tool;
	cJSON_ArrayForEach (tool, check_get(request->root, "tools")) {
		const cJSON *computer = check_get(tool, "computerUse");
		if (same && same->environments & environment_of(computer) &&
				!excludes(computer, name)) {
			return true;
		}
	}
	return false;
}

static int count_declared(const struct wire_request *request, const char *name)
{
	int count = 0;
	const cJSON *tool, *function;
	cJSON_ArrayForEach (tool, check_get(request->root, "tools")) {
		cJSON_ArrayForEach (function, check_get(tool, "functionDeclarations")) {
			count += check_is(check_text(function, "name"), name);
		}
	}
	return count;
}

bool gemini_offers(const struct wire_request *request, const char *name)
{
	return count_declared(request, name) > 0;
}

/* The API's own schemas spell types in either case, JSON Schema in lower case alone. */
static bool is_type(const cJSON *type, bool is_json_schema)
{
	static const char *const names[] = { "string", "number", "integer", "boolean", "array",
		"object", "null" };
	const char *text = cJSON_GetStringValue(type);
	for (size_t i = 0; text && i < CUA_ARRAY_LEN(names); i++) {
		if ((is_json_schema ? strcmp : strcasecmp)(text, names[i]) == 0) {
			return true;
		}
	}
	return false;
}

/* The first type of a schema, or of one in it, that does not exist; NULL if all do. */
static const cJSON *find_bad_type(const cJSON *schema, bool is_json_schema)
{
	static const char *const choices[] = { "anyOf", "oneOf", "allOf", "prefixItems",
		"properties", "$defs" };
	const cJSON *type = check_get(schema, "type");
	const cJSON *one, *bad = NULL;
	if (cJSON_IsArray(type) && is_json_schema) {
		cJSON_ArrayForEach (one, type) {
			bad = bad || is_type(one, true) ? bad : one;
		}
	} else if (type && !is_type(type, is_json_schema)) {
		bad = type;
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(choices); i++) {
		cJSON_ArrayForEach (one, check_get(schema, choices[i])) {
			bad = bad ? bad : find_bad_type(one, is_json_schema);
		}
	}
	one = check_get(schema, "items");
	return bad || !one ? bad : find_bad_type(one, is_json_schema);
}

static bool check_types(struct wire_request *request, const cJSON *function, const char *place)
{
	static const struct {
		const char *name, *said;
		bool is_json_schema;
	} schemas[] = {
		{ "parameters", "parameters", false },
		{ "parametersJsonSchema", "parameters_json_schema", true },
		{ "response", "response", false },
		{ "responseJsonSchema", "response_json_schema", true },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(schemas); i++) {
		const struct check_place at = check_member_of(request, place, schemas[i].said);
		const cJSON *bad = find_bad_type(
				check_get(function, schemas[i].name), schemas[i].is_json_schema);
		if (bad) {
			const char *text = cJSON_GetStringValue(bad);
			return wire_refuse(request, 400, NULL, "",
					"Invalid value at '%s' (type.googleapis.com/google.ai."
					"generativelanguage.v1beta.Type), \"%.60s\"",
					at.text, text ? text : "");
		}
	}
	return true;
}

static bool check_function(struct wire_request *request, const cJSON *function, const char *place)
{
	if (!check_members(request, place, function, declaration_members) ||
			!wire_check_function(request, place, function,
					check_get(function, "parametersJsonSchema")) ||
			!check_types(request, function, place)) {
		return false;
	}
	const char *name = check_text(function, "name");
	if (count_declared(request, name) > 1) {
		return wire_refuse(request, 400, NULL, "",
				"Duplicate function declaration found: %.64s", name);
	}
	return !clashes(request, name) ||
			wire_refuse(request, 400, NULL, "",
					"* GenerateContentRequest.%s.name: '%.64s' is a predefined "
					"function of computer use.\n",
					place, name);
}

static bool check_functions(struct wire_request *request, const cJSON *tool, const char *place)
{
	const struct check_place list = check_member_of(request, place, "function_declarations");
	int index = 0;
	const cJSON *function;
	cJSON_ArrayForEach (function, check_get(tool, "functionDeclarations")) {
		const struct check_place at = check_index(request, list.text, index++);
		if (!check_function(request, function, at.text)) {
			return false;
		}
	}
	return true;
}

bool gemini_check_tools(struct wire_request *request)
{
	int index = 0;
	bool found = false;
	const cJSON *tool;
	cJSON_ArrayForEach (tool, check_get(request->root, "tools")) {
		const struct check_place place = check_index(request, "tools", index++);
		const struct check_place at = check_member_of(request, place.text, "computer_use");
		const cJSON *computer = check_get(tool, "computerUse");
		if (!check_members(request, place.text, tool, tool_members) ||
				(computer && !check_computer(request, computer, at.text)) ||
				!check_functions(request, tool, place.text)) {
			return false;
		}
		found |= computer != NULL;
	}
	request->input.no_computer = !found;
	return true;
}
