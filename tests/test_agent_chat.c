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

#define CHUNK(rest) "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\"," rest "}\n\n"
#define DELTA(delta) \
	CHUNK("\"choices\":[{\"index\":0,\"delta\":{" delta "},\"finish_reason\":null}]," \
	      "\"usage\":null")
#define FINISH(reason) \
	CHUNK("\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" reason "\"}]")
#define USAGE \
	CHUNK("\"choices\":[],\"usage\":{\"prompt_tokens\":1650,\"completion_tokens\":41," \
	      "\"prompt_tokens_details\":{\"cached_tokens\":1024}," \
	      "\"completion_tokens_details\":{\"reasoning_tokens\":7}}")
#define DONE "data: [DONE]\n\n"
#define CALL(head, name, arguments) \
	"\"tool_calls\":[{" head "\"function\":{\"name\":\"" name "\",\"arguments\":" arguments \
	"}}]"
#define CLICK "\"{\\\"action\\\":\\\"click\\\",\\\"x\\\":412,\\\"y\\\":230}\""
#define WHOLE(message) "{\"choices\":[{\"index\":0,\"message\":{" message "}}]}"

/* What comes of an answer. *ret_message: as it goes back to the server; the caller owns it. */
static struct agent_turn turn_of(const char *stream, char **ret_message)
{
	struct model_reply reply;
	struct agent_turn turn = { 0 };
	struct cua_error why = { 0 };
	void *talk = NULL;
	if (hear(&model_api_chat, &reply, &config, stream, strlen(stream), 7, &why) != CUA_OK) {
		fail_msg("%s: %s", stream, why.msg);
	}
	if (reply.end != MODEL_END_COMPLETED) {
		fail_msg("%s: its end is %d", stream, (int)reply.end);
	}
	assert_int_equal(model_api_chat.create(&config, &talk, NULL), CUA_OK);
	assert_int_equal(model_api_chat.take_turn(talk, &reply.items, &turn, NULL), CUA_OK);
	if (ret_message) {
		assert_int_equal(model_api_chat.add_turn(talk, &reply.items, NULL), CUA_OK);
		*ret_message = strdup(((struct chat *)talk)->messages[0].text);
	}
	model_api_chat.destroy(talk);
	model_reply_finish(&reply);
	return turn;
}

static void check_actions(const struct agent_call *call, const char *expected)
{
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(call->actions);
	assert_string_equal(call->problem, "");
	assert_string_equal(text, expected);
}

#define CLICKS "[{\"action\":\"click\",\"x\":412,\"y\":230}]"
#define WAITS "[{\"action\":\"wait\",\"duration_ms\":5}]"

/* --- how servers send calls --- */

/* In these rows ' stands for ", and ` for the quotes of a string that holds JSON itself. */
#define FIRST(arguments) "'function':{'name':'computer','arguments':" arguments "}"
#define MORE(arguments) "'function':{'arguments':" arguments "}"
#define CLICK_TEXT "`{'action':'click','x':412,'y':230}`"
#define WAIT_TEXT "`{'action':'wait','duration_ms':5}`"
#define CLICK_OBJECT "{'action':'click','x':412,'y':230}"

