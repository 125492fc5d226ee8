#include "tests/desktop_processes.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/process.h"
#include "cua/base/util.h"
#include "tests/files.h"
#include "tests/waiting.h"

/* A browser makes namespaces of its own: then one of the ancestors is in that of the desktop. */
static bool is_in_desktop(const struct desktop *desktop, pid_t pid)
{
	char path[64], found[64] = "";
	while (desktop->pid_namespace[0] && pid > 1) {
		snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
		const ssize_t len = readlink(path, found, sizeof(found) - 1);
		found[len > 0 ? len : 0] = '\0';
		if (strcmp(found, desktop->pid_namespace) == 0) {
			return true;
		}
		pid = process_parent(pid);
	}
	if (desktop->pid_namespace[0]) {
		return false;
	}
	char mark[256];
	snprintf(mark, sizeof(mark), "CUA_DESKTOP_DIR=%s/run/desktops/%s", desktop->world->dir,
			desktop->name);
	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	return file_contains(path, mark);
}

static bool command_line_holds(pid_t pid, const char *text)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	return file_contains(path, text);
}

/* Chromium's renderers have all their words in the first one. */
static bool program_is(pid_t pid, const char *name)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	CUA_AUTO_FREE char *words = read_whole_file(path, NULL);
	if (!words) {
		return false;
	}
	words[strcspn(words, " ")] = '\0';
	const char *slash = strrchr(words, '/');
	return strcmp(slash ? slash + 1 : words, name) == 0;
}

static int find_pids(const struct desktop *desktop, bool (*matches)(pid_t pid, const char *text),
		const char *text, pid_t *pids, int max)
{
	int count = 0;
	DIR *proc = opendir("/proc");
	assert_non_null(proc);
	for (pid_t pid; count < max && (pid = next_process(proc)) > 0;) {
		if (is_in_desktop(desktop, pid) && matches(pid, text) && !process_is_gone(pid)) {
			pids[count++] = pid;
		}
	}
	closedir(proc);
	return count;
}

int desktop_pids(const struct desktop *desktop, const char *text, pid_t *pids, int max)
{
	return find_pids(desktop, command_line_holds, text, pids, max);
}

void desktop_end_processes(const struct desktop *desktop, const char *name)
{
	pid_t pids[64];
	const uint64_t deadline_us = cua_now_us() + DESKTOP_DEADLINE_MS * 1000ULL;
	for (int count; (count = find_pids(desktop, program_is, name, pids, 64)) > 0;) {
		for (int i = 0; i < count; i++) {
			assert_true(cua_process_end(cua_process_identify(pids[i]), SIGKILL,
					cua_ms_until(deadline_us)));
		}
		if (cua_now_us() > deadline_us) {
			fail_msg("%s is started again and again", name);
		}
	}
}

pid_t desktop_pid(const struct desktop *desktop, const char *text)
{
	pid_t pids[8];
	const int count = desktop_pids(desktop, text, pids, 8);
	if (count != 1) {
		fail_msg("%d processes of desktop %s have \"%s\" in their command line", count,
				desktop->name, text);
	}
	return pids[0];
}
