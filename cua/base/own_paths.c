#include "cua/base/own_paths.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/paths.h"
#include "cua/base/util.h"

#define LINKS_MAX 40 /* as the kernel has it */

bool cua_path_contains(const char *folder, const char *path)
{
	const size_t len = strlen(folder);
	return strcmp(folder, "/") == 0 ||
			(strncmp(folder, path, len) == 0 && (path[len] == '/' || !path[len]));
}

/* --- where a path leads --- */

/* On the way along a path; at holds no links. */
struct walk {
	char at[PATH_MAX];
	int links;
	const char *folder; /* that is looked for; NULL: none */
	bool is_through;    /* something in it was met */
};

/* Cuts the last part off. */
static void go_up(char *path)
{
	char *slash = strrchr(path, '/');
	if (slash) {
		slash[slash == path] = '\0';
	}
}

static bool go_down(struct walk *walk, const char *part)
{
	const size_t len = strcmp(walk->at, "/") == 0 ? 0 : strlen(walk->at);
	const size_t size = sizeof(walk->at) - len;
	return snprintf(walk->at + len, size, "/%s", part) < (int)size;
}

static bool go(struct walk *walk, const char *path);

/* A link that leads to nothing leads to where something may be made. */
static bool step(struct walk *walk, const char *part)
{
	char target[PATH_MAX];
	if (strcmp(part, "..") == 0) {
		go_up(walk->at);
		return true;
	}
	if (!go_down(walk, part)) {
		return false;
	}
	walk->is_through = walk->is_through ||
			(walk->folder && cua_path_contains(walk->folder, walk->at) &&
					strcmp(walk->folder, walk->at) != 0);
	const ssize_t len = readlink(walk->at, target, sizeof(target) - 1);
	if (len <= 0) {
		return true;
	}
	target[len] = '\0';
	go_up(walk->at);
	return ++walk->links <= LINKS_MAX && go(walk, target);
}

static bool go(struct walk *walk, const char *path)
{
	char part[NAME_MAX + 1];
	if (path[0] == '/') {
		snprintf(walk->at, sizeof(walk->at), "/");
	}
	for (path += strspn(path, "/"); *path; path += strspn(path, "/")) {
		const size_t len = strcspn(path, "/");
		if (len > NAME_MAX) {
			return false;
		}
		memcpy(part, path, len);
		part[len] = '\0';
		if (strcmp(part, ".") != 0 && !step(walk, part)) {
			return false;
		}
		path += len;
	}
	return true;
}

static enum cua_status walk_path(const char *path, struct walk *walk, struct cua_error *err)
{
	if (!getcwd(walk->at, sizeof(walk->at))) {
		snprintf(walk->at, sizeof(walk->at), "/");
	}
	return go(walk, path)
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_INVAL, 0,
					  "%.100s is too long, or leads over too many links", path);
}

enum cua_status cua_path_resolve(
		const char *path, char *ret_path, size_t size, struct cua_error *err)
{
	struct walk walk = { 0 };
	enum cua_status status = walk_path(path, &walk, err);
	if (status == CUA_OK && strlen(walk.at) >= size) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0, "%.100s is too long", path);
	}
	if (status == CUA_OK) {
		memcpy(ret_path, walk.at, strlen(walk.at) + 1);
	}
	return status;
}

enum cua_status cua_path_leads_through(
		const char *path, const char *folder, bool *ret_leads, struct cua_error *err)
{
	char resolved[PATH_MAX];
	struct walk walk = { .folder = resolved };
	enum cua_status status = cua_path_resolve(folder, resolved, sizeof(resolved), err);
	if (status == CUA_OK) {
		status = walk_path(path, &walk, err);
	}
	if (status == CUA_OK) {
		*ret_leads = walk.is_through || cua_path_contains(resolved, walk.at);
	}
	return status;
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
	go_up(folder);
	const bool is_beside = !cua_path_contains(wanted, folder) && stat(wanted, &info) == 0 &&
			S_ISDIR(info.st_mode);
	return is_beside ? CUA_OK : check_one(wanted, folder, err);
}

bool cua_path_is_project(const char *path)
{
	char state[CUA_PATH_MAX], projects[CUA_PATH_MAX + 16], resolved[PATH_MAX], wanted[PATH_MAX];
	if (cua_state_dir(state, sizeof(state), NULL) != CUA_OK) {
		return false;
	}
	snprintf(projects, sizeof(projects), "%s/projects", state);
	return cua_path_resolve(projects, resolved, sizeof(resolved), NULL) == CUA_OK &&
			cua_path_resolve(path, wanted, sizeof(wanted), NULL) == CUA_OK &&
			cua_path_contains(resolved, wanted) && strcmp(resolved, wanted) != 0;
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
		if (dirs[i](dir, sizeof(dir), NULL) == CUA_OK &&
				!(dirs[i] == cua_state_dir && cua_path_is_project(wanted))) {
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
