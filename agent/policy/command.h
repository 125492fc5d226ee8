#ifndef CUA_AGENT_POLICY_COMMAND_H
#define CUA_AGENT_POLICY_COMMAND_H

/* A command line of a shell, taken apart into simple commands. */

#include <cjson/cJSON.h>

/**
 * agent_command_split() - take a line apart.
 * @home: what "~" and "~/x" mean; NULL: it is not known, and they are not taken apart.
 *
 * Only what is certain is taken apart: plain words, quotes without expansions, redirections to
 * files, and ; && || | and line breaks between commands. Patterns of file names in arguments stay
 * as they are written (glob.h). Variables, substitutions, assignments, escapes, braces, functions,
 * loops, here-documents and jobs are not.
 *
 * Return: a list of {"text": "rm -rf build", "by_name": ..., "paths": ["build/x"]}: the words
 *         with single spaces; the same with the command's name alone where it is given by its path;
 *         words that may be paths, and redirections; apart from those, "names": such words with
 * "*",
 *         "?" or "[" in quotes, which a shell does not take for patterns. And "writes": the files
 * that a redirection writes, but for /dev/null and the like; "words": [{"text": "rm", "is_pattern":
 * false}], the first without its path, and which of them a shell takes for patterns of file names.
 *         The caller owns it. NULL if the line cannot be taken apart.
 */
cJSON *agent_command_split(const char *line, const char *home);

#endif
