/* From a viewer's keys and buttons to the host, in order and without loss. */

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cua/base/util.h"
#include "tests/vnc_host.h"
#include "tests/vnc_viewers.h"

#define WIDTH VNC_TEST_WIDTH
#define HEIGHT VNC_TEST_HEIGHT
#define KEY_PAUSE 0xff13
#define KEY_CONTROL 0xffe3
#define KEY_ALT 0xffe9

static rfbClient *join(struct vnc_host *host, const char *password, struct vnc_seen *seen)
{
	return vnc_viewer_connect(host->path, 0, password, "raw", seen);
}

static void input_of_a_watching_viewer_does_not_arrive(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_seen seen_watcher, seen_actor;
	rfbClient *watcher = join(host, VNC_VIEW_PASSWORD, &seen_watcher);
	rfbClient *actor = join(host, VNC_CONTROL_PASSWORD, &seen_actor);
	vnc_host_wait_viewers(host, 2, 1);
	SendKeyEvent(watcher, 'w', TRUE);
	SendKeyEvent(watcher, KEY_PAUSE, TRUE);
	SendPointerEvent(watcher, 5, 5, 1);
	char text[] = "secret";
	SendClientCutText(watcher, text, 6);
	vnc_viewer_sync(watcher);
	SendKeyEvent(actor, 'z', TRUE);
	vnc_host_expect_key(host, 'z', true);
	vnc_viewer_disconnect(watcher);
	vnc_viewer_disconnect(actor);
}

static void input_of_a_controlling_viewer_arrives(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_seen seen;
	struct vnc_heard heard;
	rfbClient *viewer = join(host, VNC_CONTROL_PASSWORD, &seen);
	SendKeyEvent(viewer, 0x1004e2d, TRUE); /* a character beyond Latin-1 */
	SendKeyEvent(viewer, 0x1004e2d, FALSE);
	vnc_host_expect_key(host, 0x1004e2d, true);
	vnc_host_expect_key(host, 0x1004e2d, false);
	SendPointerEvent(viewer, 0, 0, 0);
	vnc_host_expect_pointer(host, 0, 0, 0);
	SendPointerEvent(viewer, 7, 9, 1);
	SendPointerEvent(viewer, 7, 9, 0);
	SendPointerEvent(viewer, 7, 9, 16);
	SendPointerEvent(viewer, 7, 9, 0);
	vnc_host_expect_pointer(host, 7, 9, 1);
	vnc_host_expect_pointer(host, 7, 9, 0);
	vnc_host_expect_pointer(host, 7, 9, 16);
	vnc_host_expect_pointer(host, 7, 9, 0);
	SendPointerEvent(viewer, 60000, 60000, 0);
	vnc_host_expect_pointer(host, WIDTH - 1, HEIGHT - 1, 0);
	char text[] = "caf\xe9\r\nbar";
	SendClientCutText(viewer, text, (int)strlen(text));
	vnc_host_hear_input(host, &heard);
	assert_int_equal(heard.message.type, VNC_LINK_CUT_TEXT);
	assert_string_equal(heard.data, "caf\xc3\xa9\nbar");
	vnc_viewer_disconnect(viewer);
}

static void pause_gives_the_desktop_back(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_seen seen;
	rfbClient *viewer = join(host, VNC_CONTROL_PASSWORD, &seen);
	SendKeyEvent(viewer, KEY_PAUSE, TRUE);
	SendKeyEvent(viewer, KEY_PAUSE, TRUE); /* autorepeat */
	SendKeyEvent(viewer, KEY_PAUSE, FALSE);
	SendKeyEvent(viewer, 'a', TRUE);
	vnc_host_expect_resume(host);
	vnc_host_expect_key(host, 'a', true);

	SendPointerEvent(viewer, 3, 4, 4);
	SendKeyEvent(viewer, KEY_CONTROL, TRUE);
	SendKeyEvent(viewer, KEY_ALT, TRUE);
	SendKeyEvent(viewer, 'r', TRUE);
	vnc_host_expect_pointer(host, 3, 4, 4);
	vnc_host_expect_key(host, KEY_CONTROL, true);
	vnc_host_expect_key(host, KEY_ALT, true);
	vnc_host_expect_key(host, KEY_ALT, false);
	vnc_host_expect_key(host, KEY_CONTROL, false);
	vnc_host_expect_key(host, 'a', false);
	vnc_host_expect_pointer(host, 3, 4, 0);
	vnc_host_expect_resume(host);

	SendKeyEvent(viewer, 'r', FALSE);
	SendKeyEvent(viewer, KEY_ALT, FALSE);
	SendKeyEvent(viewer, KEY_CONTROL, FALSE);
	SendPointerEvent(viewer, 5, 6, 4); /* the button was not let go of */
	SendKeyEvent(viewer, 'r', TRUE);
	vnc_host_expect_pointer(host, 5, 6, 0);
	vnc_host_expect_key(host, 'r', true);
	vnc_viewer_disconnect(viewer);
}

