#include "display/region.h"

static int lesser(int a, int b)
{
	return a < b ? a : b;
}

static int greater(int a, int b)
{
	return a > b ? a : b;
}

struct cua_region region_around(const struct cua_region *a, const struct cua_region *b)
{
	const int x = lesser(a->x, b->x), y = lesser(a->y, b->y);
	return (struct cua_region){ x, y, greater(a->x + a->width, b->x + b->width) - x,
		greater(a->y + a->height, b->y + b->height) - y };
}

bool region_common(const struct cua_region *a, const struct cua_region *b,
		struct cua_region *ret_common)
{
	const int x = greater(a->x, b->x), y = greater(a->y, b->y);
	const int right = lesser(a->x + a->width, b->x + b->width);
	const int bottom = lesser(a->y + a->height, b->y + b->height);
	*ret_common = (struct cua_region){ x, y, right - x, bottom - y };
	return right > x && bottom > y;
}

int64_t region_pixels(const struct cua_region *region)
{
	return (int64_t)region->width * region->height;
}
