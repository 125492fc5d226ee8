#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "cua/api/desktop_request.h"
#include "cua/api/reply.h"
#include "cua/base/buffer.h"
#include "cua/base/util.h"

static const struct cua_point screen = { 1280, 800 };

/* Parses a request that must be good; the caller finishes it. */
static struct desktop_request good(const char *text)
{
	struct desktop_request request = { .count = -1 };
	struct cua_error err = { 0 };
	int index = 77;
	if (desktop_request_parse(text, strlen(text), screen, &request, &index, &err) != CUA_OK) {
		fail_msg("%s: %s", text, err.msg);
	}
	assert_int_equal(index, -1);
	return request;
}

static void bad(const char *text, size_t len, enum cua_status expected, int index, const char *said)
{
	struct desktop_request request = { .count = -1 };
	struct cua_error err = { 0 };
	int got = 77;
	enum cua_status status = desktop_request_parse(text, len, screen, &request, &got, &err);
	if (status != expected || !strstr(err.msg, said)) {
		fail_msg("%.200s: status %d: %s", text, (int)status, err.msg);
	}
	assert_int_equal(got, index);
	assert_int_equal(request.count, -1); /* untouched */
}

#define WAIT "{\"action\":\"wait\",\"duration_ms\":0}"
#define ACTIONS "\"actions\":[" WAIT "]"

static void only_actions_are_needed(void **state)
{
	struct desktop_request request = good("{" ACTIONS "}");
	(void)state;
	assert_int_equal(request.count, 1);
	assert_int_equal(request.actions[0].type, CUA_ACTION_WAIT);
	assert_true(request.wants_screenshot);
	assert_true(request.shot.pointer);
	assert_int_equal(request.shot.region.width, 0);
	assert_int_equal(request.shot.max_edge, 0);
	assert_string_equal(request.if_none_match, "");
	assert_int_equal(request.settle_ms, DISPLAY_SETTLE_DEFAULT_MS);
	assert_false(request.keep_held);
	desktop_request_finish(&request);
	assert_null(request.actions);
	desktop_request_finish(&request);
}

static void a_screenshot_has_options(void **state)
{
	(void)state;
	struct desktop_request request = good("{" ACTIONS ",\"screenshot\":false}");
	assert_false(request.wants_screenshot);
	desktop_request_finish(&request);
	request = good("{" ACTIONS ",\"screenshot\":true}");
	assert_true(request.wants_screenshot && request.shot.pointer);
	desktop_request_finish(&request);
	request = good("{" ACTIONS ",\"screenshot\":{}}");
	assert_true(request.wants_screenshot && request.shot.pointer);
	desktop_request_finish(&request);
	request = good("{\"screenshot\":{\"pointer\":false,\"max_edge\":640,\"region\":[1,2,3,4],"
		       "\"if_none_match\":\"\\\"3-17\\\"\"}," ACTIONS "}");
	assert_false(request.shot.pointer);
	assert_int_equal(request.shot.max_edge, 640);
	assert_int_equal(request.shot.region.x, 1);
	assert_int_equal(request.shot.region.height, 4);
	assert_string_equal(request.if_none_match, "\"3-17\"");
	desktop_request_finish(&request);
	request = good("{" ACTIONS ",\"screenshot\":{\"if_none_match\":null}}");
	assert_string_equal(request.if_none_match, "");
	desktop_request_finish(&request);
}

static void settling_has_options(void **state)
{
	(void)state;
	struct desktop_request request = good("{" ACTIONS ",\"settle\":false}");
	assert_int_equal(request.settle_ms, -1);
	desktop_request_finish(&request);
	request = good("{" ACTIONS ",\"settle\":{}}");
	assert_int_equal(request.settle_ms, DISPLAY_SETTLE_DEFAULT_MS);
	desktop_request_finish(&request);
	request = good("{" ACTIONS ",\"settle\":{\"timeout_ms\":1}}");
	assert_int_equal(request.settle_ms, 1);
	desktop_request_finish(&request);
	request = good("{" ACTIONS ",\"settle\":{\"timeout_ms\":60000}}");
	assert_int_equal(request.settle_ms, DISPLAY_SETTLE_MAX_MS);
	desktop_request_finish(&request);
	request = good("{" ACTIONS ",\"keep_held\":true}");
	assert_true(request.keep_held);
	desktop_request_finish(&request);
}

