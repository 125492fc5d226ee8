#include "standin_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#define FUNCTION(name, properties) \
	"{\"type\":\"function\",\"function\":{\"name\":\"" name "\",\"parameters\":" \
	"{\"type\":\"object\",\"properties\":{" properties "}}}}"
#define COMPUTER \
	FUNCTION("computer", \
			"\"action\":{\"type\":\"string\",\"enum\":[\"click\",\"double_click\"," \
			"\"type\",\"key\",\"scroll\",\"wait\",\"screenshot\"]},\"x\":{},\"y\":{}," \
			"\"text\":{},\"button\":{},\"scroll_y\":{}")
#define OPEN_APP FUNCTION("open_app", "\"name\":{\"type\":\"string\"}")
#define USER_PICTURE \
	"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Screen:\"},{\"type\":" \
	"\"image_url\",\"image_url\":{\"url\":\"" PICTURE_URL "\"}}]}"

static const char script_text[] = "task: t\n"
				  "steps:\n"
				  "  - open_app: Editor\n"
				  "  - click_text: Save\n"
				  "    count: 2\n"
				  "    batch: true\n"
				  "  - type: \"it's\\n\"\n"
				  "    batch: true\n"
				  "  - key: ctrl+s\n"
				  "  - scroll: 300\n"
				  "  - drag_text: Save\n"
				  "    by: [100, 0]\n"
				  "  - done: All done.\n";

static const char request_text[] = "{\"model\":\"standin\",\"tools\":[" COMPUTER "," OPEN_APP "],"
				   "\"messages\":[{\"role\":\"user\",\"content\":\"do it\"}]}";

/* A model with a grammar of its own is told in words which functions there are. */
#define GRAMMAR_REQUEST(model) \
	"{\"model\":\"" model "\",\"messages\":[{\"role\":\"system\",\"content\":" \
	"\"You may call open_app(name).\"}," USER_PICTURE "]}"

static int set_up(void **state)
{
	struct standin *standin = calloc(1, sizeof(*standin));
	assert_non_null(standin);
	standin_set_up(standin, script_text, "/v1/chat/completions", request_text, "messages");
	standin->headers[WIRE_AUTHORIZATION] = "Bearer k";
	*state = standin;
	return 0;
}

static int tear_down(void **state)
{
	standin_tear_down(*state);
	free(*state);
	return 0;
}

static void use_request(struct standin *standin, const char *request)
{
	cJSON_Delete(standin->request);
	standin->request = standin_parse(request);
	standin->talk = cJSON_GetObjectItem(standin->request, "messages");
}

/* Asks, keeps the message as a client does, and returns it. */
static const cJSON *turn(struct standin *standin)
{
	CUA_AUTO_JSON cJSON *completion = standin_ask(standin);
	cJSON *message = cJSON_Duplicate(
			standin_at(completion, "choices", "0", "message", NULL), true);
	cJSON_AddItemToArray(standin->talk, message);
	return message;
}

static const char *call_id(const cJSON *message, const char *index)
{
	return standin_text(standin_at(message, "tool_calls", index, NULL), "id");
}

static cJSON *arguments(const cJSON *message, const char *index)
{
	const cJSON *function = standin_at(message, "tool_calls", index, "function", NULL);
	return standin_parse(standin_text(function, "arguments"));
}

static void answer(struct standin *standin, const cJSON *message, const char *index)
{
	standin_say(standin, "{\"role\":\"tool\",\"tool_call_id\":\"%s\",\"content\":\"ok\"}",
			call_id(message, index));
}

/* Through open_app to the batch of three calls. */
static const cJSON *to_the_batch(struct standin *standin)
{
	answer(standin, turn(standin), "0");
	standin_say(standin, USER_PICTURE);
	standin->seen = "Save";
	return turn(standin);
}

