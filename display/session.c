#include "display/session.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <uv.h>

#define CUA_LOG_MODULE "session"
#include "cua/base/file.h"
#include "cua/base/log.h"
#include "cua/base/process.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "display/session_app.h"
#include "display/session_home.h"
#include "display/session_protocol.h"
#include "display/session_slow.h"

#define OUTPUT_TAIL_MAX 2048
#define WM_RESTARTS_MAX 20

struct session;

/* Somebody on the socket; may have started one program. */
struct client {
	struct session *session;
	uv_poll_t poll;
	int fd;
	pid_t pid;          /* 0 before the request */
	bool owns;          /* the program is hung up with the connection */
	bool must_end;      /* hung up means killed */
	char log_path[512]; /* "" with descriptors of its own */
	LIST_ENTRY(client) link;
};

struct session {
	const struct display_session_options *options;
	uv_loop_t loop;
	uv_signal_t child_signal, term_signal;
	uv_poll_t listen_poll;
	int listen_fd;
	pid_t x_server, window_manager, bus;
	int wm_restarts;
	int programs; /* started so far; numbers their logs */
	int exit_status;
	char display[16];
	struct session_slow slow;
	LIST_HEAD(, client) clients;
};

static void session_path(const struct session *session, const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", session->options->dir, name);
}

static int open_log(const struct session *session, const char *name)
{
	char file[512];
	snprintf(file, sizeof(file), "%s/log/%s", session->options->dir, name);
	return open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

/* --- starting things --- */

static enum cua_status start_logged(struct session *session, const char *const *argv,
		const char *log_name, const struct cua_fd_map *extra, pid_t *ret_pid,
		struct cua_error *err)
{
	CUA_AUTO_FD int log_fd = open_log(session, log_name);
	CUA_AUTO_FD int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (log_fd < 0 || null_fd < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "log %s", log_name);
	}
	struct cua_fd_map fds[4] = { { null_fd, 0 }, { log_fd, 1 }, { log_fd, 2 } };
	if (extra) {
		fds[3] = *extra;
	}
	const struct cua_spawn spawn = { .argv = argv,
		.exec_fd = -1,
		.fds = fds,
		.fd_count = extra ? 4 : 3,
		.uid = (uid_t)-1,
		.new_session = true,
		.short_slice = true }; /* applications wait for each of them */
	return cua_spawn(&spawn, ret_pid, err);
}

static enum cua_status start_bus(struct session *session, struct cua_error *err)
{
	char address[600];
	snprintf(address, sizeof(address), "unix:path=%s/bus", session->options->dir);
	setenv("DBUS_SESSION_BUS_ADDRESS", address, 1);
	char option[640];
	snprintf(option, sizeof(option), "--address=%s", address);
	const char *const argv[] = { "dbus-daemon", "--session", "--nofork", "--nopidfile",
		"--nosyslog", option, NULL };
	return start_logged(session, argv, "dbus.log", NULL, &session->bus, err);
}

/* The server writes the number of its display when it is ready to serve. */
static enum cua_status read_display(int fd, char *display, size_t size, struct cua_error *err)
{
	size_t len = 0;
	while (len + 1 < size) {
		ssize_t got = read(fd, display + len, 1);
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got <= 0) {
			return CUA_FAIL(err, CUA_ERR_X11, 0, "the X server ended while starting");
		}
		if (display[len] == '\n') {
			break;
		}
		if (!isdigit((unsigned char)display[len])) {
			return CUA_FAIL(err, CUA_ERR_X11, 0, "the X server gave no display number");
		}
		len++;
	}
	display[len] = '\0';
	return CUA_OK;
}

static void set_display(struct session *session, const char *number)
{
	snprintf(session->display, sizeof(session->display), ":%s", number);
	setenv("DISPLAY", session->display, 1);
}

/* GLX makes it load Mesa with its compiler: 26 of 72 ms of its start, 17 of 25 MB of its memory.
 * What applications draw with instead needs no OpenGL, and is no slower where there is no GPU. */
static void do_without_opengl(void)
{
	setenv("QT_QUICK_BACKEND", "software", 1);
	setenv("QT_XCB_GL_INTEGRATION", "none", 1);
	setenv("GSK_RENDERER", "cairo", 1);
}

/* *ret_fd: where it tells its number, and that it is ready. */
static enum cua_status start_x_server(struct session *session, int *ret_fd, struct cua_error *err)
{
	int pipe_fds[2];
	if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "pipe");
	}
	char screen[64], dpi[16], authority[512];
	snprintf(screen, sizeof(screen), "%dx%dx24", session->options->width_px,
			session->options->height_px);
	snprintf(dpi, sizeof(dpi), "%d", session->options->dpi);
	session_path(session, "Xauthority", authority, sizeof(authority));
	setenv("XAUTHORITY", authority, 1);
	const char *const argv[] = { "Xvfb", "-displayfd", "3", "-screen", "0", screen, "-dpi", dpi,
		"-auth", authority, "-nolisten", "tcp", "-nolisten", "local", "-maxclients", "2048",
		"-noreset", session->options->opengl ? "+extension" : "-extension", "GLX",
		session->options->owns_displays ? ":0" : NULL, NULL };
	const struct cua_fd_map display_fd = { pipe_fds[1], 3 };
	enum cua_status status = start_logged(
			session, argv, "xvfb.log", &display_fd, &session->x_server, err);
	close(pipe_fds[1]);
	if (status != CUA_OK) {
		close(pipe_fds[0]);
		return status;
	}
	*ret_fd = pipe_fds[0];
	return CUA_OK;
}

