#ifndef CUA_SERVER_VIEWER_H
#define CUA_SERVER_VIEWER_H

/* People who see a desktop: RFB between a WebSocket and the desktop's viewers.sock, byte for byte.
 * Who may do what is in the pass that goes before: display/vnc/vnc_pass.h. */

#include <sys/queue.h>

#include "cua/server/route.h"

LIST_HEAD(viewers, viewer);

/* Of GET /v1/desktops/{desktop}/rfb, with request->grant. */
CUA_NODISCARD enum cua_status viewer_websocket(
		struct request *request, struct cua_http_stream *stream, struct cua_error *err);

/* "watch", "act", "private": an enum vnc_mode; -1 for no mode. */
int viewer_mode(const char *name);

#endif
