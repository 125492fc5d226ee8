/* cua_desktop_start(): directories, then the sandbox with its session, then the host. Each step
 * is written down before the next, so that stop can clean up after a start that was cut off. */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "cua/base/buffer.h"
#include "cua/base/file.h"
#include "cua/base/program.h"
#include "cua/base/sandbox.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "cua/desktop_disk.h"
#include "cua/desktop_egress.h"
#include "cua/desktop_gateway.h"
#include "cua/desktop_host.h"
#include "cua/desktop_options.h"
#include "cua/desktop_pool.h"
#include "cua/desktops.h"
#include "cua/egress/frame.h"
#include "cua/workspace_folder.h"
#include "display/desktop_limits.h"

/* --- directories --- */

/* By the records alone: sockets are the applications' to answer, or to leave hanging. */
static bool uid_is_taken(uid_t uid, const char *all)
{
	bool taken = false;
	DIR *desktops = opendir(all);
	for (const struct dirent *entry; desktops && !taken && (entry = readdir(desktops));) {
		struct desktop_record other;
		taken = desktop_name_check(entry->d_name, NULL) == CUA_OK &&
				desktop_record_read(entry->d_name, &other, NULL) == CUA_OK &&
				other.uid == uid;
	}
	if (desktops) {
		closedir(desktops);
	}
	return taken;
}

/* Desktops of another runtime directory are in no list of ours; sharing an identity with them
 * would let stop end them too. */
static bool uid_has_process(uid_t uid)
{
	bool found = false;
	DIR *proc = opendir("/proc");
	for (const struct dirent *entry; proc && !found && (entry = readdir(proc));) {
		struct stat info;
		found = isdigit((unsigned char)entry->d_name[0]) &&
				fstatat(dirfd(proc), entry->d_name, &info, 0) == 0 &&
				info.st_uid == uid;
	}
	if (proc) {
		closedir(proc);
	}
	return found;
}

/* Search begins anywhere, so that two starts at once with different lists do not meet. */
static enum cua_status choose_uid(const char *all, uid_t *ret_uid, struct cua_error *err)
{
	unsigned int random = 0;
	if (geteuid() != 0) {
		*ret_uid = geteuid();
		return CUA_OK;
	}
	if (getrandom(&random, sizeof(random), 0) != sizeof(random)) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "random bytes");
	}
	for (unsigned int i = 0; i < DESKTOP_UID_COUNT; i++) {
		const uid_t uid = DESKTOP_UID_FIRST +
				(random % DESKTOP_UID_COUNT + i) % DESKTOP_UID_COUNT;
		if (!uid_is_taken(uid, all) && !uid_has_process(uid)) {
			*ret_uid = uid;
			return CUA_OK;
		}
	}
	return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "all %u desktop identities are in use",
			DESKTOP_UID_COUNT);
}

static enum cua_status make_owned_dir(
		const char *path, mode_t mode, uid_t uid, struct cua_error *err)
{
	enum cua_status status = cua_make_dirs(path, mode, err);
	if (status == CUA_OK &&
			(chmod(path, mode) != 0 || (geteuid() == 0 && chown(path, uid, uid)))) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	return status;
}

/* An entry for any address and display number: the server's number is not known yet.
 * Source: Xauth(3), FamilyWild. */
static enum cua_status write_cookie(const struct desktop_record *record, struct cua_error *err)
{
	static const char name[] = "MIT-MAGIC-COOKIE-1";
	unsigned char entry[64] = { 0xff, 0xff, 0, 0, 0, 0, 0, sizeof(name) - 1 };
	size_t len = 8;
	memcpy(entry + len, name, sizeof(name) - 1);
	len += sizeof(name) - 1;
	entry[len++] = 0;
	entry[len++] = 16;
	char path[CUA_PATH_MAX + 32];
	if (getrandom(entry + len, 16, 0) != 16) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "random bytes");
	}
	/* The host reads a copy of its own: what lies in the session's folder is the sandbox's. */
	desktop_path(record, "cookie", path, sizeof(path));
	enum cua_status status = cua_file_write(path, entry + len, 16, 0600, err);
	if (status != CUA_OK) {
		return status;
	}
	len += 16;
	desktop_path(record, "session/Xauthority", path, sizeof(path));
	status = cua_file_write(path, entry, len, 0600, err);
	if (status == CUA_OK && geteuid() == 0 && chown(path, record->uid, record->uid) != 0) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	return status;
}

