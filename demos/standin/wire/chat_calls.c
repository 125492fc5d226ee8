/* A turn as tool calls. The functions are the client's own, so what they are called and what their
 * arguments are called is looked up in what it offers: one function with an "action", or one
 * function for each action. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire/chat_internal.h"

#define WHEEL_PX 100

struct calls {
	const struct wire_request *request;
	const struct play_turn *turn;
	cJSON *list; /* owned */
	int count;
};

/* Moves arguments in. */
static void add_call(struct calls *calls, const char *name, cJSON *arguments)
{
	const struct wire_request *request = calls->request;
	cJSON *call = cJSON_CreateObject();
	struct wire_id id = wire_id(request, calls->turn, "call", calls->count++);
	cJSON_AddStringToObject(call, "id", wire_quirk(request, "no-ids") ? "" : id.text);
	cJSON_AddStringToObject(call, "type", "function");
	cJSON *function = cJSON_AddObjectToObject(call, "function");
	cJSON_AddStringToObject(function, "name", name);
	if (wire_quirk(request, "object-arguments")) {
		cJSON_AddItemToObject(function, "arguments", arguments);
	} else {
		char *text = cJSON_PrintUnformatted(arguments);
		cJSON_AddStringToObject(function, "arguments", text ? text : "");
		cJSON_free(text);
		cJSON_Delete(arguments);
	}
	cJSON_AddItemToArray(calls->list, call);
}

/* --- what the client calls it --- */

/* The first of names, separated by spaces, that the function has as a property; else the first. */
static const char *choose(const cJSON *parameters, const char *names, char *out, size_t size)
{
	const cJSON *properties = check_get(parameters, "properties");
	out[0] = '\0';
	while (*names) {
		char name[32];
		size_t len = strcspn(names, " ");
		snprintf(name, sizeof(name), "%.*s", (int)len, names);
		if (!out[0] || (check_get(properties, name) && !check_get(properties, out))) {
			snprintf(out, size, "%s", name);
		}
		names += len + strspn(names + len, " ");
	}
	return out;
}

/* The first of names that is among the values of "action", else that is a function; else the first.
 */
static void choose_action(const struct wire_request *request, const cJSON *values,
		const char *names, char *out, size_t size)
{
	out[0] = '\0';
	bool found = false;
	while (*names && !found) {
		char name[32];
		size_t len = strcspn(names, " ");
		snprintf(name, sizeof(name), "%.*s", (int)len, names);
		const cJSON *value;
		cJSON_ArrayForEach (value, values) {
			found |= check_is(cJSON_GetStringValue(value), name);
		}
		found |= !values && chat_offers(request, name);
		if (found || !out[0]) {
			snprintf(out, size, "%s", name);
		}
		names += len + strspn(names + len, " ");
	}
}

/* A call in the making. */
struct action {
	const char *function;
	const cJSON *parameters;
	cJSON *arguments; /* owned until it is added */
	char name[32];
};

static struct action begin(struct calls *calls, const char *names)
{
	struct action action = { .arguments = cJSON_CreateObject() };
	const cJSON *parameters = NULL;
	action.function = chat_computer(calls->request, &parameters);
	choose_action(calls->request, chat_actions(parameters), names, action.name,
			sizeof(action.name));
	if (action.function) {
		cJSON_AddStringToObject(action.arguments, "action", action.name);
		action.parameters = parameters;
	} else {
		action.parameters = chat_parameters(calls->request, action.name);
	}
	return action;
}

static void end(struct calls *calls, const struct action *action)
{
	add_call(calls, action->function ? action->function : action->name, action->arguments);
}

static void put(const struct action *action, const char *names, cJSON *value)
{
	char name[32];
	choose(action->parameters, names, name, sizeof(name));
	cJSON_AddItemToObject(action->arguments, name, value);
}

static bool knows(const struct action *action, const char *name)
{
	return check_get(check_get(action->parameters, "properties"), name) != NULL;
}

static void put_point(struct calls *calls, const struct action *action, struct cua_point at)
{
	struct cua_point point = chat_point(calls->request, at);
	if (knows(action, "coordinate")) {
		cJSON_AddItemToObject(action->arguments, "coordinate",
				cJSON_CreateIntArray((int[]){ point.x, point.y }, 2));
		return;
	}
	cJSON_AddNumberToObject(action->arguments, "x", point.x);
	cJSON_AddNumberToObject(action->arguments, "y", point.y);
}

/* A chord as the function takes it: a list, or joined by plus signs. */
static void put_keys(const struct action *action, const char *names, const char *chord)
{
	char name[32];
	choose(action->parameters, names, name, sizeof(name));
	const cJSON *spec = check_get(check_get(action->parameters, "properties"), name);
	if (!check_is(check_text(spec, "type"), "array")) {
		cJSON_AddStringToObject(action->arguments, name, chord);
		return;
	}
	cJSON *keys = cJSON_AddArrayToObject(action->arguments, name);
	while (*chord) {
		char key[CUA_ACTION_KEY_NAME_MAX];
		size_t len = strcspn(chord + 1, "+") + 1;
		snprintf(key, sizeof(key), "%.*s", (int)len, chord);
		cJSON_AddItemToArray(keys, cJSON_CreateString(key));
		chord += len;
		chord += *chord == '+';
	}
}

/* --- acts --- */

