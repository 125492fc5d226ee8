/* Asking an application whether it has read its events. */

#include "display/display_internal.h"

#include "cua/base/util.h"

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
