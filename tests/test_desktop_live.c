/* People see and use a desktop through the server: tickets, RFB over WebSockets, and what goes
 * wrong with both. */

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "display/vnc/vnc_clipboard.h"
#include "display/vnc/vnc_input.h"
#include "tests/live_stage.h"
#include "tests/serve_socket.h"
#include "tests/waiting.h"

#define MESSAGE_MAX ((size_t)1 << 20)

static struct serve_stage stage;

static int start(void **state)
{
	(void)state;
	live_stage_open(&stage);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	serve_stage_close(&stage);
	return 0;
}

/* --- tickets --- */

static long open_with(const char *path, bool is_websocket, const char *token, const char *further)
{
	struct serve_socket opened = serve_socket_open(&stage, path, is_websocket, token, further);
	serve_socket_close(&opened);
	return opened.status;
}

static void a_ticket_opens_its_desktop_once(void **state)
{
	(void)state;
	char text[256];
	size_t len = 0;
	CUA_AUTO_FREE char *path = live_ticket(&stage, "seen", "watch", NULL);
	assert_true(strncmp(path, "/v1/desktops/seen/rfb?ticket=", 29) == 0);
	/* Without a token: it is the ticket that opens. */
	struct serve_socket socket = serve_socket_open(&stage, path, true, "", NULL);
	assert_int_equal(socket.status, 101);
	assert_int_equal(serve_socket_read(&socket, text, sizeof(text), &len), SOCKET_BINARY);
	assert_memory_equal(text, "RFB 003.008\n", 12);
	assert_int_equal(open_with(path, true, "", NULL), 401);
	serve_socket_close(&socket);
	assert_int_equal(open_with(path, true, NULL, NULL), 401);
	live_wait_viewers(&stage, 0);
}

static void a_ticket_is_for_one_desktop_and_whoever_asked(void **state)
{
	(void)state;
	char other[256];
	struct output output;
	CUA_AUTO_FREE char *path = live_ticket(&stage, "seen", "act", NULL);
	snprintf(other, sizeof(other), "/v1/desktops/other/%s", strstr(path, "rfb?"));
	assert_int_equal(open_with(other, true, NULL, NULL), 401);
	assert_int_equal(open_with(path, true, NULL, NULL), 401); /* used up by that */

	world_cua(&stage.world, &output, "serve", "token", "else", "--scopes=act", NULL);
	expect_status(&output, 0, "cua serve token");
	output.out[strcspn(output.out, "\n")] = '\0';
	CUA_AUTO_FREE char *mine = live_ticket(&stage, "seen", "watch", NULL);
	assert_int_equal(open_with(mine, true, output.out, NULL), 403);
	output_finish(&output);
	CUA_AUTO_FREE char *good = live_ticket(&stage, "seen", "watch", NULL);
	assert_int_equal(open_with(good, false, NULL, NULL), 426);
	/* A page of another site does not get to use it. */
	assert_int_equal(open_with(good, true, "", "Origin: http://evil.example\r\n"), 403);
	assert_int_equal(open_with(good, true, NULL, NULL), 101);
	assert_int_equal(open_with("/v1/desktops/seen/rfb", true, NULL, NULL), 400);
}

static void a_ticket_is_for_what_its_token_may(void **state)
{
	(void)state;
	struct output output;
	static const struct {
		const char *path, *body;
		long status;
	} calls[] = {
		{ "/v1/desktops/seen/viewers", "{\"mode\":\"watch\"}", 201 },
		{ "/v1/desktops/seen/viewers", "{\"mode\":\"act\"}", 403 },
		{ "/v1/desktops/seen/viewers", "{\"mode\":\"private\"}", 403 },
		{ "/v1/desktops/seen/viewers", "{\"mode\":\"own\"}", 400 },
		{ "/v1/desktops/seen/viewers", "{}", 400 },
		{ "/v1/desktops/none/viewers", "{\"mode\":\"watch\"}", 404 },
	};
	world_cua(&stage.world, &output, "serve", "token", "see", "--scopes=watch", NULL);
	output.out[strcspn(output.out, "\n")] = '\0';
	for (size_t i = 0; i < CUA_ARRAY_LEN(calls); i++) {
		const struct serve_call call = { "POST", calls[i].path, calls[i].body, output.out,
			{ 0 } };
		struct serve_answer answer = serve_send(&stage, &call);
		assert_int_equal(answer.status, calls[i].status);
		serve_answer_finish(&answer);
	}
	output_finish(&output);
}

