#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "cua/base/util.h"
#include "tests/gemini_talk.h"

static const struct cua_point screen = { 1280, 800 };
/* --- actions --- */

/* expected: canonical actions; NULL: an error that holds `error`. */
static const struct {
	const char *name, *args, *expected, *error;
} mappings[] = {
	/* the current vocabulary */
	{ "click", "{'x':0,'y':0}", "[{'action':'click','x':0,'y':0,'button':'left'}]", NULL },
	{ "click", "{'x':500,'y':500}", "[{'action':'click','x':640,'y':400,'button':'left'}]",
			NULL },
	{ "click", "{'x':999,'y':999}", "[{'action':'click','x':1278,'y':799,'button':'left'}]",
			NULL },
	{ "click", "{'x':1000,'y':1000}", "[{'action':'click','x':1279,'y':799,'button':'left'}]",
			NULL },
	{ "click", "{'x':1003,'y':5}", NULL, "x is 1003; it must be 0 to 999" },
	{ "click", "{'x':-1,'y':5}", NULL, "x is -1" },
	{ "click", "{'x':'5','y':5}", NULL, "x must be a number" },
	{ "click", "{'x':5}", NULL, "y is missing" },
	{ "click", "{'x':5,'y':5,'z':5}", NULL, "no argument \"z\"" },
	{ "double_click", "{'x':500,'y':500}",
			"[{'action':'click','x':640,'y':400,'button':'left','count':2}]", NULL },
	{ "triple_click", "{'x':500,'y':500}",
			"[{'action':'click','x':640,'y':400,'button':'left','count':3}]", NULL },
	{ "middle_click", "{'x':500,'y':500}",
			"[{'action':'click','x':640,'y':400,'button':'middle'}]", NULL },
	{ "right_click", "{'x':500,'y':500}",
			"[{'action':'click','x':640,'y':400,'button':'right'}]", NULL },
	{ "mouse_down", "{'x':500,'y':500}", "[{'action':'mouse_down','x':640,'y':400}]", NULL },
	{ "mouse_up", "{'x':500,'y':500}", "[{'action':'mouse_up','x':640,'y':400}]", NULL },
	{ "move", "{'x':500,'y':500}", "[{'action':'move','x':640,'y':400}]", NULL },
	{ "type", "{'text':'a\\nb'}", "[{'action':'type','text':'a\\nb'}]", NULL },
	{ "type", "{'text':'a','press_enter':true}",
			"[{'action':'type','text':'a'},{'action':'key','keys':'Return'}]", NULL },
	{ "type", "{'text':7}", NULL, "text" },
	{ "type", "{'text':'a','press_enter':'yes'}", NULL, "press_enter" },
	{ "drag_and_drop", "{'start_x':0,'start_y':0,'end_x':500,'end_y':500}",
			"[{'action':'drag','button':'left','path':[[0,0],[640,400]]}]", NULL },
	{ "drag_and_drop", "{'x':0,'y':0,'destination_x':500,'destination_y':500}",
			"[{'action':'drag','button':'left','path':[[0,0],[640,400]]}]", NULL },
	{ "drag_and_drop", "{'x':0,'y':0}", NULL, "destination_x" },
	{ "wait", "{}", "[{'action':'wait','duration_ms':1000}]", NULL },
	{ "wait", "{'seconds':2.5}", "[{'action':'wait','duration_ms':2500}]", NULL },
	{ "wait", "{'seconds':1e300}", NULL, "duration_ms" },
	{ "press_key", "{'key':'enter'}", "[{'action':'key','keys':'enter'}]", NULL },
	{ "press_key", "{'key':'nosuchkey'}", NULL, "nosuchkey" },
	{ "press_key", "{}", NULL, "key is missing" },
	{ "hotkey", "{'keys':['control','s']}", "[{'action':'key','keys':['control','s']}]", NULL },
	{ "hotkey", "{'keys':'control+s'}", "[{'action':'key','keys':'control+s'}]", NULL },
	{ "key_down", "{'key':'shift'}", NULL, "hotkey" },
	{ "take_screenshot", "{}", "[{'action':'screenshot'}]", NULL },
	{ "scroll", "{'x':500,'y':500,'direction':'down','magnitude_in_wheel_clicks':3}",
			"[{'action':'scroll','x':640,'y':400,'scroll_y':3}]", NULL },
	{ "scroll", "{'x':500,'y':500,'direction':'up','magnitude_in_pixels':500}",
			"[{'action':'scroll','x':640,'y':400,'scroll_y':-4}]", NULL },
	{ "scroll", "{'x':500,'y':500,'direction':'down'}",
			"[{'action':'scroll','x':640,'y':400,'scroll_y':2}]", NULL },
	{ "scroll", "{'x':500,'y':500,'direction':'left','magnitude':1}",
			"[{'action':'scroll','x':640,'y':400,'scroll_x':-1}]", NULL },
	{ "scroll", "{'x':500,'y':500,'direction':'in'}", NULL, "direction" },
	{ "scroll", "{'x':500,'y':500,'direction':'up','magnitude':-5}", NULL, "magnitude" },
	/* the first one */
	{ "click_at", "{'x':500,'y':500}", "[{'action':'click','x':640,'y':400,'button':'left'}]",
			NULL },
	{ "hover_at", "{'x':500,'y':500}", "[{'action':'move','x':640,'y':400}]", NULL },
	{ "type_text_at", "{'x':500,'y':500,'text':'a','press_enter':true}",
			"[{'action':'click','x':640,'y':400},{'action':'key','keys':'ctrl+a'},"
			"{'action':'key','keys':'BackSpace'},{'action':'type','text':'a'},"
			"{'action':'key','keys':'Return'}]",
			NULL },
	{ "type_text_at",
			"{'x':500,'y':500,'text':'a','press_enter':false,'clear_before_typing':"
			"false}",
			"[{'action':'click','x':640,'y':400},{'action':'type','text':'a'}]", NULL },
	{ "key_combination", "{'keys':'Control+A'}", "[{'action':'key','keys':'Control+A'}]",
			NULL },
	{ "scroll_document", "{'direction':'down'}", "[{'action':'scroll','scroll_y':6}]", NULL },
	{ "scroll_at", "{'x':500,'y':500,'direction':'right'}",
			"[{'action':'scroll','x':640,'y':400,'scroll_x':10}]", NULL },
	{ "wait_5_seconds", "{}", "[{'action':'wait','duration_ms':5000}]", NULL },
	{ "navigate", "{'url':'https://example.com'}",
			"[{'action':'open_url','url':'https://example.com'}]", NULL },
	{ "go_back", "{}", "[{'action':'key','keys':'alt+Left'}]", NULL },
	{ "go_forward", "{}", "[{'action':'key','keys':'alt+Right'}]", NULL },
	{ "search", "{}", NULL, "open_url" },
	{ "open_web_browser", "{}", NULL, "open_app" },
	{ "long_press", "{'x':1,'y':1}", NULL, "desktop" },
	{ "telepathy", "{}", NULL, "telepathy" },
};

