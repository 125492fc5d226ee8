#include <stdio.h>
#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire/anthropic_internal.h"
#include "demos/standin/wire/events.h"

/* --- the message --- */

static const char *stop_reason(const struct wire_request *request, const struct play_turn *turn)
{
	if (request->fault && request->fault->end[0]) {
		return request->fault->end;
	}
	return turn->acts.count ? "tool_use" : "end_turn";
}

static cJSON *make_usage(struct wire_usage tokens, bool ended)
{
	cJSON *usage = cJSON_CreateObject();
	cJSON_AddNumberToObject(usage, "input_tokens", tokens.input);
	cJSON_AddNumberToObject(usage, "cache_creation_input_tokens", 0);
	cJSON_AddNumberToObject(usage, "cache_read_input_tokens", 0);
	cJSON *creation = cJSON_AddObjectToObject(usage, "cache_creation");
	cJSON_AddNumberToObject(creation, "ephemeral_5m_input_tokens", 0);
	cJSON_AddNumberToObject(creation, "ephemeral_1h_input_tokens", 0);
	cJSON_AddNumberToObject(usage, "output_tokens", ended ? tokens.output : 1);
	cJSON_AddStringToObject(usage, "service_tier", "standard");
	return usage;
}

static void add_context(cJSON *object, const struct wire_request *request, struct wire_usage tokens)
{
	if (check_get(request->root, "context_management")) {
		cJSON *context = cJSON_AddObjectToObject(object, "context_management");
		cJSON_AddItemToObject(context, "applied_edits",
				anthropic_applied_edits(request, tokens.input));
	}
}

static void add_stop(
		cJSON *object, const struct wire_request *request, const struct play_turn *turn)
{
	const char *reason = stop_reason(request, turn);
	cJSON_AddStringToObject(object, "stop_reason", reason);
	cJSON_AddNullToObject(object, "stop_sequence");
	if (strcmp(reason, "refusal") == 0) {
		cJSON *details = cJSON_AddObjectToObject(object, "stop_details");
		cJSON_AddStringToObject(details, "type", "refusal");
		cJSON_AddStringToObject(details, "category", "cyber");
		cJSON_AddStringToObject(details, "explanation", "The request was declined.");
	}
}

static cJSON *make_message(
		const struct wire_request *request, const struct play_turn *turn, bool ended)
{
	struct wire_usage tokens = wire_usage(request, turn, ANTHROPIC_PICTURE_TOKENS);
	cJSON *message = cJSON_CreateObject();
	cJSON_AddStringToObject(message, "id", wire_id(request, turn, "msg", 0).text);
	cJSON_AddStringToObject(message, "type", "message");
	cJSON_AddStringToObject(message, "role", "assistant");
	cJSON_AddStringToObject(message, "model", request->model);
	cJSON_AddItemToObject(message, "content",
			ended ? cJSON_Duplicate(turn->sent, true) : cJSON_CreateArray());
	if (ended) {
		add_stop(message, request, turn);
		add_context(message, request, tokens);
	} else {
		cJSON_AddNullToObject(message, "stop_reason");
		cJSON_AddNullToObject(message, "stop_sequence");
	}
	cJSON_AddItemToObject(message, "usage", make_usage(tokens, ended));
	return message;
}

static cJSON *answer(const struct wire_request *request, const struct play_turn *turn)
{
	return make_message(request, turn, true);
}

/* --- the stream --- */

static cJSON *make_event(const char *type)
{
	cJSON *event = cJSON_CreateObject();
	cJSON_AddStringToObject(event, "type", type);
	return event;
}

static void send_block_event(struct wire_events *events, const char *type, int index,
		const char *name, cJSON *json)
{
	cJSON *event = make_event(type);
	cJSON_AddNumberToObject(event, "index", index);
	if (name) {
		cJSON_AddItemToObject(event, name, json);
	}
	wire_event(events, type, event);
}

static void send_delta(struct wire_events *events, int index, const char *type, const char *name,
		const char *text)
{
	cJSON *delta = make_event(type);
	cJSON_AddStringToObject(delta, name, text);
	send_block_event(events, "content_block_delta", index, "delta", delta);
}

static void send_deltas(struct wire_events *events, int index, const char *type, const char *name,
		const char *text)
{
	struct wire_delta delta;
	while (wire_next_delta(&text, &delta)) {
		send_delta(events, index, type, name, delta.text);
	}
}

/* The input of a toolset's member comes whole, that of other tools in pieces; an empty piece
 * comes first. */
static void send_input(struct wire_events *events, int index, const cJSON *block)
{
	char *input = cJSON_PrintUnformatted(check_get(block, "input"));
	send_delta(events, index, "input_json_delta", "partial_json", "");
	if (input && check_get(block, "toolset_name")) {
		send_delta(events, index, "input_json_delta", "partial_json", input);
	} else if (input && strcmp(input, "{}") != 0) {
		send_deltas(events, index, "input_json_delta", "partial_json", input);
	}
	cJSON_free(input);
}

