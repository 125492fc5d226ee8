/* Asks an X server what the program under test does not need to be trusted with.
 *
 *   x_probe held               "keys N buttons MASK locked MASK"
 *   x_probe repeat             after how many ms a key that is held repeats
 *   x_probe image FILE         the root window: width, height (32 bit each), rows of B8G8R8X8
 *   x_probe clients N          how many of N connections at once the server takes
 *   x_probe cookie             0 if a wrong cookie is refused, 1 if it is taken
 *   x_probe shuffle SEED       moves and resizes every window at random
 *   x_probe own FILE [INCR]    owns the clipboard with the file's text until it loses it;
 *                              with a second argument in parts (ICCCM 2.7.2)
 *   x_probe pair               asks for the clipboard's text twice at once (MULTIPLE), fetches one
 *                              after the other; their lengths */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <X11/XKBlib.h>
#include <X11/Xatom.h>
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <xcb/xcb.h>

static int print_held(Display *display)
{
	Window root, child;
	int x, y, win_x, win_y, down = 0;
	unsigned int mask = 0;
	char keys[32];
	XkbStateRec state = { 0 };
	XQueryPointer(display, DefaultRootWindow(display), &root, &child, &x, &y, &win_x, &win_y,
			&mask);
	XQueryKeymap(display, keys);
	XkbGetState(display, XkbUseCoreKbd, &state);
	for (size_t i = 0; i < sizeof(keys); i++) {
		down += __builtin_popcount((unsigned char)keys[i]);
	}
	printf("keys %d buttons %u locked %u\n", down, mask & 0x1f00U, state.locked_mods);
	return 0;
}

static int print_repeat(Display *display)
{
	unsigned int delay_ms = 0, interval_ms = 0;
	XkbGetAutoRepeatRate(display, XkbUseCoreKbd, &delay_ms, &interval_ms);
	printf("%u\n", delay_ms);
	return 0;
}

static int write_image(Display *display, const char *path)
{
	const int screen = DefaultScreen(display);
	const int width = DisplayWidth(display, screen), height = DisplayHeight(display, screen);
	XImage *image = XGetImage(display, DefaultRootWindow(display), 0, 0, (unsigned int)width,
			(unsigned int)height, AllPlanes, ZPixmap);
	FILE *file = fopen(path, "we");
	if (!image || !file || image->bits_per_pixel != 32) {
		return 1;
	}
	const int size[] = { width, height };
	fwrite(size, sizeof(size), 1, file);
	for (int y = 0; y < height; y++) {
		fwrite(image->data + (size_t)y * (size_t)image->bytes_per_line, 4, (size_t)width,
				file);
	}
	XDestroyImage(image);
	return fclose(file) == 0 ? 0 : 1;
}

static int count_clients(long wanted)
{
	long taken = 0;
	while (taken < wanted) {
		xcb_connection_t *connection = xcb_connect(NULL, NULL);
		if (xcb_connection_has_error(connection)) {
			break;
		}
		taken++; /* stays open until the end */
	}
	printf("%ld\n", taken);
	return 0;
}

static int try_cookie(void)
{
	char name[] = "MIT-MAGIC-COOKIE-1", data[16] = "wrong";
	xcb_auth_info_t auth = { sizeof(name) - 1, name, sizeof(data), data };
	xcb_connection_t *connection = xcb_connect_to_display_with_auth_info(NULL, &auth, NULL);
	const int taken = !xcb_connection_has_error(connection);
	xcb_disconnect(connection);
	return taken;
}

static int shuffle(Display *display, unsigned int seed)
{
	Atom type;
	int format;
	unsigned long count = 0, left;
	unsigned char *data = NULL;
	const int screen = DefaultScreen(display);
	XGetWindowProperty(display, DefaultRootWindow(display),
			XInternAtom(display, "_NET_CLIENT_LIST", False), 0, 100, False, XA_WINDOW,
			&type, &format, &count, &left, &data);
	srand(seed);
	for (unsigned long i = 0; data && i < count; i++) {
		const Window window = ((Window *)(void *)data)[i];
		/* Partly off the screen, too. */
		const int x = rand() % DisplayWidth(display, screen) - 100;
		const int y = rand() % DisplayHeight(display, screen) - 50;
		XMoveResizeWindow(display, window, x, y, 100 + (unsigned int)rand() % 500,
				60 + (unsigned int)rand() % 400);
		if (rand() % 2) {
			XRaiseWindow(display, window);
		}
	}
	XSync(display, False);
	printf("%lu\n", count);
	return 0;
}

