/* cua run on a desktop with a list of names: it gets what is asked for, and keeps it when it goes
 * on on another desktop. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/network_site.h"
#include "tests/standin_process.h"
#include "tests/tool_script.h"

static struct world world;
static struct network_site site;

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	network_site_start(&site, &world);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	network_site_stop(&site);
	world_destroy(&world);
	return 0;
}

/* Its events, one a line; the caller frees. */
static char *run(const char *const *argv, int exit_status)
{
	static const char *const env[] = { "CUA_API_KEY=sk-test-0123456789", NULL };
	struct output output;
	world_exec(&world, argv, env, NULL, 0, &output);
	expect_status(&output, exit_status, argv[2]);
	char *events = CUA_STEAL(output.out);
	output_finish(&output);
	return events;
}

static const char *write_policy(void)
{
	static const char policy[] = "include: default\n"
				     "rules:\n"
				     "  - allow: programs\n"
				     "    when: {tool: bash, class: external, tainted: true}\n"
				     "  - allow: programs, before anything was read\n"
				     "    when: {tool: bash, class: external}\n";
	static char option[300];
	const char *path = world_path(&world, "policy.yaml");
	assert_int_equal(cua_file_write(path, policy, strlen(policy), 0644, NULL), CUA_OK);
	snprintf(option, sizeof(option), "--policy=%s", path);
	return option;
}

static void a_run_that_goes_on_keeps_its_list(void **state)
{
	(void)state;
	static const char *const commands[] = {
		"{\"command\":\"curl -sS http://allowed.test/page.html\"}",
		"{\"command\":\"curl -sS http://b.wild.test/page.html\"}",
		"{\"command\":\"curl -sS http://allowed.test/page.html\"}",
	};
	char steps[3500] = "";
	struct standin_process standin;
	for (size_t i = 0; i < CUA_ARRAY_LEN(commands); i++) {
		strcat(steps, tool_script_call("responses", "bash", commands[i]));
	}
	strcat(steps, "  - done: Well.\n");
	standin_process_start(&standin, "--script",
			tool_script_write(&world, "Use the network.", steps), NULL);
	/* The limit ends the first part, and its desktop. */
	const char *const begin[] = { world.program, "run", "--json", "--model=standin",
		"--api=responses", "--base-url", standin.url, "--network=allow:allowed.test",
		"--tools=bash", write_policy(), "--max-steps=1", "Use the network.", NULL };
	CUA_AUTO_FREE char *first = run(begin, 10);
	tool_script_assert_has("first", first, "\"network\":\"allow:allowed.test\"");
	tool_script_assert_has("first", first, "hello from allowed.test");

	const char *const go_on[] = { world.program, "run", "--json", "--resume", "last",
		"--max-steps=9", NULL };
	CUA_AUTO_FREE char *second = run(go_on, 0);
	standin_process_stop(&standin);
	tool_script_assert_has("second", second, "\"desktop_is_new\":true");
	tool_script_assert_has("second", second, "the name is not in the list");
	tool_script_assert_has("second", second, "hello from allowed.test");
}

static void a_run_without_one_has_no_network(void **state)
{
	(void)state;
	char steps[1500];
	struct standin_process standin;
	snprintf(steps, sizeof(steps), "%s  - done: Well.\n",
			tool_script_call("responses", "bash",
					"{\"command\":\"curl -sS http://allowed.test/ 2>&1\"}"));
	standin_process_start(&standin, "--script",
			tool_script_write(&world, "Use the network.", steps), NULL);
	const char *const argv[] = { world.program, "run", "--json", "--model=standin",
		"--api=responses", "--base-url", standin.url, "--tools=bash", write_policy(),
		"Use the network.", NULL };
	CUA_AUTO_FREE char *events = run(argv, 0);
	standin_process_stop(&standin);
	tool_script_assert_has("none", events, "Could not resolve host");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_that_goes_on_keeps_its_list),
		cmocka_unit_test(a_run_without_one_has_no_network),
	};
	return cmocka_run_group_tests_name("desktop_netrun", tests, start, finish);
}
