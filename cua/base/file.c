#include "cua/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/util.h"

const char *cua_file_kind(mode_t mode)
{
	return S_ISREG(mode)             ? "a file"
			: S_ISDIR(mode)  ? "a folder"
			: S_ISSOCK(mode) ? "a socket"
			: S_ISFIFO(mode) ? "a pipe"
			: S_ISLNK(mode)  ? "a link"
					 : "a device";
}

/* A pipe that nobody writes to must not hold anything up, nor a device be read without end. */
static enum cua_status open_regular(
		const char *path, int *ret_fd, off_t *ret_size, struct cua_error *err)
{
	struct stat info;
	CUA_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const int error = errno;
	/* A socket cannot be opened at all. */
	if ((fd >= 0 ? fstat(fd, &info) : stat(path, &info)) == 0 && !S_ISREG(info.st_mode)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s is %s, not a file", path,
				cua_file_kind(info.st_mode));
	}
	if (fd < 0) {
		return CUA_FAIL(err, error == ENOENT ? CUA_ERR_NOT_FOUND : CUA_ERR_IO, error, "%s",
				path);
	}
	*ret_fd = cua_steal_fd(&fd);
	*ret_size = info.st_size;
	return CUA_OK;
}

enum cua_status cua_file_read(const char *path, struct cua_buffer *buffer, struct cua_error *err)
{
	CUA_AUTO_FD int fd = -1;
	off_t size = 0; /* of files in /proc it is 0 */
	enum cua_status status = open_regular(path, &fd, &size, err);
	if (status == CUA_OK) {
		status = cua_buffer_reserve(buffer, (size_t)size, err);
	}
	char part[65536];
	ssize_t got = 0;
	while (status == CUA_OK && (got = read(fd, part, sizeof(part))) != 0) {
		if (got < 0) {
			if (errno == EINTR) {
				continue;
			}
			return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
		}
		status = cua_buffer_append(buffer, part, (size_t)got, err);
	}
	return status;
}

bool cua_write_all(int fd, const void *data, size_t len)
{
	const char *at = data;
	while (len > 0) {
		const ssize_t wrote = write(fd, at, len);
		if (wrote < 0 && errno == EINTR) {
			continue;
		}
		if (wrote <= 0) {
			errno = wrote < 0 ? errno : ENOSPC;
			return false;
		}
		at += wrote;
		len -= (size_t)wrote;
	}
	return true;
}

enum cua_status cua_file_write(
		const char *path, const void *data, size_t len, mode_t mode, struct cua_error *err)
{
	char beside[4096];
	if (snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= (int)sizeof(beside)) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "path %.80s... is too long", path);
	}
	CUA_AUTO_FD int fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	if (!cua_write_all(fd, data, len) || fchmod(fd, mode) != 0 || rename(beside, path) != 0) {
		enum cua_status status = CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
		unlink(beside);
		return status;
	}
	return CUA_OK;
}

/* Writes the file beside its place, and moves it there. */
static enum cua_status write_in(int dir_fd, const char *name, const void *data, size_t len,
		bool is_durable, int *ret_fd, struct cua_error *err)
{
	char beside[NAME_MAX + 1];
	if (snprintf(beside, sizeof(beside), ".%s.part", name) >= (int)sizeof(beside)) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "name %.80s... is too long", name);
	}
	CUA_AUTO_FD int fd = openat(dir_fd, beside,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", name);
	}
	if (!cua_write_all(fd, data, len) || (is_durable && fsync(fd) != 0) ||
			renameat(dir_fd, beside, dir_fd, name) != 0 ||
			(is_durable && fsync(dir_fd) != 0)) {
		enum cua_status status = CUA_FAIL(err, CUA_ERR_IO, errno, "%s", name);
		unlinkat(dir_fd, beside, 0);
		return status;
	}
	*ret_fd = cua_steal_fd(&fd);
	return CUA_OK;
}

enum cua_status cua_file_write_durable(
		int dir_fd, const char *name, const void *data, size_t len, struct cua_error *err)
{
	CUA_AUTO_FD int fd = -1;
	return write_in(dir_fd, name, data, len, true, &fd, err);
}

enum cua_status cua_file_write_unsynced(int dir_fd, const char *name, const void *data, size_t len,
		int *ret_fd, struct cua_error *err)
{
	return write_in(dir_fd, name, data, len, false, ret_fd, err);
}

enum cua_status cua_make_dirs(const char *path, mode_t mode, struct cua_error *err)
{
	char partial[4096];
	if (snprintf(partial, sizeof(partial), "%s", path) >= (int)sizeof(partial)) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "path %.80s... is too long", path);
	}
	for (char *at = partial + (partial[0] == '/');; at++) {
		if (*at != '/' && *at != '\0') {
			continue;
		}
		const char cut = *at;
		*at = '\0';
		struct stat info;
		if (mkdir(partial, mode) != 0 &&
				(errno != EEXIST || stat(partial, &info) != 0 ||
						!S_ISDIR(info.st_mode))) {
			return CUA_FAIL(err, CUA_ERR_IO, errno, "cannot make directory %s",
					partial);
		}
		*at = cut;
		if (cut == '\0') {
			return CUA_OK;
		}
	}
}

