#ifndef CUA_AGENT_TOOLS_WORLD_H
#define CUA_AGENT_TOOLS_WORLD_H

/* What the tools of one runner share. */

#include "agent/tools/desktop_link.h"
#include "agent/tools/worker.h"
#include "agent/tools/workspace.h"
#include "cua/base/unix_socket.h"

struct tool_world {
	struct tool_workspace workspace;
	struct tool_worker shell, python;
	struct tool_link link;
	/* For cua_spawn(): of the control groups that bound what tools start. */
	int group_fds[CUA_UNIX_FDS_MAX], group_fd_count;
	bool has_network;  /* the desktop, for the call under way */
	bool is_cancelled; /* the call under way */
	bool is_over;      /* the host has hung up */
};

#endif
