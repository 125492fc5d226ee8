/* Limits of desktops and tools, against programs that want more: memory, processes, processor time,
 * open files, files in memory. Where this test may not make control groups, what they alone can
 * hold is skipped; what holds without them is tested in any case. */

#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/cgroup.h"
#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/desktop_processes.h"
#include "tests/files.h"
#include "tests/json_path.h"
#include "tests/processes.h"
#include "tests/waiting.h"

static struct world world;
static struct desktop desktop;

/* Memory in pages that are touched, so that it is really taken. */
#define HOG \
	"python3 -c 'b = bytearray(%d << 20)\n" \
	"for i in range(0, len(b), 4096): b[i] = 1\n" \
	"print(len(b))'"

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start_with(&desktop, &world, "limits", "--memory=512M", "--processes=200",
			"--open-files=512", "--disk=200M", NULL);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

/* --- what the desktop says --- */

/* The caller deletes. */
static cJSON *limits_of(void)
{
	struct cua_http_response response;
	assert_int_equal(desktop_http(&desktop, "GET", "/v1/desktop", NULL, 0, NULL, &response),
			200);
	CUA_AUTO_JSON cJSON *about = cJSON_Parse(response.body.data);
	cua_http_response_finish(&response);
	cJSON *limits = cJSON_DetachItemFromObject(about, "limits");
	assert_non_null(limits);
	return limits;
}

static void skip_without_groups(void)
{
	CUA_AUTO_JSON cJSON *limits = limits_of();
	if (!strstr(json_text(limits, "held_by"), "control groups")) {
		skip();
	}
}

static bool says_reached(const char *name)
{
	CUA_AUTO_JSON cJSON *limits = limits_of();
	const cJSON *item = NULL;
	cJSON_ArrayForEach (item, json_at(limits, "reached")) {
		if (strcmp(item->valuestring, name) == 0) {
			return true;
		}
	}
	return false;
}

/* --- calls --- */

/* As desktop_tool(). */
static const char *bash(const char *command, const char *more)
{
	CUA_AUTO_JSON cJSON *arguments = cJSON_Parse(more);
	cJSON_AddStringToObject(arguments, "command", command);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(arguments);
	return desktop_tool(&desktop, "bash", text);
}

static const char *hog(int mib)
{
	char command[256];
	snprintf(command, sizeof(command), HOG "; echo status $?", mib);
	return bash(command, "{}");
}

/* What the desktop stands on is as it was, and takes input. */
static void assert_stands(pid_t session, pid_t x_server)
{
	assert_int_equal(desktop_recorded_pid(&desktop, "session"), session);
	assert_int_equal(desktop_pid(&desktop, "Xvfb"), x_server);
	desktop_do(&desktop,
			"[{\"action\":\"move\",\"x\":30,\"y\":40},"
			"{\"action\":\"screenshot\"}]");
}

/* --- memory --- */

static void a_tool_that_takes_too_much_memory_is_killed_and_told(void **state)
{
	(void)state;
	const pid_t session = desktop_recorded_pid(&desktop, "session"),
		    x_server = desktop_pid(&desktop, "Xvfb");
	skip_without_groups();
	assert_says(hog(100), "status 0");
	assert_false(says_reached("memory"));
	const char *text = hog(400);
	assert_says(text, "status 137");
	assert_says(text,
			"[the tools' limit of memory, 256 MiB, was reached: 1 process was "
			"killed]");
	assert_true(says_reached("memory"));
	assert_stands(session, x_server);
	/* Once. */
	assert_null(strstr(bash("echo fine", "{}"), "limit"));
}