static const struct {
	const char *text;
	int index;
	const char *said;
} bad_requests[] = {
	{ "", -1, "not JSON at byte 0" },
	{ "{", -1, "not JSON" },
	{ "{\"actions\":[" WAIT "]} x", -1, "not JSON" },
	{ "[]", -1, "must be an object" },
	{ "null", -1, "must be an object" },
	{ "\"actions\"", -1, "must be an object" },
	{ "17", -1, "must be an object" },
	{ "{}", -1, "actions must be a list of 1 to 256" },
	{ "{\"actions\":null}", -1, "actions must be a list" },
	{ "{\"actions\":[]}", -1, "actions must be a list" },
	{ "{\"actions\":" WAIT "}", -1, "actions must be a list" },
	{ "{\"actions\":\"wait\"}", -1, "actions must be a list" },
	{ "{\"Actions\":[" WAIT "]}", -1, "unknown member \"Actions\"" },
	{ "{" ACTIONS ",\"colour\":1}", -1, "unknown member \"colour\"" },
	{ "{" ACTIONS ",\"actor\":\"agent\"}", -1, "unknown member \"actor\"" },
	{ "{" ACTIONS "," ACTIONS "}", -1, "actions is given twice" },
	{ "{" ACTIONS ",\"settle\":false,\"settle\":false}", -1, "settle is given twice" },
	{ "{" ACTIONS ",\"keep_held\":1}", -1, "keep_held must be true or false" },
	{ "{" ACTIONS ",\"keep_held\":null}", -1, "keep_held must be true or false" },
	{ "{" ACTIONS ",\"settle\":true}", -1, "settle must be false or" },
	{ "{" ACTIONS ",\"settle\":null}", -1, "settle must be false or" },
	{ "{" ACTIONS ",\"settle\":100}", -1, "settle must be false or" },
	{ "{" ACTIONS ",\"settle\":[]}", -1, "settle must be false or" },
	{ "{" ACTIONS ",\"settle\":{\"ms\":1}}", -1, "settle must be false or" },
	{ "{" ACTIONS ",\"settle\":{\"timeout_ms\":1,\"ms\":1}}", -1, "settle must be false or" },
	{ "{" ACTIONS ",\"settle\":{\"timeout_ms\":\"1\"}}", -1, "settle must be false or" },
	{ "{" ACTIONS ",\"settle\":{\"timeout_ms\":0}}", -1, "must be an integer, 1 to 60000" },
	{ "{" ACTIONS ",\"settle\":{\"timeout_ms\":60001}}", -1, "must be an integer, 1 to 60000" },
	{ "{" ACTIONS ",\"settle\":{\"timeout_ms\":1.5}}", -1, "timeout_ms is 1.5" },
	{ "{" ACTIONS ",\"screenshot\":null}", -1, "screenshot must be true, false or an object" },
	{ "{" ACTIONS ",\"screenshot\":\"yes\"}", -1, "screenshot must be" },
	{ "{" ACTIONS ",\"screenshot\":[]}", -1, "screenshot must be" },
	{ "{" ACTIONS ",\"screenshot\":{\"colour\":1}}", -1, "unknown argument \"colour\"" },
	{ "{" ACTIONS ",\"screenshot\":{\"max_edge\":-1}}", -1, "max_edge is -1" },
	{ "{" ACTIONS ",\"screenshot\":{\"format\":\"gif\"}}", -1,
			"format is \"gif\"; it must be one of png, jpeg, webp" },
	{ "{" ACTIONS ",\"screenshot\":{\"level\":9}}", -1, "level must be a string" },
	{ "{" ACTIONS ",\"screenshot\":{\"quality\":0}}", -1, "quality is 0; it must be 1 to 100" },
	{ "{" ACTIONS ",\"screenshot\":{\"width\":16385}}", -1, "width is 16385" },
	{ "{" ACTIONS ",\"screenshot\":{\"max_edge\":9,\"height\":8}}", -1,
			"max_edge is 9 beside width 0 and height 8" },
	{ "{" ACTIONS ",\"screenshot\":{\"region\":[0,0,1281,1]}}", -1, "it must be 1 to 1280" },
	{ "{" ACTIONS ",\"screenshot\":{\"if_none_match\":3}}", -1, "if_none_match must be" },
	/* An action in the place of a picture's options. */
	{ "{" ACTIONS ",\"screenshot\":{\"action\":\"type\",\"text\":\"x\"}}", -1,
			"unknown member \"action\"" },
	{ "{" ACTIONS ",\"screenshot\":{\"action\":\"screenshot\"}}", -1,
			"unknown member \"action\"" },
	{ "{\"actions\":[" WAIT ",null]}", 1, "action 1: an action is an object" },
	{ "{\"actions\":[" WAIT "," WAIT ",{\"action\":\"click\",\"x\":1280,\"y\":0}]}", 2,
			"action 2: click: x is 1280; it must be 0 to 1279" },
	{ "{\"actions\":[{\"action\":\"type\",\"text\":\"owned\"},{\"action\":\"wait\"}]}", 1,
			"action 1: wait: duration_ms is missing" },
	{ "{\"actions\":[{\"action\":\"type\",\"text\":\"a\\u0000b\"}]}", -1, "NUL" },
	{ "{\"actions\":[{\"action\":\"type\\u0000\",\"text\":\"a\"}]}", -1, "NUL" },
	{ "{\"actions\":[{\"action\":\"type\",\"text\":\"\\\\\\u0000\"}]}", -1, "NUL" },
	{ "{\"actions\":[{\"action\":\"type\",\"text\":\"\\ud800\"}]}", -1, "not JSON" },
	{ "{\"actions\":[{\"action\":\"type\",\"text\":\"\\", -1, "not JSON" },
	{ "{\"actions\":[{\"action\":\"type\",\"text\":\"\xc3\x28\"}]}", -1,
			"invalid UTF-8 at byte 37 (0xc3)" },
	{ "\xff", -1, "invalid UTF-8 at byte 0" },
};