static void plays_with_the_functions_it_is_offered(void **state)
{
	struct standin *standin = *state;
	const cJSON *message = to_the_batch(standin);
	CUA_AUTO_JSON cJSON *click = arguments(message, "0");
	CUA_AUTO_JSON cJSON *type = arguments(message, "1");
	CUA_AUTO_JSON cJSON *key = arguments(message, "2");
	assert_string_equal(standin_text(click, "action"), "double_click");
	assert_int_equal(standin_at(click, "x", NULL)->valueint, 120);
	assert_string_equal(standin_text(type, "text"), "it's\n");
	/* The function has no "keys": the chord goes where it has a place. */
	assert_string_equal(standin_text(key, "text"), "ctrl+s");
	answer(standin, message, "0");
	answer(standin, message, "1");
	answer(standin, message, "2");
	standin_say(standin, USER_PICTURE);
	CUA_AUTO_JSON cJSON *scroll = arguments(turn(standin), "0");
	assert_int_equal(standin_at(scroll, "scroll_y", NULL)->valueint, 3);
}

static void one_call_at_a_time_if_the_client_says_so(void **state)
{
	struct standin *standin = *state;
	static const char *const actions[] = { "double_click", "type", "key", "scroll" };
	cJSON_AddFalseToObject(standin->request, "parallel_tool_calls");
	const cJSON *message = to_the_batch(standin);
	for (size_t i = 0; i < CUA_ARRAY_LEN(actions); i++) {
		assert_int_equal(cJSON_GetArraySize(standin_at(message, "tool_calls", NULL)), 1);
		CUA_AUTO_JSON cJSON *given = arguments(message, "0");
		assert_string_equal(standin_text(given, "action"), actions[i]);
		answer(standin, message, "0");
		standin_say(standin, USER_PICTURE);
		message = turn(standin);
	}
}

/* Answers the only call of a message, with a picture on which this is seen; NULL: with none. */
static const cJSON *go_on(struct standin *standin, const cJSON *message, const char *seen)
{
	assert_int_equal(cJSON_GetArraySize(standin_at(message, "tool_calls", NULL)), 1);
	answer(standin, message, "0");
	if (seen) {
		standin->seen = seen;
		standin_say(standin, USER_PICTURE);
	}
	return turn(standin);
}

static void expect_call(const cJSON *message, const char *action)
{
	CUA_AUTO_JSON cJSON *given = arguments(message, "0");
	assert_string_equal(standin_text(given, "action"), action);
}

static void expect_done(const cJSON *message)
{
	assert_string_equal(standin_text(message, "content"), "Seen.");
}

static void use_script(struct standin *standin, const char *script)
{
	standin_tear_down(standin);
	standin_set_up(standin, script, "/v1/chat/completions", request_text, "messages");
	standin->headers[WIRE_AUTHORIZATION] = "Bearer k";
	cJSON_AddFalseToObject(standin->request, "parallel_tool_calls");
}

static void what_comes_while_it_waits_is_seen(void **state)
{
	struct standin *standin = *state;
	use_script(standin, "task: t\nsteps:\n  - see: Save\n  - done: Seen.\n");
	standin_say(standin, USER_PICTURE);
	const cJSON *message = turn(standin);
	for (int i = 0; i < 2; i++) {
		expect_call(message, "screenshot");
		message = go_on(standin, message, NULL);
	}
	expect_call(message, "wait");
	message = go_on(standin, message, NULL);
	expect_call(message, "screenshot"); /* the wait has brought none */
	message = go_on(standin, message, NULL);
	expect_call(message, "wait");
	expect_done(go_on(standin, message, "Save"));
}

static void what_came_before_the_last_call_is_seen(void **state)
{
	struct standin *standin = *state;
	use_script(standin,
			"task: t\nsteps:\n  - type: a\n  - key: ctrl+s\n  - see: Save\n"
			"  - done: Seen.\n");
	standin_say(standin, USER_PICTURE);
	const cJSON *message = turn(standin);
	expect_call(message, "type");
	message = go_on(standin, message, "Save");
	expect_call(message, "key");
	/* It had no effect that is seen: a look says so, too. */
	message = go_on(standin, message, NULL);
	expect_call(message, "screenshot");
	expect_done(go_on(standin, message, NULL));
}

