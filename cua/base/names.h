#ifndef CUA_BASE_NAMES_H
#define CUA_BASE_NAMES_H

/* Lists of names as a person writes them: "one,two". */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The next name, which is not NUL-terminated; *at moves behind it. False at the end. */
static inline bool cua_names_next(const char **at, const char **ret_name, size_t *ret_len)
{
	*at += strspn(*at, ",");
	*ret_name = *at;
	*ret_len = strcspn(*at, ",");
	*at += *ret_len;
	return *ret_len > 0;
}

static inline bool cua_names_have(const char *names, const char *name)
{
	const char *one = NULL;
	size_t len = 0;
	while (cua_names_next(&names, &one, &len)) {
		if (strlen(name) == len && strncmp(one, name, len) == 0) {
			return true;
		}
	}
	return false;
}

#endif
