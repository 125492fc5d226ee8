/* Prompts: what the user of a host picks for its model. Each template of runs is one: its
 * instructions for the host's own model, or the order to let a run do the task by it. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/templates/template.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_internal.h"

#define NAME_MAX_LEN 128

/* --- which there are --- */

enum cua_status mcp_serve_add_prompt(struct mcp_serve *serve, const struct mcp_serve_prompt *prompt,
		struct cua_error *err)
{
	const struct mcp_serve_prompt **prompts =
			reallocarray(serve->prompts, serve->prompt_count + 1, sizeof(*prompts));
	if (!prompts) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "prompts");
	}
	serve->prompts = prompts;
	prompts[serve->prompt_count++] = prompt;
	return CUA_OK;
}

static const struct mcp_serve_prompt_argument template_arguments[MCP_SERVE_PROMPT_ARGUMENTS] = {
	{ "task", "what is to be done", true, NULL },
	{ "by",
			"host: the model of this conversation; run: one of cua's own, on a desktop "
			"of its "
			"own; host if not given",
			false, "host|run" },
};

/* With what starts a run, its templates are at hand. */
static bool has_templates(const struct mcp_serve *serve)
{
	return mcp_serve_find(serve, "run_start") != NULL;
}

bool mcp_serve_has_prompts(const struct mcp_serve *serve)
{
	return serve->prompt_count > 0 || has_templates(serve);
}

static const struct mcp_serve_prompt *find_prompt(const struct mcp_serve *serve, const char *name)
{
	for (size_t i = 0; i < serve->prompt_count; i++) {
		if (strcmp(serve->prompts[i]->name, name) == 0) {
			return serve->prompts[i];
		}
	}
	return NULL;
}

/* A name, and no path of a file, which a template can be given by elsewhere. */
static bool is_template(const struct mcp_serve *serve, const char *name)
{
	bool is_one = false;
	const cJSON *item = NULL;
	CUA_AUTO_JSON cJSON *list = has_templates(serve) ? agent_templates_list(NULL) : NULL;
	cJSON_ArrayForEach (item, list) {
		is_one = is_one || strcmp(cua_json_text(item, "name"), name) == 0;
	}
	return is_one;
}

const struct mcp_serve_prompt_argument *mcp_serve_prompt_arguments(
		const struct mcp_serve *serve, const char *name)
{
	const struct mcp_serve_prompt *prompt = find_prompt(serve, name);
	return prompt ? prompt->arguments : is_template(serve, name) ? template_arguments : NULL;
}

/* --- the list --- */

static cJSON *define(const char *name, const char *help,
		const struct mcp_serve_prompt_argument arguments[])
{
	cJSON *definition = cJSON_CreateObject();
	cJSON_AddStringToObject(definition, "name", name);
	cJSON_AddStringToObject(definition, "description", help);
	cJSON *list = cJSON_AddArrayToObject(definition, "arguments");
	for (size_t i = 0; i < MCP_SERVE_PROMPT_ARGUMENTS && arguments[i].name; i++) {
		cJSON *argument = cJSON_CreateObject();
		cJSON_AddStringToObject(argument, "name", arguments[i].name);
		cJSON_AddStringToObject(argument, "description", arguments[i].help);
		cJSON_AddBoolToObject(argument, "required", arguments[i].is_required);
		cJSON_AddItemToArray(list, argument);
	}
	return definition;
}

/* A template with a mistake in it is not offered: cua templates list says which. */
int mcp_serve_list_prompts(struct mcp_serve_asked *asked)
{
	const struct mcp_serve *serve = asked->session->serve;
	const cJSON *item = NULL;
	if (cua_json_member(asked->message->params, "cursor")) {
		return mcp_serve_wrong_params(
				asked, "the cursor is none that a list here has given");
	}
	CUA_AUTO_JSON cJSON *templates = has_templates(serve) ? agent_templates_list(NULL) : NULL;
	cJSON *prompts = cJSON_CreateArray();
	for (size_t i = 0; i < serve->prompt_count; i++) {
		const struct mcp_serve_prompt *prompt = serve->prompts[i];
		cJSON_AddItemToArray(
				prompts, define(prompt->name, prompt->help, prompt->arguments));
	}
	cJSON_ArrayForEach (item, templates) {
		if (!cua_json_member(item, "problem")) {
			cJSON_AddItemToArray(prompts,
					define(cua_json_text(item, "name"),
							cua_json_text(item, "description"),
							template_arguments));
		}
	}
	return mcp_serve_reply_list(asked, "prompts", prompts);
}

/* --- arguments --- */

/* CUA_ERR_INVAL. */
static enum cua_status check_arguments(const struct mcp_serve_prompt_argument known[],
		const cJSON *given, struct cua_error *err)
{
	const cJSON *one = NULL;
	cJSON_ArrayForEach (one, given) {
		size_t at = 0;
		while (at < MCP_SERVE_PROMPT_ARGUMENTS && known[at].name &&
				strcmp(known[at].name, one->string) != 0) {
			at++;
		}
		if (at == MCP_SERVE_PROMPT_ARGUMENTS || !known[at].name) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"there is no argument \"%.80s\" of this prompt",
					one->string);
		}
		if (!cJSON_IsString(one)) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s must be a string", one->string);
		}
	}
	return CUA_OK;
}

