/* What a TLS client says first: OpenSSL's own, and everything that is not quite it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/egress/client_hello.h"
#include "tests/client_hello.h"

/* In memory of its own length, so that a read past the end is found. The name, "more", or the
 * reason of a refusal with a '!' in front. */
static const char *seen_as(const uint8_t *data, size_t len)
{
	static char text[512];
	char name[CUA_HOST_NAME_MAX + 1];
	const char *why = NULL;
	CUA_AUTO_FREE uint8_t *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, data, len);
	switch (egress_client_hello_read(copy, len, name, &why)) {
	case EGRESS_HELLO_MORE:
		return "more";
	case EGRESS_HELLO_NAME:
		return strcpy(text, name);
	case EGRESS_HELLO_REFUSED:
		break;
	}
	assert_non_null(why);
	text[0] = '!';
	strcpy(text + 1, why);
	return text;
}

static void the_name_is_read_once_all_of_it_is_there(void **state)
{
	uint8_t hello[HELLO_ROOM];
	const size_t len = make_hello("Allowed.COM", hello);
	(void)state;
	for (size_t i = 0; i < len; i++) {
		assert_string_equal(seen_as(hello, i), "more");
	}
	assert_string_equal(seen_as(hello, len), "allowed.com");
	memset(hello + len, 'x', 100); /* early data of TLS 1.3 */
	assert_string_equal(seen_as(hello, len + 100), "allowed.com");
}

static void no_name_is_refused(void **state)
{
	uint8_t hello[HELLO_ROOM];
	(void)state;
	assert_string_equal(seen_as(hello, make_hello(NULL, hello)), "!TLS names no server");
	assert_string_equal(seen_as(hello, make_hello("127.0.0.1", hello)),
			"!TLS names something that is no host name");
	assert_string_equal(seen_as(hello, make_hello("allowed.com.", hello)),
			"!TLS names something that is no host name");
	assert_string_equal(seen_as(hello, make_hello("allowed.com/", hello)),
			"!TLS names something that is no host name");
}

static void hidden_and_repeated_names_are_refused(void **state)
{
	static const uint8_t name[] = { 0, 11, 0, 0, 8, 'e', 'v', 'i', 'l', '.', 'c', 'o', 'm' };
	uint8_t hello[HELLO_ROOM];
	(void)state;
	size_t len = make_hello("allowed.com", hello);
	len = add_extension(hello, len, 0xfe0d, "\0\0\1\0\1\0\0\4abcd", 12);
	assert_string_equal(seen_as(hello, len), "!TLS hides the server's name (ECH)");
	len = make_hello("allowed.com", hello);
	len = add_extension(hello, len, 0xffce, "x", 1);
	assert_string_equal(seen_as(hello, len), "!TLS hides the server's name (ECH)");
	len = make_hello("allowed.com", hello);
	len = add_extension(hello, len, 0, name, sizeof(name));
	assert_string_equal(seen_as(hello, len), "!a TLS extension comes twice");
	len = make_hello(NULL, hello);
	len = add_extension(hello, len, 0, name, sizeof(name));
	assert_string_equal(seen_as(hello, len), "evil.com");
}

static void lists_of_names_hold_one(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} lists[] = {
		{ "", 0 },
		{ "\0\0", 2 },
		{ "\0\2\0\0", 4 },
		{ "\0\6\0\0\3a.b\0", 10 },
		{ "\0\16\0\0\4a.bc\0\0\4a.bc", 16 },
		{ "\0\16\1\0\4a.bc\0\0\4a.bc", 16 },
		{ "\0\7\1\0\4a.bc", 9 },
		{ "\0\7\0\0\5a.bc", 9 },
		{ "\0\377\0\0\4a.bc", 9 },
		{ "\0\7\0\0\4a\0bc", 9 },
	};
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(lists); i++) {
		uint8_t hello[HELLO_ROOM];
		size_t len = make_hello(NULL, hello);
		len = add_extension(hello, len, 0, lists[i].data, lists[i].len);
		if (seen_as(hello, len)[0] != '!') {
			fail_msg("list %zu is seen as %s", i, seen_as(hello, len));
		}
	}
}

static void anything_but_tls_is_refused_at_once(void **state)
{
	static const char *const others[] = { "GET / HTTP/1.1\r\n", "SSH-2.0-x", "\x80\x2e\x01",
		"\x16\x02", "\x15\x03\x01", "\x17\x03\x03", "\x14\x03\x03\x01\x01",
		"\x16\x03\x01\x02\x01\x02", "\x16\x03\x01\x02\x01\x0b", "\x16\x03\x01\xff\xff\x01",
		"PRI * HTTP/2.0", "\n" };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(others); i++) {
		assert_int_equal(seen_as((const uint8_t *)others[i], strlen(others[i]))[0], '!');
	}
}

static void a_hello_in_pieces_is_refused(void **state)
{
	uint8_t hello[HELLO_ROOM], pieces[HELLO_ROOM];
	const size_t len = make_hello("allowed.com", hello);
	(void)state;
	for (size_t cut = 4; cut < len - 5; cut++) {
		memcpy(pieces, hello, 5 + cut);
		pieces[3] = (uint8_t)(cut >> 8);
		pieces[4] = (uint8_t)cut;
		memcpy(pieces + 5 + cut, hello, 3);
		pieces[5 + cut + 3] = (uint8_t)((len - 5 - cut) >> 8);
		pieces[5 + cut + 4] = (uint8_t)(len - 5 - cut);
		memcpy(pieces + 5 + cut + 5, hello + 5 + cut, len - 5 - cut);
		assert_string_equal(seen_as(pieces, len + 5),
				"!the TLS ClientHello does not come as one record");
	}
	/* Two messages in one record. */
	memcpy(pieces, hello, len);
	memcpy(pieces + len, hello + 5, len - 5);
	pieces[3] = (uint8_t)((2 * (len - 5)) >> 8);
	pieces[4] = (uint8_t)(2 * (len - 5));
	assert_string_equal(seen_as(pieces, 2 * len - 5),
			"!the TLS ClientHello does not come as one record");
}

/* Every length in it, made one larger and one smaller: never another name. */
static void a_wrong_length_never_gives_another_name(void **state)
{
	uint8_t hello[HELLO_ROOM], wrong[HELLO_ROOM];
	const size_t len = make_hello("allowed.com", hello);
	(void)state;
	for (size_t at = 0; at < len; at++) {
		for (int by = -1; by <= 1; by += 2) {
			memcpy(wrong, hello, len);
			wrong[at] = (uint8_t)(wrong[at] + by);
			const char *seen = seen_as(wrong, len);
			const char *place = memmem(hello, len, "allowed.com", 11);
			const size_t name_at = (size_t)((const uint8_t *)place - hello);
			const bool is_in_name = at >= name_at && at < name_at + 11;
			assert_true(is_in_name || seen[0] == '!' || strcmp(seen, "more") == 0 ||
					strcmp(seen, "allowed.com") == 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_is_read_once_all_of_it_is_there),
		cmocka_unit_test(no_name_is_refused),
		cmocka_unit_test(hidden_and_repeated_names_are_refused),
		cmocka_unit_test(lists_of_names_hold_one),
		cmocka_unit_test(anything_but_tls_is_refused_at_once),
		cmocka_unit_test(a_hello_in_pieces_is_refused),
		cmocka_unit_test(a_wrong_length_never_gives_another_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
