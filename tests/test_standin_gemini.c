#include "standin_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#define PICTURE_PART "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"" PICTURE_BASE64 "\"}}"
#define RESPONSE(response) \
	"{\"functionResponse\":{\"id\":\"%s\",\"name\":\"%s\",\"response\":" response "," \
	"\"parts\":[" PICTURE_PART "]}}"
#define OK_RESPONSE RESPONSE("{\"output\":\"ok\"}")

static const char script_text[] =
		"task: t\n"
		"steps:\n"
		"  - open_app: Editor\n"
		"  - click_text: Save\n"
		"    batch: true\n"
		"  - type: abc\n"
		"    batch: true\n"
		"  - key: ctrl+Page_Down\n"
		"  - call: '{\"name\":\"click\",\"args\":{\"x\":1003,\"y\":0,\"safety_decision\":"
		"{\"decision\":\"require_confirmation\",\"explanation\":\"Sends.\"}}}'\n"
		"  - scroll: 400\n"
		"  - done: All done.\n";

static const char request_text[] =
		"{\"tools\":[{\"computerUse\":{\"environment\":\"ENVIRONMENT_DESKTOP\"}},"
		"{\"functionDeclarations\":[{\"name\":\"open_app\"}]}],"
		"\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"do it\"}]}]}";

#define PATH(model) "/v1beta/models/" model ":generateContent"

static int set_up(void **state)
{
	struct standin *standin = calloc(1, sizeof(*standin));
	assert_non_null(standin);
	standin_set_up(standin, script_text, PATH("gemini-3.8-flash"), request_text, "contents");
	standin->headers[WIRE_X_GOOG_API_KEY] = "k";
	*state = standin;
	return 0;
}

static int tear_down(void **state)
{
	standin_tear_down(*state);
	free(*state);
	return 0;
}

/* Asks, keeps the content as a client does, and returns its parts. */
static const cJSON *turn(struct standin *standin)
{
	CUA_AUTO_JSON cJSON *response = standin_ask(standin);
	assert_string_equal(
			standin_text(standin_at(response, "candidates", "0", NULL), "finishReason"),
			"STOP");
	cJSON *content = cJSON_Duplicate(
			standin_at(response, "candidates", "0", "content", NULL), true);
	cJSON_AddItemToArray(standin->talk, content);
	return standin_at(content, "parts", NULL);
}

static const cJSON *call(const cJSON *parts, int index)
{
	const cJSON *part;
	cJSON_ArrayForEach (part, parts) {
		const cJSON *its = standin_at(part, "functionCall", NULL);
		if (its && index-- == 0) {
			return its;
		}
	}
	fail_msg("there are fewer calls");
	return NULL;
}

#define ID(parts, index) \
	standin_text(call(parts, index), "id"), standin_text(call(parts, index), "name")

static const cJSON *to_the_batch(struct standin *standin)
{
	const cJSON *parts = turn(standin);
	standin->seen = "Save";
	standin_say(standin, "{\"role\":\"user\",\"parts\":[" OK_RESPONSE "]}", ID(parts, 0));
	return turn(standin);
}

static void answer_batch(struct standin *standin, const cJSON *parts)
{
	standin_say(standin,
			"{\"role\":\"user\",\"parts\":[" OK_RESPONSE "," OK_RESPONSE "," OK_RESPONSE
			"]}",
			ID(parts, 0), ID(parts, 1), ID(parts, 2));
}

static int number(const cJSON *args, const char *name)
{
	return standin_at(args, name, NULL)->valueint;
}

static void plays_on_the_grid(void **state)
{
	struct standin *standin = *state;
	const cJSON *parts = to_the_batch(standin);
	const cJSON *args = standin_at(call(parts, 0), "args", NULL);
	assert_string_equal(standin_text(call(parts, 0), "name"), "click");
	assert_int_equal(number(args, "x"), 94);  /* 120 of 1280 */
	assert_int_equal(number(args, "y"), 263); /* 210 of 800 */
	assert_string_equal(standin_text(call(parts, 1), "name"), "type");
	assert_string_equal(standin_text(call(parts, 2), "name"), "hotkey");
	args = standin_at(call(parts, 2), "args", "keys", NULL);
	assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(args, 0)), "control");
	assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(args, 1)), "pagedown");
}

