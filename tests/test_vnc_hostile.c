/* Viewers that mean harm, or have none to read for them: others must not notice. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cua/base/util.h"
#include "display/vnc/vnc_input.h"
#include "tests/vnc_host.h"
#include "tests/vnc_viewers.h"

/* A frame of 4 MB: more than all socket buffers on the way together. */
#define WIDTH 1280
#define HEIGHT 800

static int start(void **state)
{
	struct vnc_host *host = malloc(sizeof(*host));
	vnc_host_start(host);
	vnc_host_open(host, WIDTH, HEIGHT, -1);
	*state = host;
	return 0;
}

/* A well-behaved viewer gets in and sees what is there; slots may be free a little later. */
static rfbClient *join_at_last(struct vnc_host *host, struct vnc_seen *seen)
{
	uint64_t deadline_us = cua_now_us() + UINT64_C(1000) * VNC_DEADLINE_MS;
	rfbClient *viewer = NULL;
	while (!viewer && cua_ms_until(deadline_us) > 0) {
		viewer = vnc_viewer_connect(host->path, 0, VNC_CONTROL_PASSWORD, "raw", seen);
	}
	assert_non_null(viewer);
	vnc_viewer_wait_frame(viewer, host);
	return viewer;
}

static void expect_serving(struct vnc_host *host)
{
	struct vnc_seen seen;
	vnc_viewer_disconnect(join_at_last(host, &seen));
}

static void write_bytes(uint8_t *at, uint32_t value, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		at[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
	}
}

static void request_update(int fd, bool incremental)
{
	uint8_t request[10] = { 3, incremental };
	write_bytes(request + 6, WIDTH, 2);
	write_bytes(request + 8, HEIGHT, 2);
	vnc_raw_write(fd, request, sizeof(request));
}

static void what_is_not_rfb_is_dropped(void **state)
{
	static const char *const greetings[] = {
		"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nOrigin: http://evil\r\n\r\n",
		"G",
		"\x16\x03\x01\x02",
		"\x80",
		"RFB 003.8\n\n\n",
		"RFB 004.000\n",
		"RFB 003.00x\n",
		"RFB 003.008 ",
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(greetings); i++) {
		int fd = vnc_raw_connect(*state);
		vnc_raw_write(fd, greetings[i], strlen(greetings[i]));
		vnc_raw_wait_end(fd);
		close(fd);
	}
	/* Who was it, and not what it said. */
	CUA_AUTO_FREE char *log = vnc_host_log(*state);
	assert_non_null(strstr(log, "is hung up on: it is none that we can serve"));
	assert_null(strstr(log, "evil"));
	expect_serving(*state);
}

/* A session of every message, with the answer to the challenge at byte 13. */
static size_t make_session(uint8_t *session)
{
	static const uint8_t normal[] = { /* SetPixelFormat */ 0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0,
		255, 0, 255, 16, 8, 0, 0, 0, 0,
		/* SetEncodings: ZRLE, NewFBSize, extended clipboard */ 2, 0, 0, 3, 0, 0, 0, 16,
		0xff, 0xff, 0xff, 0x21, 0xc0, 0xa1, 0xe5, 0xce,
		/* FramebufferUpdateRequest */ 3, 0, 0, 0, 0, 0, 0, 50, 0, 50,
		/* KeyEvent */ 4, 1, 0, 0, 0, 0, 0, 'a',
		/* PointerEvent */ 5, 1, 0, 1, 0, 1,
		/* ClientCutText */ 6, 0, 0, 0, 0, 0, 0, 3, 'a', 'b', 'c',
		/* SetDesktopSize */ 251, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0 };
	memcpy(session, "RFB 003.008\n\2", 13);
	session[29] = 1;
	memcpy(session + 30, normal, sizeof(normal));
	return 30 + sizeof(normal);
}

static void leave_after(struct vnc_host *host, const uint8_t *session, size_t len)
{
	uint8_t hello[14], challenge[16], response[16];
	int fd = vnc_raw_connect(host);
	vnc_raw_write(fd, session, len < 13 ? len : 13);
	/* The server may be busy with those before: whoever gets no place has left early too. */
	if (len >= 13 && vnc_raw_read(fd, hello, sizeof(hello)) &&
			vnc_raw_read(fd, challenge, sizeof(challenge))) {
		vnc_raw_answer(challenge, VNC_CONTROL_PASSWORD, response);
		size_t answered = len - 13 < 16 ? len - 13 : 16;
		vnc_raw_write(fd, response, answered);
		vnc_raw_write(fd, session + 13 + answered, len - 13 - answered);
	}
	close(fd);
}

