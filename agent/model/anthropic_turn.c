#include "agent/model/anthropic_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

/* A turn while its blocks are read. */
struct reading {
	const struct anthropic *talk;
	struct model_turn_builder builder;
};

/* --- calls --- */

static enum cua_status keep_arguments(
		struct agent_call *call, struct agent_json_span input, struct cua_error *err)
{
	call->arguments = strndup(input.at, input.len);
	return call->arguments ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
}

static enum cua_status map_call(
		struct reading *reading, struct agent_call *call, const cJSON *input)
{
	struct cua_error why = { 0 };
	if (!call->arguments ||
			agent_json_has_nul((struct agent_json_span){
					call->arguments, strlen(call->arguments) })) {
		snprintf(call->problem, sizeof(call->problem), "it holds a NUL character");
		return CUA_OK;
	}
	enum cua_status status = anthropic_map_member(anthropic_member_of(call, input), input,
			reading->builder.config->screen, call->actions, call->note,
			sizeof(call->note), &why);
	if (status != CUA_OK) {
		snprintf(call->problem, sizeof(call->problem), "%s", why.msg);
	}
	return status == CUA_ERR_NOMEM ? status : CUA_OK;
}

/* A toolset's calls are told by their mark, not by their name: a function may be called "type". */
static enum agent_call_kind kind_of(const struct reading *reading, const char *name,
		const char *family, bool *ret_is_known)
{
	*ret_is_known = !family ||
			(anthropic_is_toolset(reading->talk) &&
					strcmp(family, ANTHROPIC_FAMILY) == 0);
	bool is_computer = family ||
			(!anthropic_is_toolset(reading->talk) && name &&
					strcmp(name, ANTHROPIC_FAMILY) == 0);
	return is_computer ? AGENT_CALL_COMPUTER : AGENT_CALL_FUNCTION;
}

static enum cua_status take_call(struct reading *reading, const cJSON *block,
		struct agent_json_span text, struct cua_error *err)
{
	struct agent_json_span input = { "{}", 2 };
	struct agent_call *call = NULL;
	bool is_known = false;
	const char *name = cua_json_string(block, "name"),
		   *family = cua_json_string(block, "toolset_name");
	enum agent_call_kind kind = kind_of(reading, name, family, &is_known);
	const cJSON *json = cua_json_member(block, "input");
	if (!is_known) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "a call of a toolset that was not offered");
	}
	if (!cJSON_IsObject(json) || !agent_json_member(text, "input", &input)) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "a call has no input");
	}
	if (reading->builder.turn.call_count >= ANTHROPIC_CALLS_MAX) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "a turn has over %d calls",
				ANTHROPIC_CALLS_MAX);
	}
	enum cua_status status = model_turn_open_call(
			&reading->builder, kind, cua_json_string(block, "id"), name, &call, err);
	if (status == CUA_OK && kind == AGENT_CALL_FUNCTION) {
		const char *own = name ? anthropic_own_function(reading->talk, name) : NULL;
		CUA_AUTO_FREE char *arguments = strndup(input.at, input.len);
		return arguments ? model_turn_function(&reading->builder, call, own ? own : name,
						   arguments, err)
				 : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
	}
	if (status == CUA_OK) {
		status = keep_arguments(call, input, err);
	}
	if (status == CUA_OK && kind == AGENT_CALL_COMPUTER) {
		status = map_call(reading, call, json);
	}
	return status;
}

/* --- blocks --- */

static enum cua_status take_block(struct reading *reading, const char *text, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *block = NULL;
	const struct agent_json_span span = { text, strlen(text) };
	enum cua_status status = agent_json_parse(text, span.len, "a block", &block, err);
	if (status != CUA_OK) {
		return status;
	}
	const char *type = cua_json_string(block, "type");
	if (!type) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "a block has no type");
	}
	if (strcmp(type, "text") == 0) {
		const char *words = cua_json_string(block, "text");
		bool is_empty = !words || !words[strspn(words, " \t\r\n")];
		return is_empty ? CUA_OK
				: model_turn_say(&reading->builder,
						  reading->builder.turn.is_paused ? MODEL_COMMENTARY
										  : MODEL_ANSWER,
						  words, err);
	}
	if (strcmp(type, "thinking") == 0) {
		return model_turn_say(&reading->builder, MODEL_SUMMARY,
				cua_json_string(block, "thinking"), err);
	}
	return strcmp(type, "tool_use") == 0 ? take_call(reading, block, span, err)
					     : CUA_OK; /* kept, not understood */
}

/* The server stopped in the middle, and goes on from what it said. */
static bool ends_paused(const struct model_items *items)
{
	CUA_AUTO_JSON cJSON *end =
			items->count > 0 ? cJSON_Parse(items->texts[items->count - 1]) : NULL;
	const char *reason = cua_json_string(end, "stop_reason");
	return reason && (strcmp(reason, "pause_turn") == 0 || strcmp(reason, "compaction") == 0);
}

enum cua_status anthropic_take_turn(void *self, const struct model_items *items,
		struct agent_turn *ret_turn, struct cua_error *err)
{
	const struct anthropic *talk = self;
	struct reading reading = { .talk = talk };
	enum cua_status status = CUA_OK;
	model_turn_begin(&reading.builder, talk->config);
	reading.builder.turn.is_paused = ends_paused(items);
	for (size_t i = 0; status == CUA_OK && i < items->count; i++) {
		status = take_block(&reading, items->texts[i], err);
	}
	return model_turn_end(&reading.builder, status, ret_turn, err);
}
