#include "agent/journal_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cua/base/util.h"

#define BALLAST_BYTES ((off_t)16 << 20)
#define RETRY_S 2

enum cua_status journal_disk_reserve(struct agent_journal *journal, struct cua_error *err)
{
	CUA_AUTO_FD int fd = openat(journal->dir_fd, "ballast",
			O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || (fallocate(fd, 0, 0, BALLAST_BYTES) != 0 && errno != EOPNOTSUPP)) {
		const int failed = errno;
		journal_disk_release(journal);
		return CUA_FAIL(err, CUA_ERR_IO, failed,
				"a run needs %d MiB of free disk to begin; %s",
				(int)(BALLAST_BYTES >> 20), journal->path);
	}
	return CUA_OK;
}

void journal_disk_release(struct agent_journal *journal)
{
	unlinkat(journal->dir_fd, "ballast", 0);
}

bool journal_disk_is_full(const struct cua_error *why)
{
	return why->sys_errno == ENOSPC || why->sys_errno == EDQUOT;
}

static void say_pause(const struct agent_journal *journal)
{
	CUA_AUTO_JSON cJSON *event = cJSON_CreateObject();
	char message[160];
	snprintf(message, sizeof(message),
			"the disk is full; the run goes on when there is room, and ends if there "
			"is "
			"none within %d s",
			journal->space_wait_s);
	cJSON_AddNumberToObject(event, "seq", 0);
	cJSON_AddStringToObject(event, "type", "pause");
	cJSON_AddStringToObject(event, "reason", "disk_full");
	cJSON_AddStringToObject(event, "message", message);
	if (event && journal->on_event) {
		journal->on_event(event, journal->user_data);
	}
}

static void give_up(struct agent_journal *journal)
{
	journal_disk_release(journal);
	journal->space_wait_s = 0;
}

enum cua_status journal_disk_wait(
		struct agent_journal *journal, uint64_t since_us, struct cua_error *err)
{
	const uint64_t deadline_us = since_us + (uint64_t)journal->space_wait_s * 1000000U;
	const struct itimerspec once = { .it_value.tv_sec = RETRY_S };
	CUA_AUTO_FD int timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (journal->paused_ms <= 0) {
		say_pause(journal);
	}
	if (timer_fd < 0 || timerfd_settime(timer_fd, 0, &once, NULL) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "timer");
	}
	struct pollfd fds[] = { { .fd = timer_fd, .events = POLLIN },
		{ .fd = journal->cancel_fd, .events = POLLIN } };
	int ready = 0;
	do {
		ready = poll(fds, CUA_ARRAY_LEN(fds), cua_ms_until(deadline_us));
	} while (ready < 0 && errno == EINTR);
	journal->paused_ms = (double)(cua_now_us() - since_us) / 1000.0;
	if (fds[1].revents) {
		give_up(journal);
		return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "interrupted while the disk was full");
	}
	if (cua_now_us() >= deadline_us) {
		give_up(journal);
		return CUA_FAIL(err, CUA_ERR_IO, ENOSPC, "no room in %d s",
				(int)(journal->paused_ms / 1000.0));
	}
	return CUA_OK;
}
