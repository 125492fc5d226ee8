#include "cua/server/workspace.h"

#include <stdio.h>

#include "cua/base/file.h"
#include "cua/server/server.h"

enum cua_status workspace_of_project(struct server *server, const char *project, char *path,
		size_t size, struct cua_error *err)
{
	if (snprintf(path, size, "%s/projects/%s/workspace", server->state_dir, project) >=
			(int)size) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"the path of the state folder is too long");
	}
	return cua_make_dirs(path, 0700, err);
}
