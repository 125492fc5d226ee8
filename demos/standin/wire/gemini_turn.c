#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cua/base/util.h"
#include "demos/standin/wire/gemini_internal.h"

struct parts {
	const struct wire_request *request;
	const struct play_turn *turn;
	cJSON *list; /* owned */
	int calls;
	bool legacy;
	struct cua_point last; /* where it clicked last */
};

static cJSON *add_part(struct parts *parts)
{
	cJSON *part = cJSON_CreateObject();
	cJSON_AddItemToArray(parts->list, part);
	return part;
}

/* The first call of a turn carries the signature; args is moved in. */
static void add_call(struct parts *parts, const char *name, cJSON *args)
{
	const struct gemini_model *model = parts->request->profile;
	cJSON *part = add_part(parts);
	cJSON *call = cJSON_AddObjectToObject(part, "functionCall");
	if (!wire_quirk(parts->request, "no-ids")) {
		struct wire_id id = wire_id(parts->request, parts->turn, "fc", parts->calls);
		cJSON_AddStringToObject(call, "id", id.text);
	}
	cJSON_AddStringToObject(call, "name", name);
	cJSON_AddItemToObject(call, "args", args);
	if (parts->calls++ == 0 && model->signs) {
		char signature[WIRE_SECRET_SIZE];
		wire_secret(signature, "CiQB");
		cJSON_AddStringToObject(part, "thoughtSignature", signature);
	}
}

/* --- arguments --- */

/* 0 to 999 over the whole picture. */
static int to_grid(int value, int side)
{
	int grid = side > 0 ? (2 * value + 1) * 500 / side : value;
	return grid > 999 ? 999 : grid;
}

static void add_xy(const struct parts *parts, cJSON *args, const char *x, const char *y,
		struct cua_point point)
{
	struct cua_point size = parts->request->talk.picture_size;
	cJSON_AddNumberToObject(args, x, to_grid(point.x, size.x));
	cJSON_AddNumberToObject(args, y, to_grid(point.y, size.y));
}

static cJSON *at(const struct parts *parts, struct cua_point point)
{
	cJSON *args = cJSON_CreateObject();
	add_xy(parts, args, "x", "y", point);
	return args;
}

/* "Page_Down" as "pagedown", "ctrl" as "control"; the legacy vocabulary begins in upper case. */
static void key_name(const struct parts *parts, const char *key, size_t len, char *out, size_t size)
{
	static const struct {
		const char *from, *to;
	} names[] = {
		{ "ctrl", "control" },
		{ "return", "enter" },
		{ "esc", "escape" },
		{ "super", "command" },
	};
	size_t used = 0;
	for (size_t i = 0; i < len && used + 1 < size; i++) {
		if (key[i] != '_' || len == 1) {
			out[used++] = (char)tolower((unsigned char)key[i]);
		}
	}
	out[used] = '\0';
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		if (strcmp(out, names[i].from) == 0) {
			snprintf(out, size, "%s", names[i].to);
		}
	}
	if (parts->legacy) {
		out[0] = (char)toupper((unsigned char)out[0]);
	}
}

static void add_keys(struct parts *parts, const char *chord)
{
	char joined[256] = "";
	cJSON *args = cJSON_CreateObject();
	cJSON *keys = cJSON_CreateArray();
	while (*chord) {
		char name[CUA_ACTION_KEY_NAME_MAX];
		size_t len = strcspn(chord + 1, "+") + 1; /* a leading + is the key itself */
		key_name(parts, chord, len, name, sizeof(name));
		cJSON_AddItemToArray(keys, cJSON_CreateString(name));
		size_t used = strlen(joined);
		snprintf(joined + used, sizeof(joined) - used, "%s%s", used ? "+" : "", name);
		chord += len;
		chord += *chord == '+';
	}
	int count = cJSON_GetArraySize(keys);
	if (parts->legacy) {
		cJSON_AddStringToObject(args, "keys", joined);
	} else if (count == 1) {
		cJSON_AddStringToObject(args, "key", joined);
	} else {
		cJSON_AddItemToObject(args, "keys", CUA_STEAL(keys));
	}
	cJSON_Delete(keys);
	add_call(parts,
			parts->legacy                ? "key_combination"
					: count == 1 ? "press_key"
						     : "hotkey",
			args);
}

/* --- acts --- */

static void add_click(struct parts *parts, const struct act *act)
{
	char name[32];
	bool plain = act->count == 1 && strcmp(act->button, "left") == 0;
	snprintf(name, sizeof(name), "%s_click", act->count == 2 ? "double" : act->button);
	cJSON *args = at(parts, act->point);
	if (!parts->legacy && parts->turn->words[0]) {
		cJSON_AddStringToObject(args, "intent", parts->turn->words);
	}
	parts->last = act->point;
	add_call(parts, parts->legacy ? "click_at" : plain ? "click" : name, args);
}

static void add_drag(struct parts *parts, const struct act *act)
{
	cJSON *args = cJSON_CreateObject();
	const struct cua_point *points = act->path.points;
	struct cua_point last = points[act->path.count - 1];
	add_xy(parts, args, parts->legacy ? "x" : "start_x", parts->legacy ? "y" : "start_y",
			points[0]);
	add_xy(parts, args, parts->legacy ? "destination_x" : "end_x",
			parts->legacy ? "destination_y" : "end_y", last);
	add_call(parts, "drag_and_drop", args);
}

