/* Windows moved, sized, minimized, closed and killed through the window manager. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/desktop_processes.h"
#include "tests/waiting.h"

static struct world world;
static struct desktop desktop;

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "windows");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

static cJSON *list_windows(void)
{
	return desktop_act(&desktop, "[{\"action\":\"list_windows\"}]");
}

/* What has no mercy is killed. */
static int kill_all(void **state)
{
	(void)state;
	desktop_end_windows(&desktop, "kill_window");
	return 0;
}

static double open_app(const char *name)
{
	CUA_AUTO_JSON cJSON *result = desktop_text_action(&desktop, "open_app", "name", name);
	return json_number(result, "window.id");
}

static double open_hostile(const char *mode)
{
	char command[512];
	snprintf(command, sizeof(command), "%s %s", desktop_install(&desktop, CUA_TEST_HOSTILE),
			mode);
	return open_app(command);
}

/* One action on a window; arguments as JSON members. The answer, which the caller deletes. */
static cJSON *act_on(double window, const char *action, const char *arguments)
{
	return desktop_act(&desktop, "[{\"action\":\"%s\",\"window\":%.0f%s}]", action, window,
			arguments);
}

static void expect_refusal(double window, const char *action, const char *arguments,
		long wanted_status, const char *first, const char *second)
{
	char body[256];
	long status = 0;
	snprintf(body, sizeof(body), "{\"actions\":[{\"action\":\"%s\",\"window\":%.0f%s}]}",
			action, window, arguments);
	CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop, body, &status);
	const char *message = json_text(answer, "error.message");
	if (status != wanted_status || !strstr(message, first) || !strstr(message, second)) {
		fail_msg("%s: status %ld: %s", body, status, message);
	}
}

static void assert_frame(const cJSON *answer, int x, int y, int width, int height)
{
	const int wanted[] = { x, y, width, height };
	for (int i = 0; i < 4; i++) {
		const cJSON *number =
				cJSON_GetArrayItem(json_at(answer, "results.0.window.frame"), i);
		if (!cJSON_IsNumber(number) || (wanted[i] >= 0 && number->valueint != wanted[i])) {
			fail_msg("frame[%d] is %d, not %d", i, number ? number->valueint : -1,
					wanted[i]);
		}
	}
}

static void assert_state(const cJSON *answer, const char *state)
{
	assert_string_equal(json_text(answer, "results.0.window.state"), state);
}

