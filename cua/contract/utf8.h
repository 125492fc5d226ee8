#ifndef CUA_CONTRACT_UTF8_H
#define CUA_CONTRACT_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "cua/base/error.h"

/**
 * cua_utf8_next() - decode the code point at *at.
 * @at:  advanced past it; untouched on failure.
 * @end: one past the last byte.
 *
 * Return: the code point; 0xFFFFFFFF for a byte sequence that is not UTF-8 (overlong forms,
 *         surrogates and values above U+10FFFF included).
 * Source: RFC 3629.
 */
uint32_t cua_utf8_next(const char **at, const char *end);

#define CUA_UTF8_INVALID 0xFFFFFFFFu

#define CUA_UTF8_MAX 4 /* bytes of a code point */

/* The bytes of a code point as a string; bytes holds CUA_UTF8_MAX + 1. */
void cua_utf8_encode(uint32_t code, char *bytes);

/* Fails with CUA_ERR_INVAL naming the offset and value of the first bad byte. */
CUA_NODISCARD enum cua_status cua_utf8_check(const char *text, size_t len, struct cua_error *err);

#endif
