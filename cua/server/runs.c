#include "cua/server/runs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUA_LOG_MODULE "serve"
#include "cua/base/json.h"
#include "cua/base/log.h"
#include "cua/base/util.h"
#include "cua/server/runs_internal.h"
#include "cua/server/telemetry.h"

#define WORDS_MAX ((size_t)256 << 10)
#define CONNECT_AGAIN_MS 200
#define CONNECT_AGAIN_MAX_MS 5000
#define LOOK_AGAIN_MS 2000
#define STARTING_MAX 8 /* at once: each has a thread meanwhile */

static void link_to(struct live *live);
static void pick(struct runs *runs);

/* --- telling --- */

static void tell(struct runs_watcher *watcher, const struct live *live)
{
	watcher->is_live = live != NULL;
	watcher->state = live ? live->state : NULL;
	watcher->words = live && live->words.data ? live->words.data : "";
	watcher->round = live ? live->round : watcher->round + 1;
	watcher->on_news(watcher);
}

/* live: NULL, it is over. */
static void tell_all(struct runs *runs, const char *id, const struct live *live)
{
	struct runs_watcher *watcher = LIST_FIRST(&runs->watchers), *next = NULL;
	for (; watcher; watcher = next) {
		next = LIST_NEXT(watcher, link);
		if (strcmp(watcher->run, id) == 0) {
			watcher->is_over = !live;
			tell(watcher, live);
		}
	}
}

static struct live *find(struct runs *runs, const char *id)
{
	struct live *live = NULL;
	LIST_FOREACH(live, &runs->list, link)
	{
		if (strcmp(live->id, id) == 0) {
			return live;
		}
	}
	return NULL;
}

/* Runs come and go on this thread alone, and are written down before they go: what the store says
 * now is true until we are told otherwise. */
static bool has_ended(struct runs *runs, const char *id)
{
	CUA_AUTO_JSON cJSON *row = NULL;
	return store_get(runs->server->reader, &row, NULL, "it has ended",
			       "SELECT id FROM runs WHERE id = ? AND state IN ('queued', "
			       "'starting', "
			       "'running')",
			       "s", id) == CUA_ERR_NOT_FOUND;
}

void runs_watch(struct runs *runs, struct runs_watcher *watcher)
{
	const struct live *live = find(runs, watcher->run);
	LIST_INSERT_HEAD(&runs->watchers, watcher, link);
	watcher->is_over = !live && (watcher->is_over || has_ended(runs, watcher->run));
	tell(watcher, live);
}

void runs_unwatch(struct runs_watcher *watcher)
{
	LIST_REMOVE(watcher, link);
}

/* --- one that goes on --- */

static struct live *live_create(struct runs *runs, const char *id)
{
	struct live *live = calloc(1, sizeof(*live));
	if (!live) {
		return NULL;
	}
	live->runs = runs;
	snprintf(live->id, sizeof(live->id), "%s", id);
	cua_buffer_init(&live->words, WORDS_MAX);
	uv_timer_init(&runs->server->loop, &live->again);
	live->again.data = live;
	live->work.data = live;
	pthread_mutex_lock(&runs->mutex);
	LIST_INSERT_HEAD(&runs->list, live, link);
	pthread_mutex_unlock(&runs->mutex);
	runs->count++;
	return live;
}

static void on_timer_closed(uv_handle_t *timer)
{
	struct live *live = timer->data;
	cua_buffer_finish(&live->words);
	free(live->state);
	free(live);
}

static void live_destroy(struct live *live)
{
	struct runs *runs = live->runs;
	pthread_mutex_lock(&runs->mutex);
	LIST_REMOVE(live, link);
	pthread_mutex_unlock(&runs->mutex);
	runs->count--;
	run_link_destroy(live->run);
	live->run = NULL;
	uv_close((uv_handle_t *)&live->again, on_timer_closed);
}

