/* X clients that do their worst. What they do to themselves is theirs; every request of ours ends
 * within its bounds, with the right result or an error that says what is wrong, and when they are
 * gone the desktop is as before. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/desktop_processes.h"
#include "tests/files.h"
#include "tests/processes.h"
#include "tests/waiting.h"

/* The longest that any of the requests below may take by its own bounds, and some for a busy
 * machine. */
#define REQUEST_MAX_MS 45000

static struct world world;
static struct desktop desktop;

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "hostile");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

/* One that failed in the middle spoils no other test. */
static int end_hostile(void **state)
{
	(void)state;
	desktop_end_processes(&desktop, "x_hostile");
	return 0;
}

#define HOSTILE(name) cmocka_unit_test_teardown(name, end_hostile)

static bool is_ready(void *data)
{
	char path[512];
	size_t len = 0;
	snprintf(path, sizeof(path), "%s/%s", desktop.home, (const char *)data);
	CUA_AUTO_FREE char *text = read_whole_file(path, &len);
	return text && strcmp(text, "ready\n") == 0;
}

static pid_t hostile_start(const char *mode)
{
	char command[1024], leaf[] = "hostile.log";
	snprintf(command, sizeof(command), "rm -f hostile.log; %s %s >hostile.log 2>&1 &",
			desktop_install(&desktop, CUA_TEST_HOSTILE), mode);
	free(desktop_sh(&desktop, command));
	wait_until(is_ready, leaf, mode);
	return desktop_pid(&desktop, "x_hostile");
}

static bool no_hostile_window(void *data)
{
	CUA_AUTO_JSON cJSON *list = desktop_act(&desktop, "[{\"action\":\"list_windows\"}]");
	const cJSON *window = NULL;
	(void)data;
	cJSON_ArrayForEach (window, json_at(list, "results.0.windows")) {
		if (strcmp(json_text(window, "class"), "Hostile") == 0) {
			return false;
		}
	}
	return true;
}

/* One request; its HTTP status and answer, which the caller deletes. */
static cJSON *bounded(const char *action, long *ret_status)
{
	char body[512];
	snprintf(body, sizeof(body),
			"{\"actions\":[%s],\"screenshot\":false,\"settle\":{\"timeout_ms\":200}}",
			action);
	const uint64_t started_us = cua_now_us();
	cJSON *answer = desktop_post(&desktop, body, ret_status);
	const uint64_t ms = (cua_now_us() - started_us) / 1000;
	if (ms > REQUEST_MAX_MS) {
		fail_msg("%s took %d ms", action, (int)ms);
	}
	return answer;
}

static void expect_ok(const char *action)
{
	long status = 0;
	CUA_AUTO_JSON cJSON *answer = bounded(action, &status);
	if (status != 200) {
		fail_msg("%s: %s", action, json_text(answer, "error.message"));
	}
}

/* Done, or an error of the environment with words in it: never a lost connection or host. */
static void expect_end(const char *action)
{
	long status = 0;
	CUA_AUTO_JSON cJSON *answer = bounded(action, &status);
	if (status != 200 &&
			(strcmp(json_text(answer, "error.class"), "environment") != 0 ||
					strcmp(json_text(answer, "error.code"), "closed") == 0 ||
					strlen(json_text(answer, "error.message")) < 20)) {
		fail_msg("%s: status %ld: %s", action, status, json_text(answer, "error.message"));
	}
}

static void expect_screenshot(void)
{
	struct cua_http_response response;
	assert_int_equal(desktop_http(&desktop, "GET", "/v1/screenshot", NULL, 0, NULL, &response),
			200);
	assert_true(response.body.len > 100);
	assert_memory_equal(response.body.data, "\x89PNG", 4);
	cua_http_response_finish(&response);
}

#define LATE "not delivered yet: the window manager"
#define FLOODED "not delivered: a program kept the window manager busy"

static const char click[] = "{\"action\":\"click\",\"x\":600,\"y\":400}";

/* What needs nobody but the X server works. A click needs the window manager as well, which looks
 * at it first, and may have hundreds of windows to look at before. */
