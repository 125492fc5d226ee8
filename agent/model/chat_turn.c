#include "agent/model/chat_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

/* Calls without an id get one, the same whenever the turn is read. */
static enum cua_status name_calls(const struct chat *chat, cJSON *message, struct cua_error *err)
{
	int at = 0;
	cJSON *call = NULL;
	cJSON_ArrayForEach (call, cua_json_member(message, "tool_calls")) {
		char id[40];
		snprintf(id, sizeof(id), "call_%d_%d", chat->turns, at++);
		if (!cJSON_IsString(cua_json_member(call, "id")) &&
				!cJSON_AddStringToObject(call, "id", id)) {
			return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
		}
	}
	return CUA_OK;
}

static enum cua_status read_message(const struct chat *chat, const struct model_items *items,
		cJSON **ret_message, struct cua_error *err)
{
	if (items->count != 1) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "a turn has %zu messages", items->count);
	}
	CUA_AUTO_JSON cJSON *message = NULL;
	enum cua_status status = agent_json_parse(items->texts[0], strlen(items->texts[0]),
			"a message of the model", &message, err);
	if (status == CUA_OK && strcmp(cua_json_text(message, "role"), "assistant") != 0) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "a message of the model has another role");
	}
	if (status == CUA_OK) {
		status = name_calls(chat, message, err);
	}
	if (status == CUA_OK) {
		*ret_message = CUA_STEAL(message);
	}
	return status;
}

/* Arguments as an object; NULL if they are none. */
static cJSON *parse_arguments(const cJSON *call)
{
	const char *text = cua_json_text(cua_json_member(call, "function"), "arguments");
	cJSON *json = NULL;
	if (agent_json_parse(text, strlen(text), "", &json, NULL) == CUA_OK &&
			!cJSON_IsObject(json)) {
		cJSON_Delete(CUA_STEAL(json));
	}
	return json;
}

static bool is_computer(const cJSON *call)
{
	return strcmp(cua_json_text(cua_json_member(call, "function"), "name"), CHAT_COMPUTER) == 0;
}

/* The call that says the task is done, if there is no other; else NULL. */
static const cJSON *find_done(const struct chat *chat, const cJSON *message)
{
	const cJSON *calls = cua_json_member(message, "tool_calls");
	if (chat_has_grammar(chat) || cJSON_GetArraySize(calls) != 1 ||
			!is_computer(calls->child)) {
		return NULL;
	}
	CUA_AUTO_JSON cJSON *arguments = parse_arguments(calls->child);
	return chat_tool_done(arguments) ? calls->child : NULL;
}

/* --- to a turn --- */

/* Behind a tag that begins so; NULL if there is none. Some servers put a number behind its name:
 * </think_never_used_51bce0c7>. */
static const char *skip_tag(const char *at, const char *begin)
{
	const size_t len = strlen(begin);
	if (strncmp(at, begin, len) != 0) {
		return NULL;
	}
	at += len;
	at += strspn(at, "_abcdefghijklmnopqrstuvwxyz0123456789");
	return *at == '>' ? at + 1 : NULL;
}

/* What stands before </think> is reasoning, with or without the opening tag. Returns the rest of
 * the content. */
static enum cua_status take_thought(
		struct model_turn_builder *builder, const char **content, struct cua_error *err)
{
	static const char close[] = "</think";
	const char *end = strstr(*content, close), *rest = NULL;
	while (end && !(rest = skip_tag(end, close))) {
		end = strstr(end + 1, close);
	}
	if (!end) {
		return CUA_OK;
	}
	const char *from = *content + strspn(*content, " \t\r\n");
	const char *behind = skip_tag(from, "<think");
	from = behind ? behind : from;
	CUA_AUTO_FREE char *thought = strndup(from, from < end ? (size_t)(end - from) : 0);
	if (!thought) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "reasoning");
	}
	*content = rest + strspn(rest, " \t\r\n");
	return model_turn_say(builder, MODEL_SUMMARY, thought, err);
}

