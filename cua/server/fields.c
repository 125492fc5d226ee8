#include "cua/server/fields.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/nearest.h"
#include "cua/base/util.h"
#include "cua/contract/utf8.h"

#define PLACE_MAX 160
#define WHOLE_MAX 9007199254740992.0

/* --- checking --- */

static const struct field *find_field(const struct fields *fields, const char *name, size_t len)
{
	for (const struct field *field = fields->list; field->name; field++) {
		if (strlen(field->name) == len && strncmp(field->name, name, len) == 0) {
			return field;
		}
	}
	return NULL;
}

static enum cua_status unknown(const struct fields *fields, const char *place, const char *name,
		struct cua_error *err)
{
	char hint[CUA_NEAREST_HINT_SIZE];
	struct cua_nearest nearest = { .word = name };
	for (const struct field *field = fields->list; field->name; field++) {
		cua_nearest_try(&nearest, field->name);
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0, "there is no member %s%.60s%s", place, name,
			cua_nearest_hint(&nearest, "", hint));
}

static bool is_chosen(const char *choices, const char *text)
{
	const size_t len = strlen(text);
	for (const char *at = choices; at; at = strchr(at, '|')) {
		at += *at == '|';
		if (strcspn(at, "|") == len && strncmp(at, text, len) == 0) {
			return true;
		}
	}
	return false;
}

static enum cua_status check_text(const struct field *field, const char *place, const char *text,
		struct cua_error *err)
{
	const double len = (double)strlen(text);
	if (field->choices && !is_chosen(field->choices, text)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s must be one of %s", place,
				field->choices);
	}
	if (field->max > 0 && (len < field->min || len > field->max)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s must have %.0f to %.0f bytes", place,
				field->min, field->max);
	}
	enum cua_status status = cua_utf8_check(text, strlen(text), err);
	if (status != CUA_OK) {
		cua_error_prefix(err, "%s", place);
	}
	return status;
}

static enum cua_status check_number(
		const struct field *field, const char *place, double number, struct cua_error *err)
{
	const bool is_whole = floor(number) == number && fabs(number) <= WHOLE_MAX;
	if (!isfinite(number) || (field->type == FIELD_WHOLE && !is_whole)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s must be a %snumber", place,
				field->type == FIELD_WHOLE ? "whole " : "");
	}
	if ((field->min != 0 || field->max != 0) && (number < field->min || number > field->max)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s must be from %g to %g", place,
				field->min, field->max);
	}
	return CUA_OK;
}

static enum cua_status check_object(const struct fields *fields, const char *place,
		const cJSON *object, struct cua_error *err);

static enum cua_status check_items(const struct field *field, const char *place, const cJSON *list,
		struct cua_error *err)
{
	const cJSON *item = NULL;
	int i = 0;
	const int count = cJSON_GetArraySize(list);
	if (count < (int)field->min) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s has less than %.0f items", place,
				field->min);
	}
	if (field->max > 0 && count > (int)field->max) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s has more than %.0f items", place,
				field->max);
	}
	cJSON_ArrayForEach (item, list) {
		char here[PLACE_MAX];
		snprintf(here, sizeof(here), "%.*s[%d]", PLACE_MAX - 16, place, i++);
		if (field->type == FIELD_TEXTS && !cJSON_IsString(item)) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s must be a text", here);
		}
		enum cua_status status = field->type == FIELD_TEXTS
				? cua_utf8_check(item->valuestring, strlen(item->valuestring), err)
				: check_object(field->of, here, item, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	return CUA_OK;
}

static const char *type_name(enum field_type type)
{
	static const char *const names[] = { [FIELD_TEXT] = "a text",
		[FIELD_NUMBER] = "a number",
		[FIELD_WHOLE] = "a whole number",
		[FIELD_BOOL] = "true or false",
		[FIELD_OBJECT] = "an object",
		[FIELD_LIST] = "an array",
		[FIELD_TEXTS] = "an array of texts",
		[FIELD_ANY] = "JSON" };
	return names[type];
}

static bool has_type(enum field_type type, const cJSON *value)
{
	switch (type) {
	case FIELD_TEXT:
		return cJSON_IsString(value);
	case FIELD_NUMBER:
	case FIELD_WHOLE:
		return cJSON_IsNumber(value);
	case FIELD_BOOL:
		return cJSON_IsBool(value);
	case FIELD_OBJECT:
		return cJSON_IsObject(value);
	case FIELD_LIST:
	case FIELD_TEXTS:
		return cJSON_IsArray(value);
	default:
		return true;
	}
}

