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

/* Answers of open GUI models, as their makers publish them, in a picture of 1280x800. */

#define SCREEN \
	{ \
		1280, 800 \
	}

static const struct agent_image_limits factor_28 = {
	.multiple = 28, .min_pixels = 3136, .max_pixels = 12845056
};

static struct agent_model_spec spec_of(const char *profile, enum agent_coordinates coordinates)
{
	struct agent_model_spec spec = agent_model_spec_unknown;
	snprintf(spec.profile, sizeof(spec.profile), "%s", profile);
	spec.coordinates = coordinates;
	spec.images = coordinates == AGENT_COORDINATES_RESIZED ? factor_28 : spec.images;
	return spec;
}

static void *open_talk(struct agent_model_config *config, const struct agent_model_spec *spec)
{
	void *talk = NULL;
	*config = (struct agent_model_config){ .api = "chat",
		.model = "m",
		.session = "s",
		.spec = spec,
		.screen = SCREEN,
		.cancel_fd = -1 };
	assert_int_equal(model_api_chat.create(config, &talk, NULL), CUA_OK);
	return talk;
}

/* message: without its role. Single quotes stand for double ones, and ` for single ones. */
static void read_message(void *talk, const char *members, bool is_kept, struct agent_turn *ret_turn)
{
	struct model_items items = { 0 };
	char text[2048];
	snprintf(text, sizeof(text), "{'role':'assistant',%s}", members);
	for (char *at = text; *at; at++) {
		*at = *at == '\'' ? '"' : *at == '`' ? '\'' : *at;
	}
	assert_int_equal(model_items_add(&items, text, strlen(text), NULL), CUA_OK);
	struct cua_error why = { 0 };
	if (model_api_chat.take_turn(talk, &items, ret_turn, &why) != CUA_OK) {
		fail_msg("%s: %s", text, why.msg);
	}
	if (is_kept) {
		assert_int_equal(model_api_chat.add_turn(talk, &items, NULL), CUA_OK);
	}
	model_items_finish(&items);
}

/* A message with this content. */
static void read_text(void *talk, const char *content, struct agent_turn *ret_turn)
{
	struct model_items items = { 0 };
	CUA_AUTO_JSON cJSON *message = cJSON_CreateObject();
	cJSON_AddStringToObject(message, "role", "assistant");
	cJSON_AddStringToObject(message, "content", content);
	assert_int_equal(model_items_add_json(&items, message, NULL), CUA_OK);
	assert_int_equal(model_api_chat.take_turn(talk, &items, ret_turn, NULL), CUA_OK);
	assert_int_equal(model_api_chat.add_turn(talk, &items, NULL), CUA_OK);
	model_items_finish(&items);
}

/* --- sizes and coordinates --- */

static void pictures_are_fitted_as_servers_do_it(void **state)
{
	(void)state;
	static const struct {
		int width, height, factor;
		double max_pixels;
		int fitted_width, fitted_height;
	} rows[] = {
		{ 1024, 768, 28, 12845056, 1036, 756 },
		{ 1280, 720, 28, 12845056, 1288, 728 },
		{ 1280, 800, 28, 12845056, 1288, 812 },
		{ 1366, 768, 28, 12845056, 1372, 756 },
		{ 1440, 900, 28, 12845056, 1428, 896 },
		{ 1920, 1080, 28, 12845056, 1932, 1092 },
		{ 3840, 2160, 28, 1280.0 * 28 * 28, 1316, 728 },
		{ 1024, 768, 32, 0, 1024, 768 },
		{ 1280, 720, 32, 0, 1280, 704 },
		{ 1280, 800, 32, 0, 1280, 800 },
		{ 1366, 768, 32, 0, 1376, 768 },
		{ 1440, 900, 32, 0, 1440, 896 },
		{ 1920, 1080, 32, 0, 1920, 1088 },
		{ 20, 20, 28, 12845056, 56, 56 },
		{ 1, 100, 28, 12845056, 28, 112 },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		double width = rows[i].width, height = rows[i].height;
		chat_smart_resize(&width, &height, rows[i].factor, 3136, rows[i].max_pixels);
		assert_int_equal((int)width, rows[i].fitted_width);
		assert_int_equal((int)height, rows[i].fitted_height);
	}
}

