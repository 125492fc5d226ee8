/* Did the X server let the input through? A client that grabs a device in synchronous mode freezes
 * it: what is pressed or moved from then on waits in the server until that client allows events.
 * Nobody else can, and a frozen device still answers, with its old state. */

#include "display/display_internal.h"

#include <stdlib.h>

#include <X11/extensions/XTest.h>

#include "cua/base/util.h"

/* Window managers freeze the pointer for a moment at a click, to see what is under it. */
#define MOMENT_US 20000U
#define FROZEN_MAX_US 1000000U
#define LOOK_AGAIN_MIN_US 1000U
#define LOOK_AGAIN_MAX_US 50000U

void input_query_pointer(struct display *display, struct input_pointer *pointer)
{
	Window root, child;
	int win_x = 0, win_y = 0;
	*pointer = (struct input_pointer){ 0 };
	XQueryPointer(display->xlib, display->root, &root, &child, &pointer->x, &pointer->y, &win_x,
			&win_y, &pointer->mask);
}

void input_begin_watch(struct display *display)
{
	struct display_sent *sent = &display->sent;
	if (sent->keycode && !display->dead) {
		xcb_discard_reply(display->xcb, sent->keys.sequence);
	}
	if (sent->button && !display->dead) {
		xcb_discard_reply(display->xcb, sent->pointer.sequence);
	}
	*sent = (struct display_sent){ 0 };
}

/* Asked on the way: the answers are fetched when somebody waits for one anyway. */

void input_watch_key(struct display *display, KeyCode keycode)
{
	struct display_sent *sent = &display->sent;
	if (display->acting && !sent->keycode && !display->dead) {
		sent->keys = xcb_query_keymap(display->xcb);
		sent->keycode = keycode;
	}
}

void input_watch_button(struct display *display, int button)
{
	struct display_sent *sent = &display->sent;
	if (display->acting && !sent->button && button <= 5 && !display->dead) {
		sent->pointer = xcb_query_pointer(display->xcb, (xcb_window_t)display->root);
		sent->button = button;
	}
}

/* --- the pointer --- */

static bool is_as_sent(const struct display *display, const struct input_pointer *pointer)
{
	const struct display_sent *sent = &display->sent;
	const unsigned int all =
			Button1Mask | Button2Mask | Button3Mask | Button4Mask | Button5Mask;
	return (!sent->moved || (pointer->x == sent->x && pointer->y == sent->y)) &&
			(!sent->pressed ||
					(pointer->mask & all) ==
							(display->buttons_down << 7 & all));
}

static bool button_came_down(struct display *display)
{
	struct display_sent *sent = &display->sent;
	const int button = sent->button;
	if (!button) {
		return true;
	}
	xcb_query_pointer_reply_t *pointer =
			xcb_query_pointer_reply(display->xcb, sent->pointer, NULL);
	/* No answer: no server any more. */
	const bool down = !pointer || pointer->mask & 1U << (7 + button);
	free(pointer);
	sent->button = 0;
	return down;
}

/* Where the pointer is not as it was sent, an application may have moved it, or another program
 * holds a button. So it is moved by one pixel, in a direction in which nothing confines it. */
static bool pointer_is_frozen(struct display *display)
{
	static const struct cua_point steps[] = { { 1, 0 }, { -1, 0 }, { 0, 1 }, { 0, -1 } };
	const int screen = DefaultScreen(display->xlib);
	struct input_pointer before, after;
	bool frozen = true;
	input_query_pointer(display, &before);
	for (size_t i = 0; i < CUA_ARRAY_LEN(steps) && frozen; i++) {
		XTestFakeMotionEvent(display->xlib, screen, before.x + steps[i].x,
				before.y + steps[i].y, CurrentTime);
		input_query_pointer(display, &after);
		frozen = after.x == before.x && after.y == before.y;
	}
	const bool back_where_sent = frozen && display->sent.moved;
	XTestFakeMotionEvent(display->xlib, screen, back_where_sent ? display->sent.x : before.x,
			back_where_sent ? display->sent.y : before.y, CurrentTime);
	return frozen && !display->dead;
}

