/* Frames streamed over a WebSocket: what is pasted together is the screen. */

#include <errno.h>
#include <png.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cua/base/buffer.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/files.h"
#include "tests/waiting.h"

#define STREAMS_MAX 8
#define MESSAGE_MAX ((size_t)64 << 20)
/* What a stopped reader may cost: a whole picture here, one in libwebsockets, and slack. */
#define GROWTH_MAX_KB 32768

enum { OPCODE_TEXT = 1, OPCODE_BINARY = 2, OPCODE_CLOSE = 8 };

static struct world world;
static struct desktop desktop;

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "video");
	desktop_do(&desktop, "[{\"action\":\"open_app\",\"name\":\"xterm\"}]");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_stop(&desktop);
	world_destroy(&world);
	return 0;
}

/* --- a client: RFC 6455 --- */

static void read_exactly(int fd, void *data, size_t len)
{
	for (size_t got = 0; got < len;) {
		struct pollfd readable = { .fd = fd, .events = POLLIN };
		assert_int_equal(poll(&readable, 1, DESKTOP_DEADLINE_MS), 1);
		const ssize_t some = read(fd, (char *)data + got, len - got);
		assert_true(some > 0);
		got += (size_t)some;
	}
}

static int ws_ask(const char *target, char head[2048])
{
	int fd = -1;
	char request[512];
	size_t len = 0;
	assert_int_equal(cua_unix_connect(desktop.socket, SOCK_STREAM, &fd, NULL), CUA_OK);
	snprintf(request, sizeof(request),
			"GET %s HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: "
			"websocket\r\n"
			"Sec-WebSocket-Version: 13\r\n"
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
			target);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	head[0] = '\0';
	while (!strstr(head, "\r\n\r\n")) {
		assert_true(len < 2047);
		read_exactly(fd, head + len, 1);
		head[++len] = '\0';
	}
	return fd;
}

