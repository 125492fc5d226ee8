#include "cua/desktop_pool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define CUA_LOG_MODULE "pool"
#include "cua/base/buffer.h"
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/log.h"
#include "cua/base/util.h"
#include "cua/desktop_disk.h"
#include "cua/desktop_host.h"
#include "cua/desktop_pool_internal.h"

/* Of spares that die as soon as they are there, no more are started in one go. */
#define STARTS_PER_SPARE 3
#define HOST_KILL_MS 2000

/* --- spare desktops --- */

static int is_name(const struct dirent *entry)
{
	return desktop_name_check(entry->d_name, NULL) == CUA_OK;
}

typedef void (*spare_fn)(const struct desktop_record *record, void *data);

static enum cua_status each_spare(spare_fn visit, void *data, struct cua_error *err)
{
	char all[CUA_PATH_MAX];
	struct dirent **entries = NULL;
	enum cua_status status = desktops_dir(all, sizeof(all), err);
	const int count = status == CUA_OK ? scandir(all, &entries, is_name, alphasort) : 0;
	for (int i = 0; i < count; i++) {
		struct desktop_record record;
		if (desktop_record_read(entries[i]->d_name, &record, NULL) == CUA_OK &&
				record.spare) {
			visit(&record, data);
		}
		free(entries[i]);
	}
	free(entries);
	return count < 0 ? CUA_FAIL(err, CUA_ERR_IO, errno, "%s", all) : status;
}

static void stop_desktop(const char *name)
{
	struct cua_error error = { 0 };
	if (cua_desktop_stop_by_name(name, &error) != CUA_OK && error.status != CUA_ERR_NOT_FOUND) {
		cua_log_warn("%s: %s", name, error.msg);
	}
}

/* Not one that somebody has taken meanwhile, and none that somebody takes from here on. */
static void stop_spare(const char *name)
{
	struct desktop_record record;
	CUA_AUTO_FD int lock_fd = desktop_pool_lock_desktops(NULL);
	if (lock_fd < 0 || desktop_record_read(name, &record, NULL) != CUA_OK || !record.spare) {
		return;
	}
	record.spare = false;
	const bool written = desktop_record_write(&record, NULL) == CUA_OK;
	cua_closep(&lock_fd);
	if (written) {
		stop_desktop(name);
	}
}

static bool is_good(const struct desktop_record *record)
{
	return !desktop_is_dead(record) && desktop_network_is_up(record);
}

struct fill {
	struct desktop_pools wanted;
	int counts[DESKTOP_POOLS_MAX];
};

/* One more of its kind; ends those that are dead, without their network, or too many. */
static void count_spare(const struct desktop_record *record, void *data)
{
	struct fill *fill = data;
	for (int i = 0; i < fill->wanted.count && is_good(record); i++) {
		if (desktop_settings_equal(
				    &fill->wanted.pools[i].settings, &record->settings, NULL) &&
				fill->counts[i] < fill->wanted.pools[i].spares) {
			fill->counts[i]++;
			return;
		}
	}
	stop_spare(record->name);
}

/* Looks at what is wanted anew before each start, so that the end of a pool ends its refilling. */
static enum cua_status fill_pools(struct cua_error *err)
{
	for (int started = 0;; started++) {
		struct fill fill = { .counts = { 0 } };
		enum cua_status status = desktop_pools_read(&fill.wanted, err);
		if (status == CUA_OK) {
			status = each_spare(count_spare, &fill, err);
		}
		int missing = 0, wanted = 0;
		for (int i = 0; i < fill.wanted.count; i++) {
			wanted += fill.wanted.pools[i].spares;
		}
		while (missing < fill.wanted.count &&
				fill.counts[missing] >= fill.wanted.pools[missing].spares) {
			missing++;
		}
		if (status != CUA_OK || missing == fill.wanted.count) {
			return status;
		}
		if (started >= STARTS_PER_SPARE * wanted) {
			return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
					"%d spare desktops were started, and did not live until "
					"there were %d",
					started, wanted);
		}
		desktop_pool_await_starts();
		const struct cua_desktop_options options = {
			.settings = fill.wanted.pools[missing].settings, .spare = true
		};
		struct desktop_record record;
		bool attached = false;
		status = cua_desktop_start(&options, &record, &attached, err);
		if (status != CUA_OK) {
			return status; /* the next start tries again */
		}
	}
}