static void leaving_at_any_byte_harms_nobody(void **state)
{
	uint8_t session[256];
	size_t len = make_session(session);
	for (size_t i = 0; i <= len; i++) {
		leave_after(*state, session, i);
	}
	expect_serving(*state);
}

static void a_message_cut_short_holds_nobody_up(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_seen seen;
	int fd = vnc_raw_connect(host);
	assert_true(vnc_raw_login(fd, VNC_CONTROL_PASSWORD));
	static const uint8_t half[] = { 6, 0, 0, 0, 0, 0, 0xff, 0xff, 'a' };
	vnc_raw_write(fd, half, sizeof(half));
	rfbClient *viewer = join_at_last(host, &seen);
	vnc_host_paint(host, 1, 1, 100, 100, 0x00445566);
	vnc_viewer_wait_frame(viewer, host);
	struct pollfd open = { .fd = fd, .events = POLLIN };
	assert_int_equal(poll(&open, 1, 0), 0); /* still connected */
	vnc_viewer_disconnect(viewer);
	close(fd);
}

/* Waits until the one that does not read is gone, while the other keeps seeing what changes. */
static void expect_only_one_left(struct vnc_host *host, rfbClient *viewer)
{
	struct vnc_heard heard = { 0 };
	uint64_t deadline_us = cua_now_us() + UINT64_C(1000) * VNC_DEADLINE_MS;
	uint32_t colour = 1;
	while (heard.message.type != VNC_LINK_VIEWERS || heard.message.u.viewers.viewers != 1) {
		assert_true(cua_ms_until(deadline_us) > 0);
		vnc_host_paint(host, 0, 0, 64, 64, colour++);
		vnc_viewer_wait_frame(viewer, host);
		if (!vnc_host_hear(host, &heard, 0)) {
			heard.message.type = 0;
		}
	}
}

static void who_stops_reading_is_dropped_and_delays_nobody(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_seen seen;
	rfbClient *viewer = join_at_last(host, &seen);
	int fd = vnc_raw_connect(host);
	assert_true(vnc_raw_login(fd, VNC_VIEW_PASSWORD));
	vnc_host_wait_viewers(host, 2, 1);
	request_update(fd, false);
	expect_only_one_left(host, viewer);
	close(fd);
	vnc_viewer_disconnect(viewer);
}

static void who_asks_for_much_and_reads_nothing_is_dropped(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_seen seen;
	rfbClient *viewer = join_at_last(host, &seen);
	int fd = vnc_raw_connect(host);
	assert_true(vnc_raw_login(fd, VNC_VIEW_PASSWORD));
	vnc_host_wait_viewers(host, 2, 1);
	for (int i = 0; i < 1000; i++) {
		request_update(fd, false);
	}
	expect_only_one_left(host, viewer);
	close(fd);
	vnc_viewer_disconnect(viewer);
}

static void large_cut_text_is_skipped(void **state)
{
	struct vnc_host *host = *state;
	static const char filler[65536];
	int fd = vnc_raw_connect(host);
	assert_true(vnc_raw_login(fd, VNC_CONTROL_PASSWORD));
	uint8_t header[8] = { 6 };
	write_bytes(header + 4, 64 * sizeof(filler), 4);
	vnc_raw_write(fd, header, sizeof(header));
	for (int i = 0; i < 64; i++) {
		vnc_raw_write(fd, filler, sizeof(filler));
	}
	static const uint8_t key[] = { 4, 1, 0, 0, 0, 0, 0, 'k' };
	vnc_raw_write(fd, key, sizeof(key));
	vnc_host_expect_key(host, 'k', true);
	write_bytes(header + 4, 0x7fffffff, 4); /* never sent */
	vnc_raw_write(fd, header, sizeof(header));
	expect_serving(host);
	close(fd);
}

static void broken_zlib_in_cut_text_is_ignored(void **state)
{
	struct vnc_host *host = *state;
	int fd = vnc_raw_connect(host);
	assert_true(vnc_raw_login(fd, VNC_CONTROL_PASSWORD));
	/* Cut short, of 4 GiB, not zlib at all, and without text. */
	static const uint8_t short_stream[] = { 6, 0, 0, 0, 0xff, 0xff, 0xff, 0xf4, 0x10, 0, 0, 1,
		0x78, 0x9c, 0x63, 0x60, 0x60, 0x60, 0x7b, 0xb2 };
	static const uint8_t not_zlib[] = { 6, 0, 0, 0, 0xff, 0xff, 0xff, 0xf8, 0x10, 0, 0, 1, 1, 2,
		3, 4 };
	static const uint8_t no_text[] = { 6, 0, 0, 0, 0xff, 0xff, 0xff, 0xfc, 0x10, 0, 0, 2 };
	static const uint8_t key[] = { 4, 1, 0, 0, 0, 0, 0, 'k' };
	vnc_raw_write(fd, short_stream, sizeof(short_stream));
	vnc_raw_write(fd, not_zlib, sizeof(not_zlib));
	vnc_raw_write(fd, no_text, sizeof(no_text));
	vnc_raw_write(fd, key, sizeof(key));
	vnc_host_expect_key(host, 'k', true);
	close(fd);
}