/* A click, then, if a second id is given, a wait. Each piece is one chunk. */
static const struct {
	const char *what, *pieces[5], *ids[2]; /* id "": made by us */
} spellings[] = {
	{ "as the API has it",
			{ "'index':0,'id':'a','type':'function'," FIRST("``"),
					"'index':0," MORE("`{'action':'click','x':412`"),
					"'index':0," MORE("`,'y':230}`") },
			{ "a" } },
	{ "two with their indexes, interleaved",
			{ "'index':0,'id':'a'," FIRST("``"), "'index':1,'id':'b'," FIRST("``"),
					"'index':0," MORE(CLICK_TEXT),
					"'index':1," MORE(WAIT_TEXT) },
			{ "a", "b" } },
	{ "both at index 0 with ids",
			{ "'index':0,'id':'a'," FIRST(CLICK_TEXT),
					"'index':0,'id':'b'," FIRST(WAIT_TEXT) },
			{ "a", "b" } },
	{ "both at index 0 with ids, in pieces",
			{ "'index':0,'id':'a'," FIRST("``"), "'index':0," MORE(CLICK_TEXT),
					"'index':0,'id':'b'," FIRST("``"),
					"'index':0," MORE(WAIT_TEXT) },
			{ "a", "b" } },
	{ "both at index 0 without ids",
			{ "'index':0," FIRST(CLICK_TEXT), "'index':0,'id':''," FIRST(WAIT_TEXT) },
			{ "", "" } },
	{ "both in one chunk, without index and id", { FIRST(CLICK_TEXT) "},{" FIRST(WAIT_TEXT) },
			{ "", "" } },
	{ "no index, ids in each piece",
			{ "'id':'a'," FIRST("``"), "'id':'a'," MORE(CLICK_TEXT),
					"'id':'b'," FIRST("null"), "'id':'b'," MORE(WAIT_TEXT) },
			{ "a", "b" } },
	{ "no index, the id in the first piece alone",
			{ "'id':'a'," FIRST("``"), MORE(CLICK_TEXT), "'id':'b'," FIRST("``"),
					MORE(WAIT_TEXT) },
			{ "a", "b" } },
	{ "the same id twice",
			{ "'index':0,'id':'a'," FIRST(CLICK_TEXT),
					"'index':1,'id':'a'," FIRST(WAIT_TEXT) },
			{ "a", "" } },
	{ "id and name in each piece",
			{ "'index':0,'id':'a'," FIRST("`{'action':'click',`"),
					"'index':0,'id':'a'," FIRST("`'x':412,'y':230}`"),
					"'index':0,'id':'a'," FIRST("``") },
			{ "a" } },
	{ "arguments as an object", { "'index':0,'id':'a'," FIRST(CLICK_OBJECT) }, { "a" } },
	{ "an object and no id", { "'index':0," FIRST(CLICK_OBJECT) }, { "" } },
};

/* Appends text with its quotes as JSON has them. */
static void add_quoted(struct cua_buffer *out, const char *text)
{
	bool is_inside = false;
	for (const char *at = text; *at; at++) {
		is_inside ^= *at == '`';
		const char *quote = *at == '`' ? "\"" : is_inside ? "\\\"" : "\"";
		const bool is_quote = *at == '`' || *at == '\'';
		assert_int_equal(cua_buffer_append(out, is_quote ? quote : at,
						 is_quote ? strlen(quote) : 1, NULL),
				CUA_OK);
	}
}

static void check_spelling(size_t row, const char *stream)
{
	CUA_AUTO_FREE char *message = NULL;
	struct agent_turn turn = turn_of(stream, &message);
	size_t count = spellings[row].ids[1] ? 2 : 1;
	assert_int_equal(turn.call_count, count);
	for (size_t at = 0; at < count; at++) {
		const char *id = spellings[row].ids[at];
		char expected[80], made[32];
		snprintf(made, sizeof(made), "call_0_%zu", at);
		assert_string_equal(turn.calls[at].id, id[0] ? id : made);
		assert_int_equal(turn.calls[at].kind, AGENT_CALL_COMPUTER);
		check_actions(&turn.calls[at], at == 0 ? CLICKS : WAITS);
		snprintf(expected, sizeof(expected), "\"id\":\"%s\"", id[0] ? id : made);
		assert_non_null(strstr(message, expected));
	}
	agent_turn_finish(&turn);
}

static void each_servers_calls_come_together(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(spellings); i++) {
		CUA_AUTO_BUFFER struct cua_buffer stream;
		cua_buffer_init(&stream, 65536);
		print_message("%s\n", spellings[i].what);
		for (size_t at = 0; at < 5 && spellings[i].pieces[at]; at++) {
			add_quoted(&stream,
					"data: {'choices':[{'index':0,'delta':{'tool_calls':[{");
			add_quoted(&stream, spellings[i].pieces[at]);
			add_quoted(&stream, "}]},'finish_reason':null}]}\n\n");
		}
		add_quoted(&stream, FINISH("tool_calls") DONE);
		check_spelling(i, stream.data);
	}
}

