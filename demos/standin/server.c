#include "demos/standin/server.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "demos/standin/server_internal.h"

#define KEEPALIVE_S 60
#define HEADER_MAX 8192

struct server {
	struct lws_context *lws;
	struct lws_protocols protocols[2];
	struct conversations *conversations;
	struct wire_settings *settings;
	atomic_bool stopped;
};

static void exchange_clear(struct exchange *exchange)
{
	cua_buffer_finish(&exchange->body);
	wire_reply_finish(&exchange->reply);
	free(exchange->path);
	free(exchange->query);
	for (int i = 0; i < WIRE_HEADER_COUNT; i++) {
		free(exchange->headers[i]);
	}
	memset(exchange, 0, sizeof(*exchange));
	cua_buffer_init(&exchange->body, WIRE_BODY_MAX);
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

/* The value of a header, owned by the caller; NULL if there is none. */
static char *copy_header(struct lws *wsi, enum wire_header header)
{
	const char *name = wire_header_names[header];
	char value[HEADER_MAX];
	int len = header == WIRE_AUTHORIZATION
			? lws_hdr_copy(wsi, value, sizeof(value), WSI_TOKEN_HTTP_AUTHORIZATION)
			: header == WIRE_CONTENT_TYPE
			? lws_hdr_copy(wsi, value, sizeof(value), WSI_TOKEN_HTTP_CONTENT_TYPE)
			: lws_hdr_custom_copy(wsi, value, sizeof(value), name, (int)strlen(name));
	return len > 0 ? strdup(value) : NULL;
}

static void copy_request(struct lws *wsi, struct exchange *exchange, const char *path)
{
	char text[HEADER_MAX] = "";
	lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP_CONTENT_LENGTH);
	exchange->announced = strtoull(text, NULL, 10);
	text[0] = '\0';
	lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP_URI_ARGS);
	exchange->query = strdup(text);
	exchange->path = strdup(path);
	exchange->post = lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) > 0;
	for (int i = 0; i < WIRE_HEADER_COUNT; i++) {
		exchange->headers[i] = copy_header(wsi, (enum wire_header)i);
	}
}

/* A body that is announced too large is not read: the reply says so. */
static void answer(struct server *server, struct lws *wsi, struct exchange *exchange)
{
	bool too_large = exchange->announced > WIRE_BODY_MAX;
	alarm((unsigned int)server->settings->idle_s); /* from now on anew; 0: never */
	struct wire_http http = { .method = exchange->post ? "POST" : "GET",
		.path = exchange->path ? exchange->path : "",
		.query = exchange->query ? exchange->query : "",
		.body = exchange->body.data ? exchange->body.data : "",
		.body_len = too_large ? exchange->announced : exchange->body.len };
	for (int i = 0; i < WIRE_HEADER_COUNT; i++) {
		http.headers[i] = exchange->headers[i];
	}
	conversations_answer(server->conversations, server->settings, &http, &exchange->reply);
	reply_begin(wsi, exchange);
}

static int begin_request(
		struct server *server, struct lws *wsi, struct exchange *exchange, const char *path)
{
	exchange_clear(exchange);
	copy_request(wsi, exchange, path);
	if (!exchange->post || exchange->announced > WIRE_BODY_MAX) {
		answer(server, wsi, exchange);
		return 0;
	}
	return lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_EXPECT) > 0 ? send_continue(wsi) : 0;
}

static int continue_reply(struct lws *wsi, struct exchange *exchange)
{
	bool done = false;
	if (reply_continue(wsi, exchange, &done)) {
		return -1;
	}
	if (!done) {
		return 0;
	}
	bool unread = exchange->announced > WIRE_BODY_MAX;
	exchange_clear(exchange);
	return unread || lws_http_transaction_completed(wsi) ? -1 : 0;
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
		answer(server, wsi, exchange);
		return 0;
	case LWS_CALLBACK_TIMER:
		reply_resume(wsi, exchange);
		return 0;
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

enum cua_status server_create(int port, struct conversations *conversations,
		struct wire_settings *settings, struct server **ret_server, int *ret_port,
		struct cua_error *err)
{
	struct server *server = calloc(1, sizeof(*server));
	if (!server) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "server");
	}
	server->conversations = conversations;
	server->settings = settings;
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