static void an_application_that_takes_too_much_memory_is_killed(void **state)
{
	(void)state;
	char script[256];
	const pid_t session = desktop_recorded_pid(&desktop, "session"),
		    x_server = desktop_pid(&desktop, "Xvfb");
	skip_without_groups();
	snprintf(script, sizeof(script), HOG "; echo status $?", 700);
	CUA_AUTO_FREE char *text = desktop_sh(&desktop, script);
	assert_says(text, "status 137");
	assert_true(says_reached("memory"));
	assert_stands(session, x_server);
	struct output output;
	world_cua(&world, &output, "desktop", "list", NULL);
	assert_says(output.out, "limits reached: memory");
	output_finish(&output);
}

/* Many at once, none of them large. */
static void applications_die_before_what_the_desktop_stands_on(void **state)
{
	(void)state;
	const pid_t session = desktop_recorded_pid(&desktop, "session"),
		    x_server = desktop_pid(&desktop, "Xvfb");
	skip_without_groups();
	/* They stay until one of them is killed. */
	free(desktop_sh(&desktop,
			"bash -c \"for i in 1 2 3 4 5 6 7 8 9 10 11 12; do "
			"python3 -c 'import signal; b = bytes([1]) * (60 << 20); signal.pause()' & "
			"done; wait -n; kill \\$(jobs -p); wait; true\""));
	assert_true(says_reached("memory"));
	assert_stands(session, x_server);
}

/* The memory is the server's, which would be killed after all applications. */
static void a_picture_too_large_for_the_x_server_is_refused_to_its_client(void **state)
{
	(void)state;
	const pid_t session = desktop_recorded_pid(&desktop, "session"),
		    x_server = desktop_pid(&desktop, "Xvfb");
	CUA_AUTO_FREE char *score =
			desktop_sh(&desktop, "echo score $(cat /proc/self/oom_score_adj)");
	assert_says(score, "score 500");
	CUA_AUTO_FREE char *text = desktop_sh(&desktop,
			"python3 -c 'import ctypes\n"
			"x = ctypes.CDLL(\"libX11.so.6\")\n"
			"x.XOpenDisplay.restype = x.XCreateGC.restype = ctypes.c_void_p\n"
			"d = ctypes.c_void_p(x.XOpenDisplay(None))\n"
			"for i in range(8):\n"
			"  p = x.XCreatePixmap(d, x.XDefaultRootWindow(d), 6000, 6000, 24)\n"
			"  gc = ctypes.c_void_p(x.XCreateGC(d, p, 0, None))\n"
			"  x.XFillRectangle(d, p, gc, 0, 0, 6000, 6000)\n"
			"  x.XSync(d, 0)' 2>&1; echo status $?");
	assert_says(text, "BadAlloc");
	assert_says(text, "status 1");
	assert_stands(session, x_server);
}

static void files_in_memory_are_bounded(void **state)
{
	(void)state;
	static const char *const places[] = { "/tmp", "/dev/shm", "/var/tmp" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(places); i++) {
		char script[256];
		snprintf(script, sizeof(script),
				"head -c 200000000 /dev/zero > %s/big; stat -c %%s %s/big; rm "
				"%s/big",
				places[i], places[i], places[i]);
		CUA_AUTO_FREE char *text = desktop_sh(&desktop, script);
		assert_int_equal(strtol(text, NULL, 10), 128 << 20);
	}
	/* And there is nothing else to write to. */
	CUA_AUTO_FREE char *text = desktop_sh(&desktop,
			"for i in / /dev /etc /usr /var /home /opt; do "
			"touch $i/new 2>/dev/null && echo $i; done; true");
	assert_string_equal(text, "");
}

/* --- processes --- */

static void a_fork_bomb_is_bounded_and_told_and_can_be_ended(void **state)
{
	(void)state;
	const pid_t session = desktop_recorded_pid(&desktop, "session"),
		    x_server = desktop_pid(&desktop, "Xvfb");
	skip_without_groups();
	assert_says(bash("bomb() { bomb | bomb & }; bomb; read -t 2 < <(:; sleep 2); echo", "{}"),
			"[the tools' limit of processes, 100, was reached");
	assert_true(says_reached("processes"));
	CUA_AUTO_JSON cJSON *limits = limits_of();
	assert_in_range(json_number(limits, "processes.used"), 1, 200);
	assert_true(json_number(limits, "processes.refused") > 0);
	assert_stands(session, x_server);
	free(desktop_sh(&desktop, "true")); /* others still start */
	world_expect(&world, 0, "tools", "call", "-d", desktop.name, "bash", "{\"restart\":true}",
			NULL);
	const char *text = bash(
			"for i in 1 2 3 4 5 6 7 8; do sleep 0.01 & done; wait; echo fine", "{}");
	assert_string_equal(text, "fine\n");
}

