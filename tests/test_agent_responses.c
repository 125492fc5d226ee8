#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/model/responses_internal.h"
#include "cua/base/util.h"
#include "tests/agent_reply.h"

#define SCREEN \
	{ \
		1280, 800 \
	}

static const struct cua_point screen = SCREEN;
static const struct agent_model_config config = REPLY_CONFIG("responses");

/* --- actions --- */

/* expected: the canonical action; NULL: an error that holds `error`. */
static const struct {
	const char *theirs, *expected, *error;
} mappings[] = {
	{ "{\"type\":\"click\",\"button\":\"left\",\"x\":412,\"y\":230}",
			"{\"action\":\"click\",\"button\":\"left\",\"x\":412,\"y\":230}", NULL },
	{ "{\"type\":\"click\",\"button\":\"wheel\",\"x\":0,\"y\":0,\"keys\":null}",
			"{\"action\":\"click\",\"button\":\"middle\",\"x\":0,\"y\":0}", NULL },
	{ "{\"type\":\"click\",\"button\":\"right\",\"x\":1,\"y\":1,\"keys\":[]}",
			"{\"action\":\"click\",\"button\":\"right\",\"x\":1,\"y\":1}", NULL },
	{ "{\"type\":\"click\",\"button\":\"back\",\"x\":1279,\"y\":799,\"keys\":[\"SHIFT\"]}",
			"{\"action\":\"click\",\"button\":\"back\",\"x\":1279,\"y\":799,\"keys\":["
			"\"SHIFT\"]}",
			NULL },
	{ "{\"type\":\"click\",\"button\":\"forward\",\"x\":1,\"y\":1}",
			"{\"action\":\"click\",\"button\":\"forward\",\"x\":1,\"y\":1}", NULL },
	{ "{\"type\":\"click\",\"button\":\"thumb\",\"x\":1,\"y\":1}", NULL, "button" },
	{ "{\"type\":\"click\",\"x\":1,\"y\":1}", NULL, "button" },
	{ "{\"type\":\"click\",\"button\":\"left\",\"x\":1}", NULL, "x and y" },
	{ "{\"type\":\"click\",\"button\":\"left\",\"x\":1280,\"y\":1}", NULL, "0 to 1279" },
	{ "{\"type\":\"click\",\"button\":\"left\",\"x\":-1,\"y\":1}", NULL, "0 to 1279" },
	{ "{\"type\":\"click\",\"button\":\"left\",\"x\":1.5,\"y\":1}", NULL, "integer" },
	{ "{\"type\":\"click\",\"button\":\"left\",\"x\":\"1\",\"y\":1}", NULL, "integer" },
	{ "{\"type\":\"click\",\"button\":\"left\",\"x\":1e300,\"y\":1}", NULL, "0 to 1279" },
	{ "{\"type\":\"click\",\"button\":\"left\",\"x\":1,\"y\":1,\"keys\":[\"NOSUCHKEY\"]}", NULL,
			"NOSUCHKEY" },
	{ "{\"type\":\"double_click\",\"x\":1,\"y\":2,\"keys\":null}",
			"{\"action\":\"click\",\"count\":2,\"x\":1,\"y\":2}", NULL },
	{ "{\"type\":\"double_click\",\"x\":1,\"y\":2}",
			"{\"action\":\"click\",\"count\":2,\"x\":1,\"y\":2}", NULL },
	{ "{\"type\":\"drag\",\"path\":[{\"x\":1,\"y\":2},{\"x\":3,\"y\":4}],\"keys\":[\"ALT\"]}",
			"{\"action\":\"drag\",\"path\":[{\"x\":1,\"y\":2},{\"x\":3,\"y\":4}],"
			"\"keys\":[\"ALT\"]}",
			NULL },
	{ "{\"type\":\"drag\",\"path\":[[1,2],[3,4]]}",
			"{\"action\":\"drag\",\"path\":[[1,2],[3,4]]}", NULL },
	{ "{\"type\":\"drag\",\"path\":[{\"x\":1,\"y\":2}]}", NULL, "points" },
	{ "{\"type\":\"drag\"}", NULL, "path" },
	{ "{\"type\":\"keypress\",\"keys\":[\"CTRL\",\"S\"]}",
			"{\"action\":\"key\",\"keys\":[\"CTRL\",\"S\"]}", NULL },
	{ "{\"type\":\"keypress\",\"keys\":[]}", NULL, "keys" },
	{ "{\"type\":\"keypress\"}", NULL, "keys" },
	{ "{\"type\":\"keypress\",\"keys\":[7]}", NULL, "keys" },
	{ "{\"type\":\"move\",\"x\":5,\"y\":6}", "{\"action\":\"move\",\"x\":5,\"y\":6}", NULL },
	{ "{\"type\":\"screenshot\"}", "{\"action\":\"screenshot\"}", NULL },
	{ "{\"type\":\"scroll\",\"x\":1,\"y\":2,\"scroll_x\":0,\"scroll_y\":250}",
			"{\"action\":\"scroll\",\"x\":1,\"y\":2,\"scroll_y\":3}", NULL },
	{ "{\"type\":\"scroll\",\"x\":1,\"y\":2,\"scroll_x\":-1,\"scroll_y\":-100}",
			"{\"action\":\"scroll\",\"x\":1,\"y\":2,\"scroll_x\":-1,\"scroll_y\":-1}",
			NULL },
	{ "{\"type\":\"scroll\",\"x\":1,\"y\":2,\"scroll_x\":0,\"scroll_y\":0}",
			"{\"action\":\"move\",\"x\":1,\"y\":2}", NULL },
	{ "{\"type\":\"scroll\",\"x\":1,\"y\":2,\"scroll_x\":0,\"scroll_y\":\"far\"}", NULL,
			"scroll_y" },
	{ "{\"type\":\"type\",\"text\":\"hello\\n\"}",
			"{\"action\":\"type\",\"text\":\"hello\\n\"}", NULL },
	{ "{\"type\":\"type\",\"text\":7}", NULL, "text" },
	{ "{\"type\":\"type\"}", NULL, "text" },
	{ "{\"type\":\"wait\"}", "{\"action\":\"wait\",\"duration_ms\":2000}", NULL },
	{ "{\"type\":\"dance\"}", NULL, "dance" },
	{ "{}", NULL, "unknown action" },
	{ "7", NULL, "unknown action" },
};

