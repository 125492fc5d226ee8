/* Selections that applications own, fetched with a deadline and a bound on their size. */

#include "display/display_internal.h"

#include <string.h>

#include "cua/base/util.h"

#define ANSWER_TIMEOUT_MS 3000

static bool has_time(struct display *display, void *user_data)
{
	(void)user_data;
	return display->clipboard.server_time != 0;
}

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

static uint64_t earlier(uint64_t deadline_us, int timeout_ms)
{
	const uint64_t other_us = cua_now_us() + (uint64_t)timeout_ms * 1000U;
	return other_us < deadline_us ? other_us : deadline_us;
}

Window selection_window(struct display *display)
{
	return XCreateSimpleWindow(display->xlib, display->root, -10, -10, 1, 1, 0, 0, 0);
}

/* A window for each conversion: what an owner sends after its time goes nowhere. */
static void open_window(struct display *display)
{
	struct display_clipboard *clipboard = &display->clipboard;
	selection_take_end(display);
	clipboard->taking_window = selection_window(display);
	XSelectInput(display->xlib, clipboard->taking_window, PropertyChangeMask);
	clipboard->notified = clipboard->refused = clipboard->property_new = false;
}

void selection_abandon(struct display *display, Window *window)
{
	struct display_clipboard *clipboard = &display->clipboard;
	Window *place = &clipboard->abandoned[clipboard->abandoned_count++ %
			CLIPBOARD_ABANDONED_MAX];
	if (*place != None && !display->dead) {
		XDestroyWindow(display->xlib, *place);
	}
	*place = *window;
	*window = None;
}

void selection_take_end(struct display *display)
{
	struct display_clipboard *clipboard = &display->clipboard;
	if (clipboard->taking_window != None && !display->dead) {
		XDestroyWindow(display->xlib, clipboard->taking_window);
	}
	clipboard->taking_window = None;
}

/* The server tells its time with the event of a property that is changed by nothing. */
enum cua_status selection_take_begin(struct display *display, enum cua_selection selection,
		int timeout_ms, struct selection_take *take, struct cua_error *err)
{
	struct display_clipboard *clipboard = &display->clipboard;
	take->selection = selection;
	take->deadline_us = cua_now_us() + (uint64_t)timeout_ms * 1000U;
	open_window(display);
	clipboard->server_time = 0;
	XChangeProperty(display->xlib, clipboard->taking_window, display->atoms.timestamp,
			XA_INTEGER, 8, PropModeAppend, (const unsigned char *)"", 0);
	enum cua_status status = display_wait(display, take->deadline_us, has_time, NULL, err);
	take->time = clipboard->server_time;
	return status;
}

/* Moves the property into data; *ret_len is in bytes, with a long for each number of 32 bits. */
static enum cua_status take_property(struct display *display, struct cua_buffer *data,
		Atom *ret_type, size_t *ret_len, struct cua_error *err)
{
	int format = 0;
	unsigned long count = 0, left = 0;
	unsigned char *bytes = NULL;
	const size_t room = data->max_len - data->len;
	display->clipboard.property_new = false;
	if (XGetWindowProperty(display->xlib, display->clipboard.taking_window,
			    display->atoms.cua_selection, 0, (long)(room / 4 + 1), True,
			    AnyPropertyType, ret_type, &format, &count, &left, &bytes) != Success) {
		return CUA_FAIL(err, CUA_ERR_X11, 0, "the clipboard cannot be read");
	}
	const size_t len = format == 32 ? count * sizeof(long) : format == 8 ? count : 0;
	display->clipboard.taking_format = len > 0 ? format : display->clipboard.taking_format;
	enum cua_status status = CUA_OK;
	if (left > 0 || len > room) {
		status = CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"the clipboard holds more than %zu bytes", data->max_len);
	} else if (*ret_type != display->atoms.incr) {
		status = cua_buffer_append(data, bytes ? (const char *)bytes : "", len, err);
	}
	*ret_len = len;
	if (bytes) {
		XFree(bytes);
	}
	return status;
}

/* Large contents come in parts, each asked for by deleting the one before; one without bytes is
 * the end. */
