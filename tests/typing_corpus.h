#ifndef CUA_TESTS_TYPING_CORPUS_H
#define CUA_TESTS_TYPING_CORPUS_H

/* Text of many scripts, made from a seed: the same seed gives the same text. */

#include <stdbool.h>
#include <stdint.h>

/* What an application cannot take as a character is left out. */
struct corpus_options {
	uint32_t seed;
	bool without_tabs; /* where Tab moves the focus: blanks instead */
};

/* About 8,000 characters that look like a program, with all 95 that ASCII prints, tabs and line
 * breaks. The caller frees. */
char *corpus_ascii(const struct corpus_options *options);
/* About 13,000 more: Latin with combining marks, Greek, Cyrillic, Arabic, Hebrew, Devanagari, Thai,
 * Hangul, 2,000 random ideographs, emoji with joiners. The caller frees. */
char *corpus_mixed(const struct corpus_options *options);
/* Code points of UTF-8. */
int corpus_count(const char *text);

#endif
