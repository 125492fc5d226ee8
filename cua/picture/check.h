#ifndef CUA_PICTURE_CHECK_H
#define CUA_PICTURE_CHECK_H

/* Decoding pictures of strangers, in a process that has nothing: not a key, a file or a socket. */

#include <stddef.h>

#include "cua/base/error.h"

/**
 * cua_picture_check() - cua_picture_decode() in a process of its own.
 *
 * Blocks for some milliseconds, at most for ten seconds.
 *
 * Return: CUA_OK; CUA_ERR_INVAL with what is wrong with it; CUA_ERR_UNAVAILABLE if no such process
 *         can be started.
 */
CUA_NODISCARD enum cua_status cua_picture_check(
		const void *bytes, size_t len, struct cua_error *err);

/* What that process says of a picture that can be decoded; else what is wrong with it. */
#define CUA_PICTURE_IS_WELL "ok"

/* That process, from its first line: the picture is on in_fd, a file. Its exit status. */
int cua_picture_check_run(int in_fd, int out_fd);

#endif
