/* A run whose model or desktop fails, and one that is interrupted. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "cua/base/util.h"
#include "tests/agent_stage.h"

/* Escapes hide it from a search of the bytes. */
static void an_answer_that_spells_the_key_is_blotted_out(void **state)
{
	struct agent_stage *stage = *state;
	stage->replies[0] = SAY("It is \\u0073k-test-0123456789.") END;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_null(strstr(stage->result.answer, KEY));
	assert_non_null(strstr(stage->result.answer, "It is "));
}

static void failed_requests_are_sent_again(void **state)
{
	struct agent_stage *stage = *state;
	stage->options.model_retries = 5;
	for (int i = 0; i < 4; i++) {
		stage->replies[i] = "{\"error\":{\"message\":\"busy\",\"code\":\"x\"}}";
	}
	stage->faults[0] =
			(struct fake_reply){ .http_status = 429, .headers = "Retry-After: 2\r\n" };
	stage->faults[1] = (struct fake_reply){ .http_status = 529 };
	stage->faults[2] = (struct fake_reply){ .http_status = 500,
		.headers = "retry-after-ms: 350\r\n" };
	stage->replies[3] = CALL("c1", CLICK) END;
	stage->cuts[3] = 40;
	stage->replies[4] = CALL("c1", CLICK) END;
	stage->replies[5] = DONE;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_int_equal(cJSON_GetArraySize(stage->asked), 6);
	assert_int_equal(agent_stage_acted(stage), 2);
	CUA_AUTO_FREE char *events = agent_stage_read(stage, "events.jsonl");
	assert_non_null(strstr(events, "\"type\":\"retry\""));
}

static void hopeless_requests_are_not(void **state)
{
	struct agent_stage *stage = *state;
	stage->options.model_retries = 5;
	stage->replies[0] = "{\"error\":{\"message\":\"Incorrect API key: " KEY
			    ", \\u0073k-test-0123456789"
			    "\",\"code\":\"invalid_api_key\"}}";
	stage->faults[0] = (struct fake_reply){ .http_status = 401 };
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_MODEL_ERROR);
	assert_int_equal(cua_agent_exit_status(&stage->result), 5);
	assert_int_equal(cJSON_GetArraySize(stage->asked), 1);
	assert_non_null(strstr(stage->result.error.msg, "401"));
	assert_null(strstr(stage->result.error.msg, KEY));
}

static void redirects_are_not_followed(void **state)
{
	struct agent_stage *stage = *state;
	stage->replies[0] = "";
	stage->faults[0] = (struct fake_reply){ .http_status = 307 };
	snprintf(stage->faults[0].headers, sizeof(stage->faults[0].headers),
			"Location: %s/responses\r\n", stage->url);
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_MODEL_ERROR);
	assert_int_equal(cJSON_GetArraySize(stage->asked), 1);
}

static void refused_parameters_are_left_out(void **state)
{
	struct agent_stage *stage = *state;
	stage->replies[0] = "{\"error\":{\"message\":\"needs store=true\",\"param\":\"store\"}}";
	stage->faults[0] = (struct fake_reply){ .http_status = 400 };
	stage->replies[1] = CALL("c1", CLICK) END;
	stage->replies[2] = "{\"error\":{\"message\":\"Unknown parameter: "
			    "'input[2].output.detail'\"}}";
	stage->faults[2] = (struct fake_reply){ .http_status = 400 };
	stage->replies[3] = DONE;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_true(cJSON_IsTrue(
			cJSON_GetObjectItem(cJSON_GetArrayItem(stage->asked, 3), "store")));
	const cJSON *output = cJSON_GetArrayItem(agent_stage_input(stage, 3), 2);
	assert_null(cJSON_GetObjectItem(cJSON_GetObjectItem(output, "output"), "detail"));
	assert_int_equal(agent_stage_acted(stage), 2);
}

static void unfinished_answers_run_nothing(void **state)
{
	struct agent_stage *stage = *state;
	stage->replies[0] = CALL("c1", CLICK) EVENT("response.incomplete",
			"\"response\":{\"status\":\"incomplete\",\"incomplete_details\":{"
			"\"reason\":\"max_output_tokens\"}}");
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_MODEL_ERROR);
	assert_non_null(strstr(stage->result.error.msg, "limit of length"));
	assert_int_equal(agent_stage_acted(stage), 1);
}

