#ifndef CUA_BASE_HOST_NAME_H
#define CUA_BASE_HOST_NAME_H

/* Names of hosts, in one spelling. */

#include <stdbool.h>
#include <stddef.h>

#define CUA_HOST_NAME_MAX 253

/**
 * cua_host_name_read() - a name of DNS in ASCII, in lower case.
 *
 * False for everything that somebody else may read as another host: an address in any spelling,
 * a name that ends in a number, which browsers read as one, a dot in front or at the end, an empty
 * or over-long label, and every byte that is no letter, digit, '-', '_' or '.'.
 */
bool cua_host_name_read(const char *text, size_t len, char ret_name[CUA_HOST_NAME_MAX + 1]);

/* "a.example.org" is under "example.org"; that is not under itself. Both as they were read. */
bool cua_host_name_is_under(const char *name, const char *parent);

#endif
