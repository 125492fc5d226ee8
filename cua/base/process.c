#include "cua/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/util.h"

#define SHORT_SLICE_NS 100000U /* the shortest there is */

/* What the child tells its parent through the close-on-exec pipe when it cannot exec. */
struct spawn_failure {
	int sys_errno;
	char step[16];
};

static void child_fail(int report_fd, const char *step)
{
	struct spawn_failure failure = { .sys_errno = errno };
	snprintf(failure.step, sizeof(failure.step), "%s", step);
	(void)!write(report_fd, &failure, sizeof(failure));
	_exit(127);
}

/* Moves the mapped descriptors into place; higher numbers first, so none overwrites another. */
static int child_map_fds(const struct cua_spawn *spawn, int *report_fd, int *exec_fd)
{
	int highest = 2, moved[CUA_SPAWN_FDS_MAX];
	for (int i = 0; i < spawn->fd_count; i++) {
		highest = spawn->fds[i].to > highest ? spawn->fds[i].to : highest;
	}
	const int above = highest + 1;
	for (int i = 0; i < spawn->fd_count; i++) {
		moved[i] = fcntl(spawn->fds[i].from, F_DUPFD_CLOEXEC, above);
		if (moved[i] < 0) {
			return -1;
		}
	}
	const int report_above = fcntl(*report_fd, F_DUPFD_CLOEXEC, above);
	if (report_above < 0) {
		return -1;
	}
	*report_fd = report_above;
	if (*exec_fd >= 0 && (*exec_fd = fcntl(*exec_fd, F_DUPFD_CLOEXEC, above)) < 0) {
		return -1;
	}
	for (int i = 0; i < spawn->fd_count; i++) {
		if (dup2(moved[i], spawn->fds[i].to) < 0) {
			return -1;
		}
	}
	for (int fd = 3; fd < above; fd++) {
		bool wanted = false;
		for (int i = 0; i < spawn->fd_count; i++) {
			wanted = wanted || spawn->fds[i].to == fd;
		}
		if (!wanted) {
			close(fd);
		}
	}
	return close_range((unsigned int)above, ~0U, CLOSE_RANGE_CLOEXEC);
}

void cua_short_slice(void)
{
	/* struct sched_attr of sched_setattr(2), version 0; <linux/sched/types.h> clashes with
	 * <sched.h>. For a thread of no real-time class the kernel takes the runtime for the slice.
	 */
	const struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime_ns, deadline_ns, period_ns;
	} attr = { .size = sizeof(attr),
		.policy = SCHED_OTHER,
		.nice = getpriority(PRIO_PROCESS, 0),
		.runtime_ns = SHORT_SLICE_NS };
	if (sched_getscheduler(0) == SCHED_OTHER) {
		(void)syscall(SYS_sched_setattr, 0, &attr, 0U);
	}
}

void cua_lower_rlimit(const struct cua_rlimit *limit)
{
	struct rlimit old;
	const __typeof__(RLIMIT_NOFILE) resource = limit->resource;
	if (getrlimit(resource, &old) == 0 && old.rlim_max > limit->value) {
		const struct rlimit new = { limit->value, limit->value };
		(void)setrlimit(resource, &new); /* lower is always allowed */
	}
}

/* Before it drops its identity, which the group's files are for. */
static bool child_join(const struct cua_spawn *spawn)
{
	for (int i = 0; i < spawn->group_fd_count; i++) {
		if (write(spawn->group_fds[i], "0", 1) != 1) {
			return false;
		}
	}
	return true;
}

static bool child_attach(const struct cua_attach *attach)
{
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) == 0 &&
			syscall(SYS_move_mount, attach->tree_fd, "", AT_FDCWD, attach->at,
					MOVE_MOUNT_F_EMPTY_PATH) == 0;
}

#define OOM_SCORE_PATH "/proc/self/oom_score_adj"

/* Opened while this process could open it, and what it said; -1: not. */
static int own_score_fd = -1, own_score;

void cua_forbid_tracing(void)
{
	if (own_score_fd < 0) {
		char text[16] = "";
		own_score_fd = open(OOM_SCORE_PATH, O_RDWR | O_CLOEXEC);
		own_score = own_score_fd >= 0 && pread(own_score_fd, text, sizeof(text) - 1, 0) > 0
				? (int)strtol(text, NULL, 10)
				: 0;
	}
	prctl(PR_SET_DUMPABLE, 0);
}

/* A child has it from its first moment, and so has what that starts: who starts as nobody may trace
 * him could not write his own. */
static void lend_score(const struct cua_spawn *spawn, int score)
{
	if (spawn->oom_score_adj > 0 && own_score_fd >= 0) {
		dprintf(own_score_fd, "%d", score); /* best effort */
	}
}

static void child_bound(const struct cua_spawn *spawn)
{
	for (int i = 0; i < spawn->rlimit_count; i++) {
		cua_lower_rlimit(&spawn->rlimits[i]);
	}
	if (spawn->oom_score_adj > 0 && own_score_fd < 0) {
		const int fd = open(OOM_SCORE_PATH, O_WRONLY | O_CLOEXEC);
		if (fd >= 0) {
			dprintf(fd, "%d", spawn->oom_score_adj); /* best effort */
			close(fd);
		}
	}
}

