/* A look at the first head of a connection before libwebsockets 4.1 reads it, which hangs up
 * without a word on a zero byte and on more than it can hold. What comes in pieces, by TLS or
 * behind an answer is not seen here: libwebsockets, told not to read, spins if it has something to
 * write. */

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "cua/base/http_server_internal.h"

struct refusal {
	int http_status;
	const char *code, *why;
};

/* NULL: libwebsockets takes it, or says why not. */
static const struct refusal *refusal_of(const char *begin, size_t len)
{
	static const struct refusal zero_byte = { 400, "invalid",
		"the head of the request holds a zero byte" };
	static const struct refusal too_long = { 431, "too_large",
		"the head of the request is too long" };
	const char *line_end = memchr(begin, '\n', len);
	const char *head_end = memmem(begin, len, "\r\n\r\n", 4);
	const size_t line_len = line_end ? (size_t)(line_end - begin) : len;
	const size_t head_len = head_end ? (size_t)(head_end - begin) : len;
	if (memchr(begin, '\0', head_len) || memmem(begin, line_len, "%00", 3)) {
		return &zero_byte;
	}
	return head_len >= HTTP_HEADERS_LEN ? &too_long : NULL;
}

/* It fits into what a socket that has sent nothing holds. */
static void refuse(const struct connection *connection, const struct refusal *refusal)
{
	char body[160], answer[512];
	const int body_len = snprintf(body, sizeof(body),
			"{\"error\":{\"class\":\"caller\",\"code\":\"%s\",\"message\":\"%s\"}}",
			refusal->code, refusal->why);
	const int len = snprintf(answer, sizeof(answer),
			"HTTP/1.1 %d Error\r\ncontent-type: application/json\r\n"
			"content-length: %d\r\ncache-control: no-store\r\n"
			"x-content-type-options: nosniff\r\nconnection: close\r\n\r\n%s",
			refusal->http_status, body_len, body);
	(void)send(connection->watch->fd, answer, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
	http_linger(connection->server, connection->watch->fd);
	lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	char begin[HTTP_HEADERS_LEN];
	const struct watch *watch = poll->data;
	struct lws *wsi = watch->wsi;
	(void)status, (void)events;
	uv_poll_stop(poll);
	const ssize_t len = recv(watch->fd, begin, sizeof(begin), MSG_PEEK | MSG_DONTWAIT);
	const struct refusal *refusal = len > 0 ? refusal_of(begin, (size_t)len) : NULL;
	if (refusal) {
		refuse(lws_get_opaque_user_data(wsi), refusal);
	} else {
		lws_rx_flow_control(wsi, 1);
	}
}

void http_preview(const struct connection *connection)
{
	if (connection->server->is_tcp && !connection->server->is_tls) {
		lws_rx_flow_control(connection->wsi, 0);
		uv_poll_start(&connection->watch->poll, UV_READABLE | UV_DISCONNECT, on_readable);
	}
}