static void bad_requests_say_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(bad_requests); i++) {
		bad(bad_requests[i].text, strlen(bad_requests[i].text), CUA_ERR_INVAL,
				bad_requests[i].index, bad_requests[i].said);
	}
	bad("{" ACTIONS "}\0{}", sizeof("{" ACTIONS "}\0{}") - 1, CUA_ERR_INVAL, -1, "NUL");
}

static void a_backslash_before_u0000_is_text(void **state)
{
	struct desktop_request request = good("{\"actions\":[{\"action\":\"type\",\"text\":"
					      "\"\\\\u0000 \\\\\\\\u0000\"}]}");
	(void)state;
	assert_string_equal(request.actions[0].text, "\\u0000 \\\\u0000");
	desktop_request_finish(&request);
}

/* A quoted name is cut at 40 bytes; the answer must still be UTF-8 for the client's parser. */
static void an_error_is_utf8_wherever_a_quote_is_cut(void **state)
{
	(void)state;
	for (int shift = 0; shift < 4; shift++) {
		char text[512] = "{\"actions\":[{\"action\":\"";
		for (int i = 0; i < shift; i++) {
			strcat(text, "x");
		}
		for (int i = 0; i < 30; i++) {
			strcat(text, "\U0001f600");
		}
		strcat(text, "\"}]}");
		struct desktop_request request;
		struct cua_error err = { 0 };
		int index = -1;
		assert_int_equal(desktop_request_parse(text, strlen(text), screen, &request, &index,
						 &err),
				CUA_ERR_INVAL);
		CUA_AUTO_JSON cJSON *json = cua_http_error_json(&err, index);
		CUA_AUTO_FREE char *answer = cJSON_PrintUnformatted(json);
		assert_non_null(answer);
		/* The answer is fit to be a request as far as UTF-8 goes. */
		assert_int_equal(desktop_request_parse(answer, strlen(answer), screen, &request,
						 &index, &err),
				CUA_ERR_INVAL);
		assert_null(strstr(err.msg, "UTF-8"));
	}
}

static void repeat(struct cua_buffer *buffer, const char *text, int times)
{
	for (int i = 0; i < times; i++) {
		assert_int_equal(cua_buffer_append(buffer, text, strlen(text), NULL), CUA_OK);
	}
}

static void lists_have_a_bound(void **state)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	(void)state;
	cua_buffer_init(&text, (size_t)8 << 20);
	repeat(&text, "{\"actions\":[", 1);
	repeat(&text, WAIT ",", CUA_ACTIONS_MAX - 1);
	repeat(&text, WAIT, 1);
	const size_t most = text.len;
	repeat(&text, "]}", 1);
	struct desktop_request request = good(text.data);
	assert_int_equal(request.count, CUA_ACTIONS_MAX);
	desktop_request_finish(&request);
	text.len = most;
	repeat(&text, "," WAIT "]}", 1);
	bad(text.data, text.len, CUA_ERR_TOO_LARGE, -1, "257 actions; at most 256");
	text.len = most;
	repeat(&text, ",0", 500000);
	repeat(&text, "]}", 1);
	bad(text.data, text.len, CUA_ERR_TOO_LARGE, -1, "at most 256");
}

static void deep_nesting_is_refused(void **state)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	(void)state;
	cua_buffer_init(&text, (size_t)2 << 20);
	repeat(&text, "[", 10000);
	bad(text.data, text.len, CUA_ERR_INVAL, -1, "not JSON");
	repeat(&text, "]", 10000);
	bad(text.data, text.len, CUA_ERR_INVAL, -1, "not JSON");
	cua_buffer_clear(&text);
	repeat(&text, "{\"actions\":", 100000);
	bad(text.data, text.len, CUA_ERR_INVAL, -1, "not JSON");
	/* As deep as the parser goes, where a picture's options should be. */
	cua_buffer_clear(&text);
	repeat(&text, "{" ACTIONS ",\"screenshot\":{\"region\":", 1);
	repeat(&text, "[", 900);
	repeat(&text, "]", 900);
	repeat(&text, "}}", 1);
	bad(text.data, text.len, CUA_ERR_INVAL, -1, "region must be");
}

