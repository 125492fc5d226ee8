/* WebSockets: the request for one, and what happens on it, passed on to whose it is. */

#include <string.h>

#include "cua/server/request_internal.h"

enum cua_status server_on_websocket(
		struct cua_http_stream *stream, void *user_data, struct cua_error *err)
{
	struct server *server = user_data;
	struct request request = { .server = server, .head = &stream->head };
	char allowed[64];
	enum cua_status status =
			request_check_gate(server, &stream->head, true, &stream->refused_with, err);
	if (status != CUA_OK) {
		return status;
	}
	request.route = request_find_route(&stream->head, &request, allowed, sizeof(allowed));
	if (!request.route || !request.route->websocket) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "%.100s is no WebSocket",
				stream->head.path);
	}
	status = fields_take_query(request.route->query, &stream->head, &request.query, err);
	if (status == CUA_OK) {
		status = request_admit_websocket(&request, stream, err);
	}
	if (status == CUA_OK) {
		status = request.route->websocket(&request, stream, err);
	}
	if (status == CUA_OK) {
		streams_add(&server->streams, stream, &request.caller);
		cua_http_stream_trust(stream);
	}
	cJSON_Delete(request.query);
	return status;
}

void server_on_stream_data(struct cua_http_stream *stream, const char *data, size_t len,
		bool is_text, bool is_last, void *user_data)
{
	const struct stream_face *face = stream->user_data;
	(void)user_data;
	if (face->on_data) {
		face->on_data(stream, data, len, is_text, is_last);
	}
}

void server_on_stream_drained(struct cua_http_stream *stream, void *user_data)
{
	const struct stream_face *face = stream->user_data;
	(void)user_data;
	face->on_drained(stream);
}

void server_on_stream_closed(struct cua_http_stream *stream, void *user_data)
{
	struct stream_face *face = stream->user_data;
	(void)user_data;
	streams_remove(face);
	face->on_closed(stream);
}
