/* "secrets" of a request: values that its texts name, and where they may be typed. Wiped as soon as
 * they are not needed. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/api/desktop_request.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

#define VALUE_MAX 4096
#define PLACES_MAX 16

void desktop_secrets_finish(struct display_secrets *secrets)
{
	for (int i = 0; i < secrets->count; i++) {
		struct display_secret *secret = &secrets->items[i];
		if (secret->value) {
			explicit_bzero(secret->value, strlen(secret->value));
		}
		free(secret->value);
		cJSON_Delete(secret->windows);
		cJSON_Delete(secret->origins);
	}
	*secrets = (struct display_secrets){ .count = 0 };
}

void desktop_secrets_wipe(cJSON *json)
{
	cJSON *secret = NULL;
	cJSON_ArrayForEach (secret, json) {
		char *value = cJSON_GetStringValue(cua_json_member(secret, "value"));
		if (value) {
			explicit_bzero(value, strlen(value));
		}
	}
}

static bool are_texts(const cJSON *list)
{
	const cJSON *text = NULL;
	bool is_well = cJSON_IsArray(list) && cJSON_GetArraySize(list) <= PLACES_MAX;
	cJSON_ArrayForEach (text, list) {
		is_well = is_well && cJSON_IsString(text) && text->valuestring[0];
	}
	return is_well;
}

static enum cua_status parse_one(
		const cJSON *json, struct display_secret *secret, struct cua_error *err)
{
	const char *value = cua_json_string(json, "value");
	const cJSON *windows = cua_json_member(json, "windows");
	const cJSON *origins = cua_json_member(json, "origins");
	if (!cua_placeholder_is_name(json->string) || !cJSON_IsObject(json) || !value ||
			!value[0] || strlen(value) > VALUE_MAX || !are_texts(windows) ||
			!are_texts(origins) || cJSON_GetArraySize(json) != 3) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"secrets must be {NAME: {\"value\": 1 to %d bytes, \"windows\": "
				"[...], \"origins\": [...]}}",
				VALUE_MAX);
	}
	snprintf(secret->name, sizeof(secret->name), "%s", json->string);
	secret->value = strdup(value);
	secret->windows = cJSON_Duplicate(windows, true);
	secret->origins = cJSON_Duplicate(origins, true);
	return secret->value && secret->windows && secret->origins
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "secrets");
}

enum cua_status desktop_secrets_parse(
		const cJSON *json, struct display_secrets *secrets, struct cua_error *err)
{
	const cJSON *one = NULL;
	if (json && (!cJSON_IsObject(json) || cJSON_GetArraySize(json) > DISPLAY_SECRETS_MAX)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "secrets must be an object of at most %d",
				DISPLAY_SECRETS_MAX);
	}
	cJSON_ArrayForEach (one, json) {
		/* Counted first: what is there of it is released. */
		enum cua_status status = parse_one(one, &secrets->items[secrets->count++], err);
		if (status != CUA_OK) {
			return status;
		}
	}
	return CUA_OK;
}
