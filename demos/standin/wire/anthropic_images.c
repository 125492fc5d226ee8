#include <math.h>
#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire/anthropic_internal.h"
#include "demos/standin/wire/picture.h"

#define PATCH 28 /* pixels to a side of what one token sees */
#define BASE64_MAX (10U << 20)
#define EDGE_MAX 8000

static const struct check_member image_members[] = {
	{ "type", CHECK_TEXT, true, NULL },
	{ "source", CHECK_OBJECT, true, NULL },
	{ "cache_control", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ "transformations", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ 0 },
};

static const struct check_member source_members[] = {
	{ "type", CHECK_TEXT, true, (const char *const[]){ "base64", NULL } },
	{ "media_type", CHECK_TEXT, true,
			(const char *const[]){ "image/jpeg", "image/png", "image/gif", "image/webp",
					NULL } },
	{ "data", CHECK_TEXT, true, NULL },
	{ 0 },
};

static const struct check_member transformation_members[] = {
	{ "oversized_image", CHECK_TEXT, false,
			(const char *const[]){ "downsize", "error", NULL } },
	{ 0 },
};

static int patches(int side)
{
	return (side + PATCH - 1) / PATCH;
}

static bool fits(int edge, int tokens, int width, int height)
{
	return patches(width) * PATCH <= edge && patches(height) * PATCH <= edge &&
			patches(width) * patches(height) <= tokens;
}

/* The largest long side whose image fits, by bisection. */
static struct cua_point fit_image(const struct wire_request *request, struct cua_point size)
{
	bool large = anthropic_has(request, ANTHROPIC_LARGE_IMAGES);
	int edge = large ? 2576 : 1568;
	int tokens = large ? 4784 : 1568;
	if (size.x <= 0 || size.y <= 0 || fits(edge, tokens, size.x, size.y)) {
		return size;
	}
	bool wide = size.x >= size.y;
	double ratio = wide ? (double)size.y / size.x : (double)size.x / size.y;
	int low = 1;
	int high = wide ? size.x : size.y;
	while (high - low > 1) {
		int middle = (low + high) / 2;
		int other = (int)nearbyint(middle * ratio);
		*(fits(edge, tokens, middle, other) ? &low : &high) = middle;
	}
	int other = (int)nearbyint(low * ratio);
	other = other > 0 ? other : 1;
	return wide ? (struct cua_point){ low, other } : (struct cua_point){ other, low };
}

/* The toolset never shrinks an image; the older tools do so silently unless they are told not to.
 */
static bool check_size(struct wire_request *request, const cJSON *block, struct cua_point size,
		const char *place)
{
	struct cua_point fit = fit_image(request, size);
	const cJSON *transformations = check_get(block, "transformations");
	bool strict = anthropic_uses_toolset(request) ||
			check_is(check_text(transformations, "oversized_image"), "error");
	if (size.x > EDGE_MAX || size.y > EDGE_MAX) {
		return wire_refuse(request, 400, NULL, "",
				"%s.image.source.base64.data: At least one of the image dimensions "
				"exceed max allowed size: %d pixels",
				place, EDGE_MAX);
	}
	if (strict && (fit.x != size.x || fit.y != size.y)) {
		return wire_refuse(request, 400, NULL, "",
				"%s.image: the image is %dx%d pixels and exceeds the model's "
				"maximum image size; the largest dimensions that fit are %dx%d",
				place, size.x, size.y, fit.x, fit.y);
	}
	request->talk.seen_size = fit;
	return true;
}

static bool read_source(struct wire_request *request, const cJSON *block, const char *place)
{
	const cJSON *source = check_get(block, "source");
	struct check_place at = check_member_of(request, place, "image.source");
	if (!check_members(request, at.text, source, source_members)) {
		return false;
	}
	const char *data = check_text(source, "data");
	const char *media_type = check_text(source, "media_type");
	size_t len = strlen(data);
	struct cua_point size;
	if (len > BASE64_MAX) {
		return wire_refuse(request, 400, NULL, "",
				"%s.base64: image exceeds 10 MB maximum: %zu bytes > %u bytes",
				at.text, len, BASE64_MAX);
	}
	if (!picture_take(request, data, at.text, &size)) {
		return wire_refuse(request, 400, NULL, "", "Could not process image");
	}
	if (strcmp(media_type, "image/png") != 0) {
		return wire_refuse(request, 400, NULL, "",
				"%s.base64: The image was specified using the %s media type, but "
				"the image appears to be a image/png image",
				at.text, media_type);
	}
	return check_size(request, block, size, place);
}

bool anthropic_read_image(struct wire_request *request, const cJSON *block, const char *place)
{
	const cJSON *transformations = check_get(block, "transformations");
	struct check_place at = check_member_of(request, place, "image.transformations");
	return check_members(request, place, block, image_members) &&
			(!cJSON_IsObject(transformations) ||
					check_members(request, at.text, transformations,
							transformation_members)) &&
			read_source(request, block, place);
}
