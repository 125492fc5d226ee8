#ifndef CUA_BASE_HTTP_ERROR_H
#define CUA_BASE_HTTP_ERROR_H

#include <cjson/cJSON.h>

#include "cua/base/error.h"

/* An error as application/problem+json, the caller's; NULL without memory. Source: RFC 9457.
 * more: an object of further members, borrowed; NULL: none. */
char *cua_http_problem(const struct cua_error *error, int http_status, const cJSON *more);

/* {"error": {"class", "code", "action", "message"}}, as on unix sockets, the caller's; action:
 * which of a list, -1 leaves it out. */
cJSON *cua_http_error_json(const struct cua_error *error, int action);

#endif
