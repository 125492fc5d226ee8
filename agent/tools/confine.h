#ifndef CUA_AGENT_TOOLS_CONFINE_H
#define CUA_AGENT_TOOLS_CONFINE_H

/* What programs that tools start may open, whatever they are told: Landlock, from here on and for
 * all that is started. */

#include "agent/tools/workspace.h"

/**
 * tool_confine() - this process and its children from now on.
 *
 * They read and write the workspace, folders for what is passing (/tmp, /run, caches), and what
 * some programs cannot do without (confine.c lists it); they read the system and the folders of the
 * home that are not hidden; and they list all. Nothing else of the home: no keys, no browser's
 * profile.
 *
 * Return: CUA_OK; CUA_ERR_UNAVAILABLE if the kernel cannot (before 5.19, or switched off);
 * CUA_ERR_IO.
 */
CUA_NODISCARD enum cua_status tool_confine(
		const struct tool_workspace *workspace, struct cua_error *err);

#endif
