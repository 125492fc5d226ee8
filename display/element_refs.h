#ifndef CUA_DISPLAY_ELEMENT_REFS_H
#define CUA_DISPLAY_ELEMENT_REFS_H

/* Numbers for elements ("e12"): the same element has the same number each time it is seen, and a
 * number is never given to another one. They outlive the reader process. */

#include <stdint.h>

#include "display/element_list.h"

#define ELEMENT_REFS_MAX 8192 /* kept; of more, the oldest are forgotten */

struct element_ref {
	unsigned int number;
	struct element_place place; /* its strings are owned */
	char *bus, *path;           /* owned */
};

struct element_refs {
	struct element_ref **ring; /* owned; number % ELEMENT_REFS_MAX; NULL while empty */
	void *tree;                /* of tsearch(3), by bus and path */
	unsigned int next;         /* number of the next new element; 0 is taken as 1 */
};

void element_refs_finish(struct element_refs *refs);
/* The number of an element, a new one if it was not seen before; 0 if memory runs out. */
unsigned int element_refs_number(struct element_refs *refs, const char *bus, const char *path,
		const struct element_place *place);
/* NULL if it was never given, or is forgotten. */
const struct element_ref *element_refs_find(const struct element_refs *refs, unsigned int number);
/* "e12" or "12" to 12; 0 if it is neither. */
unsigned int element_ref_parse(const char *text);

#endif
