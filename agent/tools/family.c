#include "agent/tools/family.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"

#define PROCESSES_MAX 32768
/* For all of them together: those that fork are outrun, then those that were killed go when they
 * next get a processor. */
#define STOP_TIMEOUT_US 1000000U
#define KILL_TIMEOUT_US 2000000U

struct process {
	pid_t pid, parent, session;
	uint64_t began_ticks;
	bool is_zombie, is_stopped, is_member;
};

struct processes {
	struct process list[PROCESSES_MAX]; /* pids ascend */
	int count;
};

struct tool_moment tool_moment_now(void)
{
	struct timespec now;
	char line[128];
	int last_pid = 0;
	CUA_AUTO_FD int fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	const ssize_t len = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	line[len > 0 ? len : 0] = '\0';
	/* The last word is of our own pid namespace; see proc(5). */
	if (sscanf(line, "%*s %*s %*s %*s %d", &last_pid) != 1) {
		last_pid = 0;
	}
	clock_gettime(CLOCK_BOOTTIME, &now);
	const uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
	return (struct tool_moment){ .last_pid = last_pid,
		.ticks = (uint64_t)now.tv_sec * hz + (uint64_t)now.tv_nsec * hz / 1000000000U };
}

/* --- reading --- */

static bool read_process(pid_t pid, struct process *ret_process)
{
	char path[64], line[512];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	CUA_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t len = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	line[len > 0 ? len : 0] = '\0';
	/* The name in brackets may hold anything. */
	const char *rest = strrchr(line, ')');
	char state = 0;
	int parent = 0, session = 0, threads = 0;
	unsigned long long began_ticks = 0;
	if (!rest ||
			sscanf(rest,
					") %c %d %*d %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
					" %*s %*s %d %*s %llu",
					&state, &parent, &session, &threads, &began_ticks) != 5) {
		return false;
	}
	*ret_process = (struct process){ pid, parent, session, began_ticks,
		/* One whose first thread has ended looks like one, and goes on. */
		.is_zombie = state == 'X' || (state == 'Z' && threads <= 1),
		.is_stopped = state == 'T' || state == 't' };
	return true;
}

/* The folder lists them in order. */
static void read_all(struct processes *all)
{
	all->count = 0;
	DIR *proc = opendir("/proc");
	for (const struct dirent *entry;
			proc && all->count < PROCESSES_MAX && (entry = readdir(proc));) {
		const pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (isdigit((unsigned char)entry->d_name[0]) &&
				read_process(pid, &all->list[all->count])) {
			all->count++;
		}
	}
	if (proc) {
		closedir(proc);
	}
}

static int compare(const void *a, const void *b)
{
	const pid_t left = ((const struct process *)a)->pid,
		    right = ((const struct process *)b)->pid;
	return (left > right) - (left < right);
}

static const struct process *find(const struct processes *all, pid_t pid)
{
	const struct process key = { .pid = pid };
	return bsearch(&key, all->list, (size_t)all->count, sizeof(key), compare);
}

static bool is_other(const struct tool_family *family, pid_t pid)
{
	return pid > 0 && (pid == family->others[0] || pid == family->others[1]);
}

static bool began_since(const struct process *process, const struct tool_moment *since)
{
	return process->began_ticks > since->ticks ||
			(process->began_ticks == since->ticks && process->pid > since->last_pid);
}

static bool belongs(const struct tool_family *family, const struct processes *all,
		const struct process *process)
{
	const pid_t self = getpid();
	if (process->pid == family->head || process->pid == self ||
			is_other(family, process->pid)) {
		return false;
	}
	if (process->parent == family->head || process->session == family->head) {
		return true;
	}
	if (process->parent == self) {
		return !is_other(family, process->session) && began_since(process, &family->since);
	}
	const struct process *parent = find(all, process->parent);
	return parent && parent->is_member;
}

