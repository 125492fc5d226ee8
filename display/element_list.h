#ifndef CUA_DISPLAY_ELEMENT_LIST_H
#define CUA_DISPLAY_ELEMENT_LIST_H

/* What the reader says is on the screen (reader/reader.h), checked: applications had their hands in
 * it. Knows no X. */

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"
#include "cua/contract/action.h"

/* Bits of struct element.states, as AT-SPI numbers them. */
enum element_state {
	ELEMENT_ACTIVE = 1,
	ELEMENT_BUSY = 3,
	ELEMENT_CHECKED = 4,
	ELEMENT_COLLAPSED = 5,
	ELEMENT_EDITABLE = 7,
	ELEMENT_ENABLED = 8,
	ELEMENT_EXPANDED = 10,
	ELEMENT_FOCUSABLE = 11,
	ELEMENT_FOCUSED = 12,
	ELEMENT_MODAL = 16,
	ELEMENT_PRESSED = 20,
	ELEMENT_SELECTED = 23,
	ELEMENT_SENSITIVE = 24,
	ELEMENT_SHOWING = 25,
	ELEMENT_INDETERMINATE = 32,
	ELEMENT_REQUIRED = 33,
	ELEMENT_INVALID_ENTRY = 36,
	ELEMENT_VISITED = 40,
	ELEMENT_HAS_POPUP = 42,
	ELEMENT_READ_ONLY = 43,
};

/* What the reader has to know to find an element again, as reader.h has it. */
struct element_place {
	uint32_t window; /* X window that shows it */
	int shift_x, shift_y, scale_percent;
	char *pane, *pane_in; /* NULL: none */
};

struct element {
	unsigned int ref;  /* 0: none yet */
	int depth;         /* 0: a window */
	char *bus, *path;  /* owned; what the accessibility bus calls it */
	char *role, *name; /* owned; valid UTF-8 without control characters, as value */
	char *value;       /* owned; NULL if it has none */
	uint64_t states;
	struct cua_region box;      /* what shows of it, on the screen; width 0: nothing */
	struct element_place place; /* its strings are owned */
	double children;            /* how many there are if not all are listed; -1 */
	bool covered;               /* another window is in front of its middle */
};

struct element_list {
	struct element *items; /* owned; in the order of documents */
	int count;
	bool cut;               /* there is more: a bound was reached */
	unsigned int stuck[32]; /* processes that did not answer */
	int stuck_count;
};

struct screen_word {
	char *text; /* owned */
	struct cua_region box;
	int confidence; /* 0 to 100 */
	int line;       /* the same for words of one line */
};

struct word_list {
	struct screen_word *items; /* owned */
	int count;
};

void element_list_finish(struct element_list *list);
void word_list_finish(struct word_list *list);

/* Refuses an answer that breaks a bound or has another shape; screen bounds every box. */
CUA_NODISCARD enum cua_status element_list_parse(const cJSON *answer,
		const struct cua_point *screen, struct element_list *ret_list,
		struct cua_error *err);
/* Boxes come back relative to the screen; region is what was recognised. */
CUA_NODISCARD enum cua_status word_list_parse(const cJSON *answer, const struct cua_region *region,
		struct word_list *ret_list, struct cua_error *err);

static inline bool element_has(const struct element *element, enum element_state state)
{
	return (element->states >> state & 1) != 0;
}

/* A button, a field, a menu item: something that a click does something to. */
bool element_is_actionable(const struct element *element);
/* Adds the names of the states that matter to a reader: "focused", "disabled", ... */
void element_state_names(const struct element *element, cJSON *names);

/* A copy without control characters, at most max bytes; NULL if json is no string. */
char *element_clean_text(const cJSON *json, size_t max);

/* A rectangle {"x", "y", "width", "height"} cut to bounds; false if it is none or outside. */
bool element_read_box(
		const cJSON *json, const struct cua_region *bounds, struct cua_region *ret_box);

/* Frees its strings. */
void element_place_finish(struct element_place *place);
/* For a question to the reader about an element that is there. */
void element_place_add(const struct element_place *place, cJSON *json);

#endif
