#include "agent/tools/family.h"

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "cua/base/process.h"

#define PROCESSES_MAX 4096
/* A killed process goes when it next gets a processor. */
#define END_TIMEOUT_MS 2000

struct process {
	pid_t pid, parent;
	bool is_family;
};

/* False if it is gone, or a zombie. */
static bool read_parent(pid_t pid, pid_t *ret_parent)
{
	char path[64], line[512];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "re");
	const bool has_line = file && fgets(line, sizeof(line), file);
	if (file) {
		fclose(file);
	}
	/* The name in brackets may hold anything. */
	const char *rest = has_line ? strrchr(line, ')') : NULL;
	char state = 0;
	int parent = 0;
	if (!rest || sscanf(rest, ") %c %d", &state, &parent) != 2 || state == 'Z') {
		return false;
	}
	*ret_parent = parent;
	return true;
}

static int read_all(struct process *processes, int max)
{
	int count = 0;
	DIR *proc = opendir("/proc");
	for (const struct dirent *entry; proc && count < max && (entry = readdir(proc));) {
		const pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		pid_t parent = 0;
		if (isdigit((unsigned char)entry->d_name[0]) && read_parent(pid, &parent)) {
			processes[count++] = (struct process){ pid, parent, false };
		}
	}
	if (proc) {
		closedir(proc);
	}
	return count;
}

static bool is_in_family(const struct process *processes, int count, pid_t parent, pid_t ancestor)
{
	if (parent == ancestor) {
		return true;
	}
	for (int i = 0; i < count; i++) {
		if (processes[i].pid == parent) {
			return processes[i].is_family;
		}
	}
	return false;
}

/* Marks the descendants; returns how many processes there are in all. */
static int read_family(struct process *processes, pid_t ancestor)
{
	const int count = read_all(processes, PROCESSES_MAX);
	/* Until no more are found: a child may stand in the list before its parent. */
	for (bool again = true; again;) {
		again = false;
		for (int i = 0; i < count; i++) {
			struct process *process = &processes[i];
			if (!process->is_family &&
					is_in_family(processes, count, process->parent, ancestor)) {
				process->is_family = again = true;
			}
		}
	}
	return count;
}

void tool_family_signal(pid_t ancestor, int signal)
{
	static struct process processes[PROCESSES_MAX];
	const int count = read_family(processes, ancestor);
	for (int i = 0; i < count; i++) {
		if (processes[i].is_family) {
			kill(processes[i].pid, signal);
		}
	}
}

void tool_family_end(pid_t ancestor)
{
	static struct process processes[PROCESSES_MAX];
	const int count = read_family(processes, ancestor);
	for (int i = 0; i < count; i++) {
		if (processes[i].is_family) {
			(void)cua_process_end(cua_process_identify(processes[i].pid), SIGKILL,
					END_TIMEOUT_MS);
		}
	}
}

void tool_process_end(pid_t child)
{
	/* Stopped first, so that it starts nothing while its family is looked for. */
	kill(child, SIGSTOP);
	tool_family_end(child);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}
