/* WebSockets of the HTTP server. libwebsockets speaks the protocol; here is the queue. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "cua/base/http_server_internal.h"
#include "cua/base/util.h"

struct message {
	TAILQ_ENTRY(message) link;
	size_t len;
	bool is_text;
	unsigned char bytes[]; /* LWS_PRE, which libwebsockets writes into, and len */
};

struct stream {
	struct cua_http_stream public;
	struct connection *connection;
	char path[256], query[HTTP_SERVER_QUERY_MAX];
	TAILQ_HEAD(, message) queue;
	bool over; /* to be closed when the queue is out */
};

/* Answers instead of the upgrade. */
static int refuse(struct connection *connection, const struct cua_error *error)
{
	char body[512], answer[LWS_PRE + 1024];
	CUA_AUTO_JSON cJSON *json = cJSON_CreateObject();
	cJSON *object = cJSON_AddObjectToObject(json, "error");
	cJSON_AddStringToObject(object, "class", "caller");
	cJSON_AddStringToObject(object, "code", cua_status_name(error->status));
	cJSON_AddStringToObject(object, "message", error->msg);
	if (!cJSON_PrintPreallocated(json, body, sizeof(body), false)) {
		return -1;
	}
	const int len = snprintf(answer + LWS_PRE, sizeof(answer) - LWS_PRE,
			"HTTP/1.1 %d Error\r\ncontent-type: application/json\r\n"
			"content-length: %zu\r\nconnection: close\r\n\r\n%s",
			cua_status_http(error->status), strlen(body), body);
	(void)lws_write(connection->wsi, (unsigned char *)answer + LWS_PRE, (size_t)len,
			LWS_WRITE_HTTP_FINAL);
	return -1; /* what was written is sent before the end */
}

static bool read_target(struct stream *stream, struct lws *wsi)
{
	return lws_hdr_copy(wsi, stream->path, sizeof(stream->path), WSI_TOKEN_GET_URI) > 0 &&
			http_server_query(wsi, stream->query, sizeof(stream->query));
}

int http_stream_confirm(struct connection *connection, const char *protocol)
{
	struct cua_error error = { 0 };
	struct stream *stream = connection ? calloc(1, sizeof(*stream)) : NULL;
	if (!stream) {
		return -1;
	}
	const struct cua_http_handler *handler = &connection->server->handler;
	TAILQ_INIT(&stream->queue);
	stream->connection = connection;
	stream->public.path = stream->path;
	stream->public.query = stream->query;
	enum cua_status status = CUA_OK;
	if (strcasecmp(protocol, "websocket") != 0 || !handler->on_stream) {
		status = CUA_FAIL(&error, CUA_ERR_INVAL, 0, "no upgrade to %.40s here", protocol);
	} else if (connection->exchange || connection->stream ||
			!read_target(stream, connection->wsi)) {
		status = CUA_FAIL(&error, CUA_ERR_INVAL, 0, "no such WebSocket");
	} else {
		status = handler->on_stream(&stream->public, handler->user_data, &error);
	}
	if (status != CUA_OK) {
		free(stream);
		return refuse(connection, &error);
	}
	connection->stream = stream;
	return 0;
}

int http_stream_established(struct connection *connection)
{
	if (!connection || !connection->stream) {
		return -1;
	}
	lws_callback_on_writable(connection->wsi);
	return 0;
}

/* Only called when what was written before is out. */
int http_stream_writeable(struct connection *connection)
{
	struct stream *stream = connection ? connection->stream : NULL;
	if (!stream) {
		return -1;
	}
	const struct cua_http_handler *handler = &connection->server->handler;
	struct message *message = TAILQ_FIRST(&stream->queue);
	if (!message && stream->over) {
		return -1;
	}
	if (!message) {
		handler->on_stream_drained(&stream->public, handler->user_data);
		return 0;
	}
	TAILQ_REMOVE(&stream->queue, message, link);
	const int written = lws_write(connection->wsi, message->bytes + LWS_PRE, message->len,
			message->is_text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY);
	free(message);
	if (written < 0) {
		return -1;
	}
	lws_callback_on_writable(connection->wsi);
	return 0;
}

void http_stream_closed(struct connection *connection)
{
	struct stream *stream = connection->stream;
	if (!stream) {
		return;
	}
	const struct cua_http_handler *handler = &connection->server->handler;
	handler->on_stream_closed(&stream->public, handler->user_data);
	for (struct message *message; (message = TAILQ_FIRST(&stream->queue));) {
		TAILQ_REMOVE(&stream->queue, message, link);
		free(message);
	}
	connection->stream = NULL;
	free(stream);
}

enum cua_status cua_http_stream_send(struct cua_http_stream *public, bool is_text, const void *data,
		size_t len, struct cua_error *err)
{
	struct stream *stream = (struct stream *)public;
	struct message *message = malloc(sizeof(*message) + LWS_PRE + len);
	if (!message) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "message");
	}
	message->len = len;
	message->is_text = is_text;
	memcpy(message->bytes + LWS_PRE, data, len);
	TAILQ_INSERT_TAIL(&stream->queue, message, link);
	lws_callback_on_writable(stream->connection->wsi);
	return CUA_OK;
}

void cua_http_stream_close(struct cua_http_stream *public)
{
	struct stream *stream = (struct stream *)public;
	stream->over = true;
	lws_callback_on_writable(stream->connection->wsi);
}