/* All words but those of the content, which is left without its thought in *ret_content. */
static enum cua_status take_words(struct model_turn_builder *builder, const cJSON *message,
		const char **ret_content, struct cua_error *err)
{
	enum cua_status status = model_turn_say(
			builder, MODEL_SUMMARY, cua_json_text(message, "reasoning"), err);
	if (status == CUA_OK) {
		status = model_turn_say(builder, MODEL_SUMMARY,
				cua_json_text(message, "reasoning_content"), err);
	}
	*ret_content = cua_json_text(message, "content");
	if (status == CUA_OK) {
		status = take_thought(builder, ret_content, err);
	}
	return status == CUA_OK ? model_turn_say(builder, MODEL_REFUSAL,
						  cua_json_text(message, "refusal"), err)
				: status;
}

/* --- calls of functions --- */

static enum cua_status take_computer(const struct chat *chat, struct agent_call *call,
		const char *text, struct cua_error *err)
{
	const struct agent_json_span span = { text, strlen(text) };
	struct cua_error why = { 0 };
	CUA_AUTO_JSON cJSON *arguments = NULL;
	call->arguments = strdup(text);
	if (!call->arguments) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
	}
	if (agent_json_parse(text, span.len, "arguments", &arguments, &why) != CUA_OK) {
		snprintf(call->problem, sizeof(call->problem), "%s", why.msg);
	} else if (!cJSON_IsObject(arguments)) {
		snprintf(call->problem, sizeof(call->problem), "arguments must be an object");
	} else if (agent_json_has_nul(span)) {
		snprintf(call->problem, sizeof(call->problem), "arguments hold a NUL character");
	} else if (chat_tool_done(arguments)) {
		snprintf(call->problem, sizeof(call->problem),
				"\"done\" ends the run: it must be the only call");
	} else {
		return chat_tool_call(call, &chat->space, arguments, err);
	}
	return CUA_OK;
}

static enum cua_status take_call(const struct chat *chat, struct model_turn_builder *builder,
		const cJSON *json, struct cua_error *err)
{
	const cJSON *function = cua_json_member(json, "function");
	const char *arguments = cua_json_text(function, "arguments");
	struct agent_call *call = NULL;
	enum cua_status status = model_turn_open_call(builder,
			is_computer(json) ? AGENT_CALL_COMPUTER : AGENT_CALL_FUNCTION,
			cua_json_text(json, "id"), cua_json_text(function, "name"), &call, err);
	if (status != CUA_OK) {
		return status;
	}
	return is_computer(json) ? take_computer(chat, call, arguments, err)
				 : model_turn_function(builder, call, call->name, arguments, err);
}

/* A server without a parser for the model's calls leaves them in the text: that is no answer. */
static bool looks_like_call(const char *content)
{
	const char *at = content + strspn(content, " \t\r\n");
	const bool is_fit = *at == '{' &&
			agent_json_count((struct agent_json_span){ at, strlen(at) }) <=
					AGENT_JSON_VALUES_MAX;
	CUA_AUTO_JSON cJSON *json = is_fit ? cJSON_Parse(at) : NULL;
	return strstr(content, "<tool_call>") || (json && json->child);
}

static enum cua_status take_content(const struct chat *chat, struct model_turn_builder *builder,
		const char *content, struct cua_error *err)
{
	struct agent_call *call = NULL;
	char id[40];
	if (!looks_like_call(content)) {
		return model_turn_say(builder, MODEL_ANSWER, content, err);
	}
	snprintf(id, sizeof(id), "call_%d_0", chat->turns);
	enum cua_status status =
			model_turn_open_call(builder, AGENT_CALL_COMPUTER, id, NULL, &call, err);
	if (status == CUA_OK) {
		snprintf(call->problem, sizeof(call->problem),
				"the answer is JSON text, not a call of a function, so nothing was "
				"done");
	}
	return status;
}

