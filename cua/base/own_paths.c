#include "cua/base/own_paths.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/paths.h"
#include "cua/base/util.h"

#define PARTS_MAX 64 /* and links, behind what is there */

bool cua_path_contains(const char *folder, const char *path)
{
	const size_t len = strlen(folder);
	return strcmp(folder, "/") == 0 ||
			(strncmp(folder, path, len) == 0 && (path[len] == '/' || !path[len]));
}

/* --- where a path leads --- */

/* Behind them a link would not be seen as one. */
static void cut_slashes(char *path)
{
	for (size_t len = strlen(path); len > 0 && path[len - 1] == '/';) {
		path[--len] = '\0';
	}
}

/* Cuts the last part off and returns it; "" of a path without one. */
static char *cut_last(char *path)
{
	cut_slashes(path);
	char *slash = strrchr(path, '/');
	if (!slash) {
		return path + strlen(path);
	}
	*slash = '\0';
	return slash + 1;
}

/* The folder is resolved. */
static bool append(char *folder, const char *leaf)
{
	if (!leaf[0] || strcmp(leaf, ".") == 0) {
		return true;
	}
	if (strcmp(leaf, "..") == 0) {
		(void)cut_last(folder);
		if (!folder[0]) {
			snprintf(folder, PATH_MAX, "/");
		}
		return true;
	}
	const size_t len = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
	return snprintf(folder + len, PATH_MAX - len, "/%s", leaf) < (int)(PATH_MAX - len);
}

/* path is absolute. A link that leads to nothing leads to where something may be made. */
static bool resolve(const char *path, char *resolved, int parts)
{
	char folder[PATH_MAX], target[PATH_MAX], next[2 * PATH_MAX];
	if (realpath(path, resolved)) {
		return true;
	}
	if (parts == 0 || strlen(path) >= sizeof(folder)) {
		return false;
	}
	memcpy(folder, path, strlen(path) + 1);
	cut_slashes(folder);
	const ssize_t len = readlink(folder, target, sizeof(target) - 1);
	const char *leaf = cut_last(folder);
	if (len > 0) {
		target[len] = '\0';
		snprintf(next, sizeof(next), "%s/%s", target[0] == '/' ? "" : folder, target);
		return resolve(next, resolved, parts - 1);
	}
	return resolve(folder[0] ? folder : "/", resolved, parts - 1) && append(resolved, leaf);
}

enum cua_status cua_path_resolve(
		const char *path, char *ret_path, size_t size, struct cua_error *err)
{
	char whole[2 * PATH_MAX], here[PATH_MAX] = "", resolved[PATH_MAX];
	if (path[0] != '/' && !getcwd(here, sizeof(here))) {
		here[0] = '\0';
	}
	const int len = snprintf(whole, sizeof(whole), "%s/%s", here, path);
	if (len < 0 || (size_t)len >= sizeof(whole) || !resolve(whole, resolved, PARTS_MAX) ||
			strlen(resolved) >= size) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"%.100s is too long, or has too many parts and links", path);
	}
	memcpy(ret_path, resolved, strlen(resolved) + 1);
	return CUA_OK;
}

/* --- what cua keeps --- */

/* wanted is resolved, kept need not be. */
static enum cua_status check_one(const char *wanted, const char *kept, struct cua_error *err)
{
	char own[PATH_MAX];
	enum cua_status status = cua_path_resolve(kept, own, sizeof(own), err);
	if (status != CUA_OK) {
		return status;
	}
	const bool is_in = cua_path_contains(own, wanted);
	return is_in || cua_path_contains(wanted, own)
			? CUA_FAIL(err, CUA_ERR_INVAL, 0, "%.150s %s what cua keeps in %.150s",
					  wanted, is_in ? "is among" : "contains", own)
			: CUA_OK;
}

/* They run outside of the sandbox. A folder beside them is none of them. */
static enum cua_status check_programs(const char *wanted, struct cua_error *err)
{
	char folder[PATH_MAX];
	struct stat info;
	if (!realpath("/proc/self/exe", folder)) {
		return CUA_OK;
	}
	(void)cut_last(folder);
	const bool is_beside = !cua_path_contains(wanted, folder) && stat(wanted, &info) == 0 &&
			S_ISDIR(info.st_mode);
	return is_beside ? CUA_OK : check_one(wanted, folder[0] ? folder : "/", err);
}

enum cua_status cua_check_not_own(const char *path, bool changes, struct cua_error *err)
{
	static enum cua_status (*const dirs[])(char *dir, size_t size,
			struct cua_error *why) = { cua_state_dir, cua_runtime_dir, cua_config_dir };
	static const char *const variables[] = { "CUA_POLICY", "CUA_MODELS", "CUA_MCP_SERVERS",
		"CUA_TEMPLATES", "CUA_RUNS_DIR" };
	char wanted[PATH_MAX], dir[CUA_PATH_MAX];
	enum cua_status status = cua_path_resolve(path, wanted, sizeof(wanted), err);
	for (size_t i = 0; status == CUA_OK && i < CUA_ARRAY_LEN(dirs); i++) {
		if (dirs[i](dir, sizeof(dir), NULL) == CUA_OK) {
			status = check_one(wanted, dir, err);
		}
	}
	for (size_t i = 0; status == CUA_OK && i < CUA_ARRAY_LEN(variables); i++) {
		const char *named = getenv(variables[i]);
		if (named && named[0]) {
			status = check_one(wanted, named, err);
		}
	}
	return status == CUA_OK && changes ? check_programs(wanted, err) : status;
}
