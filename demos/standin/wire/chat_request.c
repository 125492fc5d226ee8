#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire/chat_internal.h"

static const struct check_member request_members[] = {
	{ "model", CHECK_TEXT, true, NULL },
	{ "messages", CHECK_LIST, true, NULL },
	{ "tools", CHECK_LIST, false, NULL },
	{ "tool_choice", CHECK_TEXT | CHECK_OBJECT, false, NULL },
	{ "parallel_tool_calls", CHECK_BOOL, false, NULL },
	{ "stream", CHECK_BOOL | CHECK_NULL, false, NULL },
	{ "stream_options", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ "max_tokens", CHECK_NUMBER | CHECK_NULL, false, NULL },
	{ "max_completion_tokens", CHECK_NUMBER | CHECK_NULL, false, NULL },
	{ "temperature", CHECK_NUMBER | CHECK_NULL, false, NULL },
	{ "top_p", CHECK_NUMBER | CHECK_NULL, false, NULL },
	{ "frequency_penalty", CHECK_NUMBER | CHECK_NULL, false, NULL },
	{ "presence_penalty", CHECK_NUMBER | CHECK_NULL, false, NULL },
	{ "seed", CHECK_NUMBER | CHECK_NULL, false, NULL },
	{ "stop", CHECK_TEXT | CHECK_LIST | CHECK_NULL, false, NULL },
	{ "n", CHECK_NUMBER | CHECK_NULL, false, NULL },
	{ "logprobs", CHECK_BOOL | CHECK_NULL, false, NULL },
	{ "response_format", CHECK_OBJECT, false, NULL },
	{ "reasoning_effort", CHECK_TEXT | CHECK_NULL, false, NULL },
	{ "verbosity", CHECK_TEXT | CHECK_NULL, false, NULL },
	{ "service_tier", CHECK_TEXT | CHECK_NULL, false, NULL },
	{ "store", CHECK_BOOL | CHECK_NULL, false, NULL },
	{ "metadata", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ "prompt_cache_key", CHECK_TEXT, false, NULL },
	{ "safety_identifier", CHECK_TEXT, false, NULL },
	{ "user", CHECK_TEXT, false, NULL },
	{ 0 },
};

static const struct check_member stream_members[] = {
	{ "include_usage", CHECK_BOOL, false, NULL },
	{ "include_obfuscation", CHECK_BOOL, false, NULL },
	{ 0 },
};

static const struct check_member tool_members[] = {
	{ "type", CHECK_TEXT, true, (const char *const[]){ "function", NULL } },
	{ "function", CHECK_OBJECT, true, NULL },
	{ 0 },
};

static const struct check_member function_members[] = {
	{ "name", CHECK_TEXT, true, NULL },
	{ "description", CHECK_TEXT, false, NULL },
	{ "parameters", CHECK_OBJECT, false, NULL },
	{ "strict", CHECK_BOOL | CHECK_NULL, false, NULL },
	{ 0 },
};

/* --- tools --- */

static const cJSON *find_function(const struct wire_request *request, const char *name)
{
	const cJSON *tool;
	cJSON_ArrayForEach (tool, check_get(request->root, "tools")) {
		const cJSON *function = check_get(tool, "function");
		if (check_is(check_text(function, "name"), name)) {
			return function;
		}
	}
	return NULL;
}

const cJSON *chat_parameters(const struct wire_request *request, const char *name)
{
	return check_get(find_function(request, name), "parameters");
}

const char *chat_computer(const struct wire_request *request, const cJSON **ret_parameters)
{
	static const char *const names[] = { "computer", "computer_use", "desktop" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		*ret_parameters = chat_parameters(request, names[i]);
		if (*ret_parameters) {
			return names[i];
		}
	}
	return NULL;
}

const cJSON *chat_actions(const cJSON *parameters)
{
	return check_get(check_get(check_get(parameters, "properties"), "action"), "enum");
}

bool chat_uses_tools(const struct wire_request *request)
{
	const cJSON *tools = check_get(request->root, "tools");
	return tools && tools->child;
}

/* Without tools, a model knows the functions that its instructions speak of. */
static bool is_spoken_of(const struct wire_request *request, const char *name)
{
	const cJSON *first = check_get(request->root, "messages")->child;
	char *text = cJSON_PrintUnformatted(check_get(first, "content"));
	bool found = text && strstr(text, name);
	cJSON_free(text);
	return found;
}

bool chat_offers(const struct wire_request *request, const char *name)
{
	const cJSON *parameters = NULL;
	const cJSON *action;
	if (!chat_uses_tools(request)) {
		return is_spoken_of(request, name);
	}
	chat_computer(request, &parameters);
	cJSON_ArrayForEach (action, chat_actions(parameters)) {
		if (check_is(cJSON_GetStringValue(action), name)) {
			return true;
		}
	}
	return find_function(request, name) != NULL;
}

