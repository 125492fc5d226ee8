#include "tests/http_site.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/http_wire.h"

#define HEADERS "host", "x-token", "authorization", "last-event-id", "cookie"

/* Says all that it was told: method, path, peer, arguments, headers, body. */
static void on_request(struct cua_http_exchange *exchange, void *user_data)
{
	const struct cua_http_head *head = &exchange->head;
	static const char *const names[] = { HEADERS };
	CUA_AUTO_BUFFER struct cua_buffer text;
	(void)user_data;
	cua_buffer_init(&text, 1 << 20);
	assert_int_equal(cua_buffer_printf(&text, NULL, "%s %s from %s", head->method, head->path,
					 head->peer),
			CUA_OK);
	for (size_t i = 0; i < CUA_HTTP_ARGUMENTS_MAX && head->arguments[i]; i++) {
		assert_int_equal(cua_buffer_printf(&text, NULL, " [%s]", head->arguments[i]),
				CUA_OK);
	}
	for (size_t i = 1; i < CUA_ARRAY_LEN(names); i++) {
		const char *value = cua_http_header(head, names[i]);
		if (value[0]) {
			assert_int_equal(cua_buffer_printf(&text, NULL, " %s=%s", names[i], value),
					CUA_OK);
		}
	}
	assert_int_equal(cua_buffer_printf(&text, NULL, " \"%.*s\"", (int)exchange->body.len,
					 exchange->body.len ? exchange->body.data : ""),
			CUA_OK);
	const struct cua_http_reply reply = {
		.status = 200, .content_type = "text/plain", .body = text.data, .body_len = text.len
	};
	cua_http_reply(exchange, &reply);
}

static int open_with(struct site *site, void **state)
{
	static const char *const headers[] = { HEADERS, NULL };
	site->listen.address = "127.0.0.1";
	site->listen.headers = headers;
	site->handler.on_request = on_request;
	site_start(site);
	*state = site;
	return 0;
}

static int open_any(void **state)
{
	return open_with(site_create(), state);
}

static int open_tls(void **state)
{
	struct site *site = site_create();
	wire_use_tls(site);
	return open_with(site, state);
}

/* One request on a connection of its own, and what comes back up to the end; the caller says that
 * nothing more will follow. */
static void ask(struct site *site, const char *request, char *text, size_t size)
{
	struct wire wire = wire_open(site);
	assert_true(wire_say(&wire, request));
	shutdown(wire.fd, SHUT_WR);
	const size_t len = wire_receive(&wire, text, size - 1);
	text[len] = '\0';
	wire_close(&wire);
}

/* "" for a connection that is closed without an answer. */
static void expect_status(struct site *site, const char *request, const char *status)
{
	char text[4096];
	ask(site, request, text, sizeof(text));
	if (strncmp(text, status, strlen(status)) != 0 || (!status[0] && text[0])) {
		fail_msg("\"%.300s\": \"%s\", not %s", request, text, status);
	}
}

static void expect_said(struct site *site, const char *request, const char *said)
{
	char text[8192];
	struct wire wire = wire_open(site);
	assert_true(wire_say(&wire, request));
	assert_true(wire_read_answer(&wire, text, sizeof(text)));
	const char *body = strstr(text, "\r\n\r\n");
	if (!body || strcmp(body + 4, said) != 0) {
		fail_msg("%s: \"%s\", not \"%s\"", request, text, said);
	}
	wire_close(&wire);
}

static void headers_are_known_in_any_letter_case(void **state)
{
	expect_said(*state,
			"GET /a HTTP/1.1\r\nhOST: d\r\nX-ToKeN: One\r\nAUTHORIZATION: Bearer "
			"Two\r\nlast-event-id:3\r\nCookie:\t a=b \r\nX-Other: no\r\n\r\n",
			"GET /a from 127.0.0.1 x-token=One authorization=Bearer Two "
			"last-event-id=3 "
			"cookie=a=b \"\"");
	expect_said(*state, "GET /a HTTP/1.1\r\nHost: d\r\nX-Token:\r\n\r\n",
			"GET /a from 127.0.0.1 \"\"");
}

