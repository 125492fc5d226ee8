#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "cua/base/http_client.h"
#include "cua/base/util.h"
#include "demos/standin/server.h"
#include "demos/standin/wire.h"

#define PICTURE "data:image/png;base64,iVBORw0KGgo="

static const char script_text[] = "task: t\n"
				  "steps:\n"
				  "  - say: Hello Zoë.\n"
				  "  - open_app: Editor\n"
				  "  - click_text: Save\n"
				  "    within: 0\n"
				  "  - type: abc\n"
				  "  - key: ctrl+s\n"
				  "  - expect: Saved\n"
				  "  - done: All done.\n";

/* A play whose eyes see what the test says. */
struct fixture {
	struct script *script;
	struct play play;
	const char *seen; /* one word; "" for a blank screen */
	cJSON *input;
	cJSON *request;
};

static enum cua_status fake_read(void *reader, const void *png, size_t png_len,
		struct see_screen *ret_screen, struct cua_error *err)
{
	(void)png;
	(void)png_len;
	const struct fixture *fixture = reader;
	memset(ret_screen, 0, sizeof(*ret_screen));
	ret_screen->width_px = 1280;
	ret_screen->height_px = 800;
	ret_screen->words = calloc(1, sizeof(*ret_screen->words));
	if (!ret_screen->words) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, 0, "words");
	}
	if (fixture->seen[0]) {
		ret_screen->words[0].text = strdup(fixture->seen);
		ret_screen->words[0].box = (struct see_box){ 100, 200, 140, 220 };
		ret_screen->words[0].confidence = 95;
		ret_screen->word_count = 1;
	}
	return CUA_OK;
}

static const char *text_of(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
	return text ? text : "";
}

static cJSON *parse(const char *json)
{
	cJSON *value = cJSON_Parse(json);
	assert_non_null(value);
	return value;
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	assert_non_null(fixture);
	fixture->seen = "";
	assert_int_equal(
			script_parse("t", script_text, strlen(script_text), &fixture->script, NULL),
			CUA_OK);
	play_init(&fixture->play, fixture->script, fake_read, fixture, NULL);
	fixture->request =
			parse("{\"model\":\"standin\",\"store\":false,"
			      "\"include\":[\"reasoning.encrypted_content\"],"
			      "\"tools\":[{\"type\":\"computer\"},"
			      "{\"type\":\"function\",\"name\":\"open_app\",\"parameters\":{}},"
			      "{\"type\":\"function\",\"name\":\"give_up\",\"parameters\":{}}]}");
	fixture->input = parse("[{\"role\":\"user\",\"content\":\"do it\"}]");
	cJSON_AddItemToObject(fixture->request, "input", fixture->input);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	play_finish(&fixture->play);
	script_destroy(fixture->script);
	cJSON_Delete(fixture->request);
	free(fixture);
	return 0;
}

static cJSON *post(struct fixture *fixture, int *ret_status)
{
	char *body = cJSON_PrintUnformatted(fixture->request);
	struct wire_reply reply;
	wire_answer(&fixture->play, "Bearer sk", body, strlen(body), &reply);
	cJSON_free(body);
	*ret_status = reply.http_status;
	cJSON *json = parse(reply.body.data);
	wire_reply_finish(&reply);
	return json;
}

/* Posts, puts the output behind the input as a client does, and returns the last item. */
static const cJSON *turn(struct fixture *fixture)
{
	int status = 0;
	cJSON *response = post(fixture, &status);
	if (status != 200) {
		char *text = cJSON_PrintUnformatted(response);
		fail_msg("status %d: %s", status, text);
	}
	assert_string_equal(text_of(response, "status"), "completed");
	const cJSON *item;
	cJSON_ArrayForEach (item, cJSON_GetObjectItem(response, "output")) {
		cJSON_AddItemToArray(fixture->input, cJSON_Duplicate(item, true));
	}
	cJSON_Delete(response);
	return cJSON_GetArrayItem(fixture->input, cJSON_GetArraySize(fixture->input) - 1);
}