static void expect_service(void)
{
	expect_screenshot();
	expect_ok("{\"action\":\"list_windows\"}");
	expect_ok("{\"action\":\"move\",\"x\":7,\"y\":9}");
	long status = 0;
	CUA_AUTO_JSON cJSON *position = bounded("{\"action\":\"cursor_position\"}", &status);
	assert_int_equal(json_number(position, "results.0.x"), 7);
	assert_int_equal(json_number(position, "results.0.y"), 9);
	expect_ok("{\"action\":\"key\",\"keys\":\"a\"}");
	expect_ok("{\"action\":\"clipboard_set\",\"text\":\"ours\"}");
	CUA_AUTO_JSON cJSON *text = bounded("{\"action\":\"clipboard_get\"}", &status);
	assert_string_equal(json_text(text, "results.0.text"), "ours");
	CUA_AUTO_JSON cJSON *answer = bounded(click, &status);
	const char *message = json_text(answer, "error.message");
	if (status != 200 && !strstr(message, LATE) && !strstr(message, FLOODED)) {
		fail_msg("click: status %ld: %s", status, message);
	}
}

/* Then it is gone, and everything is as before. */
static void expect_recovery(pid_t pid)
{
	kill_and_wait(pid);
	wait_until(no_hostile_window, NULL, "its windows are gone");
	CUA_AUTO_JSON cJSON *opened =
			desktop_text_action(&desktop, "open_app", "name", "xterm -title after");
	assert_string_equal(json_text(opened, "window.title"), "after");
	CUA_AUTO_JSON cJSON *killed =
			desktop_act(&desktop, "[{\"action\":\"kill_window\",\"window\":%.0f}]",
					json_number(opened, "window.id"));
	assert_true(cJSON_IsTrue(json_at(killed, "results.0.closed")));
	assert_nothing_held(&desktop);
}

/* --- windows and floods --- */

static void windows_of_every_kind_leave_us_in_service(void **state)
{
	static const char *const modes[] = { "mute", "huge", "long", "cover", "windows 300" };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(modes); i++) {
		const pid_t pid = hostile_start(modes[i]);
		expect_service();
		expect_end("{\"action\":\"type\",\"text\":\"h\xc3\xa9\xe6\xbc\xa2\"}");
		expect_recovery(pid);
	}
}

static void floods_leave_us_in_service(void **state)
{
	static const char *const modes[] = { "properties", "root", "draw", "fleeting" };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(modes); i++) {
		const pid_t pid = hostile_start(modes[i]);
		expect_service();
		expect_recovery(pid);
	}
}

static bool is_slowed_down(void *data)
{
	return process_is_stopped(*(pid_t *)data);
}

/* It is slowed down, and the others are not. */
static void expect_no_harm_by_flood(const char *mode)
{
	pid_t pid = hostile_start(mode);
	for (int i = 0; i < 2; i++) {
		CUA_AUTO_JSON cJSON *opened = desktop_text_action(
				&desktop, "open_app", "name", "xterm -title beside");
		assert_string_equal(json_text(opened, "window.title"), "beside");
		expect_ok(click);
		cJSON_Delete(desktop_act(&desktop,
				"[{\"action\":\"close_window\",\"window\":%.0f}]",
				json_number(opened, "window.id")));
	}
	wait_until(is_slowed_down, &pid, "it is stopped most of the time");
	expect_recovery(pid);
}

static void a_flood_of_titles_does_not_keep_applications_from_starting(void **state)
{
	(void)state;
	expect_no_harm_by_flood("properties");
}

static void a_flood_of_properties_of_the_root_window_neither(void **state)
{
	(void)state;
	expect_no_harm_by_flood("root");
}

static int count_stopped(pid_t *pids, int count)
{
	int stopped = 0;
	for (int i = 0; i < count; i++) {
		stopped += process_is_stopped(pids[i]);
	}
	return stopped;
}

static bool both_are_slowed_down(void *data)
{
	long status = 0;
	cJSON_Delete(bounded(click, &status));
	return count_stopped(data, 2) == 2;
}

