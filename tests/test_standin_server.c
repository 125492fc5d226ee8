/* What only shows on a socket: streams, and answers that go wrong on their way. */

#include "standin_fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "cua/base/http_client.h"
#include "demos/standin/server.h"

static const char script_text[] = "task: t\n"
				  "steps:\n"
				  "  - say: Hello Zoë.\n"
				  "  - open_app: Editor\n"
				  "  - done: All done.\n";

static const char responses_text[] = "{\"model\":\"standin\",\"stream\":true,"
				     "\"tools\":[{\"type\":\"computer\"},"
				     "{\"type\":\"function\",\"name\":\"open_app\",\"parameters\":{"
				     "\"type\":\"object\",\"properties\":{}}}],"
				     "\"input\":[{\"role\":\"user\",\"content\":\"do it\"}]}";

static const char anthropic_text[] =
		"{\"model\":\"standin\",\"stream\":true,\"max_tokens\":100,"
		"\"tools\":[{\"type\":\"computer_toolset_20260801\"},"
		"{\"name\":\"open_app\",\"input_schema\":{\"type\":\"object\"}}],"
		"\"messages\":[{\"role\":\"user\",\"content\":\"do it\"}]}";

struct served {
	struct standin standin;
	struct conversations conversations;
	pthread_t thread;
	struct server *server;
	int port;
};

static void *serve(void *argument)
{
	server_run(argument);
	return NULL;
}

static int set_up(void **state)
{
	struct served *served = calloc(1, sizeof(*served));
	struct cua_error err;
	assert_non_null(served);
	standin_set_up(&served->standin, script_text, "/v1/responses", responses_text, "input");
	conversations_init(&served->conversations, &served->standin.common);
	assert_int_equal(server_create(0, &served->conversations, &served->standin.settings,
					 &served->server, &served->port, &err),
			CUA_OK);
	*state = served;
	return 0;
}

/* Faults are told before the server runs. */
static void start(struct served *served, const char *fault)
{
	struct wire_settings *settings = &served->standin.settings;
	if (fault) {
		struct cua_error err;
		if (fault_parse(fault, &settings->faults[settings->fault_count++], &err) !=
				CUA_OK) {
			fail_msg("%s", err.msg);
		}
	}
	assert_int_equal(pthread_create(&served->thread, NULL, serve, served->server), 0);
}

static int tear_down(void **state)
{
	struct served *served = *state;
	server_stop(served->server);
	pthread_join(served->thread, NULL);
	server_destroy(served->server);
	conversations_finish(&served->conversations);
	standin_tear_down(&served->standin);
	free(served);
	return 0;
}

static enum cua_status post(int port, const char *path, const char *body,
		struct cua_http_response *ret_response)
{
	char url[128];
	snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", port, path);
	const char *const headers[] = { "Authorization: Bearer k", "x-api-key: k",
		"anthropic-version: 2023-06-01", "Content-Type: application/json", NULL };
	const struct cua_http_request request = { .method = "POST",
		.url = url,
		.headers = headers,
		.body = body,
		.body_len = strlen(body),
		.idle_timeout_s = 1,
		.total_timeout_ms = 20000 };
	struct cua_http_client *client = NULL;
	struct cua_error err;
	assert_int_equal(cua_http_client_create(NULL, -1, &client, &err), CUA_OK);
	enum cua_status status = cua_http_perform(client, &request, ret_response, &err);
	cua_http_client_destroy(client);
	return status;
}

/* Event names in order, without deltas. */
static void check_responses_events(const char *stream)
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
		assert_string_equal(standin_text(event, "type"), name);
		assert_int_equal(cJSON_GetObjectItem(event, "sequence_number")->valueint,
				sequence++);
		if (strstr(name, ".delta")) {
			strncat(text, standin_text(event, "delta"),
					sizeof(text) - strlen(text) - 1);
			continue;
		}
		assert_true(next < CUA_ARRAY_LEN(expected));
		assert_string_equal(name, expected[next++]);
	}
	assert_int_equal(next, CUA_ARRAY_LEN(expected));
	assert_non_null(strstr(text, "Hello Zoë."));
	assert_non_null(strstr(text, "{\"name\":\"Editor\"}"));
}

