#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/buffer.h"
#include "cua/base/error.h"
#include "cua/base/util.h"

/* --- buffer --- */

static void a_buffer_stops_at_its_cap(void **state)
{
	(void)state;
	for (size_t cap = 0; cap < 600; cap += cap < 20 ? 1 : 37) {
		CUA_AUTO_BUFFER struct cua_buffer buffer;
		struct cua_error err = { 0 };
		cua_buffer_init(&buffer, cap);
		for (size_t i = 0; i < cap; i++) {
			assert_int_equal(cua_buffer_append(&buffer, "x", 1, &err), CUA_OK);
			assert_int_equal(buffer.data[buffer.len], 0);
		}
		assert_int_equal(buffer.len, cap);
		const struct cua_buffer before = buffer;
		assert_int_equal(cua_buffer_append(&buffer, "yy", 2, &err), CUA_ERR_TOO_LARGE);
		assert_int_equal(cua_buffer_append(&buffer, "y", 1, &err), CUA_ERR_TOO_LARGE);
		assert_int_equal(cua_buffer_printf(&buffer, &err, "%d", 7), CUA_ERR_TOO_LARGE);
		assert_int_equal(
				cua_buffer_append(&buffer, "y", SIZE_MAX, &err), CUA_ERR_TOO_LARGE);
		assert_memory_equal(&buffer, &before, sizeof(before));
		assert_true(!buffer.data || strlen(buffer.data) == cap);
		assert_int_equal(cua_buffer_append(&buffer, "", 0, &err), CUA_OK);
	}
}

static void a_failed_printf_leaves_what_was_there(void **state)
{
	CUA_AUTO_BUFFER struct cua_buffer buffer;
	struct cua_error err = { 0 };
	(void)state;
	cua_buffer_init(&buffer, 10);
	assert_int_equal(cua_buffer_printf(&buffer, &err, "%s", "abc"), CUA_OK);
	assert_int_equal(cua_buffer_printf(&buffer, &err, "%s", "12345678"), CUA_ERR_TOO_LARGE);
	assert_non_null(strstr(err.msg, "10"));
	assert_string_equal(buffer.data, "abc");
	assert_int_equal(cua_buffer_printf(&buffer, &err, "%s", "1234567"), CUA_OK);
	assert_string_equal(buffer.data, "abc1234567");
}

static void what_was_reserved_does_not_move(void **state)
{
	CUA_AUTO_BUFFER struct cua_buffer buffer;
	struct cua_error err = { 0 };
	(void)state;
	cua_buffer_init(&buffer, 100000);
	assert_int_equal(cua_buffer_reserve(&buffer, 100001, &err), CUA_ERR_TOO_LARGE);
	assert_null(buffer.data);
	assert_int_equal(cua_buffer_reserve(&buffer, 100000, &err), CUA_OK);
	assert_string_equal(buffer.data, "");
	const char *data = buffer.data;
	for (size_t i = 0; i < 100000; i++) {
		assert_int_equal(cua_buffer_append(&buffer, "x", 1, &err), CUA_OK);
		assert_ptr_equal(buffer.data, data);
	}
	assert_int_equal(cua_buffer_reserve(&buffer, 1, &err), CUA_ERR_TOO_LARGE);
	assert_int_equal(strlen(buffer.data), 100000);
}

static void bytes_leave_from_the_front(void **state)
{
	CUA_AUTO_BUFFER struct cua_buffer buffer;
	(void)state;
	cua_buffer_init(&buffer, 100);
	cua_buffer_consume(&buffer, 0);
	assert_int_equal(cua_buffer_append(&buffer, "ab\0cd", 5, NULL), CUA_OK);
	cua_buffer_consume(&buffer, 3);
	assert_string_equal(buffer.data, "cd");
	cua_buffer_consume(&buffer, 2);
	assert_int_equal(buffer.len, 0);
	assert_string_equal(buffer.data, "");
	assert_int_equal(cua_buffer_append(&buffer, "e", 1, NULL), CUA_OK);
	cua_buffer_clear(&buffer);
	assert_string_equal(buffer.data, "");
	cua_buffer_finish(&buffer);
	assert_null(buffer.data);
	assert_int_equal(buffer.max_len, 100);
	cua_buffer_clear(&buffer);
	assert_int_equal(cua_buffer_append(&buffer, "again", 5, NULL), CUA_OK);
}

/* --- error --- */

static void an_error_names_its_errno(void **state)
{
	struct cua_error err = { 0 };
	(void)state;
	assert_int_equal(CUA_FAIL(&err, CUA_ERR_IO, ENOENT, "open %s", "x"), CUA_ERR_IO);
	assert_int_equal(err.status, CUA_ERR_IO);
	assert_int_equal(err.sys_errno, ENOENT);
	assert_string_equal(err.msg, "open x: No such file or directory");
	cua_error_set(&err, CUA_ERR_IO, 123456, "x");
	assert_string_equal(err.msg, "x: unknown error");
	cua_error_prefix(&err, "%s %d", "step", 3);
	assert_string_equal(err.msg, "step 3: x: unknown error");
	cua_error_set(NULL, CUA_ERR_IO, 0, "nobody listens");
	cua_error_prefix(NULL, "nobody listens");
}

