/* Requests that cannot be granted: one clear error each, and nothing happens on the screen. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/desktop_recorder.h"

static struct world world;
static struct desktop desktop;

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "refusals");
	recorder_start(&desktop);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

static char etag_before[128];

static void read_etag(char *etag, size_t size)
{
	struct cua_http_response response;
	assert_int_equal(desktop_http(&desktop, "GET", "/v1/screenshot?pointer=1", NULL, 0, NULL,
					 &response),
			200);
	snprintf(etag, size, "%s", response.etag);
	cua_http_response_finish(&response);
}

static int look(void **state)
{
	(void)state;
	recorder_mark(&desktop);
	read_etag(etag_before, sizeof(etag_before));
	return 0;
}

static int nothing_has_happened(void **state)
{
	(void)state;
	char etag[128];
	read_etag(etag, sizeof(etag));
	assert_string_equal(etag, etag_before);
	CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, NULL);
	assert_int_equal(cJSON_GetArraySize(events), 0);
	assert_nothing_held(&desktop);
	return 0;
}

static void check_error(const char *body, long status, long wanted_status, const cJSON *answer,
		const char *const *words)
{
	const char *message = json_text(answer, "error.message");
	if (status != wanted_status) {
		fail_msg("%.200s: status %ld, not %ld: %s", body, status, wanted_status, message);
	}
	assert_string_equal(json_text(answer, "error.class"), "caller");
	for (; *words; words++) {
		if (!strstr(message, *words)) {
			fail_msg("%.200s: \"%s\" lacks \"%s\"", body, message, *words);
		}
	}
	assert_null(strchr(message, '\n'));
}

struct refusal {
	const char *body;
	long status;
	const char *words[4]; /* the message names them */
};

static void expect_refusals(const struct refusal *refusals, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		long status = 0;
		CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop, refusals[i].body, &status);
		check_error(refusals[i].body, status, refusals[i].status, answer,
				refusals[i].words);
		assert_int_equal(cJSON_GetArraySize(json_at(answer, "results")), 0);
	}
}

#define ACTION(text) "{\"actions\":[{\"action\":" text "}]}"