static void random_messages_harm_nobody(void **state)
{
	static const uint8_t types[] = { 0, 2, 3, 4, 5, 6, 251, 1, 7, 8, 10, 11, 15, 150, 248, 250,
		255 };
	unsigned seed = 20240607;
	for (int session = 0; session < 150; session++) {
		uint8_t bytes[512];
		int fd = vnc_raw_connect(*state);
		if (vnc_raw_login(fd, VNC_CONTROL_PASSWORD)) {
			for (size_t i = 0; i < sizeof(bytes); i++) {
				bytes[i] = (uint8_t)(rand_r(&seed) % 5 ? rand_r(&seed) % 4
								       : rand_r(&seed));
			}
			bytes[0] = types[(size_t)rand_r(&seed) % CUA_ARRAY_LEN(types)];
			vnc_raw_write(fd, bytes, sizeof(bytes));
			request_update(fd, false);
		}
		close(fd);
	}
	/* Encodings and pixel formats that are well-formed, and odd. */
	for (int session = 0; session < 100; session++) {
		static const uint8_t bits[] = { 8, 16, 32 };
		uint8_t format[20] = { 0 }, encodings[4 + 4 * 8] = { 2, 0, 0, 8 };
		int fd = vnc_raw_connect(*state);
		if (vnc_raw_login(fd, VNC_VIEW_PASSWORD)) {
			format[4] = bits[rand_r(&seed) % 3];
			format[5] = format[4];
			format[6] = (uint8_t)(rand_r(&seed) % 2);
			format[7] = rand_r(&seed) % 4 != 0 || format[4] != 8;
			for (int i = 0; i < 3; i++) {
				format[9 + 2 * i] = (uint8_t)((1 << rand_r(&seed) % 4) - 1);
				format[14 + i] = (uint8_t)(rand_r(&seed) % 5);
			}
			for (size_t i = 4; i < sizeof(encodings); i += 4) {
				int encoding = rand_r(&seed) % 2 ? rand_r(&seed) % 20
								 : -rand_r(&seed) % 320;
				write_bytes(encodings + i, (uint32_t)encoding, 4);
			}
			vnc_raw_write(fd, format, sizeof(format));
			vnc_raw_write(fd, encodings, sizeof(encodings));
			request_update(fd, false);
			uint8_t update[4];
			(void)vnc_raw_read(fd, update, sizeof(update));
		}
		close(fd);
	}
	expect_serving(*state);
}

static void strangers_cannot_keep_people_out(void **state)
{
	struct vnc_host *host = *state;
	int silent[40];
	for (size_t i = 0; i < CUA_ARRAY_LEN(silent); i++) {
		silent[i] = vnc_raw_connect(host);
	}
	expect_serving(host);
	for (size_t i = 0; i < CUA_ARRAY_LEN(silent); i++) {
		close(silent[i]);
	}
}

static void one_viewer_too_many_is_refused(void **state)
{
	struct vnc_host *host = *state;
	int viewers[VNC_VIEWERS_MAX];
	for (size_t i = 0; i < CUA_ARRAY_LEN(viewers); i++) {
		viewers[i] = vnc_raw_connect(host);
		assert_true(vnc_raw_login(viewers[i], VNC_VIEW_PASSWORD));
	}
	int late = vnc_raw_connect(host);
	assert_false(vnc_raw_login(late, VNC_VIEW_PASSWORD));
	close(late);
	close(viewers[3]);
	expect_serving(host);
	for (size_t i = 0; i < CUA_ARRAY_LEN(viewers); i++) {
		if (i != 3) {
			close(viewers[i]);
		}
	}
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_not_rfb_is_dropped, start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(
				leaving_at_any_byte_harms_nobody, start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(
				a_message_cut_short_holds_nobody_up, start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(who_stops_reading_is_dropped_and_delays_nobody,
				start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(who_asks_for_much_and_reads_nothing_is_dropped,
				start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(large_cut_text_is_skipped, start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(
				broken_zlib_in_cut_text_is_ignored, start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(random_messages_harm_nobody, start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(
				strangers_cannot_keep_people_out, start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(
				one_viewer_too_many_is_refused, start, vnc_test_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
