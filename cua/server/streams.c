#include "cua/server/streams.h"

#include <stdio.h>
#include <string.h>

#define CUA_LOG_MODULE "serve"
#include "cua/base/log.h"

/* RFC 6455, 7.4.1: a policy of the endpoint is violated. */
#define CLOSE_POLICY 1008

/* 0: it lasts until it is revoked. Where the store does not answer nobody is hung up on. */
static bool still_good(struct store *store, const char *token_id, int64_t *ret_expires_ms)
{
	struct cua_error error = { 0 };
	const enum cua_status status = token_still(store, token_id, ret_expires_ms, &error);
	if (status != CUA_OK && status != CUA_ERR_NOT_FOUND) {
		cua_log_warn("tokens of streams are not checked: %s", error.msg);
	}
	return status != CUA_ERR_NOT_FOUND;
}

static void on_over(uv_timer_t *timer);

/* Looks again when the first of them is over. */
static void wait_for(struct streams *streams, int64_t expires_ms)
{
	const int64_t left_ms = expires_ms - store_now_ms();
	const uint64_t due_ms = left_ms > 0 ? (uint64_t)left_ms : 0;
	if (expires_ms > 0 &&
			(!uv_is_active((uv_handle_t *)&streams->over) ||
					due_ms < uv_timer_get_due_in(&streams->over))) {
		uv_timer_start(&streams->over, on_over, due_ms + 1, 0);
	}
}

static void check(struct streams *streams, struct stream_face *face)
{
	int64_t expires_ms = 0;
	if (still_good(streams->store, face->token_id, &expires_ms)) {
		wait_for(streams, expires_ms);
	} else {
		cua_http_stream_close_with(
				face->stream, CLOSE_POLICY, "its token was revoked, or is over");
	}
}

static void check_all(struct streams *streams)
{
	struct stream_face *face = NULL;
	uv_timer_stop(&streams->over);
	LIST_FOREACH(face, &streams->list, link)
	{
		check(streams, face);
	}
}

static void on_over(uv_timer_t *timer)
{
	check_all(timer->data);
}

static void on_changed(uv_async_t *async)
{
	check_all(async->data);
}

enum cua_status streams_init(struct streams *streams, uv_loop_t *loop, struct store *store,
		int max_per_token, struct cua_error *err)
{
	streams->loop = loop;
	streams->store = store;
	streams->max_per_token = max_per_token;
	pthread_mutex_init(&streams->mutex, NULL);
	LIST_INIT(&streams->list);
	uv_timer_init(loop, &streams->over);
	streams->over.data = streams;
	streams->changed.data = streams;
	const int failed = uv_async_init(loop, &streams->changed, on_changed);
	return failed ? CUA_FAIL(err, CUA_ERR_IO, -failed, "streams") : CUA_OK;
}

void streams_finish(struct streams *streams)
{
	uv_close((uv_handle_t *)&streams->over, NULL);
	uv_close((uv_handle_t *)&streams->changed, NULL);
}

void streams_add(struct streams *streams, struct cua_http_stream *stream,
		const struct caller *caller)
{
	struct stream_face *face = stream->user_data;
	face->stream = stream;
	snprintf(face->token_id, sizeof(face->token_id), "%s", caller->id);
	face->streams = streams;
	pthread_mutex_lock(&streams->mutex);
	LIST_INSERT_HEAD(&streams->list, face, link);
	pthread_mutex_unlock(&streams->mutex);
	check(streams, face); /* it may have been revoked since it was looked at */
}

void streams_remove(struct stream_face *face)
{
	if (face->stream) {
		pthread_mutex_lock(&face->streams->mutex);
		LIST_REMOVE(face, link);
		pthread_mutex_unlock(&face->streams->mutex);
		face->stream = NULL;
	}
}

int streams_count(struct streams *streams, const char *token_id,
		void (*on_closed)(struct cua_http_stream *stream))
{
	const struct stream_face *face = NULL;
	int count = 0;
	pthread_mutex_lock(&streams->mutex);
	LIST_FOREACH(face, &streams->list, link)
	{
		count += (!on_closed || face->on_closed == on_closed) &&
				strcmp(face->token_id, token_id) == 0;
	}
	pthread_mutex_unlock(&streams->mutex);
	return count;
}

enum cua_status streams_check_room(
		struct streams *streams, const char *token_id, struct cua_error *err)
{
	const int count = streams_count(streams, token_id, NULL);
	return count < streams->max_per_token
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
					  "%d streams and WebSockets are open with this token: "
					  "close one first; --max-streams allows more",
					  count);
}

void streams_check(struct streams *streams)
{
	uv_async_send(&streams->changed);
}
