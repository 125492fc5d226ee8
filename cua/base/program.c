#include "cua/base/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/buffer.h"
#include "cua/base/file.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"

enum cua_status cua_read_ready(int fd, int timeout_ms, const char *who, const char *log_path,
		cJSON **ret_json, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer line;
	cua_buffer_init(&line, 4096);
	const uint64_t deadline_us = cua_now_us() + (uint64_t)timeout_ms * 1000U;
	while (!line.data || !strchr(line.data, '\n')) {
		char part[512];
		struct pollfd readable = { .fd = fd, .events = POLLIN };
		int ready = poll(&readable, 1, cua_ms_until(deadline_us));
		if (ready < 0 && errno == EINTR) {
			continue;
		}
		if (ready == 0) {
			return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "%s was not ready in %d s", who,
					timeout_ms / 1000);
		}
		ssize_t got = read(fd, part, sizeof(part));
		if (got <= 0) {
			char tail[300];
			cua_file_tail(log_path, tail, sizeof(tail));
			tail[strcspn(tail, "\n")] = '\0';
			return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "%s ended while starting%s%s",
					who, tail[0] ? ": " : "", tail);
		}
		enum cua_status status = cua_buffer_append(&line, part, (size_t)got, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(line.data);
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(json, "error");
	if (!json || cJSON_IsString(error)) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "%s: %.300s", who,
				error ? error->valuestring : "unreadable answer");
	}
	*ret_json = CUA_STEAL(json);
	return CUA_OK;
}

int cua_program_open(const char *name, struct cua_error *err)
{
	char path[CUA_PATH_MAX];
	if (cua_program_path(name, path, sizeof(path), err) != CUA_OK) {
		return -1;
	}
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		cua_error_set(err, CUA_ERR_IO, errno, "%s", path);
	}
	return fd;
}
