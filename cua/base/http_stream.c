/* WebSockets of the HTTP server, and answers that go on. libwebsockets speaks the protocol; here is
 * the queue. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "cua/base/http_server_internal.h"
#include "cua/base/util.h"

#define CLOSE_S 10

struct message {
	TAILQ_ENTRY(message) link;
	size_t len;
	bool is_text;
	unsigned char bytes[]; /* LWS_PRE, which libwebsockets writes into, and len */
};

struct stream {
	struct cua_http_stream public;
	struct connection *connection;
	bool is_answer; /* HTTP, and no WebSocket */
	TAILQ_HEAD(, message) queue;
	size_t queued_len;
	bool over;      /* to be closed when the queue is out */
	bool is_closed; /* by its client, with a frame */
	int close_code;
	char close_reason[124];
};

/* Answers instead of the upgrade. */
static int refuse(struct connection *connection, const struct cua_error *error, int http_status)
{
	http_status = http_status ? http_status : cua_status_http(error->status);
	char answer[LWS_PRE + 2048];
	const char *content_type = NULL;
	CUA_AUTO_FREE char *body =
			http_refusal_text(connection->server, error, http_status, &content_type);
	const int len = snprintf(answer + LWS_PRE, sizeof(answer) - LWS_PRE,
			"HTTP/1.1 %d Error\r\ncontent-type: %s\r\n"
			"content-length: %zu\r\nconnection: close\r\n\r\n%s",
			http_status, content_type, body ? strlen(body) : 0, body ? body : "");
	if (len >= (int)sizeof(answer) - LWS_PRE) {
		return -1;
	}
	http_write_down(connection->server, "refused %d: a WebSocket from %s", http_status,
			connection->peer);
	(void)lws_write(connection->wsi, (unsigned char *)answer + LWS_PRE, (size_t)len,
			LWS_WRITE_HTTP_FINAL);
	return -1; /* what was written is sent before the end */
}

/* To read what waits for it. */
static void give_time(const struct stream *stream)
{
	const struct cua_http_server *server = stream->connection->server;
	if (server->is_tcp && !stream->over) {
		http_set_timeout(stream->connection, PENDING_TIMEOUT_USER_OK,
				server->unread_timeout_s);
	}
}

static struct stream *stream_create(struct connection *connection)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	if (stream) {
		TAILQ_INIT(&stream->queue);
		stream->connection = connection;
		stream->close_code = LWS_CLOSE_STATUS_NORMAL;
	}
	return stream;
}

static void stream_destroy(struct stream *stream)
{
	for (struct message *message; (message = TAILQ_FIRST(&stream->queue));) {
		TAILQ_REMOVE(&stream->queue, message, link);
		free(message);
	}
	http_head_finish(&stream->public.head);
	free(stream);
}

static enum cua_status read_target(
		struct connection *connection, struct stream *stream, struct cua_error *err)
{
	char path[2048], version[3] = "";
	const int len = lws_hdr_copy(connection->wsi, path, sizeof(path), WSI_TOKEN_GET_URI);
	if (connection->exchange || connection->stream || len <= 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "no such WebSocket");
	}
	(void)lws_hdr_copy(connection->wsi, version, sizeof(version), WSI_TOKEN_VERSION);
	if (strcmp(version, "13") != 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "sec-websocket-version has to be 13");
	}
	return http_head_read(connection, path, &stream->public.head) == HTTP_HEAD_OK
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_INVAL, 0,
					  "the query or a header is too long, or there twice");
}

int http_stream_confirm(struct connection *connection)
{
	char protocol[48] = "";
	struct cua_error error = { 0 };
	struct stream *stream = connection ? stream_create(connection) : NULL;
	if (!stream) {
		return -1;
	}
	const struct cua_http_handler *handler = &connection->server->handler;
	enum cua_status status = CUA_OK;
	/* Not as libwebsockets hands it on: where it has said no already, that is stale. */
	if (lws_hdr_copy(connection->wsi, protocol, sizeof(protocol), WSI_TOKEN_UPGRADE) <= 0) {
		stream_destroy(stream);
		return -1;
	}
	if (strcasecmp(protocol, "websocket") != 0 || !handler->on_stream) {
		status = CUA_FAIL(&error, CUA_ERR_INVAL, 0, "no upgrade to %.40s here", protocol);
	} else {
		status = read_target(connection, stream, &error);
	}
	if (status == CUA_OK) {
		status = handler->on_stream(&stream->public, handler->user_data, &error);
	}
	if (status != CUA_OK) {
		const int http_status = stream->public.refused_with;
		stream_destroy(stream);
		return refuse(connection, &error, http_status);
	}
	connection->stream = stream;
	return 0;
}

struct stream *http_stream_of_answer(struct connection *connection, struct cua_http_head *head,
		const struct cua_buffer *answer_head, void *user_data)
{
	struct stream *stream = stream_create(connection);
	if (!stream) {
		return NULL;
	}
	if (cua_http_stream_send(&stream->public, true, answer_head->data, answer_head->len,
			    NULL) != CUA_OK) {
		stream_destroy(stream);
		return NULL;
	}
	stream->is_answer = true;
	stream->public.head = *head;
	stream->public.user_data = user_data;
	*head = (struct cua_http_head){ 0 };
	connection->stream = stream;
	return stream;
}

