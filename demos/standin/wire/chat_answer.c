#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cua/base/util.h"
#include "demos/standin/wire/chat_internal.h"
#include "demos/standin/wire/events.h"

#define PICTURE_TOKENS 1000 /* 1280x800 of patches of 32 pixels */

static const char reasoning[] = "I look at the screen and follow the script.";

/* --- the message --- */

static cJSON *spell_text(const struct wire_request *request, const struct play_turn *turn)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, WIRE_BODY_MAX);
	if (wire_quirk(request, "think") &&
			cua_buffer_printf(&text, NULL, "<think>\n%s\n</think>\n\n", reasoning) !=
					CUA_OK) {
		return NULL;
	}
	return chat_write(request, turn, &text, NULL) == CUA_OK ? cJSON_CreateString(text.data)
								: NULL;
}

static cJSON *spell(const struct wire_request *request, const struct play_turn *turn)
{
	cJSON *message = cJSON_CreateObject();
	cJSON_AddStringToObject(message, "role", "assistant");
	const struct chat_profile *profile = request->profile;
	if (!chat_uses_tools(request) && profile->grammar != CHAT_NONE) {
		cJSON_AddItemToObject(message, "content", spell_text(request, turn));
	} else {
		cJSON_AddItemToObject(message, "content",
				turn->words[0] ? cJSON_CreateString(turn->words)
					       : cJSON_CreateNull());
		if (turn->acts.count) {
			cJSON_AddItemToObject(message, "tool_calls", chat_calls(request, turn));
		}
	}
	if (wire_quirk(request, "reasoning")) {
		cJSON_AddStringToObject(message, "reasoning", reasoning);
	}
	if (wire_quirk(request, "reasoning-content")) {
		cJSON_AddStringToObject(message, "reasoning_content", reasoning);
	}
	return message;
}

/* --- the completion --- */

static const char *finish_reason(const struct wire_request *request, const struct play_turn *turn)
{
	if (request->fault && request->fault->end[0]) {
		return request->fault->end;
	}
	return check_get(turn->sent, "tool_calls") && !wire_quirk(request, "stop") ? "tool_calls"
										   : "stop";
}

static cJSON *make_usage(const struct wire_request *request, const struct play_turn *turn)
{
	struct wire_usage tokens = wire_usage(request, turn, PICTURE_TOKENS);
	cJSON *usage = cJSON_CreateObject();
	cJSON_AddNumberToObject(usage, "prompt_tokens", tokens.input);
	cJSON_AddNumberToObject(usage, "completion_tokens", tokens.output);
	cJSON_AddNumberToObject(usage, "total_tokens", tokens.input + tokens.output);
	cJSON *details = cJSON_AddObjectToObject(usage, "prompt_tokens_details");
	cJSON_AddNumberToObject(details, "cached_tokens", 0);
	details = cJSON_AddObjectToObject(usage, "completion_tokens_details");
	cJSON_AddNumberToObject(details, "reasoning_tokens", 0);
	return usage;
}

static cJSON *make_completion(const struct wire_request *request, const struct play_turn *turn,
		const char *object)
{
	cJSON *completion = cJSON_CreateObject();
	cJSON_AddStringToObject(completion, "id", wire_id(request, turn, "chatcmpl", 0).text);
	cJSON_AddStringToObject(completion, "object", object);
	cJSON_AddNumberToObject(completion, "created", (double)time(NULL));
	cJSON_AddStringToObject(completion, "model", request->model);
	return completion;
}

static cJSON *answer(const struct wire_request *request, const struct play_turn *turn)
{
	cJSON *completion = make_completion(request, turn, "chat.completion");
	cJSON *choice = cJSON_CreateObject();
	cJSON_AddItemToArray(cJSON_AddArrayToObject(completion, "choices"), choice);
	cJSON_AddNumberToObject(choice, "index", 0);
	cJSON *message = cJSON_Duplicate(turn->sent, true);
	cJSON_AddNullToObject(message, "refusal");
	cJSON_AddItemToObject(choice, "message", message);
	cJSON_AddNullToObject(choice, "logprobs");
	cJSON_AddStringToObject(choice, "finish_reason", finish_reason(request, turn));
	cJSON_AddItemToObject(completion, "usage", make_usage(request, turn));
	return completion;
}

/* --- the stream --- */

struct stream {
	const struct wire_request *request;
	const struct play_turn *turn;
	struct wire_events *events;
};

