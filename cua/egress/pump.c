#include "cua/egress/pump.h"

#include <stdlib.h>
#include <string.h>

static void over(struct egress_pump *pump)
{
	if (!pump->is_over) {
		pump->is_over = true;
		uv_read_stop(pump->flows[0].from);
		uv_read_stop(pump->flows[1].from);
		pump->end(pump);
	}
}

static void on_shutdown(uv_shutdown_t *shutdown, int status)
{
	struct egress_flow *flow = shutdown->data;
	struct egress_pump *pump = flow->pump;
	flow->has_ended = true;
	if (status < 0 || (pump->flows[0].has_ended && pump->flows[1].has_ended)) {
		over(pump);
	}
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	(void)suggested;
	const struct egress_flow *flow = handle->data;
	*buf = uv_buf_init(flow->part, EGRESS_PART_MAX);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf);

static void on_write(uv_write_t *write, int status)
{
	struct egress_flow *flow = write->data;
	if (flow->pump->is_over) {
		return;
	}
	if (status < 0 || uv_read_start(flow->from, on_alloc, on_read) < 0) {
		over(flow->pump);
	}
}

static void send_part(struct egress_flow *flow, const char *data, size_t len)
{
	uv_buf_t part = { .base = (char *)(uintptr_t)data, .len = len };
	uv_read_stop(flow->from);
	flow->write.data = flow;
	if (uv_write(&flow->write, flow->to, &part, 1, on_write) < 0) {
		over(flow->pump);
	}
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct egress_flow *flow = stream->data;
	struct egress_pump *pump = flow->pump;
	if (len == UV_EOF) {
		uv_read_stop(stream);
		flow->shutdown.data = flow;
		if (uv_shutdown(&flow->shutdown, flow->to, on_shutdown) < 0) {
			over(pump);
		}
		return;
	}
	if (len < 0) {
		over(pump);
		return;
	}
	const char *data = buf->base;
	size_t data_len = (size_t)len;
	if (pump->pass && !pump->pass(pump, flow == &pump->flows[0], &data, &data_len)) {
		over(pump);
	} else if (data_len > 0) {
		send_part(flow, data, data_len);
	}
}

bool egress_pump_start(struct egress_pump *pump, uv_stream_t *client, uv_stream_t *server,
		const char *first, size_t first_len)
{
	uv_stream_t *const ends[2] = { client, server };
	for (int i = 0; i < 2; i++) {
		struct egress_flow *flow = &pump->flows[i];
		flow->pump = pump;
		flow->from = ends[i];
		flow->to = ends[1 - i];
		flow->part = malloc(EGRESS_PART_MAX);
		flow->from->data = flow;
		if (!flow->part) {
			return false;
		}
	}
	if (uv_read_start(server, on_alloc, on_read) < 0) {
		return false;
	}
	if (first_len == 0) {
		return uv_read_start(client, on_alloc, on_read) == 0;
	}
	send_part(&pump->flows[0], first, first_len);
	return true;
}

void egress_pump_finish(struct egress_pump *pump)
{
	free(pump->flows[0].part);
	free(pump->flows[1].part);
}

/* --- last words --- */

static void on_drop_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	(void)suggested;
	struct egress_farewell *farewell = handle->data;
	*buf = uv_buf_init(farewell->dropped, sizeof(farewell->dropped));
}

static void on_drop(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	(void)buf;
	struct egress_farewell *farewell = stream->data;
	if (len < 0) {
		uv_read_stop(stream);
		farewell->end(farewell);
	}
}

static void on_said(uv_write_t *write, int status)
{
	(void)write;
	(void)status; /* a client that hung up says so when it is read */
}

static void on_farewell_shutdown(uv_shutdown_t *shutdown, int status)
{
	(void)shutdown;
	(void)status;
}

void egress_farewell_start(
		struct egress_farewell *farewell, uv_stream_t *client, const char *text, size_t len)
{
	uv_buf_t part = { .base = (char *)(uintptr_t)text, .len = len };
	uv_read_stop(client);
	client->data = farewell;
	if ((len > 0 && uv_write(&farewell->write, client, &part, 1, on_said) < 0) ||
			uv_shutdown(&farewell->shutdown, client, on_farewell_shutdown) < 0 ||
			uv_read_start(client, on_drop_alloc, on_drop) < 0) {
		farewell->end(farewell);
	}
}
