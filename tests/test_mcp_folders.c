#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/mcp/mcp_pins.h"
#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/mcp_play.h"

/* The folders of a server, where somebody else may write: "ws" is a workspace whose owner puts
 * links in the place of what a server was to see. */

#define SECRET "host-secret"
#define OWN "the-server's"
#define RACES 25

static char dir[] = "/tmp/cua-test-mcp-folders-XXXXXX";

static const char *at(const char *leaf)
{
	static char paths[4][128];
	static int next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/%s", dir, leaf);
	return path;
}

static void put(const char *folder, const char *text)
{
	char path[256];
	assert_int_equal(mkdir(at(folder), 0755), 0);
	snprintf(path, sizeof(path), "%s/file", at(folder));
	assert_int_equal(cua_file_write(path, text, strlen(text), 0644, NULL), CUA_OK);
	assert_int_equal(chmod(path, 0644), 0);
}

static int make_files(void **state)
{
	(void)state;
	put("host", SECRET);
	put("ws", "workspace");
	put("ws/sub", OWN);
	put("ws/sub/deep", OWN);
	return 0;
}

static int remove_files(void **state)
{
	(void)state;
	return cua_remove_tree(at("ws"), NULL) == CUA_OK &&
					cua_remove_tree(at("host"), NULL) == CUA_OK
			? 0
			: -1;
}

/* An entry of mcpServers.json with this folder, to be read. */
static enum cua_status load(
		const char *folder, struct agent_mcp_config *config, struct cua_error *why)
{
	char text[512];
	const char *path = at("servers.json");
	snprintf(text, sizeof(text),
			"{\"mcpServers\": {\"s\": {\"command\": \"a\", \"read\": [\"%s\"]}}}",
			folder);
	assert_int_equal(cua_file_write(path, text, strlen(text), 0600, NULL), CUA_OK);
	return agent_mcp_config_load(path, NULL, config, why);
}

/* A server that reads the file in this folder; ends with what it read, or with "" and why not. */
static void read_in(const struct agent_mcp_folder *folder, char *text, size_t size,
		struct cua_error *why)
{
	struct mcp_play play;
	char path[256];
	bool is_uncertain = false;
	mcp_play_begin(&play, "reads");
	snprintf(path, sizeof(path), "%s/file", folder->path);
	play.argv[3] = path;
	play.entry.folders[play.entry.folder_count++] = *folder;
	text[0] = '\0';
	if (mcp_play_try_list(&play) == CUA_OK) {
		(void)!mcp_play_call(&play, NULL, text, size, &is_uncertain);
	}
	*why = play.why;
	mcp_play_end(&play);
}

static void a_link_is_resolved_when_the_entry_is_read(void **state)
{
	(void)state;
	struct agent_mcp_config config;
	struct cua_error why = { 0 };
	char text[64];
	assert_int_equal(symlink("sub", at("ws/link")), 0);
	assert_int_equal(load(at("ws/link"), &config, &why), CUA_OK);
	const struct agent_mcp_folder *folder = &config.entries[0].folders[0];
	assert_string_equal(folder->path, at("ws/link"));
	assert_string_equal(folder->real, at("ws/sub"));
	read_in(folder, text, sizeof(text), &why);
	assert_string_equal(text, OWN);
	agent_mcp_config_finish(&config);
}

/* Neither at the end of the path nor on the way. */
static void a_link_that_was_put_there_later_is_not_followed(void **state)
{
	(void)state;
	static const char *const folders[] = { "ws/sub", "ws/sub/deep" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(folders); i++) {
		struct agent_mcp_config config;
		struct cua_error why = { 0 };
		char text[64];
		assert_int_equal(load(at(folders[i]), &config, &why), CUA_OK);
		assert_int_equal(rename(at("ws/sub"), at("ws/aside")), 0);
		assert_int_equal(symlink(i == 0 ? at("host") : at("ws/aside"), at("ws/sub")), 0);
		read_in(&config.entries[0].folders[0], text, sizeof(text), &why);
		assert_string_equal(text, "");
		assert_int_equal(why.status, CUA_ERR_INVAL);
		assert_non_null(strstr(why.msg, "a link was put there"));
		assert_int_equal(unlink(at("ws/sub")), 0);
		assert_int_equal(rename(at("ws/aside"), at("ws/sub")), 0);
		agent_mcp_config_finish(&config);
	}
}

