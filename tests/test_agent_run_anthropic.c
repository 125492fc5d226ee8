/* Runs over Anthropic Messages: what a run over Responses has not. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "agent/agent.h"
#include "agent/model/model_api.h"
#include "cua/base/util.h"
#include "tests/agent_stage.h"

/* In the spelling of Anthropic Messages. */
#define BLOCK(block) \
	EVENT("content_block_start", "\"index\":0,\"content_block\":" block) \
	EVENT("content_block_stop", "\"index\":0")
#define MEMBER(id, name, input) \
	BLOCK("{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" name \
	      "\",\"toolset_name\":\"computer\",\"input\":" input "}")
#define STOP(reason) \
	EVENT("message_delta", "\"delta\":{\"stop_reason\":\"" reason "\"}") \
	EVENT("message_stop", "\"x\":0")

static const cJSON *result_of(const struct agent_stage *stage, int request, int message, int result)
{
	const cJSON *messages =
			cJSON_GetObjectItem(cJSON_GetArrayItem(stage->asked, request), "messages");
	return cJSON_GetArrayItem(
			cJSON_GetObjectItem(cJSON_GetArrayItem(messages, message), "content"),
			result);
}

static const char *picture_of(const cJSON *result)
{
	const cJSON *part = NULL;
	cJSON_ArrayForEach (part, cJSON_GetObjectItem(result, "content")) {
		const char *type = agent_stage_text(part, "type");
		if (strcmp(type, "image") == 0) {
			return agent_stage_text(cJSON_GetObjectItem(part, "source"), "data");
		}
	}
	return "";
}

/* A picture of a part of the screen answers the call that asked for it, and is not taken
 * for the screen. */
static void a_zoomed_picture_answers_its_call_alone(void **state)
{
	struct agent_stage *stage = *state;
	stage->options.api = "anthropic";
	stage->is_still = true;
	stage->replies[0] = MEMBER("a", "zoom", "{\"region\":[0,0,200,100]}")
			MEMBER("b", "screenshot", "{}") STOP("tool_use");
	stage->replies[1] = MEMBER("c", "left_click", "{\"coordinate\":[1,2]}") STOP("tool_use");
	stage->replies[2] = BLOCK("{\"type\":\"text\",\"text\":\"All done.\"}") STOP("end_turn");
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_string_equal(picture_of(result_of(stage, 1, 2, 0)), agent_stage_zoomed);
	assert_string_equal(picture_of(result_of(stage, 1, 2, 1)), agent_stage_pictures[0]);
	/* The screen is the one that the model has seen last, and is not sent again. */
	CUA_AUTO_FREE char *same = cJSON_PrintUnformatted(result_of(stage, 2, 4, 0));
	assert_non_null(strstr(same, model_unchanged));
	assert_string_equal(picture_of(result_of(stage, 2, 4, 0)), "");
	const cJSON *action = cJSON_GetArrayItem(
			cJSON_GetObjectItem(cJSON_GetArrayItem(stage->acted, 1), "actions"), 0);
	assert_string_equal(agent_stage_text(action, "action"), "screenshot");
	assert_int_equal(cJSON_GetObjectItem(action, "width")->valueint, 1280);
}

#define PAUSE BLOCK("{\"type\":\"text\",\"text\":\"I go on.\"}") STOP("pause_turn")

/* Nothing is said to a model that is in the middle of its turn. */
static void a_paused_model_is_asked_to_go_on(void **state)
{
	struct agent_stage *stage = *state;
	stage->options.api = "anthropic";
	stage->replies[0] = stage->replies[1] = PAUSE;
	stage->replies[2] = BLOCK("{\"type\":\"text\",\"text\":\"All done.\"}") STOP("end_turn");
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_string_equal(stage->result.answer, "All done.");
	const cJSON *messages =
			cJSON_GetObjectItem(cJSON_GetArrayItem(stage->asked, 2), "messages");
	assert_int_equal(cJSON_GetArraySize(messages), 3);
	assert_string_equal(agent_stage_text(cJSON_GetArrayItem(messages, 2), "role"), "assistant");
}

static void one_that_pauses_without_end_is_an_error(void **state)
{
	struct agent_stage *stage = *state;
	stage->options.api = "anthropic";
	stage->options.limits.steps = 0;
	stage->replies[0] = PAUSE;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_MODEL_ERROR);
	assert_non_null(strstr(stage->result.error.msg, "paused"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(a_zoomed_picture_answers_its_call_alone),
		STAGED(a_paused_model_is_asked_to_go_on),
		STAGED(one_that_pauses_without_end_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
