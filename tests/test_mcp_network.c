/* Servers with a network of some names: a real server behind its proxy, and no other way out. The
 * proxy beside this program finds names of tests on this machine (egress_seam.c). */

#include "tests/mcp_play.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/mcp/mcp_egress.h"
#include "agent/mcp/mcp_pins.h"
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/process.h"
#include "cua/base/util.h"
#include "tests/egress_stage.h"
#include "tests/files.h"
#include "tests/processes.h"
#include "tests/waiting.h"

static char dir[] = "/tmp/cua-test-mcpnet-XXXXXX";
static char runtime_dir[64];
static struct origin origin;

/* --- what there is --- */

static void write_names(void)
{
	char path[512], names[128];
	const ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 16);
	assert_true(len > 0);
	path[len] = '\0';
	strcpy(strrchr(path, '/'), "/egress-names");
	snprintf(names, sizeof(names), "allowed.test 80 %d\nother.test 80 %d\n", origin.port,
			origin.port);
	assert_int_equal(cua_file_write(path, names, strlen(names), 0644, NULL), CUA_OK);
}

static int start(void **state)
{
	(void)state;
	origin_start(&origin);
	write_names();
	return 0;
}

static int finish(void **state)
{
	(void)state;
	origin_stop(&origin);
	return 0;
}

/* A server that fetches what a call names, and may reach allowed.test; listed. */
static void begin(struct mcp_play *play)
{
	mcp_play_begin(play, "fetches");
	play->entry.allowed = (char *)(uintptr_t) "allowed.test";
	mcp_play_list(play);
}

static void expect_fetch(struct mcp_play *play, const char *arguments, const char *part)
{
	char text[4096];
	bool is_uncertain = false;
	if (mcp_play_call(play, arguments, text, sizeof(text), &is_uncertain) != CUA_OK) {
		fail_msg("%s: %s", arguments, play->why.msg);
	}
	if (!strstr(text, part)) {
		fail_msg("%s: %s", arguments, text);
	}
}

/* The proxy that this process has started; there is one at a time. */
static pid_t find_proxy(void)
{
	DIR *proc = opendir("/proc");
	pid_t found = 0;
	assert_non_null(proc);
	for (pid_t pid; (pid = next_process(proc)) > 0;) {
		char path[64], name[16] = "";
		snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
		CUA_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && read(fd, name, sizeof(name) - 1) > 0 &&
				process_parent(pid) == getpid() && !process_is_gone(pid) &&
				strchr(name, '\n')) {
			/* Our other children are bubblewrap, and its own first process. */
			found = strncmp(name, "bwrap", 5) == 0 ? found : pid;
		}
	}
	closedir(proc);
	return found;
}

static bool is_gone(void *data)
{
	return process_is_gone(*(const pid_t *)data);
}

static int count_folders(void)
{
	char path[80];
	int count = 0;
	snprintf(path, sizeof(path), "%s/mcp", runtime_dir);
	DIR *folders = opendir(path);
	for (const struct dirent *entry; folders && (entry = readdir(folders));) {
		count += entry->d_name[0] != '.';
	}
	if (folders) {
		closedir(folders);
	}
	return count;
}

static bool is_logged(void *data)
{
	char path[CUA_PATH_MAX];
	assert_int_equal(agent_mcp_egress_log("bad", path, sizeof(path), NULL), CUA_OK);
	return file_contains(path, data);
}

static void expect_logged(const char *text)
{
	char wanted[200];
	snprintf(wanted, sizeof(wanted), "%s", text);
	wait_until(is_logged, wanted, text);
}

/* --- tests --- */

static void a_server_reaches_the_names_in_its_list(void **state)
{
	struct mcp_play play;
	(void)state;
	begin(&play);
	expect_fetch(&play, "{\"host\":\"allowed.test\"}", "200 OK");
	assert_int_equal(origin_requests(&origin), 1);
	expect_logged("\"event\":\"allowed\",\"by\":\"HTTP\",\"host\":\"allowed.test\"");
	mcp_play_end(&play);
}

static void it_reaches_nothing_else(void **state)
{
	struct mcp_play play;
	char direct[80];
	const int before = origin_requests(&origin);
	(void)state;
	begin(&play);
	expect_fetch(&play, "{\"host\":\"other.test\"}", "the name is not in the list");
	expect_fetch(&play, "{\"host\":\"127.0.0.1\"}", "403 Forbidden");
	snprintf(direct, sizeof(direct), "{\"host\":\"allowed.test\",\"port\":%d}", origin.port);
	expect_fetch(&play, direct, "no route");
	expect_logged("\"event\":\"denied\",\"by\":\"HTTP\",\"host\":\"other.test\"");
	assert_int_equal(origin_requests(&origin), before);
	mcp_play_end(&play);
	/* Without a list there is not even a proxy to ask. */
	mcp_play_begin(&play, "fetches");
	mcp_play_list(&play);
	expect_fetch(&play, "{\"host\":\"allowed.test\"}", "no proxy");
	expect_fetch(&play, direct, "no route");
	assert_int_equal(find_proxy(), 0);
	mcp_play_end(&play);
}

static void the_proxy_ends_with_the_server(void **state)
{
	struct mcp_play play;
	(void)state;
	begin(&play);
	const pid_t proxy = find_proxy();
	assert_true(proxy > 0);
	assert_int_equal(count_folders(), 1);
	mcp_play_end(&play);
	assert_true(process_is_gone(proxy));
	assert_int_equal(count_folders(), 0);
}

