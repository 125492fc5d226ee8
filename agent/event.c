#include "agent/event.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/model/json_span.h"
#include "cua/base/json.h"

/* What the model or the desktop answered has fewer, and an event quotes one of them. */
#define VALUES_MAX (2 * AGENT_JSON_VALUES_MAX)

cJSON *agent_event_parse(const char *line, size_t len)
{
	const size_t count = agent_json_count((struct agent_json_span){ line, len });
	return count <= VALUES_MAX ? cJSON_ParseWithLength(line, len) : NULL;
}

bool agent_event_is(const cJSON *event, const char *type)
{
	return strcmp(cua_json_text(event, "type"), type) == 0;
}

double agent_event_time_ms(const cJSON *event)
{
	struct tm utc = { 0 };
	const char *rest = strptime(cua_json_text(event, "time"), "%Y-%m-%dT%H:%M:%S", &utc);
	return rest ? (double)timegm(&utc) * 1000.0 + (*rest == '.' ? atof(rest) * 1000.0 : 0) : 0;
}

bool agent_event_is_sha256(const char *text)
{
	return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}
