#ifndef CUA_CONTRACT_INVISIBLE_H
#define CUA_CONTRACT_INVISIBLE_H

/* Characters that show nothing, or change the order of others: in them a text can carry words that
 * no person sees. */

#include <stdbool.h>
#include <stdint.h>

/* The blank of Braille: as wide as a space, and taken for one. */
#define CUA_BRAILLE_BLANK 0x2800u

/**
 * cua_is_invisible() - should a character be left out?
 * @code:   of Unicode.
 * @before: the character before it that was not left out; 0: none.
 * @at:     what comes behind it, UTF-8, up to end.
 *
 * Selectors and joiners that change what is seen are none: one behind an emoji or between two, and
 * between two letters of scripts that join them.
 * Source: Unicode, Default_Ignorable_Code_Point; UTS #51, ED-15a to ED-16; RFC 5892, appendix A.
 */
bool cua_is_invisible(uint32_t code, uint32_t before, const char *at, const char *end);

#endif
