/* Runs with servers of the Model Context Protocol: what a model gets of them, under the policy, and
 * what becomes of a run whose server refuses, hangs or dies. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/mcp/mcp_server.h"
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/agent_mcp_stage.h"
#include "tests/agent_stage.h"
#include "tests/agent_turns.h"

/* --- servers --- */

/* A server over HTTP that counts what it is asked to do. */
struct site {
	struct fake_server *fake;
	struct agent_stage *stage;
	int calls;
	bool hangs, cancels; /* in a call: for good; with a Ctrl-C */
	char asked[256];     /* arguments of the last call */
};

static void serve(const struct fake_request *request, struct fake_reply *reply, void *user_data)
{
	struct site *site = user_data;
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(request->body);
	const char *method = cua_json_text(json, "method");
	const char *result = NULL;
	if (strcmp(method, "server/discover") == 0) {
		result = "{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{}}}";
	} else if (strcmp(method, "tools/list") == 0) {
		result = "{\"tools\":[{\"name\":\"do\",\"inputSchema\":{\"type\":\"object\"}}]}";
	} else if (strcmp(method, "tools/call") == 0) {
		CUA_AUTO_FREE char *arguments = cJSON_PrintUnformatted(
				cua_json_member(cua_json_member(json, "params"), "arguments"));
		snprintf(site->asked, sizeof(site->asked), "%s", arguments);
		site->calls++;
		result = "{\"content\":[{\"type\":\"text\",\"text\":\"done over HTTP\"}]}";
		reply->stays_silent = site->hangs;
		if (site->cancels) {
			const uint64_t one = 1;
			assert_int_equal(write(site->stage->cancel_fd, &one, sizeof(one)),
					sizeof(one));
		}
	}
	if (!result) {
		reply->http_status = 202;
	} else {
		assert_int_equal(cua_buffer_printf(&reply->body, NULL,
						 "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":%s}",
						 cua_json_int(json, "id"), result),
				CUA_OK);
	}
}

/* Entries of mcpServers.json, which are approved. */
static void write_servers(const struct agent_stage *stage, const char *entries)
{
	char path[128], text[4096];
	snprintf(path, sizeof(path), "%s/servers.json", stage->dir);
	snprintf(text, sizeof(text), "{\"mcpServers\": {%s}}", entries);
	assert_int_equal(cua_file_write(path, text, strlen(text), 0600, NULL), CUA_OK);
	assert_int_equal(setenv("CUA_MCP_SERVERS", path, true), 0);
	/* As root a server is another user, whose home is below. */
	assert_int_equal(chmod(stage->dir, 0711), 0);
}

#define PROGRAM(name, mode) \
	"\"" name "\": {\"command\": \"" CUA_TEST_BAD_SERVER "\", \"args\": [\"" mode \
	"\"], \"read\": [\"" CUA_TEST_BAD_SERVER "\"]}"

static void offer(struct agent_stage *stage, const char *entries)
{
	write_servers(stage, entries);
	agent_mcp_approve_all();
	stage->options.mcp = "all";
}

static void offer_site(struct agent_stage *stage, struct site *site)
{
	char entry[128];
	site->stage = stage;
	site->fake = fake_server_start(NULL, serve, site);
	snprintf(entry, sizeof(entry), "\"web\": {\"url\": \"http://127.0.0.1:%d/mcp\"}",
			fake_server_port(site->fake));
	offer(stage, entry);
}

/* --- every API --- */

#define RESPONSES(name, arguments) FUNCTION("c1", name, arguments) END

static const struct {
	const char *api, *call, *end;
} spellings[] = {
	{ "responses", RESPONSES("mcp__pictures__do", "{\\\"x\\\": 3}"), DONE },
	{ "anthropic", START USE("0", "c1", "mcp__pictures__do", "", "{\"x\": 3}") STOP("tool_use"),
			START BLOCK("0", "{\"type\":\"text\",\"text\":\"All done.\"}")
					STOP("end_turn") },
	{ "gemini", PARTS(PART("c1", "mcp__pictures__do", "{\"x\": 3}")),
			PARTS("{\"text\":\"All done.\"}") },
	{ "chat",
			MESSAGE("\"tool_calls\":[" TOOL("0", "c1", "mcp__pictures__do",
						"{\\\"x\\\": 3}") "]",
					"tool_calls"),
			MESSAGE("\"content\":\"All done.\"", "stop") },
};

