/* /mcp of `cua serve`: every revision over POSTs that stand for themselves, on a real desktop. The
 * protocol itself is tested in mcp_serve*; here, what HTTP, tokens and desktops make of it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/json_path.h"
#include "tests/serve_stage.h"

static struct serve_stage stage;
static char watcher[128]; /* a token that may only watch */

static int begin(void **state)
{
	(void)state;
	serve_stage_open(&stage);
	CUA_AUTO_JSON cJSON *token = serve_json(&stage, "POST", "/v1/tokens",
			"{\"name\":\"watcher\",\"scopes\":[\"watch\"]}", 201);
	snprintf(watcher, sizeof(watcher), "%s", cua_json_text(token, "token"));
	cJSON_Delete(serve_json(&stage, "POST", "/v1/desktops", "{\"name\":\"mcp\"}", 201));
	return 0;
}

static int finish(void **state)
{
	(void)state;
	cJSON_Delete(serve_json(&stage, "DELETE", "/v1/desktops/mcp", NULL, 204));
	serve_stage_close(&stage);
	return 0;
}

/* revision: of the header; NULL: none. */
static struct serve_answer post(const char *token, const char *revision, const char *body)
{
	char header[64];
	struct serve_call call = { "POST", "/mcp", body, token,
		{ "Accept: application/json, text/event-stream" } };
	if (revision) {
		snprintf(header, sizeof(header), "MCP-Protocol-Version: %s", revision);
		call.headers[1] = header;
	}
	return serve_send(&stage, &call);
}

#define CALL(name, arguments) \
	"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"" name \
	"\",\"arguments\":" arguments "}}"
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}"

static void a_handshake_is_answered(void **state)
{
	(void)state;
	static const char *const revisions[] = { "2025-03-26", "2025-06-18", "2025-11-25" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(revisions); i++) {
		char body[400];
		snprintf(body, sizeof(body),
				"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\","
				"\"params\":{"
				"\"protocolVersion\":\"%s\",\"capabilities\":{},\"clientInfo\":{"
				"\"name\":"
				"\"t\",\"version\":\"1\"}}}",
				revisions[i]);
		struct serve_answer answer = post(NULL, NULL, body);
		assert_int_equal(answer.status, 200);
		assert_string_equal(cua_json_text(cua_json_member(answer.json, "result"),
						    "protocolVersion"),
				revisions[i]);
		serve_answer_finish(&answer);
	}
	struct serve_answer said = post(NULL, "2025-06-18",
			"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
	assert_int_equal(said.status, 202);
	assert_null(said.text);
	serve_answer_finish(&said);
}

static bool offers(const char *token, const char *tool)
{
	struct serve_answer answer = post(token, "2025-06-18", LIST);
	const cJSON *tools = cua_json_member(cua_json_member(answer.json, "result"), "tools");
	const cJSON *each = NULL;
	bool is_there = false;
	assert_true(cJSON_GetArraySize(tools) > 3);
	cJSON_ArrayForEach (each, tools) {
		is_there = is_there || strcmp(cua_json_text(each, "name"), tool) == 0;
	}
	serve_answer_finish(&answer);
	return is_there;
}

static void a_token_is_offered_what_it_may(void **state)
{
	(void)state;
	assert_true(offers(NULL, "click"));
	assert_true(offers(NULL, "bash"));
	assert_true(offers(watcher, "screenshot"));
	assert_false(offers(watcher, "click"));
	assert_false(offers(watcher, "bash"));
	struct serve_answer answer =
			post(watcher, "2025-06-18", CALL("bash", "{\"command\":\"touch ~/x\"}"));
	assert_non_null(cua_json_member(answer.json, "error"));
	serve_answer_finish(&answer);
}

static void calls_reach_the_desktop(void **state)
{
	(void)state;
	struct serve_answer said =
			post(NULL, "2025-06-18", CALL("bash", "{\"command\":\"echo $((6*7))\"}"));
	assert_int_equal(said.status, 200);
	assert_says(said.text, "42");
	struct serve_answer seen = post(watcher, "2025-06-18", CALL("screenshot", "{}"));
	assert_says(seen.text, "\"mimeType\":\"image/png\"");
	assert_says(seen.text, "iVBORw0KGgo");
	struct serve_answer moved = post(NULL, "2025-06-18", CALL("move", "{\"x\":33,\"y\":44}"));
	struct serve_answer at = post(watcher, "2025-06-18", CALL("cursor_position", "{}"));
	assert_says(at.text, "33");
	assert_says(at.text, "44");
	struct serve_answer none =
			post(NULL, "2025-06-18", CALL("screenshot", "{\"desktop\":\"nowhere\"}"));
	assert_says(none.text, "nowhere");
	serve_answer_finish(&said);
	serve_answer_finish(&seen);
	serve_answer_finish(&moved);
	serve_answer_finish(&at);
	serve_answer_finish(&none);
}

static void what_is_no_message_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *revision, *body;
		long status;
	} rows[] = { { NULL, "", 400 }, { NULL, "[", 400 }, { NULL, "[]", 400 },
		{ NULL, "{\"jsonrpc\":\"2.0\"}", 400 }, { "1999-01-01", LIST, 400 },
		/* The newest revision wants its headers to agree with the message. */
		{ "2026-07-28", LIST, 400 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct serve_answer answer = post(NULL, rows[i].revision, rows[i].body);
		if (answer.status != rows[i].status || !cua_json_member(answer.json, "error")) {
			fail_msg("%s: %ld %s", rows[i].body, answer.status, answer.text);
		}
		serve_answer_finish(&answer);
	}
}

static void others_are_turned_away(void **state)
{
	(void)state;
	const struct {
		struct serve_call call;
		long status;
	} rows[] = { { { "POST", "/mcp", LIST, "", { 0 } }, 401 },
		{ { "POST", "/mcp", LIST, "cua_000000000000_x", { 0 } }, 401 },
		{ { "POST", "/mcp", LIST, NULL, { "Origin: http://evil.example" } }, 403 },
		{ { "POST", "/mcp", LIST, NULL, { "Host: evil.example" } }, 421 },
		{ { "GET", "/mcp", NULL, NULL, { 0 } }, 405 },
		{ { "DELETE", "/mcp", NULL, NULL, { 0 } }, 405 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct serve_answer answer = serve_send(&stage, &rows[i].call);
		if (answer.status != rows[i].status) {
			fail_msg("row %zu: %ld %s", i, answer.status, answer.text);
		}
		serve_answer_finish(&answer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_handshake_is_answered),
		cmocka_unit_test(a_token_is_offered_what_it_may),
		cmocka_unit_test(calls_reach_the_desktop),
		cmocka_unit_test(what_is_no_message_is_refused),
		cmocka_unit_test(others_are_turned_away),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}
