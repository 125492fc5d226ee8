/* What is sent over Chat Completions, and what servers refuse of it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agent/model/chat_internal.h"
#include "cua/base/util.h"
#include "tests/agent_reply.h"

static const struct agent_model_config config = REPLY_CONFIG("chat");

#define DONE "data: [DONE]\n\n"

static char base64[] = "iVBORw0KGgo=";
static const struct agent_image image = {
	.base64 = base64, .media_type = "image/png", .width = 1, .height = 1
};

static void *open_talk(void)
{
	void *talk = NULL;
	assert_int_equal(model_api_chat.create(&config, &talk, NULL), CUA_OK);
	return talk;
}

/* The messages of the next request behind that of the system, as text. */
static char *messages_of(void *talk)
{
	CUA_AUTO_JSON cJSON *body = body_json(&model_api_chat, talk);
	cJSON *messages = cJSON_GetObjectItem(body, "messages");
	const cJSON *first = messages->child;
	assert_string_equal(cJSON_GetObjectItem(first, "role")->valuestring, "system");
	cJSON_DeleteItemFromArray(messages, 0);
	return cJSON_PrintUnformatted(messages);
}

static void add_turn(void *talk, const char *message)
{
	struct model_items items = { 0 };
	assert_int_equal(model_items_add(&items, message, strlen(message), NULL), CUA_OK);
	assert_int_equal(model_api_chat.add_turn(talk, &items, NULL), CUA_OK);
	model_items_finish(&items);
}

static void answer_two(void *talk, const char *note)
{
	static char one[] = "a", two[] = "b";
	const struct agent_call calls[] = { { .id = one }, { .id = two } };
	const struct agent_answer answers[] = { { .call = &calls[0], .image = &image },
		{ .call = &calls[1], .image = &image, .problem = "no \"way\"" } };
	assert_int_equal(model_api_chat.add_answers(talk, answers, 2, note, NULL), CUA_OK);
}

static void requests_offer_the_tools(void **state)
{
	(void)state;
	void *talk = open_talk();
	CUA_AUTO_JSON cJSON *body = body_json(&model_api_chat, talk);
	const cJSON *tools = cJSON_GetObjectItem(body, "tools"), *tool = NULL;
	assert_string_equal(
			cJSON_GetObjectItem(cJSON_GetObjectItem(tools->child, "function"), "name")
					->valuestring,
			"computer");
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(body, "stream")));
	assert_true(cJSON_IsFalse(cJSON_GetObjectItem(body, "parallel_tool_calls")));
	/* Each action has one place. */
	int found = 0;
	cJSON_ArrayForEach (tool, tools) {
		const char *name =
				cJSON_GetObjectItem(cJSON_GetObjectItem(tool, "function"), "name")
						->valuestring;
		assert_false(chat_tool_has(name));
		found++;
	}
	int functions = 2; /* computer and give_up */
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		const struct cua_action_spec *spec = &cua_action_table[i];
		assert_true(spec->is_function || chat_tool_has(spec->name));
		functions += spec->is_function && !chat_tool_has(spec->name);
	}
	assert_int_equal(found, functions);
	model_api_chat.destroy(talk);
}

#define TWO_CALLS \
	"{\"role\":\"assistant\",\"content\":null,\"reasoning\":\"Hm.\",\"tool_calls\":[{\"id\":" \
	"\"a\",\"type\":\"function\",\"function\":{\"name\":\"computer\",\"arguments\":\"{}\"}}," \
	"{\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"computer\",\"arguments\":" \
	"\"{}\"}}]}"
#define PICTURE(detail) \
	"{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/" \
	"png;base64,iVBORw0KGgo=\"" detail "}}"
#define HIGH ",\"detail\":\"high\""
#define TOOL(id, content) "{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":" content "}"
#define TEXT(text) "{\"type\":\"text\",\"text\":\"" text "\"}"
#define OK_TEXT "\"{}\""
#define NO_TEXT "\"{\\\"error\\\":\\\"no \\\\\\\"way\\\\\\\"\\\"}\""

