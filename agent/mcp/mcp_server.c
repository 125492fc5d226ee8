#include "agent/mcp/mcp_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/mcp/mcp_server_internal.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

#define PAGES_MAX 500
#define LIST_TIMES 3   /* all pages of a list may take so many times what one may */
#define ROUNDS_MAX 8   /* how often a server may ask before it answers */
#define TIMEOUTS_MAX 2 /* one after another, and it is ended */

static int or_else(int value, int otherwise)
{
	return value > 0 ? value : otherwise;
}

enum cua_status agent_mcp_server_create(const struct agent_mcp_entry *entry,
		const struct agent_mcp_server_options *options,
		struct agent_mcp_server **ret_server, struct cua_error *err)
{
	struct agent_mcp_server *server = calloc(1, sizeof(*server));
	if (!server) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "server");
	}
	server->entry = entry;
	server->options = *options;
	server->era = entry->transport == AGENT_MCP_SSE ? MCP_ERA_LEGACY : MCP_ERA_UNKNOWN;
	server->options.init_ms = or_else(options->init_ms, AGENT_MCP_INIT_MS);
	server->options.probe_ms = or_else(options->probe_ms, AGENT_MCP_PROBE_MS);
	server->options.call_ms = or_else(options->call_ms, AGENT_MCP_CALL_MS);
	server->options.call_max_ms = or_else(options->call_max_ms, AGENT_MCP_CALL_MAX_MS);
	if (options->memory_bytes <= 0) {
		server->options.memory_bytes = AGENT_MCP_MEMORY;
	}
	if (options->tasks <= 0) {
		server->options.tasks = AGENT_MCP_TASKS;
	}
	*ret_server = server;
	return CUA_OK;
}

void agent_mcp_server_destroy(struct agent_mcp_server *server)
{
	if (server) {
		agent_mcp_server_hang_up(server);
		mcp_session_close(server);
		mcp_tools_finish(&server->tools);
		free(server->instructions);
		free(server);
	}
}

void agent_mcp_server_set_deadline(struct agent_mcp_server *server, uint64_t deadline_us)
{
	server->options.deadline_us = deadline_us;
}

bool agent_mcp_server_has_changed(const struct agent_mcp_server *server)
{
	return server->has_changed;
}

struct agent_mcp_facts agent_mcp_server_facts(const struct agent_mcp_server *server)
{
	return (struct agent_mcp_facts){ .name = server->own_name,
		.version = server->own_version,
		.protocol = server->version,
		.instructions = server->instructions ? server->instructions : "",
		.starts = server->starts,
		.connect_ms = server->connect_ms,
		.list_ms = server->list_ms };
}

/* --- one request, whatever has become of the server since the last --- */

/* What a failure leaves behind: a server that may be out of step is ended, and another one started
 * for the next request. */
static void look_after(struct agent_mcp_server *server, enum cua_status status)
{
	if (status == CUA_OK) {
		server->timeouts = 0;
		return;
	}
	server->timeouts += status == CUA_ERR_TIMEOUT;
	const bool is_slow = status == CUA_ERR_TIMEOUT && server->timeouts < TIMEOUTS_MAX;
	if (!is_slow && status != CUA_ERR_CANCELLED && status != CUA_ERR_NOMEM) {
		mcp_session_close(server);
	}
}

static enum cua_status ask_once(struct agent_mcp_server *server,
		const struct mcp_question *question, const cJSON *params, struct mcp_wait *ret_wait,
		struct mcp_reply *ret_reply, struct cua_error *err)
{
	*ret_wait = (struct mcp_wait){ 0 };
	*ret_reply = (struct mcp_reply){ 0 };
	enum cua_status status = mcp_session_open(server, err);
	if (status == CUA_OK) {
		status = mcp_ask(server, question, cJSON_Duplicate(params, true), ret_wait,
				ret_reply, err);
		look_after(server, status);
	}
	return status;
}

static enum cua_status list_all(struct agent_mcp_server *server, struct agent_mcp_tools *tools,
		struct cua_error *err);

/* A server that was started again may have another tool of this name: what a person approved is
 * called, or nothing. */
static enum cua_status check_same(struct agent_mcp_server *server,
		const struct mcp_question *question, struct cua_error *err)
{
	struct agent_mcp_tools tools = { 0 };
	enum cua_status status = mcp_session_open(server, err);
	if (status == CUA_OK) {
		status = list_all(server, &tools, err);
	}
	const struct agent_mcp_tool *tool = mcp_tools_find(&tools, question->name);
	if (status == CUA_OK && (!tool || strcmp(tool->hash, question->hash) != 0)) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"the server was started again, and its tool %s is another now: "
				"not called",
				question->name);
	}
	mcp_tools_finish(&tools);
	return status;
}

/* Once more if nothing has come of the first: it was dead before, it has lost the session, or it
 * wants another revision. */
