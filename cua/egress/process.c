#include "cua/egress/process.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cua/base/program.h"
#include "cua/base/util.h"
#include "cua/egress/decisions.h"

#define APPEND (O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC)

enum cua_status egress_process_start(const struct egress_process *process, pid_t *ret_pid,
		int *ret_ready_fd, struct cua_error *err)
{
	int ready[2];
	CUA_AUTO_FD int program_fd = cua_program_open(process->program, err);
	if (program_fd < 0) {
		return CUA_ERR_NOT_FOUND;
	}
	egress_decisions_make_room(process->log_path);
	CUA_AUTO_FD int log_fd = open(process->log_path, APPEND, 0600);
	CUA_AUTO_FD int errors_fd = open(process->errors_path, APPEND, 0600);
	if (log_fd < 0 || errors_fd < 0 || pipe2(ready, O_CLOEXEC) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", process->log_path);
	}
	CUA_AUTO_FD int ready_fd = ready[0], told_fd = ready[1];
	const char *const envp[] = { "PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL };
	const char *const argv[] = { process->program, NULL };
	const struct cua_fd_map fds[] = { { process->in_fd, 0 }, { errors_fd, 1 }, { errors_fd, 2 },
		{ process->own_fd, EGRESS_OWN_FD }, { log_fd, EGRESS_LOG_FD },
		{ told_fd, EGRESS_READY_FD }, { process->life_fd, EGRESS_LIFE_FD } };
	const struct cua_spawn how = { .argv = argv,
		.envp = envp,
		.exec_fd = program_fd,
		.cwd = "/",
		.fds = fds,
		.fd_count = (int)CUA_ARRAY_LEN(fds) - (process->life_fd < 0),
		.uid = geteuid() == 0 ? EGRESS_UID : (uid_t)-1,
		.new_session = true,
		.group_fds = process->group_fds,
		.group_fd_count = process->group_fd_count };
	enum cua_status status = cua_spawn(&how, ret_pid, err);
	if (status == CUA_OK) {
		*ret_ready_fd = cua_steal_fd(&ready_fd);
	}
	return status;
}
