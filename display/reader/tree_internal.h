#ifndef CUA_DISPLAY_READER_TREE_INTERNAL_H
#define CUA_DISPLAY_READER_TREE_INTERNAL_H

/* One reading of all windows, as the files tree*.c share it. */

#include "display/reader/tree.h"

/* More children than this are not listed one by one: those that show are found by their place. */
#define TREE_CHILDREN_MAX 200
#define TREE_NULL_PATH "/org/a11y/atspi/null"

struct walk;

/* An element. */
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
	struct box told;                  /* box before the shift */
	int shift_x, shift_y;             /* from what the application says to the screen */
	int frame_shift_x, frame_shift_y; /* the same for what GTK draws in this window */
	bool is_gtk;                      /* it says so */
	const struct node *pane;          /* LibreOffice's own that it is in; NULL: none */
	struct box seen;                  /* the part of box that shows; width 0: nothing */
	const struct tree_window *window;
	GPtrArray *children; /* struct node, in order; owned by the walk */
	/* of a big container */
	int first_index, last_index, column_count;
	int rows[2], columns[2];
};

/* The reading. */
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

bool node_has_state(const struct node *node, int state);
/* A child of parent, or the root of an application; NULL if there are too many. */
struct node *node_add(struct walk *walk, struct node *parent, const char *name, const char *path);
/* Asks for its state, and if it shows for everything else. */
void node_start(struct node *node);
/* One answer that it waits for is there. */
void node_done(struct node *node);

/* tree_big.c: containers of so many children that only those in view are read. */
bool tree_is_big(const struct node *node);
/* Asks which part of it shows; node_done() when that is known. */
void tree_ask_corners(struct node *node);
/* Adds the children between the corners. */
void tree_ask_range(struct node *node);

/* tree_apps.c: applications on the bus and the windows that they have. */
CUA_NODISCARD enum cua_status tree_start_apps(struct walk *walk, struct cua_error *err);
/* Finds out whether the application of a top-level element tells pixels that it draws larger than
 * they are, as toolkits do on a screen of many dots per inch, and corrects its box. */
void tree_learn_scale(struct node *node);
/* The window that a top-level element is the inside of; NULL: none. */
const struct tree_window *tree_find_window(const struct node *node);

#endif
