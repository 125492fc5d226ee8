/* tree_read(): the trees of all windows at once, level by level, each answer leading to the next
 * questions. Of a branch that does not show only the state is asked. */

#include "display/reader/tree_internal.h"

#include <stdlib.h>
#include <string.h>

#include <atspi/atspi-constants.h>

#include "display/reader/reader.h"

/* Bytes that all elements together may say; the answer has room for it, escaped. */
#define TEXT_MAX (READER_JSON_MAX / 4)
/* Of many windows, one that does not answer may hold up the others so long. */
#define SILENCE_US (700 * G_TIME_SPAN_MILLISECOND)
/* Chromium makes its trees when somebody first takes an interest, and the pages' after its own. */
#define PAGE_WAIT_US (500 * G_TIME_SPAN_MILLISECOND)
#define PAGE_ASK_EVERY_US (20 * G_TIME_SPAN_MILLISECOND)
/* What is scaled was rounded before. */
#define ROUNDING_PX 4

static void node_free(void *data)
{
	struct node *node = data;
	g_free(node->path);
	g_free(node->stable_path);
	g_free(node->role);
	g_free(node->name);
	g_free(node->value);
	if (node->children) {
		g_ptr_array_free(node->children, TRUE);
	}
	g_free(node);
}

bool node_has_state(const struct node *node, int state)
{
	return (node->states >> state & 1) != 0;
}

/* --- questions about one node --- */

static void node_ready(struct node *node);

void node_done(struct node *node)
{
	if (--node->pending == 0) {
		node_ready(node);
	}
}

/* One application may not say so much that nothing of the others fits. */
static char *take_text(struct walk *walk, const char *text)
{
	char *clean = tree_clean_text(text, (size_t)walk->request->max_text);
	const size_t len = strlen(clean);
	if (len > walk->text_left) {
		walk->cut = true;
		clean[0] = '\0';
		return clean;
	}
	walk->text_left -= len;
	return clean;
}

static void on_role(void *user_data, GVariant *reply)
{
	struct node *node = user_data;
	if (reply) {
		const char *text = NULL;
		g_variant_get(reply, "(&s)", &text);
		node->role = tree_clean_text(text, 40);
	}
	node_done(node);
}

static void on_name(void *user_data, GVariant *reply)
{
	struct node *node = user_data;
	if (reply && g_variant_is_of_type(reply, G_VARIANT_TYPE_STRING)) {
		node->name = take_text(node->walk, g_variant_get_string(reply, NULL));
	}
	node_done(node);
}

static void on_child_count(void *user_data, GVariant *reply)
{
	struct node *node = user_data;
	if (reply && g_variant_is_of_type(reply, G_VARIANT_TYPE_INT32)) {
		node->child_count = MAX(g_variant_get_int32(reply), 0);
	}
	node_done(node);
}

static void on_extents(void *user_data, GVariant *reply)
{
	struct node *node = user_data;
	if (reply) {
		const struct box box = box_of_reply(reply);
		node->box = node->depth == 1 ? box : box_on_screen(&box, node->app);
		node->has_box = true;
	}
	node_done(node);
}

static void on_attributes(void *user_data, GVariant *reply)
{
	struct node *node = user_data;
	node->is_gtk = tree_is_gtk(reply);
	node_done(node);
}

static void on_state(void *user_data, GVariant *reply)
{
	struct node *node = user_data;
	struct walk *walk = node->walk;
	GVariant *words = reply ? g_variant_get_child_value(reply, 0) : NULL;
	guint32 low = 0, high = 0;
	if (words && g_variant_n_children(words) > 0) {
		g_variant_get_child(words, 0, "u", &low);
	}
	if (words && g_variant_n_children(words) > 1) {
		g_variant_get_child(words, 1, "u", &high);
	}
	g_clear_pointer(&words, g_variant_unref);
	node->states = (guint64)high << 32 | low;
	if (!reply || node_has_state(node, ATSPI_STATE_DEFUNCT) ||
			(!walk->request->all && !node_has_state(node, ATSPI_STATE_SHOWING))) {
		node->skip = true;
		return;
	}
	if (walk->read_count >= walk->request->max_nodes) {
		node->skip = true;
		walk->cut = true;
		return;
	}
	walk->read_count++;
	node->pending = 4;
	if (node->depth == 1 || node->parent->pane) {
		/* Of all questions, this is the one that makes Chromium take the asker for a
		 * reader. And of what is in a pane of LibreOffice's it tells GTK's part. */
		node->pending++;
		bus_call(node->app, node->path, BUS_ACCESSIBLE, "GetAttributes", NULL, "(a{ss})",
				on_attributes, node);
	}
	bus_call(node->app, node->path, BUS_ACCESSIBLE, "GetRoleName", NULL, "(s)", on_role, node);
	bus_get(node->app, node->path, BUS_ACCESSIBLE, "Name", on_name, node);
	bus_get(node->app, node->path, BUS_ACCESSIBLE, "ChildCount", on_child_count, node);
	bus_call(node->app, node->path, BUS_COMPONENT, "GetExtents",
			g_variant_new("(u)", ATSPI_COORD_TYPE_SCREEN), "((iiii))", on_extents,
			node);
}

