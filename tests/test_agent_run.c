#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/run_print.h"
#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/test_agent_fake.h"

/* Two pictures of one pixel; what size they claim to be is up to the desktop. */
static const char *const pictures[] = {
	"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5"
	"ErkJggg==",
	"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5"
	"ErkJggg==",
};

static const char zoomed[] = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNgYPj/"
			     "HwADAQIAeNQqXwAAAABJ"
			     "RU5ErkJggg==";

#define KEY "sk-test-0123456789"

struct stage {
	char dir[64], socket[96], url[64];
	int cancel_fd;
	struct fake_server *model, *desktop;
	struct cua_agent_options options;
	struct cua_agent_result result;
	bool says_yes;

	/* The model: replies in order, the last one again and again. */
	const char *replies[16];
	struct fake_reply faults[16]; /* http_status 0: none */
	size_t cuts[16];
	cJSON *asked; /* bodies that came in */
	char authorization[128];

	/* The desktop. */
	cJSON *acted;  /* bodies that came in */
	int fail_post; /* this POST fails at its action 0; -1: none */
	const char *fail_code;
	int fail_http;
	int hang_up_post; /* hang up on this POST; -1: none */
	int cancel_post;  /* a Ctrl-C arrives while this POST runs */
	int cancel_ask;   /* a Ctrl-C arrives with this request to the model */
	bool is_still;    /* nothing ever changes */
	int lease_asked;
};

static void press_ctrl_c(struct stage *stage)
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
			cJSON_AddStringToObject(image, "data", zoomed);
		}
		if (fails) {
			return;
		}
	}
}

static void add_screenshot(struct stage *stage, cJSON *answer, const cJSON *request, int number)
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
	cJSON_AddStringToObject(screenshot, "data", pictures[picture]);
}

static void act(struct stage *stage, const struct fake_request *request, struct fake_reply *reply)
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
	if (stage->fail_http == 423 && number == stage->fail_post + 1) {
		cJSON_AddStringToObject(answer, "person_note", "a person typed for 12 s");
	}
	append_json(&reply->body, answer);
}

static void desktop(const struct fake_request *request, struct fake_reply *reply, void *user_data)
{
	struct stage *stage = user_data;
	if (strcmp(request->path, "/v1/actions") == 0) {
		act(stage, request, reply);
	} else if (strncmp(request->path, "/v1/lease", 9) == 0) {
		const char *holder = stage->lease_asked++ == 0 ? "person" : "agent";
		assert_int_equal(cua_buffer_printf(
						 &reply->body, NULL, "{\"holder\":\"%s\"}", holder),
				CUA_OK);
	} else {
		reply->http_status = 404;
	}
}

/* --- the model --- */

static void model(const struct fake_request *request, struct fake_reply *reply, void *user_data)
{
	struct stage *stage = user_data;
	int number = cJSON_GetArraySize(stage->asked);
	const char *header = strcasestr(request->head, "authorization: ");
	if (header) {
		snprintf(stage->authorization, sizeof(stage->authorization), "%.*s",
				(int)strcspn(header + 15, "\r"), header + 15);
	}
	assert_string_equal(request->path,
			strcmp(stage->options.api, "anthropic") == 0 ? "/v1/messages"
								     : "/v1/responses");
	if (number == stage->cancel_ask) {
		press_ctrl_c(stage);
	}
	cJSON_AddItemToArray(stage->asked, cJSON_Parse(request->body));
	int last = 0;
	while (last + 1 < (int)CUA_ARRAY_LEN(stage->replies) && stage->replies[last + 1]) {
		last++;
	}
	int at = number < last ? number : last;
	reply->content_type = "text/event-stream";
	if (stage->faults[at].http_status) {
		reply->http_status = stage->faults[at].http_status;
		strcpy(reply->headers, stage->faults[at].headers);
		reply->content_type = "application/json";
	}
	reply->cut = stage->cuts[at];
	assert_int_equal(cua_buffer_printf(&reply->body, NULL, "%s", stage->replies[at]), CUA_OK);
}

