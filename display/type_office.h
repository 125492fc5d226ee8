#ifndef CUA_DISPLAY_TYPE_OFFICE_H
#define CUA_DISPLAY_TYPE_OFFICE_H

/* LibreOffice does not do all that it reads in the order of reading:
 *
 * - While more keys are on their way, characters of the basic plane are collected in a buffer;
 *   those above U+FFFF do not go through it and would come before them. A key that writes nothing
 *   empties the buffer.
 * - With automatic formatting while typing turned off, a line break is put off until there is no
 *   more input: all characters of a batch would come before it. So what follows has to wait. */

#include "display/display_internal.h"

struct type_office {
	bool in_front;
	bool defers_breaks;
};

void type_office_look(struct display *display, struct type_office *ret_office);
/* The key to press between a character and what follows it at after; NoSymbol for none. */
KeySym type_office_flush(const struct type_office *office, uint32_t code, const char *after,
		const char *end);
/* What follows a character has to wait until the application has nothing left to do. */
bool type_office_waits(const struct type_office *office, uint32_t code);

#endif
