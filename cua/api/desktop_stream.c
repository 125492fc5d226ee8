#include "cua/api/desktop_stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

#define DEFAULT_FPS 30
#define MAX_FPS 60

/* Made when its WebSocket is taken; freed when both that and the display are done with it. */
struct desktop_stream {
	struct display_stream display; /* first: the display knows this part */
	struct desktop_streams *streams;
	struct cua_http_stream *http; /* NULL: closed */
	_Atomic(struct display_update *) update;
	atomic_bool failed;
	bool opened; /* the display has it */
	uv_timer_t pace;
	uint64_t interval_ms, sent_ms; /* of uv_now() */
	TAILQ_ENTRY(desktop_stream) link;
};

struct desktop_streams {
	uv_loop_t *loop;
	uv_async_t updated;
	struct desktop_thread *thread;
	void (*submit)(struct desktop_job *job, void *user_data);
	void *user_data;
	int count;
	TAILQ_HEAD(, desktop_stream) list;
};

/* --- updates --- */

/* In the display's thread. */
static void on_update(struct display_stream *display, struct display_update *update)
{
	struct desktop_stream *stream = (struct desktop_stream *)display;
	atomic_store(&stream->failed, update == NULL);
	atomic_store(&stream->update, update);
	uv_async_send(&stream->streams->updated);
}

static cJSON *describe(const struct display_update *update)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddNumberToObject(json, "serial", (double)update->serial);
	cJSON_AddNumberToObject(json, "time_us", (double)update->time_us);
	cJSON_AddNumberToObject(json, "width", update->width_px);
	cJSON_AddNumberToObject(json, "height", update->height_px);
	cJSON *rects = cJSON_AddArrayToObject(json, "rects");
	for (int i = 0; i < update->rect_count; i++) {
		const int numbers[] = { update->rects[i].x, update->rects[i].y,
			update->rects[i].width, update->rects[i].height };
		cJSON_AddItemToArray(rects, cJSON_CreateIntArray(numbers, 4));
	}
	return json;
}

static void send_update(struct desktop_stream *stream, const struct display_update *update)
{
	CUA_AUTO_JSON cJSON *json = describe(update);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	enum cua_status status = text
			? cua_http_stream_send(stream->http, true, text, strlen(text), NULL)
			: CUA_ERR_NOMEM;
	for (int i = 0; i < update->rect_count && status == CUA_OK; i++) {
		status = cua_http_stream_send(stream->http, false, update->pictures[i].data,
				update->pictures[i].len, NULL);
	}
	if (status != CUA_OK) {
		cua_http_stream_close(stream->http);
	}
	stream->sent_ms = uv_now(stream->streams->loop);
}

static void on_updated(uv_async_t *async)
{
	struct desktop_streams *streams = async->data;
	struct desktop_stream *stream;
	TAILQ_FOREACH(stream, &streams->list, link)
	{
		struct display_update *update = atomic_exchange(&stream->update, NULL);
		if (update && stream->http) {
			send_update(stream, update);
		} else if (stream->http && atomic_exchange(&stream->failed, false)) {
			cua_http_stream_close(stream->http);
		}
		display_update_destroy(update);
	}
}

/* --- pace --- */

static void let_go(struct desktop_stream *stream)
{
	atomic_store(&stream->display.ready, true);
	desktop_thread_wake_streams(stream->streams->thread);
}

static void on_pace(uv_timer_t *timer)
{
	let_go(timer->data);
}

void desktop_streams_drained(struct cua_http_stream *http)
{
	struct desktop_stream *stream = http->user_data;
	const uint64_t next_ms = stream->sent_ms + stream->interval_ms;
	uv_update_time(stream->streams->loop);
	const uint64_t now_ms = uv_now(stream->streams->loop);
	if (stream->sent_ms == 0 || next_ms <= now_ms) {
		let_go(stream);
	} else {
		uv_timer_start(&stream->pace, on_pace, next_ms - now_ms, 0);
	}
}

/* --- life --- */

