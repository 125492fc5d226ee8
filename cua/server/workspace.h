#ifndef CUA_SERVER_WORKSPACE_H
#define CUA_SERVER_WORKSPACE_H

/* The folder of a project: what its runs work in, and what its file routes show. */

#include <stddef.h>

#include "cua/base/error.h"

struct server;

/* Its path; the folder is made. */
CUA_NODISCARD enum cua_status workspace_of_project(struct server *server, const char *project,
		char *path, size_t size, struct cua_error *err);

#endif
