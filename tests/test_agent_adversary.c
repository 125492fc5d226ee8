#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/model/model_api.h"
#include "cua/base/util.h"
#include "tests/test_agent_fake.h"

/* A model server that means harm, over each API: what it costs us, what it gets to see, and what
 * is said of it. */

#define KEY "sk-test-0123456789"
#define VALUES_BYTES ((size_t)6 << 20) /* of a bomb: below what one event may have */

struct server {
	struct fake_reply reply; /* but for its body */
	const char *body;
	size_t body_len;
};

static void answer(const struct fake_request *request, struct fake_reply *reply, void *user_data)
{
	const struct server *server = user_data;
	(void)request;
	reply->http_status = server->reply.http_status;
	reply->content_type = server->reply.content_type;
	strcpy(reply->headers, server->reply.headers);
	assert_int_equal(cua_buffer_append(&reply->body, server->body, server->body_len, NULL),
			CUA_OK);
}

static void hear(const char *words, void *user_data)
{
	assert_int_equal(cua_buffer_append(user_data, words, strlen(words), NULL), CUA_OK);
}

struct outcome {
	enum cua_status status;
	struct agent_turn turn;
	struct cua_error why;
	struct cua_buffer words;
};

static void outcome_finish(struct outcome *outcome)
{
	agent_turn_finish(&outcome->turn);
	cua_buffer_finish(&outcome->words);
}

/* One request over this API to a server that answers so. */
static void ask(const char *api, struct server *server, struct outcome *ret_outcome)
{
	char url[64];
	struct fake_server *fake = fake_server_start(NULL, answer, server);
	struct agent_model *model = NULL;
	*ret_outcome = (struct outcome){ 0 };
	cua_buffer_init(&ret_outcome->words, MODEL_REPLY_MAX);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1", fake_server_port(fake));
	const struct agent_model_config config = { .api = api,
		.model = "m",
		.base_url = url,
		.api_key = KEY,
		.session = "run-1",
		.screen = { 1280, 800 },
		.cancel_fd = -1,
		.on_words = hear,
		.user_data = &ret_outcome->words };
	assert_int_equal(agent_model_create(&config, &model, NULL), CUA_OK);
	assert_int_equal(agent_model_add_user(model, "Do it.", NULL, NULL), CUA_OK);
	ret_outcome->status = agent_model_ask(
			model, cua_now_us() + 60000000, &ret_outcome->turn, &ret_outcome->why);
	agent_model_destroy(model);
	fake_server_stop(fake);
}

static void ask_stream(const char *api, const char *stream, struct outcome *ret_outcome)
{
	struct server server = { .reply = { .http_status = 200,
						 .content_type = "text/event-stream" },
		.body = stream,
		.body_len = strlen(stream) };
	ask(api, &server, ret_outcome);
}

/* --- memory --- */

static size_t allocated; /* by cJSON */

static void *count_malloc(size_t size)
{
	allocated += size;
	return malloc(size);
}

/* [0,0,0,...]: a hundred bytes of memory for two of text. */
static void values_are_counted_before_they_are_stored(void **state)
{
	(void)state;
	static const struct {
		const char *head, *tail, *content_type;
	} forms[] = { { "data: {\"a\":[0", "]}\n\n", "text/event-stream" },
		{ "{\"a\":[0", "]}", "application/json" },
		{ "data: {\"a\":{\"\":0", "}}\n\n", "text/event-stream" } };
	cJSON_Hooks hooks = { count_malloc, free };
	for (size_t i = 0; i < CUA_ARRAY_LEN(forms); i++) {
		CUA_AUTO_BUFFER struct cua_buffer text;
		cua_buffer_init(&text, 2 * VALUES_BYTES);
		assert_int_equal(cua_buffer_printf(&text, NULL, "%s", forms[i].head), CUA_OK);
		while (text.len < VALUES_BYTES) {
			assert_int_equal(cua_buffer_append(&text, i == 2 ? ",\"\":0" : ",0",
							 i == 2 ? 5 : 2, NULL),
					CUA_OK);
		}
		assert_int_equal(cua_buffer_printf(&text, NULL, "%s", forms[i].tail), CUA_OK);
		for (size_t k = 0; agent_model_api_name(k); k++) {
			struct server server = {
				.reply = { .http_status = 200,
						.content_type = forms[i].content_type },
				.body = text.data,
				.body_len = text.len,
			};
			struct outcome outcome;
			allocated = 0;
			cJSON_InitHooks(&hooks);
			ask(agent_model_api_name(k), &server, &outcome);
			cJSON_InitHooks(NULL);
			assert_int_equal(outcome.status, CUA_ERR_MODEL);
			assert_non_null(strstr(outcome.why.msg, "values"));
			assert_true(allocated < VALUES_BYTES / 4);
			outcome_finish(&outcome);
		}
	}
}

