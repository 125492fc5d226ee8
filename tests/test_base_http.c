#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/http_client.h"
#include "cua/base/http_server.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"

#define BODY_MAX 65536
#define BIG_LEN ((size_t)5 << 20)
#define PATIENCE_MS 20000

/* libwebsockets frees its context in a second call after the loop has closed its handles; a host
 * has one context for life. What grows with connections is found by their descriptors. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libwebsockets\n";
}

/* --- a server on a loop of its own thread --- */

struct site {
	char dir[32], path[64];
	pthread_t thread;
	uv_loop_t loop;
	uv_async_t stop;
	struct cua_http_server *server;
	struct cua_http_exchange *held[4]; /* requests to /late, unanswered */
	int held_count;
	int told[2];   /* pipe: the loop tells what happened, a letter each */
	int cancel_fd; /* written to when a request to /cancel arrives */
	char *big;
};

static void tell(struct site *site, char what)
{
	assert_int_equal(write(site->told[1], &what, 1), 1);
}

/* Waits for the next letter that is not one of `skipped`. */
static char next_told(struct site *site, const char *skipped)
{
	char what = 0;
	do {
		struct pollfd readable = { .fd = site->told[0], .events = POLLIN };
		if (poll(&readable, 1, PATIENCE_MS) != 1) {
			fail_msg("nothing happened");
		}
		assert_int_equal(read(site->told[0], &what, 1), 1);
	} while (strchr(skipped, what));
	return what;
}

static void answer(struct cua_http_exchange *exchange, int status, const char *body, size_t len)
{
	const struct cua_http_reply reply = { .status = status,
		.content_type = "text/plain",
		.etag = "\"tag\"",
		.body = body,
		.body_len = len };
	cua_http_reply(exchange, &reply);
}

static void echo(struct cua_http_exchange *exchange)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, 2 * BODY_MAX);
	assert_int_equal(cua_buffer_printf(&text, NULL, "%s %s?%s #%lu \"%s\" ", exchange->method,
					 exchange->path, exchange->query, exchange->connection,
					 exchange->if_none_match),
			CUA_OK);
	assert_int_equal(cua_buffer_append(&text, exchange->body.data, exchange->body.len, NULL),
			CUA_OK);
	answer(exchange, 200, text.data, text.len);
}

static void on_request(struct cua_http_exchange *exchange, void *user_data)
{
	struct site *site = user_data;
	if (strcmp(exchange->path, "/late") == 0) {
		assert_true(site->held_count < 4);
		site->held[site->held_count++] = exchange;
		tell(site, 'r');
	} else if (strcmp(exchange->path, "/release") == 0) {
		for (int i = 0; i < site->held_count; i++) {
			answer(site->held[i], 200, "at last", 7);
		}
		site->held_count = 0;
		answer(exchange, 200, "released", 8);
	} else if (strcmp(exchange->path, "/end") == 0) {
		for (int i = 0; i < site->held_count; i++) {
			cua_http_end(site->held[i]);
		}
		site->held_count = 0;
		answer(exchange, 200, "ended", 5);
	} else if (strcmp(exchange->path, "/cancel") == 0) {
		site->held[site->held_count++] = exchange;
		assert_int_equal(write(site->cancel_fd, "c", 1), 1);
	} else if (strcmp(exchange->path, "/big") == 0) {
		answer(exchange, 200, site->big, BIG_LEN);
	} else if (strcmp(exchange->path, "/empty") == 0) {
		answer(exchange, 304, NULL, 0);
	} else {
		echo(exchange);
	}
}

static void on_gone(struct cua_http_exchange *exchange, void *user_data)
{
	assert_true(exchange->gone);
	tell(user_data, 'g');
}

static void on_close(unsigned long connection, void *user_data)
{
	assert_true(connection > 0);
	tell(user_data, 'c');
}

static void on_stop(uv_async_t *stop)
{
	struct site *site = stop->data;
	cua_http_server_destroy(site->server);
	for (int i = 0; i < site->held_count; i++) {
		answer(site->held[i], 503, "over", 4);
	}
	uv_close((uv_handle_t *)stop, NULL);
}

static void *serve(void *data)
{
	struct site *site = data;
	uv_run(&site->loop, UV_RUN_DEFAULT);
	return NULL;
}

static int open_site(void **state)
{
	struct site *site = calloc(1, sizeof(*site));
	assert_non_null(site);
	site->big = malloc(BIG_LEN);
	assert_non_null(site->big);
	for (size_t i = 0; i < BIG_LEN; i++) {
		site->big[i] = (char)(i * 2654435761u >> 13);
	}
	snprintf(site->dir, sizeof(site->dir), "/tmp/cua-test-XXXXXX");
	assert_non_null(mkdtemp(site->dir));
	snprintf(site->path, sizeof(site->path), "%s/api.sock", site->dir);
	assert_int_equal(pipe2(site->told, O_CLOEXEC), 0);
	site->cancel_fd = -1;
	assert_int_equal(uv_loop_init(&site->loop), 0);
	assert_int_equal(uv_async_init(&site->loop, &site->stop, on_stop), 0);
	site->stop.data = site;
	const struct cua_http_handler handler = { .on_request = on_request,
		.on_gone = on_gone,
		.on_close = on_close,
		.user_data = site };
	struct cua_error err = { 0 };
	if (cua_http_server_create(&site->loop, site->path, BODY_MAX, &handler, &site->server,
			    &err) != CUA_OK) {
		fail_msg("%s", err.msg);
	}
	assert_int_equal(pthread_create(&site->thread, NULL, serve, site), 0);
	*state = site;
	return 0;
}

