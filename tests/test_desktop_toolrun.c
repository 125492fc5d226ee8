/* cua run with tools, over every model API, on a real desktop: what they do is seen there, what
 * they say reaches the model, and the policy stands before them. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "tests/desktop_fixture.h"
#include "tests/json_path.h"
#include "tests/standin_process.h"
#include "tests/tool_script.h"

static struct world world;
static struct desktop desktop;

static int start(void **state)
{
	(void)state;
	desktop_start_alone(&desktop, &world, "toolrun");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_stop_alone(&desktop);
	return 0;
}

/* --- a run --- */

static char key[] = "CUA_API_KEY=sk-test-0123456789";

/* The events of a run, one a line; the exit status must be this. */
static char *play(const char *api, const char *tools, const char *steps, int exit_status)
{
	struct output output;
	struct standin_process standin;
	standin_process_start(&standin, "--script",
			tool_script_write(&world, "Use the tools.", steps), NULL);
	const char *const argv[] = { world.program, "run", "--json", "--desktop", desktop.name,
		"--model", "standin", "--api", api, "--base-url", standin.url, "--max-steps=20",
		tools, "Use the tools.", NULL };
	const char *const env[] = { key, NULL };
	world_exec(&world, argv, env, NULL, 0, &output);
	standin_process_stop(&standin);
	if (output.exit_status != exit_status) {
		fail_msg("%s: status %d: %s %s", api, output.exit_status, output.out, output.err);
	}
	char *events = strdup(output.exit_status == 2 ? output.err : output.out);
	output_finish(&output);
	return events;
}

/* --- tests --- */

static void tools_work_over_every_api(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(tool_script_apis); i++) {
		char steps[4096], name[64], line[200];
		const bool is_anthropic = strcmp(tool_script_apis[i], "anthropic") == 0;
		snprintf(name, sizeof(name), "{\"command\":\"echo hello > %s; echo said\"}",
				tool_script_apis[i]);
		int len = snprintf(steps, sizeof(steps), "%s",
				tool_script_call(tool_script_apis[i], "bash", name));
		/* The editor that the model knows is ours under its own name. */
		snprintf(line, sizeof(line),
				"{\"command\":\"create\",\"path\":\"/home/agent/workspace/%s.txt\","
				"\"file_text\":\"one\"}",
				tool_script_apis[i]);
		len += snprintf(steps + len, sizeof(steps) - (size_t)len, "%s",
				tool_script_call(tool_script_apis[i],
						is_anthropic ? "str_replace_based_edit_tool"
							     : "text_editor",
						line));
		len += snprintf(steps + len, sizeof(steps) - (size_t)len, "%s",
				tool_script_call(tool_script_apis[i], "python",
						"{\"code\":\"import pyautogui; "
						"display(pyautogui.screenshot(region=(0,0,9,9)))"
						"\"}"));
		snprintf(steps + len, sizeof(steps) - (size_t)len, "  - done: It is done.\n");
		CUA_AUTO_FREE char *events = play(tool_script_apis[i], "--tools=all", steps, 0);
		tool_script_assert_has(tool_script_apis[i], events, "\"words\":\"said\\n\"");
		tool_script_assert_has(tool_script_apis[i], events, "\"has_own_image\":true");
		tool_script_assert_has(tool_script_apis[i], events, "\"tool\":\"text_editor\"");
		snprintf(line, sizeof(line), "cd ~/workspace; cat %s %s.txt", tool_script_apis[i],
				tool_script_apis[i]);
		CUA_AUTO_FREE char *made = desktop_sh(&desktop, line);
		assert_string_equal(made, "hello\none");
	}
}

static void a_tool_that_was_not_offered_is_none(void **state)
{
	(void)state;
	char steps[1024];
	snprintf(steps, sizeof(steps), "%s  - done: Well.\n",
			tool_script_call("responses", "bash",
					"{\"command\":\"touch ~/workspace/never\"}"));
	CUA_AUTO_FREE char *none = play("responses", "--tools=none", steps, 0);
	tool_script_assert_has("none", none, "there is no function");
	CUA_AUTO_FREE char *others = play("responses", "--tools=python,search", steps, 0);
	tool_script_assert_has("others", others, "there is no function");
	CUA_AUTO_FREE char *wrong = play("responses", "--tools=bash,nonsense", steps, 2);
	tool_script_assert_has("wrong", wrong, "nonsense");
	CUA_AUTO_FREE char *made = desktop_sh(&desktop, "ls ~/workspace/never 2>&1 || true");
	assert_non_null(strstr(made, "No such file"));
}

