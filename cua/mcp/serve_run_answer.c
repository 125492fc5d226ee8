/* What a run asks a person: the host is made to ask them. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/contract/text.h"
#include "cua/mcp/serve_runs_internal.h"

/* "last" is another run once one more has begun. */
static void name_run(struct mcp_serve_call *call, const char *run)
{
	cJSON *name = cJSON_CreateString(run);
	if (run[0] && !cJSON_ReplaceItemInObjectCaseSensitive(call->arguments, "run", name)) {
		cJSON_Delete(name);
	}
}

/* The question that the run asks now, the caller's; CUA_ERR_NOT_FOUND if it is another, or none. */
static enum cua_status find_question(
		struct mcp_serve_call *call, cJSON **ret_question, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *state = NULL;
	enum cua_status status =
			mcp_serve_run_state(call, run_argument(call, "run"), 0, &state, err);
	if (status != CUA_OK) {
		return status;
	}
	if (strcmp(cua_json_text(cua_json_member(state, "question"), "id"),
			    run_argument(call, "question")) != 0) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0,
				"the run does not ask that: run_status tells what it asks now");
	}
	name_run(call, cua_json_text(state, "run"));
	*ret_question = cJSON_DetachItemFromObjectCaseSensitive(state, "question");
	return CUA_OK;
}

/* Words of models and servers among them: one line each, in plain text. */
static char *question_words(const struct mcp_serve_call *call, const cJSON *question)
{
	static const struct {
		const char *member, *title;
	} lines[] = { { "who", "Who asks" }, { "words", "What" }, { "reason", "Why" },
		{ "class", "Class" }, { "rule", "Rule" }, { "note", "Note" } };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (!out) {
		return NULL;
	}
	fprintf(out,
			run_asks_approval(question) ? "May the run %s of cua do this, once?"
						    : "The run %s of cua asks:",
			run_argument(call, "run"));
	for (size_t i = 0; i < CUA_ARRAY_LEN(lines); i++) {
		const char *words = cua_json_text(question, lines[i].member);
		if (words[0]) {
			fprintf(out, "\n%s: ", lines[i].title);
			cua_text_line(out, words, 2000);
		}
	}
	return fclose(out) == 0 ? text : NULL;
}

static cJSON *question_form(const cJSON *question)
{
	cJSON *schema = cJSON_CreateObject();
	cJSON_AddStringToObject(schema, "type", "object");
	cJSON *field = cJSON_AddObjectToObject(
			cJSON_AddObjectToObject(schema, "properties"), "answer");
	cJSON_AddStringToObject(field, "type", run_asks_approval(question) ? "boolean" : "string");
	cJSON_AddStringToObject(
			field, "title", run_asks_approval(question) ? "Allow it" : "Your answer");
	cJSON_AddItemToArray(
			cJSON_AddArrayToObject(schema, "required"), cJSON_CreateString("answer"));
	return schema;
}

/* What the person filled in, in the place of what the model says. */
static enum cua_status take_form(struct mcp_serve_call *call, const cJSON *question,
		const cJSON *form, struct cua_error *err)
{
	const cJSON *field = cua_json_member(form, "answer");
	const bool is_good =
			run_asks_approval(question) ? cJSON_IsBool(field) : cJSON_IsString(field);
	if (!is_good) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"the host's form came back without an answer");
	}
	cJSON_DeleteItemFromObjectCaseSensitive(call->arguments, "answer");
	cJSON_AddStringToObject(call->arguments, "answer",
			cJSON_IsString(field)                 ? field->valuestring
					: cJSON_IsTrue(field) ? "yes"
							      : "no");
	return CUA_OK;
}

/* In the newest revision the answer comes with a call of its own: it counts for the words that the
 * person has read, and only after they were asked. */
static enum cua_status check_asked(
		struct mcp_serve_call *call, const char *words, struct cua_error *err)
{
	if (!call->state) {
		cJSON_Delete(CUA_STEAL(call->inputs));
		return CUA_OK;
	}
	return strcmp(cua_json_text(call->state, "words"), words) == 0
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0,
					  "the run asks something else by now than the user has "
					  "answered: run_status tells what");
}

static void keep_asked(struct mcp_serve_result *result, const char *words)
{
	result->state = cJSON_CreateObject();
	cJSON_AddStringToObject(result->state, "words", words);
}

/* *ret_waits: the host is to ask first, and the call comes again. */
static enum cua_status ask_person(struct mcp_serve_call *call, struct mcp_serve_result *result,
		bool *ret_waits, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *question = NULL;
	CUA_AUTO_JSON cJSON *form = NULL;
	enum cua_status status = find_question(call, &question, err);
	CUA_AUTO_FREE char *words = question ? question_words(call, question) : NULL;
	if (status != CUA_OK) {
		return status;
	}
	if (!words) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "question");
	}
	status = check_asked(call, words, err);
	if (status != CUA_OK) {
		return status;
	}
	status = mcp_serve_elicit(
			call, result, "answer", words, question_form(question), &form, err);
	if (status == CUA_ERR_UNAVAILABLE) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"this host cannot ask its user; they answer with: cua runs answer "
				"%s "
				"%s %s",
				run_argument(call, "run"), run_argument(call, "question"),
				run_asks_approval(question) ? "yes|no" : "\"TEXT\"");
	}
	*ret_waits = status == CUA_OK && !form;
	if (*ret_waits) {
		keep_asked(result, words);
	}
	return status == CUA_OK && form ? take_form(call, question, form, err) : status;
}

static enum cua_status send_answer(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	cJSON *state = NULL;
	CUA_AUTO_JSON cJSON *body = cJSON_Duplicate(call->arguments, true);
	cJSON_DeleteItemFromObjectCaseSensitive(body, "run");
	enum cua_status status = mcp_serve_run_request(
			run_argument(call, "run"), "POST", "/v1/run/answer", body, &state, err);
	if (status != CUA_OK) {
		cJSON_Delete(state);
		return status;
	}
	mcp_serve_answer_state(call, state, result);
	return CUA_OK;
}

enum cua_status mcp_serve_run_answer(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	bool waits = false;
	enum cua_status status = CUA_OK;
	if (!call->session->serve->takes_word) {
		status = ask_person(call, result, &waits, err);
	} else if (!run_argument(call, "answer")) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0, "run_answer: answer is missing");
	}
	if (status == CUA_OK && !waits) {
		status = send_answer(call, result, err);
	}
	return status;
}
