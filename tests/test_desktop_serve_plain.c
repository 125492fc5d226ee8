/* `cua serve`: the plain routes, which have a desktop each and leave none. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/http_unix.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/serve_stage.h"
#include "tests/waiting.h"

#define AT_ONCE_MAX 4

static struct serve_stage stage;

static int begin(void **state)
{
	(void)state;
	serve_stage_open(&stage);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	serve_stage_close(&stage);
	return 0;
}

/* --- what is there --- */

/* Of plain routes alone. */
static int count_desktops(void)
{
	struct output output;
	int count = 0;
	world_cua(&stage.world, &output, "desktop", "list", "--json", NULL);
	expect_status(&output, 0, "cua desktop list");
	CUA_AUTO_JSON cJSON *list = cJSON_Parse(output.out);
	const cJSON *desktop = NULL;
	cJSON_ArrayForEach (desktop, list) {
		count += strncmp(cua_json_text(desktop, "name"), "plain-", 6) == 0;
	}
	output_finish(&output);
	return count;
}

static bool are_there(void *data)
{
	return count_desktops() == *(int *)data;
}

static void wait_for_desktops(int count)
{
	wait_until(are_there, &count, count > 0 ? "desktops of plain routes" : "none is left");
}

/* On so many of them a tool is at work. */
static bool run_tools(void *data)
{
	struct output output;
	int count = 0;
	world_cua(&stage.world, &output, "desktop", "list", "--json", NULL);
	CUA_AUTO_JSON cJSON *list = cJSON_Parse(output.out);
	const cJSON *desktop = NULL;
	output_finish(&output);
	cJSON_ArrayForEach (desktop, list) {
		CUA_AUTO_JSON cJSON *tools = NULL;
		struct cua_error error;
		count += cua_http_unix_json(cua_json_text(desktop, "socket"), "GET", "/v1/tools",
					 NULL, 5000, &tools, &error) == CUA_OK &&
				cua_json_member(tools, "running");
	}
	return count == *(int *)data;
}

/* --- asking --- */

/* Each is answered so, with a text that says this. */
struct expected {
	struct serve_call call;
	long status;
	const char *says;
};

static void expect_all(const struct expected *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct serve_answer answer = serve_send(&stage, &calls[i].call);
		if (answer.status != calls[i].status ||
				!strstr(answer.text ? answer.text : "", calls[i].says)) {
			fail_msg("%s %s %s: %ld %s", calls[i].call.method, calls[i].call.path,
					calls[i].call.body ? calls[i].call.body : "", answer.status,
					answer.text ? answer.text : "");
		}
		serve_answer_finish(&answer);
	}
}

/* Of ten minutes, whose answer nobody reads; the connection, open until the end of the test. */
static int send_long_one(void)
{
	static const char body[] = "{\"cmd\":\"sleep 600\",\"timeout_s\":600}";
	return serve_post_unread(&stage, "/run-terminal", body);
}

/* --- one answer of one tool --- */

static void a_program_tells_its_status(void **state)
{
	(void)state;
	static const struct expected calls[] = {
		{ { "POST", "/run-terminal?cmd=true", NULL, NULL, { 0 } }, 200,
				"{\"output\":\"\",\"exit_status\":0}" },
		{ { "POST", "/run-terminal?cmd=echo+hi%3B+exit+3", NULL, NULL, { 0 } }, 200,
				"{\"output\":\"hi\\n\",\"exit_status\":3}" },
		{ { "POST", "/run-terminal",
				  "{\"cmd\":\"echo \\\"it's\\\" 'two  words'; no-such\"}", NULL,
				  { 0 } },
				200, "\"exit_status\":127" },
		{ { "POST", "/run-terminal", "{\"cmd\":\"echo \\\"it's\\\" 'two  words'\"}", NULL,
				  { 0 } },
				200, "{\"output\":\"it's two  words\\n\",\"exit_status\":0}" },
		/* What it prints is not taken for what the tool says. */
		{ { "POST", "/run-terminal", "{\"cmd\":\"echo '[exit status 1]'\"}", NULL, { 0 } },
				200, "{\"output\":\"[exit status 1]\\n\",\"exit_status\":0}" },
		{ { "POST", "/run-python", "{\"code\":\"6*7\"}", NULL, { 0 } }, 200,
				"{\"output\":\"42\\n\",\"exit_status\":0}" },
		{ { "POST", "/run-python", "{\"code\":\"1/0\"}", NULL, { 0 } }, 200,
				"\"exit_status\":1" },
		/* Of a fresh desktop. */
		{ { "POST", "/run-terminal?cmd=touch+kept%3Bls+kept", NULL, NULL, { 0 } }, 200,
				"\"output\":\"kept\\n\"" },
		{ { "POST", "/run-terminal?cmd=ls+kept", NULL, NULL, { 0 } }, 200, "No such file" },
	};
	expect_all(calls, CUA_ARRAY_LEN(calls));
	assert_int_equal(count_desktops(), 0);
}

