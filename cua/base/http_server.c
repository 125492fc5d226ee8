#include "cua/base/http_server.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/http_server_internal.h"
#include "cua/base/util.h"

/* A screenshot goes out in one piece if it fits; the kernel allows less than this to most. */
#define SEND_BUFFER_LEN (1 << 20)
#define COMPLETIONS_MAX 8
#define HEADER_MAX 1024
#define HEADER_TIMEOUT_S 10

/* A request in the making, with its answer. */
struct exchange {
	struct cua_http_exchange public;
	pthread_mutex_t mutex;         /* of connection, where another thread may answer */
	struct connection *connection; /* NULL when the caller is gone */
	char method[16], path[256], query[HTTP_SERVER_QUERY_MAX], if_none_match[128];
	struct cua_buffer head, body; /* of the answer */
	size_t sent;                  /* of both */
	bool handed;                  /* the handler knows of it */
	bool handing;                 /* it is being told: libwebsockets waits for us to return */
	bool refused;                 /* by us; the connection ends with the answer */
	bool drains;                  /* refused with a body still on the way */
	bool failed;                  /* to be made: memory ran out */
	bool replied;
};

static void exchange_destroy(struct exchange *exchange)
{
	cua_buffer_finish(&exchange->public.body);
	cua_buffer_finish(&exchange->head);
	cua_buffer_finish(&exchange->body);
	pthread_mutex_destroy(&exchange->mutex);
	free(exchange);
}

static void on_watch_closed(uv_handle_t *poll)
{
	free(poll->data);
}

static struct watch *watch_create(uv_loop_t *loop, struct lws *wsi)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	if (!watch) {
		return NULL;
	}
	watch->wsi = wsi;
	watch->poll.data = watch;
	watch->fd = fcntl(lws_get_socket_fd(wsi), F_DUPFD_CLOEXEC, 3);
	if (watch->fd < 0 || uv_poll_init(loop, &watch->poll, watch->fd) != 0) {
		cua_closep(&watch->fd);
		free(watch);
		return NULL;
	}
	return watch;
}

static void watch_destroy(struct watch *watch)
{
	uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
	close(watch->fd);
}

static void on_hang_up(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;
	(void)status, (void)events;
	uv_poll_stop(poll);
	lws_set_timeout(watch->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

/* --- sleep --- */

/* libwebsockets sets its timers anew whenever it handles an event, so the next connection starts
 * them; with none there is nothing that they could be for. */
static void on_before_sleep(uv_prepare_t *prepare)
{
	const struct cua_http_server *server = prepare->data;
	for (size_t i = 0; i < server->lws_timer_count; i++) {
		uv_timer_stop((uv_timer_t *)server->lws_timers[i]);
	}
	uv_prepare_stop(prepare);
}

static void count_connection(struct cua_http_server *server, int difference)
{
	server->connections += difference;
	if (server->connections == 0) {
		/* After its idle handler, which runs first and sets the timers. */
		uv_prepare_start(&server->before_sleep, on_before_sleep);
	} else {
		uv_prepare_stop(&server->before_sleep);
	}
}

struct timer_walk {
	uv_handle_t *found[LWS_TIMERS_MAX + 16];
	size_t count;
};

static void note_timer(uv_handle_t *handle, void *data)
{
	struct timer_walk *walk = data;
	if (handle->type == UV_TIMER && walk->count < CUA_ARRAY_LEN(walk->found)) {
		walk->found[walk->count++] = handle;
	}
}

/* Those that were not there before it had its context. */
static void find_lws_timers(struct cua_http_server *server, const struct timer_walk *before)
{
	struct timer_walk now = { .count = 0 };
	uv_walk(server->loop, note_timer, &now);
	for (size_t i = 0; i < now.count; i++) {
		bool old = false;
		for (size_t k = 0; k < before->count; k++) {
			old = old || before->found[k] == now.found[i];
		}
		if (!old && server->lws_timer_count < LWS_TIMERS_MAX) {
			server->lws_timers[server->lws_timer_count++] = now.found[i];
		}
	}
}

static bool connection_create(struct lws *wsi)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	if (!connection) {
		return false;
	}
	connection->server = lws_context_user(lws_get_context(wsi));
	connection->wsi = wsi;
	connection->watch = watch_create(connection->server->loop, wsi);
	if (!connection->watch) {
		free(connection);
		return false;
	}
	const int send_buffer_len = SEND_BUFFER_LEN;
	(void)setsockopt(lws_get_socket_fd(wsi), SOL_SOCKET, SO_SNDBUF, &send_buffer_len,
			sizeof(send_buffer_len));
	lws_set_opaque_user_data(wsi, connection);
	count_connection(connection->server, 1);
	return true;
}

bool http_server_query(struct lws *wsi, char *query, size_t size)
{
	char part[HTTP_SERVER_QUERY_MAX];
	size_t len = 0;
	query[0] = '\0';
	for (int i = 0; lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i) > 0; i++) {
		if (lws_hdr_copy_fragment(wsi, part, sizeof(part), WSI_TOKEN_HTTP_URI_ARGS, i) <=
				0) {
			return false;
		}
		if (strcmp(part, "/") == 0) {
			continue; /* what libwebsockets makes of a "?" or "&" before nothing */
		}
		len += (size_t)snprintf(query + len, size - len, "%s%s", len > 0 ? "&" : "", part);
		if (len >= size) {
			return false;
		}
	}
	return true;
}

