/* The published servers, over stdio and HTTP: published.sh has written a file with everything, web
 * (the same over HTTP), old (over the HTTP of
 * 2024-11-05) and files, which may change the folder in its second argument.
 *
 *   mcp_published SERVERS.JSON FOLDER
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/mcp/mcp_client.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

static const char *servers_path, *folder;
static struct agent_mcp *mcp;

static bool approve(const char *server, const cJSON *changes, void *user_data)
{
	(void)server;
	(void)changes;
	(void)user_data;
	return true;
}

static void hear_trouble(const char *server, const char *what, void *user_data)
{
	(void)user_data;
	fail_msg("%s: %s", server, what);
}

static int open_all(void **state)
{
	(void)state;
	struct cua_error why = { 0 };
	const struct agent_mcp_options options = { .path = servers_path,
		.server = { .cancel_fd = -1, .init_ms = 30000 },
		.on_approve = approve,
		.on_trouble = hear_trouble };
	if (agent_mcp_open(&options, &mcp, &why) != CUA_OK) {
		fail_msg("%s", why.msg);
	}
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	agent_mcp_close(mcp);
	return 0;
}

/* arguments are JSON. */
static struct agent_mcp_result call(const char *server, const char *tool, const char *arguments)
{
	struct agent_mcp_result result = { 0 };
	struct cua_error why = { 0 };
	struct agent_mcp_target target;
	bool is_uncertain = false;
	CUA_AUTO_JSON cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "server", server);
	cJSON_AddStringToObject(json, "tool", tool);
	cJSON_AddItemToObject(json, "arguments", cJSON_Parse(arguments));
	if (agent_mcp_resolve(mcp, "mcp_call", json, &target, &why) != CUA_OK ||
			agent_mcp_call(mcp, &target, &result, &is_uncertain, &why) != CUA_OK) {
		fail_msg("%s %s: %s", server, tool, why.msg);
	}
	return result;
}

static void expect(const char *server, const char *tool, const char *arguments, bool is_error,
		const char *text)
{
	struct agent_mcp_result result = call(server, tool, arguments);
	if (result.is_error != is_error || !strstr(result.text, text)) {
		fail_msg("%s %s: %s", server, tool, result.text);
	}
	agent_mcp_result_finish(&result);
}

static void expect_everything(const char *server)
{
	expect(server, "echo", "{\"message\": \"h\\u00e9\"}", false, "Echo: hé");
	expect(server, "get-sum", "{\"a\": 2, \"b\": 40}", false, "42");
	expect(server, "get-structured-content", "{\"location\": \"New York\"}", false,
			"temperature");
	expect(server, "get-resource-links", "{\"count\": 2}", false, "[link ");
	expect(server, "get-resource-reference", "{\"resourceType\": \"Text\", \"resourceId\": 1}",
			false, "[resource ");
	expect(server, "trigger-long-running-operation", "{\"duration\": 1, \"steps\": 4}", false,
			"completed");
	expect(server, "echo", "{}", true, "message");
	struct agent_mcp_result result = call(server, "get-tiny-image", "{}");
	assert_int_equal(result.image_count, 1);
	assert_string_equal(result.images[0].media_type, "image/png");
	assert_true(result.images[0].width > 0 && result.images[0].height > 0);
	agent_mcp_result_finish(&result);
}

static void everything_over_stdio(void **state)
{
	(void)state;
	expect_everything("everything");
}

static void everything_over_http(void **state)
{
	(void)state;
	expect_everything("web");
}

static void everything_over_old_http(void **state)
{
	(void)state;
	expect_everything("old");
}

/* Of this process it gets nothing that it was not given. */
static void its_environment_is_its_own(void **state)
{
	(void)state;
	struct agent_mcp_result result = call("everything", "get-env", "{}");
	CUA_AUTO_JSON cJSON *env = cJSON_Parse(result.text);
	static const char *const known[] = { "HOME", "PATH", "USER", "LOGNAME", "LANG", "TZ",
		"TERM", "PWD", "GIVEN" };
	const cJSON *variable = NULL;
	assert_string_equal(cua_json_text(env, "HOME"), "/home/agent");
	assert_string_equal(cua_json_text(env, "GIVEN"), "expanded-value");
	cJSON_ArrayForEach (variable, env) {
		bool is_known = false;
		for (size_t i = 0; i < CUA_ARRAY_LEN(known); i++) {
			is_known = is_known || strcmp(known[i], variable->string) == 0;
		}
		if (!is_known) {
			fail_msg("it has %s", variable->string);
		}
	}
	agent_mcp_result_finish(&result);
}

static void files_are_those_of_its_entry(void **state)
{
	(void)state;
	char arguments[600];
	snprintf(arguments, sizeof(arguments), "{\"path\": \"%s/a.txt\", \"content\": \"written\"}",
			folder);
	expect("files", "write_file", arguments, false, "Successfully");
	snprintf(arguments, sizeof(arguments), "{\"path\": \"%s/a.txt\"}", folder);
	expect("files", "read_text_file", arguments, false, "written");
	expect("files", "read_text_file", "{\"path\": \"/etc/passwd\"}", true, "denied");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_over_stdio),
		cmocka_unit_test(everything_over_http),
		cmocka_unit_test(everything_over_old_http),
		cmocka_unit_test(its_environment_is_its_own),
		cmocka_unit_test(files_are_those_of_its_entry),
	};
	signal(SIGPIPE, SIG_IGN);
	setenv("MCP_TEST_GIVEN", "expanded-value", 1);
	setenv("MCP_TEST_SECRET", "never-passed-on", 1);
	if (argc != 3 || sodium_init() < 0) {
		return 2;
	}
	servers_path = argv[1];
	folder = argv[2];
	return cmocka_run_group_tests(tests, open_all, close_all);
}
