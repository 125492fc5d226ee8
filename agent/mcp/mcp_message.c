#include "agent/mcp/mcp_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/mcp/mcp_text.h"
#include "agent/model/json_span.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

#define BATCH_MAX 1000

static bool is_id(const cJSON *id)
{
	return cJSON_IsString(id) || cJSON_IsNumber(id);
}

static enum cua_status read_one(cJSON *json, struct mcp_message *ret_message, struct cua_error *err)
{
	const cJSON *result = cua_json_member(json, "result"),
		    *error = cua_json_member(json, "error");
	struct mcp_message message = { .id = cua_json_member(json, "id"),
		.method = cua_json_string(json, "method"),
		.params = cua_json_member(json, "params"),
		.content = error ? error : result,
		.whole = json };
	if (strcmp(cua_json_text(json, "jsonrpc"), "2.0") != 0) {
		return CUA_FAIL(err, CUA_ERR_APP, 0, "a message is no JSON-RPC 2.0");
	}
	if (message.params && !cJSON_IsObject(message.params)) {
		message.params = NULL; /* a list, which no method of this protocol has */
	}
	if (message.method && !message.content && (!message.id || is_id(message.id))) {
		message.kind = message.id ? MCP_MESSAGE_REQUEST : MCP_MESSAGE_NOTIFICATION;
	} else if (!message.method && error && !result && cJSON_IsObject(error) &&
			(!message.id || is_id(message.id) || cJSON_IsNull(message.id))) {
		message.kind = MCP_MESSAGE_ERROR;
	} else if (!message.method && result && !error && cJSON_IsObject(result) &&
			is_id(message.id)) {
		message.kind = MCP_MESSAGE_RESULT;
	} else {
		return CUA_FAIL(err, CUA_ERR_APP, 0,
				"a message is no request, no notification and no answer");
	}
	*ret_message = message;
	return CUA_OK;
}

enum cua_status mcp_message_read(const char *text, size_t len, mcp_message_fn on_message,
		void *user_data, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *json = NULL;
	struct mcp_message message;
	if (agent_json_parse(text, len, "a message", &json, err) != CUA_OK) {
		if (err) {
			err->status = CUA_ERR_APP;
		}
		return CUA_ERR_APP;
	}
	if (!cJSON_IsArray(json)) {
		enum cua_status status = read_one(json, &message, err);
		if (status == CUA_OK) {
			on_message(&message, user_data);
		}
		return status;
	}
	if (cJSON_GetArraySize(json) > BATCH_MAX) {
		return CUA_FAIL(err, CUA_ERR_APP, 0, "over %d messages at once", BATCH_MAX);
	}
	cJSON *item = NULL;
	cJSON_ArrayForEach (item, json) {
		enum cua_status status = read_one(item, &message, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	cJSON_ArrayForEach (item, json) {
		if (read_one(item, &message, err) == CUA_OK) {
			on_message(&message, user_data);
		}
	}
	return CUA_OK;
}

bool mcp_message_answers(const struct mcp_message *message, int64_t id)
{
	return cJSON_IsNumber(message->id) && message->id->valuedouble == (double)id;
}

int mcp_message_code(const struct mcp_message *message)
{
	return cua_json_int(message->content, "code");
}

void mcp_message_problem(const struct mcp_message *message, char *text, size_t size)
{
	char said[256];
	mcp_text_line(said, sizeof(said), cua_json_text(message->content, "message"));
	snprintf(text, size, "%d: %s", mcp_message_code(message), said);
}

static char *print(cJSON *json, bool is_whole)
{
	char *text = is_whole ? cJSON_PrintUnformatted(json) : NULL;
	cJSON_Delete(json);
	return text;
}

/* Takes item, whether or not there is room for it. */
static bool add(cJSON *object, const char *name, cJSON *item)
{
	if (item && cJSON_AddItemToObject(object, name, item)) {
		return true;
	}
	cJSON_Delete(item);
	return false;
}

char *mcp_message_request(int64_t id, const char *method, cJSON *params)
{
	cJSON *json = cJSON_CreateObject();
	bool is_whole = cJSON_AddStringToObject(json, "jsonrpc", "2.0") != NULL &&
			(id == 0 || cJSON_AddNumberToObject(json, "id", (double)id)) &&
			cJSON_AddStringToObject(json, "method", method);
	if (params) {
		is_whole = add(json, "params", params) && is_whole;
	}
	return print(json, is_whole);
}

char *mcp_message_answer(const cJSON *id, cJSON *result)
{
	cJSON *json = cJSON_CreateObject();
	bool is_whole = cJSON_AddStringToObject(json, "jsonrpc", "2.0") != NULL &&
			add(json, "id", cJSON_Duplicate(id, true));
	if (result) {
		is_whole = add(json, "result", result) && is_whole;
	} else {
		cJSON *error = cJSON_AddObjectToObject(json, "error");
		is_whole = is_whole && cJSON_AddNumberToObject(error, "code", MCP_ERROR_METHOD) &&
				cJSON_AddStringToObject(error, "message", "no such method here");
	}
	return print(json, is_whole);
}