static void each_action_has_its_canonical_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(mappings); i++) {
		CUA_AUTO_JSON cJSON *theirs = cJSON_Parse(mappings[i].theirs);
		CUA_AUTO_JSON cJSON *ours = cJSON_CreateArray();
		struct cua_error why = { 0 };
		char note[512] = "";
		enum cua_status status = responses_map_action(
				theirs, screen, ours, note, sizeof(note), &why);
		if (!mappings[i].expected) {
			assert_int_not_equal(status, CUA_OK);
			assert_non_null(strstr(why.msg, mappings[i].error));
			assert_int_equal(cJSON_GetArraySize(ours), 0);
			continue;
		}
		assert_int_equal(status, CUA_OK);
		CUA_AUTO_JSON cJSON *expected = cJSON_Parse(mappings[i].expected);
		assert_true(cJSON_Compare(ours->child, expected, true));
		assert_string_equal(note, "");
	}
}

static void long_scrolls_are_capped_and_reported(void **state)
{
	(void)state;
	CUA_AUTO_JSON cJSON *theirs = cJSON_Parse("{\"type\":\"scroll\",\"x\":1,\"y\":2,\"scroll_"
						  "x\":3000,\"scroll_y\":-9000}");
	CUA_AUTO_JSON cJSON *ours = cJSON_CreateArray();
	char note[512] = "";
	assert_int_equal(responses_map_action(theirs, screen, ours, note, sizeof(note), NULL),
			CUA_OK);
	CUA_AUTO_JSON cJSON *expected = cJSON_Parse("{\"action\":\"scroll\",\"x\":1,\"y\":2,"
						    "\"scroll_x\":30,\"scroll_y\":-30}");
	assert_true(cJSON_Compare(ours->child, expected, true));
	assert_non_null(strstr(note, "-9000"));
	assert_null(strstr(note, " 3000 pixels (scroll_x)"));
}

