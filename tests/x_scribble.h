#ifndef CUA_TESTS_X_SCRIBBLE_H
#define CUA_TESTS_X_SCRIBBLE_H

/* An X client that does at random what applications do to a screen: windows come, go, move, change
 * size and order, scroll, and are drawn on in every way. */

#include <stdbool.h>
#include <stdint.h>

#include <X11/Xlib.h>
#include <X11/Xutil.h>

#define SCRIBBLE_WINDOWS 10

struct scribble {
	Display *display; /* borrowed */
	Window root;
	int width, height; /* of the screen */
	uint32_t seed;
	Window windows[SCRIBBLE_WINDOWS]; /* None: not there */
	GC gc, root_gc;                   /* root_gc draws over windows */
	Pixmap photograph;                /* 256x256 */
	const char *last;                 /* what was done last, for who reads of a failure */
};

void scribble_start(struct scribble *scribble, Display *display, uint32_t seed);
/* One thing; done by the server when XSync() returns. */
void scribble_once(struct scribble *scribble);
void scribble_finish(struct scribble *scribble);

#endif
