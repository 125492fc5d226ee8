#include "agent/model/anthropic_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

/* A block is put together from its JSON as it was written: what the model thought is signed, and
 * goes back byte for byte. */

/* --- the message --- */

static struct anthropic_stream *stream_of(struct model_reply *reply)
{
	struct anthropic_stream *stream = reply->own;
	if (!stream->is_ready) {
		struct cua_buffer *const buffers[] = { &stream->block, &stream->text,
			&stream->thinking, &stream->signature, &stream->input, &stream->citations };
		for (size_t i = 0; i < CUA_ARRAY_LEN(buffers); i++) {
			cua_buffer_init(buffers[i], MODEL_REPLY_MAX);
		}
		stream->is_ready = true;
	}
	return stream;
}

void anthropic_stream_finish(void *own)
{
	struct anthropic_stream *stream = own;
	cua_buffer_finish(&stream->block);
	cua_buffer_finish(&stream->text);
	cua_buffer_finish(&stream->thinking);
	cua_buffer_finish(&stream->signature);
	cua_buffer_finish(&stream->input);
	cua_buffer_finish(&stream->citations);
}

/* Figures are of the whole message so far, not increments; what is not there stays. */
static void keep_number(const cJSON *usage, const char *name, double *number)
{
	const cJSON *value = cua_json_member(usage, name);
	if (cJSON_IsNumber(value)) {
		*number = value->valuedouble;
	}
}

/* The server's input is without what the cache read and wrote; ours is with it. */
static enum cua_status keep_usage(
		struct model_reply *reply, const cJSON *usage, struct cua_error *err)
{
	struct agent_usage sum = reply->usage;
	double uncached = sum.input_tokens - sum.cached_tokens - sum.cache_write_tokens;
	keep_number(usage, "input_tokens", &uncached);
	keep_number(usage, "cache_read_input_tokens", &sum.cached_tokens);
	keep_number(usage, "cache_creation_input_tokens", &sum.cache_write_tokens);
	keep_number(usage, "output_tokens", &sum.output_tokens);
	keep_number(cua_json_member(usage, "output_tokens_details"), "thinking_tokens",
			&sum.reasoning_tokens);
	sum.input_tokens = uncached + sum.cached_tokens + sum.cache_write_tokens;
	return model_reply_use(reply, &sum, err);
}

static void keep_message(struct model_reply *reply, const cJSON *message)
{
	struct anthropic_stream *stream = stream_of(reply);
	const char *id = cua_json_string(message, "id"),
		   *reason = cua_json_string(message, "stop_reason");
	if (id) {
		snprintf(stream->id, sizeof(stream->id), "%s", id);
	}
	if (reason) {
		snprintf(stream->stop_reason, sizeof(stream->stop_reason), "%s", reason);
	}
	const cJSON *details = cua_json_member(message, "stop_details");
	const char *category = cua_json_string(details, "category");
	const char *explanation = cua_json_string(details, "explanation");
	if (category || explanation) {
		snprintf(reply->message, sizeof(reply->message), "%s%s%s", category ? category : "",
				category && explanation ? ": " : "",
				explanation ? explanation : "");
		agent_redact_blot(reply->redactor, reply->message, strlen(reply->message));
	}
}

static enum model_end end_of(struct model_reply *reply, const char *reason)
{
	static const struct {
		const char *reason;
		enum model_end end;
	} reasons[] = { { "tool_use", MODEL_END_COMPLETED }, { "end_turn", MODEL_END_COMPLETED },
		{ "stop_sequence", MODEL_END_COMPLETED }, { "pause_turn", MODEL_END_COMPLETED },
		{ "compaction", MODEL_END_COMPLETED }, { "max_tokens", MODEL_END_CUT },
		{ "refusal", MODEL_END_REFUSED } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(reasons); i++) {
		if (strcmp(reasons[i].reason, reason) == 0) {
			return reasons[i].end;
		}
	}
	snprintf(reply->code, sizeof(reply->code), "%s", reason);
	if (strcmp(reason, "model_context_window_exceeded") == 0) {
		snprintf(reply->message, sizeof(reply->message),
				"the conversation is longer than the model can read");
	}
	return MODEL_END_FAILED;
}

