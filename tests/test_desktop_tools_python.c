/* Python for models, in the sandbox of a real desktop; its scripts act, and are judged. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/tool_stage.h"

/* --- Python --- */

static void python_keeps_its_variables_and_shows_errors(void **state)
{
	(void)state;
	assert_string_equal(tool_call("python", "code", "x = 20\nx + 1", "{}"), "21\n");
	assert_string_equal(tool_call("python", "code", "log('x is', x)", "{}"), "x is 20\n");
	assert_says(tool_call_failing("python", "code", "def f():\n    return 1/0\nf()", "{}"),
			"ZeroDivisionError");
	assert_says(tool_call_failing("python", "code", "x +", "{}"), "SyntaxError");
	assert_says(tool_call_failing("python", "code", "while True: pass", "{\"timeout_s\":1}"),
			"KeyboardInterrupt");
	assert_string_equal(tool_call("python", "code", "x", "{}"), "20\n");
	assert_says(tool_call_failing("python", "code", "import os; os._exit(4)", "{}"),
			"without its variables");
	assert_says(tool_call_failing("python", "code", "x", "{}"), "NameError");
}

static void python_shows_pictures(void **state)
{
	(void)state;
	long status = 0;
	CUA_AUTO_JSON cJSON *answer = tool_call_any("python", "code",
			"import pyautogui\ndisplay(pyautogui.screenshot(region=(0, 0, 60, 40)))",
			"{}", &status);
	assert_int_equal(status, 200);
	assert_string_equal(json_text(answer, "content.0.mimeType"), "image/png");
	assert_memory_equal(json_text(answer, "content.0.data"), "iVBORw0KGgo", 11);
	assert_says(tool_call_failing("python", "code", "display(b'no picture')", "{}"),
			"no picture");
}

/* A model's API would refuse it, now and with every later request that has it in its history. */
static void damaged_pictures_are_errors(void **state)
{
	(void)state;
	tool_call("python", "code",
			"import io\nfrom PIL import Image\n"
			"def save(name, part):\n"
			"    Image.effect_noise((90, 60), 50).convert('RGB').save(name)\n"
			"    whole = open(name, 'rb').read()\n"
			"    open(name, 'wb').write(whole[:int(len(whole) * part)])\n"
			"for kind in 'png', 'jpg', 'webp':\n"
			"    save('whole.' + kind, 1)\n"
			"    save('cut.' + kind, 0.6)\n"
			"open('head.png', 'wb').write(open('whole.png', 'rb').read()[:16])",
			"{}");
	static const char *const kinds[][2] = { { "png", "as PNG: it is cut off" },
		{ "jpg", "as JPEG: Premature end" }, { "webp", "as WebP: its data is damaged" } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(kinds); i++) {
		char path[40];
		snprintf(path, sizeof(path), "whole.%s", kinds[i][0]);
		tool_call("read_file", "path", path, "{}");
		snprintf(path, sizeof(path), "cut.%s", kinds[i][0]);
		assert_says(tool_call_failing("read_file", "path", path, "{}"), kinds[i][1]);
	}
	assert_says(tool_call_failing("read_file", "path", "head.png", "{}"), "it is cut off");
	assert_says(tool_call_failing("python", "code", "display('cut.png')", "{}"),
			"RuntimeError: the picture cannot be decoded as PNG: it is cut off");
}

/* What it does is read from the desktop, not from what it says. */
static void pyautogui_acts_on_the_desktop(void **state)
{
	(void)state;
	assert_says(tool_call("python", "code", "import pyautogui\npyautogui.size()", "{}"),
			"width=1280, height=800");
	tool_call("python", "code", "pyautogui.moveTo(321, 123)", "{}");
	CUA_AUTO_JSON cJSON *where =
			desktop_act(&tool_stage.desktop, "[{\"action\":\"cursor_position\"}]");
	assert_int_equal(json_number(where, "results.0.x"), 321);
	assert_int_equal(json_number(where, "results.0.y"), 123);
	desktop_do(&tool_stage.desktop,
			"[{\"action\":\"open_app\",\"name\":\"xterm -e 'cat > "
			"workspace/typed'\"}]");
	tool_call("python", "code",
			"pyautogui.write('Grüße 你好')\npyautogui.press('enter')\n"
			"pyautogui.keyDown('shift'); pyautogui.press('a'); "
			"pyautogui.keyUp('shift')\n"
			"pyautogui.press(['b', 'enter'])\npyautogui.hotkey('ctrl', 'd')",
			"{}");
	assert_string_equal(tool_bash("cat ~/workspace/typed"), "Grüße 你好\nAb\n");
	assert_says(tool_call_failing("python", "code", "pyautogui.click(5000, 10)", "{}"), "1279");
	tool_call("python", "code", "pyautogui.mouseDown(700, 700)", "{}");
	/* Behind the release, which the end of the call has asked for. */
	desktop_do(&tool_stage.desktop, "[{\"action\":\"cursor_position\"}]");
	assert_nothing_held(&tool_stage.desktop);
}

