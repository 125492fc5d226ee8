/* Rows that have moved are copied at the viewer, and every pixel is right all the same. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cua/base/util.h"
#include "display/vnc/vnc_scroll.h"
#include "tests/vnc_host.h"
#include "tests/vnc_viewers.h"

#define WIDTH VNC_TEST_WIDTH
#define HEIGHT VNC_TEST_HEIGHT
#define ROUNDS 2000
#define SCROLLS 60

/* --- what has become of rows --- */

#define COLUMNS 5
#define ROWS 150

struct picture {
	uint32_t pixels[ROWS][COLUMNS];
};

/* Text has many rows that are alike: empty ones. */
static void draw_row(uint32_t *row, int width, bool is_empty, unsigned *seed)
{
	for (int x = 0; x < width; x++) {
		row[x] = is_empty ? 0 : (uint32_t)rand_r(seed);
	}
}

static void fill(struct picture *picture, unsigned *seed)
{
	for (int y = 0; y < ROWS; y++) {
		draw_row(picture->pixels[y], COLUMNS, rand_r(seed) % 3 == 0, seed);
	}
}

/* A part of the rows moves, and some are others. */
static void change(struct picture *after, const struct picture *before, unsigned *seed)
{
	const int first = rand_r(seed) % ROWS, end = first + rand_r(seed) % (ROWS - first + 1);
	const int shift = rand_r(seed) % 61 - 30;
	*after = *before;
	for (int y = first; y < end; y++) {
		const int from = y - shift;
		if (from >= 0 && from < ROWS) {
			memcpy(after->pixels[y], before->pixels[from], sizeof(after->pixels[y]));
		}
	}
	for (int i = rand_r(seed) % 6; i > 0; i--) {
		draw_row(after->pixels[rand_r(seed) % ROWS], COLUMNS, rand_r(seed) % 2, seed);
	}
}

static void fates_make_the_new_picture_of_the_old_one(void **state)
{
	struct vnc_scroll *scroll = vnc_scroll_create(ROWS);
	unsigned seed = 1;
	int scrolled = 0;
	(void)state;
	assert_non_null(scroll);
	for (int round = 0; round < ROUNDS; round++) {
		struct picture before, after, made;
		int shift = 0;
		fill(&before, &seed);
		change(&after, &before, &seed);
		made = before;
		const enum vnc_row *fates = vnc_scroll_look(scroll, (const char *)&before,
				(const char *)&after, sizeof(before.pixels[0]),
				sizeof(before.pixels[0]), ROWS, &shift);
		for (int y = 0; y < ROWS; y++) {
			assert_true(fates[y] != VNC_ROW_MOVED || shift != 0);
			const struct picture *from = fates[y] == VNC_ROW_NEW ? &after : &before;
			const int row = fates[y] == VNC_ROW_MOVED ? y - shift : y;
			assert_in_range(row, 0, ROWS - 1);
			memcpy(made.pixels[y], from->pixels[row], sizeof(made.pixels[y]));
		}
		scrolled += shift != 0;
		assert_memory_equal(&made, &after, sizeof(after));
	}
	assert_true(scrolled > ROUNDS / 4);
	vnc_scroll_destroy(scroll);
}

static void what_lies_beside_the_columns_does_not_count(void **state)
{
	struct vnc_scroll *scroll = vnc_scroll_create(ROWS);
	struct picture before, after;
	unsigned seed = 2;
	int shift = 1;
	(void)state;
	fill(&before, &seed);
	after = before;
	for (int y = 0; y < ROWS; y++) {
		after.pixels[y][0]++;
	}
	const enum vnc_row *fates = vnc_scroll_look(scroll, (const char *)&before.pixels[0][1],
			(const char *)&after.pixels[0][1], sizeof(before.pixels[0]),
			sizeof(before.pixels[0]) - sizeof(uint32_t), ROWS, &shift);
	assert_int_equal(shift, 0);
	for (int y = 0; y < ROWS; y++) {
		assert_int_equal(fates[y], VNC_ROW_SAME);
	}
	vnc_scroll_destroy(scroll);
}

/* --- viewers --- */

static int copies; /* since it was set to 0, of all viewers */

static void count_copy(
		rfbClient *viewer, int from_x, int from_y, int width, int height, int x, int y)
{
	uint32_t *pixels = (void *)viewer->frameBuffer;
	uint32_t *kept = malloc((size_t)width * (size_t)height * 4);
	assert_non_null(kept);
	for (int row = 0; row < height; row++) {
		memcpy(kept + row * width, pixels + (from_y + row) * viewer->width + from_x,
				(size_t)width * 4);
	}
	for (int row = 0; row < height; row++) {
		memcpy(pixels + (y + row) * viewer->width + x, kept + row * width,
				(size_t)width * 4);
	}
	free(kept);
	copies++;
}

