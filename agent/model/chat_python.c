#include "agent/model/chat_profile.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

/* Statements of pyautogui are read, never run: a call of this table, or a problem. */

#define WAIT_S 5 /* computer.wait() has no time */

/* --- arguments --- */

/* By name, else by place: Python has both. */
static cJSON *take(struct chat_reading *reading, const char *name, const char *place)
{
	cJSON *value = model_take(&reading->base, name);
	return value || !place ? value : model_take(&reading->base, place);
}

static enum cua_status take_number(struct chat_reading *reading, const char *name,
		const char *place, double *ret_number, bool *ret_given)
{
	CUA_AUTO_JSON cJSON *value = take(reading, name, place);
	*ret_given = value != NULL;
	if (value && !cJSON_IsNumber(value)) {
		return CUA_FAIL(reading->base.err, CUA_ERR_INVAL, 0, "%s must be a number", name);
	}
	*ret_number = value ? value->valuedouble : 0;
	return CUA_OK;
}

/* x and y, both or none; the first of them at this place. */
static enum cua_status take_place(
		struct chat_reading *reading, int place, struct cua_point *ret_at, bool *ret_given)
{
	char x_place[12], y_place[12];
	double x = 0, y = 0;
	bool has_x = false, has_y = false;
	snprintf(x_place, sizeof(x_place), "%d", place);
	snprintf(y_place, sizeof(y_place), "%d", place + 1);
	enum cua_status status = take_number(reading, "x", x_place, &x, &has_x);
	if (status == CUA_OK) {
		status = take_number(reading, "y", y_place, &y, &has_y);
	}
	if (status == CUA_OK && has_x != has_y) {
		status = CUA_FAIL(reading->base.err, CUA_ERR_INVAL, 0, "x and y belong together");
	}
	*ret_given = has_x;
	return status == CUA_OK && has_x
			? chat_space_point(reading->space, x, y, ret_at, reading->base.err)
			: status;
}

/* How long a motion or the pause between keys takes is for the desktop to say. */
static void drop_timing(struct chat_reading *reading)
{
	static const char *const names[] = { "duration", "interval", "tween", "_pause", "pause" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		cJSON_Delete(model_take(&reading->base, names[i]));
	}
}

static enum cua_status take_button(struct chat_reading *reading, char *button, size_t size)
{
	CUA_AUTO_JSON cJSON *value = model_take(&reading->base, "button");
	const char *name = value ? cJSON_GetStringValue(value) : "left";
	if (!name) {
		return CUA_FAIL(reading->base.err, CUA_ERR_INVAL, 0, "button must be a text");
	}
	snprintf(button, size, "%s", name);
	return CUA_OK;
}

/* --- mouse --- */

/* button NULL: an argument says which. */
static enum cua_status add_click(struct chat_reading *reading, const char *button, double count)
{
	char named[16];
	struct cua_point at;
	bool has_place = false, has_count = false;
	enum cua_status status = take_place(reading, 0, &at, &has_place);
	if (status == CUA_OK && count < 1) {
		status = take_number(reading, "clicks", "2", &count, &has_count);
		count = has_count ? count : 1;
	}
	if (status == CUA_OK) {
		status = take_button(reading, named, sizeof(named));
	}
	if (status != CUA_OK) {
		return status;
	}
	cJSON *action = model_new_action(CUA_ACTION_CLICK, has_place ? &at : NULL);
	cJSON_AddStringToObject(action, "button", button ? button : named);
	if (count < 1 || count > 1) {
		cJSON_AddNumberToObject(action, "count", count);
	}
	return model_add_action(&reading->base, action);
}

static enum cua_status click(struct chat_reading *reading)
{
	return add_click(reading, NULL, 0);
}

static enum cua_status double_click(struct chat_reading *reading)
{
	return add_click(reading, NULL, 2);
}

static enum cua_status triple_click(struct chat_reading *reading)
{
	return add_click(reading, NULL, 3);
}

static enum cua_status right_click(struct chat_reading *reading)
{
	return add_click(reading, "right", 1);
}

static enum cua_status middle_click(struct chat_reading *reading)
{
	return add_click(reading, "middle", 1);
}

static enum cua_status move_to(struct chat_reading *reading)
{
	struct cua_point at;
	bool has_place = false;
	enum cua_status status = take_place(reading, 0, &at, &has_place);
	if (status == CUA_OK && !has_place) {
		status = CUA_FAIL(reading->base.err, CUA_ERR_INVAL, 0, "x and y are missing");
	}
	return status == CUA_OK
			? model_add_action(&reading->base, model_new_action(CUA_ACTION_MOVE, &at))
			: status;
}

/* moveTo() and then dragTo() is one drag from the one place to the other. */
static bool take_start(struct chat_reading *reading, struct cua_point *ret_from)
{
	cJSON *last = reading->base.actions->child ? reading->base.actions->child->prev : NULL;
	const cJSON *x = cua_json_member(last, "x");
	const cJSON *y = cua_json_member(last, "y");
	const char *name = cua_json_string(last, "action");
	if (!name || strcmp(name, cua_action_table[CUA_ACTION_MOVE].name) != 0) {
		return false;
	}
	*ret_from = (struct cua_point){ x->valueint, y->valueint };
	cJSON_Delete(cJSON_DetachItemViaPointer(reading->base.actions, last));
	return true;
}

