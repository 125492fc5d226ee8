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

/* Rounds in which one that forks is outrun. */
#define STOP_ROUNDS 50

struct process {
	pid_t pid, parent, session;
	bool is_family, is_stopped;
};

/* False if it is gone, or a zombie. */
static bool read_process(pid_t pid, struct process *ret_process)
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
	int parent = 0, session = 0;
	if (!rest || sscanf(rest, ") %c %d %*d %d", &state, &parent, &session) != 3 ||
			state == 'Z') {
		return false;
	}
	*ret_process = (struct process){ pid, parent, session, false, state == 'T' };
	return true;
}

static int read_all(struct process *processes, int max)
{
	int count = 0;
	DIR *proc = opendir("/proc");
	for (const struct dirent *entry; proc && count < max && (entry = readdir(proc));) {
		const pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (isdigit((unsigned char)entry->d_name[0]) &&
				read_process(pid, &processes[count])) {
			count++;
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

/* Marks the descendants, and what an ancestor that leads a session has in it: its orphans are no
 * descendants any more. Returns how many processes there are in all. */
static int read_family(struct process *processes, pid_t ancestor)
{
	const int count = read_all(processes, PROCESSES_MAX);
	/* Until no more are found: a child may stand in the list before its parent. */
	for (bool again = true; again;) {
		again = false;
		for (int i = 0; i < count; i++) {
			struct process *process = &processes[i];
			if (!process->is_family && process->pid != ancestor &&
					(process->session == ancestor ||
							is_in_family(processes, count,
									process->parent,
									ancestor))) {
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

/* All of them, also those that are started meanwhile. */
static void stop_family(pid_t ancestor)
{
	static struct process processes[PROCESSES_MAX];
	int running = 1;
	for (int round = 0; round < STOP_ROUNDS && running > 0; round++) {
		const int count = read_family(processes, ancestor);
		running = 0;
		for (int i = 0; i < count; i++) {
			if (processes[i].is_family && !processes[i].is_stopped) {
				running += kill(processes[i].pid, SIGSTOP) == 0;
			}
		}
	}
}

void tool_family_end(pid_t ancestor)
{
	static struct process processes[PROCESSES_MAX];
	stop_family(ancestor);
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
