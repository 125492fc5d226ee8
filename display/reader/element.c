/* One element as it is now: where it can be seen, and where text stands in it. */

#include <string.h>

#include <atspi/atspi-constants.h>

#include "display/reader/reader.h"
#include "display/reader/tree.h"

/* How long a container may take to bring an element into view. */
#define SCROLL_US (800 * G_TIME_SPAN_MILLISECOND)
#define SCROLL_LOOK_US (15 * G_TIME_SPAN_MILLISECOND)
/* One application alone is asked, and may be busy. */
#define SILENCE_US (1800 * G_TIME_SPAN_MILLISECOND)
#define SPANS_MAX 200

struct element {
	struct bus_app *app;
	char *path, *role, *name;
	guint64 states;
	struct box box;
	bool has_state, has_box, is_gtk;
	char *parent_name, *parent_path;
};

static void element_clear(struct element *element)
{
	g_free(element->path);
	g_free(element->role);
	g_free(element->name);
	g_free(element->parent_name);
	g_free(element->parent_path);
	*element = (struct element){ 0 };
}

static void on_role(void *user_data, GVariant *reply)
{
	struct element *element = user_data;
	if (reply) {
		const char *text = NULL;
		g_variant_get(reply, "(&s)", &text);
		element->role = tree_clean_text(text, 40);
	}
}

static void on_name(void *user_data, GVariant *reply)
{
	struct element *element = user_data;
	if (reply && g_variant_is_of_type(reply, G_VARIANT_TYPE_STRING)) {
		element->name = tree_clean_text(g_variant_get_string(reply, NULL), 500);
	}
}

static void on_parent(void *user_data, GVariant *reply)
{
	struct element *element = user_data;
	if (reply && g_variant_is_of_type(reply, G_VARIANT_TYPE("(so)"))) {
		g_variant_get(reply, "(so)", &element->parent_name, &element->parent_path);
	}
}

static void on_state(void *user_data, GVariant *reply)
{
	struct element *element = user_data;
	GVariant *words = reply ? g_variant_get_child_value(reply, 0) : NULL;
	for (gsize i = 0; words && i < 2 && i < g_variant_n_children(words); i++) {
		guint32 word = 0;
		g_variant_get_child(words, i, "u", &word);
		element->states |= (guint64)word << (32 * i);
	}
	element->has_state = words != NULL;
	g_clear_pointer(&words, g_variant_unref);
}

static void on_extents(void *user_data, GVariant *reply)
{
	struct element *element = user_data;
	if (reply) {
		const struct box box = box_of_reply(reply);
		element->box = box_on_screen(&box, element->app);
		element->has_box = true;
	}
}

static void on_attributes(void *user_data, GVariant *reply)
{
	struct element *element = user_data;
	element->is_gtk = tree_is_gtk(reply);
}

char *tree_resolve(struct bus *bus, const char *name, const char *path, gint64 deadline_us)
{
	const char *mark = strstr(path, TREE_CHILD_MARK);
	if (!mark) {
		return g_strdup(path);
	}
	char *container = g_strndup(path, (gsize)(mark - path)), *child = NULL;
	const gint64 index = g_ascii_strtoll(mark + strlen(TREE_CHILD_MARK), NULL, 10);
	GVariant *reply = bus_ask(bus_app(bus, name), container, BUS_ACCESSIBLE, "GetChildAtIndex",
			g_variant_new("(i)", (gint32)CLAMP(index, 0, G_MAXINT32)), "((so))",
			deadline_us);
	if (reply) {
		const char *owner = NULL, *object = NULL;
		g_variant_get(reply, "((&s&o))", &owner, &object);
		child = strcmp(owner, name) == 0 ? g_strdup(object) : NULL;
		g_variant_unref(reply);
	}
	g_free(container);
	return child;
}

