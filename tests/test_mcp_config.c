#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/mcp/mcp_config.h"
#include "agent/mcp/mcp_expand.h"
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

/* mcpServers.json: what is taken, what is told of a mistake, and that no value is in it. */

#define SECRET "swordfish-0123456789"

static char path[64], dir[] = "/tmp/cua-test-mcp-config-XXXXXX";

static enum cua_status load(
		const char *text, struct agent_mcp_config *config, struct cua_error *why)
{
	assert_int_equal(cua_file_write(path, text, strlen(text), 0600, NULL), CUA_OK);
	return agent_mcp_config_load(path, NULL, config, why);
}

static void variables_are_replaced_once(void **state)
{
	(void)state;
	static const struct {
		const char *text, *expanded; /* NULL: an error */
	} rows[] = { { "", "" }, { "a$b", "a$b" }, { "$HOME", "$HOME" }, { "${MCP_A}", SECRET },
		{ "x${MCP_A}y${MCP_A}", "x" SECRET "y" SECRET }, { "${MCP_NONE:-d}", "d" },
		{ "${MCP_NONE:-}", "" }, { "${MCP_A:-d}", SECRET }, { "$${MCP_A}", "${MCP_A}" },
		{ "${MCP_NEST}", "${MCP_A}" }, { "${MCP_EMPTY}", "" }, { "${MCP_NONE}", NULL },
		{ "${", NULL }, { "${}", NULL }, { "${MCP_A", NULL }, { "${MCP_A:+x}", NULL },
		{ "${1A}", NULL }, { "${MCP A}", NULL } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		CUA_AUTO_FREE char *expanded = NULL;
		struct cua_error why = { 0 };
		const enum cua_status status = mcp_expand(rows[i].text, &expanded, &why);
		assert_int_equal(status, rows[i].expanded ? CUA_OK : CUA_ERR_INVAL);
		assert_null(strstr(why.msg, SECRET));
		if (rows[i].expanded) {
			assert_string_equal(expanded, rows[i].expanded);
		}
	}
}

static void an_entry_is_read(void **state)
{
	(void)state;
	struct agent_mcp_config config;
	struct cua_error why = { 0 };
	assert_int_equal(load("{\"mcpServers\": {"
			      "\"files\": {\"command\": \"run\", \"args\": [\"-k\", \"${MCP_A}\"], "
			      "\"env\": {\"K\": \"${MCP_A}\"}, \"read\": [\"/a\"], \"write\": "
			      "[\"/b\"], \"network\": \"open\", \"autoApprove\": [1]},"
			      "\"some\": {\"command\": \"run\", \"network\": {\"allow\": "
			      "[\"Example.org\", \"*.b.test\", \"example.org\"]}},"
			      "\"web\": {\"type\": \"http\", \"url\": \"https://h/mcp\", "
			      "\"headers\": {\"X\": \"${MCP_A}\"}}}, \"inputs\": []}",
					 &config, &why),
			CUA_OK);
	assert_int_equal(config.count, 3);
	const struct agent_mcp_entry *entry = &config.entries[0];
	assert_string_equal(entry->argv[0], "run");
	assert_string_equal(entry->argv[2], SECRET);
	assert_null(entry->argv[3]);
	assert_string_equal(entry->env[0], "K=" SECRET);
	assert_int_equal(entry->folder_count, 2);
	assert_string_equal(entry->folders[0].path, "/a");
	assert_false(entry->folders[0].is_writable);
	assert_string_equal(entry->folders[1].path, "/b");
	assert_true(entry->folders[1].is_writable);
	assert_true(entry->has_network);
	assert_null(entry->allowed);
	assert_false(config.entries[1].has_network);
	assert_string_equal(config.entries[1].allowed, "*.b.test,example.org");
	assert_string_equal(cua_json_text(cua_json_member(entry->written, "env"), "K"), "${MCP_A}");
	assert_int_equal(config.entries[2].transport, AGENT_MCP_HTTP);
	assert_string_equal(config.entries[2].headers[0], "X: " SECRET);
	agent_mcp_config_finish(&config);
}

