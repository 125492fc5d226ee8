/* What the pool is to hold: pool.json. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "cua/base/buffer.h"
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/desktop_pool_internal.h"

/* Kinds of desktops that runs wanted lately, of which spares are kept. */
#define RUN_POOLS_MAX 4
#define WANTED_AGAIN_US 10000000 /* is written down no more often */

enum cua_status desktop_pools_path(char *path, size_t size, struct cua_error *err)
{
	enum cua_status status = cua_runtime_dir(path, size - 16, err);
	if (status == CUA_OK) {
		snprintf(path + strlen(path), 16, "/pool.json");
	}
	return status;
}

/* Without a file, or with a damaged one, there is no pool. */
enum cua_status desktop_pools_read(struct desktop_pools *pools, struct cua_error *err)
{
	char path[CUA_PATH_MAX];
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, 65536);
	*pools = (struct desktop_pools){ .count = 0 };
	enum cua_status status = desktop_pools_path(path, sizeof(path), err);
	if (status != CUA_OK || cua_file_read(path, &text, NULL) != CUA_OK || text.len == 0) {
		return status;
	}
	CUA_AUTO_JSON cJSON *list = cJSON_Parse(text.data);
	const cJSON *item = NULL;
	cJSON_ArrayForEach (item, list) {
		if (pools->count == DESKTOP_POOLS_MAX) {
			break;
		}
		const struct desktop_pool pool = { .settings = desktop_settings_from_json(item),
			.spares = cua_json_int(item, "spares"),
			.of_runs = cJSON_IsTrue(cua_json_member(item, "of_runs")),
			.wanted_us = (uint64_t)cua_json_number(item, "wanted_us") };
		if (pool.spares > 0 && pool.spares <= CUA_DESKTOP_SPARES_MAX &&
				desktop_settings_check(&pool.settings, NULL) == CUA_OK) {
			pools->pools[pools->count++] = pool;
		}
	}
	return CUA_OK;
}

enum cua_status desktop_pools_write(const struct desktop_pools *pools, struct cua_error *err)
{
	char path[CUA_PATH_MAX];
	enum cua_status status = desktop_pools_path(path, sizeof(path), err);
	if (status != CUA_OK) {
		return status;
	}
	CUA_AUTO_JSON cJSON *list = cJSON_CreateArray();
	for (int i = 0; i < pools->count; i++) {
		const struct desktop_pool *pool = &pools->pools[i];
		cJSON *item = cJSON_CreateObject();
		desktop_settings_to_json(&pool->settings, item);
		cJSON_AddNumberToObject(item, "spares", pool->spares);
		cJSON_AddBoolToObject(item, "of_runs", pool->of_runs);
		cJSON_AddNumberToObject(item, "wanted_us", (double)pool->wanted_us);
		cJSON_AddItemToArray(list, item);
	}
	if (pools->count == 0) {
		return unlink(path) == 0 || errno == ENOENT
				? CUA_OK
				: CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	CUA_AUTO_FREE char *text = cJSON_Print(list);
	return text ? cua_file_write(path, text, strlen(text), 0600, err)
		    : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "pool");
}

/* The lock of a directory leaves nothing behind. -1 with the reason in err. */
static int lock_dir(enum cua_status (*dir)(char *path, size_t size, struct cua_error *err),
		struct cua_error *err)
{
	char path[CUA_PATH_MAX];
	if (dir(path, sizeof(path), err) != CUA_OK) {
		return -1;
	}
	CUA_AUTO_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) != 0) {
		cua_error_set(err, CUA_ERR_IO, errno, "%s", path);
		return -1;
	}
	return cua_steal_fd(&fd);
}

/* Held while the pool is filled, which may be long. */
int desktop_pool_lock_filling(struct cua_error *err)
{
	return lock_dir(cua_runtime_dir, err);
}

/* Held while the list of pools or what a desktop is changes; never for long. */
int desktop_pool_lock_desktops(struct cua_error *err)
{
	return lock_dir(desktops_dir, err);
}

static enum cua_status change_pool(
		const struct desktop_settings *settings, int spares, struct cua_error *err)
{
	struct desktop_pools pools;
	struct cua_error error = { 0 };
	CUA_AUTO_FD int lock_fd = desktop_pool_lock_desktops(&error);
	enum cua_status status = lock_fd < 0 ? error.status : desktop_pools_read(&pools, &error);
	if (status != CUA_OK) {
		if (err) {
			*err = error;
		}
		return status;
	}
	int at = 0;
	while (at < pools.count &&
			!desktop_settings_equal(&pools.pools[at].settings, settings, NULL)) {
		at++;
	}
	if (at == DESKTOP_POOLS_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"there are pools of %d sets of options already; cua desktop stop "
				"--pool ends them",
				DESKTOP_POOLS_MAX);
	}
	pools.pools[at] = (struct desktop_pool){ .settings = *settings, .spares = spares };
	pools.count += at == pools.count;
	if (spares == 0) {
		pools.pools[at] = pools.pools[--pools.count];
	}
	return desktop_pools_write(&pools, err);
}

