#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cua/base/util.h"
#include "demos/standin/match.h"

#define WORD(word, x, y, sure) \
	{ \
		(char[]){ word }, { x, y, (x) + 8 * (int)(sizeof(word) - 1), (y) + 14 }, sure \
	}

static int count(struct see_word *words, int word_count, const char *text)
{
	const struct see_screen screen = { 1280, 800, words, word_count };
	struct match places[MATCH_PLACES_MAX];
	return match_find(&screen, text, places, MATCH_PLACES_MAX);
}

static void one_word_against_one_word(void **state)
{
	(void)state;
	static const struct {
		const char *want, *read;
		int confidence;
		int found;
	} cases[] = {
		{ "Save", "Save", 95, 1 },
		{ "save", "SAVE:", 95, 1 }, /* case and punctuation */
		{ "Zoë", "Zoe", 95, 1 },    /* accents */
		{ "Löschen", "Loschen", 95, 1 },
		{ "Export...", "Export", 95, 1 },
		{ "Title", "Tltle", 70, 1 }, /* looks alike */
		{ "Insert", "lnsert", 60, 1 },
		{ "Insert", "Insart", 60, 1 }, /* one letter of six, unsure */
		{ "Insert", "Insart", 95, 0 }, /* the same, read surely */
		{ "Table", "Tables", 96, 0 },  /* another word */
		{ "Save", "Same", 92, 0 },
		{ "Bold", "Bolt", 90, 0 },
		{ "Cut", "Put", 50, 0 }, /* three letters: none may differ */
		{ "OK", "0K", 50, 0 },   /* a digit is no letter */
		{ "Page 1", "Page 7", 40, 0 },
		{ "Rule12", "Rule13", 40, 0 },
		{ "Untitled", "Unbibled", 40, 1 }, /* two of eight */
		{ "Untitled", "Unbiblob", 40, 0 },
		{ "Save", "Save As", 95, 1 },
		{ "Save As", "Save", 95, 0 },
		{ "Γραμμα", "ΓΡΑΜΜΑ", 95, 1 },
		{ "+", "+", 90, 1 }, /* no letters at all */
		{ "+", "-", 90, 0 },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		char read[64];
		snprintf(read, sizeof(read), "%s", cases[i].read);
		struct see_word words[4];
		int word_count = 0;
		int x = 100;
		char *rest = NULL;
		for (char *word = strtok_r(read, " ", &rest); word;
				word = strtok_r(NULL, " ", &rest)) {
			int width = 8 * (int)strlen(word);
			words[word_count++] = (struct see_word){ word, { x, 50, x + width, 64 },
				cases[i].confidence };
			x += width + 5;
		}
		int found = count(words, word_count, cases[i].want);
		if (found != cases[i].found) {
			fail_msg("'%s' in '%s' (%d): found %d times", cases[i].want, cases[i].read,
					cases[i].confidence, found);
		}
	}
}

static void a_phrase_is_on_one_line(void **state)
{
	(void)state;
	struct see_word words[] = { WORD("File", 10, 10, 90), WORD("name", 48, 11, 90),
		WORD("File", 10, 100, 90), WORD("name", 10, 120, 90), WORD("File", 10, 200, 90),
		WORD("name", 400, 200, 90) };
	assert_int_equal(count(words, 6, "File name"), 1);
	assert_int_equal(count(words, 6, "File"), 3);
}

static void spaces_may_be_misread(void **state)
{
	(void)state;
	struct see_word together[] = { WORD("ExportAs", 10, 10, 90) };
	assert_int_equal(count(together, 1, "Export As"), 1);
	struct see_word apart[] = { WORD("Un", 10, 10, 90), WORD("titled", 30, 10, 90) };
	assert_int_equal(count(apart, 2, "Untitled"), 1);
	struct see_word dash[] = { WORD("Untitled", 10, 10, 90), WORD("-", 80, 10, 40),
		WORD("Writer", 95, 10, 90) };
	assert_int_equal(count(dash, 3, "Untitled – Writer"), 1);
}

static void exact_places_hide_misread_ones(void **state)
{
	(void)state;
	struct see_word words[] = { WORD("Insert", 10, 10, 90), WORD("Inserl", 10, 100, 60) };
	assert_int_equal(count(words, 2, "Insert"), 1);
	words[0].confidence = 20;
	assert_int_equal(count(words, 2, "Insert"), 1);
	assert_int_equal(count(words + 1, 1, "Insert"), 1);
}

