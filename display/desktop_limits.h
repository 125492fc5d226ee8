#ifndef CUA_DISPLAY_DESKTOP_LIMITS_H
#define CUA_DISPLAY_DESKTOP_LIMITS_H

/* The limits of a desktop: how they are held, and what was reached.
 *
 * A control group holds memory, processes and processor time of all that runs on it; two groups
 * below it are for the applications and for the tools of models, which get half of it. Where there
 * are no control groups, resource limits hold what they can, and the record says what that is not.
 */

#include <cjson/cJSON.h>

#include "cua/base/cgroup.h"
#include "cua/base/error.h"
#include "cua/base/process.h"
#include "display/desktop_record.h"

#define DESKTOP_RLIMITS_MAX 4

/* What a desktop's first process is started with. */
struct desktop_bounds {
	int group_fds[CUA_CGROUP_KINDS];
	int group_fd_count;
	struct cua_rlimit rlimits[DESKTOP_RLIMITS_MAX];
	int rlimit_count;
	int64_t scratch_bytes;  /* as in struct cua_sandbox_spec */
	int64_t x_server_bytes; /* what the X server may hold for its clients; 0: no bound */
	int processes;          /* for the session to bound itself to; 0: a group does */
};

/* Where its group is to be, into the record; to be written down before desktop_limits_make(). */
void desktop_limits_plan(struct desktop_record *record);
/* Makes the groups; where that fails, the record says why, and that other limits hold. */
void desktop_limits_make(struct desktop_record *record);
/* The home has no disk of its own; why: "" where that cannot be. */
void desktop_limits_note_disk(struct desktop_record *record, const char *why);
struct desktop_bounds desktop_limits_open(const struct desktop_record *record);
void desktop_limits_close(struct desktop_bounds *bounds);
/* Ends what is left in them. */
CUA_NODISCARD enum cua_status desktop_limits_remove(
		const struct desktop_record *record, struct cua_error *err);

/* For programs that tools start: as cua_cgroup_open(). None where there is no group. */
CUA_NODISCARD enum cua_status desktop_limits_open_tools(const struct desktop_record *record,
		int ret_fds[CUA_CGROUP_KINDS], int *ret_count, struct cua_error *err);

/* Kills what tools have started, where there is a group. */
void desktop_limits_kill_tools(const struct desktop_record *record);

/* Limits, use, and what was reached, as /v1/desktop and cua desktop list have it. */
cJSON *desktop_limits_describe(const struct desktop_record *record);

/* How often what was reached: for finding out what a call of a tool ran into. */
struct desktop_reached {
	int64_t tools_kills, refused;
	bool disk_full; /* now */
	bool tools_memory_full,
			tools_processes_full; /* at some time their own limits were reached */
};

void desktop_limits_read(const struct desktop_record *record, struct desktop_reached *ret_reached);
/* Words about what was reached since; "" if nothing was. told: what the tools' runner says of that,
 * as in agent/tools/limits.h, or NULL; it is noted for desktop_limits_describe(). */
void desktop_limits_explain(const struct desktop_record *record,
		const struct desktop_reached *before, const cJSON *told, char *text, size_t size);

#endif
