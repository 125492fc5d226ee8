#ifndef CUA_AGENT_JOURNAL_PICTURES_H
#define CUA_AGENT_JOURNAL_PICTURES_H

/* Between the files of the journal: its screenshots.
 *
 * The disk is slow with new files, so it gets them beside other work, with the next sync. Until
 * then events name pictures that a power loss may tear; a journal that is opened again ends before
 * such an event. */

#include "agent/journal.h"

/* Waits until the disk has the pictures that were written. 0 or an errno. */
int journal_pictures_sync(struct agent_journal *journal);

/* Is it there, and what its name says? syncs: then the disk has it. CUA_ERR_POLICY if not;
 * CUA_ERR_IO. */
CUA_NODISCARD enum cua_status journal_picture_check(
		int screenshots_fd, const char *sha256, bool syncs, struct cua_error *err);

/* The next picture that the line of an event names, from *at on, which moves behind it. False: no
 * more. sha256: 65 bytes; "" if what stands there is no such name. */
bool journal_picture_next(const char *line, size_t len, size_t *at, char *sha256);

#endif