static void each_function_has_its_canonical_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(mappings); i++) {
		CUA_AUTO_FREE char *text = quoted(mappings[i].args);
		CUA_AUTO_JSON cJSON *args = cJSON_Parse(text), *actions = cJSON_CreateArray();
		struct cua_error why = { 0 };
		char note[512] = "";
		assert_non_null(args);
		enum cua_status status = gemini_map_action(
				mappings[i].name, args, screen, actions, note, sizeof(note), &why);
		if (!mappings[i].expected) {
			assert_int_not_equal(status, CUA_OK);
			if (!strstr(why.msg, mappings[i].error)) {
				fail_msg("%s: %s", mappings[i].args, why.msg);
			}
			continue;
		}
		CUA_AUTO_FREE char *expected = quoted(mappings[i].expected);
		CUA_AUTO_FREE char *got = cJSON_PrintUnformatted(actions);
		assert_string_equal(got, expected);
		assert_string_equal(note, "");
	}
}

static void what_was_changed_is_noted(void **state)
{
	(void)state;
	static const struct {
		const char *name, *args, *note;
	} rows[] = {
		{ "scroll", "{'x':0,'y':0,'direction':'up','magnitude_in_wheel_clicks':50}",
				"shortened to 30" },
		{ "type_text_at", "{'x':0,'y':0,'text':'a'}", "Enter was not pressed" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		CUA_AUTO_FREE char *text = quoted(rows[i].args);
		CUA_AUTO_JSON cJSON *args = cJSON_Parse(text), *actions = cJSON_CreateArray();
		char note[512] = "";
		assert_int_equal(gemini_map_action(rows[i].name, args, screen, actions, note,
						 sizeof(note), NULL),
				CUA_OK);
		assert_non_null(strstr(note, rows[i].note));
	}
}

/* --- streams --- */

#define CHUNK(parts, rest) \
	"data: {'candidates':[{'index':0,'content':{'role':'model','parts':[" parts "]}" rest \
	"}],'usageMetadata':{'promptTokenCount':1510,'candidatesTokenCount':42," \
	"'thoughtsTokenCount':120,'cachedContentTokenCount':1000,'totalTokenCount':1672}}\r\n\r\n"
#define END(reason) ",'finishReason':'" reason "'"
static enum cua_status hear_text(struct model_reply *reply, const char *text, struct cua_error *why)
{
	CUA_AUTO_FREE char *json = quoted(text);
	return hear(&model_api_gemini, reply, &gemini_config, json, strlen(json), 7, why);
}

static const char recorded[] = CHUNK("{'text':'I th','thought':true}", "") CHUNK(
		"{'text':'ink \xc3\xb6.','thought':true}", "") CHUNK("{'text':'Opening.'}", "")
		CHUNK(CLICK "," WAIT, "")
				CHUNK("{'text':'','thoughtSignature':'Zm9v'}", END("STOP"));

static const char *const kept[] = { "{'text':'I think \xc3\xb6.','thought':true}",
	"{'text':'Opening.'}", CLICK, WAIT, "{'text':'','thoughtSignature':'Zm9v'}" };

static void parts_keep_the_bytes_they_came_in(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *text = quoted(recorded);
	for (size_t piece = 1; piece < 70; piece += 3) {
		struct model_reply reply;
		assert_int_equal(hear(&model_api_gemini, &reply, &gemini_config, text, strlen(text),
						 piece, NULL),
				CUA_OK);
		assert_int_equal(reply.end, MODEL_END_COMPLETED);
		assert_int_equal(reply.items.count, CUA_ARRAY_LEN(kept));
		for (size_t i = 0; i < CUA_ARRAY_LEN(kept); i++) {
			CUA_AUTO_FREE char *expected = quoted(kept[i]);
			assert_string_equal(reply.items.texts[i], expected);
		}
		assert_true(reply.usage.input_tokens > 1509 && reply.usage.cached_tokens > 999 &&
				reply.usage.output_tokens > 161 &&
				reply.usage.reasoning_tokens > 119);
		model_reply_finish(&reply);
	}
}

static void a_stream_cut_anywhere_is_not_completed(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *text = quoted(recorded);
	/* The empty line that ends the last event is its last two bytes. */
	expect_no_end(&model_api_gemini, &gemini_config, text, strlen(text) - 1);
}

static void streams_end_as_they_say(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum model_end end;
		const char *code, *message;
	} rows[] = {
		{ CHUNK(CLICK, "") CHUNK("", END("STOP")), MODEL_END_COMPLETED, "", "" },
		{ "data: {'candidates':[{'finishReason':'STOP'}]}\n\n", MODEL_END_COMPLETED, "",
				"" },
		{ "{'candidates':[{'content':{'parts':[{'text':'a'}]},'finishReason':'STOP'}]}",
				MODEL_END_COMPLETED, "", "" },
		{ CHUNK(CLICK, END("MAX_TOKENS")), MODEL_END_CUT, "MAX_TOKENS", "" },
		{ CHUNK(CLICK, END("SAFETY")), MODEL_END_FILTERED, "SAFETY", "SAFETY" },
		{ CHUNK(CLICK, END("RECITATION")), MODEL_END_FILTERED, "RECITATION", "RECITATION" },
		{ CHUNK(CLICK, END("BLOCKLIST")), MODEL_END_FILTERED, "BLOCKLIST", "" },
		{ CHUNK(CLICK, END("PROHIBITED_CONTENT")), MODEL_END_FILTERED, "PROHIBITED_CONTENT",
				"" },
		{ CHUNK(CLICK, END("SPII")), MODEL_END_FILTERED, "SPII", "" },
		{ CHUNK("", END("MALFORMED_FUNCTION_CALL") ",'finishMessage':'click('"),
				MODEL_END_FAILED, "MALFORMED_FUNCTION_CALL", "click(" },
		{ CHUNK(CLICK, END("OTHER")), MODEL_END_FAILED, "OTHER", "OTHER" },
		{ CHUNK(CLICK, END("LANGUAGE")), MODEL_END_FAILED, "LANGUAGE", "" },
		{ CHUNK(CLICK, END("UNEXPECTED_TOOL_CALL")), MODEL_END_FAILED,
				"UNEXPECTED_TOOL_CALL", "" },
		{ CHUNK(CLICK, END("TOO_MANY_TOOL_CALLS")), MODEL_END_FAILED, "TOO_MANY_TOOL_CALLS",
				"" },
		{ CHUNK(CLICK, END("NOT_YET_INVENTED")), MODEL_END_FAILED, "NOT_YET_INVENTED", "" },
		{ "data: {'promptFeedback':{'blockReason':'SAFETY'}}\n\n", MODEL_END_FILTERED,
				"SAFETY", "the prompt was blocked: SAFETY" },
		{ CHUNK(CLICK, "") "data: {'error':{'code':503,'message':'busy','status':"
				   "'UNAVAILABLE'}}\n\n",
				MODEL_END_FAILED, "UNAVAILABLE", "busy" },
		{ CHUNK(CLICK, ""), MODEL_END_NONE, "", "" },
		{ "", MODEL_END_NONE, "", "" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct model_reply reply;
		assert_int_equal(hear_text(&reply, rows[i].text, NULL), CUA_OK);
		assert_int_equal(reply.end, rows[i].end);
		assert_string_equal(reply.code, rows[i].code);
		assert_non_null(strstr(reply.message, rows[i].message));
		model_reply_finish(&reply);
	}
}

static void garbage_is_a_model_error(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"data: garbage\n\n",
		"data: {'candidates':[]} trailing\n\n",
		"data: {'x':'\xc0\xaf'}\n\n",
		"data: {'candidates':[{'content':{'parts':[7]}}]}\n\n",
		"{'x':1}",
		"{'candidates':",
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct model_reply reply;
		assert_int_equal(hear_text(&reply, rows[i], NULL), CUA_ERR_MODEL);
		assert_int_equal(reply.end, MODEL_END_NONE);
		model_reply_finish(&reply);
	}
}

