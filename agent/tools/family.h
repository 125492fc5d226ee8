#ifndef CUA_AGENT_TOOLS_FAMILY_H
#define CUA_AGENT_TOOLS_FAMILY_H

/* The processes that a process has started, and those that they have.
 *
 * The runner is the reaper of what its descendants leave behind, so a process whose parents have
 * ended, in a session of its own or not, is a child of the runner: it is of the family if it began
 * when the family could have started it. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* To compare with when a process began, which is told in hundredths of a second: within one, by the
 * number that a process got last. Zero: before all. */
struct tool_moment {
	uint64_t ticks;
	pid_t last_pid;
};

struct tool_family {
	pid_t head;               /* a child of ours that leads a session, or we ourselves */
	pid_t others[2];          /* children of ours that are none of it, with theirs; 0: none */
	struct tool_moment since; /* orphans that began before are none of it */
};

struct tool_moment tool_moment_now(void);
/* To all of them but the head. */
void tool_family_signal(const struct tool_family *family, int signal);
/* A pidfd of one of them that is not the head, to be closed; -1: there is none. */
int tool_family_watch(const struct tool_family *family);
/**
 * tool_family_kill() - kill them, but not the head, and wait until they are gone, a few seconds at
 * most.
 *
 * All are stopped first, the head too, so that none starts another meanwhile.
 */
void tool_family_kill(const struct tool_family *family);
/* The same, and the head, which is a child of ours. */
void tool_family_end(const struct tool_family *family);

#endif
