#include "standin_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

static const char script_text[] = "task: t\n"
				  "steps:\n"
				  "  - say: Hello Zoë.\n"
				  "  - open_app: Editor\n"
				  "  - click_text: Save\n"
				  "    within: 0\n"
				  "  - type: abc\n"
				  "  - key: ctrl+s\n"
				  "  - expect: Saved\n"
				  "  - done: All done.\n";

static const char request_text[] = "{\"model\":\"standin\",\"store\":false,"
				   "\"include\":[\"reasoning.encrypted_content\"],"
				   "\"tools\":[{\"type\":\"computer\"},"
				   "{\"type\":\"function\",\"name\":\"open_app\",\"parameters\":{"
				   "\"type\":\"object\",\"properties\":{}}},"
				   "{\"type\":\"function\",\"name\":\"give_up\",\"parameters\":{"
				   "\"type\":\"object\",\"properties\":{}}}],"
				   "\"input\":[{\"role\":\"user\",\"content\":\"do it\"}]}";

static int set_up(void **state)
{
	struct standin *standin = calloc(1, sizeof(*standin));
	assert_non_null(standin);
	standin_set_up(standin, script_text, "/v1/responses", request_text, "input");
	standin->headers[WIRE_AUTHORIZATION] = "Bearer sk";
	*state = standin;
	return 0;
}

static int tear_down(void **state)
{
	standin_tear_down(*state);
	free(*state);
	return 0;
}

/* Posts, puts the output behind the input as a client does, and returns the last item. */
static const cJSON *turn(struct standin *standin)
{
	CUA_AUTO_JSON cJSON *response = standin_ask(standin);
	assert_string_equal(standin_text(response, "status"), "completed");
	const cJSON *item;
	cJSON_ArrayForEach (item, standin_at(response, "output", NULL)) {
		cJSON_AddItemToArray(standin->talk, cJSON_Duplicate(item, true));
	}
	return cJSON_GetArrayItem(standin->talk, cJSON_GetArraySize(standin->talk) - 1);
}

static void answer(struct standin *standin, const cJSON *call, const char *seen)
{
	standin->seen = seen;
	if (strcmp(standin_text(call, "type"), "function_call") == 0) {
		standin_say(standin,
				"{\"type\":\"function_call_output\",\"call_id\":\"%s\",\"output\":["
				"{\"type\":\"input_text\",\"text\":\"ok\"},{\"type\":\"input_"
				"image\","
				"\"image_url\":\"" PICTURE_URL "\",\"detail\":\"original\"}]}",
				standin_text(call, "call_id"));
	} else {
		standin_say(standin,
				"{\"type\":\"computer_call_output\",\"call_id\":\"%s\",\"output\":"
				"{\"type\":\"computer_screenshot\",\"image_url\":\"" PICTURE_URL
				"\"}}",
				standin_text(call, "call_id"));
	}
}

static const cJSON *action(const cJSON *call, int index)
{
	assert_string_equal(standin_text(call, "type"), "computer_call");
	return cJSON_GetArrayItem(cJSON_GetObjectItem(call, "actions"), index);
}

static void plays_the_script_to_its_end(void **state)
{
	struct standin *standin = *state;
	const cJSON *call = turn(standin);
	assert_string_equal(standin_text(call, "name"), "open_app");
	assert_string_equal(standin_text(call, "arguments"), "{\"name\":\"Editor\"}");

	answer(standin, call, "Save");
	call = turn(standin);
	assert_string_equal(standin_text(action(call, 0), "type"), "click");
	assert_int_equal(cJSON_GetObjectItem(action(call, 0), "x")->valueint, 120);
	assert_int_equal(cJSON_GetObjectItem(action(call, 0), "y")->valueint, 210);

	answer(standin, call, "");
	call = turn(standin); /* typing and a chord need no look between them */
	assert_string_equal(standin_text(action(call, 0), "text"), "abc");
	assert_string_equal(standin_text(action(call, 1), "type"), "keypress");

	answer(standin, call, "Saved");
	const cJSON *message = turn(standin);
	assert_string_equal(standin_text(message, "phase"), "final_answer");
	const cJSON *part = cJSON_GetArrayItem(cJSON_GetObjectItem(message, "content"), 0);
	assert_string_equal(standin_text(part, "text"), "All done.");
}

