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

static struct agent_asked of(const char *tool, const cJSON *arguments)
{
	return (struct agent_asked){ .tool = tool, .arguments = arguments };
}

static struct agent_asked of_server(const char *server, const char *server_tool)
{
	return (struct agent_asked){ "mcp", server, server_tool, click };
}

static bool may_ask(const struct agent_approvals *asked, const cJSON *arguments, uint64_t now_us,
		const char **why)
{
	const struct agent_asked call = of("computer", arguments);
	return agent_approvals_may_ask(asked, &call, now_us, why);
}

static enum agent_approval take(
		const char *tool, const cJSON *arguments, const char *seen, uint64_t now_us)
{
	const struct agent_asked call = of(tool, arguments);
	return agent_approvals_take(&approvals, &call, seen, now_us);
}

static void say(bool is_yes)
{
	const struct agent_asked call = of("computer", click);
	agent_approvals_answer(&approvals, &call, screen, is_yes, START);
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
	const struct agent_asked call = of("bash", click);
	agent_approvals_answer(&approvals, &call, NULL, true, START);
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
	assert_true(may_ask(&approvals, click, START, &why));
	say(false);
	assert_int_equal(take("computer", click, screen, START), AGENT_APPROVAL_NONE);
	assert_false(may_ask(&approvals, click, START, &why));
	assert_non_null(strstr(why, "refused exactly this"));
	assert_true(may_ask(&approvals, other_click, START, &why));
	say(true); /* somebody's yes to it afterwards would still hold */
	assert_int_equal(take("computer", click, screen, START), AGENT_APPROVAL_HOLDS);
}

/* Two servers may have tools that take the same. */
static void an_answer_is_for_that_tool_of_that_server(void **state)
{
	(void)state;
	static const struct {
		const char *server, *tool;
	} others[] = { { "papers", "delete_all" }, { "crm", "list" }, { "papers", "list" },
		{ "cr", "mdelete_all" }, { NULL, NULL } };
	const struct agent_asked refused = of_server("crm", "delete_all");
	char refusal[AGENT_REFUSAL_SIZE];
	struct agent_approvals later = { 0 };
	const char *why = "";
	agent_approvals_answer(&approvals, &refused, NULL, false, START);
	assert_true(agent_approvals_last_refusal(&approvals, refusal));
	agent_approvals_refuse(&later, refusal);
	assert_false(agent_approvals_may_ask(&approvals, &refused, START, &why));
	assert_false(agent_approvals_may_ask(&later, &refused, START, &why));
	for (size_t i = 0; i < CUA_ARRAY_LEN(others); i++) {
		const struct agent_asked other = of_server(others[i].server, others[i].tool);
		assert_true(agent_approvals_may_ask(&approvals, &other, START, &why));
		assert_true(agent_approvals_may_ask(&later, &other, START, &why));
		agent_approvals_answer(&approvals, &refused, NULL, true, START);
		assert_int_equal(agent_approvals_take(&approvals, &other, NULL, START),
				AGENT_APPROVAL_NONE);
	}
	agent_approvals_answer(&approvals, &refused, NULL, true, START);
	assert_int_equal(agent_approvals_take(&approvals, &refused, NULL, START),
			AGENT_APPROVAL_HOLDS);
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
	assert_true(may_ask(&later, click, START, &why));
	agent_approvals_refuse(&later, refusal);
	assert_false(may_ask(&later, click, START, &why));
	assert_true(may_ask(&later, other_click, START, &why));
}

static void questions_are_limited(void **state)
{
	(void)state;
	const char *why = "";
	approvals.limit = (struct agent_question_limit){ .times = 3 };
	for (uint64_t i = 0; i < 3; i++) {
		assert_true(may_ask(&approvals, click, START, &why));
		agent_approvals_asked(&approvals, START + i * 1000 * SECOND);
	}
	const uint64_t later = START + 3600 * SECOND;
	assert_false(may_ask(&approvals, click, later, &why));
	assert_non_null(strstr(why, "so often"));
	approvals.limit.per_hour = true; /* the first is an hour ago */
	assert_false(may_ask(&approvals, click, later - 1, &why));
	assert_true(may_ask(&approvals, click, later, &why));
	approvals.limit = (struct agent_question_limit){ 0 };
	assert_true(may_ask(&approvals, click, START, &why));
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
		cmocka_unit_test_setup(an_answer_is_for_that_tool_of_that_server, begin),
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