static int ws_open(const char *target)
{
	char head[2048];
	const int fd = ws_ask(target, head);
	assert_memory_equal(head, "HTTP/1.1 101 ", 13);
	/* The answer to that key in the RFC. */
	assert_non_null(strcasestr(head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
	return fd;
}

static int ws_read(int fd, struct cua_buffer *message)
{
	unsigned char head[2], more[8];
	read_exactly(fd, head, 2);
	uint64_t len = head[1];
	const size_t more_len = len == 127 ? 8 : len == 126 ? 2 : 0;
	assert_int_equal(head[0] & 0xf0, 0x80); /* whole, no extension */
	read_exactly(fd, more, more_len);
	for (size_t i = 0; i < more_len; i++) {
		len = (i == 0 ? 0 : len << 8) | more[i];
	}
	assert_true(len < MESSAGE_MAX);
	CUA_AUTO_FREE char *data = malloc(len + 1);
	assert_non_null(data);
	read_exactly(fd, data, len);
	cua_buffer_clear(message);
	assert_int_equal(cua_buffer_append(message, data, len, NULL), CUA_OK);
	return head[0] & 0xf;
}

/* --- pictures --- */

struct canvas {
	int width, height;
	uint8_t *pixels; /* RGB */
	double serial;
};

static uint8_t *decode(const void *png, size_t len, int *ret_width, int *ret_height)
{
	png_image image = { .version = PNG_IMAGE_VERSION };
	assert_true(png_image_begin_read_from_memory(&image, png, len));
	image.format = PNG_FORMAT_RGB;
	uint8_t *pixels = malloc(PNG_IMAGE_SIZE(image));
	assert_non_null(pixels);
	assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
	*ret_width = (int)image.width;
	*ret_height = (int)image.height;
	return pixels;
}

static void paste(struct canvas *canvas, const cJSON *rect, const struct cua_buffer *png)
{
	int width = 0, height = 0, at[4];
	for (int i = 0; i < 4; i++) {
		at[i] = cJSON_GetArrayItem(rect, i)->valueint;
	}
	CUA_AUTO_FREE uint8_t *pixels = decode(png->data, png->len, &width, &height);
	assert_int_equal(width, at[2]);
	assert_int_equal(height, at[3]);
	assert_true(at[0] >= 0 && at[1] >= 0 && at[0] + width <= canvas->width &&
			at[1] + height <= canvas->height);
	for (int row = 0; row < height; row++) {
		memcpy(canvas->pixels +
						3 *
								((size_t)(at[1] + row) * (size_t)canvas->width +
										(size_t)at[0]),
				pixels + 3 * (size_t)row * (size_t)width, 3 * (size_t)width);
	}
}

/* One update: the text and its pictures. */
static void take_update(int fd, struct canvas *canvas)
{
	CUA_AUTO_BUFFER struct cua_buffer message;
	cua_buffer_init(&message, MESSAGE_MAX);
	assert_int_equal(ws_read(fd, &message), OPCODE_TEXT);
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(message.data);
	assert_true(json_number(json, "serial") == canvas->serial + 1);
	assert_true(json_number(json, "time_us") > 1e15);
	canvas->serial++;
	if (!canvas->pixels) {
		canvas->width = (int)json_number(json, "width");
		canvas->height = (int)json_number(json, "height");
		canvas->pixels = calloc(3, (size_t)canvas->width * (size_t)canvas->height);
		assert_non_null(canvas->pixels);
		/* The first is whole. */
		assert_int_equal(json_number(json, "rects.0.2"), canvas->width);
		assert_int_equal(json_number(json, "rects.0.3"), canvas->height);
	}
	const cJSON *rect = NULL;
	cJSON_ArrayForEach (rect, json_at(json, "rects")) {
		assert_int_equal(ws_read(fd, &message), OPCODE_BINARY);
		paste(canvas, rect, &message);
	}
}

static bool shows_the_screen(const struct canvas *canvas)
{
	struct cua_http_response response;
	int width = 0, height = 0;
	assert_int_equal(desktop_http(&desktop, "GET", "/v1/screenshot", NULL, 0, NULL, &response),
			200);
	CUA_AUTO_FREE uint8_t *pixels =
			decode(response.body.data, response.body.len, &width, &height);
	cua_http_response_finish(&response);
	assert_int_equal(width, canvas->width);
	return memcmp(pixels, canvas->pixels, 3 * (size_t)width * (size_t)height) == 0;
}

/* Takes what comes until the pictures pasted together are the screen. */
static void expect_the_screen(int fd, struct canvas *canvas)
{
	const uint64_t deadline_us = cua_now_us() + DESKTOP_DEADLINE_MS * 1000ULL;
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	while (poll(&readable, 1, 0) == 1 || !shows_the_screen(canvas)) {
		assert_true(cua_now_us() < deadline_us);
		if (poll(&readable, 1, 200) == 1) {
			take_update(fd, canvas);
		}
	}
}

/* --- tests --- */

static void rectangles_pasted_together_are_the_screen(void **state)
{
	(void)state;
	struct canvas canvas = { 0 };
	CUA_AUTO_FD int fd = ws_open("/v1/frames?max_fps=60");
	take_update(fd, &canvas);
	for (int round = 0; round < 12; round++) {
		/* The caret would blink. */
		desktop_do(&desktop,
				"[{\"action\":\"type\",\"text\":\"printf '\\\\e[?25l'; seq %d %d; "
				"ls /usr\\n\"}]",
				round * 50, round * 50 + round * 7);
		expect_the_screen(fd, &canvas);
	}
	assert_true(canvas.serial > 12);
	free(canvas.pixels);
}

static long rss_kb(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	CUA_AUTO_FREE char *text = read_whole_file(path, NULL);
	const char *line = text ? strstr(text, "VmRSS:") : NULL;
	assert_non_null(line);
	return strtol(line + 6, NULL, 10);
}

static void a_reader_that_stops_gets_what_it_missed_at_once(void **state)
{
	(void)state;
	struct canvas canvas = { 0 };
	CUA_AUTO_FD int fd = ws_open("/v1/frames?max_fps=60");
	take_update(fd, &canvas);
	const pid_t host = desktop_recorded_pid(&desktop, "host");
	const long before_kb = rss_kb(host);
	/* Noise, which does not compress: each screen is a picture of some hundred KB. */
	desktop_do(&desktop,
			"[{\"action\":\"type\",\"text\":\"for i in $(seq 60); do head -c 9000 "
			"/dev/urandom | base64 -w 0 | tail -c 9000; done; clear; echo over > "
			"over\\n\"}]");
	free(desktop_sh(&desktop, "until test -e over; do sleep 0.05; done"));
	assert_true(rss_kb(host) - before_kb < GROWTH_MAX_KB);
	expect_the_screen(fd, &canvas);
	/* Sixty screens came as few updates. */
	assert_true(canvas.serial < 60);
	free(canvas.pixels);
}

static void the_others_formats_are_pictures_too(void **state)
{
	static const struct {
		const char *target, *magic;
		size_t offset;
	} rows[] = { { "/v1/frames?format=jpeg&quality=50", "\xff\xd8\xff", 0 },
		{ "/v1/frames?format=webp", "WEBP", 8 } };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		CUA_AUTO_BUFFER struct cua_buffer message;
		cua_buffer_init(&message, MESSAGE_MAX);
		CUA_AUTO_FD int fd = ws_open(rows[i].target);
		assert_int_equal(ws_read(fd, &message), OPCODE_TEXT);
		assert_int_equal(ws_read(fd, &message), OPCODE_BINARY);
		assert_memory_equal(message.data + rows[i].offset, rows[i].magic,
				strlen(rows[i].magic));
	}
}

static void what_is_no_stream_is_refused(void **state)
{
	static const struct {
		const char *target, *status;
	} rows[] = { { "/v1/desktop", "404" }, { "/", "404" }, { "/v1/frames?max_fps=0", "400" },
		{ "/v1/frames?max_fps=61", "400" }, { "/v1/frames?max_fps", "400" },
		{ "/v1/frames?format=gif", "400" }, { "/v1/frames?region=1,1,2,2", "400" } };
	char head[2048];
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		const int fd = ws_ask(rows[i].target, head);
		close(fd);
		if (strncmp(head + 9, rows[i].status, 3) != 0) {
			fail_msg("%s: %s", rows[i].target, head);
		}
	}
	struct cua_http_response response;
	assert_int_equal(
			desktop_http(&desktop, "GET", "/v1/frames", NULL, 0, NULL, &response), 426);
	cua_http_response_finish(&response);
}

