#include "cua/desktop_gateway.h"

#include <errno.h>
#include <fcntl.h>

#include "cua/base/program.h"
#include "cua/base/util.h"
#include "cua/desktop_egress.h"
#include "cua/egress/launch.h"
#include "cua/egress/tap.h"
#include "display/desktop_limits.h"

#define READY_TIMEOUT_MS 10000

/* What the gateway gets; -1: not yet. */
struct files {
	int tap, life, log, errors, null, ready[2];
};

static void close_files(const struct files *files)
{
	const int all[] = { files->tap, files->life, files->log, files->errors, files->null,
		files->ready[0], files->ready[1] };
	for (size_t i = 0; i < CUA_ARRAY_LEN(all); i++) {
		cua_closep(&all[i]);
	}
}

static enum cua_status open_files(
		const struct desktop_record *record, struct files *files, struct cua_error *err)
{
	char log_path[CUA_PATH_MAX + 32], errors_path[CUA_PATH_MAX + 32];
	desktop_path(record, DESKTOP_EGRESS_LOG, log_path, sizeof(log_path));
	desktop_path(record, "egress.log", errors_path, sizeof(errors_path));
	enum cua_status status = egress_tap_open(record->session, record->uid, &files->tap, err);
	if (status != CUA_OK) {
		return status;
	}
	files->life = cua_process_open(record->session);
	files->log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	files->errors = open(errors_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	files->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (files->life < 0) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the sandbox has ended");
	}
	return files->log >= 0 && files->errors >= 0 && files->null >= 0 &&
					pipe2(files->ready, O_CLOEXEC) == 0
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_IO, errno, "%s", log_path);
}

/* In the desktop's group: what it takes is for the desktop's limits. */
static enum cua_status spawn(const struct desktop_record *record, const struct files *files,
		pid_t *ret_pid, struct cua_error *err)
{
	CUA_AUTO_FD int program_fd = cua_program_open("cua-gateway", err);
	if (program_fd < 0) {
		return CUA_ERR_NOT_FOUND;
	}
	/* No key in here: the environment is made, not inherited. */
	const char *const envp[] = { "PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL };
	const char *const argv[] = { "cua-gateway", NULL };
	const struct cua_fd_map fds[] = { { files->null, 0 }, { files->errors, 1 },
		{ files->errors, 2 }, { files->tap, DESKTOP_GATEWAY_TAP_FD },
		{ files->life, DESKTOP_GATEWAY_LIFE_FD }, { files->log, DESKTOP_GATEWAY_LOG_FD },
		{ files->ready[1], DESKTOP_GATEWAY_READY_FD } };
	struct desktop_bounds bounds = desktop_limits_open(record);
	const struct cua_spawn how = { .argv = argv,
		.envp = envp,
		.exec_fd = program_fd,
		.cwd = "/",
		.fds = fds,
		.fd_count = (int)CUA_ARRAY_LEN(fds),
		.uid = geteuid() == 0 ? EGRESS_UID : (uid_t)-1,
		.new_session = true,
		.group_fds = bounds.group_fds,
		.group_fd_count = bounds.group_fd_count };
	enum cua_status status = cua_spawn(&how, ret_pid, err);
	desktop_limits_close(&bounds);
	return status;
}

static enum cua_status start(
		struct desktop_record *record, struct files *files, struct cua_error *err)
{
	char errors_path[CUA_PATH_MAX + 32];
	CUA_AUTO_JSON cJSON *answer = NULL;
	pid_t pid = 0;
	desktop_path(record, "egress.log", errors_path, sizeof(errors_path));
	enum cua_status status = open_files(record, files, err);
	if (status == CUA_OK) {
		status = spawn(record, files, &pid, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	record->egress = cua_process_identify(pid);
	status = desktop_record_write(record, err);
	cua_closep(&files->ready[1]);
	files->ready[1] = -1;
	return status == CUA_OK ? cua_read_ready(files->ready[0], READY_TIMEOUT_MS, "the gateway",
						  errors_path, &answer, err)
				: status;
}

enum cua_status desktop_gateway_check(
		const struct desktop_settings *settings, struct cua_error *err)
{
	return desktop_has_gateway(settings) ? egress_tap_check(err) : CUA_OK;
}

enum cua_status desktop_gateway_start(struct desktop_record *record, struct cua_error *err)
{
	struct files files = { -1, -1, -1, -1, -1, { -1, -1 } };
	if (!desktop_has_gateway(&record->settings) || desktop_egress_is_running(record)) {
		return CUA_OK;
	}
	const enum cua_status status = start(record, &files, err);
	close_files(&files);
	return status;
}
