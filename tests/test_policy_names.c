/* Names in policies: what there is none of is refused with its line and what was probably meant;
 * what cannot be known is a doubt. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agent/policy/doubts.h"
#include "agent/policy/policy.h"
#include "cua/base/nearest.h"
#include "cua/base/util.h"

/* A rule with this "when" in line 4. */
static enum cua_status parse(
		const char *when, struct agent_policy **ret_policy, struct cua_error *err)
{
	char text[1000];
	snprintf(text, sizeof(text), "default: allow\nrules:\n  - deny: a\n    when: %s\n", when);
	return agent_policy_parse("p", text, strlen(text), ret_policy, err);
}

static void names_that_there_are_not_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *when, *said;
	} rows[] = {
		{ "{tool: bsh}", "p:4: there is no tool 'bsh'; did you mean 'bash'?" },
		{ "{tool: Bash}", "p:4: there is no tool 'Bash'; did you mean 'bash'?" },
		{ "{tool: [bash, pyhton]}", "p:4: there is no tool 'pyhton'; did you mean 'py" },
		{ "{tool: 'x*'}", "p:4: there is no tool 'x*'; it may be computer, mcp, " },
		{ "{tool: click}", "p:4: 'click' is an action of the computer: write {action: " },
		{ "{tool: mcp__mail__send}", "p:4: there is no tool 'mcp__mail__send'; those of " },
		{ "{action: clik}", "p:4: the computer has no action 'clik'; did you mean 'click" },
		{ "{action: buy}", "p:4: the computer has no action 'buy'; 'cua --help' lists" },
		{ "{tol: bash}", "p:4: there is no condition 'tol'; did you mean 'tool'?" },
		{ "{tool: bash, argument: {comand: x}}",
				"p:4: bash takes no 'comand'; did you mean 'command'?" },
		{ "{action: click, argument: {nosuch: x}}", "p:4: click takes no 'nosuch'" },
		{ "{action: click, argument: {url: x}}", "p:4: click takes no 'url'" },
		{ "{tool: [bash, git], argument: {comit: x}}",
				"p:4: no tool that is meant takes 'comit'" },
		{ "{tool: git, argument: {command: [status, pusch]}}",
				"p:4: command of git is never 'pusch'; did you mean 'push'?" },
		{ "{tool: bash, argument: {restart: 'yes'}}",
				"p:4: restart of bash is never 'yes'" },
		{ "{action: type, argument: {via: mail}}", "p:4: via of type is never 'mail'" },
		{ "{tool: bash, amount: {of: timeout, over: 5}}",
				"p:4: bash takes no 'timeout'; did you mean 'timeout_s'?" },
		{ "{tool: git, action: click}",
				"p:4: 'action' is of computer alone, and what else stands" },
		{ "{command: 'rm *', window: {class: xterm}}",
				"p:4: 'command' is of bash alone, and what else stands" },
		{ "{tool: bash, server: mail}", "p:4: 'server' is of mcp alone" },
		{ "{path: '[a'}", "p:4: in '[a' a '[' has no ']'; '\\[' is the sign itself" },
		{ "{command: '[ -f *'}", "p:4: in '[ -f *' a '[' has no ']'" },
		{ "{path: '[[:alpha:]'}", "p:4: in '[[:alpha:]' a '[' has no ']'" },
		{ "{path: '[]'}", "p:4: in '[]' a '[' has no ']'" },
		{ "{path: 'a\\'}", "p:4: 'a\\' ends in a '\\'" },
		{ "{tool: bash, path: '*'}\n    limit: {sum: 5, of: amuont, per: run}",
				"p:5: bash takes no 'amuont'" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_policy *policy = NULL;
		struct cua_error why = { 0 };
		if (parse(rows[i].when, &policy, &why) != CUA_ERR_INVAL) {
			fail_msg("%s is taken", rows[i].when);
		}
		if (strncmp(why.msg, rows[i].said, strlen(rows[i].said)) != 0) {
			fail_msg("%s: %s", rows[i].when, why.msg);
		}
	}
}

static void names_that_may_be_are_taken(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"{tool: '*'}", "{tool: 'mcp*'}", "{tool: '[bp]*'}", "{action: '*_window'}",
		"{action: [click, 'mouse_*']}", "{argument: {text: '*{{secret:*'}}",
		"{argument: {recipient: '*'}}", "{tool: mcp, argument: {recipient: '*'}}",
		"{server: x, argument: {a: b}}", "{tool: git, argument: {command: 'p*'}}",
		"{tool: bash, argument: {restart: 'true'}}",
		"{tool: [bash, git], argument: {command: 'rm *', message: x}}",
		"{tool: safety_check, argument: {code: x}}",
		"{tool: mcp_tools, argument: {query: x}}",
		"{action: click, argument: {count: '2'}}", "{amount: {of: usd, over: 5}}",
		"{action: screenshot, argument: {format: png, pointer: 'false'}}",
		"{path: ['[]a]', '[!]a]', '[[:alpha:]x]', '[[]', '\\[a', '[\\]a]', 'a]', '\\\\']}"
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_policy *policy = NULL;
		struct cua_error why = { 0 };
		if (parse(rows[i], &policy, &why) != CUA_OK) {
			fail_msg("%s: %s", rows[i], why.msg);
		}
		agent_policy_destroy(policy);
	}
}

