/* Where news of resources come from: of a screen its desktop tells, of runs the folders they write.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/runs.h"
#include "cua/base/json.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_runs_internal.h"

#define ANSWER_MS 5000
#define RUNS_MOST 100 /* the newest */

/* --- of a desktop --- */

/* The head of the answer, and its first line: from then on nothing is missed. */
static enum cua_status await_first(int fd, struct cua_error *err)
{
	char text[2048] = "";
	size_t len = 0;
	const uint64_t deadline_us = cua_now_us() + ANSWER_MS * 1000U;
	for (const char *body = NULL; !body || !strchr(body, '\n');) {
		struct pollfd readable = { .fd = fd, .events = POLLIN };
		const int left_ms = cua_ms_until(deadline_us);
		const ssize_t got = left_ms > 0 && poll(&readable, 1, left_ms) > 0
				? read(fd, text + len, sizeof(text) - 1 - len)
				: -1;
		if (got <= 0) {
			break;
		}
		len += (size_t)got;
		text[len] = '\0';
		body = strstr(text, "\r\n\r\n");
		body = body ? body + 4 : NULL;
	}
	if (strncmp(text, "HTTP/1.1 200", 12) == 0 && strstr(text, "\"changed\"")) {
		return CUA_OK;
	}
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(strchr(text, '{') ? strchr(text, '{') : "");
	const char *why = cua_json_string(cua_json_member(json, "error"), "message");
	return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "%s",
			why ? why : "the desktop does not tell of its changes");
}

int mcp_serve_screen_news(const struct mcp_serve_resource *resource, const struct mcp_serve *serve,
		const void *client, const char *variable, struct cua_error *err)
{
	struct mcp_serve_desktop desktop;
	char head[128];
	CUA_AUTO_FD int fd = -1;
	(void)client;
	enum cua_status status = serve->options.open_desktop(
			variable, &desktop, serve->options.user_data, err);
	if (status == CUA_OK) {
		status = cua_unix_connect(desktop.socket_path, SOCK_STREAM, &fd, err);
	}
	if (status != CUA_OK) {
		return -1;
	}
	const int len = snprintf(head, sizeof(head),
			"GET /v1/changes?of=%s HTTP/1.1\r\nHost: desktop\r\n\r\n", resource->news);
	if (send(fd, head, (size_t)len, MSG_NOSIGNAL) != len) {
		cua_error_set(err, CUA_ERR_CLOSED, errno, "the desktop");
		return -1;
	}
	if (await_first(fd, err) != CUA_OK || fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		return -1;
	}
	return cua_steal_fd(&fd);
}

/* --- of runs --- */

static int open_notify(struct cua_error *err)
{
	const int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0) {
		cua_error_set(err, CUA_ERR_IO, errno, "inotify");
	}
	return fd;
}

/* Of one that is over nothing comes. */
int mcp_serve_run_news(const struct mcp_serve_resource *resource, const struct mcp_serve *serve,
		const void *client, const char *variable, struct cua_error *err)
{
	CUA_AUTO_FREE char *run_path = NULL;
	CUA_AUTO_FD int dir_fd = mcp_serve_open_run(variable, &run_path, err);
	(void)resource;
	(void)serve;
	(void)client;
	CUA_AUTO_FD int fd = dir_fd < 0 ? -1 : open_notify(err);
	if (fd < 0) {
		return -1;
	}
	if (inotify_add_watch(fd, run_path, IN_MODIFY | IN_MOVED_TO | IN_DELETE_SELF) < 0) {
		cua_error_set(err, CUA_ERR_IO, errno, "%s", run_path);
		return -1;
	}
	return cua_steal_fd(&fd);
}

static int is_run(const struct dirent *entry)
{
	return agent_runs_is_name(entry->d_name);
}

/* Names sort by time. */
int mcp_serve_runs_news(const struct mcp_serve_resource *resource, const struct mcp_serve *serve,
		const void *client, const char *variable, struct cua_error *err)
{
	CUA_AUTO_FREE char *dir = NULL;
	struct dirent **entries = NULL;
	(void)resource;
	(void)serve;
	(void)client;
	(void)variable;
	CUA_AUTO_FD int fd = agent_runs_dir(&dir, err) == CUA_OK ? open_notify(err) : -1;
	if (fd < 0) {
		return -1;
	}
	(void)!mkdir(dir, 0700); /* none has run yet */
	if (inotify_add_watch(fd, dir, IN_CREATE | IN_DELETE | IN_MOVE) < 0) {
		cua_error_set(err, CUA_ERR_IO, errno, "%s", dir);
		return -1;
	}
	const int count = scandir(dir, &entries, is_run, alphasort);
	for (int i = 0; i < count; i++) {
		char path[CUA_PATH_MAX + 32];
		snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
		if (i >= count - RUNS_MOST) { /* one that goes meanwhile is told of by its folder */
			(void)!inotify_add_watch(fd, path, IN_MODIFY | IN_MOVED_TO);
		}
		free(entries[i]);
	}
	free(entries);
	return cua_steal_fd(&fd);
}
