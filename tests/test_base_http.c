#include "tests/http_site.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/util.h"

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

/* Sends all of it, whatever comes back meanwhile; false if the server hung up before. */
static bool sends_all(int fd, const char *head, size_t body_len)
{
	static const char piece[65536];
	raw_send(fd, head);
	for (size_t sent = 0; sent < body_len;) {
		const size_t left = body_len - sent;
		const ssize_t len = send(fd, piece, left < sizeof(piece) ? left : sizeof(piece),
				MSG_NOSIGNAL);
		if (len < 0) {
			return false;
		}
		sent += (size_t)len;
	}
	return true;
}

/* Who closes on a caller that is still sending takes the answer from it. */
static void a_refusal_reaches_who_is_still_sending(void **state)
{
	char long_path[4000];
	snprintf(long_path, sizeof(long_path),
			"POST /%02100d HTTP/1.1\r\nHost: d\r\nContent-Length: 4194304\r\n\r\n", 0);
	const struct {
		const char *head, *answer;
	} requests[] = { { "POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 4194304\r\n\r\n",
					 "HTTP/1.1 413 " },
		{ "POST /a HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n",
				"HTTP/1.1 411 " },
		{ "POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 4194304x\r\n\r\n",
				"HTTP/1.1 400 " },
		{ "POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 400 " },
		{ long_path, "HTTP/1.1 414 " } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(requests); i++) {
		char text[1024];
		CUA_AUTO_FD int fd = raw_connect(*state);
		const bool sent = sends_all(fd, requests[i].head, 4194304);
		raw_read(fd, false, text, sizeof(text));
		if (!sent || strncmp(text, requests[i].answer, 13) != 0) {
			fail_msg("%.60s: %s; \"%.13s\" came", requests[i].head,
					sent ? "sent" : "hung up on", text);
		}
		assert_true(raw_is_over(fd));
	}
}

/* But not for ever. */
static void who_sends_without_end_is_hung_up_on(void **state)
{
	static const char *const heads[] = {
		"POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 99999999999\r\n\r\n",
		"POST /a HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n"
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(heads); i++) {
		CUA_AUTO_FD int fd = raw_connect(*state);
		assert_false(sends_all(fd, heads[i], (size_t)1 << 30));
	}
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
	site_stop(site);
	assert_true(raw_is_over(idle));
	assert_true(raw_is_over(waiting));
	close(idle);
	close(waiting);
	/* A new one in the same place, for the teardown to close. */
	site_start(site);
	struct cua_http_client *client = client_of(site, -1);
	expect_answer(client, "http://desktop/a", NULL, "GET /a? #1 \"\" ");
	cua_http_client_destroy(client);
}

static void no_server_without_a_place(void **state)
{
	uv_loop_t loop;
	struct cua_http_server *server = NULL;
	struct cua_error err = { 0 };
	const struct cua_http_handler handler = { 0 };
	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	const struct cua_http_listen listen = { .unix_path = "/nonexistent/dir/s",
		.max_body_len = 1 };
	assert_int_equal(cua_http_server_create(&loop, &listen, &handler, &server, &err),
			CUA_ERR_IO);
	assert_null(server);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
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
		ON_SITE(a_refusal_reaches_who_is_still_sending),
		ON_SITE(who_sends_without_end_is_hung_up_on),
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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
