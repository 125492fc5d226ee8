#include "display/news.h"

#include "display/display_internal.h"

/* A caret is so narrow and so high. */
#define CARET_WIDTH_PX 4
#define CARET_HEIGHT_PX 96

void display_on_news(struct display *display, display_news_fn on_news, void *user_data)
{
	display->news = (struct display_news_state){ on_news, user_data, 0 };
}

void news_damaged(struct display *display, const struct cua_region *area)
{
	if (area->width > CARET_WIDTH_PX || area->height > CARET_HEIGHT_PX) {
		display->news.pending |= DISPLAY_NEWS_SCREEN;
	}
}

void news_event(struct display *display, const XEvent *event)
{
	if (event->type != PropertyNotify) {
		return;
	}
	const Atom atom = event->xproperty.atom;
	const bool is_root = event->xproperty.window == display->root;
	if (is_root ? atom == display->atoms.net_client_list ||
							atom == display->atoms.net_active_window
		    : event->xproperty.window == display->window_cache.active &&
							(atom == display->atoms.net_wm_name ||
									atom == XA_WM_NAME)) {
		display->news.pending |= DISPLAY_NEWS_WINDOWS;
	}
}

void news_tell(struct display *display)
{
	const unsigned int pending = display->news.pending;
	if (pending && display->news.on_news && !display_is_private(display)) {
		display->news.pending = 0;
		display->news.on_news(pending, display->news.user_data);
	}
}
