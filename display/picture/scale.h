#ifndef CUA_DISPLAY_PICTURE_SCALE_H
#define CUA_DISPLAY_PICTURE_SCALE_H

#include "display/picture/picture.h"
#include "display/picture/workers.h"

/* See picture_scale(). */
CUA_NODISCARD enum cua_status scale_pixels(struct picture_workers *workers,
		const struct picture_pixels *pixels, uint8_t *to_data, int width_px, int height_px,
		struct cua_error *err);

#endif
