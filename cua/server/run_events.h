#ifndef CUA_SERVER_RUN_EVENTS_H
#define CUA_SERVER_RUN_EVENTS_H

/* What happens in a run, to whoever watches: its journal from any event on, how it stands, and the
 * words of its model as they come; as server-sent events or over a WebSocket. Nothing is queued for
 * a watcher: each reads the journal at its own pace, and who does not read at all is hung up on.
 *
 * Each message is an object: {"event": ...}, as events.jsonl holds it; {"state": ...}, as the API
 * of a run says it; {"words": ..., "anew": true}; {"over": true}, the last. Server-sent events have
 * the seq of an event as their id. Source: HTML, server-sent events. */

#include "cua/server/route.h"

/* Of GET /v1/runs/{run}/events: either way. */
CUA_NODISCARD enum cua_status run_events_get(struct request *request, struct cua_error *err);
CUA_NODISCARD enum cua_status run_events_websocket(
		struct request *request, struct cua_http_stream *stream, struct cua_error *err);

#endif
