#include "cua/base/http_check.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <http_parser.h>

#include "cua/base/util.h"

/* libwebsockets 4.1 has room for 95 headers and arguments. */
#define PARTS_MAX 80
#define ARGUMENTS_MAX 40

struct http_check {
	http_parser parser;
	size_t seen;
	bool is_whole, keeps_alive;
};

/* http_parser lets it pass. */
static int on_header_name(http_parser *parser, const char *name, size_t len)
{
	(void)parser;
	return memchr(name, ' ', len) ? -1 : 0;
}

static int on_whole(http_parser *parser)
{
	struct http_check *check = parser->data;
	check->is_whole = true;
	check->keeps_alive = parser->http_minor > 0 && http_should_keep_alive(parser);
	return -1; /* what follows is not looked at */
}

struct http_check *http_check_create(void)
{
	struct http_check *check = calloc(1, sizeof(*check));
	if (check) {
		http_check_begin(check);
	}
	return check;
}

void http_check_destroy(struct http_check *check)
{
	free(check);
}

void http_check_begin(struct http_check *check)
{
	*check = (struct http_check){ .seen = 0 };
	http_parser_init(&check->parser, HTTP_REQUEST);
	check->parser.data = check;
}

/* Or may be, for all that has come. Those that libwebsockets knows, but for CONNECT, of which it
 * makes something else. */
static bool is_served(const char *head)
{
	static const char *const methods[] = { "GET ", "HEAD ", "POST ", "PUT ", "PATCH ",
		"DELETE ", "OPTIONS " };
	for (size_t i = 0; i < CUA_ARRAY_LEN(methods); i++) {
		if (strncmp(head, methods[i], strnlen(head, strlen(methods[i]))) == 0) {
			return true;
		}
	}
	return false;
}

static struct http_refusal bad(int http_status, const char *why)
{
	return (struct http_refusal){ http_status, CUA_ERR_INVAL, why };
}

static struct http_refusal unserved(const char *head)
{
	const size_t len = strspn(head, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-");
	const bool is_method = len > 0 && (head[len] == ' ' || !head[len]);
	return is_method ? bad(501, "no resource here has this method")
			 : bad(400, "the request does not begin with a method");
}

/* What has come of them, up to where the head is cut. */
static bool is_well_encoded(const char *begin, const char *end)
{
	for (const char *at = begin; (at = memchr(at, '%', (size_t)(end - at))); at++) {
		const bool is_cut = !at[1] || !at[2];
		if ((at[1] && !isxdigit((unsigned char)at[1])) ||
				(!is_cut && !isxdigit((unsigned char)at[2])) ||
				strncmp(at, "%00", 3) == 0) {
			return false;
		}
	}
	return true;
}

static size_t count_of(const char *begin, const char *end, char one, char other)
{
	size_t count = 0;
	for (const char *at = begin; at < end; at++) {
		count += *at == one || *at == other;
	}
	return count;
}

/* With blanks that libwebsockets does not take for such it is another one. */
static bool asks_for_other_upgrade(const char *headers)
{
	static const char name[] = "\nupgrade:";
	const char *value = strcasestr(headers, name);
	if (!value) {
		return false;
	}
	value += strlen(name);
	value += strspn(value, " ");
	const size_t len = strcspn(value, "\r\n");
	return value[len] &&
			(len != strlen("websocket") || strncasecmp(value, "websocket", len) != 0);
}

/* What libwebsockets would not take, as far as it has come. Its status is 0 if there is nothing. */
static struct http_refusal judge_text(const char *head)
{
	if (!is_served(head)) {
		return unserved(head);
	}
	const char *line_end = head + strcspn(head, "\r\n");
	const char *target = head + strcspn(head, " \r\n");
	target += strspn(target, " ");
	if (*target && *target != '/') {
		return bad(400,
				"the target of the request has to begin with a slash, in the first "
				"line");
	}
	if (!is_well_encoded(target, line_end)) {
		return bad(400, "behind % there have to be two hexadecimal digits, and not 00");
	}
	if (asks_for_other_upgrade(line_end)) {
		return bad(400, "websocket is the only upgrade here");
	}
	const size_t arguments = count_of(target, line_end, '&', ';');
	const size_t headers = count_of(line_end, line_end + strlen(line_end), '\n', '\n');
	if (arguments > ARGUMENTS_MAX) {
		return (struct http_refusal){ 414, CUA_ERR_TOO_LARGE,
			"there are too many arguments" };
	}
	if (arguments + headers > PARTS_MAX) {
		return (struct http_refusal){ 431, CUA_ERR_TOO_LARGE,
			"there are too many headers" };
	}
	return (struct http_refusal){ .http_status = 0 };
}

/* Its status is 0 if there is nothing to be said against it. */
static struct http_refusal judge(const struct http_check *check, const char *head)
{
	const http_parser *parser = &check->parser;
	const enum http_errno error = HTTP_PARSER_ERRNO(parser);
	if (error == HPE_INVALID_METHOD) {
		return unserved(head);
	}
	if (error == HPE_CB_header_field) {
		return bad(400, "the name of a header holds a blank");
	}
	if (!check->is_whole) {
		return bad(400, http_errno_description(error));
	}
	if (parser->http_major != 1) {
		return bad(505, "this server speaks HTTP/1.1");
	}
	return judge_text(head);
}

enum http_check_result http_check_more(
		struct http_check *check, char *head, size_t len, struct http_refusal *ret_refusal)
{
	static const http_parser_settings settings = { .on_header_field = on_header_name,
		.on_headers_complete = on_whole };
	char *end = NULL;
	if (len > check->seen) {
		const size_t read = http_parser_execute(
				&check->parser, &settings, head + check->seen, len - check->seen);
		if (check->is_whole) {
			end = head + check->seen + read; /* its last byte */
			end[1] = '\0';
		}
		check->seen = len;
	}
	if (HTTP_PARSER_ERRNO(&check->parser) == HPE_OK) {
		return HTTP_CHECK_MORE;
	}
	/* http_parser takes any byte behind a carriage return for the end of the line. */
	*ret_refusal = end && *end != '\n' ? bad(400, "a line ends with a carriage return alone")
					   : judge(check, head);
	return ret_refusal->http_status ? HTTP_CHECK_BAD : HTTP_CHECK_WHOLE;
}

bool http_check_so_far(const char *head, struct http_refusal *ret_refusal)
{
	*ret_refusal = judge_text(head);
	return ret_refusal->http_status == 0;
}

size_t http_check_seen(const struct http_check *check)
{
	return check->seen;
}

bool http_check_keeps_alive(const struct http_check *check)
{
	return check->keeps_alive;
}
