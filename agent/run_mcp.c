/* Servers of the Model Context Protocol in a run: what they offer becomes functions beside the
 * tools, and a call of one is a call like any other. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/event.h"
#include "agent/mcp/mcp_client.h"
#include "agent/mcp/mcp_schema.h"
#include "agent/model/picture.h"
#include "agent/run_internal.h"
#include "cua/base/buffer.h"
#include "cua/base/json.h"
#include "cua/base/names.h"
#include "cua/base/util.h"

#define PREFIX "mcp_" /* of their functions, and of no tool */
#define HELP_MAX 1024 /* bytes of a description that every model API takes */
#define WORDS_MAX ((size_t)1 << 20)

/* A call's events of progress come ever further apart, so that one of ten minutes has some seventy.
 */
#define PROGRESS_STEP_US 250000U
#define QUESTIONS_MAX 8 /* of a server in a call */

struct run_mcp {
	struct agent_mcp *servers;
	struct agent_mcp_target target; /* what the last request was about */
	const struct agent_call *call;  /* that is under way; NULL: none */
	unsigned int progress_count;    /* events of it */
	unsigned int question_count;    /* that its server asked of a person */
	uint64_t next_progress_us;
};

/* --- which --- */

enum cua_status cua_agent_check_mcp(const char *names, struct cua_error *err)
{
	struct agent_mcp_config config;
	const bool is_all = strcmp(names, "all") == 0;
	if (strcmp(names, "none") == 0) {
		return CUA_OK;
	}
	/* Of those that nobody named, one with a mistake is not offered, and the run says so. */
	enum cua_status status = is_all ? agent_mcp_config_load_usable(NULL, NULL, &config, err)
					: agent_mcp_config_load(NULL, names, &config, err);
	if (status != CUA_OK) {
		return status;
	}
	const char *at = is_all ? "" : names, *one = NULL;
	size_t len = 0;
	while (status == CUA_OK && cua_names_next(&at, &one, &len)) {
		size_t i = 0;
		while (i < config.count &&
				(strlen(config.entries[i].name) != len ||
						strncmp(config.entries[i].name, one, len) != 0)) {
			i++;
		}
		if (i == config.count) {
			status = CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0,
					"there is no server \"%.*s\"; cua mcp-servers list has "
					"them",
					(int)(len < 64 ? len : 64), one);
		}
	}
	agent_mcp_config_finish(&config);
	return status;
}

char *run_mcp_names(const cJSON *events)
{
	const cJSON *event = NULL, *server = NULL;
	CUA_AUTO_BUFFER struct cua_buffer names;
	cua_buffer_init(&names, WORDS_MAX);
	cJSON_ArrayForEach (event, events) {
		if (!agent_event_is(event, "mcp")) {
			continue;
		}
		cJSON_ArrayForEach (server, cua_json_member(event, "servers")) {
			if (cua_buffer_printf(&names, NULL, "%s%s", names.len ? "," : "",
					    cua_json_text(server, "name")) != CUA_OK) {
				return NULL;
			}
		}
		return strdup(names.len ? names.data : "none");
	}
	const char *chosen = cua_json_string(events->child, "mcp");
	return strdup(chosen ? chosen : "none");
}

/* --- what is offered --- */

/* At the start of a character. */
static void cut(char *text)
{
	size_t len = strlen(text);
	if (len > HELP_MAX) {
		static const char mark[] = " [cut]";
		len = HELP_MAX - (sizeof(mark) - 1);
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) {
			len--;
		}
		memcpy(text + len, mark, sizeof(mark));
	}
}

static bool add_function(cJSON *functions, const struct agent_mcp_function *offered)
{
	CUA_AUTO_FREE char *help = strdup(offered->description);
	CUA_AUTO_JSON cJSON *function = cJSON_CreateObject();
	cJSON *parameters = cJSON_Duplicate(offered->parameters, true);
	if (!help || !cJSON_AddItemToObject(function, "parameters", parameters)) {
		cJSON_Delete(parameters);
		return false;
	}
	cut(help);
	mcp_schema_fit(parameters);
	return cJSON_AddStringToObject(function, "name", offered->name) &&
			cJSON_AddStringToObject(function, "description", help) &&
			cJSON_AddItemToArray(functions, CUA_STEAL(function));
}

