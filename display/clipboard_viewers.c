/* The text of the clipboard for viewers who have control. Nothing here waits: an owner that does
 * not answer keeps its text to itself. */

#include "display/display_internal.h"

#include <string.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"

/* An owner that has not answered by then may be asked again, for a new content. */
#define ANSWER_TIMEOUT_US 3000000U

void clipboard_watch(struct display *display)
{
	XFixesSelectSelectionInput(display->xlib, display->helper, display->atoms.clipboard,
			XFixesSetSelectionOwnerNotifyMask);
	XFixesSelectSelectionInput(display->xlib, display->helper, XA_PRIMARY,
			XFixesSetSelectionOwnerNotifyMask);
}

/* Whom a content may be offered to. In private that is who has the desktop, and before and after it
 * nobody until the vnc process knows; while a secret may show, nobody. */
static enum clipboard_audience find_audience(const struct display *display)
{
	const struct display_people *people = &display->people;
	if (people->controllers == 0 || veil_is_for(display, VEIL_SECRET)) {
		return AUDIENCE_NOBODY;
	}
	if (veil_is_on(display) || display_is_private(display)) {
		return people_show_private(display) ? AUDIENCE_OWNER : AUDIENCE_NOBODY;
	}
	return people->private_sent || people->private_changed ? AUDIENCE_NOBODY : AUDIENCE_ALL;
}

/* text: NULL if there is none. */
static void offer(struct display *display, const char *text, size_t len, uint32_t viewers)
{
	const bool is_private = find_audience(display) == AUDIENCE_OWNER;
	display->people.owed &= ~viewers;
	if (text && len <= VNC_LINK_TEXT_MAX && !memchr(text, '\0', len) &&
			cua_utf8_check(text, len, NULL) == CUA_OK) {
		people_send_cut_text(display, text, len, is_private, viewers);
	}
}

static void offer_own(
		struct display *display, const struct clipboard_content *content, uint32_t viewers)
{
	const struct clipboard_item *text = NULL;
	for (int i = 0; i < content->count; i++) {
		if (content->items[i].target == display->atoms.utf8_string) {
			text = &content->items[i];
		}
	}
	offer(display, text ? (const char *)text->data : NULL, text ? text->len : 0, viewers);
}

/* A question of before is not for somebody who has the desktop in private after it, nor are the
 * content of before a veil and the one behind it the same. */
static bool is_for_same(const struct display *display)
{
	const struct display_clipboard *clipboard = &display->clipboard;
	return find_audience(display) == clipboard->offer_audience &&
			display->takeover.count == clipboard->offer_control;
}

/* A window for each question: the answer to one that was given up is none to the next. */
static void ask(struct display *display, uint32_t viewers)
{
	struct display_clipboard *clipboard = &display->clipboard;
	if (clipboard->offer_window != None) {
		selection_abandon(display, &clipboard->offer_window);
	}
	display->people.owed &= ~viewers;
	clipboard->offer_window = selection_window(display);
	clipboard->offer_asked_us = cua_now_us();
	clipboard->offer_viewers = viewers;
	clipboard->offer_audience = find_audience(display);
	clipboard->offer_control = display->takeover.count;
	XConvertSelection(display->xlib, display->atoms.clipboard, display->atoms.utf8_string,
			display->atoms.cua_selection, clipboard->offer_window, CurrentTime);
	XFlush(display->xlib);
}

/* Of those whom it is owed. */
static uint32_t who_may_have_it(const struct display *display)
{
	const enum clipboard_audience audience = find_audience(display);
	return display->people.owed &
			(audience == AUDIENCE_ALL ? VNC_LINK_ALL_VIEWERS
							: audience == AUDIENCE_OWNER
							? people_of_owner(display)
							: 0);
}

static uint64_t answer_deadline_us(const struct display_clipboard *clipboard)
{
	return clipboard->offer_window != None ? clipboard->offer_asked_us + ANSWER_TIMEOUT_US : 0;
}

void clipboard_offer_owed(struct display *display)
{
	struct display_clipboard *clipboard = &display->clipboard;
	const uint32_t viewers = who_may_have_it(display);
	if (viewers == 0 || display->people.text_unsent) {
		return;
	}
	if (clipboard->owned[CUA_SELECTION_CLIPBOARD]) {
		offer_own(display, clipboard->owned[CUA_SELECTION_CLIPBOARD], viewers);
	} else if (clipboard->offer_window != None && clipboard->offer_viewers != 0 &&
			is_for_same(display)) {
		clipboard->offer_viewers |= viewers; /* the answer is theirs, too */
		display->people.owed &= ~viewers;
	} else if (cua_now_us() >= answer_deadline_us(clipboard)) { /* one question at a time */
		ask(display, viewers);
	}
}

void clipboard_event(struct display *display, const XFixesSelectionNotifyEvent *event)
{
	const bool is_hidden = veil_is_on(display) || display_is_private(display);
	display->secret.was_copied |= is_hidden && event->owner != None;
	if (event->selection == display->atoms.clipboard) {
		display->clipboard.offer_viewers = 0; /* who is asked answers with the old one */
		display->people.owed = display->people.ready;
		clipboard_offer_owed(display);
	}
}

void clipboard_catch_up(struct display *display)
{
	XEvent event;
	display_sync(display);
	while (XCheckTypedEvent(display->xlib, display->xfixes_event_base + XFixesSelectionNotify,
			&event)) {
		clipboard_event(display, (const XFixesSelectionNotifyEvent *)&event);
	}
}

int clipboard_idle(struct display *display)
{
	clipboard_offer_owed(display);
	const uint64_t deadline_us = answer_deadline_us(&display->clipboard);
	return display->people.owed != 0 && deadline_us > cua_now_us() ? cua_ms_until(deadline_us)
								       : -1;
}

void clipboard_offer_answered(struct display *display, const XSelectionEvent *event)
{
	struct display_clipboard *clipboard = &display->clipboard;
	unsigned long count = 0;
	unsigned char *text = NULL;
	if (event->property != None) {
		/* What is longer, or comes in parts, is not for viewers: it has another type. */
		text = display_property_part(display, clipboard->offer_window,
				display->atoms.cua_selection, display->atoms.utf8_string, 8,
				VNC_LINK_TEXT_MAX + 4, &count);
	}
	if (!is_for_same(display)) {
		display->people.owed |= clipboard->offer_viewers;
	} else if (clipboard->offer_viewers != 0) {
		offer(display, (const char *)text, count, clipboard->offer_viewers);
	}
	if (text) {
		XFree(text);
	}
	XDestroyWindow(display->xlib, clipboard->offer_window);
	clipboard->offer_window = None;
	clipboard_offer_owed(display);
}
