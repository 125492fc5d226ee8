#include "display/display_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "display/flood.h"
#include "display/reading.h"

#define NEW_WINDOWS_MAX 32

void display_speak_of(struct display *display, const struct cua_scale *scale)
{
	display->scale = *scale;
}

/* Without a round trip: what was drawn before and is still to be told comes with an earlier number
 * than the next request. Which windows there are was asked for when the last change was told. */
void display_begin(struct display *display)
{
	struct display_changes *changes = &display->changes;
	display_handle_events(display);
	delivered_begin(display);
	changes->change_count = activity_changes(display);
	changes->rect_count = 0;
	window_cache_take(display);
	changes->window_count = display->window_cache.count;
	memcpy(changes->windows, display->window_cache.windows,
			(size_t)changes->window_count * sizeof(changes->windows[0]));
	changes->input_end_us = cua_now_us();
	changes->first_request = XNextRequest(display->xlib); /* XCB's are counted, too */
}

bool display_has_changed(const struct display *display)
{
	return activity_changes(display) != display->changes.change_count;
}

/* --- one action --- */

/* Each change by itself: together they would be one, and have no rhythm. */
static bool watch_on(struct display *display, void *user_data)
{
	(void)user_data;
	(void)!activity_check(display, NULL);
	return false;
}

static enum cua_status act_wait(
		struct display *display, const struct cua_action *action, struct cua_error *err)
{
	enum cua_status status = display_wait(display,
			cua_now_us() + (uint64_t)action->duration_ms * 1000U, watch_on, NULL, err);
	return status == CUA_ERR_TIMEOUT ? CUA_OK : status;
}

static void add_pointer(struct display *display, cJSON *json)
{
	CUA_AUTO_FREE xcb_query_pointer_reply_t *pointer = display_answer(display,
			xcb_query_pointer(display->xcb, (xcb_window_t)display->root).sequence);
	cJSON_AddNumberToObject(json, "x", pointer ? pointer->root_x : 0);
	cJSON_AddNumberToObject(json, "y", pointer ? pointer->root_y : 0);
}

static enum cua_status act_list_windows(
		struct display *display, cJSON *result, struct cua_error *err)
{
	window_describe_all(display, result);
	return display_ok(display, err);
}

/* With the elements at its ends, if there are any. */
static enum cua_status act_drag(
		struct display *display, const struct cua_action *action, struct cua_error *err)
{
	struct cua_point from = { 0, 0 }, to = { 0, 0 };
	CUA_AUTO_FREE struct cua_point *path = calloc((size_t)action->path_len + 2, sizeof(*path));
	struct cua_action placed = *action;
	if (!path) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "path");
	}
	enum cua_status status =
			reading_locate_ends(display, action->from, action->to, &from, &to, err);
	if (status != CUA_OK) {
		return status;
	}
	placed.path = path;
	placed.path_len = 0;
	if (action->from) {
		path[placed.path_len++] = from;
	}
	for (int i = 0; i < action->path_len; i++) {
		path[placed.path_len++] = action->path[i];
	}
	if (action->to) {
		path[placed.path_len++] = to;
	}
	return input_mouse(display, &placed, err);
}

/* An element is where it is now, not where it was when it was read. */
static enum cua_status act_mouse(
		struct display *display, const struct cua_action *action, struct cua_error *err)
{
	struct cua_action placed = *action;
	enum cua_status status = CUA_OK;
	if (action->ref) {
		status = reading_locate(display, action->ref, &placed.at, err);
		placed.has_at = true;
	}
	return status == CUA_OK ? input_mouse(display, &placed, err) : status;
}