void node_start(struct node *node)
{
	bus_call(node->app, node->path, BUS_ACCESSIBLE, "GetState", NULL, "(au)", on_state, node);
}

struct node *node_add(struct walk *walk, struct node *parent, const char *name, const char *path)
{
	/* States alone are cheap, but not without end. */
	if (walk->nodes->len >= 8U * READER_NODES_MAX) {
		walk->cut = true;
		return NULL;
	}
	if (!tree_is_reference(name, path)) {
		return NULL;
	}
	struct node *node = g_new0(struct node, 1);
	node->walk = walk;
	node->app = bus_app(walk->bus, name);
	node->parent = parent;
	node->path = g_strdup(path);
	node->depth = parent ? parent->depth + 1 : 0;
	node->clip = parent ? parent->clip : walk->request->screen;
	node->window = parent ? parent->window : NULL;
	node->children = g_ptr_array_new();
	g_ptr_array_add(walk->nodes, node);
	g_ptr_array_add(parent ? parent->children : walk->roots, node);
	return node;
}

/* --- values --- */

static bool role_is(const struct node *node, const char *const *roles)
{
	return node->role && g_strv_contains(roles, node->role);
}

/* Where the words are no name but a text that can be asked for. */
static bool wants_text(const struct node *node)
{
	static const char *const roles[] = { "text", "entry", "paragraph", "terminal", "editbar",
		"spin button", "table cell", "document text", "date editor", "combo box", "heading",
		"section", "block quote", "list item", "label", "static", NULL };
	if (!role_is(node, roles)) {
		return false;
	}
	/* A text that has parts is told by its parts. */
	return node_has_state(node, ATSPI_STATE_EDITABLE) ? node->child_count < TREE_CHILDREN_MAX
							  : node->child_count == 0;
}

static bool wants_number(const struct node *node)
{
	static const char *const roles[] = { "slider", "spin button", "scroll bar", "progress bar",
		"level bar", "dial", "split pane", NULL };
	return role_is(node, roles);
}

static void on_text(void *user_data, GVariant *reply)
{
	struct node *node = user_data;
	const char *text = NULL;
	if (!reply) {
		return;
	}
	g_variant_get(reply, "(&s)", &text);
	char *clean = take_text(node->walk, text);
	if (g_strcmp0(clean, node->name) != 0) {
		g_free(node->value);
		node->value = clean;
	} else {
		g_free(clean);
	}
}

static void on_character_count(void *user_data, GVariant *reply)
{
	struct node *node = user_data;
	const gint32 count = reply && g_variant_is_of_type(reply, G_VARIANT_TYPE_INT32)
			? g_variant_get_int32(reply)
			: 0;
	if (count == 0 && reply) {
		node->value = g_strdup("");
	} else if (count > 0) {
		bus_call(node->app, node->path, BUS_TEXT, "GetText",
				g_variant_new("(ii)", 0, MIN(count, node->walk->request->max_text)),
				"(s)", on_text, node);
	}
}

static void on_number(void *user_data, GVariant *reply)
{
	struct node *node = user_data;
	if (reply && g_variant_is_of_type(reply, G_VARIANT_TYPE_DOUBLE) && !node->value) {
		char number[G_ASCII_DTOSTR_BUF_SIZE];
		node->value = g_strdup(g_ascii_formatd(
				number, sizeof(number), "%.6g", g_variant_get_double(reply)));
	}
}

static void ask_value(struct node *node)
{
	if (wants_text(node)) {
		bus_get(node->app, node->path, BUS_TEXT, "CharacterCount", on_character_count,
				node);
	}
	if (wants_number(node)) {
		bus_get(node->app, node->path, "org.a11y.atspi.Value", "CurrentValue", on_number,
				node);
	}
}

/* --- children --- */

static void on_children(void *user_data, GVariant *reply)
{
	struct node *node = user_data;
	GVariantIter *iter = NULL;
	const char *name = NULL, *path = NULL;
	int count = 0;
	if (!reply) {
		return;
	}
	bool unborn = false;
	g_variant_get(reply, "(a(so))", &iter);
	while (g_variant_iter_next(iter, "(&s&o)", &name, &path) &&
			count++ < TREE_CHILDREN_MAX * 2) {
		if (strcmp(path, TREE_NULL_PATH) == 0) {
			unborn = true;
			continue;
		}
		struct node *child = node_add(node->walk, node, name, path);
		if (child) {
			node_start(child);
		}
	}
	g_variant_iter_free(iter);
	if (unborn && node->children->len == 0) {
		g_ptr_array_add(node->walk->unborn, node);
	}
}