static void gives_up_with_what_it_saw_and_missed(void **state)
{
	struct standin *standin = *state;
	answer(standin, turn(standin), "Save");
	answer(standin, turn(standin), "");
	answer(standin, turn(standin), "Error");
	const cJSON *call = turn(standin);
	assert_string_equal(standin_text(call, "name"), "give_up");
	assert_non_null(strstr(standin_text(call, "arguments"),
			"step 6 (expect Saved, line 9): did not find 'Saved'; on the screen was: "
			"Error"));
	answer(standin, call, "Saved");
	assert_string_equal(standin_text(turn(standin), "phase"), "final_answer");
}

static void a_blank_or_late_screen_is_no_success(void **state)
{
	struct standin *standin = *state;
	answer(standin, turn(standin), "");
	const cJSON *call = turn(standin);
	assert_string_equal(standin_text(call, "name"), "give_up");
	assert_non_null(strstr(standin_text(call, "arguments"), "(nothing readable)"));
}

static void waits_for_a_screen_that_is_not_ready(void **state)
{
	struct standin *standin = *state;
	standin->script->steps[2].within_s = 600;
	answer(standin, turn(standin), "");
	for (int i = 0; i < 3; i++) {
		const cJSON *call = turn(standin);
		assert_string_equal(standin_text(action(call, 0), "type"),
				i < 2 ? "screenshot" : "wait");
		answer(standin, call, i < 2 ? "" : "Save");
	}
	assert_string_equal(standin_text(action(turn(standin), 0), "type"), "click");
}

static void a_repeated_request_gets_the_same_step(void **state)
{
	struct standin *standin = *state;
	answer(standin, turn(standin), "Save");
	int status = 0;
	for (int i = 0; i < 2; i++) {
		cJSON *response = standin_post(standin, &status);
		assert_int_equal(status, 200);
		const cJSON *output = cJSON_GetObjectItem(response, "output");
		const cJSON *call = cJSON_GetArrayItem(output, cJSON_GetArraySize(output) - 1);
		assert_string_equal(standin_text(action(call, 0), "type"), "click");
		cJSON_Delete(response);
	}
}

/* --- refusals --- */

static void expect_refused(struct standin *standin, int status, const char *reason)
{
	CUA_AUTO_JSON cJSON *body = standin_expect_refused(standin, status, reason);
	const cJSON *error = standin_at(body, "error", NULL);
	assert_string_equal(standin_text(error, "type"), "invalid_request_error");
	assert_true(cJSON_HasObjectItem(error, "param") && cJSON_HasObjectItem(error, "code"));
}

#define OFFERED(name, schema) \
	"[{\"type\":\"function\",\"name\":\"" name "\",\"parameters\":" schema "}]"
#define OBJECT(properties) "{\"type\":\"object\",\"properties\":{" properties "}}"
#define CHOICE "{\"type\":\"object\",\"properties\":{},\"anyOf\":[]}"
#define LIST "{\"anyOf\":[{\"type\":[\"array\",\"null\"]}]}"

#define STRICT(schema) \
	"[{\"type\":\"function\",\"name\":\"a\",\"strict\":true,\"parameters\":" schema "}]"
#define NEEDING(names, properties) \
	"{\"type\":\"object\",\"required\":[" names "],\"properties\":{" properties "}}"

