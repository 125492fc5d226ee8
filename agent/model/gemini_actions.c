#include "agent/model/gemini_internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/model/model_reading.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

#define WHEEL_CLICK_PX 100.0
#define SCROLL_DEFAULT 300        /* of the grid */
#define SCROLL_LEGACY_DEFAULT 800 /* likewise */

/* --- arguments --- */

/* To the pixel in which the grid's point lies. */
static enum cua_status to_pixel(
		const char *name, double value, int pixels, int *ret_pixel, struct cua_error *err)
{
	if (!(value >= 0 && value <= GEMINI_GRID)) { /* NAN too */
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s is %g; it must be 0 to %d", name, value,
				GEMINI_GRID - 1);
	}
	int pixel = (int)floor(value * pixels / GEMINI_GRID);
	*ret_pixel = pixel < pixels ? pixel : pixels - 1;
	return CUA_OK;
}

static enum cua_status take_axis(
		struct model_reading *reading, const char *name, int pixels, int *ret_pixel)
{
	double value = 0;
	if (!cua_json_member(reading->arguments, name)) {
		return CUA_FAIL(reading->err, CUA_ERR_INVAL, 0, "%s is missing", name);
	}
	enum cua_status status = model_take_number(reading, name, -1, &value);
	return status == CUA_OK ? to_pixel(name, value, pixels, ret_pixel, reading->err) : status;
}

static enum cua_status take_place(struct model_reading *reading, const char *x_name,
		const char *y_name, struct cua_point *ret_at)
{
	enum cua_status status = take_axis(reading, x_name, reading->screen.x, &ret_at->x);
	return status == CUA_OK ? take_axis(reading, y_name, reading->screen.y, &ret_at->y)
				: status;
}

static enum cua_status take_switch(
		struct model_reading *reading, const char *name, bool fallback, bool *ret_on)
{
	CUA_AUTO_JSON cJSON *value = model_take(reading, name);
	if (value && !cJSON_IsBool(value)) {
		return CUA_FAIL(reading->err, CUA_ERR_INVAL, 0, "%s must be true or false", name);
	}
	*ret_on = value ? cJSON_IsTrue(value) : fallback;
	return CUA_OK;
}

/* --- mouse --- */

static enum cua_status add_click(struct model_reading *reading, const char *button, int count)
{
	struct cua_point at;
	enum cua_status status = take_place(reading, "x", "y", &at);
	if (status != CUA_OK) {
		return status;
	}
	return model_add_click(reading, &at, button, count);
}

static enum cua_status click(struct model_reading *reading)
{
	return add_click(reading, "left", 1);
}

static enum cua_status double_click(struct model_reading *reading)
{
	return add_click(reading, "left", 2);
}

static enum cua_status triple_click(struct model_reading *reading)
{
	return add_click(reading, "left", 3);
}

static enum cua_status middle_click(struct model_reading *reading)
{
	return add_click(reading, "middle", 1);
}

static enum cua_status right_click(struct model_reading *reading)
{
	return add_click(reading, "right", 1);
}

static enum cua_status add_at(struct model_reading *reading, enum cua_action_type type)
{
	struct cua_point at;
	enum cua_status status = take_place(reading, "x", "y", &at);
	return status == CUA_OK ? model_add_action(reading, model_new_action(type, &at)) : status;
}

static enum cua_status move(struct model_reading *reading)
{
	return add_at(reading, CUA_ACTION_MOVE);
}

static enum cua_status mouse_down(struct model_reading *reading)
{
	return add_at(reading, CUA_ACTION_MOUSE_DOWN);
}

static enum cua_status mouse_up(struct model_reading *reading)
{
	return add_at(reading, CUA_ACTION_MOUSE_UP);
}

/* Documentation and samples do not agree about the names. */
static enum cua_status drag_and_drop(struct model_reading *reading)
{
	const bool is_long = cua_json_member(reading->arguments, "start_x");
	struct cua_point from, to;
	enum cua_status status = take_place(
			reading, is_long ? "start_x" : "x", is_long ? "start_y" : "y", &from);
	if (status == CUA_OK) {
		status = take_place(reading, is_long ? "end_x" : "destination_x",
				is_long ? "end_y" : "destination_y", &to);
	}
	return status == CUA_OK ? model_add_drag(reading, from, to, "left") : status;
}