static int close_site(void **state)
{
	struct site *site = *state;
	uv_async_send(&site->stop);
	pthread_join(site->thread, NULL);
	assert_int_equal(uv_loop_close(&site->loop), 0); /* every handle is closed */
	assert_int_equal(access(site->path, F_OK), -1);
	rmdir(site->dir);
	close(site->told[0]);
	close(site->told[1]);
	free(site->big);
	free(site);
	return 0;
}

/* --- callers --- */

static struct cua_http_client *client_of(const struct site *site, int cancel_fd)
{
	struct cua_http_client *client = NULL;
	assert_int_equal(cua_http_client_create(site->path, cancel_fd, &client, NULL), CUA_OK);
	return client;
}

static struct cua_http_request request_to(const char *method, const char *url)
{
	return (struct cua_http_request){
		.method = method, .url = url, .total_timeout_ms = PATIENCE_MS
	};
}

/* GETs or POSTs and compares the whole answer. */
static void expect_answer(struct cua_http_client *client, const char *url, const char *body,
		const char *expected)
{
	struct cua_http_request request = request_to(body ? "POST" : "GET", url);
	struct cua_http_response response;
	struct cua_error err = { 0 };
	request.body = body;
	request.body_len = body ? strlen(body) : 0;
	if (cua_http_perform(client, &request, &response, &err) != CUA_OK) {
		fail_msg("%s: %s", url, err.msg);
	}
	assert_int_equal(response.http_status, 200);
	assert_string_equal(response.body.data, expected);
	cua_http_response_finish(&response);
}

static int raw_connect(const struct site *site)
{
	int fd = -1;
	const struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	assert_int_equal(cua_unix_connect(site->path, SOCK_STREAM, &fd, NULL), CUA_OK);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return fd;
}

static void raw_send(int fd, const char *text)
{
	size_t len = strlen(text);
	while (len > 0) {
		ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
		if (sent < 0) {
			return; /* the server has hung up; what it said is still to be read */
		}
		text += sent;
		len -= (size_t)sent;
	}
}

/* Reads one answer: its head, and as many bytes of body as the head says, or none for HEAD. */
static void raw_read(int fd, bool is_head, char *text, size_t size)
{
	size_t len = 0, wanted = size - 1;
	while (len < wanted) {
		ssize_t got = recv(fd, text + len, wanted == size - 1 ? 1 : wanted - len, 0);
		if (got < 0 && errno != ECONNRESET) {
			fail_msg("no answer after \"%.*s\"", (int)len, text);
		}
		if (got <= 0) {
			break;
		}
		len += (size_t)got;
		text[len] = '\0';
		const char *length = strstr(text, "content-length: ");
		if (wanted == size - 1 && len >= 4 && strcmp(text + len - 4, "\r\n\r\n") == 0) {
			wanted = len + (length && !is_head ? strtoul(length + 16, NULL, 10) : 0);
		}
	}
	text[len] = '\0';
}

/* True if the other side has closed: nothing more comes. */
static bool raw_is_over(int fd)
{
	char byte;
	ssize_t got = recv(fd, &byte, 1, 0);
	return got == 0 || (got < 0 && errno == ECONNRESET);
}

static int open_fds(void)
{
	int count = 0;
	DIR *dir = opendir("/proc/self/fd");
	assert_non_null(dir);
	while (readdir(dir)) {
		count++;
	}
	closedir(dir);
	return count;
}

/* --- server --- */

static void a_connection_is_kept_and_keeps_its_number(void **state)
{
	struct site *site = *state;
	struct cua_http_client *one = client_of(site, -1), *two = client_of(site, -1);
	for (int i = 0; i < 3; i++) {
		expect_answer(one, "http://desktop/a?b=1&c=2", NULL, "GET /a?b=1&c=2 #1 \"\" ");
	}
	expect_answer(two, "http://desktop/a", "hello", "POST /a? #2 \"\" hello");
	expect_answer(one, "http://desktop/", "", "POST /? #1 \"\" ");
	cua_http_client_destroy(one);
	assert_int_equal(next_told(site, ""), 'c');
	struct cua_http_client *three = client_of(site, -1);
	expect_answer(three, "http://desktop/a", NULL, "GET /a? #3 \"\" "); /* never again 1 */
	cua_http_client_destroy(two);
	cua_http_client_destroy(three);
}

static void the_socket_is_private(void **state)
{
	const struct site *site = *state;
	struct stat info;
	assert_int_equal(stat(site->path, &info), 0);
	assert_true(S_ISSOCK(info.st_mode));
	assert_int_equal(info.st_mode & 0777, 0600);
}

static void headers_travel_both_ways(void **state)
{
	const char *const headers[] = { "If-None-Match: \"3-17\"", NULL };
	struct cua_http_client *client = client_of(*state, -1);
	struct cua_http_request request = request_to("GET", "http://desktop/a");
	struct cua_http_response response;
	request.headers = headers;
	assert_int_equal(cua_http_perform(client, &request, &response, NULL), CUA_OK);
	assert_string_equal(response.body.data, "GET /a? #1 \"\"3-17\"\" ");
	assert_string_equal(response.etag, "\"tag\"");
	assert_string_equal(response.content_type, "text/plain");
	assert_string_equal(response.retry_after, "");
	cua_http_response_finish(&response);
	request.url = "http://desktop/empty";
	assert_int_equal(cua_http_perform(client, &request, &response, NULL), CUA_OK);
	assert_int_equal(response.http_status, 304);
	assert_int_equal(response.body.len, 0);
	cua_http_response_finish(&response);
	request.url = "http://desktop/a"; /* the connection is still good */
	assert_int_equal(cua_http_perform(client, &request, &response, NULL), CUA_OK);
	assert_int_equal(response.http_status, 200);
	cua_http_response_finish(&response);
	cua_http_client_destroy(client);
}

