/* The computer: a tool for each row of the action table, and one for several actions in a row. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_internal.h"

/* Beside the arguments of the table. */
#define SCREENSHOT "screenshot"
#define LIST "actions"

static const char list_help[] = "Do several actions in order, as one call; the first that fails "
				"ends it. Faster than one "
				"after the other where nothing has to be looked at in between.";

/* --- schemas --- */

static void add_screenshot_argument(cJSON *schema)
{
	cJSON *argument =
			cJSON_AddObjectToObject(cua_json_member(schema, "properties"), SCREENSHOT);
	cJSON_AddStringToObject(argument, "type", "boolean");
	cJSON_AddStringToObject(argument, "description", "show the screen afterwards");
	cJSON_AddBoolToObject(argument, "default", true);
}

/* Who only looks answers what it was asked; who acts, or waits, shows what has come of it. */
static bool shows_screen(const struct cua_action_spec *spec)
{
	return spec->is_input || spec == &cua_action_table[CUA_ACTION_WAIT] ||
			spec == &cua_action_table[CUA_ACTION_WAIT_FOR];
}

static cJSON *status_schema(void)
{
	static const char *const names[] = { "delivered", "no_visible_effect" };
	cJSON *schema = cJSON_CreateObject();
	cJSON *names_json = cJSON_CreateStringArray(names, (int)CUA_ARRAY_LEN(names));
	cJSON_AddStringToObject(schema, "type", "string");
	if (!cJSON_AddItemToObject(schema, "enum", names_json)) {
		cJSON_Delete(names_json);
	}
	cJSON_AddStringToObject(schema, "description",
			"no_visible_effect: it was delivered, and the screen did not change");
	return schema;
}

/* What every action answers; each has members of its own beside it. */
static cJSON *output_schema(void)
{
	cJSON *schema = cJSON_CreateObject();
	cJSON_AddStringToObject(schema, "type", "object");
	cJSON *properties = cJSON_AddObjectToObject(schema, "properties");
	cJSON_AddItemToObject(properties, "status", status_schema());
	cJSON_AddItemToArray(
			cJSON_AddArrayToObject(schema, "required"), cJSON_CreateString("status"));
	return schema;
}

static cJSON *list_schema(void)
{
	const char *names[CUA_ACTION_TYPE_COUNT];
	cJSON *schema = cJSON_CreateObject();
	cJSON_AddStringToObject(schema, "type", "object");
	cJSON *list = cJSON_AddObjectToObject(cJSON_AddObjectToObject(schema, "properties"), LIST);
	cJSON_AddStringToObject(list, "type", "array");
	cJSON_AddNumberToObject(list, "minItems", 1);
	cJSON_AddNumberToObject(list, "maxItems", CUA_ACTIONS_MAX);
	cJSON_AddStringToObject(list, "description",
			"each with the name of the tool as \"action\", and its arguments: "
			"{\"action\": \"click\", \"x\": 10, \"y\": 20}");
	cJSON *item = cJSON_AddObjectToObject(list, "items");
	cJSON_AddStringToObject(item, "type", "object");
	cJSON *action = cJSON_AddObjectToObject(
			cJSON_AddObjectToObject(item, "properties"), "action");
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		names[i] = cua_action_table[i].name;
	}
	cJSON_AddStringToObject(action, "type", "string");
	cJSON_AddItemToObject(
			action, "enum", cJSON_CreateStringArray(names, CUA_ACTION_TYPE_COUNT));
	cJSON_AddItemToArray(
			cJSON_AddArrayToObject(item, "required"), cJSON_CreateString("action"));
	cJSON_AddItemToArray(cJSON_AddArrayToObject(schema, "required"), cJSON_CreateString(LIST));
	cJSON_AddBoolToObject(schema, "additionalProperties", false);
	add_screenshot_argument(schema);
	return schema;
}

/* --- answers --- */

static void move_member(cJSON *from, const char *name, cJSON *to)
{
	cJSON *member = cJSON_DetachItemFromObjectCaseSensitive(from, name);
	if (member && !cJSON_AddItemToObject(to, name, member)) {
		cJSON_Delete(member);
	}
}

