#include "display/display_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cua/base/util.h"
#include "cua/contract/key.h"

#define FETCH_TIMEOUT_MS 5000
/* So many times in a row nobody computes and nobody asks for so long: the paste is over. */
#define QUIET_ROUNDS 3
#define QUIET_MS 25
/* How long an application may sleep before its first question. */
#define WAKE_MS 50

/* Terminals keep ctrl+v for the program in them. The old ones paste what is marked. */
struct paste {
	const char *class; /* NULL: all others */
	const char *chord[4];
	bool primary;
};

static const struct paste pastes[] = {
	{ "xterm", { "shift", "Insert" }, true },
	{ "uxterm", { "shift", "Insert" }, true },
	{ "urxvt", { "shift", "Insert" }, true },
	{ "gnome-terminal", { "ctrl", "shift", "v" }, false },
	{ "xfce4-terminal", { "ctrl", "shift", "v" }, false },
	{ "mate-terminal", { "ctrl", "shift", "v" }, false },
	{ "lxterminal", { "ctrl", "shift", "v" }, false },
	{ "konsole", { "ctrl", "shift", "v" }, false },
	{ "terminator", { "ctrl", "shift", "v" }, false },
	{ "tilix", { "ctrl", "shift", "v" }, false },
	{ "kitty", { "ctrl", "shift", "v" }, false },
	{ "alacritty", { "ctrl", "shift", "v" }, false },
	{ NULL, { "ctrl", "v" }, false },
};

static bool has_key(const struct cua_keys *keys, uint32_t wanted)
{
	for (int i = 0; i < keys->count; i++) {
		uint32_t keysym = 0;
		if (cua_key_parse(keys->names[i], true, &keysym, NULL) == CUA_OK &&
				keysym == wanted) {
			return true;
		}
	}
	return false;
}

static bool is_chord_of(const struct paste *paste, const struct cua_keys *keys)
{
	int count = 0;
	while (paste->chord[count]) {
		uint32_t keysym = 0;
		if (cua_key_parse(paste->chord[count++], true, &keysym, NULL) != CUA_OK ||
				!has_key(keys, keysym)) {
			return false;
		}
	}
	return count == keys->count;
}

void type_note_chord(struct display *display, const struct cua_keys *keys)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(pastes); i++) {
		if (is_chord_of(&pastes[i], keys)) {
			display->clipboard.chord_us = cua_now_us();
		}
	}
}

static const struct paste *find_paste(struct display *display)
{
	char class[128];
	const struct paste *paste = pastes;
	window_class(display, window_active(display), class, sizeof(class));
	while (paste->class && strncasecmp(class, paste->class, strlen(paste->class)) != 0) {
		paste++;
	}
	return paste;
}

static enum cua_status press(
		struct display *display, const struct cua_keys *keys, struct cua_error *err)
{
	struct input_chord chord;
	(void)keymap_follow(display);
	enum cua_status status = input_chord_press(display, keys, &chord, err);
	input_chord_release(display, &chord);
	return status;
}

/* Owns the text for the time of a paste. */
static enum cua_status offer(struct display *display, const char *text,
		enum cua_selection selection, struct cua_error *err)
{
	char *copy = strdup(text);
	if (!copy) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, 0, "text");
	}
	struct cua_action set = {
		.type = CUA_ACTION_CLIPBOARD_SET, .text = copy, .selection = selection
	};
	enum cua_status status = clipboard_act_set(display, &set, err);
	cua_action_finish(&set);
	return status;
}

/* Chromium may fall asleep between two questions of one paste: until an event comes, or for half a
 * second. It sleeps then as if it were done. The ping is an event. */
static enum cua_status wake(struct display *display, uint64_t deadline_us, struct cua_error *err)
{
	bool asked = false, answered = false;
	return window_ping(display, cua_ms_until(deadline_us), &asked, &answered, err);
}

