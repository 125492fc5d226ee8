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

#include "agent/mcp/mcp_server.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/test_agent_fake.h"

/* Servers behind HTTP that refuse, flood, cut, redirect, forget and name other places. */

#define CALL_MS 700
#define PATIENT_MS 60000
#define KEY "Bearer sk-0123456789abcdef"

struct site {
	const char *mode;
	bool is_modern;
	int initialized, calls, elsewhere;
	bool lacks_header; /* of those that each request has to have */
	char session[64];  /* that the last call had */
};

static const char tools[] =
		"{\"tools\":[{\"name\":\"do\",\"inputSchema\":{\"type\":\"object\","
		"\"properties\":{\"r\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"}}}}"
		"]}";
static const char done[] = "{\"content\":[{\"type\":\"text\",\"text\":\"done\"}]}";

static bool is(const struct site *site, const char *mode)
{
	return strcmp(site->mode, mode) == 0;
}

static void say(struct fake_reply *reply, int id, const char *result)
{
	assert_int_equal(cua_buffer_printf(&reply->body, NULL,
					 "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":%s}", id,
					 result),
			CUA_OK);
}

static void refuse(struct fake_reply *reply, int http_status, const char *words)
{
	reply->http_status = http_status;
	assert_int_equal(cua_buffer_printf(&reply->body, NULL, "%s", words), CUA_OK);
}

static void fill(struct fake_reply *reply, size_t len)
{
	CUA_AUTO_FREE char *block = malloc(len);
	assert_non_null(block);
	memset(block, 'x', len);
	assert_int_equal(cua_buffer_append(&reply->body, block, len, NULL), CUA_OK);
}

static void run_tool(struct site *site, struct fake_reply *reply, int id)
{
	site->calls++;
	if (is(site, "forgets") && site->calls == 1) {
		refuse(reply, 404, "no such session");
	} else if (is(site, "garbage")) {
		refuse(reply, 200, "<html>");
	} else if (is(site, "fails")) {
		refuse(reply, 500, "out of\norder");
	} else if (is(site, "silent")) {
		reply->stays_silent = true;
	} else if (is(site, "hangs-up")) {
		reply->hangs_up = true;
	} else if (is(site, "floods")) {
		fill(reply, (size_t)9 << 20);
	} else if (is(site, "cut-stream")) {
		reply->content_type = "text/event-stream";
		refuse(reply, 200, ": nothing\n\n");
	} else if (is(site, "endless-stream")) {
		reply->content_type = "text/event-stream";
		reply->never_ends = true;
		refuse(reply, 200, ": nothing\n\n");
	} else if (is(site, "other-id")) {
		say(reply, id + 7, done);
	} else if (is(site, "redirects")) {
		snprintf(reply->headers, sizeof(reply->headers), "Location: /elsewhere\r\n");
		reply->http_status = 307;
	} else if (is(site, "stream")) {
		reply->content_type = "text/event-stream";
		assert_int_equal(cua_buffer_printf(&reply->body, NULL,
						 "id: 1\ndata:\n\nevent: message\ndata: "
						 "{\"jsonrpc\":\"2.0\",\"id\":%d,\ndata: "
						 "\"result\":%s}\n\n",
						 id, done),
				CUA_OK);
		reply->never_ends = true;
	} else {
		say(reply, id, done);
	}
}

