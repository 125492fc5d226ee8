/* An X client that behaves badly in the way its first argument names; it prints "ready" once it
 * does, and goes on until it is killed. */

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <X11/Xatom.h>
#include <X11/Xlib.h>
#include <X11/Xutil.h>

struct client {
	Display *display;
	Window root;
	const char *argument; /* "" without one */
};

static void ready(struct client *client)
{
	XSync(client->display, False);
	printf("ready\n");
	fflush(stdout);
}

static Atom atom(struct client *client, const char *name)
{
	return XInternAtom(client->display, name, False);
}

/* Errors are the point here, not the end. */
static int on_error(Display *display, XErrorEvent *event)
{
	(void)display;
	(void)event;
	return 0;
}

/* A window that says it answers pings and asks before it closes. */
static Window make_window(struct client *client, const char *title, int width, int height)
{
	const Window window = XCreateSimpleWindow(client->display, client->root, 0, 0,
			(unsigned int)width, (unsigned int)height, 0, 0, 0x406080);
	Atom protocols[] = { atom(client, "_NET_WM_PING"), atom(client, "WM_DELETE_WINDOW") };
	static const char class[] = "hostile\0Hostile";
	XChangeProperty(client->display, window, XA_WM_CLASS, XA_STRING, 8, PropModeReplace,
			(const unsigned char *)class, sizeof(class));
	XSetWMProtocols(client->display, window, protocols, 2);
	XStoreName(client->display, window, title);
	XSelectInput(client->display, window,
			StructureNotifyMask | VisibilityChangeMask | ExposureMask);
	return window;
}

static void show(struct client *client, Window window)
{
	XMapRaised(client->display, window);
	for (XEvent event; XNextEvent(client->display, &event), event.type != MapNotify;) {
	}
}

/* --- windows --- */

static void never_answer(struct client *client)
{
	show(client, make_window(client, "mute", 400, 300));
	ready(client);
	for (;;) {
		pause();
	}
}

/* Reads everything, draws, answers pings, does not close. */
static void serve(struct client *client, Window window)
{
	const Atom ping = atom(client, "_NET_WM_PING");
	const GC gc = DefaultGC(client->display, DefaultScreen(client->display));
	for (XEvent event;;) {
		XNextEvent(client->display, &event);
		if (event.type == Expose) {
			XFillRectangle(client->display, window, gc, 10, 10, 50, 50);
		} else if (event.type == ClientMessage && (Atom)event.xclient.data.l[0] == ping) {
			event.xclient.window = client->root;
			XSendEvent(client->display, client->root, False,
					SubstructureNotifyMask | SubstructureRedirectMask, &event);
		} else if (event.type == VisibilityNotify && *client->argument == 'r' &&
				event.xvisibility.state != VisibilityUnobscured) {
			XRaiseWindow(client->display, window);
		}
	}
}

static void never_close(struct client *client)
{
	const Window window = make_window(client, "stubborn", 400, 300);
	show(client, window);
	ready(client);
	serve(client, window);
}

static void one_size_only(struct client *client)
{
	const Window window = make_window(client, "fixed", 300, 200);
	XSizeHints hints = { .flags = PMinSize | PMaxSize,
		.min_width = 300,
		.min_height = 200,
		.max_width = 300,
		.max_height = 200 };
	XSetWMNormalHints(client->display, window, &hints);
	show(client, window);
	ready(client);
	serve(client, window);
}

static void huge_window(struct client *client)
{
	const Window window = make_window(client, "huge", 32767, 32767);
	XMoveWindow(client->display, window, -16000, -16000);
	show(client, window);
	ready(client);
	for (XEvent event;;) {
		XNextEvent(client->display, &event);
		XMoveResizeWindow(client->display, window, -16000, -16000, 32767, 32767);
	}
}

static void thousands_of_windows(struct client *client)
{
	const long count = strtol(client->argument, NULL, 10);
	XSizeHints hints = { .flags = PSize };
	for (long i = 0; i < count; i++) {
		char title[32];
		snprintf(title, sizeof(title), "window %ld", i);
		const Window window = make_window(client, title, 50, 50);
		XSetWMNormalHints(client->display, window, &hints);
		XMapWindow(client->display, window);
	}
	ready(client);
	for (XEvent event;;) {
		XNextEvent(client->display, &event);
	}
}

