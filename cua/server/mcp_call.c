#include "cua/server/mcp_call.h"

#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/server/server.h"

#define MESSAGES_MAX_LEN ((size_t)512 << 20)
#define FIRST_TICK_MS 1000

/* --- what is emitted --- */

/* On the thread that runs the tool, and on the loop's when it tells of progress. */
static void emit(const char *text, size_t len, void *user_data)
{
	struct mcp_call *call = user_data;
	pthread_mutex_lock(&call->mutex);
	if (!call->is_streamed && call->count == 0 &&
			cua_buffer_append(&call->first, text, len, NULL) != CUA_OK) {
		call->has_failed = true;
	}
	call->count++;
	if (cua_buffer_printf(&call->events, NULL, "data: %.*s\n\n", (int)len, text) != CUA_OK) {
		call->has_failed = true;
	}
	if (call->is_streamed) {
		uv_async_send(&call->news);
	}
	pthread_mutex_unlock(&call->mutex);
}

struct mcp_serve_out mcp_call_out(struct mcp_call *call)
{
	return (struct mcp_serve_out){ emit, call };
}

/* --- life --- */

struct mcp_call *mcp_call_create(const struct request *request)
{
	struct mcp_call *call = calloc(1, sizeof(*call));
	if (call) {
		call->client.server = request->server;
		call->client.caller = request->caller;
		cua_buffer_init(&call->first, MESSAGES_MAX_LEN);
		cua_buffer_init(&call->events, MESSAGES_MAX_LEN);
		pthread_mutex_init(&call->mutex, NULL);
	}
	return call;
}

void mcp_call_destroy(struct mcp_call *call)
{
	mcp_serve_call_destroy(call->tool);
	mcp_serve_session_destroy(call->session);
	cJSON_Delete(call->id);
	cua_buffer_finish(&call->first);
	cua_buffer_finish(&call->events);
	pthread_mutex_destroy(&call->mutex);
	free(call);
}

/* --- the stream: on the loop's thread --- */

static void release_if_over(struct mcp_call *call)
{
	if (!call->stream && call->handles == 0) {
		mcp_call_destroy(call);
	}
}

static void send_events(struct mcp_call *call)
{
	struct cua_error error;
	bool is_lost = false;
	pthread_mutex_lock(&call->mutex);
	if (call->stream && call->events.len > 0) {
		is_lost = cua_http_stream_send(call->stream, true, call->events.data,
					  call->events.len, &error) != CUA_OK;
	}
	is_lost = is_lost || call->has_failed;
	cua_buffer_clear(&call->events);
	pthread_mutex_unlock(&call->mutex);
	if (call->stream && is_lost) {
		cua_http_stream_close(call->stream);
	}
}

static void on_news(uv_async_t *news)
{
	send_events(news->data);
}

static void on_tick(uv_timer_t *tick)
{
	struct mcp_call *call = tick->data;
	mcp_serve_session_tick(call->session);
}

static void on_drained(struct cua_http_stream *stream)
{
	(void)stream; /* what is told of a call is little, and all of it is sent */
}

/* Nobody can hear the answer any more. */
static void on_closed(struct cua_http_stream *stream)
{
	struct mcp_call *call = stream->user_data;
	call->stream = NULL;
	if (call->tool) {
		mcp_serve_call_cancel(call->tool);
	}
	release_if_over(call);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct mcp_call *call = handle->data;
	call->handles--;
	release_if_over(call);
}

static void on_work(uv_work_t *work)
{
	struct mcp_call *call = work->data;
	(void)mcp_serve_call_run(call->tool);
}

static void on_work_done(uv_work_t *work, int status)
{
	struct mcp_call *call = work->data;
	struct server *server = call->client.server;
	if (status != 0) {
		mcp_serve_call_give_up(call->tool, "the server has no thread for it");
	}
	server->requests_running--;
	busy_leave(&server->busy, call->busy);
	pthread_mutex_lock(&server->mcp.mutex);
	LIST_REMOVE(call, link);
	pthread_mutex_unlock(&server->mcp.mutex);
	mcp_serve_call_destroy(CUA_STEAL(call->tool));
	send_events(call);
	if (call->stream) {
		cua_http_stream_close(call->stream);
	}
	uv_close((uv_handle_t *)&call->tick, on_handle_closed);
	uv_close((uv_handle_t *)&call->news, on_handle_closed);
}

/* One that goes on as long as its client has a thread of its own. */
static void on_long_work(void *user_data)
{
	struct mcp_call *call = user_data;
	on_work(&call->work);
	uv_async_send(&call->over);
}

static void on_long_work_done(uv_async_t *over)
{
	struct mcp_call *call = over->data;
	uv_thread_join(&call->thread);
	uv_close((uv_handle_t *)over, on_handle_closed);
	on_work_done(&call->work, 0);
}

static int begin_long_work(struct mcp_call *call)
{
	struct server *server = call->client.server;
	busy_leave(&server->busy, call->busy);
	call->busy = 0;
	call->over.data = call;
	uv_async_init(&server->loop, &call->over, on_long_work_done);
	call->handles++;
	const int result = uv_thread_create(&call->thread, on_long_work, call);
	if (result != 0) {
		uv_close((uv_handle_t *)&call->over, on_handle_closed);
	}
	return result;
}

static int begin_short_work(struct mcp_call *call)
{
	return uv_queue_work(&call->client.server->loop, &call->work, on_work, on_work_done);
}

static void begin_work(struct mcp_call *call)
{
	struct server *server = call->client.server;
	call->news.data = call->tick.data = call->work.data = call;
	uv_async_init(&server->loop, &call->news, on_news);
	uv_timer_init(&server->loop, &call->tick);
	uv_timer_start(&call->tick, on_tick, FIRST_TICK_MS, MCP_SERVE_TICK_MS);
	call->handles = 2;
	call->is_streamed = true;
	pthread_mutex_lock(&server->mcp.mutex);
	LIST_INSERT_HEAD(&server->mcp.calls, call, link);
	pthread_mutex_unlock(&server->mcp.mutex);
	server->requests_running++;
	if ((mcp_serve_call_is_long(call->tool) ? begin_long_work : begin_short_work)(call) != 0) {
		on_work_done(&call->work, UV_ENOMEM);
	}
}

static struct cua_http_stream *begin_stream(
		struct request *request, struct cua_http_exchange *exchange)
{
	struct mcp_call *call = request->stream_data;
	const struct cua_http_reply reply = {
		.status = 200, .content_type = "text/event-stream", .headers = request->headers.data
	};
	call->stream = cua_http_reply_stream(exchange, &reply, call);
	if (!call->stream) {
		mcp_call_destroy(call);
		return NULL;
	}
	call->busy = request->busy;
	request->busy = 0;
	begin_work(call);
	return call->stream;
}

void mcp_call_stream(struct mcp_call *call, struct request *request)
{
	call->face = (struct stream_face){ .on_drained = on_drained, .on_closed = on_closed };
	request->stream_data = call;
	request->begin_stream = begin_stream;
}

/* --- ended by another request --- */

void mcp_call_cancel(struct mcp_offers *offers, const struct caller *caller, const cJSON *id)
{
	struct mcp_call *call = NULL, *found = NULL;
	int count = 0;
	pthread_mutex_lock(&offers->mutex);
	LIST_FOREACH(call, &offers->calls, link)
	{
		if (strcmp(call->client.caller.id, caller->id) == 0 &&
				cJSON_Compare(call->id, id, true)) {
			found = call;
			count++;
		}
	}
	if (count == 1) {
		mcp_serve_call_cancel(found->tool);
	}
	pthread_mutex_unlock(&offers->mutex);
}