/* All processes as they are now, the members marked; until the next call. */
static struct processes *read_family(const struct tool_family *family)
{
	static struct processes list;
	struct processes *all = &list;
	read_all(all);
	/* Until no more are found: when numbers have gone round, a child stands before its parent.
	 */
	for (bool again = true; again;) {
		again = false;
		for (int i = 0; i < all->count; i++) {
			struct process *process = &all->list[i];
			if (!process->is_member && belongs(family, all, process)) {
				process->is_member = again = true;
			}
		}
	}
	return all;
}

/* --- signals --- */

/* A pidfd; -1 if it is gone. Where many are started numbers soon go round: what has got this one
 * since is left alone. */
static int open_process(const struct process *process)
{
	struct process now;
	CUA_AUTO_FD int fd = pidfd_open(process->pid, 0);
	return fd >= 0 && read_process(process->pid, &now) &&
					now.began_ticks == process->began_ticks
			? cua_steal_fd(&fd)
			: -1;
}

static void send(const struct process *process, int signal)
{
	CUA_AUTO_FD int fd = open_process(process);
	if (fd >= 0) {
		pidfd_send_signal(fd, signal, NULL, 0);
	}
}

void tool_family_signal(const struct tool_family *family, int signal)
{
	const struct processes *all = read_family(family);
	for (int i = 0; i < all->count; i++) {
		if (all->list[i].is_member && !all->list[i].is_zombie) {
			send(&all->list[i], signal);
		}
	}
}

int tool_family_watch(const struct tool_family *family)
{
	const struct processes *all = read_family(family);
	for (int i = 0; i < all->count; i++) {
		const struct process *process = &all->list[i];
		const int fd = process->is_member && !process->is_zombie ? open_process(process)
									 : -1;
		if (fd >= 0) {
			return fd;
		}
	}
	return -1;
}

/* All of them, also those that are started meanwhile: who has stopped has got through the fork(2)
 * it was in, and gets into no other. So there are no more when one look shows none that runs, and
 * none that the look before did not show. Those that fork and end at once come to the limit of
 * processes, for which the dead count until they are waited for. */
static void stop(const struct tool_family *family)
{
	static struct processes before;
	const uint64_t deadline_us = cua_now_us() + STOP_TIMEOUT_US;
	before.count = 0;
	for (bool again = true; again && cua_now_us() < deadline_us;) {
		const struct processes *now = read_family(family);
		again = false;
		for (int i = 0; i < now->count; i++) {
			const struct process *process = &now->list[i],
					     *known = find(&before, process->pid);
			if (!process->is_member || process->is_zombie) {
				continue;
			}
			if (!process->is_stopped) {
				send(process, SIGSTOP);
			}
			again = again || !process->is_stopped || !known || !known->is_member ||
					known->began_ticks != process->began_ticks;
		}
		memcpy(before.list, now->list, (size_t)now->count * sizeof(now->list[0]));
		before.count = now->count;
	}
}

static void kill_all(const struct tool_family *family)
{
	const uint64_t deadline_us = cua_now_us() + KILL_TIMEOUT_US;
	for (bool again = true; again;) {
		tool_family_signal(family, SIGKILL);
		CUA_AUTO_FD int fd = tool_family_watch(family);
		struct pollfd gone = { .fd = fd, .events = POLLIN };
		again = fd >= 0 && cua_now_us() < deadline_us;
		if (again) {
			poll(&gone, 1, cua_ms_until(deadline_us));
		}
	}
}

/* The head is stopped then. Its process group stops in one stroke; the others are looked for. */
static void kill_below(const struct tool_family *family)
{
	if (family->head != getpid()) {
		kill(-family->head, SIGSTOP);
		kill(family->head, SIGSTOP);
	}
	stop(family);
	kill_all(family);
}

void tool_family_kill(const struct tool_family *family)
{
	kill_below(family);
	kill(family->head, SIGCONT);
}

void tool_family_end(const struct tool_family *family)
{
	kill_below(family);
	kill(family->head, SIGKILL);
	waitpid(family->head, NULL, 0);
}
