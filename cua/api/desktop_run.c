/* desktop_request_run(): act, settle, observe. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "cua/api/desktop_request.h"
#include "cua/api/reply.h"
#include "cua/base/util.h"

#define SHORT_TEXT_BYTES 16

/* How far a request has come. */
struct run {
	const struct desktop_request *request;
	cJSON *results; /* the answer's */
	int last_input; /* its index; -1: none yet */
	bool failed;
	bool is_settled; /* since that input */
	struct display_settle settle;
};

static enum cua_status add_image(struct display *display, const struct display_shot *shot,
		const char *if_none_match, cJSON *answer, const char *name, struct cua_error *err)
{
	struct display_image image;
	enum cua_status status = display_screenshot(display, shot, if_none_match, &image, err);
	if (status != CUA_OK) {
		return status;
	}
	const struct cua_point screen = display_size(display);
	cJSON *json = cJSON_AddObjectToObject(answer, name);
	cJSON_AddStringToObject(json, "etag", image.etag);
	if (image.unchanged) {
		cJSON_AddBoolToObject(json, "unchanged", true);
		return CUA_OK;
	}
	cJSON_AddNumberToObject(json, "width", image.width_px);
	cJSON_AddNumberToObject(json, "height", image.height_px);
	cJSON_AddNumberToObject(json, "screen_width", screen.x);
	cJSON_AddNumberToObject(json, "screen_height", screen.y);
	cJSON_AddStringToObject(json, "media_type", image.media_type);
	const size_t size = (image.bytes.len + 2) / 3 * 4 + 1;
	CUA_AUTO_FREE char *quoted = malloc(size + 2);
	cJSON *data = quoted ? cJSON_CreateStringReference(quoted) : NULL;
	if (!data) {
		status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "screenshot");
	} else {
		quoted[0] = '"';
		EVP_EncodeBlock((unsigned char *)quoted + 1,
				(const unsigned char *)image.bytes.data, (int)image.bytes.len);
		memcpy(quoted + size, "\"", 2); /* size counts a NUL */
		/* As JSON that is finished, and the item's from here on: megabytes are neither
		 * copied nor looked through for what to escape. */
		data->type = cJSON_Raw;
		(void)CUA_STEAL(quoted);
		cJSON_AddItemToObject(json, "data", data);
	}
	cua_buffer_finish(&image.bytes);
	return status;
}

/* Actions whose success shows on the screen alone. A window that was opened or focused is in the
 * answer, and may look like the one before. */
static bool shows_effect(const struct cua_action *action)
{
	switch (action->type) {
	case CUA_ACTION_MOVE:
	case CUA_ACTION_CLIPBOARD_SET:
	case CUA_ACTION_MOUSE_UP:
	case CUA_ACTION_MOUSE_DOWN:
	case CUA_ACTION_OPEN_APP:
	case CUA_ACTION_SWITCH_APP:
	case CUA_ACTION_FOCUS_WINDOW:
		return false;
	default:
		return cua_action_table[action->type].is_input;
	}
}

static enum display_expect expectation(const struct cua_action *action)
{
	if (action->type == CUA_ACTION_TYPE && strlen(action->text) > SHORT_TEXT_BYTES) {
		return DISPLAY_EXPECT_MUCH;
	}
	if (action->type == CUA_ACTION_OPEN_APP) {
		return DISPLAY_EXPECT_REST;
	}
	return shows_effect(action) ? DISPLAY_EXPECT_CHANGE : DISPLAY_EXPECT_NOTHING;
}

/* Looks at the screen: at what the inputs before it have led to. */
static bool looks(const struct cua_action *action)
{
	switch (action->type) {
	case CUA_ACTION_SCREENSHOT:
	case CUA_ACTION_READ_SCREEN:
	case CUA_ACTION_FIND_TEXT:
	case CUA_ACTION_READ_TEXT:
	case CUA_ACTION_MARK_SCREEN:
	case CUA_ACTION_LIST_WINDOWS:
		return true;
	default:
		return false;
	}
}

static enum cua_status run_one(struct display *display, const struct cua_action *action,
		cJSON *results, struct cua_error *err)
{
	cJSON *result = cJSON_CreateObject();
	cJSON_AddItemToArray(results, result);
	cJSON_AddStringToObject(result, "action", cua_action_table[action->type].name);
	const uint64_t started_us = cua_now_us();
	enum cua_status status = CUA_OK;
	if (looks(action)) {
		display_look_for_secrets(display);
	}
	if (action->type == CUA_ACTION_SCREENSHOT) {
		const struct display_shot shot = display_shot_of(action);
		status = add_image(display, &shot, NULL, result, "image", err);
	} else {
		status = display_act(display, action, result, err);
	}
	if (status == CUA_OK && action->type == CUA_ACTION_MARK_SCREEN) {
		const struct display_shot shot = { .pointer = true, .marks = true };
		status = add_image(display, &shot, NULL, result, "image", err);
	}
	cJSON_AddStringToObject(result, "status", status == CUA_OK ? "delivered" : "failed");
	cJSON_AddNumberToObject(result, "ms", (double)(cua_now_us() - started_us) / 1000.0);
	return status;
}