static void a_body_may_be_as_long_as_the_bound(void **state)
{
	struct cua_http_client *client = client_of(*state, -1);
	CUA_AUTO_FREE char *body = malloc(BODY_MAX + 1), *expected = malloc(BODY_MAX + 64);
	assert_non_null(body);
	assert_non_null(expected);
	memset(body, 'b', BODY_MAX);
	body[BODY_MAX] = '\0';
	snprintf(expected, BODY_MAX + 64, "POST /a? #1 \"\" %s", body);
	expect_answer(client, "http://desktop/a", body, expected);
	expect_answer(client, "http://desktop/a", body, expected);
	cua_http_client_destroy(client);
}

static void a_body_too_long_is_refused(void **state)
{
	struct cua_http_client *client = client_of(*state, -1);
	static const size_t lens[] = { BODY_MAX + 1, 4 * BODY_MAX };
	for (size_t i = 0; i < CUA_ARRAY_LEN(lens); i++) {
		CUA_AUTO_FREE char *body = calloc(1, lens[i]);
		struct cua_http_request request = request_to("POST", "http://desktop/a");
		struct cua_http_response response;
		struct cua_error err = { 0 };
		request.body = body;
		request.body_len = lens[i];
		if (cua_http_perform(client, &request, &response, &err) != CUA_OK) {
			fail_msg("%zu bytes: %s", lens[i], err.msg);
		}
		assert_int_equal(response.http_status, 413);
		assert_non_null(strstr(response.body.data, "\"too_large\""));
		assert_non_null(strstr(response.body.data, "65536 bytes"));
		cua_http_response_finish(&response);
	}
	expect_answer(client, "http://desktop/a", "small", "POST /a? #3 \"\" small");
	cua_http_client_destroy(client);
}

static void a_length_too_long_is_refused_before_the_body(void **state)
{
	CUA_AUTO_FD int fd = raw_connect(*state);
	char text[1024];
	raw_send(fd, "POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 65537\r\n\r\n");
	raw_read(fd, false, text, sizeof(text));
	assert_memory_equal(text, "HTTP/1.1 413 ", 13);
	assert_non_null(strstr(text, "connection: close"));
	assert_true(raw_is_over(fd));
	/* And one that no number holds. */
	CUA_AUTO_FD int other = raw_connect(*state);
	raw_send(other,
			"POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: "
			"99999999999999999999999\r\n\r\n");
	raw_read(other, false, text, sizeof(text));
	assert_memory_equal(text, "HTTP/1.1 4", 10);
}

/* Not taken at all: they would go around the bound. */
static void chunked_bodies_are_refused(void **state)
{
	static const char head[] = "POST /a HTTP/1.1\r\nHost: d\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n";
	char text[1024], chunk[4096 + 16];
	CUA_AUTO_FD int small = raw_connect(*state);
	raw_send(small, head);
	raw_send(small, "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
	raw_read(small, false, text, sizeof(text));
	assert_memory_equal(text, "HTTP/1.1 411 ", 13);
	assert_true(raw_is_over(small));
	CUA_AUTO_FD int fd = raw_connect(*state);
	int len = snprintf(chunk, sizeof(chunk), "1000\r\n%*s\r\n", 4096, "");
	assert_int_equal(len, 4096 + 8);
	raw_send(fd, head);
	for (int i = 0; i < 17; i++) {
		raw_send(fd, chunk);
	}
	raw_read(fd, false, text, sizeof(text));
	assert_memory_equal(text, "HTTP/1.1 411 ", 13);
	assert_true(raw_is_over(fd));
}

static void lengths_are_numbers(void **state)
{
	static const char *const lengths[] = { "abc", "-5", "5, 5", "5x", "0x10", "+5",
		"00000000000000000000000000000000000005", "18446744073709551621" };
	char text[1024];
	for (size_t i = 0; i < CUA_ARRAY_LEN(lengths); i++) {
		CUA_AUTO_FD int fd = raw_connect(*state);
		snprintf(text, sizeof(text),
				"POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: %s\r\n\r\nhello",
				lengths[i]);
		raw_send(fd, text);
		raw_read(fd, false, text, sizeof(text));
		if (strncmp(text, "HTTP/1.1 400 ", 13) != 0 &&
				strncmp(text, "HTTP/1.1 413 ", 13) != 0) {
			fail_msg("%s: %s", lengths[i], text);
		}
		assert_true(raw_is_over(fd));
	}
	CUA_AUTO_FD int fd = raw_connect(*state);
	raw_send(fd, "POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 00\r\n\r\n");
	raw_read(fd, false, text, sizeof(text));
	assert_memory_equal(text, "HTTP/1.1 200 ", 13);
}

static void requests_ahead_of_their_turn_hold_up_nobody(void **state)
{
	char text[8192];
	const char one[] = "POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\nab";
	char many[3 * sizeof(one)];
	snprintf(many, sizeof(many), "%s%s%s", one, one, one);
	CUA_AUTO_FD int eager = raw_connect(*state);
	raw_send(eager, many);
	/* The server serves others all the same. */
	CUA_AUTO_FD int patient = raw_connect(*state);
	raw_send(patient, one);
	raw_read(patient, false, text, sizeof(text));
	assert_memory_equal(text, "HTTP/1.1 200 ", 13);
}

static void an_answer_of_5_mb_is_whole(void **state)
{
	struct site *site = *state;
	struct cua_http_client *client = client_of(site, -1);
	const struct cua_http_request request = request_to("GET", "http://desktop/big");
	for (int i = 0; i < 2; i++) {
		struct cua_http_response response;
		assert_int_equal(cua_http_perform(client, &request, &response, NULL), CUA_OK);
		assert_int_equal(response.body.len, BIG_LEN);
		assert_memory_equal(response.body.data, site->big, BIG_LEN);
		cua_http_response_finish(&response);
	}
	expect_answer(client, "http://desktop/a", NULL, "GET /a? #1 \"\" ");
	cua_http_client_destroy(client);
}

static void methods_reach_the_handler(void **state)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(methods); i++) {
		CUA_AUTO_FD int fd = raw_connect(*state);
		char text[1024];
		snprintf(text, sizeof(text),
				"%s /a HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n",
				methods[i]);
		raw_send(fd, text);
		raw_read(fd, false, text, sizeof(text));
		const char *body = strstr(text, "\r\n\r\n");
		assert_non_null(body);
		if (strncmp(body + 4, methods[i], strlen(methods[i])) != 0) {
			fail_msg("%s: %s", methods[i], text);
		}
	}
}

