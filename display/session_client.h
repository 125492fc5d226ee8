#ifndef CUA_DISPLAY_SESSION_CLIENT_H
#define CUA_DISPLAY_SESSION_CLIENT_H

/* Asking a desktop's session to start something; see session_protocol.h. */

#include <cjson/cJSON.h>

#include "cua/base/error.h"
#include "display/desktop_record.h"

/* For so long the session slows processes down. */
#define SESSION_SLOW_MS 120000U
/* And so many at once. */
#define SESSION_SLOW_MAX 64

/**
 * session_request() - connect and send a request.
 * @fds:     stdin, stdout, stderr for the program, or NULL.
 * @ret_fd:  the connection, for session_answer(); the caller closes it.
 */
CUA_NODISCARD enum cua_status session_request(const struct desktop_record *record,
		const cJSON *request, const int fds[3], int *ret_fd, struct cua_error *err);

/* The same with a fourth descriptor: the program's file. */
CUA_NODISCARD enum cua_status session_request_fds(const struct desktop_record *record,
		const cJSON *request, const int *fds, int fd_count, int *ret_fd,
		struct cua_error *err);

/**
 * session_answer() - the next answer; what comes is checked to be an object, no more: the session
 * shares its sandbox with the applications.
 * @timeout_ms: -1 waits without end.
 *
 * Return: CUA_OK; CUA_ERR_TIMEOUT; CUA_ERR_CLOSED if the session is gone; the error that the
 *         session answered with.
 */
CUA_NODISCARD enum cua_status session_answer(
		int fd, int timeout_ms, cJSON **ret_answer, struct cua_error *err);
/* The same, and the descriptor that came with it, the caller's; -1: none. */
CUA_NODISCARD enum cua_status session_answer_fd(
		int fd, int timeout_ms, cJSON **ret_answer, int *ret_passed, struct cua_error *err);

#endif
