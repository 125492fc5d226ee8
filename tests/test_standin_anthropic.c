#include "standin_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#define IMAGE \
	"{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\"," \
	"\"data\":\"" PICTURE_BASE64 "\"}}"
#define TOOLSET "{\"type\":\"computer_toolset_20260801\"}"
#define OPEN_APP "{\"name\":\"open_app\",\"input_schema\":{\"type\":\"object\"}}"
#define GIVE_UP "{\"name\":\"give_up\",\"input_schema\":{\"type\":\"object\"}}"

static const char script_text[] =
		"task: t\n"
		"steps:\n"
		"  - open_app: Editor\n"
		"  - click_text: Save\n"
		"    batch: true\n"
		"  - type: abc\n"
		"    batch: true\n"
		"  - key: Tab\n"
		"    count: 3\n"
		"    batch: true\n"
		"  - call: '{\"name\":\"zoom\",\"input\":{\"region\":[0,0,9,9]}}'\n"
		"  - expect: Saved\n"
		"  - done: All done.\n";

static const char request_text[] = "{\"model\":\"standin\",\"max_tokens\":1000,"
				   "\"tools\":[" TOOLSET "," OPEN_APP "," GIVE_UP "],"
				   "\"messages\":[{\"role\":\"user\",\"content\":\"do it\"}]}";

static int set_up(void **state)
{
	struct standin *standin = calloc(1, sizeof(*standin));
	assert_non_null(standin);
	standin_set_up(standin, script_text, "/v1/messages", request_text, "messages");
	standin->headers[WIRE_X_API_KEY] = "sk-ant";
	standin->headers[WIRE_ANTHROPIC_VERSION] = "2023-06-01";
	*state = standin;
	return 0;
}

static int tear_down(void **state)
{
	standin_tear_down(*state);
	free(*state);
	return 0;
}

/* Asks, keeps the answer as a client does, and returns its content. */
static const cJSON *turn(struct standin *standin, const char *stop_reason)
{
	CUA_AUTO_JSON cJSON *message = standin_ask(standin);
	assert_string_equal(standin_text(message, "stop_reason"), stop_reason);
	cJSON *kept = cJSON_CreateObject();
	cJSON_AddStringToObject(kept, "role", "assistant");
	cJSON_AddItemToObject(kept, "content",
			cJSON_Duplicate(standin_at(message, "content", NULL), true));
	cJSON_AddItemToArray(standin->talk, kept);
	return standin_at(kept, "content", NULL);
}

static const char *call_id(const cJSON *content, int index)
{
	return standin_text(cJSON_GetArrayItem(content, index), "id");
}

/* From the start to the batch of four calls; content: thinking, text, calls. */
static const cJSON *to_the_batch(struct standin *standin)
{
	const cJSON *content = turn(standin, "tool_use");
	standin->seen = "Save";
	standin_say(standin,
			"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
			"\"tool_use_id\":\"%s\",\"content\":[{\"type\":\"text\",\"text\":\"ok\"}"
			"," IMAGE "]}]}",
			call_id(content, 2));
	return turn(standin, "tool_use");
}

#define RESULT(content) \
	"{\"type\":\"tool_result\",\"tool_use_id\":\"%s\",\"toolset_name\":\"computer\"," content \
	"}"
#define OK_RESULT RESULT("\"content\":\"ok\"")
#define BAD_RESULT RESULT("\"is_error\":true,\"content\":\"no\"")
#define NOT_RUN \
	RESULT("\"is_error\":true,\"content\":" \
	       "\"Not executed: an earlier computer action in this turn failed.\"")
#define IMAGE_RESULT RESULT("\"content\":[" IMAGE "]")

/* Results for the four calls; forget_last() takes the message back. */
static void answer_batch(struct standin *standin, const cJSON *content, const char *fmt)
{
	char *json = NULL;
	char whole[2048];
	snprintf(whole, sizeof(whole), "{\"role\":\"user\",\"content\":[%s]}", fmt);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	assert_true(asprintf(&json, whole, call_id(content, 2), call_id(content, 3),
				    call_id(content, 4), call_id(content, 5)) > 0);
#pragma GCC diagnostic pop
	cJSON_AddItemToArray(standin->talk, standin_parse(json));
	free(json);
}

