/* One request to a server: what goes out, what comes in meanwhile, how long it is waited for. */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/mcp/mcp_server_internal.h"
#include "agent/mcp/mcp_text.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

#define META "io.modelcontextprotocol/"

void mcp_reply_finish(struct mcp_reply *reply)
{
	cJSON_Delete(reply->result);
	cJSON_Delete(reply->error);
	*reply = (struct mcp_reply){ 0 };
}

/* --- what is said of ourselves --- */

/* Adds item to object and takes it; false if either is missing. */
static bool add(cJSON *object, const char *name, cJSON *item)
{
	if (item && cJSON_AddItemToObject(object, name, item)) {
		return true;
	}
	cJSON_Delete(item);
	return false;
}

/* Nothing that cannot be served. */
cJSON *mcp_capabilities(const struct agent_mcp_server *server)
{
	cJSON *capabilities = cJSON_CreateObject();
	if (server->options.on_elicit) {
		cJSON *elicitation = cJSON_AddObjectToObject(capabilities, "elicitation");
		if (server->era == MCP_ERA_MODERN) {
			cJSON_AddObjectToObject(elicitation, "form");
		}
	}
	return capabilities;
}

cJSON *mcp_client_info(void)
{
	cJSON *info = cJSON_CreateObject();
	cJSON_AddStringToObject(info, "name", "cua");
	cJSON_AddStringToObject(info, "version", CUA_VERSION);
	return info;
}

/* _meta: what a request of the newest revision says of itself, and under which token its progress
 * is told. */
static bool add_meta(const struct agent_mcp_server *server, cJSON *params, int64_t id, bool is_call)
{
	const bool is_modern = server->era == MCP_ERA_MODERN;
	if (!is_modern && !is_call) {
		return true;
	}
	cJSON *meta = cJSON_AddObjectToObject(params, "_meta");
	bool is_whole = meta != NULL;
	if (is_modern) {
		is_whole = is_whole &&
				cJSON_AddStringToObject(
						meta, META "protocolVersion", server->version);
		is_whole = add(meta, META "clientCapabilities", mcp_capabilities(server)) &&
				is_whole;
		is_whole = add(meta, META "clientInfo", mcp_client_info()) && is_whole;
	}
	if (is_call) {
		is_whole = is_whole && cJSON_AddNumberToObject(meta, "progressToken", (double)id);
	}
	return is_whole;
}

static struct mcp_outgoing outgoing_of(const struct agent_mcp_server *server, const char *text,
		const char *method, const char *name)
{
	return (struct mcp_outgoing){ .text = text,
		.method = method,
		.name = name,
		.version = server->version[0] ? server->version : NULL,
		.is_modern = server->era == MCP_ERA_MODERN };
}

void mcp_notify(struct agent_mcp_server *server, const char *method, cJSON *params)
{
	if (params && !add_meta(server, params, 0, false)) {
		cJSON_Delete(params);
		return;
	}
	CUA_AUTO_FREE char *text = mcp_message_request(0, method, params);
	const struct mcp_outgoing outgoing = outgoing_of(server, text, method, NULL);
	if (text) { /* nobody waits for it: what is wrong, the next request finds out */
		(void)!server->transport->ops->tell(server->transport, &outgoing, NULL);
	}
}

/* --- what a server says --- */

static void take_answer(struct agent_mcp_server *server, const struct mcp_message *message)
{
	struct mcp_reply *reply = server->reply;
	if (message->kind == MCP_MESSAGE_RESULT) {
		reply->result = cJSON_DetachItemFromObjectCaseSensitive(message->whole, "result");
	} else {
		reply->code = mcp_message_code(message);
		reply->error = cJSON_Duplicate(cua_json_member(message->content, "data"), true);
		mcp_message_problem(message, reply->problem, sizeof(reply->problem));
	}
	server->wait->is_answered = true;
}

/* So many milliseconds from now, or when all waiting ends. */
static uint64_t until(const struct agent_mcp_server *server, int ms)
{
	const uint64_t then_us = cua_now_us() + (uint64_t)ms * 1000U;
	const uint64_t last_us = server->options.deadline_us;
	return last_us > 0 && last_us < then_us ? last_us : then_us;
}

static void tell_progress(const struct agent_mcp_server *server, const cJSON *params)
{
	const struct agent_mcp_server_options *options = &server->options;
	const double total = cua_json_number(params, "total");
	char message[4 * (AGENT_MCP_PROGRESS_CHARS + 1)];
	mcp_text_line(message, sizeof(message), cua_json_text(params, "message"));
	const struct agent_mcp_progress progress = { .progress = server->progress,
		.total = isfinite(total) && total > 0 ? total : 0,
		.message = message };
	options->on_progress(server->entry->name, &progress, options->user_data);
}

/* More of the way is done: there may be more time, but not without end. */
static void take_progress(struct agent_mcp_server *server, const cJSON *params)
{
	const cJSON *token = cua_json_member(params, "progressToken");
	const double progress = cua_json_number(params, "progress");
	const uint64_t later_us = until(server, server->options.call_ms);
	if (!server->wait || server->wait->is_answered || !cJSON_IsNumber(token) ||
			token->valuedouble != (double)server->last_id || !isfinite(progress) ||
			progress <= server->progress) {
		return;
	}
	server->progress = progress;
	server->wait->deadline_us = later_us < server->last_us ? later_us : server->last_us;
	if (server->options.on_progress) {
		tell_progress(server, params);
	}
}

static uint64_t lesser(uint64_t one, uint64_t other)
{
	return one < other ? one : other;
}