static void take_post(
		struct site *site, const struct fake_request *request, struct fake_reply *reply)
{
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(request->body);
	const char *method = cua_json_text(json, "method");
	const int id = cua_json_int(json, "id");
	site->lacks_header = site->lacks_header || !strstr(request->head, "Authorization: " KEY) ||
			!strstr(request->head, "Accept: application/json, text/event-stream");
	if (is(site, "denies")) {
		refuse(reply, 401, "who are you?");
	} else if (strcmp(method, "server/discover") == 0 && site->is_modern) {
		say(reply, id, "{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{}}");
	} else if (strcmp(method, "server/discover") == 0) {
		refuse(reply, 400, "");
	} else if (strcmp(method, "initialize") == 0) {
		snprintf(reply->headers, sizeof(reply->headers), "Mcp-Session-Id: s-%d\r\n",
				++site->initialized);
		say(reply, id, "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{}}");
	} else if (strcmp(method, "tools/list") == 0) {
		say(reply, id, tools);
	} else if (strcmp(method, "tools/call") == 0) {
		const char *session = strstr(request->head, "Mcp-Session-Id: ");
		snprintf(site->session, sizeof(site->session), "%.*s",
				session ? (int)strcspn(session + 16, "\r") : 0,
				session ? session + 16 : "");
		if (site->is_modern &&
				(!strstr(request->head, "Mcp-Method: tools/call\r\n") ||
						!strstr(request->head, "Mcp-Name: do\r\n") ||
						!strstr(request->head,
								"MCP-Protocol-Version: "
								"2026-07-28") ||
						!strstr(request->head,
								"Mcp-Param-Region: "
								"=?base64?YQpi?="))) {
			site->lacks_header = true;
		}
		run_tool(site, reply, id);
	} else {
		reply->http_status = 202;
	}
}

static void answer(const struct fake_request *request, struct fake_reply *reply, void *user_data)
{
	struct site *site = user_data;
	if (strcmp(request->path, "/mcp") != 0) {
		site->elsewhere++;
	} else if (strcmp(request->method, "POST") == 0) {
		take_post(site, request, reply);
	} else if (strcmp(request->method, "GET") == 0 && is(site, "lures")) {
		reply->content_type = "text/event-stream";
		refuse(reply, 200, "event: endpoint\ndata: http://127.0.0.2:9/other\n\n");
		reply->never_ends = true;
	} else {
		reply->http_status = 405;
	}
}

struct visit {
	struct site site;
	struct fake_server *fake;
	char url[64], *headers[2];
	struct agent_mcp_entry entry;
	struct agent_mcp_server *server;
	struct agent_mcp_tools *tools;
	struct cua_error why;
};

static enum cua_status begin(struct visit *visit, const char *mode, bool is_modern)
{
	const bool is_given_up = strcmp(mode, "silent") == 0 || strcmp(mode, "endless-stream") == 0;
	const struct agent_mcp_server_options options = { .cancel_fd = -1,
		.init_ms = PATIENT_MS,
		.call_ms = is_given_up ? CALL_MS : PATIENT_MS };
	*visit = (struct visit){ .site = { .mode = mode, .is_modern = is_modern },
		.headers = { (char *)(uintptr_t) "Authorization: " KEY } };
	visit->fake = fake_server_start(NULL, answer, &visit->site);
	snprintf(visit->url, sizeof(visit->url), "http://127.0.0.1:%d/mcp",
			fake_server_port(visit->fake));
	visit->entry = (struct agent_mcp_entry){ .name = "site",
		.transport = strcmp(mode, "lures") == 0 ? AGENT_MCP_SSE : AGENT_MCP_HTTP,
		.url = visit->url,
		.headers = visit->headers };
	assert_int_equal(agent_mcp_server_create(&visit->entry, &options, &visit->server, NULL),
			CUA_OK);
	return agent_mcp_server_tools(visit->server, &visit->tools, &visit->why);
}

static enum cua_status call(struct visit *visit, char *text, size_t size, bool *ret_uncertain)
{
	CUA_AUTO_JSON cJSON *result = NULL;
	CUA_AUTO_JSON cJSON *arguments = cJSON_Parse("{\"r\": \"a\\nb\"}");
	enum cua_status status = agent_mcp_server_call(visit->server, &visit->tools->list[0],
			arguments, &result, ret_uncertain, &visit->why);
	const cJSON *content = cua_json_member(result, "content");
	snprintf(text, size, "%s", cua_json_text(cJSON_GetArrayItem(content, 0), "text"));
	return status;
}

static void end(struct visit *visit)
{
	agent_mcp_server_destroy(visit->server);
	fake_server_stop(visit->fake);
	assert_false(visit->site.lacks_header);
	assert_int_equal(visit->site.elsewhere, 0);
	assert_null(strstr(visit->why.msg, "sk-0123456789abcdef"));
}