/* What the desktop says beside the results. What a person did, and why nothing is to be seen,
 * belongs to every answer; the rest to those of who acts. */
static void move_rest(cJSON *answer, bool is_whole, cJSON *to)
{
	static const char *const names[] = { "person_note", "withheld", "settle", "changed",
		"pointer", "focused", "new_windows", "screen" };
	for (size_t i = 0; i < (is_whole ? CUA_ARRAY_LEN(names) : 2); i++) {
		if (!cua_json_member(to, names[i])) {
			move_member(answer, names[i], to);
		}
	}
}

/* Lists of elements keep the pixels of the screen, whatever the size of the picture. */
static void tell_scale(const struct mcp_serve_acted *acted, struct mcp_serve_result *result)
{
	char text[200];
	if (acted->view.x == acted->size.x) {
		return;
	}
	snprintf(text, sizeof(text),
			"Places in this list are pixels of the screen, %dx%d, while coordinates of "
			"tools are of the screenshot, %dx%d: act by reference.",
			acted->size.x, acted->size.y, acted->view.x, acted->view.y);
	mcp_serve_add_text(result, text);
}

/* One action: its own result, with the rest beside it. Text that it was asked for is told as it is;
 * all else is easier to read as JSON than to say in words. */
static void tell_one(const struct cua_action_spec *spec, struct mcp_serve_acted *acted,
		struct mcp_serve_result *result)
{
	cJSON *answer = acted->outcome.answer;
	cJSON *one = cJSON_DetachItemFromArray(cua_json_member(answer, "results"), 0);
	cJSON_DeleteItemFromObjectCaseSensitive(one, "action");
	cJSON_DeleteItemFromObjectCaseSensitive(one, "image");
	move_rest(answer, shows_screen(spec), one);
	const char *text = cua_json_string(one, "text");
	const char *note = cua_json_string(one, "person_note");
	if (!text || cua_json_member(one, "matches") ||
			spec == &cua_action_table[CUA_ACTION_WAIT_FOR]) {
		mcp_serve_add_structured(result, one);
	} else {
		mcp_serve_add_text(result, text);
		result->structured = one;
		if (note) {
			mcp_serve_add_text(result, note);
		}
	}
	if (spec == &cua_action_table[CUA_ACTION_READ_SCREEN]) {
		tell_scale(acted, result);
	}
}

static void tell_all(struct mcp_serve_acted *acted, struct mcp_serve_result *result)
{
	cJSON *all = cJSON_CreateObject();
	cJSON *one = NULL;
	cJSON_ArrayForEach (one, cua_json_member(acted->outcome.answer, "results")) {
		cJSON_DeleteItemFromObjectCaseSensitive(one, "image");
	}
	move_member(acted->outcome.answer, "results", all);
	move_rest(acted->outcome.answer, true, all);
	mcp_serve_add_structured(result, all);
}

/* The action that failed is known to whoever asked for one. */
static const char *without_index(const char *message)
{
	static const char index[] = "action 0: ";
	return strncmp(message, index, strlen(index)) == 0 ? message + strlen(index) : message;
}

static void tell_failure(
		const struct mcp_serve_acted *acted, bool is_one, struct mcp_serve_result *result)
{
	const char *message = acted->outcome.message;
	result->is_error = true;
	mcp_serve_add_text(result, is_one ? without_index(message) : message);
	if (acted->outcome.status == CUA_ERR_PERSON) {
		mcp_serve_add_text(result,
				"A person uses the desktop now. Nothing is to be done until they "
				"give "
				"it back.");
	}
}

/* The picture that was asked for goes before the screen as it is then. */
static void show(const struct mcp_serve_acted *acted, bool wants_screen,
		struct mcp_serve_result *result)
{
	const struct agent_image *picture = &acted->outcome.picture;
	if (picture->base64) {
		mcp_serve_add_image(result, picture->base64, picture->media_type);
	} else if (wants_screen && acted->screen) {
		mcp_serve_add_image(result, acted->screen, acted->screen_type);
	}
}

/* --- calls --- */

