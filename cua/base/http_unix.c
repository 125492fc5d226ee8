#include "cua/base/http_unix.h"

#include <errno.h>
#include <http_parser.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "cua/base/json.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"

#define READ_SIZE 65536
#define ANSWER_MAX_LEN ((size_t)256 << 20)

struct request {
	const char *method, *target;
	const char *body; /* NULL: none */
	const char *etag; /* for If-None-Match; "": none */
};

struct answer {
	struct cua_buffer *body;
	char *etag;       /* CUA_HTTP_UNIX_ETAG_SIZE; NULL: not wanted */
	char name[16];    /* of the header that is being read, as far as it tells ETag apart */
	bool is_in_value; /* its name is over */
	enum cua_status status; /* what on_body failed with */
	struct cua_error *err;
	bool complete;
};

static int on_body(http_parser *parser, const char *data, size_t len)
{
	struct answer *answer = parser->data;
	answer->status = cua_buffer_append(answer->body, data, len, answer->err);
	return answer->status == CUA_OK ? 0 : -1;
}

/* Names and values come in pieces. */
static void add_piece(char *text, size_t size, const char *data, size_t len)
{
	const size_t had = strlen(text);
	snprintf(text + had, size - had, "%.*s", (int)(len < size ? len : size), data);
}

static int on_header_name(http_parser *parser, const char *data, size_t len)
{
	struct answer *answer = parser->data;
	if (answer->is_in_value) {
		answer->is_in_value = false;
		answer->name[0] = '\0';
	}
	add_piece(answer->name, sizeof(answer->name), data, len);
	return 0;
}

static int on_header_value(http_parser *parser, const char *data, size_t len)
{
	struct answer *answer = parser->data;
	answer->is_in_value = true;
	if (answer->etag && strcasecmp(answer->name, "etag") == 0) {
		add_piece(answer->etag, CUA_HTTP_UNIX_ETAG_SIZE, data, len);
	}
	return 0;
}

static int on_complete(http_parser *parser)
{
	((struct answer *)parser->data)->complete = true;
	return 0;
}

static enum cua_status send_request(int fd, const struct request *request, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	const size_t body_len = request->body ? strlen(request->body) : 0;
	cua_buffer_init(&text, body_len + 4096);
	enum cua_status status = cua_buffer_printf(&text, err,
			"%s %s HTTP/1.1\r\nhost: desktop\r\nconnection: close\r\n"
			"content-type: application/json\r\ncontent-length: %zu\r\n%s%s%s\r\n",
			request->method, request->target, body_len,
			request->etag[0] ? "if-none-match: " : "", request->etag,
			request->etag[0] ? "\r\n" : "");
	if (status == CUA_OK && request->body) {
		status = cua_buffer_append(&text, request->body, body_len, err);
	}
	for (size_t sent = 0; status == CUA_OK && sent < text.len;) {
		const ssize_t wrote = send(fd, text.data + sent, text.len - sent, MSG_NOSIGNAL);
		if (wrote >= 0) {
			sent += (size_t)wrote;
		} else if (errno == EPIPE || errno == ECONNRESET) {
			break; /* an answer may be there all the same: a refusal */
		} else if (errno != EINTR) {
			status = CUA_FAIL(err, errno == EAGAIN ? CUA_ERR_TIMEOUT : CUA_ERR_IO,
					errno, "send");
		}
	}
	return status;
}

static enum cua_status read_answer(int fd, int cancel_fd, uint64_t deadline_us,
		struct answer *answer, http_parser *parser, struct cua_error *err)
{
	const http_parser_settings settings = { .on_header_field = on_header_name,
		.on_header_value = on_header_value,
		.on_body = on_body,
		.on_message_complete = on_complete };
	CUA_AUTO_FREE char *part = malloc(READ_SIZE);
	if (!part) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer");
	}
	while (!answer->complete) {
		struct pollfd readable[] = { { .fd = fd, .events = POLLIN },
			{ .fd = cancel_fd, .events = POLLIN } };
		const int ready = poll(readable, 2, cua_ms_until(deadline_us));
		if (ready == 0) {
			return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "no answer in time");
		}
		if (ready > 0 && readable[1].revents) {
			return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "the answer is not waited for");
		}
		const ssize_t got = ready < 0 ? -1 : recv(fd, part, READ_SIZE, MSG_DONTWAIT);
		if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
			continue;
		}
		/* 0 tells the parser of the end, which an answer without a length needs. */
		const size_t len = got > 0 ? (size_t)got : 0;
		const size_t parsed = http_parser_execute(parser, &settings, part, len);
		if (answer->status != CUA_OK) {
			return answer->status;
		}
		if (!answer->complete && (got <= 0 || parsed != len)) {
			return CUA_FAIL(err, CUA_ERR_CLOSED, got < 0 ? errno : 0,
					"no HTTP answer came back");
		}
	}
	return CUA_OK;
}

