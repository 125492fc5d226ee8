/* Runs as they stand: those that go on by their API, those that are over by what they left. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "agent/event.h"
#include "agent/journal_read.h"
#include "agent/runs.h"
#include "agent/secrets/redact.h"
#include "agent/secrets/store.h"
#include "cua/base/http_unix.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_runs_internal.h"

#define TIMEOUT_MS 5000
/* A run writes down what it is about to do, then does it: after news it is asked once more. */
#define AFTER_NEWS_MS 100

int mcp_serve_open_run(const char *run, char **ret_path, struct cua_error *err)
{
	if (agent_runs_find(run, ret_path, err) != CUA_OK) {
		return -1;
	}
	const int fd = open(*ret_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		cua_error_set(err, CUA_ERR_IO, errno, "%s", *ret_path);
	}
	return fd;
}

/* --- a run that goes on --- */

/* CUA_ERR_CLOSED: nobody listens there. */
static enum cua_status ask(const char *run_path, const char *method, const char *path,
		const cJSON *body, cJSON **ret_state, struct cua_error *err)
{
	char socket_path[CUA_PATH_MAX];
	enum cua_status status = agent_runs_socket(
			strrchr(run_path, '/') + 1, socket_path, sizeof(socket_path), err);
	return status == CUA_OK ? cua_http_unix_json(socket_path, method, path, body, TIMEOUT_MS,
						  ret_state, err)
				: status;
}

enum cua_status mcp_serve_run_request(const char *run, const char *method, const char *path,
		const cJSON *body, cJSON **ret_state, struct cua_error *err)
{
	CUA_AUTO_FREE char *run_path = NULL;
	CUA_AUTO_FD int dir_fd = mcp_serve_open_run(run, &run_path, err);
	if (dir_fd < 0) {
		return err->status;
	}
	enum cua_status status = ask(run_path, method, path, body, ret_state, err);
	if (status == CUA_ERR_CLOSED) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "run %s %s", strrchr(run_path, '/') + 1,
				agent_journal_is_held(dir_fd)
						? "is starting or ending: it cannot be reached now"
						: "does not go on; run_status tells what became of "
						  "it");
	}
	return status;
}

/* --- one that is over --- */

enum cua_status mcp_serve_open_redactor(struct agent_redactor **ret_redactor, struct cua_error *err)
{
	struct agent_secrets *secrets = NULL;
	enum cua_status status = agent_secrets_open(&secrets, err);
	if (status == CUA_OK) {
		status = agent_redactor_create(secrets, ret_redactor, err);
		agent_secrets_close(secrets);
	}
	return status;
}

static enum cua_status keep_end(cJSON **event, void *user_data, struct cua_error *err)
{
	cJSON **end = user_data;
	(void)err;
	if (agent_event_is(*event, "run_end")) {
		cJSON_Delete(*end);
		*end = CUA_STEAL(*event);
	}
	return CUA_OK;
}

/* What it came to, and its last words. */
static enum cua_status summarise(
		const char *run_path, int dir_fd, cJSON **ret_state, struct cua_error *err)
{
	struct agent_run_summary summary;
	struct agent_redactor *redactor = NULL;
	CUA_AUTO_JSON cJSON *end = NULL;
	enum cua_status status = agent_run_summarise(run_path, &summary, err);
	if (status != CUA_OK) {
		return status;
	}
	status = mcp_serve_open_redactor(&redactor, err);
	if (status == CUA_OK) {
		status = agent_journal_each(dir_fd, keep_end, &end, err);
	}
	cJSON *state = status == CUA_OK ? agent_run_summary_json(&summary) : NULL;
	const char *answer = cua_json_string(end, "answer");
	const char *problem = cua_json_string(cua_json_member(end, "error"), "message");
	if (state && answer) {
		cJSON_AddStringToObject(state, "answer", answer);
	}
	if (state && problem) {
		cJSON_AddStringToObject(state, "error", problem);
	}
	agent_redact_json(redactor, state);
	agent_redactor_destroy(redactor);
	agent_run_summary_finish(&summary);
	if (status == CUA_OK && !state) {
		status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "run");
	}
	*ret_state = state;
	return status;
}

