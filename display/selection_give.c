/* Selections that we own, handed to whoever asks. */

#include "display/display_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

/* More than this goes in parts of this size. */
#define PART_BYTES ((size_t)256 << 10)
/* A requestor that fetches no part for so long is forgotten. */
#define PART_TIMEOUT_US 10000000U
#define PAIRS_MAX 64

/* --- contents --- */

struct clipboard_content *clipboard_content_create(void)
{
	struct clipboard_content *content = calloc(1, sizeof(*content));
	if (content) {
		content->refs = 1;
	}
	return content;
}

void clipboard_content_unref(struct clipboard_content *content)
{
	if (!content || --content->refs > 0) {
		return;
	}
	for (int i = 0; i < content->count; i++) {
		free(content->items[i].data);
	}
	free(content);
}

enum cua_status clipboard_content_add(struct clipboard_content *content, Atom target, Atom type,
		const void *data, size_t len, struct cua_error *err)
{
	if (content->count == CLIPBOARD_ITEMS_MAX || len > CLIPBOARD_BYTES_MAX - content->bytes) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"the clipboard takes at most %d formats and %zu bytes",
				CLIPBOARD_ITEMS_MAX, CLIPBOARD_BYTES_MAX);
	}
	unsigned char *copy = malloc(len + 1);
	if (!copy) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "clipboard");
	}
	memcpy(copy, data, len);
	copy[len] = '\0';
	content->items[content->count++] = (struct clipboard_item){ target, type, copy, len };
	content->bytes += len;
	return CUA_OK;
}

static const struct clipboard_item *find_item(const struct clipboard_content *content, Atom target)
{
	for (int i = 0; i < content->count; i++) {
		if (content->items[i].target == target) {
			return &content->items[i];
		}
	}
	return NULL;
}

/* --- transfers in parts --- */

/* Another transfer to the same window: one of MULTIPLE. NULL if there is none. */
static const struct clipboard_transfer *transfer_beside(const struct display *display,
		Window requestor, const struct clipboard_transfer *except)
{
	for (int i = 0; i < CLIPBOARD_TRANSFERS_MAX; i++) {
		const struct clipboard_transfer *other = &display->clipboard.transfers[i];
		if (other != except && other->content && other->requestor == requestor) {
			return other;
		}
	}
	return NULL;
}

/* The last one of a window gives it back what was selected before the first. */
static void transfer_end(struct display *display, struct clipboard_transfer *transfer)
{
	if (transfer->content && !display->dead &&
			!transfer_beside(display, transfer->requestor, transfer)) {
		XSelectInput(display->xlib, transfer->requestor, transfer->mask_before);
		window_cache_unheard(display, transfer->requestor);
	}
	clipboard_content_unref(transfer->content);
	transfer->content = NULL;
}

/* The slot of this requestor and property, or a free one; NULL when all are in use. */
static struct clipboard_transfer *transfer_slot(
		struct display *display, Window requestor, Atom property)
{
	struct clipboard_transfer *slot = NULL;
	for (int i = 0; i < CLIPBOARD_TRANSFERS_MAX; i++) {
		struct clipboard_transfer *transfer = &display->clipboard.transfers[i];
		const bool is_same =
				transfer->requestor == requestor && transfer->property == property;
		if (transfer->content && (is_same || cua_now_us() > transfer->deadline_us)) {
			transfer_end(display, transfer);
		}
		slot = transfer->content ? slot : transfer;
	}
	return slot;
}

static bool transfer_begin(struct display *display, struct clipboard_content *content,
		const struct clipboard_item *item, Window requestor, Atom property)
{
	XWindowAttributes attributes;
	const long len = (long)item->len;
	struct clipboard_transfer *transfer = transfer_slot(display, requestor, property);
	if (!transfer || !XGetWindowAttributes(display->xlib, requestor, &attributes)) {
		return false;
	}
	const struct clipboard_transfer *beside = transfer_beside(display, requestor, transfer);
	content->refs++;
	*transfer = (struct clipboard_transfer){ .content = content,
		.item = item,
		.requestor = requestor,
		.property = property,
		.mask_before = beside ? beside->mask_before : attributes.your_event_mask,
		.deadline_us = cua_now_us() + PART_TIMEOUT_US };
	XSelectInput(display->xlib, requestor,
			attributes.your_event_mask | PropertyChangeMask | StructureNotifyMask);
	XChangeProperty(display->xlib, requestor, property, display->atoms.incr, 32,
			PropModeReplace, (const unsigned char *)&len, 1);
	return true;
}

