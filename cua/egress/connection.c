/* One client of the proxy: its token, its request, what is decided, and the bytes that follow. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "cua/egress/proxy_internal.h"

#define FAREWELL_MS 3000

/* --- life --- */

void connection_release(struct connection *connection)
{
	if (--connection->holders > 0) {
		return;
	}
	connection->proxy->connections--;
	if (connection->account) {
		connection->account->connections--;
	}
	if (connection->addresses) {
		uv_freeaddrinfo(connection->addresses);
	}
	egress_pump_finish(&connection->pump);
	egress_request_finish(&connection->request);
	cua_buffer_finish(&connection->early);
	free(connection);
}

static void on_closed(uv_handle_t *handle)
{
	connection_release(handle->data);
}

void connection_close(struct connection *connection)
{
	if (connection->stage == STAGE_CLOSING) {
		return;
	}
	if (connection->is_logged_open) {
		(void)egress_log(connection, "closed", connection->account->rule,
				connection->ending ? connection->ending : "");
	}
	connection->stage = STAGE_CLOSING;
	dial_give_up(connection);
	uv_cancel((uv_req_t *)&connection->lookup);
	connection->client.data = connection;
	connection->timer.data = connection;
	uv_close((uv_handle_t *)&connection->client, on_closed);
	uv_close((uv_handle_t *)&connection->timer, on_closed);
}

static void on_farewell_end(struct egress_farewell *farewell)
{
	connection_close(farewell->data);
}

/* The client hears len bytes of answer, and no more. */
static void dismiss(struct connection *connection, size_t len)
{
	connection->stage = STAGE_FAREWELL;
	dial_give_up(connection);
	connection_wait(connection, FAREWELL_MS);
	connection->farewell.data = connection;
	connection->farewell.end = on_farewell_end;
	egress_farewell_start(&connection->farewell, (uv_stream_t *)&connection->client,
			connection->answer, len);
}

/* --- refusals --- */

static const char *reason_phrase(int status)
{
	return status == 403            ? "Forbidden"
			: status == 400 ? "Bad Request"
			: status == 408 ? "Request Timeout"
			: status == 431 ? "Request Header Fields Too Large"
			: status == 502 ? "Bad Gateway"
			: status == 504 ? "Gateway Timeout"
					: "Service Unavailable";
}

static size_t write_answer(
		struct connection *connection, int status, const char *why, const char *detail)
{
	char body[640];
	const struct egress_request *request = &connection->request;
	const int body_len = snprintf(body, sizeof(body),
			"The egress proxy of this sandbox %s%s%s: %s%s%s%s.\n",
			status == 403 ? "lets nothing through" : "could not go on",
			request->host[0] ? " to " : "", request->host, why, detail[0] ? " (" : "",
			detail, detail[0] ? ")" : "");
	const int len = snprintf(connection->answer, sizeof(connection->answer),
			"HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
			"Content-Length: %d\r\nConnection: close\r\n\r\n%s",
			status, reason_phrase(status), body_len, body);
	return (size_t)len < sizeof(connection->answer) ? (size_t)len
							: sizeof(connection->answer) - 1;
}

void connection_refuse(
		struct connection *connection, int status, const char *why, const char *detail)
{
	(void)egress_log(connection, status < 500 ? "denied" : "failed", why, detail);
	dismiss(connection, write_answer(connection, status, why, detail));
}

/* Behind the 200 of CONNECT the client speaks TLS, and is answered in it.
 * Source: RFC 8446, 6: fatal, unrecognized_name. */
static void refuse_hello(struct connection *connection, const char *why, const char *detail)
{
	static const unsigned char alert[] = { 21, 3, 3, 0, 2, 2, 112 };
	(void)egress_log(connection, "denied", why, detail);
	memcpy(connection->answer, alert, sizeof(alert));
	dismiss(connection, sizeof(alert));
}

static void on_time(uv_timer_t *timer)
{
	struct connection *connection = timer->data;
	switch (connection->stage) {
	case STAGE_HEAD:
		connection_refuse(connection, 408, "no whole request came in time", "");
		break;
	case STAGE_LOOKUP:
		connection_refuse(connection, 504, "the name was not found in time", "");
		break;
	case STAGE_DIAL:
		dial_give_up(connection);
		break;
	case STAGE_HELLO:
		refuse_hello(connection, "no TLS ClientHello came in time", "");
		break;
	case STAGE_FLOW:
		connection->ending = "nothing was said for too long";
		connection_close(connection);
		break;
	case STAGE_TOKEN:
	case STAGE_FAREWELL:
	case STAGE_CLOSING:
		connection_close(connection);
		break;
	}
}

void connection_wait(struct connection *connection, int timeout_ms)
{
	uv_timer_start(&connection->timer, on_time, (uint64_t)timeout_ms, (uint64_t)timeout_ms);
}

/* --- bytes of the exchange --- */

