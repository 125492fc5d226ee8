/* The vnc process as its viewers and its host see it: a real process, real RFB clients. */

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "display/vnc/vnc_clipboard.h"
#include "tests/vnc_host.h"
#include "tests/vnc_viewers.h"

#define WIDTH VNC_TEST_WIDTH
#define HEIGHT VNC_TEST_HEIGHT

static int start_closed(void **state)
{
	struct vnc_host *host = malloc(sizeof(*host));
	vnc_host_start(host);
	*state = host;
	return 0;
}

static rfbClient *join(struct vnc_host *host, const char *password, struct vnc_seen *seen)
{
	return vnc_viewer_connect(host->path, 0, password, "raw", seen);
}

static void wrong_password_is_refused(void **state)
{
	struct vnc_seen seen;
	assert_null(join(*state, "mistaken", &seen));
	int fd = vnc_raw_connect(*state);
	assert_false(vnc_raw_login(fd, ""));
	close(fd);
	rfbClient *viewer = join(*state, VNC_VIEW_PASSWORD, &seen);
	assert_non_null(viewer);
	vnc_viewer_disconnect(viewer);
}

static void nobody_enters_before_there_are_passwords(void **state)
{
	struct vnc_host *host = *state;
	vnc_host_new_frame(host, WIDTH, HEIGHT, 1);
	int fd = -1;
	uint64_t deadline_us = cua_now_us() + UINT64_C(1000) * VNC_DEADLINE_MS;
	while (cua_unix_connect(host->path, SOCK_STREAM, &fd, NULL) != CUA_OK) {
		assert_true(cua_ms_until(deadline_us) > 0);
	}
	assert_false(vnc_raw_login(fd, ""));
	close(fd);
	struct vnc_seen seen;
	assert_null(join(host, VNC_CONTROL_PASSWORD, &seen));
}

static void five_failures_lock_even_the_right_password_out(void **state)
{
	struct vnc_seen seen;
	for (int i = 0; i < 5; i++) {
		assert_null(join(*state, "mistaken", &seen));
	}
	assert_null(join(*state, VNC_CONTROL_PASSWORD, &seen));

	uint64_t deadline_us = cua_now_us() + UINT64_C(1000) * VNC_DEADLINE_MS;
	rfbClient *viewer = NULL;
	while (!viewer && cua_ms_until(deadline_us) > 0) {
		viewer = join(*state, VNC_CONTROL_PASSWORD, &seen);
	}
	assert_non_null(viewer);
	vnc_viewer_disconnect(viewer);
}

static void the_socket_is_ours_alone(void **state)
{
	const struct vnc_host *host = *state;
	struct stat info;
	assert_int_equal(stat(host->path, &info), 0);
	assert_true(S_ISSOCK(info.st_mode));
	assert_int_equal(info.st_mode & 0777, 0600);
}

static void viewer_sees_exact_pixels(void **state)
{
	static const char *const encodings[] = { "raw", "zrle", "tight", "hextile", "zlib" };
	struct vnc_host *host = *state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(encodings); i++) {
		struct vnc_seen seen;
		rfbClient *viewer = vnc_viewer_connect(
				host->path, 0, VNC_VIEW_PASSWORD, encodings[i], &seen);
		assert_non_null(viewer);
		assert_string_equal(viewer->desktopName, "test desktop");
		vnc_viewer_wait_frame(viewer, host);
		vnc_host_paint(host, 10, 20, 30, 40, 0x00ff8000U + (uint32_t)i);
		vnc_host_paint(host, 0, 0, WIDTH, 3, 0x00123456U + (uint32_t)i);
		vnc_host_paint(host, WIDTH - 1, HEIGHT - 1, 1, 1, 0x00abcdefU);
		vnc_viewer_wait_frame(viewer, host);
		vnc_viewer_disconnect(viewer);
	}
}

static void viewer_follows_a_new_size(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_seen seen;
	rfbClient *viewer = join(host, VNC_VIEW_PASSWORD, &seen);
	vnc_viewer_wait_frame(viewer, host);
	vnc_host_new_frame(host, 401, 99, 2);
	vnc_viewer_wait_frame(viewer, host);
	vnc_host_new_frame(host, 401, 99, 3);
	vnc_viewer_wait_frame(viewer, host);
	vnc_host_paint(host, 380, 90, 21, 9, 0x00c0ffeeU);
	vnc_viewer_wait_frame(viewer, host);
	vnc_viewer_disconnect(viewer);
}

