#include "agent/tools/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "agent/tools/family.h"
#include "agent/tools/world.h"
#include "cua/base/process.h"
#include "cua/base/util.h"

/* True while there may be more. */
static bool take(int fd, struct tool_output *output, struct cua_buffer *bytes,
		enum cua_status *status, struct cua_error *err)
{
	char part[65536];
	if (output) {
		return tool_output_read(output, fd);
	}
	const ssize_t got = read(fd, part, sizeof(part));
	if (got > 0) {
		*status = cua_buffer_append(bytes, part, (size_t)got, err);
	}
	return got > 0 ? *status == CUA_OK : got < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Until its output ends and it has ended: it may have closed that before. */
static enum cua_status follow(struct tool_call *call, pid_t pid, int fd, struct tool_output *output,
		struct cua_buffer *bytes, const char *name, struct cua_error *err)
{
	CUA_AUTO_FD int pid_fd = pidfd_open(pid, 0);
	enum cua_status status = CUA_OK;
	bool more = true;
	while (status == CUA_OK) {
		struct pollfd ready[] = { { .fd = more ? fd : pid_fd, .events = POLLIN },
			{ .fd = call->world->link.fd, .events = POLLIN } };
		const int count =
				poll(ready, CUA_ARRAY_LEN(ready), cua_ms_until(call->deadline_us));
		if (count > 0 && ready[1].revents && tool_is_cancelled(call)) {
			return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "the caller gave up");
		}
		if (cua_now_us() >= call->deadline_us) {
			/* The call's own bound, and nothing that is wrong with the desktop. */
			return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "%s was ended: it took too long",
					name);
		}
		if (count > 0 && ready[0].revents && !more) {
			break;
		}
		if (count > 0 && ready[0].revents) {
			more = take(fd, output, bytes, &status, err);
		}
	}
	return status;
}

enum cua_status tool_program_run(struct tool_call *call, const char *const *argv,
		struct tool_output *output, struct cua_buffer *bytes, int *ret_status,
		struct cua_error *err)
{
	int out[2];
	CUA_AUTO_FD int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd < 0 || pipe2(out, O_CLOEXEC) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "pipe for %s", argv[0]);
	}
	CUA_AUTO_FD int read_fd = out[0];
	const struct cua_fd_map fds[] = { { null_fd, 0 }, { out[1], 1 },
		{ output ? out[1] : null_fd, 2 } };
	static const struct cua_rlimit no_others = { RLIMIT_NPROC, 0 };
	const struct cua_spawn spawn = { .argv = argv,
		.exec_fd = -1,
		.cwd = call->world->workspace.path,
		.fds = fds,
		.fd_count = (int)CUA_ARRAY_LEN(fds),
		.uid = (uid_t)-1,
		.new_session = true,
		.group_fds = call->world->group_fds,
		.group_fd_count = call->world->group_fd_count,
		.rlimits = &no_others,
		.rlimit_count = call->is_alone ? 1 : 0,
		.oom_score_adj = CUA_OOM_SCORE_EXPENDABLE };
	pid_t pid = 0;
	int code = 0;
	fcntl(read_fd, F_SETFL, O_NONBLOCK);
	enum cua_status status = cua_spawn(&spawn, &pid, err);
	close(out[1]);
	if (status == CUA_ERR_NOT_FOUND) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "%s is not installed", argv[0]);
	}
	if (status == CUA_OK) {
		status = follow(call, pid, read_fd, output, bytes, argv[0], err);
	}
	if (pid > 0 && status != CUA_OK) {
		const struct tool_family family =
				tool_worker_family(call->world, pid, &call->began);
		tool_family_end(&family);
	} else if (pid > 0) {
		waitpid(pid, &code, 0);
		*ret_status = WIFSIGNALED(code) ? 128 + WTERMSIG(code) : WEXITSTATUS(code);
	}
	return status;
}

enum cua_status tool_program_say(struct tool_call *call, const char *const *argv, int *ret_status,
		struct cua_error *err)
{
	struct tool_output *output CUA_AUTO_FREE = calloc(1, sizeof(*output));
	enum cua_status status = output
			? tool_program_run(call, argv, output, NULL, ret_status, err)
			: CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "output");
	return status == CUA_OK ? tool_output_tell(output, &call->text, err) : status;
}

enum cua_status tool_program_tell(
		struct tool_call *call, const char *const *argv, struct cua_error *err)
{
	int code = 0;
	enum cua_status status = tool_program_say(call, argv, &code, err);
	if (status == CUA_OK && code != 0) {
		call->is_error = true;
		status = cua_buffer_printf(&call->text, err, "[%s: exit status %d]", argv[0], code);
	}
	return status;
}
