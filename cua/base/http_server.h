#ifndef CUA_BASE_HTTP_SERVER_H
#define CUA_BASE_HTTP_SERVER_H

/* HTTP/1.1 server on a unix socket or a TCP port, with TLS or without, on a libuv loop:
 * libwebsockets, wrapped so that a handler may answer later. Everything runs on the loop's thread,
 * but cua_http_answer(). */

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include "cua/base/buffer.h"
#include "cua/base/error.h"

#define CUA_HTTP_HEADERS_KEPT_MAX 24
#define CUA_HTTP_ARGUMENTS_MAX 32

struct cua_http_server;

struct cua_http_listen {
	const char *unix_path; /* mode 0600; one that is there is replaced. NULL: address and port
				*/
	const char *address;   /* in numbers: "127.0.0.1", "::1" */
	int port;              /* 0: any that is free, see cua_http_server_port() */
	const char *certificate_path, *key_path; /* PEM; NULL: no TLS */
	/* Of requests, those that are kept; one that is there twice is refused, but for names that
	 * libwebsockets does not know, of which the first is kept. In lower case, up to a NULL, at
	 * most CUA_HTTP_HEADERS_KEPT_MAX; borrowed. NULL: none. */
	const char *const *headers;
	size_t max_body_len;
	/* Of TCP: a body may take so long, and a second longer for each 4 KB that came; 0: 30 s. */
	int body_timeout_ms;
	int unread_timeout_s; /* of TCP: for who reads nothing of what waits for it; 0: 60 */
	int max_connections;  /* of TCP; above it: 503, over TLS nothing; 0: no bound */
	int max_per_peer;     /* of them from one address that is not loopback; 0: no bound */
	/* Of them that were not trusted yet: a further one ends the oldest of them; 0: no bound. */
	int max_strangers;
};

/* What a client sent before the body. Nothing in it is ever cut. */
struct cua_http_head {
	const char *method;
	char *path;    /* decoded, without "..", as libwebsockets does it */
	char *query;   /* after '?', decoded; "" without */
	char peer[48]; /* the client's address; "" on a unix socket */
	char *arguments[CUA_HTTP_ARGUMENTS_MAX];  /* of the query, decoded one by one */
	char *headers[CUA_HTTP_HEADERS_KEPT_MAX]; /* as listed in cua_http_listen; NULL: not sent */
	const char *const *header_names;
};

/* "" without; for a header that is not kept, too. */
const char *cua_http_header(const struct cua_http_head *head, const char *name);
/* The value of the first "name=value" in the query; NULL without. */
const char *cua_http_argument(const struct cua_http_head *head, const char *name);

/* One request and its answer. It lives until both the answer is sent and the handler's reply
 * call was made; a caller who hangs up early only sets gone. */
struct cua_http_exchange {
	struct cua_http_head head;
	struct cua_buffer body;   /* of the request */
	size_t announced_len;     /* of it, by its head */
	unsigned long connection; /* same number: same connection; never used again */
	bool gone;                /* the caller hung up; a reply is dropped */
	void *user_data;          /* the handler's */
};

/* A WebSocket, or an answer that goes on: events of a server. */
struct cua_http_stream {
	struct cua_http_head head; /* of what asked for it */
	void *user_data;           /* the handler's */
	int refused_with; /* set by on_stream: the HTTP status; 0: the one that goes with the error
			   */
};

struct cua_http_handler {
	/* Must lead to one cua_http_reply(), or one cua_http_answer() and cua_http_end(), or one
	 * cua_http_reply_stream(), now or later. */
	void (*on_request)(struct cua_http_exchange *exchange, void *user_data);
	/* There is a head, and its body is not read yet. False: it was refused by cua_http_reply(),
	 * and the body is not taken. May be NULL: all are read. */
	bool (*on_head)(struct cua_http_exchange *exchange, void *user_data);
	/* The caller of an unanswered request hung up. May be NULL. */
	void (*on_gone)(struct cua_http_exchange *exchange, void *user_data);
	/* A WebSocket is asked for. CUA_OK takes it, another status refuses it with an HTTP answer.
	 * May be NULL: there are none. */
	enum cua_status (*on_stream)(
			struct cua_http_stream *stream, void *user_data, struct cua_error *err);
	/* A piece of a message of a WebSocket's client. May be NULL: what it says is ignored. */
	void (*on_stream_data)(struct cua_http_stream *stream, const char *data, size_t len,
			bool is_text, bool is_last, void *user_data);
	/* All that was sent is out, or the stream has just begun. */
	void (*on_stream_drained)(struct cua_http_stream *stream, void *user_data);
	/* For each that was taken; it must not be used again. */
	void (*on_stream_closed)(struct cua_http_stream *stream, void *user_data);
	/* A connection is closed. May be NULL. */
	void (*on_close)(unsigned long connection, void *user_data);
	void *user_data;
};

