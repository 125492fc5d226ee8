#include "agent/model/chat_profile.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

#define PIXELS_PER_WHEEL_CLICK 100.0

/* --- arguments --- */

static enum cua_status take_place(
		struct chat_reading *reading, bool is_needed, struct cua_point *at, bool *ret_given)
{
	CUA_AUTO_JSON cJSON *place = model_take(&reading->base, "coordinate");
	const cJSON *x = cJSON_GetArrayItem(place, 0), *y = cJSON_GetArrayItem(place, 1);
	*ret_given = place != NULL;
	if (!place && !is_needed) {
		return CUA_OK;
	}
	if (cJSON_GetArraySize(place) != 2 || !cJSON_IsNumber(x) || !cJSON_IsNumber(y)) {
		return CUA_FAIL(reading->base.err, CUA_ERR_INVAL, 0, "coordinate must be [x, y]");
	}
	return chat_space_point(
			reading->space, x->valuedouble, y->valuedouble, at, reading->base.err);
}

static bool is_true(cJSON *value)
{
	bool is_it = cJSON_IsTrue(value);
	cJSON_Delete(value);
	return is_it;
}

/* --- actions --- */

static enum cua_status click(struct chat_reading *reading, const char *button, int count)
{
	struct cua_point at;
	bool is_given = false;
	enum cua_status status = take_place(reading, false, &at, &is_given);
	if (status != CUA_OK) {
		return status;
	}
	return model_add_click(&reading->base, is_given ? &at : NULL, button, count);
}

static enum cua_status left_click(struct chat_reading *reading)
{
	return click(reading, "left", 1);
}

static enum cua_status right_click(struct chat_reading *reading)
{
	return click(reading, "right", 1);
}

static enum cua_status middle_click(struct chat_reading *reading)
{
	return click(reading, "middle", 1);
}

static enum cua_status double_click(struct chat_reading *reading)
{
	return click(reading, "left", 2);
}

static enum cua_status triple_click(struct chat_reading *reading)
{
	return click(reading, "left", 3);
}

static enum cua_status mouse_move(struct chat_reading *reading)
{
	struct cua_point at;
	bool is_given = false;
	enum cua_status status = take_place(reading, true, &at, &is_given);
	return status == CUA_OK
			? model_add_action(&reading->base, model_new_action(CUA_ACTION_MOVE, &at))
			: status;
}

static enum cua_status left_click_drag(struct chat_reading *reading)
{
	struct cua_point to;
	bool is_given = false;
	enum cua_status status = take_place(reading, true, &to, &is_given);
	return status == CUA_OK ? model_add_drag_to(&reading->base, to, "left") : status;
}

/* A list of names, pressed in order, released in reverse: a chord. */
static enum cua_status key(struct chat_reading *reading)
{
	return model_add_keys(&reading->base, "keys");
}

/* Fara's may click first, clear what is there and press Enter behind it. */
static enum cua_status type(struct chat_reading *reading)
{
	CUA_AUTO_FREE char *text = NULL;
	struct cua_point at;
	bool is_given = false;
	const bool clears = is_true(model_take(&reading->base, "delete_existing_text"));
	const bool enters = is_true(model_take(&reading->base, "press_enter"));
	enum cua_status status = model_take_text(&reading->base, "text", &text);
	if (status == CUA_OK) {
		status = take_place(reading, false, &at, &is_given);
	}
	if (status == CUA_OK && is_given) {
		status = model_add_action(&reading->base, model_new_action(CUA_ACTION_CLICK, &at));
	}
	if (status == CUA_OK && clears) {
		status = model_add_chord(&reading->base, "ctrl+a");
	}
	if (status == CUA_OK) {
		status = model_add_text(&reading->base, text);
	}
	return status == CUA_OK && enters ? model_add_chord(&reading->base, "Return") : status;
}

static double clicks_of(double pixels)
{
	double clicks = fmax(1, round(fabs(pixels) / PIXELS_PER_WHEEL_CLICK));
	return fabs(pixels) > 0 ? copysign(clicks, pixels) : 0;
}

/* Up is positive here, down in our actions. */
static enum cua_status turn_wheel(struct chat_reading *reading, bool is_sideways)
{
	struct cua_point at;
	double pixels = 0;
	bool is_given = false;
	enum cua_status status = model_take_number(&reading->base, "pixels", 0, &pixels);
	if (status == CUA_OK) {
		status = take_place(reading, false, &at, &is_given);
	}
	return status == CUA_OK ? model_add_scroll(&reading->base, is_given ? &at : NULL,
						  is_sideways ? clicks_of(pixels) : 0,
						  is_sideways ? 0 : -clicks_of(pixels))
				: status;
}

