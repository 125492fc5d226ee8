#include "display/stream.h"

#include <stdlib.h>
#include <time.h>

#include "cua/base/util.h"
#include "display/display_internal.h"

/* A raw frame of the largest screen, with something to spare. */
#define PICTURE_MAX_LEN ((size_t)256 << 20)

void display_update_destroy(struct display_update *update)
{
	for (int i = 0; update && i < update->rect_count; i++) {
		cua_buffer_finish(&update->pictures[i]);
	}
	free(update);
}

void display_set_stream_wake(struct display *display, int fd)
{
	display->streams.wake_fd = fd;
}

void display_stream_open(struct display *display, struct display_stream *stream)
{
	display->streams.count++;
	LIST_INSERT_HEAD(&display->streams.list, stream, link);
}

void display_stream_close(struct display *display, struct display_stream *stream)
{
	display->streams.count--;
	LIST_REMOVE(stream, link);
}

/* --- what changed --- */

/* Merges where that costs few pixels; into whichever grows least when there is no more room. */
static void stream_damaged(struct display_stream *stream, const struct cua_region *area)
{
	int best = -1;
	int64_t best_growth = INT64_MAX;
	for (int i = 0; i < stream->rect_count; i++) {
		const struct cua_region both = region_around(&stream->rects[i], area);
		const int64_t growth = region_pixels(&both) - region_pixels(&stream->rects[i]) -
				region_pixels(area);
		if (growth < best_growth) {
			best_growth = growth;
			best = i;
		}
	}
	if (best >= 0 && (best_growth <= 0 || stream->rect_count == DISPLAY_STREAM_RECTS_MAX)) {
		stream->rects[best] = region_around(&stream->rects[best], area);
	} else {
		stream->rects[stream->rect_count++] = *area;
	}
}

void streams_damaged(struct display *display, const struct cua_region *area)
{
	struct display_stream *stream;
	LIST_FOREACH(stream, &display->streams.list, link)
	{
		stream_damaged(stream, area);
	}
}

/* --- sending --- */

static struct display_update *make_update(struct display *display, struct display_stream *stream)
{
	struct timespec now;
	struct display_update *update = calloc(1, sizeof(*update));
	if (!update) {
		return NULL;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	update->serial = ++stream->serial;
	update->time_us = (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U;
	update->width_px = display->width_px;
	update->height_px = display->height_px;
	for (int i = 0; i < stream->rect_count; i++) {
		struct cua_region rect;
		if (!display_clip(display, &stream->rects[i], &rect)) {
			continue;
		}
		struct cua_buffer *picture = &update->pictures[update->rect_count];
		update->rects[update->rect_count++] = rect;
		cua_buffer_init(picture, PICTURE_MAX_LEN);
		if (display_encode(display, &rect, &stream->coding, picture, NULL) != CUA_OK) {
			display_update_destroy(update);
			return NULL;
		}
	}
	stream->rect_count = 0;
	return update;
}

static void stream_send(struct display *display, struct display_stream *stream)
{
	if (stream->width_px != display->width_px || stream->height_px != display->height_px) {
		stream->width_px = display->width_px;
		stream->height_px = display->height_px;
		stream->rects[0] = display_screen(display);
		stream->rect_count = 1;
	}
	if (stream->rect_count > 0) {
		atomic_store(&stream->ready, false);
		stream->on_update(stream, make_update(display, stream));
	}
}

static bool wants_update(const struct display *display, const struct display_stream *stream)
{
	return atomic_load(&stream->ready) &&
			(stream->rect_count > 0 || stream->width_px != display->width_px ||
					stream->height_px != display->height_px ||
					display->resized);
}

void streams_send(struct display *display)
{
	struct display_stream *stream;
	bool any = false;
	LIST_FOREACH(stream, &display->streams.list, link)
	{
		any = any || wants_update(display, stream);
	}
	/* Reading the screen handles events, which ends up here. */
	if (!any || display->streams.sending || !display_is_settled(display)) {
		return;
	}
	display->streams.sending = true;
	if (frame_read_damaged(display, NULL) == CUA_OK) {
		LIST_FOREACH(stream, &display->streams.list, link)
		{
			if (wants_update(display, stream)) {
				stream_send(display, stream);
			}
		}
	}
	display->streams.sending = false;
}