/* The block as it begins: what comes in deltas is empty. */
static cJSON *skeleton_of(const cJSON *block)
{
	static const char *const emptied[] = { "thinking", "signature", "text" };
	cJSON *copy = cJSON_Duplicate(block, true);
	for (size_t i = 0; i < CUA_ARRAY_LEN(emptied); i++) {
		if (check_get(copy, emptied[i])) {
			cJSON_ReplaceItemInObjectCaseSensitive(
					copy, emptied[i], cJSON_CreateString(""));
		}
	}
	if (check_get(copy, "input")) {
		cJSON_ReplaceItemInObjectCaseSensitive(copy, "input", cJSON_CreateObject());
	}
	return copy;
}

static void send_block(struct wire_events *events, int index, const cJSON *block)
{
	const char *type = check_text(block, "type");
	send_block_event(events, "content_block_start", index, "content_block", skeleton_of(block));
	if (strcmp(type, "thinking") == 0) {
		send_deltas(events, index, "thinking_delta", "thinking",
				check_text(block, "thinking"));
		send_delta(events, index, "signature_delta", "signature",
				check_text(block, "signature"));
	} else if (strcmp(type, "text") == 0) {
		send_deltas(events, index, "text_delta", "text", check_text(block, "text"));
	} else {
		send_input(events, index, block);
	}
	send_block_event(events, "content_block_stop", index, NULL, NULL);
}

static void stream(const struct wire_request *request, const struct play_turn *turn,
		struct wire_events *events)
{
	struct wire_usage tokens = wire_usage(request, turn, ANTHROPIC_PICTURE_TOKENS);
	cJSON *event = make_event("message_start");
	cJSON_AddItemToObject(event, "message", make_message(request, turn, false));
	wire_event(events, "message_start", event);
	wire_event(events, "ping", make_event("ping"));
	int index = 0;
	const cJSON *block;
	cJSON_ArrayForEach (block, turn->sent) {
		send_block(events, index++, block);
	}
	event = make_event("message_delta");
	add_stop(cJSON_AddObjectToObject(event, "delta"), request, turn);
	cJSON_AddItemToObject(event, "usage", make_usage(tokens, true));
	add_context(event, request, tokens);
	wire_event(events, "message_delta", event);
	wire_event(events, "message_stop", make_event("message_stop"));
}

/* --- errors --- */

static cJSON *make_error(const struct wire_error *error)
{
	static const struct {
		int http_status;
		const char *type;
	} types[] = {
		{ 401, "authentication_error" },
		{ 402, "billing_error" },
		{ 403, "permission_error" },
		{ 404, "not_found_error" },
		{ 409, "conflict_error" },
		{ 413, "request_too_large" },
		{ 429, "rate_limit_error" },
		{ 504, "timeout_error" },
		{ 529, "overloaded_error" },
	};
	const char *type = error->http_status < 500 ? "invalid_request_error" : "api_error";
	for (size_t i = 0; i < CUA_ARRAY_LEN(types); i++) {
		type = types[i].http_status == error->http_status ? types[i].type : type;
	}
	cJSON *root = make_event("error");
	cJSON *inner = cJSON_AddObjectToObject(root, "error");
	cJSON_AddStringToObject(inner, "type", type);
	cJSON_AddStringToObject(inner, "message", error->message);
	if (error->code) {
		cJSON *details = cJSON_AddObjectToObject(inner, "details");
		cJSON_AddStringToObject(details, "error_code", error->code);
	}
	cJSON_AddStringToObject(root, "request_id", "req_standin");
	return root;
}

static void error_event(const struct wire_error *error, struct wire_events *events)
{
	wire_event(events, "error", make_error(error));
}

static bool bad_member(struct wire_request *request, const char *place, const char *name,
		int problem, unsigned types)
{
	char words[96];
	struct check_place at = check_member_of(request, place, name);
	switch ((enum check_problem)problem) {
	case CHECK_UNKNOWN:
		return wire_refuse(request, 400, NULL, "", "%s: Extra inputs are not permitted",
				at.text);
	case CHECK_MISSING:
		return wire_refuse(request, 400, NULL, "", "%s: Field required", at.text);
	case CHECK_TYPE:
		break;
	}
	return wire_refuse(request, 400, NULL, "", "%s: Input should be %s", at.text,
			check_type_words(types, words, sizeof(words)));
}

static bool bad_value(struct wire_request *request, const char *place, const cJSON *item,
		const char *const *values)
{
	char words[256];
	struct check_place at = check_member_of(request, place, item->string);
	return wire_refuse(request, 400, NULL, "", "%s: Input should be %s", at.text,
			check_value_words(values, words, sizeof(words)));
}

static bool takes(struct wire_request *request, const char *path)
{
	(void)request;
	return strcmp(path, "/v1/messages") == 0;
}

const struct wire_api wire_anthropic = {
	.name = "anthropic",
	.body_max = 32U << 20,
	.dotted = true,
	.id_header = "request-id",
	.takes = takes,
	.read = anthropic_read,
	.spell = anthropic_content,
	.hold = anthropic_hold,
	.answer = answer,
	.stream = stream,
	.error = make_error,
	.error_event = error_event,
	.bad_member = bad_member,
	.bad_value = bad_value,
};