/* They ignore what they can be sent, leave their session, and fork faster than they are found. */
static const char *const storms[] = {
	"while True:\\n"
	"  try: os.fork()\\n"
	"  except BaseException: pass",
	"while True:\\n"
	"  try:\\n"
	"    os.fork()\\n"
	"    os.setsid()\\n"
	"  except BaseException: pass",
	"if os.fork() == 0:\\n"
	"  for number in (1, 2, 3, 15, 17): signal.signal(number, signal.SIG_IGN)\\n"
	"  while True:\\n"
	"    try:\\n"
	"      if os.fork(): os._exit(0)\\n"
	"      os.setsid()\\n"
	"    except OSError: pass\\n"
	"signal.pause()",
};

static double processes_used(void)
{
	CUA_AUTO_JSON cJSON *limits = limits_of();
	return json_number(limits, "processes.used");
}

/* The dead count until somebody has collected them. data: how many there may be. */
static bool are_so_few(void *data)
{
	return processes_used() <= *(const double *)data;
}

static void a_storm_of_processes_ends_with_its_call(void **state)
{
	(void)state;
	skip_without_groups();
	bash("true", "{}");
	desktop_tool(&desktop, "python", "{\"code\":\"1\"}");
	double before = processes_used();
	for (size_t i = 0; i < CUA_ARRAY_LEN(storms); i++) {
		char call[1000];
		snprintf(call, sizeof(call),
				"{\"code\":\"import os, signal\\n%s\",\"timeout_s\":1}", storms[i]);
		const uint64_t begin_us = cua_now_us();
		assert_says(desktop_tool(&desktop, "python", call), "[ended: it ran longer");
		/* Its second, and about two for ending it; many more on a machine that is busy. */
		assert_in_range(cua_now_us() - begin_us, 1000000, 30000000);
		assert_string_equal(bash("echo fine | cat", "{}"), "fine\n");
		wait_until(are_so_few, &before, "the end of all that the storm was");
	}
}

static void nothing_outlives_the_runner(void **state)
{
	(void)state;
	skip_without_groups();
	bash("(setsid sh -c 'trap : INT TERM HUP; while :; do sleep 1; done' stubborn >/dev/null "
	     "2>&1 &)",
			"{}");
	assert_says(bash("pgrep -fc '^sh -c trap.*stubbor[n]'", "{}"), "1");
	assert_says(bash("kill -9 $PPID; sleep 100", "{}"), "ended unexpectedly");
	assert_says(bash("pgrep -fc '^sh -c trap.*stubbor[n]'", "{}"), "0");
}

static void a_restart_makes_room(void **state)
{
	(void)state;
	skip_without_groups();
	assert_says(desktop_tool(&desktop, "python",
				    "{\"code\":\"import subprocess\\nleft = "
				    "[subprocess.Popen(['sleep', '1000']) for i in range(200)]\"}"),
			"BlockingIOError");
	/* A shell starts even then, though nothing in it does. */
	assert_says(bash("echo fine", "{\"restart\":true}"), "fine\n");
	desktop_tool(&desktop, "python", "{\"restart\":true}");
	assert_string_equal(bash("echo fine | cat", "{}"), "fine\n");
	assert_true(processes_used() < 50);
}

/* --- processor time --- */

