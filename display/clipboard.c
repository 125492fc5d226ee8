#include "display/display_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"

#define GET_MAX_BYTES ((size_t)4 << 20)
#define GET_TIMEOUT_MS 3000

void clipboard_finish(struct display *display)
{
	free(display->clipboard.text);
	display->clipboard.text = NULL;
}

/* --- giving: we own the selection --- */

static void answer_request(struct display *display, const XSelectionRequestEvent *request)
{
	struct display_clipboard *clipboard = &display->clipboard;
	const struct display_atoms *atoms = &display->atoms;
	const Atom property = request->property != None ? request->property : request->target;
	XEvent reply = { .xselection = { .type = SelectionNotify,
					 .requestor = request->requestor,
					 .selection = request->selection,
					 .target = request->target,
					 .property = property,
					 .time = request->time } };
	const Atom targets[] = { atoms->targets, atoms->timestamp, atoms->utf8_string,
		atoms->text_plain_utf8, atoms->text, XA_STRING };
	if (!clipboard->text) {
		reply.xselection.property = None;
	} else if (request->target == atoms->targets) {
		XChangeProperty(display->xlib, request->requestor, property, XA_ATOM, 32,
				PropModeReplace, (const unsigned char *)targets,
				(int)CUA_ARRAY_LEN(targets));
	} else if (request->target == atoms->timestamp) {
		const long since = (long)clipboard->since;
		XChangeProperty(display->xlib, request->requestor, property, XA_INTEGER, 32,
				PropModeReplace, (const unsigned char *)&since, 1);
	} else if (request->target == atoms->utf8_string || request->target == atoms->text ||
			request->target == atoms->text_plain_utf8 || request->target == XA_STRING) {
		const Atom type = request->target == atoms->text ? atoms->utf8_string
								 : request->target;
		XChangeProperty(display->xlib, request->requestor, property, type, 8,
				PropModeReplace, (const unsigned char *)clipboard->text,
				(int)clipboard->len);
	} else {
		reply.xselection.property = None;
	}
	XSendEvent(display->xlib, request->requestor, False, NoEventMask, &reply);
	XFlush(display->xlib);
}

bool clipboard_event(struct display *display, XEvent *event)
{
	struct display_clipboard *clipboard = &display->clipboard;
	switch (event->type) {
	case SelectionRequest:
		answer_request(display, &event->xselectionrequest);
		return true;
	case SelectionClear:
		if (event->xselectionclear.selection == display->atoms.clipboard) {
			clipboard_finish(display);
		}
		return true;
	case SelectionNotify:
		/* The answer to a request that was given up has another time. */
		if (event->xselection.time != clipboard->request_time) {
			return true;
		}
		clipboard->notified = true;
		clipboard->notify_refused = event->xselection.property == None;
		return true;
	case PropertyNotify:
		if (event->xproperty.window == display->helper) {
			clipboard->server_time = event->xproperty.time;
			clipboard->property_new = clipboard->property_new ||
					(event->xproperty.state == PropertyNewValue &&
							event->xproperty.atom ==
									display->atoms.cua_selection);
		}
		return true;
	default:
		return false;
	}
}

static bool has_time(struct display *display, void *user_data)
{
	(void)user_data;
	return display->clipboard.server_time != 0;
}

/* Ownership is taken with the server's time, which an empty change of a property tells. */
static enum cua_status fetch_server_time(struct display *display, struct cua_error *err)
{
	display->clipboard.server_time = 0;
	XChangeProperty(display->xlib, display->helper, display->atoms.timestamp, XA_INTEGER, 8,
			PropModeAppend, (const unsigned char *)"", 0);
	return display_wait(display, cua_now_us() + GET_TIMEOUT_MS * 1000ULL, has_time, NULL, err);
}

enum cua_status clipboard_own(
		struct display *display, const char *text, Time time, struct cua_error *err)
{
	struct display_clipboard *clipboard = &display->clipboard;
	char *copy = strdup(text);
	if (!copy) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "clipboard");
	}
	free(clipboard->text);
	clipboard->text = copy;
	clipboard->len = strlen(copy);
	clipboard->since = time;
	XSetSelectionOwner(display->xlib, display->atoms.clipboard, display->helper, time);
	if (XGetSelectionOwner(display->xlib, display->atoms.clipboard) != display->helper) {
		clipboard_finish(display);
		return CUA_FAIL(err, CUA_ERR_X11, 0, "another client took the clipboard");
	}
	return display_ok(display, err);
}