static enum cua_status dispatch(struct display *display, const struct cua_action *action,
		cJSON *result, struct cua_error *err)
{
	switch (action->type) {
	case CUA_ACTION_MOVE:
	case CUA_ACTION_CLICK:
	case CUA_ACTION_MOUSE_DOWN:
	case CUA_ACTION_MOUSE_UP:
	case CUA_ACTION_SCROLL:
		return act_mouse(display, action, err);
	case CUA_ACTION_DRAG:
		return act_drag(display, action, err);
	case CUA_ACTION_KEY:
	case CUA_ACTION_HOLD_KEY:
		return input_keys(display, action, err);
	case CUA_ACTION_TYPE:
		if (secret_is_in(display, action->text)) {
			return secret_type(display, action, result, err);
		}
		return action->via == CUA_VIA_CLIPBOARD ? type_paste(display, action, err)
							: type_text(display, action->text, err);
	case CUA_ACTION_WAIT:
		return act_wait(display, action, err);
	case CUA_ACTION_WAIT_FOR:
		return wait_for_condition(display, action, result, err);
	case CUA_ACTION_CURSOR_POSITION:
		add_pointer(display, result);
		return CUA_OK;
	case CUA_ACTION_OPEN_APP:
		return app_open(display, action->text, result, err);
	case CUA_ACTION_SWITCH_APP:
		return app_switch(display, action->text, result, err);
	case CUA_ACTION_OPEN_URL:
		return app_open_url(display, action->text, result, err);
	case CUA_ACTION_CLIPBOARD_GET:
		return clipboard_act_get(display, action, result, err);
	case CUA_ACTION_CLIPBOARD_SET:
		return clipboard_act_set(display, action, err);
	case CUA_ACTION_LIST_WINDOWS:
		return act_list_windows(display, result, err);
	case CUA_ACTION_RESIZE_SCREEN:
		return screen_act(display, action, result, err);
	case CUA_ACTION_FOCUS_WINDOW:
	case CUA_ACTION_CLOSE_WINDOW:
	case CUA_ACTION_MOVE_WINDOW:
	case CUA_ACTION_RESIZE_WINDOW:
	case CUA_ACTION_MAXIMIZE_WINDOW:
	case CUA_ACTION_MINIMIZE_WINDOW:
	case CUA_ACTION_RESTORE_WINDOW:
	case CUA_ACTION_KILL_WINDOW:
		return window_act(display, action, result, err);
	case CUA_ACTION_READ_SCREEN:
		return reading_act_screen(display, action, result, err);
	case CUA_ACTION_FIND_TEXT:
		return reading_act_find(display, action, result, err);
	case CUA_ACTION_READ_TEXT:
		return reading_act_text(display, action, result, err);
	case CUA_ACTION_MARK_SCREEN:
		return reading_act_mark(display, action, result, err);
	case CUA_ACTION_SCREENSHOT: /* the caller makes pictures: it knows their form */
	case CUA_ACTION_TYPE_COUNT:
		break;
	}
	return CUA_OK;
}

/* What was drawn before is not its doing, and what is drawn in the same place later is told anew.
 */
static void begin_input(struct display *display, const struct cua_action *action)
{
	display_handle_events(display);
	if (!display->dead) {
		XDamageSubtract(display->xlib, display->damage.handle, None, None);
	}
	settle_begin_input(display, action);
}

/* A click goes where it is sent. What else happens may be about what the server has not told yet:
 * another layout, a window, a selection. */
static bool needs_last_word(const struct cua_action *action)
{
	return cua_action_table[action->type].device != CUA_DEVICE_POINTER ||
			action->type == CUA_ACTION_DRAG || action->ref || action->keys.count > 0;
}

static bool is_on_screen(const struct display *display, const struct cua_point *point)
{
	return point->x < display->width_px && point->y < display->height_px;
}

/* Coordinates were right for the screen as it was when the request came; the X server would move
 * those that are not any more to an edge. */
static enum cua_status check_points(const struct display *display, const struct cua_action *action,
		struct cua_error *err)
{
	const struct cua_point *outside = NULL;
	if (action->has_at && !is_on_screen(display, &action->at)) {
		outside = &action->at;
	}
	for (int i = 0; i < action->path_len && !outside; i++) {
		outside = is_on_screen(display, &action->path[i]) ? NULL : &action->path[i];
	}
	return !outside ? CUA_OK
			: CUA_FAIL(err, CUA_ERR_INVAL, 0,
					  "%d,%d is outside of the screen, which is %dx%d now",
					  outside->x, outside->y, display->width_px,
					  display->height_px);
}