static void forget_last(struct standin *standin)
{
	cJSON_DeleteItemFromArray(standin->talk, cJSON_GetArraySize(standin->talk) - 1);
}

static void expect_refused(
		struct standin *standin, int status, const char *type, const char *reason)
{
	CUA_AUTO_JSON cJSON *body = standin_expect_refused(standin, status, reason);
	assert_string_equal(standin_text(body, "type"), "error");
	assert_string_equal(standin_text(standin_at(body, "error", NULL), "type"), type);
	assert_true(cJSON_HasObjectItem(body, "request_id"));
}

static void plays_a_batch_of_the_toolset(void **state)
{
	struct standin *standin = *state;
	const cJSON *content = to_the_batch(standin);
	static const char *const names[] = { "left_click", "type", "key", "zoom" };
	for (int i = 0; i < 4; i++) {
		const cJSON *block = cJSON_GetArrayItem(content, 2 + i);
		assert_string_equal(standin_text(block, "name"), names[i]);
		assert_string_equal(standin_text(block, "toolset_name"), "computer");
		assert_null(standin_at(block, "input", "action", NULL));
	}
	assert_int_equal(standin_at(content, "2", "input", "coordinate", "0", NULL)->valueint, 120);
	assert_int_equal(standin_at(content, "4", "input", "repeat", NULL)->valueint, 3);

	answer_batch(standin, content, OK_RESULT "," OK_RESULT "," OK_RESULT "," IMAGE_RESULT);
	standin->seen = "Saved";
	content = turn(standin, "end_turn");
	assert_string_equal(standin_text(cJSON_GetArrayItem(content, 1), "text"), "All done.");
}

static void without_an_image_it_asks_for_one(void **state)
{
	struct standin *standin = *state;
	const cJSON *content = turn(standin, "tool_use");
	standin_say(standin,
			"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
			"\"tool_use_id\":\"%s\",\"content\":\"ok\"}]}",
			call_id(content, 2));
	content = turn(standin, "tool_use");
	assert_string_equal(standin_text(cJSON_GetArrayItem(content, 1), "name"), "screenshot");
}

static void every_call_of_a_batch_has_its_result(void **state)
{
	static const struct {
		const char *results, *reason;
	} cases[] = {
		{ OK_RESULT "," OK_RESULT "," OK_RESULT, "ids were found without `tool_result`" },
		{ OK_RESULT "," OK_RESULT "," OK_RESULT "," OK_RESULT,
				"the result of `zoom` must hold an image" },
		{ OK_RESULT ",{\"type\":\"text\",\"text\":\"note\"}," OK_RESULT,
				"ids were found without `tool_result`" },
		{ OK_RESULT "," BAD_RESULT "," OK_RESULT "," IMAGE_RESULT,
				"an earlier action of this turn failed" },
		{ OK_RESULT "," BAD_RESULT "," NOT_RUN "," BAD_RESULT,
				"must be an error that says 'Not executed" },
		{ OK_RESULT "," RESULT("\"is_error\":true"), "content cannot be empty" },
		{ OK_RESULT "," RESULT("\"is_error\":true,\"content\":[{\"type\":\"text\","
				       "\"text\":\"no\"}," IMAGE "]"),
				"must be type `text`" },
		{ "{\"type\":\"tool_result\",\"tool_use_id\":\"%s\",\"content\":\"ok\"}",
				"must carry `toolset_name`" },
		{ RESULT("\"text\":\"x\""), "Extra inputs are not permitted" },
		{ "{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_x\"}",
				"unexpected `tool_use_id` found" },
	};
	struct standin *standin = *state;
	const cJSON *content = to_the_batch(standin);
	expect_refused(standin, 400, "invalid_request_error", "ids were found without");
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		answer_batch(standin, content, cases[i].results);
		expect_refused(standin, 400, "invalid_request_error", cases[i].reason);
		forget_last(standin);
	}
	answer_batch(standin, content, OK_RESULT "," OK_RESULT "," NOT_RUN "," NOT_RUN);
	turn(standin, "tool_use");
}

