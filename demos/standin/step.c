#include "demos/standin/step.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/match.h"

#define WITHIN_DEFAULT_S 20
/* The first looks follow at once, since reading a screen takes a second by itself. */
#define LOOKS_WITHOUT_WAIT 2
#define ACTIONS_MAX 8 /* in one computer_call */

static enum step_outcome failed(struct step_context *context, const char *fmt, ...)
		CUA_PRINTF(2, 3);

static enum step_outcome failed(struct step_context *context, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(context->why, sizeof(context->why), fmt, args);
	va_end(args);
	return STEP_FAILED;
}

static void say(struct step_context *context, const char *fmt, ...) CUA_PRINTF(2, 3);

static void say(struct step_context *context, const char *fmt, ...)
{
	size_t len = strlen(context->words);
	if (len && len + 1 < sizeof(context->words)) {
		context->words[len++] = ' ';
	}
	va_list args;
	va_start(args, fmt);
	vsnprintf(context->words + len, sizeof(context->words) - len, fmt, args);
	va_end(args);
}

/* The step's own words if the script has some, else the made-up ones. */
#define SAY(context, step, ...) \
	((step)->say ? say((context), "%s", (step)->say) : say((context), __VA_ARGS__))

static enum step_outcome no_memory(struct cua_error *err)
{
	cua_error_set(err, CUA_ERR_NOMEM, ENOMEM, "turn");
	return STEP_ERROR;
}

/* --- looking --- */

static bool read_screen(struct step_context *context, struct cua_error *err)
{
	if (context->has_screen) {
		return true;
	}
	enum cua_status status = context->play->read(context->play->reader, context->input->png,
			context->input->png_len, &context->screen, err);
	context->has_screen = status == CUA_OK;
	return context->has_screen;
}

static cJSON *add_action(struct step_context *context, const char *type)
{
	cJSON *action = cJSON_CreateObject();
	if (!action || !cJSON_AddStringToObject(action, "type", type) ||
			!cJSON_AddItemToArray(context->actions, action)) {
		cJSON_Delete(action);
		return NULL;
	}
	return action;
}

/* Another picture, or the end of patience; why must be written already. */
static enum step_outcome look_again(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	int within_s = step->within_s < 0 ? WITHIN_DEFAULT_S : step->within_s;
	uint64_t waited_us = cua_now_us() - context->state.since_us;
	if (waited_us >= (uint64_t)within_s * 1000000U) {
		size_t len = strlen(context->why);
		snprintf(context->why + len, sizeof(context->why) - len, " within %d s", within_s);
		return STEP_FAILED;
	}
	bool wait = context->state.looks++ >= LOOKS_WITHOUT_WAIT;
	snprintf(context->note, sizeof(context->note), "%.100s; looking again", context->why);
	return add_action(context, wait ? "wait" : "screenshot") ? STEP_LOOK : no_memory(err);
}

/* A screenshot to begin with: STEP_NEXT once there is one to read. */
static enum step_outcome need_screen(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	if (!context->input->png) {
		snprintf(context->why, sizeof(context->why), "got no picture");
		return look_again(context, step, err);
	}
	return read_screen(context, err) ? STEP_NEXT : STEP_ERROR;
}

static bool on_screen(const struct step_context *context, const char *text)
{
	struct match place;
	return match_find(&context->screen, text, &place, 1) > 0;
}

static enum step_outcome run_see(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	enum step_outcome outcome = need_screen(context, step, err);
	if (outcome != STEP_NEXT) {
		return outcome;
	}
	int found = 0;
	const char *missing = NULL;
	const char *present = NULL;
	for (int i = 0; i < step->texts.count; i++) {
		bool here = on_screen(context, step->texts.items[i]);
		found += here;
		*(here ? &present : &missing) = step->texts.items[i];
	}
	bool holds = step->word == SCRIPT_GONE          ? found == 0
			: step->word == SCRIPT_WAIT_FOR ? found > 0
							: found == step->texts.count;
	if (holds) {
		snprintf(context->note, sizeof(context->note), "holds");
		if (step->say) {
			say(context, "%s", step->say);
		}
		return STEP_NEXT;
	}
	if (step->word == SCRIPT_GONE) {
		snprintf(context->why, sizeof(context->why), "'%s' was still there", present);
	} else {
		snprintf(context->why, sizeof(context->why), "did not find '%s'", missing);
	}
	return step->word == SCRIPT_EXPECT ? STEP_FAILED : look_again(context, step, err);
}