/* Where every pixel is equal; without a library for it. */
static void pyautogui_finds_pictures(void **state)
{
	(void)state;
	assert_string_equal(
			tool_call("python", "code",
					"import pyautogui as p\nfrom PIL import Image\n"
					"noise = Image.effect_noise((200, 120), "
					"50).convert('RGB')\n"
					"part = noise.crop((31, 47, 51, 57))\n"
					"print(p.locate(part, noise))\n"
					"print(p.center(p.locate(part, noise, grayscale=True, "
					"region=(20, 40, 99, 60))))\n"
					"noise.paste(part, (180, 110))\n"
					"print([tuple(box) for box in p.locateAll(part, noise)])\n"
					"print(p.locateOnScreen(p.screenshot()))\n"
					"p.locateOnScreen(p.screenshot(region=(1000, 700, 280, "
					"100)), region=(1000, 700, 280, 100))",
					"{}"),
			"Box(left=31, top=47, width=20, height=10)\nPoint(x=41, y=52)\n"
			"[(31, 47, 20, 10), (180, 110, 20, 10)]\n"
			"Box(left=0, top=0, width=1280, height=800)\n"
			"Box(left=1000, top=700, width=280, height=100)\n");
	assert_says(tool_call_failing("python", "code", "p.locateOnScreen(noise)", "{}"),
			"ImageNotFoundException: the picture is not there");
	assert_says(tool_call_failing("python", "code", "p.locate(noise, part)", "{}"),
			"is larger");
	tool_call("python", "code",
			"p.useImageNotFoundException(False)\nassert p.locateOnScreen(noise, "
			"minSearchTime=0.2) is None\np.useImageNotFoundException()",
			"{}");
	if (strcmp(tool_bash("python3 -c 'import cv2' 2>/dev/null || echo none"), "none\n") == 0) {
		assert_says(tool_call_failing("python", "code",
					    "p.locateOnScreen(part, confidence=0.8)", "{}"),
				"PyAutoGUIException: confidence needs python3-opencv");
	}
}

/* Whatever published code calls is there, or says what to use instead. */
static void pyautogui_has_its_names(void **state)
{
	(void)state;
	assert_string_equal(
			tool_call("python", "code",
					"import pyautogui as p\n"
					"eases = [getattr(p, name) for name in dir(p) if "
					"name.startswith('ease')]\n"
					"print(len(eases), max(abs(ease(n) - n) for ease in eases "
					"for n in (0, 1)) < 0.001)\n"
					"print(round(p.easeInOutSine(0.25), 4), "
					"round(p.easeOutBounce(0.8), 4), round(p.easeInBack(0.5), "
					"4), p.linear(0.3))\n"
					"print(p.getWindowsAt(1, 1), p.printInfo(True)[:9])",
					"{}"),
			"30 True\n0.1464 0.94 -0.0877 0.3\n[] Platform:\n");
	assert_says(tool_call_failing("python", "code", "p.run('c')", "{}"),
			"call click(), write()");
}

static void pyperclip_is_the_clipboard(void **state)
{
	(void)state;
	assert_string_equal(tool_call("python", "code",
					    "import pyperclip\npyperclip.copy('Grüße 你好')\n"
					    "pyperclip.paste()",
					    "{}"),
			"'Grüße 你好'\n");
	CUA_AUTO_JSON cJSON *held =
			desktop_act(&tool_stage.desktop, "[{\"action\":\"clipboard_get\"}]");
	assert_string_equal(json_text(held, "results.0.text"), "Grüße 你好");
	desktop_do(&tool_stage.desktop,
			"[{\"action\":\"clipboard_set\",\"text\":\"from outside\"}]");
	assert_string_equal(
			tool_call("python", "code", "pyperclip.paste()", "{}"), "'from outside'\n");
	assert_says(tool_call_failing("python", "code", "pyperclip.copy(None)", "{}"),
			"PyperclipException: only str");
}

