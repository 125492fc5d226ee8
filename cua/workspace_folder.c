#include "cua/workspace_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/own_paths.h"
#include "cua/base/sandbox.h"
#include "cua/base/util.h"

/* --- what may not be one --- */

/* False if there is none. */
static bool canonical(const char *path, char *ret_path)
{
	return path && path[0] == '/' && realpath(path, ret_path) && strcmp(ret_path, "/") != 0;
}

static enum cua_status check_home(const char *path, const char *home, struct cua_error *err)
{
	if (cua_path_contains(path, home)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"%s %s the home directory %s, with all that is in it: choose a "
				"folder below it",
				path, strcmp(path, home) == 0 ? "is" : "contains", home);
	}
	/* Keys, profiles, and what is started at the next login. */
	return cua_path_contains(home, path) && path[strlen(home) + 1] == '.'
			? CUA_FAIL(err, CUA_ERR_INVAL, 0,
					  "%s is hidden in the home directory %s, as keys and "
					  "settings are: choose another folder",
					  path, home)
			: CUA_OK;
}

static enum cua_status check_homes(const char *path, struct cua_error *err)
{
	char home[PATH_MAX] = "";
	enum cua_status status =
			canonical(getenv("HOME"), home) ? check_home(path, home, err) : CUA_OK;
	setpwent();
	for (const struct passwd *entry; status == CUA_OK && (entry = getpwent());) {
		/* Accounts of services have folders of the system. */
		if ((entry->pw_uid == 0 || entry->pw_uid >= 1000) &&
				canonical(entry->pw_dir, home)) {
			status = check_home(path, home, err);
		}
	}
	endpwent();
	return status;
}

static enum cua_status check_system(const char *path, struct cua_error *err)
{
	static const char *const whole[] = { "/proc", "/sys", "/dev", "/boot", "/etc", "/usr",
		"/bin", "/sbin", "/lib", "/lib32", "/lib64" };
	static const char *const itself[] = { "/var", "/run", "/tmp", "/opt", "/srv", "/mnt",
		"/media", "/var/lib", "/var/tmp", "/run/user" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(whole); i++) {
		if (cua_path_contains(whole[i], path)) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s belongs to the system", path);
		}
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(itself); i++) {
		if (strcmp(itself[i], path) == 0) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"%s belongs to the system: choose a folder below it", path);
		}
	}
	return CUA_OK;
}

/* Whoever may write to a folder above could put another in its place, or a link. */
static enum cua_status check_above(
		const char *path, uid_t owner, char *folder, struct cua_error *err)
{
	snprintf(folder, PATH_MAX, "%s", path);
	for (char *slash; (slash = strrchr(folder, '/'));) {
		struct stat info;
		*slash = '\0';
		if (lstat(folder[0] ? folder : "/", &info) != 0) {
			return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", folder);
		}
		const bool is_trusted = info.st_uid == 0 || info.st_uid == owner ||
				info.st_uid == geteuid();
		/* A group of the owner's own has the owner's number by custom. */
		const mode_t others = info.st_gid == info.st_uid ? S_IWOTH : S_IWGRP | S_IWOTH;
		const bool others_write = info.st_mode & others && !(info.st_mode & S_ISVTX);
		if (!is_trusted || others_write) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"%s is no workspace: others may write to %s above it, and "
					"exchange it for another folder",
					path, folder);
		}
	}
	return CUA_OK;
}

enum cua_status cua_workspace_check(
		const char *path, char *ret_path, size_t size, struct cua_error *err)
{
	char real[PATH_MAX], folder[PATH_MAX];
	struct stat info;
	if (!path[0]) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"--workspace needs a folder; without it, the desktop has one of "
				"its own");
	}
	if (!realpath(path, real) || stat(real, &info) != 0) {
		if (errno != ENOENT) {
			return CUA_FAIL(err, CUA_ERR_NOT_FOUND, errno, "the workspace %s", path);
		}
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0,
				"there is no folder %s to work in: make it first, or leave "
				"--workspace out, and the desktop has one of its own",
				path);
	}
	if (!S_ISDIR(info.st_mode) || strlen(real) >= size) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "the workspace %s %s", real,
				S_ISDIR(info.st_mode) ? "has too long a path" : "is no folder");
	}
	if (strcmp(real, "/") == 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "/ is all there is: choose a folder");
	}
	enum cua_status status = check_system(real, err);
	status = status == CUA_OK ? cua_check_not_own(real, true, err) : status;
	status = status == CUA_OK ? check_homes(real, err) : status;
	if (status == CUA_OK && geteuid() != 0 && info.st_uid != geteuid()) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"the workspace %s belongs to somebody else: its owner or root may "
				"give it to a desktop",
				real);
	}
	status = status == CUA_OK ? check_above(real, info.st_uid, folder, err) : status;
	if (status == CUA_OK) {
		memcpy(ret_path, real, strlen(real) + 1);
	}
	return status;
}

