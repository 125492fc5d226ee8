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
#include <sys/stat.h>
#include <unistd.h>

#include "agent/mcp/mcp_client.h"
#include "agent/mcp/mcp_pins.h"
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

/* What a model gets of the servers of a file, and that it gets nothing that nobody approved. */

static char state_dir[] = "/tmp/cua-test-mcp-XXXXXX";

struct person {
	bool says_yes;
	int asked;
	char change[32];   /* the first of the last question */
	char trouble[300]; /* the last one told */
};

static bool approve(const char *server, const cJSON *changes, void *user_data)
{
	struct person *person = user_data;
	(void)server;
	person->asked++;
	snprintf(person->change, sizeof(person->change), "%s",
			cua_json_text(cJSON_GetArrayItem(changes, 0), "change"));
	CUA_AUTO_FREE char *shown = agent_mcp_pins_print(changes);
	assert_non_null(shown);
	return person->says_yes;
}

static void hear_trouble(const char *server, const char *what, void *user_data)
{
	struct person *person = user_data;
	snprintf(person->trouble, sizeof(person->trouble), "%s: %s", server, what);
}

static FILE *begin_file(char *path, size_t size)
{
	snprintf(path, size, "%s/servers.json", state_dir);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs("{\"mcpServers\": {", file);
	return file;
}

static struct agent_mcp *open_file(FILE *file, const char *path, struct person *person)
{
	struct agent_mcp *mcp = NULL;
	struct cua_error why = { 0 };
	fputs("}}", file);
	fclose(file);
	const struct agent_mcp_options options = { .path = path,
		.server = { .cancel_fd = -1, .init_ms = 4000, .probe_ms = 500, .call_ms = 1000 },
		.on_approve = person ? approve : NULL,
		.on_trouble = person ? hear_trouble : NULL,
		.user_data = person };
	if (agent_mcp_open(&options, &mcp, &why) != CUA_OK) {
		fail_msg("%s", why.msg);
	}
	return mcp;
}

static void add_server(FILE *file, bool is_first, const char *name, const char *args)
{
	fprintf(file, "%s\"%s\": {\"command\": \"%s\", \"args\": [%s], \"read\": [\"%s\"]}",
			is_first ? "" : ",", name, CUA_TEST_BAD_SERVER, args, CUA_TEST_BAD_SERVER);
}

/* Servers by their modes; each is named as its mode. */
static struct agent_mcp *open_servers(const char *const *modes, size_t count, struct person *person)
{
	char path[128], args[64];
	FILE *file = begin_file(path, sizeof(path));
	for (size_t i = 0; i < count; i++) {
		snprintf(args, sizeof(args), "\"%s\"", modes[i]);
		add_server(file, i == 0, modes[i], args);
	}
	return open_file(file, path, person);
}

static size_t count_functions(const struct agent_mcp *mcp)
{
	struct agent_mcp_function function;
	size_t count = 0;
	while (agent_mcp_function(mcp, count, &function)) {
		assert_true(cJSON_IsObject(function.parameters));
		count++;
	}
	return count;
}

static void expect_answer(struct agent_mcp *mcp, const char *function, const char *arguments,
		bool is_error, const char *expected)
{
	struct agent_mcp_result result;
	struct agent_mcp_target target;
	struct cua_error why = { 0 };
	bool is_uncertain = false;
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(arguments);
	if (agent_mcp_resolve(mcp, function, json, &target, &why) == CUA_ERR_INVAL && is_error) {
		assert_non_null(strstr(why.msg, expected));
		return;
	}
	if (why.status != CUA_OK ||
			agent_mcp_call(mcp, &target, &result, &is_uncertain, &why) != CUA_OK) {
		fail_msg("%s: %s", function, why.msg);
	}
	if (result.is_error != is_error || !strstr(result.text, expected)) {
		fail_msg("%s: %s", function, result.text);
	}
	agent_mcp_result_finish(&result);
}

static void forget(const char *name)
{
	assert_int_equal(agent_mcp_pins_forget(name, NULL), CUA_OK);
}

static void what_nobody_approved_is_not_offered(void **state)
{
	(void)state;
	static const char *const modes[] = { "good" };
	struct person person = { .says_yes = false };
	struct agent_mcp *mcp = open_servers(modes, 1, &person);
	assert_int_equal(person.asked, 1);
	assert_non_null(strstr(person.trouble, "cua mcp-servers approve good"));
	assert_int_equal(count_functions(mcp), 0);
	expect_answer(mcp, "mcp__good__do", "{}", true, "nobody has approved it");
	agent_mcp_close(mcp);

	person.says_yes = true;
	mcp = open_servers(modes, 1, &person);
	assert_int_equal(count_functions(mcp), 1);
	expect_answer(mcp, "mcp__good__do", "{}", false, "done");
	expect_answer(mcp, "mcp__good__other", "{}", true, "there is no function");
	agent_mcp_close(mcp);

	person = (struct person){ 0 };
	mcp = open_servers(modes, 1, &person); /* what was approved stays so */
	assert_int_equal(person.asked, 0);
	assert_int_equal(count_functions(mcp), 1);
	agent_mcp_close(mcp);
	forget("good");
}

