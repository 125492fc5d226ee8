#ifndef CUA_TESTS_SPELLINGS_H
#define CUA_TESTS_SPELLINGS_H

/* The eight encodings in which a secret must not be found, made by other code than what finds it.
 */

#include <stddef.h>

#define SPELLINGS 8

const char *spelling_name(size_t spelling);
/* The caller owns it. */
char *spell(size_t spelling, const char *value);

#endif
