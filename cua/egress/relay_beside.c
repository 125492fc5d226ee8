/* A relay beside a command that knows nothing of it. */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "cua/egress/relay.h"

#define RESTARTS_MAX 100

/* The pipes of the command are none of the relay's: their ends would not be seen. */
static bool let_go_of_pipes(void)
{
	CUA_AUTO_FD int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool is_well = null_fd > STDERR_FILENO;
	for (int fd = STDIN_FILENO; is_well && fd <= STDERR_FILENO; fd++) {
		is_well = dup2(null_fd, fd) == fd;
	}
	return is_well;
}

/* In a session of its own, so that a signal for all of the command's processes leaves it the
 * network. */
static void keep_relay(int listen_fd, const char *folder)
{
	setsid();
	for (int i = 0; i < RESTARTS_MAX; i++) {
		const pid_t pid = fork();
		if (pid == 0) {
			_exit(egress_relay_run(listen_fd, folder));
		}
		if (pid < 0 || waitpid(pid, NULL, 0) != pid) {
			return;
		}
	}
}

/* A child of a child that is gone belongs to the sandbox's first process. */
static bool start_relay(int listen_fd, const char *folder)
{
	int status = 0;
	const pid_t pid = fork();
	if (pid == 0) {
		const pid_t keeper = let_go_of_pipes() ? fork() : -1;
		if (keeper == 0) {
			keep_relay(listen_fd, folder);
		}
		_exit(keeper < 0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

enum cua_status egress_relay_beside(
		const char *folder, int life_fd, char *const *command, struct cua_error *err)
{
	CUA_AUTO_FD int listen_fd = -1;
	enum cua_status status = egress_relay_listen(&listen_fd, err);
	if (status != CUA_OK) {
		return status;
	}
	if (fcntl(life_fd, F_SETFD, FD_CLOEXEC) != 0 || !start_relay(listen_fd, folder)) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "the relay to the egress proxy");
	}
	egress_relay_set_environment();
	execvp(command[0], command);
	return CUA_FAIL(err, CUA_ERR_NOT_FOUND, errno, "%s " EGRESS_RELAY_NO_COMMAND, command[0]);
}