/* --- seeing and acting --- */

static void a_watcher_sees_and_cannot_act(void **state)
{
	(void)state;
	struct live_viewer watcher;
	live_viewer_open(&stage, &watcher, VNC_MODE_WATCH);
	live_wait_viewers(&stage, 1);
	SendPointerEvent(watcher.rfb, 300, 300, 1);
	SendPointerEvent(watcher.rfb, 300, 300, 0);
	SendKeyEvent(watcher.rfb, 'x', TRUE);
	SendKeyEvent(watcher.rfb, 'x', FALSE);
	vnc_viewer_sync(watcher.rfb);
	CUA_AUTO_JSON cJSON *acted = serve_json(&stage, "POST", "/v1/desktops/seen/actions",
			"{\"actions\":[{\"action\":\"move\",\"x\":10,\"y\":20},"
			"{\"action\":\"cursor_position\"}]}",
			200);
	const cJSON *at = cJSON_GetArrayItem(cua_json_member(acted, "results"), 1);
	assert_int_equal(cua_json_int(at, "x"), 10);
	live_viewer_close(&watcher);
}

static void who_acts_takes_the_desktop_and_gives_it_back_by_leaving(void **state)
{
	(void)state;
	struct live_viewer actor, late;
	live_viewer_open(&stage, &actor, VNC_MODE_ACT);
	SendPointerEvent(actor.rfb, 300, 300, 1);
	SendPointerEvent(actor.rfb, 300, 300, 0);
	live_wait_lease(&stage, "person");
	live_viewer_open(&stage, &late, VNC_MODE_WATCH); /* sees at once */
	live_wait_viewers(&stage, 2);
	live_viewer_close(&late);
	live_viewer_close(&actor);
	live_wait_lease(&stage, "agent");
}

static bool has_size(rfbClient *viewer, const void *data)
{
	const int *size = data;
	return viewer->width == size[0] && viewer->height == size[1];
}

static void the_size_follows_the_screen(void **state)
{
	(void)state;
	static const int small[2] = { 640, 480 }, usual[2] = { LIVE_WIDTH, LIVE_HEIGHT };
	struct live_viewer viewer;
	live_viewer_open(&stage, &viewer, VNC_MODE_WATCH);
	cJSON_Delete(serve_json(&stage, "POST", "/v1/desktops/seen/actions",
			"{\"actions\":[{\"action\":\"resize_screen\",\"width\":640,\"height\":480}]"
			"}",
			200));
	vnc_viewer_wait(viewer.rfb, has_size, small);
	cJSON_Delete(serve_json(&stage, "POST", "/v1/desktops/seen/actions",
			"{\"actions\":[{\"action\":\"resize_screen\",\"width\":800,\"height\":600}]"
			"}",
			200));
	vnc_viewer_wait(viewer.rfb, has_size, usual);
	live_viewer_close(&viewer);
}

/* --- the clipboard --- */

/* RFB 3.8 with security type None, up to ServerInit; the extended clipboard is asked for, and one
 * pixel: who asks for none is not ready for text. */
static void begin_raw(int fd)
{
	static const uint8_t encodings[] = { 2, 0, 0, 2, 0, 0, 0, 0, 0xc0, 0xa1, 0xe5, 0xce };
	uint8_t bytes[64];
	assert_true(vnc_raw_read(fd, bytes, 12));
	vnc_raw_write(fd, "RFB 003.008\n", 12);
	assert_true(vnc_raw_read(fd, bytes, 2));
	assert_memory_equal(bytes, "\1\1", 2);
	vnc_raw_write(fd, "\1", 1);
	assert_true(vnc_raw_read(fd, bytes, 4));
	vnc_raw_write(fd, "\1", 1);
	assert_true(vnc_raw_read(fd, bytes, 24));
	assert_true(vnc_raw_read(fd, bytes + 24, bytes[23]));
	vnc_raw_write(fd, encodings, sizeof(encodings));
	vnc_raw_write(fd, "\3\0\0\0\0\0\0\1\0\1", 10);
}

