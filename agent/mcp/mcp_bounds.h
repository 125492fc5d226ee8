#ifndef CUA_AGENT_MCP_BOUNDS_H
#define CUA_AGENT_MCP_BOUNDS_H

/* What a server of stdio may take: memory and processes of all that it starts, by a control group
 * of its own. Where none can be made, resource limits hold each process, and nobody is told what
 * was reached. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cua/base/cgroup.h"
#include "cua/base/process.h"

#define MCP_RLIMITS_MAX 3

struct mcp_bounds {
	int64_t memory_bytes, tasks;
	struct cua_cgroup group; /* folders "": there is none */
	int group_fds[CUA_CGROUP_KINDS];
	int group_fd_count;
	struct cua_rlimit rlimits[MCP_RLIMITS_MAX];
	int rlimit_count;
	int64_t kills, refused; /* that were told */
};

/* uid: of the server, outside; (uid_t)-1: that of the caller, who has other processes. */
void mcp_bounds_make(struct mcp_bounds *bounds, int64_t memory_bytes, int64_t tasks, uid_t uid);
/* The server has been started, or never will be. */
void mcp_bounds_let_go(struct mcp_bounds *bounds);
/* Ends what is left in the group. Nothing for bounds that are all zero. */
void mcp_bounds_remove(struct mcp_bounds *bounds);

/* What was reached since it was last told, in words; false if nothing was. */
bool mcp_bounds_explain(struct mcp_bounds *bounds, char *text, size_t size);

#endif
