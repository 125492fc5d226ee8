#include "cua/egress/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cua/base/util.h"

#define OUT_MAX ((size_t)1 << 20) /* bytes; a part of a body is far shorter */

/* RFC 9110, 5.6.2. */
static const char token_characters[] = "!#$%&'*+-.^_`|~0123456789"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static enum egress_reading refuse(struct egress_request *request, int status, const char *why)
{
	request->refusal = why;
	request->refusal_status = status;
	return EGRESS_READ_REFUSED;
}

/* --- the bytes of the head --- */

/* "GET http://example.org/ HTTP/1.1": three words of visible ASCII. */
static bool is_request_line(const char *line, size_t len)
{
	int spaces = 0;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)line[i] < 0x20 || (unsigned char)line[i] > 0x7e) {
			return false;
		}
		spaces += line[i] == ' ';
	}
	return spaces == 2 && line[0] != ' ' && line[len - 1] != ' ' && !memmem(line, len, "  ", 2);
}

static bool is_field_line(const char *line, size_t len)
{
	const size_t name_len = strspn(line, token_characters);
	if (name_len == 0 || name_len >= len || line[name_len] != ':') {
		return false;
	}
	for (size_t i = name_len + 1; i < len; i++) {
		const unsigned char byte = (unsigned char)line[i];
		if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
			return false;
		}
	}
	return true;
}

/* The library's parser is built to be lenient; here every line has one meaning. */
static bool is_plain_head(const char *head, size_t len)
{
	bool is_first = true;
	for (const char *at = head, *end = head + len - 2; at < end;) {
		const char *line_end = memmem(at, (size_t)(end - at) + 2, "\r\n", 2);
		const size_t line_len = (size_t)(line_end - at);
		if (line_len == 0 ||
				!(is_first ? is_request_line(at, line_len)
					   : is_field_line(at, line_len))) {
			return false;
		}
		is_first = false;
		at = line_end + 2;
	}
	return !is_first;
}

/* --- where it leads --- */

/* "example.org:443"; the port may be missing if there is one by default. */
static bool read_authority(const char *text, size_t len, uint16_t default_port,
		char ret_host[CUA_HOST_NAME_MAX + 1], uint16_t *ret_port)
{
	const char *colon = memchr(text, ':', len);
	const size_t host_len = colon ? (size_t)(colon - text) : len;
	unsigned long port = default_port;
	if (colon) {
		char digits[6] = "";
		const size_t digits_len = len - host_len - 1;
		if (digits_len == 0 || digits_len >= sizeof(digits)) {
			return false;
		}
		memcpy(digits, colon + 1, digits_len);
		if (digits[strspn(digits, "0123456789")] || digits[0] == '0') {
			return false;
		}
		port = strtoul(digits, NULL, 10);
	}
	if (port == 0 || port > 65535 || !cua_host_name_read(text, host_len, ret_host)) {
		return false;
	}
	*ret_port = (uint16_t)port;
	return true;
}

static const char no_name[] = "no host name: addresses, user names and odd spellings are refused";

/* The path of the URL goes into the request line. */
static bool take_url(struct egress_request *request, const char *url, size_t len)
{
	static const char scheme[] = "http://";
	const size_t scheme_len = sizeof(scheme) - 1;
	if (request->is_connect) {
		return read_authority(url, len, 0, request->host, &request->port) ||
				(refuse(request, 403, no_name), false);
	}
	if (len <= scheme_len || strncasecmp(url, scheme, scheme_len) != 0 ||
			memchr(url, '#', len)) {
		refuse(request, 400, "no http:// URL; https goes by CONNECT");
		return false;
	}
	const char *authority = url + scheme_len;
	const size_t rest = len - scheme_len;
	size_t authority_len = 0;
	while (authority_len < rest && authority[authority_len] != '/' &&
			authority[authority_len] != '?') {
		authority_len++;
	}
	if (!read_authority(authority, authority_len, 80, request->host, &request->port)) {
		refuse(request, 403, no_name);
		return false;
	}
	const char *path = authority + authority_len;
	const size_t path_len = rest - authority_len;
	return cua_buffer_printf(&request->out, NULL, "%s %s%.*s HTTP/1.%u\r\n",
			       http_method_str((enum http_method)request->parser.method),
			       path_len > 0 && path[0] == '/' ? "" : "/", (int)path_len, path,
			       request->parser.http_minor) == CUA_OK;
}

/* --- header fields --- */

static bool is_name(const char *name, const char *const *list)
{
	while (*list && strcasecmp(name, *list) != 0) {
		list++;
	}
	return *list != NULL;
}

/* Names of fields that concern this connection alone may stand in Connection; those that we know
 * are dropped anyway, and another could be one that somebody relies upon. */
