/* An X client that writes down what reaches it: one JSON object to a line.
 *
 *   x_recorder FILE [TITLE]
 *
 * Its window fills the screen. It answers _NET_WM_PING after having read, and written down, all
 * that came before. A press, but for F12, changes a patch of the window: input has a visible
 * effect.
 *
 * Shift+Insert pastes as Chromium does when it is slow: it fetches the clipboard, answers one ping,
 * falls asleep until the next event, and fetches it again. What it pastes is the text, or nothing
 * if the clipboard has changed in between. */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <X11/XKBlib.h>
#include <X11/Xatom.h>
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/keysym.h>
#include <xkbcommon/xkbcommon.h>

struct recorder {
	Display *display;
	Window window;
	GC gc;
	Atom protocols, ping, delete_window, clipboard, utf8;
	FILE *file;
	unsigned long presses;
	char *fetched; /* of a paste that is not over; XFree() */
	bool sleeps;   /* in the middle of it */
};

static void write_string(FILE *file, const char *text)
{
	fputc('"', file);
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		if (*at < 0x20 || *at == '"' || *at == '\\' || *at == 0x7f) {
			fprintf(file, "\\u%04x", *at);
		} else {
			fputc(*at, file);
		}
	}
	fputc('"', file);
}

static void record_key(struct recorder *recorder, XKeyEvent *key)
{
	KeySym keysym = NoSymbol;
	char ignored[64], text[16] = "";
	XLookupString(key, ignored, sizeof(ignored), &keysym, NULL);
	xkb_keysym_to_utf8((xkb_keysym_t)keysym, text, sizeof(text));
	const char *name = keysym == NoSymbol ? NULL : XKeysymToString(keysym);
	fprintf(recorder->file,
			"{\"event\":\"%s\",\"keycode\":%u,\"keysym\":%lu,\"state\":%u,"
			"\"time\":%lu,\"name\":",
			key->type == KeyPress ? "key_press" : "key_release", key->keycode, keysym,
			key->state, key->time);
	write_string(recorder->file, name ? name : "");
	fputs(",\"text\":", recorder->file);
	write_string(recorder->file, text);
	fputs("}\n", recorder->file);
}

static void record_pointer(struct recorder *recorder, const char *type, unsigned int button,
		unsigned int state, int x, int y, Time time)
{
	fprintf(recorder->file,
			"{\"event\":\"%s\",\"button\":%u,\"state\":%u,\"x\":%d,\"y\":%d,"
			"\"time\":%lu}\n",
			type, button, state, x, y, time);
}

/* --- pasting --- */

static Bool is_answer(Display *display, XEvent *event, XPointer data)
{
	(void)display;
	return event->type == SelectionNotify && event->xselection.requestor == *(Window *)data;
}

/* NULL if there is no text. */
static char *fetch(struct recorder *recorder)
{
	XEvent event;
	Atom type = None;
	int format = 0;
	unsigned long count = 0, left = 0;
	unsigned char *text = NULL;
	XConvertSelection(recorder->display, recorder->clipboard, recorder->utf8, recorder->utf8,
			recorder->window, CurrentTime);
	XIfEvent(recorder->display, &event, is_answer, (XPointer)&recorder->window);
	if (event.xselection.property != None) {
		XGetWindowProperty(recorder->display, recorder->window, recorder->utf8, 0, 1 << 16,
				True, recorder->utf8, &type, &format, &count, &left, &text);
	}
	return (char *)text;
}

static void paste_end(struct recorder *recorder)
{
	char *again = fetch(recorder);
	const bool same = again && strcmp(again, recorder->fetched) == 0;
	fputs("{\"event\":\"paste\",\"text\":", recorder->file);
	write_string(recorder->file, same ? again : "");
	fputs("}\n", recorder->file);
	XFree(recorder->fetched);
	recorder->fetched = NULL;
	recorder->sleeps = false;
	if (again) {
		XFree(again);
	}
}

/* --- events --- */

static void draw(struct recorder *recorder)
{
	const unsigned long colours[] = { 0xd02020, 0x20a020, 0x2020d0 };
	XSetForeground(recorder->display, recorder->gc, colours[recorder->presses % 3]);
	XFillRectangle(recorder->display, recorder->window, recorder->gc, 100, 100, 40, 40);
}

static int handle_message(struct recorder *recorder, XClientMessageEvent *message)
{
	if (message->message_type != recorder->protocols) {
		return 0;
	}
	if ((Atom)message->data.l[0] == recorder->ping) {
		fputs("{\"event\":\"ping\"}\n", recorder->file);
		fflush(recorder->file);
		XEvent answer = { .xclient = *message };
		answer.xclient.window = DefaultRootWindow(recorder->display);
		XSendEvent(recorder->display, answer.xclient.window, False,
				SubstructureNotifyMask | SubstructureRedirectMask, &answer);
		XFlush(recorder->display);
		recorder->sleeps = recorder->fetched != NULL;
	}
	return (Atom)message->data.l[0] == recorder->delete_window;
}

