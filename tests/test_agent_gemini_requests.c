/* What is sent over Gemini, and what is made of its refusals. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agent/model/retry.h"
#include "cua/base/util.h"
#include "tests/gemini_talk.h"

static char base64[] = "iVBORw0KGgo=";
static const struct agent_image image = {
	.base64 = base64, .media_type = "image/png", .sha256 = "1", .width = 1, .height = 1
};
static const struct agent_image other = {
	.base64 = base64, .media_type = "image/png", .sha256 = "2", .width = 1, .height = 1
};

static char *contents_of(void *talk)
{
	CUA_AUTO_FREE char *body = body_text(&model_api_gemini, talk);
	return strdup(strstr(body, "\"contents\":"));
}

#define PICTURE "{'inlineData':{'mimeType':'image/png','data':'iVBORw0KGgo='}}"

static void answers_name_their_calls(void **state)
{
	(void)state;
	void *talk = open_talk(&gemini_config);
	assert_int_equal(model_api_gemini.add_user(talk, "Do it.", &other, NULL), CUA_OK);
	struct agent_turn turn = turn_of(talk, "[" CLICK "," WAIT "]");
	const struct agent_answer answers[] = { { .call = &turn.calls[0], .image = &image },
		{ .call = &turn.calls[1], .image = &other, .problem = "no" } };
	assert_int_equal(
			model_api_gemini.add_answers(talk, answers, 2, "A person looked on.", NULL),
			CUA_OK);
	CUA_AUTO_FREE char *contents = contents_of(talk);
	CUA_AUTO_FREE char *expected = quoted(
			"'contents':[{'role':'user','parts':[{'text':'Do it.'}," PICTURE "]},"
			"{'role':'model','parts':[" CLICK "," WAIT "]},"
			"{'role':'user','parts':[{'functionResponse':{'id':'fc_1','name':'click',"
			"'response':{'output':'ok'},'parts':[" PICTURE "]}},"
			"{'functionResponse':{'name':'wait','response':{'error':'no'},'parts':"
			"[" PICTURE "]}},{'text':'A person looked on.'}]}]}");
	assert_string_equal(contents, expected);
	agent_turn_finish(&turn);
	model_api_gemini.destroy(talk);
}

static int count(const char *text, const char *word)
{
	int found = 0;
	for (; (text = strstr(text, word)); text++) {
		found++;
	}
	return found;
}

static void a_screen_is_not_sent_twice(void **state)
{
	(void)state;
	void *talk = open_talk(&gemini_config);
	struct agent_turn turn = turn_of(talk, "[" CLICK "," WAIT "]");
	const struct agent_answer answers[] = { { .call = &turn.calls[0], .image = &image },
		{ .call = &turn.calls[1], .image = &image } };
	assert_int_equal(model_api_gemini.add_answers(talk, answers, 2, NULL, NULL), CUA_OK);
	CUA_AUTO_FREE char *contents = contents_of(talk);
	assert_int_equal(count(contents, "inlineData"), 1);
	agent_turn_finish(&turn);
	model_api_gemini.destroy(talk);
}

static void a_screen_that_stays_is_said_to(void **state)
{
	(void)state;
	static const struct {
		const char *call;
		enum agent_answer_status status;
		bool is_shown;
	} rows[] = { { WAIT, AGENT_ANSWER_OK, false }, { WAIT, AGENT_ANSWER_FAILED, true },
		{ WAIT, AGENT_ANSWER_OK, false }, { WAIT, AGENT_ANSWER_OK, false },
		{ WAIT, AGENT_ANSWER_OK, false }, { WAIT, AGENT_ANSWER_OK, true }, /* at times */
		{ "{'functionCall':{'name':'take_screenshot','args':{}}}", AGENT_ANSWER_OK,
				true } };
	void *talk = open_talk(&gemini_config);
	int shown = 1, said = 0;
	assert_int_equal(model_api_gemini.add_user(talk, "Do it.", &image, NULL), CUA_OK);
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		char parts[300];
		snprintf(parts, sizeof(parts), "[%s]", rows[i].call);
		struct agent_turn turn = turn_of(talk, parts);
		const struct agent_answer answer = {
			.call = &turn.calls[0], .status = rows[i].status, .image = &image
		};
		assert_int_equal(
				model_api_gemini.add_answers(talk, &answer, 1, NULL, NULL), CUA_OK);
		shown += rows[i].is_shown;
		said += !rows[i].is_shown;
		CUA_AUTO_FREE char *contents = contents_of(talk);
		assert_int_equal(count(contents, base64), shown);
		assert_int_equal(count(contents, model_unchanged), said);
		agent_turn_finish(&turn);
	}
	model_api_gemini.destroy(talk);
}