/* Each event is within the bound, and the turn is not. */
static void values_of_a_turn_are_counted_together(void **state)
{
	(void)state;
	const size_t each = AGENT_JSON_VALUES_MAX / 3;
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, 4 * VALUES_BYTES);
	for (int item = 0; item < 4; item++) {
		assert_int_equal(cua_buffer_printf(&text, NULL,
						 "data: "
						 "{\"type\":\"response.output_item.done\",\"item\":"
						 "{\"type\":\"other\",\"a\":[0"),
				CUA_OK);
		for (size_t i = 0; i < each; i++) {
			assert_int_equal(cua_buffer_append(&text, ",0", 2, NULL), CUA_OK);
		}
		assert_int_equal(cua_buffer_printf(&text, NULL, "]}}\n\n"), CUA_OK);
	}
	struct outcome outcome;
	ask_stream("responses", text.data, &outcome);
	assert_int_equal(outcome.status, CUA_ERR_MODEL);
	assert_non_null(strstr(outcome.why.msg, "values"));
	outcome_finish(&outcome);
}

/* --- plans without end --- */

static void append_times(struct cua_buffer *text, const char *piece, int times)
{
	for (int i = 0; i < times; i++) {
		assert_int_equal(cua_buffer_append(text, piece, strlen(piece), NULL), CUA_OK);
	}
}

static void actions_of_a_turn_are_counted_together(void **state)
{
	(void)state;
#define ITEM(id) \
	"data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":\"computer_call\"," \
	"\"call_id\":\"" id "\",\"status\":\"completed\",\"actions\":["
	static const struct {
		const char *api, *opens[3], *piece, *close, *tail;
		int times; /* the piece, in each that is opened */
		size_t first_refused;
	} rows[] = {
		{ "gemini",
				{ "data: "
				  "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[" },
				"{\"functionCall\":{\"name\":\"wait\",\"args\":{}}},",
				"{\"text\":\"x\"}]},\"finishReason\":\"STOP\"}]}\n\n", "", 1000,
				256 },
		{ "responses", { ITEM("a"), ITEM("b") }, "{\"type\":\"wait\"},",
				"{\"type\":\"wait\"}]}}\n\n",
				"data: {\"type\":\"response.completed\",\"response\":"
				"{\"status\":\"completed\"}}\n\n",
				200, 1 },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		CUA_AUTO_BUFFER struct cua_buffer text;
		struct outcome outcome;
		cua_buffer_init(&text, MODEL_REPLY_MAX);
		for (size_t k = 0; rows[i].opens[k]; k++) {
			append_times(&text, rows[i].opens[k], 1);
			append_times(&text, rows[i].piece, rows[i].times);
			append_times(&text, rows[i].close, 1);
		}
		append_times(&text, rows[i].tail, 1);
		ask_stream(rows[i].api, text.data, &outcome);
		assert_int_equal(outcome.status, CUA_OK);
		assert_true(outcome.turn.call_count > rows[i].first_refused);
		for (size_t k = 0; k < outcome.turn.call_count; k++) {
			const char *problem = outcome.turn.calls[k].problem;
			assert_true(k < rows[i].first_refused ? !problem[0]
							      : strstr(problem, "256") != NULL);
		}
		outcome_finish(&outcome);
	}
}

/* --- time: what takes a time that grows with the square of its length never ends here --- */

