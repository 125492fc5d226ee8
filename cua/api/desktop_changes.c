#include "cua/api/desktop_changes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "cua/api/reply.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

#define WATCHERS_MAX 64
/* A line at most as often: what changes all the time is no news each time. */
#define PACE_MS 250

static const struct {
	const char *name;
	unsigned int news;
} kinds[] = { { "screen", DISPLAY_NEWS_SCREEN }, { "windows", DISPLAY_NEWS_WINDOWS } };

/* Nothing is queued for one that reads slowly: it hears what changed meanwhile when it has read. */
struct watcher {
	LIST_ENTRY(watcher) link;
	struct desktop_changes *changes;
	struct cua_http_stream *http; /* NULL: closed */
	unsigned int wants, pending;  /* of enum display_news */
	bool is_drained, has_begun;
	uv_timer_t pace; /* active: the last line is not old enough */
};

struct desktop_changes {
	uv_loop_t *loop;
	struct desktop_thread *thread;
	LIST_HEAD(, watcher) list;
	int count;
};

static void tell(struct watcher *watcher);

static void on_pace(uv_timer_t *pace)
{
	tell(pace->data);
}

/* The first says that nothing is missed from here on. */
static void tell(struct watcher *watcher)
{
	if (!watcher->http || !watcher->is_drained || uv_is_active((uv_handle_t *)&watcher->pace) ||
			(watcher->has_begun && !watcher->pending)) {
		return;
	}
	CUA_AUTO_JSON cJSON *json = cJSON_CreateObject();
	cJSON *changed = cJSON_AddArrayToObject(json, "changed");
	for (size_t i = 0; i < CUA_ARRAY_LEN(kinds); i++) {
		if (watcher->pending & kinds[i].news) {
			cJSON_AddItemToArray(changed, cJSON_CreateString(kinds[i].name));
		}
	}
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	watcher->has_begun = true;
	watcher->is_drained = false;
	watcher->pending = 0;
	uv_timer_start(&watcher->pace, on_pace, PACE_MS, 0);
	if (!text ||
			cua_http_stream_send(watcher->http, true, text, strlen(text), NULL) !=
					CUA_OK ||
			cua_http_stream_send(watcher->http, true, "\n", 1, NULL) != CUA_OK) {
		cua_http_stream_close(watcher->http);
	}
}

void desktop_changes_tell(struct desktop_changes *changes, unsigned int news)
{
	struct watcher *watcher = NULL;
	LIST_FOREACH(watcher, &changes->list, link)
	{
		watcher->pending |= news & watcher->wants;
		tell(watcher);
	}
}

/* --- life --- */

/* "of=screen", "of=windows", or nothing for both; 0 for anything else. */
static unsigned int wanted(const char *query)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(kinds); i++) {
		if (strncmp(query, "of=", 3) == 0 && strcmp(query + 3, kinds[i].name) == 0) {
			return kinds[i].news;
		}
	}
	return query[0] ? 0 : DISPLAY_NEWS_SCREEN | DISPLAY_NEWS_WINDOWS;
}

static void refuse(struct cua_http_exchange *exchange, enum cua_status status, const char *why)
{
	struct cua_error error;
	cua_error_set(&error, status, 0, "%s", why);
	api_reply_error(exchange, &error, -1);
}

static void on_pace_closed(uv_handle_t *pace)
{
	free(pace->data);
}

static void leave(struct watcher *watcher)
{
	struct desktop_changes *changes = watcher->changes;
	LIST_REMOVE(watcher, link);
	watcher->http = NULL;
	desktop_thread_watch(changes->thread, --changes->count > 0);
	uv_close((uv_handle_t *)&watcher->pace, on_pace_closed);
}

void desktop_changes_begin(struct desktop_changes *changes, struct cua_http_exchange *exchange)
{
	const struct cua_http_reply reply = { .status = 200,
		.content_type = "application/x-ndjson" };
	const unsigned int wants = wanted(exchange->head.query);
	if (!wants) {
		refuse(exchange, CUA_ERR_INVAL, "the query may have of, \"screen\" or \"windows\"");
		return;
	}
	struct watcher *watcher =
			changes->count < WATCHERS_MAX ? calloc(1, sizeof(*watcher)) : NULL;
	if (!watcher) {
		refuse(exchange, CUA_ERR_UNAVAILABLE, "as many as may are told of changes here");
		return;
	}
	watcher->changes = changes;
	watcher->wants = wants;
	uv_timer_init(changes->loop, &watcher->pace);
	watcher->pace.data = watcher;
	LIST_INSERT_HEAD(&changes->list, watcher, link);
	changes->count++;
	desktop_thread_watch(changes->thread, true);
	watcher->http = cua_http_reply_stream(exchange, &reply, watcher);
	if (!watcher->http) {
		leave(watcher);
	}
}

void desktop_changes_drained(struct cua_http_stream *http)
{
	struct watcher *watcher = http->user_data;
	watcher->is_drained = true;
	tell(watcher);
}

void desktop_changes_closed(struct cua_http_stream *http)
{
	leave(http->user_data);
}

enum cua_status desktop_changes_create(uv_loop_t *loop, struct desktop_thread *thread,
		struct desktop_changes **ret_changes, struct cua_error *err)
{
	struct desktop_changes *changes = calloc(1, sizeof(*changes));
	if (!changes) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "changes");
	}
	changes->loop = loop;
	changes->thread = thread;
	LIST_INIT(&changes->list);
	*ret_changes = changes;
	return CUA_OK;
}
