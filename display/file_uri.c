#include "display/file_uri.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"

char *file_uri_from_path(const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~/!$&'()*+,;=:@";
	static const char scheme[] = "file://";
	char *uri = malloc(strlen(scheme) + 3 * strlen(path) + 1);
	if (!uri) {
		return NULL;
	}
	char *end = uri + sprintf(uri, "%s", scheme);
	for (; *path; path++) {
		if (strchr(plain, *path)) {
			*end++ = *path;
		} else {
			end += sprintf(end, "%%%02X", (unsigned char)*path);
		}
	}
	*end = '\0';
	return uri;
}

static int hex_value(char digit)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *found = digit ? strchr(digits, digit) : NULL;
	return found ? (int)(found - digits) % 16 : -1;
}

char *file_uri_to_path(const char *uri)
{
	static const char *const starts[] = { "file:///", "file://localhost/", "file:/" };
	const char *at = NULL;
	for (size_t i = 0; i < CUA_ARRAY_LEN(starts) && !at; i++) {
		const size_t len = strlen(starts[i]);
		at = strncmp(uri, starts[i], len) == 0 ? uri + len - 1 : NULL;
	}
	CUA_AUTO_FREE char *path = at && at[1] != '/' ? malloc(strlen(at) + 1) : NULL;
	char *end = path;
	while (path && *at) {
		const int high = *at == '%' ? hex_value(at[1]) : -1;
		const int low = high >= 0 ? hex_value(at[2]) : -1;
		if (*at == '%' && (low < 0 || high + low == 0)) {
			return NULL;
		}
		*end++ = *at == '%' ? (char)(high * 16 + low) : *at;
		at += *at == '%' ? 3 : 1;
	}
	if (!path || cua_utf8_check(path, (size_t)(end - path), NULL) != CUA_OK) {
		return NULL;
	}
	*end = '\0';
	return CUA_STEAL(path);
}
