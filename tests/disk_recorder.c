/* Preloaded into a process: writes down in $CUA_DISK_TRACE what it does to files, in order. With
 * $CUA_DISK_FAIL_AT=N the N-th call that changes or syncs something fails with
 * $CUA_DISK_FAIL_ERRNO; a write is cut in half before. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/disk_trace.h"

#define EXPORT __attribute__((visibility("default")))

static int trace_fd = -1;
static long calls, fail_at, fail_errno;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("CUA_DISK_TRACE"), *at = getenv("CUA_DISK_FAIL_AT"),
		   *number = getenv("CUA_DISK_FAIL_ERRNO");
	if (path) {
		trace_fd = (int)syscall(SYS_openat, AT_FDCWD, path,
				O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	}
	fail_at = at ? strtol(at, NULL, 10) : 0;
	fail_errno = number ? strtol(number, NULL, 10) : EIO;
}

static bool fails(void)
{
	if (++calls != fail_at) {
		return false;
	}
	errno = (int)fail_errno;
	return true;
}

static void put(const struct disk_record *record, const void *data)
{
	const int saved = errno;
	if (trace_fd >= 0 &&
			(syscall(SYS_write, trace_fd, record, sizeof(*record)) < 0 ||
					(record->len > 0 &&
							syscall(SYS_write, trace_fd, data,
									record->len) < 0))) {
		abort();
	}
	errno = saved;
}

static uint64_t inode_of(int fd)
{
	struct stat info = { 0 };
	(void)!fstat(fd, &info);
	return info.st_ino;
}

/* The folder that holds path, and its name in there. */
static void locate(struct disk_record *record, int dir_fd, const char *path)
{
	char parent[4096];
	struct stat info = { 0 };
	const char *slash = strrchr(path, '/');
	if (slash) {
		snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
		(void)!fstatat(dir_fd, parent[0] ? parent : "/", &info, 0);
	} else {
		(void)!fstatat(dir_fd, ".", &info, 0);
	}
	record->dir = info.st_ino;
	snprintf(record->name, sizeof(record->name), "%.95s", slash ? slash + 1 : path);
}

static int open_recorded(int dir_fd, const char *path, int flags, mode_t mode)
{
	struct stat info;
	const bool is_new = (flags & O_CREAT) && fstatat(dir_fd, path, &info, 0) != 0;
	if (is_new && fails()) {
		return -1;
	}
	const int fd = (int)syscall(SYS_openat, dir_fd, path, flags, mode);
	if (fd >= 0 && is_new) {
		struct disk_record record = { .op = DISK_CREATE, .ino = inode_of(fd) };
		locate(&record, dir_fd, path);
		put(&record, NULL);
	} else if (fd >= 0 && (flags & O_TRUNC)) {
		struct disk_record record = { .op = DISK_TRUNCATE, .ino = inode_of(fd) };
		put(&record, NULL);
	}
	return fd;
}

EXPORT int open(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	const mode_t mode = (flags & O_CREAT) ? va_arg(args, mode_t) : 0;
	va_end(args);
	return open_recorded(AT_FDCWD, path, flags, mode);
}

EXPORT int openat(int dir_fd, const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	const mode_t mode = (flags & O_CREAT) ? va_arg(args, mode_t) : 0;
	va_end(args);
	return open_recorded(dir_fd, path, flags, mode);
}

EXPORT int mkdirat(int dir_fd, const char *path, mode_t mode)
{
	if (syscall(SYS_mkdirat, dir_fd, path, mode) != 0) {
		return -1;
	}
	struct stat info = { 0 };
	(void)!fstatat(dir_fd, path, &info, 0);
	struct disk_record record = { .op = DISK_MKDIR, .ino = info.st_ino };
	locate(&record, dir_fd, path);
	put(&record, NULL);
	return 0;
}

EXPORT int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

EXPORT ssize_t write(int fd, const void *data, size_t len)
{
	if (fd == DISK_ACK_FD) {
		struct disk_record record = { .op = DISK_ACK, .len = (uint32_t)len };
		put(&record, data);
		return (ssize_t)len;
	}
	const bool is_cut = fails();
	const ssize_t wrote = syscall(SYS_write, fd, data, is_cut ? len / 2 : len);
	if (wrote > 0) {
		struct disk_record record = { .op = DISK_WRITE,
			.len = (uint32_t)wrote,
			.ino = inode_of(fd),
			.offset = lseek(fd, 0, SEEK_CUR) - wrote };
		put(&record, data);
	}
	if (is_cut) {
		errno = (int)fail_errno;
		return -1;
	}
	return wrote;
}

EXPORT int ftruncate(int fd, off_t len)
{
	if (syscall(SYS_ftruncate, fd, len) != 0) {
		return -1;
	}
	struct disk_record record = { .op = DISK_TRUNCATE, .ino = inode_of(fd), .offset = len };
	put(&record, NULL);
	return 0;
}

static int sync_recorded(long number, int fd)
{
	if (fails() || syscall(number, fd) != 0) {
		return -1;
	}
	struct disk_record record = { .op = DISK_SYNC, .ino = inode_of(fd) };
	put(&record, NULL);
	return 0;
}

EXPORT int fsync(int fd)
{
	return sync_recorded(SYS_fsync, fd);
}

EXPORT int fdatasync(int fd)
{
	return sync_recorded(SYS_fdatasync, fd);
}

EXPORT int renameat(int dir_fd, const char *path, int to_fd, const char *to_path)
{
	if (fails() || syscall(SYS_renameat2, dir_fd, path, to_fd, to_path, 0) != 0) {
		return -1;
	}
	struct disk_record record = { .op = DISK_RENAME };
	locate(&record, dir_fd, path);
	snprintf(record.to_name, sizeof(record.to_name), "%.95s", to_path);
	put(&record, NULL);
	return 0;
}

EXPORT int unlinkat(int dir_fd, const char *path, int flags)
{
	if (syscall(SYS_unlinkat, dir_fd, path, flags) != 0) {
		return -1;
	}
	struct disk_record record = { .op = DISK_UNLINK };
	locate(&record, dir_fd, path);
	put(&record, NULL);
	return 0;
}
