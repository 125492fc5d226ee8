#include "display/window_stack.h"

#include <stdlib.h>

#include "cua/base/util.h"

#define FRAME_DEPTH_MAX 8

/* The ancestor of a window that is a child of the root window; None if it is gone. */
static Window top_of(struct display *display, Window window)
{
	for (int depth = 0; depth < FRAME_DEPTH_MAX; depth++) {
		xcb_query_tree_reply_t *tree = xcb_query_tree_reply(display->xcb,
				xcb_query_tree(display->xcb, (xcb_window_t)window), NULL);
		if (!tree) {
			return None;
		}
		const Window parent = tree->parent;
		free(tree);
		if (parent == display->root || parent == None) {
			return parent == None ? None : window;
		}
		window = parent;
	}
	return None;
}

/* Clients by the frame that the window manager put them into. */
struct frames {
	Window windows[WINDOWS_MAX], tops[WINDOWS_MAX];
	int count;
};

static void read_frames(struct display *display, struct frames *frames)
{
	frames->count = window_list(display, frames->windows);
	for (int i = 0; i < frames->count; i++) {
		frames->tops[i] = top_of(display, frames->windows[i]);
	}
}

static Window client_in(const struct frames *frames, Window top)
{
	for (int i = 0; i < frames->count; i++) {
		if (frames->tops[i] == top) {
			return frames->windows[i];
		}
	}
	return None;
}

void window_stack_read(struct display *display, struct window_stack *stack)
{
	stack->count = 0;
	xcb_query_tree_reply_t *tree = xcb_query_tree_reply(display->xcb,
			xcb_query_tree(display->xcb, (xcb_window_t)display->root), NULL);
	if (!tree) {
		return;
	}
	const xcb_window_t *tops = xcb_query_tree_children(tree);
	const int all = xcb_query_tree_children_length(tree);
	const int skipped = all > WINDOW_STACK_MAX ? all - WINDOW_STACK_MAX : 0;
	struct frames frames;
	read_frames(display, &frames);
	/* All questions first, then all answers: one round trip. */
	xcb_get_window_attributes_cookie_t attributes[WINDOW_STACK_MAX];
	xcb_get_geometry_cookie_t geometries[WINDOW_STACK_MAX];
	for (int i = skipped; i < all; i++) {
		attributes[i - skipped] = xcb_get_window_attributes(display->xcb, tops[i]);
		geometries[i - skipped] = xcb_get_geometry(display->xcb, tops[i]);
	}
	for (int i = skipped; i < all; i++) {
		CUA_AUTO_FREE xcb_get_window_attributes_reply_t *attribute =
				xcb_get_window_attributes_reply(
						display->xcb, attributes[i - skipped], NULL);
		CUA_AUTO_FREE xcb_get_geometry_reply_t *geometry =
				xcb_get_geometry_reply(display->xcb, geometries[i - skipped], NULL);
		if (!attribute || !geometry || attribute->map_state != XCB_MAP_STATE_VIEWABLE ||
				attribute->_class != XCB_WINDOW_CLASS_INPUT_OUTPUT) {
			continue;
		}
		const Window client = client_in(&frames, tops[i]);
		stack->items[stack->count++] = (struct stack_window){ .top = tops[i],
			.window = client != None ? client : tops[i],
			.box = { geometry->x, geometry->y,
					geometry->width + 2 * geometry->border_width,
					geometry->height + 2 * geometry->border_width },
			.popup = client == None };
	}
	free(tree);
}

Window window_stack_at(const struct window_stack *stack, int x, int y)
{
	for (int i = stack->count - 1; i >= 0; i--) {
		const struct cua_region *box = &stack->items[i].box;
		if (x >= box->x && y >= box->y && x - box->x < box->width &&
				y - box->y < box->height) {
			return stack->items[i].window;
		}
	}
	return None;
}

cJSON *window_stack_describe(
		struct display *display, const struct window_stack *stack, Window window)
{
	cJSON *list = cJSON_CreateArray();
	for (int i = stack->count - 1; i >= 0; i--) {
		const struct stack_window *item = &stack->items[i];
		if (window != None && item->window != window && !item->popup) {
			continue;
		}
		cJSON *json = window_describe(display, item->window);
		cJSON_AddBoolToObject(json, "popup", item->popup);
		cJSON_AddItemToArray(list, json);
	}
	return list;
}
