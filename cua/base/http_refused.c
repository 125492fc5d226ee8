#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "cua/base/http_error.h"
#include "cua/base/http_server_internal.h"

#define CUA_LOG_MODULE "http"
#include "cua/base/log.h"
#include "cua/base/util.h"

/* Callers decide how much is refused; nobody lets them fill a disk. */
#define LINES_PER_S 20

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
