/* Processes that are killed: what is left tells the truth, goes on, or ends cleanly. */

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/desktop_processes.h"
#include "tests/desktop_recorder.h"
#include "tests/files.h"
#include "tests/waiting.h"

/* An action on a dead X server has to fail within half a second; a machine that is busy with
 * other tests gets some more. */
#define FAIL_FAST_MS (500 + 1000)

static struct world world;
static struct desktop desktop;

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "fault");
	return 0;
}

static int start_bare(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start_with(&desktop, &world, "fault", "--sandbox=none", NULL);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

static pid_t find(const char *what)
{
	return strcmp(what, "session") == 0 ? desktop_recorded_pid(&desktop, "session")
					    : desktop_pid(&desktop, what);
}

static bool has_state(void *data)
{
	return strcmp(desktop_state(&desktop), data) == 0;
}

/* The desktop is over: list says so at once, and why; an action says so, too, and names the way
 * out.
 */
static void expect_dead(const char *why)
{
	char dead[] = "dead";
	struct output output;
	wait_until(has_state, dead, "list says that the desktop is dead");
	world_cua(&world, &output, "click", "1", "1", NULL);
	assert_int_equal(output.exit_status, 6);
	assert_says(output.err, why);
	assert_says(output.err, "cua desktop stop fault");
	output_finish(&output);
	world_cua(&world, &output, "desktop", "list", NULL);
	assert_says(output.out, ", dead: ");
	assert_says(output.out, why);
	output_finish(&output);
	world_cua(&world, &output, "desktop", "start", "--name=fault", NULL);
	assert_int_equal(output.exit_status, 1);
	assert_says(output.err, why);
	assert_says(output.err, "cua desktop stop fault");
	output_finish(&output);
	desktop_stop(&desktop);
	assert_string_equal(desktop_state(&desktop), "absent");
}

/* --- what ends the desktop --- */

static void without_its_x_server_a_desktop_is_dead(void **state)
{
	(void)state;
	kill_and_wait(find("Xvfb"));
	expect_dead("the X server was ended by signal 9 (Killed)");
}

static void what_the_x_server_said_last_is_told(void **state)
{
	(void)state;
	assert_int_equal(kill(find("Xvfb"), SIGSEGV), 0);
	expect_dead("saying \"Caught signal 11 (Segmentation fault). Server aborting\"");
}

static void without_its_session_a_desktop_is_dead(void **state)
{
	(void)state;
	kill_and_wait(find("session"));
	expect_dead("");
}

static void without_its_session_an_unsandboxed_desktop_is_cleaned_up(void **state)
{
	(void)state;
	desktop_do(&desktop, "[{\"action\":\"open_app\",\"name\":\"xterm\"}]");
	kill_and_wait(find("session"));
	/* The X server lives on; without its session no program can be started. */
	assert_string_equal(desktop_state(&desktop), "dead");
	desktop_stop(&desktop);
}

/* --- what does not --- */

static void without_the_outer_bubblewrap_stop_cleans_up(void **state)
{
	(void)state;
	struct output output;
	kill_and_wait(desktop_recorded_pid(&desktop, "bwrap"));
	char told[16];
	snprintf(told, sizeof(told), "%s", desktop_state(&desktop));
	world_cua(&world, &output, "cursor_position", NULL);
	/* List and the desktop itself agree. */
	assert_int_equal(output.exit_status == 0, strcmp(told, "running") == 0);
	output_finish(&output);
	desktop_stop(&desktop);
}

static pid_t killed;

static bool is_another(void *data)
{
	pid_t pids[2];
	const int count = desktop_pids(&desktop, data, pids, 2);
	return count == 1 && pids[0] != killed;
}

static void the_window_manager_is_started_again(void **state)
{
	(void)state;
	char openbox[] = "openbox";
	for (int round = 0; round < 3; round++) {
		killed = find(openbox);
		kill_and_wait(killed);
		assert_string_equal(desktop_state(&desktop), "running");
		wait_until(is_another, openbox, "another window manager");
	}
	/* And it manages: windows get the keyboard and fill the screen. */
	CUA_AUTO_JSON cJSON *opened = desktop_text_action(&desktop, "open_app", "name", "xterm");
	assert_true(cJSON_IsTrue(json_at(opened, "window.active")));
	assert_true(cJSON_IsTrue(json_at(opened, "window.maximized")));
	desktop_stop(&desktop);
}

static bool has_asked(void *data)
{
	char path[512];
	(void)data;
	snprintf(path, sizeof(path), "%s/asked.log", desktop.home);
	return file_contains(path, "ready");
}

/* The request to show it is with the window manager that ends. */
static void a_window_is_shown_although_the_window_manager_crashes(void **state)
{
	(void)state;
	char command[512];
	struct output output;
	snprintf(command, sizeof(command),
			"sh -c 'read line <~/ask; exec %s windows 1 >~/asked.log'",
			desktop_install(&desktop, CUA_TEST_HOSTILE));
	free(desktop_sh(&desktop, "mkfifo ask"));
	const char *const argv[] = { world.program, "open_app", "-d", desktop.name, command, NULL };
	struct program opening = world_begin(&world, argv, NULL, NULL, 0);
	free(desktop_sh(&desktop, "exec 3>ask; kill -STOP $(pidof openbox); echo go >&3"));
	wait_until(has_asked, NULL, "the program has asked to be shown");
	kill_and_wait(find("openbox"));
	world_await(&world, &opening, &output);
	expect_status(&output, 0, "open_app");
	assert_non_null(strstr(output.out, "window 0"));
	output_finish(&output);
	desktop_stop(&desktop);
}

/* Any program can have the X server do it, and nothing is lost but the host. */
static void a_host_that_is_cut_off_is_followed_by_another(void **state)
{
	(void)state;
	char detached[] = "detached", script[512];
	struct output output;
	desktop_do(&desktop, "[{\"action\":\"open_app\",\"name\":\"xterm -title Stays\"}]");
	desktop_do(&desktop, "[{\"action\":\"clipboard_set\",\"text\":\"mine\"}]");
	snprintf(script, sizeof(script), "%s kill", desktop_install(&desktop, CUA_TEST_HOSTILE));
	free(desktop_sh(&desktop, script));
	wait_until(has_state, detached, "the host has ended");
	world_cua(&world, &output, "click", "1", "1", NULL);
	assert_says(output.err, "cua desktop start --name fault");
	output_finish(&output);
	world_cua(&world, &output, "desktop", "start", "--name=fault", NULL);
	expect_status(&output, 0, "desktop start");
	output_finish(&output);
	desktop_disconnect(&desktop);
	CUA_AUTO_JSON cJSON *answer = desktop_act(&desktop, "[{\"action\":\"list_windows\"}]");
	assert_string_equal(json_text(answer, "results.0.windows.0.title"), "Stays");
	desktop_stop(&desktop);
}

static void a_desktop_without_its_bus_works(void **state)
{
	(void)state;
	kill_and_wait(find("dbus-daemon"));
	assert_string_equal(desktop_state(&desktop), "running");
	desktop_do(&desktop, "[{\"action\":\"open_app\",\"name\":\"xterm\"}]");
	desktop_stop(&desktop);
}

/* --- the host --- */

static void applications_outlive_the_host_and_a_new_one_takes_over(void **state)
{
	(void)state;
	CUA_AUTO_JSON cJSON *opened = desktop_text_action(&desktop, "open_app", "name", "xterm");
	const double window = json_number(opened, "window.id");
	const pid_t xterm = desktop_pid(&desktop, "xterm");
	const pid_t host = desktop_recorded_pid(&desktop, "host");
	desktop_disconnect(&desktop);
	kill_and_wait(host);
	assert_string_equal(desktop_state(&desktop), "detached");
	struct output output;
	world_cua(&world, &output, "cursor_position", NULL);
	assert_int_equal(output.exit_status, 6);
	assert_non_null(strstr(output.err, "cua desktop start --name fault"));
	output_finish(&output);
	assert_false(process_is_gone(xterm));

	/* What it was started with, it keeps. */
	world_cua(&world, &output, "desktop", "start", "--name=fault", "--dpi=120", NULL);
	expect_status(&output, 1, "another --dpi");
	assert_non_null(strstr(output.err, "was started with another --dpi"));
	output_finish(&output);
	assert_string_equal(desktop_state(&desktop), "detached");
	world_cua(&world, &output, "desktop", "start", "--name=fault", "--dpi=96", "--json", NULL);
	assert_int_equal(output.exit_status, 0);
	CUA_AUTO_JSON cJSON *answer = cJSON_Parse(output.out);
	output_finish(&output);
	assert_true(cJSON_IsTrue(json_at(answer, "attached")));
	assert_string_equal(desktop_state(&desktop), "running");
	assert_int_not_equal(desktop_recorded_pid(&desktop, "host"), host);
	CUA_AUTO_JSON cJSON *list = desktop_act(&desktop, "[{\"action\":\"list_windows\"}]");
	assert_int_equal(cJSON_GetArraySize(json_at(list, "results.0.windows")), 1);
	assert_int_equal(json_number(list, "results.0.windows.0.id"), window);
	assert_int_equal(desktop_pid(&desktop, "xterm"), xterm);
	desktop_stop(&desktop);
}

static void a_desktop_without_host_is_stopped(void **state)
{
	(void)state;
	desktop_do(&desktop, "[{\"action\":\"open_app\",\"name\":\"xterm\"}]");
	kill_and_wait(desktop_recorded_pid(&desktop, "host"));
	assert_string_equal(desktop_state(&desktop), "detached");
	desktop_stop(&desktop);
}

static bool is_held(void *data)
{
	CUA_AUTO_FREE char *held = desktop_probe(&desktop, "held", "");
	return strncmp(held, data, strlen(data)) == 0;
}

static void what_a_dead_host_held_is_released_by_the_next(void **state)
{
	(void)state;
	recorder_start(&desktop);
	cJSON_Delete(desktop_post(&desktop,
			"{\"actions\":[{\"action\":\"mouse_down\",\"x\":9,\"y\":9}],"
			"\"screenshot\":false,\"keep_held\":true}",
			NULL));
	const int fd = desktop_post_and_leave_open(&desktop, "/v1/actions",
			"{\"actions\":[{\"action\":\"hold_key\",\"keys\":\"ctrl+j\","
			"\"duration_ms\":60000}],\"keep_held\":true}");
	char both[] = "keys 2 buttons 256 ", none[] = "keys 0 buttons 0 ";
	wait_until(is_held, both, "a button and two keys are down");
	desktop_disconnect(&desktop);
	kill_and_wait(desktop_recorded_pid(&desktop, "host"));
	close(fd);
	world_expect(&world, 0, "desktop", "start", "--name=fault", NULL);
	assert_true(is_held(none));
	desktop_do(&desktop, "[{\"action\":\"cursor_position\"}]");
	CUA_AUTO_JSON cJSON *buttons = recorder_events(&desktop, "press release");
	assert_int_equal(cJSON_GetArraySize(buttons), 2);
	assert_string_equal(json_text(buttons, "1.event"), "release");
	CUA_AUTO_JSON cJSON *keys = recorder_events(&desktop, "key_release");
	assert_int_equal(cJSON_GetArraySize(keys), 2);
	/* The same press again is no "is down already". */
	desktop_do(&desktop, "[{\"action\":\"mouse_down\"},{\"action\":\"mouse_up\"}]");
	desktop_stop(&desktop);
}

/* --- the X server ends in the middle --- */

static char *read_answer(int fd)
{
	size_t len = 0;
	char *text = calloc(1, 1 << 20);
	assert_non_null(text);
	for (ssize_t got; len < (1 << 20) - 1 &&
			(got = read(fd, text + len, (1 << 20) - 1 - len)) > 0;) {
		len += (size_t)got;
		const char *body = strstr(text, "\r\n\r\n");
		const char *length = body ? strcasestr(text, "content-length:") : NULL;
		if (length && len >= (size_t)(body + 4 - text) + strtoul(length + 15, NULL, 10)) {
			break;
		}
	}
	return text;
}

static bool has_begun(void *data)
{
	/* A request of its own tells that the one before is in the host's hands: connections are
	 * served in order, actions one after another. */
	struct cua_http_response response;
	(void)data;
	const long status = desktop_http(&desktop, "GET", "/v1/desktop", NULL, 0, NULL, &response);
	cua_http_response_finish(&response);
	return status == 200;
}

static void killed_during(const char *actions, const char *types)
{
	char body[8192];
	const pid_t host = desktop_recorded_pid(&desktop, "host");
	recorder_start(&desktop);
	const pid_t server = find("Xvfb");
	snprintf(body, sizeof(body), "{\"actions\":%s}", actions);
	const int fd = desktop_post_and_leave_open(&desktop, "/v1/actions", body);
	if (types) {
		const uint64_t deadline_us = cua_now_us() + DESKTOP_DEADLINE_MS * 1000ULL;
		for (int count = 0; count == 0;) {
			CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, types);
			count = cJSON_GetArraySize(events);
			assert_true(cua_now_us() < deadline_us);
		}
	} else {
		wait_until(has_begun, NULL, "the host answers");
	}
	assert_int_equal(kill(server, SIGKILL), 0);
	const uint64_t killed_us = cua_now_us();
	CUA_AUTO_FREE char *text = read_answer(fd);
	const uint64_t took_us = cua_now_us() - killed_us;
	close(fd);
	const char *json = strstr(text, "\r\n\r\n");
	CUA_AUTO_JSON cJSON *answer = cJSON_Parse(json ? json : "");
	if (strcmp(json_text(answer, "error.class"), "environment") != 0 ||
			/* The session ends with its X server; whichever end is seen first is named.
			 */
			(!strstr(json_text(answer, "error.message"), "X server") &&
					!strstr(json_text(answer, "error.message"), "session"))) {
		fail_msg("%.60s: %.500s", actions, text);
	}
	if (took_us > FAIL_FAST_MS * 1000ULL) {
		fail_msg("%.60s: it took %u ms", actions, (unsigned int)(took_us / 1000));
	}
	/* The host is there, and says the same to whoever asks next. */
	assert_false(process_is_gone(host));
	long status = 0;
	CUA_AUTO_JSON cJSON *next = desktop_post(&desktop,
			"{\"actions\":[{\"action\":\"click\",\"x\":1,\"y\":1}]}", &status);
	assert_int_equal(status, 503);
	assert_string_equal(json_text(next, "error.class"), "environment");
	struct cua_http_response response;
	assert_int_equal(desktop_http(&desktop, "GET", "/v1/screenshot", NULL, 0, NULL, &response),
			503);
	cua_http_response_finish(&response);
	desktop_stop(&desktop);
}

