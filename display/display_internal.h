#ifndef CUA_DISPLAY_DISPLAY_INTERNAL_H
#define CUA_DISPLAY_DISPLAY_INTERNAL_H

/* What the files of display/ share about one display. */

#include <stdatomic.h>
#include <sys/queue.h>

#include <X11/XKBlib.h>
#include <X11/Xatom.h>
#include <X11/Xlib-xcb.h>
#include <X11/Xlib.h>
#include <X11/extensions/Xdamage.h>
#include <X11/extensions/Xfixes.h>
#include <X11/keysym.h>
#include <xcb/shm.h>

#include "display/activity.h"
#include "display/clipboard.h"
#include "display/control.h"
#include "display/desktop_end.h"
#include "display/display.h"
#include "display/element_list.h"
#include "display/element_refs.h"
#include "display/habit.h"
#include "display/load.h"
#include "display/news.h"
#include "display/secret.h"
#include "display/vnc/vnc_link.h"

/* Rows that are read, and later deflated, together. */
#define FRAME_BAND_ROWS PICTURE_BAND_ROWS
#define FRAME_BANDS_MAX (32768 / FRAME_BAND_ROWS)
/* Changed rectangles that a request reports one by one; more are merged. */
#define CHANGED_RECTS_MAX 32
#define WINDOWS_MAX 1024

struct display_atoms {
	Atom net_active_window, net_client_list, net_wm_ping, net_wm_name, net_wm_pid, net_wm_state,
			net_wm_state_hidden, net_wm_state_maximized_vert,
			net_wm_state_maximized_horz, net_wm_window_type, net_wm_window_type_normal,
			net_wm_window_type_dialog, net_close_window, net_request_frame_extents,
			net_frame_extents, wm_protocols, utf8_string, clipboard, targets, timestamp,
			text, incr, text_plain_utf8, cua_selection, multiple, atom_pair,
			save_targets, delete_selection, text_plain, text_html, image_png,
			text_uri_list, gnome_copied_files, net_wm_state_fullscreen,
			net_moveresize_window, net_wm_desktop, net_supporting_wm_check,
			wm_change_state, xsettings_owner, xsettings;
};

/* The screen as last read, in memory shared with the X server and, read-only, with vnc. */
struct display_frame {
	int memfd;
	size_t len;
	uint8_t *pixels; /* B8G8R8X8, stride 4 * width */
	xcb_shm_seg_t segment;
	bool dirty[FRAME_BANDS_MAX]; /* drawn on since it was read */
	bool any_dirty;
	uint64_t serial; /* counts reads that followed drawing; part of the ETag */
	uint64_t band_serial[FRAME_BANDS_MAX]; /* of the read that a band is from */
	bool is_for_picture; /* a whole PNG at level fast is to be made of what is read */
};

/* The pointer as it was drawn last: what tells one picture of it from another. */
struct display_cursor {
	int x, y;
	unsigned long shape;
	uint64_t version; /* counts changes */
};

/* What is shown in the place of the screen. */
struct display_veil {
	bool is_on;
	unsigned int reasons;       /* of enum veil_reason */
	struct display_frame shown; /* owned while it is on: the memory that viewers have */
};

struct display_damage {
	Damage handle;
	int event_base;
	uint64_t last_us; /* 0: nothing drawn yet */
	uint64_t count;   /* rectangles seen */
};

/* Since display_begin(). */
struct display_changes {
	unsigned long first_request; /* the X server's number of what was sent since then */
	uint64_t change_count;       /* activity_changes() when the last input action began */
	uint32_t kind;               /* habit_kind() of that action */
	struct cua_region rects[CHANGED_RECTS_MAX];
	int rect_count;
	Window windows[WINDOWS_MAX]; /* that existed already */
	int window_count;
	uint64_t input_end_us;
};

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

/* The process of the window that was asked about last; pid 0: not known. */
struct display_client {
	Window window;
	pid_t pid;
};

#define READING_CACHE_MAX 4

/* What text recognition said of a picture. */
struct reading_words {
	uint64_t key; /* checksum of the pixels */
	struct cua_region region;
	uint64_t used_us; /* 0: empty */
	struct word_list list;
};

#define SHOT_MARKS_MAX 300

struct shot_mark {
	unsigned int number;
	struct cua_region box;
};