static double cpu_seconds(const char *times)
{
	/* "0m1.234s 0m0.012s" of the children is the second line that times prints. */
	double minutes = 0, seconds = 0;
	const char *line = strchr(times, '\n');
	assert_non_null(line);
	assert_int_equal(sscanf(line + 1, "%lfm%lfs", &minutes, &seconds), 2);
	return minutes * 60 + seconds;
}

static void processor_time_is_shared_as_told(void **state)
{
	(void)state;
	skip_without_groups();
	desktop_disconnect(&desktop);
	/* Less than it would get on a busy machine. */
	desktop_start_with(&desktop, &world, "slow", "--cpus=0.1", NULL);
	const double spent_s = cpu_seconds(bash("for i in 1 2; do timeout 2 sh -c 'while :; do :; "
						"done' & done; wait; times",
			"{}"));
	/* Two for two seconds each, on a tenth of a processor: 0.2 s, and not 4. */
	assert_true(spent_s < 0.6);
	assert_true(says_reached("cpus"));
}

/* --- open files, and one file --- */

static void open_files_are_bounded(void **state)
{
	(void)state;
	static const char opener[] = "python3 -c '\n"
				     "files = []\n"
				     "try:\n"
				     "  while True: files.append(open(\"/dev/null\"))\n"
				     "except OSError as why: print(len(files) + 3, why.errno)'";
	CUA_AUTO_FREE char *text = desktop_sh(&desktop, opener);
	assert_string_equal(text, "512 24");
	assert_string_equal(bash(opener, "{}"), "512 24\n");
}

static void one_file_is_bounded(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *text = desktop_sh(
			&desktop, "head -c 300000000 /dev/zero > big; stat -c %s big; rm big");
	assert_true(strtol(text, NULL, 10) <= 200 << 20);
}

static void limits_of_files_are_named(void **state)
{
	(void)state;
	static const char opener[] = "python3 -c 'l = [open(\"/dev/null\") for i in range(999)]'";
	assert_says(bash(opener, "{}"),
			"[the tools' limit of open files, 512 for each process, was reached]");
	assert_true(says_reached("open_files"));
	assert_false(says_reached("tmp"));
	static const char full[] = "[the desktop's limit of /tmp, 128 MiB, was reached]";
	assert_says(bash("head -c 150000000 /dev/zero > /tmp/big", "{}"), full);
	assert_true(says_reached("tmp"));
	/* Once, and where it is the reason again. */
	assert_null(strstr(bash("echo fine", "{}"), "limit"));
	assert_says(bash("echo more > /tmp/more", "{}"), full);
	assert_says(bash("rm /tmp/*; head -c 150000000 /dev/zero > /tmp/big; rm /tmp/big", "{}"),
			"no space left in the home or in /tmp");
	assert_null(strstr(bash("echo fine > /tmp/fine; cat /tmp/fine", "{}"), "limit"));
	assert_says(bash("head -c 300000000 /dev/zero > /dev/null; ulimit -f 10; "
			 "(head -c 300000000 /dev/zero > big) 2>&1",
				    "{}"),
			"[the desktop's limit of one file, 200 MiB, was reached]");
	struct output output;
	world_cua(&world, &output, "desktop", "list", NULL);
	assert_says(output.out, "limits reached: disk, tmp, open_files");
	output_finish(&output);
}

/* Does any loop device have a file of this world? */
static bool has_loop_device(void *data)
{
	bool found = false;
	(void)data;
	glob_t files;
	if (glob("/sys/block/loop*/loop/backing_file", 0, NULL, &files) == 0) {
		for (size_t i = 0; i < files.gl_pathc; i++) {
			found = found || file_contains(files.gl_pathv[i], world.dir);
		}
		globfree(&files);
	}
	return found;
}

static bool has_no_loop_device(void *data)
{
	return !has_loop_device(data);
}

