#include "cua/bench/bench_vnc_servers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/paths.h"
#include "cua/base/process.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "cua/bench/bench_processes.h"
#include "display/session_client.h"

#define START_TIMEOUT_MS 20000
#define FONT "-fa", "DejaVu Sans Mono", "-fs", "11"

/* --- cua serve --- */

/* The first line that `cua ARGUMENTS` prints; it goes on running, and is the child's. */
static enum cua_status start_cua(struct vnc_servers *servers, const char *const *arguments,
		struct bench_child *child, char *line, size_t size, struct cua_error *err)
{
	char program[CUA_PATH_MAX];
	const char *argv[6] = { program };
	const char *first = NULL;
	for (int i = 0; i < 4 && arguments[i]; i++) {
		argv[i + 1] = arguments[i];
	}
	enum cua_status status = cua_program_path("cua", program, sizeof(program), err);
	if (status == CUA_OK) {
		status = bench_child_start(servers->bench, argv, false, child, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	status = bench_child_line(child, &first, err);
	if (status == CUA_OK) {
		snprintf(line, size, "%s", first);
	} else {
		bench_child_end(child, SIGKILL);
	}
	return status;
}

static enum cua_status start_serve(struct vnc_servers *servers, struct cua_error *err)
{
	static const char *const serve[] = { "serve", "--port=0", NULL };
	static const char *const token[] = { "serve", "token", "bench", "--scopes=act" };
	struct bench_child maker;
	char url[256], text[128];
	enum cua_status status = start_cua(servers, serve, &servers->serve, url, sizeof(url), err);
	if (status != CUA_OK) {
		return status;
	}
	servers->serves = true;
	url[strcspn(url, "#")] = '\0';
	status = start_cua(servers, token, &maker, text, sizeof(text), err);
	if (status == CUA_OK) {
		bench_child_end(&maker, 0);
		status = view_server_init(&servers->address, url, text, err);
	}
	return status;
}

static enum cua_status adopt(
		struct vnc_servers *servers, int fd, const char *by, struct cua_error *err)
{
	return bench_rfb_start(servers->bench, fd, by, servers->width_px, servers->height_px,
			&servers->viewer, err);
}

/* The viewer has a descriptor of its own, and the upstream keeps one to be closed by. */
static enum cua_status adopt_upstream(
		struct vnc_servers *servers, const char *by, struct cua_error *err)
{
	const int fd = fcntl(servers->upstream.fd, F_DUPFD_CLOEXEC, 3);
	return fd >= 0 ? adopt(servers, fd, by, err) : CUA_FAIL(err, CUA_ERR_IO, errno, "socket");
}

static enum cua_status connect_serve(struct vnc_servers *servers, struct cua_error *err)
{
	enum cua_status status = upstream_open_server(&servers->upstream, &servers->address,
			servers->desktop->record.name, VNC_MODE_ACT, err);
	return status == CUA_OK ? adopt_upstream(servers, "cua serve", err) : status;
}

static enum cua_status connect_socket(struct vnc_servers *servers, struct cua_error *err)
{
	enum cua_status status = upstream_open_desktop(
			&servers->upstream, &servers->desktop->record, VNC_MODE_ACT, err);
	return status == CUA_OK ? adopt_upstream(servers, "cua", err) : status;
}

static void add_process(pid_t pid, double *cpu_ms, double *wakeups)
{
	struct bench_process process;
	bench_process_read(pid, &process);
	*cpu_ms += process.cpu_ms;
	*wakeups += process.wakeups;
}

/* The X server and what is on it are no part of it. */
static void usage_of_socket(struct vnc_servers *servers, double *ret_cpu_ms, double *ret_wakeups)
{
	struct desktop_record record = servers->desktop->record;
	*ret_cpu_ms = *ret_wakeups = 0;
	/* The vnc process is there for the viewers that there are. */
	if (desktop_record_read(record.name, &record, NULL) == CUA_OK) {
		add_process(record.host.pid, ret_cpu_ms, ret_wakeups);
		add_process(record.vnc.pid, ret_cpu_ms, ret_wakeups);
	}
}

static void usage_of_serve(struct vnc_servers *servers, double *ret_cpu_ms, double *ret_wakeups)
{
	usage_of_socket(servers, ret_cpu_ms, ret_wakeups);
	add_process(servers->serve.pid, ret_cpu_ms, ret_wakeups);
}

/* --- x11vnc --- */

static enum cua_status connect_x11vnc(struct vnc_servers *servers, struct cua_error *err)
{
	enum cua_status status = bench_x11vnc_start(servers->desktop, &servers->x11vnc, err);
	servers->viewer = status == CUA_OK ? servers->x11vnc->viewer : NULL;
	return status;
}

static void usage_of_x11vnc(struct vnc_servers *servers, double *ret_cpu_ms, double *ret_wakeups)
{
	*ret_cpu_ms = *ret_wakeups = 0;
	add_process(bench_process_find(&servers->desktop->record, "x11vnc"), ret_cpu_ms,
			ret_wakeups);
}

/* --- Xtigervnc --- */

static enum cua_status spawn(const char *const *argv, const char *const *envp,
		const struct cua_fd_map *fds, int fd_count, pid_t *ret_pid, struct cua_error *err)
{
	const struct cua_spawn spawn = { .argv = argv,
		.envp = envp,
		.exec_fd = -1,
		.fds = fds,
		.fd_count = fd_count,
		.uid = (uid_t)-1 };
	return cua_spawn(&spawn, ret_pid, err);
}

static void end_process(pid_t *pid)
{
	if (*pid > 0) {
		kill(*pid, SIGTERM);
		while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR) {
		}
		*pid = 0;
	}
}

/* It prints the number of its display when it is ready. */
static enum cua_status read_display(struct vnc_servers *servers, int fd, struct cua_error *err)
{
	char line[16] = "";
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	if (poll(&wait, 1, START_TIMEOUT_MS) != 1 || read(fd, line, sizeof(line) - 1) <= 0) {
		return CUA_FAIL(err, CUA_ERR_APP, 0, "Xtigervnc does not start");
	}
	line[strcspn(line, "\n")] = '\0';
	snprintf(servers->display, sizeof(servers->display), ":%.10s", line);
	return CUA_OK;
}

static enum cua_status start_tiger(struct vnc_servers *servers, struct cua_error *err)
{
	char size[32];
	int ready[2];
	const char *const argv[] = { "Xtigervnc", "-displayfd", "3", "-rfbunixpath",
		servers->tiger_path, "-rfbport", "-1", "-SecurityTypes", "None", "-geometry", size,
		"-depth", "24", "-nolisten", "tcp", "-AlwaysShared", NULL };
	snprintf(size, sizeof(size), "%dx%d", servers->width_px, servers->height_px);
	snprintf(servers->tiger_path, sizeof(servers->tiger_path), "%s/tiger.sock",
			servers->bench->dir);
	if (pipe2(ready, O_CLOEXEC) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "pipe");
	}
	CUA_AUTO_FD int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	const struct cua_fd_map fds[] = { { null_fd, 1 }, { null_fd, 2 }, { ready[1], 3 } };
	enum cua_status status = spawn(argv, NULL, fds, 3, &servers->tiger, err);
	close(ready[1]);
	if (status == CUA_OK) {
		status = read_display(servers, ready[0], err);
	}
	close(ready[0]);
	return status == CUA_OK ? bench_client_connect_display(servers->display,
						  &servers->tiger_stage.client, err)
				: status;
}

