#include "cua/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/util.h"

enum cua_status cua_file_read(const char *path, struct cua_buffer *buffer, struct cua_error *err)
{
	CUA_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return CUA_FAIL(err, errno == ENOENT ? CUA_ERR_NOT_FOUND : CUA_ERR_IO, errno, "%s",
				path);
	}
	char part[16384];
	ssize_t got;
	while ((got = read(fd, part, sizeof(part))) != 0) {
		if (got < 0) {
			if (errno == EINTR) {
				continue;
			}
			return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
		}
		enum cua_status status = cua_buffer_append(buffer, part, (size_t)got, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	return CUA_OK;
}

static enum cua_status write_all(
		int fd, const char *path, const char *data, size_t len, struct cua_error *err)
{
	while (len > 0) {
		ssize_t wrote = write(fd, data, len);
		if (wrote < 0) {
			if (errno == EINTR) {
				continue;
			}
			return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
		}
		data += wrote;
		len -= (size_t)wrote;
	}
	return CUA_OK;
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
	enum cua_status status = write_all(fd, path, data, len, err);
	if (status == CUA_OK && (fchmod(fd, mode) != 0 || rename(beside, path) != 0)) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	if (status != CUA_OK) {
		unlink(beside);
	}
	return status;
}

enum cua_status cua_make_dirs(const char *path, mode_t mode, struct cua_error *err)
{
	char partial[4096];
	if (snprintf(partial, sizeof(partial), "%s", path) >= (int)sizeof(partial)) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "path %.80s... is too long", path);
	}
	for (char *at = partial + 1;; at++) {
		if (*at != '/' && *at != '\0') {
			continue;
		}
		const char cut = *at;
		*at = '\0';
		if (mkdir(partial, mode) != 0 && errno != EEXIST) {
			return CUA_FAIL(err, CUA_ERR_IO, errno, "cannot make directory %s",
					partial);
		}
		*at = cut;
		if (cut == '\0') {
			return CUA_OK;
		}
	}
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
	(void)info, (void)place;
	int result = kind == FTW_DP || kind == FTW_D || kind == FTW_DNR ? rmdir(path)
									: unlink(path);
	return result != 0 && errno != ENOENT ? errno : 0;
}

enum cua_status cua_remove_tree(const char *path, struct cua_error *err)
{
	int result = nftw(path, remove_entry, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	if (result > 0) {
		return CUA_FAIL(err, CUA_ERR_IO, result, "cannot remove %s", path);
	}
	if (result < 0 && errno != ENOENT) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "cannot remove %s", path);
	}
	return CUA_OK;
}

void cua_file_tail(const char *path, char *tail, size_t size)
{
	tail[0] = '\0';
	CUA_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) {
		return;
	}
	off_t end = lseek(fd, 0, SEEK_END);
	off_t start = end > (off_t)size - 1 ? end - (off_t)size + 1 : 0;
	ssize_t got = pread(fd, tail, size - 1, start);
	tail[got > 0 ? got : 0] = '\0';
	char *line = start > 0 ? strchr(tail, '\n') : NULL;
	if (line) {
		memmove(tail, line + 1, strlen(line + 1) + 1);
	}
}
