#include "agent/model/gemini_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

/* Each chunk has the sum so far. Thoughts are billed as output, and not among the candidates'. */
static enum cua_status keep_usage(
		struct model_reply *reply, const cJSON *response, struct cua_error *err)
{
	const cJSON *usage = cua_json_member(response, "usageMetadata");
	if (!cJSON_IsObject(usage)) {
		return CUA_OK;
	}
	double thoughts = cua_json_number(usage, "thoughtsTokenCount");
	const struct agent_usage used = {
		.input_tokens = cua_json_number(usage, "promptTokenCount") +
				cua_json_number(usage, "toolUsePromptTokenCount"),
		.cached_tokens = cua_json_number(usage, "cachedContentTokenCount"),
		.output_tokens = cua_json_number(usage, "candidatesTokenCount") + thoughts,
		.reasoning_tokens = thoughts,
	};
	return model_reply_use(reply, &used, err);
}

/* --- parts --- */

void gemini_reply_finish(void *user_data)
{
	struct gemini_reply *own = user_data;
	cua_buffer_finish(&own->text);
	cua_buffer_finish(&own->first);
}

/* Text that came in one piece stays as it was written. */
static enum cua_status flush_text(struct model_reply *reply, struct cua_error *err)
{
	struct gemini_reply *own = reply->own;
	if (!own->has_text) {
		return CUA_OK;
	}
	own->has_text = false;
	if (own->pieces == 1) {
		return model_reply_keep(reply,
				(struct agent_json_span){ own->first.data, own->first.len }, err);
	}
	CUA_AUTO_JSON cJSON *part = cJSON_CreateObject();
	cJSON_AddStringToObject(part, "text", own->text.data ? own->text.data : "");
	if (own->is_thought) {
		cJSON_AddBoolToObject(part, "thought", true);
	}
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(part);
	return text ? model_reply_keep(reply, (struct agent_json_span){ text, strlen(text) }, err)
		    : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer");
}

static enum cua_status add_text(struct model_reply *reply, const char *text, bool is_thought,
		struct agent_json_span part, struct cua_error *err)
{
	struct gemini_reply *own = reply->own;
	enum cua_status status = CUA_OK;
	if (own->has_text && own->is_thought != is_thought) {
		status = flush_text(reply, err);
	}
	if (status == CUA_OK && !own->has_text) {
		cua_buffer_finish(&own->text);
		cua_buffer_finish(&own->first);
		cua_buffer_init(&own->text, MODEL_REPLY_MAX);
		cua_buffer_init(&own->first, MODEL_REPLY_MAX);
		own->has_text = true;
		own->is_thought = is_thought;
		own->pieces = 0;
		status = cua_buffer_append(&own->first, part.at, part.len, err);
	}
	own->pieces++;
	return status == CUA_OK ? cua_buffer_append(&own->text, text, strlen(text), err) : status;
}

/* A signature belongs to the part that it came with. */
static bool is_plain_text(const cJSON *part)
{
	const cJSON *item = NULL;
	cJSON_ArrayForEach (item, part) {
		if (strcmp(item->string, "text") != 0 && strcmp(item->string, "thought") != 0) {
			return false;
		}
	}
	return cJSON_IsString(cua_json_member(part, "text"));
}

static enum cua_status hear(
		struct model_reply *reply, const char *text, bool is_thought, struct cua_error *err)
{
	struct gemini_reply *own = reply->own;
	enum cua_status status = CUA_OK;
	if (own->heard != GEMINI_HEARD_NOTHING &&
			(own->heard == GEMINI_HEARD_THOUGHT) != is_thought) {
		status = model_reply_words(reply, "\n", err);
	}
	own->heard = is_thought ? GEMINI_HEARD_THOUGHT : GEMINI_HEARD_TEXT;
	return status == CUA_OK ? model_reply_words(reply, text, err) : status;
}

static enum cua_status take_part(struct model_reply *reply, const cJSON *part,
		struct agent_json_span span, struct cua_error *err)
{
	const char *text = cJSON_GetStringValue(cua_json_member(part, "text"));
	const bool is_thought = cJSON_IsTrue(cua_json_member(part, "thought"));
	enum cua_status status = CUA_OK;
	if (!cJSON_IsObject(part)) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "a part of the model's answer is no object");
	}
	if (text && text[0]) {
		status = hear(reply, text, is_thought, err);
	}
	if (status != CUA_OK || is_plain_text(part)) {
		return status == CUA_OK && text[0] ? add_text(reply, text, is_thought, span, err)
						   : status;
	}
	status = flush_text(reply, err);
	return status == CUA_OK ? model_reply_keep(reply, span, err) : status;
}