static void what_fails_is_told_and_what_leaves_is_asked(void **state)
{
	(void)state;
	static const struct {
		const char *tool, *arguments;
	} calls[] = {
		{ "bash", "{\"command\":\"false\"}" },
		{ "read_file", "{\"path\":\"/etc/passwd\"}" },
		{ "bash", "{\"comand\":\"ls\"}" },
		{ "bash", "{\"command\":\"curl http://example.org; touch ~/workspace/sent\"}" },
		{ "ask_person", "{\"question\":\"Red?\"}" },
	};
	char steps[2048] = "";
	for (size_t i = 0; i < CUA_ARRAY_LEN(calls); i++) {
		strcat(steps, tool_script_call("responses", calls[i].tool, calls[i].arguments));
	}
	strcat(steps, "  - done: Well.\n");
	CUA_AUTO_FREE char *events = play("responses", "--tools=all", steps, 0);
	tool_script_assert_has("failing", events, "[exit status 1]");
	tool_script_assert_has("failing", events, "leaves the workspace");
	tool_script_assert_has("failing", events, "takes no \\\"comand\\\"");
	tool_script_assert_has("failing", events, "needs a person's yes");
	tool_script_assert_has("failing", events, "Nobody is there to answer");
	CUA_AUTO_FREE char *made = desktop_sh(&desktop, "ls ~/workspace/sent 2>&1 || true");
	assert_non_null(strstr(made, "No such file"));
}

static void done_ends_the_run(void **state)
{
	(void)state;
	char steps[1024];
	snprintf(steps, sizeof(steps), "%s  - done: not reached\n",
			tool_script_call("responses", "done",
					"{\"answer\":\"All of it is done.\"}"));
	CUA_AUTO_FREE char *events = play("responses", "--tools=done", steps, 0);
	tool_script_assert_has("done", events, "All of it is done.");
	assert_null(strstr(events, "not reached"));
}

/* The shell stays where a cd has led it, and the policy knows. */
static void relative_paths_are_judged_where_the_shell_is(void **state)
{
	(void)state;
	char steps[2048] = "";
	strcat(steps, tool_script_call("responses", "bash", "{\"command\":\"cd /usr/share\"}"));
	strcat(steps,
			tool_script_call("responses", "bash",
					"{\"command\":\"cat ../../etc/shado?\"}"));
	strcat(steps, tool_script_call("responses", "bash", "{\"restart\":true}"));
	strcat(steps, tool_script_call("responses", "bash", "{\"command\":\"echo in $PWD\"}"));
	strcat(steps,
			tool_script_call("responses", "bash",
					"{\"command\":\"cat ../../etc/hostname\"}"));
	strcat(steps, "  - done: Well.\n");
	CUA_AUTO_FREE char *events = play("responses", "--tools=all", steps, 0);
	tool_script_assert_has("cd", events, "\"directory\":\"/usr/share\"");
	tool_script_assert_has("cd", events, "\"part\":\"cat ../../etc/shado?\"");
	tool_script_assert_has("cd", events, "hold keys and passwords");
	tool_script_assert_has("cd", events, "\"directory\":\"/home/agent/workspace\"");
}

