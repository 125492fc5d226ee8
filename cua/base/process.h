#ifndef CUA_BASE_PROCESS_H
#define CUA_BASE_PROCESS_H

/* Starting processes, and recognising and ending them later without hitting a stranger that got
 * the same pid. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cua/base/error.h"

struct cua_fd_map {
	int from, to; /* the child finds descriptor from as to */
};

/* A resource of setrlimit(2), soft and hard; what is lower already stays. */
struct cua_rlimit {
	int resource;
	uint64_t value;
};

/* A mount of open_tree(2), and the folder that the child alone finds it at. */
struct cua_attach {
	int tree_fd;
	const char *at;
};

#define CUA_SPAWN_FDS_MAX 128

struct cua_spawn {
	const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
	const char *const *envp; /* NULL: the caller's environment */
	int exec_fd;             /* run this open file instead of argv[0]; -1: none */
	const char *cwd;         /* NULL: the caller's */
	const struct cua_fd_map *fds;
	int fd_count; /* up to CUA_SPAWN_FDS_MAX; of the rest, 0 to 2 stay and all others are closed
			 in the child */
	uid_t uid;    /* drop to this uid and gid and to no groups; (uid_t)-1: stay */
	bool new_session;  /* setsid(): no controlling terminal, own process group */
	bool has_terminal; /* with new_session: descriptor 0 is its controlling terminal */
	bool short_slice;  /* see cua_short_slice() */
	const struct cua_attach
			*attach; /* in a mount namespace of its own; root only; NULL: none */
	const int *group_fds;    /* of cua_cgroup_open(): the child is in that group */
	int group_fd_count;
	const struct cua_rlimit *rlimits;
	int rlimit_count;
	int oom_score_adj; /* above 0: killed before others for want of memory; see proc(5) */
};

/**
 * cua_spawn() - fork and exec.
 *
 * Signal mask and dispositions are reset in the child.
 *
 * Return: CUA_OK once the exec has succeeded; CUA_ERR_NOT_FOUND if there is no such program;
 *         CUA_ERR_IO with errno of the step that failed. The caller reaps the child.
 */
CUA_NODISCARD enum cua_status cua_spawn(
		const struct cua_spawn *spawn, pid_t *ret_pid, struct cua_error *err);

/* Of the calling process, before it has threads: nobody of its user may look into it. What it
 * starts can still be given a score. */
void cua_forbid_tracing(void);

/* Of what may be killed for want of memory before what others stand on: more than what holds half
 * of it. */
#define CUA_OOM_SCORE_EXPENDABLE 500

/* Of the calling process. */
void cua_lower_rlimit(const struct cua_rlimit *limit);

/* Short time slices for this thread and what it starts: Linux 6.12 and later then lets it run soon
 * after it is woken, where it would wait up to some milliseconds for whoever computes. It gets no
 * more processor time for that. For those who answer, not for those who compute; best effort. */
void cua_short_slice(void);

/* A process as it can be written down: a pid alone may be someone else's tomorrow. */
struct cua_process_id {
	pid_t pid;
	uint64_t start_ticks; /* field 22 of /proc/PID/stat */
};

/* pid 0 in the result if there is no such process. */
struct cua_process_id cua_process_identify(pid_t pid);

/**
 * cua_process_open() - a pidfd, if the process still is the one that was written down.
 * Return: the descriptor, to be closed; -1 if it is gone.
 */
int cua_process_open(struct cua_process_id id);

/* Sends a signal and waits until the process is gone or the time is over; true if gone.
 * Works on any process, not only on children. */
bool cua_process_end(struct cua_process_id id, int signal, int wait_ms);

#endif