static enum cua_status take_parts(struct model_reply *reply, const cJSON *content,
		struct agent_json_span candidate, struct cua_error *err)
{
	struct agent_json_span content_text, parts, span;
	const cJSON *part = NULL, *list = cua_json_member(content, "parts");
	enum cua_status status = CUA_OK;
	size_t at = 0;
	if (!cJSON_IsArray(list) || !agent_json_member(candidate, "content", &content_text) ||
			!agent_json_member(content_text, "parts", &parts)) {
		return CUA_OK;
	}
	cJSON_ArrayForEach (part, list) {
		if (status == CUA_OK && agent_json_element(parts, &at, &span)) {
			status = take_part(reply, part, span, err);
		}
	}
	return status;
}

/* --- the end --- */

static enum model_end end_of(const char *reason)
{
	static const struct {
		const char *reason;
		enum model_end end;
	} ends[] = {
		{ "STOP", MODEL_END_COMPLETED },
		{ "MAX_TOKENS", MODEL_END_CUT },
		{ "SAFETY", MODEL_END_FILTERED },
		{ "RECITATION", MODEL_END_FILTERED },
		{ "BLOCKLIST", MODEL_END_FILTERED },
		{ "PROHIBITED_CONTENT", MODEL_END_FILTERED },
		{ "SPII", MODEL_END_FILTERED },
		{ "IMAGE_SAFETY", MODEL_END_FILTERED },
		{ "IMAGE_PROHIBITED_CONTENT", MODEL_END_FILTERED },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(ends); i++) {
		if (strcmp(ends[i].reason, reason) == 0) {
			return ends[i].end;
		}
	}
	return MODEL_END_FAILED;
}

/* message: more about it; may be NULL. */
static void say_why(struct model_reply *reply, const char *what, const char *reason,
		const char *message)
{
	snprintf(reply->message, sizeof(reply->message), "%s %.60s%s%.200s", what, reason,
			message ? ": " : "", message ? message : "");
	agent_redact_blot(reply->redactor, reply->message, strlen(reply->message));
}

static enum cua_status finish(struct model_reply *reply, const char *reason, const cJSON *candidate,
		struct cua_error *err)
{
	const struct gemini_reply *own = reply->own;
	const char *message = cJSON_GetStringValue(cua_json_member(candidate, "finishMessage"));
	enum model_end end = end_of(reason);
	enum cua_status status = own->heard ? model_reply_words(reply, "\n", err) : CUA_OK;
	if (status == CUA_OK && end == MODEL_END_COMPLETED) {
		status = flush_text(reply, err);
	} else {
		snprintf(reply->code, sizeof(reply->code), "%s", reason);
	}
	if (end == MODEL_END_FILTERED || end == MODEL_END_FAILED) {
		say_why(reply, "the answer ended with", reason, message);
	}
	if (status == CUA_OK) {
		reply->end = end;
	}
	return status;
}

/* The prompt itself was refused: there is no candidate. */
static bool take_feedback(struct model_reply *reply, const cJSON *response)
{
	const cJSON *feedback = cua_json_member(response, "promptFeedback");
	const char *reason = cJSON_GetStringValue(cua_json_member(feedback, "blockReason"));
	const char *message = cJSON_GetStringValue(cua_json_member(feedback, "blockReasonMessage"));
	if (!reason) {
		return false;
	}
	snprintf(reply->code, sizeof(reply->code), "%s", reason);
	say_why(reply, "the prompt was blocked:", reason, message);
	reply->end = MODEL_END_FILTERED;
	return true;
}

/* --- chunks --- */

enum cua_status gemini_take_event(struct model_reply *reply, const char *name, const cJSON *event,
		struct agent_json_span text, struct cua_error *err)
{
	(void)name;
	struct agent_json_span candidates, candidate;
	const cJSON *first = cJSON_GetArrayItem(cua_json_member(event, "candidates"), 0);
	const cJSON *error = cua_json_member(event, "error");
	enum cua_status status = keep_usage(reply, event, err);
	size_t at = 0;
	if (status != CUA_OK) {
		return status;
	}
	if (cJSON_IsObject(error)) {
		model_reply_error(reply, error);
		reply->end = MODEL_END_FAILED;
		return CUA_OK;
	}
	if (take_feedback(reply, event) || !cJSON_IsObject(first)) {
		return CUA_OK;
	}
	if (agent_json_member(text, "candidates", &candidates) &&
			agent_json_element(candidates, &at, &candidate)) {
		status = take_parts(reply, cua_json_member(first, "content"), candidate, err);
	}
	const char *reason = cJSON_GetStringValue(cua_json_member(first, "finishReason"));
	return status == CUA_OK && reason ? finish(reply, reason, first, err) : status;
}

enum cua_status gemini_take_body(struct model_reply *reply, const cJSON *body,
		struct agent_json_span text, struct cua_error *err)
{
	if (!cua_json_member(body, "candidates") && !cua_json_member(body, "promptFeedback") &&
			!cua_json_member(body, "error")) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "the model's answer has no candidates");
	}
	return gemini_take_event(reply, "", body, text, err);
}
