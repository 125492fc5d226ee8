#include "cua/bench/bench_client.h"

#include <errno.h>
#include <png.h>
#include <stdlib.h>

struct sink {
	struct cua_buffer *png;
	enum cua_status status;
	struct cua_error *err;
};

static void on_write(png_structp png, png_bytep data, png_size_t len)
{
	struct sink *sink = png_get_io_ptr(png);
	if (sink->status == CUA_OK) {
		sink->status = cua_buffer_append(sink->png, data, len, sink->err);
	}
}

static void on_flush(png_structp png)
{
	(void)png;
}

enum cua_status bench_png_write(const uint8_t *pixels, int width_px, int height_px, int level,
		struct cua_buffer *png_bytes, struct cua_error *err)
{
	struct sink sink = { png_bytes, CUA_OK, err };
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png ? png_create_info_struct(png) : NULL;
	if (!info) {
		png_destroy_write_struct(&png, NULL);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "PNG writer");
	}
	if (setjmp(png_jmpbuf(png))) {
		png_destroy_write_struct(&png, &info);
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "libpng, %dx%d", width_px, height_px);
	}
	png_set_write_fn(png, &sink, on_write, on_flush);
	png_set_compression_level(png, level);
	png_set_IHDR(png, info, (png_uint_32)width_px, (png_uint_32)height_px, 8,
			PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
			PNG_FILTER_TYPE_DEFAULT);
	png_write_info(png, info);
	png_set_bgr(png);
	png_set_filler(png, 0, PNG_FILLER_AFTER);
	for (int y = 0; y < height_px; y++) {
		png_write_row(png, pixels + (size_t)y * (size_t)width_px * 4);
	}
	png_write_end(png, NULL);
	png_destroy_write_struct(&png, &info);
	return sink.status;
}

enum cua_status bench_png_read(const uint8_t *png, size_t len, int *ret_width_px,
		int *ret_height_px, uint8_t **ret_pixels, struct cua_error *err)
{
	png_image image = { .version = PNG_IMAGE_VERSION };
	if (!png_image_begin_read_from_memory(&image, png, len)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "libpng: %s", image.message);
	}
	image.format = PNG_FORMAT_BGRA;
	uint8_t *pixels = malloc(PNG_IMAGE_SIZE(image));
	if (!pixels || !png_image_finish_read(&image, NULL, pixels, 0, NULL)) {
		png_image_free(&image);
		free(pixels);
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "libpng: %s", image.message);
	}
	*ret_width_px = (int)image.width;
	*ret_height_px = (int)image.height;
	*ret_pixels = pixels;
	return CUA_OK;
}