/* status, whether a person said yes, whether the answer says so. */
static void consent_goes_back_where_it_was_given(void **state)
{
	(void)state;
	static const struct {
		const char *decision;
		bool asks;
		enum agent_answer_status status;
		bool acknowledged, says;
	} rows[] = {
		{ "require_confirmation", true, AGENT_ANSWER_OK, true, true },
		{ "require_confirmation", true, AGENT_ANSWER_OK, false, false },
		{ "require_confirmation", true, AGENT_ANSWER_NOT_RUN, true, false },
		{ "not_yet_invented", true, AGENT_ANSWER_OK, true, true },
		{ "regular", false, AGENT_ANSWER_OK, true, false },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		char parts[300];
		void *talk = open_talk(&gemini_config);
		snprintf(parts, sizeof(parts),
				"[{'functionCall':{'name':'click','args':{'x':500,'y':610,"
				"'safety_decision':{'decision':'%s','explanation':'It sends.'}}}}]",
				rows[i].decision);
		struct agent_turn turn = turn_of(talk, parts);
		assert_string_equal(turn.calls[0].problem, "");
		assert_int_equal(turn.calls[0].safety_checks != NULL, rows[i].asks);
		if (rows[i].asks) {
			CUA_AUTO_FREE char *checks =
					cJSON_PrintUnformatted(turn.calls[0].safety_checks);
			assert_non_null(strstr(checks, "\"message\":\"It sends.\""));
			assert_non_null(strstr(checks, rows[i].decision));
		}
		const struct agent_answer answer = { .call = &turn.calls[0],
			.status = rows[i].status,
			.image = &image,
			.acknowledged = rows[i].acknowledged };
		assert_int_equal(
				model_api_gemini.add_answers(talk, &answer, 1, NULL, NULL), CUA_OK);
		CUA_AUTO_FREE char *contents = contents_of(talk);
		assert_int_equal(count(contents, "\"safety_acknowledgement\":\"true\""),
				rows[i].says);
		agent_turn_finish(&turn);
		model_api_gemini.destroy(talk);
	}
}

/* By steps: in between, what a request begins with is what the one before it began with. */
static void the_oldest_pictures_go_by_steps(void **state)
{
	(void)state;
	static const struct {
		int turns, pictures;
	} rows[] = { { 30, 30 }, { 31, 16 }, { 45, 30 }, { 46, 16 } };
	void *talk = open_talk(&gemini_config);
	int turns = 0;
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		for (; turns < rows[i].turns; turns++) {
			assert_int_equal(model_api_gemini.add_user(talk, "Look.", &image, NULL),
					CUA_OK);
			struct agent_turn turn = turn_of(talk, "[" WAIT "]");
			const struct agent_answer answer = { .call = &turn.calls[0],
				.image = &other };
			if (turns == 0) { /* the pictures of answers go, too */
				assert_int_equal(model_api_gemini.add_answers(
								 talk, &answer, 1, NULL, NULL),
						CUA_OK);
				turns++;
			}
			agent_turn_finish(&turn);
		}
		CUA_AUTO_FREE char *contents = contents_of(talk);
		assert_int_equal(count(contents, base64), rows[i].pictures);
		assert_int_equal(count(contents, "Look."), turns - 1);
		assert_int_equal(count(contents, "functionResponse"), 1);
	}
	model_api_gemini.destroy(talk);
}

static void requests_offer_the_tools(void **state)
{
	(void)state;
	struct agent_model_spec spec = agent_model_spec_unknown;
	struct agent_model_config with = gemini_config;
	with.spec = &spec;
	for (int legacy = 0; legacy < 2; legacy++) {
		snprintf(spec.tool, sizeof(spec.tool), "%s", legacy ? "legacy" : "desktop");
		void *talk = open_talk(&with);
		CUA_AUTO_JSON cJSON *body = body_json(&model_api_gemini, talk);
		const cJSON *tools = cJSON_GetObjectItem(body, "tools"), *function = NULL;
		CUA_AUTO_FREE char *computer = cJSON_PrintUnformatted(tools->child);
		assert_non_null(strstr(
				computer, legacy ? "ENVIRONMENT_BROWSER" : "ENVIRONMENT_DESKTOP"));
		assert_non_null(strstr(computer, legacy ? "\"navigate\"" : "\"key_down\""));
		const cJSON *functions = cJSON_GetObjectItem(
				cJSON_GetArrayItem(tools, 1), "functionDeclarations");
		assert_true(cJSON_GetArraySize(functions) > 5);
		cJSON_ArrayForEach (function, functions) {
			assert_false(gemini_has_action(
					cJSON_GetObjectItem(function, "name")->valuestring));
		}
		model_api_gemini.destroy(talk);
	}
}