static pid_t find_server(const struct mcp_play *play)
{
	DIR *proc = opendir("/proc");
	pid_t found = 0;
	assert_non_null(proc);
	for (pid_t pid; found == 0 && (pid = next_process(proc)) > 0;) {
		char path[64], words[4096];
		snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
		CUA_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
		const ssize_t len = fd < 0 ? -1 : read(fd, words, sizeof(words));
		const bool has_token = len > 0 &&
				memmem(words, (size_t)len, play->token, strlen(play->token));
		found = has_token && strcmp(words, CUA_TEST_BAD_SERVER) == 0 ? pid : 0;
	}
	closedir(proc);
	return found;
}

static void a_server_that_dies_takes_its_proxy_along_and_gets_another(void **state)
{
	struct mcp_play play;
	(void)state;
	begin(&play);
	pid_t proxy = find_proxy();
	kill_and_wait(find_server(&play));
	wait_until(is_gone, &proxy, "the end of the proxy");
	expect_fetch(&play, "{\"host\":\"allowed.test\"}", "200 OK");
	assert_int_equal(agent_mcp_server_facts(play.server).starts, 2);
	assert_int_equal(count_folders(), 1);
	mcp_play_end(&play);
}

static void without_the_proxy_there_is_no_route(void **state)
{
	struct mcp_play play;
	(void)state;
	begin(&play);
	kill_and_wait(find_proxy());
	expect_fetch(&play, "{\"host\":\"allowed.test\"}", "has ended: there is no network");
	mcp_play_end(&play);
}

/* Nobody is there to end the proxy or to remove its folder: the pipe, and the next start. */
static void nothing_is_left_of_a_caller_that_is_killed(void **state)
{
	struct mcp_play play;
	pid_t proxy = 0;
	int told[2];
	(void)state;
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	const pid_t caller = fork();
	assert_true(caller >= 0);
	if (caller == 0) {
		begin(&play);
		const pid_t its = find_proxy();
		(void)!write(told[1], &its, sizeof(its));
		for (;;) {
			pause();
		}
	}
	assert_int_equal(read(told[0], &proxy, sizeof(proxy)), sizeof(proxy));
	assert_true(proxy > 0);
	assert_int_equal(kill(caller, SIGKILL), 0);
	assert_int_equal(waitpid(caller, NULL, 0), caller);
	wait_until(is_gone, &proxy, "the end of the proxy");
	assert_int_equal(count_folders(), 1);
	begin(&play);
	assert_int_equal(count_folders(), 1);
	mcp_play_end(&play);
	assert_int_equal(count_folders(), 0);
	close(told[0]);
	close(told[1]);
}

static void a_command_that_is_not_there_is_told(void **state)
{
	struct mcp_play play;
	(void)state;
	mcp_play_begin(&play, "good");
	play.entry.allowed = (char *)(uintptr_t) "allowed.test";
	play.argv[0] = (char *)(uintptr_t) "/nonexistent/server";
	assert_int_equal(mcp_play_try_list(&play), CUA_ERR_CLOSED);
	assert_non_null(strstr(play.why.msg, "/nonexistent/server cannot be started here"));
	assert_non_null(strstr(play.why.msg, "go into \"read\" of its entry"));
	mcp_play_end(&play);
}

/* What a person approved is a network, too. */
static void another_network_waits_for_approval(void **state)
{
	static const char *const networks[] = { "{\"allow\":[\"allowed.test\"]}",
		"{\"allow\":[\"allowed.test\",\"other.test\"]}", "\"open\"" };
	struct agent_mcp_tools tools = { 0 };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(networks); i++) {
		struct agent_mcp_entry entry = { .name = "pinned",
			.written = cJSON_CreateObject() };
		bool is_known = true;
		cJSON_AddStringToObject(entry.written, "command", "server");
		cJSON_AddItemToObject(entry.written, "network", cJSON_Parse(networks[i]));
		assert_int_equal(agent_mcp_pins_know(&entry, &is_known, NULL), CUA_OK);
		assert_false(is_known);
		CUA_AUTO_JSON cJSON *changes = NULL;
		assert_int_equal(agent_mcp_pins_compare(&entry, &tools, &changes, NULL), CUA_OK);
		CUA_AUTO_FREE char *shown = agent_mcp_pins_print(changes);
		assert_non_null(strstr(shown, i == 2 ? "+ network: open" : networks[i]));
		assert_int_equal(agent_mcp_pins_approve(&entry, &tools, NULL), CUA_OK);
		assert_int_equal(agent_mcp_pins_know(&entry, &is_known, NULL), CUA_OK);
		assert_true(is_known);
		cJSON_Delete(entry.written);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_reaches_the_names_in_its_list),
		cmocka_unit_test(it_reaches_nothing_else),
		cmocka_unit_test(the_proxy_ends_with_the_server),
		cmocka_unit_test(a_server_that_dies_takes_its_proxy_along_and_gets_another),
		cmocka_unit_test(without_the_proxy_there_is_no_route),
		cmocka_unit_test(nothing_is_left_of_a_caller_that_is_killed),
		cmocka_unit_test(a_command_that_is_not_there_is_told),
		cmocka_unit_test(another_network_waits_for_approval),
	};
	signal(SIGPIPE, SIG_IGN);
	if (sodium_init() < 0 || !mkdtemp(dir) || chmod(dir, 0711) != 0) {
		return 1;
	}
	snprintf(runtime_dir, sizeof(runtime_dir), "%s/run", dir);
	setenv("CUA_STATE_DIR", dir, 1);
	setenv("CUA_RUNTIME_DIR", runtime_dir, 1);
	const int failed = cmocka_run_group_tests(tests, start, finish);
	return cua_remove_tree(dir, NULL) == CUA_OK ? failed : 1;
}