/* One click, however the stream around it is. */
static void streams_deviate(void **state)
{
	(void)state;
#define ONE_CALL CALL("\"index\":0,\"id\":\"a\",", "computer", CLICK)
#define COMMENT ": OPENROUTER PROCESSING\n\n"
	static const char *const streams[] = {
		DELTA(ONE_CALL) FINISH("stop") USAGE DONE,
		DELTA(ONE_CALL) FINISH("stop"),
		COMMENT DELTA(ONE_CALL) COMMENT FINISH("tool_calls") DONE,
		WHOLE("\"role\":\"assistant\",\"content\":null," ONE_CALL),
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(streams); i++) {
		struct agent_turn turn = turn_of(streams[i], NULL);
		assert_int_equal(turn.call_count, 1);
		assert_string_equal(turn.calls[0].id, "a");
		check_actions(&turn.calls[0], CLICKS);
		agent_turn_finish(&turn);
	}
}

/* --- what is wrong with a call --- */

static void bad_arguments_are_told_to_the_model(void **state)
{
	(void)state;
	static const struct {
		const char *name, *arguments, *problem;
	} rows[] = {
		{ "computer", "\"{\\\"action\\\":\"", "not JSON" },
		{ "computer", "\"\"", "action is" },
		{ "computer", "\"[1]\"", "object" },
		{ "computer", "7", "object" },
		{ "computer", "{\"action\":\"dance\"}", "dance" },
		{ "computer", "{\"action\":\"click\",\"x\":1280,\"y\":1}", "0 to 1279" },
		{ "computer", "{\"action\":\"click\",\"x\":1,\"y\":1,\"z\":1}", "z" },
		{ "computer", "{\"action\":\"screenshot\",\"width\":1}", "width" },
		{ "computer", "{\"action\":\"type\",\"text\":\"a\\\\u0000\"}", NULL },
		{ "computer", "\"{\\\"action\\\":\\\"type\\\",\\\"text\\\":\\\"\\\\u0000\\\"}\"",
				"NUL" },
		{ "computer", "{\"action\":\"list_windows\"}", "list_windows" },
		{ "telepathy", "\"{}\"", "telepathy" },
		{ "click", "\"{}\"", "no function" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		char stream[600];
		CUA_AUTO_FREE char *message = NULL;
		snprintf(stream, sizeof(stream),
				"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,"
				"\"id\":\"a\",\"function\":{\"name\":\"%s\",\"arguments\":%s}}]},"
				"\"finish_reason\":\"stop\"}]}\n\n",
				rows[i].name, rows[i].arguments);
		struct agent_turn turn = turn_of(stream, &message);
		assert_int_equal(turn.call_count, 1);
		if (!rows[i].problem) {
			assert_string_equal(turn.calls[0].problem, "");
		} else if (!strstr(turn.calls[0].problem, rows[i].problem)) {
			fail_msg("%s: \"%s\"", rows[i].arguments, turn.calls[0].problem);
		}
		/* What goes back can be read by the server. */
		CUA_AUTO_JSON cJSON *json = cJSON_Parse(message);
		const cJSON *function = cJSON_GetObjectItem(
				cJSON_GetObjectItem(json, "tool_calls")->child, "function");
		CUA_AUTO_JSON cJSON *arguments = cJSON_Parse(
				cJSON_GetStringValue(cJSON_GetObjectItem(function, "arguments")));
		assert_true(cJSON_IsObject(arguments));
		agent_turn_finish(&turn);
	}
}

static void what_is_not_given_is_left_out(void **state)
{
	(void)state;
	struct agent_turn turn = turn_of(
			DELTA(CALL("\"index\":0,\"id\":\"a\",", "computer",
					"{\"action\":\"click\",\"x\":1,\"y\":2,\"button\":null,"
					"\"text\":\"\",\"path\":[]}")) FINISH("stop") DONE,
			NULL);
	check_actions(&turn.calls[0], "[{\"action\":\"click\",\"x\":1,\"y\":2}]");
	agent_turn_finish(&turn);
}

static void functions_stand_beside_the_computer(void **state)
{
	(void)state;
	struct agent_turn turn = turn_of(
			DELTA(CALL("\"index\":0,\"id\":\"a\",", "list_windows", "\"\""))
					DELTA(CALL("\"index\":1,\"id\":\"b\",", "give_up",
							"{\"reason\":\"no\"}")) FINISH("tool_calls")
							DONE,
			NULL);
	assert_int_equal(turn.call_count, 2);
	check_actions(&turn.calls[0], "[{\"action\":\"list_windows\"}]");
	assert_int_equal(turn.calls[1].kind, AGENT_CALL_GIVE_UP);
	assert_string_equal(turn.calls[1].reason, "no");
	agent_turn_finish(&turn);
}

static void done_is_the_answer_if_it_is_alone(void **state)
{
	(void)state;
#define DONE_CALL(head) CALL(head, "computer", "{\"action\":\"done\",\"text\":\"Written.\"}")
	struct agent_turn turn = turn_of(
			DELTA(DONE_CALL("\"index\":0,\"id\":\"a\",")) FINISH("stop") DONE, NULL);
	assert_int_equal(turn.call_count, 0);
	assert_string_equal(turn.answer, "Written.");
	agent_turn_finish(&turn);

	turn = turn_of(DELTA(CALL("\"index\":0,\"id\":\"a\",", "computer", CLICK)) DELTA(
				       DONE_CALL("\"index\":1,\"id\":\"b\",")) FINISH("stop") DONE,
			NULL);
	assert_int_equal(turn.call_count, 2);
	assert_non_null(strstr(turn.calls[1].problem, "only call"));
	agent_turn_finish(&turn);
}

/* --- words --- */

static void reasoning_is_no_answer(void **state)
{
	(void)state;
	static const struct {
		const char *stream, *answer, *words, *kept;
	} rows[] = {
		{ DELTA("\"content\":\"All \"") DELTA("\"content\":\"done.\"") FINISH("stop") DONE,
				"All done.", "", "\"content\":\"All done.\"" },
		{ DELTA("\"reasoning\":\"I \"") DELTA("\"reasoning\":\"look.\"")
						DELTA("\"content\":\"Done.\"") FINISH("stop") DONE,
				"Done.", "I look.", "\"reasoning\":\"I look.\"" },
		{ DELTA("\"reasoning_content\":\"I look.\"") DELTA("\"content\":\"\"")
						FINISH("stop") DONE,
				NULL, "I look.", "\"reasoning_content\":\"I look.\"" },
		{ DELTA("\"reasoning\":\"I look.\",\"reasoning_content\":\"I look.\"")
						DELTA("\"content\":\"Done.\"") FINISH("stop") DONE,
				"Done.", "I look.", "\"reasoning\":\"I look.\"" },
		{ DELTA("\"content\":\"<think>I look.</think>\\n\\nDone.\"") FINISH("stop") DONE,
				"Done.", "I look.", "</think>" },
		{ DELTA("\"content\":\"I look.</think>Done.\"") FINISH("stop") DONE, "Done.",
				"I look.", "</think>" },
		{ WHOLE("\"content\":[{\"type\":\"text\",\"text\":\"Done.\"}]"), "Done.", "",
				"\"content\":\"Done.\"" },
		{ WHOLE("\"content\":\"Clicking.\",\"tool_calls\":[{\"id\":\"a\",\"function\":"
			"{\"name\":\"computer\",\"arguments\":" CLICK "}}]"),
				NULL, "Clicking.", "\"content\":\"Clicking.\"" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		CUA_AUTO_FREE char *message = NULL;
		struct agent_turn turn = turn_of(rows[i].stream, &message);
		if (rows[i].answer) {
			assert_string_equal(turn.answer, rows[i].answer);
		} else {
			assert_null(turn.answer);
		}
		assert_string_equal(turn.words, rows[i].words);
		assert_non_null(strstr(message, rows[i].kept));
		agent_turn_finish(&turn);
	}
}

static void details_of_reasoning_go_back_joined(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *message = NULL;
	struct agent_turn turn = turn_of(
			DELTA("\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"I \","
			      "\"index\":0,\"signature\":null}]") DELTA("\"reasoning_details\":[{"
									"\"type\":"
									"\"reasoning.text\","
									"\"text\":\"look.\","
									"\"index\":0}]")
					DELTA("\"reasoning_details\":[{\"type\":\"reasoning.text\","
					      "\"signature\":\"sig\",\"index\":0}]")
							DELTA("\"reasoning_details\":[{\"type\":"
							      "\"reasoning.encrypted\",\"data\":"
							      "\"gAAA\",\"index\":1}]")
									DELTA("\"content\":\"Done."
									      "\"") FINISH("stop")
											DONE,
			&message);
	assert_non_null(strstr(message,
			"\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"I look.\","
			"\"index\":0,\"signature\":\"sig\"},{\"type\":\"reasoning.encrypted\","
			"\"data\":\"gAAA\",\"index\":1}]"));
	agent_turn_finish(&turn);
}

static void listen_to(const char *words, void *user_data)
{
	assert_int_equal(cua_buffer_printf(user_data, NULL, "%s|", words), CUA_OK);
}

static void words_are_heard_as_they_come(void **state)
{
	(void)state;
	static const char text[] = DELTA("\"reasoning\":\"I look.\"") DELTA("\"content\":\"All \"")
			DELTA("\"content\":\"d\\u00f6ne.\"") FINISH("stop") DONE;
	CUA_AUTO_BUFFER struct cua_buffer heard;
	struct agent_model_config with = config;
	struct model_reply reply;
	cua_buffer_init(&heard, 4096);
	with.on_words = listen_to;
	with.user_data = &heard;
	assert_int_equal(hear(&model_api_chat, &reply, &with, text, strlen(text), 4096, NULL),
			CUA_OK);
	assert_string_equal(heard.data, "I look.|\n|All |d\xc3\xb6ne.|\n|");
	model_reply_finish(&reply);
}

/* --- how streams end --- */

static const char recorded[] = DELTA("\"content\":\"I click, \xc3\xb6.\"")
		DELTA(CALL("\"index\":0,\"id\":\"a\",", "computer", CLICK)) FINISH("tool_calls")
				USAGE DONE;

static void pieces_do_not_matter(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 70; piece += 3) {
		struct model_reply reply;
		assert_int_equal(hear(&model_api_chat, &reply, &config, recorded, strlen(recorded),
						 piece, NULL),
				CUA_OK);
		assert_int_equal(reply.end, MODEL_END_COMPLETED);
		assert_string_equal(reply.items.texts[0],
				"{\"role\":\"assistant\",\"content\":\"I click, \xc3\xb6.\","
				"\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":"
				"{\"name\":\"computer\",\"arguments\":" CLICK "}}]}");
		assert_true(reply.usage.input_tokens > 1649 && reply.usage.cached_tokens > 1023 &&
				reply.usage.output_tokens > 40 && reply.usage.reasoning_tokens > 6);
		model_reply_finish(&reply);
	}
}

static void a_stream_cut_before_its_finish_is_not_completed(void **state)
{
	(void)state;
	const size_t finish = (size_t)(strstr(recorded, "\"finish_reason\":\"") - recorded);
	expect_no_end(&model_api_chat, &config, recorded, finish);
}

static void streams_end_as_they_say(void **state)
{
	(void)state;
#define BEGUN DELTA(CALL("\"index\":0,\"id\":\"a\",", "computer", CLICK))
	static const struct {
		const char *text;
		enum model_end end;
		const char *code, *message;
	} rows[] = {
		{ BEGUN FINISH("length") DONE, MODEL_END_CUT, "", "" },
		{ BEGUN FINISH("content_filter") DONE, MODEL_END_FILTERED, "", "" },
		{ BEGUN FINISH("eos") DONE, MODEL_END_COMPLETED, "", "" },
		{ BEGUN FINISH("error") DONE, MODEL_END_FAILED, "server_error", "" },
		{ BEGUN DONE, MODEL_END_NONE, "", "" },
		{ BEGUN, MODEL_END_NONE, "", "" },
		{ "", MODEL_END_NONE, "", "" },
		/* OpenRouter, inside HTTP 200 */
		{ BEGUN CHUNK("\"error\":{\"code\":502,\"message\":\"gone\",\"metadata\":{}},"
			      "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},"
			      "\"finish_reason\":\"error\"}]") DONE,
				MODEL_END_FAILED, "502", "gone" },
		/* llama.cpp */
		{ BEGUN "data: {\"error\":{\"code\":500,\"message\":\"oops\",\"type\":"
			"\"server_error\"}}\n\n",
				MODEL_END_FAILED, "500", "oops" },
		/* vLLM, some versions */
		{ BEGUN "data: {\"object\":\"error\",\"message\":\"oops\",\"type\":"
			"\"InternalServerError\",\"code\":500}\n\n" DONE,
				MODEL_END_FAILED, "500", "oops" },
		{ BEGUN "data: {\"error\":\"out of memory\"}\n\n", MODEL_END_FAILED, "server_error",
				"out of memory" },
		{ BEGUN "data: {\"detail\":\"gone\"}\n\n", MODEL_END_FAILED, "server_error",
				"gone" },
		{ BEGUN "data: {\"detail\":[{\"msg\":\"gone\"}]}\n\n", MODEL_END_FAILED,
				"server_error", "[{\"msg\":\"gone\"}]" },
		{ BEGUN "event: error\ndata: {\"message\":\"gone\"}\n\n", MODEL_END_FAILED,
				"server_error", "gone" },
		{ "{\"error\":{\"code\":429,\"message\":\"slow down\"}}", MODEL_END_FAILED, "429",
				"slow down" },
		{ "{\"error\":\"no model\"}", MODEL_END_FAILED, "server_error", "no model" },
		{ BEGUN "data: {\"error\":null,\"choices\":[]}\n\n" FINISH("stop") DONE,
				MODEL_END_COMPLETED, "", "" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct model_reply reply;
		assert_int_equal(hear(&model_api_chat, &reply, &config, rows[i].text,
						 strlen(rows[i].text), 50, NULL),
				CUA_OK);
		assert_int_equal(reply.end, rows[i].end);
		assert_string_equal(reply.code, rows[i].code);
		assert_string_equal(reply.message, rows[i].message);
		model_reply_finish(&reply);
	}
}

static void garbage_is_a_model_error(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"data: Internal Server Error\n\n",
		"data: {\"choices\":[{\"delta\":{\"content\":\"a\\u0000b\"}}]}\n\n",
		"data: {\"choices\":[]} trailing\n\n",
		"data: {\"x\":\"\xc0\xaf\"}\n\n",
		"{\"choices\":[]}",
		"{\"choices\":",
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct model_reply reply;
		struct cua_error why = { 0 };
		assert_int_equal(hear(&model_api_chat, &reply, &config, rows[i], strlen(rows[i]),
						 33, &why),
				CUA_ERR_MODEL);
		assert_int_equal(reply.end, MODEL_END_NONE);
		model_reply_finish(&reply);
	}
}

static void a_thousand_calls_are_too_many(void **state)
{
	(void)state;
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, 1 << 20);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(cua_buffer_printf(&text, NULL,
						 "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{"
						 "\"index\":%d}]}}]}\n\n",
						 i),
				CUA_OK);
	}
	struct model_reply reply;
	assert_int_equal(hear(&model_api_chat, &reply, &config, text.data, text.len, 4096, NULL),
			CUA_ERR_MODEL);
	model_reply_finish(&reply);
}

