/* `cua serve`: what changes is told to whoever watches, from any number on. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/serve_socket.h"
#include "tests/standin_process.h"

#define POLICY \
	"include: default\nrules:\n  - ask: clicks\n    when: {action: click}\n    why: it may " \
	"press anything\n"

static struct serve_stage stage;
static struct standin_process model;
static char policy[256];

static int begin(void **state)
{
	(void)state;
	serve_stage_open(&stage);
	standin_process_start(&model, NULL);
	serve_stage_keep_key(&stage);
	snprintf(policy, sizeof(policy), "%s", world_path(&stage.world, "policy.yaml"));
	return cua_file_write(policy, POLICY, strlen(POLICY), 0644, NULL) != CUA_OK;
}

static int finish(void **state)
{
	(void)state;
	standin_process_stop(&model);
	serve_stage_close(&stage);
	return 0;
}

/* The id of a new run, the caller's. */
static char *start_run(void)
{
	char body[768];
	snprintf(body, sizeof(body),
			"{\"task\":\"click twice\",\"settings\":{\"model\":\"standin\",\"api\":"
			"\"responses\",\"base_url\":\"%s\",\"policy\":\"%s\"}}",
			model.url, policy);
	CUA_AUTO_JSON cJSON *run = serve_json(&stage, "POST", "/v1/runs", body, 201);
	return strdup(cua_json_text(run, "id"));
}

/* Reads on to the message that says this of that; id, state: NULL for any. The caller's. */
static cJSON *read_of(const struct serve_socket *feed, const char *event, const char *id,
		const char *state)
{
	double seq = 0;
	for (cJSON *message; (message = serve_socket_next(feed));) {
		assert_true(cua_json_number(message, "seq") > seq);
		seq = cua_json_number(message, "seq");
		if (strcmp(cua_json_text(message, "event"), event) == 0 &&
				(!id || strcmp(cua_json_text(message, event), id) == 0) &&
				(!state || strcmp(cua_json_text(message, "state"), state) == 0)) {
			return message;
		}
		cJSON_Delete(message);
	}
	fail_msg("the feed ended before %s %s", event, state ? state : "");
	return NULL;
}

static cJSON *read_until(const struct serve_socket *feed, const char *event, const char *state)
{
	return read_of(feed, event, NULL, state);
}

static void answer(const char *approval, const char *text)
{
	char path[128], body[64];
	snprintf(path, sizeof(path), "/v1/approvals/%s", approval);
	snprintf(body, sizeof(body), "{\"answer\":\"%s\"}", text);
	cJSON_Delete(serve_json(&stage, "POST", path, body, 200));
}

static struct serve_socket open_feed(bool is_websocket, const char *path)
{
	struct serve_socket feed = serve_socket_open(&stage, path, is_websocket, NULL, NULL);
	assert_int_equal(feed.status, is_websocket ? 101 : 200);
	return feed;
}

static void a_run_is_told_of_from_its_beginning_to_its_end(void **state)
{
	(void)state;
	for (int is_websocket = 0; is_websocket < 2; is_websocket++) {
		struct serve_socket feed = open_feed(is_websocket, "/v1/events");
		cJSON_Delete(read_until(&feed, "reset", NULL));
		CUA_AUTO_FREE char *id = start_run();
		CUA_AUTO_JSON cJSON *first = read_until(&feed, "run", NULL);
		assert_string_equal(cua_json_text(first, "run"), id);
		assert_string_equal(cua_json_text(first, "project"), "default");
		for (int i = 0; i < 2; i++) {
			CUA_AUTO_JSON cJSON *asked = read_until(&feed, "approval", "open");
			assert_string_equal(cua_json_text(asked, "run"), id);
			assert_string_equal(cua_json_text(asked, "reason"),
					"it may press "
					"anything");
			answer(cua_json_text(asked, "approval"), "yes");
			CUA_AUTO_JSON cJSON *over = read_until(&feed, "approval", "over");
			assert_string_equal(cua_json_text(over, "approval"),
					cua_json_text(asked, "approval"));
		}
		CUA_AUTO_JSON cJSON *done = read_until(&feed, "run", "done");
		assert_string_equal(cua_json_text(done, "run"), id);
		assert_true(cJSON_IsNull(cua_json_member(done, "now")));
		serve_socket_close(&feed);
	}
}

