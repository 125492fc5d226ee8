#include "cua/api/desktop_vnc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CUA_LOG_MODULE "host.vnc"
#include "cua/base/log.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "display/vnc/vnc_link.h"

#define AFTER_CRASH_MS 1000
#define AFTER_FAILURE_MS 30000

/* A socket that viewers connect to. The process accepts; here it is only watched. */
struct listener {
	uv_poll_t poll;
	struct desktop_vnc *vnc;
	int fd, port; /* port: -1 on the unix socket */
};

struct desktop_vnc {
	uv_loop_t *loop;
	uv_timer_t pause; /* after a crash; viewers wait for it */
	struct desktop_record record;
	struct desktop_vnc_handler handler;
	char path[CUA_PATH_MAX + 16], program[CUA_PATH_MAX];
	char pass_path[CUA_PATH_MAX + 16];   /* for who was let in elsewhere: vnc_pass.h */
	struct listener *local, *pass, *tcp; /* tcp: NULL for none */
	pid_t pid;                           /* 0: not running */
	int link_fd;                         /* for passwords; -1 while it does not run */
	char view_password[VNC_PASSWORD_LEN + 1], control_password[VNC_PASSWORD_LEN + 1];
};

static void on_viewer(uv_poll_t *poll, int status, int events);

/* --- listeners --- */

static void on_listener_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void listener_close(struct listener *listener)
{
	if (listener) {
		uv_close((uv_handle_t *)&listener->poll, on_listener_closed);
		close(listener->fd);
	}
}

/* fd: owned from here on. */
static struct listener *listener_open(struct desktop_vnc *vnc, int fd, int port)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	if (!listener || uv_poll_init(vnc->loop, &listener->poll, fd) != 0) {
		close(fd);
		free(listener);
		return NULL;
	}
	listener->vnc = vnc;
	listener->fd = fd;
	listener->port = port;
	listener->poll.data = listener;
	return listener;
}

/* Waits for viewers here, unless the process does or a pause is on. */
static void watch(struct desktop_vnc *vnc)
{
	struct listener *const listeners[] = { vnc->local, vnc->pass, vnc->tcp };
	for (size_t i = 0; i < CUA_ARRAY_LEN(listeners); i++) {
		if (!listeners[i]) {
			continue;
		}
		if (vnc->pid == 0 && !uv_is_active((uv_handle_t *)&vnc->pause)) {
			uv_poll_start(&listeners[i]->poll, UV_READABLE, on_viewer);
		} else {
			uv_poll_stop(&listeners[i]->poll);
		}
	}
}

static void on_pause_over(uv_timer_t *timer)
{
	watch(timer->data);
}

static void pause_for(struct desktop_vnc *vnc, uint64_t pause_ms)
{
	uv_timer_start(&vnc->pause, on_pause_over, pause_ms, 0);
}

static enum cua_status open_loopback(int port, int *ret_fd, int *ret_port, struct cua_error *err)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int one = 1;
	CUA_AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
			bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
			listen(fd, 16) != 0 ||
			getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "VNC on port %d", port);
	}
	*ret_port = ntohs(address.sin_port);
	*ret_fd = cua_steal_fd(&fd);
	return CUA_OK;
}

/* --- the process --- */

/* The link takes it whole or not at all. */
static enum cua_status send_passwords(const struct desktop_vnc *vnc, int link_fd,
		const char *view_password, const char *control_password, int tcp_fd,
		struct cua_error *err)
{
	struct vnc_link_message message = { .type = VNC_LINK_LISTEN };
	memcpy(message.u.listen.view_password, view_password, VNC_PASSWORD_LEN);
	memcpy(message.u.listen.control_password, control_password, VNC_PASSWORD_LEN);
	enum cua_status status = cua_unix_send(
			link_fd, &message, sizeof(message), &tcp_fd, tcp_fd >= 0 ? 1 : 0, NULL);
	explicit_bzero(&message, sizeof(message));
	return status == CUA_OK ? CUA_OK
				: CUA_FAIL(err, CUA_ERR_TIMEOUT, 0,
						  "the VNC server of desktop %s does not take new "
						  "passwords now; try again",
						  vnc->record.name);
}

