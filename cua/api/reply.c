#include "cua/api/reply.h"

#include <string.h>

#include "cua/base/util.h"

void api_reply_text(struct cua_http_exchange *exchange, int http_status, const char *text)
{
	const struct cua_http_reply reply = { .status = http_status,
		.content_type = "application/json",
		.body = text,
		.body_len = strlen(text) };
	cua_http_reply(exchange, &reply);
}

void api_reply_json(struct cua_http_exchange *exchange, int http_status, const cJSON *json)
{
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	api_reply_text(exchange, http_status, text ? text : "{}");
}

void api_reply_error(struct cua_http_exchange *exchange, const struct cua_error *error, int action)
{
	CUA_AUTO_JSON cJSON *json = cua_http_error_json(error, action);
	api_reply_json(exchange, cua_status_http(error->status), json);
}
