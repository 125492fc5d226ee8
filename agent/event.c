#include "agent/event.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/model/json_span.h"

/* What the model or the desktop answered has fewer, and an event quotes one of them. */
#define VALUES_MAX (2 * AGENT_JSON_VALUES_MAX)

cJSON *agent_event_parse(const char *line, size_t len)
{
	const size_t count = agent_json_count((struct agent_json_span){ line, len });
	return count <= VALUES_MAX ? cJSON_ParseWithLength(line, len) : NULL;
}

const cJSON *agent_event_member(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

const char *agent_event_text(const cJSON *json, const char *name)
{
	const char *text = cJSON_GetStringValue(agent_event_member(json, name));
	return text ? text : "";
}

double agent_event_number(const cJSON *json, const char *name)
{
	const cJSON *number = agent_event_member(json, name);
	return cJSON_IsNumber(number) ? number->valuedouble : 0;
}

bool agent_event_is(const cJSON *event, const char *type)
{
	return strcmp(agent_event_text(event, "type"), type) == 0;
}

double agent_event_time_ms(const cJSON *event)
{
	struct tm utc = { 0 };
	const char *rest = strptime(agent_event_text(event, "time"), "%Y-%m-%dT%H:%M:%S", &utc);
	return rest ? (double)timegm(&utc) * 1000.0 + (*rest == '.' ? atof(rest) * 1000.0 : 0) : 0;
}

bool agent_event_is_sha256(const char *text)
{
	return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}