static void it_gives_up_in_the_words_of_the_script(void **state)
{
	struct standin *standin = *state;
	use_script(standin,
			"task: t\ngive_up: Sorry.\nsteps:\n  - expect: Save\n  - done: Seen.\n");
	standin_say(standin, USER_PICTURE);
	standin->seen = "Other";
	assert_string_equal(standin_text(turn(standin), "content"), "Sorry.");
}

static void requests_that_break_the_contract_are_refused(void **state)
{
	static const struct standin_refusal cases[] = {
		{ "model", NULL, 400, "Missing required parameter: 'model'." },
		{ "messages", "[]", 400, "empty array" },
		{ "messages", "[{\"role\":\"king\",\"content\":\"x\"}]", 400,
				"Invalid value: 'king'" },
		{ "messages", "[{\"role\":\"user\"}]", 400, "'messages[0].content'" },
		{ "messages", "[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\"}]}]", 400,
				"Supported values are: 'text' and 'image_url'" },
		{ "messages",
				"[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_"
				"url\":{"
				"\"url\":\"https://example.com/a.png\"}}]}]",
				400, "must be a base64 encoded image" },
		{ "messages",
				"[{\"role\":\"system\",\"content\":[{\"type\":\"image_url\","
				"\"image_url\":{"
				"\"url\":\"" PICTURE_URL "\"}}]}]",
				400, "only allowed for messages with role 'user'" },
		{ "messages", "[{\"role\":\"tool\",\"tool_call_id\":\"x\",\"content\":\"\"}]", 400,
				"must be a response to a preceeding message" },
		{ "messages", "[{\"role\":\"assistant\",\"content\":\"x\"}]", 400,
				"none that was sent" },
		{ "tools", "[" OPEN_APP "," OPEN_APP "]", 400, "Duplicate function name" },
		{ "tools", "[{\"type\":\"computer\"}]", 400, "'function'" },
		{ "tools",
				"[{\"type\":\"function\",\"function\":{\"name\":\"a\","
				"\"parameters\":{"
				"\"type\":\"object\"}}}]",
				400, "object schema missing properties" },
		{ "tool_choice", "\"any\"", 400, "Invalid value for 'tool_choice'" },
		{ "stream_options", "{\"include_usage\":true}", 400, "only allowed when 'stream'" },
		{ "max_token", "1", 400, "Unknown parameter: 'max_token'." },
	};
	standin_expect_refusals(*state, cases, CUA_ARRAY_LEN(cases));
}

static void without_tools_it_can_only_say_so(void **state)
{
	struct standin *standin = *state;
	cJSON_DeleteItemFromObject(standin->request, "tools");
	assert_non_null(strstr(standin_text(turn(standin), "content"), "offers no computer tool"));
}

static void expect_refused(struct standin *standin, const char *reason)
{
	cJSON_Delete(standin_expect_refused(standin, 400, reason));
}

static void forget_last(struct standin *standin)
{
	cJSON_DeleteItemFromArray(standin->talk, cJSON_GetArraySize(standin->talk) - 1);
}

static void every_call_is_answered_once_and_in_order(void **state)
{
	struct standin *standin = *state;
	const cJSON *message = to_the_batch(standin);
	expect_refused(standin, "did not have response messages: call_");
	answer(standin, message, "1");
	expect_refused(standin, "in order");
	forget_last(standin);
	answer(standin, message, "0");
	answer(standin, message, "0");
	expect_refused(standin, "answered already");
	forget_last(standin);
	standin_say(standin, USER_PICTURE);
	expect_refused(standin, "did not have response messages: call_");
	forget_last(standin);
	standin_say(standin,
			"{\"role\":\"tool\",\"tool_call_id\":\"%s\",\"content\":[{\"type\":\"image_"
			"url\","
			"\"image_url\":{\"url\":\"" PICTURE_URL "\"}}]}",
			call_id(message, "1"));
	expect_refused(standin, "only allowed for messages with role 'user'");
	standin->settings.quirks = "tool-images";
	answer(standin, message, "2");
	turn(standin);
}

