/* What a person's yes is for. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <string.h>

#include "agent/policy/approval.h"
#include "cua/base/util.h"

#define SECOND 1000000ULL
#define START (100000 * SECOND)

static const char screen[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
static const char other_screen[] =
		"1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static struct agent_approvals approvals;
static cJSON *click, *other_click;

static enum agent_approval take(
		const char *tool, const cJSON *arguments, const char *seen, uint64_t now_us)
{
	return agent_approvals_take(&approvals, tool, arguments, seen, now_us);
}

static void say(bool is_yes)
{
	agent_approvals_answer(&approvals, "computer", click, screen, is_yes, START);
}

static void a_yes_holds_once(void **state)
{
	(void)state;
	assert_int_equal(take("computer", click, screen, START), AGENT_APPROVAL_NONE);
	say(true);
	assert_int_equal(take("computer", click, screen, START + SECOND), AGENT_APPROVAL_HOLDS);
	assert_int_equal(take("computer", click, screen, START + SECOND), AGENT_APPROVAL_NONE);
}

static void a_yes_is_for_that_action(void **state)
{
	(void)state;
	say(true);
	assert_int_equal(take("computer", other_click, screen, START), AGENT_APPROVAL_NONE);
	assert_int_equal(take("computer", click, screen, START), AGENT_APPROVAL_NONE);
	say(true);
	assert_int_equal(take("bash", click, screen, START), AGENT_APPROVAL_NONE);
}

static void a_yes_is_for_that_screen(void **state)
{
	(void)state;
	say(true);
	assert_int_equal(take("computer", click, other_screen, START), AGENT_APPROVAL_SCREEN);
	assert_int_equal(take("computer", click, screen, START), AGENT_APPROVAL_NONE);
	agent_approvals_answer(&approvals, "bash", click, NULL, true, START);
	assert_int_equal(take("bash", click, NULL, START), AGENT_APPROVAL_HOLDS);
}

static void a_yes_expires_after_two_minutes(void **state)
{
	(void)state;
	say(true);
	assert_int_equal(take("computer", click, screen, START + 120 * SECOND - 1),
			AGENT_APPROVAL_HOLDS);
	say(true);
	assert_int_equal(take("computer", click, screen, START + 120 * SECOND),
			AGENT_APPROVAL_EXPIRED);
	assert_int_equal(take("computer", click, screen, START), AGENT_APPROVAL_NONE);
}

static void a_no_is_not_asked_again(void **state)
{
	(void)state;
	const char *why = "";
	assert_true(agent_approvals_may_ask(&approvals, "computer", click, START, &why));
	say(false);
	assert_int_equal(take("computer", click, screen, START), AGENT_APPROVAL_NONE);
	assert_false(agent_approvals_may_ask(&approvals, "computer", click, START, &why));
	assert_non_null(strstr(why, "refused exactly this"));
	assert_true(agent_approvals_may_ask(&approvals, "computer", other_click, START, &why));
	say(true); /* somebody's yes to it afterwards would still hold */
	assert_int_equal(take("computer", click, screen, START), AGENT_APPROVAL_HOLDS);
}

static void a_no_outlives_its_process(void **state)
{
	(void)state;
	char refusal[AGENT_REFUSAL_SIZE];
	const char *why = "";
	struct agent_approvals later = { 0 };
	assert_false(agent_approvals_last_refusal(&later, refusal));
	say(false);
	assert_true(agent_approvals_last_refusal(&approvals, refusal));
	agent_approvals_refuse(&later, "");
	agent_approvals_refuse(&later, "0123");
	agent_approvals_refuse(&later, "no hash at all");
	assert_true(agent_approvals_may_ask(&later, "computer", click, START, &why));
	agent_approvals_refuse(&later, refusal);
	assert_false(agent_approvals_may_ask(&later, "computer", click, START, &why));
	assert_true(agent_approvals_may_ask(&later, "computer", other_click, START, &why));
}

static void questions_are_limited(void **state)
{
	(void)state;
	const char *why = "";
	approvals.limit = (struct agent_question_limit){ .times = 3 };
	for (uint64_t i = 0; i < 3; i++) {
		assert_true(agent_approvals_may_ask(&approvals, "computer", click, START, &why));
		agent_approvals_asked(&approvals, START + i * 1000 * SECOND);
	}
	const uint64_t later = START + 3600 * SECOND;
	assert_false(agent_approvals_may_ask(&approvals, "computer", click, later, &why));
	assert_non_null(strstr(why, "so often"));
	approvals.limit.per_hour = true; /* the first is an hour ago */
	assert_false(agent_approvals_may_ask(&approvals, "computer", click, later - 1, &why));
	assert_true(agent_approvals_may_ask(&approvals, "computer", click, later, &why));
	approvals.limit = (struct agent_question_limit){ 0 };
	assert_true(agent_approvals_may_ask(&approvals, "computer", click, START, &why));
}

static int begin(void **state)
{
	(void)state;
	memset(&approvals, 0, sizeof(approvals));
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_yes_holds_once, begin),
		cmocka_unit_test_setup(a_yes_is_for_that_action, begin),
		cmocka_unit_test_setup(a_yes_is_for_that_screen, begin),
		cmocka_unit_test_setup(a_yes_expires_after_two_minutes, begin),
		cmocka_unit_test_setup(a_no_is_not_asked_again, begin),
		cmocka_unit_test_setup(a_no_outlives_its_process, begin),
		cmocka_unit_test_setup(questions_are_limited, begin),
	};
	click = cJSON_Parse("[{\"action\":\"click\",\"x\":1,\"y\":2}]");
	other_click = cJSON_Parse("[{\"action\":\"click\",\"x\":1,\"y\":3}]");
	const int status = sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
	cJSON_Delete(click);
	cJSON_Delete(other_click);
	return status;
}