/* The bytes of the rule, too: many names under one *.example.org share what one may send. */
static bool count(struct connection *connection, bool is_from_client, size_t len)
{
	const struct egress_limits *limits = &connection->proxy->options->limits;
	struct account *account = connection->account;
	*(is_from_client ? &connection->sent : &connection->received) += len;
	*(is_from_client ? &account->sent : &account->received) += len;
	if (account->sent > limits->sent || account->received > limits->received) {
		connection->ending = is_from_client ? "no more may be sent there"
						    : "no more may be received from there";
		return false;
	}
	return true;
}

/* Of a plain request goes on what belongs to it. */
static bool reframe(struct connection *connection, const char **data, size_t *len)
{
	struct egress_request *request = &connection->request;
	cua_buffer_clear(&request->out);
	if (!egress_request_read_body(request, *data, *len)) {
		connection->ending = "no valid HTTP request";
		return false;
	}
	*data = request->out.data;
	*len = request->out.len;
	return true;
}

static bool on_pass(struct egress_pump *pump, bool is_from_client, const char **data, size_t *len)
{
	struct connection *connection = pump->data;
	uv_timer_again(&connection->timer);
	if (is_from_client && !connection->request.is_connect && !reframe(connection, data, len)) {
		return false;
	}
	return count(connection, is_from_client, *len);
}

static void on_pump_end(struct egress_pump *pump)
{
	connection_close(pump->data);
}

static void start_flow(struct connection *connection, const struct cua_buffer *first)
{
	connection->stage = STAGE_FLOW;
	connection->pump.data = connection;
	connection->pump.pass = on_pass;
	connection->pump.end = on_pump_end;
	connection_wait(connection, connection->proxy->options->limits.idle_ms);
	if (!count(connection, true, first->len) ||
			!egress_pump_start(&connection->pump, (uv_stream_t *)&connection->client,
					(uv_stream_t *)&connection->server, first->data,
					first->len)) {
		connection_close(connection);
	}
}

/* --- what a client says first --- */

static void read_on(struct connection *connection);

static void check_hello(struct connection *connection)
{
	char name[CUA_HOST_NAME_MAX + 1];
	const char *why = NULL;
	const struct cua_buffer *early = &connection->early;
	switch (egress_client_hello_read((const uint8_t *)early->data, early->len, name, &why)) {
	case EGRESS_HELLO_MORE:
		read_on(connection);
		return;
	case EGRESS_HELLO_REFUSED:
		refuse_hello(connection, why, "");
		return;
	case EGRESS_HELLO_NAME:
		break;
	}
	if (strcmp(name, connection->request.host) != 0) {
		refuse_hello(connection, "TLS names another server than CONNECT", name);
		return;
	}
	start_flow(connection, early);
}

static void on_welcomed(uv_write_t *write, int status)
{
	struct connection *connection = write->data;
	if (status < 0 && connection->stage == STAGE_HELLO) {
		connection_close(connection);
	}
}

void connection_welcome(struct connection *connection)
{
	static const char welcome[] = "HTTP/1.1 200 Connection Established\r\n\r\n";
	struct egress_request *request = &connection->request;
	uv_read_stop((uv_stream_t *)&connection->client);
	uv_buf_t part = { .base = (char *)(uintptr_t)welcome, .len = sizeof(welcome) - 1 };
	if (!egress_log(connection, "allowed", connection->account->rule, "")) {
		connection_refuse(connection, 503, "the log is full, or cannot be written", "");
		return;
	}
	connection->is_logged_open = true;
	if (!request->is_connect) {
		if (!egress_request_read_body(
				    request, connection->early.data, connection->early.len)) {
			connection_refuse(connection, 400, "no valid HTTP request", "");
			return;
		}
		start_flow(connection, &request->out);
		return;
	}
	connection->stage = STAGE_HELLO;
	connection->welcome.data = connection;
	connection_wait(connection, connection->proxy->options->limits.head_ms);
	if (uv_write(&connection->welcome, (uv_stream_t *)&connection->client, &part, 1,
			    on_welcomed) < 0) {
		connection_close(connection);
		return;
	}
	check_hello(connection);
}

/* While the server is looked for: so that a client that hangs up is noticed, and takes nobody's
 * place. */
static void read_ahead(struct connection *connection)
{
	const bool is_waiting =
			connection->stage == STAGE_LOOKUP || connection->stage == STAGE_DIAL;
	if (is_waiting && connection->early.len < EGRESS_HELLO_MAX) {
		read_on(connection);
	}
}

/* Plain HTTP on its port, TLS on its own: CONNECT to port 80 would be plain HTTP that nobody
 * reads. */