static enum cua_status take_parts(struct display *display, const struct selection_take *take,
		struct cua_buffer *data, Atom *ret_type, struct cua_error *err)
{
	Atom type = None;
	for (size_t len = 1; len > 0;) {
		enum cua_status status = display_wait(display,
				earlier(take->deadline_us, ANSWER_TIMEOUT_MS), has_part, NULL, err);
		if (status == CUA_ERR_TIMEOUT) {
			return CUA_FAIL(err, CUA_ERR_APP, 0,
					"the owner of the clipboard stopped in the middle, after "
					"%zu bytes",
					data->len);
		}
		if (status == CUA_OK) {
			status = take_property(display, data, &type, &len, err);
		}
		if (status == CUA_OK && type == display->atoms.incr) {
			status = CUA_FAIL(err, CUA_ERR_APP, 0,
					"the owner of the clipboard sends parts of parts");
		}
		if (status != CUA_OK) {
			return status;
		}
		*ret_type = len > 0 || *ret_type == display->atoms.incr ? type : *ret_type;
	}
	return CUA_OK;
}

static enum cua_status convert(struct display *display, const struct selection_take *take,
		Atom target, struct cua_buffer *data, Atom *ret_type, struct cua_error *err)
{
	struct display_clipboard *clipboard = &display->clipboard;
	clipboard->taking_selection = clipboard->selections[take->selection];
	clipboard->taking_target = target;
	XConvertSelection(display->xlib, clipboard->taking_selection, target,
			display->atoms.cua_selection, clipboard->taking_window, take->time);
	XFlush(display->xlib);
	enum cua_status status = display_wait(display,
			earlier(take->deadline_us, ANSWER_TIMEOUT_MS), is_notified, NULL, err);
	if (status == CUA_ERR_TIMEOUT) {
		return CUA_FAIL(err, CUA_ERR_APP, 0,
				"the owner of the clipboard did not answer in %d s",
				ANSWER_TIMEOUT_MS / 1000);
	}
	*ret_type = None;
	if (status != CUA_OK || clipboard->refused) {
		return status;
	}
	size_t len = 0;
	status = take_property(display, data, ret_type, &len, err);
	if (status == CUA_OK && *ret_type == display->atoms.incr) {
		status = take_parts(display, take, data, ret_type, err);
	}
	const bool is_list = target == display->atoms.targets;
	if (status == CUA_OK && data->len > 0 && clipboard->taking_format != (is_list ? 32 : 8)) {
		status = CUA_FAIL(err, CUA_ERR_APP, 0,
				"the owner of the clipboard answered with numbers of %d bits",
				clipboard->taking_format);
	}
	return status;
}

enum cua_status selection_take(struct display *display, const struct selection_take *take,
		Atom target, struct cua_buffer *data, Atom *ret_type, struct cua_error *err)
{
	open_window(display);
	display->clipboard.taking_format = 0;
	enum cua_status status = convert(display, take, target, data, ret_type, err);
	if (status != CUA_OK) {
		selection_abandon(display, &display->clipboard.taking_window);
	}
	selection_take_end(display);
	return status;
}

/* Targets that are questions or orders to the owner. */
static bool is_format(const struct display *display, Atom target)
{
	const struct display_atoms *atoms = &display->atoms;
	return target != None && target != atoms->targets && target != atoms->timestamp &&
			target != atoms->multiple && target != atoms->save_targets &&
			target != atoms->delete_selection && target != atoms->incr;
}

enum cua_status selection_take_targets(struct display *display, const struct selection_take *take,
		Atom *targets, int max, int *ret_count, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer list;
	Atom type = None;
	cua_buffer_init(&list, 65536);
	enum cua_status status =
			selection_take(display, take, display->atoms.targets, &list, &type, err);
	/* Some owners call the list by the name of the request. */
	const bool is_list = type == XA_ATOM || type == display->atoms.targets;
	*ret_count = 0;
	for (size_t at = 0; status == CUA_OK && is_list && at + sizeof(Atom) <= list.len &&
			*ret_count < max;
			at += sizeof(Atom)) {
		Atom target;
		memcpy(&target, list.data + at, sizeof(target));
		target &= 0xffffffffUL;
		if (is_format(display, target)) {
			targets[(*ret_count)++] = target;
		}
	}
	return status;
}
