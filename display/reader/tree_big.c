/* A sheet has two billion cells: what shows of it is found by asking what is at its corners. */

#include "display/reader/tree_internal.h"

#include <string.h>

#include <atspi/atspi-constants.h>

#define CELLS_MAX 1500

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
			strcmp(path, TREE_NULL_PATH) == 0) {
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
void tree_ask_range(struct node *node)
{
	const int columns = node->column_count;
	if (columns > 0 && node->rows[0] >= 0 && node->rows[1] >= node->rows[0] &&
			node->columns[0] >= 0 && node->columns[1] >= node->columns[0]) {
		/* A table may count its headings first. */
		const gint64 offset = node->first_index - (gint64)node->rows[0] * columns -
				node->columns[0];
		const gint64 cells = ((gint64)node->rows[1] - node->rows[0] + 1) *
				((gint64)node->columns[1] - node->columns[0] + 1);
		node->walk->cut = node->walk->cut || cells > CELLS_MAX;
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
	node->walk->cut = node->walk->cut || (first >= 0 && !known);
	for (int i = known ? first : 0; i <= (known ? last : TREE_CHILDREN_MAX - 1); i++) {
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
	const int percent = node->app->scale_percent > 0 ? node->app->scale_percent : 100;
	corner->node = node;
	corner->end = end;
	corner->pending = 1;
	corner->index = -1;
	node->rows[end] = node->columns[end] = -1;
	node->pending++;
	bus_call(node->app, node->path, BUS_COMPONENT, "GetAccessibleAtPoint",
			g_variant_new("(iiu)", (x - node->shift_x) * 100 / percent,
					(y - node->shift_y) * 100 / percent,
					ATSPI_COORD_TYPE_SCREEN),
			"((so))", on_corner, corner);
}

bool tree_is_big(const struct node *node)
{
	return node->child_count > TREE_CHILDREN_MAX ||
			(node_has_state(node, ATSPI_STATE_MANAGES_DESCENDANTS) &&
					node->child_count > 0);
}

void tree_ask_corners(struct node *node)
{
	const struct box *seen = &node->seen;
	node->pending = 2;
	bus_get(node->app, node->path, "org.a11y.atspi.Table", "NColumns", on_column_count, node);
	ask_corner(node, 0, seen->x + 1, seen->y + 1);
	ask_corner(node, 1, seen->x + seen->width - 2, seen->y + seen->height - 2);
	node_done(node);
}
