#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agent/model/anthropic_internal.h"
#include "cua/base/util.h"
#include "tests/agent_reply.h"

/* What comes back: members of the toolset, and blocks. Streams are in
 * test_agent_anthropic_stream.c, what is sent in test_agent_anthropic_talk.c. JSON is written with
 * ' for ". */

#define SCREEN \
	{ \
		1280, 800 \
	}

static const struct cua_point screen = SCREEN;
static const struct agent_model_config config = REPLY_CONFIG("anthropic");

static cJSON *parsed(const char *text)
{
	CUA_AUTO_FREE char *json = quoted(text);
	cJSON *parsed = cJSON_Parse(json);
	assert_non_null(parsed);
	return parsed;
}

/* --- members --- */

/* ours: the canonical actions, or a part of the error. */
static const struct {
	const char *member, *input, *ours;
} mappings[] = {
	{ "screenshot", "{}", "[{'action':'screenshot'}]" },
	{ "left_click", "{'coordinate':[412,230]}",
			"[{'action':'click','button':'left','x':412,'y':230}]" },
	{ "left_click", "{}", "[{'action':'click','button':'left'}]" },
	{ "left_click", "{'coordinate':null,'text':null}", "[{'action':'click','button':'left'}]" },
	{ "right_click", "{'coordinate':[0,0],'text':'ctrl+shift'}",
			"[{'action':'click','button':'right','x':0,'y':0,'keys':'ctrl+shift'}]" },
	{ "right_click", "{'coordinate':[0,0],'key':'super','text':''}",
			"[{'action':'click','button':'right','x':0,'y':0}]" },
	{ "middle_click", "{'coordinate':[1279,799],'key':'alt'}",
			"[{'action':'click','button':'middle','x':1279,'y':799,'keys':'alt'}]" },
	{ "double_click", "{'coordinate':[5,6]}",
			"[{'action':'click','button':'left','count':2,'x':5,'y':6}]" },
	{ "triple_click", "{'coordinate':[5,6]}",
			"[{'action':'click','button':'left','count':3,'x':5,'y':6}]" },
	{ "left_click", "{'coordinate':[1280,1]}", "0 to 1279" },
	{ "left_click", "{'coordinate':[-1,1]}", "0 to 1279" },
	{ "left_click", "{'coordinate':[1e300,1]}", "0 to 1279" },
	{ "left_click", "{'coordinate':[1.5,1]}", "integer" },
	{ "left_click", "{'coordinate':['1',1]}", "integer" },
	{ "left_click", "{'coordinate':[null,1]}", "integer" },
	{ "left_click", "{'coordinate':[1]}", "[x, y]" },
	{ "left_click", "{'coordinate':{'x':1,'y':1}}", "[x, y]" },
	{ "left_click", "{'coordinate':[1,1],'text':'nosuchkey'}", "nosuchkey" },
	{ "left_click_drag", "{'start_coordinate':[1,2],'coordinate':[3,4],'text':'shift'}",
			"[{'action':'drag','path':[[1,2],[3,4]],'keys':'shift'}]" },
	{ "left_click_drag", "{'coordinate':[3,4]}",
			"[{'action':'mouse_down'},{'action':'move','x':3,'y':4},"
			"{'action':'mouse_up'}]" },
	{ "left_click_drag", "{'start_coordinate':[1,2]}", "coordinate is missing" },
	{ "left_click_drag", "{'start_coordinate':[1,2],'coordinate':[3,800]}", "0 to 799" },
	{ "mouse_move", "{'coordinate':[7,8]}", "[{'action':'move','x':7,'y':8}]" },
	{ "mouse_move", "{}", "coordinate is missing" },
	{ "left_mouse_down", "{}", "[{'action':'mouse_down','button':'left'}]" },
	{ "left_mouse_up", "{}", "[{'action':'mouse_up','button':'left'}]" },
	{ "cursor_position", "{}", "[{'action':'cursor_position'}]" },
	{ "scroll", "{'scroll_direction':'down','scroll_amount':3,'coordinate':[1,2]}",
			"[{'action':'scroll','scroll_y':3,'x':1,'y':2}]" },
	{ "scroll", "{'scroll_direction':'up','scroll_amount':1,'text':'ctrl'}",
			"[{'action':'scroll','scroll_y':-1,'keys':'ctrl'}]" },
	{ "scroll", "{'scroll_direction':'left','scroll_amount':2}",
			"[{'action':'scroll','scroll_x':-2}]" },
	{ "scroll", "{'scroll_direction':'right','scroll_amount':2}",
			"[{'action':'scroll','scroll_x':2}]" },
	{ "scroll", "{'scroll_direction':'around','scroll_amount':2}", "around" },
	{ "scroll", "{'scroll_amount':2}", "scroll_direction" },
	{ "scroll", "{'scroll_direction':'down'}", "scroll_amount" },
	{ "scroll", "{'scroll_direction':'down','scroll_amount':0}", "scroll_amount" },
	{ "scroll", "{'scroll_direction':'down','scroll_amount':-3}", "scroll_amount" },
	{ "scroll", "{'scroll_direction':'down','scroll_amount':1.5}", "scroll_amount" },
	{ "type", "{'text':'hello\\n'}", "[{'action':'type','text':'hello\\n'}]" },
	{ "type", "{}", "text is missing" },
	{ "type", "{'text':7}", "text" },
	{ "key", "{'text':'ctrl+s'}", "[{'action':'key','keys':'ctrl+s'}]" },
	{ "key", "{'text':'PageDown','repeat':3}",
			"[{'action':'key','keys':'PageDown','count':3}]" },
	{ "key", "{'text':'Return','repeat':null}", "[{'action':'key','keys':'Return'}]" },
	{ "key", "{'text':'Return','repeat':101}", "count" },
	{ "key", "{'text':'Return','repeat':0}", "count" },
	{ "key", "{'text':'nosuchkey'}", "nosuchkey" },
	{ "key", "{}", "text is missing" },
	{ "hold_key", "{'text':'w','duration':1.5}",
			"[{'action':'hold_key','keys':'w','duration_ms':1500}]" },
	{ "hold_key", "{'text':'w','duration':61}", "60 seconds" },
	{ "hold_key", "{'text':'w'}", "duration" },
	{ "wait", "{'duration':0.25}", "[{'action':'wait','duration_ms':250}]" },
	{ "wait", "{'duration':0}", "[{'action':'wait','duration_ms':0}]" },
	{ "wait", "{'duration':130}",
			"[{'action':'wait','duration_ms':60000},{'action':'wait',"
			"'duration_ms':60000},{'action':'wait','duration_ms':10000}]" },
	{ "wait", "{'duration':301}", "0 to 300" },
	{ "wait", "{'duration':-1}", "0 to 300" },
	{ "wait", "{'duration':'long'}", "0 to 300" },
	{ "zoom", "{'region':[100,200,420,360]}",
			"[{'action':'screenshot','region':[100,200,320,160],'width':1280,"
			"'level':'small'}]" },
	{ "zoom", "{'region':[0,0,100,800]}",
			"[{'action':'screenshot','region':[0,0,100,800],'height':800,"
			"'level':'small'}]" },
	{ "zoom", "{'region':[0,0,1280,800]}",
			"[{'action':'screenshot','region':[0,0,1280,800],'width':1280,"
			"'level':'small'}]" },
	{ "zoom", "{'region':[0,0,1281,800]}", "1280x800" },
	{ "zoom", "{'region':[10,10,10,20]}", "empty" },
	{ "zoom", "{'region':[20,10,10,20]}", "empty" },
	{ "zoom", "{'region':[0,0,1]}", "region must be" },
	{ "zoom", "{}", "region must be" },
	{ "zoom", "{'region':[0,0,'a',1]}", "region must be" },
	{ "dance", "{}", "dance" },
};