#define EVENT(type, rest) "event: " type "\ndata: {\"type\":\"" type "\"," rest "}\n\n"
#define ITEM(item) EVENT("response.output_item.done", "\"item\":" item)
#define END \
	EVENT("response.completed", \
			"\"response\":{\"status\":\"completed\",\"usage\":{\"input_tokens\":100," \
			"\"output_tokens\":10}}")
#define CALL(id, actions) \
	ITEM("{\"type\":\"computer_call\",\"id\":\"cu\",\"call_id\":\"" id \
	     "\",\"status\":\"completed\",\"actions\":[" actions "]}")
#define FUNCTION(id, name, arguments) \
	ITEM("{\"type\":\"function_call\",\"call_id\":\"" id "\",\"name\":\"" name \
	     "\",\"arguments\":\"" arguments "\"}")
#define SAY(text) \
	ITEM("{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":" \
	     "\"output_text\",\"text\":\"" text "\"}]}")
#define REASON \
	ITEM("{\"type\":\"reasoning\",\"id\":\"rs\",\"summary\":[{\"type\":\"summary_text\"," \
	     "\"text\":\"I look.\"}],\"encrypted_content\":\"gAAAA\"}")
#define CLICK "{\"type\":\"click\",\"button\":\"left\",\"x\":412,\"y\":230}"
#define TYPE "{\"type\":\"type\",\"text\":\"hello\"}"
#define DONE SAY("All done.") END

/* In the spelling of Anthropic Messages. */
#define BLOCK(block) \
	EVENT("content_block_start", "\"index\":0,\"content_block\":" block) \
	EVENT("content_block_stop", "\"index\":0")
#define MEMBER(id, name, input) \
	BLOCK("{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" name \
	      "\",\"toolset_name\":\"computer\",\"input\":" input "}")
#define STOP(reason) \
	EVENT("message_delta", "\"delta\":{\"stop_reason\":\"" reason "\"}") \
	EVENT("message_stop", "\"x\":0")

/* --- the stage --- */

static bool approve(const cJSON *checks, void *user_data)
{
	assert_true(cJSON_GetArraySize(checks) > 0);
	return ((struct stage *)user_data)->says_yes;
}

static int set_up(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	strcpy(stage->dir, "/tmp/cua-test-run-XXXXXX");
	assert_non_null(mkdtemp(stage->dir));
	assert_int_equal(setenv("CUA_STATE_DIR", stage->dir, true), 0);
	snprintf(stage->socket, sizeof(stage->socket), "%s/api.sock", stage->dir);
	stage->cancel_fd = eventfd(0, EFD_CLOEXEC);
	stage->asked = cJSON_CreateArray();
	stage->acted = cJSON_CreateArray();
	stage->fail_post = stage->hang_up_post = stage->cancel_post = stage->cancel_ask = -1;
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
		.max_steps = 10,
		.max_time_s = 60,
		.cancel_fd = stage->cancel_fd,
		.approve = approve,
		.user_data = stage,
	};
	*state = stage;
	return 0;
}

/* Runs, and stops the servers: after it the stage is this thread's. */
static void play(struct stage *stage)
{
	cua_agent_run(&stage->options, &stage->result);
	fake_server_stop(stage->model);
	fake_server_stop(stage->desktop);
	stage->model = stage->desktop = NULL;
}

static char *read_back(const struct stage *stage, const char *name)
{
	char path[300];
	struct cua_buffer text;
	cua_buffer_init(&text, 16 << 20);
	snprintf(path, sizeof(path), "%s/%s", stage->result.run_dir, name);
	assert_int_equal(cua_file_read(path, &text, NULL), CUA_OK);
	return text.data;
}

