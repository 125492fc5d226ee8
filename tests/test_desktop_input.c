/* Mouse and keyboard as an application sees them. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <X11/X.h>
#include <X11/keysym.h>

#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/desktop_recorder.h"
#include "tests/waiting.h"

static struct world world;
static struct desktop desktop;

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "input");
	recorder_start(&desktop);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

static int mark(void **state)
{
	(void)state;
	recorder_mark(&desktop);
	return 0;
}

static int nothing_is_held(void **state)
{
	(void)state;
	assert_nothing_held(&desktop);
	return 0;
}

static void expect_event(const cJSON *events, int index, const char *type, int button, int state,
		int x, int y)
{
	const cJSON *event = cJSON_GetArrayItem(events, index);
	assert_string_equal(json_text(event, "event"), type);
	assert_int_equal(json_number(event, "button"), button);
	assert_int_equal(json_number(event, "state"), state);
	assert_int_equal(json_number(event, "x"), x);
	assert_int_equal(json_number(event, "y"), y);
}

/* The core protocol has state bits for five buttons. */
static int button_mask(int button)
{
	return button <= 5 ? Button1Mask << (button - 1) : 0;
}

/* --- mouse --- */

static void every_button_clicks_once_to_three_times(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int button;
	} buttons[] = { { "left", 1 }, { "middle", 2 }, { "right", 3 }, { "back", 8 },
		{ "forward", 9 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(buttons); i++) {
		for (int count = 1; count <= 3; count++) {
			recorder_mark(&desktop);
			desktop_do(&desktop,
					"[{\"action\":\"click\",\"x\":%d,\"y\":%d,\"button\":\"%"
					"s\","
					"\"count\":%d}]",
					200 + 10 * (int)i, 300 + count, buttons[i].name, count);
			CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "press release");
			assert_int_equal(cJSON_GetArraySize(events), 2 * count);
			for (int k = 0; k < count; k++) {
				expect_event(events, 2 * k, "press", buttons[i].button, 0,
						200 + 10 * (int)i, 300 + count);
				expect_event(events, 2 * k + 1, "release", buttons[i].button,
						button_mask(buttons[i].button), 200 + 10 * (int)i,
						300 + count);
			}
		}
	}
}

static void modifiers_are_held_during_a_click_and_released_after(void **state)
{
	(void)state;
	desktop_do(&desktop,
			"[{\"action\":\"click\",\"x\":50,\"y\":60,\"keys\":[\"ctrl\",\"shift\"]},"
			"{\"action\":\"click\",\"x\":51,\"y\":61,\"keys\":\"alt\"},"
			"{\"action\":\"click\",\"x\":52,\"y\":62}]");
	CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "press release");
	assert_int_equal(cJSON_GetArraySize(events), 6);
	expect_event(events, 0, "press", 1, ControlMask | ShiftMask, 50, 60);
	expect_event(events, 1, "release", 1, ControlMask | ShiftMask | Button1Mask, 50, 60);
	expect_event(events, 2, "press", 1, Mod1Mask, 51, 61);
	expect_event(events, 4, "press", 1, 0, 52, 62);
}

static void every_button_count_and_set_of_modifiers_belong_together(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int button;
	} buttons[] = { { "left", 1 }, { "middle", 2 }, { "right", 3 }, { "back", 8 },
		{ "forward", 9 } };
	static const struct {
		const char *keys;
		int state;
	} sets[] = { { "[\"shift\"]", ShiftMask }, { "[\"ctrl\"]", ControlMask },
		{ "[\"alt\"]", Mod1Mask }, { "[\"super\"]", Mod4Mask },
		{ "[\"ctrl\",\"shift\"]", ControlMask | ShiftMask },
		{ "[\"ctrl\",\"alt\",\"shift\"]", ControlMask | Mod1Mask | ShiftMask } };
	for (size_t set = 0; set < CUA_ARRAY_LEN(sets); set++) {
		for (size_t i = 0; i < CUA_ARRAY_LEN(buttons); i++) {
			const int x = 200 + 10 * (int)i, y = 300 + (int)set;
			recorder_mark(&desktop);
			for (int count = 1; count <= 3; count++) {
				desktop_do(&desktop,
						"[{\"action\":\"click\",\"x\":%d,\"y\":%d,"
						"\"button\":\"%s\",\"count\":%d,\"keys\":%s}]",
						x, y, buttons[i].name, count, sets[set].keys);
			}
			CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "press release");
			assert_int_equal(cJSON_GetArraySize(events), 2 * (1 + 2 + 3));
			for (int k = 0; k < 6; k++) {
				expect_event(events, 2 * k, "press", buttons[i].button,
						sets[set].state, x, y);
				expect_event(events, 2 * k + 1, "release", buttons[i].button,
						sets[set].state | button_mask(buttons[i].button), x,
						y);
			}
			assert_nothing_held(&desktop);
		}
	}
}

