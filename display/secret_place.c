/* What has the keyboard, and whether a secret may be typed there. Pages are told by the
 * accessibility tree: what they draw, and what they call themselves, is theirs to choose. */

#include "display/secret.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "display/display_internal.h"
#include "display/reader/reader.h"
#include "display/reader_client.h"
#include "display/reading.h"

/* --- origins --- */

bool secret_origin_of(const char *url, char *origin, size_t size)
{
	static const char authority[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"0123456789.-_:[]";
	const char *rest = strncmp(url, "https://", 8) == 0 ? url + 8
			: strncmp(url, "http://", 7) == 0   ? url + 7
							    : NULL;
	const size_t len = rest ? strspn(rest, authority) : 0;
	/* A user's name, a backslash and their like end it early. */
	if (len == 0 || (rest[len] && !strchr("/?#", rest[len]))) {
		return false;
	}
	const size_t whole = (size_t)(rest - url) + len;
	return whole < size && snprintf(origin, size, "%.*s", (int)whole, url) == (int)whole;
}

/* --- reading --- */

static bool takes_text(const struct element *element)
{
	return element_has(element, ELEMENT_EDITABLE) ||
			strcmp(element->role, "password text") == 0 ||
			strcmp(element->role, "entry") == 0 ||
			strcmp(element->role, "terminal") == 0;
}

static bool is_page(const struct element *element)
{
	return strcmp(element->role, "document web") == 0 ||
			strcmp(element->role, "document frame") == 0;
}

/* A page believes that it has the focus while the browser around it has: what is outside of pages
 * counts first. Two that claim it in pages are none. */
int secret_find_field(const struct element_list *list, Window window)
{
	int outside = -1, inside = -1, count_inside = 0, page_depth = INT_MAX;
	for (int i = 0; i < list->count; i++) {
		const struct element *element = &list->items[i];
		page_depth = element->depth <= page_depth ? INT_MAX : page_depth;
		if (element->place.window == window && element_has(element, ELEMENT_FOCUSED)) {
			if (page_depth == INT_MAX && !is_page(element)) {
				outside = i; /* the innermost comes last */
			} else if (takes_text(element)) {
				inside = i;
				count_inside++;
			}
		}
		if (page_depth == INT_MAX && is_page(element)) {
			page_depth = element->depth;
		}
	}
	if (outside >= 0) {
		return takes_text(&list->items[outside]) ? outside : -1;
	}
	return count_inside == 1 ? inside : -1;
}

static void read_origin(
		struct display *display, const struct element *page, char *origin, size_t size)
{
	CUA_AUTO_JSON cJSON *request = cJSON_CreateObject();
	CUA_AUTO_JSON cJSON *answer = NULL;
	cJSON_AddStringToObject(request, "do", "url");
	cJSON_AddStringToObject(request, "bus", page->bus);
	cJSON_AddStringToObject(request, "path", page->path);
	cJSON_AddNumberToObject(request, "deadline_ms", READING_TIMEOUT_MS);
	origin[0] = '\0';
	if (reader_ask(display, request, NULL, 0, READING_TIMEOUT_MS + READING_MARGIN_MS, &answer,
			    NULL) != CUA_OK ||
			!secret_origin_of(cua_json_text(answer, "url"), origin, size)) {
		origin[0] = '\0';
	}
}

/* Of the field's page and of all around it: a page in a frame of another is another's. */
static void read_origins(struct display *display, const struct element_list *list, int field,
		struct secret_place *place)
{
	int depth = list->items[field].depth;
	for (int i = field - 1; i >= 0; i--) {
		const struct element *element = &list->items[i];
		if (element->depth >= depth) {
			continue; /* no ancestor */
		}
		depth = element->depth;
		if (is_page(element)) {
			if (place->origin_count == SECRET_PAGES_MAX) {
				place->origins[0][0] = '\0'; /* too deep to be told */
				return;
			}
			read_origin(display, element, place->origins[place->origin_count++],
					SECRET_ORIGIN_MAX);
		}
	}
}

static void read_field(struct display *display, struct secret_place *place)
{
	const struct reading_options options = { .window = place->window,
		.max_nodes = READER_NODES_MAX,
		.max_depth = READER_DEPTH_MAX,
		.max_text = 100,
		.timeout_ms = READING_TIMEOUT_MS };
	CUA_AUTO_FREE struct window_stack *stack = calloc(1, sizeof(*stack));
	struct element_list list = { .items = NULL };
	if (!stack || reading_tree(display, &options, stack, &list, NULL) != CUA_OK) {
		return;
	}
	const int field = secret_find_field(&list, place->window);
	if (field >= 0) {
		const struct element *element = &list.items[field];
		place->has_field = true;
		place->is_password = strcmp(element->role, "password text") == 0;
		snprintf(place->bus, sizeof(place->bus), "%s", element->bus);
		snprintf(place->path, sizeof(place->path), "%s", element->path);
		read_origins(display, &list, field, place);
	}
	element_list_finish(&list);
}

enum cua_status secret_place_read(
		struct display *display, struct secret_place *place, struct cua_error *err)
{
	int revert = 0;
	display_sync(display);
	*place = (struct secret_place){ .window = window_active(display) };
	if (place->window == None) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"no window is active: a secret is typed into a window that may "
				"have "
				"it");
	}
	window_class(display, place->window, place->class, sizeof(place->class));
	window_instance(display, place->window, place->instance, sizeof(place->instance));
	window_title(display, place->window, place->title, sizeof(place->title));
	read_field(display, place);
	/* Last: what is told of the window has to be true when the keys go there. */
	XGetInputFocus(display->xlib, &place->focus, &revert);
	if (window_read_active(display) != place->window) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0, "another window has become active");
	}
	return display_ok(display, err);
}