/* What the next picture with marks shows. */
struct shot_marks {
	struct shot_mark items[SHOT_MARKS_MAX];
	int count;
};

/* The reader process (reader/reader.h); display/reader_client.c. */
struct display_reader {
	int fd;         /* -1: not running */
	int session_fd; /* closing it ends the process */
};

struct display_ping {
	uint32_t serial, answered;
	Window window;
};

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
	/* The link was full when the clipboard was offered: to all, to who had come. */
	bool text_unsent, newcomers_unsent;
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

/* After a settled picture: does the screen change nevertheless? */
struct display_watch {
	uint32_t key;      /* habit_key(); 0: nothing is watched */
	bool waited;       /* for what might come: its absence is an observation */
	uint64_t input_us; /* the end of the input */
	uint64_t until_us;
	uint64_t changes;
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

/* Of the thread that watches the display's. */
struct display_silence {
	pid_t server;      /* the X server's, as we see it; 0: not known */
	uint64_t since_us; /* display.busy_since_us at the last look */
	uint64_t bytes;    /* read from the connection by then */
	uint64_t silent_us, delay_us;
};

struct display_streams {
	LIST_HEAD(, display_stream) list;
	int count;
	int wake_fd; /* -1: none */
	bool sending;
};

struct display_news_state {
	display_news_fn on_news; /* NULL: nobody wants to know */
	void *user_data;
	unsigned int pending; /* not told yet */
};

struct display_window_cache {
	bool is_current; /* no event has told of a change since it was asked for */
	bool is_asked;   /* the answers have not been taken yet */
	xcb_get_property_cookie_t list_asked, active_asked;
	Window windows[WINDOWS_MAX]; /* the uppermost, from below to above */
	int count;
	Window active;      /* its events come as long as it stays the active one */
	cJSON *description; /* owned; of active; NULL: to be asked for */
};

#define FLOOD_CLIENTS_MAX 32
#define FLOOD_SLOWED_MAX 8

/* See flood.h. */
struct display_flood {
	bool samples;
	XID resource_mask; /* of a resource in the numbers of its client */
	int count;
	struct display_flood_client {
		XID base;
		Window subject; /* of the last event */
		unsigned int events;
	} clients[FLOOD_CLIENTS_MAX];
	/* Changed properties of the root window, counted all the time. */
	unsigned int root_events, root_events_before; /* in this period, and in the last */
	uint64_t root_since_us;                       /* the beginning of this one */
	unsigned int flooded_periods;                 /* so many in a row before this one */
	uint64_t search_again_us;       /* not before this time, after a search in vain */
	pid_t slowed[FLOOD_SLOWED_MAX]; /* inside the sandbox; the first is so for longest */
	int slowed_count;
	uint64_t slowed_until_us;
};

struct display {
	Display *xlib;
	xcb_connection_t *xcb;
	Window root, helper; /* helper: ours, never mapped; owns selections */
	int width_px, height_px;
	struct cua_scale scale; /* of coordinates in texts; width 0: pixels of the screen */
	bool dead;
	char end[DESKTOP_END_SIZE]; /* why; "" before somebody has asked */
	struct desktop_record record;
	struct display_atoms atoms;
	struct display_frame frame;
	struct display_cursor cursor;
	struct picture_encoder *encoder; /* owned */
	struct display_damage damage;
	struct display_changes changes;
	struct display_keymap keymap;
	struct display_ping ping;
	struct display_client client;
	struct display_clipboard clipboard;
	struct display_people people;
	struct display_takeover takeover;
	struct activity *activity;
	struct load *load;
	struct habits *habits;
	struct display_watch watch;
	int xfixes_event_base;
	/* Pressed by an agent and not yet released. */
	bool key_down[KEYCODE_MAX + 1];
	uint32_t buttons_down; /* bit n: X button n */
	struct display_sent sent;
	/* When an agent last pressed a button, and the time before; 0: never. */
	uint64_t pressed_us, pressed_before_us;
	bool acting; /* an agent's input runs: the lease is asked while it waits */
	display_check_fn check;
	void *check_data;
	int check_fd;
	int wait_fd; /* what a wait looks at besides; -1: nothing */
	short wait_events;
	struct display_reader reader;
	struct element_refs refs;
	struct reading_words words[READING_CACHE_MAX];
	struct shot_marks marks;
	_Atomic uint64_t busy_since_us; /* 0 while in poll(); read by the thread that watches */
	struct display_silence silence;
	struct display_window_cache window_cache;
	struct display_flood flood;
	struct display_manager {
		bool is_new; /* another one has announced itself */
		uint64_t followed_us;
	} manager;
	struct display_streams streams;
	struct display_news_state news;
	uint64_t properties; /* changes of windows' properties seen */
	bool active_changed; /* or the list of windows, since it was last looked at */
	bool resized;        /* the root window has another size than the frame */
	int new_width_px, new_height_px;
	bool caps_unlocked;       /* for a typing; to be locked again */
	unsigned int frame_epoch; /* random; part of every ETag */
	struct display_veil veil;
	struct display_secret_state secret;
};

/* stream.c */
void streams_damaged(struct display *display, const struct cua_region *area);
/* Sends what has changed to those who are ready for it. */
void streams_send(struct display *display);

/* news.c */
void news_damaged(struct display *display, const struct cua_region *area);
void news_event(struct display *display, const XEvent *event);
void news_tell(struct display *display);

/* window_cache.c */
void window_cache_finish(struct display *display);
void window_cache_event(struct display *display, const XEvent *event);
/* Nobody tells of this window any more. */
void window_cache_unheard(struct display *display, Window window);
/* Asks which windows there are, and which is active; not flushed. */
void window_cache_ask(struct display *display);
/* The same where an event has told of a change; false without one. */
bool window_cache_ask_if_changed(struct display *display);
/* What was asked for is in the cache from here on: a round trip if it was sent just now. */
void window_cache_take(struct display *display);
/* window_describe() of the active window, or null; without asking if it has not changed. */
cJSON *window_cache_describe_active(struct display *display);

/* display.c */

/* Looks at one event; true ends the wait. */
typedef bool (*display_until_fn)(struct display *display, void *user_data);
/* Handles events until the condition holds. CUA_OK; CUA_ERR_TIMEOUT at the deadline;
 * CUA_ERR_CLOSED; what the check function says; CUA_ERR_PERSON. until may be NULL: time only. */
CUA_NODISCARD enum cua_status display_wait(struct display *display, uint64_t deadline_us,
		display_until_fn until, void *user_data, struct cua_error *err);
CUA_NODISCARD enum cua_status display_ok(struct display *display, struct cua_error *err);
void display_handle_events(struct display *display);
/* The answer to a request of XCB's, by the number in its cookie; to be freed. NULL for none. */
void *display_answer(struct display *display, unsigned int sequence);
/* A round trip: the server has handled every request before it, and its events are here. */
void display_sync(struct display *display);
/* Property data of any type, NULL if absent; XFree it. format 0 takes any. */
unsigned char *display_property(struct display *display, Window window, Atom property, Atom type,
		int format, unsigned long *ret_count);
/* The same, at most so many bytes of it. */
unsigned char *display_property_part(struct display *display, Window window, Atom property,
		Atom type, int format, size_t max_bytes, unsigned long *ret_count);

/* silence.c */
void silence_init(struct display *display);
/* The server is slow but answers: nobody has to hang up on it. */
void display_note_answer(struct display *display);

/* frame.c */
/* Memory that the server writes the screen into; the rest of the frame is left as it is. */
CUA_NODISCARD enum cua_status frame_make(
		struct display *display, struct display_frame *frame, struct cua_error *err);
/* The server lets go of it, and so do we. */
void frame_drop(struct display *display, struct display_frame *frame);
CUA_NODISCARD enum cua_status frame_init(struct display *display, struct cua_error *err);
void frame_finish(struct display *display);
/* late: drawn before display_begin(), and told after it. */
void frame_damaged(struct display *display, const struct cua_region *area, bool late);
/* Reads what is known to have been drawn on. */
CUA_NODISCARD enum cua_status frame_read_damaged(struct display *display, struct cua_error *err);
/* The same after the events that are here were handled: after somebody else's round trip. */
CUA_NODISCARD enum cua_status frame_read_known(struct display *display, struct cua_error *err);
/* The same after a round trip, so that the frame shows the screen as it was during this call. */
CUA_NODISCARD enum cua_status frame_update(struct display *display, struct cua_error *err);

/* One colour all over; area lies inside the screen. */
bool frame_is_plain(const struct display *display, const struct cua_region *area);

/* marks.c: numbered boxes over a picture of region; pixels are B8G8R8X8. */
void marks_draw(const struct shot_marks *marks, const struct cua_region *region, uint32_t *pixels,
		int stride_bytes);

/* window.c */
Window window_active(struct display *display);
/* What the root's property says, which may have closed since. */
Window window_read_active(struct display *display);
bool window_is_pingable(struct display *display, Window window);
/* The uppermost WINDOWS_MAX, from below to above. */
int window_list(struct display *display, Window windows[WINDOWS_MAX]);
/* All that the window manager lists, from below to above. XFree it; NULL for none. */
Window *window_read_list(struct display *display, unsigned long *ret_count);
bool window_is_in(Window window, const Window *windows, int count);
bool window_is_listed(struct display *display, Window window);
/* CUA_ERR_NOT_FOUND unless it is on the window manager's list; with unmanaged, windows that it does
 * not manage do as well. */
CUA_NODISCARD enum cua_status window_check(
		struct display *display, Window window, bool unmanaged, struct cua_error *err);
bool window_is_ours(const struct display *display, Window window);
/* One of the window manager's own: a frame. */
bool window_is_of_manager(struct display *display, Window window);
bool window_is_application(struct display *display, Window window);
/* Printable, cut to size. */
void window_title(struct display *display, Window window, char *title, size_t size);
/* Printable, cut to size; "" if it has none. */
void window_class(struct display *display, Window window, char *text, size_t size);
void window_instance(struct display *display, Window window, char *text, size_t size);
struct window_state {
	bool minimized, maximized_vert, maximized_horz, fullscreen;
};
void window_read_state(struct display *display, Window window, struct window_state *state);
/* In root coordinates: without and with what the window manager puts around it. */
void window_read_client(struct display *display, Window window, struct cua_region *client);
void window_read_frame(struct display *display, Window window, struct cua_region *frame);
/* Raises it and waits until it has the keyboard. */
CUA_NODISCARD enum cua_status window_focus(
		struct display *display, Window window, struct cua_error *err);
/* Returns when the window manager serves requests, and has served those before;
 * CUA_ERR_TIMEOUT if there is none that does. */
CUA_NODISCARD enum cua_status window_wait_manager(
		struct display *display, int timeout_ms, struct cua_error *err);
/* From here on the server tells when properties of the window change, its title for one. A transfer
 * of the clipboard may listen to the same window. */
struct window_listening {
	Window windows[WINDOWS_MAX];
	long masks[WINDOWS_MAX]; /* what was selected before */
	int count;
};
void window_listen(struct display *display, struct window_listening *listening, Window window);
void window_listen_end(struct display *display, const struct window_listening *listening);
/* A client message for the window manager; count longs, at most 5. */
void window_send_to_root(
		struct display *display, Window window, Atom type, const long *data, int count);

/* window_describe.c */
cJSON *window_describe(struct display *display, Window window);
/* "windows" and "more", from above to below. */
void window_describe_all(struct display *display, cJSON *result);

/* window_act.c: the actions on one window. */
CUA_NODISCARD enum cua_status window_act(struct display *display, const struct cua_action *action,
		cJSON *result, struct cua_error *err);

/* window_manager.c */
/* Until the window manager has done what it was asked before; one that does not answer is replaced,
 * and who floods it slowed down. */
CUA_NODISCARD enum cua_status window_await_manager(struct display *display, struct cua_error *err);
/* A property of the root window has changed. */
void window_manager_event(struct display *display, const XPropertyEvent *event);
/* After one that ended by itself: what it was asked to show, and lost, the new one shows. Costs
 * nothing where there is no new one. */
CUA_NODISCARD enum cua_status window_follow_manager(struct display *display, struct cua_error *err);
/* The new one takes the windows over as they are, and starts without what has piled up. */
CUA_NODISCARD enum cua_status window_replace_manager(
		struct display *display, struct cua_error *err);

/* screen_size.c */
/* Within what the X server was started with, which the error names. The frame has the new size. */
CUA_NODISCARD enum cua_status screen_resize(
		struct display *display, int width, int height, struct cua_error *err);
/* The action: the window manager has moved windows inside, too. */
CUA_NODISCARD enum cua_status screen_act(struct display *display, const struct cua_action *action,
		cJSON *result, struct cua_error *err);

/* window_find.c */
#define WINDOW_MATCHES_MAX 64
struct window_matches {
	Window windows[WINDOW_MATCHES_MAX]; /* the uppermost first */
	int count;
};
/**
 * window_find() - the windows that a name fits best; of one application if there are several.
 * @class: the class of the application of this name; "" if it is not known.
 *
 * Class and instance go before a beginning of one, whole titles before words of titles. None is
 * CUA_OK with count 0; CUA_ERR_INVAL naming them if they are windows of different applications, or
 * different documents.
 */
CUA_NODISCARD enum cua_status window_find(struct display *display, const char *name,
		const char *class, struct window_matches *ret_matches, struct cua_error *err);

/* window_ping.c */
/* Asks the active window whether it has read its events; true if it answered in time. A window
 * that does not know _NET_WM_PING is false at once, with *ret_asked false. */
CUA_NODISCARD enum cua_status window_ping(struct display *display, int timeout_ms, bool *ret_asked,
		bool *ret_answered, struct cua_error *err);
void window_ping_event(struct display *display, const XClientMessageEvent *event);

/* wait_for.c: the action. */
CUA_NODISCARD enum cua_status wait_for_condition(struct display *display,
		const struct cua_action *action, cJSON *result, struct cua_error *err);

/* process.c */

/* The process of the active window: whether it can be watched. */
bool process_is_known(struct display *display);
/* How often it left the processor: a number that grows while it runs now and then. 0: not known. */
unsigned long long process_switches(struct display *display);
/* Processor time that it has used; 0 if nothing is known. */
uint64_t process_used_us(struct display *display);
/* Waits until the process of the active window sleeps and has nothing to do, so that it has not
 * only read but handled what was sent to it, and what that put off. *ret_asleep is false if it is
 * busy all the time, or not known. */
CUA_NODISCARD enum cua_status process_wait_asleep(
		struct display *display, int timeout_ms, bool *ret_asleep, struct cua_error *err);
/* "xterm (process 12)", printable, for the number that a process has inside the sandbox; false if
 * there is none on this desktop. */
bool process_name(const struct display *display, pid_t inner_pid, char *name, size_t size);
/* How long the processes of a session, numbered as inside, have computed and their first threads
 * waited for a processor, all in all. */
uint64_t process_session_work_us(const struct display *display, pid_t inner_session);
/* The session (setsid(2)) of such a process, as numbered inside, too; 0 if it is not known. */
pid_t process_session(const struct display *display, pid_t inner_pid);

/* settle.c */

/* An input action begins. */
void settle_begin_input(struct display *display, const struct cua_action *action);
/* Between requests: learns from what changes after a picture was taken for settled. */
void settle_watch(struct display *display);
/* Until the active window answers promptly and nothing changed for quiet_ms; CUA_ERR_TIMEOUT. */
CUA_NODISCARD enum cua_status settle_rest(
		struct display *display, int quiet_ms, uint64_t deadline_us, struct cua_error *err);

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

/* app.c */
CUA_NODISCARD enum cua_status app_open(
		struct display *display, const char *name, cJSON *result, struct cua_error *err);
CUA_NODISCARD enum cua_status app_switch(
		struct display *display, const char *name, cJSON *result, struct cua_error *err);
CUA_NODISCARD enum cua_status app_open_url(
		struct display *display, const char *url, cJSON *result, struct cua_error *err);

/* takeover.c */

/* A person has the input. */
static inline bool takeover_holds(const struct display *display)
{
	return display->takeover.control.is_person;
}
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
/* For viewers with control; not if it came from one. */
/* is_private: to viewers of the person alone who has the desktop in private. */
void people_send_cut_text(struct display *display, const char *text, size_t len, bool is_private,
		bool is_for_all);
/* Those of that person see the private screen, as the vnc process was told. */
bool people_show_private(const struct display *display);
/* The link was full and something is waiting for room in it. */
bool people_wants_to_send(const struct display *display);
void people_damaged(struct display *display, const struct cua_region *area);

#endif
