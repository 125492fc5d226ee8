#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire/responses_internal.h"

static const struct check_member request_members[] = {
	{ "background", CHECK_BOOL | CHECK_NULL, false, NULL },
	{ "context_management", CHECK_LIST | CHECK_NULL, false, NULL },
	{ "conversation", CHECK_ANY, false, NULL },
	{ "image", CHECK_OBJECT, false, NULL },
	{ "include", CHECK_LIST | CHECK_NULL, false, NULL },
	{ "input", CHECK_LIST | CHECK_TEXT, true, NULL },
	{ "instructions", CHECK_TEXT | CHECK_NULL, false, NULL },
	{ "max_output_tokens", CHECK_NUMBER | CHECK_NULL, false, NULL },
	{ "max_tool_calls", CHECK_NUMBER | CHECK_NULL, false, NULL },
	{ "metadata", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ "model", CHECK_TEXT, true, NULL },
	{ "parallel_tool_calls", CHECK_BOOL | CHECK_NULL, false, NULL },
	{ "previous_response_id", CHECK_TEXT | CHECK_NULL, false, NULL },
	{ "prompt_cache_key", CHECK_TEXT, false, NULL },
	{ "prompt_cache_options", CHECK_OBJECT, false, NULL },
	{ "prompt_cache_retention", CHECK_TEXT | CHECK_NULL, false, NULL },
	{ "reasoning", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ "safety_identifier", CHECK_TEXT, false, NULL },
	{ "service_tier", CHECK_TEXT | CHECK_NULL, false, NULL },
	{ "store", CHECK_BOOL | CHECK_NULL, false, NULL },
	{ "stream", CHECK_BOOL | CHECK_NULL, false, NULL },
	{ "stream_options", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ "temperature", CHECK_NUMBER | CHECK_NULL, false, NULL },
	{ "text", CHECK_OBJECT, false, NULL },
	{ "tool_choice", CHECK_TEXT | CHECK_OBJECT, false, NULL },
	{ "tools", CHECK_LIST, false, NULL },
	{ "top_logprobs", CHECK_NUMBER | CHECK_NULL, false, NULL },
	{ "top_p", CHECK_NUMBER | CHECK_NULL, false, NULL },
	{ "truncation", CHECK_TEXT | CHECK_NULL, false,
			(const char *const[]){ "auto", "disabled", NULL } },
	{ "user", CHECK_TEXT, false, NULL },
	{ 0 },
};

static const struct check_member function_members[] = {
	{ "type", CHECK_TEXT, true, NULL },
	{ "name", CHECK_TEXT, true, NULL },
	{ "description", CHECK_TEXT | CHECK_NULL, false, NULL },
	{ "parameters", CHECK_OBJECT, true, NULL },
	{ "strict", CHECK_BOOL | CHECK_NULL, false, NULL },
	{ "defer_loading", CHECK_BOOL, false, NULL },
	{ "allowed_callers", CHECK_LIST | CHECK_NULL, false, NULL },
	{ "output_schema", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ 0 },
};

static const struct check_member preview_members[] = {
	{ "type", CHECK_TEXT, true, NULL },
	{ "display_width", CHECK_NUMBER, true, NULL },
	{ "display_height", CHECK_NUMBER, true, NULL },
	{ "environment", CHECK_TEXT, true,
			(const char *const[]){
					"windows", "mac", "linux", "ubuntu", "browser", NULL } },
	{ 0 },
};

/* Those that know the computer tool. */
static bool is_model(const char *name)
{
	static const char *const prefixes[] = { WIRE_MODEL, "gpt-5.4", "gpt-5.5", "gpt-5.6",
		"gpt-6", RESPONSES_PREVIEW };
	for (size_t i = 0; i < CUA_ARRAY_LEN(prefixes); i++) {
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) {
			return true;
		}
	}
	return false;
}

static bool check_model(struct wire_request *request)
{
	const char *model = check_text(request->root, "model");
	if (!is_model(model)) {
		return wire_refuse(request, 404, "model_not_found", "model",
				"The model '%.60s' does not exist or you do not have access to it.",
				model);
	}
	snprintf(request->model, sizeof(request->model), "%s", model);
	return true;
}

