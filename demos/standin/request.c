#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire.h"

bool wire_fail(struct wire_error *error, int http_status, const char *code, const char *param,
		const char *fmt, ...)
{
	error->http_status = http_status;
	error->code = code;
	snprintf(error->param, sizeof(error->param), "%s", param);
	va_list args;
	va_start(args, fmt);
	vsnprintf(error->message, sizeof(error->message), fmt, args);
	va_end(args);
	return false;
}

static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *text_of(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(member(object, name));
}

static bool check_key(const char *authorization, struct wire_error *error)
{
	if (!authorization || strncmp(authorization, "Bearer ", 7) != 0 || !authorization[7]) {
		return wire_fail(error, 401, NULL, "",
				"You didn't provide an API key. You need to provide your API key "
				"in an Authorization header using Bearer auth (i.e. Authorization: "
				"Bearer YOUR_KEY).");
	}
	return true;
}

static bool check_members(const cJSON *root, struct wire_error *error)
{
	static const char *const known[] = { "background", "context_management", "conversation",
		"image", "include", "input", "instructions", "max_output_tokens", "max_tool_calls",
		"metadata", "model", "parallel_tool_calls", "previous_response_id",
		"prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning",
		"safety_identifier", "service_tier", "store", "stream", "stream_options",
		"temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p",
		"truncation", "user" };
	const cJSON *item;
	cJSON_ArrayForEach (item, root) {
		size_t i = 0;
		while (i < CUA_ARRAY_LEN(known) && strcmp(known[i], item->string) != 0) {
			i++;
		}
		if (i == CUA_ARRAY_LEN(known)) {
			return wire_fail(error, 400, "unknown_parameter", item->string,
					"Unknown parameter: '%.60s'.", item->string);
		}
	}
	return true;
}

static bool check_model(const cJSON *root, struct wire_error *error)
{
	const char *model = text_of(root, "model");
	if (!model) {
		return wire_fail(error, 400, "missing_required_parameter", "model",
				"Missing required parameter: 'model'.");
	}
	if (strcmp(model, WIRE_MODEL) != 0) {
		return wire_fail(error, 404, "model_not_found", "model",
				"The model '%.60s' does not exist or you do not have access to it.",
				model);
	}
	return true;
}

/* The stand-in keeps no responses, like an organisation with zero data retention. */
static bool check_state(const cJSON *root, struct wire_error *error)
{
	static const char *const names[] = { "previous_response_id", "conversation" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		const cJSON *value = member(root, names[i]);
		if (value && !cJSON_IsNull(value)) {
			return wire_fail(error, 400, "unsupported_parameter", names[i],
					"'%s' cannot be used for this organization due to Zero "
					"Data Retention.",
					names[i]);
		}
	}
	return true;
}

static bool check_tool(const cJSON *tool, int index, struct wire_error *error)
{
	char param[64];
	const char *type = text_of(tool, "type");
	snprintf(param, sizeof(param), "tools[%d]", index);
	if (!type) {
		return wire_fail(error, 400, "missing_required_parameter", param,
				"Missing required parameter: '%s.type'.", param);
	}
	if (strcmp(type, "computer") == 0) {
		if (cJSON_GetArraySize(tool) != 1) {
			return wire_fail(error, 400, "unknown_parameter", param,
					"Unknown parameter in '%s': the computer tool has no "
					"member but 'type'.",
					param);
		}
		return true;
	}
	if (strcmp(type, "function") != 0) {
		return wire_fail(error, 400, "invalid_value", param,
				"Invalid value: '%.40s'. Supported values are: 'computer' and "
				"'function'.",
				type);
	}
	if (!text_of(tool, "name") || !cJSON_IsObject(member(tool, "parameters"))) {
		return wire_fail(error, 400, "missing_required_parameter", param,
				"Missing required parameter: '%s.%s'.", param,
				text_of(tool, "name") ? "parameters" : "name");
	}
	return true;
}

