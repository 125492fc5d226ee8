#include "cua/base/cgroup.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/cgroup_internal.h"
#include "cua/base/file.h"
#include "cua/base/util.h"

#define CPU_PERIOD_US 100000
#define CPU_QUOTA_MIN_US 1000
#define REMOVE_TIMEOUT_US 5000000U
#define KILL_TIMEOUT_US 1000000U
#define LOOK_AGAIN_MS 2

/* --- files of a group --- */

static bool has_file(const char *dir, const char *name)
{
	char path[CUA_CGROUP_DIR_MAX + 64];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

static enum cua_status write_file(
		const char *dir, const char *name, const char *value, struct cua_error *err)
{
	char path[CUA_CGROUP_DIR_MAX + 64];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	CUA_AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, errno, "%s: %s", path, value);
	}
	return CUA_OK;
}

bool cgroup_read_file(const char *dir, const char *name, struct cua_buffer *text)
{
	char path[CUA_CGROUP_DIR_MAX + 64];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return cua_file_read(path, text, NULL) == CUA_OK && text->len > 0;
}

/* A file with one number; -1 if there is none, also for "max". */
static int64_t read_number(const char *dir, const char *name)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, CGROUP_FILE_MAX);
	return dir[0] && cgroup_read_file(dir, name, &text) && isdigit((unsigned char)text.data[0])
			? strtoll(text.data, NULL, 10)
			: -1;
}

/* Of a file with lines "key number". */
static int64_t read_key(const char *dir, const char *name, const char *key)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, CGROUP_FILE_MAX);
	const size_t len = strlen(key);
	if (!dir[0] || !cgroup_read_file(dir, name, &text)) {
		return -1;
	}
	for (const char *line = text.data; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0 && line[len] == ' ') {
			return strtoll(line + len + 1, NULL, 10);
		}
	}
	return -1;
}

static bool is_v2(const char *dir)
{
	return dir[0] && has_file(dir, "cgroup.controllers");
}

const char *cua_cgroup_version(const struct cua_cgroup *group)
{
	bool one = false, two = false;
	for (int kind = 0; kind < CUA_CGROUP_KINDS; kind++) {
		const char *dir = group->dirs[kind];
		two = two || is_v2(dir);
		one = one || (dir[0] && !is_v2(dir));
	}
	return one && two ? "v1 and v2" : two ? "v2" : one ? "v1" : "none";
}

/* --- groups --- */

/* Version 2 has one folder for several kinds: true for the first of them. */
static bool is_first(const struct cua_cgroup *group, int kind)
{
	for (int other = 0; other < kind; other++) {
		if (strcmp(group->dirs[other], group->dirs[kind]) == 0) {
			return false;
		}
	}
	return group->dirs[kind][0] != '\0';
}

struct cua_cgroup cua_cgroup_below(const struct cua_cgroup *parent, const char *name)
{
	struct cua_cgroup group = { 0 };
	for (int kind = 0; kind < CUA_CGROUP_KINDS; kind++) {
		if (parent->dirs[kind][0]) {
			const int len = snprintf(group.dirs[kind], CUA_CGROUP_DIR_MAX, "%s/%s",
					parent->dirs[kind], name);
			group.dirs[kind][len < CUA_CGROUP_DIR_MAX ? len : 0] = '\0';
		}
	}
	return group;
}

bool cua_cgroup_exists(const struct cua_cgroup *group)
{
	for (int kind = 0; kind < CUA_CGROUP_KINDS; kind++) {
		if (group->dirs[kind][0] && access(group->dirs[kind], F_OK) == 0) {
			return true;
		}
	}
	return false;
}

static void remove_folders(const struct cua_cgroup *group)
{
	for (int kind = 0; kind < CUA_CGROUP_KINDS; kind++) {
		if (group->dirs[kind][0]) {
			rmdir(group->dirs[kind]);
		}
	}
}

