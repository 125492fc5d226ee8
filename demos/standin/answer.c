#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire.h"

static void reply_begin(struct wire_reply *reply, int http_status, const char *content_type)
{
	reply->http_status = http_status;
	reply->content_type = content_type;
	cua_buffer_init(&reply->body, WIRE_BODY_MAX);
}

/* A body that cannot be made for want of memory stays empty; the status still tells. */
static void reply_json(struct wire_reply *reply, const cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);
	if (!text || cua_buffer_append(&reply->body, text, strlen(text), NULL) != CUA_OK) {
		reply->http_status = 500;
	}
	cJSON_free(text);
}

void wire_reply_error(const struct wire_error *error, struct wire_reply *ret_reply)
{
	reply_begin(ret_reply, error->http_status, "application/json");
	CUA_AUTO_JSON cJSON *root = cJSON_CreateObject();
	cJSON *inner = cJSON_AddObjectToObject(root, "error");
	cJSON_AddStringToObject(inner, "message", error->message);
	cJSON_AddStringToObject(inner, "type",
			error->http_status >= 500 ? "server_error" : "invalid_request_error");
	cJSON_AddItemToObject(inner, "param",
			error->param[0] ? cJSON_CreateString(error->param) : cJSON_CreateNull());
	cJSON_AddItemToObject(inner, "code",
			error->code ? cJSON_CreateString(error->code) : cJSON_CreateNull());
	reply_json(ret_reply, root);
}

static void reply_trouble(const struct cua_error *trouble, struct wire_reply *ret_reply)
{
	struct wire_error error;
	if (trouble->status == CUA_ERR_INVAL || trouble->status == CUA_ERR_TOO_LARGE) {
		wire_fail(&error, 400, "image_parse_error", "input",
				"The image data you provided does not represent a valid image: %s",
				trouble->msg);
	} else {
		wire_fail(&error, 500, "server_error", "", "%s", trouble->msg);
	}
	wire_reply_error(&error, ret_reply);
}

static void reply_items(struct play *play, const struct wire_request *request, const cJSON *items,
		struct wire_reply *ret_reply)
{
	if (!request->stream) {
		reply_begin(ret_reply, 200, "application/json");
		CUA_AUTO_JSON cJSON *response = wire_response(request, play, items, "completed");
		reply_json(ret_reply, response);
		return;
	}
	struct cua_error trouble;
	reply_begin(ret_reply, 200, "text/event-stream; charset=utf-8");
	if (wire_stream(request, play, items, &ret_reply->body, &trouble) != CUA_OK) {
		wire_reply_finish(ret_reply);
		reply_trouble(&trouble, ret_reply);
	}
}

void wire_answer(struct play *play, const char *authorization, const char *body, size_t body_len,
		struct wire_reply *ret_reply)
{
	struct wire_request request;
	struct wire_error error = { 0 };
	if (!wire_request_read(authorization, body, body_len, play, &request, &error)) {
		if (play->log) {
			fprintf(play->log, "refused with %d: %s\n", error.http_status,
					error.message);
		}
		wire_reply_error(&error, ret_reply);
	} else {
		struct cua_error trouble;
		const cJSON *items = NULL;
		if (play_answer(play, &request.input, &items, &trouble) == CUA_OK) {
			reply_items(play, &request, items, ret_reply);
		} else {
			reply_trouble(&trouble, ret_reply);
		}
	}
	wire_request_finish(&request);
}

void wire_reply_finish(struct wire_reply *reply)
{
	cua_buffer_finish(&reply->body);
}
