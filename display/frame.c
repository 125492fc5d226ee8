#include "display/display_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xcb/xcbext.h>

#include "cua/base/util.h"

/* A picture of so many bands is begun while the server still copies the rest, which takes a third
 * of the time: it copies in so many parts, each of which can be worked on when it is there. */
#define AHEAD_BANDS_MIN 12
#define AHEAD_PARTS 4

/* The server writes the screen into memory of ours: a sealed memfd, because System V segments do
 * not cross the sandbox, and sealed because the server could otherwise cut it short under us. */
enum cua_status frame_make(
		struct display *display, struct display_frame *frame, struct cua_error *err)
{
	const XImage layout = { .depth = DefaultDepth(display->xlib, DefaultScreen(display->xlib)),
		.byte_order = ImageByteOrder(display->xlib) };
	if (layout.depth != 24 || layout.byte_order != LSBFirst ||
			display->height_px > FRAME_BANDS_MAX * FRAME_BAND_ROWS) {
		return CUA_FAIL(err, CUA_ERR_X11, 0,
				"the screen has depth %d; 24, little endian, is needed",
				layout.depth);
	}
	frame->len = (size_t)display->width_px * (size_t)display->height_px * 4;
	frame->memfd = memfd_create("cua-frame", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (frame->memfd < 0 || ftruncate(frame->memfd, (off_t)frame->len) != 0 ||
			fcntl(frame->memfd, F_ADD_SEALS,
					F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "frame memory");
	}
	void *pixels = mmap(NULL, frame->len, PROT_READ | PROT_WRITE, MAP_SHARED, frame->memfd, 0);
	if (pixels == MAP_FAILED) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, errno, "frame memory");
	}
	frame->pixels = pixels;
	frame->segment = xcb_generate_id(display->xcb);
	/* xcb closes the descriptor that it sends. */
	int sent_fd = fcntl(frame->memfd, F_DUPFD_CLOEXEC, 0);
	xcb_generic_error_t *error = xcb_request_check(display->xcb,
			xcb_shm_attach_fd_checked(display->xcb, frame->segment, sent_fd, 0));
	if (error) {
		free(error);
		return CUA_FAIL(err, CUA_ERR_X11, 0, "the X server refused shared memory");
	}
	return CUA_OK;
}

enum cua_status frame_init(struct display *display, struct cua_error *err)
{
	enum cua_status status = frame_make(display, &display->frame, err);
	if (status != CUA_OK) {
		return status;
	}
	frame_damaged(display, &(struct cua_region){ 0, 0, display->width_px, display->height_px },
			false);
	return CUA_OK;
}

static void unmap(struct display_frame *frame)
{
	if (frame->pixels) {
		munmap(frame->pixels, frame->len);
	}
	cua_closep(&frame->memfd);
	frame->pixels = NULL;
	frame->memfd = -1;
}

void frame_drop(struct display *display, struct display_frame *frame)
{
	xcb_shm_detach(display->xcb, frame->segment);
	unmap(frame);
}

void frame_finish(struct display *display)
{
	unmap(&display->frame);
	if (display->veil.is_on) {
		unmap(&display->veil.shown);
	}
}

/* Adds a rectangle to the request's list; merges into the last one when the list is full. */
static void changes_add(struct display_changes *changes, const struct cua_region *area)
{
	for (int i = 0; i < changes->rect_count; i++) {
		const struct cua_region *rect = &changes->rects[i];
		if (area->x >= rect->x && area->y >= rect->y &&
				area->width <= rect->x + rect->width - area->x &&
				area->height <= rect->y + rect->height - area->y) {
			return;
		}
	}
	if (changes->rect_count < CHANGED_RECTS_MAX) {
		changes->rects[changes->rect_count++] = *area;
		return;
	}
	struct cua_region *last = &changes->rects[CHANGED_RECTS_MAX - 1];
	const int right = last->x + last->width > area->x + area->width ? last->x + last->width
									: area->x + area->width;
	const int bottom = last->y + last->height > area->y + area->height ? last->y + last->height
									   : area->y + area->height;
	last->x = last->x < area->x ? last->x : area->x;
	last->y = last->y < area->y ? last->y : area->y;
	last->width = right - last->x;
	last->height = bottom - last->y;
}

void frame_damaged(struct display *display, const struct cua_region *area, bool late)
{
	struct display_frame *frame = &display->frame;
	if (area->width <= 0 || area->height <= 0 || area->y >= display->height_px) {
		return;
	}
	int last = area->y + area->height - 1;
	last = last >= display->height_px ? display->height_px - 1 : last;
	for (int band = (area->y > 0 ? area->y : 0) / FRAME_BAND_ROWS;
			band <= last / FRAME_BAND_ROWS; band++) {
		frame->dirty[band] = true;
	}
	frame->any_dirty = true;
	if (!late) {
		changes_add(&display->changes, area);
	}
}

/* Full-width rows, so that they land in place. */
static unsigned int ask_rows(struct display *display, int first_row, int row_count)
{
	const uint32_t offset = (uint32_t)first_row * (uint32_t)display->width_px * 4;
	return xcb_shm_get_image(display->xcb, (xcb_drawable_t)display->root, 0, (int16_t)first_row,
			(uint16_t)display->width_px, (uint16_t)row_count, ~0U,
			XCB_IMAGE_FORMAT_Z_PIXMAP, display->frame.segment, offset)
			.sequence;
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
	if (!is_read) {
		display_handle_events(display); /* notices a dead server */
		enum cua_status status = display_ok(display, err);
		return status != CUA_OK
				? status
				: CUA_FAIL(err, CUA_ERR_X11, 0, "the screen cannot be read");
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
	enum cua_status status = CUA_OK;
	const int bands = (display->height_px + FRAME_BAND_ROWS - 1) / FRAME_BAND_ROWS;
	frame->any_dirty = false;
	frame->serial++;
	for (int first = 0; first < bands; first++) {
		int last = first;
		while (last < bands && frame->dirty[last]) {
			frame->band_serial[last] = frame->serial;
			frame->dirty[last++] = false;
		}
		if (last == first) {
			continue;
		}
		status = read_bands(display, first, last, err);
		if (status != CUA_OK) {
			frame->any_dirty = true;
			memset(frame->dirty, 1, (size_t)bands * sizeof(frame->dirty[0]));
			return status;
		}
		first = last;
	}
	return CUA_OK;
}

enum cua_status frame_read_known(struct display *display, struct cua_error *err)
{
	/* What was drawn before the round trip has been reported when it is over; what is drawn
	 * later than that but before the read is reported again and read twice. */
	display_handle_events(display);
	enum cua_status status = display_ok(display, err);
	return status == CUA_OK ? frame_read_damaged(display, err) : status;
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

bool frame_is_plain(const struct display *display, const struct cua_region *area)
{
	const uint32_t *pixels = (const uint32_t *)(const void *)display->frame.pixels;
	const size_t width = (size_t)display->width_px;
	const uint32_t first = pixels[(size_t)area->y * width + (size_t)area->x];
	for (int y = area->y; y < area->y + area->height; y++) {
		for (int x = area->x; x < area->x + area->width; x++) {
			if (pixels[(size_t)y * width + (size_t)x] != first) {
				return false;
			}
		}
	}
	return true;
}
