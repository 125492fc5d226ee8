#include "agent/model/chat_internal.h"

#include <errno.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

/* {"note": ..., "thought": ..., "tool_call": {"tool_name": "click", "x": 1, "y": 2}}: arguments
 * stand beside the name. Its actions are those of the computer function. */

static enum cua_status keep_text(
		const cJSON *from, const char *name, char **ret_text, struct cua_error *err)
{
	const char *text = cua_json_string(from, name);
	*ret_text = text ? strdup(text) : NULL;
	return !text || *ret_text ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer");
}

static enum cua_status read_call(cJSON *call, const struct chat_space *space,
		struct chat_said *said, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *name = cJSON_DetachItemFromObjectCaseSensitive(call, "tool_name");
	if (!cJSON_IsString(name)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"tool_call must be an object with a tool_name");
	}
	if (strcmp(name->valuestring, "answer") == 0) {
		said->end = CHAT_FINISHES;
		return keep_text(call, "text", &said->last_words, err);
	}
	if (strcmp(name->valuestring, "give_up") == 0) {
		said->end = CHAT_GIVES_UP;
		return keep_text(call, "reason", &said->last_words, err);
	}
	cJSON_DeleteItemFromObjectCaseSensitive(call, "element"); /* in words, what x and y are */
	return cJSON_AddStringToObject(call, "action", name->valuestring)
			? chat_tool_action(said->actions, space, call, err)
			: CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
}

enum cua_status chat_holo_read(const char *text, const struct chat_space *space,
		struct chat_said *said, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *answer = NULL;
	const char *at = strchr(text, '{');
	if (!at) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "there is no JSON object in the answer");
	}
	enum cua_status status = chat_literal_parse(&at, &answer, err);
	if (status == CUA_OK) {
		status = keep_text(answer, "thought", &said->thought, err);
	}
	return status == CUA_OK ? read_call(cua_json_member(answer, "tool_call"), space, said, err)
				: status;
}
