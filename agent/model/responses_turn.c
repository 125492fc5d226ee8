#include "agent/model/responses_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

static enum cua_status take_message(
		struct model_turn_builder *builder, const cJSON *item, struct cua_error *err)
{
	const char *phase = cua_json_string(item, "phase");
	bool is_commentary = phase && strcmp(phase, "commentary") == 0;
	enum cua_status status = CUA_OK;
	const cJSON *part = NULL;
	cJSON_ArrayForEach (part, cua_json_member(item, "content")) {
		const char *type = cua_json_string(part, "type");
		if (status == CUA_OK && type && strcmp(type, "output_text") == 0) {
			status = model_turn_say(builder,
					is_commentary ? MODEL_COMMENTARY : MODEL_ANSWER,
					cua_json_string(part, "text"), err);
		} else if (status == CUA_OK && type && strcmp(type, "refusal") == 0) {
			const char *why = cua_json_string(part, "refusal");
			status = model_turn_say(builder, MODEL_REFUSAL,
					why && why[0] ? why : "the model refused", err);
		}
	}
	return status;
}

static enum cua_status take_reasoning(
		struct model_turn_builder *builder, const cJSON *item, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	const cJSON *part = NULL;
	cJSON_ArrayForEach (part, cua_json_member(item, "summary")) {
		if (status == CUA_OK) {
			status = model_turn_say(
					builder, MODEL_SUMMARY, cua_json_string(part, "text"), err);
		}
	}
	return status;
}

static enum cua_status open_call(struct model_turn_builder *builder, const cJSON *item,
		enum agent_call_kind kind, struct agent_call **ret_call, struct cua_error *err)
{
	enum cua_status status =
			model_turn_open_call(builder, kind, cua_json_string(item, "call_id"),
					cua_json_string(item, "name"), ret_call, err);
	const char *state = cua_json_string(item, "status");
	if (status == CUA_OK && state && strcmp(state, "completed") != 0) {
		snprintf((*ret_call)->problem, sizeof((*ret_call)->problem),
				"its status is \"%.20s\", not completed", state);
	}
	return status;
}

static enum cua_status map_actions(struct model_turn_builder *builder, struct agent_call *call,
		const cJSON *list, struct cua_error *err)
{
	int count = cJSON_GetArraySize(list), at = 0;
	if (count == 0 || count > CUA_ACTIONS_MAX) {
		snprintf(call->problem, sizeof(call->problem),
				"it has %d actions; 1 to %d are taken", count, CUA_ACTIONS_MAX);
		return CUA_OK;
	}
	const cJSON *action = NULL;
	cJSON_ArrayForEach (action, list) {
		struct cua_error why = { 0 };
		enum cua_status status = responses_map_action(action, builder->config->screen,
				call->actions, call->note, sizeof(call->note), &why);
		if (status == CUA_ERR_NOMEM) {
			return CUA_FAIL(err, status, ENOMEM, "actions");
		}
		if (status != CUA_OK) {
			snprintf(call->problem, sizeof(call->problem), "action %d: %.480s", at,
					why.msg);
			return CUA_OK;
		}
		at++;
	}
	return CUA_OK;
}

/* "action" is the preview tool's way; exactly one of both must be there. */
static enum cua_status take_computer_call(struct model_turn_builder *builder, const cJSON *item,
		bool has_nul, struct cua_error *err)
{
	const cJSON *action = cua_json_member(item, "action");
	const cJSON *actions = cua_json_member(item, "actions");
	action = cJSON_IsNull(action) ? NULL : action;
	actions = cJSON_IsNull(actions) ? NULL : actions;
	if (!action == !actions) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "a computer_call has %s",
				action ? "both action and actions" : "neither action nor actions");
	}
	struct agent_call *call = NULL;
	enum cua_status status = open_call(builder, item, AGENT_CALL_COMPUTER, &call, err);
	if (status != CUA_OK) {
		return status;
	}
	const cJSON *checks = cua_json_member(item, "pending_safety_checks");
	if (checks && !cJSON_IsNull(checks) && !cJSON_IsArray(checks)) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "pending_safety_checks is not a list");
	}
	if (cJSON_GetArraySize(checks) > 0 &&
			!(call->safety_checks = cJSON_Duplicate(checks, true))) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "safety checks");
	}
	if (has_nul && !call->problem[0]) {
		snprintf(call->problem, sizeof(call->problem), "it holds a NUL character");
	}
	if (call->problem[0]) {
		return CUA_OK;
	}
	if (actions) {
		if (!cJSON_IsArray(actions)) {
			return CUA_FAIL(err, CUA_ERR_MODEL, 0, "actions is not a list");
		}
		return map_actions(builder, call, actions, err);
	}
	CUA_AUTO_JSON cJSON *list = cJSON_CreateArray();
	cJSON *copy = cJSON_Duplicate(action, true);
	if (!copy || !cJSON_AddItemToArray(list, copy)) {
		cJSON_Delete(copy);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "action");
	}
	return map_actions(builder, call, list, err);
}

static enum cua_status take_function_call(
		struct model_turn_builder *builder, const cJSON *item, struct cua_error *err)
{
	struct agent_call *call = NULL;
	enum cua_status status = open_call(builder, item, AGENT_CALL_FUNCTION, &call, err);
	if (status != CUA_OK || call->problem[0]) {
		return status;
	}
	return model_turn_function(
			builder, call, call->name, cua_json_string(item, "arguments"), err);
}

static enum cua_status take_item(
		struct model_turn_builder *builder, const char *text, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *item = NULL;
	struct agent_json_span span = { text, strlen(text) };
	enum cua_status status = agent_json_parse(text, span.len, "an output item", &item, err);
	if (status != CUA_OK) {
		return status;
	}
	const char *type = cua_json_string(item, "type");
	if (!type) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "an output item has no type");
	}
	if (strcmp(type, "message") == 0) {
		return take_message(builder, item, err);
	}
	if (strcmp(type, "reasoning") == 0) {
		return take_reasoning(builder, item, err);
	}
	if (strcmp(type, "computer_call") == 0) {
		return take_computer_call(builder, item, agent_json_has_nul(span), err);
	}
	if (strcmp(type, "function_call") == 0) {
		return take_function_call(builder, item, err);
	}
	return CUA_OK; /* kept in the conversation, not understood */
}

enum cua_status responses_take_turn(void *self, const struct model_items *items,
		struct agent_turn *ret_turn, struct cua_error *err)
{
	const struct responses *talk = self;
	struct model_turn_builder builder;
	enum cua_status status = CUA_OK;
	model_turn_begin(&builder, talk->config);
	for (size_t i = 0; status == CUA_OK && i < items->count; i++) {
		status = take_item(&builder, items->texts[i], err);
	}
	return model_turn_end(&builder, status, ret_turn, err);
}
