#ifndef CUA_AGENT_MCP_TOOL_H
#define CUA_AGENT_MCP_TOOL_H

/* Tools as a server describes them: what is taken, and what identifies a description. */

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"

#define AGENT_MCP_TOOLS_MAX 2000
#define AGENT_MCP_TOOLS_BYTES_MAX ((size_t)8 << 20) /* of all definitions as JSON */
#define AGENT_MCP_TOOL_NAME_MAX 128

struct agent_mcp_tool {
	char *name;        /* owned */
	cJSON *definition; /* owned; name, title, description, inputSchema, outputSchema,
			      annotations: what a model or a rule may go by */
	char hash[65];     /* BLAKE2b-256 of the definition with its members in order, in hex */
	bool is_approved;
};

struct agent_mcp_tools {
	struct agent_mcp_tool *list; /* owned */
	size_t count, capacity;
	size_t bytes;      /* of all definitions as JSON */
	size_t dropped;    /* that were not taken */
	char problem[200]; /* why not the first of those */
};

void mcp_tools_finish(struct agent_mcp_tools *tools);

/* Adds one as tools/list has it, without what is no plain text in its title and description. One
 * that cannot be taken is counted: a name that is none or is there already, no schema of an object,
 * a schema over 256 KiB or deeper than 32, and for HTTP an x-mcp-header where none may be. No $ref
 * is ever followed. CUA_ERR_NOMEM; CUA_ERR_TOO_LARGE past AGENT_MCP_TOOLS_MAX
 * or AGENT_MCP_TOOLS_BYTES_MAX. */
CUA_NODISCARD enum cua_status mcp_tools_add(struct agent_mcp_tools *tools, const cJSON *tool,
		bool is_http, struct cua_error *err);
const struct agent_mcp_tool *mcp_tools_find(const struct agent_mcp_tools *tools, const char *name);

/* The lines of the Mcp-Param headers of a call, owned, NULL-terminated: of the arguments that the
 * tool's schema marks with x-mcp-header and that are there. NULL when memory runs out. */
char **mcp_tool_headers(const struct agent_mcp_tool *tool, const cJSON *arguments);

/* BLAKE2b-256 of the JSON with its members in order, in hex; false when memory runs out. */
bool mcp_tool_hash(const cJSON *json, char hash[65]);

#endif
