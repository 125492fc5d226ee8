#include "display/display_internal.h"

#include <stdlib.h>
#include <string.h>

#include <X11/XKBlib.h>
#include <X11/extensions/XTest.h>

#include "cua/base/util.h"
#include "cua/contract/key.h"
#include "display/home_settings.h"

/* Applications take a press and a release for a drag only if the pointer travels between them:
 * steps of so many pixels at most, with pauses in which they can follow. */
#define DRAG_STEP_PX 16
#define DRAG_STEP_US 6000U
/* Farther from the press than any toolkit wants the pointer before it begins a drag. */
#define DRAG_BEGINS_PX 16
/* Where an application has more to do than to follow, until it has rested so long, at most. */
#define DRAG_REST_MS 40
#define DRAG_REST_MAX_US 1500000U
/* A browser tells a page where the pointer is once in a frame: at the corners of a path it is given
 * the time to see it there, in all so long. */
#define DRAG_CORNERS_US 5000000U
#define DRAG_CORNER_PX 4
/* Chromium takes two presses of one millisecond for one. The server waits, so that the times of
 * the events differ however late it reads them. */
#define PRESS_APART_MS 2UL

/* Toolkits join presses that come within some time: those of one place to a click of more presses,
 * and after one of another place GTK counts one too few. So much longer than that is apart. */
#define CLICKS_APART_MORE_MS 100U

/* The X server's own, and as late as can be. */
#define REPEAT_DELAY_MS 660U
#define REPEAT_INTERVAL_MS 40U
#define REPEAT_NEVER_MS 65535U

/* --- single events; what is down is written down --- */

/* Whatever the agent was about to do: after a change of hands nothing of it goes out. */
static bool is_barred(const struct display *display)
{
	return display->acting && !display->takeover.injects &&
			takeover_check(display, NULL) != CUA_OK;
}

void input_key(struct display *display, KeyCode keycode, bool down)
{
	if (is_barred(display)) {
		return;
	}
	XTestFakeKeyEvent(display->xlib, keycode, down, CurrentTime);
	if (!down) {
		delivered_sent(display, INPUT_KEYBOARD);
	}
	display->key_down[keycode] = down;
}

void input_repeat(struct display *display, bool by_server)
{
	XkbSetAutoRepeatRate(display->xlib, XkbUseCoreKbd,
			by_server ? REPEAT_DELAY_MS : REPEAT_NEVER_MS,
			by_server ? REPEAT_INTERVAL_MS : REPEAT_NEVER_MS);
}

static void button_after(
		struct display *display, int button, bool down, unsigned long server_delay_ms)
{
	if (is_barred(display)) {
		return;
	}
	XTestFakeButtonEvent(display->xlib, (unsigned int)button, down, server_delay_ms);
	delivered_sent(display, INPUT_POINTER);
	if (down) {
		display->buttons_down |= 1U << button;
	} else {
		display->buttons_down &= ~(1U << button);
	}
}

void input_button(struct display *display, int button, bool down)
{
	button_after(display, button, down, 0);
}

void input_motion(struct display *display, int x, int y)
{
	if (is_barred(display)) {
		return;
	}
	XTestFakeMotionEvent(display->xlib, DefaultScreen(display->xlib), x, y, CurrentTime);
	delivered_sent(display, INPUT_POINTER);
	display->people.pointer_moved = true;
}

/* What a person holds is not the agent's to release. */
void display_release_held(struct display *display)
{
	if (!display_person_has_input(display)) {
		input_release_held(display);
	}
}

void input_release_held(struct display *display)
{
	if (display->dead) {
		return;
	}
	for (int keycode = 0; keycode <= KEYCODE_MAX; keycode++) {
		if (display->key_down[keycode]) {
			input_key(display, (KeyCode)keycode, false);
		}
	}
	for (int button = 1; button < 32; button++) {
		if (display->buttons_down & 1U << button) {
			input_button(display, button, false);
		}
	}
	XSync(display->xlib, False);
}

bool display_holds_input(const struct display *display)
{
	return display->buttons_down != 0 ||
			memchr(display->key_down, 1, sizeof(display->key_down));
}

