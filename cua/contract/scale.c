#include "cua/contract/scale.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "cua/base/util.h"

#define EDGE_MAX 32767
#define DEPTH_MAX 16

/* Rounds down, unlike C, for negative numbers too. */
static int64_t floor_div(int64_t number, int64_t divisor)
{
	const int64_t quotient = number / divisor;
	return quotient * divisor > number ? quotient - 1 : quotient;
}

int cua_scale_pixel_to_screen(int at, int picture, int screen)
{
	const int64_t here = at, from = picture, to = screen;
	if (picture >= screen || picture == 1) {
		/* The pixel under the middle of the picture's: several may share one. */
		return (int)floor_div((2 * here + 1) * to, 2 * from);
	}
	/* Evenly from first to last; halves go down, so that the middle stays inside. */
	const int64_t steps = from - 1;
	return (int)-floor_div(-(2 * here * (to - 1) - steps), 2 * steps);
}

int cua_scale_pixel_to_picture(int at, int picture, int screen)
{
	return cua_scale_pixel_to_screen(at, screen, picture);
}

int cua_scale_edge_to_screen(int edge, int picture, int screen)
{
	return (int)floor_div(2 * (int64_t)edge * screen + picture, 2 * (int64_t)picture);
}

int cua_scale_edge_to_picture(int edge, int picture, int screen)
{
	return cua_scale_edge_to_screen(edge, screen, picture);
}

struct cua_point cua_scale_to_screen(const struct cua_scale *scale, struct cua_point point)
{
	const struct cua_region *region = &scale->region;
	return (struct cua_point){ region->x +
				cua_scale_pixel_to_screen(point.x, scale->width, region->width),
		region->y + cua_scale_pixel_to_screen(point.y, scale->height, region->height) };
}

struct cua_point cua_scale_to_picture(const struct cua_scale *scale, struct cua_point point)
{
	const struct cua_region *region = &scale->region;
	return (struct cua_point){ cua_scale_pixel_to_picture(point.x - region->x, scale->width,
						   region->width),
		cua_scale_pixel_to_picture(point.y - region->y, scale->height, region->height) };
}

/* Two edges of a line; one pixel at least. */
static void edges_to_screen(int *at, int *len, int picture, int screen)
{
	const int first = cua_scale_edge_to_screen(*at, picture, screen);
	const int last = cua_scale_edge_to_screen(*at + *len, picture, screen);
	*at = first < screen ? first : screen - 1;
	*len = last > *at ? last - *at : 1;
}

void cua_scale_action(const struct cua_scale *scale, struct cua_action *action)
{
	if (scale->width == 0) {
		return;
	}
	if (action->has_at) {
		action->at = cua_scale_to_screen(scale, action->at);
	}
	for (int i = 0; i < action->path_len; i++) {
		action->path[i] = cua_scale_to_screen(scale, action->path[i]);
	}
	struct cua_region *region = &action->region;
	if (region->width > 0) {
		edges_to_screen(&region->x, &region->width, scale->width, scale->region.width);
		edges_to_screen(&region->y, &region->height, scale->height, scale->region.height);
		region->x += scale->region.x;
		region->y += scale->region.y;
	}
	if (action->type == CUA_ACTION_RESIZE_WINDOW) {
		int zero = 0;
		edges_to_screen(&zero, &action->width, scale->width, scale->region.width);
		zero = 0;
		edges_to_screen(&zero, &action->height, scale->height, scale->region.height);
	}
}

/* --- answers --- */

static bool is_named(const cJSON *item, const char *const *names)
{
	for (; item->string && *names; names++) {
		if (strcmp(item->string, *names) == 0) {
			return true;
		}
	}
	return false;
}

static bool is_rect(const cJSON *list)
{
	const cJSON *number = NULL;
	int count = 0;
	cJSON_ArrayForEach (number, list) {
		count += cJSON_IsNumber(number) ? 1 : 5;
	}
	return cJSON_IsArray(list) && count == 4;
}

static void scale_line(cJSON *at, cJSON *len, int start, int picture, int screen)
{
	const int first = cua_scale_edge_to_picture(at->valueint - start, picture, screen);
	const int last = cua_scale_edge_to_picture(
			at->valueint + len->valueint - start, picture, screen);
	cJSON_SetNumberValue(at, first);
	cJSON_SetNumberValue(len, last > first || len->valueint == 0 ? last - first : 1);
}

static void scale_rect(const struct cua_scale *scale, cJSON *list)
{
	const struct cua_region *region = &scale->region;
	scale_line(cJSON_GetArrayItem(list, 0), cJSON_GetArrayItem(list, 2), region->x,
			scale->width, region->width);
	scale_line(cJSON_GetArrayItem(list, 1), cJSON_GetArrayItem(list, 3), region->y,
			scale->height, region->height);
}

