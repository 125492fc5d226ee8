#include "display/desktop_limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define CUA_LOG_MODULE "limits"
#include "cua/base/log.h"
#include "cua/base/util.h"

/* Of the desktop's memory and processes, for all tools together. */
#define TOOLS_PART 2
/* Each of the folders in memory that the sandbox has may hold so much of it. */
#define SCRATCH_PART 4
/* A client that asks the X server for more than this part gets an error: else the server, whose
 * memory it is, would be killed, and the desktop with it. A screen of the largest size fits. */
#define X_SERVER_PART 2
#define X_SERVER_LEAST (INT64_C(256) << 20)

/* As agent/tools/runner.c has it, which is another program's. */
#define TOOLS_OPEN_FILES 1024

#define MEMORY_SLACK ((int64_t)1 << 20)

enum part { APPS, TOOLS };

static struct cua_cgroup group_of(const struct desktop_record *record, enum part part)
{
	return cua_cgroup_below(&record->cgroup, part == APPS ? "apps" : "tools");
}

static bool has(const struct desktop_record *record, enum cua_cgroup_kind kind)
{
	return record->cgroup.dirs[kind][0] != '\0';
}

/* --- making --- */

/* What is not held as it should be, behind the reason for it. */
static void note(struct desktop_record *record, const char *reason)
{
	const bool shares_uid = !record->settings.sandboxed && geteuid() != 0;
	char *text = record->limits_note;
	snprintf(text, sizeof(record->limits_note), "%.160s%s%s%s%s", reason, reason[0] ? ": " : "",
			has(record, CUA_CGROUP_MEMORY)
					? ""
					: "memory is bounded for each process alone; ",
			has(record, CUA_CGROUP_PIDS) ? ""
					: shares_uid ? "processes are not bounded; "
						     : "processes are bounded, unreported; ",
			has(record, CUA_CGROUP_CPU) ? "" : "processors are not bounded; ");
	const size_t len = strlen(text);
	if (len >= 2) {
		text[len - 2] = '\0';
	}
}

void desktop_limits_plan(struct desktop_record *record)
{
	struct cua_cgroup parent;
	struct cua_error why = { 0 };
	char name[64];
	if (cua_cgroup_find("/proc/self", &parent, &why) == CUA_OK) {
		/* A spare desktop changes its own name, and the group does not. */
		snprintf(name, sizeof(name), CUA_CGROUP_PREFIX "%d-%llx", (int)getpid(),
				(unsigned long long)cua_now_us());
		record->cgroup = cua_cgroup_below(&parent, name);
	}
	note(record, why.msg);
}

void desktop_limits_note_disk(struct desktop_record *record, const char *why)
{
	char *text = record->limits_note;
	const size_t len = strlen(text);
	snprintf(text + len, sizeof(record->limits_note) - len,
			"%seach file of its home is bounded, and not their sum%s%.120s%s",
			len ? "; " : "", why[0] ? " (" : "", why, why[0] ? ")" : "");
}

static struct cua_cgroup parent_of(const struct cua_cgroup *group)
{
	struct cua_cgroup parent = *group;
	for (int kind = 0; kind < CUA_CGROUP_KINDS; kind++) {
		char *slash = strrchr(parent.dirs[kind], '/');
		if (slash) {
			*slash = '\0';
		}
	}
	return parent;
}

static enum cua_status make(const struct desktop_record *record, struct cua_error *err)
{
	const struct desktop_limits *limits = &record->settings.limits;
	const struct cua_cgroup parent = parent_of(&record->cgroup), apps = group_of(record, APPS),
				tools = group_of(record, TOOLS);
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);
	const struct cua_cgroup_limits whole = { limits->memory_bytes, limits->processes,
		limits->cpus < (double)processors ? limits->cpus : 0 };
	const struct cua_cgroup_limits part = { limits->memory_bytes / TOOLS_PART,
		limits->processes / TOOLS_PART, 0 };
	enum cua_status status = cua_cgroup_make(&parent, &record->cgroup, err);
	if (status == CUA_OK) {
		status = cua_cgroup_limit(&record->cgroup, &whole, err);
	}
	if (status == CUA_OK) {
		status = cua_cgroup_make(&record->cgroup, &apps, err);
	}
	if (status == CUA_OK) {
		status = cua_cgroup_make(&record->cgroup, &tools, err);
	}
	return status == CUA_OK ? cua_cgroup_limit(&tools, &part, err) : status;
}

