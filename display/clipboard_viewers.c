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

/* Whom a content may be offered to. In private that is who has the desktop, once the vnc process
 * knows; while a secret may show, nobody. */
static enum clipboard_audience find_audience(const struct display *display)
{
	if (display->people.controllers == 0 || veil_is_for(display, VEIL_SECRET)) {
		return AUDIENCE_NOBODY;
	}
	if (!veil_is_on(display) && !display_is_private(display)) {
		return AUDIENCE_ALL;
	}
	return people_show_private(display) ? AUDIENCE_OWNER : AUDIENCE_NOBODY;
}

/* text: NULL if there is none. */
static void offer(struct display *display, const char *text, size_t len, uint32_t viewers)
{
	if (text && len <= VNC_LINK_TEXT_MAX && !memchr(text, '\0', len) &&
			cua_utf8_check(text, len, NULL) == CUA_OK) {
		people_send_cut_text(display, text, len, find_audience(display) == AUDIENCE_OWNER,
				viewers);
	}
	display->people.newcomers &= ~viewers | display->people.text_unsent;
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

/* An answer may come after the veil that was asked for before it, and one to a question of
 * somebody's who had the desktop in private after that. */
static bool is_for_same(const struct display *display)
{
	const struct display_clipboard *clipboard = &display->clipboard;
	const enum clipboard_audience audience = find_audience(display);
	return audience == clipboard->offer_audience && audience != AUDIENCE_NOBODY &&
			(audience == AUDIENCE_ALL ||
					clipboard->offer_control == display->takeover.count);
}

static bool is_asked(const struct display_clipboard *clipboard)
{
	return clipboard->offer_asked_us > 0 &&
			cua_now_us() < clipboard->offer_asked_us + ANSWER_TIMEOUT_US;
}

void clipboard_offer_to_viewers(struct display *display, uint32_t viewers)
{
	struct display_clipboard *clipboard = &display->clipboard;
	const enum clipboard_audience audience = find_audience(display);
	viewers &= audience == AUDIENCE_OWNER ? people_of_owner(display) : viewers;
	if (audience == AUDIENCE_NOBODY || viewers == 0) {
		return;
	}
	if (clipboard->owned[CUA_SELECTION_CLIPBOARD]) {
		offer_own(display, clipboard->owned[CUA_SELECTION_CLIPBOARD], viewers);
		return;
	}
	if (is_asked(clipboard)) {
		clipboard->offer_viewers |= viewers; /* the answer is theirs, too */
		return;
	}
	clipboard->offer_asked_us = cua_now_us();
	clipboard->offer_again = false;
	clipboard->offer_viewers = viewers;
	clipboard->offer_audience = audience;
	clipboard->offer_control = display->takeover.count;
	XConvertSelection(display->xlib, display->atoms.clipboard, display->atoms.utf8_string,
			display->atoms.cua_selection, display->helper, CurrentTime);
	XFlush(display->xlib);
}

void clipboard_event(struct display *display, const XFixesSelectionNotifyEvent *event)
{
	display->secret.was_copied = display->secret.was_copied || veil_is_on(display);
	if (event->selection != display->atoms.clipboard) {
		return;
	}
	/* One question at a time, and the answer to this one may be the old content. */
	display->clipboard.offer_again = is_asked(&display->clipboard);
	clipboard_offer_to_viewers(display, VNC_LINK_ALL_VIEWERS);
}

/* Who came while nobody might have the text, or another. */
static void offer_to_newcomers(struct display *display)
{
	const enum clipboard_audience audience = find_audience(display);
	if (audience != display->clipboard.audience) {
		display->clipboard.audience = audience;
		clipboard_offer_to_viewers(display, display->people.newcomers);
	}
}

int clipboard_idle(struct display *display)
{
	const struct display_clipboard *clipboard = &display->clipboard;
	offer_to_newcomers(display);
	if (clipboard->offer_asked_us == 0 || !clipboard->offer_again) {
		return -1;
	}
	if (!is_asked(clipboard)) {
		display->clipboard.offer_again = false;
		clipboard_offer_to_viewers(display, VNC_LINK_ALL_VIEWERS);
		return -1;
	}
	return cua_ms_until(clipboard->offer_asked_us + ANSWER_TIMEOUT_US);
}

void clipboard_offer_answered(struct display *display, const XSelectionEvent *event)
{
	struct display_clipboard *clipboard = &display->clipboard;
	unsigned long count = 0;
	unsigned char *text = NULL;
	if (event->property != None) {
		/* What is longer, or comes in parts, is not for viewers: it has another type. */
		text = display_property_part(display, display->helper, display->atoms.cua_selection,
				display->atoms.utf8_string, 8, VNC_LINK_TEXT_MAX + 4, &count);
		XDeleteProperty(display->xlib, display->helper, display->atoms.cua_selection);
	}
	if (is_for_same(display)) {
		offer(display, (const char *)text, count, clipboard->offer_viewers);
	}
	if (text) {
		XFree(text);
	}
	clipboard->offer_asked_us = 0;
	if (clipboard->offer_again) {
		clipboard_offer_to_viewers(display, VNC_LINK_ALL_VIEWERS);
	} else {
		clipboard_offer_to_viewers(display, display->people.newcomers);
	}
}
