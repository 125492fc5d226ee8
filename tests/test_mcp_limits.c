/* Servers that take more than they may: ended, and named. */

#include "tests/mcp_play.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/cgroup.h"
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

#define MEMORY ((int64_t)64 << 20)
#define TASKS 40
#define CALL_MS 20000
#define SOMEBODY 65611 /* whoever may make no control groups */

static char state_dir[] = "/tmp/cua-test-mcp-limits-XXXXXX";

static void begin(struct mcp_play *play, const char *mode)
{
	const struct agent_mcp_server_options options = {
		.cancel_fd = -1, .call_ms = CALL_MS, .memory_bytes = MEMORY, .tasks = TASKS
	};
	mcp_play_begin_with(play, mode, &options);
	mcp_play_list(play);
}

/* The group of a server of this process; "" if there is none. */
static void find_group(char *name, size_t size)
{
	struct cua_cgroup parent;
	char own[32];
	name[0] = '\0';
	snprintf(own, sizeof(own), CUA_CGROUP_PREFIX "mcp-%d-", (int)getpid());
	if (cua_cgroup_find("/proc/self", &parent, NULL) != CUA_OK) {
		return;
	}
	for (int kind = 0; kind < CUA_CGROUP_KINDS; kind++) {
		DIR *groups = opendir(parent.dirs[kind]);
		for (const struct dirent *entry; groups && (entry = readdir(groups));) {
			if (strncmp(entry->d_name, own, strlen(own)) == 0) {
				snprintf(name, size, "%.100s", entry->d_name);
			}
		}
		if (groups) {
			closedir(groups);
		}
	}
}

/* Of memory and of processes. */
static bool has_groups(void)
{
	struct cua_cgroup parent;
	return cua_cgroup_find("/proc/self", &parent, NULL) == CUA_OK &&
			parent.dirs[CUA_CGROUP_MEMORY][0] && parent.dirs[CUA_CGROUP_PIDS][0];
}

static void end(struct mcp_play *play)
{
	char group[128];
	mcp_play_end(play);
	find_group(group, sizeof(group));
	assert_string_equal(group, "");
}

static void a_server_that_takes_all_memory_is_ended_and_named(void **state)
{
	struct mcp_play play;
	char text[300], group[128];
	bool is_uncertain = false;
	(void)state;
	if (!has_groups()) {
		skip();
	}
	begin(&play, "hogs");
	find_group(group, sizeof(group));
	assert_string_not_equal(group, "");
	assert_int_equal(mcp_play_call(&play, "{\"what\":\"memory\"}", text, sizeof(text),
					 &is_uncertain),
			CUA_ERR_CLOSED);
	if (!strstr(play.why.msg,
			    "the server's limit of memory, 64 MiB, was reached: 1 process was "
			    "killed")) {
		fail_msg("%s", play.why.msg);
	}
	assert_true(is_uncertain);
	/* The next one is another, which has reached nothing yet. */
	assert_int_equal(mcp_play_call(&play, "{\"what\":\"processes\"}", text, sizeof(text),
					 &is_uncertain),
			CUA_OK);
	assert_string_equal(text, "some");
	end(&play);
}

/* All texts of the answer, one after another. */
static void call_for_texts(struct mcp_play *play, const char *arguments, char *text, size_t size)
{
	CUA_AUTO_JSON cJSON *result = NULL;
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(arguments);
	const cJSON *item = NULL;
	bool is_uncertain = false;
	size_t len = 0;
	assert_int_equal(agent_mcp_server_call(play->server, &play->tools->list[0], json, &result,
					 &is_uncertain, &play->why),
			CUA_OK);
	text[0] = '\0';
	cJSON_ArrayForEach (item, cua_json_member(result, "content")) {
		len += (size_t)snprintf(
				text + len, size - len, "%s\n", cua_json_text(item, "text"));
		assert_true(len < size);
	}
}

