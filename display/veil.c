/* A notice in the place of the screen. Viewers have the memory of the frame, so the server must not
 * write into it any more: it gets other memory, which nobody else has, and the notice goes where
 * the screen was. */

#include "display/display_internal.h"

#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

#define PAPER 0x202020
#define INK 0xd0d0d0
#define LINE_HEIGHT 18

#define LINES 3

static const char *const secret_lines[LINES] = { "The screen is withheld:",
	"a secret was typed, and may be seen.", "It is shown again when the field is left." };
static const char *const private_lines[LINES] = { "The screen is private:",
	"a person has this desktop.", "It is shown again when it is given back." };

bool veil_is_on(const struct display *display)
{
	return display->veil.is_on;
}

bool veil_is_for(const struct display *display, enum veil_reason reason)
{
	return (display->veil.reasons & reason) != 0;
}

const struct display_frame *veil_frame(const struct display *display)
{
	return display->veil.is_on ? &display->veil.shown : &display->frame;
}

/* Words in the font that every X server has built in. */
static void draw_words(struct display *display, Pixmap pixmap)
{
	Display *xlib = display->xlib;
	GC context = XCreateGC(xlib, pixmap, 0, NULL);
	const unsigned int width = (unsigned int)display->width_px;
	const unsigned int height = (unsigned int)display->height_px;
	const int top = display->height_px / 2 - LINE_HEIGHT;
	XSetForeground(xlib, context, PAPER);
	XFillRectangle(xlib, pixmap, context, 0, 0, width, height);
	XSetForeground(xlib, context, INK);
	const char *const *lines =
			veil_is_for(display, VEIL_PRIVATE) ? private_lines : secret_lines;
	for (int i = 0; i < LINES; i++) {
		XDrawString(xlib, pixmap, context, display->width_px / 3, top + i * LINE_HEIGHT,
				lines[i], (int)strlen(lines[i]));
	}
	XFreeGC(xlib, context);
}

/* The paper first, whatever becomes of the words. */
static void draw_notice(struct display *display, const struct display_frame *shown)
{
	uint32_t *pixels = (uint32_t *)(void *)shown->pixels;
	for (size_t i = 0; i < shown->len / sizeof(*pixels); i++) {
		pixels[i] = PAPER;
	}
	memset(shown->pixels + shown->len, 0, FRAME_BOX_MAX_LEN); /* what was read last */
	const Pixmap pixmap = XCreatePixmap(display->xlib, display->root,
			(unsigned int)display->width_px, (unsigned int)display->height_px, 24);
	draw_words(display, pixmap);
	XFlush(display->xlib);
	const xcb_shm_get_image_cookie_t asked =
			xcb_shm_get_image(display->xcb, (xcb_drawable_t)pixmap, 0, 0,
					(uint16_t)display->width_px, (uint16_t)display->height_px,
					~0U, XCB_IMAGE_FORMAT_Z_PIXMAP, shown->segment, 0);
	free(display_answer(display, asked.sequence));
	XFreePixmap(display->xlib, pixmap);
}

/* Everything is new, for all. */
static void show_anew(struct display *display, struct display_frame *frame, uint64_t serial)
{
	const struct cua_region screen = display_screen(display);
	frame->serial = serial;
	for (int i = 0; i < FRAME_BANDS_MAX; i++) {
		frame->band_serial[i] = serial;
	}
	people_damaged(display, &screen);
	streams_damaged(display, &screen);
	news_damaged(display, &screen);
}

static void copy_marks(struct display_frame *to, const struct display_frame *from)
{
	memcpy(to->pixels, from->pixels, from->len);
	memcpy(to->dirty, from->dirty, sizeof(to->dirty));
	to->any_dirty = from->any_dirty;
	to->dirty_box = from->dirty_box;
}

/* Other words, where the notice stands. */
static void reword(struct display *display)
{
	draw_notice(display, &display->veil.shown);
	show_anew(display, &display->veil.shown, display->veil.shown.serial + 1);
}

