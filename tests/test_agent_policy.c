/* The policy in a run: what is denied or not approved never reaches the desktop, and the model and
 * the journal are told. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "tests/agent_stage.h"

static struct agent_policy *policy;

static void use_rules(struct agent_stage *stage, const char *rules)
{
	char text[1000];
	struct cua_error why = { 0 };
	snprintf(text, sizeof(text), "include: default\n%s", rules);
	agent_policy_destroy(policy);
	policy = NULL;
	if (agent_policy_parse("p", text, strlen(text), &policy, &why) != CUA_OK) {
		fail_msg("%s", why.msg);
	}
	stage->options.policy = policy;
}

static int tear_down(void **state)
{
	const int status = agent_stage_tear_down(state);
	agent_policy_destroy(policy);
	policy = NULL;
	return status;
}

/* Did the desktop get an action of this name? */
static bool has_acted(const struct agent_stage *stage, const char *name)
{
	char wanted[64];
	CUA_AUTO_FREE char *acted = cJSON_PrintUnformatted(stage->acted);
	snprintf(wanted, sizeof(wanted), "\"action\":\"%s\"", name);
	return strstr(acted, wanted) != NULL;
}

static void expect_told(const struct agent_stage *stage, int request, const char *said)
{
	CUA_AUTO_FREE char *input = cJSON_PrintUnformatted(agent_stage_input(stage, request));
	if (!strstr(input, said)) {
		fail_msg("the model was not told '%s': %s", said, input);
	}
}

/* In this order in the journal. */
static void expect_events(const struct agent_stage *stage, const char *const *wanted)
{
	CUA_AUTO_FREE char *events = agent_stage_read(stage, "events.jsonl");
	const char *at = events;
	for (; *wanted; wanted++) {
		const char *found = strstr(at, *wanted);
		if (!found) {
			fail_msg("no '%s' in its place in %s", *wanted, events);
		}
		at = found;
	}
}

static void what_is_denied_is_not_done(void **state)
{
	struct agent_stage *stage = *state;
	use_rules(stage, "rules:\n- deny: typing\n  when: {action: type}\n  why: only Ann types\n");
	stage->replies[0] = CALL("c1", CLICK "," TYPE) CALL("c2", CLICK) END;
	stage->replies[1] = DONE;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_int_equal(agent_stage_acted(stage), 1); /* the look at the beginning */
	assert_int_equal(stage->result.actions, 0);
	expect_told(stage, 1, "Not run: the policy does not allow it. The reason: only Ann types.");
	expect_told(stage, 1, "a call before it failed");
	expect_events(stage,
			(const char *const[]){ "\"type\":\"decision\"", "\"verdict\":\"deny\"",
					"\"rule\":\"typing\"", "\"file\":\"p\",\"line\":3",
					"\"type\":\"not_run\"", NULL });
	CUA_AUTO_FREE char *report = agent_stage_read(stage, "report.html");
	assert_non_null(strstr(report, "Denied: only Ann types (class write; p:3)"));
}

static void what_is_allowed_is_written_down_before_it_is_done(void **state)
{
	struct agent_stage *stage = *state;
	stage->replies[0] = CALL("c1", CLICK) END;
	stage->replies[1] = DONE;
	agent_stage_play(stage);
	assert_true(has_acted(stage, "click"));
	assert_int_equal(stage->questions, 0);
	expect_events(stage,
			(const char *const[]){ "\"policy\":{\"name\":\"default policy\"",
					"\"verdict\":\"allow\"", "\"class\":\"write\"",
					"\"type\":\"intent\"", NULL });
}

static void without_a_person_the_answer_is_no(void **state)
{
	struct agent_stage *stage = *state;
	use_rules(stage, "rules:\n- ask: clicks\n  when: {action: click}\n");
	stage->options.approve = NULL;
	stage->replies[0] = CALL("c1", CLICK) END;
	stage->replies[1] = DONE;
	agent_stage_play(stage);
	assert_false(has_acted(stage, "click"));
	expect_told(stage, 1, "nobody is there to ask");
	expect_events(stage,
			(const char *const[]){
					"\"verdict\":\"ask\"", "\"answer\":\"nobody\"", NULL });
}

static void a_yes_lets_it_run_once(void **state)
{
	struct agent_stage *stage = *state;
	use_rules(stage, "rules:\n- ask: clicks\n  when: {action: click}\n  why: it may buy\n");
	stage->says_yes = stage->is_still = true;
	stage->replies[0] = CALL("c1", CLICK) END;
	stage->replies[1] = CALL("c2", CLICK) END;
	stage->replies[2] = DONE;
	agent_stage_play(stage);
	assert_int_equal(stage->questions, 2); /* one yes for each */
	assert_int_equal(stage->result.actions, 2);
	assert_string_equal(stage->asked_words, "click at 412, 230");
	assert_string_equal(stage->asked_reason, "it may buy");
	expect_events(stage,
			(const char *const[]){ "\"verdict\":\"ask\"", "\"answer\":\"yes\"",
					"\"type\":\"intent\"", "\"verdict\":\"ask\"",
					"\"answer\":\"yes\"", "\"type\":\"intent\"", NULL });
	CUA_AUTO_FREE char *picture = agent_stage_read(stage, "asked-2.png");
	assert_memory_equal(picture, "\x89PNG", 4);
	assert_non_null(strstr(stage->asked_picture, "/asked-2.png"));
}