/* In front of everything, again as soon as it is not. */
static void cover(struct client *client)
{
	const Window window = make_window(client, "cover", 4000, 4000);
	XSetWindowAttributes attributes = { .override_redirect = True };
	XChangeWindowAttributes(client->display, window, CWOverrideRedirect, &attributes);
	show(client, window);
	ready(client);
	client->argument = "raise";
	serve(client, window);
}

/* Titles, classes and lists of megabytes. */
static void long_properties(struct client *client)
{
	const size_t len = 3 << 20;
	unsigned char *text = malloc(len);
	const Window window = make_window(client, "", 400, 300);
	const Atom names[] = { atom(client, "_NET_WM_NAME"), XA_WM_NAME, XA_WM_CLASS };
	memset(text, 'x', len);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (int part = 0; part < 5; part++) {
			XChangeProperty(client->display, window, names[i],
					i == 0 ? atom(client, "UTF8_STRING") : XA_STRING, 8,
					part == 0 ? PropModeReplace : PropModeAppend, text,
					(int)len);
		}
	}
	const Atom lists[] = { atom(client, "WM_PROTOCOLS"), atom(client, "_NET_WM_STATE"),
		atom(client, "_NET_WM_WINDOW_TYPE") };
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		XChangeProperty(client->display, window, lists[i], XA_ATOM, 32, PropModeReplace,
				text, (int)(len / 8));
	}
	free(text);
	show(client, window);
	ready(client);
	serve(client, window);
}

/* --- floods --- */

static volatile sig_atomic_t is_continued;

static void on_continued(int number)
{
	(void)number;
	is_continued = 1;
}

/* Of a window that is nobody's: nothing in the events tells who did it. "once": it ends by itself
 * when it has been stopped and goes on, as if it had ended just then anyway. */
static void change_root(struct client *client)
{
	const Atom junk = atom(client, "_CUA_HOSTILE");
	if (strcmp(client->argument, "once") == 0) {
		signal(SIGCONT, on_continued);
	}
	ready(client);
	for (unsigned long i = 0; !is_continued; i++) {
		XChangeProperty(client->display, client->root, junk, XA_CARDINAL, 32,
				PropModeReplace, (const unsigned char *)&i, 1);
		if (i % 256 == 0) {
			XSync(client->display, True);
		}
	}
	XSync(client->display, True);
	printf("ended\n");
	fflush(stdout);
	for (;;) {
		pause();
	}
}

static void change_properties(struct client *client)
{
	const Window window = make_window(client, "restless", 400, 300);
	const Atom junk = atom(client, "_CUA_HOSTILE");
	show(client, window);
	ready(client);
	for (unsigned long i = 0;; i++) {
		char title[32];
		XChangeProperty(client->display, client->root, junk, XA_CARDINAL, 32,
				PropModeReplace, (const unsigned char *)&i, 1);
		snprintf(title, sizeof(title), "restless %lu", i);
		XStoreName(client->display, window, title);
		if (i % 256 == 0) {
			XSync(client->display, True);
		}
	}
}

static void draw(struct client *client)
{
	const Window window = make_window(client, "flood", 1200, 700);
	GC gc = XCreateGC(client->display, window, 0, NULL);
	show(client, window);
	ready(client);
	for (unsigned int i = 0;; i++) {
		XSetForeground(client->display, gc, i * 2654435761U);
		XFillRectangle(client->display, window, gc, (int)(i * 37 % 1200),
				(int)(i * 91 % 700), 40, 40);
		if (i % 256 == 0) {
			XSync(client->display, True);
		}
	}
}

/* Windows that come and go. */
static void create_and_destroy(struct client *client)
{
	ready(client);
	for (unsigned int i = 0;; i++) {
		const Window window = make_window(client, "fleeting", 60, 60);
		XMapWindow(client->display, window);
		XSync(client->display, True);
		XDestroyWindow(client->display, window);
	}
}

/* --- grabs --- */

