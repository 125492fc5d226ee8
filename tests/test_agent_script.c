/* Scripts whose actions a run judges one by one, on a desktop that asks as it is told to; and what
 * the time of a run ends there. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "tests/agent_stage.h"

#define PYTHON FUNCTION("c1", "python", "{\\\"code\\\":\\\"1\\\"}") END
#define RESTARTED "{\"content\":[],\"is_error\":false}"
#define SAID "{\"content\":[{\"type\":\"text\",\"text\":\"done\"}],\"is_error\":false}"
#define ACT(number, actions) "{\"act\":{\"number\":" #number ",\"actions\":[" actions "]}}"
#define MOVE "{\"action\":\"move\",\"x\":1,\"y\":2}"
#define WRITE "{\"action\":\"type\",\"text\":\"x\"}"
#define FOCUS "{\"action\":\"focus_window\",\"window\":7}"
#define LOOK "{\"action\":\"screenshot\"}"

static struct agent_policy *policy;

/* A run that calls python, and the answers of the desktop to that, behind that of the restart. */
static void play(struct agent_stage *stage, const char *rules, const char *const *answers)
{
	char text[1000];
	struct cua_error why = { 0 };
	snprintf(text, sizeof(text),
			"include: default\nrules:\n%s- allow: python\n  when: {tool: "
			"python}\n",
			rules);
	if (agent_policy_parse("p", text, strlen(text), &policy, &why) != CUA_OK) {
		fail_msg("%s", why.msg);
	}
	stage->options.policy = policy;
	stage->options.tools = "python";
	stage->tool_answers[0] = RESTARTED;
	for (size_t i = 0; answers[i]; i++) {
		stage->tool_answers[i + 1] = answers[i];
	}
	stage->replies[0] = PYTHON;
	stage->replies[1] = DONE;
	agent_stage_play(stage);
}

static int tear_down(void **state)
{
	const int status = agent_stage_tear_down(state);
	agent_policy_destroy(policy);
	policy = NULL;
	return status;
}

/* What the desktop was told of an act, the first is 0. */
static void expect_word(const struct agent_stage *stage, int number, const char *wanted)
{
	const cJSON *body = cJSON_GetArrayItem(stage->tool_bodies, number + 2);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(body);
	if (!text || strncmp(text, wanted, strlen(wanted)) != 0) {
		fail_msg("not '%s' but %s", wanted, text ? text : "nothing");
	}
}

static bool has_event(const struct agent_stage *stage, const char *part)
{
	CUA_AUTO_FREE char *events = agent_stage_read(stage, "events.jsonl");
	return strstr(events, part) != NULL;
}

/* --- judging --- */

static void leave_and_refusal_are_said(void **state)
{
	struct agent_stage *stage = *state;
	play(stage, "- deny: typing\n  when: {action: type}\n",
			(const char *const[]){ ACT(4, MOVE), ACT(5, MOVE "," WRITE), SAID, NULL });
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	expect_word(stage, 0, "{\"number\":4,\"allowed\":true}");
	expect_word(stage, 1,
			"{\"number\":5,\"allowed\":false,\"reason\":\"Not run: the policy's rule "
			"\\\"typing\\\" does not allow it.");
}

/* Not a caller's mistake, and nothing to guess at. */
static void an_act_that_says_nothing_ends_the_run(void **state)
{
	static const char *const acts[] = { "{\"act\":{\"number\":4}}", ACT(4, ""),
		"{\"act\":{\"number\":4,\"actions\":7}}", "{\"act\":true}" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(acts); i++) {
		if (i > 0) {
			tear_down(state);
			agent_stage_set_up(state);
		}
		struct agent_stage *stage = *state;
		play(stage, "", (const char *const[]){ acts[i], NULL });
		assert_int_equal(stage->result.outcome, CUA_AGENT_DESKTOP_ERROR);
		assert_non_null(strstr(stage->result.error.msg,
				"does not say what a script is about to do"));
		assert_true(has_event(stage, "\"status\":\"uncertain\""));
		assert_int_equal(cJSON_GetArraySize(stage->tool_bodies), 2);
	}
}

/* --- taint --- */

#define EDITOR "{\"class\":\"gedit\",\"title\":\"notes\"}"
#define BROWSER "{\"class\":\"chromium\",\"title\":\"a page\"}"
#define PAGE "\"reason\":\"a page or a message from outside\""