static void requests_that_break_the_contract_are_refused(void **state)
{
	struct standin *standin = *state;
	static const struct standin_refusal cases[] = {
		{ "model", NULL, 400, "Missing required parameter: 'model'." },
		{ "model", "\"gpt-5\"", 404, "The model 'gpt-5' does not exist" },
		{ "tools", "[{\"type\":\"computer\",\"display_width\":1}]", 400, "no member but" },
		{ "tools", "[{\"type\":\"computer_use_preview\"}]", 400, "Invalid value" },
		{ "tools", "[{\"type\":\"function\",\"name\":\"a\"}]", 400, "tools[0].parameters" },
		{ "tools", OFFERED("a", "{}"), 400, "Invalid schema for function 'a'" },
		{ "tools", OFFERED("a.b", OBJECT("")), 400, "the pattern" },
		{ "tools", OFFERED("a", "{\"type\":\"object\"}"), 400, "missing properties" },
		{ "tools", OFFERED("a", CHOICE), 400, "at the top level" },
		{ "tools", OFFERED("a", OBJECT("\"b\":" LIST)), 400, "missing items" },
		{ "tools", OFFERED("a", OBJECT("\"b\":\"c\"")), 400, "is not of type" },
		{ "tools", STRICT(OBJECT("\"b\":{\"type\":\"string\"}")), 400, "Missing 'b'" },
		{ "tools", STRICT(NEEDING("\"b\"", "\"b\":" OBJECT("\"c\":{}"))), 400,
				"including every key in properties. Missing 'c'" },
		{ "input", NULL, 400, "Missing required parameter: 'input'." },
		{ "input", "[]", 400, "Missing required parameter: 'input'." },
		{ "input", "[{\"type\":\"telepathy\"}]", 400, "Invalid value: 'telepathy'" },
		{ "input", "[{}]", 400, "'input[0].type'" },
		{ "input", "[{\"role\":\"king\",\"content\":\"x\"}]", 400,
				"Invalid value: 'king'" },
		{ "input", "[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]", 400,
				"'text'" },
		{ "input",
				"[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\","
				"\"image_url\":\"data:image/png;base64,AAAA\"}]}]",
				400, "Expected a base64-encoded data URL" },
		{ "input",
				"[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\","
				"\"image_url\":\"" PICTURE_URL "*\"}]}]",
				400, "not valid base64" },
		{ "input",
				"[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\","
				"\"image_url\":\"data:image/png;base64," PICTURE_CUT_BASE64
				"\"}]}]",
				400, "does not represent a valid image" },
		{ "input",
				"[{\"type\":\"computer_call_output\",\"call_id\":\"x\",\"output\":"
				"{\"type\":\"computer_screenshot\",\"image_url\":\"" PICTURE_URL
				"\"}}]",
				400, "No tool call found for computer call output with call_id x" },
		{ "input",
				"[{\"type\":\"function_call_output\",\"call_id\":\"x\",\"output\":"
				"\"\"}]",
				400, "No tool call found for function call output with call_id x" },
		{ "input", "[{\"type\":\"reasoning\",\"id\":\"rs_x\",\"summary\":[]}]", 404,
				"Item with id 'rs_x'" },
		{ "previous_response_id", "\"resp_1\"", 400, "Zero Data Retention" },
		{ "include", "[\"thoughts\"]", 400, "Invalid value: 'thoughts'" },
		{ "reasoning", "{\"effort\":\"ultra\"}", 400, "Invalid value: 'ultra'" },
		{ "reasoning", "{\"summary\":\"long\"}", 400, "Invalid value: 'long'" },
		{ "reasoning", "{\"thoughts\":true}", 400, "Unknown parameter" },
		{ "truncation", "\"yes\"", 400, "Invalid value: 'yes'" },
		{ "context_management", "[{\"type\":\"forget\"}]", 400, "Invalid value: 'forget'" },
		{ "context_management", "[{\"type\":\"compaction\",\"compact_threshold\":0}]", 400,
				"below minimum" },
		{ "stream_options", "{\"include_obfuscation\":false}", 400, "only allowed when" },
		{ "max_output_tokens", "1", 400, "below minimum" },
		{ "tool_choice", "\"computer\"", 400, "Invalid value: 'computer'" },
		{ "tool_choice", "{\"type\":\"hands\"}", 400, "Invalid value: 'hands'" },
		{ "stream", "\"yes\"", 400, "Invalid type for 'stream'" },
		{ "screen_size", "1", 400, "Unknown parameter: 'screen_size'." },
	};
	standin_expect_refusals(standin, cases, CUA_ARRAY_LEN(cases));
}

static void no_key_no_json_no_answer(void **state)
{
	struct standin *standin = *state;
	static const struct {
		const char *authorization, *body;
		int status;
		const char *reason;
	} cases[] = {
		{ NULL, "{}", 401, "You didn't provide an API key" },
		{ "Bearer ", "{}", 401, "You didn't provide an API key" },
		{ "Basic x", "{}", 401, "You didn't provide an API key" },
		{ "Bearer another", "{}", 401, "Incorrect API key provided" },
		{ "Bearer k", "{", 400, "could not parse the JSON body" },
		{ "Bearer k", "[]", 400, "could not parse the JSON body" },
		{ "Bearer k", "", 400, "could not parse the JSON body" },
	};
	standin->settings.key = "k";
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		const struct wire_http http = { .method = "POST",
			.path = "/v1/responses",
			.query = "",
			.headers = { [WIRE_AUTHORIZATION] = cases[i].authorization },
			.body = cases[i].body,
			.body_len = strlen(cases[i].body) };
		struct wire_reply reply;
		wire_answer(&standin->play, &standin->settings, &http, &reply);
		assert_int_equal(reply.http_status, cases[i].status);
		assert_non_null(strstr(reply.body.data, cases[i].reason));
		wire_reply_finish(&reply);
	}
}

