/* The root of a desktop's sandbox: what the desktop stands on is started, and started again. */

#include "display/session_internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define CUA_LOG_MODULE "session"
#include "cua/base/file.h"
#include "cua/base/log.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "display/session_home.h"

#define WM_RESTARTS_MAX 20

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

enum cua_status session_start_logged(struct session *session, const char *const *argv,
		const char *log_name, enum session_role role, const struct cua_fd_map *extra,
		pid_t *ret_pid, struct cua_error *err)
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
	const struct cua_rlimit data = { RLIMIT_DATA, (uint64_t)session->options->x_server_bytes };
	const bool is_bound = role == SESSION_X_SERVER && data.value > 0;
	const struct cua_spawn spawn = { .argv = argv,
		.exec_fd = -1,
		.fds = fds,
		.fd_count = extra ? 4 : 3,
		.rlimits = &data,
		.rlimit_count = is_bound ? 1 : 0,
		.uid = (uid_t)-1,
		.new_session = true,
		.oom_score_adj = role == SESSION_APP ? CUA_OOM_SCORE_EXPENDABLE : 0,
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
	return session_start_logged(
			session, argv, "dbus.log", SESSION_PILLAR, NULL, &session->bus, err);
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
	enum cua_status status = session_start_logged(session, argv, "xvfb.log", SESSION_X_SERVER,
			&display_fd, &session->x_server, err);
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
	return session_start_logged(session, argv, "openbox.log", SESSION_PILLAR, NULL,
			&session->window_manager, err);
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

/* --- children --- */

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
			session_tell_end(session, wait_status);
			session_stop(session, 1);
		} else if (pid == session->window_manager) {
			struct cua_error error = { 0 };
			if (session->wm_restarts++ >= WM_RESTARTS_MAX ||
					start_window_manager(session, &error) != CUA_OK) {
				cua_log_error("the window manager ended %d times; left off %s",
						session->wm_restarts, error.msg);
				session->window_manager = 0;
			}
		} else if (pid == session->relay) {
			session_relay_ended(session);
		} else {
			session_report_exit(session, pid, wait_status);
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
		status = session_relay_start(session, err);
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
	uv_poll_start(&session->listen_poll, UV_READABLE, session_on_connection);
	on_child(&session->child_signal, SIGCHLD); /* who ended before the handler was there */
}

int display_session_run(const struct display_session_options *options)
{
	struct session session = { .options = options, .listen_fd = -1 };
	struct cua_error error = { 0 };
	LIST_INIT(&session.clients);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	cua_forbid_tracing(); /* applications have its uid: none of them may trace it */
	umask(022);
	if (options->processes > 0) {
		/* Of this user namespace alone: what else the user runs does not count. */
		cua_lower_rlimit(&(const struct cua_rlimit){
				RLIMIT_NPROC, (uint64_t)options->processes });
	}
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