/* Clients may connect as soon as the server listens; they are served when it is ready. False if it
 * says first that it is ready, or ends. Tried again and again: inotify would tell of bind(), when
 * it still refuses, and nothing tells of listen(). */
static bool wait_for_socket(const char *path, int ready_fd)
{
	struct pollfd ready = { .fd = ready_fd, .events = POLLIN };
	while (!cua_unix_is_alive(path, SOCK_STREAM)) {
		const int result = poll(&ready, 1, 1);
		if (result > 0 || (result < 0 && errno != EINTR)) {
			return false;
		}
	}
	return true;
}

static enum cua_status start_window_manager(struct session *session, struct cua_error *err)
{
	char config[512];
	session_path(session, "openbox.xml", config, sizeof(config));
	const char *const argv[] = { "openbox", "--config-file", config, "--sm-disable", NULL };
	return start_logged(session, argv, "openbox.log", NULL, &session->window_manager, err);
}

/* The window manager is loaded while the server still compiles its keymap, where the number of
 * the display is known before. */
static enum cua_status start_display(struct session *session, int ready_fd, struct cua_error *err)
{
	char number[8] = "";
	enum cua_status status = CUA_OK;
	const bool early = session->options->owns_displays &&
			wait_for_socket("/tmp/.X11-unix/X0", ready_fd);
	if (early) {
		set_display(session, "0");
		status = start_window_manager(session, err);
	}
	if (status == CUA_OK) {
		status = read_display(ready_fd, number, sizeof(number), err);
	}
	if (status == CUA_OK && !early) {
		set_display(session, number);
		status = start_window_manager(session, err);
	}
	if (status == CUA_OK) {
		/* For what the bus starts; see session_home.c. */
		char path[512];
		session_path(session, "xdg/display", path, sizeof(path));
		status = cua_file_write(
				path, session->display, strlen(session->display), 0644, err);
	}
	return status;
}

/* --- clients --- */

static void on_client_closed(uv_handle_t *handle)
{
	struct client *client = handle->data;
	close(client->fd);
	free(client);
}

static void client_close(struct client *client)
{
	if (client->must_end && client->pid > 0) {
		kill(-client->pid, SIGKILL);
	} else if (client->owns && client->pid > 0) {
		kill(-client->pid, SIGHUP);
		kill(-client->pid, SIGTERM);
	}
	LIST_REMOVE(client, link);
	uv_poll_stop(&client->poll);
	uv_close((uv_handle_t *)&client->poll, on_client_closed);
}