static rfbClient *join(const struct vnc_host *host, const char *encodings, struct vnc_seen *seen)
{
	rfbClient *viewer = vnc_viewer_connect(host->path, 0, VNC_VIEW_PASSWORD, encodings, seen);
	assert_non_null(viewer);
	viewer->GotCopyRect = count_copy;
	vnc_viewer_wait_frame(viewer, host);
	return viewer;
}

/* The area's rows go so many down, or up, and new ones follow. */
static void scroll_area(struct vnc_host *host, const struct vnc_link_message *area, int shift,
		unsigned *seed)
{
	const int first = area->u.damage.y, end = first + area->u.damage.height;
	const size_t len = (size_t)area->u.damage.width * 4;
	uint32_t *pixels = host->pixels + area->u.damage.x;
	for (int i = first; i < end; i++) {
		const int y = shift > 0 ? end - 1 - (i - first) : i;
		const int from = y - shift;
		if (from >= first && from < end) {
			memcpy(pixels + y * WIDTH, pixels + from * WIDTH, len);
		} else {
			draw_row(pixels + y * WIDTH, area->u.damage.width, false, seed);
		}
	}
	vnc_host_send(host, area, NULL, -1);
}

static void scroll_somewhere(struct vnc_host *host, unsigned *seed)
{
	struct vnc_link_message area = { .type = VNC_LINK_DAMAGE };
	const int shift = 1 + rand_r(seed) % 40;
	area.u.damage.x = (uint16_t)(rand_r(seed) % 100);
	area.u.damage.y = (uint16_t)(rand_r(seed) % 50);
	area.u.damage.width = (uint16_t)(WIDTH - area.u.damage.x - rand_r(seed) % 100);
	area.u.damage.height = (uint16_t)(HEIGHT - area.u.damage.y - rand_r(seed) % 50);
	scroll_area(host, &area, rand_r(seed) % 2 ? shift : -shift, seed);
	if (rand_r(seed) % 2) {
		vnc_host_paint(host, (uint16_t)(rand_r(seed) % 200), (uint16_t)(rand_r(seed) % 100),
				50, 30, (uint32_t)rand_r(seed));
	}
}

static void a_viewer_that_can_copies_what_scrolls(void **state)
{
	struct vnc_host *host = *state;
	const struct vnc_link_message whole = { .type = VNC_LINK_DAMAGE,
		.u.damage = { .width = WIDTH, .height = HEIGHT } };
	struct vnc_seen seen, other_seen;
	unsigned seed = 3;
	rfbClient *viewer = join(host, "copyrect tight raw", &seen);
	rfbClient *other = join(host, "tight raw", &other_seen);
	copies = 0;
	for (int i = 0; i < SCROLLS; i++) {
		scroll_area(host, &whole, i % 2 ? -18 : 7, &seed);
		vnc_viewer_wait_frame(viewer, host);
		assert_int_equal(copies, i + 1);
		vnc_viewer_wait_frame(other, host);
	}
	assert_int_equal(copies, SCROLLS);
	vnc_viewer_disconnect(viewer);
	vnc_viewer_disconnect(other);
}

static void pixels_are_right_however_slow_a_viewer_is(void **state)
{
	static const char *const encodings[] = { "copyrect raw", "copyrect tight", "zrle" };
	struct vnc_host *host = *state;
	struct vnc_seen seen[CUA_ARRAY_LEN(encodings)];
	rfbClient *viewers[CUA_ARRAY_LEN(encodings)];
	unsigned seed = 4;
	for (size_t i = 0; i < CUA_ARRAY_LEN(encodings); i++) {
		viewers[i] = join(host, encodings[i], &seen[i]);
	}
	copies = 0;
	for (int i = 0; i < SCROLLS; i++) {
		/* What waits for a viewer is scrolled again, and painted over. */
		for (int k = rand_r(&seed) % 5; k >= 0; k--) {
			scroll_somewhere(host, &seed);
			if (rand_r(&seed) % 3 == 0) {
				vnc_viewer_sync(viewers[rand_r(&seed) % 2]);
			}
		}
		vnc_viewer_wait_frame(viewers[i % CUA_ARRAY_LEN(encodings)], host);
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(encodings); i++) {
		vnc_viewer_wait_frame(viewers[i], host);
		vnc_viewer_disconnect(viewers[i]);
	}
	assert_true(copies > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fates_make_the_new_picture_of_the_old_one),
		cmocka_unit_test(what_lies_beside_the_columns_does_not_count),
		cmocka_unit_test_setup_teardown(a_viewer_that_can_copies_what_scrolls,
				vnc_test_start, vnc_test_stop),
		cmocka_unit_test_setup_teardown(pixels_are_right_however_slow_a_viewer_is,
				vnc_test_start, vnc_test_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
