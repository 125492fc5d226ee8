#ifndef CUA_DISPLAY_WINDOW_H
#define CUA_DISPLAY_WINDOW_H

/* Windows, and the window manager: window*.c. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <X11/Xlib.h>
#include <cjson/cJSON.h>
#include <xcb/xproto.h>

#include "cua/contract/action.h"

struct display;

#define WINDOWS_MAX 1024

struct display_ping {
	uint32_t serial, answered;
	Window window;
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

#endif