/* 1 when the window was asked to close. */
static int handle(struct recorder *recorder, XEvent *event)
{
	if (recorder->sleeps) {
		paste_end(recorder);
	}
	switch (event->type) {
	case KeyPress:
	case KeyRelease:
		record_key(recorder, &event->xkey);
		break;
	case ButtonPress:
	case ButtonRelease:
		record_pointer(recorder, event->type == ButtonPress ? "press" : "release",
				event->xbutton.button, event->xbutton.state, event->xbutton.x_root,
				event->xbutton.y_root, event->xbutton.time);
		break;
	case MotionNotify:
		record_pointer(recorder, "motion", 0, event->xmotion.state, event->xmotion.x_root,
				event->xmotion.y_root, event->xmotion.time);
		break;
	case FocusIn:
	case FocusOut:
		fprintf(recorder->file, "{\"event\":\"%s\",\"mode\":%d}\n",
				event->type == FocusIn ? "focus_in" : "focus_out",
				event->xfocus.mode);
		break;
	case ConfigureNotify:
		fprintf(recorder->file, "{\"event\":\"size\",\"width\":%d,\"height\":%d}\n",
				event->xconfigure.width, event->xconfigure.height);
		break;
	case MappingNotify:
		XRefreshKeyboardMapping(&event->xmapping);
		break;
	case ClientMessage:
		return handle_message(recorder, &event->xclient);
	default:
		break;
	}
	const KeySym pressed = event->type == KeyPress ? XLookupKeysym(&event->xkey, 0) : NoSymbol;
	const bool is_silent = pressed == XK_F12;
	if (pressed == XK_Insert && (event->xkey.state & ShiftMask) && !recorder->fetched) {
		recorder->fetched = fetch(recorder);
	}
	if ((event->type == KeyPress || event->type == ButtonPress) && !is_silent) {
		recorder->presses++;
		draw(recorder);
	} else if (event->type == Expose) {
		draw(recorder);
	}
	return 0;
}

static void make_window(struct recorder *recorder, const char *title)
{
	Display *display = recorder->display;
	recorder->protocols = XInternAtom(display, "WM_PROTOCOLS", False);
	recorder->ping = XInternAtom(display, "_NET_WM_PING", False);
	recorder->delete_window = XInternAtom(display, "WM_DELETE_WINDOW", False);
	recorder->clipboard = XInternAtom(display, "CLIPBOARD", False);
	recorder->utf8 = XInternAtom(display, "UTF8_STRING", False);
	recorder->window = XCreateSimpleWindow(
			display, DefaultRootWindow(display), 0, 0, 640, 480, 0, 0, 0xffffff);
	Atom protocols[] = { recorder->ping, recorder->delete_window };
	XSetWMProtocols(display, recorder->window, protocols, 2);
	XStoreName(display, recorder->window, title);
	char name[] = "recorder", class[] = "Recorder";
	XClassHint hint = { .res_name = name, .res_class = class };
	XSetClassHint(display, recorder->window, &hint);
	/* Before mapping: the window manager then maps it so. */
	Atom full = XInternAtom(display, "_NET_WM_STATE_FULLSCREEN", False);
	XChangeProperty(display, recorder->window, XInternAtom(display, "_NET_WM_STATE", False),
			XA_ATOM, 32, PropModeReplace, (const unsigned char *)&full, 1);
	XSelectInput(display, recorder->window,
			KeyPressMask | KeyReleaseMask | ButtonPressMask | ButtonReleaseMask |
					PointerMotionMask | FocusChangeMask | ExposureMask |
					StructureNotifyMask);
	recorder->gc = XCreateGC(display, recorder->window, 0, NULL);
	XMapRaised(display, recorder->window);
}

int main(int argc, char **argv)
{
	struct recorder recorder = { .presses = 0 };
	recorder.display = XOpenDisplay(NULL);
	recorder.file = argc > 1 ? fopen(argv[1], "we") : NULL;
	if (!recorder.display || !recorder.file) {
		fprintf(stderr, "usage: x_recorder FILE [TITLE], with DISPLAY set\n");
		return 1;
	}
	setvbuf(recorder.file, NULL, _IOLBF, 0);
	/* Or a held key shows as pairs of release and press. */
	XkbSetDetectableAutoRepeat(recorder.display, True, NULL);
	make_window(&recorder, argc > 2 ? argv[2] : "recorder");
	for (;;) {
		XEvent event;
		XNextEvent(recorder.display, &event);
		if (handle(&recorder, &event)) {
			break;
		}
	}
	fclose(recorder.file);
	XCloseDisplay(recorder.display);
	return 0;
}
