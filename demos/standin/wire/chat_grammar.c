/* A turn as text, in the grammars of open GUI models. */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire/chat_internal.h"

#define WHEEL_PX 100

struct writing {
	const struct wire_request *request;
	const struct play_turn *turn;
	struct cua_buffer *out;
	bool broken;
};

#define WRITE(writing, ...) \
	((writing)->broken |= cua_buffer_printf((writing)->out, NULL, __VA_ARGS__) != CUA_OK)

/* 'text' with \n, \' and \\ as Python spells them. */
static void write_quoted(struct writing *writing, const char *text)
{
	WRITE(writing, "'");
	for (; *text; text++) {
		if (*text == '\n') {
			WRITE(writing, "\\n");
		} else if (*text == '\'' || *text == '\\') {
			WRITE(writing, "\\%c", *text);
		} else {
			writing->broken |= cua_buffer_append(writing->out, text, 1, NULL) != CUA_OK;
		}
	}
	WRITE(writing, "'");
}

/* Arguments of a function: name='text', count=3 */
static void write_arguments(struct writing *writing, const cJSON *arguments)
{
	const cJSON *item;
	cJSON_ArrayForEach (item, arguments) {
		WRITE(writing, "%s%s=", item == arguments->child ? "" : ", ", item->string);
		if (cJSON_IsString(item)) {
			write_quoted(writing, item->valuestring);
		} else {
			WRITE(writing, "%g", item->valuedouble);
		}
	}
}

static void write_raw(struct writing *writing, const struct act *act)
{
	const char *text = check_text(act->json, "text");
	WRITE(writing, "%s", text ? text : "");
}

/* Says what no button of it can be said. */
static const char *cannot_click(const struct act *act)
{
	bool click = act->kind == ACT_CLICK;
	if (click && (strcmp(act->button, "back") == 0 || strcmp(act->button, "forward") == 0)) {
		return "the model has no click of that button";
	}
	return (click || act->kind == ACT_DRAG) && act->keys ? "the model holds no keys" : NULL;
}

/* --- UI-TARS --- */

const char *chat_cannot_ui_tars(const struct act *act)
{
	if (act->kind == ACT_CLICK && strcmp(act->button, "middle") == 0) {
		return "the model has no middle click";
	}
	return act->kind == ACT_DRAG && !act_is_straight(act) ? "the model draws no bent lines"
							      : cannot_click(act);
}

