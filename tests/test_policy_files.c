/* Policy files and the mistakes in them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/policy/policy.h"
#include "cua/base/file.h"
#include "cua/base/util.h"

static void mistakes_are_told_with_their_line(void **state)
{
	(void)state;
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ "",
				"p:1: a policy needs members: include, classes, taints, rules, "
				"default or "
				"questions" },
		{ "- x\n", "p:1: a policy needs members" },
		{ "rules: []\n", "p:1: what happens to a call that no rule is about?" },
		{ "rule: []\n", "p:1: a policy has no 'rule'; it has include" },
		{ "include: x\n", "p:1: include needs 'default'" },
		{ "default: maybe\n", "p:1: needs allow, ask or deny" },
		{ "default: ask\nrules: x\n", "p:2: rules needs a list" },
		{ "default: ask\nrules:\n  - x\n", "p:3: a rule needs members: allow, ask" },
		{ "default: ask\nrules:\n  - when: {tool: x}\n", "p:3: a rule is written" },
		{ "default: ask\nrules:\n  - allow: a\n    deny: b\n", "p:3: a rule is written" },
		{ "default: ask\nrules:\n  - allow: ''\n", "p:3: a rule is written" },
		{ "default: ask\nrules:\n  - allow: true\n", "p:3: a rule is written" },
		{ "default: ask\nrules:\n  - alow: a\n",
				"p:3: a rule has no 'alow'; it has allow" },
		{ "default: ask\nrules:\n  - allow: a\n    if: {}\n", "p:4: a rule has no 'if'" },
		{ "default: ask\nrules:\n  - allow: a\n    when: x\n", "p:4: when needs" },
		{ "default: ask\nrules:\n  - allow: a\n    when: {if: x}\n",
				"p:4: there is no condition 'if'; it must be tool, action" },
		{ "default: ask\nrules:\n  - allow: a\n    when:\n      tool: [a, 1]\n",
				"p:5: needs a text or a list of texts" },
		{ "default: ask\nrules:\n  - allow: a\n    when:\n      tool: []\n",
				"p:5: the list is empty" },
		{ "default: ask\nrules:\n  - allow: a\n    when: {tool: ''}\n",
				"p:4: a pattern has 1 to 256 bytes" },
		{ "default: ask\nrules:\n  - allow: a\n    when: {class: big}\n",
				"p:4: 'big' is not read, write, external, irreversible or "
				"credential" },
		{ "default: ask\nrules:\n  - allow: a\n    when: {where: beside}\n",
				"p:4: 'beside' is not inside or outside" },
		{ "default: ask\nrules:\n  - allow: a\n    when: {network: on}\n",
				"p:4: 'on' is not none, allow or open" },
		{ "default: ask\nrules:\n  - allow: a\n    when: {tainted: 'yes'}\n",
				"p:4: needs true or false" },
		{ "default: ask\nrules:\n  - allow: a\n    when: {window: {name: x}}\n",
				"p:4: 'name' is not class or title" },
		{ "default: ask\nrules:\n  - allow: a\n    when: {window: {}}\n",
				"p:4: needs {class: pattern" },
		{ "default: ask\nrules:\n  - allow: a\n    when: {argument: x}\n",
				"p:4: needs {NAME: pattern" },
		{ "default: ask\nrules:\n  - allow: a\n    when: {amount: {of: x}}\n",
				"p:4: needs {of: ARGUMENT, over: NUMBER}" },
		{ "default: ask\nrules:\n  - allow: a\n    when: {amount: {of: x, over: '5'}}\n",
				"p:4: needs {of: ARGUMENT, over: NUMBER}" },
		{ "default: ask\nrules:\n  - allow: a\n    when:\n      origin:\n        - "
		  "https://a.org\n        - https://*\n",
				"p:7: 'https://*' is no origin" },
		{ "default: ask\nrules:\n  - allow: a\n    when: {origin: 'https://*.org'}\n",
				"p:4: 'https://*.org' is too wide" },
		{ "default: ask\nrules:\n  - allow: a\n    limit: {times: 0, per: run}\n",
				"p:4: times needs a whole number" },
		{ "default: ask\nrules:\n  - allow: a\n    limit: {times: 1.5, per: run}\n",
				"p:4: times needs a whole number" },
		{ "default: ask\nrules:\n  - allow: a\n    limit: {times: 3}\n",
				"p:4: per is missing" },
		{ "default: ask\nrules:\n  - allow: a\n    limit: {times: 3, per: day}\n",
				"p:4: needs run or hour" },
		{ "default: ask\nrules:\n  - allow: a\n    limit: {times: 3, sum: 3, of: x, per: "
		  "run}\n",
				"p:4: limit needs" },
		{ "default: ask\nrules:\n  - allow: a\n    limit: {sum: 3, per: run}\n",
				"p:4: limit needs" },
		{ "default: ask\nrules:\n  - allow: a\n    limit: {sum: -3, of: x, per: run}\n",
				"p:4: sum needs" },
		{ "default: ask\nrules:\n  - allow: a\n    why: [x]\n", "p:4: why needs a text" },
		{ "default: ask\nclasses:\n  - class: huge\n", "p:3: needs read, write" },
		{ "default: ask\nclasses:\n  - when: {tool: x}\n", "p:3: class is missing" },
		{ "default: ask\nclasses:\n  - class: read\n    when: {class: read}\n",
				"p:4: a class cannot depend on the class" },
		{ "default: ask\nclasses:\n  - class: read\n    when: {told: x}\n",
				"p:4: what a call brings is not known before" },
		{ "default: ask\nrules:\n  - deny: a\n    when: {told: x}\n",
				"p:4: what a call brings is not known before" },
		{ "default: ask\ntaints:\n  - taint: 1\n", "p:3: taint needs true or false" },
		{ "default: ask\nquestions: {times: 1000, per: run}\n",
				"p:2: nobody answers more than" },
		{ "default: ask\nquestions: {per: run}\n", "p:2: times needs" },
		{ "default: ask\ndefault: deny\n", "p:2: 'default' is there twice" },
		{ "default: [\n", "p:2: " },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_policy *policy = NULL;
		struct cua_error why = { 0 };
		if (agent_policy_parse("p", rows[i].text, strlen(rows[i].text), &policy, &why) !=
				CUA_ERR_INVAL) {
			fail_msg("%s is taken", rows[i].text);
		}
		if (strncmp(why.msg, rows[i].said, strlen(rows[i].said)) != 0) {
			fail_msg("%s: %s", rows[i].text, why.msg);
		}
	}
}

static void the_default_is_well_formed(void **state)
{
	(void)state;
	struct agent_policy *policy = NULL;
	struct cua_error why = { 0 };
	if (agent_policy_load(NULL, &policy, &why) != CUA_OK) {
		fail_msg("%s", why.msg);
	}
	assert_string_equal(agent_policy_name(policy), "default policy");
	assert_string_equal(agent_policy_text(policy), agent_policy_default_text());
	assert_int_equal(agent_policy_questions(policy).times, 30);
	assert_true(agent_policy_questions(policy).per_hour);
	agent_policy_destroy(policy);
}

static void a_file_goes_before_what_it_includes(void **state)
{
	(void)state;
	static const char text[] = "include: default\nquestions: {times: 2, per: run}\n";
	struct agent_policy *policy = NULL;
	char path[] = "/tmp/cua-test-policy-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_true(cua_write_all(fd, text, strlen(text)));
	close(fd);
	assert_int_equal(agent_policy_load(path, &policy, NULL), CUA_OK);
	assert_string_equal(agent_policy_name(policy), path);
	assert_string_equal(agent_policy_text(policy), text);
	assert_int_equal(agent_policy_questions(policy).times, 2);
	assert_false(agent_policy_questions(policy).per_hour);
	agent_policy_destroy(policy);
	unlink(path);
	struct cua_error why = { 0 };
	assert_int_equal(agent_policy_load(path, &policy, &why), CUA_ERR_NOT_FOUND);
	assert_int_equal(agent_policy_load("/dev/zero", &policy, &why), CUA_ERR_INVAL);
	assert_int_equal(agent_policy_load("/", &policy, &why), CUA_ERR_INVAL);
}

static void the_file_that_nobody_names_need_not_be_there(void **state)
{
	(void)state;
	char path[256];
	bool is_there = true;
	unsetenv("CUA_POLICY");
	setenv("XDG_CONFIG_HOME", "/nowhere", 1);
	assert_int_equal(agent_policy_path(path, sizeof(path), &is_there, NULL), CUA_OK);
	assert_string_equal(path, "/nowhere/cua/policy.yaml");
	assert_false(is_there);
	setenv("XDG_CONFIG_HOME", "/dev/null", 1); /* cannot be looked into */
	assert_int_equal(agent_policy_path(path, sizeof(path), &is_there, NULL), CUA_OK);
	assert_true(is_there);
	setenv("CUA_POLICY", "/nowhere/my.yaml", 1);
	assert_int_equal(agent_policy_path(path, sizeof(path), &is_there, NULL), CUA_OK);
	assert_string_equal(path, "/nowhere/my.yaml");
	assert_true(is_there);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_told_with_their_line),
		cmocka_unit_test(the_default_is_well_formed),
		cmocka_unit_test(a_file_goes_before_what_it_includes),
		cmocka_unit_test(the_file_that_nobody_names_need_not_be_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
