#ifndef CUA_DISPLAY_CLIPBOARD_H
#define CUA_DISPLAY_CLIPBOARD_H

/* The selections CLIPBOARD and PRIMARY, both ways. selection_give.c serves what we own,
 * selection_take.c fetches what an application owns, clipboard.c knows the formats.
 * Source: Inter-Client Communication Conventions Manual, chapter 2. */

#include <X11/Xlib.h>
#include <X11/extensions/Xfixes.h>

#include "cua/base/buffer.h"
#include "cua/contract/action.h"

struct display;

#define CLIPBOARD_ITEMS_MAX 64
#define CLIPBOARD_BYTES_MAX ((size_t)16 << 20) /* of one content, all formats together */
#define CLIPBOARD_TRANSFERS_MAX 16
#define CLIPBOARD_ABANDONED_MAX 8

/* One format of a content. */
struct clipboard_item {
	Atom target, type;
	unsigned char *data; /* owned; bytes (format 8) */
	size_t len;
};

/* What a selection holds; counted, since a transfer in parts outlives the ownership. */
struct clipboard_content {
	int refs, count;
	size_t bytes;
	struct clipboard_item items[CLIPBOARD_ITEMS_MAX];
};

/* A requestor that takes an item in parts. */
struct clipboard_transfer {
	struct clipboard_content *content; /* NULL: the slot is free */
	const struct clipboard_item *item;
	Window requestor;
	Atom property;
	size_t sent;
	long mask_before;     /* what we had selected on that window */
	uint64_t deadline_us; /* moves on with every part */
};

struct display_clipboard {
	Atom selections[CUA_SELECTION_COUNT];
	struct clipboard_content *owned[CUA_SELECTION_COUNT]; /* NULL: somebody else's */
	Time since[CUA_SELECTION_COUNT];
	struct clipboard_transfer transfers[CLIPBOARD_TRANSFERS_MAX];
	unsigned int asked;  /* questions of others that were answered */
	uint64_t chord_us;   /* when keys were pressed that may paste; 0: seen to */
	unsigned int served; /* items, not lists of targets, that were handed over whole */
	/* A conversion that we wait for. */
	Window taking_window; /* None: none */
	/* Of conversions that were given up: their owners may still write there, and an error for
	 * a window that is gone would end many a program. */
	Window abandoned[CLIPBOARD_ABANDONED_MAX];
	unsigned int abandoned_count; /* ever; the oldest makes room */
	Atom taking_selection, taking_target;
	int taking_format; /* bits of a unit of what came */
	Time server_time;  /* of the last change of a property of taking_window */
	bool notified, refused, property_new;
	/* The text for viewers. */
	Window offer_window; /* of the open question; None: none is */
	uint64_t offer_asked_us;
	uint32_t offer_viewers; /* whom the answer is for, by slot; 0: nobody any more */
	enum clipboard_audience {
		AUDIENCE_NOBODY,
		AUDIENCE_ALL,
		AUDIENCE_OWNER,
	} offer_audience;
	unsigned int offer_control; /* takeover.count then */
};

struct clipboard_content *clipboard_content_create(void);
void clipboard_content_unref(struct clipboard_content *content);
/* Copies data. CUA_ERR_TOO_LARGE when full; the content is then unchanged. */
CUA_NODISCARD enum cua_status clipboard_content_add(struct clipboard_content *content, Atom target,
		Atom type, const void *data, size_t len, struct cua_error *err);

/* --- selection_give.c --- */

void selection_finish(struct display *display);
/* True if the event was about selections. */
bool selection_event(struct display *display, XEvent *event);
/* Becomes the owner at a time of the server, and keeps a reference to content. */
CUA_NODISCARD enum cua_status selection_own(struct display *display, enum cua_selection selection,
		struct clipboard_content *content, Time time, struct cua_error *err);
/* Nobody owns it any more. */
void selection_disown(struct display *display, enum cua_selection selection);

/* --- selection_take.c --- */

/* For one conversion; destroy it, or abandon it while the answer is still to come. */
Window selection_window(struct display *display);
void selection_abandon(struct display *display, Window *window);

