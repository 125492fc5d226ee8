#include "cua/bench/bench_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/process.h"
#include "cua/base/util.h"

#define PRINTED_MAX ((size_t)64 << 20)
#define SILENCE_MAX_MS 120000

static bool open_ends(bool on_terminal, int *ret_ours, int *ret_theirs)
{
	int ends[2];
	if (on_terminal ? openpty(&ends[0], &ends[1], NULL, NULL, NULL) != 0
			: pipe2(ends, O_CLOEXEC) != 0) {
		return false;
	}
	*ret_ours = ends[0];
	*ret_theirs = ends[1];
	return true;
}

enum cua_status bench_child_start(const struct bench *bench, const char *const *argv,
		bool on_terminal, struct bench_child *ret_child, struct cua_error *err)
{
	CUA_AUTO_FD int ours = -1;
	CUA_AUTO_FD int theirs = -1;
	if (!open_ends(on_terminal, &ours, &theirs)) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "the standard output of %s", argv[0]);
	}
	const struct cua_fd_map out = { theirs, STDOUT_FILENO };
	const struct cua_spawn spawn = {
		.argv = argv, .exec_fd = -1, .fds = &out, .fd_count = 1, .uid = (uid_t)-1
	};
	pid_t pid = 0;
	enum cua_status status = cua_spawn(&spawn, &pid, err);
	if (status == CUA_OK) {
		*ret_child = (struct bench_child){
			.bench = bench, .pid = pid, .out_fd = cua_steal_fd(&ours)
		};
		cua_buffer_init(&ret_child->text, PRINTED_MAX);
	}
	return status;
}

enum cua_status bench_child_read(struct bench_child *child, struct cua_error *err)
{
	char piece[65536];
	struct pollfd fds[] = { { child->out_fd, POLLIN, 0 },
		{ child->bench->stop_fd, POLLIN, 0 } };
	const int ready = poll(fds, CUA_ARRAY_LEN(fds), SILENCE_MAX_MS);
	if (fds[1].revents) {
		return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "stopped");
	}
	if (ready <= 0) {
		return CUA_FAIL(err, ready == 0 ? CUA_ERR_TIMEOUT : CUA_ERR_IO,
				ready == 0 ? 0 : errno, "it printed nothing in %d s",
				SILENCE_MAX_MS / 1000);
	}
	const ssize_t got = read(child->out_fd, piece, sizeof(piece));
	return got > 0 ? cua_buffer_append(&child->text, piece, (size_t)got, err)
		       : CUA_FAIL(err, CUA_ERR_CLOSED, 0, "it prints no more");
}

enum cua_status bench_child_line(
		struct bench_child *child, const char **ret_line, struct cua_error *err)
{
	char *end = NULL;
	enum cua_status status = CUA_OK;
	cua_buffer_consume(&child->text, child->taken);
	child->taken = 0;
	while (!(end = child->text.len ? strchr(child->text.data, '\n') : NULL)) {
		status = bench_child_read(child, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	*end = '\0';
	child->taken = (size_t)(end - child->text.data) + 1;
	*ret_line = child->text.data;
	return CUA_OK;
}

int bench_child_end(struct bench_child *child, int signal)
{
	int wait_status = 0;
	pid_t ended = -1;
	if (signal) {
		kill(child->pid, signal);
	}
	while ((ended = waitpid(child->pid, &wait_status, 0)) < 0 && errno == EINTR) {
	}
	cua_closep(&child->out_fd);
	child->out_fd = -1;
	cua_buffer_finish(&child->text);
	return ended == child->pid && WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
}
