/* Fields that hold a secret. Pictures are withheld while one has the focus, and as long as what it
 * holds can be read: dots of a password field are none, but such a field may be made to show its
 * text. So before each input they are withheld again, until the accessibility tree has been looked
 * at after it. */

#include "display/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cua/base/util.h"
#include "display/display_internal.h"
#include "display/reader/reader.h"
#include "display/reader_client.h"
#include "display/reading.h"

#define LOOK_TIMEOUT_MS 2000
#define LOOK_EVERY_US 1000000U

enum verdict { SHOWS, HIDDEN, GONE };

static void remove_entry(struct display *display, int index)
{
	struct display_secret_state *state = &display->secret;
	sodium_free(state->entries[index].memory);
	state->entries[index] = state->entries[--state->count];
	state->entries[state->count] = (struct secret_entry){ .memory = NULL };
}

void secret_finish(struct display *display)
{
	while (display->secret.count > 0) {
		remove_entry(display, 0);
	}
}

/* Also as a URL or a page has it: a form that is sent may put it into the address. */
static bool holds(const struct secret_entry *entry, const char *text)
{
	const char *end = text + strlen(text);
	for (const char *at = text; at < end; at++) {
		for (int i = 0; entry->begins[(unsigned char)*at] && i < CUA_FORMS; i++) {
			size_t len = 0;
			if (cua_form_match(&entry->forms[i], at, end, &len) == CUA_FORM_WHOLE) {
				return true;
			}
		}
	}
	return false;
}

static bool is_place(const struct secret_entry *entry, const struct secret_place *place)
{
	return entry->window == place->window && entry->has_field == place->has_field &&
			strcmp(entry->bus, place->bus) == 0 &&
			strcmp(entry->path, place->path) == 0;
}

static bool make_forms(struct secret_entry *entry, const char *value)
{
	entry->memory = sodium_init() < 0 ? NULL : sodium_malloc(cua_form_memory(strlen(value)));
	if (!entry->memory) {
		return false;
	}
	cua_form_make(value, entry->memory, entry->forms);
	for (int i = 0; i < CUA_FORMS; i++) {
		for (unsigned int byte = 0; byte < CUA_ARRAY_LEN(entry->begins); byte++) {
			entry->begins[byte] = entry->begins[byte] ||
					cua_form_begins(&entry->forms[i], (unsigned char)byte);
		}
	}
	return true;
}

enum cua_status secret_guard(struct display *display, const struct secret_place *place,
		const char *value, struct cua_error *err)
{
	struct display_secret_state *state = &display->secret;
	struct secret_entry entry = {
		.window = place->window, .has_field = place->has_field, .has_drawn = true
	};
	for (int i = state->count - 1; i >= 0; i--) { /* the same again */
		if (is_place(&state->entries[i], place) && holds(&state->entries[i], value)) {
			remove_entry(display, i);
		}
	}
	if (state->count == SECRET_ENTRIES_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"%d fields hold secrets already; close their windows first",
				SECRET_ENTRIES_MAX);
	}
	enum cua_status status = veil_draw(display, VEIL_SECRET, err);
	if (status != CUA_OK) {
		return status;
	}
	if (!make_forms(&entry, value)) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "secret");
	}
	snprintf(entry.bus, sizeof(entry.bus), "%s", place->bus);
	snprintf(entry.path, sizeof(entry.path), "%s", place->path);
	state->entries[state->count++] = entry;
	return CUA_OK;
}

void secret_has_drawn(struct display *display, bool has_drawn)
{
	if (display->secret.count > 0) {
		display->secret.entries[display->secret.count - 1].has_drawn = has_drawn;
	}
}

void secret_is_astray(struct display *display)
{
	if (display->secret.count > 0) {
		display->secret.entries[display->secret.count - 1].is_astray = true;
	}
}

/* --- can it be seen? --- */

/* Also in another place than where it was typed: a field beside it, a message, a title. */
static bool is_readable(const struct element_list *list, const struct secret_entry *entry)
{
	for (int i = 0; i < list->count; i++) {
		const struct element *element = &list->items[i];
		if (holds(entry, element->name) ||
				(element->value && holds(entry, element->value))) {
			return true;
		}
	}
	return false;
}

static enum verdict look_at_field(struct display *display, const struct element_list *list,
		const struct secret_entry *entry, const struct element *field)
{
	const int focused = secret_find_field(list, entry->window);
	if (focused >= 0 && field == &list->items[focused] &&
			window_active(display) == entry->window) {
		return SHOWS; /* not left yet */
	}
	if (entry->is_astray) {
		return SHOWS; /* until the page, or the window, is another one */
	}
	if (strcmp(field->role, "password text") == 0) {
		return HIDDEN;
	}
	return field->value && !field->value[0] ? HIDDEN : SHOWS;
}