static void each_member_has_its_canonical_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(mappings); i++) {
		CUA_AUTO_JSON cJSON *input = parsed(mappings[i].input);
		CUA_AUTO_JSON cJSON *ours = cJSON_CreateArray();
		struct cua_error why = { 0 };
		char note[512] = "";
		enum cua_status status = anthropic_map_member(
				mappings[i].member, input, screen, ours, note, sizeof(note), &why);
		if (mappings[i].ours[0] != '[' || mappings[i].ours[1] != '{') {
			assert_int_equal(status, CUA_ERR_INVAL);
			if (!strstr(why.msg, mappings[i].ours)) {
				fail_msg("%s %s: %s", mappings[i].member, mappings[i].input,
						why.msg);
			}
			continue;
		}
		CUA_AUTO_JSON cJSON *expected = parsed(mappings[i].ours);
		CUA_AUTO_FREE char *got = cJSON_PrintUnformatted(ours);
		if (status != CUA_OK || !cJSON_Compare(ours, expected, true)) {
			fail_msg("%s %s: %s %s", mappings[i].member, mappings[i].input, got,
					why.msg);
		}
		assert_string_equal(note, "");
	}
}

static void long_scrolls_are_shortened_and_reported(void **state)
{
	(void)state;
	CUA_AUTO_JSON cJSON *input = parsed("{'scroll_direction':'up','scroll_amount':100}");
	CUA_AUTO_JSON cJSON *ours = cJSON_CreateArray();
	CUA_AUTO_JSON cJSON *expected = parsed("[{'action':'scroll','scroll_y':-30}]");
	char note[512] = "";
	assert_int_equal(anthropic_map_member(
					 "scroll", input, screen, ours, note, sizeof(note), NULL),
			CUA_OK);
	assert_true(cJSON_Compare(ours, expected, true));
	assert_non_null(strstr(note, "100 wheel clicks"));
}