/* A long text must not hide its end, nor what nobody sees. */
static void a_person_sees_all_that_is_typed(void **state)
{
	struct agent_stage *stage = *state;
	static char reply[2000], text[600];
	memset(text, 'a', 500);
	snprintf(reply, sizeof(reply),
			CALL("c1", "{\"type\":\"type\",\"text\":\"%s\\u200bend\\n\"}") "%s", text,
			END);
	use_rules(stage, "rules:\n- ask: typing\n  when: {action: type}\n");
	stage->replies[0] = reply;
	stage->replies[1] = DONE;
	agent_stage_play(stage);
	assert_non_null(strstr(stage->asked_words, "aaaend\xe2\x8f\x8e\xe2\x80\x9d"));
	assert_string_equal(stage->asked_note, "invisible characters in it: 1. ");
}

static void a_yes_is_void_when_the_screen_has_changed(void **state)
{
	struct agent_stage *stage = *state;
	use_rules(stage, "rules:\n- ask: clicks\n  when: {action: click}\n");
	stage->says_yes = true; /* and each look shows another screen */
	stage->replies[0] = CALL("c1", CLICK) END;
	stage->replies[1] = DONE;
	agent_stage_play(stage);
	assert_int_equal(stage->questions, 1);
	assert_false(has_acted(stage, "click"));
	expect_told(stage, 1, "the screen is another one by now");
	expect_events(stage,
			(const char *const[]){ "\"answer\":\"yes\"",
					"\"answer\":\"screen_changed\"", "\"type\":\"not_run\"",
					NULL });
}

static void a_no_is_told_and_not_asked_again(void **state)
{
	struct agent_stage *stage = *state;
	use_rules(stage, "rules:\n- ask: clicks\n  when: {action: click}\n");
	stage->is_still = true;
	stage->replies[0] = CALL("c1", CLICK) END;
	stage->replies[1] = CALL("c2", CLICK) END;
	stage->replies[2] = DONE;
	agent_stage_play(stage);
	assert_int_equal(stage->questions, 1);
	assert_false(has_acted(stage, "click"));
	expect_told(stage, 1, "a person was asked and did not allow it");
	expect_told(stage, 2, "a person has refused exactly this before");
	expect_events(stage,
			(const char *const[]){
					"\"answer\":\"no\"", "\"answer\":\"not_asked\"", NULL });
}

static void no_answer_is_no_refusal(void **state)
{
	struct agent_stage *stage = *state;
	use_rules(stage, "rules:\n- ask: clicks\n  when: {action: click}\n");
	stage->is_still = stage->says_nothing = true;
	stage->replies[0] = CALL("c1", CLICK) END;
	stage->replies[1] = CALL("c2", CLICK) END;
	stage->replies[2] = DONE;
	agent_stage_play(stage);
	assert_int_equal(stage->questions, 2);
	assert_false(has_acted(stage, "click"));
	expect_told(stage, 1, "it needs a person's yes, and nobody answered in time");
	expect_told(stage, 2, "nobody answered in time");
	expect_events(stage,
			(const char *const[]){ "\"answer\":\"unanswered\"", "\"type\":\"not_run\"",
					"\"answer\":\"unanswered\"", NULL });
	CUA_AUTO_FREE char *events = agent_stage_read(stage, "events.jsonl");
	assert_null(strstr(events, "\"refused\""));
}

static void nobody_is_flooded_with_questions(void **state)
{
	struct agent_stage *stage = *state;
	use_rules(stage,
			"questions: {times: 1, per: run}\nrules:\n- ask: clicks\n  when: {action: "
			"[click, type]}\n");
	stage->is_still = true;
	stage->replies[0] = CALL("c1", CLICK) END;
	stage->replies[1] = CALL("c2", TYPE) END;
	stage->replies[2] = DONE;
	agent_stage_play(stage);
	assert_int_equal(stage->questions, 1);
	expect_told(stage, 2, "asked so often");
}