static void pieces_without_end_take_no_time_without_end(void **state)
{
	(void)state;
	static const struct {
		const char *api, *head, *filler, *middle, *piece;
	} rows[] = {
		/* A large block, and deltas of nothing. */
		{ "anthropic",
				"data: {\"type\":\"message_start\",\"message\":{}}\n\n"
				"data: {\"type\":\"content_block_start\",\"index\":0,"
				"\"content_block\":{\"type\":\"text\",\"filler\":\"",
				"0123456789abcdef0123456789abcdef", "\",\"text\":\"\"}}\n\n",
				"data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
				"{\"type\":\"text_delta\",\"text\":\"\"}}\n\n" },
		/* Calls whose pieces look as if each could be the last. */
		{ "chat",
				"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,"
				"\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":\\\"",
				"0123456789abcdef0123456789abcdef", "\"}}]}}]}\n\n",
				"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,"
				"\"function\":{\"name\":\"f\",\"arguments\":\"}\"}}]}}]}\n\n" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		CUA_AUTO_BUFFER struct cua_buffer text;
		struct outcome outcome;
		cua_buffer_init(&text, MODEL_REPLY_MAX);
		append_times(&text, rows[i].head, 1);
		append_times(&text, rows[i].filler, 200000);
		append_times(&text, rows[i].middle, 1);
		append_times(&text, rows[i].piece, 100000);
		ask_stream(rows[i].api, text.data, &outcome);
		assert_int_equal(outcome.status, CUA_ERR_MODEL); /* it was cut */
		outcome_finish(&outcome);
	}
}

/* --- the key --- */

/* In the turn of each API: words that come in pieces, and an action to type the rest of it, with
 * escapes, in JSON quoted in JSON where the API does that. */
static const struct {
	const char *api, *stream;
} spellings[] = {
	{ "responses",
			"data: {\"type\":\"response.output_text.delta\",\"delta\":\"It is "
			"\\u0073k-\"}"
			"\n\n"
			"data: {\"type\":\"response.output_text.delta\",\"delta\":"
			"\"test-0123456789 or \\\\u0073k-test-0123456789.\"}\n\n"
			"data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":"
			"\"computer_call\",\"call_id\":\"c1\",\"status\":\"completed\",\"actions\":"
			"[{"
			"\"type\":\"type\",\"text\":\"\\u0073k-test-012345678\\u0039\"}]}}\n\n"
			"data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":"
			"\"function_call\",\"call_id\":\"c2\",\"name\":\"open_app\",\"arguments\":"
			"\"{\\\"name\\\":\\\"\\\\u0073k-test-0123456789\\\"}\"}}\n\n"
			"data: {\"type\":\"response.completed\",\"response\":{\"status\":"
			"\"completed\"}}\n\n" },
	{ "chat",
			"data: {\"choices\":[{\"delta\":{\"content\":\"It is \\u0073k-\"}}]}\n\n"
			"data: {\"choices\":[{\"delta\":{\"content\":\"test-0123456789 or "
			"\\\\u0073k-test-0123456789.\"}}]}\n\n"
			"data: "
			"{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c1\","
			"\"function\":{\"name\":\"computer\",\"arguments\":\"{\\\"action\\\":"
			"\\\"type\\\",\\\"text\\\":\\\"\\\\u0073k-test-01\"}}]}}]}\n\n"
			"data: "
			"{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{"
			"\"arguments\":\"23456789\\\"}\"}}]},\"finish_reason\":\"stop\"}]}\n\n" },
	{ "anthropic",
			"data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}\n\n"
			"data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{"
			"\"type\":\"text\",\"text\":\"It is \\u0073k-\"}}\n\n"
			"data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
			"\"text_delta\",\"text\":\"test-0123456789 or "
			"\\\\u0073k-test-0123456789.\"}}\n\n"
			"data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
			"data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{"
			"\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"type\",\"toolset_name\":"
			"\"computer\",\"input\":{}}}\n\n"
			"data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":"
			"\"input_json_delta\",\"partial_json\":\"{\\\"text\\\":\\\"\\\\u0073k-te\"}"
			"}"
			"\n\n"
			"data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":"
			"\"input_json_delta\",\"partial_json\":\"st-0123456789\\\"}\"}}\n\n"
			"data: {\"type\":\"content_block_stop\",\"index\":1}\n\n"
			"data: "
			"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"}}"
			"\n\n"
			"data: {\"type\":\"message_stop\"}\n\n" },
	{ "gemini",
			"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":"
			"\"It is \\u0073k-\"}]}}]}\n\n"
			"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":"
			"\"test-0123456789 or \\\\u0073k-test-0123456789.\"},{\"functionCall\":{"
			"\"name\":\"type\",\"args\":{\"text\":\"\\u0073k-test-0123456789\"}}}]},"
			"\"finishReason\":\"STOP\"}]}\n\n" },
};

static void the_key_is_blotted_out_however_it_is_spelled(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(spellings); i++) {
		struct outcome outcome;
		ask_stream(spellings[i].api, spellings[i].stream, &outcome);
		if (outcome.status != CUA_OK) {
			fail_msg("%s: %s", spellings[i].api, outcome.why.msg);
		}
		assert_true(outcome.turn.call_count > 0);
		for (size_t k = 0; k < outcome.turn.call_count; k++) {
			const struct agent_call *call = &outcome.turn.calls[k];
			CUA_AUTO_FREE char *actions = cJSON_PrintUnformatted(call->actions);
			assert_non_null(strstr(call->problem, "made illegible"));
			assert_null(strstr(actions, KEY));
			assert_non_null(strstr(actions, "***"));
		}
		CUA_AUTO_JSON cJSON *raw = cJSON_Parse(outcome.turn.raw);
		CUA_AUTO_FREE char *decoded = cJSON_PrintUnformatted(raw);
		assert_null(strstr(decoded, KEY));
		assert_null(strstr(decoded, "k-test-0123456789"));
		assert_null(strstr(outcome.words.data, "k-test-0123456789"));
		assert_non_null(strstr(outcome.words.data, "It is ****************** or ***"));
		outcome_finish(&outcome);
	}
}

