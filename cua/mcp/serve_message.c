/* JSON-RPC 2.0: what a client says, and what it is answered. */

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/model/json_span.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_internal.h"

#define ID_MAX_LEN 1024
#define ID_MAX 9007199254740992.0 /* beyond it a number would not come back as it came */

/* --- out --- */

/* Takes message. */
static void emit(const struct mcp_serve_out *out, cJSON *message)
{
	CUA_AUTO_FREE char *text = message ? cJSON_PrintUnformatted(message) : NULL;
	cJSON_Delete(message);
	if (text) {
		out->emit(text, strlen(text), out->user_data);
	}
}

cJSON *mcp_serve_copy_id(const cJSON *id)
{
	char number[32];
	if (!cJSON_IsNumber(id) || floor(id->valuedouble) != id->valuedouble) {
		return id ? cJSON_Duplicate(id, true) : cJSON_CreateNull();
	}
	snprintf(number, sizeof(number), "%.0f", id->valuedouble);
	return cJSON_CreateRaw(number);
}

static cJSON *begin(const cJSON *id)
{
	cJSON *message = cJSON_CreateObject();
	cJSON *copy = mcp_serve_copy_id(id);
	cJSON_AddStringToObject(message, "jsonrpc", "2.0");
	if (!cJSON_AddItemToObject(message, "id", copy)) {
		cJSON_Delete(copy);
		cJSON_Delete(message);
		return NULL;
	}
	return message;
}

static int refuse(const struct mcp_serve_out *out, const cJSON *id, int code, cJSON *data,
		const char *text)
{
	cJSON *message = begin(id);
	cJSON *error = cJSON_AddObjectToObject(message, "error");
	cJSON_AddNumberToObject(error, "code", code);
	cJSON_AddStringToObject(error, "message", text);
	if (data && !cJSON_AddItemToObject(error, "data", data)) {
		cJSON_Delete(data);
	}
	emit(out, message);
	return code;
}

int mcp_serve_refuse(const struct mcp_serve_out *out, const cJSON *id, int code, cJSON *data,
		const char *fmt, ...)
{
	char text[640];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return refuse(out, id, code, data, text);
}

/* The newest revision says in each answer that it is one, and whose. */
static void add_modern(cJSON *result)
{
	cJSON *meta = cua_json_member(result, "_meta");
	if (!meta) {
		meta = cJSON_AddObjectToObject(result, "_meta");
	}
	cJSON *info = cJSON_AddObjectToObject(meta, "io.modelcontextprotocol/serverInfo");
	cJSON_AddStringToObject(info, "name", "cua");
	cJSON_AddStringToObject(info, "version", CUA_VERSION);
	if (!cua_json_member(result, "resultType")) {
		cJSON_AddStringToObject(result, "resultType", "complete");
	}
}

void mcp_serve_answer(const struct mcp_serve_out *out, const cJSON *id, const char *revision,
		cJSON *result)
{
	cJSON *message = begin(id);
	if (result && revision && mcp_serve_is_modern(revision)) {
		add_modern(result);
	}
	if (!result || !cJSON_AddItemToObject(message, "result", result)) {
		cJSON_Delete(result);
		cJSON_Delete(message);
		(void)refuse(out, id, MCP_SERVE_ERROR_INTERNAL, NULL, "out of memory");
		return;
	}
	emit(out, message);
}

/* id NULL: a notification. */
static void tell(const struct mcp_serve_out *out, const char *id, const char *method, cJSON *params)
{
	cJSON *message = cJSON_CreateObject();
	cJSON_AddStringToObject(message, "jsonrpc", "2.0");
	if (id) {
		cJSON_AddStringToObject(message, "id", id);
	}
	cJSON_AddStringToObject(message, "method", method);
	if (!params || !cJSON_AddItemToObject(message, "params", params)) {
		cJSON_Delete(params);
		cJSON_Delete(message);
		return;
	}
	emit(out, message);
}