void input_release_all(struct display *display)
{
	char keys[32];
	XQueryKeymap(display->xlib, keys);
	for (int keycode = 8; keycode <= KEYCODE_MAX; keycode++) {
		if (keys[keycode / 8] & 1 << keycode % 8) {
			input_key(display, (KeyCode)keycode, false);
		}
	}
	/* The server tells the state of five buttons only; releasing one that is up does nothing.
	 */
	for (int button = 1; button <= 9; button++) {
		input_button(display, button, false);
	}
	XSync(display->xlib, False);
}

/* --- chords --- */

static void chord_press_key(struct display *display, struct input_chord *chord,
		const struct display_layout_key *key, bool *with_shift)
{
	if (key->shift && !*with_shift) {
		input_key(display, display->keymap.shift_keycode, true);
		chord->keycodes[chord->count++] = display->keymap.shift_keycode;
		*with_shift = true;
	}
	input_key(display, key->keycode, true);
	chord->keycodes[chord->count++] = key->keycode;
}

/* Ctrl+1 and Ctrl+/ mean keys that need no Shift, as on most keyboards; under layouts that write
 * these characters with Shift (fr, cz; de) they would be other chords. */
static bool is_meant_unshifted(KeySym keysym)
{
	return keysym != 0 && keysym < 0x80 && strchr("0123456789-=[];',./\\`", (int)keysym);
}

static enum cua_status find_key(struct display *display, const char *name, KeySym keysym,
		bool unshifted, struct display_layout_key *ret_key, struct cua_error *err)
{
	bool (*const find)(struct display *, KeySym, struct display_layout_key *) =
			unshifted ? keymap_find_unshifted : keymap_find;
	if (find(display, keysym, ret_key)) {
		return CUA_OK;
	}
	/* All spare keys may still be unread, by a window that got many chords. */
	enum cua_status status = type_wait_until_read(display, err);
	if (status == CUA_OK && !find(display, keysym, ret_key)) {
		status = CUA_FAIL(err, CUA_ERR_X11, 0, "no spare key for %s", name);
	}
	return status;
}

static enum cua_status find_chord(struct display *display, const struct cua_keys *keys,
		struct display_layout_key *found, bool *with_shift, struct cua_error *err)
{
	KeySym keysyms[CUA_ACTION_KEYS_MAX];
	enum cua_status status = CUA_OK;
	for (int i = 0; i < keys->count && status == CUA_OK; i++) {
		uint32_t keysym = 0;
		status = cua_key_parse(keys->names[i], keys->count > 1, &keysym, err);
		keysyms[i] = keysym;
		*with_shift = *with_shift || keysym == XK_Shift_L || keysym == XK_Shift_R;
	}
	for (int i = 0; i < keys->count && status == CUA_OK; i++) {
		const bool unshifted =
				keys->count > 1 && !*with_shift && is_meant_unshifted(keysyms[i]);
		status = find_key(display, keys->names[i], keysyms[i], unshifted, &found[i], err);
	}
	if (status == CUA_OK && keymap_send(display)) {
		status = type_wait_until_noticed(display, err);
	}
	return status;
}

enum cua_status input_chord_press(struct display *display, const struct cua_keys *keys,
		struct input_chord *chord, struct cua_error *err)
{
	struct display_layout_key found[CUA_ACTION_KEYS_MAX];
	bool with_shift = false;
	chord->count = 0;
	enum cua_status status = find_chord(display, keys, found, &with_shift, err);
	if (status != CUA_OK) {
		return status;
	}
	for (int i = 0; i < keys->count; i++) {
		chord_press_key(display, chord, &found[i], &with_shift);
	}
	return display_ok(display, err);
}

void input_chord_release(struct display *display, struct input_chord *chord)
{
	/* A person who took over has found them released. */
	while (chord->count > 0 && !display_person_has_input(display)) {
		input_key(display, chord->keycodes[--chord->count], false);
	}
	XFlush(display->xlib);
}

enum cua_status input_keys(
		struct display *display, const struct cua_action *action, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	const int times = action->type == CUA_ACTION_KEY ? action->count : 1;
	(void)keymap_follow(display);
	for (int i = 0; i < times && status == CUA_OK; i++) {
		struct input_chord chord;
		status = input_chord_press(display, &action->keys, &chord, err);
		if (status == CUA_OK && action->type == CUA_ACTION_HOLD_KEY) {
			display_sync(display); /* from when the server has it */
			status = display_wait(display,
					cua_now_us() + (uint64_t)action->duration_ms * 1000U, NULL,
					NULL, err);
			status = status == CUA_ERR_TIMEOUT ? CUA_OK : status;
		}
		input_chord_release(display, &chord);
	}
	type_note_chord(display, &action->keys);
	return status;
}