static enum cua_status scroll(struct chat_reading *reading)
{
	return turn_wheel(reading, false);
}

static enum cua_status hscroll(struct chat_reading *reading)
{
	return turn_wheel(reading, true);
}

static enum cua_status wait(struct chat_reading *reading)
{
	double seconds = 0;
	enum cua_status status = model_take_number(&reading->base, "time", 1, &seconds);
	return status == CUA_OK ? model_add_wait(&reading->base, seconds) : status;
}

static enum cua_status visit_url(struct chat_reading *reading)
{
	return model_add_url(&reading->base);
}

static enum cua_status history_back(struct chat_reading *reading)
{
	return model_add_chord(&reading->base, "alt+Left");
}

/* The fact stays in the conversation, which is all that is asked for. */
static enum cua_status memorize(struct chat_reading *reading)
{
	CUA_AUTO_FREE char *fact = NULL;
	enum cua_status status = model_take_text(&reading->base, "fact", &fact);
	return status == CUA_OK ? model_add_action(&reading->base,
						  model_new_action(CUA_ACTION_SCREENSHOT, NULL))
				: status;
}

static enum cua_status terminate(struct chat_reading *reading)
{
	CUA_AUTO_FREE char *status_text = NULL;
	enum cua_status status = model_take_text(&reading->base, "status", &status_text);
	if (status == CUA_OK && strcmp(status_text, "success") != 0 &&
			strcmp(status_text, "failure") != 0) {
		return CUA_FAIL(reading->base.err, CUA_ERR_INVAL, 0,
				"status must be success or failure");
	}
	if (status == CUA_OK) {
		reading->said->end =
				strcmp(status_text, "success") == 0 ? CHAT_FINISHES : CHAT_GIVES_UP;
	}
	return status;
}

static enum cua_status answer(struct chat_reading *reading)
{
	enum cua_status status =
			model_take_text(&reading->base, "text", &reading->said->last_words);
	reading->said->end = CHAT_FINISHES;
	return status;
}

static const struct chat_word actions[] = {
	{ "answer", answer },
	{ "double_click", double_click },
	{ "history_back", history_back },
	{ "hscroll", hscroll },
	{ "key", key },
	{ "left_click", left_click },
	{ "left_click_drag", left_click_drag },
	{ "middle_click", middle_click },
	{ "mouse_move", mouse_move },
	{ "pause_and_memorize_fact", memorize },
	{ "right_click", right_click },
	{ "scroll", scroll },
	{ "terminate", terminate },
	{ "triple_click", triple_click },
	{ "type", type },
	{ "visit_url", visit_url },
	{ "wait", wait },
	{ 0 },
};

enum cua_status chat_qwen_read_call(cJSON *arguments, const struct chat_space *space,
		struct chat_said *said, struct cua_error *err)
{
	struct chat_reading reading = chat_reading(space, said, err);
	reading.base.arguments = arguments;
	CUA_AUTO_FREE char *name = NULL;
	enum cua_status status = model_take_text(&reading.base, "action", &name);
	return status == CUA_OK ? chat_read_word(&reading, actions, name) : status;
}

/* --- text --- */

static const char open_tag[] = "<tool_call>";

/* {"name": "computer_use", "arguments": {...}}, of which JSON's strictness is not asked; what comes
 * behind it is of no use. */
static enum cua_status read_call(const char **at, const struct chat_space *space,
		struct chat_said *said, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *call = NULL;
	enum cua_status status = chat_literal_parse(at, &call, err);
	if (status != CUA_OK) {
		return status;
	}
	const char *name = cua_json_string(call, "name");
	cJSON *arguments = cua_json_member(call, "arguments");
	if (!name || strcmp(name, "computer_use") != 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "there is no function \"%.40s\"",
				name ? name : "");
	}
	if (!cJSON_IsObject(arguments)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "arguments must be an object");
	}
	return chat_qwen_read_call(arguments, space, said, err);
}

enum cua_status chat_qwen_read(const char *text, const struct chat_space *space,
		struct chat_said *said, struct cua_error *err)
{
	const char *at = strstr(text, open_tag);
	enum cua_status status = CUA_OK;
	if (!at) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "there is no <tool_call> in the answer");
	}
	said->thought = strndup(text, (size_t)(at - text));
	if (!said->thought) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "thought");
	}
	while (status == CUA_OK && at) {
		if (said->end != CHAT_ACTS) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"nothing may follow the end of the task");
		}
		at += strlen(open_tag);
		status = read_call(&at, space, said, err);
		at = strstr(at, open_tag);
	}
	return status;
}