/* --- items to a turn --- */

static enum cua_status turn_of(const char *json, struct agent_turn *turn, struct cua_error *why)
{
	struct responses talk = { .config = &config };
	struct model_items items = { 0 };
	struct agent_json_span list = { json, strlen(json) }, item;
	size_t at = 0;
	while (agent_json_element(list, &at, &item)) {
		assert_int_equal(model_items_add(&items, item.at, item.len, NULL), CUA_OK);
	}
	enum cua_status status = responses_take_turn(&talk, &items, turn, why);
	model_items_finish(&items);
	return status;
}

#define ACTIONS \
	"[{\"type\":\"click\",\"button\":\"left\",\"x\":412,\"y\":230}," \
	"{\"type\":\"type\",\"text\":\"hello\\n\"},{\"type\":\"keypress\",\"keys\":[\"CTRL\"," \
	"\"S\"]}]"

static void one_call_carries_several_actions(void **state)
{
	(void)state;
	struct agent_turn turn = { 0 };
	assert_int_equal(turn_of("[{\"type\":\"computer_call\",\"id\":\"cu_1\",\"call_id\":\"c1\","
				 "\"status\":\"completed\",\"actions\":" ACTIONS "}]",
					 &turn, NULL),
			CUA_OK);
	assert_int_equal(turn.call_count, 1);
	assert_int_equal(turn.calls[0].kind, AGENT_CALL_COMPUTER);
	assert_string_equal(turn.calls[0].id, "c1");
	assert_string_equal(turn.calls[0].problem, "");
	assert_int_equal(cJSON_GetArraySize(turn.calls[0].actions), 3);
	assert_null(turn.calls[0].safety_checks);
	assert_null(turn.answer);
	agent_turn_finish(&turn);
}

static void the_preview_spelling_is_one_action(void **state)
{
	(void)state;
	struct agent_turn turn = { 0 };
	assert_int_equal(turn_of("[{\"type\":\"computer_call\",\"call_id\":\"c1\",\"actions\":null,"
				 "\"pending_safety_checks\":[{\"id\":\"s\",\"code\":\"x\"}],"
				 "\"action\":{\"type\":\"move\",\"x\":1,\"y\":2}}]",
					 &turn, NULL),
			CUA_OK);
	assert_int_equal(cJSON_GetArraySize(turn.calls[0].actions), 1);
	assert_int_equal(cJSON_GetArraySize(turn.calls[0].safety_checks), 1);
	agent_turn_finish(&turn);
}

