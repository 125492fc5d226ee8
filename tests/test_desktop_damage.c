/* Whatever is drawn, a picture shows what the X server has: a client draws at random, and each
 * picture is compared with what XGetImage gives that client. More rounds and other ones:
 *   CUA_TEST_DAMAGE_ROUNDS=100000 CUA_TEST_DAMAGE_SEED=7 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/x_scribble.h"

#define ROUNDS 2500
#define SEED 20251121
/* Half as wide is more than is read without the rest of its bands. */
#define WIDTH 700
/* Thirteen bands: enough for whole pictures to be read and deflated at the same time. */
#define HEIGHT 416
/* A pointer's picture reaches no farther from its hot spot. */
#define POINTER_REACH 64

static struct world world;
static struct desktop desktop;
static Display *display;

static int on_x_error(Display *xlib, XErrorEvent *event)
{
	(void)xlib;
	(void)event;
	return 0;
}

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start_with(&desktop, &world, "damage", "--sandbox=none", "--size=700x416", NULL);
	CUA_AUTO_FREE char *name = desktop_sh(&desktop, "printf %s \"$DISPLAY\"");
	CUA_AUTO_FREE char *cookies = desktop_sh(&desktop, "printf %s \"$XAUTHORITY\"");
	setenv("XAUTHORITY", cookies, 1);
	XSetErrorHandler(on_x_error);
	display = XOpenDisplay(name);
	return display ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	if (display) {
		XCloseDisplay(display);
	}
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

static long from_environment(const char *name, long otherwise)
{
	const char *text = getenv(name);
	return text ? strtol(text, NULL, 10) : otherwise;
}

/* --- pictures --- */

struct shot {
	const char *query;
	XPoint at;
	int width, height;
	bool pointer;
};

static const struct shot shots[] = {
	{ "pointer=0", { 0, 0 }, WIDTH, HEIGHT, false },
	{ "pointer=1", { 0, 0 }, WIDTH, HEIGHT, true },
	{ "pointer=0&level=small", { 0, 0 }, WIDTH, HEIGHT, false },
	{ "pointer=0&region=37,41,211,97", { 37, 41 }, 211, 97, false },
	{ "pointer=1&region=10,100,390,33", { 10, 100 }, 390, 33, true },
};

/* B8G8R8X8, the caller frees; NULL if nothing has changed since etag, which is then the new one. */
static uint8_t *take(const struct shot *shot, char etag[128])
{
	char path[128], header[192];
	struct cua_http_response response;
	snprintf(path, sizeof(path), "/v1/screenshot?%s", shot->query);
	snprintf(header, sizeof(header), "If-None-Match: %s", etag);
	const long status = desktop_http(
			&desktop, "GET", path, NULL, 0, etag[0] ? header : NULL, &response);
	uint8_t *pixels = NULL;
	if (status != 304) {
		png_image image = { .version = PNG_IMAGE_VERSION };
		assert_int_equal(status, 200);
		assert_true(png_image_begin_read_from_memory(
				&image, response.body.data, response.body.len));
		image.format = PNG_FORMAT_BGRA;
		assert_int_equal(image.width, shot->width);
		assert_int_equal(image.height, shot->height);
		pixels = malloc(PNG_IMAGE_SIZE(image));
		assert_non_null(pixels);
		if (!png_image_finish_read(&image, NULL, pixels, 0, NULL) ||
				image.warning_or_error != 0) {
			fail_msg("the PNG is damaged: %s", image.message);
		}
	}
	snprintf(etag, 128, "%s", response.etag);
	cua_http_response_finish(&response);
	return pixels;
}

static bool near_pointer(const XPoint *pointer, int x, int y)
{
	return abs(x - pointer->x) <= POINTER_REACH && abs(y - pointer->y) <= POINTER_REACH;
}

/* The number of pixels that differ, and one of them. */
static int differences(const struct shot *shot, const uint8_t *pixels, const XImage *root,
		const XPoint *pointer, XPoint *ret_one)
{
	int count = 0;
	for (int y = 0; y < shot->height; y++) {
		const uint8_t *row = (const uint8_t *)root->data +
				(size_t)(shot->at.y + y) * (size_t)root->bytes_per_line;
		for (int x = 0; x < shot->width; x++, pixels += 4) {
			const uint8_t *other = row + (size_t)(shot->at.x + x) * 4;
			if (memcmp(pixels, other, 3) != 0 &&
					!(shot->pointer &&
							near_pointer(pointer, shot->at.x + x,
									shot->at.y + y))) {
				*ret_one = (XPoint){ (short)(shot->at.x + x),
					(short)(shot->at.y + y) };
				count++;
			}
		}
	}
	return count;
}

