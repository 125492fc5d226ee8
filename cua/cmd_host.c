/* cua host: the desktop host. Started by cua desktop start. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <bsd/unistd.h>

#include "cua/api/desktop_api.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/desktop_host.h"
#include "display/guard.h"

#define MESSAGE_TIMEOUT_S 2
#define LOCK_WAIT_US 5000000U

static void interrupt(int number)
{
	(void)number;
}

/* What is left of a host that was killed may have the lock for another moment: its guard, which has
 * not come to closing what it inherited. */
static bool lock_in_time(int fd)
{
	const struct sigaction action = {
		.sa_handler = interrupt
	}; /* ends a wait: no SA_RESTART */
	const struct itimerval every_second = { { 1, 0 }, { 1, 0 } }, never = { 0 };
	const uint64_t deadline_us = cua_now_us() + LOCK_WAIT_US;
	bool is_locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
	if (is_locked) {
		return true;
	}
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every_second, NULL);
	while (!is_locked && cua_now_us() < deadline_us) {
		is_locked = flock(fd, LOCK_EX) == 0;
	}
	setitimer(ITIMER_REAL, &never, NULL);
	signal(SIGALRM, SIG_DFL);
	return is_locked;
}

/* Two starts of one name at once must not give the desktop two hosts. The folder of the desktop is
 * the lock; it is the host's until it ends, whichever way. */
static int lock_desktop(const struct desktop_record *record, int ready_fd)
{
	CUA_AUTO_FD int fd = open(record->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || !lock_in_time(fd)) {
		dprintf(ready_fd,
				"{\"error\": \"desktop %s has another host, or is just "
				"getting one\"}\n",
				record->name);
		return -1;
	}
	return cua_steal_fd(&fd);
}

/* One message; false if it is none, or if nothing comes. The descriptor is the caller's. */
static bool read_message(int listen_fd, cJSON **ret_message, int *ret_fd)
{
	const struct timeval patience = { .tv_sec = MESSAGE_TIMEOUT_S };
	char text[DESKTOP_HOST_MESSAGE_MAX + 1];
	int fds[CUA_UNIX_FDS_MAX] = { -1, -1, -1, -1 };
	size_t len = 0;
	CUA_AUTO_FD int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0 ||
			cua_unix_recv(fd, text, sizeof(text) - 1, &len, fds, NULL) != CUA_OK) {
		return false;
	}
	text[len] = '\0';
	CUA_AUTO_JSON cJSON *message = cJSON_Parse(text);
	for (int i = 1; i < CUA_UNIX_FDS_MAX; i++) {
		cua_closep(&fds[i]);
	}
	if (!cJSON_IsString(cJSON_GetObjectItemCaseSensitive(message, "name")) ||
			!cJSON_IsString(cJSON_GetObjectItemCaseSensitive(message, "log"))) {
		cua_closep(&fds[0]);
		return false;
	}
	*ret_message = CUA_STEAL(message);
	*ret_fd = fds[0];
	return *ret_fd >= 0;
}

/* The spare desktop gets its name later, by cua desktop start, from whoever may open its folder:
 * with it the pipe for being ready, and how much is to be logged. */
static enum cua_status wait_for_name(
		struct desktop_record *record, int *ready_fd, struct cua_error *err)
{
	char path[CUA_PATH_MAX + 16];
	CUA_AUTO_FD int listen_fd = -1;
	CUA_AUTO_JSON cJSON *message = NULL;
	desktop_path(record, DESKTOP_HOST_SOCKET, path, sizeof(path));
	enum cua_status status = cua_unix_listen(path, SOCK_SEQPACKET, 0600, &listen_fd, err);
	if (status != CUA_OK) {
		return status;
	}
	dprintf(*ready_fd, "{\"waiting\": true}\n");
	cua_closep(ready_fd);
	struct pollfd waiting = { .fd = listen_fd, .events = POLLIN };
	do {
		cJSON_Delete(CUA_STEAL(message));
		if (poll(&waiting, 1, -1) < 0 && errno != EINTR) {
			return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
		}
	} while (!read_message(listen_fd, &message, ready_fd));
	const char *name = cJSON_GetObjectItemCaseSensitive(message, "name")->valuestring;
	const char *log = cJSON_GetObjectItemCaseSensitive(message, "log")->valuestring;
	setenv("CUA_LOG", log, 1); /* nothing was logged yet */
	setproctitle("-cua-host --name %s ", name);
	status = desktop_record_read(name, record, err);
	desktop_path(record, DESKTOP_HOST_SOCKET, path, sizeof(path));
	unlink(path);
	return status;
}

int cua_cmd_host(int argc, char **argv)
{
	static const struct option options[] = { { "name", required_argument, NULL, 'n' },
		{ "ready-fd", required_argument, NULL, 'r' },
		{ "go-fd", required_argument, NULL, 'g' }, { 0 } };
	setproctitle_init(argc, argv, environ);
	const char *name = NULL;
	int ready_fd = -1, go_fd = -1;
	char go;
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option == 'n') {
			name = optarg;
		} else if (option == 'r') {
			ready_fd = (int)strtol(optarg, NULL, 10);
		} else if (option == 'g') {
			go_fd = (int)strtol(optarg, NULL, 10);
		} else {
			return CUA_EXIT_USAGE;
		}
	}
	struct desktop_record record;
	struct cua_error error = { 0 };
	if (!name || ready_fd < 0 || go_fd < 0) {
		return CUA_EXIT_USAGE;
	}
	if (desktop_record_read(name, &record, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	CUA_AUTO_FD int lock_fd = lock_desktop(&record, ready_fd);
	if (lock_fd < 0) {
		return CUA_EXIT_FAILED;
	}
	/* The desktop starts meanwhile; the end of the pipe means that it never will be there. */
	if (read(go_fd, &go, 1) != 1) {
		return CUA_EXIT_FAILED;
	}
	close(go_fd);
	const enum cua_status status = go == DESKTOP_HOST_WAIT
			? wait_for_name(&record, &ready_fd, &error)
			: desktop_record_read(name, &record, &error);
	if (status != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	struct display_guard guard;
	if (display_guard_start(&record, &guard, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	const int result = desktop_host_run(&record, ready_fd);
	display_guard_stop(&guard);
	return result;
}
