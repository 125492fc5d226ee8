#include "agent/model/anthropic_internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agent/model/model_reading.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

#define DURATION_MAX_S 300.0 /* of the API; ours is less, and is waited for several times */

struct member;

struct mapping {
	const struct member *member;
	const cJSON *input;
	struct cua_point screen;
	cJSON *actions; /* appended to */
	char *note;
	size_t note_size;
	struct cua_error *err;
};

struct member {
	const char *name;
	enum cua_action_type ours;
	enum cua_status (*map)(struct mapping *map);
	enum cua_button button; /* of a click */
	int count;              /* of clicks */
};

/* Optional members may be null. */
static const cJSON *input_at(const struct mapping *map, const char *name)
{
	const cJSON *value = cua_json_member(map->input, name);
	return cJSON_IsNull(value) ? NULL : value;
}

/* Takes the action over. */
static enum cua_status finish(struct mapping *map, cJSON *action)
{
	return model_append_action(map->actions, action, &map->screen, map->err);
}

/* Copies a value under another name; the table decides whether it is right. */
static enum cua_status copy(
		struct mapping *map, const cJSON *value, cJSON *action, const char *name)
{
	cJSON *copied = cJSON_Duplicate(value, true);
	if (!copied || !cJSON_AddItemToObject(action, name, copied)) {
		cJSON_Delete(copied);
		return CUA_FAIL(map->err, CUA_ERR_NOMEM, ENOMEM, "action");
	}
	return CUA_OK;
}

static enum cua_status find_pair(struct mapping *map, const char *name, const cJSON **ret_pair)
{
	const cJSON *pair = input_at(map, name);
	if (!pair) {
		return CUA_FAIL(map->err, CUA_ERR_INVAL, 0, "%s is missing", name);
	}
	if (!cJSON_IsArray(pair) || cJSON_GetArraySize(pair) != 2) {
		return CUA_FAIL(map->err, CUA_ERR_INVAL, 0, "%s must be [x, y]", name);
	}
	*ret_pair = pair;
	return CUA_OK;
}

/* Without a coordinate the pointer stays where it is. */
static enum cua_status copy_place(struct mapping *map, cJSON *action)
{
	const cJSON *pair = NULL;
	if (!input_at(map, "coordinate")) {
		return CUA_OK;
	}
	enum cua_status status = find_pair(map, "coordinate", &pair);
	if (status == CUA_OK) {
		status = copy(map, cJSON_GetArrayItem(pair, 0), action, "x");
	}
	return status == CUA_OK ? copy(map, cJSON_GetArrayItem(pair, 1), action, "y") : status;
}

/* "text" holds them; some older models say "key". */
static enum cua_status copy_modifiers(struct mapping *map, cJSON *action)
{
	const cJSON *keys = input_at(map, "text");
	keys = keys ? keys : input_at(map, "key");
	const char *text = cJSON_GetStringValue(keys);
	return !keys || (text && !text[0]) ? CUA_OK : copy(map, keys, action, "keys");
}

/* Ends an action whose filling went so. */
static enum cua_status end(struct mapping *map, cJSON *action, enum cua_status status)
{
	if (status == CUA_OK) {
		return finish(map, action);
	}
	cJSON_Delete(action);
	return status;
}

static enum cua_status map_plain(struct mapping *map)
{
	return finish(map, model_new_action(map->member->ours, NULL));
}

static enum cua_status map_click(struct mapping *map)
{
	cJSON *action = model_new_action(CUA_ACTION_CLICK, NULL);
	cJSON_AddStringToObject(action, "button", cua_button_name((int)map->member->button));
	if (map->member->count > 1) {
		cJSON_AddNumberToObject(action, "count", map->member->count);
	}
	enum cua_status status = copy_place(map, action);
	return end(map, action, status == CUA_OK ? copy_modifiers(map, action) : status);
}

static enum cua_status map_move(struct mapping *map)
{
	const cJSON *pair = NULL;
	enum cua_status status = find_pair(map, "coordinate", &pair);
	if (status != CUA_OK) {
		return status;
	}
	cJSON *action = model_new_action(CUA_ACTION_MOVE, NULL);
	return end(map, action, copy_place(map, action));
}

/* The oldest tool has no start: it drags from where the pointer is. */
static enum cua_status drag_from_pointer(struct mapping *map)
{
	enum cua_status status = finish(map, model_new_action(CUA_ACTION_MOUSE_DOWN, NULL));
	if (status == CUA_OK) {
		status = map_move(map);
	}
	return status == CUA_OK ? finish(map, model_new_action(CUA_ACTION_MOUSE_UP, NULL)) : status;
}

