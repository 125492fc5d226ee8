#include "display/vnc/vnc_input.h"

#include <string.h>

/* Source: X11/keysymdef.h; RFB carries the same numbers. */
#define KEYSYM_PAUSE 0xff13
#define KEYSYM_CONTROL_L 0xffe3
#define KEYSYM_CONTROL_R 0xffe4
#define KEYSYM_META_L 0xffe7 /* what some viewers send for Alt */
#define KEYSYM_META_R 0xffe8
#define KEYSYM_ALT_L 0xffe9
#define KEYSYM_ALT_R 0xffea

#define BUTTONS_USED 0x7f /* left, middle, right, four of the wheels */

void vnc_input_init(struct vnc_input *input, struct vnc_outbox *outbox)
{
	*input = (struct vnc_input){
		.outbox = outbox, .dragging = -1, .width_px = 1, .height_px = 1
	};
}

static struct vnc_key_held *find_key(struct vnc_input_viewer *viewer, uint32_t keysym)
{
	for (int i = 0; i < viewer->key_count; i++) {
		if (viewer->keys[i].keysym == keysym) {
			return &viewer->keys[i];
		}
	}
	return NULL;
}

static bool gives_back(struct vnc_input_viewer *viewer, uint32_t keysym)
{
	if (keysym == KEYSYM_PAUSE) {
		return true;
	}
	bool control = find_key(viewer, KEYSYM_CONTROL_L) || find_key(viewer, KEYSYM_CONTROL_R);
	bool alt = find_key(viewer, KEYSYM_ALT_L) || find_key(viewer, KEYSYM_ALT_R) ||
			find_key(viewer, KEYSYM_META_L) || find_key(viewer, KEYSYM_META_R);
	return control && alt && (keysym == 'r' || keysym == 'R');
}

/* What is held stays known, so that the coming releases are not passed on. */
static void release(struct vnc_input *input, int slot)
{
	struct vnc_input_viewer *viewer = &input->viewers[slot];
	for (int i = viewer->key_count - 1; i >= 0; i--) {
		if (viewer->keys[i].sent) {
			vnc_outbox_key(input->outbox, slot, viewer->keys[i].keysym, false);
			viewer->keys[i].sent = false;
		}
	}
	if (viewer->buttons != 0) {
		vnc_outbox_pointer(input->outbox, slot, viewer->x, viewer->y, 0);
		viewer->muted_buttons |= viewer->buttons;
		viewer->buttons = 0;
	}
	if (input->dragging == slot) {
		input->dragging = -1;
	}
}

static void give_back(struct vnc_input *input, int slot)
{
	for (int other = 0; other < VNC_VIEWERS_MAX; other++) {
		release(input, other);
	}
	vnc_outbox_resume(input->outbox, slot, true);
	input->used = false;
}

static void press(struct vnc_input *input, int slot, uint32_t keysym)
{
	struct vnc_input_viewer *viewer = &input->viewers[slot];
	struct vnc_key_held *held = find_key(viewer, keysym);
	if (held) {
		/* Autorepeat; of a key that was released at a hand-over, nothing. */
		if (held->sent) {
			vnc_outbox_key(input->outbox, slot, keysym, true);
		}
		return;
	}
	if (viewer->key_count == VNC_KEYS_HELD_MAX) {
		return;
	}
	bool gives = gives_back(viewer, keysym);
	viewer->keys[viewer->key_count++] =
			(struct vnc_key_held){ .keysym = keysym, .sent = !gives };
	if (gives) {
		give_back(input, slot);
	} else {
		vnc_outbox_key(input->outbox, slot, keysym, true);
		input->used = true;
	}
}

void vnc_input_key(struct vnc_input *input, int slot, uint32_t keysym, bool down)
{
	if (down) {
		press(input, slot, keysym);
		return;
	}
	struct vnc_input_viewer *viewer = &input->viewers[slot];
	struct vnc_key_held *held = find_key(viewer, keysym);
	if (!held) {
		return;
	}
	if (held->sent) {
		vnc_outbox_key(input->outbox, slot, keysym, false);
	}
	/* The order is kept: releases at the end go from the last pressed to the first. */
	size_t after = (size_t)(viewer->keys + viewer->key_count - (held + 1));
	memmove(held, held + 1, after * sizeof(*held));
	viewer->key_count--;
}

void vnc_input_pointer(struct vnc_input *input, int slot, uint16_t x, uint16_t y, uint8_t buttons)
{
	struct vnc_input_viewer *viewer = &input->viewers[slot];
	viewer->muted_buttons &= buttons;
	if (input->dragging >= 0 && input->dragging != slot) {
		return;
	}
	viewer->buttons = (uint8_t)(buttons & BUTTONS_USED & ~viewer->muted_buttons);
	viewer->x = x < input->width_px ? x : (uint16_t)(input->width_px - 1);
	viewer->y = y < input->height_px ? y : (uint16_t)(input->height_px - 1);
	input->dragging = viewer->buttons != 0 ? slot : -1;
	input->used = true;
	vnc_outbox_pointer(input->outbox, slot, viewer->x, viewer->y, viewer->buttons);
}

void vnc_input_leave(struct vnc_input *input, int slot, bool last)
{
	release(input, slot);
	input->viewers[slot] = (struct vnc_input_viewer){ 0 };
	if (last && input->used) {
		vnc_outbox_resume(input->outbox, slot, false);
		input->used = false;
	}
}
