#ifndef CUA_DISPLAY_HABIT_H
#define CUA_DISPLAY_HABIT_H

/* What applications did late. Some paint once more when nobody expects it: Writer brings its tool
 * bars up to date 300 ms after a key, menus open the first sub-menu 225 ms after the menu. Others
 * have the same timers and paint nothing. For each kind of input to each application it is noted
 * which it was, so that a wait is spent only where it was worth it lately. */

#include <stdbool.h>
#include <stdint.h>

#include "cua/contract/action.h"

struct habits;

/* NULL when memory runs out. */
struct habits *habits_create(void);
void habits_destroy(struct habits *habits);

/* The kind of an action: its name, its keys, and how many windows were open. */
uint32_t habit_kind(const struct cua_action *action, int windows);
/* A kind of action in windows of a class; never 0. */
uint32_t habit_key(uint32_t kind, const char *window_class);

/* What changed after an input when the screen had seemed at rest. */
struct habit_late {
	uint64_t us; /* the last change, after the input; 0: none */
	int rounds;  /* how often it changed and rested again */
};

void habit_note(struct habits *habits, uint32_t key, struct habit_late late);

/* Too few inputs of this kind were seen to know it: any timer may lead to a change. */
bool habit_is_new(const struct habits *habits, uint32_t key);
/* The late change that is to be expected; of 0 microseconds if none is. */
struct habit_late habit_expected(const struct habits *habits, uint32_t key);

#endif
