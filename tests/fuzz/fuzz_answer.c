/* A whole answer of a model API, FUZZ_API, streamed or not: bytes to parts to calls, and back into
 * the next request. The first byte says how it is cut. */
#include <string.h>

#include "agent/model/model_api.h"
#include "cua/base/util.h"
#include "cua/contract/utf8.h"
#include "tests/fuzz/fuzz.h"

#define SECRET "sk-fuzz-0123456789"

#define SCREEN \
	{ \
		1280, 800 \
	}

static const struct cua_point screen = SCREEN;
static const struct agent_model_config config = { .model = "m",
	.session = "fuzz",
	.api_key = SECRET,
	.spec = &agent_model_spec_unknown,
	.screen = SCREEN,
	.cancel_fd = -1 };

/* What is fit to run has been checked against the table. */
static void check_turn(const struct agent_turn *turn)
{
	for (size_t i = 0; i < turn->call_count; i++) {
		const struct agent_call *call = &turn->calls[i];
		const cJSON *item = NULL;
		FUZZ_CHECK(call->id);
		FUZZ_CHECK(cua_utf8_check(call->note, strlen(call->note), NULL) == CUA_OK);
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

/* What is sent back is JSON, whatever came. */
static void check_request(void *self, const struct model_items *items)
{
	CUA_AUTO_BUFFER struct cua_buffer body;
	cua_buffer_init(&body, MODEL_BODY_MAX);
	FUZZ_CHECK(FUZZ_API.add_turn(self, items, NULL) == CUA_OK);
	FUZZ_CHECK(FUZZ_API.add_user(self, "go on", NULL, NULL) == CUA_OK);
	FUZZ_CHECK(FUZZ_API.body(self, &body, NULL) == CUA_OK);
	cJSON *json = cJSON_ParseWithLength(body.data, body.len);
	FUZZ_CHECK(json);
	cJSON_Delete(json);
}

static void take_turn(const struct model_items *items)
{
	void *self = NULL;
	struct agent_turn turn;
	FUZZ_CHECK(FUZZ_API.create(&config, &self, NULL) == CUA_OK);
	if (FUZZ_API.take_turn(self, items, &turn, NULL) == CUA_OK) {
		check_turn(&turn);
		agent_turn_finish(&turn);
		check_request(self, items);
	}
	FUZZ_API.destroy(self);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct model_reply reply;
	struct cua_error err = { 0 };
	if (size < 1) {
		return 0;
	}
	const size_t piece = data[0] ? data[0] : size;
	enum cua_status status = model_reply_init(&reply, &FUZZ_API, &config, &err);
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
		take_turn(&reply.items);
	}
	model_reply_finish(&reply);
	return 0;
}
