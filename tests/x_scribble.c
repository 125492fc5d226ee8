#include "tests/x_scribble.h"

#include <stdlib.h>

#include <X11/extensions/Xrender.h>
#include <X11/extensions/shape.h>

#define PHOTOGRAPH_EDGE 256

/* 0 to below */
static int pick(struct scribble *scribble, int below)
{
	scribble->seed ^= scribble->seed << 13;
	scribble->seed ^= scribble->seed >> 17;
	scribble->seed ^= scribble->seed << 5;
	return (int)(scribble->seed % (uint32_t)below);
}

static unsigned long pick_color(struct scribble *scribble)
{
	return (unsigned long)pick(scribble, 0x1000000);
}

/* Somewhere on the screen or partly off it. */
static XRectangle pick_area(struct scribble *scribble)
{
	return (XRectangle){ (short)(pick(scribble, scribble->width + 100) - 50),
		(short)(pick(scribble, scribble->height + 100) - 50),
		(unsigned short)(1 + pick(scribble, scribble->width)),
		(unsigned short)(1 + pick(scribble, scribble->height)) };
}

/* One that is there, or None. */
static Window pick_window(struct scribble *scribble)
{
	return scribble->windows[pick(scribble, SCRIBBLE_WINDOWS)];
}

static void make_photograph(struct scribble *scribble)
{
	Display *display = scribble->display;
	const int screen = DefaultScreen(display), edge = PHOTOGRAPH_EDGE;
	const unsigned int depth = (unsigned int)DefaultDepth(display, screen);
	char *data = malloc((size_t)edge * (size_t)edge * 4);
	XImage *image = XCreateImage(display, DefaultVisual(display, screen), depth, ZPixmap, 0,
			data, (unsigned int)edge, (unsigned int)edge, 32, 0);
	for (int y = 0; data && y < edge; y++) {
		for (int x = 0; x < edge; x++) {
			const int grain = pick(scribble, 8);
			XPutPixel(image, x, y,
					(unsigned long)(((x + grain) & 0xff) << 16 |
							((x / 2 + y / 2 + grain) & 0xff) << 8 |
							((y + grain) & 0xff)));
		}
	}
	scribble->photograph = XCreatePixmap(
			display, scribble->root, (unsigned int)edge, (unsigned int)edge, depth);
	XPutImage(display, scribble->photograph, scribble->gc, image, 0, 0, 0, 0,
			(unsigned int)edge, (unsigned int)edge);
	XDestroyImage(image);
}

void scribble_start(struct scribble *scribble, Display *display, uint32_t seed)
{
	const int screen = DefaultScreen(display);
	XGCValues values = { .subwindow_mode = IncludeInferiors, .graphics_exposures = False };
	*scribble = (struct scribble){ .display = display,
		.root = DefaultRootWindow(display),
		.width = DisplayWidth(display, screen),
		.height = DisplayHeight(display, screen),
		.seed = seed ? seed : 1,
		.last = "nothing" };
	scribble->gc = XCreateGC(display, scribble->root, GCGraphicsExposures, &values);
	scribble->root_gc = XCreateGC(
			display, scribble->root, GCSubwindowMode | GCGraphicsExposures, &values);
	make_photograph(scribble);
}

void scribble_finish(struct scribble *scribble)
{
	for (int i = 0; i < SCRIBBLE_WINDOWS; i++) {
		if (scribble->windows[i] != None) {
			XDestroyWindow(scribble->display, scribble->windows[i]);
		}
	}
	XFreePixmap(scribble->display, scribble->photograph);
	XFreeGC(scribble->display, scribble->gc);
	XFreeGC(scribble->display, scribble->root_gc);
	XSync(scribble->display, True);
}

/* --- windows --- */

/* Most without a window manager's frame, as menus are; some inside others. */
static void create_or_destroy(struct scribble *scribble)
{
	Window *window = &scribble->windows[pick(scribble, SCRIBBLE_WINDOWS)];
	if (*window != None) {
		scribble->last = "destroy";
		XDestroySubwindows(scribble->display, *window);
		XDestroyWindow(scribble->display, *window);
		*window = None;
		return;
	}
	scribble->last = "create";
	const XRectangle area = pick_area(scribble);
	XSetWindowAttributes attributes = { .override_redirect = pick(scribble, 5) != 0,
		.background_pixel = pick_color(scribble) };
	*window = XCreateWindow(scribble->display, scribble->root, area.x, area.y, area.width,
			area.height, (unsigned int)pick(scribble, 3), CopyFromParent, InputOutput,
			CopyFromParent, CWOverrideRedirect | CWBackPixel, &attributes);
	if (pick(scribble, 3) == 0) {
		XSetWindowBackgroundPixmap(scribble->display, *window, scribble->photograph);
	}
	if (pick(scribble, 3) == 0) {
		XMapWindow(scribble->display,
				XCreateSimpleWindow(scribble->display, *window, area.width / 4,
						area.height / 4, area.width / 2U + 1,
						area.height / 2U + 1, 1, 0, pick_color(scribble)));
	}
	XMapWindow(scribble->display, *window);
}