enum cua_status cua_desktop_pool_refill(struct cua_error *err)
{
	CUA_AUTO_FD int lock_fd = desktop_pool_lock_filling(err);
	return lock_fd >= 0 ? fill_pools(err) : err->status;
}

enum cua_status cua_desktop_pool_refill_once(struct cua_error *err)
{
	CUA_AUTO_FD int turn_fd = desktop_pool_take_turn();
	if (turn_fd < 0) {
		return CUA_OK;
	}
	CUA_AUTO_FD int lock_fd = desktop_pool_lock_filling(err);
	cua_closep(&turn_fd);
	return lock_fd >= 0 ? fill_pools(err) : err->status;
}

void desktop_pool_refill_later(void)
{
	char path[CUA_PATH_MAX], runtime[CUA_PATH_MAX], state[CUA_PATH_MAX];
	char runtime_env[CUA_PATH_MAX + 32], state_env[CUA_PATH_MAX + 32];
	if (desktop_pool_turn_is_taken() ||
			cua_runtime_dir(runtime, sizeof(runtime), NULL) != CUA_OK ||
			cua_state_dir(state, sizeof(state), NULL) != CUA_OK ||
			desktop_pools_path(path, sizeof(path), NULL) != CUA_OK ||
			access(path, F_OK) != 0 ||
			cua_program_path("cua", path, sizeof(path), NULL) != CUA_OK) {
		return;
	}
	/* No key in here: the environment is made, not inherited. */
	snprintf(runtime_env, sizeof(runtime_env), "CUA_RUNTIME_DIR=%s", runtime);
	snprintf(state_env, sizeof(state_env), "CUA_STATE_DIR=%s", state);
	const char *const envp[] = { runtime_env, state_env, "PATH=/usr/local/bin:/usr/bin:/bin",
		"LANG=C.UTF-8", NULL };
	const char *const argv[] = { path, "desktop", "refill", NULL };
	CUA_AUTO_FD int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct cua_fd_map fds[] = { { null_fd, 0 }, { null_fd, 1 }, { null_fd, 2 } };
	const struct cua_spawn spawn = { .argv = argv,
		.envp = envp,
		.exec_fd = -1,
		.cwd = "/",
		.fds = fds,
		.fd_count = (int)CUA_ARRAY_LEN(fds),
		.uid = (uid_t)-1,
		.new_session = true };
	pid_t pid = 0;
	struct cua_error error = { 0 };
	if (null_fd < 0 || cua_spawn(&spawn, &pid, &error) != CUA_OK) {
		cua_log_warn("the pool is not refilled: %s", error.msg);
		return;
	}
	/* It leaves its work to a child of its own and ends. */
	waitpid(pid, NULL, 0);
}

static void stop_each(const struct desktop_record *record, void *data)
{
	(void)data;
	stop_spare(record->name);
}

enum cua_status cua_desktop_pool_end(struct cua_error *err)
{
	const struct desktop_pools none = { .count = 0 };
	int desktops_fd = desktop_pool_lock_desktops(err);
	if (desktops_fd < 0) {
		return CUA_ERR_IO;
	}
	enum cua_status status = desktop_pools_write(&none, err);
	cua_closep(&desktops_fd);
	if (status != CUA_OK) {
		return status;
	}
	/* A refill that is under way ends with the desktop that it is starting. */
	CUA_AUTO_FD int lock_fd = desktop_pool_lock_filling(err);
	return lock_fd < 0 ? CUA_ERR_IO : each_spare(stop_each, NULL, err);
}

/* --- taking one --- */

