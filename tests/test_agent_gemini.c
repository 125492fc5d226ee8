#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agent/model/gemini_internal.h"
#include "agent/model/retry.h"
#include "cua/base/util.h"
#include "tests/agent_reply.h"

/* JSON is written here with single quotes for double ones. */

#define SCREEN \
	{ \
		1280, 800 \
	}
#define KEY "AIza-secret-0123456789"

static const struct cua_point screen = SCREEN;
static const struct agent_model_config config = { .api = "gemini",
	.model = "gemini-3.8-flash",
	.base_url = "http://127.0.0.1/v1beta",
	.api_key = KEY,
	.session = "run-1",
	.spec = &agent_model_spec_unknown,
	.screen = SCREEN,
	.cancel_fd = -1 };

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
#define CALL(id, name, args, rest) \
	"{'functionCall':{" id "'name':'" name "','args':" args "}" rest "}"
#define CLICK \
	CALL("'id':'fc_1',", "click", "{'x':12,'y':980,'intent':'Open the menu'}", \
			",'thoughtSignature':'CiQB+/=='")
#define WAIT CALL("", "wait", "{'seconds':1, 'big':12345678901234567890}", "")

static enum cua_status hear_text(struct model_reply *reply, const char *text, struct cua_error *why)
{
	CUA_AUTO_FREE char *json = quoted(text);
	return hear(&model_api_gemini, reply, &config, json, strlen(json), 7, why);
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
		assert_int_equal(hear(&model_api_gemini, &reply, &config, text, strlen(text), piece,
						 NULL),
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
	expect_no_end(&model_api_gemini, &config, text, strlen(text) - 1);
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

static void *open_talk(const struct agent_model_config *with)
{
	void *talk = NULL;
	assert_int_equal(model_api_gemini.create(with, &talk, NULL), CUA_OK);
	return talk;
}

/* parts: the elements of a list. */
static struct agent_turn turn_of(void *talk, const char *parts)
{
	struct model_items items = { 0 };
	struct agent_turn turn = { 0 };
	struct cua_error why = { 0 };
	CUA_AUTO_FREE char *json = quoted(parts);
	struct agent_json_span list = { json, strlen(json) }, item;
	size_t at = 0;
	while (agent_json_element(list, &at, &item)) {
		assert_int_equal(model_items_add(&items, item.at, item.len, NULL), CUA_OK);
	}
	if (model_api_gemini.take_turn(talk, &items, &turn, &why) != CUA_OK ||
			model_api_gemini.add_turn(talk, &items, &why) != CUA_OK) {
		fail_msg("%s: %s", parts, why.msg);
	}
	model_items_finish(&items);
	return turn;
}

static void calls_need_no_ids(void **state)
{
	(void)state;
	void *talk = open_talk(&config);
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
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		char parts[300];
		void *talk = open_talk(&config);
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
	void *talk = open_talk(&config);
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

/* --- requests --- */

static char base64[] = "iVBORw0KGgo=";
static const struct agent_image image = {
	.base64 = base64, .media_type = "image/png", .sha256 = "1", .width = 1, .height = 1
};
static const struct agent_image other = {
	.base64 = base64, .media_type = "image/png", .sha256 = "2", .width = 1, .height = 1
};

static char *contents_of(void *talk)
{
	CUA_AUTO_FREE char *body = body_text(&model_api_gemini, talk);
	return strdup(strstr(body, "\"contents\":"));
}

#define PICTURE "{'inlineData':{'mimeType':'image/png','data':'iVBORw0KGgo='}}"

static void answers_name_their_calls(void **state)
{
	(void)state;
	void *talk = open_talk(&config);
	assert_int_equal(model_api_gemini.add_user(talk, "Do it.", &other, NULL), CUA_OK);
	struct agent_turn turn = turn_of(talk, "[" CLICK "," WAIT "]");
	const struct agent_answer answers[] = { { .call = &turn.calls[0], .image = &image },
		{ .call = &turn.calls[1], .image = &other, .problem = "no" } };
	assert_int_equal(
			model_api_gemini.add_answers(talk, answers, 2, "A person looked on.", NULL),
			CUA_OK);
	CUA_AUTO_FREE char *contents = contents_of(talk);
	CUA_AUTO_FREE char *expected = quoted(
			"'contents':[{'role':'user','parts':[{'text':'Do it.'}," PICTURE "]},"
			"{'role':'model','parts':[" CLICK "," WAIT "]},"
			"{'role':'user','parts':[{'functionResponse':{'id':'fc_1','name':'click',"
			"'response':{'output':'ok'},'parts':[" PICTURE "]}},"
			"{'functionResponse':{'name':'wait','response':{'error':'no'},'parts':"
			"[" PICTURE "]}},{'text':'A person looked on.'}]}]}");
	assert_string_equal(contents, expected);
	agent_turn_finish(&turn);
	model_api_gemini.destroy(talk);
}

static int count(const char *text, const char *word)
{
	int found = 0;
	for (; (text = strstr(text, word)); text++) {
		found++;
	}
	return found;
}

static void a_screen_is_not_sent_twice(void **state)
{
	(void)state;
	void *talk = open_talk(&config);
	struct agent_turn turn = turn_of(talk, "[" CLICK "," WAIT "]");
	const struct agent_answer answers[] = { { .call = &turn.calls[0], .image = &image },
		{ .call = &turn.calls[1], .image = &image } };
	assert_int_equal(model_api_gemini.add_answers(talk, answers, 2, NULL, NULL), CUA_OK);
	CUA_AUTO_FREE char *contents = contents_of(talk);
	assert_int_equal(count(contents, "inlineData"), 1);
	agent_turn_finish(&turn);
	model_api_gemini.destroy(talk);
}

static void a_screen_that_stays_is_said_to(void **state)
{
	(void)state;
	static const struct {
		const char *call;
		enum agent_answer_status status;
		bool is_shown;
	} rows[] = { { WAIT, AGENT_ANSWER_OK, false }, { WAIT, AGENT_ANSWER_FAILED, true },
		{ WAIT, AGENT_ANSWER_OK, false }, { WAIT, AGENT_ANSWER_OK, false },
		{ WAIT, AGENT_ANSWER_OK, false }, { WAIT, AGENT_ANSWER_OK, true }, /* at times */
		{ "{'functionCall':{'name':'take_screenshot','args':{}}}", AGENT_ANSWER_OK,
				true } };
	void *talk = open_talk(&config);
	int shown = 1, said = 0;
	assert_int_equal(model_api_gemini.add_user(talk, "Do it.", &image, NULL), CUA_OK);
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		char parts[300];
		snprintf(parts, sizeof(parts), "[%s]", rows[i].call);
		struct agent_turn turn = turn_of(talk, parts);
		const struct agent_answer answer = {
			.call = &turn.calls[0], .status = rows[i].status, .image = &image
		};
		assert_int_equal(
				model_api_gemini.add_answers(talk, &answer, 1, NULL, NULL), CUA_OK);
		shown += rows[i].is_shown;
		said += !rows[i].is_shown;
		CUA_AUTO_FREE char *contents = contents_of(talk);
		assert_int_equal(count(contents, base64), shown);
		assert_int_equal(count(contents, model_unchanged), said);
		agent_turn_finish(&turn);
	}
	model_api_gemini.destroy(talk);
}

/* status, whether a person said yes, whether the answer says so. */
static void consent_goes_back_where_it_was_given(void **state)
{
	(void)state;
	static const struct {
		const char *decision;
		bool asks;
		enum agent_answer_status status;
		bool acknowledged, says;
	} rows[] = {
		{ "require_confirmation", true, AGENT_ANSWER_OK, true, true },
		{ "require_confirmation", true, AGENT_ANSWER_OK, false, false },
		{ "require_confirmation", true, AGENT_ANSWER_NOT_RUN, true, false },
		{ "not_yet_invented", true, AGENT_ANSWER_OK, true, true },
		{ "regular", false, AGENT_ANSWER_OK, true, false },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		char parts[300];
		void *talk = open_talk(&config);
		snprintf(parts, sizeof(parts),
				"[{'functionCall':{'name':'click','args':{'x':500,'y':610,"
				"'safety_decision':{'decision':'%s','explanation':'It sends.'}}}}]",
				rows[i].decision);
		struct agent_turn turn = turn_of(talk, parts);
		assert_string_equal(turn.calls[0].problem, "");
		assert_int_equal(turn.calls[0].safety_checks != NULL, rows[i].asks);
		if (rows[i].asks) {
			CUA_AUTO_FREE char *checks =
					cJSON_PrintUnformatted(turn.calls[0].safety_checks);
			assert_non_null(strstr(checks, "\"message\":\"It sends.\""));
			assert_non_null(strstr(checks, rows[i].decision));
		}
		const struct agent_answer answer = { .call = &turn.calls[0],
			.status = rows[i].status,
			.image = &image,
			.acknowledged = rows[i].acknowledged };
		assert_int_equal(
				model_api_gemini.add_answers(talk, &answer, 1, NULL, NULL), CUA_OK);
		CUA_AUTO_FREE char *contents = contents_of(talk);
		assert_int_equal(count(contents, "\"safety_acknowledgement\":\"true\""),
				rows[i].says);
		agent_turn_finish(&turn);
		model_api_gemini.destroy(talk);
	}
}

/* By steps: in between, what a request begins with is what the one before it began with. */
static void the_oldest_pictures_go_by_steps(void **state)
{
	(void)state;
	static const struct {
		int turns, pictures;
	} rows[] = { { 30, 30 }, { 31, 16 }, { 45, 30 }, { 46, 16 } };
	void *talk = open_talk(&config);
	int turns = 0;
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		for (; turns < rows[i].turns; turns++) {
			assert_int_equal(model_api_gemini.add_user(talk, "Look.", &image, NULL),
					CUA_OK);
			struct agent_turn turn = turn_of(talk, "[" WAIT "]");
			const struct agent_answer answer = { .call = &turn.calls[0],
				.image = &other };
			if (turns == 0) { /* the pictures of answers go, too */
				assert_int_equal(model_api_gemini.add_answers(
								 talk, &answer, 1, NULL, NULL),
						CUA_OK);
				turns++;
			}
			agent_turn_finish(&turn);
		}
		CUA_AUTO_FREE char *contents = contents_of(talk);
		assert_int_equal(count(contents, base64), rows[i].pictures);
		assert_int_equal(count(contents, "Look."), turns - 1);
		assert_int_equal(count(contents, "functionResponse"), 1);
	}
	model_api_gemini.destroy(talk);
}

static void requests_offer_the_tools(void **state)
{
	(void)state;
	struct agent_model_spec spec = agent_model_spec_unknown;
	struct agent_model_config with = config;
	with.spec = &spec;
	for (int legacy = 0; legacy < 2; legacy++) {
		snprintf(spec.tool, sizeof(spec.tool), "%s", legacy ? "legacy" : "desktop");
		void *talk = open_talk(&with);
		CUA_AUTO_JSON cJSON *body = body_json(&model_api_gemini, talk);
		const cJSON *tools = cJSON_GetObjectItem(body, "tools"), *function = NULL;
		CUA_AUTO_FREE char *computer = cJSON_PrintUnformatted(tools->child);
		assert_non_null(strstr(
				computer, legacy ? "ENVIRONMENT_BROWSER" : "ENVIRONMENT_DESKTOP"));
		assert_non_null(strstr(computer, legacy ? "\"navigate\"" : "\"key_down\""));
		const cJSON *functions = cJSON_GetObjectItem(
				cJSON_GetArrayItem(tools, 1), "functionDeclarations");
		assert_true(cJSON_GetArraySize(functions) > 5);
		cJSON_ArrayForEach (function, functions) {
			assert_false(gemini_has_action(
					cJSON_GetObjectItem(function, "name")->valuestring));
		}
		model_api_gemini.destroy(talk);
	}
}

static void a_probe_is_small(void **state)
{
	(void)state;
	struct agent_model_config with = config;
	with.is_probe = true;
	void *talk = open_talk(&with);
	CUA_AUTO_JSON cJSON *body = body_json(&model_api_gemini, talk);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(body, "tools")), 1);
	assert_int_equal(cJSON_GetObjectItem(cJSON_GetObjectItem(body, "generationConfig"),
					 "maxOutputTokens")
					 ->valueint,
			16);
	assert_null(cJSON_GetObjectItem(body, "systemInstruction"));
	model_api_gemini.destroy(talk);
}