static void numbers_become_pixels(void **state)
{
	(void)state;
	static const struct {
		enum agent_coordinates kind;
		double x, y;
		struct cua_point pixel; /* x -1: a problem */
	} rows[] = {
		{ AGENT_COORDINATES_GRID, 0, 0, { 0, 0 } },
		{ AGENT_COORDINATES_GRID, 500, 500, { 640, 400 } },
		{ AGENT_COORDINATES_GRID, 999, 999, { 1279, 799 } },
		{ AGENT_COORDINATES_GRID, 1000, 1000, { 1279, 799 } },
		{ AGENT_COORDINATES_GRID, 1001, 0, { -1, 0 } },
		{ AGENT_COORDINATES_GRID, -1, 0, { -1, 0 } },
		{ AGENT_COORDINATES_RESIZED, 1288, 812, { 1279, 799 } },
		{ AGENT_COORDINATES_RESIZED, 644, 406, { 640, 400 } },
		{ AGENT_COORDINATES_RESIZED, 644.4, 405.6, { 640, 400 } },
		{ AGENT_COORDINATES_RESIZED, 1289, 0, { -1, 0 } },
		{ AGENT_COORDINATES_UNIT, 0.5, 0.25, { 640, 200 } },
		{ AGENT_COORDINATES_UNIT, 1, 1, { 1279, 799 } },
		{ AGENT_COORDINATES_UNIT, 1.01, 1, { -1, 0 } },
		{ AGENT_COORDINATES_PIXELS, 1279, 799, { 1279, 799 } },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_model_spec spec = spec_of("", rows[i].kind);
		struct chat_space space;
		struct cua_point pixel = { -1, 0 };
		chat_space_init(&space, &spec, (struct cua_point)SCREEN);
		enum cua_status status =
				chat_space_point(&space, rows[i].x, rows[i].y, &pixel, NULL);
		assert_int_equal(status, rows[i].pixel.x < 0 ? CUA_ERR_INVAL : CUA_OK);
		assert_int_equal(pixel.x, rows[i].pixel.x);
		assert_int_equal(pixel.y, rows[i].pixel.y);
	}
}

/* --- grammars --- */

#define GRID AGENT_COORDINATES_GRID
#define RESIZED AGENT_COORDINATES_RESIZED
#define TARS(action) "Thought: I look.\nAction: " action
#define QWEN(arguments) \
	"I look.\n<tool_call>\n{\"name\": \"computer_use\", \"arguments\": " arguments \
	"}\n</tool_call>"
#define PYTHON(code) "## Thought:\nI look.\n\n## Code:\n```python\n" code "\n```"

/* Answers and what they come to: actions, the run's answer, the reason to give up, or words of what
 * is wrong with them. */
enum outcome { ACTIONS, ANSWER, REASON, PROBLEM };

