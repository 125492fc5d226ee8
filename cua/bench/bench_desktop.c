/* Desktops for measuring, started and stopped by the code that people use. */

#include "cua/bench/bench.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/sandbox.h"
#include "cua/base/util.h"
#include "cua/desktops.h"

#define CALL_TIMEOUT_MS 120000L
#define LOOK_AGAIN_MS 20

enum cua_status bench_desktop_start(struct bench *bench, int width_px, int height_px,
		struct bench_desktop **ret_desktop, struct cua_error *err)
{
	enum cua_status status = bench_check(bench, err);
	struct bench_desktop *desktop = status == CUA_OK ? calloc(1, sizeof(*desktop)) : NULL;
	bool attached = false;
	if (status != CUA_OK) {
		return status;
	}
	if (!desktop || bench->desktop_count == BENCH_DESKTOPS_MAX) {
		free(desktop);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "desktop %d", bench->desktop_count);
	}
	struct cua_desktop_options options = { .settings = desktop_settings_default };
	options.settings.width_px = width_px;
	options.settings.height_px = height_px;
	desktop->bench = bench;
	status = cua_desktop_start(&options, &desktop->record, &attached, err);
	if (status != CUA_OK) {
		free(desktop);
		return status;
	}
	bench->desktops[bench->desktop_count++] = desktop;
	snprintf(desktop->inside_home, sizeof(desktop->inside_home), "%s", CUA_SANDBOX_HOME);
	desktop_path(&desktop->record, "api.sock", desktop->socket_path,
			sizeof(desktop->socket_path));
	status = cua_http_client_create(
			desktop->socket_path, bench->stop_fd, &desktop->client, err);
	if (status != CUA_OK) {
		bench_desktop_stop(desktop);
		return status;
	}
	*ret_desktop = desktop;
	return CUA_OK;
}

void bench_desktop_stop(struct bench_desktop *desktop)
{
	if (!desktop) {
		return;
	}
	struct bench *bench = desktop->bench;
	struct cua_error error = { 0 };
	cua_http_client_destroy(desktop->client);
	if (cua_desktop_stop_by_name(desktop->record.name, &error) != CUA_OK) {
		fprintf(stderr, "cua bench: stopping a desktop: %s\n", error.msg);
	}
	for (int i = 0; i < bench->desktop_count; i++) {
		if (bench->desktops[i] == desktop) {
			bench->desktops[i] = bench->desktops[--bench->desktop_count];
			break;
		}
	}
	free(desktop);
}

/* --- requests --- */

static enum cua_status answer_error(const struct cua_http_response *response, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *answer = cJSON_Parse(response->body.data ? response->body.data : "");
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(answer, "error");
	const char *code = bench_text(error, "code");
	return CUA_FAIL(err, code[0] ? cua_status_from_name(code) : CUA_ERR_CLOSED, 0,
			"status %ld: %.400s", response->http_status, bench_text(error, "message"));
}

enum cua_status bench_http(struct bench_desktop *desktop, const char *method, const char *path,
		const char *header, const char *body, struct cua_http_response *ret_response,
		struct cua_error *err)
{
	char url[512];
	snprintf(url, sizeof(url), "http://desktop%s", path);
	const char *const headers[] = { "Content-Type: application/json", header, NULL };
	const struct cua_http_request request = { .method = method,
		.url = url,
		.headers = headers,
		.body = body,
		.body_len = body ? strlen(body) : 0,
		.max_body_len = (size_t)256 << 20,
		.total_timeout_ms = CALL_TIMEOUT_MS };
	enum cua_status status = cua_http_perform(desktop->client, &request, ret_response, err);
	if (status == CUA_OK && ret_response->http_status / 100 != 2 &&
			ret_response->http_status != 304) {
		status = answer_error(ret_response, err);
	}
	return status;
}

