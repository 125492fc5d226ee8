#include <math.h>
#include <string.h>
#include <strings.h>

#include "cua/base/util.h"
#include "demos/standin/wire/chat_internal.h"

#define FACTOR 28 /* of the pictures that Qwen2.5-VL and its kin see */
#define MAX_PIXELS 12845056

static const struct chat_profile profiles[] = {
	{ "", CHAT_NONE, CHAT_PIXELS, NULL, 0, 0 },
	{ "ui-tars", CHAT_UI_TARS, CHAT_GRID_1000, "(%d,%d)", 0, 0 },
	{ "ui-tars-1.5", CHAT_UI_TARS, CHAT_RESIZED, "<|box_start|>(%d,%d)<|box_end|>", 78400,
			MAX_PIXELS },
	{ "doubao", CHAT_UI_TARS, CHAT_GRID_1000, "<point>%d %d</point>", 0, 0 },
	{ "qwen2-vl", CHAT_QWEN, CHAT_GRID_1000, NULL, 0, 0 },
	{ "qwen2.5-vl", CHAT_QWEN, CHAT_RESIZED, NULL, 3136, MAX_PIXELS },
	{ "qwen2.5vl", CHAT_QWEN, CHAT_RESIZED, NULL, 3136, MAX_PIXELS },
	{ "qwen3", CHAT_QWEN, CHAT_GRID_1000, NULL, 0, 0 },
	{ "fara", CHAT_QWEN, CHAT_RESIZED, NULL, 3136, MAX_PIXELS },
	{ "opencua", CHAT_OPENCUA, CHAT_RESIZED, NULL, 3136, MAX_PIXELS },
	{ "holo", CHAT_NONE, CHAT_RESIZED, NULL, 3136, MAX_PIXELS },
	{ "holo3", CHAT_NONE, CHAT_GRID_1000, NULL, 0, 0 },
};

const struct chat_profile *chat_find_profile(const char *model)
{
	const char *slash = strrchr(model, '/');
	const char *name = slash ? slash + 1 : model;
	const struct chat_profile *best = &profiles[0];
	for (size_t i = 1; i < CUA_ARRAY_LEN(profiles); i++) {
		size_t len = strlen(profiles[i].prefix);
		if (strncasecmp(name, profiles[i].prefix, len) == 0 && len > strlen(best->prefix)) {
			best = &profiles[i];
		}
	}
	return best;
}

static double at_least_factor(double value)
{
	return value < FACTOR ? FACTOR : value;
}

/* smart_resize() of these models: sides that are multiples of FACTOR, within the bounds. */
static void resize(const struct chat_profile *profile, double *width, double *height)
{
	double w = at_least_factor(nearbyint(*width / FACTOR) * FACTOR);
	double h = at_least_factor(nearbyint(*height / FACTOR) * FACTOR);
	if (w * h > profile->max_pixels) {
		double beta = sqrt(*width * *height / profile->max_pixels);
		w = at_least_factor(floor(*width / beta / FACTOR) * FACTOR);
		h = at_least_factor(floor(*height / beta / FACTOR) * FACTOR);
	} else if (w * h < profile->min_pixels) {
		double beta = sqrt(profile->min_pixels / (*width * *height));
		w = ceil(*width * beta / FACTOR) * FACTOR;
		h = ceil(*height * beta / FACTOR) * FACTOR;
	}
	*width = w;
	*height = h;
}

struct cua_point chat_point(const struct wire_request *request, struct cua_point point)
{
	const struct chat_profile *profile = request->profile;
	struct cua_point size = request->talk.picture_size;
	double width = size.x;
	double height = size.y;
	if (profile->space == CHAT_PIXELS || !size.x) {
		return point;
	}
	if (profile->space == CHAT_RESIZED) {
		resize(profile, &width, &height);
	} else {
		width = height = 1000;
	}
	return (struct cua_point){ (int)nearbyint(point.x * width / size.x),
		(int)nearbyint(point.y * height / size.y) };
}
