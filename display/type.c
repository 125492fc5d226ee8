#include <string.h>

#include <xkbcommon/xkbcommon.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"
#include "display/load.h"
#include "display/type_office.h"

/* Keys sent before looking up. */
#define CHUNK_KEYS 48
/* Keys sent before waiting until the window has read them. */
#define BATCH_KEYS 192
#define READ_TIMEOUT_MS 20000
/* An application that has nothing else to do sleeps again after so long at the latest. */
#define NOTICED_TIMEOUT_MS 100
/* How long applications may compute for what they were given, and how often to look. */
#define IDLE_TIMEOUT_MS 10000
#define IDLE_STEP_US 7000U
#define FEW_CHARACTERS 8
/* How long the application may take to handle one batch; it sleeps again, or draws at last. One
 * that has computed for so long, on however busy a machine, does not sleep. */
#define HANDLED_TIMEOUT_MS 30000
#define HANDLED_STEP_MS 50
#define RESTLESS_US 2000000U
/* An application with something to draw has drawn it. */
#define FRAME_TIMEOUT_MS 100
/* For windows that answer no pings and whose process is not known: rest of the screen stands for
 * having read. */
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

static enum cua_status fail_unread(struct cua_error *err)
{
	return CUA_FAIL(err, CUA_ERR_APP, 0,
			"the application does not read its input: no answer for %d s",
			READ_TIMEOUT_MS / 1000);
}

/* A process that neither sleeps nor runs is stopped, or gets no processor: it reads nothing. */
static enum cua_status wait_unasked(struct display *display, struct cua_error *err)
{
	struct rest rest = { .since_us = display->keymap.sent_us };
	const uint64_t deadline_us = cua_now_us() + READ_TIMEOUT_MS * 1000ULL;
	bool asleep = false, still = true;
	enum cua_status status = CUA_OK;
	while (status == CUA_OK && still) {
		const unsigned long long switches = process_switches(display);
		if (cua_now_us() >= deadline_us) {
			return fail_unread(err);
		}
		status = process_wait_asleep(display, UNASKED_TIMEOUT_MS, &asleep, err);
		still = !asleep && switches > 0 && process_switches(display) == switches;
	}
	/* Asleep may also mean that it waits for somebody in the middle of its work. */
	return status == CUA_OK ? wait_for_rest(display, &rest, err) : status;
}

enum cua_status type_wait_until_read(struct display *display, struct cua_error *err)
{
	bool asked = false, answered = false;
	enum cua_status status = window_ping(display, READ_TIMEOUT_MS, &asked, &answered, err);
	if (status != CUA_OK) {
		return status;
	}
	if (asked && !answered) {
		return fail_unread(err);
	}
	if (!display_is_delivered(display)) {
		status = display_wait_delivered(display, err);
	}
	if (status == CUA_OK && !asked && keymap_has_unread(display)) {
		status = wait_unasked(display, err);
	}
	if (status == CUA_OK) {
		keymap_all_read(display);
	}
	return status;
}

enum cua_status type_wait_until_noticed(struct display *display, struct cua_error *err)
{
	bool asked = false, answered = false, asleep = false;
	enum cua_status status = window_ping(display, READ_TIMEOUT_MS, &asked, &answered, err);
	if (status == CUA_OK) {
		status = process_wait_asleep(display, NOTICED_TIMEOUT_MS, &asleep, err);
	}
	if (status == CUA_OK && !asleep) {
		status = window_ping(display, READ_TIMEOUT_MS, &asked, &answered, err);
	}
	return status == CUA_OK && asked && !answered ? fail_unread(err) : status;
}

struct typing {
	const char *at, *end;
	struct display_layout_key keys[BATCH_KEYS];
	int count, characters; /* keys; characters that they write */
	size_t sent, read;     /* characters of the text; the window has read those before read */
	bool waits;            /* the batch ends with a key that has to be waited for */
	bool keys_ran_out;     /* or because all keys are in use */
	struct type_office office;
	bool answers;  /* the window: see window_ping() */
	bool handles;  /* see wait_until_handled() */
	bool restless; /* the application does not sleep: what it draws has to do */
	bool pace;     /* wait until nobody computes */
};

