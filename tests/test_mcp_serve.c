#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/contract/action.h"
#include "cua/mcp/serve_internal.h"
#include "tests/json_path.h"
#include "tests/mcp_say.h"

/* The core of the MCP server without a transport: what a client may say, and what it hears. */

/* --- tools of the test --- */

/* Until it is cancelled. */
static enum cua_status wait_for_end(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	struct pollfd cancelled = { .fd = call->cancel_fd, .events = POLLIN };
	(void)result;
	assert_int_equal(poll(&cancelled, 1, 20000), 1);
	return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "cancelled");
}

static enum cua_status repeat(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	(void)err;
	mcp_serve_add_structured(result, cJSON_Duplicate(call->arguments, true));
	return CUA_OK;
}

/* Asks the person, and says what they said. */
static enum cua_status ask(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *said = NULL;
	enum cua_status status = mcp_serve_elicit(call, result, "answer", "How many?",
			cJSON_Parse("{\"type\":\"object\",\"properties\":{\"n\":{\"type\":"
				    "\"integer\"}}}"),
			&said, err);
	if (said) {
		mcp_serve_add_structured(result, cJSON_Duplicate(said, true));
	}
	return status;
}

static cJSON *any_object(void)
{
	return cJSON_Parse("{\"type\":\"object\",\"properties\":{}}");
}

static enum cua_status no_desktop(const char *wanted, struct mcp_serve_desktop *ret_desktop,
		void *user_data, struct cua_error *err)
{
	(void)ret_desktop;
	(void)user_data;
	return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "no desktop \"%s\"", wanted ? wanted : "");
}

static void begin_with(const struct mcp_serve_options *options)
{
	const struct mcp_serve_tool waits = {
		.name = "wait_for_end", .help = "waits", .run = wait_for_end
	};
	const struct mcp_serve_tool repeats = {
		.name = "repeat", .help = "repeats", .run = repeat
	};
	assert_int_equal(mcp_serve_create(options, &mcp_serve, NULL), CUA_OK);
	assert_int_equal(mcp_serve_add(mcp_serve, &waits, any_object(), NULL, NULL), CUA_OK);
	assert_int_equal(mcp_serve_add(mcp_serve, &repeats, any_object(), any_object(), NULL),
			CUA_OK);
	const struct mcp_serve_tool asks = { .name = "ask", .help = "asks", .run = ask };
	assert_int_equal(mcp_serve_add(mcp_serve, &asks, any_object(), NULL, NULL), CUA_OK);
	assert_int_equal(mcp_serve_session_create(mcp_serve, NULL, &mcp_session, NULL), CUA_OK);
}

static int begin(void **state)
{
	(void)state;
	const struct mcp_serve_options options = { .open_desktop = no_desktop };
	begin_with(&options);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	mcp_serve_session_destroy(mcp_session);
	mcp_serve_destroy(mcp_serve);
	mcp_forget();
	return 0;
}

/* In the place of those that begin() made. */
static void begin_again(const struct mcp_serve_options *options)
{
	finish(NULL);
	begin_with(options);
}

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
		"subscriptions/listen", "resources/subscribe", "nothing" };
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

static const cJSON *list_of(const char *revision)
{
	char hello[300];
	snprintf(hello, sizeof(hello), HELLO("%s"), revision);
	(void)mcp_say(hello);
	return json_at(mcp_say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}"),
			"result.tools");
}

static const cJSON *tool_in(const cJSON *tools, const char *name)
{
	const cJSON *tool = NULL;
	cJSON_ArrayForEach (tool, tools) {
		if (strcmp(cua_json_text(tool, "name"), name) == 0) {
			return tool;
		}
	}
	return NULL;
}

static bool hint(const cJSON *tools, const char *name, const char *which)
{
	const cJSON *hints = cua_json_member(tool_in(tools, name), "annotations");
	assert_true(cJSON_IsBool(cua_json_member(hints, which)));
	return cJSON_IsTrue(cua_json_member(hints, which));
}