void desktop_limits_make(struct desktop_record *record)
{
	struct cua_error why = { 0 }, second = { 0 };
	if (make(record, &why) == CUA_OK) {
		return;
	}
	if (desktop_limits_remove(record, &second) != CUA_OK) {
		cua_log_warn("%s", second.msg);
	}
	record->cgroup = (struct cua_cgroup){ 0 };
	note(record, why.msg);
}

struct desktop_bounds desktop_limits_open(const struct desktop_record *record)
{
	const struct desktop_limits *limits = &record->settings.limits;
	const struct cua_cgroup apps = group_of(record, APPS);
	const bool shares_uid = !record->settings.sandboxed && geteuid() != 0;
	struct desktop_bounds bounds = { .group_fd_count = 0 };
	bounds.group_fd_count = cua_cgroup_open(&apps, bounds.group_fds);
	if (limits->open_files > 0) {
		bounds.rlimits[bounds.rlimit_count++] =
				(struct cua_rlimit){ RLIMIT_NOFILE, (uint64_t)limits->open_files };
	}
	if (limits->disk_bytes > 0) {
		bounds.rlimits[bounds.rlimit_count++] =
				(struct cua_rlimit){ RLIMIT_FSIZE, (uint64_t)limits->disk_bytes };
	}
	if (limits->memory_bytes > 0) {
		bounds.scratch_bytes = limits->memory_bytes / SCRATCH_PART;
		const int64_t part_bytes = limits->memory_bytes / X_SERVER_PART;
		bounds.x_server_bytes = part_bytes > X_SERVER_LEAST ? part_bytes : X_SERVER_LEAST;
	}
	if (limits->memory_bytes > 0 && !has(record, CUA_CGROUP_MEMORY)) {
		bounds.rlimits[bounds.rlimit_count++] =
				(struct cua_rlimit){ RLIMIT_DATA, (uint64_t)limits->memory_bytes };
	}
	if (limits->processes > 0 && !has(record, CUA_CGROUP_PIDS) && !shares_uid) {
		bounds.processes = limits->processes;
	}
	return bounds;
}

void desktop_limits_close(struct desktop_bounds *bounds)
{
	while (bounds->group_fd_count > 0) {
		close(bounds->group_fds[--bounds->group_fd_count]);
	}
}

enum cua_status desktop_limits_remove(const struct desktop_record *record, struct cua_error *err)
{
	const struct cua_cgroup groups[] = { group_of(record, APPS), group_of(record, TOOLS),
		record->cgroup };
	enum cua_status status = CUA_OK;
	for (size_t i = 0; i < CUA_ARRAY_LEN(groups) && status == CUA_OK; i++) {
		status = cua_cgroup_remove(&groups[i], err);
	}
	return status;
}

enum cua_status desktop_limits_open_tools(const struct desktop_record *record,
		int ret_fds[CUA_CGROUP_KINDS], int *ret_count, struct cua_error *err)
{
	const struct cua_cgroup tools = group_of(record, TOOLS);
	const int count = cua_cgroup_exists(&tools) ? cua_cgroup_open(&tools, ret_fds) : 0;
	if (count == 0 && cua_cgroup_exists(&tools)) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, errno, "%s",
				tools.dirs[CUA_CGROUP_MEMORY]);
	}
	*ret_count = count;
	return CUA_OK;
}

void desktop_limits_kill_tools(const struct desktop_record *record)
{
	const struct cua_cgroup tools = group_of(record, TOOLS);
	cua_cgroup_kill(&tools);
}

/* --- telling --- */

static int64_t sum(int64_t a, int64_t b)
{
	return (a > 0 ? a : 0) + (b > 0 ? b : 0);
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static cJSON *add_limit(cJSON *json, const char *name, double limit)
{
	cJSON *object = cJSON_AddObjectToObject(json, name);
	if (limit > 0) {
		cJSON_AddNumberToObject(object, "limit", limit);
	}
	return object;
}

static void add_use(cJSON *object, const char *name, int64_t value)
{
	if (value >= 0) {
		cJSON_AddNumberToObject(object, name, (double)value);
	}
}

/* Of the home's own file system; false if it is not seen from here. */
static bool read_disk(const struct desktop_record *record, struct statvfs *ret_disk)
{
	char above[CUA_PATH_MAX + 4];
	struct stat home, parent;
	snprintf(above, sizeof(above), "%s/..", record->home);
	return record->has_disk && stat(record->home, &home) == 0 && stat(above, &parent) == 0 &&
			home.st_dev != parent.st_dev && statvfs(record->home, ret_disk) == 0;
}

static bool is_full(const struct statvfs *disk)
{
	return disk->f_bavail <= disk->f_blocks / 100 || disk->f_ffree == 0;
}

/* A file beside the record: whoever describes the desktop sees it. */
static void mark_path(
		const struct desktop_record *record, const char *name, char *path, size_t size)
{
	char leaf[32];
	snprintf(leaf, sizeof(leaf), "reached-%s", name);
	desktop_path(record, leaf, path, size);
}

static void mark(const struct desktop_record *record, const char *name)
{
	char path[CUA_PATH_MAX];
	mark_path(record, name, path, sizeof(path));
	const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0) {
		close(fd);
	}
}