static void decide(struct connection *connection)
{
	struct egress_proxy *proxy = connection->proxy;
	const struct egress_limits *limits = &proxy->options->limits;
	const struct egress_request *request = &connection->request;
	char rule[EGRESS_RULE_MAX];
	if (request->port != (request->is_connect ? 443 : 80)) {
		connection_refuse(connection, 403,
				"only port 443 by CONNECT, and 80 by plain requests", "");
		return;
	}
	if (!egress_list_match(proxy->options->list, request->host, rule)) {
		connection_refuse(connection, 403, "the name is not in the list", "");
		return;
	}
	if (!ledger_note_name(&proxy->ledger, limits, request->host, cua_now_us())) {
		connection_refuse(connection, 403, "too many names in an hour", "");
		return;
	}
	struct account *account = ledger_account(&proxy->ledger, rule);
	if (!account || account->connections >= limits->connections_per_rule) {
		connection_refuse(connection, 503, "too many connections to it at once", "");
		return;
	}
	account->connections++;
	connection->account = account;
	if (account->sent >= limits->sent || account->received >= limits->received) {
		connection_refuse(connection, 403, "no more bytes may go there", "");
		return;
	}
	dial_start(connection);
	read_ahead(connection);
}

static void take_head(struct connection *connection, const char *data, size_t len)
{
	size_t used = 0;
	struct egress_request *request = &connection->request;
	switch (egress_request_read_head(request, data, len, &used)) {
	case EGRESS_READ_MORE:
		read_on(connection);
		return;
	case EGRESS_READ_REFUSED:
		connection_refuse(connection, request->refusal_status, request->refusal, "");
		return;
	case EGRESS_READ_HEAD:
		break;
	}
	if (cua_buffer_append(&connection->early, data + used, len - used, NULL) != CUA_OK) {
		connection_refuse(connection, 503, "no memory is left", "");
		return;
	}
	decide(connection);
}

/* The token and its line feed; false if they are not whole yet, or wrong. */
static bool take_token(struct connection *connection, const char **data, size_t *len)
{
	const size_t room = sizeof(connection->token) - connection->token_len;
	const size_t taken = *len < room ? *len : room;
	memcpy(connection->token + connection->token_len, *data, taken);
	connection->token_len += taken;
	*data += taken;
	*len -= taken;
	if (connection->token_len < sizeof(connection->token)) {
		return false;
	}
	if (sodium_memcmp(connection->token, connection->proxy->options->token, EGRESS_TOKEN_LEN) !=
					0 ||
			connection->token[EGRESS_TOKEN_LEN] != '\n') {
		(void)egress_log(connection, "denied", "another desktop's, or nobody's, token", "");
		connection_close(connection);
		return false;
	}
	connection->stage = STAGE_HEAD;
	return true;
}

static void take_first(struct connection *connection, const char *data, size_t len)
{
	if (connection->stage == STAGE_TOKEN && !take_token(connection, &data, &len)) {
		if (connection->stage == STAGE_TOKEN) {
			read_on(connection);
		}
		return;
	}
	if (connection->stage == STAGE_HEAD && len == 0) {
		read_on(connection);
	} else if (connection->stage == STAGE_HEAD) {
		take_head(connection, data, len);
	} else if (cua_buffer_append(&connection->early, data, len, NULL) != CUA_OK) {
		connection->ending = "no memory is left";
		connection_close(connection);
	} else if (connection->stage == STAGE_HELLO) {
		check_hello(connection);
	} else {
		read_ahead(connection);
	}
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	(void)suggested;
	struct connection *connection = handle->data;
	*buf = uv_buf_init(connection->in, sizeof(connection->in));
}

/* Part by part: while one is being answered nothing is read. */
static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct connection *connection = stream->data;
	if (len == 0) {
		return;
	}
	uv_read_stop(stream);
	if (len < 0) {
		connection->ending = "the client hung up";
		connection_close(connection);
		return;
	}
	take_first(connection, buf->base, (size_t)len);
}

static void read_on(struct connection *connection)
{
	if (uv_read_start((uv_stream_t *)&connection->client, on_alloc, on_read) < 0) {
		connection_close(connection);
	}
}

bool connection_start(struct egress_proxy *proxy)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	if (!connection) {
		return false;
	}
	connection->proxy = proxy;
	connection->id = ++proxy->last_id;
	connection->started_us = cua_now_us();
	connection->holders = 2;
	proxy->connections++;
	egress_request_init(&connection->request);
	cua_buffer_init(&connection->early, EGRESS_HELLO_MAX + EGRESS_PART_MAX);
	uv_pipe_init(&proxy->loop, &connection->client, 0);
	uv_timer_init(&proxy->loop, &connection->timer);
	connection->client.data = connection;
	connection->timer.data = connection;
	uv_os_fd_t fd;
	if (uv_accept((uv_stream_t *)&proxy->listener, (uv_stream_t *)&connection->client) < 0 ||
			uv_fileno((const uv_handle_t *)&connection->client, &fd) < 0 ||
			cua_unix_peer_uid(fd) != proxy->options->peer_uid ||
			proxy->connections > proxy->options->limits.connections) {
		connection_close(connection);
		return true;
	}
	connection_wait(connection, proxy->options->limits.head_ms);
	read_on(connection);
	return true;
}
