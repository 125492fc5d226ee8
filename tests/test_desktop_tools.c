/* The tools of models, in the sandbox of a real desktop: the shell, and who calls them. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/tool_stage.h"
#include "tests/waiting.h"

/* --- the shell --- */

static void the_shell_keeps_what_it_knows(void **state)
{
	(void)state;
	assert_string_equal(tool_bash("pwd"), "/home/agent/workspace\n");
	tool_bash("name='a b'; f() { echo \"<$1>\"; }; mkdir -p sub; cd sub");
	assert_string_equal(tool_bash("f \"$name\"; pwd"), "<a b>\n/home/agent/workspace/sub\n");
	assert_string_equal(tool_bash("cat <<'END'\nit's $name\nEND"), "it's $name\n");
	assert_says(tool_call_failing("bash", "command", "echo out; echo err >&2; false", "{}"),
			"out\nerr\n\n[exit status 1]");
	assert_says(tool_call_failing("bash", "command", "if then", "{}"), "syntax error");
	assert_string_equal(tool_bash("f still"), "<still>\n");
	assert_string_equal(tool_bash("read line || echo nothing to read"), "nothing to read\n");
	assert_says(tool_call("bash", NULL, NULL, "{\"restart\":true}"), "restarted");
	assert_says(tool_call_failing("bash", "command", "f gone", "{}"), "not found");
	assert_says(tool_call_failing("bash", "command", "exit 3", "{}"), "has ended");
	assert_string_equal(tool_bash("echo back"), "back\n");
}

static void a_command_that_does_not_end_is_ended(void **state)
{
	(void)state;
	tool_bash("kept=1");
	const char *stubborn = "bash -c 'trap \"\" INT TERM HUP; while :; do sleep 1; done'";
	assert_says(tool_call_failing("bash", "command", stubborn, "{\"timeout_s\":1}"),
			"longer than its time");
	assert_string_equal(tool_bash("echo $kept"), "1\n");
	/* A loop of the shell itself has nobody to be killed but the shell. */
	assert_says(tool_call_failing(
				    "bash", "command", "while :; do :; done", "{\"timeout_s\":1}"),
			"without its variables");
	assert_string_equal(tool_bash("echo \"<$kept>\""), "<>\n");
	/* Nor does a process that goes on and holds the output hold up the call. */
	tool_bash("sleep 1000 & echo $! > pid");
	tool_bash("(setsid sleep 2000 &)");
	assert_string_equal(tool_bash("kill -0 $(cat pid) && echo alive"), "alive\n");
	tool_call("bash", NULL, NULL, "{\"restart\":true}");
	assert_says(tool_call_failing("bash", "command", "kill -0 $(cat pid)", "{}"),
			"No such process");
}

/* How many there are that ignore what they can. */
static const char *stubborn_left(void)
{
	return tool_bash("pgrep -fc '^sh -c trap.*stubbor[n]'; true");
}

/* However it was started: with signals ignored, in a session of its own, its parent gone. */
static void what_a_call_has_started_ends_with_it(void **state)
{
	(void)state;
	static const char one[] = "sh -c 'trap : INT TERM HUP; while :; do sleep 1; done' stubborn";
	char command[512];
	tool_bash("(setsid sleep 2100 > /dev/null 2>&1 &)");
	snprintf(command, sizeof(command),
			"import os, subprocess, time\nleft = subprocess.Popen(\"exec %s\", "
			"shell=True)\nsubprocess.run(\"setsid %s &\", shell=True)\n"
			"time.sleep(100)",
			one, one);
	assert_says(tool_call_failing("python", "code", command, "{\"timeout_s\":1}"),
			"KeyboardInterrupt");
	assert_string_equal(stubborn_left(), "0\n");
	assert_says(tool_call("python", "code", "left.args", "{}"), "stubborn");
	snprintf(command, sizeof(command), "kept=2; %s & (setsid %s &); setsid %s", one, one, one);
	assert_says(tool_call_failing("bash", "command", command, "{\"timeout_s\":1}"),
			"longer than its time");
	assert_string_equal(stubborn_left(), "0\n");
	/* What a call has left that ended in time is nobody's business, until it is restarted. */
	assert_string_equal(tool_bash("echo $kept; pgrep -fxc 'sleep 2100'"), "2\n1\n");
	tool_call("bash", NULL, NULL, "{\"restart\":true}");
	assert_string_equal(tool_bash("pgrep -fxc 'sleep 2100'; true"), "0\n");
}

