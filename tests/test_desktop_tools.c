/* The tools of models, in the sandbox of a real desktop. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/waiting.h"

static struct world world;
static struct desktop desktop;

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "tools");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

/* --- calls --- */

static cJSON *post(const char *body, long *ret_status)
{
	struct cua_http_response response = { 0 };
	*ret_status = desktop_http(
			&desktop, "POST", "/v1/tools", body, strlen(body), NULL, &response);
	cJSON *answer = cJSON_Parse(response.body.data ? response.body.data : "");
	cua_http_response_finish(&response);
	assert_non_null(answer);
	return answer;
}

/* With one argument of any text, which is escaped, and more of them as JSON. */
static cJSON *call_any(const char *tool, const char *name, const char *text, const char *more,
		long *ret_status)
{
	CUA_AUTO_JSON cJSON *body = cJSON_CreateObject();
	cJSON_AddStringToObject(body, "tool", tool);
	cJSON *arguments = cJSON_Parse(more);
	assert_non_null(arguments);
	if (name) {
		cJSON_AddStringToObject(arguments, name, text);
	}
	cJSON_AddItemToObject(body, "arguments", arguments);
	CUA_AUTO_FREE char *printed = cJSON_PrintUnformatted(body);
	return post(printed, ret_status);
}

static char said[70000];
static char blamed[40]; /* class of the last error of a call */

/* What it said, and that it is no failure. */
static const char *call(const char *tool, const char *name, const char *text, const char *more)
{
	long status = 0;
	CUA_AUTO_JSON cJSON *answer = call_any(tool, name, text, more, &status);
	if (status != 200 || cJSON_IsTrue(json_at(answer, "is_error"))) {
		fail_msg("%s: %ld: %s%s", tool, status, json_text(answer, "content.0.text"),
				json_text(answer, "error.message"));
	}
	snprintf(said, sizeof(said), "%s", json_text(answer, "content.0.text"));
	return said;
}

/* What it said, and that it is a failure, of the tool or of the call. */
static const char *call_failing(
		const char *tool, const char *name, const char *text, const char *more)
{
	long status = 0;
	CUA_AUTO_JSON cJSON *answer = call_any(tool, name, text, more, &status);
	if (status == 200 && !cJSON_IsTrue(json_at(answer, "is_error"))) {
		fail_msg("%s %s: %s", tool, text ? text : "", json_text(answer, "content.0.text"));
	}
	snprintf(said, sizeof(said), "%s%s", json_text(answer, "content.0.text"),
			json_text(answer, "error.message"));
	snprintf(blamed, sizeof(blamed), "%s", json_text(answer, "error.class"));
	return said;
}

/* The same, and the desktop is not blamed for it. */
static const char *call_refused(
		const char *tool, const char *name, const char *text, const char *more)
{
	call_failing(tool, name, text, more);
	assert_string_not_equal(blamed, "environment");
	return said;
}

static const char *bash(const char *command)
{
	return call("bash", "command", command, "{}");
}

/* --- the shell --- */

static void the_shell_keeps_what_it_knows(void **state)
{
	(void)state;
	assert_string_equal(bash("pwd"), "/home/agent/workspace\n");
	bash("name='a b'; f() { echo \"<$1>\"; }; mkdir -p sub; cd sub");
	assert_string_equal(bash("f \"$name\"; pwd"), "<a b>\n/home/agent/workspace/sub\n");
	assert_string_equal(bash("cat <<'END'\nit's $name\nEND"), "it's $name\n");
	assert_says(call_failing("bash", "command", "echo out; echo err >&2; false", "{}"),
			"out\nerr\n\n[exit status 1]");
	assert_says(call_failing("bash", "command", "if then", "{}"), "syntax error");
	assert_string_equal(bash("f still"), "<still>\n");
	assert_string_equal(bash("read line || echo nothing to read"), "nothing to read\n");
	assert_says(call("bash", NULL, NULL, "{\"restart\":true}"), "restarted");
	assert_says(call_failing("bash", "command", "f gone", "{}"), "not found");
	assert_says(call_failing("bash", "command", "exit 3", "{}"), "has ended");
	assert_string_equal(bash("echo back"), "back\n");
}

static void a_command_that_does_not_end_is_ended(void **state)
{
	(void)state;
	bash("kept=1");
	const char *stubborn = "bash -c 'trap \"\" INT TERM HUP; while :; do sleep 1; done'";
	assert_says(call_failing("bash", "command", stubborn, "{\"timeout_s\":1}"),
			"longer than its time");
	assert_string_equal(bash("echo $kept"), "1\n");
	/* A loop of the shell itself has nobody to be killed but the shell. */
	assert_says(call_failing("bash", "command", "while :; do :; done", "{\"timeout_s\":1}"),
			"without its variables");
	assert_string_equal(bash("echo \"<$kept>\""), "<>\n");
	/* Nor does a process that goes on and holds the output hold up the call. */
	bash("sleep 1000 & echo $! > pid");
	bash("(setsid sleep 2000 &)");
	assert_string_equal(bash("kill -0 $(cat pid) && echo alive"), "alive\n");
	call("bash", NULL, NULL, "{\"restart\":true}");
	assert_says(call_failing("bash", "command", "kill -0 $(cat pid)", "{}"), "No such process");
}

/* How many there are that ignore what they can. */
static const char *stubborn_left(void)
{
	return bash("pgrep -fc '^sh -c trap.*stubbor[n]'; true");
}

