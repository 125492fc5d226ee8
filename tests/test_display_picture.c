#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <png.h>
#include <string.h>

#include "cua/base/util.h"
#include "display/picture/picture.h"

/* xorshift: the same pictures in every run. */
static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

struct picture {
	int width, height, stride;
	uint8_t *pixels; /* owned; B8G8R8X8 */
};

static struct picture make_picture(int width, int height, int stride)
{
	struct picture picture = { width, height, stride, NULL };
	/* Exactly as long as the last row needs, so that reading on is found. */
	const size_t len = (size_t)stride * (size_t)(height - 1) + (size_t)width * 4;
	picture.pixels = malloc(len);
	assert_non_null(picture.pixels);
	memset(picture.pixels, 0xee, len);
	return picture;
}

static uint8_t *pixel_at(const struct picture *picture, int x, int y)
{
	return picture->pixels + (size_t)y * (size_t)picture->stride + (size_t)x * 4;
}

static void fill_noise(struct picture *picture, uint32_t seed)
{
	for (int y = 0; y < picture->height; y++) {
		for (int x = 0; x < picture->width; x++) {
			const uint32_t value = next_random(&seed);
			memcpy(pixel_at(picture, x, y), &value, 4);
		}
	}
}

/* Lines of dark marks on white, with a coloured bar: what a window with text deflates like. */
static void fill_text(struct picture *picture, uint32_t seed)
{
	for (int y = 0; y < picture->height; y++) {
		memset(pixel_at(picture, 0, y), y < 30 ? 0xc0 : 0xff, (size_t)picture->width * 4);
	}
	for (int top = 40; top + 12 < picture->height; top += 18) {
		for (int left = 10; left + 8 < picture->width; left += 9) {
			uint32_t glyph = next_random(&seed) % 60; /* the alphabet */
			glyph = (glyph + 1) * 2654435761u;
			for (int bit = 0; glyph % 7 != 0 && bit < 32; bit++) {
				if (glyph >> bit & 1) {
					memset(pixel_at(picture, left + bit % 6, top + bit / 6 * 2),
							(int)(glyph >> 3 & 0x7f), 3);
				}
			}
		}
	}
}

static void expect_decodes_to(const struct cua_buffer *png, const struct picture *picture)
{
	png_image image = { .version = PNG_IMAGE_VERSION };
	if (!png_image_begin_read_from_memory(&image, png->data, png->len)) {
		fail_msg("%s", image.message);
	}
	assert_int_equal(image.width, picture->width);
	assert_int_equal(image.height, picture->height);
	assert_int_equal(image.format, PNG_FORMAT_RGB); /* eight bits, no alpha, as made */
	CUA_AUTO_FREE uint8_t *decoded = malloc(PNG_IMAGE_SIZE(image));
	assert_non_null(decoded);
	if (!png_image_finish_read(&image, NULL, decoded, 0, NULL)) {
		fail_msg("%s", image.message);
	}
	assert_int_equal(image.warning_or_error, 0);
	const uint8_t *at = decoded;
	for (int y = 0; y < picture->height; y++) {
		for (int x = 0; x < picture->width; x++, at += 3) {
			const uint8_t *bgrx = pixel_at(picture, x, y);
			if (at[0] != bgrx[2] || at[1] != bgrx[1] || at[2] != bgrx[0]) {
				fail_msg("pixel %d, %d differs", x, y);
			}
		}
	}
}

static struct picture_encoder *encoder;

static enum cua_status encode(const struct picture *picture, enum cua_picture_level level,
		struct cua_buffer *png, struct cua_error *err)
{
	const struct picture_pixels pixels = { picture->pixels, picture->width, picture->height,
		(size_t)picture->stride };
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

static void on_libpng_write(png_structp png, png_bytep data, png_size_t len)
{
	(void)data;
	*(size_t *)png_get_io_ptr(png) += len;
}

/* Bytes that libpng makes of it at level 1 with its own choice of filters. */
static size_t libpng_len(const struct picture *picture)
{
	size_t len = 0;
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	assert_non_null(png);
	png_infop info = png_create_info_struct(png);
	assert_non_null(info);
	png_set_write_fn(png, &len, on_libpng_write, NULL);
	png_set_IHDR(png, info, (png_uint_32)picture->width, (png_uint_32)picture->height, 8,
			PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
			PNG_FILTER_TYPE_DEFAULT);
	png_set_compression_level(png, 1);
	png_write_info(png, info);
	png_set_bgr(png);
	png_set_filler(png, 0, PNG_FILLER_AFTER);
	for (int y = 0; y < picture->height; y++) {
		png_write_row(png, pixel_at(picture, 0, y));
	}
	png_write_end(png, NULL);
	png_destroy_write_struct(&png, &info);
	return len;
}

static void text_deflates_about_as_well_as_by_libpng(void **state)
{
	CUA_AUTO_BUFFER struct cua_buffer png;
	(void)state;
	cua_buffer_init(&png, 1 << 24);
	struct picture picture = make_picture(1280, 800, 1280 * 4);
	fill_text(&picture, 42);
	assert_int_equal(encode(&picture, CUA_PICTURE_FAST, &png, NULL), CUA_OK);
	expect_decodes_to(&png, &picture);
	const size_t other = libpng_len(&picture);
	print_message("%zu bytes, libpng at level 1: %zu\n", png.len, other);
	assert_true(png.len * 10 <= other * 13);
	free(picture.pixels);
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
		cua_buffer_init(&png, cap);
		assert_int_equal(encode(&picture, CUA_PICTURE_FAST, &png, &err), CUA_ERR_TOO_LARGE);
		assert_true(png.len <= cap);
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
		cmocka_unit_test(text_deflates_about_as_well_as_by_libpng),
		cmocka_unit_test(noise_grows_by_little),
		cmocka_unit_test(a_full_buffer_is_an_error),
	};
	return cmocka_run_group_tests(tests, start, finish);
}
