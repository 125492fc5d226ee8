#include "display/display_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <X11/Xutil.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"

#define FOCUS_TIMEOUT_MS 2000
#define XID_MASK 0xffffffffUL
#define MANAGER_ASK_AGAIN_US 20000U

/* --- reading --- */

Window window_active(struct display *display)
{
	unsigned long count = 0;
	unsigned char *data = display_property(display, display->root,
			display->atoms.net_active_window, XA_WINDOW, 32, &count);
	/* Xlib widens 32 bits to a long, with their sign. */
	Window window = data ? *(Window *)(void *)data & XID_MASK : None;
	if (data) {
		XFree(data);
	}
	return window;
}

int window_list(struct display *display, Window windows[WINDOWS_MAX])
{
	unsigned long count = 0;
	unsigned char *data = display_property(display, display->root,
			display->atoms.net_client_list, XA_WINDOW, 32, &count);
	if (!data) {
		return 0;
	}
	count = count > WINDOWS_MAX ? WINDOWS_MAX : count;
	for (unsigned long i = 0; i < count; i++) {
		windows[i] = ((Window *)(void *)data)[i] & XID_MASK;
	}
	XFree(data);
	return (int)count;
}

bool window_is_pingable(struct display *display, Window window)
{
	Atom *protocols = NULL;
	int count = 0;
	bool found = false;
	if (window != None && XGetWMProtocols(display->xlib, window, &protocols, &count)) {
		for (int i = 0; i < count; i++) {
			found = found || protocols[i] == display->atoms.net_wm_ping;
		}
		XFree(protocols);
	}
	return found;
}

/* Main windows and dialogs; no splash screens, docks, menus. */
bool window_is_application(struct display *display, Window window)
{
	unsigned long count = 0;
	XWindowAttributes attributes;
	if (!XGetWindowAttributes(display->xlib, window, &attributes) ||
			attributes.map_state != IsViewable) {
		return false;
	}
	unsigned char *data = display_property(
			display, window, display->atoms.net_wm_window_type, XA_ATOM, 32, &count);
	if (!data) {
		return true;
	}
	const Atom type = *(Atom *)(void *)data;
	XFree(data);
	return type == display->atoms.net_wm_window_type_normal ||
			type == display->atoms.net_wm_window_type_dialog;
}

/* WM_NAME of clients without _NET_WM_NAME: Latin-1, or COMPOUND_TEXT, which xterm writes. */
static void read_old_title(struct display *display, Window window, char *title, size_t size)
{
	XTextProperty property;
	char **list = NULL;
	int count = 0;
	if (!XGetWMName(display->xlib, window, &property)) {
		return;
	}
	if (Xutf8TextPropertyToTextList(display->xlib, &property, &list, &count) >= 0 &&
			count > 0) {
		snprintf(title, size, "%s", list[0]);
	}
	XFreeStringList(list);
	XFree(property.value);
}

static void read_title(struct display *display, Window window, char *title, size_t size)
{
	unsigned long count = 0;
	unsigned char *data = display_property(display, window, display->atoms.net_wm_name,
			display->atoms.utf8_string, 8, &count);
	title[0] = '\0';
	if (data) {
		snprintf(title, size, "%s", (const char *)data);
		XFree(data);
	} else {
		read_old_title(display, window, title, size);
	}
	/* A title is the application's: what is no UTF-8 would spoil the JSON, and control
	 * characters the terminal of who reads it. */
	const char *at = title, *end = title + strlen(title);
	while (at < end) {
		char *first = title + (at - title);
		const uint32_t code = cua_utf8_next(&at, end);
		if (code == CUA_UTF8_INVALID) {
			*first = '?';
			at++;
		} else if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
			memset(first, '?', (size_t)(at - first));
		}
	}
}

void window_class(struct display *display, Window window, char *text, size_t size)
{
	XClassHint hint = { NULL, NULL };
	text[0] = '\0';
	if (XGetClassHint(display->xlib, window, &hint)) {
		snprintf(text, size, "%s", hint.res_class ? hint.res_class : "");
		for (char *at = text; *at; at++) {
			*at = (char)(isprint((unsigned char)*at) ? *at : '?');
		}
		XFree(hint.res_name);
		XFree(hint.res_class);
	}
}

static bool has_state(struct display *display, Window window, Atom state)
{
	unsigned long count = 0;
	bool found = false;
	unsigned char *data = display_property(
			display, window, display->atoms.net_wm_state, XA_ATOM, 32, &count);
	for (unsigned long i = 0; data && i < count; i++) {
		found = found || ((Atom *)(void *)data)[i] == state;
	}
	if (data) {
		XFree(data);
	}
	return found;
}

