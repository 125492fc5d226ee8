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

/* What comes back: members of the toolset, blocks, streams. What is sent is in
 * test_agent_anthropic_talk.c. JSON is written with ' for ". */

#define SCREEN \
	{ \
		1280, 800 \
	}
#define KEY "sk-ant-secret-0123456789"

static const struct cua_point screen = SCREEN;
static const struct agent_model_config config = { .api = "anthropic",
	.model = "m",
	.base_url = "http://127.0.0.1",
	.api_key = KEY,
	.spec = &agent_model_spec_unknown,
	.session = "run-1",
	.screen = SCREEN,
	.cancel_fd = -1 };

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

	with.has_shell = with.has_editor = true;
	assert_int_equal(turn_of(&talk, calls, &turn, NULL), CUA_OK);
	assert_int_equal(turn.calls[0].kind, AGENT_CALL_FUNCTION);
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
		assert_non_null(strstr(turn.calls[256].problem, "256 calls"));
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

/* --- streams: an event a line --- */

/* What comes over the wire. */
static char *wire(const char *lines)
{
	CUA_AUTO_FREE char *text = quoted(lines);
	struct cua_buffer stream;
	cua_buffer_init(&stream, 1 << 20);
	for (char *rest = NULL, *line = strtok_r(text, "\n", &rest); line;
			line = strtok_r(NULL, "\n", &rest)) {
		assert_int_equal(cua_buffer_printf(&stream, NULL, "event: x\ndata: %s\n\n", line),
				CUA_OK);
	}
	return stream.data;
}

#define START \
	"{'type':'message_start','message':{'id':'msg_01','content':[],'stop_reason':null," \
	"'usage':{'input_tokens':412,'cache_creation_input_tokens':100," \
	"'cache_read_input_tokens':5200,'output_tokens':1}}}\n"
#define BLOCK(block) "{'type':'content_block_start','index':0,'content_block':" block "}\n"
#define DELTA(delta) "{'type':'content_block_delta','index':0,'delta':" delta "}\n"
#define STOP "{'type':'content_block_stop','index':0}\n"
#define INPUT(json) DELTA("{'type':'input_json_delta','partial_json':'" json "'}")
#define SAYS(text) \
	BLOCK("{'type':'text','text':''}") DELTA("{'type':'text_delta','text':'" text "'}") STOP
#define CALL(id, name) \
	"{'type':'tool_use','id':'" id "','name':'" name "','toolset_name':'computer'," \
	"'big':12345678901234567890,'input':{}}"
#define ERROR(type) "{'type':'error','error':{'type':'" type "','message':'Overloaded'}}\n"
#define LAST(reason) \
	"{'type':'message_delta','delta':{'stop_reason':" reason ",'stop_sequence':null}," \
	"'usage':{'output_tokens':160,'input_tokens':null," \
	"'output_tokens_details':{'thinking_tokens':60}}}\n" \
	"{'type':'message_stop'}\n"

/* With pings, empty pieces, and escapes that must stay as they are. */
#define THINKING_BLOCK \
	"{'type':'ping'}\n" \
	"{'type':'content_block_start','index':0,'content_block':" \
	"{'type':'thinking','thinking':'','signature':''}}\n" \
	"{'type':'content_block_delta','index':0,'delta':" \
	"{'type':'thinking_delta','thinking':'The \\u00e9ditor '}}\n" \
	"{'type':'content_block_delta','index':0,'delta':" \
	"{'type':'thinking_delta','thinking':'is \\'left\\'.'}}\n" \
	"{'type':'content_block_delta','index':0,'delta':" \
	"{'type':'signature_delta','signature':'EqQB+\\/='}}\n" \
	"{'type':'content_block_stop','index':0}\n"
#define CALL_BLOCKS \
	"{'type':'content_block_start','index':1,'content_block':" CALL("t1", \
			"type") "}\n" \
				"{'type':'content_block_delta','index':1,'delta':" \
				"{'type':'input_json_delta','partial_json':''}}\n" \
				"{'type':'content_block_delta','index':1,'delta':" \
				"{'type':'input_json_delta','partial_json':'{\\'text\\':'}}\n" \
				"{'type':'ping'}\n" \
				"{'type':'content_block_delta','index':1,'delta':" \
				"{'type':'input_json_delta','partial_json':'\\'hello\\'}'}}\n" \
				"{'type':'content_block_stop','index':1}\n" \
				"{'type':'content_block_start','index':2,'content_block':" CALL( \
						"t2", "screenshot") "}\n" \
								    "{'type':'content_block_" \
								    "delta','index':2,'delta':" \
								    "{'type':'input_json_delta','" \
								    "partial_json':''}}\n" \
								    "{'type':'content_block_stop'" \
								    ",'index':2}\n"
#define BLOCKS THINKING_BLOCK CALL_BLOCKS

static const char recorded[] = START BLOCKS LAST("'tool_use'");