/* Whatever a run came to: a journal of whole lines, a report, and no key in either. */
static void check_record(const struct stage *stage)
{
	CUA_AUTO_FREE char *events = read_back(stage, "events.jsonl");
	CUA_AUTO_FREE char *report = read_back(stage, "report.html");
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

static int tear_down(void **state)
{
	struct stage *stage = *state;
	check_record(stage);
	cua_agent_result_finish(&stage->result);
	cJSON_Delete(stage->asked);
	cJSON_Delete(stage->acted);
	close(stage->cancel_fd);
	assert_int_equal(cua_remove_tree(stage->dir, NULL), CUA_OK);
	free(stage);
	return 0;
}

static const cJSON *input_of(const struct stage *stage, int request)
{
	return cJSON_GetObjectItem(cJSON_GetArrayItem(stage->asked, request), "input");
}

static const char *text_at(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItem(object, name));
}

/* The text of the last user message of a request. */
static const char *last_words(const struct stage *stage, int request)
{
	const cJSON *input = input_of(stage, request);
	const cJSON *item = cJSON_GetArrayItem(input, cJSON_GetArraySize(input) - 1);
	assert_string_equal(text_at(item, "role"), "user");
	return text_at(cJSON_GetArrayItem(cJSON_GetObjectItem(item, "content"), 0), "text");
}

static int acted(const struct stage *stage)
{
	return cJSON_GetArraySize(stage->acted);
}

/* --- runs --- */

static void a_task_is_carried_out(void **state)
{
	struct stage *stage = *state;
	stage->replies[0] = REASON CALL("c1", CLICK "," TYPE) END;
	stage->replies[1] = DONE;
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_string_equal(stage->result.answer, "All done.");
	assert_int_equal(stage->result.steps, 2);
	assert_int_equal(stage->result.actions, 2);
	assert_true(stage->result.usage.input_tokens > 199);
	assert_string_equal(stage->authorization, "Bearer " KEY);
	assert_int_equal(acted(stage), 2); /* a look, then the whole call in one request */

	const cJSON *input = input_of(stage, 1);
	assert_int_equal(cJSON_GetArraySize(input), 4);
	assert_string_equal(text_at(cJSON_GetArrayItem(input, 0), "role"), "user");
	assert_string_equal(text_at(cJSON_GetArrayItem(input, 1), "encrypted_content"), "gAAAA");
	assert_string_equal(text_at(cJSON_GetArrayItem(input, 2), "type"), "computer_call");
	const cJSON *output = cJSON_GetArrayItem(input, 3);
	assert_string_equal(text_at(output, "type"), "computer_call_output");
	assert_string_equal(text_at(output, "call_id"), "c1");
	assert_string_equal(text_at(cJSON_GetObjectItem(output, "output"), "image_url") +
					strlen("data:image/png;base64,"),
			pictures[1]);

	const cJSON *posted = cJSON_GetArrayItem(stage->acted, 1);
	CUA_AUTO_FREE char *actions =
			cJSON_PrintUnformatted(cJSON_GetObjectItem(posted, "actions"));
	assert_string_equal(actions,
			"[{\"action\":\"click\",\"button\":\"left\",\"x\":412,\"y\":230},"
			"{\"action\":\"type\",\"text\":\"hello\"}]");
	CUA_AUTO_FREE char *events = read_back(stage, "events.jsonl");
	const char *intent = strstr(events, "\"intent\""), *result = strstr(events, "\"result\"");
	assert_true(intent && result && intent < result);
}

static void an_unchanged_screen_is_sent_again(void **state)
{
	struct stage *stage = *state;
	stage->is_still = true;
	stage->replies[0] = CALL("c1", "{\"type\":\"screenshot\"}") END;
	stage->replies[1] = DONE;
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	const cJSON *output = cJSON_GetArrayItem(input_of(stage, 1), 2);
	assert_non_null(strstr(
			text_at(cJSON_GetObjectItem(output, "output"), "image_url"), pictures[0]));
}

