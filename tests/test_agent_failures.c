/* A model that cannot be asked ends the run with a typed error, in words that say what to do, over
 * each API; and so it stands in the journal. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "tests/agent_resume_turns.h"
#include "tests/agent_stage.h"

static const char *const apis[] = { "responses", "anthropic", "chat", "gemini" };

/* The last event of the journal. */
static cJSON *end_of(const struct agent_stage *stage)
{
	CUA_AUTO_FREE char *events = agent_stage_read(stage, "events.jsonl");
	char *last = events;
	for (char *at = events; (at = strchr(at, '\n')) && at[1];) {
		last = ++at;
	}
	return cJSON_Parse(last);
}

/* Plays and compares; NULL for no message. */
static void expect(struct agent_stage *stage, const char *api, const char *code, const char *said)
{
	stage->options.api = api;
	agent_stage_play(stage);
	CUA_AUTO_JSON cJSON *end = end_of(stage);
	const char *message = agent_stage_text(end, "message");
	if (stage->result.outcome != CUA_AGENT_MODEL_ERROR ||
			strcmp(agent_stage_text(end, "type"), "run_end") != 0 ||
			strcmp(agent_stage_text(end, "class"), "model") != 0 ||
			strcmp(agent_stage_text(end, "code"), code) != 0 || !message ||
			!strstr(message, said)) {
		fail_msg("%s, %s: %s, %s: %s", api, code, agent_stage_text(end, "class"),
				agent_stage_text(end, "code"), message);
	}
	assert_int_equal(agent_stage_acted(stage), 1); /* the first look */
}

/* A stage for each run: what it came to is checked when it is torn down. */
static void with_stage(void (*play)(struct agent_stage *stage, const char *api, const void *row),
		const void *row)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(apis); i++) {
		void *state = NULL;
		assert_int_equal(agent_stage_set_up(&state), 0);
		play(state, apis[i], row);
		assert_int_equal(agent_stage_tear_down(&state), 0);
	}
}

/* --- what the server says --- */

struct saying {
	const char *api; /* NULL: each */
	int http_status;
	const char *body, *code, *said;
	bool has_no_key;
};

static void hear(struct agent_stage *stage, const char *api, const void *row)
{
	const struct saying *saying = row;
	const bool is_wanted = !saying->api || strcmp(saying->api, api) == 0;
	stage->replies[0] = saying->body;
	stage->faults[0].http_status = saying->http_status;
	stage->options.api_key = saying->has_no_key ? NULL : stage->options.api_key;
	expect(stage, is_wanted ? api : saying->api, saying->code, saying->said);
}

static void what_the_server_says_is_told_apart(void **state)
{
	(void)state;
#define ERROR(rest) "{\"error\":{" rest "}}"
	static const struct saying rows[] = {
		{ NULL, 401, ERROR("\"message\":\"no\""), "model_key", "set the right one", false },
		{ NULL, 401, ERROR("\"message\":\"no\""), "model_key", "set CUA_API_KEY", true },
		{ NULL, 403, ERROR("\"message\":\"no\""), "model_key", "check its rights", false },
		{ "gemini", 400,
				ERROR("\"code\":400,\"status\":\"INVALID_ARGUMENT\",\"message\":"
				      "\"API key not valid.\",\"details\":[{\"@type\":"
				      "\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":"
				      "\"API_KEY_INVALID\"}]"),
				"model_key", "set the right one", false },
		{ NULL, 402, ERROR("\"message\":\"no\""), "model_quota", "no credit left", false },
		{ NULL, 429, ERROR("\"code\":\"insufficient_quota\",\"message\":\"spent\""),
				"model_quota", "no credit left", false },
		{ NULL, 429, ERROR("\"message\":\"slow down\""), "model_quota", "raise its limits",
				false },
		{ NULL, 404, ERROR("\"message\":\"m\""), "model_unknown", "check --model", false },
		{ "responses", 400, ERROR("\"code\":\"model_not_found\",\"message\":\"m\""),
				"model_unknown", "does not have this model", false },
		/* OpenRouter */
		{ "chat", 400,
				ERROR("\"message\":\"acme/none is not a valid model ID\","
				      "\"code\":400"),
				"model_unknown", "does not have this model", false },
		{ "anthropic", 400,
				ERROR("\"type\":\"invalid_request_error\",\"message\":"
				      "\"Your credit balance is too low to access the Anthropic "
				      "API."
				      "\""),
				"model_quota", "no credit left", false },
		{ NULL, 400, ERROR("\"message\":\"bad\""), "model", "answered 400: bad", false },
		/* In a stream that began well. */
		{ "chat", 0, "data: {\"error\":{\"code\":402,\"message\":\"pay\"}}\n\n",
				"model_quota", "no credit left", false },
		{ "responses", 0,
				"data: {\"type\":\"error\",\"code\":\"insufficient_quota\","
				"\"message\":\"spent\"}\n\n",
				"model_quota", "no credit left", false },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		with_stage(hear, &rows[i]);
	}
}

