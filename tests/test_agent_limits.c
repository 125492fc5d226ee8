#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cost.h"
#include "agent/limits.h"
#include "cua/base/util.h"
#include "tests/agent_stage.h"

static void each_limit_has_its_own_end(void **state)
{
	static const struct {
		struct agent_limits limits;
		struct agent_spent spent;
		enum agent_limit limit;
		const char *option;
	} rows[] = {
		{ { 0 }, { 1000, 1e6, 1e9, (double)NAN }, AGENT_LIMIT_NONE, "" },
		{ { .steps = 3 }, { 2, 0, 0, 0 }, AGENT_LIMIT_NONE, "" },
		{ { .steps = 3 }, { 3, 0, 0, 0 }, AGENT_LIMIT_STEPS, "--max-steps" },
		{ { .time_s = 60 }, { 0, 59.9, 0, 0 }, AGENT_LIMIT_NONE, "" },
		{ { .time_s = 60 }, { 0, 60, 0, 0 }, AGENT_LIMIT_TIME, "--max-time" },
		{ { .tokens = 1000 }, { 0, 0, 1000, 0 }, AGENT_LIMIT_TOKENS, "--max-tokens" },
		{ { .usd = 0.5 }, { 0, 0, 0, 0.49 }, AGENT_LIMIT_NONE, "" },
		{ { .usd = 0.5 }, { 0, 0, 0, 0.5 }, AGENT_LIMIT_MONEY, "--max-cost" },
		{ { .usd = 0.5 }, { 0, 0, 0, (double)NAN }, AGENT_LIMIT_MONEY, "models.json" },
	};
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct cua_error why = { 0 };
		assert_int_equal(agent_limits_check(&rows[i].limits, &rows[i].spent, &why),
				rows[i].limit);
		assert_non_null(strstr(why.msg, rows[i].option));
	}
	for (int one = AGENT_LIMIT_STEPS; one < AGENT_LIMIT_COUNT; one++) {
		for (int other = one + 1; other < AGENT_LIMIT_COUNT; other++) {
			assert_int_not_equal(agent_limit_exit((enum agent_limit)one),
					agent_limit_exit((enum agent_limit)other));
		}
	}
}

static int note(struct agent_circle *circle, const char *actions, const char *screen)
{
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(actions);
	assert_non_null(json);
	return agent_circle_note(circle, json, screen);
}

#define HERE "[{\"action\":\"click\",\"x\":1,\"y\":2}]"
#define THERE "[{\"action\":\"click\",\"x\":1,\"y\":3}]"
#define LOOK "[{\"action\":\"screenshot\"},{\"action\":\"wait\",\"duration_ms\":10}]"

static void the_same_on_the_same_screen_is_counted(void **state)
{
	struct agent_circle circle = { 0 };
	(void)state;
	assert_int_equal(note(&circle, HERE, "a"), 1);
	assert_int_equal(note(&circle, HERE, "b"), 1);
	assert_int_equal(note(&circle, THERE, "a"), 1);
	/* There and back again is a circle, too. */
	assert_int_equal(note(&circle, HERE, "a"), 2);
	assert_int_equal(note(&circle, HERE, "b"), 2);
	assert_int_equal(note(&circle, HERE, "a"), 3);
	/* To look and to wait is none. */
	for (int i = 0; i < 10; i++) {
		assert_int_equal(note(&circle, LOOK, "a"), 0);
	}
	/* What is long ago does not count. */
	for (int i = 0; i < AGENT_PAIRS_KEPT; i++) {
		char screen[16];
		snprintf(screen, sizeof(screen), "s%d", i);
		assert_int_equal(note(&circle, HERE, screen), 1);
	}
	assert_int_equal(note(&circle, HERE, "a"), 1);
}