/* --- owning the clipboard --- */

struct owner {
	Display *display;
	char *text;
	size_t len, sent;
	bool in_parts;
	Atom clipboard, utf8, targets, incr;
	Window requestor; /* of the transfer in parts that goes on */
	Atom property;
};

static void answer(struct owner *owner, const XSelectionRequestEvent *request)
{
	Display *display = owner->display;
	XEvent reply = { .xselection = { .type = SelectionNotify,
					 .requestor = request->requestor,
					 .selection = request->selection,
					 .target = request->target,
					 .property = request->property,
					 .time = request->time } };
	if (request->target == owner->targets) {
		const Atom offered[] = { owner->targets, owner->utf8 };
		XChangeProperty(display, request->requestor, request->property, XA_ATOM, 32,
				PropModeReplace, (const unsigned char *)offered, 2);
	} else if (request->target != owner->utf8) {
		reply.xselection.property = None;
	} else if (owner->in_parts) {
		const long len = (long)owner->len;
		owner->sent = 0;
		owner->requestor = request->requestor;
		owner->property = request->property;
		XSelectInput(display, request->requestor, PropertyChangeMask);
		XChangeProperty(display, request->requestor, request->property, owner->incr, 32,
				PropModeReplace, (const unsigned char *)&len, 1);
	} else {
		XChangeProperty(display, request->requestor, request->property, owner->utf8, 8,
				PropModeReplace, (const unsigned char *)owner->text,
				(int)owner->len);
	}
	XSendEvent(display, request->requestor, False, NoEventMask, &reply);
	XFlush(display);
}

static void send_part(struct owner *owner)
{
	const size_t left = owner->len - owner->sent;
	const size_t part = left < 4099 ? left : 4099; /* cuts characters in two */
	XChangeProperty(owner->display, owner->requestor, owner->property, owner->utf8, 8,
			PropModeReplace, (const unsigned char *)owner->text + owner->sent,
			(int)part);
	XFlush(owner->display);
	owner->sent += part;
	if (part == 0) {
		owner->requestor = None;
	}
}

static int own(Display *display, const char *path, bool in_parts)
{
	struct owner owner = { .display = display, .in_parts = in_parts };
	FILE *file = fopen(path, "re");
	owner.text = malloc(16 << 20);
	if (!file || !owner.text) {
		return 1;
	}
	owner.len = fread(owner.text, 1, 16 << 20, file);
	fclose(file);
	owner.clipboard = XInternAtom(display, "CLIPBOARD", False);
	owner.utf8 = XInternAtom(display, "UTF8_STRING", False);
	owner.targets = XInternAtom(display, "TARGETS", False);
	owner.incr = XInternAtom(display, "INCR", False);
	const Window window = XCreateSimpleWindow(
			display, DefaultRootWindow(display), -10, -10, 1, 1, 0, 0, 0);
	XSetSelectionOwner(display, owner.clipboard, window, CurrentTime);
	XSync(display, False);
	printf("owned\n");
	fflush(stdout);
	for (;;) {
		XEvent event;
		XNextEvent(display, &event);
		if (event.type == SelectionRequest) {
			answer(&owner, &event.xselectionrequest);
		} else if (event.type == PropertyNotify && owner.requestor != None &&
				event.xproperty.window == owner.requestor &&
				event.xproperty.atom == owner.property &&
				event.xproperty.state == PropertyDelete) {
			send_part(&owner);
		} else if (event.type == SelectionClear) {
			break;
		}
	}
	free(owner.text);
	return 0;
}

/* --- asking for a pair --- */

static size_t fetch(Display *display, Window window, Atom property, Atom *ret_type)
{
	int format = 0;
	unsigned long count = 0, left = 0;
	unsigned char *data = NULL;
	XGetWindowProperty(display, window, property, 0, 1 << 22, True, AnyPropertyType, ret_type,
			&format, &count, &left, &data);
	if (data) {
		XFree(data);
	}
	return count;
}

