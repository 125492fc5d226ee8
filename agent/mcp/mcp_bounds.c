#include "agent/mcp/mcp_bounds.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/mcp/mcp_leftovers.h"
#define CUA_LOG_MODULE "mcp.bounds"
#include "cua/base/log.h"
#include "cua/base/util.h"

#define FILES_MAX 4096
#define PREFIX CUA_CGROUP_PREFIX "mcp-"
/* The kernel takes memory in larger pieces than it counts. */
#define MEMORY_SLACK ((int64_t)1 << 20)

/* --- the group --- */

static void remove_leftover(const char *name, void *user_data)
{
	const struct cua_cgroup group = cua_cgroup_below(user_data, name);
	(void)!cua_cgroup_remove(&group, NULL);
}

static enum cua_status make_group(struct mcp_bounds *bounds, struct cua_error *err)
{
	struct cua_cgroup parent;
	char owned[MCP_OWNED_MAX], name[MCP_OWNED_MAX + sizeof(PREFIX)];
	const struct cua_cgroup_limits limits = { bounds->memory_bytes, bounds->tasks, 0 };
	enum cua_status status = cua_cgroup_find("/proc/self", &parent, err);
	if (status != CUA_OK) {
		return status;
	}
	for (int kind = 0; kind < CUA_CGROUP_KINDS; kind++) {
		mcp_each_leftover(parent.dirs[kind], PREFIX, remove_leftover, &parent);
	}
	mcp_owned_name(owned);
	snprintf(name, sizeof(name), PREFIX "%s", owned);
	const struct cua_cgroup group = cua_cgroup_below(&parent, name);
	status = cua_cgroup_make(&parent, &group, err);
	if (status != CUA_OK) {
		return status;
	}
	status = cua_cgroup_limit(&group, &limits, err);
	if (status != CUA_OK) {
		(void)!cua_cgroup_remove(&group, NULL);
		return status;
	}
	bounds->group = group;
	return CUA_OK;
}

static bool has(const struct mcp_bounds *bounds, enum cua_cgroup_kind kind)
{
	return bounds->group.dirs[kind][0] != '\0';
}

/* --- both --- */

static void add_rlimit(struct mcp_bounds *bounds, int resource, int64_t value)
{
	bounds->rlimits[bounds->rlimit_count++] = (struct cua_rlimit){ resource, (uint64_t)value };
}

void mcp_bounds_make(struct mcp_bounds *bounds, int64_t memory_bytes, int64_t tasks, uid_t uid)
{
	struct cua_error why = { 0 };
	*bounds = (struct mcp_bounds){ .memory_bytes = memory_bytes, .tasks = tasks };
	if (make_group(bounds, &why) == CUA_OK) {
		bounds->group_fd_count = cua_cgroup_open(&bounds->group, bounds->group_fds);
	} else {
		cua_log_debug("resource limits in place of a control group: %s", why.msg);
	}
	add_rlimit(bounds, RLIMIT_NOFILE, FILES_MAX);
	/* Memory is what a process may write to: Node reserves far more addresses than that. */
	if (!has(bounds, CUA_CGROUP_MEMORY)) {
		add_rlimit(bounds, RLIMIT_DATA, memory_bytes);
	}
	if (!has(bounds, CUA_CGROUP_PIDS) && uid != (uid_t)-1) { /* they are counted by user */
		add_rlimit(bounds, RLIMIT_NPROC, tasks);
	}
}

void mcp_bounds_let_go(struct mcp_bounds *bounds)
{
	while (bounds->group_fd_count > 0) {
		close(bounds->group_fds[--bounds->group_fd_count]);
	}
}

void mcp_bounds_remove(struct mcp_bounds *bounds)
{
	struct cua_error why = { 0 };
	mcp_bounds_let_go(bounds);
	if (cua_cgroup_remove(&bounds->group, &why) != CUA_OK) { /* the next start tries again */
		cua_log_debug("%s", why.msg);
	}
}

bool mcp_bounds_explain(struct mcp_bounds *bounds, char *text, size_t size)
{
	struct cua_cgroup_use use;
	size_t len = 0;
	cua_cgroup_read(&bounds->group, &use);
	const int64_t kills = use.kills - bounds->kills, refused = use.refused - bounds->refused;
	text[0] = '\0';
	if (kills > 0) {
		char limit[64];
		snprintf(limit, sizeof(limit), "limit of memory, %lld MiB,",
				(long long)(bounds->memory_bytes >> 20));
		const bool is_own = use.memory_peak_bytes >= bounds->memory_bytes - MEMORY_SLACK;
		len = (size_t)snprintf(text, size, "%s was reached: %lld process%s killed",
				is_own ? limit : "share of this machine's memory", (long long)kills,
				kills > 1 ? "es were" : " was");
		bounds->kills = use.kills;
	}
	if (refused > 0 && len < size) {
		snprintf(text + len, size - len,
				"%slimit of processes and threads, %lld, was reached: no more were "
				"started",
				len ? "; the server's " : "", (long long)bounds->tasks);
		bounds->refused = use.refused;
	}
	return text[0] != '\0';
}
