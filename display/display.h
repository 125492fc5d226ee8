#ifndef CUA_DISPLAY_DISPLAY_H
#define CUA_DISPLAY_DISPLAY_H

/* One virtual desktop seen through its X server. Everything here runs on the thread that
 * connected; the functions wait for events with deadlines, and give up at once when the X server
 * dies, when the request is cancelled, or when a person takes the input. */

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "cua/base/buffer.h"
#include "cua/base/error.h"
#include "cua/contract/action.h"
#include "cua/contract/placeholder.h"
#include "cua/contract/scale.h"
#include "display/control.h"
#include "display/desktop_record.h"
#include "display/picture/picture.h"

struct display;

/* Connects and releases every key and button that a former host may have left down. record is
 * copied. The calling thread gets short time slices, see cua_short_slice(). */
CUA_NODISCARD enum cua_status display_connect(const struct desktop_record *record,
		struct display **ret_display, struct cua_error *err);
void display_disconnect(struct display *display);
/* Every key and button of the X server up; nothing else of a connection is made. */
CUA_NODISCARD enum cua_status display_release_all(
		const struct desktop_record *record, struct cua_error *err);

struct cua_point display_size(const struct display *display);
/* Handles events until wake_fd becomes readable; while idle this sleeps in poll(). False when
 * the X server is gone. */
bool display_idle(struct display *display, int wake_fd);
/* The X server and the session live, but not the connection: another host can attach. May wait for
 * a second. */
bool display_is_cut_off(struct display *display);

/* For another thread, which asks again and again, every since_last_us: how long the display's
 * thread has waited for an X server that says nothing, without the time for which that had no
 * processor. A pause of the whole machine counts as one round. */
uint64_t display_silent_us(struct display *display, uint64_t since_last_us);
/* Hangs up on the X server, from another thread; what waits for it fails with CUA_ERR_CLOSED. */
void display_break(struct display *display);

/* Asked while a request waits: CUA_OK to go on, or why to stop. */
typedef enum cua_status (*display_check_fn)(void *user_data, struct cua_error *err);
/* wake_fd: readable when the check has news; -1 for none. */
void display_set_check(
		struct display *display, display_check_fn check, void *user_data, int wake_fd);

/* --- seeing --- */

struct display_shot {
	struct cua_region region; /* width 0: the whole screen */
	int max_edge;             /* 0: no scaling */
	int width, height;        /* of the picture; 0: what the other and the region make it */
	bool pointer;
	struct picture_coding coding;
	bool marks; /* draw those of the last mark_screen */
};

static inline struct display_shot display_shot_of(const struct cua_action *action)
{
	return (struct display_shot){ action->region, action->max_edge, action->width,
		action->height, action->pointer,
		{ (enum cua_picture_format)action->format, (enum cua_picture_level)action->level,
				action->quality },
		false };
}

struct display_image {
	struct cua_buffer bytes;
	const char *media_type;
	int width_px, height_px; /* of the picture */
	char etag[128];          /* quoted, as in the HTTP header */
	bool unchanged;          /* the screen still has the caller's ETag: no picture */
};

/* if_none_match may be NULL. Release ret_image->bytes with cua_buffer_finish(). */
CUA_NODISCARD enum cua_status display_screenshot(struct display *display,
		const struct display_shot *shot, const char *if_none_match,
		struct display_image *ret_image, struct cua_error *err);

/* Reads what was drawn before the call, so that display_encode() shows it. */
CUA_NODISCARD enum cua_status display_refresh(struct display *display, struct cua_error *err);

/**
 * display_encode() - one rectangle of the screen as it was last read.
 * @region: inside the screen.
 * @bytes:  the picture is appended.
 *
 * No round trip, no pointer, no scaling.
 */
CUA_NODISCARD enum cua_status display_encode(struct display *display,
		const struct cua_region *region, const struct picture_coding *coding,
		struct cua_buffer *bytes, struct cua_error *err);

/* --- acting and settling --- */

struct display_settle {
	/* "quiet"; "animated": at rest but for what moves by itself; "unchanged": nothing changed;
	 * "timeout"; "skipped" */
	const char *reason;
	double ms;             /* from the end of the input to the settled screen */
	double last_change_ms; /* from the end of the input to the last change; 0: none */
};

#define DISPLAY_SETTLE_DEFAULT_MS 3000
#define DISPLAY_SETTLE_MAX_MS 60000

/* Marks the beginning of a request: changes and windows are counted from here. */
void display_begin(struct display *display);
/* Coordinates in the texts of answers are those of this picture from here on. */
void display_speak_of(struct display *display, const struct cua_scale *scale);

/**
 * display_act() - run one checked action.
 * @result: an object; what the action answers is added to it.
 *
 * On failure every key and button that was pressed for it is up again.
 */
CUA_NODISCARD enum cua_status display_act(struct display *display, const struct cua_action *action,
		cJSON *result, struct cua_error *err);

/* Fails as the whole list would: a mouse_up without its mouse_down. Changes nothing. */
CUA_NODISCARD enum cua_status display_check_actions(const struct display *display,
		const struct cua_action *actions, int count, int *ret_index, struct cua_error *err);