static enum cua_status make_dirs(const struct desktop_record *record, struct cua_error *err)
{
	char session[CUA_PATH_MAX + 16], x11[CUA_PATH_MAX + 16], state[CUA_PATH_MAX];
	desktop_path(record, "session", session, sizeof(session));
	desktop_path(record, "session/x11", x11, sizeof(x11));
	enum cua_status status = make_owned_dir(session, 0700, record->uid, err);
	if (status == CUA_OK) {
		status = make_owned_dir(x11, 0755, record->uid, err);
	}
	if (status == CUA_OK) {
		/* The parents of the home are root's to keep, the home itself is the desktop's. */
		snprintf(state, sizeof(state), "%s", record->home);
		*strrchr(state, '/') = '\0';
		status = cua_make_dirs(state, geteuid() == 0 ? 0711 : 0700, err);
	}
	/* A reboot may have left the home of a former desktop of this name: not to be inherited. */
	if (status == CUA_OK) {
		desktop_disk_unmount(record->home);
		status = cua_remove_tree(record->home, err);
	}
	if (status == CUA_OK) {
		status = make_owned_dir(record->home, 0700, record->uid, err);
	}
	return status == CUA_OK ? write_cookie(record, err) : status;
}

/* Claims the name by making its directory, which is atomic. */
static enum cua_status claim(const char *all, const struct cua_desktop_options *options,
		struct desktop_record *record, struct cua_error *err)
{
	char state[CUA_PATH_MAX - DESKTOP_NAME_MAX - 16], path[CUA_PATH_MAX + 16];
	enum cua_status status = cua_state_dir(state, sizeof(state), err);
	if (status == CUA_OK) {
		status = choose_uid(all, &record->uid, err);
	}
	for (int number = 1; status == CUA_OK; number++) {
		if (options->name) {
			snprintf(record->name, sizeof(record->name), "%s", options->name);
		} else {
			snprintf(record->name, sizeof(record->name), "%s-%d",
					options->spare ? "spare" : "desktop", number);
		}
		snprintf(record->dir, sizeof(record->dir), "%s/%s", all, record->name);
		if (mkdir(record->dir, geteuid() == 0 ? 0711 : 0700) == 0) {
			break;
		}
		if (errno != EEXIST) {
			return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", record->dir);
		}
		if (options->name) {
			return CUA_FAIL(err, CUA_ERR_EXISTS, 0, "a desktop \"%s\" exists already",
					options->name);
		}
	}
	if (status != CUA_OK) {
		return status;
	}
	snprintf(record->home, sizeof(record->home), "%s/desktops/%s", state, record->name);
	record->settings = desktop_settings_complete(&options->settings);
	record->spare = options->spare;
	snprintf(record->mark, sizeof(record->mark), "%s", record->dir);
	record->created_s = time(NULL);
	desktop_limits_plan(record);
	status = desktop_record_write(record, err);
	if (status == CUA_OK) {
		desktop_path(record, DESKTOP_STOP_LOCK, path, sizeof(path));
		status = cua_file_write(path, "", 0, 0600, err);
	}
	if (status != CUA_OK && cua_remove_tree(record->dir, NULL) != CUA_OK) {
		cua_error_prefix(err, "%s is left behind", record->dir);
	}
	return status;
}

/* --- session --- */

struct launch {
	int program_fd, log_fd, ready_fd; /* ready_fd: the child's end */
	struct desktop_bounds bounds;
	char size[32], dpi[16], processes[16], x_memory[24];
};

/* Where bubblewrap finds the folder of the user's choice: its own path, or where the mount that
 * maps its owner is attached for it; "" if there is none. */
static enum cua_status open_workspace(const struct desktop_record *record, char *folder,
		size_t size, int *ret_tree_fd, struct cua_error *err)
{
	const char *path = record->settings.workspace;
	char again[CUA_PATH_MAX];
	folder[0] = '\0';
	if (!path[0]) {
		return CUA_OK;
	}
	/* What was in order when it was asked for may not be any more. */
	enum cua_status status = cua_workspace_check(path, again, sizeof(again), err);
	if (status == CUA_OK && strcmp(again, path) != 0) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s has become a link to %s", path, again);
	}
	if (status != CUA_OK || geteuid() != 0) {
		snprintf(folder, size, "%s", path);
		return status;
	}
	desktop_path(record, "workspace", folder, size);
	status = cua_make_dirs(folder, 0755, err);
	return status == CUA_OK ? cua_workspace_open(path, record->uid, ret_tree_fd, err) : status;
}