static void a_wait_ends_with_the_x_server(void **state)
{
	(void)state;
	killed_during("[{\"action\":\"wait\",\"duration_ms\":30000}]", NULL);
}

static void typing_ends_with_the_x_server(void **state)
{
	(void)state;
	char actions[6144] = "[{\"action\":\"type\",\"text\":\"";
	while (strlen(actions) < 5900) {
		strcat(actions,
				"\xe6\xbc\xa2\xe5\xad\x97\xe4\xbb\xae\xe5\x90\x8d\xe7\x9b\xb4"
				"\xe9\xbe\x8d\xe9\xb3\xb3\xe9\xba\x9f\xe9\xbe\x9c");
	}
	strcat(actions, "\"},{\"action\":\"wait\",\"duration_ms\":30000}]");
	killed_during(actions, "key_press");
}

static void a_held_key_ends_with_the_x_server(void **state)
{
	(void)state;
	killed_during("[{\"action\":\"hold_key\",\"keys\":\"k\",\"duration_ms\":30000}]",
			"key_press");
}

static void a_drag_ends_with_the_x_server(void **state)
{
	(void)state;
	killed_during("[{\"action\":\"drag\",\"path\":[[10,10],[1200,700],[10,10],[1200,700],"
		      "[10,10],[1200,700],[10,10],[1200,700],[10,10],[1200,700]]}]",
			"press");
}

