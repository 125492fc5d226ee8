/* Asking the person at the host: a form. */

#include <errno.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_internal.h"

/* The first with elicitation; with a mode of it. */
#define REVISION_ELICITATION "2025-06-18"
#define REVISION_MODE "2025-11-25"

/* Forms are what a client can that says nothing of it. */
static bool can_ask(const struct mcp_serve_call *call)
{
	const cJSON *elicitation = cua_json_member(call->capabilities, "elicitation");
	return cJSON_IsObject(elicitation) && strcmp(call->revision, REVISION_ELICITATION) >= 0 &&
			(!elicitation->child || cua_json_member(elicitation, "form"));
}

/* Takes schema. */
static cJSON *params_of(const struct mcp_serve_call *call, const char *message, cJSON *schema)
{
	cJSON *params = cJSON_CreateObject();
	if (strcmp(call->revision, REVISION_MODE) >= 0) {
		cJSON_AddStringToObject(params, "mode", "form");
	}
	cJSON_AddStringToObject(params, "message", message);
	if (!schema || !cJSON_AddItemToObject(params, "requestedSchema", schema)) {
		cJSON_Delete(schema);
		cJSON_Delete(params);
		return NULL;
	}
	return params;
}

/* What is none is asked for again. */
static bool is_answer(const cJSON *said)
{
	const char *action = cua_json_text(said, "action");
	return strcmp(action, "decline") == 0 || strcmp(action, "cancel") == 0 ||
			(strcmp(action, "accept") == 0 &&
					cJSON_IsObject(cua_json_member(said, "content")));
}

/* What the person said. */
static enum cua_status take(const cJSON *said, cJSON **ret_content, struct cua_error *err)
{
	const char *action = cua_json_text(said, "action");
	const cJSON *content = cua_json_member(said, "content");
	if (!is_answer(said) || strcmp(action, "accept") != 0) {
		return CUA_FAIL(err, CUA_ERR_PERSON, 0, "the user gave no answer (%.20s)",
				action[0] ? action : "none");
	}
	*ret_content = cJSON_Duplicate(content, true);
	return *ret_content ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer");
}

enum cua_status mcp_serve_elicit(struct mcp_serve_call *call, struct mcp_serve_result *result,
		const char *key, const char *message, cJSON *schema, cJSON **ret_content,
		struct cua_error *err)
{
	const struct mcp_serve_question question = { key, "elicitation/create" };
	const cJSON *given = cua_json_member(call->inputs, key);
	CUA_AUTO_JSON cJSON *said = NULL;
	*ret_content = NULL;
	if (!can_ask(call)) {
		cJSON_Delete(schema);
		(void)!mcp_serve_lacks(call, result, "elicitation", err);
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"this host does not say that it can ask its user");
	}
	if (is_answer(given)) {
		cJSON_Delete(schema);
		return take(given, ret_content, err);
	}
	enum cua_status status = mcp_serve_ask(
			call, result, &question, params_of(call, message, schema), &said, err);
	return status == CUA_OK && said ? take(said, ret_content, err) : status;
}