static void a_tool_that_changes_waits_for_a_person(void **state)
{
	(void)state;
	static const char *const modes[] = { "changes" };
	struct person person = { .says_yes = true };
	struct agent_mcp *mcp = open_servers(modes, 1, &person);
	person.says_yes = false;
	expect_answer(mcp, "mcp__changes__do", "{}", false,
			"done"); /* and says that they changed */
	expect_answer(mcp, "mcp__changes__do", "{}", true, "nobody has approved it");
	assert_int_equal(person.asked, 2);
	assert_string_equal(person.change, "changed");
	assert_int_equal(count_functions(mcp), 0);
	agent_mcp_close(mcp);
	forget("changes");
}

/* One that was started again is asked what it offers before anything of it is called. */
static void a_server_that_comes_back_as_another_waits_for_a_person(void **state)
{
	(void)state;
	static const char *const modes[] = { "turncoat" };
	struct person person = { .says_yes = true };
	struct agent_mcp_result result;
	struct agent_mcp_target target;
	bool is_uncertain = false;
	CUA_AUTO_JSON cJSON *none = cJSON_CreateObject();
	struct agent_mcp *mcp = open_servers(modes, 1, &person);
	person.says_yes = false;
	assert_int_equal(agent_mcp_resolve(mcp, "mcp__turncoat__do", none, &target, NULL), CUA_OK);
	assert_int_equal(
			agent_mcp_call(mcp, &target, &result, &is_uncertain, NULL), CUA_ERR_CLOSED);
	/* Nor for a caller that has the tool already. */
	assert_int_equal(agent_mcp_call(mcp, &target, &result, &is_uncertain, NULL), CUA_OK);
	assert_true(result.is_error && strstr(result.text, "nobody has approved it"));
	agent_mcp_result_finish(&result);
	assert_int_equal(agent_mcp_resolve(mcp, "mcp__turncoat__do", none, &target, NULL),
			CUA_ERR_INVAL);
	expect_answer(mcp, "mcp__turncoat__do", "{}", true, "nobody has approved it");
	assert_string_equal(person.change, "changed");
	agent_mcp_close(mcp);
	forget("turncoat");
}

/* The same entry means another program or place when a variable in it does. */
static void what_variables_have_become_is_approved_too(void **state)
{
	(void)state;
	struct agent_mcp_config config;
	struct cua_error why = { 0 };
	bool is_known = false;
	char path[128];
	snprintf(path, sizeof(path), "%s/expanded.json", state_dir);
	static const char text[] =
			"{\"mcpServers\": {\"web\": {\"url\": \"http://${MCP_HOST}/mcp\"}, "
			"\"old\": {\"type\": \"sse\", \"url\": \"http://h/mcp\"}}}";
	static const char other[] = "{\"mcpServers\": {\"web\": {\"url\": "
				    "\"http://${MCP_HOST}/mcp\"}, "
				    "\"old\": {\"type\": \"http\", \"url\": \"http://h/mcp\"}}}";
	static const struct {
		const char *text, *host;
		bool knows_web, knows_old;
	} rows[] = { { text, "one.example", true, true }, { text, "two.example", false, true },
		{ other, "one.example", true, false } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		assert_int_equal(cua_file_write(path, rows[i].text, strlen(rows[i].text), 0600,
						 NULL),
				CUA_OK);
		assert_int_equal(setenv("MCP_HOST", rows[i].host, true), 0);
		assert_int_equal(agent_mcp_config_load(path, NULL, &config, &why), CUA_OK);
		for (size_t e = 0; e < config.count; e++) {
			struct agent_mcp_tools none = { 0 };
			if (i == 0) {
				assert_int_equal(agent_mcp_pins_approve(
								 &config.entries[e], &none, &why),
						CUA_OK);
			}
			assert_int_equal(agent_mcp_pins_know(&config.entries[e], &is_known, &why),
					CUA_OK);
			assert_int_equal(is_known, e == 0 ? rows[i].knows_web : rows[i].knows_old);
		}
		agent_mcp_config_finish(&config);
	}
	forget("web");
	forget("old");
}