static enum cua_status take_calls(const struct chat *chat, struct model_turn_builder *builder,
		const cJSON *message, const char *content, struct cua_error *err)
{
	const cJSON *calls = cua_json_member(message, "tool_calls"), *call = NULL;
	const cJSON *done = find_done(chat, message);
	enum cua_status status = cJSON_GetArraySize(calls) == 0
			? take_content(chat, builder, content, err)
			: model_turn_say(builder, MODEL_COMMENTARY, content, err);
	if (status == CUA_OK && done) {
		CUA_AUTO_JSON cJSON *arguments = parse_arguments(done);
		return model_turn_say(builder, MODEL_ANSWER, chat_tool_done(arguments), err);
	}
	cJSON_ArrayForEach (call, calls) {
		if (status == CUA_OK) {
			status = take_call(chat, builder, call, err);
		}
	}
	return status;
}

/* --- a grammar of its own --- */

/* What was said, to a call, the answer, or giving up. Empties said. */
static enum cua_status take_said(struct model_turn_builder *builder, const char *id,
		const char *name, struct chat_said *said, enum cua_status read,
		const struct cua_error *why, struct cua_error *err)
{
	static const struct cua_error not_alone = { .msg = "the end of the task must stand alone" };
	struct agent_call *call = NULL;
	const char *words = said->last_words ? said->last_words : said->thought;
	const bool is_over = read == CUA_OK && said->end != CHAT_ACTS;
	words = words && words[0] ? words : "The model gave no words.";
	enum cua_status status = read == CUA_ERR_NOMEM
			? CUA_FAIL(err, read, ENOMEM, "answer")
			: model_turn_say(builder, MODEL_COMMENTARY, said->thought, err);
	if (status == CUA_OK && is_over && said->actions->child) {
		read = CUA_ERR_INVAL;
		why = &not_alone;
	} else if (status == CUA_OK && is_over && said->end == CHAT_FINISHES) {
		return model_turn_say(builder, MODEL_ANSWER, words, err);
	}
	if (status == CUA_OK) {
		status = model_turn_open_call(builder,
				is_over && read == CUA_OK ? AGENT_CALL_GIVE_UP
							  : AGENT_CALL_COMPUTER,
				id, name, &call, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	if (read != CUA_OK) {
		snprintf(call->problem, sizeof(call->problem), "%s", why->msg);
		return CUA_OK;
	}
	snprintf(call->note, sizeof(call->note), "%s", said->note);
	cJSON_Delete(call->actions);
	call->actions = CUA_STEAL(said->actions);
	call->reason = is_over ? strdup(words) : NULL;
	return is_over && !call->reason ? CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "reason") : CUA_OK;
}

static enum cua_status read_text(const struct chat *chat, struct model_turn_builder *builder,
		const char *content, struct cua_error *err)
{
	struct chat_said said = { .actions = cJSON_CreateArray() };
	struct cua_error why = { 0 };
	char id[40];
	enum cua_status read = CUA_ERR_NOMEM;
	snprintf(id, sizeof(id), "call_%d_0", chat->turns);
	if (strlen(content) > MODEL_WORDS_MAX) {
		read = CUA_FAIL(&why, CUA_ERR_INVAL, 0, "the answer is over %zu bytes",
				MODEL_WORDS_MAX);
	} else if (said.actions) {
		read = chat->profile->read(content, &chat->space, &said, &why);
	}
	enum cua_status status = take_said(builder, id, NULL, &said, read, &why, err);
	chat_said_finish(&said);
	return status;
}

/* A call that the server found in the text before we did. */
static enum cua_status read_call(const struct chat *chat, struct model_turn_builder *builder,
		const cJSON *call, struct cua_error *err)
{
	struct chat_said said = { .actions = cJSON_CreateArray() };
	struct cua_error why = { 0 };
	CUA_AUTO_JSON cJSON *arguments = parse_arguments(call);
	const char *name = cua_json_text(cua_json_member(call, "function"), "name");
	enum cua_status read = CUA_ERR_INVAL;
	if (!arguments || !said.actions) {
		read = CUA_FAIL(&why, said.actions ? CUA_ERR_INVAL : CUA_ERR_NOMEM, 0,
				"arguments must be an object");
	} else if (!chat->profile->read_call || strcmp(name, "computer_use") != 0) {
		cua_error_set(&why, read, 0, "there is no function \"%.60s\"", name);
	} else {
		read = chat->profile->read_call(arguments, &chat->space, &said, &why);
	}
	enum cua_status status =
			take_said(builder, cua_json_text(call, "id"), name, &said, read, &why, err);
	chat_said_finish(&said);
	return status;
}

static enum cua_status take_grammar(const struct chat *chat, struct model_turn_builder *builder,
		const cJSON *message, const char *content, struct cua_error *err)
{
	const cJSON *calls = cua_json_member(message, "tool_calls"), *call = NULL;
	if (cJSON_GetArraySize(calls) == 0) {
		return read_text(chat, builder, content, err);
	}
	enum cua_status status = model_turn_say(builder, MODEL_COMMENTARY, content, err);
	cJSON_ArrayForEach (call, calls) {
		if (status == CUA_OK) {
			status = read_call(chat, builder, call, err);
		}
	}
	return status;
}

enum cua_status chat_take_turn(void *self, const struct model_items *items,
		struct agent_turn *ret_turn, struct cua_error *err)
{
	const struct chat *chat = self;
	struct model_turn_builder builder;
	CUA_AUTO_JSON cJSON *message = NULL;
	model_turn_begin(&builder, chat->config);
	enum cua_status status = read_message(chat, items, &message, err);
	const char *content = "";
	if (status == CUA_OK) {
		status = take_words(&builder, message, &content, err);
	}
	if (status == CUA_OK) {
		status = chat_has_grammar(chat)
				? take_grammar(chat, &builder, message, content, err)
				: take_calls(chat, &builder, message, content, err);
	}
	return model_turn_end(&builder, status, ret_turn, err);
}

/* --- to the conversation --- */

/* Servers read the arguments they are sent back: what is no object would fail every request to
 * come. */
static bool mend_arguments(cJSON *message)
{
	const cJSON *call = NULL;
	cJSON_ArrayForEach (call, cua_json_member(message, "tool_calls")) {
		CUA_AUTO_JSON cJSON *arguments = parse_arguments(call);
		if (arguments) {
			continue;
		}
		cJSON *function = cua_json_member(call, "function");
		CUA_AUTO_JSON cJSON *wrapped = cJSON_CreateObject();
		cJSON_AddStringToObject(wrapped, "unparsed", cua_json_text(function, "arguments"));
		CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(wrapped);
		if (!text ||
				!cJSON_ReplaceItemInObjectCaseSensitive(
						function, "arguments", cJSON_CreateString(text))) {
			return false;
		}
	}
	return true;
}

enum cua_status chat_add_turn(void *self, const struct model_items *items, struct cua_error *err)
{
	struct chat *chat = self;
	CUA_AUTO_JSON cJSON *message = NULL;
	enum cua_status status = read_message(chat, items, &message, err);
	if (status != CUA_OK) {
		return status;
	}
	const cJSON *done = find_done(chat, message);
	CUA_AUTO_FREE char *done_id = done ? strdup(cua_json_text(done, "id")) : NULL;
	CUA_AUTO_FREE char *text = NULL;
	if (mend_arguments(message)) {
		text = cJSON_PrintUnformatted(message);
	}
	if (!text || !done_id != !done) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "conversation");
	}
	status = chat_add(chat, CHAT_ASSISTANT, text, NULL, NULL, err);
	if (status == CUA_OK) {
		chat->turns++;
		chat->is_text = cJSON_GetArraySize(cua_json_member(message, "tool_calls")) == 0;
		chat->done_id = CUA_STEAL(done_id);
	}
	return status;
}
