#ifndef CUA_AGENT_MCP_CONTENT_H
#define CUA_AGENT_MCP_CONTENT_H

/* What a tool answered, in what any model API takes: one text, and pictures. */

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "agent/model/model.h"

#define AGENT_MCP_TEXT_MAX ((size_t)64 << 10) /* bytes; the cut is marked */
#define AGENT_MCP_IMAGES_MAX 8

struct agent_mcp_result {
	bool is_error; /* by what the tool says; text says why */
	/* Owned. Without what is no plain text. Links, sounds and pictures of other types are
	 * described in it, and a structured result that no text repeats is in it as JSON. */
	char *text;
	struct agent_image images[AGENT_MCP_IMAGES_MAX]; /* owned; PNG, JPEG, WebP */
	size_t image_count;
};

void agent_mcp_result_finish(struct agent_mcp_result *result);

/* result: of tools/call. CUA_ERR_APP if it has neither content nor a structured result. */
CUA_NODISCARD enum cua_status mcp_content_read(
		const cJSON *result, struct agent_mcp_result *ret_result, struct cua_error *err);
/* A result that is only a text, which is taken for what it is. */
CUA_NODISCARD enum cua_status mcp_content_text(const char *text, bool is_error,
		struct agent_mcp_result *ret_result, struct cua_error *err);

#endif
