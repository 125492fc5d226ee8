#ifndef CUA_EGRESS_PROCESS_H
#define CUA_EGRESS_PROCESS_H

/* Starting a process that stands between a sandbox and the network: a proxy or a gateway. */

#include <sys/types.h>

#include "cua/base/error.h"
#include "cua/base/process.h"

/* Whom it runs as when root starts it: nobody else on Debian, and no sandbox. */
#define EGRESS_UID 65600U

/* As it finds them. */
#define EGRESS_OWN_FD 3 /* what it serves: a listener or an interface */
#define EGRESS_LOG_FD 4
#define EGRESS_READY_FD 5
#define EGRESS_LIFE_FD 6

struct egress_process {
	const char *program;
	const char *log_path;    /* gets the decisions; an old one may make room */
	const char *errors_path; /* gets what it complains of */
	int in_fd;               /* its stdin */
	int own_fd, life_fd;     /* life_fd -1: none */
	const int *group_fds;    /* as of struct cua_spawn */
	int group_fd_count;
};

/**
 * egress_process_start() - the process, with an environment in which no key is.
 * @ret_ready_fd: a pipe, which the caller closes; for cua_read_ready().
 *
 * Return: CUA_OK; CUA_ERR_NOT_FOUND without the program; CUA_ERR_IO.
 */
CUA_NODISCARD enum cua_status egress_process_start(const struct egress_process *process,
		pid_t *ret_pid, int *ret_ready_fd, struct cua_error *err);

#endif
