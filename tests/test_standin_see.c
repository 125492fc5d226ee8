#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <leptonica/allheaders.h>

#include "demos/standin/match.h"
#include "demos/standin/see.h"

/* Leptonica carries a bitmap font, so a picture with known text needs no file and no X server. */
static void draw(PIX *pix, const char *text, int x, int baseline_y, uint32_t colour)
{
	L_BMF *font = bmfCreate(NULL, 6);
	l_int32 width = 0;
	assert_non_null(font);
	assert_int_equal(pixSetTextline(pix, font, text, colour, x, baseline_y, &width, NULL), 0);
	bmfDestroy(&font);
}

static void fill(PIX *pix, int x, int y, int width, int height, uint32_t colour)
{
	BOX *box = boxCreate(x, y, width, height);
	assert_int_equal(pixSetInRectArbitrary(pix, box, colour), 0);
	boxDestroy(&box);
}

#define WHITE 0xffffff00U
#define BLACK 0x00000000U
#define BLUE 0x3584e400U
#define GREY 0xb8b8b800U

static PIX *blank(void)
{
	PIX *pix = pixCreate(640, 400, 32);
	assert_non_null(pix);
	fill(pix, 0, 0, 640, 400, WHITE);
	return pix;
}

static enum cua_status see(struct see_reader *reader, PIX *pix, struct see_screen *ret_screen)
{
	l_uint8 *png = NULL;
	size_t png_len = 0;
	assert_int_equal(pixWriteMemPng(&png, &png_len, pix, 0), 0);
	enum cua_status status = see_read_png(reader, png, png_len, ret_screen, NULL);
	lept_free(png);
	return status;
}

static void assert_stands_at(const struct see_screen *screen, const char *text, int x, int y)
{
	struct match places[4];
	int count = match_find(screen, text, places, 4);
	if (count != 1) {
		char seen[512];
		see_screen_tell(screen, seen, sizeof(seen));
		fail_msg("'%s' found %d times in: %s", text, count, seen);
	}
	const struct see_box *box = &places[0].box;
	if (x < box->left - 3 || x > box->left + 3 || y < box->top - 3 || y > box->bottom + 3) {
		fail_msg("'%s' at %d,%d to %d,%d instead of %d,%d", text, box->left, box->top,
				box->right, box->bottom, x, y);
	}
}

static void finds_words_where_they_stand(void **state)
{
	PIX *pix = blank();
	draw(pix, "Harbour registration", 40, 60, BLACK);
	draw(pix, "Cancel", 500, 350, BLACK);
	struct see_screen screen;
	assert_int_equal(see(*state, pix, &screen), CUA_OK);
	assert_int_equal(screen.width_px, 640);
	assert_int_equal(screen.height_px, 400);
	assert_stands_at(&screen, "Harbour registration", 40, 55);
	assert_stands_at(&screen, "Cancel", 500, 345);
	see_screen_finish(&screen);
	pixDestroy(&pix);
}

static void reads_labels_on_coloured_and_framed_buttons(void **state)
{
	PIX *pix = blank();
	fill(pix, 100, 100, 160, 44, BLUE);
	draw(pix, "Export", 130, 129, WHITE);
	fill(pix, 300, 100, 160, 44, GREY);
	fill(pix, 301, 101, 158, 42, WHITE);
	draw(pix, "Insert", 330, 129, BLACK);
	struct see_screen screen;
	assert_int_equal(see(*state, pix, &screen), CUA_OK);
	assert_stands_at(&screen, "Export", 130, 120);
	assert_stands_at(&screen, "Insert", 330, 120);
	see_screen_finish(&screen);
	pixDestroy(&pix);
}

static void a_blank_screen_has_no_words(void **state)
{
	PIX *pix = blank();
	struct see_screen screen;
	assert_int_equal(see(*state, pix, &screen), CUA_OK);
	assert_int_equal(screen.word_count, 0);
	char seen[64];
	see_screen_tell(&screen, seen, sizeof(seen));
	assert_string_equal(seen, "(nothing readable)");
	see_screen_finish(&screen);
	pixDestroy(&pix);
}

static void what_is_no_png_is_refused(void **state)
{
	struct see_screen screen;
	struct cua_error err;
	assert_int_equal(see_read_png(*state, "GIF89a", 6, &screen, &err), CUA_ERR_INVAL);
	static const char cut[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
	assert_int_equal(see_read_png(*state, cut, sizeof(cut) - 1, &screen, &err), CUA_ERR_INVAL);
	assert_int_equal(see_read_png(*state, "", 0, &screen, &err), CUA_ERR_INVAL);
}

static int open_reader(void **state)
{
	struct see_reader *reader = NULL;
	struct cua_error err;
	if (see_reader_create(&reader, &err) != CUA_OK) {
		print_error("%s\n", err.msg);
		return -1;
	}
	*state = reader;
	return 0;
}

static int close_reader(void **state)
{
	see_reader_destroy(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_words_where_they_stand),
		cmocka_unit_test(reads_labels_on_coloured_and_framed_buttons),
		cmocka_unit_test(a_blank_screen_has_no_words),
		cmocka_unit_test(what_is_no_png_is_refused),
	};
	return cmocka_run_group_tests(tests, open_reader, close_reader);
}
