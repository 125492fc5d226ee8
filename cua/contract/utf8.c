#include "cua/contract/utf8.h"

#include <string.h>

uint32_t cua_utf8_next(const char **at, const char *end)
{
	const unsigned char *bytes = (const unsigned char *)*at;
	size_t left = (size_t)(end - *at);
	uint32_t code = 0, least = 0;
	size_t len = 0;
	if (left == 0) {
		return CUA_UTF8_INVALID;
	}
	if (bytes[0] < 0x80) {
		(*at)++;
		return bytes[0];
	} else if ((bytes[0] & 0xe0) == 0xc0) {
		len = 2, code = bytes[0] & 0x1fu, least = 0x80;
	} else if ((bytes[0] & 0xf0) == 0xe0) {
		len = 3, code = bytes[0] & 0x0fu, least = 0x800;
	} else if ((bytes[0] & 0xf8) == 0xf0) {
		len = 4, code = bytes[0] & 0x07u, least = 0x10000;
	} else {
		return CUA_UTF8_INVALID;
	}
	if (len > left) {
		return CUA_UTF8_INVALID;
	}
	for (size_t i = 1; i < len; i++) {
		if ((bytes[i] & 0xc0) != 0x80) {
			return CUA_UTF8_INVALID;
		}
		code = code << 6 | (bytes[i] & 0x3fu);
	}
	if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
		return CUA_UTF8_INVALID;
	}
	*at += len;
	return code;
}

void cua_utf8_encode(uint32_t code, char *bytes)
{
	const int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
	const unsigned int marks[] = { 0, 0xc0, 0xe0, 0xf0 };
	*bytes++ = (char)(marks[more] | code >> 6 * more);
	for (int shift = 6 * (more - 1); shift >= 0; shift -= 6) {
		*bytes++ = (char)(0x80 | (code >> shift & 0x3f));
	}
	*bytes = '\0';
}

/* Steps over ASCII by eight bytes: pictures in base64 are long. */
static const char *skip_ascii(const char *at, const char *end)
{
	uint64_t eight = 0;
	for (; (size_t)(end - at) >= sizeof(eight); at += sizeof(eight)) {
		memcpy(&eight, at, sizeof(eight));
		if (eight & 0x8080808080808080U) {
			break;
		}
	}
	return at;
}

enum cua_status cua_utf8_check(const char *text, size_t len, struct cua_error *err)
{
	const char *at = text, *end = text + len;
	while ((at = skip_ascii(at, end)) < end) {
		if (cua_utf8_next(&at, end) == CUA_UTF8_INVALID) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "invalid UTF-8 at byte %zu (0x%02x)",
					(size_t)(at - text), (unsigned char)*at);
		}
	}
	return CUA_OK;
}
