/* PNG of pixels, at every size and level. */

#include "tests/pictures.h"

#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

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
		cmocka_unit_test(padding_between_rows_is_left_out),
		cmocka_unit_test(the_fourth_byte_does_not_count),
		cmocka_unit_test(files_are_about_as_small_as_libpngs),
		cmocka_unit_test(noise_grows_by_little),
		cmocka_unit_test(a_full_buffer_is_an_error),
	};
	return cmocka_run_group_tests(tests, start, finish);
}
