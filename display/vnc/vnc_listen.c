#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
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

static void admit(struct vnc_server *server, struct vnc_viewer *viewer, int fd,
		const struct vnc_listener *listener)
{
	uint32_t source = source_of(fd, listener->is_tcp);
	if (!viewer || (!listener->has_pass && vnc_rfb_refuses(server->rfb, source))) {
		close(fd);
		return;
	}
	if (listener->is_tcp) {
		int one = 1;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	vnc_viewer_open(viewer, &server->relay, (int)(viewer - server->viewers), fd, source,
			listener->has_pass);
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
		admit(server, viewer, fd, listener);
	} else if (status < 0 || (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)) {
		/* No descriptors, perhaps: the connection would wake us without end. */
		pause_listener(listener, VNC_PAUSED_FOR_TIME);
	}
}

enum cua_status vnc_listener_open(struct vnc_server *server, struct vnc_listener *listener, int fd,
		struct cua_error *err)
{
	int failed = uv_poll_init(&server->loop, &listener->poll, fd);
	if (failed) {
		close(fd);
		return CUA_FAIL(err, CUA_ERR_IO, -failed, "listening socket");
	}
	listener->fd = fd;
	listener->pause = VNC_NOT_PAUSED;
	listener->poll.data = listener;
	uv_poll_start(&listener->poll, UV_READABLE, on_connection);
	return CUA_OK;
}

static void on_tcp_listener_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void vnc_listener_close(struct vnc_listener *listener)
{
	if (listener->fd >= 0) {
		uv_close((uv_handle_t *)&listener->poll,
				listener->is_tcp ? on_tcp_listener_closed : NULL);
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
	resume_listener(&server->pass_listener, why);
	if (server->tcp_listener) {
		resume_listener(server->tcp_listener, why);
	}
}

bool vnc_listeners_wait_for_time(const struct vnc_server *server)
{
	return server->unix_listener.pause == VNC_PAUSED_FOR_TIME ||
			server->pass_listener.pause == VNC_PAUSED_FOR_TIME ||
			(server->tcp_listener &&
					server->tcp_listener->pause == VNC_PAUSED_FOR_TIME);
}

enum cua_status vnc_listen_tcp(struct vnc_server *server, int fd, struct cua_error *err)
{
	if (server->tcp_listener) {
		vnc_listener_close(CUA_STEAL(server->tcp_listener));
	}
	if (fd < 0) {
		return CUA_OK;
	}
	struct vnc_listener *listener = calloc(1, sizeof(*listener));
	if (!listener) {
		close(fd);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "TCP listener");
	}
	listener->is_tcp = true;
	enum cua_status status = vnc_listener_open(server, listener, fd, err);
	if (status != CUA_OK) {
		free(listener);
		return status;
	}
	server->tcp_listener = listener;
	return CUA_OK;
}
