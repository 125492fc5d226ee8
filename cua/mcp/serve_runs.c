/* Runs of models of cua: listed, asked how they stand, told something, interrupted, paused,
 * cancelled. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "agent/tools/tool.h"
#include "cua/base/file.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_runs_internal.h"

#define PICTURE_MAX ((size_t)8 << 20)
#define LIST_MOST 20

/* A tool of a run: what it takes is described as that of other tools is. */
struct run_tool {
	struct tool tool;    /* without run() */
	unsigned int groups; /* of enum mcp_serve_group */
	enum cua_status (*run)(struct mcp_serve_call *call, struct mcp_serve_result *result,
			struct cua_error *err);
	const char *path; /* of request(), below */
};

static const struct run_tool *row_of(const struct mcp_serve_call *call)
{
	return call->tool->subject;
}

/* --- how it stands --- */

/* What a person is to decide on, as they would see it. */
static void add_picture(struct mcp_serve_result *result, const cJSON *state)
{
	const char *path = cua_json_string(cua_json_member(state, "question"), "picture");
	CUA_AUTO_BUFFER struct cua_buffer file;
	cua_buffer_init(&file, PICTURE_MAX);
	if (!path || cua_file_read(path, &file, NULL) != CUA_OK) {
		return;
	}
	const size_t size = sodium_base64_encoded_len(file.len, sodium_base64_VARIANT_ORIGINAL);
	CUA_AUTO_FREE char *base64 = malloc(size);
	if (base64) {
		sodium_bin2base64(base64, size, (const unsigned char *)file.data, file.len,
				sodium_base64_VARIANT_ORIGINAL);
		mcp_serve_add_image(result, base64, "image/png");
	}
}

/* A model that is not to answer says who can. */
static void tell_who_answers(
		struct mcp_serve_call *call, const cJSON *state, struct mcp_serve_result *result)
{
	const cJSON *question = cua_json_member(state, "question");
	char text[400];
	if (!cJSON_IsObject(question)) {
		return;
	}
	mcp_serve_log(call, MCP_SERVE_NOTICE, "run", "run %s waits for a person: %s %s",
			cua_json_text(state, "run"), cua_json_text(question, "kind"),
			cua_json_text(question, "id"));
	if (call->session->serve->takes_word) {
		return;
	}
	snprintf(text, sizeof(text),
			"The run waits for a person: run_answer asks them. They can also answer "
			"with: "
			"cua runs answer %s %s %s",
			cua_json_text(state, "run"), cua_json_text(question, "id"),
			run_asks_approval(question) ? "yes|no" : "\"TEXT\"");
	mcp_serve_add_text(result, text);
}

void mcp_serve_answer_state(
		struct mcp_serve_call *call, cJSON *state, struct mcp_serve_result *result)
{
	mcp_serve_add_structured(result, state);
	add_picture(result, state);
	tell_who_answers(call, state, result);
}

static enum cua_status run_status(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	cJSON *state = NULL;
	enum cua_status status = mcp_serve_run_state(call, run_argument(call, "run"),
			cua_json_int(call->arguments, "wait_s"), &state, err);
	if (status == CUA_OK) {
		mcp_serve_answer_state(call, state, result);
	}
	return status;
}

static enum cua_status run_list(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	cJSON *list = NULL;
	const int most = cua_json_int(call->arguments, "most");
	enum cua_status status = mcp_serve_run_list(most > 0 ? most : LIST_MOST, &list, err);
	if (status == CUA_OK) {
		mcp_serve_add_structured(result, list);
	}
	return status;
}

/* One request of its API; arguments but the run are the members of its body. */
static enum cua_status request(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	cJSON *state = NULL;
	CUA_AUTO_JSON cJSON *body = cJSON_Duplicate(call->arguments, true);
	cJSON_DeleteItemFromObjectCaseSensitive(body, "run");
	enum cua_status status = mcp_serve_run_request(
			run_argument(call, "run"), "POST", row_of(call)->path, body, &state, err);
	if (status != CUA_OK) {
		cJSON_Delete(state);
		return status;
	}
	mcp_serve_answer_state(call, state, result);
	return CUA_OK;
}

/* --- the table --- */

#define ARG_RUN \
	{ \
		"run", TOOL_ARG_STRING, .required = true, .min = 1, .max = 128, \
					.help = "as run_start or run_list names it, or last" \
	}

