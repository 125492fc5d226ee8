#include "tests/http_streams.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "tests/waiting.h"

#define GET_EVENTS "GET /events?a=1 HTTP/1.1\r\nHost: d\r\n\r\n"
#define LONG_LEN ((size_t)16 << 20)

static uint64_t cpu_us(void)
{
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
			(uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static size_t resident_bytes(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*u %lu", &pages), 1);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Nothing is told, and next to nothing is done. */
static void expect_silence(struct site *site, int ms)
{
	const uint64_t before_us = cpu_us();
	struct pollfd told = { .fd = site->told[0], .events = POLLIN };
	assert_int_equal(poll(&told, 1, ms), 0);
	assert_true(cpu_us() - before_us < 150000);
}

static void say(struct site *site, const char *text)
{
	struct to_send message = { text, strlen(text), true };
	site_call(site, streams_send, &message);
}

static void expect_bytes(struct wire *wire, const char *expected)
{
	char text[256];
	const size_t len = strlen(expected);
	assert_true(len < sizeof(text));
	assert_int_equal(wire_receive(wire, text, len), len);
	assert_memory_equal(text, expected, len);
}

static struct wire open_events(struct site *site)
{
	char text[1024];
	struct wire wire = wire_open(site);
	assert_true(wire_say(&wire, GET_EVENTS));
	assert_int_equal(next_told(site, "cd"), 's');
	assert_int_equal(next_told(site, "c"), 'd');
	assert_true(wire_read_answer(&wire, text, sizeof(text)));
	assert_memory_equal(text, "HTTP/1.1 200 OK\r\n", 17);
	assert_non_null(strstr(text, "\r\ncontent-type: text/event-stream\r\n"));
	assert_non_null(strstr(text, "\r\nconnection: close\r\n"));
	assert_null(strstr(text, "content-length"));
	return wire;
}

/* --- answers that go on --- */

static void events_come_as_they_are_sent(void **state)
{
	struct site *site = *state;
	struct wire wire = open_events(site);
	say(site, "data: 1\n\n");
	expect_bytes(&wire, "data: 1\n\n");
	say(site, ": ping\n\n");
	say(site, "data: {\"a\":\"\xc3\xa4\"}\n\n");
	expect_bytes(&wire, ": ping\n\ndata: {\"a\":\"\xc3\xa4\"}\n\n");
	site_call(site, streams_end, NULL);
	assert_true(wire_is_over(&wire));
	assert_int_equal(next_told(site, "d"), 'x');
	wire_close(&wire);
}

static void send_many(struct site *site, void *count)
{
	for (int i = 0; i < *(int *)count; i++) {
		char text[32];
		struct to_send message = { text, (size_t)snprintf(text, sizeof(text), "%d;", i),
			true };
		streams_send(site, &message);
	}
	streams_end(site, NULL);
}

static void many_come_in_order(void **state)
{
	struct site *site = *state;
	int count = 20000;
	struct wire wire = open_events(site);
	site_call(site, send_many, &count);
	for (int i = 0; i < count; i++) {
		char expected[32];
		snprintf(expected, sizeof(expected), "%d;", i);
		expect_bytes(&wire, expected);
	}
	assert_true(wire_is_over(&wire));
	assert_int_equal(next_told(site, "d"), 'x');
	wire_close(&wire);
}

static void a_hang_up_ends_the_answer(void **state)
{
	struct site *site = *state;
	for (int in_the_middle = 0; in_the_middle < 2; in_the_middle++) {
		struct wire wire = open_events(site);
		if (in_the_middle) {
			struct to_send message = { site->big, BIG_LEN, true };
			site_call(site, streams_send, &message);
		}
		const uint64_t begun_us = cua_now_us();
		wire_close(&wire);
		assert_int_equal(next_told(site, "d"), 'x');
		assert_true(cua_now_us() - begun_us < 3000000);
	}
}

/* Who asked has nothing more to say. */
static void junk_ends_the_answer(void **state)
{
	struct site *site = *state;
	struct wire wire = open_events(site);
	char *junk = malloc(LONG_LEN);
	assert_non_null(junk);
	memset(junk, 'j', LONG_LEN);
	const size_t before = resident_bytes();
	(void)wire_send(&wire, junk, LONG_LEN);
	assert_int_equal(next_told(site, "d"), 'x');
	assert_true(resident_bytes() < before + (4 << 20));
	assert_int_equal(next_told(site, "d"), 'c');
	free(junk);
	wire_close(&wire);
	expect_silence(site, 200);
	struct wire next = open_events(site);
	expect_silence(site, 300);
	wire_close(&next);
	assert_int_equal(next_told(site, ""), 'x');
}

static void who_does_not_read_is_not_drained(void **state)
{
	struct site *site = *state;
	char *text = malloc(LONG_LEN);
	assert_non_null(text);
	memset(text, 't', LONG_LEN);
	struct wire wire = open_events(site);
	struct to_send message = { text, LONG_LEN, true };
	site_call(site, streams_send, &message);
	expect_silence(site, 500);
	char *got = malloc(LONG_LEN);
	assert_non_null(got);
	assert_int_equal(wire_receive(&wire, got, LONG_LEN), LONG_LEN);
	assert_memory_equal(got, text, LONG_LEN);
	assert_int_equal(next_told(site, ""), 'd');
	wire_close(&wire);
	assert_int_equal(next_told(site, ""), 'x');
	free(text);
	free(got);
}

static void who_reads_nothing_is_hung_up_on(void **state)
{
	struct site *site = *state;
	struct wire wire = open_events(site);
	struct to_send message = { site->big, BIG_LEN, true };
	for (int i = 0; i < 4; i++) {
		site_call(site, streams_send, &message);
	}
	assert_int_equal(next_told(site, ""), 'x');
	wire_close(&wire);
}

/* --- WebSockets --- */

static struct wire open_websocket(struct site *site)
{
	char text[1024];
	struct wire wire = wire_open(site);
	assert_true(wire_upgrade(&wire, "/talk?a=1", text, sizeof(text)));
	assert_memory_equal(text, "HTTP/1.1 101 ", 13);
	assert_non_null(strstr(text, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")); /* of RFC 6455, 1.3 */
	assert_int_equal(next_told(site, "cx"), 's');
	assert_int_equal(next_told(site, ""), 'd');
	return wire;
}

static void expect_heard(struct site *site, const void *data, size_t len, int texts, int binaries)
{
	struct streams *streams = streams_of(site);
	assert_int_equal(next_told(site, "d"), 'm');
	assert_int_equal(streams->heard.len, len);
	assert_true(len == 0 || memcmp(streams->heard.data, data, len) == 0);
	assert_int_equal(streams->text_count, texts);
	assert_int_equal(streams->binary_count, binaries);
	cua_buffer_finish(&streams->heard);
}

static void what_a_client_says_arrives(void **state)
{
	struct site *site = *state;
	struct wire wire = open_websocket(site);
	char payload[256];
	size_t len = 0;
	assert_true(wire_send_frame(&wire, FRAME_FINAL | FRAME_TEXT, "hello", 5));
	expect_heard(site, "hello", 5, 1, 0);
	assert_true(wire_send_frame(&wire, FRAME_FINAL | FRAME_BINARY, "\0\1\2", 3));
	expect_heard(site, "\0\1\2", 3, 1, 1);
	assert_true(wire_send_frame(&wire, FRAME_FINAL | FRAME_TEXT, "", 0));
	expect_heard(site, "", 0, 2, 1);
	/* In fragments, with a ping between them. */
	assert_true(wire_send_frame(&wire, FRAME_TEXT, "one ", 4));
	assert_true(wire_send_frame(&wire, FRAME_CONTINUED, "two ", 4));
	assert_true(wire_send_frame(&wire, FRAME_FINAL | FRAME_PING, "ping", 4));
	assert_int_equal(wire_read_frame(&wire, payload, sizeof(payload), &len),
			FRAME_FINAL | FRAME_PONG);
	assert_int_equal(len, 4);
	assert_true(wire_send_frame(&wire, FRAME_FINAL | FRAME_CONTINUED, "three", 5));
	expect_heard(site, "one two three", 13, 3, 1);
	assert_true(wire_send_frame(&wire, FRAME_BINARY, "a", 1));
	assert_true(wire_send_frame(&wire, FRAME_FINAL | FRAME_CONTINUED, "", 0));
	expect_heard(site, "a", 1, 3, 2);
	wire_close(&wire);
	assert_int_equal(next_told(site, "d"), 'x');
}

static void long_messages_arrive(void **state)
{
	static const size_t lens[] = { 125, 126, 4096, 65535, 65536, 100000, (size_t)1 << 20 };
	struct site *site = *state;
	struct wire wire = open_websocket(site);
	int count = 0;
	for (size_t i = 0; i < CUA_ARRAY_LEN(lens); i++) {
		const size_t third = lens[i] / 3;
		assert_true(wire_send_frame(&wire, FRAME_FINAL | FRAME_BINARY, site->big, lens[i]));
		expect_heard(site, site->big, lens[i], 0, ++count);
		assert_true(wire_send_frame(&wire, FRAME_BINARY, site->big, third));
		assert_true(wire_send_frame(&wire, FRAME_CONTINUED, site->big + third, third));
		assert_true(wire_send_frame(&wire, FRAME_FINAL | FRAME_CONTINUED,
				site->big + 2 * third, lens[i] - 2 * third));
		expect_heard(site, site->big, lens[i], 0, ++count);
	}
	wire_close(&wire);
	assert_int_equal(next_told(site, "d"), 'x');
}

static void what_is_sent_to_a_client_arrives(void **state)
{
	static const size_t lens[] = { 0, 1, 125, 126, 65535, 65536, 3000000 };
	struct site *site = *state;
	struct wire wire = open_websocket(site);
	char *got = malloc(BIG_LEN);
	assert_non_null(got);
	for (size_t i = 0; i < 2 * CUA_ARRAY_LEN(lens); i++) {
		struct to_send message = { site->big, lens[i / 2], i % 2 == 0 };
		site_call(site, streams_send, &message);
	}
	for (size_t i = 0; i < 2 * CUA_ARRAY_LEN(lens); i++) {
		size_t len = 0;
		assert_int_equal(wire_read_frame(&wire, got, BIG_LEN, &len),
				FRAME_FINAL | (i % 2 == 0 ? FRAME_TEXT : FRAME_BINARY));
		assert_int_equal(len, lens[i / 2]);
		assert_memory_equal(got, site->big, len);
	}
	assert_int_equal(next_told(site, ""), 'd');
	free(got);
	wire_close(&wire);
	assert_int_equal(next_told(site, "d"), 'x');
}

/* As much as the system takes while nobody reads on the other side. */
static size_t send_until_stuck(struct wire *wire)
{
	/* A masked binary frame of 256 MiB begins; its payload is whatever. */
	static const unsigned char head[14] = { FRAME_FINAL | FRAME_BINARY, 0xff, 0, 0, 0, 0,
		0x10 };
	static const char piece[65536];
	struct pollfd writeable = { .fd = wire->fd, .events = POLLOUT };
	size_t sent = 0;
	assert_true(wire_send(wire, head, sizeof(head)));
	while (poll(&writeable, 1, 500) == 1 && sent < (size_t)200 << 20) {
		const ssize_t len =
				send(wire->fd, piece, sizeof(piece), MSG_DONTWAIT | MSG_NOSIGNAL);
		sent += len > 0 ? (size_t)len : 0;
	}
	return sent;
}

static bool has_heard(void *site)
{
	return streams_of(site)->heard_len > (size_t)1 << 20;
}

static void who_is_not_listened_to_has_to_wait(void **state)
{
	struct site *site = *state;
	bool listens = false;
	struct wire wire = open_websocket(site);
	streams_of(site)->is_counting = true;
	site_call(site, streams_listen, &listens);
	const size_t before = resident_bytes();
	const size_t sent = send_until_stuck(&wire);
	assert_true(sent < (size_t)32 << 20);
	assert_true(streams_of(site)->heard_len <= 65536);
	assert_true(resident_bytes() < before + (1 << 20));
	expect_silence(site, 300);
	listens = true;
	site_call(site, streams_listen, &listens);
	wait_until(has_heard, site, "what had to wait");
	wire_close(&wire);
	assert_int_equal(next_told(site, "d"), 'x');
}

static void both_sides_can_close(void **state)
{
	struct site *site = *state;
	char payload[256];
	size_t len = 0;
	struct wire wire = open_websocket(site);
	assert_true(wire_send_frame(&wire, FRAME_FINAL | FRAME_CLOSE, "\x03\xe8", 2));
	assert_int_equal(wire_read_frame(&wire, payload, sizeof(payload), &len),
			FRAME_FINAL | FRAME_CLOSE);
	assert_true(wire_is_over(&wire));
	assert_int_equal(next_told(site, "d"), 'x');
	wire_close(&wire);
	wire = open_websocket(site);
	say(site, "last");
	site_call(site, streams_end, NULL);
	assert_int_equal(wire_read_frame(&wire, payload, sizeof(payload), &len),
			FRAME_FINAL | FRAME_TEXT);
	assert_int_equal(wire_read_frame(&wire, payload, sizeof(payload), &len),
			FRAME_FINAL | FRAME_CLOSE);
	assert_int_equal(len, 2);
	assert_memory_equal(payload, "\x03\xe8", 2); /* 1000, RFC 6455, 7.4.1 */
	assert_true(wire_is_over(&wire));
	assert_int_equal(next_told(site, "d"), 'x');
	wire_close(&wire);
}

/* A client that reads nothing cannot keep it open. */
static void an_end_does_not_wait_for_long(void **state)
{
	struct site *site = *state;
	struct wire wire = open_events(site);
	struct to_send message = { site->big, BIG_LEN, true };
	for (int i = 0; i < 4; i++) {
		site_call(site, streams_send, &message);
	}
	site_call(site, streams_end, NULL);
	assert_int_equal(next_told(site, ""), 'x');
	wire_close(&wire);
}

static void a_refused_upgrade_is_answered(void **state)
{
	static const struct {
		const char *path, *status, *text;
	} cases[] = { { "/missing", "HTTP/1.1 404 ", "nothing \\\"here\\\"" },
		{ "/forbidden", "HTTP/1.1 403 ", "not now" } };
	struct site *site = *state;
	const char *type = site->listen.address ? "content-type: application/problem+json\r\n"
						: "content-type: application/json\r\n";
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		char text[1024];
		struct wire wire = wire_open(site);
		assert_true(wire_upgrade(&wire, cases[i].path, text, sizeof(text)));
		if (strncmp(text, cases[i].status, 13) != 0 || !strstr(text, cases[i].text) ||
				!strstr(text, type)) {
			fail_msg("%s: %s", cases[i].path, text);
		}
		assert_true(wire_is_over(&wire));
		wire_close(&wire);
	}
}

#define UPGRADE "Host: d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

/* Whether the stream was shown to the handler or not, it is told of its end. */
static void an_upgrade_that_is_none_is_closed(void **state)
{
	static const char *const requests[] = {
		"POST /talk HTTP/1.1\r\n" UPGRADE KEY "Sec-WebSocket-Version: 13\r\n\r\n",
		"GET /talk HTTP/1.1\r\n" UPGRADE "Sec-WebSocket-Version: 13\r\n\r\n",
		"GET /talk HTTP/1.1\r\n" UPGRADE KEY "\r\n",
		"GET /talk HTTP/1.1\r\n" UPGRADE KEY "Sec-WebSocket-Version: 12\r\n\r\n",
	};
	struct site *site = *state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(requests); i++) {
		char text[1024];
		struct wire wire = wire_open(site);
		assert_true(wire_say(&wire, requests[i]));
		(void)wire_read_answer(&wire, text, sizeof(text));
		if (strncmp(text, "HTTP/1.1 101", 12) == 0) {
			print_error("%s\n%s", requests[i], text);
			fail();
		}
		assert_true(wire_is_over(&wire));
		wire_close(&wire);
	}
}

static void frames_that_are_none_close_the_connection(void **state)
{
	static const struct {
		const char *what, *bytes;
		size_t len;
	} cases[] = { { "first reserved bit", "\xc1\x81\0\0\0\0a", 7 },
		{ "second reserved bit", "\xa1\x81\0\0\0\0a", 7 },
		{ "third reserved bit", "\x91\x81\0\0\0\0a", 7 },
		{ "unknown opcode", "\x83\x81\0\0\0\0a", 7 },
		{ "unknown control", "\x8b\x81\0\0\0\0a", 7 },
		{ "ping of 126 bytes", "\x89\xfe\0\x7e\0\0\0\0", 8 },
		{ "ping in fragments", "\x09\x81\0\0\0\0a", 7 },
		{ "continued from nothing", "\x80\x81\0\0\0\0a", 7 },
		{ "text within a text", "\x01\x81\0\0\0\0a\x81\x81\0\0\0\0a", 14 },
		{ "length above all", "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14 } };
	struct site *site = *state;
	streams_of(site)->is_counting = true;
	int wrong = 0;
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		struct wire wire = open_websocket(site);
		assert_true(wire_send(&wire, cases[i].bytes, cases[i].len));
		struct pollfd told = { .fd = site->told[0], .events = POLLIN };
		if (poll(&told, 1, 2000) != 1) {
			print_error("%s: the connection lives on\n", cases[i].what);
			wrong++;
		}
		wire_close(&wire);
		assert_int_equal(next_told(site, "d"), 'x');
	}
	assert_int_equal(wrong, 0);
}

/* --- many --- */

#define IDLE 1000
#define IDLE_BYTES_MAX 65536

static void count_timers(uv_handle_t *handle, void *count)
{
	*(int *)count += handle->type == UV_TIMER && uv_is_active(handle);
}

static void walk_timers(struct site *site, void *count)
{
	*(int *)count = 0;
	uv_walk(&site->loop, count_timers, count);
}

static bool has_no_timer(void *site)
{
	int count = 0;
	site_call(site, walk_timers, &count);
	return count == 0;
}

static void a_thousand_idle_ones_cost_little(void **state)
{
	struct site *site = *state;
	static struct wire wires[IDLE];
	struct rlimit old, high;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	high = (struct rlimit){ old.rlim_max, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &high), 0);
	struct wire first = open_websocket(site);
	const size_t before = resident_bytes();
	const int fds_before = open_fds();
	for (int i = 0; i < IDLE; i++) {
		wires[i] = open_websocket(site);
	}
	const size_t each = (resident_bytes() - before) / IDLE;
	print_message("%zu bytes and %.2f descriptors for an idle WebSocket\n", each,
			(open_fds() - fds_before - IDLE) / (double)IDLE);
	expect_silence(site, 300);
	for (int i = 0; i < IDLE; i++) {
		wire_close(&wires[i]);
		assert_int_equal(next_told(site, "d"), 'x');
	}
	wire_close(&first);
	assert_int_equal(next_told(site, "d"), 'x');
	wait_until(has_no_timer, site, "the last timer");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_true(each <= IDLE_BYTES_MAX);
}

#define ON_BOTH(test) \
	cmocka_unit_test_setup_teardown(test, open_streams, close_streams), \
			cmocka_unit_test_setup_teardown(test, open_tls_streams, close_streams)

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* The first: what others have freed would hide what it takes. */
		cmocka_unit_test_setup_teardown(
				a_thousand_idle_ones_cost_little, open_streams, close_streams),
		ON_BOTH(events_come_as_they_are_sent),
		ON_BOTH(many_come_in_order),
		ON_BOTH(a_hang_up_ends_the_answer),
		ON_BOTH(junk_ends_the_answer),
		ON_BOTH(who_does_not_read_is_not_drained),
		ON_BOTH(who_reads_nothing_is_hung_up_on),
		ON_BOTH(what_a_client_says_arrives),
		ON_BOTH(long_messages_arrive),
		ON_BOTH(what_is_sent_to_a_client_arrives),
		cmocka_unit_test_setup_teardown(
				who_is_not_listened_to_has_to_wait, open_streams, close_streams),
		ON_BOTH(both_sides_can_close),
		cmocka_unit_test_setup_teardown(
				an_end_does_not_wait_for_long, open_streams, close_streams),
		ON_BOTH(a_refused_upgrade_is_answered),
		ON_BOTH(an_upgrade_that_is_none_is_closed),
		ON_BOTH(frames_that_are_none_close_the_connection),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