static void a_click_without_coordinates_happens_where_the_pointer_is(void **state)
{
	(void)state;
	desktop_do(&desktop, "[{\"action\":\"move\",\"x\":77,\"y\":88},{\"action\":\"click\"}]");
	CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "press");
	expect_event(events, 0, "press", 1, 0, 77, 88);
}

static void every_corner_of_the_screen_can_be_clicked(void **state)
{
	(void)state;
	static const int corners[][2] = { { 0, 0 }, { 1279, 0 }, { 0, 799 }, { 1279, 799 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(corners); i++) {
		recorder_mark(&desktop);
		desktop_do(&desktop, "[{\"action\":\"click\",\"x\":%d,\"y\":%d}]", corners[i][0],
				corners[i][1]);
		CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "press");
		assert_int_equal(cJSON_GetArraySize(events), 1);
		expect_event(events, 0, "press", 1, 0, corners[i][0], corners[i][1]);
		CUA_AUTO_JSON cJSON *answer =
				desktop_act(&desktop, "[{\"action\":\"cursor_position\"}]");
		assert_int_equal(json_number(answer, "results.0.x"), corners[i][0]);
		assert_int_equal(json_number(answer, "results.0.y"), corners[i][1]);
	}
}

static void a_button_stays_down_between_mouse_down_and_mouse_up(void **state)
{
	(void)state;
	desktop_do(&desktop,
			"[{\"action\":\"mouse_down\",\"x\":100,\"y\":100,\"button\":\"right\"}]");
	desktop_do(&desktop, "[{\"action\":\"move\",\"x\":140,\"y\":150}]");
	desktop_do(&desktop, "[{\"action\":\"mouse_up\",\"button\":\"right\"}]");
	CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "press motion release");
	const int count = cJSON_GetArraySize(events);
	assert_true(count >= 3);
	expect_event(events, count - 3, "press", 3, 0, 100, 100);
	expect_event(events, count - 2, "motion", 0, Button3Mask, 140, 150);
	expect_event(events, count - 1, "release", 3, Button3Mask, 140, 150);
}

static void a_drag_passes_every_point_in_order_with_the_button_down(void **state)
{
	(void)state;
	enum { POINTS = 40 };
	char path[2048] = "";
	int points[POINTS][2];
	srand(7);
	for (int i = 0; i < POINTS; i++) {
		points[i][0] = rand() % 200 + 200;
		points[i][1] = rand() % 200 + 200;
		snprintf(path + strlen(path), sizeof(path) - strlen(path), "%s[%d,%d]",
				i > 0 ? "," : "", points[i][0], points[i][1]);
	}
	desktop_do(&desktop, "[{\"action\":\"drag\",\"path\":[%s],\"keys\":\"shift\"}]", path);
	CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "press motion release");
	const int count = cJSON_GetArraySize(events);
	int at = 0;
	while (at < count && strcmp(json_text(cJSON_GetArrayItem(events, at), "event"), "press")) {
		at++;
	}
	expect_event(events, at, "press", 1, ShiftMask, points[0][0], points[0][1]);
	int reached = 1;
	for (at++; at < count - 1; at++) {
		const cJSON *event = cJSON_GetArrayItem(events, at);
		assert_string_equal(json_text(event, "event"), "motion");
		assert_int_equal(json_number(event, "state"), Button1Mask | ShiftMask);
		if (reached < POINTS && json_number(event, "x") == points[reached][0] &&
				json_number(event, "y") == points[reached][1]) {
			reached++;
		}
	}
	assert_int_equal(reached, POINTS);
	expect_event(events, count - 1, "release", 1, Button1Mask | ShiftMask,
			points[POINTS - 1][0], points[POINTS - 1][1]);
}

