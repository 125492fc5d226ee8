#include "demos/standin/server.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include <libwebsockets.h>

#include "cua/base/util.h"
#include "demos/standin/wire.h"

#define KEEPALIVE_S 60
#define PIECE_BYTES 4000 /* written at once */

struct server {
	struct lws_context *lws;
	struct lws_protocols protocols[2];
	struct play *play;
	atomic_bool stopped;
};

/* One request on a connection; lws gives it zeroed for each connection, and we clear it after each
 * request. */
struct exchange {
	struct cua_buffer body;
	char authorization[1024];
	bool has_authorization;
	struct wire_reply reply;
	struct wire_error refused; /* http_status 0: go on */
	size_t sent;
	bool replying;
};

static void exchange_clear(struct exchange *exchange)
{
	cua_buffer_finish(&exchange->body);
	wire_reply_finish(&exchange->reply);
	memset(exchange, 0, sizeof(*exchange));
	cua_buffer_init(&exchange->body, WIRE_BODY_MAX);
}

static size_t content_length(struct lws *wsi)
{
	char text[32] = "";
	lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP_CONTENT_LENGTH);
	return strtoull(text, NULL, 10);
}

/* Clients with a large body wait for this line, curl for a second; lws does not send it. */
static int send_continue(struct lws *wsi)
{
	static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
	unsigned char buffer[LWS_PRE + sizeof(line)];
	memcpy(buffer + LWS_PRE, line, sizeof(line));
	return lws_write(wsi, buffer + LWS_PRE, sizeof(line) - 1, LWS_WRITE_HTTP_HEADERS) < 0 ? -1
											      : 0;
}

static void route(struct exchange *exchange, const char *path, bool post)
{
	if (strcmp(path, "/v1/responses") != 0) {
		wire_fail(&exchange->refused, 404, NULL, "", "Invalid URL (%s %.200s)",
				post ? "POST" : "GET", path);
	} else if (!post) {
		wire_fail(&exchange->refused, 405, "method_not_supported", "",
				"Not allowed to GET on /v1/responses. Use POST.");
	}
}

static int write_headers(struct lws *wsi, const struct exchange *exchange)
{
	unsigned char buffer[LWS_PRE + 2048];
	unsigned char *start = buffer + LWS_PRE;
	unsigned char *at = start;
	unsigned char *end = buffer + sizeof(buffer) - 1;
	bool stream = strncmp(exchange->reply.content_type, "text/event-stream", 17) == 0;
	if (lws_add_http_common_headers(wsi, (unsigned)exchange->reply.http_status,
			    exchange->reply.content_type,
			    stream ? LWS_ILLEGAL_HTTP_CONTENT_LEN : exchange->reply.body.len, &at,
			    end) ||
			lws_add_http_header_by_name(wsi, (const unsigned char *)"x-request-id:",
					(const unsigned char *)"req_standin", 11, &at, end)) {
		return -1;
	}
	return lws_finalize_write_http_header(wsi, start, &at, end);
}

static int begin_reply(struct server *server, struct lws *wsi, struct exchange *exchange)
{
	if (exchange->refused.http_status) {
		wire_reply_error(&exchange->refused, &exchange->reply);
	} else {
		wire_answer(server->play,
				exchange->has_authorization ? exchange->authorization : NULL,
				exchange->body.data ? exchange->body.data : "", exchange->body.len,
				&exchange->reply);
	}
	exchange->replying = true;
	if (write_headers(wsi, exchange)) {
		return -1;
	}
	lws_callback_on_writable(wsi);
	return 0;
}

