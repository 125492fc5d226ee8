/* The streams of Anthropic Messages, an event a line. JSON is written with ' for ". */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agent/model/anthropic_internal.h"
#include "cua/base/util.h"
#include "tests/agent_reply.h"

static const struct agent_model_config config = REPLY_CONFIG("anthropic");

/* What comes over the wire. */
static char *wire(const char *lines)
{
	CUA_AUTO_FREE char *text = quoted(lines);
	struct cua_buffer stream;
	cua_buffer_init(&stream, 1 << 20);
	for (char *rest = NULL, *line = strtok_r(text, "\n", &rest); line;
			line = strtok_r(NULL, "\n", &rest)) {
		assert_int_equal(cua_buffer_printf(&stream, NULL, "event: x\ndata: %s\n\n", line),
				CUA_OK);
	}
	return stream.data;
}

#define START \
	"{'type':'message_start','message':{'id':'msg_01','content':[],'stop_reason':null," \
	"'usage':{'input_tokens':412,'cache_creation_input_tokens':100," \
	"'cache_read_input_tokens':5200,'output_tokens':1}}}\n"
#define BLOCK(block) "{'type':'content_block_start','index':0,'content_block':" block "}\n"
#define DELTA(delta) "{'type':'content_block_delta','index':0,'delta':" delta "}\n"
#define STOP "{'type':'content_block_stop','index':0}\n"
#define INPUT(json) DELTA("{'type':'input_json_delta','partial_json':'" json "'}")
#define SAYS(text) \
	BLOCK("{'type':'text','text':''}") DELTA("{'type':'text_delta','text':'" text "'}") STOP
#define CALL(id, name) \
	"{'type':'tool_use','id':'" id "','name':'" name "','toolset_name':'computer'," \
	"'big':12345678901234567890,'input':{}}"
#define ERROR(type) "{'type':'error','error':{'type':'" type "','message':'Overloaded'}}\n"
#define LAST(reason) \
	"{'type':'message_delta','delta':{'stop_reason':" reason ",'stop_sequence':null}," \
	"'usage':{'output_tokens':160,'input_tokens':null," \
	"'output_tokens_details':{'thinking_tokens':60}}}\n" \
	"{'type':'message_stop'}\n"

/* With pings, empty pieces, and escapes that must stay as they are. */
#define THINKING_BLOCK \
	"{'type':'ping'}\n" \
	"{'type':'content_block_start','index':0,'content_block':" \
	"{'type':'thinking','thinking':'','signature':''}}\n" \
	"{'type':'content_block_delta','index':0,'delta':" \
	"{'type':'thinking_delta','thinking':'The \\u00e9ditor '}}\n" \
	"{'type':'content_block_delta','index':0,'delta':" \
	"{'type':'thinking_delta','thinking':'is \\'left\\'.'}}\n" \
	"{'type':'content_block_delta','index':0,'delta':" \
	"{'type':'signature_delta','signature':'EqQB+\\/='}}\n" \
	"{'type':'content_block_stop','index':0}\n"
#define CALL_BLOCKS \
	"{'type':'content_block_start','index':1,'content_block':" CALL("t1", \
			"type") "}\n" \
				"{'type':'content_block_delta','index':1,'delta':" \
				"{'type':'input_json_delta','partial_json':''}}\n" \
				"{'type':'content_block_delta','index':1,'delta':" \
				"{'type':'input_json_delta','partial_json':'{\\'text\\':'}}\n" \
				"{'type':'ping'}\n" \
				"{'type':'content_block_delta','index':1,'delta':" \
				"{'type':'input_json_delta','partial_json':'\\'hello\\'}'}}\n" \
				"{'type':'content_block_stop','index':1}\n" \
				"{'type':'content_block_start','index':2,'content_block':" CALL( \
						"t2", "screenshot") "}\n" \
								    "{'type':'content_block_" \
								    "delta','index':2,'delta':" \
								    "{'type':'input_json_delta','" \
								    "partial_json':''}}\n" \
								    "{'type':'content_block_stop'" \
								    ",'index':2}\n"
#define BLOCKS THINKING_BLOCK CALL_BLOCKS

static const char recorded[] = START BLOCKS LAST("'tool_use'");

static enum cua_status hear_lines(struct model_reply *reply, const struct agent_model_config *with,
		const char *lines, size_t piece, struct cua_error *why)
{
	CUA_AUTO_FREE char *text = wire(lines);
	return hear(&model_api_anthropic, reply, with, text, strlen(text), piece, why);
}

static void assert_item(const struct model_reply *reply, size_t at, const char *expected)
{
	CUA_AUTO_FREE char *json = quoted(expected);
	assert_true(at < reply->items.count);
	assert_string_equal(reply->items.texts[at], json);
}

