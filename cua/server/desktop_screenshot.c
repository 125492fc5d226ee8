#include "cua/server/desktop_screenshot.h"

#include <stdio.h>
#include <string.h>

#include "cua/base/http_unix.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

#define TIMEOUT_MS 30000
#define EDGE_MAX 16384

static const struct field query_fields[] = {
	{ "region", FIELD_TEXT, 0, 7, 60, NULL, NULL, "x,y,width,height" },
	{ "pointer", FIELD_BOOL, .help = "draw the pointer; true without" },
	{ "max_edge", FIELD_WHOLE, 0, 0, EDGE_MAX, NULL, NULL, "scales down" },
	{ "width", FIELD_WHOLE, 0, 1, EDGE_MAX, NULL, NULL, "scales, up or down" },
	{ "height", FIELD_WHOLE, 0, 1, EDGE_MAX },
	{ "format", FIELD_TEXT, .choices = "png|jpeg|webp" },
	{ "level", FIELD_TEXT, .choices = "fast|small", .help = "of png" },
	{ "quality", FIELD_WHOLE, 0, 1, 100, NULL, NULL, "of jpeg and webp" },
	{ 0 },
};
const struct fields desktop_screenshot_query = { "ScreenshotQuery", query_fields };

/* The query as the desktop takes it, of values that need no escapes: region must have none. */
static enum cua_status make_target(
		const cJSON *query, char *target, size_t size, struct cua_error *err)
{
	const cJSON *value = NULL;
	size_t len = (size_t)snprintf(target, size, "/v1/screenshot");
	char mark = '?';
	cJSON_ArrayForEach (value, query) {
		const char *text = value->valuestring;
		const bool is_region = strcmp(value->string, "region") == 0;
		if (is_region && text[strspn(text, "0123456789,")]) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"?region must be x,y,width,height, in pixels");
		}
		if (text) {
			len += (size_t)snprintf(target + len, size - len, "%c%s=%s", mark,
					value->string, text);
		} else {
			const double number = cJSON_IsBool(value) ? cJSON_IsTrue(value)
								  : value->valuedouble;
			len += (size_t)snprintf(target + len, size - len, "%c%s=%.0f", mark,
					value->string, number);
		}
		mark = '&';
	}
	return CUA_OK;
}

static enum cua_status take_error(
		const struct cua_buffer *body, int http_status, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *json = cJSON_ParseWithLength(body->data ? body->data : "", body->len);
	const cJSON *error = cua_json_member(json, "error");
	const char *code = cua_json_string(error, "code");
	return code ? CUA_FAIL(err, cua_status_from_name(code), 0, "%.500s",
				      cua_json_text(error, "message"))
		    : CUA_FAIL(err, CUA_ERR_IO, 0, "the desktop answered with status %d",
				      http_status);
}

enum cua_status desktop_screenshot_take(
		struct request *request, const char *socket_path, struct cua_error *err)
{
	char target[400];
	int http_status = 0;
	const char *format = cua_json_text(request->query, "format");
	enum cua_status status = make_target(request->query, target, sizeof(target), err);
	if (status == CUA_OK) {
		/* The host's: what it is asked for again unchanged costs neither of us a
		 * picture. */
		snprintf(request->etag, sizeof(request->etag), "%s",
				cua_http_header(request->head, "if-none-match"));
		status = cua_http_unix_get(socket_path, target, TIMEOUT_MS, request->etag,
				&http_status, &request->file, err);
	}
	if (status == CUA_OK && http_status != 200 && http_status != 304) {
		status = take_error(&request->file, http_status, err);
	}
	request->file_type = strcmp(format, "jpeg") == 0 ? "image/jpeg"
			: strcmp(format, "webp") == 0    ? "image/webp"
							 : "image/png";
	return status;
}
