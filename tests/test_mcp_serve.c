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
#include "cua/contract/action.h"
#include "tests/json_path.h"
#include "tests/mcp_core.h"

/* The core of the MCP server without a transport: messages, revisions, and what is offered. */

/* --- messages --- */

static void what_is_no_message_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int code;
		const char *words;
	} rows[] = {
		{ "", -32700, "" },
		{ "nonsense", -32700, "not JSON" },
		{ "{\"jsonrpc\":\"2.0\"", -32700, "" },
		{ "{} {}", -32700, "" },
		{ "\xff", -32700, "UTF-8" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\\u0000\"}", -32600, "NUL" },
		{ "[]", -32600, "one by one" },
		{ "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", -32600, "one by one" },
		{ "1", -32600, "object" },
		{ "null", -32600, "object" },
		{ "{}", -32600, "jsonrpc" },
		{ "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", -32600, "jsonrpc" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", -32600, "id" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}", -32600, "id" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1e300,\"method\":\"ping\"}", -32600, "id" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", -32600, "id" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1}", -32600, "method" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", -32600, "method" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}", -32600,
				"params" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}", -32600, "id" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		mcp_expect_error(rows[i].text, rows[i].code, rows[i].words);
		mcp_forget();
	}
}

static void what_is_too_deep_or_too_large_is_told(void **state)
{
	(void)state;
	int code = 0;
	char deep[4096] = "";
	for (int i = 0; i < 1000; i++) {
		strcat(deep, "[");
	}
	mcp_expect_error(deep, -32700, "deep");
	const size_t len = MCP_SERVE_MESSAGE_MAX + 1;
	CUA_AUTO_FREE char *large = malloc(len);
	assert_non_null(large);
	memset(large, ' ', len);
	assert_null(mcp_say_text(large, len, &code));
	assert_int_equal(code, -32600);
}

static void ids_come_back_as_they_came(void **state)
{
	(void)state;
	static const char *const ids[] = { "0", "-1", "9007199254740991", "\"a\"", "\"\"",
		"\"9\"" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(ids); i++) {
		char text[200];
		snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"ping\"}",
				ids[i]);
		char expected[64];
		(void)mcp_say(text);
		snprintf(expected, sizeof(expected), "\"id\":%s,", ids[i]);
		assert_non_null(strstr(mcp_last_heard, expected));
	}
}

static void notifications_and_answers_are_not_answered(void **state)
{
	(void)state;
	assert_null(mcp_say("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"));
	assert_null(mcp_say("{\"jsonrpc\":\"2.0\",\"method\":\"unheard/of\",\"params\":{}}"));
	assert_null(mcp_say("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"));
	assert_null(mcp_say("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
			    "\"params\":{\"requestId\":77}}"));
	assert_null(mcp_say("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\"}"));
}

/* --- revisions --- */

static void a_handshake_agrees_on_a_revision(void **state)
{
	(void)state;
	static const char *const known[] = { "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05",
		"2024-10-07" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(known); i++) {
		char text[300];
		snprintf(text, sizeof(text), HELLO("%s"), known[i]);
		const cJSON *answer = mcp_say(text);
		assert_string_equal(json_text(answer, "result.protocolVersion"), known[i]);
		assert_string_equal(json_text(answer, "result.serverInfo.name"), "cua");
		assert_null(json_at(answer, "result.resultType"));
	}
	assert_string_equal(json_text(mcp_say(HELLO("1999-01-01")), "result.protocolVersion"),
			"2025-11-25");
	assert_string_equal(json_text(mcp_say(HELLO("2026-07-28")), "result.protocolVersion"),
			"2025-11-25");
	mcp_expect_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}", -32602,
			"protocolVersion");
	mcp_expect_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":"
			 "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":[]}}",
			-32602, "capabilities");
}

static void without_a_revision_nothing_is_done(void **state)
{
	(void)state;
	mcp_expect_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}", -32602,
			"initialize");
	mcp_expect_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/"
			 "discover\",\"params\":{}}",
			-32602, "protocolVersion");
	mcp_expect_error(
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\",\"params\":"
			"{\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}",
			-32602, "clientCapabilities");
	mcp_expect_error(
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META(
					"2099-01-01") "}}",
			-32022, "2099-01-01");
	const cJSON *data = json_at(mcp_heard[mcp_heard_count - 1], "error.data");
	assert_string_equal(json_text(data, "requested"), "2099-01-01");
	assert_string_equal(json_text(data, "supported.0"), "2026-07-28");
}

