#include "cua/api/run_watch.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "cua/base/buffer.h"
#include "cua/base/util.h"

#define WATCHERS_MAX 16
#define WORDS_MAX ((size_t)256 << 10) /* of one answer; what is beyond comes with its event */

/* Nothing is queued for one that reads slowly: it gets how things stand when it has read. */
struct watcher {
	LIST_ENTRY(watcher) link;
	struct cua_http_stream *stream;
	bool is_drained;
	char *told;            /* owned: the state that it knows; NULL: none */
	unsigned int round;    /* of the words that it knows */
	size_t words_told_len; /* of that round */
};

struct run_watch {
	uv_async_t news;
	run_watch_state_fn state;
	void *user_data;
	LIST_HEAD(, watcher) watchers;
	int count;
	pthread_mutex_t mutex; /* of what follows */
	struct cua_buffer words;
	unsigned int round; /* counts the answers of the model */
};

static bool send_line(struct watcher *watcher, const cJSON *json)
{
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	const size_t len = text ? strlen(text) : 0;
	char *line = text ? realloc(text, len + 2) : NULL;
	if (!line) {
		return false;
	}
	text = line;
	memcpy(text + len, "\n", 2);
	watcher->is_drained = false;
	return cua_http_stream_send(watcher->stream, true, text, len + 1, NULL) == CUA_OK;
}

static bool tell_state(struct run_watch *watch, struct watcher *watcher)
{
	CUA_AUTO_JSON cJSON *state = watch->state(watch->user_data);
	CUA_AUTO_FREE char *text = state ? cJSON_PrintUnformatted(state) : NULL;
	if (!text) {
		return false;
	}
	if (watcher->told && strcmp(watcher->told, text) == 0) {
		return true;
	}
	free(watcher->told);
	watcher->told = CUA_STEAL(text);
	CUA_AUTO_JSON cJSON *line = cJSON_CreateObject();
	cJSON_AddItemToObject(line, "state", CUA_STEAL(state));
	return send_line(watcher, line);
}

/* "words": true with the first of an answer, to begin anew. */
static bool tell_words(struct run_watch *watch, struct watcher *watcher)
{
	CUA_AUTO_JSON cJSON *line = NULL;
	pthread_mutex_lock(&watch->mutex);
	const bool is_new = watcher->round != watch->round;
	if (is_new) {
		watcher->round = watch->round;
		watcher->words_told_len = 0;
	}
	if (is_new || watch->words.len > watcher->words_told_len) {
		line = cJSON_CreateObject();
		cJSON_AddStringToObject(line, "words",
				watch->words.data ? watch->words.data + watcher->words_told_len
						  : "");
		cJSON_AddBoolToObject(line, "anew", is_new);
		watcher->words_told_len = watch->words.len;
	}
	pthread_mutex_unlock(&watch->mutex);
	return !line || send_line(watcher, line);
}

static void tell(struct run_watch *watch, struct watcher *watcher)
{
	if (watcher->is_drained && !(tell_state(watch, watcher) && tell_words(watch, watcher))) {
		cua_http_stream_close(watcher->stream);
	}
}

static void on_news(uv_async_t *news)
{
	struct run_watch *watch = news->data;
	struct watcher *watcher = NULL;
	LIST_FOREACH(watcher, &watch->watchers, link)
	{
		tell(watch, watcher);
	}
}

/* --- watchers --- */

void run_watch_begin(struct run_watch *watch, struct cua_http_exchange *exchange)
{
	static const char full[] = "{\"error\":{\"class\":\"environment\",\"code\":\"unavailable\","
				   "\"message\":\"as many as may are watching this run\"}}";
	struct watcher *watcher = watch->count < WATCHERS_MAX ? calloc(1, sizeof(*watcher)) : NULL;
	if (!watcher) {
		const struct cua_http_reply reply = { .status = 503,
			.content_type = "application/json",
			.body = full,
			.body_len = sizeof(full) - 1 };
		cua_http_reply(exchange, &reply);
		return;
	}
	const struct cua_http_reply reply = { .status = 200,
		.content_type = "application/x-ndjson" };
	watcher->round = watch->round - 1;
	watcher->stream = cua_http_reply_stream(exchange, &reply, watcher);
	if (!watcher->stream) {
		free(watcher);
		return;
	}
	LIST_INSERT_HEAD(&watch->watchers, watcher, link);
	watch->count++;
}

void run_watch_drained(struct run_watch *watch, struct cua_http_stream *stream)
{
	struct watcher *watcher = stream->user_data;
	watcher->is_drained = true;
	tell(watch, watcher);
}

void run_watch_closed(struct run_watch *watch, struct cua_http_stream *stream)
{
	struct watcher *watcher = stream->user_data;
	LIST_REMOVE(watcher, link);
	watch->count--;
	free(watcher->told);
	free(watcher);
}

/* --- the run's side --- */

void run_watch_news(struct run_watch *watch)
{
	uv_async_send(&watch->news);
}

void run_watch_words(struct run_watch *watch, const char *words)
{
	bool is_kept = false;
	pthread_mutex_lock(&watch->mutex);
	const bool is_over = !words && watch->words.len > 0;
	/* What is too long to show as it comes is shown when it is whole. */
	if (words && watch->words.len + strlen(words) <= WORDS_MAX) {
		is_kept = cua_buffer_append(&watch->words, words, strlen(words), NULL) == CUA_OK;
	} else if (is_over) {
		cua_buffer_clear(&watch->words);
		watch->round++;
	}
	pthread_mutex_unlock(&watch->mutex);
	if (is_kept || !words) {
		uv_async_send(&watch->news);
	}
}

struct run_watch *run_watch_create(uv_loop_t *loop, run_watch_state_fn state, void *user_data)
{
	struct run_watch *watch = calloc(1, sizeof(*watch));
	if (!watch) {
		return NULL;
	}
	watch->state = state;
	watch->user_data = user_data;
	watch->news.data = watch;
	LIST_INIT(&watch->watchers);
	pthread_mutex_init(&watch->mutex, NULL);
	cua_buffer_init(&watch->words, WORDS_MAX);
	uv_async_init(loop, &watch->news, on_news);
	return watch;
}

static void on_news_closed(uv_handle_t *news)
{
	struct run_watch *watch = news->data;
	cua_buffer_finish(&watch->words);
	pthread_mutex_destroy(&watch->mutex);
	free(watch);
}

void run_watch_end(struct run_watch *watch)
{
	if (watch) {
		uv_close((uv_handle_t *)&watch->news, on_news_closed);
	}
}
