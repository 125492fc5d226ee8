#include "cua/bench/bench_echo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"

#define BYTES_MAX ((size_t)16 << 20)

struct bench_echo {
	pid_t pid;
	int fd;
	char *bytes; /* room for an answer */
};

static _Noreturn void answer(int fd, const char *bytes)
{
	size_t wanted = 0;
	/* Nothing that the bench has open may live longer than it. */
	dup2(fd, STDIN_FILENO);
	(void)close_range(STDERR_FILENO + 1, ~0U, 0);
	while (read(STDIN_FILENO, &wanted, sizeof(wanted)) == sizeof(wanted) &&
			cua_write_all(STDIN_FILENO, bytes, wanted)) {
	}
	_exit(0);
}

enum cua_status bench_echo_start(struct bench_echo **ret_echo, struct cua_error *err)
{
	int fds[2];
	CUA_AUTO_FREE char *bytes = malloc(BYTES_MAX);
	CUA_AUTO_FREE struct bench_echo *echo = calloc(1, sizeof(*echo));
	if (!echo || !bytes) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "echo");
	}
	memset(bytes, 'e', BYTES_MAX); /* no page of it is met for the first time later */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "socketpair");
	}
	const pid_t pid = fork();
	if (pid == 0) {
		answer(fds[1], bytes);
	}
	const int fork_errno = errno;
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return CUA_FAIL(err, CUA_ERR_IO, fork_errno, "fork");
	}
	*echo = (struct bench_echo){ pid, fds[0], CUA_STEAL(bytes) };
	*ret_echo = CUA_STEAL(echo);
	return CUA_OK;
}

void bench_echo_stop(struct bench_echo *echo)
{
	if (echo) {
		close(echo->fd); /* it ends with that */
		waitpid(echo->pid, NULL, 0);
		free(echo->bytes);
		free(echo);
	}
}

enum cua_status bench_echo_ask(struct bench_echo *echo, size_t bytes, struct cua_error *err)
{
	if (bytes > BYTES_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "an answer of %zu bytes", bytes);
	}
	bool is_whole = cua_write_all(echo->fd, &bytes, sizeof(bytes));
	for (size_t got = 0; is_whole && got < bytes;) {
		const ssize_t part = read(echo->fd, echo->bytes + got, bytes - got);
		is_whole = part > 0;
		got += is_whole ? (size_t)part : 0;
	}
	return is_whole ? CUA_OK : CUA_FAIL(err, CUA_ERR_IO, errno, "echo");
}