static bool is_known_connection(char *value)
{
	static const char *const known[] = { "close", "keep-alive", "te", "trailer", NULL };
	char *rest = NULL;
	for (char *word = strtok_r(value, ", \t", &rest); word;
			word = strtok_r(NULL, ", \t", &rest)) {
		if (!is_name(word, known)) {
			return false;
		}
	}
	return true;
}

static const char *check_field(struct egress_request *request, const char *name, char *value)
{
	if (strcasecmp(name, "host") == 0) {
		char host[CUA_HOST_NAME_MAX + 1];
		uint16_t port = 0;
		if (!read_authority(value, strlen(value), request->port, host, &port) ||
				strcmp(host, request->host) != 0 || port != request->port) {
			return "Host is another than the URL's";
		}
		return request->hosts++ == 0 ? NULL : "Host comes twice";
	}
	if (strcasecmp(name, "transfer-encoding") == 0) {
		if (request->is_chunked || strcasecmp(value, "chunked") != 0) {
			return "Transfer-Encoding is not chunked alone";
		}
		request->is_chunked = true;
	}
	if (strcasecmp(name, "content-length") == 0) {
		if (request->has_length) {
			return "Content-Length comes twice";
		}
		request->has_length = true;
	}
	if (strcasecmp(name, "connection") == 0 && !is_known_connection(value)) {
		return "Connection names something unknown, or another protocol";
	}
	return NULL;
}

/* Between client and proxy, or ours to say. Source: RFC 9110, 7.6.1. */
static const char *const dropped_fields[] = { "host", "connection", "proxy-connection",
	"proxy-authorization", "proxy-authenticate", "keep-alive", "te", "trailer", "upgrade",
	"http2-settings", "transfer-encoding", NULL };

static char *trim(char *value)
{
	value += strspn(value, " \t");
	size_t len = strlen(value);
	while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t')) {
		value[--len] = '\0';
	}
	return value;
}

static bool end_field(struct egress_request *request)
{
	if (!request->is_in_value) {
		return true;
	}
	const char *name = request->name.data;
	char *value = trim(request->value.data ? request->value.data : (char[]){ "" });
	request->is_in_value = false;
	const char *why = check_field(request, name, value);
	if (why) {
		refuse(request, 400, why);
		return false;
	}
	const bool is_kept = request->is_connect || is_name(name, dropped_fields) ||
			cua_buffer_printf(&request->out, NULL, "%s: %s\r\n", name, value) == CUA_OK;
	cua_buffer_clear(&request->name);
	cua_buffer_clear(&request->value);
	return is_kept;
}

static int on_url(http_parser *parser, const char *at, size_t len)
{
	struct egress_request *request = parser->data;
	return cua_buffer_append(&request->value, at, len, NULL) == CUA_OK ? 0 : 1;
}

/* The URL is whole when the first field begins, or the head ends; version and method are known
 * then. */
static bool end_url(struct egress_request *request)
{
	if (request->host[0]) {
		return true;
	}
	CUA_AUTO_FREE char *url =
			strndup(request->value.data ? request->value.data : "", request->value.len);
	const size_t len = request->value.len;
	cua_buffer_clear(&request->value);
	request->is_connect = request->parser.method == HTTP_CONNECT;
	return url && take_url(request, url, len);
}

static int on_field(http_parser *parser, const char *at, size_t len)
{
	struct egress_request *request = parser->data;
	if (request->has_head) {
		return 0; /* of a trailer: dropped */
	}
	return end_url(request) && end_field(request) &&
					cua_buffer_append(&request->name, at, len, NULL) == CUA_OK
			? 0
			: 1;
}

static int on_value(http_parser *parser, const char *at, size_t len)
{
	struct egress_request *request = parser->data;
	if (request->has_head) {
		return 0;
	}
	request->is_in_value = true;
	return cua_buffer_append(&request->value, at, len, NULL) == CUA_OK ? 0 : 1;
}

static int on_headers(http_parser *parser)
{
	struct egress_request *request = parser->data;
	request->has_head = end_url(request) && end_field(request);
	return request->has_head ? 0 : -1;
}

/* --- the body --- */

static int on_body(http_parser *parser, const char *at, size_t len)
{
	struct egress_request *request = parser->data;
	struct cua_buffer *out = &request->out;
	const bool is_well = request->is_chunked
			? cua_buffer_printf(out, NULL, "%zx\r\n", len) == CUA_OK &&
					cua_buffer_append(out, at, len, NULL) == CUA_OK &&
					cua_buffer_append(out, "\r\n", 2, NULL) == CUA_OK
			: cua_buffer_append(out, at, len, NULL) == CUA_OK;
	return is_well ? 0 : 1;
}