static void a_page_is_read(void **state)
{
	(void)state;
	CUA_AUTO_JSON cJSON *page = serve_json(&stage, "POST", "/run-browser",
			"{\"url\":\"data:text/html,<title>Plain page</title><h1>Seen words</h1>\","
			"\"screenshot\":true}",
			200);
	assert_says(cua_json_text(page, "title"), "Plain page");
	assert_says(cua_json_text(page, "text"), "Seen words");
	assert_int_equal(strncmp(cua_json_text(page, "screenshot"), "iVBORw0KGgo", 11), 0);
	assert_int_equal(count_desktops(), 0);
}

static void what_is_wrong_is_told(void **state)
{
	(void)state;
	static const struct expected calls[] = {
		{ { "POST", "/run-terminal", NULL, NULL, { 0 } }, 400, "cmd is missing" },
		{ { "POST", "/run-terminal?cmd=a", "{\"cmd\":\"b\"}", NULL, { 0 } }, 400,
				"give it once" },
		{ { "POST", "/run-terminal?command=a", NULL, NULL, { 0 } }, 400, "command" },
		{ { "POST", "/run-terminal?cmd=a&timeout_s=601", NULL, NULL, { 0 } }, 400,
				"timeout_s" },
		{ { "POST", "/run-terminal?cmd=a&network=allow:@/etc/passwd", NULL, NULL, { 0 } },
				400, "network must be" },
		{ { "POST", "/run-terminal?cmd=a&network=some", NULL, NULL, { 0 } }, 400,
				"network" },
		{ { "POST", "/run-terminal?cmd=a", NULL, "", { 0 } }, 401, "token" },
		{ { "POST", "/run-browser?url=gopher:x", NULL, NULL, { 0 } }, 400, "http://" },
		{ { "POST", "/run-terminal?cmd=echo+a%3Bsleep+60&timeout_s=1", NULL, NULL, { 0 } },
				504, "longer than 1 s" },
		{ { "POST", "/run-terminal?cmd=echo+begun%3Bsleep+60&timeout_s=1", NULL, NULL,
				  { 0 } },
				504, "\"output\":\"begun" },
		{ { "POST", "/run-python", "{\"code\":\"import os; os._exit(4)\"}", NULL, { 0 } },
				502, "no exit status" },
	};
	expect_all(calls, CUA_ARRAY_LEN(calls));
	CUA_AUTO_JSON cJSON *watcher = serve_json(&stage, "POST", "/v1/tokens",
			"{\"name\":\"watcher\",\"scopes\":[\"watch\"]}", 201);
	const struct expected watches = { { "POST", "/run-terminal?cmd=a", NULL,
							  cua_json_text(watcher, "token"), { 0 } },
		403, "scope" };
	expect_all(&watches, 1);
	assert_int_equal(count_desktops(), 0);
}

/* --- by GET --- */

