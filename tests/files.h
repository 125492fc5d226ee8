#ifndef CUA_TESTS_FILES_H
#define CUA_TESTS_FILES_H

/* Files, from outside a desktop. */

#include <stdbool.h>
#include <stddef.h>

/* NULL if there is none; NUL-terminated; the caller frees. */
char *read_whole_file(const char *path, size_t *ret_len);
/* Anywhere in it, beyond NULs, too. */
bool file_contains(const char *path, const char *text);
/* Everybody may run the copy. */
void copy_program(const char *from, const char *to);

#endif
