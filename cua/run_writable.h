#ifndef CUA_RUN_WRITABLE_H
#define CUA_RUN_WRITABLE_H

/* What a run obeys must not lie where a model can write: the run's own, or that of another. */

#include "agent/agent.h"
#include "cua/run_options.h"

struct run_writable; /* the folders */

/**
 * run_writable_find() - where models can write.
 * @resumed: the run that goes on; NULL: none.
 *
 * These are the workspace and the home of the desktop that the run gets, and of all others that
 * there are; and what MCP servers that the run offers, and a person approved, may change. Without a
 * sandbox it is all that the user may write, which is not looked at; that the desktop is not there,
 * who opens it tells.
 *
 * Return: CUA_OK, release with run_writable_destroy(); CUA_ERR_INVAL for a mistake in
 *         mcpServers.json; CUA_ERR_IO; CUA_ERR_NOMEM.
 */
CUA_NODISCARD enum cua_status run_writable_find(const struct run_options *command,
		const struct cua_agent_resumable *resumed, struct run_writable **ret_writable,
		struct cua_error *err);
void run_writable_destroy(struct run_writable *writable);

/* Is this file out of their reach, and the way there, over whatever links? It need not be there;
 * NULL: there is none. CUA_ERR_INVAL with the reason. */
CUA_NODISCARD enum cua_status run_check_unwritable(
		const struct run_writable *writable, const char *path, struct cua_error *err);

/* The same of what cua reads for each run without being told to, and of what it writes down: its
 * folders of configuration and of state, the files that $CUA_MODELS and $CUA_MCP_SERVERS name, and
 * the folder of runs. A model that wrote there would choose where keys go, what runs outside of the
 * sandbox, and what a run that goes on takes for its past. */
CUA_NODISCARD enum cua_status run_check_own_unwritable(
		const struct run_writable *writable, struct cua_error *err);

#endif