static void get_runs_nothing(void **state)
{
	(void)state;
	static const struct expected calls[] = {
		{ { "GET", "/run-terminal?cmd=true", NULL, NULL, { 0 } }, 405, "--plain-get" },
		{ { "GET", "/run-python?code=1", NULL, NULL, { 0 } }, 405, "--plain-get" },
		{ { "GET", "/run-browser?url=about:blank", NULL, NULL, { 0 } }, 405,
				"--plain-get" },
	};
	expect_all(calls, CUA_ARRAY_LEN(calls));
}

static void where_it_may_get_needs_a_token(void **state)
{
	(void)state;
	serve_stage_end(&stage);
	stage.option = "--plain-get";
	serve_stage_begin(&stage);
	const struct serve_session session = serve_login(&stage, stage.login);
	const struct expected calls[] = {
		{ { "GET", "/run-terminal?cmd=echo+got", NULL, NULL, { 0 } }, 200,
				"{\"output\":\"got\\n\",\"exit_status\":0}" },
		{ { "GET", "/run-terminal?cmd=echo+got", NULL, "", { 0 } }, 401, "token" },
		{ { "GET", "/run-terminal?cmd=echo+got", NULL, "",
				  { session.cookie, session.csrf, "Sec-Fetch-Site: same-origin" } },
				403, "nothing for a cookie" },
		{ { "GET", "/run-terminal?cmd=echo+got", NULL, "", { session.cookie } }, 403,
				"Origin" },
		{ { "GET", "/run-terminal?cmd=echo+got", NULL, "",
				  { session.cookie, "Sec-Fetch-Site: cross-site" } },
				403, "other sites" },
		{ { "GET", "/run-terminal?cmd=echo+got", NULL, NULL,
				  { "Sec-Fetch-Site: cross-site" } },
				403, "other sites" },
		{ { "GET", "/run-terminal?cmd=echo+got", NULL, NULL,
				  { "Origin: https://x.example" } },
				403, "other sites" },
		{ { "GET", "/run-terminal?cmd=echo+got", NULL, NULL, { "Host: x.example" } }, 421,
				"x.example" },
	};
	expect_all(calls, CUA_ARRAY_LEN(calls));
}

/* --- nothing is left --- */

static void what_a_killed_server_left_is_stopped(void **state)
{
	(void)state;
	int one = 1;
	world_expect(&stage.world, 0, "desktop", "start", "--name=mine", NULL);
	/* Once when the tool runs, once as soon as there is anything. */
	for (int i = 0; i < 2; i++) {
		const int fd = send_long_one();
		wait_for_desktops(1);
		if (i == 0) {
			wait_until(run_tools, &one, "the tool runs");
		}
		serve_stage_kill_and_start(&stage);
		wait_for_desktops(0);
		close(fd);
	}
	/* Nobody else's goes with them. */
	cJSON_Delete(serve_json(&stage, "GET", "/v1/desktops/mine", NULL, 200));
}

static void a_few_run_at_once_and_end_with_the_server(void **state)
{
	(void)state;
	int all = AT_ONCE_MAX, fds[AT_ONCE_MAX];
	for (int i = 0; i < AT_ONCE_MAX; i++) {
		fds[i] = send_long_one();
	}
	wait_until(run_tools, &all, "the tools run");
	const struct serve_call call = { "POST", "/run-terminal?cmd=true", NULL, NULL, { 0 } };
	struct serve_answer answer = serve_send(&stage, &call);
	assert_int_equal(answer.status, 503);
	assert_says(answer.headers, "retry-after: ");
	serve_answer_finish(&answer);
	serve_stage_end(&stage);
	assert_int_equal(count_desktops(), 0);
	for (int i = 0; i < AT_ONCE_MAX; i++) {
		close(fds[i]);
	}
	serve_stage_begin(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_tells_its_status),
		cmocka_unit_test(a_page_is_read),
		cmocka_unit_test(what_is_wrong_is_told),
		cmocka_unit_test(get_runs_nothing),
		cmocka_unit_test(where_it_may_get_needs_a_token),
		cmocka_unit_test(what_a_killed_server_left_is_stopped),
		cmocka_unit_test(a_few_run_at_once_and_end_with_the_server),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}