/* False if a part of the target does not fit: better refused than cut. */
static bool read_head(struct lws *wsi, struct exchange *exchange, const char *path)
{
	static const struct {
		enum lws_token_indexes token;
		const char *name;
	} methods[] = { { WSI_TOKEN_GET_URI, "GET" }, { WSI_TOKEN_POST_URI, "POST" },
		{ WSI_TOKEN_PUT_URI, "PUT" }, { WSI_TOKEN_DELETE_URI, "DELETE" },
		{ WSI_TOKEN_HEAD_URI, "HEAD" }, { WSI_TOKEN_PATCH_URI, "PATCH" },
		{ WSI_TOKEN_OPTIONS_URI, "OPTIONS" } };
	snprintf(exchange->method, sizeof(exchange->method), "-"); /* one that we do not know */
	for (size_t i = 0; i < CUA_ARRAY_LEN(methods); i++) {
		if (lws_hdr_total_length(wsi, methods[i].token) > 0) {
			snprintf(exchange->method, sizeof(exchange->method), "%s", methods[i].name);
		}
	}
	bool fits = snprintf(exchange->path, sizeof(exchange->path), "%s", path) <
			(int)sizeof(exchange->path);
	fits = fits && http_server_query(wsi, exchange->query, sizeof(exchange->query));
	lws_hdr_copy(wsi, exchange->if_none_match, sizeof(exchange->if_none_match),
			WSI_TOKEN_HTTP_IF_NONE_MATCH);
	exchange->public.method = exchange->method;
	exchange->public.path = exchange->path;
	exchange->public.query = exchange->query;
	exchange->public.if_none_match = exchange->if_none_match;
	return fits;
}

/* Answers in the handler's stead and closes the connection afterwards. */
static void refuse(struct exchange *exchange, int http_status, const char *code, const char *why)
{
	char text[256];
	snprintf(text, sizeof(text),
			"{\"error\":{\"class\":\"caller\",\"code\":\"%s\",\"message\":\"%s\"}}",
			code, why);
	const struct cua_http_reply reply = { .status = http_status,
		.content_type = "application/json",
		.body = text,
		.body_len = strlen(text) };
	struct lws *wsi = exchange->connection->wsi;
	exchange->refused = true;
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
	refuse(exchange, 413, "too_large", why);
}

static void hand_over(struct exchange *exchange)
{
	const struct connection *connection = exchange->connection;
	const struct cua_http_handler *handler = &connection->server->handler;
	exchange->handed = exchange->handing = true;
	/* The answer takes the time it takes. */
	lws_set_timeout(connection->wsi, NO_PENDING_TIMEOUT, 0);
	lws_rx_flow_control(connection->wsi, 0);
	uv_poll_start(&connection->watch->poll, UV_DISCONNECT, on_hang_up);
	handler->on_request(&exchange->public, handler->user_data);
	exchange->handing = false;
}