static void write_point(struct writing *writing, const char *name, struct cua_point at)
{
	const struct chat_profile *profile = writing->request->profile;
	struct cua_point point = chat_point(writing->request, at);
	char text[64];
	/* The profile's point is a constant of chat_profiles.c. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), profile->point, point.x, point.y);
#pragma GCC diagnostic pop
	WRITE(writing, "%s='%s'", name, text);
}

/* "ctrl c" */
static void write_spaced_keys(struct writing *writing, const char *chord)
{
	WRITE(writing, "hotkey(key='");
	for (size_t i = 0; chord[i]; i++) {
		bool joins = chord[i] == '+' && i > 0 && chord[i - 1] != '+';
		WRITE(writing, "%c", joins ? ' ' : tolower((unsigned char)chord[i]));
	}
	WRITE(writing, "')");
}

static const char *point_name(const struct writing *writing, bool is_end)
{
	const struct chat_profile *profile = writing->request->profile;
	bool boxes = strncmp(profile->point, "<point>", 7) != 0;
	return is_end ? boxes ? "end_box" : "end_point" : boxes ? "start_box" : "start_point";
}

static void write_ui_tars_mouse(struct writing *writing, const char *name, struct cua_point at)
{
	const struct chat_profile *profile = writing->request->profile;
	bool boxes = strncmp(profile->point, "<point>", 7) != 0;
	WRITE(writing, "%s(", name);
	write_point(writing, boxes ? "start_box" : "point", at);
}

static void write_ui_tars(struct writing *writing, const struct act *act)
{
	switch (act->kind) {
	case ACT_CLICK:
		write_ui_tars_mouse(writing,
				act->count == 2                                     ? "left_double"
						: strcmp(act->button, "right") == 0 ? "right_single"
										    : "click",
				act->point);
		WRITE(writing, ")");
		break;
	case ACT_DRAG:
		WRITE(writing, "drag(");
		write_point(writing, point_name(writing, false), act->path.points[0]);
		WRITE(writing, ", ");
		write_point(writing, point_name(writing, true),
				act->path.points[act->path.count - 1]);
		WRITE(writing, ")");
		break;
	case ACT_SCROLL:
		write_ui_tars_mouse(writing, "scroll", act->point);
		WRITE(writing, ", direction='%s')", act->scroll_px < 0 ? "up" : "down");
		break;
	case ACT_TYPE:
		WRITE(writing, "type(content=");
		write_quoted(writing, act->text);
		WRITE(writing, ")");
		break;
	case ACT_KEY:
		write_spaced_keys(writing, act->keys);
		break;
	case ACT_FUNCTION:
		WRITE(writing, "%s(", act->text);
		write_arguments(writing, act->json);
		WRITE(writing, ")");
		break;
	case ACT_RAW:
		write_raw(writing, act);
		break;
	default:
		WRITE(writing, "wait()"); /* a new picture comes with every turn */
	}
}

static void write_ui_tars_turn(struct writing *writing)
{
	const struct acts *acts = &writing->turn->acts;
	WRITE(writing, "Thought: Step %d: %s\nAction: ", writing->request->play->turn_count,
			writing->turn->words);
	if (writing->turn->final) {
		WRITE(writing, "finished(content=");
		write_quoted(writing, writing->turn->words);
		WRITE(writing, ")");
	}
	for (int i = 0; i < acts->count; i++) {
		WRITE(writing, "%s", i ? "\n\n" : "");
		write_ui_tars(writing, &acts->items[i]);
	}
}

/* --- Qwen-VL, Fara --- */

const char *chat_cannot_qwen(const struct act *act)
{
	return act->kind == ACT_DRAG && !act_is_straight(act) ? "the model draws no bent lines"
							      : cannot_click(act);
}

static void add_coordinate(struct writing *writing, cJSON *arguments, struct cua_point at)
{
	struct cua_point point = chat_point(writing->request, at);
	cJSON_AddItemToObject(arguments, "coordinate",
			cJSON_CreateIntArray((int[]){ point.x, point.y }, 2));
}

static void add_key_list(cJSON *arguments, const char *chord)
{
	cJSON *keys = cJSON_AddArrayToObject(arguments, "keys");
	while (*chord) {
		char name[CUA_ACTION_KEY_NAME_MAX];
		size_t len = strcspn(chord + 1, "+") + 1; /* a leading + is the key itself */
		snprintf(name, sizeof(name), "%.*s", (int)len, chord);
		for (char *at = name; *at; at++) {
			*at = (char)tolower((unsigned char)*at);
		}
		cJSON_AddItemToArray(keys, cJSON_CreateString(name));
		chord += len;
		chord += *chord == '+';
	}
}

static cJSON *qwen_arguments(struct writing *writing, const struct act *act)
{
	char name[32] = "wait";
	cJSON *arguments = cJSON_CreateObject();
	cJSON *action = cJSON_AddStringToObject(arguments, "action", "");
	switch (act->kind) {
	case ACT_CLICK:
		snprintf(name, sizeof(name), "%s_click", act->count == 2 ? "double" : act->button);
		add_coordinate(writing, arguments, act->point);
		break;
	case ACT_MOVE:
		snprintf(name, sizeof(name), "mouse_move");
		add_coordinate(writing, arguments, act->point);
		break;
	case ACT_DRAG:
		snprintf(name, sizeof(name), "left_click_drag");
		add_coordinate(writing, arguments, act->path.points[act->path.count - 1]);
		break;
	case ACT_SCROLL:
		snprintf(name, sizeof(name), "scroll");
		cJSON_AddNumberToObject(arguments, "pixels", -act->scroll_px);
		break;
	case ACT_TYPE:
		snprintf(name, sizeof(name), "type");
		cJSON_AddStringToObject(arguments, "text", act->text);
		break;
	case ACT_KEY:
		snprintf(name, sizeof(name), "key");
		add_key_list(arguments, act->keys);
		break;
	default:
		cJSON_AddNumberToObject(arguments, "time", 1);
	}
	cJSON_SetValuestring(action, name);
	return arguments;
}

static cJSON *qwen_call(struct writing *writing, const struct act *act)
{
	if (act->kind == ACT_RAW) {
		return cJSON_Duplicate(act->json, true);
	}
	cJSON *call = cJSON_CreateObject();
	bool function = act->kind == ACT_FUNCTION;
	cJSON_AddStringToObject(call, "name", function ? act->text : "computer_use");
	cJSON_AddItemToObject(call, "arguments",
			function ? cJSON_Duplicate(act->json, true) : qwen_arguments(writing, act));
	return call;
}

static void write_qwen_turn(struct writing *writing)
{
	const struct play *play = writing->request->play;
	const struct play_turn *turn = writing->turn;
	WRITE(writing, "Step %d: %s\n", play->turn_count, turn->words);
	if (turn->final) {
		WRITE(writing,
				"<tool_call>\n{\"name\": \"computer_use\", \"arguments\": "
				"{\"action\": \"terminate\", \"status\": \"%s\"}}\n</tool_call>",
				play->gave_up ? "failure" : "success");
	}
	for (int i = 0; i < turn->acts.count; i++) {
		CUA_AUTO_JSON cJSON *call = qwen_call(writing, &turn->acts.items[i]);
		char *text = cJSON_PrintUnformatted(call);
		WRITE(writing, "<tool_call>\n%s\n</tool_call>", text ? text : "");
		cJSON_free(text);
	}
}

/* --- OpenCUA --- */

const char *chat_cannot_opencua(const struct act *act)
{
	return cannot_click(act);
}

static void write_xy(struct writing *writing, const char *name, struct cua_point at)
{
	struct cua_point point = chat_point(writing->request, at);
	WRITE(writing, "pyautogui.%s(x=%d, y=%d", name, point.x, point.y);
}

static void write_opencua_keys(struct writing *writing, const char *chord)
{
	if (!strchr(chord + 1, '+')) {
		WRITE(writing, "pyautogui.press(keys='%s')", chord);
		return;
	}
	WRITE(writing, "pyautogui.hotkey([");
	for (const char *at = chord; *at;) {
		size_t len = strcspn(at + 1, "+") + 1;
		WRITE(writing, "%s'%.*s'", at == chord ? "" : ", ", (int)len, at);
		at += len;
		at += *at == '+';
	}
	WRITE(writing, "])");
}

static void write_opencua(struct writing *writing, const struct act *act)
{
	switch (act->kind) {
	case ACT_CLICK:
		write_xy(writing, act->count == 2 ? "doubleClick" : "click", act->point);
		WRITE(writing, strcmp(act->button, "left") == 0 ? ")" : ", button='%s')",
				act->button);
		break;
	case ACT_MOVE:
		write_xy(writing, "moveTo", act->point);
		WRITE(writing, ")");
		break;
	case ACT_PRESS:
	case ACT_RELEASE:
		WRITE(writing, "pyautogui.mouse%s()", act->kind == ACT_PRESS ? "Down" : "Up");
		break;
	case ACT_DRAG:
		write_xy(writing, "dragTo", act->path.points[act->path.count - 1]);
		WRITE(writing, ", button='left')");
		break;
	case ACT_SCROLL:
		WRITE(writing, "pyautogui.scroll(%d)", -act->scroll_px / WHEEL_PX);
		break;
	case ACT_TYPE:
		WRITE(writing, "pyautogui.write(message=");
		write_quoted(writing, act->text);
		WRITE(writing, ")");
		break;
	case ACT_KEY:
		write_opencua_keys(writing, act->keys);
		break;
	case ACT_FUNCTION:
		WRITE(writing, "computer.%s(", act->text);
		write_arguments(writing, act->json);
		WRITE(writing, ")");
		break;
	case ACT_RAW:
		write_raw(writing, act);
		break;
	default:
		WRITE(writing, "computer.wait()");
	}
}

static void write_opencua_turn(struct writing *writing)
{
	const struct play *play = writing->request->play;
	const struct play_turn *turn = writing->turn;
	WRITE(writing, "## Thought:\nStep %d: %s\n\n## Action:\n%s\n\n## Code:\n```python\n",
			play->turn_count, turn->words, turn->words);
	if (turn->final) {
		WRITE(writing, "computer.terminate(status='%s')\n",
				play->gave_up ? "failure" : "success");
	}
	for (int i = 0; i < turn->acts.count; i++) {
		write_opencua(writing, &turn->acts.items[i]);
		WRITE(writing, "\n");
	}
	WRITE(writing, "```");
}

/* --- */

enum cua_status chat_write(const struct wire_request *request, const struct play_turn *turn,
		struct cua_buffer *text, struct cua_error *err)
{
	const struct chat_profile *profile = request->profile;
	struct writing writing = { request, turn, text, false };
	switch (profile->grammar) {
	case CHAT_QWEN:
		write_qwen_turn(&writing);
		break;
	case CHAT_OPENCUA:
		write_opencua_turn(&writing);
		break;
	default:
		write_ui_tars_turn(&writing);
	}
	return writing.broken ? CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "turn") : CUA_OK;
}
