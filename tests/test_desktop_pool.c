/* Desktops that were started before anybody asked. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/files.h"
#include "tests/processes.h"
#include "tests/standin_process.h"
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

static cJSON *list(void)
{
	struct output output;
	world_cua(&world, &output, "desktop", "list", "--json", NULL);
	assert_int_equal(output.exit_status, 0);
	cJSON *json = cJSON_Parse(output.out);
	output_finish(&output);
	assert_true(cJSON_IsArray(json));
	return json;
}

static int count_state(const char *state)
{
	CUA_AUTO_JSON cJSON *all = list();
	const cJSON *item = NULL;
	int count = 0;
	cJSON_ArrayForEach (item, all) {
		count += strcmp(json_text(item, "state"), state) == 0;
	}
	return count;
}

static bool has_spares(void *data)
{
	return count_state("spare") == *(int *)data && count_state("dead") == 0;
}

static void wait_spares(int count)
{
	wait_until(has_spares, &count, "that many spare desktops");
}

/* Of a desktop by its name, what is recorded. */
static pid_t pid_of(const char *name, const char *who)
{
	struct desktop named = { .world = &world };
	snprintf(named.name, sizeof(named.name), "%s", name);
	return desktop_recorded_pid(&named, who);
}

static pid_t session_of(const char *name)
{
	return pid_of(name, "session");
}

static void a_start_takes_a_spare_desktop_and_refills(void **state)
{
	(void)state;
	struct desktop first, second;
	desktop_start_with(&first, &world, "first", "--pool=1", NULL);
	wait_spares(1);
	const pid_t waiting = session_of("spare-1"), host = pid_of("spare-1", "host");
	desktop_start(&second, &world, "second");
	assert_int_equal(session_of("second"), waiting);
	assert_int_equal(pid_of("second", "host"), host);
	wait_spares(1);
	assert_int_not_equal(session_of("spare-1"), waiting);
	/* It is a desktop like any other: its name, its home, which is fresh, its applications. */
	struct cua_http_response response;
	assert_int_equal(
			desktop_http(&second, "GET", "/v1/desktop", NULL, 0, NULL, &response), 200);
	CUA_AUTO_JSON cJSON *about = cJSON_Parse(response.body.data);
	cua_http_response_finish(&response);
	assert_string_equal(json_text(about, "name"), "second");
	assert_string_equal(json_text(about, "home"), world_path(&world, "state/desktops/second"));
	free(desktop_sh(&second, "echo mine > Documents/note"));
	CUA_AUTO_FREE char *note = home_file(&second, "Documents/note");
	assert_string_equal(note, "mine\n");
	desktop_do(&second, "[{\"action\":\"open_app\",\"name\":\"xterm\"}]");
	/* And it is stopped like any other; the pool stays. */
	desktop_stop(&second);
	assert_int_equal(count_state("spare"), 1);
	world_expect(&world, 0, "desktop", "stop", "--pool", NULL);
	assert_int_equal(count_state("spare"), 0);
	assert_int_equal(count_state("running"), 1);
	desktop_stop(&first);
}

static void other_options_start_afresh(void **state)
{
	(void)state;
	struct desktop first, other;
	desktop_start_with(&first, &world, "first", "--pool=1", NULL);
	wait_spares(1);
	desktop_start_with(&other, &world, "other", "--size=1024x768", NULL);
	CUA_AUTO_FREE char *size = desktop_sh(&other, "xdpyinfo | grep -o '1024x768 pixels'");
	assert_string_equal(size, "1024x768 pixels");
	assert_int_equal(count_state("spare"), 1);
	world_expect(&world, 0, "desktop", "start", "--pool=0", "--name=last", NULL);
	wait_spares(0);
	world_expect(&world, 0, "desktop", "stop", "--all", NULL);
	assert_int_equal(count_state("running"), 0);
}

static void starts_at_once_take_different_ones(void **state)
{
	(void)state;
	struct desktop first;
	struct output output;
	desktop_start_with(&first, &world, "first", "--pool=2", NULL);
	wait_spares(2);
	char script[512];
	snprintf(script, sizeof(script), "for i in 1 2 3 4; do %s desktop start & done; wait",
			world.program);
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };
	world_exec(&world, argv, NULL, NULL, 0, &output);
	assert_int_equal(output.exit_status, 0);
	output_finish(&output);
	assert_int_equal(count_state("running"), 5);
	pid_t sessions[4];
	for (int i = 0; i < 4; i++) {
		char name[16];
		snprintf(name, sizeof(name), "desktop-%d", i + 1);
		sessions[i] = session_of(name);
		assert_true(sessions[i] > 0);
		for (int k = 0; k < i; k++) {
			assert_int_not_equal(sessions[i], sessions[k]);
		}
	}
	wait_spares(2);
	world_expect(&world, 0, "desktop", "stop", "--all", NULL);
}

