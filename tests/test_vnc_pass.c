/* Viewers who were let in elsewhere: they show a pass, which says who they are and what they may,
 * and are not asked for a password. */

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "tests/vnc_host.h"
#include "tests/vnc_viewers.h"

#define KEY_SHIFT 0xffe1

static rfbClient *join(struct vnc_host *host, enum vnc_mode mode, struct vnc_seen *seen)
{
	return vnc_viewer_adopt(
			vnc_pass_connect(host, mode, "0123456789ab", "Ann Müller"), "raw", seen);
}

static void hear_of(struct vnc_host *host, enum vnc_link_type type, struct vnc_heard *heard)
{
	do {
		assert_true(vnc_host_hear(host, heard, VNC_DEADLINE_MS));
	} while (heard->message.type != (uint32_t)type);
}

static void a_pass_opens_without_a_password(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_seen seen;
	struct vnc_heard heard;
	rfbClient *viewer = join(host, VNC_MODE_WATCH, &seen);
	assert_non_null(viewer);
	hear_of(host, VNC_LINK_JOINED, &heard);
	assert_int_equal(heard.message.u.joined.mode, VNC_MODE_WATCH);
	assert_string_equal(heard.message.u.joined.person, "0123456789ab");
	assert_string_equal(heard.message.u.joined.name, "Ann Müller");
	const uint32_t slot = heard.message.viewer;
	vnc_host_wait_viewers(host, 1, 0);
	vnc_viewer_wait_frame(viewer, host);
	vnc_viewer_disconnect(viewer);
	hear_of(host, VNC_LINK_LEFT, &heard);
	assert_int_equal(heard.message.viewer, slot);
	vnc_host_wait_viewers(host, 0, 0);
}

static void who_comes_late_sees_at_once(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_seen seen[3];
	rfbClient *viewers[3];
	for (size_t i = 0; i < CUA_ARRAY_LEN(viewers); i++) {
		vnc_host_paint(host, (uint16_t)(10 * i), 0, 9, 9, 0x00aabb00U + (uint32_t)i);
		viewers[i] = join(host, VNC_MODE_WATCH, &seen[i]);
		vnc_viewer_wait_frame(viewers[i], host);
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(viewers); i++) {
		vnc_viewer_disconnect(viewers[i]);
	}
}

static void a_watcher_cannot_act_whatever_it_sends(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_seen watcher_seen, actor_seen;
	rfbClient *watcher = join(host, VNC_MODE_WATCH, &watcher_seen);
	SendKeyEvent(watcher, 'x', TRUE);
	SendPointerEvent(watcher, 5, 5, 1);
	SendClientCutText(watcher, (char *)(uintptr_t) "stolen", 6);
	SendKeyEvent(watcher, 0xff13, TRUE); /* Pause, which gives the desktop back */
	vnc_viewer_sync(watcher);
	/* What somebody else does comes through, and nothing before it. */
	rfbClient *actor = join(host, VNC_MODE_ACT, &actor_seen);
	SendKeyEvent(actor, 'y', TRUE);
	vnc_host_expect_key(host, 'y', true);
	vnc_viewer_disconnect(watcher);
	vnc_viewer_disconnect(actor);
}

static void input_says_whose_it_is(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_seen seen[2];
	struct vnc_heard heard;
	rfbClient *viewers[2];
	uint32_t slots[2];
	for (size_t i = 0; i < 2; i++) {
		viewers[i] = join(host, i == 0 ? VNC_MODE_ACT : VNC_MODE_PRIVATE, &seen[i]);
		hear_of(host, VNC_LINK_JOINED, &heard);
		assert_int_equal(heard.message.u.joined.mode,
				i == 0 ? VNC_MODE_ACT : VNC_MODE_PRIVATE);
		slots[i] = heard.message.viewer;
	}
	assert_int_not_equal(slots[0], slots[1]);
	for (size_t i = 0; i < 2; i++) {
		SendKeyEvent(viewers[i], 'a', TRUE);
		hear_of(host, VNC_LINK_KEY, &heard);
		assert_int_equal(heard.message.viewer, slots[i]);
		SendPointerEvent(viewers[i], 5, 5, 1);
		SendPointerEvent(viewers[i], 5, 5, 0);
		hear_of(host, VNC_LINK_POINTER, &heard);
		assert_int_equal(heard.message.viewer, slots[i]);
	}
	/* What one of them held is let go of before it is said to have left. */
	vnc_viewer_disconnect(viewers[1]);
	hear_of(host, VNC_LINK_KEY, &heard);
	assert_int_equal(heard.message.viewer, slots[1]);
	assert_int_equal(heard.message.u.key.down, 0);
	hear_of(host, VNC_LINK_LEFT, &heard);
	assert_int_equal(heard.message.viewer, slots[1]);
	vnc_viewer_disconnect(viewers[0]);
}