static const struct run_tool run_tools[] = {
	{ { .name = "run_start",
			  .help = "Let a model of cua's own do a task, on a desktop of its own and "
				  "under "
				  "the user's policy. Answers at once; run_status waits for what "
				  "comes of "
				  "it. It costs what its model costs.",
			  .effect = CUA_EFFECT_CHANGES | CUA_EFFECT_DESTROYS |
					  CUA_EFFECT_REACHES_OUT,
			  .args = { { "task", TOOL_ARG_STRING, .required = true, .min = 1,
						    .max = 65536, .help = "what is to be done" },
					  { "model", TOOL_ARG_STRING, .min = 1, .max = 200,
							  .help = "its name; without it the one "
								  "that is configured" },
					  { "template", TOOL_ARG_STRING, .min = 1, .max = 200,
							  .help = "of cua templates: a kind of "
								  "work" },
					  { "tools", TOOL_ARG_STRING, .min = 1, .max = 1000,
							  .help = "beside the computer: names with "
								  "commas, or all" },
					  { "here", TOOL_ARG_BOOLEAN,
							  .help = "on the desktop of these tools, "
								  "which the run then shares; a "
								  "desktop of its own goes with "
								  "its "
								  "files when the run ends" },
					  { "max_steps", TOOL_ARG_INTEGER, .min = 1, .max = 100000,
							  .help = "end after so "
								  "many" },
					  { "max_time_s", TOOL_ARG_INTEGER, .min = 1,
							  .max = 1000000,
							  .help = "end after so many seconds" },
					  { "max_cost_usd", TOOL_ARG_STRING, .min = 1, .max = 20,
							  .help = "end after so much: 0.50" } } },
			MCP_SERVE_RUNS, mcp_serve_run_start, NULL },
	{ { .name = "run_list",
			  .help = "Runs that were kept, the newest last: what they were to do, how "
				  "they "
				  "stand, what they cost.",
			  .args = { { "most", TOOL_ARG_INTEGER, .min = 1, .max = 1000,
					  .help = "so many; 20 if not given" } } },
			MCP_SERVE_RUNS, run_list, NULL },
	{ { .name = "run_status",
			  .help = "How a run stands: working, asking a question, paused, or what "
				  "it "
				  "came to, with its answer.",
			  .args = { ARG_RUN,
					  { "wait_s", TOOL_ARG_INTEGER, .max = 600,
							  .help = "wait until it asks or has "
								  "ended, "
								  "for so many seconds at "
								  "most" } } },
			MCP_SERVE_RUNS, run_status, NULL },
	{ { .name = "run_tell",
			  .help = "Tell a run that goes on something; its model hears it before "
				  "its next "
				  "answer.",
			  .effect = CUA_EFFECT_CHANGES,
			  .args = { ARG_RUN,
					  { "text", TOOL_ARG_STRING, .required = true, .min = 1,
							  .max = 65536, .help = "what" } } },
			MCP_SERVE_RUNS, request, "/v1/run/messages" },
	{ { .name = "run_interrupt",
			  .help = "Break off what a run is saying or doing just now, and tell it "
				  "what to do instead; without a text it waits for run_tell.",
			  .effect = CUA_EFFECT_CHANGES,
			  .args = { ARG_RUN,
					  { "text", TOOL_ARG_STRING, .min = 1, .max = 65536,
							  .help = "what" } } },
			MCP_SERVE_RUNS, request, "/v1/run/interrupt" },
	{ { .name = "run_pause",
			  .help = "Let a run wait before its next call.",
			  .effect = CUA_EFFECT_CHANGES | CUA_EFFECT_ONCE,
			  .args = { ARG_RUN } },
			MCP_SERVE_RUNS, request, "/v1/run/pause" },
	{ { .name = "run_continue",
			  .help = "Let a run that was paused go on.",
			  .effect = CUA_EFFECT_CHANGES | CUA_EFFECT_ONCE | CUA_EFFECT_REACHES_OUT,
			  .args = { ARG_RUN } },
			MCP_SERVE_RUNS, request, "/v1/run/resume" },
	{ { .name = "run_cancel",
			  .help = "End a run; what it has done stays.",
			  .effect = CUA_EFFECT_CHANGES | CUA_EFFECT_DESTROYS | CUA_EFFECT_ONCE,
			  .args = { ARG_RUN } },
			MCP_SERVE_RUNS, request, "/v1/run/cancel" },
	{ { .name = "run_answer",
			  .help = "Have the user answer the question that run_status shows: the "
				  "host asks "
				  "them, if it can.",
			  .effect = CUA_EFFECT_CHANGES | CUA_EFFECT_DESTROYS |
					  CUA_EFFECT_REACHES_OUT,
			  .args = { ARG_RUN,
					  { "question", TOOL_ARG_STRING, .required = true, .min = 1,
							  .max = 128, .help = "its id" },
					  { "answer", TOOL_ARG_STRING, .min = 1, .max = 65536,
							  .help = "as the user said it: of an "
								  "approval "
								  "yes or no, else any text. It "
								  "only "
								  "counts if this server was "
								  "started "
								  "so" } } },
			MCP_SERVE_RUNS | MCP_SERVE_APPROVALS, mcp_serve_run_answer, NULL },
};

/* Arguments that no API checks are checked here. */
static enum cua_status run(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	enum cua_status status = tool_check(&row_of(call)->tool, call->arguments, err);
	return status == CUA_OK ? row_of(call)->run(call, result, err) : status;
}

enum cua_status mcp_serve_add_runs(struct mcp_serve *serve, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (size_t i = 0; status == CUA_OK && i < CUA_ARRAY_LEN(run_tools); i++) {
		const struct run_tool *row = &run_tools[i];
		const struct mcp_serve_tool tool = { .name = row->tool.name,
			.help = row->tool.help,
			.group = row->groups,
			.effect = row->tool.effect,
			.subject = row,
			.run = run };
		status = mcp_serve_add(serve, &tool, tool_schema(&row->tool), NULL, err);
	}
	return status;
}
