#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/model/model_api.h"
#include "agent/run_print.h"
#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/agent_stage.h"

/* --- runs --- */

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
	assert_int_equal(stage->lease_asked, 2);
	assert_int_equal(agent_stage_acted(stage), 3);
	assert_non_null(strstr(agent_stage_last_words(stage, 1), "A person took over"));
	assert_non_null(strstr(agent_stage_last_words(stage, 1), "typed for 12 s"));
	assert_string_equal(agent_stage_text(cJSON_GetArrayItem(agent_stage_input(stage, 1), 2),
					    "type"),
			"computer_call_output");
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

/* --- what people see --- */

static void print(const cJSON *event, void *user_data)
{
	agent_print_event(user_data, event);
}

static void print_words(const char *words, void *user_data)
{
	agent_print_words(user_data, words);
}

#define DELTA(text) EVENT("response.output_text.delta", "\"delta\":\"" text "\"")
#define DELTAS_END EVENT("response.output_text.done", "\"text\":\"\"")

static void words_are_printed_once_as_they_come(void **state)
{
	struct agent_stage *stage = *state;
	CUA_AUTO_FREE char *text = NULL;
	size_t len = 0;
	struct agent_printer printer;
	agent_printer_init(&printer, open_memstream(&text, &len), false);
	stage->options.on_event = print;
	stage->options.on_words = print_words;
	stage->options.user_data = &printer;
	stage->options.approve = NULL;
	stage->replies[0] = DELTA("I \\u001b[31mcl") DELTA("ick.\\nNow.")
			DELTAS_END SAY("I \\u001b[31mclick.\\nNow.") CALL("c1", CLICK) END;
	stage->replies[1] = SAY("Said whole.") CALL("c2", CLICK) END;
	stage->replies[2] = DELTA("All ") DELTA("done.") DELTAS_END DONE;
	agent_stage_play(stage);
	agent_print_result(&printer, &stage->result, printer.out);
	fclose(printer.out);
	agent_printer_finish(&printer);
	assert_non_null(strstr(text, "\n  1  I click.\n     Now.\n     model 0."));
	assert_non_null(strstr(text, "s  click at 412, 230  desktop 0."));
	assert_non_null(strstr(text, "\n  2  model 0."));
	assert_non_null(strstr(text, "s  \xe2\x80\x9cSaid whole.\xe2\x80\x9d  click at"));
	assert_non_null(strstr(text, "\n  3  All done.\n     model 0."));
	assert_non_null(strstr(text, "s  answers\n\ndone: 3 steps"));
	assert_null(strstr(strstr(text, "All done.") + 1, "All done."));
}

/* What an API streams and what it says of the turn need not be the same. */
static void only_words_that_did_not_come_are_printed(void **state)
{
	struct agent_stage *stage = *state;
	CUA_AUTO_FREE char *text = NULL;
	size_t len = 0;
	struct agent_printer printer;
	agent_printer_init(&printer, open_memstream(&text, &len), false);
	stage->options.on_event = print;
	stage->options.on_words = print_words;
	stage->options.user_data = &printer;
	stage->replies[0] = DELTA("Came ") DELTA("first.") DELTAS_END SAY("Came first.")
			SAY("Not yet.") CALL("c1", CLICK) END;
	stage->replies[1] = DONE;
	agent_stage_play(stage);
	fclose(printer.out);
	agent_printer_finish(&printer);
	assert_non_null(strstr(text, "\n  1  Came first.\n     model 0."));
	assert_non_null(strstr(text, "s  \xe2\x80\x9cNot yet.\xe2\x80\x9d  click at"));
}

static void steps_are_printed_a_line_each(void **state)
{
	struct agent_stage *stage = *state;
	CUA_AUTO_FREE char *text = NULL;
	size_t len = 0;
	struct agent_printer printer;
	agent_printer_init(&printer, open_memstream(&text, &len), false);
	stage->options.on_event = print;
	stage->options.user_data = &printer;
	stage->options.approve = NULL;
	stage->replies[0] = SAY("\\u001b[31mI click.\\nNow.") CALL("c1", CLICK "," TYPE) END;
	stage->replies[1] = DONE;
	agent_stage_play(stage);
	agent_print_result(&printer, &stage->result, printer.out);
	fclose(printer.out);
	agent_printer_finish(&printer);
	assert_null(strchr(text, '\x1b'));
	assert_non_null(strstr(text,
			"\xe2\x80\x9cI click. Now.\xe2\x80\x9d  click at 412, 230, then "
			"type \xe2\x80\x9chello\xe2\x80\x9d  desktop 0."));
	assert_non_null(strstr(text, "\nAll done.\n"));
	assert_non_null(strstr(text, "done: 2 steps, 2 actions"));
	assert_non_null(strstr(text, "/report.html\n"));
}