static void play_spelling(void **state, size_t row)
{
	struct agent_stage *stage = *state;
	offer(stage, PROGRAM("pictures", "pictures"));
	stage->options.api = spellings[row].api;
	stage->replies[0] = spellings[row].call;
	stage->replies[1] = spellings[row].end;
	agent_mcp_play(stage, AGENT_MCP_ALLOWED);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	agent_mcp_assert_request(stage, 0, "\"name\":\"mcp__pictures__do\"");
	agent_mcp_assert_request(stage, 1, "Two of them.");
	agent_mcp_assert_request(stage, 1, "weight");
	agent_mcp_assert_request(stage, 1, "2 pictures came");
	/* The picture is the server's own, of two by three pixels. */
	agent_mcp_assert_request(stage, 1, "iVBORw0KGgoAAAANSUhEUgAAAAIAAAADCAIAAAA2iEnWAAAA");
	agent_mcp_assert_events(stage, "\"server\":\"pictures\",\"server_tool\":\"do\"");
	agent_mcp_assert_events(stage, "\"has_own_image\":true");
	agent_mcp_assert_events(stage, "\"type\":\"taint\"");
	agent_mcp_assert_file(stage, "report.html", "pictures: do {&quot;x&quot;:3}");
}

/* It would end the run, and each that goes on from it: services refuse what they cannot decode. */
static void a_damaged_picture_does_not_reach_a_model(void **state)
{
	struct agent_stage *stage = *state;
	offer(stage, PROGRAM("damaged", "damaged"));
	stage->options.api = "responses";
	stage->replies[0] = RESPONSES("mcp__damaged__do", "{\\\"x\\\": 3}");
	stage->replies[1] = DONE;
	agent_mcp_play(stage, AGENT_MCP_ALLOWED);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	agent_mcp_assert_request(stage, 1,
			"a picture is not shown: the picture cannot be decoded as PNG: it is cut "
			"off");
	/* The one behind it is well. */
	agent_mcp_assert_request(stage, 1, "RAwoFABE0AX7pM/egAAAAABJRU5ErkJggg==");
	agent_mcp_assert_events(stage, "\"has_own_image\":true");
}

static void an_answer_reaches_a_model_of_responses(void **state)
{
	play_spelling(state, 0);
}

static void an_answer_reaches_a_model_of_anthropic(void **state)
{
	play_spelling(state, 1);
}

static void an_answer_reaches_a_model_of_gemini(void **state)
{
	play_spelling(state, 2);
}

static void an_answer_reaches_a_model_of_chat(void **state)
{
	play_spelling(state, 3);
}

/* --- progress --- */

static int count_events(const struct agent_stage *stage, const char *part)
{
	CUA_AUTO_FREE char *text = agent_stage_read(stage, "events.jsonl");
	int count = 0;
	for (const char *at = text; (at = strstr(at, part)); at++) {
		count++;
	}
	return count;
}

static void progress_is_written_down(void **state)
{
	struct agent_stage *stage = *state;
	offer(stage, PROGRAM("slow", "progress"));
	stage->replies[0] = FUNCTION("c1", "mcp__slow__do", "{}") END;
	stage->replies[1] = DONE;
	agent_mcp_play(stage, AGENT_MCP_ALLOWED);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	agent_mcp_assert_events(stage,
			"\"call_id\":\"c1\",\"server\":\"slow\",\"progress\":1,\"total\":6,"
			"\"message\":"
			"\"page 1 of many\"");
	assert_in_range(count_events(stage, "\"type\":\"progress\""), 2, 5);
}

static void a_flood_of_progress_is_not(void **state)
{
	struct agent_stage *stage = *state;
	char longer[AGENT_MCP_PROGRESS_CHARS + 2] = "";
	offer(stage, PROGRAM("flood", "progress-flood"));
	stage->replies[0] = FUNCTION("c1", "mcp__flood__do", "{}") END;
	stage->replies[1] = DONE;
	agent_mcp_play(stage, AGENT_MCP_ALLOWED);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_in_range(count_events(stage, "\"type\":\"progress\""), 1, 5);
	memset(longer, 'y', AGENT_MCP_PROGRESS_CHARS + 1);
	assert_int_equal(count_events(stage, longer), 0);
}

