#include "agent/mcp/mcp_schema.h"

#include <stdbool.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

static void fit(cJSON *schema);

static bool is_schema(const cJSON *json)
{
	return cJSON_IsObject(json) || cJSON_IsBool(json);
}

/* "type" is a name or a list of names. */
static bool has_type(const cJSON *schema, const char *name)
{
	const cJSON *type = cua_json_member(schema, "type"), *one = NULL;
	if (cJSON_IsString(type)) {
		return strcmp(type->valuestring, name) == 0;
	}
	cJSON_ArrayForEach (one, type) {
		if (cJSON_IsString(one) && strcmp(one->valuestring, name) == 0) {
			return true;
		}
	}
	return false;
}

/* The members of a list, or of an object of schemas; one that is none goes. */
static void fit_all(cJSON *schemas)
{
	for (cJSON *one = schemas ? schemas->child : NULL, *next = NULL; one; one = next) {
		next = one->next;
		if (is_schema(one)) {
			fit(one);
		} else {
			cJSON_Delete(cJSON_DetachItemViaPointer(schemas, one));
		}
	}
}

/* There, and an object; else an empty one is. */
static cJSON *member_object(cJSON *schema, const char *name)
{
	cJSON *member = cua_json_member(schema, name);
	if (!cJSON_IsObject(member)) {
		cJSON_DeleteItemFromObjectCaseSensitive(schema, name);
		member = cJSON_AddObjectToObject(schema, name);
	}
	return member;
}

static bool is_type(const cJSON *type)
{
	static const char *const names[] = { "string", "number", "integer", "boolean", "array",
		"object", "null" };
	for (size_t i = 0; cJSON_IsString(type) && i < CUA_ARRAY_LEN(names); i++) {
		if (strcmp(type->valuestring, names[i]) == 0) {
			return true;
		}
	}
	return false;
}

/* A type that does not exist goes, so that any will do. */
static void fit_type(cJSON *schema)
{
	const cJSON *type = cua_json_member(schema, "type"), *one = NULL;
	bool is_good = cJSON_IsArray(type) ? type->child != NULL : is_type(type);
	cJSON_ArrayForEach (one, type) {
		is_good = is_good && is_type(one);
	}
	if (!is_good) {
		cJSON_DeleteItemFromObjectCaseSensitive(schema, "type");
	}
}

/* No deeper than a schema that was taken may be. */
static void fit(cJSON *schema)
{
	static const char *const choices[] = { "anyOf", "oneOf", "allOf", "prefixItems" };
	static const char *const named[] = { "$defs", "definitions" };
	if (!cJSON_IsObject(schema)) {
		return;
	}
	fit_type(schema);
	if (has_type(schema, "object") || cua_json_member(schema, "properties")) {
		fit_all(member_object(schema, "properties"));
	}
	if (has_type(schema, "array") && !is_schema(cua_json_member(schema, "items"))) {
		(void)member_object(schema, "items");
	}
	fit(cua_json_member(schema, "items"));
	fit(cua_json_member(schema, "additionalProperties"));
	for (size_t i = 0; i < CUA_ARRAY_LEN(choices); i++) {
		fit_all(cua_json_member(schema, choices[i]));
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(named); i++) {
		fit_all(cua_json_member(schema, named[i]));
	}
}

void mcp_schema_fit(cJSON *schema)
{
	static const char *const refused[] = { "$schema", "$id", "anyOf", "oneOf", "allOf", "not",
		"enum", "if", "then", "else" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(refused); i++) {
		cJSON_DeleteItemFromObjectCaseSensitive(schema, refused[i]);
	}
	fit(schema);
}