static void malformed_turns_are_model_errors(void **state)
{
	(void)state;
	static const struct {
		const char *items, *error;
	} rows[] = {
		{ "[{\"type\":\"computer_call\",\"call_id\":\"c\",\"action\":{\"type\":\"wait\"},"
		  "\"actions\":[{\"type\":\"wait\"}]}]",
				"both action and actions" },
		{ "[{\"type\":\"computer_call\",\"call_id\":\"c\"}]", "neither" },
		{ "[{\"type\":\"computer_call\",\"actions\":" ACTIONS "}]", "no id" },
		{ "[{\"type\":\"computer_call\",\"call_id\":\"\",\"actions\":" ACTIONS "}]",
				"no id" },
		{ "[{\"type\":\"computer_call\",\"call_id\":\"c\",\"actions\":{}}]", "list" },
		{ "[{\"type\":\"computer_call\",\"call_id\":\"c\",\"actions\":" ACTIONS
		  ",\"pending_safety_checks\":7}]",
				"pending_safety_checks" },
		{ "[{\"type\":\"computer_call\",\"call_id\":\"c\",\"actions\":" ACTIONS "},"
		  "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"clipboard_get\","
		  "\"arguments\":\"{}\"}]",
				"two calls" },
		{ "[{\"call_id\":\"c\"}]", "type" },
		{ "[{\"type\":\"mess\xff\"}]", "output item" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_turn turn = { 0 };
		struct cua_error why = { 0 };
		assert_int_equal(turn_of(rows[i].items, &turn, &why), CUA_ERR_MODEL);
		assert_non_null(strstr(why.msg, rows[i].error));
		assert_null(turn.calls);
	}
}

static void bad_arguments_are_told_to_the_model(void **state)
{
	(void)state;
	static const struct {
		const char *item, *problem;
	} rows[] = {
		{ "[{\"type\":\"computer_call\",\"call_id\":\"c\",\"actions\":[]}]", "0 actions" },
		{ "[{\"type\":\"computer_call\",\"call_id\":\"c\",\"actions\":[{\"type\":\"wait\"},"
		  "{\"type\":\"move\",\"x\":9999,\"y\":1}]}]",
				"action 1" },
		{ "[{\"type\":\"computer_call\",\"call_id\":\"c\",\"status\":\"incomplete\","
		  "\"actions\":[{\"type\":\"wait\"}]}]",
				"incomplete" },
		{ "[{\"type\":\"computer_call\",\"call_id\":\"c\",\"actions\":[{\"type\":\"type\","
		  "\"text\":\"a\\u0000b\"}]}]",
				"NUL" },
		{ "[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"rm\",\"arguments\":\"{"
		  "}"
		  "\"}]",
				"no function" },
		{ "[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"click\",\"arguments\":"
		  "\"{}\"}]",
				"no function" },
		{ "[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"open_url\","
		  "\"arguments\":\"{\"}]",
				"JSON" },
		{ "[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"open_url\","
		  "\"arguments\":\"[]\"}]",
				"object" },
		{ "[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"open_url\","
		  "\"arguments\":\"{}\"}]",
				"url is missing" },
		{ "[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"open_url\","
		  "\"arguments\":\"{\\\"url\\\":\\\"a\\\",\\\"action\\\":\\\"type\\\"}\"}]",
				"action" },
		{ "[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"clipboard_set\","
		  "\"arguments\":\"{\\\"text\\\":\\\"a\\\\u0000b\\\"}\"}]",
				"NUL" },
		{ "[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"open_url\","
		  "\"arguments\":\"{\\\"url\\\":\\\"a\\\",\\\"\\\\u0075rl\\\":\\\"b\\\"}\"}]",
				"\"url\" twice" },
		{ "[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"open_url\","
		  "\"arguments\":\"{\\\"a\\\":[{\\\"c\\\":1,\\\"b\\\":1,\\\"c\\\":2}]}\"}]",
				"\"c\" twice" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_turn turn = { 0 };
		assert_int_equal(turn_of(rows[i].item, &turn, NULL), CUA_OK);
		assert_int_equal(turn.call_count, 1);
		assert_non_null(strstr(turn.calls[0].problem, rows[i].problem));
		agent_turn_finish(&turn);
	}
}

static void functions_become_actions(void **state)
{
	(void)state;
	struct agent_turn turn = { 0 };
	assert_int_equal(
			turn_of("[{\"type\":\"function_call\",\"call_id\":\"a\",\"name\":\"open_"
				"url\","
				"\"arguments\":\"{\\\"url\\\":\\\"http://x\\\"}\"},"
				"{\"type\":\"function_call\",\"call_id\":\"b\",\"name\":"
				"\"list_windows\",\"arguments\":\"\"},"
				"{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":"
				"\"mouse_down\",\"arguments\":\"{\\\"x\\\":null,\\\"y\\\":null}\"},"
				"{\"type\":\"function_call\",\"call_id\":\"d\",\"name\":\"give_"
				"up\","
				"\"arguments\":\"{\\\"reason\\\":\\\"no network\\\"}\"}]",
					&turn, NULL),
			CUA_OK);
	assert_int_equal(turn.call_count, 4);
	CUA_AUTO_FREE char *first = cJSON_PrintUnformatted(turn.calls[0].actions);
	assert_string_equal(first, "[{\"url\":\"http://x\",\"action\":\"open_url\"}]");
	CUA_AUTO_FREE char *third = cJSON_PrintUnformatted(turn.calls[2].actions);
	assert_string_equal(third, "[{\"action\":\"mouse_down\"}]");
	assert_int_equal(turn.calls[3].kind, AGENT_CALL_GIVE_UP);
	assert_string_equal(turn.calls[3].reason, "no network");
	agent_turn_finish(&turn);
}

static void a_message_answers_only_without_calls(void **state)
{
	(void)state;
	struct agent_turn turn = { 0 };
#define MESSAGE(phase, text) \
	"{\"type\":\"message\",\"role\":\"assistant\"" phase \
	",\"content\":[{\"type\":\"output_text\",\"text\":\"" text "\"}]}"
	assert_int_equal(turn_of("[" MESSAGE("", "Done.") "]", &turn, NULL), CUA_OK);
	assert_string_equal(turn.answer, "Done.");
	agent_turn_finish(&turn);

	assert_int_equal(turn_of("[" MESSAGE(",\"phase\":\"commentary\"", "Hm.") "]", &turn, NULL),
			CUA_OK);
	assert_null(turn.answer);
	assert_string_equal(turn.words, "Hm.");
	agent_turn_finish(&turn);

	assert_int_equal(turn_of("[" MESSAGE("", "Clicking.") ",{\"type\":\"computer_call\","
							      "\"call_id\":\"c\","
							      "\"actions\":" ACTIONS "}]",
					 &turn, NULL),
			CUA_OK);
	assert_null(turn.answer);
	assert_string_equal(turn.words, "Clicking.");
	agent_turn_finish(&turn);

	assert_int_equal(turn_of("[{\"type\":\"message\",\"content\":[{\"type\":\"refusal\","
				 "\"refusal\":\"No.\"}]},{\"type\":\"not_yet_invented\"}]",
					 &turn, NULL),
			CUA_OK);
	assert_string_equal(turn.refusal, "No.");
	agent_turn_finish(&turn);
}

/* --- streams --- */

#define REASONING \
	"{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[{\"type\":\"summary_text\"," \
	"\"text\":" \
	"\"I click.\"}],\"encrypted_content\":\"gAAAA\",\"big\":12345678901234567890}"
#define CALL \
	"{\"type\":\"computer_call\",\"id\":\"cu_1\",\"call_id\":\"c1\",\"status\":\"completed\"," \
	"\"pending_safety_checks\":[],\"actions\":" ACTIONS "}"
#define EVENT(type, rest) "event: " type "\ndata: {\"type\":\"" type "\"," rest "}\n\n"
#define STREAM_START \
	EVENT("response.created", "\"response\":{\"id\":\"resp_1\",\"status\":\"in_progress\"}") \
	": comment\n\n" EVENT("response.output_item.added", \
			"\"output_index\":0,\"item\":{\"type\":\"reasoning\",\"summary\":[]}") \
			EVENT("response.output_item.done", \
					"\"output_index\":0,\"item\": " REASONING " ") \
					EVENT("response.output_item.done", \
							"\"output_index\":1,\"item\":" CALL)
#define USAGE \
	"\"usage\":{\"input_tokens\":2310,\"input_tokens_details\":{\"cached_tokens\":1024}," \
	"\"output_tokens\":188,\"output_tokens_details\":{\"reasoning_tokens\":96}}"
#define STREAM_END \
	EVENT("response.completed", \
			"\"response\":{\"id\":\"resp_1\",\"status\":\"completed\"," \
			"\"output\":[]," USAGE "}")

static const char recorded[] = STREAM_START STREAM_END;

static void items_keep_the_bytes_they_came_in(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 70; piece += 3) {
		struct model_reply reply;
		assert_int_equal(hear(&model_api_responses, &reply, &config, recorded,
						 strlen(recorded), piece, NULL),
				CUA_OK);
		assert_int_equal(reply.end, MODEL_END_COMPLETED);
		assert_int_equal(reply.items.count, 2);
		assert_string_equal(reply.items.texts[0], REASONING);
		assert_string_equal(reply.items.texts[1], CALL);
		assert_true(reply.usage.input_tokens > 2309 && reply.usage.cached_tokens > 1023 &&
				reply.usage.output_tokens > 187 &&
				reply.usage.reasoning_tokens > 95);
		model_reply_finish(&reply);
	}
}

static void a_stream_cut_anywhere_is_not_completed(void **state)
{
	(void)state;
	/* The empty line that ends the last event is its last byte. */
	expect_no_end(&model_api_responses, &config, recorded, strlen(recorded));
}

static void streams_end_as_they_say(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum model_end end;
		const char *code;
	} rows[] = {
		{ STREAM_START EVENT("response.incomplete",
				  "\"response\":{\"status\":\"incomplete\",\"incomplete_details\":{"
				  "\"reason\":\"max_output_tokens\"}}"),
				MODEL_END_CUT, "" },
		{ STREAM_START EVENT("response.failed",
				  "\"response\":{\"status\":\"failed\",\"error\":{\"code\":"
				  "\"server_error\",\"message\":\"oops\"}}"),
				MODEL_END_FAILED, "server_error" },
		{ STREAM_START EVENT("error",
				  "\"code\":\"rate_limit_exceeded\",\"message\":\"slow down\"")
						STREAM_END,
				MODEL_END_FAILED, "rate_limit_exceeded" },
		{ STREAM_START EVENT("error", "\"error\":{\"code\":\"x\"}"), MODEL_END_FAILED,
				"x" },
		{ STREAM_START EVENT(
				  "response.completed", "\"response\":{\"status\":\"incomplete\"}"),
				MODEL_END_FAILED, "incomplete" },
		{ STREAM_START EVENT("response.incomplete",
				  "\"response\":{\"status\":\"incomplete\",\"incomplete_details\":{"
				  "\"reason\":\"content_filter\"}}"),
				MODEL_END_FILTERED, "" },
		{ STREAM_START EVENT("response.completed", "\"response\":{\"status\":\"queued\"}"),
				MODEL_END_FAILED, "queued" },
		{ STREAM_START "data: [DONE]\n\n", MODEL_END_NONE, "" },
		{ STREAM_START STREAM_END "data: [DONE]\n\n", MODEL_END_COMPLETED, "" },
		{ "{\"status\":\"completed\",\"output\":[" REASONING "," CALL "]}",
				MODEL_END_COMPLETED, "" },
		{ " \n{\"output\":[" CALL "]}", MODEL_END_COMPLETED, "" },
		{ "{\"status\":\"incomplete\",\"output\":[]}", MODEL_END_FAILED, "incomplete" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct model_reply reply;
		assert_int_equal(hear(&model_api_responses, &reply, &config, rows[i].text,
						 strlen(rows[i].text), 50, NULL),
				CUA_OK);
		assert_int_equal(reply.end, rows[i].end);
		assert_string_equal(reply.code, rows[i].code);
		model_reply_finish(&reply);
	}
}

static void garbage_is_a_model_error(void **state)
{
	(void)state;
	char deep[600];
	memset(deep, '[', sizeof(deep));
	memcpy(deep, "data: ", 6);
	memcpy(deep + sizeof(deep) - 3, "\n\n", 3);
	const char *const rows[] = {
		"data: garbage\n\n",
		"data: {\"type\":\"response.output_item.done\"}\n\n",
		"data: {\"type\":\"response.output_item.done\",\"item\":7}\n\n",
		"data: {\"type\":\"response.completed\"}\n\n",
		"data: {\"type\":\"response.completed\",\"response\":7}\n\n",
		"data: {\"type\":\"x\"} trailing\n\n",
		"data: {\"type\":\"\xc0\xaf\"}\n\n",
		"{\"status\":\"completed\"}",
		"{\"status\":",
		deep,
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct model_reply reply;
		struct cua_error why = { 0 };
		assert_int_equal(hear(&model_api_responses, &reply, &config, rows[i],
						 strlen(rows[i]), 33, &why),
				CUA_ERR_MODEL);
		assert_int_equal(why.status, CUA_ERR_MODEL);
		assert_int_equal(reply.end, MODEL_END_NONE);
		model_reply_finish(&reply);
	}
}

static void a_quoted_key_is_blotted_out(void **state)
{
	(void)state;
	struct model_reply reply;
	static const char text[] = EVENT("response.output_item.done",
			"\"item\":{\"type\":\"message\",\"x\":\"" REPLY_KEY "\"}")
			EVENT("error", "\"message\":\"bad key " REPLY_KEY "\"");
	assert_int_equal(hear(&model_api_responses, &reply, &config, text, strlen(text), 5, NULL),
			CUA_OK);
	assert_null(strstr(reply.items.texts[0], REPLY_KEY));
	assert_string_equal(reply.message, "bad key ********************");
	model_reply_finish(&reply);
}

/* --- words --- */

#define DELTA(text) EVENT("response.output_text.delta", "\"delta\":\"" text "\"")

struct listener {
	struct cua_buffer heard;
	int calls, cancel_fd, cancel_at;
};

static void listen_to(const char *words, void *user_data)
{
	struct listener *listener = user_data;
	assert_int_equal(cua_buffer_printf(&listener->heard, NULL, "%s|", words), CUA_OK);
	if (++listener->calls == listener->cancel_at) {
		assert_int_equal(eventfd_write(listener->cancel_fd, 1), 0);
	}
}

static enum cua_status hear_words(struct listener *listener, const char *text)
{
	struct agent_model_config with = config;
	struct model_reply reply;
	with.on_words = listen_to;
	with.user_data = listener;
	with.cancel_fd = listener->cancel_fd;
	cua_buffer_init(&listener->heard, 4096);
	enum cua_status status =
			hear(&model_api_responses, &reply, &with, text, strlen(text), 4096, NULL);
	model_reply_finish(&reply);
	return status;
}

static void words_are_heard_as_they_come(void **state)
{
	(void)state;
	struct listener listener = { .cancel_fd = -1 };
	static const char text[] = EVENT("response.reasoning_summary_text.delta",
			"\"delta\":\"I look.\"") EVENT("response.reasoning_summary_text.done",
			"\"text\":\"I look.\"") DELTA("All ") DELTA("d\\u00f6ne.")
			EVENT("response.output_text.done", "\"text\":\"All d\\u00f6ne.\"")
					STREAM_END;
	assert_int_equal(hear_words(&listener, text), CUA_OK);
	assert_string_equal(listener.heard.data, "I look.|\n|All |d\xc3\xb6ne.|\n|");
	cua_buffer_finish(&listener.heard);
}

static void a_key_in_pieces_is_not_heard(void **state)
{
	(void)state;
	struct listener listener = { .cancel_fd = -1 };
	static const char text[] = DELTA("The key is sk-") DELTA("secret-0123") DELTA(
			"456789, and sk-se") DELTA("t is no key, nor is sk-secret") STREAM_END;
	assert_int_equal(hear_words(&listener, text), CUA_OK);
	assert_string_equal(listener.heard.data,
			"The key is |********************, and |sk-set is no key, nor is "
			"|sk-secret|");
	cua_buffer_finish(&listener.heard);
}

static void words_stop_at_a_cancellation(void **state)
{
	(void)state;
	struct listener listener = { .cancel_fd = eventfd(0, EFD_CLOEXEC), .cancel_at = 2 };
	static const char text[] = DELTA("One.") DELTA("Two.") DELTA("Three.") STREAM_END;
	assert_int_equal(hear_words(&listener, text), CUA_ERR_CANCELLED);
	assert_string_equal(listener.heard.data, "One.|Two.|");
	cua_buffer_finish(&listener.heard);
	close(listener.cancel_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_action_has_its_canonical_form),
		cmocka_unit_test(long_scrolls_are_capped_and_reported),
		cmocka_unit_test(one_call_carries_several_actions),
		cmocka_unit_test(the_preview_spelling_is_one_action),
		cmocka_unit_test(malformed_turns_are_model_errors),
		cmocka_unit_test(bad_arguments_are_told_to_the_model),
		cmocka_unit_test(functions_become_actions),
		cmocka_unit_test(a_message_answers_only_without_calls),
		cmocka_unit_test(items_keep_the_bytes_they_came_in),
		cmocka_unit_test(a_stream_cut_anywhere_is_not_completed),
		cmocka_unit_test(streams_end_as_they_say),
		cmocka_unit_test(garbage_is_a_model_error),
		cmocka_unit_test(a_quoted_key_is_blotted_out),
		cmocka_unit_test(words_are_heard_as_they_come),
		cmocka_unit_test(a_key_in_pieces_is_not_heard),
		cmocka_unit_test(words_stop_at_a_cancellation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