/* Version 2 bounds in a group what its parent passes on. */
static enum cua_status pass_on(const char *dir, int kind, struct cua_error *err)
{
	static const char *const words[CUA_CGROUP_KINDS] = { "+memory", "+pids", "+cpu" };
	return is_v2(dir) ? write_file(dir, "cgroup.subtree_control", words[kind], err) : CUA_OK;
}

enum cua_status cua_cgroup_make(const struct cua_cgroup *parent, const struct cua_cgroup *group,
		struct cua_error *err)
{
	for (int kind = 0; kind < CUA_CGROUP_KINDS; kind++) {
		const char *dir = group->dirs[kind];
		if (!dir[0]) {
			continue;
		}
		enum cua_status status = pass_on(parent->dirs[kind], kind, err);
		if (status == CUA_OK && is_first(group, kind) && mkdir(dir, 0755) != 0) {
			status = CUA_FAIL(err, CUA_ERR_UNAVAILABLE, errno, "%s", dir);
		}
		if (status != CUA_OK) {
			remove_folders(group);
			return status;
		}
	}
	return CUA_OK;
}

static enum cua_status limit_memory(const char *dir, int64_t bytes, struct cua_error *err)
{
	char value[32];
	snprintf(value, sizeof(value), "%lld", (long long)bytes);
	if (is_v2(dir)) {
		enum cua_status status = write_file(dir, "memory.max", value, err);
		/* Without swap the file is not there. */
		return status == CUA_OK && has_file(dir, "memory.swap.max")
				? write_file(dir, "memory.swap.max", "0", err)
				: status;
	}
	enum cua_status status = write_file(dir, "memory.limit_in_bytes", value, err);
	return status == CUA_OK && has_file(dir, "memory.memsw.limit_in_bytes")
			? write_file(dir, "memory.memsw.limit_in_bytes", value, err)
			: status;
}

static enum cua_status limit_cpu(const char *dir, double cpus, struct cua_error *err)
{
	char value[64];
	const double wanted_us = cpus * CPU_PERIOD_US;
	const int quota_us = wanted_us < CPU_QUOTA_MIN_US ? CPU_QUOTA_MIN_US : (int)wanted_us;
	snprintf(value, sizeof(value), "%d %d", quota_us, CPU_PERIOD_US);
	if (is_v2(dir)) {
		return write_file(dir, "cpu.max", value, err);
	}
	*strchr(value, ' ') = '\0';
	return write_file(dir, "cpu.cfs_quota_us", value, err); /* the period is 100 ms already */
}

enum cua_status cua_cgroup_limit(const struct cua_cgroup *group,
		const struct cua_cgroup_limits *limits, struct cua_error *err)
{
	char tasks[32];
	enum cua_status status = CUA_OK;
	snprintf(tasks, sizeof(tasks), "%lld", (long long)limits->tasks);
	if (group->dirs[CUA_CGROUP_MEMORY][0] && limits->memory_bytes > 0) {
		status = limit_memory(group->dirs[CUA_CGROUP_MEMORY], limits->memory_bytes, err);
	}
	if (status == CUA_OK && group->dirs[CUA_CGROUP_PIDS][0] && limits->tasks > 0) {
		status = write_file(group->dirs[CUA_CGROUP_PIDS], "pids.max", tasks, err);
	}
	if (status == CUA_OK && group->dirs[CUA_CGROUP_CPU][0] && limits->cpus > 0) {
		status = limit_cpu(group->dirs[CUA_CGROUP_CPU], limits->cpus, err);
	}
	return status;
}

int cua_cgroup_open(const struct cua_cgroup *group, int ret_fds[CUA_CGROUP_KINDS])
{
	int count = 0;
	for (int kind = 0; kind < CUA_CGROUP_KINDS; kind++) {
		char path[CUA_CGROUP_DIR_MAX + 16];
		snprintf(path, sizeof(path), "%s/cgroup.procs", group->dirs[kind]);
		if (is_first(group, kind)) {
			ret_fds[count] = open(path, O_WRONLY | O_CLOEXEC);
			count += ret_fds[count] >= 0;
		}
	}
	return count;
}

/* --- its end --- */

