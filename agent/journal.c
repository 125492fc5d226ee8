#include "agent/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/journal_disk.h"
#include "agent/journal_head.h"
#include "cua/base/file.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/contract/text.h"

#define SIGN_EVERY 100 /* events */
#define SCREENSHOT_MAX ((size_t)64 << 20)

/* --- events --- */

static enum cua_status write_all(int fd, const char *data, size_t len, struct cua_error *err)
{
	while (len > 0) {
		ssize_t written = write(fd, data, len);
		if (written < 0 && errno == EINTR) {
			continue;
		}
		if (written <= 0) {
			return CUA_FAIL(err, CUA_ERR_IO, written < 0 ? errno : ENOSPC, "write");
		}
		data += written;
		len -= (size_t)written;
	}
	return CUA_OK;
}

/* Half a line would spoil the next one. */
static enum cua_status write_line(
		struct agent_journal *journal, const char *line, size_t len, struct cua_error *err)
{
	enum cua_status status = write_all(journal->events_fd, line, len, err);
	if (status != CUA_OK && ftruncate(journal->events_fd, journal->size) != 0) {
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
	if (!add_head(journal, event) || !(object = cJSON_PrintUnformatted(event))) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "journal");
	}
	cua_text_hide(object, strlen(object), journal->secret);
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

enum cua_status agent_journal_append(
		struct agent_journal *journal, cJSON *event, bool sync, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *owned = event;
	enum cua_status waited = CUA_OK;
	struct cua_error why = { 0 };
	enum cua_status status = agent_journal_sync_end(journal, &why);
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

static enum cua_status take_synced(struct agent_journal *journal, int failed, struct cua_error *err)
{
	if (failed) {
		/* Never again: the kernel may have dropped what it could not write. */
		return CUA_FAIL(err, CUA_ERR_IO, failed, "%s/events.jsonl: fdatasync",
				journal->path);
	}
	journal->is_unsynced = false;
	return CUA_OK;
}

enum cua_status agent_journal_sync(struct agent_journal *journal, struct cua_error *err)
{
	const bool is_failed = journal->is_unsynced && fdatasync(journal->events_fd) != 0;
	return take_synced(journal, is_failed ? errno : 0, err);
}

static void *sync_aside(void *user_data)
{
	struct agent_journal *journal = user_data;
	journal->sync_errno = fdatasync(journal->events_fd) != 0 ? errno : 0;
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

/* --- screenshots --- */

static enum cua_status write_screenshot(struct agent_journal *journal, const char *name,
		const unsigned char *png, size_t png_len, struct cua_error *err)
{
	const uint64_t since_us = cua_now_us();
	enum cua_status status = CUA_OK, waited = CUA_OK;
	struct cua_error why = { 0 };
	do {
		status = cua_file_write_durable(journal->screenshots_fd, name, png, png_len, &why);
		if (status == CUA_OK || waited != CUA_OK || !journal_disk_is_full(&why) ||
				journal->space_wait_s <= 0) {
			break;
		}
		waited = journal_disk_wait(journal, since_us, err);
	} while (true);
	if (status != CUA_OK && err) {
		*err = why;
		cua_error_prefix(err, "%s/screenshots", journal->path);
	}
	return status == CUA_OK ? waited : status;
}

enum cua_status agent_journal_screenshot(struct agent_journal *journal, const char *sha256,
		const unsigned char *bytes, size_t len, struct cua_error *err)
{
	char name[80];
	snprintf(name, sizeof(name), "%s.%s", sha256,
			agent_image_suffix(agent_image_type(bytes, len)));
	return faccessat(journal->screenshots_fd, name, F_OK, 0) == 0
			? CUA_OK
			: write_screenshot(journal, name, bytes, len, err);
}

/* Whatever its type; the PNG is the usual one. */
static enum cua_status read_any(const struct agent_journal *journal, const char *sha256,
		struct cua_buffer *bytes, struct cua_error *err)
{
	static const char *const media_types[] = { "image/png", "image/webp", "image/jpeg" };
	enum cua_status status = CUA_ERR_NOT_FOUND;
	for (size_t i = 0; status == CUA_ERR_NOT_FOUND && i < CUA_ARRAY_LEN(media_types); i++) {
		char path[CUA_PATH_MAX + 96];
		snprintf(path, sizeof(path), "%s/screenshots/%s.%s", journal->path, sha256,
				agent_image_suffix(media_types[i]));
		status = cua_file_read(path, bytes, err);
	}
	return status;
}

enum cua_status agent_journal_read_screenshot(const struct agent_journal *journal,
		const char *sha256, struct agent_image *ret_image, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer bytes;
	cua_buffer_init(&bytes, SCREENSHOT_MAX);
	enum cua_status status = read_any(journal, sha256, &bytes, err);
	if (status != CUA_OK) {
		return status;
	}
	struct agent_image image = { .len = bytes.len,
		.media_type = agent_image_type((unsigned char *)bytes.data, bytes.len) };
	if (!image.media_type) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0, "the screenshot %.12s... is no picture",
				sha256);
	}
	const size_t size = sodium_base64_ENCODED_LEN(bytes.len, sodium_base64_VARIANT_ORIGINAL);
	image.base64 = malloc(size);
	if (!image.base64) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "screenshot");
	}
	image.bytes = (unsigned char *)CUA_STEAL(bytes.data);
	snprintf(image.sha256, sizeof(image.sha256), "%s", sha256);
	sodium_bin2base64(
			image.base64, size, image.bytes, image.len, sodium_base64_VARIANT_ORIGINAL);
	*ret_image = image;
	return CUA_OK;
}