static void answer(struct fixture *fixture, const cJSON *call, const char *seen)
{
	char json[512];
	fixture->seen = seen;
	if (strcmp(text_of(call, "type"), "function_call") == 0) {
		snprintf(json, sizeof(json),
				"{\"type\":\"function_call_output\",\"call_id\":\"%s\",\"output\":["
				"{\"type\":\"input_text\",\"text\":\"ok\"},{\"type\":\"input_"
				"image\","
				"\"image_url\":\"" PICTURE "\",\"detail\":\"original\"}]}",
				text_of(call, "call_id"));
	} else {
		snprintf(json, sizeof(json),
				"{\"type\":\"computer_call_output\",\"call_id\":\"%s\",\"output\":"
				"{\"type\":\"computer_screenshot\",\"image_url\":\"" PICTURE "\"}}",
				text_of(call, "call_id"));
	}
	cJSON_AddItemToArray(fixture->input, parse(json));
}

static const cJSON *action(const cJSON *call, int index)
{
	assert_string_equal(text_of(call, "type"), "computer_call");
	return cJSON_GetArrayItem(cJSON_GetObjectItem(call, "actions"), index);
}

static void plays_the_script_to_its_end(void **state)
{
	struct fixture *fixture = *state;
	const cJSON *call = turn(fixture);
	assert_string_equal(text_of(call, "name"), "open_app");
	assert_string_equal(text_of(call, "arguments"), "{\"name\":\"Editor\"}");

	answer(fixture, call, "Save");
	call = turn(fixture);
	assert_string_equal(text_of(action(call, 0), "type"), "click");
	assert_int_equal(cJSON_GetObjectItem(action(call, 0), "x")->valueint, 120);
	assert_int_equal(cJSON_GetObjectItem(action(call, 0), "y")->valueint, 210);

	answer(fixture, call, "");
	call = turn(fixture); /* typing and a chord need no look between them */
	assert_string_equal(text_of(action(call, 0), "text"), "abc");
	assert_string_equal(text_of(action(call, 1), "type"), "keypress");

	answer(fixture, call, "Saved");
	const cJSON *message = turn(fixture);
	assert_string_equal(text_of(message, "phase"), "final_answer");
	const cJSON *part = cJSON_GetArrayItem(cJSON_GetObjectItem(message, "content"), 0);
	assert_string_equal(text_of(part, "text"), "All done.");
}

static void gives_up_with_what_it_saw_and_missed(void **state)
{
	struct fixture *fixture = *state;
	answer(fixture, turn(fixture), "Save");
	answer(fixture, turn(fixture), "");
	answer(fixture, turn(fixture), "Error");
	const cJSON *call = turn(fixture);
	assert_string_equal(text_of(call, "name"), "give_up");
	assert_non_null(strstr(text_of(call, "arguments"),
			"step 6 (expect Saved, line 9): did not find 'Saved'; on the screen was: "
			"Error"));
	answer(fixture, call, "Saved");
	assert_string_equal(text_of(turn(fixture), "phase"), "final_answer");
}

static void a_blank_or_late_screen_is_no_success(void **state)
{
	struct fixture *fixture = *state;
	answer(fixture, turn(fixture), "");
	const cJSON *call = turn(fixture);
	assert_string_equal(text_of(call, "name"), "give_up");
	assert_non_null(strstr(text_of(call, "arguments"), "(nothing readable)"));
}

static void waits_for_a_screen_that_is_not_ready(void **state)
{
	struct fixture *fixture = *state;
	fixture->script->steps[2].within_s = 600;
	answer(fixture, turn(fixture), "");
	for (int i = 0; i < 3; i++) {
		const cJSON *call = turn(fixture);
		assert_string_equal(
				text_of(action(call, 0), "type"), i < 2 ? "screenshot" : "wait");
		answer(fixture, call, i < 2 ? "" : "Save");
	}
	assert_string_equal(text_of(action(turn(fixture), 0), "type"), "click");
}

static void a_repeated_request_gets_the_same_step(void **state)
{
	struct fixture *fixture = *state;
	answer(fixture, turn(fixture), "Save");
	int status = 0;
	for (int i = 0; i < 2; i++) {
		cJSON *response = post(fixture, &status);
		assert_int_equal(status, 200);
		const cJSON *output = cJSON_GetObjectItem(response, "output");
		const cJSON *call = cJSON_GetArrayItem(output, cJSON_GetArraySize(output) - 1);
		assert_string_equal(text_of(action(call, 0), "type"), "click");
		cJSON_Delete(response);
	}
}

/* --- refusals --- */