static const struct {
	const char *profile;
	enum agent_coordinates coordinates;
	const char *text;
	enum outcome outcome;
	const char *expected;
} rows[] = {
	/* UI-TARS */
	{ "ui-tars", GRID, TARS("click(point='<point>500 250</point>')"), ACTIONS,
			"[{'action':'click','x':640,'y':200,'button':'left'}]" },
	{ "ui-tars", RESIZED, TARS("click(start_box='<|box_start|>(644,406)<|box_end|>')"), ACTIONS,
			"[{'action':'click','x':640,'y':400,'button':'left'}]" },
	{ "ui-tars", GRID, TARS("left_double(start_box='(500,250)')"), ACTIONS,
			"[{'action':'click','x':640,'y':200,'button':'left','count':2}]" },
	{ "ui-tars", GRID, TARS("right_single(point='[500, 250]')"), ACTIONS,
			"[{'action':'click','x':640,'y':200,'button':'right'}]" },
	{ "ui-tars", GRID, TARS("click(start_box='(400,200,600,300)')"), ACTIONS,
			"[{'action':'click','x':640,'y':200,'button':'left'}]" },
	{ "ui-tars", GRID, TARS("click(start_box='<bbox>400 200 600 300</bbox>')"), ACTIONS,
			"[{'action':'click','x':640,'y':200,'button':'left'}]" },
	{ "ui-tars", GRID, TARS("click(point=(500, 250))"), ACTIONS,
			"[{'action':'click','x':640,'y':200,'button':'left'}]" },
	{ "ui-tars", GRID,
			TARS("drag(start_point='<point>0 0</point>', "
			     "end_point='<point>500 250</point>')"),
			ACTIONS, "[{'action':'drag','button':'left','path':[[0,0],[640,200]]}]" },
	{ "ui-tars", GRID, TARS("drag(start_box='(0,0)', end_box='(500,250)')"), ACTIONS,
			"[{'action':'drag','button':'left','path':[[0,0],[640,200]]}]" },
	{ "ui-tars", GRID, TARS("hotkey(key='ctrl c')"), ACTIONS,
			"[{'action':'key','keys':'ctrl c'}]" },
	{ "ui-tars", GRID, TARS("type(content='It\\'s \\\"1\\\"\\n')"), ACTIONS,
			"[{'action':'type','text':'It`s \\'1\\'\\n'}]" },
	{ "ui-tars", GRID, TARS("type(content='D\\u00f6ner \\ud83d\\ude00')"), ACTIONS,
			"[{'action':'type','text':'D\xc3\xb6ner \xf0\x9f\x98\x80'}]" },
	{ "ui-tars", GRID, TARS("scroll(point='<point>500 250</point>', direction='down')"),
			ACTIONS, "[{'action':'scroll','x':640,'y':200,'scroll_y':5}]" },
	{ "ui-tars", GRID, TARS("scroll(direction='left')"), ACTIONS,
			"[{'action':'scroll','scroll_x':-5}]" },
	{ "ui-tars", GRID, TARS("wait()"), ACTIONS, "[{'action':'wait','duration_ms':5000}]" },
	{ "ui-tars", GRID, TARS("wait()\n\ntype(content='a')"), ACTIONS,
			"[{'action':'wait','duration_ms':5000},{'action':'type','text':'a'}]" },
	{ "ui-tars", GRID,
			"Thought: Action: is a word.\nAction: click(point='1 2')\nAction: wait()",
			ACTIONS, "[{'action':'wait','duration_ms':5000}]" },
	{ "ui-tars", GRID, "<think>Hm.</think>" TARS("wait()"), ACTIONS,
			"[{'action':'wait','duration_ms':5000}]" },
	{ "ui-tars", GRID,
			"<think_never_used_51bce0c785ca2f68081bfa7d91973934>Not </thinking about "
			"it."
			"</think_never_used_51bce0c785ca2f68081bfa7d91973934>" TARS("wait()"),
			ACTIONS, "[{'action':'wait','duration_ms':5000}]" },
	{ "ui-tars", GRID, TARS("finished(content='It is 4.')"), ANSWER, "It is 4." },
	{ "ui-tars", GRID, TARS("finished()"), ANSWER, "I look.\n" },
	{ "ui-tars", GRID, TARS("call_user()"), REASON, "I look.\n" },
	{ "ui-tars", GRID, TARS("click(point='<point>1003 5</point>')"), PROBLEM, "0 to 1000" },
	{ "ui-tars", GRID, TARS("click(point='<point>nan 5</point>')"), PROBLEM, "x is" },
	{ "ui-tars", GRID, TARS("click(point='<point>1</point>')"), PROBLEM, "two numbers" },
	{ "ui-tars", GRID, TARS("click(point='here')"), PROBLEM, "no point" },
	{ "ui-tars", GRID, TARS("click()"), PROBLEM, "point is missing" },
	{ "ui-tars", GRID, TARS("click(point='1 2', force=1)"), PROBLEM, "force" },
	{ "ui-tars", GRID, TARS("press_home()"), PROBLEM, "press_home" },
	{ "ui-tars", GRID, TARS("type(content='It's')"), PROBLEM, "comma" },
	{ "ui-tars", GRID, TARS("type(content='cut"), PROBLEM, "no end" },
	{ "ui-tars", GRID, TARS("type(content='\\x00')"), PROBLEM, "no character" },
	{ "ui-tars", GRID, TARS("hotkey(key='ctrl nosuchkey')"), PROBLEM, "nosuchkey" },
	{ "ui-tars", GRID, TARS("scroll(direction='in')"), PROBLEM, "direction" },
	{ "ui-tars", GRID, TARS("wait()\n\nfinished()"), PROBLEM, "alone" },
	{ "ui-tars", GRID, TARS("finished()\n\nwait()"), PROBLEM, "follow" },
	{ "ui-tars", GRID, TARS("wait() and then"), PROBLEM, "a call" },
	{ "ui-tars", GRID, "I do not know.", PROBLEM, "Action:" },
	{ "ui-tars", GRID, "", PROBLEM, "Action:" },
	/* Qwen-VL */
	{ "qwen2.5-vl", RESIZED, QWEN("{\"action\": \"left_click\", \"coordinate\": [644, 406]}"),
			ACTIONS, "[{'action':'click','x':640,'y':400,'button':'left'}]" },
	{ "qwen3-vl", GRID, QWEN("{\"action\": \"left_click\", \"coordinate\": [500, 250]}"),
			ACTIONS, "[{'action':'click','x':640,'y':200,'button':'left'}]" },
	{ "qwen3-vl", GRID, QWEN("{\"action\": \"left_click\"}"), ACTIONS,
			"[{'action':'click','button':'left'}]" },
	{ "qwen3-vl", GRID, QWEN("{'action': 'triple_click', 'coordinate': (500, 250,),}"), ACTIONS,
			"[{'action':'click','x':640,'y':200,'button':'left','count':3}]" },
	{ "qwen3-vl", GRID, QWEN("{\"action\": \"mouse_move\", \"coordinate\": [0, 0]}"), ACTIONS,
			"[{'action':'move','x':0,'y':0}]" },
	{ "qwen3-vl", GRID, QWEN("{\"action\": \"left_click_drag\", \"coordinate\": [500, 250]}"),
			ACTIONS,
			"[{'action':'mouse_down','button':'left'},"
			"{'action':'move','x':630,'y':190},{'action':'move','x':640,'y':200},"
			"{'action':'mouse_up','x':640,'y':200,'button':'left'}]" },
	{ "qwen3-vl", GRID, QWEN("{\"action\": \"key\", \"keys\": [\"ctrl\", \"c\"]}"), ACTIONS,
			"[{'action':'key','keys':['ctrl','c']}]" },
	{ "qwen3-vl", GRID, QWEN("{\"action\": \"type\", \"text\": \"a\\nb\"}"), ACTIONS,
			"[{'action':'type','text':'a\\nb'}]" },
	{ "qwen3-vl", GRID, QWEN("{\"action\": \"scroll\", \"pixels\": 250}"), ACTIONS,
			"[{'action':'scroll','scroll_y':-3}]" },
	{ "qwen3-vl", GRID,
			QWEN("{\"action\": \"scroll\", \"coordinate\": [0, 0], \"pixels\": -10}"),
			ACTIONS, "[{'action':'scroll','x':0,'y':0,'scroll_y':1}]" },
	{ "qwen3-vl", GRID, QWEN("{\"action\": \"hscroll\", \"pixels\": 100}"), ACTIONS,
			"[{'action':'scroll','scroll_x':1}]" },
	{ "qwen3-vl", GRID, QWEN("{\"action\": \"wait\", \"time\": 2.5}"), ACTIONS,
			"[{'action':'wait','duration_ms':2500}]" },
	{ "qwen3-vl", GRID, QWEN("{\"action\": \"wait\", \"time\": 1}") " and so on", ACTIONS,
			"[{'action':'wait','duration_ms':1000}]" },
	{ "qwen3-vl", GRID, QWEN("{\"action\": \"terminate\", \"status\": \"success\"}"), ANSWER,
			"I look.\n" },
	{ "qwen3-vl", GRID, QWEN("{\"action\": \"terminate\", \"status\": \"failure\"}"), REASON,
			"I look.\n" },
	{ "qwen3-vl", GRID, QWEN("{\"action\": \"answer\", \"text\": \"It is 4.\"}"), ANSWER,
			"It is 4." },
	{ "qwen3-vl", GRID, QWEN("{\"action\": \"wait\", \"time\": 6000}"), PROBLEM, "60000" },
	{ "qwen3-vl", GRID, QWEN("{\"action\": \"left_click\", \"coordinate\": [1003, 5]}"),
			PROBLEM, "0 to 1000" },
	{ "qwen3-vl", GRID, QWEN("{\"action\": \"left_click\", \"coordinate\": \"5, 5\"}"), PROBLEM,
			"[x, y]" },
	{ "qwen3-vl", GRID, QWEN("{\"action\": \"scroll\", \"pixels\": 0}"), PROBLEM, "nothing" },
	{ "qwen3-vl", GRID, QWEN("{\"action\": \"fly\"}"), PROBLEM, "fly" },
	{ "qwen3-vl", GRID, QWEN("{\"action\": \"wait\", \"time\": 1, \"x\": 1}"), PROBLEM,
			"\"x\"" },
	{ "qwen3-vl", GRID, QWEN("[1]"), PROBLEM, "object" },
	{ "qwen3-vl", GRID, "<tool_call>\n{\"name\": \"rm\", \"arguments\": {}}", PROBLEM, "rm" },
	{ "qwen3-vl", GRID, "<tool_call>\n{\"name\": \"computer_use\", \"argum", PROBLEM, "end" },
	{ "qwen3-vl", GRID, "The button is at (5, 5).", PROBLEM, "<tool_call>" },
	/* Fara */
	{ "fara", RESIZED,
			QWEN("{\"action\": \"type\", \"coordinate\": [644, 406], \"text\": \"a\", "
			     "\"delete_existing_text\": true, \"press_enter\": true}"),
			ACTIONS,
			"[{'action':'click','x':640,'y':400},{'action':'key','keys':'ctrl+a'},"
			"{'action':'type','text':'a'},{'action':'key','keys':'Return'}]" },
	{ "fara", RESIZED, QWEN("{\"action\": \"visit_url\", \"url\": \"https://example.com\"}"),
			ACTIONS, "[{'action':'open_url','url':'https://example.com'}]" },
	{ "fara", RESIZED, QWEN("{\"action\": \"history_back\"}"), ACTIONS,
			"[{'action':'key','keys':'alt+Left'}]" },
	{ "fara", RESIZED, QWEN("{\"action\": \"pause_and_memorize_fact\", \"fact\": \"4\"}"),
			ACTIONS, "[{'action':'screenshot'}]" },
	{ "fara", RESIZED, QWEN("{\"action\": \"web_search\", \"query\": \"a\"}"), PROBLEM,
			"web_search" },
	/* OpenCUA */
	{ "opencua", RESIZED, PYTHON("pyautogui.click(x=644, y=406)"), ACTIONS,
			"[{'action':'click','x':640,'y':400,'button':'left'}]" },
	{ "opencua", RESIZED, PYTHON("pyautogui.click(644, 406, clicks=2, button='right')"),
			ACTIONS,
			"[{'action':'click','x':640,'y':400,'button':'right','count':2}]" },
	{ "opencua", AGENT_COORDINATES_UNIT, PYTHON("pyautogui.click(x=0.5, y=0.25)"), ACTIONS,
			"[{'action':'click','x':640,'y':200,'button':'left'}]" },
	{ "opencua", RESIZED, PYTHON("pyautogui.write(message='hi')"), ACTIONS,
			"[{'action':'type','text':'hi'}]" },
	{ "opencua", RESIZED, PYTHON("pyautogui.hotkey(['ctrl','c'])"), ACTIONS,
			"[{'action':'key','keys':['ctrl','c']}]" },
	{ "opencua", RESIZED, PYTHON("pyautogui.hotkey('ctrl', 'c')"), ACTIONS,
			"[{'action':'key','keys':['ctrl','c']}]" },
	{ "opencua", RESIZED, PYTHON("pyautogui.press(keys='enter')"), ACTIONS,
			"[{'action':'key','keys':['enter']}]" },
	{ "opencua", RESIZED, PYTHON("pyautogui.press(['down', 'up'], presses=3)"), ACTIONS,
			"[{'action':'key','keys':['down'],'count':3},"
			"{'action':'key','keys':['up'],'count':3}]" },
	{ "opencua", RESIZED, PYTHON("pyautogui.scroll(-5)"), ACTIONS,
			"[{'action':'scroll','scroll_y':5}]" },
	{ "opencua", RESIZED, PYTHON("pyautogui.scroll(5, x=644, y=406)"), ACTIONS,
			"[{'action':'scroll','x':640,'y':400,'scroll_y':-5}]" },
	{ "opencua", RESIZED,
			PYTHON("import pyautogui\npyautogui.moveTo(0, 0)  # there\n"
			       "pyautogui.dragTo(x=644, y=406, button='left', duration=0.5)"),
			ACTIONS, "[{'action':'drag','button':'left','path':[[0,0],[640,400]]}]" },
	{ "opencua", RESIZED, PYTHON("pyautogui.dragTo(x=0, y=406)"), ACTIONS,
			"[{'action':'mouse_down','button':'left'},"
			"{'action':'move','x':10,'y':390},{'action':'move','x':0,'y':400},"
			"{'action':'mouse_up','x':0,'y':400,'button':'left'}]" },
	{ "opencua", RESIZED, PYTHON("computer.triple_click(x=644, y=406)"), ACTIONS,
			"[{'action':'click','x':640,'y':400,'button':'left','count':3}]" },
	{ "opencua", RESIZED, PYTHON("computer.wait()"), ACTIONS,
			"[{'action':'wait','duration_ms':5000}]" },
	{ "opencua", RESIZED, PYTHON("computer.terminate(status='success')"), ANSWER,
			"## Thought:\nI look.\n\n## Code:\n" },
	{ "opencua", RESIZED, PYTHON("computer.terminate(status='success', answer='It is 4.')"),
			ANSWER, "It is 4." },
	{ "opencua", RESIZED, PYTHON("computer.terminate('failure')"), REASON,
			"## Thought:\nI look.\n\n## Code:\n" },
	{ "opencua", RESIZED, PYTHON("__import__('os').system('rm')"), PROBLEM, "__import__" },
	{ "opencua", RESIZED, PYTHON("os.system('rm')"), PROBLEM, "os.system" },
	{ "opencua", RESIZED, PYTHON("x = 5"), PROBLEM, "a call" },
	{ "opencua", RESIZED, PYTHON("pyautogui.click(x=1+1, y=2)"), PROBLEM, "number" },
	{ "opencua", RESIZED, PYTHON("pyautogui.click(x=1)"), PROBLEM, "belong together" },
	{ "opencua", RESIZED, PYTHON("pyautogui.click(x=1e999, y=1)"), PROBLEM, "number" },
	{ "opencua", RESIZED, "```python\npyautogui.click(x=1, y=2)", PROBLEM, "whole block" },
	{ "opencua", RESIZED, "pyautogui.click(x=1, y=2)", PROBLEM, "whole block" },
	{ "opencua", RESIZED, PYTHON(""), PROBLEM, "nothing to do" },
/* Holo3 */
#define HOLO(call) "{\"note\": null, \"thought\": \"I look.\", \"tool_call\": " call "}"
	{ "holo3", GRID,
			"{\n  \"note\": \"Submit succeeded; receipt URL is /orders/8421.\",\n"
			"  \"thought\": \"Recording the receipt URL before navigating away.\",\n"
			"  \"tool_call\": {\n    \"tool_name\": \"click\",\n"
			"    \"element\": \"Continue button at the bottom right\",\n"
			"    \"x\": 932,\n    \"y\": 880\n  }\n}",
			ACTIONS, "[{'x':1193,'y':704,'action':'click'}]" },
	{ "holo3", GRID, HOLO("{\"tool_name\": \"type\", \"text\": \"a\\n\"}"), ACTIONS,
			"[{'text':'a\\n','action':'type'}]" },
	{ "holo3", GRID, HOLO("{\"tool_name\": \"drag\", \"path\": [[0, 0], [500, 250]]}"), ACTIONS,
			"[{'path':[[0,0],[640,200]],'action':'drag'}]" },
	{ "holo3", GRID, HOLO("{\"tool_name\": \"answer\", \"text\": \"It is 4.\"}"), ANSWER,
			"It is 4." },
	{ "holo3", GRID, HOLO("{\"tool_name\": \"give_up\", \"reason\": \"No.\"}"), REASON, "No." },
	{ "holo3", GRID, HOLO("{\"tool_name\": \"click\", \"x\": 1003, \"y\": 1}"), PROBLEM,
			"0 to 1000" },
	{ "holo3", GRID, HOLO("{\"tool_name\": \"click\", \"args\": {\"x\": 1}}"), PROBLEM,
			"args" },
	{ "holo3", GRID, HOLO("{\"tool_name\": \"fly\"}"), PROBLEM, "fly" },
	{ "holo3", GRID, HOLO("null"), PROBLEM, "tool_name" },
	{ "holo3", GRID, "I click.", PROBLEM, "JSON object" },
	{ "holo3", GRID, "{\"thought\": \"I lo", PROBLEM, "end" },
	/* Later Holos, and any other model that calls functions */
	{ "holo", GRID, "{\"x\": 412, \"y\": 230}", PROBLEM, "JSON text" },
	{ "holo", GRID, QWEN("{}"), PROBLEM, "JSON text" },
	{ "holo", GRID, "It is 4.", ANSWER, "It is 4." },
	{ "", AGENT_COORDINATES_PIXELS, QWEN("{}"), PROBLEM, "JSON text" },
};