/* Sends the next piece; a stream goes out in pieces that cut events anywhere. */
static int continue_reply(struct lws *wsi, struct exchange *exchange)
{
	if (!exchange->replying) {
		return 0;
	}
	const struct cua_buffer *body = &exchange->reply.body;
	unsigned char piece[LWS_PRE + PIECE_BYTES];
	size_t left = body->len - exchange->sent;
	size_t len = left < PIECE_BYTES ? left : PIECE_BYTES;
	if (len) {
		memcpy(piece + LWS_PRE, body->data + exchange->sent, len);
	}
	enum lws_write_protocol how = len == left ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP;
	if (lws_write(wsi, piece + LWS_PRE, len, how) != (int)len) {
		return -1;
	}
	exchange->sent += len;
	if (exchange->sent < body->len) {
		lws_callback_on_writable(wsi);
		return 0;
	}
	exchange_clear(exchange);
	return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int begin_request(
		struct server *server, struct lws *wsi, struct exchange *exchange, const char *path)
{
	exchange_clear(exchange);
	bool post = lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) > 0;
	route(exchange, path, post);
	int len = lws_hdr_copy(wsi, exchange->authorization, (int)sizeof(exchange->authorization),
			WSI_TOKEN_HTTP_AUTHORIZATION);
	exchange->has_authorization = len > 0;
	if (!post) {
		return begin_reply(server, wsi, exchange);
	}
	if (content_length(wsi) > WIRE_BODY_MAX) {
		wire_fail(&exchange->refused, 413, NULL, "", "The request is larger than %u bytes.",
				WIRE_BODY_MAX);
		begin_reply(server, wsi, exchange);
		continue_reply(wsi, exchange);
		return -1; /* do not read what was announced */
	}
	return lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_EXPECT) > 0 ? send_continue(wsi) : 0;
}

static int on_event(
		struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct exchange *exchange = user;
	const struct lws_protocols *protocol = lws_get_protocol(wsi);
	struct server *server = protocol ? protocol->user : NULL;
	switch (reason) {
	case LWS_CALLBACK_HTTP:
		return begin_request(server, wsi, exchange, in);
	case LWS_CALLBACK_HTTP_BODY:
		return cua_buffer_append(&exchange->body, in, len, NULL) == CUA_OK ? 0 : -1;
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		return begin_reply(server, wsi, exchange);
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return continue_reply(wsi, exchange);
	case LWS_CALLBACK_CLOSED_HTTP:
		if (exchange) {
			exchange_clear(exchange);
		}
		return 0;
	default:
		return lws_callback_http_dummy(wsi, reason, user, in, len);
	}
}

enum cua_status server_create(int port, struct play *play, struct server **ret_server,
		int *ret_port, struct cua_error *err)
{
	struct server *server = calloc(1, sizeof(*server));
	if (!server) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "server");
	}
	server->play = play;
	server->protocols[0] = (struct lws_protocols){ .name = "http",
		.callback = on_event,
		.per_session_data_size = sizeof(struct exchange),
		.user = server };
	struct lws_context_creation_info info = { .port = port,
		.iface = "127.0.0.1",
		.protocols = server->protocols,
		.keepalive_timeout = KEEPALIVE_S,
		.gid = (gid_t)-1,
		.uid = (uid_t)-1,
		.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS };
	lws_set_log_level(LLL_ERR, NULL);
	server->lws = lws_create_context(&info);
	struct lws_vhost *vhost = server->lws ? lws_create_vhost(server->lws, &info) : NULL;
	if (!vhost || lws_get_vhost_listen_port(vhost) <= 0) {
		server_destroy(server);
		return CUA_FAIL(err, CUA_ERR_IO, 0, "cannot listen on 127.0.0.1:%d", port);
	}
	*ret_port = lws_get_vhost_listen_port(vhost);
	*ret_server = server;
	return CUA_OK;
}

void server_destroy(struct server *server)
{
	if (!server) {
		return;
	}
	if (server->lws) {
		lws_context_destroy(server->lws);
	}
	free(server);
}

void server_run(struct server *server)
{
	while (!atomic_load(&server->stopped) && lws_service(server->lws, 0) >= 0) {
	}
}

void server_stop(struct server *server)
{
	atomic_store(&server->stopped, true);
	lws_cancel_service(server->lws);
}