static void output_is_bounded_and_plain(void **state)
{
	(void)state;
	const char *text =
			tool_bash("head -c 300000000 /dev/zero | tr '\\0' x; echo; echo the end");
	assert_says(text, "bytes left out");
	assert_says(text, "the end\n");
	assert_in_range(strlen(text), 20000, 40000);
	const char *binary = tool_bash("printf 'a\\0b\\377c\\033[31md\\342\\200\\256e\\n'");
	assert_string_equal(binary, "a b\357\277\275cde\n");
}

/* More code than its pipe holds, for a shell that has stopped itself. */
static void a_shell_that_does_not_read_holds_nothing_up(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *code = malloc(200002);
	assert_non_null(code);
	memset(code, '#', 200001);
	code[200001] = '\0';
	tool_bash("rm -f /tmp/stop; echo $$ > /tmp/shell; (until [ -e /tmp/stop ]; do sleep 0.02; "
		  "done; "
		  "kill "
		  "-STOP "
		  "$$) > /dev/null 2>&1 &");
	free(desktop_sh(&tool_stage.desktop,
			"touch /tmp/stop; until grep -q 'State:.T' /proc/$(cat /tmp/shell)/status; "
			"do "
			"sleep "
			"0.02; done"));
	assert_says(tool_call_failing("bash", "command", code, "{\"timeout_s\":1}"), "new one");
	assert_string_equal(tool_bash("echo again"), "again\n");
}

/* --- callers --- */

static void wrong_calls_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *body, *says;
	} wrong[] = {
		{ "", "the body must be" },
		{ "[]", "the body must be" },
		{ "{\"tool\":\"bash\",\"arguments\":[]}", "the body must be" },
		{ "{\"tool\":\"bash\",\"more\":1}", "the body must be" },
		{ "{\"tool\":\"nonsense\"}", "no tool" },
		{ "{\"tool\":\"ask_person\",\"arguments\":{\"question\":\"?\"}}", "no tool" },
		{ "{\"tool\":\"bash\",\"arguments\":{\"command\":7}}", "must be a string" },
		{ "{\"tool\":\"bash\",\"arguments\":{\"command\":\"ls\",\"x\":1}}", "takes no" },
		{ "{\"tool\":\"bash\",\"arguments\":{\"command\":\"ls\",\"timeout_s\":0}}",
				"from 1 to 600" },
		{ "{\"tool\":\"read_file\"}", "path is missing" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(wrong); i++) {
		long status = 0;
		CUA_AUTO_JSON cJSON *answer = tool_post(wrong[i].body, &status);
		assert_in_range(status, 400, 404);
		assert_says(json_text(answer, "error.message"), wrong[i].says);
	}
}

static void an_environment_says_what_was_made(void **state)
{
	(void)state;
	const uint64_t begin_us = cua_now_us();
	assert_says(tool_call_failing("environment_setup", "language", "node",
				    "{\"packages\":[\"tiny-js\"]}"),
			"this desktop has none (--network=none); nothing was made");
	assert_says(tool_bash("ls package.json 2>&1; true"), "No such file");
	assert_in_range(cua_now_us() - begin_us, 0, 10000000);
	assert_says(tool_call("environment_setup", "language", "node", "{}"),
			"package.json is ready; no packages were installed");
	assert_says(tool_call("environment_setup", "language", "node", "{\"timeout_s\":60}"),
			"package.json was there already; what it names was not installed, as this "
			"desktop has no network");
	assert_says(tool_call("environment_setup", "language", "python", "{}"), ".venv is ready");
	assert_string_equal(tool_bash(".venv/bin/python -c 'print(1)'; rm -rf .venv package.json"),
			"1\n");
}

static void pages_of_a_pdf_are_counted(void **state)
{
	(void)state;
	tool_bash("cat > two.pdf <<'END'\n"
		  "%PDF-1.4\n"
		  "1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n"
		  "2 0 obj <</Type/Pages/Kids[3 0 R 4 0 R]/Count 2/MediaBox[0 0 99 99]>> endobj\n"
		  "3 0 obj <</Type/Page/Parent 2 0 R>> endobj\n"
		  "4 0 obj <</Type/Page/Parent 2 0 R>> endobj\n"
		  "trailer <</Root 1 0 R>>\n"
		  "END\n"
		  "echo '%PDF-1.4' > none.pdf");
	assert_says(tool_call("read_file", "path", "two.pdf", "{\"offset\":2,\"limit\":5}"),
			"[pages 2 to 2 of 2]");
	assert_null(strstr(tool_call("read_file", "path", "two.pdf", "{}"), "of 2]"));
	assert_says(tool_call_failing("read_file", "path", "two.pdf", "{\"offset\":7}"),
			"two.pdf has 2 pages; there is no page 7");
	assert_says(tool_call_failing("read_file", "path", "none.pdf", "{}"),
			"none.pdf cannot be read as a PDF: it is damaged");
}

