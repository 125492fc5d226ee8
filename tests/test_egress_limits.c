/* The bounds of the egress proxy. */

#include "tests/egress_stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/waiting.h"

#define PLAIN(host) "GET http://" host "/ HTTP/1.1\r\nHost: " host "\r\n\r\n"

static struct egress_stage stage;

static void expect_answer(const char *request, const char *status, const char *why)
{
	char answer[4096];
	egress_stage_ask(&stage, request, answer, sizeof(answer));
	if (strncmp(answer, status, strlen(status)) != 0 || !strstr(answer, why)) {
		fail_msg("%s was answered %s", request, answer);
	}
}

static void no_more_is_sent_than_may_be(void **state)
{
	struct egress_limits limits = egress_usual_limits;
	char head[256], answer[1024];
	static char body[100000];
	(void)state;
	limits.sent = 50000;
	egress_stage_start(&stage, &limits);
	memset(body, 'y', sizeof(body));
	snprintf(head, sizeof(head),
			"POST http://a.fixed.wild.test/ HTTP/1.1\r\nHost: a.fixed.wild.test\r\n"
			"Content-Length: %zu\r\n\r\n",
			sizeof(body));
	const int fd = egress_stage_connect(&stage);
	assert_true(cua_write_all(fd, head, strlen(head)));
	(void)!cua_write_all(fd, body, sizeof(body));
	assert_true(egress_read_to_end(fd, answer, sizeof(answer)));
	close(fd);
	egress_stage_await_log(&stage, "\"detail\":\"no more may be sent there\"");
	assert_true(stage.plain.received <= 50000);
	/* Other names under the same pattern share it; other entries of the list do not. */
	expect_answer(PLAIN("b.fixed.wild.test"), "HTTP/1.1 403", "no more bytes");
	expect_answer(PLAIN("allowed.test"), "HTTP/1.1 200", "xxxxx");
	egress_stage_stop(&stage);
}

static void no_more_is_received_than_may_be(void **state)
{
	struct egress_limits limits = egress_usual_limits;
	static char answer[400000];
	(void)state;
	limits.received = 100000;
	egress_stage_start(&stage, &limits);
	stage.plain.answer_len = 300000;
	egress_stage_ask(&stage, PLAIN("allowed.test"), answer, sizeof(answer));
	assert_true(strlen(answer) <= 100000);
	expect_answer(PLAIN("allowed.test"), "HTTP/1.1 403", "no more bytes");
	egress_stage_stop(&stage);
}

static void names_are_counted_by_the_hour(void **state)
{
	struct egress_limits limits = egress_usual_limits;
	(void)state;
	limits.names_per_hour = 3;
	egress_stage_start(&stage, &limits);
	expect_answer(PLAIN("a.fixed.wild.test"), "HTTP/1.1 200", "");
	expect_answer(PLAIN("b.fixed.wild.test"), "HTTP/1.1 200", "");
	expect_answer(PLAIN("c.fixed.wild.test"), "HTTP/1.1 200", "");
	expect_answer(PLAIN("d.fixed.wild.test"), "HTTP/1.1 403", "too many names in an hour");
	expect_answer(PLAIN("a.fixed.wild.test"), "HTTP/1.1 200", "");
	egress_stage_stop(&stage);
}

static bool is_answered(void *data)
{
	char answer[1024];
	(void)data;
	egress_stage_ask(&stage, PLAIN("allowed.test"), answer, sizeof(answer));
	return strncmp(answer, "HTTP/1.1 200", 12) == 0;
}

