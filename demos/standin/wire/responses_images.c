/* How large the model sees a picture: whole only with the detail "original". */

#include <math.h>
#include <string.h>

#include "demos/standin/wire/picture.h"
#include "demos/standin/wire/responses_internal.h"

#define PATCH 32 /* pixels to a side */
#define PATCHES_MAX 30000

struct limits {
	int edge;    /* both sides fit it; 0: none */
	int patches; /* 0: none */
};

/* "auto" means "original", but for the oldest models with the computer tool. */
static struct limits limits_of(const struct wire_request *request, const char *detail)
{
	bool oldest = strncmp(request->model, "gpt-5.4", 7) == 0;
	bool bounded = oldest || strncmp(request->model, "gpt-5.5", 7) == 0;
	if (!detail || strcmp(detail, "auto") == 0) {
		detail = oldest ? "high" : "original";
	}
	if (strcmp(detail, "low") == 0) {
		return (struct limits){ 512, 0 };
	}
	if (strcmp(detail, "high") == 0) {
		return (struct limits){ strncmp(request->model, "gpt-5", 5) == 0 ? 2048 : 65535,
			2500 };
	}
	return bounded ? (struct limits){ 6000, 10000 } : (struct limits){ 0, 0 };
}

static double patches(double width, double height)
{
	return ceil(width / PATCH) * ceil(height / PATCH);
}

static struct cua_point shrink(struct cua_point size, struct limits limits)
{
	double width = size.x;
	double height = size.y;
	double longer = width > height ? width : height;
	if (limits.edge && longer > limits.edge) {
		width *= limits.edge / longer;
		height *= limits.edge / longer;
	}
	if (limits.patches && patches(width, height) > limits.patches) {
		double scale = sqrt((double)PATCH * PATCH * limits.patches / (width * height));
		double across = width * scale / PATCH;
		double down = height * scale / PATCH;
		scale *= fmin(floor(across) / across, floor(down) / down);
		width *= scale;
		height *= scale;
	}
	return (struct cua_point){ (int)width, (int)height };
}

bool responses_take_picture(struct wire_request *request, const cJSON *part, const char *place)
{
	struct check_place at = check_member_of(request, place, "image_url");
	const char *url = check_text(part, "image_url");
	struct cua_point size;
	if (!picture_take(request, picture_of_data_url(url), at.text, &size)) {
		return wire_refuse(request, 400, "invalid_image_url", at.text,
				"Invalid '%s'. Expected a base64-encoded data URL with an image "
				"MIME type (e.g. 'data:image/png;base64,iVBORw0KGgo='), but got a "
				"value that begins with '%.24s'.",
				at.text, url);
	}
	struct cua_point seen = shrink(size, limits_of(request, check_text(part, "detail")));
	request->talk.seen_size = seen;
	return patches(seen.x, seen.y) <= PATCHES_MAX ||
			wire_refuse(request, 400, "image_too_large", at.text,
					"Invalid '%s': the image of %dx%d pixels has more than %d "
					"patches.",
					at.text, size.x, size.y, PATCHES_MAX);
}