/* A grab fails until the window shows, and while another client has one, of whose end nobody is
 * told: it is tried again. */
static bool is_refused(int grab_status)
{
	if (grab_status != GrabSuccess) {
		usleep(10000);
	}
	return grab_status != GrabSuccess;
}

static void grab_input(struct client *client)
{
	const Window window = make_window(client, "grabber", 400, 300);
	show(client, window);
	while (is_refused(XGrabKeyboard(client->display, window, False, GrabModeAsync,
			       GrabModeAsync, CurrentTime)) ||
			is_refused(XGrabPointer(client->display, window, False, ButtonPressMask,
					GrabModeAsync, GrabModeAsync, None, None, CurrentTime))) {
	}
	ready(client);
	serve(client, window);
}

/* Frozen until somebody calls XAllowEvents(), which nobody does. "click": at a click, before which
 * the pointer moves freely. */
static void freeze(struct client *client)
{
	const Window window = make_window(client, "freezer", 400, 300);
	if (strcmp(client->argument, "click") == 0) {
		/* Before the window manager, which wants to know of clicks, too. */
		XGrabButton(client->display, AnyButton, AnyModifier, window, False, ButtonPressMask,
				GrabModeSync, GrabModeAsync, None, None);
	}
	show(client, window);
	while ((strcmp(client->argument, "keyboard") == 0 &&
			       is_refused(XGrabKeyboard(client->display, window, False,
					       GrabModeAsync, GrabModeSync, CurrentTime))) ||
			(strcmp(client->argument, "pointer") == 0 &&
					is_refused(XGrabPointer(client->display, window, False,
							ButtonPressMask, GrabModeSync,
							GrabModeAsync, None, None, CurrentTime)))) {
	}
	ready(client);
	serve(client, window);
}

/* Keeps the pointer at one place of a window that confines it, as games do. */
static void warp(struct client *client)
{
	const Window window = make_window(client, "warper", 400, 300);
	show(client, window);
	while (is_refused(XGrabPointer(client->display, window, False, PointerMotionMask,
			GrabModeAsync, GrabModeAsync, window, None, CurrentTime))) {
	}
	ready(client);
	for (XEvent event;;) {
		XNextEvent(client->display, &event);
		if (event.type == MotionNotify &&
				(event.xmotion.x != 100 || event.xmotion.y != 100)) {
			XWarpPointer(client->display, None, window, 0, 0, 0, 0, 100, 100);
		}
	}
}

static void grab_server(struct client *client)
{
	XGrabServer(client->display);
	ready(client);
	for (;;) {
		pause();
	}
}

/* --- selections --- */

static void answer_badly(struct client *client, const XSelectionRequestEvent *request)
{
	const char *how = client->argument;
	const Atom incr = atom(client, "INCR"), targets = atom(client, "TARGETS");
	const Atom text = atom(client, "UTF8_STRING");
	const long size = 1000;
	long junk[4096];
	memset(junk, 0x5a, sizeof(junk));
	XEvent reply = { .xselection = { .type = SelectionNotify,
					 .requestor = request->requestor,
					 .selection = request->selection,
					 .target = request->target,
					 .property = request->property,
					 .time = request->time } };
	if (strcmp(how, "silent") == 0) {
		return;
	}
	if (request->target == targets && strncmp(how, "incr", 4) == 0) {
		const Atom offered[] = { text };
		XChangeProperty(client->display, request->requestor, request->property, XA_ATOM, 32,
				PropModeReplace, (const unsigned char *)offered, 1);
	} else if (strncmp(how, "incr", 4) == 0) {
		XSelectInput(client->display, request->requestor, PropertyChangeMask);
		XChangeProperty(client->display, request->requestor, request->property, incr, 32,
				PropModeReplace, (const unsigned char *)&size, 1);
	} else if (strcmp(how, "targets") == 0) { /* numbers that are no atoms, thousands */
		XChangeProperty(client->display, request->requestor, request->property, XA_ATOM, 32,
				PropModeReplace, (const unsigned char *)junk, 4096);
	} else if (strcmp(how, "formats") == 0) { /* units of 16 and 32 bits for bytes */
		XChangeProperty(client->display, request->requestor, request->property,
				request->target == targets ? XA_ATOM : text,
				request->target == targets ? 16 : 32, PropModeReplace,
				(const unsigned char *)junk, 100);
	} /* "nothing": says that it is there, and it is not */
	XSendEvent(client->display, request->requestor, False, NoEventMask, &reply);
	XFlush(client->display);
}

