#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cua/base/http_server_internal.h"
#include "cua/base/util.h"

/* A caller that reads its answer stops long before. */
#define LINGER_MS 5000
#define LINGER_MAX_LEN ((size_t)64 << 20)
#define LINGERS_MAX 64

/* A connection that is over for libwebsockets, which reads only what it takes for requests. */
struct http_linger {
	LIST_ENTRY(http_linger) link;
	struct cua_http_server *server;
	uv_poll_t poll;
	uv_timer_t timer;
	int open_handles;
	int fd; /* owned */
	size_t left;
};

static void on_handle_closed(uv_handle_t *handle)
{
	struct http_linger *linger = handle->data;
	if (--linger->open_handles == 0) {
		free(linger);
	}
}

static void linger_end(struct http_linger *linger)
{
	LIST_REMOVE(linger, link);
	linger->server->linger_count--;
	uv_close((uv_handle_t *)&linger->poll, on_handle_closed);
	uv_close((uv_handle_t *)&linger->timer, on_handle_closed);
	close(linger->fd);
}

static void on_time_over(uv_timer_t *timer)
{
	linger_end(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct http_linger *linger = poll->data;
	char dropped[65536];
	(void)status, (void)events;
	const ssize_t len = recv(linger->fd, dropped, sizeof(dropped), MSG_DONTWAIT);
	if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (len <= 0 || (size_t)len > linger->left) {
		linger_end(linger);
		return;
	}
	linger->left -= (size_t)len;
}

void http_linger(struct cua_http_server *server, int socket)
{
	struct http_linger *linger =
			server->linger_count < LINGERS_MAX ? calloc(1, sizeof(*linger)) : NULL;
	const int fd = linger ? fcntl(socket, F_DUPFD_CLOEXEC, 3) : -1;
	if (fd < 0 || uv_poll_init(server->loop, &linger->poll, fd) != 0) {
		if (fd >= 0) {
			close(fd);
		}
		free(linger);
		return;
	}
	linger->server = server;
	linger->fd = fd;
	linger->left = LINGER_MAX_LEN;
	linger->open_handles = 2;
	linger->poll.data = linger->timer.data = linger;
	uv_timer_init(server->loop, &linger->timer);
	uv_timer_start(&linger->timer, on_time_over, LINGER_MS, 0);
	uv_poll_start(&linger->poll, UV_READABLE, on_readable);
	LIST_INSERT_HEAD(&server->lingers, linger, link);
	server->linger_count++;
	shutdown(fd, SHUT_WR);
}

void http_linger_end_all(struct cua_http_server *server)
{
	while (!LIST_EMPTY(&server->lingers)) {
		linger_end(LIST_FIRST(&server->lingers));
	}
}
