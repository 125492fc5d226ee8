#include "cua/picture/decode.h"

#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>
#include <turbojpeg.h>
#include <webp/decode.h>

#include "cua/base/util.h"

const char *cua_picture_type(const void *bytes, size_t len)
{
	static const struct {
		const char *start, *media_type;
		size_t len;
	} kinds[] = {
		{ "\x89PNG\r\n\x1a\n", "image/png", 8 },
		{ "\xff\xd8\xff", "image/jpeg", 3 },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(kinds); i++) {
		if (len >= kinds[i].len && memcmp(bytes, kinds[i].start, kinds[i].len) == 0) {
			return kinds[i].media_type;
		}
	}
	const char *text = bytes;
	return len >= 12 && memcmp(text, "RIFF", 4) == 0 && memcmp(text + 8, "WEBP", 4) == 0
			? "image/webp"
			: NULL;
}

static enum cua_status broken(const char *format, const char *why, struct cua_error *err)
{
	return CUA_FAIL(err, CUA_ERR_INVAL, 0, "the picture cannot be decoded as %s: %.150s",
			format, why);
}

static enum cua_status check_size(size_t width, size_t height, struct cua_error *err)
{
	if (width == 0 || height == 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "the picture has %zux%zu pixels", width,
				height);
	}
	return height <= CUA_PICTURE_PIXELS_MAX / width
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
					  "the picture has %zux%zu pixels; at most %zu million are "
					  "decoded",
					  width, height, CUA_PICTURE_PIXELS_MAX >> 20);
}

/* --- PNG: libpng --- */

struct png_source {
	const unsigned char *bytes; /* what is left */
	size_t len;
	png_bytep row; /* owned */
	char problem[160];
	jmp_buf on_error;
};

static void on_png_read(png_structp png, png_bytep data, size_t len)
{
	struct png_source *source = png_get_io_ptr(png);
	if (len > source->len) {
		png_error(png, "it is cut off");
	}
	memcpy(data, source->bytes, len);
	source->bytes += len;
	source->len -= len;
}

static _Noreturn void on_png_error(png_structp png, png_const_charp problem)
{
	struct png_source *source = png_get_error_ptr(png);
	snprintf(source->problem, sizeof(source->problem), "%s", problem);
	longjmp(source->on_error, 1);
}

static void on_png_warning(png_structp png, png_const_charp problem)
{
	(void)png;
	(void)problem;
}

/* Row by row, each over the one before. */
static enum cua_status read_png_rows(
		struct png_source *source, png_structp png, png_infop info, struct cua_error *err)
{
	png_read_info(png, info);
	const png_uint_32 height = png_get_image_height(png, info);
	enum cua_status status = check_size(png_get_image_width(png, info), height, err);
	if (status != CUA_OK) {
		return status;
	}
	const int passes = png_set_interlace_handling(png);
	png_read_update_info(png, info);
	source->row = png_malloc(png, png_get_rowbytes(png, info));
	for (int pass = 0; pass < passes; pass++) {
		for (png_uint_32 y = 0; y < height; y++) {
			png_read_row(png, source->row, NULL);
		}
	}
	png_read_end(png, NULL);
	return CUA_OK;
}

static enum cua_status decode_png(const void *bytes, size_t len, struct cua_error *err)
{
	struct png_source source = { .bytes = bytes, .len = len };
	volatile enum cua_status status = CUA_OK;
	png_infop info = NULL;
	png_structp png = png_create_read_struct(
			PNG_LIBPNG_VER_STRING, &source, on_png_error, on_png_warning);
	if (!png || !(info = png_create_info_struct(png))) {
		png_destroy_read_struct(&png, NULL, NULL);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "picture");
	}
	if (setjmp(source.on_error) == 0) {
		png_set_read_fn(png, &source, on_png_read);
		/* Profiles and texts are not looked at. */
		png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
		status = read_png_rows(&source, png, info, err);
	} else {
		status = broken("PNG", source.problem, err);
	}
	png_free(png, source.row);
	png_destroy_read_struct(&png, &info, NULL);
	return status;
}

/* --- JPEG: libjpeg-turbo --- */

static enum cua_status decode_jpeg_with(
		tjhandle jpeg, const unsigned char *bytes, size_t len, struct cua_error *err)
{
	int width = 0, height = 0, sampling = 0, colors = 0;
	if (tjDecompressHeader3(jpeg, bytes, len, &width, &height, &sampling, &colors) != 0) {
		return broken("JPEG", tjGetErrorStr2(jpeg), err);
	}
	enum cua_status status = check_size((size_t)width, (size_t)height, err);
	if (status != CUA_OK) {
		return status;
	}
	const bool is_print = colors == TJCS_CMYK || colors == TJCS_YCCK;
	CUA_AUTO_FREE unsigned char *pixels =
			malloc((size_t)width * (size_t)height * (is_print ? 4 : 1));
	if (!pixels) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "picture");
	}
	/* Without STOPONWARNING what is cut off becomes grey, and is well. A hundred scans of a
	 * small file would take minutes without LIMITSCANS. */
	return tjDecompress2(jpeg, bytes, len, pixels, width, 0, height,
			       is_print ? TJPF_CMYK : TJPF_GRAY,
			       TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS | TJFLAG_FASTDCT |
					       TJFLAG_FASTUPSAMPLE) == 0
			? CUA_OK
			: broken("JPEG", tjGetErrorStr2(jpeg), err);
}

static enum cua_status decode_jpeg(const void *bytes, size_t len, struct cua_error *err)
{
	tjhandle jpeg = tjInitDecompress();
	if (!jpeg) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "picture");
	}
	const enum cua_status status = decode_jpeg_with(jpeg, bytes, len, err);
	tjDestroy(jpeg);
	return status;
}

/* --- WebP: libwebp --- */

static enum cua_status decode_webp(const void *bytes, size_t len, struct cua_error *err)
{
	WebPBitstreamFeatures features;
	int width = 0, height = 0;
	if (WebPGetFeatures(bytes, len, &features) != VP8_STATUS_OK) {
		return broken("WebP", "its header is damaged", err);
	}
	if (features.has_animation) {
		return broken("WebP", "it is an animation", err);
	}
	enum cua_status status = check_size((size_t)features.width, (size_t)features.height, err);
	if (status != CUA_OK) {
		return status;
	}
	uint8_t *pixels = WebPDecodeRGB(bytes, len, &width, &height);
	if (!pixels) {
		return broken("WebP", "its data is damaged or cut off", err);
	}
	WebPFree(pixels);
	return CUA_OK;
}

enum cua_status cua_picture_decode(const void *bytes, size_t len, struct cua_error *err)
{
	const char *type = cua_picture_type(bytes, len);
	if (!type) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "this is no picture in PNG, JPEG or WebP");
	}
	return strcmp(type, "image/png") == 0             ? decode_png(bytes, len, err)
			: strcmp(type, "image/jpeg") == 0 ? decode_jpeg(bytes, len, err)
							  : decode_webp(bytes, len, err);
}
