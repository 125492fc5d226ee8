#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"

/* RFC 3629: the ends of every range, and what lies just beyond them. */
static const struct {
	const char *bytes;
	size_t len;
	uint32_t code;
} cases[] = {
	{ "\x00", 1, 0 },
	{ "\x7f", 1, 0x7f },
	{ "\xc2\x80", 2, 0x80 },
	{ "\xdf\xbf", 2, 0x7ff },
	{ "\xe0\xa0\x80", 3, 0x800 },
	{ "\xed\x9f\xbf", 3, 0xd7ff },
	{ "\xee\x80\x80", 3, 0xe000 },
	{ "\xef\xbf\xbf", 3, 0xffff },
	{ "\xf0\x90\x80\x80", 4, 0x10000 },
	{ "\xf4\x8f\xbf\xbf", 4, 0x10ffff },
	/* overlong */
	{ "\xc0\x80", 2, CUA_UTF8_INVALID },
	{ "\xc1\xbf", 2, CUA_UTF8_INVALID },
	{ "\xe0\x80\x80", 3, CUA_UTF8_INVALID },
	{ "\xe0\x9f\xbf", 3, CUA_UTF8_INVALID },
	{ "\xf0\x80\x80\x80", 4, CUA_UTF8_INVALID },
	{ "\xf0\x8f\xbf\xbf", 4, CUA_UTF8_INVALID },
	/* surrogates */
	{ "\xed\xa0\x80", 3, CUA_UTF8_INVALID },
	{ "\xed\xad\xbf", 3, CUA_UTF8_INVALID },
	{ "\xed\xbf\xbf", 3, CUA_UTF8_INVALID },
	/* beyond Unicode */
	{ "\xf4\x90\x80\x80", 4, CUA_UTF8_INVALID },
	{ "\xf5\x80\x80\x80", 4, CUA_UTF8_INVALID },
	{ "\xf7\xbf\xbf\xbf", 4, CUA_UTF8_INVALID },
	{ "\xf8\x88\x80\x80\x80", 5, CUA_UTF8_INVALID },
	{ "\xfc\x84\x80\x80\x80\x80", 6, CUA_UTF8_INVALID },
	{ "\xfe", 1, CUA_UTF8_INVALID },
	{ "\xff", 1, CUA_UTF8_INVALID },
	/* lone continuations, cut sequences, wrong continuations */
	{ "\x80", 1, CUA_UTF8_INVALID },
	{ "\xbf", 1, CUA_UTF8_INVALID },
	{ "", 0, CUA_UTF8_INVALID },
	{ "\xc2", 1, CUA_UTF8_INVALID },
	{ "\xe0\xa0", 2, CUA_UTF8_INVALID },
	{ "\xf0\x90\x80", 3, CUA_UTF8_INVALID },
	{ "\xc2\x41", 2, CUA_UTF8_INVALID },
	{ "\xe2\x82\x41", 3, CUA_UTF8_INVALID },
	{ "\xf0\x9f\x98\xc0", 4, CUA_UTF8_INVALID },
	{ "\xe2\x28\xa1", 3, CUA_UTF8_INVALID },
};

static void ranges_end_where_the_rfc_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		/* In memory of its own, so that a read past the end is found. */
		CUA_AUTO_FREE char *copy = malloc(cases[i].len + 1);
		assert_non_null(copy);
		copy = realloc(copy, cases[i].len ? cases[i].len : 1);
		assert_non_null(copy);
		memcpy(copy, cases[i].bytes, cases[i].len);
		const char *at = copy;
		uint32_t code = cua_utf8_next(&at, copy + cases[i].len);
		if (code != cases[i].code) {
			fail_msg("case %zu gave 0x%x, expected 0x%x", i, code, cases[i].code);
		}
		const size_t moved = code == CUA_UTF8_INVALID ? 0 : cases[i].len;
		assert_int_equal(at - copy, moved);
		assert_int_equal(cua_utf8_check(copy, cases[i].len, NULL),
				code == CUA_UTF8_INVALID && cases[i].len > 0 ? CUA_ERR_INVAL
									     : CUA_OK);
	}
}

/* Every code point, encoded by the book, comes back. */
static void every_code_point_is_decoded(void **state)
{
	(void)state;
	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		const uint32_t tail = 0x80 | (code & 0x3f), second = 0x80 | (code >> 6 & 0x3f),
			       third = 0x80 | (code >> 12 & 0x3f);
		unsigned char bytes[4];
		size_t len = 0;
		if (code < 0x80) {
			bytes[len++] = (unsigned char)code;
		} else if (code < 0x800) {
			bytes[len++] = (unsigned char)(0xc0 | code >> 6);
			bytes[len++] = (unsigned char)tail;
		} else if (code < 0x10000) {
			bytes[len++] = (unsigned char)(0xe0 | code >> 12);
			bytes[len++] = (unsigned char)second;
			bytes[len++] = (unsigned char)tail;
		} else {
			bytes[len++] = (unsigned char)(0xf0 | code >> 18);
			bytes[len++] = (unsigned char)third;
			bytes[len++] = (unsigned char)second;
			bytes[len++] = (unsigned char)tail;
		}
		const char *at = (const char *)bytes;
		const uint32_t got = cua_utf8_next(&at, at + len);
		const bool surrogate = code >= 0xd800 && code <= 0xdfff;
		if (got != (surrogate ? CUA_UTF8_INVALID : code)) {
			fail_msg("U+%04X came back as 0x%x", code, got);
		}
	}
}

static void the_first_bad_byte_is_named(void **state)
{
	struct cua_error err = { 0 };
	(void)state;
	assert_int_equal(cua_utf8_check("ab\xc3\xa9\xff!", 6, &err), CUA_ERR_INVAL);
	assert_string_equal(err.msg, "invalid UTF-8 at byte 4 (0xff)");
	assert_int_equal(cua_utf8_check("a\0b", 3, &err), CUA_OK);
	assert_int_equal(cua_utf8_check("", 0, &err), CUA_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_end_where_the_rfc_says),
		cmocka_unit_test(every_code_point_is_decoded),
		cmocka_unit_test(the_first_bad_byte_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