/* After these the focus may move, a menu, a dialog or a window may open: what comes next must meet
 * it there. Chromium, for one, gives Ctrl+L to the page first and moves the focus later. Presses,
 * moves and releases of a button belong together and are not spread. */
static bool needs_rest_after(const struct cua_action *action)
{
	switch (action->type) {
	case CUA_ACTION_CLICK:
	case CUA_ACTION_KEY:
	case CUA_ACTION_HOLD_KEY:
	case CUA_ACTION_TYPE:
	case CUA_ACTION_DRAG:
	case CUA_ACTION_SCROLL:
	case CUA_ACTION_CLOSE_WINDOW:
	case CUA_ACTION_KILL_WINDOW:
	case CUA_ACTION_MINIMIZE_WINDOW:
		return true;
	default:
		return false;
	}
}

/* What an application copies is on the clipboard once it has handled the chord. */
static bool needs_rest_before(const struct cua_action *action)
{
	return cua_action_table[action->type].is_input || action->type == CUA_ACTION_CLIPBOARD_GET;
}

/* A reply never says "delivered" for an input that nobody saw doing anything. */
static void mark_without_effect(struct display *display, struct run *run)
{
	if (!display_has_changed(display) &&
			shows_effect(&run->request->actions[run->last_input])) {
		cJSON_ReplaceItemInObjectCaseSensitive(
				cJSON_GetArrayItem(run->results, run->last_input), "status",
				cJSON_CreateString("no_visible_effect"));
	}
}

static void add_settle(struct display *display, const struct run *run, cJSON *answer)
{
	cJSON *json = cJSON_AddObjectToObject(answer, "settle");
	cJSON_AddStringToObject(json, "reason", run->settle.reason);
	cJSON_AddNumberToObject(json, "ms", run->settle.ms);
	cJSON_AddNumberToObject(json, "last_change_ms", run->settle.last_change_ms);
	display_describe_animations(display, json);
}

/* CUA_ERR_APP if the input is held back for good: which of it is not known, so none counts. */
static enum cua_status wait_delivered(
		struct display *display, const struct run *run, struct cua_error *err)
{
	const enum cua_status status = display_wait_delivered(display, err);
	cJSON *result = NULL;
	int i = 0;
	if (status != CUA_ERR_APP) {
		return status;
	}
	cJSON_ArrayForEach (result, run->results) {
		const enum cua_action_type type = run->request->actions[i++].type;
		if (cua_action_table[type].device != CUA_DEVICE_NONE) {
			cJSON_ReplaceItemInObjectCaseSensitive(
					result, "status", cJSON_CreateString("failed"));
		}
	}
	return status;
}

/* Settles again where somebody has held the input back until now: a window manager that was busy.
 * CUA_ERR_APP, with ret_settle, if it is held back for good. */
static enum cua_status settle_delivered(struct display *display, const struct run *run,
		enum display_expect expect, struct display_settle *ret_settle,
		struct cua_error *err)
{
	const int timeout_ms = run->request->settle_ms;
	enum cua_status status = display_settle(display, timeout_ms, expect, ret_settle, err);
	if (status != CUA_OK || display_is_delivered(display)) {
		return status;
	}
	status = wait_delivered(display, run, err);
	return status == CUA_OK ? display_settle(display, timeout_ms, expect, ret_settle, err)
				: status;
}

/* Until the screen shows what the last input has led to. CUA_ERR_APP as settle_delivered(). */
static enum cua_status settle_for_picture(
		struct display *display, struct run *run, struct cua_error *err)
{
	if (run->is_settled || run->last_input < 0) {
		return CUA_OK;
	}
	if (run->request->settle_ms < 0) {
		return !run->failed && display_is_frozen(display)
				? wait_delivered(display, run, err)
				: CUA_OK;
	}
	if (run->failed) {
		return display_settle(display, run->request->settle_ms, DISPLAY_EXPECT_NOTHING,
				&run->settle, err);
	}
	const enum cua_status status = settle_delivered(display, run,
			expectation(&run->request->actions[run->last_input]), &run->settle, err);
	run->is_settled = status == CUA_OK;
	if (status == CUA_OK) {
		mark_without_effect(display, run);
	}
	return status;
}

static enum cua_status rest_between(
		struct display *display, struct run *run, int index, struct cua_error *err)
{
	struct display_settle settle;
	const struct cua_action *actions = run->request->actions;
	if (index == 0 || run->request->settle_ms < 0) {
		return CUA_OK;
	}
	if (looks(&actions[index])) {
		return settle_for_picture(display, run, err);
	}
	if (!needs_rest_after(&actions[index - 1]) || !needs_rest_before(&actions[index])) {
		return CUA_OK;
	}
	return settle_delivered(display, run, DISPLAY_EXPECT_INPUT, &settle, err);
}

