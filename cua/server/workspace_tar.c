/* The files of a folder into an archive. */

#include "cua/server/workspace_tar_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"
#include "cua/server/workspace_path.h"

/* Of one file: two numbers each, so that its map stays below what restoring takes. */
#define DATA_PLACES_MAX 50000
#define HOLE_LEN ((size_t)256 << 20)
#define HOLES_UNTIL_ASKED 4096 /* a TiB */

locale_t workspace_tar_enter(locale_t *ret_before)
{
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	*ret_before = uselocale(utf8);
	return utf8;
}

void workspace_tar_leave(locale_t utf8, locale_t before)
{
	uselocale(before);
	if (utf8) {
		freelocale(utf8);
	}
}

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
	locale_t before, utf8 = workspace_tar_enter(&before);
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
	workspace_tar_leave(utf8, before);
	return status;
}