/* Its tools, its policy and its limits hold, and the journal knows them. */
static void a_run_works_by_its_template(void **state)
{
	(void)state;
	char steps[4096] = "";
	strcat(steps, tool_script_call("responses", "bash", "{\"command\":\"make test\"}"));
	strcat(steps,
			tool_script_call("responses", "write_file",
					"{\"path\":\"a\",\"content\":\"\"}"));
	strcat(steps, tool_script_call("responses", "python", "{\"code\":\"1\"}"));
	strcat(steps, "  - done: Well.\n");
	CUA_AUTO_FREE char *events = play("responses", "--template=code-review", steps, 0);
	tool_script_assert_has("template", events, "\"template\":\"code-review\"");
	tool_script_assert_has("template", events, "\"instructions\":\"You review the repository");
	tool_script_assert_has("template", events, "\"time_s\":3600");
	tool_script_assert_has("template", events, "running the tests");
	tool_script_assert_has("template", events, "a review changes nothing");
	tool_script_assert_has("template", events, "there is no function");
	CUA_AUTO_FREE char *none = play("responses", "--template=gardening", steps, 2);
	tool_script_assert_has("template", none, "there is no template \"gardening\"; these are:");
}

static void a_picture_that_no_model_takes_ends_nothing(void **state)
{
	(void)state;
	char steps[1024];
	snprintf(steps, sizeof(steps), "%s  - done: Well.\n",
			tool_script_call("responses", "python",
					"{\"code\":\"from PIL import Image; "
					"display(Image.new(chr(76), (3000, 20)))\"}"));
	CUA_AUTO_FREE char *events = play("responses", "--tools=all", steps, 0);
	tool_script_assert_has("picture", events, "a picture of 3000x20, image/png");
}

/* The run that was kept last, as if its process had died behind its first result. */
static void cut_behind_result(void)
{
	char script[600];
	snprintf(script, sizeof(script),
			"cd %s/runs/* && n=$(grep -n '\"type\":\"result\"' events.jsonl | head -1 "
			"| "
			"cut -d: -f1) && head -n $n events.jsonl >cut && cat cut >events.jsonl && "
			"rm cut head.json",
			world_path(&world, "state"));
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct output output;
	world_exec(&world, argv, NULL, NULL, 0, &output);
	expect_status(&output, 0, "cutting the journal");
	output_finish(&output);
}

static void a_picture_outlives_the_process(void **state)
{
	(void)state;
	char steps[1024];
	struct output output;
	struct standin_process standin;
	snprintf(steps, sizeof(steps), "%s  - done: Well.\n",
			tool_script_call("responses", "python",
					"{\"code\":\"from PIL import Image; "
					"display(Image.new(chr(76), (30, 20)))\"}"));
	standin_process_start(&standin, "--script",
			tool_script_write(&world, "Use the tools.", steps), NULL);
	const char *const begin[] = { world.program, "run", "--json", "--desktop", desktop.name,
		"--model=standin", "--api=responses", "--base-url", standin.url, "--tools=python",
		"Use the tools.", NULL };
	const char *const go_on[] = { world.program, "run", "--json", "--resume", "last", NULL };
	const char *const env[] = { key, NULL };
	world_exec(&world, (const char *[]){ "sh", "-c", "rm -rf \"$CUA_STATE_DIR\"/runs", NULL },
			NULL, NULL, 0, &output);
	output_finish(&output);
	world_exec(&world, begin, env, NULL, 0, &output);
	expect_status(&output, 0, "cua run");
	output_finish(&output);
	cut_behind_result();
	world_exec(&world, go_on, env, NULL, 0, &output);
	standin_process_stop(&standin);
	expect_status(&output, 0, "cua run --resume");
	tool_script_assert_has("resume", output.out, "\"has_own_image\":true,\"screenshot\":");
	tool_script_assert_has("resume", output.out, "\"width\":30,\"height\":20");
	tool_script_assert_has("resume", output.out, "Pictures that tools made are from before");
	output_finish(&output);
	world_expect(&world, 0, "runs", "verify", "last", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tools_work_over_every_api),
		cmocka_unit_test(a_tool_that_was_not_offered_is_none),
		cmocka_unit_test(what_fails_is_told_and_what_leaves_is_asked),
		cmocka_unit_test(done_ends_the_run),
		cmocka_unit_test(relative_paths_are_judged_where_the_shell_is),
		cmocka_unit_test(a_run_works_by_its_template),
		cmocka_unit_test(a_picture_that_no_model_takes_ends_nothing),
		cmocka_unit_test(a_picture_outlives_the_process),
	};
	return cmocka_run_group_tests(tests, start, finish);
}
