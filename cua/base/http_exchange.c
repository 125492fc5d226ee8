#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "cua/base/http_server_internal.h"
#include "cua/base/util.h"

#define COMPLETIONS_MAX 8
#define ANSWER_HEAD_MAX 8192
#define TLS_PIECE_LEN ((size_t)16 << 10)
#define BODY_BYTES_PER_MS 4
/* Between two parts of a body. */
#define BODY_SILENCE_US 10000000

/* A request in the making, with its answer. */
struct exchange {
	struct cua_http_exchange public;
	pthread_mutex_t mutex;         /* of connection, where another thread may answer */
	struct connection *connection; /* NULL when the caller is gone */
	struct cua_buffer head, body;  /* of the answer */
	size_t sent;                   /* of both */
	uint64_t begun_us;             /* when its head was read */
	bool handed;                   /* the handler knows of it */
	bool handing;                  /* it is being told: libwebsockets waits for us to return */
	bool refused;                  /* by us */
	bool is_last;                  /* the connection ends with the answer */
	bool drains;                   /* so it does with something still on the way */
	bool failed;                   /* to be made: memory ran out */
	bool replied;
};

static void exchange_destroy(struct exchange *exchange)
{
	http_head_finish(&exchange->public.head);
	cua_buffer_finish(&exchange->public.body);
	cua_buffer_finish(&exchange->head);
	cua_buffer_finish(&exchange->body);
	pthread_mutex_destroy(&exchange->mutex);
	free(exchange);
}

/* Answers in the handler's stead and closes the connection afterwards. */
static void refuse(
		struct exchange *exchange, int http_status, enum cua_status status, const char *why)
{
	struct cua_error error = { 0 };
	const char *content_type = NULL;
	(void)!CUA_FAIL(&error, status, 0, "%s", why);
	CUA_AUTO_FREE char *text = http_refusal_text(
			exchange->connection->server, &error, http_status, &content_type);
	const struct cua_http_reply reply = { .status = http_status,
		.content_type = content_type,
		.body = text ? text : "",
		.body_len = text ? strlen(text) : 0 };
	struct lws *wsi = exchange->connection->wsi;
	exchange->refused = exchange->is_last = true;
	exchange->drains = exchange->drains ||
			lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0 ||
			lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0;
	cua_http_reply(&exchange->public, &reply);
}

static void refuse_size(struct exchange *exchange)
{
	char why[64];
	exchange->drains = true;
	snprintf(why, sizeof(why), "the body has more than %zu bytes",
			exchange->connection->server->max_body_len);
	refuse(exchange, 413, CUA_ERR_TOO_LARGE, why);
}

static void hand_over(struct exchange *exchange)
{
	const struct connection *connection = exchange->connection;
	const struct cua_http_handler *handler = &connection->server->handler;
	exchange->handed = exchange->handing = true;
	http_preview_end(exchange->connection);
	/* The answer takes the time it takes. */
	http_set_timeout(connection, NO_PENDING_TIMEOUT, 0);
	lws_rx_flow_control(connection->wsi, 0);
	http_watch_hang_up(connection);
	handler->on_request(&exchange->public, handler->user_data);
	if (connection->exchange == exchange) { /* and has not become a stream */
		exchange->handing = false;
	}
}

/* A body that nobody may send is not read. */
static void ask_for_body(struct exchange *exchange)
{
	const struct cua_http_handler *handler = &exchange->connection->server->handler;
	if (!handler->on_head) {
		return;
	}
	/* As refuse() has it, in case that it is. */
	exchange->refused = exchange->is_last = exchange->drains = true;
	if (handler->on_head(&exchange->public, handler->user_data)) {
		exchange->refused = exchange->is_last = exchange->drains = false;
	}
}

static void await_body(const struct exchange *exchange)
{
	if (exchange->connection->server->is_tcp && !exchange->refused) {
		lws_set_timer_usecs(exchange->connection->wsi, BODY_SILENCE_US);
	}
}