static enum cua_status spawn(struct desktop_vnc *vnc, int link_fd, struct cua_error *err)
{
	const char *const argv[] = { vnc->program, "--link-fd", "3", "--listen-fd", "4",
		"--pass-fd", "5", "--name", vnc->record.name, NULL };
	const struct cua_fd_map fds[] = { { 0, 0 }, { 1, 1 }, { 2, 2 }, { link_fd, 3 },
		{ vnc->local->fd, 4 }, { vnc->pass->fd, 5 } };
	const struct cua_spawn spawn = { .argv = argv,
		.exec_fd = -1,
		.fds = fds,
		.fd_count = (int)CUA_ARRAY_LEN(fds),
		.uid = (uid_t)-1 };
	return cua_spawn(&spawn, &vnc->pid, err);
}

static enum cua_status start(struct desktop_vnc *vnc, struct cua_error *err)
{
	int link[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, link) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "link");
	}
	CUA_AUTO_FD int ours = link[0], theirs = link[1];
	CUA_AUTO_FD int display_fd = fcntl(ours, F_DUPFD_CLOEXEC, 3);
	if (display_fd < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "link");
	}
	enum cua_status status = spawn(vnc, theirs, err);
	if (status == CUA_OK) {
		status = send_passwords(vnc, ours, vnc->view_password, vnc->control_password,
				vnc->tcp ? vnc->tcp->fd : -1, err);
	}
	if (status == CUA_OK) {
		vnc->link_fd = cua_steal_fd(&ours);
		vnc->handler.on_link(cua_steal_fd(&display_fd), cua_process_identify(vnc->pid),
				vnc->handler.user_data);
	}
	return status; /* after a failure the link is closed, which ends a process that is up */
}

static void on_viewer(uv_poll_t *poll, int status, int events)
{
	struct desktop_vnc *vnc = ((struct listener *)poll->data)->vnc;
	struct cua_error error = { 0 };
	(void)status, (void)events;
	if (start(vnc, &error) != CUA_OK) {
		cua_log_warn("no VNC for %d s: %s", AFTER_FAILURE_MS / 1000, error.msg);
		pause_for(vnc, AFTER_FAILURE_MS);
	}
	watch(vnc);
}

void desktop_vnc_child_ended(struct desktop_vnc *vnc, pid_t pid, int wait_status)
{
	if (pid != vnc->pid) {
		return;
	}
	vnc->pid = 0;
	cua_closep(&vnc->link_fd);
	vnc->link_fd = -1;
	if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0) {
		cua_log_warn("the VNC server crashed; the next viewer gets another one");
		pause_for(vnc, AFTER_CRASH_MS);
	}
	watch(vnc);
}

/* --- passwords --- */

/* VNC authentication looks at eight characters; 54 letters and digits that are not mistaken for
 * one another make 46 bits of them. */
static enum cua_status make_password(char password[VNC_PASSWORD_LEN + 1], struct cua_error *err)
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
	const size_t count = sizeof(letters) - 1;
	for (int i = 0; i < VNC_PASSWORD_LEN;) {
		unsigned char random;
		if (getrandom(&random, 1, 0) != 1) {
			return CUA_FAIL(err, CUA_ERR_IO, errno, "random bytes");
		}
		if (random < 256 / count * count) {
			password[i++] = letters[random % count];
		}
	}
	password[VNC_PASSWORD_LEN] = '\0';
	return CUA_OK;
}

static cJSON *describe(const struct desktop_vnc *vnc)
{
	char address[32];
	cJSON *json = cJSON_CreateObject();
	snprintf(address, sizeof(address), "127.0.0.1:%d", vnc->tcp ? vnc->tcp->port : -1);
	cJSON_AddItemToObject(json, "address",
			vnc->tcp ? cJSON_CreateString(address) : cJSON_CreateNull());
	cJSON_AddStringToObject(json, "view_password", vnc->view_password);
	cJSON_AddStringToObject(json, "control_password", vnc->control_password);
	cJSON_AddStringToObject(json, "socket", vnc->path);
	return json;
}

