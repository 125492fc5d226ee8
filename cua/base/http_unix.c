#include "cua/base/http_unix.h"

#include <errno.h>
#include <http_parser.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cua/base/json.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"

#define READ_SIZE 65536
#define ANSWER_MAX_LEN ((size_t)256 << 20)

struct answer {
	struct cua_buffer *body;
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

static int on_complete(http_parser *parser)
{
	((struct answer *)parser->data)->complete = true;
	return 0;
}

static enum cua_status send_request(int fd, const char *method, const char *target,
		const char *body, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer request;
	const size_t body_len = body ? strlen(body) : 0;
	cua_buffer_init(&request, body_len + 4096);
	enum cua_status status = cua_buffer_printf(&request, err,
			"%s %s HTTP/1.1\r\nhost: desktop\r\nconnection: close\r\n"
			"content-type: application/json\r\ncontent-length: %zu\r\n\r\n",
			method, target, body_len);
	if (status == CUA_OK && body) {
		status = cua_buffer_append(&request, body, body_len, err);
	}
	for (size_t sent = 0; status == CUA_OK && sent < request.len;) {
		const ssize_t wrote =
				send(fd, request.data + sent, request.len - sent, MSG_NOSIGNAL);
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
	const http_parser_settings settings = { .on_body = on_body,
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

/* cancel_fd: -1 for none. */
static enum cua_status call_until(const char *socket_path, const char *method, const char *target,
		const char *body, int timeout_ms, int cancel_fd, int *ret_http_status,
		struct cua_buffer *ret_body, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + (uint64_t)timeout_ms * 1000U;
	CUA_AUTO_FD int fd = -1;
	enum cua_status status = cua_unix_connect(socket_path, SOCK_STREAM, &fd, err);
	if (status == CUA_OK) {
		status = send_request(fd, method, target, body, err);
	}
	struct answer answer = { .body = ret_body, .err = err };
	http_parser parser;
	http_parser_init(&parser, HTTP_RESPONSE);
	parser.data = &answer;
	if (status == CUA_OK) {
		status = read_answer(fd, cancel_fd, deadline_us, &answer, &parser, err);
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
	return call_until(socket_path, method, target, body, timeout_ms, -1, ret_http_status,
			ret_body, err);
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
	enum cua_status status = call_until(socket_path, method, target, text, timeout_ms,
			cancel_fd, &http_status, &response, err);
	CUA_AUTO_JSON cJSON *answer =
			status == CUA_OK && response.data ? cJSON_Parse(response.data) : NULL;
	if (status == CUA_OK && (http_status / 100 != 2 || !answer)) {
		status = take_error(answer, http_status, err);
	}
	*ret_answer = CUA_STEAL(answer);
	return status;
}
