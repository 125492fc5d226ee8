#include <stdio.h>
#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire/events.h"
#include "demos/standin/wire/gemini_internal.h"

#define PICTURE_TOKENS 1100

/* --- the response --- */

/* Why the turn ends; "prompt:REASON" of a fault means that the prompt itself was blocked. */
static const char *finish_reason(const struct wire_request *request)
{
	const char *end = request->fault ? request->fault->end : "";
	return end[0] ? end : "STOP";
}

static bool has_content(const char *reason)
{
	return check_any_of(reason, (const char *const[]){ "STOP", "MAX_TOKENS", NULL });
}

static cJSON *make_usage(const struct wire_request *request, const struct play_turn *turn)
{
	struct wire_usage tokens = wire_usage(request, turn, PICTURE_TOKENS);
	cJSON *usage = cJSON_CreateObject();
	cJSON_AddNumberToObject(usage, "promptTokenCount", tokens.input);
	cJSON_AddNumberToObject(usage, "candidatesTokenCount", tokens.output);
	cJSON_AddNumberToObject(usage, "thoughtsTokenCount", 0);
	cJSON_AddNumberToObject(usage, "totalTokenCount", tokens.input + tokens.output);
	return usage;
}

/* parts: moved in; NULL for a candidate without content. reason: NULL but in the last chunk. */
static cJSON *make_response(const struct wire_request *request, const struct play_turn *turn,
		cJSON *parts, const char *reason)
{
	cJSON *response = cJSON_CreateObject();
	if (reason && strncmp(reason, "prompt:", 7) == 0) {
		cJSON *feedback = cJSON_AddObjectToObject(response, "promptFeedback");
		cJSON_AddStringToObject(feedback, "blockReason", reason + 7);
		cJSON_Delete(parts);
	} else {
		cJSON *candidate = cJSON_CreateObject();
		cJSON_AddItemToArray(cJSON_AddArrayToObject(response, "candidates"), candidate);
		if (parts) {
			cJSON *content = cJSON_AddObjectToObject(candidate, "content");
			cJSON_AddItemToObject(content, "parts", parts);
			cJSON_AddStringToObject(content, "role", "model");
		}
		if (reason) {
			cJSON_AddStringToObject(candidate, "finishReason", reason);
		}
		cJSON_AddNumberToObject(candidate, "index", 0);
	}
	if (reason) {
		cJSON_AddItemToObject(response, "usageMetadata", make_usage(request, turn));
	}
	cJSON_AddStringToObject(response, "modelVersion", request->model);
	cJSON_AddStringToObject(response, "responseId", wire_id(request, turn, "r", 0).text);
	return response;
}

static cJSON *answer(const struct wire_request *request, const struct play_turn *turn)
{
	const char *reason = finish_reason(request);
	cJSON *parts = has_content(reason) ? cJSON_Duplicate(check_get(turn->sent, "parts"), true)
					   : NULL;
	cJSON *response = make_response(request, turn, parts, reason);
	if (!request->as_list) {
		return response;
	}
	cJSON *list = cJSON_CreateArray();
	cJSON_AddItemToArray(list, response);
	return list;
}

/* --- the stream --- */

static void send_part(const struct wire_request *request, const struct play_turn *turn,
		struct wire_events *events, cJSON *part)
{
	cJSON *parts = cJSON_CreateArray();
	cJSON_AddItemToArray(parts, part);
	wire_event(events, NULL, make_response(request, turn, parts, NULL));
}

/* Text comes in pieces, a call whole. */
static void stream(const struct wire_request *request, const struct play_turn *turn,
		struct wire_events *events)
{
	const char *reason = finish_reason(request);
	const cJSON *parts = has_content(reason) ? check_get(turn->sent, "parts") : NULL;
	const cJSON *part;
	cJSON_ArrayForEach (part, parts) {
		const char *text = check_text(part, "text");
		struct wire_delta piece;
		if (!text) {
			send_part(request, turn, events, cJSON_Duplicate(part, true));
		}
		while (text && wire_next_delta(&text, &piece)) {
			cJSON *copy = cJSON_Duplicate(part, true);
			cJSON_ReplaceItemInObjectCaseSensitive(
					copy, "text", cJSON_CreateString(piece.text));
			send_part(request, turn, events, copy);
		}
	}
	cJSON *last = NULL;
	if (has_content(reason)) {
		cJSON *empty = cJSON_CreateObject();
		cJSON_AddStringToObject(empty, "text", "");
		last = cJSON_CreateArray();
		cJSON_AddItemToArray(last, empty);
	}
	wire_event(events, NULL, make_response(request, turn, last, reason));
}

