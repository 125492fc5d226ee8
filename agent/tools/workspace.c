#include "agent/tools/workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sodium.h>

#include "cua/base/file.h"
#include "cua/base/util.h"

enum cua_status tool_workspace_open(struct tool_workspace *workspace, struct cua_error *err)
{
	const char *home = getenv("HOME");
	const int len = snprintf(
			workspace->path, sizeof(workspace->path), "%s/workspace", home ? home : "");
	if (!home || len >= (int)sizeof(workspace->path)) {
		return CUA_FAIL(err, CUA_ERR_IO, 0, "there is no home directory");
	}
	enum cua_status status = cua_make_dirs(workspace->path, 0700, err);
	if (status != CUA_OK) {
		return status;
	}
	workspace->fd = open(workspace->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return workspace->fd < 0 ? CUA_FAIL(err, CUA_ERR_IO, errno, "%s", workspace->path) : CUA_OK;
}

/* Without the workspace in front; NULL if it is another absolute path. */
static const char *relative(const struct tool_workspace *workspace, const char *path)
{
	const size_t len = strlen(workspace->path);
	if (path[0] != '/') {
		return path[0] ? path : ".";
	}
	if (strncmp(path, workspace->path, len) != 0 || (path[len] && path[len] != '/')) {
		return NULL;
	}
	path += len + strspn(path + len, "/");
	return path[0] ? path : ".";
}

/* What lies in the way in the workspace is the caller's to clear, and no fault of the desktop. */
static enum cua_status status_of(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
	case EEXIST:
	case EISDIR:
	case ENOTDIR:
	case ENAMETOOLONG:
	case EROFS:
	case ETXTBSY:
		return CUA_ERR_INVAL;
	default:
		return CUA_ERR_IO;
	}
}

static enum cua_status explain(const struct tool_workspace *workspace, const char *path, int error,
		struct cua_error *err)
{
	switch (error) {
	case EXDEV:
	case ELOOP:
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"%.200s leaves the workspace; tools work in %s alone", path,
				workspace->path);
	case ENXIO: /* nobody listens */
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%.200s is a socket, not a file", path);
	case ENOENT:
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "%.200s does not exist", path);
	default:
		return CUA_FAIL(err, status_of(error), error, "%.200s", path);
	}
}

enum cua_status tool_open(const struct tool_workspace *workspace, const char *path, int flags,
		int *ret_fd, struct cua_error *err)
{
	/* A pipe that nobody writes to must not hold anything up; O_PATH opens nothing. */
	const int more = flags & O_PATH ? O_CLOEXEC : O_CLOEXEC | O_NONBLOCK;
	const struct open_how how = { .flags = (uint64_t)(flags | more),
		.mode = flags & O_CREAT ? 0644 : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	const char *inside = relative(workspace, path);
	if (!inside) {
		return explain(workspace, path, EXDEV, err);
	}
	long fd;
	do {
		/* EAGAIN: something was renamed meanwhile, and a ".." might have led out. */
		fd = syscall(SYS_openat2, workspace->fd, inside, &how, sizeof(how));
	} while (fd < 0 && errno == EAGAIN);
	if (fd < 0) {
		return explain(workspace, path, errno, err);
	}
	*ret_fd = (int)fd;
	return CUA_OK;
}

enum cua_status tool_open_file(const struct tool_workspace *workspace, const char *path,
		int *ret_fd, struct stat *ret_stat, struct cua_error *err)
{
	CUA_AUTO_FD int fd = -1;
	enum cua_status status = tool_open(workspace, path, O_RDONLY, &fd, err);
	if (status != CUA_OK) {
		return status;
	}
	if (fstat(fd, ret_stat) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%.200s", path);
	}
	if (!S_ISREG(ret_stat->st_mode)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%.200s is %s, not a file", path,
				cua_file_kind(ret_stat->st_mode));
	}
	*ret_fd = cua_steal_fd(&fd);
	return CUA_OK;
}

enum cua_status tool_read_whole(const struct tool_workspace *workspace, const char *path,
		struct cua_buffer *buffer, struct cua_error *err)
{
	CUA_AUTO_FD int fd = -1;
	struct stat info;
	char part[65536];
	enum cua_status status = tool_open_file(workspace, path, &fd, &info, err);
	if (status == CUA_OK && (uint64_t)info.st_size > buffer->max_len) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"%.200s has %lld bytes; at most %zu are read", path,
				(long long)info.st_size, buffer->max_len);
	}
	while (status == CUA_OK) {
		const ssize_t got = read(fd, part, sizeof(part));
		if (got == 0) {
			break;
		}
		status = got > 0 ? cua_buffer_append(buffer, part, (size_t)got, err)
				 : CUA_FAIL(err, CUA_ERR_IO, errno, "%.200s", path);
	}
	return status;
}

/* --- writing --- */

