#include "demos/standin/wire/check.h"

#include <string.h>

#include "cua/base/util.h"

const cJSON *check_get(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

const char *check_text(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(check_get(object, name));
}

bool check_is(const char *text, const char *other)
{
	return text && strcmp(text, other) == 0;
}

bool check_any_of(const char *text, const char *const *values)
{
	while (*values && !check_is(text, *values)) {
		values++;
	}
	return *values != NULL;
}

struct check_place check_index(const struct wire_request *request, const char *place, int index)
{
	struct check_place at;
	snprintf(at.text, sizeof(at.text), request->api->dotted ? "%.120s.%d" : "%.120s[%d]", place,
			index);
	return at;
}

struct check_place check_member_of(
		const struct wire_request *request, const char *place, const char *name)
{
	struct check_place at;
	(void)request;
	snprintf(at.text, sizeof(at.text), "%.100s%s%.50s", place, place[0] ? "." : "", name);
	return at;
}

const char *check_value_words(const char *const *values, char *out, size_t size)
{
	size_t len = 0;
	out[0] = '\0';
	for (size_t i = 0; values[i] && len < size; i++) {
		len += (size_t)snprintf(out + len, size - len, "%s'%s'",
				!i                              ? ""
						: values[i + 1] ? ", "
						: i == 1        ? " and "
								: ", and ",
				values[i]);
	}
	return out;
}

static unsigned type_of(const cJSON *value)
{
	return cJSON_IsString(value)            ? CHECK_TEXT
			: cJSON_IsNumber(value) ? CHECK_NUMBER
			: cJSON_IsBool(value)   ? CHECK_BOOL
			: cJSON_IsObject(value) ? CHECK_OBJECT
			: cJSON_IsArray(value)  ? CHECK_LIST
						: CHECK_NULL;
}

const char *check_type_words(unsigned types, char *out, size_t size)
{
	static const char *const names[] = { "a string", "a number", "a boolean", "an object",
		"an array", "null" };
	size_t len = 0;
	out[0] = '\0';
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		if (types & 1U << i && len < size) {
			len += (size_t)snprintf(
					out + len, size - len, "%s%s", len ? " or " : "", names[i]);
		}
	}
	return out;
}

static const struct check_member *find(const struct check_member *members, const char *name)
{
	while (members->name && strcmp(members->name, name) != 0) {
		members++;
	}
	return members->name ? members : NULL;
}

bool check_members(struct wire_request *request, const char *place, const cJSON *object,
		const struct check_member *members)
{
	const struct wire_api *api = request->api;
	const cJSON *item;
	cJSON_ArrayForEach (item, object) {
		const struct check_member *member = find(members, item->string);
		if (!member) {
			return api->bad_member(request, place, item->string, CHECK_UNKNOWN, 0);
		}
		if (member->types && !(member->types & type_of(item))) {
			return api->bad_member(
					request, place, item->string, CHECK_TYPE, member->types);
		}
		if (member->values && cJSON_IsString(item) &&
				!check_any_of(item->valuestring, member->values)) {
			return api->bad_value(request, place, item, member->values);
		}
	}
	for (; members->name; members++) {
		if (members->required && !check_get(object, members->name)) {
			return api->bad_member(request, place, members->name, CHECK_MISSING, 0);
		}
	}
	return true;
}

bool check_key_openai(struct wire_request *request, bool needs_key)
{
	static const char scheme[] = "Bearer ";
	const char *authorization = request->http->headers[WIRE_AUTHORIZATION];
	const bool is_bearer = authorization &&
			strncmp(authorization, scheme, strlen(scheme)) == 0 &&
			authorization[strlen(scheme)];
	if (authorization ? !is_bearer : needs_key || request->settings->key) {
		return wire_refuse(request, 401, NULL, "",
				"You didn't provide an API key. You need to provide your API key "
				"in an Authorization header using Bearer auth (i.e. Authorization: "
				"Bearer YOUR_KEY).");
	}
	if (is_bearer && !wire_accepts(request, authorization + strlen(scheme))) {
		return wire_refuse(request, 401, "invalid_api_key", "",
				"Incorrect API key provided. You can find your API key at "
				"https://platform.openai.com/account/api-keys.");
	}
	return true;
}

bool check_bad_member_openai(struct wire_request *request, const char *place, const char *name,
		int problem, unsigned types)
{
	char words[96];
	struct check_place at = check_member_of(request, place, name);
	switch ((enum check_problem)problem) {
	case CHECK_UNKNOWN:
		return wire_refuse(request, 400, "unknown_parameter", at.text,
				"Unknown parameter: '%s'.", at.text);
	case CHECK_MISSING:
		return wire_refuse(request, 400, "missing_required_parameter", at.text,
				"Missing required parameter: '%s'.", at.text);
	case CHECK_TYPE:
		break;
	}
	return wire_refuse(request, 400, "invalid_type", at.text,
			"Invalid type for '%s': expected %s.", at.text,
			check_type_words(types, words, sizeof(words)));
}

bool check_bad_value_openai(struct wire_request *request, const char *place, const cJSON *item,
		const char *const *values)
{
	char words[256];
	struct check_place at = check_member_of(request, place, item->string);
	return wire_refuse(request, 400, "invalid_value", at.text,
			"Invalid value: '%.60s'. Supported values are: %s.", item->valuestring,
			check_value_words(values, words, sizeof(words)));
}

cJSON *wire_error_openai(const struct wire_error *error)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *inner = cJSON_AddObjectToObject(root, "error");
	int status = error->http_status;
	cJSON_AddStringToObject(inner, "message", error->message);
	cJSON_AddStringToObject(inner, "type",
			check_is(error->code, "insufficient_quota") ? "insufficient_quota"
					: status == 429             ? "rate_limit_error"
					: status >= 500             ? "server_error"
								    : "invalid_request_error");
	cJSON_AddItemToObject(inner, "param",
			error->param[0] ? cJSON_CreateString(error->param) : cJSON_CreateNull());
	cJSON_AddItemToObject(inner, "code",
			error->code                     ? cJSON_CreateString(error->code)
					: status == 429 ? cJSON_CreateString("rate_limit_exceeded")
							: cJSON_CreateNull());
	return root;
}
