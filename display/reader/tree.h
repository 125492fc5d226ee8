#ifndef CUA_DISPLAY_READER_TREE_H
#define CUA_DISPLAY_READER_TREE_H

/* Elements of the applications' accessibility trees. */

#include <cjson/cJSON.h>

#include "display/reader/bus.h"

struct box {
	int x, y, width, height; /* pixels of the root window */
};

struct tree_window {
	double id;
	unsigned int pid; /* 0: not known */
	char title[512];
	struct box box;
	bool popup; /* a menu or its like, which no window manager manages */
};

struct tree_request {
	struct tree_window windows[512];
	int window_count;
	struct box screen;
	int max_nodes, max_depth, max_text;
	bool all; /* what does not show, too */
	gint64 deadline_us;
	int scale_percent; /* what toolkits that enlarge everything do so by */
};

/* By what its application is wrong about where an element is. */
struct tree_place {
	int shift_x, shift_y;
	int scale_percent;          /* 0: it tells pixels of the screen */
	const char *pane, *pane_in; /* LibreOffice's own that it is in, and where that is */
};

/* "((iiii))", within what can be reckoned with. */
struct box box_of_reply(GVariant *reply);
/* From the application's pixels to those of the screen. */
struct box box_on_screen(const struct box *box, const struct bus_app *app);
/* Of an answer to GetAttributes. */
bool tree_is_gtk(GVariant *reply);
/* Adds by how much what is in a pane of LibreOffice's is elsewhere than it says: the pane fills
 * what GTK has for it, wherever it says that it is. Boxes as told, in pixels of the screen. */
void tree_pane_shift(const struct box *pane, const struct box *pane_in, int *shift_x, int *shift_y);
/* As tree_read() told it; borrows from json. */
struct tree_place tree_place_read(const cJSON *json);
/* Asks anew where the pane is, and adds it to the shift; the application is known by its scale. */
void tree_place_now(
		struct bus *bus, const char *name, struct tree_place *place, gint64 deadline_us);
/* What can be seen of box inside bounds; false if nothing. */
bool box_clip(const struct box *box, const struct box *bounds, struct box *ret_box);

/* Containers that show nothing of their children outside themselves. */
bool tree_role_clips(const char *role);

/* Elements whose children show in a window of their own. */
bool tree_role_opens(const char *role);

/* Text of an application as it may be passed on: valid, without control characters, cut. */
char *tree_clean_text(const char *text, size_t max_len);
bool tree_is_reference(const char *name, const char *path);

/* Requests of reader.h. */
CUA_NODISCARD enum cua_status tree_read(struct bus *bus, const struct tree_request *request,
		cJSON *answer, struct cua_error *err);
CUA_NODISCARD enum cua_status tree_element(struct bus *bus, const struct tree_request *request,
		const char *name, const char *path, struct tree_place *place, bool scroll,
		cJSON *answer, struct cua_error *err);
CUA_NODISCARD enum cua_status tree_spans(struct bus *bus, const char *text, const cJSON *elements,
		gint64 deadline_us, cJSON *answer, struct cua_error *err);

CUA_NODISCARD enum cua_status tree_url(struct bus *bus, const char *name, const char *path,
		gint64 deadline_us, cJSON *answer, struct cua_error *err);

/* Ends the path of a container whose N-th child is meant; see tree_resolve(). */
#define TREE_CHILD_MARK "/_child_/"

/* The object that a path of tree_read() stands for now; NULL if there is none. g_free() it. */
char *tree_resolve(struct bus *bus, const char *name, const char *path, gint64 deadline_us);

#define TREE_ROOT_PATH "/org/a11y/atspi/accessible/root"

#endif
