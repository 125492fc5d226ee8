#ifndef CUA_AGENT_MCP_FOLDERS_H
#define CUA_AGENT_MCP_FOLDERS_H

/* The folders of this machine that a server of stdio sees.
 *
 * Who may write where a folder lies can put a link in its place, and would choose what the server
 * gets: a desktop's workspace is such a place. So where each path leads is found out when the entry
 * is read, a person approves that, and it is opened without following any link; what is bound is
 * the descriptor, never again the name. */

#include "agent/mcp/mcp_config.h"

/* Adds the folders of "read" or "write"; list may be NULL. None is expanded: a person can read it
 * and hold it against the folder. CUA_ERR_INVAL for one that has or is what cua keeps: a server
 * that sees that could read keys, and one that may change it, approve itself. */
CUA_NODISCARD enum cua_status mcp_folders_read(struct agent_mcp_entry *entry, const cJSON *list,
		bool is_writable, struct cua_error *err);
void mcp_folders_finish(struct agent_mcp_entry *entry);

/**
 * mcp_folders_open() - a descriptor for each of entry->folders.
 * @ret_fds: AGENT_MCP_FOLDERS_MAX; the caller closes them.
 *
 * Return: CUA_OK; CUA_ERR_INVAL if a link stands in the way, CUA_ERR_NOT_FOUND or CUA_ERR_IO, with
 *         nothing open.
 * Source: openat2(2), RESOLVE_NO_SYMLINKS.
 */
CUA_NODISCARD enum cua_status mcp_folders_open(
		const struct agent_mcp_entry *entry, int *ret_fds, struct cua_error *err);
void mcp_folders_close(int *fds, size_t count);

/* {"PATH": "where it leads"} of those that lead elsewhere; NULL if none does. */
cJSON *mcp_folders_led_elsewhere(const struct agent_mcp_entry *entry);

#endif