static enum cua_status connect_tiger(struct vnc_servers *servers, struct cua_error *err)
{
	int fd = -1;
	if (servers->tiger <= 0) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "Xtigervnc is not there");
	}
	enum cua_status status = cua_unix_connect(servers->tiger_path, SOCK_STREAM, &fd, err);
	return status == CUA_OK ? adopt(servers, fd, "Xtigervnc", err) : status;
}

/* All that it does, drawing for the programs included: it is one process. */
static void usage_of_tiger(struct vnc_servers *servers, double *ret_cpu_ms, double *ret_wakeups)
{
	*ret_cpu_ms = *ret_wakeups = 0;
	add_process(servers->tiger, ret_cpu_ms, ret_wakeups);
}

/* --- what is on the screens --- */

static struct vnc_stage *desktop_stage(struct vnc_servers *servers)
{
	return &servers->desktop_stage;
}

static struct vnc_stage *tiger_stage(struct vnc_servers *servers)
{
	return &servers->tiger_stage;
}

const struct vnc_server vnc_server_list[VNC_SERVERS] = {
	{ "cua serve", false, connect_serve, desktop_stage, usage_of_serve },
	{ "cua, its socket", false, connect_socket, desktop_stage, usage_of_socket },
	{ "x11vnc", true, connect_x11vnc, desktop_stage, usage_of_x11vnc },
	{ "Xtigervnc", true, connect_tiger, tiger_stage, usage_of_tiger },
};

enum cua_status vnc_servers_put(struct vnc_servers *servers, const char *leaf, const void *data,
		size_t len, struct cua_error *err)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", servers->bench->dir, leaf);
	enum cua_status status = cua_file_write(path, data, len, 0644, err);
	return status == CUA_OK ? bench_put_file(servers->desktop, leaf, data, len, err) : status;
}

