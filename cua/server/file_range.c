#include "cua/server/file_range.h"

#include <stdlib.h>
#include <string.h>

bool file_range_read(const char *text, off_t size, off_t *ret_begin, off_t *ret_end, bool *ret_is)
{
	char *end = NULL;
	*ret_begin = 0;
	*ret_end = size;
	*ret_is = false;
	if (strncmp(text, "bytes=", 6) != 0 || strlen(text) > 60) {
		return true;
	}
	text += 6;
	const size_t first = strspn(text, "0123456789");
	const char *dash = text + first;
	const size_t last = *dash == '-' ? strspn(dash + 1, "0123456789") : 0;
	if (*dash != '-' || dash[1 + last] || first + last == 0) {
		return true;
	}
	*ret_is = true;
	const long long from = strtoll(text, &end, 10);
	const long long to = strtoll(dash + 1, &end, 10);
	if (first == 0) {
		*ret_begin = to < size ? size - to : 0;
		return to > 0 && size > 0;
	}
	if (last > 0 && to < from) {
		*ret_is = false; /* no range at all */
		return true;
	}
	*ret_begin = from;
	*ret_end = last > 0 && to < size ? to + 1 : size;
	return from < size;
}

enum cua_status file_offset_read(const char *text, int64_t *ret_offset, struct cua_error *err)
{
	const size_t len = strlen(text);
	if (len > 15 || strspn(text, "0123456789") != len) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "Upload-Offset must be a number of bytes");
	}
	*ret_offset = strtoll(text, NULL, 10);
	return CUA_OK;
}
