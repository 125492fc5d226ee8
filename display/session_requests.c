/* What the session is asked for, by those in session_protocol.h. */

#define CUA_LOG_MODULE "session"

#include "display/session_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "cua/base/file.h"
#include "cua/base/log.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "display/session_app.h"
#include "display/session_protocol.h"

#define OUTPUT_MAX 2048

static void on_client_closed(uv_handle_t *handle)
{
	struct client *client = handle->data;
	close(client->fd);
	free(client);
}

/* The program that goes with the connection. */
static void client_hang_up(const struct client *client)
{
	if (client->must_end && client->pid > 0) {
		kill(-client->pid, SIGKILL);
	} else if (client->has_terminal && client->pid > 0) {
		session_terminal_hang_up(client->pid);
	} else if (client->owns && client->pid > 0) {
		kill(-client->pid, SIGHUP);
		kill(-client->pid, SIGTERM);
	}
}

/* Shells and programs of people; not what the desktop's host and tools run by. */
static void hang_up_all(const struct session *session)
{
	const struct client *client = NULL;
	LIST_FOREACH(client, &session->clients, link)
	{
		if (!client->must_end) {
			client_hang_up(client);
		}
	}
}

static void client_close(struct client *client)
{
	client_hang_up(client);
	LIST_REMOVE(client, link);
	uv_poll_stop(&client->poll);
	uv_close((uv_handle_t *)&client->poll, on_client_closed);
}

/* fd: goes with it; -1: none. */
static void client_reply_fd(struct client *client, cJSON *reply, int fd)
{
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(reply);
	cJSON_Delete(reply);
	if (text) {
		(void)!cua_unix_send(client->fd, text, strlen(text), &fd, fd >= 0, NULL);
	}
}

static void client_reply(struct client *client, cJSON *reply)
{
	client_reply_fd(client, reply, -1);
}

static void client_reply_error(struct client *client, const struct cua_error *error)
{
	cJSON *reply = cJSON_CreateObject();
	cJSON_AddStringToObject(reply, "code", cua_status_name(error->status));
	cJSON_AddStringToObject(reply, "message", error->msg);
	client_reply(client, reply);
}

/* What to run: argv as given, or an application that is looked up. */
static enum cua_status resolve(
		const cJSON *request, struct display_app *ret_app, struct cua_error *err)
{
	const cJSON *app = cJSON_GetObjectItemCaseSensitive(request, "app");
	const cJSON *url = cJSON_GetObjectItemCaseSensitive(request, "url");
	const cJSON *argv = cJSON_GetObjectItemCaseSensitive(request, "argv");
	if (cJSON_IsString(app)) {
		return display_app_find(app->valuestring, ret_app, err);
	}
	if (cJSON_IsString(url)) {
		return display_app_for_url(url->valuestring, ret_app, err);
	}
	const int count = cJSON_IsArray(argv) ? cJSON_GetArraySize(argv) : 0;
	char **words = count > 0 ? calloc((size_t)count + 1, sizeof(*words)) : NULL;
	if (!words) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "no command");
	}
	*ret_app = (struct display_app){ .argv = words };
	for (int i = 0; i < count; i++) {
		const cJSON *word = cJSON_GetArrayItem(argv, i);
		words[i] = cJSON_IsString(word) ? strdup(word->valuestring) : NULL;
		if (!words[i]) {
			display_app_finish(ret_app);
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "argument %d is no string", i);
		}
	}
	return CUA_OK;
}

/* An absolute path to a program that has a wrapper in bin/ would go round its flags. */
static void prefer_wrapper(const struct session *session, char **program)
{
	const char *base = strrchr(*program, '/');
	char wrapper[512];
	if (!base) {
		return;
	}
	snprintf(wrapper, sizeof(wrapper), "%s/bin%s", session->options->dir, base);
	if (access(wrapper, X_OK) == 0) {
		char *preferred = strdup(wrapper);
		if (preferred) {
			free(*program);
			*program = preferred;
		}
	}
}

static enum cua_status client_start(struct client *client, struct display_app *app,
		const int fds[CUA_UNIX_FDS_MAX], struct cua_error *err)
{
	struct session *session = client->session;
	const char *const *argv = (const char *const *)app->argv;
	prefer_wrapper(session, &app->argv[0]);
	if (fds[0] < 0 || fds[1] < 0 || fds[2] < 0) {
		char name[32];
		snprintf(name, sizeof(name), "app-%03d.log", ++session->programs);
		snprintf(client->log_path, sizeof(client->log_path), "%s/log/%s",
				session->options->dir, name);
		return session_start_logged(
				session, argv, name, SESSION_APP, NULL, &client->pid, err);
	}
	client->owns = true;
	client->must_end = fds[3] >= 0;
	const struct cua_fd_map map[] = { { fds[0], 0 }, { fds[1], 1 }, { fds[2], 2 } };
	const struct cua_spawn spawn = { .argv = argv,
		.exec_fd = fds[3],
		.cwd = getenv("HOME"),
		.fds = map,
		.fd_count = 3,
		.uid = (uid_t)-1,
		.new_session = true,
		.oom_score_adj = client->must_end ? 0 : CUA_OOM_SCORE_EXPENDABLE };
	return cua_spawn(&spawn, &client->pid, err);
}