/* The stand-in keeps no responses, like an organisation with zero data retention. */
static bool check_state(struct wire_request *request)
{
	static const char *const names[] = { "previous_response_id", "conversation" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		const cJSON *value = check_get(request->root, names[i]);
		if (value && !cJSON_IsNull(value)) {
			return wire_refuse(request, 400, "unsupported_parameter", names[i],
					"'%s' cannot be used for this organization due to Zero "
					"Data Retention.",
					names[i]);
		}
	}
	return true;
}

/* The first computer use model has a tool of its own shape. */
bool responses_is_preview(const struct wire_request *request)
{
	return strncmp(request->model, RESPONSES_PREVIEW, sizeof(RESPONSES_PREVIEW) - 1) == 0;
}

static const char *computer_tool(const struct wire_request *request)
{
	return responses_is_preview(request) ? "computer_use_preview" : "computer";
}

static bool check_computer(struct wire_request *request, const cJSON *tool, const char *place)
{
	bool preview = responses_is_preview(request);
	if (preview && !check_is(check_text(request->root, "truncation"), "auto")) {
		return wire_refuse(request, 400, "invalid_value", "truncation",
				"The computer_use_preview tool needs 'truncation' to be 'auto'.");
	}
	if (preview) {
		return check_members(request, place, tool, preview_members);
	}
	return cJSON_GetArraySize(tool) == 1 ||
			wire_refuse(request, 400, "unknown_parameter", place,
					"Unknown parameter in '%s': the computer tool has no "
					"member "
					"but 'type'.",
					place);
}

static bool check_tool(struct wire_request *request, const cJSON *tool, int index)
{
	struct check_place place = check_index(request, "tools", index);
	const char *type = check_text(tool, "type");
	if (!type) {
		return request->api->bad_member(request, place.text, "type", CHECK_MISSING, 0);
	}
	if (strcmp(type, computer_tool(request)) == 0) {
		return check_computer(request, tool, place.text);
	}
	if (strcmp(type, "function") != 0) {
		return wire_refuse(request, 400, "invalid_value", place.text,
				"Invalid value: '%.40s'. Supported values are: '%s' and "
				"'function'.",
				type, computer_tool(request));
	}
	return check_members(request, place.text, tool, function_members) &&
			wire_check_function(
					request, place.text, tool, check_get(tool, "parameters"));
}

static const cJSON *find_tool(const cJSON *tools, const char *type, const char *name)
{
	const cJSON *tool;
	cJSON_ArrayForEach (tool, tools) {
		if (check_is(check_text(tool, "type"), type) &&
				(!name || check_is(check_text(tool, "name"), name))) {
			return tool;
		}
	}
	return NULL;
}

static bool check_tools(struct wire_request *request, const cJSON *tools)
{
	int index = 0;
	const cJSON *tool;
	cJSON_ArrayForEach (tool, tools) {
		if (!check_tool(request, tool, index++)) {
			return false;
		}
		const char *name = check_text(tool, "name");
		if (name && find_tool(tools, "function", name) != tool) {
			return wire_refuse(request, 400, "invalid_value", "tools",
					"Duplicate function name '%.60s' in 'tools'.", name);
		}
	}
	request->input.no_computer = !find_tool(tools, computer_tool(request), NULL);
	return true;
}

static bool includes(const cJSON *root, const char *name)
{
	const cJSON *item;
	cJSON_ArrayForEach (item, check_get(root, "include")) {
		if (check_is(cJSON_GetStringValue(item), name)) {
			return true;
		}
	}
	return false;
}

static bool offers(const struct wire_request *request, const char *name)
{
	return find_tool(check_get(request->root, "tools"), "function", name) != NULL;
}

bool responses_read(struct wire_request *request)
{
	const cJSON *root = request->root;
	if (!check_key_openai(request, true)) {
		return false;
	}
	if (!cJSON_IsObject(root)) {
		return wire_refuse(request, 400, NULL, "",
				"We could not parse the JSON body of your request.");
	}
	if (!check_members(request, "", root, request_members) || !check_model(request) ||
			!check_state(request) || !responses_check_settings(request) ||
			!check_tools(request, check_get(root, "tools"))) {
		return false;
	}
	const cJSON *input = check_get(root, "input");
	/* A plain text is one message of the user. */
	if (!cJSON_IsString(input) && !responses_read_input(request, input)) {
		return false;
	}
	request->stream = cJSON_IsTrue(check_get(root, "stream"));
	request->input.split = ACT_SPLIT_KEYS;
	request->input.one_call = responses_is_preview(request);
	request->encrypted = includes(root, "reasoning.encrypted_content");
	wire_offers(request, offers);
	return true;
}
