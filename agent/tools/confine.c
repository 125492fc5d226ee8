#include "agent/tools/confine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>

#include "cua/base/util.h"

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE \
	(1ULL << 14) /* of ABI 3, younger than the headers of Debian 12 */
#endif

#define ABI_MIN 2 /* without it nothing could be renamed from one folder into another */

/* Of folders; of files those that files have. */
#define LIST LANDLOCK_ACCESS_FS_READ_DIR
#define READ (LIST | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE)
#define OF_FILES \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | \
			LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
#define ALL_OF_2 ((LANDLOCK_ACCESS_FS_REFER << 1) - 1)
#define ALL_OF_3 ((LANDLOCK_ACCESS_FS_TRUNCATE << 1) - 1)

/* Nothing that other programs of the desktop run or obey: /run/cua has wrappers of programs. */
static const char *const written[] = { "/tmp", "/var/tmp", "/run/user", "/dev", "/proc" };
static const char *const read_only[] = { "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64",
	"/etc", "/opt", "/var", "/run", "/sys" };

/* How windows look, in the home. */
static const char *const looks[] = { ".config/gtk-3.0", ".config/gtk-4.0", ".config/fontconfig" };

struct rules {
	int fd;
	uint64_t handled;
	struct cua_error *err;
};

static enum cua_status allow_fd(
		const struct rules *rules, int fd, const char *path, uint64_t access)
{
	struct stat stat;
	if (fstat(fd, &stat) != 0) {
		return CUA_FAIL(rules->err, CUA_ERR_IO, errno, "%s", path);
	}
	access &= rules->handled & (S_ISDIR(stat.st_mode) ? UINT64_MAX : OF_FILES);
	const struct landlock_path_beneath_attr rule = { .allowed_access = access,
		.parent_fd = fd };
	return syscall(SYS_landlock_add_rule, rules->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0
			? CUA_OK
			: CUA_FAIL(rules->err, CUA_ERR_IO, errno, "Landlock: %s", path);
}

/* What is not there needs no rule. */
static enum cua_status allow(const struct rules *rules, const char *path, uint64_t access)
{
	CUA_AUTO_FD int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd >= 0) {
		return allow_fd(rules, fd, path, access);
	}
	return errno == ENOENT || errno == EACCES
			? CUA_OK
			: CUA_FAIL(rules->err, CUA_ERR_IO, errno, "%s", path);
}

static enum cua_status allow_all(
		const struct rules *rules, const char *const *paths, size_t count, uint64_t access)
{
	enum cua_status status = CUA_OK;
	for (size_t i = 0; status == CUA_OK && i < count; i++) {
		status = allow(rules, paths[i], access);
	}
	return status;
}

static int is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Beneath the home, and no link: applications may have put one there. -1 if it is none. */
static int open_in(int home_fd, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	return (int)syscall(SYS_openat2, home_fd, path, &how, sizeof(how));
}

/* What is not hidden may be read. */
static enum cua_status allow_shown(const struct rules *rules, int home_fd)
{
	struct dirent **entries = NULL;
	enum cua_status status = CUA_OK;
	const int count = scandirat(home_fd, ".", &entries, is_shown, alphasort);
	for (int i = 0; i < count; i++) {
		CUA_AUTO_FD int fd = open_in(home_fd, entries[i]->d_name);
		if (fd >= 0 && status == CUA_OK) {
			status = allow_fd(rules, fd, entries[i]->d_name, READ);
		}
		free(entries[i]);
	}
	free(entries);
	return status;
}

/* A folder for caches and settings of their own, which nothing else of the desktop reads. Without
 * it some programs are slower, or say that they cannot. */
static enum cua_status allow_cache(const struct rules *rules, int home_fd)
{
	char path[] = TOOL_CACHE;
	for (char *slash = path; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = '\0';
		mkdirat(home_fd, path, 0700);
	}
	mkdirat(home_fd, path, 0700);
	CUA_AUTO_FD int fd = open_in(home_fd, path);
	return fd >= 0 ? allow_fd(rules, fd, path, rules->handled) : CUA_OK;
}

static enum cua_status allow_home(const struct rules *rules)
{
	const char *home = getenv("HOME");
	CUA_AUTO_FD int home_fd = home ? open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	enum cua_status status = home_fd >= 0 ? allow_shown(rules, home_fd) : CUA_OK;
	for (size_t i = 0; i < CUA_ARRAY_LEN(looks) && home_fd >= 0 && status == CUA_OK; i++) {
		CUA_AUTO_FD int fd = open_in(home_fd, looks[i]);
		status = fd >= 0 ? allow_fd(rules, fd, looks[i], READ) : CUA_OK;
	}
	return status == CUA_OK && home_fd >= 0 ? allow_cache(rules, home_fd) : status;
}

static enum cua_status fill(const struct rules *rules, const struct tool_workspace *workspace)
{
	enum cua_status status = allow(rules, "/", LIST);
	if (status == CUA_OK) {
		status = allow_all(rules, written, CUA_ARRAY_LEN(written), rules->handled);
	}
	if (status == CUA_OK) {
		status = allow_all(rules, read_only, CUA_ARRAY_LEN(read_only), READ);
	}
	status = status == CUA_OK ? allow_home(rules) : status;
	return status == CUA_OK ? allow(rules, workspace->path, rules->handled) : status;
}

enum cua_status tool_confine(const struct tool_workspace *workspace, struct cua_error *err)
{
	const long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0,
			LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < ABI_MIN) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"this kernel has no Landlock, or too old a one");
	}
	const struct landlock_ruleset_attr attr = { .handled_access_fs = abi == 2 ? ALL_OF_2
										  : ALL_OF_3 };
	CUA_AUTO_FD int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	const struct rules rules = { fd, attr.handled_access_fs, err };
	if (fd < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "Landlock");
	}
	enum cua_status status = fill(&rules, workspace);
	if (status == CUA_OK &&
			(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
					syscall(SYS_landlock_restrict_self, fd, 0) != 0)) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "Landlock");
	}
	return status;
}
