/* GET /v1/changes: who looks on is told when to look again, and of nothing that is private. */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "tests/takeover_stage.h"
#include "tests/waiting.h"

#define WATCHERS_MAX 64
#define PACE_MS 250
/* News that does not come within so long is none. */
#define SILENCE_MS 700

static bool is_readable(int fd, int ms)
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	return poll(&readable, 1, ms) == 1;
}

/* The connection, and its status. */
static int ask(const char *query, int *ret_status)
{
	int fd = -1;
	char request[256], head[1024] = "";
	size_t len = 0;
	assert_int_equal(cua_unix_connect(takeover.desktop.socket, SOCK_STREAM, &fd, NULL), CUA_OK);
	snprintf(request, sizeof(request), "GET /v1/changes%s HTTP/1.1\r\nHost: d\r\n\r\n", query);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	while (!strstr(head, "\r\n\r\n")) {
		assert_true(len + 1 < sizeof(head) && is_readable(fd, DESKTOP_DEADLINE_MS));
		assert_int_equal(read(fd, head + len, 1), 1);
		head[++len] = '\0';
	}
	assert_int_equal(sscanf(head, "HTTP/1.1 %d ", ret_status), 1);
	return fd;
}

static void expect_refused(const char *query, int status)
{
	int got = 0;
	const int fd = ask(query, &got);
	close(fd);
	assert_int_equal(got, status);
}

/* The next line: "screen", "windows", "screen,windows" or "". */
static const char *next_news(int fd)
{
	static char line[128];
	size_t len = 0;
	do {
		assert_true(len + 1 < sizeof(line) && is_readable(fd, DESKTOP_DEADLINE_MS));
		assert_int_equal(read(fd, line + len, 1), 1);
		line[++len] = '\0';
	} while (line[len - 1] != '\n');
	return strcmp(line, "{\"changed\":[]}\n") == 0             ? ""
			: strstr(line, "[\"screen\",\"windows\"]") ? "screen,windows"
			: strstr(line, "[\"screen\"]")             ? "screen"
			: strstr(line, "[\"windows\"]")            ? "windows"
								   : line;
}

/* From here on nothing is missed. */
static int watch(const char *query)
{
	int status = 0;
	const int fd = ask(query, &status);
	assert_int_equal(status, 200);
	assert_string_equal(next_news(fd), "");
	return fd;
}

static void expect_silence(int fd)
{
	if (is_readable(fd, SILENCE_MS)) {
		fail_msg("told of %s", next_news(fd));
	}
}

#define ACTIVE "$(xprop -root 32x '\\t$0' _NET_ACTIVE_WINDOW | cut -f 2)"

/* A terminal that shows the end of a file. */
static int start(void **state)
{
	takeover_start(state);
	free(desktop_sh(&takeover.desktop,
			"touch drawn; xterm -T drawn -e tail -f drawn >/dev/null 2>&1 & "
			"until xprop -id " ACTIVE
			" WM_NAME 2>/dev/null | grep -q drawn; do :; done"));
	/* What the window manager has said of it is old by now. */
	desktop_do(&takeover.desktop, "[{\"action\":\"screenshot\"}]");
	return 0;
}

static void draw(void)
{
	free(desktop_sh(&takeover.desktop, "echo news >> drawn"));
}

static void set_title(const char *title)
{
	char script[256];
	snprintf(script, sizeof(script),
			"xprop -id " ACTIVE " -f _NET_WM_NAME 8u -set _NET_WM_NAME '%s'", title);
	free(desktop_sh(&takeover.desktop, script));
}

static void each_is_told_of_what_it_wants(void **state)
{
	(void)state;
	CUA_AUTO_FD int screen = watch("?of=screen");
	CUA_AUTO_FD int windows = watch("?of=windows");
	draw();
	assert_string_equal(next_news(screen), "screen");
	expect_silence(windows);
	set_title("changed");
	assert_string_equal(next_news(windows), "windows");
	expect_silence(windows);
}

static void one_that_wants_both_is_told_what_it_was(void **state)
{
	bool screen = false, windows = false;
	(void)state;
	CUA_AUTO_FD int fd = watch("");
	free(desktop_sh(&takeover.desktop, "xterm >/dev/null 2>&1 &"));
	while (!screen || !windows) {
		const char *news = next_news(fd);
		screen = screen || strstr(news, "screen");
		windows = windows || strstr(news, "windows");
		assert_string_not_equal(news, "");
	}
}

static void what_changes_all_the_time_is_told_at_a_pace(void **state)
{
	(void)state;
	CUA_AUTO_FD int fd = watch("?of=screen");
	const uint64_t begin_us = cua_now_us();
	free(desktop_sh(&takeover.desktop,
			"for i in $(seq 100); do echo $i >> drawn; sleep 0.01; done"));
	unsigned int lines = 0;
	while (is_readable(fd, SILENCE_MS)) {
		char byte = 0;
		assert_int_equal(read(fd, &byte, 1), 1);
		lines += byte == '{';
	}
	const uint64_t ms = (cua_now_us() - begin_us) / 1000;
	/* At once, one each time, and what came last. */
	assert_in_range(lines, 2, ms / PACE_MS + 2);
}

static void in_private_nobody_is_told(void **state)
{
	(void)state;
	CUA_AUTO_FD int fd = watch("");
	cJSON_Delete(takeover_control("{\"do\":\"take\",\"private\":true}", 200));
	expect_refused("", 423);
	while (is_readable(fd, SILENCE_MS)) { /* of the change of hands */
		(void)next_news(fd);
	}
	draw();
	set_title("private");
	expect_silence(fd);
	takeover_give();
	assert_non_null(strstr(next_news(fd), "screen"));
}

static bool opens_all(void *data)
{
	int fds[WATCHERS_MAX + 1], count = 0, status = 200;
	(void)data;
	while (status == 200 && count <= WATCHERS_MAX) {
		fds[count++] = ask("", &status);
	}
	for (int i = 0; i < count; i++) {
		close(fds[i]);
	}
	return status == 503 && count == WATCHERS_MAX + 1;
}

static void what_cannot_be_had_is_refused(void **state)
{
	(void)state;
	expect_refused("?of=", 400);
	expect_refused("?of=pixels", 400);
	expect_refused("?since=1", 400);
	/* Twice: who has hung up leaves the room of one. */
	wait_until(opens_all, NULL, "room for 64");
	wait_until(opens_all, NULL, "their room again");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_told_of_what_it_wants),
		cmocka_unit_test(what_changes_all_the_time_is_told_at_a_pace),
		cmocka_unit_test_setup(in_private_nobody_is_told, takeover_renew_viewer),
		cmocka_unit_test(what_cannot_be_had_is_refused),
		cmocka_unit_test(one_that_wants_both_is_told_what_it_was),
	};
	return cmocka_run_group_tests(tests, start, takeover_finish);
}
