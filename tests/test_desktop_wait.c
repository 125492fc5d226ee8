/* wait_for: until texts, windows, pixels and pages are as asked for, with a deadline. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"

static struct world world;
static struct desktop desktop;

static int start(void **state)
{
	(void)state;
	desktop_start_alone(&desktop, &world, "wait");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_stop_alone(&desktop);
	return 0;
}

static int close_windows(void **state)
{
	(void)state;
	desktop_end_windows(&desktop, "kill_window");
	return 0;
}

/* An xterm that runs a shell script, which prints nothing of what is typed; its window. */
static long open_terminal(const char *title, const char *script)
{
	char command[512];
	snprintf(command, sizeof(command), "xterm -title %s -e sh -c 'stty -echo; %s'", title,
			script);
	CUA_AUTO_JSON cJSON *result = desktop_text_action(&desktop, "open_app", "name", command);
	return (long)json_number(result, "window.id");
}

/* One wait_for that has to end at its deadline, and has to say this. */
static void expect_late(const char *condition, const char *expected)
{
	char body[512];
	long status = 0;
	snprintf(body, sizeof(body), "{\"actions\":[{\"action\":\"wait_for\",%s}]}", condition);
	CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop, body, &status);
	const char *message = json_text(answer, "error.message");
	if (status != 504 || strcmp(json_text(answer, "error.code"), "timeout") != 0 ||
			!strstr(message, expected)) {
		fail_msg("%s: %ld, %s", condition, status, message);
	}
}

static bool is_listed(const char *title)
{
	CUA_AUTO_JSON cJSON *answer = desktop_act(&desktop, "[{\"action\":\"list_windows\"}]");
	const cJSON *window = NULL;
	cJSON_ArrayForEach (window, json_at(answer, "results.0.windows")) {
		if (strcmp(json_text(window, "title"), title) == 0) {
			return true;
		}
	}
	return false;
}

/* --- windows --- */

static void a_window_is_waited_for(void **state)
{
	(void)state;
	free(desktop_sh(&desktop,
			"(sleep 0.4; exec xterm -title 'Late Visitor') >/dev/null 2>&1 &"));
	CUA_AUTO_JSON cJSON *answer = desktop_act(&desktop,
			"[{\"action\":\"wait_for\",\"until\":\"window\",\"text\":\"late visit\"}]");
	assert_string_equal(json_text(answer, "results.0.window.title"), "Late Visitor");
	assert_true(json_number(answer, "results.0.waited_ms") > 0);
	expect_late("\"until\":\"window\",\"text\":\"Nobody\",\"timeout_ms\":100",
			"\"Late Visitor\"");
	expect_late("\"until\":\"window_gone\",\"text\":\"late visit\",\"timeout_ms\":100",
			"still there");
}

static void a_window_that_closes_is_waited_for(void **state)
{
	(void)state;
	open_terminal("Leaving", "read line; sleep 0.5");
	desktop_do(&desktop,
			"[{\"action\":\"key\",\"keys\":\"Return\"},"
			"{\"action\":\"wait_for\",\"until\":\"window_gone\",\"text\":\"Leaving\"}"
			"]");
	assert_false(is_listed("Leaving"));
}

static void a_title_that_changes_is_noticed(void **state)
{
	(void)state;
	open_terminal("Before", "read line; printf \"\\033]0;After\\007\"; read line; sleep 0.2");
	desktop_do(&desktop,
			"[{\"action\":\"key\",\"keys\":\"Return\"},"
			"{\"action\":\"wait_for\",\"until\":\"window\",\"text\":\"After\"},"
			"{\"action\":\"wait_for\",\"until\":\"window_gone\",\"text\":\"Before\"}]");
	assert_true(is_listed("After"));
	assert_false(is_listed("Before"));
	desktop_do(&desktop,
			"[{\"action\":\"key\",\"keys\":\"Return\"},"
			"{\"action\":\"wait_for\",\"until\":\"window_gone\",\"text\":\"After\"}]");
	assert_false(is_listed("After"));
}

/* --- pixels --- */

static void pixels_are_waited_for(void **state)
{
	(void)state;
	open_terminal("Numbers",
			"read l; sleep 0.3; for i in 1 2 3 4 5 6; do echo $i; sleep 0.1; done; "
			"read l");
	CUA_AUTO_JSON cJSON *answer = desktop_act(&desktop,
			"[{\"action\":\"key\",\"keys\":\"Return\"},"
			"{\"action\":\"wait_for\",\"until\":\"rest\",\"rest_ms\":50},"
			"{\"action\":\"wait_for\",\"until\":\"change\"},"
			"{\"action\":\"wait_for\",\"until\":\"rest\",\"rest_ms\":400}]");
	/* From the first number to the last half a second, and then it is still for as long as was
	 * asked: less had not seen the numbers. */
	assert_true(json_number(answer, "results.2.waited_ms") > 0);
	assert_true(json_number(answer, "results.3.waited_ms") >= 700);
}

static void pixels_of_a_region_are_waited_for(void **state)
{
	(void)state;
	const long window = open_terminal("Endless", "while :; do date +%N; sleep 0.07; done");
	desktop_do(&desktop,
			"[{\"action\":\"move_window\",\"window\":%ld,\"x\":600,\"y\":300},"
			"{\"action\":\"resize_window\",\"window\":%ld,\"width\":300,\"height\":200}"
			"]",
			window, window);
	desktop_do(&desktop,
			"[{\"action\":\"wait_for\",\"until\":\"change\",\"region\":[620,340,200,"
			"100]},"
			"{\"action\":\"wait_for\",\"until\":\"rest\",\"region\":[0,0,300,200],"
			"\"rest_ms\":300}]");
	expect_late("\"until\":\"change\",\"region\":[0,0,300,200],\"timeout_ms\":300",
			"nothing changed there");
}

