#ifndef CUA_DISPLAY_PEOPLE_LINK_H
#define CUA_DISPLAY_PEOPLE_LINK_H

/* What the vnc process sends, checked. No X. */

#include <stddef.h>

#include "cua/base/error.h"
#include "display/vnc/vnc_link.h"

/**
 * people_link_parse() - one packet of the link.
 * @ret_data: data_len bytes in packet; of a cut text valid UTF-8.
 *
 * Every text in the message is NUL-terminated UTF-8; numbers are within what they count. Keysyms,
 * places and buttons are any.
 *
 * Return: CUA_OK; CUA_ERR_INVAL for what the vnc process does not send.
 */
CUA_NODISCARD enum cua_status people_link_parse(const char *packet, size_t len,
		struct vnc_link_message *ret_message, const char **ret_data, struct cua_error *err);

#endif
