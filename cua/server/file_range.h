#ifndef CUA_SERVER_FILE_RANGE_H
#define CUA_SERVER_FILE_RANGE_H

/* What the headers Range and Upload-Offset say of a file. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cua/base/error.h"

/* Which bytes are asked for. false: none that are there. Others than one range of bytes are taken
 * for none, as RFC 9110 14.2 lets us. */
bool file_range_read(const char *text, off_t size, off_t *ret_begin, off_t *ret_end, bool *ret_is);

/* "": 0. CUA_ERR_INVAL. */
CUA_NODISCARD enum cua_status file_offset_read(
		const char *text, int64_t *ret_offset, struct cua_error *err);

#endif