enum cua_status cua_desktop_pool_set(
		const struct desktop_settings *settings, int spares, struct cua_error *err)
{
	if (!settings->sandboxed) {
		/* Its applications know their home by its path outside, which changes with the
		 * name. */
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "only desktops in a sandbox can be spare");
	}
	/* Not the lock of the pool: a refill may have it for long, and reads this anew. */
	enum cua_status status = change_pool(settings, spares, err);
	if (status == CUA_OK) {
		desktop_pool_refill_later();
	}
	return status;
}

/* --- of runs --- */

static int count_of_runs(const struct desktop_pools *pools)
{
	int count = 0;
	for (int i = 0; i < pools->count; i++) {
		count += pools->pools[i].of_runs;
	}
	return count;
}

/* The one that was wanted longest ago. */
static void drop_oldest(struct desktop_pools *pools)
{
	int oldest = -1;
	for (int i = 0; i < pools->count; i++) {
		if (pools->pools[i].of_runs &&
				(oldest < 0 ||
						pools->pools[i].wanted_us <
								pools->pools[oldest].wanted_us)) {
			oldest = i;
		}
	}
	pools->count--;
	for (int i = oldest; i < pools->count; i++) {
		pools->pools[i] = pools->pools[i + 1];
	}
}

/* As many of each. Whose turn it is changes nothing, or two kinds of runs in turn would have
 * spares stopped and started each time. */
static void share_out(struct desktop_pools *pools, int spares)
{
	int kinds = count_of_runs(pools);
	while (kinds > RUN_POOLS_MAX || kinds > spares) {
		drop_oldest(pools);
		kinds--;
	}
	int more = kinds > 0 ? spares % kinds : 0;
	for (int i = 0; i < pools->count; i++) {
		struct desktop_pool *pool = &pools->pools[i];
		if (pool->of_runs) {
			pool->spares = spares / kinds + (more-- > 0);
		}
	}
}

static struct desktop_pool *find(
		struct desktop_pools *pools, const struct desktop_settings *settings)
{
	for (int i = 0; i < pools->count; i++) {
		if (desktop_settings_equal(&pools->pools[i].settings, settings, NULL)) {
			return &pools->pools[i];
		}
	}
	return NULL;
}

/* False if nothing is to be written down. */
static bool take_wish(
		struct desktop_pools *pools, const struct desktop_settings *settings, int spares)
{
	const uint64_t now_us = cua_now_us();
	struct desktop_pool *pool = settings ? find(pools, settings) : NULL;
	if (pool && !pool->of_runs) {
		return false; /* somebody's own wish, which goes before ours */
	}
	if (settings && !pool && spares > 0) {
		while (pools->count == DESKTOP_POOLS_MAX && count_of_runs(pools) > 0) {
			drop_oldest(pools);
		}
		if (pools->count == DESKTOP_POOLS_MAX) {
			return false;
		}
		pool = &pools->pools[pools->count++];
		*pool = (struct desktop_pool){ .settings = *settings, .of_runs = true };
	}
	bool changes = pool &&
			(now_us < pool->wanted_us || now_us - pool->wanted_us > WANTED_AGAIN_US);
	if (pool && changes) {
		pool->wanted_us = now_us;
	}
	int before[DESKTOP_POOLS_MAX];
	const int count = pools->count;
	for (int i = 0; i < count; i++) {
		before[i] = pools->pools[i].spares;
	}
	share_out(pools, spares);
	changes = changes || pools->count != count;
	for (int i = 0; !changes && i < count; i++) {
		changes = before[i] != pools->pools[i].spares;
	}
	return changes;
}

enum cua_status cua_desktop_pool_keep_for_runs(
		const struct desktop_settings *settings, int spares, struct cua_error *err)
{
	struct desktop_pools *pools = malloc(sizeof(*pools));
	if (!pools) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "pool");
	}
	CUA_AUTO_FD int lock_fd = desktop_pool_lock_desktops(err);
	enum cua_status status = lock_fd < 0 ? CUA_ERR_IO : desktop_pools_read(pools, err);
	const bool changes = status == CUA_OK &&
			take_wish(pools, settings && settings->sandboxed ? settings : NULL, spares);
	if (changes) {
		status = desktop_pools_write(pools, err);
	}
	const bool is_empty = pools->count == 0;
	cua_closep(&lock_fd);
	free(pools);
	if (status != CUA_OK) {
		return status;
	}
	if (changes && is_empty) {
		return cua_desktop_pool_refill(err); /* which stops them */
	}
	desktop_pool_refill_later();
	return CUA_OK;
}