static void add_click(struct calls *calls, const struct act *act)
{
	char names[64];
	bool left = strcmp(act->button, "left") == 0;
	snprintf(names, sizeof(names), "%s %s_click",
			act->count == 2 ? "double_click click" : "click",
			act->count == 2 ? "double" : act->button);
	struct action action = begin(calls, names);
	put_point(calls, &action, act->point);
	if (strcmp(action.name, "click") == 0) {
		if (!left) {
			put(&action, "button", cJSON_CreateString(act->button));
		}
		if (act->count > 1) {
			put(&action, "count clicks", cJSON_CreateNumber(act->count));
		}
	}
	if (act->keys) {
		put_keys(&action, "keys modifiers", act->keys);
	}
	end(calls, &action);
}

static void add_drag(struct calls *calls, const struct act *act)
{
	struct action action = begin(calls, "drag left_click_drag");
	const struct cua_point *points = act->path.points;
	struct cua_point last = chat_point(calls->request, points[act->path.count - 1]);
	if (strcmp(action.name, "left_click_drag") == 0) {
		put_point(calls, &action, points[act->path.count - 1]);
	} else if (knows(&action, "to_x")) {
		put_point(calls, &action, points[0]);
		cJSON_AddNumberToObject(action.arguments, "to_x", last.x);
		cJSON_AddNumberToObject(action.arguments, "to_y", last.y);
	} else {
		cJSON *path = cJSON_CreateArray();
		for (int i = 0; i < act->path.count; i++) {
			struct cua_point at = chat_point(calls->request, points[i]);
			cJSON_AddItemToArray(path, cJSON_CreateIntArray((int[]){ at.x, at.y }, 2));
		}
		put(&action, "path", path);
	}
	if (act->keys) {
		put_keys(&action, "keys modifiers", act->keys);
	}
	end(calls, &action);
}

static void add_scroll(struct calls *calls, const struct act *act)
{
	struct action action = begin(calls, "scroll");
	int clicks = act->scroll_px / WHEEL_PX;
	clicks = clicks ? clicks : act->scroll_px < 0 ? -1 : 1;
	if (knows(&action, "pixels")) {
		cJSON_AddNumberToObject(action.arguments, "pixels", -act->scroll_px);
	} else {
		put_point(calls, &action, act->point);
	}
	if (knows(&action, "direction")) {
		cJSON_AddStringToObject(action.arguments, "direction", clicks < 0 ? "up" : "down");
		put(&action, "amount clicks", cJSON_CreateNumber(abs(clicks)));
	} else if (!knows(&action, "pixels")) {
		put(&action, "scroll_y amount", cJSON_CreateNumber(clicks));
	}
	end(calls, &action);
}

static void add_wait(struct calls *calls)
{
	struct action action = begin(calls, "wait");
	if (knows(&action, "duration_ms")) {
		cJSON_AddNumberToObject(action.arguments, "duration_ms", 1000);
	} else if (knows(&action, "time") || knows(&action, "seconds")) {
		put(&action, "time seconds", cJSON_CreateNumber(1));
	}
	end(calls, &action);
}

static void add_text(struct calls *calls, const struct act *act)
{
	bool type = act->kind == ACT_TYPE;
	struct action action = begin(calls, type ? "type" : "key keypress hotkey press");
	if (type) {
		put(&action, "text content", cJSON_CreateString(act->text));
	} else {
		put_keys(&action, "keys key text", act->keys);
	}
	end(calls, &action);
}

static void add_bare(struct calls *calls, const char *names, const struct cua_point *at)
{
	struct action action = begin(calls, names);
	if (at) {
		put_point(calls, &action, *at);
	}
	end(calls, &action);
}

/* A function of its own, or one of the actions of the one function. */
static void add_function(struct calls *calls, const struct act *act)
{
	if (chat_parameters(calls->request, act->text)) {
		add_call(calls, act->text, cJSON_Duplicate(act->json, true));
		return;
	}
	struct action action = begin(calls, act->text);
	const cJSON *item;
	cJSON_ArrayForEach (item, act->json) {
		cJSON_AddItemToObject(action.arguments, item->string, cJSON_Duplicate(item, true));
	}
	end(calls, &action);
}

/* {"name": ..., "arguments": {...}} as the script says. */
static void add_raw(struct calls *calls, const struct act *act)
{
	const char *name = check_text(act->json, "name");
	const cJSON *arguments = check_get(act->json, "arguments");
	add_call(calls, name ? name : "",
			arguments ? cJSON_Duplicate(arguments, true) : cJSON_CreateObject());
}

static void add_act(struct calls *calls, const struct act *act)
{
	switch (act->kind) {
	case ACT_SCREENSHOT:
		add_bare(calls, "screenshot wait", NULL);
		break;
	case ACT_WAIT:
		add_wait(calls);
		break;
	case ACT_MOVE:
		add_bare(calls, "move mouse_move", &act->point);
		break;
	case ACT_PRESS:
		add_bare(calls, "mouse_down", NULL);
		break;
	case ACT_RELEASE:
		add_bare(calls, "mouse_up", NULL);
		break;
	case ACT_CLICK:
		add_click(calls, act);
		break;
	case ACT_DRAG:
		add_drag(calls, act);
		break;
	case ACT_SCROLL:
		add_scroll(calls, act);
		break;
	case ACT_TYPE:
	case ACT_KEY:
		add_text(calls, act);
		break;
	case ACT_FUNCTION:
		add_function(calls, act);
		break;
	case ACT_RAW:
		add_raw(calls, act);
		break;
	}
}

cJSON *chat_calls(const struct wire_request *request, const struct play_turn *turn)
{
	struct calls calls = { request, turn, cJSON_CreateArray(), 0 };
	for (int i = 0; i < turn->acts.count; i++) {
		add_act(&calls, &turn->acts.items[i]);
	}
	return calls.list;
}
