#include "agent/model/model_api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/model/model_reading.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

#define BLOT_MIN "********" /* AGENT_SECRET_VALUE_MIN */

void model_turn_begin(struct model_turn_builder *builder, const struct agent_model_config *config)
{
	*builder = (struct model_turn_builder){ .config = config };
	for (size_t i = 0; i < CUA_ARRAY_LEN(builder->words); i++) {
		cua_buffer_init(&builder->words[i], MODEL_WORDS_MAX);
	}
}

enum cua_status model_turn_say(struct model_turn_builder *builder, enum model_words kind,
		const char *text, struct cua_error *err)
{
	struct cua_buffer *words = &builder->words[kind];
	if (!text || !text[0]) {
		return CUA_OK;
	}
	enum cua_status status =
			cua_buffer_printf(words, err, "%s%s", words->len ? "\n" : "", text);
	return status == CUA_ERR_TOO_LARGE
			? CUA_FAIL(err, CUA_ERR_MODEL, 0, "the model's words are over %zu bytes",
					  MODEL_WORDS_MAX)
			: status;
}

enum cua_status model_turn_open_call(struct model_turn_builder *builder, enum agent_call_kind kind,
		const char *id, const char *name, struct agent_call **ret_call,
		struct cua_error *err)
{
	struct agent_turn *turn = &builder->turn;
	if (turn->call_count == MODEL_CALLS_MAX) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "the model's answer has over %d calls",
				MODEL_CALLS_MAX);
	}
	if (!id || !id[0]) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "a call of the model has no id");
	}
	for (size_t i = 0; i < turn->call_count; i++) {
		if (strcmp(turn->calls[i].id, id) == 0) {
			return CUA_FAIL(err, CUA_ERR_MODEL, 0, "two calls have the id %.60s", id);
		}
	}
	struct agent_call *calls =
			reallocarray(turn->calls, turn->call_count + 1, sizeof(*turn->calls));
	if (!calls) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
	}
	turn->calls = calls;
	struct agent_call *call = &calls[turn->call_count++];
	*call = (struct agent_call){ .kind = kind,
		.id = strdup(id),
		.name = name ? strdup(name) : NULL,
		.actions = cJSON_CreateArray() };
	if (!call->id || !call->actions || !call->name != !name) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
	}
	*ret_call = call;
	return CUA_OK;
}

/* --- functions --- */

static enum cua_status take_give_up(
		struct agent_call *call, const cJSON *arguments, struct cua_error *err)
{
	const char *reason = cua_json_string(arguments, "reason");
	call->kind = AGENT_CALL_GIVE_UP;
	call->reason = strdup(reason && reason[0] ? reason : "no reason given");
	return call->reason ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "reason");
}

/* Optional arguments that a model spells as null were not given. */
static void drop_nulls(cJSON *arguments)
{
	for (cJSON *member = arguments->child, *next = NULL; member; member = next) {
		next = member->next;
		if (cJSON_IsNull(member)) {
			cJSON_Delete(cJSON_DetachItemViaPointer(arguments, member));
		}
	}
}

/* Name and arguments to one canonical action, checked against the table. */
static enum cua_status build_action(struct model_turn_builder *builder, struct agent_call *call,
		const char *name, cJSON *arguments, struct cua_error *err)
{
	const struct cua_action_spec *spec = cua_action_find(name);
	if (!spec || !spec->is_function) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "there is no function \"%.60s\"", name);
	}
	if (cua_json_member(arguments, "action")) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "unknown argument \"action\"");
	}
	drop_nulls(arguments);
	cJSON_AddStringToObject(arguments, "action", name);
	return model_append_action(call->actions, cJSON_Duplicate(arguments, true),
			&builder->config->screen, err);
}

/* The loop knows what the tool takes, and checks that. */
static enum cua_status build_tool(
		struct agent_call *call, const char *name, cJSON *arguments, struct cua_error *err)
{
	drop_nulls(arguments);
	call->kind = AGENT_CALL_TOOL;
	call->tool = strdup(name);
	call->tool_arguments = cJSON_Duplicate(arguments, true);
	return call->tool && call->tool_arguments
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call of a tool");
}

enum cua_status model_turn_function(struct model_turn_builder *builder, struct agent_call *call,
		const char *name, const char *text, struct cua_error *err)
{
	struct cua_error why = { 0 };
	const struct agent_json_span span = { text && text[0] ? text : "{}",
		text && text[0] ? strlen(text) : 2 };
	CUA_AUTO_JSON cJSON *arguments = NULL;
	call->arguments = strndup(span.at, span.len);
	enum cua_status status = call->arguments
			? agent_json_parse(span.at, span.len, "arguments", &arguments, &why)
			: CUA_ERR_NOMEM;
	if (status == CUA_OK && !cJSON_IsObject(arguments)) {
		status = CUA_FAIL(&why, CUA_ERR_INVAL, 0, "arguments must be an object");
	} else if (status == CUA_OK && agent_json_has_nul(span)) {
		status = CUA_FAIL(&why, CUA_ERR_INVAL, 0, "arguments hold a NUL character");
	} else if (status == CUA_OK) {
		status = agent_json_check_names(arguments, "arguments", &why);
	}
	if (status == CUA_OK && name && strcmp(name, "give_up") == 0) {
		return take_give_up(call, arguments, err);
	} else if (status == CUA_OK && name && model_offers(builder->config, name)) {
		status = build_tool(call, name, arguments, &why);
	} else if (status == CUA_OK) {
		status = build_action(builder, call, name ? name : "", arguments, &why);
	}
	if (status == CUA_ERR_NOMEM) {
		return CUA_FAIL(err, status, ENOMEM, "function call");
	}
	if (status != CUA_OK) {
		snprintf(call->problem, sizeof(call->problem), "%s", why.msg);
	}
	return CUA_OK;
}

