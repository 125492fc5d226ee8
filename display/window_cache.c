/* What every answer tells of the windows, kept until the X server says that it has changed: asking
 * anew took a dozen round trips for each request. What has changed is asked for as soon as that is
 * told, so that nobody waits for it later: a window manager changes it at every click. */

#include "display/display_internal.h"

#include <stdlib.h>

#include "cua/base/util.h"

/* Windows; the list is as long as whoever writes it likes. */
#define LIST_READ_MAX 65536

static void forget_description(struct display_window_cache *cache)
{
	cJSON_Delete(cache->description);
	cache->description = NULL;
}

void window_cache_finish(struct display *display)
{
	forget_description(&display->window_cache);
}

/* The answer to what was asked will be newer than the event. */
static bool is_asked_since(const struct display_window_cache *cache, const XEvent *event)
{
	return cache->is_asked &&
			(int32_t)((uint32_t)event->xany.serial - cache->list_asked.sequence) < 0;
}

void window_cache_event(struct display *display, const XEvent *event)
{
	struct display_window_cache *cache = &display->window_cache;
	if (event->type == PropertyNotify && event->xproperty.window == display->root) {
		const Atom atom = event->xproperty.atom;
		if ((atom == display->atoms.net_client_list ||
				    atom == display->atoms.net_active_window) &&
				!is_asked_since(cache, event)) {
			cache->is_current = false;
		}
	} else if (event->type == DestroyNotify) {
		window_cache_unheard(display, event->xdestroywindow.window);
	} else if ((event->type == PropertyNotify || event->type == ConfigureNotify ||
				   event->type == UnmapNotify || event->type == MapNotify) &&
			event->xany.window == cache->active) {
		forget_description(cache);
	}
}

void window_cache_unheard(struct display *display, Window window)
{
	struct display_window_cache *cache = &display->window_cache;
	if (cache->active == window) {
		forget_description(cache);
		cache->active = None;
		cache->is_current = false;
	}
}

void window_cache_ask(struct display *display)
{
	struct display_window_cache *cache = &display->window_cache;
	window_cache_take(display);
	cache->list_asked = xcb_get_property(display->xcb, 0, (xcb_window_t)display->root,
			(xcb_atom_t)display->atoms.net_client_list, XCB_ATOM_WINDOW, 0,
			LIST_READ_MAX);
	cache->active_asked = xcb_get_property(display->xcb, 0, (xcb_window_t)display->root,
			(xcb_atom_t)display->atoms.net_active_window, XCB_ATOM_WINDOW, 0, 1);
	cache->is_asked = cache->is_current = true;
}

bool window_cache_ask_if_changed(struct display *display)
{
	if (display->window_cache.is_current) {
		return false;
	}
	window_cache_ask(display);
	return true;
}

/* The last of the windows that a property lists, which are the uppermost; their number. */
static int read_windows(xcb_get_property_reply_t *reply, Window *windows, int max)
{
	const bool is_list = reply && reply->format == 32;
	const xcb_window_t *all = is_list ? xcb_get_property_value(reply) : NULL;
	const int count = is_list ? xcb_get_property_value_length(reply) / 4 : 0;
	const int skip = count > max ? count - max : 0;
	for (int i = skip; i < count; i++) {
		windows[i - skip] = all[i];
	}
	return count - skip;
}

/* openbox leaves the last window of a desktop in its property when that has closed. */
static bool is_in_list(const struct display_window_cache *cache, Window window)
{
	for (int i = 0; i < cache->count; i++) {
		if (cache->windows[i] == window) {
			return true;
		}
	}
	return false;
}

/* A window manager says after every click which window is active, even if it still is. */
static void follow_active(struct display *display, Window active)
{
	struct display_window_cache *cache = &display->window_cache;
	if (active != cache->active) {
		forget_description(cache);
		cache->active = active;
		/* Titles, states and, by way of the window manager, places are told from now on. */
		if (active != None) {
			XSelectInput(display->xlib, active,
					PropertyChangeMask | StructureNotifyMask);
		}
	}
}

void window_cache_take(struct display *display)
{
	struct display_window_cache *cache = &display->window_cache;
	if (!cache->is_asked) {
		return;
	}
	CUA_AUTO_FREE xcb_get_property_reply_t *list =
			xcb_get_property_reply(display->xcb, cache->list_asked, NULL);
	CUA_AUTO_FREE xcb_get_property_reply_t *active =
			xcb_get_property_reply(display->xcb, cache->active_asked, NULL);
	Window window = None;
	cache->is_asked = false;
	cache->count = read_windows(list, cache->windows, WINDOWS_MAX);
	(void)read_windows(active, &window, 1);
	follow_active(display, is_in_list(cache, window) ? window : None);
}

cJSON *window_cache_describe_active(struct display *display)
{
	struct display_window_cache *cache = &display->window_cache;
	if (cache->active == None) {
		return cJSON_CreateNull();
	}
	if (!cache->description) {
		cache->description = window_describe(display, cache->active);
	}
	return cJSON_Duplicate(cache->description, true);
}