/* ret_other: the other end of its terminal, the caller's. */
static enum cua_status client_start_on_terminal(struct client *client, struct display_app *app,
		const cJSON *size, int *ret_other, struct cua_error *err)
{
	CUA_AUTO_FD int other = -1, terminal = -1;
	enum cua_status status = session_terminal_open(size, &other, &terminal, err);
	if (status != CUA_OK) {
		return status;
	}
	const struct cua_fd_map map[] = { { terminal, 0 }, { terminal, 1 }, { terminal, 2 } };
	const struct cua_spawn spawn = { .argv = (const char *const *)app->argv,
		.exec_fd = -1,
		.cwd = getenv("HOME"),
		.fds = map,
		.fd_count = 3,
		.uid = (uid_t)-1,
		.new_session = true,
		.has_terminal = true,
		.oom_score_adj = CUA_OOM_SCORE_EXPENDABLE };
	client->owns = client->has_terminal = true;
	status = cua_spawn(&spawn, &client->pid, err);
	*ret_other = status == CUA_OK ? cua_steal_fd(&other) : -1;
	return status;
}

/* Any process but those that the desktop stands on. */
static enum cua_status find_program(const struct session *session, const cJSON *number,
		pid_t *ret_pid, struct cua_error *err)
{
	const double value = number->valuedouble;
	const pid_t pid = value > 1 && value <= INT32_MAX ? (pid_t)value : 0;
	if (pid != value || pid <= 1 || pid == getpid() || pid == session->x_server ||
			pid == session->window_manager || pid == session->bus) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "process %.0f is not an application", value);
	}
	*ret_pid = pid;
	return CUA_OK;
}

static enum cua_status kill_program(
		const struct session *session, const cJSON *number, struct cua_error *err)
{
	pid_t pid = 0;
	enum cua_status status = find_program(session, number, &pid, err);
	if (status == CUA_OK && kill(pid, SIGKILL) != 0 && errno != ESRCH) {
		return CUA_FAIL(err, CUA_ERR_APP, errno, "process %d", (int)pid);
	}
	return status;
}

/* Not those that the desktop stands on: the X server, for one, is a client of its own. */
static enum cua_status slow_programs(
		struct session *session, const cJSON *numbers, struct cua_error *err)
{
	pid_t pids[SESSION_SLOW_MAX];
	int count = 0;
	const cJSON *number = NULL;
	cJSON_ArrayForEach (number, numbers) {
		if (count == SESSION_SLOW_MAX) {
			return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "more than %d processes",
					SESSION_SLOW_MAX);
		}
		count += find_program(session, number, &pids[count], NULL) == CUA_OK;
	}
	return session_slow_down(&session->slow, pids, count, err);
}

/* Requests that start nothing; false if it is not one of them. */
static bool client_question(struct client *client, const cJSON *request)
{
	const cJSON *kill_pid = cJSON_GetObjectItemCaseSensitive(request, "kill");
	const cJSON *slow_pids = cJSON_GetObjectItemCaseSensitive(request, "slow");
	const cJSON *find = cJSON_GetObjectItemCaseSensitive(request, "find");
	struct cua_error error = { 0 };
	struct display_app app = { 0 };
	enum cua_status status = CUA_OK;
	cJSON *reply = cJSON_CreateObject();
	if (cJSON_IsNumber(kill_pid)) {
		status = kill_program(client->session, kill_pid, &error);
	} else if (cJSON_IsArray(slow_pids)) {
		status = slow_programs(client->session, slow_pids, &error);
	} else if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(
				   request, "restart_window_manager"))) {
		/* Its end starts the next; this one does not count as a failure of its own. */
		if (client->session->window_manager > 0) {
			client->session->wm_restarts--;
			kill(client->session->window_manager, SIGKILL);
		}
	} else if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(request, "hang_up"))) {
		hang_up_all(client->session);
	} else if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(request, "output"))) {
		char output[OUTPUT_MAX];
		cua_file_ends(client->log_path, output, sizeof(output));
		cJSON_AddStringToObject(reply, "output", output);
	} else if (cJSON_IsString(find)) {
		status = display_app_find_installed(find->valuestring, &app, &error);
		cJSON_AddStringToObject(reply, "name", app.name ? app.name : "");
		cJSON_AddStringToObject(reply, "class", app.wm_class ? app.wm_class : "");
		display_app_finish(&app);
	} else {
		cJSON_Delete(reply);
		return false;
	}
	if (status == CUA_OK) {
		client_reply(client, reply);
	} else {
		cJSON_Delete(reply);
		client_reply_error(client, &error);
	}
	return true;
}