static void results_stand_in_the_order_of_the_calls(void **state)
{
	struct standin *standin = *state;
	const cJSON *content = to_the_batch(standin);
	standin_say(standin, "{\"role\":\"user\",\"content\":[" OK_RESULT "]}",
			call_id(content, 3));
	expect_refused(standin, 400, "invalid_request_error", "must stand in the order");
	forget_last(standin);
	standin_say(standin, "{\"role\":\"user\",\"content\":[" OK_RESULT "," OK_RESULT "]}",
			call_id(content, 2), call_id(content, 2));
	expect_refused(standin, 400, "invalid_request_error", "Found multiple");
}

static void history_comes_back_unchanged(void **state)
{
	static const struct {
		int message, block;
		const char *member, *json, *reason; /* json NULL: the block is taken away */
	} cases[] = {
		{ 1, 0, "signature", "\"x\"", "Invalid `signature` in `thinking` block" },
		{ 1, 0, "thinking", "\"x\"", "cannot be modified" },
		{ 1, 0, "", NULL, "Expected `thinking` or `redacted_thinking`, but found `text`" },
		{ 1, 2, "input", "{}", "messages.1.content.2: the block differs" },
		{ 1, 2, "", NULL, "the block differs" },
		{ 2, 0, "content", "\"else\"", "was created in a different conversation" },
	};
	struct standin *standin = *state;
	const cJSON *content = to_the_batch(standin);
	answer_batch(standin, content, OK_RESULT "," OK_RESULT "," OK_RESULT "," IMAGE_RESULT);
	cJSON *request = standin->request;
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		standin->request = cJSON_Duplicate(request, true);
		cJSON *message = cJSON_GetArrayItem(
				cJSON_GetObjectItem(standin->request, "messages"),
				cases[i].message);
		cJSON *blocks = cJSON_GetObjectItem(message, "content");
		cJSON *block = cJSON_GetArrayItem(blocks, cases[i].block);
		if (cases[i].json) {
			cJSON_DeleteItemFromObject(block, cases[i].member);
			cJSON_AddItemToObject(block, cases[i].member, standin_parse(cases[i].json));
		} else {
			cJSON_DeleteItemFromArray(blocks, cases[i].block);
		}
		expect_refused(standin, 400, "invalid_request_error", cases[i].reason);
		cJSON_Delete(standin->request);
	}
	standin->request = request;
	cJSON_AddStringToObject(request, "system", "another");
	expect_refused(standin, 400, "invalid_request_error",
			"created in a different conversation");
	cJSON_DeleteItemFromObject(request, "system");
	/* Breakpoints of the cache may move. */
	cJSON_AddItemToObject(
			cJSON_GetArrayItem(cJSON_GetObjectItem(cJSON_GetArrayItem(standin->talk, 2),
							   "content"),
					0),
			"cache_control", standin_parse("{\"type\":\"ephemeral\"}"));
	standin->seen = "Saved";
	turn(standin, "end_turn");
}