/* max_fps is the stream's own; format, level and quality are those of a screenshot. */
static enum cua_status parse_query(const struct desktop_streams *streams, const char *query,
		struct picture_coding *ret_coding, int *ret_fps, struct cua_error *err)
{
	char rest[512] = "", copy[512];
	char *save = NULL;
	snprintf(copy, sizeof(copy), "%s", query);
	*ret_fps = DEFAULT_FPS;
	for (char *word = strtok_r(copy, "&", &save); word; word = strtok_r(NULL, "&", &save)) {
		const size_t name_len = strcspn(word, "=");
		if (name_len == 7 && strncmp(word, "max_fps", 7) == 0) {
			char *end = NULL;
			const long fps = word[7] ? strtol(word + 8, &end, 10) : 0;
			if (!end || end == word + 8 || *end || fps < 1 || fps > MAX_FPS) {
				return CUA_FAIL(err, CUA_ERR_INVAL, 0, "max_fps must be 1 to %d",
						MAX_FPS);
			}
			*ret_fps = (int)fps;
			continue;
		}
		if (strncmp(word, "format", name_len) != 0 &&
				strncmp(word, "level", name_len) != 0 &&
				strncmp(word, "quality", name_len) != 0) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"query: \"%.40s\" is not one of format, level, quality, "
					"max_fps",
					word);
		}
		const size_t len = strlen(rest);
		snprintf(rest + len, sizeof(rest) - len, "%s%s", len > 0 ? "&" : "", word);
	}
	struct display_shot shot;
	enum cua_status status = desktop_shot_parse(
			rest, desktop_thread_screen(streams->thread), &shot, err);
	if (status == CUA_OK) {
		*ret_coding = shot.coding;
	}
	return status;
}

enum cua_status desktop_streams_open(struct desktop_streams *streams, struct cua_http_stream *http,
		struct cua_error *err)
{
	struct picture_coding coding;
	int fps = 0;
	enum cua_status status = parse_query(streams, http->head.query, &coding, &fps, err);
	if (status != CUA_OK) {
		return status;
	}
	if (streams->count == DISPLAY_STREAMS_MAX) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "there are %d streams already",
				DISPLAY_STREAMS_MAX);
	}
	struct desktop_stream *stream = calloc(1, sizeof(*stream));
	struct desktop_job *job = stream ? desktop_job_create(DESKTOP_JOB_STREAM_OPEN) : NULL;
	if (!job) {
		free(stream);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "stream");
	}
	stream->display.coding = coding;
	stream->display.on_update = on_update;
	stream->streams = streams;
	stream->http = http;
	stream->interval_ms = (uint64_t)(1000 / fps);
	uv_timer_init(streams->loop, &stream->pace);
	stream->pace.data = stream;
	http->user_data = stream;
	streams->count++;
	TAILQ_INSERT_TAIL(&streams->list, stream, link);
	job->stream = &stream->display;
	streams->submit(job, streams->user_data);
	return CUA_OK;
}

static void on_pace_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void release(struct desktop_stream *stream)
{
	struct desktop_streams *streams = stream->streams;
	streams->count--;
	TAILQ_REMOVE(&streams->list, stream, link);
	display_update_destroy(atomic_exchange(&stream->update, NULL));
	uv_close((uv_handle_t *)&stream->pace, on_pace_closed);
}

/* The display lets go of it before it is freed. Without memory for the job it stays, unused. */
static void close_display(struct desktop_stream *stream)
{
	struct desktop_job *job = desktop_job_create(DESKTOP_JOB_STREAM_CLOSE);
	if (job) {
		job->stream = &stream->display;
		stream->streams->submit(job, stream->streams->user_data);
	}
}

void desktop_streams_closed(struct cua_http_stream *http)
{
	struct desktop_stream *stream = http->user_data;
	stream->http = NULL;
	uv_timer_stop(&stream->pace);
	atomic_store(&stream->display.ready, false);
	if (stream->opened) {
		close_display(stream);
	}
}

void desktop_streams_job_done(const struct desktop_job *job)
{
	struct desktop_stream *stream = (struct desktop_stream *)job->stream;
	if (job->kind == DESKTOP_JOB_STREAM_CLOSE) {
		release(stream);
		return;
	}
	stream->opened = true;
	if (!stream->http) {
		close_display(stream); /* it left before */
	}
}

enum cua_status desktop_streams_create(uv_loop_t *loop, struct desktop_thread *thread,
		void (*submit)(struct desktop_job *job, void *user_data), void *user_data,
		struct desktop_streams **ret_streams, struct cua_error *err)
{
	struct desktop_streams *streams = calloc(1, sizeof(*streams));
	if (!streams) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "streams");
	}
	streams->loop = loop;
	streams->thread = thread;
	streams->submit = submit;
	streams->user_data = user_data;
	TAILQ_INIT(&streams->list);
	uv_async_init(loop, &streams->updated, on_updated);
	streams->updated.data = streams;
	*ret_streams = streams;
	return CUA_OK;
}
