#ifndef CUA_SERVER_EVENT_STREAM_H
#define CUA_SERVER_EVENT_STREAM_H

/* Messages to one who watches: as server-sent events or over a WebSocket, the next when the one
 * before is out. Source: HTML, server-sent events. */

#include <stdbool.h>
#include <stdint.h>

#include "cua/base/http_server.h"

struct event_stream {
	struct cua_http_stream *http;
	bool is_websocket;
	bool is_drained; /* all that was sent is out; the owner's on_drained says so */
	uint64_t sent_us;
};

/* id: of a server-sent event; 0 for none. It is not drained then; without memory it is hung up on.
 */
void event_stream_send(struct event_stream *events, uint64_t id, const char *text);
/* There is news for one who does not read, and has not for long: it is hung up on. */
bool event_stream_is_given_up(struct event_stream *events);

#endif
