#include "agent/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "agent/report_internal.h"
#include "cua/base/util.h"

static enum cua_status write_page(
		const struct report *report, const char *name, struct cua_error *err)
{
	int fd = openat(report->run_dir_fd, name,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!out) {
		int failed = errno;
		cua_closep(&fd);
		return CUA_FAIL(err, CUA_ERR_IO, failed, "%s", name);
	}
	errno = 0;
	enum cua_status status = report_put_page(out, report, err);
	bool is_whole = fflush(out) == 0 && !ferror(out) && fsync(fd) == 0;
	int failed = errno;
	if (fclose(out) != 0 || !is_whole) {
		return CUA_FAIL(err, CUA_ERR_IO, failed ? failed : EIO, "%s", name);
	}
	return status;
}

enum cua_status agent_report_write(
		int run_dir_fd, const struct agent_redactor *redactor, struct cua_error *err)
{
	static const char temporary[] = ".report.html.part";
	struct report report = { .run_dir_fd = run_dir_fd, .redactor = redactor };
	enum cua_status status = report_read(&report, err);
	if (status == CUA_OK) {
		status = write_page(&report, temporary, err);
		if (status == CUA_OK &&
				renameat(run_dir_fd, temporary, run_dir_fd, "report.html") != 0) {
			status = CUA_FAIL(err, CUA_ERR_IO, errno, "rename");
		}
		if (status != CUA_OK) {
			unlinkat(run_dir_fd, temporary, 0);
		}
	}
	report_finish(&report);
	if (status != CUA_OK) {
		cua_error_prefix(err, "cannot write report.html");
	}
	return status;
}