static enum cua_status launch_sandboxed(
		struct desktop_record *record, const struct launch *launch, struct cua_error *err)
{
	char session[CUA_PATH_MAX + 16], x11[CUA_PATH_MAX + 16], egress[CUA_PATH_MAX + 16];
	const bool has_proxy = desktop_allowed_names(&record->settings) != NULL;
	desktop_path(record, "session", session, sizeof(session));
	desktop_path(record, "session/x11", x11, sizeof(x11));
	char folder[CUA_PATH_MAX + 16];
	CUA_AUTO_FD int tree_fd = -1;
	enum cua_status status = open_workspace(record, folder, sizeof(folder), &tree_fd, err);
	if (status != CUA_OK) {
		return status;
	}
	desktop_path(record, DESKTOP_EGRESS_FOLDER, egress, sizeof(egress));
	const char *const argv[] = { CUA_SANDBOX_PROGRAM, "--dir", CUA_SANDBOX_SESSION_DIR,
		"--size", launch->size, "--dpi", launch->dpi, "--own-displays", "--ready-fd", "3",
		"--processes", launch->processes, "--x-memory", launch->x_memory, "--egress",
		has_proxy ? CUA_SANDBOX_EGRESS_DIR : "",
		record->settings.opengl ? "--opengl" : NULL, NULL };
	struct cua_sandbox_folder folders[4] = { { session, CUA_SANDBOX_SESSION_DIR, true, -1 },
		{ x11, "/tmp/.X11-unix", true, -1 } };
	const struct cua_sandbox_folder own_workspace = { folder, CUA_SANDBOX_WORKSPACE, true, -1 };
	const struct cua_sandbox_folder proxy = { egress, CUA_SANDBOX_EGRESS_DIR, false, -1 };
	size_t folder_count = 2;
	if (folder[0]) {
		folders[folder_count++] = own_workspace;
	}
	if (has_proxy) {
		folders[folder_count++] = proxy;
	}
	const struct cua_attach attach = { tree_fd, folder };
	const struct cua_sandbox_spec spec = { .home_dir = record->home,
		.folders = folders,
		.folder_count = folder_count,
		.attach = tree_fd >= 0 ? &attach : NULL,
		.program_fd = launch->program_fd,
		.uid = geteuid() == 0 ? record->uid : (uid_t)-1,
		.argv = argv,
		.mark = record->mark,
		.ready_fd = launch->ready_fd,
		.in_fd = -1,
		.out_fd = -1,
		.log_fd = launch->log_fd,
		.is_own_init = true,
		.resolv_conf = desktop_has_gateway(&record->settings) ? EGRESS_RESOLV_CONF : NULL,
		.group_fds = launch->bounds.group_fds,
		.group_fd_count = launch->bounds.group_fd_count,
		.rlimits = launch->bounds.rlimits,
		.rlimit_count = launch->bounds.rlimit_count,
		.scratch_bytes = launch->bounds.scratch_bytes };
	struct cua_sandbox sandbox;
	status = cua_sandbox_start(&spec, &sandbox, err);
	if (status == CUA_OK) {
		record->bwrap = sandbox.bwrap;
		record->session = sandbox.init;
	}
	return status;
}

static enum cua_status launch_bare(
		struct desktop_record *record, const struct launch *launch, struct cua_error *err)
{
	char session[CUA_PATH_MAX + 16], home_env[CUA_PATH_MAX + 8], id_env[CUA_PATH_MAX + 16];
	desktop_path(record, "session", session, sizeof(session));
	snprintf(home_env, sizeof(home_env), "HOME=%s", record->home);
	snprintf(id_env, sizeof(id_env), "CUA_DESKTOP_DIR=%s", record->mark);
	const char *const argv[] = { "cua-session", "--dir", session, "--size", launch->size,
		"--dpi", launch->dpi, "--processes", launch->processes, "--x-memory",
		launch->x_memory, "--ready-fd", "3", record->settings.opengl ? "--opengl" : NULL,
		NULL };
	const char *const envp[] = { home_env, id_env, "USER=agent", "LOGNAME=agent",
		"PATH=/usr/local/bin:/usr/bin:/bin:/usr/games", NULL };
	const struct cua_fd_map fds[] = { { launch->log_fd, 1 }, { launch->log_fd, 2 },
		{ launch->ready_fd, 3 } };
	const struct cua_spawn spawn = { .argv = argv,
		.envp = envp,
		.exec_fd = launch->program_fd,
		.cwd = "/",
		.fds = fds,
		.fd_count = (int)CUA_ARRAY_LEN(fds),
		.uid = geteuid() == 0 ? record->uid : (uid_t)-1,
		.new_session = true,
		.group_fds = launch->bounds.group_fds,
		.group_fd_count = launch->bounds.group_fd_count,
		.rlimits = launch->bounds.rlimits,
		.rlimit_count = launch->bounds.rlimit_count };
	pid_t pid = 0;
	enum cua_status status = cua_spawn(&spawn, &pid, err);
	if (status == CUA_OK) {
		record->session = cua_process_identify(pid);
	}
	return status;
}

