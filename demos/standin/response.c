#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cua/base/util.h"
#include "demos/standin/wire.h"

/* Bytes of text in one delta; odd, so that clients meet words cut in the middle. */
#define DELTA_BYTES 23

/* What a client may set and gets back. */
static void echo_settings(cJSON *response, const cJSON *root)
{
	static const struct {
		const char *name, *default_json;
	} settings[] = {
		{ "instructions", "null" },
		{ "max_output_tokens", "null" },
		{ "metadata", "{}" },
		{ "parallel_tool_calls", "true" },
		{ "previous_response_id", "null" },
		{ "reasoning", "{\"effort\":\"medium\",\"summary\":null}" },
		{ "store", "true" },
		{ "temperature", "1" },
		{ "text", "{\"format\":{\"type\":\"text\"}}" },
		{ "tool_choice", "\"auto\"" },
		{ "tools", "[]" },
		{ "top_p", "1" },
		{ "truncation", "\"disabled\"" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(settings); i++) {
		const cJSON *given = cJSON_GetObjectItemCaseSensitive(root, settings[i].name);
		cJSON_AddItemToObject(response, settings[i].name,
				given ? cJSON_Duplicate(given, true)
				      : cJSON_Parse(settings[i].default_json));
	}
}

/* Estimates: four bytes to a token, and for a picture of 1280x800 what the documentation's formula
 * gives, 1.2 tokens for each of 1000 patches. The base64 of pictures is no text. */
static void add_usage(cJSON *response, const struct wire_request *request, const cJSON *items)
{
	size_t text = request->text_bytes - request->picture_bytes;
	char *output = cJSON_PrintUnformatted(items);
	double input_tokens = (double)(text / 4 + (size_t)request->pictures * 1200U);
	double output_tokens = (double)(output ? strlen(output) / 4 : 0);
	cJSON_free(output);
	cJSON *usage = cJSON_AddObjectToObject(response, "usage");
	cJSON_AddNumberToObject(usage, "input_tokens", input_tokens);
	cJSON *details = cJSON_AddObjectToObject(usage, "input_tokens_details");
	cJSON_AddNumberToObject(details, "cached_tokens", 0);
	cJSON_AddNumberToObject(usage, "output_tokens", output_tokens);
	details = cJSON_AddObjectToObject(usage, "output_tokens_details");
	cJSON_AddNumberToObject(details, "reasoning_tokens", 0);
	cJSON_AddNumberToObject(usage, "total_tokens", input_tokens + output_tokens);
}

cJSON *wire_response(const struct wire_request *request, const struct play *play,
		const cJSON *items, const char *status)
{
	cJSON *response = cJSON_CreateObject();
	if (!response) {
		return NULL;
	}
	char id[64];
	snprintf(id, sizeof(id), "resp_c%ut%d", play->conversation, play->turn_count - 1);
	cJSON_AddStringToObject(response, "id", id);
	cJSON_AddStringToObject(response, "object", "response");
	cJSON_AddNumberToObject(response, "created_at", (double)time(NULL));
	cJSON_AddStringToObject(response, "status", status);
	cJSON_AddNullToObject(response, "error");
	cJSON_AddNullToObject(response, "incomplete_details");
	cJSON_AddStringToObject(response, "model", WIRE_MODEL);
	echo_settings(response, request->root);
	cJSON_AddItemToObject(response, "output",
			items ? cJSON_Duplicate(items, true) : cJSON_CreateArray());
	if (items) {
		add_usage(response, request, items);
	} else {
		cJSON_AddNullToObject(response, "usage");
	}
	return response;
}

/* --- server-sent events --- */

struct stream {
	struct cua_buffer *out; /* borrowed */
	int sequence;
	int index;      /* output_index */
	const char *id; /* of the item; borrowed */
	enum cua_status status;
	struct cua_error *err;
};

/* Writes one event and releases it. */
static void send_event(struct stream *stream, const char *type, cJSON *event)
{
	if (stream->status != CUA_OK) {
		cJSON_Delete(event);
		return;
	}
	cJSON_AddStringToObject(event, "type", type);
	cJSON_AddNumberToObject(event, "sequence_number", stream->sequence++);
	char *json = cJSON_PrintUnformatted(event);
	stream->status = json ? cua_buffer_printf(stream->out, stream->err,
						"event: %s\ndata: %s\n\n", type, json)
			      : CUA_FAIL(stream->err, CUA_ERR_NOMEM, ENOMEM, "event");
	cJSON_free(json);
	cJSON_Delete(event);
}

static cJSON *item_event(const struct stream *stream)
{
	cJSON *event = cJSON_CreateObject();
	cJSON_AddStringToObject(event, "item_id", stream->id);
	cJSON_AddNumberToObject(event, "output_index", stream->index);
	return event;
}

/* The bounds of the next delta: never within a character. */
static size_t delta_len(const char *text)
{
	size_t len = strnlen(text, DELTA_BYTES);
	while (text[len] && ((unsigned char)text[len] & 0xc0U) == 0x80U) {
		len++;
	}
	return len;
}

static void send_deltas(struct stream *stream, const char *type, const char *text, bool content)
{
	while (*text) {
		char piece[DELTA_BYTES + 4];
		size_t len = delta_len(text);
		memcpy(piece, text, len);
		piece[len] = '\0';
		cJSON *event = item_event(stream);
		if (content) {
			cJSON_AddNumberToObject(event, "content_index", 0);
			cJSON_AddArrayToObject(event, "logprobs");
		}
		cJSON_AddStringToObject(event, "delta", piece);
		cJSON_AddStringToObject(event, "obfuscation", "x8Jq2v"); /* to be ignored */
		send_event(stream, type, event);
		text += len;
	}
}

static void send_part(struct stream *stream, const char *type, const cJSON *part, bool empty)
{
	cJSON *event = item_event(stream);
	cJSON *copy = cJSON_Duplicate(part, true);
	if (empty) {
		cJSON_ReplaceItemInObjectCaseSensitive(copy, "text", cJSON_CreateString(""));
	}
	cJSON_AddNumberToObject(event, "content_index", 0);
	cJSON_AddItemToObject(event, "part", copy);
	send_event(stream, type, event);
}

static void send_message(struct stream *stream, const cJSON *item)
{
	const cJSON *content = cJSON_GetObjectItemCaseSensitive(item, "content");
	const cJSON *part = cJSON_GetArrayItem(content, 0);
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(part, "text"));
	send_part(stream, "response.content_part.added", part, true);
	send_deltas(stream, "response.output_text.delta", text, true);
	cJSON *event = item_event(stream);
	cJSON_AddNumberToObject(event, "content_index", 0);
	cJSON_AddStringToObject(event, "text", text);
	cJSON_AddArrayToObject(event, "logprobs");
	send_event(stream, "response.output_text.done", event);
	send_part(stream, "response.content_part.done", part, false);
}