static void good_servers_are_called(void **state)
{
	(void)state;
	static const char *const modes[] = { "good", "stream" };
	for (size_t i = 0; i < 2 * CUA_ARRAY_LEN(modes); i++) {
		struct visit visit;
		char text[100];
		bool is_uncertain = false;
		assert_int_equal(begin(&visit, modes[i / 2], i % 2 == 0), CUA_OK);
		if (call(&visit, text, sizeof(text), &is_uncertain) != CUA_OK) {
			fail_msg("%s: %s", modes[i / 2], visit.why.msg);
		}
		assert_string_equal(text, "done");
		assert_string_equal(visit.site.session, i % 2 == 0 ? "" : "s-1");
		end(&visit);
	}
}

static void a_session_that_is_lost_is_begun_again(void **state)
{
	(void)state;
	struct visit visit;
	char text[100];
	bool is_uncertain = false;
	assert_int_equal(begin(&visit, "forgets", false), CUA_OK);
	assert_int_equal(call(&visit, text, sizeof(text), &is_uncertain), CUA_OK);
	assert_string_equal(text, "done");
	assert_int_equal(visit.site.calls, 2);
	assert_string_equal(visit.site.session, "s-2");
	end(&visit);
}

static void what_a_call_fails_with_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *mode;
		enum cua_status status;
		const char *said;
	} rows[] = { { "garbage", CUA_ERR_APP, "not JSON" },
		{ "fails", CUA_ERR_APP, "answered 500: out of order" },
		{ "silent", CUA_ERR_TIMEOUT, "no answer in time" },
		{ "hangs-up", CUA_ERR_CLOSED, "" },
		{ "floods", CUA_ERR_TOO_LARGE, "more than 8388608 bytes" },
		{ "cut-stream", CUA_ERR_CLOSED, "no answer to the request" },
		{ "endless-stream", CUA_ERR_TIMEOUT, "no answer in time" },
		{ "other-id", CUA_ERR_CLOSED, "no answer to the request" },
		{ "redirects", CUA_ERR_APP, "a redirect, which is not followed" } };
	for (size_t i = 0; i < 2 * CUA_ARRAY_LEN(rows); i++) {
		struct visit visit;
		char text[100];
		bool is_uncertain = false;
		assert_int_equal(begin(&visit, rows[i / 2].mode, i % 2 == 0), CUA_OK);
		const uint64_t begun_us = cua_now_us();
		const enum cua_status status = call(&visit, text, sizeof(text), &is_uncertain);
		if (status != rows[i / 2].status || !strstr(visit.why.msg, rows[i / 2].said)) {
			fail_msg("%s: %d, %s", rows[i / 2].mode, (int)status, visit.why.msg);
		}
		assert_true(is_uncertain);
		/* Variables may have put a secret into it. */
		assert_null(strstr(visit.why.msg, visit.url));
		assert_in_range((cua_now_us() - begun_us) / 1000, 0, PATIENT_MS / 2);
		assert_int_equal(visit.site.calls, 1); /* nothing is sent twice */
		end(&visit);
	}
}

static void who_denies_says_what_to_do(void **state)
{
	(void)state;
	struct visit visit;
	assert_int_equal(begin(&visit, "denies", true), CUA_ERR_APP);
	assert_non_null(strstr(visit.why.msg, "put an Authorization into \"headers\""));
	end(&visit);
}

static void headers_go_to_no_other_place(void **state)
{
	(void)state;
	struct visit visit;
	assert_int_equal(begin(&visit, "lures", false), CUA_ERR_APP);
	assert_non_null(strstr(visit.why.msg, "no place of its own"));
	end(&visit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_servers_are_called),
		cmocka_unit_test(a_session_that_is_lost_is_begun_again),
		cmocka_unit_test(what_a_call_fails_with_is_told),
		cmocka_unit_test(who_denies_says_what_to_do),
		cmocka_unit_test(headers_go_to_no_other_place),
	};
	signal(SIGPIPE, SIG_IGN);
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