/* --- errors --- */

static void servers_quirks_are_learned_once(void **state)
{
	(void)state;
	static const struct {
		const char *message, *gone;
	} rows[] = {
		{ "Unknown name \"enablePromptInjectionDetection\"",
				"enablePromptInjectionDetection" },
		{ "Thinking is not supported for this model.", "includeThoughts" },
		{ "computer_use.environment: unsupported", "ENVIRONMENT_DESKTOP" },
	};
	void *talk = open_talk(&config);
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct model_failure failure = { .http_status = 400, .is_refused = true };
		snprintf(failure.message, sizeof(failure.message), "%s", rows[i].message);
		CUA_AUTO_JSON cJSON *before = body_json(&model_api_gemini, talk);
		assert_true(model_api_gemini.learn(talk, &failure));
		assert_false(model_api_gemini.learn(talk, &failure));
		CUA_AUTO_JSON cJSON *after = body_json(&model_api_gemini, talk);
		CUA_AUTO_FREE char *had = cJSON_PrintUnformatted(before);
		CUA_AUTO_FREE char *has = cJSON_PrintUnformatted(after);
		assert_non_null(strstr(had, rows[i].gone));
		assert_null(strstr(has, rows[i].gone));
	}
	model_api_gemini.destroy(talk);
}