static void requests_that_break_the_contract_are_refused(void **state)
{
	static const struct standin_refusal cases[] = {
		{ "model", NULL, 400, "model: Field required" },
		{ "model", "\"claude-2\"", 404, "model: claude-2" },
		{ "max_tokens", NULL, 400, "max_tokens: Field required" },
		{ "max_tokens", "0", 400, "greater than or equal to 1" },
		{ "max_tokens", "128001", 400,
				"max_tokens: 128001 > 128000, which is the maximum allowed number "
				"of output tokens for standin" },
		{ "max_tokens", "\"9\"", 400, "max_tokens: Input should be a number" },
		{ "messages", "[]", 400, "at least one message is required" },
		{ "messages", "[{\"role\":\"system\",\"content\":\"x\"}]", 400,
				"messages.0.role: Input should be 'user' and 'assistant'" },
		{ "messages", "[{\"role\":\"assistant\",\"content\":\"x\"}]", 400,
				"none that was sent" },
		{ "messages", "[{\"role\":\"user\",\"content\":\"\"}]", 400, "non-empty content" },
		{ "messages", "[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\"}]}]", 400,
				"Input tag 'input_text'" },
		{ "messages",
				"[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{"
				"\"type\":\"base64\",\"media_type\":\"image/"
				"png\",\"data\":\"AAAA\"}}]}]",
				400, "Could not process image" },
		{ "messages",
				"[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{"
				"\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":"
				"\"" PICTURE_CUT_BASE64 "\"}}," IMAGE "]}]",
				400, "valid image: the picture cannot be decoded" },
		{ "messages",
				"[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{"
				"\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":"
				"\"iVBORw0KGgoAAAANSUhEUgAADwAAAAhw\"}}]}]",
				400,
				"is 3840x2160 pixels and exceeds the model's maximum image "
				"size; the largest dimensions that fit are 2576x1449" },
		{ "messages",
				"[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{"
				"\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":"
				"\"iVBORw0KGgoAAAANSUhEUgAAIygAAAAK\"}}]}]",
				400, "max allowed size: 8000 pixels" },
		{ "messages",
				"[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{"
				"\"type\":\"base64\",\"media_type\":\"image/jpeg\",\"data\":"
				"\"" PICTURE_BASE64 "\"}}]}]",
				400, "appears to be a image/png image" },
		{ "messages",
				"[{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
				"\"tool_use_id\":\"t\"}]}]",
				400, "messages.0.content.0: unexpected `tool_use_id`" },
		{ "tools", "[{\"type\":\"computer_toolset_20260801\",\"name\":\"computer\"}]", 400,
				"tools.0.computer_toolset_20260801.name: Extra inputs" },
		{ "tools", "[{\"type\":\"computer_toolset_20260801\",\"configs\":{\"fly\":{}}}]",
				400, "configs.fly: Extra inputs" },
		{ "tools", "[" TOOLSET ",{\"name\":\"computer\",\"input_schema\":{}}]", 400,
				"Tool names must be unique" },
		{ "tools",
				"[" TOOLSET
				",{\"name\":\"a\",\"input_schema\":{\"type\":\"object\","
				"\"oneOf\":[]}}]",
				400, "at the top level" },
		{ "tools", "[" TOOLSET ",{\"name\":\"a b\",\"input_schema\":{}}]", 400,
				"String should match pattern" },
		{ "tools", "[" TOOLSET ",{\"name\":\"a\"}]", 400,
				"tools.1.custom.input_schema: Field required" },
		{ "tools", "[{\"type\":\"computer_20251124\"}]", 400,
				"Input tag 'computer_20251124' found" },
		{ "thinking", "{\"type\":\"disabled\"}", 400, "`disabled` is not supported" },
		{ "thinking", "{\"type\":\"enabled\",\"budget_tokens\":2000}", 400,
				"is not supported for this model" },
		{ "tool_choice", "{\"type\":\"any\"}", 400, "`any` is not supported" },
		{ "temperature", "0", 400, "temperature: only the default" },
		{ "context_management", "{\"edits\":[]}", 400,
				"context_management: Extra inputs are not permitted" },
		{ "stream", "1", 400, "stream: Input should be a boolean" },
		{ "input", "[]", 400, "input: Extra inputs are not permitted" },
		{ "system",
				"[{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{\"type\":"
				"\"x\"}}]",
				400, "Input should be 'ephemeral'" },
		{ "system",
				"[{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{\"type\":"
				"\"ephemeral\"}},"
				"{\"type\":\"text\",\"text\":\"b\",\"cache_control\":{\"type\":"
				"\"ephemeral\"}},"
				"{\"type\":\"text\",\"text\":\"c\",\"cache_control\":{\"type\":"
				"\"ephemeral\"}},"
				"{\"type\":\"text\",\"text\":\"d\",\"cache_control\":{\"type\":"
				"\"ephemeral\"}},"
				"{\"type\":\"text\",\"text\":\"e\",\"cache_control\":{\"type\":"
				"\"ephemeral\"}}]",
				400, "A maximum of 4 blocks with cache_control" },
	};
	standin_expect_refusals(*state, cases, CUA_ARRAY_LEN(cases));
}

