#ifndef CUA_BASE_HTTP_SERVER_INTERNAL_H
#define CUA_BASE_HTTP_SERVER_INTERNAL_H

/* Between the files of the HTTP server, http_*.c. */

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include <libwebsockets.h>

#include "cua/base/http_check.h"
#include "cua/base/http_server.h"

#define LWS_TIMERS_MAX 4
/* Of the head of a request, over TCP. */
#define HTTP_HEADERS_LEN 16384
/* Between two requests over TCP. */
#define HTTP_IDLE_S 75

/* What http_write_down() has written in this second. */
struct http_written {
	pthread_mutex_t mutex;
	uint64_t since_us;
	unsigned long lines; /* those that were too many included */
};

struct cua_http_server {
	uv_loop_t *loop;
	struct lws_context *context;
	struct http_listener *listener; /* NULL: a unix socket, which libwebsockets listens on */
	int connections, max_connections, max_per_peer, strangers, max_strangers;
	TAILQ_HEAD(, connection) crowd; /* the oldest first */
	atomic_size_t unsent;
	/* libwebsockets' own. It wakes every 30 s for housekeeping, with nobody connected, too. */
	uv_handle_t *lws_timers[LWS_TIMERS_MAX];
	size_t lws_timer_count;
	uv_prepare_t before_sleep; /* active once without connections, to stop the timers */
	struct cua_http_handler handler;
	LIST_HEAD(, http_linger) lingers;
	int linger_count;
	struct http_written written;
	size_t max_body_len;
	int body_timeout_ms, unread_timeout_s;
	unsigned long last_connection;
	bool is_tcp, is_tls;
	const char *const *header_names; /* borrowed */
	/* Of each: libwebsockets' number, -1 for one that it does not know. */
	int header_tokens[CUA_HTTP_HEADERS_KEPT_MAX];
	char path[512]; /* "" for TCP */
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

/* What is known of a head that libwebsockets has not read yet. */
struct http_preview {
	struct http_check *check; /* owned; NULL: not over TCP */
	struct cua_buffer passed; /* of TLS: what libwebsockets has of it */
	bool is_next;             /* not the first of its connection */
	bool is_over;             /* libwebsockets has read it */
	bool is_last;             /* the connection ends with the answer */
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
	struct http_preview preview;
	/* http_crowd.c's */
	TAILQ_ENTRY(connection) link;
	char peer[48];
	bool is_known, is_dropped;
	size_t unsent;
};

/* http_server.c: the caller is watched for a hang-up, as long as libwebsockets does not read. */
void http_watch_hang_up(const struct connection *connection);
/* Of libwebsockets; who is dropped stays so. */
void http_set_timeout(const struct connection *connection, enum pending_timeout reason, int s);
void http_hang_up(const struct connection *connection);
/* Whatever comes from the caller, the end included, ends the connection. */
void http_watch_for_anything(const struct connection *connection);

/* http_crowd.c */
bool http_crowd_has_room(struct cua_http_server *server, const char *peer);
void http_crowd_join(struct connection *connection);
void http_crowd_leave(struct connection *connection);
void http_crowd_trust(struct connection *connection);
/* So much waits for it to read; on the loop's thread. */
void http_crowd_unsent(struct connection *connection, size_t unsent);

/* http_head.c */
/* The address at the other end; "" if it is none of TCP. */
void http_head_peer(int socket, char peer[48]);
enum http_head_status {
	HTTP_HEAD_OK,
	HTTP_HEAD_TOO_LONG,
	HTTP_HEAD_MALFORMED,
	HTTP_HEAD_NOMEM,
};
void http_head_know_headers(struct cua_http_server *server, const char *const *names);
/* path: what libwebsockets says it is. Release with http_head_finish() whatever the outcome. */
enum http_head_status http_head_read(
		struct connection *connection, const char *path, struct cua_http_head *ret_head);
void http_head_finish(struct cua_http_head *head);

/* http_exchange.c: what libwebsockets tells of a request; the same answers as its callback's. */
int http_exchange_begin(struct lws *wsi, const char *path);
int http_exchange_body(struct connection *connection, const void *data, size_t len);
int http_exchange_body_complete(struct connection *connection);
int http_exchange_writeable(struct connection *connection);
/* Its body is late. */
int http_exchange_late(struct connection *connection);
/* The connection is over. */
void http_exchange_closed(struct connection *connection);

/* http_stream.c: what libwebsockets tells of a WebSocket; the same answers as its callback's. */
int http_stream_confirm(struct connection *connection);
int http_stream_established(struct connection *connection);
int http_stream_received(struct connection *connection, const void *data, size_t len);
int http_stream_writeable(struct connection *connection);
/* Its client has sent a close frame. */
void http_stream_ends(struct connection *connection);
/* The connection is over. */
void http_stream_closed(struct connection *connection);
/* An answer that goes on after answer_head, which is taken over, as is head. NULL without memory.
 */
struct stream *http_stream_of_answer(struct connection *connection, struct cua_http_head *head,
		const struct cua_buffer *answer_head, void *user_data);

/* http_listen.c: sets server->listener, for http_listen_end(). CUA_ERR_EXISTS if somebody else
 * listens there; CUA_ERR_IO; CUA_ERR_NOMEM. */
CUA_NODISCARD enum cua_status http_listen(struct cua_http_server *server,
		const struct cua_http_listen *listen_to, struct cua_error *err);
int http_listen_port(const struct http_listener *listener);
void http_listen_end(struct http_listener *listener);

/* http_preview.c, over TCP: libwebsockets reads a head when it is whole and good. */
void http_preview_first(struct connection *connection);
/* The answer is out. Instead of lws_http_transaction_completed(). */
void http_preview_next(struct connection *connection);
/* libwebsockets has read the head. */
void http_preview_end(struct connection *connection);
/* The head is late; the same answer as libwebsockets' callback's. */
int http_preview_late(const struct connection *connection);
/* There is no room for it: it is told so while it is in a head. */
void http_preview_drop(const struct connection *connection);

/* http_tls.c: CUA_OK if its files can be used, or none are given; CUA_ERR_INVAL; CUA_ERR_NOMEM. */
CUA_NODISCARD enum cua_status http_tls_check(
		const struct cua_http_listen *listen, struct cua_error *err);

/* http_idle.c: no timers without connections. */
struct http_timer_walk {
	uv_handle_t *found[LWS_TIMERS_MAX + 16];
	size_t count;
};
void http_idle_before_context(struct cua_http_server *server, struct http_timer_walk *ret_before);
void http_idle_after_context(struct cua_http_server *server, const struct http_timer_walk *before);
void http_idle_count(struct cua_http_server *server, int difference);

/* http_refused.c: the body of an answer of ours, the caller's; NULL without memory. Over TCP
 * a cua_http_problem(), on a unix socket a cua_http_error_json(). */
char *http_refusal_text(const struct cua_http_server *server, const struct cua_error *error,
		int http_status, const char **ret_content_type);
/* A line of the log for what was refused over TCP, so many a second, from any
 * thread. Never a query, a header or a body: tokens, tickets and keys are in them. */
void http_write_down(struct cua_http_server *server, const char *fmt, ...) CUA_PRINTF(2, 3);
extern const struct http_refusal http_too_many;
/* Answers instead of libwebsockets, and writes it down; tls: NULL without. Between answers only: it
 * fits into what a socket that has sent all else holds. */
void http_refuse(struct cua_http_server *server, int fd, SSL *tls, const char *peer,
		const struct http_refusal *refusal);

/* http_linger.c: the last answer is out. Reads on and drops what comes, for a while: closing on a
 * caller who is still sending would take the answer from it. Keeps a descriptor of its own. */
void http_linger(struct cua_http_server *server, int socket);
void http_linger_end_all(struct cua_http_server *server);

#endif