/* A body after HEAD would be taken for the beginning of the next answer. */
static void head_is_answered_without_a_body(void **state)
{
	CUA_AUTO_FD int fd = raw_connect(*state);
	char text[1024];
	for (int i = 0; i < 2; i++) {
		raw_send(fd, "HEAD /a HTTP/1.1\r\nHost: d\r\n\r\n");
		raw_read(fd, true, text, sizeof(text));
		assert_memory_equal(text, "HTTP/1.1 200 OK\r\n", 17);
		assert_null(strstr(text, "content-length: 0\r\n"));
	}
	raw_send(fd, "GET /a HTTP/1.1\r\nHost: d\r\n\r\n");
	raw_read(fd, false, text, sizeof(text));
	assert_memory_equal(text, "HTTP/1.1 200 OK\r\n", 17);
	assert_non_null(strstr(text, "GET /a? #1"));
}

static void what_is_no_http_is_hung_up_on(void **state)
{
	static const char *const texts[] = { "BREW /pot HTTP/1.1\r\nHost: d\r\n\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", "no http at all\r\n\r\n" };
	struct site *site = *state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(texts); i++) {
		CUA_AUTO_FD int fd = raw_connect(site);
		char text[1024];
		raw_send(fd, texts[i]);
		raw_read(fd, false, text, sizeof(text));
		if (text[0] && strncmp(text, "HTTP/1.1 4", 10) != 0 &&
				strncmp(text, "HTTP/1.0 4", 10) != 0) {
			fail_msg("%s: %s", texts[i], text);
		}
	}
	struct cua_http_client *client = client_of(site, -1); /* the server is well */
	struct cua_http_request request = request_to("GET", "http://desktop/a");
	struct cua_http_response response;
	assert_int_equal(cua_http_perform(client, &request, &response, NULL), CUA_OK);
	assert_int_equal(response.http_status, 200);
	cua_http_response_finish(&response);
	cua_http_client_destroy(client);
}

/* Nothing of a query is dropped without a word. */
static void a_target_too_long_is_refused(void **state)
{
	struct cua_http_client *client = client_of(*state, -1);
	static const size_t lens[] = { 100, 200, 254, 255, 256, 300, 600, 900 };
	for (int in_query = 0; in_query < 2; in_query++) {
		for (size_t i = 0; i < CUA_ARRAY_LEN(lens); i++) {
			char url[1200];
			struct cua_http_response response;
			int len = snprintf(url, sizeof(url), "http://desktop/a%s",
					in_query ? "?x=" : "");
			memset(url + len, 'x', lens[i]);
			snprintf(url + len + lens[i], 64, "%s", in_query ? "&last=1" : "");
			const struct cua_http_request request = request_to("GET", url);
			assert_int_equal(cua_http_perform(client, &request, &response, NULL),
					CUA_OK);
			if (response.http_status == 200) {
				assert_non_null(strstr(response.body.data, url + 14));
			} else {
				assert_int_equal(response.http_status, 414);
				assert_true(lens[i] > 200);
			}
			cua_http_response_finish(&response);
		}
	}
	cua_http_client_destroy(client);
}

static void an_empty_query_is_none(void **state)
{
	struct cua_http_client *client = client_of(*state, -1);
	expect_answer(client, "http://desktop/a?", NULL, "GET /a? #1 \"\" ");
	expect_answer(client, "http://desktop/a?&", NULL, "GET /a? #1 \"\" ");
	expect_answer(client, "http://desktop/a?x=1&", NULL, "GET /a?x=1 #1 \"\" ");
	cua_http_client_destroy(client);
}

static void an_early_hang_up_is_told(void **state)
{
	static const char *const requests[] = { "GET /late HTTP/1.1\r\nHost: d\r\n\r\n",
		"POST /late HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\n\r\nhello",
		"GET /late HTTP/1.1\r\nHost: d\r\n\r\nand more" };
	struct site *site = *state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(requests); i++) {
		int fd = raw_connect(site);
		raw_send(fd, requests[i]);
		assert_int_equal(next_told(site, ""), 'r');
		const uint64_t closed_us = cua_now_us();
		close(fd);
		assert_int_equal(next_told(site, ""), 'g');
		assert_int_equal(next_told(site, ""), 'c');
		assert_true(cua_now_us() - closed_us < 3000000); /* an event, not a timeout */
	}
	/* The reply that comes too late is dropped and its exchange freed. */
	struct cua_http_client *client = client_of(site, -1);
	expect_answer(client, "http://desktop/release", NULL, "released");
	cua_http_client_destroy(client);
}