static void is_over(struct live *live)
{
	struct runs *runs = live->runs;
	char id[sizeof(live->id)];
	memcpy(id, live->id, sizeof(id));
	runs_tell_unasked(live);
	live_destroy(live);
	tell_all(runs, id, NULL);
	telemetry_run_over(runs->server->telemetry, id);
	pick(runs);
}

static void on_connect_again(uv_timer_t *timer)
{
	link_to(timer->data);
}

/* Who goes on and cannot be reached is tried ever more seldom. */
static void link_later(struct live *live)
{
	const int doublings = live->failed_links < 5 ? live->failed_links : 5;
	const int delay_ms = CONNECT_AGAIN_MS << doublings;
	live->failed_links++;
	uv_timer_start(&live->again, on_connect_again,
			delay_ms < CONNECT_AGAIN_MAX_MS ? (uint64_t)delay_ms : CONNECT_AGAIN_MAX_MS,
			0);
}

static void on_start(uv_work_t *work)
{
	runs_work_start(work->data);
}

static void on_note_begun(uv_work_t *work)
{
	runs_work_note_begun(work->data);
}

static void on_finish(uv_work_t *work)
{
	runs_work_finish(work->data);
}

static void work_on(struct live *live, uv_work_cb on_work);

static void on_finish_again(uv_timer_t *timer)
{
	struct live *live = timer->data;
	if (!live->is_working) {
		work_on(live, on_finish);
	}
}

/* Who watches reads of it before it is written down, which can take a while. */
static void goes_on(struct live *live, bool was_starting)
{
	if (was_starting) {
		link_to(live);
		work_on(live, on_note_begun);
	} else if (live->has_closed) {
		work_on(live, on_finish);
	} else if (!live->run && !uv_is_active((uv_handle_t *)&live->again)) {
		link_later(live);
	}
}

static void on_worked(uv_work_t *work, int status)
{
	struct live *live = work->data;
	struct runs *runs = live->runs;
	const bool was_starting = live->is_starting;
	(void)status;
	live->is_working = false;
	runs->starting -= was_starting;
	live->is_starting = false;
	if (runs->is_ending) {
		live_destroy(live);
		return;
	}
	switch (live->outcome) {
	case LIVE_IS_OVER:
		is_over(live);
		break;
	case LIVE_GOES_ON:
		goes_on(live, was_starting);
		break;
	case LIVE_BROKE_OFF:
		live->is_again = true;
		work_on(live, on_start);
		break;
	default:
		uv_timer_start(&live->again, on_finish_again, LOOK_AGAIN_MS, 0);
	}
	if (was_starting) {
		pick(runs);
	}
}

static void work_on(struct live *live, uv_work_cb on_work)
{
	live->is_working = true;
	live->has_closed = false;
	live->is_starting = on_work == on_start;
	live->runs->starting += live->is_starting;
	if (uv_queue_work(&live->runs->server->loop, &live->work, on_work, on_worked) != 0) {
		live->is_working = false;
		live->runs->starting -= live->is_starting;
		live->is_starting = false;
		uv_timer_start(&live->again, on_finish_again, LOOK_AGAIN_MS, 0);
	}
}

static void on_line(const cJSON *line, void *user_data)
{
	struct live *live = user_data;
	cJSON *state = cua_json_member(line, "state");
	const char *words = cua_json_string(line, "words");
	live->failed_links = 0;
	if (state) {
		runs_tell_address(live, state);
		char *text = cJSON_PrintUnformatted(state);
		pthread_mutex_lock(&live->runs->mutex);
		free(live->state);
		live->state = text;
		pthread_mutex_unlock(&live->runs->mutex);
		runs_tell_state(live, state);
	}
	if (words && cJSON_IsTrue(cua_json_member(line, "anew"))) {
		cua_buffer_clear(&live->words);
		live->round++;
	}
	if (words && cua_buffer_append(&live->words, words, strlen(words), NULL) != CUA_OK) {
		return; /* what is too long is shown when it is whole */
	}
	tell_all(live->runs, live->id, live);
}