/* Which call runs. */
static cJSON *ask_which_runs(void)
{
	struct cua_http_response response = { 0 };
	assert_int_equal(desktop_http(&tool_stage.desktop, "GET", "/v1/tools", NULL, 0, NULL,
					 &response),
			200);
	cJSON *answer = cJSON_Parse(response.body.data);
	cua_http_response_finish(&response);
	assert_non_null(answer);
	return answer;
}

static bool one_waits(void *data)
{
	(void)data;
	CUA_AUTO_JSON cJSON *tools = ask_which_runs();
	return json_number(tools, "waiting") == 1;
}

/* A call of the shell that goes on; the caller closes the socket, which ends it. */
static int begin_long_call(void)
{
	static const char body[] =
			"{\"tool\":\"bash\",\"arguments\":{\"command\":\"touch /tmp/began; "
			"(setsid sleep 501 &); sleep 500\",\"timeout_s\":600}}";
	char head[200];
	int fd = -1;
	assert_int_equal(cua_unix_connect(tool_stage.desktop.socket, SOCK_STREAM, &fd, NULL),
			CUA_OK);
	snprintf(head, sizeof(head),
			"POST /v1/tools HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
			"Content-Length: %zu\r\n\r\n",
			strlen(body));
	assert_int_equal(write(fd, head, strlen(head)), (ssize_t)strlen(head));
	assert_int_equal(write(fd, body, strlen(body)), (ssize_t)strlen(body));
	CUA_AUTO_FREE char *seen = desktop_sh(&tool_stage.desktop,
			"for i in $(seq 1000); do [ -e /tmp/began ] && break; sleep 0.01; done; ls "
			"/tmp/began");
	assert_non_null(strstr(seen, "began"));
	return fd;
}

/* Its call ends with it, and the next one does not wait for the first one's time. */
static void a_caller_who_leaves_ends_the_call(void **state)
{
	(void)state;
	tool_bash("kept=yes; rm -f /tmp/began");
	close(begin_long_call());
	assert_string_equal(tool_bash("echo $kept; pgrep -fxc 'sleep 50[01]'; true"), "yes\n0\n");
}

static void who_waits_for_another_call_is_told(void **state)
{
	(void)state;
	tool_bash("rm -f /tmp/began");
	assert_string_equal(
			desktop_tool(&tool_stage.desktop, "bash", "{\"command\":\"echo alone\"}"),
			"alone\n");
	const int fd = begin_long_call();
	CUA_AUTO_JSON cJSON *running = ask_which_runs();
	assert_string_equal(json_text(running, "running.tool"), "bash");
	assert_true(cJSON_IsFalse(json_at(running, "running.held")));
	assert_int_equal(json_number(running, "waiting"), 0);

	const char *argv[] = { tool_stage.world.program, "tools", "call", "-d",
		tool_stage.desktop.name, "bash", "{\"command\":\"echo second\"}", NULL };
	struct output output;
	struct program second = world_begin(&tool_stage.world, argv, NULL, NULL, 0);
	wait_until(one_waits, NULL, "a call that waits");
	close(fd);
	world_await(&tool_stage.world, &second, &output);
	expect_status(&output, 0, "the call that waited");
	assert_string_equal(output.out, "second\n");
	assert_says(output.err, "cua tools: waiting for another call: bash, for ");
	output_finish(&output);
	CUA_AUTO_JSON cJSON *idle = ask_which_runs();
	assert_null(json_at(idle, "running"));
}

static void tools_come_back_after_they_were_killed(void **state)
{
	(void)state;
	tool_bash("x=1");
	tool_call_failing("bash", "command", "kill -9 $PPID; sleep 60", "{}");
	assert_string_equal(tool_bash("echo \"<$x>\""), "<>\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shell_keeps_what_it_knows),
		cmocka_unit_test(a_command_that_does_not_end_is_ended),
		cmocka_unit_test(what_a_call_has_started_ends_with_it),
		cmocka_unit_test(output_is_bounded_and_plain),
		cmocka_unit_test(an_environment_says_what_was_made),
		cmocka_unit_test(pages_of_a_pdf_are_counted),
		cmocka_unit_test(a_shell_that_does_not_read_holds_nothing_up),
		cmocka_unit_test(wrong_calls_are_refused),
		cmocka_unit_test(a_caller_who_leaves_ends_the_call),
		cmocka_unit_test(who_waits_for_another_call_is_told),
		cmocka_unit_test(tools_come_back_after_they_were_killed),
	};
	return cmocka_run_group_tests(tests, tool_stage_start, tool_stage_finish);
}
