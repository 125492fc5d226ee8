/* What an open GUI model wrote, in each grammar: text to checked actions. The first byte chooses
 * the grammar and the coordinates. */
#include <stdlib.h>
#include <string.h>

#include "agent/model/chat_profile.h"
#include "cua/base/util.h"
#include "cua/contract/utf8.h"
#include "tests/fuzz/fuzz.h"

static const char *const names[] = { "ui-tars", "qwen3-vl", "fara", "opencua", "holo3" };

static void check_said(const struct chat_said *said, const struct cua_point *screen)
{
	const cJSON *item = NULL;
	FUZZ_CHECK(cua_utf8_check(said->note, strlen(said->note), NULL) == CUA_OK);
	cJSON_ArrayForEach (item, said->actions) {
		struct cua_action action;
		FUZZ_CHECK(cua_action_parse(item, screen, &action, NULL) == CUA_OK);
		cua_action_finish(&action);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1) {
		return 0;
	}
	char *text = strndup((const char *)data + 1, size - 1);
	FUZZ_CHECK(text);
	/* A message has been parsed as JSON, so it is UTF-8. */
	if (cua_utf8_check(text, strlen(text), NULL) == CUA_OK) {
		const struct chat_profile *profile = NULL;
		struct agent_model_spec spec = agent_model_spec_unknown;
		struct chat_said said = { .actions = cJSON_CreateArray() };
		struct cua_error why = { 0 };
		struct chat_space space;
		FUZZ_CHECK(chat_profile_find(names[data[0] % CUA_ARRAY_LEN(names)], &profile,
					   NULL) == CUA_OK);
		spec.coordinates = (enum agent_coordinates)(data[0] / 8 % 4);
		spec.images.multiple = 28;
		chat_space_init(&space, &spec, (struct cua_point){ 1280, 800 });
		if (profile->read(text, &space, &said, &why) == CUA_OK) {
			check_said(&said, &space.screen);
		} else {
			FUZZ_CHECK(why.msg[0]);
			FUZZ_CHECK(cua_utf8_check(why.msg, strlen(why.msg), NULL) == CUA_OK);
		}
		chat_said_finish(&said);
	}
	free(text);
	return 0;
}
