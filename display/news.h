#ifndef CUA_DISPLAY_NEWS_H
#define CUA_DISPLAY_NEWS_H

/* For who wants to know that something has changed, and looks for himself. */

#include "display/display.h"

enum display_news {
	DISPLAY_NEWS_SCREEN = 1,
	DISPLAY_NEWS_WINDOWS = 2, /* their list, which is active, or its title */
};

/* In the display's thread, after events; news: of enum display_news. While a person has the
 * desktop in private nothing is told; afterwards, once. A caret that blinks is none. */
typedef void (*display_news_fn)(unsigned int news, void *user_data);
void display_on_news(struct display *display, display_news_fn on_news, void *user_data);

#endif
