#include "cua/contract/placeholder.h"

#include <string.h>

/* How many bytes of the text are a name. */
static size_t name_len(const char *text)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	static const char others[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
				     "0123456789.-";
	const size_t len = strspn(text, letters) > 0 ? strspn(text, others) : 0;
	return len <= CUA_PLACEHOLDER_NAME_MAX ? len : 0;
}

bool cua_placeholder_is_name(const char *name)
{
	const size_t len = name_len(name);
	return len > 0 && name[len] == '\0';
}

bool cua_placeholder_next(const char *text, struct cua_placeholder *ret_placeholder)
{
	struct cua_placeholder found = { .at = strstr(text, CUA_PLACEHOLDER_BEGIN),
		.len = strlen(CUA_PLACEHOLDER_BEGIN) };
	if (!found.at) {
		return false;
	}
	const char *name = found.at + found.len;
	const size_t len = name_len(name);
	if (len > 0 && strncmp(name + len, CUA_PLACEHOLDER_END, strlen(CUA_PLACEHOLDER_END)) == 0) {
		memcpy(found.name, name, len);
		found.name[len] = '\0';
		found.len += len + strlen(CUA_PLACEHOLDER_END);
	}
	*ret_placeholder = found;
	return true;
}