static void opening_an_application_ends_with_the_x_server(void **state)
{
	(void)state;
	killed_during("[{\"action\":\"open_app\",\"name\":\"sleep 1000\"}]", NULL);
}

/* --- the X server says nothing --- */

static bool has_answer(void *data)
{
	struct pollfd readable = { .fd = *(int *)data, .events = POLLIN };
	return poll(&readable, 1, 0) > 0;
}

/* A machine that stood still, or a host without a processor: what the X server could not say
 * meanwhile is not held against it. */
static void a_pause_of_all_is_no_silence_of_the_x_server(void **state)
{
	(void)state;
	const pid_t host = desktop_recorded_pid(&desktop, "host"), server = find("Xvfb");
	assert_int_equal(kill(server, SIGSTOP), 0);
	int fd = desktop_post_and_leave_open(&desktop, "/v1/actions",
			"{\"actions\":[{\"action\":\"cursor_position\"}]}");
	wait_until(has_begun, NULL, "the host answers");
	assert_false(waits_until(has_answer, &fd, 1000)); /* it waits for the server */
	assert_int_equal(kill(host, SIGSTOP), 0);
	assert_false(waits_until(has_answer, &fd, 9000)); /* longer than a server may be silent */
	assert_int_equal(kill(host, SIGCONT), 0);
	assert_int_equal(kill(server, SIGCONT), 0);
	CUA_AUTO_FREE char *text = read_answer(fd);
	close(fd);
	if (strncmp(text, "HTTP/1.1 200", 12) != 0) {
		fail_msg("%.500s", text);
	}
	desktop_stop(&desktop);
}