static void broken_messages_of_the_host_are_ignored(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_seen seen;
	struct vnc_link_message frame = { .type = VNC_LINK_FRAME };
	frame.u.frame.width_px = frame.u.frame.height_px = 4000;
	frame.u.frame.stride_bytes = 16000;
	vnc_host_send(host, &frame, NULL, host->frame_fd); /* the file is smaller */
	vnc_host_send(host, &frame, NULL, -1);
	frame.u.frame.width_px = 20000;
	vnc_host_send(host, &frame, NULL, host->frame_fd);
	const struct vnc_link_message unknown = { .type = 99 };
	vnc_host_send(host, &unknown, NULL, -1);
	struct vnc_link_message cursor = { .type = VNC_LINK_CURSOR, .data_len = 4 };
	cursor.u.cursor.width = cursor.u.cursor.height = 100;
	vnc_host_send(host, &cursor, "1234", -1);
	vnc_host_paint(host, 65000, 65000, 65000, 65000 % 2, 0);
	rfbClient *viewer = join(host, VNC_VIEW_PASSWORD, &seen);
	vnc_viewer_wait_frame(viewer, host);
	vnc_viewer_disconnect(viewer);
}

static bool got_cursor(rfbClient *viewer, const void *data)
{
	return vnc_viewer_seen(viewer)->cursor_width == *(const int *)data;
}

static void send_cursor(struct vnc_host *host, uint16_t edge, uint16_t hot)
{
	uint32_t pixels[VNC_LINK_CURSOR_EDGE_MAX * VNC_LINK_CURSOR_EDGE_MAX];
	for (size_t i = 0; i < CUA_ARRAY_LEN(pixels); i++) {
		pixels[i] = i % 2 ? 0xff204060U : 0x00000000U;
	}
	struct vnc_link_message message = { .type = VNC_LINK_CURSOR };
	message.u.cursor.width = message.u.cursor.height = edge;
	message.u.cursor.hot_x = message.u.cursor.hot_y = hot;
	message.data_len = UINT32_C(4) * edge * edge;
	vnc_host_send(host, &message, pixels, -1);
}

static void pointer_shapes_reach_viewers(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_seen seen;
	send_cursor(host, 9, 2);
	rfbClient *viewer = join(host, VNC_VIEW_PASSWORD, &seen);
	int width = 9;
	vnc_viewer_wait(viewer, got_cursor, &width);
	assert_int_equal(seen.cursor_x, 2);
	assert_int_equal(seen.cursor_y, 2);
	assert_int_equal(seen.cursor_mask[0], 0);
	assert_int_equal(seen.cursor_mask[1], 1);
	uint32_t colour;
	memcpy(&colour, viewer->rcSource + 4, sizeof(colour));
	assert_int_equal(colour & 0xffffff, 0x204060);
	/* Larger than libvncserver can send: the part around the hot spot. */
	send_cursor(host, VNC_LINK_CURSOR_EDGE_MAX, 127);
	width = 88;
	vnc_viewer_wait(viewer, got_cursor, &width);
	assert_int_equal(seen.cursor_x, 87);
	struct vnc_link_message moved = { .type = VNC_LINK_MOVED };
	moved.u.moved.x = moved.u.moved.y = 65535;
	vnc_host_send(host, &moved, NULL, -1);
	vnc_viewer_wait_frame(viewer, host);
	vnc_viewer_disconnect(viewer);
}

static bool got_text(rfbClient *viewer, const void *data)
{
	return strcmp(vnc_viewer_seen(viewer)->text, data) == 0;
}

static void cut_text_reaches_who_may_act_but_no_strangers(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_seen seen;
	uint8_t hello[14], challenge[16], byte;
	int stranger = vnc_raw_connect(host);
	assert_true(vnc_raw_read(stranger, hello, 12));
	vnc_raw_write(stranger, "RFB 003.008\n\2", 13);
	assert_true(vnc_raw_read(stranger, hello, 2));
	assert_true(vnc_raw_read(stranger, challenge, sizeof(challenge)));
	rfbClient *viewer = join(host, VNC_CONTROL_PASSWORD, &seen);
	vnc_viewer_sync(viewer);

	static const char text[] = "caf\xc3\xa9 \xe4\xb8\xad";
	struct vnc_link_message message = { .type = VNC_LINK_SET_CUT_TEXT,
		.u.cut_text.viewers = VNC_LINK_ALL_VIEWERS };
	message.data_len = sizeof(text) - 1;
	vnc_host_send(host, &message, text, -1);
	vnc_viewer_wait(viewer, got_text, "caf\xe9 ?");
	struct pollfd wait = { .fd = stranger, .events = POLLIN };
	assert_int_equal(poll(&wait, 1, 0), 0);
	vnc_raw_write(stranger, challenge, sizeof(challenge)); /* not the answer */
	assert_true(vnc_raw_read(stranger, hello, 4));
	assert_memory_equal(hello, "\0\0\0\1", 4);
	assert_true(vnc_raw_read(stranger, hello, 4));
	while (vnc_raw_read(stranger, &byte, 1)) {
	}
	close(stranger);
	vnc_viewer_disconnect(viewer);
}