static void a_mistake_has_its_place(void **state)
{
	(void)state;
#define IN(entry) "{\"mcpServers\": {\n\"s\": " entry "}}"
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ "{\"mcpServers\": {", ":1:16: here it is not JSON" },
		{ "{} {}", "text after" },
		{ "[]", "must be {" },
		{ "{\"mcpServers\": []}", "must be {" },
		{ "{\"mcpServers\": {\"a b\": {}}}", "\"a b\" is no name" },
		{ "{\"mcpServers\": {\"..\": {}}}", "is no name" },
		{ IN("1"), ":2: s: must be an object" },
		{ IN("{}"), "has a command, or a url" },
		{ IN("{\"command\": \"\"}"), "has a command" },
		{ IN("{\"command\": \"a\",\n\"args\": 1}"), ":3: s > args: must be a list" },
		{ IN("{\"command\": \"a\", \"args\": [1]}"), "must be a list of strings" },
		{ IN("{\"command\": \"${MCP_NONE}\"}"), "MCP_NONE is not set" },
		{ IN("{\"command\": \"a\", \"args\": [\"${MCP_NONE}\"]}"),
				"s > args: the variable" },
		{ IN("{\"command\": \"a\", \"env\": []}"), "s > env: must be an object" },
		{ IN("{\"command\": \"a\", \"env\": {\"A=B\": \"c\"}}"), "names and strings" },
		{ IN("{\"command\": \"a\", \"env\": {\"A\": 1}}"), "names and strings" },
		{ IN("{\"command\": \"a\", \"read\": [\"b\"]}"), "must be a folder" },
		{ IN("{\"command\": \"a\", \"write\": [\"/\"]}"), "must be a folder" },
		{ IN("{\"command\": \"a\", \"write\": [\"/a/../b\"]}"), "must be a folder" },
		{ IN("{\"command\": \"a\", \"write\": [\"/a/..\"]}"), "must be a folder" },
		{ IN("{\"command\": \"a\", \"network\": true}"), "s > network: must be \"none\"" },
		{ IN("{\"command\": \"a\", \"network\": \"allow\"}"), "must be \"none\"" },
		{ IN("{\"command\": \"a\", \"network\": {\"allow\": \"a.test\"}}"),
				"must be \"none\"" },
		{ IN("{\"command\": \"a\", \"network\": {\"allow\": [\"a.test\"], \"x\": 1}}"),
				"must be \"none\"" },
		{ IN("{\"command\": \"a\", \"network\": {\"allow\": []}}"), "is no name" },
		{ IN("{\"command\": \"a\", \"network\": {\"allow\": [1]}}"), "list of names" },
		{ IN("{\"command\": \"a\", \"network\": {\"allow\": [\"a.test,b.test\"]}}"),
				"list of names" },
		{ IN("{\"command\": \"a\", \"network\": {\"allow\": [\"@/etc/hosts\"]}}"),
				"list of names" },
		{ IN("{\"command\": \"a\", \"network\": {\"allow\": [\"10.0.0.1\"]}}"),
				"is no name" },
		{ IN("{\"command\": \"a\", \"url\": \"http://h\", \"type\": \"stdio\"}"),
				"does not go with a url" },
		{ IN("{\"command\": \"a\", \"type\": \"http\"}"), "does not go with no url" },
		{ IN("{\"type\": \"carrier-pigeon\"}"), "must be \"stdio\"" },
		{ IN("{\"url\": \"ftp://h\"}"), "s > url" },
		{ IN("{\"url\": \"http://h\", \"headers\": {\"A\": \"${MCP_A}\"}}"), "plain http" },
		{ IN("{\"url\": \"${MCP_A}://h\"}"), "s > url" },
		{ IN("{\"url\": \"https://h/?key=${MCP_A}\"}"), "and query" },
		{ IN("{\"url\": \"http://${MCP_A}\", \"headers\": {\"A\": \"b\"}}"), "plain http" },
		{ IN("{\"url\": \"https://h\", \"headers\": {\"A\": \"${MCP_LINES}\"}}"),
				"must be one line" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_mcp_config config;
		struct cua_error why = { 0 };
		const enum cua_status status = load(rows[i].text, &config, &why);
		if (status != CUA_ERR_INVAL || !strstr(why.msg, rows[i].said) ||
				strncmp(why.msg, path, strlen(path)) != 0) {
			fail_msg("%s: %d, %s", rows[i].text, (int)status, why.msg);
		}
		assert_null(strstr(why.msg, SECRET));
	}
}

/* Also before there is anything to expand. */
static void a_query_is_no_place_for_a_token(void **state)
{
	(void)state;
	static const char *const urls[] = { "https://h/mcp?key=1", "https://h/mcp?key=${MCP_A}",
		"https://me:word@h/mcp" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(urls); i++) {
		struct cua_error why = { 0 };
		CUA_AUTO_JSON cJSON *entry = cJSON_CreateObject();
		cJSON_AddStringToObject(entry, "url", urls[i]);
		assert_int_equal(agent_mcp_check_entry("web", entry, &why), CUA_ERR_INVAL);
		assert_non_null(strstr(why.msg, "without user name and query"));
	}
}

