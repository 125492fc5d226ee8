/* Who starts something now goes before the spare desktops of those who may come; of those who would
 * refill the pool, one waits. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/desktop_pool_internal.h"

/* Of a start that hangs, or was stopped by a signal, nobody waits for the end. */
#define WAIT_MAX_US 10000000U

static bool path_of(const char *name, char *path, size_t size)
{
	if (cua_runtime_dir(path, size - 16, NULL) != CUA_OK) {
		return false;
	}
	snprintf(path + strlen(path), 16, "/%s", name);
	return true;
}

int desktop_pool_hold(void)
{
	char path[CUA_PATH_MAX];
	CUA_AUTO_FD int fd = path_of("starting", path, sizeof(path))
			? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)
			: -1;
	/* Never waits long: who looks whether it is held gives it up at once. */
	return fd >= 0 && flock(fd, LOCK_SH) == 0 ? cua_steal_fd(&fd) : -1;
}

/* Given up before it is closed: closing is what others are told of. */
void desktop_pool_release(int *fd)
{
	if (*fd >= 0) {
		(void)flock(*fd, LOCK_UN);
		close(cua_steal_fd(fd));
	}
}

void desktop_pool_await_starts(void)
{
	char path[CUA_PATH_MAX], events[4096];
	const uint64_t deadline_us = cua_now_us() + WAIT_MAX_US;
	CUA_AUTO_FD int watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	CUA_AUTO_FD int fd = path_of("starting", path, sizeof(path))
			? open(path, O_RDONLY | O_CLOEXEC)
			: -1;
	if (fd < 0 || watch_fd < 0 || inotify_add_watch(watch_fd, path, IN_CLOSE_WRITE) < 0) {
		return; /* nobody has held it so far */
	}
	struct pollfd closed = { .fd = watch_fd, .events = POLLIN };
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		const uint64_t now_us = cua_now_us();
		if (now_us >= deadline_us ||
				(poll(&closed, 1, (int)((deadline_us - now_us) / 1000) + 1) < 0 &&
						errno != EINTR)) {
			return;
		}
		(void)!read(watch_fd, events, sizeof(events));
	}
}

/* Unlike those of flock(), these locks can be asked for without being taken. */
static struct flock whole_file(void)
{
	return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
}

int desktop_pool_take_turn(void)
{
	char path[CUA_PATH_MAX];
	struct flock lock = whole_file();
	CUA_AUTO_FD int fd = path_of("refilling", path, sizeof(path))
			? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)
			: -1;
	return fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) == 0 ? cua_steal_fd(&fd) : -1;
}

bool desktop_pool_turn_is_taken(void)
{
	char path[CUA_PATH_MAX];
	struct flock lock = whole_file();
	CUA_AUTO_FD int fd = path_of("refilling", path, sizeof(path))
			? open(path, O_RDWR | O_CLOEXEC)
			: -1;
	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}