/* By slot. */
static uint32_t who_is_ready(struct vnc_host *host)
{
	struct vnc_heard heard;
	do {
		assert_true(vnc_host_hear(host, &heard, VNC_DEADLINE_MS));
	} while (heard.message.type != VNC_LINK_READY);
	return UINT32_C(1) << heard.message.viewer;
}

/* What was copied before is for who comes, and not once more for who is there. */
static void who_comes_is_told_of_the_text(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_seen first_seen, next_seen;
	struct vnc_link_message message = { .type = VNC_LINK_SET_CUT_TEXT, .data_len = 3 };
	rfbClient *first = join(host, VNC_CONTROL_PASSWORD, &first_seen);
	message.u.cut_text.viewers = who_is_ready(host);
	vnc_host_send(host, &message, "one", -1);
	vnc_viewer_wait(first, got_text, "one");
	rfbClient *next = join(host, VNC_CONTROL_PASSWORD, &next_seen);
	message.u.cut_text.viewers = who_is_ready(host);
	vnc_host_send(host, &message, "two", -1);
	vnc_viewer_wait(next, got_text, "two");
	vnc_viewer_sync(first);
	assert_string_equal(first_seen.text, "one");
	message.u.cut_text.viewers = VNC_LINK_ALL_VIEWERS;
	vnc_host_send(host, &message, "all", -1);
	vnc_viewer_wait(first, got_text, "all");
	vnc_viewer_wait(next, got_text, "all");
	vnc_viewer_disconnect(first);
	vnc_viewer_disconnect(next);
}

static void extended_clipboard_carries_utf8(void **state)
{
	struct vnc_host *host = *state;
	/* zlib stream of 00 00 00 06 "\xe4\xb8\xad\r\n\0", finished, which 0.9.14 cannot take */
	static const uint8_t provide[] = { 0x06, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xea, 0x10,
		0x00, 0x00, 0x01, 0x78, 0x9c, 0x63, 0x60, 0x60, 0x60, 0x7b, 0xb2, 0x63, 0x2d, 0x2f,
		0x17, 0x03, 0x00, 0x0c, 0x13, 0x02, 0x67 };
	struct vnc_heard heard;
	int fd = vnc_raw_connect(host);
	assert_true(vnc_raw_login(fd, VNC_CONTROL_PASSWORD));
	vnc_raw_write(fd, provide, sizeof(provide));
	vnc_host_hear_input(host, &heard);
	assert_int_equal(heard.message.type, VNC_LINK_CUT_TEXT);
	assert_string_equal(heard.data, "\xe4\xb8\xad\n");
	close(fd);
}

/* The next message of the extended clipboard; returns its flags. */
static uint32_t read_clipboard(int fd, uint8_t *body, size_t size, size_t *ret_len)
{
	uint8_t head[12];
	uint32_t field, flags;
	assert_true(vnc_raw_read(fd, head, sizeof(head)));
	assert_int_equal(head[0], 3);
	memcpy(&field, head + 4, sizeof(field));
	memcpy(&flags, head + 8, sizeof(flags));
	*ret_len = 0U - ntohl(field) - sizeof(flags);
	assert_true(*ret_len <= size && vnc_raw_read(fd, body, *ret_len));
	return ntohl(flags);
}

/* As noVNC does: it takes nothing unasked. */
static void who_takes_no_text_unasked_is_told_that_there_is_some(void **state)
{
	struct vnc_host *host = *state;
	static const uint8_t encodings[] = { 2, 0, 0, 2, 0, 0, 0, 0, 0xc0, 0xa1, 0xe5, 0xce };
	static const uint8_t caps[] = { 6, 0, 0, 0, 0xff, 0xff, 0xff, 0xf8, 0x1f, 0, 0, 1, 0, 0, 0,
		0 };
	static const uint8_t one_pixel[] = { 3, 0, 0, 0, 0, 0, 0, 1, 0, 1 };
	static const uint8_t request[] = { 6, 0, 0, 0, 0xff, 0xff, 0xff, 0xfc, 2, 0, 0, 1 };
	static const char text[] = "größer";
	const struct vnc_link_message message = { .type = VNC_LINK_SET_CUT_TEXT,
		.u.cut_text.viewers = VNC_LINK_ALL_VIEWERS,
		.data_len = sizeof(text) - 1 };
	struct cua_buffer CUA_AUTO_BUFFER told;
	uint8_t body[256];
	size_t len = 0;
	cua_buffer_init(&told, sizeof(body));
	int fd = vnc_raw_connect(host);
	assert_true(vnc_raw_login(fd, VNC_CONTROL_PASSWORD));
	vnc_raw_write(fd, encodings, sizeof(encodings));
	assert_true(read_clipboard(fd, body, sizeof(body), &len) & 1U << 24);
	vnc_raw_write(fd, caps, sizeof(caps));
	vnc_raw_write(fd, one_pixel, sizeof(one_pixel));
	assert_true(vnc_raw_read(fd, body, 4 + 12 + 4)); /* so the caps were read */
	vnc_host_send(host, &message, text, -1);
	assert_int_equal(read_clipboard(fd, body, sizeof(body), &len), 1U << 27 | 1U);
	vnc_raw_write(fd, request, sizeof(request));
	assert_int_equal(read_clipboard(fd, body, sizeof(body), &len), 1U << 28 | 1U);
	assert_int_equal(vnc_text_inflate(1, body, len, &told, NULL), CUA_OK);
	assert_string_equal(told.data, text);
	close(fd);
}