/* The last part of a turn. */
static enum cua_status keep_end(struct model_reply *reply, struct cua_error *err)
{
	const struct anthropic_stream *stream = stream_of(reply);
	CUA_AUTO_JSON cJSON *end = cJSON_CreateObject();
	cJSON_AddStringToObject(end, "type", "message");
	cJSON_AddStringToObject(end, "id", stream->id);
	cJSON_AddStringToObject(end, "stop_reason", stream->stop_reason);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(end);
	return text ? model_reply_keep(reply, (struct agent_json_span){ text, strlen(text) }, err)
		    : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer");
}

/* Without a reason, or within a block, the answer was cut off: that is no end. */
static enum cua_status end_message(struct model_reply *reply, struct cua_error *err)
{
	const struct anthropic_stream *stream = stream_of(reply);
	if (!stream->stop_reason[0] || stream->is_open) {
		return CUA_OK;
	}
	enum model_end end = end_of(reply, stream->stop_reason);
	enum cua_status status = CUA_OK;
	if (end == MODEL_END_COMPLETED && stream->is_damaged) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "the arguments of a call are no object");
	}
	if (end == MODEL_END_COMPLETED) {
		status = keep_end(reply, err);
	}
	if (status == CUA_OK) {
		reply->end = end;
	}
	return status;
}

/* --- blocks --- */

struct event {
	const cJSON *json;
	struct agent_json_span text;
};

static int index_of(const struct event *event)
{
	const cJSON *index = cua_json_member(event->json, "index");
	return cJSON_IsNumber(index) ? index->valueint : -1;
}

/* What is between the quotes of a string. */
static struct agent_json_span inside(struct agent_json_span string)
{
	return string.len >= 2 && string.at[0] == '"'
			? (struct agent_json_span){ string.at + 1, string.len - 2 }
			: (struct agent_json_span){ "", 0 };
}

/* Appends the characters of a string as they were written. */
static enum cua_status append_string(struct agent_json_span object, const char *name,
		struct cua_buffer *to, struct cua_error *err)
{
	struct agent_json_span value;
	if (!agent_json_member(object, name, &value)) {
		return CUA_OK;
	}
	value = inside(value);
	return value.len > 0 ? cua_buffer_append(to, value.at, value.len, err) : CUA_OK;
}

static enum cua_status take_block_start(
		struct model_reply *reply, const struct event *event, struct cua_error *err)
{
	struct anthropic_stream *stream = stream_of(reply);
	struct agent_json_span block;
	if (stream->is_open) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "a block begins before another is over");
	}
	if (!agent_json_member(event->text, "content_block", &block) || block.at[0] != '{') {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "a content_block_start has no block");
	}
	cua_buffer_clear(&stream->block);
	cua_buffer_clear(&stream->text);
	cua_buffer_clear(&stream->thinking);
	cua_buffer_clear(&stream->signature);
	cua_buffer_clear(&stream->input);
	cua_buffer_clear(&stream->citations);
	stream->is_open = true;
	stream->index = index_of(event);
	enum cua_status status = cua_buffer_append(&stream->block, block.at, block.len, err);
	if (status == CUA_OK) {
		status = append_string(block, "text", &stream->text, err);
	}
	if (status == CUA_OK) {
		status = append_string(block, "thinking", &stream->thinking, err);
	}
	const cJSON *json = cua_json_member(event->json, "content_block");
	return status == CUA_OK ? model_reply_words(reply, cua_json_string(json, "text"), err)
				: status;
}