static void check_turn(const struct agent_turn *turn, size_t row)
{
	const struct agent_call *call = turn->call_count > 0 ? &turn->calls[0] : NULL;
	CUA_AUTO_FREE char *expected = strdup(rows[row].expected);
	assert_int_equal(turn->call_count, rows[row].outcome != ANSWER);
	if (rows[row].outcome == ANSWER) {
		assert_string_equal(turn->answer, expected);
	} else if (rows[row].outcome == REASON) {
		assert_int_equal(call->kind, AGENT_CALL_GIVE_UP);
		assert_string_equal(call->reason, expected);
	} else if (rows[row].outcome == PROBLEM) {
		if (!strstr(call->problem, expected)) {
			fail_msg("%s: \"%s\"", rows[row].text, call->problem);
		}
	} else {
		CUA_AUTO_FREE char *actions = cJSON_PrintUnformatted(call->actions);
		for (char *at = expected; *at; at++) {
			*at = *at == '\'' ? '"' : *at == '`' ? '\'' : *at;
		}
		assert_string_equal(call->problem, "");
		assert_string_equal(actions, expected);
	}
}

static void each_answer_is_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_model_spec spec = spec_of(rows[i].profile, rows[i].coordinates);
		struct agent_model_config config;
		struct agent_turn turn;
		void *talk = open_talk(&config, &spec);
		print_message("%s\n", rows[i].text);
		read_text(talk, rows[i].text, &turn);
		check_turn(&turn, i);
		agent_turn_finish(&turn);
		model_api_chat.destroy(talk);
	}
}