/* What went before is not lost: how to go on is said, and with which limit raised. */
static void the_way_on_is_printed(void **state)
{
	struct agent_stage *stage = *state;
	static const struct {
		enum cua_agent_outcome outcome;
		enum agent_limit limit;
		const char *line; /* NULL: none */
	} rows[] = {
		{ CUA_AGENT_LIMIT, AGENT_LIMIT_STEPS,
				"to go on: cua run --resume r1 --max-steps N\n" },
		{ CUA_AGENT_LIMIT, AGENT_LIMIT_MONEY,
				"to go on: cua run --resume r1 --max-cost USD\n" },
		{ CUA_AGENT_LIMIT, AGENT_LIMIT_REPEATS, "to go on: cua run --resume r1\n" },
		{ CUA_AGENT_MODEL_ERROR, AGENT_LIMIT_NONE, "to go on: cua run --resume r1\n" },
		{ CUA_AGENT_INTERRUPTED, AGENT_LIMIT_NONE, "to go on: cua run --resume r1\n" },
		{ CUA_AGENT_DONE, AGENT_LIMIT_NONE, NULL },
		{ CUA_AGENT_GAVE_UP, AGENT_LIMIT_NONE, NULL },
		{ CUA_AGENT_STOPPED, AGENT_LIMIT_NONE, NULL },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		CUA_AUTO_FREE char *text = NULL;
		size_t len = 0;
		char run_dir[] = "/state/runs/r1";
		struct agent_printer printer;
		const struct cua_agent_result result = {
			.outcome = rows[i].outcome, .limit = rows[i].limit, .run_dir = run_dir
		};
		agent_printer_init(&printer, open_memstream(&text, &len), false);
		agent_print_result(&printer, &result, printer.out);
		fclose(printer.out);
		agent_printer_finish(&printer);
		assert_true(rows[i].line ? strstr(text, rows[i].line) != NULL
					 : strstr(text, "to go on") == NULL);
	}
	stage->replies[0] = DONE;
	agent_stage_play(stage);
}

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
#define TEST(name) cmocka_unit_test_setup_teardown(name, agent_stage_set_up, agent_stage_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_zoomed_picture_answers_its_call_alone),
		TEST(a_paused_model_is_asked_to_go_on),
		TEST(one_that_pauses_without_end_is_an_error),
		TEST(a_task_is_carried_out),
		TEST(an_unchanged_screen_is_sent_again),
		TEST(a_model_may_have_pictures_without_the_pointer),
		TEST(functions_are_answered_with_text_and_picture),
		TEST(giving_up_ends_the_run),
		TEST(a_refusal_ends_the_run),
		TEST(steps_are_limited),
		TEST(time_is_limited),
		TEST(a_failed_action_is_told_to_the_model),
		TEST(one_bad_call_and_none_is_run),
		TEST(a_capped_scroll_is_told_to_the_model),
		TEST(a_person_is_waited_for),
		TEST(consent_lets_a_call_go_on),
		TEST(without_consent_nothing_runs),
		TEST(a_refused_call_with_checks_needs_consent_too),
		TEST(an_answer_that_spells_the_key_is_blotted_out),
		TEST(failed_requests_are_sent_again),
		TEST(hopeless_requests_are_not),
		TEST(redirects_are_not_followed),
		TEST(refused_parameters_are_left_out),
		TEST(unfinished_answers_run_nothing),
		TEST(a_model_that_only_comments_is_an_error),
		TEST(a_lost_desktop_is_not_the_models_fault),
		TEST(a_desktop_without_a_screen_ends_the_run),
		TEST(ctrl_c_interrupts_an_action),
		TEST(ctrl_c_interrupts_the_waiting_for_a_retry),
		TEST(steps_are_printed_a_line_each),
		TEST(the_way_on_is_printed),
		TEST(words_are_printed_once_as_they_come),
		TEST(only_words_that_did_not_come_are_printed),
		TEST(a_cut_stream_runs_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
