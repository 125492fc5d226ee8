#include "cua/desktop_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/desktops.h"

/* Beyond any action: a wait or a held key of a minute, an application that starts slowly. */
#define CALL_TIMEOUT_MS 300000L

static enum cua_status answer_error(const cJSON *answer, long http_status, struct cua_error *err)
{
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(answer, "error");
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(error, "code");
	const cJSON *message = cJSON_GetObjectItemCaseSensitive(error, "message");
	if (!cJSON_IsString(code) || !cJSON_IsString(message)) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the desktop answered with status %ld",
				http_status);
	}
	return CUA_FAIL(err, cua_status_from_name(code->valuestring), 0, "%.500s",
			message->valuestring);
}

static enum cua_status perform(const char *socket_path, const struct cua_http_request *request,
		struct cua_http_response *response, struct cua_error *err)
{
	struct cua_http_client *client = NULL;
	enum cua_status status = cua_http_client_create(socket_path, -1, &client, err);
	if (status == CUA_OK) {
		status = cua_http_perform(client, request, response, err);
	}
	cua_http_client_destroy(client);
	return status;
}

enum cua_status cua_desktop_call(const char *name, const char *method, const char *path,
		const cJSON *body, cJSON **ret_answer, struct cua_error *err)
{
	struct desktop_record record;
	enum cua_status status = cua_desktop_find(name, &record, err);
	if (status != CUA_OK) {
		return status;
	}
	char socket_path[CUA_PATH_MAX + 16], url[256];
	desktop_path(&record, "api.sock", socket_path, sizeof(socket_path));
	snprintf(url, sizeof(url), "http://desktop%s", path);
	CUA_AUTO_FREE char *text = body ? cJSON_PrintUnformatted(body) : NULL;
	static const char *const headers[] = { "Content-Type: application/json", NULL };
	const struct cua_http_request request = { .method = method,
		.url = url,
		.headers = headers,
		.body = text,
		.body_len = text ? strlen(text) : 0,
		.total_timeout_ms = CALL_TIMEOUT_MS };
	struct cua_http_response response = { 0 };
	status = perform(socket_path, &request, &response, err);
	if (status == CUA_ERR_CLOSED) {
		cua_http_response_finish(&response);
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0,
				"the host of desktop %s is gone; cua desktop start --name %s "
				"starts it "
				"again",
				record.name, record.name);
	}
	CUA_AUTO_JSON cJSON *answer = status == CUA_OK && response.body.data
			? cJSON_Parse(response.body.data)
			: NULL;
	if (status == CUA_OK && (response.http_status / 100 != 2 || !answer)) {
		status = answer_error(answer, response.http_status, err);
	}
	cua_http_response_finish(&response);
	if (ret_answer) {
		*ret_answer = CUA_STEAL(answer);
	}
	return status;
}
