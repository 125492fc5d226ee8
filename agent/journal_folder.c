#include "agent/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/journal_disk.h"
#include "agent/journal_head.h"
#include "agent/journal_pictures.h"
#include "agent/journal_read.h"
#include "agent/runs.h"
#include "cua/base/file.h"
#include "cua/base/util.h"

/* --- making the folder --- */

static bool make_path(struct agent_journal *journal, const char *runs_dir, const char *name)
{
	char made[AGENT_RUN_NAME_SIZE];
	if (!name) {
		agent_runs_make_name(made);
	}
	if (asprintf(&journal->path, "%s/%s", runs_dir, name ? name : made) < 0) {
		journal->path = NULL;
		return false;
	}
	journal->name = strrchr(journal->path, '/') + 1;
	return true;
}

/* A name is on the disk when the folder that holds it was synced; any of those above may be new.
 * One that cannot be opened is not ours, and old. */
static enum cua_status sync_parents(int dir_fd, struct cua_error *err)
{
	struct stat here, above;
	int fd = dup(dir_fd);
	while (fd >= 0 && fstat(fd, &here) == 0) {
		int parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = parent;
		if (fd < 0 || fstat(fd, &above) != 0 || above.st_dev != here.st_dev ||
				above.st_ino == here.st_ino) {
			break;
		}
		if (fsync(fd) != 0) {
			const int failed = errno;
			close(fd);
			return CUA_FAIL(err, CUA_ERR_IO, failed, "fsync of a folder");
		}
	}
	cua_closep(&fd);
	return CUA_OK;
}

/* One writer. A lock of the open file, not of the process: it goes with the last descriptor,
 * however the process ends, and agent_journal_is_held() can ask without taking it. */
static enum cua_status lock_events(struct agent_journal *journal, struct cua_error *err)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	if (fcntl(journal->events_fd, F_OFD_SETLK, &lock) == 0) {
		return CUA_OK;
	}
	if (errno == EAGAIN || errno == EACCES) {
		return CUA_FAIL(err, CUA_ERR_EXISTS, 0, "another process is at this run: %s",
				journal->path);
	}
	return CUA_FAIL(err, CUA_ERR_IO, errno, "%s/events.jsonl", journal->path);
}

static enum cua_status open_files(struct agent_journal *journal, int flags, struct cua_error *err)
{
	journal->dir_fd = open(journal->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (journal->dir_fd < 0 ||
			(mkdirat(journal->dir_fd, "screenshots", 0700) != 0 && errno != EEXIST)) {
		return CUA_FAIL(err, errno == ENOENT ? CUA_ERR_NOT_FOUND : CUA_ERR_IO, errno, "%s",
				journal->path);
	}
	journal->screenshots_fd =
			openat(journal->dir_fd, "screenshots", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	journal->events_fd = openat(journal->dir_fd, "events.jsonl",
			O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
	if (journal->screenshots_fd < 0 || journal->events_fd < 0) {
		return CUA_FAIL(err, errno == ENOENT ? CUA_ERR_NOT_FOUND : CUA_ERR_IO, errno, "%s",
				journal->path);
	}
	return lock_events(journal, err);
}

static void journal_init(struct agent_journal *journal)
{
	*journal = (struct agent_journal){ .dir_fd = -1,
		.screenshots_fd = -1,
		.events_fd = -1,
		.cancel_fd = -1,
		.space_wait_s = JOURNAL_SPACE_WAIT_S };
}

static enum cua_status create_folder(struct agent_journal *journal, struct cua_error *err)
{
	unsigned char key[AGENT_KEY_BYTES];
	enum cua_status status = agent_head_key(key, err); /* now, not when the first head is due */
	if (status != CUA_OK) {
		return status;
	}
	if (mkdir(journal->path, 0700) != 0) {
		return CUA_FAIL(err, errno == EEXIST ? CUA_ERR_EXISTS : CUA_ERR_IO, errno, "%s",
				journal->path);
	}
	status = open_files(journal, O_CREAT | O_EXCL, err);
	if (status == CUA_OK) {
		status = journal_disk_reserve(journal, err);
	}
	if (status == CUA_OK &&
			(fsync(journal->screenshots_fd) != 0 || fsync(journal->dir_fd) != 0)) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "%s", journal->path);
	}
	return status == CUA_OK ? sync_parents(journal->dir_fd, err) : status;
}

enum cua_status agent_journal_create(struct agent_journal *journal, const char *runs_dir,
		const char *name, struct cua_error *err)
{
	journal_init(journal);
	CUA_AUTO_FREE char *found = NULL;
	enum cua_status status = runs_dir ? CUA_OK : agent_runs_dir(&found, err);
	const char *dir = runs_dir ? runs_dir : found;
	if (status == CUA_OK) {
		status = cua_make_dirs(dir, 0700, err);
	}
	if (status == CUA_OK && !make_path(journal, dir, name)) {
		status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "folder of the run");
	}
	if (status == CUA_OK) {
		status = create_folder(journal, err);
	}
	if (status != CUA_OK) {
		cua_error_prefix(err, "cannot keep a journal of the run");
	}
	return status;
}

void agent_journal_finish(struct agent_journal *journal)
{
	if (journal->dir_fd >= 0) {
		journal_disk_release(journal);
	}
	while (journal->picture_count > 0) {
		cua_closep(&journal->picture_fds[--journal->picture_count]);
	}
	cua_closep(&journal->events_fd);
	cua_closep(&journal->screenshots_fd);
	cua_closep(&journal->dir_fd);
	free(journal->path);
	journal_init(journal);
}

/* --- going on with one --- */

