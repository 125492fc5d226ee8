#ifndef CUA_BASE_SANDBOX_H
#define CUA_BASE_SANDBOX_H

/* A bubblewrap sandbox for a desktop, or for one program: own user, pid, mount, network, IPC and
 * UTS namespaces, no capability, a list of refused system calls; the system read-only, a home and
 * what is named beside it. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cua/base/error.h"
#include "cua/base/process.h"

/* Paths inside. */
#define CUA_SANDBOX_SESSION_DIR "/run/cua"
#define CUA_SANDBOX_EGRESS_DIR "/run/cua-egress"
#define CUA_SANDBOX_HOME "/home/agent"
#define CUA_SANDBOX_WORKSPACE CUA_SANDBOX_HOME "/workspace"
#define CUA_SANDBOX_PROGRAM "/run/cua-program/cua"

#define CUA_SANDBOX_FOLDERS_MAX 72

/* A folder, or a file, of this machine. */
struct cua_sandbox_folder {
	const char *outside; /* NULL: fd, which no link put in its place can stand for */
	const char *inside;
	bool is_writable;
	int fd; /* borrowed; O_PATH is enough */
};

struct cua_sandbox_spec {
	const char *home_dir; /* appears as CUA_SANDBOX_HOME, writable */
	const struct cua_sandbox_folder *folders;
	size_t folder_count; /* up to CUA_SANDBOX_FOLDERS_MAX */
	int program_fd;      /* our own executable, copied to CUA_SANDBOX_PROGRAM; -1: none */
	uid_t uid;           /* identity outside when the caller is root; (uid_t)-1: the caller's */
	const char *const *argv; /* what runs inside */
	const char *const *env;  /* "NAME=value" beside HOME, PATH, USER, LOGNAME; NULL: none */
	const char *mark;  /* CUA_DESKTOP_DIR of the outer processes, to recognise strays by; NULL:
			      none */
	int ready_fd;      /* appears as descriptor 3; -1: none */
	int in_fd, out_fd; /* stdin and stdout; -1: nothing comes, and what log_fd is */
	int log_fd;        /* stderr */
	bool has_network;  /* that of the caller; else loopback alone */
	const char *resolv_conf; /* its text, without has_network; NULL: there is none */
	bool is_own_init;        /* argv is the first process of its namespace, and reaps orphans */
	const struct cua_attach *attach; /* as in struct cua_spawn */
	const int *group_fds;
	int group_fd_count;
	const struct cua_rlimit *rlimits;
	int rlimit_count;
	int64_t scratch_bytes; /* size of each of /tmp, /run, /var/tmp and /dev/shm; 0: half of
				  this machine's memory */
	bool dies_with_caller; /* with the thread that starts it; else it outlives its creator */
};

struct cua_sandbox {
	struct cua_process_id bwrap; /* outside; unless is_own_init it ends when argv does */
	struct cua_process_id init; /* pid 1 of the pid namespace: its end ends everything inside */
};

/**
 * cua_sandbox_start() - start argv inside a new sandbox.
 *
 * No value of env shows in a list of processes.
 *
 * Return: CUA_OK; CUA_ERR_UNAVAILABLE with bubblewrap's reason if the sandbox cannot be had;
 *         CUA_ERR_INVAL for an entry of env that is no "NAME=value", or too many folders.
 * Source: bwrap(1), bubblewrap 0.8; for folders by descriptor 0.10, or 0.8.0-2+deb12u1 of Debian,
 *         which compare what they mounted with the descriptor before anything runs.
 */
CUA_NODISCARD enum cua_status cua_sandbox_start(const struct cua_sandbox_spec *spec,
		struct cua_sandbox *ret_sandbox, struct cua_error *err);

#endif
