#include "display/display_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <xkbcommon/xkbcommon.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"

/* Characters sent before looking up: at whoever took the input, at a caller who left. */
#define CHUNK_CHARS 48
#define READ_TIMEOUT_MS 5000
/* For windows that answer no pings: rest of the screen stands for having read. */
#define UNASKED_REST_US 60000U
#define UNASKED_TIMEOUT_MS 500

enum cua_status type_check(const char *text, struct cua_error *err)
{
	const char *at = text, *end = text + strlen(text);
	for (size_t index = 0; at < end; index++) {
		const uint32_t code = cua_utf8_next(&at, end);
		const bool control =
				(code < 0x20 && code != '\n' && code != '\t' && code != '\r') ||
				(code >= 0x7f && code < 0xa0);
		if (code == CUA_UTF8_INVALID || control || (code & 0xfffe) == 0xfffe ||
				(code >= 0xfdd0 && code <= 0xfdef)) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"text: character %zu is U+%04X, which no key can type",
					index, (unsigned int)code);
		}
	}
	return CUA_OK;
}

static KeySym keysym_of(uint32_t code)
{
	switch (code) {
	case '\n':
	case '\r':
		return XK_Return;
	case '\t':
		return XK_Tab;
	default:
		return xkb_utf32_to_keysym(code);
	}
}

/* A line break written CR LF is one key. */
static uint32_t next_character(const char **at, const char *end)
{
	const uint32_t code = cua_utf8_next(at, end);
	if (code == '\r' && *at < end && **at == '\n') {
		(*at)++;
	}
	return code;
}

struct rest {
	uint64_t since_us;
};

static bool has_drawn(struct display *display, void *user_data)
{
	return display->damage.last_us > ((const struct rest *)user_data)->since_us;
}

static enum cua_status wait_for_rest(
		struct display *display, struct rest *rest, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + UNASKED_TIMEOUT_MS * 1000ULL;
	enum cua_status status = display_wait(display, deadline_us, has_drawn, rest, err);
	while (status == CUA_OK && cua_now_us() < deadline_us) {
		const uint64_t last_us = display->damage.last_us;
		rest->since_us = last_us;
		status = display_wait(display, last_us + UNASKED_REST_US, has_drawn, rest, err);
	}
	return status == CUA_ERR_TIMEOUT ? CUA_OK : status;
}

enum cua_status type_wait_until_read(struct display *display, struct cua_error *err)
{
	bool asked = false, answered = false;
	enum cua_status status = window_ping(display, READ_TIMEOUT_MS, &asked, &answered, err);
	if (status != CUA_OK) {
		return status;
	}
	if (asked && !answered) {
		return CUA_FAIL(err, CUA_ERR_APP, 0,
				"the application does not read its input: no answer for %d s",
				READ_TIMEOUT_MS / 1000);
	}
	if (!asked && keymap_has_unread(display)) {
		struct rest rest = { .since_us = display->keymap.sent_us };
		status = wait_for_rest(display, &rest, err);
	}
	if (status == CUA_OK) {
		keymap_all_read(display);
	}
	return status;
}

/* While more keys are on their way, LibreOffice collects characters of the basic plane in a buffer;
 * those above U+FFFF do not go through it and would come before them. */
static bool would_overtake(const char *at, const char *end, uint32_t before)
{
	return at < end && before <= 0xffff && cua_utf8_next(&at, end) > 0xffff;
}

static bool has_input_buffer(struct display *display)
{
	static const char *const classes[] = { "libreoffice", "soffice" };
	char class[128];
	window_class(display, window_active(display), class, sizeof(class));
	for (size_t i = 0; i < CUA_ARRAY_LEN(classes); i++) {
		if (strncasecmp(class, classes[i], strlen(classes[i])) == 0) {
			return true;
		}
	}
	return false;
}