/* A form of what is required and not given; NULL: nothing. */
static cJSON *form_of_missing(const struct mcp_serve_prompt_argument known[], const cJSON *given)
{
	cJSON *form = cJSON_CreateObject();
	cJSON_AddStringToObject(form, "type", "object");
	cJSON *fields = cJSON_AddObjectToObject(form, "properties");
	cJSON *required = cJSON_AddArrayToObject(form, "required");
	for (size_t i = 0; i < MCP_SERVE_PROMPT_ARGUMENTS && known[i].name; i++) {
		if (known[i].is_required && !cua_json_text(given, known[i].name)[0]) {
			cJSON *field = cJSON_AddObjectToObject(fields, known[i].name);
			cJSON_AddStringToObject(field, "type", "string");
			cJSON_AddStringToObject(field, "description", known[i].help);
			cJSON_AddItemToArray(required, cJSON_CreateString(known[i].name));
		}
	}
	if (!required || !required->child) {
		cJSON_Delete(form);
		return NULL;
	}
	return form;
}

static enum cua_status add_answers(const cJSON *answers, cJSON *given, struct cua_error *err)
{
	const cJSON *one = NULL;
	cJSON_ArrayForEach (one, answers) {
		cJSON_DeleteItemFromObjectCaseSensitive(given, one->string);
		if (!cJSON_AddItemToObject(given, one->string, cJSON_Duplicate(one, true))) {
			return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "prompt");
		}
	}
	return CUA_OK;
}

/* The user is asked for what is missing, where the host can do so. result->input_requests: comes
 * again. */
static enum cua_status fill_in(struct mcp_serve_call *call,
		const struct mcp_serve_prompt_argument known[], cJSON *given,
		struct mcp_serve_result *result, struct cua_error *err)
{
	enum cua_status status = check_arguments(known, given, err);
	cJSON *form = status == CUA_OK ? form_of_missing(known, given) : NULL;
	CUA_AUTO_JSON cJSON *answers = NULL;
	if (!form) {
		return status;
	}
	char name[64];
	snprintf(name, sizeof(name), "%s", cua_json_member(form, "properties")->child->string);
	status = mcp_serve_elicit(call, result, "arguments",
			"What the prompt is to be filled with.", form, &answers, err);
	if (status == CUA_ERR_UNAVAILABLE) {
		cJSON_Delete(CUA_STEAL(result->error_data));
		result->error_code = MCP_SERVE_ERROR_PARAMS;
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "the argument %s is missing", name);
	}
	if (status != CUA_OK || result->input_requests) {
		return status;
	}
	status = add_answers(answers, given, err);
	return status == CUA_OK ? check_arguments(known, given, err) : status;
}

/* --- what is said --- */

void mcp_serve_add_message(cJSON *messages, const char *text)
{
	cJSON *message = cJSON_CreateObject();
	cJSON_AddStringToObject(message, "role", "user");
	cJSON *content = cJSON_AddObjectToObject(message, "content");
	cJSON_AddStringToObject(content, "type", "text");
	cJSON_AddStringToObject(content, "text", text);
	cJSON_AddItemToArray(messages, message);
}

static enum cua_status say_template(
		const char *name, const cJSON *arguments, cJSON *messages, struct cua_error *err)
{
	struct agent_template *template = NULL;
	const char *by = cua_json_text(arguments, "by"), *task = cua_json_text(arguments, "task");
	char *text = NULL;
	if (by[0] && strcmp(by, "host") != 0 && strcmp(by, "run") != 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "by must be host or run");
	}
	enum cua_status status = agent_template_load(name, &template, err);
	if (status != CUA_OK) {
		return status;
	}
	const char *instructions = template->instructions ? template->instructions : "";
	const int len = strcmp(by, "run") == 0
			? asprintf(&text,
					  "Start a run for this task with the tool run_start, with "
					  "the "
					  "template \"%s\" and the task as it is here. Wait for it "
					  "with run_status until it has ended; what it asks is the "
					  "user's to answer. Then say what it came to.\n\nTask: %s",
					  name, task)
			: asprintf(&text, "%s\nTask: %s", instructions, task);
	agent_template_destroy(template);
	if (len < 0) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "prompt");
	}
	mcp_serve_add_message(messages, text);
	free(text);
	return CUA_OK;
}

static enum cua_status get_prompt(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	const struct mcp_serve *serve = call->session->serve;
	const char *name = cua_json_text(call->arguments, "name");
	const struct mcp_serve_prompt *prompt = find_prompt(serve, name);
	const struct mcp_serve_prompt_argument *known = mcp_serve_prompt_arguments(serve, name);
	if (!known) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "there is no prompt \"%.*s\" here",
				NAME_MAX_LEN, name);
	}
	CUA_AUTO_JSON cJSON *given =
			cJSON_Duplicate(cua_json_member(call->arguments, "arguments"), true);
	if (!given) {
		given = cJSON_CreateObject();
	}
	enum cua_status status = fill_in(call, known, given, result, err);
	if (status != CUA_OK || result->input_requests) {
		return status;
	}
	cJSON *whole = cJSON_CreateObject();
	if (prompt) {
		cJSON_AddStringToObject(whole, "description", prompt->help);
	}
	cJSON *messages = cJSON_AddArrayToObject(whole, "messages");
	status = prompt ? prompt->say(prompt, given, messages, err)
			: say_template(name, given, messages, err);
	if (status != CUA_OK) {
		cJSON_Delete(whole);
		return status;
	}
	result->whole = whole;
	return CUA_OK;
}

int mcp_serve_get_prompt(struct mcp_serve_asked *asked)
{
	static const struct mcp_serve_tool method = {
		.name = "prompts/get", .run = get_prompt, .is_method = true
	};
	const cJSON *arguments = cua_json_member(asked->message->params, "arguments");
	if (!asked->message->name) {
		return mcp_serve_wrong_params(asked, "name must be a string");
	}
	if (arguments && !cJSON_IsObject(arguments)) {
		return mcp_serve_wrong_params(asked, "arguments must be an object");
	}
	return mcp_serve_begin(asked, &method);
}