static int count_button(const cJSON *events, int button)
{
	int count = 0;
	const cJSON *event = NULL;
	cJSON_ArrayForEach (event, events) {
		count += json_number(event, "button") == button;
	}
	return count;
}

static void the_wheel_turns_by_the_count_in_every_direction(void **state)
{
	(void)state;
	static const struct {
		int x, y, button, clicks;
	} turns[] = { { 0, 5, 5, 5 }, { 0, -3, 4, 3 }, { 7, 0, 7, 7 }, { -2, 0, 6, 2 },
		{ 0, 100, 5, 100 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(turns); i++) {
		recorder_mark(&desktop);
		desktop_do(&desktop,
				"[{\"action\":\"scroll\",\"x\":400,\"y\":410,\"scroll_x\":%d,"
				"\"scroll_y\":%d}]",
				turns[i].x, turns[i].y);
		CUA_AUTO_JSON cJSON *presses = recorder_events(&desktop, "press");
		CUA_AUTO_JSON cJSON *releases = recorder_events(&desktop, "release");
		assert_int_equal(cJSON_GetArraySize(presses), turns[i].clicks);
		assert_int_equal(cJSON_GetArraySize(releases), turns[i].clicks);
		assert_int_equal(count_button(presses, turns[i].button), turns[i].clicks);
		expect_event(presses, 0, "press", turns[i].button, 0, 400, 410);
	}
	recorder_mark(&desktop);
	desktop_do(&desktop,
			"[{\"action\":\"scroll\",\"scroll_x\":4,\"scroll_y\":-6,\"keys\":\"ctrl\"}"
			"]");
	CUA_AUTO_JSON cJSON *both = recorder_events(&desktop, "press");
	assert_int_equal(count_button(both, 4), 6);
	assert_int_equal(count_button(both, 7), 4);
	assert_int_equal(json_number(both, "0.state"), ControlMask);
}

/* --- keys --- */

static void expect_chord(const char *keys, unsigned long keysym, int state)
{
	recorder_mark(&desktop);
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":%s}]", keys);
	CUA_AUTO_JSON cJSON *presses = recorder_events(&desktop, "key_press");
	CUA_AUTO_JSON cJSON *releases = recorder_events(&desktop, "key_release");
	const int count = cJSON_GetArraySize(presses);
	const cJSON *last = cJSON_GetArrayItem(presses, count - 1);
	if (count < 1 || json_number(last, "keysym") != (double)keysym ||
			json_number(last, "state") != state) {
		fail_msg("%s: %d keys, the last %s (state %d)", keys, count,
				json_text(last, "name"), (int)json_number(last, "state"));
	}
	assert_int_equal(cJSON_GetArraySize(releases), count);
}

