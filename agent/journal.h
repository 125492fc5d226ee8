#ifndef CUA_AGENT_JOURNAL_H
#define CUA_AGENT_JOURNAL_H

/* The folder of a run:
 *   events.jsonl             what happened, one JSON object a line, only ever appended to
 *   screenshots/SHA256.png   each distinct screenshot once
 *   report.html              made from the two above when the run ends
 * Each event has seq (1, 2, ...), time (UTC, milliseconds) and type; agent/README.md lists the
 * types. */

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"

struct agent_journal {
	int dir_fd, screenshots_fd, events_fd; /* owned; -1 before */
	char *path; /* owned; of the folder, absolute if the folder of runs is */
	char *name; /* borrowed from path */
	uint64_t seq;
	int64_t size;       /* bytes of whole events in events.jsonl */
	const char *secret; /* blotted out of everything written; borrowed; may be NULL */
	/* Told each event after it was written; may be NULL. */
	void (*on_event)(const cJSON *event, void *user_data);
	void *user_data;
};

/**
 * agent_journal_create() - make the folder of a new run.
 * @runs_dir: NULL: $CUA_RUNS_DIR, or runs/ in cua_state_dir().
 *
 * Return: CUA_OK; CUA_ERR_IO; CUA_ERR_NOMEM. Release with agent_journal_finish() in any case.
 */
CUA_NODISCARD enum cua_status agent_journal_create(
		struct agent_journal *journal, const char *runs_dir, struct cua_error *err);
void agent_journal_finish(struct agent_journal *journal);

/**
 * agent_journal_append() - add an event.
 * @event: an object with its type; taken over, NULL counts as out of memory. seq and time are
 * added.
 * @sync:  wait until the disk has it: before every side effect.
 *
 * On failure the file ends with the last whole event. Return: CUA_OK; CUA_ERR_IO; CUA_ERR_NOMEM.
 */
CUA_NODISCARD enum cua_status agent_journal_append(
		struct agent_journal *journal, cJSON *event, bool sync, struct cua_error *err);

/* Writes screenshots/SHA256.png unless it is there. */
CUA_NODISCARD enum cua_status agent_journal_screenshot(struct agent_journal *journal,
		const char *sha256, const char *base64, struct cua_error *err);

#endif