/* What agent_cost_explain() prints; the caller owns it. */
static char *explain(const char *events)
{
	char *text = NULL;
	size_t size = 0;
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(events);
	FILE *out = open_memstream(&text, &size);
	assert_non_null(json);
	assert_non_null(out);
	agent_cost_explain(out, json);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void the_cost_is_told_by_step_and_by_kind(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *text = explain(
			"[{\"type\":\"run_start\",\"prices\":{\"input\":2,\"cached\":0.2,"
			"\"output\":10}},"
			"{\"type\":\"turn\",\"step\":1,\"cost_usd\":0.003,\"usage\":{\"input_"
			"tokens\":1000,"
			"\"output_tokens\":100}},"
			"{\"type\":\"unanswered\",\"step\":2,\"cost_usd\":0.0032,\"usage\":{"
			"\"input_"
			"tokens\":2000,"
			"\"cached_tokens\":1000,\"output_tokens\":100,\"reasoning_tokens\":60}}]");
	assert_non_null(strstr(text,
			"   2       1000       1000          0        100         60  "
			"   0.0032\n"));
	assert_non_null(strstr(text,
			" sum       2000       1000          0        200         60  "
			"   0.0062\n"));
	assert_non_null(strstr(text, "input that was new            64.5 %  $0.0040\n"));
	assert_non_null(strstr(text, "input read from the cache      3.2 %  $0.0002\n"));
	assert_non_null(strstr(text, "output, reasoning included    32.3 %  $0.0020\n"));
}

static void unknown_prices_are_not_made_up(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *text = explain(
			"[{\"type\":\"run_start\"},{\"type\":\"turn\",\"step\":1,\"usage\":{"
			"\"input_tokens\":1000,\"output_tokens\":100}}]");
	assert_non_null(strstr(text, "prices are not known"));
	assert_null(strchr(text, '$'));
}

/* --- runs that come to a limit --- */

static void check_end(const struct agent_stage *stage, enum agent_limit limit, const char *word)
{
	char member[40];
	CUA_AUTO_FREE char *events = agent_stage_read(stage, "events.jsonl");
	assert_int_equal(stage->result.outcome, CUA_AGENT_LIMIT);
	assert_int_equal(stage->result.limit, limit);
	assert_int_equal(cua_agent_exit_status(&stage->result), agent_limit_exit(limit));
	assert_non_null(strstr(stage->result.error.msg, word));
	snprintf(member, sizeof(member), "\"limit\":\"%s\"", agent_limit_name(limit));
	assert_non_null(strstr(events, member));
}

static void tokens_are_limited(void **state)
{
	struct agent_stage *stage = *state;
	stage->options.limits = (struct agent_limits){ .tokens = 250 };
	stage->replies[0] = CALL("c1", CLICK) END; /* 110 tokens each */
	agent_stage_play(stage);
	check_end(stage, AGENT_LIMIT_TOKENS, "330");
	assert_int_equal(stage->result.steps, 3);
}

static void money_is_limited(void **state)
{
	struct agent_stage *stage = *state;
	struct agent_model_spec spec = agent_model_spec_unknown;
	spec.prices.input = 100;
	spec.prices.output = 1000; /* 0.02 a turn */
	stage->options.spec = &spec;
	stage->options.limits = (struct agent_limits){ .usd = 0.05 };
	stage->replies[0] = CALL("c1", CLICK) END;
	agent_stage_play(stage);
	check_end(stage, AGENT_LIMIT_MONEY, "$0.05");
	assert_int_equal(stage->result.steps, 3);
	assert_true(stage->result.cost_usd > 0.0599 && stage->result.cost_usd < 0.0601);
}

static void money_that_cannot_be_counted_is_not_spent(void **state)
{
	struct agent_stage *stage = *state;
	stage->options.limits = (struct agent_limits){ .usd = 0.05 };
	stage->replies[0] = CALL("c1", CLICK) END;
	agent_stage_play(stage);
	check_end(stage, AGENT_LIMIT_MONEY, "prices");
	assert_int_equal(stage->result.steps, 0);
	assert_int_equal(cJSON_GetArraySize(stage->asked), 0);
}

/* The model is told when half of the repeats are used up. */
static void a_model_that_goes_in_circles_is_told_and_stopped(void **state)
{
	struct agent_stage *stage = *state;
	stage->is_still = true;
	stage->options.limits = (struct agent_limits){ .steps = 50, .repeats = 4 };
	stage->replies[0] = CALL("c1", CLICK) END;
	agent_stage_play(stage);
	check_end(stage, AGENT_LIMIT_REPEATS, "4 times");
	assert_int_equal(stage->result.steps, 5);
	assert_int_equal(stage->result.actions, 4);
	assert_non_null(strstr(agent_stage_last_words(stage, 3), "exactly this screen 3 times"));
}

/* What is said of its second call is heard after its fourth. */
static void a_turn_of_the_same_again_and_again_is_told_before_it_counts(void **state)
{
	struct agent_stage *stage = *state;
	stage->is_still = true;
	stage->options.limits = (struct agent_limits){ .steps = 50, .repeats = 2 };
	stage->replies[0] =
			CALL("c1", CLICK) CALL("c2", CLICK) CALL("c3", CLICK) CALL("c4", CLICK) END;
	stage->replies[1] = CALL("c5", CLICK) END;
	agent_stage_play(stage);
	check_end(stage, AGENT_LIMIT_REPEATS, "4 times");
	assert_int_equal(stage->result.steps, 2);
	assert_int_equal(stage->result.actions, 4);
	assert_non_null(strstr(agent_stage_last_words(stage, 1), "exactly this screen 2 times"));
}

static void errors_in_a_row_are_limited(void **state)
{
	struct agent_stage *stage = *state;
	stage->options.limits = (struct agent_limits){ .steps = 50, .errors = 3 };
	stage->replies[0] = CALL("c1", "{\"type\":\"click\",\"x\":99999,\"y\":1}") END;
	agent_stage_play(stage);
	check_end(stage, AGENT_LIMIT_ERRORS, "3 calls");
	assert_int_equal(stage->result.steps, 3);
	assert_int_equal(stage->result.actions, 0);
	CUA_AUTO_FREE char *events = agent_stage_read(stage, "events.jsonl");
	const char *last = NULL;
	for (const char *at = events; (at = strstr(at, "\"type\":\"not_run\"")); at++) {
		last = at; /* what the last one failed of is there, too */
	}
	assert_non_null(last);
	assert_non_null(strstr(last, "\"step\":3,"));
}

static void an_error_now_and_then_is_none_too_many(void **state)
{
	struct agent_stage *stage = *state;
	stage->options.limits = (struct agent_limits){ .steps = 6, .errors = 2 };
	stage->replies[0] = CALL("c1", "{\"type\":\"click\",\"x\":99999,\"y\":1}") END;
	stage->replies[1] = CALL("c2", CLICK) END;
	stage->replies[2] = CALL("c3", "{\"type\":\"click\",\"x\":99999,\"y\":1}") END;
	stage->replies[3] = CALL("c4", CLICK) END;
	stage->replies[4] = DONE;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
}

/* A server that takes tokens back, or counts more than there can be, would undo every limit. */
static void usage_that_is_none_ends_the_run(void **state)
{
	static const char *const counts[] = { "-1000000", "1e300", "1e999" };
	struct agent_stage *stage = *state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(counts); i++) {
		char reply[2048];
		snprintf(reply, sizeof(reply),
				"%sdata: {\"type\":\"response.completed\",\"response\":{\"status\":"
				"\"completed\",\"usage\":{\"input_tokens\":100,\"output_tokens\":%"
				"s}"
				"}}\n\n",
				CALL("c1", CLICK), counts[i]);
		if (i > 0) {
			agent_stage_tear_down(state);
			agent_stage_set_up(state);
			stage = *state;
		}
		stage->options.limits = (struct agent_limits){ .tokens = 250 };
		stage->replies[0] = reply;
		agent_stage_play(stage);
		assert_int_equal(stage->result.outcome, CUA_AGENT_MODEL_ERROR);
		assert_non_null(strstr(stage->result.error.msg, "tokens"));
		assert_int_equal(cJSON_GetArraySize(stage->asked), 1);
		assert_int_equal(stage->result.actions, 0);
	}
}

