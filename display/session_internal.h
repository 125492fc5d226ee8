#ifndef CUA_DISPLAY_SESSION_INTERNAL_H
#define CUA_DISPLAY_SESSION_INTERNAL_H

/* For session*.c alone. */

#include <sys/queue.h>
#include <sys/types.h>

#include <cjson/cJSON.h>
#include <uv.h>

#include "cua/base/error.h"
#include "cua/base/process.h"
#include "display/session.h"
#include "display/session_slow.h"

struct session;

/* Somebody on the socket; may have started one program. */
struct client {
	struct session *session;
	uv_poll_t poll;
	int fd;
	pid_t pid;          /* 0 before the request */
	bool owns;          /* the program is hung up with the connection */
	bool must_end;      /* hung up means killed */
	bool has_terminal;  /* hung up means all that it started there */
	char log_path[512]; /* "" with descriptors of its own */
	LIST_ENTRY(client) link;
};

struct session {
	const struct display_session_options *options;
	uv_loop_t loop;
	uv_signal_t child_signal, term_signal;
	uv_poll_t listen_poll;
	int listen_fd;
	pid_t x_server, window_manager, bus, relay;
	int relay_fd; /* listens on 127.0.0.1; -1: there is no network */
	int wm_restarts, relay_restarts;
	int programs; /* started so far; numbers their logs */
	int exit_status;
	char display[16];
	struct session_slow slow;
	LIST_HEAD(, client) clients;
};

/* What the desktop stands on outlives its applications when memory runs out. */
enum session_role { SESSION_PILLAR, SESSION_X_SERVER, SESSION_APP };

/* session.c: into a log of its own, with no input. extra may be NULL. */
CUA_NODISCARD enum cua_status session_start_logged(struct session *session, const char *const *argv,
		const char *log_name, enum session_role role, const struct cua_fd_map *extra,
		pid_t *ret_pid, struct cua_error *err);

/* session_relay.c: the way to the egress proxy, and the environment that leads applications to
 * it. A relay that ends is started again: it knows nothing, and decides nothing. */
CUA_NODISCARD enum cua_status session_relay_start(struct session *session, struct cua_error *err);
void session_relay_ended(struct session *session);

/* session_end.c: why the X server has ended, into the log. */
void session_tell_end(const struct session *session, int wait_status);

/* session_terminal.c: a new one, of this size, {"columns", "rows"}: the end that a program has, and
 * the other, both the caller's. */
CUA_NODISCARD enum cua_status session_terminal_open(
		const cJSON *size, int *ret_other, int *ret_terminal, struct cua_error *err);
/* All that runs on it, jobs in the background too; what has left its session goes on. */
void session_terminal_hang_up(pid_t shell);

/* session_requests.c */
void session_on_connection(uv_poll_t *poll, int uv_status, int events);
/* To whoever had it started. */
void session_report_exit(struct session *session, pid_t pid, int wait_status);

#endif
