/* What is sent over Responses: tools, answers, compaction, threads. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agent/model/model_pictures.h"
#include "agent/model/responses_internal.h"
#include "cua/base/util.h"
#include "tests/agent_reply.h"

static const struct agent_model_config config = REPLY_CONFIG("responses");

static void *open_talk(void)
{
	void *talk = NULL;
	assert_int_equal(model_api_responses.create(&config, &talk, NULL), CUA_OK);
	return talk;
}

static void requests_offer_the_tools(void **state)
{
	(void)state;
	void *talk = open_talk();
	CUA_AUTO_JSON cJSON *body = body_json(&model_api_responses, talk);
	const cJSON *tools = cJSON_GetObjectItem(body, "tools");
	CUA_AUTO_FREE char *computer = cJSON_PrintUnformatted(cJSON_GetArrayItem(tools, 0));
	assert_string_equal(computer, "{\"type\":\"computer\"}");
	int functions = 1; /* give_up */
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		functions += cua_action_table[i].is_function;
	}
	assert_int_equal(cJSON_GetArraySize(tools), 1 + functions);
	assert_true(cJSON_IsFalse(cJSON_GetObjectItem(body, "store")));
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(body, "stream")));
	assert_string_equal(
			cJSON_GetArrayItem(cJSON_GetObjectItem(body, "include"), 0)->valuestring,
			"reasoning.encrypted_content");
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(body, "input")), 0);
	model_api_responses.destroy(talk);
}

static void the_preview_tool_is_told_of_the_screen(void **state)
{
	(void)state;
	struct agent_model_spec spec = agent_model_spec_unknown;
	struct agent_model_config preview = config;
	void *talk = NULL;
	snprintf(spec.tool, sizeof(spec.tool), "computer_use_preview");
	preview.spec = &spec;
	assert_int_equal(model_api_responses.create(&preview, &talk, NULL), CUA_OK);
	CUA_AUTO_JSON cJSON *body = body_json(&model_api_responses, talk);
	CUA_AUTO_FREE char *tool = cJSON_PrintUnformatted(
			cJSON_GetArrayItem(cJSON_GetObjectItem(body, "tools"), 0));
	assert_string_equal(tool,
			"{\"type\":\"computer_use_preview\",\"display_width\":1280,"
			"\"display_height\":800,\"environment\":\"linux\"}");
	assert_string_equal(cJSON_GetObjectItem(body, "truncation")->valuestring, "auto");
	model_api_responses.destroy(talk);
}

/* What the input of the next request is, as text. */
static char *input_text(void *talk)
{
	CUA_AUTO_JSON cJSON *body = body_json(&model_api_responses, talk);
	return cJSON_PrintUnformatted(cJSON_GetObjectItem(body, "input"));
}

static char base64[] = "iVBORw0KGgo=", call_id[] = "c1";
static const struct agent_image image = {
	.base64 = base64, .media_type = "image/png", .width = 1, .height = 1
};

static void answer_call(void *talk, const struct agent_call *call, bool acknowledged)
{
	const struct agent_answer answer = {
		.call = call, .image = &image, .acknowledged = acknowledged
	};
	assert_int_equal(model_api_responses.add_answers(talk, &answer, 1, NULL, NULL), CUA_OK);
}

static bool learn(void *talk, const char *param, const char *message)
{
	struct model_failure failure = { .http_status = 400 };
	snprintf(failure.param, sizeof(failure.param), "%s", param);
	snprintf(failure.message, sizeof(failure.message), "%s", message);
	return model_api_responses.learn(talk, &failure);
}

static void servers_quirks_are_learned_once(void **state)
{
	(void)state;
	void *talk = open_talk();
	const struct agent_call call = { .kind = AGENT_CALL_COMPUTER, .id = call_id };
	answer_call(talk, &call, true);
	CUA_AUTO_FREE char *first = input_text(talk);
	assert_string_equal(first,
			"[{\"type\":\"computer_call_output\",\"call_id\":\"c1\",\"output\":{"
			"\"type\":\"computer_screenshot\",\"image_url\":\"data:image/png;base64,"
			"iVBORw0KGgo=\",\"detail\":\"original\"}}]");
	assert_true(learn(talk, "input[2].output.detail",
			"Unknown parameter: 'input[2].output.detail'."));
	answer_call(talk, &call, true);
	CUA_AUTO_FREE char *second = input_text(talk);
	assert_null(strstr(second, "detail"));
	assert_false(learn(talk, "input[2].output.detail", ""));

	assert_true(learn(talk, "", "The computer tool requires store=true."));
	CUA_AUTO_JSON cJSON *body = body_json(&model_api_responses, talk);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(body, "store")));
	assert_false(learn(talk, "model", "no such model"));
	model_api_responses.destroy(talk);
}