static void arrange(struct scribble *scribble)
{
	const Window window = pick_window(scribble);
	const XRectangle area = pick_area(scribble);
	if (window == None) {
		return;
	}
	switch (pick(scribble, 7)) {
	case 0:
		scribble->last = "move";
		XMoveWindow(scribble->display, window, area.x, area.y);
		break;
	case 1:
		scribble->last = "resize";
		XResizeWindow(scribble->display, window, area.width, area.height);
		break;
	case 2:
		scribble->last = "move and resize";
		XMoveResizeWindow(
				scribble->display, window, area.x, area.y, area.width, area.height);
		break;
	case 3:
		scribble->last = "raise";
		XRaiseWindow(scribble->display, window);
		break;
	case 4:
		scribble->last = "lower";
		XLowerWindow(scribble->display, window);
		break;
	case 5:
		scribble->last = "unmap";
		XUnmapWindow(scribble->display, window);
		break;
	default:
		scribble->last = "map";
		XMapWindow(scribble->display, window);
		break;
	}
}

static void shape(struct scribble *scribble)
{
	const Window window = pick_window(scribble);
	XRectangle holes[] = { pick_area(scribble), pick_area(scribble) };
	if (window == None) {
		return;
	}
	scribble->last = "shape";
	if (pick(scribble, 2)) {
		XShapeCombineRectangles(scribble->display, window, ShapeBounding, 0, 0, holes, 2,
				ShapeSet, Unsorted);
	} else {
		XShapeCombineMask(scribble->display, window, ShapeBounding, 0, 0, None, ShapeSet);
	}
}

/* --- drawing --- */

static void blend(struct scribble *scribble, Drawable target, bool over_windows,
		const XRectangle *area)
{
	const XRenderPictFormat *format = XRenderFindVisualFormat(scribble->display,
			DefaultVisual(scribble->display, DefaultScreen(scribble->display)));
	const XRenderPictureAttributes attributes = {
		.subwindow_mode = over_windows ? IncludeInferiors : ClipByChildren
	};
	const XRenderColor color = { (unsigned short)pick(scribble, 0x8000),
		(unsigned short)pick(scribble, 0x8000), (unsigned short)pick(scribble, 0x8000),
		0x8000 };
	const Picture picture = XRenderCreatePicture(
			scribble->display, target, format, CPSubwindowMode, &attributes);
	XRenderFillRectangle(scribble->display, PictOpOver, picture, &color, area->x, area->y,
			area->width, area->height);
	XRenderFreePicture(scribble->display, picture);
}

static void draw(struct scribble *scribble)
{
	static const char text[] = "The quick brown fox jumps over the lazy dog 0123456789";
	Window target = pick_window(scribble);
	const bool on_root = target == None;
	const GC gc = on_root ? scribble->root_gc : scribble->gc;
	const XRectangle area = pick_area(scribble);
	target = on_root ? scribble->root : target;
	XSetForeground(scribble->display, gc, pick_color(scribble));
	XSetBackground(scribble->display, gc, pick_color(scribble));
	switch (pick(scribble, 8)) {
	case 0:
		scribble->last = "rectangle";
		XFillRectangle(scribble->display, target, gc, area.x, area.y, area.width,
				area.height);
		break;
	case 1:
	case 2:
		scribble->last = "text";
		for (int line = 0; line < 5; line++) {
			XDrawImageString(scribble->display, target, gc, area.x, area.y + 14 * line,
					text, 1 + pick(scribble, (int)sizeof(text) - 1));
		}
		break;
	case 3:
		scribble->last = "line and arc";
		XDrawLine(scribble->display, target, gc, area.x, area.y, area.x + area.width,
				area.y + area.height);
		XFillArc(scribble->display, target, gc, area.x, area.y, area.width, area.height,
				64 * pick(scribble, 360), 64 * pick(scribble, 360));
		break;
	case 4:
		scribble->last = "photograph";
		XCopyArea(scribble->display, scribble->photograph, target, gc, 0, 0,
				PHOTOGRAPH_EDGE, PHOTOGRAPH_EDGE, area.x, area.y);
		break;
	case 5:
		scribble->last = "clear";
		XClearArea(scribble->display, target, area.x, area.y, area.width, area.height,
				False);
		break;
	case 6:
		scribble->last = "blend";
		blend(scribble, target, on_root, &area);
		break;
	default:
		scribble->last = "point";
		XDrawPoint(scribble->display, target, gc, area.x, area.y);
		break;
	}
}

static void scroll(struct scribble *scribble)
{
	const Window from = pick_window(scribble);
	const Window to = pick(scribble, 4) == 0 ? pick_window(scribble) : from;
	const XRectangle area = pick_area(scribble);
	scribble->last = from == None || to == None ? "scroll of the root" : "scroll";
	const Drawable source = from == None || to == None ? scribble->root : from;
	const Drawable target = from == None || to == None ? scribble->root : to;
	XCopyArea(scribble->display, source, target,
			source == scribble->root ? scribble->root_gc : scribble->gc, area.x, area.y,
			area.width, area.height, area.x + pick(scribble, 81) - 40,
			area.y + pick(scribble, 81) - 40);
}

void scribble_once(struct scribble *scribble)
{
	const int choice = pick(scribble, 20);
	if (choice < 2) {
		create_or_destroy(scribble);
	} else if (choice < 8) {
		arrange(scribble);
	} else if (choice < 9) {
		shape(scribble);
	} else if (choice < 13) {
		scroll(scribble);
	} else if (choice < 14) {
		scribble->last = "pointer";
		XWarpPointer(scribble->display, None, scribble->root, 0, 0, 0, 0,
				pick(scribble, scribble->width), pick(scribble, scribble->height));
	} else {
		draw(scribble);
	}
}