static void large_pictures_come_and_forks_do_no_harm(void **state)
{
	(void)state;
	long status = 0;
	/* Noise does not shrink: 3 MB. */
	CUA_AUTO_JSON cJSON *answer = tool_call_any("python", "code",
			"import os\nfrom PIL import Image\n"
			"display(Image.frombytes('RGB', (1000, 1000), os.urandom(3000000)))",
			"{}", &status);
	assert_int_equal(status, 200);
	assert_true(strlen(json_text(answer, "content.0.data")) > 3000000);
	assert_says(tool_call_failing("python", "code",
				    "display(b'\\x89PNG\\r\\n\\x1a\\n' + bytes(9 << 20))", "{}"),
			"at most 8 MB");
	tool_call("python", "code", "kept = 7\nif os.fork() == 0: kept = 8", "{}");
	assert_string_equal(tool_call("python", "code", "kept", "{}"), "7\n");
	assert_string_equal(tool_call("python", "code", "kept + 1", "{}"), "8\n");
	assert_says(tool_call_failing("python", "code",
				    "import pyautogui\npyautogui._ask({'actions': [{'action': "
				    "'mark_screen'}]})",
				    "{}"),
			"scripts cannot do mark_screen");
}

/* --- scripts that are judged --- */

#define LEAVE ",\"allowed\":true"

/* On a connection that stays open. */
static cJSON *post_on(struct cua_http_client *client, const char *path, const char *body,
		long *ret_status)
{
	static const char *const headers[] = { "Content-Type: application/json", NULL };
	char url[100];
	snprintf(url, sizeof(url), "http://desktop%s", path);
	const struct cua_http_request request = { .method = "POST",
		.url = url,
		.headers = headers,
		.body = body,
		.body_len = strlen(body),
		.total_timeout_ms = 60000,
		.max_body_len = 1 << 20 };
	struct cua_http_response response = { 0 };
	assert_int_equal(cua_http_perform(client, &request, &response, NULL), CUA_OK);
	*ret_status = response.http_status;
	cJSON *answer = cJSON_Parse(response.body.data);
	cua_http_response_finish(&response);
	return answer;
}

/* Begins a script, which is to ask for leave; the number of its act. */
static int begin_judged(struct cua_http_client *client, const char *code)
{
	char body[500];
	long status = 0;
	snprintf(body, sizeof(body),
			"{\"tool\":\"python\",\"judged\":true,\"arguments\":{\"timeout_s\":1,"
			"\"code\":\"import pyautogui\\n%s\"}}",
			code);
	CUA_AUTO_JSON cJSON *answer = post_on(client, "/v1/tools", body, &status);
	assert_int_equal(status, 200);
	assert_string_equal(json_text(answer, "act.actions.0.action"), "move");
	assert_null(json_at(answer, "act.actions.1"));
	return (int)json_number(answer, "act.number");
}

/* What the script says in the end. more: members after the number. */
static const char *judge(struct cua_http_client *client, int number, const char *more)
{
	char body[200];
	long status = 0;
	snprintf(body, sizeof(body), "{\"number\":%d%s}", number, more);
	CUA_AUTO_JSON cJSON *answer = post_on(client, "/v1/tools/act", body, &status);
	snprintf(tool_stage.said, sizeof(tool_stage.said), "%ld %s%s", status,
			json_text(answer, "content.0.text"), json_text(answer, "error.message"));
	return tool_stage.said;
}

static void a_script_waits_for_leave_outside_of_its_time(void **state)
{
	(void)state;
	static const char code[] = "pyautogui.moveTo(7, 9); print('moved')";
	static const char *const no_words[] = { "", LEAVE ",\"x\":1", ",\"allowed\":\"yes\"",
		",\"allowed\":1", ",\"allowed\":null", ",\"allowed\":false",
		LEAVE ",\"reason\":\"x\"", ",\"refused\":\"by a rule\"" };
	struct cua_http_client *client = NULL, *other = NULL;
	assert_int_equal(cua_http_client_create(tool_stage.desktop.socket, -1, &client, NULL),
			CUA_OK);
	assert_int_equal(cua_http_client_create(tool_stage.desktop.socket, -1, &other, NULL),
			CUA_OK);
	desktop_do(&tool_stage.desktop, "[{\"action\":\"move\",\"x\":100,\"y\":100}]");
	int number = begin_judged(client, code);
	CUA_AUTO_JSON cJSON *before =
			desktop_act(&tool_stage.desktop, "[{\"action\":\"cursor_position\"}]");
	assert_int_equal(json_number(before, "results.0.x"), 100);
	/* Nobody else has a say, and no other act is meant. */
	assert_says(judge(other, number, LEAVE), "404 no script of this connection");
	assert_says(judge(client, number + 1, LEAVE), "404 no script");
	for (size_t i = 0; i < CUA_ARRAY_LEN(no_words); i++) {
		assert_says(judge(client, number, no_words[i]), "400 the body must be");
	}
	desktop_do(&tool_stage.desktop, "[{\"action\":\"wait\",\"duration_ms\":1200}]");
	assert_string_equal(judge(client, number, LEAVE), "200 moved\n");
	CUA_AUTO_JSON cJSON *after =
			desktop_act(&tool_stage.desktop, "[{\"action\":\"cursor_position\"}]");
	assert_int_equal(json_number(after, "results.0.x"), 7);

	number = begin_judged(client, code);
	assert_says(judge(client, number, ",\"allowed\":false,\"reason\":\"by a rule\""),
			"PermissionError: by a rule");
	cua_http_client_destroy(client);
	cua_http_client_destroy(other);
}

