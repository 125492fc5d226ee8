#ifndef CUA_AGENT_POLICY_GLOB_H
#define CUA_AGENT_POLICY_GLOB_H

/* Patterns of file names that a shell would expand, against those of a policy. Which files there
 * are is not known here, so this asks what could be meant. */

#include <stdbool.h>

/* Has it what a shell expands? */
bool agent_glob_is(const char *path);

/**
 * agent_glob_may_mean() - could this be written to reach what the pattern is about?
 * @path:    absolute, as a shell expands it: * ? and [] do not go over / and match no dot that a
 *           name begins with.
 * @pattern: as a policy has it, fnmatch(3) without flags.
 *
 * There has to be a name that both match, and where the path leaves letters open, two of the
 * letters that it does give must be the pattern's own: ".ss?" may mean "*" "/.ssh", and "*.c" does
 * not mean "*" "/id_rsa*", though a file of such a name could be there. A dot that a name begins
 * with counts twice.
 */
bool agent_glob_may_mean(const char *path, const char *pattern);

#endif
