/* Requests as clients send them to the proxy: what goes on to the server, and what is refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/egress/request.h"

/* Reads text in parts of so many bytes; what goes on is in *ret_out, "" for CONNECT. The result is
 * the reason for a refusal, "more" or NULL. */
static const char *read_in_parts(
		const char *text, size_t len, size_t part, char *ret_out, size_t size)
{
	struct egress_request request;
	enum egress_reading reading = EGRESS_READ_MORE;
	const char *why = NULL;
	size_t at = 0;
	egress_request_init(&request);
	while (reading == EGRESS_READ_MORE && at < len) {
		size_t used = 0;
		const size_t now = len - at < part ? len - at : part;
		reading = egress_request_read_head(&request, text + at, now, &used);
		assert_true(used <= now);
		at += reading == EGRESS_READ_REFUSED ? 0 : used;
	}
	while (reading == EGRESS_READ_HEAD && !request.is_connect && at < len && !why) {
		const size_t now = len - at < part ? len - at : part;
		why = egress_request_read_body(&request, text + at, now) ? NULL : "body";
		at += now;
	}
	snprintf(ret_out, size, "%s", request.out.data && !why ? request.out.data : "");
	why = reading == EGRESS_READ_MORE                ? "more"
			: reading == EGRESS_READ_REFUSED ? request.refusal
							 : why;
	egress_request_finish(&request);
	return why;
}

/* However it is cut. */
static void expect_out(const char *text, const char *expected)
{
	for (size_t part = 1; part <= strlen(text); part++) {
		char out[8192];
		const char *why = read_in_parts(text, strlen(text), part, out, sizeof(out));
		if (why) {
			fail_msg("refused in parts of %zu: %s", part, why);
		}
		/* Chunks come as they are cut. */
		if (!strstr(expected, "chunked") || part == strlen(text)) {
			assert_string_equal(out, expected);
		}
	}
}

static void expect_refusal(const char *text, size_t len, const char *reason)
{
	for (size_t part = 1; part <= len; part++) {
		char out[8192];
		const char *why = read_in_parts(text, len, part, out, sizeof(out));
		if (!why || !strstr(why, reason)) {
			fail_msg("%s: %s in parts of %zu", text, why ? why : "let through", part);
		}
	}
}

#define GET "GET http://a.org/x HTTP/1.1\r\n"
#define HOST "Host: a.org\r\n"
#define POST "POST http://a.org/x HTTP/1.1\r\n" HOST

static void a_request_goes_on_without_what_was_for_the_proxy(void **state)
{
	(void)state;
	expect_out("GET http://A.org:80/p?q=1 HTTP/1.1\r\nHost: a.org\r\nUser-Agent: x \r\n"
		   "Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic c2VjcmV0\r\n"
		   "Keep-Alive: 300\r\nTE: trailers\r\nConnection: keep-alive, TE\r\nX: \r\n\r\n",
			"GET /p?q=1 HTTP/1.1\r\nUser-Agent: x\r\nX: \r\nHost: a.org\r\n"
			"Connection: close\r\n\r\n");
	expect_out("GET http://a.org HTTP/1.1\r\n" HOST "\r\n",
			"GET / HTTP/1.1\r\nHost: a.org\r\nConnection: close\r\n\r\n");
	expect_out("GET http://a.org?q HTTP/1.0\r\n\r\n",
			"GET /?q HTTP/1.0\r\nHost: a.org\r\nConnection: close\r\n\r\n");
	expect_out("HEAD http://a.org//evil.com/ HTTP/1.1\r\n" HOST "\r\n",
			"HEAD //evil.com/ HTTP/1.1\r\nHost: a.org\r\nConnection: close\r\n\r\n");
}