enum cua_status mcp_serve_run_list(int most, cJSON **ret_list, struct cua_error *err)
{
	struct agent_run_summary *runs = NULL;
	struct agent_redactor *redactor = NULL;
	size_t count = 0;
	enum cua_status status = mcp_serve_open_redactor(&redactor, err);
	if (status == CUA_OK) {
		status = agent_runs_list(&runs, &count, err);
	}
	if (status == CUA_OK) {
		cJSON *list = cJSON_CreateObject();
		cJSON *items = cJSON_AddArrayToObject(list, "runs");
		for (size_t i = count > (size_t)most ? count - (size_t)most : 0; i < count; i++) {
			cJSON_AddItemToArray(items, agent_run_summary_json(&runs[i]));
		}
		cJSON_AddNumberToObject(list, "of", (double)count);
		agent_redact_json(redactor, list);
		*ret_list = list;
		agent_runs_free(runs, count);
	}
	agent_redactor_destroy(redactor);
	return status;
}

/* --- waiting --- */

/* Of a run that works or is paused, there is nothing to do but to wait. */
static bool waits_for_us(const cJSON *state)
{
	const char *name = cua_json_text(state, "state");
	return strcmp(name, "working") != 0 && strcmp(name, "paused") != 0;
}

static int watch(const char *run_path)
{
	char path[CUA_PATH_MAX + 32];
	snprintf(path, sizeof(path), "%s/events.jsonl", run_path);
	const int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd >= 0 && inotify_add_watch(fd, path, IN_MODIFY | IN_CLOSE_WRITE) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Until the run writes something, or the time is over; *news: it did. CUA_ERR_CANCELLED. */
static enum cua_status await_news(struct mcp_serve_call *call, int watch_fd, uint64_t deadline_us,
		bool *news, struct cua_error *err)
{
	const int left_ms = cua_ms_until(deadline_us);
	struct pollfd fds[] = { { .fd = watch_fd, .events = POLLIN },
		{ .fd = call->cancel_fd, .events = POLLIN } };
	const int ready = poll(fds, CUA_ARRAY_LEN(fds),
			*news && left_ms > AFTER_NEWS_MS ? AFTER_NEWS_MS : left_ms);
	if (ready < 0 && errno != EINTR) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "poll");
	}
	if (ready > 0 && fds[1].revents) {
		return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "cancelled");
	}
	*news = ready > 0 && fds[0].revents;
	char events[4096];
	while (*news && read(watch_fd, events, sizeof(events)) > 0) {
	}
	return CUA_OK;
}

enum cua_status mcp_serve_run_state(struct mcp_serve_call *call, const char *run, int wait_s,
		cJSON **ret_state, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + (uint64_t)wait_s * 1000000U;
	CUA_AUTO_FREE char *run_path = NULL;
	CUA_AUTO_FD int dir_fd = mcp_serve_open_run(run, &run_path, err);
	CUA_AUTO_FD int watch_fd = dir_fd >= 0 ? watch(run_path) : -1;
	bool news = true;
	if (dir_fd < 0) {
		return err->status;
	}
	for (;;) {
		CUA_AUTO_JSON cJSON *state = NULL;
		enum cua_status status = ask(run_path, "GET", "/v1/run", NULL, &state, err);
		const bool is_over = status == CUA_ERR_CLOSED ||
				(status == CUA_OK &&
						strcmp(cua_json_text(state, "state"), "ending") ==
								0);
		if (is_over) {
			return summarise(run_path, dir_fd, ret_state, err);
		}
		if (status != CUA_OK) {
			return status;
		}
		if (waits_for_us(state) || watch_fd < 0 || cua_ms_until(deadline_us) == 0) {
			*ret_state = CUA_STEAL(state);
			return CUA_OK;
		}
		status = await_news(call, watch_fd, deadline_us, &news, err);
		if (status != CUA_OK) {
			return status;
		}
	}
}