static void results_say_what_the_vendor_says(void **state)
{
	(void)state;
	static const struct {
		const char *member, *input, *results, *words;
	} rows[] = {
		{ "left_click", "{}", "[{'status':'delivered'}]", "Clicked." },
		{ "left_click", "{}", "[{'status':'no_visible_effect'}]",
				"Clicked. Nothing on the screen changed." },
		{ "key", "{'text':'ctrl+s'}", "[]", "Pressed ctrl+s." },
		{ "key", "{'text':'{duration}%s'}", "[]", "Pressed {duration}%s." },
		{ "hold_key", "{'text':'w','duration':1.5}", "[]", "Held w for 1.5s." },
		{ "wait", "{'duration':2}", "[]", "Waited 2s." },
		{ "scroll", "{'scroll_direction':'down'}", "[]", "Scrolled down." },
		{ "cursor_position", "{}", "[{'x':12,'y':0}]", "X=12,Y=0" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		CUA_AUTO_JSON cJSON *input = parsed(rows[i].input);
		CUA_AUTO_JSON cJSON *results = parsed(rows[i].results);
		CUA_AUTO_BUFFER struct cua_buffer words;
		cua_buffer_init(&words, 1000);
		assert_int_equal(anthropic_member_words(
						 rows[i].member, input, results, &words, NULL),
				CUA_OK);
		assert_string_equal(words.data, rows[i].words);
	}
}

/* --- blocks to a turn --- */

static enum cua_status turn_of(struct anthropic *talk, const char *text, struct agent_turn *turn,
		struct cua_error *why)
{
	CUA_AUTO_FREE char *json = quoted(text);
	struct model_items items = { 0 };
	struct agent_json_span list = { json, strlen(json) }, item;
	size_t at = 0;
	talk->config = talk->config ? talk->config : &config;
	if (!talk->tool[0]) {
		snprintf(talk->tool, sizeof(talk->tool), "%s", ANTHROPIC_TOOLSET);
	}
	while (agent_json_element(list, &at, &item)) {
		assert_int_equal(model_items_add(&items, item.at, item.len, NULL), CUA_OK);
	}
	enum cua_status status = anthropic_take_turn(talk, &items, turn, why);
	model_items_finish(&items);
	return status;
}

#define MEMBER(id, name, input) \
	"{'type':'tool_use','id':'" id "','name':'" name \
	"','toolset_name':'computer','caller':{'type':'direct'},'input':" input "}"
#define FUNCTION(id, name, input) \
	"{'type':'tool_use','id':'" id "','name':'" name "','input':" input "}"
#define TEXT(text) "{'type':'text','text':'" text "'}"
#define THOUGHT "{'type':'thinking','thinking':'The icon is at the left.','signature':'EqQB'}"

static void each_block_is_a_call(void **state)
{
	(void)state;
	struct anthropic talk = { 0 };
	struct agent_turn turn;
	assert_int_equal(
			turn_of(&talk,
					"[" THOUGHT "," MEMBER("t1", "left_click",
							"{'coordinate':[412,230]}") ","
										    "{'type':'not_"
										    "yet_invented',"
										    "'x':1}"
										    "," MEMBER("t2", "type", "{'text':'hello'}") "," FUNCTION(
												    "t3",
												    "list_windows",
												    "{}") "]",
					&turn, NULL),
			CUA_OK);
	assert_int_equal(turn.call_count, 3);
	assert_string_equal(turn.calls[0].id, "t1");
	assert_int_equal(turn.calls[0].kind, AGENT_CALL_COMPUTER);
	assert_string_equal(turn.calls[0].name, "left_click");
	assert_string_equal(turn.calls[0].arguments, "{\"coordinate\":[412,230]}");
	assert_int_equal(cJSON_GetArraySize(turn.calls[0].actions), 1);
	assert_int_equal(turn.calls[2].kind, AGENT_CALL_FUNCTION);
	assert_string_equal(turn.words, "The icon is at the left.");
	assert_null(turn.answer);
	agent_turn_finish(&turn);
}

static void the_older_tool_names_its_action_in_the_input(void **state)
{
	(void)state;
	struct anthropic talk = { .tool = "computer_20251124" };
	struct agent_turn turn;
	assert_int_equal(
			turn_of(&talk,
					"[" FUNCTION("t1", "computer",
							"{'action':'key','text':'a'}") "," FUNCTION("t2",
							"computer",
							"{'action':'dance'}") "," FUNCTION("t3",
							"computer", "{}") "]",
					&turn, NULL),
			CUA_OK);
	assert_int_equal(turn.calls[0].kind, AGENT_CALL_COMPUTER);
	CUA_AUTO_FREE char *first = cJSON_PrintUnformatted(turn.calls[0].actions);
	assert_string_equal(first, "[{\"action\":\"key\",\"keys\":\"a\"}]");
	assert_non_null(strstr(turn.calls[1].problem, "dance"));
	assert_true(turn.calls[2].problem[0]);
	agent_turn_finish(&turn);
}

/* A function may have the name of a member; the mark alone tells. */
static void a_member_without_its_mark_is_a_function(void **state)
{
	(void)state;
	struct anthropic talk = { 0 };
	struct agent_turn turn;
	assert_int_equal(turn_of(&talk, "[" FUNCTION("t1", "left_click", "{}") "]", &turn, NULL),
			CUA_OK);
	assert_non_null(strstr(turn.calls[0].problem, "no function"));
	agent_turn_finish(&turn);
}

static void a_shell_is_a_function_where_it_is_offered(void **state)
{
	(void)state;
	struct agent_model_config with = config;
	struct anthropic talk = { .config = &with };
	struct agent_turn turn;
	static const char calls[] = "[" FUNCTION("t1", "bash", "{'command':'ls'}") "," FUNCTION(
			"t2", "str_replace_based_edit_tool", "{'command':'view','path':'/x'}") "]";
	assert_int_equal(turn_of(&talk, calls, &turn, NULL), CUA_OK);
	assert_non_null(strstr(turn.calls[0].problem, "no function"));
	assert_non_null(strstr(turn.calls[1].problem, "no function"));
	agent_turn_finish(&turn);

	CUA_AUTO_JSON cJSON *functions =
			cJSON_Parse("[{\"name\":\"bash\"},{\"name\":\"text_editor\"}]");
	with.functions = functions;
	assert_int_equal(turn_of(&talk, calls, &turn, NULL), CUA_OK);
	assert_int_equal(turn.calls[0].kind, AGENT_CALL_TOOL);
	assert_string_equal(turn.calls[0].tool, "bash");
	assert_string_equal(turn.calls[1].tool, "text_editor");
	CUA_AUTO_FREE char *arguments = cJSON_PrintUnformatted(turn.calls[1].tool_arguments);
	assert_string_equal(arguments, "{\"command\":\"view\",\"path\":\"/x\"}");
	assert_string_equal(turn.calls[0].name, "bash");
	assert_string_equal(turn.calls[0].arguments, "{\"command\":\"ls\"}");
	assert_string_equal(turn.calls[0].problem, "");
	assert_string_equal(turn.calls[1].problem, "");
	agent_turn_finish(&turn);
}

static void what_is_wrong_with_a_call_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *blocks, *problem;
	} rows[] = {
		{ "[" MEMBER("t", "left_click", "{'coordinate':[9999,1]}") "]", "0 to 1279" },
		{ "[" MEMBER("t", "fly", "{}") "]", "fly" },
		{ "[" MEMBER("t", "type", "{'text':'a\\u0000b'}") "]", "NUL" },
		{ "[" FUNCTION("t", "rm", "{}") "]", "no function" },
		{ "[" FUNCTION("t", "open_url", "{}") "]", "url is missing" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct anthropic talk = { 0 };
		struct agent_turn turn;
		assert_int_equal(turn_of(&talk, rows[i].blocks, &turn, NULL), CUA_OK);
		assert_non_null(strstr(turn.calls[0].problem, rows[i].problem));
		agent_turn_finish(&turn);
	}
}

