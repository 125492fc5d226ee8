#include "cua/server/event_stream.h"

#include <string.h>

#include "cua/base/util.h"

#define MESSAGE_MAX_LEN (((size_t)64 << 20) + 128)
#define SILENT_MAX_US 30000000

void event_stream_send(struct event_stream *events, uint64_t id, const char *text)
{
	struct cua_buffer message;
	struct cua_error error = { 0 };
	enum cua_status status = CUA_OK;
	cua_buffer_init(&message, MESSAGE_MAX_LEN);
	if (events->is_websocket) {
		status = cua_buffer_append(&message, text, strlen(text), &error);
	} else if (id > 0) {
		status = cua_buffer_printf(&message, &error, "id: %llu\ndata: %s\n\n",
				(unsigned long long)id, text);
	} else {
		status = cua_buffer_printf(&message, &error, "data: %s\n\n", text);
	}
	if (status == CUA_OK) {
		status = cua_http_stream_send(
				events->http, true, message.data, message.len, &error);
	}
	cua_buffer_finish(&message);
	events->is_drained = false;
	events->sent_us = cua_now_us();
	if (status != CUA_OK) {
		cua_http_stream_close(events->http);
	}
}

bool event_stream_is_given_up(struct event_stream *events)
{
	const bool is_given_up =
			!events->is_drained && cua_now_us() - events->sent_us > SILENT_MAX_US;
	if (is_given_up) {
		cua_http_stream_close(events->http);
	}
	return is_given_up;
}