static void many_tools_are_offered_by_name(void **state)
{
	(void)state;
	static const char *const modes[] = { "many", "good" };
	struct person person = { .says_yes = true };
	struct agent_mcp *mcp = open_servers(modes, 2, &person);
	struct agent_mcp_target target;
	CUA_AUTO_JSON cJSON *call = cJSON_Parse(
			"{\"server\": \"good\", \"tool\": \"do\", \"arguments\": {\"a\": 1}}");
	assert_int_equal(count_functions(mcp), 2);
	expect_answer(mcp, "mcp_tools", "{}", false, "server good: do");
	expect_answer(mcp, "mcp_tools", "{\"query\": \"APPLES\"}", false,
			"tool-250: Counts to 250");
	expect_answer(mcp, "mcp_tools", "{\"query\": \"pears\"}", false, "no tool of that kind");
	expect_answer(mcp, "mcp_tools", "{\"server\": \"many\", \"tool\": \"tool-7\"}", false,
			"Arguments: {\"type\":\"object\"}");
	expect_answer(mcp, "mcp_call",
			"{\"server\": \"many\", \"tool\": \"tool-7\", \"arguments\": {}}", false,
			"done");
	expect_answer(mcp, "mcp_call",
			"{\"server\": \"many\", \"tool\": \"none\", \"arguments\": {}}", true,
			"has no tool");
	expect_answer(mcp, "mcp_call", "{\"server\": \"none\"}", true, "there is no server");
	expect_answer(mcp, "mcp_call", "{\"server\": \"good\", \"tool\": \"do\"}", true,
			"arguments must be an object");
	assert_int_equal(agent_mcp_resolve(mcp, "mcp_call", call, &target, NULL), CUA_OK);
	assert_string_equal(target.server, "good");
	assert_string_equal(target.tool, "do");
	assert_int_equal(cua_json_int(target.arguments, "a"), 1);
	agent_mcp_close(mcp);
	forget("many");
	forget("good");
}

/* Server and tool are one name to a model, which may be read in two ways. */
static void each_tool_has_a_function_of_its_own(void **state)
{
	(void)state;
	static const struct {
		const char *server, *tool;
	} rows[] = { { "a", "b__c" }, { "a__b", "c" }, { "d", "_e" }, { "d_", "e" }, { "f.g", "h" },
		{ "f-g", "h" }, { "f_g", "h" } };
	char path[128], args[64], names[CUA_ARRAY_LEN(rows)][65];
	struct person person = { .says_yes = true };
	struct agent_mcp_function function;
	FILE *file = begin_file(path, sizeof(path));
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		snprintf(args, sizeof(args), "\"named\", \"%s\", \"%s\"", rows[i].tool,
				rows[i].server);
		add_server(file, i == 0, rows[i].server, args);
	}
	struct agent_mcp *mcp = open_file(file, path, &person);
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_mcp_target target;
		CUA_AUTO_JSON cJSON *none = cJSON_CreateObject();
		assert_true(agent_mcp_function(mcp, i, &function));
		memcpy(names[i], function.name, sizeof(names[i]));
		for (size_t other = 0; other < i; other++) {
			assert_string_not_equal(names[i], names[other]);
		}
		assert_int_equal(agent_mcp_resolve(mcp, names[i], none, &target, NULL), CUA_OK);
		assert_string_equal(target.server, rows[i].server);
		assert_string_equal(target.tool, rows[i].tool);
		snprintf(args, sizeof(args), "done by %s of %s", rows[i].tool, rows[i].server);
		expect_answer(mcp, names[i], "{}", false, args);
	}
	agent_mcp_close(mcp);
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		forget(rows[i].server);
	}
}

static void a_server_does_not_get_all_of_the_machine(void **state)
{
	(void)state;
	static const char *const modes[] = { "greedy" };
	struct person person = { .says_yes = true };
	struct agent_mcp *mcp = open_servers(modes, 1, &person);
	expect_answer(mcp, "mcp__greedy__do", "{}", false, "files bounded, scratch bounded");
	agent_mcp_close(mcp);
	forget("greedy");
}

static void a_server_that_fails_takes_no_other_with_it(void **state)
{
	(void)state;
	static const char *const modes[] = { "hang-init", "good" };
	struct person person = { .says_yes = true };
	struct agent_mcp *mcp = open_servers(modes, 2, &person);
	assert_non_null(strstr(person.trouble, "hang-init: no answer in time"));
	assert_int_equal(count_functions(mcp), 1);
	expect_answer(mcp, "mcp__good__do", "{}", false, "done");
	agent_mcp_close(mcp);
	forget("good");
}

/* --- answers --- */

#define PNG \
	"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+" \
	"M9QDwADhgGAWjR9awAAAABJRU5ErkJg" \
	"gg=="

