#ifndef CUA_DISPLAY_SECRET_H
#define CUA_DISPLAY_SECRET_H

/* Secrets on a desktop: where one may be typed (secret_place.c), typing it (secret_type.c), where
 * it may show afterwards (secret_guard.c), and what is shown meanwhile (veil.c). README.md,
 * "Secrets". */

#include <stdbool.h>

#include <X11/Xlib.h>

#include "cua/base/error.h"
#include "cua/contract/forms.h"
#include "cua/contract/placeholder.h"
#include "display/display.h"

#define SECRET_PAGES_MAX 8 /* one within the other */
#define SECRET_ORIGIN_MAX 300
#define SECRET_ENTRIES_MAX 8 /* fields that hold a secret */

struct display;
struct element_list;
struct window_stack;

/* What has the keyboard. */
struct secret_place {
	Window window; /* the active one */
	Window focus;  /* that the X server sends keys to */
	char class[128], instance[128], title[256];
	bool has_field;          /* the accessibility tree tells of it */
	char bus[64], path[256]; /* of the field */
	bool is_password;        /* it shows dots */
	/* Of the page that the field is in, and of those around it; "" for what is no origin. */
	char origins[SECRET_PAGES_MAX][SECRET_ORIGIN_MAX];
	int origin_count;
};

/* A field that a secret was typed into. */
struct secret_entry {
	void *memory; /* owned; of sodium_malloc(); of the forms */
	struct cua_form forms[CUA_FORMS];
	bool begins[256]; /* may one begin with the byte? */
	Window window;
	bool has_field, has_drawn; /* drawn: the window did, at the keys; known without a field */
	bool is_astray;            /* a part of it may be in another field */
	char bus[64], path[256];
};

struct display_secret_state {
	const struct display_secrets *usable; /* by the texts of this request; NULL: none */
	struct secret_entry entries[SECRET_ENTRIES_MAX];
	int count;
	Window typing_focus; /* keys go there or nowhere; None: wherever */
	uint64_t looked_us;
	bool was_copied; /* a selection has got another owner since pictures are withheld */
};

/* The field that has the focus; -1 if that cannot be told. */
int secret_find_field(const struct element_list *list, Window window);
/* Reads the active window, and the field that has the focus in it. A window that tells of none is
 * CUA_OK without a field. */
CUA_NODISCARD enum cua_status secret_place_read(
		struct display *display, struct secret_place *place, struct cua_error *err);
/* CUA_ERR_POLICY, saying where it may be typed. */
CUA_NODISCARD enum cua_status secret_place_check(const struct display_secret *secret,
		const struct secret_place *place, struct cua_error *err);
bool secret_place_is_same(const struct secret_place *one, const struct secret_place *other);
/* "https://example.org:8080" of a URL as browsers spell it; false if it is none of http. */
bool secret_origin_of(const char *url, char *origin, size_t size);

/* Has the text something to replace? */
bool secret_is_in(const struct display *display, const char *text);
/* A typing action whose text has. */
CUA_NODISCARD enum cua_status secret_type(struct display *display, const struct cua_action *action,
		cJSON *result, struct cua_error *err);

/* From here on pictures are withheld until what is typed there cannot be seen any more. */
CUA_NODISCARD enum cua_status secret_guard(struct display *display,
		const struct secret_place *place, const char *value, struct cua_error *err);
/* The last one was not typed to its end where it began. */
void secret_is_astray(struct display *display);
/* The last guarded window has no field that tells: did it draw while the value was typed? */
void secret_has_drawn(struct display *display, bool has_drawn);
void secret_finish(struct display *display);
/* Between requests, for those who watch; how long to sleep at most until the next look, -1 for
 * ever. */
int secret_idle(struct display *display);

/* veil.c */

enum veil_reason {
	VEIL_SECRET = 1,  /* a secret may show */
	VEIL_PRIVATE = 2, /* a person has the desktop in private */
};

/* Pictures of the screen, streams and viewers show a notice from here on, as long as there is a
 * reason. */
CUA_NODISCARD enum cua_status veil_draw(
		struct display *display, enum veil_reason reason, struct cua_error *err);
void veil_lift(struct display *display, enum veil_reason reason);
/* What was copied while pictures were withheld is in no selection any more: it may be the secret,
 * or private to somebody. */
void veil_forget_copies(struct display *display);
bool veil_is_on(const struct display *display);
bool veil_is_for(const struct display *display, enum veil_reason reason);
/* What pictures are made of: the screen, or the notice. */
const struct display_frame *veil_frame(const struct display *display);
/* Around a change of the screen's size: the frame is the one that is shown, and a veil again. */
unsigned int veil_open_for_size(struct display *display);
CUA_NODISCARD enum cua_status veil_draw_again(
		struct display *display, unsigned int reasons, struct cua_error *err);

/* For an action that reads the screen: true, and the answer says so. */
bool veil_answer(struct display *display, cJSON *result);

#endif