/* However the way there is spelled. */
static void no_server_gets_what_cua_keeps(void **state)
{
	(void)state;
	char link[128], text[512];
	snprintf(link, sizeof(link), "%s/link", dir);
	assert_int_equal(symlink(dir, link), 0);
	const struct {
		const char *folder, *rest;
		bool is_taken;
	} rows[] = { { dir, "/state", false }, { dir, "", false },
		{ dir, "/state/mcp/pins", false }, { dir, "/link", false },
		{ dir, "/config", false }, { dir, "/config/cua", false },
		{ dir, "/statement", true }, { dir, "/papers", true } };
	for (size_t i = 0; i < 2 * CUA_ARRAY_LEN(rows); i++) {
		struct agent_mcp_config config;
		struct cua_error why = { 0 };
		const size_t row = i / 2;
		snprintf(text, sizeof(text),
				"{\"mcpServers\": {\"s\": {\"command\": \"a\", \"%s\": "
				"[\"%s%s\"]}}}",
				i % 2 ? "write" : "read", rows[row].folder, rows[row].rest);
		const enum cua_status status = load(text, &config, &why);
		if (rows[row].is_taken) {
			assert_int_equal(status, CUA_OK);
			agent_mcp_config_finish(&config);
		} else if (status != CUA_ERR_INVAL || !strstr(why.msg, "what cua keeps")) {
			fail_msg("%s: %d, %s", text, (int)status, why.msg);
		}
	}
}

static void a_file_is_changed_and_keeps_the_rest(void **state)
{
	(void)state;
	struct agent_mcp_config config;
	struct cua_error why = { 0 };
	assert_int_equal(load("{\"inputs\": [1], \"mcpServers\": {\"a\": {\"command\": "
			      "\"${MCP_A}\", "
			      "\"theirs\": 2}}}",
					 &config, &why),
			CUA_OK);
	agent_mcp_config_finish(&config);
	cJSON *entry = cJSON_Parse("{\"command\": \"b\"}");
	assert_int_equal(agent_mcp_config_change(
					 path, "b", cJSON_Duplicate(entry, true), false, &why),
			CUA_OK);
	assert_int_equal(agent_mcp_config_change(
					 path, "b", cJSON_Duplicate(entry, true), false, &why),
			CUA_ERR_EXISTS);
	assert_int_equal(agent_mcp_config_change(path, "b", entry, true, &why), CUA_OK);
	assert_int_equal(agent_mcp_config_change(path, "c", NULL, false, &why), CUA_ERR_NOT_FOUND);
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, 65536);
	assert_int_equal(cua_file_read(path, &text, NULL), CUA_OK);
	assert_non_null(strstr(text.data, "\"theirs\""));
	assert_non_null(strstr(text.data, "\"inputs\""));
	assert_non_null(strstr(text.data, "${MCP_A}"));
	assert_null(strstr(text.data, SECRET));
	assert_int_equal(agent_mcp_config_change(path, "b", NULL, false, &why), CUA_OK);
	assert_int_equal(agent_mcp_config_load(path, "b", &config, &why), CUA_ERR_NOT_FOUND);
	assert_int_equal(agent_mcp_config_load(path, "a", &config, &why), CUA_OK);
	agent_mcp_config_finish(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_are_replaced_once),
		cmocka_unit_test(an_entry_is_read),
		cmocka_unit_test(a_mistake_has_its_place),
		cmocka_unit_test(a_query_is_no_place_for_a_token),
		cmocka_unit_test(no_server_gets_what_cua_keeps),
		cmocka_unit_test(a_file_is_changed_and_keeps_the_rest),
	};
	setenv("MCP_A", SECRET, 1);
	setenv("MCP_NEST", "${MCP_A}", 1);
	setenv("MCP_EMPTY", "", 1);
	setenv("MCP_LINES", SECRET "\nX: y", 1);
	unsetenv("MCP_NONE");
	unsetenv("CUA_MCP_SERVERS");
	unsetenv("CUA_POLICY");
	if (!mkdtemp(dir)) {
		return 1;
	}
	snprintf(path, sizeof(path), "%s/state", dir);
	setenv("CUA_STATE_DIR", path, 1);
	snprintf(path, sizeof(path), "%s/config", dir);
	setenv("XDG_CONFIG_HOME", path, 1);
	snprintf(path, sizeof(path), "%s/servers.json", dir);
	const int failed = cmocka_run_group_tests(tests, NULL, NULL);
	return cua_remove_tree(dir, NULL) == CUA_OK ? failed : 1;
}