/* The requestor has deleted the part before. A part without bytes ends the transfer. */
static void transfer_go_on(struct display *display, Window requestor, Atom property)
{
	for (int i = 0; i < CLIPBOARD_TRANSFERS_MAX; i++) {
		struct clipboard_transfer *transfer = &display->clipboard.transfers[i];
		if (!transfer->content || transfer->requestor != requestor ||
				transfer->property != property) {
			continue;
		}
		const size_t left = transfer->item->len - transfer->sent;
		const size_t part = left < PART_BYTES ? left : PART_BYTES;
		XChangeProperty(display->xlib, requestor, property, transfer->item->type, 8,
				PropModeReplace, transfer->item->data + transfer->sent, (int)part);
		transfer->sent += part;
		transfer->deadline_us = cua_now_us() + PART_TIMEOUT_US;
		if (part == 0) {
			transfer_end(display, transfer);
			display->clipboard.served++;
		}
		XFlush(display->xlib);
	}
}

static void transfer_gone(struct display *display, Window requestor)
{
	for (int i = 0; i < CLIPBOARD_TRANSFERS_MAX; i++) {
		struct clipboard_transfer *transfer = &display->clipboard.transfers[i];
		if (transfer->content && transfer->requestor == requestor) {
			clipboard_content_unref(transfer->content);
			transfer->content = NULL;
		}
	}
}

/* --- requests --- */

static void give_targets(struct display *display, const struct clipboard_content *content,
		Window requestor, Atom property)
{
	const struct display_atoms *atoms = &display->atoms;
	Atom targets[CLIPBOARD_ITEMS_MAX + 3] = { atoms->targets, atoms->timestamp,
		atoms->multiple };
	int count = 3;
	for (int i = 0; i < content->count; i++) {
		targets[count++] = content->items[i].target;
	}
	XChangeProperty(display->xlib, requestor, property, XA_ATOM, 32, PropModeReplace,
			(const unsigned char *)targets, count);
}

static bool give_item(struct display *display, int selection, Window requestor, Atom target,
		Atom property)
{
	struct clipboard_content *content = display->clipboard.owned[selection];
	const struct clipboard_item *item = find_item(content, target);
	if (!item) {
		return false;
	}
	if (item->len > PART_BYTES) {
		return transfer_begin(display, content, item, requestor, property);
	}
	XChangeProperty(display->xlib, requestor, property, item->type, 8, PropModeReplace,
			item->data, (int)item->len);
	display->clipboard.served++;
	return true;
}

static bool give(struct display *display, int selection, Window requestor, Atom target,
		Atom property)
{
	if (target == display->atoms.targets) {
		give_targets(display, display->clipboard.owned[selection], requestor, property);
		return true;
	}
	if (target == display->atoms.timestamp) {
		const long since = (long)display->clipboard.since[selection];
		XChangeProperty(display->xlib, requestor, property, XA_INTEGER, 32, PropModeReplace,
				(const unsigned char *)&since, 1);
		return true;
	}
	return give_item(display, selection, requestor, target, property);
}

/* Pairs of target and property; a target that is refused gets the property None. */
static bool give_multiple(struct display *display, int selection, Window requestor, Atom property)
{
	unsigned long count = 0;
	Atom *pairs = (Atom *)(void *)display_property(
			display, requestor, property, display->atoms.atom_pair, 32, &count);
	if (!pairs || count % 2 != 0 || count > (unsigned long)PAIRS_MAX * 2) {
		if (pairs) {
			XFree(pairs);
		}
		return false;
	}
	for (unsigned long i = 0; i < count; i += 2) {
		if (pairs[i + 1] == None ||
				!give(display, selection, requestor, pairs[i], pairs[i + 1])) {
			pairs[i + 1] = None;
		}
	}
	XChangeProperty(display->xlib, requestor, property, display->atoms.atom_pair, 32,
			PropModeReplace, (const unsigned char *)pairs, (int)count);
	XFree(pairs);
	return true;
}

static int selection_index(const struct display *display, Atom selection)
{
	for (int i = 0; i < CUA_SELECTION_COUNT; i++) {
		if (display->clipboard.selections[i] == selection) {
			return i;
		}
	}
	return -1;
}