static void the_newest_needs_no_handshake(void **state)
{
	(void)state;
	const cJSON *answer =
			mcp_say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\","
				"\"params\":{" MODERN "}}");
	assert_string_equal(json_text(answer, "result.supportedVersions.0"), "2026-07-28");
	assert_string_equal(json_text(answer, "result.resultType"), "complete");
	assert_true(json_number(answer, "result.ttlMs") > 0);
	const cJSON *info = cua_json_member(
			json_at(answer, "result._meta"), "io.modelcontextprotocol/serverInfo");
	assert_string_equal(cua_json_text(info, "name"), "cua");
	static const char *const gone[] = { "initialize", "ping", "logging/setLevel",
		"resources/subscribe", "resources/unsubscribe", "nothing" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(gone); i++) {
		char text[300];
		snprintf(text, sizeof(text),
				"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"%s\",\"params\":"
				"{" MODERN "}}",
				gone[i]);
		mcp_expect_error(text, -32601, gone[i]);
	}
	/* Both eras on one stream. */
	assert_non_null(json_at(mcp_say(HELLO("2025-06-18")), "result"));
	assert_non_null(json_at(
			mcp_say("{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"ping\"}"), "result"));
	assert_string_equal(json_text(mcp_say("{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":"
					      "\"tools/list\",\"params\":{" MODERN "}}"),
					    "result.resultType"),
			"complete");
}

/* --- the list --- */

static bool hint(const cJSON *tools, const char *name, const char *which)
{
	const cJSON *hints = cua_json_member(mcp_core_tool_in(tools, name), "annotations");
	assert_true(cJSON_IsBool(cua_json_member(hints, which)));
	return cJSON_IsTrue(cua_json_member(hints, which));
}

static void every_action_is_a_tool_with_its_hints(void **state)
{
	(void)state;
	const cJSON *tools = mcp_core_list_of("2025-11-25");
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		const struct cua_action_spec *spec = &cua_action_table[i];
		assert_int_equal(spec->is_input, (spec->effect & CUA_EFFECT_CHANGES) != 0);
		assert_true(spec->is_input || spec->effect == 0);
		assert_int_equal(hint(tools, spec->name, "readOnlyHint"), !spec->is_input);
		const cJSON *schema =
				cua_json_member(mcp_core_tool_in(tools, spec->name), "inputSchema");
		assert_string_equal(cua_json_text(schema, "type"), "object");
		for (const struct cua_arg_spec *arg = spec->args; arg->name; arg++) {
			assert_non_null(cua_json_member(
					cua_json_member(schema, "properties"), arg->name));
		}
	}
	assert_false(hint(tools, "screenshot", "openWorldHint"));
	assert_true(hint(tools, "click", "destructiveHint"));
	assert_true(hint(tools, "click", "openWorldHint"));
	assert_false(hint(tools, "move", "destructiveHint"));
	assert_true(hint(tools, "move", "idempotentHint"));
	assert_true(hint(tools, "bash", "destructiveHint"));
	assert_true(hint(tools, "read_file", "readOnlyHint"));
	assert_null(mcp_core_tool_in(tools, "done"));
	assert_non_null(mcp_core_tool_in(tools, "run_start"));
	assert_true(hint(tools, "run_answer", "destructiveHint"));
	/* Whether a run may do something is a person's to say, unless its user wants it otherwise.
	 */
	assert_false(mcp_serve->takes_word);
}

static void older_revisions_hear_what_they_know(void **state)
{
	(void)state;
	const cJSON *click = mcp_core_tool_in(mcp_core_list_of("2025-06-18"), "click");
	assert_non_null(cua_json_member(click, "title"));
	assert_non_null(cua_json_member(click, "outputSchema"));
	click = mcp_core_tool_in(mcp_core_list_of("2025-03-26"), "click");
	assert_null(cua_json_member(click, "title"));
	assert_null(cua_json_member(click, "outputSchema"));
	assert_non_null(cua_json_member(click, "annotations"));
	click = mcp_core_tool_in(mcp_core_list_of("2024-11-05"), "click");
	assert_null(cua_json_member(click, "annotations"));
	assert_non_null(cua_json_member(click, "inputSchema"));
}

