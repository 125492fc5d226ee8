#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire/anthropic_internal.h"
#include "demos/standin/wire/picture.h"

#define WHEEL_PX 100

struct content {
	const struct wire_request *request;
	const struct play_turn *turn;
	cJSON *blocks; /* owned */
	int calls;
};

static cJSON *add_block(struct content *content, const char *type)
{
	cJSON *block = cJSON_CreateObject();
	cJSON_AddStringToObject(block, "type", type);
	cJSON_AddItemToArray(content->blocks, block);
	return block;
}

static cJSON *add_use(struct content *content, const char *name)
{
	cJSON *block = add_block(content, "tool_use");
	struct wire_id id = wire_id(content->request, content->turn, "toolu", content->calls++);
	cJSON_AddStringToObject(block, "id", id.text);
	cJSON_AddStringToObject(block, "name", name);
	cJSON *caller = cJSON_AddObjectToObject(block, "caller");
	cJSON_AddStringToObject(caller, "type", "direct");
	return block;
}

/* A call of the toolset, or of the older tool; returns its input. */
static cJSON *add_action(struct content *content, const char *member)
{
	bool toolset = anthropic_uses_toolset(content->request);
	cJSON *block = add_use(content, toolset ? member : "computer");
	if (toolset) {
		cJSON_AddStringToObject(block, "toolset_name", "computer");
	}
	cJSON *input = cJSON_AddObjectToObject(block, "input");
	if (!toolset) {
		cJSON_AddStringToObject(input, "action", member);
	}
	return input;
}

static void add_point(const struct content *content, cJSON *input, const char *name,
		struct cua_point point)
{
	struct cua_point seen = picture_point(content->request, point);
	int pair[2] = { seen.x, seen.y };
	cJSON_AddItemToObject(input, name, cJSON_CreateIntArray(pair, 2));
}

static void add_text(cJSON *input, const char *text)
{
	if (text) {
		cJSON_AddStringToObject(input, "text", text);
	}
}

/* The oldest tool acts at the pointer. */
static bool is_oldest(const struct content *content)
{
	return check_is(content->request->tool, ANTHROPIC_OLDEST_TOOL);
}

/* --- acts --- */

static void add_click(struct content *content, const struct act *act)
{
	char name[32];
	snprintf(name, sizeof(name), "%s_click",
			act->count == 2                   ? "double"
					: act->count == 3 ? "triple"
							  : act->button);
	cJSON *input = add_action(content, name);
	if (!is_oldest(content)) {
		add_point(content, input, "coordinate", act->point);
	}
	add_text(input, act->keys);
}

static void add_drag(struct content *content, const struct act *act)
{
	cJSON *input = add_action(content, "left_click_drag");
	if (!is_oldest(content)) {
		add_point(content, input, "start_coordinate", act->path.points[0]);
	}
	add_point(content, input, "coordinate", act->path.points[act->path.count - 1]);
	add_text(input, act->keys);
}

static void add_scroll(struct content *content, const struct act *act)
{
	int clicks = (abs(act->scroll_px) + WHEEL_PX / 2) / WHEEL_PX;
	cJSON *input = add_action(content, "scroll");
	add_point(content, input, "coordinate", act->point);
	cJSON_AddStringToObject(input, "scroll_direction", act->scroll_px < 0 ? "up" : "down");
	cJSON_AddNumberToObject(input, "scroll_amount", clicks > 0 ? clicks : 1);
}

static void add_keys(struct content *content, const struct act *act)
{
	cJSON *input = add_action(content, "key");
	add_text(input, act->keys);
	if (act->count > 1) {
		cJSON_AddNumberToObject(input, "repeat", act->count);
	}
}

/* {"name": ..., "input": ...} as the script says, with an id. */
static void add_raw(struct content *content, const struct act *act)
{
	const char *name = check_text(act->json, "name");
	cJSON *block = add_use(content, name ? name : "");
	if (anthropic_is_member(name) && anthropic_uses_toolset(content->request)) {
		cJSON_AddStringToObject(block, "toolset_name", "computer");
	}
	const cJSON *item;
	cJSON_ArrayForEach (item, act->json) {
		if (strcmp(item->string, "name") != 0) {
			cJSON_DeleteItemFromObjectCaseSensitive(block, item->string);
			cJSON_AddItemToObject(block, item->string, cJSON_Duplicate(item, true));
		}
	}
}