static enum cua_status wait_until_fetched(
		struct display *display, unsigned int before, struct cua_error *err)
{
	const unsigned int *served = &display->clipboard.served;
	const uint64_t deadline_us = cua_now_us() + FETCH_TIMEOUT_MS * 1000ULL;
	enum cua_status status = clipboard_wait_count(display, served, before, WAKE_MS, err);
	while (status == CUA_ERR_TIMEOUT && cua_now_us() < deadline_us) {
		status = wake(display, deadline_us, err);
		if (status == CUA_OK) {
			status = clipboard_wait_count(display, served, before, WAKE_MS, err);
		}
	}
	return status;
}

/* Who pastes may ask more than once, and from another process than the one that reads the keys:
 * Chromium, for one, pastes nothing when the clipboard changes in between. */
static enum cua_status wait_until_nobody_asks(struct display *display, struct cua_error *err)
{
	const unsigned int *asked = &display->clipboard.asked;
	const uint64_t deadline_us = cua_now_us() + FETCH_TIMEOUT_MS * 1000ULL;
	enum cua_status status = CUA_OK;
	int quiet = 0;
	while (status == CUA_OK && quiet < QUIET_ROUNDS && cua_now_us() < deadline_us) {
		const unsigned int before = *asked;
		bool idle = false;
		status = type_wait_until_idle(display, &idle, err);
		if (status == CUA_OK) {
			status = wake(display, deadline_us, err);
		}
		if (status == CUA_OK) {
			status = clipboard_wait_count(display, asked, before, QUIET_MS, err);
		}
		quiet = status == CUA_ERR_TIMEOUT ? quiet + 1 : 0;
		status = status == CUA_ERR_TIMEOUT ? CUA_OK : status;
	}
	return status;
}

/* Whoever may be pasting gets all of what is on the clipboard now. */
enum cua_status type_await_chord(struct display *display, struct cua_error *err)
{
	const uint64_t chord_us = display->clipboard.chord_us;
	display->clipboard.chord_us = 0;
	return chord_us > 0 && cua_now_us() < chord_us + FETCH_TIMEOUT_MS * 1000ULL
			? wait_until_nobody_asks(display, err)
			: CUA_OK;
}

static enum cua_status wait_until_pasted(struct display *display, struct cua_error *err)
{
	enum cua_status status = type_wait_until_read(display, err);
	return status == CUA_OK ? wait_until_nobody_asks(display, err) : status;
}

static enum cua_status paste_offered(
		struct display *display, const struct cua_keys *keys, struct cua_error *err)
{
	const unsigned int served = display->clipboard.served;
	enum cua_status status = press(display, keys, err);
	if (status == CUA_OK) {
		status = wait_until_fetched(display, served, err);
	}
	if (status == CUA_ERR_TIMEOUT) {
		return CUA_FAIL(err, CUA_ERR_APP, 0,
				"the application did not take the clipboard within %d s of %s%s%s; "
				"keys names the chord with which it pastes",
				FETCH_TIMEOUT_MS / 1000, keys->names[0], keys->count > 1 ? "+" : "",
				keys->count > 1 ? keys->names[1] : "");
	}
	return status == CUA_OK ? wait_until_pasted(display, err) : status;
}

enum cua_status type_paste(
		struct display *display, const struct cua_action *action, struct cua_error *err)
{
	const struct paste *paste = find_paste(display);
	const bool primary = paste->primary && action->keys.count == 0;
	const enum cua_selection selection =
			primary ? CUA_SELECTION_PRIMARY : CUA_SELECTION_CLIPBOARD;
	struct clipboard_content *before = NULL;
	struct cua_keys keys = action->keys;
	for (size_t i = 0; action->keys.count == 0 && paste->chord[i]; i++) {
		snprintf(keys.names[keys.count++], sizeof(keys.names[0]), "%s", paste->chord[i]);
	}
	enum cua_status status = type_check(action->text, err);
	if (status != CUA_OK || !action->text[0]) {
		return status;
	}
	status = clipboard_save(display, selection, &before, err);
	if (status == CUA_OK) {
		status = offer(display, action->text, selection, err);
	}
	if (status == CUA_OK) {
		status = paste_offered(display, &keys, err);
	}
	if (before) {
		enum cua_status restored = clipboard_restore(
				display, selection, before, status == CUA_OK ? err : NULL);
		status = status == CUA_OK ? restored : status;
	}
	return status;
}