/* Pieces of a JSON text, each a string. */
static enum cua_status append_input(struct anthropic_stream *stream, const cJSON *json,
		struct agent_json_span delta, struct cua_error *err)
{
	const char *piece = cua_json_string(json, "partial_json");
	struct agent_json_span raw;
	if (agent_json_member(delta, "partial_json", &raw) && agent_json_has_nul(raw)) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "the arguments of a call hold a NUL byte");
	}
	return piece && piece[0] ? cua_buffer_append(&stream->input, piece, strlen(piece), err)
				 : CUA_OK;
}

static enum cua_status append_citation(struct anthropic_stream *stream,
		struct agent_json_span delta, struct cua_error *err)
{
	struct agent_json_span value;
	struct cua_buffer *citations = &stream->citations;
	if (!agent_json_member(delta, "citation", &value)) {
		return CUA_OK;
	}
	enum cua_status status =
			citations->len > 0 ? cua_buffer_append(citations, ",", 1, err) : CUA_OK;
	return status == CUA_OK ? cua_buffer_append(citations, value.at, value.len, err) : status;
}

static enum cua_status take_block_delta(
		struct model_reply *reply, const struct event *event, struct cua_error *err)
{
	struct anthropic_stream *stream = stream_of(reply);
	const cJSON *json = cua_json_member(event->json, "delta");
	const char *type = cua_json_string(json, "type");
	struct agent_json_span delta;
	enum cua_status status = CUA_OK;
	if (!stream->is_open || index_of(event) != stream->index) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "a piece of a block that is not open");
	}
	if (!type || !agent_json_member(event->text, "delta", &delta)) {
		return CUA_OK;
	}
	if (strcmp(type, "text_delta") == 0) {
		status = append_string(delta, "text", &stream->text, err);
		return status == CUA_OK
				? model_reply_words(reply, cua_json_string(json, "text"), err)
				: status;
	}
	if (strcmp(type, "thinking_delta") == 0) {
		status = append_string(delta, "thinking", &stream->thinking, err);
		return status == CUA_OK
				? model_reply_words(reply, cua_json_string(json, "thinking"), err)
				: status;
	}
	if (strcmp(type, "signature_delta") == 0) {
		cua_buffer_clear(&stream->signature); /* each is the whole */
		return append_string(delta, "signature", &stream->signature, err);
	}
	if (strcmp(type, "citations_delta") == 0) {
		return append_citation(stream, delta, err);
	}
	return strcmp(type, "input_json_delta") == 0 ? append_input(stream, json, delta, err)
						     : CUA_OK;
}

/* Gives a member of the block another value, in brackets of its kind. */
static enum cua_status set_member(struct anthropic_stream *stream, const char *name,
		const char *brackets, const struct cua_buffer *value, struct cua_error *err)
{
	struct cua_buffer *block = &stream->block;
	const struct agent_json_span whole = { block->data, block->len };
	struct agent_json_span old;
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, MODEL_REPLY_MAX);
	if (value->len == 0) {
		return CUA_OK;
	}
	char open[2] = { brackets[0], '\0' }, close[2] = { brackets[0] ? brackets[1] : '\0', '\0' };
	enum cua_status status = CUA_OK;
	if (agent_json_member(whole, name, &old)) {
		size_t before = (size_t)(old.at - block->data);
		status = cua_buffer_printf(&text, err, "%.*s%s%s%s%s", (int)before, block->data,
				open, value->data, close, old.at + old.len);
	} else {
		status = cua_buffer_printf(&text, err, "{\"%s\":%s%s%s,%s", name, open, value->data,
				close, block->data + 1);
	}
	if (status == CUA_OK) {
		cua_buffer_finish(block);
		*block = text;
		text = (struct cua_buffer){ 0 };
	}
	return status;
}

static bool is_object(const struct cua_buffer *text)
{
	CUA_AUTO_JSON cJSON *json = NULL;
	return agent_json_parse(text->data, text->len, "arguments", &json, NULL) == CUA_OK &&
			cJSON_IsObject(json);
}