static void a_window_goes_where_it_is_told(void **state)
{
	(void)state;
	const double id = open_hostile("stubborn");
	static const int places[][2] = { { 100, 120 }, { 0, 0 }, { 700, 400 }, { 1, 1 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(places); i++) {
		char arguments[64];
		snprintf(arguments, sizeof(arguments), ",\"x\":%d,\"y\":%d", places[i][0],
				places[i][1]);
		CUA_AUTO_JSON cJSON *answer = act_on(id, "move_window", arguments);
		assert_frame(answer, places[i][0], places[i][1], -1, -1);
		assert_state(answer, "normal");
		/* Inside the frame. */
		assert_true(json_number(answer, "results.0.window.x") >= places[i][0]);
		assert_true(json_number(answer, "results.0.window.y") > places[i][1] + 5);
	}
	static const int sizes[][2] = { { 640, 480 }, { 200, 100 }, { 1280, 800 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(sizes); i++) {
		char arguments[64];
		snprintf(arguments, sizeof(arguments), ",\"width\":%d,\"height\":%d", sizes[i][0],
				sizes[i][1]);
		CUA_AUTO_JSON cJSON *answer = act_on(id, "resize_window", arguments);
		assert_frame(answer, -1, -1, sizes[i][0], sizes[i][1]);
	}
	/* The list says the same. */
	CUA_AUTO_JSON cJSON *list = list_windows();
	const cJSON *frame = json_at(list, "results.0.windows.0.frame");
	assert_int_equal(cJSON_GetArrayItem(frame, 2)->valueint, 1280);
	assert_int_equal(cJSON_GetArrayItem(frame, 3)->valueint, 800);
	assert_int_equal(json_number(list, "results.0.windows.0.desktop"), 0);
}

static void a_terminal_takes_whole_characters(void **state)
{
	(void)state;
	const double id = open_app("xterm");
	CUA_AUTO_JSON cJSON *answer = act_on(id, "resize_window", ",\"width\":500,\"height\":300");
	const cJSON *frame = json_at(answer, "results.0.window.frame");
	const int width = cJSON_GetArrayItem(frame, 2)->valueint;
	const int height = cJSON_GetArrayItem(frame, 3)->valueint;
	assert_true(width > 480 && width <= 500 && height > 270 && height <= 300);
}

static void states_come_and_go(void **state)
{
	(void)state;
	const double id = open_hostile("stubborn");
	cJSON_Delete(act_on(id, "move_window", ",\"x\":50,\"y\":60"));
	cJSON_Delete(act_on(id, "resize_window", ",\"width\":400,\"height\":300"));
	CUA_AUTO_JSON cJSON *maximized = act_on(id, "maximize_window", "");
	assert_state(maximized, "maximized");
	assert_frame(maximized, 0, 0, 1280, 800);
	CUA_AUTO_JSON cJSON *minimized = act_on(id, "minimize_window", "");
	assert_state(minimized, "minimized");
	CUA_AUTO_JSON cJSON *back = act_on(id, "restore_window", "");
	assert_state(back, "maximized");
	CUA_AUTO_JSON cJSON *restored = act_on(id, "restore_window", "");
	assert_state(restored, "normal");
	assert_frame(restored, 50, 60, 400, 300);
	/* Nothing left to restore is fine; a maximize brings a minimized window back. */
	cJSON_Delete(act_on(id, "restore_window", ""));
	cJSON_Delete(act_on(id, "minimize_window", ""));
	CUA_AUTO_JSON cJSON *again = act_on(id, "maximize_window", "");
	assert_state(again, "maximized");
	assert_true(cJSON_IsTrue(json_at(again, "results.0.window.active")));
}

/* Applications tell the window manager which corner of theirs stays where it is. */
static void a_window_returns_to_its_place(void **state)
{
	static const char *const programs[] = { "xterm", "xterm -geometry 60x20-0-0",
		"xterm -geometry 60x20-0+0", "featherpad", "libreoffice --writer" };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(programs); i++) {
		const double id = open_app(programs[i]);
		cJSON_Delete(act_on(id, "move_window", ",\"x\":150,\"y\":90"));
		CUA_AUTO_JSON cJSON *own =
				act_on(id, "resize_window", ",\"width\":700,\"height\":450");
		assert_frame(own, 150, 90, -1, -1);
		cJSON_Delete(act_on(id, "maximize_window", ""));
		CUA_AUTO_JSON cJSON *back = act_on(id, "restore_window", "");
		const cJSON *frame = json_at(own, "results.0.window.frame");
		assert_frame(back, 150, 90, cJSON_GetArrayItem(frame, 2)->valueint,
				cJSON_GetArrayItem(frame, 3)->valueint);
		cJSON_Delete(act_on(id, "kill_window", ""));
	}
}

static void what_is_refused_says_by_whom(void **state)
{
	(void)state;
	const double id = open_hostile("fixed");
	expect_refusal(id, "resize_window", ",\"width\":600,\"height\":500", 502, "300x200",
			"600x500");
	expect_refusal(id, "resize_window", ",\"width\":2,\"height\":2", 400, "2x2", "borders");
	expect_refusal(id, "maximize_window", "", 502, "maximize", "does not allow");
	expect_refusal(12345, "move_window", ",\"x\":1,\"y\":1", 404, "12345", "list_windows");
	expect_refusal(12345, "kill_window", "", 404, "12345", "list_windows");
	expect_refusal(id, "move_window", ",\"x\":1280,\"y\":1", 400, "1280", "0 to 1279");
	expect_refusal(id, "resize_window", ",\"width\":0,\"height\":1", 400, "width is 0",
			"1 to 32767");
}

/* --- ending --- */

static void closing_says_whether_it_closed(void **state)
{
	(void)state;
	const double xterm = open_app("xterm");
	CUA_AUTO_JSON cJSON *closed = act_on(xterm, "close_window", "");
	assert_true(cJSON_IsTrue(json_at(closed, "results.0.closed")));
	const double stubborn = open_hostile("stubborn");
	CUA_AUTO_JSON cJSON *open = act_on(stubborn, "close_window", "");
	assert_true(cJSON_IsFalse(json_at(open, "results.0.closed")));
	assert_int_equal(json_number(open, "results.0.window.id"), stubborn);
}

static bool is_gone(void *data)
{
	return process_is_gone(*(const pid_t *)data);
}

static void a_window_that_hangs_is_killed_with_its_process(void **state)
{
	(void)state;
	const double other = open_app("xterm");
	const double id = open_hostile("mute");
	const pid_t pid = desktop_pid(&desktop, "x_hostile");
	assert_int_equal(kill(pid, SIGSTOP), 0);
	CUA_AUTO_JSON cJSON *answer = act_on(id, "kill_window", "");
	assert_true(cJSON_IsTrue(json_at(answer, "results.0.closed")));
	pid_t gone = pid;
	wait_until(is_gone, &gone, "the process ends");
	/* The one beside it is not touched. */
	CUA_AUTO_JSON cJSON *list = list_windows();
	assert_int_equal(cJSON_GetArraySize(json_at(list, "results.0.windows")), 1);
	assert_int_equal(json_number(list, "results.0.windows.0.id"), other);
}

/* --- finding --- */

static void expect_switch(const char *name, double wanted)
{
	CUA_AUTO_JSON cJSON *result = desktop_text_action(&desktop, "switch_app", "name", name);
	if (json_number(result, "window.id") != wanted) {
		fail_msg("%s: %s", name, json_text(result, "window.title"));
	}
}

static void a_name_means_the_window_it_fits_best(void **state)
{
	(void)state;
	/* The class goes before titles that speak of it. */
	const double hostile = open_hostile("stubborn");
	const double notes = open_app("xterm -class Notes -title 'about hostile windows'");
	const double report = open_app("xterm -class Reports -title 'Quarterly report GRÜN'");
	expect_switch("hostile", hostile);
	expect_switch("Hostile", hostile);
	expect_switch("notes", notes);
	expect_switch("hostile windows", notes);
	expect_switch("quarterly", report);
	expect_switch("report grün", report);
	expect_switch("Reports of the year", report);
	/* Minimized comes back. */
	cJSON_Delete(act_on(hostile, "minimize_window", ""));
	expect_switch("hostile", hostile);
	/* An application's name leads to its class. */
	const double xterm = open_app("xterm -title plain");
	expect_switch("debian-xterm.desktop", xterm);
}

static void what_may_mean_several_windows_is_refused(void **state)
{
	(void)state;
	(void)open_app("xterm -class Notes -title 'budget of March'");
	const double other = open_app("xterm -class Reports -title 'budget of April'");
	CUA_AUTO_JSON cJSON *json = NULL;
	long status = 0;
	json = desktop_post(&desktop,
			"{\"actions\":[{\"action\":\"switch_app\",\"name\":\"budget\"}]}", &status);
	assert_int_equal(status, 400);
	assert_non_null(strstr(json_text(json, "error.message"), "budget of March"));
	assert_non_null(strstr(json_text(json, "error.message"), "budget of April"));
	expect_switch("budget april", other);
	/* Windows of one application are one answer, which names the others. */
	(void)open_app("xterm -class Notes -title 'something else'");
	CUA_AUTO_JSON cJSON *result = desktop_text_action(&desktop, "switch_app", "name", "notes");
	assert_string_equal(json_text(result, "window.title"), "something else");
	assert_string_equal(json_text(result, "other_windows.0.title"), "budget of March");
}

#define TEST(function) cmocka_unit_test_teardown(function, kill_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_window_goes_where_it_is_told),
		TEST(a_terminal_takes_whole_characters),
		TEST(states_come_and_go),
		TEST(a_window_returns_to_its_place),
		TEST(what_is_refused_says_by_whom),
		TEST(closing_says_whether_it_closed),
		TEST(a_window_that_hangs_is_killed_with_its_process),
		TEST(a_name_means_the_window_it_fits_best),
		TEST(what_may_mean_several_windows_is_refused),
	};
	return cmocka_run_group_tests_name("desktop_windows", tests, start, finish);
}
