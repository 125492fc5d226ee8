#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "agent/model/model.h"
#include "agent/model/retry.h"
#include "agent/words.h"
#include "cua/base/util.h"
#include "cua/contract/text.h"

#define NOW ((time_t)1795219200) /* Sat, 21 Nov 2026 00:00:00 GMT */

static void only_passing_failures_are_retried(void **state)
{
	(void)state;
	static const struct {
		long http_status;
		const char *should_retry, *code;
		bool wanted;
	} rows[] = {
		{ 0, "", "", true },
		{ 408, "", "", true },
		{ 409, "", "", true },
		{ 429, "", "", true },
		{ 429, NULL, "rate_limit_exceeded", true },
		{ 429, "", "insufficient_quota", false },
		{ 429, "true", "insufficient_quota", false },
		{ 500, "", "", true },
		{ 502, "", "", true },
		{ 503, "", "", true },
		{ 529, "", "", true },
		{ 503, "false", "", false },
		{ 400, "true", "", true },
		{ 400, "", "", false },
		{ 401, "", "", false },
		{ 402, "", "", false },
		{ 403, "", "", false },
		{ 404, "", "", false },
		{ 413, "", "", false },
		{ 422, "", "", false },
		{ 301, "", "", false },
		{ 600, "", "", false },
		{ 500, "maybe", "", true },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_retry_facts facts = { .http_status = rows[i].http_status,
			.should_retry = rows[i].should_retry,
			.error_code = rows[i].code };
		assert_int_equal(agent_retry_wanted(&facts), rows[i].wanted);
	}
}

static void delays_follow_headers_within_a_minute(void **state)
{
	(void)state;
	static const struct {
		const char *after, *after_ms;
		int attempt;
		double random01, expected_ms;
	} rows[] = {
		{ "2", "", 0, 1, 2000 },
		{ "0.5", "", 0, 1, 500 },
		{ "", "350", 0, 1, 350 },
		{ "", "350.5", 0, 1, 350.5 },
		{ "9", "350", 0, 1, 350 },
		{ "60", "", 0, 1, 60000 },
		{ "61", "", 0, 1, 500 },
		{ "1000000000", "", 1, 1, 1000 },
		{ "0", "", 0, 1, 500 },
		{ "-3", "", 0, 1, 500 },
		{ "nan", "inf", 0, 1, 500 },
		{ "soon", "", 0, 0, 375 },
		{ "Sat, 21 Nov 2026 00:00:07 GMT", "", 0, 1, 7000 },
		{ "Fri, 20 Nov 2026 00:00:07 GMT", "", 0, 1, 500 }, /* in the past */
		{ "Sat, 21 Nov 2026 03:00:00 GMT", "", 0, 1, 500 }, /* too late */
		{ NULL, NULL, 0, 1, 500 },
		{ NULL, NULL, 0, 0, 375 },
		{ NULL, NULL, 1, 1, 1000 },
		{ NULL, NULL, 2, 1, 2000 },
		{ NULL, NULL, 3, 1, 4000 },
		{ NULL, NULL, 4, 1, 8000 },
		{ NULL, NULL, 5, 1, 8000 },
		{ NULL, NULL, 400, 0.5, 7000 },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_retry_facts facts = { .http_status = 429,
			.retry_after = rows[i].after,
			.retry_after_ms = rows[i].after_ms };
		double delay_ms = agent_retry_delay_ms(
				&facts, rows[i].attempt, rows[i].random01, NOW);
		assert_true(delay_ms > rows[i].expected_ms - 0.001 &&
				delay_ms < rows[i].expected_ms + 0.001);
	}
}

static void keys_go_over_https_or_loopback_only(void **state)
{
	(void)state;
	static const struct {
		const char *url;
		bool with_key, without_key;
	} rows[] = {
		{ "https://api.openai.com/v1", true, true },
		{ "http://127.0.0.1:8080/v1", true, true },
		{ "http://127.9.9.9/v1", true, true },
		{ "http://localhost:1234/v1", true, true },
		{ "http://LOCALHOST/v1", true, true },
		{ "http://[::1]:8080/v1", true, true },
		{ "http://api.openai.com/v1", false, true },
		{ "http://192.168.1.5/v1", false, true },
		{ "http://127.0.0.1.evil.example/v1", false, true },
		{ "http://localhost.evil.example/v1", false, true },
		{ "http://127.0.0.1@evil.example/v1", false, false },
		{ "http://evil.example#@127.0.0.1/", false, true },
		{ "https://user:secret@api.openai.com/v1", false, false },
		{ "https://api.openai.com/v1?key=secret", false, false },
		{ "ftp://127.0.0.1/", false, false },
		{ "file:///etc/passwd", false, false },
		{ "not a url", false, false },
		{ "", false, false },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct cua_error why = { 0 };
		assert_int_equal(agent_model_check_url(rows[i].url, true, &why) == CUA_OK,
				rows[i].with_key);
		assert_int_equal(agent_model_check_url(rows[i].url, false, &why) == CUA_OK,
				rows[i].without_key);
		assert_null(strstr(why.msg, "secret"));
	}
}