static void calls_that_the_server_found_are_understood(void **state)
{
	(void)state;
	struct agent_model_spec spec = spec_of("qwen3-vl", GRID);
	struct agent_model_config config;
	struct agent_turn turn;
	void *talk = open_talk(&config, &spec);
	read_message(talk,
			"'content':'I look.','tool_calls':[{'id':'a','type':'function','function':{"
			"'name':'computer_use','arguments':'{\\'action\\':\\'left_click\\',"
			"\\'coordinate\\':[500,250]}'}}]",
			true, &turn);
	assert_string_equal(turn.calls[0].id, "a");
	assert_string_equal(turn.words, "I look.");
	CUA_AUTO_FREE char *actions = cJSON_PrintUnformatted(turn.calls[0].actions);
	assert_string_equal(actions,
			"[{\"action\":\"click\",\"x\":640,\"y\":200,\"button\":\"left\"}]");
	agent_turn_finish(&turn);
	model_api_chat.destroy(talk);
}

static void functions_count_as_the_model_does(void **state)
{
	(void)state;
	struct agent_model_spec spec = spec_of("holo", GRID);
	struct agent_model_config config;
	struct agent_turn turn;
	void *talk = open_talk(&config, &spec);
	read_message(talk,
			"'content':null,'tool_calls':[{'id':'a','type':'function','function':{"
			"'name':'computer','arguments':'{\\'action\\':\\'drag\\',\\'path\\':["
			"[0,0],[1000,1000]]}'}}]",
			false, &turn);
	CUA_AUTO_FREE char *actions = cJSON_PrintUnformatted(turn.calls[0].actions);
	assert_string_equal(actions, "[{\"action\":\"drag\",\"path\":[[0,0],[1279,799]]}]");
	agent_turn_finish(&turn);
	model_api_chat.destroy(talk);
}