int http_stream_established(struct connection *connection)
{
	if (!connection || !connection->stream) {
		return -1;
	}
	lws_callback_on_writable(connection->wsi);
	return 0;
}

int http_stream_received(struct connection *connection, const void *data, size_t len)
{
	struct stream *stream = connection ? connection->stream : NULL;
	if (!stream) {
		return -1;
	}
	const struct cua_http_handler *handler = &connection->server->handler;
	if (handler->on_stream_data && !stream->over) {
		handler->on_stream_data(&stream->public, data, len,
				!lws_frame_is_binary(connection->wsi),
				lws_is_final_fragment(connection->wsi) &&
						lws_remaining_packet_payload(connection->wsi) == 0,
				handler->user_data);
	}
	return 0;
}

/* As lws_close_reason() would do it, were it not that libwebsockets 4.1 on libuv does not come to
 * send it. */
static void write_close_frame(const struct stream *stream)
{
	unsigned char bytes[LWS_PRE + 4 + sizeof(stream->close_reason)];
	const size_t len = strlen(stream->close_reason);
	unsigned char *frame = bytes + LWS_PRE; /* RFC 6455, 5.5.1 */
	frame[0] = 0x88;
	frame[1] = (unsigned char)(2 + len);
	frame[2] = (unsigned char)(stream->close_code >> 8);
	frame[3] = (unsigned char)(stream->close_code & 0xff);
	memcpy(frame + 4, stream->close_reason, len);
	(void)lws_write(stream->connection->wsi, frame, 4 + len, LWS_WRITE_RAW);
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
		if (!stream->is_answer) {
			write_close_frame(stream);
		}
		return -1;
	}
	if (!message) {
		http_set_timeout(connection, NO_PENDING_TIMEOUT, 0);
		handler->on_stream_drained(&stream->public, handler->user_data);
		return 0;
	}
	TAILQ_REMOVE(&stream->queue, message, link);
	stream->queued_len -= message->len;
	http_crowd_unsent(connection, stream->queued_len);
	const int written = lws_write(connection->wsi, message->bytes + LWS_PRE, message->len,
			stream->is_answer                  ? LWS_WRITE_HTTP
					: message->is_text ? LWS_WRITE_TEXT
							   : LWS_WRITE_BINARY);
	free(message);
	if (written < 0) {
		return -1;
	}
	give_time(stream);
	lws_callback_on_writable(connection->wsi);
	return 0;
}

void http_stream_ends(struct connection *connection)
{
	if (connection && connection->stream) {
		connection->stream->is_closed = true;
	}
}

void http_stream_closed(struct connection *connection)
{
	struct stream *stream = connection->stream;
	if (!stream) {
		return;
	}
	const struct cua_http_handler *handler = &connection->server->handler;
	if (!stream->is_answer && !stream->over && !stream->is_closed) {
		http_write_down(connection->server, "broken off: the WebSocket %.100s from %s",
				stream->public.head.path, connection->peer);
	}
	handler->on_stream_closed(&stream->public, handler->user_data);
	connection->stream = NULL;
	stream_destroy(stream);
}

enum cua_status cua_http_stream_send(struct cua_http_stream *public, bool is_text, const void *data,
		size_t len, struct cua_error *err)
{
	struct stream *stream = (struct stream *)public;
	if (stream->over) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the stream is being closed");
	}
	struct message *message = malloc(sizeof(*message) + LWS_PRE + len);
	if (!message) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "message");
	}
	message->len = len;
	message->is_text = is_text;
	memcpy(message->bytes + LWS_PRE, data, len);
	if (TAILQ_EMPTY(&stream->queue)) {
		give_time(stream);
	}
	TAILQ_INSERT_TAIL(&stream->queue, message, link);
	stream->queued_len += len;
	if (stream->connection->stream == stream) {
		http_crowd_unsent(stream->connection, stream->queued_len);
	}
	lws_callback_on_writable(stream->connection->wsi);
	return CUA_OK;
}

void cua_http_stream_again(struct cua_http_stream *public)
{
	lws_callback_on_writable(((const struct stream *)public)->connection->wsi);
}

void cua_http_stream_close(struct cua_http_stream *public)
{
	cua_http_stream_close_with(public, LWS_CLOSE_STATUS_NORMAL, "");
}

void cua_http_stream_close_with(struct cua_http_stream *public, int code, const char *reason)
{
	struct stream *stream = (struct stream *)public;
	if (stream->over) {
		return; /* its time is counted from the first */
	}
	stream->over = true;
	stream->close_code = code;
	snprintf(stream->close_reason, sizeof(stream->close_reason), "%s", reason);
	/* Even if its client reads nothing more. */
	lws_set_timeout(stream->connection->wsi, PENDING_TIMEOUT_USER_OK, CLOSE_S);
	lws_callback_on_writable(stream->connection->wsi);
}

void cua_http_stream_trust(const struct cua_http_stream *public)
{
	http_crowd_trust(((const struct stream *)public)->connection);
}

void cua_http_stream_listen(struct cua_http_stream *public, bool listens)
{
	const struct connection *connection = ((const struct stream *)public)->connection;
	lws_rx_flow_control(connection->wsi, listens);
	/* Who does not read sees no end behind what is there to be read. */
	if (listens) {
		uv_poll_stop(&connection->watch->poll);
	} else {
		http_watch_hang_up(connection);
	}
}
