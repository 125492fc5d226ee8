#include "cua/contract/action.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cua/base/nearest.h"
#include "cua/base/util.h"
#include "cua/contract/key.h"
#include "cua/contract/utf8.h"

static const struct {
	const char *name;
	int button;
} button_names[] = {
	{ "left", CUA_BUTTON_LEFT },
	{ "middle", CUA_BUTTON_MIDDLE },
	{ "right", CUA_BUTTON_RIGHT },
	{ "back", CUA_BUTTON_BACK },
	{ "forward", CUA_BUTTON_FORWARD },
};

const char *cua_button_name(int button)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(button_names); i++) {
		if (button_names[i].button == button) {
			return button_names[i].name;
		}
	}
	return "unknown";
}

void cua_action_finish(struct cua_action *action)
{
	free(action->path);
	free(action->text);
	free(action->html);
	free(action->png_base64);
	free(action->files);
	free(action->ref);
	free(action->from);
	free(action->to);
	free(action->lang);
	action->path = NULL;
	action->text = action->html = action->png_base64 = action->files = action->ref = NULL;
	action->from = action->to = action->lang = NULL;
}

/* --- one value --- */

static enum cua_status read_integer(const cJSON *json, const char *name, long long min,
		long long max, int *ret_value, struct cua_error *err)
{
	if (!cJSON_IsNumber(json)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s must be an integer", name);
	}
	double value = json->valuedouble;
	if (value != floor(value)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s is %g; it must be an integer", name,
				value);
	}
	if (value < (double)min || value > (double)max) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s is %.0f; it must be %lld to %lld", name,
				value, min, max);
	}
	*ret_value = (int)value;
	return CUA_OK;
}

/* A coordinate is bounded by the table and, if known, by the screen. */
static enum cua_status read_coordinate(const cJSON *json, const char *name, int table_max,
		int screen_size, int *ret_value, struct cua_error *err)
{
	int max = screen_size > 0 && screen_size - 1 < table_max ? screen_size - 1 : table_max;
	return read_integer(json, name, 0, max, ret_value, err);
}

static enum cua_status read_string(const cJSON *json, const struct cua_arg_spec *spec,
		char **ret_text, struct cua_error *err)
{
	if (!cJSON_IsString(json)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s must be a string", spec->name);
	}
	size_t len = strlen(json->valuestring);
	if (len > (size_t)spec->max) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "%s has %zu bytes; at most %d are taken",
				spec->name, len, spec->max);
	}
	if (len < (size_t)spec->min) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s is empty", spec->name);
	}
	enum cua_status status = cua_utf8_check(json->valuestring, len, err);
	if (status != CUA_OK) {
		cua_error_prefix(err, "%s", spec->name);
		return status;
	}
	*ret_text = strdup(json->valuestring);
	return *ret_text ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "%s", spec->name);
}

static enum cua_status read_button(
		const cJSON *json, const char *name, int *ret_button, struct cua_error *err)
{
	if (!cJSON_IsString(json)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s must be a string", name);
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(button_names); i++) {
		if (strcmp(button_names[i].name, json->valuestring) == 0) {
			*ret_button = button_names[i].button;
			return CUA_OK;
		}
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0,
			"%s is \"%.40s\"; it must be left, middle, right, back or forward", name,
			json->valuestring);
}

static enum cua_status read_keys(const cJSON *json, const char *name, struct cua_keys *ret_keys,
		struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	struct cua_keys keys = { 0 };
	if (cJSON_IsString(json)) {
		status = cua_keys_parse(json->valuestring, &keys, err);
	} else if (cJSON_IsArray(json)) {
		const cJSON *item = NULL;
		cJSON_ArrayForEach (item, json) {
			if (!cJSON_IsString(item)) {
				return CUA_FAIL(err, CUA_ERR_INVAL, 0,
						"%s must be a list of strings", name);
			}
			status = cua_keys_add(&keys, item->valuestring, err);
			if (status != CUA_OK) {
				break;
			}
		}
	} else if (!cJSON_IsNull(json)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s must be a string or a list of strings",
				name);
	}
	if (status != CUA_OK) {
		cua_error_prefix(err, "%s", name);
		return status;
	}
	*ret_keys = keys;
	return CUA_OK;
}

