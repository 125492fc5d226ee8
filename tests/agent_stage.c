#include "tests/agent_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"

const char *const agent_stage_pictures[2] = {
	"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5"
	"ErkJggg==",
	"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5"
	"ErkJggg==",
};

const char agent_stage_zoomed[] = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNgYPj/"
				  "HwADAQIAeNQqXwAAAABJ"
				  "RU5ErkJggg==";

static void press_ctrl_c(struct agent_stage *stage)
{
	uint64_t one = 1;
	assert_int_equal(write(stage->cancel_fd, &one, sizeof(one)), sizeof(one));
}

/* --- the desktop --- */

static void append_json(struct cua_buffer *body, const cJSON *json)
{
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	assert_int_equal(cua_buffer_append(body, text, strlen(text), NULL), CUA_OK);
}

static void add_results(cJSON *answer, const cJSON *actions, bool fails)
{
	cJSON *results = cJSON_AddArrayToObject(answer, "results");
	const cJSON *action = NULL;
	cJSON_ArrayForEach (action, actions) {
		cJSON *result = cJSON_CreateObject();
		cJSON_AddItemToArray(results, result);
		cJSON_AddStringToObject(result, "action",
				cJSON_GetObjectItem(action, "action")->valuestring);
		cJSON_AddStringToObject(result, "status", fails ? "failed" : "delivered");
		if (cJSON_GetObjectItem(action, "region")) { /* a picture of its own */
			cJSON *image = cJSON_AddObjectToObject(result, "image");
			cJSON_AddNumberToObject(image, "width", 1280);
			cJSON_AddNumberToObject(image, "height", 640);
			cJSON_AddStringToObject(image, "data", agent_stage_zoomed);
		}
		if (fails) {
			return;
		}
	}
}

static void add_screenshot(
		struct agent_stage *stage, cJSON *answer, const cJSON *request, int number)
{
	char etag[16];
	const cJSON *wanted = cJSON_GetObjectItem(request, "screenshot");
	const cJSON *known = cJSON_GetObjectItem(wanted, "if_none_match");
	int picture = stage->is_still ? 0 : number % 2;
	cJSON *screenshot = cJSON_AddObjectToObject(answer, "screenshot");
	snprintf(etag, sizeof(etag), "\"%d\"", picture);
	cJSON_AddStringToObject(screenshot, "etag", etag);
	if (known && strcmp(known->valuestring, etag) == 0) {
		cJSON_AddTrueToObject(screenshot, "unchanged");
		return;
	}
	cJSON_AddNumberToObject(screenshot, "width", 1280);
	cJSON_AddNumberToObject(screenshot, "height", 800);
	cJSON_AddStringToObject(screenshot, "data", agent_stage_pictures[picture]);
}

static void act(struct agent_stage *stage, const struct fake_request *request,
		struct fake_reply *reply)
{
	int number = cJSON_GetArraySize(stage->acted);
	cJSON *body = cJSON_Parse(request->body);
	cJSON_AddItemToArray(stage->acted, body);
	if (number == stage->hang_up_post) {
		reply->hangs_up = true;
		return;
	}
	if (number == stage->cancel_post) {
		press_ctrl_c(stage);
		reply->stays_silent = true;
		return;
	}
	if (number == stage->silent_post) {
		reply->stays_silent = true;
		return;
	}
	bool fails = number == stage->fail_post;
	CUA_AUTO_JSON cJSON *answer = cJSON_CreateObject();
	add_results(answer, cJSON_GetObjectItem(body, "actions"), fails);
	cJSON *settle = cJSON_AddObjectToObject(answer, "settle");
	cJSON_AddStringToObject(settle, "reason", "quiet");
	cJSON_AddNumberToObject(settle, "ms", 71.3);
	if (fails) {
		cJSON *error = cJSON_AddObjectToObject(answer, "error");
		cJSON_AddStringToObject(error, "code", stage->fail_code);
		cJSON_AddNumberToObject(error, "action", 0);
		cJSON_AddStringToObject(error, "message", "it did not work");
		reply->http_status = stage->fail_http;
	} else {
		add_screenshot(stage, answer, body, number);
	}
	stage->is_taken = stage->is_taken || (fails && stage->fail_http == 423);
	if (stage->was_taken) {
		stage->was_taken = false;
		cJSON_AddStringToObject(answer, "person_note", "a person typed for 12 s");
	}
	if (stage->focused) {
		cJSON_AddItemToObject(answer, "focused", cJSON_Parse(stage->focused));
	}
	append_json(&reply->body, answer);
}