static void on_link_closed(void *user_data)
{
	struct live *live = user_data;
	live->run = NULL;
	live->has_closed = live->is_working;
	if (!live->is_working) {
		work_on(live, on_finish);
	}
}

static void link_to(struct live *live)
{
	const struct run_link_handler handler = {
		.on_line = on_line, .on_closed = on_link_closed, .user_data = live
	};
	live->run = run_link_create(&live->runs->server->loop, live->id, &handler);
	if (!live->run) {
		link_later(live);
	}
}

/* --- the queue --- */

static void on_pick(uv_work_t *work)
{
	runs_work_pick(work->data);
}

static void on_look_again(uv_timer_t *timer)
{
	pick(timer->data);
}

static void on_picked(uv_work_t *work, int status)
{
	struct runs *runs = work->data;
	(void)status;
	runs->is_picking = false;
	if (runs->is_ending) {
		return;
	}
	if (runs->picked[0]) {
		struct live *live = live_create(runs, runs->picked);
		if (live) {
			tell_all(runs, live->id, live);
			work_on(live, on_start);
		}
		runs->is_stale = true;
	}
	if (runs->looks_again) {
		uv_timer_start(&runs->later, on_look_again, LOOK_AGAIN_MS, 0);
	}
	if (runs->is_stale) {
		pick(runs);
	}
}

/* The next of the queue is started, if there is room. */
static void pick(struct runs *runs)
{
	runs->is_stale = true;
	if (runs->is_picking || runs->is_ending || runs->count >= runs->max ||
			runs->starting >= STARTING_MAX) {
		return;
	}
	runs->is_stale = false;
	runs->starting_now = runs->starting;
	runs->is_picking =
			uv_queue_work(&runs->server->loop, &runs->picking, on_pick, on_picked) == 0;
}

/* Of runs that wait: what was taken out of the queue is nobody's to tell of. */
static void look_at_cancelled(struct runs *runs)
{
	struct runs_watcher *watcher = LIST_FIRST(&runs->watchers), *next = NULL;
	for (; watcher; watcher = next) {
		next = LIST_NEXT(watcher, link);
		if (!watcher->is_live && !watcher->is_over && has_ended(runs, watcher->run)) {
			watcher->is_over = true;
			tell(watcher, NULL);
		}
	}
}

static void on_tell(uv_work_t *work)
{
	runs_tell_changed(work->data);
}

static void tell_feed(struct runs *runs);

static void on_told(uv_work_t *work, int status)
{
	struct runs *runs = work->data;
	(void)status;
	runs->is_telling = false;
	tell_feed(runs);
}

static void tell_feed(struct runs *runs)
{
	pthread_mutex_lock(&runs->mutex);
	const bool has_changed = !STAILQ_EMPTY(&runs->changed);
	pthread_mutex_unlock(&runs->mutex);
	if (has_changed && !runs->is_telling && !runs->is_ending) {
		runs->is_telling = uv_queue_work(&runs->server->loop, &runs->telling, on_tell,
						   on_told) == 0;
	}
}

static void on_news(uv_async_t *news)
{
	struct runs *runs = news->data;
	tell_feed(runs);
	if (atomic_exchange(&runs->has_cancelled, false)) {
		look_at_cancelled(runs);
	}
	pick(runs);
}

void runs_note_cancelled(struct runs *runs)
{
	atomic_store(&runs->has_cancelled, true);
	uv_async_send(&runs->news);
}

void runs_kick(struct runs *runs)
{
	uv_async_send(&runs->news);
}

/* --- asking --- */

cJSON *runs_state(struct runs *runs, const char *id)
{
	pthread_mutex_lock(&runs->mutex);
	const struct live *live = find(runs, id);
	cJSON *state = live && live->state ? cJSON_Parse(live->state) : NULL;
	pthread_mutex_unlock(&runs->mutex);
	return state;
}