/* --- the mouse --- */

static bool inside(const struct step_context *context, struct cua_point point)
{
	return point.x >= 0 && point.y >= 0 && point.x < context->screen.width_px &&
			point.y < context->screen.height_px;
}

/* The middle of the text asked for, plus dx and dy: STEP_NEXT once it is known. */
static enum step_outcome find_target(struct step_context *context, const struct script_step *step,
		struct cua_point *ret_point, struct cua_error *err)
{
	enum step_outcome outcome = need_screen(context, step, err);
	if (outcome != STEP_NEXT) {
		return outcome;
	}
	const struct match_query query = { .text = script_step_text(step),
		.nth = step->nth,
		.relation = step->relation,
		.anchor = step->anchor };
	struct match place;
	if (!match_pick(&context->screen, &query, &place, context->why, sizeof(context->why))) {
		return look_again(context, step, err);
	}
	struct cua_point point = { (place.box.left + place.box.right) / 2 + step->dx,
		(place.box.top + place.box.bottom) / 2 + step->dy };
	if (!inside(context, point)) {
		return failed(context, "(%d, %d) is outside the picture", point.x, point.y);
	}
	snprintf(context->note, sizeof(context->note), "found it, goes to %d,%d", point.x, point.y);
	*ret_point = point;
	return STEP_NEXT;
}

/* "ctrl+shift+s" as ["CTRL", "SHIFT", "S"], the spelling of the real models. */
static cJSON *key_list(const char *chord)
{
	cJSON *keys = cJSON_CreateArray();
	while (keys && *chord) {
		char name[CUA_ACTION_KEY_NAME_MAX];
		size_t len = strcspn(chord + 1, "+") + 1; /* a leading + is the key itself */
		snprintf(name, sizeof(name), "%.*s", (int)len, chord);
		for (char *at = name; *at; at++) {
			*at = (char)toupper((unsigned char)*at);
		}
		cJSON_AddItemToArray(keys, cJSON_CreateString(name));
		chord += len;
		chord += *chord == '+';
	}
	return keys;
}

static enum step_outcome add_click(struct step_context *context, const struct script_step *step,
		struct cua_point point, struct cua_error *err)
{
	const char *button = step->button ? step->button : "left";
	cJSON *action = add_action(context, step->count == 2 ? "double_click" : "click");
	if (!action) {
		return no_memory(err);
	}
	if (step->count != 2) {
		cJSON_AddStringToObject(
				action, "button", strcmp(button, "middle") == 0 ? "wheel" : button);
	}
	cJSON_AddNumberToObject(action, "x", point.x);
	cJSON_AddNumberToObject(action, "y", point.y);
	cJSON_AddItemToObject(
			action, "keys", step->keys ? key_list(step->keys) : cJSON_CreateNull());
	return STEP_SENT;
}

static enum step_outcome run_click(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	struct cua_point point = step->point;
	if (step->word == SCRIPT_CLICK_AT) {
		SAY(context, step, "I click at %d, %d.", point.x, point.y);
		snprintf(context->note, sizeof(context->note), "at %d,%d", point.x, point.y);
		return add_click(context, step, point, err);
	}
	enum step_outcome outcome = find_target(context, step, &point, err);
	if (outcome != STEP_NEXT) {
		return outcome;
	}
	SAY(context, step, "I see \"%s\" and %s it.", script_step_text(step),
			step->count == 2 ? "double-click" : "click");
	return add_click(context, step, point, err);
}

static enum step_outcome add_drag(struct step_context *context, const struct script_step *step,
		const struct cua_point *points, int count, struct cua_error *err)
{
	cJSON *action = add_action(context, "drag");
	cJSON *path = action ? cJSON_AddArrayToObject(action, "path") : NULL;
	for (int i = 0; path && i < count; i++) {
		if (!inside(context, points[i])) {
			return failed(context, "(%d, %d) is outside the picture", points[i].x,
					points[i].y);
		}
		cJSON *point = cJSON_CreateObject();
		cJSON_AddNumberToObject(point, "x", points[i].x);
		cJSON_AddNumberToObject(point, "y", points[i].y);
		cJSON_AddItemToArray(path, point);
	}
	if (!path) {
		return no_memory(err);
	}
	if (step->keys) {
		cJSON_AddItemToObject(action, "keys", key_list(step->keys));
	}
	return STEP_SENT;
}

