#ifndef CUA_AGENT_TOOLS_LIMITS_H
#define CUA_AGENT_TOOLS_LIMITS_H

/* Limits that the kernel tells nobody of but the program that ran into them: what is full is seen,
 * and what programs say about it is read. The host has the numbers. */

#include <cjson/cJSON.h>

/* A bit for each place in memory that is full. */
unsigned int tool_limits_look(void);

/* "reached" into the answer of a call, if there is anything: a list of "/tmp" and the like, "open
 * files", "file size" and "space", which is said to be missing wherever. before: at its beginning;
 * said: what it says, NUL-terminated. */
void tool_limits_tell(unsigned int before, const char *said, cJSON *answer);

#endif
