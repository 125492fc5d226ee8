#include "tests/json_path.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const cJSON *json_at(const cJSON *json, const char *path)
{
	char part[64];
	while (json && *path) {
		const size_t len = strcspn(path, ".");
		snprintf(part, sizeof(part), "%.*s", (int)len, path);
		json = isdigit((unsigned char)part[0])
				? cJSON_GetArrayItem(json, (int)strtol(part, NULL, 10))
				: cJSON_GetObjectItemCaseSensitive(json, part);
		path += len + (path[len] == '.');
	}
	return json;
}

const char *json_text(const cJSON *json, const char *path)
{
	const cJSON *item = json_at(json, path);
	return cJSON_IsString(item) ? item->valuestring : "";
}

double json_number(const cJSON *json, const char *path)
{
	const cJSON *item = json_at(json, path);
	return cJSON_IsNumber(item) ? item->valuedouble : -1;
}