cJSON *window_describe(struct display *display, Window window)
{
	char title[512], class[128];
	read_title(display, window, title, sizeof(title));
	window_class(display, window, class, sizeof(class));
	cJSON *json = cJSON_CreateObject();
	cJSON_AddNumberToObject(json, "id", (double)window);
	cJSON_AddStringToObject(json, "title", title);
	cJSON_AddStringToObject(json, "class", class);
	unsigned long count = 0;
	unsigned char *pid = display_property(
			display, window, display->atoms.net_wm_pid, XA_CARDINAL, 32, &count);
	if (pid) {
		cJSON_AddNumberToObject(
				json, "pid", (double)(*(unsigned long *)(void *)pid & XID_MASK));
		XFree(pid);
	}
	Window root, child;
	int x = 0, y = 0, root_x = 0, root_y = 0;
	unsigned int width = 0, height = 0, border = 0, depth = 0;
	if (XGetGeometry(display->xlib, window, &root, &x, &y, &width, &height, &border, &depth)) {
		XTranslateCoordinates(display->xlib, window, display->root, 0, 0, &root_x, &root_y,
				&child);
	}
	cJSON_AddNumberToObject(json, "x", root_x);
	cJSON_AddNumberToObject(json, "y", root_y);
	cJSON_AddNumberToObject(json, "width", width);
	cJSON_AddNumberToObject(json, "height", height);
	cJSON_AddBoolToObject(json, "active", window == window_active(display));
	cJSON_AddBoolToObject(json, "minimized",
			has_state(display, window, display->atoms.net_wm_state_hidden));
	cJSON_AddBoolToObject(json, "maximized",
			has_state(display, window, display->atoms.net_wm_state_maximized_vert) &&
					has_state(display, window,
							display->atoms.net_wm_state_maximized_horz));
	return json;
}

/* Letters and digits alone, in lower case: "LibreOffice Writer" is "libreoffice-writer". */
static void squeeze(const char *text, char *squeezed, size_t size)
{
	size_t len = 0;
	for (; *text && len + 1 < size; text++) {
		if (isalnum((unsigned char)*text) || (unsigned char)*text >= 0x80) {
			squeezed[len++] = (char)tolower((unsigned char)*text);
		}
	}
	squeezed[len] = '\0';
}

/* "Chromium Web Browser" begins with the class it is looked for by; "uxterm" is not "xterm". */
Window window_find(struct display *display, const char *name)
{
	Window windows[WINDOWS_MAX];
	char wanted[256], text[512], squeezed[512];
	const int count = window_list(display, windows);
	squeeze(name, wanted, sizeof(wanted));
	for (int i = count - 1; i >= 0 && wanted[0]; i--) {
		window_class(display, windows[i], text, sizeof(text));
		squeeze(text, squeezed, sizeof(squeezed));
		if (squeezed[0] &&
				(strstr(squeezed, wanted) ||
						strncmp(wanted, squeezed, strlen(squeezed)) == 0)) {
			return windows[i];
		}
		read_title(display, windows[i], text, sizeof(text));
		squeeze(text, squeezed, sizeof(squeezed));
		if (strstr(squeezed, wanted)) {
			return windows[i];
		}
	}
	return None;
}

/* --- asking the window manager --- */

static void send_to_root(struct display *display, Window window, Atom type, long first, long second)
{
	XEvent event = { .xclient = { .type = ClientMessage,
					 .window = window,
					 .message_type = type,
					 .format = 32,
					 .data.l = { first, second } } };
	XSendEvent(display->xlib, display->root, False,
			SubstructureNotifyMask | SubstructureRedirectMask, &event);
	XFlush(display->xlib);
}

static bool manager_has_answered(struct display *display, void *user_data)
{
	unsigned long count = 0;
	unsigned char *extents = display_property(display, *(const Window *)user_data,
			display->atoms.net_frame_extents, XA_CARDINAL, 32, &count);
	if (extents) {
		XFree(extents);
	}
	return extents != NULL;
}

/* That it has announced itself on the root window is not enough: openbox does so in the middle of
 * its start, and a window that is mapped before the end of it stays unmanaged for ever. Its answer
 * comes from its event loop. Requests sent too early are lost as well, so ask anew.
 * Source: Extended Window Manager Hints, _NET_REQUEST_FRAME_EXTENTS. */
