/* Each decision as one line of JSON. Never a path, a query, a header field or a byte of a body. */

#include <string.h>

#include "cua/base/util.h"
#include "cua/egress/proxy_internal.h"

static cJSON *make_line(const struct connection *connection, const char *event, const char *rule,
		const char *detail)
{
	const struct egress_request *request = &connection->request;
	cJSON *line = egress_decisions_line();
	cJSON_AddNumberToObject(line, "id", (double)connection->id);
	cJSON_AddStringToObject(line, "event", event);
	cJSON_AddStringToObject(line, "by", request->is_connect ? "CONNECT" : "HTTP");
	cJSON_AddStringToObject(line, "host", request->host);
	cJSON_AddNumberToObject(line, "port", request->port);
	cJSON_AddStringToObject(line, "rule", rule);
	if (detail[0]) {
		cJSON_AddStringToObject(line, "detail", detail);
	}
	if (connection->address[0]) {
		cJSON_AddStringToObject(line, "address", connection->address);
	}
	cJSON_AddNumberToObject(line, "sent", (double)connection->sent);
	cJSON_AddNumberToObject(line, "received", (double)connection->received);
	cJSON_AddNumberToObject(
			line, "ms", (double)((cua_now_us() - connection->started_us) / 1000U));
	return line;
}

bool egress_log(struct connection *connection, const char *event, const char *rule,
		const char *detail)
{
	struct egress_decisions *log = &connection->proxy->log;
	const bool is_refusal = strcmp(event, "denied") == 0 || strcmp(event, "failed") == 0;
	if (is_refusal && !egress_decisions_takes_refusal(log, cua_now_us())) {
		return true;
	}
	CUA_AUTO_JSON cJSON *line = make_line(connection, event, rule, detail);
	return egress_decisions_write(log, line, is_refusal, NULL) == CUA_OK;
}