static void streams_responses_in_the_documented_order(void **state)
{
	struct served *served = *state;
	struct cua_http_response response;
	start(served, NULL);
	assert_int_equal(post(served->port, "/v1/responses", responses_text, &response), CUA_OK);
	assert_int_equal(response.http_status, 200);
	assert_non_null(strstr(response.content_type, "text/event-stream"));
	check_responses_events(response.body.data);
	cua_http_response_finish(&response);

	assert_int_equal(post(served->port, "/v1/responses", "{}", &response), CUA_OK);
	assert_int_equal(response.http_status, 400);
	assert_non_null(strstr(response.body.data, "Missing required parameter: 'input'."));
	cua_http_response_finish(&response);

	assert_int_equal(post(served->port, "/v1/other", "{}", &response), CUA_OK);
	assert_int_equal(response.http_status, 404);
	cua_http_response_finish(&response);
}

static void streams_messages_in_the_documented_order(void **state)
{
	static const char *const expected[] = { "message_start", "ping", "content_block_start",
		"content_block_delta", "content_block_stop", "content_block_start",
		"content_block_delta", "content_block_stop", "content_block_start",
		"content_block_delta", "content_block_stop", "message_delta", "message_stop" };
	struct served *served = *state;
	struct cua_http_response response;
	size_t next = 0;
	char last[64] = "";
	start(served, NULL);
	assert_int_equal(post(served->port, "/v1/messages", anthropic_text, &response), CUA_OK);
	assert_int_equal(response.http_status, 200);
	for (const char *at = response.body.data; (at = strstr(at, "event: ")); at++) {
		char name[64];
		assert_int_equal(sscanf(at, "event: %63s", name), 1);
		if (strcmp(name, last) != 0) {
			assert_true(next < CUA_ARRAY_LEN(expected));
			assert_string_equal(name, expected[next++]);
		}
		snprintf(last, sizeof(last), "%s", name);
	}
	assert_int_equal(next, CUA_ARRAY_LEN(expected));
	cua_http_response_finish(&response);
}

/* --- what goes wrong --- */

static void an_error_comes_with_its_headers_and_once(void **state)
{
	struct served *served = *state;
	struct cua_http_response response;
	start(served, "status=429,retry-after=2,retry-after-ms=350,x-should-retry=true");
	assert_int_equal(post(served->port, "/v1/messages", anthropic_text, &response), CUA_OK);
	assert_int_equal(response.http_status, 429);
	assert_string_equal(response.retry_after, "2");
	assert_string_equal(response.retry_after_ms, "350");
	assert_string_equal(response.should_retry, "true");
	assert_non_null(strstr(response.body.data, "\"type\":\"rate_limit_error\""));
	cua_http_response_finish(&response);
	assert_int_equal(post(served->port, "/v1/messages", anthropic_text, &response), CUA_OK);
	assert_int_equal(response.http_status, 200);
	cua_http_response_finish(&response);
}

static void a_stream_can_fail_in_its_middle(void **state)
{
	struct served *served = *state;
	struct cua_http_response response;
	start(served, "error-event=3,pause=1");
	assert_int_equal(post(served->port, "/v1/messages", anthropic_text, &response), CUA_OK);
	assert_non_null(strstr(response.body.data, "\"type\":\"overloaded_error\""));
	assert_null(strstr(response.body.data, "message_stop"));
	cua_http_response_finish(&response);
}

static void a_cut_answer_is_not_taken_for_a_whole_one(void **state)
{
	struct served *served = *state;
	struct cua_http_response response;
	start(served, "cut=100");
	assert_int_equal(post(served->port, "/v1/responses", responses_text, &response),
			CUA_ERR_CLOSED);
	cua_http_response_finish(&response);
}

static void a_connection_can_be_reset(void **state)
{
	struct served *served = *state;
	struct cua_http_response response;
	start(served, "reset=0");
	assert_int_equal(post(served->port, "/v1/responses", responses_text, &response),
			CUA_ERR_CLOSED);
	cua_http_response_finish(&response);
}

static void a_stream_can_stall(void **state)
{
	struct served *served = *state;
	struct cua_http_response response;
	start(served, "stall=100");
	assert_int_equal(post(served->port, "/v1/responses", responses_text, &response),
			CUA_ERR_TIMEOUT);
	cua_http_response_finish(&response);
}

static void headers_can_go_on_for_ever(void **state)
{
	struct served *served = *state;
	struct cua_http_response response;
	start(served, "endless-headers");
	assert_int_not_equal(
			post(served->port, "/v1/responses", responses_text, &response), CUA_OK);
	cua_http_response_finish(&response);
}