/* Takes the argument out; CUA_ERR_INVAL. */
static enum cua_status take_screenshot_argument(
		cJSON *arguments, bool *ret_wanted, struct cua_error *err)
{
	const cJSON *wanted = cua_json_member(arguments, SCREENSHOT);
	if (wanted && !cJSON_IsBool(wanted)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, SCREENSHOT " must be true or false");
	}
	*ret_wanted = !cJSON_IsFalse(wanted);
	cJSON_DeleteItemFromObjectCaseSensitive(arguments, SCREENSHOT);
	return CUA_OK;
}

/* [{"action": NAME, ...}] */
static cJSON *one_action(const char *name, const cJSON *arguments)
{
	cJSON *actions = cJSON_CreateArray();
	cJSON *action = cJSON_Duplicate(arguments, true);
	if (!action || !cJSON_AddStringToObject(action, "action", name) ||
			!cJSON_AddItemToArray(actions, action)) {
		cJSON_Delete(action);
		cJSON_Delete(actions);
		return NULL;
	}
	return actions;
}

static enum cua_status run_one(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	const struct cua_action_spec *spec = call->tool->subject;
	struct mcp_serve_acted acted;
	bool wants_screen = false;
	if (cua_json_member(call->arguments, "action")) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s takes no \"action\"", spec->name);
	}
	enum cua_status status = shows_screen(spec)
			? take_screenshot_argument(call->arguments, &wants_screen, err)
			: CUA_OK;
	CUA_AUTO_JSON cJSON *actions = one_action(spec->name, call->arguments);
	if (status == CUA_OK && !actions) {
		status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "action");
	}
	if (status == CUA_OK) {
		status = mcp_serve_act(call, actions, &acted, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	/* A picture that was asked for stands before the words about it, all others behind. */
	const bool is_picture = spec == &cua_action_table[CUA_ACTION_SCREENSHOT] ||
			acted.outcome.picture.base64;
	if (acted.outcome.status != CUA_OK) {
		tell_failure(&acted, true, result);
		show(&acted, true, result);
	} else if (is_picture) {
		show(&acted, true, result);
		tell_one(spec, &acted, result);
	} else {
		tell_one(spec, &acted, result);
		show(&acted, wants_screen, result);
	}
	mcp_serve_acted_finish(&acted);
	return CUA_OK;
}

static enum cua_status run_list(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	const cJSON *actions = cua_json_member(call->arguments, LIST);
	struct mcp_serve_acted acted;
	bool wants_screen = true;
	enum cua_status status = take_screenshot_argument(call->arguments, &wants_screen, err);
	if (status == CUA_OK && (!cJSON_IsArray(actions) || !actions->child)) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0,
				LIST " must be a list of at least one action");
	}
	if (status == CUA_OK) {
		status = mcp_serve_act(call, actions, &acted, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	if (acted.outcome.status != CUA_OK) {
		tell_failure(&acted, false, result);
	}
	tell_all(&acted, result);
	show(&acted, wants_screen, result);
	mcp_serve_acted_finish(&acted);
	return CUA_OK;
}

static cJSON *schema_of(const struct cua_action_spec *spec)
{
	cJSON *schema = cua_action_schema(spec);
	if (schema && shows_screen(spec)) {
		add_screenshot_argument(schema);
	}
	return schema;
}

enum cua_status mcp_serve_add_actions(struct mcp_serve *serve, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (int i = 0; status == CUA_OK && i < CUA_ACTION_TYPE_COUNT; i++) {
		const struct cua_action_spec *spec = &cua_action_table[i];
		const struct mcp_serve_tool tool = { .name = spec->name,
			.help = spec->help,
			.group = MCP_SERVE_COMPUTER,
			.effect = spec->effect,
			.subject = spec,
			.run = run_one };
		status = mcp_serve_add(serve, &tool, schema_of(spec), output_schema(), err);
	}
	const struct mcp_serve_tool list = { .name = LIST,
		.help = list_help,
		.group = MCP_SERVE_COMPUTER,
		.effect = CUA_EFFECT_CHANGES | CUA_EFFECT_DESTROYS | CUA_EFFECT_REACHES_OUT,
		.run = run_list };
	return status == CUA_OK ? mcp_serve_add(serve, &list, list_schema(), NULL, err) : status;
}