static enum cua_status hear_lines(struct model_reply *reply, const struct agent_model_config *with,
		const char *lines, size_t piece, struct cua_error *why)
{
	CUA_AUTO_FREE char *text = wire(lines);
	return hear(&model_api_anthropic, reply, with, text, strlen(text), piece, why);
}

static void assert_item(const struct model_reply *reply, size_t at, const char *expected)
{
	CUA_AUTO_FREE char *json = quoted(expected);
	assert_true(at < reply->items.count);
	assert_string_equal(reply->items.texts[at], json);
}

static void blocks_keep_the_bytes_they_came_in(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 70; piece += 3) {
		struct model_reply reply;
		assert_int_equal(hear_lines(&reply, &config, recorded, piece, NULL), CUA_OK);
		assert_int_equal(reply.end, MODEL_END_COMPLETED);
		assert_int_equal(reply.items.count, 4);
		assert_item(&reply, 0,
				"{'type':'thinking','thinking':'The \\u00e9ditor is \\'left\\'.',"
				"'signature':'EqQB+\\/='}");
		assert_item(&reply, 1,
				"{'type':'tool_use','id':'t1','name':'type','toolset_name':"
				"'computer','big':12345678901234567890,'input':{'text':'hello'}}");
		assert_item(&reply, 2, CALL("t2", "screenshot"));
		assert_item(&reply, 3, "{'type':'message','id':'msg_01','stop_reason':'tool_use'}");
		model_reply_finish(&reply);
	}
}

/* The API counts what no cache had; ours is all of it. */
static void usage_counts_what_caches_had(void **state)
{
	(void)state;
	struct model_reply reply;
	assert_int_equal(hear_lines(&reply, &config, recorded, 1000, NULL), CUA_OK);
	assert_int_equal((int)reply.usage.input_tokens, 412 + 100 + 5200);
	assert_int_equal((int)reply.usage.cached_tokens, 5200);
	assert_int_equal((int)reply.usage.cache_write_tokens, 100);
	assert_int_equal((int)reply.usage.output_tokens, 160);
	assert_int_equal((int)reply.usage.reasoning_tokens, 60);
	model_reply_finish(&reply);
}

static void a_stream_cut_anywhere_is_not_completed(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *text = wire(recorded);
	for (size_t len = 0; len < strlen(text); len++) {
		struct model_reply reply;
		assert_int_equal(hear(&model_api_anthropic, &reply, &config, text, len, 64, NULL),
				CUA_OK);
		assert_int_equal(reply.end, MODEL_END_NONE);
		model_reply_finish(&reply);
	}
}

