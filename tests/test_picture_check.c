/* Pictures that are whole, and pictures that are not, here and in the process of their own. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <png.h>
#include <turbojpeg.h>
#include <webp/encode.h>
#include <zlib.h>

#include "cua/base/util.h"
#include "cua/picture/check.h"
#include "cua/picture/decode.h"

#define WIDTH 67
#define HEIGHT 41
#define BYTES_MAX 65536

struct file {
	unsigned char bytes[BYTES_MAX];
	size_t len;
};

static void fill(unsigned char *pixels, size_t len)
{
	uint32_t seed = 1;
	for (size_t i = 0; i < len; i++) {
		seed = seed * 1664525U + 1013904223U;
		pixels[i] = (unsigned char)(i / 7 + (seed >> 29));
	}
}

static void make_png(struct file *file, png_uint_32 format)
{
	static unsigned char pixels[WIDTH * HEIGHT * 8];
	png_alloc_size_t len = BYTES_MAX;
	png_image image = {
		.version = PNG_IMAGE_VERSION, .width = WIDTH, .height = HEIGHT, .format = format
	};
	fill(pixels, sizeof(pixels));
	assert_true(png_image_write_to_memory(&image, file->bytes, &len, 0, pixels, 0, NULL));
	file->len = len;
}

static void on_png_write(png_structp png, png_bytep data, size_t len)
{
	struct file *file = png_get_io_ptr(png);
	assert_true(len <= BYTES_MAX - file->len);
	memcpy(file->bytes + file->len, data, len);
	file->len += len;
}

static void make_interlaced_png(struct file *file)
{
	static unsigned char rows[HEIGHT][WIDTH * 3];
	png_bytep each[HEIGHT];
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png_create_info_struct(png);
	fill(rows[0], sizeof(rows));
	for (size_t y = 0; y < HEIGHT; y++) {
		each[y] = rows[y];
	}
	file->len = 0;
	png_set_write_fn(png, file, on_png_write, NULL);
	png_set_IHDR(png, info, WIDTH, HEIGHT, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_ADAM7,
			PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_set_rows(png, info, each);
	png_write_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
	png_destroy_write_struct(&png, &info);
}

static void make_jpeg(struct file *file, int format, int sampling, int flags)
{
	static unsigned char pixels[WIDTH * HEIGHT * 4];
	unsigned char *bytes = NULL;
	unsigned long len = 0;
	tjhandle jpeg = tjInitCompress();
	fill(pixels, sizeof(pixels));
	assert_int_equal(tjCompress2(jpeg, pixels, WIDTH, 0, HEIGHT, format, &bytes, &len, sampling,
					 80, flags),
			0);
	memcpy(file->bytes, bytes, len);
	file->len = len;
	tjFree(bytes);
	tjDestroy(jpeg);
}

static void make_webp(struct file *file, bool is_lossless)
{
	static unsigned char pixels[WIDTH * HEIGHT * 4];
	uint8_t *bytes = NULL;
	fill(pixels, sizeof(pixels));
	file->len = is_lossless ? WebPEncodeLosslessRGBA(pixels, WIDTH, HEIGHT, WIDTH * 4, &bytes)
				: WebPEncodeRGB(pixels, WIDTH, HEIGHT, WIDTH * 3, 80, &bytes);
	assert_in_range(file->len, 1, BYTES_MAX);
	memcpy(file->bytes, bytes, file->len);
	WebPFree(bytes);
}

static void make(struct file *file, int kind)
{
	switch (kind) {
	case 0:
		make_png(file, PNG_FORMAT_RGBA);
		break;
	case 1:
		make_png(file, PNG_FORMAT_LINEAR_RGB_ALPHA); /* 16 bits */
		break;
	case 2:
		make_interlaced_png(file);
		break;
	case 3:
		make_jpeg(file, TJPF_RGB, TJSAMP_420, 0);
		break;
	case 4:
		make_jpeg(file, TJPF_RGB, TJSAMP_444, TJFLAG_PROGRESSIVE);
		break;
	case 5:
		make_jpeg(file, TJPF_CMYK, TJSAMP_444, 0);
		break;
	case 6:
		make_webp(file, false);
		break;
	default:
		make_webp(file, true);
	}
}

#define KINDS 8

