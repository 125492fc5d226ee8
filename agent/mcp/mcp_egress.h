#ifndef CUA_AGENT_MCP_EGRESS_H
#define CUA_AGENT_MCP_EGRESS_H

/* The network of a server that has one of some names: an egress proxy of its own
 * (cua/egress/README.md). */

#include <sys/types.h>

#include "agent/mcp/mcp_config.h"
#include "cua/base/paths.h"

struct mcp_egress {
	pid_t pid;                 /* of the proxy; 0: none */
	char folder[CUA_PATH_MAX]; /* for CUA_SANDBOX_EGRESS_DIR */
	int life_fd;               /* for the relay; -1: closed here */
};

/**
 * mcp_egress_start() - a proxy for this server, which serves.
 * @entry: it has a network of some names.
 * @uid:   of the server, outside.
 *
 * It ends with the relay, or with mcp_egress_end().
 *
 * Return: CUA_OK; CUA_ERR_NOT_FOUND without the program; CUA_ERR_UNAVAILABLE; CUA_ERR_IO.
 */
CUA_NODISCARD enum cua_status mcp_egress_start(const struct agent_mcp_entry *entry, uid_t uid,
		struct mcp_egress *ret_egress, struct cua_error *err);
/* The relay has its end of the pipe, or never will. */
void mcp_egress_let_go(struct mcp_egress *egress);
/* Nothing for one that is all zero. */
void mcp_egress_end(struct mcp_egress *egress);

/* Where the decisions about a server are: a line of JSON each; older ones in the same with
 * EGRESS_LOG_OLD behind its name. The files need not be there. */
CUA_NODISCARD enum cua_status agent_mcp_egress_log(
		const char *name, char *path, size_t size, struct cua_error *err);

#endif
