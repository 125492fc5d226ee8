#include "agent/model/chat_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

/* One function with an action and flat arguments: what small models and the grammars of local
 * servers are best at. */
static const enum cua_action_type actions[] = {
	CUA_ACTION_SCREENSHOT,
	CUA_ACTION_CLICK,
	CUA_ACTION_MOVE,
	CUA_ACTION_DRAG,
	CUA_ACTION_MOUSE_DOWN,
	CUA_ACTION_MOUSE_UP,
	CUA_ACTION_SCROLL,
	CUA_ACTION_TYPE,
	CUA_ACTION_KEY,
	CUA_ACTION_HOLD_KEY,
	CUA_ACTION_WAIT,
	CUA_ACTION_CURSOR_POSITION,
};

static const char done[] = "done";

bool chat_tool_has(const char *name)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(actions); i++) {
		if (strcmp(cua_action_table[actions[i]].name, name) == 0) {
			return true;
		}
	}
	return false;
}

/* The arguments that a model is told of. The picture comes by itself, as its API wants it. */
static const struct cua_arg_spec *arguments_of(enum cua_action_type type)
{
	static const struct cua_arg_spec none[] = { { 0 } };
	return type == CUA_ACTION_SCREENSHOT ? none : cua_action_table[type].args;
}

void chat_tool_help(const struct chat_space *space, char *help, size_t size)
{
	char place[200];
	chat_space_describe(space, place, sizeof(place));
	snprintf(help, size, "Act on the desktop. %s A new screenshot follows every call.", place);
}

/* What stands with the argument "action": a function's description may be too short for it. */
static char *describe_actions(void)
{
	CUA_AUTO_BUFFER struct cua_buffer help;
	cua_buffer_init(&help, MODEL_WORDS_MAX);
	enum cua_status status = cua_buffer_printf(&help, NULL, "Actions and their arguments:");
	for (size_t i = 0; status == CUA_OK && i < CUA_ARRAY_LEN(actions); i++) {
		const struct cua_action_spec *spec = &cua_action_table[actions[i]];
		status = cua_buffer_printf(&help, NULL, "\n%s(", spec->name);
		const struct cua_arg_spec *arg = arguments_of(actions[i]);
		for (const char *comma = ""; status == CUA_OK && arg->name; arg++, comma = ", ") {
			status = cua_buffer_printf(&help, NULL, "%s%s%s", comma, arg->name,
					arg->required ? "" : "?");
		}
		if (status == CUA_OK) {
			status = cua_buffer_printf(&help, NULL, "): %s", spec->help);
		}
	}
	if (status == CUA_OK) {
		status = cua_buffer_printf(&help, NULL,
				"\n%s(text): The task is done; text is the final answer.", done);
	}
	return status == CUA_OK ? CUA_STEAL(help.data) : NULL;
}

/* An argument that several actions have is described once. */
static void add_properties(cJSON *properties, enum cua_action_type type)
{
	CUA_AUTO_JSON cJSON *schema = cua_action_schema(&cua_action_table[type]);
	const struct cua_arg_spec *arg = arguments_of(type);
	cJSON *from = cua_json_member(schema, "properties");
	for (; arg->name; arg++) {
		cJSON *property = cJSON_DetachItemFromObjectCaseSensitive(from, arg->name);
		if (cua_json_member(properties, arg->name)) {
			cJSON_Delete(property);
			continue;
		}
		/* Bounds and defaults differ from action to action; the parser knows them. What
		 * coordinates are of, the help says. */
		if (arg->is_x || arg->is_y) {
			cJSON_DeleteItemFromObjectCaseSensitive(property, "description");
		}
		cJSON_DeleteItemFromObjectCaseSensitive(property, "minimum");
		cJSON_DeleteItemFromObjectCaseSensitive(property, "maximum");
		cJSON_DeleteItemFromObjectCaseSensitive(property, "default");
		cJSON_AddItemToObject(properties, arg->name, property);
	}
}

cJSON *chat_tool_schema(void)
{
	cJSON *schema = cJSON_CreateObject();
	cJSON_AddStringToObject(schema, "type", "object");
	cJSON *properties = cJSON_AddObjectToObject(schema, "properties");
	cJSON *action = cJSON_AddObjectToObject(properties, "action");
	cJSON_AddStringToObject(action, "type", "string");
	CUA_AUTO_FREE char *help = describe_actions();
	cJSON_AddStringToObject(action, "description", help ? help : "");
	cJSON *names = cJSON_AddArrayToObject(action, "enum");
	for (size_t i = 0; i < CUA_ARRAY_LEN(actions); i++) {
		cJSON_AddItemToArray(names, cJSON_CreateString(cua_action_table[actions[i]].name));
		add_properties(properties, actions[i]);
	}
	cJSON_AddItemToArray(names, cJSON_CreateString(done));
	cJSON_AddItemToArray(
			cJSON_AddArrayToObject(schema, "required"), cJSON_CreateString("action"));
	return schema;
}

/* --- calls --- */

const char *chat_tool_done(const cJSON *arguments)
{
	const char *action = cua_json_string(arguments, "action");
	const char *text = cua_json_string(arguments, "text");
	if (!action || strcmp(action, done) != 0) {
		return NULL;
	}
	return text && text[0] ? text : "The task is done.";
}

static bool takes(enum cua_action_type type, const char *name)
{
	for (const struct cua_arg_spec *arg = arguments_of(type); arg->name; arg++) {
		if (strcmp(arg->name, name) == 0) {
			return true;
		}
	}
	return strcmp(name, "action") == 0;
}

/* Models that fill in a flat schema give null to what they do not mean, or nothing at all to what
 * the action does not take. */
static bool is_not_given(enum cua_action_type type, const cJSON *argument)
{
	const char *text = cJSON_GetStringValue(argument);
	if (cJSON_IsNull(argument)) {
		return true;
	}
	return !takes(type, argument->string) &&
			((text && !text[0]) || (cJSON_IsArray(argument) && !argument->child));
}

enum cua_status chat_tool_action(
		cJSON *to, const struct chat_space *space, cJSON *arguments, struct cua_error *err)
{
	const char *name = cua_json_string(arguments, "action");
	const struct cua_action_spec *spec =
			name && chat_tool_has(name) ? cua_action_find(name) : NULL;
	if (!spec) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"action is \"%.40s\"; it must be one of those in the function's "
				"description",
				name ? name : "");
	}
	const enum cua_action_type type = (enum cua_action_type)(spec - cua_action_table);
	for (cJSON *argument = arguments->child, *next = NULL; argument; argument = next) {
		next = argument->next;
		if (is_not_given(type, argument)) {
			cJSON_Delete(cJSON_DetachItemViaPointer(arguments, argument));
		} else if (!takes(type, argument->string)) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s has no argument \"%.40s\"", name,
					argument->string);
		}
	}
	enum cua_status status = chat_space_action(space, arguments, err);
	return status == CUA_OK ? model_append_action(to, cJSON_Duplicate(arguments, true),
						  &space->screen, err)
				: status;
}

enum cua_status chat_tool_call(struct agent_call *call, const struct chat_space *space,
		cJSON *arguments, struct cua_error *err)
{
	struct cua_error why = { 0 };
	enum cua_status status = chat_tool_action(call->actions, space, arguments, &why);
	if (status == CUA_ERR_NOMEM) {
		return CUA_FAIL(err, status, ENOMEM, "call");
	}
	if (status != CUA_OK) {
		snprintf(call->problem, sizeof(call->problem), "%s", why.msg);
	}
	return CUA_OK;
}
