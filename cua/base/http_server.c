#include "cua/base/http_server.h"

#include <errno.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/util.h"

#define WRITE_PART_MAX 65536
#define HEADER_MAX 1024
#define HEADER_TIMEOUT_S 10

struct cua_http_server {
	struct lws_context *context;
	struct cua_http_handler handler;
	size_t max_body_len;
	unsigned long last_connection;
	char path[512];
};

/* A request in the making, with its answer. */
struct exchange {
	struct cua_http_exchange public;
	struct connection *connection; /* NULL when the caller is gone */
	char method[16], path[256], query[512], if_none_match[128];
	struct cua_buffer answer; /* headers and body as they go out */
	size_t sent;
	bool too_large, replied;
};

/* Hangs on a wsi as opaque user data: it outlives single requests. */
struct connection {
	struct cua_http_server *server;
	struct lws *wsi;
	unsigned long number;
	struct exchange *exchange;
};

static void exchange_destroy(struct exchange *exchange)
{
	cua_buffer_finish(&exchange->public.body);
	cua_buffer_finish(&exchange->answer);
	free(exchange);
}

static struct connection *connection_of(struct lws *wsi)
{
	struct connection *connection = lws_get_opaque_user_data(wsi);
	if (!connection) {
		connection = calloc(1, sizeof(*connection));
		if (!connection) {
			return NULL;
		}
		connection->server = lws_context_user(lws_get_context(wsi));
		connection->wsi = wsi;
		connection->number = ++connection->server->last_connection;
		lws_set_opaque_user_data(wsi, connection);
	}
	return connection;
}

static void read_head(struct lws *wsi, struct exchange *exchange, const char *path)
{
	static const struct {
		enum lws_token_indexes token;
		const char *name;
	} methods[] = { { WSI_TOKEN_GET_URI, "GET" }, { WSI_TOKEN_POST_URI, "POST" },
		{ WSI_TOKEN_PUT_URI, "PUT" }, { WSI_TOKEN_DELETE_URI, "DELETE" },
		{ WSI_TOKEN_HEAD_URI, "HEAD" }, { WSI_TOKEN_PATCH_URI, "PATCH" },
		{ WSI_TOKEN_OPTIONS_URI, "OPTIONS" } };
	snprintf(exchange->method, sizeof(exchange->method), "GET");
	for (size_t i = 0; i < CUA_ARRAY_LEN(methods); i++) {
		if (lws_hdr_total_length(wsi, methods[i].token) > 0) {
			snprintf(exchange->method, sizeof(exchange->method), "%s", methods[i].name);
		}
	}
	snprintf(exchange->path, sizeof(exchange->path), "%s", path);
	size_t len = 0;
	char part[256];
	for (int i = 0; lws_hdr_copy_fragment(wsi, part, sizeof(part), WSI_TOKEN_HTTP_URI_ARGS, i) >
			0;
			i++) {
		int used = snprintf(exchange->query + len, sizeof(exchange->query) - len, "%s%s",
				len > 0 ? "&" : "", part);
		len += used > 0 ? (size_t)used : 0;
		if (len >= sizeof(exchange->query)) {
			break;
		}
	}
	lws_hdr_copy(wsi, exchange->if_none_match, sizeof(exchange->if_none_match),
			WSI_TOKEN_HTTP_IF_NONE_MATCH);
	exchange->public.method = exchange->method;
	exchange->public.path = exchange->path;
	exchange->public.query = exchange->query;
	exchange->public.if_none_match = exchange->if_none_match;
}

static void refuse_size(struct exchange *exchange)
{
	char text[256];
	const size_t max_len = exchange->connection->server->max_body_len;
	snprintf(text, sizeof(text),
			"{\"error\":{\"class\":\"caller\",\"code\":\"too_large\",\"message\":"
			"\"the body has more than %zu bytes\"}}",
			max_len);
	const struct cua_http_reply reply = { 413, "application/json", NULL, text, strlen(text) };
	exchange->too_large = true;
	cua_http_reply(&exchange->public, &reply);
}

static int on_http(struct lws *wsi, const char *path)
{
	struct connection *connection = connection_of(wsi);
	struct exchange *exchange = connection ? calloc(1, sizeof(*exchange)) : NULL;
	if (!exchange) {
		return -1;
	}
	exchange->connection = connection;
	exchange->public.connection = connection->number;
	cua_buffer_init(&exchange->public.body, connection->server->max_body_len);
	cua_buffer_init(&exchange->answer, (size_t)512 << 20);
	connection->exchange = exchange;
	read_head(wsi, exchange, path);
	char length[32] = "";
	lws_hdr_copy(wsi, length, sizeof(length), WSI_TOKEN_HTTP_CONTENT_LENGTH);
	const bool has_body = (length[0] && strcmp(length, "0") != 0) ||
			lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0;
	if (strtoull(length, NULL, 10) > connection->server->max_body_len) {
		refuse_size(exchange);
	} else if (!has_body) {
		connection->server->handler.on_request(
				&exchange->public, connection->server->handler.user_data);
	}
	return 0;
}