/* --- the keyboard --- */

static bool key_is_down(const xcb_query_keymap_reply_t *keys, KeyCode keycode)
{
	return keys && keys->keys[keycode / 8] & 1 << keycode % 8;
}

static bool key_came_down(struct display *display)
{
	struct display_sent *sent = &display->sent;
	const KeyCode keycode = sent->keycode;
	if (!keycode) {
		return true;
	}
	xcb_query_keymap_reply_t *keys = xcb_query_keymap_reply(display->xcb, sent->keys, NULL);
	const bool down = !keys || key_is_down(keys, keycode);
	free(keys);
	sent->keycode = 0;
	return down;
}

/* A key that writes nothing. */
static KeyCode silent_key(const struct display *display)
{
	const struct display_keymap *keymap = &display->keymap;
	for (int keycode = KEYCODE_MAX; keycode > 0; keycode--) {
		if (keymap->spare[keycode] && keymap->bound[keycode] == NoSymbol) {
			return (KeyCode)keycode;
		}
	}
	return keymap->shift_keycode;
}

static bool keyboard_is_frozen(struct display *display)
{
	const KeyCode keycode = silent_key(display);
	XTestFakeKeyEvent(display->xlib, keycode, True, CurrentTime);
	xcb_query_keymap_reply_t *keys =
			xcb_query_keymap_reply(display->xcb, xcb_query_keymap(display->xcb), NULL);
	XTestFakeKeyEvent(display->xlib, keycode, False, CurrentTime);
	XFlush(display->xlib);
	const bool frozen = keys && !key_is_down(keys, keycode);
	free(keys);
	return frozen;
}

/* --- both --- */

/* No event tells that a device is free again. */
static enum cua_status wait_until_free(struct display *display, bool (*is_frozen)(struct display *),
		const char *device, uint64_t since_us, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	uint64_t pause_us = LOOK_AGAIN_MIN_US;
	while (status == CUA_OK && is_frozen(display)) {
		if (cua_now_us() > since_us + FROZEN_MAX_US) {
			return CUA_FAIL(err, CUA_ERR_APP, 0,
					"the %s of desktop %s is frozen by a program that has "
					"grabbed it "
					"(synchronous grab): what was sent waits in the X server "
					"and reaches no window until that program allows events or "
					"ends; list_windows and kill_window still work",
					device, display->record.name);
		}
		status = display_wait(display, cua_now_us() + pause_us, NULL, NULL, err);
		status = status == CUA_ERR_TIMEOUT ? CUA_OK : status;
		pause_us = pause_us < LOOK_AGAIN_MAX_US ? pause_us * 2 : LOOK_AGAIN_MAX_US;
	}
	return status;
}

enum cua_status input_check_delivered(
		struct display *display, struct input_pointer *ret_pointer, struct cua_error *err)
{
	const uint64_t since_us = cua_now_us();
	enum cua_status status = CUA_OK;
	input_query_pointer(display, ret_pointer);
	const bool key_passed = key_came_down(display), button_passed = button_came_down(display);
	if (display->people.holds) {
		return CUA_OK; /* who moves and presses what he likes */
	}
	while (status == CUA_OK && !display->dead && button_passed &&
			!is_as_sent(display, ret_pointer) && cua_now_us() < since_us + MOMENT_US) {
		status = display_wait(display, cua_now_us() + LOOK_AGAIN_MIN_US, NULL, NULL, err);
		status = status == CUA_ERR_TIMEOUT ? CUA_OK : status;
		if (status == CUA_OK) {
			input_query_pointer(display, ret_pointer);
		}
	}
	if (status == CUA_OK && !display->dead &&
			!(button_passed && is_as_sent(display, ret_pointer))) {
		status = wait_until_free(display, pointer_is_frozen, "pointer", since_us, err);
		input_query_pointer(display, ret_pointer);
	}
	if (status == CUA_OK && !display->dead && !key_passed) {
		status = wait_until_free(display, keyboard_is_frozen, "keyboard", since_us, err);
	}
	return status;
}