static int on_complete(http_parser *parser)
{
	struct egress_request *request = parser->data;
	request->is_complete = true;
	http_parser_pause(parser, 1); /* what comes behind is no request any more */
	return 0;
}

static const http_parser_settings settings = { .on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_headers,
	.on_body = on_body,
	.on_message_complete = on_complete };

/* --- from outside --- */

void egress_request_init(struct egress_request *request)
{
	*request = (struct egress_request){ 0 };
	cua_buffer_init(&request->head, EGRESS_HEAD_MAX);
	cua_buffer_init(&request->name, EGRESS_HEAD_MAX);
	cua_buffer_init(&request->value, EGRESS_HEAD_MAX);
	cua_buffer_init(&request->out, OUT_MAX);
	http_parser_init(&request->parser, HTTP_REQUEST);
	request->parser.data = request;
}

void egress_request_finish(struct egress_request *request)
{
	cua_buffer_finish(&request->head);
	cua_buffer_finish(&request->name);
	cua_buffer_finish(&request->value);
	cua_buffer_finish(&request->out);
}

/* NULL if the head may go to the host that it names, whoever that is. */
static const char *check_head(const struct egress_request *request)
{
	const http_parser *parser = &request->parser;
	if (parser->http_major != 1 || parser->http_minor > 1) {
		return "HTTP is neither 1.0 nor 1.1";
	}
	if (request->is_connect) {
		return request->is_chunked || request->has_length ? "CONNECT has a body" : NULL;
	}
	if (parser->upgrade) {
		return "the request changes the protocol";
	}
	if (request->is_chunked && (request->has_length || parser->http_minor == 0)) {
		return "Transfer-Encoding beside Content-Length, or in HTTP/1.0";
	}
	return request->hosts == 1 || parser->http_minor == 0 ? NULL : "Host is missing";
}

static enum egress_reading parse_head(struct egress_request *request)
{
	const struct cua_buffer *head = &request->head;
	if (!is_plain_head(head->data, head->len)) {
		return refuse(request, 400, "the request can be read in two ways");
	}
	const size_t used = http_parser_execute(&request->parser, &settings, head->data, head->len);
	if (request->refusal) {
		return EGRESS_READ_REFUSED;
	}
	const enum http_errno error = HTTP_PARSER_ERRNO(&request->parser);
	if (!request->has_head || used != head->len ||
			(error != HPE_OK && !(error == HPE_PAUSED && request->is_complete))) {
		return refuse(request, 400, "no valid HTTP request");
	}
	const char *why = check_head(request);
	if (why) {
		return refuse(request, 400, why);
	}
	/* The Host of the URL is in force. Source: RFC 9112, 3.2.2. */
	if (!request->is_connect &&
			cua_buffer_printf(&request->out, NULL,
					"Host: %s\r\n%sConnection: close\r\n\r\n", request->host,
					request->is_chunked ? "Transfer-Encoding: chunked\r\n"
							    : "") != CUA_OK) {
		return refuse(request, 400, "no valid HTTP request");
	}
	return EGRESS_READ_HEAD;
}

enum egress_reading egress_request_read_head(
		struct egress_request *request, const char *data, size_t len, size_t *ret_used)
{
	struct cua_buffer *head = &request->head;
	const size_t before = head->len;
	const size_t room = EGRESS_HEAD_MAX - before;
	const size_t taken = len < room ? len : room;
	if (cua_buffer_append(head, data, taken, NULL) != CUA_OK) {
		return refuse(request, 503, "no memory is left");
	}
	const size_t from = before > 3 ? before - 3 : 0;
	const char *end = memmem(head->data + from, head->len - from, "\r\n\r\n", 4);
	if (!end) {
		*ret_used = len;
		return head->len < EGRESS_HEAD_MAX
				? EGRESS_READ_MORE
				: refuse(request, 431, "the head of the request is too long");
	}
	const size_t head_len = (size_t)(end - head->data) + 4;
	*ret_used = head_len - before;
	head->data[head_len] = '\0';
	head->len = head_len;
	return parse_head(request);
}

bool egress_request_read_body(struct egress_request *request, const char *data, size_t len)
{
	if (request->is_complete || len == 0) {
		return true;
	}
	const size_t used = http_parser_execute(&request->parser, &settings, data, len);
	if (HTTP_PARSER_ERRNO(&request->parser) != HPE_OK && !request->is_complete) {
		return false;
	}
	if (request->is_complete && request->is_chunked) {
		return cua_buffer_append(&request->out, "0\r\n\r\n", 5, NULL) == CUA_OK;
	}
	return used == len || request->is_complete;
}
