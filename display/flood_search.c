/* Who changes properties of the root window: nothing in the events tells. So programs are stopped
 * for a moment, all of them first, and if that ends the flood fewer and fewer, until one more or
 * less decides. */

#define CUA_LOG_MODULE "display.flood"

#include "display/flood.h"

#include <string.h>

#include "cua/base/log.h"
#include "cua/base/util.h"
#include "display/session_client.h"
#include "display/x_client.h"

/* It keeps its caller waiting, and those that are stopped. */
#define SEARCH_MS 3000U
#define CANDIDATES_MAX (SESSION_SLOW_MAX - 2 * FLOOD_SLOWED_MAX)

struct search {
	struct display *display;
	uint64_t deadline_us;
	pid_t candidates[CANDIDATES_MAX]; /* the last that came first */
	int count;
	pid_t *found; /* FLOOD_SLOWED_MAX of them */
	int found_count;
};

static bool is_in(pid_t pid, const pid_t *pids, int count)
{
	for (int i = 0; i < count; i++) {
		if (pids[i] == pid) {
			return true;
		}
	}
	return false;
}

static void list_candidates(struct search *search)
{
	struct display *display = search->display;
	const struct display_flood *flood = &display->flood;
	struct x_client clients[X_CLIENTS_MAX];
	for (int i = x_client_list(display, clients) - 1; i >= 0 && search->count < CANDIDATES_MAX;
			i--) {
		const pid_t pid = clients[i].pid;
		if (pid > 0 && !window_is_ours(display, clients[i].base) &&
				!window_is_of_manager(display, clients[i].base) &&
				!is_in(pid, flood->slowed, flood->slowed_count) &&
				!is_in(pid, search->candidates, search->count)) {
			search->candidates[search->count++] = pid;
		}
	}
}

/* With those that are slowed down already, those found with found_too, and the first candidates
 * stopped. */
static enum cua_status is_calm(struct search *search, bool found_too, int candidates,
		bool *ret_calm, struct cua_error *err)
{
	const struct display_flood *flood = &search->display->flood;
	pid_t stopped[SESSION_SLOW_MAX];
	int count = flood->slowed_count;
	bool flooded = true;
	memcpy(stopped, flood->slowed, (size_t)count * sizeof(stopped[0]));
	if (found_too) {
		memcpy(stopped + count, search->found,
				(size_t)search->found_count * sizeof(stopped[0]));
		count += search->found_count;
	}
	memcpy(stopped + count, search->candidates, (size_t)candidates * sizeof(stopped[0]));
	enum cua_status status = CUA_OK;
	if (flood_slow_only(search->display, stopped, count + candidates)) {
		status = flood_look_at_root(search->display, &flooded, err);
	}
	*ret_calm = status == CUA_OK && !flooded;
	return status;
}

/* How many of the candidates have to be stopped, of whom all are enough: the last of those floods.
 */
static enum cua_status find_last(
		struct search *search, int enough, int *ret_count, struct cua_error *err)
{
	int few = 0;
	enum cua_status status = CUA_OK;
	while (status == CUA_OK && enough - few > 1) {
		const int middle = few + (enough - few) / 2;
		bool calm = false;
		status = is_calm(search, true, middle, &calm, err);
		if (calm) {
			enough = middle;
		} else {
			few = middle;
		}
	}
	*ret_count = enough;
	return status;
}

/* One after the other, each with those before stopped, until no other is needed. */
static enum cua_status find_all(struct search *search, struct cua_error *err)
{
	int left = search->count, last = 0;
	bool calm = false;
	enum cua_status status = is_calm(search, true, left, &calm, err);
	bool goes_on = calm;
	while (status == CUA_OK && goes_on) {
		status = find_last(search, left, &last, err);
		if (status == CUA_OK) {
			search->found[search->found_count++] = search->candidates[last - 1];
			left = last - 1;
			status = is_calm(search, true, 0, &calm, err);
		}
		goes_on = !calm && left > 0 && search->found_count < FLOOD_SLOWED_MAX &&
				cua_now_us() < search->deadline_us;
	}
	return status;
}

enum cua_status flood_search(struct display *display, pid_t pids[FLOOD_SLOWED_MAX], int *ret_count,
		struct cua_error *err)
{
	struct search search = {
		.display = display, .deadline_us = cua_now_us() + SEARCH_MS * 1000U, .found = pids
	};
	const struct display_flood *flood = &display->flood;
	bool calm = true;
	list_candidates(&search);
	enum cua_status status = search.count > 0 ? find_all(&search, err) : CUA_OK;
	/* One that ended by itself meanwhile was nobody's who was stopped. */
	if (status == CUA_OK && search.found_count > 0) {
		status = is_calm(&search, false, 0, &calm, err);
	}
	if (calm) {
		(void)flood_slow_only(display, flood->slowed, flood->slowed_count);
		search.found_count = 0;
	}
	if (status == CUA_OK && search.found_count == 0) {
		cua_log_warn("somebody changed properties of the root window without a pause, and "
			     "was not found");
	}
	*ret_count = search.found_count;
	return status;
}
