#include "agent/model/model_reading.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

#define NEAR_PX 10 /* the last motion of a drag begins so far from its end */

/* --- arguments --- */

cJSON *model_take(struct model_reading *reading, const char *name)
{
	cJSON *value = cJSON_DetachItemFromObjectCaseSensitive(reading->arguments, name);
	if (cJSON_IsNull(value)) { /* not given */
		cJSON_Delete(CUA_STEAL(value));
	}
	return value;
}

enum cua_status model_take_number(struct model_reading *reading, const char *name, double fallback,
		double *ret_number)
{
	CUA_AUTO_JSON cJSON *value = model_take(reading, name);
	if (value && !cJSON_IsNumber(value)) {
		return CUA_FAIL(reading->err, CUA_ERR_INVAL, 0, "%s must be a number", name);
	}
	*ret_number = value ? value->valuedouble : fallback;
	return CUA_OK;
}

enum cua_status model_take_text(struct model_reading *reading, const char *name, char **ret_text)
{
	CUA_AUTO_JSON cJSON *value = model_take(reading, name);
	if (!cJSON_IsString(value)) {
		return CUA_FAIL(reading->err, CUA_ERR_INVAL, 0, "%s is missing, or no text", name);
	}
	*ret_text = strdup(value->valuestring);
	return *ret_text ? CUA_OK : CUA_FAIL(reading->err, CUA_ERR_NOMEM, ENOMEM, "text");
}

enum cua_status model_all_taken(const struct model_reading *reading, const char *call)
{
	const cJSON *left = reading->arguments->child;
	return left ? CUA_FAIL(reading->err, CUA_ERR_INVAL, 0, "%s has no argument \"%.40s\"", call,
				      left->string)
		    : CUA_OK;
}

/* --- actions --- */

cJSON *model_new_action(enum cua_action_type type, const struct cua_point *at)
{
	CUA_AUTO_JSON cJSON *action = cJSON_CreateObject();
	if (!cJSON_AddStringToObject(action, "action", cua_action_table[type].name) ||
			(at &&
					(!cJSON_AddNumberToObject(action, "x", at->x) ||
							!cJSON_AddNumberToObject(
									action, "y", at->y)))) {
		return NULL;
	}
	return CUA_STEAL(action);
}

enum cua_status model_append_action(cJSON *actions, cJSON *action, const struct cua_point *screen,
		struct cua_error *err)
{
	struct cua_action checked;
	if (!action) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "action");
	}
	enum cua_status status = cua_action_parse(action, screen, &checked, err);
	if (status == CUA_OK) {
		cua_action_finish(&checked);
		if (cJSON_GetArraySize(actions) >= CUA_ACTIONS_MAX) {
			status = CUA_FAIL(err, CUA_ERR_INVAL, 0, "there are over %d actions",
					CUA_ACTIONS_MAX);
		} else if (!cJSON_AddItemToArray(actions, action)) {
			status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "action");
		}
	}
	if (status != CUA_OK) {
		cJSON_Delete(action);
	}
	return status;
}

enum cua_status model_add_action(struct model_reading *reading, cJSON *action)
{
	return model_append_action(reading->actions, action, &reading->screen, reading->err);
}

enum cua_status model_add_click(struct model_reading *reading, const struct cua_point *at,
		const char *button, int count)
{
	cJSON *action = model_new_action(CUA_ACTION_CLICK, at);
	cJSON_AddStringToObject(action, "button", button);
	if (count > 1) {
		cJSON_AddNumberToObject(action, "count", count);
	}
	return model_add_action(reading, action);
}

static int cap_clicks(struct model_reading *reading, double clicks)
{
	if (fabs(clicks) <= MODEL_SCROLL_MAX) {
		return (int)clicks;
	}
	snprintf(reading->note, reading->note_size,
			"The scroll of %.0f wheel clicks was shortened to %d; scroll again for "
			"more.",
			fabs(clicks), MODEL_SCROLL_MAX);
	return clicks < 0 ? -MODEL_SCROLL_MAX : MODEL_SCROLL_MAX;
}