void mcp_serve_notify(const struct mcp_serve_out *out, const char *method, cJSON *params)
{
	tell(out, NULL, method, params);
}

void mcp_serve_request(
		const struct mcp_serve_out *out, const char *id, const char *method, cJSON *params)
{
	tell(out, id, method, params);
}

/* --- in --- */

static bool is_id(const cJSON *id)
{
	return cJSON_IsString(id)
			? strlen(id->valuestring) <= ID_MAX_LEN
			: cJSON_IsNumber(id) && floor(id->valuedouble) == id->valuedouble &&
					fabs(id->valuedouble) <= ID_MAX;
}

bool mcp_serve_same_id(const cJSON *one, const cJSON *other)
{
	return cJSON_IsString(one) && cJSON_IsString(other)
			? strcmp(one->valuestring, other->valuestring) == 0
			: cJSON_IsNumber(one) && cJSON_IsNumber(other) &&
					one->valuedouble == other->valuedouble;
}

/* What is wrong with it as JSON-RPC; NULL: nothing. */
static const char *take(cJSON *json, struct mcp_serve_message *message)
{
	const cJSON *id = cua_json_member(json, "id");
	const cJSON *method = cua_json_member(json, "method");
	const cJSON *params = cua_json_member(json, "params");
	if (cJSON_IsArray(json)) {
		return "several messages in a list: send them one by one";
	}
	if (!cJSON_IsObject(json)) {
		return "a message must be an object";
	}
	if (strcmp(cua_json_text(json, "jsonrpc"), "2.0") != 0) {
		return "\"jsonrpc\" must be \"2.0\"";
	}
	if (id && !is_id(id)) {
		return "\"id\" must be a string of at most 1024 bytes, or a whole number of at "
		       "most "
		       "2^53";
	}
	message->id = id;
	if (!method && (cua_json_member(json, "result") || cua_json_member(json, "error"))) {
		message->kind = MCP_SERVE_ANSWER;
		return NULL;
	}
	if (!cJSON_IsString(method)) {
		return "\"method\" must be a string";
	}
	if (params && !cJSON_IsObject(params)) {
		return "\"params\" must be an object";
	}
	message->kind = id ? MCP_SERVE_REQUEST : MCP_SERVE_NOTIFICATION;
	message->method = method->valuestring;
	message->params = params;
	message->name = cua_json_string(params, "name");
	message->revision = cua_json_string(cua_json_member(params, "_meta"),
			"io.modelcontextprotocol/protocolVersion");
	return NULL;
}

int mcp_serve_read(const char *text, size_t len, struct mcp_serve_message *ret_message,
		const struct mcp_serve_out *out)
{
	struct mcp_serve_message message = { 0 };
	struct cua_error why = { 0 };
	CUA_AUTO_JSON cJSON *json = NULL;
	if (len > MCP_SERVE_MESSAGE_MAX) {
		return mcp_serve_refuse(out, NULL, MCP_SERVE_ERROR_REQUEST, NULL,
				"a message may have %zu MiB", MCP_SERVE_MESSAGE_MAX >> 20);
	}
	if (agent_json_parse(text, len, "the message", &json, &why) != CUA_OK) {
		return mcp_serve_refuse(out, NULL, MCP_SERVE_ERROR_PARSE, NULL, "%s", why.msg);
	}
	const char *problem = agent_json_has_nul((struct agent_json_span){ text, len })
			? "a text in the message has a NUL character"
			: take(json, &message);
	if (!problem && agent_json_check_names(json, "the message", &why) != CUA_OK) {
		problem = why.msg;
	}
	if (problem) {
		return mcp_serve_refuse(
				out, message.id, MCP_SERVE_ERROR_REQUEST, NULL, "%s", problem);
	}
	message.whole = CUA_STEAL(json);
	*ret_message = message;
	return 0;
}

void mcp_serve_message_finish(struct mcp_serve_message *message)
{
	cJSON_Delete(message->whole);
	*message = (struct mcp_serve_message){ 0 };
}
