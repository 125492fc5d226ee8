#include "agent/responses_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/text.h"
#include "cua/base/util.h"

enum cua_status responses_items_add(
		struct responses_items *items, const char *text, size_t len, struct cua_error *err)
{
	if (items->count == items->capacity) {
		size_t capacity = items->capacity ? items->capacity * 2 : 16;
		char **texts = reallocarray(items->texts, capacity, sizeof(*texts));
		if (!texts) {
			return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "conversation");
		}
		items->texts = texts;
		items->capacity = capacity;
	}
	char *copy = strndup(text, len);
	if (!copy) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "conversation");
	}
	items->texts[items->count++] = copy;
	return CUA_OK;
}

void responses_items_finish(struct responses_items *items)
{
	for (size_t i = 0; i < items->count; i++) {
		free(items->texts[i]);
	}
	free(items->texts);
	*items = (struct responses_items){ 0 };
}

/* --- what an answer says about itself --- */

static void keep_text(char *to, size_t size, const cJSON *from)
{
	if (cJSON_IsString(from)) {
		snprintf(to, size, "%s", from->valuestring);
	}
}

/* error: {"code", "message"}, of a response or of an error event. */
static void keep_error(struct responses_stream *stream, const cJSON *error)
{
	keep_text(stream->code, sizeof(stream->code),
			cJSON_GetObjectItemCaseSensitive(error, "code"));
	keep_text(stream->message, sizeof(stream->message),
			cJSON_GetObjectItemCaseSensitive(error, "message"));
	agent_text_hide(stream->message, strlen(stream->message), stream->secret);
}

/* A server may quote the key back at us; it must reach neither the journal nor a page. */
static enum cua_status keep_item(struct responses_stream *stream, struct responses_items *items,
		struct agent_json_span item, struct cua_error *err)
{
	enum cua_status status = responses_items_add(items, item.at, item.len, err);
	if (status == CUA_OK) {
		agent_text_hide(items->texts[items->count - 1], item.len, stream->secret);
	}
	return status;
}

static double number_at(const cJSON *object, const char *group, const char *name)
{
	const cJSON *from = group ? cJSON_GetObjectItemCaseSensitive(object, group) : object;
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(from, name);
	return cJSON_IsNumber(number) ? number->valuedouble : 0;
}

static void keep_usage(struct responses_stream *stream, const cJSON *response)
{
	const cJSON *usage = cJSON_GetObjectItemCaseSensitive(response, "usage");
	stream->usage = (struct agent_usage){
		.input_tokens = number_at(usage, NULL, "input_tokens"),
		.cached_tokens = number_at(usage, "input_tokens_details", "cached_tokens"),
		.output_tokens = number_at(usage, NULL, "output_tokens"),
		.reasoning_tokens = number_at(usage, "output_tokens_details", "reasoning_tokens"),
	};
}

/* If the items did not come one by one, the whole response has them. */
static enum cua_status keep_output(struct responses_stream *stream, struct agent_json_span response,
		struct cua_error *err)
{
	struct agent_json_span output, item;
	struct responses_items items = { 0 };
	enum cua_status status = CUA_OK;
	size_t at = 0;
	if (!agent_json_member(response, "output", &output) || output.at[0] != '[') {
		return CUA_OK;
	}
	while (status == CUA_OK && agent_json_element(output, &at, &item)) {
		status = keep_item(stream, &items, item, err);
	}
	if (status == CUA_OK && items.count > stream->items.count) {
		struct responses_items old = stream->items;
		stream->items = items;
		items = old;
	}
	responses_items_finish(&items);
	return status;
}

static enum cua_status take_response(struct responses_stream *stream, enum responses_end end,
		const cJSON *response, struct agent_json_span text, struct cua_error *err)
{
	const char *state =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(response, "status"));
	if (end == RESPONSES_END_COMPLETED && state && strcmp(state, "completed") != 0) {
		end = strcmp(state, "incomplete") == 0 ? RESPONSES_END_INCOMPLETE
						       : RESPONSES_END_FAILED;
	}
	keep_usage(stream, response);
	keep_error(stream, cJSON_GetObjectItemCaseSensitive(response, "error"));
	if (end == RESPONSES_END_INCOMPLETE) {
		const cJSON *details =
				cJSON_GetObjectItemCaseSensitive(response, "incomplete_details");
		keep_text(stream->code, sizeof(stream->code),
				cJSON_GetObjectItemCaseSensitive(details, "reason"));
	}
	enum cua_status status = CUA_OK;
	if (end == RESPONSES_END_COMPLETED) {
		status = keep_output(stream, text, err);
	}
	if (status == CUA_OK) {
		stream->end = end;
	}
	return status;
}