enum cua_status clipboard_set(struct display *display, const char *text, struct cua_error *err)
{
	enum cua_status status = fetch_server_time(display, err);
	return status == CUA_OK ? clipboard_own(display, text, display->clipboard.server_time, err)
				: status;
}

/* --- taking: an application owns it --- */

static bool is_notified(struct display *display, void *user_data)
{
	(void)user_data;
	return display->clipboard.notified;
}

static bool has_part(struct display *display, void *user_data)
{
	(void)user_data;
	return display->clipboard.property_new;
}

/* Moves our property into buffer; *ret_type tells what it was. */
static enum cua_status take_property(struct display *display, struct cua_buffer *buffer,
		Atom *ret_type, unsigned long *ret_len, struct cua_error *err)
{
	int format = 0;
	unsigned long count = 0, left = 0;
	unsigned char *data = NULL;
	display->clipboard.property_new = false;
	if (XGetWindowProperty(display->xlib, display->helper, display->atoms.cua_selection, 0,
			    (long)(GET_MAX_BYTES / 4), True, AnyPropertyType, ret_type, &format,
			    &count, &left, &data) != Success) {
		return CUA_FAIL(err, CUA_ERR_X11, 0, "the clipboard cannot be read");
	}
	enum cua_status status = left > 0
			? CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
					  "the clipboard holds more than %zu bytes", GET_MAX_BYTES)
			: CUA_OK;
	*ret_len = format == 8 ? count : 0;
	if (status == CUA_OK && *ret_type != display->atoms.incr && format == 8 && count > 0) {
		status = cua_buffer_append(buffer, data, count, err);
	}
	if (data) {
		XFree(data);
	}
	return status;
}

/* Large contents come in parts, each asked for by deleting the one before.
 * Source: Inter-Client Communication Conventions Manual, 2.7.2. */
static enum cua_status take_parts(
		struct display *display, struct cua_buffer *buffer, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + GET_TIMEOUT_MS * 1000ULL;
	for (unsigned long len = 1; len > 0;) {
		Atom type = None;
		enum cua_status status = display_wait(display, deadline_us, has_part, NULL, err);
		if (status == CUA_OK) {
			status = take_property(display, buffer, &type, &len, err);
		}
		if (status != CUA_OK) {
			return status;
		}
	}
	return CUA_OK;
}

static enum cua_status convert(
		struct display *display, struct cua_buffer *buffer, struct cua_error *err)
{
	struct display_clipboard *clipboard = &display->clipboard;
	enum cua_status status = fetch_server_time(display, err);
	if (status != CUA_OK) {
		return status;
	}
	clipboard->notified = false;
	clipboard->request_time = clipboard->server_time;
	XDeleteProperty(display->xlib, display->helper, display->atoms.cua_selection);
	XConvertSelection(display->xlib, display->atoms.clipboard, display->atoms.utf8_string,
			display->atoms.cua_selection, display->helper, clipboard->request_time);
	XFlush(display->xlib);
	status = display_wait(
			display, cua_now_us() + GET_TIMEOUT_MS * 1000ULL, is_notified, NULL, err);
	if (status == CUA_ERR_TIMEOUT) {
		return CUA_FAIL(err, CUA_ERR_APP, 0,
				"the owner of the clipboard did not answer in %d s",
				GET_TIMEOUT_MS / 1000);
	}
	if (status != CUA_OK || clipboard->notify_refused) {
		return status; /* refused: nothing that is text, or nothing at all */
	}
	Atom type = None;
	unsigned long len = 0;
	status = take_property(display, buffer, &type, &len, err);
	return status == CUA_OK && type == display->atoms.incr ? take_parts(display, buffer, err)
							       : status;
}

enum cua_status clipboard_get(struct display *display, char **ret_text, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer buffer;
	cua_buffer_init(&buffer, GET_MAX_BYTES);
	enum cua_status status = CUA_OK;
	if (display->clipboard.text) {
		status = cua_buffer_append(
				&buffer, display->clipboard.text, display->clipboard.len, err);
	} else {
		status = convert(display, &buffer, err);
	}
	if (status == CUA_OK) {
		status = cua_buffer_append(&buffer, "", 0, err);
	}
	if (status == CUA_OK &&
			(strlen(buffer.data) != buffer.len ||
					cua_utf8_check(buffer.data, buffer.len, err) != CUA_OK)) {
		return CUA_FAIL(err, CUA_ERR_APP, 0,
				"the clipboard holds text that is not UTF-8, or has a NUL in it");
	}
	if (status == CUA_OK) {
		*ret_text = CUA_STEAL(buffer.data);
		buffer.len = buffer.capacity = 0;
	}
	return status;
}
