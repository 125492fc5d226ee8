#ifndef CUA_EGRESS_ALLOW_LIST_H
#define CUA_EGRESS_ALLOW_LIST_H

/* The names that a desktop may reach, as one text: sorted, each once, with commas between. */

#include "cua/base/error.h"
#include "cua/base/host_name.h"

#define EGRESS_LIST_MAX 4096                    /* bytes, with the NUL */
#define EGRESS_RULE_MAX (CUA_HOST_NAME_MAX + 3) /* "*." and a name */

/**
 * egress_list_read() - what a person wrote.
 * @words: "NAME,NAME,...", or "@FILE" with one name a line and comments from '#' on. A name is
 *         "example.org", exactly that one, or "*.example.org", all under it and not itself.
 *
 * Return: CUA_OK; CUA_ERR_INVAL naming the file, the line and what is wrong; CUA_ERR_NOT_FOUND and
 *         CUA_ERR_IO of the file; CUA_ERR_TOO_LARGE.
 */
CUA_NODISCARD enum cua_status egress_list_read(
		const char *words, char ret_list[EGRESS_LIST_MAX], struct cua_error *err);

/* The entry of the list that lets this host through; false if there is none. host is one that
 * cua_host_name_read() made. */
bool egress_list_match(const char *list, const char *host, char ret_rule[EGRESS_RULE_MAX]);

#endif
