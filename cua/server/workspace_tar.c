#include "cua/server/workspace_tar.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "cua/contract/utf8.h"
#include "cua/server/workspace_path.h"
#include "cua/server/workspace_upload.h"

#define BLOCK_LEN 65536
#define ENTRIES_MAX 1000000
#define LOOK_AT_DISK_LEN ((int64_t)4 << 20)
/* Heads, or the map of a sparse file: libarchive keeps many times as much of them, unbounded. */
#define HEADS_MAX_LEN ((size_t)2 << 20)
/* Of one file: two numbers each, so that the map stays below that. */
#define DATA_PLACES_MAX 50000
#define HOLE_LEN ((size_t)256 << 20)
#define HOLES_UNTIL_ASKED 4096 /* a TiB */

/* libarchive takes names apart by the locale of the thread, and breaks off at what that has not. */
static locale_t enter_utf8(locale_t *ret_before)
{
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	*ret_before = uselocale(utf8);
	return utf8;
}

static void leave_utf8(locale_t utf8, locale_t before)
{
	uselocale(before);
	if (utf8) {
		freelocale(utf8);
	}
}

/* --- into an archive --- */

struct writer {
	struct archive *archive;
	workspace_tar_fn take;
	void *user_data;
	struct cua_error *err;  /* of take */
	enum cua_status status; /* the same */
	const void *hole;       /* HOLE_LEN zeros, which take no memory */
	char path[WORKSPACE_PATH_MAX + 2];
};

static la_ssize_t on_bytes(struct archive *archive, void *user_data, const void *data, size_t len)
{
	struct writer *writer = user_data;
	(void)archive;
	writer->status = writer->take(data, len, writer->user_data, writer->err);
	return writer->status == CUA_OK ? (la_ssize_t)len : -1;
}

/* Who takes the pieces has said more of why. */
static enum cua_status failed(const struct writer *writer)
{
	return writer->status != CUA_OK
			? writer->status
			: CUA_FAIL(writer->err, CUA_ERR_IO, 0, "%.300s: %.100s", writer->path,
					  archive_error_string(writer->archive));
}

static struct archive_entry *entry_create(
		const struct writer *writer, const struct stat *info, const char *target)
{
	struct archive_entry *entry = archive_entry_new2(writer->archive);
	if (!entry) {
		return NULL;
	}
	(void)archive_entry_update_pathname_utf8(entry, writer->path);
	archive_entry_set_filetype(entry, info->st_mode & S_IFMT);
	archive_entry_set_perm(
			entry, S_ISREG(info->st_mode) && !(info->st_mode & 0111) ? 0644 : 0755);
	archive_entry_set_mtime(entry, info->st_mtim.tv_sec, info->st_mtim.tv_nsec);
	archive_entry_set_size(entry, S_ISREG(info->st_mode) ? info->st_size : 0);
	if (target) {
		(void)archive_entry_update_symlink_utf8(entry, target);
	}
	return entry;
}

/* Of what has no bytes. */
static enum cua_status write_head(
		const struct writer *writer, const struct stat *info, const char *target)
{
	struct archive_entry *entry = entry_create(writer, info, target);
	if (!entry) {
		return CUA_FAIL(writer->err, CUA_ERR_NOMEM, ENOMEM, "archive");
	}
	const int done = archive_write_header(writer->archive, entry);
	archive_entry_free(entry);
	return done >= ARCHIVE_WARN ? CUA_OK : failed(writer);
}

/* Says where a file with holes has data, and nothing of one without. What comes after as many
 * places as restoring takes is one, with its holes. */
static void map_data(struct archive_entry *entry, int fd, const struct stat *info)
{
	off_t at = 0;
	if ((int64_t)info->st_blocks * 512 >= info->st_size) {
		return;
	}
	for (int count = 0; at < info->st_size; count++) {
		const off_t data = lseek(fd, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO && count == 0) {
			archive_entry_sparse_add_entry(entry, 0, 0); /* one hole */
		}
		if (data < 0) {
			return;
		}
		const off_t hole = count < DATA_PLACES_MAX ? lseek(fd, data, SEEK_HOLE) : -1;
		at = hole > data && hole < info->st_size ? hole : info->st_size;
		archive_entry_sparse_add_entry(entry, data, at - data);
	}
}