static void every_action_is_a_tool_with_its_hints(void **state)
{
	(void)state;
	const cJSON *tools = list_of("2025-11-25");
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		const struct cua_action_spec *spec = &cua_action_table[i];
		assert_int_equal(spec->is_input, (spec->effect & CUA_EFFECT_CHANGES) != 0);
		assert_true(spec->is_input || spec->effect == 0);
		assert_int_equal(hint(tools, spec->name, "readOnlyHint"), !spec->is_input);
		const cJSON *schema = cua_json_member(tool_in(tools, spec->name), "inputSchema");
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
	assert_null(tool_in(tools, "done"));
	assert_non_null(tool_in(tools, "run_start"));
	assert_true(hint(tools, "run_answer", "destructiveHint"));
	/* Whether a run may do something is a person's to say, unless its user wants it otherwise.
	 */
	assert_false(mcp_serve->takes_word);
}

static void older_revisions_hear_what_they_know(void **state)
{
	(void)state;
	const cJSON *click = tool_in(list_of("2025-06-18"), "click");
	assert_non_null(cua_json_member(click, "title"));
	assert_non_null(cua_json_member(click, "outputSchema"));
	click = tool_in(list_of("2025-03-26"), "click");
	assert_null(cua_json_member(click, "title"));
	assert_null(cua_json_member(click, "outputSchema"));
	assert_non_null(cua_json_member(click, "annotations"));
	click = tool_in(list_of("2024-11-05"), "click");
	assert_null(cua_json_member(click, "annotations"));
	assert_non_null(cua_json_member(click, "inputSchema"));
}

static void pages_of_the_list_follow_each_other(void **state)
{
	(void)state;
	const struct mcp_serve_options options = { .open_desktop = no_desktop, .page_size = 7 };
	begin_again(&options);
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
	assert_int_equal(count, mcp_serve->tool_count);
	assert_int_equal(pages, (count + 6) / 7);
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
		.open_desktop = no_desktop, .offer = "tools,screenshot", .read_only = true
	};
	begin_again(&options);
	const cJSON *tools = list_of("2025-11-25");
	assert_non_null(tool_in(tools, "screenshot"));
	assert_non_null(tool_in(tools, "read_file"));
	assert_null(tool_in(tools, "bash"));
	assert_null(tool_in(tools, "find_text"));
	mcp_expect_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
			 "{\"name\":\"bash\"}}",
			-32602, "no tool");
	options = (struct mcp_serve_options){
		.open_desktop = no_desktop, .offer = "approvals", .takes_desktop = true
	};
	begin_again(&options);
	tools = list_of("2025-11-25");
	assert_non_null(tool_in(tools, "run_answer"));
	assert_null(tool_in(tools, "run_start"));
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

/* --- calls --- */

#define CALL(id, name, arguments) \
	"{\"jsonrpc\":\"2.0\",\"id\":" id \
	",\"method\":\"tools/call\",\"params\":{\"name\":\"" name "\",\"arguments\":" arguments \
	"," MODERN "}}"

static void a_tool_answers_with_text_and_object(void **state)
{
	(void)state;
	const cJSON *answer = mcp_say(CALL("1", "repeat", "{\"a\":[1,null],\"b\":null}"));
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
	mcp_expect_error(CALL("1", "clik", "{}"), -32602, "did you mean 'click'");
	mcp_expect_error(CALL("1", "repeat", "[]"), -32602, "arguments");
	mcp_expect_error(CALL("1", "repeat", "\"x\""), -32602, "arguments");
	mcp_expect_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/"
			 "call\",\"params\":{" MODERN "}}",
			-32602, "name");
	/* What a model can do something about is an answer. */
	const cJSON *answer = mcp_say(CALL("1", "click", "{\"x\":1,\"y\":2}"));
	assert_true(cJSON_IsTrue(json_at(answer, "result.isError")));
	assert_string_equal(json_text(answer, "result.content.0.text"), "no desktop \"\"");
	answer = mcp_say(CALL("1", "click", "{\"screenshot\":1}"));
	assert_string_equal(json_text(answer, "result.content.0.text"),
			"screenshot must be true or false");
	answer = mcp_say(CALL("1", "actions", "{\"actions\":[]}"));
	assert_non_null(strstr(json_text(answer, "result.content.0.text"), "at least one"));
	answer = mcp_say(CALL("1", "run_status", "{\"run\":\"x\",\"wait_s\":601}"));
	assert_non_null(strstr(json_text(answer, "result.content.0.text"), "0 to 600"));
	answer = mcp_say(CALL("1", "run_status", "{\"run\":\"x\",\"until\":\"end\"}"));
	assert_true(cJSON_IsTrue(json_at(answer, "result.isError")));
}

