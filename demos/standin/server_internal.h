#ifndef CUA_DEMOS_STANDIN_SERVER_INTERNAL_H
#define CUA_DEMOS_STANDIN_SERVER_INTERNAL_H

/* Shared by server.c, which takes requests, and server_reply.c, which sends replies. */

#include <libwebsockets.h>

#include "demos/standin/wire/wire.h"

/* One request on a connection; lws gives it zeroed for each connection, and it is cleared after
 * each request. */
struct exchange {
	struct cua_buffer body;
	char *path, *query;               /* owned */
	char *headers[WIRE_HEADER_COUNT]; /* owned; NULL: was not there */
	bool post;
	size_t announced; /* content-length */
	struct wire_reply reply;
	size_t sent;
	bool replying, headers_sent, paused;
};

/* Begins to send exchange->reply, at once or after the delay of its fault. */
void reply_begin(struct lws *wsi, struct exchange *exchange);
/* The delay or pause is over. */
void reply_resume(struct lws *wsi, struct exchange *exchange);
/* Sends the next piece. Returns -1 to close the connection; sets *ret_done after the last one. */
int reply_continue(struct lws *wsi, struct exchange *exchange, bool *ret_done);

#endif