static void the_home_is_bounded_and_told(void **state)
{
	(void)state;
	if (!has_loop_device(NULL)) {
		skip();
	}
	assert_says(bash("for i in 1 2 3; do head -c 100000000 /dev/zero > big$i; done; "
			 "du -sm ~ | cut -f1",
				    "{}"),
			"[the desktop's limit of disk, 200 MiB, was reached]");
	CUA_AUTO_FREE char *used = desktop_sh(&desktop, "du -sm ~ | cut -f1");
	assert_in_range(strtol(used, NULL, 10), 150, 200);
	assert_true(says_reached("disk"));
	desktop_do(&desktop, "[{\"action\":\"screenshot\"}]");
	free(desktop_sh(&desktop, "rm workspace/big*"));
	assert_false(says_reached("disk"));
	CUA_AUTO_JSON cJSON *limits = limits_of();
	assert_in_range(json_number(limits, "disk.used"), 1, 100 << 20);
	desktop_stop(&desktop);
	wait_until(has_no_loop_device, NULL, "the kernel gives the device back");
}

/* --- what is left --- */

static void group_dir(int kind, char *dir, size_t size)
{
	static const char *const names[] = { "memory_group", "pids_group", "cpu_group" };
	char leaf[96];
	snprintf(leaf, sizeof(leaf), "run/desktops/%s/desktop.json", desktop.name);
	CUA_AUTO_FREE char *text = read_whole_file(world_path(&world, leaf), NULL);
	CUA_AUTO_JSON cJSON *record = text ? cJSON_Parse(text) : NULL;
	snprintf(dir, size, "%s", json_text(record, names[kind]));
}

static void nothing_is_left_of_the_groups(void **state)
{
	(void)state;
	char dirs[CUA_CGROUP_KINDS][CUA_CGROUP_DIR_MAX];
	skip_without_groups();
	for (int kind = 0; kind < CUA_CGROUP_KINDS; kind++) {
		group_dir(kind, dirs[kind], sizeof(dirs[kind]));
	}
	assert_int_equal(access(dirs[CUA_CGROUP_MEMORY], F_OK), 0);
	/* All at once, as after a crash. */
	free(desktop_sh(&desktop, "setsid sleep 1000 >/dev/null 2>&1 & true"));
	desktop_disconnect(&desktop);
	kill_and_wait(desktop_recorded_pid(&desktop, "host"));
	kill_and_wait(desktop_recorded_pid(&desktop, "bwrap"));
	desktop_stop(&desktop);
	for (int kind = 0; kind < CUA_CGROUP_KINDS; kind++) {
		assert_int_not_equal(access(dirs[kind], F_OK), 0);
	}
}

/* --- what can be asked for --- */

static void bad_limits_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *option, *says;
	} bad[] = { { "--memory=lots", "must be a number with K, M, G or T" },
		{ "--memory=1M", "memory must be 128M or more, or none" },
		{ "--memory=-1G", "must be a number" }, { "--memory=1GB", "must be a number" },
		{ "--memory=nan", "must be a number" }, { "--cpus=0", "cpus \"0\" must be" },
		{ "--cpus=0.001", "cpus must be 0.05 or more" },
		{ "--processes=1e3", "must be a number up to" },
		{ "--processes=10", "processes must be 64 or more" },
		{ "--disk=1K", "disk must be 16M or more" },
		{ "--open-files=3", "open-files must be 256 or more" } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(bad); i++) {
		struct output output;
		world_cua(&world, &output, "desktop", "start", "--name=no", bad[i].option, NULL);
		expect_status(&output, 2, bad[i].option);
		assert_says(output.err, bad[i].says);
		output_finish(&output);
	}
}

static void without_limits_there_are_none(void **state)
{
	(void)state;
	desktop_disconnect(&desktop);
	desktop_start_with(&desktop, &world, "free", "--memory=none", "--processes=none",
			"--cpus=none", "--disk=none", "--open-files=none", NULL);
	CUA_AUTO_JSON cJSON *limits = limits_of();
	static const char *const names[] = { "memory", "processes", "cpus", "disk", "open_files" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		char path[32];
		snprintf(path, sizeof(path), "%s.limit", names[i]);
		assert_non_null(json_at(limits, names[i]));
		assert_null(json_at(limits, path));
	}
	assert_says(hog(300), "status 0");
	desktop_stop(&desktop);
}