/* libwebsockets does not take chunks from clients. */
static void check_head(struct exchange *exchange, enum http_head_status head)
{
	const struct connection *connection = exchange->connection;
	char length[32] = "";
	const bool length_fits = lws_hdr_copy(connection->wsi, length, sizeof(length),
						 WSI_TOKEN_HTTP_CONTENT_LENGTH) >= 0;
	const unsigned long long body_len = strtoull(length, NULL, 10);
	exchange->public.announced_len = (size_t)body_len;
	/* Without a length libwebsockets takes what comes next for the body of POST, PUT, PATCH. */
	exchange->is_last = connection->preview.is_last ||
			(!length[0] && exchange->public.head.method[0] == 'P');
	if (head == HTTP_HEAD_TOO_LONG) {
		refuse(exchange, 414, CUA_ERR_TOO_LARGE,
				"the path, the query or a header is too long");
	} else if (head != HTTP_HEAD_OK) {
		refuse(exchange, 400, CUA_ERR_INVAL,
				"it is not HTTP/1.1, a header is there twice, or a part of the "
				"head holds a zero byte");
	} else if (lws_hdr_total_length(connection->wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0) {
		refuse(exchange, 411, CUA_ERR_INVAL, "send the body with a content-length");
	} else if (!length_fits || length[strspn(length, "0123456789")]) {
		refuse(exchange, 400, CUA_ERR_INVAL, "content-length is not a number");
	} else if (body_len > connection->server->max_body_len) {
		refuse_size(exchange);
	} else if (body_len == 0) {
		hand_over(exchange);
	} else {
		ask_for_body(exchange);
		await_body(exchange);
		lws_cancel_service(lws_get_context(connection->wsi)); /* it looks at its timers */
	}
}

int http_exchange_begin(struct lws *wsi, const char *path)
{
	struct connection *connection = lws_get_opaque_user_data(wsi);
	struct exchange *exchange =
			connection && !connection->stream ? calloc(1, sizeof(*exchange)) : NULL;
	if (!exchange) {
		return -1;
	}
	if (connection->number == 0) {
		connection->number = ++connection->server->last_connection;
	}
	pthread_mutex_init(&exchange->mutex, NULL);
	exchange->connection = connection;
	exchange->begun_us = cua_now_us();
	exchange->public.connection = connection->number;
	cua_buffer_init(&exchange->public.body, connection->server->max_body_len);
	cua_buffer_init(&exchange->head, ANSWER_HEAD_MAX);
	cua_buffer_init(&exchange->body, (size_t)512 << 20);
	connection->exchange = exchange;
	connection->completions = 0;
	http_preview_end(connection);
	check_head(exchange, http_head_read(connection, path, &exchange->public.head));
	return 0;
}

int http_exchange_late(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	if (!exchange->handed && !exchange->replied) {
		exchange->drains = true;
		refuse(exchange, 408, CUA_ERR_INVAL,
				"the body of the request did not come in time");
	}
	return 0;
}

/* Each byte of a body gives the rest of it more time in libwebsockets: it could last for ever. */
static bool is_too_slow(const struct exchange *exchange)
{
	const struct cua_http_server *server = exchange->connection->server;
	const uint64_t allowed_ms = (uint64_t)server->body_timeout_ms +
			exchange->public.body.len / BODY_BYTES_PER_MS;
	return server->is_tcp && cua_now_us() - exchange->begun_us > 1000 * allowed_ms;
}

int http_exchange_body(struct connection *connection, const void *data, size_t len)
{
	struct exchange *exchange = connection ? connection->exchange : NULL;
	if (!exchange || exchange->refused) {
		return exchange ? 0 : -1;
	}
	if (exchange->handed) {
		return len > 0 ? -1 : 0; /* bytes after the body are anybody's guess */
	}
	if (is_too_slow(exchange)) {
		return http_exchange_late(connection);
	}
	await_body(exchange);
	if (cua_buffer_append(&exchange->public.body, data, len, NULL) != CUA_OK) {
		refuse_size(exchange);
	}
	return 0;
}

int http_exchange_body_complete(struct connection *connection)
{
	struct exchange *exchange = connection ? connection->exchange : NULL;
	if (!connection || ++connection->completions > COMPLETIONS_MAX) {
		/* libwebsockets 4.1 takes a request that was sent before the answer to this one for
		 * more of its body, and comes back here for ever. For no body it comes, too. */
		return -1;
	}
	if (exchange && !exchange->refused && !exchange->handed) {
		hand_over(exchange);
	}
	return 0;
}

/* With TLS, through libwebsockets; only when it says that it can write. */
static bool send_part_encrypted(struct exchange *exchange)
{
	static unsigned char piece[LWS_PRE + TLS_PIECE_LEN];
	const bool in_head = exchange->sent < exchange->head.len;
	const struct cua_buffer *buffer = in_head ? &exchange->head : &exchange->body;
	const size_t begin = exchange->sent - (in_head ? 0 : exchange->head.len);
	const size_t left = buffer->len - begin;
	const size_t len = left < TLS_PIECE_LEN ? left : TLS_PIECE_LEN;
	memcpy(piece + LWS_PRE, buffer->data + begin, len);
	exchange->sent += len;
	return lws_write(exchange->connection->wsi, piece + LWS_PRE, len, LWS_WRITE_HTTP) >= 0;
}

/* As much of the answer as the socket takes; false if it is broken. Past libwebsockets, which would
 * copy it; of its own there is nothing on the way to the caller. */
static bool send_part(struct exchange *exchange)
{
	const struct cua_buffer *const buffers[] = { &exchange->head, &exchange->body };
	struct iovec parts[CUA_ARRAY_LEN(buffers)];
	struct msghdr message = { .msg_iov = parts };
	size_t skip = exchange->sent;
	for (size_t i = 0; i < CUA_ARRAY_LEN(buffers); i++) {
		const size_t len = buffers[i]->len;
		if (skip < len) {
			parts[message.msg_iovlen++] =
					(struct iovec){ buffers[i]->data + skip, len - skip };
		}
		skip -= skip < len ? skip : len;
	}
	const ssize_t wrote = sendmsg(
			exchange->connection->watch->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	exchange->sent += wrote > 0 ? (size_t)wrote : 0;
	return wrote >= 0 || errno == EAGAIN || errno == EINTR;
}

static bool is_sent(const struct exchange *exchange)
{
	return exchange->sent == exchange->head.len + exchange->body.len;
}

/* Something that came before the answer is kept by libwebsockets for afterwards. It does not say of
 * which connection, but another one's is seldom there: it is taken care of at once. */
static bool is_ahead(const struct connection *connection)
{
	return connection->server->is_tcp &&
			lws_service_adjust_timeout(lws_get_context(connection->wsi), 1, 0) == 0;
}

/* The answer is out; -1 if the connection is to end with it. */
static int end_exchange(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	const bool close_now = exchange->is_last || is_ahead(connection);
	if (exchange->drains || close_now) {
		http_linger(connection->server, connection->watch->fd);
	}
	connection->exchange = NULL;
	exchange_destroy(exchange);
	http_crowd_unsent(connection, 0);
	if (!close_now && connection->server->is_tcp) {
		http_preview_next(connection);
		return 0;
	}
	lws_rx_flow_control(connection->wsi, 1);
	return close_now || lws_http_transaction_completed(connection->wsi) ? -1 : 0;
}

/* Its reader has so long for the next piece of it. */
static void note_unsent(const struct exchange *exchange)
{
	struct connection *connection = exchange->connection;
	http_crowd_unsent(connection, exchange->head.len + exchange->body.len - exchange->sent);
	if (connection->server->is_tcp) {
		http_set_timeout(connection, PENDING_TIMEOUT_HTTP_CONTENT,
				connection->server->unread_timeout_s);
	}
}

static void on_writable(uv_poll_t *poll, int status, int events)
{
	const struct watch *watch = poll->data;
	struct connection *connection = lws_get_opaque_user_data(watch->wsi);
	(void)events;
	if (status < 0 || !send_part(connection->exchange)) {
		http_hang_up(connection);
	} else if (!is_sent(connection->exchange)) {
		note_unsent(connection->exchange);
	} else {
		uv_poll_stop(poll);
		if (end_exchange(connection) != 0) {
			http_hang_up(connection);
		}
	}
}

/* The rest goes out when the socket takes it. libwebsockets would have to be told to read for it,
 * and would spin on what the caller sends meanwhile, unread. With TLS it writes all the same: who
 * sends something before the end is hung up on. */
static void await_writable(struct connection *connection)
{
	note_unsent(connection->exchange);
	if (connection->server->is_tls) {
		http_watch_for_anything(connection);
		lws_callback_on_writable(connection->wsi);
	} else {
		lws_rx_flow_control(connection->wsi, 0);
		uv_poll_start(&connection->watch->poll, UV_WRITABLE, on_writable);
	}
}

int http_exchange_writeable(struct connection *connection)
{
	struct exchange *exchange = connection ? connection->exchange : NULL;
	if (connection && connection->stream) {
		return http_stream_writeable(connection);
	}
	if (!exchange || !exchange->replied) {
		return 0;
	}
	const bool is_tls = connection->server->is_tls;
	if (!is_sent(exchange) && !(is_tls ? send_part_encrypted(exchange) : send_part(exchange))) {
		return -1;
	}
	if (!is_sent(exchange) || lws_partial_buffered(connection->wsi)) {
		await_writable(connection);
		return 0;
	}
	uv_poll_stop(&connection->watch->poll);
	return end_exchange(connection);
}

void http_exchange_closed(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	const struct cua_http_handler *handler = &connection->server->handler;
	if (exchange && (exchange->replied || !exchange->handed)) {
		exchange_destroy(exchange);
	} else if (exchange) {
		pthread_mutex_lock(&exchange->mutex);
		exchange->connection = NULL;
		pthread_mutex_unlock(&exchange->mutex);
		exchange->public.gone = true;
		if (handler->on_gone) {
			handler->on_gone(&exchange->public, handler->user_data);
		}
	}
}

/* Most answers go out at once and whole: to wait until the socket is said to be writeable is
 * another turn of the loop. Not where libwebsockets has called and would go on with a request that
 * has ended. */
static void deliver(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	const bool is_ours = !connection->server->is_tls && exchange->handed && !exchange->handing;
	uv_poll_stop(&connection->watch->poll);
	if (!is_ours) {
		lws_rx_flow_control(connection->wsi, 1); /* without it nothing is written either */
		note_unsent(exchange);
		lws_callback_on_writable(connection->wsi);
	} else if (!is_sent(exchange) && !send_part(exchange)) {
		http_hang_up(connection);
	} else if (!is_sent(exchange)) {
		await_writable(connection);
	} else if (end_exchange(connection) != 0) {
		http_hang_up(connection);
	}
}

static const char *reason_phrase(int status)
{
	return status == 200            ? "OK"
			: status < 300  ? "Success"
			: status == 304 ? "Not Modified"
					: "Error";
}

/* has_end: with the length of the body. */
static void make_head(struct exchange *exchange, const struct cua_http_reply *reply, bool has_end,
		size_t body_len)
{
	char length[64] = "connection: close\r\n";
	if (has_end) {
		snprintf(length, sizeof(length), "content-length: %zu\r\n", body_len);
	}
	const enum cua_status status = cua_buffer_printf(&exchange->head, NULL,
			"HTTP/1.1 %d %s\r\ncontent-type: %s\r\n%scache-control: %s\r\n"
			"x-content-type-options: nosniff\r\n%s%s%s%s%s%s\r\n",
			reply->status, reason_phrase(reply->status), reply->content_type, length,
			reply->cache ? reply->cache : "no-store", reply->etag ? "etag: " : "",
			reply->etag ? reply->etag : "", reply->etag ? "\r\n" : "",
			reply->headers ? reply->headers : "",
			reply->status == 426 ? "upgrade: websocket\r\n" : "",
			exchange->is_last && has_end ? "connection: close\r\n" : "");
	exchange->failed = status != CUA_OK;
}

/* Bytes are there before the answer: maybe a body of which libwebsockets does not know, since it
 * reads some heads as nobody else does. They must not become the next request. */
static void end_if_ahead(struct exchange *exchange)
{
	int len = 0;
	pthread_mutex_lock(&exchange->mutex);
	if (exchange->connection && exchange->connection->server->is_tcp &&
			ioctl(exchange->connection->watch->fd, FIONREAD, &len) == 0 && len > 0) {
		exchange->is_last = true;
	}
	pthread_mutex_unlock(&exchange->mutex);
}

static void write_down(struct exchange *exchange, int http_status)
{
	const struct cua_http_head *head = &exchange->public.head;
	pthread_mutex_lock(&exchange->mutex);
	if (exchange->connection) {
		http_write_down(exchange->connection->server, "refused %d: %s %.100s from %s",
				http_status, head->method ? head->method : "a request",
				head->path ? head->path : "", exchange->connection->peer);
	}
	pthread_mutex_unlock(&exchange->mutex);
}

static void make_answer(struct exchange *exchange, const struct cua_http_reply *reply)
{
	enum cua_status status = CUA_OK;
	end_if_ahead(exchange);
	if (reply->status >= 400) {
		write_down(exchange, reply->status);
	}
	make_head(exchange, reply, true, reply->taken ? reply->taken->len : reply->body_len);
	/* Of an answer to HEAD only the head is sent. */
	const bool head_only = strcmp(exchange->public.head.method, "HEAD") == 0;
	if (reply->taken && !head_only) {
		cua_buffer_finish(&exchange->body);
		exchange->body = *reply->taken;
		cua_buffer_init(reply->taken, reply->taken->max_len);
	} else if (!head_only) {
		status = cua_buffer_append(&exchange->body, reply->body, reply->body_len, NULL);
	}
	exchange->failed = exchange->failed || status != CUA_OK;
}

void cua_http_answer(struct cua_http_exchange *public, const struct cua_http_reply *reply)
{
	struct exchange *exchange = (struct exchange *)public;
	make_answer(exchange, reply);
	pthread_mutex_lock(&exchange->mutex);
	if (exchange->connection && !exchange->failed && !exchange->connection->server->is_tls) {
		(void)send_part(exchange); /* tried again at the end */
	}
	pthread_mutex_unlock(&exchange->mutex);
}

void cua_http_end(struct cua_http_exchange *public)
{
	struct exchange *exchange = (struct exchange *)public;
	exchange->replied = true;
	if (!exchange->connection) {
		exchange_destroy(exchange);
	} else if (!exchange->failed) {
		deliver(exchange->connection);
	} else {
		uv_poll_stop(&exchange->connection->watch->poll);
		lws_set_timeout(exchange->connection->wsi, PENDING_TIMEOUT_USER_OK,
				LWS_TO_KILL_ASYNC);
	}
}

void cua_http_trust(const struct cua_http_exchange *public)
{
	const struct exchange *exchange = (const struct exchange *)public;
	if (exchange->connection) {
		http_crowd_trust(exchange->connection);
	}
}

void cua_http_reply(struct cua_http_exchange *public, const struct cua_http_reply *reply)
{
	make_answer((struct exchange *)public, reply);
	cua_http_end(public);
}

struct cua_http_stream *cua_http_reply_stream(struct cua_http_exchange *public,
		const struct cua_http_reply *reply, void *user_data)
{
	struct exchange *exchange = (struct exchange *)public;
	struct connection *connection = exchange->connection;
	struct stream *stream = NULL;
	make_head(exchange, reply, false, 0);
	if (connection && !exchange->failed) {
		stream = http_stream_of_answer(
				connection, &exchange->public.head, &exchange->head, user_data);
	}
	if (connection) {
		connection->exchange = NULL;
		/* libwebsockets reads nothing between a request and the end of its answer. */
		http_watch_for_anything(connection);
		lws_rx_flow_control(connection->wsi, 1);
	}
	if (connection && stream) {
		lws_callback_on_writable(connection->wsi);
	} else if (connection) {
		lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
	}
	exchange_destroy(exchange);
	return (struct cua_http_stream *)stream;
}
