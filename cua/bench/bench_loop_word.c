/* How soon words of a model are on the terminal. The server is the bench's, so that the watch that
 * sees them leave also sees them arrive. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "cua/base/util.h"
#include "cua/bench/bench_loop.h"

#define REQUEST_MAX ((size_t)64 << 20)
#define WAIT_S 60
#define WORD "Ready."

static const char first_words[] =
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
		"data: {\"type\":\"response.output_text.delta\",\"delta\":\"" WORD "\"}\n\n";
static const char the_end[] =
		"data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\","
		"\"output\":[{\"type\":\"message\",\"role\":\"assistant\",\"content\":"
		"[{\"type\":\"output_text\",\"text\":\"" WORD "\"}]}]}}\n\n";

static enum cua_status listen_on_loopback(int *ret_fd, int *ret_port, struct cua_error *err)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	CUA_AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 1) != 0 ||
			getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "a port on loopback");
	}
	*ret_port = ntohs(address.sin_port);
	*ret_fd = cua_steal_fd(&fd);
	return CUA_OK;
}

static enum cua_status accept_one(
		const struct bench *bench, int listen_fd, int *ret_fd, struct cua_error *err)
{
	const struct timeval wait = { .tv_sec = WAIT_S };
	const int at_once = 1;
	struct pollfd fds[] = { { listen_fd, POLLIN, 0 }, { bench->stop_fd, POLLIN, 0 } };
	const int ready = poll(fds, CUA_ARRAY_LEN(fds), WAIT_S * 1000);
	if (fds[1].revents) {
		return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "stopped");
	}
	CUA_AUTO_FD int fd = ready > 0 ? accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC) : -1;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) != 0 ||
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once)) != 0) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "cua run did not ask its model in %d s",
				WAIT_S);
	}
	*ret_fd = cua_steal_fd(&fd);
	return CUA_OK;
}

/* Bytes that the request has in all; 0 while its head is not whole. */
static size_t request_len(const struct cua_buffer *request)
{
	static const char name[] = "\r\ncontent-length:";
	const char *end = request->len ? strstr(request->data, "\r\n\r\n") : NULL;
	const char *length = end ? strcasestr(request->data, name) : NULL;
	return end ? (size_t)(end - request->data) + 4 +
					(length ? strtoul(length + strlen(name), NULL, 10) : 0)
		   : 0;
}

static enum cua_status read_request(int fd, struct cua_error *err)
{
	char piece[65536];
	CUA_AUTO_BUFFER struct cua_buffer request;
	cua_buffer_init(&request, REQUEST_MAX);
	while (!request_len(&request) || request.len < request_len(&request)) {
		const ssize_t got = recv(fd, piece, sizeof(piece), 0);
		if (got <= 0) {
			return CUA_FAIL(err, CUA_ERR_CLOSED, got < 0 ? errno : 0,
					"the request of cua run");
		}
		enum cua_status status = cua_buffer_append(&request, piece, (size_t)got, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	return CUA_OK;
}

static enum cua_status send_text(int fd, const char *text, struct cua_error *err)
{
	const size_t len = strlen(text);
	return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_CLOSED, errno, "cua run hung up");
}

/* What is printed before the model has spoken does not hold the word. */
static enum cua_status time_word(
		int fd, struct bench_child *run, double *ret_ms, struct cua_error *err)
{
	const uint64_t sent_us = cua_now_us();
	enum cua_status status = send_text(fd, first_words, err);
	while (status == CUA_OK && !(run->text.len && strstr(run->text.data, WORD))) {
		status = bench_child_read(run, err);
	}
	*ret_ms = bench_ms_since(sent_us);
	return status == CUA_OK ? send_text(fd, the_end, err) : status;
}

enum cua_status bench_loop_word(
		struct bench_desktop *desktop, double *ret_ms, struct cua_error *err)
{
	CUA_AUTO_FD int listen_fd = -1;
	CUA_AUTO_FD int fd = -1;
	struct bench_child run;
	int port = 0;
	enum cua_status status = listen_on_loopback(&listen_fd, &port, err);
	if (status == CUA_OK) {
		status = bench_loop_start(desktop, "responses", port, false, &run, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	status = accept_one(desktop->bench, listen_fd, &fd, err);
	status = status == CUA_OK ? read_request(fd, err) : status;
	status = status == CUA_OK ? time_word(fd, &run, ret_ms, err) : status;
	struct cua_error last = { 0 };
	while (status == CUA_OK && bench_child_read(&run, &last) == CUA_OK) {
	}
	const int exit_status = bench_child_end(&run, status == CUA_OK ? 0 : SIGTERM);
	return status == CUA_OK && exit_status != 0
			? CUA_FAIL(err, CUA_ERR_APP, 0, "cua run ended with status %d", exit_status)
			: status;
}