/* A turn that failed for good was paid for, and shows in the figures and in the journal. */
static void what_a_failed_request_cost_is_counted(void **state)
{
	struct agent_stage *stage = *state;
	stage->replies[0] = CALL("c1", CLICK) END;
	stage->replies[1] = EVENT("response.failed",
			"\"response\":{\"status\":\"failed\",\"error\":{\"code\":\"invalid_"
			"prompt\"},"
			"\"usage\":{\"input_tokens\":100,\"output_tokens\":7}}");
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_MODEL_ERROR);
	assert_int_equal((int)stage->result.usage.output_tokens, 17);
	CUA_AUTO_FREE char *events = agent_stage_read(stage, "events.jsonl");
	const char *event = strstr(events, "\"type\":\"unanswered\"");
	assert_non_null(event);
	assert_non_null(strstr(event, "invalid_prompt"));
	assert_non_null(strstr(event, "\"spent\":{\"tokens\":217"));
}

/* Each call of an answer is answered with a picture, so an answer of a million would be too much to
 * hold, and none of them is run. */
static void an_answer_of_too_many_calls_is_none(void **state)
{
	struct agent_stage *stage = *state;
	char *reply = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&reply, &size);
	assert_non_null(out);
	for (int i = 0; i <= 1024; i++) {
		fprintf(out,
				"data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":"
				"\"computer_call\",\"call_id\":\"c%d\",\"status\":\"completed\","
				"\"actions\":[" CLICK "]}}\n\n",
				i);
	}
	fputs(END, out);
	assert_int_equal(fclose(out), 0);
	stage->replies[0] = reply;
	agent_stage_play(stage);
	free(reply);
	assert_int_equal(stage->result.outcome, CUA_AGENT_MODEL_ERROR);
	assert_non_null(strstr(stage->result.error.msg, "over 1024 calls"));
	assert_int_equal(stage->result.actions, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_limit_has_its_own_end),
		cmocka_unit_test(the_same_on_the_same_screen_is_counted),
		cmocka_unit_test(the_cost_is_told_by_step_and_by_kind),
		cmocka_unit_test(unknown_prices_are_not_made_up),
		STAGED(tokens_are_limited),
		STAGED(money_is_limited),
		STAGED(money_that_cannot_be_counted_is_not_spent),
		STAGED(a_model_that_goes_in_circles_is_told_and_stopped),
		STAGED(a_turn_of_the_same_again_and_again_is_told_before_it_counts),
		STAGED(usage_that_is_none_ends_the_run),
		STAGED(what_a_failed_request_cost_is_counted),
		STAGED(an_answer_of_too_many_calls_is_none),
		STAGED(errors_in_a_row_are_limited),
		STAGED(an_error_now_and_then_is_none_too_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