/* --- errors --- */

static void add_detail(cJSON *error, const char *type, const char *name, cJSON *value)
{
	cJSON *details = cJSON_GetObjectItemCaseSensitive(error, "details");
	cJSON *detail = cJSON_CreateObject();
	char full[96];
	details = details ? details : cJSON_AddArrayToObject(error, "details");
	snprintf(full, sizeof(full), "type.googleapis.com/google.rpc.%s", type);
	cJSON_AddStringToObject(detail, "@type", full);
	cJSON_AddItemToObject(detail, name, value);
	cJSON_AddItemToArray(details, detail);
}

static void add_quota(cJSON *error, const char *id)
{
	cJSON *violations = cJSON_CreateArray();
	cJSON *violation = cJSON_CreateObject();
	cJSON_AddStringToObject(violation, "quotaId", id);
	cJSON_AddItemToArray(violations, violation);
	add_detail(error, "QuotaFailure", "violations", violations);
}

static cJSON *make_error(const struct wire_error *error)
{
	static const struct {
		int http_status;
		const char *name;
	} names[] = {
		{ 401, "UNAUTHENTICATED" },
		{ 403, "PERMISSION_DENIED" },
		{ 404, "NOT_FOUND" },
		{ 429, "RESOURCE_EXHAUSTED" },
		{ 500, "INTERNAL" },
		{ 503, "UNAVAILABLE" },
		{ 504, "DEADLINE_EXCEEDED" },
	};
	const char *status = error->http_status < 500 ? "INVALID_ARGUMENT" : "UNAVAILABLE";
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		status = names[i].http_status == error->http_status ? names[i].name : status;
	}
	cJSON *root = cJSON_CreateObject();
	cJSON *inner = cJSON_AddObjectToObject(root, "error");
	cJSON_AddNumberToObject(inner, "code", error->http_status);
	cJSON_AddStringToObject(inner, "message", error->message);
	cJSON_AddStringToObject(inner, "status", status);
	if (error->code && error->http_status == 429) {
		add_quota(inner, error->code);
	} else if (error->code) {
		add_detail(inner, "ErrorInfo", "reason", cJSON_CreateString(error->code));
	}
	if (error->retry_after[0]) {
		char delay[80];
		snprintf(delay, sizeof(delay), "%ss", error->retry_after);
		add_detail(inner, "RetryInfo", "retryDelay", cJSON_CreateString(delay));
	}
	return root;
}

static void error_event(const struct wire_error *error, struct wire_events *events)
{
	wire_event(events, NULL, make_error(error));
}

static bool bad_member(struct wire_request *request, const char *place, const char *name,
		int problem, unsigned types)
{
	char words[96];
	struct check_place at = check_member_of(request, place, name);
	switch ((enum check_problem)problem) {
	case CHECK_UNKNOWN:
		return wire_refuse(request, 400, NULL, "",
				"Invalid JSON payload received. Unknown name \"%.60s\"%s%s%s: "
				"Cannot "
				"find field.",
				name, place[0] ? " at '" : "", place, place[0] ? "'" : "");
	case CHECK_MISSING:
		return wire_refuse(request, 400, NULL, "",
				"* GenerateContentRequest.%s: %s is not specified\n", at.text,
				name);
	case CHECK_TYPE:
		break;
	}
	return wire_refuse(request, 400, NULL, "", "Invalid value at '%s': it must be %s.", at.text,
			check_type_words(types, words, sizeof(words)));
}

static bool bad_value(struct wire_request *request, const char *place, const cJSON *item,
		const char *const *values)
{
	char words[256];
	struct check_place at = check_member_of(request, place, item->string);
	return wire_refuse(request, 400, NULL, "",
			"Invalid value at '%s', \"%.60s\"; it may be %s.", at.text,
			item->valuestring, check_value_words(values, words, sizeof(words)));
}

const struct wire_api wire_gemini = {
	.name = "gemini",
	.body_max = 100U << 20,
	.takes = gemini_takes,
	.read = gemini_read,
	.spell = gemini_content,
	.answer = answer,
	.stream = stream,
	.error = make_error,
	.error_event = error_event,
	.bad_member = bad_member,
	.bad_value = bad_value,
};