static enum cua_status drag_to(struct chat_reading *reading)
{
	char button[16];
	struct cua_point from, to;
	bool has_place = false;
	enum cua_status status = take_place(reading, 0, &to, &has_place);
	if (status == CUA_OK && !has_place) {
		status = CUA_FAIL(reading->base.err, CUA_ERR_INVAL, 0, "x and y are missing");
	}
	if (status == CUA_OK) {
		status = take_button(reading, button, sizeof(button));
	}
	if (status != CUA_OK) {
		return status;
	}
	cJSON_Delete(model_take(&reading->base, "2")); /* the duration */
	if (!take_start(reading, &from)) {
		return model_add_drag_to(&reading->base, to, button);
	}
	return model_add_drag(&reading->base, from, to, button);
}

static enum cua_status add_button(struct chat_reading *reading, enum cua_action_type type)
{
	char button[16];
	struct cua_point at;
	bool has_place = false;
	enum cua_status status = take_place(reading, 0, &at, &has_place);
	if (status == CUA_OK) {
		status = take_button(reading, button, sizeof(button));
	}
	if (status != CUA_OK) {
		return status;
	}
	cJSON *action = model_new_action(type, has_place ? &at : NULL);
	cJSON_AddStringToObject(action, "button", button);
	return model_add_action(&reading->base, action);
}

static enum cua_status mouse_down(struct chat_reading *reading)
{
	return add_button(reading, CUA_ACTION_MOUSE_DOWN);
}

static enum cua_status mouse_up(struct chat_reading *reading)
{
	return add_button(reading, CUA_ACTION_MOUSE_UP);
}