static const struct {
	const char *query, *said; /* said NULL: fine */
} queries[] = {
	{ "", NULL },
	{ "pointer=1", NULL },
	{ "pointer=0&max_edge=640&region=1,2,3,4", NULL },
	{ "region=1279,799,1,1", NULL },
	{ "&&", NULL },
	{ "pointer", "\"pointer\" has no value" },
	{ "pointer=yes", "pointer must be true or false" },
	{ "pointer=", "pointer must be true or false" },
	{ "colour=1", "unknown argument \"colour\"" },
	{ "max_edge=", "max_edge must be an integer" },
	{ "max_edge=big", "max_edge must be an integer" },
	{ "max_edge=1.5", "max_edge is 1.5" },
	{ "max_edge=-1", "max_edge is -1" },
	{ "max_edge=nan", "max_edge is" },
	{ "max_edge=inf", "max_edge is" },
	{ "max_edge=1&max_edge=2", "max_edge is given twice" },
	{ "format=webp&quality=1&level=small&width=9&height=16384", NULL },
	{ "format=png,jpeg", "format is \"png,jpeg\"" },
	{ "format=", "format is \"\"" },
	{ "format=1", "format must be a string" },
	{ "quality=101", "quality is 101; it must be 1 to 100" },
	{ "width=-1", "width is -1" },
	{ "width=5&max_edge=5", "max_edge is 5 beside width 5" },
	{ "action=type", "action is given twice" },
	{ "region=1,2,3", "region must be" },
	{ "region=1,2,3,4,5", "region must be" },
	{ "region=1,2,3,4x", "region must be" },
	{ "region=4294967296,0,1,1", "region x is 4294967296" },
	{ "region=0,0,1281,1", "region width is 1281; it must be 1 to 1280" },
	{ "region=1.5,0,1,1", "region x is 1.5" },
	{ "region=0,0,1,1],[", "region must be" },
};

static void a_query_is_checked_like_an_action(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(queries); i++) {
		struct display_shot shot = { .max_edge = -7 };
		struct cua_error err = { 0 };
		enum cua_status status = desktop_shot_parse(queries[i].query, screen, &shot, &err);
		const char *said = queries[i].said;
		if (status != (said ? CUA_ERR_INVAL : CUA_OK) || (said && !strstr(err.msg, said))) {
			fail_msg("%s: %s", queries[i].query, err.msg);
		}
		assert_int_equal(shot.max_edge == -7, said != NULL);
	}
	struct display_shot shot;
	assert_int_equal(desktop_shot_parse("pointer=0&max_edge=640&region=1,2,3,4", screen, &shot,
					 NULL),
			CUA_OK);
	assert_false(shot.pointer);
	assert_int_equal(shot.max_edge, 640);
	assert_int_equal(shot.region.y, 2);
	assert_int_equal(shot.region.width, 3);
	assert_int_equal(shot.coding.format, CUA_PICTURE_PNG);
	assert_int_equal(shot.coding.level, CUA_PICTURE_FAST);
	assert_int_equal(desktop_shot_parse("format=webp&quality=7&level=small&width=9&height=8",
					 screen, &shot, NULL),
			CUA_OK);
	assert_int_equal(shot.coding.format, CUA_PICTURE_WEBP);
	assert_int_equal(shot.coding.level, CUA_PICTURE_SMALL);
	assert_int_equal(shot.coding.quality, 7);
	assert_int_equal(shot.width, 9);
	assert_int_equal(shot.height, 8);
}

static void an_error_has_class_code_and_place(void **state)
{
	const struct cua_error err = { CUA_ERR_PERSON, 0, "somebody \"has\" it" };
	(void)state;
	CUA_AUTO_JSON cJSON *json = cua_http_error_json(&err, 3);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	assert_string_equal(text,
			"{\"error\":{\"class\":\"person\",\"code\":\"person\",\"action\":3,"
			"\"message\":\"somebody \\\"has\\\" it\"}}");
	CUA_AUTO_JSON cJSON *placeless = cua_http_error_json(&err, -1);
	CUA_AUTO_FREE char *shorter = cJSON_PrintUnformatted(placeless);
	assert_null(strstr(shorter, "action"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_actions_are_needed),
		cmocka_unit_test(a_screenshot_has_options),
		cmocka_unit_test(settling_has_options),
		cmocka_unit_test(bad_requests_say_why),
		cmocka_unit_test(a_backslash_before_u0000_is_text),
		cmocka_unit_test(an_error_is_utf8_wherever_a_quote_is_cut),
		cmocka_unit_test(lists_have_a_bound),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(a_query_is_checked_like_an_action),
		cmocka_unit_test(an_error_has_class_code_and_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
