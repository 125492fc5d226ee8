#include "agent/tools/tool.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cua/base/json.h"
#include "cua/base/nearest.h"
#include "cua/base/util.h"

const struct tool *tool_find(const char *name)
{
	for (size_t i = 0; tool_table[i]; i++) {
		if (strcmp(tool_table[i]->name, name) == 0) {
			return tool_table[i];
		}
	}
	return NULL;
}

/* --- schema --- */

static void schema_of_type(const struct tool_arg *arg, cJSON *schema)
{
	static const char *const names[] = {
		[TOOL_ARG_STRING] = "string",
		[TOOL_ARG_INTEGER] = "integer",
		[TOOL_ARG_BOOLEAN] = "boolean",
		[TOOL_ARG_STRINGS] = "array",
		[TOOL_ARG_INTEGERS] = "array",
	};
	cJSON_AddStringToObject(schema, "type", names[arg->type]);
	if (arg->type == TOOL_ARG_INTEGER) {
		cJSON_AddNumberToObject(schema, "minimum", arg->min);
		cJSON_AddNumberToObject(schema, "maximum", arg->max);
	}
	if (arg->type == TOOL_ARG_STRINGS || arg->type == TOOL_ARG_INTEGERS) {
		cJSON *items = cJSON_AddObjectToObject(schema, "items");
		cJSON_AddStringToObject(items, "type",
				arg->type == TOOL_ARG_STRINGS ? "string" : "integer");
		cJSON_AddNumberToObject(schema, "minItems", arg->min);
		cJSON_AddNumberToObject(schema, "maxItems", arg->max);
	}
	cJSON *choices = arg->choices ? cJSON_AddArrayToObject(schema, "enum") : NULL;
	for (size_t i = 0; choices && arg->choices[i]; i++) {
		cJSON_AddItemToArray(choices, cJSON_CreateString(arg->choices[i]));
	}
}

cJSON *tool_schema(const struct tool *tool)
{
	cJSON *schema = cJSON_CreateObject();
	cJSON_AddStringToObject(schema, "type", "object");
	cJSON *properties = cJSON_AddObjectToObject(schema, "properties");
	cJSON *required = cJSON_AddArrayToObject(schema, "required");
	for (const struct tool_arg *arg = tool->args; arg->name; arg++) {
		cJSON *property = cJSON_AddObjectToObject(properties, arg->name);
		schema_of_type(arg, property);
		cJSON_AddStringToObject(property, "description", arg->help);
		if (arg->required) {
			cJSON_AddItemToArray(required, cJSON_CreateString(arg->name));
		}
	}
	cJSON_AddBoolToObject(schema, "additionalProperties", false);
	return schema;
}

/* --- checking --- */

static bool is_integer(const cJSON *value, int min, int max)
{
	return cJSON_IsNumber(value) && value->valuedouble >= min && value->valuedouble <= max &&
			floor(value->valuedouble) == value->valuedouble;
}

static enum cua_status check_string(const struct tool *tool, const struct tool_arg *arg,
		const cJSON *value, struct cua_error *err)
{
	if (!cJSON_IsString(value)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s: %s must be a string", tool->name,
				arg->name);
	}
	const size_t len = strlen(value->valuestring);
	if (len < (size_t)arg->min || len > (size_t)arg->max) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s: %s has %zu bytes; it may have %d to %d",
				tool->name, arg->name, len, arg->min, arg->max);
	}
	char names[256] = "";
	for (size_t i = 0, used = 0; arg->choices && arg->choices[i]; i++) {
		if (strcmp(arg->choices[i], value->valuestring) == 0) {
			return CUA_OK;
		}
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
				arg->choices[i]);
		used = used < sizeof(names) ? used : sizeof(names) - 1;
	}
	return !arg->choices ? CUA_OK
			     : CUA_FAIL(err, CUA_ERR_INVAL, 0,
					       "%s: %s is \"%.40s\"; it must be one of %s",
					       tool->name, arg->name, value->valuestring, names);
}

static enum cua_status check_list(const struct tool *tool, const struct tool_arg *arg,
		const cJSON *value, struct cua_error *err)
{
	const cJSON *item = NULL;
	const int count = cJSON_GetArraySize(value);
	if (!cJSON_IsArray(value) || count < arg->min || count > arg->max) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s: %s must be a list of %d to %d",
				tool->name, arg->name, arg->min, arg->max);
	}
	cJSON_ArrayForEach (item, value) {
		if (arg->type == TOOL_ARG_STRINGS ? !cJSON_IsString(item)
						  : !is_integer(item, INT32_MIN, INT32_MAX)) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s: %s must be a list of %s",
					tool->name, arg->name,
					arg->type == TOOL_ARG_STRINGS ? "strings" : "integers");
		}
	}
	return CUA_OK;
}