/* --- removing --- */

#define REMOVE_DEPTH_MAX 48

struct removal {
	int root_fd;
	dev_t device;      /* what is mounted in the tree stays */
	unsigned int deep; /* folders that were too deep, and are in the root now */
	bool has_moved;
	int first_errno;
};

static void note_failure(struct removal *removal)
{
	if (errno != ENOENT && removal->first_errno == 0) {
		removal->first_errno = errno;
	}
}

/* Never over a link, and opened to us if its owner has closed it. */
static int open_folder(int dir_fd, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	char path[64];
	const int fd = openat(dir_fd, name, flags);
	if (fd >= 0 || errno != EACCES) {
		return fd;
	}
	CUA_AUTO_FD int closed =
			openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", closed);
	return closed >= 0 && chmod(path, S_IRWXU) == 0 ? openat(dir_fd, name, flags) : -1;
}

/* Too deep for our descriptors: into the root with it, which is looked at again. */
static void lift(struct removal *removal, int dir_fd, const char *name)
{
	char other[32];
	do {
		snprintf(other, sizeof(other), ".deep-%u", removal->deep++);
	} while (faccessat(removal->root_fd, other, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
	if (renameat(dir_fd, name, removal->root_fd, other) == 0) {
		removal->has_moved = true;
	} else {
		note_failure(removal);
	}
}

/* All that is in a folder; fd is closed. */
static void empty_folder(struct removal *removal, int fd, int depth)
{
	struct stat info;
	DIR *dir = fdopendir(fd);
	if (!dir || fstat(fd, &info) != 0 || info.st_dev != removal->device) {
		dir ? closedir(dir) : close(fd);
		return;
	}
	for (const struct dirent *entry; (entry = readdir(dir));) {
		const char *name = entry->d_name;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
				unlinkat(fd, name, 0) == 0) {
			continue;
		}
		if (errno != EISDIR && errno != EPERM) {
			note_failure(removal);
			continue;
		}
		if (depth == REMOVE_DEPTH_MAX) {
			lift(removal, fd, name);
			continue;
		}
		const int child = open_folder(fd, name);
		if (child >= 0) {
			empty_folder(removal, child, depth + 1);
		}
		if (unlinkat(fd, name, AT_REMOVEDIR) != 0) {
			note_failure(removal);
		}
	}
	closedir(dir);
}

/* By descriptors: the folder that the process is in stays what it is, also for its other threads,
 * and nobody who changes the tree meanwhile can lead us out of it. */
enum cua_status cua_remove_tree_at(int dir_fd, const char *name, struct cua_error *err)
{
	struct stat info;
	struct removal removal = { .root_fd = open_folder(dir_fd, name) };
	if (removal.root_fd < 0 && (errno == ENOENT || unlinkat(dir_fd, name, 0) == 0)) {
		return CUA_OK;
	}
	if (removal.root_fd < 0 || fstat(removal.root_fd, &info) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "cannot remove %s", name);
	}
	removal.device = info.st_dev;
	do {
		removal.has_moved = false;
		empty_folder(&removal, open_folder(removal.root_fd, "."), 0);
	} while (removal.has_moved && removal.first_errno == 0);
	close(removal.root_fd);
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) != 0 && errno != ENOENT &&
			removal.first_errno == 0) {
		removal.first_errno = errno;
	}
	return removal.first_errno == 0
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_IO, removal.first_errno, "cannot remove %s", name);
}

enum cua_status cua_remove_tree(const char *path, struct cua_error *err)
{
	return cua_remove_tree_at(AT_FDCWD, path, err);
}

void cua_file_tail_fd(int fd, char *tail, size_t size)
{
	tail[0] = '\0';
	struct stat info;
	if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
		return;
	}
	const off_t start = info.st_size > (off_t)size - 1 ? info.st_size - (off_t)size + 1 : 0;
	const ssize_t got = pread(fd, tail, size - 1, start);
	tail[got > 0 ? got : 0] = '\0';
	char *line = start > 0 ? strchr(tail, '\n') : NULL;
	if (line) {
		memmove(tail, line + 1, strlen(line + 1) + 1);
	}
}

void cua_file_tail(const char *path, char *tail, size_t size)
{
	CUA_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	cua_file_tail_fd(fd, tail, size);
}

void cua_file_ends(const char *path, char *text, size_t size)
{
	static const char between[] = " ... ";
	CUA_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat info;
	if (fd < 0 || fstat(fd, &info) != 0 || info.st_size < (off_t)size) {
		cua_file_tail_fd(fd, text, size);
		return;
	}
	const ssize_t got = pread(fd, text, size / 3, 0);
	const size_t head = got > 0 ? (size_t)got : 0;
	memcpy(text + head, between, sizeof(between));
	const size_t used = head + strlen(between);
	cua_file_tail_fd(fd, text + used, size - used);
}