static void a_wrong_value_is_named_with_its_bound(void **state)
{
	(void)state;
	static const struct refusal refusals[] = {
		{ ACTION("\"fly\""), 400, { "fly" } },
		{ ACTION("7"), 400, { "action" } },
		{ ACTION("\"move\",\"x\":1280,\"y\":0"), 400, { "x", "1280", "1279" } },
		{ ACTION("\"move\",\"x\":0,\"y\":800"), 400, { "y", "800", "799" } },
		{ ACTION("\"click\",\"x\":-1,\"y\":0"), 400, { "x", "-1", "0" } },
		{ ACTION("\"click\",\"x\":1e99,\"y\":0"), 400, { "x" } },
		{ ACTION("\"click\",\"x\":1.5,\"y\":0"), 400, { "x", "1.5", "integer" } },
		{ ACTION("\"click\",\"x\":\"1\",\"y\":0"), 400, { "x", "integer" } },
		{ ACTION("\"click\",\"x\":1"), 400, { "y" } },
		{ ACTION("\"click\",\"z\":1"), 400, { "z" } },
		{ ACTION("\"click\",\"count\":4"), 400, { "count", "4", "3" } },
		{ ACTION("\"click\",\"button\":\"fire\""), 400, { "fire", "left" } },
		{ ACTION("\"click\",\"keys\":[1]"), 400, { "keys" } },
		{ ACTION("\"drag\",\"path\":[[1,1]]"), 400, { "path", "1 points", "2" } },
		{ ACTION("\"drag\",\"path\":[[1,1],[2,900]]"), 400, { "path[1]", "900", "799" } },
		{ ACTION("\"drag\",\"path\":[[1,1],[2]]"), 400, { "path[1]" } },
		{ ACTION("\"scroll\",\"scroll_y\":101"), 400, { "scroll_y", "101", "100" } },
		{ ACTION("\"key\",\"keys\":\"Hyperdrive\""), 400, { "Hyperdrive" } },
		{ ACTION("\"key\",\"keys\":\"\""), 400, { "keys" } },
		{ ACTION("\"key\",\"keys\":\"a\",\"count\":0"), 400, { "count", "0", "1" } },
		{ ACTION("\"key\",\"keys\":\"a+b+c+d+e+f+g+h+i\""), 400, { "8" } },
		{ ACTION("\"hold_key\",\"keys\":\"a\""), 400, { "duration_ms" } },
		{ ACTION("\"wait\",\"duration_ms\":60001"), 400, { "60001", "60000" } },
		{ ACTION("\"type\",\"text\":5"), 400, { "text", "string" } },
		{ ACTION("\"type\",\"text\":\"a\\u0007b\""), 400, { "U+0007", "1" } },
		{ ACTION("\"type\",\"text\":\"\\u001b[2J\""), 400, { "U+001B", "0" } },
		{ ACTION("\"screenshot\",\"region\":[0,0,1281,1]"), 400, { "1281", "1280" } },
		{ ACTION("\"screenshot\",\"region\":[0,0,0,1]"), 400, { "width", "0", "1" } },
		{ ACTION("\"screenshot\",\"max_edge\":-1"), 400, { "max_edge", "-1" } },
		{ ACTION("\"open_app\",\"name\":\"\""), 400, { "name", "empty" } },
		{ ACTION("\"open_url\",\"url\":\"--no-sandbox\""), 400,
				{ "--no-sandbox", "http" } },
		{ ACTION("\"focus_window\",\"window\":\"no\""), 400, { "window" } },
		{ ACTION("\"focus_window\",\"window\":99"), 404, { "99" } },
		{ ACTION("\"close_window\",\"window\":99"), 404, { "99" } },
		{ ACTION("\"open_app\",\"name\":\"no such program\""), 404, { "no such program" } },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(refusals); i++) {
		long status = 0;
		CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop, refusals[i].body, &status);
		check_error(refusals[i].body, status, refusals[i].status, answer,
				refusals[i].words);
		if (json_number(answer, "error.action") != 0) {
			fail_msg("%s: no index of the action", refusals[i].body);
		}
	}
}

static void a_wrong_body_is_refused(void **state)
{
	(void)state;
	static const struct refusal refusals[] = {
		{ "", 400, { "" } },
		{ "not JSON", 400, { "JSON" } },
		{ ACTION("\"type\",\"text\":\"ab\\u0000c\""), 400, { "NUL" } },
		{ ACTION("\"type\",\"text\":\"\\ud800\""), 400, { "" } },
		{ "[]", 400, { "" } },
		{ "{}", 400, { "actions" } },
		{ "{\"actions\":[]}", 400, { "actions" } },
		{ "{\"actions\":{}}", 400, { "actions" } },
		{ "{\"actions\":[5]}", 400, { "" } },
		{ "{\"actions\":[{\"action\":\"click\"}],\"speed\":9}", 400, { "speed" } },
		{ "{\"actions\":[{\"action\":\"click\"}],\"settle\":{\"timeout_ms\":-1}}", 400,
				{ "timeout_ms", "-1" } },
		{ "{\"actions\":[{\"action\":\"click\"}],\"screenshot\":7}", 400,
				{ "screenshot" } },
		{ "{\"actions\":[{\"action\":\"click\"}],\"keep_held\":\"yes\"}", 400,
				{ "keep_held" } },
		{ "{\"actions\":[{\"action\":\"click\"}]} trailing", 400, { "" } },
		{ "{\"actions\":[{\"action\":\"type\",\"text\":\"\xc3(\"}]}", 400, { "UTF-8" } },
		{ "{\"actions\":[{\"action\":\"type\",\"text\":\"\xed\xa0\x80\"}]}", 400,
				{ "UTF-8" } },
	};
	expect_refusals(refusals, CUA_ARRAY_LEN(refusals));
}