/* The name asked for, or the first free one; the caller has the lock. */
static bool choose_name(const char *wanted, const char *all, struct desktop_record *record)
{
	for (int number = 1;; number++) {
		if (wanted) {
			snprintf(record->name, sizeof(record->name), "%s", wanted);
		} else {
			snprintf(record->name, sizeof(record->name), "desktop-%d", number);
		}
		snprintf(record->dir, sizeof(record->dir), "%.*s/%s",
				(int)(sizeof(record->dir) - DESKTOP_NAME_MAX - 2), all,
				record->name);
		if (access(record->dir, F_OK) != 0) {
			return true;
		}
		if (wanted) {
			return false;
		}
	}
}

static bool move_home(const struct desktop_record *spare, const char *home)
{
	return spare->has_disk ? desktop_disk_move(spare->home, home, NULL) == CUA_OK
			       : rename(spare->home, home) == 0;
}

/* Home, record and directory, in this order: cut off anywhere, it is a spare desktop still, or one
 * that is nobody's and can be stopped, and never one that is taken twice. */
static bool rename_spare(const struct desktop_record *spare, struct desktop_record *renamed)
{
	struct desktop_record moving = *spare;
	char *leaf = strrchr(renamed->home, '/');
	if (!leaf) {
		return false;
	}
	snprintf(leaf + 1, sizeof(renamed->home) - (size_t)(leaf + 1 - renamed->home), "%s",
			renamed->name);
	desktop_path(renamed, "session/x11/X0", renamed->x11_socket, sizeof(renamed->x11_socket));
	renamed->spare = false;
	renamed->created_s = time(NULL);
	/* A former desktop of this name may have left its home: not to be inherited. */
	desktop_disk_unmount(renamed->home);
	if (cua_remove_tree(renamed->home, NULL) != CUA_OK || !move_home(spare, renamed->home)) {
		return false;
	}
	snprintf(moving.home, sizeof(moving.home), "%s", renamed->home);
	moving.spare = false;
	if (desktop_record_write(&moving, NULL) != CUA_OK ||
			rename(spare->dir, renamed->dir) != 0) {
		return false;
	}
	return desktop_record_write(renamed, NULL) == CUA_OK;
}

struct search {
	const struct desktop_settings *settings;
	struct desktop_record found;
	bool has_found;
};

static void look_at_spare(const struct desktop_record *record, void *data)
{
	struct search *search = data;
	if (!search->has_found &&
			desktop_settings_equal(search->settings, &record->settings, NULL) &&
			is_good(record)) {
		search->found = *record;
		search->has_found = true;
	}
}

bool desktop_pool_take(const struct cua_desktop_options *options, const char *all, int lock_fd,
		struct desktop_record *ret_record)
{
	struct search search = { .settings = &options->settings };
	struct cua_error error = { 0 };
	if (!options->settings.sandboxed || each_spare(look_at_spare, &search, NULL) != CUA_OK ||
			!search.has_found) {
		return false;
	}
	struct desktop_record record = search.found;
	if (!choose_name(options->name, all, &record)) {
		return false;
	}
	if (!rename_spare(&search.found, &record)) {
		cua_log_warn("%s could not be taken, and is stopped", search.found.name);
		stop_desktop(search.found.name);
		stop_desktop(record.name); /* nobody else's: it was free, and the lock is ours */
		return false;
	}
	/* Under the lock still where another start may ask for this name, which finds no host. */
	if (!options->name) {
		flock(lock_fd, LOCK_UN);
	}
	enum cua_status status = desktop_host_wake(&record, &error);
	if (status != CUA_OK) {
		cua_log_warn("%s gets another host: %s", record.name, error.msg);
		(void)cua_process_end(record.host, SIGKILL, HOST_KILL_MS);
		status = desktop_host_start(&record, &error);
	}
	if (status != CUA_OK) {
		cua_log_warn("%s: %s", record.name, error.msg);
		stop_desktop(record.name);
		return false;
	}
	return desktop_record_read(record.name, ret_record, NULL) == CUA_OK;
}