static enum cua_status check_value(const struct field *field, const char *place, const cJSON *value,
		struct cua_error *err)
{
	if (cJSON_IsNull(value) && field->flags & FIELD_NULLABLE) {
		return CUA_OK;
	}
	if (!has_type(field->type, value)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s must be %s", place,
				type_name(field->type));
	}
	switch (field->type) {
	case FIELD_TEXT:
		return check_text(field, place, value->valuestring, err);
	case FIELD_NUMBER:
	case FIELD_WHOLE:
		return check_number(field, place, value->valuedouble, err);
	case FIELD_OBJECT:
		return check_object(field->of, place, value, err);
	case FIELD_LIST:
	case FIELD_TEXTS:
		return check_items(field, place, value, err);
	default:
		return CUA_OK;
	}
}

/* place: "" at the top. */
static enum cua_status check_object(const struct fields *fields, const char *place,
		const cJSON *object, struct cua_error *err)
{
	const cJSON *member = NULL;
	char here[PLACE_MAX];
	if (!cJSON_IsObject(object)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s must be an object",
				place[0] ? place : "the body");
	}
	cJSON_ArrayForEach (member, object) {
		const char *name = member->string;
		const struct field *field = find_field(fields, name, strlen(name));
		snprintf(here, sizeof(here), "%s%s", place, place[0] ? "." : "");
		if (!field) {
			return unknown(fields, here, name, err);
		}
		if (cJSON_GetObjectItemCaseSensitive(object, name) != member) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s%s is there twice", here, name);
		}
		snprintf(here, sizeof(here), "%s%s%s", place, place[0] ? "." : "", name);
		enum cua_status status = check_value(field, here, member, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	for (const struct field *field = fields->list; field->name; field++) {
		if (field->flags & FIELD_REQUIRED &&
				!cJSON_GetObjectItemCaseSensitive(object, field->name)) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s%s%s is missing", place,
					place[0] ? "." : "", field->name);
		}
	}
	return CUA_OK;
}

enum cua_status fields_check(
		const struct fields *fields, const cJSON *object, struct cua_error *err)
{
	return check_object(fields, "", object, err);
}

/* --- queries --- */

/* A text as what the field wants it to be; NULL if it is not. */
static cJSON *value_of(const struct field *field, const char *text)
{
	char *end = NULL;
	if (field->type == FIELD_BOOL) {
		return strcmp(text, "true") == 0             ? cJSON_CreateTrue()
				: strcmp(text, "false") == 0 ? cJSON_CreateFalse()
							     : NULL;
	}
	if (field->type == FIELD_NUMBER || field->type == FIELD_WHOLE) {
		const double number = strtod(text, &end);
		return text[0] && !*end ? cJSON_CreateNumber(number) : NULL;
	}
	return cJSON_CreateString(text);
}

enum cua_status fields_take_query(const struct fields *fields, const struct cua_http_head *head,
		cJSON **ret_object, struct cua_error *err)
{
	static const struct field none[] = { { 0 } };
	static const struct fields nothing = { "Nothing", none };
	CUA_AUTO_JSON cJSON *object = cJSON_CreateObject();
	fields = fields ? fields : &nothing;
	for (size_t i = 0; i < CUA_HTTP_ARGUMENTS_MAX && head->arguments[i]; i++) {
		const char *argument = head->arguments[i];
		const size_t len = strcspn(argument, "=");
		const struct field *field = find_field(fields, argument, len);
		if (!field) {
			char name[64];
			snprintf(name, sizeof(name), "%.*s", (int)len, argument);
			return unknown(fields, "?", name, err);
		}
		cJSON *value = argument[len] ? value_of(field, argument + len + 1) : NULL;
		if (!value) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "?%s must be %s", field->name,
					type_name(field->type));
		}
		cJSON_AddItemToObject(object, field->name, value);
	}
	enum cua_status status = check_object(fields, "", object, err);
	if (status == CUA_OK) {
		*ret_object = CUA_STEAL(object);
	}
	return status;
}

/* --- schemas --- */

static cJSON *reference_to(const struct fields *fields)
{
	char path[96];
	cJSON *json = cJSON_CreateObject();
	snprintf(path, sizeof(path), "#/components/schemas/%s", fields->name);
	cJSON_AddStringToObject(json, "$ref", path);
	return json;
}

static void add_bounds(cJSON *schema, const struct field *field, const char *min, const char *max)
{
	if (field->min != 0 || field->max != 0) {
		cJSON_AddNumberToObject(schema, min, field->min);
		cJSON_AddNumberToObject(schema, max, field->max);
	}
}