/* The window manager draws when it likes: what counts is a picture during which nothing was. */
static void compare(const struct shot *shot, const char *last, long round, long seed)
{
	for (int attempt = 0; attempt < 1000; attempt++) {
		char etag[128] = "";
		Window root, child;
		int x = 0, y = 0, win_x, win_y;
		unsigned int mask;
		XPoint one = { 0, 0 };
		CUA_AUTO_FREE uint8_t *pixels = take(shot, etag);
		XQueryPointer(display, DefaultRootWindow(display), &root, &child, &x, &y, &win_x,
				&win_y, &mask);
		XImage *image = XGetImage(display, DefaultRootWindow(display), 0, 0, WIDTH, HEIGHT,
				AllPlanes, ZPixmap);
		assert_non_null(image);
		CUA_AUTO_FREE uint8_t *again = take(shot, etag);
		const XPoint pointer = { (short)x, (short)y };
		const int count = again ? 0 : differences(shot, pixels, image, &pointer, &one);
		XDestroyImage(image);
		if (count > 0) {
			fail_msg("seed %ld, round %ld, %s: %d pixels differ after \"%s\", one at "
				 "%d,%d",
					seed, round, shot->query, count, last, one.x, one.y);
		}
		if (!again) {
			return;
		}
	}
	fail_msg("seed %ld, round %ld: the screen does not come to rest", seed, round);
}

static void every_picture_is_what_the_server_has(void **state)
{
	(void)state;
	const long rounds = from_environment("CUA_TEST_DAMAGE_ROUNDS", ROUNDS);
	const long seed = from_environment("CUA_TEST_DAMAGE_SEED", SEED);
	struct scribble scribble;
	scribble_start(&scribble, display, (uint32_t)seed);
	uint32_t dice = (uint32_t)seed;
	for (long round = 0; round < rounds; round++) {
		dice = dice * 1664525U + 1013904223U;
		for (uint32_t i = 0; i < 1 + (dice >> 28) % 3; i++) {
			scribble_once(&scribble);
		}
		XSync(display, False);
		/* Most often the one of which parts are kept. */
		const uint32_t choice = (dice >> 16) % 16;
		compare(&shots[choice < CUA_ARRAY_LEN(shots) ? choice : 0], scribble.last, round,
				seed);
	}
	scribble_finish(&scribble);
}

/* --- the pointer --- */

#define CURSOR_WIDTH 21
#define CURSOR_HEIGHT 30
#define CURSOR_HOT_X 5
#define CURSOR_HOT_Y 17

/* All of it opaque, and of a colour that is nowhere else. */
static void wear_cursor(Window window)
{
	const Window root = DefaultRootWindow(display);
	char bits[(CURSOR_WIDTH + 7) / 8 * CURSOR_HEIGHT];
	memset(bits, 0xff, sizeof(bits));
	const Pixmap all = XCreateBitmapFromData(display, root, bits, CURSOR_WIDTH, CURSOR_HEIGHT);
	XColor red = { .red = 0xffff, .green = 0x1111, .blue = 0x2222 };
	const Cursor cursor = XCreatePixmapCursor(
			display, all, all, &red, &red, CURSOR_HOT_X, CURSOR_HOT_Y);
	XDefineCursor(display, window, cursor);
	XFreeCursor(display, cursor);
	XFreePixmap(display, all);
}

static bool is_red(const uint8_t *pixel)
{
	return pixel[2] > 0xe0 && pixel[1] < 0x30 && pixel[0] < 0x40;
}

