#ifndef CUA_AGENT_MCP_LEFTOVERS_H
#define CUA_AGENT_MCP_LEFTOVERS_H

/* What stands beside the sandbox of a server, and would stay behind a process that is killed: it
 * bears the name of the process that made it, and the next one to start a server removes it. */

#include <stdbool.h>
#include <stddef.h>

#define MCP_OWNED_MAX 64

/* A name that nothing else has: of this process, and of now. */
void mcp_owned_name(char name[MCP_OWNED_MAX]);

typedef void (*mcp_leftover_fn)(const char *name, void *user_data);
/* Each name in the folder, behind the prefix, that mcp_owned_name() made for a process that is
 * gone. */
void mcp_each_leftover(
		const char *folder, const char *prefix, mcp_leftover_fn visit, void *user_data);

#endif