static bool is_marked(const struct desktop_record *record, const char *name)
{
	char path[CUA_PATH_MAX];
	mark_path(record, name, path, sizeof(path));
	return access(path, F_OK) == 0;
}

static void add_reached(cJSON *reached, const char *name, int64_t count)
{
	if (count > 0) {
		cJSON_AddItemToArray(reached, cJSON_CreateString(name));
	}
}

/* Version 1 counts where a process was, version 2 in all groups above it, too: the larger is all.
 */
cJSON *desktop_limits_describe(const struct desktop_record *record)
{
	const struct desktop_limits *limits = &record->settings.limits;
	const struct cua_cgroup apps = group_of(record, APPS), tools = group_of(record, TOOLS);
	struct cua_cgroup_use all, in_apps, in_tools;
	cua_cgroup_read(&record->cgroup, &all);
	cua_cgroup_read(&apps, &in_apps);
	cua_cgroup_read(&tools, &in_tools);
	const int64_t kills = larger(all.kills, sum(in_apps.kills, in_tools.kills));
	const int64_t refused = larger(all.refused, sum(in_apps.refused, in_tools.refused));
	const bool is_held = cua_cgroup_exists(&record->cgroup);
	cJSON *json = cJSON_CreateObject();
	char held_by[64];
	snprintf(held_by, sizeof(held_by), "control groups %s",
			cua_cgroup_version(&record->cgroup));
	cJSON_AddStringToObject(json, "held_by", is_held ? held_by : "resource limits");
	if (record->limits_note[0]) {
		cJSON_AddStringToObject(json, "note", record->limits_note);
	}
	cJSON *memory = add_limit(json, "memory", (double)limits->memory_bytes);
	add_use(memory, "used", all.memory_bytes);
	add_use(memory, "peak", all.memory_peak_bytes);
	add_use(memory, "killed", kills);
	cJSON *processes = add_limit(json, "processes", limits->processes);
	add_use(processes, "used", all.tasks);
	add_use(processes, "refused", refused);
	cJSON *cpus = add_limit(json, "cpus", limits->cpus);
	add_use(cpus, "throttled_us", all.throttled_us);
	add_limit(json, "open_files", limits->open_files);
	cJSON *disk = add_limit(json, "disk", (double)limits->disk_bytes);
	struct statvfs file_system;
	const bool has_disk = read_disk(record, &file_system);
	if (has_disk) {
		add_use(disk, "used",
				(int64_t)((file_system.f_blocks - file_system.f_bfree) *
						file_system.f_frsize));
	}
	cJSON *reached = cJSON_AddArrayToObject(json, "reached");
	add_reached(reached, "memory", kills);
	add_reached(reached, "processes", refused);
	add_reached(reached, "cpus", all.throttled_us);
	add_reached(reached, "disk",
			(has_disk && is_full(&file_system)) || is_marked(record, "disk"));
	add_reached(reached, "tmp", is_marked(record, "tmp"));
	add_reached(reached, "open_files", is_marked(record, "open_files"));
	return json;
}

void desktop_limits_read(const struct desktop_record *record, struct desktop_reached *ret_reached)
{
	const struct desktop_limits *limits = &record->settings.limits;
	const struct cua_cgroup tools = group_of(record, TOOLS);
	struct cua_cgroup_use all, in_tools;
	cua_cgroup_read(&record->cgroup, &all);
	cua_cgroup_read(&tools, &in_tools);
	struct statvfs disk;
	*ret_reached = (struct desktop_reached){ .disk_full = read_disk(record, &disk) &&
				is_full(&disk),
		.tools_kills = in_tools.kills,
		.refused = larger(all.refused, in_tools.refused),
		/* The kernel takes memory in larger pieces than it counts. */
		.tools_memory_full = in_tools.memory_peak_bytes >=
				limits->memory_bytes / TOOLS_PART - MEMORY_SLACK,
		.tools_processes_full = in_tools.tasks_peak < 0 ||
				in_tools.tasks_peak >= limits->processes / TOOLS_PART };
}

