#include "agent/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/text.h"
#include "cua/base/file.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"

/* --- where runs live --- */

static enum cua_status runs_dir_path(char **ret_path, struct cua_error *err)
{
	char state[CUA_PATH_MAX];
	const char *runs = getenv("CUA_RUNS_DIR");
	int len = -1;
	if (runs && runs[0]) {
		len = asprintf(ret_path, "%s", runs);
	} else {
		enum cua_status status = cua_state_dir(state, sizeof(state), err);
		if (status != CUA_OK) {
			return status;
		}
		len = asprintf(ret_path, "%s/runs", state);
	}
	return len >= 0 ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "folder of runs");
}

/* Sorts by time and cannot collide. */
static bool make_path(struct agent_journal *journal, const char *runs_dir)
{
	struct timespec now;
	struct tm utc;
	char stamp[32], random_hex[9];
	unsigned char random_bytes[4];
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
	randombytes_buf(random_bytes, sizeof(random_bytes));
	sodium_bin2hex(random_hex, sizeof(random_hex), random_bytes, sizeof(random_bytes));
	if (asprintf(&journal->path, "%s/%s-%s", runs_dir, stamp, random_hex) < 0) {
		journal->path = NULL;
		return false;
	}
	journal->name = strrchr(journal->path, '/') + 1;
	return true;
}

static enum cua_status open_folder(struct agent_journal *journal, struct cua_error *err)
{
	if (mkdir(journal->path, 0700) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", journal->path);
	}
	journal->dir_fd = open(journal->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (journal->dir_fd < 0 || mkdirat(journal->dir_fd, "screenshots", 0700) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", journal->path);
	}
	journal->screenshots_fd =
			openat(journal->dir_fd, "screenshots", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	journal->events_fd = openat(journal->dir_fd, "events.jsonl",
			O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	if (journal->screenshots_fd < 0 || journal->events_fd < 0 || fsync(journal->dir_fd) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", journal->path);
	}
	return CUA_OK;
}

enum cua_status agent_journal_create(
		struct agent_journal *journal, const char *runs_dir, struct cua_error *err)
{
	*journal = (struct agent_journal){ .dir_fd = -1, .screenshots_fd = -1, .events_fd = -1 };
	CUA_AUTO_FREE char *found = NULL;
	enum cua_status status = runs_dir ? CUA_OK : runs_dir_path(&found, err);
	const char *dir = runs_dir ? runs_dir : found;
	if (status == CUA_OK) {
		status = cua_make_dirs(dir, 0700, err);
	}
	if (status == CUA_OK && !make_path(journal, dir)) {
		status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "folder of the run");
	}
	if (status == CUA_OK) {
		status = open_folder(journal, err);
	}
	if (status != CUA_OK) {
		cua_error_prefix(err, "cannot keep a journal of the run");
	}
	return status;
}

void agent_journal_finish(struct agent_journal *journal)
{
	cua_closep(&journal->events_fd);
	cua_closep(&journal->screenshots_fd);
	cua_closep(&journal->dir_fd);
	free(journal->path);
	*journal = (struct agent_journal){ .dir_fd = -1, .screenshots_fd = -1, .events_fd = -1 };
}

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

enum cua_status agent_journal_append(
		struct agent_journal *journal, cJSON *event, bool sync, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *owned = event;
	CUA_AUTO_FREE char *line = NULL;
	if (!owned || !add_head(journal, owned) || !(line = cJSON_PrintUnformatted(owned))) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "journal");
	}
	size_t len = strlen(line);
	agent_text_hide(line, len, journal->secret);
	line[len] = '\n'; /* instead of the NUL, so that a line goes out in one write */
	enum cua_status status = write_all(journal->events_fd, line, len + 1, err);
	line[len] = '\0';
	if (status == CUA_OK && sync && fdatasync(journal->events_fd) != 0) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "fdatasync");
	}
	if (status != CUA_OK) {
		/* Half a line would spoil the next one. */
		if (ftruncate(journal->events_fd, journal->size) != 0) {
			cua_error_prefix(err, "a torn line is left");
		}
		cua_error_prefix(err, "%s/events.jsonl", journal->path);
		return status;
	}
	journal->size += (int64_t)len + 1;
	journal->seq++;
	if (journal->on_event) {
		/* What was written, secrets blotted out, not what was meant. */
		CUA_AUTO_JSON cJSON *written = cJSON_Parse(line);
		journal->on_event(written ? written : owned, journal->user_data);
	}
	return CUA_OK;
}

/* --- screenshots --- */

static enum cua_status write_new_file(int dir_fd, const char *name, const unsigned char *data,
		size_t len, struct cua_error *err)
{
	char temporary[96];
	snprintf(temporary, sizeof(temporary), ".%s.part", name);
	CUA_AUTO_FD int fd = openat(dir_fd, temporary,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", temporary);
	}
	enum cua_status status = write_all(fd, (const char *)data, len, err);
	if (status == CUA_OK && fsync(fd) != 0) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "fsync");
	}
	if (status == CUA_OK && renameat(dir_fd, temporary, dir_fd, name) != 0) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "rename");
	}
	if (status != CUA_OK) {
		unlinkat(dir_fd, temporary, 0);
	}
	return status;
}

enum cua_status agent_journal_screenshot(struct agent_journal *journal, const char *sha256,
		const char *base64, struct cua_error *err)
{
	char name[80];
	snprintf(name, sizeof(name), "%s.png", sha256);
	if (faccessat(journal->screenshots_fd, name, F_OK, 0) == 0) {
		return CUA_OK;
	}
	size_t len = strlen(base64), png_len = 0;
	CUA_AUTO_FREE unsigned char *png = malloc(len / 4 * 3 + 3);
	if (!png) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "screenshot");
	}
	if (sodium_base642bin(png, len / 4 * 3 + 3, base64, len, NULL, &png_len, NULL,
			    sodium_base64_VARIANT_ORIGINAL) != 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "the screenshot is not base64");
	}
	enum cua_status status = write_new_file(journal->screenshots_fd, name, png, png_len, err);
	if (status != CUA_OK) {
		cua_error_prefix(err, "%s/screenshots/%s", journal->path, name);
	}
	return status;
}