static int on_http(struct lws *wsi, const char *path)
{
	struct connection *connection = lws_get_opaque_user_data(wsi);
	struct exchange *exchange = connection ? calloc(1, sizeof(*exchange)) : NULL;
	if (!exchange) {
		return -1;
	}
	if (connection->number == 0) {
		connection->number = ++connection->server->last_connection;
	}
	pthread_mutex_init(&exchange->mutex, NULL);
	exchange->connection = connection;
	exchange->public.connection = connection->number;
	cua_buffer_init(&exchange->public.body, connection->server->max_body_len);
	cua_buffer_init(&exchange->head, HEADER_MAX);
	cua_buffer_init(&exchange->body, (size_t)512 << 20);
	connection->exchange = exchange;
	connection->completions = 0;
	const bool fits = read_head(wsi, exchange, path);
	char length[32] = "";
	const bool length_fits = lws_hdr_copy(wsi, length, sizeof(length),
						 WSI_TOKEN_HTTP_CONTENT_LENGTH) >= 0;
	const unsigned long long body_len = strtoull(length, NULL, 10);
	if (!fits) {
		refuse(exchange, 414, "too_large", "the path or the query is too long");
	} else if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0) {
		/* libwebsockets does not take chunks from clients. */
		refuse(exchange, 411, "invalid", "send the body with a content-length");
	} else if (!length_fits || length[strspn(length, "0123456789")]) {
		refuse(exchange, 400, "invalid", "content-length is not a number");
	} else if (body_len > connection->server->max_body_len) {
		refuse_size(exchange);
	} else if (body_len == 0) {
		hand_over(exchange);
	}
	return 0;
}

static int on_body(struct connection *connection, const void *data, size_t len)
{
	struct exchange *exchange = connection ? connection->exchange : NULL;
	if (!exchange || exchange->refused) {
		return exchange ? 0 : -1;
	}
	if (exchange->handed && len > 0) {
		return -1; /* bytes after the body: what they are is anybody's guess */
	}
	if (cua_buffer_append(&exchange->public.body, data, len, NULL) != CUA_OK) {
		refuse_size(exchange);
	}
	return 0;
}

static int on_body_complete(struct connection *connection)
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

/* The answer is out; -1 if the connection is to end with it. */
static int end_exchange(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	const bool close_now = exchange->refused;
	if (exchange->drains) {
		http_linger(connection->server, connection->watch->fd);
	}
	connection->exchange = NULL;
	exchange_destroy(exchange);
	return close_now || lws_http_transaction_completed(connection->wsi) ? -1 : 0;
}

static int on_writeable(struct connection *connection)
{
	struct exchange *exchange = connection ? connection->exchange : NULL;
	if (!exchange || !exchange->replied) {
		return 0;
	}
	if (!is_sent(exchange) && !send_part(exchange)) {
		return -1;
	}
	if (!is_sent(exchange)) {
		lws_callback_on_writable(connection->wsi);
		return 0;
	}
	return end_exchange(connection);
}

static void on_closed(struct lws *wsi)
{
	struct connection *connection = lws_get_opaque_user_data(wsi);
	if (!connection) {
		return;
	}
	const struct cua_http_handler *handler = &connection->server->handler;
	struct exchange *exchange = connection->exchange;
	lws_set_opaque_user_data(wsi, NULL);
	http_stream_closed(connection);
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
	if (handler->on_close && connection->number > 0) {
		handler->on_close(connection->number, handler->user_data);
	}
	count_connection(connection->server, -1);
	watch_destroy(connection->watch);
	free(connection);
}

static int on_event(
		struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	switch (reason) {
	case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
		return connection_create(wsi) ? 0 : -1;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return http_stream_confirm(lws_get_opaque_user_data(wsi), in);
	case LWS_CALLBACK_ESTABLISHED:
		return http_stream_established(lws_get_opaque_user_data(wsi));
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return http_stream_writeable(lws_get_opaque_user_data(wsi));
	case LWS_CALLBACK_RECEIVE:
		return 0; /* nothing that a client says is asked for */
	case LWS_CALLBACK_HTTP:
		return on_http(wsi, in);
	case LWS_CALLBACK_HTTP_BODY:
		return on_body(lws_get_opaque_user_data(wsi), in, len);
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		return on_body_complete(lws_get_opaque_user_data(wsi));
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return on_writeable(lws_get_opaque_user_data(wsi));
	case LWS_CALLBACK_CLOSED:
	case LWS_CALLBACK_CLOSED_HTTP:
	case LWS_CALLBACK_WSI_DESTROY:
		on_closed(wsi);
		return 0;
	default:
		return lws_callback_http_dummy(wsi, reason, user, in, len);
	}
}

/* Most answers go out at once and whole: to wait until the socket is said to be writeable is
 * another turn of the loop. Not where libwebsockets has called and would go on with a request that
 * has ended. */
