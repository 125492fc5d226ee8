#ifndef CUA_SERVER_PROBLEM_H
#define CUA_SERVER_PROBLEM_H

#include <cjson/cJSON.h>

#include "cua/base/error.h"

/* An error as application/problem+json, the caller's; NULL without memory. Source: RFC 9457.
 * more: an object of further members, borrowed; NULL: none. */
char *problem_text(const struct cua_error *error, int http_status, const cJSON *more);

#endif