static void element_ask(struct bus *bus, const char *name, const char *path, gint64 deadline_us,
		struct element *element)
{
	*element = (struct element){ .app = bus_app(bus, name), .path = g_strdup(path) };
	bus_call(element->app, path, BUS_ACCESSIBLE, "GetState", NULL, "(au)", on_state, element);
	bus_call(element->app, path, BUS_ACCESSIBLE, "GetRoleName", NULL, "(s)", on_role, element);
	bus_call(element->app, path, BUS_COMPONENT, "GetExtents",
			g_variant_new("(u)", ATSPI_COORD_TYPE_SCREEN), "((iiii))", on_extents,
			element);
	bus_call(element->app, path, BUS_ACCESSIBLE, "GetAttributes", NULL, "(a{ss})",
			on_attributes, element);
	bus_get(element->app, path, BUS_ACCESSIBLE, "Name", on_name, element);
	bus_get(element->app, path, BUS_ACCESSIBLE, "Parent", on_parent, element);
	bus_wait(bus, deadline_us);
}

/* A parent that shows nothing of its child outside itself; *bounds is where it is, as it says. What
 * GTK draws in a pane of LibreOffice's begins at the corner of its place. */
static bool cuts_child(
		const struct element *parent, const struct element *child, struct box *bounds)
{
	const bool is_place_of_gtk = child->is_gtk && !parent->is_gtk && parent->role &&
			strcmp(parent->role, "panel") == 0;
	*bounds = parent->box;
	if (is_place_of_gtk) {
		bounds->x = child->box.x;
		bounds->y = child->box.y;
	}
	return parent->has_box &&
			(is_place_of_gtk || (parent->role && tree_role_clips(parent->role)));
}

/* Cuts what containers and the screen hide of the element; width 0: all of it. The way up is not
 * the way down in LibreOffice, whose root pane has another parent there: it is followed as far as
 * it leads, and says nothing about places. */
static struct box visible_part(struct bus *bus, const struct tree_request *request,
		const struct tree_place *place, const struct element *element)
{
	struct box seen = { 0 }, box = element->box, bounds;
	struct element at = { .parent_name = g_strdup(element->parent_name),
		.parent_path = g_strdup(element->parent_path),
		.box = element->box,
		.is_gtk = element->is_gtk };
	bool cuts = true;
	box.x += place->shift_x;
	box.y += place->shift_y;
	bool shows = element->has_box && (element->states >> ATSPI_STATE_SHOWING & 1) &&
			box_clip(&box, &request->screen, &seen);
	for (int depth = 0; depth < READER_DEPTH_MAX && shows && cuts && at.parent_name &&
			tree_is_reference(at.parent_name, at.parent_path) &&
			strcmp(at.parent_path, TREE_ROOT_PATH) != 0;
			depth++) {
		struct element parent;
		element_ask(bus, at.parent_name, at.parent_path, request->deadline_us, &parent);
		if (cuts_child(&parent, &at, &bounds)) {
			bounds.x += place->shift_x;
			bounds.y += place->shift_y;
			shows = box_clip(&seen, &bounds, &seen);
		}
		/* A menu's entries are where it opened, whatever cuts the menu. */
		cuts = parent.role && !tree_role_opens(parent.role);
		element_clear(&at);
		at = parent;
	}
	element_clear(&at);
	return shows && !element->app->given_up ? seen : (struct box){ 0 };
}

static enum cua_status check_alive(const struct element *element, struct cua_error *err)
{
	if (element->app->given_up) {
		return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0,
				"its application does not answer; look again, or act by "
				"coordinates");
	}
	if (!element->has_state || (element->states >> ATSPI_STATE_DEFUNCT & 1)) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0,
				"it is gone; read_screen tells what there is now");
	}
	return CUA_OK;
}

/* Asks the application to bring it into view and looks until it is at rest there: when two looks
 * agree, since nobody tells when scrolling is over. */
static struct box scroll_into_view(struct bus *bus, const struct tree_request *request,
		const struct tree_place *place, struct element *element)
{
	struct box seen = { 0 }, before = { 0 };
	GVariant *reply = bus_ask(element->app, element->path, BUS_COMPONENT, "ScrollTo",
			g_variant_new("(u)", ATSPI_SCROLL_ANYWHERE), "(b)", request->deadline_us);
	gboolean scrolled = FALSE;
	if (reply) {
		g_variant_get(reply, "(b)", &scrolled);
		g_variant_unref(reply);
	}
	const gint64 deadline_us = MIN(request->deadline_us, g_get_monotonic_time() + SCROLL_US);
	while (scrolled && g_get_monotonic_time() < deadline_us) {
		struct element now;
		element_ask(bus, element->app->name, element->path, deadline_us, &now);
		before = seen;
		seen = visible_part(bus, request, place, &now);
		element_clear(&now);
		if (seen.width > 0 && memcmp(&seen, &before, sizeof(seen)) == 0) {
			break;
		}
		bus_pause(SCROLL_LOOK_US);
	}
	return seen;
}

