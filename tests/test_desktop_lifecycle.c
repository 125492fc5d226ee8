/* Start, list, stop: as root and as a user, with a sandbox and without, and when it cannot be. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/desktop_processes.h"
#include "tests/files.h"
#include "tests/leftovers.h"
#include "tests/waiting.h"

#define NOBODY 65534

static struct world world;

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	return 0;
}

static int start_as_user(void **state)
{
	if (geteuid() != 0) {
		return start(state);
	}
	world_create(&world, NOBODY);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	world_destroy(&world);
	return 0;
}

static void expect_refused(int exit_status, const char *word, const char *const *argv)
{
	struct output output;
	world_exec(&world, argv, NULL, NULL, 0, &output);
	if (output.exit_status != exit_status || !strstr(output.err, word) || output.out[0]) {
		fail_msg("status %d, \"%s\" wanted in: %s%s", output.exit_status, word, output.err,
				output.out);
	}
	output_finish(&output);
}

#define EXPECT_REFUSED(exit_status, word, ...) \
	expect_refused(exit_status, word, \
			(const char *const[]){ world.program, "desktop", __VA_ARGS__, NULL })

static void assert_world_is_empty(void)
{
	struct output output;
	world_cua(&world, &output, "desktop", "list", "--json", NULL);
	assert_int_equal(output.exit_status, 0);
	assert_int_equal(strncmp(output.out, "[]", 2), 0);
	output_finish(&output);
	assert_nothing_left(&world, "none", 0);
	assert_int_equal(rmdir(world_path(&world, "run/desktops")), 0);
	if (rmdir(world_path(&world, "state/desktops")) != 0) {
		assert_int_equal(errno, ENOENT);
	}
}

/* --- what works --- */

static void a_desktop_is_started_listed_and_stopped(void **state)
{
	(void)state;
	struct desktop desktop;
	struct output output;
	desktop_start_with(&desktop, &world, "a.desk-top_1", "--size=1024x600", NULL);
	world_cua(&world, &output, "desktop", "list", "--json", NULL);
	CUA_AUTO_JSON cJSON *list = cJSON_Parse(output.out);
	output_finish(&output);
	assert_int_equal(cJSON_GetArraySize(list), 1);
	assert_string_equal(json_text(list, "0.name"), "a.desk-top_1");
	assert_string_equal(json_text(list, "0.state"), "running");
	assert_string_equal(json_text(list, "0.sandbox"), "bwrap");
	assert_int_equal(json_number(list, "0.width"), 1024);
	assert_int_equal(json_number(list, "0.height"), 600);
	assert_string_equal(json_text(list, "0.socket"), desktop.socket);
	assert_string_equal(json_text(list, "0.home"), desktop.home);

	world_cua(&world, &output, "desktop", "list", NULL);
	assert_non_null(strstr(output.out, "a.desk-top_1"));
	assert_non_null(strstr(output.out, "1024x600"));
	assert_non_null(strstr(output.out, "running"));
	output_finish(&output);

	struct cua_http_response response;
	assert_int_equal(desktop_http(&desktop, "GET", "/v1/desktop", NULL, 0, NULL, &response),
			200);
	CUA_AUTO_JSON cJSON *about = cJSON_Parse(response.body.data);
	cua_http_response_finish(&response);
	assert_string_equal(json_text(about, "name"), "a.desk-top_1");
	assert_int_equal(json_number(about, "width"), 1024);
	assert_int_equal(json_number(about, "host_pid"), desktop_recorded_pid(&desktop, "host"));
	assert_string_equal(json_text(about, "lease"), "agent");
	assert_int_equal(json_number(about, "viewers"), 0);
	CUA_AUTO_FREE char *size = desktop_sh(
			&desktop, "xdpyinfo | grep dimensions | grep -o '[0-9]*x[0-9]* pixels'");
	assert_string_equal(size, "1024x600 pixels");

	desktop_do(&desktop, "[{\"action\":\"open_app\",\"name\":\"xterm\"}]");
	desktop_stop(&desktop);
	assert_world_is_empty();
}

/* Times that a thread of our processes went to sleep; -1 if one is gone. */
static long sleeps_of(const struct desktop *desktop)
{
	static const char *const ours[] = { "host", "session", "bwrap" };
	long sum = 0;
	for (size_t i = 0; i < CUA_ARRAY_LEN(ours); i++) {
		char path[96];
		snprintf(path, sizeof(path), "/proc/%d/task",
				(int)desktop_recorded_pid(desktop, ours[i]));
		DIR *tasks = opendir(path);
		assert_non_null(tasks);
		for (const struct dirent *entry; (entry = readdir(tasks));) {
			char status_path[384];
			snprintf(status_path, sizeof(status_path), "%s/%s/status", path,
					entry->d_name);
			CUA_AUTO_FREE char *text = read_whole_file(status_path, NULL);
			const char *count =
					text ? strstr(text, "\nvoluntary_ctxt_switches:") : NULL;
			sum += count ? strtol(strchr(count, ':') + 1, NULL, 10) : 0;
		}
		closedir(tasks);
	}
	return sum;
}

