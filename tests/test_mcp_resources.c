#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sodium.h>

#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/json_path.h"
#include "tests/mcp_core.h"

/* What a host's user gets beside tools: resources, prompts, completions, logs; and what a client
 * keeps for us until a call comes again. */

#define SAY(method, params) \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":{" params "}}"
#define NEW(method, params) SAY(method, params "," MODERN)
#define RUN "20260102T030405.678Z-0123abcd"

static char place[] = "/tmp/cua-test-mcp-XXXXXX";

/* Two questions, the second only after the first: which one it is at, the client keeps. */
static enum cua_status ask_twice(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *said = NULL;
	const bool is_second = cua_json_int(call->state, "at") == 1 ||
			(call->state && cua_json_member(call->inputs, "q0"));
	enum cua_status status = mcp_serve_elicit(call, result, is_second ? "q1" : "q0", "?",
			cJSON_Parse("{\"type\":\"object\",\"properties\":{}}"), &said, err);
	if (result->input_requests) {
		result->state = cJSON_CreateObject();
		cJSON_AddNumberToObject(result->state, "at", is_second);
	} else {
		mcp_serve_add_text(result, "both");
	}
	return status;
}

static enum cua_status log_two(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	(void)result;
	(void)err;
	mcp_serve_log(call, MCP_SERVE_DEBUG, "test", "small");
	mcp_serve_log(call, MCP_SERVE_WARNING, "test", "large");
	return CUA_OK;
}

static void begin_with(const struct mcp_serve_options *options)
{
	static const struct mcp_serve_tool tools[] = { { .name = "ask_twice", .run = ask_twice },
		{ .name = "log_two", .run = log_two } };
	assert_int_equal(mcp_serve_create(options, &mcp_serve, NULL), CUA_OK);
	for (size_t i = 0; i < CUA_ARRAY_LEN(tools); i++) {
		assert_int_equal(mcp_serve_add(mcp_serve, &tools[i],
						 cJSON_Parse("{\"type\":\"object\"}"), NULL, NULL),
				CUA_OK);
	}
	assert_int_equal(mcp_serve_session_create(mcp_serve, NULL, &mcp_session, NULL), CUA_OK);
}

static int begin(void **state)
{
	const struct mcp_serve_options options = { .open_desktop = mcp_core_no_desktop };
	(void)state;
	begin_with(&options);
	return 0;
}

static const cJSON *item_in(const cJSON *list, const char *member, const char *value)
{
	const cJSON *item = NULL;
	cJSON_ArrayForEach (item, list) {
		if (strcmp(cua_json_text(item, member), value) == 0) {
			return item;
		}
	}
	return NULL;
}

/* --- resources --- */

static void resources_are_offered_with_the_tools_that_show_the_same(void **state)
{
	const cJSON *result = json_at(mcp_say(NEW("resources/list", "\"a\":0")), "result");
	const cJSON *list = cua_json_member(result, "resources");
	(void)state;
	assert_string_equal(
			json_text(item_in(list, "uri", "cua://screen"), "mimeType"), "image/png");
	assert_non_null(item_in(list, "uri", "cua://runs"));
	assert_true(json_number(result, "ttlMs") > 0);
	list = json_at(mcp_say(NEW("resources/templates/list", "\"a\":0")),
			"result.resourceTemplates");
	assert_non_null(item_in(list, "uriTemplate", "cua://runs/{run}/journal"));
	assert_null(item_in(list, "uriTemplate", "cua://desktops/{desktop}/screen"));
	mcp_core_finish(NULL);
	const struct mcp_serve_options few = {
		.offer = "screenshot", .takes_desktop = true, .open_desktop = mcp_core_no_desktop
	};
	begin_with(&few);
	list = json_at(mcp_say(NEW("resources/list", "\"a\":0")), "result.resources");
	assert_int_equal(cJSON_GetArraySize(list), 1);
	list = json_at(mcp_say(NEW("resources/templates/list", "\"a\":0")),
			"result.resourceTemplates");
	assert_non_null(item_in(list, "uriTemplate", "cua://desktops/{desktop}/screen"));
	mcp_expect_error(NEW("resources/read", "\"uri\":\"cua://desktops/other/screen\""), -32602,
			"no desktop \"other\"");
	mcp_expect_error(NEW("prompts/get", "\"name\":\"office\""), -32602, "no prompt");
}