static enum cua_status map_drag(struct mapping *map)
{
	const cJSON *from = NULL, *to = NULL;
	if (!input_at(map, "start_coordinate")) {
		return drag_from_pointer(map);
	}
	enum cua_status status = find_pair(map, "start_coordinate", &from);
	if (status == CUA_OK) {
		status = find_pair(map, "coordinate", &to);
	}
	if (status != CUA_OK) {
		return status;
	}
	cJSON *action = model_new_action(CUA_ACTION_DRAG, NULL);
	cJSON *path = cJSON_AddArrayToObject(action, "path");
	cJSON_AddItemToArray(path, cJSON_Duplicate(from, true));
	cJSON_AddItemToArray(path, cJSON_Duplicate(to, true));
	return end(map, action, copy_modifiers(map, action));
}

static enum cua_status map_button(struct mapping *map)
{
	cJSON *action = model_new_action(map->member->ours, NULL);
	cJSON_AddStringToObject(action, "button", cua_button_name((int)map->member->button));
	return finish(map, action);
}

/* --- scrolling --- */

static enum cua_status read_clicks(struct mapping *map, int *ret_clicks)
{
	const cJSON *amount = input_at(map, "scroll_amount");
	double clicks = cJSON_IsNumber(amount) ? amount->valuedouble : 0;
	if (!(clicks >= 1) || clicks != floor(clicks)) {
		return CUA_FAIL(map->err, CUA_ERR_INVAL, 0,
				"scroll_amount must be a whole number of wheel clicks, 1 or more");
	}
	if (clicks > MODEL_SCROLL_MAX) {
		size_t used = strlen(map->note);
		snprintf(map->note + used, map->note_size - used,
				"%sThe scroll of %.0f wheel clicks was shortened to %d; scroll "
				"again for more.",
				used ? " " : "", clicks, MODEL_SCROLL_MAX);
		clicks = MODEL_SCROLL_MAX;
	}
	*ret_clicks = (int)clicks;
	return CUA_OK;
}

static enum cua_status map_scroll(struct mapping *map)
{
	static const struct {
		const char *name, *axis;
		int sign;
	} directions[] = { { "up", "scroll_y", -1 }, { "down", "scroll_y", 1 },
		{ "left", "scroll_x", -1 }, { "right", "scroll_x", 1 } };
	const char *name = cJSON_GetStringValue(input_at(map, "scroll_direction"));
	size_t at = 0;
	while (at < CUA_ARRAY_LEN(directions) &&
			(!name || strcmp(directions[at].name, name) != 0)) {
		at++;
	}
	if (at == CUA_ARRAY_LEN(directions)) {
		return CUA_FAIL(map->err, CUA_ERR_INVAL, 0,
				"scroll_direction is \"%.20s\"; it must be up, down, left or right",
				name ? name : "");
	}
	int clicks = 0;
	enum cua_status status = read_clicks(map, &clicks);
	if (status != CUA_OK) {
		return status;
	}
	cJSON *action = model_new_action(CUA_ACTION_SCROLL, NULL);
	cJSON_AddNumberToObject(action, directions[at].axis, directions[at].sign * clicks);
	status = copy_place(map, action);
	return end(map, action, status == CUA_OK ? copy_modifiers(map, action) : status);
}

/* --- the keyboard and time --- */

static enum cua_status copy_text(struct mapping *map, cJSON *action, const char *name)
{
	const cJSON *text = input_at(map, "text");
	return text ? copy(map, text, action, name)
		    : CUA_FAIL(map->err, CUA_ERR_INVAL, 0, "text is missing");
}

static enum cua_status map_type(struct mapping *map)
{
	cJSON *action = model_new_action(CUA_ACTION_TYPE, NULL);
	return end(map, action, copy_text(map, action, "text"));
}

static enum cua_status map_key(struct mapping *map)
{
	cJSON *action = model_new_action(CUA_ACTION_KEY, NULL);
	const cJSON *repeat = input_at(map, "repeat");
	enum cua_status status = copy_text(map, action, "keys");
	return end(map, action,
			status == CUA_OK && repeat ? copy(map, repeat, action, "count") : status);
}

static enum cua_status read_duration(struct mapping *map, double *ret_ms)
{
	const cJSON *seconds = input_at(map, "duration");
	double value = cJSON_IsNumber(seconds) ? seconds->valuedouble : -1;
	if (!(value >= 0) || value > DURATION_MAX_S) {
		return CUA_FAIL(map->err, CUA_ERR_INVAL, 0,
				"duration must be a number of seconds, 0 to %.0f", DURATION_MAX_S);
	}
	*ret_ms = ceil(value * 1000.0);
	return CUA_OK;
}

static enum cua_status map_hold(struct mapping *map)
{
	double ms = 0;
	enum cua_status status = read_duration(map, &ms);
	if (status != CUA_OK) {
		return status;
	}
	if (ms > CUA_ACTION_DURATION_MAX_MS) {
		return CUA_FAIL(map->err, CUA_ERR_INVAL, 0,
				"a key can be held for %d seconds at most",
				CUA_ACTION_DURATION_MAX_MS / 1000);
	}
	cJSON *action = model_new_action(CUA_ACTION_HOLD_KEY, NULL);
	cJSON_AddNumberToObject(action, "duration_ms", ms);
	return end(map, action, copy_text(map, action, "keys"));
}

