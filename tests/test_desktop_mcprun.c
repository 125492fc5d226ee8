/* cua run with servers of the Model Context Protocol, over every model API, on a real desktop: what
 * people see of it, and what is left of a call in which the run was killed or interrupted. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/desktop_fixture.h"
#include "tests/files.h"
#include "tests/standin_process.h"
#include "tests/tool_script.h"
#include "tests/waiting.h"

#define TASK "Ask the servers."

static struct world world;
static struct desktop desktop;
static char servers[300], policy[300], marks[300], runs[300];
static const char *const env[] = { "CUA_API_KEY=sk-test-0123456789", servers, policy, runs, NULL };

static void write_file(const char *name, const char *text)
{
	assert_int_equal(cua_file_write(world_path(&world, name), text, strlen(text), 0644, NULL),
			CUA_OK);
}

static void cua(int exit_status, const char *one, const char *two, const char *three,
		const char *four, struct output *ret_output)
{
	const char *const argv[] = { world.program, one, two, three, four, NULL };
	world_exec(&world, argv, env, NULL, 0, ret_output);
	expect_status(ret_output, exit_status, two);
}

/* "last" is one of those that began in the same second. */
static void use_runs(const char *folder)
{
	snprintf(runs, sizeof(runs), "CUA_RUNS_DIR=%s", world_path(&world, folder));
}

static int start(void **state)
{
	(void)state;
	/* The stand-in takes no schema that a service would refuse. */
	static const char *const names[] = { "pictures", "counts", "odd-schemas", "slow" };
	char text[2000];
	desktop_start_alone(&desktop, &world, "mcprun");
	snprintf(servers, sizeof(servers), "CUA_MCP_SERVERS=%s",
			world_path(&world, "servers.json"));
	snprintf(policy, sizeof(policy), "CUA_POLICY=%s", world_path(&world, "policy.yaml"));
	use_runs("runs");
	snprintf(marks, sizeof(marks), "%s", world_path(&world, "marks"));
	/* As root the server is another user. */
	assert_int_equal(mkdir(marks, 0777), 0);
	assert_int_equal(chmod(marks, 0777), 0);
	snprintf(text, sizeof(text),
			"{\"mcpServers\": {"
			"\"pictures\": {\"command\": \"%s\", \"args\": [\"pictures\"], \"read\": "
			"[\"%s\"]},"
			"\"counts\": {\"command\": \"%s\", \"args\": [\"counts\", \"-\", "
			"\"%s/calls\"],"
			"\"read\": [\"%s\"], \"write\": [\"%s\"]},"
			"\"odd-schemas\": {\"command\": \"%s\", \"args\": [\"odd-schemas\"], "
			"\"read\": "
			"[\"%s\"]},"
			"\"slow\": {\"command\": \"%s\", \"args\": [\"progress\"], \"read\": "
			"[\"%s\"]}}}",
			CUA_TEST_BAD_SERVER, CUA_TEST_BAD_SERVER, CUA_TEST_BAD_SERVER, marks,
			CUA_TEST_BAD_SERVER, marks, CUA_TEST_BAD_SERVER, CUA_TEST_BAD_SERVER,
			CUA_TEST_BAD_SERVER, CUA_TEST_BAD_SERVER);
	write_file("servers.json", text);
	write_file("policy.yaml",
			"include: default\nrules:\n"
			"  - allow: servers of the test\n    when: {tool: mcp}\n"
			"  - allow: the same, tainted\n    when: {tool: mcp, tainted: true}\n");
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		struct output output;
		cua(0, "mcp-servers", "approve", "--yes", names[i], &output);
		output_finish(&output);
	}
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_stop_alone(&desktop);
	return 0;
}

/* --- a run --- */

static void play(const char *api, const char *option, const char *steps, struct output *ret_output)
{
	struct standin_process standin;
	standin_process_start(&standin, "--script", tool_script_write(&world, TASK, steps), NULL);
	const char *const argv[] = { world.program, "run", "--desktop", desktop.name, "--model",
		"standin", "--api", api, "--base-url", standin.url, "--max-steps=20", TASK, option,
		NULL };
	world_exec(&world, argv, env, NULL, 0, ret_output);
	standin_process_stop(&standin);
}

