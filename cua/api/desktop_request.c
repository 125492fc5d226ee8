#include "cua/api/desktop_request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"

void desktop_request_finish(struct desktop_request *request)
{
	for (int i = 0; i < request->count; i++) {
		cua_action_finish(&request->actions[i]);
	}
	free(request->actions);
	desktop_secrets_finish(&request->secrets);
	*request = (struct desktop_request){ 0 };
}

/* cJSON ends a string at an escaped NUL: what came after it would be lost without a word. */
static bool has_escaped_nul(const char *text)
{
	for (const char *at = text; (at = strchr(at, '\\')); at += 2) {
		if (strncmp(at, "\\u0000", 6) == 0) {
			return true;
		}
		if (at[1] == '\0') {
			break;
		}
	}
	return false;
}

static enum cua_status parse_json(
		const char *text, size_t len, cJSON **ret_json, struct cua_error *err)
{
	enum cua_status status = cua_utf8_check(text, len, err);
	if (status != CUA_OK) {
		return status;
	}
	if (strlen(text) != len || has_escaped_nul(text)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "the body contains a NUL character");
	}
	const char *end = text;
	cJSON *json = cJSON_ParseWithOpts(text, &end, 1);
	if (!json) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "the body is not JSON at byte %zu",
				(size_t)(end - text));
	}
	if (!cJSON_IsObject(json)) {
		cJSON_Delete(json);
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "the body must be an object");
	}
	*ret_json = json;
	return CUA_OK;
}

static enum cua_status parse_actions(const cJSON *list, struct cua_point screen,
		struct desktop_request *request, int *ret_index, struct cua_error *err)
{
	const int count = cJSON_GetArraySize(list);
	if (!cJSON_IsArray(list) || count == 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "actions must be a list of 1 to %d actions",
				CUA_ACTIONS_MAX);
	}
	if (count > CUA_ACTIONS_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"%d actions; at most %d go in one request", count, CUA_ACTIONS_MAX);
	}
	request->actions = calloc((size_t)count, sizeof(*request->actions));
	if (!request->actions) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "actions");
	}
	const cJSON *item = NULL;
	cJSON_ArrayForEach (item, list) {
		struct cua_action *action = &request->actions[request->count];
		enum cua_status status = cua_action_parse(item, &screen, action, err);
		if (status != CUA_OK) {
			*ret_index = request->count;
			cua_error_prefix(err, "action %d", request->count);
			return status;
		}
		cua_scale_action(&request->scale, action);
		request->count++;
	}
	return CUA_OK;
}

/* The table's screenshot action says what a picture may be, here too. */
static enum cua_status parse_shot(const cJSON *json, struct cua_point screen,
		struct desktop_request *request, struct cua_error *err)
{
	if (cJSON_GetObjectItemCaseSensitive(json, "action")) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "screenshot: unknown member \"action\"");
	}
	CUA_AUTO_JSON cJSON *options = cJSON_Duplicate(json, 1);
	cJSON *tag = cJSON_DetachItemFromObjectCaseSensitive(options, "if_none_match");
	if (cJSON_IsString(tag)) {
		snprintf(request->if_none_match, sizeof(request->if_none_match), "%s",
				tag->valuestring);
	}
	const bool bad_tag = tag && !cJSON_IsString(tag) && !cJSON_IsNull(tag);
	cJSON_Delete(tag);
	if (bad_tag) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"screenshot: if_none_match must be a string");
	}
	struct cua_action action;
	cJSON_AddStringToObject(options, "action", "screenshot");
	enum cua_status status = cua_action_parse(options, &screen, &action, err);
	if (status == CUA_OK) {
		cua_scale_action(&request->scale, &action);
		request->shot = display_shot_of(&action);
	}
	return status;
}

static enum cua_status parse_settle(
		const cJSON *json, struct desktop_request *request, struct cua_error *err)
{
	request->settle_ms = DISPLAY_SETTLE_DEFAULT_MS;
	if (!json) {
		return CUA_OK;
	}
	if (cJSON_IsFalse(json)) {
		request->settle_ms = -1;
		return CUA_OK;
	}
	const cJSON *timeout = cJSON_GetObjectItemCaseSensitive(json, "timeout_ms");
	if (!cJSON_IsObject(json) || (timeout && !cJSON_IsNumber(timeout)) ||
			cJSON_GetArraySize(json) != (timeout ? 1 : 0)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"settle must be false or {\"timeout_ms\": 1 to %d}",
				DISPLAY_SETTLE_MAX_MS);
	}
	if (timeout &&
			(timeout->valuedouble < 1 || timeout->valuedouble > DISPLAY_SETTLE_MAX_MS ||
					timeout->valuedouble != timeout->valueint)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"settle: timeout_ms is %g; it must be an integer, 1 to %d",
				timeout->valuedouble, DISPLAY_SETTLE_MAX_MS);
	}
	request->settle_ms = timeout ? timeout->valueint : DISPLAY_SETTLE_DEFAULT_MS;
	return CUA_OK;
}