static void a_late_answer_arrives(void **state)
{
	struct site *site = *state;
	char text[1024];
	CUA_AUTO_FD int fd = raw_connect(site);
	struct cua_http_client *client = client_of(site, -1);
	raw_send(fd, "GET /late HTTP/1.1\r\nHost: d\r\n\r\n");
	assert_int_equal(next_told(site, ""), 'r');
	expect_answer(client, "http://desktop/release", NULL, "released");
	raw_read(fd, false, text, sizeof(text));
	assert_non_null(strstr(text, "\r\n\r\nat last"));
	cua_http_client_destroy(client);
}

/* The test's own thread answers; the loop learns of it afterwards, and sends what did not fit. */
static void another_thread_answers_before_the_loop(void **state)
{
	struct site *site = *state;
	const struct cua_http_reply reply = {
		.status = 200, .content_type = "text/plain", .body = site->big, .body_len = BIG_LEN
	};
	struct cua_http_client *client = client_of(site, -1);
	char *text = malloc(BIG_LEN + 1024);
	assert_non_null(text);
	CUA_AUTO_FD int fd = raw_connect(site);
	for (int i = 0; i < 2; i++) {
		raw_send(fd, "GET /late HTTP/1.1\r\nHost: d\r\n\r\n");
		assert_int_equal(next_told(site, ""), 'r');
		cua_http_answer(site->held[0], &reply);
		assert_int_equal(recv(fd, text, 15, 0), 15);
		assert_memory_equal(text, "HTTP/1.1 200 OK", 15);
		raw_send(fd, "GET /second HTTP/1.1\r\nHost: d\r\n\r\n");
		expect_answer(client, "http://desktop/end", NULL, "ended");
		raw_read(fd, false, text, BIG_LEN + 1024);
		assert_memory_equal(strstr(text, "\r\n\r\n") + 4, site->big, BIG_LEN);
		raw_read(fd, false, text, BIG_LEN + 1024);
		assert_non_null(strstr(text, "GET /second?"));
	}
	free(text);
	cua_http_client_destroy(client);
}

static void another_thread_answers_who_has_gone(void **state)
{
	struct site *site = *state;
	const struct cua_http_reply reply = {
		.status = 200, .content_type = "text/plain", .body = site->big, .body_len = BIG_LEN
	};
	struct cua_http_client *client = client_of(site, -1);
	for (int is_answered = 0; is_answered < 2; is_answered++) {
		int fd = raw_connect(site);
		raw_send(fd, "GET /late HTTP/1.1\r\nHost: d\r\n\r\n");
		assert_int_equal(next_told(site, ""), 'r');
		if (is_answered) {
			cua_http_answer(site->held[0], &reply);
		}
		close(fd);
		assert_int_equal(next_told(site, ""), 'g');
		assert_int_equal(next_told(site, ""), 'c');
		if (!is_answered) {
			cua_http_answer(site->held[0], &reply);
		}
		expect_answer(client, "http://desktop/end", NULL, "ended");
	}
	cua_http_client_destroy(client);
}

/* Longer than a caller may take for its head; and nobody spins meanwhile. */
static void an_answer_may_take_its_time(void **state)
{
	struct site *site = *state;
	char text[1024];
	int fds[2] = { raw_connect(site), raw_connect(site) };
	raw_send(fds[0], "GET /late HTTP/1.1\r\nHost: d\r\n\r\n");
	raw_send(fds[1],
			"POST /late HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\n\r\nhello"
			"GET /second HTTP/1.1\r\nHost: d\r\n\r\n");
	assert_int_equal(next_told(site, ""), 'r');
	assert_int_equal(next_told(site, ""), 'r');
	const clock_t before = clock();
	struct pollfd readable[2] = { { .fd = fds[0], .events = POLLIN },
		{ .fd = fds[1], .events = POLLIN } };
	assert_int_equal(poll(readable, 2, 11000), 0); /* neither answered nor hung up on */
	assert_true(clock() - before < CLOCKS_PER_SEC);
	struct cua_http_client *client = client_of(site, -1);
	expect_answer(client, "http://desktop/release", NULL, "released");
	for (int i = 0; i < 2; i++) {
		raw_read(fds[i], false, text, sizeof(text));
		assert_non_null(strstr(text, "\r\n\r\nat last"));
	}
	raw_read(fds[1], false, text, sizeof(text));
	assert_non_null(strstr(text, "GET /second?"));
	close(fds[0]);
	close(fds[1]);
	cua_http_client_destroy(client);
}

/* A second request on the same connection, sent before the first is answered, waits its turn. */
static void requests_sent_together_are_answered_in_order(void **state)
{
	struct site *site = *state;
	char text[1024];
	CUA_AUTO_FD int fd = raw_connect(site);
	raw_send(fd,
			"GET /late HTTP/1.1\r\nHost: d\r\n\r\n"
			"GET /second HTTP/1.1\r\nHost: d\r\n\r\n");
	assert_int_equal(next_told(site, ""), 'r');
	struct cua_http_client *client = client_of(site, -1);
	expect_answer(client, "http://desktop/release", NULL, "released");
	raw_read(fd, false, text, sizeof(text));
	assert_non_null(strstr(text, "\r\n\r\nat last"));
	raw_read(fd, false, text, sizeof(text));
	assert_non_null(strstr(text, "GET /second?"));
	cua_http_client_destroy(client);
}

