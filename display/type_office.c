#include "display/type_office.h"

#include <string.h>
#include <strings.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"
#include "display/home_settings.h"

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

/* "Apply while typing" of the automatic correction. It is on until somebody turns it off. */
static bool formats_while_typing(const struct display *display)
{
	static const char item[] = "/org.openoffice.Office.Writer/AutoFunction/Format/ByInput\">"
				   "<prop oor:name=\"Enable\" oor:op=\"fuse\"><value>false<";
	CUA_AUTO_FREE char *settings = home_settings_read(display,
			".config/libreoffice/4/user/registrymodifications.xcu", SETTINGS_MAX_BYTES);
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
