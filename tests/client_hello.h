#ifndef CUA_TESTS_CLIENT_HELLO_H
#define CUA_TESTS_CLIENT_HELLO_H

#include <stddef.h>
#include <stdint.h>

#define HELLO_ROOM 20000

/* What OpenSSL says first to a server of this name; NULL: to one without. Its length. */
size_t make_hello(const char *name, uint8_t hello[HELLO_ROOM]);
/* Puts an extension behind the others, with all lengths corrected; the new length. */
size_t add_extension(
		uint8_t *hello, size_t len, unsigned int type, const void *data, size_t data_len);

#endif