static void malformed_turns_are_model_errors(void **state)
{
	(void)state;
	static const struct {
		const char *blocks, *error;
	} rows[] = {
		{ "[{'type':'tool_use','name':'bash','input':{}}]", "no id" },
		{ "[" FUNCTION("t", "list_windows", "{}") "," MEMBER("t", "wait", "{}") "]",
				"two calls" },
		{ "[{'type':'tool_use','id':'t','name':'wait','toolset_name':'computer'}]",
				"no input" },
		{ "[" FUNCTION("t", "list_windows", "[]") "]", "no input" },
		{ "[" FUNCTION("t", "list_windows", "'{}'") "]", "no input" },
		{ "[{'type':'tool_use','id':'t','name':'find','toolset_name':'browser',"
		  "'input':{}}]",
				"not offered" },
		{ "[{'id':'t'}]", "no type" },
		{ "[7]", "no type" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct anthropic talk = { 0 };
		struct agent_turn turn = { 0 };
		struct cua_error why = { 0 };
		assert_int_equal(turn_of(&talk, rows[i].blocks, &turn, &why), CUA_ERR_MODEL);
		assert_non_null(strstr(why.msg, rows[i].error));
		assert_null(turn.calls);
	}
}

static void a_thousand_calls_are_not_run(void **state)
{
	(void)state;
	for (int count = 257; count <= 1001; count += 744) {
		struct anthropic talk = { 0 };
		struct agent_turn turn = { 0 };
		struct cua_error why = { 0 };
		CUA_AUTO_BUFFER struct cua_buffer blocks;
		cua_buffer_init(&blocks, 1 << 20);
		for (int i = 0; i < count; i++) {
			assert_int_equal(cua_buffer_printf(&blocks, NULL,
							 "%s{'type':'tool_use','id':'t%d','name':"
							 "'screenshot','toolset_name':'computer',"
							 "'input':{}}",
							 i ? "," : "[", i),
					CUA_OK);
		}
		assert_int_equal(cua_buffer_append(&blocks, "]", 1, NULL), CUA_OK);
		enum cua_status status = turn_of(&talk, blocks.data, &turn, &why);
		if (count > 1000) {
			assert_int_equal(status, CUA_ERR_MODEL);
			continue;
		}
		assert_int_equal(status, CUA_OK);
		assert_string_equal(turn.calls[255].problem, "");
		assert_non_null(strstr(turn.calls[256].problem, "256 actions"));
		agent_turn_finish(&turn);
	}
}

static void words_are_the_answer_where_nothing_is_called(void **state)
{
	(void)state;
#define END(reason) "{'type':'message','id':'m','stop_reason':'" reason "'}"
	static const struct {
		const char *blocks, *answer, *words;
	} rows[] = {
		{ "[" THOUGHT "," TEXT("Done.") "," END("end_turn") "]", "Done.",
				"The icon is at the left." },
		{ "[" TEXT("Clicking.") "," MEMBER("t", "screenshot", "{}") "," END("end_turn") "]",
				NULL, "Clicking." },
		{ "[" TEXT("I look it up.") "," END("pause_turn") "]", NULL, "I look it up." },
		{ "[" END("end_turn") "]", NULL, "" },
		{ "[{'type':'redacted_thinking','data':'x'}," END("end_turn") "]", NULL, "" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct anthropic talk = { 0 };
		struct agent_turn turn;
		assert_int_equal(turn_of(&talk, rows[i].blocks, &turn, NULL), CUA_OK);
		assert_int_equal(turn.answer != NULL, rows[i].answer != NULL);
		if (turn.answer) {
			assert_string_equal(turn.answer, rows[i].answer);
		}
		assert_string_equal(turn.words, rows[i].words);
		agent_turn_finish(&turn);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_member_has_its_canonical_form),
		cmocka_unit_test(long_scrolls_are_shortened_and_reported),
		cmocka_unit_test(results_say_what_the_vendor_says),
		cmocka_unit_test(each_block_is_a_call),
		cmocka_unit_test(the_older_tool_names_its_action_in_the_input),
		cmocka_unit_test(a_member_without_its_mark_is_a_function),
		cmocka_unit_test(a_shell_is_a_function_where_it_is_offered),
		cmocka_unit_test(what_is_wrong_with_a_call_is_told),
		cmocka_unit_test(malformed_turns_are_model_errors),
		cmocka_unit_test(a_thousand_calls_are_not_run),
		cmocka_unit_test(words_are_the_answer_where_nothing_is_called),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
