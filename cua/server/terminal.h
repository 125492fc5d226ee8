#ifndef CUA_SERVER_TERMINAL_H
#define CUA_SERVER_TERMINAL_H

/* A shell in the sandbox of a desktop, as its user, on a terminal of its own, over a WebSocket:
 * binary messages are bytes both ways, a text message {"columns": 80, "rows": 24} is its new size.
 * Nothing is kept for who reads slowly, nor more than a little for a program that does: the shell,
 * or the client, waits. It ends with the connection, and the connection with it. */

#include "cua/server/route.h"

#define TERMINAL_SIZE_MAX 1000 /* columns, and rows */

/* With a ticket that was made for it. */
CUA_NODISCARD enum cua_status terminal_websocket(
		struct request *request, struct cua_http_stream *stream, struct cua_error *err);

#endif