static void a_desktop_is_told_of_whoever_starts_it(void **state)
{
	(void)state;
	struct serve_socket feed = open_feed(true, "/v1/events");
	cJSON_Delete(read_until(&feed, "reset", NULL));
	world_expect(&stage.world, 0, "desktop", "start", "--name=fed", NULL);
	CUA_AUTO_JSON cJSON *running = read_of(&feed, "desktop", "fed", NULL);
	assert_string_equal(cua_json_text(running, "state"), "running");
	/* Its host dies. */
	struct cua_buffer text;
	cua_buffer_init(&text, 1 << 20);
	assert_int_equal(cua_file_read(world_path(&stage.world, "run/desktops/fed/desktop.json"),
					 &text, NULL),
			CUA_OK);
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(text.data);
	cua_buffer_finish(&text);
	const pid_t host = (pid_t)cua_json_int(cua_json_member(json, "host"), "pid");
	assert_true(host > 0);
	kill(host, SIGKILL);
	cJSON_Delete(read_of(&feed, "desktop", "fed", "detached"));
	world_expect(&stage.world, 0, "desktop", "start", "--name=fed", NULL);
	cJSON_Delete(read_of(&feed, "desktop", "fed", "running"));
	world_expect(&stage.world, 0, "desktop", "stop", "fed", NULL);
	cJSON_Delete(read_of(&feed, "desktop", "fed", "gone"));
	serve_socket_close(&feed);
}

static void one_goes_on_where_it_was(void **state)
{
	(void)state;
	char path[96], further[64];
	struct serve_socket feed = open_feed(false, "/v1/events");
	CUA_AUTO_JSON cJSON *reset = read_until(&feed, "reset", NULL);
	serve_socket_close(&feed);
	cJSON_Delete(serve_json(&stage, "POST", "/v1/desktops", "{\"name\":\"later\"}", 201));
	/* Whatever happened meanwhile comes, without a reset. */
	snprintf(path, sizeof(path), "/v1/events?after=%.0f", cua_json_number(reset, "seq"));
	snprintf(further, sizeof(further), "Last-Event-ID: %.0f\r\n",
			cua_json_number(reset, "seq"));
	struct serve_socket again = open_feed(true, path);
	CUA_AUTO_JSON cJSON *first = serve_socket_next(&again);
	assert_string_equal(cua_json_text(first, "desktop"), "later");
	serve_socket_close(&again);
	again = serve_socket_open(&stage, "/v1/events", false, NULL, further);
	CUA_AUTO_JSON cJSON *same = serve_socket_next(&again);
	assert_true(cJSON_Compare(first, same, true));
	serve_socket_close(&again);
	/* A new server does not know, and says so. */
	serve_stage_kill_and_start(&stage);
	again = open_feed(false, path);
	cJSON_Delete(read_until(&again, "reset", NULL));
	serve_socket_close(&again);
	cJSON_Delete(serve_json(&stage, "DELETE", "/v1/desktops/later", NULL, 204));
}

static void it_is_for_who_may_watch(void **state)
{
	(void)state;
	for (int is_websocket = 0; is_websocket < 2; is_websocket++) {
		struct serve_socket none =
				serve_socket_open(&stage, "/v1/events", is_websocket, "", NULL);
		assert_int_equal(none.status, 401);
		serve_socket_close(&none);
		struct serve_socket other = serve_socket_open(&stage, "/v1/events", is_websocket,
				NULL, "Origin: https://evil.example\r\n");
		assert_int_equal(other.status, 403);
		serve_socket_close(&other);
		struct serve_socket bad = serve_socket_open(
				&stage, "/v1/events?after=x", is_websocket, NULL, NULL);
		assert_int_equal(bad.status, 400);
		serve_socket_close(&bad);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_is_told_of_from_its_beginning_to_its_end),
		cmocka_unit_test(a_desktop_is_told_of_whoever_starts_it),
		cmocka_unit_test(one_goes_on_where_it_was),
		cmocka_unit_test(it_is_for_who_may_watch),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}