/* As many bytes as it had: of one that shrinks meanwhile, the rest is zeros. */
static enum cua_status write_bytes(const struct writer *writer, int fd, off_t at, off_t len)
{
	static const char zeros[BLOCK_LEN];
	char bytes[BLOCK_LEN];
	enum cua_status status = CUA_OK;
	for (const off_t end = at + len; status == CUA_OK && at < end;) {
		const size_t want = end - at < BLOCK_LEN ? (size_t)(end - at) : BLOCK_LEN;
		const ssize_t got = pread(fd, bytes, want, at);
		const size_t count = got > 0 ? (size_t)got : want;
		if (archive_write_data(writer->archive, got > 0 ? bytes : zeros, count) < 0) {
			status = failed(writer);
		}
		at += (off_t)count;
	}
	return status;
}

/* libarchive wants the bytes of a hole to be given, too, and drops them. It takes no call that has
 * bytes of a hole and of data. */
static enum cua_status skip_hole(const struct writer *writer, off_t len)
{
	for (int count = 1; len > 0; count++) {
		const size_t part = len < (off_t)HOLE_LEN ? (size_t)len : HOLE_LEN;
		if (archive_write_data(writer->archive, writer->hole, part) < 0) {
			return failed(writer);
		}
		len -= (off_t)part;
		/* Nothing goes out meanwhile that would tell whether anybody is there. */
		if (count % HOLES_UNTIL_ASKED == 0 &&
				writer->take("", 0, writer->user_data, writer->err) != CUA_OK) {
			return CUA_ERR_CANCELLED;
		}
	}
	return CUA_OK;
}

static enum cua_status write_data(
		const struct writer *writer, struct archive_entry *entry, int fd, off_t size)
{
	enum cua_status status = CUA_OK;
	la_int64_t data = 0, len = 0;
	off_t at = 0;
	if (archive_entry_sparse_reset(entry) == 0) {
		return write_bytes(writer, fd, 0, size);
	}
	while (status == CUA_OK && archive_entry_sparse_next(entry, &data, &len) == ARCHIVE_OK) {
		status = skip_hole(writer, data - at);
		if (status == CUA_OK) {
			status = write_bytes(writer, fd, data, len);
		}
		at = data + len;
	}
	return status == CUA_OK ? skip_hole(writer, size - at) : status;
}

static enum cua_status write_file(const struct writer *writer, const struct workspace_place *place)
{
	struct stat info;
	CUA_AUTO_FD int fd = -1;
	if (workspace_open_file(place, O_RDONLY, &fd, &info, NULL) != CUA_OK) {
		return CUA_OK; /* it has just gone, or nobody but its owner may read it */
	}
	struct archive_entry *entry = entry_create(writer, &info, NULL);
	if (!entry) {
		return CUA_FAIL(writer->err, CUA_ERR_NOMEM, ENOMEM, "archive");
	}
	map_data(entry, fd, &info);
	enum cua_status status = archive_write_header(writer->archive, entry) >= ARCHIVE_WARN
			? write_data(writer, entry, fd, info.st_size)
			: failed(writer);
	archive_entry_free(entry);
	return status;
}

static enum cua_status write_link(const struct writer *writer, const struct workspace_place *place,
		const struct stat *info)
{
	char target[4096];
	const ssize_t len = readlinkat(place->folder_fd, place->name, target, sizeof(target) - 1);
	if (len <= 0 || cua_utf8_check(target, (size_t)len, NULL) != CUA_OK) {
		return CUA_OK;
	}
	target[len] = '\0';
	return write_head(writer, info, target);
}

static enum cua_status write_folder(struct writer *writer, int folder_fd, size_t path_len);