static void describe(const struct element *element, const struct box *seen, cJSON *answer)
{
	const double states[] = { (double)(guint32)element->states,
		(double)(guint32)(element->states >> 32) };
	cJSON_AddStringToObject(answer, "role", element->role ? element->role : "");
	cJSON_AddStringToObject(answer, "name", element->name ? element->name : "");
	cJSON_AddItemToObject(answer, "states", cJSON_CreateDoubleArray(states, 2));
	cJSON_AddNumberToObject(answer, "x", seen->x);
	cJSON_AddNumberToObject(answer, "y", seen->y);
	cJSON_AddNumberToObject(answer, "width", seen->width);
	cJSON_AddNumberToObject(answer, "height", seen->height);
}

enum cua_status tree_element(struct bus *bus, const struct tree_request *request, const char *name,
		const char *path, struct tree_place *place, bool scroll, cJSON *answer,
		struct cua_error *err)
{
	struct element element;
	struct box seen = { 0 };
	if (!tree_is_reference(name, path)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "no reference to an element");
	}
	bus_begin(bus, SILENCE_US);
	tree_place_now(bus, name, place, request->deadline_us);
	char *object = tree_resolve(bus, name, path, request->deadline_us);
	/* What cannot be resolved is asked all the same: the failure tells why. */
	element_ask(bus, name, object ? object : path, request->deadline_us, &element);
	g_free(object);
	enum cua_status status = check_alive(&element, err);
	if (status == CUA_OK) {
		seen = visible_part(bus, request, place, &element);
	}
	if (status == CUA_OK && seen.width == 0 && scroll) {
		seen = scroll_into_view(bus, request, place, &element);
	}
	if (status == CUA_OK && seen.width == 0) {
		status = check_alive(&element, err); /* it may have got stuck meanwhile */
	}
	if (status == CUA_OK) {
		describe(&element, &seen, answer);
	}
	element_clear(&element);
	return status;
}

/* --- where text stands --- */

struct span_list {
	const struct bus_app *app;
	cJSON *spans;
	int count, element;
	struct tree_place place;
};

static void on_range_extents(void *user_data, GVariant *reply)
{
	struct span_list *list = user_data;
	struct box box;
	if (!reply || list->count >= SPANS_MAX) {
		return;
	}
	g_variant_get(reply, "(iiii)", &box.x, &box.y, &box.width, &box.height);
	box = box_on_screen(&box, list->app);
	cJSON *span = cJSON_CreateObject();
	cJSON_AddNumberToObject(span, "element", list->element);
	cJSON_AddNumberToObject(span, "x", box.x + list->place.shift_x);
	cJSON_AddNumberToObject(span, "y", box.y + list->place.shift_y);
	cJSON_AddNumberToObject(span, "width", box.width);
	cJSON_AddNumberToObject(span, "height", box.height);
	cJSON_AddItemToArray(list->spans, span);
	list->count++;
}

/* In characters, upper and lower case being the same; -1 if it does not occur from start on. */
static glong find_characters(const gunichar *text, glong len, const gunichar *wanted,
		glong wanted_len, glong start)
{
	for (glong at = start; at + wanted_len <= len; at++) {
		glong same = 0;
		while (same < wanted_len &&
				g_unichar_tolower(text[at + same]) ==
						g_unichar_tolower(wanted[same])) {
			same++;
		}
		if (same == wanted_len) {
			return at;
		}
	}
	return -1;
}