static bool was_called(void *data)
{
	char path[400];
	struct stat info;
	snprintf(path, sizeof(path), "%s/calls", marks);
	return stat(path, &info) == 0 && info.st_size >= *(const off_t *)data;
}

static size_t count_calls(void)
{
	char path[400];
	size_t len = 0;
	snprintf(path, sizeof(path), "%s/calls", marks);
	free(read_whole_file(path, &len));
	return len / strlen("called\n");
}

/* A run in the middle of a call that does not end. */
static struct program hang(struct standin_process *standin)
{
	char steps[1024];
	off_t size = (off_t)((count_calls() + 1) * strlen("called\n"));
	snprintf(steps, sizeof(steps), "%s  - done: Well.\n",
			tool_script_call("responses", "mcp__counts__do", "{\"hang\":true}"));
	standin_process_start(standin, "--script", tool_script_write(&world, TASK, steps), NULL);
	const char *const argv[] = { world.program, "run", "--json", "--desktop", desktop.name,
		"--model", "standin", "--api", "responses", "--base-url", standin->url,
		"--max-steps=20", TASK, NULL };
	struct program program = world_begin(&world, argv, env, NULL, 0);
	wait_until(was_called, &size, "the call of a server");
	return program;
}

/* --- tests --- */

static void servers_work_over_every_api(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(tool_script_apis); i++) {
		const char *api = tool_script_apis[i];
		char steps[2048];
		struct output output, shown;
		int len = snprintf(steps, sizeof(steps), "%s",
				tool_script_call(api, "mcp__pictures__do", "{\"x\":3}"));
		len += snprintf(steps + len, sizeof(steps) - (size_t)len, "%s",
				tool_script_call(api, "mcp__counts__do", "{}"));
		snprintf(steps + len, sizeof(steps) - (size_t)len, "  - done: It is done.\n");
		const size_t before = count_calls();
		play(api, NULL, steps, &output);
		expect_status(&output, 0, api);
		assert_int_equal(count_calls(), before + 1);
		tool_script_assert_has(api, output.out,
				"servers: pictures (1 tool), counts (1 tool), odd-schemas (2 "
				"tools), slow (1 tool)\n");
		tool_script_assert_has(api, output.out, "  pictures: do {\"x\":3}  pictures 0.");
		/* The same lines of a run that is over. */
		cua(0, "runs", "show", "last", NULL, &shown);
		tool_script_assert_has(api, shown.out, "  counts: do {}  counts 0.");
		output_finish(&shown);
		output_finish(&output);
	}
}

static void progress_is_shown_as_it_comes(void **state)
{
	(void)state;
	char steps[1024];
	struct output output, shown;
	snprintf(steps, sizeof(steps), "%s  - done: Well.\n",
			tool_script_call("responses", "mcp__slow__do", "{}"));
	use_runs("runs-slow");
	play("responses", NULL, steps, &output);
	expect_status(&output, 0, "progress");
	tool_script_assert_has("progress", output.out, "\n     slow: 1 of 6, page 1 of many\n");
	cua(0, "runs", "show", "last", NULL, &shown);
	tool_script_assert_has("show", shown.out, "\n     slow: 1 of 6, page 1 of many\n");
	output_finish(&shown);
	output_finish(&output);
	use_runs("runs");
}