static void expect_refused(struct standin *standin, const char *reason)
{
	CUA_AUTO_JSON cJSON *body = standin_expect_refused(standin, 400, reason);
	const cJSON *error = standin_at(body, "error", NULL);
	assert_string_equal(standin_text(error, "status"), "INVALID_ARGUMENT");
	assert_int_equal(number(error, "code"), 400);
}

static void forget_last(struct standin *standin)
{
	cJSON_DeleteItemFromArray(standin->talk, cJSON_GetArraySize(standin->talk) - 1);
}

static void every_call_is_answered_in_the_next_content(void **state)
{
	struct standin *standin = *state;
	const cJSON *parts = to_the_batch(standin);
	expect_refused(standin, "function response turn comes immediately after");
	standin_say(standin, "{\"role\":\"user\",\"parts\":[" OK_RESPONSE "]}", ID(parts, 0));
	expect_refused(standin, "number of function response parts is equal");
	forget_last(standin);
	standin_say(standin, "{\"role\":\"user\",\"parts\":[" OK_RESPONSE "]}", ID(parts, 1));
	expect_refused(standin, "but `click` with id");
	forget_last(standin);
	standin_say(standin,
			"{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"id\":\"%s\","
			"\"name\":\"%s\","
			"\"response\":\"ok\"}}]}",
			ID(parts, 0));
	expect_refused(standin, "function_response.response': it must be an object");
	forget_last(standin);
	answer_batch(standin, parts);
	turn(standin);
}

static void safety_decisions_are_acknowledged(void **state)
{
	struct standin *standin = *state;
	answer_batch(standin, to_the_batch(standin));
	const cJSON *parts = turn(standin);
	standin_say(standin, "{\"role\":\"user\",\"parts\":[" OK_RESPONSE "]}", ID(parts, 0));
	expect_refused(standin, "safety_acknowledgement is missing");
	forget_last(standin);
	standin_say(standin,
			"{\"role\":\"user\",\"parts\":[" RESPONSE(
					"{\"safety_acknowledgement\":\"true\"}") "]}",
			ID(parts, 0));
	const cJSON *args = standin_at(call(turn(standin), 0), "args", NULL);
	assert_string_equal(standin_text(args, "direction"), "down");
	assert_int_equal(number(args, "magnitude_in_pixels"), 500);
}

static void signatures_come_back(void **state)
{
	struct standin *standin = *state;
	answer_batch(standin, to_the_batch(standin));
	cJSON *parts = cJSON_GetObjectItem(cJSON_GetArrayItem(standin->talk, 3), "parts");
	cJSON *part = parts->child;
	while (!cJSON_HasObjectItem(part, "thoughtSignature")) {
		part = part->next;
	}
	cJSON *signature = cJSON_DetachItemFromObject(part, "thoughtSignature");
	expect_refused(standin, "missing a thought_signature");
	cJSON_AddStringToObject(part, "thoughtSignature", "x");
	expect_refused(standin, "Thought signature is not valid");
	cJSON_ReplaceItemInObject(part, "thoughtSignature", signature);
	/* Old pictures may go. */
	cJSON *answer = cJSON_GetObjectItem(cJSON_GetArrayItem(standin->talk, 2), "parts")->child;
	cJSON_DeleteItemFromObject(cJSON_GetObjectItem(answer, "functionResponse"), "parts");
	turn(standin);
}

static void what_was_not_asked_is_not_acknowledged(void **state)
{
	struct standin *standin = *state;
	const cJSON *parts = turn(standin);
	standin_say(standin,
			"{\"role\":\"user\",\"parts\":[" RESPONSE(
					"{\"safety_acknowledgement\":\"true\"}") "]}",
			ID(parts, 0));
	expect_refused(standin, "no safety decision of that call was pending");
	forget_last(standin);
	standin->seen = "Save";
	standin_say(standin, "{\"role\":\"user\",\"parts\":[" OK_RESPONSE "]}", ID(parts, 0));
	turn(standin);
}