static void whole_pictures_of_each_kind_are_well(void **state)
{
	static struct file file;
	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		struct cua_error err = { 0 };
		make(&file, kind);
		if (cua_picture_decode(file.bytes, file.len, &err) != CUA_OK ||
				cua_picture_check(file.bytes, file.len, &err) != CUA_OK) {
			fail_msg("kind %d: %s", kind, err.msg);
		}
	}
}

/* Wherever it is cut, but for a last byte or two that no decoder needs. */
static void what_is_cut_off_is_refused(void **state)
{
	static struct file file;
	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		make(&file, kind);
		for (size_t len = 0; len + 2 < file.len; len += 1 + len / 16) {
			struct cua_error err = { 0 };
			/* In memory of its own, so that a sanitizer sees who reads behind it. */
			CUA_AUTO_FREE unsigned char *part = malloc(len + 1);
			assert_non_null(part);
			memcpy(part, file.bytes, len);
			part = realloc(part, len ? len : 1);
			assert_int_equal(cua_picture_decode(part, len, &err), CUA_ERR_INVAL);
			assert_true(strlen(err.msg) > 20);
		}
	}
}

static void damaged_data_of_a_png_is_refused(void **state)
{
	static struct file file;
	(void)state;
	make_png(&file, PNG_FORMAT_RGB);
	const unsigned char *data = memmem(file.bytes, file.len, "IDAT", 4);
	assert_non_null(data);
	for (size_t at = (size_t)(data - file.bytes) + 4; at + 16 < file.len; at += 97) {
		struct cua_error err = { 0 };
		file.bytes[at] ^= 0x10;
		assert_int_equal(cua_picture_decode(file.bytes, file.len, &err), CUA_ERR_INVAL);
		file.bytes[at] ^= 0x10;
	}
	assert_int_equal(cua_picture_decode(file.bytes, file.len, NULL), CUA_OK);
}

static void the_reason_comes_from_the_process_of_its_own(void **state)
{
	static struct file file;
	struct cua_error err = { 0 };
	(void)state;
	make_png(&file, PNG_FORMAT_RGB);
	assert_int_equal(cua_picture_check(file.bytes, 60, &err), CUA_ERR_INVAL);
	assert_string_equal(err.msg, "the picture cannot be decoded as PNG: it is cut off");
	assert_int_equal(cua_picture_check(file.bytes, 16, &err), CUA_ERR_INVAL);
	assert_string_equal(err.msg, "the picture cannot be decoded as PNG: it is cut off");
	assert_int_equal(cua_picture_check("GIF89a", 6, &err), CUA_ERR_INVAL);
	assert_string_equal(err.msg, "this is no picture in PNG, JPEG or WebP");
	make_jpeg(&file, TJPF_RGB, TJSAMP_420, 0);
	assert_int_equal(cua_picture_check(file.bytes, file.len / 2, &err), CUA_ERR_INVAL);
	assert_non_null(strstr(err.msg, "as JPEG: "));
	assert_int_equal(cua_picture_check("", 0, &err), CUA_ERR_INVAL);
}

/* A header that asks for gigabytes. */
static void a_picture_without_bounds_is_not_begun(void **state)
{
	static struct file file;
	struct cua_error err = { 0 };
	(void)state;
	make_png(&file, PNG_FORMAT_RGB);
	memcpy(file.bytes + 16, "\0\0\x75\x30\0\0\x75\x30", 8); /* 30000x30000 */
	const uint32_t sum = (uint32_t)crc32(0, file.bytes + 12, 17);
	for (int i = 0; i < 4; i++) {
		file.bytes[29 + i] = (unsigned char)(sum >> (24 - 8 * i));
	}
	assert_int_equal(cua_picture_decode(file.bytes, file.len, &err), CUA_ERR_TOO_LARGE);
	assert_string_equal(err.msg,
			"the picture has 30000x30000 pixels; at most 32 million are decoded");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_pictures_of_each_kind_are_well),
		cmocka_unit_test(what_is_cut_off_is_refused),
		cmocka_unit_test(damaged_data_of_a_png_is_refused),
		cmocka_unit_test(the_reason_comes_from_the_process_of_its_own),
		cmocka_unit_test(a_picture_without_bounds_is_not_begun),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