static void streams_end_as_they_say(void **state)
{
	(void)state;
	static const struct {
		const char *lines;
		enum model_end end;
		const char *code, *message;
	} rows[] = {
		{ START BLOCKS ERROR("overloaded_error"), MODEL_END_FAILED, "overloaded_error",
				"Overloaded" },
		{ START BLOCKS LAST("'max_tokens'"), MODEL_END_CUT, "", "" },
		{ START BLOCK(CALL("t", "type")) INPUT("{\\'text\\':\\'he")
						STOP LAST("'max_tokens'"),
				MODEL_END_CUT, "", "" },
		{ START BLOCKS LAST("'refusal','stop_details':{'type':'refusal','category':"
				    "'cyber','explanation':'No, " KEY ".'}"),
				MODEL_END_REFUSED, "", "cyber: No, ****" },
		{ START BLOCKS LAST("'refusal'"), MODEL_END_REFUSED, "", "" },
		{ START BLOCKS LAST("'model_context_window_exceeded'"), MODEL_END_FAILED,
				"model_context_window_exceeded", "longer" },
		{ START BLOCKS LAST("'something_new'"), MODEL_END_FAILED, "something_new", "" },
		{ START BLOCKS LAST("null"), MODEL_END_NONE, "", "" },
		{ START BLOCKS LAST("'end_turn'"), MODEL_END_COMPLETED, "", "" },
		{ START BLOCKS LAST("'stop_sequence'"), MODEL_END_COMPLETED, "", "" },
		{ START BLOCKS LAST("'pause_turn'"), MODEL_END_COMPLETED, "", "" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct model_reply reply;
		assert_int_equal(hear_lines(&reply, &config, rows[i].lines, 50, NULL), CUA_OK);
		assert_int_equal(reply.end, rows[i].end);
		assert_string_equal(reply.code, rows[i].code);
		assert_non_null(strstr(reply.message, rows[i].message));
		assert_null(strstr(reply.message, KEY));
		model_reply_finish(&reply);
	}
}

static void tangled_streams_are_model_errors(void **state)
{
	(void)state;
	static const char other[] = "{'type':'content_block_delta','index':1,'delta':{}}\n";
	static const struct {
		const char *lines, *after, *error;
	} rows[] = {
		{ START BLOCK(CALL("a", "type")), BLOCK(CALL("b", "type")), "before another" },
		{ START BLOCK(CALL("a", "type")), other, "not open" },
		{ START, INPUT("{}"), "not open" },
		{ START, STOP, "not open" },
		{ START, "{'type':'content_block_start','index':0}\n", "no block" },
		{ START BLOCK(CALL("a", "type")), INPUT("a\\u0000b"), "NUL" },
		{ START BLOCK(CALL("a", "type")), INPUT("{\\'text\\':") STOP LAST("'tool_use'"),
				"no object" },
		{ START BLOCK(CALL("a", "type")), INPUT("[]") STOP LAST("'tool_use'"),
				"no object" },
		{ START, "{'type':\n", "JSON" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct model_reply reply;
		struct cua_error why = { 0 };
		CUA_AUTO_BUFFER struct cua_buffer lines;
		cua_buffer_init(&lines, 1 << 20);
		assert_int_equal(cua_buffer_printf(&lines, NULL, "%s%s", rows[i].lines,
						 rows[i].after),
				CUA_OK);
		assert_int_equal(hear_lines(&reply, &config, lines.data, 50, &why), CUA_ERR_MODEL);
		assert_non_null(strstr(why.msg, rows[i].error));
		assert_int_equal(reply.end, MODEL_END_NONE);
		model_reply_finish(&reply);
	}
}

static void what_is_not_known_is_kept(void **state)
{
	(void)state;
	static const char cited[] = "{'type':'sparkle'}\n"
				    "{'type':'content_block_start','index':0,'content_block':"
				    "{'type':'text','text':'He'}}\n"
				    "{'type':'content_block_delta','index':0,'delta':"
				    "{'type':'text_delta','text':'llo'}}\n"
				    "{'type':'content_block_delta','index':0,'delta':"
				    "{'type':'citations_delta','citation':{'a':1}}}\n"
				    "{'type':'content_block_delta','index':0,'delta':"
				    "{'type':'citations_delta','citation':{'b':2}}}\n"
				    "{'type':'content_block_delta','index':0,'delta':"
				    "{'type':'sparkle_delta','x':1}}\n"
				    "{'type':'content_block_stop','index':0}\n"
				    "{'type':'content_block_start','index':1,'content_block':"
				    "{'type':'sparkle','data':{'n':1e400}}}\n"
				    "{'type':'content_block_stop','index':1}\n" LAST("'end_turn'");
	struct model_reply reply;
	assert_int_equal(hear_lines(&reply, &config, cited, 7, NULL), CUA_OK);
	assert_int_equal(reply.end, MODEL_END_COMPLETED);
	assert_item(&reply, 0, "{'citations':[{'a':1},{'b':2}],'type':'text','text':'Hello'}");
	assert_item(&reply, 1, "{'type':'sparkle','data':{'n':1e400}}");
	model_reply_finish(&reply);
}

static void an_answer_may_come_whole(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *whole = quoted(
			"{'type':'message','id':'msg_9','content':[{'type':'text','text':'Done.'}],"
			"'stop_reason':'end_turn','usage':{'input_tokens':7,'output_tokens':3}}");
	CUA_AUTO_FREE char *error =
			quoted("{'type':'error','error':{'type':'api_error','message':'oops'}}");
	struct model_reply reply;
	assert_int_equal(
			hear(&model_api_anthropic, &reply, &config, whole, strlen(whole), 11, NULL),
			CUA_OK);
	assert_int_equal(reply.end, MODEL_END_COMPLETED);
	assert_int_equal(reply.items.count, 2);
	assert_int_equal((int)reply.usage.input_tokens, 7);
	model_reply_finish(&reply);

	assert_int_equal(
			hear(&model_api_anthropic, &reply, &config, error, strlen(error), 11, NULL),
			CUA_OK);
	assert_int_equal(reply.end, MODEL_END_FAILED);
	assert_string_equal(reply.code, "api_error");
	model_reply_finish(&reply);
}

static void keep_words(const char *words, void *user_data)
{
	strcat(user_data, words);
}

static void words_come_as_they_are_said(void **state)
{
	(void)state;
	char heard[1000] = "";
	struct agent_model_config with = config;
	with.on_words = keep_words;
	with.user_data = heard;
	struct model_reply reply;
	static const char lines[] = START THINKING_BLOCK SAYS("Key " KEY "!");
	assert_int_equal(hear_lines(&reply, &with, lines, 64, NULL), CUA_OK);
	assert_string_equal(heard,
			"The \xc3\xa9"
			"ditor is \"left\".\nKey ************************!\n");
	assert_null(strstr(reply.items.texts[1], KEY));
	model_reply_finish(&reply);
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
		cmocka_unit_test(blocks_keep_the_bytes_they_came_in),
		cmocka_unit_test(usage_counts_what_caches_had),
		cmocka_unit_test(a_stream_cut_anywhere_is_not_completed),
		cmocka_unit_test(streams_end_as_they_say),
		cmocka_unit_test(tangled_streams_are_model_errors),
		cmocka_unit_test(what_is_not_known_is_kept),
		cmocka_unit_test(an_answer_may_come_whole),
		cmocka_unit_test(words_come_as_they_are_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
