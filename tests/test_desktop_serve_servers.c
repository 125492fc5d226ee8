/* `cua serve`: servers of tools that an admin adds and approves, and desktops that begin anew. */

#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/serve_stage.h"

#define SECRET "correct horse battery staple"
#define GOOD \
	"{\"command\":\"" CUA_TEST_BAD_SERVER \
	"\",\"args\":[\"good\"],\"read\":[\"" CUA_TEST_BAD_SERVER "\"],\"env\":{\"KEY\":\"" SECRET \
	"\"}}"

static struct serve_stage stage;

static int begin(void **state)
{
	(void)state;
	serve_stage_open(&stage);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	serve_stage_close(&stage);
	return 0;
}

struct expected {
	const char *method, *path, *body;
	long status;
	const char *says;
};

static void expect_all(const struct expected *calls, size_t count, const char *token)
{
	for (size_t i = 0; i < count; i++) {
		const struct serve_call call = { calls[i].method, calls[i].path, calls[i].body,
			token, { 0 } };
		struct serve_answer answer = serve_send(&stage, &call);
		const char *text = answer.text ? answer.text : "";
		if (answer.status != calls[i].status || !strstr(text, calls[i].says) ||
				strstr(text, "horse")) {
			fail_msg("%s %s: %ld %s", call.method, call.path, answer.status, text);
		}
		serve_answer_finish(&answer);
	}
}

/* Whether its tools are approved; the hash of what is not, "" if all is. */
static bool test_server(char hash[80])
{
	CUA_AUTO_JSON cJSON *tested =
			serve_json(&stage, "POST", "/v1/mcp-servers/one/test", NULL, 200);
	const cJSON *tool = cJSON_GetArrayItem(cua_json_member(tested, "tools"), 0);
	if (!cJSON_IsTrue(cua_json_member(tested, "ok"))) {
		fail_msg("%s", cua_json_text(tested, "error"));
	}
	snprintf(hash, 80, "%s", cua_json_text(tested, "changes_hash"));
	return cJSON_IsTrue(cua_json_member(tool, "approved"));
}

static void approve(const char *hash, long expected)
{
	char body[128];
	snprintf(body, sizeof(body), "{\"changes_hash\":\"%s\"}", hash);
	cJSON_Delete(serve_json(&stage, "POST", "/v1/mcp-servers/one/approve", body, expected));
}

static void a_server_is_added_approved_and_removed(void **state)
{
	char hash[80], same[80];
	(void)state;
	cJSON_Delete(serve_json(&stage, "PUT", "/v1/mcp-servers/one", GOOD, 204));
	static const struct expected listed[] = { { "GET", "/v1/mcp-servers", NULL, 200,
			"\"env\":[\"KEY\"]" } };
	expect_all(listed, 1, NULL);
	assert_false(test_server(hash));
	/* What was not shown is not approved. */
	snprintf(same, sizeof(same), "%s", hash);
	same[0] = same[0] == '0' ? '1' : '0';
	approve(same, 409);
	assert_false(test_server(same));
	assert_string_equal(same, hash);
	approve(hash, 204);
	assert_true(test_server(same));
	/* Another way to start it is another server. */
	static const char changed[] =
			"{\"command\":\"" CUA_TEST_BAD_SERVER
			"\",\"args\":[\"good\",\"more\"],\"read\":[\"" CUA_TEST_BAD_SERVER "\"]}";
	cJSON_Delete(serve_json(&stage, "PUT", "/v1/mcp-servers/one", changed, 204));
	(void)test_server(same);
	approve(hash, 409);
	approve(same, 204);
	cJSON_Delete(serve_json(&stage, "DELETE", "/v1/mcp-servers/one", NULL, 204));
	cJSON_Delete(serve_json(&stage, "DELETE", "/v1/mcp-servers/one", NULL, 404));
}

static void what_is_no_server_is_refused(void **state)
{
	static const struct expected calls[] = {
		{ "PUT", "/v1/mcp-servers/-x", "{\"command\":\"true\"}", 400, "" },
		{ "PUT", "/v1/mcp-servers/x", "{}", 400, "" },
		{ "PUT", "/v1/mcp-servers/x", "{\"url\":\"ftp://a.example\"}", 400, "url" },
		{ "PUT", "/v1/mcp-servers/x", "{\"url\":\"https://a.example\",\"command\":\"x\"}",
				400, "" },
		{ "PUT", "/v1/mcp-servers/x", "{\"command\":\"x\",\"env\":[1]}", 400, "env" },
		{ "PUT", "/v1/mcp-servers/x", "{\"command\":\"x\",\"network\":\"all\"}", 400,
				"network" },
		{ "PUT", "/v1/mcp-servers/x", "{\"command\":\"x\",\"sandbox\":false}", 400,
				"no member" },
		{ "POST", "/v1/mcp-servers/none/approve",
				"{\"changes_hash\":"
				"\"0123456789012345678901234567890123456789012345678901"
				"234567890123\"}",
				404, "none" },
		{ "POST", "/v1/mcp-servers/none/approve", "{}", 400, "changes_hash" },
		{ "DELETE", "/v1/mcp-servers/--all", NULL, 400, "no name" },
	};
	static const struct expected admins[] = {
		{ "PUT", "/v1/mcp-servers/x", GOOD, 403, "scope" },
		{ "POST", "/v1/mcp-servers/x/approve", "{}", 403, "scope" },
		{ "DELETE", "/v1/mcp-servers/x", NULL, 403, "scope" },
	};
	(void)state;
	expect_all(calls, CUA_ARRAY_LEN(calls), NULL);
	CUA_AUTO_JSON cJSON *actor = serve_json(&stage, "POST", "/v1/tokens",
			"{\"name\":\"actor\",\"scopes\":[\"act\",\"approve\"]}", 201);
	expect_all(admins, CUA_ARRAY_LEN(admins), cua_json_text(actor, "token"));
}

static cJSON *run_line(const char *line)
{
	char body[256];
	snprintf(body, sizeof(body), "{\"tool\":\"bash\",\"arguments\":{\"command\":\"%s\"}}",
			line);
	return serve_json(&stage, "POST", "/v1/desktops/anew/tools", body, 200);
}

static void a_desktop_begins_anew(void **state)
{
	(void)state;
	cJSON_Delete(serve_json(&stage, "POST", "/v1/desktops",
			"{\"name\":\"anew\",\"size\":\"800x600\",\"memory\":\"1G\"}", 201));
	cJSON_Delete(run_line("touch ~/made"));
	CUA_AUTO_JSON cJSON *desktop =
			serve_json(&stage, "POST", "/v1/desktops/anew/reset", NULL, 200);
	assert_string_equal(cua_json_text(desktop, "state"), "running");
	assert_int_equal(cua_json_int(desktop, "width"), 800);
	CUA_AUTO_JSON cJSON *said = run_line("test -e ~/made || echo fresh");
	const cJSON *part = cJSON_GetArrayItem(cua_json_member(said, "content"), 0);
	assert_says(cua_json_text(part, "text"), "fresh");
	cJSON_Delete(serve_json(&stage, "DELETE", "/v1/desktops/anew", NULL, 204));
	cJSON_Delete(serve_json(&stage, "POST", "/v1/desktops/anew/reset", NULL, 404));
	cJSON_Delete(serve_json(&stage, "POST", "/v1/desktops/-x/reset", NULL, 400));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_is_added_approved_and_removed),
		cmocka_unit_test(what_is_no_server_is_refused),
		cmocka_unit_test(a_desktop_begins_anew),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}
