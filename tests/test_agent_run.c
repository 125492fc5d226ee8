/* What a run does: turns, answers, limits, persons and consent. */

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

static bool draws_pointer(const struct agent_stage *stage)
{
	const cJSON *body = cJSON_GetArrayItem(stage->acted, 0);
	return cJSON_IsTrue(
			cJSON_GetObjectItem(cJSON_GetObjectItem(body, "screenshot"), "pointer"));
}

static void a_task_is_carried_out(void **state)
{
	struct agent_stage *stage = *state;
	stage->replies[0] = REASON CALL("c1", CLICK "," TYPE) END;
	stage->replies[1] = DONE;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_string_equal(stage->result.answer, "All done.");
	assert_int_equal(stage->result.steps, 2);
	assert_int_equal(stage->result.actions, 2);
	assert_true(stage->result.usage.input_tokens > 199);
	assert_string_equal(stage->authorization, "Bearer " KEY);
	assert_int_equal(agent_stage_acted(stage),
			2); /* a look, then the whole call in one request */

	assert_true(draws_pointer(stage));
	const cJSON *input = agent_stage_input(stage, 1);
	assert_int_equal(cJSON_GetArraySize(input), 4);
	assert_string_equal(agent_stage_text(cJSON_GetArrayItem(input, 0), "role"), "user");
	assert_string_equal(agent_stage_text(cJSON_GetArrayItem(input, 1), "encrypted_content"),
			"gAAAA");
	assert_string_equal(
			agent_stage_text(cJSON_GetArrayItem(input, 2), "type"), "computer_call");
	const cJSON *output = cJSON_GetArrayItem(input, 3);
	assert_string_equal(agent_stage_text(output, "type"), "computer_call_output");
	assert_string_equal(agent_stage_text(output, "call_id"), "c1");
	assert_string_equal(agent_stage_text(cJSON_GetObjectItem(output, "output"), "image_url") +
					strlen("data:image/png;base64,"),
			agent_stage_pictures[1]);

	const cJSON *posted = cJSON_GetArrayItem(stage->acted, 1);
	CUA_AUTO_FREE char *actions =
			cJSON_PrintUnformatted(cJSON_GetObjectItem(posted, "actions"));
	assert_string_equal(actions,
			"[{\"action\":\"click\",\"button\":\"left\",\"x\":412,\"y\":230},"
			"{\"action\":\"type\",\"text\":\"hello\"}]");
	CUA_AUTO_FREE char *events = agent_stage_read(stage, "events.jsonl");
	const char *intent = strstr(events, "\"intent\""), *result = strstr(events, "\"result\"");
	assert_true(intent && result && intent < result);
}

static void an_unchanged_screen_is_sent_again(void **state)
{
	struct agent_stage *stage = *state;
	stage->is_still = true;
	stage->replies[0] = CALL("c1", "{\"type\":\"screenshot\"}") END;
	stage->replies[1] = DONE;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	const cJSON *output = cJSON_GetArrayItem(agent_stage_input(stage, 1), 2);
	assert_non_null(strstr(agent_stage_text(cJSON_GetObjectItem(output, "output"), "image_url"),
			agent_stage_pictures[0]));
}

static void a_model_may_have_pictures_without_the_pointer(void **state)
{
	struct agent_stage *stage = *state;
	struct agent_model_spec spec = agent_model_spec_unknown;
	spec.images.without_pointer = true;
	stage->options.spec = &spec;
	stage->replies[0] = DONE;
	agent_stage_play(stage);
	assert_false(draws_pointer(stage));
}

static void functions_are_answered_with_text_and_picture(void **state)
{
	struct agent_stage *stage = *state;
	stage->replies[0] = FUNCTION("f1", "clipboard_get", "{}") CALL("c1", CLICK) END;
	stage->replies[1] = DONE;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_int_equal(agent_stage_acted(stage), 3);
	const cJSON *output = cJSON_GetArrayItem(agent_stage_input(stage, 1), 3);
	assert_string_equal(agent_stage_text(output, "type"), "function_call_output");
	const cJSON *parts = cJSON_GetObjectItem(output, "output");
	assert_string_equal(agent_stage_text(cJSON_GetArrayItem(parts, 0), "text"),
			"{\"action\":\"clipboard_get\",\"status\":\"delivered\"}");
	assert_string_equal(agent_stage_text(cJSON_GetArrayItem(parts, 1), "type"), "input_image");
	assert_string_equal(agent_stage_text(cJSON_GetArrayItem(agent_stage_input(stage, 1), 4),
					    "call_id"),
			"c1");
}

