/* What changes, of everything, as it does: /v1/events. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/server/event_stream.h"
#include "cua/server/feed.h"
#include "cua/server/routes.h"
#include "cua/server/server.h"

struct watcher {
	struct stream_face face;
	struct feed_watcher news;
	struct feed *feed;
	struct event_stream out;
	bool is_watching;
};

static void send_next(struct watcher *watcher)
{
	CUA_AUTO_FREE char *text =
			watcher->out.is_drained ? feed_next(watcher->feed, &watcher->news) : NULL;
	if (text) {
		event_stream_send(&watcher->out, watcher->news.after, text);
	}
}

static void on_news(struct feed_watcher *news)
{
	struct watcher *watcher = (struct watcher *)((char *)news - offsetof(struct watcher, news));
	if (!event_stream_is_given_up(&watcher->out)) {
		send_next(watcher);
	}
}

static void on_drained(struct cua_http_stream *stream)
{
	struct watcher *watcher = stream->user_data;
	watcher->out.is_drained = true;
	if (!watcher->is_watching) {
		feed_watch(watcher->feed, &watcher->news);
		watcher->is_watching = true;
	}
	send_next(watcher);
}

static void on_closed(struct cua_http_stream *stream)
{
	struct watcher *watcher = stream->user_data;
	if (watcher->is_watching) {
		feed_unwatch(&watcher->news);
	}
	free(watcher);
}

static struct watcher *watcher_create(const struct request *request, struct cua_error *err)
{
	const char *last = cua_http_header(request->head, "last-event-id");
	struct watcher *watcher = calloc(1, sizeof(*watcher));
	if (!watcher) {
		cua_error_set(err, CUA_ERR_NOMEM, ENOMEM, "watcher");
		return NULL;
	}
	watcher->face = (struct stream_face){ .on_drained = on_drained, .on_closed = on_closed };
	watcher->feed = request->server->feed;
	watcher->news.on_news = on_news;
	watcher->news.after = last[0] ? strtoull(last, NULL, 10)
				      : (uint64_t)cua_json_number(request->query, "after");
	return watcher;
}

static enum cua_status websocket_feed(
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
		free(watcher);
		return NULL;
	}
	return watcher->out.http;
}

static enum cua_status get_feed(struct request *request, struct cua_error *err)
{
	request->stream_data = watcher_create(request, err);
	request->begin_stream = begin_stream;
	return request->stream_data ? CUA_OK : err->status;
}

static const struct field after_fields[] = {
	{ "after", FIELD_WHOLE, 0, 0, 9e15, NULL, NULL,
			"the seq of the last message that is known; also Last-Event-ID. Who cannot "
			"go on from there is sent {\"event\": \"reset\"} first" },
	TICKET_FIELD, { 0 }
};
static const struct fields feed_query = { "FeedAfter", after_fields };

static const struct route table[] = {
	{ "GET", "/v1/events", "watchAll",
			"Changes of runs, approvals, desktops and of who controls them, as they "
			"happen: server-sent events, or a WebSocket",
			SCOPE_WATCH, ROUTE_OPENED, &feed_query, NULL, NULL, 0, get_feed,
			websocket_feed },
};
const struct routes feed_routes = ROUTES("events", "What changes, of everything", table);