static void what_is_not_there_is_told_with_its_address(void **state)
{
	static const char *const none[] = { "cua://nothing", "cua://runs/", "cua://runs/a/b",
		"cua://runs/..%2f..", "cua://runs/nobody/journal", "cua://runs/nobody", "" };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(none); i++) {
		char text[400];
		snprintf(text, sizeof(text), NEW("resources/read", "\"uri\":\"%s\""), none[i]);
		mcp_expect_error(text, -32602, "");
		assert_string_equal(json_text(mcp_heard[mcp_heard_count - 1], "error.data.uri"),
				none[i]);
	}
	(void)mcp_say(HELLO("2025-11-25"));
	mcp_expect_error(SAY("resources/read", "\"uri\":\"cua://nothing\""), -32002, "no resource");
	mcp_expect_error(SAY("resources/read", "\"uri\":7"), -32602, "uri must be a string");
	mcp_expect_error(SAY("resources/list", "\"cursor\":\"1\""), -32602, "cursor");
}

static void a_run_is_read_with_its_journal(void **state)
{
	const cJSON *result = json_at(
			mcp_say(NEW("resources/read", "\"uri\":\"cua://runs/" RUN "/journal\"")),
			"result");
	(void)state;
	assert_non_null(strstr(json_text(result, "contents.0.text"), "\"task\":\"do it\""));
	assert_string_equal(json_text(result, "contents.0.mimeType"), "application/jsonl");
	assert_int_equal(json_number(result, "ttlMs"), 0);
	result = json_at(
			mcp_say(NEW("resources/read", "\"uri\":\"cua://runs/" RUN "\"")), "result");
	assert_non_null(strstr(json_text(result, "contents.0.text"), RUN));
	result = json_at(mcp_say(NEW("resources/read", "\"uri\":\"cua://runs\"")), "result");
	assert_non_null(strstr(json_text(result, "contents.0.text"), RUN));
}

/* --- prompts --- */

#define PROMPT(arguments) "\"name\":\"code-review\",\"arguments\":{" arguments "}"

static void templates_are_prompts(void **state)
{
	const cJSON *list = json_at(mcp_say(NEW("prompts/list", "\"a\":0")), "result.prompts");
	const cJSON *prompt = item_in(list, "name", "code-review");
	(void)state;
	assert_string_equal(json_text(prompt, "arguments.0.name"), "task");
	assert_true(cJSON_IsTrue(json_at(prompt, "arguments.0.required")));
	const cJSON *answer = mcp_say(NEW("prompts/get", PROMPT("\"task\":\"the last change\"")));
	const char *text = json_text(answer, "result.messages.0.content.text");
	assert_non_null(strstr(text, "You review the repository"));
	assert_non_null(strstr(text, "Task: the last change"));
	answer = mcp_say(NEW("prompts/get", PROMPT("\"task\":\"x\",\"by\":\"run\"")));
	text = json_text(answer, "result.messages.0.content.text");
	assert_non_null(strstr(text, "run_start, with the template \"code-review\""));
	mcp_expect_error(NEW("prompts/get", PROMPT("\"by\":\"run\"")), -32602, "task is missing");
	mcp_expect_error(NEW("prompts/get", PROMPT("\"task\":\"x\",\"by\":\"me\"")), -32602,
			"host or run");
	mcp_expect_error(NEW("prompts/get", PROMPT("\"task\":\"x\",\"other\":\"\"")), -32602,
			"no argument \"other\"");
	mcp_expect_error(NEW("prompts/get", PROMPT("\"task\":7")), -32602, "must be a string");
	/* A file is no prompt, whatever else a template may be named by. */
	mcp_expect_error(NEW("prompts/get", "\"name\":\"/etc/x.yaml\""), -32602, "no prompt");
}

#define CAN_ASK \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"," \
	"\"io.modelcontextprotocol/clientCapabilities\":{\"elicitation\":{}}}"

static void the_user_is_asked_for_what_a_prompt_lacks(void **state)
{
	const cJSON *answer = mcp_say(SAY("prompts/get", "\"name\":\"office\"," CAN_ASK));
	(void)state;
	assert_string_equal(json_text(answer, "result.resultType"), "input_required");
	assert_non_null(json_at(answer,
			"result.inputRequests.arguments.params.requestedSchema.properties.task"));
	answer = mcp_say(SAY("prompts/get",
			"\"name\":\"office\",\"inputResponses\":{\"arguments\":"
			"{\"action\":\"accept\",\"content\":{\"task\":\"add "
			"it up\"}}}," CAN_ASK));
	assert_non_null(strstr(json_text(answer, "result.messages.0.content.text"), "add it up"));
}

