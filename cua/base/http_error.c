#include "cua/base/http_error.h"

#include <stdbool.h>
#include <stdio.h>

#include "cua/base/util.h"

char *cua_http_problem(const struct cua_error *error, int http_status, const cJSON *more)
{
	char type[96];
	CUA_AUTO_JSON cJSON *json = cJSON_CreateObject();
	const char *code = cua_status_name(error->status);
	snprintf(type, sizeof(type), "urn:cua:problem:%s", code);
	cJSON_AddStringToObject(json, "type", type);
	cJSON_AddStringToObject(json, "title", code);
	cJSON_AddNumberToObject(json, "status", http_status);
	cJSON_AddStringToObject(json, "detail", error->msg);
	cJSON_AddStringToObject(json, "code", code);
	cJSON_AddStringToObject(
			json, "class", cua_error_class_name(cua_status_class(error->status)));
	const cJSON *member = NULL;
	cJSON_ArrayForEach (member, more) {
		if (!cJSON_HasObjectItem(json, member->string)) {
			cJSON_AddItemToObject(json, member->string, cJSON_Duplicate(member, true));
		}
	}
	return cJSON_PrintUnformatted(json);
}

cJSON *cua_http_error_json(const struct cua_error *error, int action)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *inner = cJSON_AddObjectToObject(json, "error");
	cJSON_AddStringToObject(
			inner, "class", cua_error_class_name(cua_status_class(error->status)));
	cJSON_AddStringToObject(inner, "code", cua_status_name(error->status));
	if (action >= 0) {
		cJSON_AddNumberToObject(inner, "action", action);
	}
	cJSON_AddStringToObject(inner, "message", error->msg);
	return json;
}
