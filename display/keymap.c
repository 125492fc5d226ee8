#include "display/display_internal.h"

#include <string.h>

#include <X11/Xutil.h>
#include <xkbcommon/xkbcommon.h>

#include "cua/base/util.h"

/* Keysyms of keys that people have but no text needs: such keys are spare. */
static bool is_unneeded_keysym(KeySym keysym)
{
	return keysym == NoSymbol || (keysym >= 0x1008fe00 && keysym <= 0x1008ffff);
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

static KeySym capital_of(KeySym keysym)
{
	KeySym small = NoSymbol, capital = NoSymbol;
	XConvertCase(keysym, &small, &capital);
	return capital;
}

/* The mark of this host or of a former one: the type of letters for what is no small letter, the
 * type of other keys for a letter, which no layout has. */
static bool is_ours(const XkbDescPtr xkb, int keycode)
{
	const KeySym *symbols = XkbKeySymsPtr(xkb, keycode);
	if (XkbKeyNumGroups(xkb, keycode) != 1 || XkbKeyGroupsWidth(xkb, keycode) != 2 ||
			symbols[0] == NoSymbol || symbols[1] != capital_of(symbols[0])) {
		return false;
	}
	const int type = xkb->map->key_sym_map[keycode].kt_index[0];
	return type == (symbols[1] == symbols[0] ? XkbAlphabeticIndex : XkbTwoLevelIndex);
}

static void find_spare_keys(struct display_keymap *keymap)
{
	const XkbDescPtr xkb = keymap->xkb;
	memset(keymap->spare, 0, sizeof(keymap->spare));
	memset(keymap->bound, 0, sizeof(keymap->bound));
	/* Without the first one: see change_map(). */
	for (int keycode = xkb->min_key_code + 1; keycode <= xkb->max_key_code; keycode++) {
		const KeySym *symbols = XkbKeySymsPtr(xkb, keycode);
		const bool ours = is_ours(xkb, keycode);
		bool unneeded = true;
		for (int i = 0; i < XkbKeyNumSyms(xkb, keycode); i++) {
			unneeded = unneeded && is_unneeded_keysym(symbols[i]);
		}
		keymap->spare[keycode] = (unneeded || ours) && xkb->map->modmap[keycode] == 0 &&
				!is_taken_by_place(keycode);
		keymap->bound[keycode] = ours ? symbols[0] : NoSymbol;
	}
}

enum cua_status keymap_init(struct display *display, struct cua_error *err)
{
	int opcode, event, error, major = XkbMajorVersion, minor = XkbMinorVersion;
	if (!XkbQueryExtension(display->xlib, &opcode, &event, &error, &major, &minor)) {
		return CUA_FAIL(err, CUA_ERR_X11, 0, "the X server has no XKEYBOARD extension");
	}
	const unsigned int events = XkbMapNotifyMask | XkbNewKeyboardNotifyMask;
	display->keymap.event_base = event;
	XkbSelectEvents(display->xlib, XkbUseCoreKbd, events, events);
	XkbSelectEventDetails(display->xlib, XkbUseCoreKbd, XkbStateNotify, XkbGroupStateMask,
			XkbGroupStateMask);
	display->keymap.stale = true;
	(void)keymap_follow(display);
	return display_ok(display, err);
}

void keymap_finish(struct display *display)
{
	if (display->keymap.xkb) {
		XkbFreeKeyboard(display->keymap.xkb, 0, True);
		display->keymap.xkb = NULL;
	}
}

/* --- the layout --- */

/* 0 for keys that write nothing. Greek_alpha and U03B1 are the same. */
static uint32_t character_of(KeySym keysym)
{
	const uint32_t code = keysym >= 0xff00 && keysym <= 0xffff
			? 0
			: xkb_keysym_to_utf32((xkb_keysym_t)keysym);
	return code >= 0x20 && code != 0x7f ? code : 0;
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
				(KeyCode)keycode, level == 1, character_of(keysym) };
			if (keysym == XK_Shift_L && !keymap->shift_keycode) {
				keymap->shift_keycode = (KeyCode)keycode;
			}
		}
	}
}

static void load(struct display *display)
{
	struct display_keymap *keymap = &display->keymap;
	XkbStateRec state = { 0 };
	keymap_finish(display);
	memset(keymap->keys, 0, sizeof(keymap->keys));
	keymap->key_count = 0;
	keymap->shift_keycode = 0;
	keymap->first_unsent = keymap->last_unsent = 0;
	XkbGetState(display->xlib, XkbUseCoreKbd, &state);
	keymap->xkb = XkbGetMap(display->xlib, XkbAllClientInfoMask, XkbUseCoreKbd);
	if (keymap->xkb) {
		find_spare_keys(keymap);
		add_layout_keys(keymap, state.group);
	}
}

/* What a character is typed with. */
static uint64_t signature(const struct display_keymap *keymap)
{
	uint64_t hash = 14695981039346656037ULL; /* FNV-1a */
	for (int i = 0; i < keymap->key_count; i++) {
		const struct display_layout_key *key = &keymap->keys[i];
		hash = (hash ^ key->keysym) * 1099511628211ULL;
		hash = (hash ^ (key->keycode | (uint64_t)key->shift << 8)) * 1099511628211ULL;
	}
	for (int keycode = 0; keycode <= KEYCODE_MAX; keycode++) {
		hash = (hash ^ keymap->bound[keycode]) * 1099511628211ULL;
	}
	return hash;
}

bool keymap_follow(struct display *display)
{
	struct display_keymap *keymap = &display->keymap;
	if (!keymap->stale || display->dead) {
		return false;
	}
	const uint64_t before = signature(keymap);
	keymap->stale = false;
	load(display);
	return signature(keymap) != before;
}

