#include "agent/model/chat_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

/* It comes in the last chunk, behind finish_reason and with no choices; null before. */
static enum cua_status keep_usage(
		struct model_reply *reply, const cJSON *chunk, struct cua_error *err)
{
	const cJSON *usage = cua_json_member(chunk, "usage");
	if (!cJSON_IsObject(usage)) {
		return CUA_OK;
	}
	const struct agent_usage used = {
		.input_tokens = cua_json_number(usage, "prompt_tokens"),
		.cached_tokens = cua_json_number(
				cua_json_member(usage, "prompt_tokens_details"), "cached_tokens"),
		.output_tokens = cua_json_number(usage, "completion_tokens"),
		.reasoning_tokens =
				cua_json_number(cua_json_member(usage, "completion_tokens_details"),
						"reasoning_tokens"),
	};
	return model_reply_use(reply, &used, err);
}

/* --- errors, of which every server has its own shape --- */

/* What in a chunk is an error: {"error": {...}}, {"error": "text"}, {"object": "error", ...},
 * {"detail": ...}, or whatever an event says that is named so. NULL if it is none. */
static const cJSON *find_error(const char *event, const cJSON *chunk)
{
	const char *object = cJSON_GetStringValue(cua_json_member(chunk, "object"));
	const cJSON *error = cua_json_member(chunk, "error");
	if (error && !cJSON_IsNull(error)) {
		return error;
	}
	if (!cua_json_member(chunk, "choices") && cua_json_member(chunk, "detail")) {
		return cua_json_member(chunk, "detail");
	}
	return strcmp(event, "error") == 0 || (object && strcmp(object, "error") == 0) ? chunk
										       : NULL;
}

/* A server that has begun to answer found nothing wrong with the request: an error without a code
 * is its own. */
static enum cua_status take_error(
		struct model_reply *reply, const cJSON *error, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *wrapped = NULL;
	if (!cJSON_IsObject(error)) {
		CUA_AUTO_FREE char *text = cJSON_IsString(error) ? strdup(error->valuestring)
								 : cJSON_PrintUnformatted(error);
		wrapped = cJSON_CreateObject();
		if (!text || !cJSON_AddStringToObject(wrapped, "message", text)) {
			return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "error");
		}
	}
	model_reply_error(reply, wrapped ? wrapped : error);
	if (!reply->code[0]) {
		snprintf(reply->code, sizeof(reply->code), "server_error");
	}
	reply->end = MODEL_END_FAILED;
	return CUA_OK;
}

/* --- the end --- */

/* Whether there are calls is not for finish_reason to say: "stop" comes with them, too. */
static enum model_end end_of(const char *finish)
{
	static const struct {
		const char *finish;
		enum model_end end;
	} ends[] = {
		{ "length", MODEL_END_CUT },
		{ "content_filter", MODEL_END_FILTERED },
		{ "error", MODEL_END_FAILED },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(ends); i++) {
		if (strcmp(ends[i].finish, finish) == 0) {
			return ends[i].end;
		}
	}
	return MODEL_END_COMPLETED;
}

static enum cua_status finish(struct model_reply *reply, struct cua_error *err)
{
	struct chat_reply *own = reply->own;
	enum cua_status status = own->heard ? model_reply_words(reply, "\n", err) : CUA_OK;
	enum model_end end = end_of(own->finish);
	if (status == CUA_OK && end == MODEL_END_COMPLETED) {
		CUA_AUTO_JSON cJSON *message = chat_message_build(own);
		CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(message);
		status = text ? model_reply_keep(reply,
						(struct agent_json_span){ text, strlen(text) }, err)
			      : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer");
	} else if (end == MODEL_END_FAILED) {
		snprintf(reply->code, sizeof(reply->code), "server_error");
	}
	if (status == CUA_OK) {
		reply->end = end;
	}
	return status;
}

/* "[DONE]", or the end of the body. Some servers send no [DONE]; without a finish_reason either,
 * the stream was cut, and what looks like whole calls may be half of what was meant. */
enum cua_status chat_take_close(struct model_reply *reply, struct cua_error *err)
{
	const struct chat_reply *own = reply->own;
	return own->finish[0] ? finish(reply, err) : CUA_OK;
}

/* --- chunks --- */

static enum cua_status hear(struct model_reply *reply, const cJSON *delta, struct cua_error *err)
{
	static const struct {
		const char *name;
		int kind;
	} kinds[] = { { "reasoning", CHAT_HEARD_REASONING },
		{ "reasoning_content", CHAT_HEARD_REASONING }, { "content", CHAT_HEARD_CONTENT },
		{ "refusal", CHAT_HEARD_CONTENT } };
	struct chat_reply *own = reply->own;
	enum cua_status status = CUA_OK;
	for (size_t i = 0; i < CUA_ARRAY_LEN(kinds) && status == CUA_OK; i++) {
		const char *words = cJSON_GetStringValue(cua_json_member(delta, kinds[i].name));
		if (!words || !words[0]) {
			continue;
		}
		if (own->heard && (int)own->heard != kinds[i].kind) {
			status = model_reply_words(reply, "\n", err);
		}
		own->heard = kinds[i].kind;
		if (status == CUA_OK) {
			status = model_reply_words(reply, words, err);
		}
	}
	return status;
}

/* choice: with a delta, or, of a server that does not stream, with a message. */
static enum cua_status take_choice(struct model_reply *reply, const cJSON *choice,
		const char *delta_name, struct cua_error *err)
{
	struct chat_reply *own = reply->own;
	const cJSON *delta = cua_json_member(choice, delta_name);
	const char *reason = cJSON_GetStringValue(cua_json_member(choice, "finish_reason"));
	enum cua_status status = CUA_OK;
	if (cua_json_number(choice, "index") > 0) {
		return CUA_OK; /* one was asked for */
	}
	if (cJSON_IsObject(delta)) {
		status = hear(reply, delta, err);
	}
	if (status == CUA_OK && cJSON_IsObject(delta)) {
		status = chat_message_add(own, delta, err);
	}
	if (reason && reason[0]) {
		snprintf(own->finish, sizeof(own->finish), "%s", reason);
	}
	return status;
}

enum cua_status chat_take_event(struct model_reply *reply, const char *name, const cJSON *event,
		struct agent_json_span text, struct cua_error *err)
{
	const cJSON *error = find_error(name, event);
	if (error) {
		return take_error(reply, error, err);
	}
	if (agent_json_has_nul(text)) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "the model's answer holds a NUL character");
	}
	const cJSON *choice = NULL;
	enum cua_status status = keep_usage(reply, event, err);
	cJSON_ArrayForEach (choice, cua_json_member(event, "choices")) {
		if (status == CUA_OK) {
			status = take_choice(reply, choice, "delta", err);
		}
	}
	return status;
}

enum cua_status chat_take_body(struct model_reply *reply, const cJSON *body,
		struct agent_json_span text, struct cua_error *err)
{
	const cJSON *error = find_error("", body);
	const cJSON *choice = cJSON_GetArrayItem(cua_json_member(body, "choices"), 0);
	if (error) {
		return take_error(reply, error, err);
	}
	if (agent_json_has_nul(text)) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "the model's answer holds a NUL character");
	}
	if (!cJSON_IsObject(cua_json_member(choice, "message"))) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "the model's answer has no message");
	}
	enum cua_status status = keep_usage(reply, body, err);
	if (status == CUA_OK) {
		status = take_choice(reply, choice, "message", err);
	}
	return status == CUA_OK ? finish(reply, err) : status;
}