/* bwrap says on stderr what it could not do; the way out is named beside it. */
static void explain_sandbox(const struct desktop_record *record, const char *log_path,
		enum cua_status status, struct cua_error *err)
{
	char tail[300];
	cua_file_tail(log_path, tail, sizeof(tail));
	tail[strcspn(tail, "\n")] = '\0';
	if (!record->settings.sandboxed || status != CUA_ERR_UNAVAILABLE ||
			(record->session.pid > 0 && strncmp(tail, "bwrap:", 6) != 0)) {
		return;
	}
	if (tail[0] && err && !strstr(err->msg, tail)) {
		cua_error_prefix(err, "%s", tail);
	}
	cua_error_prefix(err, "no sandbox (--sandbox=none runs the desktop without one)");
}

static enum cua_status start_session(struct desktop_record *record, struct cua_error *err)
{
	char log_path[CUA_PATH_MAX + 16];
	desktop_path(record, "session.log", log_path, sizeof(log_path));
	CUA_AUTO_FD int program_fd = cua_program_open("cua-session", err);
	CUA_AUTO_FD int log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int ready[2];
	if (program_fd < 0) {
		return CUA_ERR_NOT_FOUND;
	}
	if (log_fd < 0 || pipe2(ready, O_CLOEXEC) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", log_path);
	}
	struct launch launch = { .program_fd = program_fd,
		.log_fd = log_fd,
		.ready_fd = ready[1],
		.bounds = desktop_limits_open(record) };
	/* The server starts as large as it may become; the host gives it its size. */
	snprintf(launch.size, sizeof(launch.size), "%dx%d", record->settings.max_width_px,
			record->settings.max_height_px);
	snprintf(launch.dpi, sizeof(launch.dpi), "%d", record->settings.dpi);
	snprintf(launch.processes, sizeof(launch.processes), "%d", launch.bounds.processes);
	snprintf(launch.x_memory, sizeof(launch.x_memory), "%" PRId64,
			launch.bounds.x_server_bytes);
	enum cua_status status = record->settings.sandboxed ? launch_sandboxed(record, &launch, err)
							    : launch_bare(record, &launch, err);
	close(ready[1]);
	desktop_limits_close(&launch.bounds);
	CUA_AUTO_JSON cJSON *json = NULL;
	if (status == CUA_OK) {
		status = desktop_record_write(record, err);
	}
	if (status == CUA_OK) {
		status = desktop_gateway_start(record, err); /* while the session starts */
	}
	if (status == CUA_OK) {
		status = cua_read_ready(ready[0], DESKTOP_READY_TIMEOUT_MS, "the session", log_path,
				&json, err);
	}
	if (status == CUA_OK && record->settings.workspace[0] && geteuid() != 0) {
		status = cua_workspace_verify(record, err); /* nothing but the session's own runs */
	}
	close(ready[0]);
	if (status != CUA_OK) {
		explain_sandbox(record, log_path, status, err);
		return status;
	}
	const cJSON *display = cJSON_GetObjectItemCaseSensitive(json, "display");
	snprintf(record->x11_socket, sizeof(record->x11_socket), "%s/X%d",
			record->settings.sandboxed ? "" : "/tmp/.X11-unix",
			cJSON_IsNumber(display) ? display->valueint : 0);
	if (record->settings.sandboxed) {
		char leaf[32];
		snprintf(leaf, sizeof(leaf), "session/x11/X%d",
				cJSON_IsNumber(display) ? display->valueint : 0);
		desktop_path(record, leaf, record->x11_socket, sizeof(record->x11_socket));
	}
	return desktop_record_write(record, err);
}

/* --- the whole --- */

/* Else the home is a folder of this machine's disk, and the desktop says so. */
static void make_disk(struct desktop_record *record)
{
	struct cua_error why = { 0 };
	if (record->settings.limits.disk_bytes <= 0) {
		return;
	}
	record->has_disk = geteuid() == 0 && desktop_disk_make(record, &why) == CUA_OK;
	if (!record->has_disk) {
		desktop_limits_note_disk(record, why.msg);
	}
}

