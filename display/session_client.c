#include "display/session_client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "display/desktop_end.h"
#include "display/session_protocol.h"

enum cua_status session_request_fds(const struct desktop_record *record, const cJSON *request,
		const int *fds, int fd_count, int *ret_fd, struct cua_error *err)
{
	char path[CUA_PATH_MAX + 32];
	CUA_AUTO_FD int fd = -1;
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(request);
	if (!text) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "request");
	}
	if (strlen(text) > DISPLAY_SESSION_MESSAGE_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "a command line of more than %d bytes",
				DISPLAY_SESSION_MESSAGE_MAX);
	}
	desktop_path(record, "session/session.sock", path, sizeof(path));
	if (cua_unix_connect(path, SOCK_SEQPACKET, &fd, NULL) != CUA_OK) {
		char why[DESKTOP_END_SIZE];
		desktop_end_read(record, why);
		return desktop_end_fail(record, why[0] ? why : "its session is gone", err);
	}
	if (cua_unix_peer_uid(fd) != record->uid) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"%s is not served by the user of desktop %s", path, record->name);
	}
	/* A program of the desktop could put a socket of its own in that place: what it passes is
	 * not what it seems. */
	if (record->session.pid > 0 && cua_unix_peer_pid(fd) != record->session.pid) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"%s is not served by the session of desktop %s, but by a program "
				"on it; stop the desktop",
				path, record->name);
	}
	enum cua_status status = cua_unix_send(fd, text, strlen(text), fds, fd_count, err);
	if (status == CUA_OK) {
		*ret_fd = cua_steal_fd(&fd);
	}
	return status;
}

enum cua_status session_request(const struct desktop_record *record, const cJSON *request,
		const int fds[3], int *ret_fd, struct cua_error *err)
{
	return session_request_fds(record, request, fds, fds ? 3 : 0, ret_fd, err);
}

enum cua_status session_answer_fd(
		int fd, int timeout_ms, cJSON **ret_answer, int *ret_passed, struct cua_error *err)
{
	CUA_AUTO_FD int passed = -1;
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	int ready;
	do {
		ready = poll(&readable, 1, timeout_ms);
	} while (ready < 0 && errno == EINTR && timeout_ms < 0);
	if (ready <= 0) {
		return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "the session does not answer");
	}
	CUA_AUTO_FREE char *text = malloc(DISPLAY_SESSION_MESSAGE_MAX + 1);
	int fds[CUA_UNIX_FDS_MAX];
	size_t len = 0;
	if (!text) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer");
	}
	enum cua_status status =
			cua_unix_recv(fd, text, DISPLAY_SESSION_MESSAGE_MAX, &len, fds, err);
	passed = status == CUA_OK ? cua_steal_fd(&fds[0]) : -1;
	for (int i = 0; i < CUA_UNIX_FDS_MAX; i++) {
		cua_closep(&fds[i]); /* nobody asked for more */
	}
	if (status != CUA_OK || len == 0) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the session of the desktop has ended");
	}
	text[len] = '\0';
	CUA_AUTO_JSON cJSON *answer = cJSON_Parse(text);
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(answer, "code");
	const cJSON *message = cJSON_GetObjectItemCaseSensitive(answer, "message");
	if (cJSON_IsString(code)) {
		const enum cua_status failed = cua_status_from_name(code->valuestring);
		return CUA_FAIL(err, failed == CUA_OK ? CUA_ERR_APP : failed, 0, "%.400s",
				cJSON_IsString(message) ? message->valuestring : "refused");
	}
	if (!cJSON_IsObject(answer)) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the session answered no JSON");
	}
	*ret_answer = CUA_STEAL(answer);
	*ret_passed = cua_steal_fd(&passed);
	return CUA_OK;
}

enum cua_status session_answer(int fd, int timeout_ms, cJSON **ret_answer, struct cua_error *err)
{
	CUA_AUTO_FD int passed = -1; /* nobody asked for it */
	return session_answer_fd(fd, timeout_ms, ret_answer, &passed, err);
}