/* What the caller means to do was decided by a screen of before. */
static enum cua_status check_seen(const struct display *display,
		const struct desktop_request *request, struct cua_error *err)
{
	if (!request->looks_after_person || !display_person_note(display)[0]) {
		return CUA_OK;
	}
	for (int i = 0; i < request->count; i++) {
		if (cua_action_table[request->actions[i].type].is_input) {
			return CUA_FAIL(err, CUA_ERR_PERSON, 0,
					"a person used the desktop since it was looked at last; "
					"nothing was done");
		}
	}
	return CUA_OK;
}

static enum cua_status run_all(
		struct display *display, struct run *run, int *ret_index, struct cua_error *err)
{
	const struct desktop_request *request = run->request;
	enum cua_status status = check_seen(display, request, err);
	if (status != CUA_OK) {
		return status;
	}
	status = display_check_actions(display, request->actions, request->count, ret_index, err);
	if (status != CUA_OK) {
		cua_error_prefix(err, "action %d", *ret_index);
		return status;
	}
	for (int i = 0; i < request->count; i++) {
		*ret_index = i;
		if (cua_action_table[request->actions[i].type].is_input) {
			status = display_withhold(display, err);
		}
		if (status != CUA_OK) {
			return status;
		}
		status = rest_between(display, run, i, err);
		run->is_settled = run->is_settled && looks(&request->actions[i]);
		run->last_input = cua_action_table[request->actions[i].type].is_input
				? i
				: run->last_input;
		if (status == CUA_OK) {
			status = run_one(display, &request->actions[i], run->results, err);
		}
		if (status == CUA_OK && run->is_settled) {
			add_settle(display, run, cJSON_GetArrayItem(run->results, i));
		}
		if (status != CUA_OK) {
			run->failed = true;
			cua_error_prefix(err, "action %d: %s", i,
					cua_action_table[request->actions[i].type].name);
			return status;
		}
	}
	return CUA_OK;
}

static enum cua_status observe(
		struct display *display, struct run *run, cJSON *answer, struct cua_error *err)
{
	const struct desktop_request *request = run->request;
	const enum cua_status settled = settle_for_picture(display, run, err);
	if (settled != CUA_OK && settled != CUA_ERR_APP) {
		return settled;
	}
	enum cua_status status = CUA_OK;
	add_settle(display, run, answer);
	display_look_for_secrets(display);
	if (request->wants_screenshot) {
		status = add_image(display, &request->shot, request->if_none_match, answer,
				"screenshot", err);
	}
	display_report(display, answer);
	cJSON *size = cJSON_AddObjectToObject(answer, "screen");
	cJSON_AddNumberToObject(size, "width", display_size(display).x);
	cJSON_AddNumberToObject(size, "height", display_size(display).y);
	return settled == CUA_OK ? status : settled;
}

cJSON *desktop_request_run(struct display *display, const struct desktop_request *request,
		enum cua_status *ret_status)
{
	struct cua_error error = { 0 }, second = { 0 };
	int index = -1;
	cJSON *answer = cJSON_CreateObject();
	struct run run = { .request = request,
		.results = cJSON_AddArrayToObject(answer, "results"),
		.last_input = -1,
		.settle = { .reason = "skipped" } };
	display_begin(display);
	display_speak_of(display, &request->scale);
	display_use_secrets(display, &request->secrets);
	enum cua_status status = run_all(display, &run, &index, &error);
	display_use_secrets(display, NULL);
	const bool checked = cJSON_GetArraySize(run.results) > 0;
	/* After a failure the caller needs to see where it stands, unless nobody is there. */
	if (status == CUA_OK) {
		index = -1;
		status = observe(display, &run, answer, &error);
	} else if (checked && status != CUA_ERR_CANCELLED && status != CUA_ERR_CLOSED &&
			status != CUA_ERR_PERSON && /* whose screen it is now */
			observe(display, &run, answer, &second) != CUA_OK) {
		cJSON_AddStringToObject(answer, "observe_error", second.msg);
	}
	cua_scale_answer(&request->scale, answer);
	if (status != CUA_OK) {
		display_release_held(display);
		CUA_AUTO_JSON cJSON *json = cua_http_error_json(&error, index);
		cJSON_AddItemToObject(answer, "error",
				cJSON_DetachItemFromObjectCaseSensitive(json, "error"));
	}
	/* With a picture of what the person has left. */
	if (!display_person_has_input(display) && display_person_note(display)[0] &&
			cJSON_GetObjectItemCaseSensitive(answer, "screenshot")) {
		cJSON_AddStringToObject(answer, "person_note", display_person_note(display));
		display_forget_person_note(display);
	}
	*ret_status = status;
	return answer;
}
