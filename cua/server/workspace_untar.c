/* And out of an archive, whose writer is not to be trusted. */

#include "cua/server/workspace_tar_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "cua/server/workspace_path.h"
#include "cua/server/workspace_upload.h"

#define ENTRIES_MAX 1000000
#define LOOK_AT_DISK_LEN ((int64_t)4 << 20)
/* Heads, or the map of a sparse file: libarchive keeps many times as much of them, unbounded. */
#define HEADS_MAX_LEN ((size_t)2 << 20)

struct reader {
	struct archive *packed;  /* the bytes of the file, plain or by gzip */
	struct archive *archive; /* what is in them */
	int root_fd, stop_fd;
	bool is_skipping;     /* what nobody keeps */
	size_t heads_len;     /* that were read at once, without a byte of a file */
	struct cua_error why; /* of the bytes; CUA_OK: nothing */
	struct workspace_tar_result result;
	int64_t since_look; /* bytes, since there was room on the disk */
	char path[WORKSPACE_PATH_MAX + 1];
};

static enum cua_status check_disk(struct reader *reader, int fd, int64_t len, struct cua_error *err)
{
	struct statvfs disk;
	reader->since_look += len;
	if (reader->since_look < LOOK_AT_DISK_LEN) {
		return CUA_OK;
	}
	reader->since_look = 0;
	return fstatvfs(fd, &disk) != 0 ||
					(uint64_t)disk.f_bavail * disk.f_frsize >=
							WORKSPACE_DISK_FREE_MIN
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
					  "the disk would have less than %llu MiB left",
					  (unsigned long long)(WORKSPACE_DISK_FREE_MIN >> 20));
}

static enum cua_status is_damaged(const struct reader *reader, struct cua_error *err)
{
	const char *why = archive_error_string(reader->archive);
	why = why ? why : archive_error_string(reader->packed);
	if (reader->why.status != CUA_OK) {
		return CUA_FAIL(err, reader->why.status, 0, "%s", reader->why.msg);
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0, "this is no tar archive, or it is damaged: %.200s",
			why ? why : "it ends in the middle");
}

/* The next bytes for libarchive, which takes what it needs and has no bound of its own. */
static la_ssize_t give_bytes(struct archive *archive, void *user_data, const void **ret_bytes)
{
	struct reader *reader = user_data;
	struct pollfd stop = { .fd = reader->stop_fd, .events = POLLIN };
	size_t len = 0;
	la_int64_t offset = 0;
	if (poll(&stop, 1, 0) > 0) {
		cua_error_set(&reader->why, CUA_ERR_CANCELLED, 0, "it was stopped");
	} else if (reader->heads_len > HEADS_MAX_LEN) {
		cua_error_set(&reader->why, CUA_ERR_TOO_LARGE, 0,
				"an entry of the archive has more than %zu MiB of headers, or of "
				"the map of a sparse file",
				HEADS_MAX_LEN >> 20);
	} else {
		const int got = archive_read_data_block(reader->packed, ret_bytes, &len, &offset);
		if (got >= ARCHIVE_WARN) {
			reader->heads_len += reader->is_skipping ? 0 : len;
			return (la_ssize_t)len;
		}
		if (got == ARCHIVE_EOF) {
			return 0;
		}
		archive_set_error(archive, EINVAL, "%s", archive_error_string(reader->packed));
	}
	return -1;
}

/* Of what was left out, and of folders, which may have bytes, too. */
static bool skip_data(struct reader *reader)
{
	reader->is_skipping = true;
	const int got = archive_read_data_skip(reader->archive);
	reader->is_skipping = false;
	return got >= ARCHIVE_WARN;
}

static enum cua_status copy_data(struct reader *reader, int fd, struct cua_error *err)
{
	const void *data = NULL;
	size_t len = 0;
	la_int64_t offset = 0;
	for (;;) {
		reader->heads_len = 0;
		const int got = archive_read_data_block(reader->archive, &data, &len, &offset);
		if (got == ARCHIVE_EOF) {
			return CUA_OK;
		}
		if (got < ARCHIVE_WARN) {
			return is_damaged(reader, err);
		}
		enum cua_status status = check_disk(reader, fd, (int64_t)len, err);
		if (status != CUA_OK) {
			return status;
		}
		/* A sparse file has holes. */
		if (lseek(fd, offset, SEEK_SET) < 0 || !cua_write_all(fd, data, len)) {
			return workspace_explain(reader->path, errno, err);
		}
		reader->result.bytes += (int64_t)len;
	}
}

/* A name that no path has, in the folder where the last is to be. */
static void name_beside(char name[NAME_MAX + 1])
{
	unsigned char bytes[12];
	char digits[2 * sizeof(bytes) + 1];
	randombytes_buf(bytes, sizeof(bytes));
	sodium_bin2hex(digits, sizeof(digits), bytes, sizeof(bytes));
	snprintf(name, NAME_MAX + 1, "%s%s", WORKSPACE_UPLOAD_PREFIX, digits);
}

/* In the place of a file or a link; of a folder not. */
static enum cua_status put_in_place(const struct reader *reader,
		const struct workspace_place *place, const char *beside, struct cua_error *err)
{
	if (renameat(place->folder_fd, beside, place->folder_fd, place->name) == 0) {
		return CUA_OK;
	}
	const int why = errno;
	(void)unlinkat(place->folder_fd, beside, 0);
	return workspace_explain(reader->path, why, err);
}

