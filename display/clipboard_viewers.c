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

void clipboard_event(struct display *display, const XFixesSelectionNotifyEvent *event)
{
	display->secret.was_copied = display->secret.was_copied || veil_is_on(display);
	if (event->selection == display->atoms.clipboard) {
		clipboard_offer_to_viewers(display, true);
	}
}

/* Whom a content may be offered to. In private that is who has the desktop, once the vnc process
 * knows; while a secret may show, nobody. */
enum audience { AUDIENCE_NOBODY, AUDIENCE_ALL, AUDIENCE_OWNER };

static enum audience find_audience(const struct display *display)
{
	if (display->people.controllers == 0 || veil_is_for(display, VEIL_SECRET)) {
		return AUDIENCE_NOBODY;
	}
	if (!veil_is_on(display) && !display_is_private(display)) {
		return AUDIENCE_ALL;
	}
	return people_show_private(display) ? AUDIENCE_OWNER : AUDIENCE_NOBODY;
}

static void offer(struct display *display, const char *text, size_t len, bool is_for_all)
{
	if (len <= VNC_LINK_TEXT_MAX && !memchr(text, '\0', len) &&
			cua_utf8_check(text, len, NULL) == CUA_OK) {
		people_send_cut_text(display, text, len, find_audience(display) == AUDIENCE_OWNER,
				is_for_all);
	}
}

static void offer_own(
		struct display *display, const struct clipboard_content *content, bool is_for_all)
{
	for (int i = 0; i < content->count; i++) {
		if (content->items[i].target == display->atoms.utf8_string) {
			offer(display, (const char *)content->items[i].data, content->items[i].len,
					is_for_all);
		}
	}
}

/* An answer may come after the veil that was asked for before it, and one to a question of
 * somebody's who had the desktop in private after that. */
static bool is_for_same(const struct display *display)
{
	const struct display_clipboard *clipboard = &display->clipboard;
	const enum audience audience = find_audience(display);
	return audience != AUDIENCE_NOBODY &&
			(audience == AUDIENCE_OWNER) == clipboard->offer_is_private &&
			(audience == AUDIENCE_ALL ||
					clipboard->offer_control == display->takeover.count);
}

void clipboard_offer_to_viewers(struct display *display, bool is_for_all)
{
	struct display_clipboard *clipboard = &display->clipboard;
	const uint64_t now_us = cua_now_us();
	const enum audience audience = find_audience(display);
	if (audience == AUDIENCE_NOBODY) {
		return;
	}
	if (clipboard->owned[CUA_SELECTION_CLIPBOARD]) {
		offer_own(display, clipboard->owned[CUA_SELECTION_CLIPBOARD], is_for_all);
		return;
	}
	if (clipboard->offer_asked_us > 0 &&
			now_us < clipboard->offer_asked_us + ANSWER_TIMEOUT_US) {
		/* One question at a time. Who has come meanwhile gets the answer, too. */
		clipboard->offer_again = clipboard->offer_again || is_for_all;
		return;
	}
	clipboard->offer_asked_us = now_us;
	clipboard->offer_again = false;
	clipboard->offer_is_for_all = is_for_all;
	clipboard->offer_is_private = audience == AUDIENCE_OWNER;
	clipboard->offer_control = display->takeover.count;
	XConvertSelection(display->xlib, display->atoms.clipboard, display->atoms.utf8_string,
			display->atoms.cua_selection, display->helper, CurrentTime);
	XFlush(display->xlib);
}

int clipboard_idle(struct display *display)
{
	const struct display_clipboard *clipboard = &display->clipboard;
	if (clipboard->offer_asked_us == 0 || !clipboard->offer_again) {
		return -1;
	}
	if (cua_ms_until(clipboard->offer_asked_us + ANSWER_TIMEOUT_US) == 0) {
		display->clipboard.offer_again = false;
		clipboard_offer_to_viewers(display, true);
		return -1;
	}
	return cua_ms_until(clipboard->offer_asked_us + ANSWER_TIMEOUT_US);
}

void clipboard_offer_answered(struct display *display, const XSelectionEvent *event)
{
	unsigned long count = 0;
	unsigned char *text = NULL;
	if (event->property != None) {
		/* What is longer, or comes in parts, is not for viewers: it has another type. */
		text = display_property_part(display, display->helper, display->atoms.cua_selection,
				display->atoms.utf8_string, 8, VNC_LINK_TEXT_MAX + 4, &count);
		XDeleteProperty(display->xlib, display->helper, display->atoms.cua_selection);
	}
	if (text && is_for_same(display)) {
		offer(display, (const char *)text, count, display->clipboard.offer_is_for_all);
	}
	if (text) {
		XFree(text);
	}
	display->clipboard.offer_asked_us = 0;
	if (display->clipboard.offer_again) {
		clipboard_offer_to_viewers(display, true);
	}
}
