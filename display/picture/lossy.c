#include "display/picture/lossy.h"

#include <errno.h>
#include <turbojpeg.h>
#include <webp/encode.h>

#define JPEG_EDGE_MAX 65500
/* From here on colours keep their full resolution, which coloured text needs. */
#define JPEG_FULL_COLOR_QUALITY 90
/* libwebp's scale from 0, quick, to 6, thorough. */
#define WEBP_METHOD_FAST 0
#define WEBP_METHOD_SMALL 4

static enum cua_status check_size(const struct picture_pixels *pixels, const char *format,
		int edge_max, struct cua_error *err)
{
	if (pixels->width_px > edge_max || pixels->height_px > edge_max) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"a picture of %dx%d is too large for %s, which has at most %d on "
				"an edge; use format png, or a region",
				pixels->width_px, pixels->height_px, format, edge_max);
	}
	return CUA_OK;
}

enum cua_status jpeg_encode(const struct picture_pixels *pixels,
		const struct picture_coding *coding, struct cua_buffer *bytes,
		struct cua_error *err)
{
	enum cua_status status = check_size(pixels, "jpeg", JPEG_EDGE_MAX, err);
	if (status != CUA_OK) {
		return status;
	}
	tjhandle jpeg = tjInitCompress();
	if (!jpeg) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "JPEG");
	}
	unsigned char *data = NULL;
	unsigned long len = 0;
	const int sampling = coding->quality >= JPEG_FULL_COLOR_QUALITY ? TJSAMP_444 : TJSAMP_420;
	const int flags = coding->level == CUA_PICTURE_SMALL ? TJFLAG_PROGRESSIVE : 0;
	if (tjCompress2(jpeg, pixels->data, pixels->width_px, (int)pixels->stride_bytes,
			    pixels->height_px, TJPF_BGRX, &data, &len, sampling, coding->quality,
			    flags) == 0) {
		status = cua_buffer_append(bytes, data, len, err);
	} else {
		status = CUA_FAIL(err, CUA_ERR_NOMEM, 0, "JPEG of %dx%d: %s", pixels->width_px,
				pixels->height_px, tjGetErrorStr2(jpeg));
	}
	tjFree(data);
	tjDestroy(jpeg);
	return status;
}

struct webp_sink {
	struct cua_buffer *bytes;
	struct cua_error *err;
	enum cua_status status;
};

static int on_webp_write(const uint8_t *data, size_t len, const WebPPicture *picture)
{
	struct webp_sink *sink = picture->custom_ptr;
	sink->status = cua_buffer_append(sink->bytes, data, len, sink->err);
	return sink->status == CUA_OK;
}

enum cua_status webp_encode(const struct picture_pixels *pixels,
		const struct picture_coding *coding, struct cua_buffer *bytes,
		struct cua_error *err)
{
	enum cua_status status = check_size(pixels, "webp", WEBP_MAX_DIMENSION, err);
	if (status != CUA_OK) {
		return status;
	}
	WebPConfig config;
	WebPPicture picture;
	if (!WebPConfigInit(&config) || !WebPPictureInit(&picture)) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"libwebp is not the version this was built for");
	}
	config.quality = (float)coding->quality;
	config.method = coding->level == CUA_PICTURE_SMALL ? WEBP_METHOD_SMALL : WEBP_METHOD_FAST;
	struct webp_sink sink = { bytes, err, CUA_OK };
	picture.width = pixels->width_px;
	picture.height = pixels->height_px;
	picture.writer = on_webp_write;
	picture.custom_ptr = &sink;
	const bool done =
			WebPPictureImportBGRX(&picture, pixels->data, (int)pixels->stride_bytes) &&
			WebPEncode(&config, &picture);
	if (!done && sink.status == CUA_OK) {
		sink.status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "WebP of %dx%d, error %d",
				pixels->width_px, pixels->height_px, (int)picture.error_code);
	}
	WebPPictureFree(&picture);
	return sink.status;
}
