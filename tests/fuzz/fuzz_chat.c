/* A whole answer of Chat Completions, streamed or not: bytes to a message to calls, and the message
 * back into a request. The first byte says how it is cut. */
#include <string.h>

#include "agent/model/chat_internal.h"
#include "cua/base/util.h"
#include "cua/contract/utf8.h"
#include "tests/fuzz/fuzz.h"

#define SECRET "sk-fuzz-0123456789"

#define SCREEN \
	{ \
		1280, 800 \
	}

static const struct cua_point screen = SCREEN;
static const struct agent_model_config config = {
	.api = "chat", .model = "m", .api_key = SECRET, .screen = SCREEN, .cancel_fd = -1
};

/* What is fit to run has been checked against the table. */
static void check_turn(const struct agent_turn *turn)
{
	for (size_t i = 0; i < turn->call_count; i++) {
		const struct agent_call *call = &turn->calls[i];
		const cJSON *item = NULL;
		FUZZ_CHECK(call->id && call->id[0]);
		if (call->problem[0]) {
			FUZZ_CHECK(cua_utf8_check(call->problem, strlen(call->problem), NULL) ==
					CUA_OK);
			continue;
		}
		cJSON_ArrayForEach (item, call->actions) {
			struct cua_action action;
			FUZZ_CHECK(cua_action_parse(item, &screen, &action, NULL) == CUA_OK);
			cua_action_finish(&action);
		}
	}
}

/* A turn that was understood can be sent back. */
static void check_body(void *talk, const struct model_items *items)
{
	struct cua_buffer body;
	cua_buffer_init(&body, MODEL_BODY_MAX);
	FUZZ_CHECK(model_api_chat.add_turn(talk, items, NULL) == CUA_OK);
	FUZZ_CHECK(model_api_chat.add_user(talk, "go on", NULL, NULL) == CUA_OK);
	FUZZ_CHECK(model_api_chat.body(talk, &body, NULL) == CUA_OK);
	cJSON *json = cJSON_ParseWithLength(body.data, body.len);
	FUZZ_CHECK(json);
	cJSON_Delete(json);
	cua_buffer_finish(&body);
}

static void take(const struct model_items *items)
{
	void *talk = NULL;
	struct agent_turn turn;
	FUZZ_CHECK(model_api_chat.create(&config, &talk, NULL) == CUA_OK);
	if (model_api_chat.take_turn(talk, items, &turn, NULL) == CUA_OK) {
		check_turn(&turn);
		agent_turn_finish(&turn);
		check_body(talk, items);
	}
	model_api_chat.destroy(talk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct model_reply reply;
	struct cua_error err = { 0 };
	if (size < 1) {
		return 0;
	}
	const size_t piece = data[0] ? data[0] : size;
	enum cua_status status = model_reply_init(&reply, &model_api_chat, &config, &err);
	for (size_t at = 1; status == CUA_OK && at < size; at += piece) {
		const size_t len = size - at < piece ? size - at : piece;
		status = model_reply_feed((const char *)data + at, len, &reply, &err);
	}
	if (status == CUA_OK) {
		status = model_reply_close(&reply, &err);
	}
	FUZZ_CHECK(!strstr(reply.message, SECRET));
	for (size_t i = 0; i < reply.items.count; i++) {
		FUZZ_CHECK(!strstr(reply.items.texts[i], SECRET));
	}
	if (reply.end == MODEL_END_COMPLETED) {
		take(&reply.items);
	}
	model_reply_finish(&reply);
	return 0;
}