/* Processes of other namespaces are 0 there. True if there was one. */
static bool kill_processes(const char *dir)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, CGROUP_FILE_MAX);
	if (!cgroup_read_file(dir, "cgroup.procs", &text)) {
		return false;
	}
	bool any = false;
	char *rest = NULL;
	for (char *line = strtok_r(text.data, "\n", &rest); line;
			line = strtok_r(NULL, "\n", &rest)) {
		const pid_t pid = (pid_t)strtol(line, NULL, 10);
		if (pid > 1) {
			any = kill(pid, SIGKILL) == 0 || any;
		}
	}
	return any;
}

/* A record that was damaged must not lead anywhere else. */
static bool is_ours(const char *dir)
{
	return strncmp(dir, "/sys/fs/cgroup/", strlen("/sys/fs/cgroup/")) == 0 &&
			strstr(dir, "/" CUA_CGROUP_PREFIX) && !strstr(dir, "/..");
}

void cua_cgroup_kill(const struct cua_cgroup *group)
{
	const uint64_t deadline_us = cua_now_us() + KILL_TIMEOUT_US;
	const char *dir = "";
	for (int kind = 0; kind < CUA_CGROUP_KINDS && !dir[0]; kind++) {
		dir = group->dirs[kind];
	}
	if (!is_ours(dir) || write_file(dir, "cgroup.kill", "1", NULL) == CUA_OK) {
		return;
	}
	/* Before Linux 5.14, and in version 1: until those that fork are outrun. */
	while (kill_processes(dir) && cua_now_us() < deadline_us) {
		poll(NULL, 0, LOOK_AGAIN_MS);
	}
}

/* What is killed goes when it next gets a processor, and nothing tells of that in version 1. */
static enum cua_status remove_folder(const char *dir, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + REMOVE_TIMEOUT_US;
	while (rmdir(dir) != 0 && errno != ENOENT) {
		if (errno != EBUSY) {
			return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", dir);
		}
		if (cua_now_us() >= deadline_us) {
			return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "%s still has processes", dir);
		}
		kill_processes(dir);
		poll(NULL, 0, LOOK_AGAIN_MS);
	}
	return CUA_OK;
}

enum cua_status cua_cgroup_remove(const struct cua_cgroup *group, struct cua_error *err)
{
	for (int kind = 0; kind < CUA_CGROUP_KINDS; kind++) {
		const char *dir = group->dirs[kind];
		if (is_first(group, kind) && is_ours(dir)) {
			enum cua_status status = remove_folder(dir, err);
			if (status != CUA_OK) {
				return status;
			}
		}
	}
	return CUA_OK;
}

/* --- what it uses --- */

void cua_cgroup_read(const struct cua_cgroup *group, struct cua_cgroup_use *ret_use)
{
	const char *memory = group->dirs[CUA_CGROUP_MEMORY], *pids = group->dirs[CUA_CGROUP_PIDS],
		   *cpu = group->dirs[CUA_CGROUP_CPU];
	const bool memory_v2 = is_v2(memory), cpu_v2 = is_v2(cpu);
	*ret_use = (struct cua_cgroup_use){
		.memory_bytes = read_number(
				memory, memory_v2 ? "memory.current" : "memory.usage_in_bytes"),
		.memory_peak_bytes = read_number(
				memory, memory_v2 ? "memory.peak" : "memory.max_usage_in_bytes"),
		.kills = memory_v2 ? read_key(memory, "memory.events", "oom_kill")
				   : read_key(memory, "memory.oom_control", "oom_kill"),
		.tasks = read_number(pids, "pids.current"),
		.tasks_peak = read_number(pids, "pids.peak"),
		.refused = read_key(pids, "pids.events", "max"),
		.throttled_us = cpu_v2 ? read_key(cpu, "cpu.stat", "throttled_usec")
				       : read_key(cpu, "cpu.stat", "throttled_time"),
	};
	if (!cpu_v2 && ret_use->throttled_us > 0) {
		ret_use->throttled_us /= 1000; /* version 1 counts nanoseconds */
	}
}
