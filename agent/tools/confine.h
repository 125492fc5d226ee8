#ifndef CUA_AGENT_TOOLS_CONFINE_H
#define CUA_AGENT_TOOLS_CONFINE_H

/* What programs that tools start may open, whatever they are told: Landlock, from here on and for
 * all that is started. */

#include "agent/tools/workspace.h"

/* In the home. */
#define TOOL_CACHE ".cache/cua-tools"

/**
 * tool_confine() - this process and its children from now on.
 *
 * They read and write the workspace, folders for what is passing (/tmp and the like), and a folder
 * of caches of their own; they read the system and what is not hidden in the home by now; and they
 * list all. Nothing else of the home: no keys, no browser's profile, nothing that other programs
 * run or obey.
 *
 * Return: CUA_OK; CUA_ERR_UNAVAILABLE if the kernel cannot (before 5.19, or switched off);
 *         CUA_ERR_IO.
 */
CUA_NODISCARD enum cua_status tool_confine(
		const struct tool_workspace *workspace, struct cua_error *err);

#endif