static enum cua_status take_item(struct responses_stream *stream, struct agent_json_span event,
		struct cua_error *err)
{
	struct agent_json_span item;
	if (!agent_json_member(event, "item", &item) || item.at[0] != '{') {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "an output_item.done event has no item");
	}
	return keep_item(stream, &stream->items, item, err);
}

static enum cua_status take_end(struct responses_stream *stream, enum responses_end end,
		const cJSON *event, struct agent_json_span text, struct cua_error *err)
{
	struct agent_json_span response;
	if (!agent_json_member(text, "response", &response) || response.at[0] != '{') {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "the last event has no response");
	}
	return take_response(stream, end, cJSON_GetObjectItemCaseSensitive(event, "response"),
			response, err);
}

static enum cua_status on_event(const char *name, const char *data, size_t len, void *user_data,
		struct cua_error *err)
{
	struct responses_stream *stream = user_data;
	(void)name; /* the data says it too, and some servers leave the name out */
	if (stream->end != RESPONSES_END_NONE || strcmp(data, "[DONE]") == 0) {
		return CUA_OK;
	}
	CUA_AUTO_JSON cJSON *event = NULL;
	enum cua_status status = agent_json_parse(data, len, "an event of the stream", &event, err);
	if (status != CUA_OK) {
		return status;
	}
	const struct agent_json_span text = { data, len };
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(event, "type"));
	if (!type) {
		return CUA_OK;
	}
	if (strcmp(type, "response.output_item.done") == 0) {
		return take_item(stream, text, err);
	}
	if (strcmp(type, "response.completed") == 0) {
		return take_end(stream, RESPONSES_END_COMPLETED, event, text, err);
	}
	if (strcmp(type, "response.incomplete") == 0) {
		return take_end(stream, RESPONSES_END_INCOMPLETE, event, text, err);
	}
	if (strcmp(type, "response.failed") == 0 || strcmp(type, "response.cancelled") == 0) {
		return take_end(stream, RESPONSES_END_FAILED, event, text, err);
	}
	if (strcmp(type, "error") == 0) {
		const cJSON *nested = cJSON_GetObjectItemCaseSensitive(event, "error");
		keep_error(stream, cJSON_IsObject(nested) ? nested : event);
		stream->end = RESPONSES_END_FAILED;
	}
	return CUA_OK;
}

/* --- bytes --- */

void responses_stream_init(struct responses_stream *stream, const char *secret)
{
	*stream = (struct responses_stream){ .secret = secret };
	agent_sse_init(&stream->sse, AGENT_SSE_EVENT_MAX, on_event, stream);
	cua_buffer_init(&stream->json, RESPONSES_STREAM_MAX);
}

void responses_stream_finish(struct responses_stream *stream)
{
	agent_sse_finish(&stream->sse);
	cua_buffer_finish(&stream->json);
	responses_items_finish(&stream->items);
}

/* Some local servers answer with plain JSON although a stream was asked for. No event stream
 * begins with a brace. */
static void tell_form(struct responses_stream *stream, const char *data, size_t len)
{
	for (size_t i = 0; i < len && stream->form == RESPONSES_FORM_UNKNOWN; i++) {
		if (!memchr(" \t\r\n", data[i], 4)) {
			stream->form = data[i] == '{' ? RESPONSES_FORM_JSON : RESPONSES_FORM_SSE;
		}
	}
}

enum cua_status responses_stream_feed(
		const char *data, size_t len, void *user_data, struct cua_error *err)
{
	struct responses_stream *stream = user_data;
	if (len > RESPONSES_STREAM_MAX - stream->bytes) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "the model's answer is over %zu bytes",
				RESPONSES_STREAM_MAX);
	}
	stream->bytes += len;
	tell_form(stream, data, len);
	if (stream->form == RESPONSES_FORM_JSON) {
		return cua_buffer_append(&stream->json, data, len, err);
	}
	enum cua_status status = agent_sse_feed(&stream->sse, data, len, err);
	if (status == CUA_ERR_TOO_LARGE) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "an event of the stream is over %zu bytes",
				AGENT_SSE_EVENT_MAX);
	}
	if (status == CUA_OK && stream->end != RESPONSES_END_NONE) {
		return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "the stream is at its end");
	}
	return status;
}

enum cua_status responses_stream_close(struct responses_stream *stream, struct cua_error *err)
{
	if (stream->form != RESPONSES_FORM_JSON) {
		return CUA_OK;
	}
	CUA_AUTO_JSON cJSON *response = NULL;
	enum cua_status status = agent_json_parse(
			stream->json.data, stream->json.len, "the model's answer", &response, err);
	if (status != CUA_OK) {
		return status;
	}
	struct agent_json_span text = { stream->json.data, stream->json.len };
	if (!cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(response, "output"))) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "the model's answer has no output");
	}
	return take_response(stream, RESPONSES_END_COMPLETED, response, text, err);
}
