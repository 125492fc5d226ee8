/* Many clients of one stand-in, each in a conversation of its own. */

#include "standin_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "demos/standin/conversations.h"

#define CLIENTS 12

static const char script_text[] = "task: t\n"
				  "steps:\n"
				  "  - open_app: Editor\n"
				  "  - open_app: Mail\n"
				  "  - open_app: Browser\n"
				  "  - done: All done.\n";

static const char responses_text[] = "{\"model\":\"standin\","
				     "\"tools\":[{\"type\":\"computer\"},"
				     "{\"type\":\"function\",\"name\":\"open_app\",\"parameters\":{"
				     "\"type\":\"object\",\"properties\":{}}}],"
				     "\"input\":[{\"role\":\"user\",\"content\":\"do it\"}]}";

/* Told apart by nothing but what each was told to do. */
static const char grammar_text[] = "{\"model\":\"ui-tars\",\"messages\":[{\"role\":\"system\","
				   "\"content\":\"You may call open_app(name).\"},"
				   "{\"role\":\"user\",\"content\":\"do it\"}]}";

struct clients {
	struct standin standin; /* whose request is that of the first */
	struct conversations conversations;
	cJSON *requests[CLIENTS]; /* owned */
};

static int set_up(void **state)
{
	struct clients *clients = calloc(1, sizeof(*clients));
	assert_non_null(clients);
	standin_set_up(&clients->standin, script_text, "/v1/responses", responses_text, "input");
	conversations_init(&clients->conversations, &clients->standin.common);
	for (int i = 0; i < CLIENTS; i++) {
		clients->requests[i] = standin_parse(responses_text);
	}
	*state = clients;
	return 0;
}

static int tear_down(void **state)
{
	struct clients *clients = *state;
	for (int i = 0; i < CLIENTS; i++) {
		cJSON_Delete(clients->requests[i]);
	}
	conversations_finish(&clients->conversations);
	standin_tear_down(&clients->standin);
	free(clients);
	return 0;
}

static cJSON *post(struct clients *clients, const char *path, const cJSON *request, int expected)
{
	char *body = cJSON_PrintUnformatted(request);
	const struct wire_http http = { .method = "POST",
		.path = path,
		.query = "",
		.headers = { [WIRE_AUTHORIZATION] = "Bearer k" },
		.body = body,
		.body_len = strlen(body) };
	struct wire_reply reply;
	conversations_answer(&clients->conversations, &clients->standin.settings, &http, &reply);
	if (reply.http_status != expected) {
		fail_msg("%d instead of %d: %.500s", reply.http_status, expected, reply.body.data);
	}
	cJSON *answer = standin_parse(reply.body.data);
	wire_reply_finish(&reply);
	cJSON_free(body);
	return answer;
}

/* One turn of a client of Responses: takes all that came into its history and answers the calls.
 * Returns the application that was to be opened, "" for none; overwritten by the next. */
static const char *turn(struct clients *clients, int index)
{
	static char app[64];
	cJSON *input = cJSON_GetObjectItem(clients->requests[index], "input");
	CUA_AUTO_JSON cJSON *answer = post(clients, "/v1/responses", clients->requests[index], 200);
	const cJSON *item;
	app[0] = '\0';
	cJSON_ArrayForEach (item, standin_at(answer, "output", NULL)) {
		cJSON_AddItemToArray(input, cJSON_Duplicate(item, true));
	}
	cJSON_ArrayForEach (item, standin_at(answer, "output", NULL)) {
		if (strcmp(standin_text(item, "type"), "function_call") != 0) {
			continue;
		}
		cJSON *output = cJSON_CreateObject();
		cJSON_AddStringToObject(output, "type", "function_call_output");
		cJSON_AddStringToObject(output, "call_id", standin_text(item, "call_id"));
		cJSON_AddStringToObject(output, "output", "ok");
		cJSON_AddItemToArray(input, output);
		CUA_AUTO_JSON cJSON *arguments = standin_parse(standin_text(item, "arguments"));
		snprintf(app, sizeof(app), "%s", standin_text(arguments, "name"));
	}
	return app;
}

