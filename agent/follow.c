#include "agent/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "agent/event.h"
#include "agent/journal_read.h"
#include "cua/base/buffer.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

#define LINE_MAX_LEN ((size_t)256 << 20) /* a turn may quote a large answer */
#define LOCK_GOES_MS 20
#define READ_LEN ((size_t)64 << 10)

struct follower {
	int dir_fd, events_fd, notify_fd;
	struct cua_buffer line; /* begun, not yet ended */
	bool has_ended;         /* the last event was run_end */
	bool has_closed;        /* somebody who could write has closed the journal */
	void (*on_event)(const cJSON *event, void *user_data);
	void *user_data;
};

static void take_line(struct follower *follower, const char *line, size_t len)
{
	CUA_AUTO_JSON cJSON *event = agent_event_parse(line, len);
	if (cua_json_text(event, "type")[0]) {
		follower->has_ended = agent_event_is(event, "run_end");
		follower->on_event(event, follower->user_data);
	}
}

static enum cua_status take_bytes(
		struct follower *follower, const char *bytes, size_t len, struct cua_error *err)
{
	const char *end = NULL;
	while ((end = memchr(bytes, '\n', len))) {
		const size_t part = (size_t)(end - bytes);
		enum cua_status status = cua_buffer_append(&follower->line, bytes, part, err);
		if (status != CUA_OK) {
			return status;
		}
		take_line(follower, follower->line.data ? follower->line.data : "",
				follower->line.len);
		cua_buffer_clear(&follower->line);
		bytes += part + 1;
		len -= part + 1;
	}
	return cua_buffer_append(&follower->line, bytes, len, err);
}

static enum cua_status read_news(struct follower *follower, struct cua_error *err)
{
	static _Thread_local char bytes[READ_LEN];
	for (;;) {
		const ssize_t got = read(follower->events_fd, bytes, sizeof(bytes));
		if (got < 0 && errno != EINTR) {
			return CUA_FAIL(err, CUA_ERR_IO, errno, "events.jsonl");
		}
		if (got == 0) {
			return CUA_OK;
		}
		enum cua_status status =
				got > 0 ? take_bytes(follower, bytes, (size_t)got, err) : CUA_OK;
		if (status != CUA_OK) {
			return status;
		}
	}
}

static enum cua_status watch(struct follower *follower, struct cua_error *err)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", follower->events_fd);
	follower->notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (follower->notify_fd < 0 ||
			inotify_add_watch(follower->notify_fd, path, IN_MODIFY | IN_CLOSE_WRITE) <
					0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "watching events.jsonl");
	}
	return CUA_OK;
}

/* The end of a writer is an event too: the kernel closes what it had open. It tells so a moment
 * before it lets go of the lock, so after a close the lock is looked at again without news. */
static enum cua_status wait_for_news(
		struct follower *follower, int cancel_fd, struct cua_error *err)
{
	if (follower->notify_fd < 0) {
		return watch(follower, err); /* what came before is to be read once more */
	}
	const int timeout_ms = follower->has_closed ? LOCK_GOES_MS : -1;
	struct pollfd fds[] = { { .fd = follower->notify_fd, .events = POLLIN },
		{ .fd = cancel_fd, .events = POLLIN } };
	while (poll(fds, CUA_ARRAY_LEN(fds), timeout_ms) < 0) {
		if (errno != EINTR) {
			return CUA_FAIL(err, CUA_ERR_IO, errno, "poll");
		}
	}
	if (fds[1].revents) {
		return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "cancelled");
	}
	follower->has_closed = false;
	for (struct inotify_event event;
			read(follower->notify_fd, &event, sizeof(event)) == sizeof(event);) {
		follower->has_closed = follower->has_closed || event.mask & IN_CLOSE_WRITE;
	}
	return CUA_OK;
}

static enum cua_status follow(struct follower *follower, int cancel_fd, struct cua_error *err)
{
	for (;;) {
		/* Asked first: what a process wrote before its end is read below. */
		const bool is_held = agent_journal_is_held(follower->dir_fd);
		enum cua_status status = read_news(follower, err);
		if (status == CUA_OK && !is_held) {
			return follower->has_ended
					? CUA_OK
					: CUA_FAIL(err, CUA_ERR_CLOSED, 0, "its process is gone");
		}
		if (status == CUA_OK) {
			status = wait_for_news(follower, cancel_fd, err);
		}
		if (status != CUA_OK) {
			return status;
		}
	}
}

static enum cua_status open_all(
		struct follower *follower, const char *run_dir, struct cua_error *err)
{
	follower->dir_fd = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (follower->dir_fd < 0) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, errno, "%s", run_dir);
	}
	follower->events_fd = openat(follower->dir_fd, "events.jsonl", O_RDONLY | O_CLOEXEC);
	if (follower->events_fd < 0) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, errno, "%s/events.jsonl", run_dir);
	}
	return CUA_OK;
}

enum cua_status agent_follow(const char *run_dir, int cancel_fd,
		void (*on_event)(const cJSON *event, void *user_data), void *user_data,
		struct cua_error *err)
{
	struct follower follower = { .dir_fd = -1,
		.events_fd = -1,
		.notify_fd = -1,
		.on_event = on_event,
		.user_data = user_data };
	cua_buffer_init(&follower.line, LINE_MAX_LEN);
	enum cua_status status = open_all(&follower, run_dir, err);
	if (status == CUA_OK) {
		status = follow(&follower, cancel_fd, err);
	}
	cua_buffer_finish(&follower.line);
	cua_closep(&follower.notify_fd);
	cua_closep(&follower.events_fd);
	cua_closep(&follower.dir_fd);
	return status;
}
