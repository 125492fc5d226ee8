/* The results of a turn's calls: each once, in order, all in the next message. */

#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire/anthropic_internal.h"

static const struct check_member result_members[] = {
	{ "type", CHECK_TEXT, true, NULL },
	{ "tool_use_id", CHECK_TEXT, true, NULL },
	{ "content", CHECK_TEXT | CHECK_LIST, false, NULL },
	{ "is_error", CHECK_BOOL, false, NULL },
	{ "toolset_name", CHECK_TEXT | CHECK_NULL, false, NULL },
	{ "cache_control", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ 0 },
};

static const struct check_member text_members[] = {
	{ "type", CHECK_TEXT, true, NULL },
	{ "text", CHECK_TEXT, true, NULL },
	{ "cache_control", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ "citations", CHECK_LIST | CHECK_NULL, false, NULL },
	{ 0 },
};

struct results {
	struct wire_request *request;
	int next;    /* index of the call whose result is due */
	bool failed; /* a computer action of this turn did */
};

bool anthropic_read_block(struct wire_request *request, const cJSON *block, const char *place,
		struct cua_buffer *texts)
{
	const char *type = check_text(block, "type");
	if (check_is(type, "image")) {
		return anthropic_read_image(request, block, place);
	}
	if (!check_is(type, "text")) {
		return wire_refuse(request, 400, NULL, "",
				"%s: Input tag '%.40s' found using 'type' does not match any of "
				"the "
				"expected tags: 'image', 'text', 'tool_result'",
				place, type ? type : "");
	}
	const cJSON *cache = check_get(block, "cache_control");
	if (!check_members(request, place, block, text_members) ||
			(cJSON_IsObject(cache) &&
					!check_members(request, place, cache,
							anthropic_cache_control))) {
		return false;
	}
	const char *text = check_text(block, "text");
	if (text[strspn(text, " \t\r\n")] == '\0') {
		return wire_refuse(request, 400, NULL, "",
				text[0] ? "messages: text content blocks must contain "
					  "non-whitespace text"
					: "messages: text content blocks must be non-empty");
	}
	return talk_add_text(texts, text) || wire_refuse(request, 500, NULL, "", "out of memory");
}

/* The text of a result into texts; whether there was an image among it. */
static bool read_content(struct results *results, const cJSON *result, const char *place,
		struct cua_buffer *texts, bool *ret_image)
{
	const cJSON *content = check_get(result, "content");
	int index = 0;
	const cJSON *block;
	*ret_image = false;
	if (cJSON_IsString(content)) {
		return talk_add_text(texts, content->valuestring);
	}
	cJSON_ArrayForEach (block, content) {
		char at[160];
		snprintf(at, sizeof(at), "%.120s.content.%d", place, index++);
		*ret_image |= check_is(check_text(block, "type"), "image");
		if (!anthropic_read_block(results->request, block, at, texts)) {
			return false;
		}
	}
	return true;
}

static bool check_toolset_name(struct results *results, const struct talk_call *call,
		const cJSON *result, const char *place)
{
	bool toolset = call->computer && anthropic_uses_toolset(results->request);
	const char *name = check_text(result, "toolset_name");
	if (toolset && !check_is(name, "computer")) {
		return wire_refuse(results->request, 400, NULL, "",
				"%s.tool_result.toolset_name: the result of %s must carry "
				"`toolset_name` \"computer\"",
				place, call->id);
	}
	return toolset || !name ||
			wire_refuse(results->request, 400, NULL, "",
					"%s.tool_result.toolset_name: %s is no call of a toolset",
					place, call->id);
}

/* What the result of an action must hold. */
static bool check_action(struct results *results, const struct talk_call *call, bool is_error,
		const char *text, bool image, const char *place)
{
	bool shows = check_any_of(call->name, (const char *const[]){ "screenshot", "zoom", NULL });
	if (results->failed && (!is_error || strcmp(text, ANTHROPIC_NOT_EXECUTED) != 0)) {
		return wire_refuse(results->request, 400, NULL, "",
				"%s.tool_result: an earlier action of this turn failed; the result "
				"of %s must be an error that says '" ANTHROPIC_NOT_EXECUTED "'",
				place, call->id);
	}
	if (shows && !is_error && !image) {
		return wire_refuse(results->request, 400, NULL, "",
				"%s.tool_result: the result of `%s` must hold an image", place,
				call->name);
	}
	results->failed |= is_error;
	return true;
}

