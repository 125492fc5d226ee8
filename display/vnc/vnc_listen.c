#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define CUA_LOG_MODULE "vnc.listen"
#include "cua/base/log.h"
#include "cua/base/util.h"
#include "display/vnc/vnc_server.h"

#define SOURCE_TCP 0U

/* Failed passwords count by user on the unix socket, which is ours and root's alone, and together
 * on TCP, where every process of the machine looks alike. */
static uint32_t source_of(int fd, bool is_tcp)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	if (is_tcp || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
		return SOURCE_TCP;
	}
	return peer.uid + 1U;
}

static struct vnc_viewer *find_free(struct vnc_server *server)
{
	for (int slot = 0; slot < VNC_VIEWERS_MAX; slot++) {
		if (vnc_viewer_is_free(&server->viewers[slot])) {
			return &server->viewers[slot];
		}
	}
	return NULL;
}

/* When all slots are taken, whoever has owed its password for longest makes room, so that
 * connections that never log in cannot keep people out. True if a slot will soon be free. */
static bool make_room(struct vnc_server *server)
{
	struct vnc_viewer *oldest = NULL;
	for (int slot = 0; slot < VNC_VIEWERS_MAX; slot++) {
		struct vnc_viewer *viewer = &server->viewers[slot];
		if (!vnc_viewer_is_open(viewer)) {
			return true;
		}
		if (viewer->access == VNC_ACCESS_NONE &&
				(!oldest || viewer->connected_us < oldest->connected_us)) {
			oldest = viewer;
		}
	}
	if (oldest) {
		vnc_viewer_close(oldest);
	}
	return oldest != NULL;
}

static void admit(struct vnc_server *server, struct vnc_viewer *viewer, int fd, bool is_tcp)
{
	uint32_t source = source_of(fd, is_tcp);
	if (!viewer || vnc_rfb_refuses(server->rfb, source)) {
		close(fd);
		return;
	}
	if (is_tcp) {
		int one = 1;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	vnc_viewer_open(viewer, &server->relay, (int)(viewer - server->viewers), fd, source);
}

static void pause_listener(struct vnc_listener *listener, enum vnc_listener_pause why)
{
	uv_poll_stop(&listener->poll);
	listener->pause = why;
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	(void)events;
	struct vnc_listener *listener = poll->data;
	struct vnc_server *server = poll->loop->data;
	struct vnc_viewer *viewer = find_free(server);
	if (!viewer && make_room(server)) {
		pause_listener(listener, VNC_PAUSED_FOR_SLOT);
		return;
	}
	int fd = status < 0 ? -1 : accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		admit(server, viewer, fd, listener->is_tcp);
	} else if (status < 0 || (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)) {
		/* No descriptors, perhaps: the connection would wake us without end. */
		pause_listener(listener, VNC_PAUSED_FOR_TIME);
	}
}

enum cua_status vnc_listener_open(struct vnc_server *server, struct vnc_listener *listener, int fd,
		bool is_tcp, struct cua_error *err)
{
	int failed = uv_poll_init(&server->loop, &listener->poll, fd);
	if (failed) {
		close(fd);
		return CUA_FAIL(err, CUA_ERR_IO, -failed, "listening socket");
	}
	listener->fd = fd;
	listener->is_tcp = is_tcp;
	listener->open = true;
	listener->pause = VNC_NOT_PAUSED;
	listener->poll.data = listener;
	uv_poll_start(&listener->poll, UV_READABLE, on_connection);
	return CUA_OK;
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct vnc_listener *listener = handle->data;
	listener->open = false;
}

void vnc_listener_close(struct vnc_listener *listener)
{
	if (listener->fd >= 0) {
		uv_close((uv_handle_t *)&listener->poll, on_listener_closed);
		close(cua_steal_fd(&listener->fd));
	}
}

static void resume_listener(struct vnc_listener *listener, enum vnc_listener_pause why)
{
	if (listener->fd >= 0 && listener->pause == why) {
		listener->pause = VNC_NOT_PAUSED;
		uv_poll_start(&listener->poll, UV_READABLE, on_connection);
	}
}

void vnc_listeners_resume(struct vnc_server *server, enum vnc_listener_pause why)
{
	if (why == VNC_PAUSED_FOR_SLOT && !find_free(server)) {
		return;
	}
	resume_listener(&server->unix_listener, why);
	for (size_t i = 0; i < CUA_ARRAY_LEN(server->tcp_listeners); i++) {
		resume_listener(&server->tcp_listeners[i], why);
	}
}

/* 0 or an errno. */
static int open_loopback(int32_t port, int *ret_fd, int32_t *ret_port)
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
		return errno;
	}
	*ret_port = ntohs(address.sin_port);
	*ret_fd = cua_steal_fd(&fd);
	return 0;
}

int vnc_listen_tcp(struct vnc_server *server, int32_t port, int32_t *ret_port)
{
	struct vnc_listener *unused = NULL;
	*ret_port = -1;
	for (size_t i = 0; i < CUA_ARRAY_LEN(server->tcp_listeners); i++) {
		vnc_listener_close(&server->tcp_listeners[i]);
		unused = server->tcp_listeners[i].open ? unused : &server->tcp_listeners[i];
	}
	if (port < 0) {
		return 0;
	}
	if (port > UINT16_MAX) {
		return EINVAL;
	}
	if (!unused) {
		return EBUSY;
	}
	int fd = -1;
	int32_t real_port = -1;
	struct cua_error err = { 0 };
	int failed = open_loopback(port, &fd, &real_port);
	if (!failed && vnc_listener_open(server, unused, fd, true, &err) != CUA_OK) {
		failed = err.sys_errno;
	}
	if (!failed) {
		*ret_port = real_port;
		cua_log_info("viewers may connect to 127.0.0.1:%d", real_port);
	}
	return failed;
}