static void what_a_part_of_it_reached_stands_in_the_answer(void **state)
{
	struct mcp_play play;
	char text[600];
	(void)state;
	if (!has_groups()) {
		skip();
	}
	begin(&play, "hogs");
	call_for_texts(&play, "{\"what\":\"child\"}", text, sizeof(text));
	assert_string_equal(text,
			"my child ended by signal 9\n[the server's limit of memory, 64 MiB, was "
			"reached: 1 process was killed]\n");
	call_for_texts(&play, "{\"what\":\"processes\"}", text, sizeof(text));
	assert_string_equal(text,
			"some\n[the server's limit of processes and threads, 40, was reached: no "
			"more were started]\n");
	assert_int_equal(agent_mcp_server_facts(play.server).starts, 1);
	end(&play);
}

/* Nobody removes a group but the next one that starts a server. */
static void the_group_of_a_caller_that_was_killed_is_removed(void **state)
{
	struct mcp_play play;
	struct cua_cgroup parent;
	char group[128] = "";
	int told[2];
	(void)state;
	if (!has_groups()) {
		skip();
	}
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	const pid_t caller = fork();
	assert_true(caller >= 0);
	if (caller == 0) {
		begin(&play, "good");
		find_group(group, sizeof(group));
		(void)!write(told[1], group, sizeof(group));
		for (;;) {
			pause();
		}
	}
	assert_int_equal(read(told[0], group, sizeof(group)), sizeof(group));
	assert_int_equal(kill(caller, SIGKILL), 0);
	assert_int_equal(waitpid(caller, NULL, 0), caller);
	assert_int_equal(cua_cgroup_find("/proc/self", &parent, NULL), CUA_OK);
	const struct cua_cgroup left = cua_cgroup_below(&parent, group);
	assert_true(cua_cgroup_exists(&left));
	begin(&play, "good");
	assert_false(cua_cgroup_exists(&left));
	end(&play);
	close(told[0]);
	close(told[1]);
}

/* In a process of somebody who may make no groups. */
static int play_without_groups(void)
{
	struct mcp_play play;
	if (geteuid() == 0 &&
			(setgroups(0, NULL) != 0 || setgid(SOMEBODY) != 0 ||
					setuid(SOMEBODY) != 0)) {
		return 2;
	}
	if (has_groups()) {
		return 0; /* where systemd has given some to everybody */
	}
	mcp_play_begin(&play, "greedy");
	mcp_play_list(&play);
	char text[200];
	bool is_uncertain = false;
	const enum cua_status status =
			mcp_play_call(&play, NULL, text, sizeof(text), &is_uncertain);
	mcp_play_end(&play);
	return status == CUA_OK &&
					strncmp(text,
							"files bounded, scratch bounded, memory "
							"bounded",
							46) == 0
			? 0
			: 1;
}

static void without_groups_resource_limits_hold(void **state)
{
	char own_dir[64];
	int status = 0;
	(void)state;
	snprintf(own_dir, sizeof(own_dir), "%s/own", state_dir);
	assert_int_equal(mkdir(own_dir, 0700), 0);
	assert_true(geteuid() != 0 || chown(own_dir, SOMEBODY, SOMEBODY) == 0);
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		setenv("CUA_STATE_DIR", own_dir, 1);
		_exit(play_without_groups());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_that_takes_all_memory_is_ended_and_named),
		cmocka_unit_test(what_a_part_of_it_reached_stands_in_the_answer),
		cmocka_unit_test(the_group_of_a_caller_that_was_killed_is_removed),
		cmocka_unit_test(without_groups_resource_limits_hold),
	};
	signal(SIGPIPE, SIG_IGN);
	if (sodium_init() < 0 || !mkdtemp(state_dir) || chmod(state_dir, 0711) != 0) {
		return 1;
	}
	setenv("CUA_STATE_DIR", state_dir, 1);
	const int failed = cmocka_run_group_tests(tests, NULL, NULL);
	return cua_remove_tree(state_dir, NULL) == CUA_OK ? failed : 1;
}