static bool list_is_gone(void *data)
{
	(void)data;
	return access(world_path(&world, "run/pool.json"), F_OK) != 0;
}

/* Who changes the list of pools has the lock of the desktops, or a change beside it is lost. */
static void the_pool_is_not_changed_under_the_lock_of_another(void **state)
{
	(void)state;
	struct desktop first;
	int wait_status = 0;
	desktop_start_with(&first, &world, "first", "--pool=1", NULL);
	wait_spares(1);
	int lock_fd = open(world_path(&world, "run/desktops"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(lock_fd, LOCK_EX), 0);
	const char *const argv[] = { world.program, "desktop", "stop", "--pool", NULL };
	const pid_t pid = world_start(&world, argv, NULL);
	assert_false(waits_until(list_is_gone, NULL, 500));
	close(lock_fd);
	assert_int_equal(waitpid(pid, &wait_status, 0), pid);
	assert_int_equal(wait_status, 0);
	assert_true(list_is_gone(NULL));
	world_expect(&world, 0, "desktop", "stop", "--all", NULL);
}

static int count_hosts(const char *name)
{
	static const char text[] = "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; echo; done "
				   "2>/dev/null | grep -c \"^cua-host --name $0 \"";
	const char *const argv[] = { "/bin/sh", "-c", text, name, NULL };
	struct output output;
	world_exec(&world, argv, NULL, NULL, 0, &output);
	const int count = (int)strtol(output.out, NULL, 10);
	output_finish(&output);
	return count;
}

static bool has_one_host(void *data)
{
	return count_hosts(data) == 2; /* and its guard */
}

/* A desktop that was taken is there before its host serves. */
static void starts_of_one_name_at_once_make_one_host(void **state)
{
	(void)state;
	struct desktop first;
	struct output output;
	char script[512], twin[] = "pool-twin";
	desktop_start_with(&first, &world, "first", "--pool=1", NULL);
	for (int round = 0; round < 3; round++) {
		wait_spares(1);
		snprintf(script, sizeof(script),
				"for i in 1 2 3; do %s desktop start --name=%s & done; wait",
				world.program, twin);
		const char *const argv[] = { "/bin/sh", "-c", script, NULL };
		world_exec(&world, argv, NULL, NULL, 0, &output);
		output_finish(&output);
		assert_int_equal(count_state("running"), 2);
		wait_until(has_one_host, twin, "one host and its guard");
		world_expect(&world, 0, "desktop", "stop", twin, NULL);
		assert_int_equal(count_hosts(twin), 0);
	}
	world_expect(&world, 0, "desktop", "stop", "--all", NULL);
}

static void a_spare_desktop_is_nobodys(void **state)
{
	(void)state;
	struct desktop first;
	desktop_start_with(&first, &world, "first", "--pool=1", NULL);
	wait_spares(1);
	world_expect(&world, 1, "desktop", "exec", "-d", "spare-1", "true", NULL);
	world_expect(&world, 1, "click", "-d", "spare-1", "1", "1", NULL);
	world_expect(&world, 1, "desktop", "start", "--name=spare-1", NULL);
	/* The only desktop that can be meant. */
	world_expect(&world, 0, "cursor_position", NULL);
	assert_int_equal(count_state("spare"), 1);
	world_expect(&world, 0, "desktop", "stop", "--all", NULL);
}

static void a_spare_desktop_that_died_is_not_handed_out(void **state)
{
	(void)state;
	struct desktop first, second;
	desktop_start_with(&first, &world, "first", "--pool=1", NULL);
	wait_spares(1);
	const pid_t waiting = session_of("spare-1");
	kill_and_wait(waiting);
	desktop_start(&second, &world, "second");
	assert_int_not_equal(session_of("second"), waiting);
	desktop_do(&second, "[{\"action\":\"cursor_position\"}]");
	wait_spares(1);
	world_expect(&world, 0, "desktop", "stop", "--all", NULL);
}

static void a_spare_desktop_whose_host_died_or_hangs_gets_another(void **state)
{
	(void)state;
	struct desktop first, second;
	desktop_start_with(&first, &world, "first", "--pool=1", NULL);
	wait_spares(1);
	static const int signals[] = { SIGKILL, SIGSTOP };
	for (size_t i = 0; i < CUA_ARRAY_LEN(signals); i++) {
		const pid_t waiting = session_of("spare-1"), host = pid_of("spare-1", "host");
		assert_int_equal(kill(host, signals[i]), 0);
		desktop_start(&second, &world, "second");
		assert_int_equal(session_of("second"), waiting);
		assert_int_not_equal(pid_of("second", "host"), host);
		assert_true(process_is_gone(host));
		desktop_do(&second, "[{\"action\":\"cursor_position\"}]");
		desktop_stop(&second);
		wait_spares(1);
	}
	const pid_t last = pid_of("spare-1", "host");
	world_expect(&world, 0, "desktop", "stop", "--pool", NULL);
	assert_true(process_is_gone(last));
	world_expect(&world, 0, "desktop", "stop", "--all", NULL);
}

static bool names_spare(const char *events, ssize_t len)
{
	bool found = false;
	for (ssize_t at = 0; at < len;) {
		const struct inotify_event *event = (const void *)(events + at);
		found = found || (event->len > 0 && strcmp(event->name, "spare-1") == 0);
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	return found;
}

/* Waits for the folder of a spare desktop, and puts a pipe there that holds up who is making it,
 * when its host waits and its session is about to start. */
static void hold_up_spare(int notify_fd)
{
	char events[4096] __attribute__((aligned(8)));
	ssize_t len = 0;
	do {
		struct pollfd readable = { .fd = notify_fd, .events = POLLIN };
		assert_int_equal(poll(&readable, 1, DESKTOP_DEADLINE_MS), 1);
		len = read(notify_fd, events, sizeof(events));
		assert_true(len > 0);
	} while (!names_spare(events, len));
	assert_int_equal(mkfifo(world_path(&world, "run/desktops/spare-1/session.log"), 0600), 0);
}

static bool host_waits(void *data)
{
	(void)data;
	return access(world_path(&world, "run/desktops/spare-1/host.sock"), F_OK) == 0;
}

/* Who makes a spare desktop is killed when it has a host and nothing else yet. */
static void a_spare_desktop_that_was_half_made_is_not_handed_out(void **state)
{
	(void)state;
	struct desktop first, second, third;
	desktop_start(&first, &world, "first");
	const int notify_fd = inotify_init1(IN_CLOEXEC);
	assert_true(inotify_add_watch(notify_fd, world_path(&world, "run/desktops"), IN_CREATE) >=
			0);
	const char *const argv[] = { world.program, "desktop", "start", "--name=pooled", "--pool=1",
		NULL };
	struct output output;
	struct program starting = world_begin(&world, argv, NULL, NULL, 0);
	hold_up_spare(notify_fd);
	close(notify_fd);
	world_await(&world, &starting, &output);
	assert_int_equal(output.exit_status, 0);
	output_finish(&output);
	wait_until(host_waits, NULL, "the host of the spare desktop waits");
	const pid_t host = pid_of("spare-1", "host"), refill = process_parent(host);
	assert_true(session_of("spare-1") <= 0);
	/* With its maker at work, and after its end. */
	desktop_start(&second, &world, "second");
	desktop_do(&second, "[{\"action\":\"cursor_position\"}]");
	assert_int_equal(pid_of("spare-1", "host"), host);
	kill_and_wait(refill);
	desktop_start(&third, &world, "third");
	desktop_do(&third, "[{\"action\":\"cursor_position\"}]");
	assert_int_not_equal(pid_of("third", "host"), host);
	wait_spares(1);
	assert_true(process_is_gone(host));
	assert_int_equal(count_state("running"), 4);
	world_expect(&world, 0, "desktop", "stop", "--all", NULL);
}

/* As a start does that is under way. Nobody waits for it longer than 10 s. */
static void spares_wait_for_who_starts_now(void **state)
{
	struct desktop first;
	(void)state;
	desktop_start(&first, &world, "first");
	CUA_AUTO_FD int fd = open(world_path(&world, "run/starting"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_SH), 0);
	const uint64_t since_us = cua_now_us();
	world_expect(&world, 0, "desktop", "start", "--name=second", "--pool=1", NULL);
	free(desktop_sh(&first, "sleep 1"));
	assert_true(count_state("spare") == 0 || cua_now_us() - since_us > 8000000);
	assert_int_equal(flock(fd, LOCK_UN), 0);
	cua_closep(&fd);
	wait_spares(1);
	world_expect(&world, 0, "desktop", "stop", "--all", NULL);
}

static bool one_refill_waits(void *data)
{
	static const char text[] = "for p in /proc/[0-9]*; do grep -qz \"^CUA_RUNTIME_DIR=$0$\" "
				   "$p/environ && tr '\\0' ' ' <$p/cmdline && echo; done "
				   "2>/dev/null | grep -c \"desktop refill $\"";
	const char *const argv[] = { "/bin/sh", "-c", text, world_path(&world, "run"), NULL };
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct output output;
	(void)data;
	world_exec(&world, argv, NULL, NULL, 0, &output);
	const int count = (int)strtol(output.out, NULL, 10);
	output_finish(&output);
	CUA_AUTO_FD int fd = open(world_path(&world, "run/refilling"), O_RDWR | O_CLOEXEC);
	return count == 1 && fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 &&
			lock.l_type != F_UNLCK;
}

/* While the pool is filled, by whoever has its lock, one waits who looks again; the others leave it
 * to that one. */
static void one_refill_waits_for_another(void **state)
{
	struct desktop first, second, third;
	(void)state;
	desktop_start_with(&first, &world, "first", "--pool=2", NULL);
	wait_spares(2);
	CUA_AUTO_FD int fd = open(world_path(&world, "run"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	desktop_start(&second, &world, "second");
	wait_until(one_refill_waits, NULL, "a refill that waits");
	desktop_start(&third, &world, "third");
	wait_until(one_refill_waits, NULL, "one refill alone");
	assert_int_equal(count_state("spare"), 0);
	cua_closep(&fd);
	wait_spares(2);
	world_expect(&world, 0, "desktop", "stop", "--all", NULL);
}

/* A run to its end, with a workspace of its own. */
static void run_with_spares(const char *url, const char *workspace, const char *spares)
{
	struct output output;
	char folder[600], keeps[32], base_url[96];
	snprintf(folder, sizeof(folder), "--workspace=%s", world_path(&world, workspace));
	snprintf(keeps, sizeof(keeps), "--spares=%s", spares);
	snprintf(base_url, sizeof(base_url), "--base-url=%s", url);
	(void)mkdir(world_path(&world, workspace), 0755);
	world_cua(&world, &output, "run", "--model=standin", "--api=chat", base_url, folder, keeps,
			"Click.", NULL);
	expect_status(&output, 0, "cua run --spares");
	output_finish(&output);
}

static int count_spares_of(const char *workspace)
{
	char text[64];
	int count = 0;
	snprintf(text, sizeof(text), "/%s\"", workspace);
	for (int i = 1; i <= 8; i++) {
		char path[128];
		snprintf(path, sizeof(path), "run/desktops/spare-%d/desktop.json", i);
		CUA_AUTO_FREE char *record = read_whole_file(world_path(&world, path), NULL);
		count += record && strstr(record, text);
	}
	return count;
}

static void runs_keep_spares_of_the_kinds_they_want(void **state)
{
	struct standin_process model;
	(void)state;
	standin_process_start(&model, NULL);
	run_with_spares(model.url, "one", "3");
	wait_spares(3);
	assert_int_equal(count_spares_of("one"), 3);
	/* Another kind: they share. */
	run_with_spares(model.url, "other", "3");
	wait_spares(3);
	assert_int_equal(count_spares_of("one"), 2);
	assert_int_equal(count_spares_of("other"), 1);
	/* One that somebody asked for is not theirs to end. */
	struct desktop own;
	desktop_start_with(&own, &world, "own", "--pool=1", NULL);
	wait_spares(4);
	world_expect(&world, 0, "desktop", "stop", "--spares-of-runs", NULL);
	assert_int_equal(count_state("spare"), 1);
	run_with_spares(model.url, "one", "0");
	assert_int_equal(count_state("spare"), 1);
	desktop_stop(&own);
	world_expect(&world, 0, "desktop", "stop", "--pool", NULL);
	standin_process_stop(&model);
}

static void bad_pools_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "--pool=-1", "--pool=65", "--pool=", "--pool=2x" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(bad); i++) {
		world_expect(&world, 2, "desktop", "start", bad[i], NULL);
	}
	world_expect(&world, 2, "desktop", "stop", "--pool", "name", NULL);
	world_expect(&world, 2, "desktop", "start", "--sandbox=none", "--pool=1", NULL);
	assert_int_equal(count_state("running"), 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, start, finish)
#define USER_TEST(function) \
	{ \
#function "_as_a_user", function, start_as_user, finish, NULL \
	}
	const struct CMUnitTest tests[] = {
		TEST(a_start_takes_a_spare_desktop_and_refills),
		USER_TEST(a_start_takes_a_spare_desktop_and_refills),
		TEST(other_options_start_afresh),
		TEST(starts_at_once_take_different_ones),
		USER_TEST(starts_at_once_take_different_ones),
		TEST(the_pool_is_not_changed_under_the_lock_of_another),
		TEST(starts_of_one_name_at_once_make_one_host),
		TEST(spares_wait_for_who_starts_now),
		TEST(one_refill_waits_for_another),
		TEST(a_spare_desktop_is_nobodys),
		TEST(a_spare_desktop_that_died_is_not_handed_out),
		TEST(a_spare_desktop_whose_host_died_or_hangs_gets_another),
		TEST(a_spare_desktop_that_was_half_made_is_not_handed_out),
		TEST(runs_keep_spares_of_the_kinds_they_want),
		TEST(bad_pools_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