/* --- nobody who says anything --- */

struct address {
	const char *base_url, *said;
};

static void knock(struct agent_stage *stage, const char *api, const void *row)
{
	const struct address *address = row;
	stage->options.base_url = address->base_url;
	expect(stage, api, "model_unreachable", address->said);
	assert_int_equal(cJSON_GetArraySize(stage->asked), 0);
}

static void nobody_who_answers_is_told_apart(void **state)
{
	(void)state;
	static const struct address rows[] = {
		{ "http://127.0.0.1:1/v1", "Does the server run, and is the port right?" },
		{ "https://nobody.invalid/v1", "Is the name right, and is there a network?" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		with_stage(knock, &rows[i]);
	}
}

/* In a process without a network, where the kernel permits one. */
static void no_route_is_told_apart(void **state)
{
	(void)state;
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct cua_error why = { 0 };
		struct agent_model *model = NULL;
		struct agent_turn turn;
		const struct agent_model_config config = { .api = "chat",
			.model = "m",
			.base_url = "https://192.0.2.1/v1",
			.session = "s",
			.screen = { 1280, 800 },
			.cancel_fd = -1 };
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
			_exit(77);
		}
		_exit(agent_model_create(&config, &model, NULL) == CUA_OK &&
								agent_model_add_user(model, "Go.",
										NULL,
										NULL) == CUA_OK &&
								agent_model_ask(model,
										cua_now_us() + 20000000,
										&turn, &why) ==
										CUA_ERR_MODEL_UNREACHABLE &&
								strstr(why.msg, "no route to it")
						? 0
						: 1);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		skip();
	}
	assert_int_equal(status, 0);
}

/* --- streams that break off --- */

static int count_in(const char *text, const char *word)
{
	int count = 0;
	for (; (text = strstr(text, word)); text++) {
		count++;
	}
	return count;
}

/* Behind each of its bytes, one after the other, until it is whole: it is asked for again each
 * time, and what it says is done once. */
static void a_stream_that_is_cut_anywhere_does_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(resume_turns); i++) {
		const struct resume_turns *turns = &resume_turns[i];
		void *opened = NULL;
		assert_int_equal(agent_stage_set_up(&opened), 0);
		struct agent_stage *stage = opened;
		const int len = (int)strlen(turns->turns[1]);
		stage->options.api = turns->api;
		stage->options.model_retries = 10 * len;
		stage->options.limits.steps = 0;
		stage->replies[0] = turns->turns[1];
		stage->replies[1] = turns->turns[3];
		stage->cut_until = turns->answered[1];
		agent_stage_play(stage);
		if (stage->result.outcome != CUA_AGENT_DONE) {
			fail_msg("%s: %s", turns->api, stage->result.error.msg);
		}
		CUA_AUTO_FREE char *events = agent_stage_read(stage, "events.jsonl");
		const int retries = count_in(events, "\"type\":\"retry\"");
		/* What follows the last event need not come. */
		assert_in_range(retries, len - 120, len);
		assert_int_equal(cJSON_GetArraySize(stage->asked), retries + 2);
		assert_int_equal(count_in(events, "\"type\":\"intent\""), 1);
		assert_int_equal(stage->result.actions, 1);
		assert_int_equal(agent_stage_acted(stage), 2); /* with the first look */
		assert_int_equal(agent_stage_tear_down(&opened), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_route_is_told_apart), /* forks: before there is a thread */
		cmocka_unit_test(what_the_server_says_is_told_apart),
		cmocka_unit_test(nobody_who_answers_is_told_apart),
		cmocka_unit_test(a_stream_that_is_cut_anywhere_does_nothing),
	};
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