/* "2 GiB", "1536 MiB" */
static void spell_bytes(int64_t bytes, char *text, size_t size)
{
	const int64_t gib = (int64_t)1 << 30;
	snprintf(text, size, "%lld %s", (long long)(bytes % gib ? bytes >> 20 : bytes >> 30),
			bytes % gib ? "MiB" : "GiB");
}

/* Adds a line. */
static void say(char *text, size_t size, const char *format, ...) CUA_PRINTF(3, 4);

static void say(char *text, size_t size, const char *format, ...)
{
	va_list args;
	size_t len = strlen(text);
	if (len > 0 && len + 1 < size) {
		text[len++] = '\n';
		text[len] = '\0';
	}
	va_start(args, format);
	vsnprintf(text + len, size - len, format, args);
	va_end(args);
}

/* What the kernel counts, since. */
static void explain_counts(const struct desktop_limits *limits,
		const struct desktop_reached *before, const struct desktop_reached *now, char *text,
		size_t size)
{
	const int64_t kills = now->tools_kills - before->tools_kills;
	char bytes[32];
	if (kills > 0 && limits->memory_bytes > 0) {
		spell_bytes(limits->memory_bytes / (now->tools_memory_full ? TOOLS_PART : 1), bytes,
				sizeof(bytes));
		say(text, size, "[%s limit of memory, %s, was reached: %lld process%s killed]",
				now->tools_memory_full ? "the tools'" : "the desktop's", bytes,
				(long long)kills, kills > 1 ? "es were" : " was");
	}
	if (now->refused > before->refused && limits->processes > 0) {
		say(text, size, "[%s limit of processes, %d, was reached: no more were started]",
				now->tools_processes_full ? "the tools'" : "the desktop's",
				limits->processes / (now->tools_processes_full ? TOOLS_PART : 1));
	}
}

static bool has_told(const cJSON *told, const char *name)
{
	const cJSON *item = NULL;
	cJSON_ArrayForEach (item, told) {
		if (cJSON_IsString(item) && strcmp(item->valuestring, name) == 0) {
			return true;
		}
	}
	return false;
}

/* Of files: the kernel tells nobody else. */
static void explain_files(const struct desktop_record *record, const struct desktop_reached *before,
		const struct desktop_reached *now, const cJSON *told, char *text, size_t size)
{
	static const char *const places[] = { "/tmp", "/var/tmp", "/dev/shm", "/run" };
	const struct desktop_limits *limits = &record->settings.limits;
	const bool lacks_space = has_told(told, "space"),
		   is_disk = now->disk_full && (lacks_space || !before->disk_full);
	bool is_explained = is_disk;
	char bytes[32];
	if (is_disk) {
		spell_bytes(limits->disk_bytes, bytes, sizeof(bytes));
		say(text, size, "[the desktop's limit of disk, %s, was reached]", bytes);
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(places) && limits->memory_bytes > 0; i++) {
		if (has_told(told, places[i])) {
			spell_bytes(limits->memory_bytes / SCRATCH_PART, bytes, sizeof(bytes));
			say(text, size, "[the desktop's limit of %s, %s, was reached]", places[i],
					bytes);
			mark(record, "tmp");
			is_explained = true;
		}
	}
	if (lacks_space && !is_explained) {
		say(text, size, "[there was no space left in the home or in /tmp; there is now]");
	}
	if (has_told(told, "file size") && limits->disk_bytes > 0) {
		spell_bytes(limits->disk_bytes, bytes, sizeof(bytes));
		say(text, size, "[the desktop's limit of one file, %s, was reached]", bytes);
		mark(record, "disk");
	}
	if (has_told(told, "open files")) {
		const bool is_lower =
				limits->open_files > 0 && limits->open_files < TOOLS_OPEN_FILES;
		say(text, size,
				"[the tools' limit of open files, %d for each process, was "
				"reached]",
				is_lower ? limits->open_files : TOOLS_OPEN_FILES);
		mark(record, "open_files");
	}
}

void desktop_limits_explain(const struct desktop_record *record,
		const struct desktop_reached *before, const cJSON *told, char *text, size_t size)
{
	struct desktop_reached now;
	desktop_limits_read(record, &now);
	text[0] = '\0';
	explain_counts(&record->settings.limits, before, &now, text, size);
	explain_files(record, before, &now, told, text, size);
}