static bool opens_all(void *data)
{
	int fds[STREAMS_MAX];
	int count = 0;
	char head[2048];
	(void)data;
	while (count < STREAMS_MAX) {
		fds[count] = ws_ask("/v1/frames", head);
		count++;
		if (strncmp(head + 9, "101", 3) != 0) {
			break;
		}
	}
	const bool all = strncmp(head + 9, "101", 3) == 0;
	if (all) {
		const int one_more = ws_ask("/v1/frames", head);
		assert_memory_equal(head + 9, "503", 3);
		close(one_more);
	}
	for (int i = 0; i < count; i++) {
		close(fds[i]);
	}
	return all;
}

static void streams_that_end_anyhow_leave_nothing(void **state)
{
	(void)state;
	for (int round = 0; round < 30; round++) {
		char head[2048];
		const int fd = ws_ask("/v1/frames", head);
		if (round % 3 == 1) {
			char byte;
			read_exactly(fd, &byte, 1);
		}
		close(fd);
	}
	wait_until(opens_all, NULL, "all streams can be had again");
	desktop_do(&desktop, "[{\"action\":\"cursor_position\"}]");
}

/* The last one: the terminal that echoes it keeps the screen withheld. */
static void a_secret_is_withheld_from_streams(void **state)
{
	static const uint8_t paper[] = { 0x20, 0x20, 0x20 };
	(void)state;
	struct canvas canvas = { 0 };
	CUA_AUTO_FD int fd = ws_open("/v1/frames?max_fps=60");
	take_update(fd, &canvas);
	cJSON_Delete(desktop_post(&desktop,
			"{\"actions\":[{\"action\":\"type\",\"text\":\"{{secret:PW}}\"}],"
			"\"secrets\":{\"PW\":{\"value\":\"hunter2 "
			"hunter2\",\"windows\":[\"XTerm\"],"
			"\"origins\":[]}}}",
			NULL));
	expect_the_screen(fd, &canvas);
	for (size_t at = 0; at < 20; at++) { /* where the terminal was */
		assert_memory_equal(canvas.pixels + 3 * (40 * (size_t)canvas.width + 40 + at),
				paper, sizeof(paper));
	}
	free(canvas.pixels);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rectangles_pasted_together_are_the_screen),
		cmocka_unit_test(a_reader_that_stops_gets_what_it_missed_at_once),
		cmocka_unit_test(the_others_formats_are_pictures_too),
		cmocka_unit_test(what_is_no_stream_is_refused),
		cmocka_unit_test(streams_that_end_anyhow_leave_nothing),
		cmocka_unit_test(a_secret_is_withheld_from_streams),
	};
	return cmocka_run_group_tests(tests, start, finish);
}
