#ifndef CUA_API_REPLY_H
#define CUA_API_REPLY_H

/* Answers of all APIs. */

#include <cjson/cJSON.h>

#include "cua/base/http_error.h"
#include "cua/base/http_server.h"

/* exchange is released, as by cua_http_reply(). text: JSON. */
void api_reply_text(struct cua_http_exchange *exchange, int http_status, const char *text);
void api_reply_json(struct cua_http_exchange *exchange, int http_status, const cJSON *json);
/* With the status that goes with the error. */
void api_reply_error(struct cua_http_exchange *exchange, const struct cua_error *error, int action);

#endif