/* However it was started: with signals ignored, in a session of its own, its parent gone. */
static void what_a_call_has_started_ends_with_it(void **state)
{
	(void)state;
	static const char one[] = "sh -c 'trap : INT TERM HUP; while :; do sleep 1; done' stubborn";
	char command[512];
	bash("(setsid sleep 2100 > /dev/null 2>&1 &)");
	snprintf(command, sizeof(command),
			"import os, subprocess, time\nleft = subprocess.Popen(\"exec %s\", "
			"shell=True)\nsubprocess.run(\"setsid %s &\", shell=True)\n"
			"time.sleep(100)",
			one, one);
	assert_says(call_failing("python", "code", command, "{\"timeout_s\":1}"),
			"KeyboardInterrupt");
	assert_string_equal(stubborn_left(), "0\n");
	assert_says(call("python", "code", "left.args", "{}"), "stubborn");
	snprintf(command, sizeof(command), "kept=2; %s & (setsid %s &); setsid %s", one, one, one);
	assert_says(call_failing("bash", "command", command, "{\"timeout_s\":1}"),
			"longer than its time");
	assert_string_equal(stubborn_left(), "0\n");
	/* What a call has left that ended in time is nobody's business, until it is restarted. */
	assert_string_equal(bash("echo $kept; pgrep -fxc 'sleep 2100'"), "2\n1\n");
	call("bash", NULL, NULL, "{\"restart\":true}");
	assert_string_equal(bash("pgrep -fxc 'sleep 2100'; true"), "0\n");
}

static void output_is_bounded_and_plain(void **state)
{
	(void)state;
	const char *text = bash("head -c 300000000 /dev/zero | tr '\\0' x; echo; echo the end");
	assert_says(text, "bytes left out");
	assert_says(text, "the end\n");
	assert_in_range(strlen(text), 20000, 40000);
	const char *binary = bash("printf 'a\\0b\\377c\\033[31md\\342\\200\\256e\\n'");
	assert_string_equal(binary, "a b\357\277\275cde\n");
}

/* --- Python --- */

static void python_keeps_its_variables_and_shows_errors(void **state)
{
	(void)state;
	assert_string_equal(call("python", "code", "x = 20\nx + 1", "{}"), "21\n");
	assert_string_equal(call("python", "code", "log('x is', x)", "{}"), "x is 20\n");
	assert_says(call_failing("python", "code", "def f():\n    return 1/0\nf()", "{}"),
			"ZeroDivisionError");
	assert_says(call_failing("python", "code", "x +", "{}"), "SyntaxError");
	assert_says(call_failing("python", "code", "while True: pass", "{\"timeout_s\":1}"),
			"KeyboardInterrupt");
	assert_string_equal(call("python", "code", "x", "{}"), "20\n");
	assert_says(call_failing("python", "code", "import os; os._exit(4)", "{}"),
			"without its variables");
	assert_says(call_failing("python", "code", "x", "{}"), "NameError");
}

static void python_shows_pictures(void **state)
{
	(void)state;
	long status = 0;
	CUA_AUTO_JSON cJSON *answer = call_any("python", "code",
			"import pyautogui\ndisplay(pyautogui.screenshot(region=(0, 0, 60, 40)))",
			"{}", &status);
	assert_int_equal(status, 200);
	assert_string_equal(json_text(answer, "content.0.mimeType"), "image/png");
	assert_memory_equal(json_text(answer, "content.0.data"), "iVBORw0KGgo", 11);
	assert_says(call_failing("python", "code", "display(b'no picture')", "{}"), "no picture");
}

/* A model's API would refuse it, now and with every later request that has it in its history. */
static void damaged_pictures_are_errors(void **state)
{
	(void)state;
	call("python", "code",
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
		call("read_file", "path", path, "{}");
		snprintf(path, sizeof(path), "cut.%s", kinds[i][0]);
		assert_says(call_failing("read_file", "path", path, "{}"), kinds[i][1]);
	}
	assert_says(call_failing("read_file", "path", "head.png", "{}"), "it is cut off");
	assert_says(call_failing("python", "code", "display('cut.png')", "{}"),
			"RuntimeError: the picture cannot be decoded as PNG: it is cut off");
}

/* What it does is read from the desktop, not from what it says. */
static void pyautogui_acts_on_the_desktop(void **state)
{
	(void)state;
	assert_says(call("python", "code", "import pyautogui\npyautogui.size()", "{}"),
			"width=1280, height=800");
	call("python", "code", "pyautogui.moveTo(321, 123)", "{}");
	CUA_AUTO_JSON cJSON *where = desktop_act(&desktop, "[{\"action\":\"cursor_position\"}]");
	assert_int_equal(json_number(where, "results.0.x"), 321);
	assert_int_equal(json_number(where, "results.0.y"), 123);
	desktop_do(&desktop,
			"[{\"action\":\"open_app\",\"name\":\"xterm -e 'cat > "
			"workspace/typed'\"}]");
	call("python", "code",
			"pyautogui.write('Grüße 你好')\npyautogui.press('enter')\n"
			"pyautogui.keyDown('shift'); pyautogui.press('a'); "
			"pyautogui.keyUp('shift')\n"
			"pyautogui.press(['b', 'enter'])\npyautogui.hotkey('ctrl', 'd')",
			"{}");
	assert_string_equal(bash("cat ~/workspace/typed"), "Grüße 你好\nAb\n");
	assert_says(call_failing("python", "code", "pyautogui.click(5000, 10)", "{}"), "1279");
	call("python", "code", "pyautogui.mouseDown(700, 700)", "{}");
	/* Behind the release, which the end of the call has asked for. */
	desktop_do(&desktop, "[{\"action\":\"cursor_position\"}]");
	assert_nothing_held(&desktop);
}