/* --- text on its way to people --- */

static char *printed(void (*print)(FILE *, const char *), const char *text)
{
	char *out = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&out, &len);
	print(file, text);
	fclose(file);
	return out;
}

static void print_line(FILE *out, const char *text)
{
	cua_text_line(out, text, 12);
}

static void check(void (*print)(FILE *, const char *), const char *text, const char *expected)
{
	CUA_AUTO_FREE char *out = printed(print, text);
	assert_string_equal(out, expected);
}

static void terminals_get_plain_text(void **state)
{
	(void)state;
	check(print_line, "hello", "hello");
	check(print_line, "a\nb\tc", "a b c");
	check(print_line, "\x1b[31mred\x1b[0m", "red");
	check(print_line, "\x1b]0;title\x07ok", "ok");
	check(print_line, "\x1bPq#0\x1b\\ok", "\\ok");
	check(print_line,
			"a\x01\x08\x7f"
			"b",
			"ab");
	check(print_line,
			"\xc2\x9b"
			"31mx",
			"31mx"); /* C1 CSI */
	check(print_line, "\xe2\x80\xaetxt.exe", "txt.exe");
	check(print_line,
			"\xf3\xa0\x81\x81"
			"a",
			"a"); /* a tag character */
	check(print_line, "\xff\xc3(", "\xef\xbf\xbd\xef\xbf\xbd(");
	check(print_line, "0123456789abcdef", "0123456789ab\xe2\x80\xa6");
	check(print_line, "\xe2\x82\xac", "\xe2\x82\xac");
	check(cua_text_block, "a\r\nb\x1b[2J", "a\nb");
	check(print_line, NULL, "");
	check(print_line, "\x1b", "");
	check(print_line, "\x1b[", "");
}

static void pages_get_escaped_text(void **state)
{
	(void)state;
	check(cua_text_html, "<script>alert('\"&')</script>",
			"&lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;");
	check(cua_text_html, "a\nb", "a\nb");
	check(cua_text_html, "\xff<", "\xef\xbf\xbd&lt;");
}

static void actions_read_as_words(void **state)
{
	(void)state;
	static const struct {
		const char *json, *words;
	} rows[] = {
		{ "[{\"action\":\"click\",\"x\":1,\"y\":0}]", "click at 1, 0" },
		{ "[{\"action\":\"click\",\"button\":\"right\",\"x\":1,\"y\":2,\"keys\":[\"CTRL\"]}"
		  "]",
				"right click at 1, 2 holding CTRL" },
		{ "[{\"action\":\"click\",\"count\":2,\"x\":1,\"y\":2}]", "double-click at 1, 2" },
		{ "[{\"action\":\"drag\",\"path\":[{\"x\":1,\"y\":2},[3,4],[5,6]]}]",
				"drag from 1, 2 to 5, 6 through 3 points" },
		{ "[{\"action\":\"scroll\",\"x\":1,\"y\":2,\"scroll_y\":-3,\"scroll_x\":1}]",
				"scroll up 3 and right 1 at 1, 2" },
		{ "[{\"action\":\"type\",\"text\":\"a b\"}]",
				"type \xe2\x80\x9c"
				"a b\xe2\x80\x9d" },
		{ "[{\"action\":\"key\",\"keys\":[\"CTRL\",\"S\"]},{\"action\":\"screenshot\"}]",
				"press CTRL+S, then look" },
		{ "[{\"action\":\"wait\",\"duration_ms\":2000}]", "wait 2.0 s" },
		{ "[{\"action\":\"open_app\",\"name\":\"gedit\"}]",
				"open app \xe2\x80\x9cgedit\xe2\x80\x9d" },
		{ "[{\"action\":\"focus_window\",\"window\":4194311}]", "focus window 4194311" },
		{ "[{\"action\":\"drag\",\"path\":[]}]", "drag" },
		{ "[{\"action\":\"mouse_down\",\"x\":3,\"y\":0}]", "mouse down at 3, 0" },
		{ "[7]", "" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		CUA_AUTO_JSON cJSON *actions = cJSON_Parse(rows[i].json);
		CUA_AUTO_FREE char *words = agent_words_actions(actions);
		assert_string_equal(words, rows[i].words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_passing_failures_are_retried),
		cmocka_unit_test(delays_follow_headers_within_a_minute),
		cmocka_unit_test(keys_go_over_https_or_loopback_only),
		cmocka_unit_test(terminals_get_plain_text),
		cmocka_unit_test(pages_get_escaped_text),
		cmocka_unit_test(actions_read_as_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
