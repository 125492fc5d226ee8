#include "display/desktop_end.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CUA_LOG_MODULE "desktop"
#include "cua/base/file.h"
#include "cua/base/log.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "display/session_protocol.h"

#define SILENT_LEAF "x-server-silent"
#define SESSION_END_MS 1000

static void silent_path(const struct desktop_record *record, char path[CUA_PATH_MAX + 32])
{
	desktop_path(record, SILENT_LEAF, path, CUA_PATH_MAX + 32);
}

void desktop_end_note_silence(const struct desktop_record *record, int silent_s)
{
	char path[CUA_PATH_MAX + 32], text[128];
	struct cua_error error = { 0 };
	silent_path(record, path);
	const int len = snprintf(text, sizeof(text),
			"its X server said nothing for %d s, and its host has hung up on it",
			silent_s);
	if (cua_file_write(path, text, (size_t)len, 0600, &error) != CUA_OK) {
		cua_log_warn("%s", error.msg);
	}
}

bool desktop_end_is_silent(const struct desktop_record *record)
{
	char path[CUA_PATH_MAX + 32];
	silent_path(record, path);
	return access(path, F_OK) == 0;
}

bool desktop_is_dead(const struct desktop_record *record)
{
	char session[CUA_PATH_MAX + 32];
	desktop_path(record, "session/session.sock", session, sizeof(session));
	return desktop_end_is_silent(record) || !record->x11_socket[0] ||
			!cua_unix_is_alive(record->x11_socket, SOCK_STREAM) ||
			!cua_unix_is_alive(session, SOCK_SEQPACKET);
}

void desktop_end_read(const struct desktop_record *record, char text[DESKTOP_END_SIZE])
{
	static const char mark[] = DISPLAY_SESSION_ENDS;
	char path[CUA_PATH_MAX + 32], tail[2048];
	const char *why = NULL;
	silent_path(record, path);
	cua_file_tail(path, text, DESKTOP_END_SIZE);
	if (text[0]) {
		return;
	}
	desktop_path(record, "session.log", path, sizeof(path));
	cua_file_tail(path, tail, sizeof(tail));
	for (const char *at = tail; (at = strstr(at, mark));) {
		why = at += strlen(mark);
	}
	if (why) {
		snprintf(text, DESKTOP_END_SIZE, "%.*s", (int)strcspn(why, "\n"), why);
	}
}

void desktop_end_await(const struct desktop_record *record, char text[DESKTOP_END_SIZE])
{
	if (!desktop_end_is_silent(record)) {
		CUA_AUTO_FD int session_fd = cua_process_open(record->session);
		struct pollfd ended = { .fd = session_fd, .events = POLLIN };
		(void)poll(&ended, session_fd >= 0 ? 1 : 0, session_fd >= 0 ? SESSION_END_MS : 0);
	}
	desktop_end_read(record, text);
}

enum cua_status desktop_end_fail(
		const struct desktop_record *record, const char *why, struct cua_error *err)
{
	return CUA_FAIL(err, CUA_ERR_CLOSED, 0,
			"desktop %s is dead: %s; cua desktop stop %s cleans up", record->name, why,
			record->name);
}

enum cua_status desktop_end_fail_cut_off(const struct desktop_record *record, struct cua_error *err)
{
	return CUA_FAIL(err, CUA_ERR_CLOSED, 0,
			"the X server of desktop %s has closed the connection of its host, as any "
			"program there can ask it to; cua desktop start --name %s starts "
			"another",
			record->name, record->name);
}
