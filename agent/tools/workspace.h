#ifndef CUA_AGENT_TOOLS_WORKSPACE_H
#define CUA_AGENT_TOOLS_WORKSPACE_H

/* The folder that tools work in. The kernel resolves every path beneath it (openat2(2) with
 * RESOLVE_BENEATH), so that no link, no "..", no /proc and no race leads out. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "cua/base/buffer.h"
#include "cua/base/error.h"

struct tool_workspace {
	char path[4096];
	int fd; /* of the folder */
};

/* The folder "workspace" in the home directory; made if it is not there. */
CUA_NODISCARD enum cua_status tool_workspace_open(
		struct tool_workspace *workspace, struct cua_error *err);

/**
 * tool_open() - open a file of the workspace.
 * @path:  relative to the workspace, or absolute and in it.
 * @flags: of open(2); O_CLOEXEC is added, and O_NONBLOCK.
 *
 * Return: CUA_OK; CUA_ERR_NOT_FOUND; CUA_ERR_POLICY for what lies elsewhere; CUA_ERR_IO.
 */
CUA_NODISCARD enum cua_status tool_open(const struct tool_workspace *workspace, const char *path,
		int flags, int *ret_fd, struct cua_error *err);

/* The same for reading a regular file, of which *ret_stat tells more. */
CUA_NODISCARD enum cua_status tool_open_file(const struct tool_workspace *workspace,
		const char *path, int *ret_fd, struct stat *ret_stat, struct cua_error *err);

/* A whole regular file of at most buffer's cap. */
CUA_NODISCARD enum cua_status tool_read_whole(const struct tool_workspace *workspace,
		const char *path, struct cua_buffer *buffer, struct cua_error *err);

/**
 * tool_write_whole() - replace a file, or make it with the folders on its way.
 * @ret_backup: whether what was there is kept as PATH~.
 *
 * Readers see the old content or the new one. A file keeps its mode.
 */
CUA_NODISCARD enum cua_status tool_write_whole(const struct tool_workspace *workspace,
		const char *path, const char *data, size_t len, bool *ret_backup,
		struct cua_error *err);

/* The path as a program run in the workspace takes it: relative, and never an option. Fails as
 * tool_open() if it does not exist there; CUA_ERR_INVAL if it is neither a file nor a folder. The
 * caller frees. */
CUA_NODISCARD enum cua_status tool_argument_path(const struct tool_workspace *workspace,
		const char *path, char **ret_path, struct cua_error *err);

#endif
