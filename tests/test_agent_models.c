#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cjson/cJSON.h>

#include "cua/base/util.h"
#include "tests/test_agent_fake.h"

/* `cua models` and what `cua run` says before it starts anything. */

#define KEY "sk-test-0123456789"

struct server {
	int http_status;
	const char *reply;
	char authorization[128];
	cJSON *asked; /* the last body */
};

static void answer(const struct fake_request *request, struct fake_reply *reply, void *user_data)
{
	struct server *server = user_data;
	const char *header = strcasestr(request->head, "authorization: ");
	snprintf(server->authorization, sizeof(server->authorization), "%.*s",
			header ? (int)strcspn(header + 15, "\r") : 0, header ? header + 15 : "");
	cJSON_Delete(server->asked);
	server->asked = cJSON_Parse(request->body);
	reply->http_status = server->http_status;
	reply->content_type = server->http_status == 200 ? "text/event-stream" : "application/json";
	assert_int_equal(cua_buffer_printf(&reply->body, NULL, "%s", server->reply), CUA_OK);
}

/* Runs `cua ARGUMENTS`, keeps what it prints, and returns its exit status. */
static int run_cua(const char *arguments, char *output, size_t size)
{
	char command[1024];
	snprintf(command, sizeof(command), "%s %s 2>&1", CUA_TEST_PROGRAM, arguments);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	size_t len = fread(output, 1, size - 1, pipe);
	output[len] = '\0';
	return WEXITSTATUS(pclose(pipe));
}

static int set_up(void **state)
{
	(void)state;
	static const char *const variables[] = { "CUA_API_KEY", "CUA_MODEL", "CUA_BASE_URL",
		"OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "GEMINI_API_KEY",
		"GOOGLE_API_KEY", "OPENROUTER_API_KEY", "CUA_MODELS" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(variables); i++) {
		unsetenv(variables[i]);
	}
	setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
	return 0;
}

static void keys_that_are_set_are_listed(void **state)
{
	(void)state;
	char output[32768];
	setenv("ANTHROPIC_API_KEY", KEY, 1);
	assert_int_equal(run_cua("models --json", output, sizeof(output)), 0);
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(output);
	const cJSON *model = NULL, *models = cJSON_GetObjectItem(json, "models");
	int with_key = 0;
	cJSON_ArrayForEach (model, models) {
		const char *provider = cJSON_GetObjectItem(model, "provider")->valuestring;
		bool is_set = cJSON_IsTrue(cJSON_GetObjectItem(model, "key_set"));
		assert_int_equal(is_set, strcmp(provider, "anthropic") == 0);
		with_key += is_set;
	}
	assert_true(with_key > 0 && with_key < cJSON_GetArraySize(models));
	assert_null(strstr(output, KEY));
	assert_int_equal(run_cua("models", output, sizeof(output)), 0);
	assert_non_null(strstr(output, "set OPENAI_API_KEY"));
	assert_non_null(strstr(output, "key: ANTHROPIC_API_KEY"));
	assert_null(strstr(output, KEY));
}

#define DONE \
	"data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"," \
	"\"output\":[{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":" \
	"\"ok\"}]}],\"usage\":{\"input_tokens\":12,\"output_tokens\":3}}}\n\n"
#define CUT \
	"data: {\"type\":\"response.incomplete\",\"response\":{\"status\":\"incomplete\"," \
	"\"incomplete_details\":{\"reason\":\"max_output_tokens\"}}}\n\n"
#define ERROR(code, message) \
	"{\"error\":{\"message\":\"" message "\",\"type\":\"x\",\"code\":\"" code "\"}}"

static void a_test_says_what_to_do(void **state)
{
	(void)state;
	static const struct {
		int http_status;
		const char *reply, *said;
		int exit_status;
	} rows[] = {
		{ 200, DONE, "tokens 12 in, 3 out, $0.000054", 0 },
		{ 200, CUT, ": ok, ", 0 },
		{ 401, ERROR("invalid_api_key", "Incorrect API key: " KEY), "set the right one",
				5 },
		{ 404, ERROR("model_not_found", "no"), "does not have this model", 5 },
		{ 404, "<html>", "check --model and --base-url", 5 },
		{ 429, ERROR("insufficient_quota", "You exceeded"), "no credit left", 5 },
		{ 402, "{}", "no credit left", 5 },
		{ 403, "{\"detail\":\"not in your country\"}", "not in your country", 5 },
		{ 500, "oops", "answered 500: oops", 5 },
		{ 200, "garbage\n\n", "cut off", 5 },
	};
	struct server server = { 0 };
	struct fake_server *fake = fake_server_start(NULL, answer, &server);
	char arguments[256], output[4096];
	setenv("OPENAI_API_KEY", KEY, 1);
	setenv("http_proxy", "http://127.0.0.1:1", 1); /* must not see the key */
	snprintf(arguments, sizeof(arguments),
			"models test --base-url http://127.0.0.1:%d/v1 gpt-6.1-sol",
			fake_server_port(fake));
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		server.http_status = rows[i].http_status;
		server.reply = rows[i].reply;
		int exit_status = run_cua(arguments, output, sizeof(output));
		if (!strstr(output, rows[i].said) || exit_status != rows[i].exit_status) {
			fail_msg("%d %s: %s", rows[i].http_status, rows[i].reply, output);
		}
		assert_null(strstr(output, KEY));
		assert_string_equal(server.authorization, "Bearer " KEY);
	}
	unsetenv("http_proxy");
	assert_null(cJSON_GetObjectItem(server.asked, "tools"));
	assert_true(cJSON_GetObjectItem(server.asked, "max_output_tokens")->valueint <= 16);

	fake_server_stop(fake);
	assert_int_equal(run_cua(arguments, output, sizeof(output)), 5);
	assert_non_null(strstr(output, "connect to server"));
	cJSON_Delete(server.asked);
}

