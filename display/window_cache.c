/* What every answer tells of the windows, kept until the X server says that it has changed: asking
 * anew took a dozen round trips for each request. */

#include "display/display_internal.h"

#include <string.h>

static void forget_description(struct display_window_cache *cache)
{
	cJSON_Delete(cache->description);
	cache->description = NULL;
}

void window_cache_finish(struct display *display)
{
	forget_description(&display->window_cache);
}

void window_cache_event(struct display *display, const XEvent *event)
{
	struct display_window_cache *cache = &display->window_cache;
	if (event->type == PropertyNotify && event->xproperty.window == display->root) {
		const Atom atom = event->xproperty.atom;
		cache->has_list = cache->has_list && atom != display->atoms.net_client_list;
		cache->has_active = cache->has_active && atom != display->atoms.net_active_window &&
				atom != display->atoms.net_client_list;
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
		cache->has_active = false;
	}
}

int window_cached_list(struct display *display, Window windows[WINDOWS_MAX])
{
	struct display_window_cache *cache = &display->window_cache;
	if (!cache->has_list) {
		cache->has_list = true; /* what changes from here on is told */
		cache->count = window_list(display, cache->windows);
	}
	memcpy(windows, cache->windows, (size_t)cache->count * sizeof(windows[0]));
	return cache->count;
}

static Window listed_active(struct display *display)
{
	Window windows[WINDOWS_MAX];
	const Window active = window_read_active(display);
	const int count = active != None ? window_cached_list(display, windows) : 0;
	for (int i = 0; i < count; i++) {
		if (windows[i] == active) {
			return active;
		}
	}
	return None;
}

/* A window manager says after every click which window is active, even if it still is. */
static void follow_active(struct display *display)
{
	struct display_window_cache *cache = &display->window_cache;
	cache->has_active = true;
	const Window active = listed_active(display);
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

cJSON *window_describe_active(struct display *display)
{
	struct display_window_cache *cache = &display->window_cache;
	if (!cache->has_active) {
		follow_active(display);
	}
	if (cache->active == None) {
		return cJSON_CreateNull();
	}
	if (!cache->description) {
		cache->description = window_describe(display, cache->active);
	}
	return cJSON_Duplicate(cache->description, true);
}
