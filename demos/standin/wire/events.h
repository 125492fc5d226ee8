#ifndef CUA_DEMOS_STANDIN_WIRE_EVENTS_H
#define CUA_DEMOS_STANDIN_WIRE_EVENTS_H

/* Server-sent events, one JSON object each. */

#include "demos/standin/wire/wire.h"

struct wire_events {
	struct cua_buffer *out; /* borrowed */
	int count;
	int fail_after; /* -1: never; the error ends the stream after so many */
	const struct wire_request *request;
	struct wire_error error; /* that it ends with */
	bool ended;
	bool broken; /* out of memory */
};

/* Writes one event and releases json. name: of the "event:" line, NULL for none. */
void wire_event(struct wire_events *events, const char *name, cJSON *json);
/* A line as it stands, comments and "data: [DONE]" for example; an empty line follows. */
void wire_event_line(struct wire_events *events, const char *line);

bool wire_put(struct wire_events *events, const char *text);
/* The object alone; the first one carries the nonsense of a fault. */
bool wire_put_json(struct wire_events *events, const cJSON *json);

/* Bytes of text in one delta: odd, so that clients meet words cut in the middle. */
#define WIRE_DELTA_BYTES 23
struct wire_delta {
	char text[WIRE_DELTA_BYTES + 4];
};
/* Cuts the next piece off, never within a character; false at the end. */
bool wire_next_delta(const char **text, struct wire_delta *ret_delta);

#endif