enum cua_status model_add_scroll(struct model_reading *reading, const struct cua_point *at,
		double clicks_x, double clicks_y)
{
	cJSON *action = model_new_action(CUA_ACTION_SCROLL, at);
	int x = cap_clicks(reading, clicks_x), y = cap_clicks(reading, clicks_y);
	if (x == 0 && y == 0) {
		cJSON_Delete(action);
		return CUA_FAIL(reading->err, CUA_ERR_INVAL, 0, "the scroll is by nothing");
	}
	if (x != 0) {
		cJSON_AddNumberToObject(action, "scroll_x", x);
	}
	if (y != 0) {
		cJSON_AddNumberToObject(action, "scroll_y", y);
	}
	return model_add_action(reading, action);
}

static cJSON *button_action(
		enum cua_action_type type, const struct cua_point *at, const char *button)
{
	cJSON *action = model_new_action(type, at);
	return cJSON_AddStringToObject(action, "button", button) ? action : NULL;
}

enum cua_status model_add_drag(struct model_reading *reading, struct cua_point from,
		struct cua_point to, const char *button)
{
	cJSON *action = button_action(CUA_ACTION_DRAG, NULL, button);
	cJSON *path = cJSON_AddArrayToObject(action, "path");
	cJSON_AddItemToArray(path, cJSON_CreateIntArray((int[]){ from.x, from.y }, 2));
	cJSON_AddItemToArray(path, cJSON_CreateIntArray((int[]){ to.x, to.y }, 2));
	return model_add_action(reading, action);
}

/* Applications take a drag for one when they see more than one motion. */
enum cua_status model_add_drag_to(
		struct model_reading *reading, struct cua_point to, const char *button)
{
	const struct cua_point near = { to.x >= NEAR_PX ? to.x - NEAR_PX : to.x + NEAR_PX,
		to.y >= NEAR_PX ? to.y - NEAR_PX : to.y + NEAR_PX };
	enum cua_status status = model_add_action(
			reading, button_action(CUA_ACTION_MOUSE_DOWN, NULL, button));
	if (status == CUA_OK) {
		status = model_add_action(reading, model_new_action(CUA_ACTION_MOVE, &near));
	}
	if (status == CUA_OK) {
		status = model_add_action(reading, model_new_action(CUA_ACTION_MOVE, &to));
	}
	return status == CUA_OK
			? model_add_action(reading, button_action(CUA_ACTION_MOUSE_UP, &to, button))
			: status;
}

enum cua_status model_add_chord(struct model_reading *reading, const char *chord)
{
	cJSON *action = model_new_action(CUA_ACTION_KEY, NULL);
	cJSON_AddStringToObject(action, "keys", chord);
	return model_add_action(reading, action);
}

enum cua_status model_add_keys(struct model_reading *reading, const char *name)
{
	cJSON *keys = model_take(reading, name);
	if (!keys) {
		return CUA_FAIL(reading->err, CUA_ERR_INVAL, 0, "%s is missing", name);
	}
	cJSON *action = model_new_action(CUA_ACTION_KEY, NULL);
	if (!cJSON_AddItemToObject(action, "keys", keys)) {
		cJSON_Delete(keys);
	}
	return model_add_action(reading, action);
}

enum cua_status model_add_text(struct model_reading *reading, const char *text)
{
	cJSON *action = model_new_action(CUA_ACTION_TYPE, NULL);
	cJSON_AddStringToObject(action, "text", text);
	return model_add_action(reading, action);
}

enum cua_status model_add_wait(struct model_reading *reading, double seconds)
{
	cJSON *action = model_new_action(CUA_ACTION_WAIT, NULL);
	cJSON_AddNumberToObject(action, "duration_ms", round(seconds * 1000));
	return model_add_action(reading, action);
}

enum cua_status model_add_url(struct model_reading *reading)
{
	CUA_AUTO_FREE char *url = NULL;
	enum cua_status status = model_take_text(reading, "url", &url);
	if (status != CUA_OK) {
		return status;
	}
	cJSON *action = model_new_action(CUA_ACTION_OPEN_URL, NULL);
	cJSON_AddStringToObject(action, "url", url);
	return model_add_action(reading, action);
}
