/* PNG of pixels, at every size and level. */

#include "tests/pictures.h"

#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "display/picture/png.h"

static struct picture_encoder *encoder;

static enum cua_status encode(const struct picture *picture, enum cua_picture_level level,
		struct cua_buffer *png, struct cua_error *err)
{
	const struct picture_pixels pixels = pixels_of(picture);
	const struct picture_coding coding = { .format = CUA_PICTURE_PNG, .level = level };
	return picture_encode(encoder, &pixels, &coding, png, err);
}

static void round_trip(struct picture *picture)
{
	for (enum cua_picture_level level = CUA_PICTURE_FAST; level <= CUA_PICTURE_SMALL; level++) {
		CUA_AUTO_BUFFER struct cua_buffer png;
		struct cua_error err = { 0 };
		cua_buffer_init(&png, (size_t)64 << 20);
		if (encode(picture, level, &png, &err) != CUA_OK) {
			fail_msg("%dx%d: %s", picture->width, picture->height, err.msg);
		}
		expect_decodes_to(&png, picture);
	}
	free(picture->pixels);
}

static const struct {
	int width, height;
} sizes[] = { { 1, 1 }, { 1, 800 }, { 1280, 1 }, { 333, 77 }, { 16384, 3 }, { 3, 16384 }, { 2, 2 },
	{ 1280, 800 } };

static void pixels_survive_at_every_size(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(sizes); i++) {
		struct picture noise =
				make_picture(sizes[i].width, sizes[i].height, sizes[i].width * 4);
		fill_noise(&noise, (uint32_t)i + 1);
		round_trip(&noise);
		struct picture flat =
				make_picture(sizes[i].width, sizes[i].height, sizes[i].width * 4);
		round_trip(&flat);
	}
}

/* Every pixel a step from its left neighbour, small ones far more often than large ones, here and
 * there a few of any size: codes have all lengths from one bit to fifteen, and long ones follow one
 * another. Between them flat pieces, for runs. */
static void fill_steps(struct picture *picture, uint32_t seed, unsigned int flat_px)
{
	for (int y = 0; y < picture->height; y++) {
		uint8_t *row = picture->pixels + (size_t)y * (size_t)picture->stride;
		for (int i = 4; i < picture->width * 4; i++) {
			seed = seed * 1664525U + 1013904223U;
			const bool is_flat = flat_px > 0 && (unsigned int)i / 4 / flat_px % 2 == 1;
			const bool is_wild = (unsigned int)(y * 31 + i / 24) % 251 == 0;
			const unsigned int small =
					(unsigned int)__builtin_ctz(seed >> 8 | 1U << 24);
			row[i] = (uint8_t)(row[i - 4] +
					(is_wild                                  ? seed >> 24
									: is_flat ? 0
										  : small));
		}
	}
}

static void steps_of_every_frequency_survive(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 12; seed++) {
		struct picture picture = make_picture(900 + (int)seed, 200, (900 + (int)seed) * 4);
		fill_steps(&picture, seed, seed % 4 * 50);
		round_trip(&picture);
	}
}

static void runs_stay_within_their_room(void **state)
{
	(void)state;
	struct picture picture = make_picture(300, 20, 1200);
	fill_noise(&picture, 8);
	const size_t len = (size_t)300 * 20 * 4, most = len + 2048;
	CUA_AUTO_FREE uint8_t *deflated = malloc(most);
	assert_non_null(deflated);
	struct png_runs *runs = NULL;
	int fits = 0;
	for (size_t size = 0; size < most; size += 37) {
		size_t deflated_len = 0;
		memset(deflated, 0x5a, most);
		fits += png_deflate_runs(&runs, picture.pixels, len, deflated, size, &deflated_len);
		for (size_t i = size; i < most; i++) {
			assert_int_equal(deflated[i], 0x5a);
		}
	}
	assert_true(fits > 0);
	free(runs);
	free(picture.pixels);
}

static void padding_between_rows_is_left_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(sizes); i++) {
		struct picture noise = make_picture(
				sizes[i].width, sizes[i].height, sizes[i].width * 4 + 52);
		fill_noise(&noise, (uint32_t)i + 100);
		round_trip(&noise);
	}
}

static void the_fourth_byte_does_not_count(void **state)
{
	CUA_AUTO_BUFFER struct cua_buffer one, two;
	(void)state;
	cua_buffer_init(&one, 1 << 20);
	cua_buffer_init(&two, 1 << 20);
	struct picture picture = make_picture(64, 64, 256);
	fill_noise(&picture, 5);
	assert_int_equal(encode(&picture, CUA_PICTURE_FAST, &one, NULL), CUA_OK);
	for (size_t i = 3; i < 64 * 256; i += 4) {
		picture.pixels[i] ^= 0xff;
	}
	assert_int_equal(encode(&picture, CUA_PICTURE_FAST, &two, NULL), CUA_OK);
	free(picture.pixels);
	assert_int_equal(one.len, two.len);
	assert_memory_equal(one.data, two.data, one.len);
}

/* *ret_len of ours, and libpng's with its own choice of filters. */
static size_t encode_and_compare(const struct picture *picture, enum cua_picture_level level,
		int libpng_level, const char *what)
{
	CUA_AUTO_BUFFER struct cua_buffer png;
	cua_buffer_init(&png, (size_t)64 << 20);
	assert_int_equal(encode(picture, level, &png, NULL), CUA_OK);
	expect_decodes_to(&png, picture);
	const size_t other = libpng_len(picture, libpng_level);
	print_message("%s: %zu bytes, libpng at level %d: %zu\n", what, png.len, libpng_level,
			other);
	return png.len * 100 / other;
}

