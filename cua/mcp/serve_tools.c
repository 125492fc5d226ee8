/* The tools that run in the desktop's sandbox: a shell, Python, files. */

#include <errno.h>
#include <string.h>

#include "agent/tools/tool.h"
#include "cua/base/http_client.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_internal.h"

/* As long as the longest call may take, and others before it; whoever waits longer cancels. */
#define ANSWER_MS (30 * 60 * 1000)
#define ANSWER_MAX_LEN ((size_t)32 << 20)

/* Blocks of content have the form that the protocol has. */
static enum cua_status take_answer(
		cJSON *answer, struct mcp_serve_result *result, struct cua_error *err)
{
	cJSON *content = cJSON_DetachItemFromObjectCaseSensitive(answer, "content");
	if (!cJSON_IsArray(content)) {
		cJSON_Delete(content);
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the desktop sent no answer of the tool");
	}
	result->content = content;
	result->is_error = cJSON_IsTrue(cua_json_member(answer, "is_error"));
	return CUA_OK;
}

static enum cua_status take_refusal(const cJSON *answer, long http_status, struct cua_error *err)
{
	const cJSON *error = cua_json_member(answer, "error");
	const char *message = cua_json_string(error, "message");
	return message ? CUA_FAIL(err, cua_status_from_name(cua_json_text(error, "code")), 0,
					 "%.500s", message)
		       : CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the desktop answered %ld", http_status);
}

static enum cua_status post(struct mcp_serve_call *call, const char *socket_path, const char *body,
		struct mcp_serve_result *result, struct cua_error *err)
{
	static const char *const headers[] = { "Content-Type: application/json", NULL };
	const struct cua_http_request request = { .method = "POST",
		.url = "http://desktop/v1/tools",
		.headers = headers,
		.body = body,
		.body_len = strlen(body),
		.total_timeout_ms = ANSWER_MS,
		.max_body_len = ANSWER_MAX_LEN };
	struct cua_http_client *client = NULL;
	struct cua_http_response response = { 0 };
	enum cua_status status = cua_http_client_create(socket_path, call->cancel_fd, &client, err);
	if (status != CUA_OK) {
		return status;
	}
	status = cua_http_perform(client, &request, &response, err);
	CUA_AUTO_JSON cJSON *answer = status == CUA_OK && response.body.len > 0
			? cJSON_Parse(response.body.data)
			: NULL;
	if (status == CUA_OK) {
		status = response.http_status == 200
				? take_answer(answer, result, err)
				: take_refusal(answer, response.http_status, err);
	}
	cua_http_response_finish(&response);
	/* Whoever hangs up ends the call. */
	cua_http_client_destroy(client);
	return status;
}

static char *make_body(const struct tool *tool, const cJSON *arguments)
{
	CUA_AUTO_JSON cJSON *body = cJSON_CreateObject();
	cJSON *copy = cJSON_Duplicate(arguments, true);
	cJSON_AddStringToObject(body, "tool", tool->name);
	if (!copy || !cJSON_AddItemToObject(body, "arguments", copy)) {
		cJSON_Delete(copy);
		return NULL;
	}
	return cJSON_PrintUnformatted(body);
}

static enum cua_status run(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	const struct tool *tool = call->tool->subject;
	struct mcp_serve_desktop desktop;
	CUA_AUTO_FREE char *body = make_body(tool, call->arguments);
	if (!body) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "request");
	}
	enum cua_status status = mcp_serve_call_desktop(call, &desktop, err);
	return status == CUA_OK ? post(call, desktop.socket_path, body, result, err) : status;
}

enum cua_status mcp_serve_add_tools(struct mcp_serve *serve, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (size_t i = 0; status == CUA_OK && tool_table[i]; i++) {
		const struct tool *row = tool_table[i];
		const struct mcp_serve_tool tool = { .name = row->name,
			.help = row->help,
			.group = MCP_SERVE_TOOLS,
			.effect = row->effect,
			.subject = row,
			.run = run };
		if (row->place == TOOL_IN_SANDBOX) {
			status = mcp_serve_add(serve, &tool, tool_schema(row), NULL, err);
		}
	}
	return status;
}
