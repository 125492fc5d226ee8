#include "agent/journal_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/event.h"
#include "cua/base/util.h"

static enum cua_status open_events(int run_dir_fd, FILE **ret_file, struct cua_error *err)
{
	int fd = openat(run_dir_fd, "events.jsonl", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
	if (!file) {
		const int failed = errno;
		cua_closep(&fd);
		return CUA_FAIL(err, failed == ENOENT ? CUA_ERR_NOT_FOUND : CUA_ERR_IO, failed,
				"events.jsonl");
	}
	*ret_file = file;
	return CUA_OK;
}

static void close_filep(FILE **file)
{
	if (*file) {
		fclose(*file);
	}
}

#define AUTO_FILE __attribute__((cleanup(close_filep)))

enum cua_status agent_journal_scan(int run_dir_fd, agent_journal_line_fn on_line, void *user_data,
		struct agent_journal_scan *ret_scan, struct cua_error *err)
{
	struct agent_journal_scan scan = { 0 };
	struct stat info;
	CUA_AUTO_FREE char *line = NULL;
	size_t size = 0;
	ssize_t len = 0;
	AUTO_FILE FILE *file = NULL;
	enum cua_status status = open_events(run_dir_fd, &file, err);
	if (status != CUA_OK) {
		return status;
	}
	while ((len = getline(&line, &size, file)) > 0 &&
			agent_chain_follows(&scan.chain, line, (size_t)len)) {
		scan.seq++;
		scan.good_len += len;
		status = on_line ? on_line(line, (size_t)len, &scan, user_data, err) : CUA_OK;
		if (status != CUA_OK) {
			return status;
		}
	}
	if (ferror(file) || fstat(fileno(file), &info) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "events.jsonl");
	}
	scan.rest_len = info.st_size - scan.good_len;
	*ret_scan = scan;
	return CUA_OK;
}

enum cua_status agent_journal_each(int run_dir_fd, agent_journal_event_fn on_event, void *user_data,
		struct cua_error *err)
{
	CUA_AUTO_FREE char *line = NULL;
	size_t size = 0;
	ssize_t len = 0;
	AUTO_FILE FILE *file = NULL;
	enum cua_status status = open_events(run_dir_fd, &file, err);
	while (status == CUA_OK && (len = getline(&line, &size, file)) > 0) {
		CUA_AUTO_JSON cJSON *event = agent_event_parse(line, (size_t)len);
		if (cJSON_IsObject(event)) {
			status = on_event(&event, user_data, err);
		}
	}
	return status == CUA_OK && ferror(file) ? CUA_FAIL(err, CUA_ERR_IO, errno, "events.jsonl")
						: status;
}

static enum cua_status add_to_list(cJSON **event, void *user_data, struct cua_error *err)
{
	cJSON *list = user_data;
	if (!cJSON_AddItemToArray(list, *event)) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "events.jsonl");
	}
	*event = NULL;
	return CUA_OK;
}

enum cua_status agent_journal_events(int run_dir_fd, cJSON **ret_events, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *events = cJSON_CreateArray();
	enum cua_status status = events ? agent_journal_each(run_dir_fd, add_to_list, events, err)
					: CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "events.jsonl");
	if (status == CUA_OK) {
		*ret_events = CUA_STEAL(events);
	}
	return status;
}

bool agent_journal_is_held(int run_dir_fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	CUA_AUTO_FD int fd = openat(run_dir_fd, "events.jsonl", O_RDONLY | O_CLOEXEC);
	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}