/* A name in a folder, that path is the path of. */
static enum cua_status write_name(
		struct writer *writer, int folder_fd, const char *name, size_t path_len)
{
	struct workspace_place place = { .folder_fd = folder_fd };
	struct stat info;
	const int len = snprintf(
			writer->path + path_len, sizeof(writer->path) - path_len, "%s", name);
	if (!workspace_name_is_valid(name, strlen(name), NULL) ||
			path_len + (size_t)len > WORKSPACE_PATH_MAX ||
			fstatat(folder_fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
		return CUA_OK;
	}
	snprintf(place.name, sizeof(place.name), "%s", name);
	if (S_ISREG(info.st_mode)) {
		return write_file(writer, &place);
	}
	if (S_ISLNK(info.st_mode)) {
		return write_link(writer, &place, &info);
	}
	CUA_AUTO_FD int fd = -1;
	if (!S_ISDIR(info.st_mode) || workspace_open_folder(folder_fd, name, &fd, NULL) != CUA_OK) {
		return CUA_OK;
	}
	enum cua_status status = write_head(writer, &info, NULL);
	const size_t inner_len = path_len + (size_t)len;
	snprintf(writer->path + inner_len, sizeof(writer->path) - inner_len, "/");
	return status == CUA_OK ? write_folder(writer, fd, inner_len + 1) : status;
}

/* As deep as a path is long. */
static enum cua_status write_folder(struct writer *writer, int folder_fd, size_t path_len)
{
	CUA_AUTO_FD int fd = fcntl(folder_fd, F_DUPFD_CLOEXEC, 0);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	enum cua_status status = CUA_OK;
	if (!folder) {
		return CUA_FAIL(writer->err, CUA_ERR_IO, errno, "%.300s", writer->path);
	}
	fd = -1; /* the folder's now */
	for (const struct dirent *entry; status == CUA_OK && (entry = readdir(folder));) {
		status = write_name(writer, dirfd(folder), entry->d_name, path_len);
	}
	closedir(folder);
	return status;
}

enum cua_status workspace_tar_write(
		int root_fd, workspace_tar_fn take, void *user_data, struct cua_error *err)
{
	CUA_AUTO_FD int fd = -1;
	locale_t before, utf8 = enter_utf8(&before);
	void *hole = mmap(NULL, HOLE_LEN, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			-1, 0);
	struct writer writer = { archive_write_new(), take, user_data, err, CUA_OK, hole, "" };
	enum cua_status status = workspace_open_folder(root_fd, "", &fd, err);
	if (status == CUA_OK &&
			(!writer.archive || hole == MAP_FAILED ||
					archive_write_set_format_pax_restricted(writer.archive) !=
							ARCHIVE_OK ||
					archive_write_set_bytes_per_block(
							writer.archive, BLOCK_LEN) != ARCHIVE_OK ||
					archive_write_set_bytes_in_last_block(writer.archive, 1) !=
							ARCHIVE_OK ||
					archive_write_open(writer.archive, &writer, NULL, on_bytes,
							NULL) != ARCHIVE_OK)) {
		status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "archive");
	}
	if (status == CUA_OK) {
		status = write_folder(&writer, fd, 0);
	}
	/* Its end says that it is whole. */
	if (status == CUA_OK && archive_write_close(writer.archive) != ARCHIVE_OK) {
		status = failed(&writer);
	}
	if (status != CUA_OK && writer.archive) {
		archive_write_fail(writer.archive);
	}
	archive_write_free(writer.archive);
	if (hole != MAP_FAILED) {
		munmap(hole, HOLE_LEN);
	}
	leave_utf8(utf8, before);
	return status;
}

/* --- out of an archive --- */

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
	locale_t before, utf8 = enter_utf8(&before);
	reader->root_fd = root_fd;
	reader->stop_fd = stop_fd;
	reader->since_look = LOOK_AT_DISK_LEN;
	enum cua_status status = read_all(reader, fd, err);
	*ret_result = reader->result;
	reader_destroy(reader);
	leave_utf8(utf8, before);
	return status;
}