/* The first fetch deletes the property, which asks for the first part. */
static size_t fetch_parts(Display *display, Window window, Atom property)
{
	Atom type = None;
	size_t all = fetch(display, window, property, &type);
	if (type != XInternAtom(display, "INCR", False)) {
		return all;
	}
	all = 0;
	for (size_t len = 1; len > 0; all += len) {
		XEvent event;
		do {
			XWindowEvent(display, window, PropertyChangeMask, &event);
		} while (event.xproperty.atom != property ||
				event.xproperty.state != PropertyNewValue);
		len = fetch(display, window, property, &type);
	}
	return all;
}

static int ask_for_pair(Display *display)
{
	const Window window = XCreateSimpleWindow(
			display, DefaultRootWindow(display), -10, -10, 1, 1, 0, 0, 0);
	const Atom first = XInternAtom(display, "FIRST", False),
		   second = XInternAtom(display, "SECOND", False),
		   list = XInternAtom(display, "LIST", False);
	const Atom pairs[] = { XInternAtom(display, "UTF8_STRING", False), first,
		XInternAtom(display, "text/plain;charset=utf-8", False), second };
	XEvent event;
	XChangeProperty(display, window, list, XInternAtom(display, "ATOM_PAIR", False), 32,
			PropModeReplace, (const unsigned char *)pairs, 4);
	XConvertSelection(display, XInternAtom(display, "CLIPBOARD", False),
			XInternAtom(display, "MULTIPLE", False), list, window, CurrentTime);
	do {
		XNextEvent(display, &event);
	} while (event.type != SelectionNotify);
	XSelectInput(display, window, PropertyChangeMask);
	alarm(20); /* parts that never come end this */
	const size_t first_len = fetch_parts(display, window, first);
	printf("%zu %zu\n", first_len, fetch_parts(display, window, second));
	return 0;
}

/* As a settings manager does, with one setting, until it is killed. */
static int manage_settings(Display *display, uint32_t click_ms)
{
	unsigned char settings[] = "\0\0\0\0\1\0\0\0\1\0\0\0"
				   "\0\0\023\0Net/DoubleClickTime\0\1\0\0\0????";
	const size_t len = sizeof(settings) - 1;
	const Window window = XCreateSimpleWindow(
			display, DefaultRootWindow(display), -10, -10, 1, 1, 0, 0, 0);
	const Atom name = XInternAtom(display, "_XSETTINGS_SETTINGS", False);
	for (int i = 0; i < 4; i++) {
		settings[len - 4 + (size_t)i] = (unsigned char)(click_ms >> 8 * i);
	}
	XChangeProperty(display, window, name, name, 8, PropModeReplace, settings, (int)len);
	XSetSelectionOwner(
			display, XInternAtom(display, "_XSETTINGS_S0", False), window, CurrentTime);
	XSync(display, False);
	printf("ready\n");
	fflush(stdout);
	pause();
	return 0;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";
	const char *argument = argc > 2 ? argv[2] : "";
	if (strcmp(command, "clients") == 0) {
		return count_clients(strtol(argument, NULL, 10));
	}
	if (strcmp(command, "cookie") == 0) {
		return try_cookie();
	}
	Display *display = XOpenDisplay(NULL);
	if (!display) {
		fprintf(stderr, "x_probe: no X server\n");
		return 1;
	}
	int result = 2;
	if (strcmp(command, "held") == 0) {
		result = print_held(display);
	} else if (strcmp(command, "repeat") == 0) {
		result = print_repeat(display);
	} else if (strcmp(command, "image") == 0) {
		result = write_image(display, argument);
	} else if (strcmp(command, "shuffle") == 0) {
		result = shuffle(display, (unsigned int)strtoul(argument, NULL, 10));
	} else if (strcmp(command, "pair") == 0) {
		result = ask_for_pair(display);
	} else if (strcmp(command, "settings") == 0) {
		result = manage_settings(display, (uint32_t)strtoul(argument, NULL, 10));
	} else if (strcmp(command, "own") == 0) {
		result = own(display, argument, argc > 3);
	}
	XCloseDisplay(display);
	return result;
}