static enum cua_status read_file(struct reader *reader, const struct workspace_place *place,
		struct archive_entry *entry, struct cua_error *err)
{
	char beside[NAME_MAX + 1];
	name_beside(beside);
	CUA_AUTO_FD int fd = openat(place->folder_fd, beside,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			archive_entry_perm(entry) & 0111 ? 0755 : 0644);
	if (fd < 0) {
		return workspace_explain(reader->path, errno, err);
	}
	enum cua_status status = copy_data(reader, fd, err);
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
		{ archive_entry_mtime(entry), archive_entry_mtime_nsec(entry) } };
	if (status == CUA_OK && ftruncate(fd, archive_entry_size(entry)) != 0) {
		status = workspace_explain(reader->path, errno, err);
	}
	if (status != CUA_OK) {
		(void)unlinkat(place->folder_fd, beside, 0);
		return status;
	}
	(void)futimens(fd, times);
	reader->result.files++;
	return put_in_place(reader, place, beside, err);
}

static enum cua_status read_link(struct reader *reader, const struct workspace_place *place,
		const char *target, struct cua_error *err)
{
	char beside[NAME_MAX + 1];
	name_beside(beside);
	if (symlinkat(target, place->folder_fd, beside) != 0) {
		return workspace_explain(reader->path, errno, err);
	}
	reader->result.links++;
	return put_in_place(reader, place, beside, err);
}

static void leave_out(struct reader *reader, const char *path)
{
	struct workspace_tar_result *result = &reader->result;
	if (result->left_out++ == 0) {
		snprintf(result->left_first, sizeof(result->left_first), "%s", path);
	}
	for (char *at = result->left_first; *at; at++) {
		*at = *at >= 0x20 && *at < 0x7f ? *at : '?';
	}
}

/* "./a/b/" is a/b; false for a path that none is. */
static bool take_path(struct reader *reader, const char *path)
{
	while (strncmp(path, "./", 2) == 0) {
		path += 2;
	}
	size_t len = strlen(path);
	while (len > 0 && path[len - 1] == '/') {
		len--;
	}
	if (len > WORKSPACE_PATH_MAX) {
		return false;
	}
	snprintf(reader->path, sizeof(reader->path), "%.*s", (int)len, path);
	return strcmp(reader->path, ".") != 0;
}

static bool is_path(const char *path)
{
	for (const char *at = path;; at++) {
		const size_t len = strcspn(at, "/");
		if (!workspace_name_is_valid(at, len, NULL)) {
			return false;
		}
		at += len;
		if (!*at) {
			return true;
		}
	}
}

static enum cua_status read_entry(
		struct reader *reader, struct archive_entry *entry, struct cua_error *err)
{
	WORKSPACE_AUTO_PLACE struct workspace_place place = { -1, "" };
	const char *path = archive_entry_pathname_utf8(entry);
	const char *target = archive_entry_symlink_utf8(entry);
	const mode_t type = archive_entry_filetype(entry);
	path = path ? path : archive_entry_pathname(entry);
	if (!path || !take_path(reader, path)) {
		return CUA_OK; /* the folder itself, or nothing */
	}
	const bool is_known = type == AE_IFREG || type == AE_IFDIR || (type == AE_IFLNK && target);
	if (!is_known || archive_entry_hardlink(entry) || !is_path(reader->path)) {
		leave_out(reader, path);
		return CUA_OK;
	}
	if (type == AE_IFDIR) {
		reader->result.folders++;
		return workspace_make_folder(reader->root_fd, reader->path, err);
	}
	enum cua_status status = workspace_find(reader->root_fd, reader->path, true, &place, err);
	if (status != CUA_OK) {
		return status;
	}
	return type == AE_IFLNK ? read_link(reader, &place, target, err)
				: read_file(reader, &place, entry, err);
}

static enum cua_status read_all(struct reader *reader, int fd, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	struct archive_entry *whole = NULL;
	if (archive_read_support_format_raw(reader->packed) != ARCHIVE_OK ||
			archive_read_support_filter_gzip(reader->packed) < ARCHIVE_WARN ||
			archive_read_open_fd(reader->packed, fd, BLOCK_LEN) != ARCHIVE_OK ||
			archive_read_next_header(reader->packed, &whole) != ARCHIVE_OK ||
			archive_read_support_format_tar(reader->archive) != ARCHIVE_OK ||
			archive_read_open(reader->archive, reader, NULL, give_bytes, NULL) !=
					ARCHIVE_OK) {
		return is_damaged(reader, err);
	}
	for (int64_t count = 0; status == CUA_OK; count++) {
		struct archive_entry *entry = NULL;
		reader->heads_len = 0;
		const int got = archive_read_next_header(reader->archive, &entry);
		if (got == ARCHIVE_EOF) {
			return count > 0 ? CUA_OK : is_damaged(reader, err);
		}
		if (got < ARCHIVE_WARN) {
			return is_damaged(reader, err);
		}
		if (count == ENTRIES_MAX) {
			return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
					"the archive has more than %d entries", ENTRIES_MAX);
		}
		status = read_entry(reader, entry, err);
		if (status == CUA_OK && !skip_data(reader)) {
			return is_damaged(reader, err);
		}
	}
	return status;
}

static void reader_destroy(struct reader *reader)
{
	if (reader) {
		archive_read_free(reader->archive);
		archive_read_free(reader->packed);
		free(reader);
	}
}

enum cua_status workspace_tar_read(int root_fd, int fd, int stop_fd,
		struct workspace_tar_result *ret_result, struct cua_error *err)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	if (!reader || !(reader->packed = archive_read_new()) ||
			!(reader->archive = archive_read_new())) {
		reader_destroy(reader);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "archive");
	}
	locale_t before, utf8 = workspace_tar_enter(&before);
	reader->root_fd = root_fd;
	reader->stop_fd = stop_fd;
	reader->since_look = LOOK_AT_DISK_LEN;
	enum cua_status status = read_all(reader, fd, err);
	*ret_result = reader->result;
	reader_destroy(reader);
	workspace_tar_leave(utf8, before);
	return status;
}
