/* What the X server shows, into the frame: what was drawn on, and little else. */

#include "display/display_internal.h"

#include <stdlib.h>
#include <string.h>
#include <xcb/xcbext.h>

/* A picture of so many bands is begun while the server still copies the rest, which takes a third
 * of the time: it copies in so many parts, each of which can be worked on when it is there. */
#define AHEAD_BANDS_MIN 12
#define AHEAD_PARTS 4

/* offset: where in the shared memory its first pixel goes; the rows follow without gaps. */
static unsigned int ask(struct display *display, const struct cua_region *area, size_t offset)
{
	return xcb_shm_get_image(display->xcb, (xcb_drawable_t)display->root, (int16_t)area->x,
			(int16_t)area->y, (uint16_t)area->width, (uint16_t)area->height, ~0U,
			XCB_IMAGE_FORMAT_Z_PIXMAP, display->frame.segment, (uint32_t)offset)
			.sequence;
}

/* Full-width rows, so that they land in place. */
static unsigned int ask_rows(struct display *display, int first_row, int row_count)
{
	const struct cua_region rows = { 0, first_row, display->width_px, row_count };
	return ask(display, &rows, (size_t)first_row * (size_t)display->width_px * 4);
}

/* Meanwhile makes bands from *band on of what is there already. NULL if the server refuses. */
static void *await_rows(struct display *display, unsigned int asked, int *band, int end_band)
{
	const struct display_frame *frame = &display->frame;
	const struct picture_pixels pixels = { frame->pixels, display->width_px, display->height_px,
		(size_t)display->width_px * 4 };
	void *answer = NULL;
	for (; *band < end_band; ++*band) {
		if (xcb_poll_for_reply(display->xcb, asked, &answer, NULL)) {
			return answer;
		}
		picture_encode_ahead(display->encoder, &pixels, frame->band_serial[*band], *band);
	}
	return display_answer(display, asked);
}

static enum cua_status fail_to_read(struct display *display, struct cua_error *err)
{
	const struct cua_region screen = display_screen(display);
	frame_damaged(display, &screen, true);
	display_handle_events(display); /* notices a dead server */
	const enum cua_status status = display_ok(display, err);
	return status != CUA_OK ? status
				: CUA_FAIL(err, CUA_ERR_X11, 0, "the screen cannot be read");
}

static enum cua_status read_bands(
		struct display *display, int first_band, int end_band, struct cua_error *err)
{
	const bool works_ahead = display->frame.is_for_picture && !veil_is_on(display) &&
			end_band - first_band >= AHEAD_BANDS_MIN;
	const int parts = works_ahead ? AHEAD_PARTS : 1;
	unsigned int asked[AHEAD_PARTS];
	bool is_read = true;
	if (parts > 1) {
		xcb_grab_server(display->xcb); /* nothing is drawn between two parts */
	}
	for (int i = 0, from = first_band; i < parts; i++) {
		const int end = first_band + (end_band - first_band) * (i + 1) / parts;
		const int row = from * FRAME_BAND_ROWS, end_row = end * FRAME_BAND_ROWS;
		asked[i] = ask_rows(display, row,
				(end_row < display->height_px ? end_row : display->height_px) -
						row);
		from = end;
	}
	if (parts > 1) {
		xcb_ungrab_server(display->xcb);
	}
	xcb_flush(display->xcb);
	for (int i = 0, made = first_band; i < parts; i++) {
		const int there = first_band + (end_band - first_band) * i / parts;
		void *answer = await_rows(display, asked[i], &made, is_read ? there : made);
		is_read = is_read && answer;
		free(answer);
	}
	return is_read ? CUA_OK : fail_to_read(display, err);
}

/* A line of text or a button: a band of a wide screen takes the X server longer to copy than text
 * takes to deflate. */
static bool is_little(const struct display *display)
{
	const struct cua_region *box = &display->frame.dirty_box;
	return box->width <= display->width_px / 2 &&
			(size_t)box->width * (size_t)box->height * 4 <= FRAME_BOX_MAX_LEN;
}