/* The folder, open; it and those on the way are made where they are missing. */
static enum cua_status make_folders(const struct tool_workspace *workspace, const char *folder,
		int *ret_fd, struct cua_error *err)
{
	char prefix[PATH_MAX], name[NAME_MAX + 1];
	CUA_AUTO_FD int at = -1;
	enum cua_status status = tool_open(workspace, ".", O_RDONLY | O_DIRECTORY, &at, err);
	for (const char *start = folder; status == CUA_OK && *start;) {
		const size_t len = strcspn(start, "/");
		const size_t prefix_len = (size_t)(start - folder) + len;
		if (len > NAME_MAX || prefix_len >= sizeof(prefix)) {
			return explain(workspace, folder, ENAMETOOLONG, err);
		}
		snprintf(name, sizeof(name), "%.*s", (int)len, start);
		snprintf(prefix, sizeof(prefix), "%.*s", (int)prefix_len, folder);
		CUA_AUTO_FD int next = -1;
		status = tool_open(workspace, prefix, O_RDONLY | O_DIRECTORY, &next, err);
		if (status == CUA_ERR_NOT_FOUND && mkdirat(at, name, 0755) == 0) {
			status = tool_open(workspace, prefix, O_RDONLY | O_DIRECTORY, &next, err);
		}
		cua_closep(&at);
		at = cua_steal_fd(&next);
		start += len + strspn(start + len, "/");
	}
	if (status == CUA_OK) {
		*ret_fd = cua_steal_fd(&at);
	}
	return status;
}

/* By its words alone: what is not there yet cannot be asked. */
static bool climbs_out(const char *path)
{
	int depth = 0;
	for (const char *at = path; *at && depth >= 0;) {
		const size_t len = strcspn(at, "/");
		depth += len == 0 || (len == 1 && at[0] == '.')        ? 0
				: len == 2 && memcmp(at, "..", 2) == 0 ? -1
								       : 1;
		at += len + strspn(at + len, "/");
	}
	return depth < 0;
}

/* The folder of a file, open, and its name in there. */
static enum cua_status open_parent(const struct tool_workspace *workspace, const char *path,
		int *ret_fd, char *name, size_t name_size, struct cua_error *err)
{
	const char *inside = relative(workspace, path);
	if (!inside || climbs_out(inside)) { /* before a folder on the way is made */
		return explain(workspace, path, EXDEV, err);
	}
	CUA_AUTO_FREE char *folder = strdup(inside);
	if (!folder) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "path");
	}
	char *slash = strrchr(folder, '/');
	const char *last = slash ? slash + 1 : folder;
	if (!last[0] || strcmp(last, ".") == 0 || strcmp(last, "..") == 0 ||
			strlen(last) + 8 > name_size) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%.200s is no name for a file", path);
	}
	snprintf(name, name_size, "%s", last);
	if (slash) {
		*slash = '\0';
	}
	return make_folders(workspace, slash ? folder : "", ret_fd, err);
}

/* What is there must be a file; it stays as NAME~, a link to the old one. */
static enum cua_status keep_backup(int folder_fd, const char *name, mode_t *mode, bool *ret_backup,
		struct cua_error *err)
{
	char backup[300];
	struct stat info;
	*ret_backup = false;
	if (fstatat(folder_fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
		return errno == ENOENT ? CUA_OK
				       : CUA_FAIL(err, status_of(errno), errno, "%.200s", name);
	}
	if (!S_ISREG(info.st_mode)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"%.200s is no regular file, and is not replaced", name);
	}
	snprintf(backup, sizeof(backup), "%s~", name);
	*mode = info.st_mode & 07777;
	if ((unlinkat(folder_fd, backup, 0) != 0 && errno != ENOENT) ||
			linkat(folder_fd, name, folder_fd, backup, 0) != 0) {
		return CUA_FAIL(err, status_of(errno), errno, "the backup %.200s", backup);
	}
	*ret_backup = true;
	return CUA_OK;
}

enum cua_status tool_write_whole(const struct tool_workspace *workspace, const char *path,
		const char *data, size_t len, bool *ret_backup, struct cua_error *err)
{
	char name[256], temporary[300];
	CUA_AUTO_FD int folder_fd = -1;
	CUA_AUTO_FD int fd = -1;
	mode_t mode = 0644;
	enum cua_status status = open_parent(workspace, path, &folder_fd, name, sizeof(name), err);
	if (status == CUA_OK) {
		status = keep_backup(folder_fd, name, &mode, ret_backup, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	/* A name that nobody has taken, by chance or on purpose. */
	snprintf(temporary, sizeof(temporary), ".%.200s.%08" PRIx32, name, randombytes_random());
	fd = openat(folder_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			mode);
	if (fd < 0 || !cua_write_all(fd, data, len) || fchmod(fd, mode) != 0 || fsync(fd) != 0 ||
			renameat(folder_fd, temporary, folder_fd, name) != 0) {
		status = CUA_FAIL(err, status_of(errno), errno, "%.200s is not written", path);
		if (fd >= 0) {
			(void)unlinkat(folder_fd, temporary, 0);
		}
	}
	return status;
}

enum cua_status tool_argument_path(const struct tool_workspace *workspace, const char *path,
		char **ret_path, struct cua_error *err)
{
	struct stat info;
	CUA_AUTO_FD int fd = -1;
	enum cua_status status = tool_open(workspace, path, O_PATH, &fd, err);
	if (status == CUA_OK && fstat(fd, &info) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%.200s", path);
	}
	/* A program that opens a pipe waits for whoever writes to it. */
	if (status == CUA_OK && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%.200s is %s, neither a file nor a folder",
				path, cua_file_kind(info.st_mode));
	}
	/* "." is no option, and in front of what is not one it would be shown for nothing. */
	const char *inside = relative(workspace, path);
	if (status == CUA_OK &&
			asprintf(ret_path, "%s%s", inside[0] == '-' ? "./" : "", inside) < 0) {
		status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "path");
	}
	return status;
}
