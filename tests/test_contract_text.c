#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/contract/text.h"

static void what_nobody_sees_is_left_out_and_counted(void **state)
{
	(void)state;
	static const struct {
		const char *text, *left;
		size_t count;
	} rows[] = {
		{ "plain\ttext\n", "plain\ttext\n", 0 },
		{ "Příliš 你好 🚢", "Příliš 你好 🚢", 0 },
		{ "a\xe2\x80\x8b"
		  "b",
				"ab", 1 }, /* zero width space */
		{ "\xef\xbb\xbfx", "x", 1 },
		{ "\xe2\x80\xae"
		  "cod.exe\xe2\x80\xac",
				"cod.exe", 2 }, /* right to left, and back */
		{ "\xe2\x81\xa6x\xe2\x81\xa9", "x", 2 },
		{ "hi\xf3\xa0\x81\xa9\xf3\xa0\x81\xa7\xf3\xa0\x81\xae", "hi", 3 }, /* tags: "ign" */
		{ "x\xf3\xa0\x84\x80\xf3\xa0\x87\xaf", "x", 2 }, /* selectors of variants */
		{ "x\xc2\xady", "xy", 1 },
		{ "a\u3164b\u115f\u1160c\uffa0", "abc", 4 }, /* fillers */
		{ "a\u2800b", "a b", 1 },                    /* as wide as a space */
		{ "a\u180eb\u034fc\u17b4d\U0001d173e\ufff9f", "abcdef", 5 },
		{ "a\ufe00\ufe0f\ufe0e", "a", 3 },
		/* What is seen otherwise without them. */
		{ "\u2764\ufe0f \u2764\ufe0f\u200d\U0001f525",
				"\u2764\ufe0f \u2764\ufe0f\u200d\U0001f525", 0 },
		{ "1\ufe0f\u20e3 \U0001f469\U0001f3fd\u200d\U0001f680",
				"1\ufe0f\u20e3 \U0001f469\U0001f3fd\u200d\U0001f680", 0 },
		{ "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
				"\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", 0 },
		{ "\u0915\u094d\u200d\u0937", "\u0915\u094d\u200d\u0937", 0 },
		{ "\u182a\u180b\u1820\u180e", "\u182a\u180b\u1820\u180e", 0 },
		/* And not where they change nothing, nor more than one. */
		{ "1\ufe0f2 a\u200db \u0645\u200c", "12 ab \u0645", 3 },
		{ "\u2764\ufe0f\ufe0f\ufe0e\ufe0f", "\u2764\ufe0f", 3 },
		{ "\U0001f525\u200d\u200d\u200c\u200d\U0001f525", "\U0001f525\u200d\U0001f525", 3 },
		{ "\U0001f525\u200d", "\U0001f525", 1 },
		{ "bad\xff\xe2\x80", "bad\xff\xe2\x80", 0 },
		{ "", "", 0 },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		char text[64];
		strcpy(text, rows[i].text);
		assert_int_equal(cua_text_strip(text), rows[i].count);
		assert_string_equal(text, rows[i].left);
	}
}

static void what_is_printed_is_stripped_likewise(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	assert_non_null(out);
	cua_text_line(out, "a\u3164b\u2800c \u2764\ufe0f\ufe0f\u200d\U0001f525\u200d", 0);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, "ab c \u2764\ufe0f\u200d\U0001f525");
}

static void json_is_stripped_to_its_leaves(void **state)
{
	(void)state;
	CUA_AUTO_JSON cJSON *json =
			cJSON_Parse("{\"a\\u200b\":[\"x\\u202ey\",{\"b\":\"\\udb40\\udc41\"}],"
				    "\"c\":1,\"d\":null}");
	assert_int_equal(cua_text_strip_json(json), 3);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	assert_string_equal(text, "{\"a\":[\"xy\",{\"b\":\"\"}],\"c\":1,\"d\":null}");
	assert_int_equal(cua_text_strip_json(NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_sees_is_left_out_and_counted),
		cmocka_unit_test(what_is_printed_is_stripped_likewise),
		cmocka_unit_test(json_is_stripped_to_its_leaves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