static void client_reply(struct client *client, cJSON *reply)
{
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(reply);
	cJSON_Delete(reply);
	if (text) {
		(void)!send(client->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
	}
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
		return start_logged(session, argv, name, NULL, &client->pid, err);
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
		.new_session = true };
	return cua_spawn(&spawn, &client->pid, err);
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
	} else if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(request, "output"))) {
		char output[OUTPUT_TAIL_MAX];
		cua_file_tail(client->log_path, output, sizeof(output));
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
	CUA_AUTO_JSON cJSON *request = cJSON_Parse(text);
	if (client_question(client, request)) {
		return;
	}
	enum cua_status status = client->pid > 0
			? CUA_FAIL(&error, CUA_ERR_INVAL, 0, "one program to a connection")
			: resolve(request, &app, &error);
	if (status == CUA_OK) {
		status = client_start(client, &app, fds, &error);
	}
	if (status != CUA_OK) {
		client_reply_error(client, &error);
	} else {
		cJSON *reply = cJSON_CreateObject();
		cJSON_AddNumberToObject(reply, "pid", client->pid);
		cJSON_AddStringToObject(reply, "name", app.name ? app.name : app.argv[0]);
		cJSON_AddStringToObject(reply, "class", app.wm_class ? app.wm_class : "");
		client_reply(client, reply);
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

static void on_connection(uv_poll_t *poll, int uv_status, int events)
{
	(void)events;
	struct session *session = poll->data;
	if (uv_status < 0) {
		return;
	}
	int fd = accept4(session->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
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

/* --- children --- */

static void report_exit(struct session *session, pid_t pid, int wait_status)
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
		char output[OUTPUT_TAIL_MAX];
		cua_file_tail(client->log_path, output, sizeof(output));
		cJSON_AddStringToObject(reply, "output", output);
		client_reply(client, reply);
	}
}

static void session_stop(struct session *session, int exit_status)
{
	session->exit_status = exit_status;
	uv_stop(&session->loop);
}

static void on_child(uv_signal_t *handle, int number)
{
	(void)number;
	struct session *session = handle->data;
	int wait_status = 0;
	for (pid_t pid; (pid = waitpid(-1, &wait_status, WNOHANG)) > 0;) {
		if (pid == session->x_server) {
			cua_log_error("the X server ended; the desktop ends with it");
			session_stop(session, 1);
		} else if (pid == session->window_manager) {
			struct cua_error error = { 0 };
			if (session->wm_restarts++ >= WM_RESTARTS_MAX ||
					start_window_manager(session, &error) != CUA_OK) {
				cua_log_error("the window manager ended %d times; left off %s",
						session->wm_restarts, error.msg);
				session->window_manager = 0;
			}
		} else {
			report_exit(session, pid, wait_status);
		}
	}
}

static void on_term(uv_signal_t *handle, int number)
{
	(void)number;
	session_stop(handle->data, 0);
}

/* Ends what is left. In a sandbox the pid namespace does it; without one, orphans have become
 * our children (PR_SET_CHILD_SUBREAPER), so killing children until there are none gets all. */
static void kill_children(void)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	for (int round = 0; round < 1000; round++) {
		CUA_AUTO_BUFFER struct cua_buffer children;
		cua_buffer_init(&children, 1 << 20);
		if (cua_file_read(path, &children, NULL) != CUA_OK || children.len == 0) {
			return;
		}
		char *rest = NULL;
		for (char *word = strtok_r(children.data, " ", &rest); word;
				word = strtok_r(NULL, " ", &rest)) {
			kill((pid_t)strtol(word, NULL, 10), SIGKILL);
		}
		while (waitpid(-1, NULL, 0) > 0) {
		}
	}
}

/* --- life --- */

static enum cua_status session_start(struct session *session, struct cua_error *err)
{
	const struct display_session_options *options = session->options;
	char socket_path[512], log_dir[512], runtime_dir[512], path[1024];
	session_path(session, "session.sock", socket_path, sizeof(socket_path));
	session_path(session, "log", log_dir, sizeof(log_dir));
	session_path(session, "xdg", runtime_dir, sizeof(runtime_dir));
	snprintf(path, sizeof(path), "%s/bin:%s", options->dir, getenv("PATH"));
	setenv("PATH", path, 1);
	setenv("XDG_RUNTIME_DIR", runtime_dir, 1);
	setenv("LANG", "C.UTF-8", 1);
	setenv("SAL_USE_VCLPLUGIN", "gtk3", 1);
	if (!options->opengl) {
		do_without_opengl();
	}
	enum cua_status status = cua_make_dirs(log_dir, 0755, err);
	if (status == CUA_OK) {
		status = cua_make_dirs(runtime_dir, 0700, err);
	}
	/* First what takes longest. */
	CUA_AUTO_FD int x_ready_fd = -1;
	if (status == CUA_OK) {
		status = start_x_server(session, &x_ready_fd, err);
	}
	if (status == CUA_OK) {
		status = display_session_home_prepare(
				getenv("HOME"), options->dir, options->dpi, err);
	}
	if (status == CUA_OK) {
		status = start_bus(session, err);
	}
	if (status == CUA_OK) {
		status = start_display(session, x_ready_fd, err);
	}
	if (status == CUA_OK) {
		status = cua_unix_listen(
				socket_path, SOCK_SEQPACKET, 0600, &session->listen_fd, err);
	}
	return status;
}

static void session_watch(struct session *session)
{
	uv_loop_init(&session->loop);
	session_slow_init(&session->slow, &session->loop);
	uv_signal_init(&session->loop, &session->child_signal);
	uv_signal_init(&session->loop, &session->term_signal);
	uv_poll_init(&session->loop, &session->listen_poll, session->listen_fd);
	session->child_signal.data = session;
	session->term_signal.data = session;
	session->listen_poll.data = session;
	uv_signal_start(&session->child_signal, on_child, SIGCHLD);
	uv_signal_start(&session->term_signal, on_term, SIGTERM);
	uv_poll_start(&session->listen_poll, UV_READABLE, on_connection);
	on_child(&session->child_signal, SIGCHLD); /* who ended before the handler was there */
}

int display_session_run(const struct display_session_options *options)
{
	struct session session = { .options = options, .listen_fd = -1 };
	struct cua_error error = { 0 };
	LIST_INIT(&session.clients);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	umask(022);
	enum cua_status status = session_start(&session, &error);
	if (status != CUA_OK) {
		CUA_AUTO_JSON cJSON *reply = cJSON_CreateObject();
		cJSON_AddStringToObject(reply, "error", error.msg);
		CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(reply);
		dprintf(options->ready_fd, "%s\n", text ? text : "{}");
		kill_children();
		return 1;
	}
	session_watch(&session);
	dprintf(options->ready_fd, "{\"display\": %s}\n", session.display + 1);
	close(options->ready_fd);
	uv_run(&session.loop, UV_RUN_DEFAULT);
	kill_children();
	return session.exit_status;
}
