#ifndef CUA_CONTRACT_TEXT_H
#define CUA_CONTRACT_TEXT_H

/* Text from models, screens and servers on its way to a terminal or a page. It may be hostile:
 * whatever is not plain text stays behind. */

#include <stddef.h>
#include <stdio.h>

#include <cjson/cJSON.h>

/* One line: control characters, escape sequences, invisible and direction-changing characters
 * are left out, line breaks become spaces, bad UTF-8 becomes U+FFFD. Ends with an ellipsis
 * after max_chars characters; 0: no limit. */
void cua_text_line(FILE *out, const char *text, size_t max_chars);
/* The same, but line breaks and tabs stay. */
void cua_text_block(FILE *out, const char *text);
/* As cua_text_block(), with the characters that HTML reserves escaped. */
void cua_text_html(FILE *out, const char *text);

/* Leaves out, in place, the invisible and direction-changing characters of UTF-8 (invisible.h), in
 * which a text can carry words that no person sees. How many they were. */
size_t cua_text_strip(char *text);
/* The same of all texts in it, names of members among them; NULL is fine. */
size_t cua_text_strip_json(cJSON *json);

#endif
