#include "cua/egress/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/paths.h"
#include "cua/base/process.h"
#include "cua/base/program.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"

#define READY_TIMEOUT_MS 10000

/* What the proxy gets; -1: not yet. */
struct files {
	int listen, log, errors, config[2], ready[2];
};

static void close_files(const struct files *files)
{
	const int all[] = { files->listen, files->log, files->errors, files->config[0],
		files->config[1], files->ready[0], files->ready[1] };
	for (size_t i = 0; i < CUA_ARRAY_LEN(all); i++) {
		cua_closep(&all[i]);
	}
}

/* For whom it serves, who has no right in the folder but this. */
static enum cua_status give(
		const struct egress_launch *launch, const char *path, struct cua_error *err)
{
	return geteuid() != 0 || lchown(path, launch->uid, launch->uid) == 0
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
}

static enum cua_status write_token(const struct egress_launch *launch,
		char token[EGRESS_TOKEN_LEN + 1], struct cua_error *err)
{
	unsigned char bytes[EGRESS_TOKEN_LEN / 2];
	char path[CUA_PATH_MAX + 32];
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "random bytes");
	}
	for (size_t i = 0; i < sizeof(bytes); i++) {
		snprintf(token + 2 * i, 3, "%02x", bytes[i]);
	}
	snprintf(path, sizeof(path), "%s/" EGRESS_TOKEN, launch->folder);
	enum cua_status status = cua_file_write(path, token, EGRESS_TOKEN_LEN, 0600, err);
	return status == CUA_OK ? give(launch, path, err) : status;
}

static enum cua_status open_files(
		const struct egress_launch *launch, struct files *files, struct cua_error *err)
{
	char path[CUA_PATH_MAX + 32];
	snprintf(path, sizeof(path), "%s/" EGRESS_SOCKET, launch->folder);
	enum cua_status status = cua_make_dirs(launch->folder, geteuid() == 0 ? 0711 : 0700, err);
	if (status == CUA_OK) {
		status = cua_unix_listen(path, SOCK_STREAM, 0600, &files->listen, err);
	}
	if (status == CUA_OK) {
		status = give(launch, path, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	files->log = open(launch->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	files->errors = open(launch->errors_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return files->log >= 0 && files->errors >= 0 && pipe2(files->config, O_CLOEXEC) == 0 &&
					pipe2(files->ready, O_CLOEXEC) == 0
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_IO, errno, "%s", launch->log_path);
}

static enum cua_status spawn(const struct egress_launch *launch, const struct files *files,
		pid_t *ret_pid, struct cua_error *err)
{
	CUA_AUTO_FD int program_fd = cua_program_open("cua-egress", err);
	if (program_fd < 0) {
		return CUA_ERR_NOT_FOUND;
	}
	/* No key in here, and no domain of this machine's that names are looked for in. */
	const char *const envp[] = { "PATH=/usr/bin:/bin", "LANG=C.UTF-8", "LOCALDOMAIN=.", NULL };
	const char *const argv[] = { "cua-egress", NULL };
	const struct cua_fd_map fds[] = { { files->config[0], 0 }, { files->errors, 1 },
		{ files->errors, 2 }, { files->listen, EGRESS_LISTEN_FD },
		{ files->log, EGRESS_LOG_FD }, { files->ready[1], EGRESS_READY_FD },
		{ launch->life_fd, EGRESS_LIFE_FD } };
	const struct cua_spawn how = { .argv = argv,
		.envp = envp,
		.exec_fd = program_fd,
		.cwd = "/",
		.fds = fds,
		.fd_count = (int)CUA_ARRAY_LEN(fds) - (launch->life_fd < 0),
		.uid = geteuid() == 0 ? EGRESS_UID : (uid_t)-1,
		.new_session = true };
	return cua_spawn(&how, ret_pid, err);
}

enum cua_status egress_launch_begin(const struct egress_launch *launch,
		struct egress_launched *ret_launched, struct cua_error *err)
{
	struct files files = { -1, -1, -1, { -1, -1 }, { -1, -1 } };
	struct egress_launched launched = { .config_fd = -1, .ready_fd = -1 };
	enum cua_status status = open_files(launch, &files, err);
	if (status == CUA_OK) {
		status = write_token(launch, launched.token, err);
	}
	if (status == CUA_OK) {
		status = spawn(launch, &files, &launched.pid, err);
	}
	if (status == CUA_OK) {
		launched.config_fd = cua_steal_fd(&files.config[1]);
		launched.ready_fd = cua_steal_fd(&files.ready[0]);
		*ret_launched = launched;
	}
	close_files(&files);
	return status;
}

static enum cua_status send_config(const struct egress_launch *launch,
		const struct egress_launched *launched, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *config = cJSON_CreateObject();
	cJSON_AddStringToObject(config, "list", launch->list);
	cJSON_AddStringToObject(config, "token", launched->token);
	cJSON_AddNumberToObject(config, "uid", launch->uid);
	cJSON_AddBoolToObject(config, "has_life", launch->life_fd >= 0);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(config);
	return text && cua_write_all(launched->config_fd, text, strlen(text))
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_IO, errno, "the egress proxy ended while starting");
}

enum cua_status egress_launch_go(const struct egress_launch *launch,
		struct egress_launched *launched, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *answer = NULL;
	enum cua_status status = send_config(launch, launched, err);
	cua_closep(&launched->config_fd); /* without all of it the proxy ends */
	launched->config_fd = -1;
	return status == CUA_OK
			? cua_read_ready(launched->ready_fd, READY_TIMEOUT_MS, "the egress proxy",
					  launch->errors_path, &answer, err)
			: status;
}

void egress_launch_finish(struct egress_launched *launched)
{
	cua_closep(&launched->config_fd);
	cua_closep(&launched->ready_fd);
	launched->config_fd = launched->ready_fd = -1;
}
