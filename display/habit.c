#include "display/habit.h"

#include <stdlib.h>

#include "cua/base/util.h"

#define HABITS_MAX 128
/* So many inputs of a kind are given the full wait before one believes to know them. */
#define EXPLORED 2
/* A late change among so many last inputs of a kind lets the next one be waited for. */
#define RECENT_BITS 0x7U

struct habit {
	uint32_t key;     /* 0: free */
	uint32_t seen;    /* inputs of this kind */
	uint32_t late;    /* bit n: the n-th last of them had a late change */
	uint64_t late_us; /* the latest of those changes, after the input */
	uint64_t used;    /* age */
};

struct habits {
	struct habit habits[HABITS_MAX];
	uint64_t clock;
};

struct habits *habits_create(void)
{
	return calloc(1, sizeof(struct habits));
}

void habits_destroy(struct habits *habits)
{
	free(habits);
}

/* FNV-1a. */
static uint32_t mix(uint32_t hash, const char *text)
{
	for (; *text; text++) {
		hash = (hash ^ (unsigned char)*text) * 16777619U;
	}
	return hash * 16777619U;
}

uint32_t habit_kind(const struct cua_action *action)
{
	uint32_t hash = mix(2166136261U, cua_action_table[action->type].name);
	for (int i = 0; i < action->keys.count; i++) {
		hash = mix(hash, action->keys.names[i]);
	}
	return hash;
}

uint32_t habit_key(uint32_t kind, const char *window_class)
{
	const uint32_t hash = mix(kind, window_class);
	return hash ? hash : 1;
}

static struct habit *find(struct habits *habits, uint32_t key)
{
	for (int i = 0; i < HABITS_MAX; i++) {
		if (habits->habits[i].key == key) {
			return &habits->habits[i];
		}
	}
	return NULL;
}

void habit_note(struct habits *habits, uint32_t key, uint64_t late_us)
{
	struct habit *habit = find(habits, key);
	if (!habit) {
		habit = &habits->habits[0];
		for (int i = 1; i < HABITS_MAX; i++) {
			if (habits->habits[i].used < habit->used) {
				habit = &habits->habits[i];
			}
		}
		*habit = (struct habit){ .key = key };
	}
	habit->used = ++habits->clock;
	habit->seen++;
	habit->late = habit->late << 1 | (late_us > 0);
	if ((habit->late & RECENT_BITS) == 0) {
		habit->late_us = 0;
	} else if (late_us > habit->late_us) {
		habit->late_us = late_us;
	}
}

bool habit_trusts_timers(struct habits *habits, uint32_t key)
{
	const struct habit *habit = find(habits, key);
	return !habit || habit->seen < EXPLORED || (habit->late & RECENT_BITS) != 0;
}

uint64_t habit_late_us(struct habits *habits, uint32_t key)
{
	const struct habit *habit = find(habits, key);
	return habit && (habit->late & RECENT_BITS) != 0 ? habit->late_us : 0;
}
