#ifndef CUA_BASE_JSON_H
#define CUA_BASE_JSON_H

/* Members of objects that came from elsewhere: what is not there, or of another type, is NULL, ""
 * or 0. An object may be NULL, too. */

#include <cjson/cJSON.h>

static inline cJSON *cua_json_member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* NULL if there is none, which is not the same as an empty one. */
static inline const char *cua_json_string(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cua_json_member(object, name));
}

/* "" if there is none. */
static inline const char *cua_json_text(const cJSON *object, const char *name)
{
	const char *text = cua_json_string(object, name);
	return text ? text : "";
}

static inline double cua_json_number(const cJSON *object, const char *name)
{
	const cJSON *number = cua_json_member(object, name);
	return cJSON_IsNumber(number) ? number->valuedouble : 0;
}

/* The nearest there is if it is too large for one. */
static inline int cua_json_int(const cJSON *object, const char *name)
{
	const cJSON *number = cua_json_member(object, name);
	return cJSON_IsNumber(number) ? number->valueint : 0;
}

#endif
