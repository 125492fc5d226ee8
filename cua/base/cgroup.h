#ifndef CUA_BASE_CGROUP_H
#define CUA_BASE_CGROUP_H

/* Control groups, of version 2, of version 1 or of both at once (hybrid): a group of processes with
 * bounds that the kernel keeps. Each kind of bound may live in another hierarchy.
 *
 * Sources: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/ of Linux. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cua/base/error.h"

enum cua_cgroup_kind {
	CUA_CGROUP_MEMORY,
	CUA_CGROUP_PIDS,
	CUA_CGROUP_CPU,
	CUA_CGROUP_KINDS,
};

#define CUA_CGROUP_DIR_MAX 512
/* What every group of ours is called begins with this; no other is touched. */
#define CUA_CGROUP_PREFIX "cua-"

/* A folder for each kind, "" where there is none; in version 2 the same for all. */
struct cua_cgroup {
	char dirs[CUA_CGROUP_KINDS][CUA_CGROUP_DIR_MAX];
};

/* 0 and less: no bound. */
struct cua_cgroup_limits {
	int64_t memory_bytes; /* with swap */
	int64_t tasks;        /* processes and threads */
	double cpus;          /* so many processors' time */
};

/* -1: not known. */
struct cua_cgroup_use {
	int64_t memory_bytes, memory_peak_bytes;
	int64_t kills; /* processes that were killed for want of memory */
	int64_t tasks, tasks_peak;
	int64_t refused; /* how often a process or thread was not started */
	int64_t throttled_us;
};

/**
 * cua_cgroup_find() - where this process may make groups.
 * @proc: "/proc/self", or a folder with files "mountinfo" and "cgroup" like there.
 *
 * Version 1: below the groups that it is in. Version 2: below the nearest one above it that
 * bounds most, can be written to, and has no processes of its own in the way.
 *
 * Return: CUA_OK if there is a place for memory or for processes; CUA_ERR_UNAVAILABLE with the
 *         reason.
 */
CUA_NODISCARD enum cua_status cua_cgroup_find(
		const char *proc, struct cua_cgroup *ret_parent, struct cua_error *err);

/* "v1", "v2", "v1 and v2", "none": of which version the folders are. */
const char *cua_cgroup_version(const struct cua_cgroup *group);

/* The group of this name below another; it need not be there. */
struct cua_cgroup cua_cgroup_below(const struct cua_cgroup *parent, const char *name);
bool cua_cgroup_exists(const struct cua_cgroup *group);
/* Makes the folders. Nothing is left of a failure. */
CUA_NODISCARD enum cua_status cua_cgroup_make(const struct cua_cgroup *parent,
		const struct cua_cgroup *group, struct cua_error *err);
CUA_NODISCARD enum cua_status cua_cgroup_limit(const struct cua_cgroup *group,
		const struct cua_cgroup_limits *limits, struct cua_error *err);
/* Kills every process in it, of ours alone; in version 1 within a second, or not all. */
void cua_cgroup_kill(const struct cua_cgroup *group);
/* Ends every process in it and removes it, if it is one of ours. CUA_ERR_TIMEOUT if one does not
 * end. Groups below it must be gone. */
CUA_NODISCARD enum cua_status cua_cgroup_remove(
		const struct cua_cgroup *group, struct cua_error *err);

/* For cua_spawn(): descriptors that a process writes "0" to in order to be in the group. Returns
 * how many; the caller closes them. */
int cua_cgroup_open(const struct cua_cgroup *group, int ret_fds[CUA_CGROUP_KINDS]);

void cua_cgroup_read(const struct cua_cgroup *group, struct cua_cgroup_use *ret_use);

#endif
