#include "cua/base/http_server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/http_check.h"
#include "cua/base/http_server_internal.h"
#include "cua/base/util.h"

/* A screenshot goes out in one piece if it fits; the kernel allows less than this to most. */
#define SEND_BUFFER_LEN (1 << 20)
/* Over TCP we have answered before. */
#define SILENCE_S 20
#define UNIX_IDLE_S 3600
#define BODY_TIMEOUT_MS 30000
#define UNREAD_S 60
/* libwebsockets reads so much at once. A TLS record must fit and leave room: of what stays behind
 * in OpenSSL libwebsockets 4.1 is told once on libuv, and then waits for more to come. Its timers
 * stand behind this in memory, so it is a multiple of what they are aligned to. */
#define READ_LEN (16384 + 64)
/* Of TCP: who was silent so long is asked whether it is there, and given up so much later. */
#define SILENT_S 30
#define SILENT_GIVEN_UP_S 45

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

void http_set_timeout(const struct connection *connection, enum pending_timeout reason, int s)
{
	if (!connection->is_dropped) {
		lws_set_timeout(connection->wsi, reason, s);
	}
}

void http_hang_up(const struct connection *connection)
{
	lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

static void on_hang_up(uv_poll_t *poll, int status, int events)
{
	const struct watch *watch = poll->data;
	(void)status, (void)events;
	uv_poll_stop(poll);
	http_hang_up(lws_get_opaque_user_data(watch->wsi));
}

void http_watch_hang_up(const struct connection *connection)
{
	uv_poll_start(&connection->watch->poll, UV_DISCONNECT, on_hang_up);
}

void http_watch_for_anything(const struct connection *connection)
{
	uv_poll_start(&connection->watch->poll, UV_READABLE | UV_DISCONNECT, on_hang_up);
}

/* --- connections --- */

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
	http_head_peer(connection->watch->fd, connection->peer);
	http_crowd_join(connection);
	const int send_buffer_len = SEND_BUFFER_LEN;
	(void)setsockopt(lws_get_socket_fd(wsi), SOL_SOCKET, SO_SNDBUF, &send_buffer_len,
			sizeof(send_buffer_len));
	lws_set_opaque_user_data(wsi, connection);
	http_idle_count(connection->server, 1);
	return true;
}

static void on_closed(struct lws *wsi)
{
	struct connection *connection = lws_get_opaque_user_data(wsi);
	if (!connection) {
		return;
	}
	const struct cua_http_handler *handler = &connection->server->handler;
	lws_set_opaque_user_data(wsi, NULL);
	http_stream_closed(connection);
	http_exchange_closed(connection);
	if (handler->on_close && connection->number > 0) {
		handler->on_close(connection->number, handler->user_data);
	}
	http_crowd_leave(connection);
	http_idle_count(connection->server, -1);
	watch_destroy(connection->watch);
	http_check_destroy(connection->preview.check);
	cua_buffer_finish(&connection->preview.passed);
	free(connection);
}

static int on_timer(struct connection *connection)
{
	if (connection->stream) {
		return 0;
	}
	return connection->exchange ? http_exchange_late(connection)
				    : http_preview_late(connection);
}

static int on_event(
		struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	switch (reason) {
	case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
		return connection_create(wsi) ? 0 : -1;
	case LWS_CALLBACK_TIMER:
		return on_timer(lws_get_opaque_user_data(wsi));
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		http_preview_end(lws_get_opaque_user_data(wsi));
		return http_stream_confirm(lws_get_opaque_user_data(wsi));
	case LWS_CALLBACK_ESTABLISHED:
		return http_stream_established(lws_get_opaque_user_data(wsi));
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return http_stream_writeable(lws_get_opaque_user_data(wsi));
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		http_stream_ends(lws_get_opaque_user_data(wsi));
		return 0;
	case LWS_CALLBACK_RECEIVE:
		return http_stream_received(lws_get_opaque_user_data(wsi), in, len);
	case LWS_CALLBACK_HTTP:
		return http_exchange_begin(wsi, in);
	case LWS_CALLBACK_HTTP_BODY:
		return http_exchange_body(lws_get_opaque_user_data(wsi), in, len);
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		return http_exchange_body_complete(lws_get_opaque_user_data(wsi));
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return http_exchange_writeable(lws_get_opaque_user_data(wsi));
	case LWS_CALLBACK_RAW_ADOPT: /* what libwebsockets makes of CONNECT */
	case LWS_CALLBACK_RAW_RX:
		return -1;
	case LWS_CALLBACK_CLOSED:
	case LWS_CALLBACK_CLOSED_HTTP:
	case LWS_CALLBACK_WSI_DESTROY:
		on_closed(wsi);
		return 0;
	default:
		return lws_callback_http_dummy(wsi, reason, user, in, len);
	}
}