static enum cua_status ask(struct agent_mcp_server *server, const struct mcp_question *question,
		const cJSON *params, bool *ret_sent, struct mcp_reply *ret_reply,
		struct cua_error *err)
{
	struct mcp_wait wait;
	const bool was_ready = server->is_ready;
	enum cua_status status = ask_once(server, question, params, &wait, ret_reply, err);
	if (status == CUA_ERR_CLOSED && was_ready && (wait.is_lost || !wait.is_sent)) {
		wait.is_sent = false;
		status = question->hash ? check_same(server, question, err) : CUA_OK;
		if (status == CUA_OK) {
			status = ask_once(server, question, params, &wait, ret_reply, err);
		}
	} else if (status == CUA_OK && ret_reply->code == MCP_ERROR_VERSION) {
		status = mcp_session_choose(
				server, cua_json_member(ret_reply->error, "supported"), err);
		server->is_ready = server->is_ready && server->era == MCP_ERA_MODERN;
		mcp_reply_finish(ret_reply);
		if (status == CUA_OK) {
			status = ask_once(server, question, params, &wait, ret_reply, err);
		}
	}
	*ret_sent = wait.is_sent;
	return status;
}

/* --- what it offers --- */

/* ret_cursor: owned; NULL after the last page. An empty one is one. */
static enum cua_status list_page(struct agent_mcp_server *server, const char *cursor, int ms,
		struct agent_mcp_tools *tools, char **ret_cursor, struct cua_error *err)
{
	const struct mcp_question question = { .method = "tools/list", .ms = ms, .max_ms = ms };
	struct mcp_reply reply;
	bool is_sent = false;
	CUA_AUTO_JSON cJSON *params = cJSON_CreateObject();
	if (cursor) {
		cJSON_AddStringToObject(params, "cursor", cursor);
	}
	enum cua_status status = ask(server, &question, params, &is_sent, &reply, err);
	const cJSON *tool = NULL, *list = cua_json_member(reply.result, "tools");
	const char *next = cua_json_string(reply.result, "nextCursor");
	const bool has_none = status == CUA_OK && !reply.result && reply.code == MCP_ERROR_METHOD;
	if (status == CUA_OK && !has_none && !cJSON_IsArray(list)) {
		status = CUA_FAIL(err, CUA_ERR_APP, 0, "tools/list brought no list%s%s",
				reply.problem[0] ? ": " : "", reply.problem);
	}
	cJSON_ArrayForEach (tool, list) {
		if (status == CUA_OK) {
			status = mcp_tools_add(tools, tool,
					server->entry->transport != AGENT_MCP_STDIO, err);
		}
	}
	*ret_cursor = status == CUA_OK && next ? strdup(next) : NULL;
	if (status == CUA_OK && next && !*ret_cursor) {
		status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "cursor");
	}
	mcp_reply_finish(&reply);
	return status;
}

static enum cua_status list_all(struct agent_mcp_server *server, struct agent_mcp_tools *tools,
		struct cua_error *err)
{
	CUA_AUTO_FREE char *cursor = NULL;
	const int page_ms = server->options.init_ms;
	const uint64_t deadline_us = cua_now_us() + (uint64_t)page_ms * LIST_TIMES * 1000U;
	for (int page = 0; page < PAGES_MAX; page++) {
		char *next = NULL;
		const int left_ms = cua_ms_until(deadline_us);
		if (left_ms == 0) {
			return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0,
					"the list of tools did not end in time");
		}
		enum cua_status status = list_page(server, cursor,
				left_ms < page_ms ? left_ms : page_ms, tools, &next, err);
		const bool is_same = cursor && next && strcmp(cursor, next) == 0;
		free(cursor);
		cursor = next;
		if (status != CUA_OK || !next) {
			return status;
		}
		if (is_same) {
			break;
		}
	}
	return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "the list of tools does not end");
}

enum cua_status agent_mcp_server_tools(struct agent_mcp_server *server,
		struct agent_mcp_tools **ret_tools, struct cua_error *err)
{
	if (!server->is_listed || server->has_changed) {
		struct agent_mcp_tools tools = { 0 };
		enum cua_status status = mcp_session_open(server, err);
		const uint64_t begun_us = cua_now_us();
		server->has_changed = false;
		if (status == CUA_OK) {
			status = list_all(server, &tools, err);
		}
		if (status != CUA_OK) {
			server->has_changed = server->is_listed;
			mcp_tools_finish(&tools);
			return status;
		}
		mcp_tools_finish(&server->tools);
		server->tools = tools;
		server->is_listed = true;
		server->list_ms = (double)(cua_now_us() - begun_us) / 1000.0;
	}
	*ret_tools = &server->tools;
	return CUA_OK;
}

/* --- calls --- */