static void a_model_that_only_comments_is_an_error(void **state)
{
	struct agent_stage *stage = *state;
	stage->replies[0] = REASON END;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_MODEL_ERROR);
	assert_int_equal(cJSON_GetArraySize(stage->asked), 4);
}

static void a_lost_desktop_is_not_the_models_fault(void **state)
{
	struct agent_stage *stage = *state;
	stage->hang_up_post = 1;
	stage->replies[0] = CALL("c1", CLICK) END;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DESKTOP_ERROR);
	assert_int_equal(cua_agent_exit_status(&stage->result), 6);
	assert_int_equal(agent_stage_acted(stage),
			2); /* the click was sent once, whatever became of it */
	CUA_AUTO_FREE char *events = agent_stage_read(stage, "events.jsonl");
	assert_non_null(strstr(events, "\"uncertain\""));
}

static void a_desktop_without_a_screen_ends_the_run(void **state)
{
	struct agent_stage *stage = *state;
	stage->fail_post = 0;
	stage->fail_code = "x11";
	stage->fail_http = 503;
	stage->replies[0] = DONE;
	stage->hang_up_post = 1;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DESKTOP_ERROR);
	assert_int_equal(cJSON_GetArraySize(stage->asked), 0);
}

static void ctrl_c_interrupts_an_action(void **state)
{
	struct agent_stage *stage = *state;
	stage->cancel_post = 1;
	stage->replies[0] = CALL("c1", CLICK) END;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_INTERRUPTED);
	assert_int_equal(cua_agent_exit_status(&stage->result), 130);
	CUA_AUTO_FREE char *events = agent_stage_read(stage, "events.jsonl");
	assert_non_null(strstr(events, "\"uncertain\""));
	assert_non_null(strstr(events, "\"run_end\""));
}

static void ctrl_c_interrupts_the_waiting_for_a_retry(void **state)
{
	struct agent_stage *stage = *state;
	stage->options.model_retries = 5;
	stage->options.retry_unit = 1;
	stage->replies[0] = "{}";
	stage->faults[0] =
			(struct fake_reply){ .http_status = 503, .headers = "Retry-After: 50\r\n" };
	stage->cancel_ask = 0;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_INTERRUPTED);
	assert_int_equal(cJSON_GetArraySize(stage->asked), 1);
}

/* --- a recorded stream, cut --- */

static void a_cut_stream_runs_nothing(void **state)
{
	static const char recorded[] = REASON CALL("c1", CLICK "," TYPE) END;
	struct agent_stage *stage = *state;
	stage->replies[0] = recorded;
	/* Every byte is in test_agent_responses; here a sample goes through sockets. */
	for (size_t cut = 1; cut < strlen(recorded); cut += 41) {
		stage->cuts[0] = cut;
		cua_agent_result_finish(&stage->result);
		cua_agent_run(&stage->options, &stage->result);
		assert_int_equal(stage->result.outcome, CUA_AGENT_MODEL_ERROR);
		assert_int_equal(stage->result.actions, 0);
	}
	fake_server_stop(stage->model);
	fake_server_stop(stage->desktop);
	const cJSON *body = NULL;
	cJSON_ArrayForEach (body, stage->acted) {
		const cJSON *actions = cJSON_GetObjectItem(body, "actions");
		assert_string_equal(
				agent_stage_text(actions->child, "action"), "wait"); /* a look */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(an_answer_that_spells_the_key_is_blotted_out),
		STAGED(failed_requests_are_sent_again),
		STAGED(hopeless_requests_are_not),
		STAGED(redirects_are_not_followed),
		STAGED(refused_parameters_are_left_out),
		STAGED(unfinished_answers_run_nothing),
		STAGED(a_model_that_only_comments_is_an_error),
		STAGED(a_lost_desktop_is_not_the_models_fault),
		STAGED(a_desktop_without_a_screen_ends_the_run),
		STAGED(ctrl_c_interrupts_an_action),
		STAGED(ctrl_c_interrupts_the_waiting_for_a_retry),
		STAGED(a_cut_stream_runs_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