/* --- the wheel --- */

static const struct way {
	const char *name;
	int x, y;
} ways[] = { { "up", 0, -1 }, { "down", 0, 1 }, { "left", -1, 0 }, { "right", 1, 0 } };

static enum cua_status take_way(struct model_reading *reading, const struct way **ret_way)
{
	CUA_AUTO_FREE char *name = NULL;
	enum cua_status status = model_take_text(reading, "direction", &name);
	for (size_t i = 0; status == CUA_OK && i < CUA_ARRAY_LEN(ways); i++) {
		if (strcmp(ways[i].name, name) == 0) {
			*ret_way = &ways[i];
			return CUA_OK;
		}
	}
	return status == CUA_OK ? CUA_FAIL(reading->err, CUA_ERR_INVAL, 0,
						  "direction must be up, down, left or right")
				: status;
}

/* In wheel clicks, or, under two names, in parts of the grid. */
static enum cua_status take_clicks(struct model_reading *reading, const struct way *way,
		double fallback, double *ret_clicks)
{
	double clicks = 0, pixels = 0, magnitude = 0;
	enum cua_status status =
			model_take_number(reading, "magnitude_in_wheel_clicks", 0, &clicks);
	if (status == CUA_OK) {
		status = model_take_number(reading, "magnitude_in_pixels", fallback, &pixels);
	}
	if (status == CUA_OK) {
		status = model_take_number(reading, "magnitude", pixels, &magnitude);
	}
	if (status == CUA_OK && (clicks < 0 || !(magnitude >= 0 && magnitude <= GEMINI_GRID))) {
		return CUA_FAIL(reading->err, CUA_ERR_INVAL, 0,
				"the magnitude must be 0 to %d of the grid, or wheel clicks",
				GEMINI_GRID - 1);
	}
	const int side = way->x != 0 ? reading->screen.x : reading->screen.y;
	*ret_clicks = clicks > 0 ? round(fmax(clicks, 1))
				 : fmax(1, round(magnitude / GEMINI_GRID * side / WHEEL_CLICK_PX));
	return status;
}

static enum cua_status turn_wheel(struct model_reading *reading, bool has_place, double fallback)
{
	const struct way *way = NULL;
	struct cua_point at;
	double clicks = 0;
	enum cua_status status = has_place ? take_place(reading, "x", "y", &at) : CUA_OK;
	if (status == CUA_OK) {
		status = take_way(reading, &way);
	}
	if (status == CUA_OK) {
		status = take_clicks(reading, way, fallback, &clicks);
	}
	return status == CUA_OK ? model_add_scroll(reading, has_place ? &at : NULL, way->x * clicks,
						  way->y * clicks)
				: status;
}

static enum cua_status scroll(struct model_reading *reading)
{
	return turn_wheel(reading, true, SCROLL_DEFAULT);
}

static enum cua_status scroll_at(struct model_reading *reading)
{
	return turn_wheel(reading, true, SCROLL_LEGACY_DEFAULT);
}

static enum cua_status scroll_document(struct model_reading *reading)
{
	return turn_wheel(reading, false, SCROLL_LEGACY_DEFAULT);
}

/* --- keyboard --- */

static enum cua_status type(struct model_reading *reading)
{
	CUA_AUTO_FREE char *text = NULL;
	bool enters = false;
	enum cua_status status = model_take_text(reading, "text", &text);
	if (status == CUA_OK) {
		status = take_switch(reading, "press_enter", false, &enters);
	}
	if (status == CUA_OK) {
		status = model_add_text(reading, text);
	}
	return status == CUA_OK && enters ? model_add_chord(reading, "Return") : status;
}

/* What press_enter is when it is not given, the vendor says in two ways: the one that submits
 * nothing is taken, and told. */
static enum cua_status type_text_at(struct model_reading *reading)
{
	const bool is_told = cua_json_member(reading->arguments, "press_enter");
	struct cua_point at;
	bool clears = true;
	enum cua_status status = take_switch(reading, "clear_before_typing", true, &clears);
	if (status == CUA_OK) {
		status = take_place(reading, "x", "y", &at);
	}
	if (status == CUA_OK) {
		status = model_add_action(reading, model_new_action(CUA_ACTION_CLICK, &at));
	}
	if (status == CUA_OK && clears) {
		status = model_add_chord(reading, "ctrl+a");
	}
	if (status == CUA_OK && clears) {
		status = model_add_chord(reading, "BackSpace");
	}
	if (!is_told) {
		snprintf(reading->note, reading->note_size,
				"Enter was not pressed after the text: press_enter was not given.");
	}
	return status == CUA_OK ? type(reading) : status;
}