/* "incr": never a part; "incr-slow": a byte at a time; "incr-endless": for ever. */
static void next_part(struct client *client, const XPropertyEvent *event)
{
	static unsigned char bytes[65536];
	const bool slow = strcmp(client->argument, "incr-slow") == 0;
	if (event->state != PropertyDelete || strcmp(client->argument, "incr") == 0) {
		return;
	}
	memset(bytes, 'x', sizeof(bytes));
	usleep(slow ? 100000 : 0);
	XChangeProperty(client->display, event->window, event->atom, atom(client, "UTF8_STRING"), 8,
			PropModeReplace, bytes, slow ? 1 : (int)sizeof(bytes));
	XFlush(client->display);
}

static void own_selection(struct client *client)
{
	const Window window = make_window(client, "owner", 10, 10);
	XSetSelectionOwner(client->display, atom(client, "CLIPBOARD"), window, CurrentTime);
	ready(client);
	for (XEvent event;;) {
		XNextEvent(client->display, &event);
		if (event.type == SelectionRequest) {
			answer_badly(client, &event.xselectionrequest);
		} else if (event.type == PropertyNotify) {
			next_part(client, &event.xproperty);
		}
	}
}

/* Asks for the clipboard over and over and fetches nothing of it; asks in the name of the root
 * window, and for pairs that are none. */
static void ask_for_selection(struct client *client)
{
	const Atom clipboard = atom(client, "CLIPBOARD"), text = atom(client, "UTF8_STRING");
	const Atom multiple = atom(client, "MULTIPLE"), pairs = atom(client, "ATOM_PAIR");
	const long junk[] = { 1, 2, 3 };
	for (int i = 0; i < 200; i++) {
		char name[32];
		const Window window = make_window(client, "asker", 10, 10);
		snprintf(name, sizeof(name), "_CUA_HOSTILE_%d", i);
		XConvertSelection(client->display, clipboard, text, atom(client, name), window,
				CurrentTime);
		XChangeProperty(client->display, window, pairs, pairs, 32, PropModeReplace,
				(const unsigned char *)junk, 3);
		XConvertSelection(client->display, clipboard, multiple, pairs, window, CurrentTime);
	}
	XConvertSelection(client->display, clipboard, text, atom(client, "_NET_ACTIVE_WINDOW"),
			client->root, CurrentTime);
	ready(client);
	for (;;) {
		pause();
	}
}

/* Has the server close the connection of who owns the clipboard: the desktop's host. */
static void kill_owner(struct client *client)
{
	XKillClient(client->display,
			XGetSelectionOwner(client->display, atom(client, "CLIPBOARD")));
	XSync(client->display, False);
	ready(client);
	exit(0);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct client *client);
	} modes[] = { { "mute", never_answer }, { "stubborn", never_close },
		{ "fixed", one_size_only }, { "huge", huge_window },
		{ "windows", thousands_of_windows }, { "cover", cover },
		{ "long", long_properties }, { "properties", change_properties },
		{ "root", change_root }, { "draw", draw }, { "fleeting", create_and_destroy },
		{ "grab", grab_input }, { "freeze", freeze }, { "warp", warp },
		{ "server", grab_server }, { "own", own_selection }, { "ask", ask_for_selection },
		{ "kill", kill_owner } };
	struct client client = { .display = XOpenDisplay(NULL),
		.argument = argc > 2 ? argv[2] : "" };
	if (!client.display) {
		fprintf(stderr, "x_hostile: no X server\n");
		return 1;
	}
	client.root = DefaultRootWindow(client.display);
	XSetErrorHandler(on_error);
	for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(modes[i].name, argv[1]) == 0) {
			modes[i].run(&client);
		}
	}
	fprintf(stderr, "x_hostile: no such mode\n");
	return 2;
}
