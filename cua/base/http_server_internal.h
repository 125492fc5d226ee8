#ifndef CUA_BASE_HTTP_SERVER_INTERNAL_H
#define CUA_BASE_HTTP_SERVER_INTERNAL_H

/* Between http_server.c, http_stream.c and http_linger.c. */

#include <sys/queue.h>

#include <libwebsockets.h>

#include "cua/base/http_server.h"

#define LWS_TIMERS_MAX 4
#define HTTP_SERVER_QUERY_MAX 512

struct cua_http_server {
	uv_loop_t *loop;
	struct lws_context *context;
	int connections;
	/* libwebsockets' own. It wakes every 30 s for housekeeping, with nobody connected, too. */
	uv_handle_t *lws_timers[LWS_TIMERS_MAX];
	size_t lws_timer_count;
	uv_prepare_t before_sleep; /* active once without connections, to stop the timers */
	struct cua_http_handler handler;
	LIST_HEAD(, http_linger) lingers;
	int linger_count;
	size_t max_body_len;
	unsigned long last_connection;
	char path[512];
};

struct exchange;
struct stream;

/* While a request waits for its answer libwebsockets does not read: it would not see a hang-up,
 * and would spin on what is readable. Its reading is stopped then, and this watches instead. */
struct watch {
	uv_poll_t poll;
	int fd; /* of the same socket: a descriptor is polled once only */
	struct lws *wsi;
};

/* Hangs on a wsi as opaque user data: it outlives single requests. */
struct connection {
	struct watch *watch;
	struct cua_http_server *server;
	struct lws *wsi;
	unsigned long number; /* 0 before its first request */
	struct exchange *exchange;
	struct stream *stream; /* NULL: plain HTTP */
	int completions;       /* times that the body of the request was said to be complete */
};

/* http_server.c: the query of a request, "" for none; false if it is longer than size. */
bool http_server_query(struct lws *wsi, char *query, size_t size);

/* http_stream.c: what libwebsockets tells of a WebSocket; the same answers as its callback's. */
int http_stream_confirm(struct connection *connection, const char *protocol);
int http_stream_established(struct connection *connection);
int http_stream_writeable(struct connection *connection);
/* The connection is over. */
void http_stream_closed(struct connection *connection);

/* http_linger.c: the last answer is out. Reads on and drops what comes, for a while: closing on a
 * caller who is still sending would take the answer from it. Keeps a descriptor of its own. */
void http_linger(struct cua_http_server *server, int socket);
void http_linger_end_all(struct cua_http_server *server);

#endif
