#include "tests/processes.h"

#include <ctype.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "cua/base/util.h"
#include "tests/files.h"
#include "tests/waiting.h"

/* Field 3 of /proc/PID/stat; 0 if there is no such process. */
static char process_state(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	char *stat = read_whole_file(path, NULL);
	const char *after = stat ? strrchr(stat, ')') : NULL;
	const char state = after && after[1] ? after[2] : 0;
	free(stat);
	return state;
}

pid_t process_parent(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	CUA_AUTO_FREE char *stat = read_whole_file(path, NULL);
	const char *after = stat ? strrchr(stat, ')') : NULL;
	return after && strlen(after) > 4 ? (pid_t)strtol(after + 4, NULL, 10) : 0;
}

bool process_is_gone(pid_t pid)
{
	const char state = process_state(pid);
	return state == 0 || state == 'Z' || state == 'X';
}

bool process_is_stopped(pid_t pid)
{
	return process_state(pid) == 'T';
}

void kill_and_wait(pid_t pid)
{
	assert_true(pid > 1);
	/* The first thread may be a zombie while others still hold the sockets. */
	CUA_AUTO_FD int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	struct pollfd gone = { .fd = pidfd, .events = POLLIN };
	assert_true(pidfd < 0 || poll(&gone, 1, DESKTOP_DEADLINE_MS) == 1);
}

pid_t next_process(DIR *proc)
{
	for (const struct dirent *entry; (entry = readdir(proc));) {
		const pid_t pid = isdigit((unsigned char)entry->d_name[0])
				? (pid_t)strtol(entry->d_name, NULL, 10)
				: 0;
		if (pid > 1 && pid != getpid()) {
			return pid;
		}
	}
	return 0;
}
