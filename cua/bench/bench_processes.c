#include "cua/bench/bench_processes.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/file.h"
#include "cua/base/util.h"

#define PROCESSES_MAX 1024

struct family {
	pid_t pids[PROCESSES_MAX];
	int count;
};

static bool read_text(const char *path, struct cua_buffer *text)
{
	cua_buffer_init(text, 65536);
	return cua_file_read(path, text, NULL) == CUA_OK && text->data;
}

static bool is_in(const struct family *family, pid_t pid)
{
	for (int i = 0; i < family->count; i++) {
		if (family->pids[i] == pid) {
			return true;
		}
	}
	return false;
}

static void add(struct family *family, pid_t pid)
{
	if (pid > 0 && family->count < PROCESSES_MAX && !is_in(family, pid)) {
		family->pids[family->count++] = pid;
	}
}

/* Field 4 of /proc/PID/stat, after the name, which may hold anything. */
static pid_t parent_of(pid_t pid)
{
	char path[64];
	CUA_AUTO_BUFFER struct cua_buffer text;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	const char *after = read_text(path, &text) ? strrchr(text.data, ')') : NULL;
	int parent = 0;
	return after && sscanf(after + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

/* Those that the record names, and their descendants: an orphan in the sandbox goes to the first
 * process in there, which the record names. */
static void find_family(const struct desktop_record *record, struct family *family)
{
	family->count = 0;
	add(family, record->bwrap.pid);
	add(family, record->session.pid);
	add(family, record->host.pid);
	add(family, record->vnc.pid);
	for (int before = 0; before != family->count;) {
		before = family->count;
		DIR *proc = opendir("/proc");
		for (const struct dirent *entry; proc && (entry = readdir(proc));) {
			const pid_t pid = isdigit((unsigned char)entry->d_name[0])
					? (pid_t)strtol(entry->d_name, NULL, 10)
					: 0;
			if (pid > 0 && is_in(family, parent_of(pid))) {
				add(family, pid);
			}
		}
		if (proc) {
			closedir(proc);
		}
	}
}

/* The name of its program, without folders. */
static void read_program(pid_t pid, char *leaf, size_t size)
{
	char path[64], program[CUA_PATH_MAX];
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	const ssize_t len = readlink(path, program, sizeof(program) - 1);
	program[len > 0 ? len : 0] = '\0';
	const char *slash = strrchr(program, '/');
	snprintf(leaf, size, "%s", slash ? slash + 1 : program);
}

static bool is_own(pid_t pid)
{
	char leaf[CUA_PATH_MAX];
	read_program(pid, leaf, sizeof(leaf));
	/* " (deleted)" follows the name of the copy in the sandbox, which has no name outside. */
	return strcmp(leaf, "bwrap") == 0 || strcmp(leaf, "cua") == 0 ||
			strncmp(leaf, "cua-", 4) == 0 || strncmp(leaf, "cua ", 4) == 0;
}

/* The number after "name:" in a file of such lines. */
static double number_in(const char *path, const char *name)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	const char *at = read_text(path, &text) ? strstr(text.data, name) : NULL;
	return at ? strtod(at + strlen(name), NULL) : 0;
}

static void add_threads(pid_t pid, struct bench_usage *usage)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	DIR *tasks = opendir(path);
	for (const struct dirent *entry; tasks && (entry = readdir(tasks));) {
		char file[CUA_PATH_MAX];
		CUA_AUTO_BUFFER struct cua_buffer text;
		snprintf(file, sizeof(file), "%s/%.20s/status", path, entry->d_name);
		usage->wakeups += number_in(file, "\nvoluntary_ctxt_switches:");
		snprintf(file, sizeof(file), "%s/%.20s/schedstat", path, entry->d_name);
		usage->cpu_ms += read_text(file, &text) ? strtod(text.data, NULL) / 1e6 : 0;
	}
	if (tasks) {
		closedir(tasks);
	}
}

void bench_usage_read(const struct desktop_record *record, bool own, struct bench_usage *ret_usage)
{
	struct family family;
	*ret_usage = (struct bench_usage){ .processes = 0 };
	find_family(record, &family);
	for (int i = 0; i < family.count; i++) {
		char path[64];
		if (own && !is_own(family.pids[i])) {
			continue;
		}
		snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)family.pids[i]);
		ret_usage->pss_mb += number_in(path, "\nPss:") / 1024;
		ret_usage->processes++;
		add_threads(family.pids[i], ret_usage);
	}
}

void bench_process_read(pid_t pid, struct bench_process *ret_process)
{
	char path[64];
	struct bench_usage usage = { .processes = 1 };
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	add_threads(pid, &usage);
	*ret_process = (struct bench_process){ .resident_mb = number_in(path, "\nVmRSS:") / 1024,
		.peak_mb = number_in(path, "\nVmHWM:") / 1024,
		.cpu_ms = usage.cpu_ms,
		.wakeups = usage.wakeups };
}

pid_t bench_process_find(const struct desktop_record *record, const char *program)
{
	struct family family;
	pid_t found = 0;
	find_family(record, &family);
	for (int i = 0; i < family.count; i++) {
		char leaf[CUA_PATH_MAX];
		read_program(family.pids[i], leaf, sizeof(leaf));
		if (strcmp(leaf, program) == 0 && family.pids[i] > found) {
			found = family.pids[i];
		}
	}
	return found;
}

double bench_memory_available_mb(void)
{
	return number_in("/proc/meminfo", "\nMemAvailable:") / 1024;
}
