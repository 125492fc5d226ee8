#ifndef CUA_BASE_SANDBOX_H
#define CUA_BASE_SANDBOX_H

/* A bubblewrap sandbox for one desktop: own user, pid, mount, network, IPC and UTS namespaces,
 * no capability, a list of refused system calls; the system read-only, two directories writable.
 * It outlives its creator. */

#include <sys/types.h>

#include "cua/base/error.h"
#include "cua/base/process.h"

/* Paths inside. */
#define CUA_SANDBOX_SESSION_DIR "/run/cua"
#define CUA_SANDBOX_HOME "/home/agent"
#define CUA_SANDBOX_PROGRAM "/run/cua-program/cua"

struct cua_sandbox_spec {
	const char *session_dir; /* appears as CUA_SANDBOX_SESSION_DIR, writable */
	const char *x11_dir;     /* appears as /tmp/.X11-unix, writable */
	const char *home_dir;    /* appears as CUA_SANDBOX_HOME, writable */
	int program_fd;          /* our own executable, copied to CUA_SANDBOX_PROGRAM */
	uid_t uid; /* identity outside when the caller is root; (uid_t)-1: the caller's */
	const char *const *argv; /* what runs inside */
	const char *mark; /* CUA_DESKTOP_DIR of the outer processes, to recognise strays by */
	int ready_fd;     /* appears as descriptor 3 */
	int log_fd;       /* stdout and stderr */
};

struct cua_sandbox {
	struct cua_process_id bwrap; /* outside */
	struct cua_process_id init; /* pid 1 of the pid namespace: its end ends everything inside */
};

/**
 * cua_sandbox_start() - start argv inside a new sandbox.
 *
 * Return: CUA_OK; CUA_ERR_UNAVAILABLE with bubblewrap's reason if the sandbox cannot be had.
 * Source: bwrap(1), bubblewrap 0.8.
 */
CUA_NODISCARD enum cua_status cua_sandbox_start(const struct cua_sandbox_spec *spec,
		struct cua_sandbox *ret_sandbox, struct cua_error *err);

#endif
