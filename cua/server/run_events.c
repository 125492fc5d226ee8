#include "cua/server/run_events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/runs.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/server/event_stream.h"
#include "cua/server/runs.h"
#include "cua/server/server.h"

#define READ_LEN ((size_t)64 << 10)
#define TURN_LEN ((size_t)1 << 20) /* of a journal, that others wait for */
#define LINE_MAX_LEN ((size_t)64 << 20)

struct watcher {
	struct stream_face face;
	struct runs_watcher news;
	struct runs *runs;
	struct event_stream out;
	bool is_watching, has_said_over;
	int events_fd;          /* of the journal; -1: not there yet */
	struct cua_buffer line; /* of it, begun and not yet ended */
	uint64_t after;         /* the last event that it has */
	char *told;             /* owned: the state that it has */
	unsigned int round;     /* of the words that it has, and how many */
	size_t words_len;
};

/* --- sending --- */

/* id: of a server-sent event; 0 for none. */
static void send_text(struct watcher *watcher, uint64_t id, const char *text)
{
	event_stream_send(&watcher->out, id, text);
}

static void send_json(struct watcher *watcher, cJSON *json)
{
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	if (text) {
		send_text(watcher, 0, text);
	}
}

/* A line of the journal, which begins with its number. */
static void send_event(struct watcher *watcher)
{
	const char *line = watcher->line.data ? watcher->line.data : "";
	const char *number = strncmp(line, "{\"seq\":", 7) == 0 ? line + 7 : "0";
	const uint64_t seq = strtoull(number, NULL, 10);
	CUA_AUTO_FREE char *text = NULL;
	if (seq <= watcher->after || asprintf(&text, "{\"event\":%s}", line) < 0) {
		return;
	}
	watcher->after = seq;
	send_text(watcher, seq, text);
}

/* --- the journal --- */

static void open_journal(struct watcher *watcher)
{
	char path[1200];
	CUA_AUTO_FREE char *dir = NULL;
	if (watcher->events_fd >= 0 || agent_runs_find(watcher->news.run, &dir, NULL) != CUA_OK) {
		return;
	}
	snprintf(path, sizeof(path), "%s/events.jsonl", dir);
	watcher->events_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

/* Events that it has not, up to some; false if there are none. What it has is passed over, in
 * pieces: whoever comes back to a long run would have all others wait. */
static bool send_news(struct watcher *watcher)
{
	static char bytes[READ_LEN];
	open_journal(watcher);
	for (size_t read_len = 0; watcher->events_fd >= 0 && watcher->out.is_drained;) {
		if (read_len >= TURN_LEN) {
			cua_http_stream_again(watcher->out.http);
			return true;
		}
		const ssize_t len = read(watcher->events_fd, bytes, sizeof(bytes));
		if (len <= 0) {
			return false;
		}
		read_len += (size_t)len;
		const char *at = bytes, *end = bytes + len, *line_end = NULL;
		while ((line_end = memchr(at, '\n', (size_t)(end - at)))) {
			if (cua_buffer_append(&watcher->line, at, (size_t)(line_end - at), NULL) ==
					CUA_OK) {
				send_event(watcher);
			}
			cua_buffer_clear(&watcher->line);
			at = line_end + 1;
		}
		if (cua_buffer_append(&watcher->line, at, (size_t)(end - at), NULL) != CUA_OK) {
			cua_buffer_clear(&watcher->line);
		}
	}
	return !watcher->out.is_drained;
}

/* --- how it stands --- */

static void send_state(struct watcher *watcher)
{
	const char *state = watcher->news.state;
	CUA_AUTO_FREE char *text = NULL;
	if (!state || (watcher->told && strcmp(watcher->told, state) == 0) ||
			asprintf(&text, "{\"state\":%s}", state) < 0) {
		return;
	}
	free(watcher->told);
	watcher->told = strdup(state);
	send_text(watcher, 0, text);
}

static void send_words(struct watcher *watcher)
{
	const char *words = watcher->news.is_live ? watcher->news.words : "";
	const size_t len = strlen(words);
	const bool is_new = watcher->round != watcher->news.round;
	if (is_new) {
		watcher->round = watcher->news.round;
		watcher->words_len = 0;
	}
	if (len <= watcher->words_len) {
		return;
	}
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "words", words + watcher->words_len);
	cJSON_AddBoolToObject(json, "anew", watcher->words_len == 0);
	watcher->words_len = len;
	send_json(watcher, json);
}

