/* Connecting to a desktop's X server, and what there is to make and to end with a connection. */

#include "display/display_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <X11/Xlibint.h>
#include <X11/extensions/XTest.h>

#define CUA_LOG_MODULE "display"
#include "cua/base/file.h"
#include "cua/base/log.h"
#include "cua/base/process.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "display/reader_client.h"
#include "display/reading.h"

#define WM_START_TIMEOUT_MS 5000
/* A host that connects later than this to a desktop is not its first. */
#define START_MAX_S 30

/* --- errors of the X server --- */

/* A window may go away between hearing of it and asking about it: such errors are the reply. */
static int on_x_error(Display *xlib, XErrorEvent *event)
{
	char text[128];
	XGetErrorText(xlib, event->error_code, text, sizeof(text));
	cua_log_debug("X error %s, request %d.%d", text, event->request_code, event->minor_code);
	return 0;
}

static int on_io_error(Display *xlib)
{
	(void)xlib;
	return 0;
}

/* Xlib neither empties the buffer of a broken connection nor, if XCB wrote last, says that it has
 * one; a request that finds no room in it is written to NULL (libX11 1.8, _XSend, _XGetRequest). */
static int forget_requests(Display *xlib)
{
	xlib->bufptr = xlib->buffer;
	xlib->bufmax = xlib->buffer + BUFSIZE;
	return 0;
}

/* Returning from here, instead of exiting, makes a dead X server a value. */
static void on_io_error_exit(Display *xlib, void *user_data)
{
	((struct display *)user_data)->dead = true;
	forget_requests(xlib);
	XSetAfterFunction(xlib, forget_requests);
}

/* --- connecting --- */

static enum cua_status read_cookie(
		const struct desktop_record *record, char cookie[16], struct cua_error *err)
{
	char path[CUA_PATH_MAX + 32];
	CUA_AUTO_BUFFER struct cua_buffer content;
	cua_buffer_init(&content, 64);
	desktop_path(record, "cookie", path, sizeof(path));
	enum cua_status status = cua_file_read(path, &content, err);
	if (status != CUA_OK) {
		return status;
	}
	if (content.len != 16) {
		return CUA_FAIL(err, CUA_ERR_X11, 0, "%s holds no cookie", path);
	}
	memcpy(cookie, content.data, 16);
	return CUA_OK;
}

/* The directory of X servers' sockets must be nobody else's: whoever owns it could lead the
 * connection, and the cookie, to himself. */
static bool x11_dir_is_safe(void)
{
	struct stat info;
	if (mkdir("/tmp/.X11-unix", 01777) == 0) {
		return chmod("/tmp/.X11-unix", 01777) == 0;
	}
	return lstat("/tmp/.X11-unix", &info) == 0 && S_ISDIR(info.st_mode) &&
			(info.st_uid == 0 || info.st_uid == geteuid()) &&
			((info.st_mode & S_IWOTH) == 0 || (info.st_mode & S_ISVTX) != 0);
}

/* Xlib finds servers by number in /tmp/.X11-unix alone. The server of a sandbox has its socket
 * elsewhere, so a symbolic link with a random number stands there while we connect. */
static Display *open_through_link(const char *socket_path)
{
	if (!x11_dir_is_safe()) {
		cua_log_error("/tmp/.X11-unix is not a sticky directory of root's or ours");
		return NULL;
	}
	for (int attempt = 0; attempt < 100; attempt++) {
		uint16_t random = 0;
		char link_path[64], name[16];
		if (getrandom(&random, sizeof(random), 0) != sizeof(random)) {
			return NULL;
		}
		const unsigned int number = 1000U + random % 50000U;
		snprintf(link_path, sizeof(link_path), "/tmp/.X11-unix/X%u", number);
		snprintf(name, sizeof(name), ":%u", number);
		if (symlink(socket_path, link_path) != 0) {
			if (errno == EEXIST) {
				continue;
			}
			return NULL;
		}
		Display *xlib = XOpenDisplay(name);
		unlink(link_path);
		return xlib;
	}
	return NULL;
}

static enum cua_status open_display(struct display *display, struct cua_error *err)
{
	const struct desktop_record *record = &display->record;
	char cookie[16];
	enum cua_status status = read_cookie(record, cookie, err);
	if (status != CUA_OK) {
		return status;
	}
	char method[] = "MIT-MAGIC-COOKIE-1";
	XSetAuthorization(method, (int)sizeof(method) - 1, cookie, sizeof(cookie));
	XSetErrorHandler(on_x_error);
	XSetIOErrorHandler(on_io_error);
	if (record->settings.sandboxed) {
		display->xlib = open_through_link(record->x11_socket);
	} else {
		char name[32];
		const char *leaf = strrchr(record->x11_socket, '/');
		snprintf(name, sizeof(name), ":%.16s", leaf ? leaf + 2 : "");
		display->xlib = XOpenDisplay(name);
	}
	if (!display->xlib) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "cannot connect to the X server at %s",
				record->x11_socket);
	}
	XSetIOErrorExitHandler(display->xlib, on_io_error_exit, display);
	/* Xlib tries the abstract socket of that number first, which anybody may have taken. */
	if (cua_unix_peer_uid(ConnectionNumber(display->xlib)) != record->uid) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"the X server at %s does not belong to the desktop's user",
				record->x11_socket);
	}
	fcntl(ConnectionNumber(display->xlib), F_SETFD, FD_CLOEXEC);
	silence_init(display);
	display->xcb = XGetXCBConnection(display->xlib);
	display->root = DefaultRootWindow(display->xlib);
	display->width_px = DisplayWidth(display->xlib, DefaultScreen(display->xlib));
	display->height_px = DisplayHeight(display->xlib, DefaultScreen(display->xlib));
	return CUA_OK;
}

