#include "agent/responses_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

#define WORDS_MAX ((size_t)1 << 20)

struct turn_builder {
	struct cua_point screen;
	struct agent_turn *turn;
	struct cua_buffer commentary, summary, answer, refusal;
};

static const char *string_at(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static enum cua_status add_paragraph(
		struct cua_buffer *buffer, const char *text, struct cua_error *err)
{
	if (!text || !text[0]) {
		return CUA_OK;
	}
	return cua_buffer_printf(buffer, err, "%s%s", buffer->len ? "\n" : "", text);
}

static enum cua_status take_message(
		struct turn_builder *builder, const cJSON *item, struct cua_error *err)
{
	const char *phase = string_at(item, "phase");
	bool is_commentary = phase && strcmp(phase, "commentary") == 0;
	enum cua_status status = CUA_OK;
	const cJSON *part = NULL;
	cJSON_ArrayForEach (part, cJSON_GetObjectItemCaseSensitive(item, "content")) {
		const char *type = string_at(part, "type");
		if (status == CUA_OK && type && strcmp(type, "output_text") == 0) {
			status = add_paragraph(
					is_commentary ? &builder->commentary : &builder->answer,
					string_at(part, "text"), err);
		} else if (status == CUA_OK && type && strcmp(type, "refusal") == 0) {
			const char *why = string_at(part, "refusal");
			status = add_paragraph(&builder->refusal,
					why && why[0] ? why : "the model refused", err);
		}
	}
	return status;
}

static enum cua_status take_reasoning(
		struct turn_builder *builder, const cJSON *item, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	const cJSON *part = NULL;
	cJSON_ArrayForEach (part, cJSON_GetObjectItemCaseSensitive(item, "summary")) {
		if (status == CUA_OK) {
			status = add_paragraph(&builder->summary, string_at(part, "text"), err);
		}
	}
	return status;
}

/* A slot for one more call, with its id checked. */
static enum cua_status open_call(struct turn_builder *builder, const cJSON *item,
		enum agent_call_kind kind, struct agent_call **ret_call, struct cua_error *err)
{
	struct agent_turn *turn = builder->turn;
	const char *id = string_at(item, "call_id");
	if (!id || !id[0]) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "a call of the model has no call_id");
	}
	for (size_t i = 0; i < turn->call_count; i++) {
		if (strcmp(turn->calls[i].id, id) == 0) {
			return CUA_FAIL(err, CUA_ERR_MODEL, 0, "two calls have the call_id %.60s",
					id);
		}
	}
	struct agent_call *calls =
			reallocarray(turn->calls, turn->call_count + 1, sizeof(*turn->calls));
	if (!calls) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
	}
	turn->calls = calls;
	struct agent_call *call = &calls[turn->call_count++];
	*call = (struct agent_call){
		.kind = kind, .id = strdup(id), .actions = cJSON_CreateArray()
	};
	if (!call->id || !call->actions) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
	}
	const char *state = string_at(item, "status");
	if (state && strcmp(state, "completed") != 0) {
		snprintf(call->problem, sizeof(call->problem),
				"its status is \"%.20s\", not completed", state);
	}
	*ret_call = call;
	return CUA_OK;
}

static enum cua_status map_actions(struct turn_builder *builder, struct agent_call *call,
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
		enum cua_status status = responses_map_action(action, builder->screen,
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
static enum cua_status take_computer_call(struct turn_builder *builder, const cJSON *item,
		bool has_nul, struct cua_error *err)
{
	const cJSON *action = cJSON_GetObjectItemCaseSensitive(item, "action");
	const cJSON *actions = cJSON_GetObjectItemCaseSensitive(item, "actions");
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
	const cJSON *checks = cJSON_GetObjectItemCaseSensitive(item, "pending_safety_checks");
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

static enum cua_status take_give_up(struct turn_builder *builder, struct agent_call *call,
		const cJSON *arguments, struct cua_error *err)
{
	(void)builder;
	const char *reason = string_at(arguments, "reason");
	call->kind = AGENT_CALL_GIVE_UP;
	call->reason = strdup(reason && reason[0] ? reason : "no reason given");
	return call->reason ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "reason");
}

/* name and arguments to one canonical action, checked against the table. */
static enum cua_status build_function(struct turn_builder *builder, struct agent_call *call,
		const char *name, cJSON *arguments, struct cua_error *err)
{
	const struct cua_action_spec *spec = name ? cua_action_find(name) : NULL;
	if (!spec || !spec->is_function) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "there is no function \"%.60s\"",
				name ? name : "");
	}
	if (cJSON_GetObjectItemCaseSensitive(arguments, "action")) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "unknown argument \"action\"");
	}
	/* Optional arguments that a model spells as null were not given. */
	for (cJSON *member = arguments->child, *next = NULL; member; member = next) {
		next = member->next;
		if (cJSON_IsNull(member)) {
			cJSON_Delete(cJSON_DetachItemViaPointer(arguments, member));
		}
	}
	cJSON_AddStringToObject(arguments, "action", name);
	struct cua_action checked;
	enum cua_status status = cua_action_parse(arguments, &builder->screen, &checked, err);
	if (status != CUA_OK) {
		return status;
	}
	cua_action_finish(&checked);
	cJSON *copy = cJSON_Duplicate(arguments, true);
	if (!copy || !cJSON_AddItemToArray(call->actions, copy)) {
		cJSON_Delete(copy);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "function call");
	}
	return CUA_OK;
}