/* is_fresh: the members of news are valid, being told now. */
static void send_all(struct watcher *watcher, bool is_fresh)
{
	if (!watcher->out.is_drained || send_news(watcher)) {
		return;
	}
	if (is_fresh) {
		send_state(watcher);
		send_words(watcher);
	}
	if (watcher->news.is_over && watcher->out.is_drained && !watcher->has_said_over) {
		watcher->has_said_over = true;
		send_text(watcher, 0, "{\"over\":true}");
		cua_http_stream_close(watcher->out.http);
	}
}

static void on_news(struct runs_watcher *news)
{
	struct watcher *watcher = (struct watcher *)((char *)news - offsetof(struct watcher, news));
	if (!event_stream_is_given_up(&watcher->out)) {
		send_all(watcher, true);
	}
}

/* --- the stream --- */

/* Asks how the run stands again: what was told while this one was not drained is not kept. */
static void on_drained(struct cua_http_stream *stream)
{
	struct watcher *watcher = stream->user_data;
	watcher->out.is_drained = true;
	if (watcher->is_watching) {
		runs_unwatch(&watcher->news);
	}
	watcher->is_watching = true;
	runs_watch(watcher->runs, &watcher->news);
}

static void on_closed(struct cua_http_stream *stream)
{
	struct watcher *watcher = stream->user_data;
	if (watcher->is_watching) {
		runs_unwatch(&watcher->news);
	}
	cua_closep(&watcher->events_fd);
	cua_buffer_finish(&watcher->line);
	free(watcher->told);
	free(watcher);
}

static struct watcher *watcher_create(struct request *request, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *row = NULL;
	const char *last = cua_http_header(request->head, "last-event-id");
	if (store_get(request->server->store, &row, err, "there is no such run",
			    "SELECT id FROM runs WHERE id = ?", "s",
			    request->parameters[0]) != CUA_OK) {
		return NULL;
	}
	struct watcher *watcher = calloc(1, sizeof(*watcher));
	if (!watcher) {
		cua_error_set(err, CUA_ERR_NOMEM, ENOMEM, "watcher");
		return NULL;
	}
	watcher->face = (struct stream_face){ .on_drained = on_drained, .on_closed = on_closed };
	watcher->runs = request->server->runs;
	watcher->events_fd = -1;
	watcher->after = last[0] ? strtoull(last, NULL, 10)
				 : (uint64_t)cua_json_number(request->query, "after");
	watcher->news.on_news = on_news;
	snprintf(watcher->news.run, sizeof(watcher->news.run), "%s", cua_json_text(row, "id"));
	cua_buffer_init(&watcher->line, LINE_MAX_LEN);
	return watcher;
}

enum cua_status run_events_websocket(
		struct request *request, struct cua_http_stream *stream, struct cua_error *err)
{
	struct watcher *watcher = watcher_create(request, err);
	if (!watcher) {
		return err->status;
	}
	watcher->out.is_websocket = true;
	watcher->out.http = stream;
	stream->user_data = watcher;
	return CUA_OK;
}

static struct cua_http_stream *begin_stream(
		struct request *request, struct cua_http_exchange *exchange)
{
	struct watcher *watcher = request->stream_data;
	const struct cua_http_reply reply = {
		.status = 200, .content_type = "text/event-stream", .headers = request->headers.data
	};
	watcher->out.http = cua_http_reply_stream(exchange, &reply, watcher);
	if (!watcher->out.http) {
		cua_buffer_finish(&watcher->line);
		free(watcher);
		return NULL;
	}
	return watcher->out.http;
}

enum cua_status run_events_get(struct request *request, struct cua_error *err)
{
	struct watcher *watcher = watcher_create(request, err);
	if (!watcher) {
		return err->status;
	}
	request->stream_data = watcher;
	request->begin_stream = begin_stream;
	return CUA_OK;
}
