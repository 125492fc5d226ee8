/* cua_cgroup_find(): which hierarchies there are, and where in them groups can be made. */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/cgroup.h"
#include "cua/base/cgroup_internal.h"
#include "cua/base/util.h"

static const char *const names[CUA_CGROUP_KINDS] = { "memory", "pids", "cpu" };

/* Where a hierarchy is mounted; root is the group that is seen there. */
struct mount {
	char point[CUA_CGROUP_DIR_MAX], root[CUA_CGROUP_DIR_MAX];
};

struct mounts {
	struct mount v1[CUA_CGROUP_KINDS], v2; /* point "": none */
};

static bool has_word(const char *list, const char *word)
{
	const size_t len = strlen(word);
	for (const char *at = list; at; at = strpbrk(at, " ,\n")) {
		at += *at == ' ' || *at == ',' || *at == '\n';
		if (strncmp(at, word, len) == 0 && (!at[len] || strchr(" ,\n", at[len]))) {
			return true;
		}
		if (!*at) {
			break;
		}
	}
	return false;
}

/* "36 25 0:31 /root /point options tags - type source options"; see proc(5). A path with an escape
 * in it is none that control groups are mounted on. */
static void read_mount(const char *line, struct mounts *mounts)
{
	struct mount mount;
	char type[32], super[256];
	const char *after = strstr(line, " - ");
	if (sscanf(line, "%*d %*d %*s %511s %511s", mount.root, mount.point) != 2 || !after ||
			sscanf(after, " - %31s %*s %255s", type, super) != 2) {
		return;
	}
	if (strcmp(type, "cgroup2") == 0 && !mounts->v2.point[0]) {
		mounts->v2 = mount;
	}
	for (int kind = 0; strcmp(type, "cgroup") == 0 && kind < CUA_CGROUP_KINDS; kind++) {
		if (has_word(super, names[kind]) && !mounts->v1[kind].point[0]) {
			mounts->v1[kind] = mount;
		}
	}
}

static void read_mounts(const char *proc, struct mounts *mounts)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, CGROUP_FILE_MAX);
	char *rest = NULL;
	for (char *line = cgroup_read_file(proc, "mountinfo", &text)
					? strtok_r(text.data, "\n", &rest)
					: NULL;
			line; line = strtok_r(NULL, "\n", &rest)) {
		read_mount(line, mounts);
	}
}

/* The group that this process is in: of the line "4:memory:/path", or "0::/path" of version 2. */
static bool own_group(char *text, const char *controller, char *path)
{
	char *rest = NULL;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *list = strchr(line, ':');
		char *group = list ? strchr(list + 1, ':') : NULL;
		if (!group) {
			continue;
		}
		*group = '\0';
		if (controller[0] ? has_word(list + 1, controller)
				  : !list[1] && strncmp(line, "0", 1) == 0) {
			snprintf(path, CUA_CGROUP_DIR_MAX, "%s", group + 1);
			return true;
		}
	}
	return false;
}

/* The folder of our own group; what is seen is the whole of it where the group is elsewhere. */
static bool own_dir(const char *proc, const struct mount *mount, const char *controller, char *dir)
{
	char path[CUA_CGROUP_DIR_MAX];
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, CGROUP_FILE_MAX);
	if (!mount->point[0] || !cgroup_read_file(proc, "cgroup", &text) ||
			!own_group(text.data, controller, path)) {
		return false;
	}
	const size_t len = strcmp(mount->root, "/") == 0 ? 0 : strlen(mount->root);
	const bool is_below = strncmp(path, mount->root, len) == 0 && !strstr(path, "/..") &&
			(path[len] == '/' || !path[len]);
	const char *rest = is_below && strcmp(path + len, "/") != 0 ? path + len : "";
	return snprintf(dir, CUA_CGROUP_DIR_MAX, "%s%s", mount->point, rest) < CUA_CGROUP_DIR_MAX;
}

