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
/* Of what applications write about themselves no more than this is read. */
#define TITLE_BYTES_MAX 2048
#define CLASS_BYTES_MAX 512
#define ATOMS_MAX 64
#define EXTENT_MAX 32767

/* --- reading --- */

Window window_read_active(struct display *display)
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

/* openbox leaves the last window of a desktop in its property when that has closed. */
Window window_active(struct display *display)
{
	const Window window = window_read_active(display);
	return window != None && window_is_listed(display, window) ? window : None;
}

Window *window_read_list(struct display *display, unsigned long *ret_count)
{
	*ret_count = 0;
	Window *windows = (Window *)(void *)display_property(display, display->root,
			display->atoms.net_client_list, XA_WINDOW, 32, ret_count);
	for (unsigned long i = 0; windows && i < *ret_count; i++) {
		windows[i] &= XID_MASK;
	}
	return windows;
}

int window_list(struct display *display, Window windows[WINDOWS_MAX])
{
	unsigned long count = 0;
	Window *all = window_read_list(display, &count);
	const unsigned long skip = count > WINDOWS_MAX ? count - WINDOWS_MAX : 0;
	if (all) {
		memcpy(windows, all + skip, (count - skip) * sizeof(windows[0]));
		XFree(all);
	}
	return (int)(count - skip);
}

bool window_is_in(Window window, const Window *windows, int count)
{
	for (int i = 0; i < count; i++) {
		if (windows[i] == window) {
			return true;
		}
	}
	return false;
}

bool window_is_listed(struct display *display, Window window)
{
	unsigned long count = 0;
	bool found = false;
	Window *all = window_read_list(display, &count);
	for (unsigned long i = 0; i < count; i++) {
		found = found || all[i] == window;
	}
	if (all) {
		XFree(all);
	}
	return found;
}

/* The property is a list of atoms; applications may have made it as long as they like. */
static bool has_atom(struct display *display, Window window, Atom property, Atom wanted)
{
	unsigned long count = 0;
	bool found = false;
	Atom *atoms = (Atom *)(void *)display_property_part(
			display, window, property, XA_ATOM, 32, 4 * ATOMS_MAX, &count);
	for (unsigned long i = 0; atoms && i < count; i++) {
		found = found || atoms[i] == wanted;
	}
	if (atoms) {
		XFree(atoms);
	}
	return found;
}

bool window_is_pingable(struct display *display, Window window)
{
	return window != None &&
			has_atom(display, window, display->atoms.wm_protocols,
					display->atoms.net_wm_ping);
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
	unsigned char *data = display_property_part(
			display, window, display->atoms.net_wm_window_type, XA_ATOM, 32, 4, &count);
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
	XTextProperty property = { .format = 8 };
	char **list = NULL;
	int count = 0, format = 0;
	unsigned long left = 0;
	if (XGetWindowProperty(display->xlib, window, XA_WM_NAME, 0, TITLE_BYTES_MAX / 4, False,
			    AnyPropertyType, &property.encoding, &format, &property.nitems, &left,
			    &property.value) != Success ||
			!property.value) {
		return;
	}
	if (format == 8 &&
			Xutf8TextPropertyToTextList(display->xlib, &property, &list, &count) >= 0 &&
			count > 0) {
		snprintf(title, size, "%s", list[0]);
	}
	if (list) {
		XFreeStringList(list);
	}
	XFree(property.value);
}

/* Text is the application's: what is no UTF-8 would spoil the JSON, and control characters the
 * terminal of who reads it. A character that was cut off at the end goes. */
static void make_printable(char *text)
{
	const char *at = text, *end = text + strlen(text);
	while (at < end) {
		char *first = text + (at - text);
		const uint32_t code = cua_utf8_next(&at, end);
		if (code == CUA_UTF8_INVALID && end - first < CUA_UTF8_MAX &&
				(unsigned char)*first >= 0xc0) {
			*first = '\0';
			return;
		}
		if (code == CUA_UTF8_INVALID) {
			*first = '?';
			at++;
		} else if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
			memset(first, '?', (size_t)(at - first));
		}
	}
}

void window_title(struct display *display, Window window, char *title, size_t size)
{
	unsigned long count = 0;
	unsigned char *data = display_property_part(display, window, display->atoms.net_wm_name,
			display->atoms.utf8_string, 8, TITLE_BYTES_MAX, &count);
	title[0] = '\0';
	if (data) {
		snprintf(title, size, "%s", (const char *)data);
		XFree(data);
	} else {
		read_old_title(display, window, title, size);
	}
	make_printable(title);
}

/* WM_CLASS is two strings, each with a NUL at its end: instance, class. */
static void read_class(
		struct display *display, Window window, char *class, char *instance, size_t size)
{
	unsigned long count = 0;
	unsigned char *data = display_property_part(
			display, window, XA_WM_CLASS, XA_STRING, 8, CLASS_BYTES_MAX, &count);
	class[0] = instance[0] = '\0';
	if (!data) {
		return;
	}
	/* Xlib puts a NUL behind what it read. */
	const size_t len = strlen((const char *)data);
	snprintf(instance, size, "%s", (const char *)data);
	snprintf(class, size, "%s", len + 1 < count ? (const char *)data + len + 1 : "");
	make_printable(instance);
	make_printable(class);
	XFree(data);
}

void window_class(struct display *display, Window window, char *text, size_t size)
{
	char instance[CLASS_BYTES_MAX];
	size = size < sizeof(instance) ? size : sizeof(instance);
	read_class(display, window, text, instance, size);
}