static void every_call_is_answered_once(void **state)
{
	struct standin *standin = *state;
	const cJSON *call = turn(standin);
	expect_refused(standin, 400, "No tool output found for function call call_");
	answer(standin, call, "Save");
	answer(standin, call, "Save");
	expect_refused(standin, 400, "Duplicate output for function call call_");
	cJSON_DeleteItemFromArray(standin->talk, cJSON_GetArraySize(standin->talk) - 1);
	call = turn(standin);
	expect_refused(standin, 400, "No tool output found for computer call call_");
	standin_say(standin,
			"{\"type\":\"function_call_output\",\"call_id\":\"%s\",\"output\":\"\"}",
			standin_text(call, "call_id"));
	expect_refused(standin, 400, "No tool call found for function call output");
	cJSON_DeleteItemFromArray(standin->talk, cJSON_GetArraySize(standin->talk) - 1);
	standin_say(standin,
			"{\"type\":\"computer_call_output\",\"call_id\":\"%s\",\"output\":"
			"{\"type\":\"computer_screenshot\",\"image_url\":\"" PICTURE_URL
			"\",\"error\":\"x\"}}",
			standin_text(call, "call_id"));
	expect_refused(standin, 400, "Unknown parameter: 'input[8].output.error'.");
	cJSON_DeleteItemFromArray(standin->talk, cJSON_GetArraySize(standin->talk) - 1);
	answer(standin, call, "Saved");
	turn(standin);
}

