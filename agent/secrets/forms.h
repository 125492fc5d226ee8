#ifndef CUA_AGENT_SECRETS_FORMS_H
#define CUA_AGENT_SECRETS_FORMS_H

/* The forms that a value can be met in, and whether a text has one at some place. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum form_kind {
	FORM_SPELLED, /* characters, each as it is or escaped */
	FORM_HEX,     /* bytes as pairs of digits */
	FORM_BASE64,  /* the characters that are certain, wherever the value begins */
};

struct form {
	enum form_kind kind;
	const uint32_t *codes; /* SPELLED; the rest: */
	const unsigned char *bytes;
	size_t count;  /* of either */
	bool has_tail; /* BASE64: the next character has bits of it, too */
};

enum form_match {
	FORM_NONE,
	FORM_BEGUN, /* the text ends within it */
	FORM_WHOLE,
};

#define FORMS_OF_VALUE 8

/* Bytes of memory that form_make() needs for a value. */
size_t form_memory(size_t value_len);
/* All forms of a value, in memory of that size, aligned for anything. */
void form_make(const char *value, void *memory, struct form forms[FORMS_OF_VALUE]);
/* The most that one may be long, but for backslashes without end. */
size_t form_most(const struct form *form);

/* May it begin with the byte? */
bool form_begins(const struct form *form, unsigned char byte);
/* Is it at `at`? *ret_len: bytes of it, if it is whole. */
enum form_match form_match(
		const struct form *form, const char *at, const char *end, size_t *ret_len);

#endif
