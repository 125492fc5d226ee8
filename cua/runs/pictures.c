#include <errno.h>
#include <png.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "cua/runs/runs.h"

#define PNG_MAX ((size_t)64 << 20)
#define SIDE_MAX 32767
#define PIXELS_MAX ((uint64_t)32 << 20)

static enum cua_status decode(const void *png, size_t len, struct runs_picture *ret_picture,
		struct cua_error *err)
{
	png_image image = { .version = PNG_IMAGE_VERSION };
	if (!png_image_begin_read_from_memory(&image, png, len)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s", image.message);
	}
	image.format = PNG_FORMAT_RGBA;
	if (image.width > SIDE_MAX || image.height > SIDE_MAX ||
			(uint64_t)image.width * image.height > PIXELS_MAX) {
		png_image_free(&image);
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "%ux%u pixels are too many", image.width,
				image.height);
	}
	uint8_t *rgba = malloc(PNG_IMAGE_SIZE(image));
	if (!rgba) {
		png_image_free(&image);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "picture");
	}
	if (!png_image_finish_read(&image, NULL, rgba, 0, NULL)) {
		free(rgba);
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s", image.message);
	}
	*ret_picture = (struct runs_picture){ (int)image.width, (int)image.height, rgba };
	return CUA_OK;
}

enum cua_status runs_picture_read(
		const char *path, struct runs_picture *ret_picture, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer png;
	cua_buffer_init(&png, PNG_MAX);
	enum cua_status status = cua_file_read(path, &png, err);
	if (status != CUA_OK) {
		return status;
	}
	status = decode(png.data ? png.data : "", png.len, ret_picture, err);
	if (status != CUA_OK) {
		cua_error_prefix(err, "%s", path);
	}
	return status;
}

enum cua_status runs_picture_decode(
		const char *base64, struct runs_picture *ret_picture, struct cua_error *err)
{
	size_t len = strlen(base64), png_len = 0;
	CUA_AUTO_FREE unsigned char *png = malloc(len / 4 * 3 + 3);
	if (!png) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "picture");
	}
	if (sodium_base642bin(png, len / 4 * 3 + 3, base64, len, NULL, &png_len, NULL,
			    sodium_base64_VARIANT_ORIGINAL) != 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "the picture is not base64");
	}
	return decode(png, png_len, ret_picture, err);
}

void runs_picture_finish(struct runs_picture *picture)
{
	free(picture->rgba);
	*picture = (struct runs_picture){ 0 };
}

int64_t runs_picture_compare(const struct runs_picture *one, const struct runs_picture *other)
{
	int64_t differing = 0;
	if (one->width != other->width || one->height != other->height) {
		return -1;
	}
	const size_t pixels = (size_t)one->width * (size_t)one->height;
	for (size_t i = 0; i < pixels; i++) {
		differing += memcmp(one->rgba + 4 * i, other->rgba + 4 * i, 4) != 0;
	}
	return differing;
}