static void each_client_has_its_own_place_in_the_script(void **state)
{
	static const char *const apps[] = { "Editor", "Mail", "Browser", "" };
	struct clients *clients = *state;
	for (int step = 0; step < 4; step++) {
		for (int i = 0; i < CLIENTS; i++) {
			assert_string_equal(turn(clients, i), apps[step]);
		}
	}
	assert_int_equal(clients->conversations.count, CLIENTS);
}

static void clients_may_be_at_different_steps(void **state)
{
	struct clients *clients = *state;
	assert_string_equal(turn(clients, 0), "Editor");
	assert_string_equal(turn(clients, 0), "Mail");
	assert_string_equal(turn(clients, 1), "Editor");
	assert_string_equal(turn(clients, 0), "Browser");
	assert_string_equal(turn(clients, 1), "Mail");
	assert_string_equal(turn(clients, 0), "");
	assert_string_equal(turn(clients, 1), "Browser");
}

static void a_refused_request_leaves_nothing_behind(void **state)
{
	struct clients *clients = *state;
	CUA_AUTO_JSON cJSON *bad = standin_parse("{\"model\":\"standin\",\"nonsense\":1}");
	for (int i = 0; i < 3; i++) {
		cJSON_Delete(post(clients, "/v1/responses", bad, 400));
	}
	assert_int_equal(clients->conversations.count, 1);
	assert_string_equal(turn(clients, 0), "Editor");
	assert_int_equal(clients->conversations.count, 1);
}

static void the_one_that_was_silent_longest_is_forgotten(void **state)
{
	struct clients *clients = *state;
	assert_string_equal(turn(clients, 0), "Editor");
	assert_string_equal(turn(clients, 1), "Editor");
	for (int i = 0; i < CONVERSATIONS_MAX - 1; i++) {
		CUA_AUTO_JSON cJSON *other = standin_parse(responses_text);
		cJSON_Delete(post(clients, "/v1/responses", other, 200));
	}
	assert_int_equal(clients->conversations.count, CONVERSATIONS_MAX);
	assert_string_equal(turn(clients, 1), "Mail");
	cJSON_Delete(post(clients, "/v1/responses", clients->requests[0], 404));
}

/* No API with a grammar of its own has ids. */
static void histories_without_ids_are_told_apart_by_their_words(void **state)
{
	struct clients *clients = *state;
	const char *path = "/v1/chat/completions";
	CUA_AUTO_JSON cJSON *ahead = standin_parse(grammar_text);
	CUA_AUTO_JSON cJSON *behind = standin_parse(grammar_text);
	cJSON *const talks[] = { ahead, ahead, behind, ahead, behind };
	static const char *const apps[] = { "Editor", "Mail", "Editor", "Browser", "Mail" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(talks); i++) {
		CUA_AUTO_JSON cJSON *answer = post(clients, path, talks[i], 200);
		const cJSON *message = standin_at(answer, "choices", "0", "message", NULL);
		if (!strstr(standin_text(message, "content"), apps[i])) {
			fail_msg("%zu: no %s in %s", i, apps[i], standin_text(message, "content"));
		}
		cJSON *messages = cJSON_GetObjectItem(talks[i], "messages");
		cJSON_AddItemToArray(messages, cJSON_Duplicate(message, true));
		cJSON_AddItemToArray(messages,
				standin_parse("{\"role\":\"user\",\"content\":\"go on\"}"));
	}
}

int main(void)
{
	if (sodium_init() < 0) {
		return 1;
	}
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(each_client_has_its_own_place_in_the_script),
		TEST(clients_may_be_at_different_steps),
		TEST(a_refused_request_leaves_nothing_behind),
		TEST(the_one_that_was_silent_longest_is_forgotten),
		TEST(histories_without_ids_are_told_apart_by_their_words),
	};
#undef TEST
	return cmocka_run_group_tests(tests, NULL, NULL);
}