static void an_answer_can_be_somewhere_else(void **state)
{
	struct served *served = *state;
	struct cua_http_response response;
	start(served, "redirect=http://example.com/");
	assert_int_equal(post(served->port, "/v1/responses", responses_text, &response), CUA_OK);
	assert_int_equal(response.http_status, 307);
	cua_http_response_finish(&response);
}

static void a_body_can_be_nonsense(void **state)
{
	struct served *served = *state;
	struct cua_http_response response;
	start(served, "garbage,content-type=text/html");
	assert_int_equal(post(served->port, "/v1/responses", responses_text, &response), CUA_OK);
	assert_string_equal(response.content_type, "text/html");
	assert_non_null(strstr(response.body.data, "NaN"));
	cua_http_response_finish(&response);
}

static void a_request_can_be_told_to_come_back_at_a_date(void **state)
{
	struct served *served = *state;
	struct cua_http_response response;
	start(served, "status=529,retry-after=date:30");
	assert_int_equal(post(served->port, "/v1/messages", anthropic_text, &response), CUA_OK);
	assert_int_equal(response.http_status, 529);
	assert_non_null(strstr(response.retry_after, " GMT"));
	assert_non_null(strstr(response.body.data, "\"type\":\"overloaded_error\""));
	cua_http_response_finish(&response);
}

static void an_answer_can_be_late(void **state)
{
	struct served *served = *state;
	struct cua_http_response response;
	start(served, "delay=200");
	assert_int_equal(post(served->port, "/v1/messages", anthropic_text, &response), CUA_OK);
	assert_true(response.total_ms >= 200.0);
	cua_http_response_finish(&response);
}

static void a_body_can_be_a_bomb(void **state)
{
	struct served *served = *state;
	struct cua_http_response response;
	start(served, "bomb=64");
	/* The client asked for no compression: it unpacks nothing and refuses it. */
	assert_int_equal(post(served->port, "/v1/messages", anthropic_text, &response),
			CUA_ERR_UNAVAILABLE);
	cua_http_response_finish(&response);
}

static void an_answer_can_nest_and_say_things_twice(void **state)
{
	struct served *served = *state;
	struct cua_http_response response;
	start(served, "deep=100000,duplicates");
	assert_int_equal(post(served->port, "/v1/messages", anthropic_text, &response), CUA_OK);
	const char *lists = strstr(response.body.data, "\"deep\":");
	assert_non_null(lists);
	assert_int_equal(strspn(lists + 7, "["), 100000);
	assert_non_null(strstr(response.body.data, "data: {\"type\":0,"));
	cua_http_response_finish(&response);
}

static void an_answer_can_be_huge(void **state)
{
	struct served *served = *state;
	struct cua_http_response response;
	start(served, "huge=2,batch=1000");
	assert_int_equal(post(served->port, "/v1/messages", anthropic_text, &response), CUA_OK);
	assert_true(response.body.len > 2 << 20);
	int calls = 0;
	for (const char *at = response.body.data; (at = strstr(at, "\"name\":\"screenshot\""));
			at++) {
		calls++;
	}
	assert_int_equal(calls, 1000);
	cua_http_response_finish(&response);
}

static void a_turn_can_end_for_another_reason(void **state)
{
	struct served *served = *state;
	struct cua_http_response response;
	start(served, "end=refusal");
	assert_int_equal(post(served->port, "/v1/messages", anthropic_text, &response), CUA_OK);
	assert_non_null(strstr(response.body.data, "\"stop_reason\":\"refusal\""));
	cua_http_response_finish(&response);
}

int main(void)
{
	if (sodium_init() < 0) {
		return 1;
	}
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(streams_responses_in_the_documented_order),
		TEST(streams_messages_in_the_documented_order),
		TEST(an_error_comes_with_its_headers_and_once),
		TEST(a_stream_can_fail_in_its_middle),
		TEST(a_cut_answer_is_not_taken_for_a_whole_one),
		TEST(a_connection_can_be_reset),
		TEST(a_stream_can_stall),
		TEST(headers_can_go_on_for_ever),
		TEST(an_answer_can_be_somewhere_else),
		TEST(a_body_can_be_nonsense),
		TEST(a_request_can_be_told_to_come_back_at_a_date),
		TEST(an_answer_can_be_late),
		TEST(a_body_can_be_a_bomb),
		TEST(an_answer_can_nest_and_say_things_twice),
		TEST(an_answer_can_be_huge),
		TEST(a_turn_can_end_for_another_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