bool secret_place_is_same(const struct secret_place *one, const struct secret_place *other)
{
	bool is_same = one->window == other->window && one->focus == other->focus &&
			one->has_field == other->has_field && strcmp(one->bus, other->bus) == 0 &&
			strcmp(one->path, other->path) == 0 &&
			one->origin_count == other->origin_count;
	for (int i = 0; is_same && i < one->origin_count; i++) {
		is_same = strcmp(one->origins[i], other->origins[i]) == 0;
	}
	return is_same;
}

/* --- checking --- */

/* What a page is called is the page's to choose: of a browser the class alone counts. */
static bool is_browser(const struct secret_place *place)
{
	static const char *const classes[] = { "*chrom*", "*firefox*", "*epiphany*", "*falkon*",
		"*brave*", "*browser*" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(classes); i++) {
		if (fnmatch(classes[i], place->class, FNM_CASEFOLD) == 0) {
			return true;
		}
	}
	return place->origin_count > 0;
}

static bool fits_window(const cJSON *windows, const struct secret_place *place)
{
	const cJSON *pattern = NULL;
	cJSON_ArrayForEach (pattern, windows) {
		const char *text = pattern->valuestring;
		if (fnmatch(text, place->class, FNM_CASEFOLD) == 0 ||
				fnmatch(text, place->instance, FNM_CASEFOLD) == 0 ||
				(!is_browser(place) &&
						fnmatch(text, place->title, FNM_CASEFOLD) == 0)) {
			return true;
		}
	}
	return false;
}

static bool is_listed(const cJSON *origins, const char *origin)
{
	const cJSON *allowed = NULL;
	cJSON_ArrayForEach (allowed, origins) {
		if (strcasecmp(allowed->valuestring, origin) == 0) {
			return true;
		}
	}
	return false;
}

static bool fits_origin(const cJSON *origins, const struct secret_place *place)
{
	bool fits = place->has_field && place->origin_count > 0;
	for (int i = 0; i < place->origin_count; i++) {
		fits = fits && place->origins[i][0] && is_listed(origins, place->origins[i]);
	}
	return fits;
}

static void list_places(const cJSON *places, const char *what, char *text, size_t size)
{
	const cJSON *place = NULL;
	cJSON_ArrayForEach (place, places) {
		const size_t used = strlen(text);
		snprintf(text + used, size - used, "%s%s %.60s", used > 0 ? ", " : "", what,
				place->valuestring);
	}
}

enum cua_status secret_place_check(const struct display_secret *secret,
		const struct secret_place *place, struct cua_error *err)
{
	char allowed[240] = "";
	if (fits_window(secret->windows, place) || fits_origin(secret->origins, place)) {
		return CUA_OK;
	}
	list_places(secret->windows, "window", allowed, sizeof(allowed));
	list_places(secret->origins, "origin", allowed, sizeof(allowed));
	return CUA_FAIL(err, CUA_ERR_POLICY, 0,
			"the secret %s may not be typed here: the active window is %.60s, "
			"%s%.100s; it is "
			"for %s",
			secret->name, place->class,
			place->origin_count > 0 ? "and the page at "
						: "where no field of a page has "
						  "the focus",
			place->origin_count == 0               ? ""
					: place->origins[0][0] ? place->origins[0]
							       : "an address that is none",
			allowed);
}
