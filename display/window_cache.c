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
	} else if ((event->type == PropertyNotify || event->type == ConfigureNotify ||
				   event->type == UnmapNotify || event->type == MapNotify ||
				   event->type == DestroyNotify) &&
			event->xany.window == cache->active) {
		forget_description(cache);
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

cJSON *window_describe_active(struct display *display)
{
	struct display_window_cache *cache = &display->window_cache;
	if (!cache->has_active) {
		forget_description(cache);
		cache->has_active = true;
		cache->active = window_active(display);
	}
	if (cache->active == None) {
		return cJSON_CreateNull();
	}
	if (!cache->description) {
		/* Titles, states and, by way of the window manager, places are told from now on. */
		XSelectInput(display->xlib, cache->active,
				PropertyChangeMask | StructureNotifyMask);
		cache->description = window_describe(display, cache->active);
	}
	return cJSON_Duplicate(cache->description, true);
}