/* What moves by itself is known for such after a while; its text goes on changing anyway. */
static void a_region_that_does_not_rest_is_told(void **state)
{
	(void)state;
	open_terminal("Random",
			"while :; do head -c 40 /dev/urandom | od -c; sleep 0.1; clear; sleep 0.3; "
			"done");
	expect_late("\"until\":\"rest\",\"rest_ms\":2000,\"timeout_ms\":1500", "never still");
}

/* --- texts and pages --- */

static void text_and_url_are_waited_for(void **state)
{
	char page[900], url[600];
	(void)state;
	if (access("/usr/bin/chromium", X_OK) != 0) {
		skip();
	}
	desktop_sh_expect(&desktop,
			"echo '<!doctype html><title>second</title><p>The second page' "
			">second.html; pwd",
			"/");
	snprintf(page, sizeof(page),
			"cat >first.html <<'END'\n"
			"<!doctype html><title>first</title><p id=p>Not yet</p><script>"
			"let n=0;onkeydown=()=>{n++;setTimeout(()=>{if(n==1)p.textContent='Ready "
			"for you';else if(n==2)p.textContent='Over';else "
			"location='second.html?done'},"
			"600)}</script>\nEND\npwd");
	desktop_sh_expect(&desktop, page, "/");
	snprintf(url, sizeof(url), "file://%s/first.html", desktop.inside_home);
	cJSON_Delete(desktop_text_action(&desktop, "open_url", "url", url));
	desktop_do(&desktop, "[{\"action\":\"wait_for\",\"until\":\"text\",\"text\":\"not yet\"}]");
	CUA_AUTO_JSON cJSON *answer = desktop_act(&desktop,
			"[{\"action\":\"key\",\"keys\":\"x\"},"
			"{\"action\":\"wait_for\",\"until\":\"text\",\"text\":\"ready for you\"},"
			"{\"action\":\"key\",\"keys\":\"x\"},"
			"{\"action\":\"wait_for\",\"until\":\"text_gone\",\"text\":\"Ready for "
			"you\"},"
			"{\"action\":\"find_text\",\"text\":\"Over\"},"
			"{\"action\":\"key\",\"keys\":\"x\"},"
			"{\"action\":\"wait_for\",\"until\":\"url\",\"text\":\"second.html?done\"}"
			"]");
	assert_string_equal(json_text(answer, "results.1.source"), "tree");
	assert_non_null(json_at(answer, "results.1.box"));
	/* It was there, and went only then. */
	assert_int_equal(cJSON_GetArraySize(json_at(answer, "results.4.matches")), 1);
	assert_non_null(strstr(json_text(answer, "results.6.url"), "second.html?done"));
	expect_late("\"until\":\"url\",\"text\":\"third\",\"timeout_ms\":200", "second.html");
	expect_late("\"until\":\"text_gone\",\"text\":\"the second page\",\"timeout_ms\":400",
			"still there");
}

static void text_of_a_picture_is_waited_for(void **state)
{
	(void)state;
	open_terminal("Picture",
			"seq -s \" \" 1 2000; read l; sleep 0.3; clear; echo finished; read l; "
			"clear; "
			"read l");
	/* A terminal tells no elements, and a full one takes longer to recognise than that. */
	expect_late("\"until\":\"text\",\"text\":\"finished\",\"timeout_ms\":1",
			"text recognition has not read its picture in time");
	expect_late("\"until\":\"text_gone\",\"text\":\"finished\",\"timeout_ms\":1",
			"text recognition has not read its picture in time");
	CUA_AUTO_JSON cJSON *answer = desktop_act(&desktop,
			"[{\"action\":\"key\",\"keys\":\"Return\"},"
			"{\"action\":\"wait_for\",\"until\":\"text\",\"text\":\"finished\","
			"\"timeout_"
			"ms\":60000},"
			"{\"action\":\"key\",\"keys\":\"Return\"},"
			"{\"action\":\"wait_for\",\"until\":\"text_gone\",\"text\":\"finished\","
			"\"timeout_ms\":60000}]");
	assert_string_equal(json_text(answer, "results.1.source"), "ocr");
}

/* --- bad input --- */

static void wrong_conditions_are_refused(void **state)
{
	static const char *const bad[] = { "{\"until\":\"text\"}",
		"{\"until\":\"rest\",\"text\":\"a\"}",
		"{\"until\":\"window\",\"text\":\"a\",\"region\":[0,0,1,1]}",
		"{\"until\":\"rest\",\"timeout_ms\":0}", "{\"until\":\"rest\",\"rest_ms\":19}",
		"{\"until\":\"later\"}", "{}" };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(bad); i++) {
		char body[256];
		long status = 0;
		snprintf(body, sizeof(body), "{\"actions\":[{\"action\":\"wait_for\"%s%s]}",
				strcmp(bad[i], "{}") == 0 ? "" : ",", bad[i] + 1);
		CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop, body, &status);
		if (status != 400 || !json_text(answer, "error.message")[0]) {
			fail_msg("%s: status %ld", bad[i], status);
		}
	}
}

#define TEST(name) cmocka_unit_test_teardown(name, close_windows)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_window_is_waited_for),
		TEST(a_window_that_closes_is_waited_for),
		TEST(a_title_that_changes_is_noticed),
		TEST(pixels_are_waited_for),
		TEST(pixels_of_a_region_are_waited_for),
		TEST(a_region_that_does_not_rest_is_told),
		TEST(text_and_url_are_waited_for),
		TEST(text_of_a_picture_is_waited_for),
		TEST(wrong_conditions_are_refused),
	};
	return cmocka_run_group_tests(tests, start, finish);
}
