#include "cua/run_detach.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "cua/cmd.h"

#define NAME_MAX_LEN 256

static void to_null(int fd, int flags)
{
	CUA_AUTO_FD int null_fd = open("/dev/null", flags | O_CLOEXEC);
	if (null_fd >= 0) {
		dup2(null_fd, fd);
	}
}

/* The child's name for its run, or how it ended without one. */
static int await_begin(pid_t child, int fd)
{
	char name[NAME_MAX_LEN + 1];
	size_t len = 0;
	ssize_t got = 0;
	while (len < NAME_MAX_LEN && (got = read(fd, name + len, NAME_MAX_LEN - len)) != 0) {
		if (got < 0 && errno != EINTR) {
			break;
		}
		len += got > 0 ? (size_t)got : 0;
	}
	name[len] = '\0';
	if (len > 0) {
		printf("%s\n", name);
		return CUA_EXIT_OK;
	}
	int status = 0;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : CUA_EXIT_DESKTOP;
}

bool run_detach(int *ret_tell_fd, int *ret_status)
{
	int ends[2];
	*ret_status = CUA_EXIT_DESKTOP;
	if (pipe2(ends, O_CLOEXEC) != 0) {
		fprintf(stderr, "cua run: pipe: %s\n", strerrordesc_np(errno));
		return false;
	}
	const pid_t child = fork();
	if (child == 0) {
		close(ends[0]);
		setsid();
		to_null(STDIN_FILENO, O_RDONLY);
		to_null(STDOUT_FILENO, O_WRONLY);
		*ret_tell_fd = ends[1];
		return true;
	}
	close(ends[1]);
	if (child < 0) {
		fprintf(stderr, "cua run: fork: %s\n", strerrordesc_np(errno));
	} else {
		*ret_status = await_begin(child, ends[0]);
	}
	close(ends[0]);
	return false;
}

void run_detach_begun(int *tell_fd, const char *name)
{
	if (*tell_fd >= 0) {
		if (write(*tell_fd, name, strlen(name)) < 0 && errno == EPIPE) {
			/* Who wanted it has given up waiting, and would not know of it. */
			raise(SIGTERM);
		}
		close(cua_steal_fd(tell_fd));
		to_null(STDERR_FILENO, O_WRONLY);
	}
}
