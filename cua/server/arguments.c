#include "cua/server/arguments.h"

#include <stdio.h>

void arguments_add(struct arguments *arguments, const char *word)
{
	if (arguments->count < ARGUMENTS_MAX - 1) {
		arguments->list[arguments->count++] = word;
	}
}

void arguments_add_option(struct arguments *arguments, const char *name, const cJSON *value)
{
	char *text = arguments->texts[arguments->count];
	const size_t size = sizeof(arguments->texts[0]);
	if (cJSON_IsFalse(value)) {
		return;
	}
	if (cJSON_IsTrue(value)) {
		snprintf(text, size, "--%s", name);
	} else if (cJSON_IsNumber(value)) {
		snprintf(text, size, "--%s=%.15g", name, value->valuedouble);
	} else {
		snprintf(text, size, "--%s=%s", name, value->valuestring);
	}
	for (char *at = text + 2; *at && *at != '='; at++) {
		*at = *at == '_' ? '-' : *at;
	}
	arguments_add(arguments, text);
}
