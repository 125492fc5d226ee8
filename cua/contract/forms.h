#ifndef CUA_CONTRACT_FORMS_H
#define CUA_CONTRACT_FORMS_H

/* The forms that a value can be met in, and whether a text has one at some place. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cua_form_kind {
	CUA_FORM_SPELLED, /* characters, each as it is or escaped */
	CUA_FORM_HEX,     /* bytes as pairs of digits */
	CUA_FORM_BASE64,  /* the characters that are certain, wherever the value begins */
};

struct cua_form {
	enum cua_form_kind kind;
	const uint32_t *codes; /* SPELLED; the rest: */
	const unsigned char *bytes;
	size_t count;  /* of either */
	bool has_tail; /* BASE64: the next character has bits of it, too */
};

enum cua_form_match {
	CUA_FORM_NONE,
	CUA_FORM_BEGUN, /* the text ends within it */
	CUA_FORM_WHOLE,
};

#define CUA_FORMS 8

/* Bytes of memory that cua_form_make() needs for a value. */
size_t cua_form_memory(size_t value_len);
/* All forms of a value, in memory of that size, aligned for anything. */
void cua_form_make(const char *value, void *memory, struct cua_form forms[CUA_FORMS]);
/* The most that one may be long, but for backslashes without end. */
size_t cua_form_most(const struct cua_form *form);

/* May it begin with the byte? */
bool cua_form_begins(const struct cua_form *form, unsigned char byte);
/* Is it at `at`? *ret_len: bytes of it, if it is whole. */
enum cua_form_match cua_form_match(
		const struct cua_form *form, const char *at, const char *end, size_t *ret_len);

#endif