/* --- mouse --- */

struct drag {
	struct cua_point press;
	bool has_begun;      /* as applications see it */
	uint64_t corners_us; /* spent at corners */
};

/* Time in which applications handle what they got; not a wait for a result. */
static enum cua_status pace(struct display *display, uint64_t us, struct cua_error *err)
{
	XFlush(display->xlib);
	enum cua_status status = display_wait(display, cua_now_us() + us, NULL, NULL, err);
	return status == CUA_ERR_TIMEOUT ? CUA_OK : status;
}

/* A browser or a file manager on a busy machine may take long to begin a drag, and to agree with
 * who is under the pointer: a button that comes up before is no drop. */
static enum cua_status let_follow(struct display *display, struct cua_error *err)
{
	XFlush(display->xlib);
	enum cua_status status =
			settle_rest(display, DRAG_REST_MS, cua_now_us() + DRAG_REST_MAX_US, err);
	return status == CUA_ERR_TIMEOUT ? CUA_OK : status;
}

static int distance(struct cua_point from, struct cua_point to)
{
	const int dx = abs(to.x - from.x), dy = abs(to.y - from.y);
	return dx > dy ? dx : dy;
}

static enum cua_status drag_segment(struct display *display, struct cua_point from,
		struct cua_point to, struct drag *drag, struct cua_error *err)
{
	const int steps = (distance(from, to) + DRAG_STEP_PX - 1) / DRAG_STEP_PX;
	const int of = steps > 0 ? steps : 1;
	enum cua_status status = CUA_OK;
	for (int i = 1; i <= of && status == CUA_OK; i++) {
		const struct cua_point at = { from.x + (to.x - from.x) * i / of,
			from.y + (to.y - from.y) * i / of };
		input_motion(display, at.x, at.y);
		status = pace(display, DRAG_STEP_US, err);
		if (status == CUA_OK && !drag->has_begun &&
				distance(drag->press, at) >= DRAG_BEGINS_PX) {
			drag->has_begun = true;
			status = let_follow(display, err);
		}
	}
	return status;
}

/* An application that was busy has asked who is under the pointer when it was elsewhere, and asks
 * again when it moves. So it does, by a pixel of the path that it came. */
static enum cua_status arrive_again(struct display *display, struct cua_point from,
		struct cua_point to, struct cua_error *err)
{
	const int dx = from.x - to.x, dy = from.y - to.y;
	input_motion(display, to.x + (dx > 0) - (dx < 0), to.y + (dy > 0) - (dy < 0));
	enum cua_status status = pace(display, DRAG_STEP_US, err);
	if (status == CUA_OK) {
		input_motion(display, to.x, to.y);
		status = let_follow(display, err);
	}
	return status;
}

/* Without the point, the path would go past it by some pixels. */
static bool is_corner(struct cua_point from, struct cua_point at, struct cua_point to)
{
	const long dx = to.x - from.x, dy = to.y - from.y;
	const long area = labs(dx * (at.y - from.y) - dy * (at.x - from.x));
	const long longer = labs(dx) > labs(dy) ? labs(dx) : labs(dy);
	return longer == 0 ? distance(from, at) >= DRAG_CORNER_PX : area >= longer * DRAG_CORNER_PX;
}

static enum cua_status rest_at_corner(
		struct display *display, struct drag *drag, struct cua_error *err)
{
	const uint64_t from_us = cua_now_us();
	if (drag->corners_us >= DRAG_CORNERS_US) {
		return CUA_OK;
	}
	const enum cua_status status = let_follow(display, err);
	drag->corners_us += cua_now_us() - from_us;
	return status;
}

static void note_press(struct display *display)
{
	display->pressed_before_us = display->pressed_us;
	display->pressed_us = cua_now_us();
}

