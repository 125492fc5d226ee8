/* Runs over every model API with the published server-everything: published.sh has written a file
 * with it.
 *
 *   mcp_published_run SERVERS.JSON
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/agent_mcp_stage.h"
#include "tests/agent_turns.h"

static const char *servers_path;

#define NAME(tool) "mcp__everything__" tool
#define CALLS(of) \
	of("c1", NAME("echo"), "{\"message\":\"hello\"}", "{\\\"message\\\":\\\"hello\\\"}"), \
			of("c2", NAME("get-structured-content"), "{\"location\":\"New York\"}", \
					"{\\\"location\\\":\\\"New York\\\"}"), \
			of("c3", NAME("get-tiny-image"), "{}", "{}")
#define OF_RESPONSES(id, name, plain, quoted) FUNCTION(id, name, quoted) END
#define OF_ANTHROPIC(id, name, plain, quoted) START USE("0", id, name, "", plain) STOP("tool_use")
#define OF_GEMINI(id, name, plain, quoted) PARTS(PART(id, name, plain))
#define OF_CHAT(id, name, plain, quoted) \
	MESSAGE("\"tool_calls\":[" TOOL("0", id, name, quoted) "]", "tool_calls")

static const struct {
	const char *api, *turns[4];
} spellings[] = {
	{ "responses", { CALLS(OF_RESPONSES), DONE } },
	{ "anthropic",
			{ CALLS(OF_ANTHROPIC),
					START BLOCK("0",
							"{\"type\":\"text\",\"text\":\"All "
							"done.\"}") STOP("end_turn") } },
	{ "gemini", { CALLS(OF_GEMINI), PARTS("{\"text\":\"All done.\"}") } },
	{ "chat", { CALLS(OF_CHAT), MESSAGE("\"content\":\"All done.\"", "stop") } },
};

static void play(void **state, size_t row)
{
	struct agent_stage *stage = *state;
	/* As root a server is another user, whose home is below. */
	assert_int_equal(chmod(stage->dir, 0711), 0);
	assert_int_equal(setenv("CUA_MCP_SERVERS", servers_path, true), 0);
	agent_mcp_approve_all();
	stage->options.mcp = "everything";
	stage->options.api = spellings[row].api;
	for (int i = 0; i < 4; i++) {
		stage->replies[i] = spellings[row].turns[i];
	}
	agent_mcp_play(stage, AGENT_MCP_ALLOWED);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	agent_mcp_assert_request(stage, 1, "Echo: hello");
	agent_mcp_assert_request(stage, 2, "temperature");
	agent_mcp_assert_request(stage, 3, "FsrLaxebd5wAAAABJRU5ErkJggg=="); /* the image's end */
	agent_mcp_assert_events(stage, "\"has_own_image\":true");
	agent_mcp_assert_file(stage, "report.html", "everything: get-structured-content");
}

static void everything_over_responses(void **state)
{
	play(state, 0);
}

static void everything_over_anthropic(void **state)
{
	play(state, 1);
}

static void everything_over_gemini(void **state)
{
	play(state, 2);
}

static void everything_over_chat(void **state)
{
	play(state, 3);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		STAGED(everything_over_responses),
		STAGED(everything_over_anthropic),
		STAGED(everything_over_gemini),
		STAGED(everything_over_chat),
	};
	signal(SIGPIPE, SIG_IGN);
	if (argc != 2 || setenv("MCP_TEST_GIVEN", "expanded-value", true) != 0) {
		return 2;
	}
	servers_path = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