/* --- secrets in calls --- */

/* What a person reads and nothing runs may be illegible. */
static bool is_said(const struct agent_call *call)
{
	return call->kind == AGENT_CALL_GIVE_UP ||
			(call->kind == AGENT_CALL_TOOL &&
					(strcmp(call->tool, "done") == 0 ||
							strcmp(call->tool, "ask_person") == 0));
}

enum cua_status model_turn_stop_illegible(struct agent_turn *turn, struct cua_error *err)
{
	for (size_t i = 0; i < turn->call_count; i++) {
		struct agent_call *call = &turn->calls[i];
		CUA_AUTO_FREE char *actions =
				call->arguments ? NULL : cJSON_PrintUnformatted(call->actions);
		const char *text = call->arguments ? call->arguments : actions;
		if (!text) {
			agent_turn_finish(turn);
			return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
		}
		if (!call->problem[0] && !is_said(call) && strstr(text, BLOT_MIN)) {
			snprintf(call->problem, sizeof(call->problem),
					"in its arguments is the value of a secret or key, which "
					"was made illegible (" BLOT_MIN "); {{secret:NAME}} stands "
					"for a secret, in the text of the action \"type\" alone. "
					"Do without, or ask the person");
		}
	}
	return CUA_OK;
}

/* --- the end --- */

static void drop_calls(struct agent_turn *turn)
{
	for (size_t i = 0; i < turn->call_count; i++) {
		struct agent_call *call = &turn->calls[i];
		free(call->id);
		free(call->name);
		free(call->arguments);
		free(call->reason);
		cJSON_Delete(call->actions);
		free(call->tool);
		cJSON_Delete(call->tool_arguments);
		cJSON_Delete(call->safety_checks);
	}
	free(turn->calls);
	turn->calls = NULL;
	turn->call_count = 0;
}

static char *steal_words(struct cua_buffer *words)
{
	return words->len > 0 ? CUA_STEAL(words->data) : NULL;
}

/* A plan of a thousand steps is none, in however many calls it comes. */
static void bound_actions(struct agent_turn *turn)
{
	int actions = 0;
	for (size_t i = 0; i < turn->call_count; i++) {
		struct agent_call *call = &turn->calls[i];
		const int count = cJSON_GetArraySize(call->actions);
		actions += count > 0 ? count : 1; /* a tool's call, or one with a problem */
		if (actions > CUA_ACTIONS_MAX && !call->problem[0]) {
			snprintf(call->problem, sizeof(call->problem),
					"a turn may have %d actions at most", CUA_ACTIONS_MAX);
		}
	}
}

static enum cua_status fill_turn(struct model_turn_builder *builder, struct cua_error *err)
{
	struct agent_turn *turn = &builder->turn;
	struct cua_buffer *words = builder->words;
	enum cua_status status = CUA_OK;
	bound_actions(turn);
	if (turn->call_count > 0) { /* a message beside calls is no answer yet */
		status = model_turn_say(builder, MODEL_COMMENTARY, words[MODEL_ANSWER].data, err);
	} else {
		turn->answer = steal_words(&words[MODEL_ANSWER]);
	}
	if (status == CUA_OK && words[MODEL_COMMENTARY].len == 0) {
		status = model_turn_say(builder, MODEL_COMMENTARY, words[MODEL_SUMMARY].data, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	turn->refusal = steal_words(&words[MODEL_REFUSAL]);
	if (turn->refusal) {
		turn->end = AGENT_TURN_REFUSED;
		drop_calls(turn);
	}
	turn->words = steal_words(&words[MODEL_COMMENTARY]);
	if (!turn->words && !(turn->words = strdup(""))) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "words");
	}
	return CUA_OK;
}

enum cua_status model_turn_end(struct model_turn_builder *builder, enum cua_status status,
		struct agent_turn *ret_turn, struct cua_error *err)
{
	if (status == CUA_OK) {
		status = fill_turn(builder, err);
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(builder->words); i++) {
		cua_buffer_finish(&builder->words[i]);
	}
	if (status == CUA_OK) {
		*ret_turn = builder->turn;
	} else {
		agent_turn_finish(&builder->turn);
	}
	return status;
}

void agent_turn_finish(struct agent_turn *turn)
{
	drop_calls(turn);
	free(turn->words);
	free(turn->answer);
	free(turn->refusal);
	free(turn->raw);
	*turn = (struct agent_turn){ 0 };
}

void agent_usage_add(struct agent_usage *sum, const struct agent_usage *usage)
{
	sum->input_tokens += usage->input_tokens;
	sum->cached_tokens += usage->cached_tokens;
	sum->cache_write_tokens += usage->cache_write_tokens;
	sum->output_tokens += usage->output_tokens;
	sum->reasoning_tokens += usage->reasoning_tokens;
}

char *model_answer_text(const struct agent_answer *answer)
{
	const cJSON *first = cJSON_GetArrayItem(answer->results, 0);
	if (answer->words && !answer->problem) {
		return strdup(answer->words);
	}
	CUA_AUTO_JSON cJSON *text = first ? cJSON_Duplicate(first, true) : cJSON_CreateObject();
	if (answer->problem && !cJSON_AddStringToObject(text, "error", answer->problem)) {
		return NULL;
	}
	return cJSON_PrintUnformatted(text);
}
