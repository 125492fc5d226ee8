/* A whole answer of the Responses API, streamed or not: bytes to items to calls. The first byte
 * says how it is cut. */
#include <string.h>

#include "agent/responses_internal.h"
#include "cua/base/util.h"
#include "cua/contract/utf8.h"
#include "tests/fuzz/fuzz.h"

#define SECRET "sk-fuzz-0123456789"

static const struct cua_point screen = { 1280, 800 };

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct responses_stream stream;
	struct cua_error err = { 0 };
	enum cua_status status = CUA_OK;
	if (size < 1) {
		return 0;
	}
	const size_t piece = data[0] ? data[0] : size;
	responses_stream_init(&stream, SECRET);
	for (size_t at = 1; status == CUA_OK && at < size; at += piece) {
		const size_t len = size - at < piece ? size - at : piece;
		status = responses_stream_feed((const char *)data + at, len, &stream, &err);
	}
	if (status == CUA_OK) {
		status = responses_stream_close(&stream, &err);
	}
	FUZZ_CHECK(!strstr(stream.message, SECRET));
	for (size_t i = 0; i < stream.items.count; i++) {
		FUZZ_CHECK(!strstr(stream.items.texts[i], SECRET));
	}
	if (stream.end == RESPONSES_END_COMPLETED) {
		struct agent_turn turn;
		if (responses_turn(&stream.items, screen, &turn, &err) == CUA_OK) {
			check_turn(&turn);
			agent_turn_finish(&turn);
		}
	}
	responses_stream_finish(&stream);
	return 0;
}