static void bodies_go_on_in_their_framing(void **state)
{
	(void)state;
	expect_out(POST "Content-Length: 5\r\n\r\nhello",
			"POST /x HTTP/1.1\r\nContent-Length: 5\r\nHost: a.org\r\n"
			"Connection: close\r\n\r\nhello");
	expect_out(POST "Transfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n0\r\nX: y\r\n\r\n",
			"POST /x HTTP/1.1\r\nHost: a.org\r\nTransfer-Encoding: chunked\r\n"
			"Connection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
	expect_out(POST "Content-Length: 0\r\n\r\n",
			"POST /x HTTP/1.1\r\nContent-Length: 0\r\nHost: a.org\r\n"
			"Connection: close\r\n\r\n");
}

/* One connection carries one request: the next would be for whoever shares the server. */
static void nothing_behind_a_request_goes_on(void **state)
{
	(void)state;
	expect_out(GET HOST "\r\nGET / HTTP/1.1\r\nHost: evil.com\r\n\r\n",
			"GET /x HTTP/1.1\r\nHost: a.org\r\nConnection: close\r\n\r\n");
	expect_out(POST "Content-Length: 2\r\n\r\nhiGET / HTTP/1.1\r\nHost: evil.com\r\n\r\n",
			"POST /x HTTP/1.1\r\nContent-Length: 2\r\nHost: a.org\r\n"
			"Connection: close\r\n\r\nhi");
	expect_out(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
			"POST /x HTTP/1.1\r\nHost: a.org\r\nTransfer-Encoding: chunked\r\n"
			"Connection: close\r\n\r\n0\r\n\r\n");
}

static void what_can_be_read_in_two_ways_is_refused(void **state)
{
	static const struct {
		const char *text, *reason;
	} rows[] = {
		{ GET "Host: evil.com\r\n\r\n", "Host is another" },
		{ GET "Host: a.org:8080\r\n\r\n", "Host is another" },
		{ GET "Host: a.org, evil.com\r\n\r\n", "Host is another" },
		{ GET "Host:\r\n\r\n", "Host is another" },
		{ GET HOST HOST "\r\n", "Host comes twice" },
		{ GET HOST "Host: evil.com\r\n\r\n", "Host is another" },
		{ GET "\r\n", "Host is missing" },
		{ GET HOST " folded: x\r\n\r\n", "two ways" },
		{ GET HOST "X: y\r\n\tHost: evil.com\r\n\r\n", "two ways" },
		{ GET "Host : a.org\r\n\r\n", "two ways" },
		{ GET HOST "X Y: z\r\n\r\n", "two ways" },
		{ GET HOST ": z\r\n\r\n", "two ways" },
		{ GET HOST "nothing\r\n\r\n", "two ways" },
		{ GET HOST "X: a\rb\r\n\r\n", "two ways" },
		{ GET HOST "X: a\nHost: evil.com\r\n\r\n", "two ways" },
		{ GET HOST "X: a\x01\r\n\r\n", "two ways" },
		{ GET HOST "X: a\x7f\r\n\r\n", "two ways" },
		{ "GET http://a.org/\nHost: a.org\r\n\r\n", "two ways" },
		{ "GET  http://a.org/ HTTP/1.1\r\n\r\n", "two ways" },
		{ "GET http://a.org/ x HTTP/1.1\r\n\r\n", "two ways" },
		{ "GET http://a.org/\t HTTP/1.1\r\n\r\n", "two ways" },
		{ "GET http://a.org/\xc3\xa9 HTTP/1.1\r\n\r\n", "two ways" },
		{ "GET http://a.org/\r\n\r\n", "two ways" },
		{ "\r\nGET http://a.org/ HTTP/1.1\r\n\r\n", "two ways" },
		{ "GET http://a.org/ HTTP/2.0\r\n" HOST "\r\n", "" },
		{ "GET http://a.org/ HTTP/1.2\r\n" HOST "\r\n", "1.0 nor 1.1" },
		{ "GET http://a.org/ HTTP/0.9\r\n" HOST "\r\n", "" },
		{ "NONSENSE http://a.org/ HTTP/1.1\r\n" HOST "\r\n", "" },
		{ "PRI * HTTP/2.0\r\n\r\n", "" },
		{ "GET / HTTP/1.1\r\n" HOST "\r\n", "no http:// URL" },
		{ "GET * HTTP/1.1\r\n" HOST "\r\n", "" },
		{ "GET https://a.org/ HTTP/1.1\r\n" HOST "\r\n", "no http:// URL" },
		{ "GET ftp://a.org/ HTTP/1.1\r\n" HOST "\r\n", "no http:// URL" },
		{ "GET http://a.org/#f HTTP/1.1\r\n" HOST "\r\n", "no http:// URL" },
		{ "GET http:/a.org/ HTTP/1.1\r\n" HOST "\r\n", "" },
		{ "GET http:///a.org/ HTTP/1.1\r\n" HOST "\r\n", "" },
		{ "GET http://u:p@a.org/ HTTP/1.1\r\n" HOST "\r\n", "no host name" },
		{ "GET http://127.0.0.1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "no host name" },
		{ "GET http://[::1]/ HTTP/1.1\r\nHost: [::1]\r\n\r\n", "" },
		{ "CONNECT a.org HTTP/1.1\r\n\r\n", "no host name" },
		{ "CONNECT a.org:0 HTTP/1.1\r\n\r\n", "no host name" },
		{ "CONNECT a.org:0443 HTTP/1.1\r\n\r\n", "no host name" },
		{ "CONNECT a.org:65536 HTTP/1.1\r\n\r\n", "no host name" },
		{ "CONNECT a.org:443x HTTP/1.1\r\n\r\n", "" },
		{ "CONNECT a.org:+443 HTTP/1.1\r\n\r\n", "" },
		{ "CONNECT http://a.org:443 HTTP/1.1\r\n\r\n", "" },
		{ "CONNECT a.org:443/x HTTP/1.1\r\n\r\n", "" },
		{ "CONNECT a.org:443 HTTP/1.1\r\nHost: evil.com:443\r\n\r\n", "Host is another" },
		{ "CONNECT a.org:443 HTTP/1.1\r\nHost: a.org:80\r\n\r\n", "Host is another" },
		{ "CONNECT a.org:443 HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcd", "a body" },
		{ "CONNECT a.org:443 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "a body" },
		{ POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "" },
		{ POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "" },
		{ POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "" },
		{ POST "Content-Length: 5, 5\r\n\r\nhello", "" },
		{ POST "Content-Length: +5\r\n\r\nhello", "" },
		{ POST "Content-Length: -5\r\n\r\nhello", "" },
		{ POST "Content-Length: 0x5\r\n\r\nhello", "" },
		{ POST "Content-Length: 99999999999999999999\r\n\r\n", "" },
		{ POST "Transfer-Encoding: gzip, chunked\r\n\r\n", "not chunked alone" },
		{ POST "Transfer-Encoding: chunked, identity\r\n\r\n", "" },
		{ POST "Transfer-Encoding: xchunked\r\n\r\n", "not chunked alone" },
		{ POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "" },
		{ "POST http://a.org/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "1.0" },
		{ GET HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "protocol" },
		{ GET HOST "Connection: X-Forwarded-For\r\n\r\n", "unknown" },
		{ POST "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "body" },
		{ POST "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "body" },
		{ "\x16\x03\x01\x02\x01\r\n\r\n", "two ways" },
	};
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		expect_refusal(rows[i].text, strlen(rows[i].text), rows[i].reason);
	}
	expect_refusal("GET http://a.org/ HTTP/1.1\r\nHost: a.org\r\nX: \0\r\n\r\n", 50, "two");
}

static void a_head_has_a_bound(void **state)
{
	static char text[2 * EGRESS_HEAD_MAX];
	char out[64];
	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, GET "X: ", sizeof(GET) + 2);
	assert_string_equal(read_in_parts(text, sizeof(text), 1000, out, sizeof(out)),
			"the head of the request is too long");
	assert_string_equal(
			read_in_parts(text, EGRESS_HEAD_MAX - 1, 1000, out, sizeof(out)), "more");
}

static void an_unfinished_head_is_no_request(void **state)
{
	static const char text[] = GET HOST "\r\n";
	(void)state;
	for (size_t len = 1; len < sizeof(text) - 1; len++) {
		char out[1024];
		assert_string_equal(read_in_parts(text, len, len, out, sizeof(out)), "more");
		assert_string_equal(out, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_goes_on_without_what_was_for_the_proxy),
		cmocka_unit_test(bodies_go_on_in_their_framing),
		cmocka_unit_test(nothing_behind_a_request_goes_on),
		cmocka_unit_test(what_can_be_read_in_two_ways_is_refused),
		cmocka_unit_test(a_head_has_a_bound),
		cmocka_unit_test(an_unfinished_head_is_no_request),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
