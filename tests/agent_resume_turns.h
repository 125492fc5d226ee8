#ifndef CUA_TESTS_AGENT_RESUME_TURNS_H
#define CUA_TESTS_AGENT_RESUME_TURNS_H

/* The same three turns and their end in the spelling of each API: a click beside a function,
 * typing, another click. Their bytes are none that cJSON would print. Each costs 100 tokens of
 * input. */

#include "tests/agent_turns.h"

struct resume_turns {
	const char *api;
	const char *turns[4];
	const char *answered[3]; /* what a request has in it that answers the turn */
};

#define ODD_REASON \
	ITEM("{\"type\":\"reasoning\",\"id\":\"rs\",\"summary\":[{\"type\":\"summary_text\"," \
	     "\"text\":\"I look.\"}],\"encrypted_content\":\"gAAAA\", \"odd\" : 1.50}")

#define THOUGHT \
	BLOCK("0", \
			"{\"type\":\"thinking\",\"thinking\":\"I look.\", " \
			"\"signature\":\"EqQB\\u0041\"," \
			"\"odd\" : 1.50}")

static struct resume_turns resume_turns[] = {
	{ "responses",
			{ ODD_REASON CALL("c1",
					  "{\"type\":\"click\",\"button\":\"left\",\"x\":11,"
					  "\"y\":230}") FUNCTION("f1", "clipboard_get", "{ }") END,
					CALL("c2", "{\"type\":\"type\",\"text\":\"hello\"}") END,
					CALL("c3",
							"{\"type\":\"click\",\"button\":\"left\","
							"\"x\":33,"
							"\"y\":230}") END,
					SAY("All done.") END },
			{ "\"call_id\":\"c1\"", "\"call_id\":\"c2\"", "\"call_id\":\"c3\"" } },
	{ "anthropic",
			{ START THOUGHT USE("1", "c1", "left_click", MEMBER,
					  "{\"coordinate\": [11, 230]}") USE("2", "f1",
					  "clipboard_get", "", "{ }") STOP("tool_use"),
					START USE("0", "c2", "type", MEMBER, "{\"text\":\"hello\"}")
							STOP("tool_use"),
					START USE("0", "c3", "left_click", MEMBER,
							"{\"coordinate\":[33,230]}")
							STOP("tool_use"),
					START BLOCK("0",
							"{\"type\":\"text\",\"text\":\"All "
							"done.\"}") STOP("end_turn") },
			{ "\"tool_use_id\":\"c1\"", "\"tool_use_id\":\"c2\"",
					"\"tool_use_id\":\"c3\"" } },
	{ "gemini",
			{ PARTS(PART("c1", "click", "{\"x\":9,\"y\":288}") "," PART(
					  "f1", "clipboard_get", "{ }")),
					PARTS(PART("c2", "type", "{\"text\":\"hello\"}")),
					PARTS(PART("c3", "click", "{\"x\":26,\"y\":288}")),
					PARTS("{\"text\":\"All done.\"}") },
			{ "\"functionResponse\":{\"id\":\"c1\"",
					"\"functionResponse\":{\"id\":\"c2\"",
					"\"functionResponse\":{\"id\":\"c3\"" } },
	{ "chat",
			{ MESSAGE("\"content\":null,\"reasoning\":\"I "
				  "look.\",\"tool_calls\":[" TOOL("0", "c1", "computer",
						  "{\\\"action\\\": \\\"click\\\",\\\"x\\\":11,"
						  "\\\"y\\\":230}") "," TOOL("1", "f1",
						  "clipboard_get", "{ }") "]",
					  "tool_calls"),
					MESSAGE("\"tool_calls\":[" TOOL("0", "c2", "computer",
								"{\\\"action\\\":\\\"type\\\","
								"\\\"text\\\":"
								"\\\"hello\\\"}") "]",
							"tool_calls"),
					MESSAGE("\"tool_calls\":[" TOOL("0", "c3", "computer",
								"{\\\"action\\\":\\\"click\\\","
								"\\\"x\\\":33,"
								"\\\"y\\\":230}") "]",
							"tool_calls"),
					MESSAGE("\"content\":\"All done.\"", "stop") },
			{ "\"tool_call_id\":\"c1\"", "\"tool_call_id\":\"c2\"",
					"\"tool_call_id\":\"c3\"" } },
};

#endif
