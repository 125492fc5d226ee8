#include "cua/base/nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define LEN_MAX 63 /* of names that are compared */

static int plain(char letter)
{
	return letter == '-' || letter == ' ' ? '_' : tolower((unsigned char)letter);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein's distance, in which two letters that have changed places are one mistake. */
static size_t mistakes_between(const char *a, const char *b)
{
	const size_t a_len = strlen(a), b_len = strlen(b);
	size_t rows[3][LEN_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2];
	for (size_t k = 0; k <= b_len; k++) {
		last[k] = before[k] = k;
	}
	for (size_t i = 1; i <= a_len; i++) {
		now[0] = i;
		for (size_t k = 1; k <= b_len; k++) {
			const int letter = plain(a[i - 1]), other = plain(b[k - 1]);
			now[k] = least(last[k - 1] + (letter != other),
					least(last[k], now[k - 1]) + 1);
			if (i > 1 && k > 1 && letter == plain(b[k - 2]) &&
					plain(a[i - 2]) == other) {
				now[k] = least(now[k], before[k - 2] + 1);
			}
		}
		size_t *oldest = before;
		before = last;
		last = now;
		now = oldest;
	}
	return last[b_len];
}

void cua_nearest_try(struct cua_nearest *nearest, const char *name)
{
	const size_t len = strlen(nearest->word);
	if (len > LEN_MAX || strlen(name) > LEN_MAX) {
		return;
	}
	const size_t mistakes = mistakes_between(nearest->word, name);
	if (mistakes <= len / 3 && (!nearest->name || mistakes < nearest->mistakes)) {
		nearest->name = name;
		nearest->mistakes = mistakes;
	}
}

const char *cua_nearest_hint(const struct cua_nearest *nearest, const char *otherwise,
		char hint[CUA_NEAREST_HINT_SIZE])
{
	if (!nearest->name) {
		return otherwise;
	}
	snprintf(hint, CUA_NEAREST_HINT_SIZE, "; did you mean '%.80s'?", nearest->name);
	return hint;
}