static void tools_answer_first_then_the_picture_comes(void **state)
{
	(void)state;
	void *talk = open_talk();
	assert_int_equal(model_api_chat.add_user(talk, "Do it.", &image, NULL), CUA_OK);
	add_turn(talk, TWO_CALLS);
	answer_two(talk, "A person looked on.");
	CUA_AUTO_FREE char *messages = messages_of(talk);
	assert_string_equal(messages,
			"[{\"role\":\"user\",\"content\":[" TEXT("Do it.") "," PICTURE(
					HIGH) "]}," TWO_CALLS "," TOOL("a", OK_TEXT) "," TOOL("b",
					NO_TEXT) ",{\"role\":\"user\",\"content\":[" TEXT("A "
											  "person "
											  "looked "
											  "on."
											  "\\nThe "
											  "screen "
											  "now:") "," PICTURE(HIGH) "]}]");
	model_api_chat.destroy(talk);
}

static void a_finished_run_may_go_on(void **state)
{
	(void)state;
	void *talk = open_talk();
	add_turn(talk,
			"{\"role\":\"assistant\",\"tool_calls\":[{\"type\":\"function\","
			"\"function\":{\"name\":\"computer\",\"arguments\":"
			"\"{\\\"action\\\":\\\"done\\\"}\"}}]}");
	assert_int_equal(model_api_chat.add_user(talk, "More.", NULL, NULL), CUA_OK);
	CUA_AUTO_FREE char *messages = messages_of(talk);
	assert_non_null(strstr(messages,
			TOOL("call_0_0", "\"ok\"") ",{\"role\":\"user\",\"content\""
						   ":\"More.\"}]"));
	model_api_chat.destroy(talk);
}

/* --- what servers refuse --- */

static bool learn(void *talk, long http_status, const char *param, const char *message)
{
	struct model_failure failure = { .http_status = http_status,
		.is_refused = http_status == 400 };
	snprintf(failure.param, sizeof(failure.param), "%s", param);
	snprintf(failure.message, sizeof(failure.message), "%s", message);
	model_api_chat.read_error(NULL, &failure);
	return failure.is_refused && model_api_chat.learn(talk, &failure);
}

static void servers_quirks_are_learned_once(void **state)
{
	(void)state;
	static const struct {
		const char *param, *message, *gone;
	} rows[] = {
		{ "parallel_tool_calls", "Unknown parameter.", "parallel_tool_calls" },
		{ "", "extra fields not permitted: stream_options", "stream_options" },
		{ "messages[0].content[1].image_url.detail", "Unknown field.", "detail" },
		{ "", "messages.2: reasoning is not permitted", "Hm." },
	};
	void *talk = open_talk();
	assert_int_equal(model_api_chat.add_user(talk, "Do it.", &image, NULL), CUA_OK);
	add_turn(talk, TWO_CALLS);
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		CUA_AUTO_JSON cJSON *before = body_json(&model_api_chat, talk);
		assert_true(learn(talk, 400, rows[i].param, rows[i].message));
		assert_false(learn(talk, 400, rows[i].param, rows[i].message));
		CUA_AUTO_JSON cJSON *after = body_json(&model_api_chat, talk);
		CUA_AUTO_FREE char *had = cJSON_PrintUnformatted(before);
		CUA_AUTO_FREE char *has = cJSON_PrintUnformatted(after);
		assert_non_null(strstr(had, rows[i].gone));
		assert_null(strstr(has, rows[i].gone));
	}
	assert_false(learn(talk, 400, "model", "no such model"));
	assert_false(learn(talk, 500, "", "parallel_tool_calls broke it"));
	model_api_chat.destroy(talk);
}