static enum cua_status hide_screen(struct display *display, struct cua_error *err)
{
	struct display_frame frame = { .memfd = -1, .serial = display->frame.serial + 1 };
	if (display->resized) { /* the frame has not the size of the screen */
		enum cua_status resized = frame_read_damaged(display, err);
		if (resized != CUA_OK) {
			return resized;
		}
	}
	enum cua_status status = frame_make(display, &frame, err);
	if (status != CUA_OK) {
		frame_drop(display, &frame);
		return status;
	}
	copy_marks(&frame, &display->frame);
	memcpy(frame.band_serial, display->frame.band_serial, sizeof(frame.band_serial));
	display->veil.shown = display->frame;
	display->frame = frame;
	display->veil.is_on = true;
	draw_notice(display, &display->veil.shown);
	show_anew(display, &display->veil.shown, frame.serial);
	return display_ok(display, err);
}

enum cua_status veil_draw(struct display *display, enum veil_reason reason, struct cua_error *err)
{
	const unsigned int before = display->veil.reasons;
	if (before & reason) {
		return CUA_OK;
	}
	display->veil.reasons |= reason;
	if (before != 0) {
		reword(display);
		return display_ok(display, err);
	}
	const enum cua_status status = hide_screen(display, err);
	display->veil.reasons = display->veil.is_on ? display->veil.reasons : 0;
	return status;
}

/* The frame is the one that others have, and the notice stands in it. */
static void take_back(struct display *display)
{
	struct display_frame hidden = display->frame;
	display->frame = display->veil.shown;
	display->veil = (struct display_veil){ .is_on = false };
	frame_drop(display, &hidden);
}

void veil_forget_copies(struct display *display)
{
	static const enum cua_selection selections[] = { CUA_SELECTION_CLIPBOARD,
		CUA_SELECTION_PRIMARY };
	if (!display->secret.was_copied) {
		return;
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(selections); i++) {
		selection_disown(display, selections[i]); /* here, too, from now on */
		XSetSelectionOwner(display->xlib, display->clipboard.selections[selections[i]],
				None, CurrentTime);
	}
	XFlush(display->xlib);
	display->secret.was_copied = false;
}

void veil_lift(struct display *display, enum veil_reason reason)
{
	if (!veil_is_for(display, reason) || display->dead) {
		return;
	}
	veil_forget_copies(display);
	display->veil.reasons &= ~(unsigned int)reason;
	if (display->veil.reasons != 0) {
		reword(display);
		return;
	}
	/* One that neither the screen nor the notice has had. */
	const uint64_t shown = display->veil.shown.serial, hidden = display->frame.serial;
	const uint64_t serial = (shown > hidden ? shown : hidden) + 1;
	copy_marks(&display->veil.shown, &display->frame);
	take_back(display);
	show_anew(display, &display->frame, serial);
}

unsigned int veil_open_for_size(struct display *display)
{
	const unsigned int reasons = display->veil.reasons;
	if (display->veil.is_on) {
		take_back(display);
	}
	return reasons;
}

enum cua_status veil_draw_again(
		struct display *display, unsigned int reasons, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (unsigned int reason = VEIL_SECRET; reason <= VEIL_PRIVATE && status == CUA_OK;
			reason <<= 1) {
		if (reasons & reason) {
			status = veil_draw(display, (enum veil_reason)reason, err);
		}
	}
	return status;
}

bool display_is_withheld(const struct display *display)
{
	return veil_is_for(display, VEIL_SECRET);
}

bool veil_answer(struct display *display, cJSON *result)
{
	display_look_for_secrets(display);
	if (display->veil.is_on) {
		cJSON_AddStringToObject(result, "text",
				"(the screen is withheld until the field that a secret was typed "
				"into is "
				"left)");
	}
	return display->veil.is_on;
}