static void intern_atoms(struct display *display)
{
	struct display_atoms *atoms = &display->atoms;
	const struct {
		const char *name;
		Atom *atom;
	} wanted[] = {
		{ "_NET_ACTIVE_WINDOW", &atoms->net_active_window },
		{ "_NET_CLIENT_LIST_STACKING", &atoms->net_client_list },
		{ "_NET_WM_PING", &atoms->net_wm_ping },
		{ "_NET_WM_NAME", &atoms->net_wm_name },
		{ "_NET_WM_PID", &atoms->net_wm_pid },
		{ "_NET_WM_STATE", &atoms->net_wm_state },
		{ "_NET_WM_STATE_HIDDEN", &atoms->net_wm_state_hidden },
		{ "_NET_WM_STATE_MAXIMIZED_VERT", &atoms->net_wm_state_maximized_vert },
		{ "_NET_WM_STATE_MAXIMIZED_HORZ", &atoms->net_wm_state_maximized_horz },
		{ "_NET_WM_WINDOW_TYPE", &atoms->net_wm_window_type },
		{ "_NET_WM_WINDOW_TYPE_NORMAL", &atoms->net_wm_window_type_normal },
		{ "_NET_WM_WINDOW_TYPE_DIALOG", &atoms->net_wm_window_type_dialog },
		{ "_NET_CLOSE_WINDOW", &atoms->net_close_window },
		{ "_NET_REQUEST_FRAME_EXTENTS", &atoms->net_request_frame_extents },
		{ "_NET_FRAME_EXTENTS", &atoms->net_frame_extents },
		{ "WM_PROTOCOLS", &atoms->wm_protocols },
		{ "UTF8_STRING", &atoms->utf8_string },
		{ "CLIPBOARD", &atoms->clipboard },
		{ "TARGETS", &atoms->targets },
		{ "TIMESTAMP", &atoms->timestamp },
		{ "TEXT", &atoms->text },
		{ "INCR", &atoms->incr },
		{ "text/plain;charset=utf-8", &atoms->text_plain_utf8 },
		{ "CUA_SELECTION", &atoms->cua_selection },
		{ "MULTIPLE", &atoms->multiple },
		{ "_NET_WM_STATE_FULLSCREEN", &atoms->net_wm_state_fullscreen },
		{ "_NET_MOVERESIZE_WINDOW", &atoms->net_moveresize_window },
		{ "_NET_WM_DESKTOP", &atoms->net_wm_desktop },
		{ "_NET_SUPPORTING_WM_CHECK", &atoms->net_supporting_wm_check },
		{ "WM_CHANGE_STATE", &atoms->wm_change_state },
		{ "_XSETTINGS_S0", &atoms->xsettings_owner },
		{ "_XSETTINGS_SETTINGS", &atoms->xsettings },
		{ "ATOM_PAIR", &atoms->atom_pair },
		{ "SAVE_TARGETS", &atoms->save_targets },
		{ "DELETE", &atoms->delete_selection },
		{ "text/plain", &atoms->text_plain },
		{ "text/html", &atoms->text_html },
		{ "image/png", &atoms->image_png },
		{ "text/uri-list", &atoms->text_uri_list },
		{ "x-special/gnome-copied-files", &atoms->gnome_copied_files },
	};
	char *names[CUA_ARRAY_LEN(wanted)];
	Atom result[CUA_ARRAY_LEN(wanted)] = { 0 };
	for (size_t i = 0; i < CUA_ARRAY_LEN(wanted); i++) {
		names[i] = (char *)(uintptr_t)wanted[i].name;
	}
	XInternAtoms(display->xlib, names, (int)CUA_ARRAY_LEN(wanted), False, result);
	for (size_t i = 0; i < CUA_ARRAY_LEN(wanted); i++) {
		*wanted[i].atom = result[i];
	}
	display->clipboard.selections[CUA_SELECTION_CLIPBOARD] = atoms->clipboard;
	display->clipboard.selections[CUA_SELECTION_PRIMARY] = XA_PRIMARY;
}

