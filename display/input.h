#ifndef CUA_DISPLAY_INPUT_H
#define CUA_DISPLAY_INPUT_H

/* What goes to applications: keys, buttons, motion and text. */

#include <stdbool.h>
#include <stdint.h>

#include <X11/XKBlib.h>
#include <X11/Xlib.h>

#include "cua/contract/action.h"

struct display;

#define KEYCODE_MAX 255

/* A character of the layout: a key, perhaps with Shift. */
struct display_layout_key {
	KeySym keysym;
	KeyCode keycode;
	bool shift;
	uint32_t code; /* code point; 0: writes nothing */
};

/* Changes of the map of our own, of which the server tells us later. */
#define KEYMAP_OWN_MAX 16

struct display_keymap {
	XkbDescPtr xkb;
	struct display_layout_key keys[2 * (KEYCODE_MAX + 1)];
	int key_count;
	/* By keycode: keys that no layout needs, and which take characters that the layout lacks.
	 */
	bool spare[KEYCODE_MAX + 1];
	KeySym bound[KEYCODE_MAX + 1];     /* NoSymbol: free */
	uint64_t used_at[KEYCODE_MAX + 1]; /* age for reuse */
	uint64_t clock;                    /* counts uses */
	uint64_t read_before; /* uses up to here have been read by the window: may be rebound */
	uint64_t sent_us;     /* when characters were typed last */
	KeyCode shift_keycode;
	KeyCode first_unsent, last_unsent; /* bound here, not yet at the server; 0: none */
	struct {
		unsigned long request; /* its number */
		int first, count;
	} own[KEYMAP_OWN_MAX];
	int own_next;
	int event_base;
	bool stale; /* somebody else changed the map or its group */
};

enum input_device { INPUT_KEYBOARD, INPUT_POINTER, INPUT_DEVICES };

/* Input that the server has not passed on yet; see delivered.c. */
struct display_sent {
	int opcode; /* of the extension whose events tell */
	struct sent_device {
		int held;          /* sent, and not passed on as far as we know */
		uint64_t since_us; /* since when there is any */
		bool used;         /* by an action, since display_begin() */
	} devices[INPUT_DEVICES];
};

/* keymap.c */
CUA_NODISCARD enum cua_status keymap_init(struct display *display, struct cua_error *err);
void keymap_finish(struct display *display);
/* Reads the layout anew if somebody else changed it; before each action that presses keys. True if
 * characters are now on other keys. */
bool keymap_follow(struct display *display);
/* True if the event was about the keyboard. */
bool keymap_event(struct display *display, XEvent *event);
/* The key of a keysym; a spare key if the layout has none. False if all spare keys may still be
 * unread: wait for the window, call keymap_all_read(), and ask again. */
bool keymap_find(struct display *display, KeySym keysym, struct display_layout_key *ret_key);
/* So it is, but a key of the layout that needs Shift will not do. */
bool keymap_find_unshifted(
		struct display *display, KeySym keysym, struct display_layout_key *ret_key);
/* It writes or does something again when it is held, as a modifier does not. */
bool keymap_repeats(const struct display *display, KeyCode keycode);
/* What keymap_find() put on spare keys goes to the server. True if there was any: see
 * type_wait_until_noticed(). */
bool keymap_send(struct display *display);
void keymap_all_read(struct display *display);
/* A spare key was used since then. */
bool keymap_has_unread(const struct display *display);

/* delivered.c */
CUA_NODISCARD enum cua_status delivered_init(struct display *display, struct cua_error *err);
void delivered_begin(struct display *display);
/* A press or release of a button, a motion, the release of a key went to the server. */
void delivered_sent(struct display *display, enum input_device device);
/* True if the event was about that. */
bool delivered_event(struct display *display, const XEvent *event);

/* input.c */
void input_key(struct display *display, KeyCode keycode, bool down);
void input_button(struct display *display, int button, bool down);
void input_motion(struct display *display, int x, int y);
/* Presses the keys of a chord in order, with Shift where a character needs it; on failure all
 * are up again. down counts what input_chord_release() has to release. */
struct input_chord {
	KeyCode keycodes[CUA_ACTION_KEYS_MAX + 1];
	int count;
};
CUA_NODISCARD enum cua_status input_chord_press(struct display *display,
		const struct cua_keys *keys, struct input_chord *chord, struct cua_error *err);
void input_chord_release(struct display *display, struct input_chord *chord);
/* Whether the server repeats a key that is held. */
void input_repeat(struct display *display, bool by_server);
/* Everything up that was recorded as pressed, by whomever. */
void input_release_held(struct display *display);
/* Every key and button of the server up, whoever pressed it. */
void input_release_all(struct display *display);
CUA_NODISCARD enum cua_status input_mouse(
		struct display *display, const struct cua_action *action, struct cua_error *err);
CUA_NODISCARD enum cua_status input_keys(
		struct display *display, const struct cua_action *action, struct cua_error *err);

/* type.c */
CUA_NODISCARD enum cua_status type_text(
		struct display *display, const char *text, struct cua_error *err);
/* Puts the text on the clipboard, pastes it with the chord action->keys, or with the one that the
 * window is known for, and puts back what the clipboard held. */
CUA_NODISCARD enum cua_status type_paste(
		struct display *display, const struct cua_action *action, struct cua_error *err);
/* An action has pressed these keys: it may be a paste. */
void type_note_chord(struct display *display, const struct cua_keys *keys);
/* Before the clipboard changes: if a chord that pastes was pressed within the last seconds, until
 * nobody asks for the clipboard any more. Bounded; an application that does not answer is no error.
 */
CUA_NODISCARD enum cua_status type_await_chord(struct display *display, struct cua_error *err);
/* Returns when the window has read every event so far: keys may then change their meaning. */
CUA_NODISCARD enum cua_status type_wait_until_read(struct display *display, struct cua_error *err);
/* Returns when nobody on the desktop computes any more, or after 10 s: then *ret_idle is false, as
 * it is at once where somebody computed before the input already. */
CUA_NODISCARD enum cua_status type_wait_until_idle(
		struct display *display, bool *ret_idle, struct cua_error *err);
/* As type_wait_until_read() for a change of the keyboard map, before the keys are pressed. Chromium
 * has two connections to the X server, and looks up on one what it reads from the other. */
CUA_NODISCARD enum cua_status type_wait_until_noticed(
		struct display *display, struct cua_error *err);
/* Caps Lock as it was before a typing that a person ended. */
void type_restore_caps(struct display *display);
/* Names the first character that cannot be typed. */
CUA_NODISCARD enum cua_status type_check(const char *text, struct cua_error *err);

#endif
