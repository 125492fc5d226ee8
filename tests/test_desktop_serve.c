/* `cua serve`, as a program uses it: tokens, runs on real desktops with a stand-in for the model,
 * their events, and what a SIGKILL of the server leaves. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/serve_stage.h"
#include "tests/standin_process.h"
#include "tests/waiting.h"

static struct serve_stage stage;
static struct standin_process model;

static int begin(void **state)
{
	(void)state;
	serve_stage_open(&stage);
	standin_process_start(&model, NULL);
	serve_stage_keep_key(&stage);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	standin_process_stop(&model);
	serve_stage_close(&stage);
	return 0;
}

/* The id of a new run, the caller's. */
static char *start_run(const char *task)
{
	char body[512];
	snprintf(body, sizeof(body),
			"{\"task\":\"%s\",\"settings\":{\"model\":\"standin\",\"api\":"
			"\"responses\","
			"\"base_url\":\"%s\"}}",
			task, model.url);
	CUA_AUTO_JSON cJSON *run = serve_json(&stage, "POST", "/v1/runs", body, 201);
	assert_string_equal(cua_json_text(run, "state"), "queued");
	return strdup(cua_json_text(run, "id"));
}

static cJSON *get_run(const char *id)
{
	char path[128];
	snprintf(path, sizeof(path), "/v1/runs/%s", id);
	return serve_json(&stage, "GET", path, NULL, 200);
}

static bool has_ended(void *data)
{
	CUA_AUTO_JSON cJSON *run = get_run(data);
	return !cJSON_IsNull(cua_json_member(run, "ended_ms"));
}

/* Both clicks, once each. */
static void expect_done(const cJSON *run)
{
	if (strcmp(cua_json_text(run, "state"), "done") != 0) {
		fail_msg("%s: %s", cua_json_text(run, "state"), cua_json_text(run, "error"));
	}
	assert_int_equal(cua_json_int(run, "actions"), 2);
}