static bool taints(void **state, const char *window, const char *act)
{
	if (((struct agent_stage *)*state)->result.run_dir) { /* of the case before */
		tear_down(state);
		agent_stage_set_up(state);
	}
	struct agent_stage *stage = *state;
	stage->network = "open";
	stage->focused = window;
	stage->says_yes = stage->is_still = true;
	play(stage, "", (const char *const[]){ act, SAID, NULL });
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	expect_word(stage, 0, "{\"number\":4,\"allowed\":true}");
	return has_event(stage, PAGE);
}

/* What an act shows of a window that it has come to itself may be anybody's. */
static void what_a_script_sees_taints_the_run(void **state)
{
	assert_false(taints(state, EDITOR, ACT(4, LOOK)));
	assert_false(taints(state, EDITOR, ACT(4, MOVE "," LOOK)));
	assert_false(taints(state, EDITOR, ACT(4, WRITE "," WRITE)));
	assert_true(taints(state, BROWSER, ACT(4, LOOK)));
	assert_true(taints(state, EDITOR, ACT(4, FOCUS "," LOOK)));
	assert_true(taints(state, EDITOR, ACT(4, FOCUS "," LOOK "," FOCUS)));
}

/* --- time --- */

static void expect_time_over(const struct agent_stage *stage)
{
	assert_int_equal(stage->result.outcome, CUA_AGENT_LIMIT);
	assert_int_equal(stage->result.limit, AGENT_LIMIT_TIME);
	assert_non_null(strstr(stage->result.error.msg, "--max-time"));
	assert_in_range((int)stage->result.ms, 900, 30000);
}

static void a_tool_ends_with_the_time_of_the_run(void **state)
{
	struct agent_stage *stage = *state;
	stage->options.limits = (struct agent_limits){ .time_s = 1 };
	play(stage, "", (const char *const[]){ NULL });
	expect_time_over(stage);
	assert_true(has_event(stage, "\"status\":\"uncertain\""));
}

static void a_script_that_acts_ends_with_the_time_of_the_run(void **state)
{
	struct agent_stage *stage = *state;
	stage->options.limits = (struct agent_limits){ .time_s = 1 };
	play(stage, "", (const char *const[]){ ACT(4, MOVE), NULL });
	expect_time_over(stage);
	assert_true(has_event(stage, "\"status\":\"uncertain\""));
}

static void an_action_ends_with_the_time_of_the_run(void **state)
{
	struct agent_stage *stage = *state;
	stage->options.limits = (struct agent_limits){ .time_s = 1 };
	stage->silent_post = 1; /* behind the first look */
	stage->replies[0] = CALL("c1", CLICK) END;
	agent_stage_play(stage);
	expect_time_over(stage);
	assert_true(has_event(stage, "\"status\":\"uncertain\""));
}

static uint64_t asked_until_us;

static enum cua_agent_consent note_expiry(
		const struct cua_agent_question *question, void *user_data)
{
	(void)user_data;
	asked_until_us = question->expires_us;
	return CUA_AGENT_CONSENT_NONE;
}

/* Nobody is asked for longer than the run may take. */
static void a_question_ends_with_the_time_of_the_run(void **state)
{
	struct agent_stage *stage = *state;
	const uint64_t begun_us = cua_now_us();
	stage->options.limits = (struct agent_limits){ .time_s = 30 };
	stage->options.approve = note_expiry;
	play(stage, "- ask: moves\n  when: {action: move}\n",
			(const char *const[]){ ACT(4, MOVE), SAID, NULL });
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_in_range(asked_until_us - begun_us, 30000000, 60000000);
	expect_word(stage, 0, "{\"number\":4,\"allowed\":false,");
}

#define SCRIPTED(test) cmocka_unit_test_setup_teardown(test, agent_stage_set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPTED(leave_and_refusal_are_said),
		SCRIPTED(an_act_that_says_nothing_ends_the_run),
		SCRIPTED(what_a_script_sees_taints_the_run),
		SCRIPTED(a_tool_ends_with_the_time_of_the_run),
		SCRIPTED(a_script_that_acts_ends_with_the_time_of_the_run),
		SCRIPTED(an_action_ends_with_the_time_of_the_run),
		SCRIPTED(a_question_ends_with_the_time_of_the_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