void window_instance(struct display *display, Window window, char *text, size_t size)
{
	char class[CLASS_BYTES_MAX];
	size = size < sizeof(class) ? size : sizeof(class);
	read_class(display, window, class, text, size);
}

void window_read_state(struct display *display, Window window, struct window_state *state)
{
	const struct display_atoms *atoms = &display->atoms;
	unsigned long count = 0;
	Atom *states = (Atom *)(void *)display_property_part(
			display, window, atoms->net_wm_state, XA_ATOM, 32, 4 * ATOMS_MAX, &count);
	*state = (struct window_state){ 0 };
	for (unsigned long i = 0; states && i < count; i++) {
		state->minimized |= states[i] == atoms->net_wm_state_hidden;
		state->maximized_vert |= states[i] == atoms->net_wm_state_maximized_vert;
		state->maximized_horz |= states[i] == atoms->net_wm_state_maximized_horz;
		state->fullscreen |= states[i] == atoms->net_wm_state_fullscreen;
	}
	if (states) {
		XFree(states);
	}
}

void window_read_client(struct display *display, Window window, struct cua_region *client)
{
	Window root, child;
	int x = 0, y = 0, root_x = 0, root_y = 0;
	unsigned int width = 0, height = 0, border = 0, depth = 0;
	if (XGetGeometry(display->xlib, window, &root, &x, &y, &width, &height, &border, &depth)) {
		XTranslateCoordinates(display->xlib, window, display->root, 0, 0, &root_x, &root_y,
				&child);
	}
	*client = (struct cua_region){ root_x, root_y, (int)width, (int)height };
}

void window_read_frame(struct display *display, Window window, struct cua_region *frame)
{
	unsigned long count = 0;
	unsigned char *data = display_property_part(display, window,
			display->atoms.net_frame_extents, XA_CARDINAL, 32, 16, &count);
	window_read_client(display, window, frame);
	const long *extents = (const long *)(const void *)data; /* left, right, top, bottom */
	bool sane = data && count == 4;
	for (int i = 0; sane && i < 4; i++) {
		/* The property is on the application's window, which may write there, too. */
		sane = extents[i] >= 0 && extents[i] <= EXTENT_MAX;
	}
	if (sane) {
		frame->x -= (int)extents[0];
		frame->y -= (int)extents[2];
		frame->width += (int)(extents[0] + extents[1]);
		frame->height += (int)(extents[2] + extents[3]);
	}
	if (data) {
		XFree(data);
	}
}

/* --- asking the window manager --- */

void window_send_to_root(
		struct display *display, Window window, Atom type, const long *data, int count)
{
	XEvent event = { .xclient = { .type = ClientMessage,
					 .window = window,
					 .message_type = type,
					 .format = 32 } };
	for (int i = 0; i < count; i++) {
		event.xclient.data.l[i] = data[i];
	}
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
		window_send_to_root(
				display, window, display->atoms.net_request_frame_extents, NULL, 0);
		status = display_wait(display, cua_now_us() + MANAGER_ASK_AGAIN_US,
				manager_has_answered, &window, err);
	}
	if (!display->dead) {
		XDestroyWindow(display->xlib, window);
	}
	return status;
}

void window_listen(struct display *display, struct window_listening *listening, Window window)
{
	XWindowAttributes attributes;
	if (listening->count < WINDOWS_MAX &&
			XGetWindowAttributes(display->xlib, window, &attributes) &&
			!(attributes.your_event_mask & PropertyChangeMask)) {
		XSelectInput(display->xlib, window,
				attributes.your_event_mask | PropertyChangeMask);
		listening->masks[listening->count] = attributes.your_event_mask;
		listening->windows[listening->count++] = window;
	}
}

void window_listen_end(struct display *display, const struct window_listening *listening)
{
	for (int i = 0; i < listening->count && !display->dead; i++) {
		XSelectInput(display->xlib, listening->windows[i], listening->masks[i]);
	}
}

bool window_is_ours(const struct display *display, Window window)
{
	const unsigned long mask = xcb_get_setup(display->xcb)->resource_id_mask;
	return (display->helper & ~mask) == (window & ~mask);
}

enum cua_status window_check(
		struct display *display, Window window, bool unmanaged, struct cua_error *err)
{
	XWindowAttributes attributes;
	if (window_is_listed(display, window) ||
			(unmanaged && window != display->root && !window_is_ours(display, window) &&
					!window_is_of_manager(display, window) &&
					XGetWindowAttributes(display->xlib, window, &attributes))) {
		return CUA_OK;
	}
	enum cua_status status = display_ok(display, err);
	return status != CUA_OK
			? status
			: CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0,
					  "no window %lu (0x%lx); list_windows tells which exist",
					  window, window);
}

static bool is_active(struct display *display, void *user_data)
{
	return window_active(display) == *(const Window *)user_data;
}

enum cua_status window_focus(struct display *display, Window window, struct cua_error *err)
{
	enum cua_status status = window_check(display, window, false, err);
	if (status != CUA_OK) {
		return status;
	}
	/* Source indication 2: the request of a person's tool, which is always granted. */
	const long data[] = { 2, CurrentTime };
	window_send_to_root(display, window, display->atoms.net_active_window, data, 2);
	status = display_wait(display, cua_now_us() + FOCUS_TIMEOUT_MS * 1000ULL, is_active,
			&window, err);
	return status == CUA_ERR_TIMEOUT
			? CUA_FAIL(err, status, 0, "window %lu did not get the keyboard in %d ms",
					  window, FOCUS_TIMEOUT_MS)
			: status;
}