static void giving_up_ends_the_run(void **state)
{
	struct agent_stage *stage = *state;
	stage->replies[0] = CALL("c1", CLICK)
			FUNCTION("f1", "give_up", "{\\\"reason\\\":\\\"no network\\\"}") END;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_GAVE_UP);
	assert_int_equal(cua_agent_exit_status(&stage->result), 3);
	assert_string_equal(stage->result.answer, "no network");
	assert_int_equal(agent_stage_acted(stage), 1);
}

static void a_refusal_ends_the_run(void **state)
{
	struct agent_stage *stage = *state;
	stage->replies[0] = ITEM("{\"type\":\"message\",\"content\":[{\"type\":\"refusal\","
				 "\"refusal\":\"I will not.\"}]}") END;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_GAVE_UP);
	assert_string_equal(stage->result.answer, "I will not.");
}

static void steps_are_limited(void **state)
{
	struct agent_stage *stage = *state;
	stage->options.limits.steps = 3;
	stage->replies[0] = CALL("c1", CLICK) END;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_LIMIT);
	assert_int_equal(cua_agent_exit_status(&stage->result), 10);
	assert_int_equal(stage->result.steps, 3);
	assert_int_equal(cJSON_GetArraySize(stage->asked), 3);
}

static void time_is_limited(void **state)
{
	struct agent_stage *stage = *state;
	stage->options.limits = (struct agent_limits){ .time_s = 1 };
	stage->replies[0] = CALL("c1", CLICK) END;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_LIMIT);
	assert_int_equal(stage->result.limit, AGENT_LIMIT_TIME);
	assert_int_equal(cua_agent_exit_status(&stage->result), 11);
	assert_non_null(strstr(stage->result.error.msg, "1 seconds"));
}

static void a_failed_action_is_told_to_the_model(void **state)
{
	struct agent_stage *stage = *state;
	stage->fail_post = 1;
	stage->fail_code = "application";
	stage->fail_http = 502;
	stage->replies[0] = CALL("c1", CLICK) CALL("c2", TYPE) END;
	stage->replies[1] = DONE;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_int_equal(agent_stage_acted(stage),
			3); /* look, the failed call, a look for its answer */
	assert_non_null(strstr(agent_stage_last_words(stage, 1), "Action 0"));
	assert_non_null(strstr(agent_stage_last_words(stage, 1), "it did not work"));
	assert_non_null(strstr(agent_stage_last_words(stage, 1),
			"Call c2: not run, because a call before it failed"));
	assert_string_equal(agent_stage_text(cJSON_GetArrayItem(agent_stage_input(stage, 1), 3),
					    "call_id"),
			"c1");
	assert_string_equal(agent_stage_text(cJSON_GetArrayItem(agent_stage_input(stage, 1), 4),
					    "call_id"),
			"c2");
}

static void one_bad_call_and_none_is_run(void **state)
{
	struct agent_stage *stage = *state;
	stage->replies[0] =
			CALL("c1", CLICK) CALL("c2", "{\"type\":\"move\",\"x\":1280,\"y\":0}") END;
	stage->replies[1] = DONE;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_int_equal(agent_stage_acted(stage), 1);
	assert_non_null(strstr(agent_stage_last_words(stage, 1),
			"Call c1: not run, because another call"));
	assert_non_null(strstr(agent_stage_last_words(stage, 1), "0 to 1279"));
	assert_int_equal(cJSON_GetArraySize(agent_stage_input(stage, 1)), 6);
}

static void a_capped_scroll_is_told_to_the_model(void **state)
{
	struct agent_stage *stage = *state;
	stage->replies[0] = CALL("c1",
			"{\"type\":\"scroll\",\"x\":1,\"y\":1,\"scroll_x\":0,"
			"\"scroll_y\":9999}") END;
	stage->replies[1] = DONE;
	agent_stage_play(stage);
	assert_non_null(strstr(agent_stage_last_words(stage, 1), "shortened to 30"));
}