static void hang_ups_at_any_point_are_survived(void **state)
{
	static const char whole[] = "POST /a?b=1 HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\n\r\n"
				    "hello";
	struct site *site = *state;
	for (size_t cut = 0; cut < sizeof(whole); cut++) {
		char text[sizeof(whole)] = "";
		memcpy(text, whole, cut);
		int fd = raw_connect(site);
		raw_send(fd, text);
		close(fd);
	}
	int fd = raw_connect(site); /* in the middle of a large answer */
	char text[4096];
	raw_send(fd, "GET /big HTTP/1.1\r\nHost: d\r\n\r\n");
	assert_true(recv(fd, text, sizeof(text), 0) > 0);
	close(fd);
	struct cua_http_client *client = client_of(site, -1);
	const struct cua_http_request request = request_to("GET", "http://desktop/a");
	struct cua_http_response response;
	assert_int_equal(cua_http_perform(client, &request, &response, NULL), CUA_OK);
	assert_int_equal(response.http_status, 200);
	cua_http_response_finish(&response);
	cua_http_client_destroy(client);
}

/* Waits until `count` connections are closed on the server's side. */
static void await_closed(struct site *site, int count)
{
	while (count > 0) {
		count -= next_told(site, "") == 'c';
	}
}

static void no_descriptor_is_left_behind(void **state)
{
	struct site *site = *state;
	int connected = 0;
	for (int i = 0; i < 201; i++) {
		struct cua_http_client *client = client_of(site, -1);
		char expected[32];
		snprintf(expected, sizeof(expected), "GET /a? #%d \"\" ", i + 1);
		expect_answer(client, "http://desktop/a", NULL, expected);
		/* With this one answered, the loop has closed all of the one before. */
		if (i == 0) {
			connected = open_fds();
		}
		assert_int_equal(open_fds(), connected);
		cua_http_client_destroy(client);
		await_closed(site, 1);
	}
	struct cua_http_client *client = client_of(site, -1);
	for (int i = 0; i < 200; i++) {
		expect_answer(client, "http://desktop/a", "x", "POST /a? #202 \"\" x");
		assert_int_equal(open_fds(), connected);
	}
	cua_http_client_destroy(client);
}

static void it_closes_with_callers_connected(void **state)
{
	struct site *site = *state;
	int idle = raw_connect(site), waiting = raw_connect(site);
	char text[1024];
	raw_send(idle, "GET /a HTTP/1.1\r\nHost: d\r\n\r\n");
	raw_read(idle, false, text, sizeof(text));
	raw_send(waiting, "GET /late HTTP/1.1\r\nHost: d\r\n\r\n");
	assert_int_equal(next_told(site, ""), 'r');
	uv_async_send(&site->stop);
	pthread_join(site->thread, NULL);
	assert_int_equal(uv_loop_close(&site->loop), 0);
	assert_true(raw_is_over(idle));
	assert_true(raw_is_over(waiting));
	close(idle);
	close(waiting);
	/* A new one in the same place, for the teardown to close. */
	site->held_count = 0;
	assert_int_equal(uv_loop_init(&site->loop), 0);
	assert_int_equal(uv_async_init(&site->loop, &site->stop, on_stop), 0);
	const struct cua_http_handler handler = { .on_request = on_request,
		.on_gone = on_gone,
		.on_close = on_close,
		.user_data = site };
	assert_int_equal(cua_http_server_create(&site->loop, site->path, BODY_MAX, &handler,
					 &site->server, NULL),
			CUA_OK);
	assert_int_equal(pthread_create(&site->thread, NULL, serve, site), 0);
	struct cua_http_client *client = client_of(site, -1);
	expect_answer(client, "http://desktop/a", NULL, "GET /a? #1 \"\" ");
	cua_http_client_destroy(client);
}