/* cancel_fd: -1 for none. answer: its body, and what else is wanted of it. */
static enum cua_status call_until(const char *socket_path, const struct request *request,
		int timeout_ms, int cancel_fd, struct answer *answer, int *ret_http_status,
		struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + (uint64_t)timeout_ms * 1000U;
	CUA_AUTO_FD int fd = -1;
	enum cua_status status = cua_unix_connect(socket_path, SOCK_STREAM, &fd, err);
	if (status == CUA_OK) {
		status = send_request(fd, request, err);
	}
	http_parser parser;
	http_parser_init(&parser, HTTP_RESPONSE);
	parser.data = answer;
	if (status == CUA_OK) {
		status = read_answer(fd, cancel_fd, deadline_us, answer, &parser, err);
	}
	if (status == CUA_OK) {
		*ret_http_status = (int)parser.status_code;
	}
	return status;
}

enum cua_status cua_http_unix_call(const char *socket_path, const char *method, const char *target,
		const char *body, int timeout_ms, int *ret_http_status, struct cua_buffer *ret_body,
		struct cua_error *err)
{
	const struct request request = { method, target, body, "" };
	struct answer answer = { .body = ret_body, .err = err };
	return call_until(socket_path, &request, timeout_ms, -1, &answer, ret_http_status, err);
}

enum cua_status cua_http_unix_get(const char *socket_path, const char *target, int timeout_ms,
		char etag[CUA_HTTP_UNIX_ETAG_SIZE], int *ret_http_status,
		struct cua_buffer *ret_body, struct cua_error *err)
{
	char known[CUA_HTTP_UNIX_ETAG_SIZE];
	const struct request request = { "GET", target, NULL, known };
	struct answer answer = { .body = ret_body, .err = err, .etag = etag };
	snprintf(known, sizeof(known), "%s", etag);
	etag[0] = '\0';
	return call_until(socket_path, &request, timeout_ms, -1, &answer, ret_http_status, err);
}

static enum cua_status take_error(const cJSON *answer, int http_status, struct cua_error *err)
{
	const cJSON *error = cua_json_member(answer, "error");
	const char *code = cua_json_string(error, "code");
	const char *message = cua_json_string(error, "message");
	if (!code || !message) {
		return CUA_FAIL(err, CUA_ERR_IO, 0, "it answered with status %d", http_status);
	}
	return CUA_FAIL(err, cua_status_from_name(code), 0, "%.500s", message);
}

enum cua_status cua_http_unix_json(const char *socket_path, const char *method, const char *target,
		const cJSON *body, int timeout_ms, cJSON **ret_answer, struct cua_error *err)
{
	return cua_http_unix_json_until(
			socket_path, method, target, body, timeout_ms, -1, ret_answer, err);
}

enum cua_status cua_http_unix_json_until(const char *socket_path, const char *method,
		const char *target, const cJSON *body, int timeout_ms, int cancel_fd,
		cJSON **ret_answer, struct cua_error *err)
{
	CUA_AUTO_FREE char *text = body ? cJSON_PrintUnformatted(body) : NULL;
	CUA_AUTO_BUFFER struct cua_buffer response;
	int http_status = 0;
	cua_buffer_init(&response, ANSWER_MAX_LEN);
	const struct request request = { method, target, text, "" };
	struct answer read = { .body = &response, .err = err };
	enum cua_status status = call_until(
			socket_path, &request, timeout_ms, cancel_fd, &read, &http_status, err);
	CUA_AUTO_JSON cJSON *answer =
			status == CUA_OK && response.data ? cJSON_Parse(response.data) : NULL;
	if (status == CUA_OK && (http_status / 100 != 2 || !answer)) {
		status = take_error(answer, http_status, err);
	}
	*ret_answer = CUA_STEAL(answer);
	return status;
}