#define CHAT_DONE \
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ok\"},\"finish_reason\":" \
	"\"stop\"}]}\n\ndata: [DONE]\n\n"

static void a_server_that_nobody_knows_speaks_chat(void **state)
{
	(void)state;
	struct server server = { .http_status = 200, .reply = CHAT_DONE };
	struct fake_server *fake = fake_server_start(NULL, answer, &server);
	char arguments[256], output[4096];
	setenv("OPENAI_API_KEY", KEY, 1);
	snprintf(arguments, sizeof(arguments), "models test --base-url http://127.0.0.1:%d/v1 m",
			fake_server_port(fake));
	assert_int_equal(run_cua(arguments, output, sizeof(output)), 0);
	assert_non_null(strstr(output, "(chat): ok"));
	fake_server_stop(fake);
	assert_string_equal(server.authorization, ""); /* the key is another's */
	assert_null(cJSON_GetObjectItem(server.asked, "tools"));
	assert_int_equal(cJSON_GetObjectItem(server.asked, "max_tokens")->valueint, 16);
	cJSON_Delete(server.asked);
}

static void the_cheapest_of_each_provider_is_tested(void **state)
{
	(void)state;
	struct server server = { .http_status = 200, .reply = DONE };
	struct fake_server *fake = fake_server_start(NULL, answer, &server);
	char url[64], output[4096];
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1", fake_server_port(fake));
	assert_int_equal(run_cua("models test", output, sizeof(output)), 5);
	assert_non_null(strstr(output, "No key"));
	setenv("OPENAI_BASE_URL", url, 1);
	setenv("OPENAI_API_KEY", KEY, 1);
	setenv("CUA_API_KEY", "sk-of-somebody-0123456789", 1);
	assert_int_equal(run_cua("models test", output, sizeof(output)), 0);
	assert_non_null(strstr(output, "gpt-6-luna at "));
	fake_server_stop(fake);
	assert_string_equal(server.authorization, "Bearer " KEY);
	cJSON_Delete(server.asked);
}

static void a_run_that_cannot_be_says_why_at_once(void **state)
{
	(void)state;
	static const struct {
		const char *arguments, *said;
	} rows[] = {
		{ "run task", "no model is configured" },
		{ "run --model mystery task", "PROVIDER/MODEL" },
		{ "run --model gpt-6.1-sol task", "set OPENAI_API_KEY or CUA_API_KEY" },
		{ "run --model gpt-6.1-sol --api telepathy task", "these are: responses" },
		{ "run --model m --api responses --base-url ftp://x task", "https or http" },
		{ "models --api chat", "do not go together" },
		{ "models test --frob", "cua models --help" },
	};
	char output[4096];
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		assert_int_equal(run_cua(rows[i].arguments, output, sizeof(output)), 2);
		if (!strstr(output, rows[i].said)) {
			fail_msg("%s: %s", rows[i].arguments, output);
		}
	}
}

static void every_word_of_runs_has_help(void **state)
{
	(void)state;
	static const char *const words[] = { "", "list", "show", "attach", "cost", "report",
		"export", "replay", "verify", "delete last" };
	char arguments[64], output[4096];
	for (size_t i = 0; i < CUA_ARRAY_LEN(words); i++) {
		snprintf(arguments, sizeof(arguments), "runs %s --help", words[i]);
		assert_int_equal(run_cua(arguments, output, sizeof(output)), 0);
		assert_non_null(strstr(output, "Usage: cua runs list"));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(keys_that_are_set_are_listed),
		TEST(a_test_says_what_to_do),
		TEST(a_server_that_nobody_knows_speaks_chat),
		TEST(the_cheapest_of_each_provider_is_tested),
		TEST(a_run_that_cannot_be_says_why_at_once),
		TEST(every_word_of_runs_has_help),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
