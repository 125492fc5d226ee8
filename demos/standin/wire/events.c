#include "demos/standin/wire/events.h"

#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

static bool may_go_on(struct wire_events *events)
{
	if (!events->ended && events->fail_after >= 0 && events->count >= events->fail_after) {
		events->fail_after = -1;
		events->request->api->error_event(&events->error, events);
		events->ended = true;
	}
	return !events->ended && !events->broken;
}

/* Members that a fault puts at the front of the first object. */
static bool write_nonsense(struct wire_events *events)
{
	const struct fault *fault = events->request->fault;
	bool ok = true;
	if (fault && fault->duplicates) {
		ok = wire_put(events,
				"\"type\":0,\"status\":0,\"stop_reason\":0,\"output\":0,"
				"\"content\":0,\"choices\":0,\"candidates\":0,");
	}
	if (fault && fault->deep) {
		CUA_AUTO_FREE char *lists = malloc((size_t)fault->deep * 2);
		ok = ok && lists && wire_put(events, "\"deep\":");
		if (ok) {
			memset(lists, '[', (size_t)fault->deep);
			memset(lists + fault->deep, ']', (size_t)fault->deep);
			ok = cua_buffer_append(events->out, lists, (size_t)fault->deep * 2, NULL) ==
							CUA_OK &&
					wire_put(events, ",");
		}
	}
	return ok;
}

bool wire_put(struct wire_events *events, const char *text)
{
	return cua_buffer_append(events->out, text, strlen(text), NULL) == CUA_OK;
}

bool wire_put_json(struct wire_events *events, const cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);
	bool ok = text != NULL;
	if (ok && events->count++ == 0 && text[0] == '{') {
		ok = wire_put(events, "{") && write_nonsense(events) && wire_put(events, text + 1);
	} else if (ok) {
		ok = wire_put(events, text);
	}
	cJSON_free(text);
	return ok;
}

void wire_event(struct wire_events *events, const char *name, cJSON *json)
{
	if (may_go_on(events)) {
		bool ok = !name ||
				(wire_put(events, "event: ") && wire_put(events, name) &&
						wire_put(events, "\n"));
		events->broken = !ok || !wire_put(events, "data: ") ||
				!wire_put_json(events, json) || !wire_put(events, "\n\n");
	}
	cJSON_Delete(json);
}

void wire_event_line(struct wire_events *events, const char *line)
{
	if (may_go_on(events)) {
		events->broken = !wire_put(events, line) || !wire_put(events, "\n\n");
	}
}

bool wire_next_delta(const char **text, struct wire_delta *ret_delta)
{
	size_t len = strnlen(*text, WIRE_DELTA_BYTES);
	while (len && len < WIRE_DELTA_BYTES + 3 &&
			((unsigned char)(*text)[len] & 0xc0U) == 0x80U) {
		len++;
	}
	memcpy(ret_delta->text, *text, len);
	ret_delta->text[len] = '\0';
	*text += len;
	return len > 0;
}