static void an_answer_is_a_text_and_pictures(void **state)
{
	(void)state;
	static const struct {
		const char *result, *text;
		size_t images;
		bool is_error;
	} rows[] = {
		{ "{\"content\":[]}", "", 0, false },
		{ "{\"content\":[{\"type\":\"text\",\"text\":\"a\\u200bb\"}],\"isError\":true}",
				"ab", 0, true },
		{ "{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":"
		  "\"b\"}]}",
				"a\nb", 0, false },
		{ "{\"content\":[{\"type\":\"image\",\"mimeType\":\"image/gif\",\"data\":\"" PNG
		  "\"}]}",
				"", 1, false },
		{ "{\"content\":[{\"type\":\"image\",\"mimeType\":\"image/"
		  "png\",\"data\":\"AAAA\"}]}",
				"[a picture that cannot be shown, image/png]", 0, false },
		{ "{\"content\":[{\"type\":\"audio\",\"mimeType\":\"audio/"
		  "wav\",\"data\":\"AA==\"}]}",
				"[a sound, which cannot be passed on, audio/wav]", 0, false },
		{ "{\"content\":[{\"type\":\"resource_link\",\"uri\":\"file:///"
		  "a\",\"name\":\"A\"}]}",
				"[link file:///a]\nA", 0, false },
		{ "{\"content\":[{\"type\":\"resource\",\"resource\":{\"uri\":\"u\",\"text\":\"t\"}"
		  "}]}",
				"[resource u]\nt", 0, false },
		{ "{\"content\":[{\"type\":\"resource\",\"resource\":{\"uri\":\"u\",\"mimeType\":"
		  "\"image/png\",\"blob\":\"" PNG "\"}}]}",
				"[picture u, image/png]", 1, false },
		{ "{\"content\":[{\"type\":\"resource\",\"resource\":{\"uri\":\"u\",\"blob\":\"AA=="
		  "\"}}]}",
				"[a resource that is no text u]", 0, false },
		{ "{\"content\":[{\"type\":\"hologram\",\"x\":1}]}",
				"{\"type\":\"hologram\",\"x\":1}", 0, false },
		{ "{\"structuredContent\":{\"a\":1}}", "{\"a\":1}", 0, false },
		{ "{\"content\":[{\"type\":\"text\",\"text\":\"{ \\\"a\\\": 1 }\"}],"
		  "\"structuredContent\":{\"a\":1}}",
				"{ \"a\": 1 }", 0, false },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_mcp_result result;
		CUA_AUTO_JSON cJSON *json = cJSON_Parse(rows[i].result);
		assert_int_equal(mcp_content_read(json, &result, NULL), CUA_OK);
		assert_string_equal(result.text, rows[i].text);
		assert_int_equal(result.image_count, rows[i].images);
		assert_int_equal(result.is_error, rows[i].is_error);
		if (result.image_count > 0) {
			assert_string_equal(result.images[0].media_type, "image/png");
			assert_int_equal(result.images[0].width, 1);
			assert_string_equal(result.images[0].base64, PNG);
		}
		agent_mcp_result_finish(&result);
	}
}

static void a_long_answer_is_cut_and_says_so(void **state)
{
	(void)state;
	struct agent_mcp_result result;
	CUA_AUTO_FREE char *text = calloc(1, 3 * AGENT_MCP_TEXT_MAX + 1);
	assert_non_null(text);
	for (size_t i = 0; i < AGENT_MCP_TEXT_MAX; i++) {
		memcpy(text + 3 * i, "\xe4\xbd\xa0", 3);
	}
	assert_int_equal(mcp_content_text(text, false, &result, NULL), CUA_OK);
	assert_in_range(strlen(result.text), AGENT_MCP_TEXT_MAX - 4, AGENT_MCP_TEXT_MAX);
	assert_non_null(strstr(result.text, "\xbd\xa0\n[cut here"));
	agent_mcp_result_finish(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_approved_is_not_offered),
		cmocka_unit_test(a_tool_that_changes_waits_for_a_person),
		cmocka_unit_test(a_server_that_comes_back_as_another_waits_for_a_person),
		cmocka_unit_test(what_variables_have_become_is_approved_too),
		cmocka_unit_test(many_tools_are_offered_by_name),
		cmocka_unit_test(each_tool_has_a_function_of_its_own),
		cmocka_unit_test(a_server_does_not_get_all_of_the_machine),
		cmocka_unit_test(a_server_that_fails_takes_no_other_with_it),
		cmocka_unit_test(an_answer_is_a_text_and_pictures),
		cmocka_unit_test(a_long_answer_is_cut_and_says_so),
	};
	signal(SIGPIPE, SIG_IGN);
	if (sodium_init() < 0 || !mkdtemp(state_dir) || chmod(state_dir, 0711) != 0) {
		return 1;
	}
	setenv("CUA_STATE_DIR", state_dir, 1);
	const int failed = cmocka_run_group_tests(tests, NULL, NULL);
	return cua_remove_tree(state_dir, NULL) == CUA_OK ? failed : 1;
}