/* In the bench's folder, over the screen from its corner: there is no window manager. */
static enum cua_status show_on_tiger(
		struct vnc_servers *servers, const char *command, struct cua_error *err)
{
	char display[32], path[2048], place[64];
	const char *search = getenv("PATH"), *home = getenv("HOME");
	const char *const argv[] = { "xterm", FONT, "-geometry", place, "-e", "sh", "-c", command,
		NULL };
	char home_text[512];
	const char *const envp[] = { display, path, home_text, "LC_ALL=C.UTF-8", NULL };
	snprintf(display, sizeof(display), "DISPLAY=%s", servers->display);
	snprintf(path, sizeof(path), "PATH=%s", search ? search : "/usr/bin:/bin");
	snprintf(home_text, sizeof(home_text), "HOME=%.400s", home ? home : "/");
	/* More than fits: the terminal takes what there is. */
	snprintf(place, sizeof(place), "%dx%d+0+0", servers->width_px / 9, servers->height_px / 18);
	end_process(&servers->tiger_stage.terminal);
	const struct cua_spawn spawn_it = { .argv = argv,
		.envp = envp,
		.exec_fd = -1,
		.cwd = servers->bench->dir,
		.uid = (uid_t)-1 };
	return cua_spawn(&spawn_it, &servers->tiger_stage.terminal, err);
}

/* By the session, which does not wait for the screen to come to rest, as an action would. */
static enum cua_status show_on_desktop(
		struct vnc_servers *servers, const char *command, struct cua_error *err)
{
	const char *const words[] = { "xterm", FONT, "-e", "sh", "-c", command };
	CUA_AUTO_FD int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int *session_fd = &servers->desktop_stage.session_fd;
	CUA_AUTO_JSON cJSON *request = cJSON_CreateObject();
	CUA_AUTO_JSON cJSON *started = NULL;
	cJSON_AddItemToObject(
			request, "argv", cJSON_CreateStringArray(words, (int)CUA_ARRAY_LEN(words)));
	const int theirs[3] = { null_fd, null_fd, null_fd };
	cua_closep(session_fd); /* which ends what was there */
	enum cua_status status = session_request(
			&servers->desktop->record, request, theirs, session_fd, err);
	return status == CUA_OK ? session_answer(*session_fd, START_TIMEOUT_MS, &started, err)
				: status;
}

enum cua_status vnc_servers_show(struct vnc_servers *servers, const struct vnc_server *server,
		const char *command, struct cua_error *err)
{
	if (server->stage == tiger_stage) {
		return servers->tiger > 0 ? show_on_tiger(servers, command, err) : CUA_OK;
	}
	return show_on_desktop(servers, command, err);
}

void vnc_servers_hide(struct vnc_servers *servers)
{
	cua_closep(&servers->desktop_stage.session_fd);
	end_process(&servers->tiger_stage.terminal);
}

/* --- life --- */

enum cua_status vnc_servers_start(struct bench *bench, int width_px, int height_px,
		struct vnc_servers *ret_servers, struct cua_error *err)
{
	struct cua_error missing = { 0 };
	*ret_servers = (struct vnc_servers){ .bench = bench,
		.width_px = width_px,
		.height_px = height_px,
		.desktop_stage.session_fd = -1,
		.upstream.fd = -1 };
	unsetenv("http_proxy"); /* libwebsockets would go by it, also to this machine */
	enum cua_status status =
			bench_desktop_start(bench, width_px, height_px, &ret_servers->desktop, err);
	if (status == CUA_OK) {
		status = bench_client_connect(&ret_servers->desktop->record,
				&ret_servers->desktop_stage.client, err);
	}
	if (status == CUA_OK) {
		status = start_serve(ret_servers, err);
	}
	if (status == CUA_OK && start_tiger(ret_servers, &missing) != CUA_OK) {
		end_process(&ret_servers->tiger);
	}
	return status;
}

void vnc_servers_disconnect(struct vnc_servers *servers)
{
	if (servers->x11vnc) {
		bench_x11vnc_stop(CUA_STEAL(servers->x11vnc));
	} else {
		bench_rfb_stop(servers->viewer);
	}
	servers->viewer = NULL;
	(void)upstream_close(&servers->upstream, NULL);
}

void vnc_servers_stop(struct vnc_servers *servers)
{
	vnc_servers_disconnect(servers);
	end_process(&servers->tiger_stage.terminal);
	bench_client_close(servers->tiger_stage.client);
	end_process(&servers->tiger);
	if (servers->serves) {
		bench_child_end(&servers->serve, SIGTERM);
	}
	cua_closep(&servers->desktop_stage.session_fd);
	bench_client_close(servers->desktop_stage.client);
	bench_desktop_stop(servers->desktop);
}
