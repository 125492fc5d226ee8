#include "agent/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/buffer.h"
#include "cua/base/util.h"

#define EVENTS_MAX ((size_t)1 << 30)

static enum cua_status read_file(
		int dir_fd, const char *name, struct cua_buffer *buffer, struct cua_error *err)
{
	CUA_AUTO_FD int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return CUA_FAIL(err, errno == ENOENT ? CUA_ERR_NOT_FOUND : CUA_ERR_IO, errno, "%s",
				name);
	}
	char chunk[65536];
	ssize_t len = 0;
	enum cua_status status = CUA_OK;
	while (status == CUA_OK && (len = read(fd, chunk, sizeof(chunk))) > 0) {
		status = cua_buffer_append(buffer, chunk, (size_t)len, err);
	}
	return len < 0 ? CUA_FAIL(err, CUA_ERR_IO, errno, "%s", name) : status;
}

/* A line that is not JSON was torn by a crash; the rest still tells the story. */
static enum cua_status read_events(int run_dir_fd, cJSON *events, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, EVENTS_MAX);
	enum cua_status status = read_file(run_dir_fd, "events.jsonl", &text, err);
	const char *at = text.data ? text.data : "", *end = at + text.len;
	while (status == CUA_OK && at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = newline ? (size_t)(newline - at) : (size_t)(end - at);
		cJSON *event = cJSON_ParseWithLength(at, len);
		if (cJSON_IsObject(event)) {
			cJSON_AddItemToArray(events, event);
		} else {
			cJSON_Delete(event);
		}
		at += len + 1;
	}
	return status;
}

static enum cua_status write_page(
		int run_dir_fd, const char *name, const cJSON *events, struct cua_error *err)
{
	int fd = openat(run_dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			0600);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!out) {
		int failed = errno;
		cua_closep(&fd);
		return CUA_FAIL(err, CUA_ERR_IO, failed, "%s", name);
	}
	errno = 0;
	agent_report_page(out, events, run_dir_fd);
	bool is_whole = fflush(out) == 0 && !ferror(out) && fsync(fd) == 0;
	int failed = errno;
	if (fclose(out) != 0 || !is_whole) {
		return CUA_FAIL(err, CUA_ERR_IO, failed ? failed : EIO, "%s", name);
	}
	return CUA_OK;
}

enum cua_status agent_report_write(int run_dir_fd, struct cua_error *err)
{
	static const char temporary[] = ".report.html.part";
	CUA_AUTO_JSON cJSON *events = cJSON_CreateArray();
	enum cua_status status = events ? read_events(run_dir_fd, events, err)
					: CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "events");
	if (status == CUA_OK) {
		status = write_page(run_dir_fd, temporary, events, err);
		if (status == CUA_OK &&
				renameat(run_dir_fd, temporary, run_dir_fd, "report.html") != 0) {
			status = CUA_FAIL(err, CUA_ERR_IO, errno, "rename");
		}
		if (status != CUA_OK) {
			unlinkat(run_dir_fd, temporary, 0);
		}
	}
	if (status != CUA_OK) {
		cua_error_prefix(err, "cannot write report.html");
	}
	return status;
}