static void a_long_message_is_cut_at_its_end(void **state)
{
	struct cua_error err;
	char text[2000];
	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memset(&err, 0x55, sizeof(err));
	cua_error_set(&err, CUA_ERR_INVAL, 0, "%s", text);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	cua_error_prefix(&err, "where");
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	assert_memory_equal(err.msg, "where: aaa", 10);
	cua_error_prefix(&err, "%s", text);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	assert_null(strchr(err.msg, ':'));
	/* The text of the errno fits in part, or not at all. */
	for (size_t len = sizeof(err.msg) - 40; len < sizeof(err.msg) + 2; len++) {
		cua_error_set(&err, CUA_ERR_IO, ENOENT, "%.*s", (int)len, text);
		assert_true(strlen(err.msg) < sizeof(err.msg));
		assert_int_equal(err.msg[0], 'a');
	}
}

static void a_message_is_one_line_of_utf8(void **state)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{ "a\nb\r\tc\x1b[1m\x7f", "a b  c [1m " },
		{ "c1 \xc2\x9b"
		  "31m\xc2\xa0",
				"c1 ??31m\xc2\xa0" },
		{ "\u00e9\u20ac\U0001f600\u4e2d", "\u00e9\u20ac\U0001f600\u4e2d" },
		{ "\xc3", "?" },
		{ "\xe2\x82", "??" },
		{ "\xf0\x9f\x98", "???" },
		{ "\xf0\x9f\x98 \xe2\x82\xac", "??? \u20ac" },
		{ "\xc0\xaf", "??" },
		{ "\xe0\x80\x80", "???" },
		{ "\xed\xa0\x80", "???" },
		{ "\xf4\x90\x80\x80", "????" },
		{ "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" },
		{ "\xff\xfe", "??" },
	};
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		struct cua_error err;
		cua_error_set(&err, CUA_ERR_INVAL, 0, "%s", cases[i].from);
		assert_string_equal(err.msg, cases[i].to);
		cua_error_set(&err, CUA_ERR_INVAL, 0, "x");
		cua_error_prefix(&err, "%s", cases[i].from);
		assert_int_equal(strlen(err.msg), strlen(cases[i].to) + 3);
		assert_memory_equal(err.msg, cases[i].to, strlen(cases[i].to));
	}
	/* Cut by the end of the message, at every place in a character. */
	for (int shift = 0; shift < 4; shift++) {
		struct cua_error err;
		char text[1200] = "xxx";
		text[shift] = '\0';
		for (int i = 0; i < 200; i++) {
			strcat(text, "\U0001f600");
		}
		cua_error_set(&err, CUA_ERR_INVAL, 0, "%s", text);
		const char *last = err.msg + strlen(err.msg) - 1;
		assert_true(*last == '?' || strcmp(last - 3, "\U0001f600") == 0);
	}
}

static void statuses_have_names_classes_and_codes(void **state)
{
	(void)state;
	for (int i = 0; i < CUA_STATUS_COUNT; i++) {
		const enum cua_status status = (enum cua_status)i;
		assert_non_null(cua_status_name(status));
		assert_int_equal(cua_status_from_name(cua_status_name(status)), status);
		const int http = cua_status_http(status);
		assert_true(status == CUA_OK ? http == 200 : http >= 400 && http < 600);
		/* A fault of the caller is a 4xx, one of the environment is a 5xx. */
		if (status != CUA_OK) {
			const enum cua_error_class class = cua_status_class(status);
			assert_true(class != CUA_CLASS_CALLER || http < 500);
			assert_true(class != CUA_CLASS_ENVIRONMENT || http >= 500);
			assert_true(strlen(cua_error_class_name(class)) > 0);
		}
	}
	assert_int_equal(cua_status_from_name("no such name"), CUA_ERR_CLOSED);
	assert_int_equal(cua_status_from_name(NULL), CUA_ERR_CLOSED);
	assert_string_equal(cua_status_name(CUA_STATUS_COUNT), "unknown");
	assert_int_equal(cua_status_http(CUA_STATUS_COUNT), 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_buffer_stops_at_its_cap),
		cmocka_unit_test(a_failed_printf_leaves_what_was_there),
		cmocka_unit_test(what_was_reserved_does_not_move),
		cmocka_unit_test(bytes_leave_from_the_front),
		cmocka_unit_test(an_error_names_its_errno),
		cmocka_unit_test(a_long_message_is_cut_at_its_end),
		cmocka_unit_test(a_message_is_one_line_of_utf8),
		cmocka_unit_test(statuses_have_names_classes_and_codes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
