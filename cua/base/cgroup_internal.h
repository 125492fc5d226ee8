#ifndef CUA_BASE_CGROUP_INTERNAL_H
#define CUA_BASE_CGROUP_INTERNAL_H

/* Between cgroup.c (groups) and cgroup_find.c (where they can be made). */

#include <stdbool.h>

#include "cua/base/buffer.h"

#define CGROUP_FILE_MAX ((size_t)1 << 20)

/* A file of the kernel's in a folder; false if there is none, or nothing in it. */
bool cgroup_read_file(const char *dir, const char *name, struct cua_buffer *text);

#endif