/* --- questions to a person --- */

/* A person who types these lines, and keeps what was asked. */
struct typist {
	const char *const *lines; /* NULL-terminated; "" for an empty one */
	int asked;
	char who[100], questions[4096];
	uint64_t expires_us; /* of the last question */
};

static char *type_line(const char *who, const char *question, uint64_t expires_us, void *user_data)
{
	struct typist *typist = user_data;
	typist->expires_us = expires_us;
	const size_t len = strlen(typist->questions);
	snprintf(typist->who, sizeof(typist->who), "%s", who);
	snprintf(typist->questions + len, sizeof(typist->questions) - len, "%s\n", question);
	const char *line = typist->lines[typist->asked];
	typist->asked += line != NULL;
	return line && line[0] ? strdup(line) : NULL;
}

static void ignore_event(const cJSON *event, void *user_data)
{
	(void)event;
	(void)user_data;
}

static void play_question(struct agent_stage *stage, const char *mode, struct typist *typist)
{
	char entries[1024];
	snprintf(entries, sizeof(entries),
			"\"curious\": {\"command\": \"%s\", \"args\": [\"%s\"], \"read\": "
			"[\"%s\"]}",
			CUA_TEST_BAD_SERVER, mode, CUA_TEST_BAD_SERVER);
	offer(stage, entries);
	stage->options.ask = typist->lines ? type_line : NULL;
	stage->options.on_event = ignore_event;
	stage->options.user_data = typist;
	stage->replies[0] = FUNCTION("c1", "mcp__curious__do", "{}") END;
	stage->replies[1] = DONE;
	agent_mcp_play(stage, AGENT_MCP_ALLOWED);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
}

static void a_form_is_filled_in_by_a_person(struct agent_stage *stage, const char *mode)
{
	static const char *const lines[] = { "yes", "a name that is too long", "Ada", "x", "36",
		"RED", "n", NULL };
	struct typist typist = { .lines = lines };
	play_question(stage, mode, &typist);
	assert_string_equal(typist.who, "The server curious");
	assert_string_equal(typist.questions,
			"Who are you?  [4 answers would go to this server: nothing secret. Type "
			"yes to "
			"go on]\n1 of 4: Your name (a text)\nThat is none. 1 of 4: Your name (a "
			"text)\n2 of 4: age (an integer from 0 to 150), if you like\nThat is none. "
			"2 of "
			"4: age (an integer from 0 to 150), if you like\n3 of 4: color (one of: "
			"red, "
			"green), if you like\n4 of 4: ok (yes or no)\n");
	agent_mcp_assert_request(stage, 1,
			"{\\\"name\\\":\\\"Ada\\\",\\\"age\\\":36,\\\"color\\\":\\\"red\\\","
			"\\\"ok\\\":false}");
	agent_mcp_assert_events(stage,
			"\"call_id\":\"c1\",\"server\":\"curious\",\"message\":\"Who are "
			"you?\",\"answer\":\"accepted\"");
}

static void a_form_of_the_newest_revision_is_filled_in(void **state)
{
	a_form_is_filled_in_by_a_person(*state, "asks-form");
}

static void a_form_of_an_older_revision_is_filled_in(void **state)
{
	a_form_is_filled_in_by_a_person(*state, "asks-old");
}

static void a_form_can_be_declined(void **state)
{
	static const char *const lines[] = { "no", NULL };
	struct typist typist = { .lines = lines };
	play_question(*state, "asks-form", &typist);
	assert_int_equal(typist.asked, 1);
	agent_mcp_assert_request(*state, 1, "\\\"action\\\":\\\"decline\\\"");
	agent_mcp_assert_events(*state, "\"answer\":\"declined\"");
}

static void what_must_be_answered_and_is_not_declines_the_form(void **state)
{
	static const char *const lines[] = { "yes", "", NULL };
	struct typist typist = { .lines = lines };
	play_question(*state, "asks-form", &typist);
	agent_mcp_assert_request(*state, 1, "\\\"action\\\":\\\"decline\\\"");
}