bool runs_picture(struct runs *runs, const char *question, char run[RUNS_NAME_SIZE],
		char picture[RUNS_NAME_SIZE])
{
	const struct live *live = NULL;
	bool is_asked = false;
	pthread_mutex_lock(&runs->mutex);
	LIST_FOREACH(live, &runs->list, link)
	{
		if (live->picture[0] && strcmp(live->shows, question) == 0) {
			snprintf(run, RUNS_NAME_SIZE, "%s", live->id);
			snprintf(picture, RUNS_NAME_SIZE, "%s", live->picture);
			is_asked = true;
			break;
		}
	}
	pthread_mutex_unlock(&runs->mutex);
	return is_asked;
}

cJSON *runs_states(struct runs *runs)
{
	cJSON *states = cJSON_CreateArray();
	const struct live *live = NULL;
	pthread_mutex_lock(&runs->mutex);
	LIST_FOREACH(live, &runs->list, link)
	{
		cJSON_AddItemToArray(states, live->state ? cJSON_Parse(live->state) : NULL);
	}
	pthread_mutex_unlock(&runs->mutex);
	return states;
}

void runs_set_max(struct runs *runs, int max)
{
	atomic_store(&runs->max, max > 0 ? max : runs->usual_max);
	runs_kick(runs);
}

int runs_max(const struct runs *runs)
{
	return runs->max;
}

/* --- all of them --- */

enum cua_status runs_create(struct server *server, struct runs **ret_runs, struct cua_error *err)
{
	struct runs *runs = calloc(1, sizeof(*runs));
	if (!runs) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "runs");
	}
	const uint64_t fit = uv_get_total_memory() / RUNS_AGENT_BYTES;
	runs->server = server;
	runs->usual_max = server->options->max_agents > 0 ? server->options->max_agents
			: fit > 1                         ? (int)fit
							  : 1;
	runs->max = runs->usual_max;
	runs->has_spares = true; /* until it is known better */
	pthread_mutex_init(&runs->mutex, NULL);
	LIST_INIT(&runs->list);
	LIST_INIT(&runs->watchers);
	STAILQ_INIT(&runs->changed);
	uv_async_init(&server->loop, &runs->news, on_news);
	uv_timer_init(&server->loop, &runs->later);
	runs->news.data = runs->later.data = runs->picking.data = runs->telling.data = runs;
	*ret_runs = runs;
	return CUA_OK;
}

enum cua_status runs_begin(struct runs *runs, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *rows = NULL;
	const cJSON *row = NULL;
	enum cua_status status = store_run(runs->server->store, &rows, err,
			"SELECT id FROM runs WHERE state IN ('starting', 'running')", "");
	cJSON_ArrayForEach (row, rows) {
		struct live *live = live_create(runs, cua_json_text(row, "id"));
		if (live) {
			runs_note_changed(runs, live->id);
			work_on(live, on_finish);
		}
	}
	pick(runs);
	return status;
}

void runs_end(struct runs *runs)
{
	struct live *live = LIST_FIRST(&runs->list), *next = NULL;
	runs->is_ending = true;
	for (; live; live = next) {
		next = LIST_NEXT(live, link);
		if (live->is_working) {
			run_link_destroy(live->run);
			live->run = NULL;
		} else {
			live_destroy(live);
		}
	}
	uv_close((uv_handle_t *)&runs->news, NULL);
	uv_close((uv_handle_t *)&runs->later, NULL);
}

void runs_destroy(struct runs *runs)
{
	if (runs) {
		for (struct changed *changed; (changed = STAILQ_FIRST(&runs->changed));) {
			STAILQ_REMOVE_HEAD(&runs->changed, link);
			free(changed);
		}
		pthread_mutex_destroy(&runs->mutex);
		free(runs);
	}
}
