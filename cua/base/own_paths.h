#ifndef CUA_BASE_OWN_PATHS_H
#define CUA_BASE_OWN_PATHS_H

/* What cua keeps, and nobody that it keeps in a sandbox may see or change: desktops, runs and keys;
 * policies, secrets and approvals. */

#include <stdbool.h>
#include <stddef.h>

#include "cua/base/error.h"

/* The folder itself, or one above the path. Both without links. */
bool cua_path_contains(const char *folder, const char *path);

/**
 * cua_path_resolve() - where a path leads, of which the end need not be there yet.
 * @ret_path: size bytes; links are followed, also those that lead to nothing.
 *
 * Return: CUA_OK; CUA_ERR_INVAL if it is too long or leads over too many links.
 */
CUA_NODISCARD enum cua_status cua_path_resolve(
		const char *path, char *ret_path, size_t size, struct cua_error *err);

/* Does the path end in the folder, or lead over a link in it? Then who may write there says where
 * it leads. CUA_ERR_INVAL as of cua_path_resolve(). */
CUA_NODISCARD enum cua_status cua_path_leads_through(
		const char *path, const char *folder, bool *ret_leads, struct cua_error *err);

/* Is it in a folder of a server's projects? They are in its state, and there to be worked in. */
bool cua_path_is_project(const char *path);

/**
 * cua_check_not_own() - is this nothing that cua keeps?
 * @path:    may lead over links.
 * @changes: it is to be handed out for writing: then cua's programs count, too, and their folder.
 *
 * What cua keeps is its folders of state, of sockets and of configuration, and what $CUA_POLICY,
 * $CUA_MODELS, $CUA_MCP_SERVERS, $CUA_TEMPLATES and $CUA_RUNS_DIR name, whether it is there yet or
 * not. A path is refused that contains it or is in it; but the folders of a server's projects, in
 * projects/ of its state, are made to be handed out.
 *
 * Return: CUA_OK; CUA_ERR_INVAL with the reason.
 */
CUA_NODISCARD enum cua_status cua_check_not_own(
		const char *path, bool changes, struct cua_error *err);

#endif
