/* What the services hold against a function that is offered, beside its members: one that does not
 * fit refuses the whole request. */

#include <ctype.h>
#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire/check.h"
#include "demos/standin/wire/wire.h"

#define NAME_MAX_LEN 64
#define DESCRIPTION_MAX_LEN 1024

static bool is_openai(const struct wire_request *request)
{
	return request->api == &wire_responses || request->api == &wire_chat;
}

static bool check_name(struct wire_request *request, const char *place, const char *name)
{
	const size_t len = strlen(name);
	bool is_good = len > 0 && len <= NAME_MAX_LEN;
	for (size_t i = 0; i < len; i++) {
		is_good = is_good && (isalnum((unsigned char)name[i]) || strchr("_-", name[i]));
	}
	return is_good ||
			wire_refuse(request, 400, "invalid_value", place,
					"Invalid '%s.name': it does not match the pattern "
					"'^[a-zA-Z0-9_-]{1,64}$'.",
					place);
}

static bool has_type(const cJSON *schema, const char *name)
{
	const cJSON *type = check_get(schema, "type");
	const cJSON *one;
	if (check_is(cJSON_GetStringValue(type), name)) {
		return true;
	}
	cJSON_ArrayForEach (one, type) {
		if (check_is(cJSON_GetStringValue(one), name)) {
			return true;
		}
	}
	return false;
}

/* What is wrong with a schema, or one in it; NULL if nothing is. */
static const char *find_wrong(const cJSON *schema)
{
	static const char *const choices[] = { "anyOf", "oneOf", "allOf" };
	const cJSON *one;
	const char *wrong = NULL;
	if (cJSON_IsBool(schema)) {
		return NULL;
	}
	if (!cJSON_IsObject(schema)) {
		return "schema is not of type 'object', 'boolean'";
	}
	if (has_type(schema, "object") && !cJSON_IsObject(check_get(schema, "properties"))) {
		return "object schema missing properties";
	}
	if (has_type(schema, "array") && !check_get(schema, "items")) {
		return "array schema missing items";
	}
	cJSON_ArrayForEach (one, check_get(schema, "properties")) {
		wrong = wrong ? wrong : find_wrong(one);
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(choices); i++) {
		cJSON_ArrayForEach (one, check_get(schema, choices[i])) {
			wrong = wrong ? wrong : find_wrong(one);
		}
	}
	one = check_get(schema, "items");
	return wrong || !one ? wrong : find_wrong(one);
}

/* Whether a list of texts has this one. */
static bool lists(const cJSON *list, const char *text)
{
	const cJSON *one;
	cJSON_ArrayForEach (one, list) {
		if (check_is(cJSON_GetStringValue(one), text)) {
			return true;
		}
	}
	return false;
}

/* The first property that a schema, or one in it, leaves to choice; NULL if it has none. */
static const char *find_optional(const cJSON *schema)
{
	const cJSON *property, *one;
	const char *optional = NULL;
	cJSON_ArrayForEach (property, check_get(schema, "properties")) {
		if (!lists(check_get(schema, "required"), property->string)) {
			return property->string;
		}
		optional = optional ? optional : find_optional(property);
	}
	cJSON_ArrayForEach (one, check_get(schema, "anyOf")) {
		optional = optional ? optional : find_optional(one);
	}
	one = check_get(schema, "items");
	return optional || !one ? optional : find_optional(one);
}

/* Strict functions have no optional properties: what may be absent is nullable instead. */
static bool check_strict(struct wire_request *request, const char *place, const char *name,
		const cJSON *schema)
{
	const char *optional = find_optional(schema);
	return !optional ||
			wire_refuse(request, 400, "invalid_function_parameters", place,
					"Invalid schema for function '%.64s': 'required' is "
					"required to be supplied and to be an array including "
					"every key in properties. Missing '%.60s'.",
					name, optional);
}

static bool check_schema(struct wire_request *request, const char *place, const char *name,
		const cJSON *schema)
{
	static const char *const refused[] = { "oneOf", "anyOf", "allOf", "enum", "not" };
	const char *wrong = has_type(schema, "object")
			? NULL
			: "schema must be a JSON Schema of 'type: \"object\"'";
	for (size_t i = 0; i < CUA_ARRAY_LEN(refused) && !wrong; i++) {
		if (check_get(schema, refused[i])) {
			wrong = "schema must not have 'oneOf', 'anyOf', 'allOf', 'enum' or 'not' "
				"at the top level";
		}
	}
	if (!wrong && is_openai(request)) {
		wrong = find_wrong(schema);
	}
	return !wrong ||
			wire_refuse(request, 400, "invalid_function_parameters", place,
					"Invalid schema for function '%.64s': %s.", name, wrong);
}

bool wire_check_function(struct wire_request *request, const char *place, const cJSON *function,
		const cJSON *schema)
{
	const char *name = check_text(function, "name");
	const char *description = check_text(function, "description");
	if (request->api != &wire_anthropic && !check_name(request, place, name ? name : "")) {
		return false;
	}
	if (is_openai(request) && description && strlen(description) > DESCRIPTION_MAX_LEN) {
		return wire_refuse(request, 400, "string_above_max_length", place,
				"Invalid '%s.description': string too long. Expected a string with "
				"maximum length %d, but got a string with length %zu instead.",
				place, DESCRIPTION_MAX_LEN, strlen(description));
	}
	if (schema && !check_schema(request, place, name, schema)) {
		return false;
	}
	return !is_openai(request) || !cJSON_IsTrue(check_get(function, "strict")) ||
			check_strict(request, place, name, schema);
}
