/* A look at each head over TCP before libwebsockets 4.1 reads it: what it does not take it hangs up
 * on, without a word. It is told not to read before the head is whole; with TLS, not before a
 * record of it is good. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "cua/base/http_check.h"
#include "cua/base/http_server_internal.h"
#include "cua/base/util.h"

/* From the beginning of a connection, or of a later head, to its end. */
#define HEAD_TIMEOUT_US 10000000
/* libwebsockets 4.1 takes LWS_SET_TIMER_USEC_CANCEL for a moment ago. */
#define NEVER_US ((lws_usec_t)86400000000 * 365)

static const struct http_refusal too_long = { 431, CUA_ERR_TOO_LARGE,
	"the head of the request is too long" };
static const struct http_refusal too_late = { 408, CUA_ERR_INVAL,
	"the head of the request did not end in 10 seconds" };
static const struct http_refusal unlike = { 400, CUA_ERR_INVAL,
	"the head of the request can be read in more than one way" };
static const struct http_refusal urgent = { 400, CUA_ERR_INVAL,
	"the request comes with urgent data" };
static const struct http_refusal cut_off = { 400, CUA_ERR_INVAL,
	"the head of the request has no end" };

/* --- refusing --- */

static void refuse(const struct connection *connection, const struct http_refusal *refusal)
{
	http_refuse(connection->server, connection->watch->fd, lws_get_ssl(connection->wsi),
			connection->peer, refusal);
	http_linger(connection->server, connection->watch->fd);
}

/* A head has begun, and its end is still to come. */
static bool is_in_head(const struct connection *connection)
{
	return !connection->exchange && !connection->stream && connection->preview.check &&
			http_check_seen(connection->preview.check) > 0;
}

int http_preview_late(const struct connection *connection)
{
	if (is_in_head(connection) && !connection->is_dropped) {
		refuse(connection, &too_late);
	}
	return -1;
}

void http_preview_drop(const struct connection *connection)
{
	if (is_in_head(connection)) {
		uv_poll_stop(&connection->watch->poll); /* its end comes too late */
		http_refuse(connection->server, connection->watch->fd, lws_get_ssl(connection->wsi),
				connection->peer, &http_too_many);
	}
}

/* --- one head after the other --- */

/* libwebsockets waits to be told that a socket is writeable before the next request, and is told of
 * what can be read by the socket alone: of TLS it has been taken from there already. */
static bool serve(struct lws_context *context, int fd, short event)
{
	struct lws_pollfd poll = { .fd = fd, .events = event, .revents = event };
	return lws_service_fd(context, &poll) == 0; /* the connection is there still */
}

static void await_bytes(const struct connection *connection, int count)
{
	(void)setsockopt(connection->watch->fd, SOL_SOCKET, SO_RCVLOWAT, &count, sizeof(count));
}

/* Whether the connection is there still. */
static bool let_read(struct connection *connection)
{
	struct lws_context *context = lws_get_context(connection->wsi);
	const int fd = lws_get_socket_fd(connection->wsi);
	const bool is_next = connection->preview.is_next;
	connection->preview.is_next = connection->preview.is_over = false;
	uv_poll_stop(&connection->watch->poll);
	if (is_next && lws_http_transaction_completed(connection->wsi)) {
		http_hang_up(connection);
		return false;
	}
	lws_rx_flow_control(connection->wsi, 1);
	return (!is_next || serve(context, fd, LWS_POLLOUT)) && serve(context, fd, LWS_POLLIN);
}

static void give_up(const struct connection *connection, const struct http_refusal *refusal)
{
	refuse(connection, refusal);
	http_hang_up(connection);
}

static void hand_over(struct connection *connection)
{
	await_bytes(connection, 1);
	if (let_read(connection) && !connection->preview.is_over) {
		give_up(connection, &unlike);
	}
}

static void await_readable(struct connection *connection);

/* Of TLS the next record can be looked at when libwebsockets has read this one. */
static void pass_on(struct connection *connection, const char *head, size_t len)
{
	struct cua_buffer *passed = &connection->preview.passed;
	struct http_refusal refusal;
	if (!http_check_so_far(head, &refusal)) {
		give_up(connection, &refusal);
	} else if (cua_buffer_append(passed, head + passed->len, len - passed->len, NULL) !=
			CUA_OK) {
		http_hang_up(connection);
	} else if (let_read(connection) && !connection->preview.is_over) {
		await_readable(connection);
	}
}