/* What a script is about to do, as its caller is told. */
static cJSON *told_of(struct cua_http_client *client, const char *request)
{
	CUA_AUTO_JSON cJSON *body = cJSON_CreateObject();
	char code[400];
	long status = 0;
	snprintf(code, sizeof(code), "import pyautogui\nprint(len(pyautogui._ask(%s)))", request);
	cJSON_AddStringToObject(body, "tool", "python");
	cJSON_AddBoolToObject(body, "judged", true);
	cJSON_AddStringToObject(cJSON_AddObjectToObject(body, "arguments"), "code", code);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(body);
	cJSON *answer = post_on(client, "/v1/tools", text, &status);
	assert_int_equal(status, 200);
	(void)judge(client, (int)json_number(answer, "act.number"),
			",\"allowed\":false,\"reason\":\"no\"");
	return answer;
}

/* Each picture, whatever it comes with, and no other. */
static void pictures_of_scripts_are_judged(void **state)
{
	(void)state;
	static const struct {
		const char *request, *actions;
	} rows[] = {
		{ "{'actions': [{'action': 'cursor_position'}], 'screenshot': {}}",
				"[{\"action\":\"cursor_position\"},{\"action\":\"screenshot\"}]" },
		{ "{'actions': [{'action': 'cursor_position'}]}",
				"[{\"action\":\"cursor_position\"},{\"action\":\"screenshot\"}]" },
		{ "{'actions': [{'action': 'cursor_position'}], 'screenshot': True}",
				"[{\"action\":\"cursor_position\"},{\"action\":\"screenshot\"}]" },
		{ "{'actions': [{'action': 'cursor_position'}], 'screenshot': {'region': [1, 2, 3, "
		  "4]}}",
				"[{\"action\":\"cursor_position\"},{\"region\":[1,2,3,4],"
				"\"action\":"
				"\"screenshot\"}]" },
		{ "{'actions': [{'action': 'cursor_position'}], 'screenshot': False}",
				"[{\"action\":\"cursor_position\"}]" },
	};
	struct cua_http_client *client = NULL;
	assert_int_equal(cua_http_client_create(tool_stage.desktop.socket, -1, &client, NULL),
			CUA_OK);
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		CUA_AUTO_JSON cJSON *told = told_of(client, rows[i].request);
		CUA_AUTO_FREE char *actions = cJSON_PrintUnformatted(json_at(told, "act.actions"));
		assert_string_equal(actions, rows[i].actions);
	}
	cua_http_client_destroy(client);
}

static void who_leaves_instead_of_judging_ends_the_script(void **state)
{
	(void)state;
	struct cua_http_client *client = NULL;
	assert_int_equal(cua_http_client_create(tool_stage.desktop.socket, -1, &client, NULL),
			CUA_OK);
	desktop_do(&tool_stage.desktop, "[{\"action\":\"move\",\"x\":100,\"y\":100}]");
	tool_call("python", "code", "kept = 'yes'", "{}");
	(void)begin_judged(client, "pyautogui.moveTo(7, 9)");
	cua_http_client_destroy(client);
	assert_string_equal(tool_call("python", "code", "print(kept)", "{}"), "yes\n");
	CUA_AUTO_JSON cJSON *after =
			desktop_act(&tool_stage.desktop, "[{\"action\":\"cursor_position\"}]");
	assert_int_equal(json_number(after, "results.0.x"), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(python_keeps_its_variables_and_shows_errors),
		cmocka_unit_test(python_shows_pictures),
		cmocka_unit_test(damaged_pictures_are_errors),
		cmocka_unit_test(pyautogui_acts_on_the_desktop),
		cmocka_unit_test(pyautogui_finds_pictures),
		cmocka_unit_test(pyautogui_has_its_names),
		cmocka_unit_test(pyperclip_is_the_clipboard),
		cmocka_unit_test(large_pictures_come_and_forks_do_no_harm),
		cmocka_unit_test(a_script_waits_for_leave_outside_of_its_time),
		cmocka_unit_test(pictures_of_scripts_are_judged),
		cmocka_unit_test(who_leaves_instead_of_judging_ends_the_script),
	};
	return cmocka_run_group_tests(tests, tool_stage_start, tool_stage_finish);
}