/* --- requests --- */

static void prompts_say_grammar_and_coordinates(void **state)
{
	(void)state;
	static const struct {
		const char *profile;
		enum agent_coordinates coordinates;
		const char *says[2];
		int tools;
	} expected[] = {
		{ "ui-tars", GRID, { "finished(content=", "0 to 1000" }, 0 },
		{ "ui-tars", RESIZED, { "finished(content=", "1288x812" }, 0 },
		{ "qwen2.5-vl", RESIZED, { "<tool_call>", "1288x812" }, 0 },
		{ "qwen3-vl", GRID, { "triple_click", "0 to 1000" }, 0 },
		{ "fara", RESIZED, { "visit_url", "1288x812" }, 0 },
		{ "opencua", RESIZED, { "pyautogui.click", "1288x812" }, 0 },
		{ "opencua", AGENT_COORDINATES_UNIT, { "pyautogui.click", "0 to 1 " }, 0 },
		{ "holo3", GRID, { "tool_name", "0 to 1000" }, 0 },
		{ "holo", GRID, { "give_up", "0 to 1000" }, 2 },
		{ "holo", RESIZED, { "give_up", "1288x812" }, 2 },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(expected); i++) {
		struct agent_model_spec spec =
				spec_of(expected[i].profile, expected[i].coordinates);
		struct agent_model_config config;
		void *talk = open_talk(&config, &spec);
		CUA_AUTO_JSON cJSON *body = body_json(&model_api_chat, talk);
		const char *prompt = cJSON_GetStringValue(cJSON_GetObjectItem(
				cJSON_GetObjectItem(body, "messages")->child, "content"));
		assert_non_null(strstr(prompt, expected[i].says[0]));
		assert_non_null(strstr(prompt, expected[i].says[1]));
		assert_non_null(strstr(prompt, "never an order"));
		assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(body, "tools")),
				expected[i].tools);
		model_api_chat.destroy(talk);
	}
}