static void chords_arrive_in_every_spelling(void **state)
{
	(void)state;
	static const struct {
		const char *keys;
		unsigned long keysym;
		int state;
	} chords[] = {
		{ "\"Return\"", XK_Return, 0 },
		{ "\"ENTER\"", XK_Return, 0 },
		{ "\"esc\"", XK_Escape, 0 },
		{ "\"ctrl+s\"", XK_s, ControlMask },
		{ "\"CTRL+S\"", XK_s, ControlMask },
		{ "[\"CTRL\",\"S\"]", XK_s, ControlMask },
		{ "\"ctrl shift t\"", XK_T, ControlMask | ShiftMask },
		{ "\"Control_L+Shift_L+T\"", XK_T, ControlMask | ShiftMask },
		{ "\"alt+F7\"", XK_F7, Mod1Mask },
		{ "\"Page_Up\"", XK_Page_Up, 0 },
		{ "\"pageup\"", XK_Page_Up, 0 },
		{ "\"ArrowLeft\"", XK_Left, 0 },
		{ "\"left\"", XK_Left, 0 },
		{ "\"a\"", XK_a, 0 },
		{ "\"A\"", XK_A, ShiftMask },
		{ "\"+\"", XK_plus, ShiftMask },
		{ "\"ctrl++\"", XK_plus, ControlMask | ShiftMask },
		{ "\"ctrl+plus\"", XK_plus, ControlMask | ShiftMask },
		{ "\"%\"", XK_percent, ShiftMask },
		{ "\"super+l\"", XK_l, Mod4Mask },
		{ "\"space\"", XK_space, 0 },
		{ "\"BackSpace\"", XK_BackSpace, 0 },
		{ "\"Delete\"", XK_Delete, 0 },
		{ "\"Tab\"", XK_Tab, 0 },
		{ "\"\\u00e9\"", XK_eacute, 0 },
		{ "\"ctrl+\\u0436\"", XK_Cyrillic_zhe, ControlMask },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(chords); i++) {
		expect_chord(chords[i].keys, chords[i].keysym, chords[i].state);
	}
}

/* ru has no Latin letters; fr and cz write digits with Shift, de the slash. */
static void chords_do_not_depend_on_the_layout(void **state)
{
	(void)state;
	static const char *const layouts[] = { "ru", "fr", "cz", "de", "us" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(layouts); i++) {
		char script[64];
		snprintf(script, sizeof(script), "setxkbmap %s", layouts[i]);
		free(desktop_sh(&desktop, script));
		expect_chord("\"ctrl+s\"", XK_s, ControlMask);
		expect_chord("\"ctrl+shift+s\"", XK_S, ControlMask | ShiftMask);
		expect_chord("\"shift+ctrl+m\"", XK_M, ControlMask | ShiftMask);
		expect_chord("\"ctrl+2\"", XK_2, ControlMask);
		expect_chord("\"alt+/\"", XK_slash, Mod1Mask);
		expect_chord("\"q\"", XK_q, 0);
	}
}

static void a_key_is_pressed_as_often_as_asked(void **state)
{
	(void)state;
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":\"Down\",\"count\":100}]");
	CUA_AUTO_JSON cJSON *presses = recorder_events(&desktop, "key_press");
	CUA_AUTO_JSON cJSON *releases = recorder_events(&desktop, "key_release");
	assert_int_equal(cJSON_GetArraySize(presses), 100);
	assert_int_equal(cJSON_GetArraySize(releases), 100);
}

static void a_held_key_is_released_after_the_duration(void **state)
{
	(void)state;
	desktop_do(&desktop, "[{\"action\":\"hold_key\",\"keys\":\"ctrl+b\",\"duration_ms\":300}]");
	CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "key_press key_release");
	const int count = cJSON_GetArraySize(events); /* repetitions of b among them */
	assert_true(count >= 4);
	assert_int_equal(json_number(events, "0.keysym"), XK_Control_L);
	assert_int_equal(json_number(events, "1.keysym"), XK_b);
	const cJSON *last = cJSON_GetArrayItem(events, count - 1);
	assert_string_equal(json_text(last, "event"), "key_release");
	assert_int_equal(json_number(last, "keysym"), XK_Control_L);
	/* The server's own clock, in milliseconds. */
	assert_true(json_number(last, "time") - json_number(events, "0.time") >= 295);
}

/* --- callers who leave --- */

static bool is_pressed(void *data)
{
	CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, data);
	return cJSON_GetArraySize(events) > 0;
}

static bool nothing_held(void *data)
{
	(void)data;
	CUA_AUTO_FREE char *held = desktop_probe(&desktop, "held", "");
	return strncmp(held, "keys 0 buttons 0 ", 17) == 0;
}

