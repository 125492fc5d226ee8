#ifndef CUA_DISPLAY_STREAM_H
#define CUA_DISPLAY_STREAM_H

/* Frames for whoever wants video: rectangles of the screen that changed, as pictures. A receiver
 * says when it takes the next update; what changes meanwhile is merged, so a slow one gets fewer
 * and larger updates and costs no memory. Only pixels are sent: the pointer is not on them. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "display/display.h"

#define DISPLAY_STREAMS_MAX 8
#define DISPLAY_STREAM_RECTS_MAX 16

struct display_update {
	uint64_t serial;  /* 1, 2, ... of the stream */
	uint64_t time_us; /* CLOCK_REALTIME, when the pixels were read */
	int width_px, height_px;
	int rect_count;
	struct cua_region rects[DISPLAY_STREAM_RECTS_MAX];
	struct cua_buffer pictures[DISPLAY_STREAM_RECTS_MAX]; /* owned; one of each rectangle */
};

void display_update_destroy(struct display_update *update);

struct display_stream {
	struct picture_coding coding;
	atomic_bool ready; /* set by the receiver: it takes an update; cleared before each */
	/* In the display's thread; update is the receiver's from here on, NULL if it could not be
	 * made: the stream is over. */
	void (*on_update)(struct display_stream *stream, struct display_update *update);
	void *user_data;
	/* The display's, from here on: */
	LIST_ENTRY(display_stream) link;
	struct cua_region rects[DISPLAY_STREAM_RECTS_MAX]; /* changed and not yet sent */
	int rect_count;
	int width_px, height_px; /* of the last update; another size is sent whole */
	uint64_t serial;
};

/* The caller's thread is the display's. The stream stays the caller's until it is closed; the first
 * update is the whole screen. At most DISPLAY_STREAMS_MAX: the caller counts. */
void display_stream_open(struct display *display, struct display_stream *stream);
void display_stream_close(struct display *display, struct display_stream *stream);
/* fd: eventfd; written to after ready was set, it wakes the display, whatever that is doing. */
void display_set_stream_wake(struct display *display, int fd);

#endif