static enum cua_status start_new(const struct cua_desktop_options *options, const char *all,
		int lock_fd, struct desktop_record *record, struct cua_error *err)
{
	enum cua_status status = desktop_gateway_check(&options->settings, err);
	if (status == CUA_OK) {
		status = claim(all, options, record, err);
	}
	flock(lock_fd, LOCK_UN); /* the directory is ours now */
	if (status != CUA_OK) {
		return status;
	}
	struct desktop_host_launch host = { .go_fd = -1, .ready_fd = -1 };
	status = desktop_host_launch(record, &host, err); /* it loads meanwhile */
	if (status == CUA_OK) {
		status = make_dirs(record, err);
	}
	if (status == CUA_OK) {
		desktop_limits_make(record);
		make_disk(record);
		status = desktop_egress_start(record, err);
	}
	if (status == CUA_OK && options->spare) {
		/* Before the X server is in the record, since from then on it can be taken. */
		record->host = cua_process_identify(host.pid);
		status = desktop_record_write(record, err);
		if (status == CUA_OK) {
			status = desktop_host_keep(&host, err);
		}
	}
	if (status == CUA_OK) {
		status = start_session(record, err);
	}
	if (status == CUA_OK && !options->spare) {
		status = desktop_host_await(&host, err);
	}
	desktop_host_launch_finish(&host);
	if (status != CUA_OK) {
		desktop_host_abandon(&host);
		struct cua_error second = { 0 };
		if (cua_desktop_stop_by_name(record->name, &second) != CUA_OK) {
			cua_error_prefix(err, "%s (and cleaning up: %s)", record->name, second.msg);
		}
		return status;
	}
	/* A spare one may have been taken by now. */
	return options->spare ? CUA_OK : desktop_record_read(record->name, record, err);
}

/* A name that is taken may be a desktop that lost its host, or its network. */
static enum cua_status attach(const struct cua_desktop_options *options,
		struct desktop_record *record, struct cua_error *err)
{
	const char *name = options->name;
	enum cua_status status = desktop_record_read(name, record, err);
	if (status != CUA_OK) {
		return status;
	}
	char api[CUA_PATH_MAX + 16];
	desktop_path(record, "api.sock", api, sizeof(api));
	if (record->spare) {
		return CUA_FAIL(err, CUA_ERR_EXISTS, 0,
				"\"%s\" is a spare desktop of the pool; a start with another name "
				"takes it",
				name);
	}
	if (desktop_is_dead(record)) {
		char why[DESKTOP_END_SIZE];
		cua_desktop_why_dead(record, why);
		return CUA_FAIL(err, CUA_ERR_EXISTS, 0,
				"desktop \"%s\" exists, but is dead: %s; remove it with: "
				"cua desktop stop %s",
				name, why, name);
	}
	const bool has_host = cua_unix_is_alive(api, SOCK_STREAM);
	if (has_host && desktop_network_is_up(record)) {
		return CUA_FAIL(err, CUA_ERR_EXISTS, 0, "desktop \"%s\" is running already", name);
	}
	status = cua_desktop_options_fit(options, record, err);
	if (status == CUA_OK) {
		status = desktop_egress_start(record, err); /* with the list that it had */
	}
	if (status == CUA_OK) {
		status = desktop_gateway_start(record, err);
	}
	if (status == CUA_OK && !has_host) {
		status = desktop_host_start(record, err);
	}
	return status == CUA_OK ? desktop_record_read(name, record, err) : status;
}

enum cua_status cua_desktop_start(const struct cua_desktop_options *options,
		struct desktop_record *ret_record, bool *ret_attached, struct cua_error *err)
{
	char all[CUA_PATH_MAX - DESKTOP_NAME_MAX - 2], existing[CUA_PATH_MAX];
	struct desktop_record record = { 0 };
	enum cua_status status = options->name ? desktop_name_check(options->name, err) : CUA_OK;
	if (status == CUA_OK) {
		status = desktops_dir(all, sizeof(all), err);
	}
	if (status != CUA_OK) {
		return status;
	}
	CUA_AUTO_FD int hold_fd = options->spare ? -1 : desktop_pool_hold();
	/* The directory is its own lock: nothing to leave behind. */
	CUA_AUTO_FD int lock_fd = open(all, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock_fd < 0 || flock(lock_fd, LOCK_EX) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", all);
	}
	snprintf(existing, sizeof(existing), "%s/%s", all, options->name ? options->name : ".");
	const bool attaching = options->name && access(existing, F_OK) == 0;
	if (attaching) {
		status = attach(options, &record, err);
	} else if (options->spare || !desktop_pool_take(options, all, lock_fd, &record)) {
		status = start_new(options, all, lock_fd, &record, err);
	}
	desktop_pool_release(&hold_fd);
	if (status == CUA_OK && !options->spare && !options->refills_later) {
		desktop_pool_refill_later(); /* what was taken, or had died */
	}
	if (status == CUA_OK) {
		*ret_record = record;
		*ret_attached = attaching;
	}
	return status;
}
