#include "display/element_refs.h"

#include <limits.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

static int compare(const void *one, const void *other)
{
	const struct element_ref *a = one, *b = other;
	const int by_path = strcmp(a->path, b->path);
	return by_path != 0 ? by_path : strcmp(a->bus, b->bus);
}

/* Without the strings if memory runs out, as without a pane. */
static void place_set(struct element_place *place, const struct element_place *to)
{
	element_place_finish(place);
	*place = *to;
	place->pane = to->pane && to->pane_in ? strdup(to->pane) : NULL;
	place->pane_in = place->pane ? strdup(to->pane_in) : NULL;
}

static void ref_destroy(struct element_ref *ref)
{
	if (ref) {
		element_place_finish(&ref->place);
		free(ref->bus);
		free(ref->path);
		free(ref);
	}
}

static void forget(struct element_refs *refs, struct element_ref **slot)
{
	if (*slot) {
		(void)tdelete(*slot, &refs->tree, compare);
		ref_destroy(CUA_STEAL(*slot));
	}
}

void element_refs_finish(struct element_refs *refs)
{
	for (int i = 0; refs->ring && i < ELEMENT_REFS_MAX; i++) {
		forget(refs, &refs->ring[i]);
	}
	free(refs->ring);
	refs->ring = NULL;
}

unsigned int element_refs_number(struct element_refs *refs, const char *bus, const char *path,
		const struct element_place *place)
{
	if (!refs->ring) {
		refs->ring = calloc(ELEMENT_REFS_MAX, sizeof(struct element_ref *));
	}
	struct element_ref *ref = refs->ring ? calloc(1, sizeof(*ref)) : NULL;
	if (!ref || !(ref->bus = strdup(bus)) || !(ref->path = strdup(path))) {
		ref_destroy(ref);
		return 0;
	}
	struct element_ref **found = tsearch(ref, &refs->tree, compare);
	if (!found || *found != ref) {
		ref_destroy(ref);
		if (found) {
			place_set(&(*found)->place, place);
		}
		return found ? (*found)->number : 0;
	}
	refs->next += refs->next == 0 ? 1 : 0;
	ref->number = refs->next++;
	place_set(&ref->place, place);
	struct element_ref **slot = &refs->ring[ref->number % ELEMENT_REFS_MAX];
	forget(refs, slot);
	*slot = ref;
	return ref->number;
}

const struct element_ref *element_refs_find(const struct element_refs *refs, unsigned int number)
{
	const struct element_ref *ref = refs->ring ? refs->ring[number % ELEMENT_REFS_MAX] : NULL;
	return ref && ref->number == number ? ref : NULL;
}

unsigned int element_ref_parse(const char *text)
{
	const char *digits = text[0] == 'e' ? text + 1 : text;
	char *end = NULL;
	if (digits[0] < '1' || digits[0] > '9' || strlen(digits) > 10) {
		return 0;
	}
	const unsigned long number = strtoul(digits, &end, 10);
	return *end || number > UINT_MAX ? 0 : (unsigned int)number;
}