static enum step_outcome run_drag(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	struct cua_point from;
	enum step_outcome outcome = find_target(context, step, &from, err);
	if (outcome != STEP_NEXT) {
		return outcome;
	}
	struct cua_point to = { from.x + step->by.x, from.y + step->by.y };
	if (step->to) {
		const struct match_query query = { .text = step->to };
		struct match place;
		if (!match_pick(&context->screen, &query, &place, context->why,
				    sizeof(context->why))) {
			return look_again(context, step, err);
		}
		to.x = (place.box.left + place.box.right) / 2;
		to.y = (place.box.top + place.box.bottom) / 2;
	}
	/* Points on the way: applications tell a drag from a click by motion while pressed. */
	struct cua_point path[5];
	for (int i = 0; i < 5; i++) {
		path[i] = (struct cua_point){ from.x + (to.x - from.x) * i / 4,
			from.y + (to.y - from.y) * i / 4 };
	}
	SAY(context, step, "I drag from \"%s\".", script_step_text(step));
	return add_drag(context, step, path, 5, err);
}

static enum step_outcome run_draw(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	struct cua_point from;
	enum step_outcome outcome = find_target(context, step, &from, err);
	if (outcome != STEP_NEXT) {
		return outcome;
	}
	CUA_AUTO_FREE struct cua_point *points = calloc((size_t)step->path.count, sizeof(*points));
	if (!points) {
		return no_memory(err);
	}
	for (int i = 0; i < step->path.count; i++) {
		points[i].x = from.x + step->path.points[i].x;
		points[i].y = from.y + step->path.points[i].y;
	}
	SAY(context, step, "I draw a line of %d points.", step->path.count);
	return add_drag(context, step, points, step->path.count, err);
}

static enum step_outcome run_scroll(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	enum step_outcome outcome = need_screen(context, step, err);
	if (outcome != STEP_NEXT) {
		return outcome;
	}
	if (step->until && on_screen(context, step->until)) {
		snprintf(context->note, sizeof(context->note), "sees '%.80s'", step->until);
		return STEP_NEXT;
	}
	struct cua_point point = { context->screen.width_px / 2, context->screen.height_px / 2 };
	if (step->at) {
		const struct match_query query = { .text = step->at };
		struct match place;
		if (!match_pick(&context->screen, &query, &place, context->why,
				    sizeof(context->why))) {
			return look_again(context, step, err);
		}
		point.x = (place.box.left + place.box.right) / 2;
		point.y = (place.box.top + place.box.bottom) / 2;
	}
	int within_s = step->within_s < 0 ? WITHIN_DEFAULT_S : step->within_s;
	if (step->until && cua_now_us() - context->state.since_us > (uint64_t)within_s * 1000000U) {
		return failed(context, "did not find '%s' within %d s of scrolling", step->until,
				within_s);
	}
	cJSON *action = add_action(context, "scroll");
	if (!action) {
		return no_memory(err);
	}
	cJSON_AddNumberToObject(action, "x", point.x);
	cJSON_AddNumberToObject(action, "y", point.y);
	cJSON_AddNumberToObject(action, "scroll_x", 0);
	cJSON_AddNumberToObject(action, "scroll_y", step->number);
	SAY(context, step, "I scroll%s%s%s.", step->until ? " to look for \"" : "",
			step->until ? step->until : "", step->until ? "\"" : "");
	snprintf(context->note, sizeof(context->note), "by %d", step->number);
	return step->until ? STEP_LOOK : STEP_SENT;
}

/* --- keys and functions --- */