/* Neither of them alone is missed when it is stopped. */
static void two_that_flood_the_root_window_at_once_are_found(void **state)
{
	(void)state;
	pid_t pids[3];
	char command[512];
	const char *program = desktop_install(&desktop, CUA_TEST_HOSTILE);
	snprintf(command, sizeof(command), "for i in 1 2; do %s root >/dev/null 2>&1 & done",
			program);
	cJSON_Delete(desktop_text_action(&desktop, "open_app", "name", "xterm -title beside"));
	free(desktop_sh(&desktop, command));
	assert_int_equal(desktop_pids(&desktop, "x_hostile", pids, 3), 2);
	wait_until(both_are_slowed_down, pids, "both are stopped most of the time");
	const pid_t beside = desktop_pid(&desktop, "xterm");
	assert_false(process_is_stopped(beside));
	kill_and_wait(pids[0]);
	kill_and_wait(beside);
	expect_recovery(pids[1]);
}

static bool has_ended_by_itself(void *data)
{
	char path[512];
	size_t len = 0;
	(void)data;
	expect_ok(click);
	snprintf(path, sizeof(path), "%s/hostile.log", desktop.home);
	CUA_AUTO_FREE char *text = read_whole_file(path, &len);
	return text && strcmp(text, "ready\nended\n") == 0;
}

static bool somebody_is_stopped(void *data)
{
	pid_t pids[64];
	(void)data;
	return count_stopped(pids, desktop_pids(&desktop, "", pids, 64)) > 0;
}

/* It ends when it is stopped, and does not begin again when it goes on. */
static void a_burst_that_ends_by_itself_slows_nobody_down(void **state)
{
	(void)state;
	cJSON_Delete(desktop_text_action(&desktop, "open_app", "name", "xterm -title beside"));
	const pid_t pid = hostile_start("root once"), beside = desktop_pid(&desktop, "xterm");
	wait_until(has_ended_by_itself, NULL, "it was stopped, and went on");
	/* Longer than who is slowed down ever runs. */
	assert_false(waits_until(somebody_is_stopped, NULL, 1500));
	kill_and_wait(beside);
	expect_recovery(pid);
}

/* The window manager that it asks to be shown may be one that is about to be replaced; and the
 * window of the other program is not taken for its. */
static void an_application_that_starts_as_a_flood_begins_is_shown(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		char command[256];
		snprintf(command, sizeof(command), "%s properties >/dev/null 2>&1 &",
				desktop_install(&desktop, CUA_TEST_HOSTILE));
		free(desktop_sh(&desktop, command));
		CUA_AUTO_JSON cJSON *opened = desktop_text_action(
				&desktop, "open_app", "name", "xterm -title amid");
		assert_string_equal(json_text(opened, "window.title"), "amid");
		cJSON_Delete(desktop_act(&desktop,
				"[{\"action\":\"close_window\",\"window\":%.0f}]",
				json_number(opened, "window.id")));
		expect_recovery(desktop_pid(&desktop, "x_hostile"));
	}
}

static void what_covers_everything_is_listed_and_can_be_killed(void **state)
{
	(void)state;
	(void)hostile_start("cover");
	CUA_AUTO_JSON cJSON *list = desktop_act(&desktop, "[{\"action\":\"list_windows\"}]");
	assert_true(cJSON_IsTrue(json_at(list, "results.0.windows.0.override_redirect")));
	assert_string_equal(json_text(list, "results.0.windows.0.class"), "Hostile");
	CUA_AUTO_JSON cJSON *killed =
			desktop_act(&desktop, "[{\"action\":\"kill_window\",\"window\":%.0f}]",
					json_number(list, "results.0.windows.0.id"));
	assert_true(cJSON_IsTrue(json_at(killed, "results.0.closed")));
	assert_true(no_hostile_window(NULL));
}

static void titles_of_megabytes_are_cut(void **state)
{
	(void)state;
	const pid_t pid = hostile_start("long");
	CUA_AUTO_JSON cJSON *list = desktop_act(&desktop, "[{\"action\":\"list_windows\"}]");
	const size_t len = strlen(json_text(list, "results.0.windows.0.title"));
	assert_true(len > 100 && len < 1000);
	assert_true(strlen(json_text(list, "results.0.windows.0.class")) < 1000);
	expect_recovery(pid);
}

/* --- grabs --- */

static void a_grab_of_pointer_and_keyboard_holds_up_nobody(void **state)
{
	(void)state;
	const pid_t pid = hostile_start("grab");
	expect_service();
	expect_recovery(pid);
}

