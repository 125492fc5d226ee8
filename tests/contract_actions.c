#include "tests/contract_actions.h"

char *text_of(size_t len)
{
	char *text = malloc(len + 1);
	assert_non_null(text);
	memset(text, 'x', len);
	text[len] = '\0';
	return text;
}

cJSON *path_of(int points)
{
	cJSON *path = cJSON_CreateArray();
	for (int i = 0; i < points; i++) {
		cJSON_AddItemToArray(path, cJSON_CreateIntArray((int[]){ i % 1280, i % 800 }, 2));
	}
	return path;
}

cJSON *good_value(const struct cua_arg_spec *arg)
{
	switch (arg->type) {
	case CUA_ARG_INTEGER:
		return cJSON_CreateNumber(arg->max);
	case CUA_ARG_BOOLEAN:
		return cJSON_CreateFalse();
	case CUA_ARG_STRING:
		return cJSON_CreateString("text");
	case CUA_ARG_BUTTON:
		return cJSON_CreateString("right");
	case CUA_ARG_KEYS:
		return cJSON_CreateString("ctrl+s");
	case CUA_ARG_PATH:
		return path_of(2);
	case CUA_ARG_REGION:
		return cJSON_CreateIntArray((int[]){ 0, 0, 1, 1 }, 4);
	case CUA_ARG_WINDOW:
		return cJSON_CreateNumber(4194311);
	case CUA_ARG_CHOICE:
		return cJSON_CreateString(arg->choices[0]);
	}
	return NULL;
}

cJSON *minimal(const struct cua_action_spec *spec)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "action", spec->name);
	for (const struct cua_arg_spec *arg = spec->args; arg->name; arg++) {
		if (arg->required) {
			cJSON_AddItemToObject(json, arg->name, good_value(arg));
		}
	}
	if (spec == &cua_action_table[CUA_ACTION_SCROLL]) {
		cJSON_AddNumberToObject(json, "scroll_y", 1);
	}
	if (spec == &cua_action_table[CUA_ACTION_WAIT_FOR]) {
		cJSON_AddStringToObject(json, "text", "text");
	}
	if (spec == &cua_action_table[CUA_ACTION_DRAG]) {
		cJSON_AddItemToObject(json, "path", path_of(2));
	}
	if (spec == &cua_action_table[CUA_ACTION_MOVE]) {
		cJSON_AddStringToObject(json, "ref", "e1");
	}
	if (spec == &cua_action_table[CUA_ACTION_CLIPBOARD_SET]) {
		cJSON_AddStringToObject(json, "text", "");
	}
	return json;
}

void set(cJSON *json, const char *name, cJSON *value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(json, name);
	cJSON_AddItemToObject(json, name, value);
}

/* Of a choice, the first value that the argument goes with; what does not go with that is gone. */
static void set_choice(cJSON *json, const struct cua_arg_spec *arg)
{
	const struct cua_action_spec *spec =
			cua_action_find(cJSON_GetObjectItem(json, "action")->valuestring);
	const struct cua_arg_spec *choice = spec->args;
	int value = 0;
	while (strcmp(choice->name, arg->with) != 0) {
		choice++;
	}
	while (!(arg->values >> value & 1)) {
		value++;
	}
	set(json, choice->name, cJSON_CreateString(choice->choices[value]));
	for (const struct cua_arg_spec *other = spec->args; other->name; other++) {
		if (other->with && !(other->values >> value & 1)) {
			cJSON_DeleteItemFromObjectCaseSensitive(json, other->name);
		}
	}
}

void set_arg(cJSON *json, const struct cua_arg_spec *arg, cJSON *value)
{
	if (arg->with) {
		set_choice(json, arg);
	}
	set(json, arg->name, value);
	if (arg->is_x || arg->is_y) {
		set(json, arg->is_x ? "y" : "x", cJSON_CreateNumber(0));
		cJSON_DeleteItemFromObjectCaseSensitive(json, "ref");
	}
}

enum cua_status parse(cJSON *json, const struct cua_point *bounds, struct cua_error *err)
{
	struct cua_action action;
	enum cua_status status = cua_action_parse(json, bounds, &action, err);
	if (status == CUA_OK) {
		cua_action_finish(&action);
	}
	cJSON_Delete(json);
	return status;
}

void expect_ok(cJSON *json, const struct cua_point *bounds)
{
	struct cua_error err = { 0 };
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	if (parse(json, bounds, &err) != CUA_OK) {
		fail_msg("%.200s: %s", text, err.msg);
	}
}

void expect_refused(cJSON *json, const struct cua_point *bounds, const char *said)
{
	struct cua_error err = { 0 };
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	enum cua_status status = parse(json, bounds, &err);
	if ((status != CUA_ERR_INVAL && status != CUA_ERR_TOO_LARGE) || err.status != status ||
			!strstr(err.msg, said)) {
		fail_msg("%.200s: status %d \"%s\" lacks \"%s\"", text, (int)status, err.msg, said);
	}
}

const struct cua_action_spec *spec_at(int i)
{
	return &cua_action_table[i];
}