static void a_header_that_is_there_twice_is_refused(void **state)
{
	expect_status(*state,
			"GET /a HTTP/1.1\r\nHost: d\r\nAuthorization: a\r\nAuthorization: "
			"a\r\n\r\n",
			"HTTP/1.1 400 ");
	expect_status(*state, "GET /a HTTP/1.1\r\nHost: d\r\nHost: e\r\n\r\n", "HTTP/1.1 400 ");
	/* Of one that libwebsockets does not know, the first is kept. */
	expect_said(*state, "GET /a HTTP/1.1\r\nHost: d\r\nX-Token: a\r\nx-token: b\r\n\r\n",
			"GET /a from 127.0.0.1 x-token=a \"\"");
}

static void arguments_are_decoded_one_by_one(void **state)
{
	expect_said(*state,
			"GET /a%20b?a=1%262&b=%3D%3d&c+d=e+f&&g&h=%C3%A4&a=2&i==;j=%25%32%36 "
			"HTTP/1.1\r\nHost: d\r\n\r\n",
			"GET /a b from 127.0.0.1 [a=1&2] [b===] [c d=e f] [g] [h=\xc3\xa4] [a=2] "
			"[i==] "
			"[j=%26] \"\"");
	expect_said(*state, "GET /a?x=/../b/./c//d HTTP/1.1\r\nHost: d\r\n\r\n",
			"GET /a from 127.0.0.1 [x=/../b/./c//d] \"\"");
	expect_said(*state, "GET /a/../../b/./c//d HTTP/1.1\r\nHost: d\r\n\r\n",
			"GET /b/c/d from 127.0.0.1 \"\"");
}

static void what_cannot_be_decoded_is_refused(void **state)
{
	static const char *const targets[] = { "/a?x=%00", "/a?x=%00y&z=1", "/%00b", "/a%00b",
		"/a?x=%", "/a?x=%4", "/a?x=%zz", "/%", "/a%0aX-Token:evil", "/a%0d%0aX-Token:evil",
		"/a?x=%0aX-Token:evil", "/a?x=%0d", "a", "*", "" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(targets); i++) {
		char request[256], text[4096];
		snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: d\r\n\r\n",
				targets[i]);
		ask(*state, request, text, sizeof(text));
		if (strncmp(text, "HTTP/1.1 40", 11) != 0 &&
				strncmp(text, "HTTP/1.0 40", 11) != 0) {
			fail_msg("%s: \"%s\"", targets[i], text);
		}
	}
}

/* A refusal is a problem of the same status. */
static void expect_answered(struct wire *wire, const char *status)
{
	char text[4096];
	assert_true(wire_read_answer(wire, text, sizeof(text)));
	if (strncmp(text, status, strlen(status)) != 0) {
		fail_msg("\"%s\", not %s", text, status);
	}
	const int http_status = atoi(text + strlen("HTTP/1.1 "));
	if (http_status >= 400) {
		CUA_AUTO_JSON cJSON *problem = cJSON_Parse(strstr(text, "\r\n\r\n"));
		assert_non_null(strstr(text, "\r\ncontent-type: application/problem+json\r\n"));
		assert_int_equal(cua_json_int(problem, "status"), http_status);
		assert_string_not_equal(cua_json_text(problem, "detail"), "");
		assert_string_equal(cua_json_text(problem, "class"), "caller");
	}
}

#define RAW_ZERO "GET /a HTTP/1.1\r\nHost: d\r\nX-Token: a\0b\r\n\r\n"

/* In the body it is a byte like others. */
static void a_zero_byte_in_a_head_is_refused(void **state)
{
	static const char body[] = "POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\n\r\na%00\0";
	struct wire wire = wire_open(*state);
	assert_true(wire_send(&wire, body, sizeof(body) - 1));
	expect_answered(&wire, "HTTP/1.1 200 ");
	assert_true(wire_send(&wire, RAW_ZERO, sizeof(RAW_ZERO) - 1));
	expect_answered(&wire, "HTTP/1.1 400 ");
	assert_true(wire_is_over(&wire));
	wire_close(&wire);
}

