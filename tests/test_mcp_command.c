#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

/* `cua mcp-servers` as a person types it. */

#define SECRET "swordfish-0123456789"

static char state_dir[] = "/tmp/cua-test-mcp-XXXXXX";

/* Runs `cua mcp-servers ARGUMENTS` and expects the exit status; what it prints is in output. */
static void expect(int exit_status, char *output, size_t size, const char *arguments)
{
	char command[1024];
	snprintf(command, sizeof(command), "%s mcp-servers %s 2>&1 </dev/null", CUA_TEST_PROGRAM,
			arguments);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	const size_t len = fread(output, 1, size - 1, pipe);
	output[len] = '\0';
	const int status = pclose(pipe);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != exit_status) {
		fail_msg("%s: %d: %s", arguments, status, output);
	}
	assert_null(strstr(output, SECRET));
}

static void expect_words(int exit_status, const char *arguments, const char *words)
{
	char output[65536];
	expect(exit_status, output, sizeof(output), arguments);
	if (!strstr(output, words)) {
		fail_msg("%s: %s", arguments, output);
	}
}

#define ADD(name, mode) \
	"add " name " --env 'TOKEN=${MCP_TOKEN}' --read " CUA_TEST_BAD_SERVER \
	" -- " CUA_TEST_BAD_SERVER " " mode

static void a_server_is_added_tested_approved_and_removed(void **state)
{
	(void)state;
	char output[65536];
	expect_words(0, "list", "No servers.");
	expect_words(0, ADD("one", "good"), "cua mcp-servers test one");
	expect_words(2, ADD("one", "good"), "already");
	expect_words(0, "list", "one                  stdio  " CUA_TEST_BAD_SERVER " good  reads ");
	expect_words(0, "test one", "bad 1, protocol 2025-03-26, ready in");
	expect_words(0, "test", "? waits for approval: cua mcp-servers approve one");
	expect_words(1, "approve one", "nobody is there to say yes");
	expect_words(0, "approve --yes one", "description: does it");
	expect_words(0, "approve one", "Nothing has changed.");
	expect(0, output, sizeof(output), "test --json one");
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(output);
	const cJSON *tool = cJSON_GetArrayItem(cua_json_member(json, "tools"), 0);
	assert_true(cJSON_IsTrue(cua_json_member(json, "ok")));
	assert_true(cJSON_IsTrue(cua_json_member(tool, "approved")));
	assert_int_equal(cJSON_GetArraySize(cua_json_member(json, "changes")), 0);
	expect_words(0, ADD("one --replace", "modern"), "Added");
	expect_words(1, "approve one", "changed way to start it");
	expect_words(0, "list --json", "\"${MCP_TOKEN}\"");
	expect_words(0, "remove one", "");
	expect_words(2, "remove one", "has no server");
	expect_words(0, "list", "No servers.");
}

static void what_fails_is_told(void **state)
{
	(void)state;
	expect_words(0, ADD("bad", "strange"), "Added");
	expect_words(1, "test bad", "1999-01-01, which is not spoken here");
	expect_words(1, "test --json bad", "\"ok\":false");
	expect_words(1, "approve --yes bad", "not spoken here");
	unsetenv("MCP_TOKEN");
	expect_words(2, "test bad", "bad > env: the variable MCP_TOKEN is not set");
	setenv("MCP_TOKEN", SECRET, 1);
	expect_words(0, "remove bad", "");
}

static void wrong_usage_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *arguments, *words;
	} rows[] = { { "", "say list" }, { "bake", "say list" }, { "list x", "takes no name" },
		{ "add x", "a name, and a command" }, { "add 'a b' -- true", "is no name" },
		{ "add x --env FOO -- true", "do not go together" },
		{ "add x --header 'A: b' -- true", "do not go together" },
		{ "add x --read /nonexistent -- true", "/nonexistent" },
		{ "add x --network=open https://h/mcp", "do not go together" },
		{ "add x --network=some -- true", "must be none, open, allow" },
		{ "add x --network=allow:1.2.3.4 -- true", "is no name" },
		{ "add x --network=allow:@/nonexistent -- true", "/nonexistent" },
		{ "network", "takes one name" }, { "network nobody", "has no server" },
		{ "add x --sse -- true", "do not go together" },
		{ "list --network=open", "do not go together" }, { "test nobody", "has no server" },
		{ "approve", "takes one name" }, { "remove a b", "takes one name" },
		{ "list --what", "what is this" } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		expect_words(2, rows[i].arguments, rows[i].words);
	}
	expect_words(0, "--help", "usage: cua mcp-servers list");
	expect_words(0, "add --help", "--write FOLDER");
}

/* What a person approves is shown, and another network is another way to start the server. */
static void a_network_is_shown_and_approved(void **state)
{
	(void)state;
#ifdef CUA_TEST_SANITIZED
	skip();
#endif
	expect_words(0, ADD("net --network=allow:b.test,*.A.test", "good"),
			"network allow *.a.test b.test\nAdded.");
	expect_words(0, "list", "  network allow *.a.test b.test\n");
	expect_words(0, "network net", "network allow *.a.test b.test\n");
	expect_words(0, "network --json net", "");
	expect_words(0, "approve --yes net", "network: {\"allow\":[\"*.a.test\",\"b.test\"]}");
	expect_words(0, "approve net", "Nothing has changed.");
	expect_words(0, ADD("net --replace --network=allow:c.test", "good"),
			"network allow c.test");
	expect_words(1, "approve net", "+ network: {\"allow\":[\"c.test\"]}");
	expect_words(0, ADD("net --replace", "good"), "network none\n");
	expect_words(1, "approve net", "changed way to start it");
	expect_words(0, "remove net", "");
}

static void urls_are_added(void **state)
{
	(void)state;
	expect_words(0,
			"add web --header 'Authorization: Bearer ${MCP_TOKEN}' "
			"https://h.example/mcp",
			"Added");
	expect_words(0, "add old --sse http://127.0.0.1:9/sse", "Added");
	expect_words(0, "list", "web                  http   https://h.example/mcp");
	expect_words(0, "list", "old                  sse    http://127.0.0.1:9/sse");
	expect_words(1, "test old", "old: ");
	expect_words(0, "remove web", "");
	expect_words(0, "remove old", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_is_added_tested_approved_and_removed),
		cmocka_unit_test(what_fails_is_told),
		cmocka_unit_test(wrong_usage_is_told),
		cmocka_unit_test(a_network_is_shown_and_approved),
		cmocka_unit_test(urls_are_added),
	};
	if (!mkdtemp(state_dir) || chmod(state_dir, 0711) != 0) {
		return 1;
	}
	setenv("CUA_STATE_DIR", state_dir, 1);
	setenv("XDG_CONFIG_HOME", state_dir, 1);
	setenv("CUA_RUNTIME_DIR", state_dir, 1);
	unsetenv("CUA_MCP_SERVERS");
	setenv("MCP_TOKEN", SECRET, 1);
	const int failed = cmocka_run_group_tests(tests, NULL, NULL);
	return cua_remove_tree(state_dir, NULL) == CUA_OK ? failed : 1;
}