/* Up is positive here, down in our actions. */
static enum cua_status turn_wheel(struct chat_reading *reading, bool is_sideways)
{
	struct cua_point at;
	double clicks = 0;
	bool has_place = false, has_clicks = false;
	enum cua_status status = take_number(reading, "clicks", "0", &clicks, &has_clicks);
	if (status == CUA_OK && !has_clicks) {
		status = take_number(reading, "amount", NULL, &clicks, &has_clicks);
	}
	if (status == CUA_OK) {
		status = take_place(reading, 1, &at, &has_place);
	}
	clicks = round(clicks);
	return status == CUA_OK
			? model_add_scroll(&reading->base, has_place ? &at : NULL,
					  is_sideways ? clicks : 0, is_sideways ? 0 : -clicks)
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

/* --- keyboard --- */

static enum cua_status write_text(struct chat_reading *reading)
{
	CUA_AUTO_JSON cJSON *text = take(reading, "message", "0");
	text = text ? text : model_take(&reading->base, "text");
	if (!cJSON_IsString(text)) {
		return CUA_FAIL(reading->base.err, CUA_ERR_INVAL, 0,
				"message is missing, or no text");
	}
	return model_add_text(&reading->base, text->valuestring);
}

/* One after the other. */
static enum cua_status press(struct chat_reading *reading)
{
	CUA_AUTO_JSON cJSON *keys = take(reading, "keys", "0");
	keys = keys ? keys : model_take(&reading->base, "key");
	double times = 0;
	bool has_times = false;
	enum cua_status status = take_number(reading, "presses", "1", &times, &has_times);
	if (status == CUA_OK && !keys) {
		status = CUA_FAIL(reading->base.err, CUA_ERR_INVAL, 0, "keys is missing");
	}
	const cJSON *item = cJSON_IsArray(keys) ? keys->child : keys;
	while (status == CUA_OK && item) {
		cJSON *action = model_new_action(CUA_ACTION_KEY, NULL);
		cJSON *list = cJSON_AddArrayToObject(action, "keys");
		cJSON_AddItemToArray(list, cJSON_Duplicate(item, true));
		if (has_times) {
			cJSON_AddNumberToObject(action, "count", times);
		}
		status = model_add_action(&reading->base, action);
		item = cJSON_IsArray(keys) ? item->next : NULL;
	}
	return status;
}

/* Together: hotkey('ctrl', 'c'), hotkey(['ctrl', 'c']), hotkey(keys=[...]). */
static enum cua_status hotkey(struct chat_reading *reading)
{
	cJSON *keys = take(reading, "keys", NULL);
	cJSON *first = keys ? NULL : model_take(&reading->base, "0");
	if (cJSON_IsArray(first)) {
		keys = CUA_STEAL(first);
	} else if (first && (keys = cJSON_CreateArray())) {
		char place[12];
		for (int i = 1; first; i++) {
			cJSON_AddItemToArray(keys, first);
			snprintf(place, sizeof(place), "%d", i);
			first = model_take(&reading->base, place);
		}
	}
	if (!keys) {
		cJSON_Delete(first);
		return CUA_FAIL(reading->base.err, CUA_ERR_INVAL, 0, "keys are missing");
	}
	cJSON *action = model_new_action(CUA_ACTION_KEY, NULL);
	if (!cJSON_AddItemToObject(action, "keys", keys)) {
		cJSON_Delete(keys);
	}
	return model_add_action(&reading->base, action);
}

/* --- the rest --- */

static enum cua_status wait(struct chat_reading *reading)
{
	double seconds = 0;
	bool is_given = false;
	enum cua_status status = take_number(reading, "seconds", "0", &seconds, &is_given);
	return status == CUA_OK ? model_add_wait(&reading->base, is_given ? seconds : WAIT_S)
				: status;
}

static enum cua_status terminate(struct chat_reading *reading)
{
	CUA_AUTO_JSON cJSON *state = take(reading, "status", "0");
	CUA_AUTO_JSON cJSON *answer = model_take(&reading->base, "answer");
	const char *name = cJSON_GetStringValue(state), *text = cJSON_GetStringValue(answer);
	if (!name || (strcmp(name, "success") != 0 && strcmp(name, "failure") != 0)) {
		return CUA_FAIL(reading->base.err, CUA_ERR_INVAL, 0,
				"status must be success or failure");
	}
	reading->said->end = strcmp(name, "success") == 0 ? CHAT_FINISHES : CHAT_GIVES_UP;
	reading->said->last_words = text ? strdup(text) : NULL;
	return text && !reading->said->last_words
			? CUA_FAIL(reading->base.err, CUA_ERR_NOMEM, ENOMEM, "answer")
			: CUA_OK;
}

static const struct chat_word calls[] = {
	{ "computer.terminate", terminate },
	{ "computer.triple_click", triple_click },
	{ "computer.wait", wait },
	{ "pyautogui.click", click },
	{ "pyautogui.doubleClick", double_click },
	{ "pyautogui.dragTo", drag_to },
	{ "pyautogui.hotkey", hotkey },
	{ "pyautogui.hscroll", hscroll },
	{ "pyautogui.middleClick", middle_click },
	{ "pyautogui.mouseDown", mouse_down },
	{ "pyautogui.mouseUp", mouse_up },
	{ "pyautogui.moveTo", move_to },
	{ "pyautogui.press", press },
	{ "pyautogui.rightClick", right_click },
	{ "pyautogui.scroll", scroll },
	{ "pyautogui.sleep", wait },
	{ "pyautogui.tripleClick", triple_click },
	{ "pyautogui.typewrite", write_text },
	{ "pyautogui.write", write_text },
	{ "time.sleep", wait },
	{ 0 },
};

static enum cua_status read_call(const char **at, struct chat_reading *reading)
{
	char name[64];
	CUA_AUTO_JSON cJSON *arguments = NULL;
	enum cua_status status =
			chat_call_parse(at, name, sizeof(name), &arguments, reading->base.err);
	reading->base.arguments = arguments;
	if (status != CUA_OK) {
		return status;
	}
	drop_timing(reading);
	return chat_read_word(reading, calls, name);
}

/* --- text --- */

static const char fence[] = "```";

/* Steps over what does nothing: empty lines, comments, imports. */
static void skip_idle(const char **at)
{
	for (;;) {
		*at += strspn(*at, " \t\r\n;");
		if (**at != '#' && strncmp(*at, "import ", 7) != 0) {
			return;
		}
		*at += strcspn(*at, "\n");
	}
}

/* The last block of code: *ret_from behind the opening fence's line. */
static bool find_code(const char *text, const char **ret_open, const char **ret_from)
{
	const char *open = NULL;
	for (const char *at = text; (at = strstr(at, fence));) {
		const char *close = strstr(at + strlen(fence), fence);
		if (!close) {
			return false; /* a block without an end was cut off */
		}
		open = at;
		at = close + strlen(fence);
	}
	if (open) {
		*ret_open = open;
		*ret_from = open + strlen(fence) + strcspn(open + strlen(fence), "\n`");
	}
	return open;
}

enum cua_status chat_python_read(const char *text, const struct chat_space *space,
		struct chat_said *said, struct cua_error *err)
{
	struct chat_reading reading = chat_reading(space, said, err);
	const char *open = NULL, *at = NULL;
	enum cua_status status = CUA_OK;
	if (!find_code(text, &open, &at)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "there is no whole block of code");
	}
	said->thought = strndup(text, (size_t)(open - text));
	if (!said->thought) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "thought");
	}
	skip_idle(&at);
	while (status == CUA_OK && strncmp(at, fence, strlen(fence)) != 0) {
		if (said->end != CHAT_ACTS) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"nothing may follow the end of the task");
		}
		status = read_call(&at, &reading);
		skip_idle(&at);
	}
	return status == CUA_OK && said->end == CHAT_ACTS && !said->actions->child
			? CUA_FAIL(err, CUA_ERR_INVAL, 0, "there is nothing to do in the code")
			: status;
}
