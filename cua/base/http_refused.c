#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "cua/base/http_error.h"
#include "cua/base/http_server_internal.h"

#define CUA_LOG_MODULE "http"
#include "cua/base/log.h"
#include "cua/base/util.h"

/* Callers decide how much is refused; nobody lets them fill a disk. */
#define LINES_PER_S 20

const struct http_refusal http_too_many = { 503, CUA_ERR_UNAVAILABLE,
	"too many are connected; try again later" };

char *http_refusal_text(const struct cua_http_server *server, const struct cua_error *error,
		int http_status, const char **ret_content_type)
{
	if (server->is_tcp) {
		*ret_content_type = "application/problem+json";
		return cua_http_problem(error, http_status, NULL);
	}
	CUA_AUTO_JSON cJSON *json = cua_http_error_json(error, -1);
	*ret_content_type = "application/json";
	return cJSON_PrintUnformatted(json);
}

void http_write_down(struct cua_http_server *server, const char *fmt, ...)
{
	struct http_written *written = &server->written;
	char text[256];
	unsigned long unwritten = 0;
	va_list args;
	if (!server->is_tcp) {
		return;
	}
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	for (char *at = text; *at; at++) {
		*at = (unsigned char)*at < ' ' || (unsigned char)*at > '~' ? '?' : *at;
	}
	pthread_mutex_lock(&written->mutex);
	if (cua_now_us() - written->since_us > 1000000) {
		unwritten = written->lines > LINES_PER_S ? written->lines - LINES_PER_S : 0;
		written->since_us = cua_now_us();
		written->lines = 0;
	}
	const bool has_room = ++written->lines <= LINES_PER_S;
	pthread_mutex_unlock(&written->mutex);
	if (unwritten > 0) {
		cua_log_info("%lu more were refused at that time", unwritten);
	}
	if (has_room) {
		cua_log_info("%s", text);
	}
}

void http_refuse(struct cua_http_server *server, int fd, SSL *tls, const char *peer,
		const struct http_refusal *refusal)
{
	char answer[1024];
	struct cua_error error = { 0 };
	const char *content_type = NULL;
	(void)!CUA_FAIL(&error, refusal->status, 0, "%s", refusal->why);
	CUA_AUTO_FREE char *body =
			http_refusal_text(server, &error, refusal->http_status, &content_type);
	const int len = snprintf(answer, sizeof(answer),
			"HTTP/1.1 %d Error\r\ncontent-type: %s\r\n"
			"content-length: %zu\r\ncache-control: no-store\r\n"
			"x-content-type-options: nosniff\r\nconnection: close\r\n\r\n%s",
			refusal->http_status, content_type, body ? strlen(body) : 0,
			body ? body : "");
	if (tls && len < (int)sizeof(answer)) {
		(void)SSL_write(tls, answer, len);
		(void)SSL_shutdown(tls);
	} else if (len < (int)sizeof(answer)) {
		(void)send(fd, answer, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	http_write_down(server, "refused %d: %s, from %s", refusal->http_status, refusal->why,
			peer);
}