static enum cua_status take_block_stop(
		struct model_reply *reply, const struct event *event, struct cua_error *err)
{
	struct anthropic_stream *stream = stream_of(reply);
	if (!stream->is_open || index_of(event) != stream->index) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "the end of a block that is not open");
	}
	stream->is_open = false;
	/* A message that is cut by its length ends within the arguments of a call. */
	if (stream->input.len > 0 && !is_object(&stream->input)) {
		stream->is_damaged = true;
		return CUA_OK;
	}
	enum cua_status status = set_member(stream, "text", "\"\"", &stream->text, err);
	if (status == CUA_OK) {
		status = set_member(stream, "thinking", "\"\"", &stream->thinking, err);
	}
	if (status == CUA_OK) {
		status = set_member(stream, "signature", "\"\"", &stream->signature, err);
	}
	if (status == CUA_OK) {
		status = set_member(stream, "input", "", &stream->input, err);
	}
	if (status == CUA_OK) {
		status = set_member(stream, "citations", "[]", &stream->citations, err);
	}
	if (status == CUA_OK && (stream->text.len > 0 || stream->thinking.len > 0)) {
		status = model_reply_words(reply, "\n", err);
	}
	return status == CUA_OK ? model_reply_keep(reply,
						  (struct agent_json_span){ stream->block.data,
								  stream->block.len },
						  err)
				: status;
}

/* --- events --- */

static enum cua_status take_start(
		struct model_reply *reply, const struct event *event, struct cua_error *err)
{
	const cJSON *message = cua_json_member(event->json, "message");
	keep_message(reply, message);
	return keep_usage(reply, cua_json_member(message, "usage"), err);
}

static enum cua_status take_delta(
		struct model_reply *reply, const struct event *event, struct cua_error *err)
{
	keep_message(reply, cua_json_member(event->json, "delta"));
	return keep_usage(reply, cua_json_member(event->json, "usage"), err);
}

static enum cua_status take_stop(
		struct model_reply *reply, const struct event *event, struct cua_error *err)
{
	(void)event;
	return end_message(reply, err);
}

static enum cua_status take_error(
		struct model_reply *reply, const struct event *event, struct cua_error *err)
{
	(void)err;
	model_reply_error(reply, cua_json_member(event->json, "error"));
	reply->end = MODEL_END_FAILED;
	return CUA_OK;
}

static const struct {
	const char *type;
	enum cua_status (*take)(struct model_reply *reply, const struct event *event,
			struct cua_error *err);
} events[] = {
	{ "message_start", take_start },
	{ "content_block_start", take_block_start },
	{ "content_block_delta", take_block_delta },
	{ "content_block_stop", take_block_stop },
	{ "message_delta", take_delta },
	{ "message_stop", take_stop },
	{ "error", take_error },
};

enum cua_status anthropic_take_event(struct model_reply *reply, const char *name, const cJSON *json,
		struct agent_json_span text, struct cua_error *err)
{
	(void)name; /* the data says it too */
	const struct event event = { json, text };
	const char *type = cua_json_string(json, "type");
	for (size_t i = 0; type && i < CUA_ARRAY_LEN(events); i++) {
		if (strcmp(events[i].type, type) == 0) {
			return events[i].take(reply, &event, err);
		}
	}
	return CUA_OK; /* "ping", and what is to come */
}

enum cua_status anthropic_take_body(struct model_reply *reply, const cJSON *body,
		struct agent_json_span text, struct cua_error *err)
{
	struct agent_json_span content, block;
	const struct event event = { body, text };
	const char *type = cua_json_string(body, "type");
	size_t at = 0;
	if (type && strcmp(type, "error") == 0) {
		return take_error(reply, &event, err);
	}
	if (!agent_json_member(text, "content", &content) || content.at[0] != '[') {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "the model's answer has no content");
	}
	keep_message(reply, body);
	enum cua_status status = keep_usage(reply, cua_json_member(body, "usage"), err);
	while (status == CUA_OK && agent_json_element(content, &at, &block)) {
		status = model_reply_keep(reply, block, err);
	}
	return status == CUA_OK ? end_message(reply, err) : status;
}