static void run_tool(struct agent_stage *stage, const struct fake_request *request,
		struct fake_reply *reply)
{
	const size_t number = (size_t)cJSON_GetArraySize(stage->tool_bodies);
	const char *answer = number < CUA_ARRAY_LEN(stage->tool_answers)
			? stage->tool_answers[number]
			: NULL;
	cJSON_AddItemToArray(stage->tool_bodies, cJSON_Parse(request->body));
	reply->stays_silent = !answer;
	assert_int_equal(cua_buffer_printf(&reply->body, NULL, "%s", answer ? answer : ""), CUA_OK);
}

/* As a desktop answers who is to be told when it changes hands. */
static void lease(struct agent_stage *stage, const struct fake_request *request,
		struct fake_reply *reply)
{
	if (stage->is_taken && !strstr(request->path, "wait_ms=0")) {
		stage->lease_waits++;
		(void)poll(NULL, 0, stage->lease_ms);
		stage->is_taken = false;
		stage->was_taken = true;
	}
	assert_int_equal(cua_buffer_printf(&reply->body, NULL, "{\"holder\":\"%s\"}",
					 stage->is_taken ? "person" : "agent"),
			CUA_OK);
}

static void desktop(const struct fake_request *request, struct fake_reply *reply, void *user_data)
{
	struct agent_stage *stage = user_data;
	if (strcmp(request->path, "/v1/actions") == 0) {
		act(stage, request, reply);
	} else if (strncmp(request->path, "/v1/tools", 9) == 0) {
		run_tool(stage, request, reply);
	} else if (strncmp(request->path, "/v1/lease", 9) == 0) {
		lease(stage, request, reply);
	} else if (strcmp(request->path, "/v1/desktop") == 0) {
		assert_int_equal(cua_buffer_printf(&reply->body, NULL,
						 "{\"width\":1280,\"height\":800,"
						 "\"network\":\"%s\",\"workspace\":\"/w\"}",
						 stage->network),
				CUA_OK);
	} else {
		reply->http_status = 404;
	}
}

/* --- the model --- */

static const char *path_of(const char *api)
{
	static const char *const paths[][2] = { { "responses", "/v1/responses" },
		{ "anthropic", "/v1/messages" }, { "chat", "/v1/chat/completions" },
		{ "gemini", "/v1/models/some-model:streamGenerateContent?alt=sse" } };
	size_t at = 0;
	while (strcmp(paths[at][0], api) != 0) {
		at++;
	}
	return paths[at][1];
}

static void model(const struct fake_request *request, struct fake_reply *reply, void *user_data)
{
	struct agent_stage *stage = user_data;
	int number = cJSON_GetArraySize(stage->asked);
	const char *header = strcasestr(request->head, "authorization: ");
	if (header) {
		snprintf(stage->authorization, sizeof(stage->authorization), "%.*s",
				(int)strcspn(header + 15, "\r"), header + 15);
	}
	assert_string_equal(request->path, path_of(stage->options.api));
	stage->is_taken = stage->is_taken || number == stage->take_ask;
	if (number == stage->cancel_ask) {
		press_ctrl_c(stage);
	}
	cJSON_AddItemToArray(stage->asked, cJSON_Parse(request->body));
	int last = 0;
	while (last + 1 < (int)CUA_ARRAY_LEN(stage->replies) && stage->replies[last + 1]) {
		last++;
	}
	int at = number < last ? number : last;
	if (stage->cut_until) {
		at = strstr(request->body, stage->cut_until) != NULL;
		reply->cut = at == 0 ? (size_t)number + 1 : 0;
	}
	reply->content_type = "text/event-stream";
	if (stage->faults[at].http_status) {
		reply->http_status = stage->faults[at].http_status;
		strcpy(reply->headers, stage->faults[at].headers);
		reply->content_type = "application/json";
	}
	reply->cut = reply->cut ? reply->cut : stage->cuts[at];
	assert_int_equal(cua_buffer_printf(&reply->body, NULL, "%s", stage->replies[at]), CUA_OK);
}

/* --- the stage --- */

static enum cua_agent_consent approve(const struct cua_agent_question *question, void *user_data)
{
	struct agent_stage *stage = user_data;
	assert_true(!question->checks || cJSON_GetArraySize(question->checks) > 0);
	assert_true(question->expires_us > cua_now_us());
	stage->questions++;
	snprintf(stage->asked_words, sizeof(stage->asked_words), "%s", question->words);
	snprintf(stage->asked_reason, sizeof(stage->asked_reason), "%s", question->reason);
	snprintf(stage->asked_note, sizeof(stage->asked_note), "%s", question->note);
	snprintf(stage->asked_picture, sizeof(stage->asked_picture), "%s",
			question->picture ? question->picture : "");
	return stage->says_nothing        ? CUA_AGENT_CONSENT_NONE
			: stage->says_yes ? CUA_AGENT_CONSENT_YES
					  : CUA_AGENT_CONSENT_NO;
}