static void declines_secrets(struct agent_stage *stage, const char *mode)
{
	static const char *const lines[] = { "yes", "hunter2", NULL };
	struct typist typist = { .lines = lines };
	play_question(stage, mode, &typist);
	assert_int_equal(typist.asked, 0);
	agent_mcp_assert_request(stage, 1, "\\\"action\\\":\\\"decline\\\"");
	agent_mcp_assert_events(stage, "\"answer\":\"secret\"");
}

static void nobody_is_asked_for_a_secret(void **state)
{
	declines_secrets(*state, "asks-secret");
}

static void nor_for_one_whose_name_is_broken_by_what_nobody_sees(void **state)
{
	declines_secrets(*state, "asks-hidden");
}

/* All of a form has ten minutes, and no more than the run. */
static void a_form_ends_with_the_time_of_the_run(void **state)
{
	struct agent_stage *stage = *state;
	static const char *const lines[] = { "yes", "", NULL };
	static const struct {
		int limit_s, least_s, most_s;
	} rows[] = { { 0, 595, 630 }, { 3600, 595, 630 }, { 60, 60, 62 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct typist typist = { .lines = lines };
		if (i > 0) {
			agent_stage_tear_down(state);
			agent_stage_set_up(state);
			stage = *state;
		}
		const uint64_t begun_us = cua_now_us();
		stage->options.limits.time_s = rows[i].limit_s;
		play_question(stage, "asks-form", &typist);
		assert_in_range(typist.expires_us - begun_us, rows[i].least_s * 1000000LL,
				rows[i].most_s * 1000000LL);
	}
}

static void where_nobody_is_there_a_form_is_declined(void **state)
{
	struct typist typist = { 0 };
	play_question(*state, "asks-form", &typist);
	agent_mcp_assert_request(*state, 1, "\\\"action\\\":\\\"decline\\\"");
}

/* --- what is offered --- */

static void odd_schemas_are_in_the_form_that_models_take(void **state)
{
	struct agent_stage *stage = *state;
	offer(stage, PROGRAM("odd", "odd-schemas"));
	stage->replies[0] = DONE;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	const cJSON *tools = cJSON_GetObjectItem(stage->asked->child, "tools"), *tool = NULL;
	size_t found = 0;
	cJSON_ArrayForEach (tool, tools) {
		const char *name = cua_json_text(tool, "name");
		CUA_AUTO_FREE char *schema =
				cJSON_PrintUnformatted(cua_json_member(tool, "parameters"));
		if (strcmp(name, "mcp__odd__bare") == 0) {
			found++;
			assert_string_equal(schema, "{\"type\":\"object\",\"properties\":{}}");
			assert_int_equal(strlen(cua_json_text(tool, "description")), 1024);
		} else if (strncmp(name, "mcp__odd__any_of_", 17) == 0) {
			found++;
			assert_string_equal(schema,
					"{\"type\":\"object\",\"properties\":{\"x\":{\"type\":"
					"\"integer\"},\"y\":{},\"z\":{},\"list\":{\"type\":"
					"\"array\",\"items\":{}},"
					"\"deep\":{\"anyOf\":[{\"type\":\"object\",\"properties\":{"
					"}},{\"type\":\"null\"}]}}}");
		}
	}
	assert_int_equal(found, 2);
}

static void hundreds_of_tools_are_offered_by_name(void **state)
{
	struct agent_stage *stage = *state;
	offer(stage, PROGRAM("many", "many"));
	stage->replies[0] = FUNCTION("c1", "mcp_tools", "{\\\"query\\\": \\\"apples\\\"}") END;
	stage->replies[1] = FUNCTION("c2", "mcp_call",
			"{\\\"server\\\": \\\"many\\\", \\\"tool\\\": \\\"tool-250\\\", "
			"\\\"arguments\\\": {\\\"a\\\": 1}}") END;
	stage->replies[2] = FUNCTION("c3", "mcp_call",
			"{\\\"server\\\": \\\"many\\\", \\\"tool\\\": \\\"none\\\", "
			"\\\"arguments\\\": {}}") END;
	stage->replies[3] = DONE;
	stage->says_yes = true;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	agent_mcp_assert_request(stage, 0, "\"name\":\"mcp_call\"");
	CUA_AUTO_FREE char *first = agent_mcp_body(stage, 0);
	assert_null(strstr(first, "tool-250"));
	agent_mcp_assert_request(stage, 1, "tool-250: Counts to 250");
	/* Looking up is not asked about; the tool is, by its own name. */
	assert_int_equal(stage->questions, 1);
	assert_string_equal(stage->asked_words, "mcp many: tool-250 {\"a\":1}");
	agent_mcp_assert_events(stage, "\"server_tool\":\"tool-250\"");
	agent_mcp_assert_request(stage, 3, "has no tool");
}

static void what_nobody_approved_is_neither_started_nor_offered(void **state)
{
	struct agent_stage *stage = *state;
	char home[160];
	write_servers(stage, PROGRAM("good", "good"));
	stage->options.mcp = "all";
	stage->replies[0] = RESPONSES("mcp__good__do", "{}");
	stage->replies[1] = DONE;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	agent_mcp_assert_events(stage, "\"type\":\"mcp_trouble\"");
	agent_mcp_assert_events(stage, "cua mcp-servers approve good");
	agent_mcp_assert_request(stage, 1, "there is no function");
	snprintf(home, sizeof(home), "%s/mcp/homes/good", stage->dir);
	assert_int_not_equal(access(home, F_OK), 0);
}

static void a_tool_that_changes_in_the_run_is_not_called(void **state)
{
	struct agent_stage *stage = *state;
	offer(stage, PROGRAM("changes", "changes"));
	stage->replies[0] = FUNCTION("c1", "mcp__changes__do", "{}") END;
	stage->replies[1] = FUNCTION("c2", "mcp__changes__do", "{}") END;
	stage->replies[2] = FUNCTION("c3", "mcp__changes__do", "{}") END;
	stage->replies[3] = DONE;
	agent_mcp_play(stage, AGENT_MCP_ALLOWED);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	agent_mcp_assert_request(stage, 1, "done");
	agent_mcp_assert_request(stage, 2, "nobody has approved it");
	agent_mcp_assert_request(stage, 3, "nobody has approved it");
	agent_mcp_assert_events(stage, "changes wait for approval");
}

static void only_the_servers_that_are_named_are_offered(void **state)
{
	struct agent_stage *stage = *state;
	offer(stage, PROGRAM("good", "good") "," PROGRAM("modern", "modern"));
	stage->options.mcp = "modern";
	stage->replies[0] = DONE;
	agent_stage_play(stage);
	CUA_AUTO_FREE char *first = agent_mcp_body(stage, 0);
	assert_non_null(strstr(first, "mcp__modern__do"));
	assert_null(strstr(first, "mcp__good__do"));
	agent_mcp_assert_events(
			stage, "\"servers\":[{\"name\":\"modern\",\"usable\":true,\"tools\":1}]");
}

static void an_entry_with_a_mistake_costs_its_server_only(void **state)
{
	struct agent_stage *stage = *state;
	struct cua_error why = { 0 };
	offer(stage,
			"\"broken\": {\"url\": \"https://${CUA_TEST_UNSET}/mcp\"}," PROGRAM(
					"good", "good"));
	assert_int_equal(cua_agent_check_mcp("all", &why), CUA_OK);
	assert_int_equal(cua_agent_check_mcp("good", &why), CUA_OK);
	assert_int_equal(cua_agent_check_mcp("good,broken", &why), CUA_ERR_INVAL);
	assert_non_null(strstr(why.msg, "the variable CUA_TEST_UNSET is not set"));
	stage->replies[0] = FUNCTION("c1", "mcp__good__do", "{}") END;
	stage->replies[1] = DONE;
	agent_mcp_play(stage, AGENT_MCP_ALLOWED);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	agent_mcp_assert_request(stage, 1, "{\"type\":\"input_text\",\"text\":\"done\"}");
	agent_mcp_assert_events(stage, "\"type\":\"mcp_trouble\"");
	agent_mcp_assert_events(stage, "the variable CUA_TEST_UNSET is not set");
	agent_mcp_assert_events(stage, "{\"name\":\"broken\",\"usable\":false,\"tools\":0}");
}

/* --- the policy --- */

static void a_server_is_asked_when_the_policy_says_so(void **state)
{
	struct agent_stage *stage = *state;
	struct site site = { 0 };
	offer_site(stage, &site);
	stage->says_yes = true;
	stage->replies[0] = RESPONSES("mcp__web__do", "{\\\"a\\\": \\\"b\\\"}");
	stage->replies[1] = DONE;
	agent_stage_play(stage); /* under the default */
	fake_server_stop(site.fake);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_int_equal(stage->questions, 1);
	assert_string_equal(stage->asked_words, "mcp web: do {\"a\":\"b\"}");
	assert_int_equal(site.calls, 1);
	assert_string_equal(site.asked, "{\"a\":\"b\"}");
	agent_mcp_assert_request(stage, 1, "done over HTTP");
	agent_mcp_assert_events(stage, "\"answer\":\"yes\"");
}

static void a_no_is_told_and_nothing_is_called(void **state)
{
	struct agent_stage *stage = *state;
	struct site site = { 0 };
	offer_site(stage, &site);
	stage->replies[0] = RESPONSES("mcp__web__do", "{}");
	stage->replies[1] = DONE;
	agent_stage_play(stage);
	fake_server_stop(site.fake);
	assert_int_equal(stage->questions, 1);
	assert_int_equal(site.calls, 0);
	agent_mcp_assert_request(stage, 1, "did not allow it");
}

/* It takes the same arguments. */
static void a_no_to_one_server_is_none_to_another(void **state)
{
	struct agent_stage *stage = *state;
	offer(stage, PROGRAM("good", "good") "," PROGRAM("modern", "modern"));
	stage->replies[0] = FUNCTION("c1", "mcp__good__do", "{}") END;
	stage->replies[1] = FUNCTION("c2", "mcp__modern__do", "{}") END;
	stage->replies[2] = FUNCTION("c3", "mcp__good__do", "{}") END;
	stage->replies[3] = DONE;
	agent_stage_play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_int_equal(stage->questions, 2);
	agent_mcp_assert_request(stage, 3, "refused exactly this before");
}

static void what_is_denied_is_not_called(void **state)
{
	struct agent_stage *stage = *state;
	struct site site = { 0 };
	offer_site(stage, &site);
	stage->says_yes = true;
	stage->replies[0] = RESPONSES("mcp__web__do", "{}");
	stage->replies[1] = DONE;
	agent_mcp_play(stage,
			"  - deny: that server\n    when: {server: web, server_tool: 'd*'}\n");
	fake_server_stop(site.fake);
	assert_int_equal(stage->questions, 0);
	assert_int_equal(site.calls, 0);
	agent_mcp_assert_request(stage, 1, "the policy does not allow it");
	agent_mcp_assert_file(stage, "report.html", "web, do");
}

/* --- what goes wrong --- */

static void an_error_of_a_tool_is_told(void **state)
{
	struct agent_stage *stage = *state;
	offer(stage, PROGRAM("refuses", "refuses"));
	stage->replies[0] = RESPONSES("mcp__refuses__do", "{}");
	stage->replies[1] = DONE;
	agent_mcp_play(stage, AGENT_MCP_ALLOWED);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	agent_mcp_assert_request(stage, 1, "[the tool reports an error]\\nthere is no such paper");
	agent_mcp_assert_events(stage, "\"is_error\":true");
}

static void a_server_that_dies_costs_that_call_only(void **state)
{
	struct agent_stage *stage = *state;
	offer(stage, PROGRAM("dies", "dies") "," PROGRAM("good", "good"));
	stage->replies[0] = FUNCTION("c1", "mcp__dies__do", "{}") END;
	stage->replies[1] = FUNCTION("c2", "mcp__good__do", "{}") END;
	stage->replies[2] = FUNCTION("c3", "mcp__dies__do", "{}") END;
	stage->replies[3] = DONE;
	agent_mcp_play(stage, AGENT_MCP_ALLOWED);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	agent_mcp_assert_request(stage, 1, "out of luck");
	agent_mcp_assert_request(stage, 1, "the call may have had its effect");
	agent_mcp_assert_request(stage, 2, "{\"type\":\"input_text\",\"text\":\"done\"}");
	/* It was started again, for that is what it does at its first call. */
	CUA_AUTO_FREE char *events = agent_stage_read(stage, "events.jsonl");
	const char *first = strstr(events, "\"status\":\"uncertain\"");
	assert_non_null(first);
	assert_non_null(strstr(first + 1, "\"message\":\"dies: the server ended; it last said"));
}

static void a_server_that_lies_ends_no_run(void **state)
{
	struct agent_stage *stage = *state;
	offer(stage, PROGRAM("long-line", "long-line") "," PROGRAM("odd-result", "odd-result"));
	stage->replies[0] = FUNCTION("c1", "mcp__long-line__do", "{}") END;
	stage->replies[1] = FUNCTION("c2", "mcp__odd-result__do", "{}") END;
	stage->replies[2] = DONE;
	agent_mcp_play(stage, AGENT_MCP_ALLOWED);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	agent_mcp_assert_request(stage, 1, "a line of over");
	agent_mcp_assert_request(stage, 2, "not known here");
}

static void ctrl_c_ends_a_call(void **state)
{
	struct agent_stage *stage = *state;
	struct site site = { .hangs = true, .cancels = true };
	offer_site(stage, &site);
	stage->replies[0] = RESPONSES("mcp__web__do", "{}");
	const uint64_t begun_us = cua_now_us();
	agent_mcp_play(stage, AGENT_MCP_ALLOWED);
	fake_server_stop(site.fake);
	assert_int_equal(stage->result.outcome, CUA_AGENT_INTERRUPTED);
	assert_int_equal(site.calls, 1);
	assert_true(cua_now_us() - begun_us < 20000000U); /* a call may take 60 s */
	agent_mcp_assert_events(stage, "\"status\":\"uncertain\"");
}

static void a_call_ends_with_the_time_of_the_run(void **state)
{
	struct agent_stage *stage = *state;
	struct site site = { .hangs = true };
	offer_site(stage, &site);
	stage->options.limits.time_s = 2;
	stage->replies[0] = RESPONSES("mcp__web__do", "{}");
	agent_mcp_play(stage, AGENT_MCP_ALLOWED);
	fake_server_stop(site.fake);
	assert_int_equal(stage->result.outcome, CUA_AGENT_LIMIT);
	assert_int_equal(stage->result.limit, AGENT_LIMIT_TIME);
	assert_true(stage->result.ms < 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(a_damaged_picture_does_not_reach_a_model),
		STAGED(an_answer_reaches_a_model_of_responses),
		STAGED(an_answer_reaches_a_model_of_anthropic),
		STAGED(an_answer_reaches_a_model_of_gemini),
		STAGED(an_answer_reaches_a_model_of_chat),
		STAGED(a_form_of_the_newest_revision_is_filled_in),
		STAGED(a_form_of_an_older_revision_is_filled_in),
		STAGED(a_form_can_be_declined),
		STAGED(what_must_be_answered_and_is_not_declines_the_form),
		STAGED(nobody_is_asked_for_a_secret),
		STAGED(nor_for_one_whose_name_is_broken_by_what_nobody_sees),
		STAGED(a_form_ends_with_the_time_of_the_run),
		STAGED(where_nobody_is_there_a_form_is_declined),
		STAGED(progress_is_written_down),
		STAGED(a_flood_of_progress_is_not),
		STAGED(odd_schemas_are_in_the_form_that_models_take),
		STAGED(hundreds_of_tools_are_offered_by_name),
		STAGED(what_nobody_approved_is_neither_started_nor_offered),
		STAGED(a_tool_that_changes_in_the_run_is_not_called),
		STAGED(only_the_servers_that_are_named_are_offered),
		STAGED(an_entry_with_a_mistake_costs_its_server_only),
		STAGED(a_server_is_asked_when_the_policy_says_so),
		STAGED(a_no_is_told_and_nothing_is_called),
		STAGED(a_no_to_one_server_is_none_to_another),
		STAGED(what_is_denied_is_not_called),
		STAGED(an_error_of_a_tool_is_told),
		STAGED(a_server_that_dies_costs_that_call_only),
		STAGED(a_server_that_lies_ends_no_run),
		STAGED(ctrl_c_ends_a_call),
		STAGED(a_call_ends_with_the_time_of_the_run),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
