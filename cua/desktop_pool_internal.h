#ifndef CUA_DESKTOP_POOL_INTERNAL_H
#define CUA_DESKTOP_POOL_INTERNAL_H

/* Between desktop_pool_list.c, what the pool is to hold, and desktop_pool.c, the spares. */

#include <stdint.h>

#include "cua/desktop_pool.h"

/* Sets of options with a pool of their own. */
#define DESKTOP_POOLS_MAX 16

struct desktop_pool {
	struct desktop_settings settings;
	int spares;
	bool of_runs;       /* cua_desktop_pool_keep_for_runs() */
	uint64_t wanted_us; /* of these: when a run wanted one last */
};

struct desktop_pools {
	struct desktop_pool pools[DESKTOP_POOLS_MAX];
	int count;
};

CUA_NODISCARD enum cua_status desktop_pools_path(char *path, size_t size, struct cua_error *err);
/* Without a file, or with a damaged one, there is no pool. */
CUA_NODISCARD enum cua_status desktop_pools_read(
		struct desktop_pools *pools, struct cua_error *err);
CUA_NODISCARD enum cua_status desktop_pools_write(
		const struct desktop_pools *pools, struct cua_error *err);

/* A descriptor that holds the lock; -1 with the reason in err. */
/* Held while the pool is filled, which may be long. */
int desktop_pool_lock_filling(struct cua_error *err);
/* Held while the list of pools or what a desktop is changes; never for long. */
int desktop_pool_lock_desktops(struct cua_error *err);
/* Until nobody has desktop_pool_hold(), or some seconds. */
void desktop_pool_await_starts(void);
/* Whoever has it waits for the lock of filling, and gives it up before looking at what is missing:
 * what others would refill meanwhile is seen to. -1: somebody else has it. */
int desktop_pool_take_turn(void);
bool desktop_pool_turn_is_taken(void);

#endif