/* --- the server --- */

static bool create_context(struct cua_http_server *server, const struct cua_http_listen *listen)
{
	static const struct lws_protocols protocols[] = { { .name = "http", .callback = on_event },
		{ .name = NULL } };
	static const lws_retry_bo_t silence = { .secs_since_valid_ping = SILENT_S,
		.secs_since_valid_hangup = SILENT_GIVEN_UP_S };
	void *loops[1] = { server->loop };
	const struct lws_context_creation_info info = {
		.port = server->is_tcp ? CONTEXT_PORT_NO_LISTEN_SERVER : 0,
		.iface = listen->unix_path,
		.protocols = protocols,
		.user = server,
		.foreign_loops = loops,
		.timeout_secs = SILENCE_S,
		.timeout_secs_ah_idle = SILENCE_S,
		.keepalive_timeout = server->is_tcp ? HTTP_IDLE_S : UNIX_IDLE_S,
		.pt_serv_buf_size = LWS_PRE + READ_LEN,
		.max_http_header_data = server->is_tcp ? HTTP_HEADERS_LEN : 0,
		.retry_and_idle_policy = server->is_tcp ? &silence : NULL,
		.ssl_cert_filepath = listen->certificate_path,
		.ssl_private_key_filepath = listen->key_path,
		.alpn = "http/1.1",
		.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS |
				(server->is_tcp ? 0 : LWS_SERVER_OPTION_UNIX_SOCK) |
				(server->is_tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0)
	};
	lws_set_log_level(LLL_ERR, NULL);
	/* The socket is made with the process's umask; nobody else is to connect. */
	const mode_t old = umask(0177);
	server->context = lws_create_context(&info);
	umask(old);
	return server->context != NULL;
}

static enum cua_status start(struct cua_http_server *server, const struct cua_http_listen *listen,
		struct cua_error *err)
{
	enum cua_status status = http_tls_check(listen, err);
	if (status != CUA_OK) {
		return status;
	}
	if (listen->unix_path) {
		snprintf(server->path, sizeof(server->path), "%s", listen->unix_path);
		unlink(listen->unix_path);
	}
	/* Before the context, which is never quite freed. */
	status = server->is_tcp ? http_listen(server, listen, err) : CUA_OK;
	if (status != CUA_OK) {
		return status;
	}
	if (!create_context(server, listen) ||
			(!server->is_tcp && access(server->path, F_OK) != 0)) {
		return CUA_FAIL(err, CUA_ERR_IO, 0, "cannot listen on %s",
				listen->unix_path ? listen->unix_path : listen->address);
	}
	return CUA_OK;
}

enum cua_status cua_http_server_create(uv_loop_t *loop, const struct cua_http_listen *listen,
		const struct cua_http_handler *handler, struct cua_http_server **ret_server,
		struct cua_error *err)
{
	struct cua_http_server *server = calloc(1, sizeof(*server));
	if (!server) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "HTTP server");
	}
	server->loop = loop;
	server->handler = *handler;
	server->max_body_len = listen->max_body_len;
	server->body_timeout_ms =
			listen->body_timeout_ms > 0 ? listen->body_timeout_ms : BODY_TIMEOUT_MS;
	server->unread_timeout_s =
			listen->unread_timeout_s > 0 ? listen->unread_timeout_s : UNREAD_S;
	server->max_connections = listen->max_connections;
	server->max_per_peer = listen->max_per_peer;
	server->max_strangers = listen->max_strangers;
	TAILQ_INIT(&server->crowd);
	server->written.mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	server->is_tcp = !listen->unix_path;
	server->is_tls = listen->certificate_path != NULL;
	http_head_know_headers(server, listen->headers);
	struct http_timer_walk before;
	http_idle_before_context(server, &before);
	enum cua_status status = start(server, listen, err);
	if (status != CUA_OK) {
		cua_http_server_destroy(server);
		return status;
	}
	http_idle_after_context(server, &before);
	*ret_server = server;
	return CUA_OK;
}

int cua_http_server_port(const struct cua_http_server *server)
{
	return http_listen_port(server->listener);
}

int cua_http_server_connections(const struct cua_http_server *server)
{
	return server->connections;
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
	http_listen_end(server->listener);
	if (server->context) {
		lws_context_destroy(server->context);
	}
	http_linger_end_all(server);
	if (server->path[0]) {
		unlink(server->path);
	}
	uv_close((uv_handle_t *)&server->before_sleep, on_prepare_closed);
}
