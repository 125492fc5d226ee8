#include "cua/picture/check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/process.h"
#include "cua/base/program.h"
#include "cua/base/util.h"

#define PROGRAM "cua-picture-check"
#define TIMEOUT_US 10000000U
#define TIMEOUT_S 10

/* A descriptor with the bytes, at its start; -1 if there is no memory. */
static int put(const void *bytes, size_t len)
{
	CUA_AUTO_FD int fd = memfd_create("picture", MFD_CLOEXEC);
	return fd >= 0 && cua_write_all(fd, bytes, len) && lseek(fd, 0, SEEK_SET) == 0
			? cua_steal_fd(&fd)
			: -1;
}

/* The environment has keys in it, which it does not get. */
static enum cua_status start(int picture_fd, int out_fd, pid_t *ret_pid, struct cua_error *err)
{
	static const char *const argv[] = { PROGRAM, NULL }, *const env[] = { NULL };
	static const struct cua_rlimit limits[] = { { RLIMIT_CPU, TIMEOUT_S }, { RLIMIT_CORE, 0 } };
	CUA_AUTO_FD int program_fd = cua_program_open(PROGRAM, err);
	CUA_AUTO_FD int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (program_fd < 0 || null_fd < 0) {
		return CUA_ERR_UNAVAILABLE;
	}
	const struct cua_fd_map fds[] = { { picture_fd, 0 }, { out_fd, 1 }, { null_fd, 2 } };
	const struct cua_spawn spawn = { .argv = argv,
		.envp = env,
		.exec_fd = program_fd,
		.cwd = "/",
		.fds = fds,
		.fd_count = (int)CUA_ARRAY_LEN(fds),
		.uid = (uid_t)-1,
		.new_session = true,
		.rlimits = limits,
		.rlimit_count = (int)CUA_ARRAY_LEN(limits),
		.oom_score_adj = CUA_OOM_SCORE_EXPENDABLE };
	return cua_spawn(&spawn, ret_pid, err);
}

/* What it says until it ends; false if it took too long. */
static bool hear(int fd, char *text, size_t size)
{
	const uint64_t deadline_us = cua_now_us() + TIMEOUT_US;
	size_t len = 0;
	for (;;) {
		struct pollfd readable = { .fd = fd, .events = POLLIN };
		const int ready = poll(&readable, 1, cua_ms_until(deadline_us));
		if (ready < 0 && errno == EINTR) {
			continue;
		}
		const ssize_t got = ready > 0 ? read(fd, text + len, size - 1 - len) : -1;
		len += got > 0 ? (size_t)got : 0;
		text[len] = '\0';
		if (got <= 0 || len == size - 1) {
			return got >= 0;
		}
	}
}

/* Its word goes to people and models, and it may be who took it over that speaks. */
static void make_plain(char *text)
{
	for (; *text; text++) {
		*text = *text >= ' ' && *text <= '~' ? *text : '?';
	}
}

enum cua_status cua_picture_check(const void *bytes, size_t len, struct cua_error *err)
{
	int out[2], code = 0;
	pid_t pid = 0;
	char said[sizeof(err->msg)] = "";
	CUA_AUTO_FD int picture_fd = put(bytes, len);
	if (picture_fd < 0 || pipe2(out, O_CLOEXEC) != 0) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, errno, "the picture cannot be checked");
	}
	CUA_AUTO_FD int said_fd = out[0];
	const enum cua_status status = start(picture_fd, out[1], &pid, err);
	close(out[1]);
	if (status != CUA_OK) {
		return CUA_ERR_UNAVAILABLE;
	}
	if (!hear(said_fd, said, sizeof(said))) {
		snprintf(said, sizeof(said), "the picture takes too long to decode");
	}
	kill(pid, SIGKILL);
	while (waitpid(pid, &code, 0) < 0 && errno == EINTR) {
	}
	make_plain(said);
	if (!said[0]) {
		snprintf(said, sizeof(said), "the picture cannot be decoded: its decoder failed");
	}
	return strcmp(said, CUA_PICTURE_IS_WELL) == 0 ? CUA_OK
						      : CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s", said);
}