#define COMPUTER(members) "{\"computerUse\":{\"environment\":\"ENVIRONMENT_DESKTOP\"" members "}}"
#define EXCLUDING(names) COMPUTER(",\"excludedPredefinedFunctions\":[" names "]")
#define DECLARING(declarations) "{\"functionDeclarations\":[" declarations "]}"
#define TYPED(member, type) \
	"{\"name\":\"a\",\"" member "\":{\"type\":\"object\",\"properties\":{\"b\":{\"anyOf\":[" \
	"{\"type\":" type "}]}}}}"

static void tools_that_cannot_be_are_refused(void **state)
{
	static const struct standin_refusal cases[] = {
		{ "tools", "[" DECLARING("{\"name\":\"a\"},{\"name\":\"a\"}") "]", 400,
				"Duplicate function declaration found: a" },
		{ "tools", "[" DECLARING("{\"name\":\"a\"}") "," DECLARING("{\"name\":\"a\"}") "]",
				400, "Duplicate function declaration found: a" },
		{ "tools", "[" COMPUTER("") "," DECLARING("{\"name\":\"click\"}") "]", 400,
				"tools[1].function_declarations[0].name: 'click' is a predefined" },
		{ "tools", "[" DECLARING(TYPED("parameters", "\"TEXT\"")) "]", 400,
				"Invalid value at 'tools[0].function_declarations[0].parameters'" },
		{ "tools", "[" DECLARING(TYPED("parameters", "[\"string\"]")) "]", 400,
				"Invalid value at" },
		{ "tools", "[" DECLARING(TYPED("parametersJsonSchema", "\"int\"")) "]", 400,
				"v1beta.Type), \"int\"" },
		{ "tools", "[" DECLARING(TYPED("parametersJsonSchema", "\"STRING\"")) "]", 400,
				"\"STRING\"" },
		{ "tools", "[" DECLARING(TYPED("parametersJsonSchema", "[\"null\",\"int\"]")) "]",
				400, "\"int\"" },
		{ "tools", "[" EXCLUDING("\"navigate\",\"fly\"") "]", 400,
				"excluded_predefined_functions[1]: 'fly' is no predefined" },
		{ "tools", "[" EXCLUDING("\"click_at\"") "]", 400, "'click_at' is no" },
		{ "tools", "[" EXCLUDING("1") "]", 400, "'' is no predefined" },
	};
	struct standin *standin = *state;
	standin_expect_refusals(standin, cases, CUA_ARRAY_LEN(cases));
	cJSON_ReplaceItemInObject(standin->request, "tools",
			standin_parse("[" EXCLUDING("\"click\"") "," DECLARING(
					"{\"name\":\"click\"},{\"name\":\"open_app\"}," TYPED(
							"parameters", "\"STRING\"")) "]"));
	turn(standin);
}

