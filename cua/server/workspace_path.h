#ifndef CUA_SERVER_WORKSPACE_PATH_H
#define CUA_SERVER_WORKSPACE_PATH_H

/* Paths in the folder of a project, in which agents write what they like while we look: every
 * folder of a path is opened from the one above it, no link is followed, and nothing but a file or
 * a folder is opened. Source: openat2(2), RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS. */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "cua/base/error.h"

/* What an upload is kept in until it is complete; no path has such a name, and no list shows it. */
#define WORKSPACE_UPLOAD_PREFIX ".cua-upload-"

#define WORKSPACE_PATH_MAX 1500

/* Where a path leads: the folder that its last name is in. */
struct workspace_place {
	int folder_fd; /* O_PATH */
	char name[NAME_MAX + 1];
};

/* Can a name be part of a path? ret_why: NULL if it does not matter. */
bool workspace_name_is_valid(const char *name, size_t len, const char **ret_why);

/* root_fd: the project's folder. makes: folders of the path that are missing. CUA_ERR_INVAL for a
 * path that is none: absolute, with "..", with names that are empty, too long or not text. */
CUA_NODISCARD enum cua_status workspace_find(int root_fd, const char *path, bool makes,
		struct workspace_place *ret_place, struct cua_error *err);
void workspace_place_finish(struct workspace_place *place);
#define WORKSPACE_AUTO_PLACE __attribute__((cleanup(workspace_place_finish)))

/* The folder that it is; path "": the project's own. */
CUA_NODISCARD enum cua_status workspace_open_folder(
		int root_fd, const char *path, int *ret_fd, struct cua_error *err);
/* mkdir -p */
CUA_NODISCARD enum cua_status workspace_make_folder(
		int root_fd, const char *path, struct cua_error *err);
/* A file; what else is there is not opened, but named in the error. */
CUA_NODISCARD enum cua_status workspace_open_file(const struct workspace_place *place, int flags,
		int *ret_fd, struct stat *ret_info, struct cua_error *err);
/* The error for an errno that came of such a path. */
CUA_NODISCARD enum cua_status workspace_explain(const char *path, int error, struct cua_error *err);

#endif