static enum cua_status press_key(struct model_reading *reading)
{
	return model_add_keys(reading, "key");
}

static enum cua_status hotkey(struct model_reading *reading)
{
	return model_add_keys(reading, "keys");
}

static enum cua_status hold_key(struct model_reading *reading)
{
	return CUA_FAIL(reading->err, CUA_ERR_INVAL, 0,
			"keys cannot be left down; press them with hotkey, or call hold_key");
}

/* --- the rest --- */

static enum cua_status add_wait(struct model_reading *reading, double fallback_s)
{
	double seconds = 0;
	enum cua_status status = model_take_number(reading, "seconds", fallback_s, &seconds);
	return status == CUA_OK ? model_add_wait(reading, seconds) : status;
}

static enum cua_status wait(struct model_reading *reading)
{
	return add_wait(reading, 1);
}

static enum cua_status wait_5_seconds(struct model_reading *reading)
{
	return add_wait(reading, 5);
}

static enum cua_status take_screenshot(struct model_reading *reading)
{
	return model_add_action(reading, model_new_action(CUA_ACTION_SCREENSHOT, NULL));
}

static enum cua_status go_back(struct model_reading *reading)
{
	return model_add_chord(reading, "alt+Left");
}

static enum cua_status go_forward(struct model_reading *reading)
{
	return model_add_chord(reading, "alt+Right");
}

static enum cua_status not_here(struct model_reading *reading)
{
	return CUA_FAIL(reading->err, CUA_ERR_INVAL, 0,
			"a desktop does not have this function; use open_app or open_url");
}

/* Both vocabularies, whatever the model. */
static const struct {
	const char *name;
	enum cua_status (*map)(struct model_reading *reading);
} mappings[] = {
	{ "click", click },
	{ "click_at", click },
	{ "double_click", double_click },
	{ "drag_and_drop", drag_and_drop },
	{ "go_back", go_back },
	{ "go_forward", go_forward },
	{ "hotkey", hotkey },
	{ "hover_at", move },
	{ "key_combination", hotkey },
	{ "key_down", hold_key },
	{ "key_up", hold_key },
	{ "list_apps", not_here },
	{ "long_press", not_here },
	{ "middle_click", middle_click },
	{ "mouse_down", mouse_down },
	{ "mouse_up", mouse_up },
	{ "move", move },
	{ "navigate", model_add_url },
	{ "open_web_browser", not_here },
	{ "press_key", press_key },
	{ "right_click", right_click },
	{ "scroll", scroll },
	{ "scroll_at", scroll_at },
	{ "scroll_document", scroll_document },
	{ "search", not_here },
	{ "take_screenshot", take_screenshot },
	{ "triple_click", triple_click },
	{ "type", type },
	{ "type_text_at", type_text_at },
	{ "wait", wait },
	{ "wait_5_seconds", wait_5_seconds },
};

bool gemini_has_action(const char *name)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(mappings); i++) {
		if (strcmp(mappings[i].name, name) == 0) {
			return true;
		}
	}
	return false;
}

static enum cua_status map_and_check(const char *name, struct model_reading *reading)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(mappings); i++) {
		if (strcmp(mappings[i].name, name) == 0) {
			enum cua_status status = mappings[i].map(reading);
			return status == CUA_OK ? model_all_taken(reading, name) : status;
		}
	}
	return CUA_FAIL(reading->err, CUA_ERR_INVAL, 0, "there is no function \"%.40s\"", name);
}

enum cua_status gemini_map_action(const char *name, cJSON *args, struct cua_point screen,
		cJSON *actions, char *note, size_t note_size, struct cua_error *err)
{
	struct model_reading reading = { .screen = screen,
		.arguments = args,
		.actions = actions,
		.note = note,
		.note_size = note_size,
		.err = err };
	return map_and_check(name, &reading);
}