static void a_token_may_what_its_scopes_say(void **state)
{
	(void)state;
	CUA_AUTO_JSON cJSON *watcher = serve_json(&stage, "POST", "/v1/tokens",
			"{\"name\":\"watcher\",\"scopes\":[\"watch\"]}", 201);
	const char *token = cua_json_text(watcher, "token");
	const struct {
		const char *method, *path, *body;
		long status;
	} calls[] = { { "GET", "/v1/runs", NULL, 200 }, { "GET", "/v1/session", NULL, 200 },
		{ "POST", "/v1/runs", "{\"task\":\"x\"}", 403 }, { "GET", "/v1/tokens", NULL, 403 },
		{ "POST", "/v1/tokens", "{\"name\":\"x\",\"scopes\":[\"admin\"]}", 403 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(calls); i++) {
		const struct serve_call call = { calls[i].method, calls[i].path, calls[i].body,
			token, { 0 } };
		struct serve_answer answer = serve_send(&stage, &call);
		if (answer.status != calls[i].status) {
			fail_msg("%s %s: %ld", call.method, call.path, answer.status);
		}
		serve_answer_finish(&answer);
	}
	char path[128];
	snprintf(path, sizeof(path), "/v1/tokens/%s", cua_json_text(watcher, "id"));
	cJSON_Delete(serve_json(&stage, "DELETE", path, NULL, 204));
	const struct serve_call again = { "GET", "/v1/runs", NULL, token, { 0 } };
	struct serve_answer answer = serve_send(&stage, &again);
	assert_int_equal(answer.status, 401);
	serve_answer_finish(&answer);
}

/* Where a key goes, and who is asked, is not theirs to say. */
static void who_acts_names_no_policy_and_no_address(void **state)
{
	(void)state;
	static const char *const settings[] = { "{\"base_url\":\"https://evil.example\"}",
		"{\"policy\":\"/tmp/p.yaml\"}", "{\"template\":\"/tmp/t.yaml\"}",
		"{\"template\":\"./t\"}" };
	CUA_AUTO_JSON cJSON *actor = serve_json(&stage, "POST", "/v1/tokens",
			"{\"name\":\"actor\",\"scopes\":[\"act\"]}", 201);
	for (size_t i = 0; i < CUA_ARRAY_LEN(settings); i++) {
		char run[200], project[200];
		snprintf(run, sizeof(run), "{\"task\":\"x\",\"settings\":%s}", settings[i]);
		snprintf(project, sizeof(project), "{\"defaults\":%s}", settings[i]);
		const struct serve_call calls[] = {
			{ "POST", "/v1/runs", run, cua_json_text(actor, "token"), { 0 } },
			{ "PATCH", "/v1/projects/default", project, cua_json_text(actor, "token"),
					{ 0 } }
		};
		for (size_t k = 0; k < CUA_ARRAY_LEN(calls); k++) {
			struct serve_answer answer = serve_send(&stage, &calls[k]);
			if (answer.status != 403) {
				fail_msg("%s: %ld %s", settings[i], answer.status, answer.text);
			}
			serve_answer_finish(&answer);
		}
	}
}

static void what_is_told_once_is_not_kept(void **state)
{
	(void)state;
	const struct serve_call call = { "POST", "/v1/tokens",
		"{\"name\":\"x\",\"scopes\":[\"watch\"]}", NULL, { "Idempotency-Key: 1" } };
	struct serve_answer answer = serve_send(&stage, &call);
	assert_int_equal(answer.status, 400);
	serve_answer_finish(&answer);
}

static void a_large_body_is_refused(void **state)
{
	(void)state;
	const size_t len = 70000;
	CUA_AUTO_FREE char *body = malloc(len + 32);
	assert_non_null(body);
	int at = snprintf(body, 32, "{\"login\":[");
	for (; (size_t)at < len; at += 2) {
		memcpy(body + at, "0,", 2);
	}
	snprintf(body + at, 8, "0]}");
	const struct serve_call call = { "POST", "/v1/login", body, "", { 0 } };
	struct serve_answer answer = serve_send(&stage, &call);
	assert_int_equal(answer.status, 413);
	serve_answer_finish(&answer);
}

static void one_that_waits_can_be_cancelled(void **state)
{
	(void)state;
	char path[128];
	/* Whether it waits still or has begun by then. */
	CUA_AUTO_FREE char *id = start_run("click twice");
	snprintf(path, sizeof(path), "/v1/runs/%s/cancel", id);
	const struct serve_call cancel = { "POST", path, NULL, NULL, { 0 } };
	struct serve_answer answer = serve_send(&stage, &cancel);
	assert_true(answer.status == 202 || answer.status == 409);
	serve_answer_finish(&answer);
	wait_until(has_ended, id, "the end of a run");
	CUA_AUTO_JSON cJSON *run = get_run(id);
	const char *ended = cua_json_text(run, "state");
	assert_true(strcmp(ended, "cancelled") == 0 || strcmp(ended, "interrupted") == 0 ||
			strcmp(ended, "done") == 0);
	snprintf(path, sizeof(path), "/v1/runs/%s", id);
	cJSON_Delete(serve_json(&stage, "DELETE", path, NULL, 204));
	cJSON_Delete(serve_json(&stage, "GET", path, NULL, 404));
}

static void bad_requests_are_told_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *method, *path, *body;
		long status;
		const char *says;
	} calls[] = {
		{ "POST", "/v1/runs", "{\"tsk\":\"x\"}", 400, "did you mean" },
		{ "POST", "/v1/runs", "{}", 400, "task is missing" },
		{ "POST", "/v1/runs", "{\"task\":3}", 400, "task must be a text" },
		{ "POST", "/v1/runs", "{\"task\":\"x\",\"task\":\"y\"}", 400, "twice" },
		{ "POST", "/v1/runs", "{\"task\":\" \"}", 400, "empty" },
		{ "POST", "/v1/runs", "{\"task\":\"x\",\"settings\":{\"dpi\":1}}", 400,
				"settings.dpi must be from 96 to 192" },
		{ "POST", "/v1/runs", "[", 400, "no JSON" },
		{ "POST", "/v1/runs", "{\"task\":\"x\",\"project\":\"none\"}", 404, "project" },
		{ "GET", "/v1/runs/none", NULL, 404, "no such run" },
		{ "GET", "/v1/runs?limit=0", NULL, 400, "from 1 to 500" },
		{ "GET", "/v1/runs?limt=1", NULL, 400, "did you mean" },
		{ "GET", "/v1/none", NULL, 404, "openapi.json" },
		{ "PUT", "/v1/runs", NULL, 405, "GET" },
		{ "GET", "/v1/runs/../../etc/passwd", NULL, 404, "" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(calls); i++) {
		const struct serve_call call = { calls[i].method, calls[i].path, calls[i].body,
			NULL, { 0 } };
		struct serve_answer answer = serve_send(&stage, &call);
		if (answer.status != calls[i].status || !strstr(answer.text, calls[i].says)) {
			fail_msg("%s %s %s: %ld %s", call.method, call.path,
					call.body ? call.body : "", answer.status, answer.text);
		}
		assert_says(answer.headers, "application/problem+json");
		serve_answer_finish(&answer);
	}
}

