#define CUA_LOG_MODULE "session"
#include "cua/base/log.h"
#include "cua/base/sandbox.h"
#include "cua/base/util.h"
#include "cua/egress/relay.h"
#include "display/session_internal.h"

#define RESTARTS_MAX 100

/* This program again: in the sandbox there is no other of ours. */
static enum cua_status start_relay(struct session *session, struct cua_error *err)
{
	const char *const argv[] = { "/proc/self/exe", "--relay", session->options->egress_dir,
		NULL };
	const struct cua_fd_map listener = { session->relay_fd, SESSION_RELAY_FD };
	return session_start_logged(session, argv, "relay.log", SESSION_PILLAR, &listener,
			&session->relay, err);
}

enum cua_status session_relay_start(struct session *session, struct cua_error *err)
{
	session->relay_fd = -1;
	if (!session->options->egress_dir) {
		return CUA_OK;
	}
	/* The socket is the session's, so that nobody else has its port while there is no relay. */
	enum cua_status status = egress_relay_listen(&session->relay_fd, err);
	if (status == CUA_OK) {
		egress_relay_set_environment();
		status = start_relay(session, err);
	}
	return status;
}

void session_relay_ended(struct session *session)
{
	struct cua_error error = { 0 };
	session->relay = 0;
	if (session->relay_restarts++ >= RESTARTS_MAX || start_relay(session, &error) != CUA_OK) {
		cua_log_error("the relay to the egress proxy ended %d times; there is no network "
			      "any more %s",
				session->relay_restarts, error.msg);
	}
}