static void calls_are_counted(void **state)
{
	struct agent_stage *stage = *state;
	use_rules(stage,
			"rules:\n- allow: a click\n  when: {action: click}\n  limit: {times: 1, "
			"per: "
			"run}\n- deny: more clicks\n  when: {action: click}\n");
	stage->replies[0] = CALL("c1", CLICK) END;
	stage->replies[1] = CALL("c2", CLICK) END;
	stage->replies[2] = DONE;
	agent_stage_play(stage);
	assert_int_equal(stage->result.actions, 1);
	expect_told(stage, 2, "more clicks (p:3 (a click) does not apply: its limit is used up)");
}

/* Of a list of actions each counts, and what was counted and refused is known when the run goes on.
 */
static void counts_and_refusals_outlive_the_process(void **state)
{
	struct agent_stage *stage = *state;
	use_rules(stage,
			"rules:\n- allow: three clicks\n  when: {action: click}\n  limit: {times: "
			"3, "
			"per: run}\n- deny: more clicks\n  when: {action: click}\n- ask: typing\n  "
			"when: {action: type}\n");
	stage->is_still = true;
	stage->replies[0] = CALL("c1", CLICK "," CLICK) END;
	stage->replies[1] = CALL("c2", TYPE) END;
	stage->replies[2] = CALL("c3", "{\"type\":\"wait\"}") END;
	stage->cancel_ask = 3;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_INTERRUPTED);
	assert_int_equal(stage->questions, 1);
	void *state_later = NULL;
	assert_int_equal(agent_stage_set_up(&state_later), 0);
	struct agent_stage *later = state_later;
	later->options.policy = policy;
	later->options.resume = stage->result.run_dir;
	later->is_still = true;
	later->replies[0] = CALL("c4", TYPE) END;
	later->replies[1] = CALL("c5", CLICK) END;
	later->replies[2] = CALL("c6", CLICK) END;
	later->replies[3] = DONE;
	agent_stage_play(later);
	assert_int_equal(later->questions, 0);
	expect_told(later, 1, "a person has refused exactly this before");
	expect_told(later, 3, "its limit is used up");
	assert_int_equal(later->result.outcome, CUA_AGENT_DONE);
	stage->result.outcome = CUA_AGENT_DONE; /* the report is of both */
	assert_int_equal(agent_stage_tear_down(&state_later), 0);
}

#define CHECKED(id, code) \
	ITEM("{\"type\":\"computer_call\",\"id\":\"cu\",\"call_id\":\"" id \
	     "\",\"status\":\"completed\",\"actions\":[" CLICK \
	     "],\"pending_safety_checks\":[{\"id\":\"s1\",\"code\":\"" code \
	     "\",\"message\":\"Sure?\"}]}")

static void a_rule_may_answer_a_safety_check(void **state)
{
	struct agent_stage *stage = *state;
	use_rules(stage,
			"rules:\n- allow: this check\n  when: {tool: safety_check, argument: "
			"{code: "
			"known}}\n");
	stage->replies[0] = CHECKED("c1", "known") END;
	stage->replies[1] = CHECKED("c2", "other") END;
	agent_stage_play(stage);
	assert_true(has_acted(stage, "click"));
	assert_int_equal(stage->questions, 1); /* and the answer is no */
	assert_int_equal(stage->result.outcome, CUA_AGENT_STOPPED);
	expect_events(stage,
			(const char *const[]){ "\"tool\":\"safety_check\"", "\"verdict\":\"allow\"",
					"\"acknowledged\":true", "\"verdict\":\"ask\"",
					"\"acknowledged\":false", NULL });
}

static void a_desktop_that_says_nothing_of_its_network_taints(void **state)
{
	struct agent_stage *stage = *state;
	stage->network = "open"; /* and its windows are not known */
	stage->options.approve = NULL;
	stage->replies[0] = CALL("c1", CLICK) END;
	stage->replies[1] = DONE;
	agent_stage_play(stage);
	assert_false(has_acted(stage, "click"));
	expect_events(stage,
			(const char *const[]){ "\"type\":\"taint\"", "\"type\":\"decision\"",
					"\"class\":\"external\"", "\"tainted\":true", NULL });
}

int main(void)
{
	if (sodium_init() < 0) {
		return 1;
	}
#define TEST(function) cmocka_unit_test_setup_teardown(function, agent_stage_set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_denied_is_not_done),
		TEST(what_is_allowed_is_written_down_before_it_is_done),
		TEST(without_a_person_the_answer_is_no),
		TEST(a_yes_lets_it_run_once),
		TEST(a_person_sees_all_that_is_typed),
		TEST(a_yes_is_void_when_the_screen_has_changed),
		TEST(a_no_is_told_and_not_asked_again),
		TEST(no_answer_is_no_refusal),
		TEST(nobody_is_flooded_with_questions),
		TEST(calls_are_counted),
		TEST(counts_and_refusals_outlive_the_process),
		TEST(a_rule_may_answer_a_safety_check),
		TEST(a_desktop_that_says_nothing_of_its_network_taints),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