static void what_a_leaving_viewer_held_is_released(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_seen seen, seen_other;
	rfbClient *viewer = join(host, VNC_CONTROL_PASSWORD, &seen);
	rfbClient *other = join(host, VNC_CONTROL_PASSWORD, &seen_other);
	vnc_host_wait_viewers(host, 2, 2);
	SendKeyEvent(viewer, KEY_CONTROL, TRUE);
	SendKeyEvent(viewer, 'c', TRUE);
	SendPointerEvent(viewer, 30, 40, 1);
	vnc_viewer_disconnect(viewer);
	vnc_host_expect_key(host, KEY_CONTROL, true);
	vnc_host_expect_key(host, 'c', true);
	vnc_host_expect_pointer(host, 30, 40, 1);
	vnc_host_expect_key(host, 'c', false);
	vnc_host_expect_key(host, KEY_CONTROL, false);
	vnc_host_expect_pointer(host, 30, 40, 0);
	vnc_host_wait_viewers(host, 1, 1);
	vnc_viewer_disconnect(other); /* the last with control: what was taken is given back */
	vnc_host_expect_resume(host);
	vnc_host_wait_viewers(host, 0, 0);

	viewer = join(host, VNC_CONTROL_PASSWORD, &seen);
	vnc_host_wait_viewers(host, 1, 1);
	vnc_viewer_disconnect(viewer); /* took nothing: nothing to give back */
	struct vnc_heard heard;
	do {
		assert_true(vnc_host_hear(host, &heard, VNC_DEADLINE_MS));
	} while (heard.message.type == VNC_LINK_READY);
	assert_int_equal(heard.message.type, VNC_LINK_LEFT);
	assert_true(vnc_host_hear(host, &heard, VNC_DEADLINE_MS));
	assert_int_equal(heard.message.type, VNC_LINK_VIEWERS);
}

static void send_pointer(int fd, uint8_t buttons, uint16_t x, uint16_t y)
{
	uint8_t event[6] = { 5, buttons };
	event[2] = (uint8_t)(x >> 8);
	event[3] = (uint8_t)x;
	event[4] = (uint8_t)(y >> 8);
	event[5] = (uint8_t)y;
	vnc_raw_write(fd, event, sizeof(event));
}

/* The pointer's way: ten moves, a press, a release, again and again. */
#define ROUNDS 4000
#define EVENTS (12 * ROUNDS)

static void send_event(int fd, int i)
{
	int step = i % 12;
	send_pointer(fd, step == 10 ? 1 : 0, (uint16_t)(i / 12 % WIDTH),
			(uint16_t)(step < 10 ? step : 10));
}

/* Hears the next of the presses and releases; moves between them may be fewer than were made. */
static bool hear_button(struct vnc_host *host, bool *pressed, int *presses)
{
	struct vnc_heard heard;
	if (!vnc_host_hear(host, &heard, 0)) {
		return false;
	}
	if (heard.message.type == VNC_LINK_POINTER) {
		bool press = heard.message.u.pointer.buttons == 1;
		if (press && !*pressed) {
			assert_int_equal(heard.message.u.pointer.x, *presses % WIDTH);
			assert_int_equal(heard.message.u.pointer.y, 10);
			(*presses)++;
		}
		*pressed = press;
	}
	return true;
}

static void no_button_is_lost_when_the_host_is_slow(void **state)
{
	struct vnc_host *host = *state;
	int fd = vnc_raw_connect(host), sent = 0, presses = 0;
	bool pressed = false, stuck = false;
	assert_true(vnc_raw_login(fd, VNC_CONTROL_PASSWORD));
	uint64_t deadline_us = cua_now_us() + UINT64_C(1000) * VNC_DEADLINE_MS;
	while (presses < ROUNDS) {
		struct pollfd writable = { .fd = fd, .events = POLLOUT };
		assert_true(cua_ms_until(deadline_us) > 0);
		/* Full to the brim first: all that can wait on the way does. */
		if (sent < EVENTS && poll(&writable, 1, stuck ? 0 : 300) == 1) {
			send_event(fd, sent++);
			continue;
		}
		stuck = true;
		hear_button(host, &pressed, &presses);
	}
	close(fd);
}

static void a_million_moves_become_few(void **state)
{
	struct vnc_host *host = *state;
	static uint8_t moves[6 * 10000];
	struct vnc_heard heard;
	int fd = vnc_raw_connect(host);
	assert_true(vnc_raw_login(fd, VNC_CONTROL_PASSWORD));
	vnc_host_wait_viewers(host, 1, 1);
	for (size_t i = 0; i < sizeof(moves); i += 6) {
		moves[i] = 5;
		moves[i + 2] = (uint8_t)(i / 6 % WIDTH >> 8);
		moves[i + 3] = (uint8_t)(i / 6 % WIDTH);
	}
	for (int i = 0; i < 100; i++) {
		vnc_raw_write(fd, moves, sizeof(moves));
	}
	send_pointer(fd, 0, 77, 88);
	int heard_count = 0;
	do { /* nobody listened so far: the link was full and the rest was merged */
		assert_true(vnc_host_hear(host, &heard, VNC_DEADLINE_MS));
		heard_count++;
	} while (heard.message.u.pointer.x != 77 || heard.message.u.pointer.y != 88);
	assert_true(heard_count < 10000);
	close(fd);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(input_of_a_watching_viewer_does_not_arrive,
				vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(input_of_a_controlling_viewer_arrives,
				vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(
				pause_gives_the_desktop_back, vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(what_a_leaving_viewer_held_is_released,
				vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(no_button_is_lost_when_the_host_is_slow,
				vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(
				a_million_moves_become_few, vnc_test_start, vnc_test_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
