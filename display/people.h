#ifndef CUA_DISPLAY_PEOPLE_H
#define CUA_DISPLAY_PEOPLE_H

/* People at viewers, and who of them has the desktop. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "display/control.h"
#include "display/display.h"
#include "display/input.h"
#include "display/vnc/vnc_link.h"

struct display;

/* Somebody at a viewer. */
struct people_viewer {
	bool is_there;
	enum vnc_mode mode;
	struct control_person person;
};

#define PEOPLE_RECTS_MAX 256
#define PEOPLE_KEYS_MAX 32

struct display_people {
	int link_fd; /* -1: no vnc process */
	bool sending;
	struct cua_region rects[PEOPLE_RECTS_MAX]; /* drawn on, not yet sent */
	int rect_count;
	struct display_layout_key down[PEOPLE_KEYS_MAX]; /* keys that people hold */
	int down_count;
	char cut_text[VNC_LINK_TEXT_MAX + 1];
	bool cut_text_new;
	/* By slot: who may act and is ready for text; whom the clipboard is still to be offered. */
	uint32_t ready, owed;
	bool text_unsent; /* the link was full */
	uint32_t viewers, controllers;
	struct people_viewer at[VNC_LINK_VIEWERS_MAX];
	unsigned int keys, clicks; /* what the person did this time */
	uint32_t buttons;          /* RFB mask as last seen */
	bool private_changed;      /* who sees the screen in private: tell */
	bool private_sent;         /* somebody does, as was told last */
	bool full_damage;          /* the link was full: everything is new */
	bool pointer_moved;        /* tell the viewers */
	bool cursor_changed;
	display_people_fn on_people;
	void *user_data;
};

#define TAKEOVER_NOTE_MAX 12288

/* Who has the input, and what is to be said of it; takeover.c. */
struct display_takeover {
	struct control control;
	unsigned int count;         /* of take-overs */
	unsigned int acting_count;  /* the same when the action under way began */
	bool serves;                /* an answer for a caller is being made */
	bool injects;               /* input is a person's, or lets go of what is down */
	bool is_unsettled;          /* private, or not any more: the veil is to follow */
	bool is_unseen;             /* taken over, and not looked at since */
	struct takeover_seen *seen; /* owned; the desktop as it was taken over; NULL: not known */
	char said[CONTROL_NOTE_MAX + 1];  /* by the person, for the model */
	char note[TAKEOVER_NOTE_MAX + 1]; /* for the model, until it is told; "": nothing */
};

/* takeover.c */

/* A press of a person: true if it may go to the desktop. */
bool takeover_by_input(struct display *display, const struct people_viewer *viewer);
/* Somebody gives back by a key. */
void takeover_give(struct display *display, const struct control_person *person);
/* Viewers have come or gone. */
void takeover_follow_viewers(struct display *display);
/* What time has ended is over; how long to sleep at most until the next, -1 for ever. */
int takeover_expire(struct display *display);
/* CUA_ERR_PERSON if the action or the answer under way is not to go on. */
CUA_NODISCARD enum cua_status takeover_check(const struct display *display, struct cua_error *err);
/* What the former host has written down. */
void takeover_load(struct display *display);
void takeover_finish(struct display *display);

/* takeover_note.c: what a person has changed */
struct takeover_seen *takeover_look(struct display *display);
void takeover_seen_destroy(struct takeover_seen *seen);
/* In words, behind a "; ": "" if nothing. seen may be NULL. */
void takeover_tell_changes(struct display *display, const struct takeover_seen *seen,
		bool is_private, char *text, size_t size);

/* people.c: the host's end of the link to vnc */
/* Everything that people hold is up. */
void people_forget_held(struct display *display);
/* Viewers of this person are there. */
bool people_has(const struct display *display, const struct control_person *person);
void people_finish(struct display *display);
/* Reads what viewers sent; called when the link is readable. */
void people_read(struct display *display);
/* Sends what changed on the screen to the viewers. */
void people_send(struct display *display);
void people_resized(struct display *display);
/* To these viewers, by slot; not if it came from a viewer: that is another's, and stays on the
 * desktop. is_private: those alone who see the private screen. */
void people_send_cut_text(struct display *display, const char *text, size_t len, bool is_private,
		uint32_t viewers);
/* By slot: the viewers of the person who has the desktop. */
uint32_t people_of_owner(const struct display *display);
/* Those of that person see the private screen, as the vnc process was told. */
bool people_show_private(const struct display *display);
/* The link was full and something is waiting for room in it. */
bool people_wants_to_send(const struct display *display);
void people_damaged(struct display *display, const struct cua_region *area);

#endif