/* --- what is said --- */

static void what_happened_is_said(void **state)
{
	(void)state;
	CUA_AUTO_BUFFER struct cua_buffer large;
	cua_buffer_init(&large, (size_t)8 << 20);
	append_times(&large, "no no no ", 800000);
	static const struct {
		int http_status;
		const char *headers, *body, *said[2];
		enum cua_status status;
	} rows[] = {
		{ 401, "", NULL, { "401 (the key is not accepted", "no no no" },
				CUA_ERR_MODEL_KEY },
		{ 400, "", NULL, { "answered 400", "no no no" }, CUA_ERR_MODEL },
		{ 307, "Location: https://elsewhere.example/v1\r\n", "moved",
				{ "a redirect, which is not followed",
						"to https://elsewhere.example/v1" },
				CUA_ERR_MODEL },
		{ 200, "Content-Encoding: gzip\r\n", "\x1f\x8b\x08", { "compressed (gzip)", "" },
				CUA_ERR_MODEL },
		{ 403, "Content-Encoding: gzip\r\n", "\x1f\x8b\x08",
				{ "403 (the key may not do this", "" }, CUA_ERR_MODEL_KEY },
		{ 404, "", "{\"error\":{\"code\":\"model_not_found\",\"message\":\"no such m\"}}",
				{ "does not have this model", "no such m" },
				CUA_ERR_MODEL_UNKNOWN },
		{ 429, "", "{\"error\":{\"code\":\"insufficient_quota\",\"message\":\"spent\"}}",
				{ "no credit left", "spent" }, CUA_ERR_MODEL_QUOTA },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		for (size_t k = 0; agent_model_api_name(k); k++) {
			const char *body = rows[i].body ? rows[i].body : large.data;
			struct server server = { .reply = { .http_status = rows[i].http_status,
								 .content_type = "text/plain" },
				.body = body,
				.body_len = strlen(body) };
			struct outcome outcome;
			strcpy(server.reply.headers, rows[i].headers);
			ask(agent_model_api_name(k), &server, &outcome);
			if (outcome.status != rows[i].status ||
					outcome.why.status != rows[i].status ||
					!strstr(outcome.why.msg, rows[i].said[0]) ||
					!strstr(outcome.why.msg, rows[i].said[1])) {
				fail_msg("%s, row %zu: %s", agent_model_api_name(k), i,
						outcome.why.msg);
			}
			outcome_finish(&outcome);
		}
	}
}

/* --- money --- */

/* An answer that broke was paid for. */
static void what_a_failed_request_cost_is_known(void **state)
{
	(void)state;
	static const struct {
		const char *api, *stream;
	} rows[] = {
		{ "responses",
				"data: {\"type\":\"response.failed\",\"response\":{\"status\":"
				"\"failed\",\"usage\":{\"input_tokens\":100,\"output_tokens\":7}}}"
				"\n\n" },
		{ "chat",
				"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":100,"
				"\"completion_tokens\":7}}\n\n" },
		{ "anthropic",
				"data: {\"type\":\"message_start\",\"message\":{\"usage\":{"
				"\"input_tokens\":100,\"output_tokens\":7}}}\n\n" },
		{ "gemini",
				"data: {\"usageMetadata\":{\"promptTokenCount\":100,"
				"\"candidatesTokenCount\":7}}\n\n" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct outcome outcome;
		ask_stream(rows[i].api, rows[i].stream, &outcome);
		assert_int_equal(outcome.status, CUA_ERR_MODEL);
		assert_int_equal((int)outcome.turn.usage.input_tokens, 100);
		assert_int_equal((int)outcome.turn.usage.output_tokens, 7);
		outcome_finish(&outcome);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_counted_before_they_are_stored),
		cmocka_unit_test(values_of_a_turn_are_counted_together),
		cmocka_unit_test(actions_of_a_turn_are_counted_together),
		cmocka_unit_test(pieces_without_end_take_no_time_without_end),
		cmocka_unit_test(the_key_is_blotted_out_however_it_is_spelled),
		cmocka_unit_test(what_happened_is_said),
		cmocka_unit_test(what_a_failed_request_cost_is_known),
	};
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