struct quiet {
	const struct desktop *desktop;
	long sleeps;
	uint64_t since_us;
};

static bool sleeps_on(void *data)
{
	struct quiet *quiet = data;
	const long sleeps = sleeps_of(quiet->desktop);
	if (sleeps != quiet->sleeps) {
		quiet->sleeps = sleeps;
		quiet->since_us = cua_now_us();
	}
	return cua_now_us() - quiet->since_us >= 3000000;
}

static void an_idle_desktop_sleeps(void **state)
{
	(void)state;
	struct desktop desktop;
	struct cua_http_response response;
	desktop_start(&desktop, &world, "idle");
	assert_int_equal(desktop_http(&desktop, "GET", "/v1/screenshot", NULL, 0, NULL, &response),
			200);
	cua_http_response_finish(&response);
	desktop_disconnect(&desktop);
	struct quiet quiet = { .desktop = &desktop, .sleeps = -1 };
	wait_until(sleeps_on, &quiet, "3 s without a wake-up of our processes");
	desktop_stop(&desktop);
}

static void opengl_is_there_when_asked_for(void **state)
{
	(void)state;
	struct desktop plain, drawn;
	const char script[] = "xdpyinfo | grep -c GLX; echo ${QT_QUICK_BACKEND-any}";
	desktop_start(&plain, &world, "plain");
	desktop_start_with(&drawn, &world, "drawn", "--opengl", NULL);
	CUA_AUTO_FREE char *without = desktop_sh(&plain, script);
	CUA_AUTO_FREE char *with = desktop_sh(&drawn, script);
	assert_string_equal(without, "0\nsoftware");
	assert_string_equal(with, "1\nany");
	desktop_stop(&plain);
	desktop_stop(&drawn);
}

static void a_desktop_without_a_name_gets_one(void **state)
{
	(void)state;
	struct output first, second;
	world_cua(&world, &first, "desktop", "start", NULL);
	world_cua(&world, &second, "desktop", "start", NULL);
	assert_string_equal(first.out, "desktop-1\n");
	assert_string_equal(second.out, "desktop-2\n");
	output_finish(&first);
	output_finish(&second);
	/* With two of them a command has to choose. */
	world_cua(&world, &first, "cursor_position", NULL);
	assert_int_equal(first.exit_status, 1);
	assert_non_null(strstr(first.err, "-d NAME"));
	output_finish(&first);
	world_expect(&world, 0, "cursor_position", "-d", "desktop-2", NULL);
	world_expect(&world, 0, "desktop", "stop", "desktop-1", "desktop-2", NULL);
	assert_world_is_empty();
}

static void stop_all_stops_all(void **state)
{
	(void)state;
	struct desktop one, two;
	desktop_start(&one, &world, "one");
	desktop_start(&two, &world, "two");
	if (geteuid() == 0 && world.uid == (uid_t)-1) {
		assert_int_not_equal(one.uid, two.uid);
	}
	world_expect(&world, 0, "desktop", "stop", "--all", NULL);
	assert_nothing_left(&world, "one", one.uid);
	assert_nothing_left(&world, "two", two.uid);
	assert_world_is_empty();
}

static void who_stops_what_another_stops_waits_for_it(void **state)
{
	(void)state;
	const char *const argv[] = { world.program, "desktop", "stop", "--all", NULL };
	struct program programs[3];
	struct output output;
	struct desktop one;
	desktop_start(&one, &world, "one");
	for (size_t i = 0; i < CUA_ARRAY_LEN(programs); i++) {
		programs[i] = world_begin(&world, argv, NULL, NULL, 0);
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(programs); i++) {
		world_await(&world, &programs[i], &output);
		expect_status(&output, 0, "stop --all");
		output_finish(&output);
	}
	assert_nothing_left(&world, "one", one.uid);
	assert_world_is_empty();
}

static void stopping_one_leaves_the_other_alone(void **state)
{
	(void)state;
	struct desktop one, two;
	desktop_start(&one, &world, "one");
	desktop_start_with(&two, &world, "two", "--sandbox=none", NULL);
	desktop_do(&one, "[{\"action\":\"open_app\",\"name\":\"xterm\"}]");
	const pid_t xterm = desktop_pid(&one, "xterm");
	desktop_stop(&two);
	assert_false(process_is_gone(xterm));
	assert_string_equal(desktop_state(&one), "running");
	desktop_stop(&one);
}

