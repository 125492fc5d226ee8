#ifndef CUA_MCP_STDIO_H
#define CUA_MCP_STDIO_H

/* The stdio transport of the Model Context Protocol: a message a line, in and out, and nothing else
 * on the output. Calls of tools have a thread each, so that whoever pings or cancels is heard. */

#include "cua/mcp/serve.h"

/**
 * mcp_stdio_run() - serve one client until it closes its end, or a signal comes.
 * @in_fd, @out_fd: borrowed; blocking.
 * @signal_fd:      of signalfd(2), borrowed: readable: end now.
 *
 * When the input ends, calls that are under way may end within a moment; then they are cancelled.
 * Nothing is pressed on the desktop afterwards.
 *
 * Return: CUA_OK at the end of input; CUA_ERR_CANCELLED after a signal; CUA_ERR_CLOSED if the
 * client reads nothing any more; CUA_ERR_NOMEM; CUA_ERR_IO.
 */
CUA_NODISCARD enum cua_status mcp_stdio_run(struct mcp_serve *serve, int in_fd, int out_fd,
		int signal_fd, struct cua_error *err);

#endif
