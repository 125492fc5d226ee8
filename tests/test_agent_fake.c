#include "tests/test_agent_fake.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECTIONS_MAX 16
#define REQUEST_MAX ((size_t)64 << 20)

struct fake_server {
	int listen_fd, stop_fd, port;
	int fds[CONNECTIONS_MAX]; /* -1: free */
	atomic_int connections;
	pthread_t thread;
	fake_handler_fn handler;
	void *user_data;
};

static void die(const char *what)
{
	perror(what);
	abort();
}

static void send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
		if (sent <= 0) {
			return; /* the client left */
		}
		data += sent;
		len -= (size_t)sent;
	}
}

/* The length of the head, or 0 while it is not whole. */
static size_t head_len(const struct cua_buffer *buffer)
{
	char *end = buffer->len ? memmem(buffer->data, buffer->len, "\r\n\r\n", 4) : NULL;
	return end ? (size_t)(end - buffer->data) + 4 : 0;
}

/* False when the client hung up. */
static bool read_request(int fd, struct cua_buffer *buffer, size_t *ret_head_len)
{
	char chunk[65536];
	size_t needed = 0;
	while (needed == 0 || buffer->len < needed) {
		ssize_t len = recv(fd, chunk, sizeof(chunk), 0);
		if (len <= 0 || cua_buffer_append(buffer, chunk, (size_t)len, NULL) != CUA_OK) {
			return false;
		}
		*ret_head_len = head_len(buffer);
		if (*ret_head_len > 0 && needed == 0) {
			const char *header = strcasestr(buffer->data, "\r\ncontent-length:");
			needed = *ret_head_len + (header ? strtoul(header + 17, NULL, 10) : 0);
		}
	}
	return true;
}

/* False if the connection is to be closed. */
static bool answer(struct fake_server *server, int fd, struct cua_buffer *buffer, size_t body_at)
{
	char method[16] = "", path[256] = "", head[1024];
	sscanf(buffer->data, "%15s %255s", method, path);
	char *head_text = strndup(buffer->data, body_at);
	struct fake_request request = { method, path, head_text, buffer->data + body_at };
	struct fake_reply reply = { .http_status = 200, .content_type = "application/json" };
	cua_buffer_init(&reply.body, REQUEST_MAX);
	server->handler(&request, &reply, server->user_data);
	free(head_text);
	bool stays = !reply.hangs_up && reply.cut == 0;
	if (!reply.hangs_up && !reply.stays_silent) {
		const size_t announced = reply.body.len + (reply.never_ends ? 1 : 0);
		int len = snprintf(head, sizeof(head),
				"HTTP/1.1 %d X\r\nContent-Type: %s\r\nContent-Length: "
				"%zu\r\n%s\r\n",
				reply.http_status, reply.content_type, announced, reply.headers);
		send_all(fd, head, (size_t)len);
		send_all(fd, reply.body.data, reply.cut ? reply.cut : reply.body.len);
	}
	cua_buffer_finish(&reply.body);
	return stays;
}

static bool serve(struct fake_server *server, int fd)
{
	struct cua_buffer buffer;
	size_t body_at = 0;
	cua_buffer_init(&buffer, REQUEST_MAX);
	bool stays = read_request(fd, &buffer, &body_at) && answer(server, fd, &buffer, body_at);
	cua_buffer_finish(&buffer);
	return stays;
}

static void accept_one(struct fake_server *server)
{
	int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	for (int i = 0; fd >= 0 && i < CONNECTIONS_MAX; i++) {
		if (server->fds[i] < 0) {
			server->fds[i] = fd;
			server->connections++;
			return;
		}
	}
	die("too many connections");
}

static void *run(void *user_data)
{
	struct fake_server *server = user_data;
	for (;;) {
		struct pollfd fds[2 + CONNECTIONS_MAX] = { { server->stop_fd, POLLIN, 0 },
			{ server->listen_fd, POLLIN, 0 } };
		for (int i = 0; i < CONNECTIONS_MAX; i++) {
			fds[2 + i] = (struct pollfd){ server->fds[i], POLLIN, 0 };
		}
		if (poll(fds, 2 + CONNECTIONS_MAX, -1) < 0) {
			die("poll");
		}
		if (fds[0].revents) {
			return NULL;
		}
		for (int i = 0; i < CONNECTIONS_MAX; i++) {
			if (fds[2 + i].revents && !serve(server, server->fds[i])) {
				close(server->fds[i]);
				server->fds[i] = -1;
			}
		}
		if (fds[1].revents) {
			accept_one(server);
		}
	}
}

static int listen_on(const char *unix_path, int *ret_port)
{
	int fd = socket(unix_path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (unix_path) {
		struct sockaddr_un address = { .sun_family = AF_UNIX };
		snprintf(address.sun_path, sizeof(address.sun_path), "%s", unix_path);
		if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
			die("bind");
		}
	} else {
		struct sockaddr_in address = { .sin_family = AF_INET,
			.sin_addr = { htonl(INADDR_LOOPBACK) } };
		socklen_t len = sizeof(address);
		if (bind(fd, (struct sockaddr *)&address, len) != 0 ||
				getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
			die("bind");
		}
		*ret_port = ntohs(address.sin_port);
	}
	if (listen(fd, 16) != 0) {
		die("listen");
	}
	return fd;
}

struct fake_server *fake_server_start(
		const char *unix_path, fake_handler_fn handler, void *user_data)
{
	struct fake_server *server = calloc(1, sizeof(*server));
	if (!server) {
		die("calloc");
	}
	server->handler = handler;
	server->user_data = user_data;
	server->stop_fd = eventfd(0, EFD_CLOEXEC);
	server->listen_fd = listen_on(unix_path, &server->port);
	for (int i = 0; i < CONNECTIONS_MAX; i++) {
		server->fds[i] = -1;
	}
	if (pthread_create(&server->thread, NULL, run, server) != 0) {
		die("pthread_create");
	}
	return server;
}

void fake_server_stop(struct fake_server *server)
{
	uint64_t one = 1;
	if (write(server->stop_fd, &one, sizeof(one)) < 0) {
		die("write");
	}
	pthread_join(server->thread, NULL);
	for (int i = 0; i < CONNECTIONS_MAX; i++) {
		if (server->fds[i] >= 0) {
			close(server->fds[i]);
		}
	}
	close(server->listen_fd);
	close(server->stop_fd);
	free(server);
}

int fake_server_port(const struct fake_server *server)
{
	return server->port;
}

int fake_server_connections(const struct fake_server *server)
{
	return server->connections;
}
