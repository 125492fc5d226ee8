#ifndef CUA_DEMOS_STANDIN_PICTURE_H
#define CUA_DEMOS_STANDIN_PICTURE_H

/* Pictures made ready for Tesseract. Internal to see.c. */

#include <stddef.h>

#include <leptonica/allheaders.h>

#include "cua/base/error.h"

#define PICTURE_PIXELS_MAX (40U * 1000U * 1000U)

/* Decodes a PNG to 8-bit grey. The caller owns *ret_pix. */
CUA_NODISCARD enum cua_status picture_decode(
		const void *png, size_t png_len, PIX **ret_pix, struct cua_error *err);

/* The same picture with every ground white and every letter dark, whatever the colours were, and
 * with faint lines gone: labels on coloured buttons and inside frames become plain text. NULL when
 * memory runs out; the caller owns it. */
PIX *picture_flatten(PIX *grey);

#endif
