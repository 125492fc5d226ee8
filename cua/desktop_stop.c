/* cua_desktop_stop_by_name(): ends what the record names, whoever of it is still alive, and then
 * removes the files. */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "cua/base/buffer.h"
#include "cua/base/file.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "cua/desktop_disk.h"
#include "cua/desktops.h"
#include "display/desktop_limits.h"

#define TERM_WAIT_MS 3000
#define KILL_WAIT_MS 5000

static enum cua_status end_process(
		struct cua_process_id id, const char *what, struct cua_error *err)
{
	if (cua_process_end(id, SIGTERM, TERM_WAIT_MS) ||
			cua_process_end(id, SIGKILL, KILL_WAIT_MS)) {
		return CUA_OK;
	}
	return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "%s (pid %d) cannot be killed", what, (int)id.pid);
}

static bool process_is_of_desktop(pid_t pid, const struct desktop_record *record)
{
	char path[64], mark[CUA_PATH_MAX + 32];
	struct stat info;
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	if (stat(path, &info) != 0 || info.st_uid != record->uid) {
		return false;
	}
	if (geteuid() == 0) {
		/* The identity is this desktop's alone; a record that says otherwise is damaged. */
		return record->uid >= DESKTOP_UID_FIRST &&
				record->uid < DESKTOP_UID_FIRST + DESKTOP_UID_COUNT;
	}
	CUA_AUTO_BUFFER struct cua_buffer environment;
	cua_buffer_init(&environment, 4 << 20);
	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	int len = snprintf(mark, sizeof(mark), "CUA_DESKTOP_DIR=%s",
			record->mark[0] ? record->mark : record->dir);
	return cua_file_read(path, &environment, NULL) == CUA_OK && environment.len > 0 &&
			memmem(environment.data, environment.len, mark, (size_t)len + 1) != NULL;
}

/* False of one that is over, and only waits for its parent to take note. */
static bool end_stray(pid_t pid)
{
	const struct cua_process_id id = cua_process_identify(pid);
	CUA_AUTO_FD int pidfd = cua_process_open(id);
	return pidfd >= 0 && cua_process_end(id, SIGKILL, KILL_WAIT_MS);
}

/* Without a sandbox no namespace ends the applications of a killed session, and a start that was
 * killed may not have written down what it had started: such processes are recognised by their
 * identity or by the mark in their environment. */
static void end_strays(const struct desktop_record *record)
{
	for (int found = 1, rounds = 0; found > 0 && rounds < 100; rounds++) {
		found = 0;
		DIR *proc = opendir("/proc");
		for (const struct dirent *entry; proc && (entry = readdir(proc));) {
			pid_t pid = isdigit((unsigned char)entry->d_name[0])
					? (pid_t)strtol(entry->d_name, NULL, 10)
					: 0;
			found += pid > 1 && pid != getpid() && process_is_of_desktop(pid, record) &&
					end_stray(pid);
		}
		if (proc) {
			closedir(proc);
		}
	}
}

static void remove_x11_leftovers(const struct desktop_record *record)
{
	/* Only what is dead: whoever has the display number now answers on its socket. */
	char lock_path[64];
	const char *leaf = strrchr(record->x11_socket, '/');
	struct stat info;
	if (record->settings.sandboxed || !leaf || lstat(record->x11_socket, &info) != 0 ||
			info.st_uid != record->uid ||
			cua_unix_is_alive(record->x11_socket, SOCK_STREAM)) {
		return;
	}
	unlink(record->x11_socket);
	snprintf(lock_path, sizeof(lock_path), "/tmp/.X%.16s-lock", leaf + 2);
	unlink(lock_path);
}

/* By which a host that was killed meanwhile was finding the server of a sandbox; see
 * display/display_connect.c. */
static void remove_x11_links(const struct desktop_record *record)
{
	const size_t len = strlen(record->dir);
	DIR *links = opendir("/tmp/.X11-unix");
	for (const struct dirent *entry; links && (entry = readdir(links));) {
		char target[CUA_PATH_MAX + 32];
		const ssize_t got =
				readlinkat(dirfd(links), entry->d_name, target, sizeof(target) - 1);
		if (got > (ssize_t)len && strncmp(target, record->dir, len) == 0 &&
				target[len] == '/') {
			unlinkat(dirfd(links), entry->d_name, 0);
		}
	}
	if (links) {
		closedir(links);
	}
}

static enum cua_status stop(const struct desktop_record *record, struct cua_error *err)
{
	enum cua_status status = end_process(record->host, "the desktop host", err);
	if (status == CUA_OK) {
		status = end_process(record->vnc, "the VNC server", err);
	}
	if (status == CUA_OK) {
		status = end_process(record->egress, "its egress proxy or gateway", err);
	}
	if (status == CUA_OK && !record->settings.sandboxed) {
		status = end_process(record->session, "the session", err);
	}
	if (status == CUA_OK && record->settings.sandboxed) {
		/* Pid 1 of a namespace takes everything with it, and takes no SIGTERM. */
		(void)cua_process_end(record->session, SIGKILL, KILL_WAIT_MS);
		status = end_process(record->bwrap, "bubblewrap", err);
	}
	end_strays(record);
	remove_x11_leftovers(record);
	remove_x11_links(record);
	if (status == CUA_OK) {
		status = desktop_limits_remove(record, err);
	}
	if (status == CUA_OK && record->home[0]) {
		desktop_disk_unmount(record->home);
		status = cua_remove_tree(record->home, err);
	}
	return status == CUA_OK ? cua_remove_tree(record->dir, err) : status;
}

enum cua_status cua_desktop_stop_by_name(const char *name, struct cua_error *err)
{
	struct desktop_record record;
	char path[CUA_PATH_MAX + 16];
	enum cua_status status = desktop_record_read(name, &record, err);
	if (status != CUA_OK) {
		return status;
	}
	/* Whoever stops it already does so to the end: its run and its user may do so at once. */
	desktop_path(&record, DESKTOP_STOP_LOCK, path, sizeof(path));
	CUA_AUTO_FD int lock_fd = open(path, O_RDWR | O_CLOEXEC);
	while (lock_fd >= 0 && flock(lock_fd, LOCK_EX) != 0 && errno == EINTR) {
	}
	status = desktop_record_read(name, &record, err);
	return status == CUA_OK ? stop(&record, err) : status;
}