static void functions_are_answered_with_text_and_picture(void **state)
{
	struct stage *stage = *state;
	stage->replies[0] = FUNCTION("f1", "clipboard_get", "{}") CALL("c1", CLICK) END;
	stage->replies[1] = DONE;
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_int_equal(acted(stage), 3);
	const cJSON *output = cJSON_GetArrayItem(input_of(stage, 1), 3);
	assert_string_equal(text_at(output, "type"), "function_call_output");
	const cJSON *parts = cJSON_GetObjectItem(output, "output");
	assert_string_equal(text_at(cJSON_GetArrayItem(parts, 0), "text"),
			"{\"action\":\"clipboard_get\",\"status\":\"delivered\"}");
	assert_string_equal(text_at(cJSON_GetArrayItem(parts, 1), "type"), "input_image");
	assert_string_equal(text_at(cJSON_GetArrayItem(input_of(stage, 1), 4), "call_id"), "c1");
}

static void giving_up_ends_the_run(void **state)
{
	struct stage *stage = *state;
	stage->replies[0] = CALL("c1", CLICK)
			FUNCTION("f1", "give_up", "{\\\"reason\\\":\\\"no network\\\"}") END;
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_GAVE_UP);
	assert_int_equal(cua_agent_outcome_exit(stage->result.outcome), 3);
	assert_string_equal(stage->result.answer, "no network");
	assert_int_equal(acted(stage), 1);
}

static void a_refusal_ends_the_run(void **state)
{
	struct stage *stage = *state;
	stage->replies[0] = ITEM("{\"type\":\"message\",\"content\":[{\"type\":\"refusal\","
				 "\"refusal\":\"I will not.\"}]}") END;
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_GAVE_UP);
	assert_string_equal(stage->result.answer, "I will not.");
}

static void steps_are_limited(void **state)
{
	struct stage *stage = *state;
	stage->options.max_steps = 3;
	stage->replies[0] = CALL("c1", CLICK) END;
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_LIMIT);
	assert_int_equal(cua_agent_outcome_exit(stage->result.outcome), 4);
	assert_int_equal(stage->result.steps, 3);
	assert_int_equal(cJSON_GetArraySize(stage->asked), 3);
}

static void time_is_limited(void **state)
{
	struct stage *stage = *state;
	stage->options.max_time_s = 0;
	stage->replies[0] = DONE;
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_LIMIT);
	assert_non_null(strstr(stage->result.error.msg, "seconds"));
}

static void a_failed_action_is_told_to_the_model(void **state)
{
	struct stage *stage = *state;
	stage->fail_post = 1;
	stage->fail_code = "application";
	stage->fail_http = 502;
	stage->replies[0] = CALL("c1", CLICK) CALL("c2", TYPE) END;
	stage->replies[1] = DONE;
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_int_equal(acted(stage), 3); /* look, the failed call, a look for its answer */
	assert_non_null(strstr(last_words(stage, 1), "Action 0"));
	assert_non_null(strstr(last_words(stage, 1), "it did not work"));
	assert_non_null(strstr(
			last_words(stage, 1), "Call c2: not run, because a call before it failed"));
	assert_string_equal(text_at(cJSON_GetArrayItem(input_of(stage, 1), 3), "call_id"), "c1");
	assert_string_equal(text_at(cJSON_GetArrayItem(input_of(stage, 1), 4), "call_id"), "c2");
}

static void one_bad_call_and_none_is_run(void **state)
{
	struct stage *stage = *state;
	stage->replies[0] =
			CALL("c1", CLICK) CALL("c2", "{\"type\":\"move\",\"x\":1280,\"y\":0}") END;
	stage->replies[1] = DONE;
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_int_equal(acted(stage), 1);
	assert_non_null(strstr(last_words(stage, 1), "Call c1: not run, because another call"));
	assert_non_null(strstr(last_words(stage, 1), "0 to 1279"));
	assert_int_equal(cJSON_GetArraySize(input_of(stage, 1)), 6);
}