/* Where every pixel is equal; without a library for it. */
static void pyautogui_finds_pictures(void **state)
{
	(void)state;
	assert_string_equal(
			call("python", "code",
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
	assert_says(call_failing("python", "code", "p.locateOnScreen(noise)", "{}"),
			"ImageNotFoundException: the picture is not there");
	assert_says(call_failing("python", "code", "p.locate(noise, part)", "{}"), "is larger");
	call("python", "code",
			"p.useImageNotFoundException(False)\nassert p.locateOnScreen(noise, "
			"minSearchTime=0.2) is None\np.useImageNotFoundException()",
			"{}");
	if (strcmp(bash("python3 -c 'import cv2' 2>/dev/null || echo none"), "none\n") == 0) {
		assert_says(call_failing("python", "code", "p.locateOnScreen(part, confidence=0.8)",
					    "{}"),
				"PyAutoGUIException: confidence needs python3-opencv");
	}
}

/* Whatever published code calls is there, or says what to use instead. */
static void pyautogui_has_its_names(void **state)
{
	(void)state;
	assert_string_equal(
			call("python", "code",
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
	assert_says(call_failing("python", "code", "p.run('c')", "{}"), "call click(), write()");
}

static void pyperclip_is_the_clipboard(void **state)
{
	(void)state;
	assert_string_equal(call("python", "code",
					    "import pyperclip\npyperclip.copy('Grüße 你好')\n"
					    "pyperclip.paste()",
					    "{}"),
			"'Grüße 你好'\n");
	CUA_AUTO_JSON cJSON *held = desktop_act(&desktop, "[{\"action\":\"clipboard_get\"}]");
	assert_string_equal(json_text(held, "results.0.text"), "Grüße 你好");
	desktop_do(&desktop, "[{\"action\":\"clipboard_set\",\"text\":\"from outside\"}]");
	assert_string_equal(call("python", "code", "pyperclip.paste()", "{}"), "'from outside'\n");
	assert_says(call_failing("python", "code", "pyperclip.copy(None)", "{}"),
			"PyperclipException: only str");
}

static void large_pictures_come_and_forks_do_no_harm(void **state)
{
	(void)state;
	long status = 0;
	/* Noise does not shrink: 3 MB. */
	CUA_AUTO_JSON cJSON *answer = call_any("python", "code",
			"import os\nfrom PIL import Image\n"
			"display(Image.frombytes('RGB', (1000, 1000), os.urandom(3000000)))",
			"{}", &status);
	assert_int_equal(status, 200);
	assert_true(strlen(json_text(answer, "content.0.data")) > 3000000);
	assert_says(call_failing("python", "code",
				    "display(b'\\x89PNG\\r\\n\\x1a\\n' + bytes(9 << 20))", "{}"),
			"at most 8 MB");
	call("python", "code", "kept = 7\nif os.fork() == 0: kept = 8", "{}");
	assert_string_equal(call("python", "code", "kept", "{}"), "7\n");
	assert_string_equal(call("python", "code", "kept + 1", "{}"), "8\n");
	assert_says(call_failing("python", "code",
				    "import pyautogui\npyautogui._ask({'actions': [{'action': "
				    "'mark_screen'}]})",
				    "{}"),
			"scripts cannot do mark_screen");
}

/* More code than its pipe holds, for a shell that has stopped itself. */
static void a_shell_that_does_not_read_holds_nothing_up(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *code = malloc(200002);
	assert_non_null(code);
	memset(code, '#', 200001);
	code[200001] = '\0';
	bash("rm -f /tmp/stop; echo $$ > /tmp/shell; (until [ -e /tmp/stop ]; do sleep 0.02; done; "
	     "kill "
	     "-STOP "
	     "$$) > /dev/null 2>&1 &");
	free(desktop_sh(&desktop,
			"touch /tmp/stop; until grep -q 'State:.T' /proc/$(cat /tmp/shell)/status; "
			"do "
			"sleep "
			"0.02; done"));
	assert_says(call_failing("bash", "command", code, "{\"timeout_s\":1}"), "new one");
	assert_string_equal(bash("echo again"), "again\n");
}

/* --- files --- */

static void files_are_written_whole_and_kept(void **state)
{
	(void)state;
	call("write_file", "content", "one\ntwo\n", "{\"path\":\"deep/er/notes.txt\"}");
	assert_string_equal(call("read_file", "path", "deep/er/notes.txt", "{}"), "one\ntwo\n");
	bash("chmod 640 ~/workspace/deep/er/notes.txt");
	assert_says(call("write_file", "content", "three\n", "{\"path\":\"deep/er/notes.txt\"}"),
			"~ behind its name");
	assert_string_equal(bash("cd ~/workspace/deep/er; cat notes.txt notes.txt~; stat -c %a "
				 "notes.txt; ls -A"),
			"three\none\ntwo\n640\nnotes.txt\nnotes.txt~\n");
	bash("cd ~/workspace; (echo first; head -c 60000 /dev/zero | tr '\\0' x; echo; echo last) "
	     "> wide");
	assert_says(call("text_editor", "path", "wide",
				    "{\"command\":\"insert\",\"insert_line\":2,\"insert_text\":"
				    "\"once\"}"),
			"is written");
	assert_string_equal(bash("grep -c once ~/workspace/wide"), "1\n");
	assert_says(call("read_file", "path", "wide", "{\"offset\":2}"), "line 2 cut here");
	call("text_editor", "path", "list.txt",
			"{\"command\":\"create\",\"file_text\":\"a\\nb\\nc\\n\"}");
	assert_says(call("text_editor", "path", "list.txt",
				    "{\"command\":\"str_replace\",\"old_str\":\"b\\n\",\"new_str\":"
				    "\"B\\nbb\\n\"}"),
			"     2\tB\n     3\tbb\n");
	call("text_editor", "path", "list.txt",
			"{\"command\":\"insert\",\"insert_line\":0,\"insert_text\":\"first\"}");
	assert_string_equal(call("text_editor", "path", "list.txt",
					    "{\"command\":\"view\",\"view_range\":[1,2]}"),
			"     1\tfirst\n     2\ta\n[cut before line 3; 7 bytes are left]");
	assert_says(call_failing("text_editor", "path", "list.txt",
				    "{\"command\":\"str_replace\",\"old_str\":\"b\",\"new_str\":"
				    "\"\"}"),
			"more than once");
	assert_says(call_failing("text_editor", "path", "list.txt",
				    "{\"command\":\"str_replace\",\"old_str\":\"zz\"}"),
			"not in the file");
}

static void nothing_outside_of_the_workspace_is_reached(void **state)
{
	(void)state;
	static const char *const outside[] = { "/etc/passwd", "../secret", "deep/../../secret",
		"link", "folder/passwd", "up/secret", "/proc/self/root/etc/passwd",
		"/home/agent/workspace/../secret", "/home/agent/workspacesecret", "relative" };
	free(desktop_sh(&desktop, "echo outside >~/secret; echo x >~/workspacesecret"));
	bash("cd ~/workspace; mkdir -p deep; ln -sfn /etc/passwd link; ln -sfn /etc folder; ln "
	     "-sfn .. up; "
	     "ln -sfn ../secret relative");
	for (size_t i = 0; i < CUA_ARRAY_LEN(outside); i++) {
		assert_says(call_failing("read_file", "path", outside[i], "{}"),
				"leaves the workspace");
		call_failing("write_file", "path", outside[i], "{\"content\":\"overwritten\"}");
		call_failing("text_editor", "path", outside[i],
				"{\"command\":\"create\",\"file_text\":\"overwritten\"}");
		call_failing("search", "path", outside[i], "{\"pattern\":\".\"}");
		call_failing("git", "repository", outside[i], "{\"command\":\"status\"}");
	}
	assert_says(call_failing("write_file", "path", "fresh/../../out", "{\"content\":\"x\"}"),
			"fresh/../../out leaves the workspace");
	assert_string_equal(bash("ls -d ~/workspace/fresh 2>&1 | grep -c 'No such'"), "1\n");
	call("write_file", "path", "deep/../fresh", "{\"content\":\"x\"}");
	CUA_AUTO_FREE char *secret = desktop_sh(&desktop, "cat ~/secret");
	assert_string_equal(secret, "outside");
	CUA_AUTO_FREE char *changed = desktop_sh(&desktop, "grep -rl overwritten ~ || echo none");
	assert_string_equal(changed, "none");
}

/* A name that changes from a file to a link out and back, while it is read. */
static void no_race_leads_out(void **state)
{
	(void)state;
	bash("cd ~/workspace; mkdir -p in out; echo inside > in/file; ln -sfn /etc out/link; "
	     "echo inside > in/passwd; (while :; do ln -sfn in turn; ln -sfn /etc turn; done) & "
	     "echo $! > /tmp/racer");
	int inside = 0;
	for (int i = 0; i < 300; i++) {
		long status = 0;
		CUA_AUTO_JSON cJSON *answer =
				call_any("read_file", "path", "turn/passwd", "{}", &status);
		const char *text = json_text(answer, "content.0.text");
		inside += strcmp(text, "inside\n") == 0;
		assert_true(!text[0] || strcmp(text, "inside\n") == 0);
	}
	bash("kill $(cat /tmp/racer)");
	assert_true(inside > 0);
}

static void strange_files_are_refused_and_hold_nothing_up(void **state)
{
	(void)state;
	bash("cd ~/workspace; mkfifo -m 600 pipe; printf 'a\\0b' > zero; printf '\\377' > latin; "
	     "mkdir -p box; truncate -s 100M huge; chmod 000 zero.txt 2>/dev/null; echo x > "
	     "closed; chmod 000 closed; python3 -c \"import socket; "
	     "socket.socket(socket.AF_UNIX).bind('sock')\"");
	assert_says(call_failing("read_file", "path", "pipe", "{}"), "a pipe");
	assert_says(call_failing("read_file", "path", "sock", "{}"), "sock");
	assert_says(call_failing("read_file", "path", "box", "{}"), "a folder");
	assert_says(call_failing("read_file", "path", "zero", "{}"), "byte 0");
	assert_says(call_failing("read_file", "path", "latin", "{}"), "UTF-8");
	assert_says(call_failing("read_file", "path", "huge", "{}"), "huge");
	assert_says(call_failing("read_file", "path", "closed", "{}"), "ermission");
	assert_says(call_failing("read_file", "path", "absent", "{}"), "does not exist");
	assert_says(call_refused("read_file", "path", "closed", "{}"), "ermission");
	assert_says(call_refused("read_file", "path", "sock", "{}"), "sock is a socket");
	bash("cd ~/workspace; mkdir -p backed.txt~; echo old > backed.txt; mkdir -p shut; chmod "
	     "555 "
	     "shut");
	assert_says(call_refused("write_file", "content", "x", "{\"path\":\"backed.txt\"}"),
			"backed.txt~: Is a directory");
	assert_says(call_refused("write_file", "content", "x", "{\"path\":\"shut/new\"}"),
			"shut/new is not written: Permission denied");
	assert_says(call_failing("write_file", "content", "x", "{\"path\":\"pipe\"}"),
			"no regular file");
	assert_says(call_failing("write_file", "content", "x", "{\"path\":\"box\"}"),
			"no regular file");
}

/* --- searching, git --- */

static void searching_finds_and_never_hangs(void **state)
{
	(void)state;
	bash("cd ~/workspace; mkdir -p code; printf 'int main(void)\\n' > code/main.c; printf "
	     "'int main\\n' > code/notes.md; head -c 1000000 /dev/zero | tr '\\0' a > code/as.c");
	assert_string_equal(call("search", "pattern", "main\\(",
					    "{\"path\":\"code\",\"glob\":\"*.c\"}"),
			"code/main.c:1:int main(void)\n");
	assert_says(call("search", "pattern", "main\\(", "{\"glob\":\"*.c\"}"),
			"./code/main.c:1:int main(void)\n");
	assert_says(call_refused("search", "pattern", "main", "{\"glob\":\"[\"}"), "parsing glob");
	assert_null(strstr(said, "could not be read"));
	bash("touch ~/workspace/unreadable; chmod 000 ~/workspace/unreadable");
	assert_string_equal(call("search", "pattern", "nowhere to be found", "{}"),
			"nothing was found\n[some files could not be read]");
	assert_says(call_failing("search", "pattern", "(", "{}"), "regex");
	assert_string_equal(call("search", "pattern", "(a+)+$b", "{\"path\":\"code/as.c\"}"),
			"nothing was found");
	assert_string_equal(call("search", "pattern", "--files", "{\"path\":\"code\"}"),
			"nothing was found");
	bash("cd ~/workspace; mkfifo code/queue; python3 -c 'import socket; "
	     "socket.socket(socket.AF_UNIX).bind(\"code/wire\")'");
	assert_says(call_failing("search", "pattern", "x", "{\"path\":\"code/queue\"}"),
			"code/queue is a pipe, neither a file nor a folder");
	assert_says(call_failing("search", "pattern", "x", "{\"path\":\"code/wire\"}"),
			"code/wire is a socket, neither a file nor a folder");
	assert_string_equal(call("search", "pattern", "nowhere to be found", "{\"path\":\"code\"}"),
			"nothing was found");
}

static void git_works_and_runs_no_hooks(void **state)
{
	(void)state;
	bash("cd ~/workspace; git init -q repo; cd repo; git config user.name A; git config "
	     "user.email a@example.org; printf '#!/bin/sh\\ntouch /tmp/hooked\\n' > "
	     ".git/hooks/pre-commit; chmod +x .git/hooks/pre-commit; git config core.fsmonitor "
	     "'touch /tmp/monitored'; git config diff.external 'touch /tmp/differed'; echo one > "
	     "a.txt");
	assert_says(call("git", "repository", "repo", "{\"command\":\"status\"}"), "?? a.txt");
	call("git", "repository", "repo", "{\"command\":\"add\",\"paths\":[\"a.txt\"]}");
	assert_says(call("git", "repository", "repo", "{\"command\":\"diff\",\"staged\":true}"),
			"+one");
	call("git", "repository", "repo",
			"{\"command\":\"commit\",\"message\":\"first; rm -rf ~\"}");
	assert_says(call("git", "repository", "repo", "{\"command\":\"log\"}"), "first; rm -rf ~");
	assert_string_equal(bash("ls /tmp/hooked /tmp/monitored /tmp/differed 2>/dev/null | wc -l"),
			"0\n");
	assert_says(call_failing("git", "repository", "repo", "{\"command\":\"commit\"}"),
			"message");
	assert_says(call_failing("git", "repository", "repo", "{\"command\":\"rebase\"}"),
			"must be one of");
}

/* The account's name, and an address that is nobody's; whatever else is set comes first. */
static void git_commits_for_whoever_did_not_say_their_name(void **state)
{
	(void)state;
	bash("cd ~/workspace; rm -rf mine; git init -q mine; cd mine; echo one > a; echo two > b");
	call("git", "repository", "mine", "{\"command\":\"add\",\"paths\":[\"a\"]}");
	call("git", "repository", "mine", "{\"command\":\"commit\",\"message\":\"one\"}");
	bash("cd ~/workspace/mine; git add b; git commit -qm two; git config user.email "
	     "own@example.org; echo three > b");
	call("git", "repository", "mine", "{\"command\":\"add\",\"paths\":[\"b\"]}");
	call("git", "repository", "mine", "{\"command\":\"commit\",\"message\":\"three\"}");
	assert_string_equal(bash("cd ~/workspace/mine; git log --format='%an <%ae> %ce'"),
			"agent <own@example.org> own@example.org\n"
			"agent <agent@desktop.invalid> agent@desktop.invalid\n"
			"agent <agent@desktop.invalid> agent@desktop.invalid\n");
}

/* A filter, a hook and a monitor of a repository within one would run with the question what has
 * changed there. */
static void git_enters_no_nested_repository(void **state)
{
	(void)state;
	bash("cd ~/workspace; rm -rf nest /tmp/entered; git init -q nest; cd nest; git init -q "
	     "sub; "
	     "cd sub; echo '* filter=q' > .gitattributes; echo x > f; git add -A; git commit -qm "
	     "1; "
	     "cd ..; git add -A 2>/dev/null; git commit -qm 1; cd sub; git config filter.q.clean "
	     "'touch /tmp/entered; cat'; git config core.fsmonitor 'touch /tmp/entered'; printf "
	     "'#!/bin/sh\ntouch /tmp/entered\n' > .git/hooks/post-index-change; chmod +x "
	     ".git/hooks/post-index-change; echo yy > f; cd ..; echo new > new; echo more > more; "
	     "git "
	     "config -f .gitmodules submodule.s.path sub; git config submodule.s.ignore none; git "
	     "config submodule.s.url x");
	assert_says(call("git", "repository", "nest", "{\"command\":\"status\"}"), "?? new");
	call("git", "repository", "nest", "{\"command\":\"diff\"}");
	assert_says(call_failing("git", "repository", "nest",
				    "{\"command\":\"add\",\"paths\":[\".\"]}"),
			"no nested repository's settings count");
	call("git", "repository", "nest", "{\"command\":\"add\",\"paths\":[\"new\",\"more\"]}");
	assert_says(call("git", "repository", "nest",
				    "{\"command\":\"commit\",\"message\":\"new\"}"),
			"2 files changed");
	call_failing("git", "repository", "nest", "{\"command\":\"commit\",\"message\":\"none\"}");
	call("git", "repository", "nest", "{\"command\":\"log\"}");
	assert_string_equal(bash("ls /tmp/entered 2>&1 | grep -c 'No such'"), "1\n");
}

static void git_heeds_no_global_settings_that_run_programs(void **state)
{
	(void)state;
	bash("cd ~/workspace; rm -rf plain; git init -q plain; git config --global filter.x.clean "
	     "'touch /tmp/cleaned; cat'; echo '* filter=x' > plain/.gitattributes; echo a > "
	     "plain/a");
	assert_says(call_failing("git", "repository", "plain",
				    "{\"command\":\"add\",\"paths\":[\"a\"]}"),
			"the tools' global settings have filter.x.clean");
	bash("git config --global --remove-section filter.x; git config --global "
	     "uploadpack.packObjectsHook 'touch /tmp/cleaned'");
	assert_says(call_failing("git", "repository", "plain", "{\"command\":\"pull\"}"),
			"uploadpack.packobjectshook");
	bash("git config --global --remove-section uploadpack; mv $GIT_CONFIG_GLOBAL kept; mkfifo "
	     "$GIT_CONFIG_GLOBAL");
	assert_says(call_refused("git", "repository", "plain", "{\"command\":\"status\"}"),
			"gitconfig is a pipe");
	bash("mv -f kept $GIT_CONFIG_GLOBAL; git config --global alias.filter log");
	call("git", "repository", "plain", "{\"command\":\"add\",\"paths\":[\"a\"]}");
	assert_string_equal(
			bash("git config --global --remove-section alias; ls /tmp/cleaned 2>&1 | "
			     "grep -c 'No such'"),
			"1\n");
}

/* Its hooks are those of another repository, and would run here. */
static void git_pushes_to_no_folder(void **state)
{
	(void)state;
	bash("cd ~/workspace; rm -rf bare mine; git init -q --bare bare; printf '#!/bin/sh\ntouch "
	     "/tmp/received\n' > bare/hooks/pre-receive; chmod +x bare/hooks/pre-receive; git "
	     "init -q mine; cd mine; git config push.default current; git remote add origin "
	     "~/workspace/bare; echo one > a; git add a; git commit -qm one");
	assert_says(call_failing("git", "repository", "mine", "{\"command\":\"push\"}"),
			"bash may push there");
	assert_string_equal(bash("ls /tmp/received 2>&1 | grep -c 'No such'; cd "
				 "~/workspace/mine; git push -q; ls /tmp/received"),
			"1\n/tmp/received\n");
}

/* However they are spelled, and wherever they lie: git itself is asked what they are. */
static void git_takes_no_repository_that_runs_programs(void **state)
{
	(void)state;
	static const struct {
		const char *settings, *says;
	} bad[] = {
		{ "git config filter.x.clean 'touch ~/cleaned'", "filter.x.clean" },
		{ "printf '[FILTER \"x\"]\\n\\tsmudge = true\\n' >> .git/config",
				"filter.x.smudge" },
		{ "printf '[include]\\npath = /tmp/other\\n' >> .git/config", "include.path" },
		{ "git config core.worktree /tmp", "core.worktree" },
		{ "git config core.sshCommand 'touch ~/ssh'", "core.sshcommand" },
		{ "git config extensions.worktreeConfig true; printf '[core]\\nsshCommand = x\\n' "
		  "> "
		  ".git/config.worktree",
				"extensions.worktreeconfig" },
		{ "git config url./tmp/.insteadOf http://x/", "url./tmp/.insteadof" },
		{ "git config filter.x.clean y; mkdir ../linked; mv .git ../linked/real; echo "
		  "'gitdir: "
		  "../linked/real' > .git",
				"filter.x.clean" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(bad); i++) {
		char script[512];
		snprintf(script, sizeof(script),
				"cd ~/workspace; rm -rf bad linked; git init -q bad; cd bad; %s",
				bad[i].settings);
		bash(script);
		assert_says(call_failing("git", "repository", "bad", "{\"command\":\"status\"}"),
				bad[i].says);
	}
	/* A word of theirs elsewhere is none of them. */
	bash("cd ~/workspace; rm -rf bad; git init -q bad; cd bad; git remote add credential "
	     "/tmp/filter");
	call("git", "repository", "bad", "{\"command\":\"status\"}");
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
	snprintf(said, sizeof(said), "%ld %s%s", status, json_text(answer, "content.0.text"),
			json_text(answer, "error.message"));
	return said;
}

static void a_script_waits_for_leave_outside_of_its_time(void **state)
{
	(void)state;
	static const char code[] = "pyautogui.moveTo(7, 9); print('moved')";
	static const char *const no_words[] = { "", LEAVE ",\"x\":1", ",\"allowed\":\"yes\"",
		",\"allowed\":1", ",\"allowed\":null", ",\"allowed\":false",
		LEAVE ",\"reason\":\"x\"", ",\"refused\":\"by a rule\"" };
	struct cua_http_client *client = NULL, *other = NULL;
	assert_int_equal(cua_http_client_create(desktop.socket, -1, &client, NULL), CUA_OK);
	assert_int_equal(cua_http_client_create(desktop.socket, -1, &other, NULL), CUA_OK);
	desktop_do(&desktop, "[{\"action\":\"move\",\"x\":100,\"y\":100}]");
	int number = begin_judged(client, code);
	CUA_AUTO_JSON cJSON *before = desktop_act(&desktop, "[{\"action\":\"cursor_position\"}]");
	assert_int_equal(json_number(before, "results.0.x"), 100);
	/* Nobody else has a say, and no other act is meant. */
	assert_says(judge(other, number, LEAVE), "404 no script of this connection");
	assert_says(judge(client, number + 1, LEAVE), "404 no script");
	for (size_t i = 0; i < CUA_ARRAY_LEN(no_words); i++) {
		assert_says(judge(client, number, no_words[i]), "400 the body must be");
	}
	desktop_do(&desktop, "[{\"action\":\"wait\",\"duration_ms\":1200}]");
	assert_string_equal(judge(client, number, LEAVE), "200 moved\n");
	CUA_AUTO_JSON cJSON *after = desktop_act(&desktop, "[{\"action\":\"cursor_position\"}]");
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
	assert_int_equal(cua_http_client_create(desktop.socket, -1, &client, NULL), CUA_OK);
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
	assert_int_equal(cua_http_client_create(desktop.socket, -1, &client, NULL), CUA_OK);
	desktop_do(&desktop, "[{\"action\":\"move\",\"x\":100,\"y\":100}]");
	call("python", "code", "kept = 'yes'", "{}");
	(void)begin_judged(client, "pyautogui.moveTo(7, 9)");
	cua_http_client_destroy(client);
	assert_string_equal(call("python", "code", "print(kept)", "{}"), "yes\n");
	CUA_AUTO_JSON cJSON *after = desktop_act(&desktop, "[{\"action\":\"cursor_position\"}]");
	assert_int_equal(json_number(after, "results.0.x"), 100);
}

/* --- callers --- */

static void wrong_calls_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *body, *says;
	} wrong[] = {
		{ "", "the body must be" },
		{ "[]", "the body must be" },
		{ "{\"tool\":\"bash\",\"arguments\":[]}", "the body must be" },
		{ "{\"tool\":\"bash\",\"more\":1}", "the body must be" },
		{ "{\"tool\":\"nonsense\"}", "no tool" },
		{ "{\"tool\":\"ask_person\",\"arguments\":{\"question\":\"?\"}}", "no tool" },
		{ "{\"tool\":\"bash\",\"arguments\":{\"command\":7}}", "must be a string" },
		{ "{\"tool\":\"bash\",\"arguments\":{\"command\":\"ls\",\"x\":1}}", "takes no" },
		{ "{\"tool\":\"bash\",\"arguments\":{\"command\":\"ls\",\"timeout_s\":0}}",
				"from 1 to 600" },
		{ "{\"tool\":\"read_file\"}", "path is missing" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(wrong); i++) {
		long status = 0;
		CUA_AUTO_JSON cJSON *answer = post(wrong[i].body, &status);
		assert_in_range(status, 400, 404);
		assert_says(json_text(answer, "error.message"), wrong[i].says);
	}
}

static void an_environment_says_what_was_made(void **state)
{
	(void)state;
	const uint64_t begin_us = cua_now_us();
	assert_says(call_failing("environment_setup", "language", "node",
				    "{\"packages\":[\"tiny-js\"]}"),
			"this desktop has none (--network=none); nothing was made");
	assert_says(bash("ls package.json 2>&1; true"), "No such file");
	assert_in_range(cua_now_us() - begin_us, 0, 10000000);
	assert_says(call("environment_setup", "language", "node", "{}"),
			"package.json is ready; no packages were installed");
	assert_says(call("environment_setup", "language", "node", "{\"timeout_s\":60}"),
			"package.json was there already; what it names was not installed, as this "
			"desktop has no network");
	assert_says(call("environment_setup", "language", "python", "{}"), ".venv is ready");
	assert_string_equal(
			bash(".venv/bin/python -c 'print(1)'; rm -rf .venv package.json"), "1\n");
}

static void pages_of_a_pdf_are_counted(void **state)
{
	(void)state;
	bash("cat > two.pdf <<'END'\n"
	     "%PDF-1.4\n"
	     "1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n"
	     "2 0 obj <</Type/Pages/Kids[3 0 R 4 0 R]/Count 2/MediaBox[0 0 99 99]>> endobj\n"
	     "3 0 obj <</Type/Page/Parent 2 0 R>> endobj\n"
	     "4 0 obj <</Type/Page/Parent 2 0 R>> endobj\n"
	     "trailer <</Root 1 0 R>>\n"
	     "END\n"
	     "echo '%PDF-1.4' > none.pdf");
	assert_says(call("read_file", "path", "two.pdf", "{\"offset\":2,\"limit\":5}"),
			"[pages 2 to 2 of 2]");
	assert_null(strstr(call("read_file", "path", "two.pdf", "{}"), "of 2]"));
	assert_says(call_failing("read_file", "path", "two.pdf", "{\"offset\":7}"),
			"two.pdf has 2 pages; there is no page 7");
	assert_says(call_failing("read_file", "path", "none.pdf", "{}"),
			"none.pdf cannot be read as a PDF: it is damaged");
}

/* Which call runs. */
static cJSON *ask_which_runs(void)
{
	struct cua_http_response response = { 0 };
	assert_int_equal(desktop_http(&desktop, "GET", "/v1/tools", NULL, 0, NULL, &response), 200);
	cJSON *answer = cJSON_Parse(response.body.data);
	cua_http_response_finish(&response);
	assert_non_null(answer);
	return answer;
}

static bool one_waits(void *data)
{
	(void)data;
	CUA_AUTO_JSON cJSON *tools = ask_which_runs();
	return json_number(tools, "waiting") == 1;
}

/* A call of the shell that goes on; the caller closes the socket, which ends it. */
static int begin_long_call(void)
{
	static const char body[] =
			"{\"tool\":\"bash\",\"arguments\":{\"command\":\"touch /tmp/began; "
			"(setsid sleep 501 &); sleep 500\",\"timeout_s\":600}}";
	char head[200];
	int fd = -1;
	assert_int_equal(cua_unix_connect(desktop.socket, SOCK_STREAM, &fd, NULL), CUA_OK);
	snprintf(head, sizeof(head),
			"POST /v1/tools HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
			"Content-Length: %zu\r\n\r\n",
			strlen(body));
	assert_int_equal(write(fd, head, strlen(head)), (ssize_t)strlen(head));
	assert_int_equal(write(fd, body, strlen(body)), (ssize_t)strlen(body));
	CUA_AUTO_FREE char *seen = desktop_sh(&desktop,
			"for i in $(seq 1000); do [ -e /tmp/began ] && break; sleep 0.01; done; ls "
			"/tmp/began");
	assert_non_null(strstr(seen, "began"));
	return fd;
}

/* Its call ends with it, and the next one does not wait for the first one's time. */
static void a_caller_who_leaves_ends_the_call(void **state)
{
	(void)state;
	bash("kept=yes; rm -f /tmp/began");
	close(begin_long_call());
	assert_string_equal(bash("echo $kept; pgrep -fxc 'sleep 50[01]'; true"), "yes\n0\n");
}

static void who_waits_for_another_call_is_told(void **state)
{
	(void)state;
	bash("rm -f /tmp/began");
	assert_string_equal(
			desktop_tool(&desktop, "bash", "{\"command\":\"echo alone\"}"), "alone\n");
	const int fd = begin_long_call();
	CUA_AUTO_JSON cJSON *running = ask_which_runs();
	assert_string_equal(json_text(running, "running.tool"), "bash");
	assert_true(cJSON_IsFalse(json_at(running, "running.held")));
	assert_int_equal(json_number(running, "waiting"), 0);

	const char *argv[] = { world.program, "tools", "call", "-d", desktop.name, "bash",
		"{\"command\":\"echo second\"}", NULL };
	struct output output;
	struct program second = world_begin(&world, argv, NULL, NULL, 0);
	wait_until(one_waits, NULL, "a call that waits");
	close(fd);
	world_await(&world, &second, &output);
	expect_status(&output, 0, "the call that waited");
	assert_string_equal(output.out, "second\n");
	assert_says(output.err, "cua tools: waiting for another call: bash, for ");
	output_finish(&output);
	CUA_AUTO_JSON cJSON *idle = ask_which_runs();
	assert_null(json_at(idle, "running"));
}

static void tools_come_back_after_they_were_killed(void **state)
{
	(void)state;
	bash("x=1");
	call_failing("bash", "command", "kill -9 $PPID; sleep 60", "{}");
	assert_string_equal(bash("echo \"<$x>\""), "<>\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shell_keeps_what_it_knows),
		cmocka_unit_test(a_command_that_does_not_end_is_ended),
		cmocka_unit_test(what_a_call_has_started_ends_with_it),
		cmocka_unit_test(output_is_bounded_and_plain),
		cmocka_unit_test(an_environment_says_what_was_made),
		cmocka_unit_test(pages_of_a_pdf_are_counted),
		cmocka_unit_test(python_keeps_its_variables_and_shows_errors),
		cmocka_unit_test(python_shows_pictures),
		cmocka_unit_test(damaged_pictures_are_errors),
		cmocka_unit_test(pyautogui_acts_on_the_desktop),
		cmocka_unit_test(pyautogui_finds_pictures),
		cmocka_unit_test(pyautogui_has_its_names),
		cmocka_unit_test(pyperclip_is_the_clipboard),
		cmocka_unit_test(large_pictures_come_and_forks_do_no_harm),
		cmocka_unit_test(a_shell_that_does_not_read_holds_nothing_up),
		cmocka_unit_test(files_are_written_whole_and_kept),
		cmocka_unit_test(nothing_outside_of_the_workspace_is_reached),
		cmocka_unit_test(no_race_leads_out),
		cmocka_unit_test(strange_files_are_refused_and_hold_nothing_up),
		cmocka_unit_test(searching_finds_and_never_hangs),
		cmocka_unit_test(git_works_and_runs_no_hooks),
		cmocka_unit_test(git_takes_no_repository_that_runs_programs),
		cmocka_unit_test(git_commits_for_whoever_did_not_say_their_name),
		cmocka_unit_test(git_enters_no_nested_repository),
		cmocka_unit_test(git_heeds_no_global_settings_that_run_programs),
		cmocka_unit_test(git_pushes_to_no_folder),
		cmocka_unit_test(a_script_waits_for_leave_outside_of_its_time),
		cmocka_unit_test(pictures_of_scripts_are_judged),
		cmocka_unit_test(who_leaves_instead_of_judging_ends_the_script),
		cmocka_unit_test(wrong_calls_are_refused),
		cmocka_unit_test(a_caller_who_leaves_ends_the_call),
		cmocka_unit_test(who_waits_for_another_call_is_told),
		cmocka_unit_test(tools_come_back_after_they_were_killed),
	};
	return cmocka_run_group_tests(tests, start, finish);
}
