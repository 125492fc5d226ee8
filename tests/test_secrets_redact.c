#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agent/secrets/redact.h"
#include "cua/base/buffer.h"
#include "cua/base/util.h"
#include "tests/spellings.h"

#define BASE64_LEFT 3 /* it and its padding */

static struct agent_redactor *redactor_of(const char *value)
{
	struct agent_redactor *redactor = NULL;
	assert_int_equal(agent_redactor_create(NULL, &redactor, NULL), CUA_OK);
	assert_int_equal(agent_redactor_add(redactor, "NAME", value, NULL), CUA_OK);
	return redactor;
}

static void blot(char *text, const char *value)
{
	struct agent_redactor *redactor = redactor_of(value);
	agent_redact_blot(redactor, text, strlen(text));
	agent_redactor_destroy(redactor);
}

static void secrets_are_blotted_out(void **state)
{
	(void)state;
	char text[] = "key sk-abcdefghijklm, sk-abcdefghijklm; sk-abcdefghijkl";
	blot(text, "sk-abcdefghijklm");
	assert_string_equal(text, "key ****************, ****************; sk-abcdefghijkl");
	agent_redact_blot(NULL, text, strlen(text));
	assert_string_equal(text, "key ****************, ****************; sk-abcdefghijkl");
	/* The key for a server that wants none is a word that models use, too. */
	char words[] = "open xterm with ollama";
	blot(words, "ollama");
	blot(words, "x");
	assert_string_equal(words, "open xterm with ollama");
}

static void json_stays_json_whatever_is_blotted_out(void **state)
{
	(void)state;
	static const struct {
		const char *secret, *text, *expected;
	} rows[] = {
		{ "sk-abcdefghijklm", "a\\u0073k-abcdefghijklm.", "a*********************." },
		{ "sk-abcdefghijklm", "\\\\u0073k\\\\u002Dabcdefghijklm\"",
				"****************************\"" },
		{ "sk-abcdefghijklm", "sk-abcdefghijkl\\u006d\\u006d",
				"*********************\\u006d" },
		{ "abcd/efgh/ijkl/mn", "abcd\\/efgh\\/ijkl/mn", "*******************" },
		{ "sk-abcdefghijklm", "\\u0073k-abcdefghijklx", "\\u0073k-abcdefghijklx" },
		{ "sk-abcdefghijklm", "\\u00733k-abcdefghijklm", "\\u00733k-abcdefghijklm" },
		{ "sk-abcdefghijklm", "sk-abcdefghijkl\\", "sk-abcdefghijkl\\" },
		/* A line break before what is left of the key: the escape must not be broken. */
		{ "nk-abcdefghijklm", "{\"a\\nk-abcdefghijklm\"}", "{\"a*****************\"}" },
		{ "uk-abcdefghijklm", "\\u0075k-abcdefghijklm", "*********************" },
		{ "uk-abcdefghijklm", "uk-abcdefghijklm", "****************" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		CUA_AUTO_FREE char *text = strdup(rows[i].text);
		blot(text, rows[i].secret);
		assert_string_equal(text, rows[i].expected);
	}
}

/* A stream keeps back what may begin the key, and no more. */
static void a_secret_that_may_begin_is_seen(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t begun;
	} rows[] = { { "and s", 1 }, { "and sk-abc", 6 }, { "and sk-abd", 0 }, { "and \\", 1 },
		{ "and \\u00", 4 }, { "and \\\\u0073k", 8 }, { "and \\u0074", 0 },
		{ "s and sk-abcdefghijkl", 15 } };
	struct agent_redactor *redactor = redactor_of("sk-abcdefghijklm");
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		assert_int_equal(agent_redact_begun(redactor, rows[i].text, strlen(rows[i].text)),
				rows[i].begun);
	}
	agent_redactor_destroy(redactor);
}

/* Signs that each encoding treats in its own way, and characters beyond ASCII. */
static const char *const values[] = { "correct horse", "p&ss<w>o'r\"d/+%=", "back\\slash\\\\es",
	"řežíško-🚢你好", "?/>?/>~~~~", "0123456789", "aaaaaaaaaaaa" };

static void every_value_is_found_in_every_encoding(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(values); i++) {
		struct agent_redactor *redactor = redactor_of(values[i]);
		for (size_t k = 0; k < SPELLINGS; k++) {
			CUA_AUTO_FREE char *spelled = spell(k, values[i]);
			char *text = NULL;
			assert_true(asprintf(&text, "before %s; after", spelled) > 0);
			assert_int_equal(agent_redact(redactor, &text), 1);
			if (strcmp(text, "before {{secret:NAME}}; after") != 0) {
				fail_msg("%s of %s became %s", spelling_name(k), values[i], text);
			}
			free(text);
		}
		agent_redactor_destroy(redactor);
	}
}

/* Not the value alone is encoded, but what it stands in. */
static void a_value_is_found_within_what_is_encoded(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(values); i++) {
		struct agent_redactor *redactor = redactor_of(values[i]);
		for (size_t k = 0; k < SPELLINGS; k++) {
			for (size_t before = 0; before < 4; before++) {
				char whole[200];
				snprintf(whole, sizeof(whole), "%.*s%s then", (int)before,
						"xyz=", values[i]);
				CUA_AUTO_FREE char *spelled = spell(k, whole);
				if (!agent_redact_finds(redactor, spelled, strlen(spelled))) {
					fail_msg("%s of %s: %s", spelling_name(k), whole, spelled);
				}
			}
		}
		agent_redactor_destroy(redactor);
	}
}