static enum cua_status take_function_call(
		struct turn_builder *builder, const cJSON *item, struct cua_error *err)
{
	struct agent_call *call = NULL;
	enum cua_status status = open_call(builder, item, AGENT_CALL_FUNCTION, &call, err);
	if (status != CUA_OK || call->problem[0]) {
		return status;
	}
	const char *name = string_at(item, "name"), *text = string_at(item, "arguments");
	if (!text || !text[0]) {
		text = "{}"; /* a function without arguments */
	}
	struct cua_error why = { 0 };
	const struct agent_json_span span = { text, strlen(text) };
	CUA_AUTO_JSON cJSON *arguments = NULL;
	status = agent_json_parse(text, span.len, "arguments", &arguments, &why);
	if (status == CUA_OK && !cJSON_IsObject(arguments)) {
		status = CUA_FAIL(&why, CUA_ERR_INVAL, 0, "arguments must be an object");
	} else if (status == CUA_OK && agent_json_has_nul(span)) {
		status = CUA_FAIL(&why, CUA_ERR_INVAL, 0, "arguments hold a NUL character");
	} else if (status == CUA_OK && name && strcmp(name, "give_up") == 0) {
		return take_give_up(builder, call, arguments, err);
	} else if (status == CUA_OK) {
		status = build_function(builder, call, name, arguments, &why);
	}
	if (status == CUA_ERR_NOMEM) {
		return CUA_FAIL(err, status, ENOMEM, "function call");
	}
	if (status != CUA_OK) {
		snprintf(call->problem, sizeof(call->problem), "%s", why.msg);
	}
	return CUA_OK;
}

static enum cua_status take_item(
		struct turn_builder *builder, const char *text, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *item = NULL;
	struct agent_json_span span = { text, strlen(text) };
	enum cua_status status = agent_json_parse(text, span.len, "an output item", &item, err);
	if (status != CUA_OK) {
		return status;
	}
	const char *type = string_at(item, "type");
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

static enum cua_status finish_turn(struct turn_builder *builder, struct cua_error *err)
{
	struct agent_turn *turn = builder->turn;
	bool has_calls = turn->call_count > 0;
	struct cua_buffer *words = &builder->commentary;
	enum cua_status status = CUA_OK;
	if (has_calls && builder->answer.len > 0) { /* a message beside calls is no answer yet */
		status = add_paragraph(words, builder->answer.data, err);
	}
	if (status == CUA_OK && words->len == 0) {
		status = add_paragraph(words, builder->summary.data, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	turn->words = strdup(words->data ? words->data : "");
	turn->answer = !has_calls && builder->answer.len > 0 ? CUA_STEAL(builder->answer.data)
							     : NULL;
	turn->refusal = builder->refusal.len > 0 ? CUA_STEAL(builder->refusal.data) : NULL;
	return turn->words ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "words");
}

enum cua_status responses_turn(const struct responses_items *items, struct cua_point screen,
		struct agent_turn *ret_turn, struct cua_error *err)
{
	struct agent_turn turn = { 0 };
	struct turn_builder builder = { .screen = screen, .turn = &turn };
	cua_buffer_init(&builder.commentary, WORDS_MAX);
	cua_buffer_init(&builder.summary, WORDS_MAX);
	cua_buffer_init(&builder.answer, WORDS_MAX);
	cua_buffer_init(&builder.refusal, WORDS_MAX);
	enum cua_status status = CUA_OK;
	for (size_t i = 0; status == CUA_OK && i < items->count; i++) {
		status = take_item(&builder, items->texts[i], err);
	}
	if (status == CUA_OK) {
		status = finish_turn(&builder, err);
	}
	if (status == CUA_ERR_TOO_LARGE) {
		status = CUA_FAIL(err, CUA_ERR_MODEL, 0, "the model's words are over %zu bytes",
				WORDS_MAX);
	}
	cua_buffer_finish(&builder.commentary);
	cua_buffer_finish(&builder.summary);
	cua_buffer_finish(&builder.answer);
	cua_buffer_finish(&builder.refusal);
	if (status != CUA_OK) {
		agent_turn_finish(&turn);
		return status;
	}
	*ret_turn = turn;
	return CUA_OK;
}

void agent_turn_finish(struct agent_turn *turn)
{
	for (size_t i = 0; i < turn->call_count; i++) {
		struct agent_call *call = &turn->calls[i];
		free(call->id);
		free(call->reason);
		cJSON_Delete(call->actions);
		cJSON_Delete(call->safety_checks);
	}
	free(turn->calls);
	free(turn->words);
	free(turn->answer);
	free(turn->refusal);
	*turn = (struct agent_turn){ 0 };
}