static void leaving_during(const char *actions, const char *pressed)
{
	char body[1024], event[32];
	recorder_mark(&desktop);
	snprintf(body, sizeof(body), "{\"actions\":%s,\"screenshot\":false}", actions);
	snprintf(event, sizeof(event), "%s", pressed);
	const int fd = desktop_post_and_leave_open(&desktop, "/v1/actions", body);
	wait_until(is_pressed, event, "the input arrives");
	close(fd);
	wait_until(nothing_held, NULL, "what was down is released when the caller leaves");
}

static void a_key_is_released_when_its_caller_leaves(void **state)
{
	(void)state;
	leaving_during("[{\"action\":\"hold_key\",\"keys\":\"ctrl+b\",\"duration_ms\":60000}]",
			"key_press");
	/* The desktop is free again, long before the minute is over. */
	expect_chord("\"x\"", XK_x, 0);
}

static void a_drag_ends_when_its_caller_leaves(void **state)
{
	(void)state;
	leaving_during("[{\"action\":\"drag\",\"path\":[[10,10],[1200,700],[10,10],[1200,700],"
		       "[10,10],[1200,700],[10,10],[1200,700],[10,10],[1200,700]]}]",
			"press");
	CUA_AUTO_JSON cJSON *releases = recorder_events(&desktop, "release");
	assert_int_equal(cJSON_GetArraySize(releases), 1);
}

static void a_button_is_released_when_its_caller_leaves(void **state)
{
	(void)state;
	leaving_during("[{\"action\":\"mouse_down\",\"x\":10,\"y\":10}]", "press");
}

static void a_button_to_be_kept_stays_down_without_its_caller(void **state)
{
	(void)state;
	const int fd = desktop_post_and_leave_open(&desktop, "/v1/actions",
			"{\"actions\":[{\"action\":\"mouse_down\",\"x\":10,\"y\":10}],"
			"\"screenshot\":false,\"keep_held\":true}");
	char press[] = "press";
	wait_until(is_pressed, press, "the press");
	char answer[64];
	assert_true(read(fd, answer, sizeof(answer)) > 0);
	close(fd);
	desktop_do(&desktop, "[{\"action\":\"cursor_position\"}]");
	CUA_AUTO_FREE char *held = desktop_probe(&desktop, "held", "");
	assert_int_equal(strncmp(held, "keys 0 buttons 256 ", 19), 0);
	desktop_do(&desktop, "[{\"action\":\"mouse_up\"}]");
	CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "press release");
	assert_int_equal(cJSON_GetArraySize(events), 2);
}

static void mouse_down_of_one_command_and_mouse_up_of_the_next_belong_together(void **state)
{
	(void)state;
	world_expect(&world, 0, "mouse_down", "20", "30", NULL);
	CUA_AUTO_FREE char *held = desktop_probe(&desktop, "held", "");
	assert_int_equal(strncmp(held, "keys 0 buttons 256 ", 19), 0);
	world_expect(&world, 0, "mouse_up", "40", "50", NULL);
	CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "press release");
	expect_event(events, 0, "press", 1, 0, 20, 30);
	expect_event(events, 1, "release", 1, Button1Mask, 40, 50);
}

/* --- lists --- */

static void a_list_stops_at_its_first_failure(void **state)
{
	(void)state;
	long status = 0;
	CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop,
			"{\"actions\":[{\"action\":\"click\",\"x\":5,\"y\":6},"
			"{\"action\":\"mouse_down\",\"x\":9,\"y\":9},"
			"{\"action\":\"focus_window\",\"window\":4242},"
			"{\"action\":\"click\",\"x\":7,\"y\":8}]}",
			&status);
	assert_int_equal(status, 404);
	assert_int_equal(cJSON_GetArraySize(json_at(answer, "results")), 3);
	assert_string_equal(json_text(answer, "results.0.status"), "delivered");
	assert_string_equal(json_text(answer, "results.1.status"), "delivered");
	assert_string_equal(json_text(answer, "results.2.status"), "failed");
	assert_int_equal(json_number(answer, "error.action"), 2);
	assert_string_equal(json_text(answer, "error.class"), "caller");
	assert_non_null(strstr(json_text(answer, "error.message"), "4242"));
	/* It tells where it stands, and lets go of what the list had pressed. */
	assert_non_null(json_at(answer, "screenshot.data"));
	CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "press release");
	assert_int_equal(cJSON_GetArraySize(events), 4);
	expect_event(events, 2, "press", 1, 0, 9, 9);
	assert_string_equal(json_text(events, "3.event"), "release");
}

