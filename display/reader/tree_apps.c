/* Which applications to ask, and which windows are theirs. */

#include "display/reader/tree_internal.h"

#include <string.h>

#define APPS_MAX 256
#define FRAMES_MAX 64 /* of one application */

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

/* How well a size fits the application's windows, of 100; the one of the same title if there is. */
static int fit_percent(const struct node *node, const struct box *box)
{
	const struct tree_request *request = node->walk->request;
	int best = 0;
	for (int i = 0; i < request->window_count; i++) {
		const struct tree_window *window = &request->windows[i];
		struct box there = window->box;
		there.x = box->x;
		there.y = box->y;
		if (window->popup || window->pid == 0 || window->pid != node->app->pid) {
			continue;
		}
		const int fit = overlap_percent(box, &there);
		if (node->name && *node->name && strcmp(window->title, node->name) == 0) {
			return fit;
		}
		best = MAX(best, fit);
	}
	return best;
}

void tree_learn_scale(struct node *node)
{
	const struct bus_app scaled = { .scale_percent = node->walk->request->scale_percent };
	const struct box large = box_on_screen(&node->box, &scaled);
	if (node->has_box && scaled.scale_percent > 100 && node->box.width > 0) {
		const int as_told = fit_percent(node, &node->box),
			  as_large = fit_percent(node, &large);
		if (as_told != as_large) {
			node->app->scale_percent = as_large > as_told ? scaled.scale_percent : 0;
		}
	}
	node->box = box_on_screen(&node->box, node->app);
}

/* The window that a top-level element is the inside of. */
const struct tree_window *tree_find_window(const struct node *node)
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
	root->walk->cut = root->walk->cut || count > FRAMES_MAX;
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
	walk->cut = walk->cut || g_variant_iter_n_children(iter) > APPS_MAX;
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

/* Some applications join the bus when they see it appear, and the first question made it. */
static GPtrArray *list_apps_that_join(struct walk *walk)
{
	bus_watch_joins(walk->bus);
	GPtrArray *apps = list_apps(walk);
	while (apps && !have_all_joined(walk->request, apps) &&
			bus_wait_for_join(walk->bus, walk->request->deadline_us)) {
		g_ptr_array_free(apps, TRUE);
		apps = list_apps(walk);
	}
	bus_end_joins(walk->bus);
	return apps;
}

enum cua_status tree_start_apps(struct walk *walk, struct cua_error *err)
{
	GPtrArray *apps = list_apps_that_join(walk);
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