static void a_capped_scroll_is_told_to_the_model(void **state)
{
	struct stage *stage = *state;
	stage->replies[0] = CALL("c1",
			"{\"type\":\"scroll\",\"x\":1,\"y\":1,\"scroll_x\":0,"
			"\"scroll_y\":9999}") END;
	stage->replies[1] = DONE;
	play(stage);
	assert_non_null(strstr(last_words(stage, 1), "shortened to 30"));
}

static void a_person_is_waited_for(void **state)
{
	struct stage *stage = *state;
	stage->fail_post = 1;
	stage->fail_code = "person";
	stage->fail_http = 423;
	stage->replies[0] = CALL("c1", CLICK) END;
	stage->replies[1] = DONE;
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_int_equal(stage->lease_asked, 2);
	assert_int_equal(acted(stage), 3);
	assert_non_null(strstr(last_words(stage, 1), "A person took over"));
	assert_non_null(strstr(last_words(stage, 1), "typed for 12 s"));
	assert_string_equal(text_at(cJSON_GetArrayItem(input_of(stage, 1), 2), "type"),
			"computer_call_output");
}

#define CHECKED_CALL \
	ITEM("{\"type\":\"computer_call\",\"call_id\":\"c1\",\"pending_safety_checks\":[{\"id\":" \
	     "\"sc1\",\"code\":\"x\",\"message\":\"m\"}],\"actions\":[" CLICK "]}") \
	END

static void consent_lets_a_call_go_on(void **state)
{
	struct stage *stage = *state;
	stage->says_yes = true;
	stage->replies[0] = CHECKED_CALL;
	stage->replies[1] = DONE;
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	const cJSON *output = cJSON_GetArrayItem(input_of(stage, 1), 2);
	const cJSON *checks = cJSON_GetObjectItem(output, "acknowledged_safety_checks");
	assert_string_equal(text_at(cJSON_GetArrayItem(checks, 0), "id"), "sc1");
}

static void without_consent_nothing_runs(void **state)
{
	struct stage *stage = *state;
	stage->replies[0] = CHECKED_CALL;
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_STOPPED);
	assert_int_equal(cua_agent_outcome_exit(stage->result.outcome), 7);
	assert_int_equal(acted(stage), 1);
}

static void failed_requests_are_sent_again(void **state)
{
	struct stage *stage = *state;
	stage->options.model_retries = 5;
	for (int i = 0; i < 4; i++) {
		stage->replies[i] = "{\"error\":{\"message\":\"busy\",\"code\":\"x\"}}";
	}
	stage->faults[0] =
			(struct fake_reply){ .http_status = 429, .headers = "Retry-After: 2\r\n" };
	stage->faults[1] = (struct fake_reply){ .http_status = 529 };
	stage->faults[2] = (struct fake_reply){ .http_status = 500,
		.headers = "retry-after-ms: 350\r\n" };
	stage->replies[3] = CALL("c1", CLICK) END;
	stage->cuts[3] = 40;
	stage->replies[4] = CALL("c1", CLICK) END;
	stage->replies[5] = DONE;
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_int_equal(cJSON_GetArraySize(stage->asked), 6);
	assert_int_equal(acted(stage), 2);
	CUA_AUTO_FREE char *events = read_back(stage, "events.jsonl");
	assert_non_null(strstr(events, "\"type\":\"retry\""));
}

static void hopeless_requests_are_not(void **state)
{
	struct stage *stage = *state;
	stage->options.model_retries = 5;
	stage->replies[0] = "{\"error\":{\"message\":\"Incorrect API key: " KEY
			    "\",\"code\":\"invalid_api_key\"}}";
	stage->faults[0] = (struct fake_reply){ .http_status = 401 };
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_MODEL_ERROR);
	assert_int_equal(cua_agent_outcome_exit(stage->result.outcome), 5);
	assert_int_equal(cJSON_GetArraySize(stage->asked), 1);
	assert_non_null(strstr(stage->result.error.msg, "401"));
	assert_null(strstr(stage->result.error.msg, KEY));
}