/* [x, y] or {"x":, "y":} */
static enum cua_status read_point(const cJSON *json, const char *name,
		const struct cua_point *screen, struct cua_point *ret_point, struct cua_error *err)
{
	const cJSON *x = cJSON_IsArray(json) ? cJSON_GetArrayItem(json, 0)
					     : cJSON_GetObjectItemCaseSensitive(json, "x");
	const cJSON *y = cJSON_IsArray(json) ? cJSON_GetArrayItem(json, 1)
					     : cJSON_GetObjectItemCaseSensitive(json, "y");
	if (!x || !y || cJSON_GetArraySize(json) != 2) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s must be [x, y]", name);
	}
	char what[64];
	snprintf(what, sizeof(what), "%s x", name);
	enum cua_status status =
			read_coordinate(x, what, 32767, screen ? screen->x : 0, &ret_point->x, err);
	if (status != CUA_OK) {
		return status;
	}
	snprintf(what, sizeof(what), "%s y", name);
	return read_coordinate(y, what, 32767, screen ? screen->y : 0, &ret_point->y, err);
}

static enum cua_status read_path(const cJSON *json, const struct cua_arg_spec *spec,
		const struct cua_point *screen, struct cua_action *action, struct cua_error *err)
{
	if (!cJSON_IsArray(json)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s must be a list of points", spec->name);
	}
	int len = cJSON_GetArraySize(json);
	if (len > spec->max) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "%s has %d points; it must have 2 to %d",
				spec->name, len, spec->max);
	}
	free(action->path);
	action->path = calloc((size_t)len + 1, sizeof(*action->path));
	if (!action->path) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "%s", spec->name);
	}
	const cJSON *item = NULL;
	cJSON_ArrayForEach (item, json) {
		char what[32];
		snprintf(what, sizeof(what), "%s[%d]", spec->name, action->path_len);
		enum cua_status status = read_point(
				item, what, screen, &action->path[action->path_len], err);
		if (status != CUA_OK) {
			return status;
		}
		action->path_len++;
	}
	return CUA_OK;
}

static enum cua_status read_region(const cJSON *json, const char *name,
		const struct cua_point *screen, struct cua_region *ret_region,
		struct cua_error *err)
{
	if (!cJSON_IsArray(json) || cJSON_GetArraySize(json) != 4) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s must be [x, y, width, height]", name);
	}
	const int width = screen ? screen->x : 32768, height = screen ? screen->y : 32768;
	struct cua_region region;
	enum cua_status status = read_integer(
			cJSON_GetArrayItem(json, 0), "region x", 0, width - 1, &region.x, err);
	if (status == CUA_OK) {
		status = read_integer(cJSON_GetArrayItem(json, 1), "region y", 0, height - 1,
				&region.y, err);
	}
	if (status == CUA_OK) {
		status = read_integer(cJSON_GetArrayItem(json, 2), "region width", 1,
				width - region.x, &region.width, err);
	}
	if (status == CUA_OK) {
		status = read_integer(cJSON_GetArrayItem(json, 3), "region height", 1,
				height - region.y, &region.height, err);
	}
	if (status == CUA_OK) {
		*ret_region = region;
	}
	return status;
}

static enum cua_status read_window(
		const cJSON *json, const char *name, uint32_t *ret_window, struct cua_error *err)
{
	double number = cJSON_IsNumber(json) ? json->valuedouble : 0;
	if (cJSON_IsString(json) && json->valuestring[0] >= '0' && json->valuestring[0] <= '9') {
		const bool hexadecimal = strncasecmp(json->valuestring, "0x", 2) == 0;
		char *end = NULL;
		errno = 0;
		number = (double)strtoull(json->valuestring, &end, hexadecimal ? 16 : 10);
		if (errno != 0 || *end) {
			number = 0;
		}
	}
	if (number < 1 || number > UINT32_MAX || number != floor(number)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"%s must be a window id such as 4194311 or \"0x400007\"", name);
	}
	*ret_window = (uint32_t)number;
	return CUA_OK;
}

static enum cua_status read_choice(const cJSON *json, const struct cua_arg_spec *spec,
		int *ret_index, struct cua_error *err)
{
	const char *value = cJSON_IsString(json) ? json->valuestring : NULL;
	char names[160] = "";
	for (int i = 0; spec->choices[i]; i++) {
		if (value && strcmp(spec->choices[i], value) == 0) {
			*ret_index = i;
			return CUA_OK;
		}
		const size_t len = strlen(names);
		snprintf(names + len, sizeof(names) - len, "%s%s", i == 0 ? "" : ", ",
				spec->choices[i]);
	}
	return value ? CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s is \"%.40s\"; it must be one of %s",
				       spec->name, value, names)
		     : CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s must be a string, one of %s", spec->name,
				       names);
}