/* handler is copied. CUA_ERR_EXISTS if somebody listens there; CUA_ERR_INVAL for TLS files that
 * cannot be used; CUA_ERR_IO; CUA_ERR_NOMEM. */
CUA_NODISCARD enum cua_status cua_http_server_create(uv_loop_t *loop,
		const struct cua_http_listen *listen, const struct cua_http_handler *handler,
		struct cua_http_server **ret_server, struct cua_error *err);
/* Closes every connection; run the loop afterwards until its handles are closed. */
void cua_http_server_destroy(struct cua_http_server *server);
/* Of TCP. */
int cua_http_server_port(const struct cua_http_server *server);
int cua_http_server_connections(const struct cua_http_server *server);
/* Bytes of answers and streams that wait for their readers. Any thread. */
size_t cua_http_server_unsent(const struct cua_http_server *server);
/* Who made it has shown who they are: this connection does not give way to others. */
void cua_http_trust(const struct cua_http_exchange *exchange);
void cua_http_stream_trust(const struct cua_http_stream *stream);

struct cua_http_reply {
	int status;
	const char *content_type;
	const char *etag;    /* NULL for none */
	const char *headers; /* further ones, each with its line end; NULL for none */
	const char *cache;   /* Cache-Control; NULL: no-store */
	const void *body;    /* copied */
	size_t body_len;
	struct cua_buffer *taken; /* instead of body: taken over, left empty; NULL for none */
};

/* exchange is released and must not be used again. */
void cua_http_reply(struct cua_http_exchange *exchange, const struct cua_http_reply *reply);
/* The same in two steps, for who works on another thread: the answer, as much as the socket takes
 * at once, goes out from there, and the loop need not wake up first. */
void cua_http_answer(struct cua_http_exchange *exchange, const struct cua_http_reply *reply);
/* On the loop's thread: sends the rest, if any; exchange is released. */
void cua_http_end(struct cua_http_exchange *exchange);
/* An answer without an end: its head, and what cua_http_stream_send() is given, byte for byte. The
 * handler's functions for streams are called as for a WebSocket. exchange is released; NULL if its
 * caller is gone, or without memory. */
struct cua_http_stream *cua_http_reply_stream(struct cua_http_exchange *exchange,
		const struct cua_http_reply *reply, void *user_data);

/* Copies a message, text or binary, into the stream's queue. Wait for on_stream_drained before the
 * next, or the queue grows. CUA_ERR_CLOSED after a close; CUA_ERR_NOMEM. */
CUA_NODISCARD enum cua_status cua_http_stream_send(struct cua_http_stream *stream, bool is_text,
		const void *data, size_t len, struct cua_error *err);
/* on_stream_drained is called again, in another turn of the loop: for who has more to do than one
 * turn is to take. */
void cua_http_stream_again(struct cua_http_stream *stream);
/* What a WebSocket's client says is not read for now, or again: it has to wait. Its hang-up is seen
 * either way. */
void cua_http_stream_listen(struct cua_http_stream *stream, bool listens);
/* Ends it soon; on_stream_closed is called as ever. */
void cua_http_stream_close(struct cua_http_stream *stream);
/* The same, and a WebSocket's client is told a code and why, of which 123 bytes are sent.
 * Source: RFC 6455, 5.5.1 and 7.4. */
void cua_http_stream_close_with(struct cua_http_stream *stream, int code, const char *reason);

#endif
