/* What a server of the Model Context Protocol sends: messages, tools and answers. */
#include <sodium.h>
#include <string.h>

#include "agent/mcp/mcp_content.h"
#include "agent/mcp/mcp_message.h"
#include "agent/mcp/mcp_tool.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/contract/utf8.h"
#include "tests/fuzz/fuzz.h"

static void take_tools(const cJSON *list)
{
	struct agent_mcp_tools tools = { 0 };
	const cJSON *tool = NULL;
	size_t given = 0;
	cJSON_ArrayForEach (tool, list) {
		FUZZ_CHECK(mcp_tools_add(&tools, tool, given++ % 2 == 0, NULL) == CUA_OK);
	}
	FUZZ_CHECK(tools.count + tools.dropped == given);
	for (size_t i = 0; i < tools.count; i++) {
		const struct agent_mcp_tool *taken = &tools.list[i];
		char hash[65];
		FUZZ_CHECK(mcp_tools_find(&tools, taken->name) == taken);
		FUZZ_CHECK(mcp_tool_hash(taken->definition, hash) &&
				strcmp(hash, taken->hash) == 0);
		char **headers = mcp_tool_headers(taken, taken->definition);
		for (size_t h = 0; headers[h]; h++) {
			FUZZ_CHECK(!strpbrk(headers[h], "\r\n"));
			free(headers[h]);
		}
		free(headers);
	}
	mcp_tools_finish(&tools);
}

static void on_message(const struct mcp_message *message, void *user_data)
{
	struct agent_mcp_result result;
	char problem[300];
	(void)user_data;
	if (message->kind == MCP_MESSAGE_ERROR) {
		mcp_message_problem(message, problem, sizeof(problem));
		FUZZ_CHECK(!strpbrk(problem, "\r\n"));
		FUZZ_CHECK(cua_utf8_check(problem, strlen(problem), NULL) == CUA_OK);
	}
	if (message->kind == MCP_MESSAGE_REQUEST) {
		free(mcp_message_answer(message->id, NULL));
	}
	if (message->kind != MCP_MESSAGE_RESULT) {
		return;
	}
	take_tools(cua_json_member(message->content, "tools"));
	if (mcp_content_read(message->content, &result, NULL) == CUA_OK) {
		FUZZ_CHECK(strlen(result.text) <= AGENT_MCP_TEXT_MAX);
		FUZZ_CHECK(cua_utf8_check(result.text, strlen(result.text), NULL) == CUA_OK);
		agent_mcp_result_finish(&result);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FUZZ_CHECK(sodium_init() >= 0);
	(void)!mcp_message_read((const char *)data, size, on_message, NULL, NULL);
	return 0;
}