/* --- one action --- */

static enum cua_status read_arg(const cJSON *json, const struct cua_arg_spec *spec,
		const struct cua_point *screen, struct cua_action *action, struct cua_error *err)
{
	void *field = (char *)action + spec->offset;
	switch (spec->type) {
	case CUA_ARG_INTEGER:
		if (spec->is_x || spec->is_y) {
			action->has_at = true;
			int size = !screen ? 0 : spec->is_x ? screen->x : screen->y;
			return read_coordinate(json, spec->name, spec->max, size, field, err);
		}
		return read_integer(json, spec->name, spec->min, spec->max, field, err);
	case CUA_ARG_BOOLEAN:
		if (!cJSON_IsBool(json)) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s must be true or false",
					spec->name);
		}
		*(bool *)field = cJSON_IsTrue(json);
		return CUA_OK;
	case CUA_ARG_STRING:
		return read_string(json, spec, field, err);
	case CUA_ARG_BUTTON:
		return read_button(json, spec->name, field, err);
	case CUA_ARG_KEYS:
		return read_keys(json, spec->name, field, err);
	case CUA_ARG_PATH:
		return read_path(json, spec, screen, action, err);
	case CUA_ARG_REGION:
		return read_region(json, spec->name, screen, field, err);
	case CUA_ARG_WINDOW:
		return read_window(json, spec->name, field, err);
	case CUA_ARG_CHOICE:
		return read_choice(json, spec, field, err);
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s", spec->name);
}

static void set_defaults(const struct cua_action_spec *spec, struct cua_action *action)
{
	for (const struct cua_arg_spec *arg = spec->args; arg->name; arg++) {
		void *field = (char *)action + arg->offset;
		if (arg->type == CUA_ARG_BOOLEAN) {
			*(bool *)field = arg->default_value != 0;
		} else if (arg->type == CUA_ARG_INTEGER || arg->type == CUA_ARG_BUTTON ||
				arg->type == CUA_ARG_CHOICE) {
			*(int *)field = arg->default_value;
		}
	}
}

static const struct cua_arg_spec *find_arg(const struct cua_action_spec *spec, const char *name)
{
	for (const struct cua_arg_spec *arg = spec->args; arg->name; arg++) {
		if (strcmp(arg->name, name) == 0) {
			return arg;
		}
	}
	return NULL;
}

/* Arguments that are fine one by one may be wrong together. */
static enum cua_status check_wait(const struct cua_action *action, struct cua_error *err)
{
	const bool is_picture = action->until == CUA_WAIT_CHANGE || action->until == CUA_WAIT_REST;
	return is_picture || action->text
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_INVAL, 0, "text is missing; until %s needs it",
					  cua_wait_names[action->until]);
}

/* "jpeg or webp" */
static void list_values(
		const struct cua_arg_spec *choice, unsigned int values, char *list, size_t size)
{
	size_t len = 0;
	list[0] = '\0';
	for (int i = 0; choice->choices[i]; i++) {
		if (values >> i & 1 && len < size) {
			len += (size_t)snprintf(list + len, size - len, "%s%s",
					len == 0 ? "" : " or ", choice->choices[i]);
		}
	}
}

static int number_in(const struct cua_action *action, const struct cua_arg_spec *arg)
{
	int number = 0;
	memcpy(&number, (const char *)action + arg->offset, sizeof(number));
	return number;
}

/* No keys, or the default spelled out, say nothing that does not hold anyway. */
static bool says_something(const struct cua_action *action, const struct cua_arg_spec *arg)
{
	return arg->type == CUA_ARG_KEYS ? action->keys.count > 0
			: arg->type == CUA_ARG_INTEGER
			? number_in(action, arg) != arg->default_value
			: true;
}

