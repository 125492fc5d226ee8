#include "tests/pictures.h"

#include <math.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

struct picture make_picture(int width, int height, int stride)
{
	struct picture picture = { width, height, stride, NULL };
	/* Exactly as long as the last row needs, so that reading on is found. */
	const size_t len = (size_t)stride * (size_t)(height - 1) + (size_t)width * 4;
	picture.pixels = malloc(len);
	assert_non_null(picture.pixels);
	memset(picture.pixels, 0xee, len);
	return picture;
}

uint8_t *pixel_at(const struct picture *picture, int x, int y)
{
	return picture->pixels + (size_t)y * (size_t)picture->stride + (size_t)x * 4;
}

void fill_noise(struct picture *picture, uint32_t seed)
{
	for (int y = 0; y < picture->height; y++) {
		for (int x = 0; x < picture->width; x++) {
			const uint32_t value = next_random(&seed);
			memcpy(pixel_at(picture, x, y), &value, 4);
		}
	}
}

void fill_text(struct picture *picture, uint32_t seed)
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

struct picture_pixels pixels_of(const struct picture *picture)
{
	return (struct picture_pixels){ picture->pixels, picture->width, picture->height,
		(size_t)picture->stride };
}

void fill_photograph(struct picture *picture, int first_row, int row_count, uint32_t seed)
{
	for (int y = first_row; y < first_row + row_count; y++) {
		for (int x = 0; x < picture->width; x++) {
			const uint32_t grain = next_random(&seed);
			for (int c = 0; c < 3; c++) {
				const double value = 128 + 60 * sin(x / (37.0 + c * 9)) +
						50 * cos((y + x / 3.0) / (53.0 - c * 7));
				pixel_at(picture, x, y)[c] =
						(uint8_t)(value + (grain >> (8 * c) & 7));
			}
		}
	}
}

void expect_decodes_to(const struct cua_buffer *png, const struct picture *picture)
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

static void on_libpng_write(png_structp png, png_bytep data, png_size_t len)
{
	(void)data;
	*(size_t *)png_get_io_ptr(png) += len;
}

size_t libpng_len(const struct picture *picture, int level)
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
	png_set_compression_level(png, level);
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
