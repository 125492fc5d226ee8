#ifndef CUA_DISPLAY_WINDOW_STACK_H
#define CUA_DISPLAY_WINDOW_STACK_H

/* What lies on top of what: the windows that show, menus and other popups among them. */

#include <cjson/cJSON.h>

#include "display/display_internal.h"

#define WINDOW_STACK_MAX 512

struct stack_window {
	Window top;            /* child of the root window: the frame, or the window itself */
	Window window;         /* the application's */
	struct cua_region box; /* of top; pixels of the root window */
	bool popup;            /* not managed */
};

struct window_stack {
	struct stack_window items[WINDOW_STACK_MAX]; /* bottom to top */
	int count;
};

/* The uppermost WINDOW_STACK_MAX windows that are mapped and can be seen. */
void window_stack_read(struct display *display, struct window_stack *stack);
/* The application's window at a point; None over the bare desktop. */
Window window_stack_at(const struct window_stack *stack, int x, int y);
/* For the reader: [{"id", "pid", "title", "x", "y", "width", "height", "popup"}], uppermost first;
 * window other than None: that one alone, with the popups. NULL when memory runs out. */
cJSON *window_stack_describe(
		struct display *display, const struct window_stack *stack, Window window);

#endif