/* --- what is refused --- */

static void a_name_is_given_once(void **state)
{
	(void)state;
	struct desktop desktop;
	desktop_start(&desktop, &world, "once");
	desktop_do(&desktop, "[{\"action\":\"open_app\",\"name\":\"xterm\"}]");
	const pid_t xterm = desktop_pid(&desktop, "xterm");
	const pid_t host = desktop_recorded_pid(&desktop, "host");
	EXPECT_REFUSED(1, "once", "start", "--name=once");
	EXPECT_REFUSED(1, "once", "start", "--name=once", "--size=640x480", "--sandbox=none");
	assert_string_equal(desktop_state(&desktop), "running");
	assert_int_equal(desktop_recorded_pid(&desktop, "host"), host);
	assert_int_equal(desktop_pid(&desktop, "xterm"), xterm);
	desktop_do(&desktop, "[{\"action\":\"cursor_position\"}]");
	desktop_stop(&desktop);
}

static void bad_names_sizes_and_options_are_refused(void **state)
{
	(void)state;
	char long_name[200] = "--name=";
	memset(long_name + 7, 'n', 150);
	EXPECT_REFUSED(1, "cannot name", "start", "--name=");
	EXPECT_REFUSED(1, "cannot name", "start", "--name=../etc");
	EXPECT_REFUSED(1, "cannot name", "start", "--name=.");
	EXPECT_REFUSED(1, "cannot name", "start", "--name=a b");
	EXPECT_REFUSED(1, "cannot name", "start", "--name=\xc3\xa9");
	EXPECT_REFUSED(1, "cannot name", "start", long_name);
	EXPECT_REFUSED(1, "cannot name", "stop", "../desktops");
	EXPECT_REFUSED(1, "nobody-here", "stop", "nobody-here");
	EXPECT_REFUSED(2, "320x200", "start", "--size=0x0");
	EXPECT_REFUSED(2, "320x200", "start", "--size=319x200");
	EXPECT_REFUSED(2, "16384", "start", "--size=16385x200");
	EXPECT_REFUSED(2, "pixels", "start", "--size=16384x16384");
	EXPECT_REFUSED(2, "WIDTHxHEIGHT", "start", "--size=big");
	EXPECT_REFUSED(2, "WIDTHxHEIGHT", "start", "--size=1280x800x24");
	EXPECT_REFUSED(2, "WIDTHxHEIGHT", "start", "--size=-1280x-800");
	EXPECT_REFUSED(2, "bwrap or none", "start", "--sandbox=maybe");
	EXPECT_REFUSED(2, "colour", "start", "--colour=red");
	EXPECT_REFUSED(2, "extra", "start", "extra");
	assert_nothing_left(&world, "none", 0);
}

/* --- without a sandbox --- */

static void without_a_sandbox_it_says_so_and_cleans_up_alike(void **state)
{
	(void)state;
	struct output output;
	world_cua(&world, &output, "desktop", "start", "--name=bare", "--sandbox=none", NULL);
	assert_int_equal(output.exit_status, 0);
	assert_string_equal(output.out, "bare\n");
	assert_non_null(strstr(output.err, "no sandbox"));
	output_finish(&output);
	world_expect(&world, 0, "desktop", "stop", "bare", NULL);

	struct desktop desktop;
	desktop_start_with(&desktop, &world, "bare", "--sandbox=none", NULL);
	desktop_do(&desktop, "[{\"action\":\"open_app\",\"name\":\"xterm\"}]");
	CUA_AUTO_FREE char *uid = desktop_sh(&desktop, "id -u");
	assert_int_not_equal(strtol(uid, NULL, 10), 0);
	/* Gone from its session, and with no sandbox around it. */
	CUA_AUTO_FREE char *stray = desktop_sh(
			&desktop, "setsid sleep 1000 >/dev/null 2>&1 & sleep 0; echo started");
	assert_string_equal(stray, "started");
	assert_int_equal(desktop_pid(&desktop, "sleep") > 1, 1);
	desktop_stop(&desktop);
	assert_world_is_empty();
}

/* --- when a sandbox cannot be had --- */

static void put_fake_bwrap(const char *script)
{
	const char *path = world_path(&world, "fake/bwrap");
	assert_true(mkdir(world_path(&world, "fake"), 0755) == 0 || errno == EEXIST);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", script);
	fclose(file);
	chmod(world_path(&world, "fake"), 0755);
	chmod(path, 0755);
}

