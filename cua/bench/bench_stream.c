#include "cua/bench/bench_stream.h"

#include <errno.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/bench/bench_client.h"

#define SHOW_TIMEOUT_MS 10000
#define MESSAGE_MAX_LEN ((size_t)256 << 20)
#define RECEIVE_LEN (256 << 10)

struct bench_stream {
	struct bench_desktop *desktop;
	struct lws_context *context;
	struct cua_buffer message; /* so far */
	cJSON *rects;              /* of the update under way; NULL: none */
	int next_rect;             /* whose picture comes next */
	unsigned long updates;     /* shown to their end */
	size_t bytes;
	uint8_t *pixels;        /* B8G8R8X8 of the screen */
	enum cua_status status; /* what it failed with, in the callback */
	struct cua_error error;
};

/* --- updates --- */

/* {"rects": [[x, y, width, height], ...]}, then a picture of each. */
static enum cua_status take_text(struct bench_stream *stream)
{
	CUA_AUTO_JSON cJSON *json =
			cJSON_ParseWithLength(stream->message.data, stream->message.len);
	cJSON_Delete(stream->rects);
	stream->rects = cJSON_DetachItemFromObjectCaseSensitive(json, "rects");
	stream->next_rect = 0;
	return stream->rects
			? CUA_OK
			: CUA_FAIL(&stream->error, CUA_ERR_INVAL, 0, "an update without rects");
}

static enum cua_status take_picture(struct bench_stream *stream)
{
	const struct desktop_record *record = &stream->desktop->record;
	const cJSON *rect = cJSON_GetArrayItem(stream->rects, stream->next_rect);
	const cJSON *left = cJSON_GetArrayItem(rect, 0), *top = cJSON_GetArrayItem(rect, 1);
	CUA_AUTO_FREE uint8_t *pixels = NULL;
	int width = 0, height = 0;
	enum cua_status status = bench_png_read((const uint8_t *)stream->message.data,
			stream->message.len, &width, &height, &pixels, &stream->error);
	if (status != CUA_OK) {
		return status;
	}
	if (!cJSON_IsNumber(left) || !cJSON_IsNumber(top) || left->valueint < 0 ||
			top->valueint < 0 || left->valueint > record->settings.width_px - width ||
			top->valueint > record->settings.height_px - height) {
		return CUA_FAIL(&stream->error, CUA_ERR_INVAL, 0, "a picture without a place");
	}
	for (int y = 0; y < height; y++) {
		const size_t to = (size_t)(top->valueint + y) * (size_t)record->settings.width_px +
				(size_t)left->valueint;
		memcpy(stream->pixels + 4 * to, pixels + 4 * (size_t)y * (size_t)width,
				4 * (size_t)width);
	}
	stream->bytes += stream->message.len;
	stream->next_rect++;
	stream->updates += stream->next_rect == cJSON_GetArraySize(stream->rects);
	return CUA_OK;
}

static int on_receive(struct bench_stream *stream, struct lws *wsi, const void *data, size_t len)
{
	stream->status = cua_buffer_append(&stream->message, data, len, &stream->error);
	if (stream->status == CUA_OK && lws_is_final_fragment(wsi) &&
			lws_remaining_packet_payload(wsi) == 0) {
		stream->status =
				lws_frame_is_binary(wsi) ? take_picture(stream) : take_text(stream);
		cua_buffer_clear(&stream->message);
	}
	return stream->status == CUA_OK ? 0 : -1;
}

static int on_event(
		struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct bench_stream *stream = lws_context_user(lws_get_context(wsi));
	switch (reason) {
	case LWS_CALLBACK_CLIENT_RECEIVE:
		return on_receive(stream, wsi, in, len);
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
	case LWS_CALLBACK_CLIENT_CLOSED:
		if (stream->status == CUA_OK) {
			stream->status = CUA_FAIL(&stream->error, CUA_ERR_CLOSED, 0,
					"the stream of frames ended: %s", in ? (char *)in : "");
		}
		return 0;
	default:
		return lws_callback_http_dummy(wsi, reason, user, in, len);
	}
}