/* A person may take time, which is not the server's, but is the run's. */
cJSON *mcp_elicit(struct agent_mcp_server *server, const cJSON *params)
{
	const struct agent_mcp_server_options *options = &server->options;
	const uint64_t begun_us = cua_now_us();
	cJSON *content = options->on_elicit && strcmp(cua_json_text(params, "mode"), "url") != 0
			? options->on_elicit(server->entry->name, params, options->user_data)
			: NULL;
	cJSON *answer = cJSON_CreateObject();
	cJSON_AddStringToObject(answer, "action", content ? "accept" : "decline");
	if (content) {
		add(answer, "content", content);
	}
	const uint64_t end_us = options->deadline_us > 0 ? options->deadline_us : UINT64_MAX;
	const uint64_t taken_us = cua_now_us() - begun_us;
	if (server->wait) {
		server->wait->deadline_us = lesser(server->wait->deadline_us + taken_us, end_us);
	}
	server->last_us = lesser(server->last_us + taken_us, end_us);
	return answer;
}

/* Older revisions only. What was not declared is refused; a ping is always answered. */
static void answer_request(struct agent_mcp_server *server, const struct mcp_message *message)
{
	cJSON *result = NULL;
	if (strcmp(message->method, "ping") == 0) {
		result = cJSON_CreateObject();
	} else if (strcmp(message->method, "elicitation/create") == 0 &&
			server->options.on_elicit) {
		result = mcp_elicit(server, message->params);
	}
	/* Over HTTP an answer takes time, and a server may ask without end. */
	if (server->wait && cua_now_us() >= server->wait->deadline_us) {
		cJSON_Delete(result);
		return;
	}
	CUA_AUTO_FREE char *text = mcp_message_answer(message->id, result);
	const struct mcp_outgoing outgoing = outgoing_of(server, text, message->method, NULL);
	if (text && server->era != MCP_ERA_MODERN) {
		(void)!server->transport->ops->tell(server->transport, &outgoing, NULL);
	}
}

static void take_message(const struct mcp_message *message, void *user_data)
{
	struct agent_mcp_server *server = user_data;
	const bool is_waiting = server->wait && !server->wait->is_answered;
	switch (message->kind) {
	case MCP_MESSAGE_REQUEST:
		answer_request(server, message);
		break;
	case MCP_MESSAGE_NOTIFICATION:
		if (strcmp(message->method, "notifications/progress") == 0) {
			take_progress(server, message->params);
		} else if (strcmp(message->method, "notifications/tools/list_changed") == 0) {
			server->has_changed = true;
		}
		break;
	case MCP_MESSAGE_RESULT:
	case MCP_MESSAGE_ERROR: {
		/* An error without an id is about what could not be read: ours, there is no other.
		 */
		const bool is_nobodys = message->kind == MCP_MESSAGE_ERROR &&
				(!message->id || cJSON_IsNull(message->id));
		if (is_waiting && (is_nobodys || mcp_message_answers(message, server->last_id))) {
			take_answer(server, message);
		} else {
			server->strays++; /* too late, or to nothing that was asked */
		}
		break;
	}
	}
}

enum cua_status mcp_take_text(const char *text, size_t len, void *user_data, struct cua_error *err)
{
	return mcp_message_read(text, len, take_message, user_data, err);
}

/* --- asking --- */

/* Of stdio in every revision; over HTTP, hanging up is enough in the newest. */
static void cancel(struct agent_mcp_server *server, int64_t id)
{
	if (server->entry->transport != AGENT_MCP_STDIO && server->era == MCP_ERA_MODERN) {
		return;
	}
	cJSON *params = cJSON_CreateObject();
	cJSON_AddNumberToObject(params, "requestId", (double)id);
	cJSON_AddStringToObject(params, "reason", "no answer in time, or no longer wanted");
	mcp_notify(server, "notifications/cancelled", params);
}

static void explain_strays(const struct agent_mcp_server *server, struct cua_error *err)
{
	if (err && server->strays > 0) {
		char more[80];
		const size_t len = strlen(err->msg);
		snprintf(more, sizeof(more), "; %d answers came to what was not asked",
				server->strays);
		snprintf(err->msg + len, sizeof(err->msg) - len, "%s", more);
	}
}

enum cua_status mcp_ask(struct agent_mcp_server *server, const struct mcp_question *question,
		cJSON *params, struct mcp_wait *ret_wait, struct mcp_reply *ret_reply,
		struct cua_error *err)
{
	const int64_t id = ++server->last_id;
	*ret_reply = (struct mcp_reply){ 0 };
	*ret_wait = (struct mcp_wait){ .deadline_us = until(server, question->ms) };
	params = params ? params : cJSON_CreateObject();
	const bool is_whole = add_meta(server, params, id, question->is_call);
	CUA_AUTO_FREE char *text = mcp_message_request(id, question->method, params);
	if (!text || !is_whole) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "request");
	}
	struct mcp_outgoing outgoing = outgoing_of(server, text, question->method, question->name);
	outgoing.headers = question->headers;
	server->wait = ret_wait;
	server->reply = ret_reply;
	server->last_us = until(server, question->max_ms);
	server->strays = 0;
	server->progress = -1;
	enum cua_status status = server->transport->ops->exchange(
			server->transport, &outgoing, ret_wait, err);
	server->wait = NULL;
	server->reply = NULL;
	snprintf(ret_reply->reached, sizeof(ret_reply->reached), "%s", ret_wait->reached);
	if (status == CUA_ERR_TIMEOUT) {
		explain_strays(server, err);
	}
	if ((status == CUA_ERR_TIMEOUT || status == CUA_ERR_CANCELLED) && ret_wait->is_sent &&
			server->is_ready) {
		cancel(server, id);
	}
	return status;
}