/* What it has taken out of the buffer it draws. */
static enum cua_status wait_until_taken(struct display *display, struct cua_error *err)
{
	const uint64_t sent_us = display->keymap.sent_us;
	enum cua_status status = type_wait_until_read(display, err);
	if (status == CUA_OK) {
		struct rest rest = { .since_us = sent_us };
		status = wait_for_rest(display, &rest, err);
	}
	return status;
}

/* Finds keys for as many characters as spare keys allow, at most a chunk and to where one would
 * overtake those before it. */
static int prepare_chunk(struct display *display, const char **at, const char *end,
		struct display_layout_key keys[CHUNK_CHARS], bool *ret_overtaken)
{
	bool any_bound = false;
	int count = 0;
	*ret_overtaken = false;
	while (!*ret_overtaken && count < CHUNK_CHARS && *at < end) {
		const char *after = *at;
		bool bound = false;
		const uint32_t code = next_character(&after, end);
		const KeySym keysym = keysym_of(code);
		if (!keymap_find(display, keysym, &keys[count], &bound)) {
			break;
		}
		any_bound = any_bound || bound;
		count++;
		*at = after;
		*ret_overtaken = would_overtake(after, end, code);
	}
	if (any_bound) {
		display_sync(display);
	}
	return count;
}

static void send_chunk(struct display *display, const struct display_layout_key *keys, int count)
{
	const KeyCode shift = display->keymap.shift_keycode;
	bool shifted = false;
	display->keymap.sent_us = cua_now_us();
	for (int i = 0; i < count; i++) {
		if (keys[i].shift != shifted) {
			shifted = keys[i].shift;
			input_key(display, shift, shifted);
		}
		input_key(display, keys[i].keycode, true);
		input_key(display, keys[i].keycode, false);
	}
	if (shifted) {
		input_key(display, shift, false);
	}
	XFlush(display->xlib);
}

static enum cua_status type_all(struct display *display, const char *text, struct cua_error *err)
{
	const char *at = text, *end = text + strlen(text);
	struct display_layout_key keys[CHUNK_CHARS];
	const bool buffers = has_input_buffer(display);
	enum cua_status status = CUA_OK;
	while (status == CUA_OK && at < end) {
		bool overtaken = false;
		const int count = prepare_chunk(display, &at, end, keys, &overtaken);
		if (count == 0 && !keymap_has_unread(display)) {
			return CUA_FAIL(err, CUA_ERR_X11, 0,
					"the keyboard layout has no key left for other characters");
		}
		if (count == 0) {
			status = type_wait_until_read(display, err);
			continue;
		}
		send_chunk(display, keys, count);
		display_handle_events(display);
		if (display->people.link_fd >= 0) {
			people_read(display);
		}
		status = display_ok(display, err);
		if (status == CUA_OK && overtaken && buffers) {
			status = wait_until_taken(display, err);
		}
	}
	return status == CUA_OK ? type_wait_until_read(display, err) : status;
}

enum cua_status type_text(struct display *display, const char *text, struct cua_error *err)
{
	enum cua_status status = type_check(text, err);
	if (status != CUA_OK || !text[0]) {
		return status;
	}
	XkbStateRec state = { 0 };
	XkbGetState(display->xlib, XkbUseCoreKbd, &state);
	display->caps_unlocked = (state.locked_mods & LockMask) != 0;
	if (display->caps_unlocked) {
		XkbLockModifiers(display->xlib, XkbUseCoreKbd, LockMask, 0);
	}
	keymap_refresh(display);
	status = type_wait_until_read(display, err); /* nothing of before may meet a changed key */
	if (status == CUA_OK) {
		status = type_all(display, text, err);
	}
	if (!display->people.holds) {
		type_restore_caps(display);
	}
	return status;
}

void type_restore_caps(struct display *display)
{
	if (display->caps_unlocked && !display->dead) {
		XkbLockModifiers(display->xlib, XkbUseCoreKbd, LockMask, LockMask);
		XFlush(display->xlib);
	}
	display->caps_unlocked = false;
}