static void expect_frozen(const char *action, const char *device)
{
	long status = 0;
	CUA_AUTO_JSON cJSON *answer = bounded(action, &status);
	const char *message = json_text(answer, "error.message");
	if (status == 200 || !strstr(message, device) || !strstr(message, "frozen")) {
		fail_msg("%s: status %ld: %s", action, status, message);
	}
	assert_non_null(strstr(message, "x_hostile (process "));
	assert_string_equal(json_text(answer, "error.class"), "environment");
	assert_string_equal(json_text(answer, "results.0.status"), "failed");
	assert_non_null(json_at(answer, "focused"));
}

/* It stops where keys are given other symbols, which those in the server would get as well. */
static void expect_frozen_type(void)
{
	long status = 0;
	CUA_AUTO_JSON cJSON *answer = bounded("{\"action\":\"type\",\"text\":\"abc\"}", &status);
	const char *message = json_text(answer, "error.message");
	if (status == 200 || !strstr(message, "0 characters were read, 3 more were sent") ||
			!strstr(message, "frozen the keyboard")) {
		fail_msg("type: status %ld: %s", status, message);
	}
}

/* Input that waits in the server is not called delivered. */
static void a_frozen_device_is_an_error_that_says_so(void **state)
{
	(void)state;
	static const char press[] = "{\"action\":\"key\",\"keys\":\"Right\"}";
	pid_t pid = hostile_start("freeze pointer");
	expect_frozen(click, "pointer");
	expect_frozen("{\"action\":\"click\"}", "pointer");
	expect_frozen("{\"action\":\"move\",\"x\":610,\"y\":410}", "pointer");
	expect_ok(press);
	expect_screenshot();
	expect_recovery(pid);

	pid = hostile_start("freeze keyboard");
	expect_frozen(press, "keyboard");
	expect_frozen_type();
	expect_ok(click);
	expect_recovery(pid);

	pid = hostile_start("freeze click");
	CUA_AUTO_JSON cJSON *list = desktop_act(&desktop, "[{\"action\":\"list_windows\"}]");
	char at_window[128];
	snprintf(at_window, sizeof(at_window), "{\"action\":\"click\",\"x\":%d,\"y\":%d}",
			(int)json_number(list, "results.0.windows.0.x") + 200,
			(int)json_number(list, "results.0.windows.0.y") + 150);
	expect_ok("{\"action\":\"move\",\"x\":9,\"y\":9}");
	expect_frozen(at_window, "pointer");
	expect_recovery(pid);
}

/* A program for xterm that gets clicks: six bytes for a press, six for a release. */
static void open_clicked(const char *desktop_script)
{
	free(desktop_sh(&desktop,
			"rm -f asks has_both; printf '%s\\n' \"printf '\\\\033[?1000h'\" "
			"'stty raw -echo' 'echo ready >asks' "
			"'head -c 12 >/dev/null; echo ready >has_both' 'sleep 1000' >clicks.sh"));
	cJSON_Delete(desktop_text_action(&desktop, "open_app", "name", "xterm -e sh clicks.sh"));
	wait_until(is_ready, (char[]){ "asks" }, "the program asks for clicks");
	free(desktop_sh(&desktop, desktop_script));
}

static void close_clicked(void)
{
	wait_until(is_ready, (char[]){ "has_both" }, "the program has got the click");
	cJSON_Delete(desktop_act(&desktop, "[{\"action\":\"key\",\"keys\":\"alt+F4\"}]"));
	assert_nothing_held(&desktop);
}

/* The window manager freezes the pointer at each click, and lets it go when it has looked. */
static void a_slow_window_manager_is_waited_for(void **state)
{
	(void)state;
	open_clicked("kill -STOP $(pidof openbox); "
		     "(sleep 3; kill -CONT $(pidof openbox)) >&- 2>&- &");
	expect_ok(click);
	close_clicked();
}

static void a_stopped_window_manager_is_told_of(void **state)
{
	long status = 0;
	(void)state;
	open_clicked("kill -STOP $(pidof openbox)");
	CUA_AUTO_JSON cJSON *answer = bounded(click, &status);
	assert_int_not_equal(status, 200);
	assert_non_null(strstr(json_text(answer, "error.message"), LATE));
	assert_string_equal(json_text(answer, "results.0.status"), "failed");
	free(desktop_sh(&desktop, "kill -CONT $(pidof openbox)"));
	close_clicked();
}

