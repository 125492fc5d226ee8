#include "display/display_internal.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

struct png_sink {
	struct cua_buffer *buffer;
	enum cua_status status;
	struct cua_error *err;
};

static void on_write(png_structp png, png_bytep data, png_size_t len)
{
	struct png_sink *sink = png_get_io_ptr(png);
	if (sink->status == CUA_OK) {
		sink->status = cua_buffer_append(sink->buffer, data, len, sink->err);
	}
}

static void on_flush(png_structp png)
{
	(void)png;
}

static void on_warning(png_structp png, png_const_charp text)
{
	(void)png, (void)text;
}

/* The container by libpng, around image data that is deflated already. */
static enum cua_status write_container(int width_px, int height_px, const uint8_t *deflated,
		size_t deflated_len, struct cua_buffer *buffer, struct cua_error *err)
{
	struct png_sink sink = { buffer, CUA_OK, err };
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, on_warning);
	png_infop info = png ? png_create_info_struct(png) : NULL;
	if (!info) {
		png_destroy_write_struct(&png, NULL);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "PNG writer");
	}
	if (setjmp(png_jmpbuf(png))) {
		png_destroy_write_struct(&png, &info);
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "PNG of %dx%d", width_px, height_px);
	}
	png_set_write_fn(png, &sink, on_write, on_flush);
	png_set_IHDR(png, info, (png_uint_32)width_px, (png_uint_32)height_px, 8,
			PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
			PNG_FILTER_TYPE_DEFAULT);
	png_write_info(png, info);
	png_write_chunk(png, (const png_byte *)"IDAT", deflated, deflated_len);
	png_write_chunk(png, (const png_byte *)"IEND", NULL, 0);
	png_destroy_write_struct(&png, &info);
	return sink.status;
}

/* PNG rows: filter type 0, then R, G, B. */
static void fill_rows(
		uint8_t *rows, const uint8_t *pixels, int width_px, int height_px, int stride_bytes)
{
	for (int y = 0; y < height_px; y++) {
		const uint8_t *from = pixels + (size_t)y * (size_t)stride_bytes;
		*rows++ = 0;
		for (int x = 0; x < width_px; x++, from += 4, rows += 3) {
			rows[0] = from[2];
			rows[1] = from[1];
			rows[2] = from[0];
		}
	}
}

enum cua_status png_encode(const uint8_t *pixels, int width_px, int height_px, int stride_bytes,
		struct cua_buffer *png, struct cua_error *err)
{
	const size_t raw_len = ((size_t)width_px * 3 + 1) * (size_t)height_px;
	/* Level 1 may grow incompressible data by block headers; the bound is generous. */
	const size_t bound = raw_len + raw_len / 8 + 4096;
	CUA_AUTO_FREE uint8_t *raw = malloc(raw_len);
	CUA_AUTO_FREE uint8_t *deflated = malloc(bound);
	CUA_AUTO_FREE uint8_t *level_buffer = malloc(ISAL_DEF_LVL1_DEFAULT);
	if (!raw || !deflated || !level_buffer || raw_len > UINT32_MAX || bound > UINT32_MAX) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "PNG of %dx%d", width_px, height_px);
	}
	fill_rows(raw, pixels, width_px, height_px, stride_bytes);
	struct isal_zstream stream;
	isal_deflate_init(&stream);
	stream.next_in = raw;
	stream.avail_in = (uint32_t)raw_len;
	stream.next_out = deflated;
	stream.avail_out = (uint32_t)bound;
	stream.end_of_stream = 1;
	stream.level = 1;
	stream.level_buf = level_buffer;
	stream.level_buf_size = ISAL_DEF_LVL1_DEFAULT;
	stream.gzip_flag = IGZIP_ZLIB;
	if (isal_deflate(&stream) != COMP_OK || stream.internal_state.state != ZSTATE_END) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "deflate of %dx%d pixels", width_px,
				height_px);
	}
	return write_container(width_px, height_px, deflated, stream.total_out, png, err);
}