enum cua_status display_act(struct display *display, const struct cua_action *action, cJSON *result,
		struct cua_error *err)
{
	if (needs_last_word(action)) {
		display_sync(display);
	}
	enum cua_status status = display_ok(display, err);
	if (status == CUA_OK) {
		status = flood_check(display, err);
	}
	if (status == CUA_OK) {
		status = window_follow_manager(display, err);
	}
	if (status == CUA_OK) {
		status = check_points(display, action, err);
	}
	display->acting = cua_action_table[action->type].is_input;
	display->takeover.acting_count = display->takeover.count;
	if (display->acting) {
		begin_input(display, action);
		status = status == CUA_OK ? display_ok(display, err) : status; /* as who acts */
	}
	if (status == CUA_OK) {
		status = dispatch(display, action, result, err);
	}
	if (!display->dead) {
		XFlush(display->xlib);
	}
	if (status == CUA_OK) {
		display_handle_events(display);
		status = display_ok(display, err);
	}
	display->acting = false;
	if (status != CUA_OK) {
		display_release_held(display);
	}
	display->changes.input_end_us = cua_now_us();
	return status;
}

enum cua_status display_check_actions(const struct display *display,
		const struct cua_action *actions, int count, int *ret_index, struct cua_error *err)
{
	uint32_t down = display_person_has_input(display)
			? 0
			: display->buttons_down; /* the agent's alone */
	for (int i = 0; i < count; i++) {
		const struct cua_action *action = &actions[i];
		const uint32_t button = 1U << action->button;
		enum cua_status status = CUA_OK;
		if (action->type == CUA_ACTION_MOUSE_UP && !(down & button)) {
			status = CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"mouse_up: the %s button is not down; mouse_down comes "
					"first",
					cua_button_name(action->button));
		} else if (action->type == CUA_ACTION_MOUSE_DOWN && (down & button)) {
			status = CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"mouse_down: the %s button is down",
					cua_button_name(action->button));
		} else if (action->type == CUA_ACTION_TYPE) {
			status = type_check(action->text, err);
		} else if (action->type == CUA_ACTION_CLIPBOARD_SET) {
			status = clipboard_check(display, action, err);
		}
		if (status != CUA_OK) {
			*ret_index = i;
			return status;
		}
		down = action->type == CUA_ACTION_MOUSE_DOWN          ? down | button
				: action->type == CUA_ACTION_MOUSE_UP ? down & ~button
								      : down;
	}
	return CUA_OK;
}

/* --- what came of it --- */

static void report_new_windows(struct display *display, cJSON *answer)
{
	const struct display_changes *changes = &display->changes;
	const struct display_window_cache *now = &display->window_cache;
	cJSON *list = cJSON_AddArrayToObject(answer, "new_windows");
	for (int i = 0; i < now->count; i++) {
		bool old = false;
		for (int k = 0; k < changes->window_count; k++) {
			old = old || changes->windows[k] == now->windows[i];
		}
		if (!old && cJSON_GetArraySize(list) < NEW_WINDOWS_MAX) {
			cJSON_AddItemToArray(list, window_describe(display, now->windows[i]));
		}
	}
}

void display_report(struct display *display, cJSON *answer)
{
	const struct display_changes *changes = &display->changes;
	cJSON *changed = cJSON_AddArrayToObject(answer, "changed");
	for (int i = 0; i < changes->rect_count && !veil_is_on(display); i++) {
		const int rect[] = { changes->rects[i].x, changes->rects[i].y,
			changes->rects[i].width, changes->rects[i].height };
		cJSON_AddItemToArray(changed, cJSON_CreateIntArray(rect, 4));
	}
	if (veil_is_on(display)) {
		cJSON_AddStringToObject(answer, "withheld",
				"the screen is withheld, and its picture is a notice, until the "
				"field that a secret was typed into is left and shows it no more: "
				"go on with Tab, Enter or a click elsewhere");
	}
	if (display->dead) {
		return;
	}
	/* One round trip for the pointer and the windows. */
	window_cache_ask(display);
	add_pointer(display, cJSON_AddObjectToObject(answer, "pointer"));
	window_cache_take(display);
	display_handle_events(display); /* that came before the answers */
	cJSON_AddItemToObject(answer, "focused", window_cache_describe_active(display));
	report_new_windows(display, answer);
}
