#ifndef CUA_SERVER_PROBLEM_H
#define CUA_SERVER_PROBLEM_H

#include "cua/base/error.h"

/* An error as application/problem+json, the caller's; NULL without memory. Source: RFC 9457. */
char *problem_text(const struct cua_error *error, int http_status);

#endif