/* A server of the newest revision asks in its answer. What cannot be answered is an error. */
static cJSON *answer_inputs(struct agent_mcp_server *server, const cJSON *requests)
{
	cJSON *answers = cJSON_CreateObject();
	const cJSON *request = NULL;
	cJSON_ArrayForEach (request, requests) {
		if (strcmp(cua_json_text(request, "method"), "elicitation/create") != 0) {
			cJSON_Delete(answers);
			return NULL;
		}
		cJSON_AddItemToObject(answers, request->string,
				mcp_elicit(server, cua_json_member(request, "params")));
	}
	return answers;
}

/* The same call again, with the answers and the state that the server wants back. */
static enum cua_status add_inputs(struct agent_mcp_server *server, cJSON *params,
		const cJSON *result, struct cua_error *err)
{
	const cJSON *requests = cua_json_member(result, "inputRequests");
	const cJSON *state = cua_json_member(result, "requestState");
	cJSON_DeleteItemFromObjectCaseSensitive(params, "inputResponses");
	cJSON_DeleteItemFromObjectCaseSensitive(params, "requestState");
	if (state) {
		cJSON_AddItemToObject(params, "requestState", cJSON_Duplicate(state, true));
	}
	if (requests) {
		cJSON *answers = answer_inputs(server, requests);
		if (!answers) {
			return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
					"the server asks for what is not offered to it");
		}
		cJSON_AddItemToObject(params, "inputResponses", answers);
	}
	return CUA_OK;
}

static enum cua_status check_result(
		const struct mcp_reply *reply, bool *ret_asks, struct cua_error *err)
{
	const char *type = cua_json_string(reply->result, "resultType");
	*ret_asks = type && strcmp(type, "input_required") == 0;
	if (!reply->result) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "the server refused the call: %s",
				reply->problem);
	}
	if (type && !*ret_asks && strcmp(type, "complete") != 0) {
		return CUA_FAIL(err, CUA_ERR_APP, 0,
				"the server answered with a kind of result that is not known here");
	}
	return CUA_OK;
}

static void free_lines(char **lines)
{
	for (size_t i = 0; lines && lines[i]; i++) {
		free(lines[i]);
	}
	free(lines);
}

/* The model is to know, too: something that the tool started may have been cut off. */
static void add_reached(cJSON *result, const char *reached)
{
	char text[sizeof(((struct mcp_reply *)0)->reached) + 32];
	cJSON *content = cua_json_member(result, "content");
	if (!reached[0] || (content && !cJSON_IsArray(content))) {
		return;
	}
	content = content ? content : cJSON_AddArrayToObject(result, "content");
	cJSON *item = cJSON_CreateObject();
	snprintf(text, sizeof(text), "[the server's %s]", reached);
	cJSON_AddStringToObject(item, "type", "text");
	cJSON_AddStringToObject(item, "text", text);
	if (!cJSON_AddItemToArray(content, item)) {
		cJSON_Delete(item);
	}
}

static enum cua_status call_in_rounds(struct agent_mcp_server *server,
		const struct mcp_question *question, cJSON *params, cJSON **ret_result,
		bool *ret_uncertain, struct cua_error *err)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		struct mcp_reply reply;
		bool is_sent = false, asks = false;
		enum cua_status status = ask(server, question, params, &is_sent, &reply, err);
		*ret_uncertain = status != CUA_OK && is_sent;
		if (status == CUA_OK) {
			status = check_result(&reply, &asks, err);
		}
		if (status == CUA_OK && asks) {
			status = add_inputs(server, params, reply.result, err);
		} else if (status == CUA_OK) {
			add_reached(reply.result, reply.reached);
			*ret_result = CUA_STEAL(reply.result);
		}
		mcp_reply_finish(&reply);
		if (status != CUA_OK || !asks) {
			return status;
		}
	}
	return CUA_FAIL(err, CUA_ERR_APP, 0, "the server asks without end");
}

enum cua_status agent_mcp_server_call(struct agent_mcp_server *server,
		const struct agent_mcp_tool *tool, const cJSON *arguments, cJSON **ret_result,
		bool *ret_uncertain, struct cua_error *err)
{
	char **headers = NULL;
	CUA_AUTO_JSON cJSON *params = cJSON_CreateObject();
	*ret_uncertain = false;
	if (!cJSON_AddStringToObject(params, "name", tool->name) ||
			!cJSON_AddItemToObject(
					params, "arguments", cJSON_Duplicate(arguments, true))) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
	}
	if (server->entry->transport != AGENT_MCP_STDIO &&
			!(headers = mcp_tool_headers(tool, arguments))) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
	}
	const struct mcp_question question = { .method = "tools/call",
		.name = tool->name,
		.hash = tool->hash,
		.headers = (const char *const *)headers,
		.ms = server->options.call_ms,
		.max_ms = server->options.call_max_ms,
		.is_call = true };
	enum cua_status status =
			call_in_rounds(server, &question, params, ret_result, ret_uncertain, err);
	free_lines(headers);
	return status;
}