/* The next ServerCutText of the extended clipboard that provides text. */
static void read_provided(int fd, struct cua_buffer *text)
{
	for (;;) {
		uint8_t head[8];
		assert_true(vnc_raw_read(fd, head, sizeof(head)));
		if (head[0] == 0) { /* the pixel */
			uint8_t rest[12];
			assert_true(vnc_raw_read(fd, rest, sizeof(rest)));
			continue;
		}
		assert_int_equal(head[0], 3);
		uint32_t field, flags;
		memcpy(&field, head + 4, sizeof(field));
		const size_t len = 0U - ntohl(field); /* negative: it is extended */
		CUA_AUTO_FREE uint8_t *body = malloc(len);
		assert_true(len >= 4 && len < MESSAGE_MAX && vnc_raw_read(fd, body, len));
		memcpy(&flags, body, sizeof(flags));
		/* What it can do, it says with bit 24. */
		if (!(ntohl(flags) & 1U << 24) && (ntohl(flags) & 1U << 28)) {
			assert_int_equal(vnc_text_inflate(ntohl(flags) & 0xffff, body + 4, len - 4,
							 text, NULL),
					CUA_OK);
			return;
		}
	}
}

static bool is_on_desktop(void *data)
{
	CUA_AUTO_JSON cJSON *acted = serve_json(&stage, "POST", "/v1/desktops/seen/actions",
			"{\"actions\":[{\"action\":\"clipboard_get\"}],\"screenshot\":false}", 200);
	const cJSON *result = cJSON_GetArrayItem(cua_json_member(acted, "results"), 0);
	return strcmp(cua_json_text(result, "text"), data) == 0;
}

static void the_clipboard_is_utf8_both_ways(void **state)
{
	(void)state;
	static char theirs[] = "größer 漢字 🙂\nzweite Zeile";
	static const char ours[] = "zurück 文字 🎈";
	struct view_server server;
	struct upstream upstream;
	struct cua_buffer CUA_AUTO_BUFFER message;
	struct cua_buffer CUA_AUTO_BUFFER text;
	cua_buffer_init(&message, MESSAGE_MAX);
	cua_buffer_init(&text, MESSAGE_MAX);
	assert_int_equal(view_server_init(&server, stage.base, stage.token, NULL), CUA_OK);
	assert_int_equal(upstream_open_server(&upstream, &server, "seen", VNC_MODE_ACT, NULL),
			CUA_OK);
	begin_raw(upstream.fd);
	/* A click first: what a person's clipboard holds counts while they use the desktop. */
	vnc_raw_write(upstream.fd, "\5\1\0\144\0\144\5\0\0\144\0\144", 12);
	live_wait_lease(&stage, "person");
	assert_int_equal(vnc_text_deflate(theirs, strlen(theirs), &message, NULL), CUA_OK);
	message.data[0] = 6; /* ClientCutText is as ServerCutText, but for its type */
	vnc_raw_write(upstream.fd, message.data, message.len);
	vnc_raw_write(upstream.fd, "\4\1\0\0\0\0\xff\x13", 8); /* Pause: given back */
	live_wait_lease(&stage, "agent");
	wait_until(is_on_desktop, theirs, "the viewer's text on the desktop's clipboard");
	cJSON_Delete(serve_json(&stage, "POST", "/v1/desktops/seen/actions",
			"{\"actions\":[{\"action\":\"clipboard_set\",\"text\":\"zurück 文字 🎈\"}]}",
			200));
	do {
		cua_buffer_clear(&text);
		read_provided(upstream.fd, &text);
	} while (strcmp(text.data, ours) != 0);
	(void)upstream_close(&upstream, NULL);
}

