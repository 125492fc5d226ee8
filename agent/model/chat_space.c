#include "agent/model/chat_profile.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

#define GRID 1000.0

static double at_least(double value, double least)
{
	return value < least ? least : value;
}

void chat_smart_resize(
		double *width, double *height, double factor, double min_pixels, double max_pixels)
{
	const double w = *width, h = *height;
	*width = at_least(nearbyint(w / factor) * factor, factor);
	*height = at_least(nearbyint(h / factor) * factor, factor);
	if (max_pixels > 0 && *width * *height > max_pixels) {
		double beta = sqrt(w * h / max_pixels);
		*width = at_least(floor(w / beta / factor) * factor, factor);
		*height = at_least(floor(h / beta / factor) * factor, factor);
	} else if (*width * *height < min_pixels) {
		double beta = sqrt(min_pixels / (w * h));
		*width = ceil(w * beta / factor) * factor;
		*height = ceil(h * beta / factor) * factor;
	}
}

void chat_space_init(struct chat_space *space, const struct agent_model_spec *spec,
		struct cua_point screen)
{
	*space = (struct chat_space){
		.kind = spec->coordinates, .screen = screen, .width = screen.x, .height = screen.y
	};
	if (spec->coordinates == AGENT_COORDINATES_GRID) {
		space->width = space->height = GRID;
	} else if (spec->coordinates == AGENT_COORDINATES_UNIT) {
		space->width = space->height = 1;
	} else if (spec->coordinates == AGENT_COORDINATES_RESIZED && spec->images.multiple > 0) {
		chat_smart_resize(&space->width, &space->height, spec->images.multiple,
				spec->images.min_pixels, spec->images.max_pixels);
	}
}

void chat_space_describe(const struct chat_space *space, char *text, size_t size)
{
	switch (space->kind) {
	case AGENT_COORDINATES_PIXELS:
	case AGENT_COORDINATES_RESIZED:
		snprintf(text, size,
				"Coordinates are pixels of the last screenshot, from its top left "
				"corner; it has %.0fx%.0f.",
				space->width, space->height);
		break;
	case AGENT_COORDINATES_GRID:
	case AGENT_COORDINATES_UNIT:
		snprintf(text, size,
				"Coordinates go from 0 to %.0f from the left edge of the "
				"screenshot "
				"to its right, and from its top to its bottom.",
				space->width);
		break;
	}
}

/* Numbers may have a fraction. The last one, which says the far edge, is the last pixel. */
static enum cua_status to_pixel(const char *name, double value, double size, int pixels,
		int *ret_pixel, struct cua_error *err)
{
	if (!(value >= 0 && value <= size)) { /* NAN too */
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s is %g; it must be 0 to %g", name, value,
				size);
	}
	double pixel = floor(value * pixels / size + 0.5);
	*ret_pixel = pixel < pixels - 1 ? (int)pixel : pixels - 1;
	return CUA_OK;
}

enum cua_status chat_space_point(const struct chat_space *space, double x, double y,
		struct cua_point *ret_point, struct cua_error *err)
{
	struct cua_point point;
	enum cua_status status = to_pixel("x", x, space->width, space->screen.x, &point.x, err);
	if (status == CUA_OK) {
		status = to_pixel("y", y, space->height, space->screen.y, &point.y, err);
	}
	if (status == CUA_OK) {
		*ret_point = point;
	}
	return status;
}

static enum cua_status convert_pair(
		const struct chat_space *space, cJSON *x, cJSON *y, struct cua_error *err)
{
	struct cua_point point;
	if (!cJSON_IsNumber(x) || !cJSON_IsNumber(y)) {
		return CUA_OK; /* the table of actions says what is wrong with it */
	}
	enum cua_status status =
			chat_space_point(space, x->valuedouble, y->valuedouble, &point, err);
	if (status == CUA_OK) {
		cJSON_SetNumberValue(x, point.x);
		cJSON_SetNumberValue(y, point.y);
	}
	return status;
}

enum cua_status chat_space_action(
		const struct chat_space *space, cJSON *action, struct cua_error *err)
{
	if (space->kind == AGENT_COORDINATES_PIXELS) {
		return CUA_OK;
	}
	enum cua_status status = convert_pair(
			space, cua_json_member(action, "x"), cua_json_member(action, "y"), err);
	cJSON *point = NULL;
	cJSON_ArrayForEach (point, cua_json_member(action, "path")) {
		bool is_list = cJSON_IsArray(point);
		if (status == CUA_OK) {
			status = convert_pair(space,
					is_list ? cJSON_GetArrayItem(point, 0)
						: cua_json_member(point, "x"),
					is_list ? cJSON_GetArrayItem(point, 1)
						: cua_json_member(point, "y"),
					err);
		}
	}
	return status;
}