static void what_is_not_chosen_is_not_offered(void **state)
{
	(void)state;
	static const struct {
		const char *option, *words;
		int exit_status;
	} rows[] = { { "--mcp=none", "there is no function", 0 },
		{ "--mcp=counts", "there is no function", 0 },
		{ "--mcp=counts,nobody", "there is no server \"nobody\"", 2 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		char steps[1024];
		struct output output;
		snprintf(steps, sizeof(steps), "%s  - done: Well.\n",
				tool_script_call("responses", "mcp__pictures__do", "{}"));
		play("responses", rows[i].option, steps, &output);
		expect_status(&output, rows[i].exit_status, rows[i].option);
		tool_script_assert_has(rows[i].option,
				rows[i].exit_status == 2 ? output.err : output.out, rows[i].words);
		output_finish(&output);
	}
}

static void a_mistake_in_the_file_starts_nothing(void **state)
{
	(void)state;
	static char broken[300];
	snprintf(broken, sizeof(broken), "CUA_MCP_SERVERS=%s", world_path(&world, "broken.json"));
	write_file("broken.json", "{\"mcpServers\":\n7}");
	const char *const argv[] = { world.program, "run", "--model", "standin", "--base-url",
		"http://127.0.0.1:9/v1", "--api", "responses", TASK, NULL };
	const char *const its_env[] = { "CUA_API_KEY=sk-test-0123456789", broken, NULL };
	struct output output;
	world_exec(&world, argv, its_env, NULL, 0, &output);
	expect_status(&output, 2, "a broken file");
	tool_script_assert_has("broken", output.err, "broken.json:2: must be");
	tool_script_assert_has("broken", output.err, "--mcp=none");
	output_finish(&output);
}

static void a_call_that_a_kill_cut_is_uncertain_and_not_repeated(void **state)
{
	(void)state;
	struct standin_process standin;
	struct output output;
	use_runs("runs-killed");
	struct program program = hang(&standin);
	const size_t before = count_calls();
	assert_int_equal(kill(program.pid, SIGKILL), 0);
	world_await(&world, &program, &output);
	assert_int_equal(output.exit_status, 128 + SIGKILL);
	output_finish(&output);
	const char *const argv[] = { world.program, "run", "--json", "--resume", "last",
		"--base-url", standin.url, NULL };
	world_exec(&world, argv, env, NULL, 0, &output);
	standin_process_stop(&standin);
	expect_status(&output, 0, "the run that goes on");
	tool_script_assert_has("resume", output.out, "\"status\":\"uncertain\"");
	tool_script_assert_has("resume", output.out, "none was repeated");
	tool_script_assert_has("resume", output.out,
			"\"servers\":[{\"name\":\"pictures\",\"usable\":true,\"tools\":1},");
	output_finish(&output);
	assert_int_equal(count_calls(), before);
}

static void a_run_that_goes_on_keeps_its_servers(void **state)
{
	(void)state;
	struct output output;
	const char *const argv[] = { world.program, "run", "--resume", "last", "--mcp=none", NULL };
	world_exec(&world, argv, env, NULL, 0, &output);
	expect_status(&output, 2, "--resume --mcp");
	tool_script_assert_has("resume", output.err, "keeps its tools and servers");
	output_finish(&output);
}

static void ctrl_c_ends_a_run_in_a_call(void **state)
{
	(void)state;
	struct standin_process standin;
	struct output output;
	struct program program = hang(&standin);
	const uint64_t begun_us = cua_now_us();
	assert_int_equal(kill(program.pid, SIGINT), 0);
	world_await(&world, &program, &output);
	standin_process_stop(&standin);
	expect_status(&output, 130, "interrupted");
	assert_true(cua_now_us() - begun_us < DESKTOP_DEADLINE_MS * 1000ULL);
	tool_script_assert_has("Ctrl-C", output.out, "\"status\":\"uncertain\"");
	tool_script_assert_has("Ctrl-C", output.out, "\"outcome\":\"interrupted\"");
	output_finish(&output);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_work_over_every_api),
		cmocka_unit_test(progress_is_shown_as_it_comes),
		cmocka_unit_test(what_is_not_chosen_is_not_offered),
		cmocka_unit_test(a_mistake_in_the_file_starts_nothing),
		cmocka_unit_test(a_call_that_a_kill_cut_is_uncertain_and_not_repeated),
		cmocka_unit_test(a_run_that_goes_on_keeps_its_servers),
		cmocka_unit_test(ctrl_c_ends_a_run_in_a_call),
	};
	return cmocka_run_group_tests(tests, start, finish);
}