static void requests_that_break_the_contract_are_refused(void **state)
{
	static const struct standin_refusal cases[] = {
		{ "contents", NULL, 400, "contents is not specified" },
		{ "contents", "[]", 400, "contents is not specified" },
		{ "contents", "[{\"role\":\"assistant\",\"parts\":[{\"text\":\"x\"}]}]", 400,
				"Invalid value at 'contents[0].role'" },
		{ "contents", "[{\"parts\":[]}]", 400, "must not be empty" },
		{ "contents", "[{\"parts\":[{\"texts\":\"x\"}]}]", 400,
				"Unknown name \"texts\" at 'contents[0].parts[0]'" },
		{ "contents",
				"[{\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":"
				"\"AAAA\"}}]}]",
				400, "Unable to process input image" },
		{ "contents",
				"[{\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":"
				"\"" PICTURE_CUT_BASE64 "\"}}]}]",
				400, "does not represent a valid image" },
		{ "contents",
				"[{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"name\":\"x\"}"
				"}]}]",
				400, "none that was sent" },
		{ "tools", "[{\"computerUse\":{\"environment\":\"desktop\"}}]", 400,
				"Invalid value at 'tools[0].computer_use.environment'" },
		{ "tools",
				"[{\"computerUse\":{\"environment\":\"ENVIRONMENT_DESKTOP\","
				"\"displayWidth\":1}}]",
				400, "Unknown name \"displayWidth\"" },
		{ "generationConfig", "{\"thinkingConfig\":{\"thinkingLevel\":\"MINIMAL\"}}", 400,
				"MINIMAL is not supported" },
		{ "generationConfig",
				"{\"thinkingConfig\":{\"thinkingLevel\":\"LOW\",\"thinkingBudget\":"
				"1}}",
				400, "only set only one" },
		{ "messages", "[]", 400, "Unknown name \"messages\": Cannot find field." },
	};
	struct standin *standin = *state;
	standin_expect_refusals(standin, cases, CUA_ARRAY_LEN(cases));
	standin->path = PATH("gemini-1");
	cJSON_Delete(standin_expect_refused(standin, 404, "models/gemini-1 is not found"));
	standin->settings.key = "another";
	CUA_AUTO_JSON cJSON *wrong = standin_expect_refused(standin, 400, "API key not valid");
	assert_string_equal(
			standin_text(standin_at(wrong, "error", "details", "0", NULL), "reason"),
			"API_KEY_INVALID");
	standin->headers[WIRE_X_GOOG_API_KEY] = NULL;
	cJSON_Delete(standin_expect_refused(standin, 403, "unregistered callers"));
}

static void older_models_have_the_first_vocabulary(void **state)
{
	struct standin *standin = *state;
	standin->path = PATH("gemini-2.5-computer-use-preview-10-2025");
	const cJSON *parts = to_the_batch(standin);
	assert_string_equal(standin_text(call(parts, 0), "name"), "click_at");
	assert_string_equal(standin_text(call(parts, 1), "name"), "type_text_at");
	const cJSON *args = standin_at(call(parts, 1), "args", NULL);
	assert_int_equal(number(args, "x"), 94); /* where it clicked */
	assert_string_equal(standin_text(call(parts, 2), "name"), "key_combination");
	args = standin_at(call(parts, 2), "args", NULL);
	assert_string_equal(standin_text(args, "keys"), "Control+Pagedown");
}

static void a_stream_without_sse_is_a_list(void **state)
{
	struct standin *standin = *state;
	standin->path = "/v1beta/models/standin:streamGenerateContent";
	CUA_AUTO_JSON cJSON *list = standin_ask(standin);
	assert_true(cJSON_IsArray(list));
	assert_non_null(standin_at(list, "0", "candidates", NULL));
}

static void an_error_tells_when_to_come_back(void **state)
{
	struct standin *standin = *state;
	int status = 0;
	struct cua_error err;
	assert_int_equal(fault_parse("status=429,retry-after=37,code=GenerateRequestsPerDay",
					 &standin->settings.faults[0], &err),
			CUA_OK);
	standin->settings.fault_count = 1;
	CUA_AUTO_JSON cJSON *body = standin_post(standin, &status);
	const cJSON *error = standin_at(body, "error", NULL);
	assert_int_equal(status, 429);
	assert_string_equal(standin_text(error, "status"), "RESOURCE_EXHAUSTED");
	assert_string_equal(
			standin_text(standin_at(error, "details", "1", NULL), "retryDelay"), "37s");
}

int main(void)
{
	if (sodium_init() < 0) {
		return 1;
	}
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(plays_on_the_grid),
		TEST(every_call_is_answered_in_the_next_content),
		TEST(safety_decisions_are_acknowledged),
		TEST(what_was_not_asked_is_not_acknowledged),
		TEST(tools_that_cannot_be_are_refused),
		TEST(signatures_come_back),
		TEST(requests_that_break_the_contract_are_refused),
		TEST(older_models_have_the_first_vocabulary),
		TEST(a_stream_without_sse_is_a_list),
		TEST(an_error_tells_when_to_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
