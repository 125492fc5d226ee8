#include "display/home_settings.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "display/xsettings.h"

/* Such a file has a few lines, and is read while a click waits. */
#define CLICK_FILE_MAX_BYTES ((size_t)64 << 10)
/* GTK and Qt take 400 ms, Chromium 500 and nothing else. */
#define USUAL_CLICK_MS 500U

/* What the applications put in the place of their settings may be anything: a pipe, a link. */
char *home_settings_read(const struct display *display, const char *leaf, size_t max_bytes)
{
	char path[CUA_PATH_MAX + 64];
	struct stat info;
	snprintf(path, sizeof(path), "%s/%s", display->record.home, leaf);
	CUA_AUTO_FD int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) ||
			(size_t)info.st_size > max_bytes) {
		return NULL;
	}
	char *text = calloc(1, (size_t)info.st_size + 1);
	if (text && pread(fd, text, (size_t)info.st_size, 0) < 0) {
		text[0] = '\0';
	}
	return text;
}

/* The largest number that a line "key = number" gives it; 0 without one. */
static unsigned long number_of(const char *text, const char *key)
{
	unsigned long largest = 0;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += strspn(line, " \t\r\n");
		const char *at = line + strlen(key);
		if (strncmp(line, key, strlen(key)) != 0) {
			continue;
		}
		at += strspn(at, " \t");
		if (*at == '=') {
			const unsigned long number = strtoul(at + 1, NULL, 10);
			largest = number > largest ? number : largest;
		}
	}
	return largest;
}

/* What a settings manager says goes before files in GTK. 0 without one. */
static unsigned long managed_click_ms(struct display *display)
{
	unsigned long len = 0;
	int32_t ms = 0;
	const Window manager = XGetSelectionOwner(display->xlib, display->atoms.xsettings_owner);
	unsigned char *settings = manager == None
			? NULL
			: display_property_part(display, manager, display->atoms.xsettings,
					  display->atoms.xsettings, 8, CLICK_FILE_MAX_BYTES, &len);
	if (!settings) {
		return 0;
	}
	const bool found = xsettings_find_int(settings, len, "Net/DoubleClickTime", &ms);
	XFree(settings);
	return found && ms > 0 ? (unsigned long)ms : 0;
}

unsigned int home_settings_click_ms(struct display *display)
{
	static const struct {
		const char *leaf, *key;
	} settings[] = { { ".config/gtk-3.0/settings.ini", "gtk-double-click-time" },
		{ ".config/gtk-4.0/settings.ini", "gtk-double-click-time" },
		{ ".gtkrc-2.0", "gtk-double-click-time" },
		{ ".config/kdeglobals", "DoubleClickInterval" },
		{ ".config/qt5ct/qt5ct.conf", "double_click_interval" } };
	const unsigned long managed_ms = managed_click_ms(display);
	unsigned long longest_ms = managed_ms > USUAL_CLICK_MS ? managed_ms : USUAL_CLICK_MS;
	for (size_t i = 0; i < CUA_ARRAY_LEN(settings); i++) {
		CUA_AUTO_FREE char *text =
				home_settings_read(display, settings[i].leaf, CLICK_FILE_MAX_BYTES);
		const unsigned long ms = text ? number_of(text, settings[i].key) : 0;
		longest_ms = ms > longest_ms ? ms : longest_ms;
	}
	return (unsigned int)(longest_ms < HOME_SETTINGS_CLICK_MAX_MS ? longest_ms
								      : HOME_SETTINGS_CLICK_MAX_MS);
}
