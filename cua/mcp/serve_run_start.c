/* Starting a run: `cua run --detach`, as a person would. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/process.h"
#include "cua/base/program.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_runs_internal.h"

#define START_MS 60000 /* a desktop starts in far less */
#define SAID_MAX 4096

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
	const char *value = run_argument(call, name);
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

enum cua_status mcp_serve_run_start(
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
	add_word(&words, run_argument(call, "task"));
	if (status == CUA_OK) {
		status = start(&words, name, err);
	}
	if (status == CUA_OK) {
		mcp_serve_log(call, MCP_SERVE_INFO, "run", "run %s has begun", name);
	}
	if (status == CUA_OK && !mcp_serve_call_is_open(call)) { /* nobody would know of it */
		return mcp_serve_run_request(name, "POST", "/v1/run/cancel", NULL, &state, err);
	}
	if (status == CUA_OK) {
		status = mcp_serve_run_state(call, name, 0, &state, err);
	}
	if (status == CUA_OK) {
		mcp_serve_answer_state(call, state, result);
	}
	return status;
}