static void the_desktop_can_be_an_argument(void **state)
{
	(void)state;
	const struct mcp_serve_options options = { .open_desktop = no_desktop,
		.takes_desktop = true };
	begin_again(&options);
	assert_non_null(json_at(
			tool_in(list_of("2025-11-25"), "bash"), "inputSchema.properties.desktop"));
	const cJSON *answer = mcp_say(CALL("1", "bash", "{\"desktop\":\"d2\",\"command\":\"ls\"}"));
	assert_string_equal(json_text(answer, "result.content.0.text"), "no desktop \"d2\"");
	answer = mcp_say(CALL("1", "click", "{\"desktop\":7}"));
	assert_string_equal(json_text(answer, "result.content.0.text"), "desktop must be a string");
}

/* On a thread, as a transport runs it. */
static void *run_call(void *call)
{
	(void)mcp_serve_call_run(call);
	return NULL;
}

static struct mcp_serve_call *start_call(const char *text, pthread_t *ret_thread)
{
	int code = 0;
	struct mcp_serve_call *call = mcp_say_text(text, strlen(text), &code);
	assert_non_null(call);
	assert_int_equal(pthread_create(ret_thread, NULL, run_call, call), 0);
	return call;
}

static void a_call_is_cancelled_and_others_are_heard(void **state)
{
	(void)state;
	pthread_t thread;
	struct mcp_serve_call *call = start_call(CALL("5", "wait_for_end", "{}"), &thread);
	(void)mcp_say(HELLO("2025-11-25"));
	assert_non_null(json_at(
			mcp_say("{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":\"ping\"}"), "result"));
	mcp_expect_error(CALL("5", "repeat", "{}"), -32600, "under way");
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
	assert_non_null(json_at(mcp_say(CALL("5", "repeat", "{}")), "result"));
}

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

/* Until that many messages were heard. */
static void await_heard(size_t count)
{
	while (mcp_count_heard() < count) {
		sched_yield();
	}
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
		struct mcp_serve_call *call = start_call(call_text, &thread);
		await_heard(before + 1);
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
	struct mcp_serve_call *call = start_call(call_text, &thread);
	mcp_serve_session_cancel(mcp_session);
	pthread_join(thread, NULL);
	mcp_serve_call_destroy(call);
}

static void progress_is_told_to_who_asked(void **state)
{
	(void)state;
	pthread_t threads[2];
	struct mcp_serve_call *calls[2];
	calls[0] = start_call("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"
			      "\"name\":\"wait_for_end\",\"_meta\":{\"progressToken\":\"p\","
			      "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
			      "\"io.modelcontextprotocol/clientCapabilities\":{}}}}",
			&threads[0]);
	calls[1] = start_call(CALL("2", "wait_for_end", "{}"), &threads[1]);
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
		snprintf(text, sizeof(text), CALL("%d", "repeat", "{}"), i);
		calls[i] = mcp_say_text(text, strlen(text), &code);
		assert_non_null(calls[i]);
	}
	mcp_expect_error(CALL("100", "repeat", "{}"), -32603, "under way");
	mcp_serve_call_give_up(calls[0], "no thread");
	assert_string_equal(
			json_text(mcp_heard[mcp_heard_count - 1], "error.message"), "no thread");
	for (int i = 0; i < MCP_SERVE_CALLS_MAX; i++) {
		mcp_serve_call_destroy(calls[i]);
	}
	assert_non_null(json_at(mcp_say(CALL("100", "repeat", "{}")), "result"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_no_message_is_told),
		TEST(what_is_too_deep_or_too_large_is_told),
		TEST(ids_come_back_as_they_came),
		TEST(notifications_and_answers_are_not_answered),
		TEST(a_handshake_agrees_on_a_revision),
		TEST(without_a_revision_nothing_is_done),
		TEST(the_newest_needs_no_handshake),
		TEST(every_action_is_a_tool_with_its_hints),
		TEST(older_revisions_hear_what_they_know),
		TEST(pages_of_the_list_follow_each_other),
		TEST(only_what_is_wanted_is_offered),
		TEST(a_tool_answers_with_text_and_object),
		TEST(a_call_that_cannot_be_made_is_told),
		TEST(the_desktop_can_be_an_argument),
		TEST(a_call_is_cancelled_and_others_are_heard),
		TEST(the_newest_revision_asks_in_its_answer),
		TEST(older_revisions_ask_meanwhile),
		TEST(progress_is_told_to_who_asked),
		TEST(calls_under_way_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