static void find_in_element(struct bus *bus, const char *name, const char *path,
		const gunichar *wanted, glong wanted_len, gint64 deadline_us,
		struct span_list *list)
{
	struct bus_app *app = bus_app(bus, name);
	list->app = app;
	GVariant *reply = bus_ask(app, path, "org.freedesktop.DBus.Properties", "Get",
			g_variant_new("(ss)", BUS_TEXT, "CharacterCount"), "(v)", deadline_us);
	GVariant *value = NULL;
	gint32 count = 0;
	if (reply) {
		g_variant_get(reply, "(v)", &value);
		count = g_variant_is_of_type(value, G_VARIANT_TYPE_INT32)
				? g_variant_get_int32(value)
				: 0;
		g_variant_unref(value);
		g_variant_unref(reply);
	}
	reply = count <= 0 ? NULL
			   : bus_ask(app, path, BUS_TEXT, "GetText",
					     g_variant_new("(ii)", 0, MIN(count, READER_TEXT_MAX)),
					     "(s)", deadline_us);
	if (!reply) {
		return;
	}
	const char *utf8 = NULL;
	glong len = 0;
	g_variant_get(reply, "(&s)", &utf8);
	gunichar *text = g_utf8_to_ucs4_fast(utf8, -1, &len);
	g_variant_unref(reply);
	for (glong at = 0; (at = find_characters(text, len, wanted, wanted_len, at)) >= 0;
			at += wanted_len) {
		bus_call(app, path, BUS_TEXT, "GetRangeExtents",
				g_variant_new("(iiu)", (gint32)at, (gint32)(at + wanted_len),
						ATSPI_COORD_TYPE_SCREEN),
				"(iiii)", on_range_extents, list);
	}
	g_free(text);
	bus_wait(bus, deadline_us);
}

enum cua_status tree_spans(struct bus *bus, const char *text, const cJSON *elements,
		gint64 deadline_us, cJSON *answer, struct cua_error *err)
{
	struct span_list list = { .spans = cJSON_AddArrayToObject(answer, "spans") };
	const cJSON *element = NULL;
	glong len = 0;
	gunichar *wanted = g_utf8_to_ucs4(text, -1, NULL, &len, NULL);
	if (!wanted || len == 0) {
		g_free(wanted);
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "no text to look for");
	}
	bus_begin(bus, SILENCE_US);
	cJSON_ArrayForEach (element, elements) {
		const char *name = cJSON_GetStringValue(
				cJSON_GetObjectItemCaseSensitive(element, "bus"));
		const char *path = cJSON_GetStringValue(
				cJSON_GetObjectItemCaseSensitive(element, "path"));
		const bool is_reference = name && path && tree_is_reference(name, path);
		char *object = is_reference ? tree_resolve(bus, name, path, deadline_us) : NULL;
		if (object) {
			list.place = tree_place_read(element);
			tree_place_now(bus, name, &list.place, deadline_us);
			find_in_element(bus, name, object, wanted, len, deadline_us, &list);
		}
		g_free(object);
		list.element++;
	}
	g_free(wanted);
	return CUA_OK;
}

enum cua_status tree_url(struct bus *bus, const char *name, const char *path, gint64 deadline_us,
		cJSON *answer, struct cua_error *err)
{
	if (!tree_is_reference(name, path)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "no reference to an element");
	}
	/* Gecko's name and Chromium's. */
	static const char *const attributes[] = { "DocURL", "URI" };
	char *clean = NULL;
	bus_begin(bus, SILENCE_US);
	for (size_t i = 0; i < G_N_ELEMENTS(attributes) && !(clean && clean[0]); i++) {
		GVariant *reply = bus_ask(bus_app(bus, name), path, "org.a11y.atspi.Document",
				"GetAttributeValue", g_variant_new("(s)", attributes[i]), "(s)",
				deadline_us);
		const char *url = NULL;
		if (reply) {
			g_variant_get(reply, "(&s)", &url);
			g_free(clean);
			clean = tree_clean_text(url, 8192);
			g_variant_unref(reply);
		}
	}
	if (!clean || !clean[0]) {
		g_free(clean);
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "the page does not tell its URL");
	}
	cJSON_AddStringToObject(answer, "url", clean);
	g_free(clean);
	return CUA_OK;
}