static void expect_refused(struct fixture *fixture, int expected, const char *reason)
{
	int turns = fixture->play.turn_count;
	int status = 0;
	cJSON *response = post(fixture, &status);
	const cJSON *error = cJSON_GetObjectItem(response, "error");
	if (status != expected || !strstr(text_of(error, "message"), reason)) {
		fail_msg("%d '%s' instead of %d '%s'", status, text_of(error, "message"), expected,
				reason);
	}
	assert_string_equal(text_of(error, "type"), "invalid_request_error");
	assert_true(cJSON_HasObjectItem(error, "param") && cJSON_HasObjectItem(error, "code"));
	assert_int_equal(fixture->play.turn_count, turns); /* the script did not move */
	cJSON_Delete(response);
}

static void requests_that_break_the_contract_are_refused(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *member, *json; /* NULL: taken away */
		int status;
		const char *reason;
	} cases[] = {
		{ "model", NULL, 400, "Missing required parameter: 'model'." },
		{ "model", "\"gpt-5\"", 404, "The model 'gpt-5' does not exist" },
		{ "tools", NULL, 400, "must hold {\"type\":\"computer\"}" },
		{ "tools", "[]", 400, "must hold {\"type\":\"computer\"}" },
		{ "tools", "[{\"type\":\"computer\",\"display_width\":1}]", 400, "no member but" },
		{ "tools", "[{\"type\":\"computer_use_preview\"}]", 400, "Invalid value" },
		{ "tools", "[{\"type\":\"function\",\"name\":\"a\"}]", 400, "tools[0].parameters" },
		{ "input", NULL, 400, "Missing required parameter: 'input'." },
		{ "input", "[]", 400, "Missing required parameter: 'input'." },
		{ "input", "[{\"type\":\"telepathy\"}]", 400, "Invalid value: 'telepathy'" },
		{ "input", "[{}]", 400, "'input[0].type'" },
		{ "input", "[{\"role\":\"king\",\"content\":\"x\"}]", 400,
				"Invalid value: 'king'" },
		{ "input", "[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]", 400,
				"'text'" },
		{ "input",
				"[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\","
				"\"image_url\":\"data:image/png;base64,AAAA\"}]}]",
				400, "Expected a base64-encoded data URL" },
		{ "input",
				"[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\","
				"\"image_url\":\"data:image/png;base64,iVBORw0KGgo*\"}]}]",
				400, "not valid base64" },
		{ "input",
				"[{\"type\":\"computer_call_output\",\"call_id\":\"x\",\"output\":"
				"{\"type\":\"computer_screenshot\",\"image_url\":\"" PICTURE
				"\"}}]",
				400, "No tool call found for computer call output with call_id x" },
		{ "input",
				"[{\"type\":\"function_call_output\",\"call_id\":\"x\",\"output\":"
				"\"\"}]",
				400, "No tool call found for function call output with call_id x" },
		{ "input", "[{\"type\":\"reasoning\",\"id\":\"rs_x\",\"summary\":[]}]", 404,
				"Item with id 'rs_x'" },
		{ "previous_response_id", "\"resp_1\"", 400, "Zero Data Retention" },
		{ "stream", "\"yes\"", 400, "Invalid type for 'stream'" },
		{ "screen_size", "1", 400, "Unknown parameter: 'screen_size'." },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		cJSON *saved = cJSON_Duplicate(fixture->request, true);
		cJSON_DeleteItemFromObject(fixture->request, cases[i].member);
		if (cases[i].json) {
			cJSON_AddItemToObject(
					fixture->request, cases[i].member, parse(cases[i].json));
		}
		expect_refused(fixture, cases[i].status, cases[i].reason);
		cJSON_Delete(fixture->request);
		fixture->request = saved;
	}
	fixture->input = cJSON_GetObjectItem(fixture->request, "input");
}

static void no_key_no_json_no_answer(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *authorization, *body;
		int status;
		const char *reason;
	} cases[] = {
		{ NULL, "{}", 401, "You didn't provide an API key" },
		{ "Bearer ", "{}", 401, "You didn't provide an API key" },
		{ "Basic x", "{}", 401, "You didn't provide an API key" },
		{ "Bearer k", "{", 400, "could not parse the JSON body" },
		{ "Bearer k", "[]", 400, "could not parse the JSON body" },
		{ "Bearer k", "", 400, "could not parse the JSON body" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		struct wire_reply reply;
		wire_answer(&fixture->play, cases[i].authorization, cases[i].body,
				strlen(cases[i].body), &reply);
		assert_int_equal(reply.http_status, cases[i].status);
		assert_non_null(strstr(reply.body.data, cases[i].reason));
		wire_reply_finish(&reply);
	}
}

