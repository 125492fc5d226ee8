/* Each decision as one line of JSON. Never a path, a query, a header field or a byte of a body. */

#include "cua/egress/egress_log.h"

#include <stdio.h>
#include <string.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "cua/egress/proxy_internal.h"

void egress_log_time(cJSON *line)
{
	struct timespec now;
	struct tm utc;
	char date[32], text[48];
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text, sizeof(text), "%s.%03ldZ", date, now.tv_nsec / 1000000);
	cJSON_AddStringToObject(line, "time", text);
}

static cJSON *make_line(const struct connection *connection, const char *event, const char *rule,
		const char *detail)
{
	const struct egress_request *request = &connection->request;
	cJSON *line = cJSON_CreateObject();
	egress_log_time(line);
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
	struct egress_proxy *proxy = connection->proxy;
	CUA_AUTO_JSON cJSON *line = make_line(connection, event, rule, detail);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(line);
	const size_t len = text ? strlen(text) : 0;
	if (!text || proxy->logged + len + 1 > proxy->options->limits.log) {
		return false;
	}
	text[len] = '\n'; /* in place of its end: one write, so that no line is torn */
	proxy->logged += len + 1;
	return cua_write_all(proxy->options->log_fd, text, len + 1);
}
