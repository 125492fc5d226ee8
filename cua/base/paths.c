#include "cua/base/paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/file.h"

/* Root's directories may be entered by the users that desktops run as, and listed by nobody. */
static mode_t dir_mode(void)
{
	return geteuid() == 0 ? 0711 : 0700;
}

static enum cua_status make_own_dir(const char *path, size_t size, struct cua_error *err)
{
	struct stat info;
	if (strlen(path) + 1 >= size) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "%.80s... is too long a path", path);
	}
	enum cua_status status = cua_make_dirs(path, dir_mode(), err);
	if (status != CUA_OK) {
		return status;
	}
	if (lstat(path, &info) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid()) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"%s is not a directory of yours; set CUA_RUNTIME_DIR or "
				"CUA_STATE_DIR to one",
				path);
	}
	return CUA_OK;
}

enum cua_status cua_runtime_dir(char *path, size_t size, struct cua_error *err)
{
	const char *chosen = getenv("CUA_RUNTIME_DIR"), *xdg = getenv("XDG_RUNTIME_DIR");
	if (chosen && chosen[0] == '/') {
		snprintf(path, size, "%s", chosen);
	} else if (geteuid() == 0) {
		snprintf(path, size, "/run/cua");
	} else if (xdg && xdg[0] == '/' && access(xdg, W_OK) == 0) {
		snprintf(path, size, "%s/cua", xdg);
	} else {
		snprintf(path, size, "/tmp/cua-%u", (unsigned int)geteuid());
	}
	return make_own_dir(path, size, err);
}

enum cua_status cua_state_dir(char *path, size_t size, struct cua_error *err)
{
	const char *chosen = getenv("CUA_STATE_DIR"), *xdg = getenv("XDG_STATE_HOME"),
		   *home = getenv("HOME");
	if (chosen && chosen[0] == '/') {
		snprintf(path, size, "%s", chosen);
	} else if (geteuid() == 0) {
		snprintf(path, size, "/var/lib/cua");
	} else if (xdg && xdg[0] == '/') {
		snprintf(path, size, "%s/cua", xdg);
	} else if (home && home[0] == '/') {
		snprintf(path, size, "%s/.local/state/cua", home);
	} else {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"no place for state: set CUA_STATE_DIR, XDG_STATE_HOME or HOME");
	}
	return make_own_dir(path, size, err);
}

enum cua_status cua_config_dir(char *path, size_t size, struct cua_error *err)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	const bool is_set = config && config[0] == '/';
	const int len = snprintf(path, size, "%s%s/cua",
			is_set                 ? config
					: home ? home
					       : "",
			is_set ? "" : "/.config");
	return len < 0 || (size_t)len >= size
			? CUA_FAIL(err, CUA_ERR_INVAL, 0,
					  "the path of cua's configuration is too long")
			: CUA_OK;
}

enum cua_status cua_config_path(const char *variable, const char *name, char *path, size_t size,
		bool *ret_is_named, struct cua_error *err)
{
	const char *own = getenv(variable);
	char dir[CUA_PATH_MAX] = "";
	const bool is_named = own && own[0];
	enum cua_status status = is_named ? CUA_OK : cua_config_dir(dir, sizeof(dir), err);
	const int len = is_named ? snprintf(path, size, "%s", own)
				 : snprintf(path, size, "%s/%s", dir, name);
	*ret_is_named = is_named;
	return status == CUA_OK && (len < 0 || (size_t)len >= size)
			? CUA_FAIL(err, CUA_ERR_INVAL, 0, "the path of %s is too long", name)
			: status;
}

enum cua_status cua_program_path(const char *name, char *path, size_t size, struct cua_error *err)
{
	char self[CUA_PATH_MAX];
	const ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len <= 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "/proc/self/exe");
	}
	self[len] = '\0';
	*(strrchr(self, '/') + 1) = '\0';
	if (strlen(self) + strlen(name) >= size) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "%.80s... is too long a path", self);
	}
	snprintf(path, size, "%s%s", self, name);
	return access(path, X_OK) == 0
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0,
					  "the program %s is missing; it belongs beside cua", path);
}
