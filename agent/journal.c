#include "agent/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/journal_disk.h"
#include "agent/journal_head.h"
#include "agent/journal_pictures.h"
#include "cua/base/file.h"
#include "cua/base/util.h"

#define SIGN_EVERY 100 /* events */

/* --- events --- */

/* Half a line would spoil the next one. */
static enum cua_status write_line(
		struct agent_journal *journal, const char *line, size_t len, struct cua_error *err)
{
	if (cua_write_all(journal->events_fd, line, len)) {
		return CUA_OK;
	}
	enum cua_status status = CUA_FAIL(err, CUA_ERR_IO, errno, "write");
	if (ftruncate(journal->events_fd, journal->size) != 0) {
		cua_error_prefix(err, "a torn line is left");
	}
	return status;
}

static bool add_head(struct agent_journal *journal, cJSON *event)
{
	struct timespec now;
	struct tm utc;
	char text[40];
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	size_t len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + len, sizeof(text) - len, ".%03dZ", (int)(now.tv_nsec / 1000000));
	cJSON *seq = cJSON_CreateNumber((double)(journal->seq + 1));
	cJSON *time = cJSON_CreateString(text);
	/* In front, where a person reading the file looks. */
	if (!seq || !time || !(seq->string = strdup("seq")) || !(time->string = strdup("time"))) {
		cJSON_Delete(seq);
		cJSON_Delete(time);
		return false;
	}
	return cJSON_InsertItemInArray(event, 0, time) && cJSON_InsertItemInArray(event, 0, seq);
}

/* Tries again while a full disk is waited for; once more when that ended, with the room that was
 * set aside. *ret_wait is how the waiting ended: the line may be written all the same. */
static enum cua_status write_patiently(struct agent_journal *journal, const char *line, size_t len,
		enum cua_status *ret_wait, struct cua_error *err)
{
	const uint64_t since_us = cua_now_us();
	struct cua_error why = { 0 };
	enum cua_status status = write_line(journal, line, len, &why);
	*ret_wait = CUA_OK;
	while (status != CUA_OK && *ret_wait == CUA_OK && journal_disk_is_full(&why) &&
			journal->space_wait_s > 0) {
		*ret_wait = journal_disk_wait(journal, since_us, err);
		status = write_line(journal, line, len, &why);
	}
	if (status != CUA_OK && err) {
		*err = why;
	}
	return status;
}

static enum cua_status append_line(struct agent_journal *journal, cJSON *event,
		enum cua_status *ret_wait, struct cua_error *err)
{
	CUA_AUTO_FREE char *object = NULL;
	CUA_AUTO_FREE char *line = NULL;
	struct agent_chain chain;
	size_t len = 0;
	agent_redact_json(journal->redactor, event);
	if (!add_head(journal, event) || !(object = cJSON_PrintUnformatted(event))) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "journal");
	}
	enum cua_status status =
			agent_chain_seal(&journal->chain, object, &chain, &line, &len, err);
	if (status == CUA_OK) {
		status = write_patiently(journal, line, len, ret_wait, err);
	}
	if (status != CUA_OK) {
		cua_error_prefix(err, "%s/events.jsonl", journal->path);
		return status;
	}
	journal->size += (int64_t)len;
	journal->seq++;
	journal->chain = chain;
	journal->is_unsynced = true;
	if (journal->on_event) {
		/* What was written, secrets blotted out, not what was meant. */
		CUA_AUTO_JSON cJSON *written = cJSON_ParseWithLength(line, len);
		journal->on_event(written ? written : event, journal->user_data);
	}
	return CUA_OK;
}

static enum cua_status note_pause(struct agent_journal *journal, struct cua_error *err)
{
	enum cua_status ignored = CUA_OK;
	CUA_AUTO_JSON cJSON *event = cJSON_CreateObject();
	cJSON_AddStringToObject(event, "type", "pause");
	cJSON_AddStringToObject(event, "reason", "disk_full");
	cJSON_AddNumberToObject(event, "ms", (double)(int64_t)journal->paused_ms);
	journal->paused_ms = 0;
	return append_line(journal, event, &ignored, err);
}

