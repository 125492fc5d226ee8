#include "cua/base/host_name.h"

#include <string.h>

#define LABEL_MAX 63 /* RFC 1035, 2.3.4 */

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_allowed(char byte)
{
	return (byte >= 'a' && byte <= 'z') || is_digit(byte) || byte == '-' || byte == '_';
}

static char lower(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

/* Browsers read a name whose last label is a number as an address, or refuse it.
 * Source: URL Standard, ends-in-a-number checker. */
static bool ends_in_number(const char *name)
{
	const char *dot = strrchr(name, '.');
	const char *last = dot ? dot + 1 : name;
	return (is_digit(last[0]) && !last[strspn(last, "0123456789")]) ||
			(last[0] == '0' && last[1] == 'x');
}

bool cua_host_name_read(const char *text, size_t len, char ret_name[CUA_HOST_NAME_MAX + 1])
{
	char name[CUA_HOST_NAME_MAX + 1];
	size_t label_len = 0;
	if (len == 0 || len > CUA_HOST_NAME_MAX) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		name[i] = lower(text[i]);
		if (name[i] == '.' ? label_len == 0 : !is_allowed(name[i])) {
			return false;
		}
		label_len = name[i] == '.' ? 0 : label_len + 1;
		if (label_len > LABEL_MAX) {
			return false;
		}
	}
	name[len] = '\0';
	if (label_len == 0 || ends_in_number(name)) {
		return false;
	}
	memcpy(ret_name, name, len + 1);
	return true;
}

bool cua_host_name_is_under(const char *name, const char *parent)
{
	const size_t len = strlen(name), parent_len = strlen(parent);
	return len > parent_len + 1 && name[len - parent_len - 1] == '.' &&
			strcmp(name + len - parent_len, parent) == 0;
}