/* --- completions --- */

#define COMPLETE(ref, name, value) \
	NEW("completion/complete", \
			"\"ref\":{" ref "},\"argument\":{\"name\":\"" name "\",\"value\":\"" value \
			"\"}")

static void known_values_are_completed(void **state)
{
	const cJSON *answer =
			mcp_say(COMPLETE("\"type\":\"ref/prompt\",\"name\":\"office\"", "by", "r"));
	(void)state;
	assert_string_equal(json_text(answer, "result.completion.values.0"), "run");
	assert_int_equal(json_number(answer, "result.completion.total"), 1);
	answer = mcp_say(COMPLETE(
			"\"type\":\"ref/resource\",\"uri\":\"cua://runs/{run}\"", "run", "2026"));
	assert_string_equal(json_text(answer, "result.completion.values.0"), RUN);
	answer = mcp_say(COMPLETE(
			"\"type\":\"ref/resource\",\"uri\":\"cua://runs/{run}\"", "run", "1999"));
	assert_int_equal(json_number(answer, "result.completion.total"), 0);
	mcp_expect_error(COMPLETE("\"type\":\"ref/prompt\",\"name\":\"none\"", "by", ""), -32602,
			"no prompt \"none\"");
	mcp_expect_error(COMPLETE("\"type\":\"ref/prompt\",\"name\":\"office\"", "x", ""), -32602,
			"no argument \"x\"");
	mcp_expect_error(COMPLETE("\"type\":\"other\"", "x", ""), -32602, "ref.type");
	mcp_expect_error(NEW("completion/complete", "\"ref\":7"), -32602, "argument");
}

/* --- logs --- */

#define LOG_TWO SAY("tools/call", "\"name\":\"log_two\"")

static void hosts_of_older_revisions_hear_what_happens(void **state)
{
	(void)state;
	(void)mcp_say(HELLO("2025-06-18"));
	size_t before = mcp_heard_count;
	(void)mcp_say(LOG_TWO);
	assert_int_equal(mcp_heard_count, before + 2);
	assert_string_equal(json_text(mcp_heard[before], "method"), "notifications/message");
	assert_string_equal(json_text(mcp_heard[before], "params.level"), "warning");
	assert_string_equal(json_text(mcp_heard[before], "params.data"), "large");
	assert_non_null(json_at(mcp_say(SAY("logging/setLevel", "\"level\":\"debug\"")), "result"));
	before = mcp_heard_count;
	(void)mcp_say(LOG_TWO);
	assert_int_equal(mcp_heard_count, before + 3);
	(void)mcp_say(SAY("logging/setLevel", "\"level\":\"alert\""));
	before = mcp_heard_count;
	(void)mcp_say(LOG_TWO);
	assert_int_equal(mcp_heard_count, before + 1);
	mcp_expect_error(SAY("logging/setLevel", "\"level\":\"loud\""), -32602, "level must be");
	/* The newest has none. */
	before = mcp_heard_count;
	(void)mcp_say(NEW("tools/call", "\"name\":\"log_two\""));
	assert_int_equal(mcp_heard_count, before + 1);
}

/* --- what a client keeps --- */

/* tool: of the two that ask; state: NULL: none. */
static const cJSON *ask_again(const char *arguments, const char *inputs, const char *state)
{
	char text[2000];
	snprintf(text, sizeof(text),
			SAY("tools/call",
					"\"name\":\"ask_twice\",\"arguments\":%s,"
					"\"inputResponses\":{%s}%s%s%s," CAN_ASK),
			arguments, inputs, state ? ",\"requestState\":\"" : "", state ? state : "",
			state ? "\"" : "");
	return mcp_say(text);
}

#define ACCEPT(key) "\"" key "\":{\"action\":\"accept\",\"content\":{}}"