static void redirects_are_not_followed(void **state)
{
	struct stage *stage = *state;
	stage->replies[0] = "";
	stage->faults[0] = (struct fake_reply){ .http_status = 307 };
	snprintf(stage->faults[0].headers, sizeof(stage->faults[0].headers),
			"Location: %s/responses\r\n", stage->url);
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_MODEL_ERROR);
	assert_int_equal(cJSON_GetArraySize(stage->asked), 1);
}

static void refused_parameters_are_left_out(void **state)
{
	struct stage *stage = *state;
	stage->replies[0] = "{\"error\":{\"message\":\"needs store=true\",\"param\":\"store\"}}";
	stage->faults[0] = (struct fake_reply){ .http_status = 400 };
	stage->replies[1] = CALL("c1", CLICK) END;
	stage->replies[2] = "{\"error\":{\"message\":\"Unknown parameter: "
			    "'input[2].output.detail'\"}}";
	stage->faults[2] = (struct fake_reply){ .http_status = 400 };
	stage->replies[3] = DONE;
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_true(cJSON_IsTrue(
			cJSON_GetObjectItem(cJSON_GetArrayItem(stage->asked, 3), "store")));
	const cJSON *output = cJSON_GetArrayItem(input_of(stage, 3), 2);
	assert_null(cJSON_GetObjectItem(cJSON_GetObjectItem(output, "output"), "detail"));
	assert_int_equal(acted(stage), 2);
}

static void unfinished_answers_run_nothing(void **state)
{
	struct stage *stage = *state;
	stage->replies[0] = CALL("c1", CLICK) EVENT("response.incomplete",
			"\"response\":{\"status\":\"incomplete\",\"incomplete_details\":{"
			"\"reason\":\"max_output_tokens\"}}");
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_MODEL_ERROR);
	assert_non_null(strstr(stage->result.error.msg, "limit of length"));
	assert_int_equal(acted(stage), 1);
}

static void a_model_that_only_comments_is_an_error(void **state)
{
	struct stage *stage = *state;
	stage->replies[0] = REASON END;
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_MODEL_ERROR);
	assert_int_equal(cJSON_GetArraySize(stage->asked), 4);
}

static void a_lost_desktop_is_not_the_models_fault(void **state)
{
	struct stage *stage = *state;
	stage->hang_up_post = 1;
	stage->replies[0] = CALL("c1", CLICK) END;
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DESKTOP_ERROR);
	assert_int_equal(cua_agent_outcome_exit(stage->result.outcome), 6);
	assert_int_equal(acted(stage), 2); /* the click was sent once, whatever became of it */
	CUA_AUTO_FREE char *events = read_back(stage, "events.jsonl");
	assert_non_null(strstr(events, "\"uncertain\""));
}

static void a_desktop_without_a_screen_ends_the_run(void **state)
{
	struct stage *stage = *state;
	stage->fail_post = 0;
	stage->fail_code = "x11";
	stage->fail_http = 503;
	stage->replies[0] = DONE;
	stage->hang_up_post = 1;
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DESKTOP_ERROR);
	assert_int_equal(cJSON_GetArraySize(stage->asked), 0);
}

static void ctrl_c_interrupts_an_action(void **state)
{
	struct stage *stage = *state;
	stage->cancel_post = 1;
	stage->replies[0] = CALL("c1", CLICK) END;
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_INTERRUPTED);
	assert_int_equal(cua_agent_outcome_exit(stage->result.outcome), 130);
	CUA_AUTO_FREE char *events = read_back(stage, "events.jsonl");
	assert_non_null(strstr(events, "\"uncertain\""));
	assert_non_null(strstr(events, "\"run_end\""));
}

static void ctrl_c_interrupts_the_waiting_for_a_retry(void **state)
{
	struct stage *stage = *state;
	stage->options.model_retries = 5;
	stage->options.retry_unit = 1;
	stage->replies[0] = "{}";
	stage->faults[0] =
			(struct fake_reply){ .http_status = 503, .headers = "Retry-After: 50\r\n" };
	stage->cancel_ask = 0;
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_INTERRUPTED);
	assert_int_equal(cJSON_GetArraySize(stage->asked), 1);
}