static void blocks_keep_the_bytes_they_came_in(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 70; piece += 3) {
		struct model_reply reply;
		assert_int_equal(hear_lines(&reply, &config, recorded, piece, NULL), CUA_OK);
		assert_int_equal(reply.end, MODEL_END_COMPLETED);
		assert_int_equal(reply.items.count, 4);
		assert_item(&reply, 0,
				"{'type':'thinking','thinking':'The \\u00e9ditor is \\'left\\'.',"
				"'signature':'EqQB+\\/='}");
		assert_item(&reply, 1,
				"{'type':'tool_use','id':'t1','name':'type','toolset_name':"
				"'computer','big':12345678901234567890,'input':{'text':'hello'}}");
		assert_item(&reply, 2, CALL("t2", "screenshot"));
		assert_item(&reply, 3, "{'type':'message','id':'msg_01','stop_reason':'tool_use'}");
		model_reply_finish(&reply);
	}
}

/* The API counts what no cache had; ours is all of it. */
static void usage_counts_what_caches_had(void **state)
{
	(void)state;
	struct model_reply reply;
	assert_int_equal(hear_lines(&reply, &config, recorded, 1000, NULL), CUA_OK);
	assert_int_equal((int)reply.usage.input_tokens, 412 + 100 + 5200);
	assert_int_equal((int)reply.usage.cached_tokens, 5200);
	assert_int_equal((int)reply.usage.cache_write_tokens, 100);
	assert_int_equal((int)reply.usage.output_tokens, 160);
	assert_int_equal((int)reply.usage.reasoning_tokens, 60);
	model_reply_finish(&reply);
}

static void a_stream_cut_anywhere_is_not_completed(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *text = wire(recorded);
	expect_no_end(&model_api_anthropic, &config, text, strlen(text));
}

