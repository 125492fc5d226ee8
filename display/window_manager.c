/* Keeping a window manager in service: one that does not answer is replaced, and the windows that
 * it would have shown are not lost with it, nor with one that crashed. */

#define CUA_LOG_MODULE "display.window_manager"

#include "display/display_internal.h"

#include "cua/base/log.h"
#include "cua/base/util.h"
#include "display/flood.h"
#include "display/session_client.h"

#define MANAGER_TIMEOUT_MS 3000
/* It takes over every window there is. */
#define NEW_MANAGER_TIMEOUT_MS 8000
#define SESSION_TIMEOUT_MS 3000
/* So many of the uppermost are looked at. */
#define LOST_MAX 512
/* Any program may announce itself on the root window, as often as it likes. */
#define FOLLOW_PAUSE_US 1000000U

/* The part of an XID that says whose it is. */
static XID client_of(const struct display *display, Window window)
{
	return window & ~(XID)xcb_get_setup(display->xcb)->resource_id_mask;
}

static bool is_shown(const struct display *display, const Window *managed, unsigned long count,
		Window window)
{
	for (unsigned long i = 0; i < count; i++) {
		if (client_of(display, managed[i]) == client_of(display, window)) {
			return true;
		}
	}
	return false;
}

/* Made to be shown, unlike what toolkits keep unseen for their own ends. */
static bool is_made_to_be_shown(struct display *display, Window window)
{
	XWindowAttributes attributes;
	unsigned long count = 0;
	if (!XGetWindowAttributes(display->xlib, window, &attributes) ||
			attributes.map_state != IsUnmapped || attributes.override_redirect ||
			attributes.class != InputOutput) {
		return false;
	}
	unsigned char *hints = display_property_part(display, window, XA_WM_NORMAL_HINTS,
			XA_WM_SIZE_HINTS, 32, sizeof(long), &count);
	if (hints) {
		XFree(hints);
	}
	return hints && count > 0;
}

/* A request to be shown goes to the window manager alone, and is lost with it. Nobody can be asked
 * for it, so a program that shows no window at all is taken to have asked for those that are made
 * to be shown. */
static void map_lost(struct display *display)
{
	Window root, parent, *windows = NULL;
	unsigned int count = 0;
	unsigned long managed_count = 0;
	Window *managed = window_read_list(display, &managed_count);
	if (!XQueryTree(display->xlib, display->root, &root, &parent, &windows, &count)) {
		count = 0;
	}
	for (unsigned int i = count > LOST_MAX ? count - LOST_MAX : 0; i < count && !display->dead;
			i++) {
		if (!window_is_ours(display, windows[i]) &&
				!window_is_of_manager(display, windows[i]) &&
				!is_shown(display, managed, managed_count, windows[i]) &&
				is_made_to_be_shown(display, windows[i])) {
			cua_log_info("window %lu is shown by the new window manager", windows[i]);
			XMapWindow(display->xlib, windows[i]);
		}
	}
	if (windows) {
		XFree(windows);
	}
	if (managed) {
		XFree(managed);
	}
}

enum cua_status window_replace_manager(struct display *display, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *request = cJSON_CreateObject(), *answer = NULL;
	CUA_AUTO_FD int fd = -1;
	cJSON_AddTrueToObject(request, "restart_window_manager");
	enum cua_status status = session_request(&display->record, request, NULL, &fd, err);
	if (status == CUA_OK) {
		status = session_answer(fd, SESSION_TIMEOUT_MS, &answer, err);
	}
	if (status == CUA_OK) {
		status = window_wait_manager(display, NEW_MANAGER_TIMEOUT_MS, err);
	}
	if (status == CUA_OK) {
		display->manager.is_new = false;
		map_lost(display);
	}
	return status == CUA_ERR_TIMEOUT ? CUA_FAIL(err, status, 0,
							   "the window manager does not answer, "
							   "not even a new one: some "
							   "program keeps the X server to itself")
					 : status;
}

void window_manager_event(struct display *display, const XPropertyEvent *event)
{
	display->manager.is_new = display->manager.is_new ||
			(event->state == PropertyNewValue &&
					event->atom == display->atoms.net_supporting_wm_check);
}

/* The session starts another one when one ends. */
enum cua_status window_follow_manager(struct display *display, struct cua_error *err)
{
	if (!display->manager.is_new ||
			cua_now_us() < display->manager.followed_us + FOLLOW_PAUSE_US) {
		return CUA_OK;
	}
	enum cua_status status = window_wait_manager(display, MANAGER_TIMEOUT_MS, err);
	display->manager.followed_us = cua_now_us();
	if (status == CUA_OK) {
		display->manager.is_new = false;
		map_lost(display);
	}
	return status == CUA_ERR_TIMEOUT ? CUA_OK : status;
}

/* The manager handles one request after the other: when it answers a question that was asked
 * after an order, it is done with the order. */
enum cua_status window_await_manager(struct display *display, struct cua_error *err)
{
	bool slowed = false;
	enum cua_status status = window_wait_manager(display, MANAGER_TIMEOUT_MS, err);
	if (status != CUA_ERR_TIMEOUT) {
		return status;
	}
	status = flood_slow_down(display, &slowed, err);
	return status == CUA_OK ? window_replace_manager(display, err) : status;
}