static void headers_are_demanded(void **state)
{
	struct standin *standin = *state;
	standin->headers[WIRE_X_API_KEY] = NULL;
	expect_refused(standin, 401, "authentication_error", "x-api-key header is required");
	standin->headers[WIRE_X_API_KEY] = "k";
	standin->settings.key = "another";
	expect_refused(standin, 401, "authentication_error", "invalid x-api-key");
	standin->settings.key = "k";
	standin->headers[WIRE_ANTHROPIC_VERSION] = NULL;
	expect_refused(standin, 400, "invalid_request_error",
			"anthropic-version: header is required");
	standin->headers[WIRE_ANTHROPIC_VERSION] = "2023-06-01";
	standin->headers[WIRE_ANTHROPIC_BETA] = "compact-2026-01-12, telepathy-2030-01-01";
	expect_refused(standin, 400, "invalid_request_error", "`telepathy-2030-01-01`");
}

static void older_models_take_the_dated_tool_and_shrink_pictures(void **state)
{
	struct standin *standin = *state;
	cJSON *request = standin->request;
	cJSON_ReplaceItemInObject(request, "model", cJSON_CreateString("claude-sonnet-4-6"));
	cJSON_ReplaceItemInObject(request, "tools",
			standin_parse("[{\"type\":\"computer_20251124\",\"name\":\"computer\","
				      "\"display_width_px\":2000,\"display_height_px\":1500}"
				      "," OPEN_APP "," GIVE_UP "]"));
	expect_refused(standin, 400, "invalid_request_error",
			"Input tag 'computer_20251124' found");
	standin->headers[WIRE_ANTHROPIC_BETA] = "computer-use-2025-11-24";
	const cJSON *content = turn(standin, "tool_use"); /* no thinking: text, call */
	standin->seen = "Save";
	standin_say(standin,
			"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
			"\"tool_use_id\":\"%s\",\"content\":[{\"type\":\"image\",\"source\":{"
			"\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":"
			"\"%s\"}}]}]}",
			call_id(content, 1), standin_png(2000, 1500));
	content = turn(standin, "tool_use");
	const cJSON *call = cJSON_GetArrayItem(content, 1);
	assert_string_equal(standin_text(call, "name"), "computer");
	assert_null(standin_at(call, "toolset_name", NULL));
	assert_string_equal(standin_text(standin_at(call, "input", NULL), "action"), "left_click");
	/* 2000x1500 is seen as 1270x952: 120 becomes 76. */
	assert_int_equal(standin_at(call, "input", "coordinate", "0", NULL)->valueint, 76);
	/* Three presses are three calls: only the toolset repeats. */
	assert_string_equal(standin_text(standin_at(content, "5", "input", NULL), "action"), "key");
}

static void context_edits_are_reported(void **state)
{
	struct standin *standin = *state;
	standin->headers[WIRE_ANTHROPIC_BETA] = "context-management-2025-06-27";
	cJSON_AddItemToObject(standin->request, "context_management",
			standin_parse("{\"edits\":[{\"type\":\"clear_tool_uses_20250919\","
				      "\"trigger\":{\"type\":\"input_tokens\",\"value\":10},"
				      "\"keep\":{\"type\":\"tool_uses\",\"value\":0}}]}"));
	const cJSON *content = turn(standin, "tool_use");
	standin_say(standin,
			"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
			"\"tool_use_id\":\"%s\",\"content\":\"ok\"}]}",
			call_id(content, 2));
	CUA_AUTO_JSON cJSON *message = standin_ask(standin);
	const cJSON *edit = standin_at(message, "context_management", "applied_edits", "0", NULL);
	assert_int_equal(standin_at(edit, "cleared_tool_uses", NULL)->valueint, 1);
}

