/* What the session writes down when its X server has ended, for desktop_end.c to read. Its log is
 * nobody's inside the sandbox; what the X server wrote may be, and is quoted. */

#define CUA_LOG_MODULE "session"

#include "display/session_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "cua/base/file.h"
#include "cua/base/log.h"
#include "display/session_protocol.h"

#define WORDS_SIZE 200

/* The line that it gave as the reason for giving up; "" without one.
 * Source: xorg-server, os/log.c, FatalError(). */
static void read_last_words(const struct session *session, char words[WORDS_SIZE])
{
	static const char fatal[] = "Fatal server error:\n";
	char path[512], tail[4096];
	const char *reason = NULL;
	snprintf(path, sizeof(path), "%s/log/xvfb.log", session->options->dir);
	cua_file_tail(path, tail, sizeof(tail));
	for (const char *at = tail; (at = strstr(at, fatal));) {
		reason = at += strlen(fatal);
	}
	words[0] = '\0';
	if (reason) {
		reason += strncmp(reason, "(EE) ", 5) == 0 ? 5 : 0;
		snprintf(words, WORDS_SIZE, "%.*s", (int)strcspn(reason, "\n"), reason);
	}
	for (char *at = words; *at; at++) {
		*at = isprint((unsigned char)*at) ? *at : '?';
	}
}

void session_tell_end(const struct session *session, int wait_status)
{
	char words[WORDS_SIZE], how[64];
	const int number = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
	const char *name = number > 0 ? sigdescr_np(number) : NULL;
	read_last_words(session, words);
	if (number > 0) {
		snprintf(how, sizeof(how), "was ended by signal %d (%s)", number,
				name ? name : "?");
	} else {
		snprintf(how, sizeof(how), "ended with exit status %d", WEXITSTATUS(wait_status));
	}
	cua_log_error(DISPLAY_SESSION_ENDS "the X server %s%s%s%s", how,
			words[0] ? ", saying \"" : "", words, words[0] ? "\"" : "");
}
