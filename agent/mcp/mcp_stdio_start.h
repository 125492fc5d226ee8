#ifndef CUA_AGENT_MCP_STDIO_START_H
#define CUA_AGENT_MCP_STDIO_START_H

#include "agent/mcp/mcp_bounds.h"
#include "agent/mcp/mcp_egress.h"
#include "agent/mcp/mcp_transport.h"
#include "cua/base/sandbox.h"

/* A server's processes, and what stands beside its sandbox. */
struct mcp_stdio_process {
	struct cua_sandbox sandbox;
	struct mcp_egress egress;
	struct mcp_bounds bounds;
};

/* fds: what it gets as stdin, stdout and stderr. As cua_sandbox_start(). */
CUA_NODISCARD enum cua_status mcp_stdio_start(const struct mcp_transport_config *config,
		const int fds[3], struct mcp_stdio_process *ret_process, struct cua_error *err);
/* When the processes in the sandbox have ended: the rest. Nothing for one that is all zero. */
void mcp_stdio_clean_up(struct mcp_stdio_process *process);

#endif