static void child_run(const struct cua_spawn *spawn, int report_fd)
{
	int exec_fd = spawn->exec_fd;
	for (int number = 1; number < NSIG; number++) {
		signal(number, SIG_DFL);
	}
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (spawn->new_session) {
		setsid();
	}
	if (spawn->short_slice) {
		cua_short_slice();
	}
	if (!child_join(spawn)) {
		child_fail(report_fd, "control group");
	}
	if (spawn->attach && !child_attach(spawn->attach)) {
		child_fail(report_fd, "mount");
	}
	child_bound(spawn);
	if (child_map_fds(spawn, &report_fd, &exec_fd) != 0) {
		child_fail(report_fd, "descriptors");
	}
	if (spawn->has_terminal && ioctl(STDIN_FILENO, TIOCSCTTY, 0) != 0) {
		child_fail(report_fd, "terminal");
	}
	if (spawn->uid != (uid_t)-1) {
		if (setgroups(0, NULL) != 0 || setresgid(spawn->uid, spawn->uid, spawn->uid) != 0 ||
				setresuid(spawn->uid, spawn->uid, spawn->uid) != 0) {
			child_fail(report_fd, "setuid");
		}
	}
	if (spawn->cwd && chdir(spawn->cwd) != 0) {
		child_fail(report_fd, "chdir");
	}
	char *const *argv = (char *const *)(uintptr_t)spawn->argv;
	char *const *envp = spawn->envp ? (char *const *)(uintptr_t)spawn->envp : environ;
	if (exec_fd >= 0) {
		fexecve(exec_fd, argv, envp);
	} else {
		execvpe(argv[0], argv, envp);
	}
	child_fail(report_fd, "exec");
}

enum cua_status cua_spawn(const struct cua_spawn *spawn, pid_t *ret_pid, struct cua_error *err)
{
	if (spawn->fd_count > CUA_SPAWN_FDS_MAX) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "more than %d descriptors",
				CUA_SPAWN_FDS_MAX);
	}
	int report[2];
	if (pipe2(report, O_CLOEXEC) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "pipe");
	}
	/* With signals blocked until the child has reset its handlers, none of ours runs in it. */
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	lend_score(spawn, spawn->oom_score_adj);
	pid_t pid = fork();
	if (pid == 0) {
		child_run(spawn, report[1]);
	}
	int fork_errno = errno;
	lend_score(spawn, own_score);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	close(report[1]);
	if (pid < 0) {
		close(report[0]);
		return CUA_FAIL(err, CUA_ERR_IO, fork_errno, "fork");
	}
	struct spawn_failure failure;
	ssize_t got;
	do {
		got = read(report[0], &failure, sizeof(failure));
	} while (got < 0 && errno == EINTR);
	close(report[0]);
	if (got == (ssize_t)sizeof(failure)) {
		waitpid(pid, NULL, 0);
		return CUA_FAIL(err, failure.sys_errno == ENOENT ? CUA_ERR_NOT_FOUND : CUA_ERR_IO,
				failure.sys_errno, "%s: cannot start (%s)", spawn->argv[0],
				failure.step);
	}
	*ret_pid = pid;
	return CUA_OK;
}

/* Start time and state of a process; false if there is none. */
static bool read_stat(pid_t pid, uint64_t *ret_start_ticks, char *ret_state)
{
	char path[64], line[1024];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	CUA_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	if (len <= 0) {
		return false;
	}
	line[len] = '\0';
	/* The name in field 2 may hold anything, spaces and brackets too: fields count from the
	 * last bracket on. */
	char *field = strrchr(line, ')');
	if (!field || !field[1] || !field[2]) {
		return false;
	}
	*ret_state = field[2];
	char *rest = NULL, *word = strtok_r(field + 1, " ", &rest);
	for (int number = 3; word && number < 22; number++) {
		word = strtok_r(NULL, " ", &rest);
	}
	*ret_start_ticks = word ? strtoull(word, NULL, 10) : 0;
	return word != NULL;
}

struct cua_process_id cua_process_identify(pid_t pid)
{
	struct cua_process_id id = { .pid = pid };
	char state;
	if (pid <= 0 || !read_stat(pid, &id.start_ticks, &state)) {
		id.pid = 0;
	}
	return id;
}

int cua_process_open(struct cua_process_id id)
{
	if (id.pid <= 0) {
		return -1;
	}
	int pidfd = (int)syscall(SYS_pidfd_open, id.pid, 0);
	if (pidfd < 0) {
		return -1;
	}
	/* Checked after opening: from here on the number cannot change hands. */
	uint64_t start_ticks = 0;
	char state = 0;
	if (!read_stat(id.pid, &start_ticks, &state) || start_ticks != id.start_ticks ||
			state == 'Z' || state == 'X') {
		close(pidfd);
		return -1;
	}
	return pidfd;
}

bool cua_process_end(struct cua_process_id id, int signal, int wait_ms)
{
	CUA_AUTO_FD int pidfd = cua_process_open(id);
	if (pidfd < 0) {
		return true;
	}
	if (syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) != 0) {
		return errno == ESRCH;
	}
	const uint64_t deadline_us = cua_now_us() + (uint64_t)wait_ms * 1000U;
	struct pollfd gone = { .fd = pidfd, .events = POLLIN };
	int ready;
	do {
		ready = poll(&gone, 1, cua_ms_until(deadline_us));
	} while (ready < 0 && errno == EINTR);
	return ready == 1;
}