static bool check_tools(struct wire_request *request)
{
	int index = 0;
	const cJSON *tool;
	cJSON_ArrayForEach (tool, check_get(request->root, "tools")) {
		struct check_place place = check_index(request, "tools", index++);
		struct check_place at = check_member_of(request, place.text, "function");
		const cJSON *function = check_get(tool, "function");
		if (!check_members(request, place.text, tool, tool_members) ||
				!check_members(request, at.text, function, function_members) ||
				!wire_check_function(request, at.text, function,
						check_get(function, "parameters"))) {
			return false;
		}
		if (find_function(request, check_text(function, "name")) != function) {
			return wire_refuse(request, 400, "invalid_value", place.text,
					"Duplicate function name '%.60s' in 'tools'.",
					check_text(function, "name"));
		}
	}
	return true;
}

static bool check_choice(struct wire_request *request)
{
	static const char *const words[] = { "none", "auto", "required", NULL };
	const cJSON *choice = check_get(request->root, "tool_choice");
	const char *name = check_text(check_get(choice, "function"), "name");
	if (!choice || (cJSON_IsString(choice) && check_any_of(choice->valuestring, words)) ||
			(name && find_function(request, name))) {
		return true;
	}
	return wire_refuse(request, 400, "invalid_value", "tool_choice",
			"Invalid value for 'tool_choice': it must be 'none', 'auto', 'required', "
			"or a function among 'tools'.");
}

/* --- */

/* How the turns are to be written: with tools, or in the model's own grammar. */
static void set_manner(struct wire_request *request)
{
	struct play_input *input = &request->input;
	const struct chat_profile *profile = request->profile;
	const cJSON *parallel = check_get(request->root, "parallel_tool_calls");
	if (chat_uses_tools(request)) {
		input->one_call = cJSON_IsFalse(parallel);
		input->split = chat_offers(request, "computer_use")
				? ACT_SPLIT_DRAGS | ACT_SPLIT_SCROLLS | ACT_SPLIT_KEYS
				: ACT_SPLIT_KEYS;
		input->cannot = chat_offers(request, "computer_use") ? chat_cannot_qwen : NULL;
	} else if (profile->grammar == CHAT_NONE) {
		input->no_computer = true;
	} else if (profile->grammar == CHAT_QWEN) {
		input->one_call = true;
		input->split = ACT_SPLIT_DRAGS | ACT_SPLIT_SCROLLS | ACT_SPLIT_KEYS;
		input->cannot = chat_cannot_qwen;
	} else if (profile->grammar == CHAT_OPENCUA) {
		input->split = ACT_SPLIT_BENT_DRAGS | ACT_SPLIT_DRAGS | ACT_SPLIT_SCROLLS |
				ACT_SPLIT_KEYS;
		input->cannot = chat_cannot_opencua;
	} else {
		input->split = ACT_SPLIT_KEYS;
		input->cannot = chat_cannot_ui_tars;
	}
}

bool chat_read(struct wire_request *request)
{
	const cJSON *root = request->root;
	if (!check_key_openai(request, wire_quirk(request, "key"))) {
		return false;
	}
	if (!cJSON_IsObject(root)) {
		return wire_refuse(request, 400, NULL, "",
				"We could not parse the JSON body of your request.");
	}
	const cJSON *options = check_get(root, "stream_options");
	if (!check_members(request, "", root, request_members) || !check_tools(request) ||
			!check_choice(request) ||
			(cJSON_IsObject(options) &&
					!check_members(request, "stream_options", options,
							stream_members))) {
		return false;
	}
	snprintf(request->model, sizeof(request->model), "%s", check_text(root, "model"));
	request->profile = chat_find_profile(request->model);
	request->stream = cJSON_IsTrue(check_get(root, "stream")) && !wire_quirk(request, "plain");
	request->usage_chunk = cJSON_IsTrue(check_get(options, "include_usage"));
	if (cJSON_IsObject(options) && !cJSON_IsTrue(check_get(root, "stream"))) {
		return wire_refuse(request, 400, NULL, "stream_options",
				"The 'stream_options' parameter is only allowed when 'stream' is "
				"enabled.");
	}
	if (!check_get(root, "messages")->child) {
		return wire_refuse(request, 400, "empty_array", "messages",
				"Invalid 'messages': empty array. Expected an array with minimum "
				"length 1, but got an empty array instead.");
	}
	set_manner(request);
	wire_offers(request, chat_offers);
	return chat_read_messages(request, check_get(root, "messages"));
}