static void add_choices(cJSON *schema, const struct field *field)
{
	cJSON *list = cJSON_AddArrayToObject(schema, "enum");
	for (const char *at = field->choices; at; at = strchr(at, '|')) {
		char choice[64];
		at += *at == '|';
		snprintf(choice, sizeof(choice), "%.*s", (int)strcspn(at, "|"), at);
		cJSON_AddItemToArray(list, cJSON_CreateString(choice));
	}
	if (field->flags & FIELD_NULLABLE) {
		cJSON_AddItemToArray(list, cJSON_CreateNull());
	}
}

static void add_type(cJSON *schema, const struct field *field, const char *type)
{
	if (field->flags & FIELD_NULLABLE) {
		cJSON *types = cJSON_AddArrayToObject(schema, "type");
		cJSON_AddItemToArray(types, cJSON_CreateString(type));
		cJSON_AddItemToArray(types, cJSON_CreateString("null"));
	} else {
		cJSON_AddStringToObject(schema, "type", type);
	}
}

static cJSON *schema_of(const struct field *field)
{
	cJSON *schema = cJSON_CreateObject();
	cJSON *items = NULL;
	switch (field->type) {
	case FIELD_TEXT:
		add_type(schema, field, "string");
		if (field->choices) {
			add_choices(schema, field);
		}
		add_bounds(schema, field, "minLength", "maxLength");
		break;
	case FIELD_NUMBER:
	case FIELD_WHOLE:
		add_type(schema, field, field->type == FIELD_WHOLE ? "integer" : "number");
		add_bounds(schema, field, "minimum", "maximum");
		break;
	case FIELD_BOOL:
		add_type(schema, field, "boolean");
		break;
	case FIELD_TEXTS:
	case FIELD_LIST:
		add_type(schema, field, "array");
		items = field->type == FIELD_TEXTS ? cJSON_CreateObject() : reference_to(field->of);
		if (field->type == FIELD_TEXTS) {
			cJSON_AddStringToObject(items, "type", "string");
		}
		cJSON_AddItemToObject(schema, "items", items);
		add_bounds(schema, field, "minItems", "maxItems");
		break;
	case FIELD_OBJECT:
		if (field->flags & FIELD_NULLABLE) {
			cJSON *any = cJSON_AddArrayToObject(schema, "anyOf");
			cJSON *null = cJSON_CreateObject();
			cJSON_AddStringToObject(null, "type", "null");
			cJSON_AddItemToArray(any, reference_to(field->of));
			cJSON_AddItemToArray(any, null);
		} else {
			cJSON_Delete(schema);
			schema = reference_to(field->of);
		}
		break;
	default:
		break;
	}
	if (field->help) {
		cJSON_AddStringToObject(schema, "description", field->help);
	}
	return schema;
}

cJSON *fields_schema(const struct fields *fields)
{
	cJSON *schema = cJSON_CreateObject();
	cJSON *required = cJSON_CreateArray();
	cJSON_AddStringToObject(schema, "type", "object");
	cJSON *properties = cJSON_AddObjectToObject(schema, "properties");
	for (const struct field *field = fields->list; field->name; field++) {
		cJSON_AddItemToObject(properties, field->name, schema_of(field));
		if (field->flags & FIELD_REQUIRED) {
			cJSON_AddItemToArray(required, cJSON_CreateString(field->name));
		}
	}
	if (cJSON_GetArraySize(required) > 0) {
		cJSON_AddItemToObject(schema, "required", required);
	} else {
		cJSON_Delete(required);
	}
	cJSON_AddBoolToObject(schema, "additionalProperties", false);
	return schema;
}

cJSON *fields_schema_whole(const struct fields *fields)
{
	cJSON *schema = fields_schema(fields);
	cJSON *properties = cua_json_member(schema, "properties");
	for (const struct field *field = fields->list; field->name; field++) {
		cJSON *property = cua_json_member(properties, field->name);
		if (field->type == FIELD_OBJECT && !(field->flags & FIELD_NULLABLE)) {
			cJSON *whole = fields_schema_whole(field->of);
			if (field->help) {
				cJSON_AddStringToObject(whole, "description", field->help);
			}
			cJSON_ReplaceItemInObjectCaseSensitive(properties, field->name, whole);
		} else if (field->type == FIELD_LIST) {
			cJSON_ReplaceItemInObjectCaseSensitive(
					property, "items", fields_schema_whole(field->of));
		}
	}
	return schema;
}
