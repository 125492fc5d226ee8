#include "tests/gemini_talk.h"

#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

const struct agent_model_config gemini_config = { .api = "gemini",
	.model = "gemini-3.8-flash",
	.base_url = "http://127.0.0.1/v1beta",
	.api_key = REPLY_KEY,
	.session = "run-1",
	.spec = &agent_model_spec_unknown,
	.screen = { 1280, 800 },
	.cancel_fd = -1 };

void *open_talk(const struct agent_model_config *with)
{
	void *talk = NULL;
	assert_int_equal(model_api_gemini.create(with, &talk, NULL), CUA_OK);
	return talk;
}

struct agent_turn turn_of(void *talk, const char *parts)
{
	struct model_items items = { 0 };
	struct agent_turn turn = { 0 };
	struct cua_error why = { 0 };
	CUA_AUTO_FREE char *json = quoted(parts);
	struct agent_json_span list = { json, strlen(json) }, item;
	size_t at = 0;
	while (agent_json_element(list, &at, &item)) {
		assert_int_equal(model_items_add(&items, item.at, item.len, NULL), CUA_OK);
	}
	if (model_api_gemini.take_turn(talk, &items, &turn, &why) != CUA_OK ||
			model_api_gemini.add_turn(talk, &items, &why) != CUA_OK) {
		fail_msg("%s: %s", parts, why.msg);
	}
	model_items_finish(&items);
	return turn;
}
