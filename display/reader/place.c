/* Where an element is in spite of what its application says. Toolkits that enlarge everything tell
 * pixels of their own, and LibreOffice is mistaken about where it draws. */

#include "display/reader/tree.h"

#include <string.h>

#include <atspi/atspi-constants.h>

#include "cua/base/json.h"

#define SCALE_PERCENT_MAX 1000

static int scaled(int length, int percent)
{
	return (int)((gint64)length * percent / 100);
}

struct box box_on_screen(const struct box *box, const struct bus_app *app)
{
	const int percent = app->scale_percent > 0 ? app->scale_percent : 100;
	return (struct box){ scaled(box->x, percent), scaled(box->y, percent),
		scaled(box->width, percent), scaled(box->height, percent) };
}

bool tree_is_gtk(GVariant *reply)
{
	GVariant *all = reply ? g_variant_get_child_value(reply, 0) : NULL;
	const char *toolkit = NULL;
	const bool is_gtk = all && g_variant_lookup(all, "toolkit", "&s", &toolkit) &&
			strcmp(toolkit, "gtk") == 0;
	g_clear_pointer(&all, g_variant_unref);
	return is_gtk;
}

void tree_pane_shift(const struct box *pane, const struct box *pane_in, int *shift_x, int *shift_y)
{
	if (pane->width == pane_in->width && pane->height == pane_in->height) {
		*shift_x += pane_in->x - pane->x;
		*shift_y += pane_in->y - pane->y;
	}
}

struct tree_place tree_place_read(const cJSON *json)
{
	return (struct tree_place){ .shift_x = cua_json_int(json, "shift_x"),
		.shift_y = cua_json_int(json, "shift_y"),
		.scale_percent = CLAMP(cua_json_int(json, "scale_percent"), 0, SCALE_PERCENT_MAX),
		.pane = cua_json_text(json, "pane"),
		.pane_in = cua_json_text(json, "pane_in") };
}

/* --- what it says now --- */

struct asked {
	const struct bus_app *app;
	struct box box;
	bool has_box;
};

static void on_extents(void *user_data, GVariant *reply)
{
	struct asked *asked = user_data;
	if (reply) {
		const struct box told = box_of_reply(reply);
		asked->box = box_on_screen(&told, asked->app);
		asked->has_box = true;
	}
}

static void ask_box(struct bus_app *app, const char *path, struct asked *asked)
{
	*asked = (struct asked){ .app = app };
	bus_call(app, path, BUS_COMPONENT, "GetExtents",
			g_variant_new("(u)", ATSPI_COORD_TYPE_SCREEN), "((iiii))", on_extents,
			asked);
}

void tree_place_now(struct bus *bus, const char *name, struct tree_place *place, gint64 deadline_us)
{
	struct bus_app *app = bus_app(bus, name);
	struct asked pane, pane_in;
	/* The process that read the tree may have been another one. */
	app->scale_percent = place->scale_percent;
	if (!tree_is_reference(name, place->pane) || !tree_is_reference(name, place->pane_in)) {
		return;
	}
	ask_box(app, place->pane, &pane);
	ask_box(app, place->pane_in, &pane_in);
	bus_wait(bus, deadline_us);
	if (pane.has_box && pane_in.has_box) {
		tree_pane_shift(&pane.box, &pane_in.box, &place->shift_x, &place->shift_y);
	}
}