/* 0 or an errno. Also called beside other work. */
static int sync_all(struct agent_journal *journal)
{
	const int failed = journal_pictures_sync(journal);
	return failed                                                                ? failed
			: journal->is_unsynced && fdatasync(journal->events_fd) != 0 ? errno
										     : 0;
}

/* Never again: the kernel may have dropped what it could not write. */
static enum cua_status fail_sync(
		const struct agent_journal *journal, int failed, struct cua_error *err)
{
	return CUA_FAIL(err, CUA_ERR_IO, failed, "%s: sync", journal->path);
}

static enum cua_status take_synced(struct agent_journal *journal, int failed, struct cua_error *err)
{
	journal->is_unsynced = journal->is_unsynced && failed;
	return failed ? fail_sync(journal, failed, err) : CUA_OK;
}

enum cua_status agent_journal_append(
		struct agent_journal *journal, cJSON *event, bool sync, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *owned = event;
	enum cua_status waited = CUA_OK;
	struct cua_error why = { 0 };
	enum cua_status status = agent_journal_sync_end(journal, &why);
	if (status == CUA_OK && sync) { /* first: what is before an event that is synced is whole */
		const int failed = journal_pictures_sync(journal);
		status = failed ? fail_sync(journal, failed, &why) : CUA_OK;
	}
	if (status == CUA_OK) {
		status = owned ? append_line(journal, owned, &waited, &why)
			       : CUA_FAIL(&why, CUA_ERR_NOMEM, ENOMEM, "journal");
	}
	if (status == CUA_OK && journal->paused_ms > 0) {
		struct cua_error ignored;
		(void)!note_pause(journal, waited == CUA_OK ? &why : &ignored);
	}
	if (status == CUA_OK && sync) {
		struct cua_error second = { 0 };
		status = agent_journal_sync(journal, &second);
		why = status == CUA_OK ? why : second;
	}
	if (status == CUA_OK && journal->seq >= journal->head_seq + SIGN_EVERY) {
		status = agent_journal_sign(journal, &why);
	}
	status = status == CUA_OK ? waited : status;
	if (status != CUA_OK && err) {
		*err = why;
	}
	return status;
}

enum cua_status agent_journal_sync(struct agent_journal *journal, struct cua_error *err)
{
	return take_synced(journal, sync_all(journal), err);
}

static void *sync_aside(void *user_data)
{
	struct agent_journal *journal = user_data;
	journal->sync_errno = sync_all(journal);
	return NULL;
}

enum cua_status agent_journal_sync_begin(struct agent_journal *journal, struct cua_error *err)
{
	if (!journal->is_unsynced) {
		return CUA_OK;
	}
	journal->is_syncing = pthread_create(&journal->syncer, NULL, sync_aside, journal) == 0;
	return journal->is_syncing ? CUA_OK : agent_journal_sync(journal, err);
}

enum cua_status agent_journal_sync_end(struct agent_journal *journal, struct cua_error *err)
{
	if (!journal->is_syncing) {
		return CUA_OK;
	}
	pthread_join(journal->syncer, NULL);
	journal->is_syncing = false;
	return take_synced(journal, journal->sync_errno, err);
}

enum cua_status agent_journal_sign(struct agent_journal *journal, struct cua_error *err)
{
	struct agent_head head = { .seq = journal->seq, .chain = journal->chain };
	snprintf(head.run, sizeof(head.run), "%s", journal->name);
	enum cua_status status = agent_journal_sync(journal, err);
	if (status == CUA_OK) {
		status = agent_head_write(journal->dir_fd, &head, err);
	}
	if (status == CUA_OK) {
		journal->head_seq = journal->seq;
	}
	return status;
}

enum cua_status agent_journal_end(
		struct agent_journal *journal, cJSON *event, struct cua_error *err)
{
	journal_disk_release(journal);
	enum cua_status status = agent_journal_append(journal, event, true, err);
	return status == CUA_OK ? agent_journal_sign(journal, err) : status;
}
