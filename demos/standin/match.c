#include "demos/standin/match.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

#define FOLDED_MAX 512 /* letters of one text */
#define PHRASE_MAX 32  /* words of one text */
/* A word read with this confidence or more is taken by its letters. */
#define CONFIDENCE_SURE 85

/* A text reduced to what counts. */
struct folded {
	uint32_t letters[FOLDED_MAX];
	int len;
	int starts[PHRASE_MAX + 1]; /* of each word; starts[word_count] == len */
	int word_count;
};

/* Bytes of a broken sequence come out one by one; OCR output is UTF-8 in practice. */
static uint32_t next_letter(const char **cursor)
{
	const unsigned char *at = (const unsigned char *)*cursor;
	int more = at[0] >= 0xf0 ? 3 : at[0] >= 0xe0 ? 2 : at[0] >= 0xc0 ? 1 : 0;
	uint32_t letter = more == 3 ? at[0] & 0x07U
			: more == 2 ? at[0] & 0x0fU
			: more == 1 ? at[0] & 0x1fU
				    : at[0];
	int taken = 1;
	for (; taken <= more && (at[taken] & 0xc0U) == 0x80U; taken++) {
		letter = letter << 6U | (at[taken] & 0x3fU);
	}
	*cursor += taken;
	return letter;
}

/* Latin letters with accents, U+00C0 to U+017F, by their base; '*' is not a letter. */
static uint32_t without_accent(uint32_t letter)
{
	static const char base[] =
			"aaaaaaaceeeeiiiidnooooo*ouuuuypsaaaaaaaceeeeiiiidnooooo*ouuuuypy"
			"aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll"
			"lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
	return letter >= 0xc0 && letter < 0xc0 + sizeof(base) - 1 ? (uint32_t)base[letter - 0xc0]
								  : letter;
}

