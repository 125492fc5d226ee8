#ifndef CUA_AGENT_MODEL_READING_H
#define CUA_AGENT_MODEL_READING_H

/* Reading what models call, to canonical actions: what the vocabularies share. What is wrong with a
 * call is CUA_ERR_INVAL, with words for the model. */

#include <cjson/cJSON.h>

#include "cua/contract/action.h"

#define MODEL_SCROLL_MAX 30 /* wheel clicks of one action */

struct model_reading {
	struct cua_point screen; /* pixels of the screenshot as it was sent */
	cJSON *arguments;        /* of one call: what is taken is taken out */
	cJSON *actions;          /* a list, canonical, checked; appended to */
	char *note;              /* what was changed in the actions */
	size_t note_size;
	struct cua_error *err;
};

/* The argument of that name, for its caller to delete; NULL if there is none. */
cJSON *model_take(struct model_reading *reading, const char *name);
/* A number; absent: fallback. */
CUA_NODISCARD enum cua_status model_take_number(struct model_reading *reading, const char *name,
		double fallback, double *ret_number);
/* A string that must be there. The caller owns it. */
CUA_NODISCARD enum cua_status model_take_text(
		struct model_reading *reading, const char *name, char **ret_text);
/* CUA_ERR_INVAL if arguments are left that nobody took. */
CUA_NODISCARD enum cua_status model_all_taken(
		const struct model_reading *reading, const char *call);

/* {"action": name}, and the place if at is not NULL. NULL when memory runs out. */
cJSON *model_new_action(enum cua_action_type type, const struct cua_point *at);
/* Asks the table, so that nothing off the screen or out of bounds gets further, and appends; the
 * action is taken over. NULL counts as out of memory. */
CUA_NODISCARD enum cua_status model_append_action(cJSON *actions, cJSON *action,
		const struct cua_point *screen, struct cua_error *err);
/* The same, to those of the reading. */
CUA_NODISCARD enum cua_status model_add_action(struct model_reading *reading, cJSON *action);

/* count clicks of a button; at: NULL where the pointer is. */
CUA_NODISCARD enum cua_status model_add_click(struct model_reading *reading,
		const struct cua_point *at, const char *button, int count);
/* Wheel clicks, capped with a note; positive: right, down. */
CUA_NODISCARD enum cua_status model_add_scroll(struct model_reading *reading,
		const struct cua_point *at, double clicks_x, double clicks_y);
CUA_NODISCARD enum cua_status model_add_drag(struct model_reading *reading, struct cua_point from,
		struct cua_point to, const char *button);
/* From where the pointer is: pressed there, moved, released. */
CUA_NODISCARD enum cua_status model_add_drag_to(
		struct model_reading *reading, struct cua_point to, const char *button);
/* "ctrl+s" */
CUA_NODISCARD enum cua_status model_add_chord(struct model_reading *reading, const char *chord);
/* The argument of that name: a list of keys pressed together, or a chord. */
CUA_NODISCARD enum cua_status model_add_keys(struct model_reading *reading, const char *name);
CUA_NODISCARD enum cua_status model_add_text(struct model_reading *reading, const char *text);
CUA_NODISCARD enum cua_status model_add_wait(struct model_reading *reading, double seconds);
/* Opens the argument "url". */
CUA_NODISCARD enum cua_status model_add_url(struct model_reading *reading);

#endif
