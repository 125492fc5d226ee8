/* tree_read(): the trees of all windows at once, level by level, each answer leading to the next
 * questions. Of a branch that does not show only the state is asked. */

#include "display/reader/tree.h"

#include <string.h>

#include <atspi/atspi-constants.h>

#include "display/reader/reader.h"

/* More children than this are not listed one by one: those that show are found by their place. */
#define CHILDREN_MAX 200
/* Bytes that all elements together may say; the answer has room for it, escaped. */
#define TEXT_MAX (READER_JSON_MAX / 4)
/* Of many windows, one that does not answer may hold up the others so long. */
#define SILENCE_US (700 * G_TIME_SPAN_MILLISECOND)
#define APPS_MAX 256
#define JOIN_LOOK_EVERY_US (20 * G_TIME_SPAN_MILLISECOND)
#define FRAMES_MAX 64 /* of one application */
#define CELLS_MAX 600
#define NULL_PATH "/org/a11y/atspi/null"
/* Chromium makes its trees when somebody first takes an interest, and the pages' after its own. */
#define PAGE_WAIT_US (500 * G_TIME_SPAN_MILLISECOND)
#define PAGE_ASK_EVERY_US (20 * G_TIME_SPAN_MILLISECOND)
/* A frame and the decorations that some toolkits count to it. */
#define FRAME_SLACK_PX 48

struct walk;

struct node {
	struct walk *walk;
	struct bus_app *app;
	struct node *parent;
	char *path, *role, *name, *value;
	char *stable_path; /* what to tell instead of path; NULL: path */
	guint64 states;
	int depth;
	int child_count; /* as the application says */
	int pending;     /* answers that the node waits for */
	bool has_box, listed, skip, is_cut;
	struct box box, clip;
	int shift_x, shift_y; /* from what the application says to the screen */
	bool in_root_pane;
	struct box seen; /* the part of box that shows; width 0: nothing */
	const struct tree_window *window;
	GPtrArray *children; /* struct node, in order; owned by the walk */
	/* of a big container */
	int first_index, last_index, column_count;
	int rows[2], columns[2];
};

struct walk {
	struct bus *bus;
	const struct tree_request *request;
	GPtrArray *nodes; /* all of them, owned */
	GPtrArray *roots; /* of applications */
	int read_count;
	size_t text_left; /* of what all elements may say together */
	bool cut, has_popup;
	GPtrArray *unborn; /* nodes whose children were not there yet */
};

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

static bool has_state(const struct node *node, int state)
{
	return (node->states >> state & 1) != 0;
}

bool box_clip(const struct box *box, const struct box *bounds, struct box *ret_box)
{
	const gint64 left = MAX(box->x, bounds->x), top = MAX(box->y, bounds->y);
	const gint64 right = MIN((gint64)box->x + box->width, (gint64)bounds->x + bounds->width);
	const gint64 bottom = MIN((gint64)box->y + box->height, (gint64)bounds->y + bounds->height);
	if (box->width <= 0 || box->height <= 0 || right <= left || bottom <= top) {
		return false;
	}
	*ret_box = (struct box){ (int)left, (int)top, (int)(right - left), (int)(bottom - top) };
	return true;
}

bool tree_is_reference(const char *name, const char *path)
{
	return strlen(name) < 64 && strlen(path) < 256 && g_dbus_is_unique_name(name) &&
			g_variant_is_object_path(path);
}

char *tree_clean_text(const char *text, size_t max_len)
{
	char *clean = g_utf8_make_valid(text, (gssize)strnlen(text, max_len));
	for (char *at = clean; *at; at++) {
		if ((unsigned char)*at < 0x20 || *at == 0x7f) {
			*at = ' ';
		}
	}
	/* Where an object is embedded, ATK says so by a character that nobody sees. */
	for (char *at; (at = strstr(clean, "\xef\xbf\xbc"));) {
		memmove(at, at + 3, strlen(at + 3) + 1);
	}
	return g_strstrip(clean);
}

