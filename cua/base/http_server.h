#ifndef CUA_BASE_HTTP_SERVER_H
#define CUA_BASE_HTTP_SERVER_H

/* HTTP/1.1 server on a unix socket, on a libuv loop: libwebsockets, wrapped so that a handler may
 * answer later. Everything runs on the loop's thread, but cua_http_answer(). */

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include "cua/base/buffer.h"
#include "cua/base/error.h"

struct cua_http_server;

/* One request and its answer. It lives until both the answer is sent and the handler's reply
 * call was made; a caller who hangs up early only sets gone. */
struct cua_http_exchange {
	const char *method, *path, *query; /* query: after '?'; "" without. None is ever cut */
	const char *if_none_match;         /* "" without */
	struct cua_buffer body;            /* of the request */
	unsigned long connection;          /* same number: same connection; never used again */
	bool gone;                         /* the caller hung up; a reply is dropped */
	void *user_data;                   /* the handler's */
};

/* A WebSocket, to send on; what the client says is ignored. */
struct cua_http_stream {
	const char *path, *query; /* valid in on_stream alone */
	void *user_data;          /* the handler's */
};

struct cua_http_handler {
	/* Must lead to one cua_http_reply(), or one cua_http_answer() and cua_http_end(), now or
	 * later. */
	void (*on_request)(struct cua_http_exchange *exchange, void *user_data);
	/* The caller of an unanswered request hung up. May be NULL. */
	void (*on_gone)(struct cua_http_exchange *exchange, void *user_data);
	/* A WebSocket is asked for. CUA_OK takes it, another status refuses it with an HTTP answer.
	 * May be NULL: there are none. */
	enum cua_status (*on_stream)(
			struct cua_http_stream *stream, void *user_data, struct cua_error *err);
	/* All that was sent is out, or the stream has just begun. */
	void (*on_stream_drained)(struct cua_http_stream *stream, void *user_data);
	/* For each that was taken; it must not be used again. */
	void (*on_stream_closed)(struct cua_http_stream *stream, void *user_data);
	/* A connection is closed. May be NULL. */
	void (*on_close)(unsigned long connection, void *user_data);
	void *user_data;
};

/* A socket at path, mode 0600; one that is there is replaced. max_body_len bounds requests.
 * handler is copied. */
CUA_NODISCARD enum cua_status cua_http_server_create(uv_loop_t *loop, const char *path,
		size_t max_body_len, const struct cua_http_handler *handler,
		struct cua_http_server **ret_server, struct cua_error *err);
/* Closes every connection; run the loop afterwards until its handles are closed. */
void cua_http_server_destroy(struct cua_http_server *server);

struct cua_http_reply {
	int status;
	const char *content_type;
	const char *etag; /* NULL for none */
	const void *body; /* copied */
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

/* Copies a message, text or binary, into the stream's queue. Wait for on_stream_drained before the
 * next, or the queue grows. CUA_ERR_NOMEM. */
CUA_NODISCARD enum cua_status cua_http_stream_send(struct cua_http_stream *stream, bool is_text,
		const void *data, size_t len, struct cua_error *err);
/* Ends it soon; on_stream_closed is called as ever. */
void cua_http_stream_close(struct cua_http_stream *stream);

#endif
