#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agent/model/sse.h"
#include "cua/base/util.h"

/* Events as text, "name|data;", so that two runs compare with strcmp(). */
struct heard {
	struct cua_buffer text;
	enum cua_status answer; /* what the callback returns */
};

static enum cua_status hear(const char *name, const char *data, size_t len, void *user_data,
		struct cua_error *err)
{
	struct heard *heard = user_data;
	assert_int_equal(strlen(data), len);
	assert_int_equal(cua_buffer_printf(&heard->text, err, "%s|%s;", name, data), CUA_OK);
	return heard->answer;
}

/* Feeds pieces of at most `piece` bytes. */
static enum cua_status listen_to(
		const char *stream, size_t len, size_t piece, size_t max_len, struct heard *heard)
{
	struct agent_sse sse;
	enum cua_status status = CUA_OK;
	cua_buffer_init(&heard->text, 1 << 20);
	agent_sse_init(&sse, max_len, hear, heard);
	for (size_t at = 0; status == CUA_OK && at < len; at += piece) {
		status = agent_sse_feed(
				&sse, stream + at, len - at < piece ? len - at : piece, NULL);
	}
	agent_sse_finish(&sse);
	return status;
}

static const struct {
	const char *stream, *expected;
} cases[] = {
	{ "data: a\n\n", "|a;" },
	{ "data: a\r\n\r\n", "|a;" },
	{ "data: a\r\rdata: b\r\r", "|a;|b;" },
	{ "data:a\n\n", "|a;" },
	{ "data:  a\n\n", "| a;" },
	{ "event: x\ndata: a\n\n", "x|a;" },
	{ "data: a\nevent: x\n\n", "x|a;" },
	{ "data: a\ndata: b\n\n", "|a\nb;" },
	{ "data: a\ndata\ndata: b\n\n", "|a\n\nb;" },
	{ "data\n\n", "|;" },
	{ "data:\n\n", "|;" },
	{ ": OPENROUTER PROCESSING\n\ndata: a\n\n", "|a;" },
	{ ":\n:\n\n", "" },
	{ "event: x\n\ndata: a\n\n", "|a;" }, /* an event without data is none */
	{ "id: 7\nretry: 3\nfoo: bar\ndata: a\n\n", "|a;" },
	{ "\xef\xbb\xbf"
	  "data: a\n\n",
			"|a;" },
	{ "data: a\n\n\xef\xbb\xbf"
	  "data: b\n\n",
			"|a;" }, /* a mark elsewhere is part of the name */
	{ "data: \xe2\x82\xac\n\n", "|\xe2\x82\xac;" },
	{ "data: a\n", "" }, /* cut short */
	{ "data: a\n\ndata: b", "|a;" },
	{ "\n\n\n", "" },
	{ "data: a: b\n\n", "|a: b;" },
	{ "", "" },
};

static void events_are_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		struct heard heard = { 0 };
		size_t len = strlen(cases[i].stream);
		assert_int_equal(listen_to(cases[i].stream, len, len + 1, 4096, &heard), CUA_OK);
		assert_string_equal(heard.text.data ? heard.text.data : "", cases[i].expected);
		cua_buffer_finish(&heard.text);
	}
}

static void result_does_not_depend_on_chunks(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		size_t len = strlen(cases[i].stream);
		for (size_t piece = 1; piece <= len; piece++) {
			struct heard heard = { 0 };
			assert_int_equal(listen_to(cases[i].stream, len, piece, 4096, &heard),
					CUA_OK);
			assert_string_equal(
					heard.text.data ? heard.text.data : "", cases[i].expected);
			cua_buffer_finish(&heard.text);
		}
	}
}

static void caps_do_not_depend_on_chunks(void **state)
{
	(void)state;
	static const char stream[] = "data: ok\n\ndata: 0123456789\ndata: 0123456789\n\n";
	for (size_t max_len = 1; max_len < 40; max_len++) {
		struct heard whole = { 0 };
		enum cua_status expected =
				listen_to(stream, strlen(stream), strlen(stream), max_len, &whole);
		for (size_t piece = 1; piece < strlen(stream); piece++) {
			struct heard parts = { 0 };
			assert_int_equal(listen_to(stream, strlen(stream), piece, max_len, &parts),
					expected);
			assert_string_equal(parts.text.data ? parts.text.data : "",
					whole.text.data ? whole.text.data : "");
			cua_buffer_finish(&parts.text);
		}
		assert_int_equal(expected, max_len < 21 ? CUA_ERR_TOO_LARGE : CUA_OK);
		cua_buffer_finish(&whole.text);
	}
}

static void a_failing_listener_ends_the_feed(void **state)
{
	(void)state;
	struct heard heard = { .answer = CUA_ERR_MODEL };
	static const char stream[] = "data: a\n\ndata: b\n\n";
	assert_int_equal(listen_to(stream, strlen(stream), 100, 4096, &heard), CUA_ERR_MODEL);
	assert_string_equal(heard.text.data, "|a;");
	cua_buffer_finish(&heard.text);
}

static void long_names_are_cut(void **state)
{
	(void)state;
	char stream[300];
	struct heard heard = { 0 };
	snprintf(stream, sizeof(stream), "event: %0200d\ndata: a\n\n", 0);
	assert_int_equal(listen_to(stream, strlen(stream), 7, 4096, &heard), CUA_OK);
	assert_int_equal(heard.text.len, 63 + strlen("|a;"));
	cua_buffer_finish(&heard.text);
}

static void what_a_stream_says_of_its_rest_is_kept(void **state)
{
	(void)state;
	static const struct {
		const char *stream, *last_id;
		long retry_ms;
	} rows[] = { { "data: a\n\n", "", -1 }, { "id: 7\nretry: 500\ndata:\n\n", "7", 500 },
		{ "id: 7\n\nid\n\n", "", -1 }, { "retry: 5s\n\n", "", -1 },
		{ "retry:\n\n", "", -1 }, { "retry: 99999999999999999999\n\n", "", 86400001 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct heard heard = { .answer = CUA_OK };
		struct agent_sse sse;
		cua_buffer_init(&heard.text, 1 << 20);
		agent_sse_init(&sse, AGENT_SSE_EVENT_MAX, hear, &heard);
		assert_int_equal(agent_sse_feed(&sse, rows[i].stream, strlen(rows[i].stream), NULL),
				CUA_OK);
		assert_string_equal(sse.last_id, rows[i].last_id);
		if (rows[i].retry_ms <= 86400000) {
			assert_int_equal(sse.retry_ms, rows[i].retry_ms);
		} else {
			assert_true(sse.retry_ms >
					86400000); /* of no use, and no number ran over */
		}
		agent_sse_finish(&sse);
		cua_buffer_finish(&heard.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_told_apart),
		cmocka_unit_test(result_does_not_depend_on_chunks),
		cmocka_unit_test(caps_do_not_depend_on_chunks),
		cmocka_unit_test(a_failing_listener_ends_the_feed),
		cmocka_unit_test(long_names_are_cut),
		cmocka_unit_test(what_a_stream_says_of_its_rest_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