static bool has_text(rfbClient *viewer, const void *text)
{
	return strcmp(vnc_viewer_seen(viewer)->text, text) == 0;
}

static void cut_text_goes_both_ways_for_who_acts_alone(void **state)
{
	static const char ours[] = "zur\xc3\xbc"
				   "ck";
	struct vnc_host *host = *state;
	struct vnc_seen actor_seen, watcher_seen;
	struct vnc_heard heard;
	rfbClient *watcher = join(host, VNC_MODE_WATCH, &watcher_seen);
	rfbClient *actor = join(host, VNC_MODE_ACT, &actor_seen);
	vnc_viewer_wait_frame(actor, host);
	vnc_viewer_wait_frame(watcher, host);
	SendClientCutText(watcher, (char *)(uintptr_t) "stolen", 6);
	vnc_viewer_sync(watcher);
	SendClientCutText(actor,
			(char *)(uintptr_t) "gr\xf6\xdf"
					    "er",
			6);
	hear_of(host, VNC_LINK_CUT_TEXT, &heard);
	assert_string_equal(heard.data, "größer");
	const struct vnc_link_message message = { .type = VNC_LINK_SET_CUT_TEXT,
		.u.cut_text.viewers = VNC_LINK_ALL_VIEWERS,
		.data_len = sizeof(ours) - 1 };
	vnc_host_send(host, &message, ours, -1);
	vnc_viewer_wait(actor, has_text,
			"zur\xfc"
			"ck");
	vnc_host_paint(host, 0, 0, 5, 5, 0x00010203U); /* comes after it */
	vnc_viewer_wait_frame(watcher, host);
	assert_string_equal(watcher_seen.text, "");
	vnc_viewer_disconnect(watcher);
	vnc_viewer_disconnect(actor);
}

static void new_passwords_put_nobody_with_a_pass_out(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_seen seen;
	rfbClient *viewer = join(host, VNC_MODE_ACT, &seen);
	vnc_viewer_wait_frame(viewer, host);
	const struct vnc_link_message nobody = { .type = VNC_LINK_LISTEN };
	vnc_host_send(host, &nobody, NULL, -1);
	vnc_host_paint(host, 0, 0, 5, 5, 0x00010203U);
	vnc_viewer_wait_frame(viewer, host);
	vnc_viewer_disconnect(viewer);
}

/* Handshakes of the three versions of RFB, byte for byte. */
static void every_version_of_rfb_gets_in(void **state)
{
	struct vnc_host *host = *state;
	for (int minor = 3; minor <= 8; minor += minor == 3 ? 4 : 1) {
		uint8_t version[12], bytes[4], init[24];
		char words[13];
		CUA_AUTO_FD int fd = vnc_pass_connect(host, VNC_MODE_WATCH, "", "");
		assert_true(vnc_raw_read(fd, version, sizeof(version)));
		assert_memory_equal(version, "RFB 003.008\n", 12);
		snprintf(words, sizeof(words), "RFB 003.00%d\n", minor);
		vnc_raw_write(fd, words, 12);
		if (minor == 3) {
			assert_true(vnc_raw_read(fd, bytes, 4));
			assert_memory_equal(bytes, "\0\0\0\1", 4);
		} else {
			assert_true(vnc_raw_read(fd, bytes, 2));
			assert_memory_equal(bytes, "\1\1", 2);
			vnc_raw_write(fd, "\1", 1);
		}
		if (minor == 8) {
			assert_true(vnc_raw_read(fd, bytes, 4));
			assert_memory_equal(bytes, "\0\0\0\0", 4);
		}
		vnc_raw_write(fd, "\1", 1);
		assert_true(vnc_raw_read(fd, init, sizeof(init)));
		assert_int_equal(init[0] << 8 | init[1], VNC_TEST_WIDTH);
	}
}