static enum cua_status drag(
		struct display *display, const struct cua_action *action, struct cua_error *err)
{
	const struct cua_point *path = action->path;
	const int last = action->path_len - 1;
	struct drag drag = { .press = path[0] };
	input_motion(display, path[0].x, path[0].y);
	enum cua_status status = pace(display, DRAG_STEP_US, err);
	if (status == CUA_OK) {
		input_button(display, action->button, true);
		note_press(display);
		status = let_follow(display, err);
	}
	for (int i = 1; i <= last && status == CUA_OK; i++) {
		status = drag_segment(display, path[i - 1], path[i], &drag, err);
		if (status == CUA_OK && i < last && is_corner(path[i - 1], path[i], path[i + 1])) {
			status = rest_at_corner(display, &drag, err);
		}
	}
	if (status == CUA_OK) {
		status = let_follow(display, err);
	}
	if (status == CUA_OK) {
		status = arrive_again(display, path[last - 1], path[last], err);
	}
	if (status == CUA_OK) {
		input_button(display, action->button, false);
	}
	return status;
}

/* When no application joins a press with those before, if it joins them for so long. GDK joins a
 * third press for twice the time, from the first on. Source: GTK, _gdk_event_button_generate(). */
static uint64_t apart_us(const struct display *display, unsigned int joined_ms)
{
	const uint64_t joined_us = joined_ms * 1000ULL;
	const uint64_t second_us = display->pressed_us + joined_us;
	const uint64_t third_us = display->pressed_before_us + 2 * joined_us;
	return (second_us > third_us ? second_us : third_us) + CLICKS_APART_MORE_MS * 1000U;
}

/* A double click begins with its own first press, not with the one before it. */
static enum cua_status wait_until_apart(struct display *display, struct cua_error *err)
{
	if (display->pressed_us == 0 ||
			cua_now_us() >= apart_us(display, HOME_SETTINGS_CLICK_MAX_MS)) {
		return CUA_OK;
	}
	const uint64_t until_us = apart_us(display, home_settings_click_ms(display));
	if (cua_now_us() >= until_us) {
		return CUA_OK;
	}
	enum cua_status status = display_wait(display, until_us, NULL, NULL, err);
	return status == CUA_ERR_TIMEOUT ? CUA_OK : status;
}

static void click(struct display *display, const struct cua_action *action)
{
	for (int i = 0; i < action->count; i++) {
		button_after(display, action->button, true, i > 0 ? PRESS_APART_MS : 0);
		note_press(display);
		button_after(display, action->button, false, 0);
	}
}

static void scroll(struct display *display, const struct cua_action *action)
{
	const struct {
		int clicks, backward, forward;
	} axes[] = { { action->scroll_y, 4, 5 }, { action->scroll_x, 6, 7 } };
	for (size_t axis = 0; axis < CUA_ARRAY_LEN(axes); axis++) {
		const int button = axes[axis].clicks < 0 ? axes[axis].backward : axes[axis].forward;
		for (int i = 0; i < abs(axes[axis].clicks); i++) {
			input_button(display, button, true);
			input_button(display, button, false);
		}
	}
}

static enum cua_status mouse_with_modifiers(
		struct display *display, const struct cua_action *action, struct cua_error *err)
{
	if (action->type == CUA_ACTION_DRAG) {
		return drag(display, action, err);
	}
	if (action->has_at) {
		input_motion(display, action->at.x, action->at.y);
	}
	if (action->type == CUA_ACTION_CLICK) {
		click(display, action);
	} else if (action->type == CUA_ACTION_MOUSE_DOWN) {
		input_button(display, action->button, true);
		note_press(display);
	} else if (action->type == CUA_ACTION_MOUSE_UP) {
		input_button(display, action->button, false);
	} else if (action->type == CUA_ACTION_SCROLL) {
		scroll(display, action);
	}
	return display_ok(display, err);
}

enum cua_status input_mouse(
		struct display *display, const struct cua_action *action, struct cua_error *err)
{
	struct input_chord modifiers = { .count = 0 };
	enum cua_status status = CUA_OK;
	if (action->type == CUA_ACTION_CLICK && action->count > 1) {
		status = wait_until_apart(display, err);
	}
	if (status == CUA_OK && action->keys.count > 0) {
		(void)keymap_follow(display);
		status = input_chord_press(display, &action->keys, &modifiers, err);
	}
	if (status == CUA_OK) {
		status = mouse_with_modifiers(display, action, err);
	}
	input_chord_release(display, &modifiers);
	return status;
}