static enum cua_status map_wait(struct mapping *map)
{
	double left_ms = 0;
	enum cua_status status = read_duration(map, &left_ms);
	bool is_first = true;
	while (status == CUA_OK && (is_first || left_ms > 0)) {
		double ms = fmin(left_ms, CUA_ACTION_DURATION_MAX_MS);
		cJSON *action = model_new_action(CUA_ACTION_WAIT, NULL);
		cJSON_AddNumberToObject(action, "duration_ms", ms);
		status = finish(map, action);
		left_ms -= ms;
		is_first = false;
	}
	return status;
}

/* --- zoom --- */

/* The region from two corners to a corner and a size, and the picture of it as large as the
 * screenshots are, in its own proportions. */
static enum cua_status map_zoom(struct mapping *map)
{
	const cJSON *region = input_at(map, "region");
	double edges[4] = { 0 };
	for (int i = 0; i < 4; i++) {
		const cJSON *edge = cJSON_GetArrayItem(region, i);
		if (!cJSON_IsArray(region) || cJSON_GetArraySize(region) != 4 ||
				!cJSON_IsNumber(edge) || !(edge->valuedouble >= 0) ||
				edge->valuedouble > (i % 2 ? map->screen.y : map->screen.x)) {
			return CUA_FAIL(map->err, CUA_ERR_INVAL, 0,
					"region must be [x0, y0, x1, y1] within the screen of "
					"%dx%d pixels",
					map->screen.x, map->screen.y);
		}
		edges[i] = floor(edge->valuedouble);
	}
	double width = edges[2] - edges[0], height = edges[3] - edges[1];
	if (width < 1 || height < 1) {
		return CUA_FAIL(map->err, CUA_ERR_INVAL, 0,
				"region is empty: x1 must be over x0, and y1 over y0");
	}
	cJSON *action = model_new_action(CUA_ACTION_SCREENSHOT, NULL);
	cJSON_AddItemToObject(action, "region",
			cJSON_CreateDoubleArray(
					(const double[]){ edges[0], edges[1], width, height }, 4));
	bool is_wide = width * map->screen.y >= height * map->screen.x;
	cJSON_AddNumberToObject(action, is_wide ? "width" : "height",
			is_wide ? map->screen.x : map->screen.y);
	cJSON_AddStringToObject(action, "level", "small"); /* it goes over the wire, and again */
	return finish(map, action);
}

/* --- */

static const struct member members[] = {
	{ "screenshot", CUA_ACTION_SCREENSHOT, map_plain, 0, 0 },
	{ "zoom", CUA_ACTION_SCREENSHOT, map_zoom, 0, 0 },
	{ "left_click", CUA_ACTION_CLICK, map_click, CUA_BUTTON_LEFT, 1 },
	{ "right_click", CUA_ACTION_CLICK, map_click, CUA_BUTTON_RIGHT, 1 },
	{ "middle_click", CUA_ACTION_CLICK, map_click, CUA_BUTTON_MIDDLE, 1 },
	{ "double_click", CUA_ACTION_CLICK, map_click, CUA_BUTTON_LEFT, 2 },
	{ "triple_click", CUA_ACTION_CLICK, map_click, CUA_BUTTON_LEFT, 3 },
	{ "left_click_drag", CUA_ACTION_DRAG, map_drag, 0, 0 },
	{ "mouse_move", CUA_ACTION_MOVE, map_move, 0, 0 },
	{ "left_mouse_down", CUA_ACTION_MOUSE_DOWN, map_button, CUA_BUTTON_LEFT, 0 },
	{ "left_mouse_up", CUA_ACTION_MOUSE_UP, map_button, CUA_BUTTON_LEFT, 0 },
	{ "cursor_position", CUA_ACTION_CURSOR_POSITION, map_plain, 0, 0 },
	{ "scroll", CUA_ACTION_SCROLL, map_scroll, 0, 0 },
	{ "type", CUA_ACTION_TYPE, map_type, 0, 0 },
	{ "key", CUA_ACTION_KEY, map_key, 0, 0 },
	{ "hold_key", CUA_ACTION_HOLD_KEY, map_hold, 0, 0 },
	{ "wait", CUA_ACTION_WAIT, map_wait, 0, 0 },
};

enum cua_status anthropic_map_member(const char *name, const cJSON *input, struct cua_point screen,
		cJSON *actions, char *note, size_t note_size, struct cua_error *err)
{
	struct mapping map = { .input = input,
		.screen = screen,
		.actions = actions,
		.note = note,
		.note_size = note_size,
		.err = err };
	for (size_t i = 0; name && i < CUA_ARRAY_LEN(members); i++) {
		if (strcmp(members[i].name, name) == 0) {
			map.member = &members[i];
			enum cua_status status = members[i].map(&map);
			if (status != CUA_OK) {
				cua_error_prefix(err, "%s", name);
			}
			return status;
		}
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0, "the computer tool has no action \"%.40s\"",
			name ? name : "");
}
