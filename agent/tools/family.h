#ifndef CUA_AGENT_TOOLS_FAMILY_H
#define CUA_AGENT_TOOLS_FAMILY_H

/* The processes that a process has started, and those that they have. */

#include <sys/types.h>

/* To all descendants of the process, not to itself. */
void tool_family_signal(pid_t ancestor, int signal);
/* Kills them, and waits until they are gone. */
void tool_family_end(pid_t ancestor);
/* The same with a child of ours at their head. */
void tool_process_end(pid_t child);

#endif
