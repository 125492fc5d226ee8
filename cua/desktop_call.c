#include "cua/desktop_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/http_unix.h"
#include "cua/base/process.h"
#include "cua/base/util.h"
#include "cua/desktops.h"

/* Beyond any action: a wait or a held key of a minute, an application that starts slowly. */
#define CALL_TIMEOUT_MS 300000
#define ANSWER_MAX_LEN ((size_t)256 << 20)

static enum cua_status answer_error(const cJSON *answer, int http_status, struct cua_error *err)
{
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(answer, "error");
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(error, "code");
	const cJSON *message = cJSON_GetObjectItemCaseSensitive(error, "message");
	if (!cJSON_IsString(code) || !cJSON_IsString(message)) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the desktop answered with status %d",
				http_status);
	}
	return CUA_FAIL(err, cua_status_from_name(code->valuestring), 0, "%.500s",
			message->valuestring);
}

enum cua_status cua_desktop_call(const char *name, const char *method, const char *path,
		const cJSON *body, cJSON **ret_answer, struct cua_error *err)
{
	struct desktop_record record;
	cua_short_slice();
	enum cua_status status = cua_desktop_find(name, &record, err);
	if (status != CUA_OK) {
		return status;
	}
	char socket_path[CUA_PATH_MAX + 16];
	desktop_path(&record, "api.sock", socket_path, sizeof(socket_path));
	CUA_AUTO_FREE char *text = body ? cJSON_PrintUnformatted(body) : NULL;
	CUA_AUTO_BUFFER struct cua_buffer response;
	cua_buffer_init(&response, ANSWER_MAX_LEN);
	int http_status = 0;
	status = cua_http_unix_call(socket_path, method, path, text, CALL_TIMEOUT_MS, &http_status,
			&response, err);
	if (status == CUA_ERR_CLOSED) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0,
				"the host of desktop %s is gone; cua desktop start --name %s "
				"starts it "
				"again",
				record.name, record.name);
	}
	CUA_AUTO_JSON cJSON *answer =
			status == CUA_OK && response.data ? cJSON_Parse(response.data) : NULL;
	if (status == CUA_OK && (http_status / 100 != 2 || !answer)) {
		status = answer_error(answer, http_status, err);
	}
	if (ret_answer) {
		*ret_answer = CUA_STEAL(answer);
	}
	return status;
}
