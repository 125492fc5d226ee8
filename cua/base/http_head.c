#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cua/base/http_server_internal.h"
#include "cua/base/util.h"

#define PATH_MAX_LEN 2048
#define ARGUMENT_MAX_LEN 8192
#define HEADER_MAX_LEN 8192

const char *cua_http_header(const struct cua_http_head *head, const char *name)
{
	for (size_t i = 0; head->header_names && head->header_names[i]; i++) {
		if (strcmp(head->header_names[i], name) == 0) {
			return head->headers[i] ? head->headers[i] : "";
		}
	}
	return "";
}

const char *cua_http_argument(const struct cua_http_head *head, const char *name)
{
	const size_t len = strlen(name);
	for (size_t i = 0; i < CUA_HTTP_ARGUMENTS_MAX && head->arguments[i]; i++) {
		if (strncmp(head->arguments[i], name, len) == 0 && head->arguments[i][len] == '=') {
			return head->arguments[i] + len + 1;
		}
	}
	return NULL;
}

void http_head_know_headers(struct cua_http_server *server, const char *const *names)
{
	server->header_names = names;
	for (size_t i = 0; names && names[i]; i++) {
		server->header_tokens[i] = -1;
		for (int token = 0; token < WSI_TOKEN_COUNT; token++) {
			const char *known = (const char *)lws_token_to_string(token);
			const size_t len = strlen(names[i]);
			if (known && strncmp(known, names[i], len) == 0 &&
					strcmp(known + len, ":") == 0) {
				server->header_tokens[i] = token;
			}
		}
	}
}

/* --- what libwebsockets has read --- */

/* A part of it, copied; it must be as long as was said: a zero byte in it would cut it. */
static enum http_head_status copy_fragment(
		struct lws *wsi, enum lws_token_indexes token, int index, int max, char **ret_text)
{
	const int len = lws_hdr_fragment_length(wsi, token, index);
	if (len > max) {
		return HTTP_HEAD_TOO_LONG;
	}
	char *text = calloc(1, (size_t)len + 2);
	if (!text) {
		return HTTP_HEAD_NOMEM;
	}
	if (lws_hdr_copy_fragment(wsi, text, len + 1, token, index) < 0 ||
			strlen(text) != (size_t)len) {
		free(text);
		return HTTP_HEAD_MALFORMED;
	}
	*ret_text = text;
	return HTTP_HEAD_OK;
}

/* White space around a value is none of it. */
static void trim(char *text)
{
	const size_t begin = strspn(text, " \t");
	size_t len = strlen(text + begin);
	while (len > 0 && strchr(" \t", text[begin + len - 1])) {
		len--;
	}
	memmove(text, text + begin, len);
	text[len] = '\0';
}

/* libwebsockets tells only of the first of a name that it does not know. */
static enum http_head_status copy_custom(struct lws *wsi, const char *name, char **ret_text)
{
	char with_colon[64];
	const int name_len = snprintf(with_colon, sizeof(with_colon), "%s:", name);
	const int len = lws_hdr_custom_length(wsi, with_colon, name_len);
	if (len < 0) {
		return HTTP_HEAD_OK;
	}
	if (len > HEADER_MAX_LEN) {
		return HTTP_HEAD_TOO_LONG;
	}
	*ret_text = calloc(1, (size_t)len + 1);
	if (!*ret_text) {
		return HTTP_HEAD_NOMEM;
	}
	const int copied = lws_hdr_custom_copy(wsi, *ret_text, len + 1, with_colon, name_len);
	if (copied != len || strlen(*ret_text) != (size_t)len) {
		return HTTP_HEAD_MALFORMED;
	}
	trim(*ret_text);
	return HTTP_HEAD_OK;
}

/* Twice the same: whoever reads the first and whoever reads the last see two requests. */
static enum http_head_status copy_header(
		struct connection *connection, size_t index, char **ret_text)
{
	const struct cua_http_server *server = connection->server;
	const int token = server->header_tokens[index];
	if (token < 0) {
		return copy_custom(connection->wsi, server->header_names[index], ret_text);
	}
	if (lws_hdr_total_length(connection->wsi, token) == 0) {
		return HTTP_HEAD_OK;
	}
	if (lws_hdr_fragment_length(connection->wsi, token, 1) > 0) {
		return HTTP_HEAD_MALFORMED;
	}
	const enum http_head_status status =
			copy_fragment(connection->wsi, token, 0, HEADER_MAX_LEN, ret_text);
	if (status == HTTP_HEAD_OK) {
		trim(*ret_text);
	}
	return status;
}

/* The first line has to be whole: libwebsockets ends it at a line break that is encoded in the
 * target, too, and takes what follows for a header. Nor may the path hold a zero byte. */