static void a_state_counts_as_it_was_given(void **state)
{
	char first[600], second[600], wrong[700];
	(void)state;
	const cJSON *answer = ask_again("{}", "", NULL);
	snprintf(first, sizeof(first), "%s", json_text(answer, "result.requestState"));
	assert_non_null(json_at(answer, "result.inputRequests.q0"));
	answer = ask_again("{}", ACCEPT("q0"), first);
	snprintf(second, sizeof(second), "%s", json_text(answer, "result.requestState"));
	assert_non_null(json_at(answer, "result.inputRequests.q1"));
	assert_string_not_equal(first, second);
	answer = ask_again("{}", ACCEPT("q1"), second);
	assert_string_equal(json_text(answer, "result.content.0.text"), "both");
	/* Of another request, changed, cut off, made up, of another server. */
	answer = ask_again("{\"x\":1}", ACCEPT("q1"), second);
	assert_int_equal((int)json_number(answer, "error.code"), -32602);
	snprintf(wrong, sizeof(wrong), "%sAAAA", second);
	assert_int_equal((int)json_number(ask_again("{}", ACCEPT("q1"), wrong), "error.code"),
			-32602);
	snprintf(wrong, sizeof(wrong), "%.20s", second);
	assert_int_equal((int)json_number(ask_again("{}", ACCEPT("q1"), wrong), "error.code"),
			-32602);
	assert_int_equal(
			(int)json_number(ask_again("{}", ACCEPT("q1"), "?"), "error.code"), -32602);
	assert_int_equal((int)json_number(ask_again("{}", ACCEPT("q1"), ""), "error.code"), -32602);
	mcp_core_finish(NULL);
	begin(NULL);
	answer = ask_again("{}", ACCEPT("q1"), second);
	assert_int_equal((int)json_number(answer, "error.code"), -32602);
	assert_non_null(strstr(json_text(answer, "error.message"), "requestState"));
}

static void a_client_keeps_what_a_handshake_agreed_on(void **state)
{
	char wrong[300];
	(void)state;
	assert_null(mcp_serve_session_id(mcp_session));
	(void)mcp_say("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
		      "\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"elicitation\":{},"
		      "\"roots\":{}},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}");
	CUA_AUTO_FREE char *id = mcp_serve_session_id(mcp_session);
	assert_non_null(id);
	/* The next POST. */
	mcp_serve_session_destroy(mcp_session);
	assert_int_equal(mcp_serve_session_create(mcp_serve, "2025-03-26", &mcp_session, NULL),
			CUA_OK);
	snprintf(wrong, sizeof(wrong), "%sA", id);
	assert_false(mcp_serve_session_resume(mcp_session, wrong));
	assert_false(mcp_serve_session_resume(mcp_session, ""));
	assert_null(mcp_session->capabilities);
	assert_true(mcp_serve_session_resume(mcp_session, id));
	assert_string_equal(mcp_session->revision, "2025-06-18");
	assert_non_null(cua_json_member(mcp_session->capabilities, "elicitation"));
	mcp_core_finish(NULL);
	begin(NULL);
	assert_false(mcp_serve_session_resume(mcp_session, id));
}

/* --- a place with one run in it --- */

static void write_run(void)
{
	char path[200];
	FILE *file = NULL;
	snprintf(path, sizeof(path), "%s/runs", place);
	assert_int_equal(mkdir(path, 0700), 0);
	setenv("CUA_RUNS_DIR", path, 1);
	snprintf(path, sizeof(path), "%s/runs/%s", place, RUN);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/runs/%s/events.jsonl", place, RUN);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("{\"seq\":1,\"event\":\"run_start\",\"time\":\"2026-01-02T03:04:05Z\",\"task\":\"do "
	      "it\"}\n",
			file);
	assert_int_equal(fclose(file), 0);
}

static int begin_place(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	assert_non_null(mkdtemp(place));
	setenv("CUA_STATE_DIR", place, 1);
	setenv("CUA_RUNTIME_DIR", place, 1);
	setenv("XDG_CONFIG_HOME", place, 1);
	write_run();
	return 0;
}

static int finish_place(void **state)
{
	(void)state;
	assert_int_equal(cua_remove_tree(place, NULL), CUA_OK);
	return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, mcp_core_finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(resources_are_offered_with_the_tools_that_show_the_same),
		TEST(what_is_not_there_is_told_with_its_address),
		TEST(a_run_is_read_with_its_journal),
		TEST(templates_are_prompts),
		TEST(the_user_is_asked_for_what_a_prompt_lacks),
		TEST(known_values_are_completed),
		TEST(hosts_of_older_revisions_hear_what_happens),
		TEST(a_state_counts_as_it_was_given),
		TEST(a_client_keeps_what_a_handshake_agreed_on),
	};
	return cmocka_run_group_tests(tests, begin_place, finish_place);
}
