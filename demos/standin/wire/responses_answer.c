#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cua/base/util.h"
#include "demos/standin/wire/events.h"
#include "demos/standin/wire/responses_internal.h"

#define PICTURE_TOKENS 1200 /* 1280x800: 1.2 for each of 1000 patches */

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

static void add_usage(
		cJSON *response, const struct wire_request *request, const struct play_turn *turn)
{
	struct wire_usage tokens = wire_usage(request, turn, PICTURE_TOKENS);
	cJSON *usage = cJSON_AddObjectToObject(response, "usage");
	cJSON_AddNumberToObject(usage, "input_tokens", tokens.input);
	cJSON *details = cJSON_AddObjectToObject(usage, "input_tokens_details");
	cJSON_AddNumberToObject(details, "cached_tokens", 0);
	cJSON_AddNumberToObject(usage, "output_tokens", tokens.output);
	details = cJSON_AddObjectToObject(usage, "output_tokens_details");
	cJSON_AddNumberToObject(details, "reasoning_tokens", 0);
	cJSON_AddNumberToObject(usage, "total_tokens", tokens.input + tokens.output);
}

/* How the response ends: a fault may say "failed" or a reason to be incomplete. */
static const char *end_of(const struct wire_request *request)
{
	const char *end = request->fault ? request->fault->end : "";
	return !end[0] || strcmp(end, "refusal") == 0 ? "completed"
			: strcmp(end, "failed") == 0  ? "failed"
						      : "incomplete";
}

static void add_end(cJSON *response, const struct wire_request *request, const char *status)
{
	cJSON *error = strcmp(status, "failed") == 0 ? cJSON_AddObjectToObject(response, "error")
						     : NULL;
	cJSON *details = strcmp(status, "incomplete") == 0
			? cJSON_AddObjectToObject(response, "incomplete_details")
			: NULL;
	if (error) {
		cJSON_AddStringToObject(error, "code", "server_error");
		cJSON_AddStringToObject(error, "message", "The model failed.");
	} else {
		cJSON_AddNullToObject(response, "error");
	}
	if (details) {
		cJSON_AddStringToObject(details, "reason", request->fault->end);
	} else {
		cJSON_AddNullToObject(response, "incomplete_details");
	}
}

/* status: NULL for a response that has ended. */
static cJSON *make_response(const struct wire_request *request, const struct play_turn *turn,
		const char *status)
{
	cJSON *response = cJSON_CreateObject();
	const char *end = status ? status : end_of(request);
	cJSON_AddStringToObject(response, "id", wire_id(request, turn, "resp", 0).text);
	cJSON_AddStringToObject(response, "object", "response");
	cJSON_AddNumberToObject(response, "created_at", (double)time(NULL));
	cJSON_AddStringToObject(response, "status", end);
	add_end(response, request, end);
	cJSON_AddStringToObject(response, "model", request->model);
	echo_settings(response, request->root);
	cJSON_AddItemToObject(response, "output",
			status ? cJSON_CreateArray() : cJSON_Duplicate(turn->sent, true));
	if (status) {
		cJSON_AddNullToObject(response, "usage");
	} else {
		add_usage(response, request, turn);
	}
	return response;
}

cJSON *responses_answer(const struct wire_request *request, const struct play_turn *turn)
{
	return make_response(request, turn, NULL);
}

/* --- server-sent events --- */

struct stream {
	struct wire_events *events;
	int sequence;
	int index;      /* output_index */
	const char *id; /* of the item; borrowed */
};

/* Writes one event and releases it. */
static void send_event(struct stream *stream, const char *type, cJSON *event)
{
	cJSON_AddStringToObject(event, "type", type);
	cJSON_AddNumberToObject(event, "sequence_number", stream->sequence++);
	wire_event(stream->events, type, event);
}

static cJSON *item_event(const struct stream *stream)
{
	cJSON *event = cJSON_CreateObject();
	cJSON_AddStringToObject(event, "item_id", stream->id);
	cJSON_AddNumberToObject(event, "output_index", stream->index);
	return event;
}