static void a_probe_is_small(void **state)
{
	(void)state;
	struct agent_model_config with = gemini_config;
	with.is_probe = true;
	void *talk = open_talk(&with);
	CUA_AUTO_JSON cJSON *body = body_json(&model_api_gemini, talk);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(body, "tools")), 1);
	assert_int_equal(cJSON_GetObjectItem(cJSON_GetObjectItem(body, "generationConfig"),
					 "maxOutputTokens")
					 ->valueint,
			16);
	assert_null(cJSON_GetObjectItem(body, "systemInstruction"));
	model_api_gemini.destroy(talk);
}

/* --- errors --- */

static void servers_quirks_are_learned_once(void **state)
{
	(void)state;
	static const struct {
		const char *message, *gone;
	} rows[] = {
		{ "Unknown name \"enablePromptInjectionDetection\"",
				"enablePromptInjectionDetection" },
		{ "Thinking is not supported for this model.", "includeThoughts" },
		{ "computer_use.environment: unsupported", "ENVIRONMENT_DESKTOP" },
	};
	void *talk = open_talk(&gemini_config);
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct model_failure failure = { .http_status = 400, .is_refused = true };
		snprintf(failure.message, sizeof(failure.message), "%s", rows[i].message);
		CUA_AUTO_JSON cJSON *before = body_json(&model_api_gemini, talk);
		assert_true(model_api_gemini.learn(talk, &failure));
		assert_false(model_api_gemini.learn(talk, &failure));
		CUA_AUTO_JSON cJSON *after = body_json(&model_api_gemini, talk);
		CUA_AUTO_FREE char *had = cJSON_PrintUnformatted(before);
		CUA_AUTO_FREE char *has = cJSON_PrintUnformatted(after);
		assert_non_null(strstr(had, rows[i].gone));
		assert_null(strstr(has, rows[i].gone));
	}
	model_api_gemini.destroy(talk);
}

#define DETAIL(type, rest) "{'@type':'type.googleapis.com/google.rpc." type "'," rest "}"

static void quotas_say_whether_and_when(void **state)
{
	(void)state;
	static const struct {
		const char *details;
		bool is_wanted;
		double delay_ms; /* 0: as without */
	} rows[] = {
		{ DETAIL("RetryInfo", "'retryDelay':'37s'"), true, 37000 },
		{ DETAIL("RetryInfo", "'retryDelay':'0.5s'"), true, 500 },
		{ DETAIL("RetryInfo", "'retryDelay':7"), true, 0 },
		{ DETAIL("QuotaFailure", "'violations':[{'quotaId':'RequestsPerMinute'}]"), true,
				0 },
		{ DETAIL("QuotaFailure",
				  "'violations':[{'quotaId':'"
				  "RequestsPerDayPerModel'}]") "," DETAIL("RetryInf"
									  "o",
				  "'retryDelay':'37s'"),
				false, 37000 },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		char text[400];
		struct model_failure failure = { .http_status = 429 };
		snprintf(text, sizeof(text), "{'error':{'code':429,'details':[%s]}}",
				rows[i].details);
		CUA_AUTO_FREE char *json = quoted(text);
		CUA_AUTO_JSON cJSON *body = cJSON_Parse(json);
		model_api_gemini.read_error(body, &failure);
		const struct agent_retry_facts facts = { .http_status = 429,
			.should_retry = failure.should_retry,
			.retry_after = failure.retry_after };
		assert_int_equal(agent_retry_wanted(&facts), rows[i].is_wanted);
		double delay_ms = agent_retry_delay_ms(&facts, 0, 1, 0);
		double expected = rows[i].delay_ms > 0 ? rows[i].delay_ms : 500;
		assert_true(delay_ms > expected - 1 && delay_ms < expected + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_name_their_calls),
		cmocka_unit_test(a_screen_is_not_sent_twice),
		cmocka_unit_test(a_screen_that_stays_is_said_to),
		cmocka_unit_test(consent_goes_back_where_it_was_given),
		cmocka_unit_test(the_oldest_pictures_go_by_steps),
		cmocka_unit_test(requests_offer_the_tools),
		cmocka_unit_test(a_probe_is_small),
		cmocka_unit_test(servers_quirks_are_learned_once),
		cmocka_unit_test(quotas_say_whether_and_when),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