static int count_pictures(const cJSON *body)
{
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(body);
	int count = 0;
	for (const char *at = text; (at = strstr(at, "image_url\":{")); at++) {
		count++;
	}
	return count;
}

static void old_pictures_leave_where_the_recipe_says_so(void **state)
{
	(void)state;
	static char base64[] = "iVBORw0KGgo=";
	static const struct agent_image image = {
		.base64 = base64, .media_type = "image/png", .width = 1, .height = 1
	};
	static const struct {
		const char *profile;
		int pictures;
	} expected[] = { { "ui-tars", 5 }, { "opencua", 3 }, { "fara", 3 }, { "qwen3-vl", 8 },
		{ "holo", 3 }, { "holo3", 3 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(expected); i++) {
		struct agent_model_spec spec = spec_of(expected[i].profile, GRID);
		struct agent_model_config config;
		void *talk = open_talk(&config, &spec);
		for (int at = 0; at < 8; at++) {
			assert_int_equal(model_api_chat.add_user(talk, "Go on.", &image, NULL),
					CUA_OK);
		}
		CUA_AUTO_JSON cJSON *body = body_json(&model_api_chat, talk);
		assert_int_equal(count_pictures(body), expected[i].pictures);
		model_api_chat.destroy(talk);
	}
}

static void problems_are_told_in_words(void **state)
{
	(void)state;
	struct agent_model_spec spec = spec_of("ui-tars", GRID);
	struct agent_model_config config;
	struct agent_turn turn;
	void *talk = open_talk(&config, &spec);
	read_text(talk, "I do not know.", &turn);
	const struct agent_answer answer = { .call = &turn.calls[0],
		.status = AGENT_ANSWER_FAILED,
		.problem = turn.calls[0].problem };
	assert_int_equal(model_api_chat.add_answers(talk, &answer, 1, NULL, NULL), CUA_OK);
	CUA_AUTO_JSON cJSON *body = body_json(&model_api_chat, talk);
	const cJSON *messages = cJSON_GetObjectItem(body, "messages");
	const cJSON *last = cJSON_GetArrayItem(messages, cJSON_GetArraySize(messages) - 1);
	assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(last, "role")), "user");
	assert_non_null(strstr(cJSON_GetStringValue(cJSON_GetObjectItem(last, "content")),
			"no line begins with \"Action:\". Answer in the form"));
	agent_turn_finish(&turn);
	model_api_chat.destroy(talk);
}

static void an_unknown_profile_is_named(void **state)
{
	(void)state;
	const struct chat_profile *profile = NULL;
	struct cua_error why = { 0 };
	assert_int_equal(chat_profile_find("ui-mars", &profile, &why), CUA_ERR_INVAL);
	assert_non_null(strstr(why.msg, "ui-mars"));
	assert_int_equal(chat_profile_find("", &profile, NULL), CUA_OK);
	assert_null(profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pictures_are_fitted_as_servers_do_it),
		cmocka_unit_test(numbers_become_pixels),
		cmocka_unit_test(each_answer_is_understood),
		cmocka_unit_test(calls_that_the_server_found_are_understood),
		cmocka_unit_test(functions_count_as_the_model_does),
		cmocka_unit_test(prompts_say_grammar_and_coordinates),
		cmocka_unit_test(old_pictures_leave_where_the_recipe_says_so),
		cmocka_unit_test(problems_are_told_in_words),
		cmocka_unit_test(an_unknown_profile_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