static bool add_functions(struct agent_run *run)
{
	struct agent_mcp_function offered;
	for (size_t i = 0; agent_mcp_function(run->mcp->servers, i, &offered); i++) {
		if (!add_function(run->functions, &offered)) {
			struct cua_error why = { 0 };
			cua_error_set(&why, CUA_ERR_NOMEM, ENOMEM, "functions of servers");
			run_end_desktop(run, &why);
			return false;
		}
	}
	return true;
}

/* --- with the run --- */

static void hear_trouble(const char *server, const char *what, void *user_data)
{
	struct agent_run *run = user_data;
	(void)run_note_mcp_trouble(run, server, what);
}

static void hear_progress(
		const char *server, const struct agent_mcp_progress *progress, void *user_data)
{
	struct agent_run *run = user_data;
	struct run_mcp *mcp = run->mcp;
	const uint64_t now_us = cua_now_us();
	if (!mcp->call || now_us < mcp->next_progress_us) {
		return;
	}
	mcp->next_progress_us = now_us + PROGRESS_STEP_US * ++mcp->progress_count;
	(void)run_note_progress(run, mcp->call, server, progress);
}

/* Not while servers are started: nobody has called them yet. */
static cJSON *hear_question(const char *server, const cJSON *params, void *user_data)
{
	struct agent_run *run = user_data;
	struct run_mcp *mcp = run->mcp;
	return mcp->call && mcp->question_count++ < QUESTIONS_MAX
			? run_elicit(run, mcp->call, server, params)
			: NULL;
}

static bool note_servers(struct agent_run *run)
{
	cJSON *list = cJSON_CreateArray();
	struct agent_mcp_standing standing;
	for (size_t i = 0; agent_mcp_standing(run->mcp->servers, i, &standing); i++) {
		cJSON *server = cJSON_CreateObject();
		cJSON_AddStringToObject(server, "name", standing.server);
		cJSON_AddBoolToObject(server, "usable", standing.is_usable);
		cJSON_AddNumberToObject(server, "tools", (double)standing.tools);
		cJSON_AddItemToArray(list, server);
	}
	return run_note_mcp(run, list);
}

bool run_mcp_open(struct agent_run *run)
{
	const char *names = run->options->mcp;
	struct cua_error why = { 0 };
	if (!names || strcmp(names, "none") == 0) {
		return true;
	}
	const struct agent_mcp_options options = {
		.only = strcmp(names, "all") == 0 ? NULL : names,
		.server = { .cancel_fd = run->stop_fd,
				.deadline_us = run->deadline_us == UINT64_MAX ? 0
									      : run->deadline_us,
				.on_elicit = run->options->ask ? hear_question : NULL,
				.on_progress = hear_progress,
				.user_data = run },
		.on_trouble = hear_trouble,
		.user_data = run,
	};
	run->mcp = calloc(1, sizeof(*run->mcp));
	if (!run->mcp) {
		cua_error_set(&why, CUA_ERR_NOMEM, ENOMEM, "servers");
		run_end_desktop(run, &why);
		return false;
	}
	const enum cua_status status = agent_mcp_open(&options, &run->mcp->servers, &why);
	if (status == CUA_ERR_NOT_FOUND) { /* a run goes on, and they were removed meanwhile */
		run_mcp_close(run);
		return run_note_mcp_trouble(run, names, why.msg);
	}
	if (status != CUA_OK) {
		run_end_desktop(run, &why);
		return false;
	}
	return !run->is_over && note_servers(run) && add_functions(run);
}

void run_mcp_set_deadline(struct agent_run *run)
{
	if (run->mcp) {
		agent_mcp_set_deadline(run->mcp->servers, run->deadline_us);
	}
}

void run_mcp_close(struct agent_run *run)
{
	if (run->mcp) {
		agent_mcp_close(run->mcp->servers);
		free(run->mcp);
		run->mcp = NULL;
	}
}

/* --- a call --- */

