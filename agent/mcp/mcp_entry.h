#ifndef CUA_AGENT_MCP_ENTRY_H
#define CUA_AGENT_MCP_ENTRY_H

/* One entry of mcpServers.json; for mcp_config.c, which has the file. */

#include "agent/mcp/mcp_config.h"

/**
 * mcp_entry_read() - read an entry, whose name is that of the member.
 * @expands:    else a variable is taken as it stands.
 * @entry:      all zero; to be finished also on failure.
 * @ret_member: set in any case: the member that is to blame, or NULL.
 *
 * Return: CUA_OK; CUA_ERR_INVAL with a reason that holds no value.
 */
CUA_NODISCARD enum cua_status mcp_entry_read(const cJSON *json, bool expands,
		struct agent_mcp_entry *entry, const char **ret_member, struct cua_error *err);
/* Nothing for one that is all zero, which it then is. */
void mcp_entry_finish(struct agent_mcp_entry *entry);

#endif
