#ifndef CUA_DISPLAY_PICTURE_LOSSY_H
#define CUA_DISPLAY_PICTURE_LOSSY_H

#include "display/picture/picture.h"

CUA_NODISCARD enum cua_status jpeg_encode(const struct picture_pixels *pixels,
		const struct picture_coding *coding, struct cua_buffer *bytes,
		struct cua_error *err);
CUA_NODISCARD enum cua_status webp_encode(const struct picture_pixels *pixels,
		const struct picture_coding *coding, struct cua_buffer *bytes,
		struct cua_error *err);

#endif
