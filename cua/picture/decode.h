#ifndef CUA_PICTURE_DECODE_H
#define CUA_PICTURE_DECODE_H

#include <stddef.h>

#include "cua/base/error.h"

/* Pixels of a picture that is decoded. Decoders take up to 400 MB with them (a progressive JPEG for
 * print); of PNG one row. */
#define CUA_PICTURE_PIXELS_MAX ((size_t)32 << 20)

/* "image/png" and its like by how the bytes begin; NULL if it is no picture that models see. */
const char *cua_picture_type(const void *bytes, size_t len);

/**
 * cua_picture_decode() - can this be decoded, from its first byte to its last?
 * @bytes: borrowed; PNG, JPEG or WebP.
 *
 * The pixels are thrown away. What only a lenient decoder shows, such as data that is cut off, is
 * refused: a model's API would refuse it, too. In a process that has nothing to lose: the bytes may
 * be made to take it over.
 *
 * Return: CUA_OK; CUA_ERR_INVAL with what is wrong with it; CUA_ERR_TOO_LARGE; CUA_ERR_NOMEM.
 */
CUA_NODISCARD enum cua_status cua_picture_decode(
		const void *bytes, size_t len, struct cua_error *err);

#endif
