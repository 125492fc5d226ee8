#include "agent/desktop_client_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "agent/model/json_span.h"
#include "agent/view.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/contract/text.h"

#define ACTIONS_URL "http://desktop/v1/actions"
#define LEASE_WAIT_MS 30000

enum cua_status agent_desktop_create(const char *socket_path, int cancel_fd,
		struct agent_desktop **ret_desktop, struct cua_error *err)
{
	struct agent_desktop *desktop = calloc(1, sizeof(*desktop));
	if (!desktop) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "desktop");
	}
	enum cua_status status =
			cua_http_client_create(socket_path, cancel_fd, &desktop->http, err);
	if (status != CUA_OK) {
		free(desktop);
		return status;
	}
	desktop->deadline_us = UINT64_MAX;
	*ret_desktop = desktop;
	return CUA_OK;
}

void agent_desktop_set_deadline(struct agent_desktop *desktop, uint64_t deadline_us)
{
	desktop->deadline_us = deadline_us;
}

void agent_desktop_use_secrets(struct agent_desktop *desktop, const struct agent_secrets *secrets)
{
	desktop->secrets = secrets;
}

void agent_desktop_destroy(struct agent_desktop *desktop)
{
	if (!desktop) {
		return;
	}
	cua_http_client_destroy(desktop->http);
	agent_image_finish(&desktop->screen);
	cJSON_Delete(desktop->focused);
	free(desktop);
}

enum cua_status agent_desktop_fit(struct agent_desktop *desktop,
		const struct agent_image_limits *limits, struct cua_error *err)
{
	struct cua_http_request request = { .method = "GET",
		.url = "http://desktop/v1/desktop",
		.deadline_us = &desktop->deadline_us,
		.total_timeout_ms = DESKTOP_CLIENT_ANSWER_MS };
	struct cua_http_response response = { 0 };
	enum cua_status status = cua_http_perform(desktop->http, &request, &response, err);
	CUA_AUTO_JSON cJSON *answer = status == CUA_OK && response.body.len > 0
			? cJSON_Parse(response.body.data)
			: NULL;
	cua_http_response_finish(&response);
	const cJSON *width = cua_json_member(answer, "width");
	const cJSON *height = cua_json_member(answer, "height");
	if (status == CUA_OK &&
			(!cJSON_IsNumber(width) || !cJSON_IsNumber(height) || width->valueint < 1 ||
					height->valueint < 1)) {
		status = CUA_FAIL(
				err, CUA_ERR_CLOSED, 0, "the desktop does not say how large it is");
	}
	if (status == CUA_OK) {
		snprintf(desktop->network, sizeof(desktop->network), "%s",
				cua_json_text(answer, "network"));
		snprintf(desktop->workspace, sizeof(desktop->workspace), "%s",
				cua_json_text(answer, "workspace"));
	}
	const struct cua_point screen = { cua_json_int(answer, "width"),
		cua_json_int(answer, "height") };
	desktop->size = screen;
	if (status == CUA_OK && limits) {
		const struct cua_point view = agent_view_size(limits, screen);
		desktop->hides_pointer = limits->without_pointer;
		const bool is_whole = view.x == screen.x && view.y == screen.y;
		desktop->view = is_whole ? (struct cua_point){ 0 } : view;
	}
	return status;
}

const struct agent_image *agent_desktop_screen(const struct agent_desktop *desktop)
{
	return desktop->screen.base64 ? &desktop->screen : NULL;
}

void agent_outcome_finish(struct agent_outcome *outcome)
{
	cJSON_Delete(outcome->answer);
	agent_image_finish(&outcome->picture);
	*outcome = (struct agent_outcome){ 0 };
}

const char *agent_desktop_network(const struct agent_desktop *desktop)
{
	return desktop->network[0] ? desktop->network : NULL;
}

const char *agent_desktop_workspace(const struct agent_desktop *desktop)
{
	return desktop->workspace[0] ? desktop->workspace : NULL;
}

struct cua_point agent_desktop_size(const struct agent_desktop *desktop)
{
	return desktop->size;
}

const char *agent_desktop_window(const struct agent_desktop *desktop, const char *member)
{
	return cJSON_IsNull(desktop->focused) ? "" : cua_json_string(desktop->focused, member);
}

/* --- requests and answers --- */

static void read_error(const cJSON *answer, long http_status, struct agent_outcome *outcome)
{
	const cJSON *error = cua_json_member(answer, "error");
	const char *code = cua_json_string(error, "code");
	const char *message = cua_json_string(error, "message");
	const cJSON *action = cua_json_member(error, "action");
	outcome->status = http_status == 423 ? CUA_ERR_PERSON : cua_status_from_name(code);
	if (outcome->status == CUA_OK) {
		outcome->status = CUA_ERR_CLOSED;
	}
	outcome->failed_action = cJSON_IsNumber(action) ? action->valueint : -1;
	if (message) {
		snprintf(outcome->message, sizeof(outcome->message), "%s", message);
	} else {
		snprintf(outcome->message, sizeof(outcome->message), "the desktop answered %ld",
				http_status);
	}
}

