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
#include "display/desktop_end.h"
#include "display/display.h"
#include "display/element_list.h"
#include "display/element_refs.h"
#include "display/habit.h"
#include "display/input.h"
#include "display/load.h"
#include "display/news.h"
#include "display/people.h"
#include "display/region.h"
#include "display/secret.h"
#include "display/window.h"

/* Rows that are deflated together, and unless little is new read together. */
#define FRAME_BAND_ROWS PICTURE_BAND_ROWS
#define FRAME_BANDS_MAX (32768 / FRAME_BAND_ROWS)
/* What is read without the rest of its bands needs room behind the frame. */
#define FRAME_BOX_MAX_LEN ((size_t)256 << 10)
/* Changed rectangles that a request reports one by one; more are merged. */
#define CHANGED_RECTS_MAX 32

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
	size_t len;      /* of the pixels */
	uint8_t *pixels; /* B8G8R8X8, stride 4 * width; FRAME_BOX_MAX_LEN more behind them */
	xcb_shm_seg_t segment;
	bool dirty[FRAME_BANDS_MAX]; /* drawn on since it was read */
	bool any_dirty;
	struct cua_region dirty_box; /* around all of it, where any_dirty */
	uint64_t serial;             /* counts reads that followed drawing; part of the ETag */
	uint64_t band_serial[FRAME_BANDS_MAX]; /* of the last read into a band */
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

/* After a settled picture: does the screen change nevertheless? */
struct display_watch {
	uint32_t key;      /* habit_key(); 0: nothing is watched */
	bool waited;       /* for what might come: its absence is an observation */
	uint64_t input_us; /* the end of the input */
	uint64_t until_us;
	struct habit_late late; /* so far */
	uint64_t changes;
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
	bool is_cut_off;            /* dead, but neither its X server nor its session is */
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

/* display.c */

/* All of the screen. */
struct cua_region display_screen(const struct display *display);
/* What of an area is on it; false if nothing is. */
bool display_clip(const struct display *display, const struct cua_region *area,
		struct cua_region *ret_visible);
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
/* One colour all over; area lies inside the screen. */
bool frame_is_plain(const struct display *display, const struct cua_region *area);

/* frame_read.c */
/* Reads what is known to have been drawn on. */
CUA_NODISCARD enum cua_status frame_read_damaged(struct display *display, struct cua_error *err);
/* The same after the events that are here were handled: after somebody else's round trip. What was
 * drawn beside a small change meanwhile is read, too. */
CUA_NODISCARD enum cua_status frame_read_known(struct display *display, struct cua_error *err);
/* The same after a round trip, so that the frame shows the screen as it was during this call. */
CUA_NODISCARD enum cua_status frame_update(struct display *display, struct cua_error *err);

/* marks.c: numbered boxes over a picture of region; pixels are B8G8R8X8. */
void marks_draw(const struct shot_marks *marks, const struct cua_region *region, uint32_t *pixels,
		int stride_bytes);

/* screen_size.c */
/* Within what the X server was started with, which the error names. The frame has the new size. */
CUA_NODISCARD enum cua_status screen_resize(
		struct display *display, int width, int height, struct cua_error *err);
/* The action: the window manager has moved windows inside, too. */
CUA_NODISCARD enum cua_status screen_act(struct display *display, const struct cua_action *action,
		cJSON *result, struct cua_error *err);

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

/* app.c */
CUA_NODISCARD enum cua_status app_open(
		struct display *display, const char *name, cJSON *result, struct cua_error *err);
CUA_NODISCARD enum cua_status app_switch(
		struct display *display, const char *name, cJSON *result, struct cua_error *err);
CUA_NODISCARD enum cua_status app_open_url(
		struct display *display, const char *url, cJSON *result, struct cua_error *err);

#endif