bool tree_role_opens(const char *role)
{
	static const char *const roles[] = { "menu", "menu item", "combo box", "popup menu", NULL };
	return g_strv_contains(roles, role);
}

/* --- questions about one node --- */

static void node_start(struct node *node);
static void node_ready(struct node *node);

static void node_done(struct node *node)
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
		g_variant_get(reply, "((iiii))", &node->box.x, &node->box.y, &node->box.width,
				&node->box.height);
		node->has_box = true;
	}
	node_done(node);
}

static void on_attributes(void *user_data, GVariant *reply)
{
	(void)reply;
	node_done(user_data);
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
	if (!reply || has_state(node, ATSPI_STATE_DEFUNCT) ||
			(!walk->request->all && !has_state(node, ATSPI_STATE_SHOWING))) {
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
	if (node->depth == 1) {
		/* Of all questions, this is the one that makes Chromium take the asker for a
		 * reader. */
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

static void node_start(struct node *node)
{
	bus_call(node->app, node->path, BUS_ACCESSIBLE, "GetState", NULL, "(au)", on_state, node);
}

static struct node *node_add(
		struct walk *walk, struct node *parent, const char *name, const char *path)
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
	return has_state(node, ATSPI_STATE_EDITABLE) ? node->child_count < CHILDREN_MAX
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
	while (g_variant_iter_next(iter, "(&s&o)", &name, &path) && count++ < CHILDREN_MAX * 2) {
		if (strcmp(path, NULL_PATH) == 0) {
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

/* Most cells of a sheet are empty, and hundreds show. */
static void on_cell_length(void *user_data, GVariant *reply)
{
	struct node *node = user_data;
	if (reply && g_variant_is_of_type(reply, G_VARIANT_TYPE_INT32) &&
			g_variant_get_int32(reply) == 0) {
		node->skip = true;
	} else {
		node_start(node);
	}
}

/* The object that stands for a numbered child today. */
static void on_one_child(void *user_data, GVariant *reply)
{
	struct node *node = user_data;
	const char *name = NULL, *path = NULL;
	if (reply) {
		g_variant_get(reply, "((&s&o))", &name, &path);
	}
	if (!reply || !tree_is_reference(name, path) || strcmp(name, node->app->name) != 0 ||
			strcmp(path, NULL_PATH) == 0) {
		node->skip = true;
		return;
	}
	node->stable_path = node->path;
	node->path = g_strdup(path);
	if (node->parent->column_count > 0 && !node->walk->request->all) {
		bus_get(node->app, node->path, BUS_TEXT, "CharacterCount", on_cell_length, node);
	} else {
		node_start(node);
	}
}

/* A child of a big container is known by its number: the application makes an object of it anew
 * each time it is asked for it. */
static void ask_child(struct node *node, gint64 index)
{
	if (index < 0 || index >= node->child_count) {
		return;
	}
	char *path = g_strdup_printf("%s" TREE_CHILD_MARK "%d", node->path, (int)index);
	struct node *child = node_add(node->walk, node, node->app->name, path);
	g_free(path);
	if (child) {
		bus_call(node->app, node->path, BUS_ACCESSIBLE, "GetChildAtIndex",
				g_variant_new("(i)", (gint32)index), "((so))", on_one_child, child);
	}
}

/* The corners of a big table or list tell which part of it shows. */
static void ask_range(struct node *node)
{
	const int columns = node->column_count;
	if (columns > 0 && node->rows[0] >= 0 && node->rows[1] >= node->rows[0] &&
			node->columns[0] >= 0 && node->columns[1] >= node->columns[0]) {
		/* A table may count its headings first. */
		const gint64 offset = node->first_index - (gint64)node->rows[0] * columns -
				node->columns[0];
		int left = CELLS_MAX;
		for (gint64 row = node->rows[0]; row <= node->rows[1] && left > 0; row++) {
			for (int column = node->columns[0]; column <= node->columns[1] && left > 0;
					column++, left--) {
				ask_child(node, offset + row * columns + column);
			}
		}
		return;
	}
	const int first = MIN(node->first_index, node->last_index);
	const int last = MAX(node->first_index, node->last_index);
	const bool known = first >= 0 && last - first < CELLS_MAX;
	for (int i = known ? first : 0; i <= (known ? last : CHILDREN_MAX - 1); i++) {
		ask_child(node, i);
	}
}

static void on_column_count(void *user_data, GVariant *reply)
{
	struct node *node = user_data;
	if (reply && g_variant_is_of_type(reply, G_VARIANT_TYPE_INT32)) {
		node->column_count = g_variant_get_int32(reply);
	}
	node_done(node);
}

/* An answer about one corner of a big container. */
struct corner {
	struct node *node;
	int end; /* 0: top left, 1: bottom right */
	int pending;
	char *name, *path;
	int index;
};

static void corner_done(struct corner *corner)
{
	struct node *node = corner->node;
	if (--corner->pending > 0) {
		return;
	}
	*(corner->end == 0 ? &node->first_index : &node->last_index) = corner->index;
	g_free(corner->name);
	g_free(corner->path);
	g_free(corner);
	node_done(node);
}

static void on_corner_row(void *user_data, GVariant *reply)
{
	struct corner *corner = user_data;
	if (reply) {
		g_variant_get(reply, "(i)", &corner->node->rows[corner->end]);
	}
	corner_done(corner);
}

static void on_corner_column(void *user_data, GVariant *reply)
{
	struct corner *corner = user_data;
	if (reply) {
		g_variant_get(reply, "(i)", &corner->node->columns[corner->end]);
	}
	corner_done(corner);
}

static void on_corner_index(void *user_data, GVariant *reply)
{
	struct corner *corner = user_data;
	struct node *node = corner->node;
	if (reply) {
		g_variant_get(reply, "(i)", &corner->index);
		corner->pending += 2;
		bus_call(node->app, node->path, "org.a11y.atspi.Table", "GetRowAtIndex",
				g_variant_new("(i)", corner->index), "(i)", on_corner_row, corner);
		bus_call(node->app, node->path, "org.a11y.atspi.Table", "GetColumnAtIndex",
				g_variant_new("(i)", corner->index), "(i)", on_corner_column,
				corner);
	}
	corner_done(corner);
}

static void on_corner(void *user_data, GVariant *reply)
{
	struct corner *corner = user_data;
	const char *name = NULL, *path = NULL;
	if (reply) {
		g_variant_get(reply, "((&s&o))", &name, &path);
		if (tree_is_reference(name, path) && strcmp(name, corner->node->app->name) == 0) {
			corner->pending++;
			bus_call(corner->node->app, path, BUS_ACCESSIBLE, "GetIndexInParent", NULL,
					"(i)", on_corner_index, corner);
		}
	}
	corner_done(corner);
}

static void ask_corner(struct node *node, int end, int x, int y)
{
	struct corner *corner = g_new0(struct corner, 1);
	corner->node = node;
	corner->end = end;
	corner->pending = 1;
	corner->index = -1;
	node->rows[end] = node->columns[end] = -1;
	node->pending++;
	bus_call(node->app, node->path, BUS_COMPONENT, "GetAccessibleAtPoint",
			g_variant_new("(iiu)", x - node->shift_x, y - node->shift_y,
					ATSPI_COORD_TYPE_SCREEN),
			"((so))", on_corner, corner);
}

static bool is_big(const struct node *node)
{
	return node->child_count > CHILDREN_MAX ||
			(has_state(node, ATSPI_STATE_MANAGES_DESCENDANTS) && node->child_count > 0);
}

/* --- windows --- */

static int overlap_percent(const struct box *one, const struct box *other)
{
	struct box both;
	if (!box_clip(one, other, &both)) {
		return 0;
	}
	const gint64 common = (gint64)both.width * both.height;
	const gint64 all = (gint64)one->width * one->height + (gint64)other->width * other->height -
			common;
	return (int)(100 * common / MAX(all, 1));
}

/* The window that a top-level element is the inside of. */
static const struct tree_window *find_window(const struct node *node)
{
	const struct tree_request *request = node->walk->request;
	const struct tree_window *best = NULL;
	int best_score = 0;
	for (int i = 0; i < request->window_count; i++) {
		const struct tree_window *window = &request->windows[i];
		if (window->pid != 0 && node->app->pid != 0 && window->pid != node->app->pid) {
			continue;
		}
		const bool same_title =
				node->name && *node->name && strcmp(window->title, node->name) == 0;
		int score = overlap_percent(&node->box, &window->box);
		/* Decorations are part of it for some toolkits; another place is another window. */
		if (score < (same_title || window->popup ? 30 : 60)) {
			continue;
		}
		score += same_title ? 100 : 0;
		if (score > best_score) {
			best_score = score;
			best = window;
		}
	}
	return best;
}

bool tree_role_clips(const char *role)
{
	static const char *const roles[] = { "scroll pane", "viewport", "document web",
		"document frame", "document text", "document spreadsheet", "table", "tree table",
		"list box", NULL };
	return g_strv_contains(roles, role);
}

/* LibreOffice's own widgets believe that the menu bar is not there: their root pane says the place
 * of the menu bar for its own, and what GTK draws inside them says the truth again. Both are seen
 * where a child fills its parent and yet claims another place. parent is right already; the shift
 * is the parent's before and the box's after. */
static void place_in_parent(struct box *box, const struct box *parent, int *shift_x, int *shift_y)
{
	if (box->width == parent->width && box->height == parent->height) {
		*shift_x = parent->x - box->x;
		*shift_y = parent->y - box->y;
	}
	box->x += *shift_x;
	box->y += *shift_y;
}

static void place(struct node *node)
{
	const struct node *parent = node->parent;
	node->in_root_pane = parent->in_root_pane || strcmp(node->role, "root pane") == 0;
	node->shift_x = parent->shift_x;
	node->shift_y = parent->shift_y;
	if (node->in_root_pane && node->has_box && parent->has_box && parent->depth > 0) {
		place_in_parent(&node->box, &parent->box, &node->shift_x, &node->shift_y);
	} else {
		node->box.x += node->shift_x;
		node->box.y += node->shift_y;
	}
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
	if (node->depth == 1) {
		node->window = find_window(node);
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
		ask_range(node);
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
	if (is_big(node)) {
		node->is_cut = true;
		node->first_index = node->last_index = -1;
		const struct box *seen = &node->seen;
		if (seen->width == 0) {
			return;
		}
		node->pending = 2;
		bus_get(node->app, node->path, "org.a11y.atspi.Table", "NColumns", on_column_count,
				node);
		ask_corner(node, 0, seen->x + 1, seen->y + 1);
		ask_corner(node, 1, seen->x + seen->width - 2, seen->y + seen->height - 2);
		node_done(node);
		return;
	}
	bus_call(node->app, node->path, BUS_ACCESSIBLE, "GetChildren", NULL, "(a(so))", on_children,
			node);
}

/* --- applications --- */

static bool pid_is_wanted(const struct tree_request *request, unsigned int pid)
{
	bool any_unknown = false;
	for (int i = 0; i < request->window_count; i++) {
		if (request->windows[i].pid == pid) {
			return true;
		}
		any_unknown = any_unknown || request->windows[i].pid == 0;
	}
	return any_unknown;
}

static void on_frames(void *user_data, GVariant *reply)
{
	struct node *root = user_data;
	root->child_count = 0;
	if (!reply) {
		return;
	}
	GVariantIter *iter = NULL;
	const char *name = NULL, *path = NULL;
	int count = 0;
	g_variant_get(reply, "(a(so))", &iter);
	while (g_variant_iter_next(iter, "(&s&o)", &name, &path) && count++ < FRAMES_MAX) {
		struct node *frame = node_add(root->walk, root, name, path);
		if (frame) {
			node_start(frame);
		}
	}
	g_variant_iter_free(iter);
}

static void on_frame_count(void *user_data, GVariant *reply)
{
	struct node *root = user_data;
	const gint32 count = reply && g_variant_is_of_type(reply, G_VARIANT_TYPE_INT32)
			? g_variant_get_int32(reply)
			: 0;
	if (count > 0 && count <= FRAMES_MAX) {
		bus_call(root->app, root->path, BUS_ACCESSIBLE, "GetChildren", NULL, "(a(so))",
				on_frames, root);
	}
}

static unsigned int pid_of(struct walk *walk, struct bus_app *app)
{
	GVariant *reply = app->pid != 0
			? NULL
			: bus_ask(bus_app(walk->bus, "org.freedesktop.DBus"),
					  "/org/freedesktop/DBus", "org.freedesktop.DBus",
					  "GetConnectionUnixProcessID",
					  g_variant_new("(s)", app->name), "(u)",
					  walk->request->deadline_us);
	if (reply) {
		g_variant_get(reply, "(u)", &app->pid);
		g_variant_unref(reply);
	}
	return app->pid;
}

/* The applications of the registry; NULL if it does not answer. */
static GPtrArray *list_apps(struct walk *walk)
{
	GVariant *reply = bus_ask(bus_app(walk->bus, "org.a11y.atspi.Registry"), TREE_ROOT_PATH,
			BUS_ACCESSIBLE, "GetChildren", NULL, "(a(so))", walk->request->deadline_us);
	if (!reply) {
		return NULL;
	}
	GPtrArray *apps = g_ptr_array_new();
	GVariantIter *iter = NULL;
	const char *name = NULL, *path = NULL;
	g_variant_get(reply, "(a(so))", &iter);
	while (g_variant_iter_next(iter, "(&s&o)", &name, &path) && apps->len < APPS_MAX) {
		if (tree_is_reference(name, path)) {
			struct bus_app *app = bus_app(walk->bus, name);
			(void)pid_of(walk, app);
			g_ptr_array_add(apps, app);
		}
	}
	g_variant_iter_free(iter);
	g_variant_unref(reply);
	return apps;
}

static bool have_all_joined(const struct tree_request *request, const GPtrArray *apps)
{
	for (int i = 0; i < request->window_count; i++) {
		bool found = request->windows[i].pid == 0;
		for (guint k = 0; k < apps->len && !found; k++) {
			const struct bus_app *app = g_ptr_array_index(apps, k);
			found = app->pid == request->windows[i].pid;
		}
		if (!found) {
			return false;
		}
	}
	return true;
}

static enum cua_status start_apps(struct walk *walk, struct cua_error *err)
{
	GPtrArray *apps = list_apps(walk);
	/* Some applications join the bus when they see it appear, and the first question made it.
	 */
	while (apps && bus_is_young(walk->bus) && !have_all_joined(walk->request, apps)) {
		g_usleep(JOIN_LOOK_EVERY_US);
		g_ptr_array_free(apps, TRUE);
		apps = list_apps(walk);
	}
	if (!apps) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"the accessibility registry does not answer");
	}
	for (guint i = 0; i < apps->len; i++) {
		struct bus_app *app = g_ptr_array_index(apps, i);
		struct node *root = pid_is_wanted(walk->request, app->pid)
				? node_add(walk, NULL, app->name, TREE_ROOT_PATH)
				: NULL;
		if (root) {
			bus_get(app, root->path, BUS_ACCESSIBLE, "ChildCount", on_frame_count,
					root);
		}
	}
	g_ptr_array_free(apps, TRUE);
	return CUA_OK;
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
	if (node->shift_x != 0 || node->shift_y != 0) {
		cJSON_AddNumberToObject(json, "shift_x", node->shift_x);
		cJSON_AddNumberToObject(json, "shift_y", node->shift_y);
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

/* The pages that were empty get children or the time is over. */
static void wait_for_pages(struct walk *walk)
{
	const gint64 deadline_us =
			MIN(walk->request->deadline_us, g_get_monotonic_time() + PAGE_WAIT_US);
	while (walk->unborn->len > 0 && g_get_monotonic_time() < deadline_us) {
		g_usleep(PAGE_ASK_EVERY_US);
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
	enum cua_status status = start_apps(&walk, err);
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
