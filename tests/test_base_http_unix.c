#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cua/base/http_unix.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"

/* A server that takes one connection, reads one request and answers with bytes of the test's. */
struct peer {
	char dir[32], path[64];
	int listen_fd;
	pthread_t thread;
	const char *answer; /* NULL: none */
	bool hangs;         /* keeps the connection open, for the caller to end */
	bool slow;          /* a byte at a time */
	char request[4096];
};

static void read_request(struct peer *peer, int fd)
{
	size_t len = 0;
	const char *end = NULL;
	while (!end || strlen(end + 4) < (strstr(peer->request, "length: 5") ? 5U : 0U)) {
		const ssize_t got = read(fd, peer->request + len, sizeof(peer->request) - 1 - len);
		if (got <= 0) {
			return;
		}
		len += (size_t)got;
		peer->request[len] = '\0';
		end = strstr(peer->request, "\r\n\r\n");
	}
}

static void *peer_main(void *user_data)
{
	struct peer *peer = user_data;
	char byte;
	struct pollfd ready = { .fd = peer->listen_fd, .events = POLLIN };
	(void)poll(&ready, 1, -1); /* the listener does not block */
	CUA_AUTO_FD int fd = accept(peer->listen_fd, NULL, NULL);
	read_request(peer, fd);
	const size_t len = peer->answer ? strlen(peer->answer) : 0;
	for (size_t sent = 0; sent < len;) {
		const ssize_t wrote = send(
				fd, peer->answer + sent, peer->slow ? 1 : len - sent, MSG_NOSIGNAL);
		if (wrote <= 0) {
			break;
		}
		sent += (size_t)wrote;
	}
	if (peer->hangs) {
		(void)!read(fd, &byte, 1);
	}
	return NULL;
}

static void peer_start(struct peer *peer)
{
	snprintf(peer->dir, sizeof(peer->dir), "/tmp/cua-test-XXXXXX");
	assert_non_null(mkdtemp(peer->dir));
	snprintf(peer->path, sizeof(peer->path), "%s/sock", peer->dir);
	assert_int_equal(cua_unix_listen(peer->path, SOCK_STREAM, 0600, &peer->listen_fd, NULL),
			CUA_OK);
	assert_int_equal(pthread_create(&peer->thread, NULL, peer_main, peer), 0);
}

static void peer_finish(struct peer *peer)
{
	pthread_join(peer->thread, NULL);
	close(peer->listen_fd);
	unlink(peer->path);
	rmdir(peer->dir);
}

static enum cua_status call(struct peer *peer, size_t max_len, int timeout_ms, int *ret_http_status,
		char *text, size_t size, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer body;
	cua_buffer_init(&body, max_len);
	peer_start(peer);
	enum cua_status status = cua_http_unix_call(peer->path, "POST", "/v1/x?y=1", "hello",
			timeout_ms, ret_http_status, &body, err);
	peer_finish(peer);
	snprintf(text, size, "%s", body.data ? body.data : "");
	return status;
}

static void answers_come_back_whole(void **state)
{
	static const struct {
		const char *answer, *body;
		int http_status;
	} rows[] = {
		{ "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", "{}", 200 },
		{ "HTTP/1.1 423 Locked\r\nContent-Length: 3\r\n\r\nnot", "not", 423 },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n"
		  "0\r\n\r\n",
				"abc", 200 },
		{ "HTTP/1.1 200 OK\r\n\r\nto the end", "to the end", 200 },
		{ "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "", 200 },
	};
	(void)state;
	for (size_t i = 0; i < 2 * CUA_ARRAY_LEN(rows); i++) {
		struct peer peer = { .answer = rows[i / 2].answer, .slow = i % 2 };
		char text[64];
		int http_status = 0;
		struct cua_error err = { 0 };
		if (call(&peer, 1024, 20000, &http_status, text, sizeof(text), &err) != CUA_OK) {
			fail_msg("%s: %s", rows[i / 2].answer, err.msg);
		}
		assert_int_equal(http_status, rows[i / 2].http_status);
		assert_string_equal(text, rows[i / 2].body);
		assert_memory_equal(peer.request, "POST /v1/x?y=1 HTTP/1.1\r\n", 25);
		assert_non_null(strstr(peer.request, "\r\n\r\nhello"));
	}
}

static void half_an_answer_is_an_error(void **state)
{
	static const char *const answers[] = { NULL, "HTTP/1.1 200 OK\r\ncontent-le",
		"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", "SSH-2.0-OpenSSH\r\n",
		"HTTP/1.1 200 OK\r\ncontent-length: 2x\r\n\r\nab" };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(answers); i++) {
		struct peer peer = { .answer = answers[i] };
		char text[64];
		int http_status = -1;
		struct cua_error err = { 0 };
		assert_int_equal(call(&peer, 1024, 20000, &http_status, text, sizeof(text), &err),
				CUA_ERR_CLOSED);
		assert_int_equal(http_status, -1);
		assert_string_not_equal(err.msg, "");
	}
}

static void an_answer_past_the_cap_is_an_error(void **state)
{
	struct peer peer = { .answer = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n123456789" };
	char text[64];
	int http_status = 0;
	(void)state;
	assert_int_equal(call(&peer, 8, 20000, &http_status, text, sizeof(text), NULL),
			CUA_ERR_TOO_LARGE);
}

static void silence_ends_at_the_deadline(void **state)
{
	struct peer peer = { .hangs = true };
	char text[64];
	int http_status = 0;
	(void)state;
	assert_int_equal(call(&peer, 1024, 50, &http_status, text, sizeof(text), NULL),
			CUA_ERR_TIMEOUT);
}

static void who_does_not_wait_hangs_up(void **state)
{
	struct peer peer = { .hangs = true };
	struct cua_error err = { 0 };
	cJSON *answer = NULL;
	int ends[2];
	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	peer_start(&peer);
	assert_int_equal(cua_http_unix_json_until(peer.path, "POST", "/v1/x?y=1", NULL, 20000,
					 ends[0], &answer, &err),
			CUA_ERR_CANCELLED);
	peer_finish(&peer);
	assert_null(answer);
	close(ends[0]);
	close(ends[1]);
}

static void nobody_there_is_an_error(void **state)
{
	CUA_AUTO_BUFFER struct cua_buffer body;
	int http_status = 0;
	(void)state;
	cua_buffer_init(&body, 64);
	assert_int_equal(cua_http_unix_call("/nonexistent/sock", "GET", "/", NULL, 1000,
					 &http_status, &body, NULL),
			CUA_ERR_CLOSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_come_back_whole),
		cmocka_unit_test(half_an_answer_is_an_error),
		cmocka_unit_test(an_answer_past_the_cap_is_an_error),
		cmocka_unit_test(silence_ends_at_the_deadline),
		cmocka_unit_test(who_does_not_wait_hangs_up),
		cmocka_unit_test(nobody_there_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
