#ifndef CUA_BASE_NEAREST_H
#define CUA_BASE_NEAREST_H

/* Which name was probably meant by a word that is none: the one that the fewest mistakes of typing
 * make of it. */

#include <stddef.h>

struct cua_nearest {
	const char *word;
	const char *name; /* the nearest so far; NULL: none that is near */
	size_t mistakes;  /* that make one of the other */
};

/* A name that there is. One mistake in three letters is near, and so is another case. */
void cua_nearest_try(struct cua_nearest *nearest, const char *name);

/* "; did you mean 'NAME'?", or otherwise if none is near. */
#define CUA_NEAREST_HINT_SIZE 160
const char *cua_nearest_hint(const struct cua_nearest *nearest, const char *otherwise,
		char hint[CUA_NEAREST_HINT_SIZE]);

#endif
