#ifndef CUA_TESTS_AGENT_TURNS_H
#define CUA_TESTS_AGENT_TURNS_H

/* Turns of a model in the spelling of each API; those of Responses are in agent_stage.h. Each costs
 * 100 tokens of input. */

#include "tests/agent_stage.h"

/* Anthropic */
#define START \
	EVENT("message_start", \
			"\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":100," \
			"\"output_tokens\":10}}")
#define BLOCK(index, block) \
	EVENT("content_block_start", "\"index\":" index ",\"content_block\":" block) \
	EVENT("content_block_stop", "\"index\":" index)
#define USE(index, id, name, mark, input) \
	BLOCK(index, \
			"{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" name "\"" mark \
			",\"input\":" input "}")
#define MEMBER ",\"toolset_name\":\"computer\""
#define STOP(reason) \
	EVENT("message_delta", "\"delta\":{\"stop_reason\":\"" reason "\"}") \
	EVENT("message_stop", "\"x\":0")

/* Gemini */
#define PARTS(parts) \
	"data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[" parts "]}," \
	"\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":100," \
	"\"candidatesTokenCount\":10}}\n\n"
#define PART(id, name, args) \
	"{\"functionCall\":{\"id\":\"" id "\",\"name\":\"" name "\", \"args\":" args "}," \
	"\"thoughtSignature\":\"CiQB\\u0041\", \"odd\" : 1.50}"

/* Chat Completions */
#define MESSAGE(delta, reason) \
	"data: {\"choices\":[{\"index\":0,\"delta\":{" delta "},\"finish_reason\":\"" reason \
	"\"}],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":10}}\n\ndata: [DONE]\n\n"
#define TOOL(index, id, name, arguments) \
	"{\"index\":" index ",\"id\":\"" id \
	"\",\"type\":\"function\",\"function\":{\"name\":\"" name "\",\"arguments\":\"" arguments \
	"\"}}"

#endif