static void box_spans_the_phrase(void **state)
{
	(void)state;
	struct see_word words[] = { WORD("Save", 10, 12, 90), WORD("As", 46, 10, 90) };
	const struct see_screen screen = { 1280, 800, words, 2 };
	struct match place;
	assert_int_equal(match_find(&screen, "save as", &place, 1), 1);
	assert_int_equal(place.box.left, 10);
	assert_int_equal(place.box.right, 62);
	assert_int_equal(place.box.top, 10);
	assert_int_equal(place.box.bottom, 26);
}

static bool pick(const struct match_query *query, int *ret_x, int *ret_y, char *why, size_t size)
{
	struct see_word words[] = { WORD("Insert", 100, 20, 95), WORD("Cancel", 700, 600, 95),
		WORD("Insert", 800, 600, 95), WORD("Insert", 700, 680, 95),
		WORD("Finish", 900, 600, 95), WORD("Close", 700, 780, 95) };
	const struct see_screen screen = { 1280, 800, words, 6 };
	struct match place;
	bool picked = match_pick(&screen, query, &place, why, size);
	if (picked) {
		*ret_x = place.box.left;
		*ret_y = place.box.top;
	}
	return picked;
}

static void picks_the_one_that_is_meant(void **state)
{
	(void)state;
	static const struct {
		struct match_query query;
		int x, y;
	} cases[] = {
		{ { "Insert", 1, SCRIPT_ANYWHERE, NULL }, 100, 20 },
		{ { "Insert", 2, SCRIPT_ANYWHERE, NULL }, 800, 600 },
		{ { "Insert", 3, SCRIPT_ANYWHERE, NULL }, 700, 680 },
		{ { "Insert", 0, SCRIPT_RIGHT_OF, "Cancel" }, 800, 600 },
		{ { "Insert", 0, SCRIPT_NEAR, "Cancel" }, 700, 680 },
		{ { "Insert", 0, SCRIPT_BELOW, "Cancel" }, 700, 680 },
		{ { "Cancel", 0, SCRIPT_LEFT_OF, "Finish" }, 700, 600 },
		{ { "Cancel", 0, SCRIPT_ABOVE, "Close" }, 700, 600 },
		{ { "Cancel", 0, SCRIPT_ANYWHERE, NULL }, 700, 600 },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		char why[256] = "";
		int x = -1;
		int y = -1;
		if (!pick(&cases[i].query, &x, &y, why, sizeof(why))) {
			fail_msg("case %zu: %s", i, why);
		}
		assert_int_equal(x, cases[i].x);
		assert_int_equal(y, cases[i].y);
	}
}

static void says_why_it_cannot_pick(void **state)
{
	(void)state;
	static const struct {
		struct match_query query;
		const char *why;
	} cases[] = {
		{ { "Insert", 0, SCRIPT_ANYWHERE, NULL }, "found 'Insert' 3 times, at (124,27)" },
		{ { "Insert", 4, SCRIPT_ANYWHERE, NULL }, "found 'Insert' 3 times, not 4" },
		{ { "Delete", 0, SCRIPT_ANYWHERE, NULL }, "did not find 'Delete'" },
		{ { "Insert", 0, SCRIPT_NEAR, "Help" }, "did not find 'Help'" },
		{ { "Insert", 0, SCRIPT_ABOVE, "Cancel" },
				"did not find 'Insert' above 'Cancel'" }, /* it is, but far off */
		{ { "Cancel", 0, SCRIPT_NEAR, "Insert" }, "found more than one 'Insert'" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		char why[256] = "";
		int x = 0;
		int y = 0;
		assert_false(pick(&cases[i].query, &x, &y, why, sizeof(why)));
		assert_non_null(strstr(why, cases[i].why));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_word_against_one_word),
		cmocka_unit_test(a_phrase_is_on_one_line),
		cmocka_unit_test(spaces_may_be_misread),
		cmocka_unit_test(exact_places_hide_misread_ones),
		cmocka_unit_test(box_spans_the_phrase),
		cmocka_unit_test(picks_the_one_that_is_meant),
		cmocka_unit_test(says_why_it_cannot_pick),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