/* Texts of windows, pages and documents. */
static size_t strip(const cJSON *answer)
{
	static const char *const names[] = { "results", "focused", "new_windows", "person_note",
		"error", "content" };
	size_t count = 0;
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		count += cua_text_strip_json(cua_json_member(answer, names[i]));
	}
	return count;
}

static void keep_focused(struct agent_desktop *desktop, const cJSON *answer)
{
	cJSON_Delete(desktop->focused);
	desktop->focused = cJSON_Duplicate(cua_json_member(answer, "focused"), true);
}

enum cua_status desktop_client_post(struct agent_desktop *desktop, const char *url, long time_ms,
		const char *body, struct agent_outcome *outcome, struct cua_error *err)
{
	static const char *const headers[] = { "Content-Type: application/json", NULL };
	if (!body) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "actions");
	}
	struct cua_http_request request = {
		.method = "POST",
		.url = url,
		.headers = headers,
		.body = body,
		.body_len = strlen(body),
		.deadline_us = &desktop->deadline_us,
		.total_timeout_ms = time_ms,
		.max_body_len = DESKTOP_CLIENT_ANSWER_MAX,
	};
	struct cua_http_response response = { 0 };
	enum cua_status status = cua_http_perform(desktop->http, &request, &response, err);
	outcome->ms = response.total_ms;
	outcome->is_uncertain = status != CUA_OK;
	if (status == CUA_OK) {
		status = agent_json_parse(response.body.data ? response.body.data : "",
				response.body.len, "the desktop's answer", &outcome->answer, err);
		outcome->is_uncertain = status != CUA_OK;
		status = status == CUA_OK ? CUA_OK : CUA_ERR_CLOSED; /* not a model's fault */
	}
	outcome->invisible = strip(outcome->answer);
	if (status == CUA_OK && response.http_status != 200) {
		read_error(outcome->answer, response.http_status, outcome);
	}
	cua_http_response_finish(&response);
	if (err && status != CUA_OK) {
		err->status = status;
	}
	return status;
}

enum cua_status desktop_client_look_again(
		struct agent_desktop *desktop, struct agent_outcome *before, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *look = cJSON_Parse("[{\"action\": \"screenshot\"}]");
	struct agent_outcome outcome = { .failed_action = -1 };
	CUA_AUTO_FREE char *body = desktop_client_body(desktop, look);
	enum cua_status status = desktop_client_post(
			desktop, ACTIONS_URL, DESKTOP_CLIENT_ANSWER_MS, body, &outcome, err);
	if (status == CUA_OK && outcome.status == CUA_ERR_PERSON) {
		/* Nothing is to be seen before the person gives back. */
		before->status = CUA_ERR_PERSON;
		snprintf(before->message, sizeof(before->message), "%s", outcome.message);
	} else if (status == CUA_OK && outcome.status != CUA_OK) {
		status = CUA_FAIL(err, outcome.status, 0, "%s", outcome.message);
	} else if (status == CUA_OK) {
		status = desktop_client_take_screenshot(desktop, outcome.answer, err);
		keep_focused(desktop, outcome.answer);
	}
	/* The desktop tells it once. */
	const char *note = cua_json_string(outcome.answer, "person_note");
	if (note && cJSON_AddStringToObject(before->answer, "person_note", note)) {
		before->person_note = cua_json_string(before->answer, "person_note");
	}
	agent_outcome_finish(&outcome);
	return status;
}

static long timeout_ms(const cJSON *actions)
{
	double total_ms = DESKTOP_CLIENT_ANSWER_MS;
	const cJSON *action = NULL;
	cJSON_ArrayForEach (action, actions) {
		const cJSON *duration = cua_json_member(action, "duration_ms");
		total_ms += cJSON_IsNumber(duration) ? duration->valuedouble : 0;
	}
	return (long)total_ms;
}

