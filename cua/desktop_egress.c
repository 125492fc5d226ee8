#include "cua/desktop_egress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "cua/base/file.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "cua/desktop_host.h"
#include "cua/egress/relay.h"

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

/* For the desktop's applications, which have no right in the folder but this. */
static enum cua_status give(
		const struct desktop_record *record, const char *path, struct cua_error *err)
{
	return geteuid() != 0 || lchown(path, record->uid, record->uid) == 0
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
}

static enum cua_status write_token(const struct desktop_record *record,
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
	desktop_path(record, DESKTOP_EGRESS_FOLDER "/token", path, sizeof(path));
	enum cua_status status = cua_file_write(path, token, EGRESS_TOKEN_LEN, 0600, err);
	return status == CUA_OK ? give(record, path, err) : status;
}

static enum cua_status open_files(
		const struct desktop_record *record, struct files *files, struct cua_error *err)
{
	char folder[CUA_PATH_MAX + 32], socket_path[CUA_PATH_MAX + 32];
	char log_path[CUA_PATH_MAX + 32], errors_path[CUA_PATH_MAX + 32];
	desktop_path(record, DESKTOP_EGRESS_FOLDER, folder, sizeof(folder));
	desktop_path(record, DESKTOP_EGRESS_FOLDER "/proxy.sock", socket_path, sizeof(socket_path));
	desktop_path(record, DESKTOP_EGRESS_LOG, log_path, sizeof(log_path));
	desktop_path(record, "egress.log", errors_path, sizeof(errors_path));
	enum cua_status status = cua_make_dirs(folder, geteuid() == 0 ? 0711 : 0700, err);
	if (status == CUA_OK) {
		status = cua_unix_listen(socket_path, SOCK_STREAM, 0600, &files->listen, err);
	}
	if (status == CUA_OK) {
		status = give(record, socket_path, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	files->log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	files->errors = open(errors_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return files->log >= 0 && files->errors >= 0 && pipe2(files->config, O_CLOEXEC) == 0 &&
					pipe2(files->ready, O_CLOEXEC) == 0
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_IO, errno, "%s", log_path);
}

static enum cua_status spawn(const struct files *files, pid_t *ret_pid, struct cua_error *err)
{
	CUA_AUTO_FD int program_fd = desktop_open_program("cua-egress", err);
	if (program_fd < 0) {
		return CUA_ERR_NOT_FOUND;
	}
	/* No key in here, and no domain of this machine's that names are looked for in. */
	const char *const envp[] = { "PATH=/usr/bin:/bin", "LANG=C.UTF-8", "LOCALDOMAIN=.", NULL };
	const char *const argv[] = { "cua-egress", NULL };
	const struct cua_fd_map fds[] = { { files->config[0], 0 }, { files->errors, 1 },
		{ files->errors, 2 }, { files->listen, DESKTOP_EGRESS_LISTEN_FD },
		{ files->log, DESKTOP_EGRESS_LOG_FD },
		{ files->ready[1], DESKTOP_EGRESS_READY_FD } };
	const struct cua_spawn how = { .argv = argv,
		.envp = envp,
		.exec_fd = program_fd,
		.cwd = "/",
		.fds = fds,
		.fd_count = (int)CUA_ARRAY_LEN(fds),
		.uid = geteuid() == 0 ? DESKTOP_EGRESS_UID : (uid_t)-1,
		.new_session = true };
	return cua_spawn(&how, ret_pid, err);
}

static enum cua_status send_config(const struct desktop_record *record, const char *token, int fd,
		struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *config = cJSON_CreateObject();
	cJSON_AddStringToObject(config, "list", desktop_allowed_names(&record->settings));
	cJSON_AddStringToObject(config, "token", token);
	cJSON_AddNumberToObject(config, "uid", record->uid);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(config);
	return text && cua_write_all(fd, text, strlen(text))
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_IO, errno, "the egress proxy ended while starting");
}

static enum cua_status start(
		struct desktop_record *record, struct files *files, struct cua_error *err)
{
	char token[EGRESS_TOKEN_LEN + 1], errors_path[CUA_PATH_MAX + 32];
	CUA_AUTO_JSON cJSON *answer = NULL;
	pid_t pid = 0;
	desktop_path(record, "egress.log", errors_path, sizeof(errors_path));
	enum cua_status status = open_files(record, files, err);
	if (status == CUA_OK) {
		status = write_token(record, token, err);
	}
	if (status == CUA_OK) {
		status = spawn(files, &pid, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	record->egress = cua_process_identify(pid);
	status = desktop_record_write(record, err);
	cua_closep(&files->ready[1]);
	files->ready[1] = -1;
	if (status == CUA_OK) {
		status = send_config(record, token, files->config[1], err);
	}
	cua_closep(&files->config[1]); /* without all of it the proxy ends */
	files->config[1] = -1;
	return status == CUA_OK ? desktop_read_ready(files->ready[0], READY_TIMEOUT_MS,
						  "the egress proxy", errors_path, &answer, err)
				: status;
}

enum cua_status desktop_egress_start(struct desktop_record *record, struct cua_error *err)
{
	struct files files = { -1, -1, -1, { -1, -1 }, { -1, -1 } };
	if (record->settings.sandboxed &&
			strcmp(desktop_network_name(&record->settings), "open") == 0) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"a sandbox cannot have this machine's whole network: with it would "
				"come its loopback and abstract sockets; use "
				"--network=allow:NAME,...");
	}
	if (!desktop_allowed_names(&record->settings) || desktop_egress_is_running(record)) {
		return CUA_OK;
	}
	const enum cua_status status = start(record, &files, err);
	close_files(&files);
	return status;
}
