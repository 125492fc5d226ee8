#ifndef CUA_AGENT_MCP_CLIENT_INTERNAL_H
#define CUA_AGENT_MCP_CLIENT_INTERNAL_H

/* What the files of the client share: mcp_client.c has servers and calls, mcp_functions.c what a
 * model sees of them. */

#include "agent/mcp/mcp_client.h"

struct mcp_member {
	struct agent_mcp_server *server;
	const struct agent_mcp_entry *entry;
	struct agent_mcp_tools *tools; /* the server's; NULL while it cannot be used */
};

struct agent_mcp {
	struct agent_mcp_config config;
	struct agent_mcp_options options;
	struct mcp_member *members; /* owned */
	size_t count;
	cJSON *schemas; /* owned; of mcp_tools and mcp_call, by name */
};

/* An approved tool by its place among all of them; NULL behind the last. */
const struct agent_mcp_tool *mcp_nth(
		const struct agent_mcp *mcp, size_t index, const struct mcp_member **ret_member);
/* mcp__SERVER__TOOL, in the letters that all model APIs take, and no longer than they take; of this
 * tool alone. */
void mcp_function_name(const char *server, const char *tool, char name[65]);
bool mcp_is_direct(const struct agent_mcp *mcp);
/* The functions that are ours. */
CUA_NODISCARD enum cua_status mcp_make_schemas(struct agent_mcp *mcp, struct cua_error *err);
/* The answer to mcp_tools. */
CUA_NODISCARD enum cua_status mcp_describe(const struct agent_mcp *mcp, const cJSON *arguments,
		struct agent_mcp_result *ret_result, struct cua_error *err);

#endif