static void what_is_gone_is_told(void **state)
{
	(void)state;
	struct agent_mcp_config config;
	struct cua_error why = { 0 };
	char text[64];
	assert_int_equal(load(at("ws/none"), &config, &why), CUA_OK);
	read_in(&config.entries[0].folders[0], text, sizeof(text), &why);
	assert_int_equal(why.status, CUA_ERR_NOT_FOUND);
	assert_non_null(strstr(why.msg, "ws/none, which the server is to read"));
	agent_mcp_config_finish(&config);
}

static atomic_bool is_over;

static void *exchange_on_and_on(void *unused)
{
	(void)unused;
	while (!atomic_load(&is_over)) {
		(void)!renameat2(AT_FDCWD, at("ws/sub"), AT_FDCWD, at("ws/link"), RENAME_EXCHANGE);
	}
	return NULL;
}

/* However often it is exchanged between the look and the mount. */
static void a_race_leads_to_nothing_of_the_host(void **state)
{
	(void)state;
	struct agent_mcp_config config;
	struct cua_error why = { 0 };
	pthread_t thread;
	int starts = 0;
	assert_int_equal(load(at("ws/sub"), &config, &why), CUA_OK);
	assert_int_equal(symlink(at("host"), at("ws/link")), 0);
	atomic_store(&is_over, false);
	assert_int_equal(pthread_create(&thread, NULL, exchange_on_and_on, NULL), 0);
	for (int i = 0; i < RACES; i++) {
		char text[64];
		read_in(&config.entries[0].folders[0], text, sizeof(text), &why);
		starts += text[0] != '\0';
		if (text[0] && strcmp(text, OWN) != 0) {
			fail_msg("it read: %s", text);
		}
	}
	atomic_store(&is_over, true);
	pthread_join(thread, NULL);
	printf("%d of %d started\n", starts, RACES);
	agent_mcp_config_finish(&config);
}

/* A person approves where it leads, not what stands there. */
static void another_target_waits_for_approval(void **state)
{
	(void)state;
	struct agent_mcp_tools tools = { 0 };
	struct agent_mcp_config config;
	struct cua_error why = { 0 };
	bool is_known = false;
	assert_int_equal(symlink("sub", at("ws/link")), 0);
	assert_int_equal(load(at("ws/link"), &config, &why), CUA_OK);
	assert_int_equal(agent_mcp_pins_approve(&config.entries[0], &tools, &why), CUA_OK);
	assert_int_equal(agent_mcp_pins_know(&config.entries[0], &is_known, &why), CUA_OK);
	assert_true(is_known);
	agent_mcp_config_finish(&config);

	assert_int_equal(unlink(at("ws/link")), 0);
	assert_int_equal(symlink(at("host"), at("ws/link")), 0);
	assert_int_equal(load(at("ws/link"), &config, &why), CUA_OK);
	assert_int_equal(agent_mcp_pins_know(&config.entries[0], &is_known, &why), CUA_OK);
	assert_false(is_known);
	CUA_AUTO_JSON cJSON *changes = NULL;
	assert_int_equal(
			agent_mcp_pins_compare(&config.entries[0], &tools, &changes, &why), CUA_OK);
	CUA_AUTO_FREE char *shown = agent_mcp_pins_print(changes);
	assert_non_null(strstr(shown, "+ leads_to: {"));
	assert_non_null(strstr(shown, at("host")));
	agent_mcp_config_finish(&config);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_files, remove_files)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_link_is_resolved_when_the_entry_is_read),
		TEST(a_link_that_was_put_there_later_is_not_followed),
		TEST(what_is_gone_is_told),
		TEST(a_race_leads_to_nothing_of_the_host),
		TEST(another_target_waits_for_approval),
	};
	static char state_dir[sizeof(dir) + 16];
	signal(SIGPIPE, SIG_IGN);
	if (sodium_init() < 0 || !mkdtemp(dir) || chmod(dir, 0755) != 0) {
		return 1;
	}
	snprintf(state_dir, sizeof(state_dir), "%s/state", dir);
	if (mkdir(state_dir, 0711) != 0) {
		return 1;
	}
	setenv("CUA_STATE_DIR", state_dir, 1);
	setenv("XDG_CONFIG_HOME", state_dir, 1);
	unsetenv("CUA_MCP_SERVERS");
	unsetenv("CUA_POLICY");
	const int failed = cmocka_run_group_tests(tests, NULL, NULL);
	return cua_remove_tree(dir, NULL) == CUA_OK ? failed : 1;
}
