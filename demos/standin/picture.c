#include "demos/standin/picture.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include <png.h>

#include "cua/base/util.h"

/* The ground of a pixel is the median around it; the window is wider than a word's strokes and
 * lower than a button. */
#define GROUND_WIDTH 31
#define GROUND_HEIGHT 21
/* Differences from the ground up to the first do not show, from the second on they are black. */
#define CONTRAST_MIN 40
#define CONTRAST_MAX 160

static PIX *pix_from_grey(const uint8_t *grey, size_t width, size_t height)
{
	PIX *pix = pixCreate((l_int32)width, (l_int32)height, 8);
	if (!pix) {
		return NULL;
	}
	for (size_t y = 0; y < height; y++) {
		l_uint32 *row = pixGetData(pix) + y * (size_t)pixGetWpl(pix);
		for (size_t x = 0; x < width; x++) {
			SET_DATA_BYTE(row, x, grey[y * width + x]);
		}
	}
	return pix;
}

enum cua_status picture_decode(
		const void *png, size_t png_len, PIX **ret_pix, struct cua_error *err)
{
	png_image image = { .version = PNG_IMAGE_VERSION };
	if (!png_image_begin_read_from_memory(&image, png, png_len)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "not a PNG: %s", image.message);
	}
	if (image.width == 0 || image.height == 0 ||
			(uint64_t)image.width * image.height > PICTURE_PIXELS_MAX) {
		png_image_free(&image);
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "picture of %ux%u; at most %u pixels",
				image.width, image.height, PICTURE_PIXELS_MAX);
	}
	image.format = PNG_FORMAT_GRAY;
	CUA_AUTO_FREE uint8_t *grey = malloc((size_t)image.width * image.height);
	if (!grey) {
		png_image_free(&image);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "picture");
	}
	const png_color white = { 255, 255, 255 };
	if (!png_image_finish_read(&image, &white, grey, (png_int_32)image.width, NULL)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "broken PNG: %s", image.message);
	}
	PIX *pix = pix_from_grey(grey, image.width, image.height);
	if (!pix) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "picture");
	}
	*ret_pix = pix;
	return CUA_OK;
}

PIX *picture_flatten(PIX *grey)
{
	PIX *ground = pixRankFilterGray(grey, GROUND_WIDTH, GROUND_HEIGHT, 0.5F);
	if (!ground) {
		return NULL;
	}
	/* The result takes the place of the ground, pixel by pixel. */
	for (l_int32 y = 0; y < pixGetHeight(grey); y++) {
		const l_uint32 *from = pixGetData(grey) + (ptrdiff_t)y * pixGetWpl(grey);
		l_uint32 *to = pixGetData(ground) + (ptrdiff_t)y * pixGetWpl(ground);
		for (l_int32 x = 0; x < pixGetWidth(grey); x++) {
			int contrast = abs((int)GET_DATA_BYTE(from, x) - (int)GET_DATA_BYTE(to, x));
			int ink = (contrast - CONTRAST_MIN) * 255 / (CONTRAST_MAX - CONTRAST_MIN);
			ink = ink < 0 ? 0 : ink > 255 ? 255 : ink;
			SET_DATA_BYTE(to, x, (l_uint8)(255 - ink));
		}
	}
	return ground;
}