static void a_person_is_waited_for(void **state)
{
	struct agent_stage *stage = *state;
	stage->fail_post = 1;
	stage->fail_code = "person";
	stage->fail_http = 423;
	stage->replies[0] = CALL("c1", CLICK) END;
	stage->replies[1] = DONE;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_int_equal(stage->lease_waits, 1);
	assert_int_equal(agent_stage_acted(stage), 3);
	assert_non_null(strstr(agent_stage_last_words(stage, 1), "A person took over"));
	assert_non_null(strstr(agent_stage_last_words(stage, 1), "typed for 12 s"));
	assert_string_equal(agent_stage_text(cJSON_GetArrayItem(agent_stage_input(stage, 1), 2),
					    "type"),
			"computer_call_output");
}

/* Looking is the agent's work, too, and costs. */
static void nothing_is_looked_at_while_a_person_has_it(void **state)
{
	struct agent_stage *stage = *state;
	stage->take_ask = 0;
	stage->replies[0] = CALL("c1", "{\"type\":\"wait\"},{\"type\":\"screenshot\"}") END;
	stage->replies[1] = DONE;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_int_equal(stage->lease_waits, 1);
	assert_int_equal(agent_stage_acted(stage), 2); /* a look before and one after */
	assert_non_null(strstr(agent_stage_last_words(stage, 1), "A person took over"));
	assert_non_null(strstr(agent_stage_last_words(stage, 1), "typed for 12 s"));
}

static void the_time_of_a_person_is_not_the_runs(void **state)
{
	struct agent_stage *stage = *state;
	const uint64_t begun_us = cua_now_us();
	stage->fail_post = 1;
	stage->fail_code = "person";
	stage->fail_http = 423;
	stage->lease_ms = 1000;
	stage->options.limits = (struct agent_limits){ .time_s = 600 };
	stage->replies[0] = CALL("c1", CLICK) END;
	stage->replies[1] = DONE;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_true((double)(cua_now_us() - begun_us) / 1000.0 >=
			stage->result.ms + stage->lease_ms);
}

#define CHECKED_CALL_OF(action) \
	ITEM("{\"type\":\"computer_call\",\"call_id\":\"c1\",\"pending_safety_checks\":[{\"id\":" \
	     "\"sc1\",\"code\":\"x\",\"message\":\"m\"}],\"actions\":[" action "]}") \
	END
#define CHECKED_CALL CHECKED_CALL_OF(CLICK)

static void consent_lets_a_call_go_on(void **state)
{
	struct agent_stage *stage = *state;
	stage->says_yes = true;
	stage->replies[0] = CHECKED_CALL;
	stage->replies[1] = DONE;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	const cJSON *output = cJSON_GetArrayItem(agent_stage_input(stage, 1), 2);
	const cJSON *checks = cJSON_GetObjectItem(output, "acknowledged_safety_checks");
	assert_string_equal(agent_stage_text(cJSON_GetArrayItem(checks, 0), "id"), "sc1");
}

static void without_consent_nothing_runs(void **state)
{
	struct agent_stage *stage = *state;
	stage->replies[0] = CHECKED_CALL;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_STOPPED);
	assert_int_equal(cua_agent_exit_status(&stage->result), 7);
	assert_int_equal(agent_stage_acted(stage), 1);
}

/* Its answer would acknowledge them, though it is not run. */
static void a_refused_call_with_checks_needs_consent_too(void **state)
{
	struct agent_stage *stage = *state;
	stage->replies[0] = CHECKED_CALL_OF("{\"type\":\"click\",\"x\":99999,\"y\":1}");
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_STOPPED);
	assert_int_equal(cJSON_GetArraySize(stage->asked), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(a_task_is_carried_out),
		STAGED(an_unchanged_screen_is_sent_again),
		STAGED(a_model_may_have_pictures_without_the_pointer),
		STAGED(functions_are_answered_with_text_and_picture),
		STAGED(giving_up_ends_the_run),
		STAGED(a_refusal_ends_the_run),
		STAGED(steps_are_limited),
		STAGED(time_is_limited),
		STAGED(a_failed_action_is_told_to_the_model),
		STAGED(one_bad_call_and_none_is_run),
		STAGED(a_capped_scroll_is_told_to_the_model),
		STAGED(a_person_is_waited_for),
		STAGED(nothing_is_looked_at_while_a_person_has_it),
		STAGED(the_time_of_a_person_is_not_the_runs),
		STAGED(consent_lets_a_call_go_on),
		STAGED(without_consent_nothing_runs),
		STAGED(a_refused_call_with_checks_needs_consent_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