/* --- places --- */

/* As large as what is inside the decorations; others tell the frame, and where that is. */
static bool is_inside(const struct box *box, const struct box *window)
{
	return abs(box->width - window->width) <= ROUNDING_PX &&
			abs(box->height - window->height) <= ROUNDING_PX;
}

static void place_frame(struct node *node)
{
	if (node->app->scale_percent > 0 && is_inside(&node->box, &node->window->box)) {
		/* What the window manager draws around it is not scaled. */
		node->frame_shift_x = node->window->box.x - node->box.x;
		node->frame_shift_y = node->window->box.y - node->box.y;
	}
}

/* What LibreOffice draws itself is in a root pane, of whose place it often is mistaken: it knows
 * where its window is, and not of the menu bar, until a click teaches it better, and forgets it
 * when the window changes its size. What GTK draws, around the root pane and in it, says the
 * truth. */
static void place(struct node *node)
{
	const struct node *parent = node->parent;
	node->frame_shift_x = parent->frame_shift_x;
	node->frame_shift_y = parent->frame_shift_y;
	if (node->depth == 1) {
		place_frame(node);
	}
	node->shift_x = node->frame_shift_x;
	node->shift_y = node->frame_shift_y;
	node->pane = node->is_gtk ? NULL : parent->pane;
	if (node->pane) {
		node->shift_x = parent->shift_x;
		node->shift_y = parent->shift_y;
	} else if (strcmp(node->role, "root pane") == 0 && parent->depth > 0) {
		node->pane = node;
		if (node->has_box && parent->has_box) {
			tree_pane_shift(&node->box, &parent->told, &node->shift_x, &node->shift_y);
		}
	} else if (parent->pane && parent->has_box &&
			!box_clip(&node->clip, &parent->box, &node->clip)) {
		node->clip = (struct box){ 0 }; /* it may be too large for where it is */
	}
	node->told = node->box;
	node->box.x += node->shift_x;
	node->box.y += node->shift_y;
}

/* Entries of a menu show in a window of their own; without one there is no need to ask them. */
static bool is_closed(const struct node *node)
{
	return !node->walk->has_popup && !node->walk->request->all &&
			strcmp(node->role, "menu") == 0;
}

/* A row of entries that shows nothing of itself: LibreOffice has one behind GTK's. */
static bool is_phantom(const struct node *node)
{
	return node->has_box && node->box.height <= 0 && strcmp(node->role, "menu bar") == 0;
}

/* Everything that every node is asked is known. */
static void node_ready(struct node *node)
{
	struct walk *walk = node->walk;
	if (!node->role) {
		node->role = g_strdup("unknown");
	}
	if (node->depth == 1 && !node->is_cut) {
		tree_learn_scale(node);
	}
	if (node->depth == 1) {
		node->window = tree_find_window(node);
		node->skip = !node->window;
		if (node->window) {
			struct box clip = node->window->box;
			node->skip = !box_clip(&clip, &walk->request->screen, &node->clip);
		}
		if (node->skip) {
			return;
		}
	}
	if (node->is_cut) { /* the second time round: the corners are known */
		tree_ask_range(node);
		return;
	}
	if (!node->listed) {
		place(node);
		if (is_phantom(node)) {
			node->skip = true;
			return;
		}
		node->listed = true;
		if (node->has_box && !box_clip(&node->box, &node->clip, &node->seen)) {
			node->seen = (struct box){ 0 };
		}
		if (tree_role_clips(node->role) && node->seen.width > 0) {
			node->clip = node->seen;
		} else if (tree_role_opens(node->role)) {
			node->clip = walk->request->screen;
		}
		ask_value(node);
	}
	if (is_closed(node)) {
		return;
	}
	if (node->child_count == 0) {
		if (strcmp(node->role, "document web") == 0) {
			g_ptr_array_add(walk->unborn, node);
		}
		return;
	}
	if (node->depth >= walk->request->max_depth) {
		node->is_cut = true;
		walk->cut = true;
		return;
	}
	if (tree_is_big(node)) {
		node->is_cut = true;
		node->first_index = node->last_index = -1;
		if (node->seen.width > 0) {
			tree_ask_corners(node);
		}
		return;
	}
	bus_call(node->app, node->path, BUS_ACCESSIBLE, "GetChildren", NULL, "(a(so))", on_children,
			node);
}

/* --- the answer --- */

