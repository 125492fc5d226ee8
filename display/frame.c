/* The screen in memory that is shared with the X server. */

#include "display/display_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cua/base/util.h"

static size_t mapped_len(const struct display_frame *frame)
{
	return frame->len + FRAME_BOX_MAX_LEN;
}

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
	if (frame->memfd < 0 || ftruncate(frame->memfd, (off_t)mapped_len(frame)) != 0 ||
			fcntl(frame->memfd, F_ADD_SEALS,
					F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "frame memory");
	}
	void *pixels = mmap(NULL, mapped_len(frame), PROT_READ | PROT_WRITE, MAP_SHARED,
			frame->memfd, 0);
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
	const struct cua_region screen = display_screen(display);
	frame_damaged(display, &screen, false);
	return CUA_OK;
}

static void unmap(struct display_frame *frame)
{
	if (frame->pixels) {
		munmap(frame->pixels, mapped_len(frame));
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
	*last = region_around(last, area);
}

void frame_damaged(struct display *display, const struct cua_region *area, bool late)
{
	struct display_frame *frame = &display->frame;
	struct cua_region seen;
	if (!display_clip(display, area, &seen)) {
		return;
	}
	const int last = (seen.y + seen.height - 1) / FRAME_BAND_ROWS;
	for (int band = seen.y / FRAME_BAND_ROWS; band <= last; band++) {
		frame->dirty[band] = true;
	}
	frame->dirty_box = frame->any_dirty ? region_around(&frame->dirty_box, &seen) : seen;
	frame->any_dirty = true;
	if (!late) {
		changes_add(&display->changes, &seen);
	}
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