/* What was drawn on, without what stands beside it: behind the frame, for only whole rows come in
 * their place. Of bands between two places that were drawn on nothing is taken. */
static enum cua_status read_box(
		struct display *display, const struct cua_region *box, struct cua_error *err)
{
	const struct display_frame *frame = &display->frame;
	const size_t len = (size_t)box->width * 4, stride = (size_t)display->width_px * 4;
	const uint8_t *from = frame->pixels + frame->len;
	void *answer = display_answer(display, ask(display, box, frame->len));
	if (!answer) {
		return fail_to_read(display, err);
	}
	free(answer);
	for (int y = box->y; y < box->y + box->height; y++, from += len) {
		if (frame->band_serial[y / FRAME_BAND_ROWS] == frame->serial) {
			memcpy(frame->pixels + (size_t)y * stride + (size_t)box->x * 4, from, len);
		}
	}
	return CUA_OK;
}

/* A client may change the size of the screen; the frame follows. */
static enum cua_status frame_resize(struct display *display, struct cua_error *err)
{
	struct display_frame *frame = &display->frame;
	const unsigned int veiled = veil_open_for_size(display);
	const uint64_t serial = frame->serial;
	frame_drop(display, frame);
	*frame = (struct display_frame){ .memfd = -1, .serial = serial };
	display->resized = false;
	display->width_px = display->new_width_px;
	display->height_px = display->new_height_px;
	enum cua_status status = frame_init(display, err);
	if (status == CUA_OK) {
		status = veil_draw_again(display, veiled, err); /* nothing has been read yet */
	}
	if (status != CUA_OK) {
		display->resized = true; /* there are no pixels before this has been done */
		return status;
	}
	people_resized(display);
	return CUA_OK;
}

enum cua_status frame_read_damaged(struct display *display, struct cua_error *err)
{
	struct display_frame *frame = &display->frame;
	if (display->resized) {
		enum cua_status resized = frame_resize(display, err);
		if (resized != CUA_OK) {
			return resized;
		}
	}
	if (!frame->any_dirty) {
		return CUA_OK;
	}
	const struct cua_region box = frame->dirty_box;
	const bool reads_box = is_little(display);
	enum cua_status status = CUA_OK;
	const int bands = (display->height_px + FRAME_BAND_ROWS - 1) / FRAME_BAND_ROWS;
	frame->any_dirty = false;
	frame->serial++;
	for (int first = 0, last; first < bands && status == CUA_OK; first = last + 1) {
		for (last = first; last < bands && frame->dirty[last]; last++) {
			frame->band_serial[last] = frame->serial;
			frame->dirty[last] = false;
		}
		if (last > first && !reads_box) {
			status = read_bands(display, first, last, err);
		}
	}
	if (reads_box) {
		status = read_box(display, &box, err);
	}
	return status;
}

enum cua_status frame_read_known(struct display *display, struct cua_error *err)
{
	/* What was drawn before the round trip has been reported when it is over. What is drawn
	 * later than that but before the read is reported again and read twice. */
	display_handle_events(display);
	enum cua_status status = display_ok(display, err);
	const bool reads_box = display->frame.any_dirty && is_little(display);
	if (status == CUA_OK) {
		status = frame_read_damaged(display, err);
	}
	if (status == CUA_OK && reads_box) {
		/* At once, where a line is half new: its other half was drawn meanwhile. */
		display_handle_events(display);
		status = frame_read_damaged(display, err);
	}
	return status;
}

/* What is known to be drawn on is read at once, and the answer to that is the round trip: most
 * often nothing else has been drawn meanwhile. Where more events came than could be handled, or the
 * screen is smaller than it was, the round trip comes first. */
enum cua_status frame_update(struct display *display, struct cua_error *err)
{
	bool all_known = false;
	display_handle_events(display);
	if (display->frame.any_dirty && frame_read_damaged(display, NULL) == CUA_OK) {
		display_handle_events(display);
		all_known = XEventsQueued(display->xlib, QueuedAlready) == 0;
	}
	if (!all_known) {
		display_sync(display);
	}
	return frame_read_known(display, err);
}