enum cua_status bench_post(struct bench_desktop *desktop, const cJSON *body, cJSON **ret_answer,
		struct cua_error *err)
{
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(body);
	struct cua_http_response response = { 0 };
	if (!text) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "request");
	}
	enum cua_status status =
			bench_http(desktop, "POST", "/v1/actions", NULL, text, &response, err);
	desktop->answered_us = cua_now_us();
	cJSON *answer = status == CUA_OK ? cJSON_Parse(response.body.data) : NULL;
	cua_http_response_finish(&response);
	if (status == CUA_OK && !answer) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the desktop answered no JSON");
	}
	if (ret_answer) {
		*ret_answer = CUA_STEAL(answer);
	}
	cJSON_Delete(answer);
	return status;
}

/* "$HOME" in every string by the home inside. */
static void expand(cJSON *json, const char *home)
{
	static const char mark[] = "$HOME";
	cJSON *item = NULL;
	cJSON_ArrayForEach (item, json) {
		expand(item, home);
	}
	const char *at = cJSON_IsString(json) ? strstr(json->valuestring, mark) : NULL;
	char text[4096];
	if (at) {
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - json->valuestring),
				json->valuestring, home, at + strlen(mark));
		cJSON_SetValuestring(json, text);
	}
}

enum cua_status bench_act(
		struct bench_desktop *desktop, const cJSON *actions, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *body = cJSON_CreateObject();
	cJSON *copy = cJSON_Duplicate(actions, true);
	expand(copy, desktop->inside_home);
	cJSON_AddItemToObject(body, "actions", copy);
	cJSON_AddFalseToObject(body, "screenshot");
	return bench_post(desktop, body, NULL, err);
}

enum cua_status bench_actf(
		struct bench_desktop *desktop, struct cua_error *err, const char *fmt, ...)
{
	CUA_AUTO_FREE char *text = NULL;
	va_list args;
	va_start(args, fmt);
	const int len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0) {
		text = NULL;
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "actions");
	}
	CUA_AUTO_JSON cJSON *actions = cJSON_Parse(text);
	return actions ? bench_act(desktop, actions, err)
		       : CUA_FAIL(err, CUA_ERR_INVAL, 0, "no JSON: %.200s", text);
}

enum cua_status bench_put_file(struct bench_desktop *desktop, const char *leaf, const void *data,
		size_t len, struct cua_error *err)
{
	char path[CUA_PATH_MAX + 256];
	const uid_t uid = desktop->record.uid;
	snprintf(path, sizeof(path), "%s/%s", desktop->record.home, leaf);
	enum cua_status status = cua_file_write(path, data, len, 0644, err);
	if (status == CUA_OK && geteuid() == 0 && chown(path, uid, uid) != 0) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	return status;
}

static bool has_title(const cJSON *answer, const char *text)
{
	const cJSON *results = cJSON_GetObjectItemCaseSensitive(answer, "results");
	const cJSON *windows =
			cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(results, 0), "windows");
	const cJSON *window = NULL;
	cJSON_ArrayForEach (window, windows) {
		if (strstr(bench_text(window, "title"), text)) {
			return true;
		}
	}
	return false;
}

enum cua_status bench_wait_title(struct bench_desktop *desktop, const char *text, int timeout_ms,
		struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + (uint64_t)timeout_ms * 1000U;
	CUA_AUTO_JSON cJSON *body = cJSON_Parse("{\"actions\":[{\"action\":\"list_windows\"}],"
						"\"screenshot\":false,\"settle\":false}");
	for (;;) {
		CUA_AUTO_JSON cJSON *answer = NULL;
		enum cua_status status = bench_post(desktop, body, &answer, err);
		if (status != CUA_OK || has_title(answer, text)) {
			return status;
		}
		if (cua_now_us() >= deadline_us) {
			return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0,
					"no window was called \"%s\" in %d ms", text, timeout_ms);
		}
		status = bench_pause(desktop->bench, LOOK_AGAIN_MS, err);
		if (status != CUA_OK) {
			return status;
		}
	}
}