/* What an input should lead to; tells stillness before the drawing from rest after it. */
enum display_expect {
	DISPLAY_EXPECT_INPUT,   /* the next action: the picture need not be complete */
	DISPLAY_EXPECT_REST,    /* the action itself has waited until its window was there */
	DISPLAY_EXPECT_NOTHING, /* a move, a clipboard */
	DISPLAY_EXPECT_CHANGE,  /* a click, a key */
	DISPLAY_EXPECT_MUCH,    /* a text: drawn in parts, the last of them late */
};

/* Waits until the focused application has read its input and the screen has come to rest. */
CUA_NODISCARD enum cua_status display_settle(struct display *display, int timeout_ms,
		enum display_expect expect, struct display_settle *ret_settle,
		struct cua_error *err);

/* Adds "animated" to the object: what on the screen moves by itself. */
void display_describe_animations(const struct display *display, cJSON *settle);

/* Something changed since the last input action began, or since display_begin(). */
bool display_has_changed(const struct display *display);

/* The X server has passed on what was sent since display_begin(), as far as is known. */
bool display_is_delivered(const struct display *display);
/* It has kept something back for seconds. */
bool display_is_frozen(const struct display *display);
/* Waits until it has: some seconds for a program that holds input back, which then is CUA_ERR_APP.
 * At once if the wait has taken that long before. */
CUA_NODISCARD enum cua_status display_wait_delivered(
		struct display *display, struct cua_error *err);

/* Adds "changed", "pointer", "focused" and "new_windows" since display_begin() to answer. */
void display_report(struct display *display, cJSON *answer);

/* Everything up that an agent pressed. */
void display_release_held(struct display *display);
/* True while a key or button is down between requests. */
bool display_holds_input(const struct display *display);

/* --- secrets --- */

#define DISPLAY_SECRETS_MAX 8

/* What a text that is typed may hold as {{secret:NAME}}, and where. */
struct display_secret {
	char name[CUA_PLACEHOLDER_NAME_MAX + 1];
	char *value;              /* owned; UTF-8 */
	cJSON *windows, *origins; /* owned; lists of texts: patterns; origins as browsers have them
				   */
};

struct display_secrets {
	struct display_secret items[DISPLAY_SECRETS_MAX];
	int count;
};

/* For the texts that are typed from here on; NULL: they are typed as they are. Borrowed. */
void display_use_secrets(struct display *display, const struct display_secrets *secrets);

/* Pictures and texts of the screen, for whomever, are replaced by a notice: a secret may be seen.
 */
bool display_is_withheld(const struct display *display);
/* Before an input, which may make a secret show that was typed before. CUA_OK if there is none. */
CUA_NODISCARD enum cua_status display_withhold(struct display *display, struct cua_error *err);
/* Looks whether a secret can still be seen, and shows the screen again if not. Costs nothing where
 * none was typed. */
void display_look_for_secrets(struct display *display);

/* --- people --- */

/* The end of a link to a vnc process (see display/vnc/vnc_link.h); taken over. */
void display_set_vnc_link(struct display *display, int link_fd);
bool display_person_has_input(const struct display *display);
int display_viewers(const struct display *display);
/* Called when the holder of the input or the number of viewers changes, or the link is lost. */
typedef void (*display_people_fn)(void *user_data);
void display_on_people(struct display *display, display_people_fn on_people, void *user_data);

/* --- take-over --- */

/* Who comes by a password, or from the terminal of this machine. */
struct control_person display_local_person(void);

/**
 * display_order() - what a person asks for: to have the desktop, to wait for it, to give it back.
 *
 * It may be called in the middle of an action, from the check function, and has its effect at once:
 * what the agent sent has been handled by the X server, all that is down comes up, and the action
 * fails as soon as it looks up. In private the screen is hidden when display_is_settled().
 *
 * Return: as control_order(); CUA_ERR_IO if a private session cannot be written down.
 */
CUA_NODISCARD enum cua_status display_order(
		struct display *display, const struct control_order *order, struct cua_error *err);
const struct control *display_control(const struct display *display);
/* A person has the desktop in private: nothing of it is told. */
bool display_is_private(const struct display *display);
/* CUA_ERR_PERSON in private. */
CUA_NODISCARD enum cua_status display_may_serve(
		const struct display *display, struct cua_error *err);
/* Between requests: hides the screen, or shows it again, after a change of mode. */
void display_settle_control(struct display *display);
bool display_is_settled(const struct display *display);
/* What the desktop looks like as it is taken over, from which the changes are told. It takes some
 * milliseconds, so who asked to have it is answered first. */
void display_see_takeover(struct display *display);
/* An answer for a caller is being made from here on, or is not any more: it fails when a person
 * takes the desktop in private. */
void display_serve(struct display *display, bool serves);
/* For the model, about what people did since it was told last; "": nothing. */
const char *display_person_note(const struct display *display);
void display_forget_person_note(struct display *display);

#endif
