/* What a tool answers: blocks of content, and the same as an object. */

#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_internal.h"

/* The first with structured content. */
#define REVISION_STRUCTURED "2025-06-18"

static cJSON *add_block(struct mcp_serve_result *result, const char *type)
{
	cJSON *block = cJSON_CreateObject();
	cJSON_AddStringToObject(block, "type", type);
	if (!result->content) {
		result->content = cJSON_CreateArray();
	}
	if (!cJSON_AddItemToArray(result->content, block)) {
		cJSON_Delete(block);
		return NULL;
	}
	return block;
}

void mcp_serve_add_text(struct mcp_serve_result *result, const char *text)
{
	cJSON_AddStringToObject(add_block(result, "text"), "text", text);
}

void mcp_serve_add_image(
		struct mcp_serve_result *result, const char *base64, const char *media_type)
{
	cJSON *block = add_block(result, "image");
	cJSON_AddStringToObject(block, "data", base64);
	cJSON_AddStringToObject(block, "mimeType", media_type);
}

void mcp_serve_add_structured(struct mcp_serve_result *result, cJSON *structured)
{
	CUA_AUTO_FREE char *text = structured ? cJSON_PrintUnformatted(structured) : NULL;
	if (text) {
		mcp_serve_add_text(result, text);
	}
	cJSON_Delete(result->structured);
	result->structured = structured;
}

void mcp_serve_set_error(struct mcp_serve_result *result, const struct cua_error *err)
{
	result->is_error = true;
	mcp_serve_add_text(result, err->msg[0] ? err->msg : cua_status_name(err->status));
}

/* The call is to come again, with answers. */
static cJSON *input_required(struct mcp_serve_result *result)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "resultType", "input_required");
	if (!cJSON_AddItemToObject(json, "inputRequests", result->input_requests)) {
		cJSON_Delete(json);
		return NULL;
	}
	result->input_requests = NULL;
	return json;
}

cJSON *mcp_serve_result_json(struct mcp_serve_result *result, const char *revision)
{
	if (result->input_requests) {
		return input_required(result);
	}
	if (result->whole) {
		return CUA_STEAL(result->whole);
	}
	cJSON *json = cJSON_CreateObject();
	cJSON *content = CUA_STEAL(result->content);
	if (!content) {
		content = cJSON_CreateArray();
	}
	if (!json || !content || !cJSON_AddItemToObject(json, "content", content)) {
		cJSON_Delete(content);
		cJSON_Delete(json);
		return NULL;
	}
	if (result->structured && strcmp(revision, REVISION_STRUCTURED) >= 0) {
		cJSON_AddItemToObject(json, "structuredContent", CUA_STEAL(result->structured));
	}
	cJSON_AddBoolToObject(json, "isError", result->is_error);
	return json;
}

void mcp_serve_result_finish(struct mcp_serve_result *result)
{
	cJSON_Delete(result->content);
	cJSON_Delete(result->structured);
	cJSON_Delete(result->input_requests);
	cJSON_Delete(result->state);
	cJSON_Delete(result->whole);
	cJSON_Delete(result->error_data);
	*result = (struct mcp_serve_result){ 0 };
}