static enum cua_status check_arg(const struct tool *tool, const struct tool_arg *arg,
		const cJSON *value, struct cua_error *err)
{
	switch (arg->type) {
	case TOOL_ARG_STRING:
		return check_string(tool, arg, value, err);
	case TOOL_ARG_INTEGER:
		return is_integer(value, arg->min, arg->max)
				? CUA_OK
				: CUA_FAIL(err, CUA_ERR_INVAL, 0,
						  "%s: %s must be a whole number from %d to %d",
						  tool->name, arg->name, arg->min, arg->max);
	case TOOL_ARG_BOOLEAN:
		return cJSON_IsBool(value)
				? CUA_OK
				: CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s: %s must be true or false",
						  tool->name, arg->name);
	case TOOL_ARG_STRINGS:
	case TOOL_ARG_INTEGERS:
		return check_list(tool, arg, value, err);
	}
	return CUA_ERR_INVAL;
}

static const struct tool_arg *find_arg(const struct tool *tool, const char *name)
{
	for (const struct tool_arg *arg = tool->args; arg->name; arg++) {
		if (strcmp(arg->name, name) == 0) {
			return arg;
		}
	}
	return NULL;
}

static enum cua_status no_such_arg(const struct tool *tool, const char *name, struct cua_error *err)
{
	struct cua_nearest nearest = { .word = name };
	char hint[CUA_NEAREST_HINT_SIZE];
	for (const struct tool_arg *arg = tool->args; arg->name; arg++) {
		cua_nearest_try(&nearest, arg->name);
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s takes no \"%.40s\"%s", tool->name, name,
			cua_nearest_hint(&nearest, "", hint));
}

enum cua_status tool_check(const struct tool *tool, const cJSON *arguments, struct cua_error *err)
{
	const cJSON *value = NULL;
	if (!cJSON_IsObject(arguments)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s: the arguments must be an object",
				tool->name);
	}
	cJSON_ArrayForEach (value, arguments) {
		const struct tool_arg *arg = find_arg(tool, value->string);
		if (!arg) {
			return no_such_arg(tool, value->string, err);
		}
		/* Models write null for what they leave out. */
		enum cua_status status = cJSON_IsNull(value) && !arg->required
				? CUA_OK
				: check_arg(tool, arg, value, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	for (const struct tool_arg *arg = tool->args; arg->name; arg++) {
		if (arg->required && !cua_json_member(arguments, arg->name)) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s: %s is missing: %s", tool->name,
					arg->name, arg->help);
		}
	}
	return CUA_OK;
}

/* --- for run() --- */

const char *tool_string(const struct tool_call *call, const char *name)
{
	return cua_json_string(call->arguments, name);
}

int tool_integer(const struct tool_call *call, const char *name, int fallback)
{
	const cJSON *value = cua_json_member(call->arguments, name);
	return cJSON_IsNumber(value) ? value->valueint : fallback;
}

bool tool_boolean(const struct tool_call *call, const char *name)
{
	return cJSON_IsTrue(cua_json_member(call->arguments, name));
}

enum cua_status tool_add_image(struct tool_call *call, const void *bytes, size_t len,
		const char *media_type, struct cua_error *err)
{
	const size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
	if (call->image_bytes + size > TOOL_IMAGES_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"the pictures of one call may have %zu MB in all",
				TOOL_IMAGES_MAX >> 20);
	}
	call->image_bytes += size;
	CUA_AUTO_FREE char *text = malloc(size);
	cJSON *image = cJSON_CreateObject();
	if (!text || !image) {
		cJSON_Delete(image);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "picture");
	}
	sodium_bin2base64(text, size, bytes, len, sodium_base64_VARIANT_ORIGINAL);
	cJSON_AddStringToObject(image, "type", "image");
	cJSON_AddStringToObject(image, "data", text);
	cJSON_AddStringToObject(image, "mimeType", media_type);
	if (!call->images) {
		call->images = cJSON_CreateArray();
	}
	cJSON_AddItemToArray(call->images, image);
	return CUA_OK;
}
