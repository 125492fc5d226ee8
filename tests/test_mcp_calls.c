#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/json_path.h"
#include "tests/mcp_core.h"

/* Calls of tools of the MCP server: what is answered, told meanwhile, cancelled, refused. */

static void a_tool_answers_with_text_and_object(void **state)
{
	(void)state;
	const cJSON *answer = mcp_say(MCP_CALL("1", "repeat", "{\"a\":[1,null],\"b\":null}"));
	assert_string_equal(json_text(answer, "result.content.0.text"), "{\"a\":[1,null]}");
	assert_int_equal(json_number(answer, "result.structuredContent.a.0"), 1);
	assert_true(cJSON_IsFalse(json_at(answer, "result.isError")));
	assert_string_equal(json_text(answer, "result.resultType"), "complete");
	(void)mcp_say(HELLO("2025-03-26"));
	answer = mcp_say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
			 "{\"name\":\"repeat\"}}");
	assert_string_equal(json_text(answer, "result.content.0.text"), "{}");
	assert_null(json_at(answer, "result.structuredContent"));
	assert_null(json_at(answer, "result.resultType"));
}

static void a_call_that_cannot_be_made_is_told(void **state)
{
	(void)state;
	mcp_expect_error(MCP_CALL("1", "clik", "{}"), -32602, "did you mean 'click'");
	mcp_expect_error(MCP_CALL("1", "repeat", "[]"), -32602, "arguments");
	mcp_expect_error(MCP_CALL("1", "repeat", "\"x\""), -32602, "arguments");
	mcp_expect_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/"
			 "call\",\"params\":{" MODERN "}}",
			-32602, "name");
	/* What a model can do something about is an answer. */
	const cJSON *answer = mcp_say(MCP_CALL("1", "click", "{\"x\":1,\"y\":2}"));
	assert_true(cJSON_IsTrue(json_at(answer, "result.isError")));
	assert_string_equal(json_text(answer, "result.content.0.text"), "no desktop \"\"");
	answer = mcp_say(MCP_CALL("1", "click", "{\"screenshot\":1}"));
	assert_string_equal(json_text(answer, "result.content.0.text"),
			"screenshot must be true or false");
	answer = mcp_say(MCP_CALL("1", "actions", "{\"actions\":[]}"));
	assert_non_null(strstr(json_text(answer, "result.content.0.text"), "at least one"));
	answer = mcp_say(MCP_CALL("1", "run_status", "{\"run\":\"x\",\"wait_s\":601}"));
	assert_non_null(strstr(json_text(answer, "result.content.0.text"), "0 to 600"));
	answer = mcp_say(MCP_CALL("1", "run_status", "{\"run\":\"x\",\"until\":\"end\"}"));
	assert_true(cJSON_IsTrue(json_at(answer, "result.isError")));
}

static void the_desktop_can_be_an_argument(void **state)
{
	(void)state;
	const struct mcp_serve_options options = { .open_desktop = mcp_core_no_desktop,
		.takes_desktop = true };
	mcp_core_begin_again(&options);
	assert_non_null(json_at(mcp_core_tool_in(mcp_core_list_of("2025-11-25"), "bash"),
			"inputSchema.properties.desktop"));
	const cJSON *answer =
			mcp_say(MCP_CALL("1", "bash", "{\"desktop\":\"d2\",\"command\":\"ls\"}"));
	assert_string_equal(json_text(answer, "result.content.0.text"), "no desktop \"d2\"");
	answer = mcp_say(MCP_CALL("1", "click", "{\"desktop\":7}"));
	assert_string_equal(json_text(answer, "result.content.0.text"), "desktop must be a string");
}

static void a_call_is_cancelled_and_others_are_heard(void **state)
{
	(void)state;
	pthread_t thread;
	struct mcp_serve_call *call =
			mcp_core_start_call(MCP_CALL("5", "wait_for_end", "{}"), &thread);
	(void)mcp_say(HELLO("2025-11-25"));
	assert_non_null(json_at(
			mcp_say("{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":\"ping\"}"), "result"));
	mcp_expect_error(MCP_CALL("5", "repeat", "{}"), -32600, "under way");
	/* "5" is another id than 5. */
	assert_null(mcp_say("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
			    "\"params\":{\"requestId\":\"5\"}}"));
	assert_true(mcp_serve_call_is_open(call));
	const size_t before = mcp_heard_count;
	assert_null(mcp_say("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
			    "\"params\":{\"requestId\":5}}"));
	pthread_join(thread, NULL);
	mcp_serve_call_destroy(call);
	assert_int_equal(mcp_heard_count, before);
	assert_non_null(json_at(mcp_say(MCP_CALL("5", "repeat", "{}")), "result"));
}

static void progress_is_told_to_who_asked(void **state)
{
	(void)state;
	pthread_t threads[2];
	struct mcp_serve_call *calls[2];
	calls[0] = mcp_core_start_call(
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"
			"\"name\":\"wait_for_end\",\"_meta\":{\"progressToken\":\"p\","
			"\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
			"\"io.modelcontextprotocol/clientCapabilities\":{}}}}",
			&threads[0]);
	calls[1] = mcp_core_start_call(MCP_CALL("2", "wait_for_end", "{}"), &threads[1]);
	const size_t before = mcp_heard_count;
	calls[0]->began_us -= 7000000;
	mcp_serve_session_tick(mcp_session);
	assert_int_equal(mcp_heard_count, before + 1);
	const cJSON *progress = mcp_heard[before];
	assert_string_equal(json_text(progress, "method"), "notifications/progress");
	assert_string_equal(json_text(progress, "params.progressToken"), "p");
	assert_true(json_number(progress, "params.progress") >= 7);
	mcp_serve_session_cancel(mcp_session);
	mcp_serve_session_tick(mcp_session);
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		mcp_serve_call_destroy(calls[i]);
	}
	assert_int_equal(mcp_heard_count, before + 1);
}

static void calls_under_way_are_bounded(void **state)
{
	(void)state;
	struct mcp_serve_call *calls[MCP_SERVE_CALLS_MAX];
	int code = 0;
	for (int i = 0; i < MCP_SERVE_CALLS_MAX; i++) {
		char text[400];
		snprintf(text, sizeof(text), MCP_CALL("%d", "repeat", "{}"), i);
		calls[i] = mcp_say_text(text, strlen(text), &code);
		assert_non_null(calls[i]);
	}
	mcp_expect_error(MCP_CALL("100", "repeat", "{}"), -32603, "under way");
	mcp_serve_call_give_up(calls[0], "no thread");
	assert_string_equal(
			json_text(mcp_heard[mcp_heard_count - 1], "error.message"), "no thread");
	for (int i = 0; i < MCP_SERVE_CALLS_MAX; i++) {
		mcp_serve_call_destroy(calls[i]);
	}
	assert_non_null(json_at(mcp_say(MCP_CALL("100", "repeat", "{}")), "result"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MCP_CORE_TEST(a_tool_answers_with_text_and_object),
		MCP_CORE_TEST(a_call_that_cannot_be_made_is_told),
		MCP_CORE_TEST(the_desktop_can_be_an_argument),
		MCP_CORE_TEST(a_call_is_cancelled_and_others_are_heard),
		MCP_CORE_TEST(progress_is_told_to_who_asked),
		MCP_CORE_TEST(calls_under_way_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
