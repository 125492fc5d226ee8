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

/* What a call of the MCP server asks its client: the person there, and its model. */

/* --- the person --- */

static const char ask_modern[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/"
		"call\",\"params\":{\"name\":\"ask\"%s,"
		"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
		"\"io.modelcontextprotocol/clientCapabilities\":{\"elicitation\":%s}}}}";

static const cJSON *say_ask(const char *inputs, const char *elicitation)
{
	char text[600];
	snprintf(text, sizeof(text), ask_modern, inputs, elicitation);
	return json_at(mcp_say(text), "result");
}

static void the_newest_revision_asks_in_its_answer(void **state)
{
	(void)state;
	const cJSON *result = say_ask("", "{}");
	assert_string_equal(json_text(result, "resultType"), "input_required");
	assert_null(cua_json_member(result, "content"));
	assert_string_equal(json_text(result, "inputRequests.answer.method"), "elicitation/create");
	assert_string_equal(json_text(result, "inputRequests.answer.params.mode"), "form");
	assert_string_equal(json_text(result, "inputRequests.answer.params.message"), "How many?");
	result = say_ask(",\"inputResponses\":{\"answer\":{\"action\":\"accept\",\"content\":{"
			 "\"n\":3}}}",
			"{}");
	assert_string_equal(json_text(result, "resultType"), "complete");
	assert_int_equal(json_number(result, "structuredContent.n"), 3);
	result = say_ask(",\"inputResponses\":{\"answer\":{\"action\":\"decline\"}}", "{}");
	assert_true(cJSON_IsTrue(cua_json_member(result, "isError")));
	assert_non_null(strstr(json_text(result, "content.0.text"), "decline"));
	/* What is no answer, or one to something else, is asked for again. */
	static const char *const none[] = { "{\"answer\":7}",
		"{\"answer\":{\"action\":\"accept\"}}",
		"{\"other\":{\"action\":\"accept\",\"content\":{}}}", "7", "null" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(none); i++) {
		char inputs[200];
		snprintf(inputs, sizeof(inputs), ",\"inputResponses\":%s", none[i]);
		assert_string_equal(
				json_text(say_ask(inputs, "{}"), "resultType"), "input_required");
	}
	assert_null(say_ask("", "{\"url\":{}}"));
	assert_int_equal((int)json_number(mcp_heard[mcp_heard_count - 1], "error.code"), -32021);
	assert_non_null(json_at(mcp_heard[mcp_heard_count - 1],
			"error.data.requiredCapabilities.elicitation"));
	assert_null(say_ask("", "null"));
}

static void older_revisions_ask_meanwhile(void **state)
{
	(void)state;
	static const char hello[] =
			"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
			"\"protocolVersion\":\"%s\",\"capabilities\":{\"elicitation\":{}},"
			"\"clientInfo\":{\"name\":\"t\"}}}";
	static const char call_text[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\","
					"\"params\":{\"name\":\"ask\"}}";
	static const struct {
		const char *revision, *mode;
	} rows[] = { { "2025-06-18", "" }, { "2025-11-25", "form" } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		pthread_t thread;
		char text[400];
		snprintf(text, sizeof(text), hello, rows[i].revision);
		(void)mcp_say(text);
		const size_t before = mcp_heard_count;
		struct mcp_serve_call *call = mcp_core_start_call(call_text, &thread);
		mcp_await_heard(before + 1);
		assert_string_equal(json_text(mcp_heard[before], "method"), "elicitation/create");
		assert_string_equal(json_text(mcp_heard[before], "params.mode"), rows[i].mode);
		/* What answers nothing, or something else, is no answer to this. */
		assert_null(mcp_say("{\"jsonrpc\":\"2.0\",\"id\":\"cua-99\",\"result\":{}}"));
		snprintf(text, sizeof(text),
				"{\"jsonrpc\":\"2.0\",\"id\":\"%s\",\"result\":{\"action\":"
				"\"accept\","
				"\"content\":{\"n\":%zu}}}",
				json_text(mcp_heard[before], "id"), i);
		(void)mcp_say(text); /* the call may have answered before this returns */
		pthread_join(thread, NULL);
		mcp_serve_call_destroy(call);
		assert_int_equal(json_number(mcp_heard[mcp_heard_count - 1],
						 "result.structuredContent.n"),
				i);
	}
	(void)mcp_say(HELLO("2025-03-26"));
	assert_true(cJSON_IsTrue(json_at(mcp_say(call_text), "result.isError")));
	pthread_t thread;
	char text[400];
	snprintf(text, sizeof(text), hello, "2025-06-18");
	(void)mcp_say(text);
	struct mcp_serve_call *call = mcp_core_start_call(call_text, &thread);
	mcp_serve_session_cancel(mcp_session);
	pthread_join(thread, NULL);
	mcp_serve_call_destroy(call);
}

/* --- its model --- */

#define WITH_MODEL \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"," \
	"\"io.modelcontextprotocol/clientCapabilities\":{\"sampling\":{}}}"

static const cJSON *ask_model(const char *inputs)
{
	char text[800];
	snprintf(text, sizeof(text),
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"
			"\"name\":\"ask_model\"%s," WITH_MODEL "}}",
			inputs);
	return json_at(mcp_say(text), "result");
}

static void the_newest_revision_asks_the_model_in_its_answer(void **state)
{
	(void)state;
	const cJSON *result = ask_model("");
	assert_string_equal(json_text(result, "resultType"), "input_required");
	assert_string_equal(
			json_text(result, "inputRequests.words.method"), "sampling/createMessage");
	assert_int_equal(json_number(result, "inputRequests.words.params.maxTokens"), 10);
	/* One part, or several of which some are no text. */
	static const struct {
		const char *content, *says;
	} rows[] = {
		{ "{\"type\":\"text\",\"text\":\"a\"}", "a" },
		{ "[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"audio\"},{\"type\":\"text\","
		  "\"text\":\"b\"}]",
				"a\nb" },
		{ "[]", "said nothing" },
		{ "7", "said nothing" },
		{ "{\"type\":\"image\",\"data\":\"\"}", "said nothing" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		char inputs[300];
		snprintf(inputs, sizeof(inputs),
				",\"inputResponses\":{\"words\":{\"role\":\"assistant\",\"model\":"
				"\"m\",\"content\":%s}}",
				rows[i].content);
		result = ask_model(inputs);
		assert_non_null(strstr(json_text(result, "content.0.text"), rows[i].says));
		assert_int_equal(cJSON_IsTrue(cua_json_member(result, "isError")), i > 1);
	}
	mcp_expect_error(MCP_CALL("1", "ask_model", "{}"), -32021, "sampling");
	assert_non_null(json_at(mcp_heard[mcp_heard_count - 1],
			"error.data.requiredCapabilities.sampling"));
}

static const char hello_model[] =
		"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
		"\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"sampling\":{}},"
		"\"clientInfo\":{\"name\":\"t\"}}}";

static void older_revisions_ask_the_model_meanwhile(void **state)
{
	(void)state;
	static const char call_text[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\","
					"\"params\":{\"name\":\"ask_model\"}}";
	static const struct {
		const char *answer, *says;
	} rows[] = {
		{ "\"result\":{\"content\":{\"type\":\"text\",\"text\":\"a window\"}}",
				"a window" },
		{ "\"error\":{\"code\":-1,\"message\":\"User rejected sampling request\"}",
				"the host refused: User rejected" },
	};
	(void)mcp_say(hello_model);
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		pthread_t thread;
		char text[300];
		const size_t before = mcp_count_heard();
		struct mcp_serve_call *call = mcp_core_start_call(call_text, &thread);
		mcp_await_heard(before + 1);
		assert_string_equal(
				json_text(mcp_heard[before], "method"), "sampling/createMessage");
		snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":\"%s\",%s}",
				json_text(mcp_heard[before], "id"), rows[i].answer);
		(void)mcp_say_text(text, strlen(text), &(int){ 0 });
		pthread_join(thread, NULL);
		mcp_serve_call_destroy(call);
		assert_non_null(strstr(
				json_text(mcp_heard[mcp_heard_count - 1], "result.content.0.text"),
				rows[i].says));
	}
	(void)mcp_say(HELLO("2025-06-18"));
	assert_non_null(strstr(json_text(mcp_say(call_text), "result.content.0.text"), "sampling"));
}

static void who_has_a_model_to_ask_is_offered_it(void **state)
{
	(void)state;
	assert_null(mcp_core_tool_in(mcp_core_list_of("2025-06-18"), "ask_about_screen"));
	(void)mcp_say(hello_model);
	const cJSON *answer = mcp_say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
	assert_non_null(mcp_core_tool_in(json_at(answer, "result.tools"), "ask_about_screen"));
	answer = mcp_say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/"
			 "list\",\"params\":{" WITH_MODEL "}}");
	assert_non_null(mcp_core_tool_in(json_at(answer, "result.tools"), "ask_about_screen"));
	answer = mcp_say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"
			 "\"name\":\"ask_about_screen\",\"arguments\":{\"question\":\"\"}"
			 "," WITH_MODEL "}}");
	assert_non_null(strstr(json_text(answer, "result.content.0.text"), "1 to 4000"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MCP_CORE_TEST(the_newest_revision_asks_in_its_answer),
		MCP_CORE_TEST(older_revisions_ask_meanwhile),
		MCP_CORE_TEST(the_newest_revision_asks_the_model_in_its_answer),
		MCP_CORE_TEST(older_revisions_ask_the_model_meanwhile),
		MCP_CORE_TEST(who_has_a_model_to_ask_is_offered_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