/* It does not show: is it still there? */
static enum verdict ask_field(struct display *display, const struct window_stack *stack,
		const struct secret_entry *entry)
{
	CUA_AUTO_JSON cJSON *request =
			reading_request(display, "element", stack, entry->window, LOOK_TIMEOUT_MS);
	CUA_AUTO_JSON cJSON *answer = NULL;
	cJSON_AddStringToObject(request, "bus", entry->bus);
	cJSON_AddStringToObject(request, "path", entry->path);
	const enum cua_status status = reader_ask(display, request, NULL, 0,
			LOOK_TIMEOUT_MS + READING_MARGIN_MS, &answer, NULL);
	return status == CUA_OK ? HIDDEN : status == CUA_ERR_NOT_FOUND ? GONE : SHOWS;
}

static const struct element *find_field(
		const struct element_list *list, const struct secret_entry *entry)
{
	for (int i = 0; i < list->count; i++) {
		if (strcmp(list->items[i].bus, entry->bus) == 0 &&
				strcmp(list->items[i].path, entry->path) == 0) {
			return &list->items[i];
		}
	}
	return NULL;
}

/* Of a window that tells nothing: as long as it can be seen. */
static enum verdict look_at_window(struct display *display, const struct secret_entry *entry)
{
	struct window_state window = { .minimized = false };
	if (!entry->has_drawn) {
		return GONE; /* nor has it drawn anything */
	}
	window_read_state(display, entry->window, &window);
	return window.minimized ? HIDDEN : SHOWS;
}

/* list: NULL if it cannot be read. */
static enum verdict look_at(struct display *display, const struct window_stack *stack,
		const struct element_list *list, const struct secret_entry *entry)
{
	if (list && is_readable(list, entry)) {
		return SHOWS;
	}
	if (!window_is_listed(display, entry->window)) {
		return GONE;
	}
	if (!entry->has_field) {
		return look_at_window(display, entry);
	}
	if (!list) {
		return SHOWS;
	}
	const struct element *field = find_field(list, entry);
	if (field) {
		return look_at_field(display, list, entry, field);
	}
	return list->cut || list->stuck_count > 0 ? SHOWS : ask_field(display, stack, entry);
}

/* True if one shows, or may. */
static bool look_at_all(struct display *display, struct window_stack *stack)
{
	const struct reading_options options = { .max_nodes = READER_NODES_MAX,
		.max_depth = READER_DEPTH_MAX,
		.max_text = READER_TEXT_MAX,
		.timeout_ms = LOOK_TIMEOUT_MS };
	struct element_list list = { .items = NULL };
	const bool is_read = reading_tree(display, &options, stack, &list, NULL) == CUA_OK;
	bool shows = false;
	for (int i = display->secret.count - 1; i >= 0 && !display->dead; i--) {
		const enum verdict verdict = look_at(display, stack, is_read ? &list : NULL,
				&display->secret.entries[i]);
		shows = shows || verdict == SHOWS;
		if (verdict == GONE) {
			remove_entry(display, i);
		}
	}
	element_list_finish(&list);
	return shows;
}

void display_look_for_secrets(struct display *display)
{
	CUA_AUTO_FREE struct window_stack *stack = NULL;
	if (display->secret.count == 0 && !veil_is_for(display, VEIL_SECRET)) {
		return;
	}
	stack = calloc(1, sizeof(*stack));
	const bool shows = !stack || (display->secret.count > 0 && look_at_all(display, stack));
	display->secret.looked_us = cua_now_us();
	if (display->dead) {
		return;
	}
	if (!shows) {
		veil_lift(display, VEIL_SECRET);
	} else if (veil_draw(display, VEIL_SECRET, NULL) != CUA_OK) {
		display_break(display); /* nothing is left that could be shown instead */
	}
}

enum cua_status display_withhold(struct display *display, struct cua_error *err)
{
	return display->secret.count > 0 ? veil_draw(display, VEIL_SECRET, err) : CUA_OK;
}

int secret_idle(struct display *display)
{
	const bool has_watchers = display->people.viewers > 0 || display->streams.count > 0;
	if (!veil_is_for(display, VEIL_SECRET) || !has_watchers) {
		return -1;
	}
	if (cua_now_us() >= display->secret.looked_us + LOOK_EVERY_US) {
		display_look_for_secrets(display);
	}
	return cua_ms_until(display->secret.looked_us + LOOK_EVERY_US);
}