bool run_mcp_has(const struct agent_run *run, const struct agent_call *call)
{
	return run->mcp && call->kind == AGENT_CALL_TOOL &&
			strncmp(call->tool, PREFIX, strlen(PREFIX)) == 0;
}

bool run_mcp_request(struct agent_run *run, const struct agent_call *call,
		struct run_request *ret_request, char *problem, size_t size)
{
	struct agent_mcp_target *target = &run->mcp->target;
	struct cua_error why = { 0 };
	if (agent_mcp_resolve(run->mcp->servers, call->tool, call->tool_arguments, target, &why) !=
			CUA_OK) {
		snprintf(problem, size, "%s", why.msg);
		return false;
	}
	/* Looking up names reads what a person has approved, and asks no server. */
	const bool is_look_up = !target->server[0];
	*ret_request = (struct run_request){ .call = call,
		.tool = is_look_up ? call->tool : "mcp",
		.arguments = target->arguments,
		.server = is_look_up ? NULL : target->server,
		.server_tool = is_look_up ? NULL : target->tool,
		.network = target->network };
	return true;
}

/* The first picture that every model API takes; the others are counted. */
static enum cua_status take_pictures(struct agent_outcome *outcome, struct agent_mcp_result *result,
		struct cua_buffer *words, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (size_t i = 0; status == CUA_OK && !outcome->picture.base64 && i < result->image_count;
			i++) {
		char why[300];
		if (!agent_picture_fits(&result->images[i], why, sizeof(why))) {
			status = cua_buffer_printf(words, err, "\n[%s]", why);
		} else {
			outcome->picture = result->images[i];
			result->images[i] = (struct agent_image){ 0 };
		}
	}
	return status == CUA_OK && result->image_count > 1
			? cua_buffer_printf(words, err,
					  "\n[%zu pictures came; the first that can be is shown]",
					  result->image_count)
			: status;
}

static enum cua_status take_result(struct agent_outcome *outcome, struct agent_mcp_result *result,
		struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer words;
	cua_buffer_init(&words, WORDS_MAX);
	enum cua_status status = cua_buffer_printf(&words, err, "%s%s",
			result->is_error ? "[the tool reports an error]\n" : "", result->text);
	if (status == CUA_OK) {
		status = take_pictures(outcome, result, &words, err);
	}
	cJSON_AddBoolToObject(outcome->answer, "has_own_image", outcome->picture.base64 != NULL);
	if (result->is_error) {
		cJSON_AddBoolToObject(outcome->answer, "is_error", true);
	}
	if (status == CUA_OK && words.len == 0) { /* an empty text is none to some model APIs */
		status = cua_buffer_printf(&words, err, "[no text]");
	}
	if (status == CUA_OK && !cJSON_AddStringToObject(outcome->answer, "words", words.data)) {
		status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer of a server");
	}
	return status;
}

enum cua_status run_mcp_call(struct agent_run *run, const struct run_request *request,
		struct agent_outcome *ret_outcome, struct cua_error *err)
{
	struct agent_mcp_result result = { 0 };
	struct cua_error why = { 0 };
	const uint64_t begun_us = cua_now_us();
	*ret_outcome = (struct agent_outcome){ .failed_action = -1,
		.answer = cJSON_CreateObject() };
	cJSON_AddStringToObject(ret_outcome->answer, "server",
			request->server ? request->server : request->tool);
	run->mcp->call = request->call;
	run->mcp->progress_count = run->mcp->question_count = 0;
	run->mcp->next_progress_us = 0;
	enum cua_status status = agent_mcp_call(run->mcp->servers, &run->mcp->target, &result,
			&ret_outcome->is_uncertain, &why);
	run->mcp->call = NULL;
	ret_outcome->ms = (double)(cua_now_us() - begun_us) / 1000.0;
	if (status == CUA_OK) {
		status = take_result(ret_outcome, &result, err);
		agent_mcp_result_finish(&result);
		return status;
	}
	if (status == CUA_ERR_CANCELLED || status == CUA_ERR_NOMEM) {
		*err = why;
		return status;
	}
	/* It costs this call. */
	ret_outcome->status = status;
	snprintf(ret_outcome->message, sizeof(ret_outcome->message), "%s", why.msg);
	return CUA_OK;
}