enum cua_status agent_desktop_act(struct agent_desktop *desktop, const cJSON *actions,
		struct agent_outcome *ret_outcome, struct cua_error *err)
{
	*ret_outcome = (struct agent_outcome){ .failed_action = -1 };
	CUA_AUTO_FREE char *body = desktop_client_body(desktop, actions);
	char *with_secrets = NULL;
	enum cua_status status =
			desktop_client_add_secrets(desktop, body, actions, &with_secrets, err);
	if (status != CUA_OK) {
		return status;
	}
	status = desktop_client_post(desktop, ACTIONS_URL, timeout_ms(actions),
			with_secrets ? with_secrets : body, ret_outcome, err);
	sodium_free(with_secrets);
	keep_focused(desktop, ret_outcome->answer);
	if (status != CUA_OK) {
		return status;
	}
	status = desktop_client_take_picture(ret_outcome, err);
	if (status != CUA_OK) {
		return status;
	}
	desktop_client_drop_images(ret_outcome->answer);
	ret_outcome->person_note = cua_json_string(ret_outcome->answer, "person_note");
	if (cJSON_IsObject(cua_json_member(ret_outcome->answer, "screenshot"))) {
		return desktop_client_take_screenshot(desktop, ret_outcome->answer, err);
	}
	if (ret_outcome->status == CUA_OK) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the desktop sent no screenshot");
	}
	if (ret_outcome->status == CUA_ERR_PERSON) {
		return CUA_OK; /* nothing is to be seen before the person gives back */
	}
	return desktop_client_look_again(desktop, ret_outcome, err);
}

void agent_desktop_glance(struct agent_desktop *desktop)
{
	static const char body[] = "{\"actions\":[{\"action\":\"cursor_position\"}],"
				   "\"screenshot\":false,\"settle\":false}";
	struct agent_outcome outcome = { .failed_action = -1 };
	(void)!desktop_client_post(
			desktop, ACTIONS_URL, DESKTOP_CLIENT_ANSWER_MS, body, &outcome, NULL);
	keep_focused(desktop, outcome.answer);
	agent_outcome_finish(&outcome);
}

char *agent_desktop_url(struct agent_desktop *desktop)
{
	/* Every URL has a colon. */
	static const char body[] = "{\"actions\":[{\"action\":\"wait_for\",\"until\":\"url\","
				   "\"text\":\":\",\"timeout_ms\":1000}],\"screenshot\":false,"
				   "\"settle\":false}";
	struct agent_outcome outcome = { .failed_action = -1 };
	char *url = NULL;
	if (desktop_client_post(desktop, ACTIONS_URL, DESKTOP_CLIENT_ANSWER_MS, body, &outcome,
			    NULL) == CUA_OK &&
			outcome.status == CUA_OK) {
		const cJSON *results = cua_json_member(outcome.answer, "results");
		const char *text = cua_json_string(cJSON_GetArrayItem(results, 0), "url");
		url = text ? strdup(text) : NULL;
	}
	agent_outcome_finish(&outcome);
	return url;
}

static void read_lease(const cJSON *answer, struct agent_lease *lease)
{
	const cJSON *last = cua_json_member(answer, "last");
	*lease = (struct agent_lease){ .is_private = cJSON_IsTrue(cua_json_member(last, "private")),
		.ms = cua_json_number(last, "ms") };
	snprintf(lease->person, sizeof(lease->person), "%s", cua_json_text(last, "person"));
	cua_text_strip(lease->person);
}

/* ret_is_agent: who has the input. CUA_ERR_CLOSED if it does not say. */
static enum cua_status ask_lease(struct agent_desktop *desktop, int wait_ms,
		struct agent_lease *ret_lease, bool *ret_is_agent, struct cua_error *err)
{
	char url[64];
	snprintf(url, sizeof(url), "http://desktop/v1/lease?wait_ms=%d", wait_ms);
	struct cua_http_request request = { .method = "GET",
		.url = url,
		.deadline_us = &desktop->deadline_us,
		.total_timeout_ms = LEASE_WAIT_MS + DESKTOP_CLIENT_ANSWER_MS };
	struct cua_http_response response = { 0 };
	enum cua_status status = cua_http_perform(desktop->http, &request, &response, err);
	CUA_AUTO_JSON cJSON *answer = status == CUA_OK && response.body.len > 0
			? cJSON_Parse(response.body.data)
			: NULL;
	const char *holder = cua_json_string(answer, "holder");
	if (status == CUA_OK && (response.http_status != 200 || !holder)) {
		status = CUA_FAIL(err, CUA_ERR_CLOSED, 0,
				"the desktop does not say who has the input");
	}
	cua_http_response_finish(&response);
	if (status == CUA_OK) {
		*ret_is_agent = strcmp(holder, "agent") == 0;
		read_lease(answer, ret_lease);
	}
	return status;
}

bool agent_desktop_is_persons(struct agent_desktop *desktop, struct agent_lease *ret_lease)
{
	bool is_agent = false;
	*ret_lease = (struct agent_lease){ .ms = 0 };
	return ask_lease(desktop, 0, ret_lease, &is_agent, NULL) == CUA_OK && !is_agent;
}

enum cua_status agent_desktop_await_lease(
		struct agent_desktop *desktop, struct agent_lease *ret_lease, struct cua_error *err)
{
	bool is_agent = false;
	enum cua_status status = CUA_OK;
	while (status == CUA_OK && !is_agent) {
		status = ask_lease(desktop, LEASE_WAIT_MS, ret_lease, &is_agent, err);
	}
	return status;
}