/* However it is cut: what was kept back and what follows are looked at as one. */
static void a_stream_shows_no_value_however_it_is_cut(void **state)
{
	(void)state;
	for (size_t k = 0; k < SPELLINGS; k++) {
		struct agent_redactor *redactor = redactor_of(values[1]);
		CUA_AUTO_FREE char *spelled = spell(k, values[1]);
		const size_t len = strlen(spelled);
		for (size_t cut = 1; cut < len; cut++) {
			char text[400], rest[400];
			snprintf(text, sizeof(text), "%.*s", (int)cut, spelled);
			agent_redact_blot(redactor, text, cut);
			const size_t begun = agent_redact_begun(redactor, text, cut);
			snprintf(rest, sizeof(rest), "%s%s", text + cut - begun, spelled + cut);
			agent_redact_blot(redactor, rest, strlen(rest));
			text[cut - begun] = '\0';
			/* The last character of base64, half of whose bits are the value's. */
			if (strspn(text, "*") != strlen(text) ||
					strlen(rest) > strspn(rest, "*") + BASE64_LEFT) {
				fail_msg("%s, cut at %zu: %s and %s", spelling_name(k), cut, text,
						rest);
			}
		}
		agent_redactor_destroy(redactor);
	}
}

static void lines_and_separators_hide_nothing(void **state)
{
	(void)state;
	static const char *const texts[] = { "Y29ycmVj\ndCBob3JzZQ==", "Y29ycmVj\\ndCBob3JzZQ",
		"63:6f:72:72:65:63:74:20:68:6f:72:73:65", "636f 7272 6563 7420 686f 7273 65",
		"0x63, 0x6f, 0x72, 0x72, 0x65, 0x63, 0x74, 0x20, 0x68, 0x6f, 0x72, 0x73, 0x65",
		"\\x63\\x6f\\x72\\x72\\x65\\x63\\x74\\x20\\x68\\x6f\\x72\\x73\\x65",
		"correct+horse", "correct%2520horse", "correct&#32;horse", "correct&#x20;horse",
		"correct&#032;horse", "636F727265637420686F727365" };
	struct agent_redactor *redactor = redactor_of("correct horse");
	for (size_t i = 0; i < CUA_ARRAY_LEN(texts); i++) {
		if (!agent_redact_finds(redactor, texts[i], strlen(texts[i]))) {
			fail_msg("%s is not found", texts[i]);
		}
	}
	agent_redactor_destroy(redactor);
}

static void what_is_similar_stays(void **state)
{
	(void)state;
	static const char *const texts[] = { "correct hors", "Correct Horse", "correct  horse",
		"Y29ycmVjdCBob3Jz", "636f7272656374", "correct horsE", "" };
	struct agent_redactor *redactor = redactor_of("correct horse");
	for (size_t i = 0; i < CUA_ARRAY_LEN(texts); i++) {
		char *text = strdup(texts[i]);
		assert_int_equal(agent_redact(redactor, &text), 0);
		assert_string_equal(text, texts[i]);
		free(text);
	}
	agent_redactor_destroy(redactor);
}

/* Names of members as well; numbers stay numbers. */
static void json_is_gone_through(void **state)
{
	(void)state;
	struct agent_redactor *redactor = redactor_of("12345678");
	CUA_AUTO_JSON cJSON *json = cJSON_Parse("{\"a\":[\"x 12345678\",{\"12345678\":12345678}]}");
	assert_int_equal(agent_redact_json(redactor, json), 2);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	assert_string_equal(text, "{\"a\":[\"x {{secret:NAME}}\",{\"{{secret:NAME}}\":12345678}]}");
	assert_int_equal(agent_redact_json(redactor, NULL), 0);
	assert_int_equal(agent_redact_json(NULL, json), 0);
	agent_redactor_destroy(redactor);
}

static void the_longer_of_two_values_wins(void **state)
{
	(void)state;
	struct agent_redactor *redactor = redactor_of("longpass");
	assert_int_equal(agent_redactor_add(redactor, "LONG", "longpassword", NULL), CUA_OK);
	char *text = strdup("longpassword longpass!");
	assert_int_equal(agent_redact(redactor, &text), 2);
	assert_string_equal(text, "{{secret:LONG}} {{secret:NAME}}!");
	free(text);
	char fixed[20] = "say longpassword";
	agent_redact_fixed(redactor, fixed, sizeof(fixed));
	assert_string_equal(fixed, "say {{secret:LONG}}");
	agent_redactor_destroy(redactor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_are_blotted_out),
		cmocka_unit_test(json_stays_json_whatever_is_blotted_out),
		cmocka_unit_test(a_secret_that_may_begin_is_seen),
		cmocka_unit_test(every_value_is_found_in_every_encoding),
		cmocka_unit_test(a_value_is_found_within_what_is_encoded),
		cmocka_unit_test(a_stream_shows_no_value_however_it_is_cut),
		cmocka_unit_test(lines_and_separators_hide_nothing),
		cmocka_unit_test(what_is_similar_stays),
		cmocka_unit_test(json_is_gone_through),
		cmocka_unit_test(the_longer_of_two_values_wins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
