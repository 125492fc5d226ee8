#include "tests/leftovers.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "tests/files.h"
#include "tests/processes.h"

static void assert_no_process(const struct world *world, uid_t uid)
{
	DIR *proc = opendir("/proc");
	assert_non_null(proc);
	for (pid_t pid; (pid = next_process(proc)) > 0;) {
		char path[64];
		struct stat info;
		snprintf(path, sizeof(path), "/proc/%d", (int)pid);
		if (stat(path, &info) != 0) {
			continue;
		}
		const bool is_its_own = geteuid() == 0 && uid >= 70000 && uid < 100000 &&
				info.st_uid == uid;
		snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
		const bool has_mark = file_contains(path, world->dir);
		snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
		if ((is_its_own || has_mark || file_contains(path, world->dir)) &&
				!process_is_gone(pid)) {
			CUA_AUTO_FREE char *words = read_whole_file(path, NULL);
			fail_msg("process %d is left: %s", (int)pid, words ? words : "");
		}
	}
	closedir(proc);
}

static void assert_no_x11_leftover(const struct world *world, uid_t uid)
{
	char path[512], target[512];
	DIR *sockets = opendir("/tmp/.X11-unix");
	for (const struct dirent *entry; sockets && (entry = readdir(sockets));) {
		struct stat info;
		snprintf(path, sizeof(path), "/tmp/.X11-unix/%s", entry->d_name);
		if (entry->d_name[0] == '.' || lstat(path, &info) != 0) {
			continue;
		}
		const ssize_t len = readlink(path, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = '\0';
		if (strstr(target, world->dir) ||
				(uid >= 70000 && uid < 100000 && info.st_uid == uid)) {
			fail_msg("%s is left", path);
		}
	}
	if (sockets) {
		closedir(sockets);
	}
}

void assert_nothing_left(const struct world *world, const char *name, uid_t uid)
{
	char leaf[128];
	snprintf(leaf, sizeof(leaf), "run/desktops/%s", name);
	assert_int_equal(access(world_path(world, leaf), F_OK), -1);
	snprintf(leaf, sizeof(leaf), "state/desktops/%s", name);
	assert_int_equal(access(world_path(world, leaf), F_OK), -1);
	assert_no_x11_leftover(world, uid);
	/* Other desktops of this world may live on. */
	struct output output;
	world_cua(world, &output, "desktop", "list", "--json", NULL);
	const bool alone = strncmp(output.out, "[]", 2) == 0;
	output_finish(&output);
	if (alone) {
		assert_no_process(world, uid);
	}
}
