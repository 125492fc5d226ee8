/* Windows in the words of the API. */

#include "display/display_internal.h"

#define XID_MASK 0xffffffffUL
#define DESCRIBED_MAX 128
#define UNMANAGED_LOOKED_AT_MAX 64

/* -1 without the property. */
static double read_cardinal(struct display *display, Window window, Atom property)
{
	unsigned long count = 0;
	unsigned char *data = display_property_part(
			display, window, property, XA_CARDINAL, 32, 4, &count);
	const double number = data ? (double)(*(unsigned long *)(void *)data & XID_MASK) : -1;
	if (data) {
		XFree(data);
	}
	return number;
}

static void add_geometry(struct display *display, Window window, cJSON *json)
{
	struct cua_region client, frame;
	window_read_client(display, window, &client);
	window_read_frame(display, window, &frame);
	cJSON_AddNumberToObject(json, "x", client.x);
	cJSON_AddNumberToObject(json, "y", client.y);
	cJSON_AddNumberToObject(json, "width", client.width);
	cJSON_AddNumberToObject(json, "height", client.height);
	const int numbers[] = { frame.x, frame.y, frame.width, frame.height };
	cJSON_AddItemToObject(json, "frame", cJSON_CreateIntArray(numbers, 4));
}

static void add_state(struct display *display, Window window, cJSON *json)
{
	struct window_state state;
	window_read_state(display, window, &state);
	const bool maximized = state.maximized_vert && state.maximized_horz;
	cJSON_AddBoolToObject(json, "active", window == window_active(display));
	cJSON_AddBoolToObject(json, "minimized", state.minimized);
	cJSON_AddBoolToObject(json, "maximized", maximized);
	cJSON_AddStringToObject(json, "state",
			state.minimized                    ? "minimized"
					: state.fullscreen ? "fullscreen"
					: maximized        ? "maximized"
							   : "normal");
}

cJSON *window_describe(struct display *display, Window window)
{
	char title[512], class[128];
	display_note_answer(display);
	window_title(display, window, title, sizeof(title));
	window_class(display, window, class, sizeof(class));
	cJSON *json = cJSON_CreateObject();
	cJSON_AddNumberToObject(json, "id", (double)window);
	cJSON_AddStringToObject(json, "title", title);
	cJSON_AddStringToObject(json, "class", class);
	const double pid = read_cardinal(display, window, display->atoms.net_wm_pid);
	if (pid >= 0) {
		cJSON_AddNumberToObject(json, "pid", pid);
	}
	add_geometry(display, window, json);
	add_state(display, window, json);
	const double desktop = read_cardinal(display, window, display->atoms.net_wm_desktop);
	if (desktop >= 0) {
		/* All ones: on every desktop. */
		cJSON_AddNumberToObject(json, "desktop", desktop >= XID_MASK ? -1 : desktop);
	}
	return json;
}

/* Menus and tips are such windows and come and go; one that covers a good part of the screen is
 * something to know of, since it takes every click. */
static bool covers_much(const struct display *display, const XWindowAttributes *attributes)
{
	const struct cua_region window = { attributes->x, attributes->y, attributes->width,
		attributes->height };
	const struct cua_region screen = display_screen(display);
	struct cua_region covered;
	return region_common(&window, &screen, &covered) &&
			region_pixels(&covered) * 4 >= region_pixels(&screen);
}

/* Frames are the window manager's, which its windows share the upper bits of their numbers with. */
bool window_is_of_manager(struct display *display, Window window)
{
	unsigned long count = 0;
	const unsigned long mask = xcb_get_setup(display->xcb)->resource_id_mask;
	unsigned char *data = display_property_part(display, display->root,
			display->atoms.net_supporting_wm_check, XA_WINDOW, 32, 4, &count);
	const Window manager = data ? *(Window *)(void *)data & XID_MASK : None;
	if (data) {
		XFree(data);
	}
	return manager != None && (manager & ~mask) == (window & ~mask);
}

static void add_unmanaged(struct display *display, cJSON *list)
{
	Window root, parent, *children = NULL;
	unsigned int count = 0;
	if (!XQueryTree(display->xlib, display->root, &root, &parent, &children, &count)) {
		return;
	}
	/* The uppermost are what matters. */
	const unsigned int end =
			count > UNMANAGED_LOOKED_AT_MAX ? count - UNMANAGED_LOOKED_AT_MAX : 0;
	for (unsigned int i = count; i > end; i--) {
		XWindowAttributes attributes;
		if (XGetWindowAttributes(display->xlib, children[i - 1], &attributes) &&
				attributes.map_state == IsViewable &&
				attributes.override_redirect && covers_much(display, &attributes) &&
				!window_is_of_manager(display, children[i - 1])) {
			cJSON *json = window_describe(display, children[i - 1]);
			cJSON_AddBoolToObject(json, "override_redirect", true);
			cJSON_AddItemToArray(list, json);
		}
	}
	if (children) {
		XFree(children);
	}
}

void window_describe_all(struct display *display, cJSON *result)
{
	unsigned long count = 0;
	Window *all = window_read_list(display, &count);
	cJSON *list = cJSON_AddArrayToObject(result, "windows");
	add_unmanaged(display, list);
	for (unsigned long i = 0; i < count && i < DESCRIBED_MAX && !display->dead; i++) {
		/* A window manager that is behind lists what has gone. */
		XWindowAttributes attributes;
		if (XGetWindowAttributes(display->xlib, all[count - 1 - i], &attributes)) {
			cJSON_AddItemToArray(list, window_describe(display, all[count - 1 - i]));
		}
	}
	if (count > DESCRIBED_MAX) {
		cJSON_AddNumberToObject(result, "more", (double)(count - DESCRIBED_MAX));
	}
	if (all) {
		XFree(all);
	}
}