static void a_picture_moves_where_user_must_not_follow_tool(void **state)
{
	(void)state;
	static const struct {
		long http_status;
		const char *message;
	} rows[] = {
		{ 400, "Unexpected role 'user' after role 'tool'" },
		{ 500,
				"After the optional system message, conversation roles must "
				"alternate "
				"user and assistant roles except for tool calls and results." },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		void *talk = open_talk();
		add_turn(talk, TWO_CALLS);
		answer_two(talk, NULL);
		assert_true(learn(talk, rows[i].http_status, "", rows[i].message));
		CUA_AUTO_FREE char *messages = messages_of(talk);
		assert_string_equal(messages,
				"[" TWO_CALLS "," TOOL("a", OK_TEXT) "," TOOL("b",
						"[{\"type\":\"text\",\"text\":" NO_TEXT
						"}," TEXT("The screen now:") "," PICTURE(
								HIGH) "]") "]");
		assert_false(learn(talk, rows[i].http_status, "", rows[i].message));
		/* What a person says goes there as well, and two things said at once are one. */
		assert_int_equal(model_api_chat.add_user(talk, "In blue.", NULL, NULL), CUA_OK);
		CUA_AUTO_FREE char *more = messages_of(talk);
		assert_non_null(strstr(more, PICTURE(HIGH) "," TEXT("In blue.") "]}]"));
		model_api_chat.destroy(talk);
	}
}

static void what_users_say_in_a_row_is_one_message(void **state)
{
	(void)state;
	void *talk = open_talk();
	assert_int_equal(model_api_chat.add_user(talk, "One.", &image, NULL), CUA_OK);
	assert_int_equal(model_api_chat.add_user(talk, "Two.", NULL, NULL), CUA_OK);
	CUA_AUTO_FREE char *messages = messages_of(talk);
	assert_string_equal(messages,
			"[{\"role\":\"user\",\"content\":[" TEXT("One.") "," PICTURE(HIGH) "," TEXT(
					"Two.") "]}]");
	model_api_chat.destroy(talk);
}

#define LEFT_OUT TEXT("(an older screenshot, left out)")

static void as_many_pictures_as_the_server_takes(void **state)
{
	(void)state;
	void *talk = open_talk();
	assert_int_equal(model_api_chat.add_user(talk, "One.", &image, NULL), CUA_OK);
	assert_int_equal(model_api_chat.add_user(talk, "Two.", &image, NULL), CUA_OK);
	assert_int_equal(model_api_chat.add_user(talk, "Three.", &image, NULL), CUA_OK);
	assert_true(learn(talk, 400, "", "At most 2 image(s) may be provided in one prompt."));
	CUA_AUTO_FREE char *messages = messages_of(talk);
	assert_string_equal(messages,
			"[{\"role\":\"user\",\"content\":[" TEXT(
					"One.") "," LEFT_OUT
						"," TEXT("Two.") "," PICTURE(HIGH) "," TEXT(
								"Three.") "," PICTURE(HIGH) "]}]");
	assert_false(learn(talk, 400, "", "At most 2 image(s) may be provided in one prompt."));
	assert_true(learn(talk, 400, "", "At most 1 image(s) may be provided in one prompt."));
	model_api_chat.destroy(talk);
}

static void a_refused_format_is_explained(void **state)
{
	(void)state;
	struct model_failure failure = { .http_status = 400, .is_refused = true };
	snprintf(failure.message, sizeof(failure.message),
			"'url' field must be a base64 encoded image.");
	model_api_chat.read_error(NULL, &failure);
	assert_non_null(strstr(failure.message, "PNG and JPEG"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_offer_the_tools),
		cmocka_unit_test(tools_answer_first_then_the_picture_comes),
		cmocka_unit_test(a_finished_run_may_go_on),
		cmocka_unit_test(servers_quirks_are_learned_once),
		cmocka_unit_test(a_picture_moves_where_user_must_not_follow_tool),
		cmocka_unit_test(what_users_say_in_a_row_is_one_message),
		cmocka_unit_test(as_many_pictures_as_the_server_takes),
		cmocka_unit_test(a_refused_format_is_explained),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