/* What was signed was on the disk: if it is not there now, no crash is to blame. */
static enum cua_status check_head(struct agent_journal *journal, struct cua_error *err)
{
	struct agent_head head;
	enum cua_status status = agent_head_read(journal->dir_fd, "head.json", &head, err);
	if (status == CUA_ERR_NOT_FOUND) {
		return CUA_OK; /* it broke off before the first */
	}
	if (status == CUA_OK && head.seq > journal->seq) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"the journal was changed: %llu events were signed, the first %llu "
				"are as they were written",
				(unsigned long long)head.seq, (unsigned long long)journal->seq);
	}
	journal->head_seq = head.seq;
	return status;
}

static enum cua_status cut_rest(
		struct agent_journal *journal, int64_t rest_len, struct cua_error *err)
{
	char name[48];
	CUA_AUTO_FREE char *rest = malloc((size_t)rest_len);
	CUA_AUTO_FD int fd = openat(journal->dir_fd, "events.jsonl", O_RDONLY | O_CLOEXEC);
	if (!rest || fd < 0 || pread(fd, rest, (size_t)rest_len, journal->size) != rest_len) {
		return CUA_FAIL(err, rest ? CUA_ERR_IO : CUA_ERR_NOMEM, errno, "%s/events.jsonl",
				journal->path);
	}
	snprintf(name, sizeof(name), "events.cut-%llu", (unsigned long long)journal->seq + 1);
	enum cua_status status =
			cua_file_write_durable(journal->dir_fd, name, rest, (size_t)rest_len, err);
	if (status == CUA_OK &&
			(ftruncate(journal->events_fd, journal->size) != 0 ||
					fdatasync(journal->events_fd) != 0)) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "%s/events.jsonl", journal->path);
	}
	return status;
}

/* Where a power loss has torn a picture, the journal ends before the event that names it. Nothing
 * came of that event: before an intent or a turn is written, the disk has what stands before it. */
struct tail {
	int screenshots_fd;
	uint64_t safe_seq;              /* of the last event that says so */
	struct agent_journal_scan good; /* up to what is whole */
	bool is_torn;
};

static enum cua_status find_tail(const char *line, size_t len,
		const struct agent_journal_scan *scan, void *user_data, struct cua_error *err)
{
	static const char member[] = "\"type\":", intent[] = "\"intent\"", turn[] = "\"turn\"";
	struct tail *tail = user_data;
	const char *type = memmem(line, len, member, strlen(member)); /* the first is the event's */
	(void)err;
	if (type &&
			(strncmp(type + strlen(member), intent, strlen(intent)) == 0 ||
					strncmp(type + strlen(member), turn, strlen(turn)) == 0)) {
		tail->safe_seq = scan->seq;
	}
	return CUA_OK;
}

/* CUA_ERR_POLICY, with is_torn: the journal ends here. */
static enum cua_status check_tail(const char *line, size_t len,
		const struct agent_journal_scan *scan, void *user_data, struct cua_error *err)
{
	struct tail *tail = user_data;
	char sha256[65];
	for (size_t at = 0; scan->seq > tail->safe_seq &&
			journal_picture_next(line, len, &at, sha256);) {
		enum cua_status status =
				journal_picture_check(tail->screenshots_fd, sha256, true, err);
		if (status != CUA_OK) {
			tail->is_torn = status == CUA_ERR_POLICY;
			return status;
		}
	}
	tail->good = *scan;
	return CUA_OK;
}

static enum cua_status scan_whole(struct agent_journal *journal,
		struct agent_journal_scan *ret_scan, struct cua_error *err)
{
	struct tail tail = { .screenshots_fd = journal->screenshots_fd };
	struct agent_journal_scan scan;
	enum cua_status status = agent_journal_scan(journal->dir_fd, find_tail, &tail, &scan, err);
	if (status != CUA_OK) {
		return status;
	}
	const int64_t len = scan.good_len + scan.rest_len;
	status = agent_journal_scan(journal->dir_fd, check_tail, &tail, &scan, err);
	if (status == CUA_OK || tail.is_torn) {
		*ret_scan = tail.good;
		ret_scan->rest_len = len - tail.good.good_len;
		return CUA_OK;
	}
	return status;
}

static enum cua_status open_folder(
		struct agent_journal *journal, int64_t *ret_cut, struct cua_error *err)
{
	struct agent_journal_scan scan;
	enum cua_status status = open_files(journal, 0, err);
	if (status == CUA_OK) {
		status = scan_whole(journal, &scan, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	journal->seq = scan.seq;
	journal->size = scan.good_len;
	journal->chain = scan.chain;
	journal->is_unsynced = true; /* whoever wrote them may not have come to that */
	status = check_head(journal, err);
	if (status == CUA_OK && fsync(journal->screenshots_fd) != 0) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "%s/screenshots", journal->path);
	}
	if (status == CUA_OK && scan.rest_len > 0) {
		status = cut_rest(journal, scan.rest_len, err);
	}
	if (status == CUA_OK) {
		status = journal_disk_reserve(journal, err);
	}
	if (status == CUA_OK) {
		*ret_cut = scan.rest_len;
	}
	return status;
}

enum cua_status agent_journal_open(struct agent_journal *journal, const char *path,
		int64_t *ret_cut, struct cua_error *err)
{
	journal_init(journal);
	journal->path = strdup(path);
	if (!journal->path) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "folder of the run");
	}
	const char *slash = strrchr(journal->path, '/');
	journal->name = slash ? journal->path + (slash + 1 - journal->path) : journal->path;
	return open_folder(journal, ret_cut, err);
}