/* --- those who do harm --- */

/* The code of the close frame, with what came before it thrown away; 0: without one. */
static int read_close(const struct serve_socket *socket)
{
	static char text[MESSAGE_MAX];
	size_t len = 0;
	for (int opcode; (opcode = serve_socket_read(socket, text, sizeof(text), &len)) >= 0;) {
		if (opcode == SOCKET_CLOSE) {
			return (unsigned char)text[0] << 8 | (unsigned char)text[1];
		}
	}
	return 0;
}

static void what_is_no_rfb_is_hung_up_on(void **state)
{
	(void)state;
	static const struct {
		int opcode;
		const char *data;
		size_t len;
		int code;
	} cases[] = {
		{ SOCKET_BINARY, "GET / HTTP/1.1\r\n", 16, 1001 },
		{ SOCKET_BINARY, "RFB 003.008\n\2", 13, 1001 },       /* another security type */
		{ SOCKET_BINARY, "RFB 003.008\n\1\1\xfa", 15, 1001 }, /* an unknown message */
		/* a pixel format of 77 bits */
		{ SOCKET_BINARY,
				"RFB 003.008\n\1\1\0\0\0\0\115\30\0\1\0\xff\0\xff\0\xff\20\10\0\0\0"
				"\0",
				34, 1001 },
		/* a second pass */
		{ SOCKET_BINARY, "RFB 003.008\n\1\1CUAPASS1", 22, 1001 },
		{ SOCKET_TEXT, "RFB 003.008\n", 12, 1003 },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		CUA_AUTO_FREE char *path = live_ticket(&stage, "seen", "act", NULL);
		struct serve_socket socket = serve_socket_open(&stage, path, true, NULL, NULL);
		assert_int_equal(socket.status, 101);
		serve_socket_send(&socket, cases[i].opcode, cases[i].data, cases[i].len);
		assert_int_equal(read_close(&socket), cases[i].code);
		serve_socket_close(&socket);
	}
	struct live_viewer viewer;
	live_viewer_open(&stage, &viewer, VNC_MODE_WATCH);
	live_viewer_close(&viewer);
	live_wait_viewers(&stage, 0);
}

/* Every message of RFB in a frame of its own, cut anywhere. */
static void frames_may_cut_rfb_anywhere(void **state)
{
	(void)state;
	static const char said[] = "RFB 003.008\n\1\1\3\0\0\0\0\0\0\1\0\1";
	static char text[MESSAGE_MAX];
	CUA_AUTO_FREE char *path = live_ticket(&stage, "seen", "watch", NULL);
	struct serve_socket socket = serve_socket_open(&stage, path, true, NULL, NULL);
	size_t len = 0, all = 0;
	for (size_t i = 0; i < sizeof(said) - 1; i++) {
		serve_socket_send(&socket, SOCKET_BINARY, said + i, 1);
	}
	/* Version, types, result, ServerInit with a name of 4, an update of one pixel. */
	while (all < 12 + 2 + 4 + 24 + 4 + 4 + 12 + 4) {
		assert_int_equal(serve_socket_read(&socket, text, sizeof(text), &len),
				SOCKET_BINARY);
		all += len;
	}
	serve_socket_close(&socket);
	live_wait_viewers(&stage, 0);
}

static int count_viewers(void)
{
	CUA_AUTO_JSON cJSON *desktop = serve_json(&stage, "GET", "/v1/desktops/seen", NULL, 200);
	return cua_json_int(desktop, "viewers");
}