static void client_request(struct client *client, const char *text, const int *fds)
{
	struct cua_error error = { 0 };
	struct display_app app = { 0 };
	CUA_AUTO_FD int other = -1; /* end of its terminal */
	CUA_AUTO_JSON cJSON *request = cJSON_Parse(text);
	const cJSON *terminal = cJSON_GetObjectItemCaseSensitive(request, "terminal");
	if (client_question(client, request)) {
		return;
	}
	enum cua_status status = client->pid > 0
			? CUA_FAIL(&error, CUA_ERR_INVAL, 0, "one program to a connection")
			: resolve(request, &app, &error);
	if (status == CUA_OK) {
		status = terminal ? client_start_on_terminal(client, &app, terminal, &other, &error)
				  : client_start(client, &app, fds, &error);
	}
	if (status != CUA_OK) {
		client_reply_error(client, &error);
	} else {
		cJSON *reply = cJSON_CreateObject();
		cJSON_AddNumberToObject(reply, "pid", client->pid);
		cJSON_AddStringToObject(reply, "name", app.name ? app.name : app.argv[0]);
		cJSON_AddStringToObject(reply, "class", app.wm_class ? app.wm_class : "");
		cJSON_AddStringToObject(reply, "program", app.argv[0]);
		cJSON_AddBoolToObject(reply, "page", display_app_shows_page(&app));
		client_reply_fd(client, reply, other);
	}
	display_app_finish(&app);
}

static void on_client_readable(uv_poll_t *poll, int uv_status, int events)
{
	(void)events;
	struct client *client = poll->data;
	CUA_AUTO_FREE char *text = malloc(DISPLAY_SESSION_MESSAGE_MAX + 1);
	int fds[CUA_UNIX_FDS_MAX];
	size_t len = 0;
	if (!text || uv_status < 0 ||
			cua_unix_recv(client->fd, text, DISPLAY_SESSION_MESSAGE_MAX, &len, fds,
					NULL) != CUA_OK ||
			len == 0) {
		client_close(client);
		return;
	}
	text[len] = '\0';
	client_request(client, text, fds);
	for (int i = 0; i < CUA_UNIX_FDS_MAX; i++) {
		cua_closep(&fds[i]);
	}
}

/* The host, and nobody of the sandbox, whose processes have numbers here. Without a sandbox all
 * have, and there is nothing to keep from whom. */
static bool is_from_outside(int fd)
{
	struct ucred peer = { .pid = 1 };
	socklen_t len = sizeof(peer);
	return getpid() != 1 ||
			(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
					peer.pid == 0);
}

void session_on_connection(uv_poll_t *poll, int uv_status, int events)
{
	(void)events;
	struct session *session = poll->data;
	if (uv_status < 0) {
		return;
	}
	int fd = accept4(session->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0 && !is_from_outside(fd)) {
		cua_log_warn("a program of the sandbox came to the session, and was sent away");
		cua_closep(&fd);
		return;
	}
	struct client *client = fd < 0 ? NULL : calloc(1, sizeof(*client));
	if (!client || uv_poll_init(&session->loop, &client->poll, fd) != 0) {
		cua_closep(&fd);
		free(client);
		return;
	}
	client->session = session;
	client->fd = fd;
	client->poll.data = client;
	LIST_INSERT_HEAD(&session->clients, client, link);
	uv_poll_start(&client->poll, UV_READABLE, on_client_readable);
}

void session_report_exit(struct session *session, pid_t pid, int wait_status)
{
	struct client *client;
	LIST_FOREACH(client, &session->clients, link)
	{
		if (client->pid != pid) {
			continue;
		}
		client->pid = -1; /* nothing left to hang up */
		cJSON *reply = cJSON_CreateObject();
		if (WIFSIGNALED(wait_status)) {
			cJSON_AddNumberToObject(reply, "signal", WTERMSIG(wait_status));
		} else {
			cJSON_AddNumberToObject(reply, "exit", WEXITSTATUS(wait_status));
		}
		char output[OUTPUT_MAX];
		cua_file_ends(client->log_path, output, sizeof(output));
		cJSON_AddStringToObject(reply, "output", output);
		client_reply(client, reply);
	}
}
