#include "display/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CUA_LOG_MODULE "display.guard"
#include "cua/base/log.h"
#include "cua/base/util.h"
#include "display/display.h"

/* A host that was started meanwhile has released everything, and may hold keys of its own. */
static bool is_replaced(const struct desktop_record *record, pid_t host)
{
	struct desktop_record now;
	return desktop_record_read(record->name, &now, NULL) != CUA_OK ||
			(now.host.pid != 0 && now.host.pid != host);
}

static _Noreturn void guard(const struct desktop_record *record, pid_t host, int end_fd)
{
	char byte;
	struct cua_error error = { 0 };
	prctl(PR_SET_NAME, "cua-guard");
	/* Nothing that the host has open may live longer than it. */
	dup2(end_fd, STDIN_FILENO);
	(void)close_range(STDERR_FILENO + 1, ~0U, 0);
	while (read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR) {
	}
	if (!is_replaced(record, host) && display_release_all(record, &error) != CUA_OK) {
		cua_log_debug("nothing to release: %s", error.msg);
	}
	_exit(0);
}

enum cua_status display_guard_start(const struct desktop_record *record,
		struct display_guard *ret_guard, struct cua_error *err)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "pipe");
	}
	const pid_t host = getpid(), pid = fork();
	if (pid == 0) {
		close(fds[1]);
		guard(record, host, fds[0]);
	}
	close(fds[0]);
	if (pid < 0) {
		close(fds[1]);
		return CUA_FAIL(err, CUA_ERR_IO, errno, "fork");
	}
	*ret_guard = (struct display_guard){ pid, fds[1] };
	return CUA_OK;
}

void display_guard_stop(struct display_guard *guard)
{
	if (guard->pid > 0) {
		kill(guard->pid, SIGKILL);
		waitpid(guard->pid, NULL, 0);
		close(guard->life_fd);
	}
	*guard = (struct display_guard){ 0, -1 };
}