static void add_scroll(struct parts *parts, const struct act *act)
{
	int side = parts->request->talk.picture_size.y;
	cJSON *args = at(parts, act->point);
	cJSON_AddStringToObject(args, "direction", act->scroll_px < 0 ? "up" : "down");
	cJSON_AddNumberToObject(args, parts->legacy ? "magnitude" : "magnitude_in_pixels",
			to_grid(abs(act->scroll_px), side));
	add_call(parts, parts->legacy ? "scroll_at" : "scroll", args);
}

/* The legacy vocabulary types at a place: the one that was clicked last. */
static void add_type(struct parts *parts, const struct act *act)
{
	cJSON *args = parts->legacy ? at(parts, parts->last) : cJSON_CreateObject();
	cJSON_AddStringToObject(args, "text", act->text);
	cJSON_AddFalseToObject(args, "press_enter");
	if (parts->legacy) {
		cJSON_AddFalseToObject(args, "clear_before_typing");
	}
	add_call(parts, parts->legacy ? "type_text_at" : "type", args);
}

static void add_wait(struct parts *parts)
{
	cJSON *args = cJSON_CreateObject();
	if (!parts->legacy) {
		cJSON_AddNumberToObject(args, "seconds", 1);
	}
	add_call(parts, parts->legacy ? "wait_5_seconds" : "wait", args);
}

/* The first vocabulary has none: a picture comes with every answer. */
static void add_screenshot(struct parts *parts)
{
	if (parts->legacy) {
		add_wait(parts);
	} else {
		add_call(parts, "take_screenshot", cJSON_CreateObject());
	}
}

static void add_raw(struct parts *parts, const struct act *act)
{
	const char *name = check_text(act->json, "name");
	const cJSON *args = check_get(act->json, "args");
	add_call(parts, name ? name : "",
			args ? cJSON_Duplicate(args, true) : cJSON_CreateObject());
}

static void add_act(struct parts *parts, const struct act *act)
{
	switch (act->kind) {
	case ACT_SCREENSHOT:
		add_screenshot(parts);
		break;
	case ACT_WAIT:
		add_wait(parts);
		break;
	case ACT_MOVE:
		add_call(parts, parts->legacy ? "hover_at" : "move", at(parts, act->point));
		break;
	case ACT_PRESS:
		add_call(parts, "mouse_down", at(parts, act->point));
		break;
	case ACT_RELEASE:
		add_call(parts, "mouse_up", at(parts, act->point));
		break;
	case ACT_CLICK:
		add_click(parts, act);
		break;
	case ACT_DRAG:
		add_drag(parts, act);
		break;
	case ACT_SCROLL:
		add_scroll(parts, act);
		break;
	case ACT_TYPE:
		add_type(parts, act);
		break;
	case ACT_KEY:
		add_keys(parts, act->keys);
		break;
	case ACT_FUNCTION:
		add_call(parts, act->text, cJSON_Duplicate(act->json, true));
		break;
	case ACT_RAW:
		add_raw(parts, act);
		break;
	}
}

const char *gemini_cannot(const struct act *act)
{
	bool click = act->kind == ACT_CLICK;
	if (click && (strcmp(act->button, "back") == 0 || strcmp(act->button, "forward") == 0)) {
		return "the API has no click of that button";
	}
	return (click || act->kind == ACT_DRAG) && act->keys ? "the API holds no keys meanwhile"
							     : NULL;
}

const char *gemini_cannot_legacy(const struct act *act)
{
	if (act->kind == ACT_CLICK && (act->count > 1 || strcmp(act->button, "left") != 0)) {
		return "the first vocabulary knows the left button alone";
	}
	return act->kind == ACT_DRAG && !act_is_straight(act)
			? "the first vocabulary draws no bent lines"
			: gemini_cannot(act);
}

/* --- */

static struct cua_point last_click(const struct wire_request *request)
{
	const struct play *play = request->play;
	for (int i = play->turn_count - 1; i >= 0; i--) {
		const struct acts *acts = &play->turns[i].acts;
		for (int j = acts->count - 1; j >= 0; j--) {
			if (acts->items[j].kind == ACT_CLICK) {
				return acts->items[j].point;
			}
		}
	}
	return (struct cua_point){ 0 };
}

cJSON *gemini_content(const struct wire_request *request, const struct play_turn *turn)
{
	const struct gemini_model *model = request->profile;
	struct parts parts = { .request = request,
		.turn = turn,
		.list = cJSON_CreateArray(),
		.legacy = model->legacy,
		.last = last_click(request) };
	const cJSON *generation = check_get(request->root, "generationConfig");
	const cJSON *thinking = check_get(generation, "thinkingConfig");
	if (cJSON_IsTrue(check_get(thinking, "includeThoughts"))) {
		cJSON *part = add_part(&parts);
		cJSON_AddStringToObject(part, "text", "I look at the screen.");
		cJSON_AddTrueToObject(part, "thought");
	}
	if (turn->words[0]) {
		cJSON_AddStringToObject(add_part(&parts), "text", turn->words);
	}
	for (int i = 0; i < turn->acts.count; i++) {
		add_act(&parts, &turn->acts.items[i]);
	}
	cJSON *content = cJSON_CreateObject();
	cJSON_AddStringToObject(content, "role", "model");
	cJSON_AddItemToObject(content, "parts", parts.list);
	return content;
}
