#include "cua/server/workspace_path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "cua/contract/utf8.h"

#define FOLDER_MODE 0755

enum cua_status workspace_explain(const char *path, int error, struct cua_error *err)
{
	switch (error) {
	case ENOENT:
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "there is no %.300s", path);
	case ELOOP:
	case EXDEV:
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"%.300s is a link, or behind one; links are not followed", path);
	case ENOTDIR:
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"%.300s is no folder, or behind something that is none", path);
	case EISDIR:
	case ENOTEMPTY:
	case EEXIST:
		return CUA_FAIL(err, CUA_ERR_EXISTS, 0, "%.300s is there already", path);
	case ENAMETOOLONG:
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%.300s is too long", path);
	case ENOSPC:
	case EDQUOT:
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, error, "%.300s", path);
	case EACCES:
	case EPERM:
		return CUA_FAIL(err, CUA_ERR_POLICY, error, "%.300s", path);
	default:
		return CUA_FAIL(err, CUA_ERR_IO, error, "%.300s", path);
	}
}

bool workspace_name_is_valid(const char *name, size_t len, const char **ret_why)
{
	const char *why = NULL;
	if (len == 0) {
		why = "has an empty name in it: no \"/\" is first, last or doubled";
	} else if (len > NAME_MAX) {
		why = "has a name of more than 255 bytes";
	} else if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'))) {
		why = "has \".\" or \"..\" in it";
	} else if (strncmp(name, WORKSPACE_UPLOAD_PREFIX, strlen(WORKSPACE_UPLOAD_PREFIX)) == 0) {
		why = "has a name that unfinished uploads have";
	} else if (cua_utf8_check(name, len, NULL) != CUA_OK) {
		why = "is not UTF-8";
	}
	for (size_t i = 0; !why && i < len; i++) {
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f) {
			why = "has a control character in it";
		}
	}
	if (ret_why) {
		*ret_why = why;
	}
	return !why;
}

/* All of it before any of it is looked up: a wrong path makes no folders. */
static enum cua_status check_path(const char *path, struct cua_error *err)
{
	const char *why = NULL;
	if (!path || !path[0]) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"?path= is missing: a path in the project's folder, docs/a.txt for "
				"one");
	}
	if (strlen(path) > WORKSPACE_PATH_MAX) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "the path has more than %d bytes",
				WORKSPACE_PATH_MAX);
	}
	for (const char *at = path;; at++) {
		const size_t len = strcspn(at, "/");
		if (!workspace_name_is_valid(at, len, &why)) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "the path %s", why);
		}
		at += len;
		if (!*at) {
			return CUA_OK;
		}
	}
}

/* One name, in a folder: it cannot lead anywhere else, whatever takes its place meanwhile. */
static int open_beneath(int folder_fd, const char *name, int flags)
{
	const struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
	long fd;
	do {
		/* EAGAIN: something was renamed meanwhile. */
		fd = syscall(SYS_openat2, folder_fd, name, &how, sizeof(how));
	} while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	return (int)fd;
}

static enum cua_status enter(int *folder_fd, const char *name, bool makes, const char *path,
		struct cua_error *err)
{
	if (makes && mkdirat(*folder_fd, name, FOLDER_MODE) != 0 && errno != EEXIST) {
		return workspace_explain(path, errno, err);
	}
	const int fd = open_beneath(*folder_fd, name, O_PATH | O_DIRECTORY);
	if (fd < 0) {
		return workspace_explain(path, errno, err);
	}
	close(*folder_fd);
	*folder_fd = fd;
	return CUA_OK;
}

enum cua_status workspace_find(int root_fd, const char *path, bool makes,
		struct workspace_place *ret_place, struct cua_error *err)
{
	CUA_AUTO_FD int folder_fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 0);
	const char *at = path;
	char name[NAME_MAX + 1];
	enum cua_status status = check_path(path, err);
	if (status == CUA_OK && folder_fd < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "the project's folder");
	}
	while (status == CUA_OK) {
		const size_t len = strcspn(at, "/");
		snprintf(name, sizeof(name), "%.*s", (int)len, at);
		at += len;
		if (!*at++) {
			break;
		}
		status = enter(&folder_fd, name, makes, path, err);
	}
	if (status == CUA_OK) {
		ret_place->folder_fd = cua_steal_fd(&folder_fd);
		memcpy(ret_place->name, name, sizeof(name));
	}
	return status;
}

void workspace_place_finish(struct workspace_place *place)
{
	cua_closep(&place->folder_fd);
}

enum cua_status workspace_open_folder(
		int root_fd, const char *path, int *ret_fd, struct cua_error *err)
{
	WORKSPACE_AUTO_PLACE struct workspace_place place = { -1, "" };
	const bool is_root = !path || !path[0];
	enum cua_status status =
			is_root ? CUA_OK : workspace_find(root_fd, path, false, &place, err);
	if (status != CUA_OK) {
		return status;
	}
	const int fd = is_root ? open_beneath(root_fd, ".", O_RDONLY | O_DIRECTORY)
			       : open_beneath(place.folder_fd, place.name,
						 O_RDONLY | O_DIRECTORY | O_NONBLOCK);
	if (fd < 0) {
		return workspace_explain(is_root ? "the project's folder" : path, errno, err);
	}
	*ret_fd = fd;
	return CUA_OK;
}

enum cua_status workspace_make_folder(int root_fd, const char *path, struct cua_error *err)
{
	WORKSPACE_AUTO_PLACE struct workspace_place place = { -1, "" };
	enum cua_status status = workspace_find(root_fd, path, true, &place, err);
	return status == CUA_OK ? enter(&place.folder_fd, place.name, true, path, err) : status;
}

/* What it is, is known before it is opened: to open a device may do something. The descriptor
 * names the very same file then. */
enum cua_status workspace_open_file(const struct workspace_place *place, int flags, int *ret_fd,
		struct stat *ret_info, struct cua_error *err)
{
	char self[64];
	CUA_AUTO_FD int found = open_beneath(place->folder_fd, place->name, O_PATH | O_NOFOLLOW);
	if (found < 0 || fstat(found, ret_info) != 0) {
		return workspace_explain(place->name, errno, err);
	}
	if (S_ISLNK(ret_info->st_mode)) {
		return workspace_explain(place->name, ELOOP, err);
	}
	if (!S_ISREG(ret_info->st_mode)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s is %s, not a file", place->name,
				cua_file_kind(ret_info->st_mode));
	}
	snprintf(self, sizeof(self), "/proc/self/fd/%d", found);
	const int fd = open(self, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		return workspace_explain(place->name, errno, err);
	}
	*ret_fd = fd;
	return CUA_OK;
}