enum cua_status window_wait_manager(struct display *display, int timeout_ms, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + (uint64_t)timeout_ms * 1000U;
	/* Not the helper: openbox moves a window that it is asked about. */
	Window window = XCreateSimpleWindow(display->xlib, display->root, -10, -10, 1, 1, 0, 0, 0);
	XSelectInput(display->xlib, window, PropertyChangeMask);
	enum cua_status status = CUA_ERR_TIMEOUT;
	while (status == CUA_ERR_TIMEOUT && cua_now_us() < deadline_us) {
		send_to_root(display, window, display->atoms.net_request_frame_extents, 0, 0);
		status = display_wait(display, cua_now_us() + MANAGER_ASK_AGAIN_US,
				manager_has_answered, &window, err);
	}
	if (!display->dead) {
		XDestroyWindow(display->xlib, window);
	}
	return status;
}

static enum cua_status check_listed(struct display *display, Window window, struct cua_error *err)
{
	Window windows[WINDOWS_MAX];
	const int count = window_list(display, windows);
	for (int i = 0; i < count; i++) {
		if (windows[i] == window) {
			return CUA_OK;
		}
	}
	return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "no window %lu; list_windows tells which exist",
			window);
}

static bool is_active(struct display *display, void *user_data)
{
	return window_active(display) == *(const Window *)user_data;
}

enum cua_status window_focus(struct display *display, Window window, struct cua_error *err)
{
	enum cua_status status = check_listed(display, window, err);
	if (status != CUA_OK) {
		return status;
	}
	/* Source indication 2: the request of a person's tool, which is always granted. */
	send_to_root(display, window, display->atoms.net_active_window, 2, CurrentTime);
	status = display_wait(display, cua_now_us() + FOCUS_TIMEOUT_MS * 1000ULL, is_active,
			&window, err);
	return status == CUA_ERR_TIMEOUT
			? CUA_FAIL(err, status, 0, "window %lu did not get the keyboard in %d ms",
					  window, FOCUS_TIMEOUT_MS)
			: status;
}

enum cua_status window_close(struct display *display, Window window, struct cua_error *err)
{
	enum cua_status status = check_listed(display, window, err);
	if (status == CUA_OK) {
		send_to_root(display, window, display->atoms.net_close_window, CurrentTime, 2);
	}
	return status;
}

/* --- asking the application --- */

void window_ping_event(struct display *display, const XClientMessageEvent *event)
{
	if (event->message_type == display->atoms.wm_protocols && event->window == display->root &&
			(Atom)event->data.l[0] == display->atoms.net_wm_ping &&
			(uint32_t)event->data.l[1] == display->ping.serial) {
		display->ping.answered = display->ping.serial;
	}
}

static bool ping_is_answered(struct display *display, void *user_data)
{
	bool *gone = user_data;
	if (display->ping.answered == display->ping.serial) {
		return true;
	}
	/* Closed, or no longer in front: nobody is left to answer for the input. */
	if (display->active_changed) {
		display->active_changed = false;
		*gone = window_active(display) != display->ping.window;
	}
	return *gone;
}

/* The answer comes after the window has read every event that was sent to it before: an X client
 * reads its events in order.
 * Source: Extended Window Manager Hints, _NET_WM_PING. */
enum cua_status window_ping(struct display *display, int timeout_ms, bool *ret_asked,
		bool *ret_answered, struct cua_error *err)
{
	const Window window = window_active(display);
	*ret_asked = false;
	*ret_answered = false;
	if (!window_is_pingable(display, window)) {
		return display_ok(display, err);
	}
	/* The upper half of the number space: the window manager's own pings carry timestamps. */
	display->ping.serial = 0x80000000U | (display->ping.serial + 1);
	display->ping.window = window;
	XEvent event = { .xclient = { .type = ClientMessage,
					 .window = window,
					 .message_type = display->atoms.wm_protocols,
					 .format = 32,
					 .data.l = { (long)display->atoms.net_wm_ping,
							 (long)display->ping.serial,
							 (long)window } } };
	XSendEvent(display->xlib, window, False, NoEventMask, &event);
	XFlush(display->xlib);
	bool gone = false;
	enum cua_status status = display_wait(display, cua_now_us() + (uint64_t)timeout_ms * 1000U,
			ping_is_answered, &gone, err);
	*ret_answered = status == CUA_OK && !gone;
	*ret_asked = !gone;
	return status == CUA_ERR_TIMEOUT ? CUA_OK : status;
}