static void files_are_about_as_small_as_libpngs(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int photograph_rows;
	} screens[] = { { "text", 0 }, { "a photograph", 800 }, { "half of each", 400 },
		{ "text and a small photograph", 100 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(screens); i++) {
		struct picture picture = make_picture(1280, 800, 1280 * 4);
		fill_text(&picture, 42);
		fill_photograph(&picture, 300 - screens[i].photograph_rows * 3 / 8,
				screens[i].photograph_rows, 7);
		assert_true(encode_and_compare(&picture, CUA_PICTURE_FAST, 1, screens[i].name) <=
				130);
		assert_true(encode_and_compare(&picture, CUA_PICTURE_SMALL, 6, screens[i].name) <=
				105);
		free(picture.pixels);
	}
}

/* One colour: all that the file has is what deflating costs. */
static void plain_screens_are_as_small_as_libpngs(void **state)
{
	(void)state;
	static const uint8_t colours[][3] = { { 0, 0, 0 }, { 0xff, 0, 0 }, { 0, 0xff, 0 },
		{ 0xff, 0xff, 0 }, { 0xff, 0, 0xff }, { 0x33, 0xcc, 0x66 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(colours); i++) {
		struct picture picture = make_picture(1280, 800, 1280 * 4);
		for (size_t at = 0; at < (size_t)1280 * 800 * 4; at += 4) {
			memcpy(picture.pixels + at, colours[i], 3);
		}
		assert_true(encode_and_compare(&picture, CUA_PICTURE_FAST, 1, "one colour") <= 130);
		assert_true(encode_and_compare(&picture, CUA_PICTURE_SMALL, 6, "one colour") <=
				105);
		free(picture.pixels);
	}
}

static void noise_grows_by_little(void **state)
{
	CUA_AUTO_BUFFER struct cua_buffer png;
	(void)state;
	cua_buffer_init(&png, 1 << 24);
	struct picture picture = make_picture(640, 480, 640 * 4);
	fill_noise(&picture, 9);
	assert_int_equal(encode(&picture, CUA_PICTURE_FAST, &png, NULL), CUA_OK);
	free(picture.pixels);
	assert_true(png.len < (size_t)640 * 480 * 3 * 11 / 10);
}

static size_t deflated_len(struct isal_hufftables *codes, uint16_t held, uint8_t *rows, size_t len)
{
	const size_t work_len = png_deflate_fast_work_len(), size = png_deflate_bound(len);
	uint16_t *work = malloc(work_len);
	uint8_t *deflated = malloc(size);
	assert_non_null(work);
	assert_non_null(deflated);
	for (size_t i = 0; i < work_len / sizeof(*work); i++) {
		work[i] = held;
	}
	size_t deflated_len = 0;
	assert_true(png_deflate_fast(work, codes, rows, len, deflated, size, &deflated_len));
	free(deflated);
	free(work);
	return deflated_len;
}

/* ISA-L takes some of its settings from memory that it is given and does not clear. */
static void what_memory_held_makes_no_difference(void **state)
{
	(void)state;
	struct picture picture = make_picture(1280, 800, 1280 * 4);
	fill_text(&picture, 42);
	const struct picture_pixels pixels = pixels_of(&picture);
	struct png_codes codes = { 0 };
	png_codes_begin(&codes, 25, 25);
	struct isal_hufftables *const tables[] = { NULL, png_codes_get(&codes, &pixels) };
	assert_non_null(tables[1]);
	uint8_t *rows = pixel_at(&picture, 0, 64);
	const size_t len = (size_t)32 * 1280 * 4;
	for (size_t i = 0; i < CUA_ARRAY_LEN(tables); i++) {
		const size_t wanted = deflated_len(tables[i], 0, rows, len);
		for (uint16_t held = 1; held < 16; held++) {
			assert_int_equal(deflated_len(tables[i], held, rows, len), wanted);
		}
	}
	png_codes_finish(&codes);
	free(picture.pixels);
}

static void a_full_buffer_is_an_error(void **state)
{
	(void)state;
	struct picture picture = make_picture(64, 64, 256);
	fill_noise(&picture, 3);
	for (size_t cap = 0; cap < 400; cap += 7) {
		CUA_AUTO_BUFFER struct cua_buffer png;
		struct cua_error err = { 0 };
		for (enum cua_picture_level level = CUA_PICTURE_FAST; level <= CUA_PICTURE_SMALL;
				level++) {
			cua_buffer_init(&png, cap);
			assert_int_equal(encode(&picture, level, &png, &err), CUA_ERR_TOO_LARGE);
			assert_true(png.len <= cap);
			cua_buffer_finish(&png);
		}
	}
	free(picture.pixels);
}

static int start(void **state)
{
	(void)state;
	encoder = picture_encoder_create();
	return encoder ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	picture_encoder_destroy(encoder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pixels_survive_at_every_size),
		cmocka_unit_test(steps_of_every_frequency_survive),
		cmocka_unit_test(runs_stay_within_their_room),
		cmocka_unit_test(padding_between_rows_is_left_out),
		cmocka_unit_test(the_fourth_byte_does_not_count),
		cmocka_unit_test(files_are_about_as_small_as_libpngs),
		cmocka_unit_test(plain_screens_are_as_small_as_libpngs),
		cmocka_unit_test(noise_grows_by_little),
		cmocka_unit_test(what_memory_held_makes_no_difference),
		cmocka_unit_test(a_full_buffer_is_an_error),
	};
	return cmocka_run_group_tests(tests, start, finish);
}
