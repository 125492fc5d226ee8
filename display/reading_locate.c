/* Where to click an element: it is where it is now, not where it was when it was read. */

#include "display/reading.h"

#include <errno.h>
#include <stdlib.h>

#include "cua/base/util.h"
#include "display/reader_client.h"

#define RAISE_TIMEOUT_MS 1000
#define RAISE_LOOK_US 20000U

static enum cua_status ask_element(struct display *display, const struct element_ref *ref,
		struct window_stack *stack, struct cua_region *ret_box, struct cua_error *err)
{
	const struct cua_region screen = display_screen(display);
	window_stack_read(display, stack);
	CUA_AUTO_JSON cJSON *request = reading_request(
			display, "element", stack, ref->place.window, READING_TIMEOUT_MS);
	CUA_AUTO_JSON cJSON *answer = NULL;
	cJSON_AddStringToObject(request, "bus", ref->bus);
	cJSON_AddStringToObject(request, "path", ref->path);
	/* Its own scale: of the other kind of application it is none. */
	cJSON_DeleteItemFromObjectCaseSensitive(request, "scale_percent");
	element_place_add(&ref->place, request);
	cJSON_AddTrueToObject(request, "scroll");
	enum cua_status status = reader_ask(display, request, NULL, 0,
			READING_TIMEOUT_MS + READING_MARGIN_MS, &answer, err);
	if (status == CUA_OK && !element_read_box(answer, &screen, ret_box)) {
		status = CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0,
				"it cannot be seen: it may be hidden, or scrolled away and has to "
				"be scrolled to");
	}
	return status;
}

static bool is_in_front(
		const struct window_stack *stack, Window window, const struct cua_region *box)
{
	return window_stack_at(stack, box->x + box->width / 2, box->y + box->height / 2) == window;
}

/* The window manager may give the keyboard before it restacks, and the window may draw anew: looks
 * until the element is in front. */
static enum cua_status raise_window(struct display *display, const struct element_ref *ref,
		struct window_stack *stack, struct cua_region *box, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + RAISE_TIMEOUT_MS * 1000ULL;
	enum cua_status status = window_focus(display, ref->place.window, err);
	while (status == CUA_OK) {
		status = ask_element(display, ref, stack, box, err);
		if (status != CUA_OK || is_in_front(stack, ref->place.window, box)) {
			break;
		}
		if (cua_now_us() > deadline_us) {
			return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0,
					"another window is in front of it");
		}
		status = display_wait(display, cua_now_us() + RAISE_LOOK_US, NULL, NULL, err);
		status = status == CUA_ERR_TIMEOUT ? CUA_OK : status;
	}
	return status;
}

/* With the number of the reference before what went wrong. */
static enum cua_status find_ref(struct display *display, const char *text,
		const struct element_ref **ret_ref, struct cua_error *err)
{
	const unsigned int number = element_ref_parse(text);
	if (number == 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"ref is \"%.40s\"; it must be a reference as read_screen gives "
				"it, e12 for example",
				text);
	}
	*ret_ref = element_refs_find(&display->refs, number);
	return *ret_ref ? CUA_OK
			: CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0,
					  "ref e%u was not given on this desktop, or is forgotten; "
					  "read_screen tells what there is",
					  number);
}

static struct cua_point middle_of(const struct cua_region *box)
{
	return (struct cua_point){ box->x + box->width / 2, box->y + box->height / 2 };
}

static enum cua_status locate(struct display *display, const struct element_ref *ref,
		struct window_stack *stack, bool raises, struct cua_point *ret_point,
		struct cua_error *err)
{
	struct cua_region box;
	enum cua_status status = ask_element(display, ref, stack, &box, err);
	if (status == CUA_OK && !is_in_front(stack, ref->place.window, &box)) {
		status = raises ? raise_window(display, ref, stack, &box, err)
				: CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0,
						  "another window is in front of it");
	}
	if (status != CUA_OK) {
		cua_error_prefix(err, "ref e%u", ref->number);
		return status;
	}
	*ret_point = middle_of(&box);
	return CUA_OK;
}

enum cua_status reading_locate(struct display *display, const char *text,
		struct cua_point *ret_point, struct cua_error *err)
{
	const struct element_ref *ref = NULL;
	CUA_AUTO_FREE struct window_stack *stack = calloc(1, sizeof(*stack));
	if (!stack) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "windows");
	}
	enum cua_status status = find_ref(display, text, &ref, err);
	return status == CUA_OK ? locate(display, ref, stack, true, ret_point, err) : status;
}

enum cua_status reading_locate_ends(struct display *display, const char *from, const char *to,
		struct cua_point *ret_from, struct cua_point *ret_to, struct cua_error *err)
{
	const struct element_ref *from_ref = NULL, *to_ref = NULL;
	CUA_AUTO_FREE struct window_stack *stack = calloc(1, sizeof(*stack));
	enum cua_status status = CUA_OK;
	if (!stack) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "windows");
	}
	if (from) {
		status = find_ref(display, from, &from_ref, err);
	}
	if (status == CUA_OK && to) {
		status = find_ref(display, to, &to_ref, err);
	}
	if (status == CUA_OK && to) {
		status = locate(display, to_ref, stack, true, ret_to, err);
	}
	if (status == CUA_OK && from) {
		status = locate(display, from_ref, stack, true, ret_from, err);
	}
	if (status == CUA_OK && from && to) {
		/* Raising the one, or scrolling to it, may have moved or covered the other. */
		status = locate(display, to_ref, stack, false, ret_to, err);
	}
	if (status == CUA_OK && from && to) {
		status = locate(display, from_ref, stack, false, ret_from, err);
	}
	return status;
}
