#include "agent/model/responses_internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agent/model/model_reading.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

#define PIXELS_PER_WHEEL_CLICK 100.0

struct mapping {
	const cJSON *from;
	cJSON *to; /* {"action": ...}, filled by the mapper */
	char *note;
	size_t note_size;
	struct cua_error *err;
};

static enum cua_status map_name(struct mapping *map, const char *name)
{
	return cJSON_AddStringToObject(map->to, "action", name)
			? CUA_OK
			: CUA_FAIL(map->err, CUA_ERR_NOMEM, ENOMEM, "action");
}

/* Copies a member under its own name; the table decides whether its value is right. */
static enum cua_status copy(struct mapping *map, const char *name)
{
	const cJSON *value = cua_json_member(map->from, name);
	if (!value) {
		return CUA_OK;
	}
	cJSON *copied = cJSON_Duplicate(value, true);
	if (!copied || !cJSON_AddItemToObject(map->to, name, copied)) {
		cJSON_Delete(copied);
		return CUA_FAIL(map->err, CUA_ERR_NOMEM, ENOMEM, "action");
	}
	return CUA_OK;
}

/* The API gives a place to every mouse action; without one it is not what the model meant. */
static enum cua_status copy_place(struct mapping *map)
{
	if (!cua_json_member(map->from, "x") || !cua_json_member(map->from, "y")) {
		return CUA_FAIL(map->err, CUA_ERR_INVAL, 0, "x and y are missing");
	}
	enum cua_status status = copy(map, "x");
	return status == CUA_OK ? copy(map, "y") : status;
}

/* Modifiers may be null, missing or empty, which all mean none. */
static enum cua_status copy_modifiers(struct mapping *map)
{
	const cJSON *keys = cua_json_member(map->from, "keys");
	if (!keys || cJSON_IsNull(keys) || (cJSON_IsArray(keys) && cJSON_GetArraySize(keys) == 0)) {
		return CUA_OK;
	}
	return copy(map, "keys");
}

static enum cua_status map_click(struct mapping *map)
{
	static const struct {
		const char *theirs;
		enum cua_button ours;
	} buttons[] = { { "left", CUA_BUTTON_LEFT }, { "right", CUA_BUTTON_RIGHT },
		{ "wheel", CUA_BUTTON_MIDDLE }, { "middle", CUA_BUTTON_MIDDLE },
		{ "back", CUA_BUTTON_BACK }, { "forward", CUA_BUTTON_FORWARD } };
	const char *name = cJSON_GetStringValue(cua_json_member(map->from, "button"));
	for (size_t i = 0; name && i < CUA_ARRAY_LEN(buttons); i++) {
		if (strcmp(buttons[i].theirs, name) == 0) {
			cJSON_AddStringToObject(
					map->to, "button", cua_button_name((int)buttons[i].ours));
			enum cua_status status = copy_place(map);
			return status == CUA_OK ? copy_modifiers(map) : status;
		}
	}
	return CUA_FAIL(map->err, CUA_ERR_INVAL, 0,
			"button is \"%.20s\"; it must be left, right, wheel, back or forward",
			name ? name : "");
}

static enum cua_status map_double_click(struct mapping *map)
{
	cJSON_AddNumberToObject(map->to, "count", 2);
	enum cua_status status = copy_place(map);
	return status == CUA_OK ? copy_modifiers(map) : status;
}

static enum cua_status map_move(struct mapping *map)
{
	enum cua_status status = copy_place(map);
	return status == CUA_OK ? copy_modifiers(map) : status;
}

static enum cua_status map_drag(struct mapping *map)
{
	if (!cua_json_member(map->from, "path")) {
		return CUA_FAIL(map->err, CUA_ERR_INVAL, 0, "path is missing");
	}
	enum cua_status status = copy(map, "path");
	return status == CUA_OK ? copy_modifiers(map) : status;
}

static enum cua_status map_keypress(struct mapping *map)
{
	if (!cua_json_member(map->from, "keys")) {
		return CUA_FAIL(map->err, CUA_ERR_INVAL, 0, "keys is missing");
	}
	return copy(map, "keys");
}

static enum cua_status map_type(struct mapping *map)
{
	if (!cua_json_member(map->from, "text")) {
		return CUA_FAIL(map->err, CUA_ERR_INVAL, 0, "text is missing");
	}
	return copy(map, "text");
}