static void history_comes_back_unchanged(void **state)
{
	struct standin *standin = *state;
	answer(standin, turn(standin), "Save");
	/* input: user, reasoning, message, function_call, output */
	static const struct {
		int item;
		const char *member;
		const char *json; /* NULL: the whole item is taken away */
		int status;
		const char *reason;
	} cases[] = {
		{ 1, "encrypted_content", "\"gAAAAAx\"", 400, "could not be verified" },
		{ 1, "summary", "[1]", 400, "could not be verified" },
		{ 1, "", NULL, 404, "without its required 'reasoning' item" },
		{ 2, "phase", "\"final_answer\"", 400, "differs from the item that was sent" },
		{ 2, "", NULL, 400, "was not provided where it belongs" },
		{ 3, "arguments", "\"{}\"", 400, "differs from the item that was sent" },
		{ 3, "extra", "1", 400, "differs from the item that was sent" },
		{ 3, "", NULL, 400, "was not provided where it belongs" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		cJSON *saved = cJSON_Duplicate(standin->talk, true);
		if (cases[i].json) {
			cJSON *item = cJSON_GetArrayItem(standin->talk, cases[i].item);
			cJSON_DeleteItemFromObject(item, cases[i].member);
			cJSON_AddItemToObject(item, cases[i].member, standin_parse(cases[i].json));
		} else {
			cJSON_DeleteItemFromArray(standin->talk, cases[i].item);
		}
		expect_refused(standin, cases[i].status, cases[i].reason);
		cJSON_ReplaceItemInObject(standin->request, "input", saved);
		standin->talk = saved;
	}
	turn(standin);
}

static void whole_old_turns_may_be_dropped(void **state)
{
	struct standin *standin = *state;
	answer(standin, turn(standin), "Save");
	answer(standin, turn(standin), "");
	for (int i = 0; i < 4; i++) {
		cJSON_DeleteItemFromArray(standin->talk, 1);
	}
	assert_string_equal(standin_text(action(turn(standin), 0), "text"), "abc");
}

/* Plays this script from its start; the other one is taken away. */
static void use_script(struct standin *standin, const char *script)
{
	standin_tear_down(standin);
	standin_set_up(standin, script, "/v1/responses", request_text, "input");
	standin->headers[WIRE_AUTHORIZATION] = "Bearer sk";
}

static void say_picture(struct standin *standin, const char *base64, const char *detail)
{
	standin_say(standin,
			"{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"image_url\":"
			"\"data:image/png;base64,%s\",\"detail\":\"%s\"}]}",
			base64, detail);
}

static void without_a_computer_tool_it_can_only_say_so(void **state)
{
	struct standin *standin = *state;
	cJSON_ReplaceItemInObject(standin->request, "tools", cJSON_CreateArray());
	const cJSON *message = turn(standin);
	assert_string_equal(standin_text(message, "phase"), "final_answer");
	assert_non_null(strstr(standin_text(standin_at(message, "content", "0", NULL), "text"),
			"offers no computer tool"));
}

static void safety_checks_are_acknowledged(void **state)
{
	struct standin *standin = *state;
	use_script(standin,
			"task: t\n"
			"steps:\n"
			"  - call: '{\"type\":\"computer_call\",\"actions\":[],"
			"\"pending_safety_checks\":[{\"id\":\"sc_1\"}]}'\n"
			"  - done: All done.\n");
	const cJSON *call = turn(standin);
	answer(standin, call, "");
	expect_refused(standin, 400, "were not acknowledged: sc_1");
	cJSON *output = cJSON_GetArrayItem(standin->talk, cJSON_GetArraySize(standin->talk) - 1);
	cJSON_AddItemToObject(
			output, "acknowledged_safety_checks", standin_parse("[{\"id\":\"sc_1\"}]"));
	cJSON *checks = cJSON_GetObjectItem(output, "acknowledged_safety_checks");
	cJSON_AddItemToArray(checks, standin_parse("{\"id\":\"sc_2\"}"));
	expect_refused(standin, 400, "has no pending safety check with the id 'sc_2'");
	cJSON_ReplaceItemInArray(checks, 1, standin_parse("{}"));
	expect_refused(standin, 400, "has no pending safety check with the id ''");
	cJSON_DeleteItemFromArray(checks, 1);
	turn(standin);
}

static void strict_functions_may_have_what_is_required(void **state)
{
	struct standin *standin = *state;
	cJSON *tools = cJSON_GetObjectItem(standin->request, "tools");
	cJSON *function = cJSON_GetArrayItem(tools, 1);
	cJSON_AddTrueToObject(function, "strict");
	cJSON_ReplaceItemInObject(function, "parameters",
			standin_parse(NEEDING("\"name\"", "\"name\":{\"type\":\"string\"}")));
	turn(standin);
}

static void pictures_are_shrunk_unless_they_are_to_stay_original(void **state)
{
	struct standin *standin = *state;
	static const struct {
		const char *detail;
		int x;
	} cases[] = { { "original", 1920 }, { "high", 1052 }, { "low", 256 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		use_script(standin,
				"task: t\n"
				"steps:\n"
				"  - click_at: [1920, 1080]\n"
				"  - done: All done.\n");
		say_picture(standin, standin_png(3840, 2160), cases[i].detail);
		const cJSON *call = turn(standin);
		assert_int_equal(standin_at(action(call, 0), "x", NULL)->valueint, cases[i].x);
	}
}

static void the_preview_model_has_one_action_to_a_call(void **state)
{
	struct standin *standin = *state;
	use_script(standin,
			"task: t\n"
			"steps:\n"
			"  - type: abc\n"
			"  - key: Tab\n"
			"  - done: All done.\n");
	cJSON_ReplaceItemInObject(
			standin->request, "model", cJSON_CreateString("computer-use-preview"));
	cJSON_ReplaceItemInObject(standin->request, "tools",
			standin_parse("[{\"type\":\"computer_use_preview\",\"display_width\":1280,"
				      "\"display_height\":800,\"environment\":\"linux\"}]"));
	expect_refused(standin, 400, "needs 'truncation' to be 'auto'");
	cJSON_AddStringToObject(standin->request, "truncation", "auto");
	const cJSON *call = turn(standin);
	assert_null(standin_at(call, "actions", NULL));
	assert_string_equal(standin_text(standin_at(call, "action", NULL), "text"), "abc");
	answer(standin, call, "");
	call = turn(standin);
	assert_string_equal(standin_text(standin_at(call, "action", NULL), "type"), "keypress");
}

int main(void)
{
	if (sodium_init() < 0) {
		return 1;
	}
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(plays_the_script_to_its_end),
		TEST(gives_up_with_what_it_saw_and_missed),
		TEST(a_blank_or_late_screen_is_no_success),
		TEST(waits_for_a_screen_that_is_not_ready),
		TEST(a_repeated_request_gets_the_same_step),
		TEST(requests_that_break_the_contract_are_refused),
		TEST(no_key_no_json_no_answer),
		TEST(every_call_is_answered_once),
		TEST(history_comes_back_unchanged),
		TEST(whole_old_turns_may_be_dropped),
		TEST(without_a_computer_tool_it_can_only_say_so),
		TEST(safety_checks_are_acknowledged),
		TEST(strict_functions_may_have_what_is_required),
		TEST(pictures_are_shrunk_unless_they_are_to_stay_original),
		TEST(the_preview_model_has_one_action_to_a_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