static void deliver(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	const bool is_out = exchange->handed && !exchange->handing &&
			(is_sent(exchange) || send_part(exchange)) && is_sent(exchange);
	uv_poll_stop(&connection->watch->poll);
	lws_rx_flow_control(connection->wsi, 1); /* without it nothing is written either */
	if (!is_out) {
		lws_callback_on_writable(connection->wsi);
	} else if (end_exchange(connection) != 0) {
		lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
	}
}

static void make_answer(struct exchange *exchange, const struct cua_http_reply *reply)
{
	const char *reason = reply->status == 200 ? "OK"
			: reply->status < 300     ? "Success"
			: reply->status == 304    ? "Not Modified"
						  : "Error";
	const size_t body_len = reply->taken ? reply->taken->len : reply->body_len;
	enum cua_status status = cua_buffer_printf(&exchange->head, NULL,
			"HTTP/1.1 %d %s\r\ncontent-type: %s\r\ncontent-length: %zu\r\n"
			"cache-control: no-store\r\nx-content-type-options: "
			"nosniff\r\n%s%s%s%s%s\r\n",
			reply->status, reason, reply->content_type, body_len,
			reply->etag ? "etag: " : "", reply->etag ? reply->etag : "",
			reply->etag ? "\r\n" : "",
			reply->status == 426 ? "upgrade: websocket\r\n" : "",
			exchange->refused ? "connection: close\r\n" : "");
	/* Of an answer to HEAD only the head is sent. */
	const bool head_only = strcmp(exchange->method, "HEAD") == 0;
	if (reply->taken && !head_only) {
		cua_buffer_finish(&exchange->body);
		exchange->body = *reply->taken;
		cua_buffer_init(reply->taken, reply->taken->max_len);
	} else if (status == CUA_OK && !head_only) {
		status = cua_buffer_append(&exchange->body, reply->body, reply->body_len, NULL);
	}
	exchange->failed = status != CUA_OK;
}

void cua_http_answer(struct cua_http_exchange *public, const struct cua_http_reply *reply)
{
	struct exchange *exchange = (struct exchange *)public;
	make_answer(exchange, reply);
	pthread_mutex_lock(&exchange->mutex);
	if (exchange->connection && !exchange->failed) {
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

void cua_http_reply(struct cua_http_exchange *public, const struct cua_http_reply *reply)
{
	make_answer((struct exchange *)public, reply);
	cua_http_end(public);
}

enum cua_status cua_http_server_create(uv_loop_t *loop, const char *path, size_t max_body_len,
		const struct cua_http_handler *handler, struct cua_http_server **ret_server,
		struct cua_error *err)
{
	static const struct lws_protocols protocols[] = { { .name = "http", .callback = on_event },
		{ .name = NULL } };
	struct cua_http_server *server = calloc(1, sizeof(*server));
	if (!server) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "HTTP server");
	}
	server->loop = loop;
	server->handler = *handler;
	server->max_body_len = max_body_len;
	snprintf(server->path, sizeof(server->path), "%s", path);
	void *loops[1] = { loop };
	const struct lws_context_creation_info info = { .port = 0,
		.iface = path,
		.protocols = protocols,
		.user = server,
		.foreign_loops = loops,
		.timeout_secs = HEADER_TIMEOUT_S,
		.keepalive_timeout = 3600,
		.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_UNIX_SOCK |
				LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS };
	lws_set_log_level(LLL_ERR, NULL);
	struct timer_walk before = { .count = 0 };
	uv_walk(loop, note_timer, &before);
	uv_prepare_init(loop, &server->before_sleep);
	server->before_sleep.data = server;
	unlink(path);
	/* The socket is made with the process's umask; nobody else is to connect. */
	const mode_t old = umask(0177);
	server->context = lws_create_context(&info);
	umask(old);
	if (!server->context || access(path, F_OK) != 0) {
		cua_http_server_destroy(server);
		return CUA_FAIL(err, CUA_ERR_IO, 0, "cannot listen on %s", path);
	}
	find_lws_timers(server, &before);
	count_connection(server, 0);
	*ret_server = server;
	return CUA_OK;
}

static void on_prepare_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void cua_http_server_destroy(struct cua_http_server *server)
{
	if (!server) {
		return;
	}
	if (server->context) {
		lws_context_destroy(server->context);
	}
	http_linger_end_all(server);
	unlink(server->path);
	uv_close((uv_handle_t *)&server->before_sleep, on_prepare_closed);
}