/* What would be without effect was meant otherwise. */
static enum cua_status check_effect(
		const cJSON *json, const struct cua_action *action, struct cua_error *err)
{
	const struct cua_action_spec *spec = &cua_action_table[action->type];
	for (const struct cua_arg_spec *arg = spec->args; arg->name; arg++) {
		const struct cua_arg_spec *choice = arg->with ? find_arg(spec, arg->with) : NULL;
		const int value = choice ? number_in(action, choice) : 0;
		if (choice && !(arg->values >> value & 1) && says_something(action, arg) &&
				cJSON_GetObjectItemCaseSensitive(json, arg->name)) {
			char list[128];
			list_values(choice, arg->values, list, sizeof(list));
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"%s has no effect where %s is %s; it goes with %s %s",
					arg->name, choice->name, choice->choices[value],
					choice->name, list);
		}
	}
	return CUA_OK;
}

static enum cua_status check_together(
		const cJSON *json, const struct cua_action *action, struct cua_error *err)
{
	const struct cua_action_spec *spec = &cua_action_table[action->type];
	const bool has_x = cJSON_GetObjectItemCaseSensitive(json, "x"),
		   has_y = cJSON_GetObjectItemCaseSensitive(json, "y");
	if (has_x != has_y) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s is missing; x and y go together",
				has_x ? "y" : "x");
	}
	if (has_x && action->ref) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"x, y and ref are given; one place is enough");
	}
	if (action->type == CUA_ACTION_MOVE && !has_x && !action->ref) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "x and y are missing, or ref");
	}
	const struct cua_arg_spec *keys = find_arg(spec, "keys");
	if (keys && keys->required && action->keys.count == 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "keys is empty");
	}
	if (action->max_edge > 0 && (action->width > 0 || action->height > 0)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"max_edge is %d beside width %d and height %d; give max_edge or "
				"width and height",
				action->max_edge, action->width, action->height);
	}
	if (action->type == CUA_ACTION_WAIT_FOR) {
		return check_wait(action, err);
	}
	if (action->type == CUA_ACTION_DRAG &&
			action->path_len + (action->from ? 1 : 0) + (action->to ? 1 : 0) < 2) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"path has %d points; it must have 2 to %d, from and to counted",
				action->path_len, CUA_ACTION_POINTS_MAX);
	}
	if (action->type == CUA_ACTION_SCROLL && action->scroll_x == 0 && action->scroll_y == 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "scroll_x and scroll_y are both 0");
	}
	if (action->type == CUA_ACTION_CLIPBOARD_SET && !action->text && !action->html &&
			!action->png_base64 && !action->files) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"text is missing, and html, png_base64 and files; give one or "
				"more");
	}
	return CUA_OK;
}

static enum cua_status no_such_arg(
		const struct cua_action_spec *spec, const char *name, struct cua_error *err)
{
	struct cua_nearest nearest = { .word = name };
	char hint[CUA_NEAREST_HINT_SIZE];
	for (const struct cua_arg_spec *arg = spec->args; arg->name; arg++) {
		cua_nearest_try(&nearest, arg->name);
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0, "unknown argument \"%.40s\"%s", name,
			cua_nearest_hint(&nearest, "", hint));
}

static enum cua_status read_args(const cJSON *json, const struct cua_point *screen,
		struct cua_action *action, struct cua_error *err)
{
	const struct cua_action_spec *spec = &cua_action_table[action->type];
	const cJSON *member = NULL;
	cJSON_ArrayForEach (member, json) {
		const bool is_name = strcmp(member->string, "action") == 0;
		const struct cua_arg_spec *arg = find_arg(spec, member->string);
		if (!arg && !is_name) {
			return no_such_arg(spec, member->string, err);
		}
		if (cJSON_GetObjectItemCaseSensitive(json, member->string) != member) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s is given twice", member->string);
		}
		if (is_name) {
			continue;
		}
		enum cua_status status = read_arg(member, arg, screen, action, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	for (const struct cua_arg_spec *arg = spec->args; arg->name; arg++) {
		if (arg->required && !cJSON_GetObjectItemCaseSensitive(json, arg->name)) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s is missing", arg->name);
		}
	}
	enum cua_status status = check_effect(json, action, err);
	return status == CUA_OK ? check_together(json, action, err) : status;
}