static void connections_have_a_bound(void **state)
{
	struct egress_limits limits = egress_usual_limits;
	int fds[5];
	char answer[256];
	(void)state;
	limits.connections = 5;
	limits.connections_per_rule = 2;
	egress_stage_start(&stage, &limits);
	for (int i = 0; i < 2; i++) {
		fds[i] = egress_stage_connect(&stage);
		assert_true(cua_write_all(fds[i], "CONNECT allowed.test:443 HTTP/1.1\r\n\r\n", 37));
		assert_int_equal(recv(fds[i], answer, 39, MSG_WAITALL), 39);
	}
	expect_answer(PLAIN("allowed.test"), "HTTP/1.1 503", "too many connections");
	for (int i = 2; i < 5; i++) {
		fds[i] = egress_stage_connect(&stage);
	}
	/* The sixth is not heard at all. */
	const int sixth = egress_stage_connect(&stage);
	assert_true(egress_read_to_end(sixth, answer, sizeof(answer)));
	assert_string_equal(answer, "");
	close(sixth);
	for (int i = 0; i < 5; i++) {
		close(fds[i]);
	}
	wait_until(is_answered, NULL, "those that hung up have left their places");
	egress_stage_await_log(&stage, "too many connections");
	egress_stage_stop(&stage);
}

static void nobody_is_waited_for_for_ever(void **state)
{
	struct egress_limits limits = egress_usual_limits;
	char answer[1024];
	(void)state;
	limits.head_ms = 300;
	limits.idle_ms = 300;
	egress_stage_start(&stage, &limits);
	/* No token, no head, no ClientHello, no answer. */
	const int none = egress_stage_connect(&stage);
	assert_true(cua_write_all(none, "GET http://allowed.test/ HTT", 28));
	assert_true(egress_read_to_end(none, answer, sizeof(answer)));
	assert_non_null(strstr(answer, "HTTP/1.1 408"));
	const int silent = egress_stage_connect(&stage);
	assert_true(cua_write_all(silent, "CONNECT allowed.test:443 HTTP/1.1\r\n\r\n", 37));
	assert_true(egress_read_to_end(silent, answer, sizeof(answer)));
	assert_int_equal(strncmp(answer, "HTTP/1.1 200 ", 13), 0);
	const int idle = egress_stage_connect(&stage);
	const char half[] = "POST http://allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\n"
			    "Content-Length: 10\r\n\r\nhalf";
	assert_true(cua_write_all(idle, half, strlen(half)));
	assert_true(egress_read_to_end(idle, answer, sizeof(answer)));
	assert_string_equal(answer, "");
	close(none);
	close(silent);
	close(idle);
	egress_stage_await_log(&stage, "nothing was said for too long");
	egress_stage_await_log(&stage, "no TLS ClientHello came in time");
	egress_stage_stop(&stage);
}

/* What cannot be written down does not happen. */
static void nothing_goes_through_once_the_log_is_full(void **state)
{
	struct egress_limits limits = egress_usual_limits;
	(void)state;
	limits.log = 100; /* less than any line takes */
	egress_stage_start(&stage, &limits);
	expect_answer(PLAIN("allowed.test"), "HTTP/1.1 503", "the log is full");
	expect_answer(PLAIN("evil.test"), "HTTP/1.1 403", "not in the list");
	assert_int_equal(origin_requests(&stage.plain), 0);
	egress_stage_stop(&stage);
}

/* Whoever is refused does not fill it. */
static void refusals_leave_room_in_the_log(void **state)
{
	struct egress_limits limits = egress_usual_limits;
	(void)state;
	limits.log = 4000;
	egress_stage_start(&stage, &limits);
	for (int i = 0; i < 100; i++) {
		expect_answer(PLAIN("evil.test"), "HTTP/1.1 403", "");
	}
	expect_answer(PLAIN("allowed.test"), "HTTP/1.1 200", "");
	egress_stage_await_log(&stage, "\"event\":\"left out\",\"count\":");
	egress_stage_stop(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_is_sent_than_may_be),
		cmocka_unit_test(no_more_is_received_than_may_be),
		cmocka_unit_test(names_are_counted_by_the_hour),
		cmocka_unit_test(connections_have_a_bound),
		cmocka_unit_test(nobody_is_waited_for_for_ever),
		cmocka_unit_test(nothing_goes_through_once_the_log_is_full),
		cmocka_unit_test(refusals_leave_room_in_the_log),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
