#ifndef CUA_CONTRACT_PLACEHOLDER_H
#define CUA_CONTRACT_PLACEHOLDER_H

/* "{{secret:NAME}}": what stands for a secret wherever a model, a journal or a person sees it. */

#include <stdbool.h>
#include <stddef.h>

#define CUA_PLACEHOLDER_NAME_MAX 64
#define CUA_PLACEHOLDER_BEGIN "{{secret:"
#define CUA_PLACEHOLDER_END "}}"

struct cua_placeholder {
	const char *at; /* in the text */
	size_t len;
	char name[CUA_PLACEHOLDER_NAME_MAX + 1]; /* "": what begins there is none */
};

/* Letters, digits, '_', '-' and '.', the first a letter or '_'. */
bool cua_placeholder_is_name(const char *name);

/* The first that begins in the text; false if none does. One that is not well formed has no name,
 * and its length is that of its beginning. */
bool cua_placeholder_next(const char *text, struct cua_placeholder *ret_placeholder);

#endif