static void answer_request(struct display *display, const XSelectionRequestEvent *request)
{
	const int selection = selection_index(display, request->selection);
	/* Clients of old leave the choice of the property to us. */
	const Atom property = request->property != None ? request->property : request->target;
	bool given = false;
	/* Our own windows and the root window have properties that steer us. */
	if (selection >= 0 && display->clipboard.owned[selection] &&
			request->requestor != display->root &&
			request->requestor != display->helper) {
		given = request->target == display->atoms.multiple
				? give_multiple(display, selection, request->requestor, property)
				: give(display, selection, request->requestor, request->target,
						  property);
	}
	XEvent reply = { .xselection = { .type = SelectionNotify,
					 .requestor = request->requestor,
					 .selection = request->selection,
					 .target = request->target,
					 .property = given ? property : None,
					 .time = request->time } };
	XSendEvent(display->xlib, request->requestor, False, NoEventMask, &reply);
	XFlush(display->xlib);
	display->clipboard.asked++;
}

/* --- events --- */

static void note_lost(struct display *display, const XSelectionClearEvent *event)
{
	const int selection = selection_index(display, event->selection);
	if (selection >= 0 && event->window == display->helper) {
		clipboard_content_unref(display->clipboard.owned[selection]);
		display->clipboard.owned[selection] = NULL;
	}
}

static void note_property(struct display *display, const XPropertyEvent *event)
{
	struct display_clipboard *clipboard = &display->clipboard;
	if (event->window == clipboard->taking_window) {
		clipboard->server_time = event->time;
		clipboard->property_new = clipboard->property_new ||
				(event->state == PropertyNewValue &&
						event->atom == display->atoms.cua_selection);
	} else if (event->state == PropertyDelete) {
		transfer_go_on(display, event->window, event->atom);
	}
}

bool selection_event(struct display *display, XEvent *event)
{
	struct display_clipboard *clipboard = &display->clipboard;
	switch (event->type) {
	case SelectionRequest:
		answer_request(display, &event->xselectionrequest);
		return true;
	case SelectionClear:
		note_lost(display, &event->xselectionclear);
		return true;
	case SelectionNotify:
		/* The answer to a conversion that was given up names a window that is gone. */
		if (event->xselection.requestor == clipboard->taking_window &&
				event->xselection.selection == clipboard->taking_selection &&
				event->xselection.target == clipboard->taking_target) {
			clipboard->notified = true;
			clipboard->refused = event->xselection.property == None;
		} else if (clipboard->offer_window != None &&
				event->xselection.requestor == clipboard->offer_window) {
			clipboard_offer_answered(display, &event->xselection);
		}
		return true;
	case PropertyNotify:
		note_property(display, &event->xproperty);
		return true;
	case DestroyNotify:
		transfer_gone(display, event->xdestroywindow.window);
		return true;
	default:
		return false;
	}
}

/* --- owning --- */

enum cua_status selection_own(struct display *display, enum cua_selection selection,
		struct clipboard_content *content, Time time, struct cua_error *err)
{
	struct display_clipboard *clipboard = &display->clipboard;
	const Atom atom = clipboard->selections[selection];
	XSetSelectionOwner(display->xlib, atom, display->helper, time);
	if (XGetSelectionOwner(display->xlib, atom) != display->helper) {
		enum cua_status status = display_ok(display, err);
		return status != CUA_OK ? status
					: CUA_FAIL(err, CUA_ERR_X11, 0,
							  "another client took the clipboard");
	}
	content->refs++;
	clipboard_content_unref(clipboard->owned[selection]);
	clipboard->owned[selection] = content;
	clipboard->since[selection] = time;
	return display_ok(display, err);
}

void selection_disown(struct display *display, enum cua_selection selection)
{
	struct display_clipboard *clipboard = &display->clipboard;
	if (clipboard->owned[selection]) {
		XSetSelectionOwner(display->xlib, clipboard->selections[selection], None,
				clipboard->since[selection]);
		clipboard_content_unref(clipboard->owned[selection]);
		clipboard->owned[selection] = NULL;
	}
}

void selection_finish(struct display *display)
{
	struct display_clipboard *clipboard = &display->clipboard;
	for (int i = 0; i < CLIPBOARD_TRANSFERS_MAX; i++) {
		transfer_end(display, &clipboard->transfers[i]);
	}
	for (int i = 0; i < CUA_SELECTION_COUNT; i++) {
		clipboard_content_unref(clipboard->owned[i]);
		clipboard->owned[i] = NULL;
	}
}
