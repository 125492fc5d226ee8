#ifndef CUA_CONTRACT_ACTION_TEXT_H
#define CUA_CONTRACT_ACTION_TEXT_H

/* Arguments as a person types them on a command line, to JSON. What is not of the type that is
 * wanted stays text, for the parser to refuse. */

#include "cua/contract/action.h"

/* NULL when memory runs out; so the next. */
cJSON *cua_number_or_text(const char *text);
/* true, false, 1, 0. */
cJSON *cua_boolean_or_text(const char *text);

/* Adds the argument to the action; to a path, one point more. */
void cua_action_add_text(cJSON *action, const struct cua_arg_spec *arg, const char *text);

#endif
