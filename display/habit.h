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

/* Something changed so long after the input, when the screen had seemed at rest; 0: nothing did. */
void habit_note(struct habits *habits, uint32_t key, uint64_t late_us);

/* Too few inputs of this kind were seen to know it: any timer may lead to a change. */
bool habit_is_new(const struct habits *habits, uint32_t key);
/* How long after the input a late change is to be expected; 0 if none is. */
uint64_t habit_late_us(const struct habits *habits, uint32_t key);

#endif