static void our_messages_come_back_unchanged(void **state)
{
	struct standin *standin = *state;
	const cJSON *message = to_the_batch(standin);
	cJSON *calls = cJSON_GetObjectItem(
			cJSON_GetArrayItem(standin->talk, cJSON_GetArraySize(standin->talk) - 1),
			"tool_calls");
	answer(standin, message, "0");
	answer(standin, message, "1");
	answer(standin, message, "2");
	cJSON *last = cJSON_DetachItemFromArray(calls, 2);
	expect_refused(standin, "none that was sent");
	cJSON_AddItemToArray(calls, last);
	turn(standin);
}

static const cJSON *first_chunk_with_calls(const char *stream, cJSON **ret_chunk)
{
	for (const char *at = stream; (at = strstr(at, "data: {")); at++) {
		*ret_chunk = cJSON_ParseWithLength(at + 6, strcspn(at + 6, "\n"));
		const cJSON *calls =
				standin_at(*ret_chunk, "choices", "0", "delta", "tool_calls", NULL);
		if (calls) {
			return calls->child;
		}
		cJSON_Delete(*ret_chunk);
	}
	fail_msg("no chunk has tool calls: %s", stream);
	return NULL;
}

static void servers_deviate_as_told(void **state)
{
	struct standin *standin = *state;
	struct wire_reply reply;
	cJSON *chunk = NULL;
	cJSON_AddTrueToObject(standin->request, "stream");
	standin->settings.quirks =
			"no-index,no-ids,object-arguments,stop,comments,no-done,reasoning";
	standin_post_raw(standin, &reply);
	const cJSON *call = first_chunk_with_calls(reply.body.data, &chunk);
	assert_null(standin_at(call, "index", NULL));
	assert_string_equal(standin_text(call, "id"), "");
	assert_true(cJSON_IsObject(standin_at(call, "function", "arguments", NULL)));
	cJSON_Delete(chunk);
	assert_non_null(strstr(reply.body.data, ": OPENROUTER PROCESSING\n\n"));
	assert_non_null(strstr(reply.body.data, "\"finish_reason\":\"stop\""));
	assert_non_null(strstr(reply.body.data, "\"delta\":{\"reasoning\":"));
	assert_null(strstr(reply.body.data, "[DONE]"));
	wire_reply_finish(&reply);
	standin->settings.quirks = "plain";
	standin_post_raw(standin, &reply);
	assert_string_equal(reply.content_type, "application/json");
	wire_reply_finish(&reply);
}

static void the_usage_has_a_chunk_without_choices(void **state)
{
	struct standin *standin = *state;
	struct wire_reply reply;
	cJSON_AddTrueToObject(standin->request, "stream");
	cJSON_AddItemToObject(standin->request, "stream_options",
			standin_parse("{\"include_usage\":true}"));
	standin_post_raw(standin, &reply);
	assert_non_null(strstr(reply.body.data, "\"choices\":[],\"usage\":{"));
	wire_reply_finish(&reply);
}

/* --- grammars --- */

/* What the model writes in turn; each is answered with a picture. */
static void expect_texts(struct standin *standin, const char *request, const char *const *texts)
{
	use_request(standin, request);
	standin->seen = "Save";
	for (; *texts; texts++) {
		const char *content = standin_text(turn(standin), "content");
		if (!strstr(content, *texts)) {
			fail_msg("'%s' is not in: %s", *texts, content);
		}
		standin_say(standin, USER_PICTURE);
	}
}

/* 1280x800: a grid of 1000 makes 120,210 to 94,262; 1288x812 makes it 121,213. */
static void writes_as_ui_tars_does(void **state)
{
	static const char *const first[] = {
		"Action: open_app(name='Editor')",
		"Action: left_double(start_box='(94,262)')\n\ntype(content='it\\'s\\n')\n\n"
		"hotkey(key='ctrl s')",
		"scroll(start_box='(500,500)', direction='down')",
		"drag(start_box='(94,262)', end_box='(172,262)')",
		"Action: finished(content='All done.')",
		NULL,
	};
	static const char *const resized[] = { "open_app",
		"left_double(start_box='<|box_start|>(121,213)<|box_end|>')", NULL };
	static const char *const hosted[] = { "open_app",
		"left_double(point='<point>94 262</point>')", "scroll(point=",
		"drag(start_point='<point>94 262</point>', end_point='<point>172 262</point>')",
		NULL };
	expect_texts(*state, GRAMMAR_REQUEST("ByteDance/UI-TARS-7B"), first);
	expect_texts(*state, GRAMMAR_REQUEST("ui-tars-1.5-7b"), resized);
	expect_texts(*state, GRAMMAR_REQUEST("doubao-1.5-ui-tars"), hosted);
}

