#ifndef CUA_AGENT_JOURNAL_H
#define CUA_AGENT_JOURNAL_H

/* The folder of a run:
 *   events.jsonl             what happened, one JSON object a line, only ever appended to
 *   head.json                how far it went, signed (journal_head.h)
 *   screenshots/SHA256.png   each distinct screenshot once (.webp, .jpg: by its type)
 *   report.html              made from the above when the run ends
 *   ballast                  while the run goes on: room on the disk for its end
 * Each event has seq (1, 2, ...), time (UTC, milliseconds) and type, and ends with its place in the
 * chain (journal_chain.h); agent/README.md lists the types.
 *
 * What has been synced is there after a power loss: an event, those before it, the screenshots that
 * they name, the folder itself. */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "agent/journal_chain.h"
#include "agent/model/model.h"
#include "cua/base/error.h"

#define JOURNAL_UNSYNCED_MAX 16

struct agent_journal {
	int dir_fd, screenshots_fd, events_fd; /* owned; -1 before */
	char *path;               /* owned; of the folder, absolute if the folder of runs is */
	char *name;               /* borrowed from path */
	uint64_t seq, head_seq;   /* of the last event; of the last one signed */
	int64_t size;             /* bytes of whole events in events.jsonl */
	struct agent_chain chain; /* of the last event */
	bool is_unsynced;         /* events are */
	int picture_fds[JOURNAL_UNSYNCED_MAX]; /* owned; of pictures that are not synced */
	int picture_count;
	char last_picture[65]; /* that was written, or found there */
	bool is_syncing;       /* agent_journal_sync_begin() */
	pthread_t syncer;
	int sync_errno; /* of it */
	/* Hides secrets in everything written; borrowed; may be NULL. */
	const struct agent_redactor *redactor;
	int cancel_fd;    /* readable: wait for nothing; -1 for none */
	int space_wait_s; /* how long a full disk is waited for */
	double paused_ms; /* that it was, and no event says so yet */
	/* Told each event after it was written, and with seq 0 those that could not be: a pause.
	 * May be NULL. */
	void (*on_event)(const cJSON *event, void *user_data);
	void *user_data;
};

/**
 * agent_journal_create() - make the folder of a new run.
 * @runs_dir: NULL: agent_runs_dir().
 * @name:     one that agent_runs_make_name() made; NULL: another.
 *
 * Return: CUA_OK; CUA_ERR_EXISTS if there is a run of that name; CUA_ERR_IO; CUA_ERR_NOMEM. Release
 * with agent_journal_finish() in any case.
 */
CUA_NODISCARD enum cua_status agent_journal_create(struct agent_journal *journal,
		const char *runs_dir, const char *name, struct cua_error *err);

/**
 * agent_journal_open() - go on with the journal of a run.
 * @path:    of its folder.
 * @ret_cut: bytes that a crash left after the last whole event. They are cut off, and kept in
 *           events.cut-N beside it, N being the event that they were to be.
 *
 * Return: CUA_OK; CUA_ERR_EXISTS if another process has it; CUA_ERR_POLICY if what was signed is
 *         not there; CUA_ERR_NOT_FOUND; CUA_ERR_IO. Release with agent_journal_finish() in any
 *         case.
 */
CUA_NODISCARD enum cua_status agent_journal_open(struct agent_journal *journal, const char *path,
		int64_t *ret_cut, struct cua_error *err);
void agent_journal_finish(struct agent_journal *journal);

/**
 * agent_journal_append() - add an event.
 * @event: an object with its type; taken over, NULL counts as out of memory. seq, time and chain
 * are added.
 * @sync:  wait until the disk has it: before every side effect.
 *
 * A full disk is waited for (journal_disk.h). On failure the file ends with the last whole event.
 * Return: CUA_OK; CUA_ERR_IO; CUA_ERR_NOMEM; CUA_ERR_CANCELLED while it waited, and the event is
 * written.
 */
CUA_NODISCARD enum cua_status agent_journal_append(
		struct agent_journal *journal, cJSON *event, bool sync, struct cua_error *err);
/* Waits until the disk has all events, and the pictures that they name. */
CUA_NODISCARD enum cua_status agent_journal_sync(
		struct agent_journal *journal, struct cua_error *err);
/* The same beside other work. agent_journal_sync_end() waits for it and says how it went; so does
 * an event that is appended before. */
CUA_NODISCARD enum cua_status agent_journal_sync_begin(
		struct agent_journal *journal, struct cua_error *err);
CUA_NODISCARD enum cua_status agent_journal_sync_end(
		struct agent_journal *journal, struct cua_error *err);
/* Syncs, and signs all events. */
CUA_NODISCARD enum cua_status agent_journal_sign(
		struct agent_journal *journal, struct cua_error *err);

/* The last event of a run: makes room for it, and for the report; synced and signed. */
CUA_NODISCARD enum cua_status agent_journal_end(
		struct agent_journal *journal, cJSON *event, struct cua_error *err);

/* Writes screenshots/SHA256.png, or what its type is called, unless it is there. The disk has it
 * with the next sync, and before the next event that is synced is written. */
CUA_NODISCARD enum cua_status agent_journal_screenshot(struct agent_journal *journal,
		const char *sha256, const unsigned char *bytes, size_t len, struct cua_error *err);

/* Reads one back, all but its size in pixels; release with agent_image_finish().
 * CUA_ERR_NOT_FOUND; CUA_ERR_POLICY if it is no picture. */
CUA_NODISCARD enum cua_status agent_journal_read_screenshot(const struct agent_journal *journal,
		const char *sha256, struct agent_image *ret_image, struct cua_error *err);

#endif
