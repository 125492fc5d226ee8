/* Listening on TCP. libwebsockets could, but does not tell why it cannot. */

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cua/base/http_server_internal.h"
#include "cua/base/util.h"

#define ACCEPTED_AT_ONCE 32

struct http_listener {
	struct cua_http_server *server;
	uv_poll_t poll;
	int fd;
	/* Given up to accept and close one connection when there are no more descriptors: what
	 * cannot be accepted would wake us for ever. */
	int reserve_fd;
	int port;
};

static int open_reserve(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void shed_one(struct http_listener *listener)
{
	cua_closep(&listener->reserve_fd);
	CUA_AUTO_FD int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	cua_closep(&fd);
	listener->reserve_fd = open_reserve();
}

/* Over TLS nothing can be said before the handshake. */
static void turn_away(struct cua_http_server *server, int fd, const char *peer)
{
	if (server->is_tls) {
		http_write_down(server, "closed: %s, from %s", http_too_many.why, peer);
	} else {
		char dropped[4096]; /* what is unread at the end can take the answer with it */
		(void)!recv(fd, dropped, sizeof(dropped), MSG_DONTWAIT);
		http_refuse(server, fd, NULL, peer, &http_too_many);
		(void)shutdown(fd, SHUT_WR);
	}
	close(fd);
}

static void on_connections(uv_poll_t *poll, int status, int events)
{
	struct http_listener *listener = poll->data;
	struct cua_http_server *server = listener->server;
	(void)status, (void)events;
	for (int i = 0; i < ACCEPTED_AT_ONCE; i++) {
		const int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE) {
				shed_one(listener);
			}
			return;
		}
		const int on = 1;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		char peer[48] = "";
		http_head_peer(fd, peer);
		if (!http_crowd_has_room(server, peer)) {
			turn_away(server, fd, peer);
		} else {
			struct lws *wsi = lws_adopt_socket(server->context, fd);
			if (wsi) {
				http_preview_first(lws_get_opaque_user_data(wsi));
			}
		}
	}
}

static int bind_to(const struct cua_http_listen *listen_to, int *ret_port)
{
	struct sockaddr_storage address = { 0 };
	const int on = 1;
	if (uv_ip4_addr(listen_to->address, listen_to->port, (struct sockaddr_in *)&address) != 0 &&
			uv_ip6_addr(listen_to->address, listen_to->port,
					(struct sockaddr_in6 *)&address) != 0) {
		errno = EINVAL;
		return -1;
	}
	socklen_t len = address.ss_family == AF_INET ? sizeof(struct sockaddr_in)
						     : sizeof(struct sockaddr_in6);
	CUA_AUTO_FD int fd =
			socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
			bind(fd, (struct sockaddr *)&address, len) != 0 ||
			listen(fd, SOMAXCONN) != 0 ||
			getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
		return -1;
	}
	*ret_port = ntohs(address.ss_family == AF_INET
					? ((struct sockaddr_in *)&address)->sin_port
					: ((struct sockaddr_in6 *)&address)->sin6_port);
	const int kept = fd;
	fd = -1;
	return kept;
}

enum cua_status http_listen(struct cua_http_server *server, const struct cua_http_listen *listen_to,
		struct cua_error *err)
{
	struct http_listener *listener = calloc(1, sizeof(*listener));
	if (!listener) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "listener");
	}
	listener->server = server;
	listener->poll.data = listener;
	listener->fd = bind_to(listen_to, &listener->port);
	if (listener->fd < 0 || uv_poll_init(server->loop, &listener->poll, listener->fd) != 0) {
		const int failed = errno;
		cua_closep(&listener->fd);
		free(listener);
		return CUA_FAIL(err, failed == EADDRINUSE ? CUA_ERR_EXISTS : CUA_ERR_IO, failed,
				"cannot listen on %s port %d", listen_to->address, listen_to->port);
	}
	listener->reserve_fd = open_reserve();
	server->listener = listener;
	uv_poll_start(&listener->poll, UV_READABLE, on_connections);
	return CUA_OK;
}

int http_listen_port(const struct http_listener *listener)
{
	return listener->port;
}

static void on_poll_closed(uv_handle_t *poll)
{
	free(poll->data);
}

void http_listen_end(struct http_listener *listener)
{
	if (listener) {
		uv_close((uv_handle_t *)&listener->poll, on_poll_closed);
		cua_closep(&listener->fd);
		cua_closep(&listener->reserve_fd);
	}
}