static void streams_end_as_they_say(void **state)
{
	(void)state;
	static const struct {
		const char *lines;
		enum model_end end;
		const char *code, *message;
	} rows[] = {
		{ START BLOCKS ERROR("overloaded_error"), MODEL_END_FAILED, "overloaded_error",
				"Overloaded" },
		{ START BLOCKS LAST("'max_tokens'"), MODEL_END_CUT, "", "" },
		{ START BLOCK(CALL("t", "type")) INPUT("{\\'text\\':\\'he")
						STOP LAST("'max_tokens'"),
				MODEL_END_CUT, "", "" },
		{ START BLOCKS LAST("'refusal','stop_details':{'type':'refusal','category':"
				    "'cyber','explanation':'No, " REPLY_KEY ".'}"),
				MODEL_END_REFUSED, "", "cyber: No, ****" },
		{ START BLOCKS LAST("'refusal'"), MODEL_END_REFUSED, "", "" },
		{ START BLOCKS LAST("'model_context_window_exceeded'"), MODEL_END_FAILED,
				"model_context_window_exceeded", "longer" },
		{ START BLOCKS LAST("'something_new'"), MODEL_END_FAILED, "something_new", "" },
		{ START BLOCKS LAST("null"), MODEL_END_NONE, "", "" },
		{ START BLOCKS LAST("'end_turn'"), MODEL_END_COMPLETED, "", "" },
		{ START BLOCKS LAST("'stop_sequence'"), MODEL_END_COMPLETED, "", "" },
		{ START BLOCKS LAST("'pause_turn'"), MODEL_END_COMPLETED, "", "" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct model_reply reply;
		assert_int_equal(hear_lines(&reply, &config, rows[i].lines, 50, NULL), CUA_OK);
		assert_int_equal(reply.end, rows[i].end);
		assert_string_equal(reply.code, rows[i].code);
		assert_non_null(strstr(reply.message, rows[i].message));
		assert_null(strstr(reply.message, REPLY_KEY));
		model_reply_finish(&reply);
	}
}

static void tangled_streams_are_model_errors(void **state)
{
	(void)state;
	static const char other[] = "{'type':'content_block_delta','index':1,'delta':{}}\n";
	static const struct {
		const char *lines, *after, *error;
	} rows[] = {
		{ START BLOCK(CALL("a", "type")), BLOCK(CALL("b", "type")), "before another" },
		{ START BLOCK(CALL("a", "type")), other, "not open" },
		{ START, INPUT("{}"), "not open" },
		{ START, STOP, "not open" },
		{ START, "{'type':'content_block_start','index':0}\n", "no block" },
		{ START BLOCK(CALL("a", "type")), INPUT("a\\u0000b"), "NUL" },
		{ START BLOCK(CALL("a", "type")), INPUT("{\\'text\\':") STOP LAST("'tool_use'"),
				"no object" },
		{ START BLOCK(CALL("a", "type")), INPUT("[]") STOP LAST("'tool_use'"),
				"no object" },
		{ START, "{'type':\n", "JSON" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct model_reply reply;
		struct cua_error why = { 0 };
		CUA_AUTO_BUFFER struct cua_buffer lines;
		cua_buffer_init(&lines, 1 << 20);
		assert_int_equal(cua_buffer_printf(&lines, NULL, "%s%s", rows[i].lines,
						 rows[i].after),
				CUA_OK);
		assert_int_equal(hear_lines(&reply, &config, lines.data, 50, &why), CUA_ERR_MODEL);
		assert_non_null(strstr(why.msg, rows[i].error));
		assert_int_equal(reply.end, MODEL_END_NONE);
		model_reply_finish(&reply);
	}
}

static void what_is_not_known_is_kept(void **state)
{
	(void)state;
	static const char cited[] = "{'type':'sparkle'}\n"
				    "{'type':'content_block_start','index':0,'content_block':"
				    "{'type':'text','text':'He'}}\n"
				    "{'type':'content_block_delta','index':0,'delta':"
				    "{'type':'text_delta','text':'llo'}}\n"
				    "{'type':'content_block_delta','index':0,'delta':"
				    "{'type':'citations_delta','citation':{'a':1}}}\n"
				    "{'type':'content_block_delta','index':0,'delta':"
				    "{'type':'citations_delta','citation':{'b':2}}}\n"
				    "{'type':'content_block_delta','index':0,'delta':"
				    "{'type':'sparkle_delta','x':1}}\n"
				    "{'type':'content_block_stop','index':0}\n"
				    "{'type':'content_block_start','index':1,'content_block':"
				    "{'type':'sparkle','data':{'n':1e400}}}\n"
				    "{'type':'content_block_stop','index':1}\n" LAST("'end_turn'");
	struct model_reply reply;
	assert_int_equal(hear_lines(&reply, &config, cited, 7, NULL), CUA_OK);
	assert_int_equal(reply.end, MODEL_END_COMPLETED);
	assert_item(&reply, 0, "{'citations':[{'a':1},{'b':2}],'type':'text','text':'Hello'}");
	assert_item(&reply, 1, "{'type':'sparkle','data':{'n':1e400}}");
	model_reply_finish(&reply);
}

static void an_answer_may_come_whole(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *whole = quoted(
			"{'type':'message','id':'msg_9','content':[{'type':'text','text':'Done.'}],"
			"'stop_reason':'end_turn','usage':{'input_tokens':7,'output_tokens':3}}");
	CUA_AUTO_FREE char *error =
			quoted("{'type':'error','error':{'type':'api_error','message':'oops'}}");
	struct model_reply reply;
	assert_int_equal(
			hear(&model_api_anthropic, &reply, &config, whole, strlen(whole), 11, NULL),
			CUA_OK);
	assert_int_equal(reply.end, MODEL_END_COMPLETED);
	assert_int_equal(reply.items.count, 2);
	assert_int_equal((int)reply.usage.input_tokens, 7);
	model_reply_finish(&reply);

	assert_int_equal(
			hear(&model_api_anthropic, &reply, &config, error, strlen(error), 11, NULL),
			CUA_OK);
	assert_int_equal(reply.end, MODEL_END_FAILED);
	assert_string_equal(reply.code, "api_error");
	model_reply_finish(&reply);
}

static void keep_words(const char *words, void *user_data)
{
	strcat(user_data, words);
}

static void words_come_as_they_are_said(void **state)
{
	(void)state;
	char heard[1000] = "";
	struct agent_model_config with = config;
	with.on_words = keep_words;
	with.user_data = heard;
	struct model_reply reply;
	static const char lines[] = START THINKING_BLOCK SAYS("Key " REPLY_KEY "!");
	assert_int_equal(hear_lines(&reply, &with, lines, 64, NULL), CUA_OK);
	assert_string_equal(heard,
			"The \xc3\xa9"
			"ditor is \"left\".\nKey ********************!\n");
	assert_null(strstr(reply.items.texts[1], REPLY_KEY));
	model_reply_finish(&reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_keep_the_bytes_they_came_in),
		cmocka_unit_test(usage_counts_what_caches_had),
		cmocka_unit_test(a_stream_cut_anywhere_is_not_completed),
		cmocka_unit_test(streams_end_as_they_say),
		cmocka_unit_test(tangled_streams_are_model_errors),
		cmocka_unit_test(what_is_not_known_is_kept),
		cmocka_unit_test(an_answer_may_come_whole),
		cmocka_unit_test(words_come_as_they_are_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