/* The letter as it is compared; 0 if it does not count. */
static uint32_t fold_letter(uint32_t letter)
{
	if (letter < 0x80) {
		if (letter >= 'A' && letter <= 'Z') {
			return letter + 32;
		}
		bool counts = (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9');
		return counts ? letter : 0;
	}
	if (letter < 0xc0 || (letter >= 0x2000 && letter < 0x2c00) || letter == 0xfffd) {
		return 0; /* signs: Latin-1, quotes and dashes, arrows, boxes, dingbats */
	}
	letter = without_accent(letter);
	if ((letter >= 0x391 && letter <= 0x3a9) || (letter >= 0x410 && letter <= 0x42f)) {
		return letter + 32; /* Greek and Cyrillic capitals; towlower() depends on the locale
				     */
	}
	return letter == '*' ? 0 : letter;
}

static void fold(const char *text, struct folded *ret)
{
	ret->len = 0;
	ret->word_count = 0;
	bool inside = false;
	while (*text && ret->len < FOLDED_MAX) {
		uint32_t raw = next_letter(&text);
		if (raw == ' ' || raw == '\n' || raw == '\t' || raw == 0xa0) {
			inside = false;
			continue;
		}
		uint32_t letter = fold_letter(raw);
		if (!letter) {
			continue;
		}
		if (!inside && ret->word_count < PHRASE_MAX) {
			ret->starts[ret->word_count++] = ret->len;
			inside = true;
		}
		ret->letters[ret->len++] = letter;
	}
	ret->starts[ret->word_count] = ret->len;
}

/* Letters that look alike in small sans-serif type count as one. */
static uint32_t look(uint32_t letter)
{
	switch (letter) {
	case 'i':
	case 'j':
	case '1':
		return 'l';
	case '0':
		return 'o';
	case '5':
		return 's';
	default:
		return letter;
	}
}

static bool is_digit(uint32_t letter)
{
	return letter >= '0' && letter <= '9';
}

/* A misread number is another number: digits must be the same ones in the same order. */
static bool same_digits(const uint32_t *a, int a_len, const uint32_t *b, int b_len)
{
	int i = 0;
	int j = 0;
	for (;;) {
		while (i < a_len && !is_digit(a[i])) {
			i++;
		}
		while (j < b_len && !is_digit(b[j])) {
			j++;
		}
		if (i == a_len || j == b_len) {
			return i == a_len && j == b_len;
		}
		if (a[i++] != b[j++]) {
			return false;
		}
	}
}

/* Levenshtein over looks. */
static int edit_distance(const uint32_t *a, int a_len, const uint32_t *b, int b_len)
{
	int row[FOLDED_MAX + 1];
	for (int j = 0; j <= b_len; j++) {
		row[j] = j;
	}
	for (int i = 1; i <= a_len; i++) {
		int diagonal = row[0];
		row[0] = i;
		for (int j = 1; j <= b_len; j++) {
			int best = diagonal + (look(a[i - 1]) != look(b[j - 1]));
			best = row[j] + 1 < best ? row[j] + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[b_len];
}

static int tolerance(int len)
{
	return len < 4 ? 0 : len < 8 ? 1 : len < 14 ? 2 : 3;
}

/* Distance of two letter runs, or -1 if they are different words. */
static int run_distance(
		const uint32_t *want, int want_len, const uint32_t *got, int got_len, bool sure)
{
	if (want_len == got_len && memcmp(want, got, (size_t)want_len * sizeof(*want)) == 0) {
		return 0;
	}
	if (sure || abs(want_len - got_len) > tolerance(want_len) ||
			!same_digits(want, want_len, got, got_len)) {
		return -1;
	}
	int distance = edit_distance(want, want_len, got, got_len);
	return distance > tolerance(want_len) ? -1 : distance + 1; /* looks alike is not exact */
}

/* --- phrases --- */

struct finder {
	const struct see_screen *screen;
	struct folded *folded; /* one per word of the screen */
	int *next;             /* the word to the right on the same line, or -1 */
};

static int height(const struct see_box *box)
{
	return box->bottom - box->top;
}

static int larger(int a, int b)
{
	return a > b ? a : b;
}

static int smaller(int a, int b)
{
	return a < b ? a : b;
}

/* Whether b continues the line of a: beside it, and no further than a wide space. */
static bool continues(const struct see_box *a, const struct see_box *b)
{
	int overlap = smaller(a->bottom, b->bottom) - larger(a->top, b->top);
	int gap = b->left - a->right;
	/* Tesseract at times gives the first word of a line the box of several: b may begin in a.
	 */
	int line = larger(height(a), height(b));
	return overlap * 2 > smaller(height(a), height(b)) && gap > -3 * line &&
			gap < larger(12, line * 8 / 5);
}

static int right_neighbour(const struct finder *finder, int index)
{
	const struct see_word *words = finder->screen->words;
	int best = -1;
	for (int i = 0; i < finder->screen->word_count; i++) {
		if (i != index && words[i].box.left > words[index].box.left &&
				continues(&words[index].box, &words[i].box) &&
				(best < 0 || words[i].box.left < words[best].box.left)) {
			best = i;
		}
	}
	return best;
}

/* One OCR word per word of the phrase: each is judged by itself. */
static int distance_by_words(const struct finder *finder, const struct folded *want,
		const int *chain, int chain_len)
{
	int sum = 0;
	for (int i = 0; i < chain_len; i++) {
		const struct folded *got = &finder->folded[chain[i]];
		int distance = run_distance(want->letters + want->starts[i],
				want->starts[i + 1] - want->starts[i], got->letters, got->len,
				finder->screen->words[chain[i]].confidence >= CONFIDENCE_SURE);
		if (distance < 0) {
			return -1;
		}
		sum += distance;
	}
	return sum;
}

/* Spaces were misread: judge the phrase as a whole. */
static int distance_as_whole(const struct finder *finder, const struct folded *want,
		const int *chain, int chain_len)
{
	uint32_t letters[FOLDED_MAX];
	int len = 0;
	bool sure = true;
	for (int i = 0; i < chain_len; i++) {
		const struct folded *got = &finder->folded[chain[i]];
		if (got->len > FOLDED_MAX - len) {
			return -1;
		}
		memcpy(letters + len, got->letters, (size_t)got->len * sizeof(*letters));
		len += got->len;
		sure = sure && finder->screen->words[chain[i]].confidence >= CONFIDENCE_SURE;
	}
	return run_distance(want->letters, want->len, letters, len, sure);
}

/* The best way to read want from word start on; -1 if there is none. */
static int match_from(const struct finder *finder, const struct folded *want, int start,
		struct match *ret)
{
	int chain[PHRASE_MAX];
	int chain_len = 0;
	int letters = 0;
	int best = -1;
	struct see_box box = finder->screen->words[start].box;
	for (int i = start; i >= 0 && chain_len < PHRASE_MAX; i = finder->next[i]) {
		if (!finder->folded[i].len) {
			continue; /* a dash or an icon between the words */
		}
		const struct see_box *word = &finder->screen->words[i].box;
		chain[chain_len++] = i;
		letters += finder->folded[i].len;
		box = (struct see_box){ smaller(box.left, word->left), smaller(box.top, word->top),
			larger(box.right, word->right), larger(box.bottom, word->bottom) };
		int distance = chain_len == want->word_count
				? distance_by_words(finder, want, chain, chain_len)
				: distance_as_whole(finder, want, chain, chain_len);
		if (distance >= 0 && (best < 0 || distance < best)) {
			best = distance;
			*ret = (struct match){ .box = box, .distance = distance };
		}
		if (letters > want->len + tolerance(want->len)) {
			break;
		}
	}
	return best;
}

static int compare_places(const void *left, const void *right)
{
	const struct match *a = left;
	const struct match *b = right;
	/* Places on one line go by their left edge even if one sits a pixel higher. */
	int overlap = smaller(a->box.bottom, b->box.bottom) - larger(a->box.top, b->box.top);
	if (overlap * 2 > smaller(height(&a->box), height(&b->box))) {
		return a->box.left - b->box.left;
	}
	return a->box.top - b->box.top;
}

/* A text without letters ("+", "...") is compared as it stands. */
static int find_signs(
		const struct see_screen *screen, const char *text, struct match *places, int max)
{
	int count = 0;
	for (int i = 0; i < screen->word_count && count < max; i++) {
		if (strcmp(screen->words[i].text, text) == 0) {
			places[count++] = (struct match){ .box = screen->words[i].box };
		}
	}
	return count;
}

static int find_phrase(const struct finder *finder, const struct folded *want, struct match *places,
		int max)
{
	int count = 0;
	int best = -1;
	for (int i = 0; i < finder->screen->word_count; i++) {
		struct match place;
		if (!finder->folded[i].len || match_from(finder, want, i, &place) < 0) {
			continue;
		}
		if (best >= 0 && (place.distance > 0) != (best > 0)) {
			if (place.distance > 0) {
				continue; /* exact ones are known: misread ones do not count */
			}
			count = 0;
		}
		best = best < 0 || place.distance < best ? place.distance : best;
		if (count < max) {
			places[count++] = place;
		}
	}
	return count;
}

int match_find(const struct see_screen *screen, const char *text, struct match *ret_places, int max)
{
	struct folded want;
	fold(text, &want);
	int count = 0;
	if (!want.len) {
		count = find_signs(screen, text, ret_places, max);
	} else if (screen->word_count) {
		CUA_AUTO_FREE struct folded *folded =
				calloc((size_t)screen->word_count, sizeof(*folded));
		CUA_AUTO_FREE int *next = calloc((size_t)screen->word_count, sizeof(*next));
		if (!folded || !next) {
			return 0;
		}
		struct finder finder = { .screen = screen, .folded = folded, .next = next };
		for (int i = 0; i < screen->word_count; i++) {
			fold(screen->words[i].text, &folded[i]);
			next[i] = right_neighbour(&finder, i);
		}
		count = find_phrase(&finder, &want, ret_places, max);
	}
	qsort(ret_places, (size_t)count, sizeof(*ret_places), compare_places);
	return count;
}
