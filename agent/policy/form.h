#ifndef CUA_AGENT_POLICY_FORM_H
#define CUA_AGENT_POLICY_FORM_H

/* Forms of commands: which options and operands a command may have, and no others. Written as usage
 * lines are: "sort -[nru] -[kt]: --reverse --key= ARG...". README.md has the notation. */

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"

#define AGENT_FORM_MAX 1200 /* bytes */

/* CUA_ERR_INVAL with what is wrong with it. */
CUA_NODISCARD enum cua_status agent_form_check(const char *form, struct cua_error *err);
/**
 * agent_form_matches() - does a command have this form?
 * @form:  that agent_form_check() takes.
 * @words: of agent_command_split().
 *
 * What a shell may make of a pattern of file names counts: it may be an option, or many words.
 */
bool agent_form_matches(const char *form, const cJSON *words);

#endif
