#ifndef CUA_DISPLAY_PICTURE_PICTURE_H
#define CUA_DISPLAY_PICTURE_PICTURE_H

/* Pixels to bytes: PNG, JPEG, WebP, and scaling. Knows no X and no screen. */

#include <stdint.h>

#include "cua/base/buffer.h"
#include "cua/base/error.h"
#include "cua/contract/action.h"

/* Rows that are deflated together; what is kept of a frame is kept by so many rows. */
#define PICTURE_BAND_ROWS 32
/* Pixels of a picture whose size the caller chose. */
#define PICTURE_SCALED_MAX_PX (32 << 20)

/* B8G8R8X8, rows top to bottom; borrowed. */
struct picture_pixels {
	const uint8_t *data;
	int width_px, height_px;
	size_t stride_bytes;
};

struct picture_coding {
	enum cua_picture_format format;
	enum cua_picture_level level;
	int quality; /* 1 to 100; of JPEG and WebP */
};

/* Bands of a frame that look different this time only, by a pointer drawn over them say. */
struct picture_patch {
	int first_band, band_count;
	const uint8_t *data; /* the rows of these bands, as wide as the frame's; borrowed */
	size_t stride_bytes;
	uint64_t version; /* not 0; the same only where the same is drawn over the frame */
};

/* What is kept between pictures: deflated bands of the frame, working memory, threads that end
 * when they are not needed for a while. One thread at a time. */
struct picture_encoder;

/* NULL when memory runs out. */
struct picture_encoder *picture_encoder_create(void);
void picture_encoder_destroy(struct picture_encoder *encoder);

/* Appends the picture to bytes, which is left with a part of it after a failure.
 * CUA_ERR_INVAL if the format has no pictures of this size; CUA_ERR_TOO_LARGE at the cap of
 * bytes; CUA_ERR_NOMEM. */
CUA_NODISCARD enum cua_status picture_encode(struct picture_encoder *encoder,
		const struct picture_pixels *pixels, const struct picture_coding *coding,
		struct cua_buffer *bytes, struct cua_error *err);

/**
 * picture_encode_frame() - PNG, deflating what has changed since the last time at this level.
 * @versions: one for each band of PICTURE_BAND_ROWS rows; a band whose version is that of the last
 *            call has the same pixels as then. 0 is never a version.
 * @patch:    bands with other pixels than the frame's; NULL for none.
 */
CUA_NODISCARD enum cua_status picture_encode_frame(struct picture_encoder *encoder,
		const struct picture_pixels *pixels, enum cua_picture_level level,
		const uint64_t *versions, const struct picture_patch *patch,
		struct cua_buffer *bytes, struct cua_error *err);

/**
 * picture_encode_ahead() - A band that the next picture_encode_frame() at level fast finds made.
 * @pixels:  of the whole frame; those of the band are there already.
 * @version: of the band. Made in vain if it is another one by then.
 */
void picture_encode_ahead(struct picture_encoder *encoder, const struct picture_pixels *pixels,
		uint64_t version, int band);

/* Into to_data of width_px * height_px pixels, B8G8R8X8 without padding. CUA_ERR_NOMEM. */
CUA_NODISCARD enum cua_status picture_scale(const struct picture_pixels *pixels, uint8_t *to_data,
		int width_px, int height_px, struct cua_error *err);

#endif
