#include "tests/http_site.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cua/base/unix_socket.h"
#include "cua/base/util.h"

/* --- a server of few words --- */

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

/* A descriptor that is watched beside a request: what is read from it moves the deadline. */
struct beside {
	int ends[2], heard, headers;
	uint64_t deadline_us;
};

static enum cua_status hear(void *user_data, struct cua_error *err)
{
	struct beside *beside = user_data;
	char byte = 0;
	assert_int_equal(read(beside->ends[0], &byte, 1), 1);
	beside->heard++;
	if (byte == 'x') {
		return CUA_FAIL(err, CUA_ERR_PERSON, 0, "heard enough");
	}
	beside->deadline_us = cua_now_us() + 100000;
	return CUA_OK;
}

static void count_headers(void *user_data)
{
	((struct beside *)user_data)->headers++;
}

static enum cua_status ask_beside(struct beside *beside, const char *says, const char *bytes)
{
	struct cua_http_request request = request_to("GET", "http://desktop/a");
	struct cua_http_response response;
	struct cua_error err = { 0 };
	int connections = 0;
	*beside = (struct beside){ .deadline_us = cua_now_us() + PATIENCE_MS * 1000ULL };
	assert_int_equal(pipe2(beside->ends, O_CLOEXEC), 0);
	assert_int_equal(write(beside->ends[1], bytes, strlen(bytes)), strlen(bytes));
	request.total_timeout_ms = 0;
	request.deadline_us = &beside->deadline_us;
	request.beside_fd = &beside->ends[0];
	request.on_beside = hear;
	request.beside_user_data = beside;
	request.on_headers = count_headers;
	request.user_data = beside;
	enum cua_status status = ask_canned(says, request, &response, &connections, &err);
	cua_http_response_finish(&response);
	close(beside->ends[0]);
	close(beside->ends[1]);
	return status;
}

static void what_comes_beside_a_request_is_heard(void **state)
{
	(void)state;
	static const char held[] = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhold";
	struct beside beside;
	assert_int_equal(ask_beside(&beside, held, "abc"), CUA_ERR_TIMEOUT); /* by the deadline */
	assert_int_equal(beside.heard, 3);
	assert_int_equal(beside.headers, 1);
	assert_int_equal(ask_beside(&beside, held, "axb"), CUA_ERR_PERSON);
	assert_int_equal(beside.heard, 2);
	assert_int_equal(ask_beside(&beside, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""),
			CUA_OK);
	assert_int_equal(beside.headers, 1);
}

/* --- a server of many --- */

/* Seconds by which all clocks of this process are ahead, those of libcurl among them. */
static _Atomic time_t ahead_s;

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *ret_now)
{
	const long result = syscall(SYS_clock_gettime, clock, ret_now);
	ret_now->tv_sec += ahead_s;
	return (int)result;
}

/* Somebody may think for long about what the next request says. */
static void a_connection_to_a_socket_is_kept_however_long_it_is_idle(void **state)
{
	struct cua_http_client *client = client_of(*state, -1);
	expect_answer(client, "http://desktop/a", NULL, "GET /a? #1 \"\" ");
	ahead_s = 3000; /* less than the server keeps it */
	expect_answer(client, "http://desktop/a", NULL, "GET /a? #1 \"\" ");
	cua_http_client_destroy(client);
	ahead_s = 0;
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
		cmocka_unit_test(redirects_are_not_followed),
		cmocka_unit_test(headers_of_the_retry_rules_are_kept),
		cmocka_unit_test(a_compressed_answer_is_an_error_and_says_so),
		cmocka_unit_test(headers_have_a_bound),
		cmocka_unit_test(failures_have_their_status),
		cmocka_unit_test(nobody_there_is_closed),
		cmocka_unit_test(what_comes_beside_a_request_is_heard),
		ON_SITE(a_connection_to_a_socket_is_kept_however_long_it_is_idle),
		ON_SITE(what_the_callback_says_ends_the_request),
		ON_SITE(a_request_is_cancelled_while_it_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