static void every_action_of_a_list_has_a_result(void **state)
{
	(void)state;
	CUA_AUTO_JSON cJSON *answer = desktop_act(&desktop,
			"[{\"action\":\"move\",\"x\":11,\"y\":12},{\"action\":\"cursor_position\"},"
			"{\"action\":\"key\",\"keys\":\"F5\"},{\"action\":\"wait\",\"duration_ms\":"
			"1},"
			"{\"action\":\"list_windows\"}]");
	static const char *const names[] = { "move", "cursor_position", "key", "wait",
		"list_windows" };
	for (int i = 0; i < (int)CUA_ARRAY_LEN(names); i++) {
		const cJSON *result = cJSON_GetArrayItem(json_at(answer, "results"), i);
		assert_string_equal(json_text(result, "action"), names[i]);
		assert_string_equal(json_text(result, "status"), "delivered");
		assert_true(json_number(result, "ms") >= 0);
	}
	assert_int_equal(json_number(answer, "results.1.x"), 11);
	assert_int_equal(json_number(answer, "pointer.y"), 12);
	assert_string_equal(json_text(answer, "focused.class"), "Recorder");
}

static void input_that_draws_nothing_is_told_apart(void **state)
{
	(void)state;
	CUA_AUTO_JSON cJSON *click =
			desktop_act(&desktop, "[{\"action\":\"click\",\"x\":300,\"y\":300}]");
	assert_string_equal(json_text(click, "results.0.status"), "delivered");
	assert_string_equal(json_text(click, "settle.reason"), "quiet");
	assert_int_equal(json_number(click, "changed.0.0"), 100);
	/* The one key that the recorder does not answer with a drawing. */
	CUA_AUTO_JSON cJSON *nothing =
			desktop_act(&desktop, "[{\"action\":\"key\",\"keys\":\"F12\"}]");
	assert_string_equal(json_text(nothing, "results.0.status"), "no_visible_effect");
	assert_string_equal(json_text(nothing, "settle.reason"), "unchanged");
}

#define INPUT_TEST(function) cmocka_unit_test_setup_teardown(function, mark, nothing_is_held)

int main(void)
{
	const struct CMUnitTest tests[] = {
		INPUT_TEST(every_button_clicks_once_to_three_times),
		INPUT_TEST(every_button_count_and_set_of_modifiers_belong_together),
		INPUT_TEST(modifiers_are_held_during_a_click_and_released_after),
		INPUT_TEST(a_click_without_coordinates_happens_where_the_pointer_is),
		INPUT_TEST(every_corner_of_the_screen_can_be_clicked),
		INPUT_TEST(a_button_stays_down_between_mouse_down_and_mouse_up),
		INPUT_TEST(a_drag_passes_every_point_in_order_with_the_button_down),
		INPUT_TEST(the_wheel_turns_by_the_count_in_every_direction),
		INPUT_TEST(chords_arrive_in_every_spelling),
		INPUT_TEST(chords_do_not_depend_on_the_layout),
		INPUT_TEST(a_key_is_pressed_as_often_as_asked),
		INPUT_TEST(a_held_key_is_released_after_the_duration),
		INPUT_TEST(a_key_is_released_when_its_caller_leaves),
		INPUT_TEST(a_drag_ends_when_its_caller_leaves),
		INPUT_TEST(a_button_is_released_when_its_caller_leaves),
		INPUT_TEST(a_button_to_be_kept_stays_down_without_its_caller),
		INPUT_TEST(mouse_down_of_one_command_and_mouse_up_of_the_next_belong_together),
		INPUT_TEST(a_list_stops_at_its_first_failure),
		INPUT_TEST(every_action_of_a_list_has_a_result),
		INPUT_TEST(input_that_draws_nothing_is_told_apart),
	};
	return cmocka_run_group_tests_name("desktop_input", tests, start, finish);
}
