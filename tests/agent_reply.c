#include "tests/agent_reply.h"

#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

char *quoted(const char *text)
{
	char *copy = strdup(text);
	assert_non_null(copy);
	for (char *at = copy; *at; at++) {
		*at = *at == '\'' ? '"' : *at;
	}
	return copy;
}

enum cua_status hear(const struct agent_model_api *api, struct model_reply *reply,
		const struct agent_model_config *config, const char *text, size_t len, size_t piece,
		struct cua_error *why)
{
	assert_int_equal(model_reply_init(reply, api, config, NULL), CUA_OK);
	enum cua_status status = CUA_OK;
	for (size_t at = 0; status == CUA_OK && at < len; at += piece) {
		status = model_reply_feed(
				text + at, len - at < piece ? len - at : piece, reply, why);
	}
	if (status == CUA_OK || reply->end != MODEL_END_NONE) {
		status = model_reply_close(reply, why);
	}
	return status;
}

void expect_no_end(const struct agent_model_api *api, const struct agent_model_config *config,
		const char *text, size_t len)
{
	for (size_t cut = 0; cut < len; cut++) {
		struct model_reply reply;
		assert_int_equal(hear(api, &reply, config, text, cut, 64, NULL), CUA_OK);
		assert_int_equal(reply.end, MODEL_END_NONE);
		model_reply_finish(&reply);
	}
}

char *body_text(const struct agent_model_api *api, void *talk)
{
	CUA_AUTO_BUFFER struct cua_buffer body;
	cua_buffer_init(&body, MODEL_BODY_MAX);
	assert_int_equal(api->body(talk, &body, NULL), CUA_OK);
	return CUA_STEAL(body.data);
}

cJSON *body_json(const struct agent_model_api *api, void *talk)
{
	CUA_AUTO_FREE char *text = body_text(api, talk);
	cJSON *json = cJSON_Parse(text);
	assert_non_null(json);
	return json;
}