static void send_arguments(struct stream *stream, const cJSON *item)
{
	const char *text =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "arguments"));
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "name"));
	send_deltas(stream, "response.function_call_arguments.delta", text, false);
	cJSON *event = item_event(stream);
	cJSON_AddStringToObject(event, "name", name);
	cJSON_AddStringToObject(event, "arguments", text);
	send_event(stream, "response.function_call_arguments.done", event);
}

static void empty_member(cJSON *item, const char *name, cJSON *empty)
{
	if (!cJSON_ReplaceItemInObjectCaseSensitive(item, name, empty)) {
		cJSON_Delete(empty); /* this kind of item has no such member */
	}
}

/* The skeleton lacks what is still to come, encrypted_content among it: a client that replays the
 * item of output_item.added instead of .done is found out. */
static cJSON *skeleton_of(const cJSON *item)
{
	cJSON *copy = cJSON_Duplicate(item, true);
	cJSON_DeleteItemFromObjectCaseSensitive(copy, "encrypted_content");
	empty_member(copy, "content", cJSON_CreateArray());
	empty_member(copy, "actions", cJSON_CreateArray());
	empty_member(copy, "arguments", cJSON_CreateString(""));
	empty_member(copy, "status", cJSON_CreateString("in_progress"));
	return copy;
}

static void send_item(struct stream *stream, const cJSON *item)
{
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "type"));
	stream->id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "id"));
	cJSON *event = cJSON_CreateObject();
	cJSON_AddNumberToObject(event, "output_index", stream->index);
	cJSON_AddItemToObject(event, "item", skeleton_of(item));
	send_event(stream, "response.output_item.added", event);
	if (strcmp(type, "message") == 0) {
		send_message(stream, item);
	} else if (strcmp(type, "function_call") == 0) {
		send_arguments(stream, item);
	}
	event = cJSON_CreateObject();
	cJSON_AddNumberToObject(event, "output_index", stream->index++);
	cJSON_AddItemToObject(event, "item", cJSON_Duplicate(item, true));
	send_event(stream, "response.output_item.done", event);
}

static void send_response(struct stream *stream, const char *type, cJSON *response)
{
	cJSON *event = cJSON_CreateObject();
	cJSON_AddItemToObject(event, "response", response);
	send_event(stream, type, event);
}

enum cua_status wire_stream(const struct wire_request *request, const struct play *play,
		const cJSON *items, struct cua_buffer *out, struct cua_error *err)
{
	struct stream stream = { .out = out, .status = CUA_OK, .err = err };
	send_response(&stream, "response.created",
			wire_response(request, play, NULL, "in_progress"));
	send_response(&stream, "response.in_progress",
			wire_response(request, play, NULL, "in_progress"));
	const cJSON *item;
	cJSON_ArrayForEach (item, items) {
		send_item(&stream, item);
	}
	send_response(&stream, "response.completed",
			wire_response(request, play, items, "completed"));
	return stream.status;
}