/* --- a recorded stream, cut --- */

static void a_cut_stream_runs_nothing(void **state)
{
	static const char recorded[] = REASON CALL("c1", CLICK "," TYPE) END;
	struct stage *stage = *state;
	stage->replies[0] = recorded;
	/* Every byte is in test_agent_responses; here a sample goes through sockets. */
	for (size_t cut = 1; cut < strlen(recorded); cut += 41) {
		stage->cuts[0] = cut;
		cua_agent_result_finish(&stage->result);
		cua_agent_run(&stage->options, &stage->result);
		assert_int_equal(stage->result.outcome, CUA_AGENT_MODEL_ERROR);
		assert_int_equal(stage->result.actions, 0);
	}
	fake_server_stop(stage->model);
	fake_server_stop(stage->desktop);
	const cJSON *body = NULL;
	cJSON_ArrayForEach (body, stage->acted) {
		const cJSON *actions = cJSON_GetObjectItem(body, "actions");
		assert_string_equal(text_at(actions->child, "action"), "wait"); /* a look */
	}
}

/* --- what people see --- */

static void print(const cJSON *event, void *user_data)
{
	agent_print_event(user_data, event);
}

static void print_words(const char *words, void *user_data)
{
	agent_print_words(user_data, words);
}

#define DELTA(text) EVENT("response.output_text.delta", "\"delta\":\"" text "\"")
#define DELTAS_END EVENT("response.output_text.done", "\"text\":\"\"")

static void words_are_printed_once_as_they_come(void **state)
{
	struct stage *stage = *state;
	CUA_AUTO_FREE char *text = NULL;
	size_t len = 0;
	struct agent_printer printer;
	agent_printer_init(&printer, open_memstream(&text, &len), false);
	stage->options.on_event = print;
	stage->options.on_words = print_words;
	stage->options.user_data = &printer;
	stage->options.approve = NULL;
	stage->replies[0] = DELTA("I \\u001b[31mcl") DELTA("ick.\\nNow.")
			DELTAS_END SAY("I \\u001b[31mclick.\\nNow.") CALL("c1", CLICK) END;
	stage->replies[1] = SAY("Said whole.") CALL("c2", CLICK) END;
	stage->replies[2] = DELTA("All ") DELTA("done.") DELTAS_END DONE;
	play(stage);
	agent_print_result(&printer, &stage->result, printer.out);
	fclose(printer.out);
	agent_printer_finish(&printer);
	assert_non_null(strstr(text, "\n  1  I click.\n     Now.\n     model 0."));
	assert_non_null(strstr(text, "s  click at 412, 230  desktop 0."));
	assert_non_null(strstr(text, "\n  2  model 0."));
	assert_non_null(strstr(text, "s  \xe2\x80\x9cSaid whole.\xe2\x80\x9d  click at"));
	assert_non_null(strstr(text, "\n  3  All done.\n     model 0."));
	assert_non_null(strstr(text, "s  answers\n\ndone: 3 steps"));
	assert_null(strstr(strstr(text, "All done.") + 1, "All done."));
}

static void steps_are_printed_a_line_each(void **state)
{
	struct stage *stage = *state;
	CUA_AUTO_FREE char *text = NULL;
	size_t len = 0;
	struct agent_printer printer;
	agent_printer_init(&printer, open_memstream(&text, &len), false);
	stage->options.on_event = print;
	stage->options.user_data = &printer;
	stage->options.approve = NULL;
	stage->replies[0] = SAY("\\u001b[31mI click.\\nNow.") CALL("c1", CLICK "," TYPE) END;
	stage->replies[1] = DONE;
	play(stage);
	agent_print_result(&printer, &stage->result, printer.out);
	fclose(printer.out);
	agent_printer_finish(&printer);
	assert_null(strchr(text, '\x1b'));
	assert_non_null(strstr(text,
			"\xe2\x80\x9cI click. Now.\xe2\x80\x9d  click at 412, 230, then "
			"type \xe2\x80\x9chello\xe2\x80\x9d  desktop 0."));
	assert_non_null(strstr(text, "\nAll done.\n"));
	assert_non_null(strstr(text, "done: 2 steps, 2 actions"));
	assert_non_null(strstr(text, "/report.html\n"));
}

