#include "display/habit.h"

#include <stdlib.h>

#include "cua/base/util.h"

#define HABITS_MAX 128
/* So many inputs of a kind are given the full wait before one believes to know them. */
#define EXPLORED 2
/* Of so many last inputs of a kind some had to have a late change for the next to be expected:
 * what happens once in a while is chance. */
#define RECENT_BITS 0xfU
#define RECENT 4
#define RECENT_LATE 2

struct habit {
	uint32_t key;  /* 0: free */
	uint32_t seen; /* inputs of this kind */
	uint32_t late; /* bit n: the n-th last of them had a late change */
	struct habit_late expected;
	uint64_t used; /* age */
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

uint32_t habit_kind(const struct cua_action *action, int windows)
{
	uint32_t hash = mix(2166136261U, cua_action_table[action->type].name);
	for (int i = 0; i < action->keys.count; i++) {
		hash = mix(hash, action->keys.names[i]);
	}
	return hash ^ (uint32_t)windows * 16777619U;
}

uint32_t habit_key(uint32_t kind, const char *window_class)
{
	const uint32_t hash = mix(kind, window_class);
	return hash ? hash : 1;
}

static const struct habit *find(const struct habits *habits, uint32_t key)
{
	for (int i = 0; i < HABITS_MAX; i++) {
		if (habits->habits[i].key == key) {
			return &habits->habits[i];
		}
	}
	return NULL;
}

/* That of the key; a new one takes the place of the one that was not used for longest. */
static struct habit *find_or_add(struct habits *habits, uint32_t key)
{
	struct habit *oldest = &habits->habits[0];
	for (int i = 0; i < HABITS_MAX; i++) {
		struct habit *habit = &habits->habits[i];
		if (habit->key == key) {
			return habit;
		}
		oldest = habit->used < oldest->used ? habit : oldest;
	}
	*oldest = (struct habit){ .key = key };
	return oldest;
}

void habit_note(struct habits *habits, uint32_t key, struct habit_late late)
{
	struct habit *habit = find_or_add(habits, key);
	const uint64_t before_us = habit->expected.us;
	habit->used = ++habits->clock;
	habit->seen++;
	habit->late = habit->late << 1 | (late.us > 0);
	if ((habit->late & RECENT_BITS) == 0) {
		habit->expected = (struct habit_late){ 0 };
	} else if (late.us > 0) {
		habit->expected = late;
		habit->expected.us = before_us > late.us ? (before_us + late.us) / 2 : late.us;
	}
}

static bool is_late(const struct habit *habit)
{
	const int late = __builtin_popcount(habit->late & RECENT_BITS);
	return late >= (habit->seen >= RECENT ? RECENT_LATE : 1);
}

bool habit_is_new(const struct habits *habits, uint32_t key)
{
	const struct habit *habit = find(habits, key);
	return !habit || habit->seen < EXPLORED;
}

struct habit_late habit_expected(const struct habits *habits, uint32_t key)
{
	const struct habit *habit = find(habits, key);
	return habit && is_late(habit) ? habit->expected : (struct habit_late){ 0 };
}