static enum cua_status check_members(const cJSON *json, struct cua_error *err)
{
	static const char *const known[] = { "actions", "screenshot", "settle", "keep_held",
		"coordinates", "secrets", "look_after_person" };
	const cJSON *member = NULL;
	cJSON_ArrayForEach (member, json) {
		bool found = false;
		for (size_t i = 0; i < CUA_ARRAY_LEN(known); i++) {
			found = found || strcmp(member->string, known[i]) == 0;
		}
		if (!found) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "unknown member \"%.40s\"",
					member->string);
		}
		if (cJSON_GetObjectItemCaseSensitive(json, member->string) != member) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s is given twice", member->string);
		}
	}
	return CUA_OK;
}

static enum cua_status parse_members(const cJSON *json, struct cua_point screen,
		struct desktop_request *request, int *ret_index, struct cua_error *err)
{
	const cJSON *shot = cJSON_GetObjectItemCaseSensitive(json, "screenshot");
	CUA_AUTO_JSON cJSON *defaults = cJSON_CreateObject();
	const cJSON *keep_held = cJSON_GetObjectItemCaseSensitive(json, "keep_held");
	const cJSON *coordinates = cJSON_GetObjectItemCaseSensitive(json, "coordinates");
	const cJSON *looks = cJSON_GetObjectItemCaseSensitive(json, "look_after_person");
	enum cua_status status = check_members(json, err);
	if (status == CUA_OK && looks && !cJSON_IsBool(looks)) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0, "look_after_person must be true or false");
	}
	if (status == CUA_OK && coordinates) {
		status = cua_scale_parse(coordinates, screen, &request->scale, err);
		screen = (struct cua_point){ request->scale.width, request->scale.height };
	}
	if (status == CUA_OK && keep_held && !cJSON_IsBool(keep_held)) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0, "keep_held must be true or false");
	}
	if (status == CUA_OK) {
		status = desktop_secrets_parse(cJSON_GetObjectItemCaseSensitive(json, "secrets"),
				&request->secrets, err);
	}
	request->keep_held = cJSON_IsTrue(keep_held);
	request->looks_after_person = cJSON_IsTrue(looks);
	request->wants_screenshot = !cJSON_IsFalse(shot);
	if (status == CUA_OK && shot && !cJSON_IsBool(shot) && !cJSON_IsObject(shot)) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"screenshot must be true, false or an object");
	}
	if (status == CUA_OK) {
		status = parse_shot(cJSON_IsObject(shot) ? shot : defaults, screen, request, err);
	}
	if (status == CUA_OK) {
		status = parse_settle(
				cJSON_GetObjectItemCaseSensitive(json, "settle"), request, err);
	}
	if (status == CUA_OK) {
		status = parse_actions(cJSON_GetObjectItemCaseSensitive(json, "actions"), screen,
				request, ret_index, err);
	}
	return status;
}

enum cua_status desktop_request_parse(const char *text, size_t len, struct cua_point screen,
		struct desktop_request *ret_request, int *ret_index, struct cua_error *err)
{
	struct desktop_request request = { 0 };
	CUA_AUTO_JSON cJSON *json = NULL;
	*ret_index = -1;
	enum cua_status status = parse_json(text, len, &json, err);
	if (status == CUA_OK) {
		status = parse_members(json, screen, &request, ret_index, err);
		desktop_secrets_wipe(cJSON_GetObjectItemCaseSensitive(json, "secrets"));
	}
	if (status != CUA_OK) {
		desktop_request_finish(&request);
		return status;
	}
	*ret_request = request;
	return CUA_OK;
}

/* name=value&...: turned into the JSON of a screenshot action, which has the bounds. */
enum cua_status desktop_shot_parse(const char *query, struct cua_point screen,
		struct display_shot *ret_shot, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *options = cJSON_CreateObject();
	CUA_AUTO_FREE char *copy = strdup(query);
	char *rest = NULL;
	cJSON_AddStringToObject(options, "action", "screenshot");
	for (char *word = copy ? strtok_r(copy, "&", &rest) : NULL; word;
			word = strtok_r(NULL, "&", &rest)) {
		char *value = strchr(word, '=');
		if (!value) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "query: \"%.40s\" has no value",
					word);
		}
		*value++ = '\0';
		char list[128];
		cJSON *region = NULL;
		if (strcmp(word, "region") == 0 &&
				snprintf(list, sizeof(list), "[%s]", value) < (int)sizeof(list)) {
			region = cJSON_ParseWithOpts(list, NULL, 1);
		}
		if (region) {
			cJSON_AddItemToObject(options, word, region);
		} else if (strcmp(word, "pointer") == 0 &&
				(strcmp(value, "0") == 0 || strcmp(value, "1") == 0)) {
			cJSON_AddBoolToObject(options, word, *value == '1');
		} else {
			char *end = NULL;
			const double number = strtod(value, &end);
			cJSON_AddItemToObject(options, word,
					*value && !*end ? cJSON_CreateNumber(number)
							: cJSON_CreateString(value));
		}
	}
	struct cua_action action;
	enum cua_status status = cua_action_parse(options, &screen, &action, err);
	if (status == CUA_OK) {
		*ret_shot = display_shot_of(&action);
	}
	return status;
}