/* What is not HTTP/1.1, and what its answer begins with. */
static const struct malformed {
	const char *request, *status;
	size_t len; /* 0: up to its end */
} malformed[] = {
	{ "GET /a%00b HTTP/1.1\r\nHost: d\r\n\r\n", "HTTP/1.1 400 ", 0 },
	{ RAW_ZERO, "HTTP/1.1 400 ", sizeof(RAW_ZERO) - 1 },
	{ "\0\0\0\0", "HTTP/1.1 400 ", 4 },
	{ "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "HTTP/1.1 400 ", 11 },
	{ "hello\r\n\r\n", "HTTP/1.1 400 ", 0 },
	{ "GET\r\n\r\n", "HTTP/1.1 400 ", 0 },
	{ "GET a HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", 0 },
	{ "GET http://d/ HTTP/1.1\r\nHost: d\r\n\r\n", "HTTP/1.1 400 ", 0 },
	{ "GET /a%4 HTTP/1.1\r\nHost: d\r\n\r\n", "HTTP/1.1 400 ", 0 },
	{ "GET /a b HTTP/1.1\r\nHost: d\r\n\r\n", "HTTP/1.1 400 ", 0 },
	{ "\r\n\r\nGET /a HTTP/1.1\r\nHost: d\r\n\r\n", "HTTP/1.1 400 ", 0 },
	{ "GET /a HTTP/1.1\r\nX-A: b\r\n c\r\n\r\n", "HTTP/1.1 400 ", 0 },
	{ "GET /a HTTPS/1.1\r\n\r\n", "HTTP/1.1 400 ", 0 },
	{ "GET /a HTTP/1.1 \r\n\r\n", "HTTP/1.1 400 ", 0 },
	{ "GET /a HTTP/1.1\r\nno colon\r\n\r\n", "HTTP/1.1 400 ", 0 },
	{ "GET /a HTTP/1.1\r\nHost : d\r\n\r\n", "HTTP/1.1 400 ", 0 },
	{ "GET /a HTTP/1.1\r\nX-A: \x7f\r\n\r\n", "HTTP/1.1 400 ", 0 },
	{ "POST /a HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400 ", 0 },
	{ "POST /a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 400 ",
			0 },
	{ "GET /a HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n", "HTTP/1.1 400 ", 0 },
	{ "GET /a HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade:\twebsocket\r\n\r\n", "HTTP/1.1 400 ",
			0 },
	{ "GET /a HTTP/1.1\r\nA: b\r\n\rX-Y: z\r\nUpgrade: foo\r\n\r\n", "HTTP/1.1 400 ", 0 },
	{ "BREW /pot HTTP/1.1\r\nHost: d\r\n\r\n", "HTTP/1.1 501 ", 0 },
	{ "PROPFIND / HTTP/1.1\r\nHost: d\r\n\r\n", "HTTP/1.1 501 ", 0 },
	{ "CONNECT d:80 HTTP/1.1\r\nHost: d\r\n\r\n", "HTTP/1.1 501 ", 0 },
	{ "GET /a HTTP/2.0\r\nHost: d\r\n\r\n", "HTTP/1.1 505 ", 0 },
};

/* kept: behind a good request. */
static struct wire open_for(struct site *site, bool kept)
{
	struct wire wire = wire_open(site);
	if (kept) {
		assert_true(wire_say(&wire, "GET /a HTTP/1.1\r\nHost: d\r\n\r\n"));
		expect_answered(&wire, "HTTP/1.1 200 ");
	}
	return wire;
}

static void what_is_no_http_is_refused(void **state)
{
	for (size_t i = 0; i < 2 * CUA_ARRAY_LEN(malformed); i++) {
		const struct malformed *is = &malformed[i / 2];
		struct wire wire = open_for(*state, i % 2);
		assert_true(wire_send(&wire, is->request, is->len ? is->len : strlen(is->request)));
		expect_answered(&wire, is->status);
		assert_true(wire_is_over(&wire));
		wire_close(&wire);
	}
}

/* Byte by byte. */
static void what_is_no_http_is_refused_in_pieces(void **state)
{
	for (size_t i = 0; i < 2 * CUA_ARRAY_LEN(malformed); i++) {
		const struct malformed *is = &malformed[i / 2];
		const size_t len = is->len ? is->len : strlen(is->request);
		struct wire wire = open_for(*state, i % 2);
		for (size_t at = 0; at < len && !wire_is_answered(&wire, 1); at++) {
			assert_true(wire_send(&wire, is->request + at, 1));
		}
		expect_answered(&wire, is->status);
		assert_true(wire_is_over(&wire));
		wire_close(&wire);
	}
}

static void a_good_head_may_come_in_pieces(void **state)
{
	static const char request[] = "GET /a HTTP/1.1\r\nHost: d\r\nX-Token: b\r\n\r\n";
	struct wire wire = wire_open(*state);
	for (int i = 0; i < 3; i++) {
		for (const char *at = request; *at; at++) {
			struct pollfd nothing = { .fd = -1 };
			assert_true(wire_send(&wire, at, 1));
			poll(&nothing, 1, 1);
		}
		expect_answered(&wire, "HTTP/1.1 200 ");
	}
	wire_close(&wire);
}

static void as_many_arguments_as_the_bound(void **state)
{
	char request[512], said[512];
	for (int count = CUA_HTTP_ARGUMENTS_MAX; count <= CUA_HTTP_ARGUMENTS_MAX + 1; count++) {
		int len = snprintf(request, sizeof(request), "GET /a?");
		int said_len = snprintf(said, sizeof(said), "GET /a from 127.0.0.1");
		for (int i = 0; i < count; i++) {
			len += snprintf(request + len, sizeof(request) - (size_t)len, "%sa%d",
					i > 0 ? "&" : "", i);
			said_len += snprintf(said + said_len, sizeof(said) - (size_t)said_len,
					" [a%d]", i);
		}
		snprintf(request + len, sizeof(request) - (size_t)len,
				" HTTP/1.1\r\nHost: d\r\n\r\n");
		snprintf(said + said_len, sizeof(said) - (size_t)said_len, " \"\"");
		if (count == CUA_HTTP_ARGUMENTS_MAX) {
			expect_said(*state, request, said);
		} else {
			expect_status(*state, request, "HTTP/1.1 414 ");
		}
	}
}

/* begin, so many letters, end. */
static char *long_request(const char *begin, size_t len, const char *end)
{
	const size_t begin_len = strlen(begin);
	char *request = malloc(begin_len + len + strlen(end) + 1);
	assert_non_null(request);
	memcpy(request, begin, begin_len);
	memset(request + begin_len, 'x', len);
	strcpy(request + begin_len + len, end);
	return request;
}

static void what_is_too_long_is_refused(void **state)
{
	static const struct {
		const char *begin, *end;
		size_t fits, too_long;
	} cases[] = { { "GET /", " HTTP/1.1\r\nHost: d\r\n\r\n", 2047, 2048 },
		{ "GET /a?x=", " HTTP/1.1\r\nHost: d\r\n\r\n", 8000, 9000 },
		{ "GET /a HTTP/1.1\r\nHost: d\r\nX-Token: ", "\r\n\r\n", 8192, 8193 },
		{ "GET /a HTTP/1.1\r\nHost: d\r\nAuthorization: ", "\r\n\r\n", 8192, 8193 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		CUA_AUTO_FREE char *fits =
				long_request(cases[i].begin, cases[i].fits, cases[i].end);
		CUA_AUTO_FREE char *too_long =
				long_request(cases[i].begin, cases[i].too_long, cases[i].end);
		expect_status(*state, fits, "HTTP/1.1 200 ");
		expect_status(*state, too_long, "HTTP/1.1 414 ");
	}
}

/* Behind a refusal up to 64 MiB are read, for up to 5 s, and dropped. */
#define TAKEN_MAX ((size_t)128 << 20)

/* More than libwebsockets holds: in one header, in many, in names, in a line without end. */
static void a_head_without_bound_does_no_harm(void **state)
{
	static const char *const begins[] = { "GET /", "GET /a?", "GET /a HTTP/1.1\r\nX-Token: ",
		"GET /a HTTP/1.1\r\nAuthorization: ", "GET /a HTTP/1.1\r\n", "" };
	CUA_AUTO_FREE char *many = long_request("X-A: b\r\nX-B: ", 1 << 16, "\r\n");
	for (size_t i = 0; i < CUA_ARRAY_LEN(begins); i++) {
		CUA_AUTO_FREE char *request = long_request(begins[i], (size_t)1 << 20, "\r\n\r\n");
		struct wire wire = wire_open(*state);
		char text[4096];
		(void)wire_say(&wire, request);
		text[wire_receive(&wire, text, sizeof(text) - 1)] = '\0';
		if (text[0] && strncmp(text + 8, " 4", 2) != 0) {
			fail_msg("%s: %s", begins[i], text);
		}
		wire_close(&wire);
	}
	struct wire wire = wire_open(*state);
	assert_true(wire_say(&wire, "GET /a HTTP/1.1\r\nHost: d\r\n"));
	size_t sent = 0;
	while (sent < TAKEN_MAX && wire_say(&wire, many)) {
		sent += strlen(many);
	}
	assert_true(sent < TAKEN_MAX);
	wire_close(&wire);
	expect_said(*state, "GET /a HTTP/1.1\r\nHost: d\r\n\r\n", "GET /a from 127.0.0.1 \"\"");
}

/* --- requests in requests --- */

#define SECOND "GET /second HTTP/1.1\r\nHost: d\r\n\r\n"

/* Whoever takes these for other requests than we do would take one answer for another: so there is
 * one at most, and the end. The second may be the body of the first, which the answer repeats. */
static void what_could_be_read_in_two_ways_is_the_last(void **state)
{
	static const char *const requests[] = {
		"POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 4\r\n"
		"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SECOND,
		"POST /a HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n"
		"Content-Length: 4\r\n\r\n0\r\n\r\n" SECOND,
		"POST /a HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: identity\r\n"
		"Content-Length: 4\r\n\r\nabcd" SECOND,
		"POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 4\r\nContent-Length: "
		"0\r\n\r\n" SECOND,
		"POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 4\r\nContent-Length: "
		"4\r\n\r\nabcd" SECOND,
		"POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 4, 4\r\n\r\nabcd" SECOND,
		"POST /a HTTP/1.1\r\nHost: d\r\nContent-Length : 33\r\n\r\n" SECOND,
		"POST /a HTTP/1.1\r\nHost: d\r\nTransfer-Encoding : chunked\r\n\r\n" SECOND,
		"POST /a HTTP/1.1\r\nHost: d\r\n Content-Length: 33\r\n\r\n" SECOND,
		"POST /a HTTP/1.1\r\nHost: d\r\nX-A: b\r\n c\r\nContent-Length: 33\r\n\r\n" SECOND,
		"POST /a HTTP/1.1\r\nHost: d\r\nA: b\r\nContent-Length: 33\r\n\r\n" SECOND,
		"POST /a HTTP/1.1\r\nHost: d\r\nX-A\r\nContent-Length: 33\r\n\r\n" SECOND,
		"POST /a HTTP/1.1\r\nHost: d\r\n\r\n" SECOND,
		"GET /a HTTP/1.1\r\nHost: d\r\nContent-Length : 33\r\n\r\n" SECOND,
		"GET /a HTTP/1.1\r\nHost: d\r\nA: b\r\nContent-Length: 33\r\n\r\n" SECOND,
		"GET /a HTTP/1.1\r\nHost: d\r\nX-A: b\r\n c\r\nContent-Length: 33\r\n\r\n" SECOND,
		"GET /a HTTP/1.1\r\nHost: d\r\n\r\n" SECOND,
		"GET /a HTTP/1.1\nHost: d\nContent-Length: 33\n\n" SECOND,
		"GET /a HTTP/1.1\r\nHost: d\r\nX-A: b\nContent-Length: 33\r\n\r\n" SECOND,
		"GET /a HTTP/1.1\r\nHost: d\r\nX-A: b\rContent-Length: 33\r\n\r\n" SECOND,
		"GET /a\r\n\r\n" SECOND,
		"GET /a HTTP/9.9\r\nHost: d\r\n\r\n" SECOND,
		"GET /a HTTP/1.1 x\r\nHost: d\r\n\r\n" SECOND,
		"CONNECT d:80 HTTP/1.1\r\nHost: d\r\n\r\n" SECOND,
		"CONNECT /d HTTP/1.1\r\nHost: d\r\n\r\n" SECOND,
		"GET /a HTTP/1.1\r\nHost: d\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n" SECOND,
		"GET /a HTTP/1.1\r\nHost: d\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\n" SECOND,
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	};
	int wrong = 0;
	for (size_t i = 0; i < CUA_ARRAY_LEN(requests); i++) {
		char text[4096];
		ask(*state, requests[i], text, sizeof(text));
		const char *second = text[0] ? strstr(text + 1, "HTTP/1.1 2") : NULL;
		const bool is_refused =
				strncmp(text + 8, " 4", 2) == 0 || strncmp(text + 8, " 50", 3) == 0;
		if (second || strstr(text, "GET /second from") ||
				(!is_refused && strncmp(requests[i], "GET ", 4) != 0)) {
			print_error("%s: \"%s\"\n", requests[i], text);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
	expect_said(*state, "GET /a HTTP/1.1\r\nHost: d\r\n\r\n", "GET /a from 127.0.0.1 \"\"");
}

/* curl -X POST sends no length. */
static void a_post_without_a_length_has_no_body(void **state)
{
	struct wire wire = wire_open(*state);
	char text[4096];
	assert_true(wire_say(&wire, "POST /a HTTP/1.1\r\nHost: d\r\n\r\n"));
	assert_true(wire_read_answer(&wire, text, sizeof(text)));
	assert_non_null(strstr(text, "\r\nconnection: close\r\n"));
	assert_non_null(strstr(text, "POST /a from 127.0.0.1 \"\""));
	assert_true(wire_is_over(&wire));
	wire_close(&wire);
}

#define ON_ANY(test) cmocka_unit_test_setup_teardown(test, open_any, close_site)
#define ON_TLS(test) cmocka_unit_test_setup_teardown(test, open_tls, close_site)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ANY(headers_are_known_in_any_letter_case),
		ON_ANY(a_header_that_is_there_twice_is_refused),
		ON_ANY(arguments_are_decoded_one_by_one),
		ON_ANY(what_cannot_be_decoded_is_refused),
		ON_ANY(a_zero_byte_in_a_head_is_refused),
		ON_TLS(a_zero_byte_in_a_head_is_refused),
		ON_ANY(what_is_no_http_is_refused),
		ON_TLS(what_is_no_http_is_refused),
		ON_ANY(what_is_no_http_is_refused_in_pieces),
		ON_TLS(what_is_no_http_is_refused_in_pieces),
		ON_ANY(a_good_head_may_come_in_pieces),
		ON_TLS(a_good_head_may_come_in_pieces),
		ON_ANY(as_many_arguments_as_the_bound),
		ON_ANY(what_is_too_long_is_refused),
		ON_ANY(a_head_without_bound_does_no_harm),
		ON_ANY(a_post_without_a_length_has_no_body),
		ON_ANY(what_could_be_read_in_two_ways_is_the_last),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