static void expect_no_sandbox(const char *path, const char *reason)
{
	snprintf(world.path, sizeof(world.path), "%s", path);
	struct output output;
	world_cua(&world, &output, "desktop", "start", "--name=safe", NULL);
	world.path[0] = '\0';
	if (output.exit_status != 6 || !strstr(output.err, reason) ||
			!strstr(output.err, "--sandbox=none") || output.out[0]) {
		fail_msg("status %d, \"%s\" wanted in: %s", output.exit_status, reason, output.err);
	}
	output_finish(&output);
	assert_nothing_left(&world, "safe", 0);
	assert_world_is_empty();
}

static void no_bubblewrap_means_no_desktop(void **state)
{
	(void)state;
	mkdir(world_path(&world, "fake"), 0755);
	expect_no_sandbox(world_path(&world, "fake"), "bubblewrap is not installed");
}

static void a_bubblewrap_that_fails_means_no_desktop(void **state)
{
	(void)state;
	char path[512];
	snprintf(path, sizeof(path), "%s:/usr/bin:/bin", world_path(&world, "fake"));
	put_fake_bwrap("echo 'bwrap: No permissions to create a new namespace' >&2; exit 1");
	expect_no_sandbox(path, "No permissions to create a new namespace");
	put_fake_bwrap("kill -9 $$");
	expect_no_sandbox(path, "bwrap");
	/* It makes the namespaces, as it says, and then fails. */
	put_fake_bwrap("echo \"{\\\"child-pid\\\": $$}\" >&4; echo 'bwrap: cannot mount' >&2; exit "
		       "1");
	expect_no_sandbox(path, "cannot mount");
}

/* --- when there is no room --- */

static char mounted[512];

static void fill(const char *dir)
{
	static const char zeros[65536];
	char path[600];
	snprintf(path, sizeof(path), "%s/full", dir);
	const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (size_t part = sizeof(zeros); part > 0;) {
		if (write(fd, zeros, part) <= 0) {
			part /= 2;
		}
	}
	close(fd);
}

static void expect_no_room(const char *leaf)
{
	snprintf(mounted, sizeof(mounted), "%s", world_path(&world, leaf));
	assert_int_equal(mkdir(mounted, 0711), 0);
	assert_int_equal(mount("tmpfs", mounted, "tmpfs", 0, "size=64k,mode=0711"), 0);
	fill(mounted);
	struct output output;
	world_cua(&world, &output, "desktop", "start", "--name=full", NULL);
	if (output.exit_status != 6 || !strstr(output.err, "No space left on device")) {
		fail_msg("status %d: %s", output.exit_status, output.err);
	}
	output_finish(&output);
	assert_nothing_left(&world, "full", 0);
}

static int unmount(void **state)
{
	(void)state;
	if (mounted[0]) {
		umount2(mounted, MNT_DETACH);
		rmdir(mounted);
		mounted[0] = '\0';
	}
	return 0;
}

static void no_room_for_records_means_no_desktop(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		skip();
	}
	expect_no_room("run");
}

static void no_room_for_the_home_means_no_desktop(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		skip();
	}
	expect_no_room("state");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, finish)
#define USER_TEST(function) \
	{ \
#function "_as_a_user", function, start_as_user, finish, NULL \
	}

static int unmount_and_finish(void **state)
{
	unmount(state);
	return finish(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_desktop_is_started_listed_and_stopped),
		USER_TEST(a_desktop_is_started_listed_and_stopped),
		TEST(an_idle_desktop_sleeps),
		TEST(opengl_is_there_when_asked_for),
		TEST(a_desktop_without_a_name_gets_one),
		TEST(stop_all_stops_all),
		TEST(who_stops_what_another_stops_waits_for_it),
		USER_TEST(stop_all_stops_all),
		TEST(who_stops_what_another_stops_waits_for_it),
		TEST(stopping_one_leaves_the_other_alone),
		USER_TEST(stopping_one_leaves_the_other_alone),
		TEST(a_name_is_given_once),
		TEST(bad_names_sizes_and_options_are_refused),
		TEST(without_a_sandbox_it_says_so_and_cleans_up_alike),
		USER_TEST(without_a_sandbox_it_says_so_and_cleans_up_alike),
		TEST(no_bubblewrap_means_no_desktop),
		USER_TEST(no_bubblewrap_means_no_desktop),
		TEST(a_bubblewrap_that_fails_means_no_desktop),
		cmocka_unit_test_setup_teardown(
				no_room_for_records_means_no_desktop, start, unmount_and_finish),
		cmocka_unit_test_setup_teardown(
				no_room_for_the_home_means_no_desktop, start, unmount_and_finish),
	};
	return cmocka_run_group_tests_name("desktop_lifecycle", tests, NULL, NULL);
}