static enum step_outcome run_keys(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	const char *text = script_step_text(step);
	bool type = step->word == SCRIPT_TYPE;
	for (int i = 0; i < step->count; i++) {
		cJSON *action = add_action(context, type ? "type" : "keypress");
		if (!action) {
			return no_memory(err);
		}
		cJSON_AddItemToObject(action, type ? "text" : "keys",
				type ? cJSON_CreateString(text) : key_list(text));
	}
	if (type) {
		SAY(context, step, "I type %zu bytes of text.", strlen(text));
	} else {
		SAY(context, step, "I press %s.", text);
	}
	snprintf(context->note, sizeof(context->note), "sent");
	return STEP_SENT;
}

static const struct function_of {
	const char *name, *argument;
} functions[SCRIPT_WORD_COUNT] = {
	[SCRIPT_OPEN_APP] = { "open_app", "name" },
	[SCRIPT_SWITCH_APP] = { "switch_app", "name" },
	[SCRIPT_OPEN_URL] = { "open_url", "url" },
	[SCRIPT_CLIPBOARD_SET] = { "clipboard_set", "text" },
	[SCRIPT_CLIPBOARD_IS] = { "clipboard_get", NULL },
};

const char *play_function_of(const struct script_step *step)
{
	return functions[step->word].name;
}

/* What came back from a function says that it failed. */
static bool tells_failure(const char *told)
{
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(told);
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(json, "error");
	const char *status = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "status"));
	return (error && !cJSON_IsNull(error)) || (status && strcmp(status, "failed") == 0) ||
			strncasecmp(told, "error", 5) == 0 || strncasecmp(told, "failed", 6) == 0;
}

static enum step_outcome run_function(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	const char *text = script_step_text(step);
	const struct function_of *function = &functions[step->word];
	if (context->state.called) {
		const char *told = context->input->told;
		if (tells_failure(told)) {
			return failed(context, "the call failed: %.500s", told);
		}
		if (step->word == SCRIPT_CLIPBOARD_IS && !strstr(told, text)) {
			return failed(context, "the clipboard was: %.500s", told);
		}
		snprintf(context->note, sizeof(context->note), "answered");
		return STEP_NEXT;
	}
	if (context->input->lacks) {
		return failed(context, "the tool %s is not offered", context->input->lacks);
	}
	context->function = function->name;
	context->arguments = cJSON_CreateObject();
	if (!context->arguments) {
		return no_memory(err);
	}
	if (function->argument) {
		cJSON_AddStringToObject(context->arguments, function->argument, text);
	}
	SAY(context, step, "I call %s%s%.200s.", function->name, function->argument ? " with " : "",
			function->argument ? text : "");
	context->state.called = true;
	snprintf(context->note, sizeof(context->note), "called");
	return STEP_LOOK; /* the same step takes the answer */
}

/* --- */

enum step_outcome step_run(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	context->note[0] = '\0';
	context->why[0] = '\0';
	switch (step->word) {
	case SCRIPT_SAY:
		say(context, "%s", script_step_text(step));
		return STEP_NEXT;
	case SCRIPT_SEE:
	case SCRIPT_WAIT_FOR:
	case SCRIPT_GONE:
	case SCRIPT_EXPECT:
		return run_see(context, step, err);
	case SCRIPT_CLICK_TEXT:
	case SCRIPT_CLICK_AT:
		return run_click(context, step, err);
	case SCRIPT_DRAG_TEXT:
		return run_drag(context, step, err);
	case SCRIPT_DRAW:
		return run_draw(context, step, err);
	case SCRIPT_SCROLL:
		return run_scroll(context, step, err);
	case SCRIPT_TYPE:
	case SCRIPT_KEY:
		return run_keys(context, step, err);
	case SCRIPT_DONE:
		say(context, "%s", script_step_text(step));
		return STEP_DONE;
	default:
		return run_function(context, step, err);
	}
}

bool step_joins(const struct step_context *context, const struct script_step *step)
{
	const cJSON *first = cJSON_GetArrayItem(context->actions, 0);
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(first, "type"));
	bool keys = type && (strcmp(type, "type") == 0 || strcmp(type, "keypress") == 0);
	return keys && !context->function &&
			cJSON_GetArraySize(context->actions) + step->count <= ACTIONS_MAX &&
			(step->word == SCRIPT_TYPE || step->word == SCRIPT_KEY);
}

void step_context_finish(struct step_context *context)
{
	see_screen_finish(&context->screen);
	cJSON_Delete(context->actions);
	cJSON_Delete(context->arguments);
}