/* What change_map() makes of the range of keycodes. Whoever loads a layout asks otherwise. */
static bool is_same_range(const XkbNewKeyboardNotifyEvent *event)
{
	return event->req_minor == X_kbSetMap && event->changed == XkbNKN_KeycodesMask &&
			event->min_key_code == event->old_min_key_code &&
			event->max_key_code == event->old_max_key_code;
}

/* Our own changes are told to us as well, once for each keyboard of the server. */
static bool is_own_change(const struct display_keymap *keymap, const XkbEvent *event)
{
	for (size_t i = 0; i < KEYMAP_OWN_MAX; i++) {
		if (keymap->own[i].request != event->any.serial) {
			continue;
		}
		if (event->any.xkb_type == XkbNewKeyboardNotify) {
			return is_same_range(&event->new_kbd);
		}
		if (event->any.xkb_type == XkbMapNotify &&
				keymap->own[i].first == event->map.first_key_sym &&
				keymap->own[i].count == event->map.num_key_syms) {
			return true;
		}
	}
	return false;
}

bool keymap_event(struct display *display, XEvent *event)
{
	struct display_keymap *keymap = &display->keymap;
	const XkbEvent *xkb = (const XkbEvent *)event;
	if (event->type != keymap->event_base) {
		return false;
	}
	if (!is_own_change(keymap, xkb)) {
		keymap->stale = true;
	}
	return true;
}

/* --- finding keys --- */

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

/* The same symbol on both levels of a type that knows Shift and Caps Lock: neither changes it. A
 * small letter keeps its capital, by which GTK knows Ctrl+Shift+S; Caps Lock does not change it. */
static bool bind_spare(struct display_keymap *keymap, KeyCode keycode, KeySym keysym)
{
	KeySym *symbols = XkbResizeKeySyms(keymap->xkb, keycode, 2);
	if (!symbols) {
		return false;
	}
	symbols[0] = keysym;
	symbols[1] = capital_of(keysym);
	XkbSymMapRec *map = &keymap->xkb->map->key_sym_map[keycode];
	map->kt_index[0] = symbols[1] == keysym ? XkbAlphabeticIndex : XkbTwoLevelIndex;
	map->group_info = 1;
	map->width = 2;
	keymap->bound[keycode] = keysym;
	if (keymap->first_unsent == 0 || keycode < keymap->first_unsent) {
		keymap->first_unsent = keycode;
	}
	if (keycode > keymap->last_unsent) {
		keymap->last_unsent = keycode;
	}
	return true;
}

static bool find_in_layout(const struct display_keymap *keymap, KeySym keysym, bool may_shift,
		struct display_layout_key *ret_key)
{
	const uint32_t code = character_of(keysym);
	for (int i = 0; i < keymap->key_count; i++) {
		const struct display_layout_key *key = &keymap->keys[i];
		if ((key->keysym == keysym || (code != 0 && key->code == code)) &&
				(!key->shift || (may_shift && keymap->shift_keycode))) {
			*ret_key = *key;
			return true;
		}
	}
	return false;
}

static bool find_spare(
		struct display_keymap *keymap, KeySym keysym, struct display_layout_key *ret_key)
{
	const KeyCode spare = keymap->xkb ? choose_spare(keymap, keysym) : 0;
	if (spare == 0 || (keymap->bound[spare] != keysym && !bind_spare(keymap, spare, keysym))) {
		return false;
	}
	keymap->used_at[spare] = ++keymap->clock;
	*ret_key = (struct display_layout_key){ keysym, spare, false, character_of(keysym) };
	return true;
}

bool keymap_find(struct display *display, KeySym keysym, struct display_layout_key *ret_key)
{
	return find_in_layout(&display->keymap, keysym, true, ret_key) ||
			find_spare(&display->keymap, keysym, ret_key);
}

bool keymap_find_unshifted(
		struct display *display, KeySym keysym, struct display_layout_key *ret_key)
{
	return find_in_layout(&display->keymap, keysym, false, ret_key) ||
			find_spare(&display->keymap, keysym, ret_key);
}

bool keymap_repeats(const struct display *display, KeyCode keycode)
{
	const XkbDescPtr xkb = display->keymap.xkb;
	return xkb && xkb->map && xkb->map->modmap[keycode] == 0;
}

/* Chromium reads the map anew when it is told of another keyboard, not when symbols changed; its
 * pages and shortcuts then see the keys of a map of before. A request with another range of
 * keycodes tells so. The server never makes its range smaller: nothing changes but the symbols. */
static void change_map(struct display *display, XkbMapChangesRec *changes)
{
	const XkbDescPtr xkb = display->keymap.xkb;
	xkb->min_key_code++;
	XkbChangeMap(display->xlib, xkb, changes);
	xkb->min_key_code--;
}

bool keymap_send(struct display *display)
{
	struct display_keymap *keymap = &display->keymap;
	if (keymap->first_unsent == 0 || display->dead) {
		return false;
	}
	/* Keys in between are sent as they are: one request, and one round of applications that
	 * read the map anew. */
	XkbMapChangesRec changes = { .changed = XkbKeySymsMask,
		.first_key_sym = keymap->first_unsent };
	changes.num_key_syms = (KeyCode)(keymap->last_unsent - keymap->first_unsent + 1);
	keymap->own[keymap->own_next].request = NextRequest(display->xlib);
	keymap->own[keymap->own_next].first = changes.first_key_sym;
	keymap->own[keymap->own_next].count = changes.num_key_syms;
	keymap->own_next = (keymap->own_next + 1) % KEYMAP_OWN_MAX;
	keymap->first_unsent = keymap->last_unsent = 0;
	change_map(display, &changes);
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