static enum cua_status init_extensions(struct display *display, struct cua_error *err)
{
	int event = 0, error = 0, major = 0, minor = 0;
	if (!XTestQueryExtension(display->xlib, &event, &error, &major, &minor)) {
		return CUA_FAIL(err, CUA_ERR_X11, 0, "the X server has no XTEST extension");
	}
	XTestGrabControl(display->xlib, True); /* our events get through other clients' grabs */
	if (!XFixesQueryExtension(display->xlib, &display->xfixes_event_base, &error)) {
		return CUA_FAIL(err, CUA_ERR_X11, 0, "the X server has no XFIXES extension");
	}
	XFixesQueryVersion(display->xlib, &major, &minor);
	if (!XDamageQueryExtension(display->xlib, &display->damage.event_base, &error)) {
		return CUA_FAIL(err, CUA_ERR_X11, 0, "the X server has no DAMAGE extension");
	}
	XDamageQueryVersion(display->xlib, &major, &minor);
	display->damage.handle =
			XDamageCreate(display->xlib, display->root, XDamageReportDeltaRectangles);
	XFixesSelectCursorInput(display->xlib, display->root, XFixesDisplayCursorNotifyMask);
	/* Answers to pings come to the root window; the window list is a property of it. */
	XSelectInput(display->xlib, display->root,
			SubstructureNotifyMask | StructureNotifyMask | PropertyChangeMask);
	display->helper =
			XCreateSimpleWindow(display->xlib, display->root, -10, -10, 1, 1, 0, 0, 0);
	clipboard_watch(display);
	return delivered_init(display, err);
}

static enum cua_status connect_all(struct display *display, struct cua_error *err)
{
	enum cua_status status = open_display(display, err);
	if (status != CUA_OK) {
		return status;
	}
	intern_atoms(display);
	status = init_extensions(display, err);
	if (status == CUA_OK) {
		status = frame_init(display, err);
	}
	if (status == CUA_OK) {
		status = keymap_init(display, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	input_release_all(display);
	takeover_load(display);
	input_repeat(display, !display_person_has_input(display));
	status = window_wait_manager(display, WM_START_TIMEOUT_MS, err);
	if (status == CUA_ERR_TIMEOUT) {
		cua_log_warn("no window manager after %d ms, going on without one",
				WM_START_TIMEOUT_MS);
		status = CUA_OK;
	}
	display->manager.is_new = false;
	/* A server with room to grow starts as large as it may become. */
	return status == CUA_OK ? screen_resize(display, display->record.settings.width_px,
						  display->record.settings.height_px, err)
				: status;
}

/* A host that takes over a desktop must not give a number that its predecessor gave to something
 * else. Nobody has read a hundred new elements a second all the time. */
static unsigned int first_ref(const struct desktop_record *record)
{
	const int64_t age_s = time(NULL) - record->created_s;
	return age_s > START_MAX_S && age_s < UINT32_MAX / 200 ? (unsigned int)age_s * 100 : 1;
}

enum cua_status display_connect(const struct desktop_record *record, struct display **ret_display,
		struct cua_error *err)
{
	struct display *display = calloc(1, sizeof(*display));
	if (!display) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "display");
	}
	cua_short_slice();
	display->record = *record;
	display->frame.memfd = -1;
	display->people.link_fd = -1;
	display->check_fd = -1;
	display->streams.wake_fd = -1;
	LIST_INIT(&display->streams.list);
	display->wait_fd = -1;
	display->refs.next = first_ref(record);
	display->reader = (struct display_reader){ -1, -1 };
	if (getrandom(&display->frame_epoch, sizeof(display->frame_epoch), 0) < 0) {
		free(display);
		return CUA_FAIL(err, CUA_ERR_IO, errno, "random bytes");
	}
	display->encoder = picture_encoder_create();
	display->activity = activity_create();
	display->load = load_create(record->session.pid);
	display->habits = habits_create();
	enum cua_status status =
			display->encoder && display->activity && display->load && display->habits
			? connect_all(display, err)
			: CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "display");
	if (status != CUA_OK) {
		display_disconnect(display);
		return status;
	}
	*ret_display = display;
	return CUA_OK;
}

void display_disconnect(struct display *display)
{
	if (!display) {
		return;
	}
	if (display->xlib && !display->dead) {
		display_release_held(display);
	}
	reader_stop(display);
	reading_cache_finish(display);
	element_refs_finish(&display->refs);
	people_finish(display);
	takeover_finish(display);
	window_cache_finish(display);
	selection_finish(display);
	keymap_finish(display);
	secret_finish(display);
	frame_finish(display);
	picture_encoder_destroy(display->encoder);
	activity_destroy(display->activity);
	load_destroy(display->load);
	habits_destroy(display->habits);
	if (display->xlib && !display->dead) {
		XCloseDisplay(display->xlib);
	}
	free(display);
}

enum cua_status display_release_all(const struct desktop_record *record, struct cua_error *err)
{
	struct display *display = calloc(1, sizeof(*display));
	int event = 0, error = 0, major = 0, minor = 0;
	if (!display) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "display");
	}
	display->record = *record;
	enum cua_status status = open_display(display, err);
	if (status == CUA_OK &&
			XTestQueryExtension(display->xlib, &event, &error, &major, &minor)) {
		XTestGrabControl(display->xlib, True);
		input_release_all(display);
	}
	if (display->xlib && !display->dead) {
		XCloseDisplay(display->xlib);
	}
	free(display);
	return status;
}
