#ifndef CUA_DISPLAY_PICTURE_PNG_H
#define CUA_DISPLAY_PICTURE_PNG_H

/* PNG of pixels: W3C recommendation "Portable Network Graphics", second edition. */

#include "display/picture/picture.h"
#include "display/picture/workers.h"

/* A band's piece of the deflated stream, as a whole IDAT chunk. */
struct png_band {
	uint8_t *chunk; /* owned; NULL: none */
	size_t len;
	uint32_t adler; /* of the band's rows alone */
	/* What pixels it was made of; version 0: not to be used again. */
	uint64_t version, patch_version;
};

/* What is kept of the frame. */
struct png_cache {
	struct png_band *bands; /* owned */
	int band_count, width_px, height_px;
};

void png_cache_finish(struct png_cache *cache);

CUA_NODISCARD enum cua_status png_encode_fast(struct picture_workers *workers,
		const struct picture_pixels *pixels, struct cua_buffer *bytes,
		struct cua_error *err);

/* See picture_encode_frame(). */
CUA_NODISCARD enum cua_status png_encode_frame(struct picture_workers *workers,
		struct png_cache *cache, const struct picture_pixels *pixels,
		const uint64_t *versions, const struct picture_patch *patch,
		struct cua_buffer *bytes, struct cua_error *err);

CUA_NODISCARD enum cua_status png_encode_small(struct picture_workers *workers,
		const struct picture_pixels *pixels, struct cua_buffer *bytes,
		struct cua_error *err);

#endif