static bool keep_text(struct results *results, const struct talk_call *call, bool is_error,
		const char *text)
{
	struct talk *talk = &results->request->talk;
	struct cua_buffer *into = call->computer ? &talk->notes : &talk->told;
	if (call->computer && !is_error) {
		return true; /* "Clicked." */
	}
	return (!is_error || talk_add_text(into, "error:")) && talk_add_text(into, text);
}

static bool read_checked(struct results *results, const struct talk_call *call, const cJSON *result,
		const char *place)
{
	CUA_AUTO_BUFFER struct cua_buffer texts;
	bool image = false;
	bool is_error = cJSON_IsTrue(check_get(result, "is_error"));
	cua_buffer_init(&texts, WIRE_BODY_MAX);
	if (!check_toolset_name(results, call, result, place) ||
			!read_content(results, result, place, &texts, &image)) {
		return false;
	}
	const char *text = texts.len ? texts.data : "";
	if (is_error && !text[0]) {
		return wire_refuse(results->request, 400, NULL, "",
				"%s.tool_result: content cannot be empty if `is_error` is true",
				place);
	}
	if (is_error && image) {
		return wire_refuse(results->request, 400, NULL, "",
				"%s.tool_result: all content must be type `text` if `is_error` is "
				"true",
				place);
	}
	return (!call->computer || check_action(results, call, is_error, text, image, place)) &&
			keep_text(results, call, is_error, text);
}

static bool read_result(struct results *results, const cJSON *result, const char *place)
{
	struct wire_request *request = results->request;
	if (!check_members(request, place, result, result_members)) {
		return false;
	}
	const char *id = check_text(result, "tool_use_id");
	struct talk_call *call = talk_find_call(&request->talk, id);
	if (!call) {
		return wire_refuse(request, 400, NULL, "",
				"%s: unexpected `tool_use_id` found in `tool_result` blocks: "
				"%.80s. Each `tool_result` block must have a corresponding "
				"`tool_use` block in the previous message.",
				place, id);
	}
	if (call->answered) {
		return wire_refuse(request, 400, NULL, "",
				"%s: each tool_use must have a single result. Found multiple "
				"`tool_result` blocks with id: %s",
				place, id);
	}
	if (call != &request->talk.calls[results->next]) {
		return wire_refuse(request, 400, NULL, "",
				"%s: `tool_result` blocks must stand in the order of their "
				"`tool_use` blocks; the result of %s is due",
				place, request->talk.calls[results->next].id);
	}
	call->answered = true;
	results->next++;
	return read_checked(results, call, result, place);
}

bool anthropic_read_results(struct wire_request *request, const cJSON *content, const char *place)
{
	struct results results = { .request = request };
	bool over = false; /* something else stood there: no more results count */
	int index = 0;
	const cJSON *block;
	cJSON_ArrayForEach (block, content) {
		char at[160];
		snprintf(at, sizeof(at), "%.100s.content.%d", place, index++);
		bool result = check_is(check_text(block, "type"), "tool_result");
		over |= !result;
		if (result && over && talk_unanswered(&request->talk)) {
			break;
		}
		if (result ? !read_result(&results, block, at)
			   : !anthropic_read_block(request, block, at, &request->talk.notes)) {
			return false;
		}
	}
	const struct talk_call *missing = talk_unanswered(&request->talk);
	return !missing ||
			wire_refuse(request, 400, NULL, "",
					"%s: `tool_use` ids were found without `tool_result` "
					"blocks "
					"immediately after: %s. Each `tool_use` block must have a "
					"corresponding `tool_result` block in the next message.",
					place, missing->id);
}