static void context_edits_have_amounts_that_can_be(void **state)
{
#define EDITS(keep) "{\"edits\":[{\"type\":\"clear_tool_uses_20250919\",\"keep\":" keep "}]}"
	static const struct standin_refusal cases[] = {
		{ "context_management", EDITS("-1"), 400, "edits.0.keep: Input should be" },
		{ "context_management", EDITS("{\"type\":\"tool_uses\",\"value\":-1}"), 400,
				"context_management.edits.0.keep.value: Input should be greater "
				"than or equal to 0" },
	};
	struct standin *standin = *state;
	standin->headers[WIRE_ANTHROPIC_BETA] = "context-management-2025-06-27";
	standin_expect_refusals(standin, cases, CUA_ARRAY_LEN(cases));
}

static void the_oldest_tool_acts_at_the_pointer(void **state)
{
	struct standin *standin = *state;
	cJSON *request = standin->request;
	cJSON_ReplaceItemInObject(request, "model", cJSON_CreateString("claude-3-5-sonnet"));
	cJSON_ReplaceItemInObject(request, "tools",
			standin_parse("[{\"type\":\"computer_20241022\",\"name\":\"computer\","
				      "\"display_width_px\":1280,\"display_height_px\":800},"
				      "{\"type\":\"bash_20241022\",\"name\":\"bash\"},"
				      "{\"type\":\"text_editor_20241022\","
				      "\"name\":\"str_replace_editor\"}"
				      "," OPEN_APP "," GIVE_UP "]"));
	expect_refused(standin, 400, "invalid_request_error",
			"Input tag 'computer_20241022' found");
	standin->headers[WIRE_ANTHROPIC_BETA] = "computer-use-2024-10-22";
	const cJSON *content = turn(standin, "tool_use");
	standin->seen = "Save";
	standin_say(standin,
			"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
			"\"tool_use_id\":\"%s\",\"content\":[" IMAGE "]}]}",
			call_id(content, 1));
	content = turn(standin, "tool_use");
	const cJSON *move = standin_at(content, "1", "input", NULL);
	const cJSON *click = standin_at(content, "2", "input", NULL);
	assert_string_equal(standin_text(move, "action"), "mouse_move");
	assert_int_equal(standin_at(move, "coordinate", "0", NULL)->valueint, 120);
	assert_string_equal(standin_text(click, "action"), "left_click");
	assert_null(standin_at(click, "coordinate", NULL));
}

static void the_editor_of_2025_04_has_no_limit_of_characters(void **state)
{
	struct standin *standin = *state;
#define EDITOR(more) \
	"[" TOOLSET "," OPEN_APP "," GIVE_UP ",{\"type\":\"text_editor_20250429\"," \
	"\"name\":\"str_replace_based_edit_tool\"" more "}]"
	cJSON_ReplaceItemInObject(standin->request, "tools",
			standin_parse(EDITOR(",\"max_characters\":100")));
	expect_refused(standin, 400, "invalid_request_error", "max_characters: Extra inputs");
	cJSON_ReplaceItemInObject(standin->request, "tools", standin_parse(EDITOR("")));
	turn(standin, "tool_use");
}

static void a_paused_turn_goes_on_from_itself(void **state)
{
	struct standin *standin = *state;
	assert_int_equal(fault_parse("end=pause_turn", &standin->settings.faults[0], NULL), CUA_OK);
	standin->settings.fault_count = 1;
	const cJSON *content = turn(standin, "pause_turn");
	assert_null(standin_at(content, "2", NULL)); /* thinking and words, no call */
	content = turn(standin, "tool_use");
	assert_string_equal(standin_text(cJSON_GetArrayItem(content, 1), "name"), "open_app");
	cJSON_AddItemToArray(standin->talk, cJSON_Duplicate(standin->talk->child->next, true));
	expect_refused(standin, 400, "invalid_request_error", "messages.3");
}