static void no_server_without_a_place(void **state)
{
	uv_loop_t loop;
	struct cua_http_server *server = NULL;
	struct cua_error err = { 0 };
	const struct cua_http_handler handler = { .on_request = on_request };
	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(cua_http_server_create(
					 &loop, "/nonexistent/dir/s", 1, &handler, &server, &err),
			CUA_ERR_IO);
	assert_null(server);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

/* --- client, against a server of few words --- */

/* Answers one connection: reads a head, says its line, and hangs up when `hold` is readable. */
struct canned {
	char dir[32], path[64];
	const char *says;
	pthread_t thread;
	int listen_fd, hold[2];
	int connections;
};

static void *say(void *data)
{
	struct canned *canned = data;
	struct pollfd fds[2] = { { .fd = canned->listen_fd, .events = POLLIN },
		{ .fd = canned->hold[0], .events = POLLIN } };
	while (poll(fds, 2, PATIENCE_MS) > 0 && !fds[1].revents) {
		char text[4096];
		CUA_AUTO_FD int fd = accept4(canned->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0) {
			break;
		}
		canned->connections++;
		if (recv(fd, text, sizeof(text), 0) <= 0) {
			continue;
		}
		raw_send(fd, canned->says);
		if (strstr(canned->says, "hold")) {
			struct pollfd hold = { .fd = canned->hold[0], .events = POLLIN };
			poll(&hold, 1, PATIENCE_MS);
		}
	}
	return NULL;
}

static void canned_start(struct canned *canned, const char *says)
{
	*canned = (struct canned){ .says = says };
	snprintf(canned->dir, sizeof(canned->dir), "/tmp/cua-test-XXXXXX");
	assert_non_null(mkdtemp(canned->dir));
	snprintf(canned->path, sizeof(canned->path), "%s/s", canned->dir);
	assert_int_equal(cua_unix_listen(canned->path, SOCK_STREAM, 0600, &canned->listen_fd, NULL),
			CUA_OK);
	assert_int_equal(pipe2(canned->hold, O_CLOEXEC), 0);
	assert_int_equal(pthread_create(&canned->thread, NULL, say, canned), 0);
}

static void canned_stop(struct canned *canned)
{
	assert_int_equal(write(canned->hold[1], "x", 1), 1);
	pthread_join(canned->thread, NULL);
	close(canned->listen_fd);
	close(canned->hold[0]);
	close(canned->hold[1]);
	unlink(canned->path);
	rmdir(canned->dir);
}

/* One request to a server that says this; the caller finishes the response. */
static enum cua_status ask_canned(const char *says, struct cua_http_request request,
		struct cua_http_response *response, int *ret_connections, struct cua_error *err)
{
	struct canned canned;
	struct cua_http_client *client = NULL;
	canned_start(&canned, says);
	assert_int_equal(cua_http_client_create(canned.path, -1, &client, NULL), CUA_OK);
	enum cua_status status = cua_http_perform(client, &request, response, err);
	cua_http_client_destroy(client);
	canned_stop(&canned);
	*ret_connections = canned.connections;
	return status;
}

static void redirects_are_not_followed(void **state)
{
	struct cua_http_response response;
	int connections = 0;
	(void)state;
	assert_int_equal(ask_canned("HTTP/1.1 302 Found\r\nLocation: http://desktop/other\r\n"
				    "Content-Length: 4\r\n\r\nhere",
					 request_to("GET", "http://desktop/a"), &response,
					 &connections, NULL),
			CUA_OK);
	assert_int_equal(response.http_status, 302);
	assert_string_equal(response.body.data, "here");
	assert_int_equal(connections, 1);
	cua_http_response_finish(&response);
}

static void headers_of_the_retry_rules_are_kept(void **state)
{
	struct cua_http_response response;
	int connections = 0;
	(void)state;
	assert_int_equal(ask_canned("HTTP/1.1 429 Slow\r\nRETRY-AFTER:   7 \r\n"
				    "Retry-After-Ms: 350\r\nx-should-retry: true\r\n"
				    "Retry-Afterwards: 9\r\nContent-Length: 0\r\n\r\n",
					 request_to("GET", "http://desktop/a"), &response,
					 &connections, NULL),
			CUA_OK);
	assert_int_equal(response.http_status, 429);
	assert_string_equal(response.retry_after, "7");
	assert_string_equal(response.retry_after_ms, "350");
	assert_string_equal(response.should_retry, "true");
	cua_http_response_finish(&response);
}

/* A bomb is unpacked by nobody. */
static void a_compressed_answer_is_an_error_and_says_so(void **state)
{
	struct cua_http_response response;
	struct cua_error err = { 0 };
	int connections = 0;
	(void)state;
	assert_int_equal(ask_canned("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
				    "Content-Length: 4\r\n\r\n\x1f\x8b\x08z",
					 request_to("GET", "http://desktop/a"), &response,
					 &connections, &err),
			CUA_ERR_UNAVAILABLE);
	assert_non_null(strstr(err.msg, "compressed (gzip)"));
	assert_int_equal(response.body.len, 0);
	cua_http_response_finish(&response);
	assert_int_equal(ask_canned("HTTP/1.1 307 Gone\r\nContent-Encoding: identity\r\n"
				    "Location: /b\r\nContent-Length: 4\r\n\r\nhere",
					 request_to("GET", "http://desktop/a"), &response,
					 &connections, &err),
			CUA_OK);
	assert_string_equal(response.body.data, "here");
	assert_string_equal(response.location, "/b");
	cua_http_response_finish(&response);
}

/* One line without end, many lines, and many heads. */
static void headers_have_a_bound(void **state)
{
	static const struct {
		const char *head, *piece;
	} rows[] = { { "HTTP/1.1 200 OK\r\nX: ", "endless " },
		{ "HTTP/1.1 200 OK\r\n", "X-Endless: header\r\n" },
		{ "", "HTTP/1.1 100 Continue\r\n\r\n" } };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct cua_http_response response;
		struct cua_error err = { 0 };
		int connections = 0;
		CUA_AUTO_BUFFER struct cua_buffer says;
		cua_buffer_init(&says, 4 * CUA_HTTP_HEADERS_MAX);
		assert_int_equal(cua_buffer_printf(&says, NULL, "%s", rows[i].head), CUA_OK);
		while (says.len < 2 * CUA_HTTP_HEADERS_MAX) {
			assert_int_equal(cua_buffer_printf(&says, NULL, "%s", rows[i].piece),
					CUA_OK);
		}
		enum cua_status status =
				ask_canned(says.data, request_to("GET", "http://desktop/a"),
						&response, &connections, &err);
		if (status != CUA_ERR_TOO_LARGE || !strstr(err.msg, "headers of the answer")) {
			fail_msg("case %zu: %d, %s", i, (int)status, err.msg);
		}
		cua_http_response_finish(&response);
	}
}

static const struct {
	const char *says;
	long idle_timeout_s, total_timeout_ms;
	size_t max_body_len;
	enum cua_status expected;
} failures[] = {
	{ "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhold", 1, 0, 0, CUA_ERR_TIMEOUT },
	{ "HTTP/1.1 200 OK\r\nX: hold", 1, 0, 0, CUA_ERR_TIMEOUT },
	{ "HTTP/1.1 200 OK\r\nX: hold", 0, 50, 0, CUA_ERR_TIMEOUT },
	{ "", 0, 0, 0, CUA_ERR_CLOSED },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\ncut", 0, 0, 0, CUA_ERR_CLOSED },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", 0, 0, 0, CUA_ERR_CLOSED },
	{ "garbage\r\n\r\n", 0, 0, 0, CUA_ERR_CLOSED },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", 0, 0, 9, CUA_ERR_TOO_LARGE },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", 0, 0, 10, CUA_OK },
};