/* --- with the owner mapped --- */

static bool write_map(pid_t pid, const char *name, unsigned int from, unsigned int to)
{
	char path[64], line[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	const int len = snprintf(line, sizeof(line), "%u %u 1", from, to);
	CUA_AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, line, (size_t)len) == len;
}

/* A user namespace in which the owner on the disk is who uses the desktop. It takes a process to
 * make one; -1 with errno. */
static int open_map(const struct stat *info, uid_t uid)
{
	int ready[2];
	char byte = 0, path[64];
	if (pipe2(ready, O_CLOEXEC) != 0) {
		return -1;
	}
	const pid_t pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER) == 0) {
			(void)!write(ready[1], &byte, 1);
		}
		close(ready[1]);
		pause();
		_exit(0);
	}
	close(ready[1]);
	int fd = -1;
	if (pid > 0 && read(ready[0], &byte, 1) == 1 &&
			write_map(pid, "uid_map", info->st_uid, uid) &&
			write_map(pid, "gid_map", info->st_gid, uid)) {
		snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	const int saved_errno = errno;
	close(ready[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	errno = saved_errno;
	return fd;
}

static const char *file_system_name(int fd)
{
	static const struct {
		unsigned int magic;
		const char *name;
	} known[] = { { 0x794c7630, "overlayfs" }, { 0x6969, "NFS" }, { 0x65735546, "FUSE" },
		{ 0x4d44, "FAT" }, { 0xff534d42, "CIFS" }, { 0xfe534d42, "SMB" },
		{ 0x01021994, "tmpfs" }, { 0x2fc12fc1, "ZFS" } };
	struct statfs info;
	for (size_t i = 0; fstatfs(fd, &info) == 0 && i < CUA_ARRAY_LEN(known); i++) {
		if (known[i].magic == (unsigned int)info.f_type) {
			return known[i].name;
		}
	}
	return "a file system";
}

static int open_no_links(const char *path)
{
	const struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS };
	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

enum cua_status cua_workspace_open(
		const char *path, uid_t uid, int *ret_tree_fd, struct cua_error *err)
{
	struct stat info;
	CUA_AUTO_FD int dir_fd = open_no_links(path);
	if (dir_fd < 0 || fstat(dir_fd, &info) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "the workspace %s", path);
	}
	CUA_AUTO_FD int map_fd = open_map(&info, uid);
	CUA_AUTO_FD int tree_fd = (int)syscall(SYS_open_tree, dir_fd, "",
			OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (map_fd < 0 || tree_fd < 0) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, errno,
				"the workspace %s cannot be given to a desktop that runs as "
				"another user",
				path);
	}
	const struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
		.userns_fd = (uint64_t)map_fd,
	};
	if (syscall(SYS_mount_setattr, tree_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) != 0) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, errno,
				"the workspace %s lies on %s, which cannot show files as another "
				"user's: run cua as the owner of the folder, or choose one on "
				"ext4, xfs, btrfs or tmpfs",
				path, file_system_name(dir_fd));
	}
	*ret_tree_fd = cua_steal_fd(&tree_fd);
	return CUA_OK;
}

enum cua_status cua_workspace_verify(const struct desktop_record *record, struct cua_error *err)
{
	char inside[PATH_MAX];
	struct stat wanted, bound;
	const char *path = record->settings.workspace;
	snprintf(inside, sizeof(inside), "/proc/%d/root%s", (int)record->session.pid,
			CUA_SANDBOX_WORKSPACE);
	CUA_AUTO_FD int fd = open_no_links(path);
	if (fd < 0 || fstat(fd, &wanted) != 0 || stat(inside, &bound) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "the workspace %s", path);
	}
	if (wanted.st_dev != bound.st_dev || wanted.st_ino != bound.st_ino) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"the workspace %s was exchanged for another folder", path);
	}
	return CUA_OK;
}