static void what_cannot_be_known_is_a_doubt(void **state)
{
	(void)state;
	static const char known[] =
			"{\"mail\": {\"send\": {\"inputSchema\": {\"properties\": {\"recipient\": "
			"{}, \"usd\": {}}}}, \"list\": {\"inputSchema\": {\"properties\": {}}}}, "
			"\"dark\": null}";
	static const struct {
		const char *when, *said; /* "": no doubt */
	} rows[] = {
		{ "{server: mail}", "" },
		{ "{server: 'm*', server_tool: 's*', argument: {recipient: '*'}}", "" },
		{ "{server: mial}", "p:3: no MCP server here is called 'mial'; did you mean " },
		{ "{server: [mail, bank]}", "p:3: no MCP server here is called 'bank'" },
		{ "{server: mail, server_tool: sned}",
				"p:3: no MCP server that is meant has a tool 'sned'; did you mean "
				"'send'?" },
		{ "{server: dark, server_tool: sned}", "" },
		{ "{server_tool: sned}", "" },
		{ "{server: mail, argument: {recipeint: x}}",
				"p:3: no tool of an MCP server that is meant takes 'recipeint'; "
				"did you mean 'recipient'?" },
		{ "{server: mail, server_tool: list, argument: {recipient: x}}",
				"p:3: no tool of an MCP server that is meant takes 'recipient'" },
		{ "{server: dark, argument: {recipeint: x}}", "" },
		{ "{server: mail, amount: {of: eur, over: 5}}",
				"p:3: no tool of an MCP server that is meant takes 'eur'" },
		{ "{argument: {nosuch: x}}", "p:3: no tool of cua takes 'nosuch', but only" },
		{ "{argument: {url: x}}", "" },
	};
	CUA_AUTO_JSON cJSON *servers = cJSON_Parse(known);
	assert_non_null(servers);
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_policy *policy = NULL;
		assert_int_equal(parse(rows[i].when, &policy, NULL), CUA_OK);
		CUA_AUTO_JSON cJSON *doubts = agent_policy_doubts(policy, servers);
		const char *said = doubts->child ? doubts->child->valuestring : "";
		if (strncmp(said, rows[i].said, strlen(rows[i].said)) != 0 ||
				cJSON_GetArraySize(doubts) > 1 || !said[0] != !rows[i].said[0]) {
			fail_msg("%s: '%s'", rows[i].when, said);
		}
		agent_policy_destroy(policy);
	}
	struct agent_policy *policy = NULL;
	CUA_AUTO_JSON cJSON *nothing = cJSON_CreateObject();
	assert_int_equal(agent_policy_load(NULL, &policy, NULL), CUA_OK);
	CUA_AUTO_JSON cJSON *doubts = agent_policy_doubts(policy, nothing);
	assert_int_equal(cJSON_GetArraySize(doubts), 0);
	agent_policy_destroy(policy);
}

static void the_nearest_name_is_a_mistake_of_typing_away(void **state)
{
	(void)state;
	static const char *const names[] = { "bash", "python", "read_file", "write_file", "click" };
	static const struct {
		const char *word, *name;
	} rows[] = { { "bsh", "bash" }, { "bahs", "bash" }, { "BASH", "bash" },
		{ "pyton", "python" }, { "read-file", "read_file" }, { "readfile", "read_file" },
		{ "writefiles", "write_file" }, { "clicks", "click" }, { "shell", NULL },
		{ "", NULL }, { "b", NULL }, { "editor", NULL } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct cua_nearest nearest = { .word = rows[i].word };
		for (size_t k = 0; k < CUA_ARRAY_LEN(names); k++) {
			cua_nearest_try(&nearest, names[k]);
		}
		if (!nearest.name != !rows[i].name ||
				(nearest.name && strcmp(nearest.name, rows[i].name) != 0)) {
			fail_msg("%s: %s", rows[i].word, nearest.name ? nearest.name : "none");
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_there_are_not_are_refused),
		cmocka_unit_test(names_that_may_be_are_taken),
		cmocka_unit_test(what_cannot_be_known_is_a_doubt),
		cmocka_unit_test(the_nearest_name_is_a_mistake_of_typing_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
