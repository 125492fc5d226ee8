/* Whatever ends a host, and wherever in an action, nothing stays down; and ten thousand actions
 * leave a host as it was. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/file.h"
#include "tests/desktop_fixture.h"

static struct world world;
static struct desktop desktop;

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "held");
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

static bool nothing_is_held(void *data)
{
	(void)data;
	CUA_AUTO_FREE char *held = desktop_probe(&desktop, "held", "");
	return strncmp(held, "keys 0 buttons 0 ", 17) == 0;
}

static bool host_is_gone(void *data)
{
	return process_is_gone(*(const pid_t *)data);
}

static void start_host(void)
{
	char name[96];
	snprintf(name, sizeof(name), "--name=%s", desktop.name);
	world_expect(&world, 0, "desktop", "start", name, NULL);
}

/* The program that can be killed at an event takes the place of the usual one. */
static void replace_host(void)
{
	size_t len = 0;
	CUA_AUTO_FREE char *program = read_whole_file(CUA_TEST_KILL_HOST, &len);
	assert_non_null(program);
	assert_int_equal(unlink(world_path(&world, "cua-host")), 0);
	assert_int_equal(cua_file_write(world_path(&world, "cua-host"), program, len, 0755, NULL),
			CUA_OK);
	desktop_disconnect(&desktop);
	kill_and_wait(desktop_recorded_pid(&desktop, "host"));
	start_host();
}

/* True if the host was killed, false if the action came to its end before. */
static bool kill_during(const char *actions, int event)
{
	char number[16], body[512], answer[256];
	pid_t host = desktop_recorded_pid(&desktop, "host");
	snprintf(number, sizeof(number), "%d", event);
	assert_int_equal(cua_file_write(world_path(&world, "run/kill"), number, strlen(number),
					 0644, NULL),
			CUA_OK);
	snprintf(body, sizeof(body), "{\"actions\":%s,\"screenshot\":false,\"settle\":false}",
			actions);
	const int fd = desktop_post_and_leave_open(&desktop, body);
	const bool killed = read(fd, answer, sizeof(answer)) <= 0;
	close(fd);
	unlink(world_path(&world, "run/kill"));
	if (killed) {
		wait_until(host_is_gone, &host, "the end of the host");
	}
	return killed;
}

static void a_host_killed_at_any_event_leaves_nothing_down(void **state)
{
	(void)state;
	static const struct {
		const char *actions;
		int events;
	} rows[] = {
		{ "[{\"action\":\"key\",\"keys\":\"ctrl+shift+t\"}]", 6 },
		{ "[{\"action\":\"click\",\"x\":9,\"y\":9,\"count\":2,\"keys\":\"ctrl\"}]", 6 },
		{ "[{\"action\":\"drag\",\"path\":[[9,9],[40,40],[9,60]],\"keys\":\"alt\"}]", 4 },
		{ "[{\"action\":\"scroll\",\"scroll_y\":2,\"keys\":\"shift\"}]", 6 },
		{ "[{\"action\":\"hold_key\",\"keys\":\"shift+b\",\"duration_ms\":50}]", 4 },
		{ "[{\"action\":\"type\",\"text\":\"aB\\u6f22\"}]", 8 },
		{ "[{\"action\":\"mouse_down\"},{\"action\":\"mouse_up\"}]", 2 },
	};
	replace_host();
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		int event = 1;
		for (; kill_during(rows[i].actions, event); event++) {
			/* Before anybody starts another host. */
			wait_until(nothing_is_held, NULL, "everything is up again");
			start_host();
		}
		assert_int_equal(event, rows[i].events + 1);
		assert_nothing_held(&desktop);
	}
}

/* --- ten thousand actions --- */

static int count_descriptors(pid_t pid)
{
	char path[64];
	int count = 0;
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	while (readdir(dir)) {
		count++;
	}
	closedir(dir);
	return count;
}

/* Of its own: how much of a shared library counts depends on who else has it loaded. */
static long memory_kb(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	CUA_AUTO_FREE char *text = read_whole_file(path, NULL);
	const char *at = text ? strstr(text, "\nAnonymous:") : NULL;
	assert_non_null(at);
	return strtol(at + 11, NULL, 10);
}

static void run_actions(int count, unsigned int seed)
{
	static const struct {
		bool has_at;
		const char *text; /* what follows the place */
	} actions[] = {
		{ true, "\"action\":\"move\"}" },
		{ true, "\"action\":\"click\"}" },
		{ true, "\"action\":\"click\",\"button\":\"right\",\"keys\":\"ctrl\"}" },
		{ true, "\"action\":\"scroll\",\"scroll_y\":1}" },
		{ false, "\"action\":\"key\",\"keys\":\"ctrl+s\"}" },
		{ false, "\"action\":\"type\",\"text\":\"Ab \\u6f22\\u5b57\"}" },
		{ false, "\"action\":\"cursor_position\"}" },
		{ false, "\"action\":\"mouse_down\"},{\"action\":\"mouse_up\"}" },
		{ false, "\"action\":\"clipboard_set\",\"text\":\"some text\"}" },
		{ false, "\"action\":\"list_windows\"}" },
	};
	enum { PER_REQUEST = 100 };
	srand(seed);
	for (int done = 0; done < count; done += PER_REQUEST) {
		char list[PER_REQUEST * 128] = "[", place[64];
		for (int i = 0; i < PER_REQUEST; i++) {
			const int kind = rand() % (int)CUA_ARRAY_LEN(actions);
			snprintf(place, sizeof(place), "\"x\":%d,\"y\":%d,", rand() % 1280,
					rand() % 800);
			strcat(list, i > 0 ? ",{" : "{");
			strcat(list, actions[kind].has_at ? place : "");
			strcat(list, actions[kind].text);
		}
		strcat(list, "]");
		CUA_AUTO_FREE char *body = NULL;
		assert_true(asprintf(&body,
					    "{\"actions\":%s,\"screenshot\":false,\"settle\":"
					    "false}",
					    list) > 0);
		cJSON_Delete(desktop_post(&desktop, body, NULL));
	}
}

static void ten_thousand_actions_leave_a_host_as_it_was(void **state)
{
	(void)state;
	const pid_t host = desktop_recorded_pid(&desktop, "host");
	const pid_t server = desktop_pid(&desktop, "Xvfb");
	run_actions(1000, 1);
	const int host_fds = count_descriptors(host), server_fds = count_descriptors(server);
	const long before_kb = memory_kb(host);
	run_actions(10000, 2);
	/* The server has one descriptor for each client. */
	assert_int_equal(count_descriptors(host), host_fds);
	assert_int_equal(count_descriptors(server), server_fds);
	const long after_kb = memory_kb(host);
	if (after_kb > before_kb + 512) {
		fail_msg("the host grew from %ld to %ld KiB", before_kb, after_kb);
	}
	assert_nothing_held(&desktop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_thousand_actions_leave_a_host_as_it_was),
		cmocka_unit_test(a_host_killed_at_any_event_leaves_nothing_down),
	};
	return cmocka_run_group_tests_name("desktop_held", tests, start, finish);
}