static bool may_write(const char *dir, const char *name)
{
	char path[CUA_CGROUP_DIR_MAX + 64];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

/* A real-time process may not go into a group of version 1 that has no time for such. */
static bool shuts_out(const char *dir)
{
	const int policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
	char path[CUA_CGROUP_DIR_MAX + 64];
	snprintf(path, sizeof(path), "%s/cpu.rt_runtime_us", dir);
	return (policy == SCHED_RR || policy == SCHED_FIFO) && access(path, F_OK) == 0;
}

static bool file_has(const char *dir, const char *name, const char *word)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, CGROUP_FILE_MAX);
	return cgroup_read_file(dir, name, &text) && has_word(text.data, word);
}

/* Passed on to groups below, or it can be: not where processes are in the group itself. */
static bool passes_on(const char *dir, const char *controller)
{
	char path[CUA_CGROUP_DIR_MAX + 64], word[32];
	if (file_has(dir, "cgroup.subtree_control", controller)) {
		return true;
	}
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", dir);
	snprintf(word, sizeof(word), "+%s", controller);
	CUA_AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && file_has(dir, "cgroup.controllers", controller) &&
			write(fd, word, strlen(word)) > 0;
}

/* What is missing so far and this group of version 2 can give. A process may be moved below a group
 * whose cgroup.procs we may write to, if we are in it, too. */
static int take_v2(const char *dir, struct cua_cgroup *parent)
{
	int taken = 0;
	if (!may_write(dir, ".") || !may_write(dir, "cgroup.procs")) {
		return 0;
	}
	for (int kind = 0; kind < CUA_CGROUP_KINDS; kind++) {
		if (!parent->dirs[kind][0] && passes_on(dir, names[kind])) {
			snprintf(parent->dirs[kind], CUA_CGROUP_DIR_MAX, "%s", dir);
			taken++;
		}
	}
	return taken;
}

static int count_missing(const struct cua_cgroup *group)
{
	int missing = 0;
	for (int kind = 0; kind < CUA_CGROUP_KINDS; kind++) {
		missing += !group->dirs[kind][0];
	}
	return missing;
}

/* From our own group upwards: the nearest that gives most. systemd passes the processor on to no
 * session, so that it is found above them. */
static void find_v2(char *dir, size_t root_len, struct cua_cgroup *parent)
{
	const struct cua_cgroup before = *parent;
	int most = 0;
	for (bool is_top = false; !is_top && most < count_missing(&before);) {
		struct cua_cgroup with = before;
		const int taken = take_v2(dir, &with);
		if (taken > most) {
			most = taken;
			*parent = with;
		}
		char *slash = strrchr(dir, '/');
		is_top = !slash || (size_t)(slash - dir) < root_len;
		if (!is_top) {
			*slash = '\0';
		}
	}
}

enum cua_status cua_cgroup_find(
		const char *proc, struct cua_cgroup *ret_parent, struct cua_error *err)
{
	struct mounts mounts = { 0 };
	struct cua_cgroup parent = { 0 };
	char dir[CUA_CGROUP_DIR_MAX];
	bool is_mounted = false;
	read_mounts(proc, &mounts);
	for (int kind = 0; kind < CUA_CGROUP_KINDS; kind++) {
		is_mounted = is_mounted || mounts.v1[kind].point[0];
		if (own_dir(proc, &mounts.v1[kind], names[kind], dir) && may_write(dir, ".") &&
				!shuts_out(dir)) {
			snprintf(parent.dirs[kind], CUA_CGROUP_DIR_MAX, "%s", dir);
		}
	}
	if (own_dir(proc, &mounts.v2, "", dir)) {
		is_mounted = true;
		find_v2(dir, strlen(mounts.v2.point), &parent);
	}
	if (!parent.dirs[CUA_CGROUP_MEMORY][0] && !parent.dirs[CUA_CGROUP_PIDS][0]) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "%s",
				is_mounted ? "none of the control groups here may be written to; "
					     "systemd-run --user --scope gives a session its own"
					   : "there are no control groups here");
	}
	*ret_parent = parent;
	return CUA_OK;
}
