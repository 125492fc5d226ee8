/* What happens, for the log of a host. The newest revision has this only for those before: there a
 * server writes to its own log. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_internal.h"

/* As MCP has them; what is beyond an error is never told here. */
static const char *const names[] = { [MCP_SERVE_DEBUG] = "debug",
	[MCP_SERVE_INFO] = "info",
	[MCP_SERVE_NOTICE] = "notice",
	[MCP_SERVE_WARNING] = "warning",
	[MCP_SERVE_ERROR] = "error",
	"critical",
	"alert",
	"emergency" };

static bool is_wanted(struct mcp_serve_session *session, enum mcp_serve_level level)
{
	pthread_mutex_lock(&session->mutex);
	const bool is_wanted = level >= session->log_level;
	pthread_mutex_unlock(&session->mutex);
	return is_wanted;
}

void mcp_serve_log(struct mcp_serve_call *call, enum mcp_serve_level level, const char *about,
		const char *fmt, ...)
{
	char text[400];
	va_list args;
	if (mcp_serve_is_modern(call->revision) || !is_wanted(call->session, level)) {
		return;
	}
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "level", names[level]);
	cJSON_AddStringToObject(params, "logger", about);
	cJSON_AddStringToObject(params, "data", text);
	pthread_mutex_lock(&call->mutex);
	if (call->is_answered || call->is_cancelled) {
		cJSON_Delete(params);
	} else {
		mcp_serve_notify(&call->out, "notifications/message", params);
	}
	pthread_mutex_unlock(&call->mutex);
}

int mcp_serve_set_level(struct mcp_serve_asked *asked)
{
	const char *level = cua_json_text(asked->message->params, "level");
	size_t at = 0;
	while (at < CUA_ARRAY_LEN(names) && strcmp(names[at], level) != 0) {
		at++;
	}
	if (at == CUA_ARRAY_LEN(names)) {
		return mcp_serve_wrong_params(asked,
				"level must be debug, info, notice, warning, error, critical, "
				"alert or emergency");
	}
	pthread_mutex_lock(&asked->session->mutex);
	asked->session->log_level = (enum mcp_serve_level)at;
	pthread_mutex_unlock(&asked->session->mutex);
	return mcp_serve_reply(asked, cJSON_CreateObject());
}
