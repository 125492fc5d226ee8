/* Runs of models of cua: started, told something, asked how they stand, answered. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>

#include "agent/tools/tool.h"
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/process.h"
#include "cua/base/program.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_internal.h"

#define START_MS 60000 /* a desktop starts in far less */
#define SAID_MAX 4096
#define PICTURE_MAX ((size_t)8 << 20)
#define LIST_MOST 20

/* A tool of a run: what it takes is described as that of other tools is. */
struct run_tool {
	struct tool tool; /* without run() */
	enum mcp_serve_group group;
	enum cua_status (*run)(struct mcp_serve_call *call, struct mcp_serve_result *result,
			struct cua_error *err);
	const char *path; /* of request(), below */
};

static const struct run_tool *row_of(const struct mcp_serve_call *call)
{
	return call->tool->subject;
}

static const char *argument(const struct mcp_serve_call *call, const char *name)
{
	return cua_json_string(call->arguments, name);
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

/* An approval is asked of a person; a model that is not to give it says who can. */
static void tell_who_answers(const struct mcp_serve_call *call, const cJSON *state,
		struct mcp_serve_result *result)
{
	const cJSON *question = cua_json_member(state, "question");
	char text[400];
	if (!cJSON_IsObject(question) || mcp_serve_find(call->session->serve, "run_answer")) {
		return;
	}
	snprintf(text, sizeof(text),
			"The run waits for a person's answer. They give it with: cua runs answer "
			"%s %s "
			"%s",
			cua_json_text(state, "run"), cua_json_text(question, "id"),
			strcmp(cua_json_text(question, "kind"), "approval") == 0 ? "yes|no"
										 : "\"TEXT\"");
	mcp_serve_add_text(result, text);
}

static enum cua_status answer_state(
		const struct mcp_serve_call *call, cJSON *state, struct mcp_serve_result *result)
{
	mcp_serve_add_structured(result, state);
	add_picture(result, state);
	tell_who_answers(call, state, result);
	return CUA_OK;
}

static enum cua_status run_status(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	cJSON *state = NULL;
	enum cua_status status = mcp_serve_run_state(call, argument(call, "run"),
			cua_json_int(call->arguments, "wait_s"), &state, err);
	return status == CUA_OK ? answer_state(call, state, result) : status;
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
			argument(call, "run"), "POST", row_of(call)->path, body, &state, err);
	if (status != CUA_OK) {
		cJSON_Delete(state);
		return status;
	}
	return answer_state(call, state, result);
}

/* --- starting one --- */

struct words {
	const char *list[32];
	size_t count;
};

static void add_word(struct words *words, const char *word)
{
	words->list[words->count++] = word;
}

static void add_option(struct words *words, const struct mcp_serve_call *call, const char *name,
		const char *option)
{
	const char *value = argument(call, name);
	if (value) {
		add_word(words, option);
		add_word(words, value);
	}
}

/* What a program says until it closes its output; false if it does not end in time. */
static bool hear(int out_fd, int err_fd, char *out, char *err)
{
	const uint64_t deadline_us = cua_now_us() + START_MS * 1000ULL;
	struct {
		char *text;
		size_t len;
	} said[2] = { { out, 0 }, { err, 0 } };
	struct pollfd fds[] = { { .fd = out_fd, .events = POLLIN },
		{ .fd = err_fd, .events = POLLIN } };
	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		const int left_ms = cua_ms_until(deadline_us);
		if (left_ms == 0 || (poll(fds, 2, left_ms) < 0 && errno != EINTR)) {
			return false;
		}
		for (int i = 0; i < 2; i++) {
			char rest[256];
			const size_t room = SAID_MAX - 1 - said[i].len;
			const ssize_t got = !fds[i].revents ? -2
					: room > 0
					? read(fds[i].fd, said[i].text + said[i].len, room)
					: read(fds[i].fd, rest, sizeof(rest));
			if (got == 0 || (got == -1 && errno != EINTR)) {
				fds[i].fd = -1;
			}
			said[i].len += got > 0 && room > 0 ? (size_t)got : 0;
		}
	}
	out[said[0].len] = err[said[1].len] = '\0';
	return true;
}

static void drop_prefix(char *text)
{
	static const char prefix[] = "cua run: ";
	text[strcspn(text, "\n") + strspn(text + strcspn(text, "\n"), "\n")] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (strncmp(text, prefix, strlen(prefix)) == 0) {
		memmove(text, text + strlen(prefix), strlen(text + strlen(prefix)) + 1);
	}
}

