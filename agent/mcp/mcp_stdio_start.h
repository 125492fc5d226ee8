#ifndef CUA_AGENT_MCP_STDIO_START_H
#define CUA_AGENT_MCP_STDIO_START_H

#include "agent/mcp/mcp_config.h"
#include "cua/base/sandbox.h"

/* fds: what it gets as stdin, stdout and stderr. As cua_sandbox_start(). */
CUA_NODISCARD enum cua_status mcp_stdio_start(const struct agent_mcp_entry *entry, const int fds[3],
		struct cua_sandbox *ret_sandbox, struct cua_error *err);

#endif