static void scale_object(const struct cua_scale *scale, cJSON *object)
{
	cJSON *x = cJSON_GetObjectItemCaseSensitive(object, "x");
	cJSON *y = cJSON_GetObjectItemCaseSensitive(object, "y");
	cJSON *width = cJSON_GetObjectItemCaseSensitive(object, "width");
	cJSON *height = cJSON_GetObjectItemCaseSensitive(object, "height");
	if (!cJSON_IsNumber(x) || !cJSON_IsNumber(y)) {
		return;
	}
	if (cJSON_IsNumber(width) && cJSON_IsNumber(height)) {
		scale_line(x, width, scale->region.x, scale->width, scale->region.width);
		scale_line(y, height, scale->region.y, scale->height, scale->region.height);
		return;
	}
	const struct cua_point point =
			cua_scale_to_picture(scale, (struct cua_point){ x->valueint, y->valueint });
	cJSON_SetNumberValue(x, point.x);
	cJSON_SetNumberValue(y, point.y);
}

/* ["word", x, y, width, height, ...]: what read_text says of each word. */
static void scale_word(const struct cua_scale *scale, cJSON *word)
{
	const struct cua_region *region = &scale->region;
	cJSON *x = cJSON_GetArrayItem(word, 1), *y = cJSON_GetArrayItem(word, 2);
	cJSON *width = cJSON_GetArrayItem(word, 3), *height = cJSON_GetArrayItem(word, 4);
	if (cJSON_IsNumber(x) && cJSON_IsNumber(y) && cJSON_IsNumber(width) &&
			cJSON_IsNumber(height)) {
		scale_line(x, width, region->x, scale->width, region->width);
		scale_line(y, height, region->y, scale->height, region->height);
	}
}

static void scale_tree(const struct cua_scale *scale, cJSON *json, bool is_list_of_rects, int depth)
{
	static const char *const rects[] = { "frame", "box", "bounds", "region", NULL };
	static const char *const lists[] = { "changed", "boxes", "regions", NULL };
	static const char *const words[] = { "words", NULL };
	static const char *const pictures[] = { "screenshot", "image", NULL };
	if (is_named(json, pictures) || depth > DEPTH_MAX) {
		return;
	}
	if (is_rect(json) && (is_list_of_rects || is_named(json, rects))) {
		scale_rect(scale, json);
		return;
	}
	if (cJSON_IsObject(json)) {
		scale_object(scale, json);
	}
	cJSON *child = NULL;
	cJSON_ArrayForEach (child, json) {
		if (cJSON_IsArray(child) && is_named(json, words)) {
			scale_word(scale, child);
		} else if (cJSON_IsObject(child) || cJSON_IsArray(child)) {
			scale_tree(scale, child, is_named(json, lists), depth + 1);
		}
	}
}

void cua_scale_answer(const struct cua_scale *scale, cJSON *answer)
{
	if (scale->width > 0) {
		scale_tree(scale, answer, false, 0);
	}
}

/* --- requests --- */

static enum cua_status read_edge(
		const cJSON *json, const char *name, int *ret_edge, struct cua_error *err)
{
	if (!cJSON_IsNumber(json) || json->valuedouble != floor(json->valuedouble)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "coordinates: %s must be an integer", name);
	}
	if (json->valuedouble < 1 || json->valuedouble > EDGE_MAX) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"coordinates: %s is %.0f; it must be 1 to %d", name,
				json->valuedouble, EDGE_MAX);
	}
	*ret_edge = json->valueint;
	return CUA_OK;
}

static enum cua_status read_region(const cJSON *json, struct cua_point screen,
		struct cua_region *ret_region, struct cua_error *err)
{
	struct cua_action action;
	CUA_AUTO_JSON cJSON *shot = cJSON_CreateObject();
	cJSON_AddStringToObject(shot, "action", "screenshot");
	cJSON_AddItemToObject(shot, "region", cJSON_Duplicate(json, true));
	enum cua_status status = cua_action_parse(shot, &screen, &action, err);
	if (status != CUA_OK) {
		return status;
	}
	*ret_region = action.region;
	cua_action_finish(&action);
	return CUA_OK;
}

enum cua_status cua_scale_parse(const cJSON *json, struct cua_point screen,
		struct cua_scale *ret_scale, struct cua_error *err)
{
	struct cua_scale scale = { .region = { 0, 0, screen.x, screen.y } };
	const cJSON *region = cJSON_GetObjectItemCaseSensitive(json, "region");
	const bool is_list = cJSON_IsArray(json) && cJSON_GetArraySize(json) == 2;
	const cJSON *width = is_list ? cJSON_GetArrayItem(json, 0)
				     : cJSON_GetObjectItemCaseSensitive(json, "width");
	const cJSON *height = is_list ? cJSON_GetArrayItem(json, 1)
				      : cJSON_GetObjectItemCaseSensitive(json, "height");
	if (!is_list &&
			(!cJSON_IsObject(json) || !width || !height ||
					cJSON_GetArraySize(json) != (region ? 3 : 2))) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"coordinates must be [width, height] of the picture, or an object "
				"with width, height and region");
	}
	enum cua_status status = read_edge(width, "width", &scale.width, err);
	if (status == CUA_OK) {
		status = read_edge(height, "height", &scale.height, err);
	}
	if (status == CUA_OK && region) {
		status = read_region(region, screen, &scale.region, err);
		if (status != CUA_OK) {
			cua_error_prefix(err, "coordinates");
		}
	}
	if (status == CUA_OK) {
		*ret_scale = scale;
	}
	return status;
}