static void send_deltas(struct stream *stream, const char *type, const char *text, bool content)
{
	struct wire_delta delta;
	while (wire_next_delta(&text, &delta)) {
		cJSON *event = item_event(stream);
		if (content) {
			cJSON_AddNumberToObject(event, "content_index", 0);
			cJSON_AddArrayToObject(event, "logprobs");
		}
		cJSON_AddStringToObject(event, "delta", delta.text);
		cJSON_AddStringToObject(event, "obfuscation", "x8Jq2v"); /* to be ignored */
		send_event(stream, type, event);
	}
}

static void empty_member(cJSON *item, const char *name, cJSON *empty)
{
	if (!cJSON_ReplaceItemInObjectCaseSensitive(item, name, empty)) {
		cJSON_Delete(empty); /* this kind of item has no such member */
	}
}

static void send_part(struct stream *stream, const char *type, const cJSON *part, bool empty)
{
	cJSON *event = item_event(stream);
	cJSON *copy = cJSON_Duplicate(part, true);
	if (empty) {
		empty_member(copy, "text", cJSON_CreateString(""));
		empty_member(copy, "refusal", cJSON_CreateString(""));
	}
	cJSON_AddNumberToObject(event, "content_index", 0);
	cJSON_AddItemToObject(event, "part", copy);
	send_event(stream, type, event);
}

static void send_message(struct stream *stream, const cJSON *item)
{
	const cJSON *part = cJSON_GetArrayItem(check_get(item, "content"), 0);
	bool refusal = check_is(check_text(part, "type"), "refusal");
	const char *name = refusal ? "refusal" : "text";
	const char *text = check_text(part, name);
	send_part(stream, "response.content_part.added", part, true);
	send_deltas(stream, refusal ? "response.refusal.delta" : "response.output_text.delta", text,
			!refusal);
	cJSON *event = item_event(stream);
	cJSON_AddNumberToObject(event, "content_index", 0);
	cJSON_AddStringToObject(event, name, text);
	if (!refusal) {
		cJSON_AddArrayToObject(event, "logprobs");
	}
	send_event(stream, refusal ? "response.refusal.done" : "response.output_text.done", event);
	send_part(stream, "response.content_part.done", part, false);
}

static void send_arguments(struct stream *stream, const cJSON *item)
{
	const char *text = check_text(item, "arguments");
	const char *name = check_text(item, "name");
	send_deltas(stream, "response.function_call_arguments.delta", text, false);
	cJSON *event = item_event(stream);
	cJSON_AddStringToObject(event, "name", name);
	cJSON_AddStringToObject(event, "arguments", text);
	send_event(stream, "response.function_call_arguments.done", event);
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
	const char *type = check_text(item, "type");
	stream->id = check_text(item, "id");
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

void responses_stream(const struct wire_request *request, const struct play_turn *turn,
		struct wire_events *events)
{
	struct stream stream = { .events = events };
	send_response(&stream, "response.created", make_response(request, turn, "in_progress"));
	send_response(&stream, "response.in_progress", make_response(request, turn, "in_progress"));
	const cJSON *item;
	cJSON_ArrayForEach (item, turn->sent) {
		send_item(&stream, item);
	}
	char type[64];
	snprintf(type, sizeof(type), "response.%s", end_of(request));
	send_response(&stream, type, make_response(request, turn, NULL));
}

static void error_event(const struct wire_error *error, struct wire_events *events)
{
	cJSON *event = cJSON_CreateObject();
	cJSON_AddStringToObject(event, "type", "error");
	cJSON_AddStringToObject(event, "code", error->code ? error->code : "server_error");
	cJSON_AddStringToObject(event, "message", error->message);
	cJSON_AddNullToObject(event, "param");
	cJSON_AddNumberToObject(event, "sequence_number", events->count);
	wire_event(events, "error", event);
}

/* --- */

static bool takes(struct wire_request *request, const char *path)
{
	(void)request;
	return strcmp(path, "/v1/responses") == 0;
}

const struct wire_api wire_responses = {
	.name = "responses",
	.body_max = WIRE_BODY_MAX,
	.id_header = "x-request-id",
	.takes = takes,
	.read = responses_read,
	.spell = responses_items,
	.answer = responses_answer,
	.stream = responses_stream,
	.error = wire_error_openai,
	.error_event = error_event,
	.bad_member = check_bad_member_openai,
	.bad_value = check_bad_value_openai,
};