static void new_passwords_put_viewers_out(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_heard heard;
	int watcher = vnc_raw_connect(host), actor = vnc_raw_connect(host);
	assert_true(vnc_raw_login(watcher, VNC_VIEW_PASSWORD));
	assert_true(vnc_raw_login(actor, VNC_CONTROL_PASSWORD));
	struct vnc_link_message message = { .type = VNC_LINK_LISTEN };
	strcpy(message.u.listen.view_password, VNC_VIEW_PASSWORD);
	strcpy(message.u.listen.control_password, "changed!");
	vnc_host_send(host, &message, NULL, -1);
	vnc_raw_wait_end(actor);
	do {
		assert_true(vnc_host_hear(host, &heard, VNC_DEADLINE_MS));
	} while (heard.message.type != VNC_LINK_VIEWERS || heard.message.u.viewers.viewers != 1);
	close(watcher);
	close(actor);
}

static bool connects(int port)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	CUA_AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

static void viewers_come_by_a_tcp_socket_of_the_host(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_seen seen;
	int port = vnc_host_listen(host, 0);
	assert_true(port > 0);
	assert_null(vnc_viewer_connect("127.0.0.1", port, "mistaken", "raw", &seen));
	rfbClient *viewer = vnc_viewer_connect("127.0.0.1", port, VNC_VIEW_PASSWORD, "raw", &seen);
	assert_non_null(viewer);
	vnc_viewer_wait_frame(viewer, host);
	vnc_viewer_disconnect(viewer);

	/* The next message without a socket closes this one. */
	assert_int_equal(vnc_host_listen(host, -1), -1);
	const uint64_t deadline_us = cua_now_us() + UINT64_C(1000) * VNC_DEADLINE_MS;
	while (connects(port)) {
		assert_true(cua_now_us() < deadline_us);
	}
}

static void expect_no_listener(const struct vnc_host *host)
{
	assert_false(cua_unix_is_alive(host->path, SOCK_STREAM));
}

static void the_end_of_the_host_ends_the_process(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_seen seen;
	rfbClient *viewer = join(host, VNC_VIEW_PASSWORD, &seen);
	close(cua_steal_fd(&host->link_fd));
	siginfo_t info = { 0 };
	assert_int_equal(waitid(P_PID, (id_t)host->server, &info, WEXITED | WNOWAIT), 0);
	expect_no_listener(host);
	vnc_viewer_disconnect(viewer);
}

static void a_signal_ends_the_process_and_leaves_nothing_behind(void **state)
{
	struct vnc_host *host = *state;
	struct vnc_seen seen;
	rfbClient *viewer = join(host, VNC_CONTROL_PASSWORD, &seen);
	SendKeyEvent(viewer, 's', TRUE);
	vnc_host_expect_key(host, 's', true);
	kill(host->server, SIGTERM);
	vnc_host_expect_key(host, 's', false);
	vnc_host_expect_resume(host);
	siginfo_t info = { 0 };
	assert_int_equal(waitid(P_PID, (id_t)host->server, &info, WEXITED | WNOWAIT), 0);
	expect_no_listener(host);
	vnc_viewer_disconnect(viewer);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
				wrong_password_is_refused, vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(nobody_enters_before_there_are_passwords,
				start_closed, vnc_test_stop),
		cmocka_unit_test_setup_teardown(five_failures_lock_even_the_right_password_out,
				vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(
				the_socket_is_ours_alone, vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(
				viewer_sees_exact_pixels, vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(
				viewer_follows_a_new_size, vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(broken_messages_of_the_host_are_ignored,
				vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(
				pointer_shapes_reach_viewers, vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(cut_text_reaches_who_may_act_but_no_strangers,
				vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(
				who_comes_is_told_of_the_text, vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(
				extended_clipboard_carries_utf8, vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(
				who_takes_no_text_unasked_is_told_that_there_is_some,
				vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(
				new_passwords_put_viewers_out, vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(viewers_come_by_a_tcp_socket_of_the_host,
				vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(the_end_of_the_host_ends_the_process,
				vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(a_signal_ends_the_process_and_leaves_nothing_behind,
				vnc_test_start, vnc_test_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
