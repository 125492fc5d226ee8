#include "cua/desktop_gateway.h"

#include <fcntl.h>

#include "cua/base/program.h"
#include "cua/base/util.h"
#include "cua/desktop_egress.h"
#include "cua/egress/process.h"
#include "cua/egress/tap.h"
#include "display/desktop_limits.h"

#define READY_TIMEOUT_MS 10000

/* In the desktop's group: what it takes is for the desktop's limits. */
static enum cua_status start_process(struct desktop_record *record, const char *errors_path,
		int *ret_ready_fd, struct cua_error *err)
{
	char log_path[CUA_PATH_MAX + 32];
	CUA_AUTO_FD int tap_fd = -1;
	pid_t pid = 0;
	desktop_path(record, DESKTOP_EGRESS_LOG, log_path, sizeof(log_path));
	enum cua_status status = egress_tap_open(record->session, record->uid, &tap_fd, err);
	if (status != CUA_OK) {
		return status;
	}
	CUA_AUTO_FD int life_fd = cua_process_open(record->session);
	CUA_AUTO_FD int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (life_fd < 0 || null_fd < 0) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the sandbox has ended");
	}
	struct desktop_bounds bounds = desktop_limits_open(record);
	const struct egress_process process = { .program = "cua-gateway",
		.log_path = log_path,
		.errors_path = errors_path,
		.in_fd = null_fd,
		.own_fd = tap_fd,
		.life_fd = life_fd,
		.group_fds = bounds.group_fds,
		.group_fd_count = bounds.group_fd_count };
	status = egress_process_start(&process, &pid, ret_ready_fd, err);
	desktop_limits_close(&bounds);
	if (status == CUA_OK) {
		record->egress = cua_process_identify(pid);
	}
	return status;
}

static enum cua_status start(struct desktop_record *record, struct cua_error *err)
{
	char errors_path[CUA_PATH_MAX + 32];
	CUA_AUTO_JSON cJSON *answer = NULL;
	CUA_AUTO_FD int ready_fd = -1;
	desktop_path(record, "egress.log", errors_path, sizeof(errors_path));
	enum cua_status status = start_process(record, errors_path, &ready_fd, err);
	if (status == CUA_OK) {
		status = desktop_record_write_network(record, err);
	}
	return status == CUA_OK ? cua_read_ready(ready_fd, READY_TIMEOUT_MS, "the gateway",
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
	if (!desktop_has_gateway(&record->settings) || desktop_egress_is_running(record)) {
		return CUA_OK;
	}
	return start(record, err);
}
