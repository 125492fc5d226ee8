#include "display/display_internal.h"

#include <string.h>

#include <xkbcommon/xkbcommon.h>

#include "cua/base/util.h"

/* Keysyms of keys that people have but no text needs: such keys are spare. */
static bool is_unneeded_keysym(KeySym keysym)
{
	return keysym == NoSymbol || (keysym >= 0x1008fe00 && keysym <= 0x1008ffff);
}

/* The same character on both levels is our own mark, of this host or a former one: keys of layouts
 * that do not care for Shift are Return, Escape and the like, and the space bar. */
static bool is_bound_by_us(KeySym plain, KeySym shifted)
{
	return plain == shifted && plain > 0x7f && (plain < 0xfe00 || plain > 0xffff);
}

/* Keys that Chromium acts on by their place on the keyboard, whatever symbol they carry: back,
 * forward, reload, home page, favorites, search, ... Found by trying all; Writer takes every key.
 */
static bool is_taken_by_place(int keycode)
{
	static const unsigned char taken[] = { 141, 143, 145, 164, 166, 167, 180, 181, 213, 214,
		225 };
	return memchr(taken, keycode, sizeof(taken)) != NULL;
}

static bool is_modifier(const XModifierKeymap *modifiers, KeyCode keycode)
{
	for (int i = 0; i < 8 * modifiers->max_keypermod; i++) {
		if (modifiers->modifiermap[i] == keycode) {
			return true;
		}
	}
	return false;
}

/* From the server's map each time: a program may have loaded another layout. */
static void find_spare_keys(struct display *display)
{
	struct display_keymap *keymap = &display->keymap;
	int first = 0, last = 0, width = 0;
	XDisplayKeycodes(display->xlib, &first, &last);
	KeySym *symbols = XGetKeyboardMapping(
			display->xlib, (KeyCode)first, last - first + 1, &width);
	XModifierKeymap *modifiers = XGetModifierMapping(display->xlib);
	for (int keycode = first; symbols && modifiers && keycode <= last; keycode++) {
		const KeySym *levels = &symbols[(keycode - first) * width];
		const bool ours = width > 1 && is_bound_by_us(levels[0], levels[1]);
		bool unneeded = true;
		for (int i = 0; i < width; i++) {
			unneeded = unneeded && is_unneeded_keysym(levels[i]);
		}
		keymap->spare[keycode] = (unneeded || ours) &&
				!is_modifier(modifiers, (KeyCode)keycode) &&
				!is_taken_by_place(keycode);
		keymap->bound[keycode] = ours ? levels[0] : NoSymbol;
	}
	if (modifiers) {
		XFreeModifiermap(modifiers);
	}
	if (symbols) {
		XFree(symbols);
	}
}

enum cua_status keymap_init(struct display *display, struct cua_error *err)
{
	int opcode, event, error, major = XkbMajorVersion, minor = XkbMinorVersion;
	if (!XkbQueryExtension(display->xlib, &opcode, &event, &error, &major, &minor)) {
		return CUA_FAIL(err, CUA_ERR_X11, 0, "the X server has no XKEYBOARD extension");
	}
	keymap_refresh(display);
	return display_ok(display, err);
}

void keymap_finish(struct display *display)
{
	if (display->keymap.xkb) {
		XkbFreeKeyboard(display->keymap.xkb, 0, True);
		display->keymap.xkb = NULL;
	}
}

static void add_layout_keys(struct display_keymap *keymap, unsigned int group)
{
	static const unsigned int shifts[] = { 0, ShiftMask };
	for (size_t level = 0; level < CUA_ARRAY_LEN(shifts); level++) {
		for (int keycode = keymap->xkb->min_key_code; keycode <= keymap->xkb->max_key_code;
				keycode++) {
			unsigned int consumed = 0;
			KeySym keysym = NoSymbol;
			if (keymap->spare[keycode] ||
					!XkbTranslateKeyCode(keymap->xkb, (KeyCode)keycode,
							shifts[level] | XkbBuildCoreState(0, group),
							&consumed, &keysym) ||
					keysym == NoSymbol ||
					(level == 1 && !(consumed & ShiftMask))) {
				continue;
			}
			keymap->keys[keymap->key_count++] = (struct display_layout_key){ keysym,
				(KeyCode)keycode, level == 1 };
		}
	}
}

void keymap_refresh(struct display *display)
{
	struct display_keymap *keymap = &display->keymap;
	XkbStateRec state = { 0 };
	keymap_finish(display);
	keymap->key_count = 0;
	find_spare_keys(display);
	XkbGetState(display->xlib, XkbUseCoreKbd, &state);
	keymap->xkb = XkbGetMap(display->xlib, XkbAllClientInfoMask, XkbUseCoreKbd);
	if (!keymap->xkb) {
		return;
	}
	add_layout_keys(keymap, state.group);
	keymap->shift_keycode = XKeysymToKeycode(display->xlib, XK_Shift_L);
}

static bool is_same_character(KeySym one, KeySym other)
{
	if (one == other) {
		return true;
	}
	/* Greek_alpha and U03B1 are the same. Keys that write nothing have no code point. */
	const uint32_t code = xkb_keysym_to_utf32((xkb_keysym_t)one);
	return code >= 0x20 && code != 0x7f && (one < 0xff00 || one > 0xffff) &&
			(other < 0xff00 || other > 0xffff) &&
			code == xkb_keysym_to_utf32((xkb_keysym_t)other);
}

/* The spare key that has the keysym, or the one that was used longest ago; 0 if that one may still
 * have unread events. */
static KeyCode choose_spare(const struct display_keymap *keymap, KeySym keysym)
{
	int oldest = 0;
	for (int keycode = 1; keycode <= KEYCODE_MAX; keycode++) {
		if (!keymap->spare[keycode]) {
			continue;
		}
		if (keymap->bound[keycode] == keysym) {
			return (KeyCode)keycode;
		}
		if (oldest == 0 || keymap->used_at[keycode] < keymap->used_at[oldest]) {
			oldest = keycode;
		}
	}
	return keymap->used_at[oldest] <= keymap->read_before ? (KeyCode)oldest : 0;
}

bool keymap_find(struct display *display, KeySym keysym, struct display_layout_key *ret_key,
		bool *ret_bound)
{
	struct display_keymap *keymap = &display->keymap;
	*ret_bound = false;
	for (int i = 0; i < keymap->key_count; i++) {
		if (is_same_character(keymap->keys[i].keysym, keysym) &&
				(!keymap->keys[i].shift || keymap->shift_keycode)) {
			*ret_key = keymap->keys[i];
			return true;
		}
	}
	const KeyCode spare = choose_spare(keymap, keysym);
	if (spare == 0) {
		return false;
	}
	if (keymap->bound[spare] != keysym) {
		/* The same symbol on both levels, so that neither Shift nor Caps Lock changes it.
		 */
		KeySym symbols[2] = { keysym, keysym };
		XChangeKeyboardMapping(display->xlib, spare, 2, symbols, 1);
		keymap->bound[spare] = keysym;
		*ret_bound = true;
	}
	keymap->used_at[spare] = ++keymap->clock;
	*ret_key = (struct display_layout_key){ keysym, spare, false };
	return true;
}

void keymap_all_read(struct display *display)
{
	display->keymap.read_before = display->keymap.clock;
}

bool keymap_has_unread(const struct display *display)
{
	return display->keymap.clock > display->keymap.read_before;
}
