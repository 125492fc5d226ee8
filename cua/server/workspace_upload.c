#include "cua/server/workspace_upload.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "cua/server/workspace_path.h"

#define HASH_BYTES 16

/* Two at once would write into one file. Taken on the folder above, which no agent has: what they
 * can lock in theirs would hold us up. */
static int lock_project(int root_fd)
{
	CUA_AUTO_FD int fd = openat(root_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (fd >= 0 && flock(fd, LOCK_EX) != 0) {
		if (errno != EINTR) {
			return -1;
		}
	}
	return cua_steal_fd(&fd);
}

/* Of a file's name: two files have never the same, and it is never too long. */
static void name_upload(const char *name, char upload[NAME_MAX + 1])
{
	unsigned char hash[HASH_BYTES];
	char digits[2 * HASH_BYTES + 1];
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)name, strlen(name), NULL, 0);
	sodium_bin2hex(digits, sizeof(digits), hash, sizeof(hash));
	snprintf(upload, NAME_MAX + 1, "%s%s", WORKSPACE_UPLOAD_PREFIX, digits);
}

static enum cua_status find_upload(int root_fd, const char *path, bool makes,
		struct workspace_place *ret_place, struct workspace_place *ret_upload,
		struct cua_error *err)
{
	enum cua_status status = workspace_find(root_fd, path, makes, ret_place, err);
	if (status != CUA_OK) {
		return status;
	}
	name_upload(ret_place->name, ret_upload->name);
	ret_upload->folder_fd = fcntl(ret_place->folder_fd, F_DUPFD_CLOEXEC, 0);
	return ret_upload->folder_fd >= 0 ? CUA_OK : workspace_explain(path, errno, err);
}

/* -1: there is none, or something that is no file. */
static int open_kept(const struct workspace_place *upload, int flags, int64_t *ret_size)
{
	struct stat info;
	int fd = -1;
	if (workspace_open_file(upload, flags, &fd, &info, NULL) != CUA_OK) {
		*ret_size = 0;
		return -1;
	}
	*ret_size = (int64_t)info.st_size;
	return fd;
}

static enum cua_status check_room(
		const struct workspace_place *place, size_t len, struct cua_error *err)
{
	struct statvfs disk;
	struct stat info;
	if (fstatvfs(place->folder_fd, &disk) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "the disk of the project's folder");
	}
	if ((uint64_t)disk.f_bavail * disk.f_frsize < WORKSPACE_DISK_FREE_MIN + len) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"the disk has less than %llu MiB left: delete files first",
				(unsigned long long)(WORKSPACE_DISK_FREE_MIN >> 20));
	}
	if (fstatat(place->folder_fd, place->name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISDIR(info.st_mode)) {
		return CUA_FAIL(err, CUA_ERR_EXISTS, 0, "%s is a folder", place->name);
	}
	return CUA_OK;
}

/* What is kept, open where the piece begins. */
static enum cua_status open_upload(const struct workspace_place *upload, int64_t offset,
		int *ret_fd, int64_t *ret_offset, struct cua_error *err)
{
	if (offset == 0) {
		enum cua_status status = cua_remove_tree_at(upload->folder_fd, upload->name, err);
		*ret_fd = status == CUA_OK ? openat(upload->folder_fd, upload->name,
							     O_WRONLY | O_CREAT | O_EXCL |
									     O_NOFOLLOW | O_CLOEXEC,
							     0644)
					   : -1;
		return status != CUA_OK || *ret_fd >= 0
				? status
				: workspace_explain("the upload", errno, err);
	}
	*ret_fd = open_kept(upload, O_WRONLY, ret_offset);
	if (*ret_offset != offset) {
		return CUA_FAIL(err, CUA_ERR_EXISTS, 0,
				"%lld bytes of the file are there: go on with Upload-Offset: %lld",
				(long long)*ret_offset, (long long)*ret_offset);
	}
	return lseek(*ret_fd, offset, SEEK_SET) == offset
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_IO, errno, "the upload");
}

static enum cua_status add_piece(const struct workspace_place *place,
		const struct workspace_place *upload, const struct workspace_piece *piece,
		int64_t *ret_offset, struct cua_error *err)
{
	CUA_AUTO_FD int fd = -1;
	enum cua_status status = check_room(place, piece->bytes->len, err);
	if (status == CUA_OK) {
		status = open_upload(upload, piece->offset, &fd, ret_offset, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	/* After a power loss, the name must not stand for a file that is not there. */
	if (!cua_write_all(fd, piece->bytes->data, piece->bytes->len) ||
			(piece->completes &&
					(fsync(fd) != 0 ||
							renameat(upload->folder_fd, upload->name,
									place->folder_fd,
									place->name) != 0))) {
		return workspace_explain(place->name, errno, err);
	}
	*ret_offset = piece->offset + (int64_t)piece->bytes->len;
	return CUA_OK;
}

enum cua_status workspace_upload(int root_fd, const char *path, const struct workspace_piece *piece,
		int64_t *ret_offset, struct cua_error *err)
{
	WORKSPACE_AUTO_PLACE struct workspace_place place = { -1, "" };
	WORKSPACE_AUTO_PLACE struct workspace_place upload = { -1, "" };
	CUA_AUTO_FD int lock = -1;
	enum cua_status status = find_upload(root_fd, path, true, &place, &upload, err);
	if (status != CUA_OK) {
		return status;
	}
	lock = lock_project(root_fd);
	if (lock < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "cannot lock the project");
	}
	status = add_piece(&place, &upload, piece, ret_offset, err);
	if (status != CUA_OK && piece->offset == 0 && piece->completes) {
		unlinkat(upload.folder_fd, upload.name, 0); /* nobody goes on with it */
	}
	return status;
}

enum cua_status workspace_upload_offset(
		int root_fd, const char *path, int64_t *ret_offset, struct cua_error *err)
{
	WORKSPACE_AUTO_PLACE struct workspace_place place = { -1, "" };
	WORKSPACE_AUTO_PLACE struct workspace_place upload = { -1, "" };
	enum cua_status status = find_upload(root_fd, path, false, &place, &upload, err);
	if (status == CUA_ERR_NOT_FOUND) {
		*ret_offset = 0; /* nor is there a folder for it yet */
		return CUA_OK;
	}
	if (status == CUA_OK) {
		int fd = open_kept(&upload, O_RDONLY, ret_offset);
		cua_closep(&fd);
	}
	return status;
}

enum cua_status workspace_remove(int root_fd, const char *path, struct cua_error *err)
{
	WORKSPACE_AUTO_PLACE struct workspace_place place = { -1, "" };
	WORKSPACE_AUTO_PLACE struct workspace_place upload = { -1, "" };
	CUA_AUTO_FD int lock = -1;
	enum cua_status status = find_upload(root_fd, path, false, &place, &upload, err);
	if (status != CUA_OK) {
		return status;
	}
	const int fd = place.folder_fd;
	if (faccessat(fd, place.name, F_OK, AT_SYMLINK_NOFOLLOW) != 0 &&
			faccessat(fd, upload.name, F_OK, AT_SYMLINK_NOFOLLOW) != 0) {
		return workspace_explain(path, errno, err);
	}
	lock = lock_project(root_fd);
	if (lock < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "cannot lock the project");
	}
	status = cua_remove_tree_at(fd, upload.name, err);
	return status == CUA_OK ? cua_remove_tree_at(fd, place.name, err) : status;
}