/* The listener for port: the one there is, or a new one; *ret_tcp stays NULL for none. */
static enum cua_status tcp_for(
		struct desktop_vnc *vnc, int port, struct listener **ret_tcp, struct cua_error *err)
{
	int fd = -1;
	if (port < 0) {
		return CUA_OK;
	}
	if (vnc->tcp && vnc->tcp->port == port) {
		*ret_tcp = vnc->tcp;
		return CUA_OK;
	}
	enum cua_status status = open_loopback(port, &fd, &port, err);
	if (status == CUA_OK) {
		*ret_tcp = listener_open(vnc, fd, port);
		status = *ret_tcp ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "VNC");
	}
	return status;
}

enum cua_status desktop_vnc_listen(
		struct desktop_vnc *vnc, int port, cJSON **ret_answer, struct cua_error *err)
{
	char view[VNC_PASSWORD_LEN + 1], control[VNC_PASSWORD_LEN + 1];
	struct listener *tcp = NULL;
	enum cua_status status = make_password(view, err);
	if (status == CUA_OK) {
		status = make_password(control, err);
	}
	if (status == CUA_OK) {
		status = tcp_for(vnc, port, &tcp, err);
	}
	if (status == CUA_OK && vnc->link_fd >= 0) {
		status = send_passwords(vnc, vnc->link_fd, view, control, tcp ? tcp->fd : -1, err);
	}
	if (tcp != vnc->tcp) {
		listener_close(status == CUA_OK ? vnc->tcp : tcp);
	}
	if (status == CUA_OK) {
		vnc->tcp = tcp;
		memcpy(vnc->view_password, view, sizeof(view));
		memcpy(vnc->control_password, control, sizeof(control));
		*ret_answer = describe(vnc);
		watch(vnc);
	}
	explicit_bzero(view, sizeof(view));
	explicit_bzero(control, sizeof(control));
	return status;
}

/* --- life --- */

static enum cua_status listen_at(struct desktop_vnc *vnc, const char *path,
		struct listener **ret_listener, struct cua_error *err)
{
	int fd = -1;
	enum cua_status status = cua_unix_listen(path, SOCK_STREAM, 0600, &fd, err);
	if (status == CUA_OK) {
		*ret_listener = listener_open(vnc, fd, -1);
		status = *ret_listener ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "VNC");
	}
	return status;
}

enum cua_status desktop_vnc_create(uv_loop_t *loop, const struct desktop_record *record,
		const struct desktop_vnc_handler *handler, struct desktop_vnc **ret_vnc,
		struct cua_error *err)
{
	struct desktop_vnc *vnc = calloc(1, sizeof(*vnc));
	if (!vnc) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "VNC");
	}
	vnc->loop = loop;
	vnc->record = *record;
	vnc->handler = *handler;
	vnc->link_fd = -1;
	desktop_path(record, "rfb.sock", vnc->path, sizeof(vnc->path));
	desktop_path(record, "viewers.sock", vnc->pass_path, sizeof(vnc->pass_path));
	enum cua_status status =
			cua_program_path("cua-vnc-server", vnc->program, sizeof(vnc->program), err);
	if (status == CUA_OK) {
		status = listen_at(vnc, vnc->path, &vnc->local, err);
	}
	if (status == CUA_OK) {
		status = listen_at(vnc, vnc->pass_path, &vnc->pass, err);
	}
	if (status != CUA_OK) {
		listener_close(vnc->local);
		free(vnc);
		return status;
	}
	uv_timer_init(loop, &vnc->pause);
	vnc->pause.data = vnc;
	watch(vnc);
	*ret_vnc = vnc;
	return CUA_OK;
}

void desktop_vnc_leave(struct desktop_vnc *vnc)
{
	unlink(vnc->path);
	unlink(vnc->pass_path);
}