static const cJSON *find_tool(const cJSON *tools, const char *type, const char *name)
{
	const cJSON *tool;
	cJSON_ArrayForEach (tool, tools) {
		const char *its_type = text_of(tool, "type");
		const char *its_name = text_of(tool, "name");
		if (its_type && strcmp(its_type, type) == 0 &&
				(!name || (its_name && strcmp(its_name, name) == 0))) {
			return tool;
		}
	}
	return NULL;
}

static bool check_tools(const cJSON *tools, struct wire_error *error)
{
	int index = 0;
	const cJSON *tool;
	cJSON_ArrayForEach (tool, tools) {
		if (!check_tool(tool, index++, error)) {
			return false;
		}
		const char *name = text_of(tool, "name");
		if (name && find_tool(tools, "function", name) != tool) {
			return wire_fail(error, 400, "invalid_value", "tools",
					"Duplicate function name '%.60s' in 'tools'.", name);
		}
	}
	if (!cJSON_IsArray(tools) || !find_tool(tools, "computer", NULL)) {
		return wire_fail(error, 400, "missing_required_parameter", "tools",
				"The stand-in uses the computer: 'tools' must hold "
				"{\"type\":\"computer\"}.");
	}
	return true;
}

static bool includes(const cJSON *root, const char *name)
{
	const cJSON *item;
	cJSON_ArrayForEach (item, member(root, "include")) {
		const char *text = cJSON_GetStringValue(item);
		if (text && strcmp(text, name) == 0) {
			return true;
		}
	}
	return false;
}

static bool check_input(
		const struct play *play, struct wire_request *request, struct wire_error *error)
{
	const cJSON *input = member(request->root, "input");
	if (cJSON_IsString(input)) { /* a plain text is one message of the user */
		request->input.told = "";
		request->input.notes = "";
		return true;
	}
	if (!cJSON_IsArray(input) || !input->child) {
		return wire_fail(error, 400, "missing_required_parameter", "input",
				"Missing required parameter: 'input'.");
	}
	return wire_history_read(play, input, request, error);
}

/* A function that the script needs and the tools do not offer; found out at the first request
 * rather than in the middle of a demo. */
static const char *missing_function(const struct play *play, const cJSON *tools)
{
	for (int i = 0; i < play->script->step_count; i++) {
		const char *name = play_function_of(&play->script->steps[i]);
		if (name && !find_tool(tools, "function", name)) {
			return name;
		}
	}
	return NULL;
}

bool wire_request_read(const char *authorization, const char *body, size_t body_len,
		const struct play *play, struct wire_request *ret_request,
		struct wire_error *ret_error)
{
	memset(ret_request, 0, sizeof(*ret_request));
	if (!check_key(authorization, ret_error)) {
		return false;
	}
	cJSON *root = cJSON_ParseWithLength(body, body_len);
	ret_request->root = root;
	if (!cJSON_IsObject(root)) {
		return wire_fail(ret_error, 400, NULL, "",
				"We could not parse the JSON body of your request.");
	}
	const cJSON *stream = member(root, "stream");
	if (stream && !cJSON_IsBool(stream) && !cJSON_IsNull(stream)) {
		return wire_fail(ret_error, 400, "invalid_type", "stream",
				"Invalid type for 'stream': expected a boolean.");
	}
	const cJSON *tools = member(root, "tools");
	if (!check_members(root, ret_error) || !check_model(root, ret_error) ||
			!check_state(root, ret_error) || !check_tools(tools, ret_error) ||
			!check_input(play, ret_request, ret_error)) {
		return false;
	}
	ret_request->stream = cJSON_IsTrue(stream);
	ret_request->input.encrypted = includes(root, "reasoning.encrypted_content");
	ret_request->input.can_give_up = find_tool(tools, "function", "give_up") != NULL;
	ret_request->input.lacks = missing_function(play, tools);
	/* Pictures are counted apart; what is left of the body is close to the text. */
	ret_request->text_bytes = body_len;
	return true;
}

void wire_request_finish(struct wire_request *request)
{
	cJSON_Delete(request->root);
	free(request->png);
	free(request->told);
	free(request->notes);
	memset(request, 0, sizeof(*request));
}
