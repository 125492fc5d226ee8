#ifndef CUA_DISPLAY_FILE_URI_H
#define CUA_DISPLAY_FILE_URI_H

/* Paths as file managers write them to each other.
 * Source: RFC 8089, RFC 3986 2.1. */

/* "file:///a%20b"; the caller frees. NULL when memory runs out. */
char *file_uri_from_path(const char *path);
/* The path of a file URI of this machine, in UTF-8; NULL if it is none. The caller frees. */
char *file_uri_to_path(const char *uri);

#endif
