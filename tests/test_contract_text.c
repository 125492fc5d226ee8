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
		cmocka_unit_test(json_is_stripped_to_its_leaves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
