#include "cua/contract/action_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

cJSON *cua_number_or_text(const char *text)
{
	char *end = NULL;
	errno = 0;
	const double number = strtod(text, &end);
	return errno == 0 && *text && !*end ? cJSON_CreateNumber(number) : cJSON_CreateString(text);
}

cJSON *cua_boolean_or_text(const char *text)
{
	return strcmp(text, "true") == 0 || strcmp(text, "1") == 0 ? cJSON_CreateTrue()
			: strcmp(text, "false") == 0 || strcmp(text, "0") == 0
			? cJSON_CreateFalse()
			: cJSON_CreateString(text);
}

/* "1,2,3" to [1, 2, 3], and "[1, 2, 3]" too. */
static cJSON *numbers(const char *text)
{
	cJSON *list = cJSON_CreateArray();
	CUA_AUTO_FREE char *copy = strdup(text);
	char *rest = NULL;
	const size_t len = copy ? strlen(copy) : 0;
	if (len >= 2 && copy[0] == '[' && copy[len - 1] == ']') {
		copy[0] = ' ';
		copy[len - 1] = '\0';
	}
	for (char *part = copy ? strtok_r(copy, ",", &rest) : NULL; part;
			part = strtok_r(NULL, ",", &rest)) {
		cJSON_AddItemToArray(list, cua_number_or_text(part));
	}
	return list;
}

void cua_action_add_text(cJSON *action, const struct cua_arg_spec *arg, const char *text)
{
	cJSON *value = NULL;
	switch (arg->type) {
	case CUA_ARG_INTEGER:
		value = cua_number_or_text(text);
		break;
	case CUA_ARG_BOOLEAN:
		value = cua_boolean_or_text(text);
		break;
	case CUA_ARG_PATH: {
		cJSON *path = cJSON_GetObjectItemCaseSensitive(action, arg->name);
		path = path ? path : cJSON_AddArrayToObject(action, arg->name);
		cJSON_AddItemToArray(path, numbers(text));
		return;
	}
	case CUA_ARG_REGION:
		value = numbers(text);
		break;
	case CUA_ARG_STRING:
	case CUA_ARG_BUTTON:
	case CUA_ARG_KEYS:
	case CUA_ARG_WINDOW:
	case CUA_ARG_CHOICE:
		value = cJSON_CreateString(text);
		break;
	}
	cJSON_AddItemToObject(action, arg->name, value);
}
