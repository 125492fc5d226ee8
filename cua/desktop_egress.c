#include "cua/desktop_egress.h"

#include <string.h>

#include "cua/egress/launch.h"

static enum cua_status start(struct desktop_record *record, struct cua_error *err)
{
	char folder[CUA_PATH_MAX + 32], log_path[CUA_PATH_MAX + 32], errors_path[CUA_PATH_MAX + 32];
	struct egress_launched launched;
	desktop_path(record, DESKTOP_EGRESS_FOLDER, folder, sizeof(folder));
	desktop_path(record, DESKTOP_EGRESS_LOG, log_path, sizeof(log_path));
	desktop_path(record, "egress.log", errors_path, sizeof(errors_path));
	const struct egress_launch launch = { .folder = folder,
		.log_path = log_path,
		.errors_path = errors_path,
		.list = desktop_allowed_names(&record->settings),
		.uid = record->uid,
		.life_fd = -1 };
	enum cua_status status = egress_launch_begin(&launch, &launched, err);
	if (status != CUA_OK) {
		return status;
	}
	record->egress = cua_process_identify(launched.pid);
	status = desktop_record_write_network(record, err);
	if (status == CUA_OK) {
		status = egress_launch_go(&launch, &launched, err);
	}
	egress_launch_finish(&launched);
	return status;
}

enum cua_status desktop_egress_start(struct desktop_record *record, struct cua_error *err)
{
	if (!desktop_allowed_names(&record->settings) || desktop_egress_is_running(record)) {
		return CUA_OK;
	}
	return start(record, err);
}
