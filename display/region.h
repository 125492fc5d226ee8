#ifndef CUA_DISPLAY_REGION_H
#define CUA_DISPLAY_REGION_H

/* Arithmetic of rectangles of pixels. Their far edges must be in the range of int. */

#include <stdbool.h>
#include <stdint.h>

#include "cua/contract/action.h"

/* The smallest that both lie in. */
struct cua_region region_around(const struct cua_region *a, const struct cua_region *b);
/* What both cover; false if that is nothing. */
bool region_common(const struct cua_region *a, const struct cua_region *b,
		struct cua_region *ret_common);
int64_t region_pixels(const struct cua_region *region);

#endif
