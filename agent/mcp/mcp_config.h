#ifndef CUA_AGENT_MCP_CONFIG_H
#define CUA_AGENT_MCP_CONFIG_H

/* mcpServers.json: which servers there are, how they are reached, and what they may see.
 * README.md has its members. */

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"

#define AGENT_MCP_NAME_MAX 64
#define AGENT_MCP_SERVERS_MAX 64
#define AGENT_MCP_FOLDERS_MAX 64 /* of a server */

enum agent_mcp_transport {
	AGENT_MCP_STDIO,
	AGENT_MCP_HTTP, /* streamable HTTP */
	AGENT_MCP_SSE,  /* HTTP with a stream of events, of 2024-11-05 */
};

/* A folder, or a file, of this machine that a server sees; see mcp_folders.h. */
struct agent_mcp_folder {
	char *path; /* owned; as it was written, and as the server finds it */
	char *real; /* owned; where that led when the entry was read: no link is in it */
	bool is_writable;
};

/* An entry; its strings are expanded, so they may hold secrets: for the server alone. */
struct agent_mcp_entry {
	char name[AGENT_MCP_NAME_MAX + 1];
	enum agent_mcp_transport transport;
	char **argv; /* owned, NULL-terminated; of stdio */
	char **env;  /* owned, "NAME=value", NULL-terminated; of stdio */
	struct agent_mcp_folder folders[AGENT_MCP_FOLDERS_MAX]; /* of stdio; those that it may
								   change last */
	size_t folder_count;
	bool has_network; /* all of this machine's; of stdio */
	char *allowed;  /* owned; the names of its network, as egress_list_read() makes them; NULL:
			   none; of stdio */
	char *url;      /* owned; of HTTP */
	char **headers; /* owned, "Name: value", NULL-terminated; of HTTP */
	cJSON *written; /* owned; the entry as it was written, without anything expanded */
	/* Why it cannot be used; then nothing else is set but its name. "" after
	 * agent_mcp_config_load(). */
	char problem[512];
};

struct agent_mcp_config {
	struct agent_mcp_entry *entries; /* owned */
	size_t count;
};

/* $CUA_MCP_SERVERS, else mcpServers.json in $XDG_CONFIG_HOME/cua or ~/.config/cua. */
CUA_NODISCARD enum cua_status agent_mcp_config_path(char *path, size_t size, struct cua_error *err);

/**
 * agent_mcp_config_load() - read the servers.
 * @path: NULL: agent_mcp_config_path(), which need not be there.
 * @only: the servers that are wanted, names with commas; NULL: all.
 *
 * ${NAME} and ${NAME:-default} are replaced by the variable of the environment, once, in command,
 * args, env, url and headers; $${ is ${ as it stands. A variable without default that is not set
 * is an error. Errors name file and member, and never a value.
 *
 * Return: CUA_OK; CUA_ERR_INVAL; CUA_ERR_NOT_FOUND if there is no such file, or none of these
 *         servers.
 */
CUA_NODISCARD enum cua_status agent_mcp_config_load(const char *path, const char *only,
		struct agent_mcp_config *ret_config, struct cua_error *err);
/* The same, but that an entry with a mistake has a problem, and takes no other with it. */
CUA_NODISCARD enum cua_status agent_mcp_config_load_usable(const char *path, const char *only,
		struct agent_mcp_config *ret_config, struct cua_error *err);
void agent_mcp_config_finish(struct agent_mcp_config *config);

/* "none", "allow", "open". Who is reached over HTTP is out there already. */
const char *agent_mcp_network_name(const struct agent_mcp_entry *entry);

/* May a server have this name? Letters, digits, and _-. inside. */
CUA_NODISCARD enum cua_status agent_mcp_check_name(const char *name, struct cua_error *err);
/* Is this an entry that agent_mcp_config_load() takes, variables apart? */
CUA_NODISCARD enum cua_status agent_mcp_check_entry(
		const char *name, const cJSON *entry, struct cua_error *err);

/* Adds or replaces an entry, which is taken; with NULL removes it. What else is in the file stays.
 * CUA_ERR_NOT_FOUND if there is none to remove; CUA_ERR_EXISTS if one is there and replace is
 * false. */
CUA_NODISCARD enum cua_status agent_mcp_config_change(const char *path, const char *name,
		cJSON *entry, bool replace, struct cua_error *err);

#endif