static void a_repeated_request_is_done_once(void **state)
{
	(void)state;
	const struct serve_call call = { "POST", "/v1/projects", "{\"name\":\"once\"}", NULL,
		{ "Idempotency-Key: 7" } };
	const struct serve_call other = { "POST", "/v1/projects", "{\"name\":\"twice\"}", NULL,
		{ "Idempotency-Key: 7" } };
	struct serve_answer first = serve_send(&stage, &call), second = serve_send(&stage, &call);
	struct serve_answer third = serve_send(&stage, &other);
	assert_int_equal(first.status, 201);
	assert_int_equal(second.status, 201);
	assert_string_equal(first.text, second.text);
	assert_int_equal(third.status, 422);
	serve_answer_finish(&first);
	serve_answer_finish(&second);
	serve_answer_finish(&third);
}

static void a_run_is_watched_to_its_end(void **state)
{
	(void)state;
	char path[160];
	CUA_AUTO_FREE char *id = start_run("click twice");
	snprintf(path, sizeof(path), "/v1/runs/%s/events", id);
	/* The answer ends with the run. */
	const struct serve_call watch = { "GET", path, NULL, NULL, { 0 } };
	struct serve_answer events = serve_send(&stage, &watch);
	CUA_AUTO_JSON cJSON *run = get_run(id);
	expect_done(run);
	assert_int_equal(events.status, 200);
	assert_says(events.headers, "text/event-stream");
	assert_says(events.text, "id: 1\ndata: {\"event\":{\"seq\":1,");
	assert_says(events.text, "\"type\":\"run_start\"");
	assert_says(events.text, "\"type\":\"run_end\"");
	assert_says(events.text, "data: {\"over\":true}\n\n");
	/* From an event on, which is not told again. */
	const struct serve_call rest = { "GET", path, NULL, NULL, { "Last-Event-ID: 3" } };
	struct serve_answer later = serve_send(&stage, &rest);
	assert_null(strstr(later.text, "id: 3\n"));
	assert_says(later.text, "id: 4\n");
	serve_answer_finish(&events);
	serve_answer_finish(&later);
}

/* Whether it was killed before, while or after the agent began. */
static void a_killed_server_loses_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		CUA_AUTO_FREE char *id = start_run("click twice");
		serve_stage_kill_and_start(&stage);
		wait_until(has_ended, id, "the end of a run");
		CUA_AUTO_JSON cJSON *run = get_run(id);
		expect_done(run);
	}
}

static void a_second_server_is_refused(void **state)
{
	(void)state;
	struct output output;
	world_cua(&stage.world, &output, "serve", "--port=0", NULL);
	expect_status(&output, 1, "a second server");
	assert_says(output.err, "a server runs already");
	output_finish(&output);
}

static void beyond_this_machine_it_wants_tls(void **state)
{
	(void)state;
	struct output output;
	world_cua(&stage.world, &output, "serve", "--address=0.0.0.0", NULL);
	expect_status(&output, 2, "a server for everybody");
	assert_says(output.err, "--tls-cert");
	output_finish(&output);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_may_what_its_scopes_say),
		cmocka_unit_test(who_acts_names_no_policy_and_no_address),
		cmocka_unit_test(what_is_told_once_is_not_kept),
		cmocka_unit_test(a_large_body_is_refused),
		cmocka_unit_test(one_that_waits_can_be_cancelled),
		cmocka_unit_test(bad_requests_are_told_what_is_wrong),
		cmocka_unit_test(a_repeated_request_is_done_once),
		cmocka_unit_test(a_run_is_watched_to_its_end),
		cmocka_unit_test(a_killed_server_loses_nothing),
		cmocka_unit_test(a_second_server_is_refused),
		cmocka_unit_test(beyond_this_machine_it_wants_tls),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}