static void writes_as_qwen_does(void **state)
{
	static const char *const texts[] = {
		"<tool_call>\n{\"name\":\"open_app\",\"arguments\":{\"name\":\"Editor\"}}",
		"{\"action\":\"double_click\",\"coordinate\":[94,262]}",
		"{\"action\":\"type\",\"text\":\"it's\\n\"}",
		"{\"action\":\"key\",\"keys\":[\"ctrl\",\"s\"]}",
		"{\"action\":\"mouse_move\",\"coordinate\":[500,500]}",
		"{\"action\":\"scroll\",\"pixels\":-300}",
		"{\"action\":\"mouse_move\",\"coordinate\":[94,262]}",
		"{\"action\":\"left_click_drag\",\"coordinate\":[172,262]}",
		"\"action\": \"terminate\", \"status\": \"success\"",
		NULL,
	};
	static const char *const resized[] = { "open_app", "\"coordinate\":[121,213]", NULL };
	expect_texts(*state, GRAMMAR_REQUEST("qwen3-vl-30b"), texts);
	expect_texts(*state, GRAMMAR_REQUEST("qwen2.5-vl-7b"), resized);
	expect_texts(*state, GRAMMAR_REQUEST("fara-7b"), resized);
}

static void writes_as_opencua_does(void **state)
{
	static const char *const texts[] = {
		"```python\ncomputer.open_app(name='Editor')\n```",
		"pyautogui.doubleClick(x=121, y=213)\npyautogui.write(message='it\\'s\\n')\n"
		"pyautogui.hotkey(['ctrl', 's'])\n",
		"pyautogui.moveTo(x=644, y=406)\npyautogui.scroll(-3)\n",
		"pyautogui.moveTo(x=121, y=213)\npyautogui.dragTo(x=221, y=213, button='left')\n",
		"computer.terminate(status='success')",
		NULL,
	};
	expect_texts(*state, GRAMMAR_REQUEST("opencua-32b"), texts);
}

static void old_turns_may_leave_the_history_of_a_grammar(void **state)
{
	struct standin *standin = *state;
	use_request(standin, GRAMMAR_REQUEST("ui-tars-7b"));
	standin->seen = "Save";
	turn(standin);
	standin_say(standin, USER_PICTURE);
	turn(standin);
	standin_say(standin, USER_PICTURE);
	cJSON_DeleteItemFromArray(standin->talk, 2);
	cJSON_DeleteItemFromArray(standin->talk, 2);
	assert_non_null(strstr(standin_text(turn(standin), "content"), "scroll("));
}

int main(void)
{
	if (sodium_init() < 0) {
		return 1;
	}
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(plays_with_the_functions_it_is_offered),
		TEST(one_call_at_a_time_if_the_client_says_so),
		TEST(what_comes_while_it_waits_is_seen),
		TEST(what_came_before_the_last_call_is_seen),
		TEST(it_gives_up_in_the_words_of_the_script),
		TEST(requests_that_break_the_contract_are_refused),
		TEST(without_tools_it_can_only_say_so),
		TEST(every_call_is_answered_once_and_in_order),
		TEST(our_messages_come_back_unchanged),
		TEST(servers_deviate_as_told),
		TEST(the_usage_has_a_chunk_without_choices),
		TEST(writes_as_ui_tars_does),
		TEST(writes_as_qwen_does),
		TEST(writes_as_opencua_does),
		TEST(old_turns_may_leave_the_history_of_a_grammar),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