static enum cua_status map_axis(struct mapping *map, const char *name, int *ret_clicks)
{
	const cJSON *pixels = cua_json_member(map->from, name);
	if (!pixels || cJSON_IsNull(pixels)) {
		*ret_clicks = 0;
		return CUA_OK;
	}
	if (!cJSON_IsNumber(pixels) || !isfinite(pixels->valuedouble)) {
		return CUA_FAIL(map->err, CUA_ERR_INVAL, 0, "%s must be a number of pixels", name);
	}
	double size = fabs(pixels->valuedouble);
	double clicks = size > 0 ? fmax(1, round(size / PIXELS_PER_WHEEL_CLICK)) : 0;
	if (clicks > MODEL_SCROLL_MAX) {
		size_t used = strlen(map->note);
		snprintf(map->note + used, map->note_size - used,
				"%sThe scroll of %.0f pixels (%s) was shortened to %d wheel "
				"clicks, %d pixels; scroll again for more.",
				used ? " " : "", pixels->valuedouble, name, MODEL_SCROLL_MAX,
				(int)(MODEL_SCROLL_MAX * PIXELS_PER_WHEEL_CLICK));
		clicks = MODEL_SCROLL_MAX;
	}
	*ret_clicks = pixels->valuedouble < 0 ? -(int)clicks : (int)clicks;
	return CUA_OK;
}

static enum cua_status map_scroll(struct mapping *map)
{
	int clicks_x = 0, clicks_y = 0;
	enum cua_status status = map_axis(map, "scroll_x", &clicks_x);
	if (status == CUA_OK) {
		status = map_axis(map, "scroll_y", &clicks_y);
	}
	if (status == CUA_OK) {
		status = copy_place(map);
	}
	if (status == CUA_OK) {
		status = copy_modifiers(map);
	}
	if (status != CUA_OK) {
		return status;
	}
	if (clicks_x == 0 && clicks_y == 0) { /* nothing to turn: what is left is the pointer */
		cJSON_ReplaceItemInObjectCaseSensitive(
				map->to, "action", cJSON_CreateString("move"));
		return CUA_OK;
	}
	if (clicks_x != 0) {
		cJSON_AddNumberToObject(map->to, "scroll_x", clicks_x);
	}
	if (clicks_y != 0) {
		cJSON_AddNumberToObject(map->to, "scroll_y", clicks_y);
	}
	return CUA_OK;
}

static enum cua_status map_screenshot(struct mapping *map)
{
	(void)map;
	return CUA_OK;
}

static enum cua_status map_wait(struct mapping *map)
{
	cJSON_AddNumberToObject(map->to, "duration_ms", RESPONSES_WAIT_MS);
	return CUA_OK;
}

static const struct {
	const char *theirs;
	enum cua_action_type ours;
	enum cua_status (*map)(struct mapping *map);
} mappings[] = {
	{ "click", CUA_ACTION_CLICK, map_click },
	{ "double_click", CUA_ACTION_CLICK, map_double_click },
	{ "drag", CUA_ACTION_DRAG, map_drag },
	{ "keypress", CUA_ACTION_KEY, map_keypress },
	{ "move", CUA_ACTION_MOVE, map_move },
	{ "screenshot", CUA_ACTION_SCREENSHOT, map_screenshot },
	{ "scroll", CUA_ACTION_SCROLL, map_scroll },
	{ "type", CUA_ACTION_TYPE, map_type },
	{ "wait", CUA_ACTION_WAIT, map_wait },
};

static enum cua_status fill(struct mapping *map)
{
	const char *type = cJSON_GetStringValue(cua_json_member(map->from, "type"));
	for (size_t i = 0; type && i < CUA_ARRAY_LEN(mappings); i++) {
		if (strcmp(mappings[i].theirs, type) != 0) {
			continue;
		}
		enum cua_status status = map_name(map, cua_action_table[mappings[i].ours].name);
		if (status == CUA_OK) {
			status = mappings[i].map(map);
		}
		if (status != CUA_OK) {
			cua_error_prefix(map->err, "%s", type);
		}
		return status;
	}
	return CUA_FAIL(map->err, CUA_ERR_INVAL, 0,
			"unknown action \"%.40s\"; the computer tool has click, double_click, "
			"drag, "
			"keypress, move, screenshot, scroll, type and wait",
			type ? type : "");
}

enum cua_status responses_map_action(const cJSON *action, struct cua_point screen, cJSON *actions,
		char *note, size_t note_size, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *canonical = cJSON_CreateObject();
	if (!canonical) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "action");
	}
	struct mapping map = {
		.from = action, .to = canonical, .note = note, .note_size = note_size, .err = err
	};
	enum cua_status status = fill(&map);
	return status == CUA_OK ? model_append_action(actions, CUA_STEAL(canonical), &screen, err)
				: status;
}