/* A character and what may have to be pressed after it, or neither of them. */
static bool prepare_character(struct display *display, struct typing *typing)
{
	const char *after = typing->at;
	const uint32_t code = next_character(&after, typing->end);
	const KeySym flush = type_office_flush(&typing->office, code, after, typing->end);
	struct display_layout_key *keys = &typing->keys[typing->count];
	if (!keymap_find(display, keysym_of(code), &keys[0]) ||
			(flush != NoSymbol && !keymap_find(display, flush, &keys[1]))) {
		return false;
	}
	typing->count += flush != NoSymbol ? 2 : 1;
	typing->characters++;
	typing->at = after;
	typing->waits = after < typing->end && type_office_waits(&typing->office, code);
	return true;
}

/* Finds keys for as many characters as spare keys allow, at most a batch and to where the window
 * has to be waited for. */
static void prepare_batch(struct display *display, struct typing *typing)
{
	typing->count = typing->characters = 0;
	typing->waits = typing->keys_ran_out = false;
	while (!typing->waits && !typing->keys_ran_out && typing->count + 1 < BATCH_KEYS &&
			typing->at < typing->end) {
		typing->keys_ran_out = !prepare_character(display, typing);
	}
}

static void send_keys(struct display *display, const struct display_layout_key *keys, int count)
{
	const KeyCode shift = display->keymap.shift_keycode;
	bool shifted = false;
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

/* Keys of a secret go to the window that may have it: while the server listens to nobody else, the
 * focus stays where it is. */
static bool send_guarded(struct display *display, const struct display_layout_key *keys, int count)
{
	Window focus = None;
	int revert = 0;
	XGrabServer(display->xlib);
	XGetInputFocus(display->xlib, &focus, &revert);
	const bool is_there = focus == display->secret.typing_focus;
	if (is_there) {
		send_keys(display, keys, count);
	}
	XUngrabServer(display->xlib);
	XFlush(display->xlib);
	return is_there;
}

/* Looks up now and then: at whoever took the input, at a caller who left. */
static enum cua_status send_batch(
		struct display *display, const struct typing *typing, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	display->keymap.sent_us = cua_now_us();
	for (int i = 0; i < typing->count && status == CUA_OK; i += CHUNK_KEYS) {
		const int left = typing->count - i;
		const int count = left < CHUNK_KEYS ? left : CHUNK_KEYS;
		if (display->secret.typing_focus == None) {
			send_keys(display, &typing->keys[i], count);
		} else if (!send_guarded(display, &typing->keys[i], count)) {
			return CUA_FAIL(err, CUA_ERR_POLICY, 0, "the focus has moved");
		}
		display_handle_events(display);
		if (display->people.link_fd >= 0) {
			people_read(display);
		}
		status = display_ok(display, err);
	}
	return status;
}

/* Keys that were on their way while the layout changed have written who knows what. */
static enum cua_status check_layout(
		struct display *display, const struct typing *typing, struct cua_error *err)
{
	if (!keymap_follow(display)) {
		return CUA_OK;
	}
	/* A server that ends while the layout is read has none. */
	enum cua_status status = display_ok(display, err);
	if (status != CUA_OK) {
		return status;
	}
	return CUA_FAIL(err, CUA_ERR_APP, 0,
			"another program changed the keyboard layout while the text was typed: the "
			"last %d characters may be wrong",
			typing->characters);
}

static enum cua_status wait_until_drawn(struct display *display, uint64_t since_us, int timeout_ms,
		bool *ret_drawn, struct cua_error *err)
{
	struct rest rest = { .since_us = since_us };
	enum cua_status status = display_wait(display, cua_now_us() + (uint64_t)timeout_ms * 1000U,
			has_drawn, &rest, err);
	*ret_drawn = status == CUA_OK;
	return status == CUA_ERR_TIMEOUT ? CUA_OK : status;
}

/* A frame drawn after the answer to a ping tells that all keys before it are handled: the main
 * loop of GTK draws when no event is left. */
static enum cua_status wait_until_shown(struct display *display, struct cua_error *err)
{
	bool drawn = false;
	return wait_until_drawn(display, cua_now_us(), FRAME_TIMEOUT_MS, &drawn, err);
}

/* GTK answers pings when it reads them, and keeps the keys read before for later. Whoever is slow -
 * Writer has just opened a file, others compute as well - gets behind from batch to batch, draws
 * nothing until all is done and seems deaf to everything else, for minutes. Asleep, it has no key
 * left; so it has if it draws after the answer. */
static enum cua_status wait_until_handled(
		struct display *display, struct typing *typing, struct cua_error *err)
{
	const uint64_t since_us = cua_now_us(), used_us = process_used_us(display);
	enum cua_status status = CUA_OK;
	bool handled = !process_is_known(display);
	while (status == CUA_OK && !handled && typing->handles) {
		status = process_wait_asleep(display, HANDLED_STEP_MS, &handled, err);
		const uint64_t waited_us = cua_now_us() - since_us;
		if (!handled && display->damage.last_us > since_us) {
			typing->restless = typing->restless ||
					process_used_us(display) - used_us > RESTLESS_US;
			handled = typing->restless;
		}
		handled = handled || !process_is_known(display);
		typing->handles = handled || waited_us < HANDLED_TIMEOUT_MS * 1000U;
	}
	return status;
}

enum cua_status type_wait_until_idle(struct display *display, bool *ret_idle, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + IDLE_TIMEOUT_MS * 1000U;
	enum cua_status status = CUA_OK;
	*ret_idle = false;
	while (!*ret_idle && status == CUA_OK && cua_now_us() < deadline_us) {
		const uint64_t since_us = cua_now_us();
		status = display_wait(display, since_us + IDLE_STEP_US, NULL, NULL, err);
		status = status == CUA_ERR_TIMEOUT ? CUA_OK : status;
		load_sample(display->load);
		*ret_idle = load_busy_us(display->load) < since_us &&
				!load_is_running(display->load);
	}
	if (status == CUA_OK && !*ret_idle) {
		load_give_up(display->load);
	}
	return status;
}

static enum cua_status wait_after_batch(
		struct display *display, struct typing *typing, struct cua_error *err)
{
	/* Rest is dear: only when keys run out, and at the end. */
	if (!typing->answers && !typing->keys_ran_out && typing->at < typing->end) {
		return CUA_OK;
	}
	bool asleep = false;
	enum cua_status status = type_wait_until_read(display, err);
	if (status == CUA_OK) {
		typing->read = typing->sent;
	}
	if (status == CUA_OK && typing->answers) {
		status = wait_until_handled(display, typing, err);
	}
	if (status == CUA_OK && typing->waits) {
		status = process_wait_asleep(display, READ_TIMEOUT_MS, &asleep, err);
		if (status == CUA_OK && !asleep && process_is_known(display)) {
			status = CUA_FAIL(err, CUA_ERR_APP, 0,
					"the application has computed for %d s without a pause",
					READ_TIMEOUT_MS / 1000);
		}
	}
	if (status == CUA_OK && typing->waits) {
		status = wait_until_shown(display, err);
	}
	/* Chromium reads its input in one process and handles it in another, which does not draw
	 * while there is more: what is shown, and what a settled screenshot sees, would lag by half
	 * a minute. An application that always computes is not waited for twice. A few keys are
	 * drawn as one is. */
	return status == CUA_OK && typing->answers && typing->pace && typing->sent > FEW_CHARACTERS
			? type_wait_until_idle(display, &typing->pace, err)
			: status;
}

static enum cua_status type_batch(
		struct display *display, struct typing *typing, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	(void)keymap_follow(display);
	prepare_batch(display, typing);
	if (typing->count == 0 && keymap_has_unread(display)) {
		return type_wait_until_read(display, err);
	}
	if (typing->count == 0) {
		return CUA_FAIL(err, CUA_ERR_X11, 0,
				"the keyboard layout has no key left for other characters");
	}
	if (keymap_send(display)) {
		status = type_wait_until_noticed(display, err);
	}
	if (status == CUA_OK) {
		typing->sent += (size_t)typing->characters;
		status = send_batch(display, typing, err);
	}
	if (status == CUA_OK) {
		status = wait_after_batch(display, typing, err);
	}
	return status == CUA_OK ? check_layout(display, typing, err) : status;
}

static enum cua_status type_all(struct display *display, const char *text, struct cua_error *err)
{
	struct typing typing = {
		.at = text, .end = text + strlen(text), .handles = true, .pace = true
	};
	enum cua_status status = CUA_OK;
	type_office_look(display, &typing.office);
	typing.answers = window_is_pingable(display, window_active(display));
	while (status == CUA_OK && typing.at < typing.end) {
		status = type_batch(display, &typing, err);
	}
	if (status != CUA_OK) {
		cua_error_prefix(err, "%zu characters were read, %zu more were sent", typing.read,
				typing.sent - typing.read);
	}
	return status;
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
	status = type_wait_until_read(display, err); /* nothing of before may meet a changed key */
	if (status == CUA_OK) {
		status = type_all(display, text, err);
	}
	if (!display_person_has_input(display)) {
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
