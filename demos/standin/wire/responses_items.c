#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire/picture.h"
#include "demos/standin/wire/responses_internal.h"

struct items {
	const struct wire_request *request;
	const struct play_turn *turn;
	cJSON *list;    /* owned */
	cJSON *actions; /* of the computer_call that is being filled; NULL for none */
	int calls;
};

static cJSON *add_item(cJSON *items, const char *type)
{
	cJSON *item = cJSON_CreateObject();
	if (!item || !cJSON_AddStringToObject(item, "type", type) ||
			!cJSON_AddItemToArray(items, item)) {
		cJSON_Delete(item);
		return NULL;
	}
	return item;
}

static void add_id(const struct items *items, cJSON *item, const char *name, const char *kind)
{
	struct wire_id id = wire_id(items->request, items->turn, kind, items->calls);
	cJSON_AddStringToObject(item, name, id.text);
}

static void add_reasoning(const struct items *items)
{
	cJSON *item = add_item(items->list, "reasoning");
	add_id(items, item, "id", "rs");
	cJSON_AddArrayToObject(item, "summary");
	if (items->request->encrypted) {
		char secret[WIRE_SECRET_SIZE];
		wire_secret(secret, "gAAAAA");
		cJSON_AddStringToObject(item, "encrypted_content", secret);
	}
}

static void add_message(const struct items *items, const char *phase, const char *text)
{
	bool refusal = items->request->fault && strcmp(items->request->fault->end, "refusal") == 0;
	cJSON *item = add_item(items->list, "message");
	add_id(items, item, "id", "msg");
	cJSON_AddStringToObject(item, "role", "assistant");
	cJSON_AddStringToObject(item, "status", "completed");
	cJSON_AddStringToObject(item, "phase", phase);
	cJSON *part = add_item(cJSON_AddArrayToObject(item, "content"),
			refusal ? "refusal" : "output_text");
	cJSON_AddStringToObject(part, refusal ? "refusal" : "text", text);
	if (!refusal) {
		cJSON_AddArrayToObject(part, "annotations");
		cJSON_AddArrayToObject(part, "logprobs");
	}
}

static void add_call_ids(struct items *items, cJSON *item, const char *kind)
{
	add_id(items, item, "id", kind);
	add_id(items, item, "call_id", "call");
	cJSON_AddStringToObject(item, "status", "completed");
	items->calls++;
}

static void add_function(struct items *items, const struct act *act)
{
	cJSON *item = add_item(items->list, "function_call");
	char *arguments = cJSON_PrintUnformatted(act->json);
	add_call_ids(items, item, "fc");
	cJSON_AddStringToObject(item, "name", act->text);
	cJSON_AddStringToObject(item, "arguments", arguments ? arguments : "");
	cJSON_free(arguments);
	items->actions = NULL;
}

/* --- actions --- */

/* "ctrl+shift+s" as ["CTRL", "SHIFT", "S"]. */
static cJSON *key_list(const char *chord)
{
	cJSON *keys = cJSON_CreateArray();
	while (chord && *chord) {
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

static void add_point(const struct items *items, cJSON *object, struct cua_point at)
{
	struct cua_point point = picture_point(items->request, at);
	cJSON_AddNumberToObject(object, "x", point.x);
	cJSON_AddNumberToObject(object, "y", point.y);
}

static void add_click(const struct items *items, const struct act *act)
{
	cJSON *action = add_item(items->actions, act->count == 2 ? "double_click" : "click");
	if (act->count != 2) {
		cJSON_AddStringToObject(action, "button",
				strcmp(act->button, "middle") == 0 ? "wheel" : act->button);
	}
	add_point(items, action, act->point);
	cJSON_AddItemToObject(action, "keys", act->keys ? key_list(act->keys) : cJSON_CreateNull());
}

static void add_drag(const struct items *items, const struct act *act)
{
	cJSON *action = add_item(items->actions, "drag");
	cJSON *path = cJSON_AddArrayToObject(action, "path");
	for (int i = 0; i < act->path.count; i++) {
		cJSON *point = cJSON_CreateObject();
		add_point(items, point, act->path.points[i]);
		cJSON_AddItemToArray(path, point);
	}
	if (act->keys) {
		cJSON_AddItemToObject(action, "keys", key_list(act->keys));
	}
}

static void add_scroll(const struct items *items, const struct act *act)
{
	cJSON *action = add_item(items->actions, "scroll");
	add_point(items, action, act->point);
	cJSON_AddNumberToObject(action, "scroll_x", 0);
	cJSON_AddNumberToObject(action, "scroll_y", act->scroll_px);
}

static void add_action(const struct items *items, const struct act *act)
{
	switch (act->kind) {
	case ACT_CLICK:
		add_click(items, act);
		break;
	case ACT_DRAG:
		add_drag(items, act);
		break;
	case ACT_SCROLL:
		add_scroll(items, act);
		break;
	case ACT_TYPE:
		cJSON_AddStringToObject(add_item(items->actions, "type"), "text", act->text);
		break;
	case ACT_KEY:
		cJSON_AddItemToObject(
				add_item(items->actions, "keypress"), "keys", key_list(act->keys));
		break;
	case ACT_MOVE:
		add_point(items, add_item(items->actions, "move"), act->point);
		break;
	case ACT_WAIT:
		add_item(items->actions, "wait");
		break;
	case ACT_RAW:
		cJSON_AddItemToArray(items->actions, cJSON_Duplicate(act->json, true));
		break;
	default:
		add_item(items->actions, "screenshot");
	}
}

/* A script may spell a whole item as well as an action. */
static bool is_item(const struct act *act)
{
	const char *type = check_text(act->json, "type");
	size_t len = type ? strlen(type) : 0;
	return act->kind == ACT_RAW && len > 5 && strcmp(type + len - 5, "_call") == 0;
}

/* The first model with the tool has one action to a call, and no list. */
static void make_single(struct items *items)
{
	cJSON *call = cJSON_GetArrayItem(items->list, cJSON_GetArraySize(items->list) - 1);
	cJSON *action = cJSON_DetachItemFromArray(items->actions, 0);
	cJSON_DeleteItemFromObjectCaseSensitive(call, "actions");
	cJSON_AddItemToObject(call, "action", action);
	items->actions = NULL;
}

static void add_act(struct items *items, const struct act *act)
{
	if (act->kind == ACT_FUNCTION) {
		add_function(items, act);
		return;
	}
	if (is_item(act)) {
		cJSON *item = cJSON_Duplicate(act->json, true);
		cJSON_AddItemToArray(items->list, item);
		add_call_ids(items, item, "raw");
		items->actions = NULL;
		return;
	}
	if (!items->actions) {
		cJSON *item = add_item(items->list, "computer_call");
		add_call_ids(items, item, "cu");
		cJSON_AddArrayToObject(item, "pending_safety_checks");
		items->actions = cJSON_AddArrayToObject(item, "actions");
	}
	add_action(items, act);
	if (responses_is_preview(items->request)) {
		make_single(items);
	}
}

cJSON *responses_items(const struct wire_request *request, const struct play_turn *turn)
{
	struct items items = { request, turn, cJSON_CreateArray(), NULL, 0 };
	add_reasoning(&items);
	if (turn->words[0]) {
		add_message(&items, turn->final ? "final_answer" : "commentary", turn->words);
	}
	for (int i = 0; i < turn->acts.count; i++) {
		add_act(&items, &turn->acts.items[i]);
	}
	return items.list;
}