static enum cua_status add_turn(void *talk, const char *const *texts, size_t count)
{
	struct model_items items = { 0 };
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(model_items_add(&items, texts[i], strlen(texts[i]), NULL), CUA_OK);
	}
	enum cua_status status = model_api_responses.add_turn(talk, &items, NULL);
	model_items_finish(&items);
	return status;
}

static double threshold_of(void *talk)
{
	CUA_AUTO_JSON cJSON *body = body_json(&model_api_responses, talk);
	const cJSON *entry = cJSON_GetArrayItem(cJSON_GetObjectItem(body, "context_management"), 0);
	const cJSON *threshold = cJSON_GetObjectItem(entry, "compact_threshold");
	return threshold ? threshold->valuedouble : 0;
}

static void a_long_conversation_is_compacted_by_the_server(void **state)
{
	(void)state;
	static const char *const before[] = { "{\"type\":\"message\",\"id\":\"old\"}" };
	static const char *const turn[] = { "{\"id\":\"cm\",\"type\": \"compaction\",\"x\":1.0}",
		"{\"type\":\"computer_call\",\"call_id\":\"c1\",\"actions\":[]}" };
	const struct agent_call call = { .kind = AGENT_CALL_COMPUTER, .id = call_id };
	struct agent_model_spec spec = agent_model_spec_unknown;
	struct agent_model_config known = config;
	void *talk = NULL;
	known.spec = &spec;
	assert_int_equal(model_api_responses.create(&known, &talk, NULL), CUA_OK);
	assert_true(threshold_of(talk) == 0); /* of a model that is not known */
	spec.context = 300000;
	spec.max_output = 100000;
	assert_true(threshold_of(talk) == 160000);
	spec.prices.long_above = 100000;
	assert_true(threshold_of(talk) == 80000);

	assert_int_equal(model_api_responses.add_user(talk, "Begin.", NULL, NULL), CUA_OK);
	assert_int_equal(add_turn(talk, before, CUA_ARRAY_LEN(before)), CUA_OK);
	assert_int_equal(add_turn(talk, turn, CUA_ARRAY_LEN(turn)), CUA_OK);
	answer_call(talk, &call, false);
	CUA_AUTO_FREE char *body = body_text(&model_api_responses, talk);
	assert_null(strstr(body, "Begin."));
	assert_null(strstr(body, "\"old\""));
	assert_non_null(strstr(body,
			"\"input\":[{\"id\":\"cm\",\"type\": \"compaction\",\"x\":1.0},"
			"{\"type\":\"computer_call\""));
	assert_non_null(strstr(body, "computer_call_output"));

	assert_true(learn(talk, "context_management", "Unknown parameter."));
	assert_true(threshold_of(talk) == 0);
	model_api_responses.destroy(talk);
}

/* --- threads --- */

#define TURN(id) "{\"type\":\"computer_call\",\"call_id\":\"" id "\",\"actions\":[]}"

static bool is_refused(void *talk, const char *code, const char *param, const char *message)
{
	struct model_failure failure = { .http_status = 404 };
	snprintf(failure.code, sizeof(failure.code), "%s", code);
	snprintf(failure.param, sizeof(failure.param), "%s", param);
	snprintf(failure.message, sizeof(failure.message), "%s", message);
	model_api_responses.read_error(NULL, &failure);
	return failure.is_refused && model_api_responses.learn(talk, &failure);
}

static const char *thread_of(const cJSON *body)
{
	return cJSON_GetStringValue(cJSON_GetObjectItem(body, "previous_response_id"));
}

/* A conversation of two turns that the server keeps. */
static void *open_thread(struct agent_model_spec *spec, struct agent_model_config *known,
		struct model_pictures *pictures)
{
	static const char *const first[] = { TURN("a"), "{\"type\":\"response\",\"id\":\"r1\"}" };
	static const char *const second[] = { TURN("b"), "{\"type\":\"response\",\"id\":\"r2\"}" };
	void *talk = NULL;
	*spec = agent_model_spec_unknown;
	spec->threads = true;
	*known = config;
	known->spec = spec;
	known->pictures = pictures;
	assert_int_equal(model_api_responses.create(known, &talk, NULL), CUA_OK);
	assert_int_equal(model_api_responses.add_user(talk, "Begin.", NULL, NULL), CUA_OK);
	CUA_AUTO_JSON cJSON *body = body_json(&model_api_responses, talk);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(body, "store")));
	assert_null(thread_of(body));
	assert_int_equal(add_turn(talk, first, CUA_ARRAY_LEN(first)), CUA_OK);
	assert_int_equal(model_api_responses.add_user(talk, "Go on.", NULL, NULL), CUA_OK);
	assert_int_equal(add_turn(talk, second, CUA_ARRAY_LEN(second)), CUA_OK);
	assert_int_equal(model_api_responses.add_user(talk, "And on.", NULL, NULL), CUA_OK);
	return talk;
}