static void refuses_pass(const struct vnc_host *host, const struct vnc_pass *pass, size_t len)
{
	int fd = -1;
	assert_int_equal(cua_unix_connect(host->pass_path, SOCK_STREAM, &fd, NULL), CUA_OK);
	vnc_raw_write(fd, pass, len);
	vnc_raw_write(fd, "RFB 003.008\n\1\1", 14);
	vnc_raw_wait_end(fd);
	close(fd);
}

static void what_is_no_pass_is_hung_up_on(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_pass good = { .mode = VNC_MODE_ACT };
	memcpy(good.magic, VNC_PASS_MAGIC, sizeof(good.magic));
	refuses_pass(host, &good, 0); /* RFB alone */
	struct vnc_pass bad = good;
	bad.mode = VNC_MODE_COUNT;
	refuses_pass(host, &bad, sizeof(bad));
	bad = good;
	bad.magic[7] = '2';
	refuses_pass(host, &bad, sizeof(bad));
	bad = good;
	memset(bad.person, 'x', sizeof(bad.person));
	refuses_pass(host, &bad, sizeof(bad));
	bad = good;
	memset(bad.name, 'x', sizeof(bad.name));
	refuses_pass(host, &bad, sizeof(bad));
	bad = good;
	strcpy(bad.name, "\xff\xfe");
	refuses_pass(host, &bad, sizeof(bad));
	/* And a pass does not open where passwords do. */
	int fd = vnc_raw_connect(host);
	vnc_raw_write(fd, &good, sizeof(good));
	vnc_raw_wait_end(fd);
	close(fd);
	/* Nor is a password asked for where there is a pass. */
	fd = vnc_pass_connect(host, VNC_MODE_ACT, "", "");
	vnc_raw_write(fd, "RFB 003.008\n\2", 13);
	vnc_raw_wait_end(fd);
	close(fd);
}

static long count_wakings(pid_t pid)
{
	char command[128], line[64] = "";
	snprintf(command, sizeof(command),
			"cat /proc/%d/task/*/status | awk '/ctxt/ { n += $2 } END { print n }'",
			(int)pid);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_non_null(fgets(line, sizeof(line), pipe));
	pclose(pipe);
	return strtol(line, NULL, 10);
}

static void viewers_of_a_still_screen_cost_nothing(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_seen seen[3];
	rfbClient *viewers[3];
	for (size_t i = 0; i < CUA_ARRAY_LEN(viewers); i++) {
		viewers[i] = join(host, VNC_MODE_ACT, &seen[i]);
		vnc_viewer_wait_frame(viewers[i], host);
	}
	/* The answers to the requests that the updates were answered with are still to come to
	 * rest. */
	struct pollfd quiet = { .fd = viewers[2]->sock, .events = POLLIN };
	while (poll(&quiet, 1, 500) > 0) {
		assert_true(HandleRFBServerMessage(viewers[2]));
	}
	const long before = count_wakings(host->server);
	assert_int_equal(poll(&quiet, 1, 1500), 0);
	assert_int_equal(count_wakings(host->server), before);
	for (size_t i = 0; i < CUA_ARRAY_LEN(viewers); i++) {
		vnc_viewer_disconnect(viewers[i]);
	}
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
				a_pass_opens_without_a_password, vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(
				who_comes_late_sees_at_once, vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(a_watcher_cannot_act_whatever_it_sends,
				vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(
				input_says_whose_it_is, vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(cut_text_goes_both_ways_for_who_acts_alone,
				vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(new_passwords_put_nobody_with_a_pass_out,
				vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(
				every_version_of_rfb_gets_in, vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(
				what_is_no_pass_is_hung_up_on, vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(viewers_of_a_still_screen_cost_nothing,
				vnc_test_start, vnc_test_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
