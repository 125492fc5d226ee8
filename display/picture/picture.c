#include "display/picture/picture.h"

#include <errno.h>
#include <stdlib.h>

#include "display/picture/lossy.h"
#include "display/picture/png.h"
#include "display/picture/workers.h"

struct picture_encoder {
	struct picture_workers *workers; /* owned */
	struct png_cache caches[2];      /* by level */
};

struct picture_encoder *picture_encoder_create(void)
{
	struct picture_encoder *encoder = calloc(1, sizeof(*encoder));
	if (encoder) {
		encoder->workers = picture_workers_create();
	}
	if (encoder && !encoder->workers) {
		free(encoder);
		return NULL;
	}
	return encoder;
}

void picture_encoder_destroy(struct picture_encoder *encoder)
{
	if (encoder) {
		png_cache_finish(&encoder->caches[CUA_PICTURE_FAST]);
		png_cache_finish(&encoder->caches[CUA_PICTURE_SMALL]);
		picture_workers_destroy(encoder->workers);
		free(encoder);
	}
}

enum cua_status picture_encode(struct picture_encoder *encoder, const struct picture_pixels *pixels,
		const struct picture_coding *coding, struct cua_buffer *bytes,
		struct cua_error *err)
{
	switch (coding->format) {
	case CUA_PICTURE_JPEG:
		return jpeg_encode(pixels, coding, bytes, err);
	case CUA_PICTURE_WEBP:
		return webp_encode(pixels, coding, bytes, err);
	case CUA_PICTURE_PNG:
		break;
	}
	return coding->level == CUA_PICTURE_SMALL
			? png_encode_small(encoder->workers, pixels, bytes, err)
			: png_encode_fast(encoder->workers, pixels, bytes, err);
}

enum cua_status picture_encode_frame(struct picture_encoder *encoder,
		const struct picture_pixels *pixels, enum cua_picture_level level,
		const uint64_t *versions, const struct picture_patch *patch,
		struct cua_buffer *bytes, struct cua_error *err)
{
	return png_encode_frame(encoder->workers, &encoder->caches[level], pixels, level, versions,
			patch, bytes, err);
}

void picture_encode_ahead(struct picture_encoder *encoder, const struct picture_pixels *pixels,
		uint64_t version, int band)
{
	png_encode_ahead(encoder->workers, &encoder->caches[CUA_PICTURE_FAST], pixels, version,
			band);
}