/* --- waiting --- */

static enum cua_status next_update(
		struct bench_stream *stream, uint64_t deadline_us, struct cua_error *err)
{
	const unsigned long shown = stream->updates;
	while (stream->updates == shown) {
		enum cua_status status = bench_check(stream->desktop->bench, err);
		if (status != CUA_OK) {
			return status;
		}
		if (stream->status != CUA_OK) {
			*err = stream->error;
			return stream->status;
		}
		if (cua_now_us() > deadline_us) {
			return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0,
					"the stream does not show the screen after %d ms",
					SHOW_TIMEOUT_MS);
		}
		lws_service(stream->context, 0);
	}
	return CUA_OK;
}

enum cua_status bench_stream_wait(
		struct bench_stream *stream, const uint8_t *pixels, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + SHOW_TIMEOUT_MS * 1000ULL;
	const struct desktop_record *record = &stream->desktop->record;
	const size_t count = (size_t)record->settings.width_px * (size_t)record->settings.height_px;
	enum cua_status status = CUA_OK;
	while (status == CUA_OK && !bench_pixels_alike(stream->pixels, pixels, count)) {
		status = next_update(stream, deadline_us, err);
	}
	return status;
}

enum cua_status bench_stream_next(struct bench_stream *stream, struct cua_error *err)
{
	return next_update(stream, cua_now_us() + SHOW_TIMEOUT_MS * 1000ULL, err);
}

size_t bench_stream_bytes(const struct bench_stream *stream)
{
	return stream->bytes;
}

/* --- life --- */

static enum cua_status connect_stream(struct bench_stream *stream, struct cua_error *err)
{
	static const struct lws_protocols protocols[] = {
		{ .name = "frames", .callback = on_event, .rx_buffer_size = RECEIVE_LEN },
		{ .name = NULL }
	};
	const struct lws_context_creation_info info = { .port = CONTEXT_PORT_NO_LISTEN,
		.protocols = protocols,
		.pt_serv_buf_size = RECEIVE_LEN,
		.user = stream };
	char address[sizeof(stream->desktop->socket_path) + 1];
	snprintf(address, sizeof(address), "+%s", stream->desktop->socket_path);
	lws_set_log_level(LLL_ERR, NULL);
	stream->context = lws_create_context(&info);
	const struct lws_client_connect_info target = { .context = stream->context,
		.address = address,
		.path = "/v1/frames?max_fps=60",
		.host = "desktop",
		.origin = "desktop",
		.local_protocol_name = "frames" };
	if (!stream->context || !lws_client_connect_via_info(&target)) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "%s takes no WebSocket", address + 1);
	}
	return bench_stream_next(stream, err);
}

enum cua_status bench_stream_start(struct bench_desktop *desktop, struct bench_stream **ret_stream,
		struct cua_error *err)
{
	const struct desktop_record *record = &desktop->record;
	struct bench_stream *stream = calloc(1, sizeof(*stream));
	uint8_t *pixels = calloc(
			(size_t)record->settings.width_px * (size_t)record->settings.height_px, 4);
	if (!stream || !pixels) {
		free(stream);
		free(pixels);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "viewer");
	}
	stream->desktop = desktop;
	stream->pixels = pixels;
	cua_buffer_init(&stream->message, MESSAGE_MAX_LEN);
	enum cua_status status = connect_stream(stream, err);
	if (status != CUA_OK) {
		bench_stream_stop(stream);
		return status;
	}
	*ret_stream = stream;
	return CUA_OK;
}

void bench_stream_stop(struct bench_stream *stream)
{
	if (!stream) {
		return;
	}
	if (stream->context) {
		lws_context_destroy(stream->context);
	}
	cJSON_Delete(stream->rects);
	cua_buffer_finish(&stream->message);
	free(stream->pixels);
	free(stream);
}