/* A game that keeps the pointer where it wants it is none of that. */
static void an_application_may_move_the_pointer(void **state)
{
	(void)state;
	const pid_t pid = hostile_start("warp");
	expect_ok(click);
	expect_ok("{\"action\":\"move\",\"x\":10,\"y\":10}");
	expect_recovery(pid);
}

/* XTestGrabControl lets us through; who needs a new connection or the window manager waits. */
static void a_grab_of_the_server_holds_up_new_programs_alone(void **state)
{
	(void)state;
	const pid_t pid = hostile_start("server");
	expect_service();
	long status = 0;
	CUA_AUTO_JSON cJSON *answer =
			bounded("{\"action\":\"open_app\",\"name\":\"xterm\"}", &status);
	assert_int_equal(status, 504);
	assert_non_null(strstr(json_text(answer, "error.message"), "window manager"));
	expect_recovery(pid);
}

/* --- selections --- */

static void owners_that_never_finish_are_given_up(void **state)
{
	static const struct {
		const char *mode, *word;
	} owners[] = { { "own silent", "did not answer" }, { "own incr", "stopped in the middle" },
		{ "own incr-slow", "stopped in the middle" }, { "own incr-endless", "16777216" },
		{ "own formats", "bits" } };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(owners); i++) {
		const pid_t pid = hostile_start(owners[i].mode);
		long status = 0;
		CUA_AUTO_JSON cJSON *answer = bounded("{\"action\":\"clipboard_get\"}", &status);
		const char *message = json_text(answer, "error.message");
		if (status == 200 || !strstr(message, owners[i].word)) {
			fail_msg("%s: status %ld: %s", owners[i].mode, status, message);
		}
		expect_service(); /* takes the clipboard over */
		expect_recovery(pid);
	}
}

static void owners_that_lie_have_nothing(void **state)
{
	static const char *const modes[] = { "own targets", "own nothing" };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(modes); i++) {
		const pid_t pid = hostile_start(modes[i]);
		long status = 0;
		CUA_AUTO_JSON cJSON *answer = bounded("{\"action\":\"clipboard_get\"}", &status);
		assert_int_equal(status, 200);
		assert_string_equal(json_text(answer, "results.0.text"), "");
		expect_recovery(pid);
	}
}

/* A content that goes in parts, and hundreds who begin and never fetch one. */
static void askers_that_never_fetch_do_not_keep_others_from_it(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *large = malloc(1000001);
	memset(large, 'L', 1000000);
	large[1000000] = '\0';
	cJSON_Delete(desktop_text_action(&desktop, "clipboard_set", "text", large));
	const pid_t pid = hostile_start("ask");
	CUA_AUTO_JSON cJSON *text = desktop_act(&desktop, "[{\"action\":\"clipboard_get\"}]");
	assert_string_equal(json_text(text, "results.0.text"), large);
	expect_service();
	expect_recovery(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOSTILE(windows_of_every_kind_leave_us_in_service),
		HOSTILE(floods_leave_us_in_service),
		HOSTILE(a_flood_of_titles_does_not_keep_applications_from_starting),
		HOSTILE(a_flood_of_properties_of_the_root_window_neither),
		HOSTILE(two_that_flood_the_root_window_at_once_are_found),
		HOSTILE(a_burst_that_ends_by_itself_slows_nobody_down),
		HOSTILE(an_application_that_starts_as_a_flood_begins_is_shown),
		HOSTILE(what_covers_everything_is_listed_and_can_be_killed),
		HOSTILE(titles_of_megabytes_are_cut),
		HOSTILE(a_grab_of_pointer_and_keyboard_holds_up_nobody),
		HOSTILE(a_frozen_device_is_an_error_that_says_so),
		HOSTILE(a_slow_window_manager_is_waited_for),
		HOSTILE(a_stopped_window_manager_is_told_of),
		HOSTILE(an_application_may_move_the_pointer),
		HOSTILE(a_grab_of_the_server_holds_up_new_programs_alone),
		HOSTILE(owners_that_never_finish_are_given_up),
		HOSTILE(owners_that_lie_have_nothing),
		HOSTILE(askers_that_never_fetch_do_not_keep_others_from_it),
	};
	return cmocka_run_group_tests_name("desktop_hostile", tests, start, finish);
}
