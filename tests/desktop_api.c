#include "tests/desktop_api.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "tests/waiting.h"

long desktop_http(struct desktop *desktop, const char *method, const char *path, const char *body,
		size_t body_len, const char *header, struct cua_http_response *ret_response)
{
	char url[512];
	struct cua_error error = { 0 };
	snprintf(url, sizeof(url), "http://desktop%s", path);
	if (!desktop->client &&
			cua_http_client_create(desktop->socket, -1, &desktop->client, &error) !=
					CUA_OK) {
		fail_msg("%s", error.msg);
	}
	const char *const headers[] = { "Content-Type: application/json", header, NULL };
	const struct cua_http_request request = { .method = method,
		.url = url,
		.headers = headers,
		.body = body,
		.body_len = body_len,
		.total_timeout_ms = 120000 };
	*ret_response = (struct cua_http_response){ 0 };
	if (cua_http_perform(desktop->client, &request, ret_response, &error) != CUA_OK) {
		fail_msg("%s %s: %s", method, path, error.msg);
	}
	return ret_response->http_status;
}

cJSON *desktop_post(struct desktop *desktop, const char *body, long *ret_http_status)
{
	struct cua_http_response response;
	const long status = desktop_http(
			desktop, "POST", "/v1/actions", body, strlen(body), NULL, &response);
	cJSON *answer = cJSON_Parse(response.body.data ? response.body.data : "");
	if (!answer) {
		fail_msg("status %ld and no JSON: %s", status,
				response.body.data ? response.body.data : "");
	}
	cua_http_response_finish(&response);
	if (ret_http_status) {
		*ret_http_status = status;
	} else if (status != 200) {
		fail_msg("%.300s: status %ld: %s", body, status,
				json_text(answer, "error.message"));
	}
	return answer;
}

static CUA_PRINTF(2, 0) cJSON *act(struct desktop *desktop, const char *fmt, va_list args)
{
	CUA_AUTO_FREE char *actions = NULL;
	CUA_AUTO_FREE char *body = NULL;
	assert_true(vasprintf(&actions, fmt, args) >= 0);
	assert_true(asprintf(&body, "{\"actions\":%s,\"screenshot\":false}", actions) >= 0);
	return desktop_post(desktop, body, NULL);
}

cJSON *desktop_act(struct desktop *desktop, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	cJSON *answer = act(desktop, fmt, args);
	va_end(args);
	return answer;
}

void desktop_do(struct desktop *desktop, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	cJSON_Delete(act(desktop, fmt, args));
	va_end(args);
}

cJSON *desktop_text_action(
		struct desktop *desktop, const char *action, const char *argument, const char *text)
{
	CUA_AUTO_JSON cJSON *body = cJSON_CreateObject();
	cJSON *item = cJSON_CreateObject();
	cJSON_AddItemToArray(cJSON_AddArrayToObject(body, "actions"), item);
	cJSON_AddStringToObject(item, "action", action);
	cJSON_AddStringToObject(item, argument, text);
	cJSON_AddFalseToObject(body, "screenshot");
	CUA_AUTO_FREE char *json = cJSON_PrintUnformatted(body);
	CUA_AUTO_JSON cJSON *answer = desktop_post(desktop, json, NULL);
	return cJSON_DetachItemFromArray(cJSON_GetObjectItem(answer, "results"), 0);
}

struct search {
	struct desktop *desktop;
	const char *text;
	cJSON *match;
};

static bool finds_element(void *data)
{
	struct search *search = data;
	CUA_AUTO_JSON cJSON *found =
			desktop_text_action(search->desktop, "find_text", "text", search->text);
	if (json_text(found, "matches.0.ref")[0]) {
		search->match = cJSON_DetachItemFromArray(cJSON_GetObjectItem(found, "matches"), 0);
	}
	return search->match != NULL;
}

cJSON *desktop_find_element(struct desktop *desktop, const char *text)
{
	struct search search = { desktop, text, NULL };
	wait_until(finds_element, &search, text);
	return search.match;
}

static bool no_window_is_left(void *data)
{
	CUA_AUTO_JSON cJSON *list = desktop_act(data, "[{\"action\":\"list_windows\"}]");
	return cJSON_GetArraySize(json_at(list, "results.0.windows")) == 0;
}

void desktop_end_windows(struct desktop *desktop, const char *action)
{
	CUA_AUTO_JSON cJSON *list = desktop_act(desktop, "[{\"action\":\"list_windows\"}]");
	const cJSON *window = NULL;
	cJSON_ArrayForEach (window, json_at(list, "results.0.windows")) {
		char body[128];
		long status = 0; /* 404 if it has just gone by itself, or with another */
		snprintf(body, sizeof(body), "{\"actions\":[{\"action\":\"%s\",\"window\":%.0f}]}",
				action, json_number(window, "id"));
		cJSON_Delete(desktop_post(desktop, body, &status));
	}
	wait_until(no_window_is_left, desktop, "all windows are gone");
}

int desktop_post_and_leave_open(const struct desktop *desktop, const char *path, const char *body)
{
	int fd = -1;
	char head[256];
	assert_int_equal(cua_unix_connect(desktop->socket, SOCK_STREAM, &fd, NULL), CUA_OK);
	const int len = snprintf(head, sizeof(head),
			"POST %s HTTP/1.1\r\nHost: desktop\r\n"
			"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
			path, strlen(body));
	assert_int_equal(write(fd, head, (size_t)len), len);
	assert_int_equal(write(fd, body, strlen(body)), strlen(body));
	return fd;
}
