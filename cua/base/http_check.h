#ifndef CUA_BASE_HTTP_CHECK_H
#define CUA_BASE_HTTP_CHECK_H

/* The head of a request as http_parser reads it, without libwebsockets, whose headers do not go
 * with http_parser's. */

#include <stdbool.h>
#include <stddef.h>

#include "cua/base/error.h"

struct http_check;

struct http_refusal {
	int http_status;
	enum cua_status status;
	const char *why; /* static */
};

enum http_check_result {
	HTTP_CHECK_MORE,
	HTTP_CHECK_WHOLE,
	HTTP_CHECK_BAD,
};

/* NULL without memory. Good for one head after the other. */
struct http_check *http_check_create(void);
void http_check_destroy(struct http_check *check);

void http_check_begin(struct http_check *check);
/**
 * @head:         from its beginning, more of it each time; a zero byte follows. Cut where it ends.
 * @ret_refusal:  if it is bad
 */
enum http_check_result http_check_more(
		struct http_check *check, char *head, size_t len, struct http_refusal *ret_refusal);
/* Whether libwebsockets can be given what there is of a head that is not whole. */
bool http_check_so_far(const char *head, struct http_refusal *ret_refusal);
/* Bytes of the head that was not whole. */
size_t http_check_seen(const struct http_check *check);
/* Of a whole one: whether another may follow on its connection. */
bool http_check_keeps_alive(const struct http_check *check);

#endif