static void every_call_is_answered_once(void **state)
{
	struct fixture *fixture = *state;
	const cJSON *call = turn(fixture);
	expect_refused(fixture, 400, "No tool output found for function call call_");
	answer(fixture, call, "Save");
	answer(fixture, call, "Save");
	expect_refused(fixture, 400, "Duplicate output for function call call_");
	cJSON_DeleteItemFromArray(fixture->input, cJSON_GetArraySize(fixture->input) - 1);
	call = turn(fixture);
	expect_refused(fixture, 400, "No tool output found for computer call call_");
	char json[256];
	snprintf(json, sizeof(json),
			"{\"type\":\"function_call_output\",\"call_id\":\"%s\",\"output\":\"\"}",
			text_of(call, "call_id"));
	cJSON_AddItemToArray(fixture->input, parse(json));
	expect_refused(fixture, 400, "No tool call found for function call output");
	cJSON_DeleteItemFromArray(fixture->input, cJSON_GetArraySize(fixture->input) - 1);
	snprintf(json, sizeof(json),
			"{\"type\":\"computer_call_output\",\"call_id\":\"%s\",\"output\":"
			"{\"type\":\"computer_screenshot\",\"image_url\":\"" PICTURE
			"\",\"error\":\"x\"}}",
			text_of(call, "call_id"));
	cJSON_AddItemToArray(fixture->input, parse(json));
	expect_refused(fixture, 400, "Unknown parameter: 'input[8].output.error'.");
	cJSON_DeleteItemFromArray(fixture->input, cJSON_GetArraySize(fixture->input) - 1);
	answer(fixture, call, "Saved");
	turn(fixture);
}