/* The name that it prints, or why there is none. */
static enum cua_status take_words(
		pid_t pid, int out_fd, int err_fd, char name[SAID_MAX], struct cua_error *err)
{
	char said[SAID_MAX] = "";
	int wait_status = 0;
	const bool has_ended = hear(out_fd, err_fd, name, said);
	if (!has_ended) {
		(void)kill(-pid, SIGKILL);
	}
	while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR) {
	}
	if (!has_ended) {
		return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0,
				"the run has not begun within %d s; run_list shows it if it does "
				"yet",
				START_MS / 1000);
	}
	name[strcspn(name, "\n")] = '\0';
	if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0 || !name[0]) {
		drop_prefix(said);
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "the run did not begin: %.400s",
				said[0] ? said : "cua run ended without a word");
	}
	return CUA_OK;
}

static enum cua_status spawn_run(const struct words *words, int out_fd, int err_fd, pid_t *ret_pid,
		struct cua_error *err)
{
	CUA_AUTO_FD int program_fd = cua_program_open("cua-run", err);
	CUA_AUTO_FD int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const struct cua_fd_map fds[] = { { null_fd, 0 }, { out_fd, 1 }, { err_fd, 2 } };
	const struct cua_spawn spawn = { .argv = words->list,
		.exec_fd = program_fd,
		.fds = fds,
		.fd_count = CUA_ARRAY_LEN(fds),
		.uid = (uid_t)-1,
		.new_session = true };
	return program_fd < 0         ? err->status
			: null_fd < 0 ? CUA_FAIL(err, CUA_ERR_IO, errno, "/dev/null")
				      : cua_spawn(&spawn, ret_pid, err);
}

static enum cua_status start(const struct words *words, char name[SAID_MAX], struct cua_error *err)
{
	int out[2], problems[2];
	pid_t pid = 0;
	if (pipe2(out, O_CLOEXEC) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "pipe");
	}
	CUA_AUTO_FD int out_fd = out[0];
	if (pipe2(problems, O_CLOEXEC) != 0) {
		close(out[1]);
		return CUA_FAIL(err, CUA_ERR_IO, errno, "pipe");
	}
	CUA_AUTO_FD int err_fd = problems[0];
	enum cua_status status = spawn_run(words, out[1], problems[1], &pid, err);
	close(out[1]);
	close(problems[1]);
	return status == CUA_OK ? take_words(pid, out_fd, err_fd, name, err) : status;
}

static enum cua_status run_start(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	struct words words = { { "cua-run", "--detach", "--attended" }, 3 };
	struct mcp_serve_desktop desktop = { 0 };
	char name[SAID_MAX] = "", steps[16], seconds[16];
	cJSON *state = NULL;
	enum cua_status status = CUA_OK;
	add_option(&words, call, "model", "--model");
	add_option(&words, call, "template", "--template");
	add_option(&words, call, "tools", "--tools");
	add_option(&words, call, "max_cost_usd", "--max-cost");
	if (cua_json_member(call->arguments, "max_steps")) {
		snprintf(steps, sizeof(steps), "%d", cua_json_int(call->arguments, "max_steps"));
		add_word(&words, "--max-steps");
		add_word(&words, steps);
	}
	if (cua_json_member(call->arguments, "max_time_s")) {
		snprintf(seconds, sizeof(seconds), "%d",
				cua_json_int(call->arguments, "max_time_s"));
		add_word(&words, "--max-time");
		add_word(&words, seconds);
	}
	if (cJSON_IsTrue(cua_json_member(call->arguments, "here"))) {
		status = mcp_serve_call_desktop(call, &desktop, err);
		add_word(&words, "--desktop");
		add_word(&words, desktop.name);
	}
	add_word(&words, "--");
	add_word(&words, argument(call, "task"));
	if (status == CUA_OK) {
		status = start(&words, name, err);
	}
	if (status == CUA_OK && !mcp_serve_call_is_open(call)) { /* nobody would know of it */
		return mcp_serve_run_request(name, "POST", "/v1/run/cancel", NULL, &state, err);
	}
	if (status == CUA_OK) {
		status = mcp_serve_run_state(call, name, 0, &state, err);
	}
	return status == CUA_OK ? answer_state(call, state, result) : status;
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
			MCP_SERVE_RUNS, run_start, NULL },
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
			  .help = "Answer the question that run_status shows, as the user has "
				  "decided: "
				  "never without having asked them.",
			  .effect = CUA_EFFECT_CHANGES | CUA_EFFECT_DESTROYS |
					  CUA_EFFECT_REACHES_OUT,
			  .args = { ARG_RUN,
					  { "question", TOOL_ARG_STRING, .required = true, .min = 1,
							  .max = 128, .help = "its id" },
					  { "answer", TOOL_ARG_STRING, .required = true, .min = 1,
							  .max = 65536,
							  .help = "of an approval yes or no, else "
								  "any "
								  "text" } } },
			MCP_SERVE_APPROVALS, request, "/v1/run/answer" },
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
			.group = row->group,
			.effect = row->tool.effect,
			.subject = row,
			.run = run };
		status = mcp_serve_add(serve, &tool, tool_schema(&row->tool), NULL, err);
	}
	return status;
}
