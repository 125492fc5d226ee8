#include "display/type_office.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"

#define SETTINGS_MAX_BYTES ((size_t)8 << 20)

static bool is_office(struct display *display)
{
	static const char *const classes[] = { "libreoffice", "soffice" };
	char class[128];
	window_class(display, window_active(display), class, sizeof(class));
	for (size_t i = 0; i < CUA_ARRAY_LEN(classes); i++) {
		if (strncasecmp(class, classes[i], strlen(classes[i])) == 0) {
			return true;
		}
	}
	return false;
}

/* What the applications put in the place of their settings may be anything: a pipe, a link. */
static char *read_settings(const struct display *display)
{
	char path[CUA_PATH_MAX + 64];
	struct stat info;
	snprintf(path, sizeof(path), "%s/.config/libreoffice/4/user/registrymodifications.xcu",
			display->record.home);
	CUA_AUTO_FD int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) ||
			(size_t)info.st_size > SETTINGS_MAX_BYTES) {
		return NULL;
	}
	char *text = calloc(1, (size_t)info.st_size + 1);
	if (text && pread(fd, text, (size_t)info.st_size, 0) < 0) {
		text[0] = '\0';
	}
	return text;
}

/* "Apply while typing" of the automatic correction. It is on until somebody turns it off. */
static bool formats_while_typing(const struct display *display)
{
	static const char item[] = "/org.openoffice.Office.Writer/AutoFunction/Format/ByInput\">"
				   "<prop oor:name=\"Enable\" oor:op=\"fuse\"><value>false<";
	CUA_AUTO_FREE char *settings = read_settings(display);
	return !settings || !strstr(settings, item);
}

void type_office_look(struct display *display, struct type_office *ret_office)
{
	ret_office->in_front = is_office(display);
	ret_office->defers_breaks = ret_office->in_front && !formats_while_typing(display);
}

KeySym type_office_flush(
		const struct type_office *office, uint32_t code, const char *after, const char *end)
{
	/* The last that LibreOffice knows of, and that nothing is bound to. */
	return office->in_front && code <= 0xffff && after < end &&
					cua_utf8_next(&after, end) > 0xffff
			? XK_F26
			: NoSymbol;
}

bool type_office_waits(const struct type_office *office, uint32_t code)
{
	return office->defers_breaks && (code == '\n' || code == '\r');
}