#define DETAIL(type, rest) "{'@type':'type.googleapis.com/google.rpc." type "'," rest "}"

static void quotas_say_whether_and_when(void **state)
{
	(void)state;
	static const struct {
		const char *details;
		bool is_wanted;
		double delay_ms; /* 0: as without */
	} rows[] = {
		{ DETAIL("RetryInfo", "'retryDelay':'37s'"), true, 37000 },
		{ DETAIL("RetryInfo", "'retryDelay':'0.5s'"), true, 500 },
		{ DETAIL("RetryInfo", "'retryDelay':7"), true, 0 },
		{ DETAIL("QuotaFailure", "'violations':[{'quotaId':'RequestsPerMinute'}]"), true,
				0 },
		{ DETAIL("QuotaFailure",
				  "'violations':[{'quotaId':'"
				  "RequestsPerDayPerModel'}]") "," DETAIL("RetryInf"
									  "o",
				  "'retryDelay':'37s'"),
				false, 37000 },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		char text[400];
		struct model_failure failure = { .http_status = 429 };
		snprintf(text, sizeof(text), "{'error':{'code':429,'details':[%s]}}",
				rows[i].details);
		CUA_AUTO_FREE char *json = quoted(text);
		CUA_AUTO_JSON cJSON *body = cJSON_Parse(json);
		model_api_gemini.read_error(body, &failure);
		const struct agent_retry_facts facts = { .http_status = 429,
			.should_retry = failure.should_retry,
			.retry_after = failure.retry_after };
		assert_int_equal(agent_retry_wanted(&facts), rows[i].is_wanted);
		double delay_ms = agent_retry_delay_ms(&facts, 0, 1, 0);
		double expected = rows[i].delay_ms > 0 ? rows[i].delay_ms : 500;
		assert_true(delay_ms > expected - 1 && delay_ms < expected + 1);
	}
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
		cmocka_unit_test(answers_name_their_calls),
		cmocka_unit_test(a_screen_is_not_sent_twice),
		cmocka_unit_test(a_screen_that_stays_is_said_to),
		cmocka_unit_test(consent_goes_back_where_it_was_given),
		cmocka_unit_test(the_oldest_pictures_go_by_steps),
		cmocka_unit_test(requests_offer_the_tools),
		cmocka_unit_test(a_probe_is_small),
		cmocka_unit_test(servers_quirks_are_learned_once),
		cmocka_unit_test(quotas_say_whether_and_when),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
