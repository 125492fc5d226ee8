/* Sends a reply as told: whole, in pieces, late, or not to its end. */

#include "demos/standin/server_internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define PIECE_BYTES 4000 /* written at once */
#define CHUNK_BYTES 32   /* around a piece of a chunked body */

static const struct fault no_fault = { .cut = -1, .reset = -1, .stall = -1 };

static const struct fault *fault_of(const struct exchange *exchange)
{
	return exchange->reply.fault ? exchange->reply.fault : &no_fault;
}

static bool is_stream(const struct exchange *exchange)
{
	return strncmp(exchange->reply.content_type, "text/event-stream", 17) == 0;
}

static void wait_ms(struct lws *wsi, struct exchange *exchange, int ms)
{
	exchange->paused = true;
	lws_set_timer_usecs(wsi, (lws_usec_t)ms * 1000);
}

void reply_begin(struct lws *wsi, struct exchange *exchange)
{
	exchange->replying = true;
	lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0); /* a fault may take its time */
	if (fault_of(exchange)->delay_ms) {
		wait_ms(wsi, exchange, fault_of(exchange)->delay_ms);
	} else {
		lws_callback_on_writable(wsi);
	}
}

void reply_resume(struct lws *wsi, struct exchange *exchange)
{
	exchange->paused = false;
	lws_callback_on_writable(wsi);
}

/* --- headers --- */

static int write_raw(struct lws *wsi, const char *text, size_t len)
{
	unsigned char buffer[LWS_PRE + 4096];
	if (len > sizeof(buffer) - LWS_PRE) {
		return -1;
	}
	memcpy(buffer + LWS_PRE, text, len);
	return lws_write(wsi, buffer + LWS_PRE, len, LWS_WRITE_HTTP_HEADERS) == (int)len ? 0 : -1;
}

static int write_endless(struct lws *wsi, struct exchange *exchange)
{
	char lines[2048];
	size_t len = 0;
	if (!exchange->sent) {
		len = (size_t)snprintf(lines, sizeof(lines), "HTTP/1.1 200 OK\r\n");
	}
	while (len < sizeof(lines) - 64) {
		len += (size_t)snprintf(lines + len, sizeof(lines) - len,
				"x-filler-%zu: and so on and on\r\n", exchange->sent++);
	}
	lws_callback_on_writable(wsi);
	return write_raw(wsi, lines, len);
}

/* A stream has no length: it is chunked, so that its end can be told from a broken connection. */
static int write_headers(struct lws *wsi, struct exchange *exchange)
{
	const struct wire_reply *reply = &exchange->reply;
	char length[64];
	char headers[2048];
	snprintf(length, sizeof(length), "content-length: %zu", reply->body.len);
	int len = snprintf(headers, sizeof(headers),
			"HTTP/1.1 %d %s\r\ncontent-type: %s\r\n%s\r\n%s\r\n", reply->http_status,
			reply->http_status < 300 ? "OK" : "Refused", reply->content_type,
			is_stream(exchange) ? "transfer-encoding: chunked" : length,
			reply->headers);
	exchange->headers_sent = true;
	lws_callback_on_writable(wsi);
	return write_raw(wsi, headers, (size_t)len);
}

/* --- body --- */

static bool reached(int at, const struct exchange *exchange)
{
	return at >= 0 && exchange->sent >= (size_t)at;
}

static size_t up_to(int at, const struct exchange *exchange, size_t len)
{
	size_t left = at >= 0 ? (size_t)at - exchange->sent : len;
	return left < len ? left : len;
}

/* Bytes of the next piece: a stream goes out in pieces that cut events anywhere, unless there is
 * a pause before each event. */
static size_t piece_len(const struct exchange *exchange)
{
	const struct fault *fault = fault_of(exchange);
	const struct cua_buffer *body = &exchange->reply.body;
	size_t len = body->len - exchange->sent;
	len = len < PIECE_BYTES ? len : PIECE_BYTES;
	if (fault->pause_ms && len) {
		const char *from = body->data + exchange->sent;
		const char *end = memmem(from, len, "\n\n", 2);
		len = end ? (size_t)(end - from) + 2 : len;
	}
	if (fault->piece && (size_t)fault->piece < len) {
		len = (size_t)fault->piece;
	}
	return up_to(fault->cut, exchange,
			up_to(fault->reset, exchange, up_to(fault->stall, exchange, len)));
}

static int write_piece(struct lws *wsi, struct exchange *exchange, size_t len, bool last)
{
	const struct cua_buffer *body = &exchange->reply.body;
	char piece[LWS_PRE + PIECE_BYTES + CHUNK_BYTES];
	char *start = piece + LWS_PRE;
	char *at = start;
	bool chunked = is_stream(exchange);
	if (chunked && len) {
		at += sprintf(at, "%zx\r\n", len);
	}
	if (len) {
		memcpy(at, body->data + exchange->sent, len);
		at += len;
	}
	if (chunked) {
		at += sprintf(at, "%s%s", len ? "\r\n" : "", last ? "0\r\n\r\n" : "");
	}
	int size = (int)(at - start);
	exchange->sent += len;
	return lws_write(wsi, (unsigned char *)start, (size_t)size,
			       last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) == size
			? 0
			: -1;
}

/* The peer sees a reset and loses what it has not read yet. */
static void reset_connection(struct lws *wsi)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	(void)connect(lws_get_socket_fd(wsi), &nobody, sizeof(nobody));
}

int reply_continue(struct lws *wsi, struct exchange *exchange, bool *ret_done)
{
	const struct fault *fault = fault_of(exchange);
	*ret_done = false;
	if (!exchange->replying || exchange->paused) {
		return 0;
	}
	if (fault->endless_headers) {
		return write_endless(wsi, exchange);
	}
	if (!exchange->headers_sent) {
		return write_headers(wsi, exchange);
	}
	if (reached(fault->stall, exchange)) {
		return 0; /* the connection stays, and nothing comes */
	}
	if (reached(fault->reset, exchange)) {
		reset_connection(wsi);
		return -1;
	}
	if (reached(fault->cut, exchange)) {
		return -1;
	}
	size_t len = piece_len(exchange);
	*ret_done = exchange->sent + len == exchange->reply.body.len;
	if (write_piece(wsi, exchange, len, *ret_done)) {
		return -1;
	}
	if (!*ret_done && fault->pause_ms) {
		wait_ms(wsi, exchange, fault->pause_ms);
	} else if (!*ret_done) {
		lws_callback_on_writable(wsi);
	}
	return 0;
}