/* All actions are checked before the first runs. */
static void a_wrong_action_late_in_the_list_keeps_the_first_from_running(void **state)
{
	(void)state;
	static const struct refusal refusals[] = {
		{ "{\"actions\":[{\"action\":\"click\",\"x\":3,\"y\":3},{\"action\":\"fly\"}]}",
				400, { "1", "fly" } },
		{ "{\"actions\":[{\"action\":\"move\",\"x\":3,\"y\":3},"
		  "{\"action\":\"type\",\"text\":\"\\u0001\"}]}",
				400, { "1", "U+0001" } },
		{ "{\"actions\":[{\"action\":\"move\",\"x\":3,\"y\":3},{\"action\":\"mouse_up\"}]}",
				400, { "mouse_up", "left" } },
		{ "{\"actions\":[{\"action\":\"mouse_down\"},{\"action\":\"mouse_down\"}]}", 400,
				{ "mouse_down", "left" } },
		{ "{\"actions\":[{\"action\":\"mouse_down\"},"
		  "{\"action\":\"mouse_up\",\"button\":\"right\"}]}",
				400, { "mouse_up", "right" } },
	};
	expect_refusals(refusals, CUA_ARRAY_LEN(refusals));
}

static void a_list_of_257_actions_is_refused(void **state)
{
	(void)state;
	char body[16384] = "{\"actions\":[";
	for (int i = 0; i < 257; i++) {
		strcat(body, i > 0 ? ",{\"action\":\"click\"}" : "{\"action\":\"click\"}");
	}
	strcat(body, "]}");
	const struct refusal refusal = { body, 413, { "257", "256" } };
	expect_refusals(&refusal, 1);
}

static void a_text_over_64_kib_is_refused(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *body = NULL;
	CUA_AUTO_FREE char *text = calloc(1, 65538);
	memset(text, 'a', 65537);
	assert_true(asprintf(&body, ACTION("\"type\",\"text\":\"%s\""), text) > 0);
	const struct refusal refusal = { body, 413, { "text", "65537", "65536" } };
	expect_refusals(&refusal, 1);
}