/* Asks for the whole screen again and again, and reads nothing. */
static void who_does_not_read_is_put_out_and_delays_nobody(void **state)
{
	(void)state;
	static const uint8_t raw[] = { 2, 0, 0, 1, 0, 0, 0, 0 };
	/* One frame: the request, masked by zeros. */
	static const uint8_t ask[] = { 0x82, 0x8a, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, LIVE_WIDTH >> 8,
		LIVE_WIDTH & 0xff, LIVE_HEIGHT >> 8, LIVE_HEIGHT & 0xff };
	const int small = 4096;
	struct live_viewer viewer;
	CUA_AUTO_FREE char *path = live_ticket(&stage, "seen", "watch", NULL);
	struct serve_socket socket = serve_socket_open(&stage, path, true, NULL, NULL);
	setsockopt(socket.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	serve_socket_send(&socket, SOCKET_BINARY, "RFB 003.008\n\1\1", 14);
	serve_socket_send(&socket, SOCKET_BINARY, raw, sizeof(raw));
	live_viewer_open(&stage, &viewer, VNC_MODE_WATCH);
	live_wait_viewers(&stage, 2);
	const uint64_t deadline_us = cua_now_us() + DESKTOP_DEADLINE_MS * UINT64_C(1000);
	uint64_t slowest_us = 0;
	while (count_viewers() == 2) {
		const uint64_t asked_us = cua_now_us();
		assert_true(asked_us < deadline_us);
		(void)!send(socket.fd, ask, sizeof(ask), MSG_NOSIGNAL | MSG_DONTWAIT);
		vnc_viewer_sync(viewer.rfb);
		const uint64_t took_us = cua_now_us() - asked_us;
		slowest_us = took_us > slowest_us ? took_us : slowest_us;
	}
	assert_true(slowest_us < 3000000); /* it is put out after 5 s */
	assert_int_equal(count_viewers(), 1);
	serve_socket_close(&socket);
	live_viewer_close(&viewer);
}

static void one_viewer_too_many_is_told_so(void **state)
{
	(void)state;
	struct serve_socket sockets[VNC_VIEWERS_MAX];
	const struct serve_call call = { "POST", "/v1/desktops/seen/viewers",
		"{\"mode\":\"watch\"}", NULL, { 0 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(sockets); i++) {
		CUA_AUTO_FREE char *path = live_ticket(&stage, "seen", "watch", NULL);
		sockets[i] = serve_socket_open(&stage, path, true, NULL, NULL);
		assert_int_equal(sockets[i].status, 101);
		live_wait_viewers(&stage, (int)i + 1);
	}
	struct serve_answer answer = serve_send(&stage, &call);
	assert_int_equal(answer.status, 503);
	assert_says(answer.text, "takes no more");
	serve_answer_finish(&answer);
	/* One leaves, and two who have tickets come. */
	serve_socket_close(&sockets[0]);
	live_wait_viewers(&stage, VNC_VIEWERS_MAX - 1);
	CUA_AUTO_FREE char *first = live_ticket(&stage, "seen", "watch", NULL);
	CUA_AUTO_FREE char *second = live_ticket(&stage, "seen", "watch", NULL);
	sockets[0] = serve_socket_open(&stage, first, true, NULL, NULL);
	assert_int_equal(sockets[0].status, 101);
	assert_int_equal(open_with(second, true, NULL, NULL), 503);
	for (size_t i = 0; i < CUA_ARRAY_LEN(sockets); i++) {
		serve_socket_close(&sockets[i]);
	}
	live_wait_viewers(&stage, 0);
}

/* --- the end --- */

static void a_revoked_token_ends_what_it_opened(void **state)
{
	(void)state;
	char path[64], id[32] = "";
	CUA_AUTO_JSON cJSON *token = serve_json(&stage, "POST", "/v1/tokens",
			"{\"name\":\"guest\",\"scopes\":[\"act\"]}", 201);
	snprintf(id, sizeof(id), "%.31s", cua_json_text(token, "id"));
	CUA_AUTO_FREE char *first =
			live_ticket(&stage, "seen", "act", cua_json_text(token, "token"));
	CUA_AUTO_FREE char *second =
			live_ticket(&stage, "seen", "act", cua_json_text(token, "token"));
	struct serve_socket socket = serve_socket_open(&stage, first, true, "", NULL);
	assert_int_equal(socket.status, 101);
	snprintf(path, sizeof(path), "/v1/tokens/%s", id);
	cJSON_Delete(serve_json(&stage, "DELETE", path, NULL, 204));
	assert_int_equal(read_close(&socket), 1008);
	serve_socket_close(&socket);
	assert_int_equal(open_with(second, true, "", NULL), 401);
	live_wait_viewers(&stage, 0);
}

static void a_token_that_is_over_ends_what_it_opened(void **state)
{
	(void)state;
	CUA_AUTO_JSON cJSON *token = serve_json(&stage, "POST", "/v1/tokens",
			"{\"name\":\"brief\",\"scopes\":[\"watch\"],\"lasts_s\":2}", 201);
	CUA_AUTO_FREE char *path =
			live_ticket(&stage, "seen", "watch", cua_json_text(token, "token"));
	struct serve_socket socket = serve_socket_open(&stage, path, true, "", NULL);
	assert_int_equal(socket.status, 101);
	assert_int_equal(read_close(&socket), 1008);
	serve_socket_close(&socket);
}

static void a_session_that_ends_takes_its_views_along(void **state)
{
	(void)state;
	char further[700];
	const struct serve_session session = serve_login(&stage, stage.login);
	const struct serve_call ask = { "POST", "/v1/desktops/seen/viewers", "{\"mode\":\"act\"}",
		"", { session.cookie, session.csrf, session.origin } };
	struct serve_answer answer = serve_send(&stage, &ask);
	assert_int_equal(answer.status, 201);
	snprintf(further, sizeof(further), "%s\r\n%s\r\n", session.cookie, session.origin);
	struct serve_socket socket = serve_socket_open(
			&stage, cua_json_text(answer.json, "path"), true, "", further);
	serve_answer_finish(&answer);
	assert_int_equal(socket.status, 101);
	const struct serve_call logout = { "DELETE", "/v1/session", NULL, "",
		{ session.cookie, session.csrf, session.origin } };
	answer = serve_send(&stage, &logout);
	assert_int_equal(answer.status, 204);
	serve_answer_finish(&answer);
	assert_int_equal(read_close(&socket), 1008);
	serve_socket_close(&socket);
	live_wait_viewers(&stage, 0);
}

static void a_desktop_that_stops_hangs_up(void **state)
{
	(void)state;
	char text[64];
	size_t len = 0;
	CUA_AUTO_FREE char *path = live_ticket(&stage, "other", "watch", NULL);
	struct serve_socket socket = serve_socket_open(&stage, path, true, NULL, NULL);
	assert_int_equal(socket.status, 101);
	assert_int_equal(serve_socket_read(&socket, text, sizeof(text), &len), SOCKET_BINARY);
	cJSON_Delete(serve_json(&stage, "DELETE", "/v1/desktops/other", NULL, 204));
	assert_int_equal(read_close(&socket), 1001);
	serve_socket_close(&socket);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ticket_opens_its_desktop_once),
		cmocka_unit_test(a_ticket_is_for_one_desktop_and_whoever_asked),
		cmocka_unit_test(a_ticket_is_for_what_its_token_may),
		cmocka_unit_test(a_watcher_sees_and_cannot_act),
		cmocka_unit_test(who_acts_takes_the_desktop_and_gives_it_back_by_leaving),
		cmocka_unit_test(the_size_follows_the_screen),
		cmocka_unit_test(the_clipboard_is_utf8_both_ways),
		cmocka_unit_test(what_is_no_rfb_is_hung_up_on),
		cmocka_unit_test(frames_may_cut_rfb_anywhere),
		cmocka_unit_test(who_does_not_read_is_put_out_and_delays_nobody),
		cmocka_unit_test(one_viewer_too_many_is_told_so),
		cmocka_unit_test(a_revoked_token_ends_what_it_opened),
		cmocka_unit_test(a_token_that_is_over_ends_what_it_opened),
		cmocka_unit_test(a_session_that_ends_takes_its_views_along),
		cmocka_unit_test(a_desktop_that_stops_hangs_up),
	};
	return cmocka_run_group_tests(tests, start, finish);
}