static void pages_of_the_list_follow_each_other(void **state)
{
	(void)state;
	const struct mcp_serve_options options = { .open_desktop = mcp_core_no_desktop,
		.page_size = 7 };
	mcp_core_begin_again(&options);
	char text[300] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/"
			 "list\",\"params\":{" MODERN "}}";
	size_t count = 0, pages = 0;
	for (bool more = true; more; pages++) {
		const cJSON *answer = mcp_say(text);
		const cJSON *cursor = json_at(answer, "result.nextCursor");
		assert_string_equal(json_text(answer, "result.cacheScope"), "private");
		count += (size_t)cJSON_GetArraySize(json_at(answer, "result.tools"));
		more = cursor != NULL;
		snprintf(text, sizeof(text),
				"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/"
				"list\",\"params\":{"
				"\"cursor\":\"%s\"," MODERN "}}",
				more ? cursor->valuestring : "");
	}
	assert_int_equal(count, mcp_serve->tool_count - 2); /* without two for who has a model */
	assert_int_equal(pages, (mcp_serve->tool_count + 6) / 7);
	static const char *const bad[] = { "\"\"", "\"0\"", "\"-1\"", "\"7x\"", "\"100000\"", "7",
		"\"99999999999999999999999\"" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(bad); i++) {
		snprintf(text, sizeof(text),
				"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/"
				"list\",\"params\":{"
				"\"cursor\":%s," MODERN "}}",
				bad[i]);
		mcp_expect_error(text, -32602, "cursor");
	}
}

static void only_what_is_wanted_is_offered(void **state)
{
	(void)state;
	struct mcp_serve_options options = {
		.open_desktop = mcp_core_no_desktop, .offer = "tools,screenshot", .read_only = true
	};
	mcp_core_begin_again(&options);
	const cJSON *tools = mcp_core_list_of("2025-11-25");
	assert_non_null(mcp_core_tool_in(tools, "screenshot"));
	assert_non_null(mcp_core_tool_in(tools, "read_file"));
	assert_null(mcp_core_tool_in(tools, "bash"));
	assert_null(mcp_core_tool_in(tools, "find_text"));
	mcp_expect_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
			 "{\"name\":\"bash\"}}",
			-32602, "no tool");
	options = (struct mcp_serve_options){
		.open_desktop = mcp_core_no_desktop, .offer = "approvals", .takes_desktop = true
	};
	mcp_core_begin_again(&options);
	tools = mcp_core_list_of("2025-11-25");
	assert_non_null(mcp_core_tool_in(tools, "run_answer"));
	assert_null(mcp_core_tool_in(tools, "run_start"));
	assert_true(mcp_serve->takes_word);
	static const struct {
		const char *offer;
		const char *words;
	} rows[] = { { "screenshots", "screenshot" }, { "tool", "tools" },
		{ "bash", "nothing is left" } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct cua_error why = { 0 };
		struct mcp_serve *none = NULL;
		options = (struct mcp_serve_options){ .offer = rows[i].offer, .read_only = true };
		assert_int_equal(mcp_serve_create(&options, &none, &why), CUA_ERR_INVAL);
		assert_non_null(strstr(why.msg, rows[i].words));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MCP_CORE_TEST(what_is_no_message_is_told),
		MCP_CORE_TEST(what_is_too_deep_or_too_large_is_told),
		MCP_CORE_TEST(ids_come_back_as_they_came),
		MCP_CORE_TEST(notifications_and_answers_are_not_answered),
		MCP_CORE_TEST(a_handshake_agrees_on_a_revision),
		MCP_CORE_TEST(without_a_revision_nothing_is_done),
		MCP_CORE_TEST(the_newest_needs_no_handshake),
		MCP_CORE_TEST(every_action_is_a_tool_with_its_hints),
		MCP_CORE_TEST(older_revisions_hear_what_they_know),
		MCP_CORE_TEST(pages_of_the_list_follow_each_other),
		MCP_CORE_TEST(only_what_is_wanted_is_offered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