static void a_body_over_16_mebibytes_is_refused(void **state)
{
	(void)state;
	const size_t len = ((size_t)16 << 20) + 1;
	CUA_AUTO_FREE char *body = malloc(len + 1);
	memset(body, ' ', len);
	body[len] = '\0';
	/* One that does not say how much it will send is not waited for. */
	static const struct {
		const char *header, *word;
		long status;
	} requests[] = { { NULL, "16777216", 413 },
		{ "Transfer-Encoding: chunked", "content-length", 411 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(requests); i++) {
		struct cua_http_response response;
		const long status = desktop_http(&desktop, "POST", "/v1/actions", body, len,
				requests[i].header, &response);
		CUA_AUTO_JSON cJSON *answer =
				cJSON_Parse(response.body.data ? response.body.data : "");
		check_error("16 MiB and one", status, requests[i].status, answer,
				(const char *const[]){ requests[i].word, NULL });
		cua_http_response_finish(&response);
		desktop_disconnect(&desktop);
	}
}

static void paths_and_methods_that_do_not_exist_are_told_apart(void **state)
{
	(void)state;
	static const struct {
		const char *method, *path;
		long status;
		const char *word;
	} requests[] = {
		{ "GET", "/", 404, "/" },
		{ "GET", "/v2/desktop", 404, "/v2/desktop" },
		{ "POST", "/v1/action", 404, "/v1/action" },
		{ "DELETE", "/v1/desktop", 405, "DELETE" },
		{ "PUT", "/v1/actions", 405, "PUT" },
		{ "POST", "/v1/screenshot", 405, "POST" },
		{ "GET", "/v1/resume", 405, "GET" },
		{ "GET", "/v1/screenshot?region=0,0,1281,1", 400, "1281" },
		{ "GET", "/v1/screenshot?region=zero", 400, "region" },
		{ "GET", "/v1/screenshot?max_edge=-1", 400, "max_edge" },
		{ "GET", "/v1/screenshot?colour=blue", 400, "colour" },
		{ "GET", "/v1/lease?wait_ms=forever", 400, "wait_ms" },
		{ "GET", "/v1/lease?wait_ms=60001", 400, "60000" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(requests); i++) {
		struct cua_http_response response;
		const bool has_body = strcmp(requests[i].method, "P") > 0;
		const long status = desktop_http(&desktop, requests[i].method, requests[i].path,
				has_body ? "{}" : NULL, has_body ? 2 : 0, NULL, &response);
		CUA_AUTO_JSON cJSON *answer =
				cJSON_Parse(response.body.data ? response.body.data : "");
		check_error(requests[i].path, status, requests[i].status, answer,
				(const char *const[]){ requests[i].word, NULL });
		cua_http_response_finish(&response);
	}
}

/* --- the command line --- */

static void expect_command_refused(int exit_status, const char *const *argv, const char *word)
{
	struct output output;
	world_exec(&world, argv, NULL, NULL, 0, &output);
	if (output.exit_status != exit_status || !strstr(output.err, word)) {
		fail_msg("cua %s %s: status %d: %s", argv[1], argv[2] ? argv[2] : "",
				output.exit_status, output.err);
	}
	assert_string_equal(output.out, "");
	output_finish(&output);
}

static void the_command_line_says_what_is_wrong(void **state)
{
	(void)state;
	const char *cua = world.program;
	const struct {
		int exit_status;
		const char *argv[8];
		const char *word;
	} commands[] = {
		{ 2, { cua, "fly" }, "fly" },
		{ 1, { cua, "click", "1280", "0" }, "1279" },
		{ 1, { cua, "click", "one", "0" }, "integer" },
		{ 2, { cua, "click", "1", "2", "left", "--colour=red" }, "--colour" },
		{ 2, { cua, "wait", "1", "2" }, "too many" },
		{ 1, { cua, "move", "1" }, "y" },
		{ 1, { cua, "key", "Hyperdrive" }, "Hyperdrive" },
		{ 1, { cua, "type", "a\ab" }, "U+0007" },
		{ 1, { cua, "type", "\xff" }, "UTF-8" },
		{ 1, { cua, "mouse_up" }, "not down" },
		{ 1, { cua, "click", "-d", "nobody", "1", "1" }, "nobody" },
		{ 1, { cua, "desktop", "stop", "nobody" }, "nobody" },
		{ 1, { cua, "desktop", "exec", "-d", "nobody", "true" }, "nobody" },
		{ 2, { cua, "desktop", "exec" }, "command" },
		{ 2, { cua, "desktop", "stop" }, "name" },
		{ 2, { cua, "desktop", "paint" }, "paint" },
		{ 1, { cua, "desktop", "exec", "no-such-program" }, "no-such-program" },
		{ 1, { cua, "focus_window", "99" }, "99" },
		{ 1, { cua, "open_app", "no such program" }, "no such program" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(commands); i++) {
		expect_command_refused(commands[i].exit_status, commands[i].argv, commands[i].word);
	}
}

#define REFUSAL_TEST(function) cmocka_unit_test_setup_teardown(function, look, nothing_has_happened)

int main(void)
{
	const struct CMUnitTest tests[] = {
		REFUSAL_TEST(a_wrong_value_is_named_with_its_bound),
		REFUSAL_TEST(a_wrong_body_is_refused),
		REFUSAL_TEST(a_wrong_action_late_in_the_list_keeps_the_first_from_running),
		REFUSAL_TEST(a_list_of_257_actions_is_refused),
		REFUSAL_TEST(a_text_over_64_kib_is_refused),
		REFUSAL_TEST(a_body_over_16_mebibytes_is_refused),
		REFUSAL_TEST(paths_and_methods_that_do_not_exist_are_told_apart),
		REFUSAL_TEST(the_command_line_says_what_is_wrong),
	};
	return cmocka_run_group_tests_name("desktop_refusals", tests, start, finish);
}
