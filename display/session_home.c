#include "display/session_home.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "libreoffice_xcu.h"
#include "openbox_xml.h"

#define USUAL_DPI 96

/* A screen at rest is one that does not change: no caret blinks, in GTK applications, LibreOffice
 * and Chromium alike, and a picture never shows a caret in its dark half. */
static const char gtk_settings[] = "[Settings]\n"
				   "gtk-enable-animations=0\n"
				   "gtk-cursor-blink=0\n"
				   "gtk-recent-files-enabled=0\n";

/* Writer's own, without the word count: that is painted anew 0.3 s after every key. */
static const char writer_statusbar[] =
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<!DOCTYPE statusbar:statusbar PUBLIC \"-//OpenOffice.org//DTD OfficeDocument "
		"1.0//EN\" "
		"\"statusbar.dtd\">\n"
		"<statusbar:statusbar xmlns:statusbar=\"http://openoffice.org/2001/statusbar\" "
		"xmlns:xlink=\"http://www.w3.org/1999/xlink\">\n"
#define LO_FIELD(name, align, width, more) \
	"<statusbar:statusbaritem xlink:href=\".uno:" name "\" statusbar:align=\"" align \
	"\" statusbar:width=\"" width "\"" more "/>\n"
#define LO_SIZES " statusbar:autosize=\"true\""
#define LO_DRAWN " statusbar:ownerdraw=\"true\""
		LO_FIELD("ModifiedStatus", "center", "16", LO_DRAWN) LO_FIELD(
				"StatePageNumber", "left", "54", LO_SIZES) LO_FIELD("PageStyleName",
				"left", "79", LO_SIZES) LO_FIELD("LanguageStatus", "center", "100",
				LO_SIZES) LO_FIELD("InsertMode", "center", "55",
				"") LO_FIELD("SelectionMode", "center", "16",
				LO_DRAWN) LO_FIELD("Size", "left", "10",
				LO_SIZES LO_DRAWN) LO_FIELD("ViewLayout", "center", "63", LO_DRAWN)
				LO_FIELD("ZoomSlider", "center", "130", LO_DRAWN) LO_FIELD("Zoom",
						"center", "35", "") "</statusbar:statusbar>\n";

/* The bitmap font of old has no letters beyond Latin-1. */
static const char x_defaults[] = "XTerm*faceName: DejaVu Sans Mono\n"
				 "XTerm*faceSize: 11\n"
				 "XTerm*utf8: 2\n"
				 "XTerm*locale: UTF-8\n";

/* The accessibility bus starts when it is first asked for, and says from then on that somebody
 * reads: Qt and Chromium join it for that word alone. With a display it also writes its address on
 * the root window, without which Qt 5.15 misses a bus that was there before it. dbus-daemon looks
 * here before it looks at the system's file of the same name; it started before the display. */
static const char a11y_service[] =
		"[D-BUS Service]\n"
		"Name=org.a11y.Bus\n"
		"Exec=/bin/sh -c 'DISPLAY=$(cat \"$XDG_RUNTIME_DIR/display\") exec "
		"/usr/libexec/at-spi-bus-launcher --a11y=1'\n";

/* Quiet first start, no calls to its maker, no upgrade of http to https, which would hang on a
 * desktop without network. Its sandbox stays on. */
static const char chromium_wrapper[] =
		"#!/bin/sh\n"
		"exec /usr/bin/chromium --no-first-run --no-default-browser-check "
		"--password-store=basic --disable-background-networking "
		"--disable-component-update --disable-sync --disable-default-apps "
		"--disable-quic --disable-gpu --disable-session-crashed-bubble "
		"--hide-crash-restore-bubble --start-maximized "
		"--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,Translate,"
		"OptimizationHints,MediaRouter,AutofillServerCommunication "
		"${http_proxy:+--proxy-server=\"$http_proxy\"} ";

/* Without network Chromium shows its own page in a new tab, and gives it the keyboard: a URL typed
 * after Ctrl+T would be lost, however late it is typed. An empty page leaves the keyboard with the
 * address bar. */
static const char chromium_preferences[] = "{\"newtab_page_location_override\": \"about:blank\"}\n";

/* No encrypted ClientHello, and no grease that looks like one: what hides the server's name the
 * egress proxy refuses. */
static const char chromium_state[] = "{\"ssl\": {\"ech_enabled\": false}}\n";

/* GTK, xterm and most others read Xft.dpi, openbox the figure of the X server. */
struct scaled_texts {
	char x[256], chromium[2048];
};

static void make_scaled_texts(int dpi, struct scaled_texts *texts)
{
	char factor[16];
	snprintf(factor, sizeof(factor), "%d.%02d", dpi / USUAL_DPI,
			dpi % USUAL_DPI * 100 / USUAL_DPI);
	snprintf(texts->x, sizeof(texts->x), "%sXft.dpi: %d\n", x_defaults, dpi);
	snprintf(texts->chromium, sizeof(texts->chromium),
			"%s--force-device-scale-factor=%s \"$@\"\n", chromium_wrapper, factor);
	if (dpi != USUAL_DPI) {
		setenv("QT_SCALE_FACTOR", factor, 1);
		setenv("QT_FONT_DPI", "96", 1);
	}
	/* From twice the size on GTK draws icons and borders twice as large, and would text, too.
	 */
	if (dpi >= 2 * USUAL_DPI) {
		setenv("GDK_SCALE", "2", 1);
		setenv("GDK_DPI_SCALE", "0.5", 1);
	}
}

static enum cua_status write_if_absent(const char *dir, const char *name, const char *text,
		mode_t mode, struct cua_error *err)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (access(path, F_OK) == 0) {
		return CUA_OK;
	}
	char *slash = strrchr(path, '/');
	*slash = '\0';
	enum cua_status status = cua_make_dirs(path, 0700, err);
	*slash = '/';
	return status != CUA_OK ? status : cua_file_write(path, text, strlen(text), mode, err);
}

enum cua_status display_session_home_prepare(
		const char *home, const char *session_dir, int dpi, struct cua_error *err)
{
	static const char *const folders[] = { "Documents", "Downloads", "Desktop" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(folders); i++) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s", home, folders[i]);
		enum cua_status status = cua_make_dirs(path, 0755, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	struct scaled_texts scaled;
	make_scaled_texts(dpi, &scaled);
	const struct {
		const char *dir, *name, *text;
		mode_t mode;
	} files[] = {
		{ home, ".config/libreoffice/4/user/registrymodifications.xcu", libreoffice_xcu,
				0600 },
		{ home,
				".config/libreoffice/4/user/config/soffice.cfg/modules/swriter/"
				"statusbar/"
				"statusbar.xml",
				writer_statusbar, 0600 },
		{ home, ".config/gtk-3.0/settings.ini", gtk_settings, 0600 },
		{ home, ".config/chromium/Default/Preferences", chromium_preferences, 0600 },
		{ home, ".config/chromium/Local State", chromium_state, 0600 },
		{ home, ".Xdefaults", scaled.x, 0600 },
		{ session_dir, "openbox.xml", openbox_xml, 0644 },
		{ session_dir, "bin/chromium", scaled.chromium, 0755 },
		{ session_dir, "xdg/dbus-1/services/org.a11y.Bus.service", a11y_service, 0644 },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(files); i++) {
		enum cua_status status = write_if_absent(
				files[i].dir, files[i].name, files[i].text, files[i].mode, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	return CUA_OK;
}
