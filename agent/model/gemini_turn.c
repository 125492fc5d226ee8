#include "agent/model/gemini_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

/* The model asks for a person's yes. What is no known word for "go on" asks, too. */
static enum cua_status take_decision(
		struct agent_call *call, const cJSON *decision, struct cua_error *err)
{
	static const char *const passing[] = { "regular", "allowed" };
	const char *word = cua_json_text(decision, "decision");
	for (size_t i = 0; i < CUA_ARRAY_LEN(passing); i++) {
		if (strcmp(passing[i], word) == 0) {
			return CUA_OK;
		}
	}
	CUA_AUTO_JSON cJSON *checks = cJSON_CreateArray();
	cJSON *check = cJSON_CreateObject();
	if (!checks || !cJSON_AddItemToArray(checks, check)) {
		cJSON_Delete(check);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "safety decision");
	}
	if (!cJSON_AddStringToObject(check, "id", call->id) ||
			!cJSON_AddStringToObject(check, "code", word[0] ? word : "unknown") ||
			!cJSON_AddStringToObject(
					check, "message", cua_json_text(decision, "explanation"))) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "safety decision");
	}
	call->safety_checks = CUA_STEAL(checks);
	return CUA_OK;
}

/* A call may have as its intent what the text before it or another call says. */
static bool was_said(const struct model_turn_builder *builder, const char *text)
{
	static const enum model_words kinds[] = { MODEL_ANSWER, MODEL_COMMENTARY };
	for (size_t i = 0; i < CUA_ARRAY_LEN(kinds); i++) {
		const struct cua_buffer *words = &builder->words[kinds[i]];
		if (words->len > 0 && strstr(words->data, text)) {
			return true;
		}
	}
	return false;
}

/* What stands in the arguments of any call. */
static enum cua_status take_beside(struct model_turn_builder *builder, struct agent_call *call,
		cJSON *args, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *intent = cJSON_DetachItemFromObjectCaseSensitive(args, "intent");
	CUA_AUTO_JSON cJSON *decision =
			cJSON_DetachItemFromObjectCaseSensitive(args, "safety_decision");
	enum cua_status status = decision && !cJSON_IsNull(decision)
			? take_decision(call, decision, err)
			: CUA_OK;
	const char *words = cJSON_GetStringValue(intent);
	return status == CUA_OK && words && !was_said(builder, words)
			? model_turn_say(builder, MODEL_COMMENTARY, words, err)
			: status;
}

static enum cua_status take_action(struct model_turn_builder *builder, struct agent_call *call,
		cJSON *args, struct cua_error *err)
{
	struct cua_error why = { 0 };
	call->arguments = cJSON_PrintUnformatted(args);
	if (!call->arguments) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
	}
	enum cua_status status = gemini_map_action(call->name, args, builder->config->screen,
			call->actions, call->note, sizeof(call->note), &why);
	if (status == CUA_ERR_NOMEM) {
		return CUA_FAIL(err, status, ENOMEM, "call");
	}
	if (status != CUA_OK) {
		snprintf(call->problem, sizeof(call->problem), "%s", why.msg);
	}
	return CUA_OK;
}

static enum cua_status take_function(struct model_turn_builder *builder, struct agent_call *call,
		const cJSON *args, struct cua_error *err)
{
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(args);
	return text ? model_turn_function(builder, call, call->name, text, err)
		    : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
}

/* A call without an id gets one, the same whenever the turn is read. */
static enum cua_status take_call(const struct gemini *talk, struct model_turn_builder *builder,
		const cJSON *json, bool has_nul, struct cua_error *err)
{
	char made[40];
	const char *id = cua_json_text(json, "id"), *name = cua_json_text(json, "name");
	cJSON *args = cua_json_member(json, "args");
	CUA_AUTO_JSON cJSON *none = cJSON_CreateObject();
	struct agent_call *call = NULL;
	snprintf(made, sizeof(made), "call_%d_%zu", talk->turns, builder->turn.call_count);
	enum cua_status status = model_turn_open_call(builder,
			gemini_has_action(name) ? AGENT_CALL_COMPUTER : AGENT_CALL_FUNCTION,
			id[0] ? id : made, name, &call, err);
	if (status != CUA_OK) {
		return status;
	}
	if (args && !cJSON_IsNull(args) && !cJSON_IsObject(args)) {
		snprintf(call->problem, sizeof(call->problem), "args must be an object");
		return CUA_OK;
	}
	args = cJSON_IsObject(args) ? args : none;
	status = take_beside(builder, call, args, err);
	if (status == CUA_OK && has_nul) {
		snprintf(call->problem, sizeof(call->problem), "it holds a NUL character");
		return CUA_OK;
	}
	if (status != CUA_OK) {
		return status;
	}
	return call->kind == AGENT_CALL_COMPUTER ? take_action(builder, call, args, err)
						 : take_function(builder, call, args, err);
}

static enum cua_status take_part(const struct gemini *talk, struct model_turn_builder *builder,
		const char *text, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *part = NULL;
	const struct agent_json_span span = { text, strlen(text) };
	enum cua_status status =
			agent_json_parse(text, span.len, "a part of the answer", &part, err);
	if (status != CUA_OK) {
		return status;
	}
	if (!cJSON_IsObject(part) || !part->child) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "a part of the answer is empty");
	}
	const cJSON *call = cua_json_member(part, "functionCall");
	if (cJSON_IsObject(call)) {
		return take_call(talk, builder, call, agent_json_has_nul(span), err);
	}
	/* Of others nothing is understood; they are kept in the conversation. */
	return model_turn_say(builder,
			cJSON_IsTrue(cua_json_member(part, "thought")) ? MODEL_SUMMARY
								       : MODEL_ANSWER,
			cua_json_text(part, "text"), err);
}

enum cua_status gemini_take_turn(void *self, const struct model_items *items,
		struct agent_turn *ret_turn, struct cua_error *err)
{
	const struct gemini *talk = self;
	struct model_turn_builder builder;
	enum cua_status status = CUA_OK;
	model_turn_begin(&builder, talk->config);
	for (size_t i = 0; status == CUA_OK && i < items->count; i++) {
		status = take_part(talk, &builder, items->texts[i], err);
	}
	return model_turn_end(&builder, status, ret_turn, err);
}