/* The messages that the server has by now are no longer sent. */
static void go_on_in_thread(struct standin *standin, const char *id, const char *messages)
{
	cJSON *request = standin->request;
	cJSON *thread = cJSON_CreateObject();
	cJSON_AddStringToObject(thread, "type", "continue");
	cJSON_AddStringToObject(thread, "previous_message_id", id);
	cJSON_DeleteItemFromObject(request, "system");
	cJSON_DeleteItemFromObject(request, "tools");
	cJSON_ReplaceItemInObject(request, "thread", thread);
	cJSON_ReplaceItemInObject(request, "messages", standin_parse(messages));
}

static void a_thread_keeps_the_conversation(void **state)
{
	struct standin *standin = *state;
	char results[512];
	cJSON_AddItemToObject(standin->request, "thread", standin_parse("{\"type\":\"create\"}"));
	expect_refused(standin, 400, "invalid_request_error", "thread: Extra inputs");
	standin->headers[WIRE_ANTHROPIC_BETA] = "message-threads-2026-08-12";
	CUA_AUTO_JSON cJSON *first = standin_ask(standin);
	snprintf(results, sizeof(results),
			"[{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
			"\"tool_use_id\":\"%s\",\"content\":[" IMAGE "]}]}]",
			call_id(standin_at(first, "content", NULL), 2));
	standin->seen = "Save";
	go_on_in_thread(standin, standin_text(first, "id"), results);
	CUA_AUTO_JSON cJSON *second = standin_ask(standin);
	assert_string_equal(standin_text(standin_at(second, "content", "2", NULL), "name"),
			"left_click");

	expect_refused(standin, 400, "invalid_request_error", "was continued already");
	go_on_in_thread(standin, "msg_unknown", results);
	expect_refused(standin, 404, "not_found_error", "No usable Thread state");
	go_on_in_thread(standin, standin_text(second, "id"), "[]");
	expect_refused(standin, 400, "invalid_request_error", "`tool_use` ids were found without");
	cJSON_AddItemToObject(standin->request, "system", cJSON_CreateString("other"));
	expect_refused(standin, 400, "invalid_request_error", "system: the thread keeps it");
	cJSON_DeleteItemFromObject(standin->request, "system");
	cJSON_AddItemToObject(standin->request, "thinking",
			standin_parse("{\"type\":\"between_tools\"}"));
	expect_refused(standin, 400, "invalid_request_error", "thinking: it differs");
	cJSON_DeleteItemFromObject(standin->request, "thinking");
	cJSON_ReplaceItemInObject(standin->request, "model", cJSON_CreateString("claude-opus-5-5"));
	expect_refused(standin, 400, "invalid_request_error", "model: it differs");
}

static void a_thread_takes_no_context_editing(void **state)
{
	struct standin *standin = *state;
	standin->headers[WIRE_ANTHROPIC_BETA] =
			"message-threads-2026-08-12,context-management-2025-06-27";
	cJSON_AddItemToObject(standin->request, "thread", standin_parse("{\"type\":\"create\"}"));
	cJSON_AddItemToObject(
			standin->request, "context_management", standin_parse("{\"edits\":[]}"));
	CUA_AUTO_JSON cJSON *body = standin_expect_refused(standin, 400, "context_management");
	assert_string_equal(standin_text(standin_at(body, "error", "details", NULL), "error_code"),
			"thread_unsupported_request");
}

int main(void)
{
	if (sodium_init() < 0) {
		return 1;
	}
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(plays_a_batch_of_the_toolset),
		TEST(without_an_image_it_asks_for_one),
		TEST(every_call_of_a_batch_has_its_result),
		TEST(results_stand_in_the_order_of_the_calls),
		TEST(history_comes_back_unchanged),
		TEST(requests_that_break_the_contract_are_refused),
		TEST(headers_are_demanded),
		TEST(older_models_take_the_dated_tool_and_shrink_pictures),
		TEST(context_edits_are_reported),
		TEST(context_edits_have_amounts_that_can_be),
		TEST(the_oldest_tool_acts_at_the_pointer),
		TEST(the_editor_of_2025_04_has_no_limit_of_characters),
		TEST(a_paused_turn_goes_on_from_itself),
		TEST(a_thread_keeps_the_conversation),
		TEST(a_thread_takes_no_context_editing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