enum cua_status cua_action_parse(const cJSON *json, const struct cua_point *screen,
		struct cua_action *ret_action, struct cua_error *err)
{
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(json, "action");
	if (!cJSON_IsObject(json) || !cJSON_IsString(name)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"an action is an object with the member \"action\", a string");
	}
	const struct cua_action_spec *spec = cua_action_find(name->valuestring);
	if (!spec) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"unknown action \"%.40s\"; GET /v1/actions lists them",
				name->valuestring);
	}
	struct cua_action action = { .type = (enum cua_action_type)(spec - cua_action_table) };
	set_defaults(spec, &action);
	enum cua_status status = read_args(json, screen, &action, err);
	if (status != CUA_OK) {
		cua_action_finish(&action);
		cua_error_prefix(err, "%s", spec->name);
		return status;
	}
	*ret_action = action;
	return CUA_OK;
}

/* --- JSON schema --- */

static void schema_of_arg(cJSON *schema, const struct cua_arg_spec *arg)
{
	static const char *const types[] = {
		[CUA_ARG_INTEGER] = "integer",
		[CUA_ARG_BOOLEAN] = "boolean",
		[CUA_ARG_STRING] = "string",
		[CUA_ARG_BUTTON] = "string",
		[CUA_ARG_KEYS] = "array",
		[CUA_ARG_PATH] = "array",
		[CUA_ARG_REGION] = "array",
		[CUA_ARG_WINDOW] = "integer",
		[CUA_ARG_CHOICE] = "string",
	};
	cJSON_AddStringToObject(schema, "type", types[arg->type]);
	cJSON_AddStringToObject(schema, "description", arg->help);
	if (arg->type == CUA_ARG_INTEGER) {
		cJSON_AddNumberToObject(schema, "minimum", arg->min);
		cJSON_AddNumberToObject(schema, "maximum", arg->max);
		if (!arg->required && !arg->is_x && !arg->is_y) {
			cJSON_AddNumberToObject(schema, "default", arg->default_value);
		}
	} else if (arg->type == CUA_ARG_BOOLEAN) {
		cJSON_AddBoolToObject(schema, "default", arg->default_value != 0);
	} else if (arg->type == CUA_ARG_BUTTON) {
		cJSON *names = cJSON_AddArrayToObject(schema, "enum");
		for (size_t i = 0; i < CUA_ARRAY_LEN(button_names); i++) {
			cJSON_AddItemToArray(names, cJSON_CreateString(button_names[i].name));
		}
		cJSON_AddStringToObject(schema, "default", cua_button_name(arg->default_value));
	} else if (arg->type == CUA_ARG_CHOICE) {
		cJSON *names = cJSON_AddArrayToObject(schema, "enum");
		for (int i = 0; arg->choices[i]; i++) {
			cJSON_AddItemToArray(names, cJSON_CreateString(arg->choices[i]));
		}
		cJSON_AddStringToObject(schema, "default", arg->choices[arg->default_value]);
	} else if (arg->type == CUA_ARG_KEYS) {
		cJSON_AddStringToObject(cJSON_AddObjectToObject(schema, "items"), "type", "string");
		cJSON_AddNumberToObject(schema, "maxItems", CUA_ACTION_KEYS_MAX);
	} else if (arg->type == CUA_ARG_PATH || arg->type == CUA_ARG_REGION) {
		cJSON *items = cJSON_AddObjectToObject(schema, "items");
		if (arg->type == CUA_ARG_REGION) {
			cJSON_AddStringToObject(items, "type", "integer");
			cJSON_AddNumberToObject(schema, "minItems", 4);
			cJSON_AddNumberToObject(schema, "maxItems", 4);
		} else {
			cJSON_AddStringToObject(items, "type", "array");
			cJSON_AddStringToObject(
					cJSON_AddObjectToObject(items, "items"), "type", "integer");
			cJSON_AddNumberToObject(schema, "minItems", arg->min);
			cJSON_AddNumberToObject(schema, "maxItems", arg->max);
		}
	}
}

cJSON *cua_action_schema(const struct cua_action_spec *spec)
{
	cJSON *schema = cJSON_CreateObject();
	cJSON_AddStringToObject(schema, "type", "object");
	cJSON *properties = cJSON_AddObjectToObject(schema, "properties");
	cJSON *required = cJSON_AddArrayToObject(schema, "required");
	for (const struct cua_arg_spec *arg = spec->args; arg->name; arg++) {
		schema_of_arg(cJSON_AddObjectToObject(properties, arg->name), arg);
		if (arg->required) {
			cJSON_AddItemToArray(required, cJSON_CreateString(arg->name));
		}
	}
	cJSON_AddBoolToObject(schema, "additionalProperties", false);
	return schema;
}
