#include "agent/view.h"

#include <math.h>
#include <stdbool.h>

/* One side, scaled; some servers fit it to a multiple of something, and then so do we. */
static int side(double px, double multiple)
{
	const double fitted =
			multiple > 1 ? fmax(1, round(px / multiple)) * multiple : floor(px + 1e-6);
	return fitted < 1 ? 1 : (int)fitted;
}

static bool fits(const struct agent_image_limits *limits, struct cua_point size)
{
	const double longest = size.x > size.y ? size.x : size.y;
	/* A long run sends more than a few pictures with each request. */
	if ((limits->max_side > 0 && longest > limits->max_side) ||
			(limits->many > 0 && limits->many_max_side > 0 &&
					longest > limits->many_max_side) ||
			(limits->max_pixels > 0 &&
					(double)size.x * (double)size.y > limits->max_pixels)) {
		return false;
	}
	return limits->max_patches <= 0 || limits->patch <= 0 ||
			ceil(size.x / limits->patch) * ceil(size.y / limits->patch) <=
			limits->max_patches;
}

struct cua_point agent_view_size(const struct agent_image_limits *limits, struct cua_point screen)
{
	const int longest = screen.x > screen.y ? screen.x : screen.y;
	struct cua_point size = screen;
	for (int px = longest; px > 0; px--) {
		const double scale = (double)px / longest;
		size.x = side(screen.x * scale, limits->multiple);
		size.y = side(screen.y * scale, limits->multiple);
		if (fits(limits, size)) {
			break;
		}
	}
	return size;
}