static void an_x_server_that_hangs_is_told_of(void **state)
{
	(void)state;
	assert_int_equal(kill(find("Xvfb"), SIGSTOP), 0);
	long status = 0;
	CUA_AUTO_JSON cJSON *answer = desktop_post(
			&desktop, "{\"actions\":[{\"action\":\"cursor_position\"}]}", &status);
	assert_int_equal(status, 503);
	assert_says(json_text(answer, "error.message"), "said nothing for 8 s");
	expect_dead("its X server said nothing for 8 s, and its host has hung up on it");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, finish)
#define BARE_TEST(function) \
	{ \
#function "_bare", function, start_bare, finish, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_its_x_server_a_desktop_is_dead),
		BARE_TEST(without_its_x_server_a_desktop_is_dead),
		TEST(what_the_x_server_said_last_is_told),
		TEST(without_its_session_a_desktop_is_dead),
		BARE_TEST(without_its_session_an_unsandboxed_desktop_is_cleaned_up),
		TEST(without_the_outer_bubblewrap_stop_cleans_up),
		TEST(the_window_manager_is_started_again),
		TEST(a_window_is_shown_although_the_window_manager_crashes),
		TEST(a_host_that_is_cut_off_is_followed_by_another),
		TEST(a_desktop_without_its_bus_works),
		TEST(applications_outlive_the_host_and_a_new_one_takes_over),
		BARE_TEST(applications_outlive_the_host_and_a_new_one_takes_over),
		TEST(a_desktop_without_host_is_stopped),
		TEST(what_a_dead_host_held_is_released_by_the_next),
		TEST(a_wait_ends_with_the_x_server),
		TEST(typing_ends_with_the_x_server),
		TEST(a_held_key_ends_with_the_x_server),
		TEST(a_drag_ends_with_the_x_server),
		TEST(opening_an_application_ends_with_the_x_server),
		TEST(a_pause_of_all_is_no_silence_of_the_x_server),
		TEST(an_x_server_that_hangs_is_told_of),
	};
	return cmocka_run_group_tests_name("desktop_faults", tests, NULL, NULL);
}
