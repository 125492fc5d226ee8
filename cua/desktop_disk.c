#include "cua/desktop_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/process.h"
#include "cua/base/util.h"

#define MKFS "/sbin/mkfs.ext4"
/* Somebody else may take the one that was free. */
#define LOOP_TRIES 16

/* Beside the homes, and without a name: nothing has to remove it. */
static enum cua_status open_image(
		const struct desktop_record *record, int *ret_fd, struct cua_error *err)
{
	char homes[CUA_PATH_MAX];
	snprintf(homes, sizeof(homes), "%s", record->home);
	*strrchr(homes, '/') = '\0';
	CUA_AUTO_FD int fd = open(homes, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, record->settings.limits.disk_bytes) != 0) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, errno, "a file in %s", homes);
	}
	*ret_fd = cua_steal_fd(&fd);
	return CUA_OK;
}

/* Nobody needs its journal after a crash, nor blocks that are kept for root. */
static enum cua_status format(
		const struct desktop_record *record, int image_fd, struct cua_error *err)
{
	char options[96];
	int code = 0;
	pid_t pid = 0;
	snprintf(options, sizeof(options), "lazy_itable_init=1,nodiscard,root_owner=%u:%u",
			(unsigned int)record->uid, (unsigned int)record->uid);
	const char *const argv[] = { MKFS, "-q", "-F", "-m", "0", "-O", "^has_journal", "-E",
		options, "/proc/self/fd/3", NULL };
	CUA_AUTO_FD int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct cua_fd_map fds[] = { { null_fd, 0 }, { null_fd, 1 }, { null_fd, 2 },
		{ image_fd, 3 } };
	const struct cua_spawn spawn = { .argv = argv,
		.exec_fd = -1,
		.cwd = "/",
		.fds = fds,
		.fd_count = (int)CUA_ARRAY_LEN(fds),
		.uid = (uid_t)-1 };
	enum cua_status status = cua_spawn(&spawn, &pid, err);
	if (status != CUA_OK) {
		return status;
	}
	while (waitpid(pid, &code, 0) < 0 && errno == EINTR) {
	}
	return WIFEXITED(code) && WEXITSTATUS(code) == 0
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, MKFS " failed");
}

/* Given back by the kernel when it is mounted nowhere any more. */
static enum cua_status open_loop(
		int image_fd, char *path, size_t size, int *ret_fd, struct cua_error *err)
{
	const struct loop_config config = { .fd = (uint32_t)image_fd,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR };
	CUA_AUTO_FD int control_fd = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	for (int i = 0; control_fd >= 0 && i < LOOP_TRIES; i++) {
		const int number = ioctl(control_fd, LOOP_CTL_GET_FREE);
		snprintf(path, size, "/dev/loop%d", number);
		CUA_AUTO_FD int fd = number < 0 ? -1 : open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &config) == 0) {
			*ret_fd = cua_steal_fd(&fd);
			return CUA_OK;
		}
		if (fd < 0 || errno != EBUSY) {
			break;
		}
	}
	return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, errno, "no loop device");
}

static enum cua_status mount_image(
		const struct desktop_record *record, int image_fd, struct cua_error *err)
{
	char loop[32], leftover[CUA_PATH_MAX + 16];
	CUA_AUTO_FD int loop_fd = -1;
	enum cua_status status = open_loop(image_fd, loop, sizeof(loop), &loop_fd, err);
	if (status != CUA_OK) {
		return status;
	}
	/* Its tables of files are made when they are needed, and not all of them in the background.
	 */
	if (mount(loop, record->home, "ext4", MS_NOSUID | MS_NODEV, "noinit_itable") != 0) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, errno, "mounting %s", loop);
	}
	snprintf(leftover, sizeof(leftover), "%s/lost+found", record->home);
	rmdir(leftover);
	return chmod(record->home, 0700) == 0
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_IO, errno, "%s", record->home);
}

enum cua_status desktop_disk_make(const struct desktop_record *record, struct cua_error *err)
{
	CUA_AUTO_FD int fd = -1;
	enum cua_status status = open_image(record, &fd, err);
	if (status == CUA_OK) {
		status = format(record, fd, err);
	}
	return status == CUA_OK ? mount_image(record, fd, err) : status;
}

enum cua_status desktop_disk_move(const char *from, const char *to, struct cua_error *err)
{
	if (mkdir(to, 0700) != 0 || mount(from, to, NULL, MS_BIND, NULL) != 0 ||
			umount2(from, MNT_DETACH | UMOUNT_NOFOLLOW) != 0 || rmdir(from) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s as %s", from, to);
	}
	return CUA_OK;
}

void desktop_disk_unmount(const char *home)
{
	while (geteuid() == 0 && umount2(home, MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
	}
}