/* Its end is still to come, within some time. */
static void await_more(
		struct connection *connection, const char *head, size_t len, bool is_first_part)
{
	if (is_first_part && connection->preview.is_next) {
		http_set_timeout(connection, NO_PENDING_TIMEOUT, 0);
		lws_set_timer_usecs(connection->wsi, HEAD_TIMEOUT_US);
		lws_cancel_service(lws_get_context(connection->wsi)); /* it looks at its timers */
	}
	if (lws_get_ssl(connection->wsi)) {
		pass_on(connection, head, len);
	} else {
		await_bytes(connection, (int)len + 1);
	}
}

/* -1 with EAGAIN if there is nothing yet. */
static ssize_t peek(const struct connection *connection, char *to, size_t size)
{
	SSL *tls = lws_get_ssl(connection->wsi);
	if (!tls) {
		return recv(connection->watch->fd, to, size, MSG_PEEK | MSG_DONTWAIT);
	}
	ERR_clear_error();
	const int len = SSL_peek(tls, to, (int)size);
	errno = len <= 0 && SSL_get_error(tls, len) == SSL_ERROR_WANT_READ ? EAGAIN : EIO;
	return len > 0 ? len : -1;
}

/* NULL: nothing is wrong with it so far. is_over: no more comes. */
static const struct http_refusal *fault_of(enum http_check_result result,
		const struct http_refusal *refusal, size_t len, bool is_more, bool is_over)
{
	if (result == HTTP_CHECK_MORE) {
		return len == HTTP_HEADERS_LEN ? &too_long
				: is_over      ? &cut_off
				: !is_more     ? &urgent /* which a look does not get past */
					       : NULL;
	}
	return result == HTTP_CHECK_BAD ? refusal : NULL;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	char head[HTTP_HEADERS_LEN + 1];
	const struct watch *watch = poll->data;
	struct connection *connection = lws_get_opaque_user_data(watch->wsi);
	struct http_preview *preview = &connection->preview;
	struct http_refusal refusal;
	const size_t seen = http_check_seen(preview->check);
	const bool is_cut = status < 0 || (events & UV_DISCONNECT);
	const size_t passed_len = preview->passed.len;
	if (passed_len > 0) {
		memcpy(head, preview->passed.data, passed_len);
	}
	const ssize_t got = peek(connection, head + passed_len, HTTP_HEADERS_LEN - passed_len);
	if (got < 0 && errno == EAGAIN && !is_cut) {
		return;
	}
	if (got <= 0 && passed_len == 0) {
		http_hang_up(connection);
		return;
	}
	const size_t len = passed_len + (got > 0 ? (size_t)got : 0);
	head[len] = '\0';
	const enum http_check_result result = http_check_more(preview->check, head, len, &refusal);
	const struct http_refusal *fault =
			fault_of(result, &refusal, len, len > seen, is_cut || got <= 0);
	if (fault) {
		give_up(connection, fault);
	} else if (result == HTTP_CHECK_WHOLE) {
		preview->is_last = !http_check_keeps_alive(preview->check);
		hand_over(connection);
	} else {
		await_more(connection, head, len, seen == 0);
	}
}

static void await_readable(struct connection *connection)
{
	lws_rx_flow_control(connection->wsi, 0);
	uv_poll_start(&connection->watch->poll, UV_READABLE | UV_DISCONNECT, on_readable);
}

static void hold(struct connection *connection)
{
	http_check_begin(connection->preview.check);
	cua_buffer_finish(&connection->preview.passed);
	await_readable(connection);
}

static void on_handshake(const SSL *tls, int where, int result)
{
	(void)result;
	if (where & SSL_CB_HANDSHAKE_DONE) {
		struct lws *wsi = SSL_get_app_data(tls);
		SSL_set_info_callback(lws_get_ssl(wsi), NULL);
		hold(lws_get_opaque_user_data(wsi));
	}
}

void http_preview_first(struct connection *connection)
{
	SSL *tls = lws_get_ssl(connection->wsi);
	connection->preview.check = http_check_create();
	cua_buffer_init(&connection->preview.passed, HTTP_HEADERS_LEN);
	if (!connection->preview.check) {
		http_hang_up(connection);
		return;
	}
	lws_set_timer_usecs(connection->wsi, HEAD_TIMEOUT_US);
	if (tls && !SSL_is_init_finished(tls)) { /* libwebsockets has tried already */
		SSL_set_app_data(tls, connection->wsi);
		SSL_set_info_callback(tls, on_handshake);
	} else {
		hold(connection);
	}
}

void http_preview_next(struct connection *connection)
{
	connection->preview.is_next = true;
	hold(connection);
	http_set_timeout(connection, PENDING_TIMEOUT_HTTP_KEEPALIVE_IDLE, HTTP_IDLE_S);
}

void http_preview_end(struct connection *connection)
{
	connection->preview.is_over = true;
	if (connection->preview.check) {
		lws_set_timer_usecs(connection->wsi, NEVER_US);
	}
}