/* Where red is, in a picture of width by height; width 0 if nowhere. */
static XRectangle red_area(const struct shot *shot)
{
	char etag[128] = "";
	CUA_AUTO_FREE uint8_t *pixels = take(shot, etag);
	int left = shot->width, top = shot->height, right = -1, bottom = -1, count = 0;
	for (int y = 0; y < shot->height; y++) {
		for (int x = 0; x < shot->width; x++) {
			if (is_red(pixels + ((size_t)y * (size_t)shot->width + (size_t)x) * 4)) {
				left = x < left ? x : left;
				right = x > right ? x : right;
				top = y < top ? y : top;
				bottom = y;
				count++;
			}
		}
	}
	if (count == 0) {
		return (XRectangle){ 0 };
	}
	assert_int_equal(count, (right - left + 1) * (bottom - top + 1));
	return (XRectangle){ (short)left, (short)top, (unsigned short)(right - left + 1),
		(unsigned short)(bottom - top + 1) };
}

/* What is left of the pointer's picture at x, y in a region of the screen, region's terms. */
static XRectangle expected_area(int x, int y, const struct shot *region)
{
	int left = x - CURSOR_HOT_X - region->at.x, top = y - CURSOR_HOT_Y - region->at.y;
	int right = left + CURSOR_WIDTH, bottom = top + CURSOR_HEIGHT;
	left = left > 0 ? left : 0;
	top = top > 0 ? top : 0;
	right = right < region->width ? right : region->width;
	bottom = bottom < region->height ? bottom : region->height;
	return left < right && top < bottom ? (XRectangle){ (short)left, (short)top,
		(unsigned short)(right - left), (unsigned short)(bottom - top) }
					    : (XRectangle){ 0 };
}

static void expect_area(XRectangle area, XRectangle expected, int x, int y, const char *query)
{
	if (memcmp(&area, &expected, sizeof(area)) != 0) {
		fail_msg("pointer at %d,%d, %s: red in %d,%d %dx%d, not %d,%d %dx%d", x, y, query,
				area.x, area.y, area.width, area.height, expected.x, expected.y,
				expected.width, expected.height);
	}
}

static void the_pointer_is_drawn_by_its_hot_spot(void **state)
{
	(void)state;
	static const int places[][2] = { { 200, 150 }, { 0, 0 }, { WIDTH - 1, HEIGHT - 1 },
		{ 0, HEIGHT - 1 }, { WIDTH - 1, 0 }, { 200, 0 }, { 3, 31 }, { 200, 32 },
		{ 41, 120 }, { 250, 110 } };
	static const struct shot whole = { "pointer=1", { 0, 0 }, WIDTH, HEIGHT, true };
	static const struct shot region = { "pointer=1&region=40,100,217,20", { 40, 100 }, 217, 20,
		true };
	static const struct shot doubled = { "pointer=1&width=1400", { 0, 0 }, 2 * WIDTH,
		2 * HEIGHT, true };
	const Window root = DefaultRootWindow(display);
	XSetWindowAttributes attributes = { .override_redirect = True,
		.background_pixel = 0x00ff80 };
	const Window window = XCreateWindow(display, root, 0, 0, WIDTH, HEIGHT, 0, CopyFromParent,
			InputOutput, CopyFromParent, CWOverrideRedirect | CWBackPixel, &attributes);
	wear_cursor(window);
	XMapRaised(display, window);
	for (size_t i = 0; i < CUA_ARRAY_LEN(places); i++) {
		const int x = places[i][0], y = places[i][1];
		XWarpPointer(display, None, root, 0, 0, 0, 0, x, y);
		XSync(display, False);
		expect_area(red_area(&whole), expected_area(x, y, &whole), x, y, whole.query);
		expect_area(red_area(&region), expected_area(x, y, &region), x, y, region.query);
		const XRectangle once = expected_area(x, y, &whole), twice = red_area(&doubled);
		/* The filter makes the edge a little softer than it was. */
		assert_true(abs(twice.x - 2 * once.x) <= 2 && abs(twice.y - 2 * once.y) <= 2);
		assert_true(abs(twice.width - 2 * once.width) <= 3 &&
				abs(twice.height - 2 * once.height) <= 3);
	}
	const struct shot without = { "pointer=0", { 0, 0 }, WIDTH, HEIGHT, false };
	assert_int_equal(red_area(&without).width, 0);
	XDestroyWindow(display, window);
	XSync(display, False);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_pointer_is_drawn_by_its_hot_spot),
		cmocka_unit_test(every_picture_is_what_the_server_has),
	};
	return cmocka_run_group_tests_name("desktop_damage", tests, start, finish);
}