static void failures_have_their_status(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(failures); i++) {
		struct cua_http_request request = request_to("GET", "http://desktop/a");
		struct cua_http_response response;
		struct cua_error err = { 0 };
		int connections = 0;
		request.idle_timeout_s = failures[i].idle_timeout_s;
		request.total_timeout_ms = failures[i].total_timeout_ms;
		request.max_body_len = failures[i].max_body_len;
		enum cua_status status = ask_canned(
				failures[i].says, request, &response, &connections, &err);
		if (status != failures[i].expected) {
			fail_msg("case %zu: %d, %s", i, (int)status, err.msg);
		}
		assert_int_equal(connections, 1);
		cua_http_response_finish(&response);
	}
}

static void nobody_there_is_closed(void **state)
{
	struct cua_http_client *client = NULL;
	const struct cua_http_request request = request_to("GET", "http://desktop/a");
	struct cua_http_response response;
	struct cua_error err = { 0 };
	(void)state;
	assert_int_equal(cua_http_client_create("/nonexistent/s", -1, &client, NULL), CUA_OK);
	assert_int_equal(cua_http_perform(client, &request, &response, &err), CUA_ERR_CLOSED);
	assert_non_null(strstr(err.msg, "http://desktop/a"));
	cua_http_response_finish(&response);
	cua_http_client_destroy(client);
	cua_http_client_destroy(NULL);
}

static enum cua_status take_some(
		const char *data, size_t len, void *user_data, struct cua_error *err)
{
	size_t *taken = user_data;
	(void)data;
	*taken += len;
	return *taken > 100000 ? CUA_FAIL(err, CUA_ERR_MODEL, 0, "enough") : CUA_OK;
}

static void what_the_callback_says_ends_the_request(void **state)
{
	struct cua_http_client *client = client_of(*state, -1);
	struct cua_http_request request = request_to("GET", "http://desktop/big");
	struct cua_http_response response;
	struct cua_error err = { 0 };
	size_t taken = 0;
	request.on_data = take_some;
	request.user_data = &taken;
	assert_int_equal(cua_http_perform(client, &request, &response, &err), CUA_ERR_MODEL);
	assert_string_equal(err.msg, "enough");
	assert_int_equal(response.body.len, 0);
	assert_true(taken < BIG_LEN);
	cua_http_response_finish(&response);
	expect_answer(client, "http://desktop/a", NULL, "GET /a? #2 \"\" ");
	cua_http_client_destroy(client);
}

static void a_request_is_cancelled_while_it_waits(void **state)
{
	struct site *site = *state;
	int cancel[2];
	char byte;
	assert_int_equal(pipe2(cancel, O_CLOEXEC), 0);
	site->cancel_fd = cancel[1];
	struct cua_http_client *client = client_of(site, cancel[0]);
	struct cua_http_request request = request_to("GET", "http://desktop/cancel");
	struct cua_http_response response;
	assert_int_equal(cua_http_perform(client, &request, &response, NULL), CUA_ERR_CANCELLED);
	cua_http_response_finish(&response);
	assert_int_equal(next_told(site, ""), 'g'); /* the server learns of it */
	request.url = "http://desktop/late";
	/* While it stays readable nothing goes through; after that all does. */
	assert_int_equal(cua_http_perform(client, &request, &response, NULL), CUA_ERR_CANCELLED);
	cua_http_response_finish(&response);
	while (poll(&(struct pollfd){ .fd = cancel[0], .events = POLLIN }, 1, 0) == 1) {
		assert_int_equal(read(cancel[0], &byte, 1), 1);
	}
	struct cua_http_request plain = request_to("GET", "http://desktop/release");
	assert_int_equal(cua_http_perform(client, &plain, &response, NULL), CUA_OK);
	assert_string_equal(response.body.data, "released");
	cua_http_response_finish(&response);
	cua_http_client_destroy(client);
	site->cancel_fd = -1;
	close(cancel[0]);
	close(cancel[1]);
}

#define ON_SITE(test) cmocka_unit_test_setup_teardown(test, open_site, close_site)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_SITE(a_connection_is_kept_and_keeps_its_number),
		ON_SITE(the_socket_is_private),
		ON_SITE(headers_travel_both_ways),
		ON_SITE(a_body_may_be_as_long_as_the_bound),
		ON_SITE(a_body_too_long_is_refused),
		ON_SITE(a_length_too_long_is_refused_before_the_body),
		ON_SITE(chunked_bodies_are_refused),
		ON_SITE(lengths_are_numbers),
		ON_SITE(requests_ahead_of_their_turn_hold_up_nobody),
		ON_SITE(an_answer_of_5_mb_is_whole),
		ON_SITE(methods_reach_the_handler),
		ON_SITE(head_is_answered_without_a_body),
		ON_SITE(what_is_no_http_is_hung_up_on),
		ON_SITE(a_target_too_long_is_refused),
		ON_SITE(an_empty_query_is_none),
		ON_SITE(an_early_hang_up_is_told),
		ON_SITE(a_late_answer_arrives),
		ON_SITE(another_thread_answers_before_the_loop),
		ON_SITE(another_thread_answers_who_has_gone),
		ON_SITE(an_answer_may_take_its_time),
		ON_SITE(requests_sent_together_are_answered_in_order),
		ON_SITE(hang_ups_at_any_point_are_survived),
		ON_SITE(no_descriptor_is_left_behind),
		ON_SITE(it_closes_with_callers_connected),
		cmocka_unit_test(no_server_without_a_place),
		cmocka_unit_test(redirects_are_not_followed),
		cmocka_unit_test(headers_of_the_retry_rules_are_kept),
		cmocka_unit_test(a_compressed_answer_is_an_error_and_says_so),
		cmocka_unit_test(headers_have_a_bound),
		cmocka_unit_test(failures_have_their_status),
		cmocka_unit_test(nobody_there_is_closed),
		ON_SITE(what_the_callback_says_ends_the_request),
		ON_SITE(a_request_is_cancelled_while_it_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