static void a_quoted_key_is_blotted_out(void **state)
{
	(void)state;
	struct model_reply reply;
	static const char text[] = DELTA("\"content\":\"the key is sk-sec\"")
			DELTA("\"content\":\"ret-0123456789\"") FINISH("stop") DONE;
	assert_int_equal(hear(&model_api_chat, &reply, &config, text, strlen(text), 5, NULL),
			CUA_OK);
	assert_null(strstr(reply.items.texts[0], REPLY_KEY));
	assert_non_null(strstr(reply.items.texts[0], "****"));
	model_reply_finish(&reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_servers_calls_come_together),
		cmocka_unit_test(streams_deviate),
		cmocka_unit_test(bad_arguments_are_told_to_the_model),
		cmocka_unit_test(what_is_not_given_is_left_out),
		cmocka_unit_test(functions_stand_beside_the_computer),
		cmocka_unit_test(done_is_the_answer_if_it_is_alone),
		cmocka_unit_test(reasoning_is_no_answer),
		cmocka_unit_test(details_of_reasoning_go_back_joined),
		cmocka_unit_test(words_are_heard_as_they_come),
		cmocka_unit_test(pieces_do_not_matter),
		cmocka_unit_test(a_stream_cut_before_its_finish_is_not_completed),
		cmocka_unit_test(streams_end_as_they_say),
		cmocka_unit_test(garbage_is_a_model_error),
		cmocka_unit_test(a_thousand_calls_are_too_many),
		cmocka_unit_test(a_quoted_key_is_blotted_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