static void a_thread_gets_only_what_is_new(void **state)
{
	(void)state;
	struct agent_model_spec spec;
	struct agent_model_config known;
	void *talk = open_thread(&spec, &known, NULL);
	CUA_AUTO_JSON cJSON *body = body_json(&model_api_responses, talk);
	const cJSON *input = cJSON_GetObjectItem(body, "input");
	assert_string_equal(thread_of(body), "r2");
	assert_int_equal(cJSON_GetArraySize(input), 1);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(input);
	assert_non_null(strstr(text, "And on."));
	model_api_responses.destroy(talk);
}

/* Whole, with the turns in between, and without what names the answers. */
static void a_lost_thread_is_sent_again_whole(void **state)
{
	(void)state;
	static const struct {
		const char *code, *param, *message;
		bool stays; /* a later answer is gone on from */
	} refusals[] = {
		{ "previous_response_not_found", "previous_response_id",
				"Previous response with id 'r2' not found.", true },
		{ "unsupported_parameter", "previous_response_id", "Zero Data Retention.", false },
		{ "unsupported_value", "store", "store must be false.", false },
	};
	static const char *const third[] = { TURN("c"), "{\"type\":\"response\",\"id\":\"r3\"}" };
	struct model_pictures *on_disk = NULL;
	assert_int_equal(model_pictures_create("/tmp", &on_disk, NULL), CUA_OK);
	for (size_t k = 0; k < 2 * CUA_ARRAY_LEN(refusals); k++) {
		const size_t i = k / 2;
		struct agent_model_spec spec;
		struct agent_model_config known;
		struct responses *talk = open_thread(&spec, &known, k % 2 ? on_disk : NULL);
		assert_int_equal(talk->items.count, k % 2 ? 1 : 5); /* what is new, or all */
		if (refusals[i].stays) {
			assert_true(is_refused(talk, refusals[i].code, refusals[i].param,
					refusals[i].message));
		} else {
			assert_true(learn(talk, refusals[i].param, refusals[i].message));
		}
		CUA_AUTO_JSON cJSON *body = body_json(&model_api_responses, talk);
		assert_null(thread_of(body));
		assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(body, "input")), 5);
		assert_int_equal(cJSON_IsTrue(cJSON_GetObjectItem(body, "store")),
				refusals[i].stays);
		assert_int_equal(add_turn(talk, third, CUA_ARRAY_LEN(third)), CUA_OK);
		CUA_AUTO_JSON cJSON *after = body_json(&model_api_responses, talk);
		assert_int_equal(thread_of(after) != NULL, refusals[i].stays);
		model_api_responses.destroy(talk);
	}
	model_pictures_destroy(on_disk);
}

/* So that a journal has it, and a run that goes on. */
static void the_name_of_an_answer_is_kept_with_its_items(void **state)
{
	(void)state;
	static const char stream[] =
			"data: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_7\","
			"\"status\":\"completed\",\"output\":[" TURN("a") "]}}\n\n";
	for (int threads = 0; threads <= 1; threads++) {
		struct model_reply reply;
		struct agent_model_spec spec = agent_model_spec_unknown;
		struct agent_model_config known = config;
		spec.threads = threads;
		known.spec = &spec;
		assert_int_equal(hear(&model_api_responses, &reply, &known, stream, strlen(stream),
						 64, NULL),
				CUA_OK);
		assert_int_equal(reply.items.count, 1 + threads);
		assert_string_equal(reply.items.texts[threads],
				threads ? "{\"type\":\"response\",\"id\":\"resp_7\"}" : TURN("a"));
		model_reply_finish(&reply);
	}
}

static void consent_goes_back_as_it_came(void **state)
{
	(void)state;
	void *talk = open_talk();
	struct agent_call call = { .kind = AGENT_CALL_COMPUTER, .id = call_id };
	call.safety_checks = cJSON_Parse("[{\"id\":\"sc\",\"code\":\"x\",\"message\":\"m\"}]");
	answer_call(talk, &call, false);
	CUA_AUTO_FREE char *without = input_text(talk);
	answer_call(talk, &call, true);
	CUA_AUTO_FREE char *with = input_text(talk);
	assert_null(strstr(without, "acknowledged"));
	assert_non_null(strstr(with,
			"\"acknowledged_safety_checks\":[{\"id\":\"sc\",\"code\":"
			"\"x\",\"message\":\"m\"}]"));
	cJSON_Delete(call.safety_checks);
	model_api_responses.destroy(talk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_offer_the_tools),
		cmocka_unit_test(the_preview_tool_is_told_of_the_screen),
		cmocka_unit_test(servers_quirks_are_learned_once),
		cmocka_unit_test(a_long_conversation_is_compacted_by_the_server),
		cmocka_unit_test(a_thread_gets_only_what_is_new),
		cmocka_unit_test(a_lost_thread_is_sent_again_whole),
		cmocka_unit_test(the_name_of_an_answer_is_kept_with_its_items),
		cmocka_unit_test(consent_goes_back_as_it_came),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