/* Writes a chunk; delta is moved in. finish_reason: NULL but for the last one. */
static void send_chunk(const struct stream *stream, cJSON *delta, const char *reason)
{
	cJSON *chunk = make_completion(stream->request, stream->turn, "chat.completion.chunk");
	cJSON *choice = cJSON_CreateObject();
	cJSON_AddItemToArray(cJSON_AddArrayToObject(chunk, "choices"), choice);
	cJSON_AddNumberToObject(choice, "index", 0);
	cJSON_AddItemToObject(choice, "delta", delta);
	cJSON_AddItemToObject(choice, "finish_reason",
			reason ? cJSON_CreateString(reason) : cJSON_CreateNull());
	if (stream->request->usage_chunk) {
		cJSON_AddNullToObject(chunk, "usage");
	}
	wire_event(stream->events, NULL, chunk);
}

static void send_texts(const struct stream *stream, const char *name)
{
	const char *text = check_text(stream->turn->sent, name);
	struct wire_delta piece;
	while (text && wire_next_delta(&text, &piece)) {
		cJSON *delta = cJSON_CreateObject();
		cJSON_AddStringToObject(delta, name, piece.text);
		send_chunk(stream, delta, NULL);
	}
}

static void send_call_piece(const struct stream *stream, int index, cJSON *call)
{
	const struct wire_request *request = stream->request;
	if (!wire_quirk(request, "no-index")) {
		cJSON_AddNumberToObject(call, "index", wire_quirk(request, "index0") ? 0 : index);
	}
	cJSON *delta = cJSON_CreateObject();
	cJSON_AddItemToArray(cJSON_AddArrayToObject(delta, "tool_calls"), call);
	send_chunk(stream, delta, NULL);
}

/* First the name, then the arguments in pieces; some servers send the call whole. */
static void send_call(const struct stream *stream, int index, const cJSON *call)
{
	const cJSON *arguments = check_get(check_get(call, "function"), "arguments");
	cJSON *first = cJSON_Duplicate(call, true);
	bool whole = !cJSON_IsString(arguments) || wire_quirk(stream->request, "whole-arguments") ||
			wire_quirk(stream->request, "no-index") ||
			wire_quirk(stream->request, "index0");
	if (!whole) {
		cJSON_ReplaceItemInObjectCaseSensitive(
				cJSON_GetObjectItemCaseSensitive(first, "function"), "arguments",
				cJSON_CreateString(""));
	}
	send_call_piece(stream, index, first);
	const char *text = whole ? NULL : arguments->valuestring;
	struct wire_delta piece;
	while (text && wire_next_delta(&text, &piece)) {
		cJSON *more = cJSON_CreateObject();
		cJSON_AddStringToObject(
				cJSON_AddObjectToObject(more, "function"), "arguments", piece.text);
		send_call_piece(stream, index, more);
	}
}

static void stream(const struct wire_request *request, const struct play_turn *turn,
		struct wire_events *events)
{
	struct stream stream = { request, turn, events };
	if (wire_quirk(request, "comments")) {
		wire_event_line(events, ": OPENROUTER PROCESSING");
	}
	cJSON *delta = cJSON_CreateObject();
	cJSON_AddStringToObject(delta, "role", "assistant");
	cJSON_AddStringToObject(delta, "content", "");
	send_chunk(&stream, delta, NULL);
	send_texts(&stream, "reasoning");
	send_texts(&stream, "reasoning_content");
	send_texts(&stream, "content");
	int index = 0;
	const cJSON *call;
	cJSON_ArrayForEach (call, check_get(turn->sent, "tool_calls")) {
		send_call(&stream, index++, call);
	}
	send_chunk(&stream, cJSON_CreateObject(), finish_reason(request, turn));
	if (request->usage_chunk) {
		cJSON *chunk = make_completion(request, turn, "chat.completion.chunk");
		cJSON_AddArrayToObject(chunk, "choices");
		cJSON_AddItemToObject(chunk, "usage", make_usage(request, turn));
		wire_event(events, NULL, chunk);
	}
	if (!wire_quirk(request, "no-done")) {
		wire_event_line(events, "data: [DONE]");
	}
}

/* OpenRouter and vLLM put the error into a data event of an answer with status 200. */
static void error_event(const struct wire_error *error, struct wire_events *events)
{
	cJSON *event = cJSON_CreateObject();
	cJSON *inner = cJSON_AddObjectToObject(event, "error");
	cJSON_AddNumberToObject(inner, "code", 502);
	cJSON_AddStringToObject(inner, "message", error->message);
	wire_event(events, NULL, event);
}

static bool takes(struct wire_request *request, const char *path)
{
	(void)request;
	return strcmp(path, "/v1/chat/completions") == 0;
}

const struct wire_api wire_chat = {
	.name = "chat",
	.body_max = WIRE_BODY_MAX,
	.id_header = "x-request-id",
	.takes = takes,
	.read = chat_read,
	.spell = spell,
	.answer = answer,
	.stream = stream,
	.error = wire_error_openai,
	.error_event = error_event,
	.bad_member = check_bad_member_openai,
	.bad_value = check_bad_value_openai,
};
