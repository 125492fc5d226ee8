#ifndef CUA_MCP_SERVERS_H
#define CUA_MCP_SERVERS_H

/* What cua mcp-servers makes of its options, and how it shows an entry of mcpServers.json. */

#include <stdbool.h>
#include <stddef.h>

#include "agent/mcp/mcp_config.h"

#define MCP_SERVERS_LIST_MAX 64

struct mcp_servers_options {
	bool json, help, yes, replace, sse;
	const char *network; /* NULL: not given */
	const char *seen;    /* the hash of the changes that were seen; NULL: not given */
	const char *env[MCP_SERVERS_LIST_MAX], *read[MCP_SERVERS_LIST_MAX],
			*write[MCP_SERVERS_LIST_MAX], *headers[MCP_SERVERS_LIST_MAX];
	size_t env_count, read_count, write_count, header_count;
	char **names; /* NULL-terminated; behind the name of the sub-command */
	size_t name_count;
};

/* Says what is wrong; the exit status that goes with it. */
int mcp_servers_fail(const struct cua_error *why);

/* The entry that add is to write, which the caller owns; NULL, and it was said what is wrong. */
cJSON *mcp_servers_make_entry(const struct mcp_servers_options *options);

/* On a line, as it is written: nothing expanded is shown. */
void mcp_servers_print_entry(const struct agent_mcp_entry *entry);
/* The member of an entry, in the words of cua desktop network; NULL: there is none. */
void mcp_servers_print_network(const cJSON *network);
const char *mcp_servers_transport(const struct agent_mcp_entry *entry);

#endif