/* --- without control groups --- */

/* cua as on a machine that has none: they are gone for it, and for the host that it starts. */
static void hide_groups(const char *program)
{
	const char *path = world_path(&world, "hidden-cua");
	FILE *script = fopen(path, "we");
	assert_non_null(script);
	fprintf(script,
			"#!/bin/sh\nexec unshare -m --propagation private sh -c 'umount -R "
			"/sys/fs/cgroup && exec \"$0\" \"$@\"' %s \"$@\"\n",
			program);
	fclose(script);
	assert_int_equal(chmod(path, 0755), 0);
	snprintf(world.program, sizeof(world.program), "%s", path);
}

static void without_groups_resource_limits_hold_and_it_says_so(void **state)
{
	(void)state;
	struct output output;
	char program[sizeof(world.program)];
	desktop_disconnect(&desktop);
	if (geteuid() != 0) {
		skip();
	}
	snprintf(program, sizeof(program), "%s", world.program);
	hide_groups(program);
	world_cua(&world, &output, "desktop", "start", "--name=said", NULL);
	expect_status(&output, 0, "desktop start");
	assert_says(output.err,
			"warning: limits of this desktop: there are no control groups here");
	assert_says(output.err, "memory is bounded for each process alone");
	assert_says(output.err, "processors are not bounded");
	output_finish(&output);
	desktop_start_with(&desktop, &world, "bare", "--memory=512M", "--processes=200", NULL);
	snprintf(world.program, sizeof(world.program), "%s", program);
	CUA_AUTO_JSON cJSON *limits = limits_of();
	assert_string_equal(json_text(limits, "held_by"), "resource limits");
	assert_says(json_text(limits, "note"), "memory is bounded");
	assert_says(hog(400), "MemoryError");
	CUA_AUTO_FREE char *text = desktop_sh(&desktop,
			"python3 -c 'bytearray(400 << 20)' && echo one; "
			"python3 -c 'bytearray(700 << 20)' 2>/dev/null || echo two");
	assert_string_equal(text, "one\ntwo");
	const pid_t session = desktop_recorded_pid(&desktop, "session"),
		    x_server = desktop_pid(&desktop, "Xvfb");
	assert_says(bash("bomb() { bomb | bomb & }; bomb; read -t 2 < <(:; sleep 2); echo", "{}"),
			"Resource temporarily unavailable");
	assert_stands(session, x_server);
	assert_string_equal(bash("echo fine | cat", "{\"restart\":true}"), "fine\n");
	desktop_stop(&desktop);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, start, finish)
	const struct CMUnitTest tests[] = {
		TEST(a_tool_that_takes_too_much_memory_is_killed_and_told),
		TEST(an_application_that_takes_too_much_memory_is_killed),
		TEST(applications_die_before_what_the_desktop_stands_on),
		TEST(a_picture_too_large_for_the_x_server_is_refused_to_its_client),
		TEST(files_in_memory_are_bounded),
		TEST(a_fork_bomb_is_bounded_and_told_and_can_be_ended),
		TEST(a_storm_of_processes_ends_with_its_call),
		TEST(nothing_outlives_the_runner),
		TEST(a_restart_makes_room),
		TEST(processor_time_is_shared_as_told),
		TEST(open_files_are_bounded),
		TEST(one_file_is_bounded),
		TEST(limits_of_files_are_named),
		TEST(the_home_is_bounded_and_told),
		TEST(nothing_is_left_of_the_groups),
		TEST(bad_limits_are_refused),
		TEST(without_limits_there_are_none),
		TEST(without_groups_resource_limits_hold_and_it_says_so),
	};
	return cmocka_run_group_tests_name("desktop_limits", tests, NULL, NULL);
}