static const cJSON *result_of(const struct stage *stage, int request, int message, int result)
{
	const cJSON *messages =
			cJSON_GetObjectItem(cJSON_GetArrayItem(stage->asked, request), "messages");
	return cJSON_GetArrayItem(
			cJSON_GetObjectItem(cJSON_GetArrayItem(messages, message), "content"),
			result);
}

static const char *picture_of(const cJSON *result)
{
	const cJSON *part = NULL;
	cJSON_ArrayForEach (part, cJSON_GetObjectItem(result, "content")) {
		const char *type = text_at(part, "type");
		if (strcmp(type, "image") == 0) {
			return text_at(cJSON_GetObjectItem(part, "source"), "data");
		}
	}
	return "";
}

/* A picture of a part of the screen answers the call that asked for it, and is not taken
 * for the screen. */
static void a_zoomed_picture_answers_its_call_alone(void **state)
{
	struct stage *stage = *state;
	stage->options.api = "anthropic";
	stage->is_still = true;
	stage->replies[0] = MEMBER("a", "zoom", "{\"region\":[0,0,200,100]}")
			MEMBER("b", "screenshot", "{}") STOP("tool_use");
	stage->replies[1] = MEMBER("c", "left_click", "{\"coordinate\":[1,2]}") STOP("tool_use");
	stage->replies[2] = BLOCK("{\"type\":\"text\",\"text\":\"All done.\"}") STOP("end_turn");
	play(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_string_equal(picture_of(result_of(stage, 1, 2, 0)), zoomed);
	assert_string_equal(picture_of(result_of(stage, 1, 2, 1)), pictures[0]);
	assert_string_equal(picture_of(result_of(stage, 2, 4, 0)), pictures[0]);
	const cJSON *action = cJSON_GetArrayItem(
			cJSON_GetObjectItem(cJSON_GetArrayItem(stage->acted, 1), "actions"), 0);
	assert_string_equal(text_at(action, "action"), "screenshot");
	assert_int_equal(cJSON_GetObjectItem(action, "width")->valueint, 1280);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_zoomed_picture_answers_its_call_alone),
		TEST(a_task_is_carried_out),
		TEST(an_unchanged_screen_is_sent_again),
		TEST(functions_are_answered_with_text_and_picture),
		TEST(giving_up_ends_the_run),
		TEST(a_refusal_ends_the_run),
		TEST(steps_are_limited),
		TEST(time_is_limited),
		TEST(a_failed_action_is_told_to_the_model),
		TEST(one_bad_call_and_none_is_run),
		TEST(a_capped_scroll_is_told_to_the_model),
		TEST(a_person_is_waited_for),
		TEST(consent_lets_a_call_go_on),
		TEST(without_consent_nothing_runs),
		TEST(failed_requests_are_sent_again),
		TEST(hopeless_requests_are_not),
		TEST(redirects_are_not_followed),
		TEST(refused_parameters_are_left_out),
		TEST(unfinished_answers_run_nothing),
		TEST(a_model_that_only_comments_is_an_error),
		TEST(a_lost_desktop_is_not_the_models_fault),
		TEST(a_desktop_without_a_screen_ends_the_run),
		TEST(ctrl_c_interrupts_an_action),
		TEST(ctrl_c_interrupts_the_waiting_for_a_retry),
		TEST(steps_are_printed_a_line_each),
		TEST(words_are_printed_once_as_they_come),
		TEST(a_cut_stream_runs_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
