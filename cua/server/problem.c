#include "cua/server/problem.h"

#include <stdio.h>

#include <cjson/cJSON.h>

#include "cua/base/util.h"

char *problem_text(const struct cua_error *error, int http_status)
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
	return cJSON_PrintUnformatted(json);
}
