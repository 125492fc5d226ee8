#ifndef CUA_DEMOS_STANDIN_MATCH_H
#define CUA_DEMOS_STANDIN_MATCH_H

/* Finding a text among the words that were read. Case, spaces, punctuation and accents do not
 * count. Misread letters are forgiven in proportion to the length of a word, and only where
 * Tesseract itself was unsure: a word it read well is that word and no other. */

#include <stdbool.h>
#include <stddef.h>

#include "demos/standin/script.h"
#include "demos/standin/see.h"

#define MATCH_PLACES_MAX 64

struct match {
	struct see_box box;
	int distance; /* letters misread; 0 is exact */
};

/* Where text stands, from the top left to the bottom right; a phrase is words on one line. If it
 * stands somewhere exactly, places with misread letters are left out. Returns how many, at most
 * max. */
int match_find(const struct see_screen *screen, const char *text, struct match *ret_places,
		int max);

/* Which one of the places is meant. */
struct match_query {
	const char *text;
	int nth; /* 0: there must be one only */
	enum script_relation relation;
	const char *anchor;
};

/* Picks the place of a query. If it cannot, says why in one line and returns false. */
bool match_pick(const struct see_screen *screen, const struct match_query *query,
		struct match *ret_place, char *why, size_t why_size);

#endif
