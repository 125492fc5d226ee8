/* The members of a request that hold more than one value: what they may be. */

#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire/responses_internal.h"

#define OUTPUT_TOKENS_MIN 16
#define METADATA_MAX 16

static const char *const includes[] = { "reasoning.encrypted_content",
	"computer_call_output.output.image_url", "message.input_image.image_url",
	"message.output_text.logprobs", "file_search_call.results", "web_search_call.results",
	"web_search_call.action.sources", "code_interpreter_call.outputs", NULL };

static const struct check_member reasoning_members[] = {
	{ "effort", CHECK_TEXT | CHECK_NULL, false,
			(const char *const[]){ "none", "minimal", "low", "medium", "high", "xhigh",
					"max", NULL } },
	{ "summary", CHECK_TEXT | CHECK_NULL, false,
			(const char *const[]){ "auto", "concise", "detailed", NULL } },
	{ "context", CHECK_TEXT | CHECK_NULL, false, NULL },
	{ "mode", CHECK_TEXT | CHECK_NULL, false,
			(const char *const[]){ "standard", "pro", NULL } },
	{ 0 },
};

static const struct check_member compaction_members[] = {
	{ "type", CHECK_TEXT, true, (const char *const[]){ "compaction", NULL } },
	{ "compact_threshold", CHECK_NUMBER | CHECK_NULL, false, NULL },
	{ 0 },
};

static const struct check_member stream_members[] = {
	{ "include_obfuscation", CHECK_BOOL, false, NULL },
	{ 0 },
};

static bool check_include(struct wire_request *request)
{
	const cJSON *item;
	cJSON_ArrayForEach (item, check_get(request->root, "include")) {
		const char *name = cJSON_GetStringValue(item);
		if (!name || !check_any_of(name, includes)) {
			return wire_refuse(request, 400, "invalid_value", "include",
					"Invalid value: '%.60s' in 'include'.", name ? name : "");
		}
	}
	return true;
}

static bool check_reasoning(struct wire_request *request)
{
	const cJSON *reasoning = check_get(request->root, "reasoning");
	return !cJSON_IsObject(reasoning) ||
			check_members(request, "reasoning", reasoning, reasoning_members);
}

static bool check_compaction(struct wire_request *request)
{
	const cJSON *entry;
	int index = 0;
	cJSON_ArrayForEach (entry, check_get(request->root, "context_management")) {
		const struct check_place place =
				check_index(request, "context_management", index++);
		const cJSON *threshold = check_get(entry, "compact_threshold");
		if (!check_members(request, place.text, entry, compaction_members)) {
			return false;
		}
		if (cJSON_IsNumber(threshold) && threshold->valuedouble < 1) {
			return wire_refuse(request, 400, "integer_below_min_value", place.text,
					"Invalid '%s.compact_threshold': integer below minimum "
					"value.",
					place.text);
		}
	}
	return true;
}

static bool check_stream(struct wire_request *request)
{
	const cJSON *options = check_get(request->root, "stream_options");
	if (!cJSON_IsObject(options)) {
		return true;
	}
	return cJSON_IsTrue(check_get(request->root, "stream"))
			? check_members(request, "stream_options", options, stream_members)
			: wire_refuse(request, 400, "invalid_value", "stream_options",
					  "The 'stream_options' parameter is only allowed when "
					  "'stream' is enabled.");
}

static bool check_numbers(struct wire_request *request)
{
	const cJSON *tokens = check_get(request->root, "max_output_tokens");
	if (cJSON_IsNumber(tokens) && tokens->valuedouble < OUTPUT_TOKENS_MIN) {
		return wire_refuse(request, 400, "integer_below_min_value", "max_output_tokens",
				"Invalid 'max_output_tokens': integer below minimum value. "
				"Expected a value >= %d, but got %g instead.",
				OUTPUT_TOKENS_MIN, tokens->valuedouble);
	}
	const int count = cJSON_GetArraySize(check_get(request->root, "metadata"));
	return count <= METADATA_MAX ||
			wire_refuse(request, 400, "object_above_max_properties", "metadata",
					"Invalid 'metadata': too many properties. Expected at most "
					"%d, but got %d instead.",
					METADATA_MAX, count);
}

static bool check_choice(struct wire_request *request)
{
	static const char *const words[] = { "none", "auto", "required", NULL };
	static const char *const types[] = { "computer", "computer_use", "computer_use_preview",
		"function", "allowed_tools", NULL };
	const cJSON *choice = check_get(request->root, "tool_choice");
	const char *value = cJSON_IsObject(choice) ? check_text(choice, "type")
						   : cJSON_GetStringValue(choice);
	return !choice || (value && check_any_of(value, cJSON_IsObject(choice) ? types : words)) ||
			wire_refuse(request, 400, "invalid_value", "tool_choice",
					"Invalid value: '%.40s' in 'tool_choice'.",
					value ? value : "");
}

bool responses_check_settings(struct wire_request *request)
{
	return check_include(request) && check_reasoning(request) && check_compaction(request) &&
			check_stream(request) && check_numbers(request) && check_choice(request);
}
