#ifndef CUA_AGENT_POLICY_PATH_H
#define CUA_AGENT_POLICY_PATH_H

/* Paths as text: what "." and ".." come to. Links are not known here; the tools that open files see
 * to those. */

#include <stdbool.h>

#define AGENT_PATH_MAX 4096

/* The absolute path that a path means in the workspace, without ".", ".." and doubled slashes.
 * "~" is somebody's home and not in the workspace. False for "", a relative one without a workspace
 * (NULL), and one that is too long. */
bool agent_path_resolve(const char *workspace, const char *path, char whole[AGENT_PATH_MAX]);
/* Is it the folder, or in it? Both as above. */
bool agent_path_is_under(const char *whole, const char *folder);

#endif