/* Several conversions of one selection, with one deadline for all. */
struct selection_take {
	enum cua_selection selection;
	Time time;
	uint64_t deadline_us;
};

/* Asks the server what time it is; CUA_OK even if nobody owns the selection. */
CUA_NODISCARD enum cua_status selection_take_begin(struct display *display,
		enum cua_selection selection, int timeout_ms, struct selection_take *take,
		struct cua_error *err);
void selection_take_end(struct display *display);

/**
 * selection_take() - one format of the selection.
 * @data:     appended to; its cap bounds what is taken.
 * @ret_type: the type that the owner calls it; None if it has no such format, or if there is no
 *            owner.
 *
 * Return: CUA_OK; CUA_ERR_APP if the owner does not answer or answers nonsense;
 *         CUA_ERR_TOO_LARGE. The conversion is over in every case: what comes late is lost.
 */
CUA_NODISCARD enum cua_status selection_take(struct display *display,
		const struct selection_take *take, Atom target, struct cua_buffer *data,
		Atom *ret_type, struct cua_error *err);

/* The formats that are offered, at most max, without those that are none (TARGETS, MULTIPLE). */
CUA_NODISCARD enum cua_status selection_take_targets(struct display *display,
		const struct selection_take *take, Atom *targets, int max, int *ret_count,
		struct cua_error *err);

/* --- clipboard.c --- */

/* The actions clipboard_get and clipboard_set. */
CUA_NODISCARD enum cua_status clipboard_act_get(struct display *display,
		const struct cua_action *action, cJSON *result, struct cua_error *err);
CUA_NODISCARD enum cua_status clipboard_act_set(
		struct display *display, const struct cua_action *action, struct cua_error *err);

/* What clipboard_set would refuse. */
CUA_NODISCARD enum cua_status clipboard_check(const struct display *display,
		const struct cua_action *action, struct cua_error *err);

/* CLIPBOARD gets this text. */
CUA_NODISCARD enum cua_status clipboard_set_text(
		struct display *display, const char *text, struct cua_error *err);
/* The same without waiting for the server's time, where waiting cannot be. */
CUA_NODISCARD enum cua_status clipboard_take_from_viewer(
		struct display *display, const char *text, struct cua_error *err);

/**
 * clipboard_save() - what CLIPBOARD or PRIMARY holds, in every format that can be had within
 * bounds.
 * @ret_content: never NULL on CUA_OK, without items if nobody owns it; for
 *               clipboard_restore() or clipboard_content_unref().
 *
 * Formats that are too large, or that the owner does not deliver, are left out.
 */
CUA_NODISCARD enum cua_status clipboard_save(struct display *display, enum cua_selection selection,
		struct clipboard_content **ret_content, struct cua_error *err);
/* Puts it back, owned by us from now on; a content without items leaves no owner. Takes content
 * over, on failure too. */
CUA_NODISCARD enum cua_status clipboard_restore(struct display *display,
		enum cua_selection selection, struct clipboard_content *content,
		struct cua_error *err);
/* Until *count, display->clipboard.asked or served, is no longer what it was before;
 * CUA_ERR_TIMEOUT. */
CUA_NODISCARD enum cua_status clipboard_wait_count(struct display *display,
		const unsigned int *count, unsigned int before, int timeout_ms,
		struct cua_error *err);

/* --- clipboard_viewers.c --- */

/* From now on clipboard_event() is called for every new content of a selection. */
void clipboard_watch(struct display *display);
void clipboard_event(struct display *display, const XFixesSelectionNotifyEvent *event);
/* Sends the text, if it is one and not too long, once its owner has told it, to those whom it is
 * owed and who may have it. */
void clipboard_offer_owed(struct display *display);
/* What was copied so far is known. */
void clipboard_catch_up(struct display *display);
/* Offers what has changed while an owner did not answer. How long to sleep at most, -1 for ever. */
int clipboard_idle(struct display *display);
void clipboard_offer_answered(struct display *display, const XSelectionEvent *event);

#endif