/* --- turns --- */

static void calls_need_no_ids(void **state)
{
	(void)state;
	void *talk = open_talk(&gemini_config);
	struct agent_turn turn =
			turn_of(talk, "[" CLICK "," WAIT ",{'text':'Hm.','thought':true}]");
	assert_int_equal(turn.call_count, 2);
	assert_string_equal(turn.calls[0].id, "fc_1");
	assert_string_equal(turn.calls[1].id, "call_0_1");
	assert_string_equal(turn.words, "Open the menu");
	assert_non_null(strstr(turn.calls[1].problem, "big"));
	agent_turn_finish(&turn);
	turn = turn_of(talk, "[" CALL("", "list_windows", "null", "") "]");
	assert_string_equal(turn.calls[0].id, "call_1_0");
	assert_int_equal(turn.calls[0].kind, AGENT_CALL_FUNCTION);
	assert_string_equal(turn.calls[0].problem, "");
	agent_turn_finish(&turn);
	model_api_gemini.destroy(talk);
}

static void bad_calls_are_told_to_the_model(void **state)
{
	(void)state;
	static const struct {
		const char *part, *problem;
	} rows[] = {
		{ CALL("", "click", "{'x':1003,'y':1}", ""), "0 to 999" },
		{ CALL("", "click", "[1]", ""), "object" },
		{ CALL("", "type", "{'text':'\\u0000'}", ""), "NUL" },
		{ CALL("", "telepathy", "{}", ""), "telepathy" },
		{ CALL("", "focus_window", "{'window':'x'}", ""), "window" },
		{ CALL("", "focus_window", "{'window':1,'window':2}", ""), "\"window\" twice" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		char parts[300];
		void *talk = open_talk(&gemini_config);
		snprintf(parts, sizeof(parts), "[%s]", rows[i].part);
		struct agent_turn turn = turn_of(talk, parts);
		assert_non_null(strstr(turn.calls[0].problem, rows[i].problem));
		agent_turn_finish(&turn);
		model_api_gemini.destroy(talk);
	}
}

static void text_without_calls_is_the_answer(void **state)
{
	(void)state;
	void *talk = open_talk(&gemini_config);
	struct agent_turn turn = turn_of(talk, "[{'text':'Hm.','thought':true},{'text':'Done.'}]");
	assert_int_equal(turn.call_count, 0);
	assert_string_equal(turn.answer, "Done.");
	assert_string_equal(turn.words, "Hm.");
	agent_turn_finish(&turn);
	turn = turn_of(talk, "[]"); /* a candidate without content */
	assert_null(turn.answer);
	agent_turn_finish(&turn);
	model_api_gemini.destroy(talk);
}

#define CLICK_AGAIN CALL("", "click", "{'x':12,'y':980,'intent':'Open the menu'}", "")

/* Models give as the intent of a call what the text before it says. */
static void what_is_said_twice_is_words_once(void **state)
{
	(void)state;
	static const struct {
		const char *parts, *words;
	} rows[] = {
		{ "[{'text':'Open the menu'}," CLICK "]", "Open the menu" },
		{ "[" CLICK "," CLICK_AGAIN "]", "Open the menu" },
		{ "[{'text':'Now.'}," CLICK "]", "Open the menu\nNow." },
	};
	void *talk = open_talk(&gemini_config);
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_turn turn = turn_of(talk, rows[i].parts);
		assert_string_equal(turn.words, rows[i].words);
		agent_turn_finish(&turn);
	}
	model_api_gemini.destroy(talk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_function_has_its_canonical_form),
		cmocka_unit_test(what_was_changed_is_noted),
		cmocka_unit_test(parts_keep_the_bytes_they_came_in),
		cmocka_unit_test(a_stream_cut_anywhere_is_not_completed),
		cmocka_unit_test(streams_end_as_they_say),
		cmocka_unit_test(garbage_is_a_model_error),
		cmocka_unit_test(calls_need_no_ids),
		cmocka_unit_test(bad_calls_are_told_to_the_model),
		cmocka_unit_test(text_without_calls_is_the_answer),
		cmocka_unit_test(what_is_said_twice_is_words_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