static void history_comes_back_unchanged(void **state)
{
	struct fixture *fixture = *state;
	answer(fixture, turn(fixture), "Save");
	/* input: user, reasoning, message, function_call, output */
	static const struct {
		int item;
		const char *member;
		const char *json; /* NULL: the whole item is taken away */
		int status;
		const char *reason;
	} cases[] = {
		{ 1, "encrypted_content", "\"gAAAAAx\"", 400, "could not be verified" },
		{ 1, "summary", "[1]", 400, "could not be verified" },
		{ 1, "", NULL, 404, "without its required 'reasoning' item" },
		{ 2, "phase", "\"final_answer\"", 400, "differs from the item that was sent" },
		{ 2, "", NULL, 400, "was not provided where it belongs" },
		{ 3, "arguments", "\"{}\"", 400, "differs from the item that was sent" },
		{ 3, "extra", "1", 400, "differs from the item that was sent" },
		{ 3, "", NULL, 400, "was not provided where it belongs" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		cJSON *saved = cJSON_Duplicate(fixture->input, true);
		if (cases[i].json) {
			cJSON *item = cJSON_GetArrayItem(fixture->input, cases[i].item);
			cJSON_DeleteItemFromObject(item, cases[i].member);
			cJSON_AddItemToObject(item, cases[i].member, parse(cases[i].json));
		} else {
			cJSON_DeleteItemFromArray(fixture->input, cases[i].item);
		}
		expect_refused(fixture, cases[i].status, cases[i].reason);
		cJSON_ReplaceItemInObject(fixture->request, "input", saved);
		fixture->input = saved;
	}
	turn(fixture);
}

static void whole_old_turns_may_be_dropped(void **state)
{
	struct fixture *fixture = *state;
	answer(fixture, turn(fixture), "Save");
	answer(fixture, turn(fixture), "");
	for (int i = 0; i < 4; i++) {
		cJSON_DeleteItemFromArray(fixture->input, 1);
	}
	assert_string_equal(text_of(action(turn(fixture), 0), "text"), "abc");
}

/* --- the stream, over a socket --- */

struct served {
	pthread_t thread;
	struct server *server;
	int port;
};

static void *serve(void *argument)
{
	server_run(argument);
	return NULL;
}

static enum cua_status http_post(int port, const char *path, const char *key, const char *body,
		struct cua_http_response *ret_response)
{
	char url[128];
	char authorization[128];
	snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", port, path);
	snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s", key);
	const char *const headers[] = { authorization, "Content-Type: application/json", NULL };
	const struct cua_http_request request = { .method = "POST",
		.url = url,
		.headers = headers,
		.body = body,
		.body_len = strlen(body),
		.total_timeout_ms = 20000 };
	struct cua_http_client *client = NULL;
	struct cua_error err;
	assert_int_equal(cua_http_client_create(NULL, -1, &client, &err), CUA_OK);
	enum cua_status status = cua_http_perform(client, &request, ret_response, &err);
	cua_http_client_destroy(client);
	return status;
}

/* Event names in order, without deltas. */
static void check_events(const char *stream)
{
	static const char *const expected[] = { "response.created", "response.in_progress",
		"response.output_item.added", "response.output_item.done", /* reasoning */
		"response.output_item.added", "response.content_part.added",
		"response.output_text.done", "response.content_part.done",
		"response.output_item.done", "response.output_item.added",
		"response.function_call_arguments.done", "response.output_item.done",
		"response.completed" };
	size_t next = 0;
	int sequence = 0;
	char text[512] = "";
	for (const char *at = stream; (at = strstr(at, "event: ")); at++) {
		char name[64];
		assert_int_equal(sscanf(at, "event: %63s", name), 1);
		const char *data = strstr(at, "\ndata: ") + 7;
		CUA_AUTO_JSON cJSON *event = cJSON_ParseWithLength(data, strcspn(data, "\n"));
		assert_string_equal(text_of(event, "type"), name);
		assert_int_equal(cJSON_GetObjectItem(event, "sequence_number")->valueint,
				sequence++);
		if (strstr(name, ".delta")) {
			strncat(text, text_of(event, "delta"), sizeof(text) - strlen(text) - 1);
			continue;
		}
		assert_true(next < CUA_ARRAY_LEN(expected));
		assert_string_equal(name, expected[next++]);
	}
	assert_int_equal(next, CUA_ARRAY_LEN(expected));
	assert_non_null(strstr(text, "Hello Zoë."));
	assert_non_null(strstr(text, "{\"name\":\"Editor\"}"));
}

static void streams_events_in_the_documented_order(void **state)
{
	struct fixture *fixture = *state;
	struct served served = { 0 };
	struct cua_error err;
	assert_int_equal(server_create(0, &fixture->play, &served.server, &served.port, &err),
			CUA_OK);
	assert_int_equal(pthread_create(&served.thread, NULL, serve, served.server), 0);
	cJSON_AddTrueToObject(fixture->request, "stream");
	char *body = cJSON_PrintUnformatted(fixture->request);

	struct cua_http_response response;
	assert_int_equal(http_post(served.port, "/v1/responses", "k", body, &response), CUA_OK);
	assert_int_equal(response.http_status, 200);
	assert_non_null(strstr(response.content_type, "text/event-stream"));
	check_events(response.body.data);
	cua_http_response_finish(&response);

	assert_int_equal(http_post(served.port, "/v1/responses", "k", "{}", &response), CUA_OK);
	assert_int_equal(response.http_status, 400);
	assert_non_null(strstr(response.body.data, "Missing required parameter: 'model'."));
	cua_http_response_finish(&response);

	assert_int_equal(http_post(served.port, "/v1/other", "k", body, &response), CUA_OK);
	assert_int_equal(response.http_status, 404);
	cua_http_response_finish(&response);

	cJSON_free(body);
	server_stop(served.server);
	pthread_join(served.thread, NULL);
	server_destroy(served.server);
}

int main(void)
{
	if (sodium_init() < 0) {
		return 1;
	}
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(plays_the_script_to_its_end),
		TEST(gives_up_with_what_it_saw_and_missed),
		TEST(a_blank_or_late_screen_is_no_success),
		TEST(waits_for_a_screen_that_is_not_ready),
		TEST(a_repeated_request_gets_the_same_step),
		TEST(requests_that_break_the_contract_are_refused),
		TEST(no_key_no_json_no_answer),
		TEST(every_call_is_answered_once),
		TEST(history_comes_back_unchanged),
		TEST(whole_old_turns_may_be_dropped),
		TEST(streams_events_in_the_documented_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