static void node_to_json(const struct node *node, cJSON *list)
{
	cJSON *json = cJSON_CreateObject();
	const double states[] = { (double)(guint32)node->states,
		(double)(guint32)(node->states >> 32) };
	cJSON_AddNumberToObject(json, "depth", node->depth - 1);
	cJSON_AddNumberToObject(json, "window", node->window->id);
	cJSON_AddStringToObject(json, "bus", node->app->name);
	cJSON_AddStringToObject(json, "path", node->stable_path ? node->stable_path : node->path);
	cJSON_AddStringToObject(json, "role", node->role);
	cJSON_AddStringToObject(json, "name", node->name ? node->name : "");
	if (node->value) {
		cJSON_AddStringToObject(json, "value", node->value);
	}
	cJSON_AddItemToObject(json, "states", cJSON_CreateDoubleArray(states, 2));
	cJSON_AddNumberToObject(json, "x", node->seen.x);
	cJSON_AddNumberToObject(json, "y", node->seen.y);
	cJSON_AddNumberToObject(json, "width", node->seen.width);
	cJSON_AddNumberToObject(json, "height", node->seen.height);
	if (node->frame_shift_x != 0 || node->frame_shift_y != 0) {
		cJSON_AddNumberToObject(json, "shift_x", node->frame_shift_x);
		cJSON_AddNumberToObject(json, "shift_y", node->frame_shift_y);
	}
	if (node->app->scale_percent > 0) {
		cJSON_AddNumberToObject(json, "scale_percent", node->app->scale_percent);
	}
	if (node->pane) {
		cJSON_AddStringToObject(json, "pane", node->pane->path);
		cJSON_AddStringToObject(json, "pane_in", node->pane->parent->path);
	}
	if (node->is_cut) {
		cJSON_AddNumberToObject(json, "children", node->child_count);
	}
	cJSON_AddItemToArray(list, json);
}

static void list_nodes(const struct node *node, cJSON *list)
{
	if (node->skip || (node->depth > 0 && !node->listed)) {
		return;
	}
	if (node->depth > 0) {
		node_to_json(node, list);
	}
	for (guint i = 0; i < node->children->len; i++) {
		list_nodes(g_ptr_array_index(node->children, i), list);
	}
}

static void list_stuck(struct bus_app *app, void *user_data)
{
	if (bus_has_given_up(app)) {
		cJSON_AddItemToArray(user_data, cJSON_CreateNumber(app->pid));
	}
}

/* The pages that were empty get children or the time is over. They are asked again and again:
 * Chromium would tell of it only to somebody who registers for events, and then every application
 * sends them at every key. */
static void wait_for_pages(struct walk *walk)
{
	const gint64 deadline_us =
			MIN(walk->request->deadline_us, g_get_monotonic_time() + PAGE_WAIT_US);
	while (walk->unborn->len > 0 && g_get_monotonic_time() < deadline_us) {
		bus_pause(PAGE_ASK_EVERY_US);
		GPtrArray *pages = walk->unborn;
		walk->unborn = g_ptr_array_new();
		for (guint i = 0; i < pages->len; i++) {
			struct node *node = g_ptr_array_index(pages, i);
			node->pending = 1;
			bus_get(node->app, node->path, BUS_ACCESSIBLE, "ChildCount", on_child_count,
					node);
		}
		g_ptr_array_free(pages, TRUE);
		bus_wait(walk->bus, walk->request->deadline_us);
	}
}

enum cua_status tree_read(struct bus *bus, const struct tree_request *request, cJSON *answer,
		struct cua_error *err)
{
	struct walk walk = { .bus = bus,
		.request = request,
		.nodes = g_ptr_array_new_with_free_func(node_free),
		.roots = g_ptr_array_new(),
		.unborn = g_ptr_array_new(),
		.text_left = TEXT_MAX };
	for (int i = 0; i < request->window_count; i++) {
		walk.has_popup = walk.has_popup || request->windows[i].popup;
	}
	bus_begin(bus, SILENCE_US);
	enum cua_status status = tree_start_apps(&walk, err);
	if (status == CUA_OK) {
		bus_wait(bus, request->deadline_us);
		wait_for_pages(&walk);
		cJSON *list = cJSON_AddArrayToObject(answer, "nodes");
		for (guint i = 0; i < walk.roots->len; i++) {
			list_nodes(g_ptr_array_index(walk.roots, i), list);
		}
		walk.cut = walk.cut || g_get_monotonic_time() >= request->deadline_us;
		cJSON_AddBoolToObject(answer, "cut", walk.cut);
		bus_each_app(bus, list_stuck, cJSON_AddArrayToObject(answer, "stuck"));
	}
	g_ptr_array_free(walk.unborn, TRUE);
	g_ptr_array_free(walk.roots, TRUE);
	g_ptr_array_free(walk.nodes, TRUE);
	return status;
}