static bool is_whole(struct lws *wsi, enum lws_token_indexes method, const char *path)
{
	char version[9] = "";
	return lws_hdr_copy(wsi, version, sizeof(version), WSI_TOKEN_HTTP) == 8 &&
			(strcmp(version, "HTTP/1.1") == 0 || strcmp(version, "HTTP/1.0") == 0) &&
			lws_hdr_total_length(wsi, method) == (int)strlen(path);
}

static enum http_head_status read_first_line(
		struct lws *wsi, const char *path, struct cua_http_head *head)
{
	static const struct {
		enum lws_token_indexes token;
		const char *name;
	} methods[] = { { WSI_TOKEN_GET_URI, "GET" }, { WSI_TOKEN_POST_URI, "POST" },
		{ WSI_TOKEN_PUT_URI, "PUT" }, { WSI_TOKEN_DELETE_URI, "DELETE" },
		{ WSI_TOKEN_HEAD_URI, "HEAD" }, { WSI_TOKEN_PATCH_URI, "PATCH" },
		{ WSI_TOKEN_OPTIONS_URI, "OPTIONS" } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(methods); i++) {
		if (lws_hdr_total_length(wsi, methods[i].token) > 0) {
			head->method = methods[i].name;
			return is_whole(wsi, methods[i].token, path) ? HTTP_HEAD_OK
								     : HTTP_HEAD_MALFORMED;
		}
	}
	return HTTP_HEAD_MALFORMED; /* a method that we do not know */
}

/* Copies those that are not empty; a "/" is what libwebsockets makes of nothing. */
static enum http_head_status copy_arguments(
		struct lws *wsi, char *text, int size, struct cua_http_head *head)
{
	size_t count = 0;
	int len;
	for (int i = 0; (len = lws_hdr_copy_fragment(
					 wsi, text, size, WSI_TOKEN_HTTP_URI_ARGS, i)) >= 0;
			i++) {
		if (strlen(text) != (size_t)len) {
			return HTTP_HEAD_MALFORMED;
		}
		if (len == 0 || strcmp(text, "/") == 0) {
			continue;
		}
		if (count == CUA_HTTP_ARGUMENTS_MAX || len > ARGUMENT_MAX_LEN) {
			return HTTP_HEAD_TOO_LONG;
		}
		head->arguments[count] = strdup(text);
		if (!head->arguments[count++]) {
			return HTTP_HEAD_NOMEM;
		}
	}
	return HTTP_HEAD_OK;
}

static enum http_head_status read_arguments(struct lws *wsi, struct cua_http_head *head)
{
	const int size = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS) + 1;
	CUA_AUTO_FREE char *text = malloc((size_t)size);
	char *query = head->query = calloc(1, (size_t)size + 1);
	if (!text || !query) {
		return HTTP_HEAD_NOMEM;
	}
	const enum http_head_status status = copy_arguments(wsi, text, size, head);
	for (size_t i = 0; i < CUA_HTTP_ARGUMENTS_MAX && head->arguments[i]; i++) {
		if (i > 0) {
			*query++ = '&';
		}
		query = stpcpy(query, head->arguments[i]);
	}
	return status;
}

void http_head_peer(int socket, char peer[48])
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	if (getpeername(socket, (struct sockaddr *)&address, &len) != 0) {
		return;
	}
	const void *bytes = address.ss_family == AF_INET
			? (const void *)&((struct sockaddr_in *)&address)->sin_addr
			: (const void *)&((struct sockaddr_in6 *)&address)->sin6_addr;
	if (address.ss_family == AF_INET || address.ss_family == AF_INET6) {
		(void)inet_ntop(address.ss_family, bytes, peer, 48);
	}
}

enum http_head_status http_head_read(
		struct connection *connection, const char *path, struct cua_http_head *ret_head)
{
	const struct cua_http_server *server = connection->server;
	ret_head->method = "-";
	ret_head->header_names = server->header_names;
	ret_head->path = strdup(path);
	if (!ret_head->path) {
		return HTTP_HEAD_NOMEM;
	}
	if (strlen(path) > PATH_MAX_LEN) {
		return HTTP_HEAD_TOO_LONG;
	}
	if (server->is_tcp) {
		memcpy(ret_head->peer, connection->peer, sizeof(ret_head->peer));
	}
	enum http_head_status status = read_first_line(connection->wsi, path, ret_head);
	if (status == HTTP_HEAD_OK) {
		status = read_arguments(connection->wsi, ret_head);
	}
	for (size_t i = 0;
			status == HTTP_HEAD_OK && server->header_names && server->header_names[i];
			i++) {
		status = copy_header(connection, i, &ret_head->headers[i]);
	}
	return status;
}

void http_head_finish(struct cua_http_head *head)
{
	free(head->path);
	free(head->query);
	for (size_t i = 0; i < CUA_ARRAY_LEN(head->arguments); i++) {
		free(head->arguments[i]);
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(head->headers); i++) {
		free(head->headers[i]);
	}
}