static void add_wait(struct content *content)
{
	cJSON *input = add_action(content, is_oldest(content) ? "screenshot" : "wait");
	if (!is_oldest(content)) {
		cJSON_AddNumberToObject(input, "duration", 1);
	}
}

static void add_act(struct content *content, const struct act *act)
{
	switch (act->kind) {
	case ACT_SCREENSHOT:
		add_action(content, "screenshot");
		break;
	case ACT_WAIT:
		add_wait(content);
		break;
	case ACT_MOVE:
		add_point(content, add_action(content, "mouse_move"), "coordinate", act->point);
		break;
	case ACT_PRESS:
		add_action(content, "left_mouse_down");
		break;
	case ACT_RELEASE:
		add_action(content, "left_mouse_up");
		break;
	case ACT_CLICK:
		add_click(content, act);
		break;
	case ACT_DRAG:
		add_drag(content, act);
		break;
	case ACT_SCROLL:
		add_scroll(content, act);
		break;
	case ACT_TYPE:
		add_text(add_action(content, "type"), act->text);
		break;
	case ACT_KEY:
		add_keys(content, act);
		break;
	case ACT_FUNCTION:
		cJSON_AddItemToObject(add_use(content, act->text), "input",
				cJSON_Duplicate(act->json, true));
		break;
	case ACT_RAW:
		add_raw(content, act);
		break;
	}
}

const char *anthropic_cannot(const struct act *act)
{
	bool click = act->kind == ACT_CLICK;
	if (click && (strcmp(act->button, "back") == 0 || strcmp(act->button, "forward") == 0)) {
		return "the API has no click of that button";
	}
	return act->kind == ACT_DRAG && act->keys && !act_is_straight(act)
			? "the API holds no keys while drawing"
			: NULL;
}

const char *anthropic_cannot_oldest(const struct act *act)
{
	if (act->kind == ACT_SCROLL || act->kind == ACT_PRESS || act->kind == ACT_RELEASE) {
		return "the tool of 2024-10-22 has no wheel, and no button that is held down";
	}
	if ((act->kind == ACT_CLICK || act->kind == ACT_DRAG) && (act->keys || act->count > 2)) {
		return "the tool of 2024-10-22 has no triple clicks, and none with keys";
	}
	return anthropic_cannot(act);
}

/* --- thinking --- */

static bool thinks(const struct wire_request *request, const struct play_turn *turn)
{
	const char *type = check_text(check_get(request->root, "thinking"), "type");
	if (check_is(type, "between_tools")) {
		return turn != request->play->turns;
	}
	return type ? strcmp(type, "disabled") != 0
		    : anthropic_has(request, ANTHROPIC_ALWAYS_THINKS);
}

/* By default the newest models keep what they think to themselves; the signature comes anyway. */
static bool shows_thinking(const struct wire_request *request)
{
	const cJSON *thinking = check_get(request->root, "thinking");
	const char *display = check_text(thinking, "display");
	return display ? strcmp(display, "omitted") != 0
		       : !anthropic_has(request, ANTHROPIC_ADAPTIVE);
}

static void add_thinking(struct content *content, const char *words)
{
	char signature[WIRE_SECRET_SIZE];
	cJSON *block = add_block(content, "thinking");
	wire_secret(signature, "EqQB");
	cJSON_AddStringToObject(block, "thinking", shows_thinking(content->request) ? words : "");
	cJSON_AddStringToObject(block, "signature", signature);
}

cJSON *anthropic_content(const struct wire_request *request, const struct play_turn *turn)
{
	struct content content = { request, turn, cJSON_CreateArray(), 0 };
	bool thinking = thinks(request, turn);
	bool thought = thinking && !turn->final && turn->words[0] &&
			anthropic_has(request, ANTHROPIC_WORDS_THOUGHT);
	if (thinking) {
		add_thinking(&content, thought ? turn->words : "I look at the screen.");
	}
	if (turn->words[0] && !thought) {
		cJSON_AddStringToObject(add_block(&content, "text"), "text", turn->words);
	}
	for (int i = 0; i < turn->acts.count; i++) {
		add_act(&content, &turn->acts.items[i]);
	}
	return content.blocks;
}