int agent_stage_set_up(void **state)
{
	struct agent_stage *stage = calloc(1, sizeof(*stage));
	strcpy(stage->dir, "/tmp/cua-test-run-XXXXXX");
	assert_non_null(mkdtemp(stage->dir));
	assert_int_equal(setenv("CUA_STATE_DIR", stage->dir, true), 0);
	snprintf(stage->socket, sizeof(stage->socket), "%s/api.sock", stage->dir);
	stage->cancel_fd = eventfd(0, EFD_CLOEXEC);
	stage->network = "none";
	stage->asked = cJSON_CreateArray();
	stage->acted = cJSON_CreateArray();
	stage->tool_bodies = cJSON_CreateArray();
	stage->silent_post = -1;
	stage->fail_post = stage->hang_up_post = stage->cancel_post = stage->cancel_ask =
			stage->take_ask = -1;
	stage->model = fake_server_start(NULL, model, stage);
	stage->desktop = fake_server_start(stage->socket, desktop, stage);
	snprintf(stage->url, sizeof(stage->url), "http://127.0.0.1:%d/v1",
			fake_server_port(stage->model));
	stage->options = (struct cua_agent_options){
		.task = "Write hello.",
		.api = "responses",
		.model = "some-model",
		.base_url = stage->url,
		.api_key = KEY,
		.desktop_socket = stage->socket,
		.desktop_name = "desktop-1",
		.runs_dir = stage->dir,
		.limits = { .steps = 10, .time_s = 60 },
		.cancel_fd = stage->cancel_fd,
		.approve = approve,
		.user_data = stage,
	};
	*state = stage;
	return 0;
}

void agent_stage_play(struct agent_stage *stage)
{
	cua_agent_run(&stage->options, &stage->result);
	fake_server_stop(stage->model);
	fake_server_stop(stage->desktop);
	stage->model = stage->desktop = NULL;
}

char *agent_stage_read(const struct agent_stage *stage, const char *name)
{
	char path[300];
	struct cua_buffer text;
	cua_buffer_init(&text, 16 << 20);
	snprintf(path, sizeof(path), "%s/%s", stage->result.run_dir, name);
	assert_int_equal(cua_file_read(path, &text, NULL), CUA_OK);
	return text.data;
}

/* Whatever a run came to: a journal of whole lines, a report, and no key in either. */
static void check_record(const struct agent_stage *stage)
{
	CUA_AUTO_FREE char *events = agent_stage_read(stage, "events.jsonl");
	CUA_AUTO_FREE char *report = agent_stage_read(stage, "report.html");
	int seq = 0;
	assert_true(stage->result.has_report);
	assert_null(strstr(events, KEY));
	assert_null(strstr(report, KEY));
	for (char *line = strtok(events, "\n"); line; line = strtok(NULL, "\n")) {
		CUA_AUTO_JSON cJSON *event = cJSON_Parse(line);
		assert_int_equal(cJSON_GetObjectItem(event, "seq")->valueint, ++seq);
	}
	char outcome[32];
	snprintf(outcome, sizeof(outcome), ">Outcome: %s<",
			cua_agent_outcome_name(stage->result.outcome));
	char *underscore = strchr(outcome, '_');
	if (underscore) {
		*underscore = ' ';
	}
	assert_non_null(strstr(report, outcome));
}

int agent_stage_tear_down(void **state)
{
	struct agent_stage *stage = *state;
	check_record(stage);
	cua_agent_result_finish(&stage->result);
	cJSON_Delete(stage->asked);
	cJSON_Delete(stage->acted);
	cJSON_Delete(stage->tool_bodies);
	close(stage->cancel_fd);
	assert_int_equal(cua_remove_tree(stage->dir, NULL), CUA_OK);
	free(stage);
	return 0;
}

const cJSON *agent_stage_input(const struct agent_stage *stage, int request)
{
	return cJSON_GetObjectItem(cJSON_GetArrayItem(stage->asked, request), "input");
}

const char *agent_stage_text(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItem(object, name));
}

const char *agent_stage_last_words(const struct agent_stage *stage, int request)
{
	const cJSON *input = agent_stage_input(stage, request);
	const cJSON *item = cJSON_GetArrayItem(input, cJSON_GetArraySize(input) - 1);
	assert_string_equal(agent_stage_text(item, "role"), "user");
	return agent_stage_text(
			cJSON_GetArrayItem(cJSON_GetObjectItem(item, "content"), 0), "text");
}

int agent_stage_acted(const struct agent_stage *stage)
{
	return cJSON_GetArraySize(stage->acted);
}