static int on_body(struct connection *connection, const void *data, size_t len)
{
	struct exchange *exchange = connection ? connection->exchange : NULL;
	if (!exchange || exchange->too_large) {
		return exchange ? 0 : -1;
	}
	if (cua_buffer_append(&exchange->public.body, data, len, NULL) != CUA_OK) {
		refuse_size(exchange);
	}
	return 0;
}

static int on_body_complete(struct connection *connection)
{
	struct exchange *exchange = connection ? connection->exchange : NULL;
	if (exchange && !exchange->too_large) {
		connection->server->handler.on_request(
				&exchange->public, connection->server->handler.user_data);
	}
	return 0;
}

static int on_writeable(struct connection *connection)
{
	struct exchange *exchange = connection ? connection->exchange : NULL;
	if (!exchange || !exchange->replied) {
		return 0;
	}
	unsigned char part[LWS_PRE + WRITE_PART_MAX];
	const size_t left = exchange->answer.len - exchange->sent;
	const size_t len = left < WRITE_PART_MAX ? left : WRITE_PART_MAX;
	const bool last = len == left;
	memcpy(part + LWS_PRE, exchange->answer.data + exchange->sent, len);
	/* The headers are part of the bytes: one write for a small answer. */
	if (lws_write(connection->wsi, part + LWS_PRE, len,
			    last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0) {
		return -1;
	}
	exchange->sent += len;
	if (!last) {
		lws_callback_on_writable(connection->wsi);
		return 0;
	}
	const bool close_now = exchange->too_large; /* its body is still on the way */
	connection->exchange = NULL;
	exchange_destroy(exchange);
	return close_now || lws_http_transaction_completed(connection->wsi) ? -1 : 0;
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
	if (exchange && exchange->replied) {
		exchange_destroy(exchange);
	} else if (exchange) {
		exchange->connection = NULL;
		exchange->public.gone = true;
		if (handler->on_gone) {
			handler->on_gone(&exchange->public, handler->user_data);
		}
	}
	if (handler->on_close) {
		handler->on_close(connection->number, handler->user_data);
	}
	free(connection);
}

static int on_event(
		struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	switch (reason) {
	case LWS_CALLBACK_HTTP:
		return on_http(wsi, in);
	case LWS_CALLBACK_HTTP_BODY:
		return on_body(lws_get_opaque_user_data(wsi), in, len);
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		return on_body_complete(lws_get_opaque_user_data(wsi));
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return on_writeable(lws_get_opaque_user_data(wsi));
	case LWS_CALLBACK_CLOSED_HTTP:
	case LWS_CALLBACK_WSI_DESTROY:
		on_closed(wsi);
		return 0;
	default:
		return lws_callback_http_dummy(wsi, reason, user, in, len);
	}
}

void cua_http_reply(struct cua_http_exchange *public, const struct cua_http_reply *reply)
{
	struct exchange *exchange = (struct exchange *)public;
	if (!exchange->connection) {
		exchange_destroy(exchange);
		return;
	}
	const char *reason = reply->status == 200 ? "OK"
			: reply->status < 300     ? "Success"
			: reply->status == 304    ? "Not Modified"
						  : "Error";
	enum cua_status status = cua_buffer_printf(&exchange->answer, NULL,
			"HTTP/1.1 %d %s\r\ncontent-type: %s\r\ncontent-length: %zu\r\n"
			"cache-control: no-store\r\nx-content-type-options: "
			"nosniff\r\n%s%s%s%s\r\n",
			reply->status, reason, reply->content_type, reply->body_len,
			reply->etag ? "etag: " : "", reply->etag ? reply->etag : "",
			reply->etag ? "\r\n" : "",
			exchange->too_large ? "connection: close\r\n" : "");
	if (status == CUA_OK) {
		status = cua_buffer_append(&exchange->answer, reply->body, reply->body_len, NULL);
	}
	exchange->replied = true;
	if (status != CUA_OK) {
		lws_set_timeout(exchange->connection->wsi, PENDING_TIMEOUT_USER_OK,
				LWS_TO_KILL_ASYNC);
		return;
	}
	lws_callback_on_writable(exchange->connection->wsi);
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
	unlink(path);
	/* The socket is made with the process's umask; nobody else is to connect. */
	const mode_t old = umask(0177);
	server->context = lws_create_context(&info);
	umask(old);
	if (!server->context || access(path, F_OK) != 0) {
		cua_http_server_destroy(server);
		return CUA_FAIL(err, CUA_ERR_IO, 0, "cannot listen on %s", path);
	}
	*ret_server = server;
	return CUA_OK;
}

void cua_http_server_destroy(struct cua_http_server *server)
{
	if (!server) {
		return;
	}
	if (server->context) {
		lws_context_destroy(server->context);
	}
	unlink(server->path);
	free(server);
}
