#ifndef CUA_AGENT_EVENT_H
#define CUA_AGENT_EVENT_H

/* Reading events of a journal, which may be from another version, or damaged: what is not there is
 * empty; cua/base/json.h has the rest. */

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

/* A line of a journal, which the caller owns; NULL if it is no JSON, or of more values than any
 * event has: those are counted before any is stored. */
cJSON *agent_event_parse(const char *line, size_t len);
bool agent_event_is(const cJSON *event, const char *type);
/* Milliseconds since 1970; 0 if unknown. */
double agent_event_time_ms(const cJSON *event);
/* A SHA-256 in hexadecimal, as screenshots are named: nothing else that an event holds may become
 * part of a path. */
bool agent_event_is_sha256(const char *text);

#endif
