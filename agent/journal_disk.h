#ifndef CUA_AGENT_JOURNAL_DISK_H
#define CUA_AGENT_JOURNAL_DISK_H

/* Between journal.c and journal_disk.c: a disk that is full.
 *
 * A run pauses until there is room. Nothing tells a process that there is: so writing is tried
 * again every two seconds, by a timer that is waited for together with cancel_fd, for at most
 * space_wait_s. Whether room came or not, the end of the run can be written: 16 MiB are set aside
 * as a file when it begins, and given back when they are needed or it ends. */

#include "agent/journal.h"

#define JOURNAL_SPACE_WAIT_S 3600

/* Sets the room for the end aside. A file system that cannot do that has none. CUA_ERR_IO if
 * there is no such room: better not to begin. */
CUA_NODISCARD enum cua_status journal_disk_reserve(
		struct agent_journal *journal, struct cua_error *err);
void journal_disk_release(struct agent_journal *journal);

/* The disk is full, the quota used up: what a pause can help. */
bool journal_disk_is_full(const struct cua_error *why);

/* Says that the run pauses, and waits. CUA_OK: try again. CUA_ERR_CANCELLED, and CUA_ERR_IO when
 * the time is over: the room set aside is there now, and nothing waits any more. */
CUA_NODISCARD enum cua_status journal_disk_wait(
		struct agent_journal *journal, uint64_t since_us, struct cua_error *err);

#endif
