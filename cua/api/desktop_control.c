#include "cua/api/desktop_control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/api/reply.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/contract/text.h"
#include "cua/contract/utf8.h"

static enum cua_status check_members(
		const cJSON *json, const char *const *known, struct cua_error *err)
{
	const cJSON *member = NULL;
	cJSON_ArrayForEach (member, json) {
		bool is_known = false;
		for (const char *const *name = known; *name; name++) {
			is_known = is_known || strcmp(member->string, *name) == 0;
		}
		if (!is_known || cua_json_member(json, member->string) != member) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "\"%.40s\" is %s", member->string,
					is_known ? "given twice" : "no member");
		}
	}
	return CUA_OK;
}

/* A text for a person or a model; text: "" if it is not given. */
static enum cua_status take_text(
		const cJSON *json, const char *name, size_t size, char *text, struct cua_error *err)
{
	const cJSON *member = cua_json_member(json, name);
	if (!member || cJSON_IsNull(member)) {
		return CUA_OK;
	}
	if (!cJSON_IsString(member) || strlen(member->valuestring) >= size) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s must be a text of at most %zu bytes",
				name, size - 1);
	}
	for (const char *at = member->valuestring; *at; at++) {
		if (((unsigned char)*at < 0x20 && *at != '\n' && *at != '\t') || *at == 0x7f) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s has a control character", name);
		}
	}
	snprintf(text, size, "%s", member->valuestring);
	cua_text_strip(text);
	return CUA_OK;
}

static enum cua_status take_flag(
		const cJSON *json, const char *name, bool *ret_flag, struct cua_error *err)
{
	const cJSON *member = cua_json_member(json, name);
	*ret_flag = cJSON_IsTrue(member);
	return member && !cJSON_IsBool(member)
			? CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s must be true or false", name)
			: CUA_OK;
}

/* Nobody named: who is at this machine. */
static enum cua_status take_person(
		const cJSON *json, struct control_person *ret_person, struct cua_error *err)
{
	static const char *const members[] = { "id", "name", NULL };
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-.:";
	struct control_person person = display_local_person();
	if (!json) {
		*ret_person = person;
		return CUA_OK;
	}
	const char *id = cua_json_text(json, "id");
	if (!cJSON_IsObject(json) || !id[0] || strlen(id) >= CONTROL_ID_SIZE ||
			id[strspn(id, letters)]) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"person must be an object with an id of 1 to %d letters, digits, "
				"'_', '-', '.' or ':', and a name",
				CONTROL_ID_SIZE - 1);
	}
	enum cua_status status = check_members(json, members, err);
	if (status == CUA_OK) {
		snprintf(person.id, sizeof(person.id), "%s", id);
		snprintf(person.name, sizeof(person.name), "%s", id);
		status = take_text(json, "name", sizeof(person.name), person.name, err);
	}
	*ret_person = person;
	return status;
}

static enum cua_status take_what(
		const cJSON *json, enum control_do *ret_what, struct cua_error *err)
{
	static const char *const names[] = {
		[CONTROL_TAKE] = "take", [CONTROL_REQUEST] = "request", [CONTROL_GIVE] = "give"
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		if (strcmp(cua_json_text(json, "do"), names[i]) == 0) {
			*ret_what = (enum control_do)i;
			return CUA_OK;
		}
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0, "do must be \"take\", \"request\" or \"give\"");
}

static enum cua_status take_idle(const cJSON *json, int *ret_idle_s, struct cua_error *err)
{
	const cJSON *member = cua_json_member(json, "for_s");
	if (member &&
			(!cJSON_IsNumber(member) || member->valuedouble != member->valueint ||
					member->valueint < 1 ||
					member->valueint > CONTROL_IDLE_MAX_S)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "for_s must be a whole number, 1 to %d",
				CONTROL_IDLE_MAX_S);
	}
	*ret_idle_s = member ? member->valueint : 0;
	return CUA_OK;
}

static enum cua_status parse_members(
		const cJSON *json, struct control_order *order, struct cua_error *err)
{
	static const char *const members[] = { "do", "private", "note", "person", "force", "for_s",
		NULL };
	enum cua_status status = check_members(json, members, err);
	if (status == CUA_OK) {
		status = take_what(json, &order->what, err);
	}
	if (status == CUA_OK) {
		status = take_flag(json, "private", &order->is_private, err);
	}
	if (status == CUA_OK) {
		status = take_flag(json, "force", &order->is_forced, err);
	}
	if (status == CUA_OK) {
		status = take_idle(json, &order->idle_s, err);
	}
	if (status == CUA_OK) {
		status = take_text(json, "note", sizeof(order->note), order->note, err);
	}
	return status == CUA_OK ? take_person(cua_json_member(json, "person"), &order->person, err)
				: status;
}

enum cua_status desktop_control_parse(const char *text, size_t len, struct control_order *ret_order,
		struct cua_error *err)
{
	struct control_order order = { .what = CONTROL_GIVE };
	enum cua_status status = cua_utf8_check(text, len, err);
	if (status != CUA_OK) {
		return status;
	}
	const char *end = NULL;
	CUA_AUTO_JSON cJSON *json = cJSON_ParseWithOpts(text, &end, 1);
	if (!cJSON_IsObject(json) || strlen(text) != len) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "the body must be a JSON object");
	}
	status = parse_members(json, &order, err);
	if (status == CUA_OK) {
		*ret_order = order;
	}
	return status;
}

struct control_order desktop_control_resume(void)
{
	return (struct control_order){
		.what = CONTROL_GIVE, .person = display_local_person(), .is_forced = true
	};
}

/* Also of a refusal: who has it is why. */
static void reply(const struct desktop_order *order)
{
	CUA_AUTO_JSON cJSON *json =
			order->is_plain ? cJSON_CreateObject() : control_describe(&order->control);
	if (order->status != CUA_OK) {
		CUA_AUTO_JSON cJSON *error = cua_http_error_json(&order->error, -1);
		cJSON_AddItemToObject(json, "error",
				cJSON_DetachItemFromObjectCaseSensitive(error, "error"));
	}
	api_reply_json(order->exchange, cua_status_http(order->status), json);
}

void desktop_control_answer(struct desktop_order *order)
{
	if (order->exchange) {
		reply(order);
	}
	free(order);
}
