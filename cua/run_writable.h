#ifndef CUA_RUN_WRITABLE_H
#define CUA_RUN_WRITABLE_H

/* What a run obeys must not lie where its model can write. */

#include "agent/agent.h"
#include "cua/run_options.h"

/**
 * run_check_unwritable() - is this file out of reach for the model of the run?
 * @path:    need not be there; NULL: there is no such file.
 * @resumed: the run that goes on; NULL: none.
 *
 * In its reach are the workspace and the home of the desktop that the run gets, and where links in
 * them lead. Without a sandbox it is all that the user may write, which is not looked at; that the
 * desktop is not there, who opens it tells.
 *
 * Return: CUA_OK; CUA_ERR_INVAL with the reason.
 */
CUA_NODISCARD enum cua_status run_check_unwritable(const char *path,
		const struct run_options *command, const struct cua_agent_resumable *resumed,
		struct cua_error *err);

/* The same of what cua reads for each run without being told to: its folder of configuration, and
 * the files that $CUA_MODELS and $CUA_MCP_SERVERS name. A model that wrote them would choose where
 * keys go, and what runs outside of the sandbox. */
CUA_NODISCARD enum cua_status run_check_own_unwritable(const struct run_options *command,
		const struct cua_agent_resumable *resumed, struct cua_error *err);

#endif
